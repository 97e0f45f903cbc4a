//! The route processor's end for one card: what to send so that the card has what the last frame holds.
//!
//! ```text
//!              truth: same digest, or changes since its frame are known
//!   Absent ─────────────────────────────────────────────────────────────▶ Live ── frames as they pass the gate
//!      │  truth: neither            walk at its end                         │
//!      └───────────────▶ Refreshing ────────────────────────────────────────┘◀─┐
//!                            ▲        card applies too slowly, or digests differ │
//!                            └───────────────────────────────────────────────────┘
//! ```
//!
//! Bytes on their way to the card are bounded by [`OUTSTANDING_BYTES_MAX`]; a card that falls behind that goes over to
//! a refresh, which walks the tables at the card's own speed, and starts over when even that is too fast for it.

use crate::message::{RpMessage, Truth};
use alloc::vec::Vec;
use checkpoint::{RowReader, RowRef, RowWriter, TableId, Tables, total_digest};
use machine::FrameNumber;

/// Most bytes of rows that may be on their way to one card.
pub const OUTSTANDING_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes that a refresh keeps on their way.
const REFRESH_OUTSTANDING_BYTES: usize = 1024 * 1024;
/// Bytes of one message of rows.
const ROWS_BYTES: usize = 64 * 1024;

/// How far a card is in step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DownloadPhase {
    /// There is no card, or it has not told its truth yet.
    Absent,
    /// Everything is being sent.
    Refreshing {
        /// Position in the order of tables.
        table: usize,
        /// Position in that table.
        after: Option<Vec<u8>>,
        /// Whether the beginning was announced.
        begun: bool,
    },
    /// Frame by frame.
    Live,
}

impl DownloadPhase {
    const REFRESH_START: DownloadPhase = DownloadPhase::Refreshing {
        table: 0,
        after: None,
        begun: false,
    };
}

/// Progress of the download to one card.
#[derive(Debug)]
pub struct Download {
    phase: DownloadPhase,
    outstanding_bytes: usize,
    refreshes: u64,
}

impl Default for Download {
    fn default() -> Self {
        Self {
            phase: DownloadPhase::Absent,
            outstanding_bytes: 0,
            refreshes: 0,
        }
    }
}

impl Download {
    /// No card yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How far the card is in step.
    pub fn phase(&self) -> &DownloadPhase {
        &self.phase
    }

    /// Bytes of rows sent and not yet applied.
    pub fn outstanding_bytes(&self) -> usize {
        self.outstanding_bytes
    }

    /// Full refreshes begun.
    pub fn refreshes(&self) -> u64 {
        self.refreshes
    }

    /// The card is gone.
    pub fn card_lost(&mut self) {
        self.phase = DownloadPhase::Absent;
        self.outstanding_bytes = 0;
    }

    /// The card has told its truth: catches up by rows where that is known, by a refresh otherwise. `frame` is the last
    /// closed frame, and nothing may be dirty.
    pub fn truth(&mut self, tables: &dyn Tables, frame: FrameNumber, truth: &Truth) -> Vec<RpMessage> {
        self.outstanding_bytes = 0;
        let digest = downloaded_digest(tables);
        if !truth.mixed && truth.digest == digest {
            self.phase = DownloadPhase::Live;
            return [RpMessage::FrameEnd { frame, digest }].into();
        }
        let mut changes = RowWriter::new();
        // A number that is still to come was given by another activity than this.
        let known = truth.frame > FrameNumber(0)
            && truth.frame <= frame
            && tables
                .order()
                .iter()
                .filter(|id| tables.is_downloaded(**id))
                .all(|id| {
                    tables
                        .table(*id)
                        .is_some_and(|table| table.changed_since(truth.frame, &mut changes))
                });
        if !known || changes.len() > OUTSTANDING_BYTES_MAX {
            self.refresh();
            return Vec::new();
        }
        self.phase = DownloadPhase::Live;
        let changes = changes.take();
        let rows = RowReader::new(&changes).flatten();
        let mut messages = self.rows_messages(chunks(rows));
        messages.push(RpMessage::FrameEnd { frame, digest });
        messages
    }

    /// Starts over with a refresh: the card's digest is not ours.
    pub fn refresh(&mut self) {
        self.refreshes += 1;
        self.phase = DownloadPhase::REFRESH_START;
    }

    /// The card has applied `bytes` bytes.
    pub fn applied(&mut self, bytes: u32) {
        self.outstanding_bytes = self.outstanding_bytes.saturating_sub(bytes as usize);
    }

    /// Rows of a frame that was just closed, and its end. Send the answer when that frame passes the gate.
    pub fn frame(&mut self, tables: &dyn Tables, frame: FrameNumber, rows: &[Vec<u8>]) -> Vec<RpMessage> {
        match self.phase.clone() {
            DownloadPhase::Absent => Vec::new(),
            DownloadPhase::Live => {
                if !self.has_room_for(rows) {
                    self.refresh();
                    return Vec::new();
                }
                let mut messages = self.rows_messages(rows.to_vec());
                messages.push(RpMessage::FrameEnd {
                    frame,
                    digest: downloaded_digest(tables),
                });
                messages
            }
            // The walk will come by all of them.
            DownloadPhase::Refreshing { begun: false, .. } => Vec::new(),
            DownloadPhase::Refreshing { table, after, .. } => {
                let passed = rows_passed_by_walk(tables, rows, table, after.as_deref());
                if !self.has_room_for(&passed) {
                    // The card stopped reading: what it lacks is not kept here, but walked by again.
                    self.refresh();
                    return Vec::new();
                }
                self.rows_messages(passed)
            }
        }
    }

    fn has_room_for(&self, rows: &[Vec<u8>]) -> bool {
        let bytes: usize = rows.iter().map(Vec::len).sum();
        self.outstanding_bytes + bytes <= OUTSTANDING_BYTES_MAX
    }

    /// Goes on with a refresh as far as the card's room allows. Nothing may be dirty, and `frame` is the last closed
    /// frame; send the answer when that frame has passed the gate.
    ///
    /// While `holds_sweep`, somebody has not put all rows into the tables yet: the refresh does not end, so that the card
    /// keeps what was not named in it. Frames reach the card meanwhile.
    pub fn refresh_step(
        &mut self,
        tables: &dyn Tables,
        frame: FrameNumber,
        holds_sweep: bool,
    ) -> Vec<RpMessage> {
        let mut messages = Vec::new();
        while let DownloadPhase::Refreshing { table, after, begun } = self.phase.clone()
            && self.outstanding_bytes < REFRESH_OUTSTANDING_BYTES
        {
            if !begun {
                messages.push(RpMessage::RefreshBegin);
            }
            let Some(id) = tables.order().get(table) else {
                if holds_sweep {
                    break;
                }
                self.phase = DownloadPhase::Live;
                messages.push(RpMessage::RefreshEnd {
                    frame,
                    digest: downloaded_digest(tables),
                });
                break;
            };
            let mut rows = RowWriter::new();
            let reached = tables
                .table(*id)
                .filter(|_| tables.is_downloaded(*id))
                .and_then(|rows_of| rows_of.walk(after.as_deref(), ROWS_BYTES, &mut rows));
            if !rows.is_empty() {
                messages.push(self.rows(rows.take()));
            }
            self.phase = match reached {
                Some(position) => DownloadPhase::Refreshing {
                    table,
                    after: Some(position),
                    begun: true,
                },
                None => DownloadPhase::Refreshing {
                    table: table + 1,
                    after: None,
                    begun: true,
                },
            };
        }
        messages
    }

    fn rows(&mut self, rows: Vec<u8>) -> RpMessage {
        self.outstanding_bytes += rows.len();
        RpMessage::Rows { rows }
    }

    fn rows_messages(&mut self, chunks: Vec<Vec<u8>>) -> Vec<RpMessage> {
        chunks.into_iter().map(|rows| self.rows(rows)).collect()
    }
}

/// Digest over all downloaded tables.
pub fn downloaded_digest(tables: &dyn Tables) -> u64 {
    total_digest(tables, |id| tables.is_downloaded(id))
}

/// The rows of a frame that a walk at (`table`, `after`) has passed already; the others it will come by.
fn rows_passed_by_walk(
    tables: &dyn Tables,
    rows: &[Vec<u8>],
    table: usize,
    after: Option<&[u8]>,
) -> Vec<Vec<u8>> {
    let position = |id: TableId| tables.order().iter().position(|other| *other == id);
    let is_passed = |row: &RowRef<'_>| {
        let at = position(row.table);
        at.is_some_and(|at| at < table || (at == table && after.is_some_and(|after| row.key <= after)))
    };
    let rows = rows.iter().flat_map(|chunk| RowReader::new(chunk)).flatten();
    chunks(rows.filter(is_passed))
}

/// Rows in lists of about [`ROWS_BYTES`] each, so that no message holds up what follows it.
fn chunks<'a>(rows: impl Iterator<Item = RowRef<'a>>) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    let mut writer = RowWriter::new();
    for row in rows {
        writer.push(row.table, row.key, row.value);
        if writer.len() >= ROWS_BYTES {
            chunks.push(writer.take());
        }
    }
    if !writer.is_empty() {
        chunks.push(writer.take());
    }
    chunks
}
