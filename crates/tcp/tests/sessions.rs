//! Sessions as their owner sees them: opened, used, closed, refused.

mod common;

use common::*;
use tcp::*;

#[test]
fn a_session_is_opened_carries_bytes_both_ways_and_is_closed() {
    let options = ConnectionOptions::default();
    let mut world = World::new(1, Weather::default(), &options);
    world.routers[0].to_send = 10_000;
    world.routers[1].to_send = 70_000;
    world.connect(&options);
    assert!(world.run(10_000, World::is_complete));
    for router in &mut world.routers {
        router.close_when_sent = true;
    }
    let key = world.routers[0].key.unwrap();
    let now = world.now;
    world.ask(0, |tcp, out| tcp.close(now, &key, out));
    assert!(world.run(1_000, |world| {
        world
            .routers
            .iter()
            .all(|router| router.seen.closed == [CloseReason::Finished])
    }));
    for router in &mut world.routers {
        assert_eq!(router.seen.opened, 1);
        assert_eq!(router.seen.resets_sent, 0);
        assert!(router.tcp().connections.is_empty());
        assert!(router.tcp().progress.is_empty());
        assert!(router.tcp().unacknowledged.is_empty());
    }
    // TIME-WAIT ends as well.
    assert!(!world.run(1_000, |_| false));
}
