//! The machine: neighbours, their connections, timers and routes.
//!
//! ```text
//!   configuration, connections, bytes ──▶ Speaker ──▶ connect, send, finish, stream, log
//!                                           │
//!                     Rib (tables) ◀────────┴──────▶ [sessions]
//! ```
//!
//! What is sent before a session is established is handed over at once: it reveals nothing that has to survive, because
//! a session that is not established starts again after a switchover. From then on every byte is in the neighbour's
//! stream ([`crate::Stream`]) before it is sent; the transport takes it from there ([`Rib::transmit`]) and says what
//! was acknowledged.
//!
//! Contract: as [`machine::Machine`], and besides: the bytes of a connection come through [`Speaker::received`], which
//! may take fewer than it is given; [`Speaker::turn_end`] ends each turn; [`Speaker::run`] is called in turns of its own
//! as long as it says that something is left. Neither takes longer than its budget, so that timers and the messages
//! that keep sessions alive never wait for bulk work.

use ::checkpoint::Tracked;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use machine::{Deadline, Duration, Instant, Machine, Outbox, Release, Seed, StepKind};
use packet::bgp::{Code, OpenRepr, keepalive, shutdown_communication};

use crate::debug::{DebugTopic, Watch};
use crate::deferral::{DEFERRAL_TABLE, Deferral, DeferralKey};
use crate::error::BgpEvent;
use crate::farewell::Farewell;
use crate::fsm::{Action, Circumstances, Event, Notice, State, transition};
use crate::id::PeerId;
use crate::neighbor::{Connection, Neighbor, NeighborConfig, NeighborCounters, Timer};
use crate::regroup::Regrouping;
use crate::rib::Rib;
use crate::session::{Direction, OurOffer, SESSIONS_TABLE, Session};
use crate::sweep::SweepKey;

/// The HoldTimer before the hold time is agreed on (RFC 4271 section 8.2.2).
pub const HOLD_TIME_LARGE: Duration = Duration::from_secs(240);
/// The wait before a failed session is started again; doubles with each failure.
const IDLE_HOLD_TIME: Duration = Duration::from_secs(2);
/// The longest such wait.
const IDLE_HOLD_TIME_MAX: Duration = Duration::from_secs(60);
/// Most neighbours, so that each has a number.
pub const NEIGHBORS_MAX: usize = 65_535;

/// `router bgp`, without the neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeakerConfig {
    /// Our AS.
    pub as_number: u32,
    /// Who we are.
    pub router_id: Ipv4Addr,
    /// `bgp graceful-restart restart-time`: how long we need to come back, in seconds, `1..=3600`.
    pub restart_time_s: u16,
    /// `bgp graceful-restart stalepath-time`: how long routes of a neighbour that came back wait for its End-of-RIB, in
    /// seconds.
    pub stalepath_time_s: u16,
    /// How long route selection waits for End-of-RIB after we have restarted, in seconds.
    pub selection_deferral_time_s: u16,
}

impl SpeakerConfig {
    /// The vendor's defaults.
    pub const fn new(as_number: u32, router_id: Ipv4Addr) -> SpeakerConfig {
        SpeakerConfig {
            as_number,
            router_id,
            restart_time_s: 120,
            stalepath_time_s: 360,
            selection_deferral_time_s: 360,
        }
    }
}

/// What can happen, other than that bytes arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpeakerInput {
    /// A neighbour is configured, or configured otherwise.
    Configure {
        /// Its number.
        peer: PeerId,
        /// What the operator says.
        config: NeighborConfig,
    },
    /// A neighbour is not configured any more.
    Remove {
        /// Its number.
        peer: PeerId,
    },
    /// A TCP connection is made.
    Connected {
        /// With whom.
        peer: PeerId,
        /// By whom.
        direction: Direction,
    },
    /// A TCP connection is gone, or was not made.
    Closed {
        /// With whom.
        peer: PeerId,
        /// Which.
        direction: Direction,
    },
    /// `clear ip bgp`: the session is reset.
    Clear {
        /// With whom.
        peer: PeerId,
        /// What to tell the neighbour's operator.
        communication: Option<String>,
    },
    /// `clear ip bgp soft in`: policy is applied again to what the neighbour told.
    ClearSoftIn {
        /// Whose routes.
        peer: PeerId,
    },
    /// `clear ip bgp soft out`: the neighbour is told what is different by policy as it is now; where that has not changed,
    /// everything again.
    ClearSoftOut {
        /// Who is told.
        peer: PeerId,
    },
}

/// What the machine asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpeakerOutput {
    /// Make a TCP connection.
    Connect {
        /// With whom.
        peer: PeerId,
    },
    /// Send these bytes on a connection that is not established.
    Send {
        /// To whom.
        peer: PeerId,
        /// On which connection.
        direction: Direction,
        /// Whole messages.
        bytes: Vec<u8>,
    },
    /// Send the last bytes of a connection and close it, or give up making it. They start at `offset` of what was sent on it: the transport
    /// leaves out what it has sent already.
    Finish {
        /// With whom.
        peer: PeerId,
        /// Which connection.
        direction: Direction,
        /// Where `bytes` start.
        offset: u64,
        /// All that was promised and not acknowledged, and a NOTIFICATION if there is one.
        bytes: Vec<u8>,
    },
    /// There is more in the stream of an established session.
    Stream {
        /// For whom.
        peer: PeerId,
    },
    /// For the log.
    Log(BgpEvent),
}

/// BGP on one router.
#[derive(Clone, Debug)]
pub struct Speaker {
    /// Routes and streams.
    pub rib: Rib,
    /// Sessions that are established, or whose routes are kept.
    pub sessions: Tracked<PeerId, Session>,
    pub(crate) config: SpeakerConfig,
    pub(crate) neighbors: BTreeMap<PeerId, Neighbor>,
    deadlines: BTreeSet<(Instant, PeerId)>,
    seed: Seed,
    /// What route selection waits for after a restart.
    pub deferrals: Tracked<DeferralKey, Deferral>,
    /// Until when route selection waits for End-of-RIB.
    pub(crate) deferred_until: Option<Instant>,
    /// Until when it waits for neighbours that say that they have restarted, too.
    pub(crate) restarted_awaited_until: Option<Instant>,
    /// The system's age in seconds.
    pub(crate) age_s: u32,
    /// What `debug` tells.
    pub(crate) watch: Watch,
    /// Neighbours that are to be told otherwise.
    pub(crate) regrouping: Regrouping,
}

impl Speaker {
    /// No neighbours. `seed` gives timers their jitter.
    pub fn new(config: SpeakerConfig, seed: Seed) -> Speaker {
        Speaker {
            rib: Rib::new(config.as_number, config.router_id),
            sessions: Tracked::new(SESSIONS_TABLE),
            config,
            neighbors: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            seed,
            deferrals: Tracked::new(DEFERRAL_TABLE),
            deferred_until: None,
            restarted_awaited_until: None,
            age_s: 0,
            watch: Watch::default(),
            regrouping: Regrouping::default(),
        }
    }

    /// Who we are, and for how long we wait. To be called while there are no neighbours, for a change of AS or
    /// identifier, or when tables were filled by checkpointing.
    pub fn set_config(&mut self, config: SpeakerConfig) {
        self.rib.common.as_number = config.as_number;
        self.rib.common.router_id = config.router_id;
        self.rib
            .set_peer(PeerId::LOCAL, Some(crate::peer::Peer::local(config.router_id)));
        self.config = config;
    }

    /// Jitter and other choices that others need not foresee are drawn from this from now on.
    pub fn set_seed(&mut self, seed: Seed) {
        self.seed = seed;
    }

    /// The neighbours that are configured, in order of their numbers.
    pub fn neighbors(&self) -> impl Iterator<Item = (PeerId, &NeighborConfig)> {
        self.neighbors
            .iter()
            .map(|(peer, neighbor)| (*peer, &neighbor.config))
    }

    /// What is configured.
    pub fn config(&self) -> &SpeakerConfig {
        &self.config
    }

    /// How far a neighbour is: the state of the connection that is furthest.
    pub fn state(&self, peer: PeerId) -> Option<State> {
        let neighbor = self.neighbors.get(&peer)?;
        neighbor
            .connections
            .iter()
            .map(|connection| connection.state)
            .max()
    }

    /// Which connection of a neighbour is the session; `None` while none is established.
    pub fn established(&self, peer: PeerId) -> Option<Direction> {
        self.neighbors.get(&peer)?.established()
    }

    /// Whether something in the tables names this neighbour.
    pub fn has_traces_of(&self, peer: PeerId) -> bool {
        let rib = &self.rib;
        let walk = SweepKey::Gone(peer);
        self.neighbors.contains_key(&peer)
            || self.sessions.contains_key(&peer)
            || rib.common.streams.contains_key(&peer)
            || rib.v4.sweeps.contains_key(&walk)
            || rib.v6.sweeps.contains_key(&walk)
    }

    /// What was counted of a neighbour.
    pub fn counters(&self, peer: PeerId) -> Option<NeighborCounters> {
        let neighbor = self.neighbors.get(&peer)?;
        let history = self.sessions.get(&peer).map(|session| session.history);
        let history = history.unwrap_or_default();
        Some(NeighborCounters {
            established: history.established,
            dropped: history.dropped,
            ..neighbor.counters
        })
    }

    /// The system is this old now, in seconds: what happens to sessions is dated by it. It is no clock of this route
    /// processor, so a date stays true when another one takes over.
    pub fn set_age(&mut self, age_s: u32) {
        self.age_s = age_s;
    }

    /// Ends a turn: tells what changed in it.
    pub fn turn_end(&mut self, out: &mut Outbox<SpeakerOutput>) {
        self.rib.flush();
        self.rib.trim_logs();
        self.rib.forget_undecided();
        let groups = core::mem::take(&mut self.rib.common.told_groups);
        for group in groups {
            let members = self.rib.common.members.get(&group);
            for peer in members.into_iter().flatten() {
                out.after_sync(SpeakerOutput::Stream { peer: *peer });
            }
        }
    }

    /// Goes on with bulk work, for at most about `budget` prefixes; returns whether nothing is left.
    pub fn run(&mut self, budget: usize) -> bool {
        self.regroup_due();
        self.rib.run(budget)
    }

    fn configure(
        &mut self,
        now: Instant,
        peer: PeerId,
        config: NeighborConfig,
        out: &mut Outbox<SpeakerOutput>,
    ) {
        let before = self.neighbors.get(&peer).map(|neighbor| neighbor.config.clone());
        match before {
            Some(before) if before == config => return,
            Some(before) => {
                let (code, text) = match (before.shutdown, config.shutdown) {
                    (false, true) => (Code::ADMINISTRATIVE_SHUTDOWN, config.shutdown_message.as_deref()),
                    _ => (Code::OTHER_CONFIGURATION_CHANGE, None),
                };
                let is_established = self
                    .sessions
                    .get(&peer)
                    .is_some_and(|session| session.established);
                if config.needs_reset(&before, is_established) {
                    let data = text.map_or(Vec::new(), shutdown_communication);
                    self.stop(now, peer, code, data, out);
                } else if config.keeps_refused && !before.keeps_refused {
                    // What policy has refused so far was not kept: it is wanted as well.
                    self.ask_again(peer, out);
                }
                if let Some(neighbor) = self.neighbors.get_mut(&peer) {
                    neighbor.config = config;
                }
            }
            None => drop(self.neighbors.insert(peer, Neighbor::new(config))),
        }
        self.sync_peer(peer);
        self.consider_group(now, peer);
        self.start(now, peer, out);
    }

    fn remove(&mut self, now: Instant, peer: PeerId, out: &mut Outbox<SpeakerOutput>) {
        self.stop(now, peer, Code::PEER_DE_CONFIGURED, Vec::new(), out);
        self.drop_routes(peer);
        if let Some(neighbor) = self.neighbors.remove(&peer)
            && let Some(at) = neighbor.deadline
        {
            self.deadlines.remove(&(at, peer));
        }
        self.await_no_more(peer, out);
    }

    /// Starts a session, unless something is against it.
    pub(crate) fn start(&mut self, now: Instant, peer: PeerId, out: &mut Outbox<SpeakerOutput>) {
        let Some(neighbor) = self.neighbors.get(&peer) else {
            return;
        };
        if !self.may_start(peer) {
            return;
        }
        let event = match neighbor.config.passive {
            true => Event::AutomaticStartPassive,
            false => Event::AutomaticStart,
        };
        if neighbor
            .connections
            .iter()
            .all(|connection| connection.state == State::Idle)
        {
            self.apply(now, peer, Direction::Outgoing, event, None, out);
        }
    }

    /// Stops both connections.
    fn stop(
        &mut self,
        now: Instant,
        peer: PeerId,
        code: Code,
        data: Vec<u8>,
        out: &mut Outbox<SpeakerOutput>,
    ) {
        for direction in Direction::ALL {
            let farewell = Farewell {
                code,
                data: data.clone(),
            };
            self.apply(now, peer, direction, Event::ManualStop, Some(farewell), out);
        }
        if let Some(neighbor) = self.neighbors.get_mut(&peer) {
            neighbor.timers.stop(Timer::IdleHold);
            neighbor.failures = 0;
        }
        self.reschedule(peer);
    }

    /// Lets an event happen to one connection.
    pub(crate) fn apply(
        &mut self,
        now: Instant,
        peer: PeerId,
        direction: Direction,
        event: Event,
        farewell: Option<Farewell>,
        out: &mut Outbox<SpeakerOutput>,
    ) {
        let Some(neighbor) = self.neighbors.get_mut(&peer) else {
            return;
        };
        let before = neighbor.connection(direction).state;
        let step = transition(before, event, Circumstances::default());
        if before != step.next {
            self.watched(peer, &[DebugTopic::Sessions, DebugTopic::Events], |neighbor| {
                format!("BGP: {neighbor} went from {before:?} to {:?}", step.next)
            });
        }
        let farewell = match step.notice {
            Some(Notice::OfEvent) => farewell,
            Some(Notice::Of(code)) => Some(Farewell {
                code,
                data: Vec::new(),
            }),
            None => None,
        };
        if before == State::Established && step.next != State::Established {
            self.session_down(now, peer, direction, event, farewell, out);
        } else if step.actions.contains(&Action::Drop) {
            self.drop_connection(peer, direction, farewell, out);
        }
        for action in step.actions {
            self.act(now, peer, direction, *action, out);
        }
        if (before, event, step.next) == (State::Connect, Event::TcpConnectionFails, State::Idle) {
            // RFC 4271 leaves open who starts a session again whose first connection failed: as after any failure.
            self.act(now, peer, direction, Action::CountAndDamp, out);
        }
        if let Some(neighbor) = self.neighbors.get_mut(&peer) {
            // A connection that the neighbour made is not made again by us: it is just gone.
            let is_tried_again = matches!(step.next, State::Connect | State::Active);
            neighbor.connection_mut(direction).state = match direction {
                Direction::Incoming if is_tried_again => State::Idle,
                _ => step.next,
            };
        }
        if step.next == State::Established && before != State::Established {
            self.session_up(now, peer, direction, out);
        }
        self.reschedule(peer);
    }

    fn act(
        &mut self,
        now: Instant,
        peer: PeerId,
        direction: Direction,
        action: Action,
        out: &mut Outbox<SpeakerOutput>,
    ) {
        let jitter = self.jitter_percent();
        let Some(neighbor) = self.neighbors.get_mut(&peer) else {
            return;
        };
        match action {
            // It is for connections that we make.
            Action::StartConnectRetry | Action::StopConnectRetry if direction == Direction::Incoming => {}
            Action::StartConnectRetry => {
                let time = Duration::from_secs(neighbor.config.connect_retry_time_s.into());
                neighbor
                    .timers
                    .set(Timer::ConnectRetry, now + time * jitter / 100);
            }
            Action::StopConnectRetry => neighbor.timers.stop(Timer::ConnectRetry),
            Action::StartHoldLarge => neighbor.timers.set(Timer::hold(direction), now + HOLD_TIME_LARGE),
            Action::StartAgreedTimers | Action::RestartHold | Action::RestartKeepalive => {
                self.agreed_timers(now, peer, direction, action, jitter);
            }
            Action::Connect => {
                neighbor.connection_mut(direction).sent = 0;
                out.now(SpeakerOutput::Connect { peer });
            }
            Action::SendOpen => self.send_open(peer, direction, out),
            Action::SendKeepalive => self.send_keepalive(peer, direction, out),
            Action::CountAndDamp => {
                let doubled = IDLE_HOLD_TIME * 2u32.pow(neighbor.failures.min(5));
                neighbor.failures = neighbor.failures.saturating_add(1);
                let wait = doubled.min(IDLE_HOLD_TIME_MAX) * jitter / 100;
                neighbor.timers.set(Timer::IdleHold, now + wait);
            }
            // The table's next state is what these come to here.
            Action::Establish | Action::Process | Action::Drop | Action::ReleaseRoutes => {}
            // Delayed OPENs are not configurable, and failures are counted until a session is established.
            Action::StartDelayOpen | Action::StopDelayOpen | Action::ClearCounter => {}
            Action::Notify(_) => {}
        }
    }

    /// Jitter of RFC 4271 section 10: between three quarters and all of a time.
    fn jitter_percent(&mut self) -> u32 {
        75 + self.seed.below(26) as u32
    }

    fn agreed_timers(
        &mut self,
        now: Instant,
        peer: PeerId,
        direction: Direction,
        action: Action,
        jitter: u32,
    ) {
        let Some(neighbor) = self.neighbors.get_mut(&peer) else {
            return;
        };
        let Some(hold_s) = neighbor.connection(direction).hold_time_s() else {
            return;
        };
        let hold = Duration::from_secs(hold_s.into());
        let keepalive = Duration::from_secs(neighbor.config.keepalive_time_s.into()).min(hold / 3);
        if hold_s == 0 {
            neighbor.timers.stop(Timer::hold(direction));
            neighbor.timers.stop(Timer::keepalive(direction));
            return;
        }
        if action != Action::RestartKeepalive {
            neighbor.timers.set(Timer::hold(direction), now + hold);
        }
        if action != Action::RestartHold {
            neighbor
                .timers
                .set(Timer::keepalive(direction), now + keepalive * jitter / 100);
        }
    }

    fn send_open(&mut self, peer: PeerId, direction: Direction, out: &mut Outbox<SpeakerOutput>) {
        let graceful = self.our_graceful(peer);
        let Some(neighbor) = self.neighbors.get_mut(&peer) else {
            return;
        };
        let capabilities = OurOffer {
            as_number: neighbor.config.local_as,
            families: neighbor.config.families,
            graceful,
        };
        let offers_graceful_restart = capabilities.graceful.is_some();
        let open = OpenRepr {
            as_number: neighbor.config.local_as,
            hold_time_s: neighbor.config.hold_time_s,
            identifier: self.config.router_id,
            capabilities: &capabilities.emit(),
        };
        let mut bytes = Vec::new();
        open.emit(&mut bytes);
        let proposed_hold_time_s = neighbor.config.hold_time_s;
        let connection = neighbor.connection_mut(direction);
        connection.sent += bytes.len() as u64;
        connection.proposed_hold_time_s = proposed_hold_time_s;
        connection.offers_graceful_restart = offers_graceful_restart;
        out.now(SpeakerOutput::Send {
            peer,
            direction,
            bytes,
        });
    }

    pub(crate) fn send_keepalive(
        &mut self,
        peer: PeerId,
        direction: Direction,
        out: &mut Outbox<SpeakerOutput>,
    ) {
        self.watched(peer, &[DebugTopic::Keepalives], |neighbor| {
            format!("BGP: {neighbor} sending KEEPALIVE")
        });
        let mut bytes = Vec::new();
        keepalive(&mut bytes);
        let Some(neighbor) = self.neighbors.get_mut(&peer) else {
            return;
        };
        let connection = neighbor.connection_mut(direction);
        if connection.state == State::Established {
            self.rib.append_own(peer, &bytes);
            out.after_sync(SpeakerOutput::Stream { peer });
            return;
        }
        connection.sent += bytes.len() as u64;
        out.now(SpeakerOutput::Send {
            peer,
            direction,
            bytes,
        });
    }

    /// Ends a connection that is not established.
    fn drop_connection(
        &mut self,
        peer: PeerId,
        direction: Direction,
        farewell: Option<Farewell>,
        out: &mut Outbox<SpeakerOutput>,
    ) {
        let Some(neighbor) = self.neighbors.get_mut(&peer) else {
            return;
        };
        let address = neighbor.config.address;
        let connection = core::mem::replace(neighbor.connection_mut(direction), Connection::IDLE);
        neighbor.timers.stop(Timer::hold(direction));
        neighbor.timers.stop(Timer::keepalive(direction));
        neighbor.count_sent(&connection, farewell.is_some());
        if !connection.is_connected {
            if connection.state == State::Connect {
                // It may still come to be: it has nobody to be for then.
                out.now(SpeakerOutput::Finish {
                    peer,
                    direction,
                    offset: 0,
                    bytes: Vec::new(),
                });
            }
            return;
        }
        let bytes = farewell.map_or(Vec::new(), |farewell| {
            out.now(SpeakerOutput::Log(farewell.event(address)));
            farewell.message()
        });
        out.now(SpeakerOutput::Finish {
            peer,
            direction,
            offset: connection.sent,
            bytes,
        });
    }

    /// Puts the neighbour's next deadline where [`Machine::next_deadline`] finds it.
    pub(crate) fn reschedule(&mut self, peer: PeerId) {
        let Some(neighbor) = self.neighbors.get_mut(&peer) else {
            return;
        };
        let next = neighbor.timers.next_deadline().map(|(at, _)| at);
        if next == neighbor.deadline {
            return;
        }
        if let Some(at) = neighbor.deadline.take() {
            self.deadlines.remove(&(at, peer));
        }
        if let Some(at) = next {
            self.deadlines.insert((at, peer));
        }
        neighbor.deadline = next;
    }

    fn timer(&mut self, now: Instant, peer: PeerId, timer: Timer, out: &mut Outbox<SpeakerOutput>) {
        use Direction::{Incoming, Outgoing};
        let (direction, event) = match timer {
            Timer::ConnectRetry => (Outgoing, Event::ConnectRetryTimerExpires),
            Timer::HoldOutgoing => (Outgoing, Event::HoldTimerExpires),
            Timer::HoldIncoming => (Incoming, Event::HoldTimerExpires),
            Timer::KeepaliveOutgoing => (Outgoing, Event::KeepaliveTimerExpires),
            Timer::KeepaliveIncoming => (Incoming, Event::KeepaliveTimerExpires),
            Timer::IdleHold => {
                self.forgive_limit(peer);
                if let Some(neighbor) = self.neighbors.get_mut(&peer)
                    && neighbor.is_opening(Incoming)
                {
                    // Nobody knows what becomes of the connection that it has made.
                    neighbor.timers.set(Timer::IdleHold, now + IDLE_HOLD_TIME);
                }
                return self.start(now, peer, out);
            }
            Timer::Restart => return self.restart_time_is_over(peer),
            Timer::StalePath => return self.stale_path_time_is_over(peer),
        };
        if event == Event::ConnectRetryTimerExpires && self.is_passive(peer) {
            return;
        }
        self.apply(now, peer, direction, event, None, out);
    }

    fn is_passive(&self, peer: PeerId) -> bool {
        self.neighbors
            .get(&peer)
            .is_some_and(|neighbor| neighbor.config.passive)
    }

    fn clear(&mut self, now: Instant, peer: PeerId, text: Option<String>, out: &mut Outbox<SpeakerOutput>) {
        let data = text.map_or(Vec::new(), |text| shutdown_communication(&text));
        self.forgive_limit(peer);
        self.stop(now, peer, Code::ADMINISTRATIVE_RESET, data, out);
        // The neighbour needs a moment to read the end of the old session before a new one reaches it.
        let wait = IDLE_HOLD_TIME * self.jitter_percent() / 100;
        if let Some(neighbor) = self.neighbors.get_mut(&peer) {
            neighbor.timers.set(Timer::IdleHold, now + wait);
        }
        self.reschedule(peer);
    }
}

impl Machine for Speaker {
    type Input = SpeakerInput;
    type Output = SpeakerOutput;

    fn handle(&mut self, now: Instant, input: SpeakerInput, out: &mut Outbox<SpeakerOutput>) {
        match input {
            SpeakerInput::Configure { peer, config } => self.configure(now, peer, config, out),
            SpeakerInput::Remove { peer } => self.remove(now, peer, out),
            SpeakerInput::Connected { peer, direction } => self.connected(now, peer, direction, out),
            SpeakerInput::Closed { peer, direction } => {
                if let Some(neighbor) = self.neighbors.get_mut(&peer) {
                    neighbor.connection_mut(direction).is_connected = false;
                }
                self.apply(now, peer, direction, Event::TcpConnectionFails, None, out);
            }
            SpeakerInput::Clear { peer, communication } => self.clear(now, peer, communication, out),
            SpeakerInput::ClearSoftIn { peer } => self.clear_soft_in(peer, out),
            SpeakerInput::ClearSoftOut { peer } => self.clear_soft_out(peer, out),
        }
    }

    fn expire(&mut self, now: Instant, out: &mut Outbox<SpeakerOutput>) {
        while let Some((at, peer)) = self.deadlines.first().copied()
            && at <= now
        {
            self.rib.common.step(StepKind::Timer, peer);
            while let Some(timer) = self
                .neighbors
                .get_mut(&peer)
                .and_then(|neighbor| neighbor.timers.pop_due(now))
            {
                self.timer(now, peer, timer, out);
            }
            self.deadlines.remove(&(at, peer));
            if let Some(neighbor) = self.neighbors.get_mut(&peer) {
                neighbor.deadline = None;
            }
            self.reschedule(peer);
        }
        self.rib.common.common_step(StepKind::Timer);
        self.expire_deferral(now, out);
        self.expire_regrouping(now);
        self.rib.common.steps.end();
    }

    fn next_deadline(&self) -> Option<Deadline> {
        let neighbors = self.deadlines.first().map(|(at, peer)| {
            let neighbor = self.neighbors.get(peer);
            let reason = neighbor.and_then(|neighbor| neighbor.timers.next_deadline());
            (*at, reason.map_or("BGP timer", |(_, reason)| reason))
        });
        let others = machine::earliest(self.deferral_deadline(), self.regrouping_deadline());
        machine::earliest(neighbors, others)
    }
}

/// When a message to the log may leave: with the turn's other outputs.
pub(crate) const LOG_RELEASE: Release = Release::AfterSync;
