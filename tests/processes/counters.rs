//! Counters of interfaces over a switchover.

use crate::chassis::{self, ask, eventually, hot_pair, kill, slot_of};
use machine::RpSlot;
use std::path::Path;

/// Packets that came in and went out by Ethernet0/0, as the active shows them.
fn packets(run: &Path, slot: RpSlot) -> (u64, u64) {
    let shown = ask(run, slot, &["enable", "show interfaces"]);
    let number = |words: &str| {
        let line = shown.lines().find(|line| line.contains(words));
        let number = line.and_then(|line| line.split_whitespace().next());
        number
            .and_then(|number| number.parse().ok())
            .expect("a number of packets")
    };
    (number("packets input"), number("packets output"))
}

#[test]
fn req_45_interface_counters_go_on_over_a_switchover() {
    let place = chassis::up();
    let run = place.run_directory();
    let (active, _) = hot_pair(&run);
    let slot = slot_of(&active);
    let pinged = ask(&run, slot, &["enable", "ping 10.0.0.2"]);
    assert!(pinged.contains("Success rate is 100 percent (5/5)"), "{pinged}");
    // The card tells within a second: five answers, and the five requests.
    let before = eventually("the counters of the ping", || {
        Some(packets(&run, slot)).filter(|(input, output)| *input >= 5 && *output >= 5)
    });
    kill(active.pid);
    let successor = eventually("a successor", || {
        let (active, _) = hot_pair(&run);
        Some(slot_of(&active)).filter(|other| *other != slot)
    });
    eventually("the same counters at the successor", || {
        let (input, output) = packets(&run, successor);
        (input >= before.0 && output >= before.1).then_some(())
    });
}
