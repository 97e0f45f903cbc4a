//! Seeds for the parsers of packets, whose entries are in [`packet::fuzz`].

use crate::hex;
use packet::offload::{GSO_TCP_V4, VirtioHeader};

const ECHO_REQUEST: &str = "45000024 1c460000 4001da87 c000020a c0000201 08003c08 12340007 686f6c646f766572";
const UDP_DONT_FRAGMENT: &str = "45b8001c beef4000 3f118fe4 c000020a c6336407 13881389 00080000";
const ETHERNET_IPV4: &str = "aabbcc000100 aabbcc000200 0800";

pub fn address_texts() -> Vec<Vec<u8>> {
    let texts = [
        "10.0.0.0/8",
        "192.0.2.1/24",
        "2001:db8::/32",
        "aabb.cc00.0100",
        "aa:bb:cc:00:01:00",
    ];
    texts.map(|text| text.as_bytes().to_vec()).into()
}

pub fn arp() -> Vec<Vec<u8>> {
    vec![
        hex("0001 0800 06 04 0001 aabbcc000200 c000020a 000000000000 c0000201"),
        hex("0001 0800 06 04 0002 aabbcc000100 c0000201 aabbcc000200 c000020a"),
    ]
}

pub fn ethernet() -> Vec<Vec<u8>> {
    vec![
        hex(&[ETHERNET_IPV4, ECHO_REQUEST].concat()),
        hex("ffffffffffff aabbcc000200 0806"),
    ]
}

pub fn icmpv4() -> Vec<Vec<u8>> {
    let echo = hex(ECHO_REQUEST)[20..].to_vec();
    let quoted = [hex("0b00 0000 00000000"), hex(UDP_DONT_FRAGMENT)].concat();
    let too_big = [hex("0304 0000 000005dc"), hex(UDP_DONT_FRAGMENT)].concat();
    vec![echo, quoted, too_big]
}

pub fn ipv4() -> Vec<Vec<u8>> {
    vec![hex(ECHO_REQUEST), hex(UDP_DONT_FRAGMENT)]
}

pub fn udp() -> Vec<Vec<u8>> {
    vec![hex("13881389 00080000"), hex("13881389 000c0000 01020304")]
}

pub fn offload() -> Vec<Vec<u8>> {
    let segments = VirtioHeader {
        gso_type: GSO_TCP_V4,
        gso_size: 8,
        header_len: 54,
        ..VirtioHeader::FINISHED
    };
    let tcp = "45000038 00010000 40060000 c000020a c6336407 00501f90 00000001 00000000 50100200 00000000";
    let payload = "000102030405060708090a0b0c0d0e0f";
    let frame = |ip: &str| hex(&[ETHERNET_IPV4, ip].concat());
    vec![
        [VirtioHeader::FINISHED.to_bytes().to_vec(), frame(ECHO_REQUEST)].concat(),
        [segments.to_bytes().to_vec(), frame(&[tcp, payload].concat())].concat(),
    ]
}

pub fn fabric_hellos() -> Vec<Vec<u8>> {
    vec![b"HoFb\x01\x02\0\0".to_vec()]
}

/// A control message of a packet socket with a VLAN tag taken off, and an IPv4 address as the kernel writes it.
pub fn ancillary() -> Vec<Vec<u8>> {
    vec![
        hex("2400000000000000 07010000 08000000 51000000 40000000 40000000 0000 0000 0700 a888 00000000"),
        hex("0200 1389 c0000201 0000000000000000"),
    ]
}

/// For a host: a question for its address, and an echo request, each after its length.
pub fn host_frames() -> Vec<Vec<u8>> {
    let question = hex("0806 0001 0800 06 04 0001 aabbcc000200 0a000101 000000000000 0a000102");
    let echo = hex(&["0800", ECHO_REQUEST].concat());
    let with_length = |frame: &[u8]| [&[frame.len() as u8], frame].concat();
    vec![[with_length(&question), with_length(&echo)].concat()]
}

pub fn test_payloads() -> Vec<Vec<u8>> {
    let payload = traffic::payload::Payload {
        kind: traffic::payload::Kind::Flow,
        stream: 1,
        sequence: 2,
        sent_at: machine::Instant::from_millis(3),
    };
    let mut bytes = [0; traffic::payload::HEADER_LEN];
    payload.emit(&mut bytes);
    vec![bytes.to_vec()]
}
