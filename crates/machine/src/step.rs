//! Notes of what is about to be done, for whoever has to go on after a death in the middle of it.

use alloc::sync::Arc;
use core::fmt;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepKind {
    /// Reads bytes of a neighbour.
    Parse,
    /// Decides about routes.
    Decide,
    /// Works out and packs what neighbours are told.
    Pack,
    /// Runs timers.
    Timer,
}

impl StepKind {
    /// All of them.
    pub const ALL: [StepKind; 4] = [StepKind::Parse, StepKind::Decide, StepKind::Pack, StepKind::Timer];

    /// Its number where it is kept: never 0, and never another one.
    pub const fn number(self) -> u8 {
        match self {
            StepKind::Parse => 1,
            StepKind::Decide => 2,
            StepKind::Pack => 3,
            StepKind::Timer => 4,
        }
    }

    /// Reverse of [`StepKind::number`].
    pub fn from_number(number: u8) -> Option<StepKind> {
        StepKind::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// What operators call it.
    pub const fn name(self) -> &'static str {
        match self {
            StepKind::Parse => "parse",
            StepKind::Decide => "decide",
            StepKind::Pack => "pack",
            StepKind::Timer => "timer",
        }
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A step that is about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepNote {
    /// Number of the client of the redundancy facility.
    pub client: u32,
    /// What is done.
    pub kind: StepKind,
    /// For which session, in the client's own words, which mean the same in every process; 0: for none, or for many.
    pub session: u128,
    /// Offset of the bytes in the session's stream; 0 where there are none.
    pub offset: u64,
    /// Hash of the first of those bytes, so that they can be recognised; 0 where there are none.
    pub digest: u64,
}

/// Where notes are kept. A note has to be readable when the process dies the moment after [`StepNotes::begin`], and writing
/// it must cost some stores at most: it is done for each prefix.
pub trait StepNotes: Send + Sync {
    /// This step is made now. It takes the place of the one before.
    fn begin(&self, note: StepNote);

    /// The step is over.
    fn end(&self);
}

/// A client's way to [`StepNotes`]; without one nothing is noted.
#[derive(Clone, Default)]
pub struct Steps {
    client: u32,
    notes: Option<Arc<dyn StepNotes>>,
}

impl Steps {
    /// Notes for the client of this number.
    pub fn new(client: u32, notes: Option<Arc<dyn StepNotes>>) -> Steps {
        Steps { client, notes }
    }

    /// A step of `session` begins.
    pub fn begin(&self, kind: StepKind, session: u128) {
        self.begin_at(kind, session, 0, 0);
    }

    /// A step begins with the bytes at `offset` of the session's stream.
    pub fn begin_at(&self, kind: StepKind, session: u128, offset: u64, digest: u64) {
        if let Some(notes) = &self.notes {
            notes.begin(StepNote {
                client: self.client,
                kind,
                session,
                offset,
                digest,
            });
        }
    }

    /// The step is over.
    pub fn end(&self) {
        if let Some(notes) = &self.notes {
            notes.end();
        }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Steps(client {}, noted: {})",
            self.client,
            self.notes.is_some()
        )
    }
}

/// Hash of the first bytes of `bytes`, for [`StepNote::digest`]: FNV-1a over at most 64.
pub fn step_digest(bytes: &[u8]) -> u64 {
    const BYTES: usize = 64;
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().take(BYTES).fold(0xcbf2_9ce4_8422_2325, step)
}
