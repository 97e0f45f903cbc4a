//! A next hop that routes point to, and what it resolves to.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use chassis::rows::{Path, PathRecord, path_from, path_record};
use checkpoint::{Index, Key, Row};
use core::ops::Bound;
use packet::{Address, Family, Prefix};

use crate::RouteFamily;
use crate::route::{decode_address, encode_address};

/// The address of a next hop. There is a row for each that some route points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NextHopKey<F: Family>(pub F::Address);

impl<F: RouteFamily> Key for NextHopKey<F> {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_address::<F>(self.0, out);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        decode_address::<F>(bytes).map(NextHopKey)
    }
}

/// What a next hop resolves to.
///
/// It is a row, not a cache, because whether a change concerns the prefixes behind a next hop is told by comparing it
/// with what was there before, on a promoted standby as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop<F: Family> {
    /// The ways to it, sorted, at most [`crate::PATHS_MAX`]; empty while it cannot be reached.
    pub paths: Vec<Path<F>>,
    /// Every address that was looked up to find them, its own included, sorted: a change of a route to any of these
    /// may change the paths.
    pub looked_up: Vec<F::Address>,
}

/// Tagged form of [`NextHop`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct NextHopRecord {
    /// See [`NextHop::paths`].
    #[prost(message, repeated, tag = "1")]
    pub paths: Vec<PathRecord>,
    /// See [`NextHop::looked_up`]; the bytes of each address.
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub looked_up: Vec<Vec<u8>>,
}

impl<F: RouteFamily> Row for NextHop<F> {
    type Record = NextHopRecord;

    fn to_record(&self) -> NextHopRecord {
        let NextHop { paths, looked_up } = self;
        NextHopRecord {
            paths: paths.iter().map(path_record).collect(),
            looked_up: looked_up
                .iter()
                .map(|address| address.to_bytes().as_ref().to_vec())
                .collect(),
        }
    }

    fn from_record(record: NextHopRecord) -> Result<Self, &'static str> {
        let paths = record.paths.iter().map(path_from).collect::<Result<_, _>>()?;
        let looked_up = record.looked_up.iter().map(|bytes| decode_address::<F>(bytes));
        Ok(NextHop {
            paths,
            looked_up: looked_up.collect::<Option<_>>().ok_or("looked up address")?,
        })
    }
}

/// Next hops by the addresses that were looked up for them.
#[derive(Clone, Debug)]
pub struct NextHopIndex<F: Family>(BTreeSet<(F::Address, F::Address)>);

impl<F: Family> Default for NextHopIndex<F> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<F: RouteFamily> Index<NextHopKey<F>, NextHop<F>> for NextHopIndex<F> {
    fn inserted(&mut self, key: &NextHopKey<F>, value: &NextHop<F>) {
        self.0
            .extend(value.looked_up.iter().map(|looked_up| (*looked_up, key.0)));
    }

    fn removed(&mut self, key: &NextHopKey<F>, value: &NextHop<F>) {
        for looked_up in &value.looked_up {
            self.0.remove(&(*looked_up, key.0));
        }
    }
}

impl<F: Family> NextHopIndex<F> {
    /// (looked-up address within `prefix`, next hop), after `after`.
    pub(crate) fn within(
        &self,
        prefix: Prefix<F>,
        after: Option<(F::Address, F::Address)>,
    ) -> impl Iterator<Item = (F::Address, F::Address)> + '_ {
        let start = match after {
            Some(position) => Bound::Excluded(position),
            None => Bound::Included((prefix.network(), F::Address::ZERO)),
        };
        self.0
            .range((start, Bound::Unbounded))
            .copied()
            .take_while(move |(looked_up, _)| *looked_up <= prefix.last())
    }
}
