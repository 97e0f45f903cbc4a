//! Modes of redundancy: what is configured, what the pair operates in and why, and what a switchover keeps in each.

#[path = "common/pair.rs"]
mod pair;

use machine::{CardSlot, RpSlot};
use pair::Pair;
use redundancy::{PeerLoss, RedundancyMode, RfState, RfStatus};

const ACTIVE: RpSlot = RpSlot::R0;
const STANDBY: RpSlot = RpSlot::R1;
const CARDS: [CardSlot; 2] = [CardSlot(0), CardSlot(1)];

fn status(pair: &Pair, slot: RpSlot) -> RfStatus {
    pair.rp(slot).facility().status(pair.now)
}

fn modes(pair: &Pair) -> (RedundancyMode, RedundancyMode) {
    let status = status(pair, ACTIVE);
    (status.configured_mode, status.operating_mode)
}

/// R0 is active, R1 rests cold in RPR, which is saved; a console is open on R0.
fn rpr() -> Pair {
    let mut pair = Pair::hot();
    pair.type_lines(
        ACTIVE,
        "configure terminal\nredundancy\nmode rpr\nend\nwrite memory\n",
    );
    pair.run_ms(3_000);
    assert_eq!(pair.state(STANDBY), RfState::StandbyCold);
    pair
}

#[test]
fn req_77_a_mode_that_is_typed_resets_the_standby_by_itself_and_rules_the_pair() {
    let mut pair = Pair::hot();
    pair.type_lines(ACTIVE, "configure terminal\nredundancy\nmode sso\n");
    assert_eq!(pair.state(STANDBY), RfState::StandbyHot, "it was sso before");
    pair.type_lines(ACTIVE, "mode rpr\n");
    assert!(pair.units[STANDBY.index()].processor.is_none(), "it was reset");
    assert_eq!(
        pair.logged(ACTIVE, "Peer reload. Reason: Redundancy mode changed"),
        1
    );
    pair.run_ms(3_000);
    assert_eq!(
        (pair.state(ACTIVE), pair.state(STANDBY)),
        (RfState::Active, RfState::StandbyCold)
    );
    assert_eq!(modes(&pair), (RedundancyMode::Rpr, RedundancyMode::Rpr));
    assert_eq!(
        pair.logged(ACTIVE, "Operating mode is rpr, configured mode is rpr."),
        1
    );
    pair.type_lines(ACTIVE, "no mode\n");
    pair.run_ms(3_000);
    assert_eq!(pair.state(STANDBY), RfState::StandbyHot);
    assert_eq!(modes(&pair), (RedundancyMode::Sso, RedundancyMode::Sso));
}

#[test]
fn req_31_a_standby_in_rpr_holds_the_startup_configuration_only_and_takes_no_frames() {
    let mut pair = rpr();
    let chunks = pair.units[STANDBY.index()].chunks;
    pair.type_lines(ACTIVE, "configure terminal\nhostname Unsaved\nend\n");
    pair.run_ms(2_000);
    assert_eq!(pair.units[STANDBY.index()].chunks, chunks, "no frame is sent");
    assert!(!pair.running(STANDBY).contains("Unsaved"));
    let shown = pair.type_lines(ACTIVE, "write memory\n");
    assert!(shown.ends_with("[OK]\n"), "{shown}");
    let kept = pair.units[STANDBY.index()].nvram.clone().unwrap();
    assert!(kept.contains("hostname Unsaved"), "{kept}");
    assert_eq!(pair.units[STANDBY.index()].chunks, chunks);
}

#[test]
fn req_31_a_switchover_in_rpr_parses_the_startup_configuration_resets_every_card_and_starts_over() {
    let mut pair = rpr();
    pair.type_lines(ACTIVE, "configure terminal\nhostname Saved\nend\nwrite memory\n");
    pair.type_lines(ACTIVE, "configure terminal\nhostname Unsaved\nend\n");
    pair.run_ms(120_000);
    pair.kill(ACTIVE, PeerLoss::Killed);
    pair.run_ms(1_000);
    assert_eq!(pair.state(STANDBY), RfState::Active);
    assert!(pair.running(STANDBY).contains("hostname Saved"));
    assert_eq!(pair.units[STANDBY.index()].reset_cards, CARDS);
    assert_eq!(pair.logged(STANDBY, "All line cards are reset"), 1);
    pair.open(STANDBY);
    let shown = pair.type_lines(STANDBY, "show redundancy\nshow redundancy switchover history\n");
    assert!(shown.contains("Available system uptime = 0 minutes"), "{shown}");
    assert!(shown.contains("Configured Redundancy Mode = rpr"), "{shown}");
    assert!(shown.contains("active unit failed"), "{shown}");
}

#[test]
fn req_80_a_forced_switchover_in_rpr_goes_to_a_standby_that_rests_and_to_no_other() {
    let mut pair = rpr();
    let shown = pair.type_lines(ACTIVE, "redundancy force-switchover\n\n");
    pair.run_ms(1_000);
    assert_eq!(pair.state(STANDBY), RfState::Active, "{shown}{}", pair.screen);
    assert_eq!(pair.units[STANDBY.index()].reset_cards, CARDS);

    let mut pair = rpr();
    pair.kill(STANDBY, PeerLoss::Killed);
    pair.units[STANDBY.index()].disk_hangs = true;
    pair.start(STANDBY);
    pair.run_ms(1_000);
    let shown = pair.type_lines(ACTIVE, "redundancy force-switchover\n");
    assert!(shown.contains("% Standby not ready for switchover"), "{shown}");
}

#[test]
fn req_81_the_switchovers_before_are_still_told_after_one_in_rpr() {
    let mut pair = rpr();
    pair.kill(ACTIVE, PeerLoss::Killed);
    pair.start(ACTIVE);
    pair.run_ms(3_000);
    assert_eq!(pair.state(ACTIVE), RfState::StandbyCold);
    pair.kill(STANDBY, PeerLoss::Removed);
    pair.run_ms(1_000);
    pair.open(ACTIVE);
    let shown = pair.type_lines(ACTIVE, "show redundancy switchover history\n");
    assert!(
        shown.contains("active unit failed") && shown.contains("active unit removed"),
        "{shown}"
    );
}

/// Boots a pair of which one unit differs, and tells what the active says of it.
fn fallen_back(configure: fn(RpSlot, &mut rp::RpConfig)) -> (Pair, String) {
    let mut pair = Pair::new();
    pair.configure = configure;
    pair.boot_hot();
    assert_eq!(pair.state(STANDBY), RfState::StandbyCold);
    assert_eq!(modes(&pair), (RedundancyMode::Sso, RedundancyMode::Rpr));
    assert_eq!(
        pair.logged(ACTIVE, "Operating mode is rpr, configured mode is sso."),
        1
    );
    assert_eq!(pair.logged(ACTIVE, "SSO is not possible"), 1);
    let shown = pair.type_lines(ACTIVE, "show redundancy\nshow redundancy states\n");
    (pair, shown)
}

fn assert_told(shown: &str, reason: &str) {
    for line in [
        format!("Reason for falling back to rpr = {reason}"),
        format!("Redundancy Mode (Fell Back)   = {reason}"),
    ] {
        assert!(shown.contains(&line), "'{line}' is not in\n{shown}");
    }
}

#[test]
fn req_81_units_of_different_images_run_rpr_until_both_run_the_same() {
    let (mut pair, shown) = fallen_back(|slot, config| {
        if slot == STANDBY {
            config.image_version = "Version 9.9.9".into();
        }
    });
    assert_told(&shown, "image Version 0.0.0-test here, Version 9.9.9 on the peer");
    assert!(
        shown.contains("Image Version = Holdover Software, Version 9.9.9"),
        "{shown}"
    );
    pair.configure = |_, _| {};
    pair.kill(STANDBY, PeerLoss::Killed);
    pair.start(STANDBY);
    pair.run_ms(3_000);
    assert_eq!(pair.state(STANDBY), RfState::StandbyHot);
    let shown = pair.type_lines(ACTIVE, "show redundancy\n");
    assert!(!shown.contains("falling back"), "{shown}");
}

#[test]
fn an_incompatible_client_keeps_the_pair_in_rpr_with_the_reason() {
    let (_, shown) = fallen_back(|slot, config| {
        if slot == STANDBY {
            config.redundancy.schema_hash = 2;
        }
    });
    assert_told(
        &shown,
        "incompatible client: checkpoint schemas 0000000000000001 here, 0000000000000002 on the peer",
    );
}

#[test]
fn req_9_registers_that_differ_are_warned_of_and_equal_again_after_a_reload_of_the_standby() {
    let (mut pair, shown) = fallen_back(|slot, config| {
        if slot == STANDBY && config.redundancy.boot < 5 {
            config.configuration_register = 0x2142;
        }
    });
    assert_told(&shown, "configuration register 0x2102 here, 0x2142 on the peer");
    assert!(
        shown.contains("Configuration register = 0x2142 (will be 0x2102 at next reload)"),
        "{shown}"
    );
    assert_eq!(
        pair.units[STANDBY.index()].register,
        0x2102,
        "it has taken it over"
    );
    pair.kill(STANDBY, PeerLoss::Killed);
    pair.start(STANDBY);
    pair.run_ms(3_000);
    assert_eq!(pair.state(STANDBY), RfState::StandbyHot);
}

#[test]
fn req_9_the_register_that_is_set_is_kept_by_both_and_shown_until_the_next_reload() {
    let mut pair = Pair::hot();
    let shown = pair.type_lines(ACTIVE, "configure terminal\nconfig-register 0x2100\n");
    assert!(shown.contains("ROM monitor"), "{shown}");
    pair.type_lines(ACTIVE, "config-register 0x2142\nend\n");
    let registers = pair.units.each_ref().map(|unit| unit.register);
    assert_eq!(registers, [0x2142; 2]);
    let shown = pair.type_lines(ACTIVE, "show version\nshow running-config\n");
    assert!(
        shown.contains("Configuration register is 0x2102 (will be 0x2142 at next reload)"),
        "{shown}"
    );
    assert!(!shown.contains("config-register"), "{shown}");
    pair.kill(STANDBY, PeerLoss::Killed);
    pair.start(STANDBY);
    pair.run_ms(3_000);
    assert_eq!(
        pair.state(STANDBY),
        RfState::StandbyHot,
        "what counts is the next boot, in which they are alike"
    );
}

#[test]
fn a_register_with_bit_six_boots_without_the_startup_configuration_and_keeps_it() {
    let mut pair = Pair::new();
    pair.configure = |_, config| {
        config.configuration_register = 0x2142;
        config.startup = Some("hostname Ignored\nend\n".into());
    };
    pair.start(ACTIVE);
    pair.run_ms(2_000);
    assert!(pair.running(ACTIVE).contains("hostname Router"));
    pair.open(ACTIVE);
    let shown = pair.type_lines(ACTIVE, "show startup-config\n");
    assert!(shown.contains("hostname Ignored"), "{shown}");
}

#[test]
fn req_11_an_active_lost_before_its_standby_is_ready_restarts_the_system_and_cards_forward_on_unless_told_otherwise()
 {
    for (line, reset) in [("", false), ("redundancy\n headless-forwarding disable\n", true)] {
        let mut pair = Pair::new();
        for unit in &mut pair.units {
            unit.nvram = Some(format!("hostname Kept\n{line}end\n"));
        }
        pair.start(ACTIVE);
        pair.run_ms(2_000);
        // The link is down: the standby is as cold as it can be.
        pair.start(STANDBY);
        while !pair.state(STANDBY).is_standby() {
            pair.run_ms(10);
        }
        pair.feed(STANDBY, redundancy_loss());
        pair.kill(ACTIVE, PeerLoss::Killed);
        pair.run_ms(1_000);
        assert_eq!(pair.state(STANDBY), RfState::Active);
        assert!(pair.running(STANDBY).contains("hostname Kept"));
        let expected: &[CardSlot] = if reset { &CARDS } else { &[] };
        assert_eq!(pair.units[STANDBY.index()].reset_cards, expected, "{line}");
    }
}

/// The active does not agree with what the standby holds: it is not hot from here on.
fn redundancy_loss() -> rp::RpInput {
    rp::RpInput::Peer(rp::PeerMessage::Rf(redundancy::RfMessage {
        slot: ACTIVE,
        boot: 3,
        epoch: machine::Epoch::NONE,
        state: RfState::Active,
        body: redundancy::Body::Resync,
    }))
}

#[test]
fn timers_of_the_pair_are_configured_on_the_active_and_hold_on_both() {
    let mut pair = Pair::hot();
    let defaults = status(&pair, STANDBY);
    pair.type_lines(
        ACTIVE,
        "configure terminal\nredundancy\nkeepalive interval 200\nkeepalive threshold 9\nnotification-timer 20000\n",
    );
    for slot in RpSlot::ALL {
        let status = status(&pair, slot);
        assert_eq!(
            (
                status.keepalive_interval_ms,
                status.keepalive_threshold,
                status.notification_time_ms
            ),
            (200, 9, 20_000),
            "{slot}"
        );
    }
    let shown = pair.type_lines(ACTIVE, "end\nshow redundancy states\n");
    for line in [
        " client_notification_TMR = 20000 milliseconds",
        "          keep_alive TMR = 200 milliseconds",
        "    keep_alive threshold = 9",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    pair.run_ms(5_000);
    assert_eq!(
        pair.state(STANDBY),
        RfState::StandbyHot,
        "nobody takes the other for dead"
    );
    pair.type_lines(
        ACTIVE,
        "configure terminal\nredundancy\nno keepalive interval\nno keepalive threshold\nno notification-timer\n",
    );
    let status = status(&pair, STANDBY);
    assert_eq!(status.keepalive_interval_ms, defaults.keepalive_interval_ms);
    assert_eq!(status.notification_time_ms, defaults.notification_time_ms);
}

#[test]
fn maintenance_mode_that_is_configured_cuts_the_standby_off_and_leaving_it_resets_the_standby() {
    let mut pair = Pair::hot();
    pair.type_lines(ACTIVE, "configure terminal\nredundancy\nmaintenance-mode\n");
    pair.run_ms(1_000);
    assert_eq!(pair.state(STANDBY), RfState::StandbyCold);
    let shown = pair.type_lines(
        ACTIVE,
        "end\nshow redundancy states\nredundancy force-switchover\n",
    );
    assert!(shown.contains("Maintenance Mode = Enabled"), "{shown}");
    assert!(shown.contains("maintenance mode is enabled"), "{shown}");
    pair.type_lines(
        ACTIVE,
        "configure terminal\nredundancy\nno maintenance-mode\nend\n",
    );
    assert!(pair.units[STANDBY.index()].processor.is_none(), "it was reset");
    pair.run_ms(3_000);
    assert_eq!(pair.state(STANDBY), RfState::StandbyHot);
}

#[test]
fn req_27_show_version_tells_what_the_standby_costs() {
    let mut pair = Pair::hot();
    for (slot, mib) in [(STANDBY, 40), (ACTIVE, 50)] {
        let memory = rp::HostMemory {
            resident_bytes: mib << 20,
            available_bytes: 1000 << 20,
        };
        pair.feed(slot, rp::RpInput::Platform(rp::PlatformInput::Memory(memory)));
        pair.settle();
    }
    let shown = pair.type_lines(ACTIVE, "show version\n");
    assert!(
        shown.contains("Software redundancy: the standby on this host costs 40 MiB of memory")
            && shown.contains("Memory: 50 MiB held by this processor, 1000 MiB available on this host"),
        "{shown}"
    );
}
