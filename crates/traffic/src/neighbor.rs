//! A host's memory of who is on its link (RFC 826, with the timing of RFC 1122 section 2.3.2.1).
//!
//! ```text
//!             ask, broadcast each 1 s                    30 s later: ask, unicast each 1 s
//!  (new) ──▶ asking ──────────── heard ───▶ known ─────────────────────────▶ known, asking
//!              ▲                              ▲  └────────── heard ────────────┘   │
//!              └───────────────── 3 unicast and 3 broadcast requests unanswered ───┘
//! ```
//!
//! Contract: an address that is known stays usable while it is being confirmed, so that the refresh costs no packet.
//! Both the neighbours and the frames that wait for one are bounded; what exceeds the bound is dropped and counted.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;

use machine::{BoundedQueue, Instant};
use packet::MacAddress;

/// Time between two requests for the same neighbour.
pub const REQUEST_INTERVAL: Duration = Duration::from_secs(1);
/// Time after which a request that the wire did not take is offered again.
pub const RETRY_INTERVAL: Duration = Duration::from_millis(20);
/// Time after which a known neighbour is asked again.
pub const REFRESH_INTERVAL: Duration = Duration::from_secs(30);
/// Frames that wait for one neighbour.
pub const WAITING_MAX: usize = 32;
/// Neighbours that a host knows.
pub const NEIGHBORS_MAX: usize = 64;

const UNICAST_REQUESTS: u8 = 3;
const REQUESTS_MAX: u8 = 6;

/// What is asked for: `destination` is the neighbour's own address while it is being confirmed, else broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The address that is resolved.
    pub target: Ipv4Addr,
    /// Where the request goes.
    pub destination: MacAddress,
}

/// All neighbours of one host.
#[derive(Clone, Debug, Default)]
pub struct Neighbors {
    entries: BTreeMap<Ipv4Addr, Neighbor>,
    refused: u64,
}

#[derive(Clone, Debug)]
struct Neighbor {
    mac: Option<MacAddress>,
    /// When to ask next.
    next_request: Instant,
    /// Requests since it was last heard.
    unanswered: u8,
    waiting: BoundedQueue<Vec<u8>>,
}

impl Neighbors {
    /// The address of `neighbor`, if it is known. If not, it is asked for from now on.
    pub fn resolve(&mut self, now: Instant, neighbor: Ipv4Addr) -> Option<MacAddress> {
        if let Some(entry) = self.entries.get(&neighbor) {
            return entry.mac;
        }
        if self.entries.len() >= NEIGHBORS_MAX {
            self.refused += 1;
            return None;
        }
        let waiting = BoundedQueue::new(WAITING_MAX);
        self.entries.insert(
            neighbor,
            Neighbor {
                mac: None,
                next_request: now,
                unanswered: 0,
                waiting,
            },
        );
        None
    }

    /// Keeps `frame`, whose destination is still open, until `neighbor` is known.
    pub fn wait(&mut self, neighbor: Ipv4Addr, frame: Vec<u8>) {
        let kept = self
            .entries
            .get_mut(&neighbor)
            .is_some_and(|entry| entry.waiting.push(frame).is_ok());
        self.refused += u64::from(!kept);
    }

    /// Notes that `neighbor` said that `mac` is its address. Neighbours that nobody asked for are not kept.
    ///
    /// Returns the frames that waited for it, oldest first.
    pub fn heard(
        &mut self,
        now: Instant,
        neighbor: Ipv4Addr,
        mac: MacAddress,
    ) -> impl Iterator<Item = Vec<u8>> + '_ {
        let entry = self.entries.get_mut(&neighbor).map(|entry| {
            entry.mac = Some(mac);
            entry.unanswered = 0;
            entry.next_request = now + REFRESH_INTERVAL;
            &mut entry.waiting
        });
        entry
            .into_iter()
            .flat_map(|waiting| core::iter::from_fn(|| waiting.pop()))
    }

    /// The next question that is due at `now`. Call until it gives `None`.
    pub fn pop_due(&mut self, now: Instant) -> Option<Question> {
        let (target, entry) = self
            .entries
            .iter_mut()
            .find(|(_, entry)| entry.next_request <= now)?;
        if entry.unanswered >= REQUESTS_MAX {
            entry.mac = None;
        }
        let destination = match entry.mac {
            Some(mac) if entry.unanswered < UNICAST_REQUESTS => mac,
            _ => MacAddress::BROADCAST,
        };
        entry.unanswered = entry.unanswered.saturating_add(1);
        entry.next_request = now + REQUEST_INTERVAL;
        Some(Question {
            target: *target,
            destination,
        })
    }

    /// Takes back that `target` was asked for at `now`, because the wire did not take the question: it is due again
    /// after [`RETRY_INTERVAL`].
    pub fn not_asked(&mut self, now: Instant, target: Ipv4Addr) {
        if let Some(entry) = self.entries.get_mut(&target) {
            entry.unanswered = entry.unanswered.saturating_sub(1);
            entry.next_request = now + RETRY_INTERVAL;
        }
    }

    /// When the next question is due.
    pub fn next_request(&self) -> Option<Instant> {
        self.entries.values().map(|entry| entry.next_request).min()
    }

    /// Frames and neighbours that found no room.
    pub fn refused(&self) -> u64 {
        self.refused
    }
}
