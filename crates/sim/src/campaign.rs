//! Many seeds, and one.

use crate::options::Options;
use crate::trace::TraceLevel;
use crate::world::{Failure, FailureKind, Stage, World};
use machine::{Duration, Instant};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// One in so many seeds of a campaign is run twice, to compare the hashes.
const CHECKED_TWICE: u64 = 64;

/// What came of one seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Hash of the trace.
    pub hash: u64,
    /// What was found wrong.
    pub failure: Option<Failure>,
    /// The last lines of the trace, when they were kept.
    pub tail: Vec<String>,
    /// Figures of the run.
    pub figures: Figures,
}

/// Figures of one run, or of many added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Time on the world's clock, in milliseconds.
    pub virtual_ms: u64,
    /// Events.
    pub steps: u64,
    /// Faults that were injected.
    pub faults: u64,
    /// Times that a unit became active after the first boot.
    pub switchovers: u64,
    /// Of those, from the configuration only.
    pub cold_starts: u64,
    /// Packets sent between hosts.
    pub packets: u64,
    /// Commands that were acknowledged to the operator.
    pub commands: u64,
    /// Frames whose digests were compared.
    pub frames: u64,
}

impl Figures {
    fn add(&mut self, other: Figures) {
        self.virtual_ms += other.virtual_ms;
        self.steps += other.steps;
        self.faults += other.faults;
        self.switchovers += other.switchovers;
        self.cold_starts += other.cold_starts;
        self.packets += other.packets;
        self.commands += other.commands;
        self.frames += other.frames;
    }
}

/// What came of many seeds.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Seeds that were run.
    pub seeds: u64,
    /// Figures of all of them.
    pub figures: Figures,
    /// The runs in which something was wrong, by seed.
    pub failures: Vec<Outcome>,
    /// Time that the campaign took on the machine that ran it, in milliseconds.
    pub elapsed_ms: u64,
}

/// The exit code for what was found: 0 nothing, 10 crash, 11 safety, 12 liveness, 13 nondeterminism.
pub const fn exit_code(kind: Option<FailureKind>) -> u8 {
    match kind {
        None => 0,
        Some(FailureKind::Crash) => 10,
        Some(FailureKind::Safety) => 11,
        Some(FailureKind::Liveness) => 12,
        Some(FailureKind::Nondeterminism) => 13,
    }
}

impl Report {
    /// The worst that was found.
    pub fn worst(&self) -> Option<FailureKind> {
        self.failures
            .iter()
            .filter_map(|outcome| outcome.failure.as_ref().map(|failure| failure.kind))
            .min()
    }

    /// The campaign in one line. The columns are explained in the crate's README.
    pub fn line(&self) -> String {
        let f = &self.figures;
        format!(
            "seeds {} ok {} failed {} | virtual {} s | faults {} switchovers {} cold {} | packets {} commands {} frames {} | events {} | {} seeds/s",
            self.seeds,
            self.seeds - self.failures.len() as u64,
            self.failures.len(),
            f.virtual_ms / 1_000,
            f.faults,
            f.switchovers,
            f.cold_starts,
            f.packets,
            f.commands,
            f.frames,
            f.steps,
            self.seeds * 1_000 / self.elapsed_ms.max(1),
        )
    }
}

/// Runs one seed with its own options.
pub fn run_seed(seed: u64, level: TraceLevel) -> Outcome {
    run_with(seed, Options::swarm(seed), level)
}

/// Runs one seed in a world with these options.
pub fn run_with(seed: u64, options: Options, level: TraceLevel) -> Outcome {
    run(seed, options, level, World::live)
}

/// Lets a world live as `live` says.
pub(crate) fn run(seed: u64, options: Options, level: TraceLevel, live: impl FnOnce(&mut World)) -> Outcome {
    let mut world = World::new(seed, options, level);
    let panicked = catch_unwind(AssertUnwindSafe(|| live(&mut world))).err();
    if let Some(panic) = panicked {
        let text = panic_text(panic.as_ref());
        world.fail(FailureKind::Crash, "panic", text);
    }
    world.outcome(seed)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| String::from(*text)))
        .unwrap_or_else(|| String::from("a panic without words"))
}

/// Runs one seed twice and compares the traces.
pub fn run_twice(seed: u64) -> Outcome {
    let first = run_seed(seed, TraceLevel::Hash);
    let second = run_seed(seed, TraceLevel::Hash);
    compared(first, &second)
}

/// The first run, with a failure if the second one differs.
pub fn compared(mut first: Outcome, second: &Outcome) -> Outcome {
    if first.hash != second.hash && first.failure.is_none() {
        first.failure = Some(Failure {
            kind: FailureKind::Nondeterminism,
            checker: "determinism",
            text: format!(
                "two runs have the hashes {:016x} and {:016x}",
                first.hash, second.hash
            ),
            at: Instant::ZERO,
        });
    }
    first
}

/// How long a campaign goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// So many seeds.
    Seeds(u64),
    /// So much time on the machine that runs it.
    Time(Duration),
}

/// Runs seeds from `first_seed` on, `jobs` at a time. `on_failure` is called for each failure as it is found, with the
/// run repeated so that its last lines are known.
pub fn campaign(
    first_seed: u64,
    budget: Budget,
    jobs: usize,
    on_failure: &(dyn Fn(&Outcome) + Sync),
) -> Report {
    let started = std::time::Instant::now();
    let next = AtomicU64::new(first_seed);
    let report = Mutex::new(Report::default());
    let work = || {
        let mut seeds = 0u64;
        let mut figures = Figures::default();
        let mut failures = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let over = match budget {
                Budget::Seeds(count) => seed - first_seed >= count,
                Budget::Time(limit) => started.elapsed() >= limit,
            };
            if over {
                break;
            }
            let twice = seed.is_multiple_of(CHECKED_TWICE);
            let outcome = if twice {
                run_twice(seed)
            } else {
                run_seed(seed, TraceLevel::Hash)
            };
            seeds += 1;
            figures.add(outcome.figures);
            if outcome.failure.is_some() {
                let mut again = run_seed(seed, TraceLevel::Tail);
                again.failure = outcome.failure;
                on_failure(&again);
                failures.push(again);
            }
        }
        let mut report = report.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        report.seeds += seeds;
        report.figures.add(figures);
        report.failures.extend(failures);
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(work);
        }
    });
    let mut report = report
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    report.failures.sort_by_key(|outcome| outcome.seed);
    report.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    report
}

impl World {
    /// A whole life: boot, faults, healing, and a last switchover of the healed pair.
    pub(crate) fn live(&mut self) {
        if !self.converge(self.heal_limit()) {
            return;
        }
        self.start_traffic();
        self.start_bgp();
        if self.options.operator {
            self.operator_soon(Duration::from_millis(10));
        }
        self.stage = Stage::Faults;
        self.schedule_next_fault();
        self.run_for(self.options.phase_one);
        self.heal();
        if !self.converge(self.heal_limit()) {
            return;
        }
        self.await_passage();
        self.settle_bgp();
        self.check_flows();
        self.last_switchover();
        self.operator.stopped = true;
        self.run_for(Duration::from_millis(5));
        if self.converge(self.heal_limit()) {
            self.await_passage();
            self.settle_bgp();
            self.check_flows();
            self.check_nvram();
            self.check_registers_agree();
            self.check_promises();
        }
    }

    /// A pair that was mended has to switch over like a new one.
    fn last_switchover(&mut self) {
        if self.failure.is_none() && self.draws.chance(1, 2) && self.converge(self.heal_limit()) {
            self.inject(crate::fault::FaultKind::CrashActive);
            self.run_for(Duration::from_millis(40));
        }
    }

    pub(crate) fn check_promises(&mut self) {
        let Some(slot) = self.active() else { return };
        let running = self.rps[slot.index()]
            .process
            .as_ref()
            .and_then(|process| process.rp.active())
            .map(|active| active.clients.configuration.tree().running_config());
        if let Some(missing) = running.and_then(|running| self.checker.promises.check(&running)) {
            self.fail_safety("acknowledged", format!("missing at the end: {missing}"));
        }
    }

    fn outcome(self, seed: u64) -> Outcome {
        let packets = self
            .hosts
            .field
            .flows()
            .map(|(_, _, _, flow)| flow.meter().next_sequence())
            .sum();
        let nanos = self.now.as_nanos();
        Outcome {
            seed,
            hash: self.trace.hash(),
            tail: self.trace.lines().map(String::from).collect(),
            figures: Figures {
                virtual_ms: nanos / 1_000_000,
                steps: self.steps,
                faults: u64::from(self.faults_injected),
                switchovers: u64::from(self.switchovers),
                cold_starts: u64::from(self.cold_starts),
                packets,
                commands: self.checker.promises.acknowledged,
                frames: self.checker.frames_compared,
            },
            failure: self.failure,
        }
    }
}
