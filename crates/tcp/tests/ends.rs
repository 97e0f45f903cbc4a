//! Every session ends, and leaves no row on either route processor: also when the peer does nothing for it.

mod common;

use common::*;
use machine::{Duration, Instant, Machine, Outbox};
use packet::tcp::{Flags, Repr};
use tcp::*;

/// Runs what is due until `until`; packets that leave.
fn wait(router: &mut Router, until: Instant) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    while let Some((at, _)) = router.tcp().next_deadline()
        && at <= until
    {
        // What is to be taken over is due since ever.
        let at = match at {
            Instant::ZERO => until,
            at => at,
        };
        packets.extend(router.turn(at, |tcp, out| tcp.expire(at, out)));
    }
    packets
}

/// Rows of sessions on the active and on the standby.
fn rows(router: &Router) -> [usize; 2] {
    let pair = &router.pair;
    [&pair.active, &pair.standby].map(|rp| {
        let tcp = &rp.0;
        assert_eq!(tcp.connections.len(), tcp.progress.len());
        tcp.connections.len() + tcp.unconsumed.len() + tcp.unacknowledged.len()
    })
}

const START: Instant = Instant::from_millis(10_000);

fn after(seconds: u64) -> Instant {
    START + Duration::from_secs(seconds)
}

/// An open session that its owner closes at [`START`], and the acknowledgement of its FIN.
fn closed_session() -> (Router, Repr) {
    let (mut router, next) = open_session();
    let key = router.key.unwrap();
    let sent = router.turn(START, |tcp, out| tcp.close(START, &key, out));
    assert!(header_of(&sent[0]).flags.contains(Flags::FIN));
    let acknowledgement = next.acknowledgement.wrapping_add(1);
    (
        router,
        Repr {
            acknowledgement,
            ..next
        },
    )
}

#[test]
fn a_closed_session_whose_peer_keeps_its_own_end_open_is_gone_after_a_minute() {
    for takes_over in [false, true] {
        let (mut router, next) = closed_session();
        deliver(&mut router, packet(A, B, 255, next, &[]));
        let mut begun = 0;
        if takes_over {
            router.take_over(after(30));
            // It sends the FIN again, as it does not know that the peer has it.
            let again = wait(&mut router, after(30));
            assert!(header_of(&again[0]).flags.contains(Flags::FIN));
            router.turn(after(30), |tcp, out| {
                tcp.handle(after(30), TcpInput::Packet(packet(A, B, 255, next, &[])), out);
            });
            begun = 30;
        }
        assert_eq!(wait(&mut router, after(begun + 50)), Vec::<Vec<u8>>::new());
        // What the peer sends makes it no longer.
        router.turn(after(begun + 50), |tcp, out| {
            let data = TcpInput::Packet(packet(A, B, 255, next, &patterned(0, 4)));
            tcp.handle(after(begun + 50), data, out);
        });
        assert_ne!(rows(&router), [0, 0]);
        wait(&mut router, after(begun + 61));
        assert_eq!(rows(&router), [0, 0], "{takes_over}");
        assert_eq!(router.tcp().next_deadline(), None);
        assert!(!show::brief(router.tcp()).contains("192.0.2.1.30000"));
    }
}

#[test]
fn a_fin_that_is_never_acknowledged_is_given_up_after_five_minutes() {
    for (is_heard, takes_over) in [(false, false), (true, false), (false, true)] {
        let (mut router, next) = closed_session();
        let mut begun = 0;
        if takes_over {
            begun = 100;
            wait(&mut router, after(begun));
            router.take_over(after(begun));
        }
        let before_fin = Repr {
            acknowledgement: next.acknowledgement.wrapping_sub(1),
            ..next
        };
        let mut sent = 0;
        for second in begun..begun + 299 {
            sent += wait(&mut router, after(second)).len();
            if is_heard {
                router.turn(after(second), |tcp, out| {
                    let heard = TcpInput::Packet(packet(A, B, 255, before_fin, &[]));
                    tcp.handle(after(second), heard, out);
                });
            }
        }
        // A peer that is heard now and then is given more time each time.
        assert!(sent < 100 && (is_heard || sent >= 3), "{sent} {is_heard}");
        assert_eq!(rows(&router), [1, 1]);
        let last = wait(&mut router, after(begun + 301));
        assert_eq!(rows(&router), [0, 0], "{is_heard} {takes_over}");
        // A peer that is there after all learns of it.
        assert!(header_of(last.last().unwrap()).flags.contains(Flags::RST));
        assert_eq!(router.tcp().next_deadline(), None);
    }
}

#[test]
fn time_wait_ends_also_while_the_peer_keeps_sending() {
    let (mut router, next) = closed_session();
    let fin = Repr {
        flags: Flags::FIN | Flags::ACK,
        ..next
    };
    deliver(&mut router, packet(A, B, 255, fin, &[]));
    assert_eq!(rows(&router), [0, 0]);
    for second in 1..=60 {
        wait(&mut router, after(second));
        router.turn(after(second), |tcp, out| {
            tcp.handle(after(second), TcpInput::Packet(packet(A, B, 255, fin, &[])), out);
        });
    }
    wait(&mut router, after(61));
    assert!(!show::brief(router.tcp()).contains("TIMEWAIT"));
    assert_eq!(router.tcp().next_deadline(), None);
}

#[test]
fn a_peer_that_opens_again_and_again_what_is_closed_again_holds_a_bounded_number_of_sessions() {
    let mut router = listening(ConnectionOptions::default());
    let now = Instant::from_millis(2_000);
    for port in 1_000..1_300 {
        let next = open_from(&mut router, port);
        let key = router.key.unwrap();
        assert_eq!(key.remote.port, port, "it is let in");
        router.turn(now, |tcp, out| {
            tcp.write(now, &key, b"farewell", out).unwrap();
            tcp.close(now, &key, out);
        });
        let all = Repr {
            acknowledgement: next.acknowledgement.wrapping_add(9),
            ..next
        };
        deliver(&mut router, packet(A, B, 255, all, &[]));
        let [active, standby] = rows(&router);
        assert_eq!(active, standby);
        assert!(active <= OPENED_PER_PEER_MAX, "{active}");
    }
    wait(&mut router, now + Duration::from_secs(61));
    assert_eq!(rows(&router), [0, 0]);
}

#[test]
fn syns_in_the_name_of_one_peer_keep_neither_it_nor_another_out() {
    let mut router = listening(ConnectionOptions::default());
    let other = packet::Ipv4Addr::new(192, 0, 2, 9);
    let listener = Listener {
        local: Endpoint::new(B, BGP),
        remote: other.into(),
        options: ConnectionOptions::default(),
    };
    router.tcp().listen(listener).unwrap();
    let syn_from = |port| Repr {
        source_port: port,
        ..syn(BGP)
    };
    for port in 1_000..2_000 {
        deliver(&mut router, packet(A, B, 255, syn_from(port), &[]));
    }
    let shown = show::brief(router.tcp());
    assert_eq!(shown.matches("SYNRCVD").count(), OPENING_PER_PEER_MAX);
    let answer = deliver(&mut router, packet(other, B, 255, syn_from(1), &[]));
    assert_eq!(header_of(&answer[0]).flags, Flags::SYN | Flags::ACK);
    open_from(&mut router, 3_000);
    let key = router.key.unwrap();
    assert_eq!((router.seen.opened, key.remote.port), (1, 3_000));
    // Who never finished is not told of, and not reset.
    assert_eq!((router.seen.closed.len(), router.seen.resets_sent), (0, 0));
}

#[test]
fn sessions_that_the_router_opens_itself_keep_no_peer_out() {
    let mut router = listening(ConnectionOptions::default());
    let now = Instant::from_millis(2_000);
    let nobody = Endpoint::new(packet::Ipv4Addr::new(198, 51, 100, 1), BGP);
    for _ in 0..=OPENING_MAX {
        let mut out = Outbox::new();
        let options = ConnectionOptions::default();
        router
            .tcp()
            .connect(now, B.into(), nobody, options, &mut out)
            .unwrap();
    }
    open_from(&mut router, 1_000);
    assert_eq!(router.seen.opened, 1);
}

/// An open session whose peer has sent a farewell that nobody has read, and a RST right behind it.
fn reset_session() -> (Router, Repr) {
    let (mut router, next) = open_session();
    router.message = usize::MAX;
    deliver(&mut router, packet(A, B, 255, next, &patterned(0, 8)));
    let reset = Repr {
        sequence: next.sequence.wrapping_add(8),
        flags: Flags::RST,
        ..next
    };
    deliver(&mut router, packet(A, B, 255, reset, &[]));
    (router, next)
}

#[test]
fn what_came_before_a_rst_is_there_until_the_owner_has_read_it() {
    let (mut router, next) = reset_session();
    let (key, now) = (router.key.unwrap(), START);
    assert_eq!((router.seen.peer_closed, router.seen.closed.len()), (1, 0));
    assert_eq!(router.tcp().received(&key), patterned(0, 8));
    // What is written meanwhile goes nowhere, and the peer is refused.
    assert_eq!(router.tcp().room(&key), 0);
    let sent = router.turn(now, |tcp, out| assert_eq!(tcp.write(now, &key, b"x", out), Ok(1)));
    assert!(sent.is_empty());
    let answer = deliver(&mut router, packet(A, B, 255, next, b"more"));
    assert!(header_of(&answer[0]).flags.contains(Flags::RST));
    assert_eq!(wait(&mut router, after(1_000)), Vec::<Vec<u8>>::new());
    let sent = router.turn(now, |tcp, out| {
        tcp.consume(now, &key, 8, out);
        assert!(tcp.connections.contains_key(&key));
        tcp.close(now, &key, out);
    });
    assert!(sent.is_empty());
    assert_eq!(router.seen.closed, [CloseReason::Reset]);
    assert_eq!(rows(&router), [0, 0]);
}

#[test]
fn a_successor_too_has_what_came_before_a_rst() {
    let (mut router, next) = reset_session();
    let key = router.key.unwrap();
    router.take_over(START);
    assert_eq!(router.seen.peer_closed, 2);
    assert_eq!(router.tcp().received(&key), patterned(0, 8));
    let sent = router.turn(START, |tcp, out| {
        tcp.consume(START, &key, 8, out);
        tcp.close(START, &key, out);
    });
    // Its FIN is of no session there.
    let fin = header_of(sent.last().unwrap());
    let reset = Repr {
        sequence: fin.acknowledgement,
        flags: Flags::RST,
        ..next
    };
    deliver(&mut router, packet(A, B, 255, reset, &[]));
    assert_eq!(router.seen.closed, [CloseReason::Reset]);
    assert_eq!(rows(&router), [0, 0]);
}

#[test]
fn a_peer_that_has_reset_its_session_may_open_it_again_at_once() {
    let (mut router, _) = reset_session();
    let answer = deliver(&mut router, packet(A, B, 255, syn(BGP), &[]));
    assert_eq!(header_of(&answer[0]).flags, Flags::SYN | Flags::ACK);
    assert_eq!(router.seen.closed, [CloseReason::Reset]);
}

#[test]
fn a_probe_is_answered_by_who_has_the_session_and_ends_it_with_who_has_not() {
    let mut world = World::new(41, Weather::default(), &ConnectionOptions::default());
    world.connect(&ConnectionOptions::default());
    assert!(world.run(1_000, |world| world.routers[1].seen.opened == 1));
    world.run(1_000, |_| false);
    let key = world.routers[0].key.unwrap();
    world.ask(0, |tcp, out| tcp.probe(&key, out));
    let before = world.routers[0].tcp().statistics().received;
    world.run(1_000, |_| false);
    assert_eq!(world.routers[0].tcp().statistics().received, before + 1);
    assert_eq!(rows(&world.routers[0]), [1, 1]);
    // The peer starts anew, and knows nothing.
    world.routers[1] = Router::new(B, 42);
    world.ask(0, |tcp, out| tcp.probe(&key, out));
    world.run(1_000, |_| false);
    assert_eq!(world.routers[0].seen.closed, [CloseReason::Reset]);
    assert_eq!(rows(&world.routers[0]), [0, 0]);
}
