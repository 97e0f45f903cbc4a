//! Why a session cannot be opened or used.

use crate::key::ConnectionKey;
use crate::options::MD5_KEY_MAX;
use core::fmt;
use core::net::IpAddr;

/// Why a session is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The two addresses are of different families, or one of them is no host's.
    Address(IpAddr, IpAddr),
    /// The remote port is zero.
    Port,
    /// The TTL is zero.
    Ttl,
    /// The MTU leaves no room for data.
    Mtu(u16),
    /// The MD5 key has more bytes than are taken.
    Md5Key(usize),
    /// All local ports towards the peer are in use.
    NoLocalPort,
    /// As many sessions as this router takes are there.
    TooMany,
    /// Nothing is opened before [`crate::Sessions::activate`].
    NotActive,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Address(local, remote) => {
                write!(f, "no session between {local} and {remote} is possible")
            }
            OpenError::Port => f.write_str("port 0 cannot be connected to"),
            OpenError::Ttl => f.write_str("a TTL of 0 reaches nobody: use 1 to 255"),
            OpenError::Mtu(mtu) => write!(f, "an MTU of {mtu} bytes is too small for TCP: use 256 or more"),
            OpenError::Md5Key(length) => {
                write!(
                    f,
                    "an MD5 key of {length} bytes is too long: use {MD5_KEY_MAX} at most"
                )
            }
            OpenError::NoLocalPort => f.write_str("every local port towards the peer is in use"),
            OpenError::TooMany => f.write_str("no more TCP sessions can be opened"),
            OpenError::NotActive => f.write_str("a standby opens no TCP session"),
        }
    }
}

impl core::error::Error for OpenError {}

/// Why a session cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionError {
    /// There is no such session, or it is not established.
    NotOpen(ConnectionKey),
    /// The owner has closed it: nothing can be written any more.
    Closing(ConnectionKey),
    /// The bytes that the owner resends are not as many as were asked for: (asked for, given).
    Resend(u64, usize),
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SessionError::NotOpen(key) => write!(f, "no TCP session {} - {} is open", key.local, key.remote),
            SessionError::Closing(key) => {
                write!(f, "TCP session {} - {} is being closed", key.local, key.remote)
            }
            SessionError::Resend(asked, given) => {
                write!(f, "{given} bytes were given to be sent again instead of {asked}")
            }
        }
    }
}

impl core::error::Error for SessionError {}
