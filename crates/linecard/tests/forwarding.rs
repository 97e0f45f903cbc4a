//! The fate of every kind of packet.

mod common;

use chassis::message::PuntReason;
use chassis::{CardMessage, LinkId, RpMessage};
use common::*;
use linecard::{CardInput, CardOutput, CloseReason, DropReason, Limits, Sink, Taken};
use machine::{CardSlot, Duration, PortId};
use packet::icmpv4::{self, Exceeded, Unreachable};
use packet::ipv4::{self, Protocol};
use packet::{Ipv4Addr, MacAddress};
use proptest::prelude::*;

#[test]
fn a_transit_packet_leaves_with_new_addresses_a_lower_ttl_and_a_right_checksum() {
    let mut bench = Bench::ready();
    let ip = Ip::udp(HOST_EAST, HOST_WEST, 100);
    let out = bench.frame(EAST, &ip.to_port(EAST));
    assert_eq!(out, [transmit(WEST, ip.forwarded(WEST, HOST_WEST))]);
    let counters = bench.card.port_counters();
    assert_eq!(
        (
            counters[0].input_packets,
            counters[0].input_bytes,
            counters[0].input_drops
        ),
        (1, 134, 0)
    );
    assert_eq!(
        (
            counters[1].output_packets,
            counters[1].output_bytes,
            counters[1].output_drops
        ),
        (1, 134, 0)
    );
}

#[test]
fn forwarded_bytes_are_golden() {
    let mut bench = Bench::ready();
    let golden_in =
        "aabbcc000100 02000a00000a 0800 4500001c beef4000 4011 66ce 0a00000a 0a00010a 13881389 00080000";
    let golden_out =
        "02000a00010a aabbcc000101 0800 4500001c beef4000 3f11 67ce 0a00000a 0a00010a 13881389 00080000";
    let out = bench.frame(EAST, &hex(golden_in));
    assert_eq!(out, [transmit(WEST, hex(golden_out))]);
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap())
        .collect()
}

#[test]
fn link_padding_is_not_forwarded() {
    let mut bench = Bench::ready();
    let ip = Ip::udp(HOST_EAST, HOST_WEST, 8);
    let mut padded = ip.to_port(EAST);
    padded.resize(60, 0);
    assert_eq!(
        bench.frame(EAST, &padded),
        [transmit(WEST, ip.forwarded(WEST, HOST_WEST))]
    );
}

#[test]
fn a_packet_for_another_cards_port_crosses_the_fabric_finished() {
    let mut bench = Bench::ready();
    let ip = Ip::udp(HOST_EAST, HOST_FAR, 100);
    let out = bench.frame(EAST, &ip.to_port(EAST));
    assert_eq!(
        out,
        [CardOutput::Fabric {
            port: FAR,
            frame: ip.forwarded(FAR, HOST_FAR)
        }]
    );
    // The same in the other direction: what comes over the fabric leaves as it is.
    let finished = Ip::udp(HOST_FAR, HOST_EAST, 10).forwarded(EAST, HOST_EAST);
    let out = bench.input(CardInput::Fabric {
        port: EAST,
        frame: finished.clone(),
    });
    assert_eq!(out, [transmit(EAST, finished)]);
}

#[test]
fn every_drop_reason_of_a_received_frame_is_counted_and_nothing_leaves() {
    let udp = |destination: Ipv4Addr| Ip::udp(HOST_EAST, destination, 8);
    let from = |source: [u8; 4]| Ip::udp(source.into(), HOST_WEST, 8).to_port(EAST);
    let changed = |at: usize, value: u8| {
        let mut frame = udp(HOST_WEST).to_port(EAST);
        frame[at] = value;
        frame
    };
    let broadcast = frame(
        MacAddress::BROADCAST,
        host_mac(HOST_EAST),
        &udp(HOST_WEST).packet(),
    );
    let other = frame(MacAddress([2; 6]), host_mac(HOST_EAST), &udp(HOST_WEST).packet());
    let cases: &[(DropReason, Vec<u8>)] = &[
        (DropReason::Runt, vec![0; 13]),
        (DropReason::OtherStation, other),
        (DropReason::Protocol, changed(13, 0x42)),
        (DropReason::Header, changed(14, 0x65)),
        (DropReason::Header, changed(14, 0x44)),
        (DropReason::Header, changed(17, 0xff)),
        (DropReason::Checksum, changed(22, 63)),
        (DropReason::MartianSource, from([0, 0, 0, 0])),
        (DropReason::MartianSource, from([127, 0, 0, 1])),
        (DropReason::MartianSource, from([224, 0, 0, 1])),
        (DropReason::MartianSource, from([255, 255, 255, 255])),
        (
            DropReason::MartianDestination,
            udp(Ipv4Addr::LOCALHOST).to_port(EAST),
        ),
        (
            DropReason::MartianDestination,
            udp(Ipv4Addr::new(240, 0, 0, 1)).to_port(EAST),
        ),
        (
            DropReason::Multicast,
            udp(Ipv4Addr::new(239, 1, 1, 1)).to_port(EAST),
        ),
        (DropReason::LinkBroadcast, broadcast),
        (
            DropReason::DirectedBroadcast,
            udp(Ipv4Addr::new(10, 0, 1, 255)).to_port(EAST),
        ),
        (
            DropReason::NullRoute,
            udp(Ipv4Addr::new(10, 9, 1, 1)).to_port(EAST),
        ),
    ];
    for (reason, frame) in cases {
        let mut bench = Bench::ready();
        assert_eq!(bench.frame(EAST, frame), [], "{reason}");
        let counters = bench.card.counters();
        assert_eq!(
            (counters.drops(*reason), counters.drops_total()),
            (1, 1),
            "{reason}"
        );
        assert_eq!(bench.card.port_counters()[0].input_drops, 1, "{reason}");
    }
}

#[test]
fn a_more_specific_route_carries_packets_past_one_that_drops() {
    let rows = rows().fib("10.9.1.0/24", via(&[(WEST, Some(HOST_WEST))]));
    let mut bench = Bench::ready_with(rows, Limits::default());
    let to = |address| Ip::udp(HOST_EAST, address, 8).to_port(EAST);
    assert_eq!(bench.frame(EAST, &to(Ipv4Addr::new(10, 9, 1, 1))).len(), 1);
    assert_eq!(bench.card.counters().drops(DropReason::NullRoute), 0);
    assert_eq!(bench.frame(EAST, &to(Ipv4Addr::new(10, 9, 2, 1))), []);
    assert_eq!(bench.card.counters().drops(DropReason::NullRoute), 1);
}

#[test]
fn a_port_that_is_shut_unconfigured_or_without_address_takes_no_packets() {
    let frame = Ip::udp(HOST_EAST, HOST_WEST, 8).to_port(EAST);
    let shut = rows().port(EAST, "10.0.0.1/24", 1500, false);
    let bare = rows().port(EAST, "", 1500, true);
    for (rows, reason) in [(shut, DropReason::PortDown), (bare, DropReason::NoAddress)] {
        let mut bench = Bench::ready_with(rows, Limits::default());
        assert_eq!(bench.frame(EAST, &frame), []);
        assert_eq!(bench.card.counters().drops(reason), 1);
    }
    let mut bench = Bench::unclaimed(Limits::default());
    for port in [EAST, PortId::new(1, 9), FAR] {
        assert_eq!(bench.frame(port, &frame), []);
    }
    assert_eq!(bench.card.counters().drops(DropReason::PortDown), 3);
}

#[test]
fn arp_own_addresses_and_groups_of_the_link_go_to_the_rp() {
    let mut bench = Bench::ready();
    let arp = [
        &MacAddress::BROADCAST.0[..],
        &host_mac(HOST_EAST).0,
        &[8, 6],
        &[0; 28],
    ]
    .concat();
    assert_eq!(
        bench.frame(EAST, &arp),
        [punt(EAST, PuntReason::Arp, arp.clone())]
    );
    let receive = [
        [10, 0, 0, 1],
        [10, 0, 1, 1],
        [255, 255, 255, 255],
        [224, 0, 0, 5],
        [10, 0, 0, 255],
    ];
    for destination in receive {
        // A TTL of 1 is enough to arrive.
        let ip = Ip::udp(HOST_EAST, destination.into(), 8).with(|header| header.ttl = 1);
        let frame = ip.to_port(EAST);
        assert_eq!(
            bench.frame(EAST, &frame),
            [punt(EAST, PuntReason::Receive, frame.clone())]
        );
    }
    assert_eq!(bench.card.counters().punts, 6);
}

#[test]
fn an_unknown_neighbour_is_left_to_the_rp_as_the_packet_came_and_at_a_limited_rate() {
    let limits = Limits {
        gleans_per_second: 10,
        burst: 2,
        ..Limits::default()
    };
    let mut bench = Bench::ready_with(rows(), limits);
    let frame = Ip::udp(HOST_EAST, UNKNOWN_WEST, 8).to_port(EAST);
    for _ in 0..2 {
        assert_eq!(
            bench.frame(EAST, &frame),
            [punt(EAST, PuntReason::Glean, frame.clone())]
        );
    }
    assert_eq!(bench.frame(EAST, &frame), []);
    assert_eq!(bench.card.counters().drops(DropReason::GleanLimited), 1);
    bench.now += Duration::from_millis(100);
    assert_eq!(bench.frame(EAST, &frame).len(), 1);
}

/// The ICMP error that leaves by `port`, checked as a receiver would.
fn error_sent(out: &[CardOutput], port: PortId) -> (ipv4::Repr, Vec<u8>) {
    let [CardOutput::Transmit { port: left_by, frame }] = out else {
        panic!("one frame: {out:?}")
    };
    assert_eq!(*left_by, port);
    let packet = ipv4::Packet::validate(&frame[14..]).unwrap();
    let header = ipv4::Repr::parse(&packet).unwrap();
    assert_eq!(
        (header.protocol, packet.total_len()),
        (Protocol::ICMP, frame.len() - 14)
    );
    (header, packet.payload().to_vec())
}

fn parse(message: &[u8]) -> icmpv4::Repr<'_> {
    icmpv4::Repr::parse(&icmpv4::Packet::new_checked(message).unwrap()).unwrap()
}

#[test]
fn an_expired_ttl_is_answered_by_the_card_itself_from_the_port_that_took_the_packet() {
    let mut bench = Bench::ready();
    let ip =
        Ip::udp(HOST_EAST, HOST_WEST, 8).with(|header| (header.ttl, header.identification) = (1, 0xbeef));
    let out = bench.frame(EAST, &ip.to_port(EAST));
    let golden = hex("02000a00000a aabbcc000100 0800
         45c00038 00010000 ff01a6f9 0a000001 0a00000a 0b00cdee 00000000
         4500001c beef0000 0111e5ce 0a00000a 0a00010a 13881389 00000000");
    assert_eq!(out.len(), 1);
    let (header, message) = error_sent(&out, EAST);
    assert_eq!(
        (header.source, header.destination),
        (Ipv4Addr::new(10, 0, 0, 1), HOST_EAST)
    );
    let quoted = ip.packet();
    assert_eq!(
        parse(&message),
        icmpv4::Repr::TimeExceeded {
            reason: Exceeded::InTransit,
            quoted: &quoted
        }
    );
    assert_eq!(out, [transmit(EAST, golden)]);
    assert_eq!(bench.card.counters().drops(DropReason::TtlExpired), 1);
    assert_eq!(bench.card.counters().icmp_errors, 1);
}

#[test]
fn a_packet_without_route_or_usable_path_is_answered_with_network_unreachable() {
    let mut bench = Bench::ready();
    let reason = Unreachable::Network;
    let lost = Ip::udp(HOST_EAST, Ipv4Addr::new(203, 0, 113, 1), 8);
    let (_, message) = error_sent(&bench.frame(EAST, &lost.to_port(EAST)), EAST);
    let quoted = lost.packet();
    assert_eq!(
        parse(&message),
        icmpv4::Repr::DestinationUnreachable {
            reason,
            quoted: &quoted
        }
    );
    bench.input(CardInput::PortLink {
        port: WEST,
        up: false,
    });
    let lost = Ip::udp(HOST_EAST, HOST_WEST, 8);
    let (_, message) = error_sent(&bench.frame(EAST, &lost.to_port(EAST)), EAST);
    let quoted = lost.packet();
    assert_eq!(
        parse(&message),
        icmpv4::Repr::DestinationUnreachable {
            reason,
            quoted: &quoted
        }
    );
    let counters = bench.card.counters();
    assert_eq!(
        (
            counters.drops(DropReason::NoRoute),
            counters.drops(DropReason::NoUsablePath)
        ),
        (1, 1)
    );
}

#[test]
fn what_may_not_be_fragmented_is_answered_with_the_next_hop_mtu() {
    let mut bench = Bench::ready();
    let ip = Ip::udp(HOST_EAST, HOST_WEST, 1000).with(|header| header.dont_fragment = true);
    let (header, message) = error_sent(&bench.frame(EAST, &ip.to_port(EAST)), EAST);
    assert_eq!(header.payload_len, 556);
    let reason = Unreachable::FragmentationNeeded { next_hop_mtu: 600 };
    let quoted = &ip.packet()[..548];
    assert_eq!(
        parse(&message),
        icmpv4::Repr::DestinationUnreachable { reason, quoted }
    );
    assert_eq!(bench.card.counters().drops(DropReason::TooBig), 1);
}

#[test]
fn a_large_packet_leaves_in_fragments_that_fit_the_next_link() {
    let mut bench = Bench::ready();
    let ip = Ip::udp(HOST_EAST, HOST_WEST, 1400);
    let out = bench.frame(EAST, &ip.to_port(EAST));
    let mut whole = Vec::new();
    for output in &out {
        let CardOutput::Transmit { port: WEST, frame } = output else {
            panic!("{output:?}")
        };
        assert_eq!(frame[..14], ip.forwarded(WEST, HOST_WEST)[..14]);
        let packet = ipv4::Packet::validate(&frame[14..]).unwrap();
        assert!(packet.total_len() <= 600 && packet.ttl() == 63 && packet.fragment_offset() == whole.len());
        whole.extend_from_slice(packet.payload());
    }
    assert_eq!((out.len(), whole), (3, ip.payload));
    assert_eq!(bench.card.counters().fragments, 3);
}

#[test]
fn what_cannot_be_fragmented_is_counted_and_nothing_leaves() {
    // A fragment of 600 bytes at this offset, in units of 8 bytes, and whether it ends within the 65535 bytes that a packet can have.
    for (offset, fits) in [(8116, true), (8117, false), (8191, false)] {
        let ip = Ip::udp(HOST_EAST, HOST_WEST, 600).with(|header| header.fragment_offset = offset);
        let mut bench = Bench::ready();
        let out = bench.frame(EAST, &ip.to_port(EAST));
        let drops = bench.card.counters().drops(DropReason::NotFragmentable);
        assert_eq!(
            (out.len(), drops),
            if fits { (2, 0) } else { (0, 1) },
            "offset {offset}"
        );
        assert_eq!(bench.card.port_counters()[0].input_drops, drops);
    }
    // A link whose MTU no link may have.
    let narrow = rows().port(WEST, "10.0.1.1/24", 67, true);
    let mut bench = Bench::ready_with(narrow, Limits::default());
    let ip = Ip::udp(HOST_EAST, HOST_WEST, 100);
    assert_eq!(bench.frame(EAST, &ip.to_port(EAST)), []);
    let counters = bench.card.counters();
    assert_eq!(
        (
            counters.drops(DropReason::NotFragmentable),
            counters.drops_total()
        ),
        (1, 1)
    );
}

#[test]
fn errors_are_not_sent_about_errors_fragments_or_without_rate() {
    let limits = Limits {
        icmp_errors_per_second: 1,
        burst: 2,
        ..Limits::default()
    };
    let mut bench = Bench::ready_with(rows(), limits);
    let mut error = Ip::udp(HOST_EAST, HOST_WEST, 8).with(|h| (h.ttl, h.protocol) = (1, Protocol::ICMP));
    error.payload[0] = 11;
    let fragment = Ip::udp(HOST_EAST, HOST_WEST, 8).with(|h| (h.ttl, h.fragment_offset) = (1, 5));
    for silent in [error, fragment] {
        assert_eq!(bench.frame(EAST, &silent.to_port(EAST)), []);
    }
    let expired = Ip::udp(HOST_EAST, HOST_WEST, 8)
        .with(|header| header.ttl = 0)
        .to_port(EAST);
    let answers: Vec<usize> = (0..4).map(|_| bench.frame(EAST, &expired).len()).collect();
    assert_eq!(answers, [1, 1, 0, 0]);
    let counters = bench.card.counters();
    assert_eq!((counters.icmp_errors, counters.icmp_errors_limited), (2, 2));
    assert_eq!(counters.drops(DropReason::TtlExpired), 6);
}

#[test]
fn an_error_to_an_unknown_neighbour_is_left_to_the_rp_and_one_to_nowhere_is_counted() {
    let mut bench = Bench::ready();
    let source = Ipv4Addr::new(10, 0, 0, 77);
    let expired = Ip::udp(source, HOST_WEST, 8).with(|header| header.ttl = 1);
    let out = bench.frame(EAST, &expired.to_port(EAST));
    let [
        CardOutput::Send {
            message:
                CardMessage::Punt {
                    port: EAST,
                    reason,
                    frame,
                },
            ..
        },
    ] = &out[..]
    else {
        panic!("{out:?}")
    };
    let packet = ipv4::Packet::validate(&frame[14..]).unwrap();
    assert_eq!(
        (*reason, packet.destination(), packet.ttl()),
        (PuntReason::Glean, source, 255)
    );
    let spoofed = Ip::udp(Ipv4Addr::new(203, 0, 113, 9), HOST_WEST, 8).with(|header| header.ttl = 1);
    assert_eq!(bench.frame(EAST, &spoofed.to_port(EAST)), []);
    assert_eq!(bench.card.counters().drops(DropReason::ErrorUndeliverable), 1);
}

#[test]
fn flows_spread_over_equal_paths_stay_together_and_leave_a_dead_card() {
    let mut bench = Bench::ready();
    let flow = |number: u8| {
        let mut ip = Ip::udp(HOST_EAST, Ipv4Addr::new(198, 51, 100, 1), 8);
        ip.payload[1] = number;
        ip.to_port(EAST)
    };
    let left_by = |out: &[CardOutput]| match out {
        [CardOutput::Transmit { port, .. }] | [CardOutput::Fabric { port, .. }] => *port,
        other => panic!("{other:?}"),
    };
    let first: Vec<PortId> = (0..100)
        .map(|number| left_by(&bench.frame(EAST, &flow(number))))
        .collect();
    let again: Vec<PortId> = (0..100)
        .map(|number| left_by(&bench.frame(EAST, &flow(number))))
        .collect();
    assert_eq!(first, again);
    let west = first.iter().filter(|port| **port == WEST).count();
    assert!((30..70).contains(&west), "{west} of 100");
    bench.input(CardInput::FabricPeer {
        card: CardSlot(2),
        up: false,
    });
    assert!((0..100).all(|number| left_by(&bench.frame(EAST, &flow(number))) == WEST));
    bench.input(CardInput::FabricPeer {
        card: CardSlot(2),
        up: true,
    });
    bench.input(CardInput::PortLink {
        port: WEST,
        up: false,
    });
    assert!((0..100).all(|number| left_by(&bench.frame(EAST, &flow(number))) == FAR));
}

#[test]
fn fragments_of_one_packet_take_one_path() {
    let mut bench = Bench::ready();
    let left_by = |out: &[CardOutput]| match out {
        [CardOutput::Transmit { port, .. }] | [CardOutput::Fabric { port, .. }] => *port,
        other => panic!("{other:?}"),
    };
    for host in 1..40 {
        let whole = Ip::udp(HOST_EAST, Ipv4Addr::new(198, 51, 100, host), 64);
        let mut first = whole.clone().with(|header| header.more_fragments = true);
        first.payload[..4].copy_from_slice(&[host, 1, 2, 3]);
        let mut last = whole.with(|header| header.fragment_offset = 8);
        last.payload[..4].fill(0xee);
        let paths = [first, last].map(|fragment| left_by(&bench.frame(EAST, &fragment.to_port(EAST))));
        assert_eq!(paths[0], paths[1]);
    }
}

#[test]
fn an_injected_frame_leaves_by_its_port_unless_that_is_down_or_elsewhere() {
    let mut bench = Bench::ready();
    let frame = Ip::udp(HOST_EAST, HOST_WEST, 8).forwarded(WEST, HOST_WEST);
    let inject = |port, frame: &[u8]| RpMessage::Inject {
        port,
        frame: frame.to_vec(),
    };
    assert_eq!(
        bench.rp(LINK, inject(WEST, &frame)),
        [transmit(WEST, frame.clone())]
    );
    assert_eq!(bench.rp(LINK, inject(WEST, &frame[..13])), []);
    assert_eq!(bench.rp(LINK, inject(FAR, &frame)), []);
    assert_eq!(bench.rp(LINK, inject(PortId::new(1, 2), &frame)), []);
    bench.input(CardInput::PortLink {
        port: WEST,
        up: false,
    });
    assert_eq!(bench.rp(LINK, inject(WEST, &frame)), []);
    assert_eq!(bench.input(CardInput::Fabric { port: WEST, frame }), []);
    let counters = bench.card.counters();
    assert_eq!(
        (
            counters.drops(DropReason::Runt),
            counters.drops(DropReason::EgressDown)
        ),
        (1, 4)
    );
}

/// A sink whose queues are all full.
struct Full;

impl Sink for Full {
    fn transmit(&mut self, _: PortId, _: &[u8]) -> Taken {
        Taken::Full
    }
    fn fabric(&mut self, _: PortId, _: &[u8]) -> Taken {
        Taken::Full
    }
    fn punt(&mut self, _: LinkId, _: PortId, _: PuntReason, _: &[u8]) -> Taken {
        Taken::Full
    }
    fn send(&mut self, _: LinkId, message: CardMessage) {
        panic!("no message is due: {message:?}")
    }
    fn close(&mut self, _: LinkId, reason: CloseReason) {
        panic!("no link is to be closed: {reason}")
    }
}

#[test]
fn full_queues_are_counted_where_they_are() {
    let mut bench = Bench::ready();
    for destination in [HOST_WEST, HOST_FAR, Ipv4Addr::new(10, 0, 0, 1)] {
        let mut frame = Ip::udp(HOST_EAST, destination, 8).to_port(EAST);
        bench.card.receive(bench.now, EAST, &mut frame, &mut Full);
    }
    let mut large = Ip::udp(HOST_EAST, HOST_WEST, 1400).to_port(EAST);
    bench.card.receive(bench.now, EAST, &mut large, &mut Full);
    let counters = bench.card.counters();
    let of = [
        DropReason::TransmitFull,
        DropReason::FabricFull,
        DropReason::PuntFull,
    ]
    .map(|r| counters.drops(r));
    assert_eq!(of, [2, 1, 1]);
    assert_eq!(bench.card.port_counters()[1].output_drops, 2);
    assert_eq!(bench.card.port_counters()[0].input_drops, 4);
}

proptest! {
    #[test]
    fn no_frame_makes_the_card_panic_and_each_is_counted_once(
        bytes in prop::collection::vec(any::<u8>(), 0..120), shaped: bool, options in prop::collection::vec(any::<u8>(), 0..40),
        numbers: [u8; 4],
    ) {
        let mut bench = Bench::ready();
        let mut frame = bytes;
        if shaped {
            let destination = [HOST_WEST, HOST_FAR, UNKNOWN_WEST, Ipv4Addr::from(numbers)][usize::from(numbers[3] % 4)];
            let ip = Ip::udp(HOST_EAST, destination, frame.len()).with(|header| {
                header.options = common::options(&options);
                header.ttl = numbers[0] % 4;
                header.protocol = Protocol(numbers[1] % 20);
            });
            frame = ip.to_port(EAST);
        }
        let out = bench.frame(EAST, &frame);
        let counters = bench.card.counters();
        prop_assert_eq!(bench.card.port_counters()[0].input_packets, 1);
        // Every frame leads somewhere: out, to the RP, or into a drop counter.
        prop_assert!(!out.is_empty() || counters.drops_total() > 0);
    }
}
