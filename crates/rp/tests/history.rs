//! What the system remembers of itself: switchovers and uptimes, over switchovers and reloads.

#[path = "common/pair.rs"]
mod pair;

use machine::RpSlot;
use pair::Pair;
use redundancy::PeerLoss;

fn switchovers(pair: &mut Pair) -> Vec<String> {
    pair.type_each(&["enable"]);
    pair.ask("show redundancy switchover history")
}

fn kill_and_recover(pair: &mut Pair) {
    let slot = pair.active();
    pair.kill(slot, PeerLoss::Killed);
    pair.run_ms(300);
    pair.start(slot);
    pair.run_until_hot();
}

#[test]
fn req_79_switchover_history_of_a_system_without_switchovers_is_empty() {
    let mut pair = Pair::hot_at_a_terminal();
    assert_eq!(switchovers(&mut pair), Vec::<String>::new());
}

#[test]
fn req_79_switchover_history_survives_a_switchover() {
    let mut pair = Pair::hot_at_a_terminal();
    kill_and_recover(&mut pair);
    kill_and_recover(&mut pair);
    let shown = switchovers(&mut pair).join("\n");
    let masked = |line: &str| line.chars().take(45).collect::<String>();
    assert_eq!(
        shown.lines().map(masked).collect::<Vec<_>>(),
        [
            "Index  Previous  Current  Switchover         ",
            "       active    active   reason             ",
            "-----  --------  -------  ----------         ",
            "   1      48       49     active unit failed ",
            "   2      49       48     active unit failed ",
        ],
        "{shown}"
    );
}

#[test]
fn req_79_switchover_history_survives_a_reload_of_the_system_on_both_route_processors() {
    let mut pair = Pair::hot_at_a_terminal();
    kill_and_recover(&mut pair);
    let before = switchovers(&mut pair);
    assert_eq!(before.len(), 4);
    let [r0, r1] = [0, 1].map(|unit| pair.units[unit].switchover_history.clone());
    assert_eq!(r0, r1);
    assert!(!r0.is_empty());
    pair.type_each(&["reload", "no"]);
    pair.press("\r");
    pair.run_ms(50);
    pair.run_until_hot();
    assert_eq!(switchovers(&mut pair), before);
    let shown = pair.ask("show redundancy").join("\n");
    assert!(shown.contains("Switchovers system experienced = 0"), "{shown}");
    assert!(shown.contains("Last switchover reason = none"), "{shown}");
    kill_and_recover(&mut pair);
    let after = switchovers(&mut pair);
    assert_eq!(after[..4], before[..]);
    assert!(after[4].starts_with("   2 "), "{after:?}");
}

#[test]
fn switchover_history_holds_the_last_ten() {
    let mut pair = Pair::hot_at_a_terminal();
    for _ in 0..11 {
        kill_and_recover(&mut pair);
    }
    let shown = switchovers(&mut pair);
    assert_eq!(shown.len(), 3 + 10);
    assert!(shown[3].starts_with("   2 "), "{shown:?}");
    let shown = pair.ask("show redundancy").join("\n");
    assert!(shown.contains("Switchovers system experienced = 11"), "{shown}");
}

#[test]
fn system_uptime_survives_a_switchover_and_processor_uptime_does_not() {
    let mut pair = Pair::hot_at_a_terminal();
    pair.run_ms(121_000);
    pair.kill(RpSlot::R1, PeerLoss::Killed);
    pair.start(RpSlot::R1);
    pair.run_until_hot();
    pair.kill(RpSlot::R0, PeerLoss::Killed);
    pair.run_ms(300);
    assert_eq!(pair.active(), RpSlot::R1);
    pair.type_each(&["enable"]);
    let shown = pair.ask("show version").join("\n");
    assert!(shown.contains("Router uptime is 2 minutes"), "{shown}");
    assert!(
        shown.contains("Uptime for this control processor is 0 minutes"),
        "{shown}"
    );
    let shown = pair.ask("show redundancy").join("\n");
    assert!(shown.contains("Available system uptime = 2 minutes"), "{shown}");
    assert!(shown.contains("Uptime in current state = 0 minutes"), "{shown}");
}

#[test]
fn req_79_history_of_a_life_that_a_reload_ended_is_shown_by_the_next_one() {
    let mut pair = Pair::hot_at_a_terminal();
    pair.type_line("enable");
    assert_eq!(pair.ask("show redundancy history reload"), Vec::<String>::new());
    let before = pair.ask("show redundancy history");
    pair.type_each(&["reload", "no"]);
    pair.press("\r");
    pair.run_ms(50);
    pair.run_until_hot();
    pair.type_line("enable");
    let shown = pair.ask("show redundancy history reload");
    assert_eq!(
        shown[0],
        "Redundancy Facility Event Log before the last start, by power-on:"
    );
    let (last, earlier) = shown[1..].split_last().expect("the log");
    assert_eq!(earlier, before, "all of it is kept");
    assert!(
        last.ends_with(" Reload of this unit: Reload command, the whole system"),
        "{last}"
    );
    assert!(
        pair.ask("show redundancy history").len() < before.len() + 20,
        "a new log has begun"
    );
}

#[test]
fn req_79_req_81_the_unit_that_gave_up_the_activity_tells_so_after_its_reload() {
    let mut pair = Pair::hot_at_a_terminal();
    pair.type_line("enable");
    pair.press("redundancy force-switchover\r");
    pair.run_ms(20);
    pair.press("no\r");
    pair.run_ms(20);
    pair.press("\r");
    pair.run_ms(100);
    assert_eq!(pair.active(), RpSlot::R1);
    pair.run_until_hot();
    pair.kill(RpSlot::R1, PeerLoss::Killed);
    pair.run_ms(300);
    pair.type_line("enable");
    let shown = pair.ask("show redundancy history reload").join("\n");
    assert!(shown.contains(" Reload of this unit: RP switchover\n"), "{shown}");
    assert!(
        shown.contains("my state = ACTIVE(13) *peer state = STANDBY HOT(8)\n"),
        "{shown}"
    );
}

#[test]
fn what_was_logged_in_the_last_second_before_a_kill_is_not_kept_and_all_before_it_is() {
    let mut pair = Pair::with_cards(Vec::new());
    pair.start(RpSlot::R0);
    pair.start(RpSlot::R1);
    pair.run_until_hot();
    pair.run_ms(1_100);
    let kept = pair.units[1].kept_history.clone();
    let standby = pair.units[1].processor.as_ref().expect("R1 runs");
    assert_eq!(kept, standby.facility().history().show());
    assert!(kept.contains("*my state = STANDBY HOT(8)"), "{kept}");
    pair.kill(RpSlot::R0, PeerLoss::Killed);
    pair.run_ms(500);
    pair.kill(RpSlot::R1, PeerLoss::Killed);
    assert_eq!(
        pair.units[1].kept_history, kept,
        "the takeover was within the last second"
    );
}

#[test]
fn a_takeover_keeps_its_log_a_second_later_and_once() {
    let mut pair = Pair::hot_at_a_terminal();
    pair.run_ms(2_000);
    let before = pair.units[1].kept_history.clone();
    pair.kill(RpSlot::R0, PeerLoss::Killed);
    pair.run_ms(900);
    assert_eq!(pair.active(), RpSlot::R1);
    assert_eq!(
        pair.units[1].kept_history, before,
        "no disk is asked during the takeover"
    );
    pair.run_ms(200);
    assert!(pair.units[1].kept_history.contains("*my state = ACTIVE-FAST(9)"));
}
