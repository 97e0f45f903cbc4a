//! EXEC commands about routing: each goes to whoever has the answer.

use crate::io::SessionId;
use crate::processor::RouteProcessor;
use config::RoutingCommand;
use machine::Instant;
use management::Outcome;

/// The answer of a router without a BGP process.
const NOT_ACTIVE: &str = "% BGP not active";
/// The answer about what this image does not show.
const NOT_SHOWN: &str = "% Not supported by this image";

impl RouteProcessor {
    pub(super) fn routing(&mut self, now: Instant, id: SessionId, command: &RoutingCommand) {
        let told = match command {
            RoutingCommand::ShowBgp { .. }
            | RoutingCommand::ShowBgpSummary
            | RoutingCommand::ShowBgpNeighbors { .. }
            | RoutingCommand::ShowBgpNeighborRoutes { .. }
            | RoutingCommand::ShowBgpSsoSummary
            | RoutingCommand::ShowBgpPeerGroup { .. }
            | RoutingCommand::ClearBgp { .. }
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
}
