//! Two route processors with a link, an arbiter and an NVRAM each, driven by hand.
#![allow(dead_code, reason = "each test file uses a part of it")]

use chassis::message::{PortTruth, PuntReason, Truth};
use chassis::{CardMessage, RpMessage};
use checkpoint::ActiveEndConfig;
use machine::{CardSlot, Duration, Epoch, FrameNumber, Instant, Machine, Outbox, PortId, RpSlot, StepNote};
use packet::MacAddress;
use redundancy::{PeerLoss, RedundancyConfig, RfState};
use rp::{
    ActiveConfig, CardLinkEvent, ConsoleInput, ConsoleOutput, DeadlyStep, FileAnswer, FileEntry,
    FileOperation, FileRequest, FileStatus, PeerMessage, RouteProcessor, RpConfig, RpInput, RpOutput,
    SessionId,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

#[path = "traps.rs"]
pub mod traps;
use traps::{Notes, survives};

/// The console that tests type at.
pub const CONSOLE: SessionId = SessionId(1);
/// What both have in NVRAM at first.
pub const STARTUP: &str = "hostname Router\ninterface Ethernet0/0\n ip address 10.0.0.1 255.255.255.0\nend\n";

/// A card of two ports in a chassis of two cards: all is up.
pub fn truth(card: u8) -> Truth {
    let port = |number: u8| PortTruth {
        port: PortId::new(card, number),
        link_up: true,
        mac: MacAddress([2, 0, 0, 0, card, number]),
        wire: format!("mem host{card}{number}"),
    };
    Truth {
        card: CardSlot(card),
        model: "HOLDOVER-LC".into(),
        image_version: "Version 0.0.0-test".into(),
        fabric_peers: vec![CardSlot(1 - card)],
        ports: vec![port(0), port(1)],
        frame: FrameNumber(0),
        digest: 0,
        mixed: false,
        out_of_step: None,
        buffered_punts: 0,
        lost_punts: 0,
        uptime_ms: 5_000,
    }
}

/// A slot: its process, if one runs, and its own storage.
pub struct Unit {
    pub processor: Option<RouteProcessor>,
    pub nvram: Option<String>,
    /// The configuration register for the next boot.
    pub register: u16,
    /// Line cards that this slot had reset.
    pub reset_cards: Vec<CardSlot>,
    /// Frames' chunks that were sent to this slot.
    pub chunks: u32,
    /// Why every write fails; `None`: they succeed.
    pub disk_error: Option<&'static str>,
    /// Whether writes take for ever.
    pub disk_hangs: bool,
    pub writes: u32,
    pub flash: BTreeMap<String, Vec<u8>>,
    pub flash_free: u64,
    pub log: Vec<String>,
    /// What it keeps of the switchovers, and of the facility's log.
    pub switchover_history: String,
    pub kept_history: String,
    /// A terminal is at its console.
    has_terminal: bool,
    /// How often its peer wanted it reset.
    wanted_resets: u32,
    lives: u64,
    inputs: VecDeque<RpInput>,
}

impl Unit {
    fn serve(&mut self, request: &FileRequest) -> FileAnswer {
        let mut answer = FileAnswer {
            number: request.number,
            total_bytes: 1_000_000,
            free_bytes: self.flash_free,
            ..FileAnswer::default()
        };
        let name = request.name.clone();
        match request.operation() {
            FileOperation::List => {
                let entry = |(name, contents): (&String, &Vec<u8>)| FileEntry {
                    name: name.clone(),
                    bytes: contents.len() as u64,
                    modified_unix_s: 1_600_000_000,
                };
                answer.files = self.flash.iter().map(entry).collect();
            }
            FileOperation::Read => match self.flash.get(&name) {
                Some(contents) => answer.contents = contents.clone(),
                None => answer.status = FileStatus::NotFound.into(),
            },
            FileOperation::Write => drop(self.flash.insert(name, request.contents.clone())),
            FileOperation::Delete | FileOperation::ReadStartup => {
                if self.flash.remove(&name).is_none() {
                    answer.status = FileStatus::NotFound.into();
                }
            }
        }
        answer
    }
}

/// The pair.
pub struct Pair {
    pub units: [Unit; 2],
    pub now: Instant,
    pub screen: String,
    /// What each card tells whoever claims it.
    pub cards: Vec<Truth>,
    card_slots: Vec<CardSlot>,
    card_sessions: u64,
    /// Who said something to a card, and whether that unit held the activity then.
    pub spoke_to_cards: Vec<(RpSlot, bool)>,
    /// A unit that reloads comes back, as it does in a chassis.
    pub reloads_come_back: bool,
    out_of_step: Option<(Epoch, FrameNumber)>,
    resets: Vec<RpSlot>,
    restarts: Vec<RpSlot>,
    /// Changes a message on its way to this slot.
    pub tamper: fn(RpSlot, &mut PeerMessage),
    /// What was said to the standby in slot R1, in order.
    pub heard_by_r1: Vec<PeerMessage>,
    /// Changes the configuration of an RP before it starts.
    pub configure: fn(RpSlot, &mut RpConfig),
    mastership: Epoch,
    outbox: Outbox<RpOutput>,
    /// What each slot's process notes of its steps.
    pub notes: [Notes; 2],
    /// Steps in which an active died, and when.
    pub deaths: Vec<(Instant, StepNote)>,
    /// Who died last, if that was a panic.
    panicked: Option<RpSlot>,
    /// Frames that were put onto the wires.
    pub injected: Vec<(PortId, Vec<u8>)>,
}

fn unit() -> Unit {
    Unit {
        processor: None,
        nvram: Some(STARTUP.into()),
        register: 0x2102,
        reset_cards: Vec::new(),
        chunks: 0,
        disk_error: None,
        disk_hangs: false,
        writes: 0,
        flash: BTreeMap::new(),
        flash_free: 1_000_000,
        log: Vec::new(),
        switchover_history: String::new(),
        kept_history: String::new(),
        has_terminal: false,
        wanted_resets: 0,
        lives: 0,
        inputs: VecDeque::new(),
    }
}

impl Pair {
    /// Both slots empty.
    pub fn new() -> Pair {
        Pair {
            units: [unit(), unit()],
            now: Instant::from_millis(1_000),
            screen: String::new(),
            cards: Vec::new(),
            card_slots: vec![CardSlot(0), CardSlot(1)],
            card_sessions: 0,
            spoke_to_cards: Vec::new(),
            reloads_come_back: false,
            out_of_step: None,
            resets: Vec::new(),
            restarts: Vec::new(),
            tamper: |_, _| {},
            heard_by_r1: Vec::new(),
            configure: |_, _| {},
            mastership: Epoch::NONE,
            outbox: Outbox::new(),
            notes: Default::default(),
            deaths: Vec::new(),
            panicked: None,
            injected: Vec::new(),
        }
    }

    /// R0 is active, R1 hot, and a script console is open on R0 in privileged EXEC.
    pub fn hot() -> Pair {
        let mut pair = Pair::new();
        pair.boot_hot();
        pair
    }

    /// R0 is active, R1 hot, and a terminal is at the console of whoever is active: see [`Pair::type_line`].
    pub fn hot_at_a_terminal() -> Pair {
        Pair::hot_with(Vec::new())
    }

    /// A chassis with these cards, empty NVRAMs, and nothing in the slots of the route processors. A unit that reloads comes back.
    pub fn with_cards(cards: Vec<Truth>) -> Pair {
        let mut pair = Pair {
            card_slots: cards.iter().map(|truth| truth.card).collect(),
            cards,
            reloads_come_back: true,
            ..Pair::new()
        };
        pair.units.iter_mut().for_each(|unit| unit.nvram = None);
        pair
    }

    /// [`Pair::hot_at_a_terminal`] with these cards, which tell their truth and nothing else.
    pub fn hot_with(cards: Vec<Truth>) -> Pair {
        let mut pair = Pair::with_cards(cards);
        pair.start(RpSlot::R0);
        pair.start(RpSlot::R1);
        pair.run_until_hot();
        pair
    }

    pub fn boot_hot(&mut self) {
        self.start(RpSlot::R0);
        self.run_ms(2_000);
        self.start(RpSlot::R1);
        self.run_ms(3_000);
        self.open(RpSlot::R0);
    }

    pub fn start(&mut self, slot: RpSlot) {
        let unit = &mut self.units[slot.index()];
        unit.lives += 1;
        let boot = unit.lives * 2 + slot as u64 + 1;
        let mut redundancy = RedundancyConfig::new(slot, boot, 1);
        redundancy.keepalive_limit_ms = 60_000;
        redundancy.negotiation_time_ms = 200;
        let checkpoint = ActiveEndConfig {
            acknowledgement_stall_limit: Duration::from_secs(1),
            ..ActiveEndConfig::default()
        };
        let mut config = RpConfig {
            redundancy,
            active: ActiveConfig {
                checkpoint,
                heartbeat_interval: Duration::from_millis(100),
                seed: 1,
            },
            startup: unit.nvram.clone(),
            switchover_history: unit.switchover_history.clone(),
            configuration_register: unit.register,
            unix_ms_at_origin: 1_600_000_000_000,
            image_version: "Version 0.0.0-test".into(),
            card_slots: self.card_slots.clone(),
            unsupported_commands: Vec::new(),
            platform: rp::PlatformConfig {
                kept_history: unit.kept_history.clone(),
                ..rp::PlatformConfig::default()
            },
        };
        (self.configure)(slot, &mut config);
        let mut processor = RouteProcessor::new(config, self.now);
        processor.note_steps(Arc::new(self.notes[slot.index()].clone()));
        unit.processor = Some(processor);
        unit.has_terminal = false;
        let peer_lives = self.units[slot.peer().index()].processor.is_some();
        self.feed(slot, RpInput::PeerPresent(peer_lives));
        let mastership = self.mastership;
        self.feed(slot, RpInput::Started { mastership });
        if peer_lives {
            self.feed(slot.peer(), RpInput::PeerPresent(true));
            for slot in RpSlot::ALL {
                self.feed(slot, RpInput::PeerLink(true));
            }
        }
        self.settle();
    }

    pub fn kill(&mut self, slot: RpSlot, loss: PeerLoss) {
        self.panicked = (loss == PeerLoss::Panicked).then_some(slot);
        let unit = &mut self.units[slot.index()];
        unit.processor = None;
        unit.inputs.clear();
        if self.units[slot.peer().index()].processor.is_some() {
            self.feed(slot.peer(), RpInput::LifeLost(loss));
            self.feed(slot.peer(), RpInput::PeerLink(false));
        }
        self.settle();
    }

    /// The backplane resets a unit: it is down at once, and comes back.
    fn reset(&mut self, slot: RpSlot) {
        if self.units[slot.index()].processor.is_some() {
            self.kill(slot, PeerLoss::Reloaded);
            self.restarts.push(slot);
        }
    }

    pub fn rp(&self, slot: RpSlot) -> &RouteProcessor {
        self.units[slot.index()].processor.as_ref().expect("it runs")
    }

    pub fn state(&self, slot: RpSlot) -> RfState {
        self.rp(slot).facility().state()
    }

    pub fn feed(&mut self, slot: RpSlot, input: RpInput) {
        self.units[slot.index()].inputs.push_back(input);
    }

    /// Serves both until nothing is on its way any more.
    pub fn settle(&mut self) {
        for _ in 0..10_000 {
            let mut idle = true;
            for slot in RpSlot::ALL {
                idle &= !self.turn(slot);
                for slot in std::mem::take(&mut self.resets) {
                    self.reset(slot);
                }
            }
            if idle {
                return;
            }
        }
        panic!("the pair does not come to rest");
    }

    /// One turn of one unit; whether anything happened.
    fn turn(&mut self, slot: RpSlot) -> bool {
        let Some(mut processor) = self.units[slot.index()].processor.take() else {
            self.units[slot.index()].inputs.clear();
            return false;
        };
        let mut busy = false;
        let mut alive = true;
        while let Some(input) = self.units[slot.index()].inputs.pop_front() {
            busy = true;
            if !survives(|| processor.handle(self.now, input, &mut self.outbox)) {
                return self.died_of_a_step(slot);
            }
            alive &= self.carry_out(slot);
        }
        if processor.next_deadline().is_some_and(|(at, _)| at <= self.now) {
            if !survives(|| processor.expire(self.now, &mut self.outbox)) {
                return self.died_of_a_step(slot);
            }
            alive &= self.carry_out(slot);
        }
        let end = RpInput::TurnEnd {
            peer_room: usize::MAX,
        };
        if !survives(|| processor.handle(self.now, end, &mut self.outbox)) {
            return self.died_of_a_step(slot);
        }
        busy |= !self.outbox.is_empty();
        alive &= self.carry_out(slot);
        if alive {
            self.units[slot.index()].processor = Some(processor);
        } else {
            self.kill(slot, PeerLoss::Reloaded);
        }
        busy
    }

    /// The process has panicked: what the call under way asked for is lost with it.
    fn died_of_a_step(&mut self, slot: RpSlot) -> bool {
        self.outbox = Outbox::new();
        self.restarts.extend(self.reloads_come_back.then_some(slot));
        self.kill(slot, PeerLoss::Panicked);
        true
    }

    /// Carries out what was asked for; whether the process goes on.
    fn carry_out(&mut self, slot: RpSlot) -> bool {
        let outputs: Vec<RpOutput> = self.outbox.drain().map(|(_, output)| output).collect();
        let peer = slot.peer();
        for output in outputs {
            self.note_word_to_cards(slot, &output);
            match output {
                RpOutput::Peer(message) => self.deliver_to(peer, &message),
                RpOutput::Claim { expected, floor } => self.claim(slot, expected, floor),
                RpOutput::Console {
                    output: ConsoleOutput::Data(bytes),
                    ..
                } => self.screen.push_str(&String::from_utf8(bytes).expect("text")),
                RpOutput::WriteNvram { number, text } => self.write_nvram(slot, number, text),
                RpOutput::WriteRegister(value) => self.units[slot.index()].register = value,
                RpOutput::ResetCard { card } => self.units[slot.index()].reset_cards.push(card),
                RpOutput::File(request) => {
                    let answer = self.units[slot.index()].serve(&request);
                    self.feed(slot, RpInput::File(answer));
                }
                RpOutput::PublishOutOfStep { epoch, since } => self.out_of_step = Some((epoch, since)),
                RpOutput::ClearOutOfStep => self.out_of_step = None,
                RpOutput::ConnectCards { .. } => self.connect_cards(slot),
                RpOutput::Card {
                    card,
                    session,
                    message: RpMessage::Claim { .. },
                } => self.tell_truth(slot, card, session),
                RpOutput::Card {
                    message: RpMessage::Inject { port, frame },
                    ..
                } => self.injected.push((port, frame)),
                RpOutput::KeepHistory(text) => self.units[slot.index()].kept_history = text,
                RpOutput::KeepSwitchoverHistory(text) => self.units[slot.index()].switchover_history = text,
                // Nobody is left to notice that the other one has gone.
                RpOutput::ResetShelf => {
                    self.units[peer.index()].processor = None;
                    self.units[peer.index()].inputs.clear();
                    self.restarts = RpSlot::ALL.to_vec();
                    return false;
                }
                RpOutput::Log(message) => self.units[slot.index()].log.push(message.to_string()),
                RpOutput::Reload { .. } => {
                    self.restarts.extend(self.reloads_come_back.then_some(slot));
                    return false;
                }
                RpOutput::ResetPeer => {
                    self.units[peer.index()].wanted_resets += 1;
                    self.resets.push(peer);
                }
                RpOutput::KillPeer => self.resets.push(peer),
                _ => {}
            }
        }
        true
    }

    fn deliver_to(&mut self, peer: RpSlot, message: &PeerMessage) {
        self.units[peer.index()].chunks += u32::from(matches!(message, PeerMessage::Chunk(_)));
        let (kind, body) = message.encode();
        let mut message = PeerMessage::decode(kind, &body).expect("what is sent can be read");
        (self.tamper)(peer, &mut message);
        if peer == RpSlot::R1 {
            self.heard_by_r1.push(message.clone());
        }
        if self.units[peer.index()].processor.is_some() {
            self.feed(peer, RpInput::Peer(message));
        }
    }

    fn claim(&mut self, slot: RpSlot, expected: Epoch, floor: u64) {
        let input = if expected == self.mastership {
            let counter = expected.counter.max(floor) + 1;
            self.mastership = Epoch { counter, slot };
            let out_of_step = self.out_of_step.filter(|(epoch, _)| *epoch == expected);
            self.tell_deaths(slot);
            RpInput::ClaimWon {
                epoch: self.mastership,
                out_of_step,
            }
        } else {
            RpInput::ClaimLost {
                holder: self.mastership,
            }
        };
        self.feed(slot, input);
    }

    /// As the shared page does: the step of a process that died by its own doing, and those before.
    fn tell_deaths(&mut self, slot: RpSlot) {
        let new = self
            .panicked
            .take()
            .and_then(|dead| self.notes[dead.index()].take());
        self.deaths.extend(new.map(|note| (self.now, note)));
        let last = self.deaths.len().wrapping_sub(1);
        let told = self
            .deaths
            .iter()
            .enumerate()
            .rev()
            .map(|(number, (at, note))| DeadlyStep {
                note: *note,
                age: self.now.saturating_since(*at),
                is_new: new.is_some() && number == last,
            });
        let told = told.collect();
        self.feed(slot, RpInput::DeadlySteps(told));
    }

    fn note_word_to_cards(&mut self, slot: RpSlot, output: &RpOutput) {
        if matches!(
            output,
            RpOutput::Card { .. } | RpOutput::ConnectCards { .. } | RpOutput::ResetCard { .. }
        ) {
            let holds = self.mastership != Epoch::NONE && self.mastership.slot == slot;
            self.spoke_to_cards.push((slot, holds));
        }
    }

    /// A card is put in and has booted.
    pub fn insert(&mut self, truth: Truth) {
        let card = truth.card;
        self.cards.push(truth);
        self.card_sessions += 1;
        let session = self.card_sessions;
        let event = CardLinkEvent::Up { session };
        self.feed(self.active(), RpInput::CardLink { card, event });
        self.settle();
    }

    fn connect_cards(&mut self, slot: RpSlot) {
        for truth in self.cards.clone() {
            self.card_sessions += 1;
            let session = self.card_sessions;
            let (card, event) = (truth.card, CardLinkEvent::Up { session });
            self.feed(slot, RpInput::CardLink { card, event });
        }
    }

    /// A frame for the router arrives on a port.
    pub fn punt(&mut self, port: PortId, frame: Vec<u8>) {
        let is_arp = frame.get(12..14) == Some(&[8, 6]);
        let reason = match is_arp {
            true => PuntReason::Arp,
            false => PuntReason::Receive,
        };
        let Some(slot) = RpSlot::ALL.into_iter().find(|slot| self.is_active(*slot)) else {
            return;
        };
        let session = self.card_sessions;
        let card = port.card;
        let message = CardMessage::Punt { port, reason, frame };
        self.feed_card(slot, card, session, message);
    }

    fn feed_card(&mut self, slot: RpSlot, card: CardSlot, session: u64, message: CardMessage) {
        let input = RpInput::Card {
            card,
            session,
            message,
        };
        self.feed(slot, input);
    }

    fn tell_truth(&mut self, slot: RpSlot, card: CardSlot, session: u64) {
        if let Some(truth) = self.cards.iter().find(|truth| truth.card == card).cloned() {
            let message = CardMessage::Truth(truth);
            self.feed_card(slot, card, session, message);
        }
    }

    /// The cards' present connections have the numbers of the last claim: this one says something to the active.
    pub fn card(&mut self, card: CardSlot, message: CardMessage) {
        let place = self.cards.iter().rev().position(|truth| truth.card == card);
        let session = self.card_sessions - place.expect("a card in this slot") as u64;
        self.feed_card(self.active(), card, session, message);
        self.settle();
    }

    fn write_nvram(&mut self, slot: RpSlot, number: u64, text: String) {
        let unit = &mut self.units[slot.index()];
        unit.writes += 1;
        if unit.disk_hangs {
            return;
        }
        let result = match unit.disk_error {
            Some(why) => Err(why.to_string()),
            None => {
                unit.nvram = Some(text);
                Ok(())
            }
        };
        self.feed(slot, RpInput::NvramWritten { number, result });
    }

    /// Lets time pass in steps of ten milliseconds.
    pub fn run_ms(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds / 10 {
            self.now += Duration::from_millis(10);
            for slot in std::mem::take(&mut self.restarts) {
                self.start(slot);
            }
            self.settle();
        }
    }

    pub fn run_until_hot(&mut self) {
        for _ in 0..2_000 {
            self.run_ms(10);
            let state = |unit: &Unit| unit.processor.as_ref().map(|rp| rp.facility().state());
            let states = [0, 1].map(|unit| state(&self.units[unit]));
            if states.contains(&Some(RfState::Active)) && states.contains(&Some(RfState::StandbyHot)) {
                return self.run_ms(100);
            }
        }
        panic!("the pair does not become hot");
    }

    /// The slot of the active.
    pub fn active(&self) -> RpSlot {
        let active = RpSlot::ALL.into_iter().find(|slot| self.is_active(*slot));
        active.expect("a unit is active")
    }

    fn is_active(&self, slot: RpSlot) -> bool {
        let processor = self.units[slot.index()].processor.as_ref();
        processor.is_some_and(|rp| rp.facility().state().is_active())
    }

    fn console(&mut self, slot: RpSlot, input: ConsoleInput) {
        let session = CONSOLE;
        self.feed(slot, RpInput::Console { session, input });
    }

    /// Opens a script's console, and enters privileged EXEC.
    pub fn open(&mut self, slot: RpSlot) {
        self.console(
            slot,
            ConsoleInput::Opened {
                terminal: false,
                strict: false,
                columns: 80,
                rows: 0,
            },
        );
        self.type_lines(slot, "enable\n");
    }

    /// Presses keys at the active's terminal, which is opened where there is none. They are read with the next time that passes.
    pub fn press(&mut self, keys: &str) {
        let slot = self.active();
        if !std::mem::replace(&mut self.units[slot.index()].has_terminal, true) {
            self.console(
                slot,
                ConsoleInput::Opened {
                    terminal: true,
                    strict: false,
                    columns: 0,
                    // Nobody presses a key at --More--.
                    rows: u16::MAX,
                },
            );
            self.settle();
        }
        self.screen.clear();
        self.console(slot, ConsoleInput::Data(keys.as_bytes().to_vec()));
    }

    /// Types a line at the active's terminal and gives what it showed within the next twentieth of a second.
    pub fn type_line(&mut self, line: &str) -> String {
        self.press(&format!("{line}\r"));
        self.run_ms(50);
        self.screen.replace("\r\n", "\n")
    }

    /// The lines that a command shows at the terminal, without its echo and the prompt.
    pub fn ask(&mut self, line: &str) -> Vec<String> {
        let shown = self.type_line(line);
        let lines: Vec<String> = shown.lines().map(String::from).collect();
        let end = lines.len().saturating_sub(1);
        lines[1.min(end)..end].to_vec()
    }

    /// Types each of these lines at the terminal.
    pub fn type_each(&mut self, lines: &[&str]) {
        for line in lines {
            let _shown = self.type_line(line);
        }
    }

    /// Types lines and returns what was shown.
    pub fn type_lines(&mut self, slot: RpSlot, text: &str) -> String {
        self.screen.clear();
        self.console(slot, ConsoleInput::Data(text.as_bytes().to_vec()));
        self.settle();
        std::mem::take(&mut self.screen)
    }

    /// The running configuration of a unit, active or standby.
    pub fn running(&self, slot: RpSlot) -> String {
        let rp = self.rp(slot);
        let clients = match (rp.active(), rp.standby()) {
            (Some(active), _) => &active.clients,
            (_, Some(standby)) => standby.clients(),
            _ => return String::new(),
        };
        clients.configuration.tree().running_config_text()
    }

    /// How often the peer of the unit in `slot` wanted it reset.
    pub fn unit_resets(&self, slot: RpSlot) -> u32 {
        self.units[slot.index()].wanted_resets
    }

    pub fn logged(&self, slot: RpSlot, what: &str) -> usize {
        let log = &self.units[slot.index()].log;
        log.iter().filter(|line| line.contains(what)).count()
    }
}
