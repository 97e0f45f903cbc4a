//! A backplane and its units as real processes: what it starts, what it survives, and what it ends.

use machine::{CardSlot, Duration, RpSlot};
use runtime::backplane::{
    Backplane, BackplaneClient, BackplaneConfig, ClientError, Reply, Request, SlotStatus, Started, Status,
    Unit, ensure_running, stop_all,
};
use runtime::clock;
use runtime::directories::Directories;
use runtime::life::LifeLock;
use runtime::process::{RestartPolicy, SpawnSpec, start_time_ticks};
use runtime::shared_memory::{SharedMemory, SlotPower};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

const HANG_LIMIT: Duration = Duration::from_secs(60);

const CHASSIS: &str = r#"
name = "test"
[[cards]]
slot = 0
ports = [{ number = 0, wire = "mem:a" }]
[[cards]]
slot = 3
ports = []
[[hosts]]
name = "a"
wire = "a"
address = "10.0.0.2/24"
gateway = "10.0.0.1"
"#;

/// What makes this test program a role of a chassis: everything behind `--` is no option of the test harness.
fn role_arguments() -> Vec<OsString> {
    ["--exact", "role", "--ignored", "--nocapture", "--"]
        .map(OsString::from)
        .to_vec()
}

/// Not a test: what the tests below start as processes of their own.
#[test]
#[ignore = "a role that other tests start"]
fn role() {
    let arguments: Vec<String> = std::env::args()
        .skip_while(|argument| argument != "--")
        .skip(1)
        .collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["backplane", directory] => {
            let directory = Path::new(directory);
            let run = Backplane::run(BackplaneConfig {
                chassis_text: std::fs::read_to_string(directory.join("chassis.toml")).unwrap(),
                directories: Directories::below(directory).unwrap(),
                program: std::env::current_exe().unwrap(),
                arguments_before: role_arguments(),
                arguments_after: vec![directory.into()],
                restart: RestartPolicy {
                    first: Duration::from_millis(1),
                    ..RestartPolicy::default()
                },
            });
            if let Err(error) = run {
                eprintln!("{error}");
                std::process::exit(1);
            }
        }
        ["rp", "--slot", slot, directory] => {
            let run = Directories::below(Path::new(directory)).unwrap().run;
            let memory = SharedMemory::open(&run).unwrap();
            LifeLock::hold(&memory, &run, slot.parse().unwrap()).unwrap();
            std::thread::sleep(HANG_LIMIT);
        }
        ["card", "--slot", _, _] | ["hosts", _] => std::thread::sleep(HANG_LIMIT),
        _ => {}
    }
}

struct Scene {
    directory: PathBuf,
    directories: Directories,
}

impl Scene {
    fn new(name: &str) -> Scene {
        let directory = std::env::temp_dir().join(format!("holdover-bp-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("chassis.toml"), CHASSIS).unwrap();
        let directories = Directories::below(&directory).unwrap();
        directories.create().unwrap();
        Scene {
            directory,
            directories,
        }
    }

    fn up(&self) -> Result<Started, ClientError> {
        let mut arguments = role_arguments();
        arguments.extend(["backplane".into(), self.directory.clone().into()]);
        let spec = SpawnSpec {
            program: std::env::current_exe().unwrap(),
            arguments,
            log: self.directories.log.join("backplane.log"),
            working_directory: self.directory.clone(),
            record: None,
        };
        ensure_running(&self.directories.run, &spec)
    }

    fn request(&self, request: &Request) -> Result<Reply, ClientError> {
        BackplaneClient::connect(&self.directories.run)?.request(request)
    }

    fn status(&self) -> Status {
        match self.request(&Request::Status).unwrap() {
            Reply::Status(status) => status,
            other => panic!("no status: {other:?}"),
        }
    }

    fn slot(&self, unit: Unit) -> SlotStatus {
        self.status()
            .slots
            .into_iter()
            .find(|slot| slot.slot == unit)
            .unwrap()
    }

    fn processes(&self) -> Vec<(Unit, u32)> {
        self.status()
            .slots
            .iter()
            .filter_map(|slot| Some((slot.slot, slot.process?)))
            .collect()
    }

    /// Asks until it is so; the answer comes from the backplane's own events, this only looks.
    fn until<T>(&self, what: &str, look: impl Fn(&Scene) -> Option<T>) -> T {
        let give_up_at = clock::now() + HANG_LIMIT;
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(
                clock::now() < give_up_at,
                "never seen: {what}; status {:?}",
                self.status()
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn kill_backplane(&self) {
        let pid = self.status().process;
        let ticks = start_time_ticks(pid).unwrap();
        kill(pid);
        let give_up_at = clock::now() + HANG_LIMIT;
        // Connecting fails once its sockets are closed, which is when its lock is free, too.
        while BackplaneClient::connect(&self.directories.run).is_ok() {
            assert!(
                clock::now() < give_up_at,
                "process {pid}, started at {ticks}, does not die"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // Whatever a failed test has left running.
        let _ = stop_all(&self.directories);
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

fn is_gone(pid: u32) -> bool {
    // A zombie that nobody has waited for is gone as well.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.map_or(true, |stat| {
        stat.rsplit_once(") ")
            .is_none_or(|(_, rest)| rest.starts_with('Z'))
    })
}

const R0: Unit = Unit::Rp(RpSlot::R0);
const R1: Unit = Unit::Rp(RpSlot::R1);
const CARD0: Unit = Unit::Card(CardSlot(0));
const CARD3: Unit = Unit::Card(CardSlot(3));

#[test]
fn up_starts_every_unit_and_down_ends_them_and_leaves_nothing_but_locks() {
    let scene = Scene::new("updown");
    assert!(matches!(scene.up().unwrap(), Started::Now(_)));
    assert_eq!(scene.up().unwrap(), Started::AlreadyRunning);
    let units: Vec<Unit> = scene.status().slots.iter().map(|slot| slot.slot).collect();
    assert_eq!(units, [R0, R1, CARD0, CARD3, Unit::Hosts]);
    let processes = scene.processes();
    assert_eq!(processes.len(), 5);
    stop_all(&scene.directories).unwrap();
    assert!(processes.iter().all(|(_, pid)| is_gone(*pid)));
    for entry in std::fs::read_dir(&scene.directories.run).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.ends_with(".lock"), "{name} is left");
    }
    let error = stop_all(&scene.directories).unwrap_err().to_string();
    assert!(error.starts_with("no chassis is running here"), "{error}");
}

#[test]
fn a_unit_that_dies_is_started_again_and_its_end_is_told() {
    let scene = Scene::new("restart");
    scene.up().unwrap();
    for restarts in 1..=3 {
        let pid = scene.until("R1 runs", |scene| scene.slot(R1).process);
        kill(pid);
        scene.until("R1 runs again", |scene| {
            scene.slot(R1).process.filter(|now| *now != pid)
        });
        let slot = scene.slot(R1);
        assert_eq!(
            (slot.restarts, slot.last_exit.as_deref()),
            (restarts, Some("signal 9"))
        );
    }
    assert_eq!(scene.slot(R0).restarts, 0);
}

#[test]
fn a_backplane_that_is_killed_disturbs_nobody_and_its_successor_takes_over() {
    let scene = Scene::new("adopt");
    scene.up().unwrap();
    let before = scene.processes();
    for _ in 0..3 {
        scene.kill_backplane();
        assert!(before.iter().all(|(_, pid)| !is_gone(*pid)));
        scene.up().unwrap();
        assert_eq!(scene.processes(), before);
    }
    // What was adopted is watched like what was started.
    let (_, pid) = before[2];
    kill(pid);
    scene.until("the card runs again", |scene| {
        scene.slot(CARD0).process.filter(|now| *now != pid)
    });
    assert_eq!(scene.slot(CARD0).last_exit.as_deref(), Some("ended"));
}

#[test]
fn power_is_a_word_that_others_see_and_off_stays_off() {
    let scene = Scene::new("power");
    scene.up().unwrap();
    let memory = SharedMemory::open(&scene.directories.run).unwrap();
    let power = |slot| SlotPower::from_word(memory.rp(slot).power.load(Ordering::SeqCst));
    assert_eq!(power(RpSlot::R0), SlotPower::On);
    let pid = scene.slot(R0).process.unwrap();
    scene.request(&Request::PowerOff { slot: R0 }).unwrap();
    assert_eq!(power(RpSlot::R0), SlotPower::Off);
    scene.until("R0 has ended", |scene| {
        scene.slot(R0).process.is_none().then_some(())
    });
    assert!(is_gone(pid));
    scene.kill_backplane();
    scene.up().unwrap();
    let slot = scene.slot(R0);
    assert_eq!(
        (slot.power.as_str(), slot.process, slot.restart_in_ms),
        ("off", None, None)
    );
    scene.request(&Request::PowerOn { slot: R0 }).unwrap();
    assert!(scene.slot(R0).process.is_some());
    let card = memory.card(CardSlot(3)).unwrap();
    assert_eq!(
        card.process.load(Ordering::SeqCst),
        scene.slot(CARD3).process.unwrap()
    );
    scene.request(&Request::Remove { slot: CARD3 }).unwrap();
    scene.until("the card is gone", |scene| {
        scene.slot(CARD3).process.is_none().then_some(())
    });
    assert_eq!(card.process.load(Ordering::SeqCst), 0);
    let refused = scene
        .request(&Request::PowerOn { slot: CARD3 })
        .unwrap_err()
        .to_string();
    assert_eq!(refused, "slot 3 is empty: insert something first");
    let insert = Request::Insert {
        slot: CARD3,
        image_version: None,
    };
    scene.request(&insert).unwrap();
    assert!(scene.slot(CARD3).process.is_some());
    assert_eq!(
        SlotPower::from_word(memory.card(CardSlot(7)).unwrap().power.load(Ordering::SeqCst)),
        SlotPower::Empty
    );
}

#[test]
fn a_reset_starts_anew_at_once_and_with_grace_it_asks_for_a_dump_first() {
    let scene = Scene::new("reset");
    scene.up().unwrap();
    for (grace_ms, exit) in [(None, "signal 9"), (Some(60_000), "signal 6")] {
        let pid = scene.until("the card runs", |scene| scene.slot(CARD0).process);
        scene
            .request(&Request::Reset {
                slot: CARD0,
                crash_dump_grace_ms: grace_ms,
            })
            .unwrap();
        scene.until("the card runs again", |scene| {
            scene.slot(CARD0).process.filter(|now| *now != pid)
        });
        let last_exit = scene.slot(CARD0).last_exit.unwrap();
        assert!(last_exit.starts_with(exit), "{last_exit}");
    }
    let refused = scene.request(&Request::Reset {
        slot: Unit::Card(CardSlot(9)),
        crash_dump_grace_ms: None,
    });
    assert_eq!(refused.unwrap_err().to_string(), "chassis 'test' has no slot 9");
}

#[test]
fn a_chassis_without_its_backplane_can_be_stopped() {
    let scene = Scene::new("orphans");
    scene.up().unwrap();
    let processes = scene.processes();
    scene.kill_backplane();
    stop_all(&scene.directories).unwrap();
    assert!(processes.iter().all(|(_, pid)| is_gone(*pid)));
}

#[test]
fn a_second_backplane_and_another_description_are_refused_with_the_reason() {
    let scene = Scene::new("refused");
    scene.up().unwrap();
    let config = |chassis_text: &str| BackplaneConfig {
        chassis_text: chassis_text.to_string(),
        directories: scene.directories.clone(),
        program: PathBuf::from("/nonexistent"),
        arguments_before: Vec::new(),
        arguments_after: Vec::new(),
        restart: RestartPolicy::default(),
    };
    let error = Backplane::run(config(CHASSIS)).unwrap_err().to_string();
    let holder = format!(
        "is locked by process {}, the backplane of chassis 'test'",
        scene.status().process
    );
    assert!(
        error.starts_with("a chassis runs here already: ") && error.ends_with(&holder),
        "{error}"
    );
    scene.kill_backplane();
    let other = CHASSIS.replace("slot = 3", "slot = 4");
    let error = Backplane::run(config(&other)).unwrap_err().to_string();
    assert!(error.contains("running with another description"), "{error}");
}

#[test]
fn a_backplane_that_cannot_start_is_reported_with_the_end_of_its_log() {
    let scene = Scene::new("broken");
    std::fs::write(scene.directory.join("chassis.toml"), "name = 'x'\nspeed = 3").unwrap();
    let error = scene.up().unwrap_err().to_string();
    assert!(
        error.contains("exit code 1") && error.contains("line 2, column 1: unknown field `speed`"),
        "{error}"
    );
}
