//! Where a table keeps its rows: in slots, found by key through an ordered index, and drained in the order in which
//! they were changed.
//!
//! Rows that are new together are side by side, so draining what a turn has changed reads memory in order, however
//! the keys are spread. A row that was removed keeps its slot until that has been drained.

use crate::sorted::{Place, Range, SortedMap};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::RangeBounds;

/// Slots of one allocation: a table grows without moving its rows.
const CHUNK: usize = 1024;

/// A row.
#[derive(Clone, Debug)]
pub(crate) struct Slot<K, V> {
    pub key: K,
    /// `None`: removed, and not drained yet.
    pub value: Option<V>,
    /// Hash of its last encoding, which the digest holds (0: never encoded).
    pub hash: u64,
    is_dirty: bool,
}

/// Where a key was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    place: Place,
    slot: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Store<K, V> {
    slots_by_key: SortedMap<K, u32>,
    chunks: Vec<Vec<Option<Slot<K, V>>>>,
    free: Vec<u32>,
    /// Slots changed since they were last drained, the longest waiting first.
    dirty: VecDeque<u32>,
    rows: usize,
}

impl<K: Ord + Clone, V> Store<K, V> {
    pub fn new() -> Self {
        Self {
            slots_by_key: SortedMap::new(),
            chunks: Vec::new(),
            free: Vec::new(),
            dirty: VecDeque::new(),
            rows: 0,
        }
    }

    /// Number of rows, without those that are removed.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Number of rows that wait to be drained, removed ones too.
    pub fn dirty_rows(&self) -> usize {
        self.dirty.len()
    }

    /// Where the row under `key` is, removed or not; or else where it would be.
    pub fn find(&self, key: &K) -> Result<Found, Place> {
        let place = self.slots_by_key.find(key)?;
        let slot = *self.slots_by_key.at(place).1;
        Ok(Found { place, slot })
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        let found = self.find(key).ok()?;
        self.at(found).value.as_ref()
    }

    fn slot(&self, number: u32) -> Option<&Slot<K, V>> {
        let number = number as usize;
        self.chunks.get(number / CHUNK)?[number % CHUNK].as_ref()
    }

    fn slot_mut(&mut self, number: u32) -> &mut Option<Slot<K, V>> {
        let number = number as usize;
        &mut self.chunks[number / CHUNK][number % CHUNK]
    }

    pub fn at(&self, found: Found) -> &Slot<K, V> {
        self.slot(found.slot).expect("a found row has a slot")
    }

    pub fn at_mut(&mut self, found: Found) -> &mut Slot<K, V> {
        let slot = self.slot_mut(found.slot).as_mut();
        slot.expect("a found row has a slot")
    }

    /// Puts a value where `find` has found a row; it does not become dirty by that.
    pub fn put(&mut self, found: Found, value: V) -> Option<V> {
        let before = self.at_mut(found).value.replace(value);
        self.rows += usize::from(before.is_none());
        before
    }

    /// Inserts a row where `find` has found none.
    pub fn insert(&mut self, place: Place, key: K, value: V, hash: u64) -> Found {
        let slot = Slot {
            key: key.clone(),
            value: Some(value),
            hash,
            is_dirty: false,
        };
        let number = match self.free.pop() {
            Some(number) => {
                *self.slot_mut(number) = Some(slot);
                number
            }
            None => self.push(slot),
        };
        self.slots_by_key.insert_at(place, key, number);
        self.rows += 1;
        Found { place, slot: number }
    }

    fn push(&mut self, slot: Slot<K, V>) -> u32 {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            // A table of a few rows is to stay small.
            let most = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(most));
        }
        let before = (self.chunks.len() - 1) * CHUNK;
        let chunk = self.chunks.last_mut().expect("one was just made");
        chunk.push(Some(slot));
        u32::try_from(before + chunk.len() - 1).expect("memory ends before slots do")
    }

    /// Marks a row as changed. What `found` says of its slot outlasts insertions.
    pub fn mark(&mut self, found: Found) {
        let slot = self.at_mut(found);
        if !slot.is_dirty {
            slot.is_dirty = true;
            self.dirty.push_back(found.slot);
        }
    }

    /// Removes a row; its slot stays, dirty, until it is drained.
    pub fn take(&mut self, found: Found) -> Option<V> {
        let value = self.at_mut(found).value.take()?;
        self.rows -= 1;
        self.mark(found);
        Some(value)
    }

    /// Removes a row without a trace.
    pub fn forget(&mut self, found: Found) {
        self.slots_by_key.remove_at(found.place);
        self.free.push(found.slot);
        let slot = self.slot_mut(found.slot).take();
        self.rows -= usize::from(slot.is_some_and(|slot| slot.value.is_some()));
    }

    /// Shows dirty rows to `visit`, which makes them clean, until none is left or `visit` returns false.
    pub fn drain(&mut self, mut visit: impl FnMut(&mut Slot<K, V>) -> bool) {
        while let Some(number) = self.dirty.pop_front() {
            let Some(slot) = self.slot_mut(number).as_mut().filter(|slot| slot.is_dirty) else {
                continue;
            };
            slot.is_dirty = false;
            let goes_on = visit(slot);
            if slot.value.is_none() {
                let key = slot.key.clone();
                if let Ok(found) = self.find(&key) {
                    self.forget(found);
                }
            }
            if !goes_on {
                return;
            }
        }
    }

    /// The rows of a range of keys, in order.
    pub fn range(&self, range: impl RangeBounds<K>) -> Rows<'_, K, V> {
        Rows {
            slots: self.slots_by_key.range(range),
            store: self,
        }
    }
}

/// Rows in the order of their keys.
pub(crate) struct Rows<'a, K, V> {
    slots: Range<'a, K, u32>,
    store: &'a Store<K, V>,
}

impl<'a, K: Ord + Clone, V> Rows<'a, K, V> {
    fn row(&self, number: u32) -> Option<(&'a K, &'a V)> {
        let slot = self.store.slot(number)?;
        Some((&slot.key, slot.value.as_ref()?))
    }
}

impl<'a, K: Ord + Clone, V> Iterator for Rows<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (_, number) = self.slots.next()?;
            if let Some(row) = self.row(*number) {
                return Some(row);
            }
        }
    }
}

impl<K: Ord + Clone, V> DoubleEndedIterator for Rows<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            let (_, number) = self.slots.next_back()?;
            if let Some(row) = self.row(*number) {
                return Some(row);
            }
        }
    }
}
