//! A card with two own ports and a neighbour card, as the tests need it.
#![allow(dead_code, reason = "each test file uses its own part")]

use chassis::message::PuntReason;
use chassis::rows::{
    ADJACENCY_V4_TABLE, Adjacency, AdjacencyKey, FIB_V4_TABLE, FibEntry, PORT_CONFIGURATION_TABLE, Path,
    PortConfiguration, PrefixKey,
};
use chassis::{CardMessage, LinkId, RpMessage};
use checkpoint::{Key, Row, RowWriter, TableId};
use linecard::{CardConfiguration, CardInput, CardOutput, Limits, LineCard, PortHardware};
use machine::{CardSlot, Epoch, Instant, Machine, Outbox, PortId, RpSlot};
use packet::ipv4::{self, Options, Protocol};
use packet::{Address, InterfaceAddress, Ipv4Addr, MacAddress, Prefix, V4};
use prost::Message;

pub const LINK: LinkId = LinkId(1);
/// 10.0.0.1/24, MTU 1500.
pub const EAST: PortId = PortId::new(1, 0);
/// 10.0.1.1/24, MTU 600.
pub const WEST: PortId = PortId::new(1, 1);
/// 10.0.2.1/24, MTU 1500, on another card.
pub const FAR: PortId = PortId::new(2, 0);

pub const HOST_EAST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 10);
pub const HOST_WEST: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 10);
pub const HOST_FAR: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 10);
pub const UNKNOWN_WEST: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 99);

pub fn epoch(counter: u64, slot: RpSlot) -> Epoch {
    Epoch { counter, slot }
}

pub fn port_mac(port: PortId) -> MacAddress {
    MacAddress([0xaa, 0xbb, 0xcc, 0, port.card.0, port.port])
}

pub fn host_mac(host: Ipv4Addr) -> MacAddress {
    let [a, b, c, d] = host.octets();
    MacAddress([2, 0, a, b, c, d])
}

/// Rows in their byte form.
#[derive(Default)]
pub struct Rows(RowWriter);

impl Rows {
    pub fn row<K: Key, V: Row>(mut self, table: TableId, key: &K, value: Option<&V>) -> Self {
        let mut bytes = Vec::new();
        key.encode(&mut bytes);
        let value = value.map(|value| value.to_record().encode_to_vec());
        self.0.push(table, &bytes, value.as_deref());
        self
    }

    pub fn port(self, port: PortId, address: &str, mtu: u16, admin_up: bool) -> Self {
        let ipv4: Option<InterfaceAddress<V4>> = address.parse().ok();
        let value = PortConfiguration {
            admin_up,
            mtu,
            mac: port_mac(port),
            ipv4,
        };
        self.row(PORT_CONFIGURATION_TABLE, &port, Some(&value))
    }

    pub fn adjacency(self, port: PortId, next_hop: Ipv4Addr) -> Self {
        let value = Adjacency {
            mac: host_mac(next_hop),
        };
        self.row(
            ADJACENCY_V4_TABLE,
            &AdjacencyKey::<V4> { port, next_hop },
            Some(&value),
        )
    }

    pub fn fib(self, prefix: &str, entry: Option<FibEntry<V4>>) -> Self {
        let prefix: Prefix<V4> = prefix.parse().unwrap();
        self.row(FIB_V4_TABLE, &PrefixKey(prefix), entry.as_ref())
    }

    pub fn message(mut self) -> RpMessage {
        RpMessage::Rows { rows: self.0.take() }
    }
}

pub fn via(paths: &[(PortId, Option<Ipv4Addr>)]) -> Option<FibEntry<V4>> {
    let paths = paths.iter().map(|(port, next_hop)| Path {
        port: *port,
        next_hop: *next_hop,
    });
    Some(FibEntry::Via(paths.collect()))
}

/// The tables that all forwarding tests share.
pub fn rows() -> Rows {
    Rows::default()
        .port(EAST, "10.0.0.1/24", 1500, true)
        .port(WEST, "10.0.1.1/24", 600, true)
        .port(FAR, "10.0.2.1/24", 1500, true)
        .adjacency(EAST, HOST_EAST)
        .adjacency(WEST, HOST_WEST)
        .adjacency(FAR, HOST_FAR)
        .fib("10.0.0.0/24", via(&[(EAST, None)]))
        .fib("10.0.1.0/24", via(&[(WEST, None)]))
        .fib("10.0.2.0/24", via(&[(FAR, None)]))
        .fib("10.0.0.1/32", Some(FibEntry::Receive))
        .fib("10.0.1.1/32", Some(FibEntry::Receive))
        .fib("10.9.0.0/16", Some(FibEntry::Drop))
        .fib("192.0.2.0/24", via(&[(WEST, Some(HOST_WEST))]))
        .fib(
            "198.51.100.0/24",
            via(&[(WEST, Some(HOST_WEST)), (FAR, Some(HOST_FAR))]),
        )
}

/// A card that drives itself and keeps what came out.
pub struct Bench {
    pub card: LineCard,
    pub now: Instant,
    out: Outbox<CardOutput>,
}

impl Bench {
    /// A card in slot 1 that nobody has claimed, its wires connected.
    pub fn unclaimed(limits: Limits) -> Self {
        let port = |port| PortHardware {
            mac: port_mac(port),
            wire: "mem".into(),
        };
        let configuration = CardConfiguration {
            slot: CardSlot(1),
            model: "test".into(),
            image_version: "Version of the test".into(),
            ports: vec![port(EAST), port(WEST)],
            flow_seed: 1,
            limits,
        };
        let now = Instant::from_millis(1000);
        let mut bench = Self {
            card: LineCard::new(now, configuration),
            now,
            out: Outbox::new(),
        };
        for port in [EAST, WEST] {
            bench.input(CardInput::PortLink { port, up: true });
        }
        bench.input(CardInput::FabricPeer {
            card: CardSlot(2),
            up: true,
        });
        bench
    }

    /// The same with an RP and the shared tables.
    pub fn ready() -> Self {
        Self::ready_with(rows(), Limits::default())
    }

    pub fn ready_with(rows: Rows, limits: Limits) -> Self {
        let mut bench = Self::unclaimed(limits);
        bench.claim(LINK, epoch(1, RpSlot::R0));
        let out = bench.rp(LINK, rows.message());
        assert!(matches!(
            out[..],
            [CardOutput::Send {
                message: CardMessage::Applied { .. },
                ..
            }]
        ));
        bench
    }

    pub fn input(&mut self, input: CardInput) -> Vec<CardOutput> {
        self.card.handle(self.now, input, &mut self.out);
        self.out.drain().map(|(_, output)| output).collect()
    }

    pub fn rp(&mut self, link: LinkId, message: RpMessage) -> Vec<CardOutput> {
        self.input(CardInput::Rp { link, message })
    }

    pub fn claim(&mut self, link: LinkId, epoch: Epoch) -> Vec<CardOutput> {
        self.rp(link, RpMessage::Claim { epoch })
    }

    pub fn frame(&mut self, port: PortId, frame: &[u8]) -> Vec<CardOutput> {
        self.input(CardInput::Frame {
            port,
            frame: frame.to_vec(),
        })
    }

    /// Runs due work until nothing is due.
    pub fn settle(&mut self) -> Vec<CardOutput> {
        while self.card.next_deadline().is_some_and(|(at, _)| at <= self.now) {
            Machine::expire(&mut self.card, self.now, &mut self.out);
        }
        self.out.drain().map(|(_, output)| output).collect()
    }
}

/// An IPv4 packet as it is sent: who to whom, and what differs from a plain UDP packet.
#[derive(Clone)]
pub struct Ip {
    pub header: ipv4::Repr,
    pub payload: Vec<u8>,
}

impl Ip {
    pub fn udp(source: Ipv4Addr, destination: Ipv4Addr, payload_len: usize) -> Self {
        let mut payload = vec![0x13, 0x88, 0x13, 0x89, 0, 0, 0, 0];
        payload.resize(payload_len.max(8), 0x55);
        let header = ipv4::Repr {
            ttl: 64,
            identification: 7,
            ..ipv4::Repr::new(source, destination, Protocol::UDP, payload.len() as u16)
        };
        Self { header, payload }
    }

    pub fn with(mut self, change: impl FnOnce(&mut ipv4::Repr)) -> Self {
        change(&mut self.header);
        self
    }

    pub fn packet(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.header.buffer_len()];
        self.header.emit(&mut bytes);
        bytes.extend(&self.payload);
        bytes
    }

    /// In an Ethernet frame to `port` from the packet's source.
    pub fn to_port(&self, port: PortId) -> Vec<u8> {
        frame(port_mac(port), host_mac(self.header.source), &self.packet())
    }

    /// In the frame that leaves by `port` for `host`, one hop later.
    pub fn forwarded(&self, port: PortId, host: Ipv4Addr) -> Vec<u8> {
        let next = self.clone().with(|header| header.ttl -= 1);
        frame(host_mac(host), port_mac(port), &next.packet())
    }
}

pub fn frame(destination: MacAddress, source: MacAddress, packet: &[u8]) -> Vec<u8> {
    [&destination.0[..], &source.0, &[8, 0], packet].concat()
}

pub fn transmit(port: PortId, frame: Vec<u8>) -> CardOutput {
    CardOutput::Transmit { port, frame }
}

pub fn punt(port: PortId, reason: PuntReason, frame: Vec<u8>) -> CardOutput {
    punt_to(LINK, port, reason, frame)
}

pub fn punt_to(link: LinkId, port: PortId, reason: PuntReason, frame: Vec<u8>) -> CardOutput {
    CardOutput::Send {
        link,
        message: CardMessage::Punt { port, reason, frame },
    }
}

/// What is not to be spelled out: options of three bytes or so.
pub fn options(bytes: &[u8]) -> Options {
    Options::new(bytes).unwrap()
}

pub fn host_bytes(host: Ipv4Addr) -> [u8; 4] {
    host.to_bytes()
}
