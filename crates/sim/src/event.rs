//! What is going to happen in the world, in the order of time.

use crate::fault::FaultEvent;
use machine::{CardSlot, Instant, PortId, RpSlot};
use redundancy::PeerLoss;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Something that happens at a moment.
#[derive(Debug)]
pub(crate) enum Event {
    /// The backplane starts the RP in this slot, unless it was started or pulled meanwhile.
    RpStart { slot: RpSlot, ticket: u64 },
    /// The RP's work loop wakes up.
    RpTurn { slot: RpSlot, ticket: u64 },
    /// The RP's process sees that its peer's life has ended.
    LifeLost { to: RpSlot, life: u64, loss: PeerLoss },
    /// The backplane tells about the other slot.
    Presence { to: RpSlot, life: u64, present: bool },
    /// The RP link comes up, if it still can.
    PeerConnect { ticket: u64 },
    /// Bytes of a message on the RP link arrive.
    PeerArrive {
        to: RpSlot,
        connection: u64,
        kind: u8,
        body: Vec<u8>,
    },
    /// The end of an RP link's connection is seen.
    PeerHangup { to: RpSlot, connection: u64 },
    /// An RP tries to connect to a card.
    CardConnect { slot: RpSlot, life: u64, card: CardSlot },
    /// A message from an RP arrives at a card.
    ToCard {
        link: u64,
        session: u64,
        kind: u8,
        body: Vec<u8>,
    },
    /// The card sees that a link is closed.
    CardHangup { link: u64 },
    /// A message from a card arrives at an RP.
    FromCard { link: u64, kind: u8, body: Vec<u8> },
    /// The RP sees that a card's link is closed.
    CardLinkDown { link: u64, why: &'static str },
    /// The backplane starts a card.
    CardStart { card: CardSlot, ticket: u64 },
    /// A card's deadline.
    CardExpire { card: CardSlot, ticket: u64 },
    /// A frame arrives at a port from its wire.
    WireToCard { port: PortId, frame: Vec<u8> },
    /// A frame arrives at a host.
    WireToHost { host: usize, frame: Vec<u8> },
    /// A finished frame arrives at another card over the fabric.
    Fabric { port: PortId, frame: Vec<u8> },
    /// A card learns that another one can be reached over the fabric, or no longer.
    FabricPeer {
        card: CardSlot,
        about: CardSlot,
        life: u64,
        up: bool,
    },
    /// The hosts have something to do.
    HostsExpire { ticket: u64 },
    /// BGP neighbours have something to do.
    BgpExpire { ticket: u64 },
    /// Writing the startup configuration comes to its end.
    NvramDone {
        slot: RpSlot,
        life: u64,
        number: u64,
        text: String,
        /// Whether the RP was active when it asked for it.
        active: bool,
    },
    /// The operator does the next thing.
    Operator { ticket: u64 },
    /// A fault begins or ends.
    Fault(FaultEvent),
}

struct Queued {
    at: Instant,
    sequence: u64,
    event: Event,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Queued {}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

/// Events by time; those of one moment in the order in which they were added.
#[derive(Default)]
pub(crate) struct EventQueue {
    heap: BinaryHeap<Reverse<Queued>>,
    sequence: u64,
}

impl EventQueue {
    pub(crate) fn add(&mut self, at: Instant, event: Event) {
        self.sequence += 1;
        let sequence = self.sequence;
        self.heap.push(Reverse(Queued { at, sequence, event }));
    }

    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(queued)| queued.at)
    }

    pub(crate) fn pop(&mut self) -> Option<(Instant, Event)> {
        self.heap.pop().map(|Reverse(queued)| (queued.at, queued.event))
    }
}
