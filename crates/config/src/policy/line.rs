//! `match` and `set` lines of a route map.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// What a `match` line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MatchLine {
    /// `match ip address prefix-list NAME...`
    PrefixList(Vec<String>),
    /// `match ip next-hop prefix-list NAME...`
    NextHop(Vec<String>),
    /// `match as-path N...`
    AsPath(Vec<String>),
    /// `match community NAME... [exact-match]`
    Community {
        /// The lists.
        lists: Vec<String>,
        /// No other communities may be there.
        exact: bool,
    },
    /// `match metric N`
    Metric(u32),
    /// `match local-preference N`
    LocalPreference(u32),
}

impl MatchLine {
    /// Its place among the lines of an entry; there is one line at each.
    pub(super) const fn place(&self) -> u8 {
        match self {
            MatchLine::PrefixList(_) => 0,
            MatchLine::NextHop(_) => 1,
            MatchLine::AsPath(_) => 2,
            MatchLine::Community { .. } => 3,
            MatchLine::Metric(_) => 4,
            MatchLine::LocalPreference(_) => 5,
        }
    }

    /// The names that it has.
    pub(super) fn names_mut(&mut self) -> Option<&mut Vec<String>> {
        match self {
            MatchLine::PrefixList(names)
            | MatchLine::NextHop(names)
            | MatchLine::AsPath(names)
            | MatchLine::Community { lists: names, .. } => Some(names),
            MatchLine::Metric(_) | MatchLine::LocalPreference(_) => None,
        }
    }
}

/// What `set metric` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricChange {
    /// Makes it this.
    To(u32),
    /// Adds this.
    Add(u32),
    /// Takes this away.
    Subtract(u32),
}

/// What `set origin` sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteOrigin {
    /// `igp`
    Igp,
    /// `incomplete`
    Incomplete,
}

/// What `set community` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetCommunity {
    /// `none`
    None,
    /// Communities to set.
    Values {
        /// They.
        values: Vec<u32>,
        /// Those that are there stay.
        additive: bool,
    },
}

/// What a `set` line does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetLine {
    /// `set local-preference N`
    LocalPreference(u32),
    /// `set metric {N | +N | -N}`
    Metric(MetricChange),
    /// `set weight N`
    Weight(u16),
    /// `set origin {igp | incomplete}`
    Origin(RouteOrigin),
    /// `set ip next-hop A.B.C.D`
    NextHop(Ipv4Addr),
    /// `set as-path prepend N...`
    Prepend(Vec<u32>),
    /// `set comm-list NAME delete`
    CommListDelete(String),
    /// `set community {none | C... [additive]}`
    Community(SetCommunity),
    /// `set large-community C... [additive]`
    LargeCommunity {
        /// The communities.
        values: Vec<[u32; 3]>,
        /// Those that are there stay.
        additive: bool,
    },
}

impl SetLine {
    /// Its place among the lines of an entry; there is one line at each. What is deleted goes before what is set, as the
    /// vendor does it.
    pub(super) const fn place(&self) -> u8 {
        match self {
            SetLine::LocalPreference(_) => 0,
            SetLine::Metric(_) => 1,
            SetLine::Weight(_) => 2,
            SetLine::Origin(_) => 3,
            SetLine::NextHop(_) => 4,
            SetLine::Prepend(_) => 5,
            SetLine::CommListDelete(_) => 6,
            SetLine::Community(_) => 7,
            SetLine::LargeCommunity { .. } => 8,
        }
    }
}
