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
