//! Prints how many packets a second one core forwards, with a million prefixes in the FIB.
//!
//! `cargo run --release -p linecard --example forward_rate`

use std::time::Instant as Clock;

use chassis::message::PuntReason;
use chassis::rows::{
    Adjacency, AdjacencyKey, DownloadFamily, FibEntry, PORT_CONFIGURATION_TABLE, Path, PortConfiguration,
    PrefixKey,
};
use chassis::{CardMessage, LinkId, RpMessage};
use checkpoint::{Key, Row, RowWriter, TableId};
use linecard::{CardConfiguration, CloseReason, Limits, LineCard, PortHardware, Sink, Taken};
use machine::{CardSlot, Epoch, Instant, PortId, RpSlot, Seed};
use packet::{Ipv4Addr, MacAddress, Prefix, V4, ipv4};
use prost::Message;

const PREFIXES: usize = 1_000_000;
const PACKETS: usize = 5_000_000;
const PORT: PortId = PortId::new(0, 0);
const LINK: LinkId = LinkId(1);
const NEXT_HOP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// Counts what is sent; the work of a real wire is not measured here.
#[derive(Default)]
struct Meter {
    packets: usize,
    bytes: usize,
    others: usize,
}

impl Sink for Meter {
    fn transmit(&mut self, _: PortId, frame: &[u8]) -> Taken {
        self.packets += 1;
        self.bytes += frame.len();
        Taken::Queued
    }
    fn fabric(&mut self, port: PortId, frame: &[u8]) -> Taken {
        self.transmit(port, frame)
    }
    fn punt(&mut self, _: LinkId, _: PortId, _: PuntReason, _: &[u8]) -> Taken {
        self.others += 1;
        Taken::Queued
    }
    fn send(&mut self, _: LinkId, _: CardMessage) {
        self.others += 1;
    }
    fn close(&mut self, _: LinkId, reason: CloseReason) {
        panic!("{reason}");
    }
}

fn push<K: Key, V: Row>(rows: &mut RowWriter, table: TableId, key: &K, value: &V) {
    let mut bytes = Vec::new();
    key.encode(&mut bytes);
    rows.push(table, &bytes, Some(&value.to_record().encode_to_vec()));
}

fn main() {
    let mac = MacAddress([2, 0, 0, 0, 0, 1]);
    let configuration = CardConfiguration {
        slot: CardSlot(0),
        model: "bench".into(),
        image_version: "bench".into(),
        ports: vec![PortHardware {
            mac,
            wire: "none".into(),
        }],
        flow_seed: 1,
        limits: Limits::default(),
    };
    let now = Instant::ZERO;
    let mut meter = Meter::default();
    let mut card = LineCard::new(now, configuration);
    card.port_link(PORT, true, &mut meter);
    card.rp_message(
        now,
        LINK,
        RpMessage::Claim {
            epoch: Epoch {
                counter: 1,
                slot: RpSlot::R0,
            },
        },
        &mut meter,
    );

    let mut seed = Seed::new(1);
    let mut rows = RowWriter::new();
    let ipv4 = Some("10.0.0.1/24".parse().expect("an address"));
    push(
        &mut rows,
        PORT_CONFIGURATION_TABLE,
        &PORT,
        &PortConfiguration {
            admin_up: true,
            mtu: 1500,
            mac,
            ipv4,
        },
    );
    let adjacency = AdjacencyKey::<V4> {
        port: PORT,
        next_hop: NEXT_HOP,
    };
    push(&mut rows, V4::ADJACENCY_TABLE, &adjacency, &Adjacency { mac });
    let entry = FibEntry::<V4>::Via(vec![Path {
        port: PORT,
        next_hop: Some(NEXT_HOP),
    }]);
    push(
        &mut rows,
        V4::FIB_TABLE,
        &PrefixKey::<V4>(Prefix::DEFAULT),
        &entry,
    );
    for _ in 0..PREFIXES {
        let prefix = Prefix::<V4>::new(Ipv4Addr::from(seed.next_u64() as u32), 16 + seed.below(9) as u8);
        push(
            &mut rows,
            V4::FIB_TABLE,
            &PrefixKey(prefix.expect("within the width")),
            &entry,
        );
    }
    let clock = Clock::now();
    card.rp_message(now, LINK, RpMessage::Rows { rows: rows.take() }, &mut meter);
    println!(
        "downloaded: {:.0} rows/s",
        PREFIXES as f64 / clock.elapsed().as_secs_f64()
    );

    let mut frames: Vec<Vec<u8>> = Vec::new();
    for _ in 0..4096 {
        let source = Ipv4Addr::new(10, 0, 0, 2);
        // Unicast destinations only: 16.0.0.0 to 79.255.255.255.
        let destination = Ipv4Addr::from((16 << 24) + seed.below(64 << 24) as u32);
        let repr = ipv4::Repr {
            ttl: 64,
            ..ipv4::Repr::new(source, destination, ipv4::Protocol::UDP, 64)
        };
        let mut frame = [&mac.0[..], &mac.0, &[8, 0]].concat();
        frame.resize(14 + 20 + 64, 0);
        repr.emit(&mut frame[14..]);
        frames.push(frame);
    }
    let mut buffer = vec![0; 2048];
    let clock = Clock::now();
    for at in 0..PACKETS {
        let frame = &frames[at & 4095];
        buffer[..frame.len()].copy_from_slice(frame);
        card.receive(now, PORT, &mut buffer[..frame.len()], &mut meter);
    }
    let elapsed = clock.elapsed();
    assert_eq!(meter.packets, PACKETS, "all packets were forwarded");
    println!(
        "forwarded: {:.0} packets/s ({:.1} ns each)",
        PACKETS as f64 / elapsed.as_secs_f64(),
        elapsed.as_nanos() as f64 / PACKETS as f64
    );
}
