//! The bytes of every message, in both directions.

use chassis::message::{
    CARD_LINK_VERSION, CardMessage, MessageError, PortCounters, PortTruth, PuntReason, RpMessage, Truth,
};
use machine::{CardSlot, Epoch, FrameNumber, PortId, RpSlot};
use packet::MacAddress;
use proptest::prelude::*;

const PORT: PortId = PortId::new(1, 2);
const DIGEST: u64 = 0x0102_0304_0506_0708;
const EPOCH: Epoch = Epoch {
    counter: 5,
    slot: RpSlot::R1,
};

fn rp_messages() -> Vec<(RpMessage, u8, Vec<u8>)> {
    let frame = FrameNumber(300);
    let digest = DIGEST;
    let words_300: Vec<u8> = vec![8, 0xac, 2, 0x11, 8, 7, 6, 5, 4, 3, 2, 1, 0x18, 1];
    vec![
        (RpMessage::Claim { epoch: EPOCH }, 1, vec![8, 0x81, 0x0a, 0x18, 1]),
        (RpMessage::RefreshBegin, 2, vec![]),
        (RpMessage::Rows { rows: vec![9, 8, 7] }, 3, vec![9, 8, 7]),
        (RpMessage::FrameEnd { frame, digest }, 4, words_300.clone()),
        (RpMessage::RefreshEnd { frame, digest }, 5, words_300),
        (
            RpMessage::Inject {
                port: PORT,
                frame: vec![0xaa, 0xbb],
            },
            6,
            vec![0, 0, 1, 2, 0xaa, 0xbb],
        ),
        (
            RpMessage::OutOfStep {
                since: Some(FrameNumber(7)),
            },
            7,
            vec![8, 7, 0x11, 1, 0, 0, 0, 0, 0, 0, 0, 0x18, 1],
        ),
        (RpMessage::OutOfStep { since: None }, 7, vec![0x18, 1]),
        (
            RpMessage::PuntsConsumed { count: 300 },
            8,
            vec![8, 0xac, 2, 0x18, 1],
        ),
        (RpMessage::PuntKept { number: 7 }, 9, vec![8, 7, 0x18, 1]),
        (RpMessage::PuntReleased { number: 7 }, 10, vec![8, 7, 0x18, 1]),
    ]
}

fn truth() -> Truth {
    Truth {
        card: CardSlot(1),
        model: String::from("LC"),
        image_version: String::from("V1"),
        fabric_peers: vec![CardSlot(0), CardSlot(15)],
        ports: vec![PortTruth {
            port: PORT,
            link_up: true,
            mac: MacAddress([2, 0, 0, 0, 1, 2]),
            wire: String::from("mem"),
        }],
        frame: FrameNumber(300),
        digest: DIGEST,
        mixed: true,
        out_of_step: Some((EPOCH, FrameNumber(299))),
        buffered_punts: 3,
        lost_punts: 4,
        uptime_ms: 1000,
    }
}

fn truth_bytes() -> Vec<u8> {
    let mut bytes = vec![8, 1, 0x12, 2, b'L', b'C'];
    bytes.extend([0x1a, 18, 8, 0x82, 2, 0x10, 1, 0x1a, 6, 2, 0, 0, 0, 1, 2, 0x22, 3]);
    bytes.extend(b"mem");
    bytes.extend([0x20, 0xac, 2, 0x29, 8, 7, 6, 5, 4, 3, 2, 1, 0x30, 1]);
    bytes.extend([
        0x38, 0x81, 0x0a, 0x40, 0xab, 2, 0x48, 3, 0x50, 4, 0x58, 0xe8, 7, 0x60, 1,
    ]);
    bytes.extend([0x6a, 2, b'V', b'1', 0x72, 2, 0, 15]);
    bytes
}

fn card_messages() -> Vec<(CardMessage, u8, Vec<u8>)> {
    let counters = PortCounters {
        input_packets: 1,
        input_bytes: 2,
        input_drops: 3,
        output_packets: 4,
        output_bytes: 5,
        output_drops: 6,
    };
    let punt = |reason| CardMessage::Punt {
        port: PORT,
        reason,
        frame: vec![0xaa],
    };
    vec![
        (CardMessage::Truth(truth()), 65, truth_bytes()),
        (
            CardMessage::Refused { epoch: EPOCH },
            66,
            vec![8, 0x81, 0x0a, 0x18, 1],
        ),
        (punt(PuntReason::Arp), 67, vec![0, 0, 1, 2, 1, 0xaa]),
        (punt(PuntReason::Receive), 67, vec![0, 0, 1, 2, 2, 0xaa]),
        (punt(PuntReason::Glean), 67, vec![0, 0, 1, 2, 3, 0xaa]),
        (
            CardMessage::PortStatus {
                port: PORT,
                link_up: true,
            },
            68,
            vec![8, 0x82, 2, 0x11, 1, 0, 0, 0, 0, 0, 0, 0, 0x18, 1],
        ),
        (CardMessage::Applied { bytes: 300 }, 69, vec![8, 0xac, 2, 0x18, 1]),
        (
            CardMessage::Counters(vec![(PORT, counters)]),
            70,
            vec![
                0x0a, 15, 8, 0x82, 2, 0x10, 1, 0x18, 2, 0x20, 3, 0x28, 4, 0x30, 5, 0x38, 6,
            ],
        ),
        (
            CardMessage::DigestMismatch {
                frame: FrameNumber(300),
                digest: DIGEST,
            },
            71,
            vec![8, 0xac, 2, 0x11, 8, 7, 6, 5, 4, 3, 2, 1, 0x18, 1],
        ),
        (
            CardMessage::FabricStatus {
                peer: CardSlot(15),
                up: true,
            },
            72,
            vec![8, 15, 0x11, 1, 0, 0, 0, 0, 0, 0, 0, 0x18, 1],
        ),
    ]
}

#[test]
fn every_message_has_its_golden_bytes_in_both_directions() {
    for (message, kind, body) in rp_messages() {
        assert_eq!(message.encode(), (kind, body.clone()), "{message:?}");
        assert_eq!(RpMessage::decode(kind, &body), Ok(message));
    }
    for (message, kind, body) in card_messages() {
        assert_eq!(message.encode(), (kind, body.clone()), "{message:?}");
        assert_eq!(CardMessage::decode(kind, &body), Ok(message));
    }
}

#[test]
fn each_kind_belongs_to_one_direction() {
    for kind in 0..=u8::MAX {
        let from_rp = (1..=10).contains(&kind);
        let from_card = (65..=72).contains(&kind);
        let unknown = MessageError::Kind(kind);
        assert_eq!(
            RpMessage::decode(kind, &[]).err() == Some(unknown.clone()),
            !from_rp
        );
        assert_eq!(CardMessage::decode(kind, &[]).err() == Some(unknown), !from_card);
    }
}

#[test]
fn another_version_is_refused_by_its_number() {
    let theirs = CARD_LINK_VERSION + 1;
    let error = MessageError::Version { theirs };
    let mut claim = RpMessage::Claim { epoch: EPOCH }.encode().1;
    *claim.last_mut().expect("a body") = theirs as u8;
    assert_eq!(RpMessage::decode(1, &claim), Err(error.clone()));
    let mut truth = truth_bytes();
    // Image and fabric peers, eight bytes, follow the version.
    let version = truth.len() - 9;
    truth[version] = theirs as u8;
    assert_eq!(CardMessage::decode(65, &truth), Err(error.clone()));
    assert_eq!(
        error.to_string(),
        "card link version 2 where 1 is spoken; run one release on all"
    );
    // Bytes of somebody who speaks no version at all.
    assert_eq!(
        RpMessage::decode(1, &[]),
        Err(MessageError::Version { theirs: 0 })
    );
}

#[test]
fn values_that_a_field_cannot_have_are_refused_with_the_message_named() {
    let no_slot = [8, 2, 0x18, 1];
    let no_port = [0, 0, 0xff, 0];
    let port_word = [8, 0x80, 0xfe, 3, 0x18, 1];
    let large = [8, 0xff, 0xff, 0xff, 0xff, 0x1f, 0x18, 1];
    let rp = |kind, body: &[u8]| RpMessage::decode(kind, body).expect_err("malformed");
    let card = |kind, body: &[u8]| CardMessage::decode(kind, body).expect_err("malformed");
    assert_eq!(rp(1, &no_slot), MessageError::Body("claim"));
    assert_eq!(rp(4, &[0xff]), MessageError::Body("frame end"));
    assert_eq!(rp(6, &no_port), MessageError::Body("inject"));
    assert_eq!(rp(6, &[0, 0, 1]), MessageError::Body("inject"));
    assert_eq!(rp(8, &[0xff]), MessageError::Body("count of punts consumed"));
    assert_eq!(rp(9, &[0xff]), MessageError::Body("number of a punt kept"));
    assert_eq!(rp(10, &[0xff]), MessageError::Body("number of a punt released"));
    assert_eq!(card(66, &no_slot), MessageError::Body("refusal"));
    assert_eq!(card(67, &[0, 0, 1, 2]), MessageError::Body("punt"));
    assert_eq!(card(67, &[0, 0, 1, 2, 4]), MessageError::Body("punt"));
    assert_eq!(card(68, &port_word), MessageError::Body("port status"));
    assert_eq!(card(69, &large), MessageError::Body("applied count"));
    // A card slot beyond the chassis; a MAC address of five bytes.
    let mut truth = truth_bytes();
    truth[1] = 16;
    assert_eq!(card(65, &truth), MessageError::Body("truth"));
    let mut truth = truth_bytes();
    truth[7] = 17;
    truth[14] = 5;
    truth.remove(15);
    assert_eq!(card(65, &truth), MessageError::Body("truth"));
}

fn port() -> impl Strategy<Value = PortId> {
    (0u8..=CardSlot::MAX, any::<u8>()).prop_map(|(card, port)| PortId::new(card, port))
}

fn epoch() -> impl Strategy<Value = Epoch> {
    // The counter shares a word with the slot.
    (0u64..1 << 56, any::<bool>()).prop_map(|(counter, primary)| Epoch {
        counter,
        slot: if primary { RpSlot::R0 } else { RpSlot::R1 },
    })
}

fn frame() -> impl Strategy<Value = FrameNumber> {
    any::<u64>().prop_map(FrameNumber)
}

fn rp_message() -> impl Strategy<Value = RpMessage> {
    prop_oneof![
        epoch().prop_map(|epoch| RpMessage::Claim { epoch }),
        Just(RpMessage::RefreshBegin),
        any::<Vec<u8>>().prop_map(|rows| RpMessage::Rows { rows }),
        (frame(), any::<u64>()).prop_map(|(frame, digest)| RpMessage::FrameEnd { frame, digest }),
        (frame(), any::<u64>()).prop_map(|(frame, digest)| RpMessage::RefreshEnd { frame, digest }),
        (port(), any::<Vec<u8>>()).prop_map(|(port, frame)| RpMessage::Inject { port, frame }),
        prop::option::of(frame()).prop_map(|since| RpMessage::OutOfStep { since }),
        any::<u64>().prop_map(|count| RpMessage::PuntsConsumed { count }),
        any::<u64>().prop_map(|number| RpMessage::PuntKept { number }),
        any::<u64>().prop_map(|number| RpMessage::PuntReleased { number }),
    ]
}

fn port_truth() -> impl Strategy<Value = PortTruth> {
    (port(), any::<bool>(), any::<[u8; 6]>(), ".*").prop_map(|(port, link_up, mac, wire)| PortTruth {
        port,
        link_up,
        mac: MacAddress(mac),
        wire,
    })
}

fn card() -> impl Strategy<Value = CardSlot> {
    (0u8..=CardSlot::MAX).prop_map(CardSlot)
}

fn any_truth() -> impl Strategy<Value = Truth> {
    let place = (
        card(),
        (".*", ".*", prop::collection::vec(card(), 0..4)),
        prop::collection::vec(port_truth(), 0..4),
    );
    let state = (
        frame(),
        any::<u64>(),
        any::<bool>(),
        prop::option::of((epoch(), frame())),
    );
    (place, state, any::<(u32, u64, u64)>()).prop_map(
        |(
            (card, (model, image_version, fabric_peers), ports),
            (frame, digest, mixed, out_of_step),
            counts,
        )| Truth {
            card,
            model,
            image_version,
            fabric_peers,
            ports,
            frame,
            digest,
            mixed,
            out_of_step,
            buffered_punts: counts.0,
            lost_punts: counts.1,
            uptime_ms: counts.2,
        },
    )
}

fn counters() -> impl Strategy<Value = (PortId, PortCounters)> {
    (port(), any::<[u64; 6]>()).prop_map(|(port, counts)| {
        let counters = PortCounters {
            input_packets: counts[0],
            input_bytes: counts[1],
            input_drops: counts[2],
            output_packets: counts[3],
            output_bytes: counts[4],
            output_drops: counts[5],
        };
        (port, counters)
    })
}

fn card_message() -> impl Strategy<Value = CardMessage> {
    let reason = prop::sample::select(vec![PuntReason::Arp, PuntReason::Receive, PuntReason::Glean]);
    prop_oneof![
        any_truth().prop_map(CardMessage::Truth),
        epoch().prop_map(|epoch| CardMessage::Refused { epoch }),
        (port(), reason, any::<Vec<u8>>()).prop_map(|(port, reason, frame)| CardMessage::Punt {
            port,
            reason,
            frame
        }),
        (port(), any::<bool>()).prop_map(|(port, link_up)| CardMessage::PortStatus { port, link_up }),
        (card(), any::<bool>()).prop_map(|(peer, up)| CardMessage::FabricStatus { peer, up }),
        any::<u32>().prop_map(|bytes| CardMessage::Applied { bytes }),
        prop::collection::vec(counters(), 0..4).prop_map(CardMessage::Counters),
        (frame(), any::<u64>()).prop_map(|(frame, digest)| CardMessage::DigestMismatch { frame, digest }),
    ]
}

proptest! {
    #[test]
    fn every_message_comes_back(from_rp in rp_message(), from_card in card_message()) {
        let (kind, body) = from_rp.encode();
        prop_assert_eq!(RpMessage::decode(kind, &body), Ok(from_rp));
        let (kind, body) = from_card.encode();
        prop_assert_eq!(CardMessage::decode(kind, &body), Ok(from_card));
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(
        kind in prop_oneof![1u8..=8, 65u8..=71, any::<u8>()],
        body: Vec<u8>,
        message in card_message(),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let _ = RpMessage::decode(kind, &body);
        let _ = CardMessage::decode(kind, &body);
        // Nearly right bytes come further.
        let (kind, mut body) = message.encode();
        if !body.is_empty() {
            let at = at.index(body.len());
            body[at] = byte;
            let _ = CardMessage::decode(kind, &body);
            let _ = CardMessage::decode(kind, &body[..at]);
        }
    }
}
