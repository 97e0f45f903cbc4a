//! What dies, and what the outside sees of it.

use crate::chassis::{self, HANG_LIMIT, ask, assert_nothing_lost, eventually, hot_pair, lab, slot_of};
use machine::{CardSlot, Duration, RpSlot};
use runtime::operate::script;
use runtime::operate::traffic::Traffic;
use runtime::operate::trial::{self, Calm, Cause};
use runtime::rp_process::nvram_path;

#[test]
fn kill_9_of_the_active_loses_no_transit_packet_and_history_says_why() {
    let mut lab = lab();
    let mut traffic = Traffic::start(&mut lab).unwrap();
    for _ in 0..3 {
        let before = lab.wait_until_hot(HANG_LIMIT).unwrap();
        let trial =
            trial::switch_over(&mut lab, &mut traffic, Cause::Crash, Calm::SHORT, HANG_LIMIT).unwrap();
        assert_nothing_lost(&trial);
        let after = lab.wait_until_hot(HANG_LIMIT).unwrap();
        assert_eq!(after, before.peer());
    }
    assert_eq!(lab.two_actives(), 0);
    let active = lab.wait_until_hot(HANG_LIMIT).unwrap();
    let history = ask(
        lab.run_directory(),
        active,
        &["show redundancy switchover history"],
    );
    assert_eq!(history.matches("active unit failed").count(), 3, "{history}");
}

#[test]
fn every_other_end_of_an_active_loses_no_transit_packet_either() {
    let mut lab = lab();
    let active = lab.wait_until_hot(HANG_LIMIT).unwrap();
    trial::save_configuration(&mut lab, active).unwrap();
    let mut traffic = Traffic::start(&mut lab).unwrap();
    for cause in Cause::ALL {
        let trial = trial::switch_over(&mut lab, &mut traffic, cause, Calm::SHORT, HANG_LIMIT).unwrap();
        assert_nothing_lost(&trial);
    }
    assert_eq!(lab.two_actives(), 0);
    assert_eq!(lab.take_notes(), Vec::<String>::new());
}

#[test]
fn the_loss_of_the_standby_disturbs_nobody() {
    let mut lab = lab();
    let mut traffic = Traffic::start(&mut lab).unwrap();
    let trial = trial::lose_standby(&mut lab, &mut traffic, Calm::SHORT, HANG_LIMIT).unwrap();
    assert_nothing_lost(&trial);
    assert_eq!(trial.traffic.punts.lost, 0);
}

#[test]
fn a_pulled_card_costs_only_its_own_ports_and_works_again_when_it_is_back() {
    let mut lab = lab();
    let mut traffic = Traffic::start(&mut lab).unwrap();
    let trial = trial::pull_card(&mut lab, &mut traffic, CardSlot(1), Calm::SHORT, HANG_LIMIT).unwrap();
    assert_nothing_lost(&trial);
    assert!(trial.traffic.without_path.sent > 0, "{trial:?}");
}

#[test]
fn what_write_memory_saved_is_in_both_nvrams_when_the_active_dies_right_after() {
    let place = chassis::up();
    let run = place.run_directory();
    let (active, _) = hot_pair(&run);
    let lines = [
        "enable",
        "configure terminal",
        "hostname Saved",
        "end",
        "write memory",
    ];
    ask(&run, slot_of(&active), &lines);
    chassis::kill(active.pid);
    for slot in RpSlot::ALL {
        eventually("the saved configuration is in the NVRAM", || {
            let text = std::fs::read_to_string(nvram_path(&place.path.join("state"), slot)).ok()?;
            text.contains("hostname Saved").then_some(())
        });
    }
    // And it is what a chassis boots with.
    hot_pair(&run);
    assert!(place.run(&["down"]).status.success());
    assert!(place.run(&["up", "--detach"]).status.success());
    let (active, _) = hot_pair(&run);
    let text = ask(&run, slot_of(&active), &["enable", "show running-config"]);
    assert!(text.contains("hostname Saved"), "{text}");
}

#[test]
fn a_configuration_line_that_was_acknowledged_survives_kill_9_at_any_moment() {
    let mut lab = lab();
    let mut number = 0;
    for round in 0..5 {
        let active = lab.wait_until_hot(HANG_LIMIT).unwrap();
        let run = lab.run_directory().to_path_buf();
        let first = number;
        let operator = std::thread::spawn(move || {
            // Each script ends only after its line was acknowledged; the first that does not is the last.
            let mut acknowledged = first;
            loop {
                let hostname = format!("hostname H{}", acknowledged + 1);
                let lines = ["enable", "configure terminal", hostname.as_str()];
                if script::run(&run, active, &lines, HANG_LIMIT).is_err() {
                    return acknowledged;
                }
                acknowledged += 1;
            }
        });
        let random = runtime::shared_memory::random_bytes::<2>().unwrap();
        let delay = 5_000 + u64::from(u16::from_le_bytes(random));
        lab.pause(Duration::from_micros(delay)).unwrap();
        let unit = runtime::backplane::Unit::Rp(active);
        lab.kill(unit).unwrap();
        let acknowledged = operator.join().expect("the operator's thread");
        let run = lab.run_directory().to_path_buf();
        lab.restart(unit).unwrap();
        let active = lab.wait_until_hot(HANG_LIMIT).unwrap();
        let text = ask(&run, active, &["enable", "show running-config"]);
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("hostname "));
        let kept: u64 = match line.and_then(|name| name.strip_prefix('H')) {
            Some(digits) => digits.parse().expect("a number"),
            None => 0,
        };
        // The line that was under way may be there or not; no acknowledged one may be missing.
        assert!(
            kept == acknowledged || kept == acknowledged + 1,
            "round {round}: H{acknowledged} was acknowledged, H{kept} is there after {delay} us\n{text}"
        );
        number = kept;
    }
    assert!(number > 0, "some lines were acknowledged");
}
