//! The operator's commands, as programs with exit codes.

use crate::chassis::{self, Place, eventually, hot_pair, is_running, kill, words};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

fn status(place: &Place) -> Value {
    let output = place.run(&["status", "--json"]);
    assert!(output.status.success(), "{}", words(&output));
    serde_json::from_slice(&output.stdout).expect("one line of JSON")
}

/// Process ids of the units, by slot.
fn units(status: &Value) -> Vec<(String, u64)> {
    let slots = status["backplane"]["slots"].as_array().expect("slots");
    let unit = |slot: &Value| {
        let name = slot["slot"].as_str().expect("a name").to_string();
        (name, slot["process"].as_u64().expect("it runs"))
    };
    slots.iter().map(unit).collect()
}

#[test]
fn a_second_up_is_refused_and_says_what_to_do() {
    let place = chassis::up();
    let before = units(&status(&place));
    let output = place.run(&["up", "--detach"]);
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    assert!(words(&output).contains("holdover down"), "{}", words(&output));
    assert_eq!(units(&status(&place)), before);
}

#[test]
fn down_leaves_no_process_and_no_chassis() {
    let place = chassis::up();
    let status = status(&place);
    let mut processes: Vec<u64> = units(&status).into_iter().map(|(_, process)| process).collect();
    processes.push(status["backplane"]["process"].as_u64().expect("a backplane"));
    assert!(place.run(&["down"]).status.success());
    for process in processes {
        let process = u32::try_from(process).expect("a process id");
        eventually("the process is gone", || (!is_running(process)).then_some(()));
    }
    assert_eq!(place.run(&["status"]).status.code(), Some(1));
    assert_eq!(place.run(&["down"]).status.code(), Some(1));
    let output = place.script(&[], "show version\n");
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
}

#[test]
fn the_death_of_the_backplane_disturbs_nobody_and_a_new_up_takes_over_what_runs() {
    let place = chassis::up();
    let before = status(&place);
    let backplane = before["backplane"]["process"].as_u64().expect("a backplane");
    kill(u32::try_from(backplane).expect("a process id"));
    eventually("the backplane is gone", || {
        status(&place)["backplane"].is_null().then_some(())
    });
    for (_, process) in units(&before) {
        assert!(is_running(u32::try_from(process).expect("a process id")));
    }
    let output = place.run(&["up", "--detach"]);
    assert!(output.status.success(), "{}", words(&output));
    let after = status(&place);
    assert_eq!(units(&after), units(&before));
    assert_ne!(after["backplane"]["process"], before["backplane"]["process"]);
    // It watches them: what dies now is started again.
    let (active, _) = hot_pair(&place.run_directory());
    kill(active.pid);
    let (successor, standby) = hot_pair(&place.run_directory());
    assert_eq!((&standby.slot, standby.pid != active.pid), (&active.slot, true));
    assert_eq!(successor.switchovers, active.switchovers + 1);
}

#[test]
fn a_strict_script_ends_at_its_first_rejected_line_with_an_exit_code_of_its_own() {
    let place = chassis::up();
    let script = "enable\nno such command\nconfigure terminal\nhostname Never\n";
    let strict = place.script(&["--strict"], script);
    assert_eq!(strict.status.code(), Some(3), "{}", words(&strict));
    let error = String::from_utf8_lossy(&strict.stderr);
    assert!(
        error.contains("line 2") && error.contains("no such command"),
        "{error}"
    );
    let shown = place.script(&["--strict"], "enable\nshow running-config\n");
    assert_eq!(shown.status.code(), Some(0), "{}", words(&shown));
    assert!(!words(&shown).contains("hostname Never"), "{}", words(&shown));
    // Without --strict it goes on.
    let lenient = place.script(&[], script);
    assert_eq!(lenient.status.code(), Some(0), "{}", words(&lenient));
    let shown = place.script(&[], "enable\nshow running-config\n");
    assert!(words(&shown).contains("hostname Never"), "{}", words(&shown));
}

#[test]
fn req_35_the_standby_has_a_console_that_refuses() {
    let place = chassis::up();
    let (_, standby) = hot_pair(&place.run_directory());
    let output = place.script(&["--slot", &standby.slot, "--strict"], "show version\n");
    assert_eq!(output.status.code(), Some(3), "{}", words(&output));
    assert!(
        words(&output).contains("Standby console disabled"),
        "{}",
        words(&output)
    );
}

#[test]
fn power_off_of_the_active_is_a_switchover_and_power_on_brings_a_standby() {
    let place = chassis::up();
    let (active, _) = hot_pair(&place.run_directory());
    assert!(place.run(&["power", "off", &active.slot]).status.success());
    eventually("the other one is active", || {
        (status(&place)["active"].as_str()? != active.slot).then_some(())
    });
    assert!(place.run(&["power", "on", &active.slot]).status.success());
    let (_, standby) = hot_pair(&place.run_directory());
    assert_eq!(standby.slot, active.slot);
}

#[test]
fn a_chassis_file_with_an_error_is_refused_with_its_place() {
    let place = Place::new();
    let file = place.path.join("wrong.toml");
    let text = "name = \"lab\"\n[[cards]]\nslot = 99\nports = [{ number = 0, wire = \"mem:a\" }]\n";
    std::fs::write(&file, text).expect("a file");
    let output = place.run(&["up", "--detach", "--chassis", file.to_str().expect("a path")]);
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("wrong.toml:3:"), "{error}");
}

#[test]
fn req_49_the_bench_prints_the_documented_line_last() {
    let place = Place::new();
    let output = place.run(&["bench", "switchover", "--json", "--count", "2"]);
    assert!(output.status.success(), "{}", words(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    let line: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    assert_eq!(
        (&line["bench"], &line["cause"]),
        (&"switchover".into(), &"crash".into())
    );
    assert_eq!((&line["count"], &line["two_actives"]), (&2.into(), &0.into()));
    assert_eq!(
        (&line["packets"]["lost"], &line["packets"]["duplicated"]),
        (&0.into(), &0.into())
    );
    assert!(line["packets"]["sent"].as_u64() > Some(0) && line["punts"]["sent"].as_u64() > Some(0));
    for phase in [
        "detected",
        "epoch_claimed",
        "promoted",
        "first_answer",
        "redundant",
    ] {
        for figure in ["p50", "p99", "max"] {
            let value = line["phases_us"][phase][figure].as_u64();
            assert!(value > Some(0), "{phase} {figure}: {value:?}");
        }
    }
}

#[test]
fn req_3_stateful_and_cold_switchovers_are_measured_by_one_command() {
    let measured = |mode: &str| -> Value {
        let place = Place::new();
        let output = place.run(&["bench", "switchover", "--json", "--count", "1", "--mode", mode]);
        assert!(output.status.success(), "{}", words(&output));
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(text.lines().last().expect("a line")).expect("JSON")
    };
    let [stateful, cold] = ["sso", "rpr"].map(measured);
    assert_eq!((&stateful["mode"], &cold["mode"]), (&"sso".into(), &"rpr".into()));
    for line in [&stateful, &cold] {
        assert!(
            line["phases_us"]["first_answer"]["max"].as_u64() > Some(0),
            "{line}"
        );
        assert_eq!(line["two_actives"], 0, "{line}");
    }
    assert_eq!(stateful["packets"]["lost"], 0, "{stateful}");
    assert!(
        cold["packets"]["lost"].as_u64() > Some(0),
        "every card is reset: {cold}"
    );
}

#[test]
fn an_unprivileged_user_plays_the_demo_and_no_row_fails() {
    let place = Place::new();
    // The program may lie where only its builder can read.
    let program = place.path.join("holdover");
    // Not copied by this process: what another test starts meanwhile would hold the copy open, and it could not be run.
    let copied = Command::new("cp").arg(chassis::program()).arg(&program).status();
    assert!(copied.expect("cp runs").success(), "a copy of the program");
    let everybody = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, everybody.clone()).expect("a program for everybody");
    std::fs::set_permissions(&place.path, everybody).expect("a directory for everybody");
    let mut command = Command::new(&program);
    command
        .arg("demo")
        .env_clear()
        .stdin(Stdio::null())
        .current_dir("/");
    if is_root() {
        command.uid(65534).gid(65534);
    }
    let output = command.output().expect("the demo runs");
    assert!(output.status.success(), "{}", words(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    let rows = text
        .lines()
        .filter(|line| line.trim_end().ends_with("ok"))
        .count();
    assert_eq!(rows, runtime::operate::demo::ACTS.len(), "{text}");
}

fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("Uid:"));
        line.is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0"))
    })
}

#[test]
fn a_reader_that_has_gone_ends_a_command_without_a_word() {
    let place = chassis::up();
    std::fs::write(place.path.join("script"), "enable\nshow running-config\n").expect("a script");
    for arguments in [
        &["status"][..],
        &["status", "--json"],
        &["console"],
        &["sim", "--seed", "1"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let script = std::fs::File::open(place.path.join("script")).expect("the script");
        let mut command = place.command(arguments);
        let output = command
            .stdin(script)
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .and_then(std::process::Child::wait_with_output)
            .expect("the program runs");
        // As shells show a process that SIGPIPE has ended.
        assert_eq!(
            output.status.code(),
            Some(128 + 13),
            "{arguments:?}: {}",
            words(&output)
        );
        assert_eq!(output.stderr, b"", "{arguments:?}: {}", words(&output));
    }
}

#[test]
fn filters_and_do_work_over_a_script_s_console() {
    let place = chassis::up();
    let script = "enable\nshow running-config | section Ethernet0/0\nconfigure terminal\nhostname Piped\n\
        do show running-config | include ^hostname\ndo show ip route | count ^C +[0-9]\n";
    let output = place.script(&["--strict"], script);
    assert!(output.status.success(), "{}", words(&output));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "interface Ethernet0/0\n ip address 10.0.0.1 255.255.255.0\nhostname Piped\n\
         Number of lines which match regexp = 4\n"
    );
}
