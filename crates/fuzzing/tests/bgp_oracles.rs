//! Other people's BGP codecs understand what ours writes, and ours what they write.
//!
//! ```text
//!   seeds, generated sets ──ours──▶ bytes ──theirs──▶ their values ──theirs──▶ bytes ──ours──▶ the same meaning
//! ```

use bgpkit_parser::models::AsnLength;
use netgauze_bgp_pkt::BgpMessage;
use netgauze_bgp_pkt::wire::deserializer::BgpParsingContext;
use netgauze_parse_utils::WritablePdu;
use netgauze_parse_utils::reader::SliceReader;
use netgauze_parse_utils::traits::ParseFromWithOneInput;
use packet::bgp::{AfiSafi, AttributeType, Flags};
use packet::bgp::{
    Canonical, CanonicalWriter, Capability, Context, EXTENDED_MESSAGE_LEN_MAX, GracefulRestart, HEADER_LEN,
    MpReach, NextHop, Open, OpenRepr, Reading, Update, split, update_v4, update_v6, withdraw_v4,
};
use packet::{Ipv4Addr, Ipv6Addr, Prefix, V4, V6};
use proptest::prelude::*;
use std::collections::BTreeSet;

const CONTEXT: Context = Context {
    four_octet_as: true,
    internal: true,
    confederation: false,
    first_as: None,
    ipv4: true,
    ipv6: true,
};

fn through_netgauze(bytes: &[u8]) -> Vec<u8> {
    let mut context = BgpParsingContext::default();
    let message = BgpMessage::parse(&mut SliceReader::new(bytes), &mut context).expect("netgauze reads it");
    let mut written = Vec::new();
    message
        .write(&mut std::io::Cursor::new(&mut written))
        .expect("netgauze writes it");
    written
}

fn through_bgpkit(bytes: &[u8]) -> Vec<u8> {
    let mut data = bytes.to_vec().into();
    let message =
        bgpkit_parser::parser::bgp::messages::parse_bgp_message(&mut data, false, &AsnLength::Bits32);
    let written = message.expect("bgpkit reads it").encode(AsnLength::Bits32);
    written.expect("bgpkit writes it").to_vec()
}

/// What an UPDATE means, in a form that can be compared.
#[derive(Debug, PartialEq)]
struct Meaning {
    set: Vec<u8>,
    withdrawn: BTreeSet<Prefix<V4>>,
    v4: BTreeSet<Prefix<V4>>,
    v6: BTreeSet<Prefix<V6>>,
}

fn meaning(bytes: &[u8]) -> Meaning {
    let message = split(bytes, EXTENDED_MESSAGE_LEN_MAX).unwrap().unwrap();
    let reading: Reading<'_> = Update::parse(message.body).unwrap().read(&CONTEXT).unwrap();
    assert_eq!((reading.wrong, reading.discarded.count), (None, 0));
    let (next_hop, v6) = match reading.mp_reach {
        Some(MpReach::V6(next_hop, prefixes)) => (Some(next_hop), prefixes.collect()),
        _ => (reading.attributes.next_hop, BTreeSet::new()),
    };
    let mut set = Vec::new();
    CanonicalWriter::new(&mut set).set(&reading.attributes, next_hop);
    Meaning {
        set,
        withdrawn: reading.withdrawn.collect(),
        v4: reading.reachable.collect(),
        v6,
    }
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    let segment = (1u8..3, prop::collection::vec(1u32.., 1..5)).prop_map(|(kind, numbers)| {
        let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        [&[kind, (numbers.len() / 4) as u8][..], &numbers].concat()
    });
    prop::collection::vec(segment, 0..3).prop_map(|segments| segments.concat())
}

prop_compose! {
    /// A canonical set for an internal neighbour, with either next hop.
    fn set()(
        origin in 0u8..3, path in path(), next_hop in 1u32..0x6000_0000, med: Option<u32>, local: u32,
        atomic: bool, communities in prop::collection::vec(any::<u32>(), 0..4),
        large in prop::collection::vec(any::<[u8; 12]>(), 0..3), originator: Option<u32>,
        clusters in prop::collection::vec(any::<[u8; 4]>(), 0..3), aggregator in prop::option::of(1u32..),
        v6: Option<u128>,
    ) -> (Vec<u8>, Option<NextHop>) {
        let mut bytes = Vec::new();
        let mut writer = CanonicalWriter::new(&mut bytes);
        let mut put = |flags, kind, value: &[u8]| {
            writer.attribute(flags, kind, |out| out.extend_from_slice(value));
        };
        put(Flags::WELL_KNOWN, AttributeType::ORIGIN, &[origin]);
        put(Flags::WELL_KNOWN, AttributeType::AS_PATH, &path);
        if v6.is_none() {
            put(Flags::WELL_KNOWN, AttributeType::NEXT_HOP, &(next_hop | 0x0100_0000).to_be_bytes());
        }
        if let Some(med) = med {
            put(Flags::OPTIONAL, AttributeType::MULTI_EXIT_DISC, &med.to_be_bytes());
        }
        put(Flags::WELL_KNOWN, AttributeType::LOCAL_PREF, &local.to_be_bytes());
        if atomic {
            put(Flags::WELL_KNOWN, AttributeType::ATOMIC_AGGREGATE, &[]);
        }
        if let Some(number) = aggregator {
            let value = [number.to_be_bytes(), [192, 0, 2, 1]].concat();
            put(Flags::OPTIONAL_TRANSITIVE, AttributeType::AGGREGATOR, &value);
        }
        if !communities.is_empty() {
            let value: Vec<u8> = communities.iter().flat_map(|word| word.to_be_bytes()).collect();
            put(Flags::OPTIONAL_TRANSITIVE, AttributeType::COMMUNITIES, &value);
        }
        if let Some(originator) = originator {
            put(Flags::OPTIONAL, AttributeType::ORIGINATOR_ID, &originator.to_be_bytes());
        }
        if !clusters.is_empty() {
            put(Flags::OPTIONAL, AttributeType::CLUSTER_LIST, &clusters.concat());
        }
        let next_hop = v6.map(|bits| NextHop::V6 { global: Ipv6Addr::from(bits), link_local: None });
        if let Some(NextHop::V6 { global, .. }) = next_hop {
            let value = [&[0, 2, 1, 16][..], &global.octets(), &[0]].concat();
            put(Flags::OPTIONAL, AttributeType::MP_REACH_NLRI, &value);
        }
        if !large.is_empty() {
            put(Flags::OPTIONAL_TRANSITIVE, AttributeType::LARGE_COMMUNITIES, &large.concat());
        }
        (bytes, next_hop)
    }
}

proptest! {
    #[test]
    fn updates_keep_their_meaning_through_other_codecs(
        (set, next_hop) in set(), v4 in prop::collection::btree_set((0x0100_0000u32..0x7f00_0000, 8u8..33), 1..8),
        v6 in prop::collection::btree_set((0x2000u128 << 112..0x4000u128 << 112, 4u8..129), 1..8),
    ) {
        let canonical = Canonical::parse(&set).expect("the generator writes canonical sets");
        let mut wire = Vec::new();
        canonical.write_attributes(true, &mut wire);
        let mut message = Vec::new();
        match next_hop {
            Some(next_hop) => {
                let prefixes = v6.iter().map(|(bits, length)| Prefix::new(Ipv6Addr::from(*bits), *length).unwrap());
                prop_assert!(update_v6(&wire, next_hop, &mut prefixes.peekable(), 4096, &mut message) > 0);
            }
            None => {
                let prefixes = v4.iter().map(|(bits, length)| Prefix::new(Ipv4Addr::from(*bits), *length).unwrap());
                prop_assert!(update_v4(&wire, &mut prefixes.peekable(), 4096, &mut message) > 0);
            }
        }
        let ours = meaning(&message);
        prop_assert_eq!(&ours.set, &set);
        prop_assert_eq!(&meaning(&through_netgauze(&message)), &ours);
        prop_assert_eq!(&meaning(&through_bgpkit(&message)), &ours);
    }

    #[test]
    fn withdrawals_keep_their_meaning_through_other_codecs(
        v4 in prop::collection::btree_set((0x0100_0000u32..0x7f00_0000, 8u8..33), 1..20),
    ) {
        let prefixes = v4.iter().map(|(bits, length)| Prefix::new(Ipv4Addr::from(*bits), *length).unwrap());
        let mut message = Vec::new();
        withdraw_v4(&mut prefixes.peekable(), 4096, &mut message);
        let ours = meaning(&message);
        prop_assert_eq!(&meaning(&through_netgauze(&message)), &ours);
        prop_assert_eq!(&meaning(&through_bgpkit(&message)), &ours);
    }
}

#[test]
fn an_open_keeps_its_meaning_through_other_codecs() {
    let mut list = Vec::new();
    for capability in [
        Capability::Multiprotocol(AfiSafi::IPV4_UNICAST),
        Capability::Multiprotocol(AfiSafi::IPV6_UNICAST),
        Capability::RouteRefresh,
        Capability::ExtendedMessage,
        Capability::FourOctetAs(4_200_000_000),
    ] {
        capability.emit(&mut list);
    }
    let families = [(AfiSafi::IPV4_UNICAST, true), (AfiSafi::IPV6_UNICAST, false)];
    GracefulRestart::emit(true, false, 120, &families, &mut list);
    let repr = OpenRepr {
        as_number: 4_200_000_000,
        hold_time_s: 180,
        identifier: Ipv4Addr::new(192, 0, 2, 1),
        capabilities: &list,
    };
    let mut message = Vec::new();
    repr.emit(&mut message);
    for theirs in [through_netgauze(&message), through_bgpkit(&message)] {
        let (ours, theirs) = (
            Open::parse(&message[HEADER_LEN..]),
            Open::parse(&theirs[HEADER_LEN..]),
        );
        let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
        assert_eq!(
            (ours.peer_as(), ours.hold_time_s),
            (theirs.peer_as(), theirs.hold_time_s)
        );
        assert!(ours.capabilities().eq(theirs.capabilities()));
    }
}
