//! Life locks between real processes: whatever ends the holder, the watcher sees it, with the cause if there was time.

use machine::{Duration, RpSlot};
use runtime::clock;
use runtime::crash::{CoreDumps, CrashConfig};
use runtime::event_loop::{EventLoop, Interest};
use runtime::life::{LifeChange, LifeLock, LifeWatch, Resignation};
use runtime::shared_memory::SharedMemory;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// How long a test waits for what must happen, before it says that it hangs.
const HANG_LIMIT: Duration = Duration::from_secs(60);

/// Not a test: what the tests below start as a process of its own.
#[test]
#[ignore = "a role that other tests start"]
fn role() {
    let Ok(role) = std::env::var("HOLDOVER_TEST_ROLE") else {
        return;
    };
    let directory = PathBuf::from(std::env::var("HOLDOVER_TEST_DIRECTORY").unwrap());
    let memory = SharedMemory::open(&directory).unwrap();
    let lock = LifeLock::hold(&memory, &directory, RpSlot::R0).unwrap();
    runtime::crash::install(CrashConfig {
        slot: "R0".to_string(),
        space_bytes_max: 1 << 30,
        directory,
        version: "test",
        resigner: Some(lock.resigner()),
        core_dumps: CoreDumps::Enabled,
    })
    .unwrap();
    match role.as_str() {
        "wait" => std::thread::sleep(HANG_LIMIT),
        "segfault" => {
            // SAFETY: none is wanted: address 8 is never mapped, and the fault is what this role is for.
            unsafe { std::ptr::with_exposed_provenance::<u64>(8).read_volatile() };
        }
        "damaged-stack" => runtime::crash::fault_on_a_damaged_stack(),
        "loading" => crash_while_loading(),
        "abort" => std::process::abort(),
        "overflow" => {
            std::hint::black_box(overflow(1));
        }
        "panic" => {
            // In a thread that nobody joins: any thread's panic must stop the process.
            let _detached = std::thread::Builder::new()
                .name("worker".to_string())
                .spawn(|| panic!("no reason"));
            std::thread::sleep(HANG_LIMIT);
        }
        "reload" => {
            lock.resign(Resignation::Reload);
            std::thread::sleep(HANG_LIMIT);
        }
        "return" => {}
        other => panic!("no role '{other}'"),
    }
}

/// Crashes while another thread is in the loader for ever, with its lock: it opens a pipe that nobody writes to.
fn crash_while_loading() {
    let library = PathBuf::from(std::env::var("HOLDOVER_TEST_DIRECTORY").unwrap()).join("library.so");
    let path = std::ffi::CString::new(library.into_os_string().into_encoded_bytes()).unwrap();
    // SAFETY: the path is a string that ends with a zero.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let tid = rustix::thread::gettid().as_raw_nonzero();
        sender.send(tid).unwrap();
        // SAFETY: the path is a string that ends with a zero; nothing is loaded, as nothing can be read.
        unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    });
    let stat = format!("/proc/self/task/{}/stat", receiver.recv().unwrap());
    let sleeps = || std::fs::read_to_string(&stat).is_ok_and(|text| text.contains(") S "));
    while !sleeps() {
        std::thread::yield_now();
    }
    // SAFETY: the fault is what this role is for.
    unsafe { libc::raise(libc::SIGSEGV) };
}

#[allow(unconditional_recursion)]
fn overflow(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 512]);
    overflow(depth + 1) + room[7]
}

struct Scene {
    directory: PathBuf,
    memory: SharedMemory,
    watch: LifeWatch,
}

impl Scene {
    fn new(name: &str) -> Scene {
        let directory = std::env::temp_dir().join(format!("holdover-life-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let memory = SharedMemory::open(&directory).unwrap();
        let watch = LifeWatch::start(&memory, RpSlot::R0).unwrap();
        Scene {
            directory,
            memory,
            watch,
        }
    }

    fn start(&self, role: &str) -> Running {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "role", "--ignored", "--nocapture"])
            .env("HOLDOVER_TEST_ROLE", role)
            .env("HOLDOVER_TEST_DIRECTORY", &self.directory)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Running(child)
    }

    fn next_change(&self) -> LifeChange {
        next_change(&self.watch)
    }

    fn report(&self) -> String {
        let reports: Vec<PathBuf> = std::fs::read_dir(&self.directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.file_name()
                    .unwrap()
                    .to_string_lossy()
                    .starts_with("Router-crashinfo-R0-")
            })
            .collect();
        assert_eq!(reports.len(), 1, "one report for one death");
        std::fs::read_to_string(&reports[0]).unwrap()
    }

    /// Starts `role`, sees it live and die, and returns the cause that it left and its exit status.
    fn life_and_death(&self, role: &str) -> (Option<Resignation>, ExitStatus) {
        assert_eq!(self.next_change(), LifeChange::Absent);
        let mut running = self.start(role);
        let LifeChange::Alive {
            incarnation: 1,
            process,
            ..
        } = self.next_change()
        else {
            panic!("the first change is the first life");
        };
        assert_eq!(process, running.0.id());
        let LifeChange::Died {
            incarnation: 1,
            cause,
        } = self.next_change()
        else {
            panic!("the second change is its death");
        };
        (cause, running.end())
    }
}

fn next_change(watch: &LifeWatch) -> LifeChange {
    let mut event_loop = EventLoop::new().unwrap();
    event_loop.add(watch, 1, Interest::READ).unwrap();
    let give_up_at = clock::now() + HANG_LIMIT;
    let mut ready = Vec::new();
    loop {
        if let Some(event) = watch.next_change() {
            return event.change;
        }
        assert!(
            clock::now() < give_up_at,
            "the watcher does not see what happened"
        );
        event_loop.wait(Some(give_up_at), &mut ready).unwrap();
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

struct Running(Child);

impl Running {
    /// How it has ended.
    fn end(&mut self) -> ExitStatus {
        let give_up_at = clock::now() + HANG_LIMIT;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(
                clock::now() < give_up_at,
                "it has said that it dies, and does not"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn every_kill_is_seen_and_every_successor_takes_the_lock_again() {
    let scene = Scene::new("kill");
    assert_eq!(scene.next_change(), LifeChange::Absent);
    for life in 1..=20 {
        let mut running = scene.start("wait");
        let LifeChange::Alive {
            incarnation,
            process,
            started_at_ticks,
        } = scene.next_change()
        else {
            panic!("life {life} was not seen");
        };
        assert_eq!((incarnation, process), (life, running.0.id()));
        assert_eq!(
            started_at_ticks,
            runtime::process::start_time_ticks(process).unwrap()
        );
        running.0.kill().unwrap();
        assert_eq!(
            scene.next_change(),
            LifeChange::Died {
                incarnation: life,
                cause: None
            }
        );
        running.0.wait().unwrap();
    }
}

#[test]
fn all_watchers_of_a_slot_see_its_death() {
    let scene = Scene::new("watchers");
    let others: Vec<LifeWatch> = (0..3)
        .map(|_| LifeWatch::start(&scene.memory, RpSlot::R0).unwrap())
        .collect();
    assert_eq!(scene.next_change(), LifeChange::Absent);
    others
        .iter()
        .for_each(|watch| assert_eq!(next_change(watch), LifeChange::Absent));
    let mut running = scene.start("wait");
    assert!(matches!(scene.next_change(), LifeChange::Alive { .. }));
    others
        .iter()
        .for_each(|watch| assert!(matches!(next_change(watch), LifeChange::Alive { .. })));
    running.0.kill().unwrap();
    let died = LifeChange::Died {
        incarnation: 1,
        cause: None,
    };
    assert_eq!(scene.next_change(), died);
    others
        .iter()
        .for_each(|watch| assert_eq!(next_change(watch), died));
}

#[test]
fn a_death_right_after_the_watch_began_is_a_death_with_its_cause() {
    let scene = Scene::new("at-once");
    let lock = LifeLock::hold(&scene.memory, &scene.directory, RpSlot::R1).unwrap();
    let watch = LifeWatch::start(&scene.memory, RpSlot::R1).unwrap();
    lock.resign(Resignation::Panic);
    assert!(matches!(next_change(&watch), LifeChange::Alive { .. }));
    let died = LifeChange::Died {
        incarnation: 1,
        cause: Some(Resignation::Panic),
    };
    assert_eq!(next_change(&watch), died);
}

#[test]
fn a_look_tells_what_has_happened_without_waiting_for_the_thread() {
    let scene = Scene::new("look");
    let watch = LifeWatch::start(&scene.memory, RpSlot::R1).unwrap();
    let changes = || std::iter::from_fn(|| watch.next_change()).map(|event| event.change);
    assert_eq!(changes().collect::<Vec<_>>(), [LifeChange::Absent]);
    let lock = LifeLock::hold(&scene.memory, &scene.directory, RpSlot::R1).unwrap();
    lock.resign(Resignation::Reload);
    watch.look();
    let seen: Vec<LifeChange> = changes().collect();
    assert!(
        matches!(
            seen[..],
            [
                LifeChange::Alive { incarnation: 1, .. },
                LifeChange::Died {
                    incarnation: 1,
                    cause: Some(Resignation::Reload)
                }
            ]
        ),
        "{seen:?}"
    );
}

#[test]
fn a_segfault_resigns_before_its_core_is_dumped() {
    let scene = Scene::new("segfault");
    let (cause, status) = scene.life_and_death("segfault");
    assert_eq!(cause, Some(Resignation::FatalSignal(11)));
    assert_eq!(status.signal(), Some(11), "the default action follows");
    let report = scene.report();
    assert!(
        report.contains("fatal signal 11") && report.contains("address 0x8"),
        "{report}"
    );
    assert_eq!(
        status.core_dumped(),
        core_is_expected(),
        "a core is made where the host allows it"
    );
    assert_eq!(has_core(&scene.directory), core_is_expected());
}

/// Whether the host writes cores into the working directory; a pipe or another directory is the host's own affair.
fn core_is_expected() -> bool {
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let hard_limit = limits.lines().find(|line| line.starts_with("Max core file size"));
    let allowed = hard_limit
        .and_then(|line| line.split_whitespace().nth(5))
        .is_some_and(|limit| limit != "0");
    allowed && !pattern.contains(['|', '/'])
}

fn has_core(directory: &Path) -> bool {
    std::fs::read_dir(directory)
        .unwrap()
        .any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with("core"))
}

#[test]
fn an_overflowing_stack_resigns_from_the_alternate_stack() {
    let scene = Scene::new("overflow");
    let (cause, status) = scene.life_and_death("overflow");
    assert_eq!(cause, Some(Resignation::FatalSignal(11)));
    assert_eq!(status.signal(), Some(11));
}

#[test]
fn a_report_is_whole_although_the_stack_cannot_be_read_or_the_loader_is_locked() {
    for role in ["damaged-stack", "loading"] {
        let scene = Scene::new(role);
        let (cause, status) = scene.life_and_death(role);
        assert_eq!(cause, Some(Resignation::FatalSignal(11)), "{role}");
        assert_eq!(status.signal(), Some(11), "{role}");
        let report = scene.report();
        for part in [
            "fatal signal 11",
            "\nstate:\n",
            "\nlast inputs and log lines:\n",
            "\nbacktrace:\n",
        ] {
            assert!(report.contains(part), "{role}: {part} in\n{report}");
        }
        assert!(
            report.ends_with("end of crash information\n"),
            "{role}:\n{report}"
        );
    }
}

#[test]
fn an_abort_resigns() {
    let scene = Scene::new("abort");
    let (cause, status) = scene.life_and_death("abort");
    assert_eq!(cause, Some(Resignation::FatalSignal(6)));
    assert_eq!(status.signal(), Some(6));
}

#[test]
fn a_panic_of_any_thread_resigns_with_its_own_cause_reports_and_ends_the_process() {
    let scene = Scene::new("panic");
    let (cause, status) = scene.life_and_death("panic");
    assert_eq!(
        cause,
        Some(Resignation::Panic),
        "the abort that follows does not replace the first cause"
    );
    assert_eq!(status.signal(), Some(6));
    let report = scene.report();
    assert!(
        report.starts_with("holdover test R0: panic in thread 'worker' at "),
        "{report}"
    );
    assert!(
        report.contains("life.rs") && report.contains("no reason"),
        "{report}"
    );
}

#[test]
fn a_process_that_returns_from_main_has_died_too() {
    let scene = Scene::new("return");
    let (cause, status) = scene.life_and_death("return");
    assert_eq!((cause, status.code()), (None, Some(0)));
}

#[test]
fn a_resignation_is_a_death_although_the_process_still_runs() {
    let scene = Scene::new("reload");
    assert_eq!(scene.next_change(), LifeChange::Absent);
    let mut running = scene.start("reload");
    assert!(matches!(
        scene.next_change(),
        LifeChange::Alive { incarnation: 1, .. }
    ));
    let died = LifeChange::Died {
        incarnation: 1,
        cause: Some(Resignation::Reload),
    };
    assert_eq!(scene.next_change(), died);
    assert!(running.0.try_wait().unwrap().is_none());
    running.0.kill().unwrap();
    running.0.wait().unwrap();
    // The kernel's own marking of the word, which came now, is not a second death: the next change is a life.
    let _successor = scene.start("wait");
    assert!(matches!(
        scene.next_change(),
        LifeChange::Alive { incarnation: 2, .. }
    ));
}

#[test]
fn a_second_process_in_a_slot_is_refused_with_the_name_of_the_first() {
    let scene = Scene::new("second");
    assert_eq!(scene.next_change(), LifeChange::Absent);
    let running = scene.start("wait");
    assert!(matches!(scene.next_change(), LifeChange::Alive { .. }));
    let error = LifeLock::hold(&scene.memory, &scene.directory, RpSlot::R0)
        .unwrap_err()
        .to_string();
    let expected = format!(
        "R0.lock is locked by process {}, which runs in slot R0",
        running.0.id()
    );
    assert!(error.ends_with(&expected), "{error}");
}
