//! A neighbour on a wire: its own TCP, and a BGP that is as simple as the protocol allows.
//!
//! It shares no decision with the router under test: OPEN, KEEPALIVE and UPDATE are read and written with
//! [`packet::bgp`], everything else is here. It believes the segments, not the stack: each byte goes onto a
//! [`Tape`] before TCP sees it.

mod acts;

use crate::bgp::fragments::Fragments;
use crate::bgp::route::{Attributes, Routes, announcements, read_update};
use crate::bgp::tape::Tape;
use machine::{Deadline, Duration, Instant, Machine, Outbox, Seed, earliest};
use packet::bgp::{
    AfiSafi, Capability, Code, GracefulRestart, Kind, MESSAGE_LEN_MAX, Notification, Open, OpenRepr, PORT,
    RefreshKind, RouteRefresh, end_of_rib, keepalive, split,
};
use packet::ipv4::{self, Protocol};
use packet::{MacAddress, Prefix, V4, tcp as segment};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use tcp::{ConnectionKey, ConnectionOptions, Endpoint, Listener, Sessions, TcpInput, TcpOutput};

/// How long an OPEN, and the KEEPALIVE after it, is waited for.
const OPEN_LIMIT: Duration = Duration::from_secs(4);
/// Time that a connection attempt has.
const CONNECT_LIMIT: Duration = Duration::from_millis(1_500);
/// For how long after the router has got a request routes may be told that are known.
const REFRESH_TIME: Duration = Duration::from_secs(3);

/// Who the neighbour is.
#[derive(Clone, Debug)]
pub(crate) struct NeighborConfig {
    pub(crate) address: Ipv4Addr,
    pub(crate) mac: MacAddress,
    pub(crate) router: Ipv4Addr,
    pub(crate) router_mac: MacAddress,
    pub(crate) as_number: u32,
    pub(crate) router_as: u32,
    /// Hold time that is offered, in seconds.
    pub(crate) hold_time_s: u16,
    /// Whether it offers graceful restart.
    pub(crate) graceful: bool,
}

impl NeighborConfig {
    pub(crate) fn is_internal(&self) -> bool {
        self.as_number == self.router_as
    }
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    OpenSent,
    OpenConfirm,
    Established,
}

/// One connection.
#[derive(Clone, Debug)]
struct Link {
    state: State,
    opened_at: Instant,
    passive: bool,
    /// Bytes handed up by TCP and taken.
    read: usize,
    /// Bytes that TCP had no room for.
    unsent: VecDeque<u8>,
    /// Bytes said so far.
    said: u64,
    /// What was said up to the end of a request for all routes, while the router has not acknowledged all of that.
    asked_until: Option<u64>,
    hold_time: Duration,
    hold_at: Instant,
    keepalive_at: Option<Instant>,
    /// What the router's OPEN said of graceful restart.
    router_restart_time: Option<Duration>,
    router_kept_forwarding: bool,
    /// Something came that only a router sends whose session is established.
    firm: bool,
    keepalives: u32,
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    /// The neighbour wanted it itself.
    pub(crate) own: bool,
    /// The router had said something that it says only when it is established.
    pub(crate) firm: bool,
    /// In words.
    pub(crate) why: String,
}

/// What the world has to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// A session is established, on a connection of that time.
    Established {
        /// When its connection was made.
        opened_at: Instant,
    },
    /// It is not any more.
    Lost(Loss),
    /// Something that no router may do: the checker that is there for it, and what it was.
    Wrong(&'static str, String),
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) established: u32,
    pub(crate) lost: u32,
    pub(crate) updates: u64,
    pub(crate) repeated_segments: u64,
}

/// A neighbour.
pub(crate) struct Neighbor {
    pub(crate) config: NeighborConfig,
    tcp: Sessions,
    links: BTreeMap<ConnectionKey, Link>,
    tapes: BTreeMap<ConnectionKey, Tape>,
    draws: Seed,
    attempt: Option<(ConnectionKey, Instant)>,
    connect_at: Option<Instant>,
    deaf_until: Option<Instant>,
    /// Its cable is not plugged in.
    unplugged: bool,
    /// It comes back from a restart of its own.
    restarted: bool,
    /// Routes that it announces.
    pub(crate) announced: Routes,
    /// Routes that the router has told it.
    pub(crate) view: Routes,
    stale: BTreeSet<Prefix<V4>>,
    stale_until: Option<Instant>,
    /// Until when known routes may be told again.
    repeats_until: Instant,
    /// Packets that came in pieces: what is there of each, by its number.
    fragments: Fragments,
    pub(crate) counts: Counts,
    pub(crate) news: Vec<News>,
    /// Frames to be put onto the wire.
    pub(crate) frames: Vec<Vec<u8>>,
}

impl Neighbor {
    /// A neighbour that connects soon after `now`.
    pub(crate) fn new(now: Instant, config: NeighborConfig, mut draws: Seed) -> Self {
        let mut tcp = Sessions::new();
        tcp.activate(draws.fork(), &mut Outbox::new());
        let listener = Listener {
            local: Endpoint::new(config.address, PORT),
            remote: IpAddr::V4(config.router),
            options: ConnectionOptions::default(),
        };
        tcp.listen(listener).expect("an address of a simulated wire");
        Self {
            config,
            tcp,
            links: BTreeMap::new(),
            tapes: BTreeMap::new(),
            draws,
            attempt: None,
            connect_at: Some(now),
            deaf_until: None,
            unplugged: false,
            restarted: false,
            announced: Routes::new(),
            view: Routes::new(),
            stale: BTreeSet::new(),
            stale_until: None,
            repeats_until: Instant::ZERO,
            fragments: Fragments::default(),
            counts: Counts::default(),
            news: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// Whether a session is established, and the router knows it too.
    pub(crate) fn is_firm(&self) -> bool {
        self.links
            .values()
            .any(|link| link.state == State::Established && link.firm)
    }

    /// Whether a session is established.
    pub(crate) fn is_established(&self) -> bool {
        self.links.values().any(|link| link.state == State::Established)
    }

    /// Whether routes are kept of a session that has ended.
    pub(crate) fn has_stale(&self) -> bool {
        !self.stale.is_empty()
    }

    /// Whether it hears what it is sent.
    pub(crate) fn is_deaf(&self) -> bool {
        self.deaf_until.is_some()
    }

    /// Routes that are known may be told again until `time` from now.
    pub(crate) fn expects_repeats(&mut self, now: Instant, time: Duration) {
        self.repeats_until = self.repeats_until.max(now + time);
    }

    fn wrong(&mut self, checker: &'static str, text: String) {
        let address = self.config.address;
        self.news
            .push(News::Wrong(checker, format!("neighbor {address}: {text}")));
    }

    /// An IP packet came from the router.
    pub(crate) fn packet(&mut self, now: Instant, packet: &[u8]) {
        if self.unplugged {
            return;
        }
        let Some(whole) = self.fragments.whole(packet) else {
            return;
        };
        let packet = whole.as_slice();
        if let Err(text) = self.record(packet) {
            self.wrong("stream", text);
        }
        let mut out = Outbox::new();
        self.tcp.handle(now, TcpInput::Packet(packet.to_vec()), &mut out);
        self.pump(now, out);
    }

    /// Puts what a segment carries on its connection's tape.
    fn record(&mut self, bytes: &[u8]) -> Result<(), String> {
        let nonsense = |what: &str| format!("the router sends {what}");
        let ip = ipv4::Packet::validate(bytes).map_err(|error| nonsense(&format!("no packet: {error:?}")))?;
        if ip.protocol() != Protocol(segment::PROTOCOL) {
            return Ok(());
        }
        let view = segment::Packet::new_checked(ip.payload())
            .map_err(|error| nonsense(&format!("no segment: {error:?}")))?;
        let endpoints = segment::Endpoints::V4(ip.source(), ip.destination());
        let header = segment::Repr::parse(&view, endpoints)
            .map_err(|error| nonsense(&format!("a segment with an error: {error:?}")))?;
        let key = ConnectionKey {
            local: Endpoint::new(ip.destination(), header.destination_port),
            remote: Endpoint::new(ip.source(), header.source_port),
        };
        if header.flags.contains(segment::Flags::SYN) {
            let known = self.tapes.get(&key).map(Tape::initial);
            if known != Some(header.sequence) {
                self.tapes.insert(key, Tape::new(header.sequence));
            }
        }
        let Some(tape) = self.tapes.get_mut(&key) else {
            return Ok(());
        };
        let before = tape.repeated;
        let result = tape.segment(header.sequence, header.flags, view.payload());
        self.counts.repeated_segments += tape.repeated - before;
        result
    }

    /// What is due.
    pub(crate) fn expire(&mut self, now: Instant) {
        let mut out = Outbox::new();
        self.tcp.expire(now, &mut out);
        self.pump(now, out);
        if self.deaf_until.is_some_and(|until| until <= now) {
            self.listen_again(now);
        }
        if self.stale_until.is_some_and(|until| until <= now) {
            self.sweep();
        }
        for key in self.keys() {
            self.expire_link(now, key);
        }
        self.expire_attempt(now);
    }

    /// When [`Neighbor::expire`] has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let deaf = self.deaf_until.is_some();
        let links = self.links.values().flat_map(|link| {
            let hold = (!deaf).then_some(link.hold_at);
            [hold, link.keepalive_at].into_iter().flatten()
        });
        let attempt = self.attempt.map(|(_, until)| until);
        let own = [attempt, self.connect_at, self.deaf_until, self.stale_until];
        let deadlines = links.chain(own.into_iter().flatten()).map(|at| Some((at, "")));
        let own = deadlines.fold(None::<Deadline>, earliest);
        earliest(own, self.tcp.next_deadline()).map(|(at, _)| at)
    }

    fn keys(&self) -> Vec<ConnectionKey> {
        self.links.keys().copied().collect()
    }

    fn expire_link(&mut self, now: Instant, key: ConnectionKey) {
        let deaf = self.deaf_until.is_some();
        let Some(link) = self.links.get_mut(&key) else {
            return;
        };
        if link.keepalive_at.is_some_and(|at| at <= now) {
            link.keepalive_at = Some(now + link.hold_time / 3);
            self.say(now, key, keepalive);
        }
        let expired = self.links.get(&key).filter(|link| link.hold_at <= now && !deaf);
        if let Some(state) = expired.map(|link| link.state) {
            self.end(
                now,
                key,
                false,
                Some(Code::HOLD_TIMER_EXPIRED),
                &format!("silence in {state:?}"),
            );
        }
    }

    fn expire_attempt(&mut self, now: Instant) {
        if let Some((key, _)) = self.attempt.filter(|(_, until)| *until <= now) {
            self.attempt = None;
            let mut out = Outbox::new();
            self.tcp.abort(&key, &mut out);
            self.pump(now, out);
            self.connect_later(now);
        }
        if self.connect_at.is_some_and(|at| at <= now) {
            self.connect_at = None;
            if !self.unplugged {
                self.connect(now);
            }
        }
    }

    fn connect_later(&mut self, now: Instant) {
        let wait = Duration::from_millis(100 + self.draws.below(300));
        self.connect_at = Some(now + wait);
    }

    fn connect(&mut self, now: Instant) {
        if !self.links.is_empty() || self.attempt.is_some() {
            return;
        }
        let (local, remote) = (
            IpAddr::V4(self.config.address),
            Endpoint::new(self.config.router, PORT),
        );
        let mut out = Outbox::new();
        match self
            .tcp
            .connect(now, local, remote, ConnectionOptions::default(), &mut out)
        {
            Ok(key) => self.attempt = Some((key, now + CONNECT_LIMIT)),
            Err(_) => self.connect_later(now),
        }
        self.pump(now, out);
    }

    fn pump(&mut self, now: Instant, mut out: Outbox<TcpOutput>) {
        let mut queue: VecDeque<TcpOutput> = out.drain().map(|(_, output)| output).collect();
        while let Some(output) = queue.pop_front() {
            match output {
                TcpOutput::Packet(packet) => self.send_packet(&packet),
                TcpOutput::Opened { connection, passive } => self.opened(now, connection, passive),
                TcpOutput::Received { connection } => self.read(now, connection),
                TcpOutput::Acknowledged { connection, offset } => {
                    self.request_arrived(now, connection, offset);
                    self.send_rest(now, connection);
                }
                TcpOutput::PeerClosed { connection } => {
                    self.read(now, connection);
                    self.end(now, connection, false, None, "the router closed the connection");
                }
                TcpOutput::Closed { connection, reason } => {
                    self.end(now, connection, false, None, &reason.to_string());
                }
                TcpOutput::Resend { .. } => self.wrong("stream", String::from("its own TCP asks for bytes")),
            }
        }
    }

    fn send_packet(&mut self, packet: &[u8]) {
        let mut frame = vec![0; packet::ethernet::HEADER_LEN + packet.len()];
        packet::ethernet::Repr {
            destination: self.config.router_mac,
            source: self.config.mac,
            ether_type: packet::ethernet::EtherType::IPV4,
        }
        .emit(&mut frame);
        frame[packet::ethernet::HEADER_LEN..].copy_from_slice(packet);
        self.frames.push(frame);
    }

    fn opened(&mut self, now: Instant, key: ConnectionKey, passive: bool) {
        if self.attempt.is_some_and(|(attempt, _)| attempt == key) {
            self.attempt = None;
        }
        let link = Link {
            state: State::OpenSent,
            opened_at: now,
            passive,
            read: 0,
            unsent: VecDeque::new(),
            said: 0,
            asked_until: None,
            hold_time: Duration::from_secs(u64::from(self.config.hold_time_s)),
            hold_at: now + OPEN_LIMIT,
            keepalive_at: None,
            router_restart_time: None,
            router_kept_forwarding: false,
            firm: false,
            keepalives: 0,
        };
        self.links.insert(key, link);
        let open = self.open_message();
        self.say(now, key, |out| out.extend_from_slice(&open));
    }

    fn open_message(&self) -> Vec<u8> {
        let mut capabilities = Vec::new();
        Capability::Multiprotocol(AfiSafi::IPV4_UNICAST).emit(&mut capabilities);
        Capability::RouteRefresh.emit(&mut capabilities);
        Capability::FourOctetAs(self.config.as_number).emit(&mut capabilities);
        if self.config.graceful {
            let families = [(AfiSafi::IPV4_UNICAST, true)];
            GracefulRestart::emit(self.restarted, false, 5, &families, &mut capabilities);
        }
        let mut message = Vec::new();
        OpenRepr {
            as_number: self.config.as_number,
            hold_time_s: self.config.hold_time_s,
            identifier: self.config.address,
            capabilities: &capabilities,
        }
        .emit(&mut message);
        message
    }

    fn say(&mut self, now: Instant, key: ConnectionKey, write: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = Vec::new();
        write(&mut bytes);
        if let Some(link) = self.links.get_mut(&key) {
            link.said += bytes.len() as u64;
            link.unsent.extend(bytes);
        }
        self.send_rest(now, key);
    }

    /// The router has acknowledged what was said up to `offset`: a request for all routes may have got there.
    fn request_arrived(&mut self, now: Instant, key: ConnectionKey, offset: u64) {
        let link = self.links.get_mut(&key);
        let arrived = link.and_then(|link| link.asked_until.take_if(|until| *until <= offset));
        if arrived.is_some() {
            self.expects_repeats(now, REFRESH_TIME);
        }
    }

    fn send_rest(&mut self, now: Instant, key: ConnectionKey) {
        let Some(link) = self.links.get_mut(&key).filter(|link| !link.unsent.is_empty()) else {
            return;
        };
        let mut out = Outbox::new();
        let bytes = link.unsent.make_contiguous();
        let taken = self.tcp.write(now, &key, bytes, &mut out).unwrap_or(0);
        link.unsent.drain(..taken);
        self.pump(now, out);
    }

    fn read(&mut self, now: Instant, key: ConnectionKey) {
        while self.deaf_until.is_none() {
            let bytes = self.tcp.received(&key);
            let Some(link) = self.links.get_mut(&key) else {
                return;
            };
            let message = match split(bytes, MESSAGE_LEN_MAX) {
                Ok(Some(message)) => message.bytes.to_vec(),
                Ok(None) => return,
                Err(fault) => {
                    let text = format!(
                        "the stream is no sequence of messages at byte {}: {fault:?}",
                        link.read
                    );
                    return self.wrong("stream", text);
                }
            };
            let offset = link.read;
            link.read += message.len();
            if self
                .tapes
                .get(&key)
                .is_none_or(|tape| !tape.agrees(offset, &message))
            {
                let text = format!("bytes from {offset} on are not those of the segments");
                return self.wrong("stream", text);
            }
            let mut out = Outbox::new();
            self.tcp.consume(now, &key, message.len(), &mut out);
            self.message(now, key, &message);
            self.pump(now, out);
        }
    }

    fn message(&mut self, now: Instant, key: ConnectionKey, bytes: &[u8]) {
        let Ok(Some(message)) = split(bytes, MESSAGE_LEN_MAX) else {
            return;
        };
        let Some(link) = self.links.get_mut(&key) else {
            return;
        };
        if link.state > State::OpenSent {
            link.hold_at = now + link.hold_time;
        }
        match (message.kind, link.state) {
            (Kind::Notification, _) => {
                let what = Notification::parse(message.body).map(|told| told.code);
                self.end(now, key, false, None, &format!("NOTIFICATION {what:?}"));
            }
            (Kind::Open, State::OpenSent) => self.open_received(now, key, message.body),
            (Kind::Keepalive, State::OpenConfirm) => self.establish(now, key),
            (Kind::Keepalive, State::Established) => {
                link.keepalives += 1;
                link.firm = true;
            }
            (Kind::Update, State::Established) => {
                link.firm = true;
                let has_asked = link.asked_until.is_some();
                self.update(now, message.body, has_asked);
            }
            (Kind::RouteRefresh, State::Established) => {
                link.firm = true;
                self.refresh_received(now, key, message.body);
            }
            (kind, state) => {
                let text = format!("{kind:?} in state {state:?}");
                self.wrong("session", text);
            }
        }
    }

    fn open_received(&mut self, now: Instant, key: ConnectionKey, body: &[u8]) {
        let open = match Open::parse(body) {
            Ok(open) if open.peer_as() == self.config.router_as => open,
            Ok(open) => return self.wrong("session", format!("an OPEN of AS {}", open.peer_as())),
            Err(fault) => return self.wrong("session", format!("an OPEN that is none: {fault:?}")),
        };
        let identifier = open.identifier;
        let mut restart = None;
        let mut kept_forwarding = false;
        for capability in open.capabilities() {
            if let Capability::GracefulRestart(graceful) = capability
                && let Some((_, forwarding)) = graceful
                    .families()
                    .find(|(family, _)| *family == AfiSafi::IPV4_UNICAST)
            {
                restart = Some(Duration::from_secs(u64::from(graceful.restart_time_s)));
                kept_forwarding = forwarding;
            }
        }
        let offered = open.hold_time_s;
        if !self.wins_collision(now, key, identifier) {
            return;
        }
        let hold_time_s = offered.min(self.config.hold_time_s);
        let Some(link) = self.links.get_mut(&key) else {
            return;
        };
        link.hold_time = Duration::from_secs(u64::from(hold_time_s));
        link.hold_at = now + link.hold_time;
        link.keepalive_at = Some(now + link.hold_time / 3);
        link.router_restart_time = restart.filter(|_| self.config.graceful);
        link.router_kept_forwarding = kept_forwarding;
        link.state = State::OpenConfirm;
        self.say(now, key, keepalive);
    }

    /// Of two connections one goes (RFC 4271 section 6.8): the one that the lower identifier made, unless a session is
    /// established. With graceful restart the newer one wins over that (RFC 4724 section 4.2).
    fn wins_collision(&mut self, now: Instant, key: ConnectionKey, identifier: Ipv4Addr) -> bool {
        let own_wins = self.config.address > identifier;
        for other in self.keys().into_iter().filter(|other| *other != key) {
            let Some(link) = self.links.get(&other) else {
                continue;
            };
            match link.state {
                State::OpenSent => {}
                State::Established if link.router_restart_time.is_some() => {
                    self.end(
                        now,
                        other,
                        false,
                        None,
                        "a newer connection of a router that restarted",
                    );
                }
                State::Established => {
                    self.end(
                        now,
                        key,
                        true,
                        Some(Code::CONNECTION_COLLISION_RESOLUTION),
                        "a collision",
                    );
                    return false;
                }
                State::OpenConfirm if link.passive == own_wins => {
                    self.end(
                        now,
                        other,
                        true,
                        Some(Code::CONNECTION_COLLISION_RESOLUTION),
                        "a collision",
                    );
                }
                State::OpenConfirm => {
                    self.end(
                        now,
                        key,
                        true,
                        Some(Code::CONNECTION_COLLISION_RESOLUTION),
                        "a collision",
                    );
                    return false;
                }
            }
        }
        true
    }

    fn establish(&mut self, now: Instant, key: ConnectionKey) {
        let Some(link) = self.links.get_mut(&key) else {
            return;
        };
        link.state = State::Established;
        let opened_at = link.opened_at;
        let keeps = link.router_restart_time.is_some() && link.router_kept_forwarding;
        if keeps && !self.stale.is_empty() {
            // From here on End-of-RIB ends it.
            self.stale_until = None;
        } else {
            self.sweep();
        }
        self.counts.established += 1;
        self.news.push(News::Established { opened_at });
        if let Some((attempt, _)) = self.attempt.take() {
            // A second connection would look like a restart.
            let mut out = Outbox::new();
            self.tcp.abort(&attempt, &mut out);
            self.pump(now, out);
        }
        let mut bytes = Vec::new();
        announcements(&self.announced, &mut bytes);
        end_of_rib(AfiSafi::IPV4_UNICAST, &mut bytes);
        self.restarted = false;
        self.say(now, key, |out| out.append(&mut bytes));
        for other in self.keys().into_iter().filter(|other| *other != key) {
            self.end(
                now,
                other,
                true,
                Some(Code::CONNECTION_COLLISION_RESOLUTION),
                "a collision",
            );
        }
    }

    fn sweep(&mut self) {
        self.stale_until = None;
        for prefix in std::mem::take(&mut self.stale) {
            self.view.remove(&prefix);
        }
    }

    fn update(&mut self, now: Instant, body: &[u8], has_asked: bool) {
        self.counts.updates += 1;
        let told = match read_update(body, self.config.is_internal()) {
            Ok(told) => told,
            Err(text) => return self.wrong("stream", text),
        };
        let mut repeats = Vec::new();
        for prefix in told.withdrawn {
            self.stale.remove(&prefix);
            if self.view.remove(&prefix).is_none() {
                repeats.push(format!("withdraws {prefix}, which is not known"));
            }
        }
        if let Some(attributes) = told.attributes {
            for prefix in told.announced {
                if let Some(text) = self.told(prefix, &attributes) {
                    repeats.push(text);
                }
            }
        }
        if told.end_of_rib {
            self.sweep();
        }
        let is_excused = has_asked || now <= self.repeats_until;
        if let Some(first) = repeats.first().filter(|_| !is_excused) {
            let text = format!(
                "is told what it knows: the router {first} ({} of them)",
                repeats.len()
            );
            self.wrong("repeats", text);
        }
    }

    fn told(&mut self, prefix: Prefix<V4>, attributes: &Attributes) -> Option<String> {
        let was_stale = self.stale.remove(&prefix);
        let before = self.view.insert(prefix, attributes.clone());
        let repeated = !was_stale && before.as_ref() == Some(attributes);
        repeated.then(|| format!("announces {prefix} as it was"))
    }

    fn refresh_received(&mut self, now: Instant, key: ConnectionKey, body: &[u8]) {
        match RouteRefresh::parse(body).map(|refresh| refresh.kind) {
            Ok(RefreshKind::Request) => {
                let mut bytes = Vec::new();
                announcements(&self.announced, &mut bytes);
                self.say(now, key, |out| out.append(&mut bytes));
            }
            other => self.wrong(
                "session",
                format!("a ROUTE-REFRESH that was not negotiated: {other:?}"),
            ),
        }
    }

    /// A connection ends; with a NOTIFICATION when there is a code.
    fn end(&mut self, now: Instant, key: ConnectionKey, own: bool, code: Option<Code>, why: &str) {
        if self.attempt.is_some_and(|(attempt, _)| attempt == key) {
            self.attempt = None;
        }
        if let Some(code) = code {
            let notification = Notification { code, data: &[] };
            self.say(now, key, |out| notification.emit(out));
        }
        let link = self.links.remove(&key);
        self.tapes.remove(&key);
        let mut out = Outbox::new();
        self.tcp.close(now, &key, &mut out);
        if let Some(link) = link.filter(|link| link.state == State::Established) {
            self.session_lost(now, &link, own, code, why);
        }
        if self.links.is_empty() && self.attempt.is_none() {
            self.connect_later(now);
        }
        self.pump(now, out);
    }

    fn session_lost(&mut self, now: Instant, link: &Link, own: bool, code: Option<Code>, why: &str) {
        self.counts.lost += 1;
        self.news.push(News::Lost(Loss {
            own,
            firm: link.firm,
            why: String::from(why),
        }));
        // Whoever sends or gets a NOTIFICATION forgets: that one of a restart comes without is what tells it (RFC 4724).
        let notified = code.is_some() || why.starts_with("NOTIFICATION");
        match link.router_restart_time {
            Some(time) if !notified => {
                self.stale = self.view.keys().copied().collect();
                self.stale_until = Some(now + time);
            }
            _ => {
                self.view.clear();
                self.stale.clear();
                self.stale_until = None;
            }
        }
    }
}
