//! UDP (RFC 768) over both families.

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::ParseError;
use crate::checksum::Sum;

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 8;
/// UDP's number as an IP protocol.
pub const PROTOCOL: u8 = 17;

/// Between whom a datagram or segment travels: the part of its checksum that is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoints {
    /// Source and destination of an IPv4 packet.
    V4(Ipv4Addr, Ipv4Addr),
    /// Source and destination of an IPv6 packet.
    V6(Ipv6Addr, Ipv6Addr),
}

impl Endpoints {
    /// The pseudo header for `length` bytes of `protocol`, at most 65535.
    pub(crate) fn pseudo_header(self, protocol: u8, length: u32) -> Sum {
        match self {
            Endpoints::V4(source, destination) => {
                Sum::ZERO.pseudo_header_v4(source, destination, protocol, length as u16)
            }
            Endpoints::V6(source, destination) => {
                Sum::ZERO.pseudo_header_v6(source, destination, protocol, length)
            }
        }
    }

    /// IPv6 forbids datagrams without a checksum (RFC 8200 section 8.1).
    fn checksum_is_optional(self) -> bool {
        matches!(self, Endpoints::V4(..))
    }
}

/// A view of a datagram. Bytes after the datagram's length are ignored.
#[derive(Clone, Copy, Debug)]
pub struct Packet<T>(T);

impl<T: AsRef<[u8]>> Packet<T> {
    /// Wraps `bytes` when the length field makes sense.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] or [`ParseError::TotalLength`].
    pub fn new_checked(bytes: T) -> Result<Self, ParseError> {
        let slice = bytes.as_ref();
        if slice.len() < HEADER_LEN {
            return Err(ParseError::Truncated);
        }
        let length = usize::from(u16::from_be_bytes([slice[4], slice[5]]));
        if length < HEADER_LEN {
            return Err(ParseError::TotalLength);
        }
        if slice.len() < length {
            return Err(ParseError::Truncated);
        }
        Ok(Packet(bytes))
    }

    fn word(&self, at: usize) -> u16 {
        let bytes = self.0.as_ref();
        u16::from_be_bytes([bytes[at], bytes[at + 1]])
    }

    /// The sender's port.
    pub fn source_port(&self) -> u16 {
        self.word(0)
    }

    /// The receiver's port.
    pub fn destination_port(&self) -> u16 {
        self.word(2)
    }

    /// Length of header and payload, in bytes.
    pub fn length(&self) -> usize {
        usize::from(self.word(4))
    }

    /// The checksum as it stands there; 0: none.
    pub fn checksum(&self) -> u16 {
        self.word(6)
    }

    /// What follows the header.
    pub fn payload(&self) -> &[u8] {
        &self.0.as_ref()[HEADER_LEN..self.length()]
    }

    /// Whether the checksum is right, or absent where it may be.
    pub fn checksum_is_right(&self, endpoints: Endpoints) -> bool {
        if self.checksum() == 0 {
            return endpoints.checksum_is_optional();
        }
        let bytes = &self.0.as_ref()[..self.length()];
        endpoints
            .pseudo_header(PROTOCOL, u32::from(self.word(4)))
            .bytes(bytes)
            .finish()
            == 0
    }
}

/// The parsed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
}

impl Repr {
    /// Reads a header and checks the checksum.
    ///
    /// # Errors
    /// [`ParseError::Checksum`] when it does not match.
    pub fn parse<T: AsRef<[u8]>>(packet: &Packet<T>, endpoints: Endpoints) -> Result<Repr, ParseError> {
        if !packet.checksum_is_right(endpoints) {
            return Err(ParseError::Checksum);
        }
        Ok(Repr {
            source_port: packet.source_port(),
            destination_port: packet.destination_port(),
        })
    }

    /// Bytes that [`Repr::emit`] writes for a payload of `payload_len` bytes.
    pub const fn buffer_len(&self, payload_len: usize) -> usize {
        HEADER_LEN + payload_len
    }

    /// Writes header and payload to the start of `buffer`, with a checksum.
    ///
    /// # Panics
    /// When `buffer` is shorter than [`Repr::buffer_len`], or the datagram exceeds 65535 bytes.
    pub fn emit(&self, buffer: &mut [u8], payload: &[u8], endpoints: Endpoints) {
        let length = self.buffer_len(payload.len());
        assert!(
            length <= usize::from(u16::MAX),
            "a datagram has at most 65535 bytes"
        );
        let buffer = &mut buffer[..length];
        buffer[0..2].copy_from_slice(&self.source_port.to_be_bytes());
        buffer[2..4].copy_from_slice(&self.destination_port.to_be_bytes());
        buffer[4..6].copy_from_slice(&(length as u16).to_be_bytes());
        buffer[6..8].fill(0);
        buffer[HEADER_LEN..].copy_from_slice(payload);
        // Zero means "no checksum", so a sum that comes out as zero is sent as its other representation.
        let checksum = match endpoints
            .pseudo_header(PROTOCOL, length as u32)
            .bytes(buffer)
            .finish()
        {
            0 => 0xffff,
            checksum => checksum,
        };
        buffer[6..8].copy_from_slice(&checksum.to_be_bytes());
    }
}
