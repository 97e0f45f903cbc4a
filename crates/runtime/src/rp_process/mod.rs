//! The process of a route processor: descriptors, clock and files around one `rp::RouteProcessor`.
//!
//! One thread, one loop. Each round waits, turns what is ready into inputs, carries out what the processor asks for,
//! ends the batch of turns, and writes what is queued.
//!
//! ```text
//!   wait ─▶ life changes ─▶ peer link ─▶ cards, consoles (unless work is held) ─▶ expire ─▶ TurnEnd ─▶ flush
//! ```
//!
//! What keeps the pair alive comes first in a round and is never held back. Everything read in one round is bounded,
//! so a flood on one link delays the others by one portion at most.

mod cards;
mod chassis;
mod consoles;
mod flash;
mod nvram;
mod peer;
mod start;
mod status;
mod worker;

pub use consoles::console_path;
pub use start::nvram_path;
pub use status::{exercise_status_request, status_path};

use crate::arbiter::{Arbiter, ClaimRefused, LocalArbiter};
use crate::clock;
use crate::crash::{self, CoreDumps, CrashConfig, black_box};
use crate::event_loop::{EventLoop, Interest, LoopSignal, Ready, Signals};
use crate::life::{LifeChange, LifeLock, LifeWatch, PreviousLife, Resignation};
use crate::shared_memory::{SharedMemory, SlotPower, TakenDown};
use crate::steps::{PageNotes, deadly_steps};
use crate::stream::Address;
use cards::CardLinks;
use chassis::{Chassis, ChassisEvent};
use consoles::ConsoleServer;
use flash::Flash;
use machine::{CardSlot, ChassisSlot, Epoch, Instant, Machine, Outbox, RpSlot};
use nvram::NvramWriter;
use peer::{PeerEvent, PeerLink};
use redundancy::{PeerLoss, ReloadReason, RfState, Syslog, SyslogTime};
use rp::recording;
use rp::{Phase, RouteProcessor, RpConfig, RpInput, RpOutput};
use rp::{PlatformInput, PlatformOutput, SlotOrder};
use start::{facility_log_path, history_path, processor_config, register_path};
use status::StatusServer;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where and as what a route processor runs.
#[derive(Clone, Debug)]
pub struct RpOptions {
    /// The slot.
    pub slot: RpSlot,
    /// Name of the chassis, for `show inventory`.
    pub chassis_name: String,
    /// Sockets and shared words of the chassis.
    pub run_directory: PathBuf,
    /// NVRAM, crash information, epoch ceiling.
    pub state_directory: PathBuf,
    /// Where the RP link is: R0 listens, R1 connects.
    pub peer_address: Address,
    /// Slots that may hold a card, with the address that the card listens at.
    pub cards: Vec<(CardSlot, Address)>,
    /// Text of the startup configuration while NVRAM has none.
    pub factory_configuration: Option<String>,
    /// Interval of heartbeats, in milliseconds.
    pub keepalive_interval_ms: u64,
    /// How long the peer may be silent, in milliseconds.
    pub keepalive_limit_ms: u64,
    /// How long a frame may stay unacknowledged, in milliseconds.
    pub acknowledgement_stall_limit_ms: u64,
    /// Whether to ask for a core on a fatal signal.
    pub core_dumps: CoreDumps,
    /// Bytes that old crash dumps may take.
    pub crash_space_bytes_max: u64,
    /// Where to record every input, for a replay at the desk.
    pub record: Option<PathBuf>,
    /// Beginnings of configuration commands to be without, as an older release is.
    pub unsupported_commands: Vec<String>,
    /// The image to pass for, to rehearse an upgrade; the program's own without it.
    pub image_version: Option<String>,
    /// Bytes of memory to hold and touch, for benches of large processes.
    pub ballast_bytes: usize,
}

/// How a route processor's process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RpExit {
    /// It was told to stop.
    Terminated,
    /// It leaves to be started anew, for this reason.
    Reload(String),
    /// Everything is to be started anew, cards and the other RP included.
    ReloadShelf,
}

/// Version of the image, as `show version` has it.
pub const IMAGE_VERSION: &str = concat!("Version ", env!("CARGO_PKG_VERSION"));

/// Bytes read from one link in one round.
const READ_BUDGET: usize = 256 * 1024;

/// How often the black box is told of the state.
const BLACK_BOX_INTERVAL: machine::Duration = machine::Duration::from_secs(1);

const TOKEN_LIFE: u64 = 1;
const TOKEN_SIGNALS: u64 = 2;
const TOKEN_NVRAM: u64 = 3;
const TOKEN_FLASH: u64 = 6;
const TOKEN_CHASSIS: u64 = 4;
const TOKEN_PEER_END: u64 = 5;
const TOKEN_STATUS: u64 = 1 << 8;
const TOKEN_PEER: u64 = 2 << 8;
const TOKEN_CARD: u64 = 3 << 8;
const TOKEN_CONSOLE: u64 = 1 << 32;

struct RpProcess {
    options: RpOptions,
    processor: RouteProcessor,
    events: EventLoop,
    memory: SharedMemory,
    arbiter: LocalArbiter,
    life: LifeLock,
    watch: LifeWatch,
    signals: Signals,
    peer: PeerLink,
    cards: CardLinks,
    consoles: ConsoleServer,
    status: StatusServer,
    nvram: NvramWriter,
    history: NvramWriter,
    facility_log: NvramWriter,
    register: NvramWriter,
    flash: Flash,
    chassis: Chassis,
    inputs: VecDeque<RpInput>,
    outbox: Outbox<RpOutput>,
    phases: status::Phases,
    step_notes: Arc<PageNotes>,
    exit: Option<RpExit>,
    hang: bool,
    recorder: Option<Recorder>,
    /// The state that the black box was told of, and until when that will do.
    black_box: Option<((RfState, RfState, u64), Instant)>,
    /// The router's name as the black box knows it.
    told_host_name: String,
}

/// Writes a recording. What cannot be written ends the recording, not the route processor.
struct Recorder {
    file: BufWriter<File>,
}

impl Recorder {
    fn create(path: &Path, config: &RpConfig, started: Instant) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(&recording::header(config, started))?;
        Ok(Self { file })
    }
}

/// Runs a route processor until it is told to stop or reloads.
///
/// # Errors
/// When something that it cannot do without (its slot, the shared words, its sockets) is not to be had; the text says
/// what and where.
pub fn run(options: RpOptions) -> io::Result<RpExit> {
    let memory = SharedMemory::open(&options.run_directory).map_err(io::Error::other)?;
    let previous = PreviousLife::of(memory.rp(options.slot));
    let life = LifeLock::hold(&memory, &options.run_directory, options.slot).map_err(io::Error::other)?;
    let crash_directory = crash::directory(&options.state_directory);
    std::fs::create_dir_all(&crash_directory)?;
    crash::install(CrashConfig {
        slot: options.slot.to_string(),
        directory: crash_directory,
        space_bytes_max: options.crash_space_bytes_max,
        version: IMAGE_VERSION,
        resigner: Some(life.resigner()),
        core_dumps: options.core_dumps,
    })?;
    let _ballast = ballast(options.ballast_bytes);
    let mut process = RpProcess::new(options, memory, life, previous)?;
    process.start();
    process.serve()
}

/// Memory that is really there: every page is written once.
fn ballast(bytes: usize) -> Vec<u8> {
    let mut memory = vec![0u8; bytes];
    for page in memory.chunks_mut(4096) {
        page[0] = 1;
    }
    std::hint::black_box(memory)
}

impl RpProcess {
    fn new(
        options: RpOptions,
        memory: SharedMemory,
        life: LifeLock,
        previous: Option<PreviousLife>,
    ) -> io::Result<Self> {
        let events = EventLoop::new()?;
        let arbiter = LocalArbiter::open(&memory, &options.state_directory).map_err(io::Error::other)?;
        // Before any thread is started: they inherit what is blocked.
        let signals = Signals::take(&[LoopSignal::Terminate, LoopSignal::Interrupt])?;
        let watch = LifeWatch::start(&memory, options.slot.peer())?;
        events.add(&watch, TOKEN_LIFE, Interest::READ)?;
        events.add(&signals, TOKEN_SIGNALS, Interest::READ)?;
        let peer = PeerLink::new(&options, &memory, &events)?;
        let cards = CardLinks::new(options.cards.clone());
        let consoles = ConsoleServer::bind(&options.run_directory, options.slot, &events)?;
        let status = StatusServer::bind(&options.run_directory, options.slot, &events)?;
        let nvram = NvramWriter::start(nvram_path(&options.state_directory, options.slot))?;
        events.add(&nvram, TOKEN_NVRAM, Interest::READ)?;
        let history = NvramWriter::start(history_path(&options.state_directory, options.slot))?;
        let facility_log = NvramWriter::start(facility_log_path(&options.state_directory, options.slot))?;
        let register = NvramWriter::start(register_path(&options.state_directory, options.slot))?;
        let flash = Flash::start(flash_path(&options.state_directory, options.slot))?;
        events.add(&flash, TOKEN_FLASH, Interest::READ)?;
        let chassis = Chassis::start(
            options.slot,
            &options.run_directory,
            &crash::directory(&options.state_directory),
        )?;
        events.add(&chassis, TOKEN_CHASSIS, Interest::READ)?;
        let config = processor_config(&options, previous)?;
        let now = clock::now();
        let recorder = options
            .record
            .as_deref()
            .map(|path| Recorder::create(path, &config, now))
            .transpose()?;
        let mut processor = RouteProcessor::new(config, now);
        let step_notes = Arc::new(PageNotes::new(memory.leak().rp(options.slot), life.incarnation()));
        processor.note_steps(step_notes.clone());
        Ok(Self {
            options,
            processor,
            events,
            memory,
            arbiter,
            life,
            watch,
            signals,
            peer,
            cards,
            consoles,
            status,
            nvram,
            history,
            facility_log,
            register,
            flash,
            chassis,
            inputs: VecDeque::new(),
            outbox: Outbox::new(),
            phases: status::Phases::default(),
            step_notes,
            exit: None,
            hang: false,
            recorder,
            black_box: None,
            told_host_name: String::new(),
        })
    }

    fn start(&mut self) {
        if let Some(memory) = chassis::host_memory() {
            self.feed(RpInput::Platform(PlatformInput::Memory(memory)));
        }
        let mastership = self.arbiter.mastership();
        self.feed(RpInput::Started { mastership });
    }

    fn serve(mut self) -> io::Result<RpExit> {
        let mut ready = Vec::new();
        loop {
            let deadline = self.next_deadline();
            self.events.wait(deadline, &mut ready)?;
            self.take_power_changes();
            self.take_life_changes();
            for event in &ready {
                self.dispatch(*event)?;
            }
            let now = clock::now();
            self.record(|| recording::expiry(now));
            self.processor.expire(now, &mut self.outbox);
            self.pump();
            self.take_due(now)?;
            self.tell_black_box(now);
            let peer_room = self.peer.room();
            self.feed(RpInput::TurnEnd { peer_room });
            self.flush()?;
            if let Some(exit) = self.exit.take() {
                return Ok(exit);
            }
            // A hung work loop, for tests and benches: nothing short of a kill ends it.
            if self.hang {
                loop {
                    std::hint::spin_loop();
                }
            }
        }
    }

    /// Once a second, and when a state or the configuration has changed, what a crash report would say of it.
    fn tell_black_box(&mut self, now: Instant) {
        if self.told_host_name != self.processor.host_name() {
            self.told_host_name = self.processor.host_name().to_string();
            black_box::set_host_name(&self.told_host_name);
        }
        let key = self.processor.crash_state_key();
        if self
            .black_box
            .is_some_and(|(told, until)| told == key && now < until)
        {
            return;
        }
        self.black_box = Some((key, now + BLACK_BOX_INTERVAL));
        black_box::set_state(&self.processor.crash_state(now));
    }

    fn next_deadline(&self) -> Option<Instant> {
        let processor = self.processor.next_deadline().map(|(at, _)| at);
        let deadlines = [processor, self.peer.next_deadline(), self.cards.next_deadline()];
        deadlines.into_iter().flatten().min()
    }

    fn dispatch(&mut self, ready: Ready) -> io::Result<()> {
        match ready.token {
            TOKEN_LIFE => {}
            TOKEN_SIGNALS => self.take_signals()?,
            TOKEN_NVRAM => {
                for (number, result) in self.nvram.outcomes() {
                    self.feed(RpInput::NvramWritten { number, result });
                }
            }
            TOKEN_FLASH => {
                for answer in self.flash.answers() {
                    self.feed(RpInput::File(answer));
                }
            }
            TOKEN_CHASSIS => self.take_chassis_events(),
            TOKEN_PEER_END => self.peer_ended()?,
            token if token >= TOKEN_CONSOLE => self.console_ready(token - TOKEN_CONSOLE, ready)?,
            token if token >= TOKEN_CARD => self.card_ready(token - TOKEN_CARD, ready)?,
            token if token >= TOKEN_PEER => self.peer_ready(token - TOKEN_PEER, ready)?,
            token => self.status_ready(token - TOKEN_STATUS, ready)?,
        }
        Ok(())
    }

    fn take_signals(&mut self) -> io::Result<()> {
        while let Some(signal) = self.signals.next_signal()? {
            if matches!(signal, LoopSignal::Terminate | LoopSignal::Interrupt) {
                self.life.resign(Resignation::Terminated);
                self.exit = Some(RpExit::Terminated);
            }
        }
        Ok(())
    }

    fn take_life_changes(&mut self) {
        while let Some(event) = self.watch.next_change() {
            match event.change {
                LifeChange::Absent => self.feed(RpInput::PeerPresent(false)),
                LifeChange::Alive {
                    process,
                    started_at_ticks,
                    ..
                } => {
                    self.peer.note_process(process, started_at_ticks);
                    self.feed(RpInput::PeerPresent(true));
                }
                LifeChange::Died { cause, incarnation } => {
                    if matches!(cause, Some(Resignation::Panic | Resignation::FatalSignal(_))) {
                        // It writes its crash information now; its end is told when it comes.
                        self.peer.watch_end(TOKEN_PEER_END, &self.events);
                    }
                    let loss = self.peer_loss(cause, incarnation);
                    self.feed(RpInput::LifeLost(loss));
                }
            }
        }
    }

    fn take_power_changes(&mut self) {
        for change in self.chassis.power_changes(&self.memory) {
            self.feed(RpInput::Platform(change));
        }
    }

    fn take_chassis_events(&mut self) {
        for event in self.chassis.events() {
            match event {
                ChassisEvent::Input(input) => self.feed(RpInput::Platform(input)),
                ChassisEvent::ShelfNotReset(why) => {
                    log_line(&format!("the chassis was not reset by its backplane: {why}"));
                    self.exit = Some(RpExit::ReloadShelf);
                }
            }
        }
    }

    fn peer_ended(&mut self) -> io::Result<()> {
        if self.peer.end_seen(&self.events)? {
            self.feed(RpInput::Platform(PlatformInput::PeerEnded));
        }
        Ok(())
    }

    /// What the peer's death was: its own last word, or what the backplane says of its slot.
    fn peer_loss(&self, resignation: Option<Resignation>, incarnation: u32) -> PeerLoss {
        let words = self.memory.rp(self.options.slot.peer());
        match resignation {
            Some(Resignation::Panic) => PeerLoss::Panicked,
            Some(Resignation::FatalSignal(number)) => PeerLoss::Signalled(i32::from(number)),
            Some(Resignation::Forced | Resignation::Reload) => PeerLoss::Reloaded,
            Some(Resignation::Terminated) => PeerLoss::TakenDown,
            Some(Resignation::Other(_)) | None => {
                match SlotPower::from_word(words.power.load(Ordering::Acquire)) {
                    SlotPower::Off => PeerLoss::PoweredOff,
                    SlotPower::Empty => PeerLoss::Removed,
                    _ if words.taken_down(incarnation) == Some(TakenDown::Reset) => PeerLoss::TakenDown,
                    _ => PeerLoss::Killed,
                }
            }
        }
    }

    fn peer_ready(&mut self, which: u64, ready: Ready) -> io::Result<()> {
        let events = self.peer.ready(which, ready, &self.events)?;
        self.take_peer_events(events);
        Ok(())
    }

    fn take_peer_events(&mut self, events: Vec<PeerEvent>) {
        for event in events {
            if matches!(event, PeerEvent::Up | PeerEvent::Down(_)) {
                // Whose link it is, or was: lives begin before their links and end before them.
                self.watch.look();
                self.take_life_changes();
            }
            match event {
                PeerEvent::Up => self.feed(RpInput::PeerLink(true)),
                PeerEvent::Down(why) => {
                    log_line(&format!("RP link down: {why}"));
                    self.feed(RpInput::PeerLink(false));
                }
                PeerEvent::Message(message) => self.feed(RpInput::Peer(message)),
                PeerEvent::Nonsense(why) => self.feed(RpInput::PeerNonsense(why)),
            }
        }
    }

    fn card_ready(&mut self, which: u64, ready: Ready) -> io::Result<()> {
        let hold = self.processor.holds_work(clock::now());
        for input in self.cards.ready(which, ready, hold, &self.events)? {
            self.feed(input);
        }
        Ok(())
    }

    fn console_ready(&mut self, which: u64, ready: Ready) -> io::Result<()> {
        for input in self.consoles.ready(which, ready, &self.processor, &self.events)? {
            self.feed(input);
        }
        Ok(())
    }

    fn status_ready(&mut self, which: u64, ready: Ready) -> io::Result<()> {
        for request in self.status.ready(which, ready, &self.events)? {
            match request {
                status::Request::Status { connection } => {
                    let text = status::document(&self.processor, &self.phases, clock::now());
                    self.status.answer(connection, &text);
                }
                status::Request::Generate {
                    connection,
                    routes,
                    next_hops,
                } => {
                    self.feed(RpInput::Generate { routes, next_hops });
                    self.status.answer(connection, "{}");
                }
                status::Request::Fault { fault } => self.fault(fault),
            }
        }
        Ok(())
    }

    /// A fault that a test or a bench asks for: the process really suffers it.
    fn fault(&mut self, fault: status::Fault) {
        match fault {
            status::Fault::Panic => panic!("fault injected over the status socket"),
            status::Fault::HangLoop => self.hang = true,
            status::Fault::LateWatcher(late) => self.watch.be_late(late),
            status::Fault::Trap(trap) => self.step_notes.plant(trap),
            status::Fault::DamagedStack => crash::fault_on_a_damaged_stack(),
        }
    }

    /// What is due by the clock and not by a descriptor.
    fn take_due(&mut self, now: Instant) -> io::Result<()> {
        let events = self.peer.connect_if_due(now, &self.events)?;
        self.take_peer_events(events);
        for input in self.cards.connect_if_due(now, &self.events)? {
            self.feed(input);
        }
        let drained: Vec<RpInput> = self.consoles.drained();
        for input in drained {
            self.feed(input);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let events = self.peer.flush(&self.events)?;
        self.take_peer_events(events);
        for input in self
            .cards
            .flush(self.processor.holds_work(clock::now()), &self.events)?
        {
            self.feed(input);
        }
        for input in self.consoles.flush(&self.processor, &self.events)? {
            self.feed(input);
        }
        self.status.flush(&self.events)
    }

    /// Gives the processor an input and carries out all that follows from it.
    fn feed(&mut self, input: RpInput) {
        self.inputs.push_back(input);
        self.pump();
    }

    /// Carries out what was asked for, and what follows from that, until nothing is left.
    fn pump(&mut self) {
        loop {
            let outputs: Vec<RpOutput> = self.outbox.drain().map(|(_, output)| output).collect();
            for output in outputs {
                self.carry_out(output);
                if self.exit.is_some() {
                    // Whoever leaves promises nothing more, least of all what was to follow a mark that was refused.
                    self.inputs.clear();
                    return;
                }
            }
            match self.inputs.pop_front() {
                Some(input) => {
                    let now = clock::now();
                    self.record(|| recording::input(now, &input));
                    if !matches!(input, RpInput::TurnEnd { .. }) {
                        black_box::note_event(now.as_nanos() / 1_000_000, recording::name(&input));
                    }
                    self.processor.handle(now, input, &mut self.outbox);
                }
                None if self.outbox.is_empty() => return,
                None => {}
            }
        }
    }

    fn record(&mut self, entry: impl FnOnce() -> Vec<u8>) {
        if let Some(recorder) = &mut self.recorder
            && let Err(error) = recorder.file.write_all(&entry())
        {
            log_line(&format!("the recording ends here: {error}"));
            self.recorder = None;
        }
    }

    fn carry_out(&mut self, output: RpOutput) {
        match output {
            RpOutput::Peer(message) => self.peer.send(&message),
            RpOutput::DropPeerLink => self.peer.drop_link(),
            RpOutput::Claim { expected, floor } => self.claim(expected, floor),
            RpOutput::PublishOutOfStep { epoch, since } => {
                // A newer epoch of this slot is this unit's own, raised a moment ago: the mark stands against it too.
                if let Err(holder) = self.arbiter.mark_out_of_step(epoch, since)
                    && holder.slot != self.options.slot
                {
                    self.superseded(holder);
                }
            }
            RpOutput::ClearOutOfStep => {
                // The mark of this slot, whoever is master by now: another slot's mark has another writer.
                let slot = self.options.slot;
                let own = Epoch {
                    slot,
                    ..self.arbiter.mastership()
                };
                self.arbiter.clear_out_of_step(own);
            }
            RpOutput::KillPeer => {
                if let Some(found) = self.peer.kill() {
                    self.inputs
                        .push_back(RpInput::Platform(PlatformInput::PeerFound(found)));
                }
            }
            // Whatever ends is started anew, by the backplane or by a service manager.
            RpOutput::ResetPeer => drop(self.peer.kill()),
            // What was told to the operators leaves in the end of this round; the thread needs longer than that.
            RpOutput::ResetShelf => self.chassis.reset_shelf(self.facility_log.written()),
            RpOutput::Platform(PlatformOutput::Order { slot, order }) => self.chassis.order(slot, order),
            RpOutput::Platform(PlatformOutput::ListCrashFiles { session }) => {
                self.chassis.list_crash_files(session);
            }
            RpOutput::ConnectCards { .. } => {
                let inputs = self.cards.claim_all(&self.events);
                self.inputs.extend(inputs);
            }
            RpOutput::Card {
                card,
                session,
                message,
            } => self.cards.send(card, session, &message),
            RpOutput::Console { session, output } => {
                if self.is_still_master() {
                    self.consoles.send(session, output);
                }
            }
            RpOutput::WriteNvram { number, text } => self.write_nvram(number, text),
            RpOutput::KeepSwitchoverHistory(text) => self.keep_switchover_history(text),
            RpOutput::KeepHistory(text) => keep(&self.facility_log, text),
            RpOutput::WriteRegister(value) => keep(&self.register, format!("0x{value:04X}\n")),
            RpOutput::ResetCard { card } => self.chassis.order(ChassisSlot::Card(card), SlotOrder::Reset),
            RpOutput::File(request) => {
                if self.is_still_master() {
                    self.flash.ask(request);
                }
            }
            RpOutput::Log(message) => log_message(&message),
            RpOutput::Reload { reason } => self.reload(reason),
            RpOutput::Phase(phase) => self.phase(phase),
        }
    }

    fn reload(&mut self, reason: String) {
        let forced = reason == ReloadReason::Switchover.to_string();
        self.life.resign(if forced {
            Resignation::Forced
        } else {
            Resignation::Reload
        });
        self.exit = Some(RpExit::Reload(reason));
    }

    fn phase(&mut self, phase: Phase) {
        self.phases.note(phase, clock::now());
    }

    fn claim(&mut self, expected: Epoch, floor: u64) {
        let input = match self.arbiter.claim(expected, self.options.slot, floor) {
            Ok(epoch) => {
                let steps = deadly_steps(&self.memory, clock::now());
                self.inputs.push_back(RpInput::DeadlySteps(steps));
                let mark = self.arbiter.out_of_step(expected);
                let out_of_step = mark.map(|mark| (mark.epoch, mark.since.unwrap_or_default()));
                RpInput::ClaimWon { epoch, out_of_step }
            }
            Err(ClaimRefused::Lost(holder)) => RpInput::ClaimLost { holder },
            Err(ClaimRefused::Ceiling(error)) => RpInput::ClaimImpossible(error.to_string()),
        };
        self.inputs.push_back(input);
    }

    /// Whether no other unit has taken over from this one. A standby's word reveals nothing.
    fn is_still_master(&mut self) -> bool {
        let holder = self.arbiter.mastership();
        // A newer epoch of the same slot is this unit's own, of which it has yet to be told.
        let is_master = self.processor.active().is_none() || holder.slot == self.options.slot;
        if !is_master {
            self.superseded(holder);
        }
        is_master
    }

    /// Another unit is active: this one was stopped, or slow, and has nothing to say any more.
    fn superseded(&mut self, holder: Epoch) {
        log_line(&format!("epoch {holder} holds: this unit leaves"));
        self.life.resign(Resignation::Reload);
        self.exit = Some(RpExit::Reload(String::from("Peer is active in a newer epoch")));
    }

    /// Nobody waits for the outcome: a failure is logged by the writer, and the next text has all of this one.
    fn keep_switchover_history(&mut self, text: String) {
        if self.is_still_master() {
            keep(&self.history, text);
        }
    }

    fn write_nvram(&mut self, number: u64, text: String) {
        if !self.is_still_master() {
            return;
        }
        self.nvram.write(number, text);
    }
}

/// What went wrong with an earlier text was logged; nobody waits for its answer.
fn keep(writer: &NvramWriter, text: String) {
    drop(writer.outcomes());
    writer.write(0, text);
}

/// The `bootflash:` of the RP in `slot`.
pub fn flash_path(state_directory: &Path, slot: RpSlot) -> PathBuf {
    state_directory.join(format!("flash-{slot}"))
}

fn log_message(message: &Syslog) {
    log_line(&message.to_string());
}

/// A line of the process's log, which its standard error is.
pub(crate) fn log_line(text: &str) {
    let unix_ms = unix_ms();
    black_box::note(text);
    write_log(&mut io::stderr(), &format!("{}{text}\n", SyslogTime { unix_ms }));
}

/// Writes one whole line of a log. One that cannot be written (full disk, reader gone) is lost: the unit goes on, where
/// `eprintln!` would panic.
pub(crate) fn write_log(log: &mut dyn Write, line: &str) {
    let _lost = log.write_all(line.as_bytes());
}

/// Milliseconds since 1970; zero on a clock that is set before that.
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_log_on_a_full_disk_costs_lines_and_not_the_route_processor() {
        let mut full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        super::write_log(&mut full, "a line\n");
        let mut written = Vec::new();
        super::write_log(&mut written, "a line\n");
        assert_eq!(written, b"a line\n");
    }
}
