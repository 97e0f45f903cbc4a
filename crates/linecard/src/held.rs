//! Downloaded rows: a value, the hash that it has in the digest, and the refresh that named it last.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Bound::{Excluded, Unbounded};

use machine::Generation;

/// What is remembered of a row that was replaced or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Its hash in the digest.
    pub hash: u64,
    /// The refresh that had named it last.
    pub generation: Generation,
}

#[derive(Clone, Debug)]
struct Row<V> {
    value: V,
    hash: u64,
    generation: Generation,
}

/// Rows by key, with a sweep of those that a refresh did not name.
#[derive(Clone, Debug)]
pub struct Held<K, V> {
    rows: BTreeMap<K, Row<V>>,
    /// How far the sweep has come; `None`: at the beginning.
    swept: Option<K>,
}

impl<K: Ord + Clone, V> Default for Held<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Ord + Clone, V> Held<K, V> {
    /// No rows.
    pub const fn new() -> Self {
        Self {
            rows: BTreeMap::new(),
            swept: None,
        }
    }

    /// The value under `key`.
    #[inline]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key).map(|row| &row.value)
    }

    /// Adds or replaces a row; returns what was there.
    pub fn insert(&mut self, key: K, value: V, hash: u64, generation: Generation) -> Option<(V, Replaced)> {
        self.rows
            .insert(
                key,
                Row {
                    value,
                    hash,
                    generation,
                },
            )
            .map(taken_apart)
    }

    /// Removes a row; returns it.
    pub fn remove(&mut self, key: &K) -> Option<(V, Replaced)> {
        self.rows.remove(key).map(taken_apart)
    }

    /// Goes on with the sweep: looks at no more than `budget` rows, and for each that `generation` did not refresh
    /// removes it and calls `gone` with the rows that are left.
    ///
    /// Returns how many rows it looked at. Fewer than `budget` means that it has reached the end and the next call
    /// starts anew.
    pub fn sweep(
        &mut self,
        generation: Generation,
        budget: usize,
        mut gone: impl FnMut(&Self, &K, V),
    ) -> usize {
        let from = self.swept.take().map_or(Unbounded, Excluded);
        let mut looked_at = 0;
        let mut last = None;
        let mut stale = Vec::new();
        for (key, row) in self.rows.range((from, Unbounded)).take(budget) {
            looked_at += 1;
            last = Some(key);
            if row.generation != generation {
                stale.push(key.clone());
            }
        }
        self.swept = last.filter(|_| looked_at == budget).cloned();
        for key in stale {
            if let Some(row) = self.rows.remove(&key) {
                gone(self, &key, row.value);
            }
        }
        looked_at
    }

    /// All rows, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter().map(|(key, row)| (key, &row.value))
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

fn taken_apart<V>(row: Row<V>) -> (V, Replaced) {
    (
        row.value,
        Replaced {
            hash: row.hash,
            generation: row.generation,
        },
    )
}
