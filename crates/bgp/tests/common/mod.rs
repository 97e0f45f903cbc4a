//! Speakers joined by connections that lose nothing, with a standby beside each whose state is what it was sent.

#![allow(dead_code, reason = "each test uses its part")]

use bgp::{
    Direction, Families, NeighborConfig, PeerId, Speaker, SpeakerConfig, SpeakerInput, SpeakerOutput, TABLES,
};
use checkpoint::laws::Pair;
use checkpoint::{Table, TableId, Tables};
use machine::{Duration, Instant, Machine, Outbox, Seed};
use packet::Ipv4Addr;
use packet::bgp::{EXTENDED_MESSAGE_LEN_MAX, Kind, split};
use std::collections::{BTreeMap, VecDeque};

/// A speaker as the tables of a route processor.
pub struct Node(pub Speaker);

impl Tables for Node {
    fn each(&self, visit: &mut dyn FnMut(&dyn Table)) {
        for id in TABLES {
            visit(self.0.table(*id).expect("a table of the list"));
        }
    }
    fn each_mut(&mut self, visit: &mut dyn FnMut(&mut dyn Table)) {
        for id in TABLES {
            visit(self.0.table_mut(*id).expect("a table of the list"));
        }
    }
    fn table(&self, id: TableId) -> Option<&dyn Table> {
        self.0.table(id)
    }
    fn table_mut(&mut self, id: TableId) -> Option<&mut dyn Table> {
        self.0.table_mut(id)
    }
    fn order(&self) -> &'static [TableId] {
        TABLES
    }
    fn is_downloaded(&self, _: TableId) -> bool {
        false
    }
}

/// Prefixes that are told at a time.
const FILL_BUDGET: usize = 1000;
/// Takeovers of one run.
pub const PROMOTIONS_MAX: u32 = 60;

pub fn address(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, 1 + node as u8)
}

pub fn as_number(node: usize) -> u32 {
    65001 + node as u32
}

pub fn empty(node: usize) -> Speaker {
    Speaker::new(
        SpeakerConfig::new(as_number(node), address(node)),
        Seed::new(node as u64 + 1),
    )
}

/// Speakers do not know themselves when they are made by a plain function; only node 0 has a standby.
pub fn empty_node() -> Node {
    Node(empty(0))
}

pub fn neighbor(of: usize, other: usize) -> NeighborConfig {
    NeighborConfig {
        local_v4: Some(address(of)),
        send_community: true,
        graceful_restart: false,
        ..NeighborConfig::new(address(other).into(), as_number(other), as_number(of))
    }
}

/// One side of a connection.
#[derive(Default)]
pub struct Side {
    /// All bytes that this side has sent.
    pub sent: Vec<u8>,
    /// How many of them the other has.
    pub delivered: usize,
    /// How many of them the other has read.
    pub read: usize,
    /// Nothing more comes.
    pub closed: bool,
}

/// A TCP connection: the maker's side and the other's.
pub struct Connection {
    pub nodes: [usize; 2],
    pub sides: [Side; 2],
}

pub struct World {
    pub now: Instant,
    pub nodes: Vec<Pair<Node>>,
    pub configs: Vec<BTreeMap<PeerId, NeighborConfig>>,
    pub connections: Vec<Connection>,
    pub log: Vec<(usize, String)>,
    /// Nodes whose outputs go nowhere, and who hear nothing.
    pub dead: Vec<bool>,
    /// Most bytes in flight in one direction.
    pub window: usize,
    /// Most prefixes that a node takes at once.
    pub budget: usize,
    outputs: VecDeque<(usize, SpeakerOutput)>,
    /// What happens before a node's outputs leave.
    pub promote_every: Option<u32>,
    /// The system's age is told as time passes; otherwise it is what a test says.
    pub has_ages: bool,
    turns: u32,
    rounds: usize,
    pub promotions: u32,
}

/// The system's age, as speakers are told.
fn age_s(now: Instant) -> u32 {
    now.since_origin().as_secs() as u32
}

pub fn peer_id(other: usize) -> PeerId {
    PeerId(other as u16 + 1)
}

impl World {
    pub fn new(count: usize) -> World {
        let nodes = (0..count).map(|node| Pair::new(Node(empty(node)), empty_node));
        World {
            now: Instant::from_millis(1000),
            nodes: nodes.collect(),
            configs: vec![BTreeMap::new(); count],
            connections: Vec::new(),
            log: Vec::new(),
            dead: vec![false; count],
            window: 65_536,
            budget: 1000,
            outputs: VecDeque::new(),
            promote_every: None,
            has_ages: false,
            turns: 0,
            rounds: 0,
            promotions: 0,
        }
    }

    pub fn speaker(&self, node: usize) -> &Speaker {
        &self.nodes[node].active.0
    }

    pub fn speaker_mut(&mut self, node: usize) -> &mut Speaker {
        &mut self.nodes[node].active.0
    }

    /// Configures two nodes as each other's neighbours.
    pub fn join(&mut self, a: usize, b: usize, change: impl Fn(&mut NeighborConfig)) {
        for (node, other) in [(a, b), (b, a)] {
            let mut config = neighbor(node, other);
            config.passive = node > other;
            change(&mut config);
            self.configure(node, other, config);
        }
    }

    pub fn configure(&mut self, node: usize, other: usize, config: NeighborConfig) {
        self.configs[node].insert(peer_id(other), config.clone());
        let reach = bgp::NextHopKey::V4(address(other));
        self.speaker_mut(node).rib.next_hop_changed(reach, Some(0));
        let peer = peer_id(other);
        self.input(node, SpeakerInput::Configure { peer, config });
    }

    pub fn input(&mut self, node: usize, input: SpeakerInput) {
        self.turn(node, |speaker, now, out| speaker.handle(now, input, out));
    }

    /// One turn of a node: what it does is in the standby before anything leaves.
    pub fn turn(&mut self, node: usize, act: impl FnOnce(&mut Speaker, Instant, &mut Outbox<SpeakerOutput>)) {
        if self.dead[node] {
            return;
        }
        let mut out = Outbox::new();
        let now = self.now;
        let has_ages = self.has_ages;
        let speaker = self.speaker_mut(node);
        if has_ages {
            speaker.set_age(age_s(now));
        }
        act(speaker, now, &mut out);
        speaker.run(10_000);
        speaker.turn_end(&mut out);
        self.nodes[node].turn(usize::MAX).expect("the standby agrees");
        for (_, output) in out.drain() {
            self.outputs.push_back((node, output));
        }
        self.turns += 1;
        // Each successor says that it is alive, which is heard, which is a turn: it would never end by itself.
        let is_due = self
            .promote_every
            .is_some_and(|every| self.turns.is_multiple_of(every));
        if is_due && node == 0 && self.promotions < PROMOTIONS_MAX {
            self.promote(0);
        }
    }

    /// The active of a node dies between two turns; its standby takes over, with what it has. Outputs that were asked
    /// for and have not left are lost.
    pub fn promote(&mut self, node: usize) {
        self.promotions += 1;
        // What may leave at once has left before the turn was over.
        let sent = |(of, output): &(usize, SpeakerOutput)| {
            *of == node && matches!(output, SpeakerOutput::Send { .. })
        };
        for (of, output) in self.outputs.clone().into_iter().filter(sent) {
            self.output(of, output);
        }
        self.outputs.retain(|(of, _)| *of != node);
        self.nodes[node].settle().expect("the standby is in step");
        let standby = std::mem::replace(&mut self.nodes[node].standby, Node(empty(node)));
        let mut pair = Pair::new(standby, empty_node);
        let mut out = Outbox::new();
        let configs = self.configs[node].clone();
        let before = &self.nodes[node].active.0.rib.common;
        // Both have them from the configuration.
        let (policies, cluster_id) = (before.policies.clone(), before.cluster_id);
        pair.active.0.set_policies(policies, cluster_id);
        if self.has_ages {
            pair.active.0.set_age(age_s(self.now));
        }
        pair.active.0.promoted(self.now, configs, &|_| true, &mut out);
        pair.settle().expect("a bulk to the next standby");
        self.nodes[node] = pair;
        // What was not acknowledged is sent again, byte by byte the same.
        let connections = 0..self.connections.len();
        for index in connections.filter(|index| self.connections[*index].nodes.contains(&node)) {
            self.check_sent_again(index, node);
        }
        for (_, output) in out.drain() {
            self.outputs.push_back((node, output));
        }
        let speaker = &self.nodes[node].active.0;
        let lost: Vec<(usize, Direction)> = (0..self.connections.len())
            .filter_map(|index| {
                let connection = &self.connections[index];
                let side = connection.nodes.iter().position(|each| *each == node)?;
                let direction = Direction::ALL[side];
                let other = connection.nodes[1 - side];
                let session = speaker.sessions.get(&peer_id(other));
                let goes_on =
                    session.is_some_and(|session| session.established && session.direction == direction);
                (!goes_on && !connection.sides[side].closed).then_some((index, direction))
            })
            .collect();
        for (index, direction) in lost {
            self.connections[index].sides[direction as usize].closed = true;
        }
    }

    fn check_sent_again(&self, index: usize, node: usize) {
        let connection = &self.connections[index];
        let side = connection.nodes.iter().position(|each| *each == node).unwrap();
        let peer = peer_id(connection.nodes[1 - side]);
        let speaker = self.speaker(node);
        let session = speaker.sessions.get(&peer);
        let is_session =
            session.is_some_and(|session| session.established && session.direction as usize == side);
        if !is_session || connection.sides[side].closed {
            return;
        }
        let (start, bytes) = speaker.rib.last_bytes(peer);
        let sent = &connection.sides[side].sent;
        assert!(
            start as usize <= sent.len(),
            "nothing is forgotten that was not sent"
        );
        assert!(
            bytes.len() + start as usize >= sent.len(),
            "what was sent is known: {} of {}",
            start as usize + bytes.len(),
            sent.len()
        );
        let again = &bytes[..sent.len() - start as usize];
        assert_eq!(again, &sent[start as usize..], "the same bytes are sent again");
    }

    /// Lets things happen until nothing does, or a bound is reached.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            if !self.step() {
                return;
            }
        }
        panic!("it never settles");
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        loop {
            let deadlines = (0..self.nodes.len())
                .filter(|node| !self.dead[*node])
                .filter_map(|node| self.speaker(node).next_deadline().map(|(at, _)| at));
            let Some(next) = deadlines.min().filter(|at| *at <= end) else {
                break;
            };
            self.now = self.now.max(next);
            for node in 0..self.nodes.len() {
                self.turn(node, |speaker, now, out| speaker.expire(now, out));
            }
            self.settle();
        }
        self.now = end;
    }

    /// One thing happens; false when there is nothing.
    pub fn step(&mut self) -> bool {
        if let Some((node, output)) = self.outputs.pop_front() {
            self.output(node, output);
            return true;
        }
        // Connections take turns, so that none is always ahead.
        let count = self.connections.len();
        self.rounds += 1;
        let first = self.rounds;
        for index in (first..first + count).map(|index| index % count) {
            for side in 0..2 {
                if self.deliver(index, side) {
                    return true;
                }
            }
        }
        for node in 0..self.nodes.len() {
            if !self.dead[node] && self.speaker(node).has_work() {
                self.turn(node, |_, _, _| {});
                return true;
            }
        }
        for index in 0..self.connections.len() {
            for side in 0..2 {
                if self.pump(index, side) {
                    return true;
                }
            }
        }
        false
    }

    fn connection(&self, node: usize, peer: PeerId, direction: Direction) -> Option<usize> {
        let other = usize::from(peer.0) - 1;
        let nodes = match direction {
            Direction::Outgoing => [node, other],
            Direction::Incoming => [other, node],
        };
        (0..self.connections.len()).rev().find(|index| {
            let connection = &self.connections[*index];
            connection.nodes == nodes && !connection.sides[direction as usize].closed
        })
    }

    fn output(&mut self, node: usize, output: SpeakerOutput) {
        match output {
            SpeakerOutput::Connect { peer } => {
                let other = usize::from(peer.0) - 1;
                let knows = self.configs[other].contains_key(&peer_id(node)) && !self.dead[other];
                if !knows {
                    self.turn(node, |speaker, now, out| {
                        let direction = Direction::Outgoing;
                        speaker.handle(now, SpeakerInput::Closed { peer, direction }, out);
                    });
                    return;
                }
                self.connections.push(Connection {
                    nodes: [node, other],
                    sides: [Side::default(), Side::default()],
                });
                let direction = Direction::Incoming;
                self.input(
                    other,
                    SpeakerInput::Connected {
                        peer: peer_id(node),
                        direction,
                    },
                );
                let direction = Direction::Outgoing;
                self.input(node, SpeakerInput::Connected { peer, direction });
            }
            SpeakerOutput::Send {
                peer,
                direction,
                bytes,
            } => {
                if let Some(index) = self.connection(node, peer, direction) {
                    let side = &mut self.connections[index].sides[direction as usize];
                    side.sent.extend_from_slice(&bytes);
                }
            }
            SpeakerOutput::Finish {
                peer,
                direction,
                offset,
                bytes,
            } => {
                if let Some(index) = self.connection(node, peer, direction) {
                    let side = &mut self.connections[index].sides[direction as usize];
                    let skip = side.sent.len().saturating_sub(offset as usize);
                    side.sent.extend_from_slice(&bytes[skip.min(bytes.len())..]);
                    side.closed = true;
                }
            }
            SpeakerOutput::Stream { .. } => {}
            SpeakerOutput::Log(event) => {
                self.log.push((
                    node,
                    format!("%BGP-{}-{}: {event}", event.severity() as u8, event.mnemonic()),
                ));
            }
        }
    }

    /// Takes bytes out of an established session's stream, within the window.
    fn pump(&mut self, index: usize, side: usize) -> bool {
        let connection = &self.connections[index];
        let (node, other) = (connection.nodes[side], connection.nodes[1 - side]);
        let (sent, delivered) = (
            connection.sides[side].sent.len(),
            connection.sides[side].delivered,
        );
        if connection.sides[side].closed || self.dead[node] {
            return false;
        }
        let peer = peer_id(other);
        let session = self.speaker(node).sessions.get(&peer);
        if !session.is_some_and(|session| session.established && session.direction as usize == side) {
            return false;
        }
        let until = (delivered + self.window) as u64;
        let mut bytes = vec![0; self.window];
        let (mut cost, mut length) = (0, 0);
        self.turn(node, |speaker, _, _| {
            cost = speaker.fill(peer, until, FILL_BUDGET);
            length = speaker.rib.transmit(peer, sent as u64, &mut bytes);
        });
        let room = (delivered + self.window).saturating_sub(sent);
        let length = length.min(room);
        self.connections[index].sides[side]
            .sent
            .extend_from_slice(&bytes[..length]);
        length > 0 || cost >= FILL_BUDGET
    }

    /// Hands what one side has sent to the other, and the acknowledgement back.
    fn deliver(&mut self, index: usize, side: usize) -> bool {
        let connection = &self.connections[index];
        let (node, other) = (connection.nodes[side], connection.nodes[1 - side]);
        let from = &connection.sides[side];
        let direction = Direction::ALL[1 - side];
        if connection.sides[1 - side].closed || self.dead[other] {
            return false;
        }
        let peer = peer_id(node);
        if from.delivered < from.sent.len() || from.read < from.delivered {
            let bytes = from.sent[from.read..].to_vec();
            let sent = from.sent.len();
            let before = (from.delivered, from.read);
            let budget = self.budget;
            let mut consumed = 0;
            self.turn(other, |speaker, now, out| {
                consumed = speaker
                    .received(now, peer, direction, &bytes, budget, out)
                    .consumed;
            });
            let from = &mut self.connections[index].sides[side];
            from.delivered = sent;
            from.read += consumed;
            let moved = before != (from.delivered, from.read);
            let own = peer_id(other);
            self.turn(node, |speaker, _, _| speaker.rib.acknowledged(own, sent as u64));
            if moved {
                return true;
            }
        }
        if self.connections[index].sides[side].closed {
            self.connections[index].sides[1 - side].closed = true;
            self.input(other, SpeakerInput::Closed { peer, direction });
            return true;
        }
        false
    }

    /// The messages that a side of a connection has sent.
    pub fn messages(&self, index: usize, side: usize) -> Vec<(Kind, Vec<u8>)> {
        let mut rest = &self.connections[index].sides[side].sent[..];
        let mut messages = Vec::new();
        while let Some(message) = split(rest, EXTENDED_MESSAGE_LEN_MAX).expect("whole messages") {
            messages.push((message.kind, message.body.to_vec()));
            rest = &rest[message.bytes.len()..];
        }
        messages
    }

    /// A node dies with its connections, and starts anew without tables.
    pub fn restart_without_tables(&mut self, node: usize) {
        self.nodes[node] = Pair::new(Node(empty(node)), empty_node);
        for connection in &mut self.connections {
            if let Some(side) = connection.nodes.iter().position(|each| *each == node) {
                connection.sides[side].closed = true;
            }
        }
        self.settle();
    }

    /// The prefixes that a node has, with the path that it prefers.
    pub fn routes(&self, node: usize) -> Vec<String> {
        let speaker = self.speaker(node);
        let mut routes = Vec::new();
        for (key, paths) in speaker.rib.v4.paths.iter() {
            let Some(best) = paths.best() else { continue };
            let set = speaker.rib.common.attributes.get(best.accepted).unwrap();
            let path = bgp::policy::path_text(&set.canonical().attributes.path());
            routes.push(format!("{} from {} [{path}]", key.0, best.peer));
        }
        routes
    }

    pub fn originate(&mut self, node: usize, prefixes: impl IntoIterator<Item = packet::Prefix<packet::V4>>) {
        let attributes = bgp::local_attributes(packet::bgp::Origin::Igp, None, None);
        let prefixes: Vec<_> = prefixes.into_iter().collect();
        self.turn(node, |speaker, _, _| {
            for prefix in prefixes {
                assert!(
                    speaker
                        .rib
                        .originate_v4(prefix, &attributes, 32_768, bgp::NETWORK)
                );
            }
        });
    }

    /// The operator changes lists and route maps.
    pub fn change_policies(&mut self, node: usize, change: impl FnOnce(&mut bgp::policy::Policies)) {
        self.turn(node, |speaker, now, _| {
            let mut policies = speaker.rib.common.policies.clone();
            change(&mut policies);
            speaker.change_policies(now, policies, speaker.rib.common.cluster_id);
        });
    }

    pub fn families() -> Families {
        Families::V4
    }
}

pub fn networks(count: u32) -> impl Iterator<Item = packet::Prefix<packet::V4>> {
    (0..count).map(|number| packet::Prefix::new(Ipv4Addr::from(0x1400_0000 + (number << 8)), 24).unwrap())
}
