//! Adj-RIB-Out: which attributes a group was told with, for each prefix.

use ::checkpoint::{Index, Row};
use packet::Family;

use crate::attributes::References;
use crate::family::ToldKey;
use crate::id::{AttributeId, PeerId};

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

/// What rows are counted by.
#[derive(Clone, Debug, Default)]
pub struct ToldIndex {
    references: References,
}

impl ToldIndex {
    /// How many rows name each set of attributes.
    pub fn references(&self) -> &References {
        &self.references
    }
}

impl<F: Family> Index<ToldKey<F>, Told> for ToldIndex {
    fn inserted(&mut self, _: &ToldKey<F>, told: &Told) {
        self.references.add(told.attribute);
    }

    fn removed(&mut self, _: &ToldKey<F>, told: &Told) {
        self.references.release(told.attribute);
    }
}
