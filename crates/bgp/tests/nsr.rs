//! Nonstop routing: the active dies between any two turns, and no neighbour can tell.

mod common;

use bgp::fsm::State;
use common::*;
use machine::Duration;
use packet::bgp::Kind;

/// Two neighbours around the router that dies: node 0. What a neighbour has sent and heard is compared with a run in
/// which nobody dies.
fn run(promote_every: Option<u32>) -> World {
    let mut world = World::new(3);
    world.window = 150;
    world.budget = 20;
    world.join(0, 1, |config| config.hold_time_s = 9);
    world.join(0, 2, |config| config.hold_time_s = 9);
    world.settle();
    assert_eq!(world.speaker(1).state(peer_id(0)), Some(State::Established));
    assert_eq!(world.speaker(2).state(peer_id(0)), Some(State::Established));
    world.promote_every = promote_every;
    world.originate(1, networks(60));
    world.settle();
    world.originate(0, networks(70).skip(60));
    world.settle();
    world.turn(1, |speaker, _, _| {
        networks(25).for_each(|prefix| speaker.rib.withdraw_local_v4(prefix))
    });
    world.settle();
    world.originate(2, networks(20));
    world.settle();
    world.pass(Duration::from_secs(5));
    world
}

fn check(world: &World) {
    for node in [1, 2] {
        let counters = world.speaker(node).counters(peer_id(0)).unwrap();
        assert_eq!(
            (counters.established, counters.dropped),
            (1, 0),
            "node {node} has not noticed"
        );
    }
    assert_eq!(world.connections.len(), 2, "nobody connected again");
    for (index, connection) in world.connections.iter().enumerate() {
        let side = connection.nodes.iter().position(|node| *node == 0).unwrap();
        let kinds: Vec<_> = world
            .messages(index, side)
            .into_iter()
            .map(|(kind, _)| kind)
            .collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Open).count(), 1);
        assert!(!kinds.contains(&Kind::Notification));
    }
}

/// Every UPDATE that node 0 has sent, sorted: the turns differ, so the order and the packing may.
fn told(world: &World) -> Vec<Vec<Vec<u8>>> {
    let of = |index| {
        let side = 1 - world.connections[index as usize]
            .nodes
            .iter()
            .position(|node| *node != 0)
            .unwrap();
        let updates = world.messages(index as usize, side).into_iter();
        let updates = updates.filter(|(kind, _)| *kind == Kind::Update);
        updates.map(|(_, body)| body).collect::<Vec<_>>()
    };
    (0..world.connections.len() as i32).map(of).collect()
}

#[test]
fn no_neighbour_notices_a_takeover_after_any_number_of_turns() {
    let without = run(None);
    check(&without);
    for every in [1, 3, 7] {
        let with = run(Some(every));
        assert!(with.promotions > 5, "{}", with.promotions);
        check(&with);
        for node in 0..3 {
            assert_eq!(
                with.routes(node),
                without.routes(node),
                "every {every}: node {node}"
            );
        }
        let count = |world: &World| told(world).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(
            count(&with),
            count(&without),
            "every {every}: nothing is told twice"
        );
    }
}

#[test]
fn a_takeover_sends_a_keepalive_at_once_and_starts_what_was_not_established() {
    let mut world = World::new(3);
    world.join(0, 1, |_| {});
    world.settle();
    world.join(0, 2, |_| {});
    // The second session is about to come up: it starts again.
    world.step();
    let before = world.connections[0].sides[0].sent.len();
    world.promote(0);
    world.settle();
    let sent = &world.connections[0].sides[0].sent[before..];
    assert_eq!(
        (sent.len(), sent[18]),
        (19, Kind::Keepalive as u8),
        "no OPEN, no UPDATE"
    );
    world.pass(Duration::from_secs(200));
    assert_eq!(world.speaker(0).state(peer_id(2)), Some(State::Established));
    assert_eq!(world.speaker(1).counters(peer_id(0)).unwrap().dropped, 0);
}

#[test]
fn a_takeover_in_the_middle_of_helping_keeps_what_is_stale() {
    let mut world = World::new(2);
    world.originate(1, networks(20));
    world.join(0, 1, |config| config.graceful_restart = true);
    world.settle();
    world.nodes[1] = checkpoint::laws::Pair::new(Node(empty(1)), empty_node);
    world.connections[0]
        .sides
        .iter_mut()
        .for_each(|side| side.closed = true);
    let direction = bgp::Direction::Outgoing;
    let peer = peer_id(1);
    world.input(0, bgp::SpeakerInput::Closed { peer, direction });
    world.promote(0);
    world.settle();
    assert_eq!(world.routes(0).len(), 20);
    world.configs[1].clear();
    world.pass(Duration::from_secs(121));
    world.settle();
    assert!(
        world.routes(0).is_empty(),
        "its restart time starts in full, and ends"
    );
}

#[test]
fn a_slow_neighbour_leaves_the_log_and_ends_with_the_same_routes() {
    let mut world = World::new(3);
    world.join(0, 1, |_| {});
    world.join(0, 2, |_| {});
    world.settle();
    world.dead[2] = true;
    for round in 0..=bgp::LOG_MESSAGES_MAX / 64 {
        // Each prefix with a set of its own, so that each is a message.
        world.turn(0, |speaker, _, _| {
            for (number, prefix) in networks(100).enumerate() {
                let med = Some((round * 100 + number as u64) as u32);
                let set = bgp::local_attributes(packet::bgp::Origin::Igp, med, None);
                speaker.rib.originate_v4(prefix, &set, 32_768, 0);
            }
        });
        world.settle();
    }
    world.turn(0, |speaker, _, _| {
        networks(10).for_each(|prefix| speaker.rib.withdraw_local_v4(prefix))
    });
    world.settle();
    assert!(world.speaker(0).rib.v4.missed.len() >= 100, "noted by prefix");
    let most = bgp::LOG_MESSAGES_MAX as usize + 400;
    assert!(
        world.speaker(0).rib.common.log.len() < most,
        "the log has a bound"
    );
    world.promote(0);
    world.dead[2] = false;
    world.settle();
    assert_eq!(world.routes(2).len(), 90);
    assert_eq!(world.routes(1).len(), 90);
    assert!(world.speaker(0).rib.v4.missed.is_empty());
    assert_eq!(world.speaker(2).counters(peer_id(0)).unwrap().dropped, 0);
}

#[test]
fn who_has_told_too_many_prefixes_stays_away_over_takeovers() {
    for restart_min in [Some(2), None] {
        let mut world = World::new(2);
        world.has_ages = true;
        world.join(0, 1, |config| config.connect_retry_time_s = 5);
        let mut config = world.configs[0][&peer_id(1)].clone();
        config.maximum_prefix = Some(bgp::MaximumPrefix {
            limit: 10,
            threshold_percent: 75,
            warning_only: false,
            restart_min,
        });
        world.configure(0, 1, config);
        world.settle();
        world.originate(1, networks(11));
        world.settle();
        assert!(world.speaker(0).is_over_limit(peer_id(1)));
        for _ in 0..2 {
            world.pass(Duration::from_secs(50));
            world.promote(0);
            world.settle();
        }
        assert_eq!(
            world.speaker(0).state(peer_id(1)),
            Some(State::Idle),
            "{restart_min:?}"
        );
        assert!(world.speaker(0).is_over_limit(peer_id(1)));
        world.turn(1, |speaker, _, _| {
            networks(5).for_each(|prefix| speaker.rib.withdraw_local_v4(prefix))
        });
        world.pass(Duration::from_secs(30));
        let is_over = restart_min.is_some();
        let state = world.speaker(0).state(peer_id(1));
        assert_eq!(
            state == Some(State::Established),
            is_over,
            "{restart_min:?}: {state:?}"
        );
        let (peer, communication) = (peer_id(1), None);
        world.input(0, bgp::SpeakerInput::Clear { peer, communication });
        world.promote(0);
        world.pass(Duration::from_secs(30));
        assert_eq!(
            world.speaker(0).state(peer),
            Some(State::Established),
            "an operator wants it"
        );
    }
}
