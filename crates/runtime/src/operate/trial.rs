//! One trial: something dies, and what the outside sees of it is measured.
//!
//! ```text
//!   hot ─▶ new round of the meters ─▶ death at T ─▶ first answer, new ACTIVE ─▶ the dead one starts ─▶ hot ─▶ account
//! ```
//!
//! All moments are on `CLOCK_MONOTONIC`, which all processes of a host share, and count from T, the moment just before
//! the signal or the command. A reply that was under way when the RP died is not an answer of its successor: only what
//! arrives after the promotion counts as one.

use super::lab::{Lab, LabError, STATE_LIMIT};
use super::script::{self, Script};
use super::status_client::{Phases, RpReport, active_slot};
use super::traffic::{RoundTraffic, Traffic};
use crate::backplane::Unit;
use crate::clock;
use crate::shared_memory::random_bytes;
use machine::{CardSlot, Duration, Instant, RpSlot};
use rustix::process::Signal;
use std::fmt;
use std::str::FromStr;

/// How an active route processor ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// `kill -9`.
    Crash,
    /// A segmentation fault, with a core.
    SegvCore,
    /// A panic.
    Panic,
    /// The process is stopped; its successor kills it.
    HangStop,
    /// The work loop spins and does nothing; its successor kills it.
    HangLoop,
    /// `redundancy force-switchover`.
    Forced,
}

impl Cause {
    /// All, in the order in which they are documented.
    pub const ALL: [Cause; 6] = [
        Cause::Crash,
        Cause::SegvCore,
        Cause::Panic,
        Cause::HangStop,
        Cause::HangLoop,
        Cause::Forced,
    ];

    /// Its name on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Cause::Crash => "crash",
            Cause::SegvCore => "segv-core",
            Cause::Panic => "panic",
            Cause::HangStop => "hang-stop",
            Cause::HangLoop => "hang-loop",
            Cause::Forced => "forced",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Cause {
    type Err = String;
    fn from_str(text: &str) -> Result<Cause, String> {
        let found = Cause::ALL.into_iter().find(|cause| cause.name() == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = Cause::ALL.iter().map(|cause| cause.name()).collect();
            format!("'{text}' is none of {}", names.join(", "))
        })
    }
}

/// What one trial showed. Times are in nanoseconds from the death.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// When it died, on `CLOCK_MONOTONIC`.
    pub died_at_ns: u64,
    /// The peer, or the card's RP, knew.
    pub detected_ns: Option<u64>,
    /// The successor's epoch was claimed at the reachable cards.
    pub epoch_claimed_ns: Option<u64>,
    /// The standby had become an active.
    pub promoted_ns: Option<u64>,
    /// An outside host had an answer of the router again.
    pub first_answer_ns: u64,
    /// The pair was redundant again: the successor had a standby that is ready. The unit that died is started anew as
    /// soon as the router has answered.
    pub redundant_ns: Option<u64>,
    /// The packets of the round.
    pub traffic: RoundTraffic,
    /// Whether both RPs had the same rows when they were in step again.
    pub digests_equal: bool,
}

/// How long traffic flows undisturbed in a round, before the death and again after everything is hot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calm(pub Duration);

impl Calm {
    /// Many rounds.
    pub const SHORT: Calm = Calm(Duration::from_millis(50));
    /// Few rounds that somebody watches.
    pub const LONG: Calm = Calm(Duration::from_millis(600));

    fn before(self, lab: &Lab) -> Result<(), LabError> {
        // Everything periodic in the chassis would otherwise meet every death at the same phase.
        let random = random_bytes().map_err(|error| LabError::System("draw a random number", error))?;
        lab.pause(self.0 + Duration::from_micros(u16::from_le_bytes(random).into()))
    }

    fn after(self, lab: &Lab) -> Result<(), LabError> {
        lab.pause(self.0)
    }
}

/// How long the chassis may take for what is proportional to its size: memory to touch, routes to compute and send.
pub fn size_limit(ballast_mib: u64, routes: u32) -> Duration {
    STATE_LIMIT + Duration::from_millis(ballast_mib * 10) + Duration::from_micros(u64::from(routes) * 200)
}

/// Lets the active RP of a hot chassis die of `cause`, and waits until the chassis is hot again.
///
/// # Errors
/// [`LabError`], most of all when a state is not reached within `limit`.
pub fn switch_over(
    lab: &mut Lab,
    traffic: &mut Traffic,
    cause: Cause,
    calm: Calm,
    limit: Duration,
) -> Result<Trial, LabError> {
    let old = lab.wait_until_hot(limit)?;
    let lost_punts_before = lost_punts(lab);
    traffic.begin_round()?;
    calm.before(lab)?;
    let epoch_before = lab.observe()[old.index()]
        .as_ref()
        .and_then(|report| report.epoch);
    let (died, script) = die(lab, old, cause)?;
    let new = old.peer();
    let report = lab.wait_for(&format!("{new} is ACTIVE"), limit, |lab| {
        let report = lab.observe()[new.index()].take();
        Ok(report.filter(|report| {
            report.rf_state() == Some(redundancy::RfState::Active) && report.epoch > epoch_before
        }))
    })?;
    // A forced switchover's console is closed by the end of its RP; what it said is of no interest any more.
    drop(script);
    let promoted = report.phases_ns.promoted.map_or(died, Instant::from_nanos);
    let answers_from = lab.settled_after(died)?.max(promoted);
    let first = lab.wait_for("the router answers its ping", STATE_LIMIT, |_| {
        traffic.first_answer_after(answers_from)
    })?;
    lab.restart(Unit::Rp(old))?;
    if cause == Cause::SegvCore {
        lab.remove_cores(Unit::Rp(old))?;
    }
    lab.wait_until_hot(limit)?;
    let redundant = clock::now();
    // A card may accept the epoch after the successor calls itself ACTIVE: only now are all phases behind it.
    let after = lab.observe()[new.index()].take().unwrap_or(report);
    let mut trial = phases(&after.phases_ns, died);
    trial.first_answer_ns = nanos_between(died, first);
    trial.redundant_ns = Some(nanos_between(died, redundant));
    calm.after(lab)?;
    trial.traffic = traffic.end_round(None)?;
    trial.digests_equal = lab.digests_equal()?;
    trial.traffic.punts.lost += lost_punts(lab).saturating_sub(lost_punts_before);
    Ok(trial)
}

/// Lets the RP in `slot` die, or hang; the moment just before it.
fn die(lab: &mut Lab, slot: RpSlot, cause: Cause) -> Result<(Instant, Option<Script>), LabError> {
    let unit = Unit::Rp(slot);
    let failed = |error| LabError::System("let a route processor fail", error);
    let moment = match cause {
        Cause::Crash => lab.signal(unit, Signal::KILL)?,
        Cause::SegvCore => lab.signal(unit, Signal::SEGV)?,
        Cause::HangStop => lab.signal(unit, Signal::STOP)?,
        Cause::Panic | Cause::HangLoop => {
            lab.told_to_end(unit)?;
            let mut client = lab.rp(slot)?;
            let moment = clock::now();
            client.fault(cause.name()).map_err(failed)?;
            moment
        }
        Cause::Forced => {
            lab.told_to_end(unit)?;
            let lines = ["enable", "redundancy force-switchover", "y"];
            let moment = clock::now();
            let script =
                Script::start(lab.run_directory(), slot, &lines, false, STATE_LIMIT).map_err(failed)?;
            return Ok((moment, Some(script)));
        }
    };
    Ok((moment, None))
}

/// Saves the configuration, so that a forced switchover has only one question to ask.
///
/// # Errors
/// When the active RP refuses.
pub fn save_configuration(lab: &mut Lab, active: RpSlot) -> Result<(), LabError> {
    script::run(
        lab.run_directory(),
        active,
        &["enable", "write memory"],
        STATE_LIMIT,
    )
    .map(|_| ())
    .map_err(|error| LabError::System("save the configuration", error))
}

/// Kills the standby of a hot chassis and waits until it is hot again.
///
/// # Errors
/// [`LabError`].
pub fn lose_standby(
    lab: &mut Lab,
    traffic: &mut Traffic,
    calm: Calm,
    limit: Duration,
) -> Result<Trial, LabError> {
    let active = lab.wait_until_hot(limit)?;
    let lost_punts_before = lost_punts(lab);
    traffic.begin_round()?;
    calm.before(lab)?;
    let standby = Unit::Rp(active.peer());
    let died = lab.signal(standby, Signal::KILL)?;
    let detected = lab.wait_for(&format!("{active} knows that {standby} is gone"), limit, |lab| {
        let report = lab.observe()[active.index()].take();
        Ok(report.filter(|report| !report.in_step).map(|_| clock::now()))
    })?;
    let first = lab.wait_for("the router answers its ping", STATE_LIMIT, |_| {
        traffic.first_answer_after(died)
    })?;
    lab.restart(standby)?;
    let still_active = lab.wait_until_hot(limit)?;
    let mut trial = Trial {
        died_at_ns: died.as_nanos(),
        detected_ns: Some(nanos_between(died, detected)),
        first_answer_ns: nanos_between(died, first),
        ..Trial::default()
    };
    if still_active != active {
        return Err(LabError::System(
            "keep the active RP while its standby is lost",
            std::io::Error::other(format!("{still_active} is active now")),
        ));
    }
    calm.after(lab)?;
    trial.traffic = traffic.end_round(None)?;
    trial.digests_equal = lab.digests_equal()?;
    trial.traffic.punts.lost += lost_punts(lab).saturating_sub(lost_punts_before);
    Ok(trial)
}

/// Pulls a card and puts it back; only streams that have a path without it count.
///
/// # Errors
/// [`LabError`].
pub fn pull_card(
    lab: &mut Lab,
    traffic: &mut Traffic,
    card: CardSlot,
    calm: Calm,
    limit: Duration,
) -> Result<Trial, LabError> {
    let active = lab.wait_until_hot(limit)?;
    let is_there = |report: &RpReport| report.cards.iter().any(|seen| seen.slot == card.0 && seen.live);
    traffic.begin_round()?;
    calm.before(lab)?;
    let died = lab.signal(Unit::Card(card), Signal::KILL)?;
    let detected = lab.wait_for(
        &format!("{active} knows that card {card} is gone"),
        limit,
        |lab| {
            let report = lab.observe()[active.index()].take();
            Ok(report.filter(|report| !is_there(report)).map(|_| clock::now()))
        },
    )?;
    let first = lab.wait_for("the router answers its ping", STATE_LIMIT, |_| {
        traffic.first_answer_after(died)
    })?;
    lab.restart(Unit::Card(card))?;
    lab.wait_until_hot(limit)?;
    let mut trial = Trial {
        died_at_ns: died.as_nanos(),
        detected_ns: Some(nanos_between(died, detected)),
        first_answer_ns: nanos_between(died, first),
        ..Trial::default()
    };
    calm.after(lab)?;
    trial.traffic = traffic.end_round(Some(card))?;
    trial.digests_equal = lab.digests_equal()?;
    traffic.wait_until_through(lab)?;
    Ok(trial)
}

/// What the cards have dropped while they had no RP, since they started.
fn lost_punts(lab: &mut Lab) -> u64 {
    let reports = lab.observe();
    let report = active_slot(&reports).and_then(|slot| reports[slot.index()].as_ref());
    report.map_or(0, |report| report.cards.iter().map(|card| card.lost_punts).sum())
}

fn phases(phases: &Phases, died: Instant) -> Trial {
    let since = |moment: Option<u64>| moment.map(|moment| nanos_between(died, Instant::from_nanos(moment)));
    Trial {
        died_at_ns: died.as_nanos(),
        detected_ns: since(phases.detected),
        epoch_claimed_ns: since(phases.epoch_claimed),
        promoted_ns: since(phases.promoted),
        ..Trial::default()
    }
}

fn nanos_between(earlier: Instant, later: Instant) -> u64 {
    later.as_nanos().saturating_sub(earlier.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_found_by_its_name_and_others_are_refused_by_naming_all() {
        for cause in Cause::ALL {
            assert_eq!(cause.name().parse(), Ok(cause));
        }
        let error = "flood".parse::<Cause>().unwrap_err();
        assert!(error.contains("flood") && error.contains("segv-core"), "{error}");
    }

    #[test]
    fn req_49_phases_count_from_the_death_and_missing_ones_stay_missing() {
        let seen = Phases {
            detected: Some(5_000),
            promoted: Some(7_000),
            ..Phases::default()
        };
        let trial = phases(&seen, Instant::from_nanos(4_000));
        assert_eq!(
            (trial.detected_ns, trial.promoted_ns, trial.epoch_claimed_ns),
            (Some(1_000), Some(3_000), None)
        );
    }
}
