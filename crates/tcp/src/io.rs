//! What happens to sessions, and what they ask for.

use crate::key::{ConnectionKey, Endpoint};
use crate::options::ConnectionOptions;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

/// What happens to sessions. What their owner wants is asked for by methods of [`crate::Sessions`], which answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpInput {
    /// An IP packet for one of the router's own addresses was punted. What is no TCP is ignored.
    Packet(Vec<u8>),
    /// The router has lost this address of its own: sessions from it end, without a packet.
    AddressGone(IpAddr),
}

/// What sessions ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpOutput {
    /// Send this IP packet, by the routes.
    Packet(Vec<u8>),
    /// A session is established.
    Opened {
        /// The session.
        connection: ConnectionKey,
        /// Whether the peer opened it.
        passive: bool,
    },
    /// There are bytes to be had from [`crate::Sessions::received`] that were not there before.
    Received {
        /// The session.
        connection: ConnectionKey,
    },
    /// The peer has acknowledged more; there is room to write again.
    Acknowledged {
        /// The session.
        connection: ConnectionKey,
        /// Bytes of the stream, counted from its start, that the peer has: nothing before it is ever asked for again.
        offset: u64,
    },
    /// The peer sends no more: after what was received there is nothing. The owner may still write, then closes. So it is
    /// told as well of a session that the peer has reset before all of what it sent was consumed; what is written to such
    /// a one goes nowhere.
    PeerClosed {
        /// The session.
        connection: ConnectionKey,
    },
    /// The owner has to give the bytes of the stream from `offset` on again, to [`crate::Sessions::resend`], in the same
    /// turn. Only with [`crate::SendLog::Owner`].
    Resend {
        /// The session.
        connection: ConnectionKey,
        /// Bytes of the stream before the first that is wanted.
        offset: u64,
        /// How many are wanted: all that were written after that.
        length: u64,
    },
    /// The session, or the attempt to open one, is over; its rows are gone.
    Closed {
        /// The session.
        connection: ConnectionKey,
        /// Why.
        reason: CloseReason,
    },
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Both ends had sent all that they wanted to.
    Finished,
    /// The peer reset it.
    Reset,
    /// The peer refused to open it.
    Refused,
    /// The peer did not answer.
    TimedOut,
    /// The address that it ran from is gone.
    AddressGone,
    /// Its rows make no session: the bytes to be sent again are missing.
    Unrecoverable,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CloseReason::Finished => "closed by both ends",
            CloseReason::Reset => "reset by peer",
            CloseReason::Refused => "refused by peer",
            CloseReason::TimedOut => "timed out",
            CloseReason::AddressGone => "local address removed",
            CloseReason::Unrecoverable => "not recoverable after switchover",
        })
    }
}

/// Who may open a session to this router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where: one of the router's own addresses, and a port.
    pub local: Endpoint,
    /// Who; from any port.
    pub remote: IpAddr,
    /// How the session is to be.
    pub options: ConnectionOptions,
}
