//! Ethernet II frames, without the frame check sequence, as network devices hand them over.

use crate::{MacAddress, ParseError};

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 14;
/// The shortest frame without its check sequence, in bytes; shorter ones are padded by the sender (IEEE 802.3).
pub const FRAME_LEN_MIN: usize = 60;

/// What a frame carries (IEEE 802 numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: EtherType = EtherType(0x0800);
    /// Address resolution (RFC 826).
    pub const ARP: EtherType = EtherType(0x0806);
    /// A VLAN tag (IEEE 802.1Q).
    pub const VLAN: EtherType = EtherType(0x8100);
    /// A service VLAN tag (IEEE 802.1ad).
    pub const SERVICE_VLAN: EtherType = EtherType(0x88a8);
    /// IPv6.
    pub const IPV6: EtherType = EtherType(0x86dd);
}

/// A view of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<T>(T);

impl<T: AsRef<[u8]>> Frame<T> {
    /// Wraps `bytes` when they hold a whole header.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] for fewer than [`HEADER_LEN`] bytes.
    pub fn new_checked(bytes: T) -> Result<Self, ParseError> {
        if bytes.as_ref().len() < HEADER_LEN {
            Err(ParseError::Truncated)
        } else {
            Ok(Frame(bytes))
        }
    }

    /// Who shall receive it.
    pub fn destination(&self) -> MacAddress {
        mac(&self.0.as_ref()[0..6])
    }

    /// Who sent it.
    pub fn source(&self) -> MacAddress {
        mac(&self.0.as_ref()[6..12])
    }

    /// What it carries. Values below 0x0600 are the length of an 802.3 frame.
    pub fn ether_type(&self) -> EtherType {
        let bytes = self.0.as_ref();
        EtherType(u16::from_be_bytes([bytes[12], bytes[13]]))
    }

    /// What follows the header, padding included.
    pub fn payload(&self) -> &[u8] {
        &self.0.as_ref()[HEADER_LEN..]
    }

    /// Gives the bytes back.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Frame<T> {
    /// Sets the receiver.
    pub fn set_destination(&mut self, address: MacAddress) {
        self.0.as_mut()[0..6].copy_from_slice(&address.0);
    }

    /// Sets the sender.
    pub fn set_source(&mut self, address: MacAddress) {
        self.0.as_mut()[6..12].copy_from_slice(&address.0);
    }

    /// Sets what it carries.
    pub fn set_ether_type(&mut self, ether_type: EtherType) {
        self.0.as_mut()[12..14].copy_from_slice(&ether_type.0.to_be_bytes());
    }

    /// What follows the header, for writing.
    pub fn payload_mut(&mut self) -> &mut [u8] {
        &mut self.0.as_mut()[HEADER_LEN..]
    }
}

fn mac(bytes: &[u8]) -> MacAddress {
    let mut octets = [0; 6];
    octets.copy_from_slice(bytes);
    MacAddress(octets)
}

/// The parsed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Who shall receive the frame.
    pub destination: MacAddress,
    /// Who sends it.
    pub source: MacAddress,
    /// What it carries.
    pub ether_type: EtherType,
}

impl Repr {
    /// Reads a header.
    ///
    /// # Errors
    /// [`ParseError::Unsupported`] for an IEEE 802.3 frame, which has a length where the type would be.
    pub fn parse<T: AsRef<[u8]>>(frame: &Frame<T>) -> Result<Repr, ParseError> {
        let ether_type = frame.ether_type();
        if ether_type.0 < 0x0600 {
            return Err(ParseError::Unsupported("ether type"));
        }
        Ok(Repr {
            destination: frame.destination(),
            source: frame.source(),
            ether_type,
        })
    }

    /// Bytes that [`Repr::emit`] writes.
    pub const fn buffer_len(&self) -> usize {
        HEADER_LEN
    }

    /// Writes the header to the start of `buffer`.
    ///
    /// # Panics
    /// When `buffer` is shorter than [`Repr::buffer_len`].
    pub fn emit(&self, buffer: &mut [u8]) {
        let mut frame = Frame(&mut buffer[..HEADER_LEN]);
        frame.set_destination(self.destination);
        frame.set_source(self.source);
        frame.set_ether_type(self.ether_type);
    }
}
