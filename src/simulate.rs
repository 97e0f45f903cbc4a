//! `sim`: the simulator's campaigns on the command line.

use crate::CliResult;
use crate::cli::SimArguments;
use crate::screen::{self, ProgressLine};
use sim::{Budget, Outcome, Report, TraceLevel};
use std::num::NonZero;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Without a budget a campaign is short enough to wait for.
const SECONDS_DEFAULT: u64 = 10;

/// Runs what the arguments ask for.
pub fn sim(arguments: &SimArguments) -> CliResult {
    if let Some(seed) = arguments.seed {
        return one_seed(seed, arguments.trace);
    }
    if arguments.regression {
        return regression();
    }
    let budget = match arguments.seeds {
        Some(seeds) => Budget::Seeds(seeds),
        None => Budget::Time(Duration::from_secs(arguments.seconds.unwrap_or(SECONDS_DEFAULT))),
    };
    let jobs = arguments
        .jobs
        .or_else(|| std::thread::available_parallelism().map(NonZero::get).ok())
        .unwrap_or(1);
    let first = arguments.first_seed.unwrap_or_else(drawn_seed);
    let mut progress = ProgressLine::new();
    progress.show(&format!("simulating from seed {first} on, {jobs} at a time"));
    let report = sim::campaign(first, budget, jobs, &|outcome| print_failure(outcome));
    progress.clear();
    screen::print(&format!("from seed {first}: {}", report.line()))?;
    Ok(ExitCode::from(sim::exit_code(report.worst())))
}

fn one_seed(seed: u64, trace: bool) -> CliResult {
    let level = if trace { TraceLevel::All } else { TraceLevel::Tail };
    let first = sim::run_seed(seed, level);
    let outcome = sim::compared(first, &sim::run_seed(seed, TraceLevel::Hash));
    match &outcome.failure {
        None => screen::print(&passed(&outcome))?,
        Some(_) => print_failure(&outcome),
    }
    let worst = outcome.failure.map(|failure| failure.kind);
    Ok(ExitCode::from(sim::exit_code(worst)))
}

fn regression() -> CliResult {
    let mut report = Report::default();
    for (seed, _) in sim::regression_seeds() {
        let outcome = sim::run_twice(seed);
        report.seeds += 1;
        if outcome.failure.is_some() {
            let mut again = sim::run_seed(seed, TraceLevel::Tail);
            again.failure.clone_from(&outcome.failure);
            print_failure(&again);
            report.failures.push(outcome);
        }
    }
    let (seeds, failed) = (report.seeds, report.failures.len());
    screen::print(&format!("{seeds} regression seeds, {failed} failed"))?;
    Ok(ExitCode::from(sim::exit_code(report.worst())))
}

/// A first seed that earlier campaigns have not used.
fn drawn_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Room for a million seeds between campaigns that start a millisecond apart.
    (since.as_millis() as u64).wrapping_mul(1_000_000) & (u64::MAX >> 1)
}

fn passed(outcome: &Outcome) -> String {
    let figures = &outcome.figures;
    format!(
        "seed {} ok, hash {:016x}: {} ms, {} events, {} faults, {} switchovers, {} packets, {} frames compared",
        outcome.seed,
        outcome.hash,
        figures.virtual_ms,
        figures.steps,
        figures.faults,
        figures.switchovers,
        figures.packets,
        figures.frames
    )
}

fn print_failure(outcome: &Outcome) {
    let Some(failure) = &outcome.failure else {
        return;
    };
    let mut text = String::new();
    for line in &outcome.tail {
        text.push_str(&format!("    {line}\n"));
    }
    text.push_str(&format!(
        "seed {} FAILED: {:?} ({}) at {:?}: {}\n  again: holdover sim --seed {} --trace",
        outcome.seed, failure.kind, failure.checker, failure.at, failure.text, outcome.seed
    ));
    // The campaign goes on without a reader: its exit code tells as well.
    let _nobody_reads = screen::print(&text);
}
