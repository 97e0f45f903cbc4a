//! The link between a route processor and a card, both ends.

use crate::{hex, kind_and_body};
use chassis::message::{PortTruth, PuntReason, Truth};
use chassis::rows::{
    ADJACENCY_V4_TABLE, Adjacency, AdjacencyKey, FIB_V4_TABLE, FibEntry, PORT_CONFIGURATION_TABLE, Path,
    PortConfiguration, PrefixKey,
};
use chassis::{CardMessage, RpMessage};
use checkpoint::{RowReader, RowWriter, Table, TableId, Tracked};
use linecard::tables::read_rows;
use machine::{CardSlot, Epoch, FrameNumber, PortId, RpSlot};
use packet::{Ipv4Addr, MacAddress, V4};

/// A message from a card: kind byte, then body.
pub fn card_message(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else {
        return;
    };
    if let Ok(message) = CardMessage::decode(*kind, body) {
        let (kind, body) = message.encode();
        assert_eq!(CardMessage::decode(kind, &body), Ok(message));
    }
}

/// A message from a route processor: kind byte, then body.
pub fn rp_message(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else {
        return;
    };
    if let Ok(message) = RpMessage::decode(*kind, body) {
        let (kind, body) = message.encode();
        assert_eq!(RpMessage::decode(kind, &body), Ok(message));
    }
}

/// Downloaded rows, as a card reads them.
pub fn card_rows(bytes: &[u8]) {
    if let Ok(changes) = read_rows(bytes) {
        let rows = RowReader::new(bytes).filter(Result::is_ok).count();
        assert_eq!(changes.len(), rows, "every row is a change");
    }
}

const PORT: PortId = PortId::new(0, 1);
const EPOCH: Epoch = Epoch {
    counter: 7,
    slot: RpSlot::R1,
};

pub fn card_messages() -> Vec<Vec<u8>> {
    let truth = Truth {
        card: CardSlot(0),
        model: "forwarder".into(),
        image_version: "Version 0.1.0".into(),
        fabric_peers: vec![CardSlot(1), CardSlot(2)],
        ports: vec![PortTruth {
            port: PORT,
            link_up: true,
            mac: MacAddress([0xaa, 0xbb, 0xcc, 0, 1, 0]),
            wire: "mem west".into(),
        }],
        frame: FrameNumber(9),
        digest: 0x0102_0304_0506_0708,
        mixed: false,
        out_of_step: Some((EPOCH, FrameNumber(8))),
        buffered_punts: 2,
        lost_punts: 1,
        uptime_ms: 1000,
    };
    let frame = hex("aabbcc000100 aabbcc000200 0806 0001");
    let messages = [
        CardMessage::Truth(truth),
        CardMessage::Refused { epoch: EPOCH },
        CardMessage::Punt {
            port: PORT,
            reason: PuntReason::Arp,
            frame,
        },
        CardMessage::PortStatus {
            port: PORT,
            link_up: false,
        },
        CardMessage::FabricStatus {
            peer: CardSlot(1),
            up: true,
        },
        CardMessage::Applied { bytes: 4096 },
        CardMessage::Counters(vec![(PORT, chassis::message::PortCounters::default())]),
        CardMessage::DigestMismatch {
            frame: FrameNumber(9),
            digest: 3,
        },
    ];
    messages
        .iter()
        .map(|message| kind_and_body(message.encode()))
        .collect()
}

pub fn rp_messages() -> Vec<Vec<u8>> {
    let frame = FrameNumber(9);
    let messages = [
        RpMessage::Claim { epoch: EPOCH },
        RpMessage::RefreshBegin,
        RpMessage::Rows {
            rows: rows().remove(0),
        },
        RpMessage::FrameEnd { frame, digest: 5 },
        RpMessage::RefreshEnd { frame, digest: 5 },
        RpMessage::Inject {
            port: PORT,
            frame: hex("aabbcc000100 aabbcc000200 0806 0001"),
        },
        RpMessage::OutOfStep { since: Some(frame) },
        RpMessage::OutOfStep { since: None },
        RpMessage::PuntKept { number: 2 },
        RpMessage::PuntsConsumed { count: 3 },
        RpMessage::PuntReleased { number: 2 },
    ];
    messages
        .iter()
        .map(|message| kind_and_body(message.encode()))
        .collect()
}

/// Rows of each downloaded table, and the removal of one.
pub fn rows() -> Vec<Vec<u8>> {
    let gateway = Ipv4Addr::new(10, 0, 0, 2);
    let mut ports = Tracked::<PortId, PortConfiguration>::new(PORT_CONFIGURATION_TABLE);
    ports.insert(
        PORT,
        PortConfiguration {
            admin_up: true,
            mtu: 1500,
            mac: MacAddress([0xaa, 0xbb, 0xcc, 0, 1, 0]),
            ipv4: "10.0.0.1/24".parse().ok(),
        },
    );
    let mut adjacencies = Tracked::<AdjacencyKey<V4>, Adjacency>::new(ADJACENCY_V4_TABLE);
    let neighbor = AdjacencyKey {
        port: PORT,
        next_hop: gateway,
    };
    let mac = MacAddress([0xaa, 0xbb, 0xcc, 0, 2, 0]);
    adjacencies.insert(neighbor, Adjacency { mac });
    let mut fib = Tracked::<PrefixKey<V4>, FibEntry<V4>>::new(FIB_V4_TABLE);
    let path = |next_hop| Path { port: PORT, next_hop };
    for (prefix, entry) in [
        ("10.0.0.1/32", FibEntry::Receive),
        ("10.0.0.0/24", FibEntry::Via(vec![path(None)])),
        ("0.0.0.0/0", FibEntry::Via(vec![path(Some(gateway))])),
        ("192.0.2.0/24", FibEntry::Drop),
    ] {
        fib.insert(PrefixKey(prefix.parse().expect("a prefix")), entry);
    }
    let tables: [&dyn Table; 3] = [&ports, &adjacencies, &fib];
    let mut seeds: Vec<Vec<u8>> = tables.iter().map(|table| walked(*table)).collect();
    seeds.insert(0, seeds.concat());
    let mut removal = RowWriter::new();
    removal.push(FIB_V4_TABLE, &[192, 0, 2, 0, 24], None);
    removal.push(TableId(999), &[1], None);
    seeds.push(removal.take());
    seeds
}

fn walked(table: &dyn Table) -> Vec<u8> {
    let mut writer = RowWriter::new();
    table.walk(None, usize::MAX, &mut writer);
    writer.take()
}
