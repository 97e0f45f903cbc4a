//! Interned attribute sets: each is there once, and routes name it by a number of four bytes.

use ::checkpoint::{Index, Row, SortedMap, TableId, Tracked, row_hash};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use packet::bgp::{Canonical, NextHop, Origin, PathAttributes};

use crate::id::AttributeId;

/// Number of the table of attribute sets.
pub const ATTRIBUTES_TABLE: TableId = TableId(86);

/// LOCAL_PREF of a route that has none.
pub const DEFAULT_LOCAL_PREFERENCE: u32 = 100;

/// What the decision process compares, taken out of a set once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// LOCAL_PREF, or [`DEFAULT_LOCAL_PREFERENCE`].
    pub local_preference: u32,
    /// Length of the path as routes are compared by it.
    pub path_length: u32,
    /// How the route came into BGP.
    pub origin: Origin,
    /// MULTI_EXIT_DISC, if there is one.
    pub med: Option<u32>,
    /// The AS that the route was received from; `None` for one of our own AS.
    pub neighbor_as: Option<u32>,
    /// Where to send packets.
    pub next_hop: Option<NextHop>,
    /// Who brought the route into our AS.
    pub originator_id: Option<Ipv4Addr>,
    /// Number of clusters travelled.
    pub cluster_list_length: u32,
}

impl Summary {
    fn of(attributes: &PathAttributes<'_>) -> Summary {
        let path = attributes.path();
        Summary {
            local_preference: attributes.local_preference.unwrap_or(DEFAULT_LOCAL_PREFERENCE),
            path_length: path.length(),
            origin: attributes.origin.unwrap_or(Origin::Incomplete),
            med: attributes.multi_exit_discriminator,
            neighbor_as: path.first(),
            next_hop: attributes.next_hop,
            originator_id: attributes.originator_id,
            cluster_list_length: attributes.cluster_list_length(),
        }
    }
}

/// A set of attributes in its canonical form ([`packet::bgp::CanonicalWriter`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeSet {
    bytes: Box<[u8]>,
}

impl AttributeSet {
    /// The set of these bytes; `None` when they are no canonical form.
    pub fn new(bytes: &[u8]) -> Option<AttributeSet> {
        Canonical::parse(bytes).ok()?;
        Some(AttributeSet { bytes: bytes.into() })
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the attributes are.
    pub fn canonical(&self) -> Canonical<'_> {
        // Only `new` and `from_record` make one, and both have read it.
        Canonical::parse(&self.bytes).expect("an interned set is canonical")
    }
}

/// Tagged form of [`AttributeSet`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct AttributeSetRecord {
    /// Path attributes as in an UPDATE, in their canonical form.
    #[prost(bytes = "vec", tag = "1")]
    pub attributes: Vec<u8>,
}

impl Row for AttributeSet {
    type Record = AttributeSetRecord;

    fn to_record(&self) -> AttributeSetRecord {
        let AttributeSet { bytes } = self;
        AttributeSetRecord {
            attributes: bytes.to_vec(),
        }
    }

    fn from_record(record: AttributeSetRecord) -> Result<Self, &'static str> {
        AttributeSet::new(&record.attributes).ok_or("attributes")
    }
}

/// What sets are found by, other than their number.
#[derive(Clone, Debug)]
pub struct AttributeIndex {
    by_hash: SortedMap<(u64, AttributeId), ()>,
    /// By number; number 0 is nobody's.
    summaries: Vec<Option<Summary>>,
    /// Numbers below the end of `summaries` that nobody has, but 0.
    free: BTreeSet<u32>,
    /// Number of sets with each next hop.
    next_hops: BTreeMap<NextHop, u32>,
}

impl Default for AttributeIndex {
    fn default() -> Self {
        AttributeIndex {
            by_hash: SortedMap::new(),
            summaries: Vec::from([None]),
            free: BTreeSet::new(),
            next_hops: BTreeMap::new(),
        }
    }
}

fn content_hash(bytes: &[u8]) -> u64 {
    row_hash(ATTRIBUTES_TABLE, &[], bytes)
}

impl Index<AttributeId, AttributeSet> for AttributeIndex {
    fn inserted(&mut self, id: &AttributeId, set: &AttributeSet) {
        let summary = Summary::of(&set.canonical().attributes);
        self.by_hash.insert((content_hash(set.bytes()), *id), ());
        if self.summaries.len() <= id.index() {
            self.free.extend(self.summaries.len() as u32..id.0);
            self.summaries.resize(id.index() + 1, None);
        }
        self.free.remove(&id.0);
        self.summaries[id.index()] = Some(summary);
        if let Some(next_hop) = summary.next_hop {
            *self.next_hops.entry(next_hop).or_insert(0) += 1;
        }
    }

    fn removed(&mut self, id: &AttributeId, set: &AttributeSet) {
        self.by_hash.remove(&(content_hash(set.bytes()), *id));
        let summary = self.summaries.get_mut(id.index()).and_then(Option::take);
        self.free.insert(id.0);
        if let Some(next_hop) = summary.and_then(|summary| summary.next_hop)
            && let Some(count) = self.next_hops.get_mut(&next_hop)
        {
            *count -= 1;
            if *count == 0 {
                self.next_hops.remove(&next_hop);
            }
        }
    }
}

/// All attribute sets that a route has, or has been told with.
#[derive(Clone, Debug)]
pub struct AttributeTable {
    /// The sets, by their number.
    pub sets: Tracked<AttributeId, AttributeSet, AttributeIndex>,
}

impl Default for AttributeTable {
    fn default() -> Self {
        Self {
            sets: Tracked::new(ATTRIBUTES_TABLE),
        }
    }
}

impl AttributeTable {
    /// Most sets at a time: numbers have 32 bits, and memory ends long before.
    pub const SETS_MAX: usize = 1 << 24;

    /// The number of the set with these canonical bytes, which becomes a row if it is none yet. `None` for bytes that
    /// are no canonical set, and when there are too many.
    pub fn intern(&mut self, bytes: &[u8]) -> Option<AttributeId> {
        if let Some(id) = self.find(bytes) {
            return Some(id);
        }
        if self.sets.len() >= Self::SETS_MAX {
            return None;
        }
        let index = self.sets.index();
        let id = AttributeId(
            index
                .free
                .first()
                .copied()
                .unwrap_or(index.summaries.len() as u32),
        );
        self.sets.insert(id, AttributeSet::new(bytes)?);
        Some(id)
    }

    /// The number of the set with these bytes.
    pub fn find(&self, bytes: &[u8]) -> Option<AttributeId> {
        let hash = content_hash(bytes);
        let from = self.sets.index().by_hash.range((hash, AttributeId::NONE)..);
        let equal = from.take_while(|((other, _), ())| *other == hash);
        let mut equal = equal.map(|((_, id), ())| *id);
        equal.find(|id| self.sets.get(id).is_some_and(|set| set.bytes() == bytes))
    }

    /// What the decision process compares of a set; `None` for [`AttributeId::NONE`].
    pub fn summary(&self, id: AttributeId) -> Option<&Summary> {
        self.sets.index().summaries.get(id.index())?.as_ref()
    }

    /// The set.
    pub fn get(&self, id: AttributeId) -> Option<&AttributeSet> {
        self.sets.get(&id)
    }

    /// Each next hop that a set has, once.
    pub fn next_hops(&self) -> impl Iterator<Item = &NextHop> {
        self.sets.index().next_hops.keys()
    }

    /// Whether a set has this next hop.
    pub fn has_next_hop(&self, next_hop: &NextHop) -> bool {
        self.sets.index().next_hops.contains_key(next_hop)
    }
}

/// How many rows name each set; part of the index of tables whose rows name sets.
#[derive(Clone, Debug, Default)]
pub struct References {
    counts: Vec<u32>,
    /// Times that a count came down to zero.
    released: u64,
}

impl References {
    /// One more row names the set.
    pub fn add(&mut self, id: AttributeId) {
        if self.counts.len() <= id.index() {
            self.counts.resize(id.index() + 1, 0);
        }
        self.counts[id.index()] += 1;
    }

    /// One row less names the set.
    pub fn release(&mut self, id: AttributeId) {
        let Some(count) = self.counts.get_mut(id.index()) else {
            return;
        };
        *count = count.saturating_sub(1);
        self.released += u64::from(*count == 0);
    }

    /// How many rows name the set.
    pub fn count(&self, id: AttributeId) -> u32 {
        self.counts.get(id.index()).copied().unwrap_or(0)
    }

    /// How often a set was named by nobody any more.
    pub fn released(&self) -> u64 {
        self.released
    }
}
