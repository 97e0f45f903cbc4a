//! BGP neighbours that never notice: one life of all that BGP does, with the active dying at every turn of it.

mod common;

use common::{expect_caught_in, expect_nothing_in};
use sim::{BgpOptions, Death, FailureKind, Options, Plant, TraceLevel, bgp_life};

/// Seeds tried for one planted bug.
const SEEDS: u64 = 40;

/// Two neighbours: one in another AS, with graceful restart, and one in the router's, without.
fn two_neighbours() -> Options {
    Options {
        operator: true,
        flows: 1,
        packets_per_second: 20,
        probers: 0,
        think_ms_max: 3,
        bgp: BgpOptions {
            neighbors: 2,
            internal: 0b10,
            graceful: 0b01,
            router_graceful: true,
            hold_time_s: 3,
            routes: 6,
            shared_routes: 8,
            policy: true,
            ..BgpOptions::default()
        },
        ..Options::default()
    }
}

fn expect_well(dies: Option<(u64, Death)>) -> u64 {
    let (turns, outcome) = bgp_life(7, two_neighbours(), dies, TraceLevel::Hash);
    if outcome.failure.is_some() {
        let (_, again) = bgp_life(7, two_neighbours(), dies, TraceLevel::Tail);
        panic!("{dies:?}: {:?}\n{}", again.failure, again.tail.join("\n"));
    }
    turns
}

/// Dies once at every turn of the life.
fn die_at_every_turn(death: impl Fn(u64) -> Death) {
    let turns = expect_well(None);
    assert!(turns > 100, "the life has {turns} turns");
    for turn in 1..=turns {
        expect_well(Some((turn, death(turn))));
    }
}

#[test]
fn the_active_may_die_after_every_turn_of_establishment_feed_withdrawal_refresh_policy_change_and_restart() {
    die_at_every_turn(|_| Death::After);
}

#[test]
fn the_active_may_die_within_every_turn_before_or_after_any_of_its_outputs() {
    die_at_every_turn(|turn| Death::Within((turn % 7) as usize));
}

/// A world in which neighbours do all that they can, and the active dies often.
fn busy() -> Options {
    let faults = sim::FaultWeights {
        crash_active: 1,
        ..sim::FaultWeights::default()
    };
    Options {
        fault_interval_ms: 120,
        faults,
        bgp: BgpOptions {
            settles_first: true,
            policy: false,
            ..two_neighbours().bgp
        },
        ..two_neighbours()
    }
}

/// The same, and steps for one neighbour kill whoever makes them.
fn poisoned() -> Options {
    let faults = sim::FaultWeights {
        poison: 1,
        ..sim::FaultWeights::default()
    };
    Options {
        fault_interval_ms: 250,
        faults,
        bgp: BgpOptions {
            neighbors: 3,
            policy: true,
            ..busy().bgp
        },
        ..busy()
    }
}

fn expect_caught(plant: Plant, kind: FailureKind, checker: &str) {
    expect_caught_in(SEEDS, busy(), plant, kind, checker);
}

#[test]
fn without_a_planted_bug_neighbours_find_nothing() {
    expect_nothing_in(SEEDS, busy());
}

#[test]
fn a_step_that_kills_whoever_makes_it_costs_one_session_until_all_is_mended() {
    let switchovers = expect_nothing_in(SEEDS, poisoned());
    assert!(switchovers > 40, "{switchovers} units have died of them");
}

#[test]
fn a_claimant_that_is_not_told_what_its_predecessor_died_of_is_caught() {
    expect_caught_in(
        SEEDS,
        poisoned(),
        Plant::DeathsUntold,
        FailureKind::Safety,
        "poison",
    );
}

#[test]
fn bytes_that_come_again_as_other_bytes_are_caught() {
    expect_caught(Plant::SegmentsRewritten, FailureKind::Safety, "stream");
}

#[test]
fn a_session_that_a_takeover_ends_is_caught() {
    expect_caught(Plant::SessionsReset, FailureKind::Safety, "session");
}

#[test]
fn updates_that_are_repeated_are_caught() {
    expect_caught(Plant::UpdatesRepeated, FailureKind::Safety, "repeats");
}

#[test]
fn a_route_that_nobody_is_told_of_is_missed() {
    expect_caught(Plant::AnnouncementsLost, FailureKind::Liveness, "view");
}

#[test]
fn packets_that_do_not_reach_a_neighbour_are_missed() {
    expect_caught(Plant::NeighborPacketsLost, FailureKind::Safety, "reach");
}
