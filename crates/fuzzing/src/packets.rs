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

/// A session's likeness, and messages: OPEN, UPDATE with every attribute, for IPv6, End-of-RIB, NOTIFICATION, ROUTE-REFRESH.
pub fn bgp_streams() -> Vec<Vec<u8>> {
    let message = |kind: u8, body: &str| {
        let body = hex(body);
        let length = (19 + body.len()) as u16;
        [&[0xff; 16][..], &length.to_be_bytes(), &[kind], &body].concat()
    };
    let open = "04 5ba0 005a c0000201 22 02 20 01 04 0001 00 01 02 00 06 00 41 04 000186a0 \
        40 0a c078 0001 01 80 0002 01 00 49 02 6162";
    let all = "0004 180a0000 0074 40 01 01 00  40 02 0e 02 03 0000fde9 000186a0 0000fdea  40 03 04 c0000201 \
        80 04 04 00000064  40 05 04 000000c8  40 06 00  c0 07 08 000186a0 c0000202  c0 08 08 fde90001 ffffff01 \
        80 09 04 c0000203  80 0a 08 c0000204 c0000205  c0 10 08 0002fde900000064 \
        c0 20 0c 0000fde9 00000001 00000002  e0 63 02 beef  18 0b0001 08 0c 00";
    let narrow = "0000 0023 40 01 01 00 40 02 08 02 03 fde9 5ba0 fdea 40 03 04 c0000201 \
        c0 11 0a 02 02 000186a0 0000fdea 08 0a";
    let ipv6 = "0000 003e 90 0e 002d 0002 01 20 20010db8000000000000000000000001 fe800000000000000000000000000001 00 \
        30 20010db80001 00 40 01 01 00 40 02 06 02 01 0000fde9";
    let rest = [
        message(2, "0000 0000"),
        message(2, "0000 0007 90 0f 0003 0002 01"),
        message(4, ""),
        message(5, "0001 00 01"),
        message(3, "06 09 06 02 03 627965"),
    ];
    vec![
        [vec![0x33], message(1, open), rest.concat()].concat(),
        [vec![0x33], message(2, all)].concat(),
        [vec![0x30], message(2, narrow)].concat(),
        [vec![0x71], message(2, ipv6)].concat(),
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

/// A SYN with every option that is known, and a byte of data.
pub fn tcp() -> Vec<Vec<u8>> {
    vec![
        hex(
            "c00000b3 00000001 00000000 d0021000 00000000 020405b4 01030303 01010402 01011312 \
             000102030405060708090a0b0c0d0e0f",
        ),
        hex("c00000b3 00000002 80000001 50181000 00000000 41"),
    ]
}

/// A handshake, data, a write, an acknowledgement of it, a takeover, data again, and the end; another one with a RST;
/// one in which what was not sent is acknowledged.
pub fn tcp_sessions() -> Vec<Vec<u8>> {
    let open = "86 02 0000 0000 00  86 10 0000 0000 00";
    let moved = "06 18 0000 0000 02 4142  02 00 0000 0000 01 43  06 10 0000 0001 00  05 00 0000 0000 00";
    vec![
        hex(&[
            open,
            moved,
            "06 18 0000 0001 01 44  03 00 0003 0000 00  04 00 0000 0000 00  06 11 0000 0002 00",
        ]
        .concat()),
        hex(&[open, "06 14 0001 0000 00  06 14 0000 0000 00"].concat()),
        hex(&[
            "c6 02 0000 0000 00  c6 10 0000 0000 00  02 00 0000 0000 04 41424344  46 10 0000 0003 00",
            "46 10 0000 0000 00",
        ]
        .concat()),
    ]
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
