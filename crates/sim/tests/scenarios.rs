//! Stories of one chassis. Each reads as what an engineer would try on a bench.

use machine::RpSlot;
use sim::{FaultKind, LinkOptions, Options, TraceLevel, World, run_with};

fn quiet() -> Options {
    Options::default()
}

fn with_operator() -> Options {
    Options {
        operator: true,
        think_ms_max: 3,
        ..quiet()
    }
}

#[test]
fn req_2_req_26_a_chassis_boots_into_a_pair_that_is_in_step_and_forwards() {
    World::story(1, quiet())
        .boot()
        .until_hot()
        .wait(300)
        .expect_active(RpSlot::R0)
        .expect_no_loss();
}

#[test]
fn req_2_when_the_active_is_killed_the_standby_takes_over_and_no_packet_is_lost() {
    World::story(2, quiet())
        .boot()
        .until_hot()
        .kill_active()
        .expect_active(RpSlot::R1)
        .until_hot()
        .expect_cold_starts(0)
        .expect_no_loss();
}

#[test]
fn the_activity_goes_back_and_forth_and_the_traffic_never_notices() {
    let mut world = World::story(3, quiet()).boot().until_hot();
    for _ in 0..6 {
        world = world.kill_active().until_hot();
    }
    world
        .expect_active(RpSlot::R0)
        .expect_cold_starts(0)
        .expect_no_loss();
}

#[test]
fn the_standby_may_die_without_anybody_noticing() {
    World::story(4, quiet())
        .boot()
        .until_hot()
        .kill_standby()
        .expect_active(RpSlot::R0)
        .until_hot()
        .expect_no_loss();
}

#[test]
fn a_hung_active_is_superseded_and_harmless_when_it_wakes_up() {
    let options = Options {
        kill_ms_max: 2_000,
        ..with_operator()
    };
    World::story(5, options)
        .boot()
        .until_hot()
        .operator_types()
        .inject_and_wait(FaultKind::HangActive, 450)
        .expect_active(RpSlot::R1)
        .mend()
        .until_hot()
        .expect_cold_starts(0)
        .expect_no_loss();
}

#[test]
fn a_hung_standby_is_reset_and_comes_back_in_step() {
    World::story(6, quiet())
        .boot()
        .until_hot()
        .inject_and_wait(FaultKind::HangStandby, 500)
        .mend()
        .until_hot()
        .expect_active(RpSlot::R0)
        .expect_no_loss();
}

#[test]
fn req_1_what_the_operator_was_told_is_done_stays_done_over_switchovers() {
    let mut world = World::story(7, with_operator())
        .boot()
        .until_hot()
        .operator_types()
        .wait(100)
        .expect_commands();
    for _ in 0..4 {
        world = world.kill_active().until_hot().wait(60);
    }
    world
        .expect_cold_starts(0)
        .expect_promises_kept()
        .expect_no_loss();
}

#[test]
fn a_saved_configuration_is_in_both_nvrams() {
    World::story(8, with_operator())
        .boot()
        .until_hot()
        .operator_types()
        .wait(600)
        .expect_commands()
        .operator_stops()
        .wait(50)
        .expect_saved_on_both();
}

#[test]
fn req_80_a_forced_switchover_loses_nothing() {
    World::story(9, with_operator())
        .boot()
        .until_hot()
        .operator_types()
        .wait(40)
        .inject_and_wait(FaultKind::ForcedSwitchover, 400)
        .expect_active(RpSlot::R1)
        .until_hot()
        .expect_cold_starts(0)
        .expect_promises_kept()
        .expect_no_loss();
}

#[test]
fn a_death_in_the_middle_of_a_turn_loses_nothing_that_was_promised() {
    let mut world = World::story(10, with_operator())
        .boot()
        .until_hot()
        .operator_types();
    for _ in 0..8 {
        world = world
            .inject_and_wait(FaultKind::CrashInTurn, 60)
            .until_hot()
            .wait(30);
    }
    world
        .expect_cold_starts(0)
        .expect_promises_kept()
        .expect_no_loss();
}

#[test]
fn the_router_comes_back_from_its_configuration_when_both_rps_died() {
    World::story(11, quiet())
        .boot()
        .until_hot()
        .inject_and_wait(FaultKind::CrashBoth, 200)
        .mend()
        .until_hot()
        .expect_cold_starts(1)
        .expect_traffic_passes();
}

#[test]
fn a_unit_that_dies_while_it_takes_over_leaves_a_router_that_comes_back() {
    World::story(12, quiet())
        .boot()
        .until_hot()
        .inject_and_wait(FaultKind::CrashInPromotion, 300)
        .mend()
        .until_hot()
        .expect_traffic_passes();
}

#[test]
fn a_card_that_is_pulled_costs_only_its_own_ports() {
    World::story(13, quiet())
        .boot()
        .until_hot()
        .inject_and_wait(FaultKind::CardPull, 150)
        .mend()
        .until_hot()
        .expect_traffic_passes()
        .expect_no_loss();
}

#[test]
fn a_connection_between_rp_and_card_that_breaks_costs_nothing() {
    let mut world = World::story(14, quiet()).boot().until_hot();
    for _ in 0..5 {
        world = world.inject_and_wait(FaultKind::CardLink, 120);
    }
    world.until_hot().expect_active(RpSlot::R0).expect_no_loss();
}

#[test]
fn a_link_that_stalls_puts_the_standby_out_of_step_and_it_comes_back() {
    World::story(15, with_operator())
        .boot()
        .until_hot()
        .operator_types()
        .inject_and_wait(FaultKind::LinkStall, 600)
        .mend()
        .until_hot()
        .expect_promises_kept()
        .expect_no_loss();
}

#[test]
fn routes_that_change_faster_than_the_link_end_in_equal_digests() {
    let options = Options {
        rp_link: LinkOptions {
            latency_ns: 500_000,
            bytes_per_second: 200_000,
            capacity_bytes: 8 * 1024,
        },
        turn_bytes_max: 2 * 1024,
        chunk_bytes: 512,
        routes_max: 400,
        ..quiet()
    };
    let mut world = World::story(16, options).boot().until_hot();
    for _ in 0..6 {
        world = world.inject_and_wait(FaultKind::RouteChurn, 25);
    }
    world
        .mend()
        .until_hot()
        .kill_active()
        .until_hot()
        .expect_traffic_passes();
}

#[test]
fn an_rp_that_is_pulled_and_put_back_becomes_the_standby() {
    World::story(17, quiet())
        .boot()
        .until_hot()
        .inject_and_wait(FaultKind::RpPull, 250)
        .mend()
        .until_hot()
        .expect_cold_starts(0)
        .expect_no_loss();
}

#[test]
fn a_full_disk_refuses_to_save_and_the_router_goes_on() {
    World::story(18, with_operator())
        .boot()
        .until_hot()
        .operator_types()
        .inject_and_wait(FaultKind::DiskFull, 200)
        .inject_and_wait(FaultKind::DiskTorn, 200)
        .mend()
        .until_hot()
        .kill_active()
        .until_hot()
        .expect_promises_kept()
        .expect_no_loss();
}

#[test]
fn a_standby_that_is_upgraded_at_any_moment_gets_in_step() {
    for seed in 1..=60 {
        let options = Options {
            older_release: true,
            operator: true,
            ..Options::swarm(seed)
        };
        let outcome = run_with(seed, options, TraceLevel::Tail);
        assert_eq!(outcome.failure, None, "seed {seed}\n{}", outcome.tail.join("\n"));
    }
}

#[test]
fn req_77_a_pair_in_rpr_starts_over_from_what_was_saved() {
    let options = Options {
        boots_in_rpr: true,
        ..with_operator()
    };
    World::story(19, options)
        .boot()
        .until_hot()
        .operator_types()
        .wait(400)
        .expect_commands()
        .kill_active()
        .expect_cold_starts(1)
        .until_hot()
        .expect_traffic_passes()
        .operator_stops()
        .wait(50)
        .expect_saved_on_both();
}

/// The RP link is slow, so that a standby takes its time to be ready.
fn slow_to_be_ready() -> Options {
    Options {
        packets_per_second: 300,
        rp_link: LinkOptions {
            latency_ns: 2_000_000,
            ..quiet().rp_link
        },
        ..quiet()
    }
}

#[test]
fn when_the_active_is_lost_before_its_standby_is_ready_the_cards_forward_through_the_reset() {
    World::story(20, slow_to_be_ready())
        .boot()
        .until_hot()
        .lose_active_before_standby_is_ready()
        .expect_cold_starts(1)
        .until_hot()
        .expect_cards_in_life(1)
        .expect_traffic_passes()
        .expect_no_loss();
}

#[test]
fn with_headless_forwarding_disabled_the_reset_takes_the_cards_along() {
    let options = Options {
        headless_forwarding_disabled: true,
        ..slow_to_be_ready()
    };
    World::story(20, options)
        .boot()
        .until_hot()
        .lose_active_before_standby_is_ready()
        .expect_cold_starts(1)
        .until_hot()
        .expect_cards_in_life(2)
        .expect_traffic_passes()
        .expect_no_loss();
}
