//! Our address towards each neighbour: that of a port whose network it shares, or of the one that packets to it leave by.
//!
//! The latter is what the routing table says, which tracks those neighbours and tells when the way to one changes. It
//! decides about sessions to come. One that is established keeps the address that its connection has, as any host does
//! ([RFC 1122] section 4.2.3.7): what it sends goes by whatever way there is.
//!
//! [RFC 1122]: https://www.rfc-editor.org/rfc/rfc1122

use super::BgpProcess;
use super::settings::{NeighborSettings, Settings};
use crate::clients::Clients;
use ::bgp::error::BgpEvent;
use ::bgp::{NextHopKey, PeerId};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};
use machine::{Instant, PortId};

/// The largest packet where the way is not known.
const MTU_DEFAULT: u16 = 1500;
/// Neighbours that are looked up again in one turn.
const LOOKUPS_PER_TURN: usize = 256;

impl BgpProcess {
    /// Has the routing table tell of the ways to neighbours that are reached by routes, and to no others.
    pub(super) fn follow_ways(&mut self, clients: &mut Clients, settings: Option<&Settings>) {
        let neighbors = settings.map(|settings| settings.neighbors.iter());
        let wanted: BTreeSet<Ipv4Addr> = neighbors
            .into_iter()
            .flatten()
            .filter_map(|(address, neighbor)| match Way::to(clients, *address, neighbor) {
                Way::Route(address) => Some(address),
                Way::Link(_) | Way::None => None,
            })
            .collect();
        for address in wanted.difference(&self.ways) {
            clients.rib.track(*address);
        }
        let before = core::mem::replace(&mut self.ways, wanted);
        for address in before.difference(&self.ways) {
            // It may be the next hop of routes as well.
            let next_hops = &clients.speaker.rib.common.next_hops;
            if !next_hops.contains_key(&NextHopKey::V4(*address)) {
                clients.rib.untrack(*address);
            }
        }
    }

    /// The routing table reaches this address otherwise.
    pub(super) fn way_changed(&mut self, address: Ipv4Addr) {
        if self.ways.contains(&address) {
            self.moved.extend(self.by_address.get(&IpAddr::V4(address)));
        }
    }

    /// The next session with a neighbour whose last one has ended starts from where the way leads now.
    pub(super) fn note_end(&mut self, event: &BgpEvent) {
        if let BgpEvent::Down {
            neighbor: IpAddr::V4(address),
            ..
        } = event
        {
            self.way_changed(*address);
        }
    }

    /// Looks up our address towards neighbours to whom the way has changed.
    pub(super) fn look_up_moved(&mut self, now: Instant, clients: &mut Clients) {
        if self.moved.is_empty() {
            return;
        }
        let Some(settings) = self.settings.take() else {
            return self.moved.clear();
        };
        let peers: Vec<PeerId> = self.moved.iter().take(LOOKUPS_PER_TURN).copied().collect();
        for peer in peers {
            self.moved.remove(&peer);
            let address = self.peerings.get(&peer).map(|peering| peering.address);
            let neighbor = address.and_then(|address| Some((address, settings.neighbors.get(&address)?)));
            if let Some((address, neighbor)) = neighbor {
                let peering = self.peering(clients, peer, address, neighbor);
                self.configure(now, clients, peer, peering);
            }
        }
        self.settings = Some(settings);
    }

    /// Our address towards a neighbour, and the largest packet on the way to it.
    pub(super) fn own_end(
        &self,
        clients: &Clients,
        peer: PeerId,
        address: IpAddr,
        settings: &NeighborSettings,
    ) -> (Option<Ipv4Addr>, u16) {
        let is_own = |own: &Ipv4Addr| clients.port_configurations.index().contains(*own);
        let before = self.peerings.get(&peer);
        let way = Way::to(clients, address, settings);
        let towards = way.port(clients);
        let source = settings.transport.update_source;
        let found = towards.and_then(|towards| address_of(clients, source.unwrap_or(towards)));
        let bound = self.bound(clients, peer).filter(is_own);
        // What the operator has changed counts at once, what a route says does not.
        let is_same_source = before.is_none_or(|before| before.source == source);
        let local = match way {
            Way::Route(_) if is_same_source => bound.or(found),
            _ => found.or(bound),
        };
        // One that cannot be found out now, because a link is down, is no reason to end what goes on with it.
        let local = local.or_else(|| before.and_then(|before| before.local).filter(is_own));
        let mtu = towards.and_then(|port| clients.port_configurations.get(&port));
        let mtu = mtu.map(|row| row.mtu);
        let mtu = mtu.or_else(|| before.map(|before| before.options.mtu));
        (local, mtu.unwrap_or(MTU_DEFAULT))
    }

    /// Our address on the session that is established with a neighbour.
    fn bound(&self, clients: &Clients, peer: PeerId) -> Option<Ipv4Addr> {
        let session = clients.speaker.sessions.get(&peer)?;
        let key = self.connections.get(&(peer, session.direction))?;
        match key.local.address {
            IpAddr::V4(own) if session.established => Some(own),
            _ => None,
        }
    }
}

/// How a neighbour is reached.
enum Way {
    /// By the port whose network it is on.
    Link(PortId),
    /// By whatever route there is to this address, which is not on one of our networks, and need not be.
    Route(Ipv4Addr),
    /// Not at all.
    None,
}

impl Way {
    fn to(clients: &Clients, neighbor: IpAddr, settings: &NeighborSettings) -> Way {
        let IpAddr::V4(address) = neighbor else {
            return Way::None;
        };
        let mut rows = clients.port_configurations.iter();
        let shares = rows.find(|(_, row)| row.ipv4.is_some_and(|own| own.prefix().contains(address)));
        match shares {
            Some((port, _)) => Way::Link(*port),
            // RFC 4271 section 5.1.3: an external neighbour shares a network with us unless the operator says otherwise.
            None if settings.is_on_a_link() => Way::None,
            None => Way::Route(address),
        }
    }

    /// The port that packets leave by.
    fn port(&self, clients: &Clients) -> Option<PortId> {
        match self {
            Way::Link(port) => Some(*port),
            Way::Route(address) => clients.rib.way(*address).map(|path| path.port),
            Way::None => None,
        }
    }
}

fn address_of(clients: &Clients, port: PortId) -> Option<Ipv4Addr> {
    Some(clients.port_configurations.get(&port)?.ipv4?.address())
}
