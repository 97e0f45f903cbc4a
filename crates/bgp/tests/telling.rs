//! Who is told what: kinds of sessions, route reflection, communities, and the audience of each message.

use bgp::decision::Source;
use bgp::policy::{
    Draft, ListAction, Match, MetricChange, NO_ADVERTISE, NO_EXPORT, PrefixEntry, PrefixList, RouteMapEntry,
    Set,
};
use bgp::{Group, GroupId, GroupKey, NextHopKey, Peer, PeerId, Rib};
use packet::bgp::{Context, Kind, NextHop, Origin, Reading, Update, split};
use packet::{Ipv4Addr, Prefix, V4};

const EXTERNAL: GroupId = GroupId(1);
const INTERNAL: GroupId = GroupId(2);
const CLIENTS: GroupId = GroupId(3);
const NEXT_HOP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const OWN: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 254);

/// External 1 and 2, internal 3 and 4, clients 5 and 6.
fn rib() -> Rib {
    let mut rib = Rib::new(65000, Ipv4Addr::new(10, 0, 0, 1));
    for (group, internal, client) in [
        (EXTERNAL, false, false),
        (INTERNAL, true, false),
        (CLIENTS, true, true),
    ] {
        let key = GroupKey {
            internal,
            route_reflector_client: client,
            four_octet_as: true,
            ipv4: true,
            local_as: 65000,
            local_v4: Some(OWN),
            send_community: true,
            ..GroupKey::default()
        };
        rib.common.groups.insert(group, Group::new(key));
        for id in [2 * group.0 - 1, 2 * group.0] {
            let address = Ipv4Addr::new(10, 0, 1, id as u8);
            let peer = Peer {
                source: if internal {
                    Source::Internal
                } else {
                    Source::External
                },
                address: address.into(),
                remote_as: if internal { 65000 } else { 65000 + u32::from(id) },
                weight: 0,
                route_reflector_client: client,
                group: Some(group),
                ..Peer::local(address)
            };
            rib.set_peer(PeerId(id), Some(peer));
            rib.open_stream(PeerId(id), group, 0, &[]);
        }
    }
    rib.next_hop_changed(NextHopKey::V4(NEXT_HOP), Some(0));
    while !rib.run(1000) {}
    rib
}

fn prefix() -> Prefix<V4> {
    "20.0.0.0/8".parse().unwrap()
}

fn announce(rib: &mut Rib, peer: u16, change: impl Fn(&mut Draft)) {
    let mut draft = Draft::default();
    draft.origin = Some(Origin::Igp);
    draft.next_hop = Some(NextHop::V4(NEXT_HOP));
    draft.med = Some(7);
    draft.prepend(&[64900]);
    if peer > 2 {
        draft.local_preference = Some(150);
    }
    change(&mut draft);
    let mut set = Vec::new();
    draft.finish(&mut set);
    send(rib, peer, &set, true);
}

fn send(rib: &mut Rib, peer: u16, set: &[u8], announced: bool) {
    let body: &[u8] = &[8, 20];
    let update = Update {
        withdrawn: if announced { &[] } else { body },
        attributes: set,
        reachable: if announced { body } else { &[] },
    };
    let context = Context {
        internal: peer > 2,
        ..context()
    };
    let reading: Reading<'_> = update.read(&context).unwrap();
    assert_eq!(reading.wrong, None);
    rib.update(PeerId(peer), &reading);
    rib.flush();
}

const fn context() -> Context {
    Context {
        four_octet_as: true,
        internal: true,
        confederation: false,
        first_as: None,
        ipv4: true,
        ipv6: false,
    }
}

/// What a neighbour is sent now: `-` for a withdrawal, else path, next hop, MED, LOCAL_PREF and clusters.
fn told(rib: &mut Rib, peer: u16) -> Vec<String> {
    let peer = PeerId(peer);
    rib.fill(peer, u64::MAX, 1000);
    let (_, bytes) = rib.last_bytes(peer);
    let end = rib.common.streams.get(&peer).unwrap().end;
    rib.acknowledged(peer, end);
    let mut rest = &bytes[..];
    let mut told = Vec::new();
    while let Some(message) = split(rest, 4096).unwrap() {
        rest = &rest[message.bytes.len()..];
        assert_eq!(message.kind, Kind::Update);
        let reading = Update::parse(message.body).unwrap();
        let attributes = match reading.reachable {
            [] => None,
            _ => {
                // From outside, LOCAL_PREF would be missing.
                let context = Context {
                    internal: false,
                    confederation: true,
                    ..context()
                };
                Some(reading.read(&context).unwrap().attributes)
            }
        };
        told.push(match attributes {
            None => "-".into(),
            Some(set) => {
                let Some(NextHop::V4(next_hop)) = set.next_hop else {
                    panic!()
                };
                let path = bgp::policy::path_text(&set.path());
                let (med, preference) = (set.multi_exit_discriminator, set.local_preference);
                format!("[{path}] {next_hop} {med:?} {preference:?}")
            }
        });
    }
    told
}

#[test]
fn an_external_route_is_told_to_all_but_its_source_and_made_ready_for_each_kind() {
    let mut rib = rib();
    announce(&mut rib, 1, |_| {});
    assert!(told(&mut rib, 1).is_empty(), "nobody is told what he said");
    assert_eq!(told(&mut rib, 2), ["[65000 64900] 192.0.2.254 None None"]);
    for peer in 3..=6 {
        assert_eq!(
            told(&mut rib, peer),
            ["[64900] 192.0.2.1 Some(7) Some(100)"],
            "{peer}"
        );
    }
    announce(&mut rib, 1, |_| {});
    assert!(
        (1..=6).all(|peer| told(&mut rib, peer).is_empty()),
        "the same again is no news"
    );
    send(&mut rib, 1, &[], false);
    assert!(told(&mut rib, 1).is_empty());
    assert!((2..=6).all(|peer| told(&mut rib, peer) == ["-"]));
}

#[test]
fn an_internal_route_is_reflected_to_and_from_clients_only() {
    let mut rib = rib();
    announce(&mut rib, 3, |_| {});
    assert_eq!(told(&mut rib, 1), ["[65000 64900] 192.0.2.254 None None"]);
    assert!(told(&mut rib, 3).is_empty() && told(&mut rib, 4).is_empty());
    assert_eq!(told(&mut rib, 5), ["[64900] 192.0.2.1 Some(7) Some(150)"]);
    assert_eq!(told(&mut rib, 6).len(), 1);
    send(&mut rib, 3, &[], false);
    (1..=6).for_each(|peer| drop(told(&mut rib, peer)));
    announce(&mut rib, 5, |_| {});
    let reflected = (3..=6).map(|peer| told(&mut rib, peer).len()).collect::<Vec<_>>();
    assert_eq!(reflected, [1, 1, 0, 1], "from a client to everybody else");
    let attribute = rib
        .v4
        .told
        .iter()
        .find(|(key, _)| key.group == CLIENTS)
        .unwrap()
        .1
        .attribute;
    let set = rib.common.attributes.get(attribute).unwrap();
    let attributes = set.canonical().attributes;
    assert_eq!(attributes.originator_id, Some(Ipv4Addr::new(10, 0, 1, 5)));
    assert_eq!(
        attributes.clusters().collect::<Vec<_>>(),
        [Ipv4Addr::new(10, 0, 0, 1)]
    );
}

#[test]
fn a_route_that_went_through_us_before_is_refused() {
    let mut rib = rib();
    announce(&mut rib, 1, |draft| draft.prepend(&[65000]));
    announce(&mut rib, 3, |draft| {
        draft.originator_id = Some(Ipv4Addr::new(10, 0, 0, 1))
    });
    announce(&mut rib, 4, |draft| draft.cluster_list = vec![10, 0, 0, 1]);
    assert_eq!(rib.v4.paths.len(), 0);
}

/// External neighbours behind a route map with this one entry.
fn rib_with_map(matches: Vec<Match>, sets: Vec<Set>) -> Rib {
    let mut rib = rib();
    let mut list = PrefixList::default();
    let next_hop = Prefix::host(NEXT_HOP);
    let entry = PrefixEntry::new(ListAction::Permit, next_hop, None, None).unwrap();
    list.entries.insert(5, entry);
    let policies = &mut rib.common.policies;
    policies.prefix_lists_v4.insert("HOP".into(), list);
    let entry = RouteMapEntry {
        action: ListAction::Permit,
        matches,
        sets,
    };
    let map = policies.route_maps.entry("OUT".into()).or_default();
    map.entries.insert(10, entry);
    let group = rib.common.groups.get(&EXTERNAL).unwrap();
    let key = GroupKey {
        route_map: Some("OUT".into()),
        ..group.key.clone()
    };
    rib.common.groups.insert(EXTERNAL, Group::new(key));
    rib
}

#[test]
fn a_route_map_out_is_asked_about_what_the_table_has_and_its_word_is_the_last() {
    let plain = "[65000 64900] 192.0.2.254 None None";
    let cases = [
        (vec![Match::LocalPreference(150)], vec![], plain),
        (vec![Match::LocalPreference(100)], vec![], ""),
        (vec![Match::Metric(7)], vec![], plain),
        (vec![Match::Metric(0)], vec![], ""),
        (vec![Match::NextHopPrefixList(vec!["HOP".into()])], vec![], plain),
        // What it says stands, also if it says what was there.
        (
            vec![],
            vec![Set::Metric(MetricChange::To(7)), Set::NextHop(NEXT_HOP)],
            "[65000 64900] 192.0.2.1 Some(7) None",
        ),
        (
            vec![],
            vec![Set::Metric(MetricChange::Add(2)), Set::Prepend(vec![65000])],
            "[65000 65000 64900] 192.0.2.254 Some(9) None",
        ),
    ];
    for (matches, sets, expected) in cases {
        let name = format!("{matches:?} {sets:?}");
        let mut rib = rib_with_map(matches, sets);
        announce(&mut rib, 3, |_| {});
        assert_eq!(told(&mut rib, 2).concat(), expected, "{name}");
    }
    // Without the attribute it is the value that it stands for.
    let mut rib = rib_with_map(vec![Match::LocalPreference(100), Match::Metric(0)], vec![]);
    announce(&mut rib, 1, |draft| draft.med = None);
    assert_eq!(told(&mut rib, 2), [plain]);
}

#[test]
fn extended_communities_that_are_for_one_as_stay_in_it() {
    // Link bandwidth (0x4004), and a route target.
    const BANDWIDTH: [u8; 8] = [0x40, 4, 0xfd, 0xe8, 0x4c, 0xbe, 0xbc, 0x20];
    const TARGET: [u8; 8] = [0, 2, 0xfd, 0xe8, 0, 0, 0, 1];
    let mut rib = rib();
    for group in [EXTERNAL, CLIENTS] {
        let key = GroupKey {
            send_extended_community: true,
            ..rib.common.groups.get(&group).unwrap().key.clone()
        };
        rib.common.groups.insert(group, Group::new(key));
    }
    announce(&mut rib, 3, |draft| {
        draft.extended_communities = [BANDWIDTH, TARGET].concat()
    });
    let mut seen = |peer| {
        rib.fill(PeerId(peer), u64::MAX, 1000);
        let (_, bytes) = rib.last_bytes(PeerId(peer));
        let message = split(&bytes, 4096).unwrap().unwrap();
        let reading = Update::parse(message.body).unwrap().read(&context()).unwrap();
        reading.attributes.extended_communities.to_vec()
    };
    assert_eq!(seen(5), [BANDWIDTH, TARGET].concat());
    assert_eq!(seen(2), TARGET);
}

#[test]
fn communities_keep_a_route_at_home() {
    for (community, external, internal) in [(NO_EXPORT, 0, 1), (NO_ADVERTISE, 0, 0), (65000 << 16 | 1, 1, 1)]
    {
        let mut rib = rib();
        announce(&mut rib, 1, |draft| draft.communities = vec![community]);
        assert_eq!(told(&mut rib, 2).len(), external, "{community:x}");
        assert_eq!(told(&mut rib, 5).len(), internal, "{community:x}");
    }
}

#[test]
fn who_becomes_the_source_is_told_that_what_he_knew_is_gone() {
    let mut rib = rib();
    announce(&mut rib, 1, |draft| draft.prepend(&[64901]));
    (1..=6).for_each(|peer| drop(told(&mut rib, peer)));
    announce(&mut rib, 2, |_| {});
    assert_eq!(told(&mut rib, 2), ["-"], "its own path is the best now");
    assert_eq!(told(&mut rib, 1), ["[65000 64900] 192.0.2.254 None None"]);
    send(&mut rib, 2, &[], false);
    assert_eq!(told(&mut rib, 2), ["[65000 64901 64900] 192.0.2.254 None None"]);
    assert_eq!(told(&mut rib, 1), ["-"]);
}

#[test]
fn another_source_of_the_same_route_is_news_to_the_two_sources_only() {
    let mut rib = rib();
    announce(&mut rib, 1, |_| {});
    announce(&mut rib, 2, |_| {});
    (1..=6).for_each(|peer| drop(told(&mut rib, peer)));
    send(&mut rib, 1, &[], false);
    assert_eq!(told(&mut rib, 1), ["[65000 64900] 192.0.2.254 None None"]);
    assert_eq!(told(&mut rib, 2), ["-"]);
    for peer in 3..=6 {
        assert!(told(&mut rib, peer).is_empty(), "{peer} has it like this");
    }
}

#[test]
fn a_next_hop_that_cannot_be_reached_takes_its_routes_along() {
    let mut rib = rib();
    announce(&mut rib, 1, |_| {});
    (1..=6).for_each(|peer| drop(told(&mut rib, peer)));
    rib.next_hop_changed(NextHopKey::V4(NEXT_HOP), None);
    while !rib.run(1000) {}
    assert_eq!(told(&mut rib, 2), ["-"]);
    assert_eq!(rib.v4.get(prefix()).unwrap().best(), None, "known, and not used");
    rib.next_hop_changed(NextHopKey::V4(NEXT_HOP), Some(10));
    while !rib.run(1000) {}
    assert_eq!(told(&mut rib, 2).len(), 1);
}

#[test]
fn a_next_hop_that_keeps_changing_keeps_no_walk_waiting() {
    const COUNT: usize = 20_000;
    const PER_TURN: usize = 500;
    const FAILING: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 3);
    let mut rib = rib();
    rib.next_hop_changed(NextHopKey::V4(FAILING), Some(0));
    let prefix =
        |number: usize| Prefix::new(Ipv4Addr::from(0x1400_0000 + (number as u32) * 256), 24).unwrap();
    let mut draft = Draft::default();
    draft.origin = Some(Origin::Igp);
    draft.next_hop = Some(NextHop::V4(FAILING));
    draft.local_preference = Some(100);
    draft.prepend(&[65001]);
    let mut set = Vec::new();
    draft.finish(&mut set);
    let mut prefixes = (0..COUNT).map(prefix).peekable();
    while prefixes.peek().is_some() {
        let mut message = Vec::new();
        packet::bgp::update_v4(&set, &mut prefixes, 4096, &mut message);
        let message = split(&message, 4096).unwrap().unwrap();
        let reading = Update::parse(message.body).unwrap().read(&context()).unwrap();
        rib.update(PeerId(3), &reading);
    }
    while !rib.run(PER_TURN) {}
    rib.take_changes_v4();
    let has_best = |rib: &Rib, number| rib.v4.get(prefix(number)).unwrap().best().is_some();
    assert!(has_best(&rib, 0) && has_best(&rib, COUNT - 1));
    rib.start_sweep(bgp::SweepKey::Install);
    let turns_per_round = COUNT / PER_TURN;
    for turn in 0..4 * turns_per_round {
        let metric = Some(turn as u32 + 1);
        rib.next_hop_changed(NextHopKey::V4(NEXT_HOP), metric);
        if turn == turns_per_round / 2 {
            rib.next_hop_changed(NextHopKey::V4(FAILING), None);
        }
        assert!(!rib.run(PER_TURN), "it is asked for in each turn");
    }
    let decided = (0..COUNT).filter(|number| !has_best(&rib, *number)).count();
    assert_eq!(decided, COUNT, "each was looked at after its next hop had failed");
    assert!(
        !rib.v4.sweeps.contains_key(&bgp::SweepKey::Install),
        "and another walk has ended"
    );
    let mut turns = 0;
    while !rib.run(PER_TURN) {
        turns += 1;
        assert!(turns <= 2 * turns_per_round, "once nobody asks again, it ends");
    }
}

#[test]
fn a_walk_that_is_asked_for_again_comes_to_everything_and_ends() {
    let mut rib = rib();
    let prefix = |number: u32| Prefix::new(Ipv4Addr::from(0x1400_0000 + number * 256), 24).unwrap();
    let set = bgp::local_attributes(Origin::Igp, None, Some(NextHop::V4(NEXT_HOP)));
    for number in 0..1000 {
        assert!(rib.originate_v4(prefix(number), &set, 0, 0));
    }
    while !rib.run(1000) {}
    rib.take_changes_v4();
    // Batches are of 256 rows at most: asked for after each number of batches, and a second time after some more.
    for (first, second) in (0..5).flat_map(|first| (0..6).map(move |second| (first, second))) {
        rib.start_sweep(bgp::SweepKey::Install);
        for _ in 0..first {
            rib.run(256);
        }
        rib.start_sweep(bgp::SweepKey::Install);
        for _ in 0..second {
            rib.run(256);
        }
        rib.take_changes_v4();
        rib.start_sweep(bgp::SweepKey::Install);
        let mut looked_at = std::collections::BTreeSet::new();
        let mut count = 0;
        while rib.v4.sweeps.contains_key(&bgp::SweepKey::Install) {
            rib.run(256);
            let changes: Vec<_> = rib.take_changes_v4().into_iter().collect();
            count += changes.len();
            looked_at.extend(changes);
        }
        assert_eq!(looked_at.len(), 1000, "asked again after {first} and {second}");
        assert!(
            count <= 1000 + 256,
            "and not more than once, but for a batch: {count}"
        );
    }
}

#[test]
fn attribute_sets_that_nobody_names_are_taken_out() {
    let mut rib = rib();
    for number in 0..5000 {
        announce(&mut rib, 1, |draft| draft.med = Some(number));
        if number % 100 == 0 {
            rib.run(100_000);
            rib.trim_logs();
            (1..=6).for_each(|peer| drop(told(&mut rib, peer)));
        }
    }
    assert!(
        rib.common.attributes.sets.len() < 3000,
        "{}",
        rib.common.attributes.sets.len()
    );
    send(&mut rib, 1, &[], false);
    assert_eq!((rib.v4.paths.len(), rib.v4.told.len()), (0, 0));
}
