//! The question whether to save, before a reload and before a forced switchover.

use crate::chassis::{self, HANG_LIMIT, Place, ask, eventually, hot_pair, is_running, slot_of};
use machine::RpSlot;
use runtime::operate::script;
use runtime::operate::typed::TypedSession;
use runtime::rp_process::nvram_path;

const QUESTION: &str = "System configuration has been modified. Save? [yes/no]: ";

/// What both NVRAMs hold, which is the same.
fn saved(place: &Place) -> String {
    let [one, other] = RpSlot::ALL.map(|slot| {
        let path = nvram_path(&place.path.join("state"), slot);
        std::fs::read_to_string(path).unwrap_or_default()
    });
    assert_eq!(one, other, "both hold the same");
    one
}

fn rename(place: &Place, active: RpSlot, name: &str) {
    let line = format!("hostname {name}");
    ask(
        &place.run_directory(),
        active,
        &["enable", "configure terminal", &line, "end"],
    );
}

/// A typed session in privileged EXEC.
fn typed(place: &Place, active: RpSlot) -> TypedSession {
    let mut session = TypedSession::open(&place.run_directory(), active, HANG_LIMIT).expect("a console");
    session.press("\r").expect("a key");
    session
        .read_until(|screen| screen.ends_with('>'))
        .expect("a prompt");
    session.press("enable\r").expect("a command");
    session
        .read_until(|screen| screen.ends_with('#'))
        .expect("a prompt");
    session
}

/// Types, and takes the screen when it ends as expected.
fn answer(session: &mut TypedSession, keys: &str, end: &str) -> String {
    session.press(keys).expect("keys");
    let screen = session
        .read_until(|screen| screen.ends_with(end))
        .expect("an answer");
    assert!(screen.ends_with(end), "{keys:?}: {end:?} in\n{screen}");
    screen
}

/// Wrong answers to the question are asked again, each way out of it is taken once, and nothing is reloaded.
fn every_answer_but_the_last(place: &Place, active: RpSlot, command: &str, confirm: &str) {
    let mut session = typed(place, active);
    answer(&mut session, command, QUESTION);
    for wrong in ["\r", "perhaps\r", "yess\r", "?\r"] {
        answer(&mut session, wrong, QUESTION);
    }
    answer(&mut session, "\x03", "#");
    assert!(!saved(place).contains("hostname Second"), "nothing was answered");
    answer(&mut session, command, QUESTION);
    answer(&mut session, "no\r", confirm);
    answer(&mut session, "n", "#");
    assert!(!saved(place).contains("hostname Second"), "the answer was no");
    answer(&mut session, command, QUESTION);
    let screen = answer(&mut session, "y\r", confirm);
    assert!(screen.contains("Building configuration...\n[OK]\n"), "{screen}");
    // Saved on both before the next question: whatever happens now does not take it back.
    assert!(saved(place).contains("hostname Second"), "the answer was yes");
    answer(&mut session, "x", "#");
    // There is nothing left to save.
    answer(&mut session, command, confirm);
    answer(&mut session, "n", "#");
}

#[test]
fn req_37_req_80_a_switchover_asks_whether_to_save_and_yes_is_on_both_disks_before_it() {
    let place = chassis::up();
    let run = place.run_directory();
    let (active, _) = hot_pair(&run);
    let first = slot_of(&active);
    ask(&run, first, &["enable", "write memory"]);
    rename(&place, first, "Second");
    let confirm = "Proceed with switchover to standby RP? [confirm]";
    every_answer_but_the_last(&place, first, "redundancy force-switchover\r", confirm);
    assert!(is_running(active.pid));
    // A script cannot be asked again: a wrong answer ends the command.
    rename(&place, first, "Third");
    let wrong = ["enable", "redundancy force-switchover", "perhaps", "show clock"];
    let said = script::run(&run, first, &wrong, HANG_LIMIT);
    let refused = said
        .expect_err("a strict script ends at what was not done")
        .to_string();
    assert!(refused.contains("redundancy force-switchover"), "{refused}");
    assert!(is_running(active.pid));
    let mut session = typed(&place, first);
    answer(&mut session, "redundancy force-switchover\r", QUESTION);
    answer(&mut session, "no\r", confirm);
    session.press("\r").expect("a key");
    eventually("the old active has ended", || {
        (!is_running(active.pid)).then_some(())
    });
    let (now, _) = hot_pair(&run);
    assert_ne!(slot_of(&now), first);
    // Not saved and not lost: the running configuration moved, and is still not the startup configuration.
    let lines = [
        "enable",
        "show running-config",
        "show redundancy switchover history",
    ];
    let shown = ask(&run, slot_of(&now), &lines);
    assert!(
        shown.contains("hostname Third") && shown.contains("user forced"),
        "{shown}"
    );
    assert!(saved(&place).contains("hostname Second"));
    let mut session = typed(&place, slot_of(&now));
    answer(&mut session, "redundancy force-switchover\r", QUESTION);
    answer(&mut session, "yes\r", confirm);
    assert!(saved(&place).contains("hostname Third"));
    session.press("\r").expect("a key");
    eventually("this one has ended too", || (!is_running(now.pid)).then_some(()));
    let (again, _) = hot_pair(&run);
    assert_eq!(slot_of(&again), first);
    assert!(saved(&place).contains("hostname Third"));
}

#[test]
fn req_37_req_48_reload_asks_whether_to_save_and_yes_is_what_both_boot_with() {
    let place = chassis::up();
    let run = place.run_directory();
    let (active, standby) = hot_pair(&run);
    let slot = slot_of(&active);
    ask(&run, slot, &["enable", "write memory"]);
    rename(&place, slot, "Second");
    every_answer_but_the_last(&place, slot, "reload\r", "Proceed with reload? [confirm]");
    assert!(is_running(active.pid) && is_running(standby.pid));
    rename(&place, slot, "Third");
    let mut session = typed(&place, slot);
    answer(&mut session, "reload\r", QUESTION);
    answer(&mut session, "yes\r", "Proceed with reload? [confirm]");
    session.press("y").expect("a key");
    eventually("both have ended", || {
        (!is_running(active.pid) && !is_running(standby.pid)).then_some(())
    });
    let (active, _) = hot_pair(&run);
    let shown = ask(&run, slot_of(&active), &["enable", "show running-config"]);
    assert!(shown.contains("hostname Third"), "{shown}");
    assert!(saved(&place).contains("hostname Third"));
}
