//! BGP-4 messages (RFC 4271) and what later documents put into them.
//!
//! A TCP stream is cut into messages by [`split`]; each kind of message has its own parser, which borrows from the
//! stream and allocates nothing. What a message may not be is a [`Fault`]: the very NOTIFICATION that answers it.
//!
//! ```text
//!   stream ──split──▶ Message ──┬─ Open::parse ──▶ capabilities()
//!                               ├─ Update::parse ──▶ read(context) ──▶ Reading: prefixes, attributes, what was wrong
//!                               ├─ Notification::parse
//!                               └─ RouteRefresh::parse
//! ```
//!
//! Writers append whole messages to a `Vec` of the caller's; they too allocate nothing of their own.

mod as_path;
mod attribute;
mod attributes;
mod canonical;
mod capability;
mod fault;
pub mod fuzz;
mod notification;
mod open;
mod prefixes;
mod read;
mod route_refresh;
mod update;
mod write;

pub use as_path::{AS_TRANS, AsPath, AsPathError, AsPathWriter, Segment, SegmentKind};
pub use attribute::{AttributeType, Attributes, Flags, RawAttribute};
pub use attributes::{Aggregator, MpReach, MpUnreach, NextHop, Origin, PathAttributes};
pub use canonical::{Canonical, CanonicalError, CanonicalWriter};
pub use capability::{AfiSafi, Capabilities, Capability, GracefulRestart};
pub use fault::{Code, Data, Fault};
pub use notification::{HARD_RESET, Notification, shutdown_communication};
pub use open::{Open, OpenRepr};
pub use prefixes::{PrefixError, Prefixes, prefix_len, write_prefix};
pub use read::{Context, Discarded, Reading, Wrong};
pub use route_refresh::{RefreshKind, RouteRefresh};
pub use update::Update;
pub use write::{end_of_rib, keepalive, update_v4, update_v6, withdraw_v4, withdraw_v6};

use alloc::vec::Vec;

/// The port that BGP listens on.
pub const PORT: u16 = 179;
/// Length of a message's header, in bytes.
pub const HEADER_LEN: usize = 19;
/// Longest message without the extended message capability, in bytes.
pub const MESSAGE_LEN_MAX: usize = 4096;
/// Longest message with the extended message capability (RFC 8654), in bytes.
pub const EXTENDED_MESSAGE_LEN_MAX: usize = 65535;

const MARKER: [u8; 16] = [0xff; 16];

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// Offers a session.
    Open = 1,
    /// Announces and withdraws routes.
    Update = 2,
    /// Ends the session.
    Notification = 3,
    /// Says that the sender is alive.
    Keepalive = 4,
    /// Asks for all routes of a family again (RFC 2918).
    RouteRefresh = 5,
}

impl Kind {
    /// The kind with this number.
    pub const fn from_number(number: u8) -> Option<Kind> {
        Some(match number {
            1 => Kind::Open,
            2 => Kind::Update,
            3 => Kind::Notification,
            4 => Kind::Keepalive,
            5 => Kind::RouteRefresh,
            _ => return None,
        })
    }

    /// The fewest bytes, header included, that a message of this kind has.
    pub const fn length_min(self) -> usize {
        match self {
            Kind::Open => 29,
            Kind::Update => 23,
            Kind::Notification => 21,
            Kind::Keepalive => HEADER_LEN,
            Kind::RouteRefresh => 23,
        }
    }

    /// The most bytes that a message of this kind has, when the session's limit is `length_max`. Only OPEN and
    /// KEEPALIVE stay below 4096 bytes whatever was negotiated (RFC 8654 section 4).
    const fn length_max(self, length_max: usize) -> usize {
        match self {
            Kind::Open => MESSAGE_LEN_MAX,
            Kind::Keepalive => HEADER_LEN,
            Kind::Update | Kind::Notification | Kind::RouteRefresh => length_max,
        }
    }
}

/// One message of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it is for.
    pub kind: Kind,
    /// What follows the header.
    pub body: &'a [u8],
    /// All of it, header included.
    pub bytes: &'a [u8],
}

/// Cuts the first message off a stream; `None` while it is not whole. `length_max` is what the session negotiated:
/// [`MESSAGE_LEN_MAX`] or [`EXTENDED_MESSAGE_LEN_MAX`].
///
/// # Errors
/// The NOTIFICATION for a header that is none (RFC 4271 section 6.1). A bad header is told as soon as its bytes are
/// there, whether or not the rest of the message is.
pub fn split(stream: &[u8], length_max: usize) -> Result<Option<Message<'_>>, Fault<'_>> {
    let marker = &stream[..stream.len().min(MARKER.len())];
    if marker != &MARKER[..marker.len()] {
        return Err(Fault::new(Code::CONNECTION_NOT_SYNCHRONIZED, &[]));
    }
    let Some(header) = stream.first_chunk::<HEADER_LEN>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
    let length_bytes = &stream[16..18];
    if length < HEADER_LEN || length > length_max {
        return Err(Fault::new(Code::BAD_MESSAGE_LENGTH, length_bytes));
    }
    let Some(kind) = Kind::from_number(header[18]) else {
        return Err(Fault::new(Code::BAD_MESSAGE_TYPE, &stream[18..19]));
    };
    if length < kind.length_min() || length > kind.length_max(length_max) {
        return Err(Fault::new(Code::BAD_MESSAGE_LENGTH, length_bytes));
    }
    Ok(stream.get(..length).map(|bytes| Message {
        kind,
        body: &bytes[HEADER_LEN..],
        bytes,
    }))
}

/// Appends a message: the header, and the body that `write` appends.
///
/// # Panics
/// When the body is longer than a message can be: writers keep their own limits.
fn message(kind: Kind, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&MARKER);
    out.extend_from_slice(&[0, 0, kind as u8]);
    write(out);
    let length = u16::try_from(out.len() - start).expect("a message has at most 65535 bytes");
    out[start + 16..start + 18].copy_from_slice(&length.to_be_bytes());
}

/// Reads from the front of a slice.
#[derive(Clone, Copy, Debug)]
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|byte| byte[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|word| u16::from_be_bytes([word[0], word[1]]))
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)
            .map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
    }
}
