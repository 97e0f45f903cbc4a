//! EXEC commands about routing: each goes to whoever has the answer.

use crate::io::SessionId;
use crate::processor::{Role, RouteProcessor};
use config::RoutingCommand;
use config::bgp::{ClearHow, ClearWhom};
use machine::Instant;
use management::Outcome;

/// The answer of a router without a BGP process.
const NOT_ACTIVE: &str = "% BGP not active";
/// The answer about a neighbour that is not configured.
const NO_SUCH_NEIGHBOR: &str = "%BGP: No such neighbor";
/// The answer about what this image does not show.
const NOT_SHOWN: &str = "% Not supported by this image";

impl RouteProcessor {
    pub(super) fn routing(&mut self, now: Instant, id: SessionId, command: &RoutingCommand) {
        let told = match command {
            RoutingCommand::ClearBgp { whom, how } => return self.clear_bgp(now, id, whom, *how),
            RoutingCommand::ShowBgp { .. }
            | RoutingCommand::ShowBgpSummary
            | RoutingCommand::ShowBgpNeighbors { .. }
            | RoutingCommand::ShowBgpNeighborRoutes { .. }
            | RoutingCommand::ShowBgpSsoSummary
            | RoutingCommand::ShowBgpPeerGroup { .. }
            | RoutingCommand::DebugBgp { .. } => NOT_ACTIVE,
            RoutingCommand::ShowRouteSummary
            | RoutingCommand::ShowRouteProtocol(_)
            | RoutingCommand::ShowTcpBrief { .. }
            | RoutingCommand::ShowPrefixList { .. }
            | RoutingCommand::ShowRouteMap { .. }
            | RoutingCommand::ShowAsPathList { .. }
            | RoutingCommand::ShowCommunityList { .. } => NOT_SHOWN,
        };
        self.complete(now, id, Outcome::Rejected, told);
    }

    fn clear_bgp(&mut self, now: Instant, id: SessionId, whom: &ClearWhom, how: ClearHow) {
        let Role::Active(active) = &mut self.role else {
            return self.complete(now, id, Outcome::Rejected, NOT_ACTIVE);
        };
        if active.clients.configuration.tree().bgp().is_none() {
            return self.complete(now, id, Outcome::Rejected, NOT_ACTIVE);
        }
        let cleared = active.clear_bgp(now, whom, how, &mut self.turn);
        match (cleared, whom) {
            (0, ClearWhom::All) | (1.., _) => self.complete(now, id, Outcome::Accepted, ""),
            (0, _) => self.complete(now, id, Outcome::Rejected, NO_SUCH_NEIGHBOR),
        }
    }
}
