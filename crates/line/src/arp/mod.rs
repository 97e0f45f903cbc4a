//! Address resolution for IPv4 over Ethernet (RFC 826, announcements and conflicts of RFC 5227).
//!
//! ```text
//!                     no answer in 3 s                 20 s later
//!   (unknown) ─ask─▶ Asking ─────────────▶ Held down ────────────▶ (unknown)
//!                      │ answer                │ heard of
//!                      ▼                       ▼
//!                   Adjacency, a row ◀─────────┘
//!                      │ 60 s before it is four hours old: asked again, unicast, three times
//!                      └──▶ no answer: (unknown)
//! ```
//!
//! Adjacencies are rows: cards and the standby have them. What is lost at a switchover, on purpose: packets that wait
//! for an answer, who is being asked or held down, and ages: these start in full at promotion.
//!
//! Contract: an adjacency is learnt from whom we asked, and from who asks us; anybody else only updates what is there
//! already. Nothing is learnt on a port without an address. Every queue and table here has a bound, and what exceeds
//! it is counted in [`ArpCounters`].

mod deadlines;
mod machine;
mod neighbor;
pub mod show;

pub use self::machine::{Arp, ArpCounters};

use ::machine::{Duration, PortId, Release};
use alloc::vec::Vec;
use chassis::PuntTicket;
use core::fmt;
use packet::icmpv4::Unreachable;
use packet::{InterfaceAddress, Ipv4Addr, MacAddress, V4};

/// Time between two questions for one neighbour.
pub const ASK_INTERVAL: Duration = Duration::from_secs(1);
/// Questions before a neighbour counts as absent.
pub const ASKS_MAX: u32 = 3;
/// For how long an absent neighbour is not asked for again.
pub const HOLD_DOWN: Duration = Duration::from_secs(20);
/// Age at which an adjacency goes.
pub const AGE_MAX: Duration = Duration::from_secs(4 * 60 * 60);
/// Time before that at which the neighbour is asked whether it is still there.
pub const REFRESH_BEFORE: Duration = Duration::from_secs(60);
/// Time between two such questions.
pub const REFRESH_INTERVAL: Duration = Duration::from_secs(20);
/// Announcements when an address comes up (RFC 5227 section 1.1, ANNOUNCE_NUM).
pub const ANNOUNCEMENTS: u32 = 2;
/// Time between them (ANNOUNCE_INTERVAL).
pub const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(2);
/// Least time between two defences of an address, and between two reports of a conflict (DEFEND_INTERVAL).
pub const DEFEND_INTERVAL: Duration = Duration::from_secs(10);
/// Most packets that wait for one neighbour; the oldest goes for the newest.
pub const QUEUED_PER_NEIGHBOR_MAX: usize = 8;
/// Most packets that wait for all neighbours; the newest is dropped.
pub const QUEUED_MAX: usize = 256;
/// Most neighbours that are asked for at a time, and most that are held down; beyond, packets to others are dropped.
pub const UNRESOLVED_MAX: usize = 1024;
/// Most adjacencies; beyond, none is learnt.
pub const ADJACENCIES_MAX: usize = 65_536;

/// A port that speaks IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArpInterface {
    /// The port's own address on the wire.
    pub mac: MacAddress,
    /// Its IPv4 address and the length of its network's prefix.
    pub address: InterfaceAddress<V4>,
    /// Largest IP packet that it carries, in bytes.
    pub mtu: u16,
}

/// What happens to ARP.
#[derive(Clone, Debug)]
pub enum ArpInput {
    /// The link is up and has this address, or another one than before. Equal news are no change.
    InterfaceUp {
        /// The port.
        port: PortId,
        /// Its addresses.
        interface: ArpInterface,
    },
    /// The link is down, or has lost its address.
    InterfaceDown {
        /// The port.
        port: PortId,
    },
    /// A card punted an ARP packet.
    Packet {
        /// The port that it came in by.
        port: PortId,
        /// The Ethernet frame.
        frame: Vec<u8>,
    },
    /// A card punted an IPv4 packet because it does not know the next hop's address on the wire.
    Glean {
        /// The port that it has to leave by.
        port: PortId,
        /// Whom it has to be handed to there.
        next_hop: Ipv4Addr,
        /// The Ethernet frame as it was received: its TTL is still to be decremented.
        frame: Vec<u8>,
        /// By what its card knows it.
        punt: PuntTicket,
    },
    /// The router itself sends an IPv4 packet.
    Send {
        /// The port that it has to leave by.
        port: PortId,
        /// Whom it has to be handed to there.
        next_hop: Ipv4Addr,
        /// The packet, without an Ethernet header.
        packet: Vec<u8>,
        /// When it may leave.
        release: Release,
    },
}

/// What ARP asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArpOutput {
    /// Transmit a frame.
    Inject {
        /// The port.
        port: PortId,
        /// The Ethernet frame.
        frame: Vec<u8>,
    },
    /// A packet that was to be forwarded cannot be: its source deserves an ICMP error, if the rules allow one.
    Undeliverable {
        /// The packet, without an Ethernet header, its TTL decremented.
        packet: Vec<u8>,
        /// Why.
        reason: Unreachable,
    },
    /// The packet of this punt waits in a queue: who would lose this machine now would lose it.
    Kept {
        /// Which.
        punt: PuntTicket,
    },
    /// The packet of this punt, which was kept, has been sent or dropped; behind what became of it.
    LetGo {
        /// Which.
        punt: PuntTicket,
    },
    /// Something that an operator should know.
    Log(ArpEvent),
}

/// Something that an operator should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArpEvent {
    /// Another station uses the router's own address.
    DuplicateAddress {
        /// Where it was heard.
        port: PortId,
        /// The address.
        address: Ipv4Addr,
        /// Whose it is as well.
        mac: MacAddress,
    },
}

impl fmt::Display for ArpEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArpEvent::DuplicateAddress { port, address, mac } => write!(
                f,
                "%IP-4-DUPADDR: Duplicate address {address} on Ethernet{port}, sourced by {mac}"
            ),
        }
    }
}
