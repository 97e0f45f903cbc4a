//! TCP segments (RFC 9293) over both families.
//!
//! ```text
//! |          source port          |       destination port        |
//! |                        sequence number                        |
//! |                    acknowledgement number                     |
//! | length|       |    flags      |            window             |
//! |           checksum            |        urgent pointer         |
//! |                     options, 0 to 40 bytes                    |
//! ```

mod options;

pub use crate::udp::Endpoints;
pub use options::{Options, SegmentOption, options};

use core::ops::BitOr;

use crate::ParseError;

/// Length of a header without options, in bytes.
pub const HEADER_LEN: usize = 20;
/// Length of the longest header, in bytes.
pub const HEADER_LEN_MAX: usize = 60;
/// TCP's number as an IP protocol.
pub const PROTOCOL: u8 = 6;
/// The MSS of a peer that announces none (RFC 9293 section 3.7.1), in bytes.
pub const MSS_DEFAULT: u16 = 536;
/// The largest window shift (RFC 7323 section 2.3).
pub const WINDOW_SHIFT_MAX: u8 = 14;

/// Control bits of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: Flags = Flags(0x01);
    /// Synchronize sequence numbers.
    pub const SYN: Flags = Flags(0x02);
    /// Reset the connection.
    pub const RST: Flags = Flags(0x04);
    /// Hand what was received to the application.
    pub const PSH: Flags = Flags(0x08);
    /// The acknowledgement number means something.
    pub const ACK: Flags = Flags(0x10);

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Flags {
    type Output = Flags;
    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// A view of a segment. TCP has no length field: the bytes end where the segment ends.
#[derive(Clone, Copy, Debug)]
pub struct Packet<T>(T);

impl<T: AsRef<[u8]>> Packet<T> {
    /// Wraps `bytes` when the header's length makes sense; the checksum is not looked at.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] or [`ParseError::HeaderLength`].
    pub fn new_checked(bytes: T) -> Result<Self, ParseError> {
        let slice = bytes.as_ref();
        if slice.len() < HEADER_LEN {
            return Err(ParseError::Truncated);
        }
        let header_len = usize::from(slice[12] >> 4) * 4;
        if header_len < HEADER_LEN {
            return Err(ParseError::HeaderLength);
        }
        if slice.len() < header_len {
            return Err(ParseError::Truncated);
        }
        Ok(Packet(bytes))
    }

    fn word(&self, at: usize) -> u16 {
        let bytes = self.0.as_ref();
        u16::from_be_bytes([bytes[at], bytes[at + 1]])
    }

    fn long(&self, at: usize) -> u32 {
        u32::from(self.word(at)) << 16 | u32::from(self.word(at + 2))
    }

    /// The sender's port.
    pub fn source_port(&self) -> u16 {
        self.word(0)
    }

    /// The receiver's port.
    pub fn destination_port(&self) -> u16 {
        self.word(2)
    }

    /// Number of the first byte of the payload, or of the SYN.
    pub fn sequence(&self) -> u32 {
        self.long(4)
    }

    /// Number of the byte that the sender expects next; means something only with [`Flags::ACK`].
    pub fn acknowledgement(&self) -> u32 {
        self.long(8)
    }

    /// Length of the header with its options, in bytes.
    pub fn header_len(&self) -> usize {
        usize::from(self.0.as_ref()[12] >> 4) * 4
    }

    /// The control bits.
    pub fn flags(&self) -> Flags {
        Flags(self.0.as_ref()[13])
    }

    /// The window as it stands there: not scaled.
    pub fn window(&self) -> u16 {
        self.word(14)
    }

    /// The checksum as it stands there.
    pub fn checksum(&self) -> u16 {
        self.word(16)
    }

    /// The options, padding included.
    pub fn option_bytes(&self) -> &[u8] {
        &self.0.as_ref()[HEADER_LEN..self.header_len()]
    }

    /// The options one by one, up to the first that is malformed.
    pub fn options(&self) -> Options<'_> {
        options(self.option_bytes())
    }

    /// What follows the header.
    pub fn payload(&self) -> &[u8] {
        &self.0.as_ref()[self.header_len()..]
    }

    /// What the segment takes of the sequence space: its payload, SYN and FIN.
    pub fn sequence_len(&self) -> u32 {
        let flags = self.flags();
        let control = u32::from(flags.contains(Flags::SYN)) + u32::from(flags.contains(Flags::FIN));
        // A segment is shorter than 65536 bytes.
        self.payload().len() as u32 + control
    }

    /// Whether the checksum is right.
    pub fn checksum_is_right(&self, endpoints: Endpoints) -> bool {
        let bytes = self.0.as_ref();
        endpoints
            .pseudo_header(PROTOCOL, bytes.len() as u32)
            .bytes(bytes)
            .finish()
            == 0
    }
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Packet<T> {
    fn set_word(&mut self, at: usize, value: u16) {
        self.0.as_mut()[at..at + 2].copy_from_slice(&value.to_be_bytes());
    }

    /// Sets the sequence number; the checksum is left as it is.
    pub fn set_sequence(&mut self, sequence: u32) {
        self.0.as_mut()[4..8].copy_from_slice(&sequence.to_be_bytes());
    }

    /// Sets the acknowledgement number; the checksum is left as it is.
    pub fn set_acknowledgement(&mut self, acknowledgement: u32) {
        self.0.as_mut()[8..12].copy_from_slice(&acknowledgement.to_be_bytes());
    }

    /// Sets the control bits; the checksum is left as it is.
    pub fn set_flags(&mut self, flags: Flags) {
        self.0.as_mut()[13] = flags.0;
    }

    /// Sets the window; the checksum is left as it is.
    pub fn set_window(&mut self, window: u16) {
        self.set_word(14, window);
    }

    /// The options, for writing; the checksum is left as it is.
    pub fn option_bytes_mut(&mut self) -> &mut [u8] {
        let end = self.header_len();
        &mut self.0.as_mut()[HEADER_LEN..end]
    }

    /// Computes the checksum and writes it.
    pub fn fill_checksum(&mut self, endpoints: Endpoints) {
        self.set_word(16, 0);
        let bytes = self.0.as_ref();
        let sum = endpoints.pseudo_header(PROTOCOL, bytes.len() as u32).bytes(bytes);
        self.set_word(16, sum.finish());
    }
}

/// The parsed header, with the options that a handshake needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repr {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// Number of the first byte of the payload, or of the SYN.
    pub sequence: u32,
    /// Number of the byte that the sender expects next; zero without [`Flags::ACK`].
    pub acknowledgement: u32,
    /// The control bits.
    pub flags: Flags,
    /// The window, not scaled.
    pub window: u16,
    /// The largest payload that the sender takes, in bytes.
    pub mss: Option<u16>,
    /// By how many bits the sender's windows are to be shifted.
    pub window_shift: Option<u8>,
    /// Whether the sender understands selective acknowledgements.
    pub sack_permitted: bool,
    /// The digest of RFC 2385.
    pub md5: Option<[u8; 16]>,
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
        Ok(Repr::of(packet))
    }

    /// Reads a header; the checksum is not looked at.
    pub fn of<T: AsRef<[u8]>>(packet: &Packet<T>) -> Repr {
        let flags = packet.flags();
        let mut repr = Repr {
            source_port: packet.source_port(),
            destination_port: packet.destination_port(),
            sequence: packet.sequence(),
            acknowledgement: if flags.contains(Flags::ACK) {
                packet.acknowledgement()
            } else {
                0
            },
            flags,
            window: packet.window(),
            ..Repr::default()
        };
        for option in packet.options() {
            match option {
                SegmentOption::MaximumSegmentSize(mss) => repr.mss = Some(mss),
                SegmentOption::WindowScale(shift) => repr.window_shift = Some(shift.min(WINDOW_SHIFT_MAX)),
                SegmentOption::SackPermitted => repr.sack_permitted = true,
                SegmentOption::Md5(digest) => repr.md5 = Some(digest),
                SegmentOption::Other(..) => {}
            }
        }
        repr
    }

    fn options_len(&self) -> usize {
        let mss = if self.mss.is_some() { 4 } else { 0 };
        let shift = if self.window_shift.is_some() { 4 } else { 0 };
        let sack = if self.sack_permitted { 4 } else { 0 };
        let md5 = if self.md5.is_some() { 20 } else { 0 };
        mss + shift + sack + md5
    }

    /// Bytes that [`Repr::emit`] writes for a payload of `payload_len` bytes.
    pub fn buffer_len(&self, payload_len: usize) -> usize {
        HEADER_LEN + self.options_len() + payload_len
    }

    /// Writes header and payload to the start of `buffer`, with a checksum.
    ///
    /// # Panics
    /// When `buffer` is shorter than [`Repr::buffer_len`].
    pub fn emit(&self, buffer: &mut [u8], payload: &[u8], endpoints: Endpoints) {
        let header_len = HEADER_LEN + self.options_len();
        let buffer = &mut buffer[..header_len + payload.len()];
        buffer[..HEADER_LEN].fill(0);
        buffer[0..2].copy_from_slice(&self.source_port.to_be_bytes());
        buffer[2..4].copy_from_slice(&self.destination_port.to_be_bytes());
        // At most 20 + 32 bytes.
        buffer[12] = (header_len as u8 / 4) << 4;
        let mut at = HEADER_LEN;
        let mut option = |bytes: &[u8]| {
            buffer[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        if let Some(mss) = self.mss {
            let [high, low] = mss.to_be_bytes();
            option(&[options::MSS, 4, high, low]);
        }
        if let Some(shift) = self.window_shift {
            option(&[options::NOP, options::WINDOW_SCALE, 3, shift]);
        }
        if self.sack_permitted {
            option(&[options::NOP, options::NOP, options::SACK_PERMITTED, 2]);
        }
        if let Some(digest) = self.md5 {
            option(&[options::NOP, options::NOP, options::MD5, 18]);
            option(&digest);
        }
        buffer[header_len..].copy_from_slice(payload);
        let mut packet = Packet(buffer);
        packet.set_sequence(self.sequence);
        packet.set_acknowledgement(self.acknowledgement);
        packet.set_flags(self.flags);
        packet.set_window(self.window);
        packet.fill_checksum(endpoints);
    }
}
