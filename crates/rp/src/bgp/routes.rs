//! Between BGP's table and the routing table: best paths one way, next hops the other.

use super::{BgpProcess, PREFIXES_PER_TURN};
use crate::clients::Clients;
use ::bgp::decision::Source;
use ::bgp::{NextHopKey, PeerId};
use alloc::vec::Vec;
use packet::V4;
use packet::bgp::NextHop;
use rib::{Protocol, Route, RouteType, Via};

impl BgpProcess {
    /// Puts what the turn has decided into the routing table.
    pub(super) fn install(&mut self, clients: &mut Clients) {
        let mut routes: Vec<(Via<V4>, Route)> = Vec::new();
        for prefix in clients.speaker.rib.take_changes_v4() {
            routes.clear();
            let common = &clients.speaker.rib.common;
            let paths = clients.speaker.rib.v4.get(prefix);
            let paths = paths.map_or(&[][..], |paths| paths.as_slice());
            // The router's own routes are in the routing table already: that is where they come from.
            let is_own = paths
                .iter()
                .any(|path| path.is_best() && path.peer == PeerId::LOCAL);
            for path in paths.iter().filter(|path| path.is_used() && !is_own) {
                let summary = common.attributes.summary(path.accepted);
                let (Some(summary), Some(peer)) = (summary, common.peer(path.peer)) else {
                    continue;
                };
                let Some(NextHop::V4(next_hop)) = summary.next_hop else {
                    continue;
                };
                let route_type = match peer.source {
                    Source::External => RouteType::External,
                    Source::Internal | Source::Confederation | Source::Local => RouteType::Internal,
                };
                let tag = summary.neighbor_as.unwrap_or(0);
                let route = Route::bgp(route_type, summary.med.unwrap_or(0), tag);
                if routes.iter().all(|(via, _)| *via != Via::NextHop(next_hop)) {
                    routes.push((Via::NextHop(next_hop), route));
                }
            }
            clients.rib.replace(prefix, Protocol::Bgp, &routes);
        }
    }

    /// While neighbours tell everything again after a restart, cards keep what they have of the last activity.
    pub(super) fn hold_or_release_sweep(&mut self, clients: &mut Clients) {
        match clients.speaker.is_deferring() {
            true => clients.rib.hold_sweep(Protocol::Bgp),
            false => clients.rib.converged(Protocol::Bgp),
        }
    }

    /// Asks the routing table for next hops that are new, and has it tell of their changes.
    pub(super) fn resolve_next_hops(&mut self, clients: &mut Clients) {
        let rib = &mut clients.rib;
        clients
            .speaker
            .rib
            .resolve_new_next_hops(&mut |next_hop| match next_hop {
                NextHopKey::V4(address) => rib.track(address),
                // There is no IPv6 forwarding.
                NextHopKey::V6(_) => None,
            });
    }

    /// What the routing table tells of next hops.
    pub(super) fn next_hops_move(&mut self, clients: &mut Clients) {
        for next_hop in clients.speaker.rib.take_unused_next_hops() {
            if let NextHopKey::V4(address) = next_hop {
                clients.rib.untrack(address);
            }
        }
        if !clients.rib.has_next_hop_changes() {
            return;
        }
        for (next_hop, metric) in clients.rib.take_next_hop_changes(PREFIXES_PER_TURN) {
            clients
                .speaker
                .rib
                .next_hop_changed(NextHopKey::V4(next_hop), metric);
        }
    }
}
