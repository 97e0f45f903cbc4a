//! Longest-prefix match by indexing: DIR-24-8 for IPv4, the same with more steps for IPv6.
//!
//! A table is a tree of flat arrays. Each level consumes a fixed number of address bits (its stride) and holds one
//! word for each value that those bits can have. A prefix is written into every slot that it covers ("expanded") at
//! the level in which it ends.
//!
//! ```text
//!   10.1.2.3 = 0000101000 00000100000010 00000011
//!              '-- 10 --' '----- 14 ---' '-- 8 -'
//!     root[40] ──▶ chunk[258] ──▶ block[3] ──▶ value        DIR-24-8: 10 + 14 bits are its first table
//!         │             └─ leaf: no prefix longer than /24 in here
//!         └─ leaf: no prefix longer than /10 in here
//! ```
//!
//! The first table of DIR-24-8 is 64 MiB; cutting it after 10 bits lets chunks appear with their first prefix, so an
//! empty table takes 4 KiB. An IPv4 lookup reads at most three words.
//!
//! A slot remembers the length of the prefix that filled it. Inserting overwrites shorter ones only; removing
//! replaces slots of exactly that length by the covering prefix, which the owner of the table knows.

use alloc::vec;
use alloc::vec::Vec;
use core::marker::PhantomData;

use packet::{Address, Family, Prefix, V4, V6};

/// A family with strides for its lookup table.
pub trait LookupFamily: Family {
    /// Bits consumed at each level, from the root; their sum is the family's width.
    const STRIDES: &'static [u8];
}

impl LookupFamily for V4 {
    const STRIDES: &'static [u8] = &[10, 14, 8];
}

impl LookupFamily for V6 {
    const STRIDES: &'static [u8] = &[8; 16];
}

/// Values are below this: what is left of a slot beside the flag and the length.
pub const VALUES_MAX: u32 = 1 << VALUE_BITS;

const VALUE_BITS: u32 = 23;
const CHILD: u32 = 1 << 31;
/// No prefix but perhaps the default covers this slot.
const EMPTY: u32 = 0;

/// A slot's word: nothing, a prefix's length and value, or the number of a node one level down.
///
/// | bit 31 | bits 30..23 | bits 22..0 |
/// | --- | --- | --- |
/// | 0 | length + 1, 0 for an empty slot | value |
/// | 1 | node number, bits 30..0 | |
const fn leaf(length: u8, value: u32) -> u32 {
    (length as u32 + 1) << VALUE_BITS | value
}

/// Length + 1 of a leaf, 0 of an empty slot.
const fn leaf_rank(word: u32) -> u32 {
    word >> VALUE_BITS
}

/// All nodes of one level in one array, so that a step costs one read.
#[derive(Clone, Debug, Default)]
struct Level {
    slots: Vec<u32>,
    /// For each node, the prefixes that end in it or below it. At 0 all its slots are equal and it can go.
    prefixes: Vec<u32>,
    free: Vec<u32>,
}

/// A longest-prefix match from prefixes to numbers below [`VALUES_MAX`].
#[derive(Clone, Debug)]
pub struct StrideTable<F: LookupFamily> {
    levels: Vec<Level>,
    /// The default route's value, kept aside: it would fill every slot, and it is the one that changes most.
    default: Option<u32>,
    family: PhantomData<F>,
}

impl<F: LookupFamily> Default for StrideTable<F> {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a prefix ends: the nodes on the way to it, and the slots that it fills in the last of them.
struct Place {
    level: usize,
    node: u32,
    first: usize,
    count: usize,
}

impl<F: LookupFamily> StrideTable<F> {
    /// A table without prefixes.
    pub fn new() -> Self {
        let levels = vec![Level::default(); F::STRIDES.len()];
        let mut table = Self {
            levels,
            default: None,
            family: PhantomData,
        };
        // The root is never freed: its count starts at one.
        let root = table.allocate(0, EMPTY);
        table.levels[0].prefixes[root as usize] = 1;
        table
    }

    /// The value of the longest prefix that holds `address`.
    #[inline]
    pub fn lookup(&self, address: F::Address) -> Option<u32> {
        let mut key = address.to_key();
        let mut node = 0usize;
        for (level, stride) in self.levels.iter().zip(F::STRIDES) {
            let index = (key >> (128 - u32::from(*stride))) as usize;
            let word = level.slots[node << stride | index];
            if word & CHILD == 0 {
                return if word == EMPTY {
                    self.default
                } else {
                    Some(word & (VALUES_MAX - 1))
                };
            }
            node = (word & !CHILD) as usize;
            key <<= stride;
        }
        // The last level holds no children.
        None
    }

    /// Adds `prefix`, which is not in the table, with `value`.
    ///
    /// # Panics
    /// When `value` is not below [`VALUES_MAX`].
    pub fn insert(&mut self, prefix: Prefix<F>, value: u32) {
        assert!(value < VALUES_MAX, "a value fits its slot");
        if prefix.is_default() {
            self.default = Some(value);
            return;
        }
        let place = self.descend(prefix, 1);
        self.fill(&place, leaf(prefix.len(), value), |rank| {
            rank <= u32::from(prefix.len())
        });
    }

    /// Changes the value of `prefix`, which is in the table.
    ///
    /// # Panics
    /// When `value` is not below [`VALUES_MAX`].
    pub fn replace(&mut self, prefix: Prefix<F>, value: u32) {
        assert!(value < VALUES_MAX, "a value fits its slot");
        if prefix.is_default() {
            self.default = Some(value);
            return;
        }
        let place = self.descend(prefix, 0);
        let rank = u32::from(prefix.len()) + 1;
        self.fill(&place, leaf(prefix.len(), value), |old| old == rank);
    }

    /// Removes `prefix`, which is in the table; `covering` is the longest shorter prefix around it and its value.
    pub fn remove(&mut self, prefix: Prefix<F>, covering: Option<(u8, u32)>) {
        if prefix.is_default() {
            self.default = None;
            return;
        }
        let place = self.descend(prefix, 0);
        let rank = u32::from(prefix.len()) + 1;
        let covering = covering.filter(|(length, _)| *length > 0);
        let word = covering.map_or(EMPTY, |(length, value)| leaf(length, value));
        self.fill(&place, word, |old| old == rank);
        self.uncount(prefix);
    }

    /// Bytes held for slots, for `show` and for tests of the bound.
    pub fn memory_bytes(&self) -> usize {
        self.levels
            .iter()
            .map(|level| level.slots.capacity() * size_of::<u32>())
            .sum()
    }

    /// A node of `level` whose slots all hold `word`.
    fn allocate(&mut self, level: usize, word: u32) -> u32 {
        let size = 1usize << F::STRIDES[level];
        let Level {
            slots,
            prefixes,
            free,
        } = &mut self.levels[level];
        match free.pop() {
            Some(node) => {
                let start = node as usize * size;
                slots[start..start + size].fill(word);
                node
            }
            None => {
                slots.resize(slots.len() + size, word);
                prefixes.push(0);
                (prefixes.len() - 1) as u32
            }
        }
    }

    /// Walks to the level in which `prefix` ends, making nodes on the way, and adds `count` to each node's count.
    fn descend(&mut self, prefix: Prefix<F>, count: u32) -> Place {
        let mut key = prefix.network().to_key();
        let mut length = u32::from(prefix.len());
        let mut node = 0u32;
        let mut level = 0;
        loop {
            let stride = u32::from(F::STRIDES[level]);
            let index = (key >> (128 - stride)) as usize;
            self.levels[level].prefixes[node as usize] += count;
            if length <= stride {
                return Place {
                    level,
                    node,
                    first: index,
                    count: 1 << (stride - length),
                };
            }
            let slot = (node as usize) << stride | index;
            let word = self.levels[level].slots[slot];
            node = if word & CHILD != 0 {
                word & !CHILD
            } else {
                let child = self.allocate(level + 1, word);
                self.levels[level].slots[slot] = CHILD | child;
                child
            };
            key <<= stride;
            length -= stride;
            level += 1;
        }
    }

    /// Writes `word` into every slot at or below `place` whose leaf's rank `overwrites` accepts.
    fn fill(&mut self, place: &Place, word: u32, overwrites: impl Fn(u32) -> bool + Copy) {
        let base = (place.node as usize) << F::STRIDES[place.level];
        for slot in base + place.first..base + place.first + place.count {
            let old = self.levels[place.level].slots[slot];
            if old & CHILD != 0 {
                let below = Place {
                    level: place.level + 1,
                    node: old & !CHILD,
                    first: 0,
                    count: 1 << F::STRIDES[place.level + 1],
                };
                self.fill(&below, word, overwrites);
            } else if overwrites(leaf_rank(old)) {
                self.levels[place.level].slots[slot] = word;
            }
        }
    }

    /// Takes a removed prefix out of the counts on its way; a node without prefixes is folded into its parent.
    fn uncount(&mut self, prefix: Prefix<F>) {
        let mut key = prefix.network().to_key();
        let mut length = u32::from(prefix.len());
        let mut node = 0u32;
        let mut parent_slot = None;
        for (level, stride) in F::STRIDES.iter().enumerate() {
            self.levels[level].prefixes[node as usize] -= 1;
            if self.levels[level].prefixes[node as usize] == 0
                && let Some(parent_slot) = parent_slot
            {
                // Whatever covers it fills all of it. Nodes further down held only this prefix too.
                let uniform = self.release_below(level, node);
                self.levels[level - 1].slots[parent_slot] = uniform;
                return;
            }
            let stride = u32::from(*stride);
            if length <= stride {
                return;
            }
            let slot = (node as usize) << stride | (key >> (128 - stride)) as usize;
            parent_slot = Some(slot);
            node = self.levels[level].slots[slot] & !CHILD;
            key <<= stride;
            length -= stride;
        }
    }

    /// Frees a node without prefixes and the chain of such nodes under it; returns the leaf that fills them all.
    fn release_below(&mut self, level: usize, node: u32) -> u32 {
        let size = 1usize << F::STRIDES[level];
        let start = node as usize * size;
        let slots = &self.levels[level].slots[start..start + size];
        let child = slots.iter().copied().find(|word| word & CHILD != 0);
        let uniform = match child {
            Some(word) => self.release_below(level + 1, word & !CHILD),
            None => slots[0],
        };
        self.levels[level].prefixes[node as usize] = 0;
        self.levels[level].free.push(node);
        uniform
    }
}
