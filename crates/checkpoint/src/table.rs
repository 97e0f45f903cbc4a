//! Tables of domain values whose every change is checkpointed.

use crate::message::TableDigest;
use crate::record::{Key, RecordError, Row, TableId, row_hash};
use crate::rows::RowWriter;
use crate::store::{Found, Store};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use machine::FrameNumber;
use prost::Message;

/// A secondary index, maintained by the same code on both route processors.
pub trait Index<K, V> {
    /// A row is there now.
    fn inserted(&mut self, key: &K, value: &V);
    /// A row is about to go, or to be replaced.
    fn removed(&mut self, key: &K, value: &V);
}

/// No secondary index.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoIndex;

impl<K, V> Index<K, V> for NoIndex {
    fn inserted(&mut self, _: &K, _: &V) {}
    fn removed(&mut self, _: &K, _: &V) {}
}

/// A change that waits for its frame's end: key, the value (`None`: removed), and the row's hash.
type Staged<K, V> = (K, Option<V>, u64);

/// The keys changed in recent frames, so that a card which missed a few frames gets just those rows.
#[derive(Clone, Debug)]
struct RecentChanges<K> {
    keys: VecDeque<(FrameNumber, K)>,
    /// The log holds every change of the frames after this one.
    complete_after: FrameNumber,
}

/// Rows a recent-change log holds before it forgets the oldest frame.
const RECENT_CHANGES_MAX: usize = 65_536;

impl<K: Clone> RecentChanges<K> {
    fn note(&mut self, frame: FrameNumber, key: &K) {
        self.keys.push_back((frame, key.clone()));
        while self.keys.len() > RECENT_CHANGES_MAX {
            if let Some((forgotten, _)) = self.keys.pop_front() {
                self.complete_after = self.complete_after.max(forgotten);
            }
        }
    }
}

/// A table of domain values. Every change marks its row dirty; the next frames carry the newest state of each.
///
/// `get`, `insert`, `remove` and `edit` cost O(log rows).
#[derive(Clone, Debug)]
pub struct Tracked<K, V, I = NoIndex> {
    id: TableId,
    rows: Store<K, V>,
    index: I,
    digest: u64,
    staged: Vec<Staged<K, V>>,
    /// Room for one encoded value.
    encoded: Vec<u8>,
    recent: Option<RecentChanges<K>>,
}

impl<K: Key, V: Row + PartialEq, I: Index<K, V> + Default> Tracked<K, V, I> {
    /// An empty table with the fixed number `id`.
    pub fn new(id: TableId) -> Self {
        Self {
            id,
            rows: Store::new(),
            index: I::default(),
            digest: 0,
            staged: Vec::new(),
            encoded: Vec::new(),
            recent: None,
        }
    }

    /// The same, with a log of recent changes: for tables that are downloaded to cards.
    pub fn with_recent_changes(id: TableId) -> Self {
        let recent = RecentChanges {
            keys: VecDeque::new(),
            complete_after: FrameNumber(0),
        };
        Self {
            recent: Some(recent),
            ..Self::new(id)
        }
    }

    /// The value under `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    /// Whether there is a value under `key`.
    pub fn contains_key(&self, key: &K) -> bool {
        self.rows.get(key).is_some()
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 0
    }

    /// All rows in key order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows.range(..)
    }

    /// The rows of a range of keys, in order.
    pub fn range(&self, range: impl core::ops::RangeBounds<K>) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows.range(range)
    }

    /// The secondary index.
    pub fn index(&self) -> &I {
        &self.index
    }

    /// Puts `value` under `key`. An equal value that is there already is no change.
    pub fn insert(&mut self, key: K, value: V) {
        self.replace(key, |_| Some(value));
    }

    /// Makes the row under `key` what `change` makes of it, seen once: `None` is no row. An equal value is no change.
    pub fn replace(&mut self, key: K, change: impl FnOnce(Option<&V>) -> Option<V>) {
        match self.rows.find(&key) {
            Ok(found) => match change(self.rows.at(found).value.as_ref()) {
                Some(value) => self.put(found, value),
                None => drop(self.take(found)),
            },
            Err(place) => {
                if let Some(value) = change(None) {
                    self.index.inserted(&key, &value);
                    let found = self.rows.insert(place, key, value, 0);
                    self.rows.mark(found);
                }
            }
        }
    }

    /// Removes the row under `key` and gives back its value.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let found = self.rows.find(key).ok()?;
        self.take(found)
    }

    /// Changes the value under `key` in place and gives back what `change` returns; `None` without such a row.
    /// Leaving the value as it was is no change.
    pub fn edit<R>(&mut self, key: &K, change: impl FnOnce(&mut V) -> R) -> Option<R> {
        let found = self.rows.find(key).ok()?;
        let mut value = self.rows.at(found).value.clone()?;
        let result = change(&mut value);
        self.put(found, value);
        Some(result)
    }

    /// The row that was found has this value from here on.
    fn put(&mut self, found: Found, value: V) {
        let slot = self.rows.at(found);
        if let Some(before) = &slot.value {
            if value == *before {
                return;
            }
            self.index.removed(&slot.key, before);
        }
        self.index.inserted(&slot.key, &value);
        self.rows.put(found, value);
        self.rows.mark(found);
    }

    fn take(&mut self, found: Found) -> Option<V> {
        let slot = self.rows.at(found);
        self.index.removed(&slot.key, slot.value.as_ref()?);
        self.rows.take(found)
    }

    /// Applies one staged change.
    fn apply(&mut self, frame: FrameNumber, (key, value, hash): Staged<K, V>) {
        if let Some(recent) = &mut self.recent {
            recent.note(frame, &key);
        }
        let found = self.rows.find(&key);
        if let Ok(found) = found {
            let slot = self.rows.at(found);
            if let Some(before) = &slot.value {
                self.index.removed(&key, before);
            }
            self.digest = self.digest.wrapping_sub(slot.hash);
        }
        if let Some(value) = &value {
            self.index.inserted(&key, value);
            self.digest = self.digest.wrapping_add(hash);
        }
        match (found, value) {
            (Ok(found), Some(value)) => {
                self.rows.put(found, value);
                self.rows.at_mut(found).hash = hash;
            }
            (Ok(found), None) => self.rows.forget(found),
            (Err(place), Some(value)) => drop(self.rows.insert(place, key, value, hash)),
            (Err(_), None) => {}
        }
    }
}

/// Appends the record of a value.
fn encode_value<V: Row>(value: &V, out: &mut Vec<u8>) {
    // Writing into a Vec cannot run out of room.
    value.to_record().encode(out).expect("a Vec grows");
}

/// Takes one drained row, its key and its value (`None`: removed); returns whether there is room for more.
pub type Emit<'a> = dyn FnMut(&[u8], Option<&[u8]>) -> bool + 'a;

/// A [`Tracked`] table without its types: what the two ends of the checkpoint facility need.
pub trait Table {
    /// The table's fixed number.
    fn id(&self) -> TableId;
    /// Number of rows.
    fn rows(&self) -> usize;
    /// Order-free digest of all rows as last encoded. It is the digest of the state when nothing is dirty.
    fn digest(&self) -> u64;
    /// Rows changed since they were last encoded.
    fn dirty_rows(&self) -> usize;
    /// Encodes dirty rows into `frame`, one `emit(key, value)` each, until none is left or `emit` returns false.
    fn drain(&mut self, frame: FrameNumber, emit: &mut Emit<'_>);
    /// Writes the rows after the position `after` (an encoded key; `None`: from the start), until `bytes_max` bytes
    /// are in `out`. Returns the position reached, or `None` when there is nothing after it.
    fn walk(&self, after: Option<&[u8]>, bytes_max: usize, out: &mut RowWriter) -> Option<Vec<u8>>;
    /// Takes a row in its byte form; it shows only after `commit`.
    ///
    /// # Errors
    /// When the bytes are no row of this table; nothing is staged then.
    fn stage(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), RecordError>;
    /// Applies all staged rows, in the order in which they came.
    fn commit(&mut self, frame: FrameNumber);
    /// Forgets all staged rows.
    fn discard(&mut self);
    /// Writes the current state of each row changed in a frame after `frame`. Returns false, and writes nothing, when
    /// the log of recent changes does not reach back that far.
    fn changed_since(&self, frame: FrameNumber, out: &mut RowWriter) -> bool;
    /// From here on this table's log of recent changes is complete for frames after `frame`: it was filled by a bulk.
    fn recent_changes_start(&mut self, frame: FrameNumber);
    /// Damages the stored hash of the first row, as a memory fault would, so that tests can see audits bite.
    /// Returns false without a row.
    fn corrupt_for_audit(&mut self) -> bool;
}

impl<K: Key, V: Row + PartialEq, I: Index<K, V> + Default> Table for Tracked<K, V, I> {
    fn id(&self) -> TableId {
        self.id
    }

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn digest(&self) -> u64 {
        self.digest
    }

    fn dirty_rows(&self) -> usize {
        self.rows.dirty_rows()
    }

    fn drain(&mut self, frame: FrameNumber, emit: &mut Emit<'_>) {
        let mut key_bytes = Vec::new();
        let mut value_bytes = Vec::new();
        let Self {
            id,
            rows,
            digest,
            recent,
            ..
        } = self;
        rows.drain(|slot| {
            key_bytes.clear();
            value_bytes.clear();
            slot.key.encode(&mut key_bytes);
            let seen_before = slot.hash != 0;
            *digest = digest.wrapping_sub(slot.hash);
            if let Some(value) = &slot.value {
                encode_value(value, &mut value_bytes);
                slot.hash = row_hash(*id, &key_bytes, &value_bytes);
                *digest = digest.wrapping_add(slot.hash);
            }
            // A row that came and went between two frames was never seen by anybody.
            if slot.value.is_none() && !seen_before {
                return true;
            }
            if let Some(recent) = recent {
                recent.note(frame, &slot.key);
            }
            emit(&key_bytes, slot.value.is_some().then_some(&value_bytes))
        });
    }

    fn walk(&self, after: Option<&[u8]>, bytes_max: usize, out: &mut RowWriter) -> Option<Vec<u8>> {
        use core::ops::Bound::{Excluded, Unbounded};
        let start = match after {
            // A position is a key that this table encoded itself.
            Some(bytes) => Excluded(K::decode(bytes).expect("a walk goes on from a key of its own table")),
            None => Unbounded,
        };
        let mut key_bytes = Vec::new();
        let mut value_bytes = Vec::new();
        for (key, value) in self.rows.range((start, Unbounded)) {
            key_bytes.clear();
            value_bytes.clear();
            key.encode(&mut key_bytes);
            encode_value(value, &mut value_bytes);
            out.push(self.id, &key_bytes, Some(&value_bytes));
            if out.len() >= bytes_max {
                return Some(key_bytes);
            }
        }
        None
    }

    fn stage(&mut self, key_bytes: &[u8], value_bytes: Option<&[u8]>) -> Result<(), RecordError> {
        let key = K::decode(key_bytes).ok_or(RecordError::Key(self.id))?;
        let (value, hash) = match value_bytes {
            None => (None, 0),
            Some(bytes) => {
                let record = V::Record::decode(bytes).map_err(|_| RecordError::Value(self.id, "record"))?;
                let value = V::from_record(record).map_err(|field| RecordError::Value(self.id, field))?;
                // The hash is of what was understood, not of what arrived: a field lost in decoding shows.
                self.encoded.clear();
                encode_value(&value, &mut self.encoded);
                (Some(value), row_hash(self.id, key_bytes, &self.encoded))
            }
        };
        self.staged.push((key, value, hash));
        Ok(())
    }

    fn commit(&mut self, frame: FrameNumber) {
        let mut staged = core::mem::take(&mut self.staged);
        for change in staged.drain(..) {
            self.apply(frame, change);
        }
        if staged.capacity() <= 4096 {
            self.staged = staged;
        }
    }

    fn discard(&mut self) {
        self.staged.clear();
    }

    fn changed_since(&self, frame: FrameNumber, out: &mut RowWriter) -> bool {
        let Some(recent) = &self.recent else { return false };
        if frame < recent.complete_after {
            return false;
        }
        let first = recent.keys.partition_point(|(changed, _)| *changed <= frame);
        let mut keys: Vec<&K> = recent.keys.range(first..).map(|(_, key)| key).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut key_bytes = Vec::new();
        for key in keys {
            key_bytes.clear();
            key.encode(&mut key_bytes);
            let value = self.rows.get(key).map(|value| value.to_record().encode_to_vec());
            out.push(self.id, &key_bytes, value.as_deref());
        }
        true
    }

    fn recent_changes_start(&mut self, frame: FrameNumber) {
        if let Some(recent) = &mut self.recent {
            recent.keys.clear();
            recent.complete_after = frame;
        }
    }

    fn corrupt_for_audit(&mut self) -> bool {
        let first = self.rows.range(..).next().map(|(key, _)| key.clone());
        let Some(Ok(found)) = first.map(|key| self.rows.find(&key)) else {
            return false;
        };
        let slot = self.rows.at_mut(found);
        slot.hash = slot.hash.wrapping_add(1);
        self.digest = self.digest.wrapping_add(1);
        true
    }
}

/// All tables of a route processor, in the order of their clients.
pub trait Tables {
    /// Calls `visit` for each table in order.
    fn each(&self, visit: &mut dyn FnMut(&dyn Table));
    /// Calls `visit` for each table in order.
    fn each_mut(&mut self, visit: &mut dyn FnMut(&mut dyn Table));
    /// The table with this number.
    fn table(&self, id: TableId) -> Option<&dyn Table>;
    /// The table with this number.
    fn table_mut(&mut self, id: TableId) -> Option<&mut dyn Table>;
    /// The numbers of all tables, in order.
    fn order(&self) -> &'static [TableId];
    /// Whether the rows of this table are downloaded to the cards.
    fn is_downloaded(&self, id: TableId) -> bool;
}

/// One digest over all tables that `select` takes.
pub fn total_digest(tables: &dyn Tables, select: impl Fn(TableId) -> bool) -> u64 {
    let mut total = 0u64;
    tables.each(&mut |table| {
        if select(table.id()) {
            total = total.wrapping_add(table.digest());
        }
    });
    total
}

/// The digest of each table, so that a difference can be named.
pub fn table_digests(tables: &dyn Tables) -> Vec<TableDigest> {
    let mut digests = Vec::new();
    tables.each(&mut |table| {
        digests.push(TableDigest {
            table: u32::from(table.id().0),
            digest: table.digest(),
            rows: table.rows() as u64,
        });
    });
    digests
}
