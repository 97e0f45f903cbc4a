//! `debug redundancy` and the views of the redundancy facility's inside, on a pair of route processors.

#[path = "common/pair.rs"]
mod pair;

use machine::RpSlot;
use pair::Pair;
use redundancy::PeerLoss;

fn enabled() -> Pair {
    let mut pair = Pair::hot_at_a_terminal();
    pair.type_each(&["enable"]);
    pair
}

#[test]
fn req_85_debug_redundancy_tells_a_monitoring_terminal_what_the_facility_does_and_no_other() {
    let mut pair = enabled();
    assert_eq!(
        pair.ask("debug redundancy all"),
        [
            "Redundancy ui debugging is on",
            "Redundancy clk debugging is on",
            "Redundancy hub debugging is on"
        ]
    );
    pair.run_ms(200);
    assert!(
        !pair.type_line("").contains("RF clk"),
        "a console that did not ask for it is told"
    );
    pair.type_each(&["terminal monitor"]);
    pair.run_ms(200);
    let shown = pair.type_line("");
    pair.type_each(&["terminal no monitor"]);
    assert!(shown.contains("RF clk: sent Heartbeat"), "{shown}");
    assert!(shown.contains("RF clk: received Heartbeat"), "{shown}");
    let logged = pair.ask("show logging").join("\n");
    assert!(logged.contains("RF clk: sent Heartbeat"), "{logged}");
    let states = pair.ask("show redundancy states").join("\n");
    assert!(states.contains("RF debug mask = 0x7   "), "{states}");
}

#[test]
fn req_85_each_topic_tells_its_own_events_and_undebug_ends_it() {
    let mut pair = enabled();
    assert_eq!(
        pair.ask("debug redundancy hub"),
        ["Redundancy hub debugging is on"]
    );
    assert_eq!(
        pair.ask("show debugging"),
        ["Redundancy:", "  Redundancy hub debugging is on"]
    );
    pair.kill(RpSlot::R1, PeerLoss::Killed);
    pair.run_ms(100);
    pair.start(RpSlot::R1);
    pair.run_until_hot();
    let log = pair.ask("show redundancy debug-log");
    assert!(log.iter().all(|line| line.contains(" RF hub: ")), "{log:?}");
    for words in ["link up", "received Hello", "received Progress(StandbyBulk)"] {
        assert!(log.iter().any(|line| line.contains(words)), "{words}: {log:?}");
    }
    pair.type_each(&["undebug all", "debug redundancy clk"]);
    pair.kill(RpSlot::R1, PeerLoss::Killed);
    pair.run_ms(100);
    pair.start(RpSlot::R1);
    pair.run_until_hot();
    let log = pair.ask("show redundancy debug-log").join("\n");
    assert!(
        log.contains("RF clk: RF_PROG_STANDBY_BULK(104) Config Sync RF client(5) op=1 rc=11"),
        "{log}"
    );
    assert_eq!(
        pair.ask("undebug all"),
        ["All possible debugging has been turned off"]
    );
    assert_eq!(pair.ask("show debugging"), Vec::<String>::new());
    let before = pair.ask("show redundancy debug-log").len();
    pair.run_ms(500);
    assert_eq!(pair.ask("show redundancy debug-log").len(), before);
}

#[test]
fn req_85_what_the_operator_asks_for_is_told_by_ui() {
    let mut pair = enabled();
    pair.type_each(&["debug redundancy ui", "terminal monitor"]);
    let shown = pair.type_line("redundancy force-switchover");
    assert!(shown.contains("Save?"), "{shown}");
    pair.type_each(&["no"]);
    // The old active shows it on its way out.
    pair.press("\r");
    pair.run_ms(50);
    assert!(pair.screen.contains("RF ui: ForceSwitchover"), "{}", pair.screen);
}

#[test]
fn the_debug_log_is_bounded() {
    let mut pair = enabled();
    pair.type_each(&["debug redundancy clk"]);
    pair.run_ms(20_000);
    assert_eq!(
        pair.ask("show redundancy debug-log").len(),
        redundancy::watch::DEBUG_LINES_MAX
    );
}

#[test]
fn req_79_show_redundancy_counters_counts_what_happened() {
    let mut pair = enabled();
    let shown = pair.ask("show redundancy counters").join("\n");
    let number = |label: &str| -> u64 {
        let line = shown.lines().find(|line| line.trim_start().starts_with(label));
        let (_, count) = line.and_then(|line| line.split_once(" = ")).expect("a counter");
        count.parse().expect("a number")
    };
    assert_eq!((number("comm link up"), number("comm link down")), (1, 0));
    assert!(number("messages tx") > 5 && number("messages rx") > 5, "{shown}");
    let mut masked: String = shown.clone();
    for label in ["messages tx", "messages rx"] {
        masked = masked.replace(&format!("{label} = {}", number(label)), &format!("{label} = N"));
    }
    assert_eq!(
        masked,
        "\
Redundancy Facility OMs
               comm link up = 1
             comm link down = 0

      client not rxing msgs = 0
 rx peer msg routing errors = 0
        errored peer msg rx = 0

                messages tx = N
                messages rx = N

 duplicate client registers = 0
  failed to register client = 0

       Invalid client syncs = 0"
    );
}

#[test]
fn req_79_handover_and_inter_device_say_that_there_is_none() {
    let mut pair = enabled();
    assert_eq!(
        pair.ask("show redundancy handover"),
        ["No busyout period specified", "No handover currently pending"]
    );
    assert_eq!(
        pair.ask("show redundancy inter-device"),
        [
            "Redundancy inter-device state: RF_INTERDEV_STATE_INIT",
            "  Scheme: <NOT CONFIGURED>",
            "  Peer present: UNKNOWN",
            "  Security: Not configured"
        ]
    );
}

#[test]
fn req_79_req_81_history_reload_tells_why_a_unit_was_reset_and_reverse_turns_the_log_round() {
    let mut pair = enabled();
    assert_eq!(pair.ask("show redundancy history reload"), Vec::<String>::new());
    let mut history = pair.ask("show redundancy history");
    history.reverse();
    assert_eq!(pair.ask("show redundancy history reverse"), history);
}
