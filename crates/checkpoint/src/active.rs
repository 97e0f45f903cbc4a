//! The active's end: frames, bulk, acknowledgements, out of step.
//!
//! A frame opens with the first dirty row that is drained and closes at a turn boundary where nothing is dirty any
//! more. While the link has no room rows stay dirty and coalesce, so the backlog is bounded by the number of rows,
//! not by churn. A bulk is a walk over all tables between turns, in client order, within the same frames; rows that
//! the walk has yet to reach are not sent early.
//!
//! ```text
//!            connected                 walk at the end              acknowledged
//!   None ───────────────▶ Bulk ───────────────────────▶ Finishing ───────────────▶ InStep
//!     ▲                     │                              │                          │
//!     └── lost / out of step (published first) ◀───────────┴──────────────────────────┘
//! ```
//!
//! The gate is open in `None` and `Bulk`, and closed from the frame that ends the bulk: the standby calls itself in
//! step when it commits that frame, so from there on nothing may be promised that it does not have.

use crate::message::{Acknowledgement, FrameChunk};
use crate::record::TableId;
use crate::rows::RowWriter;
use crate::statistics::Statistics;
use crate::table::{Tables, total_digest};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use machine::{Deadline, Duration, FrameNumber, Instant};

/// Limits of the active's end.
#[derive(Clone, Debug)]
pub struct ActiveEndConfig {
    /// A chunk is sent once it has this many bytes.
    pub chunk_bytes: usize,
    /// Most bytes drained or walked in one turn boundary.
    pub turn_bytes_max: usize,
    /// A frame that stays open for longer than this makes ordinary work wait.
    pub open_frame_limit: Duration,
    /// A frame that is not acknowledged for this long puts the standby out of step.
    pub acknowledgement_stall_limit: Duration,
}

impl Default for ActiveEndConfig {
    fn default() -> Self {
        Self {
            chunk_bytes: 64 * 1024,
            turn_bytes_max: 512 * 1024,
            open_frame_limit: Duration::from_millis(10),
            acknowledgement_stall_limit: Duration::from_millis(200),
        }
    }
}

/// How far the standby is in step, as the active knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerSync {
    /// Nobody listens: the gate is open.
    None,
    /// The walk over all tables is under way: the gate is open.
    Bulk {
        /// Position in the order of tables.
        table: usize,
        /// Position in that table; `None`: at its start.
        after: Option<Vec<u8>>,
        /// Whether the first chunk was sent.
        begun: bool,
    },
    /// The bulk's last frame is on its way; the gate is closed.
    Finishing {
        /// That frame.
        frame: FrameNumber,
    },
    /// The standby commits frame after frame.
    InStep,
}

impl PeerSync {
    const BULK_START: PeerSync = PeerSync::Bulk {
        table: 0,
        after: None,
        begun: false,
    };
}

/// What one turn boundary produced.
#[derive(Debug, Default)]
pub struct Drained {
    /// To be sent to the standby, in order.
    pub to_peer: Vec<FrameChunk>,
    /// Rows for the cards, of frame `to_cards_frame`; to be sent once that frame passes the gate.
    pub to_cards: Vec<Vec<u8>>,
    /// The frame that was closed, if one was.
    pub closed: Option<FrameNumber>,
}

#[derive(Debug)]
struct OpenFrame {
    opened_at: Instant,
    peer_rows: u32,
}

#[derive(Debug)]
struct Awaited {
    frame: FrameNumber,
    closed_at: Instant,
    digest: u64,
}

/// Progress of the active's end.
#[derive(Debug)]
pub struct ActiveEnd {
    config: ActiveEndConfig,
    last_closed: FrameNumber,
    acknowledged: FrameNumber,
    open: Option<OpenFrame>,
    peer: PeerSync,
    /// The frame with which a bulk's walk came to its end. The bulk ends once that is acknowledged: from its end on the
    /// gate is closed and the stall limit runs, and neither should wait for a bulk's bytes on a slow link.
    walked: Option<FrameNumber>,
    awaited: VecDeque<Awaited>,
    statistics: Statistics,
    peer_rows: RowWriter,
    card_rows: RowWriter,
}

impl ActiveEnd {
    /// Starts after `last_frame`: numbers run on over a switchover.
    pub fn new(config: ActiveEndConfig, last_frame: FrameNumber) -> Self {
        Self {
            config,
            last_closed: last_frame,
            acknowledged: last_frame,
            open: None,
            peer: PeerSync::None,
            walked: None,
            awaited: VecDeque::new(),
            statistics: Statistics::default(),
            peer_rows: RowWriter::new(),
            card_rows: RowWriter::new(),
        }
    }

    /// What was sent so far.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// The limits.
    pub fn config(&self) -> &ActiveEndConfig {
        &self.config
    }

    /// Bytes of rows that wait for a message to be whole.
    pub fn buffered_bytes(&self) -> usize {
        self.peer_rows.len()
    }

    /// How far the standby is in step.
    pub fn peer(&self) -> &PeerSync {
        &self.peer
    }

    /// The last closed frame.
    pub fn last_closed(&self) -> FrameNumber {
        self.last_closed
    }

    /// The last frame that the standby acknowledged.
    pub fn acknowledged(&self) -> FrameNumber {
        self.acknowledged
    }

    /// The frame that an output of the current turn has to wait for. `dirty`: whether any row is dirty now.
    pub fn gate_frame(&self, dirty: bool) -> FrameNumber {
        if dirty || self.open.is_some() {
            self.last_closed.next()
        } else {
            self.last_closed
        }
    }

    /// Outputs waiting for frames up to this one may leave.
    pub fn releasable(&self) -> FrameNumber {
        match self.peer {
            // Closed frames only: an output never overtakes its own turn's frame.
            PeerSync::None | PeerSync::Bulk { .. } => self.last_closed,
            PeerSync::Finishing { .. } | PeerSync::InStep => self.acknowledged,
        }
    }

    /// Whether a frame has been open for so long that work which makes rows dirty must wait.
    pub fn holds_work(&self, now: Instant) -> bool {
        self.open
            .as_ref()
            .is_some_and(|open| now - open.opened_at > self.config.open_frame_limit)
    }

    /// A standby listens: the next turn boundaries send it everything.
    pub fn peer_connected(&mut self) {
        self.peer = PeerSync::BULK_START;
        self.restart_peer_stream();
    }

    /// The standby is gone or out of step. If it was in step that must have been published before, because from here
    /// on the gate is open.
    pub fn peer_lost(&mut self) {
        self.peer = PeerSync::None;
        self.restart_peer_stream();
    }

    /// The next frame that closes has a number beyond `frame`. For an active whose standby is gone: one that counts the
    /// frames would miss some.
    pub fn go_on_from(&mut self, frame: FrameNumber) {
        debug_assert_eq!(self.peer, PeerSync::None, "nobody counts");
        self.last_closed = self.last_closed.max(frame);
    }

    /// Whether a bulk under way could go on at the next turn boundary: it does not wait for an acknowledgement.
    pub fn bulk_has_work(&self) -> bool {
        matches!(self.peer, PeerSync::Bulk { .. })
            && self.walked.is_none_or(|frame| frame <= self.acknowledged)
    }

    fn restart_peer_stream(&mut self) {
        self.walked = None;
        self.awaited.clear();
        let _rows_for_nobody = self.peer_rows.take();
        if let Some(open) = &mut self.open {
            open.peer_rows = 0;
        }
    }

    /// The standby has committed up to `acknowledgement.frame`. Returns whether it has just come in step.
    ///
    /// # Errors
    /// The frame whose digest differs from ours: the standby holds something else than we sent.
    pub fn acknowledge(&mut self, acknowledgement: &Acknowledgement) -> Result<bool, FrameNumber> {
        let frame = FrameNumber(acknowledgement.frame);
        while self.awaited.front().is_some_and(|awaited| awaited.frame <= frame) {
            let Some(awaited) = self.awaited.pop_front() else {
                break;
            };
            let comparable = !matches!(self.peer, PeerSync::Bulk { .. } | PeerSync::None);
            let in_scope = !matches!(self.peer, PeerSync::Finishing { frame } if awaited.frame < frame);
            if awaited.frame == frame && comparable && in_scope && awaited.digest != acknowledgement.digest {
                return Err(frame);
            }
        }
        self.acknowledged = self.acknowledged.max(frame.min(self.last_closed));
        match self.peer {
            PeerSync::Finishing { frame: last } if frame >= last => {
                self.peer = PeerSync::InStep;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Whether the standby has kept us waiting for longer than the limit.
    pub fn stalled(&self, now: Instant) -> bool {
        self.stall_deadline().is_some_and(|(at, _)| at <= now)
    }

    fn stall_deadline(&self) -> Option<Deadline> {
        if !matches!(self.peer, PeerSync::InStep | PeerSync::Finishing { .. }) {
            return None;
        }
        let closed = self.awaited.front().map(|awaited| awaited.closed_at);
        let open = self.open.as_ref().map(|open| open.opened_at);
        let oldest = closed.or(open)?;
        Some((
            oldest + self.config.acknowledgement_stall_limit,
            "acknowledgement stall limit",
        ))
    }

    /// When `stalled` becomes true if nothing arrives. That work is held needs no waking up: who has work asks.
    pub fn next_deadline(&self) -> Option<Deadline> {
        self.stall_deadline()
    }

    /// The turn boundary: drains dirty rows and goes on with a bulk as far as `peer_room` bytes of the link allow,
    /// and closes the frame when nothing is dirty. `heartbeat` closes a frame even when it is empty, so that silence
    /// from the standby shows within the stall limit, and digests are compared all the time.
    pub fn turn_boundary(
        &mut self,
        now: Instant,
        tables: &mut dyn Tables,
        peer_room: usize,
        heartbeat: bool,
    ) -> Drained {
        let mut drained = Drained::default();
        // Without a peer nothing goes over the link, and its room is no limit.
        let room = if self.peer == PeerSync::None {
            usize::MAX
        } else {
            peer_room
        };
        let budget = room.min(self.config.turn_bytes_max);
        let clean = self.drain(now, tables, budget, &mut drained);
        let at_end = clean && self.bulk_has_work() && self.walk(now, tables, budget, &mut drained);
        let bulk_ends = at_end && self.walked.is_some();
        if clean && (self.open.is_some() || bulk_ends || heartbeat) {
            self.close(now, tables, bulk_ends, &mut drained);
        }
        if at_end && !bulk_ends {
            self.walked = Some(self.last_closed);
        }
        for chunk in &drained.to_peer {
            self.statistics.sent(chunk.rows.len());
        }
        self.statistics.frames += u64::from(drained.closed.is_some());
        let waits = !clean || (self.bulk_has_work() && !at_end);
        self.statistics
            .flow(waits && self.peer != PeerSync::None && peer_room < self.config.turn_bytes_max);
        drained
    }

    fn open_frame(&mut self, now: Instant) -> &mut OpenFrame {
        self.open.get_or_insert(OpenFrame {
            opened_at: now,
            peer_rows: 0,
        })
    }

    /// Drains within the budget; returns whether nothing is dirty any more.
    fn drain(&mut self, now: Instant, tables: &mut dyn Tables, budget: usize, drained: &mut Drained) -> bool {
        let frame = self.last_closed.next();
        let mut spent = 0usize;
        let mut clean = true;
        for (position, id) in tables.order().iter().enumerate() {
            let downloaded = tables.is_downloaded(*id);
            let Some(table) = tables.table_mut(*id) else {
                continue;
            };
            if table.dirty_rows() == 0 {
                continue;
            }
            self.open_frame(now);
            if spent >= budget {
                clean = false;
                break;
            }
            table.drain(frame, &mut |key, value| {
                spent += key.len() + value.map_or(0, <[u8]>::len) + 8;
                if downloaded {
                    self.card_rows.push(*id, key, value);
                    if self.card_rows.len() >= self.config.chunk_bytes {
                        drained.to_cards.push(self.card_rows.take());
                    }
                }
                self.queue_for_peer(frame, position, *id, key, value, drained);
                spent < budget
            });
            if table.dirty_rows() > 0 {
                clean = false;
                break;
            }
        }
        clean
    }

    /// Queues one drained row for the standby, unless a bulk under way will come by it anyway.
    fn queue_for_peer(
        &mut self,
        frame: FrameNumber,
        position: usize,
        id: TableId,
        key: &[u8],
        value: Option<&[u8]>,
        drained: &mut Drained,
    ) {
        let passed = match &self.peer {
            PeerSync::None => false,
            PeerSync::Bulk { table, after, .. } => {
                position < *table
                    || (position == *table && after.as_deref().is_some_and(|after| key <= after))
            }
            PeerSync::Finishing { .. } | PeerSync::InStep => true,
        };
        if !passed {
            return;
        }
        let before = self.peer_rows.len();
        self.peer_rows.push(id, key, value);
        let buffered = self.peer_rows.len();
        self.statistics
            .queued(id, 1, buffered - before, buffered, self.config.chunk_bytes);
        if let Some(open) = &mut self.open {
            open.peer_rows += 1;
        }
        if self.peer_rows.len() >= self.config.chunk_bytes {
            let rows = self.peer_rows.take();
            drained.to_peer.push(FrameChunk {
                frame: frame.0,
                rows,
                ..FrameChunk::default()
            });
        }
    }

    /// Goes on with the bulk within the budget; returns whether it came to its end now.
    fn walk(&mut self, now: Instant, tables: &mut dyn Tables, budget: usize, drained: &mut Drained) -> bool {
        let PeerSync::Bulk {
            mut table,
            mut after,
            begun,
        } = self.peer.clone()
        else {
            return false;
        };
        if budget == 0 {
            return false;
        }
        let frame = self.last_closed.next();
        self.open_frame(now);
        if !begun {
            let chunk = FrameChunk {
                frame: frame.0,
                bulk_begin: true,
                ..FrameChunk::default()
            };
            drained.to_peer.push(chunk);
        }
        let order = tables.order();
        let mut spent = 0usize;
        while let Some(id) = order.get(table)
            && spent < budget
        {
            let rows_before = self.peer_rows.rows();
            let bytes_before = self.peer_rows.len();
            let reached = tables
                .table(*id)
                .and_then(|rows| rows.walk(after.as_deref(), self.config.chunk_bytes, &mut self.peer_rows));
            spent += self.peer_rows.len() - bytes_before;
            let rows = self.peer_rows.rows() - rows_before;
            let buffered = self.peer_rows.len();
            self.statistics.queued(
                *id,
                rows.into(),
                buffered - bytes_before,
                buffered,
                self.config.chunk_bytes,
            );
            self.open_frame(now).peer_rows += rows;
            if self.peer_rows.len() >= self.config.chunk_bytes {
                let rows = self.peer_rows.take();
                drained.to_peer.push(FrameChunk {
                    frame: frame.0,
                    rows,
                    ..FrameChunk::default()
                });
            }
            match reached {
                Some(position) => after = Some(position),
                None => {
                    table += 1;
                    after = None;
                }
            }
        }
        let at_end = table == order.len();
        self.peer = PeerSync::Bulk {
            table,
            after,
            begun: true,
        };
        at_end
    }

    fn close(&mut self, now: Instant, tables: &dyn Tables, bulk_end: bool, drained: &mut Drained) {
        let frame = self.last_closed.next();
        let peer_rows = self.open.take().map_or(0, |open| open.peer_rows);
        self.last_closed = frame;
        drained.closed = Some(frame);
        if !self.card_rows.is_empty() {
            drained.to_cards.push(self.card_rows.take());
        }
        if self.peer == PeerSync::None {
            return;
        }
        if bulk_end {
            // The stall limit begins here; what was sent before had no limit.
            for awaited in &mut self.awaited {
                awaited.closed_at = now;
            }
            self.peer = PeerSync::Finishing { frame };
        }
        let complete = !matches!(self.peer, PeerSync::Bulk { .. });
        let digest = total_digest(tables, |_| true);
        drained.to_peer.push(FrameChunk {
            frame: frame.0,
            rows: self.peer_rows.take(),
            end: true,
            rows_in_frame: peer_rows,
            digest: complete.then_some(digest),
            bulk_begin: false,
            bulk_end,
        });
        self.awaited.push_back(Awaited {
            frame,
            closed_at: now,
            digest,
        });
    }
}
