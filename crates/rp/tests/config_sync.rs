//! Configuration on both route processors: what is typed on one is on the other, and what is saved is saved twice.

#[path = "common/pair.rs"]
mod pair;

use machine::RpSlot;
use pair::{Pair, STARTUP};
use redundancy::RfState;

const ACTIVE: RpSlot = RpSlot::R0;
const STANDBY: RpSlot = RpSlot::R1;

#[test]
fn req_36_the_standby_keeps_the_active_s_startup_configuration_over_its_own_when_it_joins() {
    let mut pair = Pair::new();
    pair.units[STANDBY.index()].nvram = Some("hostname Old\nend\n".into());
    pair.boot_hot();
    assert_eq!(pair.state(STANDBY), RfState::StandbyHot);
    assert_eq!(pair.units[STANDBY.index()].nvram.as_deref(), Some(STARTUP));
}

#[test]
fn req_37_what_saves_is_answered_when_both_nvrams_have_it() {
    for command in ["write", "write memory", "copy running-config startup-config"] {
        let mut pair = Pair::hot();
        pair.type_lines(ACTIVE, "configure terminal\nhostname Saved\nend\n");
        pair.units[STANDBY.index()].disk_hangs = true;
        let shown = pair.type_lines(ACTIVE, &format!("{command}\n"));
        assert_eq!(shown, "", "{command}: the standby has not written it");
        pair.run_ms(5_100);
        let shown = pair.screen.clone();
        assert!(
            shown.contains("[OK]\n%Standby R1 has not confirmed nvram:startup-config yet"),
            "{command}: {shown}"
        );
        pair.units[STANDBY.index()].disk_hangs = false;
        let shown = pair.type_lines(
            ACTIVE,
            &format!("configure terminal\nhostname Again\nend\n{command}\n"),
        );
        assert!(shown.ends_with("[OK]\n"), "{command}: {shown}");
        for unit in &pair.units {
            let text = unit.nvram.as_deref().expect("a startup configuration");
            assert!(text.contains("hostname Again"), "{command}: {text}");
        }
    }
}

#[test]
fn req_37_a_standby_whose_disk_refuses_is_told_of_and_tries_until_it_has_the_text() {
    let mut pair = Pair::hot();
    pair.units[STANDBY.index()].disk_error = Some("No space left on device");
    let shown = pair.type_lines(ACTIVE, "configure terminal\nhostname Saved\nend\nwrite memory\n");
    assert!(
        shown.contains(
            "[OK]\n%Error writing nvram:startup-config on standby R1 (No space left on device): it is tried again"
        ),
        "{shown}"
    );
    assert_eq!(pair.logged(ACTIVE, "%HA_CONFIG_SYNC-3-FS_BULK_CFGSYNC"), 1);
    let status = pair.type_lines(ACTIVE, "show redundancy config-sync status\n");
    assert!(
        status.contains("R1 (standby):  not written (No space left on device), tries 1, next in 1 s"),
        "{status}"
    );
    pair.run_ms(3_500);
    assert_eq!(pair.logged(ACTIVE, "%HA_CONFIG_SYNC-3-FS_BULK_CFGSYNC"), 3);
    pair.units[STANDBY.index()].disk_error = None;
    pair.run_ms(5_000);
    let text = pair.units[STANDBY.index()]
        .nvram
        .as_deref()
        .expect("it is there now");
    assert!(text.contains("hostname Saved"), "{text}");
    assert_eq!(pair.logged(ACTIVE, "%HA_CONFIG_SYNC-5-CONFIGSYNC"), 1);
}

#[test]
fn a_standby_that_takes_over_before_its_disk_had_the_text_goes_on_trying() {
    let mut pair = Pair::hot();
    pair.units[STANDBY.index()].disk_error = Some("Input/output error");
    pair.type_lines(ACTIVE, "configure terminal\nhostname Saved\nend\nwrite memory\n");
    pair.kill(ACTIVE, redundancy::PeerLoss::Killed);
    pair.units[STANDBY.index()].disk_error = None;
    pair.run_ms(2_000);
    assert_eq!(pair.state(STANDBY), RfState::Active);
    let text = pair.units[STANDBY.index()]
        .nvram
        .as_deref()
        .expect("it is there now");
    assert!(text.contains("hostname Saved"), "{text}");
}

#[test]
fn req_39_every_command_runs_on_both_and_the_digests_are_shown_equal() {
    let mut pair = Pair::hot();
    let lines = "configure terminal\nhostname Both\ninterface e0/0\ndescription to the lab\nmtu 9000\nexit\n\
                 ip route 10.9.0.0 255.255.0.0 10.0.0.2\nend\n";
    pair.type_lines(ACTIVE, lines);
    assert_eq!(pair.running(ACTIVE), pair.running(STANDBY));
    assert!(pair.running(STANDBY).contains("ip route 10.9.0.0"));
    let shown = pair.type_lines(ACTIVE, "show redundancy config-sync status\n");
    let digest = |line: &str| line.split_once("digest ").map(|(_, rest)| rest.to_string());
    let digests: Vec<String> = shown.lines().take(5).filter_map(digest).collect();
    assert_eq!(digests.len(), 2, "{shown}");
    assert_eq!(digests[0], digests[1], "{shown}");
    assert!(shown.contains("  Equal:          yes"), "{shown}");
}
