//! `holdover demo`: everything that can go wrong with a route processor or a card, once, with traffic on.

use super::lab::{Lab, LabError, LabOptions};
use super::traffic::Traffic;
use super::trial::{self, Calm, Cause, Trial};
use machine::Duration;
use redundancy::RedundancyMode;
use std::path::PathBuf;

/// One act of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The active RP ends like this.
    Active(Cause),
    /// The same in RPR, where cards are reset and everything starts over: what stateful switchover is there to avoid.
    ColdActive(Cause),
    /// The standby is killed.
    StandbyLoss,
    /// The second card is pulled and put back.
    CardPull,
}

/// All acts, in order.
pub const ACTS: [Act; 10] = [
    Act::Active(Cause::Crash),
    Act::Active(Cause::SegvCore),
    Act::Active(Cause::Panic),
    Act::Active(Cause::HangStop),
    Act::Active(Cause::HangLoop),
    Act::Active(Cause::Forced),
    Act::StandbyLoss,
    Act::CardPull,
    Act::ColdActive(Cause::Crash),
    Act::ColdActive(Cause::Forced),
];

impl Act {
    /// Whether forwarding is interrupted by design, so that loss is no failure.
    pub const fn interrupts(self) -> bool {
        matches!(self, Act::ColdActive(_))
    }

    /// What happens, for the table.
    pub const fn title(self) -> &'static str {
        match self {
            Act::Active(Cause::Crash) => "crash (kill -9)",
            Act::Active(Cause::SegvCore) => "segfault with core",
            Act::Active(Cause::Panic) => "panic",
            Act::Active(Cause::HangStop) => "hang (stopped)",
            Act::Active(Cause::HangLoop) => "hang (loop)",
            Act::Active(Cause::Forced) => "forced switchover",
            Act::ColdActive(Cause::Forced) => "RPR: forced",
            Act::ColdActive(_) => "RPR: crash (kill -9)",
            Act::StandbyLoss => "standby loss",
            Act::CardPull => "card pull",
        }
    }
}

/// One row of the demo's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What was done.
    pub act: Act,
    /// What was seen.
    pub trial: Trial,
    /// Why the row fails; empty for one that does not. Never a time.
    pub failures: Vec<String>,
}

/// What the demo tells while it runs.
pub trait Audience {
    /// A step that may take a while.
    fn step(&mut self, text: &str);
    /// Everything is ready: the acts follow.
    fn begin(&mut self);
    /// An act is over.
    fn row(&mut self, row: &Row);
    /// Something happened that nobody asked for.
    fn note(&mut self, text: &str);
}

/// What the demo came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Rows that fail.
    pub failed: usize,
    /// Epochs with two holders.
    pub two_actives: u64,
}

impl Verdict {
    /// Whether everything held.
    pub fn holds(&self) -> bool {
        self.failed == 0 && self.two_actives == 0
    }
}

/// Boots a private chassis and plays all acts.
///
/// # Errors
/// [`LabError`], also when a state is never reached.
pub fn run(program: PathBuf, audience: &mut dyn Audience) -> Result<Verdict, LabError> {
    audience.step("booting two route processors, two line cards and four hosts");
    let mut lab = Lab::start(LabOptions {
        program,
        ballast_mib: 0,
        core_dumps: true,
        chassis: None,
        network_namespace: None,
    })?;
    let limit = trial::size_limit(0, 0);
    let active = lab.wait_until_hot(limit)?;
    trial::save_configuration(&mut lab, active)?;
    audience.step(&format!(
        "{active} is ACTIVE, {} is STANDBY HOT; starting traffic",
        active.peer()
    ));
    let mut traffic = Traffic::start(&mut lab)?;
    audience.begin();
    let mut verdict = Verdict::default();
    for act in ACTS {
        audience.step(act.title());
        let trial = match act {
            Act::Active(cause) => trial::switch_over(&mut lab, &mut traffic, cause, Calm::LONG, limit)?,
            Act::ColdActive(cause) => {
                run_rpr(&mut lab, limit)?;
                trial::switch_over(&mut lab, &mut traffic, cause, Calm::LONG, limit)?
            }
            Act::StandbyLoss => trial::lose_standby(&mut lab, &mut traffic, Calm::LONG, limit)?,
            Act::CardPull => {
                let pulled = lab.file().cards[1].slot;
                trial::pull_card(&mut lab, &mut traffic, pulled, Calm::LONG, limit)?
            }
        };
        for note in lab.take_notes() {
            audience.note(&note);
        }
        let row = Row {
            act,
            trial,
            failures: failures(act, &trial),
        };
        if !row.failures.is_empty() {
            verdict.failed += 1;
            audience.note(&format!("after '{}':\n{}", act.title(), lab.describe()));
        }
        audience.row(&row);
    }
    verdict.two_actives = lab.two_actives();
    Ok(verdict)
}

/// Configures RPR, unless the chassis runs it already.
fn run_rpr(lab: &mut Lab, limit: Duration) -> Result<(), LabError> {
    let active = lab.wait_until_hot(limit)?;
    if lab.mode() != RedundancyMode::Rpr {
        lab.set_mode(active, RedundancyMode::Rpr)?;
        lab.wait_until_hot(limit)?;
    }
    Ok(())
}

/// What must not be: loss or duplicates where a path exists, differing route processors, an act without traffic.
fn failures(act: Act, trial: &Trial) -> Vec<String> {
    let traffic = &trial.traffic;
    let mut failures = Vec::new();
    let mut fail_if = |bad: bool, text: String| {
        if bad {
            failures.push(text);
        }
    };
    fail_if(traffic.transit.sent == 0, "no traffic was sent".into());
    fail_if(
        traffic.transit.lost > 0 && !act.interrupts(),
        format!("{} packets lost although there was a path", traffic.transit.lost),
    );
    fail_if(
        traffic.transit.duplicated > 0,
        format!("{} packets duplicated", traffic.transit.duplicated),
    );
    fail_if(
        !trial.digests_equal,
        "the route processors' digests differ".into(),
    );
    failures
}

/// The heading of the table and its rows: fixed columns, so that rows can be printed as they come.
pub mod table {
    use super::Row;
    use crate::operate::bench::milliseconds;

    /// Two lines above the rows.
    pub fn heading() -> String {
        format!(
            "{:<20}{:>10}{:>10}{:>11}{:>6}{:>6}{:>10}{:>12}  {}\n{:<20}{:>10}{:>10}{:>11}{:>6}{:>6}{:>10}{:>12}  {}",
            "",
            "detected",
            "first",
            "transit",
            "",
            "dupli-",
            "longest",
            "punts",
            "digests",
            "cause",
            "ms",
            "answer ms",
            "sent",
            "lost",
            "cated",
            "gap ms",
            "lost/sent",
            "equal",
        )
    }

    /// One row.
    pub fn line(row: &Row) -> String {
        let trial = &row.trial;
        let traffic = &trial.traffic;
        let ms = |nanos: u64| milliseconds(nanos / 1_000);
        format!(
            "{:<20}{:>10}{:>10}{:>11}{:>6}{:>6}{:>10}{:>12}  {}",
            row.act.title(),
            trial.detected_ns.map_or_else(|| "-".into(), ms),
            ms(trial.first_answer_ns),
            traffic.transit.sent,
            traffic.transit.lost,
            traffic.transit.duplicated,
            ms(traffic.longest_gap_ns),
            format!("{}/{}", traffic.punts.lost, traffic.punts.sent),
            match (row.act.interrupts(), trial.digests_equal) {
                (true, _) => "-",
                (false, true) => "yes",
                (false, false) => "NO",
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operate::traffic::Packets;

    fn good() -> Trial {
        let mut trial = Trial {
            digests_equal: true,
            detected_ns: Some(600_000),
            first_answer_ns: u64::from(u32::MAX),
            ..Trial::default()
        };
        trial.traffic.transit.sent = 1_000;
        trial
    }

    #[test]
    fn a_row_fails_on_loss_duplicates_digests_and_silence_but_never_on_time() {
        assert_eq!(failures(Act::StandbyLoss, &good()), Vec::<String>::new());
        let spoil: [fn(&mut Trial); 4] = [
            |trial| trial.traffic.transit.lost = 1,
            |trial| trial.traffic.transit.duplicated = 1,
            |trial| trial.traffic.transit.sent = 0,
            |trial| trial.digests_equal = false,
        ];
        for spoil in spoil {
            let mut trial = good();
            spoil(&mut trial);
            assert_eq!(failures(Act::StandbyLoss, &trial).len(), 1, "{trial:?}");
        }
    }

    #[test]
    fn what_had_no_path_fails_no_row() {
        let mut trial = good();
        trial.traffic.without_path = Packets {
            sent: 100,
            lost: 100,
            duplicated: 0,
        };
        assert_eq!(failures(Act::StandbyLoss, &trial), Vec::<String>::new());
    }

    #[test]
    fn rows_stand_under_their_heading() {
        let row = Row {
            act: Act::CardPull,
            trial: good(),
            failures: Vec::new(),
        };
        let heading = table::heading();
        let last = heading.lines().last().unwrap();
        assert_eq!(last.find("equal"), table::line(&row).rfind("yes"));
    }

    #[test]
    fn one_failed_row_or_one_doubled_epoch_fails_the_demo() {
        assert!(Verdict::default().holds());
        assert!(
            !Verdict {
                failed: 1,
                two_actives: 0
            }
            .holds()
        );
        assert!(
            !Verdict {
                failed: 0,
                two_actives: 1
            }
            .holds()
        );
    }
}
