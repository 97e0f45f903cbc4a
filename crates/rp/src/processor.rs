//! The hub: inputs to machines, machines' outputs to the driver.

use crate::active::{Active, ActiveConfig, RoutingOrigin};
use crate::alarms::AlarmClock;
use crate::bgp::RoutingStart;
use crate::cold_standby::ColdStandby;
use crate::config_sync::{FailureLists, Language, StartupCopies};
use crate::console::Consoles;
use crate::crash_dump::CrashDumpWait;
use crate::files::Files;
use crate::history_keeper::HistoryKeeper;
use crate::io::{DeadlyStep, PeerMessage, Phase, RpInput, RpOutput};
use crate::log;
use crate::logging::Logger;
use crate::platform::{Platform, PlatformConfig};
use crate::promote::{StartedActive, start_active};
use crate::redundancy_settings::{mode_of, startup_of};
use crate::standby::{ChunkOutcome, Standby};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use checkpoint::PeerSync;
use machine::{CardSlot, Deadline, Duration, Epoch, Instant, Machine, Outbox, RpSlot, StepNotes, earliest};
use redundancy::{
    Answer, ClaimResult, ColdStart, ImageVersion, Input as RfInput, Output as RfOutput, Progression,
    RedundancyConfig, RedundancyFacility, ReloadReason, SwitchoverCause, SwitchoverEntry,
};

/// What a route processor is told once.
#[derive(Clone, Debug)]
pub struct RpConfig {
    /// Slot, boot identity, timers.
    pub redundancy: RedundancyConfig,
    /// Checkpointing while active.
    pub active: ActiveConfig,
    /// The startup configuration in this RP's NVRAM.
    pub startup: Option<String>,
    /// The switchover history that this RP has kept; empty if it has none.
    pub switchover_history: String,
    /// The configuration register with which this RP boots.
    pub configuration_register: u16,
    /// Wall clock at the process's origin of time, in milliseconds since 1970: only for what people read.
    pub unix_ms_at_origin: u64,
    /// What `show version` calls the image.
    pub image_version: String,
    /// Slots that may hold a line card.
    pub card_slots: Vec<CardSlot>,
    /// Configuration commands that this RP is to be without, as an older release is: for rehearsing an upgrade. See
    /// [`crate::Language`].
    pub unsupported_commands: Vec<String>,
    /// What it is told of its chassis.
    pub platform: PlatformConfig,
}

pub(crate) enum Role {
    /// Not decided yet.
    Undecided,
    Standby(Box<Standby>),
    Active(Box<Active>),
    /// Reload was asked for: nothing is done any more.
    Halted,
}

/// One route processor. See the crate's documentation.
pub struct RouteProcessor {
    pub(crate) config: RpConfig,
    pub(crate) facility: RedundancyFacility,
    pub(crate) role: Role,
    pub(crate) consoles: Consoles,
    pub(crate) startup_copies: StartupCopies,
    pub(crate) config_failures: FailureLists,
    pub(crate) files: Files,
    pub(crate) platform: Platform,
    pub(crate) alarm_clock: AlarmClock,
    /// What the peer said of its uptime, and when.
    pub(crate) peer_uptime: Option<(Duration, Instant)>,
    /// The wait for the old active's crash dump.
    pub(crate) crash_dump: CrashDumpWait,
    /// What the turn under way asks for, before the gate.
    pub(crate) turn: Outbox<RpOutput>,
    pub(crate) started_at: Instant,
    pub(crate) logger: Logger,
    /// The configuration register for the next boot.
    pub(crate) next_register: u16,
    pub(crate) cold: ColdStandby,
    pub(crate) history_keeper: HistoryKeeper,
    /// Where each step is noted before it is made.
    step_notes: Option<Arc<dyn StepNotes>>,
    /// Steps in which earlier actives died, until this RP acts on them.
    deadly_steps: Vec<DeadlyStep>,
}

impl RouteProcessor {
    /// A route processor that waits for [`RpInput::Started`].
    pub fn new(config: RpConfig, now: Instant) -> Self {
        let mut own = config.redundancy.clone();
        own.image = ImageVersion::new(&config.image_version);
        own.register = config.configuration_register;
        own.next_register = config.configuration_register;
        own.language = Language::without(&config.unsupported_commands).fingerprint();
        // What the peer is told before anybody is active is what this RP would do if it became it.
        own.mode = mode_of(boot_mode(&config));
        let mut facility = RedundancyFacility::new(own, now);
        for client in [
            redundancy::client::REDUNDANCY_MODE,
            redundancy::client::IF_INDEX,
            redundancy::client::CHECKPOINT,
            redundancy::client::PLATFORM,
            redundancy::client::CEF,
            redundancy::client::CONFIG_SYNC,
            redundancy::client::IP_ROUTING,
            redundancy::client::HISTORY,
            redundancy::client::ARP,
            redundancy::client::TCP,
            redundancy::client::BGP,
        ] {
            facility
                .register(now, client)
                .expect("the clients' ids and sequence numbers are fixed and distinct");
        }
        Self {
            next_register: config.configuration_register,
            cold: ColdStandby::default(),
            config,
            facility,
            role: Role::Undecided,
            consoles: Consoles::new(),
            startup_copies: StartupCopies::default(),
            config_failures: FailureLists::default(),
            files: Files::default(),
            platform: Platform::default(),
            alarm_clock: AlarmClock::default(),
            peer_uptime: None,
            crash_dump: CrashDumpWait::default(),
            turn: Outbox::new(),
            started_at: now,
            logger: Logger::default(),
            history_keeper: HistoryKeeper::default(),
            step_notes: None,
            deadly_steps: Vec::new(),
        }
    }

    /// Has each step noted from the next activity on, before it is made, so that a successor learns what this RP died of.
    pub fn note_steps(&mut self, notes: Arc<dyn StepNotes>) {
        self.step_notes = Some(notes);
    }

    /// This RP's slot.
    pub fn slot(&self) -> RpSlot {
        self.config.redundancy.slot
    }

    /// Whether the startup configuration that this RP is to keep is in its NVRAM, as far as it knows.
    pub fn startup_is_settled(&self) -> bool {
        !self.startup_copies.store.is_unsettled()
    }

    /// The commands that this RP knows.
    pub(crate) fn language(&self) -> Language {
        Language::without(&self.config.unsupported_commands)
    }

    /// The redundancy facility.
    pub fn facility(&self) -> &RedundancyFacility {
        &self.facility
    }

    /// The active part, while this RP is active.
    pub fn active(&self) -> Option<&Active> {
        match &self.role {
            Role::Active(active) => Some(active),
            _ => None,
        }
    }

    /// The standby part, while this RP stands by.
    pub fn standby(&self) -> Option<&Standby> {
        match &self.role {
            Role::Standby(standby) => Some(standby),
            _ => None,
        }
    }

    /// Whether the driver should leave work that makes rows dirty (cards, consoles) where it is for now. What keeps
    /// the pair alive (the RP link, life locks, the turn's end) goes on.
    pub fn holds_work(&self, now: Instant) -> bool {
        self.active().is_some_and(|active| active.holds_work(now))
    }

    /// Milliseconds since 1970 on the wall clock, as far as this process knows it.
    pub(crate) fn unix_ms(&self, now: Instant) -> u64 {
        self.config
            .unix_ms_at_origin
            .saturating_add(now.as_nanos() / 1_000_000)
    }

    /// Seconds since 1970 on the wall clock, as far as this process knows it.
    pub(crate) fn unix_seconds(&self, now: Instant) -> u64 {
        self.unix_ms(now) / 1000
    }

    fn dispatch(&mut self, now: Instant, input: RpInput) {
        match input {
            RpInput::Started { mastership } => self.tell_facility(now, RfInput::Started { mastership }),
            RpInput::PeerPresent(present) => {
                if present {
                    self.crash_dump_complete(now);
                }
                self.tell_facility(now, RfInput::PeerPresent(present));
            }
            RpInput::PeerLink(up) => self.peer_link(now, up),
            RpInput::Peer(message) => self.peer_message(now, message),
            RpInput::PeerNonsense(why) => {
                self.facility.count_errored_message();
                self.log(log::peer_nonsense(&why));
                self.turn.now(RpOutput::DropPeerLink);
            }
            RpInput::LifeLost(loss) => self.tell_facility(now, RfInput::LifeLost(loss)),
            RpInput::DeadlySteps(steps) => self.deadly_steps = steps,
            RpInput::ClaimWon { epoch, out_of_step } => {
                self.platform.arbiter_trouble = None;
                let out_of_step = out_of_step.is_some();
                self.tell_facility(now, RfInput::ClaimResult(ClaimResult::Won { epoch, out_of_step }));
            }
            RpInput::ClaimImpossible(why) => {
                if self.platform.arbiter_trouble.as_ref() != Some(&why) {
                    self.log(crate::platform::log::no_epoch(&why));
                    self.platform.arbiter_trouble = Some(why);
                }
                self.tell_facility(now, RfInput::ClaimResult(ClaimResult::Impossible));
            }
            RpInput::ClaimLost { holder } => {
                self.tell_facility(now, RfInput::ClaimResult(ClaimResult::Lost(holder)));
            }
            RpInput::CardLink { card, event } => {
                if let Role::Active(active) = &mut self.role {
                    active.card_link(now, card, event, &mut self.turn);
                }
            }
            RpInput::Card {
                card,
                session,
                message,
            } => {
                if let Role::Active(active) = &mut self.role {
                    active.card_message(now, card, session, message, &mut self.turn);
                }
                self.offer_frames(now);
            }
            RpInput::Platform(input) => self.platform_input(now, input),
            RpInput::Console { session, input } => self.console(now, session, input),
            RpInput::File(answer) => self.file_answered(now, answer),
            RpInput::NvramWritten { number, result } => self.nvram_written(now, number, result),
            RpInput::Generate { routes, next_hops } => {
                if let Role::Active(active) = &mut self.role
                    && let Err(error) = active.generate(routes, &next_hops)
                {
                    self.log(log::generator_refused(&error.to_string()));
                }
            }
            RpInput::TurnEnd { peer_room } => {
                self.review_alarms(now);
                if let Role::Active(active) = &mut self.role {
                    active.turn_end(now, peer_room, &mut self.turn);
                }
                self.consoles.turn_end(self.holds_work(now));
            }
        }
        self.carry_facts(now);
    }

    /// What the active part has found out goes to the facility.
    fn carry_facts(&mut self, now: Instant) {
        while let Role::Active(active) = &mut self.role {
            let facts = active.take_facts();
            if facts.is_empty() {
                return;
            }
            for fact in facts {
                self.tell_facility(now, fact);
            }
        }
    }

    /// Hands the turn's outputs on: through the gate while active.
    fn leave(&mut self, now: Instant, out: &mut Outbox<RpOutput>) {
        self.log_turn(now);
        self.keep_switchover_history();
        self.history_keeper.note(now, self.facility.history());
        match &mut self.role {
            Role::Active(active) => active.route(&mut self.turn, out),
            _ => out.absorb(&mut self.turn, |output| output),
        }
    }

    /// Both units keep the switchovers over a reload of the system.
    fn keep_switchover_history(&mut self) {
        let system = match &mut self.role {
            Role::Active(active) => &mut active.clients.system,
            Role::Standby(standby) if standby.in_step() => standby.system_mut(),
            _ => return,
        };
        if let Some(text) = system.take_history_to_keep() {
            self.config.switchover_history.clone_from(&text);
            self.turn.now(RpOutput::KeepSwitchoverHistory(text));
        }
    }

    fn peer_link(&mut self, now: Instant, up: bool) {
        if !up {
            match &mut self.role {
                Role::Standby(standby) => standby.disconnected(),
                Role::Active(active) => active.stop_sync(&mut self.turn),
                Role::Undecided | Role::Halted => {}
            }
        }
        self.tell_facility(now, RfInput::PeerCommunication(up));
        if up {
            self.report_to_peer(now);
        }
    }

    fn peer_message(&mut self, now: Instant, message: PeerMessage) {
        match message {
            PeerMessage::Rf(message) => self.tell_facility(now, RfInput::PeerMessage(message)),
            PeerMessage::Chunk(chunk) => {
                // On a slow link heartbeats wait behind what a bulk has queued.
                self.tell_facility(now, RfInput::PeerHeard);
                let Role::Standby(standby) = &mut self.role else {
                    return;
                };
                let outcome = standby.chunk(now, &chunk, &mut self.turn);
                if let Some(value) = standby.clients().register.get() {
                    self.store_register(now, value);
                }
                self.standby_configuration_moves(now, outcome == ChunkOutcome::InStep);
                match outcome {
                    ChunkOutcome::Taken => {}
                    ChunkOutcome::InStep => self.tell_facility(now, RfInput::BulkFinished),
                    ChunkOutcome::OutOfStep => self.tell_facility(now, RfInput::SyncLost),
                }
            }
            PeerMessage::Unit(report) => self.peer_reported(now, report),
            PeerMessage::Acknowledgement(acknowledgement) => {
                if let Role::Active(active) = &mut self.role {
                    let before = active.peer_sync().clone();
                    active.acknowledgement(now, &acknowledgement, &mut self.turn);
                    if before != PeerSync::InStep && *active.peer_sync() == PeerSync::InStep {
                        self.config_failures.bulk_succeeded();
                    }
                }
            }
            PeerMessage::ConfigSync(message) => self.config_sync_message(now, message),
            PeerMessage::Resync(request) => {
                if let Role::Active(active) = &mut self.role {
                    active.resync_requested(&request, &mut self.turn);
                }
            }
        }
    }

    /// Gives the facility one input and carries out all that follows from it.
    pub(crate) fn tell_facility(&mut self, now: Instant, input: RfInput) {
        let mut inputs = VecDeque::from([input]);
        let mut asked = Outbox::new();
        while let Some(input) = inputs.pop_front() {
            self.facility.handle(now, input, &mut asked);
            for (_, output) in asked.drain() {
                inputs.extend(self.carry_out(now, output));
            }
        }
        self.tell_debug(now);
    }

    fn expire_facility(&mut self, now: Instant) {
        let mut asked = Outbox::new();
        self.facility.expire(now, &mut asked);
        for (_, output) in asked.drain() {
            if let Some(input) = self.carry_out(now, output) {
                self.tell_facility(now, input);
            }
        }
        self.tell_debug(now);
    }

    /// Carries out what the facility asks for; the answer, where one is due, goes back to it.
    fn carry_out(&mut self, now: Instant, output: RfOutput) -> Option<RfInput> {
        match output {
            RfOutput::SendToPeer(message) => self.turn.now(RpOutput::Peer(PeerMessage::Rf(message))),
            RfOutput::Claim { expected, floor } => {
                if matches!(self.role, Role::Standby(_)) {
                    self.turn.now(RpOutput::Phase(Phase::Detected));
                }
                self.turn.now(RpOutput::Claim { expected, floor });
            }
            RfOutput::KillPeer => self.turn.now(RpOutput::KillPeer),
            RfOutput::StartActive { epoch } => return self.start_active(now, epoch),
            RfOutput::Promote { epoch, cause } => return self.promote(now, epoch, cause),
            RfOutput::RestartAsActive { epoch, cause, reason } => {
                return self.restart_as_active(now, epoch, cause, reason);
            }
            RfOutput::EpochRaised(epoch) => self.epoch_raised(epoch),
            RfOutput::StartStandby { .. } => {
                self.role = Role::Standby(Box::new(Standby::new(self.language())));
                self.consoles.role_changed(false, &mut self.turn);
            }
            RfOutput::StartBulk => {
                if let Role::Active(active) = &mut self.role {
                    active.start_bulk(&mut self.turn);
                    self.tell_standby_of_bulk();
                }
            }
            RfOutput::StopSync => {
                if let Role::Active(active) = &mut self.role {
                    active.stop_sync(&mut self.turn);
                }
            }
            RfOutput::PrepareHandover => {
                if let Role::Active(active) = &mut self.role {
                    active.prepare_handover();
                }
            }
            RfOutput::HandoverResumed { reason } => self.handover_resumed(now, reason),
            RfOutput::Refused(words) => self.answer_pending(now, words),
            RfOutput::ReloadSelf(reason) => self.halt(reason),
            RfOutput::ReloadPeer(_) => self.turn.now(RpOutput::ResetPeer),
            RfOutput::ReloadShelf => self.reset_shelf(),
            RfOutput::Log(message) => self.log(message),
            RfOutput::RunClient {
                client,
                progression,
                operand,
            } => {
                return self.run_client(now, client.id, progression, operand);
            }
            RfOutput::StateChanged { peer, .. } => self.peer_moves(now, peer),
            RfOutput::TellClients { .. } => {}
            RfOutput::RecordSwitchover {
                previous,
                current,
                reason,
                loss,
            } => self.record_switchover(SwitchoverEntry {
                index: 0,
                previous,
                current,
                reason,
                loss,
                unix_seconds: self.unix_seconds(now),
                ordinal: 0,
            }),
            RfOutput::SystemReady => self.turn.now(RpOutput::Phase(Phase::Active)),
        }
        None
    }

    fn epoch_raised(&mut self, epoch: Epoch) {
        if let Role::Active(active) = &mut self.role {
            active.raise_epoch(epoch, &mut self.turn);
            self.turn.now(RpOutput::ConnectCards { epoch });
        }
    }

    fn reset_shelf(&mut self) {
        self.consoles.shut_down(&mut self.turn);
        self.keep_history();
        // Behind what the operators are told of it.
        self.turn.after_sync(RpOutput::ResetShelf);
    }

    /// A client's step in a pass. All of them finish at once, but for the copy of the startup configuration to a standby in
    /// RPR; what else takes long (the bulk) has its own inputs.
    fn run_client(
        &mut self,
        now: Instant,
        client: redundancy::ClientId,
        progression: Progression,
        operand: u32,
    ) -> Option<RfInput> {
        if client == redundancy::client::CONFIG_SYNC.id && operand == 1 {
            self.serve_standby_configuration(now, progression);
        }
        let answer = if self.pass_waits_for_cold_standby(client, progression, operand) {
            Answer::Later
        } else {
            Answer::Done
        };
        Some(RfInput::ClientAnswered {
            client,
            progression,
            answer,
        })
    }

    fn halt(&mut self, reason: ReloadReason) {
        self.role = Role::Halted;
        self.consoles.shut_down(&mut self.turn);
        self.keep_history();
        self.turn.now(RpOutput::Reload {
            reason: reason.to_string(),
        });
    }

    fn handover_resumed(&mut self, now: Instant, reason: &'static str) {
        if let Role::Active(active) = &mut self.role {
            active.resume(now, &mut self.turn);
        }
        self.answer_pending(now, reason);
    }

    fn start_active(&mut self, now: Instant, epoch: Epoch) -> Option<RfInput> {
        let started = start_active(
            now,
            epoch,
            self.config.active.clone(),
            startup_of(&self.config),
            &self.language(),
        );
        self.become_active(now, started)
    }

    fn promote(&mut self, now: Instant, epoch: Epoch, cause: SwitchoverCause) -> Option<RfInput> {
        let Role::Standby(standby) = core::mem::replace(&mut self.role, Role::Halted) else {
            // The facility promotes only a unit that it has made a standby.
            unreachable!("promotion of a unit that does not stand by");
        };
        // What the active had and this unit does not leaves the tables too.
        let from_text = standby.clients().configuration.differs();
        let active = standby.promote(now, epoch, self.config.active.clone());
        self.turn.now(RpOutput::Phase(Phase::Promoted));
        let settings = self.become_active(
            now,
            StartedActive {
                active,
                errors: Vec::new(),
                from_text,
                routing: RoutingStart::Continued,
            },
        );
        self.begin_crash_dump_wait(now, cause);
        settings
    }

    fn restart_as_active(
        &mut self,
        now: Instant,
        epoch: Epoch,
        cause: SwitchoverCause,
        reason: ColdStart,
    ) -> Option<RfInput> {
        let told = self.told_switchovers();
        let language = self.language();
        let startup = startup_of(&self.config);
        let config = self.config.active.clone();
        // Its place is not needed while the new role is made from it.
        let role = core::mem::replace(&mut self.role, Role::Halted);
        let mut started = match role {
            Role::Standby(standby) => standby.restart_as_active(now, epoch, config, startup, &language),
            _ => start_active(now, epoch, config, startup, &language),
        };
        // Whether or not this unit stood by: somebody forwarded before.
        started.routing = RoutingStart::Restarted;
        started.active.clients.system.adopt_switchovers(told);
        self.turn.now(RpOutput::Phase(Phase::Promoted));
        let settings = self.become_active(now, started);
        self.begin_crash_dump_wait(now, cause);
        self.reset_cards_after(reason);
        settings
    }

    /// Returns what the configuration says of the pair.
    fn become_active(&mut self, now: Instant, started: StartedActive) -> Option<RfInput> {
        let StartedActive {
            mut active,
            errors,
            from_text,
            routing,
        } = started;
        // Nobody is in step with this activity yet. Said before anything else that it does: whoever claims after a life that
        // this claimant never saw finds it.
        self.turn.now(RpOutput::PublishOutOfStep {
            epoch: active.epoch(),
            since: active.frames().0,
        });
        for error in &errors {
            self.log(log::startup_line_refused(error));
        }
        active.reconcile_ports(now, &mut self.turn);
        if from_text {
            active.reconcile_static_routes();
        }
        let origin = RoutingOrigin {
            notes: self.step_notes.clone(),
            deaths: core::mem::take(&mut self.deadly_steps),
        };
        active.start_routing(now, routing, origin, &mut self.turn);
        active.clients.system.write_age(now);
        active.clients.register.set(self.next_register);
        let epoch = active.epoch();
        if active.clients.system.switchovers.is_empty() {
            active
                .clients
                .system
                .restore_switchovers(&self.config.switchover_history);
        }
        self.role = Role::Active(Box::new(active));
        self.log_becomes_shared();
        self.turn.now(RpOutput::ConnectCards { epoch });
        self.reconcile_slots(now);
        self.consoles.role_changed(true, &mut self.turn);
        self.redundancy_settings()
    }

    fn record_switchover(&mut self, entry: SwitchoverEntry) {
        if let Role::Active(active) = &mut self.role {
            active.clients.system.record_switchover(entry);
        }
    }
}

/// The mode that the startup configuration asks for, as far as this boot uses it.
fn boot_mode(config: &RpConfig) -> config::RedundancyMode {
    match startup_of(config).used {
        Some(text) => config::load(text).tree.redundancy_mode(),
        None => config::RedundancyMode::default(),
    }
}

impl Machine for RouteProcessor {
    type Input = RpInput;
    type Output = RpOutput;

    fn handle(&mut self, now: Instant, input: RpInput, out: &mut Outbox<RpOutput>) {
        self.dispatch(now, input);
        self.leave(now, out);
    }

    fn expire(&mut self, now: Instant, out: &mut Outbox<RpOutput>) {
        self.expire_facility(now);
        if let Role::Active(active) = &mut self.role {
            active.expire(now, &mut self.turn);
        }
        self.expire_startup(now);
        self.expire_files(now);
        self.expire_consoles(now);
        self.expire_crash_dump(now);
        self.expire_history(now);
        self.carry_facts(now);
        self.leave(now, out);
    }

    fn next_deadline(&self) -> Option<Deadline> {
        let mut next = self.facility.next_deadline();
        if let Role::Active(active) = &self.role {
            next = earliest(next, active.next_deadline());
        }
        next = earliest(next, self.startup_copies.next_deadline());
        next = earliest(next, self.files.next_deadline());
        next = earliest(next, self.crash_dump_deadline());
        next = earliest(next, self.history_keeper.next_deadline());
        earliest(next, self.consoles.next_deadline())
    }
}
