//! Worlds with and without a planted bug.

use sim::{FailureKind, Options, Plant, TraceLevel, run_with};

/// Fails unless one of the first `seeds` seeds finds the planted bug, by the checker that is there for it.
pub fn expect_caught_in(seeds: u64, options: Options, plant: Plant, kind: FailureKind, checker: &str) {
    let options = Options {
        plant: Some(plant),
        ..options
    };
    let mut others = Vec::new();
    for seed in 1..=seeds {
        match run_with(seed, options, TraceLevel::Hash).failure {
            Some(failure) if failure.kind == kind && failure.checker == checker => return,
            Some(failure) => others.push(failure),
            None => {}
        }
    }
    panic!("{plant:?} was not caught by '{checker}'; found instead: {others:?}");
}

/// Fails when one of the first `seeds` seeds finds anything. Returns the number of switchovers there were.
pub fn expect_nothing_in(seeds: u64, options: Options) -> u64 {
    let mut switchovers = 0;
    for seed in 1..=seeds {
        let outcome = run_with(seed, options, TraceLevel::Tail);
        assert_eq!(outcome.failure, None, "seed {seed}\n{}", outcome.tail.join("\n"));
        switchovers += outcome.figures.switchovers;
    }
    switchovers
}
