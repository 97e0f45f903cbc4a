//! The forwarding information base: for each prefix what to do, found by the longest match.
//!
//! ```text
//!   rows, ordered by prefix: what is there, its hash, its generation        lookup table (fast)
//!      10.0.0.0/8   ─▶ group 3                                      address ─▶ group
//!      10.1.0.0/16  ─▶ group 7         groups: 3 ─▶ via 1/0 192.0.2.2
//!                                               7 ─▶ via 0/0, 0/1
//! ```
//!
//! The ordered rows are the truth; they give the covering prefix when one is removed, and the order of the sweep.
//! The lookup table is derived from them at once, group by group number.

mod groups;
mod stride;

use core::fmt;

use chassis::rows::FibEntry;
use machine::Generation;
use packet::Prefix;

pub use groups::Groups;
pub use stride::{LookupFamily, StrideTable, VALUES_MAX};

use crate::held::{Held, Replaced};

/// More distinct treatments than the FIB has numbers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupsExhausted;

impl fmt::Display for GroupsExhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the FIB holds at most {VALUES_MAX} distinct next-hop groups")
    }
}

impl core::error::Error for GroupsExhausted {}

/// The FIB of one family.
#[derive(Clone, Debug)]
pub struct Fib<F: LookupFamily> {
    rows: Held<Prefix<F>, u32>,
    groups: Groups<F>,
    table: StrideTable<F>,
}

impl<F: LookupFamily> Default for Fib<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: LookupFamily> Fib<F> {
    /// An empty FIB.
    pub fn new() -> Self {
        Self {
            rows: Held::new(),
            groups: Groups::new(VALUES_MAX),
            table: StrideTable::new(),
        }
    }

    /// What to do with a packet to `address`; `None` without a route.
    #[inline]
    pub fn lookup(&self, address: F::Address) -> Option<&FibEntry<F>> {
        self.groups.get(self.table.lookup(address)?)
    }

    /// Adds or replaces the entry of `prefix`; returns the row that was there.
    ///
    /// `hash` is the row's hash in the download digest; `generation` the refresh that named it.
    ///
    /// # Errors
    /// [`GroupsExhausted`], and nothing is changed.
    pub fn insert(
        &mut self,
        prefix: Prefix<F>,
        entry: FibEntry<F>,
        hash: u64,
        generation: Generation,
    ) -> Result<Option<Replaced>, GroupsExhausted> {
        let group = self.groups.acquire(entry).ok_or(GroupsExhausted)?;
        match self.rows.insert(prefix, group, hash, generation) {
            None => {
                self.table.insert(prefix, group);
                Ok(None)
            }
            Some((old, replaced)) => {
                if old != group {
                    self.table.replace(prefix, group);
                }
                self.groups.release(old);
                Ok(Some(replaced))
            }
        }
    }

    /// Removes `prefix`; its covering prefix takes over. Returns the row that was there.
    pub fn remove(&mut self, prefix: Prefix<F>) -> Option<Replaced> {
        let (group, replaced) = self.rows.remove(&prefix)?;
        self.table.remove(prefix, covering(&self.rows, prefix));
        self.groups.release(group);
        Some(replaced)
    }

    /// The entry of exactly this prefix.
    pub fn get(&self, prefix: &Prefix<F>) -> Option<&FibEntry<F>> {
        self.groups.get(*self.rows.get(prefix)?)
    }

    /// Removes rows that `generation` did not refresh, looking at no more than `budget` rows; returns how many it
    /// looked at. Fewer than `budget` means that the end was reached.
    pub fn sweep(&mut self, generation: Generation, budget: usize) -> usize {
        let Self { rows, groups, table } = self;
        rows.sweep(generation, budget, |rows, prefix, group| {
            table.remove(*prefix, covering(rows, *prefix));
            groups.release(group);
        })
    }

    /// Number of prefixes.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no prefixes.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Number of distinct treatments.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Bytes held by the lookup table.
    pub fn table_bytes(&self) -> usize {
        self.table.memory_bytes()
    }
}

/// The longest prefix in `rows` that is shorter than `prefix` and around it, and its group.
fn covering<F: LookupFamily>(rows: &Held<Prefix<F>, u32>, prefix: Prefix<F>) -> Option<(u8, u32)> {
    let mut candidate = prefix.parent();
    while let Some(shorter) = candidate {
        if let Some(group) = rows.get(&shorter) {
            return Some((shorter.len(), *group));
        }
        candidate = shorter.parent();
    }
    None
}
