//! Adj-RIB-Out: which attributes a group was told with, for each prefix.

use ::checkpoint::{Index, Row};
use alloc::vec::Vec;
use packet::Family;

use crate::attributes::References;
use crate::family::ToldKey;
use crate::id::{AttributeId, GroupId, PeerId};

/// What a group was told of a prefix. Where the source is a member itself, it was told nothing: nobody is told what
/// he said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The attributes told.
    pub attribute: AttributeId,
    /// Whose path it is.
    pub source: PeerId,
}

/// Tagged form of [`Told`].
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct ToldRecord {
    /// See [`Told::attribute`].
    #[prost(uint32, tag = "1")]
    pub attribute: u32,
    /// See [`Told::source`].
    #[prost(uint32, tag = "2")]
    pub source: u32,
}

impl Row for Told {
    type Record = ToldRecord;

    fn to_record(&self) -> ToldRecord {
        let Told { attribute, source } = *self;
        ToldRecord {
            attribute: attribute.0,
            source: u32::from(source.0),
        }
    }

    fn from_record(record: ToldRecord) -> Result<Self, &'static str> {
        Ok(Told {
            attribute: AttributeId(record.attribute),
            source: PeerId(u16::try_from(record.source).map_err(|_| "source")?),
        })
    }
}

/// How many prefixes a group was told of, by whose paths they are.
#[derive(Clone, Debug, Default)]
struct Sources {
    total: u32,
    /// In order of sources; those that have been none of late stay.
    counts: Vec<(PeerId, u32)>,
    /// Where the last change was: the next one is mostly about the same source.
    last: usize,
}

impl Sources {
    fn count_mut(&mut self, source: PeerId) -> &mut u32 {
        if self
            .counts
            .get(self.last)
            .is_none_or(|(known, _)| *known != source)
        {
            self.last = match self.counts.binary_search_by_key(&source, |(known, _)| *known) {
                Ok(place) => place,
                Err(place) => {
                    self.counts.insert(place, (source, 0));
                    place
                }
            };
        }
        &mut self.counts[self.last].1
    }

    fn count(&self, source: PeerId) -> u32 {
        let place = self.counts.binary_search_by_key(&source, |(known, _)| *known);
        place.map_or(0, |place| self.counts[place].1)
    }
}

/// What rows are counted by.
#[derive(Clone, Debug, Default)]
pub struct ToldIndex {
    references: References,
    /// By the numbers of groups.
    groups: Vec<Sources>,
}

impl ToldIndex {
    /// How many rows name each set of attributes.
    pub fn references(&self) -> &References {
        &self.references
    }

    /// Of how many prefixes this member of the group is told: of all but those whose path is its own.
    pub fn count(&self, group: GroupId, member: PeerId) -> u32 {
        let sources = self.groups.get(usize::from(group.0));
        sources.map_or(0, |sources| sources.total - sources.count(member))
    }
}

impl<F: Family> Index<ToldKey<F>, Told> for ToldIndex {
    fn inserted(&mut self, key: &ToldKey<F>, told: &Told) {
        self.references.add(told.attribute);
        let place = usize::from(key.group.0);
        if self.groups.len() <= place {
            self.groups.resize_with(place + 1, Sources::default);
        }
        let sources = &mut self.groups[place];
        sources.total += 1;
        *sources.count_mut(told.source) += 1;
    }

    fn removed(&mut self, key: &ToldKey<F>, told: &Told) {
        self.references.release(told.attribute);
        if let Some(sources) = self.groups.get_mut(usize::from(key.group.0)) {
            sources.total = sources.total.saturating_sub(1);
            let count = sources.count_mut(told.source);
            *count = count.saturating_sub(1);
        }
    }
}
