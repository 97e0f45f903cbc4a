//! The vocabulary of pure state machines.
//!
//! Everything in Holdover that decides is a value that is told what time it is and what has happened, and answers
//! with what should be done. It never reads a clock, opens a socket, starts a thread or draws entropy: this crate
//! and all that build on it are `no_std`, so the compiler holds us to that. The process (`runtime`) and the
//! simulator (`sim`) drive the very same values.
//!
//! ```text
//!            now, input                    Outbox: (Now | AfterSync, output)
//!   driver ──────────────▶  Machine  ──────────────────────────────────────▶ driver
//!      ▲                      │ next_deadline() -> (Instant, why)
//!      └──── expire(now) ─────┘
//! ```
//!
//! Contract: see [`Machine`].
#![no_std]
#![deny(missing_docs)]
extern crate alloc;

mod id;
mod outbox;
mod queue;
mod seed;
mod severity;
mod step;
mod time;
mod timers;

pub use id::{CardSlot, ChassisSlot, Epoch, FrameNumber, Generation, PortId, RpSlot, SlotError};
pub use outbox::{Outbox, Release};
pub use queue::BoundedQueue;
pub use seed::Seed;
pub use severity::Severity;
pub use step::{StepKind, StepNote, StepNotes, Steps, step_digest};
pub use time::{Instant, earliest};
pub use timers::{TimerKey, Timers};

pub use core::time::Duration;

/// When a machine wants to be woken, and why: the reason ends up in traces and in `show` output.
pub type Deadline = (Instant, &'static str);

/// A deterministic state machine.
///
/// Four rules make a machine drivable by anybody:
///
/// 1. `handle` is called once for each input, in the order in which the inputs happened; `now` never goes back.
/// 2. After each `handle` or `expire` the driver drains the outbox before it calls again.
/// 3. The driver calls `expire` at or after `next_deadline`. A spurious or a late call is harmless.
/// 4. Equal state, input and `now` give equal outputs and an equal next state, always.
pub trait Machine {
    /// What can happen to the machine.
    type Input;
    /// What the machine can ask for.
    type Output;

    /// Takes one input.
    fn handle(&mut self, now: Instant, input: Self::Input, out: &mut Outbox<Self::Output>);

    /// Runs every deadline that is due at `now`.
    fn expire(&mut self, now: Instant, out: &mut Outbox<Self::Output>);

    /// The next moment at which `expire` has something to do, or `None` while the machine only waits for input.
    fn next_deadline(&self) -> Option<Deadline>;
}
