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
    assert!(of("10.0.0.3 rcv message type 2 (UPDATE)") > 0, "{told:?}");
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
