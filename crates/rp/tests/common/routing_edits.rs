//! Edits of the tables of routing protocols: single rows, as a turn of theirs leaves them.

use bgp::{
    AttributeId, Audience, DefaultRoute, Deferral, DeferralKey, Direction, Families, Graceful, Group,
    GroupId, GroupKey, Leaving, LogId, LogKey, LogMessage, Missed, MissedKey, NextHopKey as BgpNextHop,
    Offer, Path, Paths, PeerId, Piece, Reach, RouteKey, RouteMapName, Session, Stream, Sweep, SweepKey, Told,
    ToldKey, Walk, WalkKind, local_attributes,
};
use chassis::rows::PrefixKey;
use core::net::{IpAddr, Ipv4Addr};
use machine::StepKind;
use packet::bgp::{NextHop, Origin};
use packet::{Family, Prefix, V4, V6};
use rp::{BgpNeighbor, BgpRouter, Clients, LocalRoute, Quarantine, QuarantineKey};
use tcp::{
    BufferSize, Connection, ConnectionKey, ConnectionOptions, Endpoint, Progress, Received, SentChunk,
    SentKey,
};

/// Number of kinds of rows that [`edit`] knows.
pub const KINDS: u8 = 24;

/// Puts a row of a kind under one of few keys, or takes it out.
pub fn edit(clients: &mut Clients, kind: u8, number: u8, value: Option<u8>) {
    match kind {
        0..=3 => edit_tcp(clients, kind, number, value),
        4..=7 => edit_process(clients, kind, number, value),
        8..=10 => edit_common(clients, kind, number, value),
        11..=18 => edit_family(clients, kind, number, value),
        19..=20 => edit_stream(clients, kind, number, value),
        21 => edit_quarantine(clients, number, value),
        22 => edit_default_route(clients, number, value),
        _ => edit_deferral(clients, number, value),
    }
}

fn peer(number: u8) -> PeerId {
    PeerId(u16::from(number) + 1)
}

fn edit_tcp(clients: &mut Clients, kind: u8, number: u8, value: Option<u8>) {
    let key = connection(number);
    let tcp = &mut clients.tcp;
    match (kind, value) {
        (0, Some(value)) => tcp.connections.insert(key, agreed(value)),
        (0, None) => drop(tcp.connections.remove(&key)),
        (1, Some(value)) => tcp.progress.insert(
            key,
            Progress {
                written: u64::from(value) * 9,
                ..Progress::default()
            },
        ),
        (1, None) => drop(tcp.progress.remove(&key)),
        (2, Some(value)) => tcp.unconsumed.insert(
            key,
            Received {
                bytes: vec![value; 9],
            },
        ),
        (2, None) => drop(tcp.unconsumed.remove(&key)),
        (_, Some(value)) => tcp.unacknowledged.insert(
            sent(key),
            SentChunk {
                bytes: vec![value; 7],
            },
        ),
        (_, None) => drop(tcp.unacknowledged.remove(&sent(key))),
    }
}

fn edit_process(clients: &mut Clients, kind: u8, number: u8, value: Option<u8>) {
    let peer = peer(number);
    match (kind, value) {
        (4, Some(value)) => clients.bgp_router.insert(
            0,
            BgpRouter {
                as_number: 65_000,
                router_id: address(value),
                table_version: u64::from(value),
            },
        ),
        (4, None) => drop(clients.bgp_router.remove(&0)),
        (5, Some(value)) => clients.bgp_neighbors.insert(
            peer,
            BgpNeighbor {
                address: IpAddr::V4(address(value)),
            },
        ),
        (5, None) => drop(clients.bgp_neighbors.remove(&peer)),
        (6, Some(value)) => clients
            .bgp_local_routes
            .insert(PrefixKey(v4(number)), local(value)),
        (6, None) => drop(clients.bgp_local_routes.remove(&PrefixKey(v4(number)))),
        (_, Some(value)) => clients.speaker.sessions.insert(peer, session(value)),
        (_, None) => drop(clients.speaker.sessions.remove(&peer)),
    }
}

fn edit_common(clients: &mut Clients, kind: u8, number: u8, value: Option<u8>) {
    let common = &mut clients.speaker.rib.common;
    let next_hop = BgpNextHop::V4(address(number));
    let group = GroupId(u16::from(number));
    match (kind, value) {
        (8, Some(value)) => drop(common.attributes.intern(&attributes(value))),
        (8, None) => drop(common.attributes.sets.remove(&AttributeId(1))),
        (9, Some(value)) => common.next_hops.insert(
            next_hop,
            Reach {
                metric: (value > 9).then_some(u32::from(value)),
            },
        ),
        (9, None) => drop(common.next_hops.remove(&next_hop)),
        (_, Some(value)) => common.groups.insert(
            group,
            Group {
                next: u64::from(value),
                reached_v4: vec![value],
                partly: Families(value & 3),
                alone: PeerId(u16::from(value)),
                policy_changed: value > 9,
                ..Group::new(GroupKey {
                    internal: value > 9,
                    default_originate_map: (value > 9).then(|| "M".into()),
                    ..GroupKey::default()
                })
            },
        ),
        (_, None) => drop(common.groups.remove(&group)),
    }
}

fn edit_family(clients: &mut Clients, kind: u8, number: u8, value: Option<u8>) {
    let rib = &mut clients.speaker.rib;
    let (peer, group) = (peer(number), GroupId(u16::from(number)));
    match (kind, value) {
        (11, Some(value)) => rib.v4.paths.insert(RouteKey(v4(number)), paths(value)),
        (11, None) => drop(rib.v4.paths.remove(&RouteKey(v4(number)))),
        (12, Some(value)) => rib.v4.told.insert(told_key(group, v4(number)), told(value)),
        (12, None) => drop(rib.v4.told.remove(&told_key(group, v4(number)))),
        (13, Some(value)) => rib.v4.sweeps.insert(SweepKey::Stale(peer), sweep(value)),
        (13, None) => drop(rib.v4.sweeps.remove(&SweepKey::Stale(peer))),
        (14, Some(_)) => rib.v4.missed.insert(missed_key(peer, v4(number)), Missed),
        (14, None) => drop(rib.v4.missed.remove(&missed_key(peer, v4(number)))),
        (15, Some(value)) => rib.v6.paths.insert(RouteKey(v6(number)), paths(value)),
        (15, None) => drop(rib.v6.paths.remove(&RouteKey(v6(number)))),
        (16, Some(value)) => rib.v6.told.insert(told_key(group, v6(number)), told(value)),
        (16, None) => drop(rib.v6.told.remove(&told_key(group, v6(number)))),
        (17, Some(value)) => rib.v6.sweeps.insert(SweepKey::Decide, sweep(value)),
        (17, None) => drop(rib.v6.sweeps.remove(&SweepKey::Decide)),
        (_, Some(_)) => rib.v6.missed.insert(missed_key(peer, v6(number)), Missed),
        (_, None) => drop(rib.v6.missed.remove(&missed_key(peer, v6(number)))),
    }
}

fn edit_stream(clients: &mut Clients, kind: u8, number: u8, value: Option<u8>) {
    let common = &mut clients.speaker.rib.common;
    let peer = peer(number);
    match (kind, value) {
        (19, Some(value)) => common.log.insert(log_key(peer), message(value)),
        (19, None) => drop(common.log.remove(&log_key(peer))),
        (_, Some(value)) => common.streams.insert(peer, stream(value)),
        (_, None) => drop(common.streams.remove(&peer)),
    }
}

fn edit_default_route(clients: &mut Clients, number: u8, value: Option<u8>) {
    let rows = &mut clients.speaker.rib.common.default_routes;
    let key = RouteMapName(format!("M{number}"));
    match value {
        Some(value) => rows.insert(
            key,
            DefaultRoute {
                witness: (value > 9).then(|| v4(value)),
                attributes: attributes(value),
            },
        ),
        None => drop(rows.remove(&key)),
    }
}

fn edit_quarantine(clients: &mut Clients, number: u8, value: Option<u8>) {
    let key = quarantine(number);
    let quarantines = &mut clients.bgp_quarantines;
    match value {
        Some(value) => {
            let row = Quarantine {
                step: StepKind::ALL[usize::from(value) % StepKind::ALL.len()],
                offset: u64::from(value),
                digest: 7,
            };
            quarantines.insert(key, row);
        }
        None => drop(quarantines.remove(&key)),
    }
}

fn edit_deferral(clients: &mut Clients, number: u8, value: Option<u8>) {
    let key = match number {
        0 => DeferralKey::Selection,
        number => DeferralKey::Neighbor(peer(number)),
    };
    let deferrals = &mut clients.speaker.deferrals;
    match value {
        Some(value) => {
            let since_s = u32::from(value);
            deferrals.insert(key, Deferral { since_s });
        }
        None => drop(deferrals.remove(&key)),
    }
}

fn quarantine(number: u8) -> QuarantineKey {
    match number {
        0 => QuarantineKey::Everything,
        1 => QuarantineKey::LeftOvers,
        number => QuarantineKey::Neighbor(IpAddr::V4(address(number))),
    }
}

fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, number)
}

fn v4(number: u8) -> Prefix<V4> {
    Prefix::new(Ipv4Addr::new(10, number, 0, 0), 16).expect("a prefix")
}

fn v6(number: u8) -> Prefix<V6> {
    let network = [0x2001, 0x0db8, u16::from(number), 0, 0, 0, 0, 0];
    Prefix::new(network.into(), 48).expect("a prefix")
}

fn connection(number: u8) -> ConnectionKey {
    ConnectionKey {
        local: Endpoint::new(address(1), 179),
        remote: Endpoint::new(address(number), 50_000),
    }
}

fn sent(connection: ConnectionKey) -> SentKey {
    SentKey {
        connection,
        offset: 5,
    }
}

fn agreed(value: u8) -> Connection {
    Connection {
        passive: value > 9,
        local_isn: u32::from(value),
        remote_isn: 7,
        remote_mss: 1460,
        window_scaling: None,
        sack_permitted: true,
        buffers: BufferSize::default(),
        options: ConnectionOptions::default(),
    }
}

fn attributes(value: u8) -> Vec<u8> {
    local_attributes(
        Origin::Igp,
        Some(u32::from(value)),
        Some(NextHop::V4(address(value))),
    )
}

fn local(value: u8) -> LocalRoute {
    LocalRoute {
        is_network: value > 9,
        attributes: attributes(value),
        weight: 32_768,
    }
}

fn session(value: u8) -> Session {
    Session {
        established: value > 9,
        over_limit_since_s: (value < 5).then_some(u32::from(value)),
        ..Session::new(
            Direction::Incoming,
            Offer {
                as_number: 65_001,
                identifier: address(value),
                hold_time_s: 9,
                four_octet_as: true,
                extended_message: false,
                route_refresh: true,
                families: Families::V4,
                graceful: Some(Graceful::default()),
            },
        )
    }
}

fn paths(value: u8) -> Paths {
    let path = |peer| Path {
        peer: PeerId(peer),
        generation: u16::from(value),
        weight: 0,
        flags: 1,
        received: AttributeId(1),
        accepted: AttributeId(1),
    };
    let paths = [path(1), path(2)];
    Paths::from_slice(&paths[..1 + usize::from(value) % 2]).expect("at least one")
}

fn told_key<F: Family>(group: GroupId, prefix: Prefix<F>) -> ToldKey<F> {
    ToldKey { group, prefix }
}

fn missed_key<F: Family>(peer: PeerId, prefix: Prefix<F>) -> MissedKey<F> {
    MissedKey { peer, prefix }
}

fn told(value: u8) -> Told {
    Told {
        attribute: AttributeId(1),
        source: PeerId(u16::from(value)),
    }
}

fn sweep(value: u8) -> Sweep {
    Sweep {
        position: vec![value],
        ..Sweep::default()
    }
}

fn log_key(peer: PeerId) -> LogKey {
    LogKey {
        log: LogId::Peer(peer),
        position: 3,
    }
}

fn message(value: u8) -> LogMessage {
    LogMessage {
        bytes: vec![value; 23].into(),
        audience: Audience::AllBut(PeerId(2)),
    }
}

fn stream(value: u8) -> Stream {
    Stream {
        start: u64::from(value),
        end: u64::from(value) + 23,
        next_own: 4,
        pieces: [Piece {
            own: true,
            first: 3,
            end: 4,
        }]
        .into(),
        walks: [Walk {
            family: 0,
            position: vec![value],
            end_of_rib: true,
            kind: WalkKind::Move,
        }]
        .into(),
        leaving: Some(Leaving {
            group: GroupId(7),
            next: u64::from(value),
        }),
        ..Stream::default()
    }
}
