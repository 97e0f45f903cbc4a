//! The layouts that operators and their scripts parse, to the last blank.

mod common;

use common::Pair;
use machine::{Duration, RpSlot};
use redundancy::show::{
    ProcessorView, RedundancyView, Uptime, show_clients, show_history_reverse, show_redundancy, show_states,
    show_switchover_history,
};
use redundancy::{
    ClientRegistry, Input, ManualSwitchover, PeerLoss, RfState, RfStatus, SwitchoverHistory,
    SwitchoverReason, client,
};

fn status(pair: &Pair, slot: RpSlot) -> RfStatus {
    let unit = pair.unit(slot);
    unit.rf.status(unit.now)
}

fn view(pair: &Pair, slot: RpSlot) -> RedundancyView {
    let processor = ProcessorView {
        image_version: "Holdover Software, Version 0.1.0\nCompiled Sun 22-Nov-26".into(),
        boot: "harddisk:holdover,12;".into(),
        config_file: String::new(),
        configuration_register: (0x2102, 0x2102).into(),
    };
    RedundancyView {
        status: status(pair, slot),
        available: Duration::from_secs(15 * 3600 + 4 * 60 + 59),
        switchovers: 0,
        last_reason: SwitchoverReason::None,
        current: processor.clone(),
        peer: processor,
    }
}

fn duplex_after(seconds: u64) -> Pair {
    let mut pair = Pair::duplex();
    pair.run_ms(seconds * 1_000);
    pair
}

#[test]
fn show_redundancy_of_a_hot_pair_has_both_processor_blocks() {
    let pair = duplex_after(61);
    let expected = "\
Redundant System Information :
------------------------------
       Available system uptime = 15 hours, 4 minutes
Switchovers system experienced = 0
              Standby failures = 0
        Last switchover reason = none

                 Hardware Mode = Duplex
    Configured Redundancy Mode = sso
     Operating Redundancy Mode = sso
              Maintenance Mode = Disabled
                Communications = Up

Current Processor Information :
-------------------------------
               Active Location = slot 6
        Current Software state = ACTIVE
       Uptime in current state = 1 minute
                 Image Version = Holdover Software, Version 0.1.0
Compiled Sun 22-Nov-26
                          BOOT = harddisk:holdover,12;
                   CONFIG_FILE =\x20
        Configuration register = 0x2102

Peer Processor Information :
----------------------------
              Standby Location = slot 7
        Current Software state = STANDBY HOT\x20
       Uptime in current state = 1 minute
                 Image Version = Holdover Software, Version 0.1.0
Compiled Sun 22-Nov-26
                          BOOT = harddisk:holdover,12;
                   CONFIG_FILE =\x20
        Configuration register = 0x2102
";
    assert_eq!(show_redundancy(&view(&pair, RpSlot::R0)), expected);
}

#[test]
fn show_redundancy_of_a_lone_active_says_why_there_is_no_peer_block() {
    let mut pair = Pair::new();
    pair.boot_default(RpSlot::R0);
    pair.run_ms(1_000);
    let text = show_redundancy(&view(&pair, RpSlot::R0));
    assert!(
        text.contains("                 Hardware Mode = Simplex\n"),
        "{text}"
    );
    assert!(
        text.contains("     Operating Redundancy Mode = Non-redundant\n"),
        "{text}"
    );
    assert!(
        text.contains("                Communications = Down      Reason: Simplex mode\n"),
        "{text}"
    );
    assert!(
        text.ends_with(
            "\nPeer (slot: unavailable) information is not available because it is in 'DISABLED' state\n"
        ),
        "{text}"
    );
    pair.boot_default(RpSlot::R1);
    let text = show_redundancy(&view(&pair, RpSlot::R0));
    assert!(
        text.contains("                Communications = Down      Reason: Failure\n"),
        "{text}"
    );
    assert!(
        text.ends_with("\nPeer (slot: 7) information is not available because it is in 'DISABLED' state\n"),
        "{text}"
    );
}

#[test]
fn show_redundancy_on_the_standby_leaves_out_what_only_the_active_knows() {
    let pair = duplex_after(1);
    let expected = "\
Redundant System Information :
------------------------------
       Available system uptime = 15 hours, 4 minutes
Switchovers system experienced = 0

                 Hardware Mode = Duplex
    Configured Redundancy Mode = sso
     Operating Redundancy Mode = sso
              Maintenance Mode = Disabled
                Communications = Up

Current Processor Information :
-------------------------------
              Standby Location = slot 7
        Current Software state = STANDBY HOT\x20
       Uptime in current state = 0 minutes
                 Image Version = Holdover Software, Version 0.1.0
Compiled Sun 22-Nov-26
                          BOOT = harddisk:holdover,12;
                   CONFIG_FILE =\x20
        Configuration register = 0x2102

Peer (slot: 6, state: ACTIVE) information is not available because this is the standby processor
";
    assert_eq!(show_redundancy(&view(&pair, RpSlot::R1)), expected);
}

#[test]
fn show_redundancy_states_of_both_units_of_a_hot_pair() {
    let pair = duplex_after(1);
    let expected = "       my state = 13 -ACTIVE\x20
     peer state = 8  -STANDBY HOT\x20
           Mode = Duplex
           Unit = Primary
        Unit ID = 48

Redundancy Mode (Operational) = sso
Redundancy Mode (Configured)  = sso
Redundancy State              = sso
     Maintenance Mode = Disabled
    Manual Swact = enabled
 Communications = Up

   client count = 5
 client_notification_TMR = 30000 milliseconds
          keep_alive TMR = 50 milliseconds
        keep_alive count = 0
    keep_alive threshold = 10
           RF debug mask = 0x0\x20\x20\x20
";
    assert_eq!(show_states(&status(&pair, RpSlot::R0)), expected);
    let standby = show_states(&status(&pair, RpSlot::R1));
    let head: Vec<&str> = standby.lines().take(5).collect();
    assert_eq!(
        head,
        [
            "       my state = 8  -STANDBY HOT ",
            "     peer state = 13 -ACTIVE ",
            "           Mode = Duplex",
            "           Unit = Secondary",
            "        Unit ID = 49",
        ]
    );
    assert!(standby.contains("    Manual Swact = cannot be initiated from this the standby unit\n"));
}

#[test]
fn show_redundancy_states_of_a_lone_active() {
    let mut pair = Pair::new();
    pair.boot_default(RpSlot::R0);
    pair.run_ms(1_000);
    let text = show_states(&status(&pair, RpSlot::R0));
    for line in [
        "     peer state = 1  -DISABLED ",
        "           Mode = Simplex",
        "Redundancy Mode (Operational) = Non-redundant",
        "Redundancy State              = Non Redundant",
        "    Manual Swact = disabled (system is simplex (no peer unit))",
        " Communications = Down      Reason: Simplex mode",
    ] {
        assert!(
            text.lines().any(|shown| shown == line),
            "{line} is missing in\n{text}"
        );
    }
}

#[test]
fn manual_swact_has_its_words_for_every_situation() {
    let words = [
        (ManualSwitchover::Enabled, "enabled"),
        (
            ManualSwitchover::Simplex,
            "disabled (system is simplex (no peer unit))",
        ),
        (
            ManualSwitchover::PeerNotTerminal,
            "disabled (peer unit not yet in terminal standby state)",
        ),
        (
            ManualSwitchover::ThisIsTheStandby,
            "cannot be initiated from this the standby unit",
        ),
        (
            ManualSwitchover::NotActiveYet,
            "disabled (this unit is not active yet)",
        ),
        (ManualSwitchover::Maintenance, "disabled (maintenance mode)"),
        (
            ManualSwitchover::UnderWay,
            "disabled (a switchover is in progress)",
        ),
    ];
    for (situation, expected) in words {
        assert_eq!(situation.to_string(), expected);
        assert_eq!(
            situation.refusal().is_none(),
            situation == ManualSwitchover::Enabled
        );
    }
}

#[test]
fn req_54_show_redundancy_clients_tells_what_is_not_sso_aware() {
    let shown = show_clients(&ClientRegistry::new());
    let (aware, unaware) = shown.split_once("Not SSO-aware").expect("both kinds");
    assert!(aware.contains("RF_LAST_CLIENT"), "{shown}");
    for name in client::NOT_AWARE {
        assert!(unaware.contains(name), "{shown}");
    }
}

#[test]
fn show_redundancy_clients_is_sorted_by_sequence_and_bracketed_by_the_facility() {
    let mut clients = ClientRegistry::new();
    for client in [
        client::ARP,
        client::CHECKPOINT,
        client::REDUNDANCY_MODE,
        client::IF_INDEX,
        client::PLATFORM,
    ] {
        clients.add(client).expect("five different clients");
    }
    let expected = " Group ID =     1
 clientID = 0       clientSeq = 0        RF_INTERNAL_MSG
 clientID = 29      clientSeq = 60       Redundancy Mode RF
 clientID = 139     clientSeq = 61       IfIndex
 clientID = 25      clientSeq = 68       CHKPT RF
 clientID = 1340    clientSeq = 101      Holdover Platform RF
 clientID = 57      clientSeq = 257      ARP
 clientID = 65000   clientSeq = 65000    RF_LAST_CLIENT

 SSO-aware: all clients above. Not SSO-aware, lost at a switchover and started anew:
  Console sessions
  Commands under way
  ARP requests under way
  Debugging
";
    assert_eq!(show_clients(&clients), expected);
}

#[test]
fn show_redundancy_history_tells_a_boot_a_join_and_a_takeover() {
    let mut pair = duplex_after(24);
    pair.end(RpSlot::R0, PeerLoss::Killed);
    pair.run_ms(0);
    let text = pair.unit(RpSlot::R1).rf.history().show();
    let states: Vec<&str> = text.lines().filter(|line| line.contains("state = ")).collect();
    assert_eq!(
        states,
        [
            "00:00:00 *my state = INITIALIZATION(2) peer state = DISABLED(1)",
            "00:00:00 *my state = NEGOTIATION(3) peer state = DISABLED(1)",
            "00:00:00 my state = NEGOTIATION(3) *peer state = NEGOTIATION(3)",
            "00:00:00 my state = NEGOTIATION(3) *peer state = ACTIVE-FAST(9)",
            "00:00:00 *my state = STANDBY COLD(4) peer state = ACTIVE-FAST(9)",
            "00:00:00 my state = STANDBY COLD(4) *peer state = ACTIVE-DRAIN(10)",
            "00:00:00 my state = STANDBY COLD(4) *peer state = ACTIVE_PRECONFIG(11)",
            "00:00:00 my state = STANDBY COLD(4) *peer state = ACTIVE_POSTCONFIG(12)",
            "00:00:00 my state = STANDBY COLD(4) *peer state = ACTIVE(13)",
            "00:00:00 *my state = STANDBY COLD-CONFIG(5) peer state = ACTIVE(13)",
            "00:00:00 *my state = STANDBY COLD-FILESYS(6) peer state = ACTIVE(13)",
            "00:00:00 *my state = STANDBY COLD-BULK(7) peer state = ACTIVE(13)",
            "00:00:00 *my state = STANDBY HOT(8) peer state = ACTIVE(13)",
            "00:00:24 *my state = ACTIVE-FAST(9) *peer state = DISABLED(1)",
            "00:00:24 *my state = ACTIVE-DRAIN(10) peer state = DISABLED(1)",
            "00:00:24 *my state = ACTIVE_PRECONFIG(11) peer state = DISABLED(1)",
            "00:00:24 *my state = ACTIVE_POSTCONFIG(12) peer state = DISABLED(1)",
            "00:00:24 *my state = ACTIVE(13) peer state = DISABLED(1)",
        ]
    );
    for line in [
        "00:00:00 client added: Redundancy Mode RF(29) seq=60",
        "00:00:00 RF_STATUS_PEER_PRESENCE(400) op=1",
        "00:00:00 RF_STATUS_PEER_COMM(401) CHKPT RF(25) op=1",
        "00:00:00 RF_STATUS_REDUNDANCY_MODE_CHANGE(405) op=8",
        "00:00:00 RF_EVENT_GO_STANDBY(513) op=0",
        "00:00:00 RF_EVENT_CLIENT_PROGRESSION(503) Last Client(65000) op=1 rc=0",
        "00:00:00 RF_PROG_STANDBY_BULK(104) First Client(0) op=0 rc=11",
        "00:00:24 RF_STATUS_PEER_PRESENCE(400) op=0",
        "00:00:24 RF_EVENT_GO_ACTIVE(512) op=0",
        "00:00:24 RF_PROG_ACTIVE(204) Last Client(65000) op=0 rc=11",
        "00:00:24 System initialization complete",
    ] {
        assert!(
            text.lines().any(|shown| shown == line),
            "{line} is missing in\n{text}"
        );
    }
    let mut backwards: Vec<String> = text.lines().map(String::from).collect();
    backwards.reverse();
    let reverse = show_history_reverse(pair.unit(RpSlot::R1).rf.history());
    assert_eq!(reverse.lines().collect::<Vec<_>>(), backwards);
}

#[test]
fn the_active_walks_the_matching_pass_of_its_standby_with_operand_one() {
    let pair = duplex_after(0);
    let text = pair.unit(RpSlot::R0).rf.history().show();
    assert!(
        text.contains("RF_PROG_STANDBY_BULK(104) CEF RRP RF Client(24) op=1 rc=11\n"),
        "{text}"
    );
}

#[test]
fn the_history_is_bounded_and_keeps_the_newest_lines() {
    let mut pair = Pair::new();
    pair.boot(RpSlot::R0, |config| config.history_lines = 3);
    pair.run_ms(1_000);
    let history = pair.unit(RpSlot::R0).rf.history();
    assert_eq!(history.iter().count(), 3);
    assert!(history.dropped() > 10);
    assert!(history.show().ends_with("System initialization complete\n"));
}

#[test]
fn show_redundancy_switchover_history_prints_nothing_without_entries() {
    assert_eq!(show_switchover_history(&SwitchoverHistory::default()), "");
}

#[test]
fn show_redundancy_switchover_history_has_the_captured_columns() {
    let mut history = SwitchoverHistory::default();
    history.add(
        RpSlot::R0,
        RpSlot::R1,
        SwitchoverReason::ActiveUnitFailed,
        1_600_831_569,
    );
    history.add(
        RpSlot::R1,
        RpSlot::R0,
        SwitchoverReason::UserForced,
        1_601_530_812,
    );
    let expected = "\
Index  Previous  Current  Switchover             Switchover
       active    active   reason                 time
-----  --------  -------  ----------             ----------
   1      48       49     active unit failed     03:26:09 UTC Wed Sep 23 2020
   2      49       48     user forced            05:40:12 UTC Thu Oct 1 2020
";
    assert_eq!(show_switchover_history(&history), expected);
}

#[test]
fn uptime_starts_at_its_largest_unit_and_knows_the_singular() {
    let minute = 60;
    let (hour, day) = (60 * minute, 24 * 60 * minute);
    for (seconds, expected) in [
        (0, "0 minutes"),
        (59, "0 minutes"),
        (minute, "1 minute"),
        (hour, "1 hour"),
        (hour + 2 * minute, "1 hour, 2 minutes"),
        (day, "1 day"),
        (7 * day + minute, "1 week, 1 minute"),
        (
            24 * 7 * day + 6 * day + 23 * hour + 14 * minute,
            "24 weeks, 6 days, 23 hours, 14 minutes",
        ),
    ] {
        assert_eq!(Uptime(Duration::from_secs(seconds)).to_string(), expected);
    }
}

#[test]
fn maintenance_mode_is_shown() {
    let mut pair = duplex_after(0);
    pair.input(RpSlot::R0, Input::MaintenanceMode(true));
    pair.settle();
    assert_eq!(pair.state(RpSlot::R1), RfState::StandbyCold);
    let text = show_states(&status(&pair, RpSlot::R0));
    assert!(
        text.contains("     Maintenance Mode = Enabled\n    Manual Swact = disabled (maintenance mode)\n")
    );
}
