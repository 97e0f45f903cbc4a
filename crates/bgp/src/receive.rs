//! What arrives on a connection.

use alloc::format;
use alloc::vec::Vec;
use machine::{Duration, Instant, Outbox};
use packet::bgp::{
    Code, Context, EXTENDED_MESSAGE_LEN_MAX, Fault, Kind, MESSAGE_LEN_MAX, Notification, Open, RefreshKind,
    RouteRefresh, Update, split,
};

use crate::error::BgpEvent;
use crate::farewell::Farewell;
use crate::fsm::{Event, State};
use crate::id::PeerId;
use crate::neighbor::Timer;
use crate::session::{Direction, Families, Offer};
use crate::speaker::{LOG_RELEASE, Speaker, SpeakerOutput};
use crate::sweep::SweepKey;

/// What became of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// How many were taken. The rest is to be brought again, with more behind it, or in another turn when the budget
    /// was spent.
    pub consumed: usize,
    /// Prefixes that were named.
    pub prefixes: usize,
    /// The next message is an UPDATE that waits for another turn, because the budget was spent.
    pub is_waiting: bool,
}

impl Farewell {
    fn of(fault: &Fault<'_>) -> Option<Farewell> {
        Some(Farewell {
            code: fault.code,
            data: fault.data.as_slice().to_vec(),
        })
    }
}

impl Speaker {
    /// Takes bytes of a connection, in the order of its stream and from the start of a message. Once about `budget`
    /// prefixes were named it stops before the next UPDATE, so that a turn stays short; with a budget of 0, before the
    /// first. Who has sent one that waits is not silent.
    pub fn received(
        &mut self,
        now: Instant,
        peer: PeerId,
        direction: Direction,
        bytes: &[u8],
        budget: usize,
        out: &mut Outbox<SpeakerOutput>,
    ) -> Received {
        let mut received = Received::default();
        let mut was_heard = false;
        while let Some(state) = self.connection_state(peer, direction) {
            if state == State::Idle {
                // The connection is being closed: nobody reads what is left of it.
                received.consumed = bytes.len();
                break;
            }
            let length_max = self.length_max(peer, state);
            let rest = &bytes[received.consumed..];
            let message = match split(rest, length_max) {
                Ok(Some(message)) => message,
                Ok(None) => break,
                Err(fault) => {
                    received.consumed = bytes.len();
                    self.apply(
                        now,
                        peer,
                        direction,
                        Event::HeaderError,
                        Farewell::of(&fault),
                        out,
                    );
                    break;
                }
            };
            // Also one that waits has been received.
            was_heard = true;
            if message.kind == Kind::Update && received.prefixes >= budget {
                received.is_waiting = true;
                break;
            }
            received.consumed += message.bytes.len();
            if let Some(neighbor) = self.neighbors.get_mut(&peer) {
                neighbor.counters.received[message.kind as usize - 1] += 1;
            }
            self.watch_received(peer, message.kind, message.body.len());
            match message.kind {
                Kind::Open => self.open(now, peer, direction, message.body, out),
                Kind::Update if state == State::Established => {
                    received.prefixes += self.update(now, peer, direction, message.body, out);
                }
                Kind::Update => self.apply(now, peer, direction, Event::Update, None, out),
                Kind::Notification => self.notification(now, peer, direction, message.body, out),
                Kind::Keepalive if state == State::Established => {}
                Kind::Keepalive => self.apply(now, peer, direction, Event::Keepalive, None, out),
                Kind::RouteRefresh => self.route_refresh(now, peer, direction, message.body, out),
            }
        }
        if was_heard && self.connection_state(peer, direction) == Some(State::Established) {
            // Each message restarts the hold timer; once for all of them is the same.
            self.apply(now, peer, direction, Event::Keepalive, None, out);
        }
        received
    }

    /// This route processor was stopped for `time`, and heard nobody meanwhile: that does not count as a neighbour's
    /// silence. Costs the number of neighbours.
    pub fn was_stopped(&mut self, time: Duration) {
        for peer in self.neighbors.keys().copied().collect::<Vec<_>>() {
            let Some(neighbor) = self.neighbors.get_mut(&peer) else {
                continue;
            };
            for direction in Direction::ALL {
                let timer = Timer::hold(direction);
                if let Some(at) = neighbor.timers.get(timer) {
                    neighbor.timers.set(timer, at + time);
                }
            }
            self.reschedule(peer);
        }
    }

    pub(crate) fn connection_state(&self, peer: PeerId, direction: Direction) -> Option<State> {
        Some(self.neighbors.get(&peer)?.connection(direction).state)
    }

    fn length_max(&self, peer: PeerId, state: State) -> usize {
        let session = self.sessions.get(&peer).filter(|_| state == State::Established);
        match session.is_some_and(|session| session.agreed.extended_message) {
            true => EXTENDED_MESSAGE_LEN_MAX,
            false => MESSAGE_LEN_MAX,
        }
    }

    /// A TCP connection is made.
    pub(crate) fn connected(
        &mut self,
        now: Instant,
        peer: PeerId,
        direction: Direction,
        out: &mut Outbox<SpeakerOutput>,
    ) {
        if direction == Direction::Incoming {
            self.make_way(now, peer, out);
        }
        let state = self.connection_state(peer, direction);
        let is_wanted = match direction {
            Direction::Outgoing => matches!(state, Some(State::Connect | State::Active)),
            Direction::Incoming => state == Some(State::Idle) && self.lets_in(peer),
        };
        let neighbor = self.neighbors.get_mut(&peer).filter(|_| is_wanted);
        let Some(neighbor) = neighbor else {
            out.now(SpeakerOutput::Finish {
                peer,
                direction,
                offset: 0,
                bytes: Vec::new(),
            });
            return;
        };
        let connection = neighbor.connection_mut(direction);
        connection.is_connected = true;
        connection.sent = 0;
        let event = match direction {
            Direction::Outgoing => Event::TcpConnectionAcknowledged,
            Direction::Incoming => {
                connection.state = State::Active;
                Event::TcpConnectionConfirmed
            }
        };
        self.apply(now, peer, direction, event, None, out);
    }

    /// A neighbour with graceful restart that connects anew has restarted, though we have not noticed the end of the
    /// old connection (RFC 4724 section 5): that one goes, without a NOTIFICATION.
    fn make_way(&mut self, now: Instant, peer: PeerId, out: &mut Outbox<SpeakerOutput>) {
        let established = self.established(peer);
        if let Some(direction) = established.filter(|_| self.restarts_by_connecting(peer)) {
            self.apply(now, peer, direction, Event::TcpConnectionFails, None, out);
        }
    }

    /// Whether another connection of this neighbour says that it has restarted, and ends the session that is established:
    /// both ends keep routes of a family meanwhile. Who has only said that it helps others (RFC 4724 section 3) ends
    /// nothing by connecting.
    pub fn restarts_by_connecting(&self, peer: PeerId) -> bool {
        self.sessions.get(&peer).is_some_and(|session| {
            let graceful = session.agreed.graceful.unwrap_or_default();
            !session.agreed.families.and(graceful.families).is_empty()
        })
    }

    /// Whether a connection of the neighbour is let in now.
    fn lets_in(&self, peer: PeerId) -> bool {
        let Some(neighbor) = self.neighbors.get(&peer) else {
            return false;
        };
        // One failure is no oscillation: who has just reset the session may come back at once.
        let is_waiting = neighbor.failures > 1
            && neighbor.timers.get(Timer::IdleHold).is_some()
            && neighbor.connection(Direction::Outgoing).state == State::Idle;
        let is_helped = self
            .sessions
            .get(&peer)
            .is_some_and(|session| !session.stale.is_empty());
        self.may_start(peer) && (!is_waiting || is_helped)
    }

    fn open(
        &mut self,
        now: Instant,
        peer: PeerId,
        direction: Direction,
        body: &[u8],
        out: &mut Outbox<SpeakerOutput>,
    ) {
        if self.connection_state(peer, direction) != Some(State::OpenSent) {
            return self.apply(now, peer, direction, Event::Open, None, out);
        }
        let checked = Open::parse(body)
            .map_err(|fault| Farewell::of(&fault))
            .and_then(|open| self.check_open(peer, direction, &open));
        let offer = match checked {
            Ok(offer) => offer,
            Err(farewell) => return self.apply(now, peer, direction, Event::OpenError, farewell, out),
        };
        if let Some(neighbor) = self.neighbors.get_mut(&peer) {
            neighbor.connection_mut(direction).offer = Some(offer);
        }
        if self.survives_collision(now, peer, direction, &offer, out) {
            self.apply(now, peer, direction, Event::Open, None, out);
        }
    }

    /// What the OPEN offers, or why this neighbour cannot have sent it.
    fn check_open(
        &self,
        peer: PeerId,
        direction: Direction,
        open: &Open<'_>,
    ) -> Result<Offer, Option<Farewell>> {
        let Some(neighbor) = self.neighbors.get(&peer) else {
            return Err(None);
        };
        let config = &neighbor.config;
        let mut offer = Offer::of(open);
        let refuse = |code, data: &[u8]| {
            let data = data.to_vec();
            Err(Some(Farewell { code, data }))
        };
        if offer.as_number != config.remote_as {
            return refuse(Code::BAD_PEER_AS, &(offer.as_number as u16).to_be_bytes());
        }
        if config.is_internal() && offer.identifier == self.config.router_id {
            return refuse(Code::BAD_BGP_IDENTIFIER, &offer.identifier.octets());
        }
        offer.families = offer.families.and(config.families);
        if offer.families.is_empty() {
            // RFC 5492 section 3: it is told which capability it lacks.
            let mut missing = Vec::new();
            let afi_safi = match config.families.has(Families::V4) {
                true => packet::bgp::AfiSafi::IPV4_UNICAST,
                false => packet::bgp::AfiSafi::IPV6_UNICAST,
            };
            packet::bgp::Capability::Multiprotocol(afi_safi).emit(&mut missing);
            return refuse(Code::UNSUPPORTED_CAPABILITY, &missing);
        }
        if !neighbor.connection(direction).offers_graceful_restart {
            offer.graceful = None;
        }
        Ok(offer)
    }

    /// Collision detection (RFC 4271 section 6.8, RFC 6286 section 2.3): of two connections the one goes that the
    /// speaker with the lower identifier has made. An established session stays.
    fn survives_collision(
        &mut self,
        now: Instant,
        peer: PeerId,
        direction: Direction,
        offer: &Offer,
        out: &mut Outbox<SpeakerOutput>,
    ) -> bool {
        let other = direction.other();
        let loser = match self.connection_state(peer, other) {
            Some(State::Established) => direction,
            Some(State::OpenConfirm) => {
                let ours = (self.config.router_id, self.local_as(peer));
                match collision_loser(ours, (offer.identifier, offer.as_number)) {
                    Some(loser) => loser,
                    None => direction,
                }
            }
            _ => return true,
        };
        self.apply(now, peer, loser, Event::OpenCollisionDump, None, out);
        loser != direction
    }

    fn local_as(&self, peer: PeerId) -> u32 {
        let neighbor = self.neighbors.get(&peer);
        neighbor.map_or(self.config.as_number, |neighbor| neighbor.config.local_as)
    }

    /// Returns how many prefixes were named.
    fn update(
        &mut self,
        now: Instant,
        peer: PeerId,
        direction: Direction,
        body: &[u8],
        out: &mut Outbox<SpeakerOutput>,
    ) -> usize {
        let Some(context) = self.context(peer) else {
            return 0;
        };
        let reading = match Update::parse(body).and_then(|update| update.read(&context)) {
            Ok(reading) => reading,
            Err(fault) => {
                let farewell = Farewell::of(&fault);
                self.apply(now, peer, direction, Event::UpdateError, farewell, out);
                return 0;
            }
        };
        self.watch_update(peer, &reading);
        let named = self.rib.update(peer, &reading);
        if let Some(neighbor) = self.neighbors.get_mut(&peer) {
            neighbor.counters.attributes_discarded += u64::from(reading.discarded.count);
            neighbor.counters.treated_as_withdrawn += u64::from(reading.wrong.is_some());
        }
        if let Some(wrong) = reading.wrong {
            self.log_malformed(peer, format!("{wrong}, routes treated as withdrawn"), out);
        }
        if let Some(family) = reading.disabled {
            self.disable(peer, Families::of(family), out);
        }
        if let Some(family) = reading.end_of_rib {
            self.end_of_rib(peer, Families::of(family), out);
        }
        self.check_limit(now, peer, direction, out);
        named
    }

    fn log_malformed(&self, peer: PeerId, what: alloc::string::String, out: &mut Outbox<SpeakerOutput>) {
        if let Some(neighbor) = self.neighbors.get(&peer) {
            let neighbor = neighbor.config.address;
            out.push(
                LOG_RELEASE,
                SpeakerOutput::Log(BgpEvent::Malformed { neighbor, what }),
            );
        }
    }

    /// What UPDATEs of the session may hold.
    fn context(&self, peer: PeerId) -> Option<Context> {
        let session = self.sessions.get(&peer)?;
        let config = &self.neighbors.get(&peer)?.config;
        let families = session.agreed.families.without(session.disabled);
        let is_external = !config.is_internal() && !config.confederation;
        Some(Context {
            four_octet_as: session.agreed.four_octet_as,
            internal: config.is_internal(),
            confederation: config.confederation,
            first_as: (is_external && config.enforces_first_as).then_some(config.remote_as),
            ipv4: families.has(Families::V4),
            ipv6: families.has(Families::V6),
        })
    }

    /// Nothing more is taken of a family, and what was is withdrawn (RFC 7606 section 2).
    fn disable(&mut self, peer: PeerId, family: Families, out: &mut Outbox<SpeakerOutput>) {
        self.sessions
            .edit(&peer, |session| session.disabled = session.disabled.with(family));
        for number in family.numbers() {
            self.rib.start_sweep_of(number, SweepKey::Gone(peer));
        }
        self.log_malformed(peer, "prefixes cannot be told, family disabled".into(), out);
    }

    fn check_limit(
        &mut self,
        now: Instant,
        peer: PeerId,
        direction: Direction,
        out: &mut Outbox<SpeakerOutput>,
    ) {
        let counts = [
            self.rib.v4.paths.index().count(peer).received,
            self.rib.v6.paths.index().count(peer).received,
        ];
        let Some(neighbor) = self.neighbors.get_mut(&peer) else {
            return;
        };
        let Some(maximum) = neighbor.config.maximum_prefix else {
            return;
        };
        let address = neighbor.config.address;
        let (family, count) = if counts[0] >= counts[1] {
            (1u8, counts[0])
        } else {
            (2, counts[1])
        };
        let threshold = u64::from(maximum.limit) * u64::from(maximum.threshold_percent) / 100;
        let limit = maximum.limit;
        if u64::from(count) > threshold && !neighbor.warned {
            neighbor.warned = true;
            let event = BgpEvent::ManyPrefixes {
                neighbor: address,
                count,
                limit,
            };
            out.push(LOG_RELEASE, SpeakerOutput::Log(event));
        }
        if count <= limit || maximum.warning_only {
            neighbor.warned = u64::from(count) > threshold;
            return;
        }
        self.pass_limit(peer);
        let event = BgpEvent::TooManyPrefixes {
            neighbor: address,
            count,
            limit,
        };
        out.push(LOG_RELEASE, SpeakerOutput::Log(event));
        let data = [&[0, family, 1][..], &limit.to_be_bytes()].concat();
        let code = Code::MAXIMUM_PREFIXES;
        let farewell = Some(Farewell { code, data });
        self.apply(now, peer, direction, Event::AutomaticStop, farewell, out);
        self.go_on_over_limit(now, peer);
    }

    fn notification(
        &mut self,
        now: Instant,
        peer: PeerId,
        direction: Direction,
        body: &[u8],
        out: &mut Outbox<SpeakerOutput>,
    ) {
        let Some(notification) = Notification::parse(body) else {
            return self.apply(now, peer, direction, Event::HeaderError, None, out);
        };
        self.note_heard(peer, notification.communication());
        if let Some(neighbor) = self.neighbors.get(&peer) {
            let event = BgpEvent::Received {
                neighbor: neighbor.config.address,
                code: notification.code,
                data_len: notification.data.len(),
                communication: notification.communication(),
            };
            out.push(LOG_RELEASE, SpeakerOutput::Log(event));
        }
        let event = match notification.code {
            Code::UNSUPPORTED_VERSION_NUMBER => Event::NotificationVersionError,
            _ => Event::Notification,
        };
        let is_hard = notification.is_hard_reset();
        self.hard_reset_received(peer, is_hard);
        self.apply(now, peer, direction, event, None, out);
    }

    fn route_refresh(
        &mut self,
        now: Instant,
        peer: PeerId,
        direction: Direction,
        body: &[u8],
        out: &mut Outbox<SpeakerOutput>,
    ) {
        if self.connection_state(peer, direction) != Some(State::Established) {
            return self.apply(now, peer, direction, Event::RouteRefresh, None, out);
        }
        match RouteRefresh::parse(body) {
            Ok(refresh) => {
                let family = Families::of(refresh.family);
                let agreed = self.sessions.get(&peer).map(|session| session.agreed.families);
                let is_agreed = agreed.is_some_and(|families| families.has(family));
                if refresh.kind == RefreshKind::Request && is_agreed {
                    family
                        .numbers()
                        .for_each(|number| self.rib.tell_again(peer, number));
                    out.after_sync(SpeakerOutput::Stream { peer });
                }
            }
            Err(fault) => {
                let farewell = Farewell::of(&fault);
                self.apply(now, peer, direction, Event::UpdateError, farewell, out);
            }
        }
    }
}

/// Which connection goes. Each side is its identifier and AS; the one that is greater keeps the connection that it made
/// itself. `None` when both are equal: then nobody can tell.
pub(crate) fn collision_loser<T: Ord>(ours: T, theirs: T) -> Option<Direction> {
    match ours.cmp(&theirs) {
        core::cmp::Ordering::Less => Some(Direction::Outgoing),
        core::cmp::Ordering::Greater => Some(Direction::Incoming),
        core::cmp::Ordering::Equal => None,
    }
}
