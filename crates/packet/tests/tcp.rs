//! TCP segments: golden bytes, both ways, and what is wrong with others.

mod common;

use common::bytes;
use packet::tcp::{Endpoints, Flags, Packet, Repr, SegmentOption, options};
use packet::{Ipv4Addr, Ipv6Addr, ParseError};

const ENDPOINTS: Endpoints = Endpoints::V4(Ipv4Addr::new(192, 0, 2, 10), Ipv4Addr::new(192, 0, 2, 1));
/// A SYN to port 179 with MSS 1460, window shift 3, SACK permitted.
const SYN: &str = "c00000b3 00000001 00000000 80021000 1a550000 020405b4 01030303 01010402";

fn syn() -> Repr {
    Repr {
        source_port: 49_152,
        destination_port: 179,
        sequence: 1,
        flags: Flags::SYN,
        window: 4096,
        mss: Some(1460),
        window_shift: Some(3),
        sack_permitted: true,
        ..Repr::default()
    }
}

#[test]
fn a_syn_is_read_and_written() {
    let golden = bytes(SYN);
    let packet = Packet::new_checked(&golden[..]).unwrap();
    assert_eq!(Repr::parse(&packet, ENDPOINTS), Ok(syn()));
    assert_eq!(packet.sequence_len(), 1);
    let mut written = vec![0; syn().buffer_len(0)];
    syn().emit(&mut written, &[], ENDPOINTS);
    assert_eq!(written, golden);
    let v6 = Endpoints::V6(Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED);
    assert_eq!(Repr::parse(&packet, v6), Err(ParseError::Checksum));
    syn().emit(&mut written, &[], v6);
    assert_eq!(
        Repr::parse(&Packet::new_checked(&written[..]).unwrap(), v6),
        Ok(syn())
    );
}

#[test]
fn a_segment_with_data_and_a_digest_is_read_and_written() {
    let repr = Repr {
        source_port: 179,
        destination_port: 49_152,
        sequence: u32::MAX,
        acknowledgement: 7,
        flags: Flags::ACK | Flags::PSH | Flags::FIN,
        window: 9,
        md5: Some([5; 16]),
        ..Repr::default()
    };
    let mut written = vec![0xff; repr.buffer_len(5)];
    repr.emit(&mut written, b"hello", ENDPOINTS);
    let packet = Packet::new_checked(&written[..]).unwrap();
    assert_eq!(Repr::parse(&packet, ENDPOINTS), Ok(repr));
    assert_eq!(packet.payload(), b"hello");
    assert_eq!(packet.header_len(), 40);
    assert_eq!(packet.sequence_len(), 6);
}

#[test]
fn lengths_that_do_not_fit_are_told() {
    let golden = bytes(SYN);
    let error = |bytes: &[u8]| Packet::new_checked(bytes).err();
    assert_eq!(error(&golden[..19]), Some(ParseError::Truncated));
    assert_eq!(error(&golden[..31]), Some(ParseError::Truncated));
    let mut short_header = golden;
    short_header[12] = 0x40;
    assert_eq!(error(&short_header), Some(ParseError::HeaderLength));
}

#[test]
fn options_end_where_they_are_malformed() {
    let list = |text: &str| {
        let bytes = bytes(text);
        options(&bytes)
            .map(|option| format!("{option:?}"))
            .collect::<Vec<_>>()
    };
    let mss = format!("{:?}", SegmentOption::MaximumSegmentSize(1460));
    assert_eq!(list("0101 020405b4 00 0303 07"), [mss.as_str()]);
    assert_eq!(list("020405b4 03"), [mss.as_str()]);
    assert_eq!(list("020405b4 0301 07"), [mss.as_str()]);
    assert_eq!(list("020405b4 0300"), [mss.as_str()]);
    assert_eq!(list("0203 05 020405b4"), ["Other(2, [5])", mss.as_str()]);
    assert_eq!(list("1304 0102"), ["Other(19, [1, 2])"]);
}
