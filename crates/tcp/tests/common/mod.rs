//! A pure world for sessions: two routers, each with a standby fed by real frames, and a link that loses, delays and
//! repeats packets.
//!
//! The owner of the sessions keeps nothing itself: what it has written and consumed is read off the rows, as that of a
//! real owner would be in rows of its own in the same frame. Byte `n` of each stream is `pattern(n)`.
#![allow(dead_code, reason = "each test uses a part of it")]

use checkpoint::laws::Pair;
use checkpoint::{Table, TableId, Tables};
use machine::{Duration, Instant, Machine, Outbox, Release, Seed};
use packet::tcp::{Endpoints, Flags, Packet, Repr};
use packet::{Ipv4Addr, ipv4};
use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use tcp::*;

pub const A: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub const B: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
pub const BGP: u16 = 179;
const ORDER: &[TableId] = &[CONNECTION_TABLE, PROGRESS_TABLE, RECEIVED_TABLE, SENT_TABLE];

/// The tables of one route processor.
#[derive(Debug, Default)]
pub struct Rp(pub Sessions);

pub fn empty() -> Rp {
    Rp::default()
}

impl Tables for Rp {
    fn each(&self, visit: &mut dyn FnMut(&dyn Table)) {
        for id in ORDER {
            visit(self.table(*id).unwrap());
        }
    }
    fn each_mut(&mut self, visit: &mut dyn FnMut(&mut dyn Table)) {
        for id in ORDER {
            visit(self.table_mut(*id).unwrap());
        }
    }
    fn table(&self, id: TableId) -> Option<&dyn Table> {
        Some(match id {
            CONNECTION_TABLE => &self.0.connections,
            PROGRESS_TABLE => &self.0.progress,
            RECEIVED_TABLE => &self.0.unconsumed,
            SENT_TABLE => &self.0.unacknowledged,
            _ => return None,
        })
    }
    fn table_mut(&mut self, id: TableId) -> Option<&mut dyn Table> {
        Some(match id {
            CONNECTION_TABLE => &mut self.0.connections,
            PROGRESS_TABLE => &mut self.0.progress,
            RECEIVED_TABLE => &mut self.0.unconsumed,
            SENT_TABLE => &mut self.0.unacknowledged,
            _ => return None,
        })
    }
    fn order(&self) -> &'static [TableId] {
        ORDER
    }
    fn is_downloaded(&self, _: TableId) -> bool {
        false
    }
}

/// Byte `n` of every stream.
pub fn pattern(n: u64) -> u8 {
    (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

pub fn patterned(from: u64, length: usize) -> Vec<u8> {
    (from..from + length as u64).map(pattern).collect()
}

/// What its owner has seen of a router.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub opened: u32,
    pub closed: Vec<CloseReason>,
    pub peer_closed: u32,
    pub resets_sent: u32,
    pub resends: u32,
}

/// How a crash falls into a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// After the turn's work, before the standby has any of it: rows and packets are lost.
    BeforeSync,
    /// The standby has the rows; what waited for that was not sent.
    BeforeRelease,
    /// All was sent.
    AfterRelease,
}

/// A router: an active and a standby, and the owner of their sessions.
pub struct Router {
    pub pair: Pair<Rp>,
    pub address: Ipv4Addr,
    pub key: Option<ConnectionKey>,
    /// Bytes that the owner wants to send.
    pub to_send: u64,
    /// Most bytes that the owner consumes at once; what is fewer than this many it leaves, as half a message.
    pub message: usize,
    /// Most bytes written at once.
    pub write_max: usize,
    pub close_when_sent: bool,
    pub seen: Seen,
    pub listener: Option<Listener>,
    /// The crash that ends the next turn.
    pub crash: Option<Crash>,
    pub takeovers: u32,
    pub turns: u64,
    seed: Seed,
}

impl Router {
    pub fn new(address: Ipv4Addr, seed: u64) -> Router {
        let mut seed = Seed::new(seed);
        let mut rp = empty();
        rp.0.activate(seed.fork(), &mut Outbox::new());
        let mut pair = Pair::new(rp, empty);
        pair.settle().unwrap();
        Router {
            pair,
            address,
            key: None,
            to_send: 0,
            message: 1,
            write_max: usize::MAX,
            close_when_sent: false,
            seen: Seen::default(),
            listener: None,
            crash: None,
            takeovers: 0,
            turns: 0,
            seed,
        }
    }

    pub fn tcp(&mut self) -> &mut Sessions {
        &mut self.pair.active.0
    }

    pub fn progress(&self) -> Progress {
        let key = self.key.expect("a session");
        self.pair.active.0.progress.get(&key).copied().unwrap_or_default()
    }

    pub fn consumed(&self) -> u64 {
        let key = self.key.expect("a session");
        self.progress().received - self.pair.active.0.received(&key).len() as u64
    }

    /// What the owner does when it is called: consume whole messages, write what there is room for, close.
    fn own(&mut self, now: Instant, out: &mut Outbox<TcpOutput>) {
        let Some(key) = self.key else { return };
        if self.pair.active.0.progress.get(&key).is_none() {
            return;
        }
        let at = self.consumed();
        let tcp = &mut self.pair.active.0;
        let held = tcp.received(&key);
        for (index, byte) in held.iter().enumerate() {
            let place = at + index as u64;
            assert_eq!(
                *byte,
                pattern(place),
                "byte {place} of the stream to {}",
                self.address
            );
        }
        let whole = held.len() / self.message * self.message;
        if whole > 0 {
            tcp.consume(now, &key, whole, out);
        }
        while let Some(progress) = tcp.progress.get(&key).copied() {
            let length = self
                .to_send
                .saturating_sub(progress.written)
                .min(tcp.room(&key) as u64)
                .min(self.write_max as u64);
            if length == 0 || progress.closing {
                break;
            }
            let bytes = patterned(progress.written, length as usize);
            assert_eq!(tcp.write(now, &key, &bytes, out), Ok(bytes.len()));
        }
        if self.close_when_sent && self.progress().written == self.to_send && !self.progress().closing {
            self.tcp().close(now, &key, out);
        }
    }

    /// One turn: `work`, then all that it causes; packets that leave.
    pub fn turn(
        &mut self,
        now: Instant,
        work: impl FnOnce(&mut Sessions, &mut Outbox<TcpOutput>),
    ) -> Vec<Vec<u8>> {
        self.turns += 1;
        let mut out = Outbox::new();
        work(&mut self.pair.active.0, &mut out);
        let (mut at_once, mut gated) = (Vec::new(), Vec::new());
        let mut call_owner = true;
        while call_owner || !out.is_empty() {
            call_owner = false;
            let outputs: Vec<_> = out.drain().collect();
            for (release, output) in outputs {
                match output {
                    TcpOutput::Packet(packet) => {
                        self.seen.resets_sent += u32::from(header_of(&packet).flags.contains(Flags::RST));
                        match release {
                            Release::Now => at_once.push(packet),
                            Release::AfterSync => gated.push(packet),
                        }
                    }
                    event => {
                        self.event(now, event, &mut out);
                        call_owner = true;
                    }
                }
            }
            if call_owner {
                self.own(now, &mut out);
            }
        }
        // Large rows take more than one frame; what is gated waits for the one that ends with the turn's last row.
        match self.crash.take() {
            None => {
                self.pair.settle().unwrap();
                at_once.extend(gated);
            }
            Some(crash) => {
                if crash != Crash::BeforeSync {
                    self.pair.settle().unwrap();
                }
                if crash == Crash::AfterRelease {
                    at_once.extend(gated);
                }
                at_once.extend(self.take_over(now));
            }
        }
        at_once
    }

    fn event(&mut self, now: Instant, event: TcpOutput, out: &mut Outbox<TcpOutput>) {
        match event {
            TcpOutput::Opened { connection, .. } => {
                self.seen.opened += 1;
                self.key = Some(connection);
            }
            TcpOutput::Closed { reason, .. } => self.seen.closed.push(reason),
            TcpOutput::PeerClosed { .. } => self.seen.peer_closed += 1,
            TcpOutput::Resend {
                connection,
                offset,
                length,
            } => {
                self.seen.resends += 1;
                let bytes = patterned(offset, length as usize);
                assert_eq!(self.tcp().resend(now, &connection, &bytes, out), Ok(()));
            }
            TcpOutput::Received { .. } | TcpOutput::Acknowledged { .. } => {}
            TcpOutput::Packet(_) => unreachable!("packets are no events"),
        }
    }

    /// The active is gone: the standby, with what it has, is the active, and gets a standby of its own.
    pub fn take_over(&mut self, now: Instant) -> Vec<Vec<u8>> {
        self.takeovers += 1;
        let standby = std::mem::take(&mut self.pair.standby);
        self.pair = Pair::new(standby, empty);
        if let Some(listener) = self.listener.clone() {
            self.tcp().listen(listener).unwrap();
        }
        let seed = self.seed.fork();
        let packets = self.turn(now, |tcp, out| tcp.activate(seed, out));
        self.pair.settle().unwrap();
        packets
    }
}

/// The TCP header of an IP packet, which has to be right.
pub fn header_of(packet: &[u8]) -> Repr {
    if packet[0] >> 4 == 6 {
        let address = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&packet[at..at + 16]).unwrap());
        let endpoints = Endpoints::V6(address(8), address(24));
        let length = usize::from(u16::from_be_bytes([packet[4], packet[5]]));
        assert_eq!(packet.len(), 40 + length, "the length of an IPv6 packet");
        return Repr::parse(&Packet::new_checked(&packet[40..]).unwrap(), endpoints)
            .expect("a right checksum");
    }
    let ip = ipv4::Packet::validate(packet).expect("a whole IPv4 packet");
    let endpoints = Endpoints::V4(ip.source(), ip.destination());
    Repr::parse(&Packet::new_checked(ip.payload()).unwrap(), endpoints).expect("a right checksum")
}

pub fn payload_of(packet: &[u8]) -> Vec<u8> {
    let ip = ipv4::Packet::new_checked(packet).unwrap();
    Packet::new_checked(ip.payload()).unwrap().payload().to_vec()
}

/// An IPv4 packet with this segment.
pub fn packet(source: Ipv4Addr, destination: Ipv4Addr, ttl: u8, header: Repr, payload: &[u8]) -> Vec<u8> {
    let length = header.buffer_len(payload.len());
    let mut ip = ipv4::Repr::new(source, destination, ipv4::Protocol::TCP, length as u16);
    ip.ttl = ttl;
    let mut packet = vec![0; ip.buffer_len() + length];
    ip.emit(&mut packet);
    header.emit(
        &mut packet[ipv4::HEADER_LEN..],
        payload,
        Endpoints::V4(source, destination),
    );
    packet
}

/// Hands one packet to a router, in a turn of its own.
pub fn deliver(router: &mut Router, packet: Vec<u8>) -> Vec<Vec<u8>> {
    let now = Instant::from_millis(2_000);
    router.turn(now, |tcp, out| tcp.handle(now, TcpInput::Packet(packet), out))
}

pub fn syn(port: u16) -> Repr {
    Repr {
        source_port: 30_000,
        destination_port: port,
        sequence: 77,
        flags: Flags::SYN,
        window: 1_000,
        mss: Some(1460),
        window_shift: Some(2),
        sack_permitted: true,
        ..Repr::default()
    }
}

pub fn listening(options: ConnectionOptions) -> Router {
    let mut router = Router::new(B, 5);
    let listener = Listener {
        local: Endpoint::new(B, BGP),
        remote: A.into(),
        options,
    };
    router.tcp().listen(listener).unwrap();
    router
}

/// An open session at B, and what its peer would send next.
pub fn open_session() -> (Router, Repr) {
    let mut router = listening(ConnectionOptions::default());
    let next = open_from(&mut router, 30_000);
    assert_eq!(router.seen.opened, 1);
    (router, next)
}

/// Opens a session at B from this port of A; returns what A would send next.
pub fn open_from(router: &mut Router, port: u16) -> Repr {
    let opening = Repr {
        source_port: port,
        ..syn(BGP)
    };
    let answer = header_of(&deliver(router, packet(A, B, 255, opening, &[]))[0]);
    let next = Repr {
        source_port: port,
        destination_port: BGP,
        sequence: 78,
        acknowledgement: answer.sequence.wrapping_add(1),
        flags: Flags::ACK,
        window: 1_000,
        ..Repr::default()
    };
    deliver(router, packet(A, B, 255, next, &[]));
    next
}

/// What the link does, in percent of packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    pub lost: u64,
    pub repeated: u64,
    pub late: u64,
}

/// Two routers and their link.
pub struct World {
    pub now: Instant,
    pub routers: [Router; 2],
    pub weather: Weather,
    pub packets: u64,
    in_flight: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    seed: Seed,
}

impl World {
    /// Routers A and B; B listens for A with `options`.
    pub fn new(seed: u64, weather: Weather, options: &ConnectionOptions) -> World {
        let mut seed = Seed::new(seed);
        let mut routers = [A, B].map(|address| Router::new(address, seed.next_u64()));
        let listener = Listener {
            local: Endpoint::new(B, BGP),
            remote: A.into(),
            options: options.clone(),
        };
        routers[1].tcp().listen(listener.clone()).unwrap();
        routers[1].listener = Some(listener);
        World {
            now: Instant::from_millis(1_000),
            routers,
            weather,
            packets: 0,
            in_flight: BTreeMap::new(),
            seed,
        }
    }

    /// A opens a session to B.
    pub fn connect(&mut self, options: &ConnectionOptions) {
        let now = self.now;
        let options = options.clone();
        let packets = self.routers[0].turn(now, |tcp, out| {
            tcp.connect(now, A.into(), Endpoint::new(B, BGP), options, out)
                .unwrap();
        });
        self.carry(0, packets);
    }

    /// Puts packets of a router onto the link.
    pub fn carry(&mut self, from: usize, packets: Vec<Vec<u8>>) {
        for packet in packets {
            if self.seed.chance(self.weather.lost, 100) {
                continue;
            }
            let copies = 1 + u64::from(self.seed.chance(self.weather.repeated, 100));
            for _ in 0..copies {
                let mut delay = 100 + self.seed.below(20);
                if self.seed.chance(self.weather.late, 100) {
                    delay += self.seed.below(5_000);
                }
                self.packets += 1;
                let at = self.now + Duration::from_micros(delay);
                self.in_flight
                    .insert((at, self.packets), (1 - from, packet.clone()));
            }
        }
    }

    /// Lets a router do something in a turn of its own.
    pub fn ask(&mut self, who: usize, work: impl FnOnce(&mut Sessions, &mut Outbox<TcpOutput>)) {
        let now = self.now;
        let packets = self.routers[who].turn(now, work);
        self.carry(who, packets);
    }

    /// Does what happens next; false when nothing will ever happen.
    pub fn step(&mut self) -> bool {
        let arrival = self.in_flight.first_key_value().map(|((at, _), _)| *at);
        let due = [0, 1].map(|who| {
            self.routers[who]
                .tcp()
                .next_deadline()
                .map(|(at, _)| at.max(self.now))
        });
        let Some(next) = arrival.into_iter().chain(due.into_iter().flatten()).min() else {
            return false;
        };
        self.now = next;
        let now = next;
        if arrival == Some(next) {
            let (_, (to, packet)) = self.in_flight.pop_first().expect("it was looked at");
            self.ask(to, |tcp, out| tcp.handle(now, TcpInput::Packet(packet), out));
        } else {
            let who = usize::from(due[0] != Some(next));
            // A takeover takes time, so one cannot follow another without any.
            self.routers[who].crash = None;
            self.ask(who, |tcp, out| tcp.expire(now, out));
        }
        true
    }

    /// Steps until `done`, at most `steps` times.
    pub fn run(&mut self, steps: u32, mut done: impl FnMut(&World) -> bool) -> bool {
        for _ in 0..steps {
            if done(self) {
                return true;
            }
            if !self.step() {
                break;
            }
        }
        done(self)
    }

    /// Both routers have sent and received all.
    pub fn is_complete(&self) -> bool {
        let [a, b] = &self.routers;
        a.key.is_some()
            && b.key.is_some()
            && [(a, b), (b, a)].iter().all(|(from, to)| {
                from.progress().acknowledged == from.to_send && to.progress().received == from.to_send
            })
    }
}
