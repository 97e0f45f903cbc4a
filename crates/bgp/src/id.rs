//! Numbers that rows refer to each other by.

use ::checkpoint::Key;
use alloc::vec::Vec;
use core::fmt;

/// A neighbour, as rows name it: given out with its configuration, and not reused while a route of it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u16);

impl PeerId {
    /// Routes of the router itself: `network`, `redistribute`.
    pub const LOCAL: PeerId = PeerId(0);
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Key for PeerId {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_be_bytes());
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(PeerId(u16::from_be_bytes(bytes.try_into().ok()?)))
    }
}

/// An interned set of attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeId(pub u32);

impl AttributeId {
    /// No set: what policy has denied.
    pub const NONE: AttributeId = AttributeId(0);

    /// Whether it is a set.
    pub const fn is_some(self) -> bool {
        self.0 != 0
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Key for AttributeId {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_be_bytes());
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(AttributeId(u32::decode(bytes)?))
    }
}

/// An update group: neighbours that are told the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u16);

impl Key for GroupId {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_be_bytes());
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(GroupId(u16::from_be_bytes(bytes.try_into().ok()?)))
    }
}

/// A log of messages: that of a group, or what one neighbour alone is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogId {
    /// What all members of a group are sent.
    Group(GroupId),
    /// What one neighbour is sent.
    Peer(PeerId),
}

/// A message in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogKey {
    /// The log.
    pub log: LogId,
    /// Its place in the log; numbers are not reused.
    pub position: u64,
}

const LOG_OF_GROUP: u8 = 1;
const LOG_OF_PEER: u8 = 2;

impl Key for LogKey {
    fn encode(&self, out: &mut Vec<u8>) {
        let (kind, number) = match self.log {
            LogId::Group(group) => (LOG_OF_GROUP, group.0),
            LogId::Peer(peer) => (LOG_OF_PEER, peer.0),
        };
        out.push(kind);
        out.extend_from_slice(&number.to_be_bytes());
        out.extend_from_slice(&self.position.to_be_bytes());
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[kind, high, low], position) = bytes.split_first_chunk::<3>()?;
        let number = u16::from_be_bytes([high, low]);
        let log = match kind {
            LOG_OF_GROUP => LogId::Group(GroupId(number)),
            LOG_OF_PEER => LogId::Peer(PeerId(number)),
            _ => return None,
        };
        Some(LogKey {
            log,
            position: u64::decode(position)?,
        })
    }
}
