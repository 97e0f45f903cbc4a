//! What happened to the packets that were not forwarded, by reason.

use core::fmt;

/// Why a frame went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    /// It came in by a port that is shut down or not configured.
    PortDown,
    /// It is shorter than an Ethernet header.
    Runt,
    /// Its link-layer destination is another station.
    OtherStation,
    /// It carries a protocol that is not handled.
    Protocol,
    /// It came in by a port without an IPv4 address.
    NoAddress,
    /// Its IPv4 header's version or lengths are wrong.
    Header,
    /// Its IPv4 header checksum is wrong.
    Checksum,
    /// No packet may come from its source address (RFC 1812 section 5.3.7).
    MartianSource,
    /// No packet may be forwarded to its destination address.
    MartianDestination,
    /// It goes to a multicast group that is routed.
    Multicast,
    /// It came as a link-layer broadcast but is for a single host (RFC 1812 section 5.3.4).
    LinkBroadcast,
    /// It goes to all hosts of an attached network (RFC 2644).
    DirectedBroadcast,
    /// No prefix holds its destination.
    NoRoute,
    /// Its prefix is routed to nowhere.
    NullRoute,
    /// It passed too many routers.
    TtlExpired,
    /// Each path's port or card is down.
    NoUsablePath,
    /// It exceeds the next link's MTU and may not be fragmented.
    TooBig,
    /// It exceeds the next link's MTU and cannot be fragmented.
    NotFragmentable,
    /// The next hop is unknown, and so many such packets came that the RP is spared.
    GleanLimited,
    /// The next hop is unknown, there is no RP to find it, and enough such packets wait for one.
    GleanHeadless,
    /// The way to the RP is full.
    PuntFull,
    /// The transmit queue of the port is full.
    TransmitFull,
    /// The way to the other card is full.
    FabricFull,
    /// It is to leave by a port that this card does not have, or that is down.
    EgressDown,
    /// An ICMP error of the card's own that could not be delivered.
    ErrorUndeliverable,
}

impl DropReason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [DropReason; 25] = [
        DropReason::PortDown,
        DropReason::Runt,
        DropReason::OtherStation,
        DropReason::Protocol,
        DropReason::NoAddress,
        DropReason::Header,
        DropReason::Checksum,
        DropReason::MartianSource,
        DropReason::MartianDestination,
        DropReason::Multicast,
        DropReason::LinkBroadcast,
        DropReason::DirectedBroadcast,
        DropReason::NoRoute,
        DropReason::NullRoute,
        DropReason::TtlExpired,
        DropReason::NoUsablePath,
        DropReason::TooBig,
        DropReason::NotFragmentable,
        DropReason::GleanLimited,
        DropReason::GleanHeadless,
        DropReason::PuntFull,
        DropReason::TransmitFull,
        DropReason::FabricFull,
        DropReason::EgressDown,
        DropReason::ErrorUndeliverable,
    ];
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            DropReason::PortDown => "port down",
            DropReason::Runt => "runt",
            DropReason::OtherStation => "other station",
            DropReason::Protocol => "unknown protocol",
            DropReason::NoAddress => "no IPv4 address on port",
            DropReason::Header => "bad IPv4 header",
            DropReason::Checksum => "bad IPv4 checksum",
            DropReason::MartianSource => "martian source",
            DropReason::MartianDestination => "martian destination",
            DropReason::Multicast => "multicast",
            DropReason::LinkBroadcast => "link broadcast",
            DropReason::DirectedBroadcast => "directed broadcast",
            DropReason::NoRoute => "no route",
            DropReason::NullRoute => "null route",
            DropReason::TtlExpired => "TTL expired",
            DropReason::NoUsablePath => "no usable path",
            DropReason::TooBig => "too big",
            DropReason::NotFragmentable => "cannot be fragmented",
            DropReason::GleanLimited => "glean rate limit",
            DropReason::GleanHeadless => "glean without RP",
            DropReason::PuntFull => "punt queue full",
            DropReason::TransmitFull => "transmit queue full",
            DropReason::FabricFull => "fabric full",
            DropReason::EgressDown => "egress down",
            DropReason::ErrorUndeliverable => "ICMP error undeliverable",
        })
    }
}

/// Counters of a whole card since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardCounters {
    drops: [u64; DropReason::ALL.len()],
    /// Packets handed to an RP or to the punt buffer.
    pub punts: u64,
    /// ICMP errors that the card originated.
    pub icmp_errors: u64,
    /// ICMP errors that the rate limit kept back.
    pub icmp_errors_limited: u64,
    /// Fragments made.
    pub fragments: u64,
    /// Messages of links that are not obeyed.
    pub fenced_messages: u64,
}

impl CardCounters {
    /// Counts one drop.
    pub fn drop(&mut self, reason: DropReason) {
        self.drops[reason as usize] += 1;
    }

    /// Drops for `reason`.
    pub fn drops(&self, reason: DropReason) -> u64 {
        self.drops[reason as usize]
    }

    /// Drops for all reasons.
    pub fn drops_total(&self) -> u64 {
        self.drops.iter().sum()
    }
}
