//! The rows of `router bgp`. Each setting has three: the command, its `no` form and its `default` form, which are the same
//! but where a row of its own says otherwise.

use super::BgpId;
use crate::mode::ModeSet;
use crate::name::INTERFACE_TYPE;
use crate::table::{CommandId, DEFAULT, NO, Privilege, Row};
use crate::token::{Kind, Slot, Token, argument, keyword};

/// Least and greatest restart and stale path time, seconds.
pub const GRACEFUL_TIME_RANGE: (u32, u32) = (1, 3600);
/// Most paths that share the load: as many as an entry of the cards' tables holds.
pub const MAXIMUM_PATHS_MAX: u32 = 16;

macro_rules! bgp_row {
    ($modes:ident $id:ident $negated:literal: $($token:expr),+) => {
        Row { modes: ModeSet::$modes, privilege: Privilege::Privileged, id: CommandId::Bgp(BgpId::$id),
              negated: $negated, hidden: false, tokens: &[$($token),+] }
    };
}

/// Settings without a value, and those whose `no` form needs the value.
macro_rules! flags {
    ($($modes:ident $id:ident: [$($token:expr),+];)+) => {
        &[$(
            bgp_row!($modes $id false: $($token),+),
            bgp_row!($modes $id true: NO, $($token),+),
            bgp_row!($modes $id true: DEFAULT, $($token),+),
        )+]
    };
}

/// Settings with a value, which the `no` form may leave out.
macro_rules! values {
    ($($modes:ident $id:ident: [$($head:expr),+] [$($tail:expr),+];)+) => {
        &[$(
            bgp_row!($modes $id false: $($head,)+ $($tail),+),
            bgp_row!($modes $id true: NO, $($head,)+ Token::Optional(count!($($tail),+)), $($tail),+),
            bgp_row!($modes $id true: DEFAULT, $($head,)+ Token::Optional(count!($($tail),+)), $($tail),+),
        )+]
    };
}

macro_rules! count {
    ($($token:expr),+) => { [$(stringify!($token)),+].len() };
}

const fn number(slot: Slot, min: u32, max: u32, help: &'static str) -> Token {
    argument(slot, Kind::Number { min, max }, help)
}

const fn optional(tokens: usize) -> Token {
    Token::Optional(tokens)
}

const fn seconds(slot: Slot, range: (u32, u32), help: &'static str) -> Token {
    number(slot, range.0, range.1, help)
}

const ROUTER: Token = keyword("router", "Enable a routing process");
const ROUTER_BGP: Token = keyword("bgp", "Border Gateway Protocol (BGP)");
const AS_NUMBER: Token = argument(Slot::AsNumber, Kind::AsNumber, "Autonomous system number");
const REMOTE_AS_NUMBER: Token = argument(Slot::AsNumber, Kind::AsNumber, "AS of remote neighbor");
const BGP: Token = keyword("bgp", "BGP specific commands");
const LOG_NEIGHBOR_CHANGES: Token = keyword("log-neighbor-changes", "Log neighbor up/down and reset reason");
const GRACEFUL_RESTART: Token = keyword("graceful-restart", "Graceful restart capability parameters");
const HA_MODE: Token = keyword("ha-mode", "High availability mode");
const HA_SSO: Token = keyword("sso", "Stateful switchover: sessions survive it unnoticed");
const HA_GRACEFUL: Token = keyword("graceful-restart", "Graceful restart with this neighbor");
const BESTPATH: Token = keyword("bestpath", "Change the default bestpath selection");
const BESTPATH_AS_PATH: Token = keyword("as-path", "AS-path attribute");
const TIMERS: Token = keyword("timers", "Adjust routing timers");
const KEEPALIVE: Token = number(Slot::Keepalive, 0, 65_535, "Keepalive interval");
const HOLD: Token = number(Slot::Hold, 0, 65_535, "Holdtime");
const MAXIMUM_PATHS: Token = keyword("maximum-paths", "Forward packets over multiple paths");
const TABLE_MAP: Token = keyword("table-map", "Map external entry attributes into routing table");
const TABLE_MAP_NAME: Token = argument(Slot::Name, Kind::Word, "route-map name");
const PATHS: Token = number(Slot::Count, 1, MAXIMUM_PATHS_MAX, "Number of paths");
const NETWORK: Token = keyword("network", "Specify a network to announce via BGP");
const NETWORK_NUMBER: Token = argument(Slot::Address, Kind::Address, "Network number");
const NETWORK_MASK: Token = keyword("mask", "Network mask");
const NETWORK_MASK_VALUE: Token = argument(Slot::Mask, Kind::Address, "Network mask");
const REDISTRIBUTE: Token = keyword(
    "redistribute",
    "Redistribute information from another routing protocol",
);
const CONNECTED: Token = keyword("connected", "Connected");
const STATIC: Token = keyword("static", "Static routes");
const METRIC: Token = keyword("metric", "Metric for redistributed routes");
const METRIC_VALUE: Token = number(Slot::Metric, 0, u32::MAX, "Default metric");
const ROUTE_MAP_REFERENCE: Token = keyword("route-map", "Route map reference");
const ROUTE_MAP_POINTER: Token = argument(Slot::Name, Kind::Word, "Pointer to route-map entries");

const NEIGHBOR: Token = keyword("neighbor", "Specify a neighbor router");
const WHO: Token = argument(Slot::Neighbor, Kind::Neighbor, "Neighbor address");
const HOLD_OPTION: Token = number(Slot::Count, 1, 255, "maximum hop count");
const SEND_COMMUNITY: Token = keyword("send-community", "Send Community attribute to this neighbor");
const PASSWORD: Token = keyword("password", "Set a password");
const PASSWORD_TEXT: Token = argument(Slot::Text, Kind::Line, "The password");
const PEER_GROUP: Token = keyword("peer-group", "Member of the peer-group");
const ROUTE_MAP: Token = keyword("route-map", "Apply route map to neighbor");
const MAP_NAME: Token = argument(Slot::Name, Kind::Word, "Name of route map");
const PREFIX_LIST: Token = keyword("prefix-list", "Filter updates to/from this neighbor");
const PREFIX_LIST_NAME: Token = argument(Slot::Name, Kind::Word, "Name of a prefix list");
const FILTER_LIST: Token = keyword("filter-list", "Establish BGP filters");
const FILTER_LIST_NUMBER: Token = number(Slot::Count, 1, 500, "AS path access list");
const IN: Token = keyword("in", "Apply to incoming updates");
const OUT: Token = keyword("out", "Apply to outgoing updates");
const MAXIMUM_PREFIX: Token = keyword(
    "maximum-prefix",
    "Maximum number of prefixes accepted from this peer",
);
const PREFIXES: Token = number(Slot::Count, 1, i32::MAX as u32, "maximum no. of prefix limit");
const THRESHOLD: Token = number(
    Slot::Threshold,
    1,
    100,
    "Threshold value (%) at which to generate a warning msg",
);

/// Settings without a value.
pub(crate) const FLAGS: &[Row] = flags! {
    BGP GracefulRestart: [BGP, GRACEFUL_RESTART];
    BGP AlwaysCompareMed: [BGP,
        keyword("always-compare-med", "Allow comparing MED from different neighbors")];
    BGP AsPathIgnore: [BGP, BESTPATH, BESTPATH_AS_PATH,
        keyword("ignore", "Ignore as-path length in selecting a route")];
    BGP MultipathRelax: [BGP, BESTPATH, BESTPATH_AS_PATH,
        keyword("multipath-relax", "Relax as-path check for multipath selection")];
    BGP CompareRouterId: [BGP, BESTPATH,
        keyword("compare-routerid", "Compare router-id for identical EBGP paths")];
    BGP MissingAsWorst: [BGP, BESTPATH, keyword("med", "MED attribute"),
        keyword("missing-as-worst", "Treat missing MED as the least preferred one")];
    BGP NeighborPassive: [NEIGHBOR, WHO, keyword("transport", "Transport options"),
        keyword("connection-mode", "Specify passive or active connection"),
        keyword("passive", "Passively establish the TCP connection")];
    BGP NeighborGraceful: [NEIGHBOR, WHO, HA_MODE, HA_GRACEFUL];
    BGP NeighborGracefulDisable: [NEIGHBOR, WHO, HA_MODE, HA_GRACEFUL,
        keyword("disable", "No graceful restart with this neighbor")];
    BGP_FAMILY DefaultInformation: [
        keyword("default-information", "Control distribution of default information"),
        keyword("originate", "Distribute a default route")];
    BGP_FAMILY NeighborNextHopSelf: [NEIGHBOR, WHO,
        keyword("next-hop-self", "Disable the next hop calculation for this neighbor")];
    BGP_FAMILY NeighborReflectorClient: [NEIGHBOR, WHO,
        keyword("route-reflector-client", "Configure a neighbor as Route Reflector client")];
    BGP_FAMILY NeighborSoftReconfiguration: [NEIGHBOR, WHO,
        keyword("soft-reconfiguration", "Per neighbor soft reconfiguration"),
        keyword("inbound", "Allow inbound soft reconfiguration for this neighbor")];
    BGP_FAMILY NeighborSendCommunity: [NEIGHBOR, WHO, SEND_COMMUNITY];
    BGP_FAMILY NeighborSendStandard: [NEIGHBOR, WHO, SEND_COMMUNITY,
        keyword("standard", "Send Standard Community attributes")];
    BGP_FAMILY NeighborSendExtended: [NEIGHBOR, WHO, SEND_COMMUNITY,
        keyword("extended", "Send Extended Community attribute")];
    BGP_FAMILY NeighborSendBoth: [NEIGHBOR, WHO, SEND_COMMUNITY,
        keyword("both", "Send Standard and Extended Community attributes")];
    BGP_FAMILY NeighborRouteMapIn: [NEIGHBOR, WHO, ROUTE_MAP, MAP_NAME, IN];
    BGP_FAMILY NeighborRouteMapOut: [NEIGHBOR, WHO, ROUTE_MAP, MAP_NAME, OUT];
    BGP_FAMILY NeighborPrefixListIn: [NEIGHBOR, WHO, PREFIX_LIST, PREFIX_LIST_NAME, IN];
    BGP_FAMILY NeighborPrefixListOut: [NEIGHBOR, WHO, PREFIX_LIST, PREFIX_LIST_NAME, OUT];
    BGP_FAMILY NeighborFilterListIn: [NEIGHBOR, WHO, FILTER_LIST, FILTER_LIST_NUMBER, IN];
    BGP_FAMILY NeighborFilterListOut: [NEIGHBOR, WHO, FILTER_LIST, FILTER_LIST_NUMBER, OUT];
};

/// Settings with a value.
pub(crate) const VALUES: &[Row] = values! {
    GLOBAL RouterBgp: [ROUTER, ROUTER_BGP] [AS_NUMBER];
    BGP RouterId: [BGP, keyword("router-id", "Override configured router identifier (peers will reset)")]
        [argument(Slot::Address, Kind::Address, "Manually configured router identifier")];
    BGP ClusterId: [BGP, keyword("cluster-id", "Configure Route-Reflector Cluster-id (peers will reset)")]
        [argument(Slot::Address, Kind::Address, "Route-Reflector Cluster-id in IP address format")];
    BGP ClusterId: [BGP, keyword("cluster-id", "Configure Route-Reflector Cluster-id (peers will reset)")]
        [number(Slot::Count, 1, u32::MAX, "Route-Reflector Cluster-id as 32 bit quantity")];
    BGP RestartTime: [BGP, GRACEFUL_RESTART,
        keyword("restart-time", "Set the max time needed to restart and come back up")]
        [seconds(Slot::Seconds, GRACEFUL_TIME_RANGE, "Delay value (seconds)")];
    BGP StalepathTime: [BGP, GRACEFUL_RESTART,
        keyword("stalepath-time", "Set the max time to hold onto restarting peer's stale paths")]
        [seconds(Slot::Seconds, GRACEFUL_TIME_RANGE, "Delay value (seconds)")];
    BGP Timers: [TIMERS, keyword("bgp", "BGP timers")] [KEEPALIVE, HOLD];
    BGP_FAMILY MaximumPaths: [MAXIMUM_PATHS] [PATHS];
    BGP_FAMILY MaximumPathsIbgp: [MAXIMUM_PATHS, keyword("ibgp", "iBGP-multipath")] [PATHS];
    BGP_FAMILY TableMap: [TABLE_MAP] [TABLE_MAP_NAME];
    BGP_FAMILY TableMapFilter: [TABLE_MAP] [TABLE_MAP_NAME, keyword("filter", "Selective route download")];
    BGP_FAMILY Network: [NETWORK, NETWORK_NUMBER]
        [optional(2), NETWORK_MASK, NETWORK_MASK_VALUE, optional(2), ROUTE_MAP_REFERENCE, ROUTE_MAP_POINTER];
    BGP_FAMILY RedistributeConnected: [REDISTRIBUTE, CONNECTED]
        [optional(2), METRIC, METRIC_VALUE, optional(2), ROUTE_MAP_REFERENCE, ROUTE_MAP_POINTER];
    BGP_FAMILY RedistributeConnected: [REDISTRIBUTE, CONNECTED]
        [ROUTE_MAP_REFERENCE, ROUTE_MAP_POINTER, METRIC, METRIC_VALUE];
    BGP_FAMILY RedistributeStatic: [REDISTRIBUTE, STATIC]
        [optional(2), METRIC, METRIC_VALUE, optional(2), ROUTE_MAP_REFERENCE, ROUTE_MAP_POINTER];
    BGP_FAMILY RedistributeStatic: [REDISTRIBUTE, STATIC]
        [ROUTE_MAP_REFERENCE, ROUTE_MAP_POINTER, METRIC, METRIC_VALUE];
    BGP NeighborRemoteAs: [NEIGHBOR, WHO, keyword("remote-as", "Specify a BGP neighbor")] [REMOTE_AS_NUMBER];
    BGP NeighborDescription: [NEIGHBOR, WHO, keyword("description", "Neighbor specific description")]
        [argument(Slot::Text, Kind::Line, "Up to 80 characters describing this neighbor")];
    BGP NeighborShutdown: [NEIGHBOR, WHO, keyword("shutdown", "Administratively shut down this neighbor")]
        [optional(2), keyword("message", "Add a shutdown message (RFC 9003)"),
        argument(Slot::Text, Kind::Line, "Up to 255 bytes that the neighbor is told")];
    BGP NeighborPassword: [NEIGHBOR, WHO, PASSWORD] [optional(1),
        number(Slot::Encryption, 0, 7, "Encryption type (0 to disable encryption, 7 for proprietary)"),
        PASSWORD_TEXT];
    BGP NeighborMultihop: [NEIGHBOR, WHO,
        keyword("ebgp-multihop", "Allow EBGP neighbors not on directly connected networks")]
        [optional(1), HOLD_OPTION];
    BGP NeighborTtlSecurity: [NEIGHBOR, WHO, keyword("ttl-security", "BGP ttl security check"),
        keyword("hops", "IP hops")] [number(Slot::Count, 1, 254, "maximum number of hops allowed")];
    BGP NeighborUpdateSource: [NEIGHBOR, WHO, keyword("update-source", "Source of routing updates")]
        [keyword(INTERFACE_TYPE, "IEEE 802.3"), argument(Slot::Port, Kind::Port, "Card slot and port number")];
    BGP NeighborTimers: [NEIGHBOR, WHO, keyword("timers", "BGP per neighbor timers")] [KEEPALIVE, HOLD];
    BGP_FAMILY NeighborWeight: [NEIGHBOR, WHO, keyword("weight", "Set default weight for routes from this neighbor")]
        [number(Slot::Count, 0, 65_535, "default weight")];
    BGP_FAMILY NeighborAllowAsIn: [NEIGHBOR, WHO,
        keyword("allowas-in", "Accept as-path with my AS present in it")]
        [optional(1), number(Slot::Count, 1, 10, "Number of occurances of AS number")];
    BGP_FAMILY NeighborDefaultOriginate: [NEIGHBOR, WHO,
        keyword("default-originate", "Originate default route to this neighbor")]
        [optional(2), keyword("route-map", "Route-map to specify criteria to originate default"),
        argument(Slot::Name, Kind::Word, "route-map name")];
    BGP_FAMILY NeighborMaximumPrefix: [NEIGHBOR, WHO, MAXIMUM_PREFIX] [PREFIXES, optional(1), THRESHOLD];
    BGP_FAMILY NeighborMaximumPrefixWarning: [NEIGHBOR, WHO, MAXIMUM_PREFIX] [PREFIXES, optional(1), THRESHOLD,
        keyword("warning-only", "Only give warning message when limit is exceeded")];
    BGP_FAMILY NeighborMaximumPrefixRestart: [NEIGHBOR, WHO, MAXIMUM_PREFIX] [PREFIXES, optional(1), THRESHOLD,
        keyword("restart", "Restart bgp connection after limit is exceeded"),
        number(Slot::Interval, 1, 65_535, "Restart interval in minutes")];
};

/// What has no `no` form like the others, and defaults that are on.
pub(crate) const SINGLES: &[Row] = &[
    bgp_row!(BGP AddressFamily false: keyword("address-family", "Enter Address Family command mode"),
        keyword("ipv4", "Address family"), optional(1), keyword("unicast", "Address Family Modifier")),
    bgp_row!(IPV4_FAMILY ExitAddressFamily false:
        keyword("exit-address-family", "Exit from Address Family configuration mode")),
    bgp_row!(BGP LogNeighborChanges false: BGP, LOG_NEIGHBOR_CHANGES),
    bgp_row!(BGP LogNeighborChanges true: NO, BGP, LOG_NEIGHBOR_CHANGES),
    bgp_row!(BGP LogNeighborChanges false: DEFAULT, BGP, LOG_NEIGHBOR_CHANGES),
    bgp_row!(BGP HaMode false: BGP, HA_MODE, HA_SSO),
    bgp_row!(BGP HaMode true: NO, BGP, HA_MODE, HA_SSO),
    bgp_row!(BGP HaMode false: DEFAULT, BGP, HA_MODE, HA_SSO),
    bgp_row!(BGP DefaultIpv4Unicast false: BGP, BGP_DEFAULT, IPV4_UNICAST),
    bgp_row!(BGP DefaultIpv4Unicast true: NO, BGP, BGP_DEFAULT, IPV4_UNICAST),
    bgp_row!(BGP DefaultIpv4Unicast false: DEFAULT, BGP, BGP_DEFAULT, IPV4_UNICAST),
    bgp_row!(BGP NoNeighbor true: NO, NEIGHBOR, WHO),
    bgp_row!(BGP NeighborHaMode false: NEIGHBOR, WHO, HA_MODE, HA_SSO),
    bgp_row!(BGP NeighborHaMode true: NO, NEIGHBOR, WHO, HA_MODE, HA_SSO),
    bgp_row!(BGP NeighborHaModeDefault false: DEFAULT, NEIGHBOR, WHO, HA_MODE, HA_SSO),
    bgp_row!(BGP_FAMILY NeighborActivate false: NEIGHBOR, WHO, ACTIVATE),
    bgp_row!(BGP_FAMILY NeighborActivate true: NO, NEIGHBOR, WHO, ACTIVATE),
    bgp_row!(BGP_FAMILY NeighborActivateDefault false: DEFAULT, NEIGHBOR, WHO, ACTIVATE),
    bgp_row!(BGP NeighborPeerGroup false: NEIGHBOR, WHO, PEER_GROUP),
    bgp_row!(BGP_FAMILY NeighborMemberOf false: NEIGHBOR, WHO, PEER_GROUP, PEER_GROUP_NAME),
    bgp_row!(BGP_FAMILY NeighborMemberOf true: NO, NEIGHBOR, WHO, PEER_GROUP, optional(1), PEER_GROUP_NAME),
];

const BGP_DEFAULT: Token = keyword("default", "Configure BGP defaults");
const IPV4_UNICAST: Token = keyword("ipv4-unicast", "Activate ipv4-unicast for a peer by default");
const ACTIVATE: Token = keyword("activate", "Enable the Address Family for this Neighbor");
const PEER_GROUP_NAME: Token = argument(Slot::Name, Kind::Word, "peer-group name");
