//! A next hop that routes point to, and what it resolves to.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use chassis::rows::{Path, PathRecord, path_from, path_record};
use checkpoint::{Index, Key, Row};
use core::ops::Bound;
use packet::{Address, Family, Prefix};

use crate::RouteFamily;
use crate::route::{decode_address, encode_address};

/// The address of a next hop. There is a row for each that some route points to, or that is tracked.
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
    /// Metric of the route that the address itself is found by; 0 while it cannot be reached.
    pub metric: u32,
    /// Whether somebody wants to know of changes ([`crate::Rib::track`]).
    pub tracked: bool,
    /// Whether it changed since that was told.
    pub is_news: bool,
}

impl<F: Family> NextHop<F> {
    /// Cost of the way to it; `None`: there is none.
    pub fn reach(&self) -> Option<u32> {
        (!self.paths.is_empty()).then_some(self.metric)
    }
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
    /// See [`NextHop::metric`].
    #[prost(uint32, tag = "3")]
    pub metric: u32,
    /// See [`NextHop::tracked`].
    #[prost(bool, tag = "4")]
    pub tracked: bool,
    /// See [`NextHop::is_news`].
    #[prost(bool, tag = "5")]
    pub is_news: bool,
}

impl<F: RouteFamily> Row for NextHop<F> {
    type Record = NextHopRecord;

    fn to_record(&self) -> NextHopRecord {
        let NextHop {
            paths,
            looked_up,
            metric,
            tracked,
            is_news,
        } = self;
        NextHopRecord {
            paths: paths.iter().map(path_record).collect(),
            looked_up: looked_up
                .iter()
                .map(|address| address.to_bytes().as_ref().to_vec())
                .collect(),
            metric: *metric,
            tracked: *tracked,
            is_news: *is_news,
        }
    }

    fn from_record(record: NextHopRecord) -> Result<Self, &'static str> {
        let paths = record.paths.iter().map(path_from).collect::<Result<_, _>>()?;
        let looked_up = record.looked_up.iter().map(|bytes| decode_address::<F>(bytes));
        Ok(NextHop {
            paths,
            looked_up: looked_up.collect::<Option<_>>().ok_or("looked up address")?,
            metric: record.metric,
            tracked: record.tracked,
            is_news: record.is_news,
        })
    }
}

/// Next hops by the addresses that were looked up for them, and those with news.
#[derive(Clone, Debug)]
pub struct NextHopIndex<F: Family> {
    looked_up: BTreeSet<(F::Address, F::Address)>,
    news: BTreeSet<F::Address>,
}

impl<F: Family> Default for NextHopIndex<F> {
    fn default() -> Self {
        Self {
            looked_up: BTreeSet::new(),
            news: BTreeSet::new(),
        }
    }
}

impl<F: RouteFamily> Index<NextHopKey<F>, NextHop<F>> for NextHopIndex<F> {
    fn inserted(&mut self, key: &NextHopKey<F>, value: &NextHop<F>) {
        self.looked_up
            .extend(value.looked_up.iter().map(|looked_up| (*looked_up, key.0)));
        if value.is_news {
            self.news.insert(key.0);
        }
    }

    fn removed(&mut self, key: &NextHopKey<F>, value: &NextHop<F>) {
        for looked_up in &value.looked_up {
            self.looked_up.remove(&(*looked_up, key.0));
        }
        self.news.remove(&key.0);
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
        self.looked_up
            .range((start, Bound::Unbounded))
            .copied()
            .take_while(move |(looked_up, _)| *looked_up <= prefix.last())
    }

    /// Tracked next hops that changed since that was told.
    pub(crate) fn news(&self) -> impl Iterator<Item = F::Address> + '_ {
        self.news.iter().copied()
    }
}
