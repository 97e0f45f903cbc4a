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
    for command in [
        "write",
        "write memory",
        "copy running-config startup-config\n",
        "copy system:running-config nvram:startup-config\n",
        "copy running-config bootflash:base\n\ncopy bootflash:base nvram:startup-config\n",
    ] {
        let mut pair = Pair::hot();
        pair.type_lines(ACTIVE, "configure terminal\nhostname Saved\nend\n");
        pair.units[STANDBY.index()].disk_hangs = true;
        let shown = pair.type_lines(ACTIVE, &format!("{command}\n"));
        assert!(
            !shown.contains("[OK]"),
            "{command}: the standby has not written it: {shown}"
        );
        pair.run_ms(5_100);
        let shown = pair.screen.clone();
        assert!(
            shown.contains("[OK]\n%Standby R1 has not confirmed nvram:startup-config yet"),
            "{command}: {shown}"
        );
        pair.units[STANDBY.index()].disk_hangs = false;
        let again = command.replace("\n\ncopy", "\n\n\ncopy");
        let lines = format!("configure terminal\nhostname Again\nend\n{again}\n");
        let shown = pair.type_lines(ACTIVE, &lines);
        let told = !shown.contains("%Standby") && !shown.contains("%Error");
        assert!(shown.contains("[OK]\n") && told, "{command}: {shown}");
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

/// A hot pair whose standby is of a release without these commands.
fn with_older_standby(lines: &str) -> Pair {
    let mut pair = Pair::new();
    pair.configure = |slot, config| {
        if slot == STANDBY {
            config.unsupported_commands = vec!["mtu".into(), "ip route".into()];
        }
    };
    pair.start(ACTIVE);
    pair.run_ms(2_000);
    pair.open(ACTIVE);
    pair.type_lines(ACTIVE, lines);
    pair.start(STANDBY);
    pair.run_ms(4_000);
    pair
}

const UNKNOWN: &str = "configure terminal\ninterface Ethernet0/0\nmtu 9000\nexit\n\
                       ip route 10.9.0.0 255.255.0.0 10.0.0.2\nend\n";

#[test]
fn req_32_commands_that_the_standby_does_not_know_are_listed_and_the_pair_runs_rpr() {
    let mut pair = with_older_standby(UNKNOWN);
    assert_eq!(pair.state(STANDBY), RfState::StandbyCold);
    let states = pair.type_lines(ACTIVE, "show redundancy states\n");
    assert!(states.contains("Redundancy Mode (Operational) = rpr"), "{states}");
    assert!(states.contains("Redundancy Mode (Configured)  = sso"), "{states}");
    assert_eq!(
        pair.logged(ACTIVE, "Compatibility Matrix check failed. reason 100"),
        1
    );
    assert_eq!(
        pair.logged(ACTIVE, "%RF-5-RF_RELOAD: Peer reload. Reason: Bulk Sync Failure"),
        1
    );
    let shown = pair.type_lines(ACTIVE, "show redundancy config-sync failures mcl\n");
    assert_eq!(
        shown.replace('\r', ""),
        "Mismatched Command List\n\
         -----------------------\n\
         00:00:02: Config Sync: Starting lines from MCL file:\n\
         - ip route 10.9.0.0 255.255.0.0 10.0.0.2\n\
         interface Ethernet0/0\n\
         ! <submode> \"interface\"\n\
         - mtu 9000\n\
         ! </submode> \"interface\"\n"
    );
    let empty = pair.type_lines(ACTIVE, "show redundancy config-sync failures prc\n");
    assert_eq!(
        empty.replace('\r', ""),
        "PRC Failed Command List\n-----------------------\n\nThe list is Empty\n"
    );
    // The pair stays there.
    pair.run_ms(10_000);
    assert_eq!(pair.state(STANDBY), RfState::StandbyCold);
    assert_eq!(pair.logged(ACTIVE, "Peer reload"), 1);
}

#[test]
fn the_pair_is_hot_again_once_the_mismatched_commands_are_taken_away_and_validated() {
    let mut pair = with_older_standby(UNKNOWN);
    let shown = pair.type_lines(ACTIVE, "redundancy config-sync validate mismatched-commands\n");
    assert!(
        shown.contains("% 2 mismatched commands are still configured"),
        "{shown}"
    );
    pair.type_lines(
        ACTIVE,
        "configure terminal\ninterface Ethernet0/0\nno mtu\nexit\nno ip route 10.9.0.0 255.255.0.0\nend\n",
    );
    let shown = pair.type_lines(ACTIVE, "redundancy config-sync validate mismatched-commands\n");
    assert_eq!(shown, "");
    pair.run_ms(4_000);
    assert_eq!(pair.state(STANDBY), RfState::StandbyHot);
    assert_eq!(pair.running(ACTIVE), pair.running(STANDBY));
    let shown = pair.type_lines(ACTIVE, "show redundancy config-sync failures mcl\n");
    assert!(shown.contains("The list is Empty"), "{shown}");
}

#[test]
fn the_pair_is_hot_without_commands_that_the_operator_has_ignored_and_they_are_listed() {
    let mut pair = with_older_standby(UNKNOWN);
    pair.type_lines(ACTIVE, "redundancy config-sync ignore mismatched-commands\n");
    pair.run_ms(4_000);
    assert_eq!(pair.state(STANDBY), RfState::StandbyHot);
    assert!(!pair.running(STANDBY).contains("mtu"));
    let shown = pair.type_lines(ACTIVE, "show redundancy config-sync ignored failures mcl\n");
    assert_eq!(
        shown.replace('\r', ""),
        "Ignored Mismatched Command List\n\
         -------------------------------\n\
         - ip route 10.9.0.0 255.255.0.0 10.0.0.2\n\
         interface Ethernet0/0\n\
         ! <submode> \"interface\"\n\
         - mtu 9000\n\
         ! </submode> \"interface\"\n"
    );
    // What comes after is still the same on both.
    pair.type_lines(ACTIVE, "configure terminal\nhostname After\nend\n");
    assert!(pair.running(STANDBY).contains("hostname After"));
    let status = pair.type_lines(ACTIVE, "show redundancy config-sync status\n");
    assert!(status.contains("no, the differences are listed"), "{status}");
    // A switchover leaves no route without a line of configuration.
    pair.kill(ACTIVE, redundancy::PeerLoss::Killed);
    pair.run_ms(2_000);
    assert_eq!(pair.state(STANDBY), RfState::Active);
    let active = pair.rp(STANDBY).active().expect("it is active");
    assert_eq!(active.clients.configuration.tree().static_routes().count(), 0);
}

#[test]
fn a_standby_of_the_right_release_is_tried_anew() {
    let mut pair = with_older_standby(UNKNOWN);
    assert_eq!(pair.state(STANDBY), RfState::StandbyCold);
    pair.configure = |_, _| {};
    pair.kill(STANDBY, redundancy::PeerLoss::Removed);
    pair.start(STANDBY);
    pair.run_ms(4_000);
    assert_eq!(pair.state(STANDBY), RfState::StandbyHot);
    assert_eq!(pair.running(ACTIVE), pair.running(STANDBY));
}

#[test]
fn a_command_that_fails_on_the_standby_reloads_it_unless_the_policy_says_otherwise() {
    let mut pair = with_older_standby("");
    assert_eq!(pair.state(STANDBY), RfState::StandbyHot);
    let line = "ip route 10.9.0.0 255.255.0.0 10.0.0.2";
    pair.type_lines(ACTIVE, &format!("configure terminal\n{line}\nend\n"));
    assert_eq!(
        pair.logged(
            ACTIVE,
            "%RF-5-RF_RELOAD: Peer reload. Reason: Line-by-Line Sync Failure"
        ),
        1
    );
    pair.type_lines(ACTIVE, &format!("configure terminal\nno {line}\nend\n"));
    pair.run_ms(4_000);
    assert_eq!(pair.state(STANDBY), RfState::StandbyHot);
    pair.type_lines(
        ACTIVE,
        &format!("configure terminal\nredundancy\nno policy config-sync lbl prc reload\nexit\n{line}\nend\n"),
    );
    pair.run_ms(1_000);
    assert_eq!(pair.state(STANDBY), RfState::StandbyHot);
    assert!(
        pair.running(ACTIVE)
            .contains(" no policy config-sync lbl prc reload\n")
    );
    assert_eq!(pair.logged(ACTIVE, "%HA_CONFIG_SYNC-4-DIFFERENCES"), 1);
    let shown = pair.type_lines(ACTIVE, "show redundancy config-sync failures prc\n");
    assert!(
        shown.contains(&format!(
            "- {line}\n! return code 0 on the active, 2 on the standby"
        )),
        "{shown}"
    );
}

#[test]
fn a_release_without_a_command_refuses_it_everywhere() {
    let mut pair = Pair::new();
    pair.units[0].nvram = Some("hostname Old\ninterface Ethernet0/0\n mtu 9000\n shutdown\nend\n".into());
    pair.configure = |_, config| config.unsupported_commands = vec!["mtu".into()];
    pair.start(ACTIVE);
    pair.run_ms(2_000);
    pair.open(ACTIVE);
    assert!(!pair.running(ACTIVE).contains("mtu") && pair.running(ACTIVE).contains("shutdown"));
    assert_eq!(pair.logged(ACTIVE, "%SYS-3-STARTUP_CONFIG"), 1);
    let shown = pair.type_lines(
        ACTIVE,
        "configure terminal\ninterface Ethernet0/0\nmtu 9000\nend\n",
    );
    assert!(shown.contains("% Invalid input detected"), "{shown}");
}

#[test]
fn files_are_listed_copied_shown_and_deleted_on_both_route_processors() {
    let mut pair = Pair::hot();
    let mut transcript = String::new();
    for lines in [
        "dir",
        "copy running-config base.cfg\n",
        "copy startup-config stby-bootflash:old.cfg\n",
        "copy bootflash:base.cfg stby-bootflash:\nother.cfg",
        "dir bootflash:",
        "dir stby-bootflash:",
        "dir nvram:",
        "dir stby-nvram:",
        "more stby-bootflash:old.cfg",
        "copy base.cfg stby-bootflash:other.cfg\n\n",
        "copy base.cfg startup-config\n",
        "more stby-nvram:startup-config",
        "delete base.cfg\n\n",
        "more bootflash:base.cfg",
        "more bootflash:../nvram-R0/startup-config",
        "copy tftp://10.0.0.1/x bootflash:",
        "copy base.cfg running-config",
        "copy base.cfg stby-nvram:startup-config",
        "delete nvram:startup-config",
    ] {
        let first = lines.lines().next().unwrap_or_default();
        transcript.push_str(&format!("=== {first}\n"));
        transcript.push_str(&pair.type_lines(ACTIVE, &format!("{lines}\n")));
    }
    golden("files.txt", &transcript);
    assert_eq!(pair.units[0].nvram, pair.units[1].nvram);
}

#[test]
fn req_5_a_copy_for_which_there_is_no_room_is_refused_before_anything_is_written() {
    let mut pair = Pair::hot();
    pair.units[STANDBY.index()].flash_free = 10;
    let shown = pair.type_lines(ACTIVE, "copy running-config stby-bootflash:base.cfg\n\n");
    assert!(
        shown.contains("%Error copying system:running-config (Not enough space on device).\n"),
        "{shown}"
    );
    assert!(pair.units[STANDBY.index()].flash.is_empty());
}

#[test]
fn a_copy_to_a_standby_that_goes_is_answered() {
    let mut pair = Pair::hot();
    let shown = pair.type_lines(ACTIVE, "copy running-config stby-bootflash:base.cfg\n");
    assert!(shown.contains("Destination filename [base.cfg]? "), "{shown}");
    pair.kill(STANDBY, redundancy::PeerLoss::Killed);
    let shown = pair.type_lines(ACTIVE, "\n");
    assert!(
        shown.contains("%Error opening stby-bootflash:base.cfg (No such device: there is no standby)"),
        "{shown}"
    );
}

#[test]
fn the_checkpoint_facility_shows_its_clients_and_counters() {
    let mut pair = Pair::hot();
    pair.type_lines(ACTIVE, "configure terminal\nhostname Counted\nend\n");
    let mut transcript = String::new();
    for line in [
        "show checkpoint clients",
        "show checkpoint clients 5",
        "show checkpoint clients 99",
        "show checkpoint entities",
        "show checkpoint statistics",
        "show checkpoint statistics buffer-usage",
    ] {
        transcript.push_str(&format!("=== {line}\n"));
        transcript.push_str(&pair.type_lines(ACTIVE, &format!("{line}\n")));
    }
    golden("checkpoint.txt", &transcript);
    // They are counters of what is sent: one more command, and more was sent.
    let active = pair.rp(ACTIVE).active().expect("it is active");
    let before = active.checkpoint_counters().0.clone();
    pair.type_lines(ACTIVE, "configure terminal\nhostname Again\nend\n");
    let active = pair.rp(ACTIVE).active().expect("it is active");
    let after = active.checkpoint_counters().0;
    assert!(after.messages > before.messages && after.message_bytes > before.message_bytes);
    assert!(after.rows() > before.rows());
}

/// Compares with, or writes, a golden file.
fn golden(name: &str, text: &str) {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = text.replace('\r', "");
    if std::env::var_os("HOLDOVER_BLESS").is_some() {
        std::fs::write(&path, &text).expect("the golden file can be written");
    }
    let expected = std::fs::read_to_string(&path).expect("HOLDOVER_BLESS=1 writes the golden file");
    assert_eq!(text, expected);
}
