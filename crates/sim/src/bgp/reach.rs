//! Packets to what a neighbour announces: from another port, through the FIB, to the neighbour.

use crate::bgp::script::anchor;
use crate::card_node::port_mac;
use crate::event::Event;
use crate::host_node::host_address;
use crate::world::{FailureKind, World};
use machine::{Duration, Instant, PortId};
use packet::ethernet::{self, EtherType};
use packet::ipv4::{self, Protocol};
use packet::{MacAddress, udp};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Time between two packets.
const INTERVAL: Duration = Duration::from_millis(7);
/// How long a packet may take.
const WAY_MAX: Duration = Duration::from_millis(40);
/// How long it may take until packets arrive, once all is right.
const ARRIVES_LIMIT: Duration = Duration::from_secs(4);
const PORTS: udp::Repr = udp::Repr {
    source_port: 7_179,
    destination_port: 7_179,
};

/// What is known of the packets to one neighbour's prefix.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    number: u8,
    /// The port that they come from.
    pub(crate) from: PortId,
    next: u64,
    /// Packets on their way: when they were sent, and whether they have to arrive.
    under_way: BTreeMap<u64, (Instant, bool)>,
    /// The first whose arrival shows that there is a way again; `None`: there is one.
    proves_from: Option<u64>,
    /// Nothing is owed before.
    not_before: Instant,
    pub(crate) arrived: u64,
    pub(crate) next_at: Option<Instant>,
}

impl Reach {
    /// Packets to the prefix that neighbour `number` always announces.
    pub(crate) fn new(number: u8, from: PortId) -> Self {
        Self {
            number,
            from,
            next: 0,
            under_way: BTreeMap::new(),
            proves_from: Some(0),
            not_before: Instant::ZERO,
            arrived: 0,
            next_at: None,
        }
    }

    /// There may be no way from now on, until a packet that is sent from now on arrives.
    pub(crate) fn breaks(&mut self) {
        self.proves_from = Some(self.next);
        for (_, owed) in self.under_way.values_mut() {
            *owed = false;
        }
    }

    /// The same, and not before `until`.
    pub(crate) fn breaks_until(&mut self, until: Instant) {
        self.breaks();
        self.not_before = self.not_before.max(until);
    }

    fn target(&self) -> Ipv4Addr {
        let network = u32::from(anchor(self.number).network());
        Ipv4Addr::from(network + 9)
    }

    /// A packet came; `firm`: while the session stands.
    pub(crate) fn arrived(&mut self, destination: Ipv4Addr, datagram: &[u8], firm: bool) {
        let Ok(view) = udp::Packet::new_checked(datagram) else {
            return;
        };
        let Some(number) = view
            .payload()
            .first_chunk::<8>()
            .map(|bytes| u64::from_be_bytes(*bytes))
        else {
            return;
        };
        if destination != self.target() {
            return;
        }
        self.under_way.remove(&number);
        self.arrived += 1;
        if firm && self.proves_from.is_some_and(|from| number >= from) {
            self.proves_from = None;
        }
    }

    fn frame(&self) -> Vec<u8> {
        let mut payload = [0; 32];
        payload[..8].copy_from_slice(&self.next.to_be_bytes());
        let (source, destination) = (host_address(self.from), self.target());
        let length = PORTS.buffer_len(payload.len());
        let mut frame = vec![0; ethernet::HEADER_LEN + ipv4::HEADER_LEN + length];
        ethernet::Repr {
            destination: port_mac(self.from),
            source: MacAddress([0x02, 0x42, 0x47, 0x51, 0, self.number]),
            ether_type: EtherType::IPV4,
        }
        .emit(&mut frame);
        let header = ipv4::Repr::new(source, destination, Protocol::UDP, length as u16);
        header.emit(&mut frame[ethernet::HEADER_LEN..]);
        let body = &mut frame[ethernet::HEADER_LEN + ipv4::HEADER_LEN..];
        PORTS.emit(body, &payload, udp::Endpoints::V4(source, destination));
        frame
    }

    /// Which packet that had to arrive has not.
    fn missing(&mut self, now: Instant) -> Option<u64> {
        let over = |sent: Instant| now.saturating_since(sent) >= WAY_MAX;
        let missing = self
            .under_way
            .iter()
            .find(|(_, (sent, owed))| *owed && over(*sent));
        let missing = missing.map(|(number, _)| *number);
        self.under_way.retain(|_, (sent, _)| !over(*sent));
        missing
    }
}

impl World {
    pub(crate) fn start_reach(&mut self) {
        for node in &mut self.bgp.nodes {
            node.reach.next_at = Some(self.now + INTERVAL);
        }
        self.schedule_bgp();
    }

    pub(crate) fn reach_expire(&mut self, index: usize) {
        let now = self.now;
        let node = &mut self.bgp.nodes[index];
        if node.reach.next_at.is_none_or(|at| at > now) {
            return;
        }
        if let Some(number) = node.reach.missing(now) {
            let address = node.neighbor.config.address;
            let text = format!("packet {number} to what neighbor {address} announces is lost");
            return self.fail_safety("reach", text);
        }
        let reach = &mut node.reach;
        reach.next_at = Some(now + INTERVAL);
        // The router may have given up a session over a card that was away before the neighbour has.
        let firm = node.neighbor.is_firm() && node.excuse.is_none() && now >= node.excused_until;
        let owed = firm && reach.proves_from.is_none() && now >= reach.not_before;
        let frame = reach.frame();
        reach.under_way.insert(reach.next, (now, owed));
        reach.next += 1;
        let port = reach.from;
        let at = now + Duration::from_micros(5);
        self.queue.add(at, Event::WireToCard { port, frame });
    }

    /// Waits until packets reach each neighbour whose session stands.
    pub(crate) fn expect_reach(&mut self) {
        let before: Vec<u64> = self.bgp.nodes.iter().map(|node| node.reach.arrived).collect();
        let arrive = self.run_until(ARRIVES_LIMIT, |world| {
            let mut nodes = world.bgp.nodes.iter().zip(&before);
            nodes.all(|(node, before)| !world.bgp_is_reachable(node) || node.reach.arrived > *before)
        });
        if !arrive {
            let text = String::from("packets do not reach what a neighbor announces");
            self.fail(FailureKind::Liveness, "reach", text);
        }
    }
}
