//! Many deadlines, found by what they are for and by when they are due.

use ::machine::Instant;
use alloc::collections::{BTreeMap, BTreeSet};

/// At most one deadline for each key; all operations cost O(log keys).
#[derive(Clone, Debug)]
pub(super) struct Deadlines<K> {
    by_key: BTreeMap<K, Instant>,
    by_time: BTreeSet<(Instant, K)>,
}

impl<K: Ord + Copy> Deadlines<K> {
    pub(super) fn new() -> Self {
        Self {
            by_key: BTreeMap::new(),
            by_time: BTreeSet::new(),
        }
    }

    /// Sets the deadline of `key`, replacing an earlier setting.
    pub(super) fn set(&mut self, key: K, at: Instant) {
        self.stop(&key);
        self.by_key.insert(key, at);
        self.by_time.insert((at, key));
    }

    pub(super) fn stop(&mut self, key: &K) {
        if let Some(at) = self.by_key.remove(key) {
            self.by_time.remove(&(at, *key));
        }
    }

    /// Takes one key that is due at `now`, the earliest.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<K> {
        let (at, key) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.stop(&key);
        Some(key)
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<(Instant, K)> {
        self.by_time.first().copied()
    }
}
