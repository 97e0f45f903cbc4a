//! One walk over the clients.
//!
//! Clients are called one after the other in sequence. A client is *done* at once (`rc=11`) or says *later* (`rc=23`):
//! then the walk goes on to the next one, and only `Last Client` waits until all late ones have completed.
//!
//! ```text
//!   First ── IfIndex rc=11 ── CHKPT rc=23 ── CEF rc=11 ── ... ── CHKPT rc=11 ── Last
//!                               └── works on, meanwhile the walk goes on ──┘
//! ```
//!
//! A walk does a bounded number of clients for each turn and then pauses, so that cards and sessions are served in
//! between: [`Step::Pause`] asks to be resumed in another turn.
//!
//! Contract: the owner calls [`Walk::advance`] after construction, after each answer and after a pause, and carries out
//! the step. What is not expected (a second answer, an answer of somebody else) is refused by `false`, never a panic.

use crate::client::{Client, ClientId, ClientRegistry};
use crate::state::Progression;
use alloc::collections::BTreeSet;
use core::fmt;

/// What a client says when it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// The step is finished (`rc=11`).
    Done,
    /// The client goes on working and completes later (`rc=23`).
    Later,
}

impl Answer {
    /// The return code shown in the history.
    pub const fn code(self) -> u32 {
        match self {
            Answer::Done => 11,
            Answer::Later => 23,
        }
    }
}

/// Which unit's progress a walk serves. Shown as `op` in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// This unit's own state change (`op=0`).
    Own,
    /// The active's pass that matches the pass of its standby (`op=1`).
    ForPeer,
}

impl Purpose {
    /// The operand shown in the history.
    pub const fn operand(self) -> u32 {
        match self {
            Purpose::Own => 0,
            Purpose::ForPeer => 1,
        }
    }
}

/// How far a client is in a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClientProgress {
    /// It has done its step.
    Done,
    /// It was called, and its answer or completion is waited for.
    Awaited,
    /// It was not called yet.
    ToCome,
}

impl fmt::Display for ClientProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ClientProgress::Done => "done",
            ClientProgress::Awaited => "waited for",
            ClientProgress::ToCome => "to come",
        })
    }
}

/// What the owner of a walk has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Call this client and report its answer.
    Run(Client),
    /// Nothing before the called client answers, or a late one completes.
    Wait,
    /// Enough for this turn: call [`Walk::resume`] in another one.
    Pause,
    /// All clients are done.
    Finished,
}

/// Where one walk stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    progression: Progression,
    purpose: Purpose,
    place: Option<(u32, ClientId)>,
    called: Option<ClientId>,
    late: BTreeSet<ClientId>,
    clients_per_turn: u32,
    left_in_turn: u32,
}

impl Walk {
    /// A walk that has not called anybody yet and calls at most `clients_per_turn` (at least one) in a turn.
    pub fn new(progression: Progression, purpose: Purpose, clients_per_turn: u32) -> Self {
        let clients_per_turn = clients_per_turn.max(1);
        Self {
            progression,
            purpose,
            place: None,
            called: None,
            late: BTreeSet::new(),
            clients_per_turn,
            left_in_turn: clients_per_turn,
        }
    }

    /// The progression that is walked.
    pub fn progression(&self) -> Progression {
        self.progression
    }

    /// Whose progress it is.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The next thing to do. `Run` is given out once for each client.
    pub fn advance(&mut self, clients: &ClientRegistry) -> Step {
        if self.called.is_some() {
            return Step::Wait;
        }
        let Some(client) = clients.after(self.place) else {
            return if self.late.is_empty() {
                Step::Finished
            } else {
                Step::Wait
            };
        };
        if self.left_in_turn == 0 {
            return Step::Pause;
        }
        self.left_in_turn -= 1;
        self.place = Some((client.sequence, client.id));
        self.called = Some(client.id);
        Step::Run(client)
    }

    /// Another turn: the allowance of clients is full again.
    pub fn resume(&mut self) {
        self.left_in_turn = self.clients_per_turn;
    }

    /// The answer of the called client; false when this client was not called.
    pub fn answered(&mut self, client: ClientId, answer: Answer) -> bool {
        if self.called != Some(client) {
            return false;
        }
        self.called = None;
        if answer == Answer::Later {
            self.late.insert(client);
        }
        true
    }

    /// A late client has completed; false when it was not late.
    pub fn completed(&mut self, client: ClientId) -> bool {
        self.late.remove(&client)
    }

    /// The clients that keep the walk waiting, in the order of their numbers.
    pub fn pending(&self) -> impl Iterator<Item = ClientId> + '_ {
        self.called.iter().chain(self.late.iter()).copied()
    }

    /// How far a client is in this walk.
    pub fn progress_of(&self, client: Client) -> ClientProgress {
        if self.pending().any(|id| id == client.id) {
            ClientProgress::Awaited
        } else if self.place >= Some((client.sequence, client.id)) {
            ClientProgress::Done
        } else {
            ClientProgress::ToCome
        }
    }

    /// Goes on without the clients that keep the walk waiting.
    pub fn give_up_pending(&mut self) {
        self.called = None;
        self.late.clear();
    }
}
