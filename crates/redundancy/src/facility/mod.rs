//! The redundancy facility of one route processor: who is active, how far the standby is, who takes over.
//!
//! # The one rule
//!
//! Whatever a unit has seen or heard is only a hint. Activity is given by the arbiter's compare-and-swap: the facility
//! asks with [`Output::Claim`], and nobody acts as active before [`ClaimResult::Won`]. A wrong hint therefore costs a
//! switchover at worst, never two actives of one epoch; the cards fence what is left of the old one.
//!
//! ```text
//!   boot      Started ─▶ pass 100 ─▶ NEGOTIATION ── primary meets peer, or time is up ─▶ Claim ─▶ StartActive
//!                                        └── peer is active ─▶ StartStandby ─▶ 101 … 104 ─▶ HOT
//!   crash     LifeLost | heartbeat silent ─▶ Claim ─▶ hot: Promote       not hot: RestartAsActive
//!   by hand   ForceSwitchover ─▶ PrepareHandover ─▶ HandoverReady ─▶ SwitchoverRequest
//!                 peer claims: the point of no return ─▶ this unit reloads
//!                 peer silent: Claim ─ Won ─▶ HandoverResumed       └ Lost ─▶ ReloadSelf
//! ```
//!
//! Resuming after a handover that came to nothing goes through the same compare-and-swap as the takeover, so exactly
//! one of the two wins, however late a message is.
//!
//! # Contract
//!
//! [`machine::Machine`]. The driver answers each [`Output::Claim`] by one [`Input::ClaimResult`] and each
//! [`Output::RunClient`] by one [`Input::ClientAnswered`]. Inputs that make no sense in the present state are no-ops.
//! After [`Output::ReloadSelf`] the machine is DISABLED and does nothing any more.

mod active;
mod config;
mod config_sync;
mod event;
mod modes;
mod negotiation;
mod peer;
mod standby;
mod status;
mod walk;

use config_sync::Mismatch;

use crate::client::{Client, ClientId, ClientRegistry, RegistrationError};
use crate::fallback::Fallback;
use crate::heartbeat::FailureDetector;
use crate::history::{History, HistoryEvent};
use crate::message::{Body, Hello, PairTimers, RfMessage};
use crate::progression::{Answer, ClientProgress, Walk};
use crate::state::{Progression, RedundancyMode, RfEvent, RfState, Status};
use crate::syslog::Syslog;
use crate::watch::{DebugTopic, Watch};
use alloc::string::String;
use alloc::vec::Vec;
use machine::{Deadline, Duration, Epoch, Instant, Machine, Outbox, TimerKey, Timers};

pub use config::RedundancyConfig;
pub use event::{
    ClaimResult, ColdStart, ConfigSyncVerdict, Input, Output, PeerLoss, ProcessFound, ReloadReason,
    ReloadScope, SwitchoverCause,
};
pub use modes::RedundancySettings;
pub use status::RfStatus;

/// How long to wait until an arbiter that could not give out an epoch is asked again, in milliseconds.
const CLAIM_AGAIN_MS: u64 = 1_000;
/// How far above the newest epoch a counter that a card reports may lie. Each boot of a chassis uses a million at most;
/// what lies further away is no epoch of it, and following it would use up the counters for ever.
const EPOCH_LEAP_MAX: u64 = 1 << 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RfTimer {
    Work,
    Negotiation,
    SilentPeer,
    Notification,
    Keepalive,
    PeerCheck,
    Handover,
    CommunicationLoss,
    TakeoverAgain,
    ClaimAgain,
}

impl TimerKey for RfTimer {
    const ALL: &'static [RfTimer] = &[
        RfTimer::Work,
        RfTimer::Negotiation,
        RfTimer::SilentPeer,
        RfTimer::Notification,
        RfTimer::Keepalive,
        RfTimer::PeerCheck,
        RfTimer::Handover,
        RfTimer::CommunicationLoss,
        RfTimer::TakeoverAgain,
        RfTimer::ClaimAgain,
    ];

    fn index(self) -> usize {
        self as usize
    }

    fn reason(self) -> &'static str {
        match self {
            RfTimer::Work => "RF progression goes on",
            RfTimer::Negotiation => "RF negotiation time is up",
            RfTimer::SilentPeer => "RF peer holds the mastership and is silent",
            RfTimer::Notification => "RF client notification timer",
            RfTimer::Keepalive => "RF heartbeat is due",
            RfTimer::PeerCheck => "RF judges the peer",
            RfTimer::Handover => "RF handover limit",
            RfTimer::CommunicationLoss => "RF link to the active stays down",
            RfTimer::TakeoverAgain => "RF claims again",
            RfTimer::ClaimAgain => "RF asks the arbiter again",
        }
    }
}

/// Why a claim is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClaimPurpose {
    Boot,
    Takeover(SwitchoverCause),
    Resume(&'static str),
    Raise,
}

/// How far a forced switchover is, on the unit that gives up the activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handover {
    None,
    Draining,
    Requested,
    Resuming,
}

/// What is known of the other unit.
#[derive(Clone, Debug)]
struct Peer {
    present: bool,
    communication: bool,
    /// Its identity and first words on this link; `None` until it has spoken, and again once it is lost.
    hello: Option<(u64, Hello)>,
    /// The register of its next start that this unit named to it last.
    told_register: Option<u16>,
    /// The life that was declared dead: what still arrives from it is no news.
    dead_boot: Option<u64>,
    /// The life that was ordered to end.
    dismissed_boot: Option<u64>,
    state: RfState,
    since: Instant,
    /// Newest epoch that it has spoken of.
    epoch: Epoch,
    /// The active's view: the standby is hot and the checkpoint facility agrees.
    in_step: bool,
    /// The active's view: in RPR, the standby has the startup configuration and waits.
    rests: bool,
    /// The active's view: told to synchronise anew, has not confirmed by its state yet.
    resync_pending: bool,
}

/// The redundancy facility of one route processor. See the module documentation.
#[derive(Clone, Debug)]
pub struct RedundancyFacility {
    config: RedundancyConfig,
    clients: ClientRegistry,
    history: History,
    timers: Timers<RfTimer, 10>,
    started_at: Option<Instant>,
    halted: bool,
    state: RfState,
    since: Instant,
    mastership: Epoch,
    floor: u64,
    epoch: Option<Epoch>,
    peer: Peer,
    detector: Option<FailureDetector>,
    heartbeats_sent: u64,
    claim: Option<ClaimPurpose>,
    /// The life of the active whose state this standby holds.
    follows_boot: Option<u64>,
    active_lost: Option<PeerLoss>,
    handover: Handover,
    walk: Option<Walk>,
    asked_by_standby: Option<Progression>,
    waits_for_active: Option<Progression>,
    waits_for_bulk: bool,
    operating_mode: RedundancyMode,
    /// What the standby does not know.
    mismatch: Mismatch,
    /// What keeps this pair from SSO.
    fallback: Vec<Fallback>,
    /// The timers that hold where the configuration says nothing.
    default_timers: PairTimers,
    maintenance: bool,
    standby_failures: u32,
    ready_before: bool,
    watch: Watch,
    /// The moment of the input or timer at hand.
    seen_at: Instant,
}

impl RedundancyFacility {
    /// A facility that is DISABLED until [`Input::Started`].
    ///
    /// # Panics
    /// When the boot identity is 0: it would not be told apart from a missing field.
    pub fn new(config: RedundancyConfig, now: Instant) -> Self {
        assert_ne!(config.boot, 0, "a boot identity is never 0");
        let peer = Peer {
            present: false,
            communication: false,
            hello: None,
            told_register: None,
            dead_boot: None,
            dismissed_boot: None,
            state: RfState::Disabled,
            since: now,
            epoch: Epoch::NONE,
            in_step: false,
            rests: false,
            resync_pending: false,
        };
        Self {
            clients: ClientRegistry::new(),
            history: History::new(config.history_lines),
            timers: Timers::new(),
            started_at: None,
            halted: false,
            state: RfState::Disabled,
            since: now,
            mastership: Epoch::NONE,
            floor: 0,
            epoch: None,
            peer,
            detector: None,
            heartbeats_sent: 0,
            claim: None,
            follows_boot: None,
            active_lost: None,
            handover: Handover::None,
            walk: None,
            asked_by_standby: None,
            waits_for_active: None,
            waits_for_bulk: false,
            operating_mode: RedundancyMode::NonRedundant,
            mismatch: Mismatch::default(),
            fallback: Vec::new(),
            default_timers: PairTimers {
                keepalive_interval_ms: config.keepalive_interval_ms,
                keepalive_limit_ms: config.keepalive_limit_ms,
                notification_time_ms: config.notification_time_ms,
            },
            maintenance: false,
            standby_failures: 0,
            ready_before: false,
            watch: Watch::default(),
            seen_at: now,
            config,
        }
    }

    /// Registers a client; at any time, although one that comes late misses the passes that are over.
    ///
    /// # Errors
    /// See [`ClientRegistry::add`].
    pub fn register(&mut self, now: Instant, client: Client) -> Result<(), RegistrationError> {
        if let Err(error) = self.clients.add(client) {
            let counters = &mut self.watch.counters;
            match error {
                RegistrationError::DuplicateId(_) => counters.duplicate_registers += 1,
                RegistrationError::SequenceOutOfRange(_) => counters.failed_registers += 1,
            }
            return Err(error);
        }
        self.note(now, HistoryEvent::ClientAdded(client));
        Ok(())
    }

    /// The registered clients.
    pub fn clients(&self) -> &ClientRegistry {
        &self.clients
    }

    /// The pass over the clients that is under way, and how far each of them is in it, in its order.
    pub fn pass(&self) -> Option<(Progression, Vec<(Client, ClientProgress)>)> {
        let walk = self.walk.as_ref()?;
        let clients = self.clients.all();
        let progress = clients.map(|client| (*client, walk.progress_of(*client)));
        Some((walk.progression(), progress.collect()))
    }

    /// The event log.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// This unit's state.
    pub fn state(&self) -> RfState {
        self.state
    }

    /// The peer's state as far as it is known.
    pub fn peer_state(&self) -> RfState {
        self.peer.state
    }

    /// The epoch in which this unit is active; `None` while it is not.
    pub fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// Newest epoch that this unit knows of, whoever holds it.
    pub fn mastership(&self) -> Epoch {
        self.mastership
    }

    /// The configuration it runs with.
    pub fn config(&self) -> &RedundancyConfig {
        &self.config
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    pub(crate) fn watch_mut(&mut self) -> &mut Watch {
        &mut self.watch
    }

    pub(crate) fn handover(&self) -> Handover {
        self.handover
    }

    /// Tells whoever watches. Callers on a hot path ask [`Watch::wants`] first.
    fn tell(&mut self, now: Instant, topic: DebugTopic, words: core::fmt::Arguments<'_>) {
        let uptime = self.uptime(now);
        self.watch.tell(uptime, topic, words);
    }

    fn uptime(&self, now: Instant) -> Duration {
        self.started_at
            .map_or(Duration::ZERO, |started_at| now - started_at)
    }

    fn started(&mut self, now: Instant, mastership: Epoch, out: &mut Outbox<Output>) {
        if self.started_at.is_some() {
            return;
        }
        self.started_at = Some(now);
        self.mastership = mastership;
        self.enter(now, RfState::Initialization, out);
    }

    /// Moves this unit to `next` and starts the pass that belongs to it.
    fn enter(&mut self, now: Instant, next: RfState, out: &mut Outbox<Output>) {
        self.enter_with_peer(now, next, self.peer.state, out);
    }

    /// The same, with a change of the peer's state that is told in the same line.
    fn enter_with_peer(&mut self, now: Instant, next: RfState, peer: RfState, out: &mut Outbox<Output>) {
        assert!(
            self.state.may_become(next),
            "{} does not become {next}",
            self.state
        );
        let peer_changed = self.peer.state != peer;
        self.state = next;
        self.since = now;
        if peer_changed {
            self.peer.state = peer;
            self.peer.since = now;
        }
        self.note(
            now,
            HistoryEvent::States {
                mine: next,
                peer,
                mine_changed: true,
                peer_changed,
            },
        );
        out.now(Output::StateChanged { mine: next, peer });
        self.send(Body::State, out);
        self.walk = None;
        self.waits_for_active = None;
        match next.progression() {
            Some(progression) => self.begin_own_pass(now, progression, out),
            None => self.timers.stop(RfTimer::Notification),
        }
    }

    /// Sends to the peer when there is a link.
    fn send(&mut self, body: Body, out: &mut Outbox<Output>) {
        if !self.peer.communication {
            return;
        }
        let epoch = self.epoch.unwrap_or(self.mastership);
        let (slot, boot, state) = (self.config.slot, self.config.boot, self.state);
        let message = RfMessage {
            slot,
            boot,
            epoch,
            state,
            body,
        };
        self.watch.counters.sent += 1;
        self.watch_message("sent", &message);
        out.now(Output::SendToPeer(message));
    }

    /// Asks the arbiter for the activity, unless a claim is out already.
    fn ask_for_activity(&mut self, purpose: ClaimPurpose, out: &mut Outbox<Output>) {
        if self.claim.is_some() || self.halted {
            return;
        }
        self.claim = Some(purpose);
        out.now(Output::Claim {
            expected: self.mastership,
            floor: self.floor,
        });
    }

    /// The claim stands; the arbiter could not answer it.
    fn claim_again(&mut self, out: &mut Outbox<Output>) {
        if self.claim.is_some() {
            out.now(Output::Claim {
                expected: self.mastership,
                floor: self.floor,
            });
        }
    }

    fn claim_result(&mut self, now: Instant, result: ClaimResult, out: &mut Outbox<Output>) {
        let Some(purpose) = self.claim.take() else { return };
        self.timers.stop(RfTimer::ClaimAgain);
        match result {
            ClaimResult::Won { epoch, out_of_step } => {
                self.learn(epoch);
                self.floor = self.floor.max(epoch.counter);
                match purpose {
                    ClaimPurpose::Boot => self.activate_at_boot(now, epoch, out),
                    ClaimPurpose::Takeover(cause) => self.take_over(now, epoch, cause, out_of_step, out),
                    ClaimPurpose::Resume(reason) => self.resume(epoch, reason, out),
                    ClaimPurpose::Raise => self.raise(epoch, out),
                }
            }
            ClaimResult::Impossible => {
                self.claim = Some(purpose);
                self.timers
                    .set(RfTimer::ClaimAgain, self.after(now, CLAIM_AGAIN_MS));
            }
            ClaimResult::Lost(holder) => {
                self.learn(holder);
                match purpose {
                    ClaimPurpose::Boot => self.lost_at_boot(now, holder, out),
                    ClaimPurpose::Takeover(cause) => self.lost_takeover(now, cause, out),
                    ClaimPurpose::Resume(_) => self.reload_self(now, ReloadReason::Switchover, out),
                    ClaimPurpose::Raise => self.reload_self(now, ReloadReason::Superseded, out),
                }
            }
        }
    }

    /// Keeps the newest epoch; the order of arrival does not matter.
    fn learn(&mut self, epoch: Epoch) {
        if epoch.counter > self.mastership.counter {
            self.mastership = epoch;
        }
    }

    /// Gives up: says so, and does nothing any more.
    fn reload_self(&mut self, now: Instant, reason: ReloadReason, out: &mut Outbox<Output>) {
        self.note(
            now,
            HistoryEvent::Reload {
                peer: false,
                reason: alloc::format!("{reason}"),
            },
        );
        if reason == ReloadReason::Switchover {
            out.now(Output::Log(Syslog::reload_after_switchover(self.config.slot)));
            out.now(Output::Log(Syslog::process_manager_exit(self.config.slot)));
        } else {
            out.now(Output::Log(Syslog::self_reload(reason)));
        }
        if self.state != RfState::Disabled {
            self.enter(now, RfState::Disabled, out);
        }
        self.halted = true;
        self.epoch = None;
        self.detector = None;
        self.claim = None;
        self.timers = Timers::new();
        out.now(Output::ReloadSelf(reason));
    }

    /// Has the other unit reset. However long the end of its life takes: it is not served any more, nor called ready.
    fn reload_peer(&mut self, now: Instant, reason: ReloadReason, out: &mut Outbox<Output>) {
        self.peer.dismissed_boot = self.peer.hello.map(|(boot, _)| boot);
        self.peer.rests = false;
        self.asked_by_standby = None;
        self.abandon_pass_for_peer();
        self.note(
            now,
            HistoryEvent::Reload {
                peer: true,
                reason: alloc::format!("{reason}"),
            },
        );
        out.now(Output::Log(Syslog::peer_reload(reason)));
        out.now(Output::ReloadPeer(reason));
    }

    fn reload(&mut self, now: Instant, scope: ReloadScope, out: &mut Outbox<Output>) {
        match scope {
            ReloadScope::Peer if self.peer.present => self.reload_peer(now, ReloadReason::Requested, out),
            ReloadScope::Peer => out.now(Output::Refused("% There is no STANDBY present")),
            ReloadScope::Shelf if self.state.is_active() => {
                let reason = String::from("Reload command, the whole system");
                self.note(now, HistoryEvent::Reload { peer: false, reason });
                out.now(Output::ReloadShelf);
            }
            ReloadScope::Shelf => out.now(Output::Refused("% Reload allowed only from Active")),
        }
    }

    fn note(&mut self, now: Instant, event: HistoryEvent) {
        let uptime = self.uptime(now);
        if self.watch.wants(DebugTopic::Clk) {
            self.watch.tell_history(uptime, &event);
        }
        self.history.add(uptime, event);
    }

    fn note_event(&mut self, now: Instant, event: RfEvent) {
        self.note(
            now,
            HistoryEvent::Event {
                event,
                client: None,
                operand: 0,
                return_code: None,
            },
        );
    }

    fn note_text(&mut self, now: Instant, text: String) {
        self.note(now, HistoryEvent::Note(text));
    }

    /// Tells the clients a fact: once for the unit, then once for each client, as the history shows it.
    fn tell_clients(&mut self, now: Instant, status: Status, operand: u32, out: &mut Outbox<Output>) {
        self.note(
            now,
            HistoryEvent::Status {
                status,
                client: None,
                operand,
            },
        );
        for client in self.clients.all() {
            let uptime = self.uptime(now);
            self.history.add(
                uptime,
                HistoryEvent::Status {
                    status,
                    client: Some(*client),
                    operand,
                },
            );
        }
        out.now(Output::TellClients { status, operand });
    }

    fn after(&self, now: Instant, milliseconds: u64) -> Instant {
        now + Duration::from_millis(milliseconds)
    }

    fn fire(&mut self, now: Instant, timer: RfTimer, out: &mut Outbox<Output>) {
        // Each keepalive is told as a message.
        if !matches!(timer, RfTimer::Keepalive | RfTimer::PeerCheck) {
            self.tell(now, DebugTopic::Clk, format_args!("timer: {}", timer.reason()));
        }
        match timer {
            RfTimer::Work => self.resume_walk(now, out),
            RfTimer::Negotiation => self.negotiation_time_is_up(now, out),
            RfTimer::SilentPeer => self.silent_peer_limit_reached(now, out),
            RfTimer::Notification => self.notification_expired(now, out),
            RfTimer::Keepalive => self.send_heartbeat(now, out),
            RfTimer::PeerCheck => self.judge_peer(now, out),
            RfTimer::Handover => self.handover_limit_reached(now, out),
            RfTimer::CommunicationLoss => self.link_to_active_stays_down(now, out),
            RfTimer::TakeoverAgain => self.take_over_again(now, out),
            RfTimer::ClaimAgain => self.claim_again(out),
        }
    }
}

impl RedundancyFacility {
    /// Keepalives are the clock's, all other messages the hub's.
    fn watch_message(&mut self, verb: &str, message: &RfMessage) {
        let topic = match message.body {
            Body::Heartbeat { .. } => DebugTopic::Clk,
            _ => DebugTopic::Hub,
        };
        if self.watch.wants(topic) {
            let RfMessage {
                slot, epoch, state, ..
            } = message;
            let words = format_args!("{verb} {:?}, from {slot}, {state}, epoch {epoch}", message.body);
            let uptime = self.uptime(self.seen_at);
            self.watch.tell(uptime, topic, words);
        }
    }

    fn watch_input(&mut self, now: Instant, input: &Input) {
        match input {
            Input::PeerMessage(message) => {
                self.watch.counters.received += 1;
                self.watch_message("received", message);
            }
            Input::PeerCommunication(up) => {
                let words = if *up { "link up" } else { "link down" };
                self.tell(now, DebugTopic::Hub, format_args!("{words}"));
            }
            Input::ForceSwitchover
            | Input::ConfigureMode(_)
            | Input::MaintenanceMode(_)
            | Input::Reload(_) => {
                self.tell(now, DebugTopic::Ui, format_args!("{input:?}"));
            }
            _ => {}
        }
    }
}

impl Machine for RedundancyFacility {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input, out: &mut Outbox<Output>) {
        if self.halted {
            return;
        }
        self.seen_at = now;
        self.watch_input(now, &input);
        match input {
            Input::Started { mastership } => self.started(now, mastership, out),
            Input::PeerPresent(present) => self.peer_presence(now, present, out),
            Input::PeerCommunication(up) => self.peer_communication(now, up, out),
            Input::PeerMessage(message) => self.peer_message(now, message, out),
            Input::PeerHeard => self.peer_heard(now),
            Input::LifeLost(loss) => self.life_lost(now, loss, out),
            Input::PeerFound(found) => self.peer_found(now, found),
            Input::ClaimResult(result) => self.claim_result(now, result, out),
            Input::EpochSeen(counter) => self.epoch_seen(now, counter, out),
            Input::ClientAnswered {
                client,
                progression,
                answer,
            } => {
                self.client_answered(now, client, progression, answer, out);
            }
            Input::ClientCompleted { client, progression } => {
                self.client_completed(now, client, progression, out);
            }
            Input::ClientFailed { client, progression } if self.state.is_active() && self.peer.present => {
                self.reload_peer(now, ReloadReason::ClientStuck { client, progression }, out);
            }
            Input::ClientFailed { .. } => {}
            Input::BulkFinished => self.bulk_finished(now, out),
            Input::SyncLost => self.sync_lost(now, out),
            Input::ForceSwitchover => self.force_switchover(now, out),
            Input::HandoverReady => self.handover_ready(now, out),
            Input::ConfigureMode(mode) => self.configure_mode(now, mode, out),
            Input::Configured(settings) => self.configured(now, settings, out),
            Input::RegisterStored(register) => self.register_stored(register, out),
            Input::MaintenanceMode(enabled) => self.maintenance_mode(now, enabled, out),
            Input::ConfigSync(verdict) => self.config_sync_verdict(now, verdict, out),
            Input::Reload(scope) => self.reload(now, scope, out),
        }
    }

    fn expire(&mut self, now: Instant, out: &mut Outbox<Output>) {
        self.seen_at = now;
        // One pass over the table: a timer that sets itself to the present moment waits for the next call.
        for timer in RfTimer::ALL {
            if !self.halted && self.timers.get(*timer).is_some_and(|at| at <= now) {
                self.timers.stop(*timer);
                self.fire(now, *timer, out);
            }
        }
    }

    fn next_deadline(&self) -> Option<Deadline> {
        self.timers.next_deadline()
    }
}
