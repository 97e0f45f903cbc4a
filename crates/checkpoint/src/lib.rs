//! The checkpoint facility (CF): moves state from the active route processor to the standby.
//!
//! State that survives a switchover lives in [`Tracked`] tables and nowhere else. Changing a row marks it dirty, and
//! there is no other way to change one, so a forgotten checkpoint cannot be written. At a turn's end the dirty rows
//! are encoded, newest state only, into the open *frame*; a frame closes at a turn boundary where every dirty row is
//! in it. The standby stages what arrives and commits whole frames, so it always is a consistent cut.
//!
//! ```text
//!   turn: edit rows ──▶ dirty ──drain──▶ open frame ──chunks──▶ staged ──end──▶ committed
//!            │                              │                                      │
//!            └── AfterSync outputs ──▶ gate(frame) ◀───────────── ack(frame) ──────┘
//! ```
//!
//! - [`Tracked`], [`Row`], [`Key`], [`Index`]: tables of domain values.
//! - [`Tables`]: all tables of a route processor, in client order; what the two ends walk.
//! - [`ActiveEnd`]: frames, bulk with a cursor, acknowledgements, out of step.
//! - [`StandbyEnd`]: staging, commit, verification.
//! - [`Gate`]: outputs that wait for an acknowledgement.
//! - [`laws`]: the two laws every client is held to.
#![no_std]
#![deny(missing_docs)]
extern crate alloc;

mod active;
mod gate;
pub mod laws;
mod message;
mod record;
mod rows;
mod sorted;
mod standby;
mod statistics;
mod store;
mod table;

pub use active::{ActiveEnd, ActiveEndConfig, Drained, PeerSync};
pub use gate::Gate;
pub use message::{Acknowledgement, FrameChunk, ResyncRequest, TableDigest};
pub use record::{Key, RecordError, Row, TableId, row_hash};
pub use rows::{RowReader, RowRef, RowWriter};
pub use sorted::{Place, Range, SortedMap};
pub use standby::{Committed, StandbyEnd, StandbyError};
pub use statistics::{Statistics, TableStatistics};
pub use table::{Emit, Index, NoIndex, Table, Tables, Tracked, table_digests, total_digest};
