//! Between BGP's table and the routing table: best paths one way, next hops the other.

use super::settings::Settings;
use super::{BgpProcess, PREFIXES_PER_TURN};
use crate::clients::Clients;
use ::bgp::decision::Source;
use ::bgp::policy::{Draft, Policies, RouteMap, Subject, Verdict};
use ::bgp::{Common, NextHopKey, Path, PeerId};
use alloc::vec::Vec;
use packet::bgp::NextHop;
use packet::{Prefix, V4};
use rib::{Protocol, Route, RouteType, Via};

impl BgpProcess {
    /// Puts what the turn has decided into the routing table.
    pub(super) fn install(&mut self, clients: &mut Clients) {
        let mut routes: Vec<(Via<V4>, Route)> = Vec::new();
        let table_map = self.settings.as_ref().and_then(TableMapper::of);
        for prefix in clients.speaker.rib.take_changes_v4() {
            routes.clear();
            let common = &clients.speaker.rib.common;
            let paths = clients.speaker.rib.v4.get(prefix);
            let paths = paths.map_or(&[][..], |paths| paths.as_slice());
            // The router's own routes are in the routing table already: that is where they come from.
            let best = paths
                .iter()
                .find(|path| path.is_best() && path.peer != PeerId::LOCAL);
            // All that share the load have the metric of the best one: they are one route.
            let metric = best.and_then(|best| metric(common, table_map.as_ref(), prefix, best));
            for path in paths.iter().filter(|path| path.is_used()) {
                let summary = common.attributes.summary(path.accepted);
                let (Some(metric), Some(summary), Some(peer)) = (metric, summary, common.peer(path.peer))
                else {
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
                let route = Route::bgp(route_type, metric, tag);
                if routes.iter().all(|(via, _)| *via != Via::NextHop(next_hop)) {
                    routes.push((Via::NextHop(next_hop), route));
                }
            }
            clients.rib.replace(prefix, Protocol::Bgp, &routes);
            // Its attributes may have changed where the route has not.
            clients.rib.note_best_change(prefix);
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
            if let NextHopKey::V4(address) = next_hop
                && !self.ways.contains(&address)
            {
                clients.rib.untrack(address);
            }
        }
        if !clients.rib.has_next_hop_changes() {
            return;
        }
        for (next_hop, metric) in clients.rib.take_next_hop_changes(PREFIXES_PER_TURN) {
            let key = NextHopKey::V4(next_hop);
            let rib = &mut clients.speaker.rib;
            if rib.common.next_hops.contains_key(&key) {
                rib.next_hop_changed(key, metric);
            }
            self.way_changed(next_hop);
        }
    }
}

/// The metric in the routing table of a prefix with this best path; `None`: `table-map` keeps it out.
fn metric(
    common: &Common,
    table_map: Option<&TableMapper<'_>>,
    prefix: Prefix<V4>,
    best: &Path,
) -> Option<u32> {
    let med = common.attributes.summary(best.accepted)?.med.unwrap_or(0);
    match table_map {
        Some(mapper) => mapper.metric(common, prefix, best, med),
        None => Some(med),
    }
}

/// `table-map`: what routes go through on their way into the routing table.
struct TableMapper<'a> {
    policies: &'a Policies,
    map: &'a RouteMap,
    is_filter: bool,
    /// The map looks at prefixes only, so the attributes need not be taken apart.
    is_about_prefixes_only: bool,
}

impl<'a> TableMapper<'a> {
    /// `None` without one; a route map that does not exist changes nothing and refuses nothing.
    fn of(settings: &'a Settings) -> Option<Self> {
        let table_map = settings.table_map.as_ref()?;
        let map = settings.policies.route_maps.get(&table_map.route_map)?;
        Some(TableMapper {
            policies: &settings.policies,
            map,
            is_filter: table_map.is_filter,
            is_about_prefixes_only: map.is_about_prefixes_only(),
        })
    }

    /// The metric that a route gets, which has this one by itself; `None`: it stays out.
    fn metric(&self, common: &Common, prefix: Prefix<V4>, path: &Path, metric: u32) -> Option<u32> {
        let mut draft = match self.is_about_prefixes_only {
            true => Draft::default(),
            false => Draft::of(&common.attributes.get(path.accepted)?.canonical()),
        };
        draft.med = Some(metric);
        let mut subject = Subject::new(draft, path.weight);
        let lists = &self.policies.prefix_lists_v4;
        match self.map.apply(self.policies, lists, &prefix, &mut subject) {
            Verdict::Permit => Some(subject.draft.med.unwrap_or(0)),
            Verdict::Deny => (!self.is_filter).then_some(metric),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::settings;
    use super::*;
    use ::bgp::{BEST, MULTIPATH, Paths, Peer, Reach, RouteKey, SweepKey, local_attributes};
    use alloc::string::{String, ToString};
    use packet::Ipv4Addr;
    use packet::bgp::Origin;

    const NEIGHBOR: PeerId = PeerId(1);
    const NEXT_HOP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    /// A neighbour with two routes, 10.1.0.0/16 and 10.2.0.0/16, of metric 7.
    fn two_routes() -> Clients {
        let mut clients = Clients::new();
        let rib = &mut clients.speaker.rib;
        let peer = Peer {
            source: Source::External,
            ..Peer::local(NEXT_HOP)
        };
        rib.set_peer(NEIGHBOR, Some(peer));
        let next_hop = NextHop::V4(NEXT_HOP);
        let reached = Reach { metric: Some(0) };
        rib.common.next_hops.insert(next_hop.into(), reached);
        let attributes = local_attributes(Origin::Igp, Some(7), Some(next_hop));
        let set = rib.common.attributes.intern(&attributes).unwrap();
        for network in ["10.1.0.0/16", "10.2.0.0/16"] {
            let path = Path {
                peer: NEIGHBOR,
                generation: 0,
                weight: 0,
                flags: BEST,
                received: set,
                accepted: set,
            };
            let key = RouteKey(network.parse().unwrap());
            rib.v4.paths.insert(key, Paths::One(path));
        }
        clients
    }

    /// What is in the routing table under these lines: prefix and metric of each.
    fn installed(clients: &mut Clients, lines: &str) -> Vec<String> {
        let text = [
            "ip prefix-list ONE permit 10.1.0.0/16\nroute-map M permit 10\n match ip address prefix-list ONE\n set metric 9\n\
             route-map A permit 10\n match metric 7\n set metric +4\nrouter bgp 65000\n",
            lines,
        ]
        .concat();
        let loaded = config::load(&text);
        assert_eq!(loaded.errors, []);
        let mut process = BgpProcess::new(None);
        process.settings = settings(&loaded.tree);
        clients.speaker.rib.start_sweep(SweepKey::Install);
        while !clients.speaker.rib.run(PREFIXES_PER_TURN) {}
        process.install(clients);
        let shown = |(key, route): (&rib::RouteKey<V4>, &Route)| {
            [key.prefix.to_string(), route.metric.to_string()].join(" metric ")
        };
        clients.rib.routes.iter().map(shown).collect()
    }

    #[test]
    fn a_table_map_changes_metrics_and_with_filter_leaves_routes_out() {
        let mut clients = two_routes();
        let cases: &[(&str, &[&str])] = &[
            ("", &["10.1.0.0/16 metric 7", "10.2.0.0/16 metric 7"]),
            ("table-map M", &["10.1.0.0/16 metric 9", "10.2.0.0/16 metric 7"]),
            ("table-map M filter", &["10.1.0.0/16 metric 9"]),
            (
                "table-map A filter",
                &["10.1.0.0/16 metric 11", "10.2.0.0/16 metric 11"],
            ),
            // Nobody loses his routes by the name of a map that is yet to be typed.
            (
                "table-map MISSING filter",
                &["10.1.0.0/16 metric 7", "10.2.0.0/16 metric 7"],
            ),
        ];
        for (lines, expected) in cases {
            assert_eq!(installed(&mut clients, lines), *expected, "{lines}");
        }
    }

    #[test]
    fn paths_that_share_the_load_are_one_route_with_the_metric_of_the_best() {
        let mut clients = two_routes();
        let other_next_hop = Ipv4Addr::new(10, 0, 0, 3);
        let rib = &mut clients.speaker.rib;
        let peer = Peer {
            source: Source::External,
            ..Peer::local(other_next_hop)
        };
        rib.set_peer(PeerId(2), Some(peer));
        let next_hop = NextHop::V4(other_next_hop);
        let reached = Reach { metric: Some(0) };
        rib.common.next_hops.insert(next_hop.into(), reached);
        let attributes = local_attributes(Origin::Igp, None, Some(next_hop));
        let set = rib.common.attributes.intern(&attributes).unwrap();
        let prefix: Prefix<V4> = "10.1.0.0/16".parse().unwrap();
        let best = *rib.v4.get(prefix).unwrap().best().unwrap();
        let other = Path {
            peer: PeerId(2),
            flags: MULTIPATH,
            received: set,
            accepted: set,
            ..best
        };
        let paths = Paths::from_slice(&[best, other]).unwrap();
        rib.v4.paths.insert(RouteKey(prefix), paths);
        assert_eq!(
            installed(&mut clients, ""),
            [
                "10.1.0.0/16 metric 7",
                "10.1.0.0/16 metric 7",
                "10.2.0.0/16 metric 7"
            ]
        );
    }
}
