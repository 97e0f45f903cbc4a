//! The conversation between a route processor and a line card, and what both ends keep of it.
//!
//! ```text
//!   RP                                              card
//!    │ connect, Claim{epoch} ────────────────────▶   │  refuses a lower epoch, drops the old epoch's link
//!    │ ◀──────────── Truth{ports, frame, digest} │   │
//!    │ ◀──────────────── punts buffered meanwhile│   │
//!    │ Rows.., FrameEnd{frame, digest} ──────────▶   │  only what a committed frame holds
//!    │ ◀──────────────────── Applied{bytes} ─────│   │
//!    │ Inject{port, frame} ──────────────────────▶   │
//!    │ ◀──────────── Punt, PortStatus, Counters ─│   │
//! ```
//!
//! - [`rows`]: the downloaded tables (port configuration, adjacencies, FIB): keys, values, records.
//! - [`message`]: the messages and their bytes.
//! - [`CardEnd`]: the card's fence, its digest, its place in the sequence of frames.
//! - [`Download`]: the RP's end for one card: in step, catching up by rows, or a full refresh with a sweep.
#![no_std]
#![deny(missing_docs)]
extern crate alloc;

mod card_end;
mod download;
pub mod message;
pub mod rows;

pub use card_end::{CardEnd, ClaimAnswer, LinkId};
pub use download::{Download, DownloadPhase, downloaded_digest};
pub use message::{CardMessage, MessageError, PuntTicket, RpMessage};
