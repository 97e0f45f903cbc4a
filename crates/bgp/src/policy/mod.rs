//! What is done to routes on their way in and out: lists that recognise routes, and route maps that judge and change
//! them.
//!
//! A route map is looked at entry by entry, in the order of their numbers. The first one whose `match` lines all hold
//! decides: `permit` takes the route with its `set` lines applied, `deny` refuses it. A route that no entry takes is
//! refused. Of several lists in one `match` line one has to hold.

mod draft;
mod lists;
mod route_map;

pub use draft::Draft;
pub use lists::{
    AsPathList, CommunityEntry, CommunityList, GRACEFUL_SHUTDOWN, LOCAL_AS, ListAction, NO_ADVERTISE,
    NO_EXPORT, PrefixEntry, PrefixList, PrefixListError, communities_text, path_text,
};
pub use route_map::{Match, MetricChange, RouteMap, RouteMapEntry, Set, SetCommunity, Subject, Verdict};

use alloc::collections::BTreeMap;
use alloc::string::String;
use packet::{V4, V6};

/// All lists and route maps, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// `ip prefix-list`.
    pub prefix_lists_v4: BTreeMap<String, PrefixList<V4>>,
    /// `ipv6 prefix-list`.
    pub prefix_lists_v6: BTreeMap<String, PrefixList<V6>>,
    /// `ip as-path access-list`, whose names are numbers.
    pub as_path_lists: BTreeMap<String, AsPathList>,
    /// `ip community-list`.
    pub community_lists: BTreeMap<String, CommunityList>,
    /// `route-map`.
    pub route_maps: BTreeMap<String, RouteMap>,
}

impl Policies {
    /// Whether a route map and a prefix list say the same here as in `other`, with all lists that the route map asks.
    pub(crate) fn agree(&self, other: &Policies, route_map: Option<&str>, prefix_list: Option<&str>) -> bool {
        let prefixes = |name: &str| {
            self.prefix_lists_v4.get(name) == other.prefix_lists_v4.get(name)
                && self.prefix_lists_v6.get(name) == other.prefix_lists_v6.get(name)
        };
        let paths = |name: &String| self.as_path_lists.get(name) == other.as_path_lists.get(name);
        let communities = |name: &String| self.community_lists.get(name) == other.community_lists.get(name);
        let matches = |each: &Match| match each {
            Match::PrefixList(lists) | Match::NextHopPrefixList(lists) => {
                lists.iter().all(|list| prefixes(list))
            }
            Match::AsPath(lists) => lists.iter().all(paths),
            Match::Community { lists, .. } => lists.iter().all(communities),
            Match::Metric(_) | Match::LocalPreference(_) => true,
        };
        let sets = |each: &Set| match each {
            Set::Community(SetCommunity::Delete(list)) => communities(list),
            _ => true,
        };
        let entries = |map: &RouteMap| {
            map.entries
                .values()
                .all(|entry| entry.matches.iter().all(matches) && entry.sets.iter().all(sets))
        };
        let maps = |name: &str| {
            let map = self.route_maps.get(name);
            map == other.route_maps.get(name) && map.is_none_or(entries)
        };
        prefix_list.is_none_or(prefixes) && route_map.is_none_or(maps)
    }
}
