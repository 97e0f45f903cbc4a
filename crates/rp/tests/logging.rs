//! System messages: where they go, what `show logging` shows, and what of it survives.

#[path = "common/pair.rs"]
mod pair;

use machine::RpSlot;
use pair::Pair;
use redundancy::PeerLoss;

fn logged(pair: &mut Pair) -> Vec<String> {
    let mut shown = pair.ask("show logging");
    let start = shown.iter().position(|line| line.starts_with("Log Buffer"));
    let mut lines = shown.split_off(start.expect("a buffer") + 1);
    lines.retain(|line| !line.is_empty());
    lines
}

#[test]
fn show_logging_has_its_layout() {
    let mut pair = Pair::hot_at_a_terminal();
    pair.type_each(&["enable"]);
    assert_eq!(
        pair.ask("show logging").join("\n"),
        "\
Syslog logging: enabled (0 messages dropped, 0 messages rate-limited, 0 flushes, 0 overruns, xml disabled, filtering disabled)

No Active Message Discriminator.

No Inactive Message Discriminator.

    Console logging: level informational, 5 messages logged, xml disabled,
                     filtering disabled
    Monitor logging: level debugging, 0 messages logged, xml disabled,
                     filtering disabled
    Buffer logging:  level debugging, 5 messages logged, xml disabled,
                    filtering disabled

Log Buffer (65536 bytes):

*Sep 13 12:26:41.000: %PLATFORM-6-HASTATUS: RP switchover, received chassis event became active
*Sep 13 12:26:41.000: %HA-5-MODE: Operating mode is sso, configured mode is sso.
*Sep 13 12:26:41.000: %REDUNDANCY-5-PEER_MONITOR_EVENT: Active detected a standby insertion (raw-event=PEER_REDUNDANCY_STATE_CHANGE(5))
*Sep 13 12:26:41.010: %HA_CONFIG_SYNC-6-BULK_CFGSYNC_SUCCEED: Bulk Sync succeeded
*Sep 13 12:26:41.010: %RF-5-RF_TERMINAL_STATE: Terminal state reached for (SSO)"
    );
}

#[test]
fn what_was_logged_before_a_switchover_is_shown_after_it() {
    let mut pair = Pair::hot_at_a_terminal();
    pair.type_each(&["enable", "configure terminal", "hostname West", "end"]);
    let before = logged(&mut pair);
    assert!(
        before.iter().any(|line| line.contains("%SYS-5-CONFIG_I")),
        "{before:?}"
    );
    pair.kill(RpSlot::R0, PeerLoss::Killed);
    pair.run_ms(500);
    assert_eq!(pair.active(), RpSlot::R1);
    pair.type_each(&["enable"]);
    let after = logged(&mut pair);
    for line in &before {
        assert!(after.contains(line), "{line} is lost: {after:?}");
    }
    let switchover = after
        .iter()
        .position(|line| line.contains("%REDUNDANCY-3-SWITCHOVER"))
        .expect("why it is active now");
    let configured = after
        .iter()
        .position(|line| line.contains("%SYS-5-CONFIG_I"))
        .unwrap();
    assert!(configured < switchover, "{after:?}");
}

#[test]
fn the_buffer_is_bounded_and_drops_the_oldest_lines() {
    let mut pair = Pair::hot_at_a_terminal();
    pair.type_each(&["enable", "configure terminal", "logging buffered 4096", "end"]);
    for _ in 0..80 {
        pair.type_each(&["configure terminal", "end"]);
    }
    let lines = logged(&mut pair);
    let bytes: usize = lines.iter().map(|line| line.len() + 1).sum();
    assert!((3900..=4096).contains(&bytes), "{bytes}");
    let header = pair.ask("show logging").swap_remove(0);
    assert!(!header.contains(" 0 overruns"), "{header}");
    pair.type_each(&["clear logging"]);
    assert_eq!(logged(&mut pair), Vec::<String>::new());
}

#[test]
fn a_severity_decides_what_the_console_and_the_buffer_get() {
    let mut pair = Pair::hot_at_a_terminal();
    pair.type_each(&[
        "enable",
        "configure terminal",
        "logging console errors",
        "logging buffered warnings",
    ]);
    let shown = pair.type_line("end");
    assert!(!shown.contains("CONFIG_I"), "{shown}");
    let before = logged(&mut pair).len();
    pair.type_each(&["configure terminal", "no logging console"]);
    pair.kill(RpSlot::R1, PeerLoss::Killed);
    let shown = pair.type_line("end");
    assert!(!shown.contains('%'), "{shown}");
    let after = logged(&mut pair);
    assert!(
        after[before..]
            .iter()
            .any(|line| line.contains("-3-STANDBY_LOST")),
        "{after:?}"
    );
    assert!(
        after[before..].iter().all(|line| !line.contains("-5-")),
        "{after:?}"
    );
    assert!(
        pair.ask("show logging")
            .contains(&"    Console logging: disabled".to_string())
    );
    pair.type_each(&["configure terminal", "no logging buffered", "end"]);
    assert!(
        pair.ask("show logging")
            .contains(&"    Buffer logging: disabled".to_string())
    );
}
