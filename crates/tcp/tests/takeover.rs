//! Sessions that change their route processor at every packet: byte exact, and no RST.

mod common;

use common::*;
use machine::{Duration, Instant, Outbox};
use packet::tcp::Flags;
use proptest::prelude::*;
use tcp::*;

fn options(send_log: SendLog) -> ConnectionOptions {
    ConnectionOptions {
        send_log,
        ..ConnectionOptions::default()
    }
}

/// A session over which both send `bytes`; established.
fn world(seed: u64, weather: Weather, options: &ConnectionOptions, bytes: [u64; 2]) -> World {
    let mut world = World::new(seed, weather, options);
    world.connect(options);
    assert!(world.run(1_000, |world| {
        world.routers.iter().all(|router| router.seen.opened == 1)
    }));
    for (router, bytes) in world.routers.iter_mut().zip(bytes) {
        router.to_send = bytes;
    }
    for who in [0, 1] {
        let (key, now) = (world.routers[who].key.unwrap(), world.now);
        // A first byte, so that its owner is called.
        world.ask(who, |tcp, out| {
            tcp.write(now, &key, &[pattern(0)], out).unwrap();
            tcp.consume(now, &key, 0, out);
        });
    }
    world
}

/// Nothing was seen but one session that stays open.
fn assert_untouched(world: &World) {
    for router in &world.routers {
        let seen = Seen {
            resends: 0,
            ..router.seen.clone()
        };
        let expected = Seen {
            opened: 1,
            ..Seen::default()
        };
        assert_eq!(
            seen, expected,
            "{} after {} takeovers",
            router.address, router.takeovers
        );
    }
}

const CRASHES: [Crash; 3] = [Crash::BeforeSync, Crash::BeforeRelease, Crash::AfterRelease];
const CALM: Weather = Weather {
    lost: 0,
    repeated: 0,
    late: 0,
};
const STORM: Weather = Weather {
    lost: 5,
    repeated: 5,
    late: 20,
};

/// Runs to the end, with a crash of `who` in each of its turns that `crash` names.
fn run(mut world: World, mut crash: impl FnMut(usize, u64) -> Option<Crash>) -> World {
    for _ in 0..50_000 {
        if world.is_complete() {
            break;
        }
        for who in [0, 1] {
            world.routers[who].crash = crash(who, world.routers[who].turns);
        }
        if !world.step() {
            break;
        }
    }
    for router in &mut world.routers {
        router.crash = None;
    }
    assert!(
        world.is_complete(),
        "at {:?}: {:?}",
        world.now,
        world.routers.each_ref().map(Router::progress)
    );
    assert_untouched(&world);
    world
}

#[test]
fn a_takeover_at_each_packet_of_a_session_harms_nothing() {
    for send_log in [SendLog::Kept, SendLog::Owner] {
        for crash in CRASHES {
            for who in [0, 1] {
                let turns = {
                    let world = world(3, CALM, &options(send_log), [20_000, 30_000]);
                    run(world, |_, _| None).routers[who].turns
                };
                assert!(turns > 20);
                let mut takeovers = 0;
                for at in 1..turns {
                    let world = world(3, CALM, &options(send_log), [20_000, 30_000]);
                    let world = run(world, |router, turn| {
                        (router == who && turn == at).then_some(crash)
                    });
                    takeovers += u64::from(world.routers[who].takeovers);
                }
                // The others are turns of a timer, or before the session.
                assert!(takeovers > turns / 2, "{takeovers} of {turns}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 0, ..ProptestConfig::default() })]
    #[test]
    fn streams_are_exact_over_any_link_with_takeovers_in_both_directions(
        seed: u64,
        (lost, repeated, late) in (0u64..15, 0u64..20, 0u64..40),
        (a, b) in (1u64..100_000, 1u64..100_000),
        crashes in prop::collection::vec((0usize..2, 1u64..400, 0usize..3), 0..12),
        (message, write_max) in (1usize..5_000, 1usize..20_000),
        owner: bool,
        md5: bool,
    ) {
        let options = ConnectionOptions {
            md5_key: if md5 { b"secret".to_vec() } else { Vec::new() },
            send_log: if owner { SendLog::Owner } else { SendLog::Kept },
            ..ConnectionOptions::default()
        };
        let weather = Weather { lost, repeated, late };
        let mut world = world(seed, weather, &options, [a, b]);
        for router in &mut world.routers {
            router.message = message;
            router.write_max = write_max;
        }
        let world = run(world, |who, turn| {
            crashes
                .iter()
                .find(|(router, at, _)| *router == who && *at == turn)
                .map(|(_, _, crash)| CRASHES[*crash])
        });
        for router in &world.routers {
            prop_assert!(router.consumed() + message as u64 > router.progress().received);
        }
    }
}

#[test]
fn a_storm_with_a_takeover_at_each_tenth_packet_leaves_the_streams_exact() {
    let world = world(7, STORM, &options(SendLog::Owner), [300_000, 300_000]);
    let world = run(world, |who, turn| {
        (turn % 10 == 3).then(|| CRASHES[(turn as usize / 10 + who) % 3])
    });
    assert!(world.routers.iter().all(|router| router.takeovers > 20));
}

#[test]
fn a_close_under_way_is_finished_by_the_successor() {
    for crash in CRASHES {
        for at in 0..12 {
            for who in [0, 1] {
                let mut world = world(9, CALM, &options(SendLog::Kept), [5_000, 5_000]);
                assert!(world.run(10_000, World::is_complete));
                for router in &mut world.routers {
                    router.close_when_sent = true;
                }
                let (key, now) = (world.routers[0].key.unwrap(), world.now);
                world.ask(0, |tcp, out| tcp.close(now, &key, out));
                let start = world.routers[who].turns;
                let gone = |world: &World| {
                    world
                        .routers
                        .each_ref()
                        .map(|router| router.pair.active.0.connections.is_empty())
                };
                for _ in 0..2_000 {
                    let due = world.routers[who].turns == start + at;
                    world.routers[who].crash = due.then_some(crash);
                    if gone(&world) == [true, true] || !world.step() {
                        break;
                    }
                }
                assert_eq!(gone(&world), [true, true], "{crash:?} of {who} at {at}");
                for router in &world.routers {
                    assert!(
                        router
                            .seen
                            .closed
                            .iter()
                            .all(|reason| matches!(reason, CloseReason::Finished | CloseReason::Reset)),
                        "{:?}",
                        router.seen
                    );
                }
            }
        }
    }
}

#[test]
fn a_successor_makes_no_stack_at_activation_and_sends_nothing_for_idle_sessions() {
    let mut world = world(11, CALM, &options(SendLog::Kept), [100, 100]);
    assert!(world.run(10_000, World::is_complete));
    let packets = world.routers[0].take_over(world.now);
    assert_eq!(packets, Vec::<Vec<u8>>::new());
    assert_eq!(world.routers[0].tcp().statistics().restored, 0);
    assert_eq!(world.routers[0].tcp().next_deadline_of_all(), None);
}

/// Shortens what a test asks.
trait NextDeadline {
    fn next_deadline_of_all(&self) -> Option<machine::Deadline>;
}

impl NextDeadline for Sessions {
    fn next_deadline_of_all(&self) -> Option<machine::Deadline> {
        machine::Machine::next_deadline(self)
    }
}

#[test]
fn what_was_not_acknowledged_is_sent_again_without_being_asked_for() {
    let mut world = world(12, CALM, &options(SendLog::Kept), [1, 1]);
    assert!(world.run(10_000, World::is_complete));
    let (key, now) = (world.routers[0].key.unwrap(), world.now);
    let mut lost = world.routers[0].turn(now, |tcp, out| {
        assert_eq!(tcp.write(now, &key, &patterned(1, 1_000), out), Ok(1_000));
    });
    assert_eq!(payload_of(&lost.remove(0)), patterned(1, 1_000));
    assert_eq!(world.routers[0].take_over(now), Vec::<Vec<u8>>::new());
    let again = world.routers[0].turn(now, |tcp, out| machine::Machine::expire(tcp, now, out));
    assert_eq!(payload_of(&again[0]), patterned(1, 1_000));
    assert_eq!(world.routers[0].tcp().statistics().restored, 1);
}

#[test]
fn a_router_that_was_stopped_sends_again_at_once_and_not_after_a_time_out_that_has_grown() {
    let mut world = world(15, CALM, &options(SendLog::Kept), [1, 1]);
    assert!(world.run(10_000, World::is_complete));
    let (key, mut now) = (world.routers[0].key.unwrap(), world.now);
    let router = &mut world.routers[0];
    let expire = |router: &mut Router, now| {
        let sent = router.turn(now, |tcp, out| machine::Machine::expire(tcp, now, out));
        let payloads = sent.iter().map(|packet| payload_of(packet));
        payloads.filter(|payload| !payload.is_empty()).collect::<Vec<_>>()
    };
    router.turn(now, |tcp, out| {
        assert_eq!(tcp.write(now, &key, &patterned(1, 100), out), Ok(100));
    });
    // Nothing arrives, so each time-out is longer than the one before.
    let mut wait = Duration::ZERO;
    while wait < Duration::from_secs(3) {
        let (at, _) = router.tcp().next_deadline_of_all().unwrap();
        wait = at.saturating_since(now).max(wait);
        now = at.max(now);
        expire(router, now);
    }
    // Nothing is due yet: it would only be more work.
    now += Duration::from_millis(500);
    router.tcp().was_stopped(now);
    let (at, _) = router.tcp().next_deadline_of_all().unwrap();
    assert!(at > now, "{at:?}, it is {now:?}");
    now = at;
    router.tcp().was_stopped(now);
    assert_eq!(router.tcp().next_deadline_of_all().unwrap().0, Instant::ZERO);
    assert_eq!(expire(router, now), [patterned(1, 100)]);
    let (at, _) = router.tcp().next_deadline_of_all().unwrap();
    assert!(at <= now + Duration::from_secs(1), "{at:?}, it is {now:?}");
    assert_eq!(expire(router, at), [patterned(1, 100)]);
    // Idle sessions stay as they are.
    let restored = router.tcp().statistics().restored;
    world.routers[1].tcp().was_stopped(now);
    assert_eq!(world.routers[1].tcp().next_deadline_of_all(), None);
    assert_eq!(world.routers[0].tcp().statistics().restored, restored);
}

#[test]
fn a_segment_that_waits_for_the_owner_is_queued_and_the_queue_is_bounded() {
    let mut world = world(13, CALM, &options(SendLog::Owner), [1, 1]);
    assert!(world.run(10_000, World::is_complete));
    let (key, now) = (world.routers[0].key.unwrap(), world.now);
    // Written, and lost with the active.
    drop(world.routers[0].turn(now, |tcp, out| {
        tcp.write(now, &key, &patterned(1, 100), out).unwrap();
    }));
    let peer = world.routers[1].key.unwrap();
    let segments = world.routers[1].turn(now, |tcp, out| {
        tcp.write(now, &peer, &patterned(1, 50), out).unwrap();
    });
    drop(world.routers[0].take_over(now));
    // By hand, so that the owner does not answer at once.
    let tcp = world.routers[0].tcp();
    let mut out = Outbox::new();
    for _ in 0..40 {
        let packet = segments[0].clone();
        machine::Machine::handle(tcp, now, TcpInput::Packet(packet), &mut out);
    }
    let asked: Vec<_> = out.drain().map(|(_, output)| output).collect();
    let resend = TcpOutput::Resend {
        connection: key,
        offset: 1,
        length: 100,
    };
    assert_eq!(asked, [resend]);
    assert_eq!(tcp.statistics().overflow, 24);
    assert_eq!(tcp.received(&key), &[] as &[u8]);
    // Bytes that are written meanwhile come after those that are resent.
    assert_eq!(tcp.write(now, &key, &patterned(101, 10), &mut out), Ok(10));
    assert!(out.is_empty());
    assert_eq!(tcp.resend(now, &key, &patterned(1, 100), &mut out), Ok(()));
    assert_eq!(tcp.received(&key), patterned(1, 50));
    let packets: Vec<Vec<u8>> = out
        .drain()
        .filter_map(|(_, output)| match output {
            TcpOutput::Packet(packet) => Some(packet),
            _ => None,
        })
        .collect();
    assert!(
        packets
            .iter()
            .all(|packet| !header_of(packet).flags.contains(Flags::RST))
    );
    let sent: Vec<u8> = packets.iter().flat_map(|packet| payload_of(packet)).collect();
    assert_eq!(sent, patterned(1, 110));
}

#[test]
fn an_owner_that_cannot_resend_loses_that_session_only() {
    let mut world = world(14, CALM, &options(SendLog::Owner), [1, 1]);
    assert!(world.run(10_000, World::is_complete));
    let (key, now) = (world.routers[0].key.unwrap(), world.now);
    drop(world.routers[0].turn(now, |tcp, out| {
        tcp.write(now, &key, &patterned(1, 100), out).unwrap();
    }));
    let standby = || {
        let mut router = Router::new(A, 1);
        for (row_key, row) in world.routers[0].pair.active.0.connections.iter() {
            router.tcp().connections.insert(*row_key, row.clone());
        }
        for (row_key, row) in world.routers[0].pair.active.0.progress.iter() {
            router.tcp().progress.insert(*row_key, *row);
        }
        router
    };
    let closed = TcpOutput::Closed {
        connection: key,
        reason: CloseReason::Unrecoverable,
    };
    let outputs = |out: &mut Outbox<TcpOutput>| out.drain().map(|(_, output)| output).collect::<Vec<_>>();
    // It gives too few.
    let mut out = Outbox::new();
    let mut router = standby();
    router.tcp().write(now, &key, &[0], &mut out).unwrap();
    assert_eq!(outputs(&mut out).len(), 1);
    assert_eq!(
        router.tcp().resend(now, &key, &[0; 99], &mut out),
        Err(SessionError::Resend(100, 99))
    );
    assert_eq!(outputs(&mut out), std::slice::from_ref(&closed));
    assert!(router.tcp().progress.is_empty());
    // It never answers.
    let mut router = standby();
    router.tcp().write(now, &key, &[0], &mut out).unwrap();
    drop(outputs(&mut out));
    machine::Machine::expire(router.tcp(), now + Duration::from_secs(1), &mut out);
    assert_eq!(outputs(&mut out), [closed]);
}

#[test]
fn a_sequence_number_wraps_without_notice() {
    // The rows are set to just before the end of both number spaces.
    let mut world = world(15, STORM, &options(SendLog::Kept), [1, 1]);
    assert!(world.run(10_000, World::is_complete));
    let now = world.now;
    let [a, b] = world.routers.each_ref().map(|router| router.key.unwrap());
    let isns = [u32::MAX - 3_000, u32::MAX - 7_000];
    for (who, key) in [a, b].into_iter().enumerate() {
        let tcp = world.routers[who].tcp();
        tcp.connections.edit(&key, |row| {
            row.local_isn = isns[who];
            row.remote_isn = isns[1 - who];
        });
        world.ask(who, |_, _| {});
        let packets = world.routers[who].take_over(now);
        world.carry(who, packets);
        world.routers[who].to_send = 50_000;
    }
    for who in [0, 1] {
        let key = world.routers[who].key.unwrap();
        world.ask(who, |tcp, out| {
            tcp.write(now, &key, &[pattern(1)], out).unwrap();
        });
    }
    run(world, |who, turn| {
        (turn % 7 == who as u64).then_some(Crash::AfterRelease)
    });
}
