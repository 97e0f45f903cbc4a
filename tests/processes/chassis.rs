//! A chassis that `holdover up` has booted, and what tests ask of it.

use machine::RpSlot;
use runtime::operate::lab::{Lab, LabOptions};
use runtime::operate::script;
use runtime::operate::status_client::{self, RpReport, active_slot};
use runtime::operate::trial::Trial;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Nothing takes so long unless it hangs.
pub const HANG_LIMIT: Duration = Duration::from_secs(120);

/// The program under test.
pub fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_holdover"))
}

/// A directory that goes when the test is over.
pub struct Place {
    pub path: PathBuf,
}

impl Place {
    pub fn new() -> Place {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("holdover-test-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).expect("a fresh directory");
        Place { path }
    }

    pub fn run_directory(&self) -> PathBuf {
        self.path.join("run")
    }

    /// The program with these arguments, for the chassis in this place.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments).env("HOLDOVER_DIR", &self.path);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).output().expect("the program runs")
    }

    /// Runs a script at the active RP's console.
    pub fn script(&self, options: &[&str], lines: &str) -> Output {
        let file = self.path.join("script");
        std::fs::write(&file, lines).expect("a script");
        let mut command = self.command(&[&["console"], options].concat());
        let script = std::fs::File::open(file).expect("the script");
        command.stdin(script).output().expect("the program runs")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Also after a failed test nothing may stay; that there was nothing to stop is fine.
        let _stopped = self.run(&["down"]);
        let _removed = std::fs::remove_dir_all(&self.path);
    }
}

/// A chassis that is hot.
pub fn up() -> Place {
    let place = Place::new();
    let output = place.run(&["up", "--detach"]);
    assert!(output.status.success(), "up: {}", words(&output));
    place
}

/// The embedded chassis with these lines at its top.
pub fn description(lines: &str) -> String {
    format!("{lines}\n{}", runtime::chassis_file::DEFAULT_CHASSIS)
}

/// Boots the chassis that `text` describes.
pub fn up_as(place: &Place, text: &str) -> Output {
    let file = place.path.join("chassis.toml");
    std::fs::write(&file, text).expect("a chassis file");
    place.run(&["up", "--detach", "--chassis", file.to_str().expect("a path")])
}

/// Everything that a command has said.
pub fn words(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Looks until `look` finds something.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + HANG_LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The active RP and its standby, once the pair is hot.
pub fn hot_pair(run_directory: &Path) -> (RpReport, RpReport) {
    eventually("an active RP and a hot standby", || {
        let reports = status_client::observe(run_directory);
        let active = active_slot(&reports)?;
        let [mine, peer] = [active, active.peer()].map(|slot| reports[slot.index()].clone());
        let (mine, peer) = (mine?, peer?);
        let live = mine.cards.iter().all(|card| card.live) && mine.in_step && mine.settled;
        (live && peer.is_hot_standby()).then_some((mine, peer))
    })
}

pub fn slot_of(report: &RpReport) -> RpSlot {
    report.slot.parse().expect("a slot")
}

/// What the active RP answers to these commands.
pub fn ask(run_directory: &Path, slot: RpSlot, lines: &[&str]) -> String {
    script::run(run_directory, slot, lines, HANG_LIMIT).expect("the script is executed")
}

/// Whether a process with this id runs (a zombie does not).
pub fn is_running(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.trim_start().chars().next());
    !matches!(state, None | Some(None | Some('Z' | 'X')))
}

/// Sends a signal: `KILL`, `SEGV`.
pub fn signal(process: u32, name: &str) {
    let status = Command::new("kill")
        .args([format!("-{name}"), process.to_string()])
        .status();
    assert!(
        status.expect("kill runs").success(),
        "process {process} can be sent {name}"
    );
}

/// `kill -9`.
pub fn kill(process: u32) {
    signal(process, "KILL");
}

/// Runs commands at the active's console whose end nobody may live to see.
pub fn order(run_directory: &Path, slot: RpSlot, lines: &[&str]) {
    let _ended_early = script::run(run_directory, slot, lines, HANG_LIMIT);
}

/// A chassis of this process, hot.
pub fn lab() -> Lab {
    let options = LabOptions {
        program: program(),
        ballast_mib: 0,
        core_dumps: true,
        chassis: None,
        network_namespace: None,
    };
    let mut lab = Lab::start(options).expect("a chassis starts");
    lab.wait_until_hot(HANG_LIMIT).expect("the chassis boots");
    lab
}

/// No transit packet was lost, and both route processors hold the same afterwards.
pub fn assert_nothing_lost(trial: &Trial) {
    let transit = trial.traffic.transit;
    assert!(transit.sent > 0, "{trial:?}");
    assert_eq!((transit.lost, transit.duplicated), (0, 0), "{trial:?}");
    assert!(trial.digests_equal, "{trial:?}");
}
