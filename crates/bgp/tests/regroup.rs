//! Policy towards neighbours changes while their sessions are established: each is told the difference, nothing else, and
//! the active may die at any turn of it.

mod common;

use bgp::policy::{ListAction, Match, MetricChange, PrefixEntry, PrefixList, RouteMap, RouteMapEntry, Set};
use bgp::{DefaultRoute, Group, GroupId, NeighborConfig, Peer, Speaker, SpeakerInput, local_attributes};
use common::*;
use machine::{Duration, Machine};
use packet::bgp::{Context, EXTENDED_MESSAGE_LEN_MAX, Kind, Origin, Update, split};
use packet::{Prefix, V4};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// More than two steps of a walk.
const PREFIXES: u32 = 600;
/// How long the operator has before a change is told.
const DELAY: Duration = Duration::from_secs(60);

/// A neighbour that believes what it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Model {
    /// Attributes of each route, as they came.
    routes: BTreeMap<Prefix<V4>, Vec<u8>>,
    ends_of_rib: u32,
    read: usize,
    /// Prefixes named so far.
    named: usize,
}

impl Model {
    /// Takes what is new of a stream.
    fn hear(&mut self, stream: &[u8]) -> Result<(), String> {
        while let Some(message) = split(&stream[self.read..], EXTENDED_MESSAGE_LEN_MAX).unwrap() {
            self.read += message.bytes.len();
            match message.kind {
                Kind::Update => self.update(message.body)?,
                Kind::Notification => return Err("a NOTIFICATION".into()),
                _ => {}
            }
        }
        Ok(())
    }

    fn update(&mut self, body: &[u8]) -> Result<(), String> {
        let update = Update::parse(body).unwrap();
        let context = Context {
            four_octet_as: true,
            internal: false,
            confederation: true,
            first_as: None,
            ipv4: true,
            ipv6: false,
        };
        let reading = update.read(&context).unwrap();
        if reading.end_of_rib.is_some() {
            self.ends_of_rib += 1;
            return Ok(());
        }
        for prefix in reading.withdrawn {
            self.named += 1;
            if self.routes.remove(&prefix).is_none() {
                return Err(format!("{prefix} is withdrawn, and was not there"));
            }
        }
        for prefix in reading.reachable {
            self.named += 1;
            let before = self.routes.insert(prefix, update.attributes.to_vec());
            if before.as_deref() == Some(update.attributes) {
                return Err(format!("{prefix} is told again"));
            }
        }
        Ok(())
    }
}

/// What a speaker would tell a neighbour that it has told nothing.
fn from_scratch(speaker: &Speaker, node: usize) -> Model {
    const NEW: GroupId = GroupId(60_000);
    let mut speaker = speaker.clone();
    let peer = peer_id(node);
    let group = speaker.sessions.get(&peer).unwrap().group.unwrap();
    let key = speaker.rib.common.groups.get(&group).unwrap().key.clone();
    speaker.rib.common.groups.insert(NEW, Group::new(key));
    let known = speaker.rib.common.peer(peer).unwrap().clone();
    let known = Peer {
        group: Some(NEW),
        leaving: None,
        ..known
    };
    speaker.rib.set_peer(peer, Some(known));
    speaker.rib.open_stream(peer, NEW, 0, &[(0, false)]);
    while speaker.rib.fill(peer, u64::MAX, 1000) > 0 {}
    let mut model = Model::default();
    model.hear(&speaker.rib.last_bytes(peer).1).unwrap();
    model
}

/// Models of all neighbours of node 0, one for each connection.
#[derive(Default)]
struct Models(BTreeMap<usize, Model>);

impl Models {
    fn hear(&mut self, world: &World) -> Result<(), String> {
        for (index, connection) in world.connections.iter().enumerate() {
            let Some(side) = connection.nodes.iter().position(|node| *node == 0) else {
                continue;
            };
            let model = self.0.entry(index).or_default();
            let heard = model.hear(&connection.sides[side].sent);
            if !connection.sides[side].closed {
                heard.map_err(|what| format!("connection {index}, {:?}: {what}", connection.nodes))?;
            }
        }
        Ok(())
    }

    /// The model of a neighbour's last connection.
    fn of(&self, world: &World, node: usize) -> &Model {
        let is_his = |index: &usize| world.connections[*index].nodes.contains(&node);
        let last = (0..world.connections.len()).rev().find(is_his).unwrap();
        &self.0[&last]
    }

    /// Each neighbour has exactly what it would be told by a speaker that starts anew.
    fn check(&mut self, world: &World) -> Result<(), String> {
        self.hear(world)?;
        let speaker = world.speaker(0);
        for (peer, config) in speaker.neighbors() {
            let node = usize::from(peer.0) - 1;
            let session = speaker.sessions.get(&peer).ok_or("no session")?;
            let group = session.group.ok_or("no group")?;
            let key = &speaker.rib.common.groups.get(&group).ok_or("no row")?.key;
            let told_by = (
                &key.route_map,
                &key.prefix_list,
                key.next_hop_self,
                key.send_community,
            );
            let wanted = (
                &config.route_map_out,
                &config.prefix_list_out,
                config.next_hop_self,
                config.send_community,
            );
            let default_by = (&key.default_originate, &key.default_originate_map);
            let default_wanted = (&config.default_originate, &config.default_originate_map);
            if told_by != wanted || default_by != default_wanted {
                return Err(format!("node {node} is told by {key:?}, not by {config:?}"));
            }
            let (has, should) = (&self.of(world, node).routes, from_scratch(speaker, node).routes);
            if *has != should {
                let lacks = should
                    .iter()
                    .filter(|(prefix, _)| !has.contains_key(prefix))
                    .count();
                let more = has
                    .iter()
                    .filter(|(prefix, _)| !should.contains_key(prefix))
                    .count();
                return Err(format!(
                    "node {node}: {} routes, should be {}, {lacks} missing, {more} too many",
                    has.len(),
                    should.len()
                ));
            }
        }
        Ok(())
    }
}

fn list(denied: std::ops::Range<u32>) -> PrefixList<V4> {
    let mut list = PrefixList::default();
    for (number, prefix) in networks(PREFIXES).enumerate() {
        if denied.contains(&(number as u32)) {
            let entry = PrefixEntry::new(ListAction::Deny, prefix, None, None).unwrap();
            list.entries.insert(number as u32 + 1, entry);
        }
    }
    let any = PrefixEntry::new(ListAction::Permit, Prefix::DEFAULT, None, Some(32)).unwrap();
    list.entries.insert(10_000, any);
    list
}

/// Routes that `L0` takes get this metric, the rest is told as it is.
fn map(metric: u32) -> RouteMap {
    let entry = |matches, sets| RouteMapEntry {
        action: ListAction::Permit,
        matches,
        sets,
    };
    let first = entry(
        vec![Match::PrefixList(vec!["L0".into()])],
        vec![Set::Metric(MetricChange::To(metric))],
    );
    RouteMap {
        entries: [(10, first), (20, entry(Vec::new(), Vec::new()))].into(),
    }
}

fn originate(world: &mut World, node: usize, numbers: std::ops::Range<u32>, metric: u32) {
    let set = local_attributes(Origin::Igp, Some(metric), None);
    world.turn(node, |speaker, _, _| {
        for prefix in networks(PREFIXES)
            .skip(numbers.start as usize)
            .take(numbers.len())
        {
            speaker.rib.originate_v4(prefix, &set, 32_768, bgp::NETWORK);
        }
    });
}

/// Node 0 with neighbours that are all told the same.
fn world(neighbors: usize) -> World {
    let mut world = World::new(1 + neighbors);
    world.budget = 100;
    world.change_policies(0, |policies| {
        policies.prefix_lists_v4.insert("L0".into(), list(0..100));
        policies.prefix_lists_v4.insert("L1".into(), list(300..500));
        policies.route_maps.insert("M".into(), map(5));
    });
    originate(&mut world, 0, 0..PREFIXES, 1);
    for node in 1..=neighbors {
        world.join(0, node, |config| config.graceful_restart = true);
    }
    world.settle();
    world
}

fn reconfigure(world: &mut World, node: usize, change: impl Fn(&mut NeighborConfig)) {
    let mut config = world.configs[0][&peer_id(node)].clone();
    change(&mut config);
    world.configure(0, node, config);
}

#[test]
fn a_policy_for_all_members_is_told_as_differences_after_a_minute_and_nobody_notices_more() {
    let mut world = world(3);
    let mut models = Models::default();
    models.check(&world).unwrap();
    let groups = world.speaker(0).rib.common.groups.len();
    for node in 1..=3 {
        reconfigure(&mut world, node, |config| {
            config.prefix_list_out = Some("L0".into())
        });
    }
    world.pass(DELAY - Duration::from_secs(1));
    models.hear(&world).unwrap();
    let before: Vec<usize> = (1..=3).map(|node| models.of(&world, node).named).collect();
    assert_eq!(before, [600, 600, 600], "the operator has a minute");
    world.pass(Duration::from_secs(2));
    models.check(&world).unwrap();
    for node in 1..=3 {
        let model = models.of(&world, node);
        assert_eq!((model.named, model.routes.len()), (700, 500), "100 are withdrawn");
        assert_eq!(model.ends_of_rib, 1, "End-of-RIB is not sent again");
        assert_eq!(world.speaker(node).counters(peer_id(0)).unwrap().dropped, 0);
    }
    assert_eq!(
        world.speaker(0).rib.common.groups.len(),
        groups,
        "the group stays"
    );
    // The contents of a list: told at once, when the operator says so, and to all members.
    world.change_policies(0, |policies| {
        policies.prefix_lists_v4.insert("L0".into(), list(50..150));
    });
    world.input(0, SpeakerInput::ClearSoftOut { peer: peer_id(2) });
    world.settle();
    models.check(&world).unwrap();
    assert!((1..=3).all(|node| models.of(&world, node).named == 800));
}

#[test]
fn one_of_several_members_moves_to_another_group_and_back_again() {
    let mut world = world(3);
    let mut models = Models::default();
    models.check(&world).unwrap();
    reconfigure(&mut world, 2, |config| config.route_map_out = Some("M".into()));
    world.input(0, SpeakerInput::ClearSoftOut { peer: peer_id(2) });
    world.settle();
    models.check(&world).unwrap();
    assert_eq!(
        models.of(&world, 2).named,
        600 + 500,
        "500 have another metric, 100 are told as before"
    );
    assert_eq!(models.of(&world, 1).named, 600, "nobody else is told anything");
    assert_eq!(world.speaker(0).rib.common.groups.len(), 2);
    reconfigure(&mut world, 2, |config| config.route_map_out = None);
    world.input(0, SpeakerInput::ClearSoftOut { peer: peer_id(2) });
    world.settle();
    models.check(&world).unwrap();
    assert_eq!(world.speaker(0).rib.common.groups.len(), 1, "an empty group goes");
    assert!((1..=3).all(|node| models.of(&world, node).ends_of_rib == 1));
}

#[test]
fn default_originate_is_told_at_once_and_taken_back() {
    let mut world = world(2);
    let mut models = Models::default();
    reconfigure(&mut world, 1, |config| config.default_originate = true);
    world.settle();
    models.check(&world).unwrap();
    assert!(models.of(&world, 1).routes.contains_key(&Prefix::DEFAULT));
    assert!(!models.of(&world, 2).routes.contains_key(&Prefix::DEFAULT));
    reconfigure(&mut world, 1, |config| config.default_originate = false);
    world.settle();
    models.check(&world).unwrap();
    assert_eq!(models.of(&world, 1).named, 602);
}

/// The default route of the route map `map` from now on.
fn set_default_route(world: &mut World, map: &str, metric: Option<u32>) {
    world.turn(0, |speaker, _, _| {
        let route = metric.map(|metric| DefaultRoute {
            witness: networks(1).next(),
            attributes: local_attributes(Origin::Igp, Some(metric), None),
        });
        speaker.rib.set_default_route(map, route);
    });
}

#[test]
fn default_routes_of_two_route_maps_go_their_own_ways_over_a_takeover() {
    let mut world = world(3);
    let mut models = Models::default();
    for (node, map) in [(1, "A"), (2, "B")] {
        reconfigure(&mut world, node, |config| {
            config.default_originate = true;
            config.default_originate_map = Some(map.into());
        });
    }
    world.settle();
    assert_eq!(
        world.speaker(0).rib.common.groups.len(),
        3,
        "another map is another group"
    );
    let mut check = |world: &mut World, named: [usize; 3], has: [bool; 3]| {
        world.settle();
        models.check(world).unwrap();
        for node in 1..=3 {
            let model = models.of(world, node);
            assert_eq!(
                model.routes.contains_key(&Prefix::DEFAULT),
                has[node - 1],
                "node {node}"
            );
            assert_eq!(model.named, named[node - 1], "node {node}");
        }
    };
    check(&mut world, [600, 600, 600], [false; 3]);
    set_default_route(&mut world, "A", Some(5));
    check(&mut world, [601, 600, 600], [true, false, false]);
    // Another witness alone is no news.
    world.turn(0, |speaker, _, _| {
        let attributes = local_attributes(Origin::Igp, Some(5), None);
        let route = DefaultRoute {
            witness: None,
            attributes,
        };
        speaker.rib.set_default_route("A", Some(route));
    });
    world.promote(0);
    check(&mut world, [601, 600, 600], [true, false, false]);
    set_default_route(&mut world, "B", Some(5));
    set_default_route(&mut world, "A", Some(6));
    check(&mut world, [602, 601, 600], [true, true, false]);
    world.promote(0);
    set_default_route(&mut world, "A", None);
    check(&mut world, [603, 601, 600], [false, true, false]);
}

#[test]
fn soft_out_without_a_change_tells_everything_again() {
    let mut world = world(2);
    world.input(0, SpeakerInput::ClearSoftOut { peer: peer_id(1) });
    world.settle();
    let mut models = Models::default();
    let again = models.hear(&world).unwrap_err();
    assert!(again.contains("is told again"), "{again}");
}

#[test]
fn a_newcomer_is_told_once_what_changes_while_it_is_told() {
    let mut world = world(1);
    world.window = 100;
    let mut models = Models::default();
    world.input(
        0,
        SpeakerInput::Clear {
            peer: peer_id(1),
            communication: None,
        },
    );
    world.settle();
    // Its wait after the reset is over; nothing is read or written yet.
    world.now += Duration::from_secs(5);
    world.turn(0, |speaker, now, out| speaker.expire(now, out));
    let mut metric = 10;
    let mut changes_in_walk = 0;
    for step in 0..2400 {
        world.step();
        if step % 4 != 0 {
            continue;
        }
        let stream = world.speaker(0).rib.common.streams.get(&peer_id(1));
        if let Some(stream) = stream {
            changes_in_walk += u32::from(!stream.walks.is_empty());
            metric += 7;
            // Before its place and behind it in turns, so that what is sent and what is left out lie in a row.
            for number in [metric % 200, 599 - metric % 200, metric % 200 + 1, metric % 600] {
                originate(&mut world, 0, number..number + 1, metric);
            }
        }
        models.hear(&world).unwrap();
    }
    world.settle();
    models.check(&world).unwrap();
    assert_eq!(models.of(&world, 1).ends_of_rib, 1);
    assert!(changes_in_walk > 20, "{changes_in_walk}");
}

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    Originate(usize, u32, u32, u32),
    Withdraw(usize, u32, u32),
    Configure(usize, u8),
    ConfigureAll(u8),
    List(u8, u32, u32),
    Map(u32),
    SoftOut(usize),
    Clear(usize),
    Pass(u64),
    Steps(u16),
    DefaultRoute(Option<u32>),
    Promote,
}

const NEIGHBORS: usize = 4;

fn step() -> impl Strategy<Value = Step> {
    let node = || 1..=NEIGHBORS;
    prop_oneof![
        3 => (0..=NEIGHBORS, 0..PREFIXES, 1u32..200, 0u32..3).prop_map(|(node, from, count, metric)| Step::Originate(node, from, count, metric)),
        2 => (0..=NEIGHBORS, 0..PREFIXES, 1u32..200).prop_map(|(node, from, count)| Step::Withdraw(node, from, count)),
        3 => (node(), any::<u8>()).prop_map(|(node, how)| Step::Configure(node, how)),
        1 => any::<u8>().prop_map(Step::ConfigureAll),
        2 => (0u8..2, 0..PREFIXES, 0u32..300).prop_map(|(list, from, count)| Step::List(list, from, count)),
        1 => (0u32..4).prop_map(Step::Map),
        3 => node().prop_map(Step::SoftOut),
        1 => node().prop_map(Step::Clear),
        2 => (1u64..70).prop_map(Step::Pass),
        6 => (1u16..120).prop_map(Step::Steps),
        1 => proptest::option::of(0u32..3).prop_map(Step::DefaultRoute),
        4 => Just(Step::Promote),
    ]
}

/// Each bit of `how` is one thing that can be configured.
fn config_of(config: &mut NeighborConfig, how: u8) {
    config.route_map_out = (how & 1 != 0).then(|| "M".into());
    config.prefix_list_out = match how >> 1 & 3 {
        0 | 3 => None,
        number => Some(format!("L{}", number - 1)),
    };
    config.next_hop_self = how & 8 != 0;
    config.send_community = how & 16 != 0;
    config.default_originate = how & 32 != 0;
    config.default_originate_map = (how & 64 != 0).then(|| "D".into());
}

fn take(world: &mut World, step: &Step) {
    match step.clone() {
        Step::Originate(node, from, count, metric) => {
            originate(world, node, from..(from + count).min(PREFIXES), metric);
        }
        Step::Withdraw(node, from, count) => world.turn(node, |speaker, _, _| {
            let gone = networks(PREFIXES).skip(from as usize).take(count as usize);
            gone.for_each(|prefix| speaker.rib.withdraw_local_v4(prefix));
        }),
        Step::Configure(node, how) => reconfigure(world, node, |config| config_of(config, how)),
        Step::ConfigureAll(how) => {
            (1..=NEIGHBORS).for_each(|node| reconfigure(world, node, |config| config_of(config, how)));
        }
        Step::List(number, from, count) => world.change_policies(0, |policies| {
            let name = format!("L{number}");
            policies.prefix_lists_v4.insert(name, list(from..from + count));
        }),
        Step::Map(0) => world.change_policies(0, |policies| drop(policies.route_maps.remove("M"))),
        Step::Map(metric) => world.change_policies(0, |policies| {
            policies.route_maps.insert("M".into(), map(metric));
        }),
        Step::SoftOut(node) => {
            // Without a change it is told everything again, which is another test.
            reconfigure(world, node, |config| {
                config.prefix_list_out = Some("L0".into());
                config.next_hop_self = !config.next_hop_self;
            });
            world.change_policies(0, |policies| {
                let entries = &mut policies.prefix_lists_v4.entry("L0".into()).or_default().entries;
                let last = entries.keys().last().map_or(1, |last| last + 1);
                let any = PrefixEntry::new(ListAction::Permit, Prefix::DEFAULT, None, Some(32)).unwrap();
                entries.insert(last, any);
            });
            world.input(0, SpeakerInput::ClearSoftOut { peer: peer_id(node) });
        }
        Step::Clear(node) => world.input(
            0,
            SpeakerInput::Clear {
                peer: peer_id(node),
                communication: None,
            },
        ),
        Step::Pass(seconds) => world.pass(Duration::from_secs(seconds)),
        Step::Steps(count) => {
            for _ in 0..count {
                world.step();
            }
        }
        Step::DefaultRoute(metric) => set_default_route(world, "D", metric),
        Step::Promote => world.promote(0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn what_neighbours_have_is_what_policy_says_and_nothing_is_told_twice(
        steps in proptest::collection::vec(step(), 1..40),
        promote_every in prop_oneof![Just(None), (1u32..40).prop_map(Some)],
        window in 60usize..3000,
    ) {
        let mut world = world(NEIGHBORS);
        world.window = window;
        world.promote_every = promote_every;
        let mut models = Models::default();
        for each in &steps {
            take(&mut world, each);
            prop_assert_eq!(models.hear(&world), Ok(()), "after {:?}", each);
        }
        world.promote_every = None;
        // A connection that nobody closes is given up after four minutes.
        world.pass(DELAY * 6);
        prop_assert_eq!(models.check(&world), Ok(()));
    }
}
