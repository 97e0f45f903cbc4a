//! What every session that changes its route processor depends on, rule by rule. `runtime/tests/kernel_tcp` holds the
//! same against the kernel's TCP.

mod common;

use common::*;
use machine::{Machine, Outbox, Release, Seed};
use packet::tcp::Flags;
use std::net::IpAddr;
use tcp::*;

/// An established session between A and B over which nothing is under way.
fn established() -> World {
    let options = ConnectionOptions::default();
    let mut world = World::new(31, Weather::default(), &options);
    world.connect(&options);
    assert!(world.run(1_000, |world| {
        world.routers.iter().all(|router| router.seen.opened == 1)
    }));
    world.run(1_000, |_| false);
    world
}

/// Packets of `out`, each with when it may leave.
fn packets(out: &mut Outbox<TcpOutput>) -> Vec<(Release, Vec<u8>)> {
    out.drain()
        .filter_map(|(release, output)| match output {
            TcpOutput::Packet(packet) => Some((release, packet)),
            _ => None,
        })
        .collect()
}

#[test]
fn rule_1_an_acknowledgement_waits_until_the_standby_has_what_it_acknowledges() {
    let mut world = established();
    let (now, key) = (world.now, world.routers[0].key.unwrap());
    let segments = world.routers[0].turn(now, |tcp, out| {
        assert_eq!(tcp.write(now, &key, &patterned(0, 3_000), out), Ok(3_000));
    });
    let peer = world.routers[1].key.unwrap();
    let tcp = world.routers[1].tcp();
    let mut out = Outbox::new();
    for segment in segments {
        tcp.handle(now, TcpInput::Packet(segment), &mut out);
    }
    // A delayed acknowledgement is one as well.
    while let Some((at, _)) = tcp.next_deadline() {
        tcp.expire(at.max(now), &mut out);
    }
    assert_eq!(tcp.received(&peer), patterned(0, 2_048));
    let leaving = packets(&mut out);
    assert!(!leaving.is_empty());
    for (release, packet) in leaving {
        assert_eq!(release, Release::AfterSync, "{:?}", header_of(&packet));
    }
}

#[test]
fn rule_2_bytes_are_in_rows_before_they_are_in_a_segment_and_a_successor_sends_them_from_the_highest_acknowledgement()
 {
    let mut world = established();
    let (now, key) = (world.now, world.routers[0].key.unwrap());
    let tcp = world.routers[0].tcp();
    let mut out = Outbox::new();
    assert_eq!(tcp.write(now, &key, &patterned(0, 1_000), &mut out), Ok(1_000));
    let row = tcp.unacknowledged.iter().map(|(_, chunk)| chunk.bytes.clone());
    assert_eq!(row.collect::<Vec<_>>(), [patterned(0, 1_000)]);
    let sent = packets(&mut out);
    assert!(sent.iter().all(|(release, _)| *release == Release::AfterSync));
    assert_eq!(tcp.progress.get(&key).unwrap().sent, 1_000);
    // The peer has 400 of them; the rest was lost with the active.
    let base = header_of(&sent[0].1);
    let peer = header_of(
        &world.routers[1].turn(now, |tcp, out| {
            let key = *tcp.connections.iter().next().unwrap().0;
            tcp.write(now, &key, &[pattern(0)], out).unwrap();
        })[0],
    );
    let acknowledgement = packet::tcp::Repr {
        acknowledgement: base.sequence.wrapping_add(400),
        flags: Flags::ACK,
        ..peer
    };
    let crafted = packet(B, A, 255, acknowledgement, &[]);
    world.routers[0].turn(now, |tcp, out| tcp.handle(now, TcpInput::Packet(crafted), out));
    world.routers[0].take_over(now);
    let again = world.routers[0].turn(now, |tcp, out| tcp.expire(now, out));
    assert_eq!(header_of(&again[0]).sequence, base.sequence.wrapping_add(400));
    assert_eq!(payload_of(&again[0]), patterned(400, 600));
}

#[test]
fn rule_3_a_successor_takes_an_acknowledgement_of_bytes_that_only_the_dead_active_sent() {
    for send_log in [SendLog::Kept, SendLog::Owner] {
        let options = ConnectionOptions {
            send_log,
            ..ConnectionOptions::default()
        };
        let mut world = World::new(32, Weather::default(), &options);
        world.connect(&options);
        assert!(world.run(1_000, |world| world.routers[1].seen.opened == 1));
        world.run(1_000, |_| false);
        let (now, key) = (world.now, world.routers[0].key.unwrap());
        let sent = world.routers[0].turn(now, |tcp, out| {
            assert_eq!(tcp.write(now, &key, &patterned(0, 1_500), out), Ok(1_500));
        });
        let mut answers = Vec::new();
        for segment in sent {
            answers.extend(
                world.routers[1].turn(now, |tcp, out| tcp.handle(now, TcpInput::Packet(segment), out)),
            );
        }
        world.routers[0].take_over(now);
        // The very first packet that the successor sees of the session.
        let all = answers.pop().unwrap();
        assert_eq!(payload_of(&all), b"");
        let sent = world.routers[0].turn(now, |tcp, out| tcp.handle(now, TcpInput::Packet(all), out));
        assert_eq!(world.routers[0].progress().acknowledged, 1_500, "{send_log:?}");
        assert!(sent.iter().all(|packet| payload_of(packet).is_empty()));
        assert_eq!(world.routers[0].seen.closed, []);
    }
}

#[test]
fn rule_8_a_faked_handshake_leaves_the_router_unseen_and_the_window_scale_as_it_was() {
    let mut world = established();
    let (now, key) = (world.now, world.routers[0].key.unwrap());
    let before = world.routers[0].turn(now, |tcp, out| {
        tcp.write(now, &key, &[pattern(0)], out).unwrap();
    });
    let peer = world.routers[1].key.unwrap();
    for packet in before.clone() {
        world.routers[1].turn(now, |tcp, out| tcp.handle(now, TcpInput::Packet(packet), out));
    }
    world.routers[0].take_over(now);
    let after = world.routers[0].turn(now, |tcp, out| tcp.expire(now, out));
    assert_eq!(world.routers[0].tcp().statistics().restored, 1);
    assert_eq!(
        after.len(),
        1,
        "the unacknowledged byte, and neither SYN nor bare acknowledgement"
    );
    let [before, after] = [header_of(&before[0]), header_of(&after[0])];
    assert!(!after.flags.contains(Flags::SYN));
    // The receive direction needs no translation, the send direction gets a constant.
    assert_eq!(
        (after.sequence, after.acknowledgement, after.window),
        (before.sequence, before.acknowledgement, before.window)
    );
    let answered = world.routers[1].turn(now, |tcp, out| {
        tcp.write(now, &peer, &[pattern(0)], out).unwrap();
    });
    let data = answered
        .iter()
        .find(|packet| payload_of(packet) == [pattern(0)])
        .unwrap()
        .clone();
    world.routers[0].turn(now, |tcp, out| tcp.handle(now, TcpInput::Packet(data), out));
    assert_eq!(world.routers[0].progress().received, 1);
}

#[test]
fn rule_8_initial_numbers_differ_between_peers_and_between_starts_and_grow_with_the_clock() {
    let isn = |seed: u64, remote: [u8; 4], micros: u64| {
        let mut tcp = Sessions::new();
        let mut out = Outbox::new();
        tcp.activate(Seed::new(seed), &mut out);
        let now = machine::Instant::from_nanos(1_000_000_000 + micros * 1_000);
        let remote = Endpoint::new(IpAddr::from(remote), BGP);
        tcp.connect(now, A.into(), remote, ConnectionOptions::default(), &mut out)
            .unwrap();
        header_of(&packets(&mut out)[0].1).sequence
    };
    let first = isn(1, [192, 0, 2, 2], 0);
    // RFC 6528: one number each four microseconds, between the same ends.
    assert_eq!(isn(1, [192, 0, 2, 2], 4_000).wrapping_sub(first), 1_000);
    assert!(isn(1, [192, 0, 2, 3], 0).abs_diff(first) > 1_000);
    assert!(isn(2, [192, 0, 2, 2], 0).abs_diff(first) > 1_000);
}
