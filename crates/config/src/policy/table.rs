//! The rows of lists and route maps.

use super::{PolicyId, RestKind};
use crate::mode::ModeSet;
use crate::table::{CommandId, DEFAULT, IP_GLOBAL, NO, Privilege, Row};
use crate::token::{Kind, Slot, Token, argument, keyword};

macro_rules! policy_row {
    ($modes:ident $id:ident $negated:literal: $($token:expr),+) => {
        Row { modes: ModeSet::$modes, privilege: Privilege::Privileged, id: CommandId::Policy(PolicyId::$id),
              negated: $negated, hidden: false, tokens: &[$($token),+] }
    };
}

macro_rules! count {
    ($($token:expr),+) => { [$(stringify!($token)),+].len() };
}

/// Lines of a route map: the `no` form may leave the value out.
macro_rules! lines {
    ($($id:ident: [$($head:expr),+] [$($tail:expr),+];)+) => {
        &[$(
            policy_row!(ROUTE_MAP $id false: $($head,)+ $($tail),+),
            policy_row!(ROUTE_MAP $id true: NO, $($head,)+ Token::Optional(count!($($tail),+)), $($tail),+),
            policy_row!(ROUTE_MAP $id true: DEFAULT, $($head,)+ Token::Optional(count!($($tail),+)), $($tail),+),
        )+]
    };
}

/// Entries of a list: `permit`, `deny`, and the `no` forms.
macro_rules! entries {
    ($($permit:ident $deny:ident: [$($head:expr),+] [$($tail:expr),+];)+) => {
        &[$(
            policy_row!(GLOBAL $permit false: $($head,)+ PERMIT, $($tail),+),
            policy_row!(GLOBAL $deny false: $($head,)+ DENY, $($tail),+),
            policy_row!(GLOBAL $permit true: NO, $($head,)+ PERMIT, $($tail),+),
            policy_row!(GLOBAL $deny true: NO, $($head,)+ DENY, $($tail),+),
        )+]
    };
}

const fn optional(tokens: usize) -> Token {
    Token::Optional(tokens)
}

const fn number(slot: Slot, min: u32, max: u32, help: &'static str) -> Token {
    argument(slot, Kind::Number { min, max }, help)
}

const fn rest(kind: RestKind, help: &'static str) -> Token {
    argument(Slot::Text, Kind::Rest(kind), help)
}

const PERMIT: Token = keyword("permit", "Specify packets to forward");
const DENY: Token = keyword("deny", "Specify packets to reject");
const PREFIX_LIST: Token = keyword("prefix-list", "Build a prefix list");
const PREFIX_LIST_NAME: Token = argument(Slot::Name, Kind::Word, "Name of a prefix list");
const SEQ: Token = keyword("seq", "sequence number of an entry");
const SEQ_NUMBER: Token = number(Slot::Sequence, 1, u32::MAX - 1, "Sequence number");
const PREFIX: Token = argument(
    Slot::Address,
    Kind::Prefix,
    "IP prefix <network>/<length>, e.g., 35.0.0.0/8",
);
const GE: Token = keyword("ge", "Minimum prefix length to be matched");
const GE_LENGTH: Token = number(Slot::Ge, 1, 32, "Minimum prefix length");
const LE: Token = keyword("le", "Maximum prefix length to be matched");
const LE_LENGTH: Token = number(Slot::Le, 1, 32, "Maximum prefix length");
const LIST_DESCRIPTION: Token = keyword("description", "Prefix-list specific description");
const LIST_DESCRIPTION_TEXT: Token = argument(
    Slot::Text,
    Kind::Line,
    "Up to 80 characters describing this prefix-list",
);
const AS_PATH: Token = keyword("as-path", "BGP autonomous system path filter");
const ACCESS_LIST: Token = keyword("access-list", "Specify an access list number");
const ACCESS_LIST_NUMBER: Token = number(Slot::Count, 1, 500, "AS path access list number");
const EXPRESSION: Token = argument(
    Slot::Text,
    Kind::Line,
    "A regular-expression to match the BGP AS paths",
);
const COMMUNITY_LIST: Token = keyword("community-list", "Add a community list entry");
const STANDARD_NUMBER: Token = number(Slot::Count, 1, 99, "Community list number (standard)");
const EXPANDED_NUMBER: Token = number(Slot::Count, 100, 500, "Community list number (expanded)");
const STANDARD: Token = keyword("standard", "Add a standard community-list entry");
const EXPANDED: Token = keyword("expanded", "Add an expanded community-list entry");
const COMMUNITY_LIST_NAME: Token = argument(Slot::Name, Kind::Tag, "Community list name");
const COMMUNITIES: Token = rest(RestKind::Communities, "Community number, or a name as no-export");
const COMMUNITY_EXPRESSION: Token =
    argument(Slot::Text, Kind::Line, "An ordered list as a regular-expression");

const ROUTE_MAP: Token = keyword("route-map", "Create route-map or enter route-map command mode");
const ROUTE_MAP_NAME: Token = argument(Slot::Name, Kind::Word, "Route map tag");
const MAP_PERMIT: Token = keyword("permit", "Route map permits set operations");
const MAP_DENY: Token = keyword("deny", "Route map denies set operations");
const MAP_SEQUENCE: Token = number(
    Slot::Sequence,
    0,
    65_535,
    "Sequence to insert to/delete from existing route-map entry",
);

const MATCH: Token = keyword("match", "Match values from routing table");
const MATCH_IP: Token = keyword("ip", "IP specific information");
const MATCH_PREFIX_LIST: Token = keyword("prefix-list", "Match entries of prefix-lists");
const MATCH_NAMES: Token = rest(RestKind::Names, "IP prefix-list name");
const SET: Token = keyword("set", "Set values in destination routing protocol");
const SET_METRIC: Token = keyword("metric", "Metric value for destination routing protocol");
const SET_ORIGIN: Token = keyword("origin", "BGP origin code");
const SET_COMMUNITY: Token = keyword("community", "BGP community attribute");

/// Entries of lists.
pub(crate) const ENTRIES: &[Row] = entries! {
    AsPathPermit AsPathDeny: [IP_GLOBAL, AS_PATH, ACCESS_LIST, ACCESS_LIST_NUMBER] [EXPRESSION];
    CommunityPermit CommunityDeny: [IP_GLOBAL, COMMUNITY_LIST, STANDARD_NUMBER] [COMMUNITIES];
    NumberedExpandedPermit NumberedExpandedDeny: [IP_GLOBAL, COMMUNITY_LIST, EXPANDED_NUMBER]
        [COMMUNITY_EXPRESSION];
    StandardPermit StandardDeny: [IP_GLOBAL, COMMUNITY_LIST, STANDARD, COMMUNITY_LIST_NAME] [COMMUNITIES];
    ExpandedPermit ExpandedDeny: [IP_GLOBAL, COMMUNITY_LIST, EXPANDED, COMMUNITY_LIST_NAME]
        [COMMUNITY_EXPRESSION];
    PrefixListPermit PrefixListDeny: [IP_GLOBAL, PREFIX_LIST, PREFIX_LIST_NAME, optional(2), SEQ, SEQ_NUMBER]
        [PREFIX, optional(2), GE, GE_LENGTH, optional(2), LE, LE_LENGTH];
};

/// Whole lists, and route maps.
pub(crate) const WHOLE: &[Row] = &[
    policy_row!(GLOBAL NoPrefixList true: NO, IP_GLOBAL, PREFIX_LIST, PREFIX_LIST_NAME,
        optional(2), SEQ, SEQ_NUMBER),
    policy_row!(GLOBAL PrefixListDescription false: IP_GLOBAL, PREFIX_LIST, PREFIX_LIST_NAME, LIST_DESCRIPTION,
        LIST_DESCRIPTION_TEXT),
    policy_row!(GLOBAL PrefixListDescription true: NO, IP_GLOBAL, PREFIX_LIST, PREFIX_LIST_NAME, LIST_DESCRIPTION,
        optional(1), LIST_DESCRIPTION_TEXT),
    policy_row!(GLOBAL NoAsPath true: NO, IP_GLOBAL, AS_PATH, ACCESS_LIST, ACCESS_LIST_NUMBER),
    policy_row!(GLOBAL NoCommunity true: NO, IP_GLOBAL, COMMUNITY_LIST, STANDARD_NUMBER),
    policy_row!(GLOBAL NoNumberedExpanded true: NO, IP_GLOBAL, COMMUNITY_LIST, EXPANDED_NUMBER),
    policy_row!(GLOBAL NoStandard true: NO, IP_GLOBAL, COMMUNITY_LIST, STANDARD, COMMUNITY_LIST_NAME),
    policy_row!(GLOBAL NoExpanded true: NO, IP_GLOBAL, COMMUNITY_LIST, EXPANDED, COMMUNITY_LIST_NAME),
    policy_row!(GLOBAL RouteMapPermit false: ROUTE_MAP, ROUTE_MAP_NAME, MAP_PERMIT, optional(1), MAP_SEQUENCE),
    policy_row!(GLOBAL RouteMapPermit false: ROUTE_MAP, ROUTE_MAP_NAME, optional(1), MAP_SEQUENCE),
    policy_row!(GLOBAL RouteMapDeny false: ROUTE_MAP, ROUTE_MAP_NAME, MAP_DENY, optional(1), MAP_SEQUENCE),
    policy_row!(GLOBAL NoRouteMap true: NO, ROUTE_MAP, ROUTE_MAP_NAME, optional(1), MAP_SEQUENCE),
    policy_row!(GLOBAL NoRouteMap true: NO, ROUTE_MAP, ROUTE_MAP_NAME, MAP_PERMIT, MAP_SEQUENCE),
    policy_row!(GLOBAL NoRouteMap true: NO, ROUTE_MAP, ROUTE_MAP_NAME, MAP_DENY, MAP_SEQUENCE),
    policy_row!(ROUTE_MAP SetOriginIgp false: SET, SET_ORIGIN, keyword("igp", "local IGP")),
    policy_row!(ROUTE_MAP SetOriginIncomplete false: SET, SET_ORIGIN, keyword("incomplete", "unknown heritage")),
    policy_row!(ROUTE_MAP SetOriginIgp true: NO, SET, SET_ORIGIN, optional(1), keyword("igp", "local IGP")),
    policy_row!(ROUTE_MAP SetOriginIgp true: NO, SET, SET_ORIGIN, keyword("incomplete", "unknown heritage")),
    policy_row!(ROUTE_MAP SetCommunityNone false: SET, SET_COMMUNITY, keyword("none", "No community attribute")),
    policy_row!(ROUTE_MAP SetCommunityNone true: NO, SET, SET_COMMUNITY, keyword("none", "No community attribute")),
];

/// Lines of route maps.
pub(crate) const LINES: &[Row] = lines! {
    Description: [keyword("description", "Route-map comment")]
        [argument(Slot::Text, Kind::Line, "Comment up to 80 characters")];
    MatchPrefixList: [MATCH, MATCH_IP, keyword("address", "Match address of route or match packet"), MATCH_PREFIX_LIST]
        [MATCH_NAMES];
    MatchNextHop: [MATCH, MATCH_IP, keyword("next-hop", "Match next-hop address of route"), MATCH_PREFIX_LIST]
        [MATCH_NAMES];
    MatchAsPath: [MATCH, keyword("as-path", "Match BGP AS path list")]
        [rest(RestKind::ListNumbers, "AS path access-list")];
    MatchCommunity: [MATCH, keyword("community", "Match BGP community list")]
        [rest(RestKind::NamesExact, "Community-list number or name, then exact-match for no others")];
    MatchMetric: [MATCH, keyword("metric", "Match metric of route")]
        [number(Slot::Metric, 0, u32::MAX, "Metric value")];
    MatchLocalPreference: [MATCH, keyword("local-preference", "Local preference for route")]
        [number(Slot::Metric, 0, u32::MAX, "Local preference value")];
    SetLocalPreference: [SET, keyword("local-preference", "BGP local preference path attribute")]
        [number(Slot::Metric, 0, u32::MAX, "Preference value")];
    SetMetric: [SET, SET_METRIC] [number(Slot::Metric, 0, u32::MAX, "Metric value")];
    SetMetricAdd: [SET, SET_METRIC] [argument(Slot::Text, Kind::SignedMetric, "Add or subtract metric")];
    SetWeight: [SET, keyword("weight", "BGP weight for routing table")]
        [number(Slot::Count, 0, 65_535, "Weight value")];
    SetNextHop: [SET, keyword("ip", "IP specific information"), keyword("next-hop", "Next hop address")]
        [argument(Slot::Address, Kind::Address, "IP address of next hop")];
    SetPrepend: [SET, keyword("as-path", "Prepend string for a BGP AS-path attribute"),
        keyword("prepend", "Prepend to the as-path")]
        [rest(RestKind::AsNumbers, "AS numbers, the first one first")];
    SetCommunity: [SET, SET_COMMUNITY]
        [rest(RestKind::SetCommunities, "Community numbers or names, then additive to keep the others")];
    SetLargeCommunity: [SET, keyword("large-community", "BGP large community attribute")]
        [rest(RestKind::SetLargeCommunities, "Large communities, then additive to keep the others")];
    SetCommListDelete: [SET, keyword("comm-list", "set BGP community list (for deletion)")]
        [argument(Slot::Name, Kind::Word, "Community-list number or name"),
        keyword("delete", "Delete matching communities")];
};
