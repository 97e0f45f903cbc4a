//! ICMP for IPv4 (RFC 792, RFC 1191), as a router originates and answers it (RFC 1812 section 4.3).
//!
//! [`Packet`] and [`Repr`] read and write messages; [`error`] builds the errors that forwarding causes and says when
//! it must stay silent; [`answer_echo_in_place`] turns a request into its reply without a copy.

pub mod error;

use core::net::Ipv4Addr;

use crate::checksum::{self, Sum};
use crate::ipv4::{self, Options, OptionsIter};
use crate::{Address, ParseError};

/// Length of the header that all messages here share, in bytes.
pub const HEADER_LEN: usize = 8;

const ECHO_REPLY: u8 = 0;
const DESTINATION_UNREACHABLE: u8 = 3;
const ECHO_REQUEST: u8 = 8;
const TIME_EXCEEDED: u8 = 11;

/// Why a destination cannot be reached (RFC 792, RFC 1812 section 5.2.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unreachable {
    /// Code 0: no route.
    Network,
    /// Code 1: the last router cannot resolve the destination.
    Host,
    /// Code 2: nobody takes this protocol there.
    Protocol,
    /// Code 3: nobody listens on this port there.
    Port,
    /// Code 4: larger than the next link's MTU (bytes), and may not be fragmented. 0: the sender said no MTU.
    FragmentationNeeded {
        /// The MTU of the next link in bytes (RFC 1191).
        next_hop_mtu: u16,
    },
    /// Code 5: the source route failed.
    SourceRouteFailed,
    /// Code 13: filtered by an administrator.
    Prohibited,
    /// Any other code, with the second half of the header's second word.
    Other {
        /// The code.
        code: u8,
        /// Bytes 6 and 7 of the message.
        rest: u16,
    },
}

impl Unreachable {
    fn from_wire(code: u8, rest: u16) -> Unreachable {
        // Codes other than 4 have zeros there; whoever sends something else gets it back as it was.
        match (code, rest) {
            (0, 0) => Unreachable::Network,
            (1, 0) => Unreachable::Host,
            (2, 0) => Unreachable::Protocol,
            (3, 0) => Unreachable::Port,
            (4, next_hop_mtu) => Unreachable::FragmentationNeeded { next_hop_mtu },
            (5, 0) => Unreachable::SourceRouteFailed,
            (13, 0) => Unreachable::Prohibited,
            (code, rest) => Unreachable::Other { code, rest },
        }
    }

    fn to_wire(self) -> (u8, u16) {
        match self {
            Unreachable::Network => (0, 0),
            Unreachable::Host => (1, 0),
            Unreachable::Protocol => (2, 0),
            Unreachable::Port => (3, 0),
            Unreachable::FragmentationNeeded { next_hop_mtu } => (4, next_hop_mtu),
            Unreachable::SourceRouteFailed => (5, 0),
            Unreachable::Prohibited => (13, 0),
            Unreachable::Other { code, rest } => (code, rest),
        }
    }
}

/// Whose time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exceeded {
    /// Code 0: the packet passed too many routers.
    InTransit,
    /// Code 1: fragments did not all arrive in time.
    Reassembly,
}

/// A view of a message.
#[derive(Clone, Copy, Debug)]
pub struct Packet<T>(T);

impl<T: AsRef<[u8]>> Packet<T> {
    /// Wraps `bytes` when they hold a header. All of `bytes` is the message: its length comes from the IP header.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] for fewer than [`HEADER_LEN`] bytes.
    pub fn new_checked(bytes: T) -> Result<Self, ParseError> {
        if bytes.as_ref().len() < HEADER_LEN {
            Err(ParseError::Truncated)
        } else {
            Ok(Packet(bytes))
        }
    }

    fn word(&self, at: usize) -> u16 {
        let bytes = self.0.as_ref();
        u16::from_be_bytes([bytes[at], bytes[at + 1]])
    }

    /// The message type.
    pub fn message_type(&self) -> u8 {
        self.0.as_ref()[0]
    }

    /// The code, whose meaning depends on the type.
    pub fn code(&self) -> u8 {
        self.0.as_ref()[1]
    }

    /// Whether the checksum is right.
    pub fn checksum_is_right(&self) -> bool {
        checksum::checksum(self.0.as_ref()) == 0
    }

    /// What follows the eight header bytes.
    pub fn payload(&self) -> &[u8] {
        &self.0.as_ref()[HEADER_LEN..]
    }
}

/// The parsed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repr<'a> {
    /// "Are you there?"
    EchoRequest {
        /// Which process asks.
        identifier: u16,
        /// Which of its requests.
        sequence: u16,
        /// What shall come back.
        data: &'a [u8],
    },
    /// "I am."
    EchoReply {
        /// As in the request.
        identifier: u16,
        /// As in the request.
        sequence: u16,
        /// As in the request.
        data: &'a [u8],
    },
    /// A packet could not be delivered.
    DestinationUnreachable {
        /// Why.
        reason: Unreachable,
        /// The start of that packet.
        quoted: &'a [u8],
    },
    /// A packet was too long under way.
    TimeExceeded {
        /// Where.
        reason: Exceeded,
        /// The start of that packet.
        quoted: &'a [u8],
    },
}

impl<'a> Repr<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// [`ParseError::Checksum`], or [`ParseError::Unsupported`] for a type or code that has no meaning here.
    pub fn parse<T: AsRef<[u8]> + ?Sized>(packet: &Packet<&'a T>) -> Result<Repr<'a>, ParseError> {
        if !packet.checksum_is_right() {
            return Err(ParseError::Checksum);
        }
        let (high, low) = (packet.word(4), packet.word(6));
        let payload = &packet.0.as_ref()[HEADER_LEN..];
        match (packet.message_type(), packet.code()) {
            (ECHO_REQUEST, 0) => Ok(Repr::EchoRequest {
                identifier: high,
                sequence: low,
                data: payload,
            }),
            (ECHO_REPLY, 0) => Ok(Repr::EchoReply {
                identifier: high,
                sequence: low,
                data: payload,
            }),
            (DESTINATION_UNREACHABLE, code) => Ok(Repr::DestinationUnreachable {
                reason: Unreachable::from_wire(code, low),
                quoted: payload,
            }),
            (TIME_EXCEEDED, 0) => Ok(Repr::TimeExceeded {
                reason: Exceeded::InTransit,
                quoted: payload,
            }),
            (TIME_EXCEEDED, 1) => Ok(Repr::TimeExceeded {
                reason: Exceeded::Reassembly,
                quoted: payload,
            }),
            _ => Err(ParseError::Unsupported("ICMP type or code")),
        }
    }

    fn payload(&self) -> &'a [u8] {
        match self {
            Repr::EchoRequest { data, .. } | Repr::EchoReply { data, .. } => data,
            Repr::DestinationUnreachable { quoted, .. } | Repr::TimeExceeded { quoted, .. } => quoted,
        }
    }

    /// Bytes that [`Repr::emit`] writes.
    pub fn buffer_len(&self) -> usize {
        HEADER_LEN + self.payload().len()
    }

    /// Writes the message to the start of `buffer`.
    ///
    /// # Panics
    /// When `buffer` is shorter than [`Repr::buffer_len`].
    pub fn emit(&self, buffer: &mut [u8]) {
        let buffer = &mut buffer[..self.buffer_len()];
        let (message_type, code, high, low) = match *self {
            Repr::EchoRequest {
                identifier, sequence, ..
            } => (ECHO_REQUEST, 0, identifier, sequence),
            Repr::EchoReply {
                identifier, sequence, ..
            } => (ECHO_REPLY, 0, identifier, sequence),
            Repr::DestinationUnreachable { reason, .. } => {
                let (code, low) = reason.to_wire();
                (DESTINATION_UNREACHABLE, code, 0, low)
            }
            Repr::TimeExceeded {
                reason: Exceeded::InTransit,
                ..
            } => (TIME_EXCEEDED, 0, 0, 0),
            Repr::TimeExceeded {
                reason: Exceeded::Reassembly,
                ..
            } => (TIME_EXCEEDED, 1, 0, 0),
        };
        buffer[0] = message_type;
        buffer[1] = code;
        buffer[2..4].fill(0);
        buffer[4..6].copy_from_slice(&high.to_be_bytes());
        buffer[6..8].copy_from_slice(&low.to_be_bytes());
        buffer[HEADER_LEN..].copy_from_slice(self.payload());
        let checksum = Sum::ZERO.bytes(buffer).finish();
        buffer[2..4].copy_from_slice(&checksum.to_be_bytes());
    }
}

/// Why an echo request gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EchoError {
    /// It is no valid IPv4 packet or ICMP message.
    Packet(ParseError),
    /// It is something else than a whole echo request.
    NotEchoRequest,
    /// It is a fragment; somebody must reassemble it first.
    Fragment,
    /// It carries a source route, which this router does not reverse.
    SourceRoute,
    /// Nobody can be answered at its source address, or its destination is no single host's.
    Address,
}

/// Turns the IPv4 packet at the start of `packet`, an echo request to one of the router's own addresses, into its
/// reply (RFC 1812 section 4.3.3.6). Checksums are checked before and updated incrementally.
///
/// The reply goes to the request's source, comes from its destination, has the same data, identification, type of
/// service and options, and a fresh TTL.
///
/// # Errors
/// [`EchoError`]; the packet is then unchanged.
pub fn answer_echo_in_place(packet: &mut [u8]) -> Result<(), EchoError> {
    let view = ipv4::Packet::validate(&*packet).map_err(EchoError::Packet)?;
    if view.protocol() != ipv4::Protocol::ICMP {
        return Err(EchoError::NotEchoRequest);
    }
    if view.is_fragment() {
        return Err(EchoError::Fragment);
    }
    let (source, destination) = (view.source(), view.destination());
    if ipv4::is_martian_source(source) || ipv4::is_martian_source(destination) {
        return Err(EchoError::Address);
    }
    let message = Packet::new_checked(view.payload()).map_err(EchoError::Packet)?;
    if (message.message_type(), message.code()) != (ECHO_REQUEST, 0) {
        return Err(EchoError::NotEchoRequest);
    }
    if !message.checksum_is_right() {
        return Err(EchoError::Packet(ParseError::Checksum));
    }
    let routes = [Options::LOOSE_SOURCE_ROUTE, Options::STRICT_SOURCE_ROUTE];
    if OptionsIter::new(view.options()).any(|option| routes.contains(&option[0])) {
        return Err(EchoError::SourceRoute);
    }
    turn_around(packet, source, destination);
    Ok(())
}

/// The writing half of [`answer_echo_in_place`], on a packet known to be a valid echo request.
fn turn_around(packet: &mut [u8], source: Ipv4Addr, destination: Ipv4Addr) {
    let start = usize::from(packet[0] & 0x0f) * 4;
    // The order of words does not matter to the sum, so swapping addresses leaves it; only the TTL changes.
    packet[12..16].copy_from_slice(&destination.to_bytes());
    packet[16..20].copy_from_slice(&source.to_bytes());
    replace_byte(packet, 8, ipv4::TTL_DEFAULT, 10);
    replace_byte(&mut packet[start..], 0, ECHO_REPLY, 2);
}

/// Replaces the byte at the even offset `at` and updates the checksum at `checksum_at`.
fn replace_byte(bytes: &mut [u8], at: usize, value: u8, checksum_at: usize) {
    let word = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let old = word(bytes, at);
    bytes[at] = value;
    let checksum = checksum::update(word(bytes, checksum_at), old, word(bytes, at));
    bytes[checksum_at..checksum_at + 2].copy_from_slice(&checksum.to_be_bytes());
}
