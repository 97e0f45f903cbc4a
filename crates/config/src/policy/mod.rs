//! Lists that recognise routes and route maps that judge and change them: their commands, what they set, and the lines
//! that show it.

mod command;
mod error;
mod line;
mod name;
pub(crate) mod rest;
pub(crate) mod table;
mod tree;

pub use command::{ListCommand, RouteMapCommand};
pub(crate) use command::{list_command, list_matched, route_map_command, route_map_matched};
pub use error::PolicyError;
pub use line::{MatchLine, MetricChange, RouteOrigin, SetCommunity, SetLine};
pub use name::{ListName, RouteMapPlace};
pub use rest::{RestKind, parse_communities};
pub use tree::{
    CommunityListConfiguration, CommunityListKind, LIST_ENTRIES_MAX, PolicyConfiguration,
    PrefixListConfiguration, PrefixListEntry, RouteMapEntry,
};

/// Which row a command about policy is a form of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the rows say what each one is, word by word")]
pub enum PolicyId {
    PrefixListPermit,
    PrefixListDeny,
    NoPrefixList,
    PrefixListDescription,
    AsPathPermit,
    AsPathDeny,
    NoAsPath,
    CommunityPermit,
    CommunityDeny,
    NoCommunity,
    StandardPermit,
    StandardDeny,
    NoStandard,
    NumberedExpandedPermit,
    NumberedExpandedDeny,
    NoNumberedExpanded,
    ExpandedPermit,
    ExpandedDeny,
    NoExpanded,
    RouteMapPermit,
    RouteMapDeny,
    NoRouteMap,
    Description,
    MatchPrefixList,
    MatchNextHop,
    MatchAsPath,
    MatchCommunity,
    MatchMetric,
    MatchLocalPreference,
    SetLocalPreference,
    SetMetric,
    SetMetricAdd,
    SetWeight,
    SetOriginIgp,
    SetOriginIncomplete,
    SetNextHop,
    SetPrepend,
    SetCommunity,
    SetCommunityNone,
    SetCommListDelete,
    SetLargeCommunity,
}
