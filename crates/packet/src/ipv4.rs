//! IPv4 (RFC 791), as a router needs it (RFC 1812).
//!
//! ```text
//!  0                   1                   2                   3
//! | ver 4 |  IHL  |      TOS      |         total length          |
//! |        identification         |.DM|     fragment offset       |
//! |      TTL      |   protocol    |        header checksum        |
//! |                            source                             |
//! |                          destination                          |
//! |                     options, 0 to 40 bytes                    |
//! ```
//!
//! Forwarding uses [`Packet`]: [`Packet::validate`] is RFC 1812 section 5.2.2, [`Packet::decrement_ttl`] touches the
//! TTL and the checksum and nothing else. [`Fragments`] splits what is too large.

mod fragment;
mod options;

pub use fragment::{FragmentError, Fragments};
pub use options::{Options, OptionsIter};

use core::net::Ipv4Addr;

use crate::checksum::{self, Sum};
use crate::{Address, ParseError};

/// Length of a header without options, in bytes.
pub const HEADER_LEN: usize = 20;
/// The MTU that every link must carry (RFC 791), in bytes.
pub const MTU_MIN: usize = 68;
/// The TTL of packets that the router originates.
pub const TTL_DEFAULT: u8 = 255;

/// What a packet carries (IANA protocol numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u8);

impl Protocol {
    /// ICMP.
    pub const ICMP: Protocol = Protocol(1);
    /// TCP.
    pub const TCP: Protocol = Protocol(6);
    /// UDP.
    pub const UDP: Protocol = Protocol(17);
}

/// A view of a packet.
///
/// The bytes may go on after the packet's total length (padding of short Ethernet frames); all accessors stop there.
#[derive(Clone, Copy, Debug)]
pub struct Packet<T>(T);

impl<T: AsRef<[u8]>> Packet<T> {
    /// Wraps `bytes` when version and lengths make sense; the checksum is not looked at.
    ///
    /// # Errors
    /// [`ParseError`] naming the first of the RFC 1812 section 5.2.2 checks (1), (3), (4), (5) that failed.
    pub fn new_checked(bytes: T) -> Result<Self, ParseError> {
        let slice = bytes.as_ref();
        if slice.len() < HEADER_LEN {
            return Err(ParseError::Truncated);
        }
        if slice[0] >> 4 != 4 {
            return Err(ParseError::Version);
        }
        let header_len = usize::from(slice[0] & 0x0f) * 4;
        if header_len < HEADER_LEN {
            return Err(ParseError::HeaderLength);
        }
        let total_len = usize::from(u16::from_be_bytes([slice[2], slice[3]]));
        if total_len < header_len {
            return Err(ParseError::TotalLength);
        }
        if slice.len() < total_len {
            return Err(ParseError::Truncated);
        }
        Ok(Packet(bytes))
    }

    /// Wraps `bytes` when the header passes all checks of RFC 1812 section 5.2.2, the checksum included.
    ///
    /// # Errors
    /// [`ParseError`] naming the first check that failed.
    pub fn validate(bytes: T) -> Result<Self, ParseError> {
        let packet = Self::new_checked(bytes)?;
        if packet.checksum_is_right() {
            Ok(packet)
        } else {
            Err(ParseError::Checksum)
        }
    }

    fn word(&self, at: usize) -> u16 {
        let bytes = self.0.as_ref();
        u16::from_be_bytes([bytes[at], bytes[at + 1]])
    }

    /// Length of the header with its options, in bytes.
    pub fn header_len(&self) -> usize {
        usize::from(self.0.as_ref()[0] & 0x0f) * 4
    }

    /// Type of service: six bits of DSCP, two of ECN.
    pub fn type_of_service(&self) -> u8 {
        self.0.as_ref()[1]
    }

    /// Length of header and payload, in bytes.
    pub fn total_len(&self) -> usize {
        usize::from(self.word(2))
    }

    /// Tells fragments of different packets apart.
    pub fn identification(&self) -> u16 {
        self.word(4)
    }

    /// Whether routers may not fragment it.
    pub fn dont_fragment(&self) -> bool {
        self.0.as_ref()[6] & 0x40 != 0
    }

    /// Whether it is a fragment and not the last.
    pub fn more_fragments(&self) -> bool {
        self.0.as_ref()[6] & 0x20 != 0
    }

    /// Where its payload belongs in the original one, in bytes.
    pub fn fragment_offset(&self) -> usize {
        usize::from(self.word(6) & 0x1fff) * 8
    }

    /// Whether it is a part of a larger packet.
    pub fn is_fragment(&self) -> bool {
        self.more_fragments() || self.fragment_offset() != 0
    }

    /// Routers that it may still pass, plus one.
    pub fn ttl(&self) -> u8 {
        self.0.as_ref()[8]
    }

    /// What it carries.
    pub fn protocol(&self) -> Protocol {
        Protocol(self.0.as_ref()[9])
    }

    /// The header checksum as it stands there.
    pub fn checksum(&self) -> u16 {
        self.word(10)
    }

    /// Whether the header checksum is right.
    pub fn checksum_is_right(&self) -> bool {
        checksum::checksum(self.header()) == 0
    }

    fn address(&self, at: usize) -> Ipv4Addr {
        let bytes = self.0.as_ref();
        Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3])
    }

    /// Who sent it.
    pub fn source(&self) -> Ipv4Addr {
        self.address(12)
    }

    /// Whom it is for.
    pub fn destination(&self) -> Ipv4Addr {
        self.address(16)
    }

    /// The header with its options.
    pub fn header(&self) -> &[u8] {
        &self.0.as_ref()[..self.header_len()]
    }

    /// The options, padding included.
    pub fn options(&self) -> &[u8] {
        &self.0.as_ref()[HEADER_LEN..self.header_len()]
    }

    /// What follows the header, without padding of the link.
    pub fn payload(&self) -> &[u8] {
        &self.0.as_ref()[self.header_len()..self.total_len()]
    }

    /// Header and payload, without padding of the link.
    pub fn bytes(&self) -> &[u8] {
        &self.0.as_ref()[..self.total_len()]
    }

    /// Gives the bytes back.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Packet<T> {
    fn set_word(&mut self, at: usize, value: u16) {
        self.0.as_mut()[at..at + 2].copy_from_slice(&value.to_be_bytes());
    }

    /// Takes one from the TTL and corrects the checksum incrementally (RFC 1812 section 5.3.1, RFC 1624).
    ///
    /// Returns the TTL that is left; `None`, and nothing is changed, when it was 0 already.
    pub fn decrement_ttl(&mut self) -> Option<u8> {
        let old = self.word(8);
        let ttl = self.ttl().checked_sub(1)?;
        // TTL and protocol share one word of the checksum.
        let new = u16::from_be_bytes([ttl, self.protocol().0]);
        let checksum = checksum::update(self.checksum(), old, new);
        self.0.as_mut()[8] = ttl;
        self.set_word(10, checksum);
        Some(ttl)
    }

    /// Sets the total length in bytes; the checksum is left as it is.
    ///
    /// # Panics
    /// When the length is below the header's or beyond the bytes: the view would no longer be a checked one.
    pub fn set_total_len(&mut self, length: u16) {
        let range = self.header_len()..=self.0.as_ref().len();
        assert!(
            range.contains(&usize::from(length)),
            "the total length stays within the bytes"
        );
        self.set_word(2, length);
    }

    /// Sets the sender; the checksum is left as it is.
    pub fn set_source(&mut self, address: Ipv4Addr) {
        self.0.as_mut()[12..16].copy_from_slice(&address.octets());
    }

    /// Sets the receiver; the checksum is left as it is.
    pub fn set_destination(&mut self, address: Ipv4Addr) {
        self.0.as_mut()[16..20].copy_from_slice(&address.octets());
    }

    /// Computes the header checksum and writes it.
    pub fn fill_checksum(&mut self) {
        self.set_word(10, 0);
        let checksum = checksum::checksum(self.header());
        self.set_word(10, checksum);
    }

    /// What follows the header, for writing.
    pub fn payload_mut(&mut self) -> &mut [u8] {
        let range = self.header_len()..self.total_len();
        &mut self.0.as_mut()[range]
    }
}

/// The parsed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Who sends.
    pub source: Ipv4Addr,
    /// Whom it is for.
    pub destination: Ipv4Addr,
    /// What it carries.
    pub protocol: Protocol,
    /// Routers that it may still pass, plus one.
    pub ttl: u8,
    /// Six bits of DSCP, two of ECN.
    pub type_of_service: u8,
    /// Tells fragments of different packets apart.
    pub identification: u16,
    /// Whether routers may not fragment it.
    pub dont_fragment: bool,
    /// Whether it is a fragment and not the last.
    pub more_fragments: bool,
    /// Where the payload belongs in the original one, in units of 8 bytes, `0..=0x1fff`.
    pub fragment_offset: u16,
    /// The options, padded to a multiple of four bytes.
    pub options: Options,
    /// Bytes that follow the header, at most `65535 - header length`.
    pub payload_len: u16,
}

impl Repr {
    /// A whole packet without options, best effort, with the router's own TTL, that may be fragmented.
    pub const fn new(source: Ipv4Addr, destination: Ipv4Addr, protocol: Protocol, payload_len: u16) -> Repr {
        Repr {
            source,
            destination,
            protocol,
            ttl: TTL_DEFAULT,
            type_of_service: 0,
            identification: 0,
            dont_fragment: false,
            more_fragments: false,
            fragment_offset: 0,
            options: Options::NONE,
            payload_len,
        }
    }

    /// Reads a header and checks its checksum.
    ///
    /// # Errors
    /// [`ParseError::Checksum`] when it does not match.
    pub fn parse<T: AsRef<[u8]>>(packet: &Packet<T>) -> Result<Repr, ParseError> {
        if !packet.checksum_is_right() {
            return Err(ParseError::Checksum);
        }
        Ok(Repr {
            source: packet.source(),
            destination: packet.destination(),
            protocol: packet.protocol(),
            ttl: packet.ttl(),
            type_of_service: packet.type_of_service(),
            identification: packet.identification(),
            dont_fragment: packet.dont_fragment(),
            more_fragments: packet.more_fragments(),
            fragment_offset: packet.word(6) & 0x1fff,
            options: Options::new(packet.options()).ok_or(ParseError::HeaderLength)?,
            // Both fit: the total length is a 16-bit field and not below the header's.
            payload_len: (packet.total_len() - packet.header_len()) as u16,
        })
    }

    /// Bytes that [`Repr::emit`] writes: the header with its options.
    pub fn buffer_len(&self) -> usize {
        HEADER_LEN + self.options.bytes().len()
    }

    /// Writes the header with a right checksum to the start of `buffer`.
    ///
    /// # Panics
    /// When `buffer` is shorter than [`Repr::buffer_len`], or header and payload exceed 65535 bytes.
    pub fn emit(&self, buffer: &mut [u8]) {
        let header_len = self.buffer_len();
        let total_len = header_len + usize::from(self.payload_len);
        assert!(
            total_len <= usize::from(u16::MAX),
            "an IPv4 packet has at most 65535 bytes"
        );
        let buffer = &mut buffer[..header_len];
        buffer[0] = 0x40 | (header_len / 4) as u8;
        buffer[1] = self.type_of_service;
        buffer[2..4].copy_from_slice(&(total_len as u16).to_be_bytes());
        buffer[4..6].copy_from_slice(&self.identification.to_be_bytes());
        let flags = u16::from(self.dont_fragment) << 14 | u16::from(self.more_fragments) << 13;
        buffer[6..8].copy_from_slice(&(flags | self.fragment_offset & 0x1fff).to_be_bytes());
        buffer[8] = self.ttl;
        buffer[9] = self.protocol.0;
        buffer[10..12].fill(0);
        buffer[12..16].copy_from_slice(&self.source.to_bytes());
        buffer[16..20].copy_from_slice(&self.destination.to_bytes());
        buffer[HEADER_LEN..].copy_from_slice(self.options.bytes());
        let checksum = Sum::ZERO.bytes(buffer).finish();
        buffer[10..12].copy_from_slice(&checksum.to_be_bytes());
    }
}

/// Whether no packet that a router forwards may come from `address` (RFC 1812 section 5.3.7): this network,
/// loopback, multicast, class E, broadcast.
pub fn is_martian_source(address: Ipv4Addr) -> bool {
    matches!(address.octets()[0], 0 | 127 | 224..=255)
}

/// Whether no packet that a router forwards may go to `address`: this network, loopback, class E. Multicast and
/// broadcast addresses are no martians but need their own treatment.
pub fn is_martian_destination(address: Ipv4Addr) -> bool {
    match address.octets()[0] {
        0 | 127 => true,
        240..=255 => address != Ipv4Addr::BROADCAST,
        _ => false,
    }
}
