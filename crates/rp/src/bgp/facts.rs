//! What is known of a neighbour here, for those who show it.

use super::BgpProcess;
use crate::clients::Clients;
use ::bgp::show::{ConfiguredView, MaximumPrefixView, NeighborFacts, PeerGroupView, TcpView};
use ::bgp::{Direction, PeerId};
use alloc::string::String;
use alloc::vec::Vec;
use config::BgpConfiguration;
use config::bgp::{Direction as FilterDirection, FilterKind, MaximumPrefix, NeighborConfiguration};
use core::net::{IpAddr, Ipv4Addr};
use tcp::{ConnectionKey, Endpoint};

impl BgpProcess {
    /// What is known of a neighbour besides its session; `standby_hot`: a standby has all that sessions need.
    pub(crate) fn facts(&self, clients: &Clients, peer: PeerId, standby_hot: bool) -> NeighborFacts {
        let peering = self.peerings.get(&peer);
        let tree = clients.configuration.tree().bgp();
        let configured = peering.and_then(|peering| match peering.address {
            IpAddr::V4(address) => {
                let tree = tree?;
                Some(tree.effective(tree.neighbor(address)?))
            }
            IpAddr::V6(_) => None,
        });
        let direction = clients.speaker.direction(peer);
        let key = direction.and_then(|direction| self.connections.get(&(peer, direction)));
        NeighborFacts {
            sso_configured: peering.is_some_and(|peering| peering.is_carried),
            standby_hot,
            description: configured
                .as_ref()
                .and_then(|neighbor| neighbor.description.clone()),
            configured: configured.as_ref().map(configured_view).unwrap_or_default(),
            quarantined: peering.is_some_and(|peering| super::is_held(clients, peering.address)),
            tcp: key.map(|key| tcp_view(clients, key)),
        }
    }

    /// All peer groups in order of their names, or the one of this name.
    pub(crate) fn peer_groups(&self, clients: &Clients, only: Option<&str>) -> Vec<PeerGroupView> {
        let Some(tree) = clients.configuration.tree().bgp() else {
            return Vec::new();
        };
        let groups = tree.peer_groups();
        let groups = groups.filter(|(name, _)| only.is_none_or(|only| only == *name));
        groups
            .map(|(name, group)| self.peer_group(clients, tree, name, group))
            .collect()
    }

    fn peer_group(
        &self,
        clients: &Clients,
        tree: &BgpConfiguration,
        name: &str,
        group: &NeighborConfiguration,
    ) -> PeerGroupView {
        let members: Vec<_> = tree
            .neighbors()
            .filter(|(_, neighbor)| neighbor.peer_group.as_deref() == Some(name))
            .collect();
        let is_internal = |number: Option<u32>| number.map(|number| number == tree.as_number);
        let kind = |neighbor: &NeighborConfiguration| is_internal(neighbor.remote_as.or(group.remote_as));
        let first = members.first().and_then(|(_, neighbor)| kind(neighbor));
        let same = members.iter().all(|(_, neighbor)| kind(neighbor) == first);
        let link = match first {
            None => is_internal(group.remote_as),
            first => first.filter(|_| same),
        };
        let is_established = |address: &Ipv4Addr| {
            let peer = self.peer_of(*address);
            peer.is_some_and(|peer| clients.speaker.established(peer).is_some())
        };
        PeerGroupView {
            name: String::from(name),
            remote_as: group.remote_as,
            description: group.description.clone(),
            link: link.map(|is_internal| if is_internal { "internal" } else { "external" }),
            established: members
                .iter()
                .filter(|(address, _)| is_established(address))
                .count(),
            members: members.iter().map(|(address, _)| IpAddr::V4(*address)).collect(),
            // Everything is sent in its turn.
            advertisement_interval_s: 0,
            configured: configured_view(group),
        }
    }

    /// The number of the neighbour with this address.
    pub(crate) fn peer_of(&self, address: Ipv4Addr) -> Option<PeerId> {
        self.by_address.get(&IpAddr::V4(address)).copied()
    }

    /// TCP sessions that are not established yet.
    pub(crate) fn opening(&self, clients: &Clients) -> Vec<(ConnectionKey, Direction)> {
        let owned = self.owners.iter();
        owned
            .filter(|(key, _)| !clients.tcp.connections.contains_key(key))
            .map(|(key, (_, direction))| (*key, *direction))
            .collect()
    }

    /// Where who may open a TCP session.
    pub(crate) fn listening(&self) -> Vec<(Endpoint, IpAddr)> {
        let listeners = self.listeners.iter();
        listeners
            .filter_map(|(peer, local)| Some((*local, self.peerings.get(peer)?.address)))
            .collect()
    }
}

/// What of a neighbour's or a peer group's configuration is shown.
fn configured_view(neighbor: &NeighborConfiguration) -> ConfiguredView {
    let filter = |kind, direction| neighbor.filter(kind, direction).cloned();
    let maximum_prefix = |limit: MaximumPrefix| MaximumPrefixView {
        limit: limit.limit,
        threshold_percent: limit.threshold_percent,
        warning_only: limit.warning_only,
        restart_min: limit.restart_min,
    };
    ConfiguredView {
        peer_group: neighbor.peer_group.clone(),
        route_reflector_client: neighbor.route_reflector_client,
        soft_reconfiguration_inbound: neighbor.soft_reconfiguration,
        next_hop_self: neighbor.next_hop_self,
        send_community: neighbor.send_community.standard,
        send_extended_community: neighbor.send_community.extended,
        default_originate: neighbor.default_originate.is_some(),
        default_originate_route_map: neighbor.default_originate.clone().flatten(),
        weight: neighbor.weight,
        allowas_in: neighbor.allow_as_in,
        prefix_list_in: filter(FilterKind::PrefixList, FilterDirection::In),
        prefix_list_out: filter(FilterKind::PrefixList, FilterDirection::Out),
        filter_list_in: filter(FilterKind::FilterList, FilterDirection::In),
        filter_list_out: filter(FilterKind::FilterList, FilterDirection::Out),
        route_map_in: filter(FilterKind::RouteMap, FilterDirection::In),
        route_map_out: filter(FilterKind::RouteMap, FilterDirection::Out),
        maximum_prefix: neighbor.maximum_prefix.map(maximum_prefix),
    }
}

fn tcp_view(clients: &Clients, key: &ConnectionKey) -> TcpView {
    let progress = clients.tcp.progress.get(key).copied().unwrap_or_default();
    TcpView {
        local_address: key.local.address,
        local_port: key.local.port,
        remote_address: key.remote.address,
        remote_port: key.remote.port,
        unread_bytes: clients.tcp.received(key).len(),
        unacknowledged_bytes: progress.written.saturating_sub(progress.acknowledged),
    }
}
