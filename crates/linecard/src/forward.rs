//! The fate of one packet.
//!
//! ```text
//!  frame ─▶ link checks ─▶ ARP ──────────────────────────────────────▶ punt
//!                │
//!                └─▶ IPv4 header ─▶ martians ─▶ FIB ─▶ own address ──▶ punt
//!                                                │
//!                                    TTL ─▶ path ─▶ MTU ─▶ adjacency ─▶ transmit | fabric
//!                                     │              │         └─ none ▶ punt (glean)
//!                                     └── ICMP error ┴─▶ FIB ─▶ path ─▶ adjacency ─▶ ...
//! ```
//!
//! The card that a packet enters decides everything: it knows the ports and adjacencies of the whole chassis, so what
//! crosses the fabric is a finished frame for a port. Deciding ([`decide`]) reads the tables and the packet;
//! acting ([`ForwardingPlane`]) changes the packet in its buffer, sends it and counts. Neither allocates.
//!
//! A gleaned packet is punted as it came in: its TTL is still that of the link before.

use alloc::vec;
use alloc::vec::Vec;

use chassis::LinkId;
use chassis::message::{PortCounters, PuntReason};
use chassis::rows::{AdjacencyKey, FibEntry, Path, PortConfiguration};
use machine::{CardSlot, Instant, PortId};
use packet::ethernet::{self, EtherType, Frame};
use packet::icmpv4::error::{self, Cause};
use packet::icmpv4::{Exceeded, Unreachable};
use packet::ipv4::{self, Fragments, Packet};
use packet::{Ipv4Addr, MacAddress, ParseError, V4};

use crate::counters::{CardCounters, DropReason};
use crate::flow;
use crate::limit::TokenBucket;
use crate::punt::PuntBuffer;
use crate::sink::{Sink, Taken};
use crate::tables::Tables;

const FABRIC_SLOTS: usize = CardSlot::MAX as usize + 1;
/// An Ethernet header and the largest IPv4 packet.
const SCRATCH_BYTES: usize = ethernet::HEADER_LEN + u16::MAX as usize;

/// The next link, and how a frame on it is addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// The port to leave by, of any card.
    pub port: PortId,
    /// That port's own address.
    pub source: MacAddress,
    /// The neighbour's address.
    pub destination: MacAddress,
    /// The largest IP packet that the link carries, in bytes.
    pub mtu: u16,
}

/// What is to be done with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send it on, whole.
    Forward(NextHop),
    /// Send it on in fragments.
    Fragment(NextHop),
    /// It is for the route processor.
    Punt(PuntReason),
    /// Drop it, and tell its source why.
    Refuse(Cause, DropReason),
    /// Drop it.
    Drop(DropReason),
}

/// Which links of the chassis can be used.
#[derive(Clone, Debug)]
pub struct Links {
    slot: CardSlot,
    /// Whether the wire is connected, for each own port.
    ports_up: Vec<bool>,
    peers_up: [bool; FABRIC_SLOTS],
}

impl Links {
    fn is_usable(&self, port: PortId) -> bool {
        if port.card == self.slot {
            return self.ports_up.get(usize::from(port.port)).is_some_and(|up| *up);
        }
        self.peers_up.get(usize::from(port.card.0)).is_some_and(|up| *up)
    }
}

/// What the tables and links say about an Ethernet frame that came in by `ingress`.
pub fn decide(tables: &Tables, links: &Links, flow_seed: u64, ingress: PortId, frame: &[u8]) -> Verdict {
    let Some(configuration) = tables
        .ports
        .get(&ingress)
        .filter(|configuration| configuration.admin_up)
    else {
        return Verdict::Drop(DropReason::PortDown);
    };
    let Ok(ethernet) = Frame::new_checked(frame) else {
        return Verdict::Drop(DropReason::Runt);
    };
    let destination = ethernet.destination();
    if destination != configuration.mac && !destination.is_group() {
        return Verdict::Drop(DropReason::OtherStation);
    }
    match ethernet.ether_type() {
        EtherType::ARP => Verdict::Punt(PuntReason::Arp),
        EtherType::IPV4 => {
            let packet = match Packet::validate(ethernet.payload()) {
                Ok(packet) => packet,
                Err(ParseError::Checksum) => return Verdict::Drop(DropReason::Checksum),
                Err(_) => return Verdict::Drop(DropReason::Header),
            };
            decide_ipv4(
                tables,
                links,
                flow_seed,
                configuration,
                destination.is_group(),
                &packet,
            )
        }
        _ => Verdict::Drop(DropReason::Protocol),
    }
}

fn decide_ipv4(
    tables: &Tables,
    links: &Links,
    flow_seed: u64,
    configuration: &PortConfiguration,
    link_group: bool,
    packet: &Packet<&[u8]>,
) -> Verdict {
    let Some(address) = configuration.ipv4 else {
        return Verdict::Drop(DropReason::NoAddress);
    };
    if ipv4::is_martian_source(packet.source()) {
        return Verdict::Drop(DropReason::MartianSource);
    }
    let destination = packet.destination();
    // Groups of the link itself (224.0.0.0/24, RFC 5771) and all hosts on it mean this router too.
    let to_link = destination.is_broadcast()
        || destination.octets()[..3] == [224, 0, 0]
        || address.prefix().broadcast() == Some(destination);
    if to_link {
        return Verdict::Punt(PuntReason::Receive);
    }
    if destination.is_multicast() {
        return Verdict::Drop(DropReason::Multicast);
    }
    if ipv4::is_martian_destination(destination) {
        return Verdict::Drop(DropReason::MartianDestination);
    }
    if link_group {
        return Verdict::Drop(DropReason::LinkBroadcast);
    }
    route(tables, links, flow_seed, packet, true)
}

/// What the tables and links say about a valid IPv4 packet: one in `transit`, or one of the card's own.
pub fn route(
    tables: &Tables,
    links: &Links,
    flow_seed: u64,
    packet: &Packet<&[u8]>,
    transit: bool,
) -> Verdict {
    let destination = packet.destination();
    let paths = match tables.v4.fib.lookup(destination) {
        None => return Verdict::Refuse(Cause::Unreachable(Unreachable::Network), DropReason::NoRoute),
        Some(FibEntry::Receive) => return Verdict::Punt(PuntReason::Receive),
        Some(FibEntry::Drop) => return Verdict::Drop(DropReason::NullRoute),
        Some(FibEntry::Via(paths)) => paths,
    };
    // A single path needs no hash.
    let hash = if paths.len() > 1 {
        flow::flow_hash(flow_seed, packet)
    } else {
        0
    };
    let usable = |path: &Path<V4>| {
        links.is_usable(path.port) && tables.ports.get(&path.port).is_some_and(|port| port.admin_up)
    };
    let chosen = flow::choose(paths, hash, usable);
    let Some((path, port)) = chosen.and_then(|path| Some((path, tables.ports.get(&path.port)?))) else {
        let cause = Cause::Unreachable(Unreachable::Network);
        return Verdict::Refuse(cause, DropReason::NoUsablePath);
    };
    let attached_broadcast = || port.ipv4.and_then(|address| address.prefix().broadcast());
    if path.next_hop.is_none() && attached_broadcast() == Some(destination) {
        return Verdict::Drop(DropReason::DirectedBroadcast);
    }
    if transit && packet.ttl() <= 1 {
        return Verdict::Refuse(Cause::Exceeded(Exceeded::InTransit), DropReason::TtlExpired);
    }
    let fits = packet.total_len() <= usize::from(port.mtu);
    if !fits && packet.dont_fragment() {
        let reason = Unreachable::FragmentationNeeded {
            next_hop_mtu: port.mtu,
        };
        return Verdict::Refuse(Cause::Unreachable(reason), DropReason::TooBig);
    }
    let key = AdjacencyKey {
        port: path.port,
        next_hop: path.next_hop.unwrap_or(destination),
    };
    let Some(adjacency) = tables.v4.adjacencies.get(&key) else {
        return Verdict::Punt(PuntReason::Glean);
    };
    let next_hop = NextHop {
        port: path.port,
        source: port.mac,
        destination: adjacency.mac,
        mtu: port.mtu,
    };
    if fits {
        Verdict::Forward(next_hop)
    } else {
        Verdict::Fragment(next_hop)
    }
}

/// Rates that protect the RP and the world from what packets make the card send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// ICMP errors a second that the card originates (RFC 1812 section 4.3.2.8).
    pub icmp_errors_per_second: u32,
    /// Packets to unknown neighbours a second that are punted.
    pub gleans_per_second: u32,
    /// How many of either may come at once.
    pub burst: u32,
    /// Packets that are kept until an RP has consumed them, whether one is there or not.
    pub buffered_punts: usize,
    /// Bytes of such packets.
    pub buffered_punt_bytes: usize,
    /// Packets to unknown neighbours among them beyond which no more are taken while there is no RP.
    pub buffered_gleans: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            icmp_errors_per_second: 1000,
            gleans_per_second: 1000,
            burst: 100,
            buffered_punts: 4096,
            buffered_punt_bytes: 4 * 1024 * 1024,
            buffered_gleans: 256,
        }
    }
}

/// What acts on packets: tables, links, limits, counters and the way to the RP.
#[derive(Debug)]
pub struct ForwardingPlane {
    /// The downloaded tables.
    pub tables: Tables,
    /// Which links can be used.
    pub links: Links,
    /// Counters of each own port, by its number.
    pub port_counters: Vec<PortCounters>,
    /// Counters of the whole card.
    pub counters: CardCounters,
    /// Punts that no RP has consumed.
    pub punt_buffer: PuntBuffer,
    /// The RP that takes punts.
    pub rp: Option<LinkId>,
    icmp_limit: TokenBucket,
    glean_limit: TokenBucket,
    buffered_gleans: usize,
    flow_seed: u64,
    /// Identification of the next packet that the card originates.
    identification: u16,
    /// Where ICMP errors and fragments are built.
    scratch: Vec<u8>,
}

impl ForwardingPlane {
    /// A plane without tables, with all links down.
    pub fn new(now: Instant, slot: CardSlot, ports: usize, limits: Limits, flow_seed: u64) -> Self {
        Self {
            tables: Tables::default(),
            links: Links {
                slot,
                ports_up: vec![false; ports],
                peers_up: [false; FABRIC_SLOTS],
            },
            port_counters: vec![PortCounters::default(); ports],
            counters: CardCounters::default(),
            punt_buffer: PuntBuffer::new(limits.buffered_punts, limits.buffered_punt_bytes),
            rp: None,
            icmp_limit: TokenBucket::new(now, limits.icmp_errors_per_second, limits.burst),
            glean_limit: TokenBucket::new(now, limits.gleans_per_second, limits.burst),
            buffered_gleans: limits.buffered_gleans,
            flow_seed,
            identification: 0,
            scratch: vec![0; SCRATCH_BYTES],
        }
    }

    /// Sets whether an own port's wire is connected; returns whether that changed. Unknown ports never change.
    pub fn set_port_up(&mut self, port: PortId, up: bool) -> bool {
        let own = port.card == self.links.slot;
        let place = self
            .links
            .ports_up
            .get_mut(usize::from(port.port))
            .filter(|_| own);
        place.is_some_and(|place| core::mem::replace(place, up) != up)
    }

    /// Sets whether another card can be reached over the fabric.
    pub fn set_peer_up(&mut self, card: CardSlot, up: bool) -> bool {
        match self.links.peers_up.get_mut(usize::from(card.0)) {
            Some(place) => core::mem::replace(place, up) != up,
            None => false,
        }
    }

    /// The cards that can be reached over the fabric.
    pub fn peers_up(&self) -> impl Iterator<Item = CardSlot> + '_ {
        let cards = (0..=CardSlot::MAX).map(CardSlot).zip(&self.links.peers_up);
        cards.filter(|(_, up)| **up).map(|(card, _)| card)
    }

    /// Whether an own port's wire is connected.
    pub fn port_is_up(&self, port: PortId) -> bool {
        port.card == self.links.slot && self.links.is_usable(port)
    }

    /// Takes a frame that came in by `ingress` to its fate. The frame's bytes are changed on the way.
    pub fn receive<S: Sink>(&mut self, now: Instant, ingress: PortId, frame: &mut [u8], sink: &mut S) {
        let own = ingress.card == self.links.slot;
        let Some(counters) = self
            .port_counters
            .get_mut(usize::from(ingress.port))
            .filter(|_| own)
        else {
            self.counters.drop(DropReason::PortDown);
            return;
        };
        counters.input_packets += 1;
        counters.input_bytes += frame.len() as u64;
        let done = match decide(&self.tables, &self.links, self.flow_seed, ingress, frame) {
            Verdict::Forward(next_hop) => self.forward(next_hop, frame, sink),
            Verdict::Fragment(next_hop) => self.fragment(next_hop, frame, sink),
            Verdict::Punt(reason) => self.punt(now, ingress, reason, frame, sink),
            Verdict::Refuse(cause, reason) => {
                self.refuse(now, cause, ingress, frame, sink);
                Err(reason)
            }
            Verdict::Drop(reason) => Err(reason),
        };
        if let Err(reason) = done {
            self.counters.drop(reason);
            self.port_counters[usize::from(ingress.port)].input_drops += 1;
        }
    }

    /// Sends a finished frame, from the fabric or from the RP, out of an own port.
    pub fn transmit_finished<S: Sink>(&mut self, port: PortId, frame: &[u8], sink: &mut S) {
        let admin_up = self
            .tables
            .ports
            .get(&port)
            .is_some_and(|configuration| configuration.admin_up);
        let done = if frame.len() < ethernet::HEADER_LEN {
            Err(DropReason::Runt)
        } else if !admin_up || !self.port_is_up(port) {
            Err(DropReason::EgressDown)
        } else {
            self.output(port, frame, sink)
        };
        if let Err(reason) = done {
            self.counters.drop(reason);
        }
    }

    /// Hands punts that wait to the RP, oldest first, as far as the way to it has room.
    pub fn hand_over_punts<S: Sink>(&mut self, link: LinkId, sink: &mut S) {
        while let Some(punt) = self.punt_buffer.first_waiting()
            && sink.punt(link, punt.port, punt.reason, &punt.frame) == Taken::Queued
        {
            self.punt_buffer.first_was_handed_over();
        }
    }

    fn forward<S: Sink>(
        &mut self,
        next_hop: NextHop,
        frame: &mut [u8],
        sink: &mut S,
    ) -> Result<(), DropReason> {
        let length = pass_on(next_hop, frame)?;
        self.output(next_hop.port, &frame[..length], sink)
    }

    fn fragment<S: Sink>(
        &mut self,
        next_hop: NextHop,
        frame: &mut [u8],
        sink: &mut S,
    ) -> Result<(), DropReason> {
        let length = pass_on(next_hop, frame)?;
        let (header, packet) = frame[..length].split_at(ethernet::HEADER_LEN);
        let Ok(mut fragments) = Fragments::new(packet, usize::from(next_hop.mtu)) else {
            return Err(DropReason::NotFragmentable);
        };
        let mut scratch = core::mem::take(&mut self.scratch);
        scratch[..ethernet::HEADER_LEN].copy_from_slice(header);
        let mut done = Ok(());
        while let Some(length) = fragments.next_into(&mut scratch[ethernet::HEADER_LEN..]) {
            self.counters.fragments += 1;
            // One lost fragment loses the packet: the rest would only take room.
            done = self.output(next_hop.port, &scratch[..ethernet::HEADER_LEN + length], sink);
            if done.is_err() {
                break;
            }
        }
        self.scratch = scratch;
        done
    }

    fn punt<S: Sink>(
        &mut self,
        now: Instant,
        ingress: PortId,
        reason: PuntReason,
        frame: &[u8],
        sink: &mut S,
    ) -> Result<(), DropReason> {
        if reason == PuntReason::Glean && !self.glean_limit.take(now) {
            return Err(DropReason::GleanLimited);
        }
        match self.rp {
            // A storm of packets to nowhere must not push out what else waits; the neighbour's next packet asks again.
            None if reason == PuntReason::Glean && self.punt_buffer.gleans() >= self.buffered_gleans => {
                return Err(DropReason::GleanHeadless);
            }
            None => self.punt_buffer.push(ingress, reason, frame),
            Some(link) => {
                self.hand_over_punts(link, sink);
                if self.punt_buffer.waiting() > 0 {
                    self.punt_buffer.push(ingress, reason, frame);
                } else if sink.punt(link, ingress, reason, frame) == Taken::Queued {
                    self.punt_buffer.push_handed_over(ingress, reason, frame);
                } else {
                    return Err(DropReason::PuntFull);
                }
            }
        }
        self.counters.punts += 1;
        Ok(())
    }

    /// Tells the source of the packet in `frame` why it was dropped, as far as rules and rate allow.
    fn refuse<S: Sink>(&mut self, now: Instant, cause: Cause, ingress: PortId, frame: &[u8], sink: &mut S) {
        let (header, packet) = frame.split_at(ethernet::HEADER_LEN);
        let link_group = header[0] & 1 == 1;
        let address = self.tables.ports.get(&ingress).and_then(|port| port.ipv4);
        let Some(address) = address.filter(|_| error::may_send_error_about(packet, link_group).is_ok())
        else {
            return;
        };
        if !self.icmp_limit.take(now) {
            self.counters.icmp_errors_limited += 1;
            return;
        }
        let mut scratch = core::mem::take(&mut self.scratch);
        let done = self.send_error(now, cause, ingress, address.address(), packet, &mut scratch, sink);
        self.scratch = scratch;
        match done {
            Ok(()) => self.counters.icmp_errors += 1,
            Err(reason) => self.counters.drop(reason),
        }
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "the packet, its way back, and where to build the answer"
    )]
    fn send_error<S: Sink>(
        &mut self,
        now: Instant,
        cause: Cause,
        ingress: PortId,
        from: Ipv4Addr,
        about: &[u8],
        scratch: &mut [u8],
        sink: &mut S,
    ) -> Result<(), DropReason> {
        self.identification = self.identification.wrapping_add(1);
        let (header, room) = scratch.split_at_mut(ethernet::HEADER_LEN);
        let Ok(length) = error::build(cause, from, self.identification, about, room) else {
            return Err(DropReason::ErrorUndeliverable);
        };
        let Ok(packet) = Packet::new_checked(&room[..length]) else {
            return Err(DropReason::ErrorUndeliverable);
        };
        let verdict = route(&self.tables, &self.links, self.flow_seed, &packet, false);
        let length = ethernet::HEADER_LEN + length;
        let mut ethernet = ethernet::Repr {
            destination: MacAddress::ZERO,
            source: MacAddress::ZERO,
            ether_type: EtherType::IPV4,
        };
        match verdict {
            Verdict::Forward(next_hop) => {
                ethernet.destination = next_hop.destination;
                ethernet.source = next_hop.source;
                ethernet.emit(header);
                self.output(next_hop.port, &scratch[..length], sink)
            }
            // The RP finds the neighbour; the error goes on from there.
            Verdict::Punt(PuntReason::Glean) => {
                ethernet.emit(header);
                self.punt(now, ingress, PuntReason::Glean, &scratch[..length], sink)
            }
            _ => Err(DropReason::ErrorUndeliverable),
        }
    }

    /// Sends a finished frame out of a port, here or on another card.
    fn output<S: Sink>(&mut self, port: PortId, frame: &[u8], sink: &mut S) -> Result<(), DropReason> {
        if port.card != self.links.slot {
            return match sink.fabric(port, frame) {
                Taken::Queued => Ok(()),
                Taken::Full => Err(DropReason::FabricFull),
            };
        }
        let counters = self
            .port_counters
            .get_mut(usize::from(port.port))
            .ok_or(DropReason::EgressDown)?;
        match sink.transmit(port, frame) {
            Taken::Queued => {
                counters.output_packets += 1;
                counters.output_bytes += frame.len() as u64;
                Ok(())
            }
            Taken::Full => {
                counters.output_drops += 1;
                Err(DropReason::TransmitFull)
            }
        }
    }
}

/// Makes the valid IPv4 packet in `frame` one for the next link: TTL, checksum, addresses. Returns the frame's
/// length without the padding of the link before.
fn pass_on(next_hop: NextHop, frame: &mut [u8]) -> Result<usize, DropReason> {
    let mut ethernet = Frame::new_checked(&mut *frame).map_err(|_| DropReason::Runt)?;
    ethernet.set_destination(next_hop.destination);
    ethernet.set_source(next_hop.source);
    let mut packet = Packet::new_checked(ethernet.payload_mut()).map_err(|_| DropReason::Header)?;
    packet.decrement_ttl().ok_or(DropReason::TtlExpired)?;
    Ok(ethernet::HEADER_LEN + packet.total_len())
}
