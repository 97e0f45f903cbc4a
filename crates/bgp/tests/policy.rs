//! Lists and route maps, alone and on the way in and out.

mod common;

use bgp::policy::{
    AsPathList, CommunityEntry, CommunityList, Draft, ListAction, Match, MetricChange, NO_EXPORT, Policies,
    PrefixEntry, PrefixList, RouteMap, RouteMapEntry, Set, SetCommunity, Subject, Verdict, communities_text,
};
use bgp::{SpeakerInput, SweepKey};
use common::*;
use config::Pattern;
use packet::bgp::{AttributeType, Attributes, Canonical, Kind, Origin, Update};
use packet::{Prefix, V4};

fn prefix(text: &str) -> Prefix<V4> {
    text.parse().unwrap()
}

#[test]
fn a_prefix_list_takes_what_its_first_matching_entry_says() {
    let entry = |action, text: &str, ge, le| PrefixEntry::new(action, prefix(text), ge, le).unwrap();
    let mut list = PrefixList::default();
    assert!(list.takes(&prefix("10.0.0.0/8")), "an empty list takes all");
    list.entries
        .insert(5, entry(ListAction::Deny, "10.1.0.0/16", None, Some(24)));
    list.entries
        .insert(10, entry(ListAction::Permit, "10.0.0.0/8", Some(16), None));
    list.entries
        .insert(15, entry(ListAction::Permit, "0.0.0.0/0", None, None));
    #[rustfmt::skip]
    let cases = [
        ("10.1.0.0/16", false), ("10.1.2.0/24", false), ("10.1.2.0/25", true), ("10.2.0.0/16", true),
        ("10.0.0.0/15", false), ("10.0.0.1/32", true), ("0.0.0.0/0", true), ("11.0.0.0/8", false),
    ];
    for (text, takes) in cases {
        assert_eq!(list.takes(&prefix(text)), takes, "{text}");
    }
    for (ge, le) in [
        (Some(8), None),
        (Some(33), None),
        (Some(24), Some(16)),
        (None, Some(8)),
    ] {
        assert!(PrefixEntry::new(ListAction::Permit, prefix("10.0.0.0/8"), ge, le).is_err());
    }
}

fn subject(path: &[u32], communities: &[u32]) -> Subject {
    let mut draft = Draft::default();
    draft.origin = Some(Origin::Igp);
    draft.prepend(path);
    draft.communities = communities.to_vec();
    Subject::new(draft, 0)
}

#[test]
fn as_path_and_community_lists_see_texts_as_they_are_shown() {
    let list = |entries: &[(ListAction, &str)]| AsPathList {
        entries: entries
            .iter()
            .map(|(action, text)| (*action, Pattern::new(text).unwrap()))
            .collect(),
    };
    let through = list(&[(ListAction::Deny, "_65003$"), (ListAction::Permit, "^65001_")]);
    let takes = |path: &[u32]| through.takes(&subject(path, &[]).draft.path());
    assert_eq!(
        [
            takes(&[65001]),
            takes(&[65001, 65003]),
            takes(&[650011]),
            takes(&[65002, 65001])
        ],
        [true, false, false, false]
    );
    assert!(list(&[(ListAction::Permit, "^$")]).takes(&subject(&[], &[]).draft.path()));
    let community = |high: u32, low: u32| high << 16 | low;
    let (a, b) = (community(65001, 1), community(65001, 2));
    assert_eq!(communities_text(&[NO_EXPORT, b, a]), "65001:1 65001:2 no-export");
    let standard = CommunityList {
        entries: vec![CommunityEntry::Standard(ListAction::Permit, vec![a, b])],
    };
    assert!(standard.takes(&[a, b, NO_EXPORT], false) && !standard.takes(&[a], false));
    assert!(standard.takes(&[b, a], true) && !standard.takes(&[a, b, NO_EXPORT], true));
    let expanded = CommunityList {
        entries: vec![CommunityEntry::Expanded(
            ListAction::Permit,
            Pattern::new("65001:[12]_").unwrap(),
        )],
    };
    assert!(expanded.takes(&[a], false) && !expanded.takes(&[community(65001, 3)], false));
}

#[test]
fn the_first_entry_of_a_route_map_that_holds_decides_and_changes() {
    let mut policies = Policies::default();
    let mut list = PrefixList::default();
    let entry = PrefixEntry::new(ListAction::Permit, prefix("10.0.0.0/8"), None, Some(32)).unwrap();
    list.entries.insert(5, entry);
    policies.prefix_lists_v4.insert("TEN".into(), list);
    let mut map = RouteMap::default();
    let deny = RouteMapEntry {
        action: ListAction::Deny,
        matches: vec![Match::Metric(7)],
        sets: Vec::new(),
    };
    let permit = RouteMapEntry {
        action: ListAction::Permit,
        matches: vec![Match::PrefixList(vec!["TEN".into()])],
        sets: vec![
            Set::LocalPreference(200),
            Set::Metric(MetricChange::Add(5)),
            Set::Weight(9),
            Set::Origin(Origin::Incomplete),
            Set::Prepend(vec![65000, 65000]),
            Set::Community(SetCommunity::Add(vec![2, 1])),
        ],
    };
    map.entries.insert(10, deny);
    map.entries.insert(20, permit);
    assert!(!map.is_about_attributes_only());
    let apply = |text: &str, subject: &mut Subject| {
        map.apply(&policies, &policies.prefix_lists_v4, &prefix(text), subject)
    };
    let mut taken = subject(&[65001], &[3]);
    assert_eq!(apply("10.1.0.0/16", &mut taken), Verdict::Permit);
    assert_eq!(taken.weight, 9);
    let draft = &taken.draft;
    assert_eq!(
        (draft.local_preference, draft.med, draft.origin),
        (Some(200), Some(5), Some(Origin::Incomplete))
    );
    assert_eq!(draft.path().numbers().collect::<Vec<_>>(), [65000, 65000, 65001]);
    assert_eq!(draft.communities, [1, 2, 3]);
    let mut bytes = Vec::new();
    draft.finish(&mut bytes);
    assert_eq!(
        &Draft::of(&Canonical::parse(&bytes).unwrap()),
        draft,
        "nothing is lost on the way to bytes"
    );
    let mut refused = subject(&[65001], &[]);
    refused.draft.med = Some(7);
    assert_eq!(apply("10.1.0.0/16", &mut refused), Verdict::Deny);
    assert_eq!(
        apply("11.0.0.0/8", &mut subject(&[65001], &[])),
        Verdict::Deny,
        "nothing holds"
    );
}

#[test]
fn policy_in_and_out_is_applied_and_applied_again() {
    let mut world = World::new(2);
    world.originate(0, networks(4));
    let mut list = PrefixList::default();
    let first = networks(1).next().unwrap();
    list.entries
        .insert(5, PrefixEntry::new(ListAction::Deny, first, None, None).unwrap());
    let any = PrefixEntry::new(ListAction::Permit, Prefix::DEFAULT, None, Some(32)).unwrap();
    list.entries.insert(10, any);
    for node in 0..2 {
        let policies = &mut world.speaker_mut(node).rib.common.policies;
        policies.prefix_lists_v4.insert("OUT".into(), list.clone());
        let entry = RouteMapEntry {
            action: ListAction::Permit,
            matches: Vec::new(),
            sets: vec![Set::Prepend(vec![64512])],
        };
        policies
            .route_maps
            .entry("IN".into())
            .or_default()
            .entries
            .insert(10, entry);
    }
    world.join(0, 1, |config| {
        config.prefix_list_out = Some("OUT".into());
        config.route_map_in = Some("IN".into());
        config.keeps_refused = true;
    });
    world.settle();
    let routes = world.routes(1);
    assert_eq!(routes.len(), 3);
    assert_eq!(routes[0], "20.0.1.0/24 from 1 [64512 65001]");
    // The operator changes both; only a clear applies them.
    world.change_policies(0, |policies| policies.prefix_lists_v4.clear());
    world.settle();
    assert_eq!(world.routes(1).len(), 3);
    world.input(0, SpeakerInput::ClearSoftOut { peer: peer_id(1) });
    world.settle();
    assert_eq!(world.routes(1).len(), 4);
    let policies = &mut world.speaker_mut(1).rib.common.policies;
    policies.route_maps.clear();
    world.input(1, SpeakerInput::ClearSoftIn { peer: peer_id(0) });
    world.settle();
    assert!(
        world.routes(1).is_empty(),
        "a route map that does not exist refuses everything"
    );
    assert_eq!(world.speaker(1).rib.v4.paths.len(), 4, "what is refused is kept");
    world.turn(1, |speaker, _, _| {
        speaker.rib.start_sweep(SweepKey::Gone(peer_id(0)))
    });
    world.settle();
    assert_eq!(world.speaker(1).rib.v4.paths.len(), 0);
}

#[test]
fn who_is_to_keep_what_policy_refuses_asks_for_what_it_has_not_kept() {
    let mut world = World::new(2);
    world.originate(0, networks(4));
    world.join(0, 1, |config| {
        let is_receiver = config.remote_as == as_number(0);
        config.route_map_in = is_receiver.then(|| "NONE".into());
    });
    world.settle();
    assert_eq!(world.speaker(1).rib.v4.paths.len(), 0, "refused, and forgotten");
    let mut config = world.configs[1][&peer_id(0)].clone();
    config.keeps_refused = true;
    world.configure(1, 0, config);
    world.settle();
    assert_eq!(
        (world.speaker(1).rib.v4.paths.len(), world.routes(1).len()),
        (4, 0)
    );
    let all = RouteMapEntry {
        action: ListAction::Permit,
        matches: Vec::new(),
        sets: Vec::new(),
    };
    world.change_policies(1, |policies| {
        let map = policies.route_maps.entry("NONE".into()).or_default();
        map.entries.insert(10, all);
    });
    assert!(world.routes(1).is_empty(), "what is there waits for a clear");
    world.input(1, SpeakerInput::ClearSoftIn { peer: peer_id(0) });
    world.settle();
    assert_eq!(world.routes(1).len(), 4);
    let refreshes = (0..2).flat_map(|side| world.messages(0, side));
    let refreshes = refreshes.filter(|(kind, _)| *kind == Kind::RouteRefresh);
    assert_eq!(refreshes.count(), 1, "the clear has all that it needs");
    assert_eq!(world.speaker(1).counters(peer_id(0)).unwrap().dropped, 0);
}

#[test]
fn another_as_never_hears_a_local_preference_that_a_route_map_sets() {
    let mut world = World::new(2);
    world.originate(0, networks(1));
    let entry = RouteMapEntry {
        action: ListAction::Permit,
        matches: Vec::new(),
        sets: vec![Set::LocalPreference(300), Set::Metric(MetricChange::To(7))],
    };
    let policies = &mut world.speaker_mut(0).rib.common.policies;
    policies
        .route_maps
        .entry("OUT".into())
        .or_default()
        .entries
        .insert(10, entry);
    world.join(0, 1, |config| {
        if config.remote_as == as_number(1) {
            config.route_map_out = Some("OUT".into());
        }
    });
    world.settle();
    let messages: Vec<_> = (0..2).flat_map(|side| world.messages(0, side)).collect();
    let has_routes = |(kind, body): &&(Kind, Vec<u8>)| *kind == Kind::Update && body.len() > 4;
    let (_, update) = messages.iter().find(has_routes).unwrap();
    let update = Update::parse(update).unwrap();
    let sent = |wanted| Attributes::new(update.attributes).any(|attribute| attribute.unwrap().kind == wanted);
    assert!(sent(AttributeType::MULTI_EXIT_DISC), "the map was applied");
    assert!(!sent(AttributeType::LOCAL_PREF));
}
