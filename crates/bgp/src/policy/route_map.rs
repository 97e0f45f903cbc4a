//! Route maps.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use packet::bgp::{NextHop, Origin};
use packet::{Family, Ipv4Addr, Prefix};

use super::{Draft, ListAction, Policies, PrefixList};
use crate::attributes::DEFAULT_LOCAL_PREFERENCE;

/// What a `match` line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// The prefix is taken by one of these lists.
    PrefixList(Vec<String>),
    /// The next hop, as a host prefix, is taken by one of these lists.
    NextHopPrefixList(Vec<String>),
    /// The path is taken by one of these lists.
    AsPath(Vec<String>),
    /// The communities are taken by one of these lists.
    Community {
        /// The lists.
        lists: Vec<String>,
        /// No others may be there.
        exact: bool,
    },
    /// MULTI_EXIT_DISC is this; without one it is 0.
    Metric(u32),
    /// LOCAL_PREF is this; without one it is [`DEFAULT_LOCAL_PREFERENCE`].
    LocalPreference(u32),
}

/// What `set metric` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricChange {
    /// Makes it this.
    To(u32),
    /// Adds this, up to the largest there is.
    Add(u32),
    /// Takes this away, down to zero.
    Subtract(u32),
}

/// What `set community` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetCommunity {
    /// Leaves none.
    None,
    /// Leaves only these.
    Replace(Vec<u32>),
    /// Adds these.
    Add(Vec<u32>),
    /// Leaves out those that the list takes.
    Delete(String),
}

/// What a `set` line does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Set {
    /// `set local-preference`.
    LocalPreference(u32),
    /// `set metric`.
    Metric(MetricChange),
    /// `set weight`.
    Weight(u16),
    /// `set origin`.
    Origin(Origin),
    /// `set ip next-hop`.
    NextHop(Ipv4Addr),
    /// `set as-path prepend`.
    Prepend(Vec<u32>),
    /// `set community`, `set comm-list delete`.
    Community(SetCommunity),
    /// `set large-community`, twelve bytes each.
    LargeCommunity {
        /// The communities.
        values: Vec<[u8; 12]>,
        /// Keeps those that are there.
        additive: bool,
    },
}

/// One entry of a route map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteMapEntry {
    /// What becomes of a route for which all of `matches` hold.
    pub action: ListAction,
    /// All have to hold.
    pub matches: Vec<Match>,
    /// All are applied, in their order.
    pub sets: Vec<Set>,
}

/// A route map: its entries by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteMap {
    /// The entries.
    pub entries: BTreeMap<u16, RouteMapEntry>,
}

/// A route on its way through policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its attributes.
    pub draft: Draft,
    /// Its weight.
    pub weight: u16,
    /// What `set` lines have said of it so far.
    pub said: Said,
}

/// Which attributes `set` lines gave a value, be it the one that was there: what a kind of session would do with them by
/// itself is then not done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// `set ip next-hop`.
    pub next_hop: bool,
    /// `set metric`.
    pub med: bool,
}

impl Subject {
    /// A route that no `set` line has been applied to.
    pub fn new(draft: Draft, weight: u16) -> Subject {
        Subject {
            draft,
            weight,
            said: Said::default(),
        }
    }
}

/// What policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The route goes on, changed or not.
    Permit,
    /// It does not.
    Deny,
}

impl RouteMap {
    /// Whether the verdict depends on nothing but the attributes, so that it is the same for all routes of one set.
    pub fn is_about_attributes_only(&self) -> bool {
        let mut matches = self.entries.values().flat_map(|entry| &entry.matches);
        !matches.any(|each| matches!(each, Match::PrefixList(_)))
    }

    /// Whether the verdict depends on nothing but the prefix.
    pub fn is_about_prefixes_only(&self) -> bool {
        let mut matches = self.entries.values().flat_map(|entry| &entry.matches);
        matches.all(|each| matches!(each, Match::PrefixList(_)))
    }

    /// Judges a route, and applies the `set` lines of the entry that takes it.
    pub fn apply<F: Family>(
        &self,
        policies: &Policies,
        lists: &BTreeMap<String, PrefixList<F>>,
        prefix: &Prefix<F>,
        subject: &mut Subject,
    ) -> Verdict {
        match self.permitting(policies, lists, prefix, subject) {
            Some(entry) => {
                entry.set(policies, subject);
                Verdict::Permit
            }
            None => Verdict::Deny,
        }
    }

    /// The entry that takes a route; `None`: it is refused.
    pub fn permitting<F: Family>(
        &self,
        policies: &Policies,
        lists: &BTreeMap<String, PrefixList<F>>,
        prefix: &Prefix<F>,
        subject: &Subject,
    ) -> Option<&RouteMapEntry> {
        let holds = |each: &Match| each.holds(policies, lists, prefix, subject);
        let mut entries = self.entries.values();
        let first = entries.find(|entry| entry.matches.iter().all(holds));
        first.filter(|entry| entry.action == ListAction::Permit)
    }
}

impl RouteMapEntry {
    /// Applies its `set` lines.
    pub fn set(&self, policies: &Policies, subject: &mut Subject) {
        for set in &self.sets {
            set.apply(policies, subject);
        }
    }
}

impl Match {
    /// A list that does not exist takes everything, as vendors have it.
    fn holds<F: Family>(
        &self,
        policies: &Policies,
        lists: &BTreeMap<String, PrefixList<F>>,
        prefix: &Prefix<F>,
        subject: &Subject,
    ) -> bool {
        let draft = &subject.draft;
        match self {
            Match::PrefixList(names) => names
                .iter()
                .any(|name| lists.get(name).is_none_or(|list| list.takes(prefix))),
            Match::NextHopPrefixList(names) => match draft.next_hop {
                Some(NextHop::V4(address)) => names.iter().any(|name| {
                    let list = policies.prefix_lists_v4.get(name);
                    list.is_none_or(|list| list.takes(&Prefix::host(address)))
                }),
                Some(NextHop::V6 { global, .. }) => names.iter().any(|name| {
                    let list = policies.prefix_lists_v6.get(name);
                    list.is_none_or(|list| list.takes(&Prefix::host(global)))
                }),
                None => false,
            },
            Match::AsPath(names) => names.iter().any(|name| {
                let list = policies.as_path_lists.get(name);
                list.is_none_or(|list| list.takes(&draft.path()))
            }),
            Match::Community { lists, exact } => lists.iter().any(|name| {
                let list = policies.community_lists.get(name);
                list.is_none_or(|list| list.takes(&draft.communities, *exact))
            }),
            Match::Metric(metric) => draft.med.unwrap_or(0) == *metric,
            Match::LocalPreference(preference) => {
                draft.local_preference.unwrap_or(DEFAULT_LOCAL_PREFERENCE) == *preference
            }
        }
    }
}

impl Set {
    fn apply(&self, policies: &Policies, subject: &mut Subject) {
        let draft = &mut subject.draft;
        match self {
            Set::LocalPreference(preference) => draft.local_preference = Some(*preference),
            Set::Metric(change) => {
                subject.said.med = true;
                let before = draft.med.unwrap_or(0);
                draft.med = Some(match change {
                    MetricChange::To(metric) => *metric,
                    MetricChange::Add(more) => before.saturating_add(*more),
                    MetricChange::Subtract(less) => before.saturating_sub(*less),
                });
            }
            Set::Weight(weight) => subject.weight = *weight,
            Set::Origin(origin) => draft.origin = Some(*origin),
            Set::NextHop(address) => {
                subject.said.next_hop = true;
                draft.next_hop = Some(NextHop::V4(*address));
            }
            Set::Prepend(numbers) => draft.prepend(numbers),
            Set::Community(change) => change.apply(policies, &mut draft.communities),
            Set::LargeCommunity { values, additive } => {
                if !additive {
                    draft.large_communities.clear();
                }
                for value in values {
                    let is_there = draft.large_communities.chunks_exact(12).any(|each| each == value);
                    if !is_there {
                        draft.large_communities.extend_from_slice(value);
                    }
                }
            }
        }
    }
}

impl SetCommunity {
    fn apply(&self, policies: &Policies, communities: &mut Vec<u32>) {
        match self {
            SetCommunity::None => communities.clear(),
            SetCommunity::Replace(values) => communities.clone_from(values),
            SetCommunity::Add(values) => communities.extend_from_slice(values),
            SetCommunity::Delete(name) => {
                if let Some(list) = policies.community_lists.get(name) {
                    communities.retain(|community| !list.takes_one(*community));
                }
            }
        }
        communities.sort_unstable();
        communities.dedup();
    }
}
