//! `holdover bench switchover`: many deaths, and the figures of all of them in one line.

use super::distribution::Distribution;
use super::lab::{Lab, LabError, LabOptions};
use super::traffic::{Packets, Punts, Traffic};
use super::trial::{self, Calm, Cause, Trial};
use machine::Duration;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;

/// What is measured.
#[derive(Clone, Debug)]
pub struct SwitchoverBench {
    /// The `holdover` program.
    pub program: PathBuf,
    /// How the active dies.
    pub cause: Cause,
    /// How often.
    pub count: u32,
    /// Mebibytes that each RP holds besides its own.
    pub ballast_mib: u64,
    /// Routes of the generator.
    pub routes: u32,
}

/// The figures, in the order of the documented line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SwitchoverFigures {
    bench: &'static str,
    cause: &'static str,
    count: u32,
    ballast_mib: u64,
    routes: u32,
    /// Transit packets of all rounds.
    pub packets: Packets,
    /// Punts of all rounds.
    pub punts: Punts,
    longest_gap_us: Distribution,
    phases_us: PhaseFigures,
    /// How often two RPs held one epoch.
    pub two_actives: u64,
}

/// Time from the death to each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct PhaseFigures {
    detected: Distribution,
    epoch_claimed: Distribution,
    promoted: Distribution,
    first_answer: Distribution,
}

/// How far a bench is.
pub struct Progress<'a> {
    /// Rounds done.
    pub done: u32,
    /// Rounds in all.
    pub count: u32,
    /// What the last round showed.
    pub last: &'a Trial,
    /// Packets of all rounds so far.
    pub packets: Packets,
}

/// What a bench tells while it runs.
pub trait Reporter {
    /// A step that may take a while.
    fn step(&mut self, text: &str);
    /// A round is done.
    fn round(&mut self, progress: &Progress<'_>);
    /// Something happened that nobody asked for.
    fn note(&mut self, text: &str);
}

/// Boots a private chassis and runs the rounds.
///
/// # Errors
/// [`LabError`].
pub fn run(bench: &SwitchoverBench, reporter: &mut dyn Reporter) -> Result<SwitchoverFigures, LabError> {
    refuse_without_memory(bench.ballast_mib)?;
    let limit = trial::size_limit(bench.ballast_mib, bench.routes);
    reporter.step("booting a chassis");
    let mut lab = Lab::start(LabOptions {
        program: bench.program.clone(),
        ballast_mib: bench.ballast_mib,
        core_dumps: bench.cause == Cause::SegvCore,
    })?;
    let active = lab.wait_until_hot(limit)?;
    trial::save_configuration(&mut lab, active)?;
    let mut traffic = Traffic::start(&mut lab)?;
    if bench.routes > 0 {
        reporter.step(&format!("installing {} routes", bench.routes));
        install_routes(&mut lab, bench.routes, limit)?;
    }
    let mut trials = Vec::new();
    let mut packets = Packets::default();
    for done in 1..=bench.count {
        let trial = trial::switch_over(&mut lab, &mut traffic, bench.cause, Calm::SHORT, limit)?;
        packets.add(trial.traffic.transit);
        trials.push(trial);
        for note in lab.take_notes() {
            reporter.note(&note);
        }
        if !trial.digests_equal {
            reporter.note(&format!("round {done}: the route processors' digests differ"));
        }
        reporter.round(&Progress {
            done,
            count: bench.count,
            last: &trial,
            packets,
        });
    }
    Ok(figures(bench, &trials, lab.two_actives()))
}

fn install_routes(lab: &mut Lab, routes: u32, limit: Duration) -> Result<(), LabError> {
    let active = lab.wait_until_hot(limit)?;
    let next_hops = Traffic::next_hops(lab.file());
    lab.rp(active)?
        .generate(routes, &next_hops)
        .map_err(|error| LabError::System("have routes generated", error))?;
    lab.wait_for(&format!("{routes} routes are installed"), limit, |lab| {
        let reports = lab.observe();
        let all = reports.iter().all(|report| {
            report
                .as_ref()
                .is_some_and(|report| report.generated_routes == routes && report.settled)
        });
        Ok(all.then_some(()))
    })?;
    lab.wait_until_hot(limit).map(|_| ())
}

/// Two route processors touch every page of their ballast: without the memory the kernel would kill anybody.
fn refuse_without_memory(ballast_mib: u64) -> Result<(), LabError> {
    let text = std::fs::read_to_string("/proc/meminfo")
        .map_err(|error| LabError::System("read /proc/meminfo", error))?;
    let needed_mib = ballast_mib.saturating_mul(2);
    match available_mib(&text) {
        Some(available) if needed_mib > 0 && available < needed_mib.saturating_add(256) => {
            let why = format!("two route processors need {needed_mib} MiB, {available} MiB are available");
            Err(LabError::System("hold the ballast", std::io::Error::other(why)))
        }
        _ => Ok(()),
    }
}

fn available_mib(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}

fn figures(bench: &SwitchoverBench, trials: &[Trial], two_actives: u64) -> SwitchoverFigures {
    let (mut packets, mut punts) = (Packets::default(), Punts::default());
    for trial in trials {
        packets.add(trial.traffic.transit);
        punts.add(trial.traffic.punts);
    }
    let over = |value: &dyn Fn(&Trial) -> Option<u64>| {
        Distribution::of(trials.iter().filter_map(value).map(|nanos| nanos / 1_000))
    };
    SwitchoverFigures {
        bench: "switchover",
        cause: bench.cause.name(),
        count: bench.count,
        ballast_mib: bench.ballast_mib,
        routes: bench.routes,
        packets,
        punts,
        longest_gap_us: over(&|trial| Some(trial.traffic.longest_gap_ns)),
        phases_us: PhaseFigures {
            detected: over(&|trial| trial.detected_ns),
            epoch_claimed: over(&|trial| trial.epoch_claimed_ns),
            promoted: over(&|trial| trial.promoted_ns),
            first_answer: over(&|trial| Some(trial.first_answer_ns)),
        },
        two_actives,
    }
}

impl SwitchoverFigures {
    /// The documented line of JSON.
    ///
    /// # Errors
    /// None that a figure can cause.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// The figures for people.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{} switchovers by {}, {} MiB ballast, {} routes\n\n",
            self.count, self.cause, self.ballast_mib, self.routes
        );
        let mut line = |words: std::fmt::Arguments<'_>| {
            // Writing to a string cannot fail.
            let _ = text.write_fmt(words);
            text.push('\n');
        };
        line(format_args!(
            "transit packets  sent {}  lost {}  duplicated {}",
            self.packets.sent, self.packets.lost, self.packets.duplicated
        ));
        line(format_args!(
            "punts            sent {}  lost {}",
            self.punts.sent, self.punts.lost
        ));
        line(format_args!("two actives      {}\n", self.two_actives));
        line(format_args!(
            "{:<18}{:>10}{:>10}{:>10}   milliseconds from the death",
            "", "p50", "p99", "max"
        ));
        let phases = &self.phases_us;
        for (name, values) in [
            ("detected", phases.detected),
            ("epoch claimed", phases.epoch_claimed),
            ("promoted", phases.promoted),
            ("first answer", phases.first_answer),
            ("longest gap", self.longest_gap_us),
        ] {
            line(format_args!(
                "{name:<18}{:>10}{:>10}{:>10}",
                milliseconds(values.p50),
                milliseconds(values.p99),
                milliseconds(values.max)
            ));
        }
        text
    }
}

/// Microseconds as milliseconds with three places.
pub fn milliseconds(micros: u64) -> String {
    format!("{}.{:03}", micros / 1_000, micros % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operate::traffic::RoundTraffic;

    fn bench() -> SwitchoverBench {
        SwitchoverBench {
            program: "holdover".into(),
            cause: Cause::Crash,
            count: 2,
            ballast_mib: 0,
            routes: 0,
        }
    }

    #[test]
    fn the_line_has_the_documented_shape() {
        let trial = |first_answer_ns| Trial {
            detected_ns: Some(1_000_000),
            epoch_claimed_ns: Some(2_000_000),
            promoted_ns: Some(3_000_000),
            first_answer_ns,
            traffic: RoundTraffic {
                transit: Packets {
                    sent: 10,
                    lost: 1,
                    duplicated: 2,
                },
                longest_gap_ns: 500_000,
                ..RoundTraffic::default()
            },
            digests_equal: true,
        };
        let figures = figures(&bench(), &[trial(4_000_000), trial(6_000_000)], 0);
        let same = |value| format!("{{\"p50\":{value},\"p99\":{value},\"max\":{value}}}");
        let expected = format!(
            "{{\"bench\":\"switchover\",\"cause\":\"crash\",\"count\":2,\"ballast_mib\":0,\"routes\":0,\
             \"packets\":{{\"sent\":20,\"lost\":2,\"duplicated\":4}},\"punts\":{{\"sent\":0,\"lost\":0}},\
             \"longest_gap_us\":{},\"phases_us\":{{\"detected\":{},\"epoch_claimed\":{},\"promoted\":{},\
             \"first_answer\":{{\"p50\":4000,\"p99\":6000,\"max\":6000}}}},\"two_actives\":0}}",
            same(500),
            same(1000),
            same(2000),
            same(3000)
        );
        assert_eq!(figures.to_json().unwrap(), expected);
    }

    #[test]
    fn the_table_shows_milliseconds() {
        assert_eq!(milliseconds(0), "0.000");
        assert_eq!(milliseconds(12_345), "12.345");
        let text = figures(&bench(), &[Trial::default()], 3).table();
        assert!(text.contains("two actives      3"), "{text}");
        assert!(
            text.lines().any(|line| line.starts_with("first answer")),
            "{text}"
        );
    }

    #[test]
    fn available_memory_is_read_from_meminfo() {
        let text = "MemTotal:       24000000 kB\nMemAvailable:   10485760 kB\n";
        assert_eq!(available_mib(text), Some(10_240));
        assert_eq!(available_mib("MemTotal: 1 kB\n"), None);
    }
}
