//! A group's log holds what a member still needs, from there on, and nothing before it, whatever members do.

use bgp::{
    Group, GroupId, GroupKey, LOG_MESSAGES_MAX, LogId, Peer, PeerId, Rib, decision::Source, local_attributes,
};
use packet::bgp::{NextHop, Origin};
use packet::{Ipv4Addr, Prefix};

const GROUP: GroupId = GroupId(1);

fn member(id: u16, group: Option<GroupId>) -> Peer {
    Peer {
        source: Source::External,
        remote_as: 65001,
        group,
        ..Peer::local(Ipv4Addr::new(10, 0, 1, id as u8))
    }
}

fn rib(members: u16) -> Rib {
    let mut rib = Rib::new(65000, Ipv4Addr::new(10, 0, 0, 1));
    let key = GroupKey {
        four_octet_as: true,
        ipv4: true,
        local_as: 65000,
        local_v4: Some(Ipv4Addr::new(192, 0, 2, 254)),
        ..GroupKey::default()
    };
    rib.common.groups.insert(GROUP, Group::new(key));
    for id in 1..=members {
        rib.set_peer(PeerId(id), Some(member(id, Some(GROUP))));
        rib.open_stream(PeerId(id), GROUP, 0, &[]);
    }
    rib
}

/// The places in the group's log, and the first one that a member needs.
fn log_and_need(rib: &Rib) -> (Vec<u64>, u64) {
    let places = rib.common.log.iter();
    let places = places.filter(|(key, _)| key.log == LogId::Group(GROUP));
    let next = rib.common.groups.get(&GROUP).map_or(0, |group| group.next);
    let of_group = |peer: &PeerId| {
        rib.common
            .peer(*peer)
            .is_some_and(|peer| peer.group == Some(GROUP))
    };
    let needs = rib
        .common
        .streams
        .iter()
        .filter(|(peer, _)| of_group(peer))
        .map(|(_, stream)| {
            let mut pieces = stream.pieces.iter().filter(|piece| !piece.own);
            pieces.next().map_or(stream.next, |piece| piece.first)
        });
    (
        places.map(|(key, _)| key.position).collect(),
        needs.min().unwrap_or(next),
    )
}

fn turn(rib: &mut Rib, members: u16, choice: u32, what: u32) {
    let peer = PeerId(1 + (choice % u32::from(members)) as u16);
    let prefix = Prefix::new(Ipv4Addr::new(20, 0, (choice % 50) as u8, 0), 24).unwrap();
    let stream = rib
        .common
        .streams
        .get(&peer)
        .map_or((0, 0), |stream| (stream.start, stream.end));
    match what % 16 {
        0..=3 => {
            let next_hop = NextHop::V4(Ipv4Addr::new(192, 0, 2, 1));
            let attributes = local_attributes(Origin::Igp, Some(choice), Some(next_hop));
            assert!(rib.originate_v4(prefix, &attributes, 32_768, 0));
        }
        4 => rib.withdraw_local_v4(prefix),
        5..=9 => drop(rib.fill(peer, stream.1 + u64::from(choice % 300), 64)),
        10..=13 => rib.acknowledged(peer, stream.0 + u64::from(choice % 400)),
        14 => {
            rib.close_stream(peer);
            rib.set_peer(peer, Some(member(peer.0, None)));
        }
        _ => {
            rib.set_peer(peer, Some(member(peer.0, Some(GROUP))));
            rib.open_stream(peer, GROUP, 0, &[(0, true)]);
        }
    }
    rib.flush();
    rib.trim_logs();
}

#[test]
fn the_log_starts_where_the_last_member_is_whatever_members_do() {
    for (seed, members) in [(1u64, 1u16), (2, 2), (3, 5), (4, 40)] {
        let (mut rib, mut state) = (rib(members), seed);
        let (mut longest, mut trimmed) = (0, 0);
        for step in 0..8000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            turn(
                &mut rib,
                members,
                (state >> 33) as u32 % 100_000,
                (state >> 20) as u32,
            );
            let (places, needed) = log_and_need(&rib);
            assert_eq!(
                places.first().copied().filter(|first| *first != needed),
                None,
                "step {step} of {members} members: the first place that is needed is {needed}"
            );
            longest = longest.max(places.len());
            trimmed = trimmed.max(needed);
        }
        assert!(
            longest > 3 && trimmed > 300,
            "{members}: {longest} long, {trimmed} trimmed"
        );
    }
}

#[test]
fn members_that_are_too_far_behind_leave_the_log_one_after_the_other() {
    const MEMBERS: u16 = 12;
    let mut rib = rib(MEMBERS);
    let next_hop = NextHop::V4(Ipv4Addr::new(192, 0, 2, 1));
    let prefix = |number: u64| Prefix::new(Ipv4Addr::from(0x1400_0000 + (number as u32) * 256), 24).unwrap();
    // Each with a set of its own, so that each is a message; nobody reads any.
    let announce = |rib: &mut Rib, number: u64| {
        let attributes = local_attributes(Origin::Igp, Some(number as u32), Some(next_hop));
        assert!(rib.originate_v4(prefix(number), &attributes, 32_768, 0));
    };
    (0..LOG_MESSAGES_MAX).for_each(|number| announce(&mut rib, number));
    rib.flush();
    rib.trim_logs();
    assert!(rib.v4.missed.is_empty() && rib.has_long_log() && !rib.has_overlong_log());
    let mut noted = 0;
    for turn in 1..=MEMBERS {
        announce(&mut rib, LOG_MESSAGES_MAX + u64::from(turn));
        rib.flush();
        rib.trim_logs();
        let new = rib.v4.missed.len() - noted;
        let most = LOG_MESSAGES_MAX as usize + 2 * usize::from(MEMBERS);
        assert!((1..=most).contains(&new), "{new} noted in turn {turn}");
        noted += new;
    }
    let (places, _) = log_and_need(&rib);
    assert!(places.len() <= usize::from(MEMBERS), "{} left", places.len());
    assert!(!rib.has_long_log());
    // What each is told then is all of it.
    for peer in (1..=MEMBERS).map(PeerId) {
        while rib.fill(peer, u64::MAX, 10_000) > 0 {}
        let (_, bytes) = rib.last_bytes(peer);
        let mut rest = &bytes[..];
        let mut count = 0;
        while let Some(message) = packet::bgp::split(rest, 4096).unwrap() {
            rest = &rest[message.bytes.len()..];
            count += 1;
        }
        assert_eq!(count, LOG_MESSAGES_MAX + u64::from(MEMBERS), "{peer:?}");
    }
    assert!(rib.v4.missed.is_empty());
}
