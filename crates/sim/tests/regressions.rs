//! Seeds that have found something are run for ever.

use sim::run_twice;

/// The seeds of `seeds.txt`, each with the line that says why.
fn seeds() -> Vec<(u64, &'static str)> {
    include_str!("../seeds.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (seed, why) = line.split_once(' ').expect("a seed and why");
            (seed.parse().expect("a seed is a number"), why.trim())
        })
        .collect()
}

#[test]
fn every_seed_that_found_something_finds_nothing_any_more() {
    let seeds = seeds();
    assert!(!seeds.is_empty());
    for (seed, why) in seeds {
        let outcome = run_twice(seed);
        assert_eq!(outcome.failure, None, "seed {seed}: {why}");
    }
}
