//! Every checker has been seen to bite: a bug is planted beside the code under test, and some seed must find it, by the
//! checker that is there for it.

mod common;

use common::{expect_caught_in, expect_nothing_in};
use machine::Duration;
use sim::{ChassisCommands, FailureKind, FaultWeights, Options, Plant, TraceLevel, compared, run_with};

/// Seeds tried for one planted bug.
const SEEDS: u64 = 80;

/// A world in which the active dies often and an operator types.
fn busy() -> Options {
    Options {
        operator: true,
        think_ms_max: 3,
        fault_interval_ms: 60,
        hung_may_wake: true,
        kill_ms_max: 400,
        faults: FaultWeights {
            crash_active: 4,
            hang_active: 3,
            route_churn: 2,
            neighbor_churn: 2,
            card_link: 2,
            ..FaultWeights::default()
        },
        ..Options::default()
    }
}

/// A world in which an old active wakes up and hears nothing of its successor.
fn haunted() -> Options {
    Options {
        fault_interval_ms: 120,
        faults: FaultWeights {
            hang_active: 4,
            link_cut: 2,
            link_stall: 2,
            ..FaultWeights::default()
        },
        ..busy()
    }
}

fn expect_caught(plant: Plant, kind: FailureKind, checker: &str) {
    expect_caught_in(SEEDS, busy(), plant, kind, checker);
}

#[test]
fn without_a_planted_bug_nothing_is_found() {
    expect_nothing_in(SEEDS, busy());
}

#[test]
fn a_prompt_that_comes_before_the_standby_has_the_command_is_caught() {
    expect_caught(
        Plant::AcknowledgeUnseenFrames,
        FailureKind::Safety,
        "acknowledged",
    );
}

#[test]
fn a_card_that_accepts_a_lower_epoch_is_caught() {
    expect_caught_in(
        SEEDS,
        haunted(),
        Plant::CardAcceptsLowerEpoch,
        FailureKind::Safety,
        "one epoch per card",
    );
}

#[test]
fn an_arbiter_that_grants_a_counter_twice_is_caught() {
    expect_caught(Plant::ArbiterGrantsTwice, FailureKind::Safety, "one winner");
}

#[test]
fn packets_that_are_lost_are_missed() {
    expect_caught(Plant::FabricDropsPackets, FailureKind::Safety, "flows");
}

#[test]
fn packets_that_come_twice_are_noticed() {
    expect_caught(Plant::FabricDoublesPackets, FailureKind::Safety, "flows");
}

#[test]
fn a_standby_that_holds_something_else_is_caught() {
    expect_caught(Plant::CorruptStandby, FailureKind::Safety, "digests");
}

#[test]
fn a_card_that_holds_something_else_is_caught() {
    expect_caught(Plant::CardLosesRows, FailureKind::Safety, "digests");
}

#[test]
fn a_death_that_nobody_notices_is_caught() {
    expect_caught(Plant::DeathUnnoticed, FailureKind::Liveness, "takeover");
}

#[test]
fn a_process_that_is_woken_for_nothing_is_caught() {
    expect_caught(Plant::BusyLoop, FailureKind::Safety, "bounds");
}

#[test]
fn a_queue_without_bound_is_caught() {
    expect_caught(Plant::UnboundedQueue, FailureKind::Safety, "bounds");
}

#[test]
fn a_saved_configuration_that_only_one_rp_holds_is_caught() {
    expect_caught(Plant::NvramForgets, FailureKind::Safety, "acknowledged");
}

#[test]
fn a_saved_configuration_that_no_start_begins_with_is_caught() {
    let options = Options {
        commands: ChassisCommands {
            reload_shelf: true,
            ..ChassisCommands::default()
        },
        ..busy()
    };
    expect_caught_in(SEEDS, options, Plant::DiskCacheLost, FailureKind::Safety, "saved");
}

#[test]
fn a_disk_that_hides_its_errors_is_caught() {
    let options = Options {
        faults: FaultWeights {
            disk_full: 4,
            disk_torn: 4,
            ..FaultWeights::default()
        },
        ..busy()
    };
    expect_caught_in(
        SEEDS,
        options,
        Plant::DiskHidesErrors,
        FailureKind::Safety,
        "acknowledged",
    );
}

#[test]
fn two_configurations_on_a_hot_pair_are_caught() {
    expect_caught(Plant::DifferencesHushedUp, FailureKind::Safety, "configuration");
}

#[test]
fn a_register_that_only_the_active_keeps_is_caught() {
    let options = Options {
        commands: ChassisCommands {
            register: true,
            ..ChassisCommands::default()
        },
        ..busy()
    };
    expect_caught_in(
        SEEDS,
        options,
        Plant::RegisterForgotten,
        FailureKind::Safety,
        "register",
    );
}

/// A world in which the active often dies before its standby is ready.
fn seldom_ready() -> Options {
    Options {
        packets_per_second: 300,
        faults: FaultWeights {
            crash_active: 2,
            crash_standby: 6,
            ..FaultWeights::default()
        },
        ..busy()
    }
}

#[test]
fn cards_that_stop_without_a_route_processor_are_caught() {
    expect_caught_in(
        SEEDS,
        seldom_ready(),
        Plant::HeadlessCardsStop,
        FailureKind::Safety,
        "headless",
    );
}

#[test]
fn cards_that_are_reset_although_they_were_to_forward_on_are_caught() {
    expect_caught_in(
        SEEDS,
        seldom_ready(),
        Plant::CardsResetAlways,
        FailureKind::Safety,
        "headless",
    );
}

/// A world whose operator changes the mode and looks at it.
fn of_two_modes() -> Options {
    Options {
        commands: ChassisCommands {
            mode: true,
            ..ChassisCommands::default()
        },
        ..busy()
    }
}

#[test]
fn a_mode_that_is_configured_and_never_reached_is_caught() {
    expect_caught_in(
        SEEDS,
        of_two_modes(),
        Plant::PeerNeverReset,
        FailureKind::Liveness,
        "convergence",
    );
}

#[test]
fn a_mode_without_its_reason_is_caught() {
    // Long enough for a standby to be reset for what it does not know, and to rest.
    let options = Options {
        older_release: true,
        phase_one: Duration::from_millis(1_500),
        kill_ms_max: 0,
        faults: FaultWeights::default(),
        ..of_two_modes()
    };
    expect_caught_in(
        SEEDS,
        options,
        Plant::ReasonsHidden,
        FailureKind::Safety,
        "shown mode",
    );
}

#[test]
fn a_death_that_nobody_notices_in_rpr_is_caught() {
    let options = Options {
        boots_in_rpr: true,
        ..busy()
    };
    expect_caught_in(
        SEEDS,
        options,
        Plant::DeathUnnoticed,
        FailureKind::Liveness,
        "takeover",
    );
}

#[test]
fn a_panic_is_told_apart_from_what_is_wrong_without_one() {
    expect_caught(Plant::Panic, FailureKind::Crash, "panic");
}

#[test]
fn two_runs_that_differ_are_caught() {
    let options = Options {
        plant: Some(Plant::Nondeterminism),
        ..busy()
    };
    let runs = [1, 1].map(|seed| run_with(seed, options, TraceLevel::Hash));
    let [first, second] = runs;
    let found = compared(first, &second).failure.map(|failure| failure.kind);
    assert_eq!(found, Some(FailureKind::Nondeterminism));
}

#[test]
fn two_runs_of_a_seed_are_equal_in_every_input_and_output() {
    for seed in 1..=30 {
        let runs = [(); 2].map(|()| sim::run_seed(seed, TraceLevel::Hash));
        assert_eq!(runs[0], runs[1], "seed {seed}");
    }
}
