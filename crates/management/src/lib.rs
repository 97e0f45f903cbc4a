//! What an operator talks to: the console.
//!
//! A console is a stream of bytes in both directions, whatever carries it. Everything between the bytes and the
//! route processor is pure:
//!
//! ```text
//!   client process                     route processor's process
//!   ┌──────────┐  wire frames   ┌───────────────────────────────────────────────┐
//!   │ terminal │ ◀────────────▶ │ wire ─▶ ConsoleSession ─Execute──▶ rp          │
//!   │ or script│  (Unix socket) │         keys, editor,  ◀─complete─             │
//!   └──────────┘                │         history, help                          │
//!                               └───────────────────────────────────────────────┘
//! ```
//!
//! - [`keys`]: bytes to keys (control characters, escape sequences, UTF-8), split over reads as they come.
//! - [`editor`]: keys to an edited line, and the bytes that show it.
//! - [`session`]: lines to commands; prompt, mode, questions, scripts.
//! - `filter`, `pager`: what of a command's output is shown, and how much of it at a time.
//! - [`wire`]: the frames between the client process and the route processor.
//!
//! Contract: no input panics; every buffer has a bound, and each type says what happens there.
#![no_std]
#![deny(missing_docs)]
extern crate alloc;

pub mod editor;
mod filter;
pub mod keys;
mod pager;
pub mod session;
pub mod wire;

#[cfg(test)]
mod tests;

pub use session::{
    Answer, CloseReason, ConsoleRole, ConsoleSession, Outcome, Question, QuestionKind, SessionEvent,
    SessionOptions,
};
