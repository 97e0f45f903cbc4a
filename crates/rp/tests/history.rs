//! What the system remembers of itself: switchovers and uptimes, over switchovers and reloads.

mod pair;

use machine::RpSlot;
use pair::Pair;

fn switchovers(pair: &mut Pair) -> Vec<String> {
    pair.type_lines(&["enable"]);
    pair.ask("show redundancy switchover history")
}

fn kill_and_recover(pair: &mut Pair) {
    let slot = pair.active();
    pair.kill(slot);
    pair.run_ms(300);
    pair.boot(slot);
    pair.run_until_hot();
}

#[test]
fn req_79_switchover_history_of_a_system_without_switchovers_is_empty() {
    let mut pair = Pair::hot();
    assert_eq!(switchovers(&mut pair), Vec::<String>::new());
}

#[test]
fn req_79_switchover_history_survives_a_switchover() {
    let mut pair = Pair::hot();
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
    let mut pair = Pair::hot();
    kill_and_recover(&mut pair);
    let before = switchovers(&mut pair);
    assert_eq!(before.len(), 4);
    let [r0, r1] = [0, 1].map(|unit| pair.units[unit].switchover_history.clone());
    assert_eq!(r0, r1);
    assert!(!r0.is_empty());
    pair.type_lines(&["reload", "no"]);
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
    let mut pair = Pair::hot();
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
    let mut pair = Pair::hot();
    pair.run_ms(121_000);
    pair.kill(RpSlot::R1);
    pair.boot(RpSlot::R1);
    pair.run_until_hot();
    pair.kill(RpSlot::R0);
    pair.run_ms(300);
    assert_eq!(pair.active(), RpSlot::R1);
    pair.type_lines(&["enable"]);
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
