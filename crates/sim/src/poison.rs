//! Steps of BGP that kill whoever makes them, and what the world keeps of them, as the shared page of a real chassis does.
//!
//! ```text
//!   fault: a step of one kind for one neighbour is deadly ─▶ active makes it, and dies ─▶ claimant is told of it
//!                                                             │ its session is excused     │
//!                                                             └─ all others are not ◀──────┘
//! ```
//!
//! The step stays deadly until all is mended, for both units: who makes it again dies again.

use crate::bgp::world::{neighbor_address, neighbor_port};
use crate::options::Plant;
use crate::world::World;
use machine::{Duration, Instant, RpSlot, StepKind, StepNote, StepNotes};
use rp::{DEADLY_STEPS_MAX, DeadlyStep, QuarantineKey, RpInput, step_session};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Deaths further apart than this have nothing to do with each other.
const DEATHS_TOGETHER: Duration = Duration::from_secs(60);

/// What a deadly step panics with: every other panic is a finding.
struct Planted;

/// A step that is deadly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trap {
    kind: StepKind,
    session: u128,
}

#[derive(Debug, Default)]
struct State {
    under_way: Option<StepNote>,
    trap: Option<Trap>,
}

/// The notes of one process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes(Arc<Mutex<State>>);

impl Notes {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StepNotes for Notes {
    fn begin(&self, note: StepNote) {
        let mut state = self.state();
        state.under_way = Some(note);
        let dies = state
            .trap
            .is_some_and(|trap| (trap.kind, trap.session) == (note.kind, note.session));
        drop(state);
        if dies {
            resume_unwind(Box::new(Planted));
        }
    }

    fn end(&self) {
        self.state().under_way = None;
    }
}

/// Lets the code under test do something; whether it has survived that.
pub(crate) fn survives(work: impl FnOnce()) -> bool {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(()) => true,
        Err(payload) if payload.is::<Planted>() => false,
        Err(payload) => resume_unwind(payload),
    }
}

/// What outlives the processes.
#[derive(Debug, Default)]
pub(crate) struct Deaths {
    /// Steps in which units died, the oldest first.
    found: Vec<(Instant, StepNote)>,
    /// So many of the newest nobody has been told of.
    untold: usize,
    /// Sessions whose deadly steps a claimant knows: they are not made again, unless the operator wants it.
    answered: BTreeSet<u128>,
    /// Deadly to whoever makes it.
    trap: Option<Trap>,
}

impl World {
    /// A step of one neighbour's becomes deadly.
    pub(crate) fn poison(&mut self) {
        let kind = StepKind::ALL[self.draws.below(StepKind::ALL.len() as u64) as usize];
        let count = self.options.bgp.neighbors;
        let (Some(active), false) = (self.active_slot(), count == 0) else {
            return;
        };
        let number = self.draws.below(u64::from(count)) as u8;
        let address = self.address_of(number);
        let trap = Some(Trap {
            kind,
            session: step_session(address),
        });
        self.trace.note(self.now, "fault", u64::from(number), || {
            format!("each step '{kind}' for neighbor {address} is deadly")
        });
        // To take out a neighbour's routes is to decide about them: where that kills too, all sessions have to go.
        let slots: &[RpSlot] = match kind {
            StepKind::Decide => &[active],
            _ => &RpSlot::ALL,
        };
        self.deaths.trap = trap.filter(|trap| trap.kind != StepKind::Decide);
        for slot in slots {
            if let Some(process) = &self.rps[slot.index()].process {
                process.notes.state().trap = trap;
            }
        }
    }

    /// The notes of a process that starts.
    pub(crate) fn notes(&self) -> Notes {
        let notes = Notes::default();
        notes.state().trap = self.deaths.trap;
        notes
    }

    /// A process has died of a step.
    pub(crate) fn died_of_a_step(&mut self, slot: RpSlot, notes: &Notes) {
        let Some(note) = notes.state().under_way.take() else {
            return;
        };
        self.trace
            .note(self.now, self.rps[slot.index()].name, note.offset, || {
                format!("dies of the step '{}'", note.kind)
            });
        self.deaths.found.push((self.now, note));
        self.deaths.untold += 1;
        if self.deaths.answered.contains(&note.session) {
            let text = format!("{slot} has made a step of which another unit has died: {note:?}");
            self.fail_safety("poison", text);
        }
    }

    /// The operator may start the session of this neighbour again.
    pub(crate) fn forgive(&mut self, number: u8) {
        let session = step_session(self.address_of(number));
        self.deaths.answered.remove(&session);
    }

    fn address_of(&self, number: u8) -> IpAddr {
        IpAddr::V4(neighbor_address(number, neighbor_port(number, &self.options)))
    }

    /// What a claimant is told of them, and the sessions that it may end because of that.
    pub(crate) fn tell_deaths(&mut self) -> RpInput {
        let now = self.now;
        let untold = std::mem::take(&mut self.deaths.untold);
        let newest_first = self.deaths.found.iter().rev().enumerate();
        let told = newest_first
            .take(DEADLY_STEPS_MAX)
            .map(|(at, (died_at, note))| DeadlyStep {
                note: *note,
                age: now.saturating_since(*died_at),
                is_new: at < untold,
            });
        let told: Vec<DeadlyStep> = told.collect();
        // What an earlier claimant was told of, it knew; the operator may have ended that since.
        let new = told.iter().filter(|step| step.is_new);
        self.deaths.answered.extend(new.map(|step| step.note.session));
        self.excuse_poisoned(&told);
        if self.options.plant == Some(Plant::DeathsUntold) {
            return RpInput::DeadlySteps(Vec::new());
        }
        RpInput::DeadlySteps(told)
    }

    /// Each session may end that a unit has died for; all of them, when that has helped nothing.
    fn excuse_poisoned(&mut self, told: &[DeadlyStep]) {
        let now = self.now;
        let recent: Vec<u128> = told
            .iter()
            .filter(|step| step.age <= DEATHS_TOGETHER)
            .map(|step| step.note.session)
            .collect();
        let Some(newest) = told.first().filter(|newest| newest.is_new) else {
            return;
        };
        let named: BTreeSet<u128> = recent.iter().copied().collect();
        let of_newest = recent.iter().filter(|session| **session == newest.note.session);
        let ends_all =
            of_newest.count() > 1 || recent.len() - named.len() >= 3 || recent.len() >= DEADLY_STEPS_MAX;
        for node in &mut self.bgp.nodes {
            let session = step_session(IpAddr::V4(node.neighbor.config.address));
            if ends_all || named.contains(&session) {
                node.excuse = Some(("a unit has died in a step for it", now));
                node.reach.breaks();
            }
        }
    }

    /// No step is deadly any more, and what has happened was long ago.
    pub(crate) fn mend_poison(&mut self) {
        self.deaths = Deaths::default();
        for node in &self.rps {
            if let Some(process) = &node.process {
                process.notes.state().trap = None;
            }
        }
    }

    /// What the operator types to end a quarantine, if there is one.
    pub(crate) fn release_a_quarantine(&mut self) -> Option<String> {
        let slot = self.active_slot()?;
        let active = self.rps[slot.index()].process.as_ref()?.rp.active()?;
        let quarantines = active.clients.bgp_quarantines.iter();
        let held: Vec<QuarantineKey> = quarantines.map(|(key, _)| *key).collect();
        let whom = match held.iter().find(|key| **key != QuarantineKey::LeftOvers)? {
            QuarantineKey::Neighbor(address) => Some(*address),
            _ => None,
        };
        for number in 0..self.options.bgp.neighbors {
            if whom.is_none_or(|address| address == self.address_of(number)) {
                self.bgp_reset(number);
            }
        }
        let whom = whom.map_or_else(|| String::from("*"), |address| address.to_string());
        Some(format!("clear ip bgp {whom}"))
    }
}
