//! Neighbours: from the configuration to the speaker, to TCP, and to the rows that give them their numbers.

use super::BgpProcess;
use super::settings::{NeighborSettings, Settings, settings};
use crate::clients::Clients;
use ::bgp::{Direction, NEIGHBORS_MAX, NeighborConfig, PeerId, SpeakerConfig, SpeakerInput};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use checkpoint::{Row, TableId};
use core::net::{IpAddr, Ipv4Addr};
use machine::{Instant, Machine, Outbox, PortId, Seed};
use tcp::{ConnectionKey, ConnectionOptions, SendLog, TcpOutput};

/// Number of the table of neighbours.
pub const NEIGHBOR_TABLE: TableId = TableId(94);

/// A neighbour's number: other rows name it by that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BgpNeighbor {
    /// Its address.
    pub address: IpAddr,
}

/// Tagged form of [`BgpNeighbor`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct BgpNeighborRecord {
    /// See [`BgpNeighbor::address`]: four or sixteen bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub address: Vec<u8>,
}

impl Row for BgpNeighbor {
    type Record = BgpNeighborRecord;

    fn to_record(&self) -> BgpNeighborRecord {
        let BgpNeighbor { address } = self;
        let address = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        BgpNeighborRecord { address }
    }

    fn from_record(record: BgpNeighborRecord) -> Result<Self, &'static str> {
        let bytes = record.address.as_slice();
        let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
        let v6 = <[u8; 16]>::try_from(bytes).map(IpAddr::from);
        let address = v4.or(v6).map_err(|_| "address")?;
        Ok(BgpNeighbor { address })
    }
}

/// Number of the table of [`BgpRouter`].
pub const ROUTER_TABLE: TableId = TableId(96);
const ONLY_ROW: u32 = 0;

/// Who BGP says that this router is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BgpRouter {
    /// Its AS.
    pub as_number: u32,
    /// Its identifier.
    pub router_id: Ipv4Addr,
    /// The version of BGP's table, as operators are shown it: one more for each best path that changed.
    pub table_version: u64,
}

/// Tagged form of [`BgpRouter`].
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct BgpRouterRecord {
    /// See [`BgpRouter::as_number`].
    #[prost(uint32, tag = "1")]
    pub as_number: u32,
    /// See [`BgpRouter::router_id`].
    #[prost(fixed32, tag = "2")]
    pub router_id: u32,
    /// See [`BgpRouter::table_version`].
    #[prost(uint64, tag = "3")]
    pub table_version: u64,
}

impl Row for BgpRouter {
    type Record = BgpRouterRecord;

    fn to_record(&self) -> BgpRouterRecord {
        let BgpRouter {
            as_number,
            router_id,
            table_version,
        } = *self;
        BgpRouterRecord {
            as_number,
            router_id: router_id.to_bits(),
            table_version,
        }
    }

    fn from_record(record: BgpRouterRecord) -> Result<Self, &'static str> {
        Ok(BgpRouter {
            as_number: record.as_number,
            router_id: record.router_id.into(),
            table_version: record.table_version,
        })
    }
}

/// How a neighbour is configured and reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peering {
    pub address: IpAddr,
    /// Our address towards it; `None` while it cannot be reached.
    pub local: Option<Ipv4Addr>,
    /// The port whose address that has to be; `None`: the one that packets to it leave by.
    pub source: Option<PortId>,
    pub options: ConnectionOptions,
    /// Its sessions survive a switchover.
    pub is_carried: bool,
    pub config: NeighborConfig,
}

impl BgpProcess {
    /// Brings speaker and TCP in line with the configuration. Costs the number of neighbours.
    pub(super) fn reconcile(&mut self, now: Instant, clients: &mut Clients, restarted: bool) {
        let before = self.settings.take();
        self.settings = settings(clients.configuration.tree());
        self.forget_quarantines(clients);
        let Some(settings) = self.settings.clone() else {
            return self.take_down(now, clients);
        };
        let config = speaker_config(clients, &settings);
        if config.router_id.is_unspecified() {
            // There is no address yet to be known by. The next one that comes brings us here again.
            return;
        }
        let router = BgpRouter {
            as_number: config.as_number,
            router_id: config.router_id,
            table_version: clients.speaker.rib.v4.version(),
        };
        if clients.bgp_router.get(&ONLY_ROW) != Some(&router) {
            clients.bgp_router.insert(ONLY_ROW, router);
        }
        if *clients.speaker.config() != config {
            if is_somebody_else(clients.speaker.config(), &config) {
                self.remove_all(now, clients);
            }
            clients.speaker.set_config(config);
        }
        let is_other_policy = self.apply_policies(now, clients, &settings);
        self.default_originate
            .configure(clients, Some(&settings), is_other_policy);
        if before.is_some_and(|before| settings.installs_otherwise(&before)) {
            clients.speaker.rib.start_sweep(::bgp::SweepKey::Install);
            self.is_busy = true;
        }
        let peerings = self.peerings_of(clients, &settings);
        if restarted {
            let graceful = peerings
                .iter()
                .filter(|(_, peering)| peering.config.graceful_restart && !peering.config.shutdown);
            let awaited: Vec<PeerId> = graceful.map(|(peer, _)| *peer).collect();
            clients.speaker.restarted(now, awaited);
        }
        let gone = self.peerings.keys().filter(|peer| !peerings.contains_key(peer));
        for peer in gone.copied().collect::<Vec<_>>() {
            self.remove(now, clients, peer);
        }
        for (peer, peering) in peerings {
            self.configure(now, clients, peer, peering);
        }
        self.local_is_stale = true;
    }

    /// A successor shows the table's version as it is here. Once a turn, so that it costs a row for all that changed.
    pub(super) fn keep_version(clients: &mut Clients) {
        let version = clients.speaker.rib.v4.version();
        clients
            .bgp_router
            .edit(&ONLY_ROW, |router| router.table_version = version);
    }

    fn take_down(&mut self, now: Instant, clients: &mut Clients) {
        if clients.bgp_router.remove(&ONLY_ROW).is_none() {
            return;
        }
        self.remove_all(now, clients);
        self.follow_ways(clients, None);
        super::local::reconcile(clients, None);
        self.default_originate.configure(clients, None, false);
        clients.rib.converged(rib::Protocol::Bgp);
        clients
            .speaker
            .set_config(SpeakerConfig::new(0, Ipv4Addr::UNSPECIFIED));
    }

    fn remove_all(&mut self, now: Instant, clients: &mut Clients) {
        for peer in self.peerings.keys().copied().collect::<Vec<_>>() {
            self.remove(now, clients, peer);
        }
    }

    fn remove(&mut self, now: Instant, clients: &mut Clients, peer: PeerId) {
        if let Some(peering) = self.peerings.remove(&peer) {
            self.by_address.remove(&peering.address);
            self.stop_listening(clients, peer, peering.address);
        }
        clients
            .speaker
            .handle(now, SpeakerInput::Remove { peer }, &mut self.from_speaker);
        clients.bgp_neighbors.remove(&peer);
        self.is_busy = true;
    }

    pub(super) fn configure(&mut self, now: Instant, clients: &mut Clients, peer: PeerId, peering: Peering) {
        let before = self.peerings.get(&peer);
        if before == Some(&peering) {
            return;
        }
        // The MTU is for the next session: one that stands keeps the segments that were agreed on.
        let is_reached_otherwise = before.is_some_and(|before| {
            let mtu = peering.options.mtu;
            ConnectionOptions {
                mtu,
                ..before.options.clone()
            } != peering.options
        });
        let config = peering.config.clone();
        self.by_address.insert(peering.address, peer);
        self.peerings.insert(peer, peering);
        self.listen(clients, peer);
        self.is_busy = true;
        if is_reached_otherwise {
            // Key and TTL are those of the connection: it has to be made anew.
            let input = SpeakerInput::Clear {
                peer,
                communication: None,
            };
            clients.speaker.handle(now, input, &mut self.from_speaker);
        }
        let input = SpeakerInput::Configure { peer, config };
        clients.speaker.handle(now, input, &mut self.from_speaker);
    }

    /// Returns whether lists or route maps are others than before.
    fn apply_policies(&mut self, now: Instant, clients: &mut Clients, settings: &Settings) -> bool {
        let speaker = &mut clients.speaker;
        let common = &mut speaker.rib.common;
        let cluster_id = settings.cluster_id.unwrap_or(common.router_id);
        if common.rules != settings.rules {
            common.rules = settings.rules;
            speaker.rib.start_sweep(::bgp::SweepKey::Decide);
            self.is_busy = true;
        }
        let common = &speaker.rib.common;
        let is_other_policy = common.policies != settings.policies;
        if is_other_policy || common.cluster_id != cluster_id {
            speaker.change_policies(now, settings.policies.clone(), cluster_id);
        }
        is_other_policy
    }

    /// All neighbours that are configured, with the numbers that they have or get now.
    fn peerings_of(&mut self, clients: &mut Clients, settings: &Settings) -> BTreeMap<PeerId, Peering> {
        self.follow_ways(clients, Some(settings));
        let mut numbers: BTreeMap<IpAddr, PeerId> = clients
            .bgp_neighbors
            .iter()
            .map(|(peer, row)| (row.address, *peer))
            .collect();
        let mut next = 1;
        let mut peerings = BTreeMap::new();
        for (address, neighbor) in &settings.neighbors {
            let known = numbers.get(address).copied();
            let Some(peer) = known.or_else(|| free_number(clients, &mut next)) else {
                // More than there are numbers: the configuration takes no more than that.
                break;
            };
            if known.is_none() {
                numbers.insert(*address, peer);
                clients
                    .bgp_neighbors
                    .insert(peer, BgpNeighbor { address: *address });
            }
            let peering = self.peering(clients, peer, *address, neighbor);
            peerings.insert(peer, peering);
        }
        // Rows of neighbours that went while nobody was active here.
        let wanted = |peer: &PeerId| peerings.contains_key(peer) || self.peerings.contains_key(peer);
        let rows = clients.bgp_neighbors.iter().map(|(peer, _)| *peer);
        let gone: Vec<PeerId> = rows.filter(|peer| !wanted(peer)).collect();
        for peer in gone {
            clients.bgp_neighbors.remove(&peer);
        }
        peerings
    }

    pub(super) fn peering(
        &self,
        clients: &Clients,
        peer: PeerId,
        address: IpAddr,
        settings: &NeighborSettings,
    ) -> Peering {
        let (local, mtu) = self.own_end(clients, peer, address, settings);
        let options = ConnectionOptions {
            ttl: settings.ttl(),
            ttl_min: settings.ttl_min(),
            mtu,
            md5_key: settings
                .transport
                .password
                .as_ref()
                .map_or(Vec::new(), |key| key.0.clone()),
            send_log: SendLog::Owner,
            ..ConnectionOptions::default()
        };
        let config = NeighborConfig {
            local_v4: local,
            // Whoever is in quarantine is stopped as by the operator, who alone can start it again.
            shutdown: settings.config.shutdown || super::is_held(clients, address),
            ..settings.config.clone()
        };
        Peering {
            address,
            local,
            source: settings.transport.update_source,
            options,
            is_carried: settings.nsr,
            config,
        }
    }

    /// The tables are those of the last active: sessions whose TCP session is there as well go on.
    pub(super) fn go_on(&mut self, now: Instant, clients: &mut Clients, seed: Seed) {
        self.settings = settings(clients.configuration.tree());
        let mut carried = standing_sessions(clients);
        for (peer, (key, direction)) in &carried {
            self.connections.insert((*peer, *direction), *key);
        }
        if let Some(settings) = &self.settings.clone() {
            let config = speaker_config(clients, settings);
            let cluster_id = settings.cluster_id.unwrap_or(config.router_id);
            clients.speaker.set_config(config);
            clients
                .speaker
                .set_policies(settings.policies.clone(), cluster_id);
            clients.speaker.rib.common.rules = settings.rules;
            self.peerings = self.peerings_of(clients, settings);
        }
        self.by_address = self
            .peerings
            .iter()
            .map(|(peer, peering)| (peering.address, *peer))
            .collect();
        let goes_on = |peering: &Peering| peering.is_carried && !peering.config.shutdown;
        carried.retain(|peer, _| self.peerings.get(peer).is_some_and(goes_on));
        self.connections.retain(|(peer, _), _| carried.contains_key(peer));
        for (peer, (key, direction)) in &carried {
            self.owners.insert(*key, (*peer, *direction));
            self.unwritten.insert(*peer);
        }
        let all = clients.tcp.connections.iter().map(|(key, _)| *key);
        let lost: Vec<ConnectionKey> = all.filter(|key| !self.owners.contains_key(key)).collect();
        for peer in self.peerings.keys().copied().collect::<Vec<_>>() {
            self.listen(clients, peer);
        }
        let mut from_tcp: Outbox<TcpOutput> = Outbox::new();
        clients.tcp.activate(seed, &mut from_tcp);
        for key in lost {
            clients.tcp.abort(&key, &mut from_tcp);
        }
        let configs = self.peerings.iter();
        let configs: Vec<_> = configs
            .map(|(peer, peering)| (*peer, peering.config.clone()))
            .collect();
        clients.speaker.promoted(
            now,
            configs,
            &|peer| carried.contains_key(&peer),
            &mut self.from_speaker,
        );
        self.default_originate
            .configure(clients, self.settings.as_ref(), true);
        self.from_tcp = from_tcp;
        self.is_stale = self.settings.is_none();
    }

    /// Starts with empty tables, over those of the last active: no session goes on, and everybody tells everything again.
    pub(super) fn start_anew(&mut self, now: Instant, clients: &mut Clients, seed: Seed) {
        let mut from_tcp: Outbox<TcpOutput> = Outbox::new();
        clients.tcp.activate(seed, &mut from_tcp);
        let connections: Vec<ConnectionKey> = clients.tcp.connections.iter().map(|(key, _)| *key).collect();
        for key in connections {
            clients.tcp.abort(&key, &mut from_tcp);
        }
        self.reconcile(now, clients, true);
        from_tcp.absorb(&mut self.from_tcp, |output| output);
        self.from_tcp = from_tcp;
    }
}

/// The TCP session of each session that the tables say is established, and who has made it.
fn standing_sessions(clients: &Clients) -> BTreeMap<PeerId, (ConnectionKey, Direction)> {
    let neighbors = clients.bgp_neighbors.iter();
    let numbers: BTreeMap<IpAddr, PeerId> = neighbors.map(|(peer, row)| (row.address, *peer)).collect();
    let mut standing = BTreeMap::new();
    for (key, connection) in clients.tcp.connections.iter() {
        let Some(peer) = numbers.get(&key.remote.address).copied() else {
            continue;
        };
        let direction = match connection.passive {
            true => Direction::Incoming,
            false => Direction::Outgoing,
        };
        let is_session = clients
            .speaker
            .sessions
            .get(&peer)
            .is_some_and(|session| session.established && session.direction == direction);
        let is_closing = clients
            .tcp
            .progress
            .get(key)
            .is_none_or(|progress| progress.closing);
        if is_session && !is_closing {
            standing.insert(peer, (*key, direction));
        }
    }
    standing
}

fn is_somebody_else(before: &SpeakerConfig, now: &SpeakerConfig) -> bool {
    before.as_number != now.as_number || before.router_id != now.router_id
}

/// A number that no neighbour has, and that no route is left of.
fn free_number(clients: &Clients, next: &mut u16) -> Option<PeerId> {
    while usize::from(*next) <= NEIGHBORS_MAX {
        let peer = PeerId(*next);
        let is_free = !clients.bgp_neighbors.contains_key(&peer) && !clients.speaker.has_traces_of(peer);
        if is_free {
            return Some(peer);
        }
        *next = next.checked_add(1)?;
    }
    None
}

fn speaker_config(clients: &Clients, settings: &Settings) -> SpeakerConfig {
    let router_id = settings.router_id.unwrap_or_else(|| {
        // Once chosen it stays: sessions know it.
        let before = clients.bgp_router.get(&ONLY_ROW);
        let before = before.filter(|before| before.as_number == settings.as_number);
        before.map_or_else(|| highest_address(clients), |before| before.router_id)
    });
    settings.speaker(router_id)
}

/// The router's identifier unless one is configured: its highest address (RFC 4271 section 4.2 leaves the choice). As the
/// configuration has it, so that it is the same again after a restart, and known before the cards tell of their ports: what
/// is to be said of a restart cannot wait for them.
fn highest_address(clients: &Clients) -> Ipv4Addr {
    let interfaces = clients.configuration.tree().interfaces();
    let own = interfaces.filter_map(|(_, interface)| interface.address.map(|own| own.address()));
    own.max().unwrap_or(Ipv4Addr::UNSPECIFIED)
}
