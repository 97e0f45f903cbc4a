//! The chassis as its operator handles it: reload, stopped and started units, crash information.

use crate::chassis::{self, HANG_LIMIT, Place, ask, eventually, hot_pair, is_running, order, slot_of, words};
use machine::RpSlot;
use runtime::backplane::{BackplaneClient, Reply, Request, SlotStatus, Unit};
use runtime::operate::script;
use runtime::operate::status_client::{self, StatusClient};
use runtime::rp_process::nvram_path;
use std::path::{Path, PathBuf};

fn slots(run: &Path) -> Vec<SlotStatus> {
    let reply = BackplaneClient::connect(run).and_then(|mut backplane| backplane.request(&Request::Status));
    match reply {
        Ok(Reply::Status(status)) => status.slots,
        other => panic!("no status: {other:?}"),
    }
}

fn slot(run: &Path, unit: Unit) -> SlotStatus {
    let found = slots(run).into_iter().find(|status| status.slot == unit);
    found.expect("the chassis has this slot")
}

fn processes(run: &Path) -> Vec<u32> {
    slots(run)
        .iter()
        .filter(|status| status.slot != Unit::Hosts)
        .filter_map(|status| status.process)
        .collect()
}

fn crash_files(place: &Place) -> Vec<PathBuf> {
    let directory = place.path.join("state").join("crashinfo");
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

fn card(number: u8) -> Unit {
    Unit::Card(machine::CardSlot(number))
}

#[test]
fn req_48_reload_starts_everything_anew_with_the_saved_configuration_and_is_no_switchover() {
    let place = chassis::up();
    let run = place.run_directory();
    let (active, _) = hot_pair(&run);
    let slot = slot_of(&active);
    let before = processes(&run);
    assert_eq!(before.len(), 4, "two route processors and two cards");
    let lines = [
        "enable",
        "configure terminal",
        "hostname Saved",
        "end",
        "write memory",
    ];
    ask(&run, slot, &lines);
    ask(
        &run,
        slot,
        &["enable", "configure terminal", "hostname Unsaved", "end"],
    );
    // Modified: it asks whether to save, then for confirmation.
    order(&run, slot, &["enable", "reload", "no", "y"]);
    eventually("every unit has ended", || {
        before.iter().all(|process| !is_running(*process)).then_some(())
    });
    let (active, _) = hot_pair(&run);
    assert_eq!(
        slot_of(&active),
        slot,
        "the same unit is active again: it tells of its own life before"
    );
    let shown = ask(
        &run,
        slot,
        &[
            "enable",
            "show running-config",
            "show redundancy switchover history",
            "show version",
            "show redundancy history reload",
        ],
    );
    assert!(shown.contains("hostname Saved"), "{shown}");
    for line in [
        "Redundancy Facility Event Log before the last start, by reload at ",
        " Reload of this unit: Reload command, the whole system\n",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(
        !shown.contains("Switchover"),
        "a reload is no switchover:\n{shown}"
    );
    assert!(shown.contains("System returned to ROM by reload at "), "{shown}");
    assert!(shown.contains("Last reload reason: Reload Command"), "{shown}");
    for slot in RpSlot::ALL {
        let text = std::fs::read_to_string(nvram_path(&place.path.join("state"), slot)).unwrap();
        assert!(text.contains("hostname Saved"), "{text}");
    }
}

#[test]
fn redundancy_reload_peer_restarts_the_standby_and_nothing_else() {
    let place = chassis::up();
    let run = place.run_directory();
    let (active, standby) = hot_pair(&run);
    let slot = slot_of(&active);
    let declined = script::run(&run, slot, &["enable", "redundancy reload peer", "n"], HANG_LIMIT);
    let declined = declined.unwrap_or_else(|error| error.to_string());
    assert!(is_running(standby.pid), "{declined}");
    let shown = ask(&run, slot, &["enable", "redundancy reload peer", "y"]);
    assert!(shown.contains("Reload peer [confirm]"), "{shown}");
    assert!(shown.contains("Preparing to reload peer"), "{shown}");
    eventually("the standby has ended", || {
        (!is_running(standby.pid)).then_some(())
    });
    let (again, fresh) = hot_pair(&run);
    assert_eq!((again.pid, slot_of(&again)), (active.pid, slot));
    assert_ne!(fresh.pid, standby.pid);
}

#[test]
fn a_stopped_card_stays_stopped_over_a_switchover_and_over_down_and_up_until_it_is_started() {
    let place = chassis::up();
    let run = place.run_directory();
    let (active, _) = hot_pair(&run);
    let shown = ask(&run, slot_of(&active), &["enable", "hw-module slot 1 stop", "y"]);
    assert!(
        shown.contains("Proceed with stop of module? [confirm]"),
        "{shown}"
    );
    eventually("the card has ended", || {
        slot(&run, card(1)).process.is_none().then_some(())
    });
    let platform = |run: &Path| {
        eventually("an active that tells of the card", || {
            let active = status_client::active_slot(&status_client::observe(run))?;
            let text = script::run(run, active, &["show platform"], HANG_LIMIT).ok()?;
            text.lines()
                .find(|line| line.starts_with("1  "))
                .map(str::to_string)
                .filter(|line| line.contains("disabled"))
        })
    };
    platform(&run);
    chassis::kill(active.pid);
    eventually("another active", || {
        let now = status_client::active_slot(&status_client::observe(&run))?;
        (now != slot_of(&active)).then_some(())
    });
    platform(&run);
    assert_eq!(slot(&run, card(1)).power, "off");
    assert!(place.run(&["down"]).status.success());
    let up = place.run(&["up", "--detach"]);
    assert!(up.status.success(), "{}", words(&up));
    platform(&run);
    let now = status_client::active_slot(&status_client::observe(&run)).expect("an active");
    let shown = ask(&run, now, &["enable", "hw-module slot 1 start"]);
    eventually("the card runs", || slot(&run, card(1)).process);
    eventually("the card is in service again", || {
        let text = ask(&run, now, &["show platform"]);
        let line = text.lines().find(|line| line.starts_with("1  "))?;
        line.contains(" ok ").then_some(())
    });
    assert!(!shown.contains('%'), "{shown}");
}

#[test]
fn the_standby_is_stopped_and_started_and_the_active_refuses_to_stop_itself() {
    let place = chassis::up();
    let run = place.run_directory();
    let (active, standby) = hot_pair(&run);
    let (own, other) = (slot_of(&active), slot_of(&standby));
    let stop_own = format!("hw-module slot {own} stop");
    let refused = script::run(&run, own, &["enable", &stop_own, "show version"], HANG_LIMIT);
    let refused = refused.unwrap_or_else(|error| error.to_string());
    assert!(!refused.contains("[confirm]"), "{refused}");
    let stop = format!("hw-module slot {other} stop");
    ask(&run, own, &["enable", &stop, "y"]);
    eventually("the standby has ended", || {
        (!is_running(standby.pid)).then_some(())
    });
    let shown = ask(
        &run,
        own,
        &["enable", "show platform", "show facility-alarm status"],
    );
    assert!(shown.contains("disabled"), "{shown}");
    eventually("the alarm is raised", || {
        let text = ask(&run, own, &["show facility-alarm status"]);
        text.contains("Secondary Removed").then_some(())
    });
    let start = format!("hw-module slot {other} start");
    ask(&run, own, &["enable", &start]);
    hot_pair(&run);
}

#[test]
fn req_50_a_crash_leaves_its_information_with_the_slot_in_the_name_and_mastership_moves_first() {
    let place = chassis::up();
    let run = place.run_directory();
    let (active, _) = hot_pair(&run);
    let slot = slot_of(&active);
    ask(
        &run,
        slot,
        &["enable", "configure terminal", "hostname East", "end"],
    );
    let panicked = StatusClient::connect(&run, slot).and_then(|mut status| status.fault("panic"));
    assert!(panicked.is_ok(), "{panicked:?}");
    eventually("the crashed process has ended", || {
        (!is_running(active.pid)).then_some(())
    });
    let marker = format!("East-crashinfo-{slot}-");
    let report = eventually("crash information of the slot", || {
        let named = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(&marker);
        crash_files(&place).into_iter().find(named)
    });
    let text = std::fs::read_to_string(&report).unwrap();
    for part in [
        "fault injected over the status socket",
        "configuration digest",
        "last inputs and log lines:",
        "client ",
        "end of crash information",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let (now, _) = hot_pair(&run);
    assert_eq!(slot_of(&now), slot.peer());
    let shown = ask(
        &run,
        slot_of(&now),
        &["enable", "show redundancy switchover history", "dir crashinfo:"],
    );
    assert!(
        shown.contains("active unit failed") && shown.contains("(panic)"),
        "{shown}"
    );
    assert!(shown.contains(&marker), "{shown}");
}
