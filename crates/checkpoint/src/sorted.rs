//! An ordered map for tables of a million rows: three levels of wide nodes.
//!
//! ```text
//!   map       [ first key of each branch ]     at most a few hundred: always in the processor's cache
//!   branch    [ first key of each leaf   ]     up to 256 leaves
//!   leaf      [ rows ]                         up to 32, side by side
//! ```
//!
//! A search halves its way down to a leaf and then looks at every key there: those come from memory that is not near, and
//! asked for all at once they arrive together, where halving would wait for one after the other. With `n` rows it costs
//! O(log n); inserting a leaf's worth of rows moves one branch, a branch's worth the list of branches.

use alloc::vec::Vec;
use core::cell::Cell;
use core::ops::{Bound, RangeBounds};

/// Most rows of a leaf.
const LEAF_ROWS_MAX: usize = 32;
/// Rows that a leaf makes room for at once, so that it wastes little.
const LEAF_GROWTH: usize = 8;
/// A leaf with fewer rows joins a neighbour.
const LEAF_ROWS_FEW: usize = 8;
/// Most leaves of a branch.
const BRANCH_LEAVES_MAX: usize = 256;
/// A branch with fewer leaves joins a neighbour.
const BRANCH_LEAVES_FEW: usize = 64;

/// Rows side by side, sorted by key.
type Leaf<K, V> = Vec<(K, V)>;

fn leaf_of<K, V>(key: K, value: V) -> Leaf<K, V> {
    let mut leaf = Vec::with_capacity(LEAF_GROWTH);
    leaf.push((key, value));
    leaf
}

fn insert_row<K, V>(leaf: &mut Leaf<K, V>, row: usize, key: K, value: V) {
    if leaf.len() == leaf.capacity() {
        leaf.reserve_exact(LEAF_GROWTH);
    }
    leaf.insert(row, (key, value));
}

/// Leaves side by side. `firsts[n]` is no higher than any key of leaf `n` and higher than any key before it, but for
/// the first of all, of which nothing is asked.
#[derive(Clone, Debug)]
struct Branch<K, V> {
    firsts: Vec<K>,
    leaves: Vec<Leaf<K, V>>,
}

impl<K, V> Branch<K, V> {
    fn split_off(&mut self, leaf: usize) -> Self {
        Self {
            firsts: self.firsts.split_off(leaf),
            leaves: self.leaves.split_off(leaf),
        }
    }

    fn append(&mut self, mut right: Self) {
        self.firsts.append(&mut right.firsts);
        self.leaves.append(&mut right.leaves);
    }

    /// Joins a leaf that has become small with a neighbour, or takes it out when it has become empty.
    fn tidy(&mut self, leaf: usize) {
        let rows = self.leaves[leaf].len();
        if rows == 0 && self.leaves.len() == 1 {
            self.firsts.clear();
            self.leaves.clear();
            return;
        }
        let fits = |other: usize| {
            let others = self.leaves.get(other).map(Vec::len);
            others.is_some_and(|others| rows == 0 || others + rows <= LEAF_ROWS_MAX - LEAF_GROWTH)
        };
        let left = match leaf.checked_sub(1) {
            Some(left) if fits(left) => left,
            _ if fits(leaf + 1) => leaf,
            _ => return,
        };
        self.firsts.remove(left + 1);
        let mut right = self.leaves.remove(left + 1);
        self.leaves[left].append(&mut right);
    }
}

/// Where a row is, or would be. Stays valid until a row is inserted or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    branch: usize,
    leaf: usize,
    row: usize,
}

/// An ordered map of many rows.
#[derive(Clone, Debug)]
pub struct SortedMap<K, V> {
    firsts: Vec<K>,
    branches: Vec<Branch<K, V>>,
    rows: usize,
    /// The place that was found last: what is looked for next is often the same, or near.
    last: Cell<Place>,
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self {
            firsts: Vec::new(),
            branches: Vec::new(),
            rows: 0,
            last: Cell::new(Place {
                branch: 0,
                leaf: 0,
                row: 0,
            }),
        }
    }
}

/// The node that `key` belongs to, by the first keys of all.
#[inline]
fn position<K: Ord>(firsts: &[K], key: &K) -> usize {
    firsts
        .partition_point(|first| first.cmp(key).is_le())
        .saturating_sub(1)
}

/// Whether `key`, which lies between the ends of these rows, is there at `row` or belongs before it.
#[inline]
fn is_place_of<K: Ord, V>(rows: &[(K, V)], row: usize, key: &K) -> bool {
    let is_before = |at: usize| rows.get(at).is_some_and(|(each, _)| each.cmp(key).is_lt());
    let is_behind = rows.get(row).is_some_and(|(each, _)| each.cmp(key).is_ge());
    is_behind && (row == 0 || is_before(row - 1))
}

#[inline]
fn found<K: Ord, V>(rows: &[(K, V)], place: Place, key: &K) -> Result<Place, Place> {
    match rows.get(place.row) {
        Some((each, _)) if each.cmp(key).is_eq() => Ok(place),
        _ => Err(place),
    }
}

impl<K: Ord + Clone, V> SortedMap<K, V> {
    /// No rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Where the row under `key` is.
    ///
    /// # Errors
    /// Where it would be, when there is none.
    pub fn find(&self, key: &K) -> Result<Place, Place> {
        let last = self.last.get();
        let rows = self.leaf(last);
        let holds =
            |((first, _), (end, _)): (&(K, V), &(K, V))| first.cmp(key).is_le() && key.cmp(end).is_le();
        let is_near = rows.first().zip(rows.last()).is_some_and(holds);
        if is_near && is_place_of(rows, last.row, key) {
            return found(rows, last, key);
        }
        let (branch, leaf) = if is_near {
            (last.branch, last.leaf)
        } else {
            let branch = position(&self.firsts, key);
            let leaves = self.branches.get(branch);
            (branch, leaves.map_or(0, |leaves| position(&leaves.firsts, key)))
        };
        let mut place = Place { branch, leaf, row: 0 };
        let rows = self.leaf(place);
        place.row = rows
            .iter()
            .map(|(each, _)| usize::from(each.cmp(key).is_lt()))
            .sum();
        self.last.set(place);
        found(rows, place, key)
    }

    /// The rows of a place's leaf; none when there is no such leaf any more.
    #[inline]
    fn leaf(&self, place: Place) -> &[(K, V)] {
        let branch = self.branches.get(place.branch);
        let leaf = branch.and_then(|branch| branch.leaves.get(place.leaf));
        leaf.map_or(&[], |leaf| leaf)
    }

    /// The row at a place that [`SortedMap::find`] has found.
    pub fn at(&self, place: Place) -> (&K, &V) {
        let (key, value) = &self.branches[place.branch].leaves[place.leaf][place.row];
        (key, value)
    }

    /// The same, to be changed.
    pub fn at_mut(&mut self, place: Place) -> (&K, &mut V) {
        let (key, value) = &mut self.branches[place.branch].leaves[place.leaf][place.row];
        (key, value)
    }

    /// The value under `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.find(key).ok().map(|place| self.at(place).1)
    }

    /// The value under `key`, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.find(key).ok().map(|place| self.at_mut(place).1)
    }

    /// Whether there is a row under `key`.
    pub fn contains_key(&self, key: &K) -> bool {
        self.find(key).is_ok()
    }

    /// Puts `value` under `key`; returns what was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(place) => Some(core::mem::replace(self.at_mut(place).1, value)),
            Err(place) => {
                self.insert_at(place, key, value);
                None
            }
        }
    }

    /// The value under `key`, to be changed; `value` is put there when there is none.
    fn get_or_insert(&mut self, key: K, value: V) -> &mut V {
        let place = match self.find(&key) {
            Ok(place) => place,
            Err(place) => {
                self.insert_at(place, key.clone(), value);
                // A full leaf is split: the row may be elsewhere.
                self.find(&key).expect("a row that was just inserted")
            }
        };
        self.at_mut(place).1
    }

    /// Removes the row under `key`; returns what was there.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.find(key).ok().map(|place| self.remove_at(place))
    }

    /// Inserts a row where [`SortedMap::find`] has said that it would be.
    pub fn insert_at(&mut self, place: Place, key: K, value: V) {
        self.rows += 1;
        let Place {
            branch: at,
            leaf,
            row,
        } = place;
        let is_last = at + 1 == self.branches.len();
        let Some(branch) = self.branches.get_mut(at) else {
            self.firsts.push(key.clone());
            self.branches.push(Branch {
                firsts: Vec::from([key.clone()]),
                leaves: Vec::from([leaf_of(key, value)]),
            });
            return;
        };
        let is_last = is_last && leaf + 1 == branch.leaves.len();
        let rows = &mut branch.leaves[leaf];
        if rows.len() < LEAF_ROWS_MAX {
            insert_row(rows, row, key, value);
            return;
        }
        // A table that is filled in order has full leaves and branches.
        let appends = is_last && row == LEAF_ROWS_MAX;
        let right = if appends {
            leaf_of(key, value)
        } else {
            const HALF: usize = LEAF_ROWS_MAX / 2;
            let mut right = rows.split_off(HALF);
            rows.shrink_to(HALF + LEAF_GROWTH);
            match row.checked_sub(HALF) {
                Some(row) if row > 0 => insert_row(&mut right, row, key, value),
                _ => insert_row(rows, row, key, value),
            }
            right
        };
        branch.firsts.insert(leaf + 1, right[0].0.clone());
        branch.leaves.insert(leaf + 1, right);
        if branch.leaves.len() > BRANCH_LEAVES_MAX {
            let right = branch.split_off(match appends {
                true => BRANCH_LEAVES_MAX,
                false => BRANCH_LEAVES_MAX / 2,
            });
            self.firsts.insert(at + 1, right.firsts[0].clone());
            self.branches.insert(at + 1, right);
        }
    }

    /// Removes the row at a place that [`SortedMap::find`] has found.
    pub fn remove_at(&mut self, place: Place) -> V {
        self.rows -= 1;
        let branch = &mut self.branches[place.branch];
        let (_, value) = branch.leaves[place.leaf].remove(place.row);
        if branch.leaves[place.leaf].len() < LEAF_ROWS_FEW {
            branch.tidy(place.leaf);
            if branch.leaves.len() < BRANCH_LEAVES_FEW {
                self.tidy(place.branch);
            }
        }
        value
    }

    /// Joins a branch that has become small with a neighbour, or takes it out when it has become empty.
    fn tidy(&mut self, at: usize) {
        let leaves = self.branches[at].leaves.len();
        if leaves == 0 {
            self.firsts.remove(at);
            self.branches.remove(at);
            return;
        }
        let fits = |other: usize| {
            let others = self.branches.get(other).map(|branch| branch.leaves.len());
            others.is_some_and(|others| others + leaves <= BRANCH_LEAVES_MAX - BRANCH_LEAVES_FEW)
        };
        let left = match at.checked_sub(1) {
            Some(left) if fits(left) => left,
            _ if fits(at + 1) => at,
            _ => return,
        };
        let first = self.firsts.remove(left + 1);
        let mut right = self.branches.remove(left + 1);
        // Nothing was asked of it while it was a branch's first.
        right.firsts[0] = first;
        self.branches[left].append(right);
    }

    /// All rows in order.
    pub fn iter(&self) -> Range<'_, K, V> {
        Range {
            map: self,
            front: Place {
                branch: 0,
                leaf: 0,
                row: 0,
            },
            back: self.end(),
        }
    }

    /// The rows of a range of keys, in order.
    pub fn range(&self, range: impl RangeBounds<K>) -> Range<'_, K, V> {
        let front = match range.start_bound() {
            Bound::Unbounded => self.iter().front,
            Bound::Included(key) => self.at_or_after(key, false),
            Bound::Excluded(key) => self.at_or_after(key, true),
        };
        let back = match range.end_bound() {
            Bound::Unbounded => self.end(),
            Bound::Included(key) => self.at_or_after(key, true),
            Bound::Excluded(key) => self.at_or_after(key, false),
        };
        let order = |place: &Place| (place.branch, place.leaf, place.row);
        Range {
            map: self,
            front,
            // A range that ends before it starts has no rows.
            back: if order(&back) < order(&front) { front } else { back },
        }
    }

    const fn end(&self) -> Place {
        Place {
            branch: self.branches.len(),
            leaf: 0,
            row: 0,
        }
    }

    /// The first row at `key` or behind it, or behind it alone.
    fn at_or_after(&self, key: &K, is_behind: bool) -> Place {
        match self.find(key) {
            Ok(mut place) => {
                place.row += usize::from(is_behind);
                self.normal(place)
            }
            Err(place) => self.normal(place),
        }
    }

    /// The same place, never behind the last row of a leaf.
    fn normal(&self, mut place: Place) -> Place {
        let Some(branch) = self.branches.get(place.branch) else {
            return self.end();
        };
        if place.row == branch.leaves[place.leaf].len() {
            place.row = 0;
            place.leaf += 1;
            if place.leaf == branch.leaves.len() {
                place.leaf = 0;
                place.branch += 1;
            }
        }
        place
    }
}

/// Counts: a key is there while its count is above zero.
impl<K: Ord + Clone> SortedMap<K, u32> {
    /// One more.
    pub fn count_up(&mut self, key: K) {
        *self.get_or_insert(key, 0) += 1;
    }

    /// One less.
    pub fn count_down(&mut self, key: &K) {
        let Ok(place) = self.find(key) else {
            return;
        };
        let count = self.at_mut(place).1;
        *count -= 1;
        if *count == 0 {
            self.remove_at(place);
        }
    }
}

/// Rows of a [`SortedMap`] in order.
#[derive(Debug)]
pub struct Range<'a, K, V> {
    map: &'a SortedMap<K, V>,
    front: Place,
    /// Behind the last.
    back: Place,
}

impl<K, V> Clone for Range<'_, K, V> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<'a, K: Ord + Clone, V> Iterator for Range<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        if self.front == self.back {
            return None;
        }
        let row = self.map.at(self.front);
        self.front.row += 1;
        self.front = self.map.normal(self.front);
        Some(row)
    }
}

impl<K: Ord + Clone, V> DoubleEndedIterator for Range<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front == self.back {
            return None;
        }
        let back = &mut self.back;
        if back.row > 0 {
            back.row -= 1;
        } else {
            if back.leaf > 0 {
                back.leaf -= 1;
            } else {
                back.branch -= 1;
                back.leaf = self.map.branches[back.branch].leaves.len() - 1;
            }
            back.row = self.map.branches[back.branch].leaves[back.leaf].len() - 1;
        }
        Some(self.map.at(*back))
    }
}
