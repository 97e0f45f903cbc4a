//! Seeds that have found something are run for ever.

use sim::{regression_seeds, run_twice};

#[test]
fn every_seed_that_found_something_finds_nothing_any_more() {
    let seeds = regression_seeds();
    assert!(!seeds.is_empty());
    for (seed, story) in seeds {
        let outcome = run_twice(seed);
        assert_eq!(outcome.failure, None, "seed {seed}: {story}");
    }
}
