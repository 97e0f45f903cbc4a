//! What a line card decides: the fate of every packet, with a route processor or without.
//!
//! ```text
//!                   Claim, Rows, Inject │ ▲ Truth, Punt, PortStatus, Counters
//!                                       ▼ │
//!   frame ──▶ port ──▶ ┌──────────── LineCard ────────────┐ ──▶ port ──▶ frame
//!                      │ tables ─▶ decide ─▶ forward      │
//!   finished frame ──▶ └──────────────────────────────────┘ ──▶ fabric ──▶ finished frame
//! ```
//!
//! - [`fib`]: longest-prefix match with interned next-hop groups.
//! - [`tables`], [`held`]: the downloaded rows, their hashes and generations.
//! - [`forward`]: from a frame to what becomes of it.
//! - [`card`]: the card as a whole: epochs, downloads, headless life.
//! - [`sink`]: where everything goes that leaves a card.
//!
//! Contract: pure, and nothing is allocated for a packet that is forwarded.
#![no_std]
#![deny(missing_docs)]
extern crate alloc;

pub mod card;
pub mod counters;
pub mod fib;
pub mod flow;
pub mod forward;
pub mod held;
mod limit;
pub mod punt;
pub mod sink;
pub mod tables;

pub use card::{CardConfiguration, CardInput, LineCard, PortHardware};
pub use counters::{CardCounters, DropReason};
pub use fib::Fib;
pub use forward::Limits;
pub use limit::TokenBucket;
pub use sink::{CardOutput, CloseReason, Sink, Taken};
