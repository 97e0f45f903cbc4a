//! Neighbours on the wires of a world.

use crate::bgp::model::{Configuration, Facts};
use crate::bgp::neighbor::{Neighbor, NeighborConfig, News};
use crate::bgp::operator::Lines;
use crate::bgp::options::BgpOptions;
use crate::bgp::reach::Reach;
use crate::bgp::route::Routes;
use crate::bgp::script::{Script, anchor};
use crate::bgp::story::TurnCount;
use crate::card_node::port_mac;
use crate::event::Event;
use crate::host_node::router_address;
use crate::options::Options;
use crate::trace::of_bytes;
use crate::world::{FailureKind, World, host_of, port_of};
use machine::{CardSlot, Duration, Instant, PortId, Seed};
use packet::ethernet::{self, EtherType, Frame};
use packet::ipv4::{self, Protocol};
use packet::{MacAddress, arp};
use std::net::Ipv4Addr;

/// The router's AS.
pub(crate) const ROUTER_AS: u32 = 65_000;
/// Of the neighbours in other ASes the first's.
const NEIGHBOR_AS: u32 = 65_001;
/// Last octet of the first neighbour's address: above the hosts', and above the router's, so that either side wins
/// collisions in some worlds by its identifier only where the draw says so.
const NEIGHBOR_OCTET: u8 = 200;
/// Time that a frame is on a wire.
const WIRE_LATENCY: Duration = Duration::from_micros(5);
/// How long sessions and routes may take to be right once everything is mended: a failed session is tried again after
/// up to a minute, a connection that nobody answers after two.
const SETTLE_LIMIT: Duration = Duration::from_secs(200);
/// The same where a bug is planted: it shows at once.
const SETTLE_LIMIT_PLANTED: Duration = Duration::from_secs(8);
/// How often is looked whether it is so: less and less often.
const POLL: Duration = Duration::from_millis(10);
const POLL_MAX: Duration = Duration::from_millis(500);
/// For how long after a command, or a fault of a card, a session may still end because of it.
const CONSEQUENCES: Duration = Duration::from_secs(8);

/// A neighbour, and what the checkers keep of it.
pub(crate) struct BgpNode {
    pub(crate) number: u8,
    pub(crate) port: PortId,
    pub(crate) neighbor: Neighbor,
    pub(crate) script: Script,
    pub(crate) reach: Reach,
    /// Why its session may end, until it is established again.
    pub(crate) excuse: Option<(&'static str, Instant)>,
    /// Until when it may end because of a command, or of a card.
    pub(crate) excused_until: Instant,
}

/// All neighbours.
#[derive(Default)]
pub(crate) struct BgpNodes {
    pub(crate) nodes: Vec<BgpNode>,
    ticket: u64,
    scheduled: Option<Instant>,
    pub(crate) turns: TurnCount,
    /// Lines that the operator is to type.
    pub(crate) lines: Lines,
    /// Packets that came to neighbours, for planted bugs.
    pub(crate) packets: u64,
    /// The operator is to apply policy before anything is compared.
    pub(crate) last_line_due: bool,
}

/// The address of neighbour `number`.
pub(crate) fn neighbor_address(number: u8, port: PortId) -> Ipv4Addr {
    Ipv4Addr::new(10, port.card.0, port.port, NEIGHBOR_OCTET + number)
}

/// The port that neighbour `number` is on.
pub(crate) fn neighbor_port(number: u8, options: &Options) -> PortId {
    let hosts = usize::from(options.cards) * usize::from(options.ports_per_card);
    port_of(usize::from(number) % hosts, options.ports_per_card)
}

/// The AS of neighbour `number`.
pub(crate) fn neighbor_as(number: u8, options: &BgpOptions) -> u32 {
    if options.internal & 1 << number != 0 {
        ROUTER_AS
    } else {
        NEIGHBOR_AS + u32::from(number)
    }
}

/// What the factory's configuration says about BGP.
pub(crate) fn factory_lines(options: &Options) -> String {
    let bgp = &options.bgp;
    if !bgp.exists() {
        return String::new();
    }
    let mut text = format!("router bgp {ROUTER_AS}\n bgp router-id 10.0.0.1\n");
    if bgp.router_graceful {
        text.push_str(" bgp graceful-restart\n");
    }
    text.push_str(" network 10.0.0.0 mask 255.255.255.0\n");
    for number in 0..bgp.neighbors {
        let address = neighbor_address(number, neighbor_port(number, options));
        let as_number = neighbor_as(number, bgp);
        text.push_str(&format!(" neighbor {address} remote-as {as_number}\n"));
        if number % 2 == 1 {
            text.push_str(&format!(" neighbor {address} send-community\n"));
        }
    }
    text.push_str(crate::bgp::operator::factory_policy(bgp));
    text
}

impl BgpNodes {
    /// The neighbours of a world, with draws of their own.
    pub(crate) fn new(seed: u64, now: Instant, options: &Options) -> Self {
        let mut draws = Seed::new(seed ^ 0x6267_7020_7370_6561);
        let node = |number: u8| {
            let port = neighbor_port(number, options);
            let config = NeighborConfig {
                address: neighbor_address(number, port),
                mac: MacAddress([0x02, 0x42, 0x47, 0x50, 0, number]),
                router: router_address(port),
                router_mac: port_mac(port),
                as_number: neighbor_as(number, &options.bgp),
                router_as: ROUTER_AS,
                hold_time_s: options.bgp.hold_time_s.max(3),
                graceful: options.bgp.graceful & 1 << number != 0,
            };
            let mut neighbor = Neighbor::new(now, config, draws.fork());
            let mut script = Script::new(number, &options.bgp, draws.fork());
            script.begin(&mut neighbor, now);
            let hosts = options.cards * options.ports_per_card;
            let from = port_of(usize::from((number + 1) % hosts), options.ports_per_card);
            BgpNode {
                number,
                port,
                neighbor,
                script,
                reach: Reach::new(number, from),
                excuse: None,
                excused_until: Instant::ZERO,
            }
        };
        Self {
            nodes: (0..options.bgp.neighbors).map(node).collect(),
            ..Self::default()
        }
    }

    /// When the first of them has something to do.
    fn next_deadline(&self) -> Option<Instant> {
        let of_node = |node: &BgpNode| {
            let own = [
                node.neighbor.next_deadline(),
                node.script.next_at,
                node.reach.next_at,
            ];
            own.into_iter().flatten().min()
        };
        self.nodes.iter().filter_map(of_node).min()
    }
}

impl World {
    /// Lets the neighbours act when the first of them has something to do.
    pub(crate) fn schedule_bgp(&mut self) {
        let Some(at) = self.bgp.next_deadline() else {
            return;
        };
        let at = at.max(self.now + Duration::from_micros(1));
        if self.bgp.scheduled.is_some_and(|scheduled| scheduled <= at) {
            return;
        }
        self.bgp.scheduled = Some(at);
        self.bgp.ticket += 1;
        let ticket = self.bgp.ticket;
        self.queue.add(at, Event::BgpExpire { ticket });
    }

    pub(crate) fn bgp_expire(&mut self, ticket: u64) {
        if self.bgp.ticket != ticket {
            return;
        }
        self.bgp.scheduled = None;
        for index in 0..self.bgp.nodes.len() {
            let now = self.now;
            let node = &mut self.bgp.nodes[index];
            if node.neighbor.next_deadline().is_some_and(|at| at <= now) {
                node.neighbor.expire(now);
            }
            if node.script.next_at.is_some_and(|at| at <= now) {
                let what = node.script.step(&mut node.neighbor, now);
                let number = node.number;
                self.trace.note(now, "bgp", u64::from(number), || {
                    format!("neighbor {number} {what}")
                });
            }
            self.reach_expire(index);
            self.bgp_collect(index);
        }
        self.schedule_bgp();
    }

    /// Packets flow, and the scripts begin.
    pub(crate) fn start_bgp(&mut self) {
        self.start_reach();
        if self.options.bgp.settles_first {
            self.settle_bgp();
        }
        for node in &mut self.bgp.nodes {
            node.script.next_at = Some(self.now + Duration::from_millis(1 + u64::from(node.number)));
        }
        self.schedule_bgp();
    }

    /// The scripts end, everybody listens, and policy is applied.
    pub(crate) fn mend_bgp(&mut self) {
        self.apply_policy_at_last();
        for index in 0..self.bgp.nodes.len() {
            let now = self.now;
            let node = &mut self.bgp.nodes[index];
            node.script.next_at = None;
            if node.neighbor.is_deaf() {
                node.neighbor.listen_again(now);
            }
            self.bgp_collect(index);
        }
        self.schedule_bgp();
    }

    /// A frame came out of a port; the stations on its wire take what is for them.
    pub(crate) fn bgp_receive(&mut self, host: usize, frame: &[u8]) {
        let ports = self.options.ports_per_card;
        for index in 0..self.bgp.nodes.len() {
            if host_of(self.bgp.nodes[index].port, ports) == host {
                self.bgp_frame(index, frame);
                self.bgp_collect(index);
            }
        }
        self.schedule_bgp();
    }

    fn bgp_frame(&mut self, index: usize, frame: &[u8]) {
        let now = self.now;
        let node = &self.bgp.nodes[index];
        let own = (node.neighbor.config.mac, node.neighbor.config.address);
        let Ok(view) = Frame::new_checked(frame) else {
            return;
        };
        if view.destination() != own.0 && !view.destination().is_broadcast() {
            return;
        }
        if view.ether_type() == EtherType::ARP {
            let node = &mut self.bgp.nodes[index];
            node.neighbor.frames.extend(arp_answer(view.payload(), own));
            return;
        }
        let Ok(packet) = ipv4::Packet::validate(view.payload()) else {
            return;
        };
        let (arrives, besides) = self.bgp_wire(packet.bytes());
        let node = &mut self.bgp.nodes[index];
        if !arrives {
            return;
        }
        self.trace
            .note(now, "bgp", of_bytes(4, frame), || brief_segment(frame));
        if packet.destination() == own.1 && packet.protocol() == Protocol(packet::tcp::PROTOCOL) {
            node.neighbor.packet(now, packet.bytes());
            if let Some(besides) = besides {
                node.neighbor.packet(now, &besides);
            }
        } else if packet.protocol() == Protocol::UDP {
            // A session that the router has forgotten shows nothing.
            let firm = node.neighbor.is_firm() && node.excuse.is_none();
            node.reach.arrived(packet.destination(), packet.payload(), firm);
        }
    }

    /// Puts a neighbour's frames onto its wire and hears its news.
    pub(crate) fn bgp_collect(&mut self, index: usize) {
        let at = self.now + WIRE_LATENCY;
        let node = &mut self.bgp.nodes[index];
        let port = node.port;
        for frame in std::mem::take(&mut node.neighbor.frames) {
            self.trace
                .note(self.now, "bgp", of_bytes(3, &frame), || brief_segment(&frame));
            self.queue.add(at, Event::WireToCard { port, frame });
        }
        for news in std::mem::take(&mut self.bgp.nodes[index].neighbor.news) {
            self.bgp_news(index, news);
        }
    }

    fn bgp_news(&mut self, index: usize, news: News) {
        let now = self.now;
        let stands_still = self.may_end_sessions(self.standstill());
        let node = &mut self.bgp.nodes[index];
        let address = node.neighbor.config.address;
        match news {
            News::Established { opened_at } => {
                // A connection of before says nothing about what came after.
                node.excuse.take_if(|(_, at)| *at <= opened_at);
                self.trace
                    .note(now, "bgp", 1, || format!("{address} is established"));
            }
            News::Lost(loss) => {
                node.reach.breaks();
                let excused = node.excuse.is_some() || now < node.excused_until || stands_still;
                self.trace.note(now, "bgp", 2, || {
                    format!("{address} is not established any more: {loss:?}")
                });
                if !loss.own && loss.firm && !excused {
                    self.fail_safety(
                        "session",
                        format!("neighbor {address} lost its session: {}", loss.why),
                    );
                }
            }
            News::Wrong(checker, text) => self.fail_safety(checker, text),
        }
    }

    /// Sessions over this card, or all of them, may end: until they are established again, or for a while.
    pub(crate) fn excuse_bgp(&mut self, card: Option<CardSlot>, why: &'static str) {
        let until = self.now + CONSEQUENCES + Duration::from_secs(u64::from(self.options.bgp.hold_time_s));
        for node in &mut self.bgp.nodes {
            match card {
                None => {
                    node.excuse = Some((why, self.now));
                }
                Some(card) if node.port.card == card => node.excused_until = until,
                Some(_) => {}
            }
            if card.is_none_or(|card| node.port.card == card || node.reach.from.card == card) {
                node.reach.breaks();
            }
        }
    }

    /// The operator types something that ends a neighbour's session.
    pub(crate) fn bgp_reset(&mut self, number: u8) {
        let until = self.now + CONSEQUENCES;
        self.forgive(number);
        for node in self.bgp.nodes.iter_mut().filter(|node| node.number == number) {
            node.excused_until = until;
            node.reach.breaks_until(until);
        }
    }

    /// For how long all who are active have been stopped; zero when somebody works, and when nobody is active.
    fn standstill(&self) -> Duration {
        let processes = self.rps.iter().filter_map(|node| node.process.as_ref());
        let actives = processes.filter(|process| process.rp.active().is_some());
        let stopped = actives.map(|process| match process.hung {
            true => self.now.saturating_since(process.seen.frame_closed_at),
            false => Duration::ZERO,
        });
        stopped.min().unwrap_or_default()
    }

    /// Whether sessions may end when nobody has worked for so long: it is half of what neighbours wait.
    fn may_end_sessions(&self, standstill: Duration) -> bool {
        standstill * 2 >= Duration::from_secs(u64::from(self.options.bgp.hold_time_s))
    }

    /// A unit was stopped for so long, and nobody took over.
    pub(crate) fn bgp_stood_still(&mut self, time: Duration) {
        if !self.may_end_sessions(time) {
            return;
        }
        for node in &mut self.bgp.nodes {
            node.excused_until = self.now + CONSEQUENCES;
            node.reach.breaks_until(node.excused_until);
        }
    }

    /// What the active is configured with, as far as BGP depends on it.
    fn bgp_configuration(&self) -> Option<Configuration> {
        let slot = self.active()?;
        let active = self.rps[slot.index()].process.as_ref()?.rp.active()?;
        Some(Configuration::read(
            &active.clients.configuration.tree().running_config(),
        ))
    }

    /// What is not right yet with a neighbour: the checker that is there for it, and what it is.
    fn bgp_missing(&self) -> Option<(&'static str, String)> {
        let Some(configuration) = self.bgp_configuration() else {
            return Some(("session", String::from("nobody is active")));
        };
        let mut facts = Vec::new();
        for node in &self.bgp.nodes {
            let config = &node.neighbor.config;
            let wanted = configuration.wants(config.address, config.as_number);
            if wanted != node.neighbor.is_established() || wanted != node.neighbor.is_firm() {
                let is = match wanted {
                    true => "not established",
                    false => "established although it is not wanted",
                };
                return Some((
                    "session",
                    format!("the session of neighbor {} is {is}", config.address),
                ));
            }
            if let Some((why, _)) = node.excuse.filter(|_| wanted) {
                let text = format!("neighbor {} has not noticed yet: {why}", config.address);
                return Some(("session", text));
            }
            if wanted && node.neighbor.has_stale() {
                return Some((
                    "view",
                    format!("neighbor {} waits for End-of-RIB", config.address),
                ));
            }
            facts.push(Facts {
                address: config.address,
                router: config.router,
                as_number: config.as_number,
                announced: &node.neighbor.announced,
            });
        }
        let views = configuration.views(&facts);
        for (node, view) in self.bgp.nodes.iter().zip(views) {
            if let Some(difference) = difference(&view, &node.neighbor.view) {
                let address = node.neighbor.config.address;
                return Some(("view", format!("neighbor {address} {difference}")));
            }
        }
        None
    }

    /// Waits until all sessions stand, every neighbour knows what it ought to, and packets reach what is announced.
    pub(crate) fn settle_bgp(&mut self) {
        if self.bgp.nodes.is_empty() || self.failure.is_some() {
            return;
        }
        let limit = match self.options.plant {
            None => SETTLE_LIMIT,
            Some(_) => SETTLE_LIMIT_PLANTED,
        };
        let until = self.now + limit;
        let mut step = POLL;
        while self.failure.is_none() {
            let missing = match self.bgp.last_line_due {
                true => Some(("view", String::from("the operator cannot apply policy"))),
                false => self.bgp_missing(),
            };
            match missing {
                None => break,
                Some((checker, what)) if self.now >= until => {
                    self.fail(FailureKind::Liveness, checker, what);
                }
                Some(_) => {
                    self.run_for(step);
                    step = (step + POLL / 4).min(POLL_MAX);
                }
            }
        }
        self.expect_reach();
    }

    /// Whether packets to what a neighbour always announces have to arrive, when all is mended.
    pub(crate) fn bgp_is_reachable(&self, node: &BgpNode) -> bool {
        let read = self.bgp_configuration().unwrap_or_default();
        let neighbor = &node.neighbor;
        let anchor = anchor(node.number);
        let attributes = neighbor.announced.get(&anchor);
        read.wants(neighbor.config.address, neighbor.config.as_number)
            && attributes.is_some_and(|attributes| read.accepts(neighbor.config.address, &anchor, attributes))
    }
}

/// A frame with a TCP segment in few words.
fn brief_segment(frame: &[u8]) -> String {
    let packet = frame.get(ethernet::HEADER_LEN..).unwrap_or_default();
    let Ok(ip) = ipv4::Packet::validate(packet) else {
        return format!("frame of {} bytes", frame.len());
    };
    match packet::tcp::Packet::new_checked(ip.payload()) {
        Ok(segment) if ip.protocol() == Protocol(packet::tcp::PROTOCOL) => format!(
            "{}.{} > {}.{} {:?} {} acknowledges {}, {} bytes, window {}",
            ip.source(),
            segment.source_port(),
            ip.destination(),
            segment.destination_port(),
            segment.flags(),
            segment.sequence(),
            segment.acknowledgement(),
            segment.payload().len(),
            segment.window()
        ),
        _ => format!("packet to {}", ip.destination()),
    }
}

/// In what two views differ, in words.
fn difference(wanted: &Routes, known: &Routes) -> Option<String> {
    for (prefix, attributes) in wanted {
        match known.get(prefix) {
            None => return Some(format!("does not know {prefix}")),
            Some(told) if told != attributes => {
                return Some(format!("was told {prefix} with {told:?} and not {attributes:?}"));
            }
            Some(_) => {}
        }
    }
    let extra = known.keys().find(|prefix| !wanted.contains_key(prefix));
    extra.map(|prefix| format!("still knows {prefix}"))
}

/// The answer to a question for one's own address.
fn arp_answer(bytes: &[u8], own: (MacAddress, Ipv4Addr)) -> Option<Vec<u8>> {
    let question = arp::Packet::new_checked(bytes).ok()?;
    let question = arp::Repr::parse(&question).ok()?;
    if question.operation != arp::Operation::Request || question.target_address != own.1 {
        return None;
    }
    let mut frame = vec![0; ethernet::HEADER_LEN + arp::PACKET_LEN];
    ethernet::Repr {
        destination: question.sender_mac,
        source: own.0,
        ether_type: EtherType::ARP,
    }
    .emit(&mut frame);
    question.reply(own.0).emit(&mut frame[ethernet::HEADER_LEN..]);
    Some(frame)
}
