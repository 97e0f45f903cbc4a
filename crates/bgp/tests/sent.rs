//! What neighbours are sent, as operators are shown it: messages by kind, prefixes, and the last words of an operator.

mod common;

use bgp::SpeakerInput;
use bgp::fsm::State;
use bgp::show::{Context, NeighborFacts, NeighborView, Routes, neighbors, page};
use common::*;
use machine::Duration;
use packet::bgp::Kind;

/// How `node` sees `other`.
fn view(world: &World, node: usize, other: usize) -> NeighborView {
    let context = Context {
        now: world.now,
        age_s: 0,
        facts: &|_| NeighborFacts::default(),
    };
    neighbors(world.speaker(node), Some(address(other).into()), &context).remove(0)
}

/// What `node` has sent on all its connections with `other`, by kind, in the order of the view.
fn on_the_wire(world: &World, node: usize, other: usize) -> [u64; 5] {
    let mut counts = [0; 5];
    for index in 0..world.connections.len() {
        let nodes = world.connections[index].nodes;
        let side = nodes.iter().position(|each| *each == node);
        if let Some(side) = side.filter(|_| nodes.contains(&other)) {
            for (kind, _) in world.messages(index, side) {
                counts[kind as usize - 1] += 1;
            }
        }
    }
    counts
}

fn counted(view: &NeighborView) -> [u64; 5] {
    let counts = view.messages_sent_by_kind;
    assert_eq!(counts.total, view.messages_sent);
    let kinds = [
        counts.opens,
        counts.updates,
        counts.notifications,
        counts.keepalives,
        counts.route_refreshes,
    ];
    assert_eq!(kinds.iter().sum::<u64>(), counts.total);
    kinds
}

#[test]
fn what_is_counted_as_sent_is_what_was_on_the_wire_over_sessions_and_switchovers() {
    let mut world = World::new(3);
    world.join(0, 1, |_| {});
    world.join(0, 2, |_| {});
    world.originate(0, networks(700));
    world.settle();
    let check = |world: &World, when: &str| {
        for other in [1, 2] {
            assert_eq!(
                counted(&view(world, 0, other)),
                on_the_wire(world, 0, other),
                "{when}: to {other}"
            );
        }
    };
    check(&world, "at first");
    world.input(0, SpeakerInput::ClearSoftIn { peer: peer_id(1) });
    world.pass(Duration::from_secs(130));
    let (opens, refreshes) = (on_the_wire(&world, 0, 1)[0], on_the_wire(&world, 0, 1)[4]);
    assert_eq!((opens, refreshes), (1, 1), "something of each kind");
    check(&world, "after keepalives");
    world.promote(0);
    world.pass(Duration::from_secs(100));
    check(&world, "after a switchover");
    for node in [0, 1] {
        let input = SpeakerInput::Clear {
            peer: peer_id(1 - node),
            communication: None,
        };
        world.input(node, input);
        world.pass(Duration::from_secs(100));
        assert_eq!(world.speaker(0).state(peer_id(1)), Some(State::Established));
        check(&world, "after a reset");
    }
    assert_eq!(on_the_wire(&world, 0, 1)[2], 1, "one of the resets was ours");
    world.promote(0);
    world.pass(Duration::from_secs(1));
    check(&world, "after another switchover");
}

#[test]
fn an_open_that_leads_nowhere_is_counted_with_its_notification() {
    let mut world = World::new(2);
    let mut passive = neighbor(1, 0);
    passive.passive = true;
    world.configure(1, 0, passive);
    let mut wrong = neighbor(0, 1);
    wrong.remote_as = 64_999;
    world.configure(0, 1, wrong);
    world.pass(Duration::from_secs(30));
    let sent = on_the_wire(&world, 0, 1);
    assert!(sent[0] > 0 && sent[2] > 0, "{sent:?}");
    assert_eq!(counted(&view(&world, 0, 1)), sent);
}

#[test]
fn prefixes_that_are_sent_are_counted_as_the_table_of_them_has_them() {
    let mut world = World::new(4);
    world.originate(0, networks(40));
    world.originate(2, networks(60));
    world.join(0, 1, |_| {});
    world.join(1, 2, |_| {});
    world.join(1, 3, |_| {});
    let check = |world: &World, expected: [u32; 3]| {
        for (other, expected) in [0, 2, 3].into_iter().zip(expected) {
            let rib = &world.speaker(1).rib;
            let (table, _) = page(rib, Routes::Advertised(peer_id(other)), None, 10_000);
            let family = view(world, 1, other).families[0];
            assert_eq!(family.prefixes_sent as usize, table.len(), "to {other}");
            assert_eq!(family.prefixes_sent, expected, "to {other}");
        }
    };
    world.settle();
    // Of 60 prefixes 40 are both neighbours': the path of the first is the best, and nobody is told what he said.
    check(&world, [20, 40, 60]);
    world.promote(1);
    world.settle();
    check(&world, [20, 40, 60]);
    world.turn(0, |speaker, _, _| {
        networks(40).for_each(|prefix| speaker.rib.withdraw_local_v4(prefix))
    });
    world.settle();
    check(&world, [60, 0, 60]);
    let mut config = world.configs[1][&peer_id(3)].clone();
    config.shutdown = true;
    world.configure(1, 3, config);
    world.settle();
    check(&world, [60, 0, 0]);
}

#[test]
fn a_shutdown_message_is_on_the_wire_and_shown_at_both_ends_also_by_successors() {
    let text = "Back at 10:00 UTC, é";
    let octets: Vec<u8> = [&[text.len() as u8], text.as_bytes()].concat();
    for graceful in [false, true] {
        let mut world = World::new(2);
        world.join(0, 1, |config| config.graceful_restart = graceful);
        world.settle();
        let mut config = world.configs[0][&peer_id(1)].clone();
        config.shutdown = true;
        config.shutdown_message = Some(text.into());
        world.configure(0, 1, config.clone());
        world.settle();
        let side = world.connections[0].nodes.iter().position(|node| *node == 0);
        let sent = world.messages(0, side.expect("a side"));
        // Cease, Administrative Shutdown; where both follow RFC 8538 within a Hard Reset.
        let reason = [&[6, 2], &octets[..]].concat();
        let expected = match graceful {
            true => [&[6, 9], &reason[..]].concat(),
            false => reason,
        };
        assert_eq!(sent.last(), Some(&(Kind::Notification, expected)));
        for node in [0, 1] {
            world.promote(node);
        }
        world.settle();
        let (ours, theirs) = (view(&world, 0, 1), view(&world, 1, 0));
        let words = |view: &NeighborView| {
            (
                view.last_communication_sent.clone(),
                view.last_communication_received.clone(),
            )
        };
        assert_eq!(words(&ours), (Some(text.into()), None));
        assert_eq!(words(&theirs), (None, Some(text.into())));
        assert_eq!(ours.last_reset_reason.as_deref(), Some("Admin. shutdown"));
        // Another text is for the next time; without shutdown the session comes back, and the words stay known.
        config.shutdown_message = Some("not now".into());
        world.configure(0, 1, config.clone());
        config.shutdown = false;
        config.shutdown_message = None;
        world.configure(0, 1, config);
        world.pass(Duration::from_secs(200));
        assert_eq!(world.speaker(0).state(peer_id(1)), Some(State::Established));
        assert_eq!(words(&view(&world, 0, 1)), (Some(text.into()), None));
        assert_eq!(words(&view(&world, 1, 0)), (None, Some(text.into())));
    }
}
