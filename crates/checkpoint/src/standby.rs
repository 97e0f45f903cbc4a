//! The standby's end: stages rows, commits whole frames, verifies.

use crate::message::{Acknowledgement, FrameChunk};
use crate::record::RecordError;
use crate::rows::RowReader;
use crate::table::{Tables, total_digest};
use core::fmt;
use machine::FrameNumber;

/// Why the standby cannot go on with what it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StandbyError {
    /// A row that is no row of its table.
    Record(RecordError),
    /// A frame that does not follow the last one.
    Sequence {
        /// The frame that would follow.
        expected: FrameNumber,
        /// The frame that came.
        received: FrameNumber,
    },
    /// The frame's end counts other rows than came.
    Torn {
        /// The frame.
        frame: FrameNumber,
        /// Rows that the end counts.
        announced: u32,
        /// Rows that came.
        received: u32,
    },
    /// After the commit the tables are not what the active has.
    Digest {
        /// The frame.
        frame: FrameNumber,
        /// The active's digest.
        active: u64,
        /// Ours.
        standby: u64,
    },
}

impl fmt::Display for StandbyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StandbyError::Record(error) => error.fmt(f),
            StandbyError::Sequence { expected, received } => {
                write!(f, "frame {received} came where {expected} was due")
            }
            StandbyError::Torn {
                frame,
                announced,
                received,
            } => {
                write!(f, "frame {frame} ends after {received} of {announced} rows")
            }
            StandbyError::Digest {
                frame,
                active,
                standby,
            } => {
                write!(
                    f,
                    "digest at frame {frame} is {standby:016x}, the active's is {active:016x}"
                )
            }
        }
    }
}

impl core::error::Error for StandbyError {}

/// A frame that was committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// What to tell the active.
    pub acknowledgement: Acknowledgement,
    /// Whether the bulk ended with this frame: from here on the standby is in step.
    pub bulk_ended: bool,
    /// Rows in the frame.
    pub rows: u32,
}

/// Progress of the standby's end.
///
/// Contract: on a chunk with `bulk_begin` the caller first replaces its tables by empty ones. After an error the
/// staged rows are gone, nothing of the frame was applied (unless the error is the digest's), and the caller asks for
/// a resync. Until that begins chunks are passed over, and the cut that was committed last stays what it is: nothing
/// more is acknowledged, so the active promises nothing more without leaving its mark first.
#[derive(Debug, Default)]
pub struct StandbyEnd {
    /// `None` until a bulk has begun.
    committed: Option<FrameNumber>,
    staged_rows: u32,
    in_step: bool,
    /// From an error until the next bulk.
    passes_over: bool,
}

impl StandbyEnd {
    /// Nothing received yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The last committed frame.
    pub fn committed(&self) -> FrameNumber {
        self.committed.unwrap_or_default()
    }

    /// Whether the tables are a consistent cut of all that the active has promised to the world.
    pub fn in_step(&self) -> bool {
        self.in_step
    }

    /// The active is gone or starts over: drops staged rows. `in_step` stays: the committed cut is still whole.
    pub fn disconnected(&mut self, tables: &mut dyn Tables) {
        self.discard(tables);
    }

    fn discard(&mut self, tables: &mut dyn Tables) {
        self.staged_rows = 0;
        tables.each_mut(&mut |table| table.discard());
    }

    /// Takes one chunk; commits when it ends its frame.
    ///
    /// # Errors
    /// See [`StandbyError`]; after that of the digest the tables are not to be trusted.
    pub fn chunk(
        &mut self,
        tables: &mut dyn Tables,
        chunk: &FrameChunk,
    ) -> Result<Option<Committed>, StandbyError> {
        if chunk.bulk_begin {
            *self = Self {
                committed: Some(FrameNumber(chunk.frame.saturating_sub(1))),
                ..Self::default()
            };
        }
        if self.passes_over {
            return Ok(None);
        }
        let result = self
            .stage(tables, chunk)
            .and_then(|()| self.commit(tables, chunk));
        if let Err(error) = &result {
            self.discard(tables);
            self.passes_over = true;
            if matches!(error, StandbyError::Digest { .. }) {
                self.in_step = false;
                self.committed = None;
            }
        }
        result
    }

    fn stage(&mut self, tables: &mut dyn Tables, chunk: &FrameChunk) -> Result<(), StandbyError> {
        let received = FrameNumber(chunk.frame);
        match self.committed {
            Some(committed) if committed.next() == received => {}
            other => {
                let expected = other.map_or(FrameNumber(0), FrameNumber::next);
                return Err(StandbyError::Sequence { expected, received });
            }
        }
        for row in RowReader::new(&chunk.rows) {
            let row = row.map_err(StandbyError::Record)?;
            let table = tables
                .table_mut(row.table)
                .ok_or(StandbyError::Record(RecordError::UnknownTable(row.table)))?;
            table.stage(row.key, row.value).map_err(StandbyError::Record)?;
            self.staged_rows += 1;
        }
        Ok(())
    }

    fn commit(
        &mut self,
        tables: &mut dyn Tables,
        chunk: &FrameChunk,
    ) -> Result<Option<Committed>, StandbyError> {
        if !chunk.end {
            return Ok(None);
        }
        let frame = FrameNumber(chunk.frame);
        if chunk.rows_in_frame != self.staged_rows {
            let received = self.staged_rows;
            return Err(StandbyError::Torn {
                frame,
                announced: chunk.rows_in_frame,
                received,
            });
        }
        tables.each_mut(&mut |table| table.commit(frame));
        self.committed = Some(frame);
        let rows = core::mem::take(&mut self.staged_rows);
        let digest = total_digest(tables, |_| true);
        if let Some(active) = chunk.digest
            && active != digest
        {
            return Err(StandbyError::Digest {
                frame,
                active,
                standby: digest,
            });
        }
        if chunk.bulk_end {
            self.in_step = true;
            tables.each_mut(&mut |table| table.recent_changes_start(frame));
        }
        let acknowledgement = Acknowledgement {
            frame: frame.0,
            digest,
        };
        Ok(Some(Committed {
            acknowledgement,
            bulk_ended: chunk.bulk_end,
            rows,
        }))
    }
}
