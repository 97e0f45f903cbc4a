//! The backplane's own process.

mod starting;

use super::control::{LENGTH_MAX, REPLY, REQUEST};
use super::run_files::{adopt_all, records_directory, remove_run_files, take_description};
use super::stopped::StoppedSlots;
use super::{Reply, Request, SlotStatus, Status, Unit, lock_path, socket_path};
use crate::chassis_file::{ChassisFile, ChassisFileError, ImageName};
use crate::clock;
use crate::crash;
use crate::directories::{Directories, DirectoryError};
use crate::event_loop::{EventLoop, Interest, LoopSignal, Ready, Signals};
use crate::file::{FileError, FileLock, LockError};
use crate::process::{Exit, Process, RestartBackoff, RestartPolicy};
use crate::shared_memory::{SharedMemory, SharedMemoryError, SlotPower, TakenDown};
use crate::stream::{Address, Listener, MessageStream, StreamError};
use machine::{CardSlot, Duration, Epoch, Instant, RpSlot};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// What a backplane needs to know.
#[derive(Clone, Debug)]
pub struct BackplaneConfig {
    /// The chassis file's text.
    pub chassis_text: String,
    /// Where the chassis keeps its things.
    pub directories: Directories,
    /// The program that every unit runs.
    pub program: PathBuf,
    /// Arguments before those of [`Unit::arguments`].
    pub arguments_before: Vec<OsString>,
    /// Arguments behind them: how a unit finds its directories and `RUN/chassis.toml`.
    pub arguments_after: Vec<OsString>,
    /// How soon what died is started again.
    pub restart: RestartPolicy,
}

/// Why there is no backplane.
#[derive(Debug)]
pub enum BackplaneError {
    /// The description is wrong.
    Chassis(ChassisFileError),
    /// The directories cannot be used.
    Directory(DirectoryError),
    /// A file cannot be used.
    File(FileError),
    /// The shared page cannot be used.
    SharedMemory(SharedMemoryError),
    /// Another backplane runs on these directories.
    Running(LockError),
    /// Units of another description are running.
    OtherDescription {
        /// The description that they were started with.
        path: PathBuf,
    },
    /// The system refused something.
    System(io::Error),
}

impl std::fmt::Display for BackplaneError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BackplaneError::Chassis(error) => error.fmt(f),
            BackplaneError::Directory(error) => error.fmt(f),
            BackplaneError::File(error) => error.fmt(f),
            BackplaneError::SharedMemory(error) => error.fmt(f),
            BackplaneError::Running(error) => write!(f, "a chassis runs here already: {error}"),
            BackplaneError::OtherDescription { path } => write!(
                f,
                "the chassis is running with another description, see {}; stop it with 'holdover down' first",
                path.display()
            ),
            BackplaneError::System(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BackplaneError {}

impl From<io::Error> for BackplaneError {
    fn from(error: io::Error) -> BackplaneError {
        BackplaneError::System(error)
    }
}

const LISTENER: u64 = 0;
const SIGNALS: u64 = 1;
const UNITS: u64 = 100;
const CLIENTS: u64 = 1000;
/// Clients at a time; more wait.
const CLIENTS_MAX: usize = 16;
/// How long `down` waits for killed units to end before it says which one does not.
const DOWN_LIMIT: Duration = Duration::from_secs(20);
/// Longest grace for a crash dump.
const GRACE_MS_MAX: u32 = 60_000;

/// A unit and its process.
struct Slot {
    unit: Unit,
    process: Option<Process>,
    started_at: Instant,
    backoff: RestartBackoff,
    start_at: Option<Instant>,
    kill_at: Option<Instant>,
    // Ended by an operator: the next start is not a failure's.
    wanted_end: bool,
    restarts: u64,
    last_exit: Option<Exit>,
    // What an operator has put in instead of what the description says.
    image: Option<ImageName>,
    // Why it was not started the last time.
    refused: Option<String>,
}

/// The supervisor of one chassis.
pub struct Backplane {
    // First, so that it is free when a client of `down` sees its connection end: fields are dropped in this order.
    _lock: FileLock,
    config: BackplaneConfig,
    chassis: ChassisFile,
    memory: SharedMemory,
    stopped: StoppedSlots,
    records: PathBuf,
    event_loop: EventLoop,
    signals: Signals,
    listener: Listener,
    slots: Vec<Slot>,
    clients: BTreeMap<u64, MessageStream>,
    next_client: u64,
    // Who asked for `down`, and when it is given up.
    going_down: Option<(u64, Instant)>,
}

impl Backplane {
    /// Runs the backplane until it is told to end: by SIGTERM alone, by [`Request::Down`] with the chassis.
    ///
    /// Call it in a process of its own, before other threads are started.
    ///
    /// # Errors
    /// When it cannot start: wrong description, unusable directories, or another backplane.
    pub fn run(config: BackplaneConfig) -> Result<(), BackplaneError> {
        let mut backplane = Backplane::start(config)?;
        let mut ready = Vec::new();
        loop {
            let deadline = backplane.next_deadline();
            backplane.event_loop.wait(deadline, &mut ready)?;
            for event in &ready {
                if backplane.handle(*event)? {
                    log_line("terminated; the units go on");
                    return Ok(());
                }
            }
            backplane.run_deadlines();
            if backplane.finish_going_down() {
                return Ok(());
            }
        }
    }

    fn start(config: BackplaneConfig) -> Result<Backplane, BackplaneError> {
        let chassis = ChassisFile::parse(&config.chassis_text).map_err(BackplaneError::Chassis)?;
        config.directories.create().map_err(BackplaneError::Directory)?;
        let run = &config.directories.run;
        let holder = format!(
            "process {}, the backplane of chassis '{}'",
            std::process::id(),
            chassis.name
        );
        let lock = FileLock::try_take(&lock_path(run), &holder).map_err(BackplaneError::Running)?;
        // INT and HUP belong to a terminal that we have left.
        let signals = Signals::take(&[LoopSignal::Terminate, LoopSignal::Interrupt, LoopSignal::Hangup])?;
        let memory = SharedMemory::open(run).map_err(BackplaneError::SharedMemory)?;
        let stopped = StoppedSlots::load(&config.directories.state).map_err(BackplaneError::File)?;
        let records = records_directory(run).map_err(BackplaneError::File)?;
        let adopted = adopt_all(&records)?;
        take_description(run, &config.chassis_text, !adopted.is_empty())?;
        let socket = Address::Unix(socket_path(run));
        let listener = Listener::bind(&socket, LENGTH_MAX, LENGTH_MAX)
            .map_err(|error| BackplaneError::File(FileError::new("listen at", &socket_path(run), error)))?;
        let event_loop = EventLoop::new()?;
        event_loop.add(&listener, LISTENER, Interest::READ)?;
        event_loop.add(&signals, SIGNALS, Interest::READ)?;
        let mut backplane = Backplane {
            _lock: lock,
            chassis,
            memory,
            stopped,
            records,
            event_loop,
            signals,
            listener,
            slots: Vec::new(),
            clients: BTreeMap::new(),
            next_client: CLIENTS,
            going_down: None,
            config,
        };
        backplane.fill_slots(adopted)?;
        Ok(backplane)
    }

    fn fill_slots(&mut self, mut adopted: BTreeMap<Unit, Process>) -> io::Result<()> {
        log_line(&format!(
            "chassis '{}', process {}",
            self.chassis.name,
            std::process::id()
        ));
        if adopted.is_empty() {
            // Nothing runs, so this is a cold start: every slot that the description fills gets power, and what it says is in.
            starting::forget_inserted_images(&self.records);
            let rps = RpSlot::ALL.map(Unit::Rp).into_iter();
            for unit in rps.chain((0..=CardSlot::MAX).map(|slot| Unit::Card(CardSlot(slot)))) {
                self.set_power(unit, SlotPower::Unmanaged);
            }
        }
        for unit in units_of(&self.chassis) {
            let index = self.slots.len();
            self.slots.push(Slot {
                unit,
                process: None,
                started_at: clock::now(),
                backoff: RestartBackoff::new(self.config.restart),
                start_at: None,
                kill_at: None,
                wanted_end: false,
                restarts: 0,
                last_exit: None,
                image: starting::inserted_image(&self.records, unit),
                refused: None,
            });
            // What an operator has switched off stays off when the backplane starts again.
            if self.power(unit) == SlotPower::Unmanaged {
                self.set_power(unit, self.first_power(unit));
            }
            match adopted.remove(&unit) {
                Some(process) => {
                    log_line(&format!("slot {unit}: process {} goes on", process.id().pid));
                    self.watch(index, process)?;
                    if self.power(unit) != SlotPower::On {
                        self.kill(index);
                    }
                }
                None if self.power(unit) == SlotPower::On => self.start_unit(index),
                None => log_line(&format!("slot {unit}: {}", power_name(self.power(unit)))),
            }
        }
        for slot in RpSlot::ALL
            .into_iter()
            .filter(|slot| !self.chassis.route_processors.contains(slot))
        {
            self.set_power(Unit::Rp(slot), SlotPower::Empty);
        }
        for slot in (0..=CardSlot::MAX)
            .map(CardSlot)
            .filter(|slot| self.chassis.card(*slot).is_none())
        {
            self.set_power(Unit::Card(slot), SlotPower::Empty);
        }
        Ok(())
    }

    /// What a slot gets when the chassis gets power: what an operator has stopped gets none, unless no RP were left.
    fn first_power(&self, unit: Unit) -> SlotPower {
        let runs = |slot: &RpSlot| !self.stopped.contains(Unit::Rp(*slot));
        let last_rp = matches!(unit, Unit::Rp(_)) && !self.chassis.route_processors.iter().any(runs);
        if self.stopped.contains(unit) && !last_rp {
            SlotPower::Off
        } else {
            SlotPower::On
        }
    }

    fn watch(&mut self, index: usize, process: Process) -> io::Result<()> {
        self.event_loop
            .add(&process, UNITS + index as u64, Interest::READ)?;
        let slot = &mut self.slots[index];
        if let Unit::Card(card) = slot.unit
            && let Some(words) = self.memory.card(card)
        {
            words
                .started_at_ticks
                .store(process.id().started_at_ticks, Ordering::SeqCst);
            words.process.store(process.id().pid, Ordering::SeqCst);
        }
        slot.started_at = clock::now();
        slot.refused = None;
        slot.start_at = None;
        slot.wanted_end = false;
        slot.process = Some(process);
        Ok(())
    }

    fn next_deadline(&self) -> Option<Instant> {
        let of_slots = self
            .slots
            .iter()
            .flat_map(|slot| [slot.start_at, slot.kill_at])
            .flatten();
        of_slots.chain(self.going_down.map(|(_, limit)| limit)).min()
    }

    fn run_deadlines(&mut self) {
        let now = clock::now();
        for index in 0..self.slots.len() {
            if self.slots[index].kill_at.is_some_and(|at| at <= now) {
                self.kill(index);
            }
            if self.slots[index].start_at.is_some_and(|at| at <= now) {
                self.slots[index].start_at = None;
                self.slots[index].restarts += 1;
                self.start_unit(index);
            }
        }
    }

    /// Whether the backplane is to end.
    fn handle(&mut self, event: Ready) -> Result<bool, BackplaneError> {
        match event.token {
            LISTENER => self.accept(),
            SIGNALS => {
                while let Some(signal) = self.signals.next_signal()? {
                    if signal == LoopSignal::Terminate {
                        return Ok(true);
                    }
                }
            }
            client if client >= CLIENTS => self.serve(client),
            unit => self.look_at_unit((unit - UNITS) as usize)?,
        }
        Ok(false)
    }

    fn look_at_unit(&mut self, index: usize) -> io::Result<()> {
        let slot = &mut self.slots[index];
        let Some(process) = &slot.process else {
            return Ok(());
        };
        let Some(exit) = process.ended()? else {
            return Ok(());
        };
        self.event_loop.remove(process)?;
        let pid = process.id().pid;
        slot.process = None;
        slot.kill_at = None;
        slot.last_exit = Some(exit);
        let unit = slot.unit;
        if let Unit::Card(card) = unit
            && let Some(words) = self.memory.card(card)
        {
            words.process.store(0, Ordering::SeqCst);
        }
        if let Unit::Rp(rp) = unit {
            let words = self.memory.rp(rp);
            words.ended_at_unix_s.store(unix_seconds(), Ordering::SeqCst);
            self.keep_core(rp, pid, exit);
        }
        // A record of a process that is gone is never adopted, but it need not be looked at either.
        let _ = std::fs::remove_file(self.records.join(unit.to_string()));
        if self.power(unit) != SlotPower::On || self.going_down.is_some() {
            log_line(&format!("slot {unit}: process {pid}: {exit}"));
            return Ok(());
        }
        let slot = &mut self.slots[index];
        let now = clock::now();
        let delay = if slot.wanted_end {
            slot.backoff.reset();
            Duration::ZERO
        } else {
            slot.backoff.after_life(now.saturating_since(slot.started_at))
        };
        slot.start_at = Some(now + delay);
        log_line(&format!(
            "slot {unit}: process {pid}: {exit}; started again in {delay:?}"
        ));
        Ok(())
    }

    /// Gives the core of a crashed RP its name, and makes room for it.
    fn keep_core(&self, slot: RpSlot, pid: u32, exit: Exit) {
        if matches!(
            exit,
            Exit::Signal {
                core_dumped: false,
                ..
            } | Exit::Code(_)
        ) {
            return;
        }
        let state = &self.config.directories.state;
        if let Some(core) = crash::take_core(state, slot, pid) {
            log_line(&format!("slot {slot}: core in {}", core.display()));
            crash::keep_within(&crash::directory(state), self.chassis.crash_space_bytes_max);
        }
    }

    fn kill(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        slot.kill_at = None;
        slot.start_at = None;
        let Some(process) = &slot.process else { return };
        slot.wanted_end = true;
        if let Err(error) = process.kill() {
            log_line(&format!(
                "slot {}: cannot kill process {}: {error}",
                slot.unit,
                process.id().pid
            ));
        }
    }

    fn accept(&mut self) {
        while self.clients.len() < CLIENTS_MAX {
            let stream = match self.listener.accept() {
                Ok(Some(stream)) => stream,
                Ok(None) => return,
                Err(error) => return log_line(&format!("cannot accept a client: {error}")),
            };
            let token = self.next_client;
            self.next_client += 1;
            let added = stream
                .check_owner()
                .map_err(|error| error.to_string())
                .and_then(|()| {
                    self.event_loop
                        .add(&stream, token, Interest::READ)
                        .map_err(|error| error.to_string())
                });
            match added {
                Ok(()) => drop(self.clients.insert(token, stream)),
                Err(problem) => log_line(&format!("client refused: {problem}")),
            }
        }
        // The listener stays readable; without this the loop would spin until a client leaves.
        self.listen(false);
    }

    fn listen(&self, listen: bool) {
        let interest = if listen { Interest::READ } else { Interest::NONE };
        if let Err(error) = self.event_loop.change(&self.listener, LISTENER, interest) {
            log_line(&format!("cannot watch the control socket: {error}"));
        }
    }

    fn serve(&mut self, token: u64) {
        let Some(mut client) = self.clients.remove(&token) else {
            return;
        };
        match self.serve_client(token, &mut client) {
            Ok(()) => drop(self.clients.insert(token, client)),
            // A client that has gone needs no report; the descriptor leaves the loop with it.
            Err(_) => self.listen(true),
        }
    }

    fn serve_client(&mut self, token: u64, client: &mut MessageStream) -> Result<(), StreamError> {
        client.fill(LENGTH_MAX)?;
        while let Some((kind, bytes)) = client.next_message()? {
            let reply = match serde_json::from_slice(bytes) {
                _ if kind != REQUEST => Some(refused(format!("a message of kind {kind} is no request"))),
                Ok(request) => self.request(token, request),
                Err(error) => Some(refused(error.to_string())),
            };
            reply.iter().for_each(|reply| send_reply(client, reply));
        }
        client.flush()?;
        let interest = Interest::read_and(client.wants_write());
        self.event_loop
            .change(&*client, token, interest)
            .map_err(StreamError::System)
    }

    /// The reply, unless it comes later.
    fn request(&mut self, client: u64, request: Request) -> Option<Reply> {
        if self.going_down.is_some() && request != Request::Status {
            return Some(refused("the chassis is going down".to_string()));
        }
        let (slot, power) = match request {
            Request::Status => return Some(Reply::Status(self.status())),
            Request::Down => {
                self.go_down(client);
                return None;
            }
            Request::PowerOff { slot } | Request::Stop { slot } => (slot, SlotPower::Off),
            Request::Remove { slot } => (slot, SlotPower::Empty),
            Request::Insert {
                slot,
                ref image_version,
            } => {
                if let Err(reason) = self.put_in(slot, image_version.as_ref()) {
                    return Some(refused(reason));
                }
                (slot, SlotPower::On)
            }
            Request::PowerOn { slot } | Request::Start { slot } => (slot, SlotPower::On),
            Request::Reset {
                slot,
                crash_dump_grace_ms,
            } => return Some(self.reset(slot, crash_dump_grace_ms)),
            Request::ResetAll => return Some(self.reset_all()),
        };
        let Some(index) = self.slots.iter().position(|candidate| candidate.unit == slot) else {
            return Some(refused(format!(
                "chassis '{}' has no slot {slot}",
                self.chassis.name
            )));
        };
        if matches!(request, Request::PowerOn { .. } | Request::Start { .. })
            && self.power(slot) == SlotPower::Empty
        {
            return Some(refused(format!("slot {slot} is empty: insert something first")));
        }
        let kept = match request {
            Request::Stop { .. } => self.stopped.set(slot, true),
            _ if power == SlotPower::On => self.stopped.set(slot, false),
            _ => Ok(()),
        };
        if let Err(error) = kept {
            return Some(refused(format!("slot {slot}: {error}")));
        }
        log_line(&format!("slot {slot}: {} by an operator", power_name(power)));
        self.take_down(slot, TakenDown::Power);
        self.set_power(slot, power);
        if power != SlotPower::On {
            self.slots[index].refused = None;
            self.kill(index);
        } else if self.slots[index].process.is_none() {
            self.slots[index].backoff.reset();
            self.slots[index].start_at = None;
            self.start_unit(index);
        }
        Some(Reply::Done)
    }

    fn reset_all(&mut self) -> Reply {
        let units = self.slots.iter().map(|slot| slot.unit);
        let mut powered: Vec<Unit> = units.filter(|unit| self.power(*unit) == SlotPower::On).collect();
        // The standby first: a reload is never a switchover, and a standby that is dead does not take over.
        let active = Epoch::from_word(self.memory.mastership.epoch.load(Ordering::SeqCst));
        let is_active = |unit: &Unit| active.is_some_and(|epoch| *unit == Unit::Rp(epoch.slot));
        powered.sort_by_key(|unit| (!matches!(unit, Unit::Rp(_)), is_active(unit)));
        for unit in powered {
            if let refusal @ Reply::Refused { .. } = self.reset(unit, None) {
                return refusal;
            }
        }
        Reply::Done
    }

    fn reset(&mut self, slot: Unit, crash_dump_grace_ms: Option<u32>) -> Reply {
        let Some(index) = self.slots.iter().position(|candidate| candidate.unit == slot) else {
            return refused(format!("chassis '{}' has no slot {slot}", self.chassis.name));
        };
        if self.power(slot) != SlotPower::On {
            return refused(format!("slot {slot} has no power"));
        }
        log_line(&format!("slot {slot}: reset by an operator"));
        self.take_down(slot, TakenDown::Reset);
        let grace = crash_dump_grace_ms.map(|grace| Duration::from_millis(grace.min(GRACE_MS_MAX).into()));
        let now = clock::now();
        let entry = &mut self.slots[index];
        match (&entry.process, grace) {
            (Some(process), Some(grace)) => {
                if let Err(error) = process.abort() {
                    return refused(format!("slot {slot}: {error}"));
                }
                entry.wanted_end = true;
                entry.kill_at = Some(now + grace);
            }
            (Some(_), None) => self.kill(index),
            // It is waiting for its restart: that comes now.
            (None, _) => {
                entry.backoff.reset();
                entry.start_at = Some(now);
            }
        }
        Reply::Done
    }

    fn status(&self) -> Status {
        let now = clock::now();
        let of_slot = |slot: &Slot| SlotStatus {
            slot: slot.unit,
            power: power_name(self.power(slot.unit)).to_string(),
            process: slot.process.as_ref().map(|process| process.id().pid),
            restarts: slot.restarts,
            last_exit: slot.last_exit.map(|exit| exit.to_string()),
            restart_in_ms: slot
                .start_at
                .map(|at| at.saturating_since(now).as_millis() as u64),
            refused: slot.refused.clone(),
        };
        Status {
            chassis: self.chassis.name.clone(),
            process: std::process::id(),
            slots: self.slots.iter().map(of_slot).collect(),
        }
    }

    fn go_down(&mut self, client: u64) {
        log_line("the chassis goes down");
        for index in 0..self.slots.len() {
            self.set_power(self.slots[index].unit, SlotPower::Off);
            self.kill(index);
        }
        self.going_down = Some((client, clock::now() + DOWN_LIMIT));
    }

    /// Whether all is done.
    fn finish_going_down(&mut self) -> bool {
        let Some((client, limit)) = self.going_down else {
            return false;
        };
        let left: Vec<String> = self
            .slots
            .iter()
            .filter(|slot| slot.process.is_some())
            .map(|slot| slot.unit.to_string())
            .collect();
        let given_up = clock::now() >= limit;
        if !left.is_empty() && !given_up {
            return false;
        }
        let reply = if left.is_empty() {
            remove_run_files(&self.config.directories.run);
            Reply::Done
        } else {
            refused(format!("these units do not end: {}", left.join(", ")))
        };
        log_line("the chassis is down");
        if let Some(client) = self.clients.get_mut(&client) {
            send_reply(client, &reply);
            // A client that does not read its reply has no use for it.
            let _ = client.flush();
        }
        true
    }

    /// Leaves word for the peer, and for the unit's next life, that an operator ended this one.
    fn take_down(&self, unit: Unit, cause: TakenDown) {
        if let Unit::Rp(slot) = unit {
            self.memory.rp(slot).take_down(cause);
        }
    }

    /// The word of a slot; the hosts have none and are always on.
    fn power_word(&self, unit: Unit) -> Option<&AtomicU32> {
        match unit {
            Unit::Rp(slot) => Some(&self.memory.rp(slot).power),
            Unit::Card(slot) => self.memory.card(slot).map(|words| &words.power),
            Unit::Hosts => None,
        }
    }

    fn power(&self, unit: Unit) -> SlotPower {
        self.power_word(unit).map_or(SlotPower::On, |word| {
            SlotPower::from_word(word.load(Ordering::SeqCst))
        })
    }

    fn set_power(&self, unit: Unit, power: SlotPower) {
        if let Some(word) = self.power_word(unit) {
            word.store(power.to_word(), Ordering::SeqCst);
        }
    }
}

fn units_of(chassis: &ChassisFile) -> Vec<Unit> {
    let rps = chassis.route_processors.iter().copied().map(Unit::Rp);
    let cards = chassis.cards.iter().map(|card| Unit::Card(card.slot));
    let hosts = (!chassis.hosts.is_empty()).then_some(Unit::Hosts);
    rps.chain(cards).chain(hosts).collect()
}

fn refused(reason: String) -> Reply {
    Reply::Refused { reason }
}

fn send_reply(client: &mut MessageStream, reply: &Reply) {
    // Replies are plain data of bounded length; a client that asks without reading loses the answers beyond its queue.
    let sent = serde_json::to_vec(reply).map(|bytes| client.send(REPLY, &bytes));
    if !matches!(sent, Ok(Ok(()))) {
        log_line("a reply was not sent: the client does not read");
    }
}

fn power_name(power: SlotPower) -> &'static str {
    match power {
        SlotPower::Unmanaged => "unmanaged",
        SlotPower::Empty => "empty",
        SlotPower::Off => "off",
        SlotPower::On => "on",
    }
}

/// Seconds since 1970; zero on a clock that is set before that.
fn unix_seconds() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// A line of the backplane's log, which its standard error is.
pub(super) fn log_line(text: &str) {
    let now = clock::now().since_origin();
    let line = format!(
        "*{}.{:03}: backplane: {text}\n",
        now.as_secs(),
        now.subsec_millis()
    );
    crate::rp_process::write_log(&mut io::stderr(), &line);
}
