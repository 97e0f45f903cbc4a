//! What is kept of a neighbour beyond its row.

use ::machine::{Instant, Release};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use chassis::PuntTicket;

use super::QUEUED_PER_NEIGHBOR_MAX;

/// A packet that waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    /// The IPv4 packet, ready to be sent.
    pub(super) packet: Vec<u8>,
    /// Whose it is.
    pub(super) origin: Origin,
}

/// Whose a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The router's own, and when it may leave.
    Own(Release),
    /// It is forwarded: a card has punted it.
    Transit(PuntTicket),
}

/// A neighbour that is being asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Asking {
    /// Questions sent.
    pub(super) asked: u32,
    queue: VecDeque<Waiting>,
}

impl Asking {
    /// Appends a packet; gives back the oldest when there are too many.
    pub(super) fn push(&mut self, waiting: Waiting) -> Option<Waiting> {
        let displaced = match self.queue.len() < QUEUED_PER_NEIGHBOR_MAX {
            true => None,
            false => self.queue.pop_front(),
        };
        self.queue.push_back(waiting);
        displaced
    }

    /// Whether another packet displaces the oldest.
    pub(super) fn is_full(&self) -> bool {
        self.queue.len() >= QUEUED_PER_NEIGHBOR_MAX
    }

    /// The packets, oldest first.
    pub(super) fn into_queue(self) -> VecDeque<Waiting> {
        self.queue
    }
}

/// What is known of an adjacency's freshness.
#[derive(Clone, Copy, Debug)]
pub(super) struct Freshness {
    /// When the neighbour was heard last.
    pub(super) heard_at: Instant,
    /// Questions sent since it has become old.
    pub(super) asked: u32,
}
