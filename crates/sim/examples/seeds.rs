//! Runs seeds: `seeds FIRST COUNT [JOBS]`, or one with its trace: `seeds FIRST trace`.

use sim::{Budget, TraceLevel, campaign, exit_code, run_seed};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |index: usize, default: u64| {
        arguments
            .get(index)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let first = number(1, 1);
    if arguments.get(2).is_some_and(|word| word == "trace") {
        let outcome = run_seed(first, TraceLevel::All);
        println!(
            "{:?} {:016x} {:?}",
            outcome.failure, outcome.hash, outcome.figures
        );
        std::process::exit(exit_code(outcome.failure.map(|failure| failure.kind)).into());
    }
    std::panic::set_hook(Box::new(|_| {}));
    let report = campaign(
        first,
        Budget::Seeds(number(2, 100)),
        number(3, 1) as usize,
        &|outcome| {
            if let Some(failure) = &outcome.failure {
                println!(
                    "seed {}: {:?} {} at {:?}: {}",
                    outcome.seed,
                    failure.kind,
                    failure.checker,
                    failure.at.since_origin(),
                    failure.text
                );
            }
        },
    );
    println!("{}", report.line());
    std::process::exit(exit_code(report.worst()).into());
}
