//! Sessions come and go, and what happens to their routes: graceful restart (RFC 4724, RFC 8538), as the one that
//! restarts and as the one that helps, and nonstop routing, where nobody notices.
//!
//! A route carries the generation of its neighbour in which it was told. When a session ends the generation grows, and
//! with that all routes of the neighbour are stale at once. Those that are told again are fresh; a walk takes out what
//! is stale, when the neighbour has said that this was all (End-of-RIB), or when its time is over.

use alloc::string::String;
use alloc::vec::Vec;
use machine::{Duration, Instant, Outbox};
use packet::bgp::{Kind, Notification, RefreshKind, RouteRefresh};

use crate::decision::Source;
use crate::error::{BgpEvent, DownReason, down_reason};
use crate::farewell::Farewell;
use crate::fsm::{Event, State};
use crate::id::{GroupId, PeerId};
use crate::log::Stream;
use crate::neighbor::{Connection, Neighbor, NeighborConfig, Timer};
use crate::peer::Peer;
use crate::session::{Direction, Families, Offer, OurGraceful, Session};
use crate::speaker::{LOG_RELEASE, Speaker, SpeakerOutput};
use crate::sweep::SweepKey;

impl Speaker {
    /// This route processor has become active with all tables in place (nonstop routing). `neighbors` is what is
    /// configured. Sessions go on where they are: no OPEN, no NOTIFICATION, no UPDATE that was sent before; a KEEPALIVE
    /// at once, because nobody knows how long ago the last one was. All others start. Costs the number of neighbours.
    ///
    /// A session of which `is_carried` says no has lost its connection, or was never to survive: it ends here, as by the
    /// loss of the connection. With graceful restart its routes stay until they are told again, and nobody is told
    /// anything new before (RFC 4724 section 4.1).
    pub fn promoted(
        &mut self,
        now: Instant,
        neighbors: impl IntoIterator<Item = (PeerId, NeighborConfig)>,
        is_carried: &dyn Fn(PeerId) -> bool,
        out: &mut Outbox<SpeakerOutput>,
    ) {
        self.neighbors = neighbors
            .into_iter()
            .map(|(peer, config)| (peer, Neighbor::new(config)))
            .collect();
        let sessions: Vec<(PeerId, Session)> = self
            .sessions
            .iter()
            .map(|(peer, session)| (*peer, session.clone()))
            .collect();
        self.rib.common.is_rebuilding = true;
        sessions.iter().for_each(|(peer, _)| self.sync_peer(*peer));
        self.rib.common.is_rebuilding = false;
        self.go_on_deferring(now);
        for (peer, session) in &sessions {
            let Some(neighbor) = self.neighbors.get_mut(peer) else {
                self.drop_routes(*peer);
                continue;
            };
            if session.established && !is_carried(*peer) {
                self.fall_back(now, *peer, session, out);
            } else if session.established {
                *neighbor.connection_mut(session.direction) = Connection {
                    state: State::Established,
                    is_connected: true,
                    sent: 0,
                    proposed_hold_time_s: session.hold_time_s,
                    offers_graceful_restart: session.offered_graceful_restart,
                    offer: Some(session.agreed),
                };
                if !session.stale.is_empty() {
                    let time = Duration::from_secs(self.config.stalepath_time_s.into());
                    neighbor.timers.set(Timer::StalePath, now + time);
                }
                self.apply(now, *peer, session.direction, Event::Keepalive, None, out);
                self.apply(
                    now,
                    *peer,
                    session.direction,
                    Event::KeepaliveTimerExpires,
                    None,
                    out,
                );
            } else if let Some(graceful) = session.agreed.graceful {
                let time = Duration::from_secs(graceful.restart_time_s.into());
                neighbor.timers.set(Timer::Restart, now + time);
                self.reschedule(*peer);
            }
        }
        self.find_regrouping(now);
        let idle: Vec<PeerId> = self.neighbors.keys().copied().collect();
        for peer in idle {
            self.sync_peer(peer);
            self.go_on_over_limit(now, peer);
            self.start(now, peer, out);
        }
        // Whoever was waited for may not be allowed to come back.
        self.consider_end_of_deferral(out);
    }

    /// A session of the last active that does not go on here: it starts again, gracefully where that was agreed on.
    fn fall_back(&mut self, now: Instant, peer: PeerId, session: &Session, out: &mut Outbox<SpeakerOutput>) {
        let Some(neighbor) = self.neighbors.get_mut(&peer) else {
            return;
        };
        let neighbor_address = neighbor.config.address;
        // Whoever may not come back is not waited for.
        let kept = match neighbor.config.shutdown {
            true => Families::NONE,
            false => retained(session, Event::TcpConnectionFails, false, None),
        };
        let reason = match (neighbor.config.shutdown, kept.is_empty()) {
            // An operator's own stop has ended the session before.
            (true, _) => DownReason::Quarantined,
            (false, true) => DownReason::NotCarried,
            (false, false) => DownReason::NotCarriedGraceful,
        };
        let event = BgpEvent::Down {
            neighbor: neighbor_address,
            reason,
        };
        out.push(LOG_RELEASE, SpeakerOutput::Log(event));
        if let Some(graceful) = session.agreed.graceful.filter(|_| !kept.is_empty()) {
            let time = Duration::from_secs(graceful.restart_time_s.into());
            neighbor.timers.set(Timer::Restart, now + time);
            self.await_end_of_rib(now, peer);
        }
        self.leave(peer, kept, reason, false);
        self.reschedule(peer);
    }

    pub(crate) fn our_graceful(&self, peer: PeerId) -> Option<OurGraceful> {
        let neighbor = self.neighbors.get(&peer)?;
        neighbor.config.graceful_restart.then_some(OurGraceful {
            restarted: self.is_deferring(),
            restart_time_s: self.config.restart_time_s,
            // Cards forward on without a route processor, by all routes that it gave them.
            forwarding: neighbor.config.families,
        })
    }

    /// Puts together what the routing table knows of a neighbour.
    pub(crate) fn sync_peer(&mut self, id: PeerId) {
        let session = self.sessions.get(&id);
        let Some(neighbor) = self.neighbors.get(&id) else {
            // Its routes are on their way out.
            self.rib.set_peer(id, None);
            return;
        };
        let config = &neighbor.config;
        let source = match (config.is_internal(), config.confederation) {
            (true, _) => Source::Internal,
            (false, true) => Source::Confederation,
            (false, false) => Source::External,
        };
        let peer = Peer {
            source,
            address: config.address,
            identifier: session.map_or(core::net::Ipv4Addr::UNSPECIFIED, |session| {
                session.agreed.identifier
            }),
            remote_as: config.remote_as,
            generation: session.map_or(0, |session| session.generation),
            weight: config.weight,
            route_map_in: config.route_map_in.clone(),
            prefix_list_in: config.prefix_list_in.clone(),
            keeps_refused: config.keeps_refused,
            own_as_allowed: config.own_as_allowed,
            route_reflector_client: config.route_reflector_client,
            group: session.and_then(|session| session.group),
            leaving: self.leaving(id),
        };
        self.rib.set_peer(id, Some(peer));
    }

    /// The group that a neighbour comes from, on its way to another.
    fn leaving(&self, peer: PeerId) -> Option<GroupId> {
        let stream = self.rib.common.streams.get(&peer)?;
        stream.leaving.map(|leaving| leaving.group)
    }

    pub(crate) fn session_up(
        &mut self,
        now: Instant,
        peer: PeerId,
        direction: Direction,
        out: &mut Outbox<SpeakerOutput>,
    ) {
        self.silence(peer, direction.other(), out);
        let Some(neighbor) = self.neighbors.get_mut(&peer) else {
            return;
        };
        let connection = neighbor.connection(direction);
        let (offer, hold_time_s, offset) = (connection.offer, connection.hold_time_s(), connection.sent);
        let offered_graceful_restart = connection.offers_graceful_restart;
        let Some((offer, hold_time_s)) = offer.zip(hold_time_s) else {
            return;
        };
        neighbor.failures = 0;
        neighbor.warned = false;
        neighbor.timers.stop(Timer::IdleHold);
        neighbor.timers.stop(Timer::Restart);
        let address = neighbor.config.address;
        let before = self.sessions.get(&peer).cloned();
        let before = before.unwrap_or_else(|| Session::new(direction, offer));
        let is_deferring = self.is_deferring();
        let deferred = if is_deferring {
            offer.families
        } else {
            Families::NONE
        };
        let group = (!is_deferring).then(|| self.join_group(peer, &offer)).flatten();
        let kept = match is_deferring {
            // It is us who have restarted: what we forward by stays until the neighbour has told all of it again.
            true => told_again(&offer),
            false => kept_families(&offer),
        };
        let stale = before.stale;
        let session = Session {
            established: true,
            direction,
            agreed: offer,
            hold_time_s,
            offered_graceful_restart,
            group,
            stale: stale.and(kept),
            disabled: Families::NONE,
            ended: Families::NONE,
            deferred,
            history: before.history.up(self.age_s),
            over_limit_since_s: None,
            ..before
        };
        self.sessions.insert(peer, session);
        self.sync_peer(peer);
        self.judge_stale(now, peer, stale, kept);
        let says_end = offer.graceful.is_some();
        let families = offer.families.without(deferred).numbers();
        let families: Vec<(u8, bool)> = families.map(|number| (number, says_end)).collect();
        self.rib
            .open_stream(peer, group.unwrap_or(GroupId(0)), offset, &families);
        out.push(
            LOG_RELEASE,
            SpeakerOutput::Log(BgpEvent::Up { neighbor: address }),
        );
        out.after_sync(SpeakerOutput::Stream { peer });
        if is_deferring && offer.graceful.is_none_or(|graceful| graceful.restarted) {
            // Nobody waits for the End-of-RIB of who sends none, or waits himself.
            self.consider_end_of_deferral(out);
        }
    }

    /// The neighbour has come back, and vouches for the stale routes of `kept` only (RFC 4724 section 4.2).
    fn judge_stale(&mut self, now: Instant, peer: PeerId, stale: Families, kept: Families) {
        for number in stale.without(kept).numbers() {
            self.rib.start_sweep_of(number, SweepKey::Stale(peer));
        }
        if let Some(neighbor) = self.neighbors.get_mut(&peer)
            && !stale.and(kept).is_empty()
        {
            let time = Duration::from_secs(self.config.stalepath_time_s.into());
            neighbor.timers.set(Timer::StalePath, now + time);
        }
    }

    /// The other connection has no purpose any more, unless it is far enough to be told so by collision detection.
    fn silence(&mut self, peer: PeerId, direction: Direction, out: &mut Outbox<SpeakerOutput>) {
        let Some(neighbor) = self.neighbors.get_mut(&peer) else {
            return;
        };
        let connection = neighbor.connection_mut(direction);
        if !matches!(connection.state, State::Connect | State::Active) {
            return;
        }
        let is_being_made = connection.state == State::Connect;
        *connection = Connection::IDLE;
        neighbor.timers.stop(Timer::ConnectRetry);
        if is_being_made {
            out.now(SpeakerOutput::Finish {
                peer,
                direction,
                offset: 0,
                bytes: Vec::new(),
            });
        }
    }

    pub(crate) fn session_down(
        &mut self,
        now: Instant,
        peer: PeerId,
        direction: Direction,
        event: Event,
        farewell: Option<Farewell>,
        out: &mut Outbox<SpeakerOutput>,
    ) {
        let (Some(neighbor), Some(session)) = (self.neighbors.get_mut(&peer), self.sessions.get(&peer))
        else {
            return;
        };
        let address = neighbor.config.address;
        let kept = retained(session, event, neighbor.hard_reset, farewell.as_ref());
        // What the operator is told is the reason, not the envelope that it travels in.
        let reason = down_reason(event, farewell.as_ref());
        // RFC 8538 section 4: where our own end is final, the neighbour has to be told so.
        let is_final = matches!(event, Event::ManualStop | Event::AutomaticStop);
        let both_know = session
            .agreed
            .graceful
            .is_some_and(|graceful| graceful.notification);
        let farewell = match farewell {
            Some(farewell) if is_final && both_know => Some(farewell.hard()),
            farewell => farewell,
        };
        let connection = core::mem::replace(neighbor.connection_mut(direction), Connection::IDLE);
        neighbor.hard_reset = false;
        for timer in [
            Timer::hold(direction),
            Timer::keepalive(direction),
            Timer::StalePath,
        ] {
            neighbor.timers.stop(timer);
        }
        if let Some(graceful) = session.agreed.graceful.filter(|_| !kept.is_empty()) {
            let time = Duration::from_secs(graceful.restart_time_s.into());
            neighbor.timers.set(Timer::Restart, now + time);
        }
        let (offset, mut bytes) = self.rib.last_bytes(peer);
        if let Some(farewell) = &farewell {
            out.push(LOG_RELEASE, SpeakerOutput::Log(farewell.event(address)));
            bytes.extend_from_slice(&farewell.message());
        }
        if connection.is_connected {
            out.after_sync(SpeakerOutput::Finish {
                peer,
                direction,
                offset,
                bytes,
            });
        }
        let event = BgpEvent::Down {
            neighbor: address,
            reason,
        };
        out.push(LOG_RELEASE, SpeakerOutput::Log(event));
        let is_notified = farewell.is_some() && connection.is_connected;
        if let Some(said) = farewell.filter(|_| is_notified) {
            self.note_said(peer, &said);
        }
        self.leave(peer, kept, reason, is_notified);
    }

    /// Takes the session out of the tables, but for the routes of `kept`; `is_notified`: a NOTIFICATION has ended it.
    fn leave(&mut self, peer: PeerId, kept: Families, reason: DownReason, is_notified: bool) {
        let Some(agreed) = self.sessions.get(&peer).map(|session| session.agreed.families) else {
            return;
        };
        let age_s = self.age_s;
        let stream = self.rib.common.streams.get(&peer);
        let [opens, updates, _, keepalives, refreshes] = stream.map_or([0; 5], Stream::sent);
        let sent = [opens, updates, u64::from(is_notified), keepalives, refreshes];
        self.sessions.edit(&peer, |session| {
            session.established = false;
            session.history = session.history.down(age_s, reason, sent);
            session.group = None;
            session.generation = session.generation.wrapping_add(1);
            session.stale = kept;
            session.ended = Families::NONE;
            session.deferred = Families::NONE;
        });
        self.rib.close_stream(peer);
        self.sync_peer(peer);
        for number in agreed.without(kept).numbers() {
            self.rib.start_sweep_of(number, SweepKey::Stale(peer));
        }
    }

    /// All routes of a neighbour go, and what is known of its session.
    pub(crate) fn drop_routes(&mut self, peer: PeerId) {
        self.rib.close_stream(peer);
        self.sessions.remove(&peer);
        self.rib.set_peer(peer, None);
        self.rib.start_sweep(SweepKey::Gone(peer));
    }

    /// The words in a NOTIFICATION to this neighbour, if there are any, are the last that it was sent.
    fn note_said(&mut self, peer: PeerId, said: &Farewell) {
        let notification = Notification {
            code: said.code,
            data: &said.data,
        };
        if let Some(text) = notification.communication() {
            self.sessions
                .edit(&peer, |session| session.communications.sent = Some(text));
        }
    }

    /// The words in a NOTIFICATION of this neighbour are the last that were received.
    pub(crate) fn note_heard(&mut self, peer: PeerId, text: Option<String>) {
        if text.is_some() {
            self.sessions
                .edit(&peer, |session| session.communications.received = text);
        }
    }

    /// What comes next from this neighbour is or is not the end of graceful restart.
    pub(crate) fn hard_reset_received(&mut self, peer: PeerId, is_hard: bool) {
        if let Some(neighbor) = self.neighbors.get_mut(&peer) {
            neighbor.hard_reset = is_hard;
        }
    }

    /// The neighbour has not come back in time.
    pub(crate) fn restart_time_is_over(&mut self, peer: PeerId) {
        let is_down = self
            .sessions
            .get(&peer)
            .is_some_and(|session| !session.established);
        if is_down {
            self.sweep_stale(peer);
        }
    }

    /// The neighbour came back, and has not said in time that it has told everything.
    pub(crate) fn stale_path_time_is_over(&mut self, peer: PeerId) {
        self.sweep_stale(peer);
    }

    fn sweep_stale(&mut self, peer: PeerId) {
        let stale = self.sessions.edit(&peer, |session| {
            core::mem::replace(&mut session.stale, Families::NONE)
        });
        for number in stale.unwrap_or_default().numbers() {
            self.rib.start_sweep_of(number, SweepKey::Stale(peer));
        }
    }

    /// The neighbour has told all routes of a family.
    pub(crate) fn end_of_rib(&mut self, peer: PeerId, family: Families, out: &mut Outbox<SpeakerOutput>) {
        let was_stale = self.sessions.edit(&peer, |session| {
            session.ended = session.ended.with(family);
            let was_stale = session.stale.has(family);
            session.stale = session.stale.without(family);
            was_stale
        });
        if was_stale == Some(true) {
            for number in family.numbers() {
                self.rib.start_sweep_of(number, SweepKey::Stale(peer));
            }
        }
        let is_complete = self
            .sessions
            .get(&peer)
            .is_some_and(|session| session.stale.is_empty());
        if let Some(neighbor) = self.neighbors.get_mut(&peer).filter(|_| is_complete) {
            neighbor.timers.stop(Timer::StalePath);
        }
        self.reschedule(peer);
        self.consider_end_of_deferral(out);
    }

    /// Policy is applied again to what a neighbour told: to what is kept of it, or to what it tells again.
    pub(crate) fn clear_soft_in(&mut self, peer: PeerId, out: &mut Outbox<SpeakerOutput>) {
        self.rib.policy_changed();
        let Some(config) = self.neighbors.get(&peer).map(|neighbor| &neighbor.config) else {
            return;
        };
        // Who is shut down has no routes, or is losing them; for who is so by quarantine no step may be made.
        if config.shutdown {
            return;
        }
        let keeps_refused = config.keeps_refused;
        if keeps_refused || !self.ask_again(peer, out) {
            self.rib.start_sweep(SweepKey::Import(peer));
        }
    }

    /// Asks a neighbour to tell everything again (RFC 2918); returns whether it knows how to.
    pub(crate) fn ask_again(&mut self, peer: PeerId, out: &mut Outbox<SpeakerOutput>) -> bool {
        let session = self.sessions.get(&peer).filter(|session| session.established);
        let agreed = session.map(|session| session.agreed);
        let Some(agreed) = agreed.filter(|agreed| agreed.route_refresh) else {
            return false;
        };
        for number in agreed.families.numbers() {
            let mut bytes = Vec::new();
            let refresh = RouteRefresh {
                family: match number {
                    0 => packet::bgp::AfiSafi::IPV4_UNICAST,
                    _ => packet::bgp::AfiSafi::IPV6_UNICAST,
                },
                kind: RefreshKind::Request,
            };
            refresh.emit(&mut bytes);
            debug_assert_eq!(bytes.len(), Kind::RouteRefresh.length_min());
            self.rib.append_own(peer, &bytes);
        }
        out.after_sync(SpeakerOutput::Stream { peer });
        true
    }
}

/// Families whose routes the neighbour has kept, as its OPEN says.
fn kept_families(offer: &Offer) -> Families {
    let graceful = offer.graceful.unwrap_or_default();
    offer.families.and(graceful.families).and(graceful.forwarding)
}

/// Families whose end a neighbour tells, whether or not it keeps anything itself (RFC 4724 section 4.2).
fn told_again(offer: &Offer) -> Families {
    offer.graceful.map_or(Families::NONE, |_| offer.families)
}

/// Families whose routes stay when the session ends this way.
fn retained(session: &Session, event: Event, hard_reset: bool, farewell: Option<&Farewell>) -> Families {
    let Some(graceful) = session.agreed.graceful else {
        return Families::NONE;
    };
    let is_graceful = match event {
        Event::TcpConnectionFails => true,
        // RFC 8538 section 4: both have said that these follow the same rules.
        Event::HoldTimerExpires | Event::HeaderError | Event::UpdateError => graceful.notification,
        Event::Notification => graceful.notification && !hard_reset,
        _ => false,
    };
    // A second restart before the first was over: what is stale now would be stale twice (RFC 4724 section 4.2).
    if !is_graceful
        || !session.stale.is_empty()
        || farewell.is_some_and(|farewell| farewell.code.subcode == 9 && farewell.code.code == 6)
    {
        return Families::NONE;
    }
    session
        .agreed
        .families
        .and(graceful.families)
        .without(session.disabled)
}
