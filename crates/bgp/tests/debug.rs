//! `debug ip bgp`: what it tells, of whom, and that it is bounded.

mod common;

use bgp::{DebugTopic, SpeakerInput};
use common::*;
use machine::Duration;

fn lines(world: &mut World) -> Vec<String> {
    let mut taken = Vec::new();
    world.turn(1, |speaker, _, _| taken = speaker.take_debug_lines());
    taken
}

#[test]
fn nothing_is_told_before_somebody_asks_and_then_only_what_was_asked_for() {
    let mut world = World::new(3);
    world.turn(1, |speaker, _, _| {
        speaker.set_debug(DebugTopic::Events, Some(address(0).into()), true);
        speaker.set_debug(DebugTopic::Updates, None, true);
    });
    world.originate(0, networks(1));
    world.originate(2, networks(1));
    world.join(0, 1, |_| {});
    world.join(1, 2, |_| {});
    world.settle();
    let told = lines(&mut world);
    let of = |text: &str| told.iter().filter(|line| line.contains(text)).count();
    assert!(
        told.contains(&"BGP: 10.0.0.1 went from OpenConfirm to Established".to_string()),
        "{told:?}"
    );
    assert_eq!(of("10.0.0.3 went from"), 0, "{told:?}");
    assert!(of("10.0.0.3 rcvd UPDATE w/ attr: ") > 0, "{told:?}");
    assert_eq!(of("KEEPALIVE"), 0, "{told:?}");
    // Off for everybody is off for the one as well.
    world.turn(1, |speaker, _, _| {
        for topic in DebugTopic::ALL {
            speaker.set_debug(topic, None, false);
        }
        assert_eq!(speaker.debugged().count(), 0);
    });
    world.pass(Duration::from_secs(120));
    assert_eq!(lines(&mut world), Vec::<String>::new());
}

#[test]
fn lines_that_nobody_takes_are_bounded_and_counted() {
    let mut world = World::new(2);
    world.join(0, 1, |_| {});
    world.turn(1, |speaker, _, _| {
        speaker.set_debug(DebugTopic::Sessions, None, true)
    });
    for _ in 0..200 {
        let input = SpeakerInput::Clear {
            peer: peer_id(0),
            communication: None,
        };
        world.input(1, input);
        world.pass(Duration::from_secs(5));
    }
    let told = lines(&mut world);
    assert_eq!(told.len(), 257);
    assert!(
        told[256].ends_with(" lines of debugging left out"),
        "{}",
        told[256]
    );
    assert!(lines(&mut world).len() < 257, "and then again from the start");
}

#[test]
fn updates_are_told_with_their_attributes_and_each_prefix_both_ways() {
    let mut world = World::new(3);
    world.turn(1, |speaker, _, _| {
        speaker.set_debug(DebugTopic::Updates, None, true)
    });
    world.originate(0, networks(2));
    world.join(0, 1, |_| {});
    world.join(1, 2, |_| {});
    world.settle();
    assert_eq!(
        lines(&mut world),
        [
            "BGP(0): 10.0.0.1 rcvd UPDATE w/ attr: nexthop 10.0.0.1, origin i, path 65001",
            "BGP(0): 10.0.0.1 rcvd 20.0.0.0/24",
            "BGP(0): 10.0.0.1 rcvd 20.0.1.0/24",
            "BGP(0): (base) 10.0.0.3 send UPDATE (format) 20.0.0.0/24, next 10.0.0.2, metric 0, path 65002 65001",
            "BGP(0): (base) 10.0.0.3 send UPDATE (format) 20.0.1.0/24, next 10.0.0.2, metric 0, path 65002 65001",
        ]
    );
    world.turn(0, |speaker, _, _| {
        networks(1).for_each(|prefix| speaker.rib.withdraw_local_v4(prefix))
    });
    world.settle();
    assert_eq!(
        lines(&mut world),
        [
            "BGP(0): 10.0.0.1 rcv UPDATE about 20.0.0.0/24 -- withdrawn",
            "BGP(0): (base) 10.0.0.3 send unreachable (format) 20.0.0.0/24",
        ]
    );
    // Only what is sent to the one who is watched.
    world.turn(1, |speaker, _, _| {
        speaker.set_debug(DebugTopic::Updates, None, false);
        speaker.set_debug(DebugTopic::Updates, Some(address(2).into()), true);
    });
    world.originate(0, networks(1));
    world.settle();
    assert_eq!(
        lines(&mut world),
        [
            "BGP(0): (base) 10.0.0.3 send UPDATE (format) 20.0.0.0/24, next 10.0.0.2, metric 0, path 65002 65001"
        ]
    );
}

#[test]
fn of_a_long_table_as_many_lines_are_told_as_there_is_room_for_and_the_rest_is_counted() {
    let mut world = World::new(2);
    world.turn(1, |speaker, _, _| {
        speaker.set_debug(DebugTopic::Updates, None, true)
    });
    world.originate(0, networks(1000));
    world.join(0, 1, |_| {});
    world.settle();
    let told = lines(&mut world);
    assert_eq!(told.len(), 257);
    let left_out: usize = told[256]
        .split(' ')
        .nth(1)
        .and_then(|count| count.parse().ok())
        .unwrap();
    let attributes = told.iter().filter(|line| line.contains("w/ attr")).count();
    assert!(attributes > 0 && 256 + left_out > 1000, "{}", told[256]);
}
