//! Golden bytes, both ways, and laws of each format.

mod common;

use common::{bytes, naive_checksum};
use packet::icmpv4::{self, EchoError, Exceeded, Unreachable, error};
use packet::ipv4::{self, FragmentError, Fragments, Options, Protocol};
use packet::{Ipv4Addr, MacAddress, ParseError, arp, checksum, ethernet, udp};
use proptest::prelude::*;

const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const FAR: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);

const ECHO_REQUEST: &str = "45000024 1c460000 4001da87 c000020a c0000201 08003c08 12340007 686f6c646f766572";
const ECHO_REPLY: &str = "45000024 1c460000 ff011b87 c0000201 c000020a 00004408 12340007 686f6c646f766572";
const UDP_DONT_FRAGMENT: &str = "45b8001c beef4000 3f118fe4 c000020a c6336407 13881389 00080000";

#[test]
fn an_ethernet_header_is_read_and_written() {
    let golden = bytes("aabbcc000100 aabbcc000200 0800");
    let repr = ethernet::Repr {
        destination: MacAddress([0xaa, 0xbb, 0xcc, 0, 1, 0]),
        source: MacAddress([0xaa, 0xbb, 0xcc, 0, 2, 0]),
        ether_type: ethernet::EtherType::IPV4,
    };
    assert_eq!(
        ethernet::Repr::parse(&ethernet::Frame::new_checked(&golden).unwrap()),
        Ok(repr)
    );
    let mut written = [0; ethernet::HEADER_LEN];
    repr.emit(&mut written);
    assert_eq!(written[..], golden);
    assert_eq!(
        ethernet::Frame::new_checked(&golden[..13]).err(),
        Some(ParseError::Truncated)
    );
    let length_frame = bytes("aabbcc000100 aabbcc000200 0026");
    let frame = ethernet::Frame::new_checked(&length_frame).unwrap();
    assert_eq!(
        ethernet::Repr::parse(&frame),
        Err(ParseError::Unsupported("ether type"))
    );
}

#[test]
fn an_arp_request_is_read_written_and_answered() {
    let golden = bytes("0001 0800 06 04 0001 aabbcc000200 c000020a 000000000000 c0000201");
    let (asker, owner) = (
        MacAddress([0xaa, 0xbb, 0xcc, 0, 2, 0]),
        MacAddress([0xaa, 0xbb, 0xcc, 0, 1, 0]),
    );
    let repr = arp::Repr::request(asker, HOST, ROUTER);
    assert_eq!(
        arp::Repr::parse(&arp::Packet::new_checked(&golden).unwrap()),
        Ok(repr)
    );
    let mut written = [0; arp::PACKET_LEN];
    repr.emit(&mut written);
    assert_eq!(written[..], golden);
    repr.reply(owner).emit(&mut written);
    assert_eq!(
        written[..],
        bytes("0001 0800 06 04 0002 aabbcc000100 c0000201 aabbcc000200 c000020a")
    );
}

#[test]
fn arp_for_anything_but_ipv4_over_ethernet_is_refused_by_field() {
    let golden = bytes("0001 0800 06 04 0001 aabbcc000200 c000020a 000000000000 c0000201");
    let fields = [
        (1, "ARP hardware type"),
        (2, "ARP protocol type"),
        (4, "ARP address length"),
        (5, "ARP address length"),
        (7, "ARP operation"),
    ];
    for (at, field) in fields {
        let mut bad = golden.clone();
        bad[at] ^= 0x40;
        let packet = arp::Packet::new_checked(&bad).unwrap();
        assert_eq!(arp::Repr::parse(&packet), Err(ParseError::Unsupported(field)));
    }
    assert_eq!(
        arp::Packet::new_checked(&golden[..27]).err(),
        Some(ParseError::Truncated)
    );
}

#[test]
fn an_ipv4_header_is_read_and_written() {
    let golden = bytes(UDP_DONT_FRAGMENT);
    let repr = ipv4::Repr {
        ttl: 63,
        type_of_service: 0xb8,
        identification: 0xbeef,
        dont_fragment: true,
        ..ipv4::Repr::new(HOST, FAR, Protocol::UDP, 8)
    };
    let packet = ipv4::Packet::validate(&golden).unwrap();
    assert_eq!(ipv4::Repr::parse(&packet), Ok(repr));
    let mut written = [0; ipv4::HEADER_LEN];
    repr.emit(&mut written);
    assert_eq!(written[..], golden[..20]);
}

#[test]
fn each_header_check_of_rfc_1812_section_5_2_2_refuses_what_it_is_for() {
    let golden = bytes(UDP_DONT_FRAGMENT);
    let refused = |at: usize, value: u8| {
        let mut bad = golden.clone();
        bad[at] = value;
        ipv4::Packet::validate(bad).err()
    };
    assert_eq!(
        ipv4::Packet::validate(&golden[..19]).err(),
        Some(ParseError::Truncated)
    );
    assert_eq!(
        ipv4::Packet::validate(&golden[..27]).err(),
        Some(ParseError::Truncated)
    );
    assert_eq!(refused(0, 0x65), Some(ParseError::Version));
    assert_eq!(refused(0, 0x44), Some(ParseError::HeaderLength));
    assert_eq!(refused(3, 19), Some(ParseError::TotalLength));
    assert_eq!(refused(0, 0x48), Some(ParseError::TotalLength));
    assert_eq!(refused(8, 62), Some(ParseError::Checksum));
    assert_eq!(refused(3, 0x1c), None);
}

#[test]
fn link_padding_is_not_payload() {
    let mut padded = bytes(UDP_DONT_FRAGMENT);
    padded.resize(46, 0xee);
    let packet = ipv4::Packet::validate(&padded).unwrap();
    assert_eq!(packet.payload().len(), 8);
    assert_eq!(packet.bytes(), bytes(UDP_DONT_FRAGMENT));
}

#[test]
fn the_ttl_is_decremented_with_its_checksum_and_never_below_zero() {
    let mut golden = bytes(UDP_DONT_FRAGMENT);
    let mut packet = ipv4::Packet::validate(&mut golden[..]).unwrap();
    for left in (0..63).rev() {
        assert_eq!(packet.decrement_ttl(), Some(left));
        assert!(packet.checksum_is_right());
    }
    assert_eq!(packet.decrement_ttl(), None);
    assert!(packet.checksum_is_right() && packet.ttl() == 0);
}

#[test]
fn options_are_walked_until_the_first_malformed_one() {
    let options = Options::new(&bytes("01 8304c0000201 94040000 00ff")).unwrap();
    assert_eq!(options.bytes().len(), 16);
    let kinds: Vec<u8> = ipv4::OptionsIter::new(&bytes("01 94040000 01 00 07"))
        .map(|o| o[0])
        .collect();
    assert_eq!(kinds, [1, Options::ROUTER_ALERT, 1]);
    for malformed in ["8300", "8301", "83", "8309c000"] {
        assert_eq!(
            ipv4::OptionsIter::new(&bytes(malformed)).count(),
            0,
            "{malformed}"
        );
    }
    assert!(Options::new(&[1; 41]).is_none());
}

fn large_packet(payload_len: u16, options: &[u8]) -> Vec<u8> {
    let repr = ipv4::Repr {
        identification: 77,
        options: Options::new(options).unwrap(),
        ..ipv4::Repr::new(HOST, FAR, Protocol::UDP, payload_len)
    };
    let mut packet = vec![0; repr.buffer_len()];
    repr.emit(&mut packet);
    packet.extend((0..payload_len).map(|at| at as u8));
    packet
}

#[test]
fn fragments_carry_offsets_in_eights_and_only_the_copied_options_after_the_first() {
    // Record route (7) is not copied, router alert (148) is.
    let packet = large_packet(1400, &bytes("0707040000000001 94040000"));
    let mut fragments = Fragments::new(&packet, 576).unwrap();
    let mut buffer = [0; 576];
    let mut seen = Vec::new();
    while let Some(length) = fragments.next_into(&mut buffer) {
        let view = ipv4::Packet::validate(&buffer[..length]).unwrap();
        seen.push((
            view.fragment_offset(),
            view.payload().len(),
            view.more_fragments(),
            view.options().len(),
        ));
    }
    assert_eq!(
        seen,
        [(0, 544, true, 12), (544, 552, true, 4), (1096, 304, false, 4)]
    );
}

#[test]
fn what_must_not_or_cannot_be_fragmented_is_refused() {
    let mut packet = large_packet(1400, &[]);
    assert_eq!(
        Fragments::new(&packet, 67).err(),
        Some(FragmentError::MtuTooSmall)
    );
    packet[6] = 0x40;
    ipv4::Packet::new_checked(&mut packet[..])
        .unwrap()
        .fill_checksum();
    assert_eq!(
        Fragments::new(&packet, 1000).err(),
        Some(FragmentError::DontFragment)
    );
    assert!(
        Fragments::new(&packet, 1420).is_ok(),
        "what fits needs no permission"
    );
    packet[6..8].copy_from_slice(&0x1fffu16.to_be_bytes());
    ipv4::Packet::new_checked(&mut packet[..])
        .unwrap()
        .fill_checksum();
    assert_eq!(
        Fragments::new(&packet, 1000).err(),
        Some(FragmentError::BeyondMaximum)
    );
    packet[10] ^= 1;
    assert_eq!(
        Fragments::new(&packet, 1000).err(),
        Some(FragmentError::Packet(ParseError::Checksum))
    );
}

#[test]
fn an_echo_request_is_read_written_and_answered_in_place() {
    let mut golden = bytes(ECHO_REQUEST);
    let repr = icmpv4::Repr::EchoRequest {
        identifier: 0x1234,
        sequence: 7,
        data: b"holdover",
    };
    let message = icmpv4::Packet::new_checked(&golden[20..]).unwrap();
    assert_eq!(icmpv4::Repr::parse(&message), Ok(repr));
    let mut written = vec![0; repr.buffer_len()];
    repr.emit(&mut written);
    assert_eq!(written, golden[20..]);
    assert_eq!(icmpv4::answer_echo_in_place(&mut golden), Ok(()));
    assert_eq!(golden, bytes(ECHO_REPLY));
}

#[test]
fn what_is_no_whole_echo_request_is_not_answered_and_not_changed() {
    let changed = |at: usize, value: u8, fix_header: bool| {
        let mut packet = bytes(ECHO_REQUEST);
        packet[at] = value;
        if fix_header {
            ipv4::Packet::new_checked(&mut packet[..])
                .unwrap()
                .fill_checksum();
        }
        let before = packet.clone();
        let answer = icmpv4::answer_echo_in_place(&mut packet);
        assert_eq!(packet, before);
        answer
    };
    assert_eq!(changed(9, 17, true), Err(EchoError::NotEchoRequest));
    assert_eq!(changed(20, 0, false), Err(EchoError::NotEchoRequest));
    assert_eq!(changed(6, 0x20, true), Err(EchoError::Fragment));
    assert_eq!(changed(12, 224, true), Err(EchoError::Address));
    assert_eq!(changed(16, 255, true), Err(EchoError::Address));
    assert_eq!(
        changed(30, 0xff, false),
        Err(EchoError::Packet(ParseError::Checksum))
    );
    assert_eq!(changed(8, 3, false), Err(EchoError::Packet(ParseError::Checksum)));
    let mut routed = large_packet(0, &bytes("83070400000000"));
    routed[9] = 1;
    let message = &bytes(ECHO_REQUEST)[20..];
    routed.extend_from_slice(message);
    let mut view = ipv4::Packet::new_checked(&mut routed[..]).unwrap();
    view.set_total_len(28 + 16);
    view.fill_checksum();
    assert_eq!(
        icmpv4::answer_echo_in_place(&mut routed),
        Err(EchoError::SourceRoute)
    );
}

#[test]
fn fragmentation_needed_tells_the_next_hop_mtu_and_quotes_the_packet() {
    let mut buffer = [0; error::ERROR_LEN_MAX];
    let cause = error::Cause::Unreachable(Unreachable::FragmentationNeeded { next_hop_mtu: 1400 });
    let from = Ipv4Addr::new(203, 0, 113, 1);
    let length = error::build(cause, from, 0x0102, &bytes(UDP_DONT_FRAGMENT), &mut buffer).unwrap();
    let golden = bytes(
        "45d80038 01020000 ff01bbde cb007101 c000020a 0304d06a 00000578
         45b8001c beef4000 3f118fe4 c000020a c6336407 13881389 00080000",
    );
    assert_eq!(buffer[..length], golden);
}

#[test]
fn time_exceeded_is_read_and_written() {
    let golden = bytes("0b00cde6 00000000 45b8001c beef4000 3f118fe4 c000020a c6336407 13881389 00080000");
    let quoted = bytes(UDP_DONT_FRAGMENT);
    let repr = icmpv4::Repr::TimeExceeded {
        reason: Exceeded::InTransit,
        quoted: &quoted,
    };
    let message = icmpv4::Packet::new_checked(&golden).unwrap();
    assert_eq!(icmpv4::Repr::parse(&message), Ok(repr));
    let mut written = vec![0; repr.buffer_len()];
    repr.emit(&mut written);
    assert_eq!(written, golden);
}

#[test]
fn an_error_about_a_large_packet_stays_within_576_bytes() {
    let mut buffer = [0; error::ERROR_LEN_MAX];
    let cause = error::Cause::Exceeded(Exceeded::InTransit);
    let packet = large_packet(1400, &[]);
    assert_eq!(error::build(cause, ROUTER, 0, &packet, &mut buffer), Ok(576));
    let view = ipv4::Packet::validate(&buffer).unwrap();
    let message = icmpv4::Packet::new_checked(view.payload()).unwrap();
    assert!(message.checksum_is_right());
    assert_eq!(message.payload(), &packet[..548]);
}

#[test]
fn every_prohibition_of_rfc_1812_section_4_3_2_7_silences_errors() {
    use error::{Silence, may_send_error_about};
    let with = |change: &dyn Fn(&mut [u8])| {
        let mut packet = bytes(ECHO_REQUEST);
        change(&mut packet);
        ipv4::Packet::new_checked(&mut packet[..])
            .unwrap()
            .fill_checksum();
        may_send_error_about(&packet, false)
    };
    assert_eq!(with(&|_| ()), Ok(()));
    assert_eq!(
        may_send_error_about(&bytes(ECHO_REQUEST), true),
        Err(Silence::LinkGroup)
    );
    assert_eq!(with(&|p| p[16..20].fill(255)), Err(Silence::GroupDestination));
    assert_eq!(with(&|p| p[16] = 224), Err(Silence::GroupDestination));
    for first in [0, 127, 224, 240, 255] {
        assert_eq!(with(&|p| p[12] = first), Err(Silence::Source));
    }
    assert_eq!(with(&|p| p[7] = 1), Err(Silence::LaterFragment));
    assert_eq!(
        with(&|p| p[6] = 0x20),
        Ok(()),
        "the first fragment may cause an error"
    );
    for kind in [3, 4, 5, 11, 12, 99] {
        assert_eq!(with(&|p| p[20] = kind), Err(Silence::IcmpError));
    }
    for kind in [0, 13, 17] {
        assert_eq!(with(&|p| p[20] = kind), Ok(()));
    }
    assert_eq!(with(&|p| p[3] = 20), Err(Silence::IcmpError), "too short to tell");
    let mut broken = bytes(ECHO_REQUEST);
    broken[10] ^= 1;
    let refused = may_send_error_about(&broken, false);
    assert_eq!(refused, Err(Silence::InvalidHeader(ParseError::Checksum)));
}

#[test]
fn a_datagram_is_read_and_written_with_its_checksum() {
    let golden = bytes("13881389 000eb339 676f6c64656e");
    let endpoints = udp::Endpoints::V4(HOST, FAR);
    let repr = udp::Repr {
        source_port: 5000,
        destination_port: 5001,
    };
    let packet = udp::Packet::new_checked(&golden).unwrap();
    assert_eq!(
        (udp::Repr::parse(&packet, endpoints), packet.payload()),
        (Ok(repr), &b"golden"[..])
    );
    let mut written = vec![0; repr.buffer_len(6)];
    repr.emit(&mut written, b"golden", endpoints);
    assert_eq!(written, golden);
    let mut bad = golden.clone();
    bad[9] ^= 1;
    let packet = udp::Packet::new_checked(&bad).unwrap();
    assert_eq!(udp::Repr::parse(&packet, endpoints), Err(ParseError::Checksum));
    bad[6..8].fill(0);
    let packet = udp::Packet::new_checked(&bad).unwrap();
    assert_eq!(
        udp::Repr::parse(&packet, endpoints),
        Ok(repr),
        "a datagram over IPv4 may have no checksum"
    );
    let six = udp::Endpoints::V6("::1".parse().unwrap(), "::2".parse().unwrap());
    assert_eq!(udp::Repr::parse(&packet, six), Err(ParseError::Checksum));
    assert_eq!(
        udp::Packet::new_checked(&golden[..13]).err(),
        Some(ParseError::Truncated)
    );
}

fn header() -> impl Strategy<Value = ipv4::Repr> {
    let numbers = (
        any::<[u32; 2]>(),
        any::<[u8; 3]>(),
        any::<u16>(),
        any::<[bool; 2]>(),
        0u16..0x2000,
    );
    (numbers, prop::collection::vec(any::<u8>(), 0..=40), 0u16..2000).prop_map(
        |((addresses, octets, identification, flags, fragment_offset), options, payload_len)| ipv4::Repr {
            source: addresses[0].into(),
            destination: addresses[1].into(),
            protocol: Protocol(octets[0]),
            ttl: octets[1],
            type_of_service: octets[2],
            identification,
            dont_fragment: flags[0],
            more_fragments: flags[1],
            fragment_offset,
            options: Options::new(&options).unwrap(),
            payload_len,
        },
    )
}

proptest! {
    #[test]
    fn ipv4_headers_survive_their_bytes(repr in header()) {
        let mut written = vec![0; repr.buffer_len() + usize::from(repr.payload_len)];
        repr.emit(&mut written);
        let packet = ipv4::Packet::validate(&written).unwrap();
        prop_assert_eq!(ipv4::Repr::parse(&packet), Ok(repr));
    }

    #[test]
    fn a_decremented_ttl_leaves_the_checksum_that_a_full_computation_gives(repr in header()) {
        let mut changed = vec![0; repr.buffer_len() + usize::from(repr.payload_len)];
        repr.emit(&mut changed);
        let mut expected = changed.clone();
        let ttl = ipv4::Packet::validate(&mut changed[..]).unwrap().decrement_ttl();
        prop_assert_eq!(ttl, repr.ttl.checked_sub(1));
        if let Some(ttl) = ttl {
            ipv4::Repr { ttl, ..repr }.emit(&mut expected);
        }
        prop_assert_eq!(changed, expected);
    }

    #[test]
    fn the_fast_checksum_agrees_with_the_plain_one(data in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(checksum::checksum(&data), naive_checksum(&data));
    }

    #[test]
    fn sums_of_even_parts_add_up(data in prop::collection::vec(any::<u8>(), 0..300), cut in 0usize..150) {
        let (head, tail) = data.split_at((cut * 2).min(data.len() & !1));
        let sum = checksum::Sum::ZERO.bytes(head).bytes(tail);
        prop_assert_eq!(sum.finish(), naive_checksum(&data));
    }

    #[test]
    fn an_incremental_update_agrees_with_a_full_computation(
        mut data in prop::collection::vec(any::<u8>(), 2..80), word in 0usize..40, new: u16,
    ) {
        // A constant word keeps the sum from being zero, where the two representations of zero may differ.
        data.resize(data.len().next_multiple_of(2), 1);
        let at = word * 2 % data.len();
        data.extend([0x45, 0x00]);
        let before = checksum::checksum(&data);
        let old = u16::from_be_bytes([data[at], data[at + 1]]);
        data[at..at + 2].copy_from_slice(&new.to_be_bytes());
        prop_assert_eq!(checksum::update(before, old, new), naive_checksum(&data));
    }

    #[test]
    fn fragments_reassemble_to_the_packet(repr in header(), mtu in 68usize..1500, seed: u8) {
        let repr = ipv4::Repr { dont_fragment: false, fragment_offset: repr.fragment_offset & 0xfff, ..repr };
        let mut packet = vec![0; repr.buffer_len()];
        repr.emit(&mut packet);
        packet.extend((0..repr.payload_len).map(|at| (at as u8).wrapping_mul(7) ^ seed));
        let payload = packet[repr.buffer_len()..].to_vec();
        let mut fragments = Fragments::new(&packet, mtu).unwrap();
        let mut buffer = vec![0; packet.len().max(mtu)];
        let mut whole = Vec::new();
        let mut more = true;
        while let Some(length) = fragments.next_into(&mut buffer) {
            let view = ipv4::Packet::validate(&buffer[..length]).unwrap();
            prop_assert!(length <= mtu);
            prop_assert_eq!(view.total_len(), length);
            prop_assert_eq!(view.fragment_offset(), usize::from(repr.fragment_offset) * 8 + whole.len());
            whole.extend_from_slice(view.payload());
            more = view.more_fragments();
            prop_assert!(more || whole.len() == payload.len());
        }
        prop_assert_eq!(more, repr.more_fragments);
        prop_assert_eq!(whole, payload);
    }

    #[test]
    fn icmp_messages_survive_their_bytes(
        kind in 0u8..5, high: u16, low: u16, data in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let repr = match kind {
            0 => icmpv4::Repr::EchoRequest { identifier: high, sequence: low, data: &data },
            1 => icmpv4::Repr::EchoReply { identifier: high, sequence: low, data: &data },
            2 => icmpv4::Repr::TimeExceeded { reason: Exceeded::Reassembly, quoted: &data },
            3 => icmpv4::Repr::DestinationUnreachable {
                reason: Unreachable::FragmentationNeeded { next_hop_mtu: low }, quoted: &data,
            },
            _ => icmpv4::Repr::DestinationUnreachable { reason: Unreachable::Prohibited, quoted: &data },
        };
        let mut written = vec![0; repr.buffer_len()];
        repr.emit(&mut written);
        let message = icmpv4::Packet::new_checked(&written).unwrap();
        prop_assert_eq!(icmpv4::Repr::parse(&message), Ok(repr));
    }

    #[test]
    fn datagrams_survive_their_bytes(ports: [u16; 2], data in prop::collection::vec(any::<u8>(), 0..100)) {
        let six = udp::Endpoints::V6("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
        for endpoints in [udp::Endpoints::V4(HOST, FAR), six] {
            let repr = udp::Repr { source_port: ports[0], destination_port: ports[1] };
            let mut written = vec![0; repr.buffer_len(data.len())];
            repr.emit(&mut written, &data, endpoints);
            let packet = udp::Packet::new_checked(&written).unwrap();
            prop_assert_eq!(udp::Repr::parse(&packet, endpoints), Ok(repr));
            prop_assert_eq!(packet.payload(), &data[..]);
        }
    }
}
