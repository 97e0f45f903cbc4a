//! What is known of a neighbour here, for those who show it.

use super::BgpProcess;
use crate::clients::Clients;
use ::bgp::show::{NeighborFacts, TcpView};
use ::bgp::{Direction, PeerId};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};
use tcp::{ConnectionKey, Endpoint};

impl BgpProcess {
    /// What is known of a neighbour besides its session; `standby_hot`: a standby has all that sessions need.
    pub(crate) fn facts(&self, clients: &Clients, peer: PeerId, standby_hot: bool) -> NeighborFacts {
        let peering = self.peerings.get(&peer);
        let tree = clients.configuration.tree().bgp();
        let configured = peering.and_then(|peering| match peering.address {
            IpAddr::V4(address) => tree?.neighbor(address),
            IpAddr::V6(_) => None,
        });
        let direction = clients.speaker.direction(peer);
        let key = direction.and_then(|direction| self.connections.get(&(peer, direction)));
        NeighborFacts {
            sso_configured: peering.is_some_and(|peering| peering.is_carried),
            standby_hot,
            description: configured.and_then(|neighbor| neighbor.description.clone()),
            quarantined: peering.is_some_and(|peering| super::is_held(clients, peering.address)),
            tcp: key.map(|key| tcp_view(clients, key)),
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
