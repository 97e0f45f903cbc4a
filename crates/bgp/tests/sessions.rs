//! Sessions between speakers: they come up, exchange routes, and end for the right reasons.

mod common;

use bgp::fsm::State;
use bgp::{
    Direction, Families, MaximumPrefix, NeighborConfig, Speaker, SpeakerConfig, SpeakerInput, SpeakerOutput,
};
use common::*;
use machine::{Duration, Instant, Machine, Outbox, Seed};
use packet::bgp::{AfiSafi, Code, GracefulRestart, Kind, OpenRepr, keepalive};

#[test]
fn two_speakers_exchange_routes_and_end_of_rib_comes_last() {
    let mut world = World::new(2);
    world.originate(0, networks(300));
    world.join(0, 1, |config| config.graceful_restart = true);
    world.settle();
    assert_eq!(world.speaker(0).state(peer_id(1)), Some(State::Established));
    assert_eq!(world.routes(1).len(), 300);
    assert_eq!(world.routes(1)[0], "20.0.0.0/24 from 1 [65001]");
    let messages = world.messages(0, 0);
    let kinds: Vec<Kind> = messages.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds[..2], [Kind::Open, Kind::Keepalive]);
    assert_eq!(
        messages.last().unwrap(),
        &(Kind::Update, vec![0, 0, 0, 0]),
        "End-of-RIB"
    );
    assert_eq!(
        kinds.iter().filter(|kind| **kind == Kind::Update).count(),
        2 + 1,
        "packed"
    );
    let log: Vec<_> = world.log.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        log,
        [
            "%BGP-5-ADJCHANGE: neighbor 10.0.0.2 Up",
            "%BGP-5-ADJCHANGE: neighbor 10.0.0.1 Up"
        ]
    );
    // Later changes.
    world.originate(0, networks(301));
    world.settle();
    assert_eq!(world.routes(1).len(), 301);
    world.turn(0, |speaker, _, _| {
        networks(300).for_each(|prefix| speaker.rib.withdraw_local_v4(prefix))
    });
    world.settle();
    assert_eq!(world.routes(1), ["20.1.44.0/24 from 1 [65001]"]);
}

#[test]
fn a_path_through_our_own_as_is_refused_and_nobody_is_told_what_he_said() {
    let mut world = World::new(3);
    world.originate(0, networks(1));
    world.join(0, 1, |_| {});
    world.join(1, 2, |_| {});
    world.join(0, 2, |_| {});
    world.settle();
    assert_eq!(world.routes(1), ["20.0.0.0/24 from 1 [65001]"]);
    assert_eq!(world.routes(2), ["20.0.0.0/24 from 1 [65001]"]);
    let paths = |world: &World, node: usize| {
        let paths = world.speaker(node).rib.v4.get(networks(1).next().unwrap());
        paths.map_or(0, |paths| paths.as_slice().len())
    };
    assert_eq!((paths(&world, 0), paths(&world, 1), paths(&world, 2)), (1, 2, 2));
    world.turn(0, |speaker, _, _| {
        networks(1).for_each(|prefix| speaker.rib.withdraw_local_v4(prefix))
    });
    world.settle();
    assert!(
        (0..3).all(|node| world.routes(node).is_empty()),
        "no route lives on by hearsay"
    );
}

#[test]
fn a_silent_neighbour_is_given_up_after_the_hold_time_and_keepalives_keep_it() {
    let mut world = World::new(2);
    world.join(0, 1, |config| {
        config.hold_time_s = 9;
        config.keepalive_time_s = 60;
    });
    world.settle();
    world.pass(Duration::from_secs(100));
    assert_eq!(world.speaker(0).state(peer_id(1)), Some(State::Established));
    assert_eq!(world.speaker(0).counters(peer_id(1)).unwrap().dropped, 0);
    world.dead[1] = true;
    world.pass(Duration::from_millis(8_900));
    world.pass(Duration::from_millis(200));
    assert_eq!(world.speaker(0).state(peer_id(1)), Some(State::Idle));
    let last = &world.log[world.log.len() - 2..];
    assert_eq!(
        last[0].1,
        "%BGP-3-NOTIFICATION: sent to neighbor 10.0.0.2 4/0 (Hold Timer Expired) 0 bytes"
    );
    assert_eq!(
        last[1].1,
        "%BGP-5-ADJCHANGE: neighbor 10.0.0.2 Down hold time expired"
    );
    world.dead[1] = false;
}

#[test]
fn another_hold_time_is_that_of_the_next_session_also_after_a_takeover() {
    let mut world = World::new(2);
    world.join(0, 1, |config| config.hold_time_s = 9);
    world.settle();
    let mut config = world.configs[0][&peer_id(1)].clone();
    config.hold_time_s = 30;
    config.keepalive_time_s = 2;
    world.configure(0, 1, config);
    world.settle();
    let agreed = |world: &World| world.speaker(0).sessions.get(&peer_id(1)).unwrap().hold_time_s;
    assert_eq!(world.speaker(0).counters(peer_id(1)).unwrap().dropped, 0);
    assert_eq!(agreed(&world), 9);
    world.promote(0);
    world.pass(Duration::from_secs(20));
    assert_eq!(world.speaker(0).state(peer_id(1)), Some(State::Established));
    world.dead[1] = true;
    world.pass(Duration::from_millis(9_100));
    assert_eq!(world.speaker(0).state(peer_id(1)), Some(State::Idle));
    world.dead[1] = false;
    let other = world.configs[1][&peer_id(0)].clone();
    let other = NeighborConfig {
        hold_time_s: 90,
        ..other
    };
    world.configure(1, 0, other);
    world.pass(Duration::from_secs(200));
    assert_eq!(world.speaker(0).state(peer_id(1)), Some(State::Established));
    assert_eq!(agreed(&world), 30);
}

#[test]
fn graceful_restart_that_is_switched_is_that_of_the_next_session_also_after_a_takeover() {
    let mut world = World::new(2);
    world.join(0, 1, |_| {});
    world.settle();
    let switch = |world: &mut World, on: bool| {
        for (node, other) in [(0, 1), (1, 0)] {
            let mut config = world.configs[node][&peer_id(other)].clone();
            config.graceful_restart = on;
            world.configure(node, other, config);
        }
        world.settle();
    };
    let is_offered = |world: &World| {
        let session = world.speaker(0).sessions.get(&peer_id(1)).unwrap();
        assert!(session.established);
        assert_eq!(
            session.offered_graceful_restart,
            session.agreed.graceful.is_some()
        );
        session.offered_graceful_restart
    };
    for on in [true, false] {
        switch(&mut world, on);
        assert_eq!(is_offered(&world), !on, "the session stays as it is");
        world.promote(0);
        world.pass(Duration::from_secs(30));
        assert_eq!(is_offered(&world), !on, "also with the successor");
        let dropped = world.speaker(0).counters(peer_id(1)).unwrap().dropped;
        assert_eq!(dropped, u32::from(!on), "nothing but the operator has ended one");
        let clear = SpeakerInput::Clear {
            peer: peer_id(1),
            communication: None,
        };
        world.input(0, clear);
        world.pass(Duration::from_secs(200));
        assert_eq!(is_offered(&world), on, "the next one has it");
    }
}

#[test]
fn a_neighbour_without_a_family_is_not_spoken_to() {
    let mut world = World::new(2);
    world.join(0, 1, |_| {});
    world.settle();
    let active = world.configs[0][&peer_id(1)].clone();
    let inactive = NeighborConfig {
        families: Families::NONE,
        ..active.clone()
    };
    world.configure(0, 1, inactive);
    world.pass(Duration::from_secs(300));
    assert_eq!(world.speaker(0).state(peer_id(1)), Some(State::Idle));
    let heard = world.log.iter().filter(|(_, text)| text.contains("NOTIFICATION"));
    let heard: Vec<_> = heard.map(|(node, _)| *node).collect();
    assert_eq!(heard, [0, 1], "one word at the end of the session, and no more");
    world.configure(0, 1, active);
    world.pass(Duration::from_secs(300));
    assert_eq!(world.speaker(0).state(peer_id(1)), Some(State::Established));
}

#[test]
fn of_two_connections_the_one_of_the_higher_identifier_stays() {
    let mut world = World::new(2);
    world.join(0, 1, |config| config.passive = false);
    world.settle();
    world.pass(Duration::from_secs(30));
    assert_eq!(world.speaker(0).state(peer_id(1)), Some(State::Established));
    let open: Vec<_> = world
        .connections
        .iter()
        .filter(|connection| connection.sides.iter().all(|side| !side.closed))
        .map(|connection| connection.nodes)
        .collect();
    assert_eq!(open, [[1, 0]], "node 1 has the higher identifier");
    assert_eq!(world.speaker(0).counters(peer_id(1)).unwrap().dropped, 0);
}

#[test]
fn a_wrong_as_is_refused_with_the_number_that_was_told() {
    let mut world = World::new(2);
    world.join(0, 1, |_| {});
    let mut config = neighbor(1, 0);
    config.remote_as = 64999;
    config.passive = true;
    world.configure(1, 0, config);
    world.settle();
    assert_ne!(world.speaker(0).state(peer_id(1)), Some(State::Established));
    assert!(world.log.iter().any(|(node, text)| {
        *node == 1 && text.contains("sent to neighbor 10.0.0.1 2/2 (Bad Peer AS) 2 bytes")
    }));
    assert!(Code::BAD_PEER_AS.name().is_some());
}

#[test]
fn too_many_prefixes_end_the_session_until_the_restart_time_is_over() {
    let mut world = World::new(2);
    world.originate(0, networks(30));
    world.join(0, 1, |_| {});
    world.settle();
    let mut config = neighbor(1, 0);
    config.passive = true;
    config.maximum_prefix = Some(MaximumPrefix {
        limit: 50,
        threshold_percent: 75,
        warning_only: false,
        restart_min: Some(2),
    });
    world.configure(1, 0, config);
    world.settle();
    world.originate(0, networks(40));
    world.settle();
    assert_eq!(world.speaker(1).state(peer_id(0)), Some(State::Established));
    assert!(world.log.iter().any(|(_, text)| {
        text == "%BGP-4-MAXPFX: Number of prefixes received from 10.0.0.1 reaches 40, max 50"
    }));
    world.originate(0, networks(51));
    world.settle();
    assert!(world.log.iter().any(|(_, text)| {
        text == "%BGP-3-MAXPFXEXCEED: Number of prefixes received from 10.0.0.1: 51 exceeds limit 50"
    }));
    world.pass(Duration::from_secs(100));
    assert_eq!(world.speaker(1).state(peer_id(0)), Some(State::Idle));
    assert!(world.routes(1).is_empty());
    world.turn(0, |speaker, _, _| {
        networks(30).for_each(|prefix| speaker.rib.withdraw_local_v4(prefix))
    });
    world.pass(Duration::from_secs(200));
    assert_eq!(world.speaker(1).state(peer_id(0)), Some(State::Established));
    assert_eq!(world.routes(1).len(), 21);
}

#[test]
fn an_update_that_waits_keeps_its_sender_alive_and_what_comes_before_it_is_read() {
    let mut world = World::new(2);
    world.join(0, 1, |config| config.hold_time_s = 9);
    world.settle();
    let (peer, direction) = (peer_id(1), world.speaker(0).direction(peer_id(1)).unwrap());
    let mut bytes = Vec::new();
    packet::bgp::keepalive(&mut bytes);
    let keepalive_length = bytes.len();
    for prefix in networks(2) {
        let set = bgp::local_attributes(packet::bgp::Origin::Igp, None, None);
        let mut prefixes = [prefix].into_iter().peekable();
        packet::bgp::update_v4(&set, &mut prefixes, 4096, &mut bytes);
    }
    let start = world.now;
    let hear = |world: &mut World, bytes: &[u8], budget| {
        let mut received = None;
        world.turn(0, |speaker, now, out| {
            received = Some(speaker.received(now, peer, direction, bytes, budget, out));
        });
        received.unwrap()
    };
    let mut at = 0;
    for second in 1..=4 {
        world.now = start + Duration::from_secs(4 * second);
        let received = hear(&mut world, &bytes[at..], 0);
        at += received.consumed;
        assert_eq!(
            (at, received.prefixes, received.is_waiting),
            (keepalive_length, 0, true)
        );
        world.turn(0, |speaker, now, out| speaker.expire(now, out));
        assert_eq!(world.speaker(0).state(peer), Some(State::Established));
    }
    let received = hear(&mut world, &bytes[at..], 1);
    assert_eq!((received.prefixes, received.is_waiting), (1, true));
    at += received.consumed;
    let received = hear(&mut world, &bytes[at..], 1);
    assert_eq!((received.prefixes, received.is_waiting), (1, false));
    assert_eq!(at + received.consumed, bytes.len());
}

#[test]
fn an_operators_words_reach_the_other_operator() {
    let mut world = World::new(2);
    world.join(0, 1, |_| {});
    world.settle();
    world.input(
        0,
        SpeakerInput::Clear {
            peer: peer_id(1),
            communication: Some("moving cables".into()),
        },
    );
    world.settle();
    assert!(world.log.iter().any(|(node, text)| {
        *node == 1
            && text
                == "%BGP-3-NOTIFICATION: received from neighbor 10.0.0.1 6/4 (Administrative Reset) 14 bytes \
                    \"moving cables\""
    }));
    world.pass(Duration::from_secs(60));
    assert_eq!(world.speaker(0).state(peer_id(1)), Some(State::Established));
}

#[test]
fn a_restarting_neighbour_is_helped_and_what_it_does_not_tell_again_goes() {
    let mut world = World::new(2);
    world.originate(1, networks(20));
    world.join(0, 1, |config| config.graceful_restart = true);
    world.settle();
    assert_eq!(world.routes(0).len(), 20);
    // The neighbour dies with its connections, and starts anew without tables.
    world.restart_without_tables(1);
    assert_eq!(world.routes(0).len(), 20, "kept while it is away");
    let session = world.speaker(0).sessions.get(&peer_id(1)).unwrap().clone();
    assert_eq!((session.established, session.stale), (false, Families::V4));
    world
        .speaker_mut(1)
        .restarted(machine::Instant::from_millis(2000), [peer_id(0)]);
    world.originate(1, networks(15));
    let config = world.configs[1][&peer_id(0)].clone();
    world.configure(1, 0, config);
    world.pass(Duration::from_secs(130));
    assert_eq!(world.speaker(0).state(peer_id(1)), Some(State::Established));
    assert_eq!(world.routes(0).len(), 15, "End-of-RIB takes out what is stale");
    assert!(
        world
            .speaker(0)
            .sessions
            .get(&peer_id(1))
            .unwrap()
            .stale
            .is_empty()
    );
    // A restarted speaker says End-of-RIB after its last route.
    let connection = world.connections.len() - 1;
    let side = world.connections[connection]
        .nodes
        .iter()
        .position(|node| *node == 1)
        .unwrap();
    let messages = world.messages(connection, side);
    let ends: Vec<_> = messages
        .iter()
        .filter(|(kind, _)| *kind == Kind::Update)
        .collect();
    assert_eq!(ends.last().unwrap().1, [0, 0, 0, 0]);
    assert!(ends.len() > 1);
}

#[test]
fn policy_that_is_applied_anew_leaves_stale_what_is_stale() {
    let mut world = World::new(2);
    world.originate(1, networks(20));
    world.join(0, 1, |config| config.graceful_restart = true);
    world.settle();
    world.restart_without_tables(1);
    // There is nobody to ask: policy is applied to what is kept.
    world.input(0, SpeakerInput::ClearSoftIn { peer: peer_id(1) });
    world.settle();
    assert_eq!(world.routes(0).len(), 20, "kept while it is away");
    world.originate(1, networks(15));
    let config = world.configs[1][&peer_id(0)].clone();
    world.configure(1, 0, config);
    world.pass(Duration::from_secs(130));
    assert_eq!(world.speaker(0).state(peer_id(1)), Some(State::Established));
    assert_eq!(world.routes(0).len(), 15, "what it has not told again is gone");
}

#[test]
fn time_in_which_nobody_could_listen_does_not_count_against_a_neighbour() {
    let stopped_for = Duration::from_secs(300);
    for is_known in [false, true] {
        let mut world = World::new(2);
        world.join(0, 1, |_| {});
        world.settle();
        world.now += stopped_for;
        world.turn(0, |speaker, now, out| {
            if is_known {
                speaker.was_stopped(stopped_for);
            }
            speaker.expire(now, out);
        });
        let is_kept = world.speaker(0).state(peer_id(1)) == Some(State::Established);
        assert_eq!(is_kept, is_known);
        // It is no excuse for whoever is silent afterwards.
        world.dead[1] = true;
        world.pass(Duration::from_secs(181));
        assert_ne!(world.speaker(0).state(peer_id(1)), Some(State::Established));
    }
}

#[test]
fn two_that_have_restarted_wait_for_each_other_but_not_for_long() {
    let mut world = World::new(2);
    for (node, other) in [(0, 1), (1, 0)] {
        world.originate(node, networks(20));
        let awaited = [peer_id(other)];
        world
            .speaker_mut(node)
            .restarted(machine::Instant::from_millis(0), awaited);
    }
    world.join(0, 1, |config| config.graceful_restart = true);
    world.pass(Duration::from_secs(5));
    assert_eq!(world.speaker(0).state(peer_id(1)), Some(State::Established));
    for node in [0, 1] {
        assert!(world.speaker(node).is_deferring(), "node {node} waits");
    }
    world.pass(Duration::from_secs(10));
    for node in [0, 1] {
        assert!(!world.speaker(node).is_deferring(), "node {node} has waited");
    }
}

#[test]
fn a_neighbour_that_does_not_come_back_is_forgotten_after_its_restart_time() {
    let mut world = World::new(2);
    world.originate(1, networks(20));
    world.join(0, 1, |config| config.graceful_restart = true);
    world.settle();
    world.configs[1].clear();
    world.restart_without_tables(1);
    world.pass(Duration::from_secs(119));
    assert_eq!(world.routes(0).len(), 20);
    world.pass(Duration::from_secs(2));
    world.settle();
    assert!(world.routes(0).is_empty());
}

#[test]
fn an_operators_end_is_final_also_with_graceful_restart() {
    let mut world = World::new(2);
    world.originate(1, networks(20));
    world.join(0, 1, |config| config.graceful_restart = true);
    world.settle();
    let mut config = world.configs[1][&peer_id(0)].clone();
    config.shutdown = true;
    world.configure(1, 0, config);
    world.settle();
    assert!(world.routes(0).is_empty());
    assert!(
        world
            .log
            .iter()
            .any(|(node, text)| *node == 0 && text.contains("6/9 (Hard Reset)")),
        "{:?}",
        world.log
    );
}

#[test]
fn route_refresh_tells_everything_again() {
    let mut world = World::new(2);
    world.originate(1, networks(20));
    world.join(0, 1, |_| {});
    world.settle();
    let before = world.messages(0, 1).len();
    world.input(0, SpeakerInput::ClearSoftIn { peer: peer_id(1) });
    world.settle();
    assert_eq!(world.messages(0, 1).len(), before + 1, "all routes have one set");
    assert_eq!(world.routes(0).len(), 20);
}

/// The node loses its process: connections close, tables are gone.
#[test]
fn default_originate_tells_a_default_route_that_nobody_has_and_keeps_it_over_a_takeover() {
    let mut world = World::new(3);
    world.join(0, 1, |_| {});
    world.join(0, 2, |_| {});
    world.settle();
    let config = world.configs[0][&peer_id(1)].clone();
    world.configure(
        0,
        1,
        bgp::NeighborConfig {
            default_originate: true,
            ..config
        },
    );
    world.settle();
    world.pass(Duration::from_secs(130));
    let has_default = |world: &World, node| {
        world
            .routes(node)
            .iter()
            .any(|route| route.starts_with("0.0.0.0/0"))
    };
    assert!(has_default(&world, 1), "{:?}", world.routes(1));
    assert!(!has_default(&world, 2), "the other one is not told");
    assert!(!has_default(&world, 0), "and the router has none itself");
    // A default route of somebody else changes nothing about it.
    world.originate(2, ["0.0.0.0/0".parse().unwrap()]);
    world.settle();
    assert!(has_default(&world, 0) && has_default(&world, 1));
    let told = world.routes(1);
    world.promote(0);
    world.pass(Duration::from_secs(130));
    assert_eq!(world.routes(1), told);
}

#[test]
fn connections_that_a_neighbour_makes_and_drops_do_not_keep_us_from_making_one() {
    let peer = peer_id(1);
    let incoming = Direction::Incoming;
    // Ours fails at once, so that it waits to be started; or was made and dropped, so that it waits to be made again.
    for is_made in [false, true] {
        let mut speaker = Speaker::new(SpeakerConfig::new(65_001, address(0)), Seed::new(1));
        let mut out = Outbox::new();
        let mut now = Instant::from_millis(1);
        let config = NeighborConfig::new(address(1).into(), 65_002, 65_001);
        speaker.handle(now, SpeakerInput::Configure { peer, config }, &mut out);
        let direction = Direction::Outgoing;
        if is_made {
            speaker.handle(now, SpeakerInput::Connected { peer, direction }, &mut out);
        }
        speaker.handle(now, SpeakerInput::Closed { peer, direction }, &mut out);
        let direction = incoming;
        speaker.handle(now, SpeakerInput::Connected { peer, direction }, &mut out);
        // It says nothing for a while, but for less than until we would end it.
        let end = now + Duration::from_secs(100);
        while let Some((at, _)) = speaker.next_deadline().filter(|(at, _)| *at <= end) {
            now = at;
            speaker.expire(now, &mut out);
        }
        speaker.handle(now, SpeakerInput::Closed { peer, direction }, &mut out);
        out.drain().for_each(drop);
        let end = now + Duration::from_secs(200);
        let mut has_connected = false;
        while let Some((at, _)) = speaker.next_deadline().filter(|(at, _)| *at <= end) {
            now = at;
            speaker.expire(now, &mut out);
            let mut asked = out.drain().map(|(_, output)| output);
            has_connected |= asked.any(|output| matches!(output, SpeakerOutput::Connect { .. }));
        }
        assert!(has_connected, "made before: {is_made}");
    }
}

#[test]
fn a_neighbour_whose_first_connection_fails_is_tried_again_after_a_growing_wait() {
    let peer = peer_id(1);
    let mut speaker = Speaker::new(SpeakerConfig::new(65_001, address(0)), Seed::new(1));
    let mut out = Outbox::new();
    let mut now = Instant::from_millis(1);
    let config = NeighborConfig::new(address(1).into(), 65_002, 65_001);
    speaker.handle(now, SpeakerInput::Configure { peer, config }, &mut out);
    let mut waits = Vec::new();
    for _ in 0..3 {
        let asked = out.drain().map(|(_, output)| output);
        let connects = asked.filter(|output| matches!(output, SpeakerOutput::Connect { .. }));
        assert_eq!(connects.count(), 1);
        let direction = Direction::Outgoing;
        speaker.handle(now, SpeakerInput::Closed { peer, direction }, &mut out);
        let (at, _) = speaker.next_deadline().expect("it is tried again");
        waits.push(at.saturating_since(now).as_secs());
        now = at;
        speaker.expire(now, &mut out);
    }
    assert!(waits[0] < waits[1] && waits[1] < waits[2], "{waits:?}");
}

#[test]
fn who_connects_anew_ends_its_session_only_if_it_keeps_routes_over_a_restart() {
    for families in [None, Some(&[][..]), Some(&[(AfiSafi::IPV4_UNICAST, true)][..])] {
        let peer = peer_id(1);
        let direction = Direction::Outgoing;
        let mut speaker = Speaker::new(SpeakerConfig::new(65_001, address(0)), Seed::new(1));
        let mut out = Outbox::new();
        let now = Instant::from_millis(1);
        let config = NeighborConfig {
            graceful_restart: true,
            ..NeighborConfig::new(address(1).into(), 65_002, 65_001)
        };
        speaker.handle(now, SpeakerInput::Configure { peer, config }, &mut out);
        speaker.handle(now, SpeakerInput::Connected { peer, direction }, &mut out);
        let mut capabilities = Vec::new();
        if let Some(families) = families {
            GracefulRestart::emit(false, false, 120, families, &mut capabilities);
        }
        let open = OpenRepr {
            as_number: 65_002,
            hold_time_s: 90,
            identifier: address(1),
            capabilities: &capabilities,
        };
        let mut bytes = Vec::new();
        open.emit(&mut bytes);
        keepalive(&mut bytes);
        speaker.received(now, peer, direction, &bytes, 100, &mut out);
        assert_eq!(speaker.established(peer), Some(direction));
        let restarts = families.is_some_and(|families| !families.is_empty());
        assert_eq!(speaker.restarts_by_connecting(peer), restarts);
        let direction = Direction::Incoming;
        speaker.handle(now, SpeakerInput::Connected { peer, direction }, &mut out);
        assert_eq!(speaker.established(peer).is_none(), restarts, "{families:?}");
    }
}
