//! `demo` and `bench`: what they print while they run, and at their end.

use crate::CliResult;
use crate::cli::{BgpSwitchoverArguments, FeedArguments, FeedNeighborsArguments, SwitchoverArguments};
use crate::screen::{self, Emphasis, ProgressLine};
use runtime::operate::bench::{self, Progress, Reporter, SwitchoverBench, milliseconds};
use runtime::operate::bgp_bench::{self, BgpProgress, BgpReporter, BgpSwitchoverBench};
use runtime::operate::bgp_feed::{self, FeedBench, NeighborsSpec};
use runtime::operate::demo::{self, Audience, Row, table};
use std::process::ExitCode;

/// Without a terminal a line for so many rounds.
const ROUNDS_PER_LINE: u32 = 10;

struct BenchScreen {
    progress: ProgressLine,
}

impl Reporter for BenchScreen {
    fn step(&mut self, text: &str) {
        self.progress.show(text);
    }

    fn round(&mut self, progress: &Progress<'_>) {
        let Progress {
            done,
            count,
            last,
            packets,
        } = progress;
        if self.progress.is_terminal() || done.is_multiple_of(ROUNDS_PER_LINE) || done == count {
            self.progress.show(&format!(
                "round {done}/{count}  first answer {} ms  packets sent {} lost {} duplicated {}",
                milliseconds(last.first_answer_ns / 1_000),
                packets.sent,
                packets.lost,
                packets.duplicated
            ));
        }
    }

    fn note(&mut self, text: &str) {
        self.progress.clear();
        eprintln!("holdover: {text}");
    }
}

/// Measures switchovers.
pub fn switchover(arguments: &SwitchoverArguments) -> CliResult {
    let mut screen = BenchScreen {
        progress: ProgressLine::new(),
    };
    let bench = SwitchoverBench {
        program: std::env::current_exe()?,
        cause: arguments.cause,
        mode: arguments.mode.into(),
        count: arguments.count,
        ballast_mib: arguments.ballast_mib,
        routes: arguments.routes,
    };
    let figures = bench::run(&bench, &mut screen)?;
    screen.progress.clear();
    if arguments.json {
        screen::print(&figures.to_json()?)?;
    } else {
        screen::print(figures.table().trim_end_matches('\n'))?;
    }
    if figures.two_actives > 0 {
        eprintln!("holdover: {} epochs had two holders", figures.two_actives);
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures how fast routes are taken.
pub fn bgp_feed(arguments: &FeedArguments) -> CliResult {
    let bench = FeedBench {
        program: std::env::current_exe()?,
        routes: arguments.routes,
        neighbors: arguments.neighbors,
        standby: !arguments.no_standby,
    };
    let figures = bgp_feed::run(&bench, &mut |line| eprintln!("{line}"))?;
    screen::print(&figures.to_json()?)?;
    Ok(ExitCode::SUCCESS)
}

/// Plays neighbours until the input ends.
pub fn bgp_feed_neighbors(arguments: &FeedNeighborsArguments) -> CliResult {
    bgp_feed::play_neighbors(&NeighborsSpec {
        router: arguments.router,
        first_address: arguments.first_address,
        neighbors: arguments.neighbors,
        routes: arguments.routes,
        seed: arguments.seed,
    })?;
    Ok(ExitCode::SUCCESS)
}

impl BgpReporter for BenchScreen {
    fn step(&mut self, text: &str) {
        self.progress.show(text);
    }

    fn round(&mut self, progress: &BgpProgress<'_>) {
        self.progress.show(&progress.line());
    }

    fn note(&mut self, text: &str) {
        self.progress.clear();
        eprintln!("holdover: {text}");
    }
}

/// Measures switchovers of BGP sessions.
pub fn bgp_switchover(arguments: &BgpSwitchoverArguments) -> CliResult {
    let mut screen = BenchScreen {
        progress: ProgressLine::new(),
    };
    let bench = BgpSwitchoverBench {
        program: std::env::current_exe()?,
        sessions: arguments.sessions,
        count: arguments.count,
        cause: arguments.cause,
    };
    let figures = bgp_bench::run(&bench, &mut screen)?;
    screen.progress.clear();
    screen::print(&figures.to_json()?)?;
    Ok(match figures.unnoticed() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

struct DemoScreen {
    progress: ProgressLine,
    colours: bool,
    begun: bool,
}

impl DemoScreen {
    fn print(&mut self, text: &str) {
        self.progress.clear();
        // Without a reader the demo goes on to its end, because that is where all that it has started is stopped.
        let _nobody_reads = screen::print(text);
    }
}

impl Audience for DemoScreen {
    fn step(&mut self, text: &str) {
        if self.progress.is_terminal() || !self.begun {
            self.progress.show(text);
        }
    }

    fn begin(&mut self) {
        self.begun = true;
        self.print(&table::heading());
    }

    fn row(&mut self, row: &Row) {
        let emphasis = if row.failures.is_empty() {
            Emphasis::Good
        } else {
            Emphasis::Bad
        };
        let mark = if row.failures.is_empty() { "ok" } else { "FAILED" };
        let line = format!(
            "{}  {}",
            table::line(row),
            screen::emphasised(mark, emphasis, self.colours)
        );
        self.print(&line);
        for failure in &row.failures {
            let text = format!("  {failure}");
            self.print(&screen::emphasised(&text, Emphasis::Bad, self.colours));
        }
        if row.act.interrupts() {
            let text = "  RPR: all line cards were reset, forwarding was interrupted; the loss is counted and no failure";
            self.print(&screen::emphasised(text, Emphasis::Quiet, self.colours));
        }
        let without_path = row.trial.traffic.without_path;
        if without_path.sent > 0 {
            let text = format!(
                "  of {} packets that needed the pulled card, {} had no path and are not counted",
                without_path.sent, without_path.lost
            );
            self.print(&screen::emphasised(&text, Emphasis::Quiet, self.colours));
        }
    }

    fn note(&mut self, text: &str) {
        self.progress.clear();
        eprintln!("holdover: {text}");
    }
}

/// Plays the demo.
pub fn demo() -> CliResult {
    let mut screen = DemoScreen {
        progress: ProgressLine::new(),
        colours: screen::colours(),
        begun: false,
    };
    let verdict = demo::run(std::env::current_exe()?, &mut screen)?;
    screen.print("");
    if verdict.holds() {
        let text = "No packet was lost where it had a path, and never were two route processors active.";
        screen.print(&screen::emphasised(text, Emphasis::Good, screen.colours));
        return Ok(ExitCode::SUCCESS);
    }
    let text = format!(
        "{} rows failed, {} epochs had two holders",
        verdict.failed, verdict.two_actives
    );
    screen.print(&screen::emphasised(&text, Emphasis::Bad, screen.colours));
    Ok(ExitCode::FAILURE)
}
