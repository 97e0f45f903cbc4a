//! What the owner of a session decides about it.

use crate::error::OpenError;
use alloc::vec::Vec;
use packet::ipv4;

/// Longest key of RFC 2385 that is taken, in bytes: as long as Linux takes.
pub const MD5_KEY_MAX: usize = 80;
/// Smallest MTU that leaves room for data behind all headers, in bytes.
const MTU_MIN: u16 = 256;
/// Network control: precedence 6, as routing protocols mark their packets.
const INTERNETWORK_CONTROL: u8 = 0xc0;

/// Who keeps written bytes until the peer has acknowledged them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendLog {
    /// [`crate::Sessions`] does, in rows of its own: [`crate::SentChunk`].
    Kept,
    /// The owner does, in rows of its own, from which it can make the same bytes again: it is asked to by
    /// [`crate::TcpOutput::Resend`].
    Owner,
}

/// What the owner of a session decides about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// TTL (hop limit) of packets that are sent, `1..=255`.
    pub ttl: u8,
    /// Packets that come with a lower TTL are dropped (GTSM, RFC 5082): 255 minus the hops that the peer may be away.
    /// 0 takes all.
    pub ttl_min: u8,
    /// Type of service (traffic class) of packets that are sent.
    pub type_of_service: u8,
    /// Largest IP packet to be sent or announced, in bytes, 256 at least.
    pub mtu: u16,
    /// Key of the digests of RFC 2385, at most [`MD5_KEY_MAX`] bytes; empty: no digests.
    pub md5_key: Vec<u8>,
    /// Who keeps written bytes until they are acknowledged.
    pub send_log: SendLog,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            ttl: ipv4::TTL_DEFAULT,
            ttl_min: 0,
            type_of_service: INTERNETWORK_CONTROL,
            mtu: 1500,
            md5_key: Vec::new(),
            send_log: SendLog::Kept,
        }
    }
}

impl ConnectionOptions {
    /// Whether every value is in its range.
    ///
    /// # Errors
    /// [`OpenError`] naming the first that is not.
    pub fn check(&self) -> Result<(), OpenError> {
        if self.ttl == 0 {
            return Err(OpenError::Ttl);
        }
        if self.mtu < MTU_MIN {
            return Err(OpenError::Mtu(self.mtu));
        }
        if self.md5_key.len() > MD5_KEY_MAX {
            return Err(OpenError::Md5Key(self.md5_key.len()));
        }
        Ok(())
    }
}
