//! Steps in the shared page: which one a route processor is making now, and in which ones the last actives died.
//!
//! ```text
//!   active:     begin ─▶ its slot's step words ─▶ end        a few stores, for each step
//!                              │ it panics, or gets a fatal signal: it resigns, and the words stay as they are
//!   claimant:   claim won ─▶ deadly_steps: step words of units that resigned so ─▶ the last deaths ─▶ `RpInput::DeadlySteps`
//! ```
//!
//! Who is killed from outside (SIGKILL, a pull, a hung loop, a forced switchover) has not resigned with such a cause: its
//! words, whatever they say, are never read.

use crate::life::Resignation;
use crate::shared_memory::{Layout, RpWords, StepWords};
use machine::{Instant, RpSlot, StepKind, StepNote, StepNotes};
use rp::DeadlyStep;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// A step that kills this process when it is made, for tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trap {
    /// What is done.
    pub kind: StepKind,
    /// For whom; see [`StepNote::session`].
    pub session: u128,
}

/// Notes the steps of this process in its slot's words.
#[derive(Debug)]
pub struct PageNotes {
    words: &'static RpWords,
    incarnation: u32,
    /// Number of the trap's kind; 0: no trap.
    trap_kind: AtomicU8,
    /// Upper and lower half of the trap's session.
    trap_session: [AtomicU64; 2],
}

impl PageNotes {
    /// For the life `incarnation` of the slot that `words` are of.
    pub fn new(words: &'static RpWords, incarnation: u32) -> PageNotes {
        PageNotes {
            words,
            incarnation,
            trap_kind: AtomicU8::new(0),
            trap_session: [const { AtomicU64::new(0) }; 2],
        }
    }

    /// The first such step from now on kills; none: no step does any more. For the thread that makes the steps.
    pub fn plant(&self, trap: Option<Trap>) {
        let session = trap.map_or(0, |trap| trap.session);
        self.trap_session[0].store((session >> 64) as u64, Ordering::Relaxed);
        self.trap_session[1].store(session as u64, Ordering::Relaxed);
        let kind = trap.map_or(0, |trap| trap.kind.number());
        self.trap_kind.store(kind, Ordering::Relaxed);
    }

    /// Never returns when this step is the planted one.
    #[cold]
    fn spring(&self, note: StepNote) {
        let halves = self
            .trap_session
            .each_ref()
            .map(|half| half.load(Ordering::Relaxed));
        let session = u128::from(halves[0]) << 64 | u128::from(halves[1]);
        if session == note.session {
            panic!("the step '{}' was planted to be deadly", note.kind);
        }
    }
}

impl StepNotes for PageNotes {
    fn begin(&self, note: StepNote) {
        self.words.step.begin(self.incarnation, note);
        if self.trap_kind.load(Ordering::Relaxed) == note.kind.number() {
            self.spring(note);
        }
    }

    fn end(&self) {
        self.words.step.end();
    }
}

/// The steps in which the last actives of the chassis died by their own doing, the newest first. Only for who has just
/// claimed: each death is found once, and kept for those who claim later.
pub fn deadly_steps(page: &Layout, now: Instant) -> Vec<DeadlyStep> {
    let mut found = Vec::new();
    for slot in RpSlot::ALL {
        let words = page.rp(slot);
        let resigned = words.resigned.load(Ordering::SeqCst);
        let died_of_itself = matches!(
            Resignation::from_word(resigned as u32),
            Some(Resignation::Panic | Resignation::FatalSignal(_))
        );
        let incarnation = (resigned >> 32) as u32;
        if died_of_itself && let Some(note) = words.step.of(incarnation) {
            words.step.end();
            found.push(note);
        }
    }
    for note in &found {
        keep(page, now, *note);
    }
    let mut steps: Vec<DeadlyStep> = page.deaths.iter().filter_map(|words| words.read(now)).collect();
    steps.sort_by_key(|step| step.age);
    let new = steps.iter_mut().filter(|step| found.contains(&step.note));
    new.take(found.len()).for_each(|step| step.is_new = true);
    steps
}

/// In the place of the oldest.
fn keep(page: &Layout, now: Instant, note: StepNote) {
    let oldest = page
        .deaths
        .iter()
        .min_by_key(|words| words.at_ns.load(Ordering::SeqCst));
    if let Some(words) = oldest {
        words.at_ns.store(0, Ordering::SeqCst);
        words.step.begin(1, note);
        words.at_ns.store(now.as_nanos().max(1), Ordering::SeqCst);
    }
}

impl crate::shared_memory::DeathWords {
    fn read(&self, now: Instant) -> Option<DeadlyStep> {
        let at_ns = self.at_ns.load(Ordering::SeqCst);
        let note = self.step.of(1).filter(|_| at_ns != 0)?;
        Some(DeadlyStep {
            note,
            age: now.saturating_since(Instant::from_nanos(at_ns)),
            is_new: false,
        })
    }
}

impl StepWords {
    /// Says that this step is made now.
    pub fn begin(&self, incarnation: u32, note: StepNote) {
        // What stands here is never a mixture of two steps, whenever the process dies.
        self.what.store(0, Ordering::Relaxed);
        std::sync::atomic::fence(Ordering::Release);
        self.session[0].store((note.session >> 64) as u64, Ordering::Relaxed);
        self.session[1].store(note.session as u64, Ordering::Relaxed);
        self.offset.store(note.offset, Ordering::Relaxed);
        self.digest.store(note.digest, Ordering::Relaxed);
        let what = u64::from(incarnation) << 32
            | u64::from(note.kind.number()) << 24
            | u64::from(note.client & 0x00ff_ffff);
        self.what.store(what, Ordering::Release);
    }

    /// Says that no step is under way.
    pub fn end(&self) {
        self.what.store(0, Ordering::Release);
    }

    /// The step that is under way in this life, or was when it ended.
    pub fn of(&self, incarnation: u32) -> Option<StepNote> {
        let what = self.what.load(Ordering::SeqCst);
        if (what >> 32) as u32 != incarnation {
            return None;
        }
        let session = self.session.each_ref().map(|word| word.load(Ordering::SeqCst));
        Some(StepNote {
            client: what as u32 & 0x00ff_ffff,
            kind: StepKind::from_number((what >> 24) as u8)?,
            session: u128::from(session[0]) << 64 | u128::from(session[1]),
            offset: self.offset.load(Ordering::SeqCst),
            digest: self.digest.load(Ordering::SeqCst),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared_memory::SharedMemory;
    use crate::test_directory::TestDirectory;

    fn note(session: u128) -> StepNote {
        StepNote {
            client: 1602,
            kind: StepKind::Pack,
            session,
            offset: 77,
            digest: 88,
        }
    }

    fn resigns(words: &RpWords, incarnation: u32, cause: Resignation) {
        let word = u64::from(incarnation) << 32 | u64::from(cause.to_word());
        words.resigned.store(word, Ordering::SeqCst);
    }

    #[test]
    fn a_death_in_a_step_is_found_once_and_told_to_later_claimants_as_an_old_one() {
        let directory = TestDirectory::new("steps");
        let memory = SharedMemory::open_in_boot(directory.path(), 1).unwrap();
        let now = Instant::from_millis(10_000);
        let words = memory.rp(RpSlot::R0);
        words.step.begin(3, note(5 << 70 | 9));
        resigns(words, 3, Resignation::Panic);
        let [found] = deadly_steps(&memory, now)[..] else {
            panic!("one");
        };
        assert_eq!((found.note, found.is_new), (note(5 << 70 | 9), true));
        let later = now + machine::Duration::from_secs(7);
        let [again] = deadly_steps(&memory, later)[..] else {
            panic!("still one");
        };
        assert_eq!((again.is_new, again.age.as_secs()), (false, 7));
        let other = memory.rp(RpSlot::R1);
        for number in 0..20 {
            other.step.begin(1, note(number));
            resigns(other, 1, Resignation::FatalSignal(11));
            let all = deadly_steps(&memory, later + machine::Duration::from_secs(number as u64 + 1));
            assert_eq!((all[0].note, all[0].is_new), (note(number), true));
            assert_eq!(all.len(), rp::DEADLY_STEPS_MAX.min(2 + number as usize));
        }
    }

    #[test]
    fn a_unit_that_was_killed_or_was_between_two_steps_has_died_of_none() {
        let directory = TestDirectory::new("no-steps");
        let memory = SharedMemory::open_in_boot(directory.path(), 1).unwrap();
        let words = memory.rp(RpSlot::R0);
        let none = |why: &str| assert_eq!(deadly_steps(&memory, Instant::from_millis(1)), [], "{why}");
        words.step.begin(3, note(1));
        none("no word of its own: it was killed");
        for cause in [Resignation::Forced, Resignation::Reload, Resignation::Terminated] {
            resigns(words, 3, cause);
            none("it left");
        }
        resigns(words, 2, Resignation::Panic);
        none("a life before it has panicked");
        words.step.end();
        resigns(words, 3, Resignation::Panic);
        none("between two steps");
    }
}
