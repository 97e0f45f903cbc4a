//! Configuration commands that come to another result on the standby: what is listed, and what follows.
//!
//! The standby is made to differ by one changed word of the link: what the active's configuration was when the bulk
//! began. So it finds that the bulk's lines do not make that configuration.

#[path = "common/pair.rs"]
mod pair;

use machine::RpSlot;
use pair::Pair;
use redundancy::RfState;
use rp::{ConfigSyncBody as Body, FailedCommand, PeerMessage};

const ACTIVE: RpSlot = RpSlot::R0;
const STANDBY: RpSlot = RpSlot::R1;
const ROUTE: &str = "ip route 10.9.0.0 255.255.0.0 10.0.0.2";

fn body_of(message: &mut PeerMessage) -> Option<&mut Body> {
    match message {
        PeerMessage::ConfigSync(message) => message.body.as_mut(),
        _ => None,
    }
}

/// The standby is told of another configuration than it gets, and tells of it as a command with another return code: as
/// one that executes the bulk's lines like typed ones does.
fn another_return_code(to: RpSlot, message: &mut PeerMessage) {
    another_configuration(to, message);
    if let Some(Body::Failures(failures)) = body_of(message) {
        for command in &mut failures.commands {
            *command = FailedCommand {
                class: FailedCommand::class_number(config::FailureClass::Prc),
                mode_path: String::new(),
                text: ROUTE.into(),
                active_code: 0,
                standby_code: 1,
            };
        }
    }
}

/// The standby is told of another configuration than it gets.
fn another_configuration(_to: RpSlot, message: &mut PeerMessage) {
    if let Some(Body::BulkBegins(at)) = body_of(message) {
        at.tree_digest ^= 1;
    }
}

/// What differs is told as one command of another result.
fn another_result(to: RpSlot, message: &mut PeerMessage) {
    if to == ACTIVE
        && let Some(Body::Failures(failures)) = body_of(message)
    {
        for command in &mut failures.commands {
            command.class = FailedCommand::class_number(config::FailureClass::Bem);
        }
    }
}

/// R0 is active with these lines configured.
fn active_with(lines: &str) -> Pair {
    let mut pair = Pair::new();
    pair.start(ACTIVE);
    pair.run_ms(2_000);
    pair.open(ACTIVE);
    pair.type_lines(ACTIVE, &format!("configure terminal\n{lines}\nend\n"));
    pair
}

/// Lets time pass until this has been logged so often.
fn run_until_logged(pair: &mut Pair, what: &str, count: usize) {
    for _ in 0..500 {
        if pair.logged(ACTIVE, what) >= count {
            return;
        }
        pair.run_ms(10);
    }
    panic!("{what} was not logged {count} times");
}

fn listed(pair: &mut Pair, class: &str) -> String {
    let shown = pair.type_lines(ACTIVE, &format!("show redundancy config-sync failures {class}\n"));
    shown.replace('\r', "")
}

fn assert_mode(pair: &mut Pair, operational: &str) {
    let states = pair.type_lines(ACTIVE, "show redundancy states\n");
    for line in [
        format!("Redundancy Mode (Operational) = {operational}"),
        "Redundancy Mode (Configured)  = sso".into(),
    ] {
        assert!(states.contains(&line), "{line}: {states}");
    }
}

const BULK_RELOAD: &str = "%RF-5-RF_RELOAD: Peer reload. Reason: Bulk Sync Failure";

#[test]
fn req_32_a_bulk_with_another_return_code_reloads_the_standby_three_times_then_the_pair_runs_rpr_until_it_is_validated()
 {
    let mut pair = active_with(ROUTE);
    pair.tamper = another_return_code;
    pair.start(STANDBY);
    run_until_logged(&mut pair, BULK_RELOAD, 1);
    assert_eq!(
        listed(&mut pair, "prc"),
        format!(
            "PRC Failed Command List\n-----------------------\n\
             00:00:02: Config Sync: Starting lines from PRC file:\n\
             - {ROUTE}\n! return code 0 on the active, 1 on the standby\n"
        )
    );
    for class in ["mcl", "bem"] {
        assert!(listed(&mut pair, class).contains("The list is Empty"), "{class}");
    }
    assert_eq!(pair.logged(ACTIVE, "%HA_CONFIG_SYNC-3-BULK_CFGSYNC"), 1);
    pair.run_ms(10_000);
    assert_eq!(
        pair.logged(ACTIVE, BULK_RELOAD),
        4,
        "three bulks, and once for the change of the mode"
    );
    assert_eq!(pair.state(STANDBY), RfState::StandbyCold, "it has stopped trying");
    assert_mode(&mut pair, "rpr");
    assert!(listed(&mut pair, "prc").contains(ROUTE), "why is still told");
    pair.tamper = |_, _| {};
    pair.run_ms(10_000);
    assert_eq!(
        pair.state(STANDBY),
        RfState::StandbyCold,
        "nobody has looked into it"
    );
    assert_eq!(
        pair.type_lines(ACTIVE, "redundancy config-sync validate mismatched-commands\n"),
        ""
    );
    pair.run_ms(4_000);
    assert_eq!(pair.state(STANDBY), RfState::StandbyHot);
    assert_mode(&mut pair, "sso");
    assert_eq!(pair.running(ACTIVE), pair.running(STANDBY));
    assert!(listed(&mut pair, "prc").contains("The list is Empty"));
}

#[test]
fn req_32_bulks_that_succeed_in_between_are_no_row_of_failures() {
    let mut pair = active_with(ROUTE);
    for round in 1..=5 {
        pair.tamper = another_return_code;
        pair.start(STANDBY);
        run_until_logged(&mut pair, BULK_RELOAD, round);
        pair.tamper = |_, _| {};
        pair.run_ms(4_000);
        assert_eq!(pair.state(STANDBY), RfState::StandbyHot);
        pair.kill(STANDBY, redundancy::PeerLoss::Removed);
        pair.run_ms(500);
    }
    assert_eq!(pair.logged(ACTIVE, BULK_RELOAD), 5, "one for each, and never RPR");
    assert_eq!(pair.logged(ACTIVE, "Compatibility Matrix"), 0);
}

#[test]
fn req_32_a_bulk_that_makes_another_configuration_is_listed_as_best_effort_failure_and_reloads_the_standby() {
    let mut pair = active_with(ROUTE);
    pair.tamper = another_configuration;
    pair.start(STANDBY);
    run_until_logged(&mut pair, BULK_RELOAD, 1);
    assert_eq!(
        listed(&mut pair, "bem"),
        "BEM Failed Command List\n-----------------------\n\
         00:00:02: Config Sync: Starting lines from BEM file:\n- ! the whole configuration\n"
    );
    pair.tamper = |_, _| {};
    pair.run_ms(4_000);
    assert_eq!(pair.state(STANDBY), RfState::StandbyHot);
    assert_eq!(
        listed(&mut pair, "bem"),
        "BEM Failed Command List\n-----------------------\n\nThe list is Empty\n"
    );
}

#[test]
fn req_32_a_policy_without_reload_accepts_and_lists_what_a_bulk_has_found() {
    for (class, tamper) in [
        ("prc", another_return_code as fn(RpSlot, &mut PeerMessage)),
        ("bem", another_configuration),
    ] {
        let policy = format!("redundancy\nno policy config-sync bulk {class} reload\nexit");
        let mut pair = active_with(&format!("{policy}\n{ROUTE}"));
        pair.tamper = tamper;
        pair.start(STANDBY);
        pair.run_ms(4_000);
        assert_eq!(pair.state(STANDBY), RfState::StandbyHot, "{class}");
        assert_eq!(pair.logged(ACTIVE, BULK_RELOAD), 0, "{class}");
        assert_eq!(pair.logged(ACTIVE, "%HA_CONFIG_SYNC-4-DIFFERENCES"), 1, "{class}");
        assert!(listed(&mut pair, class).contains("\n- "), "{class}");
        // The other class has its own policy, and the other phase too.
        let running = pair.running(ACTIVE);
        assert_eq!(running.matches("no policy config-sync").count(), 1, "{running}");
    }
}

#[test]
fn req_32_a_command_of_another_result_is_listed_line_by_line_and_reloads_the_standby_by_policy() {
    let older = |slot, config: &mut rp::RpConfig| {
        if slot == STANDBY {
            config.unsupported_commands = vec!["ip route".into()];
        }
    };
    let mut pair = Pair::new();
    pair.configure = older;
    pair.tamper = another_result;
    pair.boot_hot();
    let shown = pair.type_lines(ACTIVE, &format!("configure terminal\n{ROUTE}\nend\n"));
    assert!(!shown.contains('%'), "the command itself is no error: {shown}");
    let reload = "%RF-5-RF_RELOAD: Peer reload. Reason: Line-by-Line Sync Failure";
    assert_eq!(pair.logged(ACTIVE, reload), 1);
    assert_eq!(
        listed(&mut pair, "bem"),
        format!(
            "BEM Failed Command List\n-----------------------\n\
             00:00:05: Config Sync: Starting lines from BEM file:\n- {ROUTE}\n"
        )
    );
    pair.type_lines(
        ACTIVE,
        &format!("configure terminal\nno {ROUTE}\nredundancy\nno policy config-sync lbl bem reload\nend\n"),
    );
    pair.run_ms(4_000);
    assert_eq!(pair.state(STANDBY), RfState::StandbyHot);
    pair.type_lines(ACTIVE, &format!("configure terminal\n{ROUTE}\nend\n"));
    pair.run_ms(1_000);
    assert_eq!(pair.state(STANDBY), RfState::StandbyHot, "the policy is to go on");
    assert_eq!(pair.logged(ACTIVE, reload), 1);
    assert_eq!(pair.logged(ACTIVE, "%HA_CONFIG_SYNC-4-DIFFERENCES"), 1);
    assert!(listed(&mut pair, "bem").contains(ROUTE));
}

#[test]
fn req_10_no_line_is_accepted_from_the_first_word_of_the_bulk_to_the_standby_s_last() {
    let mut pair = active_with("hostname Before");
    pair.type_lines(ACTIVE, "configure terminal\n");
    pair.tamper = |to, message| {
        // The last acknowledgements do not arrive: the bulk does not end.
        if to == ACTIVE
            && let PeerMessage::Acknowledgement(acknowledgement) = message
        {
            acknowledgement.frame = 0;
        }
    };
    pair.start(STANDBY);
    for _ in 0..100 {
        if pair.state(STANDBY) == RfState::StandbyColdBulk {
            break;
        }
        pair.run_ms(10);
    }
    // Who is in configuration mode already, and who wants to enter it.
    let shown = pair.type_lines(ACTIVE, "hostname Lost\nend\nconfigure terminal\n");
    let refusal = "Config mode cannot be entered during Standby initialization\n";
    assert_eq!(shown.matches(refusal).count(), 2, "{shown}");
    for unit in RpSlot::ALL {
        assert!(!pair.running(unit).contains("Lost"), "{unit}");
    }
    let bulk_ended = |pair: &Pair| pair.logged(ACTIVE, "BULK_CFGSYNC_SUCCEED");
    assert_eq!(bulk_ended(&pair), 0);
    pair.tamper = |_, _| {};
    pair.run_ms(10_000);
    assert_eq!(pair.state(STANDBY), RfState::StandbyHot);
    assert_eq!(bulk_ended(&pair), 1);
    assert!(
        pair.logged(
            ACTIVE,
            "%HA-5-MODE: Operating mode is sso, configured mode is sso."
        ) >= 1
    );
    pair.type_lines(ACTIVE, "configure terminal\nhostname Taken\nend\n");
    assert!(pair.running(STANDBY).contains("hostname Taken"));
}
