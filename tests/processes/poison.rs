//! A real route processor dies in a step of BGP: its successor does not.

use crate::chassis::{self, ask, eventually, hot_pair, is_running, slot_of};
use runtime::operate::status_client::StatusClient;

/// Two neighbours that there is no way to: the router tries again and again, by its timers.
const NEIGHBORS: [&str; 6] = [
    "enable",
    "configure terminal",
    "router bgp 65000",
    "neighbor 192.0.2.2 remote-as 65002",
    "neighbor 192.0.2.3 remote-as 65003",
    "end",
];

#[test]
fn a_step_that_kills_whoever_makes_it_kills_one_route_processor_and_is_not_made_again() {
    let place = chassis::up();
    let run = place.run_directory();
    let (active, standby) = hot_pair(&run);
    ask(&run, slot_of(&active), &NEIGHBORS);
    for unit in [&standby, &active] {
        let told = StatusClient::connect(&run, slot_of(unit))
            .and_then(|mut unit| unit.fault("trap timer 192.0.2.2"));
        assert!(told.is_ok(), "{told:?}");
    }
    eventually("the active has died of it", || {
        (!is_running(active.pid)).then_some(())
    });
    let (now, _) = hot_pair(&run);
    assert_eq!(now.pid, standby.pid, "the standby took over, and lives");
    let asked = [
        "enable",
        "terminal length 0",
        "show logging",
        "show ip bgp summary",
    ];
    let shown = ask(&run, slot_of(&now), &asked);
    let quarantine = "%BGP-2-QUARANTINE: neighbor 192.0.2.2 Quarantined (step timer, ";
    assert_eq!(shown.matches(quarantine).count(), 1, "{shown}");
    let state_of = |neighbor: &str| {
        let line = shown.lines().rfind(|line| line.starts_with(neighbor));
        line.unwrap_or_else(|| panic!("no {neighbor} in\n{shown}"))
            .to_string()
    };
    assert!(state_of("192.0.2.2 ").ends_with("Idle (Quar)"), "{shown}");
    assert!(!state_of("192.0.2.3 ").contains("Quar"), "{shown}");
    let report = place.path.join("state").join("crashinfo");
    let text: String = std::fs::read_dir(report)
        .expect("a directory")
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok())
        .collect();
    assert!(
        text.contains("the step 'timer' was planted to be deadly"),
        "{text}"
    );
}
