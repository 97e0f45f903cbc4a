//! Commands of the EXEC about routing: BGP, its policy, TCP sessions, parts of the routing table.

use alloc::string::String;
use core::net::Ipv4Addr;

use super::Direction;
use crate::command::AddressFilter;
use crate::grammar::Matched;
use crate::mode::ModeSet;
use crate::table::{
    CommandId, DEBUG, LOOKUP_MASK, LOOKUP_NETWORK, NO, Privilege, Row, SHOW, SHOW_IP, SHOW_ROUTE, UNDEBUG,
};
use crate::token::{Kind, Slot, Token, argument, keyword};

/// Which row a command about routing is a form of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the rows say what each one is, word by word")]
pub enum RoutingId {
    ShowBgp,
    ShowBgpSummary,
    ShowBgpNeighbors,
    ShowBgpAdvertised,
    ShowBgpReceived,
    ShowBgpRoutes,
    ShowBgpSso,
    ShowBgpPeerGroup,
    ShowBgpRibFailure,
    ShowRouteSummary,
    ShowRouteConnected,
    ShowRouteStatic,
    ShowRouteBgp,
    ShowTcpBrief,
    ShowTcpBriefAll,
    ShowPrefixList,
    ShowRouteMap,
    ShowAsPathList,
    ShowCommunityList,
    ClearAll,
    ClearNeighbor,
    ClearAs,
    ClearPeerGroup,
    ClearExternal,
    DebugEvents,
    DebugKeepalives,
    DebugUpdates,
    DebugAll,
}

/// A command about routing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoutingCommand {
    /// `show ip bgp [A.B.C.D[/n] | A.B.C.D MASK]`
    ShowBgp {
        /// What to look up; `None`: the whole table.
        filter: Option<AddressFilter>,
    },
    /// `show ip bgp summary`
    ShowBgpSummary,
    /// `show ip bgp neighbors [A.B.C.D]`
    ShowBgpNeighbors {
        /// One neighbour only.
        neighbor: Option<Ipv4Addr>,
    },
    /// `show ip bgp neighbors A.B.C.D {advertised-routes | received-routes | routes}`
    ShowBgpNeighborRoutes {
        /// Whose.
        neighbor: Ipv4Addr,
        /// Which.
        view: NeighborRoutes,
    },
    /// `show ip bgp [all | vpnv4 all] sso summary`
    ShowBgpSsoSummary,
    /// `show ip bgp peer-group [NAME]`
    ShowBgpPeerGroup {
        /// One group only.
        name: Option<String>,
    },
    /// `show ip bgp rib-failure`
    ShowBgpRibFailure,
    /// `show ip route summary`
    ShowRouteSummary,
    /// `show ip route {connected | static | bgp}`
    ShowRouteProtocol(RouteProtocol),
    /// `show tcp brief [all]`
    ShowTcpBrief {
        /// Listeners too.
        all: bool,
    },
    /// `show ip prefix-list [NAME]`
    ShowPrefixList {
        /// One list only.
        name: Option<String>,
    },
    /// `show route-map [NAME]`
    ShowRouteMap {
        /// One route map only.
        name: Option<String>,
    },
    /// `show ip as-path-access-list [N]`
    ShowAsPathList {
        /// One list only.
        number: Option<u32>,
    },
    /// `show ip community-list [NAME]`
    ShowCommunityList {
        /// One list only.
        name: Option<String>,
    },
    /// `clear ip bgp WHOM [soft] [in | out]`, `clear ip bgp WHOM message TEXT`
    ClearBgp {
        /// Whose sessions.
        whom: ClearWhom,
        /// What happens to them.
        how: ClearHow,
        /// What neighbours are told whose sessions end (RFC 9003).
        message: Option<String>,
    },
    /// `debug ip bgp ...` (true); `no debug ip bgp ...`, `undebug ip bgp ...` (false).
    DebugBgp {
        /// What is told.
        topic: BgpDebug,
        /// Of one neighbour only.
        neighbor: Option<Ipv4Addr>,
        /// On or off.
        on: bool,
    },
}

/// Routes between a neighbour and this router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NeighborRoutes {
    /// What it was told.
    Advertised,
    /// What it has told, before policy: only with `soft-reconfiguration inbound`.
    Received,
    /// What it has told and policy takes.
    Accepted,
}

/// Who put a route into the routing table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteProtocol {
    /// The networks of the interfaces.
    Connected,
    /// `ip route`.
    Static,
    /// BGP.
    Bgp,
}

/// Whose sessions are cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClearWhom {
    /// `*`: everybody's.
    All,
    /// One neighbour's.
    Neighbor(Ipv4Addr),
    /// Those of neighbours in this AS.
    As(u32),
    /// Those of the members of a peer group.
    PeerGroup(String),
    /// `external`: those of neighbours in other ASes.
    External,
}

/// What happens to a session that is cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClearHow {
    /// It ends and starts again.
    Hard,
    /// Policy is applied anew; `None`: to routes that come and to those that go.
    Soft(Option<Direction>),
}

/// What of BGP can be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BgpDebug {
    /// `debug ip bgp`: sessions, OPENs, NOTIFICATIONs.
    Sessions,
    /// `debug ip bgp events`: changes of state.
    Events,
    /// `debug ip bgp keepalives`
    Keepalives,
    /// `debug ip bgp updates`
    Updates,
}

const BGP: Token = keyword("bgp", "BGP information");
const TABLE: Token = argument(
    Slot::Address,
    Kind::AddressOrPrefix,
    "Network in the BGP routing table to display",
);
const NEIGHBORS: Token = keyword(
    "neighbors",
    "Detailed information on TCP and BGP neighbor connections",
);
const NEIGHBOR: Token = argument(
    Slot::Address,
    Kind::Address,
    "Neighbor to display information about",
);
const SSO: Token = keyword("sso", "Stateful switchover of sessions");
const SSO_SUMMARY: Token = keyword("summary", "One line for each session that survives a switchover");
const ALL: Token = keyword("all", "All address families");
const CLEAR: Token = keyword("clear", "Reset functions");
const CLEAR_IP: Token = keyword("ip", "IP");
const CLEAR_BGP: Token = keyword("bgp", "Clear BGP connections");
const SOFT: Token = keyword("soft", "Soft reconfig");
const IN: Token = keyword("in", "Soft reconfig inbound update");
const OUT: Token = keyword("out", "Soft reconfig outbound update");
const MESSAGE: Token = keyword("message", "Add a message for the neighbor's operator (RFC 9003)");
const MESSAGE_TEXT: Token = argument(
    Slot::Text,
    Kind::Line,
    "Up to 255 bytes that the neighbor is told",
);
const EVERYBODY: Token = keyword("*", "Clear all peers");
const CLEAR_NEIGHBOR: Token = argument(Slot::Address, Kind::Address, "BGP neighbor address to clear");
const CLEAR_AS: Token = argument(Slot::AsNumber, Kind::AsNumber, "Clear peers with the AS number");
const CLEAR_GROUP: Token = keyword("peer-group", "Clear all members of peer-group");
const CLEAR_GROUP_NAME: Token = argument(Slot::Name, Kind::Word, "BGP peer-group name");
const CLEAR_EXTERNAL: Token = keyword("external", "Clear all external peers");
const DEBUG_IP: Token = keyword("ip", "IP information");
const DEBUG_BGP: Token = keyword("bgp", "BGP information");
const DEBUG_NEIGHBOR: Token = argument(Slot::Address, Kind::Address, "BGP neighbor address");
const EVENTS: Token = keyword("events", "BGP events");
const KEEPALIVES: Token = keyword("keepalives", "BGP keepalives");
const UPDATES: Token = keyword("updates", "BGP updates");
const TCP: Token = keyword("tcp", "Status of TCP connections");
const BRIEF: Token = keyword("brief", "Brief display");
const PREFIX_LIST: Token = keyword("prefix-list", "List IP prefix lists");
const ROUTE_MAP: Token = keyword("route-map", "route-map information");

const fn optional(tokens: usize) -> Token {
    Token::Optional(tokens)
}

const fn name(help: &'static str) -> Token {
    argument(Slot::Name, Kind::Word, help)
}

macro_rules! routing_row {
    ($privilege:ident $id:ident $negated:literal: $($token:expr),+) => {
        Row { modes: ModeSet::EXEC, privilege: Privilege::$privilege,
              id: CommandId::Routing(RoutingId::$id, How::PLAIN), negated: $negated, hidden: false,
              tokens: &[$($token),+] }
    };
}

/// A clear command with each end that it can have.
macro_rules! clears {
    ($($id:ident: [$($token:expr),+];)+) => {
        &[$(
            clears!(@ $id PLAIN: $($token,)+ optional(2), MESSAGE, MESSAGE_TEXT),
            clears!(@ $id IN: $($token,)+ IN),
            clears!(@ $id OUT: $($token,)+ OUT),
            clears!(@ $id SOFT: $($token,)+ SOFT),
            clears!(@ $id IN: $($token,)+ SOFT, IN),
            clears!(@ $id OUT: $($token,)+ SOFT, OUT),
        )+]
    };
    (@ $id:ident $how:ident: $($token:expr),+) => {
        Row { modes: ModeSet::EXEC, privilege: Privilege::Privileged,
              id: CommandId::Routing(RoutingId::$id, How::$how), negated: false, hidden: false,
              tokens: &[CLEAR, CLEAR_IP, CLEAR_BGP, $($token),+] }
    };
}

/// A debug command with the three words that it can begin with.
macro_rules! debugs {
    ($($id:ident: [$($token:expr),*];)+) => {
        &[$(
            routing_row!(Privileged $id false: DEBUG, DEBUG_IP, DEBUG_BGP $(, $token)*),
            routing_row!(Privileged $id true: NO, DEBUG, DEBUG_IP, DEBUG_BGP $(, $token)*),
            routing_row!(Privileged $id true: UNDEBUG, DEBUG_IP, DEBUG_BGP $(, $token)*),
        )+]
    };
}

/// The end of a `clear` command, which words alone tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct How(Option<ClearHow>);

impl How {
    const PLAIN: How = How(None);
    const SOFT: How = How(Some(ClearHow::Soft(None)));
    const IN: How = How(Some(ClearHow::Soft(Some(Direction::In))));
    const OUT: How = How(Some(ClearHow::Soft(Some(Direction::Out))));
}

/// What there is to see.
pub(crate) const SHOWN: &[Row] = &[
    routing_row!(User ShowBgp false: SHOW, SHOW_IP, BGP, optional(1), TABLE),
    routing_row!(User ShowBgp false: SHOW, SHOW_IP, BGP, LOOKUP_NETWORK, LOOKUP_MASK),
    routing_row!(User ShowBgpSummary false: SHOW, SHOW_IP, BGP,
        keyword("summary", "Summary of BGP neighbor status")),
    routing_row!(User ShowBgpNeighbors false: SHOW, SHOW_IP, BGP, NEIGHBORS, optional(1), NEIGHBOR),
    routing_row!(User ShowBgpAdvertised false: SHOW, SHOW_IP, BGP, NEIGHBORS, NEIGHBOR,
        keyword("advertised-routes", "Display the routes advertised to a BGP neighbor")),
    routing_row!(User ShowBgpReceived false: SHOW, SHOW_IP, BGP, NEIGHBORS, NEIGHBOR,
        keyword("received-routes", "Display the received routes from neighbor")),
    routing_row!(User ShowBgpRoutes false: SHOW, SHOW_IP, BGP, NEIGHBORS, NEIGHBOR,
        keyword("routes", "Display routes learned from neighbor")),
    routing_row!(User ShowBgpSso false: SHOW, SHOW_IP, BGP, SSO, SSO_SUMMARY),
    routing_row!(User ShowBgpSso false: SHOW, SHOW_IP, BGP, ALL, SSO, SSO_SUMMARY),
    routing_row!(User ShowBgpSso false: SHOW, SHOW_IP, BGP,
        keyword("vpnv4", "VPNv4 address family: here, the sessions of all families"),
        keyword("all", "All VPNs"), SSO, SSO_SUMMARY),
    routing_row!(User ShowBgpPeerGroup false: SHOW, SHOW_IP, BGP,
        keyword("peer-group", "Display information on peer-groups"), optional(1), name("Peer-group name")),
    routing_row!(User ShowBgpRibFailure false: SHOW, SHOW_IP, BGP,
        keyword("rib-failure", "Display bgp routes that failed to install in the routing table (RIB)")),
    routing_row!(User ShowRouteSummary false: SHOW, SHOW_IP, SHOW_ROUTE,
        keyword("summary", "Summary of all routes")),
    routing_row!(User ShowRouteConnected false: SHOW, SHOW_IP, SHOW_ROUTE, keyword("connected", "Connected")),
    routing_row!(User ShowRouteStatic false: SHOW, SHOW_IP, SHOW_ROUTE, keyword("static", "Static routes")),
    routing_row!(User ShowRouteBgp false: SHOW, SHOW_IP, SHOW_ROUTE,
        keyword("bgp", "Border Gateway Protocol (BGP)")),
    routing_row!(User ShowTcpBrief false: SHOW, TCP, BRIEF),
    routing_row!(User ShowTcpBriefAll false: SHOW, TCP, BRIEF, keyword("all", "Listening endpoints too")),
    routing_row!(User ShowPrefixList false: SHOW, SHOW_IP, PREFIX_LIST, optional(1), name("Name of a prefix list")),
    routing_row!(User ShowRouteMap false: SHOW, ROUTE_MAP, optional(1), name("route-map name")),
    routing_row!(User ShowAsPathList false: SHOW, SHOW_IP,
        keyword("as-path-access-list", "List AS path access lists"), optional(1),
        argument(Slot::Count, Kind::Number { min: 1, max: 500 }, "AS path access list number")),
    routing_row!(User ShowCommunityList false: SHOW, SHOW_IP, keyword("community-list", "List community-list"),
        optional(1), name("community-list number or name")),
];

/// Sessions that start again, or look at policy again.
pub(crate) const CLEARS: &[Row] = clears! {
    ClearAll: [EVERYBODY];
    ClearNeighbor: [CLEAR_NEIGHBOR];
    ClearAs: [CLEAR_AS];
    ClearPeerGroup: [CLEAR_GROUP, CLEAR_GROUP_NAME];
    ClearExternal: [CLEAR_EXTERNAL];
};

/// What can be watched.
pub(crate) const DEBUGS: &[Row] = debugs! {
    DebugAll: [optional(1), DEBUG_NEIGHBOR];
    DebugEvents: [EVENTS];
    DebugKeepalives: [KEEPALIVES];
    DebugUpdates: [UPDATES];
    DebugEvents: [DEBUG_NEIGHBOR, EVENTS];
    DebugKeepalives: [DEBUG_NEIGHBOR, KEEPALIVES];
    DebugUpdates: [DEBUG_NEIGHBOR, UPDATES];
};

/// The command about routing that a matched row means; `None` when it is another command.
pub(crate) fn exec_command(matched: &Matched) -> Option<RoutingCommand> {
    let CommandId::Routing(id, How(how)) = matched.id else {
        return None;
    };
    let neighbor = matched.address(Slot::Address);
    let name = || matched.text(Slot::Name);
    let routes = |view| {
        let neighbor = neighbor?;
        Some(RoutingCommand::ShowBgpNeighborRoutes { neighbor, view })
    };
    let clear = |whom| RoutingCommand::ClearBgp {
        whom,
        how: how.unwrap_or(ClearHow::Hard),
        message: matched.text(Slot::Text),
    };
    let debug = |topic| RoutingCommand::DebugBgp {
        topic,
        neighbor,
        on: !matched.negated,
    };
    Some(match id {
        RoutingId::ShowBgp => RoutingCommand::ShowBgp {
            filter: matched.filter(),
        },
        RoutingId::ShowBgpSummary => RoutingCommand::ShowBgpSummary,
        RoutingId::ShowBgpNeighbors => RoutingCommand::ShowBgpNeighbors { neighbor },
        RoutingId::ShowBgpAdvertised => routes(NeighborRoutes::Advertised)?,
        RoutingId::ShowBgpReceived => routes(NeighborRoutes::Received)?,
        RoutingId::ShowBgpRoutes => routes(NeighborRoutes::Accepted)?,
        RoutingId::ShowBgpSso => RoutingCommand::ShowBgpSsoSummary,
        RoutingId::ShowBgpPeerGroup => RoutingCommand::ShowBgpPeerGroup { name: name() },
        RoutingId::ShowBgpRibFailure => RoutingCommand::ShowBgpRibFailure,
        RoutingId::ShowRouteSummary => RoutingCommand::ShowRouteSummary,
        RoutingId::ShowRouteConnected => RoutingCommand::ShowRouteProtocol(RouteProtocol::Connected),
        RoutingId::ShowRouteStatic => RoutingCommand::ShowRouteProtocol(RouteProtocol::Static),
        RoutingId::ShowRouteBgp => RoutingCommand::ShowRouteProtocol(RouteProtocol::Bgp),
        RoutingId::ShowTcpBrief => RoutingCommand::ShowTcpBrief { all: false },
        RoutingId::ShowTcpBriefAll => RoutingCommand::ShowTcpBrief { all: true },
        RoutingId::ShowPrefixList => RoutingCommand::ShowPrefixList { name: name() },
        RoutingId::ShowRouteMap => RoutingCommand::ShowRouteMap { name: name() },
        RoutingId::ShowAsPathList => RoutingCommand::ShowAsPathList {
            number: matched.number(Slot::Count),
        },
        RoutingId::ShowCommunityList => RoutingCommand::ShowCommunityList { name: name() },
        RoutingId::ClearAll => clear(ClearWhom::All),
        RoutingId::ClearNeighbor => clear(ClearWhom::Neighbor(neighbor?)),
        RoutingId::ClearAs => clear(ClearWhom::As(matched.number(Slot::AsNumber)?)),
        RoutingId::ClearPeerGroup => clear(ClearWhom::PeerGroup(name()?)),
        RoutingId::ClearExternal => clear(ClearWhom::External),
        RoutingId::DebugAll => debug(BgpDebug::Sessions),
        RoutingId::DebugEvents => debug(BgpDebug::Events),
        RoutingId::DebugKeepalives => debug(BgpDebug::Keepalives),
        RoutingId::DebugUpdates => debug(BgpDebug::Updates),
    })
}
