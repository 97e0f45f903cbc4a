//! The machine.

use ::machine::{Deadline, Instant, Machine, Outbox, PortId, Release};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;
use chassis::PuntTicket;
use chassis::rows::{ADJACENCY_V4_TABLE, Adjacency, AdjacencyKey};
use checkpoint::Tracked;
use core::ops::Bound;
use packet::arp::{Operation, PACKET_LEN, Packet, Repr};
use packet::ethernet::{EtherType, Frame};
use packet::icmpv4::Unreachable;
use packet::ipv4::{self, FragmentError, Fragments};
use packet::{Ipv4Addr, MacAddress, V4};

use super::deadlines::Deadlines;
use super::neighbor::{Asking, Freshness, Origin, Waiting};
use super::{
    ADJACENCIES_MAX, AGE_MAX, ANNOUNCE_INTERVAL, ANNOUNCEMENTS, ASK_INTERVAL, ASKS_MAX, ArpEvent, ArpInput,
    ArpInterface, ArpOutput, DEFEND_INTERVAL, HOLD_DOWN, QUEUED_MAX, REFRESH_BEFORE, REFRESH_INTERVAL,
    UNRESOLVED_MAX,
};
use crate::host::{ethernet_frame, frame_of, ipv4_packet};

/// Rows whose ages are started at a time after promotion.
const AGEING_BATCH: usize = 256;
/// Questions to an old adjacency before it goes.
const REFRESHES_MAX: u32 = (REFRESH_BEFORE.as_secs() / REFRESH_INTERVAL.as_secs()) as u32;

pub(super) type Key = AdjacencyKey<V4>;

/// What was refused or dropped, since the machine was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArpCounters {
    /// Frames that are no ARP packet, or no IPv4 packet where one was due.
    pub malformed: u64,
    /// Packets for a port that is down or has no address.
    pub no_interface: u64,
    /// ARP packets from outside the port's network that nobody asked for.
    pub not_on_link: u64,
    /// Packets dropped because their neighbour did not answer, or is held down.
    pub unresolved: u64,
    /// Packets dropped because a queue was full.
    pub queue_full: u64,
    /// Packets dropped because too many neighbours were being asked for.
    pub too_many_unresolved: u64,
    /// Neighbours not learnt because the table was full.
    pub table_full: u64,
    /// Punted packets that had no TTL left.
    pub expired: u64,
    /// Packets that do not fit the link and must not be fragmented.
    pub too_big: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// Goes on with starting the ages of rows.
    Ageing,
    Announce(PortId),
    Ask(Key),
    HoldDown(Key),
    Age(Key),
}

impl Timer {
    fn reason(self) -> &'static str {
        match self {
            Timer::Ageing => "ARP ages after promotion",
            Timer::Announce(_) => "ARP announcement",
            Timer::Ask(_) => "ARP retry",
            Timer::HoldDown(_) => "ARP hold-down",
            Timer::Age(_) => "ARP age",
        }
    }
}

#[derive(Clone, Debug)]
struct Interface {
    given: ArpInterface,
    announcements_left: u32,
    defended_at: Option<Instant>,
}

impl Interface {
    /// Whether `address` can be a neighbour's on this link.
    fn is_on_link(&self, address: Ipv4Addr) -> bool {
        let prefix = self.given.address.prefix();
        let is_end = prefix.broadcast() == Some(address)
            || (prefix.broadcast().is_some() && prefix.network() == address);
        prefix.contains(address) && !is_end && address != self.given.address.address()
    }
}

/// Address resolution on all ports.
#[derive(Clone, Debug)]
pub struct Arp {
    /// Neighbours' addresses on the wire; downloaded to the cards.
    pub adjacencies: Tracked<Key, Adjacency>,
    interfaces: BTreeMap<PortId, Interface>,
    freshness: BTreeMap<Key, Freshness>,
    asking: BTreeMap<Key, Asking>,
    held_down: BTreeSet<Key>,
    /// Packets in all queues of `asking`.
    queued: usize,
    timers: Deadlines<Timer>,
    /// Where starting the ages of rows goes on.
    ageing_after: Option<Key>,
    counters: ArpCounters,
}

impl Default for Arp {
    fn default() -> Self {
        Self::new()
    }
}

impl Arp {
    /// No neighbours, no interfaces.
    pub fn new() -> Self {
        Self {
            adjacencies: Tracked::with_recent_changes(ADJACENCY_V4_TABLE),
            interfaces: BTreeMap::new(),
            freshness: BTreeMap::new(),
            asking: BTreeMap::new(),
            held_down: BTreeSet::new(),
            queued: 0,
            timers: Deadlines::new(),
            ageing_after: None,
            counters: ArpCounters::default(),
        }
    }

    /// This route processor has become active; `interfaces` are the ports that are up with an address. The rows are
    /// there; their ages start in full, some with each `expire`, so that this costs the number of ports only.
    /// Addresses are not announced: to the neighbours nothing has changed.
    pub fn promoted(&mut self, now: Instant, interfaces: impl IntoIterator<Item = (PortId, ArpInterface)>) {
        self.interfaces = interfaces
            .into_iter()
            .map(|(port, given)| {
                let interface = Interface {
                    given,
                    announcements_left: 0,
                    defended_at: None,
                };
                (port, interface)
            })
            .collect();
        self.ageing_after = None;
        self.timers.set(Timer::Ageing, now);
    }

    /// What was refused or dropped.
    pub fn counters(&self) -> ArpCounters {
        self.counters
    }

    /// The ports that are up with an address.
    pub fn interfaces(&self) -> impl Iterator<Item = (PortId, &ArpInterface)> {
        self.interfaces
            .iter()
            .map(|(port, interface)| (*port, &interface.given))
    }

    /// When the neighbour was heard last; `None` for no neighbour, and shortly after promotion.
    pub(super) fn heard_at(&self, key: &Key) -> Option<Instant> {
        self.freshness.get(key).map(|freshness| freshness.heard_at)
    }

    /// Neighbours that are being asked for.
    pub(super) fn asked_for(&self) -> impl Iterator<Item = &Key> {
        self.asking.keys()
    }

    fn interface_up(&mut self, now: Instant, port: PortId, given: ArpInterface, out: &mut Outbox<ArpOutput>) {
        let before = self.interfaces.get(&port).map(|interface| interface.given);
        if before == Some(given) {
            return;
        }
        let same_addresses =
            before.is_some_and(|before| (before.mac, before.address) == (given.mac, given.address));
        if same_addresses {
            // The MTU alone changed.
            if let Some(interface) = self.interfaces.get_mut(&port) {
                interface.given = given;
            }
            return;
        }
        let interface = Interface {
            given,
            announcements_left: ANNOUNCEMENTS,
            defended_at: None,
        };
        self.forget(port, out, |key| !interface.is_on_link(key.next_hop));
        self.interfaces.insert(port, interface);
        self.announce(now, port, out);
    }

    fn interface_down(&mut self, port: PortId, out: &mut Outbox<ArpOutput>) {
        self.forget(port, out, |_| true);
        self.interfaces.remove(&port);
        self.timers.stop(&Timer::Announce(port));
    }

    /// Forgets those neighbours on `port` that `select` takes.
    fn forget(&mut self, port: PortId, out: &mut Outbox<ArpOutput>, select: impl Fn(&Key) -> bool) {
        let range = keys_of(port);
        let rows = self.adjacencies.range(range).map(|(key, _)| *key);
        for key in rows.filter(&select).collect::<Vec<_>>() {
            self.remove_adjacency(&key);
        }
        let asking = self.asking.range(range).map(|(key, _)| *key);
        for key in asking.filter(&select).collect::<Vec<_>>() {
            self.give_up(&key, out);
        }
        let held_down = self.held_down.range(range).copied();
        for key in held_down.filter(&select).collect::<Vec<_>>() {
            self.held_down.remove(&key);
            self.timers.stop(&Timer::HoldDown(key));
        }
    }

    fn remove_adjacency(&mut self, key: &Key) {
        self.adjacencies.remove(key);
        self.freshness.remove(key);
        self.timers.stop(&Timer::Age(*key));
    }

    fn announce(&mut self, now: Instant, port: PortId, out: &mut Outbox<ArpOutput>) {
        let Some(interface) = self.interfaces.get_mut(&port) else {
            return;
        };
        let (mac, address) = (interface.given.mac, interface.given.address.address());
        inject(
            port,
            MacAddress::BROADCAST,
            mac,
            &Repr::gratuitous(mac, address),
            out,
        );
        interface.announcements_left = interface.announcements_left.saturating_sub(1);
        if interface.announcements_left > 0 {
            self.timers.set(Timer::Announce(port), now + ANNOUNCE_INTERVAL);
        }
    }

    fn packet(&mut self, now: Instant, port: PortId, frame: &[u8], out: &mut Outbox<ArpOutput>) {
        let Some(packet) = parse(frame) else {
            self.counters.malformed += 1;
            return;
        };
        let Some(interface) = self.interfaces.get_mut(&port) else {
            self.counters.no_interface += 1;
            return;
        };
        let own = interface.given.address.address();
        let mac = interface.given.mac;
        if packet.sender_mac == mac {
            return;
        }
        if packet.sender_address == own {
            let is_due = interface.defended_at.is_none_or(|at| now - at >= DEFEND_INTERVAL);
            if is_due {
                interface.defended_at = Some(now);
                inject(port, MacAddress::BROADCAST, mac, &Repr::gratuitous(mac, own), out);
                out.now(ArpOutput::Log(ArpEvent::DuplicateAddress {
                    port,
                    address: own,
                    mac: packet.sender_mac,
                }));
            }
            return;
        }
        let is_probe = packet.sender_address.is_unspecified();
        if !is_probe && !self.hear(now, port, &packet, out) {
            return;
        }
        if packet.operation == Operation::Request && packet.target_address == own {
            inject(port, packet.sender_mac, mac, &packet.reply(mac), out);
        }
    }

    /// Learns from a packet's sender what may be learnt; returns whether the sender is somebody to talk to.
    fn hear(&mut self, now: Instant, port: PortId, packet: &Repr, out: &mut Outbox<ArpOutput>) -> bool {
        let key = Key {
            port,
            next_hop: packet.sender_address,
        };
        let Some(interface) = self.interfaces.get(&port) else {
            return false;
        };
        let is_known = self.adjacencies.contains_key(&key);
        let is_awaited = self.asking.contains_key(&key);
        // Whoever was asked for may be beyond the link's network: a proxy answers for it.
        if !interface.is_on_link(key.next_hop) && !is_known && !is_awaited {
            self.counters.not_on_link += 1;
            return false;
        }
        let asks_us = packet.operation == Operation::Request
            && packet.target_address == interface.given.address.address();
        if is_known || is_awaited || asks_us {
            self.learn(now, key, packet.sender_mac, out);
        }
        true
    }

    fn learn(&mut self, now: Instant, key: Key, mac: MacAddress, out: &mut Outbox<ArpOutput>) {
        if !self.adjacencies.contains_key(&key) && self.adjacencies.len() >= ADJACENCIES_MAX {
            self.counters.table_full += 1;
            return;
        }
        self.adjacencies.insert(key, Adjacency { mac });
        self.start_age(now, key);
        if self.held_down.remove(&key) {
            self.timers.stop(&Timer::HoldDown(key));
        }
        if let Some(asking) = self.asking.remove(&key) {
            self.timers.stop(&Timer::Ask(key));
            let queue = asking.into_queue();
            self.queued -= queue.len();
            for waiting in queue {
                let origin = waiting.origin;
                self.transmit(key.port, mac, waiting, out);
                let_go(origin, out);
            }
        }
    }

    fn start_age(&mut self, now: Instant, key: Key) {
        let freshness = Freshness {
            heard_at: now,
            asked: 0,
        };
        self.freshness.insert(key, freshness);
        self.timers.set(Timer::Age(key), now + (AGE_MAX - REFRESH_BEFORE));
    }

    fn glean(
        &mut self,
        now: Instant,
        port: PortId,
        next_hop: Ipv4Addr,
        frame: &[u8],
        punt: PuntTicket,
        out: &mut Outbox<ArpOutput>,
    ) {
        let Some(packet) = ipv4_packet(frame) else {
            self.counters.malformed += 1;
            return;
        };
        let mut packet = packet.to_vec();
        let left = match ipv4::Packet::new_checked(packet.as_mut_slice()) {
            Ok(mut view) => view.decrement_ttl(),
            Err(_) => None,
        };
        // The card has answered these with an ICMP error and does not punt them.
        if left.is_none_or(|ttl| ttl == 0) {
            self.counters.expired += 1;
            return;
        }
        let waiting = Waiting {
            packet,
            origin: Origin::Transit(punt),
        };
        self.send(now, Key { port, next_hop }, waiting, out);
    }

    fn send(&mut self, now: Instant, key: Key, waiting: Waiting, out: &mut Outbox<ArpOutput>) {
        if !self.interfaces.contains_key(&key.port) {
            self.counters.no_interface += 1;
            return;
        }
        if let Some(adjacency) = self.adjacencies.get(&key) {
            let mac = adjacency.mac;
            return self.transmit(key.port, mac, waiting, out);
        }
        if self.held_down.contains(&key) {
            return self.undeliverable(waiting, out);
        }
        let is_new = !self.asking.contains_key(&key);
        if is_new && self.asking.len() >= UNRESOLVED_MAX {
            self.counters.too_many_unresolved += 1;
            return;
        }
        let asking = self.asking.entry(key).or_default();
        // A full queue of its own gives up its oldest, so it needs no room; the others' queues are not touched.
        if asking.is_full() || self.queued < QUEUED_MAX {
            if let Origin::Transit(punt) = waiting.origin {
                out.now(ArpOutput::Kept { punt });
            }
            match asking.push(waiting) {
                Some(displaced) => {
                    self.counters.queue_full += 1;
                    let_go(displaced.origin, out);
                }
                None => self.queued += 1,
            }
        } else {
            self.counters.queue_full += 1;
        }
        if is_new {
            self.ask(now, key, out);
        }
    }

    /// Asks for the neighbour that is being asked for, or gives it up.
    fn ask(&mut self, now: Instant, key: Key, out: &mut Outbox<ArpOutput>) {
        let Some(asking) = self.asking.get_mut(&key) else {
            return;
        };
        if asking.asked >= ASKS_MAX {
            if self.held_down.len() < UNRESOLVED_MAX {
                self.held_down.insert(key);
                self.timers.set(Timer::HoldDown(key), now + HOLD_DOWN);
            }
            return self.give_up(&key, out);
        }
        asking.asked += 1;
        self.timers.set(Timer::Ask(key), now + ASK_INTERVAL);
        self.request(key, MacAddress::BROADCAST, out);
    }

    fn request(&self, key: Key, destination: MacAddress, out: &mut Outbox<ArpOutput>) {
        if let Some(interface) = self.interfaces.get(&key.port) {
            let (mac, own) = (interface.given.mac, interface.given.address.address());
            inject(
                key.port,
                destination,
                mac,
                &Repr::request(mac, own, key.next_hop),
                out,
            );
        }
    }

    /// Drops what waits for `key`.
    fn give_up(&mut self, key: &Key, out: &mut Outbox<ArpOutput>) {
        self.timers.stop(&Timer::Ask(*key));
        let Some(asking) = self.asking.remove(key) else {
            return;
        };
        let queue = asking.into_queue();
        self.queued -= queue.len();
        for waiting in queue {
            let origin = waiting.origin;
            self.undeliverable(waiting, out);
            let_go(origin, out);
        }
    }

    fn undeliverable(&mut self, waiting: Waiting, out: &mut Outbox<ArpOutput>) {
        self.counters.unresolved += 1;
        if !matches!(waiting.origin, Origin::Own(_)) {
            // RFC 1812 section 5.2.7.1: code 1, the destination host cannot be reached.
            out.now(ArpOutput::Undeliverable {
                packet: waiting.packet,
                reason: Unreachable::Host,
            });
        }
    }

    /// Sends a packet to a neighbour whose address on the wire is known.
    fn transmit(&mut self, port: PortId, mac: MacAddress, waiting: Waiting, out: &mut Outbox<ArpOutput>) {
        let Some(interface) = self.interfaces.get(&port) else {
            return;
        };
        let (own, mtu) = (interface.given.mac, interface.given.mtu);
        let release = match waiting.origin {
            Origin::Own(release) => release,
            Origin::Transit(_) => Release::Now,
        };
        if waiting.packet.len() <= usize::from(mtu) {
            let frame = ethernet_frame(mac, own, &waiting.packet);
            return out.push(release, ArpOutput::Inject { port, frame });
        }
        match fragments(&waiting.packet, usize::from(mtu)) {
            Ok(parts) => {
                for part in parts {
                    let frame = ethernet_frame(mac, own, &part);
                    out.push(release, ArpOutput::Inject { port, frame });
                }
            }
            Err(error) => {
                self.counters.too_big += 1;
                if !matches!(waiting.origin, Origin::Own(_)) && error == FragmentError::DontFragment {
                    out.now(ArpOutput::Undeliverable {
                        packet: waiting.packet,
                        reason: Unreachable::FragmentationNeeded { next_hop_mtu: mtu },
                    });
                }
            }
        }
    }

    /// The adjacency has become old: asks its neighbour, or removes it after the last question.
    fn aged(&mut self, now: Instant, key: Key, out: &mut Outbox<ArpOutput>) {
        let Some(adjacency) = self.adjacencies.get(&key) else {
            return;
        };
        let mac = adjacency.mac;
        let Some(freshness) = self.freshness.get_mut(&key) else {
            return;
        };
        if freshness.asked >= REFRESHES_MAX {
            return self.remove_adjacency(&key);
        }
        freshness.asked += 1;
        self.timers.set(Timer::Age(key), now + REFRESH_INTERVAL);
        self.request(key, mac, out);
    }

    /// Starts the ages of the next rows that have none.
    fn start_ages(&mut self, now: Instant) {
        let start = self.ageing_after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.adjacencies.range((start, Bound::Unbounded));
        let keys: Vec<_> = rows.take(AGEING_BATCH).map(|(key, _)| *key).collect();
        for key in &keys {
            if !self.freshness.contains_key(key) {
                self.start_age(now, *key);
            }
        }
        self.ageing_after = keys.last().copied();
        if keys.len() == AGEING_BATCH {
            self.timers.set(Timer::Ageing, now);
        }
    }

    fn fire(&mut self, now: Instant, timer: Timer, out: &mut Outbox<ArpOutput>) {
        match timer {
            Timer::Ageing => self.start_ages(now),
            Timer::Announce(port) => self.announce(now, port, out),
            Timer::Ask(key) => self.ask(now, key, out),
            Timer::HoldDown(key) => {
                self.held_down.remove(&key);
            }
            Timer::Age(key) => self.aged(now, key, out),
        }
    }
}

impl Machine for Arp {
    type Input = ArpInput;
    type Output = ArpOutput;

    fn handle(&mut self, now: Instant, input: ArpInput, out: &mut Outbox<ArpOutput>) {
        match input {
            ArpInput::InterfaceUp { port, interface } => self.interface_up(now, port, interface, out),
            ArpInput::InterfaceDown { port } => self.interface_down(port, out),
            ArpInput::Packet { port, frame } => self.packet(now, port, &frame, out),
            ArpInput::Glean {
                port,
                next_hop,
                frame,
                punt,
            } => self.glean(now, port, next_hop, &frame, punt, out),
            ArpInput::Send {
                port,
                next_hop,
                packet,
                release,
            } => {
                let waiting = Waiting {
                    packet,
                    origin: Origin::Own(release),
                };
                self.send(now, Key { port, next_hop }, waiting, out);
            }
        }
    }

    fn expire(&mut self, now: Instant, out: &mut Outbox<ArpOutput>) {
        // Starting ages goes on at the same moment, but not in the same turn.
        let mut ageing = false;
        while let Some(timer) = self.timers.pop_due(now) {
            if timer == Timer::Ageing && ageing {
                self.timers.set(timer, now);
                break;
            }
            ageing |= timer == Timer::Ageing;
            self.fire(now, timer, out);
        }
    }

    fn next_deadline(&self) -> Option<Deadline> {
        self.timers.next().map(|(at, timer)| (at, timer.reason()))
    }
}

/// A packet has left its queue.
fn let_go(origin: Origin, out: &mut Outbox<ArpOutput>) {
    if let Origin::Transit(punt) = origin {
        out.now(ArpOutput::LetGo { punt });
    }
}

/// The range of keys of one port.
fn keys_of(port: PortId) -> (Bound<Key>, Bound<Key>) {
    let key = |next_hop| Bound::Included(Key { port, next_hop });
    (key(Ipv4Addr::UNSPECIFIED), key(Ipv4Addr::BROADCAST))
}

/// The ARP packet in `frame`, if it makes sense and a single station sent it.
fn parse(frame: &[u8]) -> Option<Repr> {
    let frame = Frame::new_checked(frame).ok()?;
    if frame.ether_type() != EtherType::ARP {
        return None;
    }
    let packet = Repr::parse(&Packet::new_checked(frame.payload()).ok()?).ok()?;
    packet.sender_mac.is_unicast().then_some(packet)
}

fn inject(
    port: PortId,
    destination: MacAddress,
    source: MacAddress,
    packet: &Repr,
    out: &mut Outbox<ArpOutput>,
) {
    let mut bytes = [0; PACKET_LEN];
    packet.emit(&mut bytes);
    let frame = frame_of(destination, source, EtherType::ARP, &bytes);
    out.now(ArpOutput::Inject { port, frame });
}

/// The fragments of `packet` for a link of `mtu` bytes.
fn fragments(packet: &[u8], mtu: usize) -> Result<Vec<Vec<u8>>, FragmentError> {
    let mut fragments = Fragments::new(packet, mtu)?;
    let mut buffer = vec![0; mtu];
    let mut parts = Vec::new();
    while let Some(length) = fragments.next_into(&mut buffer) {
        parts.push(buffer[..length].to_vec());
    }
    Ok(parts)
}
