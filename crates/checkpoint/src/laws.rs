//! The two laws that every client is held to, as functions that a test calls with its tables.
//!
//! - Snapshot law: a bulk into an empty standby gives equal digests, table by table.
//! - Delta law: after every frame the digests are equal.
//!
//! A client is covered by being part of the [`Tables`] that the test passes in.

use crate::active::{ActiveEnd, ActiveEndConfig, Drained, PeerSync};
use crate::standby::StandbyEnd;
use crate::table::{Tables, table_digests};
use alloc::format;
use alloc::string::String;
use machine::{FrameNumber, Instant};

/// An active and a standby set of tables, joined by their two ends and a link without delay.
#[derive(Debug)]
pub struct Pair<T> {
    /// The active's tables: edit these, then call [`Pair::turn`].
    pub active: T,
    /// The standby's tables.
    pub standby: T,
    /// The active's end.
    pub active_end: ActiveEnd,
    /// The standby's end.
    pub standby_end: StandbyEnd,
    empty: fn() -> T,
    now: Instant,
}

/// Turn boundaries after which a bulk that has not ended is a failure.
const BULK_TURNS_MAX: u32 = 1_000_000;

impl<T: Tables> Pair<T> {
    /// Joins `active` with an empty standby; nothing was sent yet.
    pub fn new(active: T, empty: fn() -> T) -> Self {
        let config = ActiveEndConfig {
            chunk_bytes: 512,
            turn_bytes_max: 2048,
            ..ActiveEndConfig::default()
        };
        let mut active_end = ActiveEnd::new(config, FrameNumber(0));
        active_end.peer_connected();
        Self {
            active,
            standby: empty(),
            active_end,
            standby_end: StandbyEnd::new(),
            empty,
            now: Instant::ZERO,
        }
    }

    /// One turn boundary with `room` bytes of link: what was drained is committed and acknowledged at once.
    ///
    /// # Errors
    /// What the standby or the active found wrong, in words.
    pub fn turn(&mut self, room: usize) -> Result<Drained, String> {
        self.now += machine::Duration::from_millis(1);
        let drained = self
            .active_end
            .turn_boundary(self.now, &mut self.active, room, false);
        for chunk in &drained.to_peer {
            if chunk.bulk_begin {
                self.standby = (self.empty)();
            }
            let committed = self
                .standby_end
                .chunk(&mut self.standby, chunk)
                .map_err(|error| format!("standby: {error}"))?;
            if let Some(committed) = committed {
                self.active_end
                    .acknowledge(&committed.acknowledgement)
                    .map_err(|frame| format!("active: digest of frame {frame} differs"))?;
            }
        }
        if self.standby_end.in_step() && drained.closed.is_some() {
            self.compare()?;
        }
        Ok(drained)
    }

    /// Runs turn boundaries until the standby is in step and nothing is dirty.
    ///
    /// # Errors
    /// As [`Pair::turn`], or that the bulk does not end.
    pub fn settle(&mut self) -> Result<(), String> {
        for _ in 0..BULK_TURNS_MAX {
            self.turn(usize::MAX)?;
            let mut dirty = 0;
            self.active.each(&mut |table| dirty += table.dirty_rows());
            if dirty == 0 && *self.active_end.peer() == PeerSync::InStep {
                return self.compare();
            }
        }
        Err(String::from("the bulk does not end"))
    }

    /// Compares both sides table by table.
    ///
    /// # Errors
    /// Names the first table that differs.
    pub fn compare(&self) -> Result<(), String> {
        let (active, standby) = (table_digests(&self.active), table_digests(&self.standby));
        match active.iter().zip(&standby).find(|(a, s)| a != s) {
            Some((a, s)) => Err(format!("table {} differs: active {a:?}, standby {s:?}", a.table)),
            None => Ok(()),
        }
    }
}

/// Snapshot law: everything that `active` holds arrives in an empty standby.
///
/// # Errors
/// What differs, in words.
pub fn snapshot_law<T: Tables>(active: T, empty: fn() -> T) -> Result<Pair<T>, String> {
    let mut pair = Pair::new(active, empty);
    pair.settle()?;
    Ok(pair)
}

/// Delta law: after each of `edits`, applied one turn at a time with the link room that it brings along, the two
/// sides agree at every frame end, whether the bulk has ended by then or not.
///
/// # Errors
/// What differs, in words.
pub fn delta_law<T: Tables>(
    active: T,
    empty: fn() -> T,
    edits: impl IntoIterator<Item = (usize, alloc::boxed::Box<dyn FnOnce(&mut T)>)>,
) -> Result<Pair<T>, String> {
    let mut pair = Pair::new(active, empty);
    for (room, edit) in edits {
        edit(&mut pair.active);
        pair.turn(room)?;
    }
    pair.settle()?;
    Ok(pair)
}
