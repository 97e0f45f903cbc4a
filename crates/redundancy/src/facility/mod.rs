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
mod negotiation;
mod peer;
mod standby;
mod status;
mod walk;

use crate::client::{Client, ClientId, ClientRegistry, RegistrationError};
use crate::heartbeat::FailureDetector;
use crate::history::{History, HistoryEvent};
use crate::message::{Body, Hello, RfMessage};
use crate::progression::{Answer, Walk};
use crate::state::{Progression, RedundancyMode, RfEvent, RfState, Status};
use crate::switchover::SwitchoverReason;
use crate::syslog::Syslog;
use alloc::string::String;
use core::fmt;
use machine::{Deadline, Duration, Epoch, Instant, Machine, Outbox, RpSlot, TimerKey, Timers};

pub use status::RfStatus;

/// What a facility is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedundancyConfig {
    /// The unit's slot.
    pub slot: RpSlot,
    /// Identity of this life of the unit; drawn at start, never 0.
    pub boot: u64,
    /// Hash over the schemas of all checkpointed records.
    pub schema_hash: u64,
    /// Configured mode.
    pub mode: RedundancyMode,
    /// How long a unit looks for a peer before it claims, in milliseconds.
    pub negotiation_time_ms: u64,
    /// How long a unit waits for a plugged-in peer that holds the mastership but does not speak, before it has it
    /// killed and claims, in milliseconds.
    pub silent_peer_limit_ms: u64,
    /// How long all clients may take for one pass, in milliseconds (`client_notification_TMR`).
    pub notification_time_ms: u64,
    /// How long the bulk synchronisation may take, in milliseconds.
    pub bulk_limit_ms: u64,
    /// Interval of heartbeats, in milliseconds.
    pub keepalive_interval_ms: u64,
    /// How long the peer may be silent, in milliseconds.
    pub keepalive_limit_ms: u64,
    /// How long a forced switchover may take before the active resumes, in milliseconds.
    pub handover_limit_ms: u64,
    /// How many clients are called in one turn.
    pub clients_per_turn: u32,
    /// Lines of the history.
    pub history_lines: usize,
}

impl RedundancyConfig {
    /// The default configuration for a unit: SSO, heartbeats every 50 ms with a limit of 500 ms.
    pub const fn new(slot: RpSlot, boot: u64, schema_hash: u64) -> Self {
        Self {
            slot,
            boot,
            schema_hash,
            mode: RedundancyMode::Sso,
            negotiation_time_ms: 1_000,
            silent_peer_limit_ms: 45_000,
            notification_time_ms: 30_000,
            bulk_limit_ms: 600_000,
            keepalive_interval_ms: 50,
            keepalive_limit_ms: 500,
            handover_limit_ms: 2_000,
            clients_per_turn: 8,
            history_lines: 2_000,
        }
    }
}

/// How a peer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerLoss {
    /// Its process is gone (SIGKILL, or an end without a word).
    Killed,
    /// It said that it goes: a panic.
    Panicked,
    /// It said that it goes: the fatal signal with this number.
    Signalled(i32),
    /// It said that it goes: an orderly reload.
    Reloaded,
    /// It does not answer although its process may live.
    Silent,
    /// It was pulled out.
    Removed,
    /// It was powered off by the backplane.
    PoweredOff,
}

impl PeerLoss {
    /// The reason that the switchover history tells.
    pub const fn reason(self) -> SwitchoverReason {
        match self {
            PeerLoss::Removed | PeerLoss::PoweredOff => SwitchoverReason::ActiveUnitRemoved,
            PeerLoss::Killed
            | PeerLoss::Panicked
            | PeerLoss::Signalled(_)
            | PeerLoss::Reloaded
            | PeerLoss::Silent => SwitchoverReason::ActiveUnitFailed,
        }
    }
}

impl fmt::Display for PeerLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeerLoss::Killed => f.write_str("killed"),
            PeerLoss::Panicked => f.write_str("panic"),
            PeerLoss::Signalled(signal) => write!(f, "signal {signal}"),
            PeerLoss::Reloaded => f.write_str("reload"),
            PeerLoss::Silent => f.write_str("silent"),
            PeerLoss::Removed => f.write_str("removed"),
            PeerLoss::PoweredOff => f.write_str("powered off"),
        }
    }
}

/// Why the activity moves to this unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SwitchoverCause {
    /// The active was lost.
    Lost(PeerLoss),
    /// The operator forced it.
    Forced,
}

impl SwitchoverCause {
    /// The reason that the switchover history tells.
    pub const fn reason(self) -> SwitchoverReason {
        match self {
            SwitchoverCause::Lost(loss) => loss.reason(),
            SwitchoverCause::Forced => SwitchoverReason::UserForced,
        }
    }
}

impl fmt::Display for SwitchoverCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SwitchoverCause::Lost(loss) => write!(f, "active {loss}"),
            SwitchoverCause::Forced => f.write_str("user forced"),
        }
    }
}

/// Why a new active starts anew instead of being promoted with the state it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColdStart {
    /// It was in this state, which is not STANDBY HOT.
    NotHot(RfState),
    /// The old active had marked it as out of step.
    OutOfStep,
}

impl fmt::Display for ColdStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColdStart::NotHot(state) => write!(f, "standby was in {state}"),
            ColdStart::OutOfStep => f.write_str("standby was marked as out of step"),
        }
    }
}

/// Why a unit reloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReloadReason {
    /// The standby took over as it was asked to.
    Switchover,
    /// Another unit holds a newer epoch.
    Superseded,
    /// A client did not finish its step in time.
    ClientStuck {
        /// Who.
        client: ClientId,
        /// In which pass.
        progression: Progression,
    },
    /// The active's matching pass, or the bulk synchronisation, did not come to an end.
    SyncStuck(Progression),
    /// The standby fell silent.
    StandbySilent,
    /// Maintenance mode was left: the standby starts from scratch.
    MaintenanceLeft,
    /// The operator asked for it.
    Requested,
}

impl fmt::Display for ReloadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReloadReason::Switchover => f.write_str("RP switchover"),
            ReloadReason::Superseded => f.write_str("Peer is active in a newer epoch"),
            ReloadReason::ClientStuck { client, progression } => {
                write!(f, "Client {client} did not finish {progression}")
            }
            ReloadReason::SyncStuck(progression) => write!(f, "Sync did not finish {progression}"),
            ReloadReason::StandbySilent => f.write_str("EHSA standby down"),
            ReloadReason::MaintenanceLeft => f.write_str("Maintenance mode disabled"),
            ReloadReason::Requested => f.write_str("Reload command"),
        }
    }
}

/// What the operator wants reloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReloadScope {
    /// The other unit (`redundancy reload peer`).
    Peer,
    /// Everything, cards included (`reload`, `redundancy reload shelf`).
    Shelf,
}

/// The arbiter's answer to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimResult {
    /// The swap was made.
    Won {
        /// The epoch that this unit now holds.
        epoch: Epoch,
        /// Whether the arbiter's word marked this unit, as a standby, as out of step with the epoch before.
        out_of_step: bool,
    },
    /// Somebody else had swapped before; this is the epoch that holds.
    Lost(Epoch),
}

/// What can happen to a facility.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input {
    /// The unit's services run. The arbiter's word reads `mastership`.
    Started {
        /// Newest epoch of the chassis, [`Epoch::NONE`] when nobody has ever been active.
        mastership: Epoch,
    },
    /// The backplane sees a peer unit (true), or none (false).
    PeerPresent(bool),
    /// The link to the peer is up or down. A new link starts with a new conversation.
    PeerCommunication(bool),
    /// The peer says something.
    PeerMessage(RfMessage),
    /// The peer's life lock, its resigned word, or the backplane tells that the peer is lost.
    LifeLost(PeerLoss),
    /// Answer to [`Output::Claim`].
    ClaimResult(ClaimResult),
    /// A card reports an epoch counter that it has already seen.
    EpochSeen(u64),
    /// Answer to [`Output::RunClient`].
    ClientAnswered {
        /// Who answers.
        client: ClientId,
        /// In which pass.
        progression: Progression,
        /// Done, or later.
        answer: Answer,
    },
    /// A client that answered [`Answer::Later`] has finished.
    ClientCompleted {
        /// Who.
        client: ClientId,
        /// In which pass.
        progression: Progression,
    },
    /// The standby has applied the frame that ends the bulk.
    BulkFinished,
    /// The checkpoint facility lost step: on the active, acknowledgements stalled; on the standby, a frame was missed
    /// or did not apply. Not for a link that went down: that may be the first sign of a crash, and what was committed
    /// until then is good.
    SyncLost,
    /// The operator's `redundancy force-switchover`, confirmed.
    ForceSwitchover,
    /// Answer to [`Output::PrepareHandover`]: the standby has acknowledged all there is.
    HandoverReady,
    /// Maintenance mode is switched on or off.
    MaintenanceMode(bool),
    /// The operator wants something reloaded.
    Reload(ReloadScope),
}

/// What a facility can ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    /// Send this over the RP link.
    SendToPeer(RfMessage),
    /// Swap the arbiter's word from `expected` to this unit's slot with a counter above both `expected` and `floor`.
    Claim {
        /// The epoch that must still hold.
        expected: Epoch,
        /// Highest counter that a card has reported.
        floor: u64,
    },
    /// Send SIGKILL to the peer's process, or have the backplane reset it; do not wait for its death.
    KillPeer,
    /// First activity of the chassis, or after all units were down: read the startup configuration in this epoch.
    StartActive {
        /// The epoch won.
        epoch: Epoch,
    },
    /// Become active with the state that was checkpointed here.
    Promote {
        /// The epoch won.
        epoch: Epoch,
        /// Why.
        cause: SwitchoverCause,
    },
    /// Become active without trusting the half-filled tables.
    RestartAsActive {
        /// The epoch won.
        epoch: Epoch,
        /// Why the activity moved.
        cause: SwitchoverCause,
        /// Why the state cannot be used.
        reason: ColdStart,
    },
    /// The unit stays active in this newer epoch: tell the cards.
    EpochRaised(Epoch),
    /// Stand by for the active of this epoch: drop what was applied before and wait for its bulk.
    StartStandby {
        /// The active's epoch.
        active: Epoch,
    },
    /// On the active: bulk everything into the standby.
    StartBulk,
    /// On the active: no standby takes frames any more.
    StopSync,
    /// On the active: accept nothing that changes state, and answer [`Input::HandoverReady`] when the standby has
    /// acknowledged everything.
    PrepareHandover,
    /// The handover came to nothing; go on as active. Preceded by [`Output::EpochRaised`] where the standby had
    /// been asked to take over already.
    HandoverResumed {
        /// Why, in words for the operator.
        reason: &'static str,
    },
    /// The operator's wish is refused with these words.
    Refused(&'static str),
    /// Reload this unit now; it comes back as a standby.
    ReloadSelf(ReloadReason),
    /// Have the peer reset.
    ReloadPeer(ReloadReason),
    /// Have everything reset.
    ReloadShelf,
    /// A system message.
    Log(Syslog),
    /// Call this client for this pass.
    RunClient {
        /// Who.
        client: Client,
        /// Which pass.
        progression: Progression,
        /// 0: own progress; 1: on behalf of the standby.
        operand: u32,
    },
    /// Tell all clients a fact that needs no answer.
    TellClients {
        /// Which fact.
        status: Status,
        /// Its value.
        operand: u32,
    },
    /// A state changed (for notifications and for `show`).
    StateChanged {
        /// This unit's state.
        mine: RfState,
        /// The peer's state.
        peer: RfState,
    },
    /// Add a line to the switchover history, with the present wall-clock time.
    RecordSwitchover {
        /// Who was active.
        previous: RpSlot,
        /// Who is now.
        current: RpSlot,
        /// Why.
        reason: SwitchoverReason,
    },
    /// ACTIVE is reached for the first time in this life.
    SystemReady,
}

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
enum Handover {
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
    /// The life that was declared dead: what still arrives from it is no news.
    dead_boot: Option<u64>,
    state: RfState,
    since: Instant,
    /// Newest epoch that it has spoken of.
    epoch: Epoch,
    /// The active's view: the standby is hot and the checkpoint facility agrees.
    in_step: bool,
    /// The active's view: told to synchronise anew, has not confirmed by its state yet.
    resync_pending: bool,
}

/// The redundancy facility of one route processor. See the module documentation.
#[derive(Clone, Debug)]
pub struct RedundancyFacility {
    config: RedundancyConfig,
    clients: ClientRegistry,
    history: History,
    timers: Timers<RfTimer, 8>,
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
    maintenance: bool,
    standby_failures: u32,
    ready_before: bool,
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
            dead_boot: None,
            state: RfState::Disabled,
            since: now,
            epoch: Epoch::NONE,
            in_step: false,
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
            maintenance: false,
            standby_failures: 0,
            ready_before: false,
            config,
        }
    }

    /// Registers a client; at any time, although one that comes late misses the passes that are over.
    ///
    /// # Errors
    /// See [`ClientRegistry::add`].
    pub fn register(&mut self, now: Instant, client: Client) -> Result<(), RegistrationError> {
        self.clients.add(client)?;
        self.note(now, HistoryEvent::ClientAdded(client));
        Ok(())
    }

    /// The registered clients.
    pub fn clients(&self) -> &ClientRegistry {
        &self.clients
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
        out.now(Output::SendToPeer(RfMessage {
            slot,
            boot,
            epoch,
            state,
            body,
        }));
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

    fn claim_result(&mut self, now: Instant, result: ClaimResult, out: &mut Outbox<Output>) {
        let Some(purpose) = self.claim.take() else { return };
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
            HistoryEvent::Note(alloc::format!("Reload of this unit: {reason}")),
        );
        if reason == ReloadReason::Switchover {
            out.now(Output::Log(Syslog::reload_after_switchover(self.config.slot)));
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

    fn reload_peer(&mut self, now: Instant, reason: ReloadReason, out: &mut Outbox<Output>) {
        self.note(
            now,
            HistoryEvent::Note(alloc::format!("Reload of the peer: {reason}")),
        );
        out.now(Output::Log(Syslog::peer_reload(reason)));
        out.now(Output::ReloadPeer(reason));
    }

    fn reload(&mut self, now: Instant, scope: ReloadScope, out: &mut Outbox<Output>) {
        match scope {
            ReloadScope::Peer if self.peer.present => self.reload_peer(now, ReloadReason::Requested, out),
            ReloadScope::Peer => out.now(Output::Refused("% There is no STANDBY present")),
            ReloadScope::Shelf if self.state.is_active() => out.now(Output::ReloadShelf),
            ReloadScope::Shelf => out.now(Output::Refused("% Reload allowed only from Active")),
        }
    }

    fn note(&mut self, now: Instant, event: HistoryEvent) {
        let uptime = self
            .started_at
            .map_or(Duration::ZERO, |started_at| now - started_at);
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
            let uptime = self
                .started_at
                .map_or(Duration::ZERO, |started_at| now - started_at);
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
        match timer {
            RfTimer::Work => self.resume_walk(now, out),
            RfTimer::Negotiation => self.negotiation_time_is_up(now, out),
            RfTimer::SilentPeer => self.silent_peer_limit_reached(now, out),
            RfTimer::Notification => self.notification_expired(now, out),
            RfTimer::Keepalive => self.send_heartbeat(now, out),
            RfTimer::PeerCheck => self.judge_peer(now, out),
            RfTimer::Handover => self.handover_limit_reached(now, out),
            RfTimer::CommunicationLoss => self.link_to_active_stays_down(now, out),
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
        match input {
            Input::Started { mastership } => self.started(now, mastership, out),
            Input::PeerPresent(present) => self.peer_presence(now, present, out),
            Input::PeerCommunication(up) => self.peer_communication(now, up, out),
            Input::PeerMessage(message) => self.peer_message(now, message, out),
            Input::LifeLost(loss) => self.life_lost(now, loss, out),
            Input::ClaimResult(result) => self.claim_result(now, result, out),
            Input::EpochSeen(counter) => self.epoch_seen(counter, out),
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
            Input::BulkFinished => self.bulk_finished(now, out),
            Input::SyncLost => self.sync_lost(now, out),
            Input::ForceSwitchover => self.force_switchover(now, out),
            Input::HandoverReady => self.handover_ready(now, out),
            Input::MaintenanceMode(enabled) => self.maintenance_mode(now, enabled, out),
            Input::Reload(scope) => self.reload(now, scope, out),
        }
    }

    fn expire(&mut self, now: Instant, out: &mut Outbox<Output>) {
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
