//! TCP for the router's own sessions, exportable for nonstop routing (NSR).
//!
//! The kernel's TCP acknowledges data before a standby has it, and dies with its host. Here the sessions run on a
//! stack inside the route processor (`smoltcp`), one small stack for each session, fed with punted packets. What a
//! session is made of lies in rows, so the standby can go on with it:
//!
//! ```text
//!   packet ─▶ checksum, TTL, MD5 ─▶ translation ─▶ stack ─▶ bytes ─▶ rows ─▶ standby
//!                                                    │                 │
//!   packet ◀─ MD5, TTL, checksum ◀─ translation ◀────┘    AfterSync ◀──┘
//! ```
//!
//! A new active has rows and no stacks. It makes the stack of a session when that is first used, by a faked handshake:
//! a fresh socket connects, its SYN is swallowed, and it is fed a SYN-ACK that puts its receive side where the peer's
//! next byte is. Its send side starts at a number of its own; the translation adds a constant to what leaves and takes
//! it from what comes. Bytes that the peer has not acknowledged are queued before the first packet is fed.
//!
//! - [`Sessions`]: the machine. [`Sessions::connect`] and [`Sessions::listen`] open, [`Sessions::received`] and
//!   [`Sessions::consume`] are bytes in, [`Sessions::write`] is bytes out, [`TcpOutput::Closed`] is the end.
//! - [`ConnectionKey`]: names a session; [`ConnectionOptions`]: TTL, GTSM (RFC 5082), MD5 (RFC 2385), who keeps bytes.
//! - [`Connection`], [`Progress`], [`Received`], [`SentChunk`]: the rows. [`show`]: `show tcp brief`.
//!
//! Contract: every packet that shows the peer progress (data, an acknowledgement) is asked for as `AfterSync`, in the
//! turn that changed the rows. No RST leaves before [`Sessions::activate`]. Nothing that a packet holds makes this panic.
#![no_std]
#![deny(missing_docs)]
extern crate alloc;

mod checkpoint;
mod error;
pub mod fuzz;
mod io;
mod key;
mod options;
mod session;
mod sessions;
pub mod show;
mod stack;
mod statistics;
mod turn;
mod wire;

pub use checkpoint::{
    BufferSize, CONNECTION_TABLE, Connection, ConnectionRecord, PROGRESS_TABLE, Progress, ProgressRecord,
    RECEIVED_TABLE, Received, ReceivedRecord, SENT_TABLE, SentChunk, SentChunkRecord, Unfinished,
    WindowScaling,
};
pub use error::{OpenError, SessionError};
pub use io::{CloseReason, Listener, TcpInput, TcpOutput};
pub use key::{ConnectionKey, Endpoint, SentKey};
pub use options::{ConnectionOptions, MD5_KEY_MAX, SendLog};
pub use sessions::{
    OPENED_PER_PEER_MAX, OPENING_MAX, OPENING_PER_PEER_MAX, SEND_MAX, SESSIONS_MAX, Sessions,
};
pub use statistics::TcpStatistics;
