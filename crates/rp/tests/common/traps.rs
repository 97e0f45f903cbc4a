//! Steps that kill a route processor, and what its driver knows of them afterwards.
#![allow(dead_code, reason = "each test file uses a part of it")]

use machine::{StepKind, StepNote, StepNotes};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};

/// What a planted trap panics with: everything else that panics is a failure of the test.
struct Planted;

/// A step that is deadly, always and to everybody, as bytes are that a parser cannot bear.
#[derive(Clone, Copy, Debug)]
pub struct Trap {
    pub kind: StepKind,
    /// See [`StepNote::session`].
    pub session: u128,
}

#[derive(Default)]
struct State {
    under_way: Option<StepNote>,
    trap: Option<Trap>,
}

/// The notes of one slot's process.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<State>>);

impl Notes {
    /// From now on this step kills.
    pub fn plant(&self, trap: Option<Trap>) {
        self.0.lock().expect("nobody panics while it is locked").trap = trap;
    }

    /// The step that was under way, once.
    pub fn take(&self) -> Option<StepNote> {
        let mut state = self.0.lock().expect("nobody panics while it is locked");
        state.under_way.take()
    }
}

impl StepNotes for Notes {
    fn begin(&self, note: StepNote) {
        let mut state = self.0.lock().expect("nobody panics while it is locked");
        state.under_way = Some(note);
        let is_deadly = |trap: &Trap| (trap.kind, trap.session) == (note.kind, note.session);
        let dies = state.trap.as_ref().is_some_and(is_deadly);
        drop(state);
        if dies {
            resume_unwind(Box::new(Planted));
        }
    }

    fn end(&self) {
        self.0.lock().expect("nobody panics while it is locked").under_way = None;
    }
}

/// Does a piece of work; whether it has survived that.
pub fn survives(work: impl FnOnce()) -> bool {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(()) => true,
        Err(payload) if payload.is::<Planted>() => false,
        Err(payload) => resume_unwind(payload),
    }
}
