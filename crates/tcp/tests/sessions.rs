//! Sessions as their owner sees them: opened, used, closed, refused.

mod common;

use common::*;
use machine::{Instant, Machine, Outbox};
use packet::tcp::{Flags, Repr};
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

#[test]
fn a_segment_for_no_session_is_refused_but_a_rst_never_is() {
    let mut router = listening(ConnectionOptions::default());
    let refused = deliver(&mut router, packet(A, B, 255, syn(BGP + 1), &[]));
    let answer = header_of(&refused[0]);
    assert_eq!(answer.flags, Flags::RST | Flags::ACK);
    assert_eq!((answer.sequence, answer.acknowledgement), (0, 78));
    let data = Repr {
        acknowledgement: 99,
        flags: Flags::ACK,
        ..syn(BGP)
    };
    let answer = header_of(&deliver(&mut router, packet(A, B, 255, data, b"x"))[0]);
    assert_eq!((answer.flags, answer.sequence), (Flags::RST, 99));
    let reset = Repr {
        flags: Flags::RST,
        ..syn(BGP)
    };
    assert!(deliver(&mut router, packet(A, B, 255, reset, &[])).is_empty());
    assert_eq!(router.tcp().statistics().refused, 2);
}

#[test]
fn nothing_is_refused_before_the_router_is_active() {
    let mut standby = Sessions::new();
    let mut out = Outbox::new();
    let now = Instant::from_millis(1);
    standby.handle(now, TcpInput::Packet(packet(A, B, 255, syn(BGP), &[])), &mut out);
    assert!(out.is_empty());
    assert_eq!(standby.statistics().not_active, 1);
    assert_eq!(standby.next_deadline(), None);
    let remote = Endpoint::new(B, BGP);
    let refused = standby.connect(now, A.into(), remote, ConnectionOptions::default(), &mut out);
    assert_eq!(refused, Err(OpenError::NotActive));
}

#[test]
fn only_the_peer_that_is_listened_for_is_let_in() {
    let mut router = listening(ConnectionOptions::default());
    let stranger = packet::Ipv4Addr::new(192, 0, 2, 9);
    let answer = deliver(&mut router, packet(stranger, B, 255, syn(BGP), &[]));
    assert!(header_of(&answer[0]).flags.contains(Flags::RST));
    let answer = header_of(&deliver(&mut router, packet(A, B, 255, syn(BGP), &[]))[0]);
    assert_eq!(answer.flags, Flags::SYN | Flags::ACK);
    assert_eq!(answer.acknowledgement, 78);
    assert_eq!((answer.mss, answer.window_shift), (Some(1460), Some(3)));
}

#[test]
fn a_ttl_below_what_gtsm_demands_is_dropped_without_an_answer() {
    let mut router = listening(ConnectionOptions {
        ttl_min: 254,
        ..ConnectionOptions::default()
    });
    for (ttl, answers) in [(1, 0), (253, 0), (254, 1), (255, 0)] {
        // The last one repeats a SYN, which the stack answers by its timer.
        let answer = deliver(&mut router, packet(A, B, ttl, syn(BGP), &[]));
        assert_eq!(answer.len(), answers, "TTL {ttl}");
    }
    assert_eq!(router.tcp().statistics().ttl_too_low, 2);
}

#[test]
fn segments_without_the_right_digest_are_dropped_without_an_answer() {
    let options = |key: &[u8]| ConnectionOptions {
        md5_key: key.to_vec(),
        ..ConnectionOptions::default()
    };
    for (ours, theirs, opened) in [
        (b"key".as_slice(), b"key".as_slice(), 1),
        (b"key", b"yek", 0),
        (b"key", b"", 0),
        (b"", b"key", 0),
    ] {
        let mut world = World::new(21, Weather::default(), &options(ours));
        world.connect(&options(theirs));
        assert_eq!(
            world.run(200, |world| world.routers[1].seen.opened == 1),
            opened == 1,
            "{ours:?} {theirs:?}"
        );
        assert_eq!(world.routers[1].seen.resets_sent, 0);
        let expected = if opened == 1 {
            vec![]
        } else {
            vec![CloseReason::TimedOut]
        };
        assert_eq!(world.routers[0].seen.closed, expected);
        assert_eq!(world.routers[1].tcp().statistics().bad_digest > 0, opened == 0);
    }
}

#[test]
fn only_a_rst_with_the_exact_number_ends_a_session() {
    // RFC 5961 section 3.2: exact, in the window, outside.
    for (offset, closed, answers) in [(0u32, 1, 0), (5, 0, 1), (100_000, 0, 0), (u32::MAX, 0, 0)] {
        let (mut router, next) = open_session();
        let reset = Repr {
            sequence: next.sequence.wrapping_add(offset),
            flags: Flags::RST | Flags::ACK,
            ..next
        };
        let answer = deliver(&mut router, packet(A, B, 255, reset, &[]));
        assert_eq!(router.seen.closed.len(), closed, "{offset}");
        assert_eq!(answer.len(), answers, "{offset}");
        for packet in answer {
            assert_eq!(header_of(&packet).acknowledgement, 78);
        }
    }
}

#[test]
fn an_acknowledgement_of_what_was_not_sent_is_answered_and_dropped_with_all_that_it_holds() {
    // RFC 9293 section 3.10.7.4. There is more to be told than may be sent at once.
    let (mut router, next) = open_session();
    let key = router.key.unwrap();
    let now = Instant::from_millis(2_000);
    let sent = router.turn(now, |tcp, out| {
        tcp.write(now, &key, &patterned(0, 5_000), out).unwrap();
    });
    let sent: u32 = sent.iter().map(|packet| payload_of(packet).len() as u32).sum();
    assert_eq!(u64::from(sent), router.progress().sent);
    assert!((1_000..4_000).contains(&sent), "{sent}");
    let acknowledge = |bytes: u32| Repr {
        acknowledgement: next.acknowledgement.wrapping_add(bytes),
        window: 0,
        ..next
    };
    for takes_over in [false, true] {
        if takes_over {
            router.take_over(now);
        }
        for (bytes, payload) in [(sent + 1, &b""[..]), (sent + 1, b"data"), (4_096, b"")] {
            let before = router.progress();
            let answers = deliver(&mut router, packet(A, B, 255, acknowledge(bytes), payload));
            assert_eq!(router.progress(), before, "{bytes} {payload:?}");
            for answer in answers {
                let answer = header_of(&answer);
                assert_eq!((answer.flags, answer.acknowledgement), (Flags::ACK, 78));
            }
        }
    }
    // Counted since the takeover.
    assert_eq!(router.tcp().statistics().challenged, 3);
    // What was sent may be acknowledged, also after a takeover; the standby has every row.
    deliver(&mut router, packet(A, B, 255, acknowledge(sent), b""));
    let progress = router.progress();
    assert_eq!(
        (progress.acknowledged, progress.written),
        (u64::from(sent), 5_000)
    );
    assert_eq!(router.pair.standby.0.progress.get(&key), Some(&progress));
}

#[test]
fn a_syn_within_a_session_is_challenged() {
    let (mut router, _) = open_session();
    let answer = deliver(&mut router, packet(A, B, 255, syn(BGP), &[]));
    assert_eq!(header_of(&answer[0]).flags, Flags::ACK);
    assert_eq!(header_of(&answer[0]).acknowledgement, 78);
    assert_eq!(router.tcp().statistics().challenged, 1);
}

#[test]
fn what_the_owner_leaves_is_bounded_and_the_window_closes() {
    let mut world = World::new(22, Weather::default(), &ConnectionOptions::default());
    world.connect(&ConnectionOptions::default());
    assert!(world.run(100, |world| world.routers[1].seen.opened == 1));
    // B waits for a message that is longer than all its buffers.
    world.routers[1].message = usize::MAX;
    world.routers[0].to_send = 4_000_000;
    let (key, now) = (world.routers[0].key.unwrap(), world.now);
    world.ask(0, |tcp, out| {
        tcp.write(now, &key, &[pattern(0)], out).unwrap();
    });
    world.run(20_000, |_| false);
    let held = world.routers[1].progress().received as usize;
    let most = BufferSize::Small.bytes() + BufferSize::Medium.bytes() + BufferSize::Large.bytes();
    assert!((BufferSize::Large.bytes()..=most).contains(&held), "{held}");
    assert!(world.routers[0].tcp().room(&key) < SEND_MAX);
    // It takes them after all.
    world.routers[1].message = 1;
    let (key, now) = (world.routers[1].key.unwrap(), world.now);
    world.ask(1, |tcp, out| tcp.consume(now, &key, usize::MAX, out));
    assert!(world.run(200_000, World::is_complete));
}

#[test]
fn buffers_grow_while_much_is_moved_and_shrink_afterwards() {
    let options = ConnectionOptions::default();
    let mut world = World::new(23, Weather::default(), &options);
    world.routers[0].to_send = 3_000_000;
    world.connect(&options);
    assert!(world.run(200_000, World::is_complete));
    let size = |world: &World| {
        let key = world.routers[1].key.unwrap();
        world.routers[1]
            .pair
            .active
            .0
            .connections
            .get(&key)
            .unwrap()
            .buffers
    };
    assert_eq!(size(&world), BufferSize::Large);
    world.run(1_000, |_| false);
    assert_eq!(size(&world), BufferSize::Small);
    // Nothing was sent twice for it.
    assert_eq!(world.routers[0].seen.resets_sent, 0);
}

#[test]
fn sessions_from_an_address_that_is_gone_end_without_a_packet() {
    let (mut router, _) = open_session();
    let now = Instant::from_millis(3_000);
    let packets = router.turn(now, |tcp, out| {
        tcp.handle(now, TcpInput::AddressGone(A.into()), out);
        assert!(out.is_empty());
        tcp.handle(now, TcpInput::AddressGone(B.into()), out);
    });
    assert!(packets.is_empty());
    assert_eq!(router.seen.closed, [CloseReason::AddressGone]);
    assert!(router.tcp().connections.is_empty());
}

#[test]
fn an_aborted_session_is_reset_and_leaves_no_row() {
    let (mut router, next) = open_session();
    let key = router.key.unwrap();
    let now = Instant::from_millis(3_000);
    let packets = router.turn(now, |tcp, out| tcp.abort(&key, out));
    let header = header_of(&packets[0]);
    assert_eq!(header.flags, Flags::RST | Flags::ACK);
    assert_eq!(
        (header.sequence, header.acknowledgement),
        (next.acknowledgement, next.sequence)
    );
    assert!(router.tcp().progress.is_empty() && router.seen.closed.is_empty());
    assert!(router.tcp().write(now, &key, b"x", &mut Outbox::new()).is_err());
}

#[test]
fn an_opening_that_nobody_answers_or_that_is_refused_is_told() {
    let options = ConnectionOptions::default();
    let mut world = World::new(24, Weather::default(), &options);
    world.weather.lost = 100;
    world.connect(&options);
    world.run(1_000, |_| false);
    assert_eq!(world.routers[0].seen.closed, [CloseReason::TimedOut]);
    let mut world = World::new(25, Weather::default(), &options);
    world.routers[1].tcp().unlisten(Endpoint::new(B, BGP), A.into());
    world.connect(&options);
    world.run(1_000, |_| false);
    assert_eq!(world.routers[0].seen.closed, [CloseReason::Refused]);
}

#[test]
fn what_cannot_be_opened_is_told_with_the_reason() {
    let mut router = Router::new(A, 3);
    let mut connect = |local: std::net::IpAddr, remote, options| {
        let now = Instant::from_millis(1);
        let opened = router
            .tcp()
            .connect(now, local, remote, options, &mut Outbox::new());
        opened.unwrap_err().to_string()
    };
    let good = ConnectionOptions::default;
    let peer = Endpoint::new(B, BGP);
    let six = Endpoint::new(std::net::Ipv6Addr::LOCALHOST, BGP);
    let ttl = ConnectionOptions { ttl: 0, ..good() };
    let mtu = ConnectionOptions { mtu: 100, ..good() };
    assert_eq!(
        connect(A.into(), six, good()),
        "no session between 192.0.2.1 and ::1 is possible"
    );
    assert_eq!(
        connect(A.into(), Endpoint::new(B, 0), good()),
        "port 0 cannot be connected to"
    );
    assert_eq!(
        connect(A.into(), peer, ttl),
        "a TTL of 0 reaches nobody: use 1 to 255"
    );
    assert_eq!(
        connect(A.into(), peer, mtu),
        "an MTU of 100 bytes is too small for TCP: use 256 or more"
    );
}

proptest::proptest! {
    #[test]
    fn no_packet_makes_it_panic(
        bytes in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..120),
        (flags, sequence, acknowledgement) in proptest::arbitrary::any::<(u8, u32, u32)>(),
        near: bool,
    ) {
        let (mut router, next) = open_session();
        deliver(&mut router, bytes.clone());
        let header = Repr {
            flags: Flags(flags),
            sequence: if near { next.sequence.wrapping_add(sequence % 9_000) } else { sequence },
            acknowledgement: if near { next.acknowledgement } else { acknowledgement },
            ..next
        };
        let mut crafted = packet(A, B, 255, header, &bytes);
        deliver(&mut router, crafted.clone());
        // Options that mean nothing.
        let length = crafted.len();
        crafted[length - 1] ^= 1;
        deliver(&mut router, crafted);
    }
}

#[test]
fn show_tcp_brief_lists_sessions_and_who_is_listened_for() {
    let (mut router, _) = open_session();
    let now = Instant::from_millis(3_000);
    let options = ConnectionOptions::default();
    let remote = Endpoint::new(packet::Ipv4Addr::new(198, 51, 100, 255), BGP);
    let connecting = router
        .tcp()
        .connect(now, B.into(), remote, options, &mut Outbox::new())
        .unwrap();
    let port = connecting.local.port;
    let expected = format!(
        "Local Address               Foreign Address             (state)\n\
         192.0.2.2.179               192.0.2.1.30000             ESTAB\n\
         192.0.2.2.{port}             198.51.100.255.179          SYNSENT\n\
         192.0.2.2.179               192.0.2.1.*                 LISTEN\n"
    );
    assert_eq!(show::brief(router.tcp()), expected);
    let key = router.key.unwrap();
    router.turn(now, |tcp, out| tcp.close(now, &key, out));
    assert!(show::brief(router.tcp()).contains("FINWAIT\n"));
}

/// A step of [`fuzz::session`]: what, flags, sequence and acknowledgement offset, payload.
fn step(what: u8, flags: Flags, sequence: i16, acknowledgement: i16, payload: &[u8]) -> Vec<u8> {
    let [s1, s0] = sequence.to_be_bytes();
    let [a1, a0] = acknowledgement.to_be_bytes();
    [&[what, flags.0, s1, s0, a1, a0, payload.len() as u8], payload].concat()
}

/// Steps of a peer that opens a session, and takes nothing yet.
fn handshake() -> Vec<u8> {
    [
        step(0xc6, Flags::SYN, 0, 0, &[]),
        step(0xc6, Flags::ACK, 0, 0, &[]),
    ]
    .concat()
}

#[test]
fn the_handshake_that_harm_starts_with_opens_a_session() {
    assert!(fuzz::session_opens(&handshake()));
    assert!(!fuzz::session_opens(&handshake()[..7]));
}

#[test]
fn an_acknowledgement_of_bytes_that_were_not_sent_leaves_the_rows_as_they_are() {
    let all = [
        handshake(),
        step(2, Flags(0), 0, 0, &[7; 200]),
        step(0x46, Flags::ACK, 0, 100, &[]),
    ];
    fuzz::session(&all.concat());
}

/// Steps near enough to what a session expects that most are taken.
fn harm() -> impl proptest::prelude::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    let what = prop_oneof![4 => Just(6u8), 2 => Just(0x46), 2 => Just(2), 1 => 0u8..8];
    let flags = prop_oneof![6 => Just(Flags::ACK), 1 => Just(Flags::FIN | Flags::ACK), 1 => any::<u8>().prop_map(Flags)];
    let near = || prop_oneof![4 => Just(0i16), 2 => 0i16..600, 1 => any::<i16>()];
    let payload = prop::collection::vec(any::<u8>(), 0..200);
    (what, flags, near(), near(), payload).prop_map(|(what, flags, sequence, acknowledgement, payload)| {
        step(what, flags, sequence, acknowledgement, &payload)
    })
}

proptest::proptest! {
    #[test]
    fn a_peer_that_means_harm_breaks_nothing(
        bytes in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..600), opened: bool,
    ) {
        let mut input = Vec::new();
        if opened {
            input.extend(handshake());
        }
        input.extend(bytes);
        fuzz::session(&input);
    }

    #[test]
    fn a_peer_that_knows_its_session_breaks_nothing(steps in proptest::collection::vec(harm(), 0..20)) {
        fuzz::session(&[handshake(), steps.concat()].concat());
    }
}
