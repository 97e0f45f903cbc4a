//! One entry for each parser of outside bytes, for fuzz targets and for replaying their corpora.
//!
//! Each takes any bytes; a panic is the finding.

use super::{fabric, packet, packet_socket, udp};

/// An entry: takes any bytes, panics when it has found something.
pub type Target = fn(&[u8]);

/// Every entry with its name, so that one loop replays every corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("fabric_hello", fabric_hello),
    ("packet_ancillary", packet_ancillary),
    ("packet_datagram", packet_datagram),
];

/// The first message of a card on the fabric.
pub fn fabric_hello(bytes: &[u8]) {
    if let Some(slot) = fabric::parse_hello(bytes) {
        assert_eq!(fabric::hello(slot), bytes);
    }
}

/// Ancillary data and a sender's address, as the kernel writes them.
pub fn packet_ancillary(bytes: &[u8]) {
    packet_socket::stripped_tag(bytes);
    if let Some(address) = udp::decode(bytes) {
        assert_eq!(udp::decode(&udp::encode(address)), Some(address));
    }
}

/// What a packet socket receives: the header of the offloads and a frame.
pub fn packet_datagram(bytes: &[u8]) {
    let mut segment = vec![0; super::FRAME_LEN_MAX];
    packet::finish(&mut bytes.to_vec(), &mut segment, |frame| {
        assert!(
            frame.len() <= super::FRAME_LEN_MAX,
            "no wire gives a longer frame"
        );
    });
}

#[cfg(test)]
mod tests {
    use super::TARGETS;
    use proptest::prelude::*;

    #[test]
    fn a_frame_that_is_too_long_is_not_given_on_whatever_its_checksum_needs() {
        for flags in [0, packet::offload::FLAG_NEEDS_CHECKSUM] {
            let mut datagram = vec![0; packet::offload::HEADER_LEN + super::super::FRAME_LEN_MAX + 1];
            datagram[0] = flags;
            super::packet_datagram(&datagram);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_target_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for (_, target) in TARGETS {
                target(&bytes);
            }
        }
    }
}
