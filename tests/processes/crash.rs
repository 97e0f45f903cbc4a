//! What a crash leaves, and how long its successor waits for that.

use crate::chassis::{self, HANG_LIMIT, Place, ask, eventually, hot_pair, is_running, order, slot_of, words};
use machine::RpSlot;
use runtime::crash::report_name;
use runtime::operate::status_client::{RpReport, StatusClient};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The last line of a report that is whole.
const END: &str = "end of crash information\n";

fn directory(place: &Place) -> PathBuf {
    place.path.join("state").join("crashinfo")
}

fn names(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(directory(place)).into_iter().flatten();
    entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

/// What the files that begin so hold, oldest first. Deaths of one slot within a second are told in one file.
fn reports(place: &Place, marker: &str) -> Vec<String> {
    let mut names = names(place);
    names.retain(|name| name.starts_with(marker));
    names.sort();
    let read = |name: &String| std::fs::read_to_string(directory(place).join(name)).expect("a report");
    let text: String = names.iter().map(read).collect();
    text.split_inclusive(END).map(str::to_string).collect()
}

fn fault(run: &Path, active: &RpReport, fault: &str) {
    let told = StatusClient::connect(run, slot_of(active)).and_then(|mut rp| rp.fault(fault));
    assert!(told.is_ok(), "{fault}: {told:?}");
}

/// The digest of the running configuration, as the active shows it.
fn configuration_digest(run: &Path, active: RpSlot) -> String {
    let shown = ask(run, active, &["enable", "show redundancy config-sync status"]);
    let words = shown.split_whitespace();
    let digest = words.skip_while(|word| *word != "digest").nth(1);
    digest
        .unwrap_or_else(|| panic!("no digest in\n{shown}"))
        .to_string()
}

/// Two megabytes of dumps, an hour old, in a chassis that has room for one.
fn old_dumps(place: &Place) {
    std::fs::create_dir_all(directory(place)).expect("a directory");
    for (age_s, name) in [
        (7200, "Old-crashinfo-R0-20200101-000000.txt"),
        (3600, "Old-core-slot1-20200102-000000"),
    ] {
        let path = directory(place).join(name);
        std::fs::write(&path, vec![b'x'; 700 << 10]).expect("an old dump");
        let file = File::options().write(true).open(&path).expect("the old dump");
        file.set_modified(SystemTime::now() - Duration::from_secs(age_s))
            .expect("its age");
    }
}

/// State, clients, configuration and the last inputs are in a report, up to its end.
fn assert_tells_all(report: &str, configuration_digest: &str) {
    for part in [
        "\nstate:\nslot ",
        "ACTIVE(13)",
        &format!("configuration digest {configuration_digest}"),
        "table IPv4 FIB: ",
        "pass over the clients: none",
        "client IfIndex(139) seq=61: done",
        "last inputs and log lines:\n",
        "peer: acknowledgement",
        "backtrace:",
    ] {
        assert!(report.contains(part), "{part} in\n{report}");
    }
    assert!(report.ends_with(END), "{report}");
}

#[test]
fn req_50_req_52_each_kind_of_crash_leaves_a_whole_report_and_old_dumps_make_room() {
    let place = Place::new();
    old_dumps(&place);
    let output = chassis::up_as(&place, &chassis::description("crash_space_mib = 1"));
    assert!(output.status.success(), "{}", words(&output));
    let run = place.run_directory();
    assert_eq!(
        names(&place),
        ["Old-core-slot1-20200102-000000"],
        "the oldest one went"
    );
    let (active, _) = hot_pair(&run);
    let name = ["enable", "configure terminal", "hostname East", "end"];
    ask(&run, slot_of(&active), &name);
    let kinds = [
        ("fatal signal 11", None),
        ("broken off: the stack cannot be read", Some("damaged-stack")),
        ("fault injected over the status socket", Some("panic")),
    ];
    for (number, (cause, injected)) in kinds.into_iter().enumerate() {
        let (active, _) = hot_pair(&run);
        let marker = &format!("East-crashinfo-{}-", active.slot);
        let digest = configuration_digest(&run, slot_of(&active));
        let before = reports(&place, marker).len();
        match injected {
            Some(kind) => fault(&run, &active, kind),
            None => chassis::signal(active.pid, "SEGV"),
        }
        eventually("the crashed process has ended", || {
            (!is_running(active.pid)).then_some(())
        });
        let (now, _) = hot_pair(&run);
        assert_ne!(now.slot, active.slot, "mastership has moved");
        let fresh = reports(&place, marker).split_off(before);
        assert_eq!(fresh.len(), 1, "one report for one death: {fresh:?}");
        let report = &fresh[0];
        assert!(report.contains(cause), "{number}: {cause} in\n{report}");
        assert_tells_all(report, &digest);
        if injected != Some("damaged-stack") {
            let is_frame = |line: &&str| line.contains("holdover(") || line.contains(" at ");
            let frames = report.lines().filter(is_frame).count();
            assert!(frames > 3, "{number}: frames in\n{report}");
        }
        let shown = ask(&run, slot_of(&now), &["enable", "dir crashinfo:"]);
        assert!(shown.contains(marker), "{shown}");
    }
}

/// Pipes in the place of every report that this router may begin in the next minutes: whoever writes one waits until somebody
/// reads it.
struct Pipes {
    paths: Vec<PathBuf>,
}

impl Pipes {
    fn lay(place: &Place, slot: RpSlot) -> Pipes {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a clock after 1970");
        let path = |second: u64| {
            let name = report_name("Router", &slot.to_string(), since.as_secs() + second);
            directory(place).join(name)
        };
        let paths: Vec<PathBuf> = (0..HANG_LIMIT.as_secs()).map(path).collect();
        let made = Command::new("mkfifo").args(&paths).status();
        assert!(made.expect("mkfifo runs").success());
        Pipes { paths }
    }

    /// Reads all of them until one of them has brought a report, and removes them.
    fn read(self) -> String {
        let open = |path: &PathBuf| {
            let file = File::options().read(true).custom_flags(O_NONBLOCK).open(path);
            file.expect("a pipe can be read")
        };
        let mut readers: Vec<(File, Vec<u8>)> =
            self.paths.iter().map(|path| (open(path), Vec::new())).collect();
        let deadline = Instant::now() + HANG_LIMIT;
        loop {
            for (reader, bytes) in &mut readers {
                match reader.read_to_end(bytes) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => panic!("a report cannot be read: {error}"),
                }
                let text = String::from_utf8_lossy(bytes);
                if text.ends_with(END) {
                    for path in &self.paths {
                        std::fs::remove_file(path).expect("a pipe can be removed");
                    }
                    return text.into_owned();
                }
            }
            assert!(Instant::now() < deadline, "never: a report");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Of `open(2)`, the same on every Linux that this runs on.
const O_NONBLOCK: i32 = 0o4000;

/// What the successor shows while it waits: that it does, for how long at most, and that the unit is not back.
fn the_wait_is_shown(run: &Path, successor: RpSlot, failed: RpSlot) {
    let shown = eventually("the successor says that it waits", || {
        let lines = ["enable", "show redundancy", "show platform", "show logging"];
        let shown = runtime::operate::script::run(run, successor, &lines, HANG_LIMIT).ok()?;
        shown.contains("is writing its crash dump").then_some(shown)
    });
    for part in [
        &format!("Peer (slot: {failed}) is writing its crash dump; it is reset in 7 minutes at the latest"),
        &format!("CRASHDUMP_WAIT: Waiting up to 7 minutes for the crash dump of {failed}"),
        "crash dump  ",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    assert!(!shown.contains("%REDUNDANCY-5-CRASHDUMP_COMPLETE"), "{shown}");
}

#[test]
fn req_51_a_dump_is_waited_for_and_its_end_or_an_operator_ends_the_wait_at_once() {
    let place = chassis::up();
    let run = place.run_directory();
    let (active, _) = hot_pair(&run);
    let lines = [
        "enable",
        "configure terminal",
        "redundancy",
        "crashdump-timeout 7",
        "end",
    ];
    ask(&run, slot_of(&active), &lines);
    for by_operator in [false, true] {
        let (active, _) = hot_pair(&run);
        let (failed, successor) = (slot_of(&active), slot_of(&active).peer());
        ask(&run, failed, &["enable", "clear logging"]);
        let pipes = Pipes::lay(&place, failed);
        chassis::signal(active.pid, "SEGV");
        the_wait_is_shown(&run, successor, failed);
        assert!(
            is_running(active.pid),
            "it has not ended: nobody reads what it writes"
        );
        if by_operator {
            let reload = format!("hw-module slot {failed} reload");
            order(&run, successor, &["enable", &reload, "y"]);
        } else {
            let report = pipes.read();
            assert!(report.contains("fatal signal 11"), "{report}");
        }
        eventually("the failed process has ended", || {
            (!is_running(active.pid)).then_some(())
        });
        let (now, standby) = hot_pair(&run);
        assert_eq!((slot_of(&now), slot_of(&standby)), (successor, failed));
        let shown = ask(&run, successor, &["enable", "show redundancy", "show logging"]);
        assert!(!shown.contains("is writing its crash dump"), "{shown}");
        let complete = format!("CRASHDUMP_COMPLETE: Crash dump of {failed} complete after");
        assert!(shown.contains(&complete), "{shown}");
    }
}
