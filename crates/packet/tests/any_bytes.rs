//! No input makes a parser panic, and what has a meaning keeps it.

use packet::fuzz;
use packet::offload::{GSO_TCP_V4, VirtioHeader};
use packet::{Ipv4Addr, ipv4};
use proptest::prelude::*;

fn all(bytes: &[u8]) {
    for (_, target) in fuzz::TARGETS {
        target(bytes);
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        all(&bytes);
    }

    #[test]
    fn arbitrary_texts_are_read_without_a_panic(text in "[0-9a-f:./+-]{0,24}") {
        fuzz::address_text(text.as_bytes());
    }

    #[test]
    fn nearly_valid_packets_are_read_without_a_panic(
        mut rest in prop::collection::vec(any::<u8>(), 20..200), protocol in 0u8..20, header_words in 0u8..16,
    ) {
        let repr = ipv4::Repr::new(Ipv4Addr::LOCALHOST, Ipv4Addr::BROADCAST, ipv4::Protocol(protocol), 100);
        repr.emit(&mut rest);
        rest[0] = 0x40 | header_words;
        all(&rest);
        if let Ok(mut packet) = ipv4::Packet::new_checked(&mut rest[..]) {
            packet.fill_checksum();
        }
        all(&rest);
    }

    #[test]
    fn nearly_valid_segments_are_read_without_a_panic(
        rest in prop::collection::vec(any::<u8>(), 0..200), gso_type in 0u8..7, gso_size: u16, flip in 0usize..60,
        value: u8,
    ) {
        let header = VirtioHeader { gso_type, gso_size, ..VirtioHeader::FINISHED };
        let mut bytes = header.to_bytes().to_vec();
        bytes.extend([0u8; 12]);
        bytes.extend([8, 0, 0x45, 0, 0, 80, 0, 0, 0, 0, 64, if gso_type == GSO_TCP_V4 { 6 } else { 17 }]);
        bytes.extend(rest);
        fuzz::offload(&bytes);
        let at = flip.min(bytes.len() - 1);
        bytes[at] = value;
        fuzz::offload(&bytes);
    }
}
