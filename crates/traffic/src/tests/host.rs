use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;
use std::vec;

use machine::Instant;
use packet::ethernet::{self, EtherType, Frame};
use packet::{MacAddress, arp, icmpv4, ipv4, udp};
use proptest::prelude::*;

use crate::host::{Delivery, FrameSink, Host, HostConfig, SendStatus};

const HOST_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);
const ROUTER_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
const FAR: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
const PORTS: udp::Repr = udp::Repr {
    source_port: 40_000,
    destination_port: 9,
};

/// What the host sent, and whether the wire takes more.
#[derive(Default)]
struct Wire {
    frames: Vec<Vec<u8>>,
    blocked: bool,
}

impl FrameSink for Wire {
    fn send(&mut self, frame: &[u8]) -> SendStatus {
        if self.blocked {
            return SendStatus::WouldBlock;
        }
        self.frames.push(frame.to_vec());
        SendStatus::Sent
    }
}

impl Wire {
    fn take(&mut self) -> Vec<Vec<u8>> {
        core::mem::take(&mut self.frames)
    }
}

fn at(seconds: u64) -> Instant {
    Instant::from_millis(seconds * 1_000)
}

fn host() -> Host {
    let address = "10.0.1.2/24".parse().expect("an address");
    let config = HostConfig {
        name: String::from("west"),
        mac: HOST_MAC,
        address,
        gateway: Some(ROUTER),
    };
    Host::new(at(0), config)
}

fn frame(destination: MacAddress, ether_type: EtherType, length: usize) -> Vec<u8> {
    let mut frame = vec![0; ethernet::HEADER_LEN + length];
    ethernet::Repr {
        destination,
        source: ROUTER_MAC,
        ether_type,
    }
    .emit(&mut frame);
    frame
}

fn arp_frame(destination: MacAddress, message: arp::Repr) -> Vec<u8> {
    let mut frame = frame(destination, EtherType::ARP, arp::PACKET_LEN);
    message.emit(&mut frame[ethernet::HEADER_LEN..]);
    frame
}

fn router_says_who_it_is(now: Instant, host: &mut Host, wire: &mut Wire) {
    let answer = arp::Repr::request(HOST_MAC, HOST, ROUTER).reply(ROUTER_MAC);
    host.receive(now, &arp_frame(HOST_MAC, answer), wire, |_| {
        panic!("nothing to deliver")
    });
}

fn icmp_frame(message: icmpv4::Repr<'_>) -> Vec<u8> {
    let mut frame = frame(HOST_MAC, EtherType::IPV4, ipv4::HEADER_LEN + message.buffer_len());
    let length = message.buffer_len() as u16;
    let header = ipv4::Repr::new(FAR, HOST, ipv4::Protocol::ICMP, length);
    header.emit(&mut frame[ethernet::HEADER_LEN..]);
    message.emit(&mut frame[ethernet::HEADER_LEN + ipv4::HEADER_LEN..]);
    frame
}

fn arp_of(frame: &[u8]) -> (MacAddress, arp::Repr) {
    let view = Frame::new_checked(frame).expect("a frame");
    assert_eq!(view.ether_type(), EtherType::ARP);
    let packet = arp::Packet::new_checked(view.payload()).expect("an ARP packet");
    (
        view.destination(),
        arp::Repr::parse(&packet).expect("a good ARP packet"),
    )
}

#[test]
fn a_host_asks_for_its_gateway_each_second_until_it_answers_then_every_30_s_by_unicast() {
    let (mut host, mut wire) = (host(), Wire::default());
    let question = arp::Repr::request(HOST_MAC, HOST, ROUTER);
    for second in 0..10 {
        assert_eq!(host.next_deadline().expect("asking").0, at(second));
        host.expire(at(second), &mut wire);
        host.expire(at(second), &mut wire);
        let sent = wire.take();
        assert_eq!(sent.len(), 1, "one request a second");
        assert_eq!(arp_of(&sent[0]), (MacAddress::BROADCAST, question));
    }
    router_says_who_it_is(at(9), &mut host, &mut wire);
    host.expire(at(38), &mut wire);
    assert_eq!(wire.take().len(), 0);
    host.expire(at(39), &mut wire);
    assert_eq!(arp_of(&wire.take()[0]), (ROUTER_MAC, question));
}

#[test]
fn a_request_that_the_wire_refuses_is_offered_again_soon_and_not_counted() {
    let (mut host, mut wire) = (host(), Wire::default());
    wire.blocked = true;
    for _ in 0..20 {
        let (due, _) = host.next_deadline().expect("asking");
        assert!(due < at(1), "long before a lost request would be repeated");
        host.expire(due, &mut wire);
    }
    assert_eq!(host.counters().arp_asked, 0);
    wire.blocked = false;
    let (due, _) = host.next_deadline().expect("asking");
    host.expire(due, &mut wire);
    assert_eq!((wire.take().len(), host.counters().arp_asked), (1, 1));
}

#[test]
fn an_unanswered_refresh_goes_from_unicast_to_broadcast_and_then_forgets() {
    let (mut host, mut wire) = (host(), Wire::default());
    router_says_who_it_is(at(0), &mut host, &mut wire);
    let mut destinations = Vec::new();
    for second in 30..36 {
        assert_eq!(
            host.send_datagram(at(second), FAR, PORTS, b"x", &mut wire),
            SendStatus::Sent
        );
        wire.take();
        host.expire(at(second), &mut wire);
        destinations.extend(wire.take().iter().map(|frame| arp_of(frame).0));
    }
    let (unicast, broadcast) = (ROUTER_MAC, MacAddress::BROADCAST);
    assert_eq!(
        destinations,
        [unicast, unicast, unicast, broadcast, broadcast, broadcast]
    );
    host.expire(at(36), &mut wire);
    assert_eq!(
        host.send_datagram(at(36), FAR, PORTS, b"x", &mut wire),
        SendStatus::Unresolved
    );
}

#[test]
fn a_host_answers_who_asks_for_its_address_and_nobody_else() {
    let (mut host, mut wire) = (host(), Wire::default());
    let question = arp::Repr::request(ROUTER_MAC, ROUTER, HOST);
    host.receive(
        at(1),
        &arp_frame(MacAddress::BROADCAST, question),
        &mut wire,
        |_| (),
    );
    assert_eq!(arp_of(&wire.take()[0]), (ROUTER_MAC, question.reply(HOST_MAC)));
    let other = arp::Repr::request(ROUTER_MAC, ROUTER, Ipv4Addr::new(10, 0, 1, 9));
    host.receive(at(1), &arp_frame(MacAddress::BROADCAST, other), &mut wire, |_| ());
    assert_eq!(wire.take().len(), 0);
    assert_eq!(host.counters().arp_answered, 1);
}

#[test]
fn an_echo_request_is_answered_with_its_own_data() {
    let (mut host, mut wire) = (host(), Wire::default());
    router_says_who_it_is(at(0), &mut host, &mut wire);
    let request = icmpv4::Repr::EchoRequest {
        identifier: 7,
        sequence: 9,
        data: b"are you there",
    };
    host.receive(at(1), &icmp_frame(request), &mut wire, |_| {
        panic!("the host answers itself")
    });
    let sent = wire.take();
    let view = Frame::new_checked(sent[0].as_slice()).expect("a frame");
    assert_eq!((view.destination(), view.source()), (ROUTER_MAC, HOST_MAC));
    let packet = ipv4::Packet::validate(view.payload()).expect("an IPv4 packet");
    assert_eq!((packet.source(), packet.destination()), (HOST, FAR));
    let message = icmpv4::Packet::new_checked(packet.payload()).expect("an ICMP message");
    let expected = icmpv4::Repr::EchoReply {
        identifier: 7,
        sequence: 9,
        data: b"are you there",
    };
    assert_eq!(icmpv4::Repr::parse(&message), Ok(expected));
}

#[test]
fn answers_wait_for_the_gateway_and_what_finds_no_room_is_dropped() {
    let (mut host, mut wire) = (host(), Wire::default());
    for sequence in 0..40 {
        let request = icmpv4::Repr::EchoRequest {
            identifier: 7,
            sequence,
            data: b"",
        };
        host.receive(at(0), &icmp_frame(request), &mut wire, |_| ());
    }
    assert_eq!(wire.take().len(), 0);
    router_says_who_it_is(at(1), &mut host, &mut wire);
    let sent = wire.take();
    assert_eq!(sent.len(), crate::neighbor::WAITING_MAX);
    for frame in &sent {
        let view = Frame::new_checked(frame.as_slice()).expect("a frame");
        assert_eq!(view.destination(), ROUTER_MAC);
        ipv4::Packet::validate(view.payload()).expect("a whole packet");
    }
}

#[test]
fn a_datagram_is_delivered_and_a_damaged_one_is_counted() {
    let (mut host, mut wire) = (host(), Wire::default());
    let length = PORTS.buffer_len(5);
    let mut good = frame(HOST_MAC, EtherType::IPV4, ipv4::HEADER_LEN + length);
    let header = ipv4::Repr::new(FAR, HOST, ipv4::Protocol::UDP, length as u16);
    header.emit(&mut good[ethernet::HEADER_LEN..]);
    let datagram = &mut good[ethernet::HEADER_LEN + ipv4::HEADER_LEN..];
    PORTS.emit(datagram, b"hello", udp::Endpoints::V4(FAR, HOST));
    let mut delivered = 0;
    host.receive(at(0), &good, &mut wire, |delivery| {
        assert_eq!(
            delivery,
            Delivery::Datagram {
                source: FAR,
                destination_port: 9,
                payload: b"hello"
            }
        );
        delivered += 1;
    });
    assert_eq!(delivered, 1);
    *good.last_mut().expect("bytes") ^= 1;
    host.receive(at(0), &good, &mut wire, |_| {
        panic!("a damaged datagram is not delivered")
    });
    assert_eq!(host.counters().malformed, 1);
}

#[test]
fn frames_for_others_are_not_taken() {
    let (mut host, mut wire) = (host(), Wire::default());
    let request = icmpv4::Repr::EchoRequest {
        identifier: 7,
        sequence: 9,
        data: b"",
    };
    let mut stray = icmp_frame(request);
    stray[..6].copy_from_slice(&[2, 0, 0, 0, 0, 99]);
    host.receive(at(0), &stray, &mut wire, |_| panic!("not for this host"));
    assert_eq!(
        (host.counters().not_for_me, host.counters().echo_answered),
        (1, 0)
    );
}

#[test]
fn a_blocked_wire_is_told_to_the_sender() {
    let (mut host, mut wire) = (host(), Wire::default());
    router_says_who_it_is(at(0), &mut host, &mut wire);
    wire.blocked = true;
    assert_eq!(
        host.send_datagram(at(0), FAR, PORTS, b"x", &mut wire),
        SendStatus::WouldBlock
    );
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let (mut host, mut wire) = (host(), Wire::default());
    let large = [0; 1473];
    assert_eq!(
        host.send_datagram(at(0), FAR, PORTS, &large, &mut wire),
        SendStatus::Refused
    );
    let address = "10.0.1.2/24".parse().expect("an address");
    let config = HostConfig {
        name: String::from("island"),
        mac: HOST_MAC,
        address,
        gateway: None,
    };
    let mut island = Host::new(at(0), config);
    assert_eq!(
        island.send_datagram(at(0), FAR, PORTS, b"x", &mut wire),
        SendStatus::Refused
    );
    assert_eq!(island.next_deadline(), None);
}

#[test]
fn the_refresh_of_a_known_gateway_never_stops_traffic() {
    let (mut host, mut wire) = (host(), Wire::default());
    router_says_who_it_is(at(0), &mut host, &mut wire);
    let mut now = at(29);
    while now < at(32) {
        host.expire(now, &mut wire);
        assert_eq!(
            host.send_datagram(now, FAR, PORTS, b"x", &mut wire),
            SendStatus::Sent
        );
        now += Duration::from_millis(100);
    }
}

proptest! {
    #[test]
    fn no_frame_makes_a_host_panic(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        for_me: bool,
        kind in 0usize..4,
    ) {
        let (mut host, mut wire) = (host(), Wire::default());
        let mut bytes = body;
        if for_me && bytes.len() >= 34 {
            bytes[..6].copy_from_slice(&HOST_MAC.0);
            bytes[12..14].copy_from_slice(&[0x08, if kind == 0 { 0x06 } else { 0x00 }]);
            bytes[14] = 0x45;
            let total_len = (bytes.len() - 14) as u16;
            bytes[16..18].copy_from_slice(&total_len.to_be_bytes());
            bytes[20..22].fill(0);
            bytes[23] = [1, 1, 17, 6][kind];
            bytes[30..34].copy_from_slice(&HOST.octets());
            if let Ok(mut packet) = ipv4::Packet::new_checked(&mut bytes[14..]) {
                packet.fill_checksum();
            }
        }
        host.receive(at(0), &bytes, &mut wire, |_| ());
        prop_assert_eq!(host.counters().received, 1);
    }
}
