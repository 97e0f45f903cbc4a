//! An RP's process: drives a [`RouteProcessor`] as the real process does.
//!
//! ```text
//!   inboxes ─▶ handle ─▶ outputs ─▶ carried out at once: claims, marks, NVRAM; sends wait for the end of the turn
//!      │                                                                         │
//!      └── life, link first; cards and consoles unless work is held     TurnEnd ─┴─▶ flush
//! ```
//!
//! A crash in the middle of a turn lets a prefix of what the turn asked for happen, and loses the rest.

use crate::clock::Clock;
use crate::event::Event;
use crate::nvram::Nvram;
use crate::options::Plant;
use crate::poison::{Notes, survives};
use crate::rp_sends::brief_peer;
use crate::world::{Stage, World};
use checkpoint::{ActiveEndConfig, PeerSync, total_digest};
use machine::{CardSlot, Duration, Epoch, FrameNumber, Instant, Machine, Outbox, RpSlot};
use redundancy::{PeerLoss, RedundancyConfig, RfState};
use rp::{ActiveConfig, CardLinkEvent, RouteProcessor, RpConfig, RpInput, RpOutput};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Messages of the peer, and of cards and consoles, that one turn takes.
const PEER_BATCH: usize = 64;
const WORK_BATCH: usize = 32;
/// Inputs from cards and consoles that may wait; punts beyond that are lost.
pub(crate) const WORK_MAX: usize = 4096;
/// Time that a turn takes at least.
const TURN_COST: Duration = Duration::from_micros(4);

/// A process that runs.
pub(crate) struct Process {
    pub(crate) rp: RouteProcessor,
    pub(crate) life: u64,
    pub(crate) clock: Clock,
    /// The step that it makes.
    pub(crate) notes: Notes,
    /// Answers of the arbiter and news of the peer's life.
    urgent: VecDeque<RpInput>,
    /// What arrived on the RP link, with its size.
    pub(crate) peer: VecDeque<(usize, RpInput)>,
    /// What arrived from cards and consoles.
    work: VecDeque<RpInput>,
    /// Connection to each card: link, session.
    pub(crate) card_links: BTreeMap<CardSlot, (u64, u64)>,
    pub(crate) connects: bool,
    pub(crate) hung: bool,
    /// Extra time of each turn, in nanoseconds.
    pub(crate) slow_ns: u64,
    /// The process dies after so many outputs.
    pub(crate) dies_after: Option<usize>,
    /// The process dies after so many outputs of the turn in which it becomes active.
    pub(crate) dies_in_promotion: Option<usize>,
    busy_until: Instant,
    turn_at: Option<Instant>,
    /// What the checkers remember of the last turn.
    pub(crate) seen: Seen,
    idle_turns: u32,
    turns: u64,
}

impl Process {
    /// Tells this process something that is never held back.
    pub(crate) fn tell(&mut self, input: RpInput) {
        self.urgent.push_back(input);
    }
}

/// What was seen at the end of the last turn.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) epoch: Option<Epoch>,
    pub(crate) frame: FrameNumber,
    pub(crate) frame_closed_at: Instant,
    pub(crate) in_step: bool,
    /// As a standby it was in a pair that runs RPR.
    pub(crate) in_rpr: bool,
}

/// A slot for an RP.
pub(crate) struct RpNode {
    pub(crate) slot: RpSlot,
    pub(crate) name: &'static str,
    pub(crate) process: Option<Process>,
    pub(crate) lives: u64,
    pub(crate) pulled: bool,
    pub(crate) nvram: Nvram,
    /// What the unit keeps of the switchovers. It survives the process.
    pub(crate) switchover_history: String,
    pub(crate) kept_history: String,
    /// Files of its `bootflash:`.
    pub(crate) flash: BTreeMap<String, Vec<u8>>,
    pub(crate) start_ticket: u64,
    turn_ticket: u64,
    drift_ppm: i64,
}

/// Where an output leads.
pub(crate) enum Fate {
    Lives,
    Dies(PeerLoss),
}

impl RpNode {
    pub(crate) fn new(slot: RpSlot, startup: Option<String>, drift_ppm: i64) -> Self {
        Self {
            slot,
            name: if slot == RpSlot::R0 { "R0" } else { "R1" },
            process: None,
            lives: 0,
            pulled: false,
            switchover_history: String::new(),
            kept_history: String::new(),
            nvram: Nvram {
                text: startup,
                register: config::CONFIGURATION_REGISTER_DEFAULT,
                ..Nvram::default()
            },
            flash: BTreeMap::new(),
            start_ticket: 0,
            turn_ticket: 0,
            drift_ppm,
        }
    }

    /// Whether a process runs and its loop turns.
    pub(crate) fn is_well(&self) -> bool {
        self.process
            .as_ref()
            .is_some_and(|process| !process.hung && process.slow_ns == 0)
    }

    pub(crate) fn state(&self) -> RfState {
        self.process
            .as_ref()
            .map_or(RfState::Disabled, |process| process.rp.facility().state())
    }

    pub(crate) fn is_active(&self) -> bool {
        self.process
            .as_ref()
            .is_some_and(|process| process.rp.active().is_some())
    }

    pub(crate) fn is_hot(&self) -> bool {
        self.state() == RfState::StandbyHot
    }
}

impl World {
    /// The backplane starts the process in `slot`.
    pub(crate) fn rp_start(&mut self, slot: RpSlot, ticket: u64) {
        let node = &self.rps[slot.index()];
        if node.process.is_some() || node.pulled || node.start_ticket != ticket {
            return;
        }
        let origin = self.draws.below(1 << 40);
        let boot = self.draws.next_u64() | 1;
        let config = self.rp_config(slot, boot);
        let notes = self.notes();
        let node = &mut self.rps[slot.index()];
        node.lives += 1;
        let life = node.lives;
        let clock = Clock::new(self.now, origin, node.drift_ppm);
        let mut rp = RouteProcessor::new(config, clock.local(self.now));
        rp.note_steps(Arc::new(notes.clone()));
        node.process = Some(Process {
            rp,
            life,
            clock,
            notes,
            urgent: VecDeque::new(),
            peer: VecDeque::new(),
            work: VecDeque::new(),
            card_links: BTreeMap::new(),
            connects: false,
            hung: false,
            slow_ns: 0,
            dies_after: None,
            dies_in_promotion: None,
            busy_until: self.now,
            turn_at: None,
            seen: Seen::default(),
            idle_turns: 0,
            turns: 0,
        });
        let name = node.name;
        self.trace
            .note(self.now, name, life, || format!("process starts, life {life}"));
        self.checker.life_begins(slot);
        let peer_lives = self.rps[slot.peer().index()].process.is_some();
        let mastership = self.arbiter.mastership();
        self.urgent(slot, RpInput::PeerPresent(peer_lives));
        self.urgent(slot, RpInput::Started { mastership });
        let peer_life = self.rps[slot.peer().index()]
            .process
            .as_ref()
            .map(|peer| peer.life);
        if let Some(life) = peer_life {
            let (at, to) = (self.soon(500_000), slot.peer());
            self.queue.add(
                at,
                Event::Presence {
                    to,
                    life,
                    present: true,
                },
            );
        }
        self.schedule_peer_connect();
    }

    fn rp_config(&self, slot: RpSlot, boot: u64) -> RpConfig {
        let timing = self.options.timing;
        let mut redundancy = RedundancyConfig::new(slot, boot, rp::SCHEMA_HASH);
        redundancy.keepalive_interval_ms = timing.keepalive_interval_ms;
        redundancy.keepalive_limit_ms = timing.keepalive_limit_ms;
        redundancy.negotiation_time_ms = 150;
        redundancy.silent_peer_limit_ms = 1_000;
        redundancy.notification_time_ms = 2_000;
        redundancy.bulk_limit_ms = 4_000;
        redundancy.handover_limit_ms = 400;
        redundancy.history_lines = 50;
        let checkpoint = ActiveEndConfig {
            chunk_bytes: self.options.chunk_bytes,
            turn_bytes_max: self.options.turn_bytes_max,
            open_frame_limit: Duration::from_millis(timing.open_frame_limit_ms),
            acknowledgement_stall_limit: Duration::from_millis(timing.stall_limit_ms),
        };
        RpConfig {
            redundancy,
            active: ActiveConfig {
                checkpoint,
                heartbeat_interval: Duration::from_millis(timing.keepalive_interval_ms),
                seed: boot,
            },
            startup: self.rps[slot.index()].nvram.text.clone(),
            switchover_history: self.rps[slot.index()].switchover_history.clone(),
            configuration_register: self.rps[slot.index()].nvram.register,
            unix_ms_at_origin: 1_790_000_000_000,
            image_version: String::from("Version simulated"),
            card_slots: (0..self.options.cards).map(CardSlot).collect(),
            unsupported_commands: self.unsupported_commands(slot),
            platform: rp::PlatformConfig {
                kept_history: self.rps[slot.index()].kept_history.clone(),
                ..rp::PlatformConfig::default()
            },
        }
    }

    /// What the release that runs in `slot` does not know.
    fn unsupported_commands(&self, slot: RpSlot) -> Vec<String> {
        let hushed_up = self.options.plant == Some(Plant::DifferencesHushedUp);
        let older = (self.options.older_release && self.stage != Stage::Healed) || hushed_up;
        if slot == RpSlot::R1 && older {
            vec![String::from("mtu")]
        } else {
            Vec::new()
        }
    }

    /// An input that is never held back.
    pub(crate) fn urgent(&mut self, slot: RpSlot, input: RpInput) {
        if let Some(process) = &mut self.rps[slot.index()].process {
            process.urgent.push_back(input);
            self.wake_rp(slot);
        }
    }

    pub(crate) fn take_from_peer(&mut self, slot: RpSlot, bytes: usize, input: RpInput) {
        if let Some(process) = &mut self.rps[slot.index()].process {
            process.peer.push_back((bytes, input));
            self.wake_rp(slot);
        }
    }

    /// An input from a card or a console. Returns whether there was room for it.
    pub(crate) fn work(&mut self, slot: RpSlot, input: RpInput) -> bool {
        let Some(process) = &mut self.rps[slot.index()].process else {
            return false;
        };
        if process.work.len() >= WORK_MAX && matches!(input, RpInput::Card { .. }) {
            return false;
        }
        process.work.push_back(input);
        self.wake_rp(slot);
        true
    }

    /// Lets the work loop turn soon.
    pub(crate) fn wake_rp(&mut self, slot: RpSlot) {
        let at = self.now + Duration::from_micros(2);
        self.wake_rp_at(slot, at);
    }

    fn wake_rp_at(&mut self, slot: RpSlot, at: Instant) {
        let node = &mut self.rps[slot.index()];
        let Some(process) = &mut node.process else { return };
        if process.hung {
            return;
        }
        let at = at.max(process.busy_until);
        if process.turn_at.is_some_and(|scheduled| scheduled <= at) {
            return;
        }
        process.turn_at = Some(at);
        node.turn_ticket += 1;
        let ticket = node.turn_ticket;
        self.queue.add(at, Event::RpTurn { slot, ticket });
    }

    /// One round of the work loop.
    pub(crate) fn rp_turn(&mut self, slot: RpSlot, ticket: u64) {
        let node = &mut self.rps[slot.index()];
        if node.turn_ticket != ticket {
            return;
        }
        let Some(mut process) = node.process.take_if(|process| !process.hung) else {
            return;
        };
        process.turn_at = None;
        process.turns += 1;
        if self.options.plant == Some(Plant::Panic) && process.turns == 100 {
            panic!("planted panic");
        }
        let died = self.run_turn(slot, &mut process);
        if let Fate::Dies(loss) = died {
            let life = process.life;
            if loss == PeerLoss::Panicked {
                self.died_of_a_step(slot, &process.notes);
            }
            self.process_gone(slot, process, loss);
            self.trace.note(self.now, self.rps[slot.index()].name, life, || {
                format!("process ends: {loss}")
            });
            return;
        }
        process.busy_until = self.now + TURN_COST + Duration::from_nanos(process.slow_ns);
        let idle = process.urgent.is_empty() && process.peer.is_empty();
        let holds = process.rp.holds_work(process.clock.local(self.now));
        let more = !idle || (!process.work.is_empty() && !holds);
        let deadline = process.rp.next_deadline();
        let next = deadline.map(|(at, _)| process.clock.world(at));
        let next = if more { Some(self.now) } else { next };
        let busy_loop = process.idle_turns > crate::checker::IDLE_TURNS_MAX;
        self.rps[slot.index()].process = Some(process);
        if busy_loop {
            let why = deadline.map_or("nothing", |(_, why)| why);
            self.fail_safety(
                "bounds",
                format!("{slot} is woken again and again for nothing: {why}"),
            );
        }
        let next = if self.options.plant == Some(Plant::BusyLoop) {
            Some(self.now)
        } else {
            next
        };
        if let Some(at) = next {
            self.wake_rp_at(slot, at);
        }
    }

    fn run_turn(&mut self, slot: RpSlot, process: &mut Process) -> Fate {
        let mut sends = Vec::new();
        let mut inputs = 0usize;
        let was_active = process.rp.active().is_some();
        let mut fate = self.run_inputs(slot, process, &mut sends, &mut inputs);
        if matches!(fate, Fate::Lives) {
            let local = process.clock.local(self.now);
            if process.rp.next_deadline().is_some_and(|(at, _)| at <= local) {
                let mut out = Outbox::new();
                fate = match survives(|| process.rp.expire(local, &mut out)) {
                    true => self.pump(slot, process, out, &mut sends),
                    false => Fate::Dies(PeerLoss::Panicked),
                };
            }
        }
        if matches!(fate, Fate::Lives) {
            let peer_room = self.peer_link.room(slot);
            fate = self.feed(slot, process, RpInput::TurnEnd { peer_room }, &mut sends);
        }
        if !was_active && process.rp.active().is_some() && process.dies_in_promotion.is_some() {
            process.dies_after = process.dies_in_promotion.take();
            let kept = process.dies_after.take().unwrap_or(0).min(sends.len());
            sends.truncate(kept);
            fate = Fate::Dies(PeerLoss::Killed);
        }
        let starts = !was_active && process.rp.active().is_some();
        if starts && self.options.plant == Some(Plant::CardsResetAlways) && self.stage == Stage::Faults {
            let reset = RpOutput::ResetCard { card: CardSlot(0) };
            let _ = self.carry_out(slot, process, reset, &mut sends, &mut Vec::new());
        }
        if inputs == 0 && sends.is_empty() {
            process.idle_turns += 1;
        } else {
            process.idle_turns = 0;
        }
        let lives = matches!(fate, Fate::Lives);
        if lives {
            self.observe(slot, process);
        }
        self.flush(slot, process, sends);
        fate
    }

    fn run_inputs(
        &mut self,
        slot: RpSlot,
        process: &mut Process,
        sends: &mut Vec<RpOutput>,
        inputs: &mut usize,
    ) -> Fate {
        while let Some(input) = process.urgent.pop_front() {
            *inputs += 1;
            if let Fate::Dies(loss) = self.feed(slot, process, input, sends) {
                return Fate::Dies(loss);
            }
        }
        for _ in 0..PEER_BATCH {
            let Some((bytes, input)) = process.peer.pop_front() else {
                break;
            };
            *inputs += 1;
            self.peer_bytes_read(slot, bytes);
            let closes = matches!(input, RpInput::PeerNonsense(_));
            if let Fate::Dies(loss) = self.feed(slot, process, input, sends) {
                return Fate::Dies(loss);
            }
            if closes {
                // What follows on that connection is not read.
                break;
            }
        }
        for _ in 0..WORK_BATCH {
            if process.rp.holds_work(process.clock.local(self.now)) {
                break;
            }
            if self.options.plant == Some(Plant::UnboundedQueue) && process.work.len() > 4 {
                // Each input that waits makes another one.
                let copies: Vec<RpInput> = process.work.iter().take(WORK_BATCH).cloned().collect();
                process.work.extend(copies);
                break;
            }
            let Some(input) = process.work.pop_front() else {
                break;
            };
            *inputs += 1;
            if let Fate::Dies(loss) = self.feed(slot, process, input, sends) {
                return Fate::Dies(loss);
            }
        }
        Fate::Lives
    }

    fn feed(
        &mut self,
        slot: RpSlot,
        process: &mut Process,
        input: RpInput,
        sends: &mut Vec<RpOutput>,
    ) -> Fate {
        let local = process.clock.local(self.now);
        let mut out = Outbox::new();
        self.note_input(slot, &input);
        match survives(|| process.rp.handle(local, input, &mut out)) {
            true => self.pump(slot, process, out, sends),
            false => Fate::Dies(PeerLoss::Panicked),
        }
    }

    /// Carries out what was asked for, and what follows from that at once.
    fn pump(
        &mut self,
        slot: RpSlot,
        process: &mut Process,
        mut out: Outbox<RpOutput>,
        sends: &mut Vec<RpOutput>,
    ) -> Fate {
        while !out.is_empty() {
            let outputs: Vec<RpOutput> = out.drain().map(|(_, output)| output).collect();
            let mut answers = Vec::new();
            for output in outputs {
                if let Some(left) = &mut process.dies_after {
                    if *left == 0 {
                        let kept = usize::try_from(self.draws.below(sends.len() as u64 + 1)).unwrap_or(0);
                        sends.truncate(kept);
                        return Fate::Dies(PeerLoss::Killed);
                    }
                    *left -= 1;
                }
                if let Fate::Dies(loss) = self.carry_out(slot, process, output, sends, &mut answers) {
                    return Fate::Dies(loss);
                }
            }
            let local = process.clock.local(self.now);
            for answer in answers {
                self.note_input(slot, &answer);
                if !survives(|| process.rp.handle(local, answer, &mut out)) {
                    return Fate::Dies(PeerLoss::Panicked);
                }
            }
        }
        Fate::Lives
    }

    fn carry_out(
        &mut self,
        slot: RpSlot,
        process: &mut Process,
        output: RpOutput,
        sends: &mut Vec<RpOutput>,
        answers: &mut Vec<RpInput>,
    ) -> Fate {
        let name = self.rps[slot.index()].name;
        match output {
            RpOutput::Peer(_) | RpOutput::Card { .. } | RpOutput::DropPeerLink | RpOutput::Console { .. } => {
                sends.push(output);
            }
            RpOutput::Claim { expected, floor } => {
                let result = self.arbiter.claim(expected, slot, floor);
                self.trace.note(self.now, name, expected.to_word() ^ floor, || {
                    format!("claims above {expected}, floor {floor}: {result:?}")
                });
                if result.is_ok() {
                    answers.push(self.tell_deaths());
                }
                answers.push(match result {
                    Ok((epoch, out_of_step)) => {
                        self.claim_granted(slot, process.life, epoch);
                        RpInput::ClaimWon { epoch, out_of_step }
                    }
                    Err(holder) => RpInput::ClaimLost { holder },
                });
            }
            RpOutput::PublishOutOfStep { epoch, since } => {
                let result = self.arbiter.mark(epoch, since);
                self.trace.note(self.now, name, epoch.to_word() ^ since.0, || {
                    format!("publishes out of step since {since} in {epoch}: {result:?}")
                });
                if result.is_err_and(|holder| holder.slot != slot) {
                    // Another unit has taken over: nothing may leave on this unit's own word any more.
                    return Fate::Dies(PeerLoss::Reloaded);
                }
                // What an activity says at its very start is judged with that start.
                if process.seen.epoch.is_some() {
                    self.checker.out_of_step();
                }
            }
            RpOutput::ClearOutOfStep => {
                self.arbiter.clear(slot);
                self.trace
                    .note(self.now, name, 1, || String::from("standby is in step"));
                let peer = self.rps[slot.peer().index()].process.as_ref();
                self.checker
                    .in_step(slot.peer(), peer.map_or(0, |peer| peer.life));
            }
            RpOutput::KillPeer | RpOutput::ResetPeer => {
                if output == RpOutput::KillPeer && self.rps[slot.peer().index()].process.is_some() {
                    let found = redundancy::ProcessFound::Running;
                    answers.push(RpInput::Platform(rp::PlatformInput::PeerFound(found)));
                }
                self.trace
                    .note(self.now, name, 2, || String::from("has the peer killed"));
                if self.options.plant != Some(Plant::PeerNeverReset) {
                    self.kill_at_some_time(slot.peer());
                }
            }
            RpOutput::ResetShelf => {
                self.trace
                    .note(self.now, name, 3, || String::from("has everything reset"));
                self.excuse_flows(None, "the whole chassis was reset");
                self.kill_rp(slot.peer(), PeerLoss::Reloaded);
                for card in 0..self.cards.len() {
                    self.kill_card(card);
                }
                return Fate::Dies(PeerLoss::Reloaded);
            }
            RpOutput::Platform(output) => return self.platform_output(slot, process, output, answers),
            RpOutput::ConnectCards { epoch } => {
                self.trace.note(self.now, name, epoch.to_word(), || {
                    format!("connects to the cards in {epoch}")
                });
                self.claim_all_cards(slot, process, answers);
            }
            RpOutput::WriteNvram { number, text } => {
                if let Fate::Dies(loss) = self.write_nvram(slot, process, number, text) {
                    return Fate::Dies(loss);
                }
            }
            RpOutput::KeepSwitchoverHistory(text) => {
                self.rps[slot.index()].switchover_history = text;
            }
            RpOutput::KeepHistory(text) => self.rps[slot.index()].kept_history = text,
            RpOutput::WriteRegister(value) => {
                self.trace.note(self.now, name, u64::from(value), || {
                    format!("keeps register 0x{value:X}")
                });
                if !self.register_is_forgotten(process.rp.active().is_some()) {
                    self.rps[slot.index()].nvram.register = value;
                }
            }
            RpOutput::ResetCard { card } => {
                self.trace.note(self.now, name, u64::from(card.0), || {
                    format!("has card {card} reset")
                });
                self.check_card_reset(slot, process);
                self.kill_card(usize::from(card.0));
            }
            RpOutput::File(request) => {
                let full = self.rps[slot.index()].nvram.full;
                let answer = crate::flash::serve(&mut self.rps[slot.index()].flash, full, &request);
                answers.push(RpInput::File(answer));
            }
            RpOutput::Log(message) => {
                self.trace
                    .note(self.now, name, u64::from(message.severity().number()), || {
                        message.to_string()
                    });
            }
            RpOutput::Reload { reason } => {
                self.trace
                    .note(self.now, name, 4, || format!("reloads: {reason}"));
                return Fate::Dies(PeerLoss::Reloaded);
            }
            RpOutput::Phase(phase) => {
                self.trace.note(self.now, name, 5, || format!("phase {phase:?}"));
            }
        }
        Fate::Lives
    }

    /// Whether no other unit has taken over from this one.
    pub(crate) fn is_master(&self, slot: RpSlot) -> bool {
        self.arbiter.mastership().slot == slot
    }

    /// Connects to every card; claims anew, on the same connection, where there is one.
    fn claim_all_cards(&mut self, slot: RpSlot, process: &mut Process, answers: &mut Vec<RpInput>) {
        process.connects = true;
        for number in 0..self.cards.len() {
            let card = CardSlot(number as u8);
            let event = |event| RpInput::CardLink { card, event };
            match process.card_links.get_mut(&card) {
                Some((_, session)) => {
                    answers.push(event(CardLinkEvent::Down {
                        session: *session,
                        why: String::from("claimed anew"),
                    }));
                    self.sessions += 1;
                    *session = self.sessions;
                    answers.push(event(CardLinkEvent::Up { session: *session }));
                }
                None => {
                    let at = self.soon(100_000);
                    let life = process.life;
                    self.queue.add(at, Event::CardConnect { slot, life, card });
                }
            }
        }
    }

    /// What the checkers look at when a turn is over.
    fn observe(&mut self, slot: RpSlot, process: &mut Process) {
        if let Some(active) = process.rp.active() {
            let (frame, _, gate) = active.frames();
            let digest = total_digest(&active.clients, |_| true);
            let epoch = active.epoch();
            let before = process.seen;
            if before.epoch.is_none() {
                self.activity_started(slot, process, epoch, frame);
            }
            if frame != before.frame {
                let tree = active.clients.configuration.tree().digest();
                self.checker.frame_closed(slot, frame, digest, tree);
                process.seen.frame_closed_at = self.now;
            }
            process.seen.epoch = Some(epoch);
            process.seen.frame = frame;
            process.seen.in_step = *active.peer_sync() == PeerSync::InStep;
            let dirty = active.clients.dirty_rows();
            self.active_turn_over(slot);
            self.look_for_ready_standby(slot, process);
            let open_for = self.now.saturating_since(process.seen.frame_closed_at);
            self.check_bounds(
                slot,
                gate,
                process.work.len(),
                process.peer.len(),
                dirty,
                open_for,
            );
        } else if let Some(standby) = process.rp.standby() {
            let frame = standby.committed();
            if frame != process.seen.frame && standby.in_step() {
                let digest = total_digest(standby.clients(), |_| true);
                if let Some(difference) = self.checker.frame_committed(slot, frame, digest) {
                    self.fail_safety("digests", difference);
                }
            }
            process.seen.frame = frame;
            process.seen.in_step = standby.in_step();
            process.seen.in_rpr = process.rp.facility().operating_mode() == redundancy::RedundancyMode::Rpr;
            self.check_configuration(slot, process);
            process.seen.epoch = None;
        }
    }

    fn note_input(&mut self, slot: RpSlot, input: &RpInput) {
        let name = self.rps[slot.index()].name;
        let (content, quiet) = match input {
            RpInput::TurnEnd { peer_room } => (*peer_room as u64, true),
            RpInput::Peer(_) => (7, false),
            RpInput::Card { session, .. } => (8 ^ session << 8, false),
            _ => (9, false),
        };
        if quiet {
            return;
        }
        self.trace.note(self.now, name, content, || match input {
            RpInput::Peer(message) => format!("from peer: {}", brief_peer(message)),
            RpInput::Card { card, message, .. } => {
                let text = format!("{message:?}");
                format!("from card {card}: {:.100}", text)
            }
            other => format!("{other:?}").chars().take(160).collect(),
        });
    }
}

impl Process {
    /// Nothing of what arrived on the RP link is read any more, and the link is down.
    pub(crate) fn drop_peer_link(&mut self) {
        self.peer.clear();
        self.peer.push_back((0, RpInput::PeerLink(false)));
    }

    /// A process that was stopped goes on: its timers are late, and nothing of its own schedule stands.
    pub(crate) fn wakes_up(&mut self, now: Instant) {
        self.turn_at = None;
        self.busy_until = now;
        self.idle_turns = 0;
    }
}
