//! One entry for each parser of outside bytes, for fuzz targets and for replaying their corpora.
//!
//! Each takes any bytes, reads them, and where they have a meaning writes that meaning and reads it again. A
//! disagreement or a panic is the finding.

use alloc::vec;
use alloc::vec::Vec;
use core::str::FromStr;

use crate::offload::{VirtioHeader, finish};
use crate::{InterfaceAddress, MacAddress, Prefix, V4, V6, arp, ethernet, icmpv4, ipv4, tcp, udp};

/// An entry: takes any bytes, panics when it has found something.
pub type Target = fn(&[u8]);

/// Every entry with its name, so that one loop replays every corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("address_text", address_text),
    ("ethernet", ethernet),
    ("arp", arp),
    ("bgp_stream", crate::bgp::fuzz::stream),
    ("ipv4", ipv4),
    ("icmpv4", icmpv4),
    ("tcp", tcp),
    ("udp", udp),
    ("offload", offload),
];

/// Texts of addresses and prefixes.
pub fn address_text(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else {
        return;
    };
    round_trip_text::<Prefix<V4>>(text);
    round_trip_text::<Prefix<V6>>(text);
    round_trip_text::<InterfaceAddress<V4>>(text);
    round_trip_text::<InterfaceAddress<V6>>(text);
    round_trip_text::<MacAddress>(text);
}

fn round_trip_text<T: FromStr + PartialEq + core::fmt::Debug + core::fmt::Display>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let again = alloc::format!("{value}").parse::<T>().ok();
        assert_eq!(again, Some(value), "what is shown is read back as the same");
    }
}

/// An Ethernet frame.
pub fn ethernet(bytes: &[u8]) {
    let Ok(frame) = ethernet::Frame::new_checked(bytes) else {
        return;
    };
    let Ok(repr) = ethernet::Repr::parse(&frame) else {
        return;
    };
    let mut written = vec![0; repr.buffer_len()];
    repr.emit(&mut written);
    assert_eq!(written, bytes[..written.len()]);
}

/// An ARP packet.
pub fn arp(bytes: &[u8]) {
    let Ok(packet) = arp::Packet::new_checked(bytes) else {
        return;
    };
    let Ok(repr) = arp::Repr::parse(&packet) else {
        return;
    };
    let mut written = vec![0; repr.buffer_len()];
    repr.emit(&mut written);
    assert_eq!(written, bytes[..written.len()]);
}

/// An IPv4 packet: header, options, TTL, fragments, and the ICMP answers that it may cause.
pub fn ipv4(bytes: &[u8]) {
    let _ = icmpv4::error::may_send_error_about(bytes, false);
    let mut changed = bytes.to_vec();
    if icmpv4::answer_echo_in_place(&mut changed).is_ok() {
        assert!(
            ipv4::Packet::validate(&changed).is_ok(),
            "an echo reply is a valid packet"
        );
    }
    let Ok(packet) = ipv4::Packet::new_checked(bytes) else {
        return;
    };
    let mut buffer = vec![0; bytes.len().max(1500)];
    let cause = icmpv4::error::Cause::Exceeded(icmpv4::Exceeded::InTransit);
    let error = icmpv4::error::build(cause, packet.destination(), 1, bytes, &mut buffer);
    assert!(error.is_ok_and(|length| ipv4::Packet::validate(&buffer[..length]).is_ok()));
    let Ok(repr) = ipv4::Repr::parse(&packet) else {
        return;
    };
    repr.emit(&mut buffer);
    let again = ipv4::Packet::new_checked(&buffer).and_then(|packet| ipv4::Repr::parse(&packet));
    // The reserved flag is not kept, so the meaning is compared, not the bytes.
    assert_eq!(again, Ok(repr));
    let mut forwarded = bytes.to_vec();
    if let Ok(mut packet) = ipv4::Packet::new_checked(&mut forwarded[..])
        && packet.decrement_ttl().is_some()
    {
        assert!(packet.checksum_is_right(), "a right checksum stays right");
    }
    if let Ok(mut fragments) = ipv4::Fragments::new(bytes, 576) {
        while let Some(length) = fragments.next_into(&mut buffer) {
            assert!(
                ipv4::Packet::validate(&buffer[..length]).is_ok(),
                "a fragment is a valid packet"
            );
        }
    }
}

/// An ICMP message.
pub fn icmpv4(bytes: &[u8]) {
    let Ok(packet) = icmpv4::Packet::new_checked(bytes) else {
        return;
    };
    let Ok(repr) = icmpv4::Repr::parse(&packet) else {
        return;
    };
    let mut written = vec![0; repr.buffer_len()];
    repr.emit(&mut written);
    let view = icmpv4::Packet::new_checked(&written[..]);
    assert_eq!(view.as_ref().map(icmpv4::Repr::parse), Ok(Ok(repr)));
}

/// A TCP segment from and to the unspecified address.
pub fn tcp(bytes: &[u8]) {
    let nobody = core::net::Ipv4Addr::UNSPECIFIED;
    let endpoints = tcp::Endpoints::V4(nobody, nobody);
    // A segment is part of an IP packet.
    let bytes = &bytes[..bytes.len().min(65_515)];
    let Ok(packet) = tcp::Packet::new_checked(bytes) else {
        return;
    };
    // A fuzzer does not find right checksums.
    let repr = tcp::Repr::of(&packet);
    let payload = &packet.payload()[..packet.payload().len().min(65_000)];
    let mut written = vec![0; repr.buffer_len(payload.len())];
    repr.emit(&mut written, payload, endpoints);
    let again = tcp::Packet::new_checked(&written[..]);
    assert_eq!(
        again.map(|packet| tcp::Repr::parse(&packet, endpoints)),
        Ok(Ok(repr))
    );
}

/// A UDP datagram from and to the unspecified address.
pub fn udp(bytes: &[u8]) {
    let Ok(packet) = udp::Packet::new_checked(bytes) else {
        return;
    };
    let nobody = core::net::Ipv4Addr::UNSPECIFIED;
    let endpoints = udp::Endpoints::V4(nobody, nobody);
    let Ok(repr) = udp::Repr::parse(&packet, endpoints) else {
        return;
    };
    let mut written = vec![0; repr.buffer_len(packet.payload().len())];
    repr.emit(&mut written, packet.payload(), endpoints);
    let again = udp::Packet::new_checked(&written[..]);
    assert_eq!(
        again.map(|packet| udp::Repr::parse(&packet, endpoints)),
        Ok(Ok(repr))
    );
}

/// A frame with a virtio header before it, as a packet socket hands it over.
pub fn offload(bytes: &[u8]) {
    let Ok((header, frame)) = VirtioHeader::split(bytes) else {
        return;
    };
    assert_eq!(VirtioHeader::from_bytes(&header.to_bytes()), header);
    let mut frame: Vec<u8> = frame.to_vec();
    let room = frame.len();
    let mut buffer = vec![0; room];
    let mut emitted = 0;
    let result = finish(&header, &mut frame, &mut buffer, |segment| {
        assert!(segment.len() <= room, "a segment is never longer than the whole");
        emitted += 1;
    });
    assert_eq!(
        result.unwrap_or(0),
        emitted,
        "an error comes before the first segment"
    );
}
