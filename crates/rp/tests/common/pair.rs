//! Two route processors with a link, an arbiter and an NVRAM each, driven by hand.
#![allow(dead_code, reason = "each test file uses a part of it")]

use checkpoint::ActiveEndConfig;
use machine::{CardSlot, Duration, Epoch, Instant, Machine, Outbox, RpSlot};
use redundancy::{PeerLoss, RedundancyConfig, RfState};
use rp::{
    ActiveConfig, ConsoleInput, ConsoleOutput, FileAnswer, FileEntry, FileOperation, FileRequest, FileStatus,
    PeerMessage, RouteProcessor, RpConfig, RpInput, RpOutput, SessionId,
};
use std::collections::{BTreeMap, VecDeque};

/// The console that tests type at.
pub const CONSOLE: SessionId = SessionId(1);
/// What both have in NVRAM at first.
pub const STARTUP: &str = "hostname Router\ninterface Ethernet0/0\n ip address 10.0.0.1 255.255.255.0\nend\n";

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
            resets: Vec::new(),
            restarts: Vec::new(),
            tamper: |_, _| {},
            heard_by_r1: Vec::new(),
            configure: |_, _| {},
            mastership: Epoch::NONE,
            outbox: Outbox::new(),
        }
    }

    /// R0 is active, R1 hot, and a script console is open on R0 in privileged EXEC.
    pub fn hot() -> Pair {
        let mut pair = Pair::new();
        pair.boot_hot();
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
            },
            startup: unit.nvram.clone(),
            switchover_history: String::new(),
            configuration_register: unit.register,
            unix_ms_at_origin: 1_600_000_000_000,
            image_version: "Version 0.0.0-test".into(),
            card_slots: vec![CardSlot(0), CardSlot(1)],
            unsupported_commands: Vec::new(),
            platform: rp::PlatformConfig::default(),
        };
        (self.configure)(slot, &mut config);
        unit.processor = Some(RouteProcessor::new(config, self.now));
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
            processor.handle(self.now, input, &mut self.outbox);
            alive &= self.carry_out(slot);
        }
        if processor.next_deadline().is_some_and(|(at, _)| at <= self.now) {
            processor.expire(self.now, &mut self.outbox);
            alive &= self.carry_out(slot);
        }
        let end = RpInput::TurnEnd {
            peer_room: usize::MAX,
        };
        processor.handle(self.now, end, &mut self.outbox);
        busy |= !self.outbox.is_empty();
        alive &= self.carry_out(slot);
        if alive {
            self.units[slot.index()].processor = Some(processor);
        } else {
            self.kill(slot, PeerLoss::Reloaded);
        }
        busy
    }

    /// Carries out what was asked for; whether the process goes on.
    fn carry_out(&mut self, slot: RpSlot) -> bool {
        let outputs: Vec<RpOutput> = self.outbox.drain().map(|(_, output)| output).collect();
        let peer = slot.peer();
        for output in outputs {
            match output {
                RpOutput::Peer(message) => {
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
                RpOutput::Claim { expected, floor } => {
                    let input = if expected == self.mastership {
                        let counter = expected.counter.max(floor) + 1;
                        self.mastership = Epoch { counter, slot };
                        RpInput::ClaimWon {
                            epoch: self.mastership,
                            out_of_step: None,
                        }
                    } else {
                        RpInput::ClaimLost {
                            holder: self.mastership,
                        }
                    };
                    self.feed(slot, input);
                }
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
                RpOutput::Log(message) => self.units[slot.index()].log.push(message.to_string()),
                RpOutput::Reload { .. } => return false,
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

    pub fn open(&mut self, slot: RpSlot) {
        let input = ConsoleInput::Opened {
            terminal: false,
            strict: false,
            columns: 80,
            rows: 0,
        };
        self.feed(
            slot,
            RpInput::Console {
                session: CONSOLE,
                input,
            },
        );
        self.type_lines(slot, "enable\n");
    }

    /// Types lines and returns what was shown.
    pub fn type_lines(&mut self, slot: RpSlot, text: &str) -> String {
        self.screen.clear();
        let input = ConsoleInput::Data(text.as_bytes().to_vec());
        self.feed(
            slot,
            RpInput::Console {
                session: CONSOLE,
                input,
            },
        );
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
