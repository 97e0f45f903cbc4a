//! A private chassis: real processes in a temporary directory, which end with whoever started them.
//!
//! A bench must not disturb a chassis that runs, and must kill what it likes; so it has its own. The processes are
//! children that the kernel kills when their parent is gone ([`Lab`] has to stay in the thread that made it), and the
//! directory goes with the value. What ends without having been told to is started again, as a backplane does, and
//! noted: a chassis heals, and the reader learns of it.

use super::status_client::{self, RpReport, StatusClient, active_slot};
use crate::backplane::{ResetDesk, Unit, log_path};
use crate::chassis_file::{ChassisFile, ChassisFileError};
use crate::clock;
use crate::directories::{Directories, DirectoryError, OVERRIDE_VARIABLE};
use crate::event_loop::{LoopSignal, Signals};
use crate::shared_memory::random_bytes;
use machine::{Duration, Instant, RpSlot};
pub use redundancy::RedundancyMode;
use redundancy::RfState;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// Time between two looks at a state that is waited for.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// How long one chassis may take for anything that is not proportional to a size that the caller chose.
pub const STATE_LIMIT: Duration = Duration::from_secs(60);
/// The chassis file in the directory of a chassis that has one of its own.
const CHASSIS_FILE: &str = "chassis.toml";
/// Lines of a log that an error shows.
const LOG_LINES: usize = 12;

/// What a unit is called in a sentence.
fn called(unit: Unit) -> String {
    match unit {
        Unit::Card(slot) => format!("card {slot}"),
        unit => unit.to_string(),
    }
}

/// How the chassis is to be.
#[derive(Clone, Debug)]
pub struct LabOptions {
    /// The `holdover` program.
    pub program: PathBuf,
    /// Mebibytes that each RP holds besides its own.
    pub ballast_mib: u64,
    /// Whether an RP that crashes leaves a core.
    pub core_dumps: bool,
    /// Text of a chassis file; the embedded chassis without it.
    pub chassis: Option<String>,
    /// The network namespace that its processes run in, by the name that `ip netns` has for it.
    pub network_namespace: Option<String>,
}

/// Why a private chassis does not do what it should.
#[derive(Debug)]
pub enum LabError {
    /// The system refuses something: what was being done.
    System(&'static str, io::Error),
    /// The directories cannot be used.
    Directories(DirectoryError),
    /// The embedded chassis cannot be read.
    Chassis(ChassisFileError),
    /// A state was not reached in time.
    Timeout {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
        /// What the chassis looked like then.
        seen: String,
    },
    /// Ctrl-C, or SIGTERM.
    Interrupted,
    /// The traffic cannot be measured.
    Hosts(crate::hosts::client::ClientError),
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LabError::System(doing, error) => write!(f, "cannot {doing}: {error}"),
            LabError::Directories(error) => error.fmt(f),
            LabError::Chassis(error) => error.fmt(f),
            LabError::Timeout { what, limit, seen } => {
                write!(f, "not within {} s: {what}\n{seen}", limit.as_secs())
            }
            LabError::Interrupted => f.write_str("interrupted"),
            LabError::Hosts(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LabError {}

impl From<crate::hosts::client::ClientError> for LabError {
    fn from(error: crate::hosts::client::ClientError) -> LabError {
        LabError::Hosts(error)
    }
}

impl From<DirectoryError> for LabError {
    fn from(error: DirectoryError) -> LabError {
        LabError::Directories(error)
    }
}

/// A process that the lab started.
struct Running {
    child: Child,
    /// Its end was asked for: it stays down until somebody starts it again.
    told_to_end: bool,
}

/// A chassis of real processes in a directory of its own. Dropping it ends all of them and removes the directory.
pub struct Lab {
    options: LabOptions,
    file: ChassisFile,
    place: TemporaryPlace,
    directories: Directories,
    running: BTreeMap<Unit, Running>,
    signals: Signals,
    resets: ResetDesk,
    mode: RedundancyMode,
    /// When units were reset because a route processor wanted it.
    reset_at: Vec<Instant>,
    epochs: EpochWatch,
    notes: Vec<String>,
}

impl Lab {
    /// Starts the embedded chassis. It boots meanwhile; see [`Lab::wait_until_hot`].
    ///
    /// # Errors
    /// [`LabError`].
    pub fn start(options: LabOptions) -> Result<Lab, LabError> {
        let signals = Signals::take(&[LoopSignal::Interrupt, LoopSignal::Terminate, LoopSignal::Hangup])
            .map_err(|error| LabError::System("take signals", error))?;
        let file = match &options.chassis {
            Some(text) => ChassisFile::parse(text),
            None => ChassisFile::load(None),
        };
        let file = file.map_err(LabError::Chassis)?;
        let place = TemporaryPlace::new().map_err(|error| LabError::System("make a directory", error))?;
        let directories = Directories::below(&place.path)?;
        directories.create()?;
        let resets = ResetDesk::open(&directories.run)
            .map_err(|error| LabError::System("listen where a backplane would", error))?;
        if let Some(text) = &options.chassis {
            std::fs::write(place.path.join(CHASSIS_FILE), text)
                .map_err(|error| LabError::System("write the chassis file", error))?;
        }
        let mut lab = Lab {
            options,
            file,
            place,
            directories,
            running: BTreeMap::new(),
            signals,
            resets,
            mode: RedundancyMode::Sso,
            reset_at: Vec::new(),
            epochs: EpochWatch::default(),
            notes: Vec::new(),
        };
        for unit in lab.units() {
            lab.start_unit(unit)?;
        }
        Ok(lab)
    }

    /// What the chassis is made of.
    pub fn file(&self) -> &ChassisFile {
        &self.file
    }

    /// The mode that it was last configured for.
    pub fn mode(&self) -> RedundancyMode {
        self.mode
    }

    /// Where its sockets are.
    pub fn run_directory(&self) -> &Path {
        &self.directories.run
    }

    /// All its processes.
    pub fn units(&self) -> Vec<Unit> {
        let rps = self.file.route_processors.iter().copied().map(Unit::Rp);
        let cards = self.file.cards.iter().map(|card| Unit::Card(card.slot));
        [Unit::Hosts].into_iter().chain(cards).chain(rps).collect()
    }

    /// The number of the process that it is now; `None`: it was never started.
    pub fn process(&self, unit: Unit) -> Option<u32> {
        self.running.get(&unit).map(|running| running.child.id())
    }

    /// How often two RPs were seen to hold one epoch. Must be 0.
    pub fn two_actives(&self) -> u64 {
        self.epochs.conflicts()
    }

    /// What happened that nobody asked for, since the last call.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Starts a process of the chassis.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_unit(&mut self, unit: Unit) -> Result<(), LabError> {
        let failed = |error| LabError::System("start a process of the chassis", error);
        let working_directory = self.working_directory(unit);
        std::fs::create_dir_all(&working_directory).map_err(failed)?;
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log_path(&self.directories.log, unit))
            .map_err(failed)?;
        let mut command = match &self.options.network_namespace {
            Some(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name]).arg(&self.options.program);
                command
            }
            None => Command::new(&self.options.program),
        };
        command
            .args(self.arguments(unit))
            .env(OVERRIDE_VARIABLE, &self.place.path)
            .current_dir(working_directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log);
        // SAFETY: between fork and exec only system calls are made, which neither allocate nor lock.
        unsafe {
            command.pre_exec(|| {
                // Ctrl-C at our terminal is for us; we end what we have started.
                rustix::process::setsid()?;
                Ok(rustix::process::set_parent_process_death_signal(Some(
                    Signal::KILL,
                ))?)
            });
        }
        let child = command.spawn().map_err(failed)?;
        let running = Running {
            child,
            told_to_end: false,
        };
        self.running.insert(unit, running);
        Ok(())
    }

    fn arguments(&self, unit: Unit) -> Vec<OsString> {
        let mut arguments = unit.arguments();
        if self.options.chassis.is_some() {
            arguments.extend(["--chassis".into(), self.place.path.join(CHASSIS_FILE).into()]);
        }
        if let Unit::Rp(_) = unit {
            if self.options.ballast_mib > 0 {
                arguments.extend([
                    "--ballast-mib".into(),
                    self.options.ballast_mib.to_string().into(),
                ]);
            }
            if self.options.core_dumps {
                arguments.push("--core-dumps".into());
            }
        }
        arguments
    }

    fn working_directory(&self, unit: Unit) -> PathBuf {
        self.place.path.join(format!("cwd-{unit}"))
    }

    /// Removes the cores that a process has left, whatever the kernel called them. Returns how many bytes they took.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn remove_cores(&self, unit: Unit) -> Result<u64, LabError> {
        let failed = |error| LabError::System("remove a core", error);
        let mut bytes = 0;
        for entry in std::fs::read_dir(self.working_directory(unit)).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            bytes += entry.metadata().map_err(failed)?.len();
            std::fs::remove_file(entry.path()).map_err(failed)?;
        }
        Ok(bytes)
    }

    /// Kills a process, and returns the moment just before it.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self, unit: Unit) -> Result<Instant, LabError> {
        self.signal(unit, Signal::KILL)
    }

    /// Sends a signal to a process, and returns the moment just before it.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&mut self, unit: Unit, signal: Signal) -> Result<Instant, LabError> {
        let running = self.expect_end(unit)?;
        // A child that was not waited for keeps its id.
        let pid = Pid::from_child(&running.child);
        let moment = clock::now();
        rustix::process::kill_process(pid, signal)
            .map_err(|error| LabError::System("send a signal", error.into()))?;
        Ok(moment)
    }

    /// Notes that the process is about to end on purpose.
    ///
    /// # Errors
    /// When it does not run.
    pub fn told_to_end(&mut self, unit: Unit) -> Result<(), LabError> {
        self.expect_end(unit).map(|_| ())
    }

    fn expect_end(&mut self, unit: Unit) -> Result<&mut Running, LabError> {
        let running = self.running.get_mut(&unit).ok_or_else(|| {
            LabError::System("find a process of the chassis", io::ErrorKind::NotFound.into())
        })?;
        running.told_to_end = true;
        Ok(running)
    }

    /// Waits until a process has ended, and starts it anew.
    ///
    /// # Errors
    /// [`LabError::Timeout`] when it does not end.
    pub fn restart(&mut self, unit: Unit) -> Result<(), LabError> {
        self.wait_for(&format!("{} has ended", called(unit)), STATE_LIMIT, |lab| {
            Ok(lab.has_ended(unit)?.then_some(()))
        })?;
        self.start_unit(unit)
    }

    fn has_ended(&mut self, unit: Unit) -> Result<bool, LabError> {
        let Some(running) = self.running.get_mut(&unit) else {
            return Ok(true);
        };
        let status = running
            .child
            .try_wait()
            .map_err(|error| LabError::System("look at a process", error))?;
        Ok(status.is_some())
    }

    /// What both RPs say now; keeps watch over their epochs.
    pub fn observe(&mut self) -> [Option<RpReport>; 2] {
        let reports = status_client::observe(&self.directories.run);
        for (slot, report) in RpSlot::ALL.into_iter().zip(&reports) {
            if let Some(counter) = report.as_ref().and_then(|report| report.epoch) {
                self.epochs.note(slot, counter);
            }
        }
        reports
    }

    /// The RP in `slot`, over its status socket.
    ///
    /// # Errors
    /// When it does not run.
    pub fn rp(&self, slot: RpSlot) -> Result<StatusClient, LabError> {
        StatusClient::connect(&self.directories.run, slot)
            .map_err(|error| LabError::System("reach a route processor", error))
    }

    /// Configures the mode and saves it. The standby is reset by that; see [`Lab::wait_until_hot`].
    ///
    /// # Errors
    /// When the active RP refuses.
    pub fn set_mode(&mut self, active: RpSlot, mode: RedundancyMode) -> Result<(), LabError> {
        self.told_to_end(Unit::Rp(active.peer()))?;
        let mode_line = format!("mode {mode}");
        let lines = [
            "enable",
            "configure terminal",
            "redundancy",
            &mode_line,
            "end",
            "write memory",
        ];
        super::script::run(self.run_directory(), active, &lines, STATE_LIMIT)
            .map_err(|error| LabError::System("configure the redundancy mode", error))?;
        self.mode = mode;
        self.restart(Unit::Rp(active.peer()))
    }

    /// The moment from which on an answer comes from a router that is there to stay: in RPR every card is reset first, and what
    /// answers before that is about to go.
    ///
    /// # Errors
    /// [`LabError::Timeout`] when no card is reset.
    pub fn settled_after(&mut self, moment: Instant) -> Result<Instant, LabError> {
        if self.mode != RedundancyMode::Rpr {
            return Ok(moment);
        }
        let cards = self.file.cards.len();
        self.wait_for("all cards are reset", STATE_LIMIT, |lab| {
            let resets = lab.reset_at.iter().copied().filter(|at| *at >= moment);
            Ok((resets.clone().count() >= cards).then(|| resets.max()).flatten())
        })
    }

    /// Resets what a route processor wants reset, as a backplane does.
    fn serve_resets(&mut self) -> Result<(), LabError> {
        let failed = |error| LabError::System("reset a unit", error);
        for unit in self.resets.asked().map_err(failed)? {
            let moment = self.signal(unit, Signal::KILL)?;
            self.reset_at.push(moment);
            if let Some(running) = self.running.get_mut(&unit) {
                running.child.wait().map_err(failed)?;
            }
            self.start_unit(unit)?;
        }
        Ok(())
    }

    /// Waits until one RP is ACTIVE, the other STANDBY HOT and in step (in RPR: STANDBY COLD with the startup configuration), and every card has all that it is to have.
    ///
    /// # Errors
    /// [`LabError::Timeout`].
    pub fn wait_until_hot(&mut self, limit: Duration) -> Result<RpSlot, LabError> {
        let rests = match self.mode {
            RedundancyMode::Rpr => "one ACTIVE, one STANDBY COLD that is ready, all cards live",
            _ => "one ACTIVE, one STANDBY HOT, all cards live",
        };
        self.wait_for(rests, limit, |lab| {
            let reports = lab.observe();
            Ok(active_slot(&reports).filter(|active| {
                let cards = lab.file.cards.len();
                is_ready_pair(&reports, *active, cards, lab.mode)
            }))
        })
    }

    /// Waits until both RPs have the same rows at the same frame; false when they differ at one frame.
    ///
    /// # Errors
    /// [`LabError::Timeout`] when they never stand at one frame.
    pub fn digests_equal(&mut self) -> Result<bool, LabError> {
        if self.mode == RedundancyMode::Rpr {
            // A cold standby has no rows to compare.
            return Ok(true);
        }
        self.wait_for("both route processors at one frame", STATE_LIMIT, |lab| {
            let [Some(first), Some(second)] = lab.observe() else {
                return Ok(None);
            };
            let comparable = first.frame == second.frame && first.dirty_rows == 0 && second.dirty_rows == 0;
            Ok(comparable
                .then(|| first.digest == second.digest && first.download_digest == second.download_digest))
        })
    }

    /// Looks again and again until `look` gives something.
    ///
    /// # Errors
    /// [`LabError::Timeout`] with the state of the chassis; [`LabError::Interrupted`]; those of `look`.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut look: impl FnMut(&mut Lab) -> Result<Option<T>, LabError>,
    ) -> Result<T, LabError> {
        let deadline = clock::now() + limit;
        loop {
            self.serve_resets()?;
            self.restart_ended()?;
            if let Some(found) = look(self)? {
                return Ok(found);
            }
            if clock::now() >= deadline {
                return Err(LabError::Timeout {
                    what: what.to_string(),
                    limit,
                    seen: self.describe(),
                });
            }
            self.pause(LOOK_INTERVAL)?;
        }
    }

    /// Lets time pass while traffic flows.
    ///
    /// # Errors
    /// [`LabError::Interrupted`].
    pub fn pause(&self, duration: Duration) -> Result<(), LabError> {
        let deadline = clock::now() + duration;
        loop {
            let left = deadline.saturating_since(clock::now());
            let timeout = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            match poll(&mut [PollFd::new(&self.signals, PollFlags::IN)], Some(&timeout)) {
                Ok(0) => return Ok(()),
                Ok(_) => return Err(LabError::Interrupted),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(LabError::System("wait", error.into())),
            }
        }
    }

    /// Starts again what has ended by itself.
    fn restart_ended(&mut self) -> Result<(), LabError> {
        let mut ended = Vec::new();
        for (unit, running) in &mut self.running {
            let status = running
                .child
                .try_wait()
                .map_err(|error| LabError::System("look at a process", error))?;
            if let Some(status) = status
                && !running.told_to_end
            {
                ended.push((*unit, status));
            }
        }
        for (unit, status) in ended {
            self.notes.push(format!(
                "{} ended by itself ({}) and was started again{}",
                called(unit),
                words(status),
                indented(&self.end_of_log(unit))
            ));
            self.start_unit(unit)?;
        }
        Ok(())
    }

    /// States and ends of the logs, for whoever asks why.
    pub fn describe(&mut self) -> String {
        let mut text = String::new();
        for (slot, report) in RpSlot::ALL.into_iter().zip(self.observe()) {
            match report {
                Some(report) => text.push_str(&format!(
                    "  {slot}: {}, peer {}, in step {}, settled {}, cards {:?}\n",
                    report.state, report.peer_state, report.in_step, report.settled, report.cards
                )),
                None => text.push_str(&format!("  {slot}: does not answer\n")),
            }
        }
        for unit in self.units() {
            let log = self.end_of_log(unit);
            if !log.is_empty() {
                text.push_str(&format!("  log of {}:{}\n", called(unit), indented(&log)));
            }
        }
        text
    }

    fn end_of_log(&self, unit: Unit) -> Vec<String> {
        let bytes = std::fs::read(log_path(&self.directories.log, unit)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<String> = text.lines().map(str::to_string).collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].to_vec()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for running in self.running.values_mut() {
            // Whoever has ended already needs no kill; the directory goes next, so nothing is left to be said.
            let _ended = running.child.kill();
        }
        for running in self.running.values_mut() {
            let _ended = running.child.wait();
        }
    }
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n    {line}")).collect()
}

fn words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "unknown".into(),
    }
}

/// Whether `active` has a hot standby and all `cards` cards.
pub fn is_ready_pair(
    reports: &[Option<RpReport>; 2],
    active: RpSlot,
    cards: usize,
    mode: RedundancyMode,
) -> bool {
    let [Some(mine), Some(peer)] = [active, active.peer()].map(|slot| reports[slot.index()].as_ref()) else {
        return false;
    };
    let ready = match mode {
        RedundancyMode::Rpr => {
            mine.operating_mode == "rpr"
                && mine.standby_rests
                && peer.rf_state() == Some(RfState::StandbyCold)
        }
        _ => mine.in_step && peer.is_hot_standby(),
    };
    mine.rf_state() == Some(RfState::Active)
        && ready
        && mine.settled
        && mine.dirty_rows == 0
        && mine.cards.len() == cards
        && mine.cards.iter().all(|card| card.live)
}

/// Who held which epoch, ever.
#[derive(Debug, Default)]
pub struct EpochWatch {
    holders: BTreeMap<u64, RpSlot>,
    conflicts: BTreeSet<u64>,
}

impl EpochWatch {
    /// Notes that the RP in `slot` says that it is active in the epoch with this counter.
    pub fn note(&mut self, slot: RpSlot, counter: u64) {
        let holder = *self.holders.entry(counter).or_insert(slot);
        if holder != slot {
            self.conflicts.insert(counter);
        }
    }

    /// How many epochs had two holders.
    pub fn conflicts(&self) -> u64 {
        self.conflicts.len() as u64
    }
}

/// A directory below the system's temporary one, for us only, removed when dropped.
struct TemporaryPlace {
    path: PathBuf,
}

impl TemporaryPlace {
    fn new() -> io::Result<TemporaryPlace> {
        let name = u64::from_le_bytes(random_bytes()?);
        let path = std::env::temp_dir().join(format!("holdover-{name:016x}"));
        rustix::fs::mkdir(&path, rustix::fs::Mode::RWXU)?;
        Ok(TemporaryPlace { path })
    }
}

impl Drop for TemporaryPlace {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning of temporary files.
        let _left = std::fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operate::status_client::CardReport;
    use crate::operate::status_client::tests::report;
    use redundancy::RfState;

    #[test]
    fn two_holders_of_one_epoch_are_counted_and_one_holder_of_many_is_not() {
        let mut watch = EpochWatch::default();
        for (slot, counter) in [(RpSlot::R0, 1), (RpSlot::R0, 1), (RpSlot::R1, 2), (RpSlot::R0, 3)] {
            watch.note(slot, counter);
        }
        assert_eq!(watch.conflicts(), 0);
        watch.note(RpSlot::R0, 2);
        watch.note(RpSlot::R0, 2);
        assert_eq!(watch.conflicts(), 1);
    }

    #[test]
    fn a_pair_is_hot_only_with_every_card_and_nothing_under_way() {
        let card = CardReport {
            slot: 0,
            live: true,
            outstanding_bytes: 0,
            lost_punts: 0,
            links_up: vec![0],
        };
        let mut active = report(RpSlot::R0, RfState::Active, Some(1));
        active.cards = vec![card];
        let standby = report(RpSlot::R1, RfState::StandbyHot, None);
        let hot = |active: &RpReport, standby: &RpReport| {
            let reports = [Some(active.clone()), Some(standby.clone())];
            is_ready_pair(&reports, RpSlot::R0, 1, RedundancyMode::Sso)
        };
        assert!(hot(&active, &standby));
        let alone = [Some(active.clone()), None];
        assert!(!is_ready_pair(&alone, RpSlot::R0, 1, RedundancyMode::Sso));
        let cold = report(RpSlot::R1, RfState::StandbyCold, None);
        let mut alone = active.clone();
        (alone.in_step, alone.operating_mode) = (false, "rpr".into());
        for rests in [false, true] {
            alone.standby_rests = rests;
            let reports = [Some(alone.clone()), Some(cold.clone())];
            assert_eq!(is_ready_pair(&reports, RpSlot::R0, 1, RedundancyMode::Rpr), rests);
        }
        let spoil: [fn(&mut RpReport); 6] = [
            |active| active.cards.clear(),
            |active| active.cards[0].live = false,
            |active| active.in_step = false,
            |active| active.settled = false,
            |active| active.dirty_rows = 1,
            |active| active.state_number = RfState::ActiveFast.number(),
        ];
        for spoil in spoil {
            let mut spoilt = active.clone();
            spoil(&mut spoilt);
            assert!(!hot(&spoilt, &standby), "{spoilt:?}");
        }
    }
}
