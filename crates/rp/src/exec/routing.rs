//! EXEC commands about routing: each goes to whoever has the answer.

use super::policy_show;
use super::{BgpTable, RouteTable};
use crate::console::Page;
use crate::io::SessionId;
use crate::processor::{Role, RouteProcessor};
use alloc::string::String;
use alloc::vec::Vec;
use bgp::DebugTopic;
use bgp::show::Routes;
use config::bgp::{BgpDebug, ClearHow, ClearWhom, NeighborRoutes, RouteProtocol};
use config::{AddressFilter, ExecCommand, RoutingCommand};
use core::net::{IpAddr, Ipv4Addr};
use machine::Instant;
use management::Outcome;

/// The answer of a router without a BGP process.
const NOT_ACTIVE: &str = "% BGP not active";
/// The answer about a neighbour that is not configured.
const NO_SUCH_NEIGHBOR: &str = "%BGP: No such neighbor";
/// The answer about a peer group that is not configured.
const NO_SUCH_PEER_GROUP: &str = "% No such peer-group";
/// The answer about what is not structured.
const NO_JSON: &str = "% This command has no JSON output";
/// The answer about what this image does not show.
const NOT_SHOWN: &str = "% Not supported by this image";

/// Whether what a command shows has a form as JSON.
const fn has_json(command: &RoutingCommand) -> bool {
    match command {
        RoutingCommand::ShowBgp { .. }
        | RoutingCommand::ShowBgpSummary
        | RoutingCommand::ShowBgpNeighbors { .. }
        | RoutingCommand::ShowBgpNeighborRoutes { .. }
        | RoutingCommand::ShowBgpSsoSummary
        | RoutingCommand::ShowRouteSummary
        | RoutingCommand::ShowRouteProtocol(_)
        | RoutingCommand::ShowTcpBrief { .. }
        | RoutingCommand::ShowBgpPeerGroup { .. }
        | RoutingCommand::ShowBgpRibFailure
        | RoutingCommand::ShowPrefixList { .. }
        | RoutingCommand::ShowRouteMap { .. }
        | RoutingCommand::ShowAsPathList { .. }
        | RoutingCommand::ShowCommunityList { .. } => true,
        RoutingCommand::ClearBgp { .. } | RoutingCommand::DebugBgp { .. } => false,
    }
}

impl RouteProcessor {
    /// `json`: what is shown is to be one JSON document.
    pub(super) fn routing(&mut self, now: Instant, id: SessionId, command: &RoutingCommand, json: bool) {
        let Role::Active(active) = &self.role else {
            return self.complete(now, id, Outcome::Rejected, NOT_ACTIVE);
        };
        let has_bgp = active.clients.configuration.tree().bgp().is_some();
        let told = match command {
            RoutingCommand::ClearBgp { whom, how, message } => {
                return self.clear_bgp(now, id, (whom, *how), message.as_deref());
            }
            RoutingCommand::ShowRouteSummary => {
                return self.show_all(now, id, &active.show_route_summary(json));
            }
            RoutingCommand::ShowRouteProtocol(protocol) => {
                let table = RouteTable {
                    only: Some(match protocol {
                        RouteProtocol::Connected => rib::Protocol::Connected,
                        RouteProtocol::Static => rib::Protocol::Static,
                        RouteProtocol::Bgp => rib::Protocol::Bgp,
                    }),
                    json,
                    after: None,
                    shown: 0,
                };
                return self.show_page(now, id, Page::Routes(table));
            }
            RoutingCommand::ShowTcpBrief { all } => {
                return self.show_all(now, id, &active.show_tcp_brief(*all, json));
            }
            RoutingCommand::ShowBgp { .. }
            | RoutingCommand::ShowBgpSummary
            | RoutingCommand::ShowBgpNeighbors { .. }
            | RoutingCommand::ShowBgpNeighborRoutes { .. }
            | RoutingCommand::ShowBgpSsoSummary
            | RoutingCommand::ShowBgpPeerGroup { .. }
            | RoutingCommand::ShowBgpRibFailure
                if has_bgp =>
            {
                return self.show_bgp(now, id, command, json);
            }
            RoutingCommand::ShowBgp { .. }
            | RoutingCommand::ShowBgpSummary
            | RoutingCommand::ShowBgpNeighbors { .. }
            | RoutingCommand::ShowBgpNeighborRoutes { .. }
            | RoutingCommand::ShowBgpSsoSummary
            | RoutingCommand::ShowBgpPeerGroup { .. }
            | RoutingCommand::ShowBgpRibFailure => NOT_ACTIVE,
            RoutingCommand::DebugBgp { topic, neighbor, on } => {
                let text = self.debug_bgp(*topic, *neighbor, *on);
                return self.complete(now, id, Outcome::Accepted, &text);
            }
            RoutingCommand::ShowPrefixList { .. }
            | RoutingCommand::ShowRouteMap { .. }
            | RoutingCommand::ShowAsPathList { .. }
            | RoutingCommand::ShowCommunityList { .. } => return self.show_policy(now, id, command, json),
        };
        self.complete(now, id, Outcome::Rejected, told);
    }

    /// `[no] debug ip bgp ...`
    fn debug_bgp(&mut self, topic: BgpDebug, neighbor: Option<Ipv4Addr>, on: bool) -> String {
        let Role::Active(active) = &mut self.role else {
            return String::new();
        };
        let topic = match topic {
            BgpDebug::Sessions => DebugTopic::Sessions,
            BgpDebug::Events => DebugTopic::Events,
            BgpDebug::Keepalives => DebugTopic::Keepalives,
            BgpDebug::Updates => DebugTopic::Updates,
        };
        let neighbor = neighbor.map(IpAddr::V4);
        active.clients.speaker.set_debug(topic, neighbor, on);
        topic.state(neighbor, on)
    }

    /// `undebug all`, as far as it is about BGP.
    pub(super) fn undebug_bgp(&mut self) {
        if let Role::Active(active) = &mut self.role {
            for topic in DebugTopic::ALL {
                active.clients.speaker.set_debug(topic, None, false);
            }
        }
    }

    /// What of BGP is being watched, for `show debugging`.
    pub(super) fn show_bgp_debugging(&self) -> Vec<String> {
        let Role::Active(active) = &self.role else {
            return Vec::new();
        };
        let debugged = active.clients.speaker.debugged();
        let mut lines: Vec<String> = debugged
            .map(|(topic, neighbor)| alloc::format!("  {}", topic.state(neighbor, true)))
            .collect();
        if !lines.is_empty() {
            lines.insert(0, String::from("IP routing:"));
        }
        lines
    }

    /// `... | json`
    pub(super) fn show_json(&mut self, now: Instant, id: SessionId, command: ExecCommand) {
        match command {
            ExecCommand::Routing(command) if has_json(&command) => self.routing(now, id, &command, true),
            ExecCommand::ShowIpRoute { filter } => self.show_routes(now, id, filter, true),
            _ => self.complete(now, id, Outcome::Rejected, NO_JSON),
        }
    }

    /// A text that is there as a whole.
    fn show_all(&mut self, now: Instant, id: SessionId, lines: &[String]) {
        self.show_page(now, id, Page::Text(lines.join("\n"), 0));
    }

    /// `show ip route [A.B.C.D ...]`
    pub(super) fn show_routes(
        &mut self,
        now: Instant,
        id: SessionId,
        filter: Option<AddressFilter>,
        json: bool,
    ) {
        let Some(filter) = filter else {
            let table = RouteTable {
                only: None,
                json,
                after: None,
                shown: 0,
            };
            return self.show_page(now, id, Page::Routes(table));
        };
        let Role::Active(active) = &self.role else {
            return self.complete(now, id, Outcome::Accepted, "");
        };
        let lines = active.show_route_entry(super::question(filter), json);
        self.show_all(now, id, &lines);
    }

    fn show_bgp(&mut self, now: Instant, id: SessionId, command: &RoutingCommand, json: bool) {
        let Role::Active(active) = &self.role else {
            return;
        };
        let table = |routes| BgpTable {
            routes,
            failed_only: matches!(command, RoutingCommand::ShowBgpRibFailure),
            json,
            after: None,
            shown: 0,
        };
        let lines = match command {
            RoutingCommand::ShowBgp { filter: None } | RoutingCommand::ShowBgpRibFailure => {
                return self.show_page(now, id, Page::Bgp(table(Routes::All)));
            }
            RoutingCommand::ShowBgp { filter: Some(filter) } => active.show_bgp_prefix(*filter, json),
            RoutingCommand::ShowBgpSummary => Some(active.show_bgp_summary(now, json)),
            RoutingCommand::ShowBgpSsoSummary => Some(active.show_bgp_sso(now, json)),
            RoutingCommand::ShowBgpNeighbors { neighbor } => {
                let is_known = neighbor.is_none_or(|address| active.bgp().peer_of(address).is_some());
                if !is_known {
                    return self.complete(now, id, Outcome::Rejected, NO_SUCH_NEIGHBOR);
                }
                Some(active.show_bgp_neighbors(now, *neighbor, json))
            }
            RoutingCommand::ShowBgpPeerGroup { name } => {
                let Some(lines) = active.show_bgp_peer_groups(name.as_deref(), json) else {
                    return self.complete(now, id, Outcome::Rejected, NO_SUCH_PEER_GROUP);
                };
                Some(lines)
            }
            RoutingCommand::ShowBgpNeighborRoutes { neighbor, view } => {
                let Some(peer) = active.bgp().peer_of(*neighbor) else {
                    return self.complete(now, id, Outcome::Rejected, NO_SUCH_NEIGHBOR);
                };
                let keeps_refused = |known: &bgp::Peer| known.keeps_refused;
                let routes = match view {
                    NeighborRoutes::Advertised => Routes::Advertised(peer),
                    NeighborRoutes::Accepted => Routes::Accepted(peer),
                    NeighborRoutes::Received => {
                        let common = &active.clients.speaker.rib.common;
                        if !common.peer(peer).is_some_and(keeps_refused) {
                            let refusal =
                                alloc::format!("% Inbound soft reconfiguration not enabled on {neighbor}");
                            return self.complete(now, id, Outcome::Rejected, &refusal);
                        }
                        Routes::Received(peer)
                    }
                };
                return self.show_page(now, id, Page::Bgp(table(routes)));
            }
            _ => None,
        };
        match lines {
            Some(lines) => self.show_all(now, id, &lines),
            None => self.complete(now, id, Outcome::Rejected, "% Network not in table"),
        }
    }

    /// Lists and route maps.
    fn show_policy(&mut self, now: Instant, id: SessionId, command: &RoutingCommand, json: bool) {
        let tree = self.active().map(|active| active.clients.configuration.tree());
        match tree.and_then(|tree| policy_show::show(tree.policy(), command, json)) {
            Some(Ok(lines)) => self.show_page(now, id, Page::Text(lines.join("\n"), 0)),
            Some(Err(told)) => self.complete(now, id, Outcome::Rejected, &told),
            None => self.complete(now, id, Outcome::Rejected, NOT_SHOWN),
        }
    }

    fn clear_bgp(
        &mut self,
        now: Instant,
        id: SessionId,
        (whom, how): (&ClearWhom, ClearHow),
        message: Option<&str>,
    ) {
        if let Some(Err(error)) = message.map(config::bgp::check_communication) {
            return self.complete(now, id, Outcome::Rejected, &alloc::format!("{error}"));
        }
        let Role::Active(active) = &mut self.role else {
            return self.complete(now, id, Outcome::Rejected, NOT_ACTIVE);
        };
        if active.clients.configuration.tree().bgp().is_none() {
            return self.complete(now, id, Outcome::Rejected, NOT_ACTIVE);
        }
        let cleared = active.clear_bgp(now, (whom, how), message, &mut self.turn);
        match (cleared, whom) {
            (0, ClearWhom::All) | (1.., _) => self.complete(now, id, Outcome::Accepted, ""),
            (0, _) => self.complete(now, id, Outcome::Rejected, NO_SUCH_NEIGHBOR),
        }
    }
}
