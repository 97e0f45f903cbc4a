//! ICMP errors about packets that cannot be forwarded.
//!
//! ```text
//!   packet ──▶ may_send_error_about ──▶ (rate limit, by the caller) ──▶ build ──▶ new packet to its source
//!                  │
//!                  └─ Silence: the rule of RFC 1812 section 4.3.2.7 that forbids it
//! ```

use core::net::Ipv4Addr;

use super::{Exceeded, HEADER_LEN, Repr, Unreachable};
use crate::ParseError;
use crate::ipv4::{self, Protocol};

/// The longest error packet, header included, in bytes (RFC 1812 section 4.3.2.3).
pub const ERROR_LEN_MAX: usize = 576;

/// Internetwork control, the precedence of errors (RFC 1812 section 4.3.2.5).
const PRECEDENCE_INTERNETWORK_CONTROL: u8 = 0xc0;
/// The bits of the type of service that an error copies: neither precedence nor ECN.
const COPIED_SERVICE_BITS: u8 = 0x1c;

/// Why no error may be sent about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Its IP header is not valid.
    InvalidHeader(ParseError),
    /// It is an ICMP error itself, of an unknown ICMP type, or too short to tell.
    IcmpError,
    /// It goes to an IP broadcast or multicast address.
    GroupDestination,
    /// It arrived as a link-layer broadcast or multicast.
    LinkGroup,
    /// Its source is no single host: network 0, loopback, multicast, broadcast, class E.
    Source,
    /// It is a fragment other than the first.
    LaterFragment,
}

/// Whether an ICMP error may be sent about the IPv4 packet at the start of `packet` (RFC 1812 section 4.3.2.7).
///
/// `link_group` tells whether its frame came to a group address. Directed broadcasts of the router's own links are
/// for the caller to find: only it knows the links.
///
/// # Errors
/// The [`Silence`] that the packet demands.
pub fn may_send_error_about(packet: &[u8], link_group: bool) -> Result<(), Silence> {
    let view = ipv4::Packet::validate(packet).map_err(Silence::InvalidHeader)?;
    if link_group {
        return Err(Silence::LinkGroup);
    }
    let destination = view.destination();
    if destination.is_broadcast() || destination.is_multicast() {
        return Err(Silence::GroupDestination);
    }
    if ipv4::is_martian_source(view.source()) {
        return Err(Silence::Source);
    }
    if view.fragment_offset() != 0 {
        return Err(Silence::LaterFragment);
    }
    if view.protocol() == Protocol::ICMP && !view.payload().first().is_some_and(|kind| is_query(*kind)) {
        return Err(Silence::IcmpError);
    }
    Ok(())
}

/// Whether an ICMP type is one of the known queries and answers. Unknown types count as errors: staying silent
/// cannot start a storm.
fn is_query(message_type: u8) -> bool {
    matches!(message_type, 0 | 8 | 9 | 10 | 13..=18)
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It cannot be delivered.
    Unreachable(Unreachable),
    /// It ran out of time.
    Exceeded(Exceeded),
}

/// Writes the ICMP error about `packet` (an IPv4 packet that [`may_send_error_about`] allows) to the start of
/// `buffer` and returns its length, at most [`ERROR_LEN_MAX`].
///
/// It goes from `from`, one of the router's own addresses, to the packet's source, and quotes as much of the packet
/// as fits (RFC 1812 section 4.3.2.3).
///
/// # Errors
/// [`ParseError`] when `packet` is no IPv4 packet.
///
/// # Panics
/// When `buffer` is shorter than the error; [`ERROR_LEN_MAX`] bytes are always enough.
pub fn build(
    cause: Cause,
    from: Ipv4Addr,
    identification: u16,
    packet: &[u8],
    buffer: &mut [u8],
) -> Result<usize, ParseError> {
    let view = ipv4::Packet::new_checked(packet)?;
    let room = ERROR_LEN_MAX - ipv4::HEADER_LEN - HEADER_LEN;
    let quoted = &view.bytes()[..view.total_len().min(room)];
    let message = match cause {
        Cause::Unreachable(reason) => Repr::DestinationUnreachable { reason, quoted },
        Cause::Exceeded(reason) => Repr::TimeExceeded { reason, quoted },
    };
    // At most `room` and a header: fits 16 bits.
    let header = ipv4::Repr {
        type_of_service: PRECEDENCE_INTERNETWORK_CONTROL | view.type_of_service() & COPIED_SERVICE_BITS,
        identification,
        ..ipv4::Repr::new(from, view.source(), Protocol::ICMP, message.buffer_len() as u16)
    };
    header.emit(buffer);
    message.emit(&mut buffer[ipv4::HEADER_LEN..]);
    Ok(ipv4::HEADER_LEN + message.buffer_len())
}
