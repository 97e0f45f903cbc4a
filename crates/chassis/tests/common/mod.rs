//! A route processor's tables and frames, a naive card, and the link between them.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use chassis::message::{CardMessage, RpMessage, Truth};
use chassis::rows::{
    ADJACENCY_V4_TABLE, Adjacency, AdjacencyKey, FIB_V4_TABLE, FibEntry, PORT_CONFIGURATION_TABLE, Path,
    PortConfiguration, PrefixKey,
};
use chassis::{CardEnd, ClaimAnswer, Download, DownloadPhase, LinkId};
use checkpoint::{
    ActiveEnd, ActiveEndConfig, Row, RowReader, RowWriter, Table, TableId, Tables, Tracked, row_hash,
};
use machine::{CardSlot, Duration, Epoch, FrameNumber, Instant, PortId, RpSlot};
use packet::{Ipv4Addr, MacAddress, Prefix, V4};
use std::collections::{BTreeMap, VecDeque};

/// Rows that no card gets to see, in the middle of the order.
const PRIVATE_TABLE: TableId = TableId(900);

const ORDER: [TableId; 4] = [
    PORT_CONFIGURATION_TABLE,
    PRIVATE_TABLE,
    ADJACENCY_V4_TABLE,
    FIB_V4_TABLE,
];

pub struct World {
    pub ports: Tracked<PortId, PortConfiguration>,
    pub private: Tracked<u32, Adjacency>,
    pub adjacencies: Tracked<AdjacencyKey<V4>, Adjacency>,
    pub fib: Tracked<PrefixKey<V4>, FibEntry<V4>>,
}

pub fn empty() -> World {
    World {
        ports: Tracked::with_recent_changes(PORT_CONFIGURATION_TABLE),
        private: Tracked::new(PRIVATE_TABLE),
        adjacencies: Tracked::with_recent_changes(ADJACENCY_V4_TABLE),
        fib: Tracked::with_recent_changes(FIB_V4_TABLE),
    }
}

impl Tables for World {
    fn each(&self, visit: &mut dyn FnMut(&dyn Table)) {
        for id in ORDER {
            visit(self.table(id).expect("each table of the order exists"));
        }
    }
    fn each_mut(&mut self, visit: &mut dyn FnMut(&mut dyn Table)) {
        for id in ORDER {
            visit(self.table_mut(id).expect("each table of the order exists"));
        }
    }
    fn table(&self, id: TableId) -> Option<&dyn Table> {
        match id {
            PORT_CONFIGURATION_TABLE => Some(&self.ports),
            PRIVATE_TABLE => Some(&self.private),
            ADJACENCY_V4_TABLE => Some(&self.adjacencies),
            FIB_V4_TABLE => Some(&self.fib),
            _ => None,
        }
    }
    fn table_mut(&mut self, id: TableId) -> Option<&mut dyn Table> {
        match id {
            PORT_CONFIGURATION_TABLE => Some(&mut self.ports),
            PRIVATE_TABLE => Some(&mut self.private),
            ADJACENCY_V4_TABLE => Some(&mut self.adjacencies),
            FIB_V4_TABLE => Some(&mut self.fib),
            _ => None,
        }
    }
    fn order(&self) -> &'static [TableId] {
        &ORDER
    }
    fn is_downloaded(&self, id: TableId) -> bool {
        id != PRIVATE_TABLE
    }
}

impl World {
    /// Changes one row or another by two small numbers.
    pub fn edit(&mut self, number: u8, value: u8) {
        let mac = MacAddress([2, 0, 0, 0, 0, value]);
        let host = Ipv4Addr::new(10, 0, 0, number);
        let removes = value.is_multiple_of(4);
        match number % 4 {
            0 => {
                let port = PortId::new(number % 3, 0);
                let configuration = PortConfiguration {
                    admin_up: value % 2 == 1,
                    mtu: 1500,
                    mac,
                    ipv4: "10.0.0.1/24".parse().ok().filter(|_| value.is_multiple_of(3)),
                };
                self.ports.insert(port, configuration);
            }
            1 => self.private.insert(u32::from(number), Adjacency { mac }),
            2 => {
                let port = PortId::new(0, 0);
                let key = AdjacencyKey { port, next_hop: host };
                match removes {
                    true => drop(self.adjacencies.remove(&key)),
                    false => self.adjacencies.insert(key, Adjacency { mac }),
                }
            }
            _ => {
                let key = PrefixKey(Prefix::host(host));
                match removes {
                    true => drop(self.fib.remove(&key)),
                    false => self.fib.insert(key, via(1, value)),
                }
            }
        }
    }
}

/// An entry with `paths` paths, which differ by `value`.
pub fn via(paths: u8, value: u8) -> FibEntry<V4> {
    let path = |number| Path {
        port: PortId::new(0, number),
        next_hop: Some(Ipv4Addr::new(10, 0, value, number)),
    };
    FibEntry::Via((0..paths).map(path).collect())
}

/// A card without ports: it keeps what it is told.
pub struct Card {
    pub end: CardEnd,
    pub rows: BTreeMap<(TableId, Vec<u8>), Held>,
    refreshing: bool,
}

pub struct Held {
    value: Vec<u8>,
    hash: u64,
    fresh: bool,
}

impl Card {
    pub fn new() -> Self {
        Self {
            end: CardEnd::new(),
            rows: BTreeMap::new(),
            refreshing: false,
        }
    }

    pub fn apply(&mut self, message: &RpMessage) -> Option<CardMessage> {
        match message {
            RpMessage::RefreshBegin => {
                self.refreshing = true;
                self.rows.values_mut().for_each(|row| row.fresh = false);
                None
            }
            RpMessage::Rows { rows } => {
                for (row, hash) in CardEnd::hashed_rows(rows).expect("whole rows") {
                    self.row(row.table, row.key, row.value, hash);
                }
                Some(CardMessage::Applied {
                    bytes: rows.len() as u32,
                })
            }
            RpMessage::FrameEnd { frame, digest } => self.frame_end(*frame, *digest),
            RpMessage::RefreshEnd { frame, digest } => {
                self.refreshing = false;
                let stale: Vec<_> = (self.rows.iter())
                    .filter(|(_, row)| !row.fresh)
                    .map(|(key, _)| key.clone())
                    .collect();
                for (table, key) in stale {
                    self.row(table, &key, None, 0);
                }
                self.frame_end(*frame, *digest)
            }
            other => panic!("a download never sends {other:?}"),
        }
    }

    fn row(&mut self, table: TableId, key: &[u8], value: Option<&[u8]>, hash: u64) {
        let key = (table, key.to_vec());
        let old = self.rows.remove(&key).map_or(0, |row| row.hash);
        if let Some(value) = value {
            let held = Held {
                value: value.to_vec(),
                hash,
                fresh: self.refreshing,
            };
            self.rows.insert(key, held);
        }
        self.end.row_changed(old, hash);
    }

    fn frame_end(&mut self, frame: FrameNumber, digest: u64) -> Option<CardMessage> {
        let agrees = self.end.frame_end(frame, digest);
        (!agrees).then(|| CardMessage::DigestMismatch {
            frame,
            digest: self.end.digest(),
        })
    }

    /// A row is lost, as by a fault in memory. Returns false without rows.
    pub fn damage(&mut self) -> bool {
        let Some((key, row)) = self.rows.pop_first() else {
            return false;
        };
        assert_eq!(row.hash, row_hash(key.0, &key.1, &row.value));
        self.end.row_changed(row.hash, 0);
        true
    }

    fn truth(&self) -> Truth {
        Truth {
            card: CardSlot(0),
            model: String::new(),
            image_version: String::new(),
            fabric_peers: Vec::new(),
            ports: Vec::new(),
            frame: self.end.frame(),
            digest: self.end.digest(),
            mixed: self.end.mixed(),
            out_of_step: None,
            buffered_punts: 0,
            lost_punts: 0,
            uptime_ms: 0,
        }
    }
}

/// An active route processor without a standby, and one card.
pub struct Bench {
    pub tables: World,
    pub active: ActiveEnd,
    pub download: Download,
    pub card: Card,
    /// Sent and not yet read by the card.
    pub in_flight: VecDeque<RpMessage>,
    connected: bool,
    links: u64,
    counter: u64,
    rows: Vec<Vec<u8>>,
    now: Instant,
    pub holds_sweep: bool,
}

impl Bench {
    pub fn new(tables: World) -> Self {
        let config = ActiveEndConfig {
            chunk_bytes: 256,
            ..ActiveEndConfig::default()
        };
        Self {
            tables,
            active: ActiveEnd::new(config, FrameNumber(0)),
            download: Download::new(),
            card: Card::new(),
            in_flight: VecDeque::new(),
            connected: false,
            links: 0,
            counter: 1,
            rows: Vec::new(),
            now: Instant::ZERO,
            holds_sweep: false,
        }
    }

    /// Turn boundaries until a frame is closed, which is given to the download.
    pub fn turn(&mut self) {
        let frame = loop {
            self.now += Duration::from_millis(1);
            let drained = self
                .active
                .turn_boundary(self.now, &mut self.tables, usize::MAX, true);
            self.rows.extend(drained.to_cards);
            if let Some(frame) = drained.closed {
                break frame;
            }
        };
        let rows = core::mem::take(&mut self.rows);
        let messages = self.download.frame(&self.tables, frame, &rows);
        self.in_flight.extend(messages);
    }

    /// A turn boundary, and a refresh goes on.
    pub fn step(&mut self) {
        self.turn();
        let messages = self
            .download
            .refresh_step(&self.tables, self.active.last_closed(), self.holds_sweep);
        self.in_flight.extend(messages);
    }

    pub fn connect(&mut self) {
        self.turn();
        self.links += 1;
        let epoch = Epoch {
            counter: self.counter,
            slot: RpSlot::R0,
        };
        let answer = self.card.end.claim(LinkId(self.links), epoch);
        assert!(matches!(answer, ClaimAnswer::Accepted { .. }));
        self.card.refreshing = false;
        self.connected = true;
        let truth = self.card.truth();
        let messages = self
            .download
            .truth(&self.tables, self.active.last_closed(), &truth);
        self.in_flight.extend(messages);
    }

    /// The link breaks: what is under way is lost.
    pub fn disconnect(&mut self) {
        self.connected = false;
        self.in_flight.clear();
        self.card.end.disconnected(LinkId(self.links));
        self.download.card_lost();
    }

    /// Another route processor becomes active, with these tables as of `frame`.
    pub fn take_over(&mut self, tables: World, frame: FrameNumber) {
        self.disconnect();
        self.tables = tables;
        self.active = ActiveEnd::new(ActiveEndConfig::default(), frame);
        self.download = Download::new();
        self.counter += 1;
        self.connect();
    }

    /// The card reads at most `messages_max` messages.
    pub fn read(&mut self, messages_max: usize) {
        for _ in 0..messages_max {
            let Some(message) = self.in_flight.pop_front() else {
                return;
            };
            match self.card.apply(&message) {
                None => {}
                Some(CardMessage::Applied { bytes }) => self.download.applied(bytes),
                Some(CardMessage::DigestMismatch { .. }) => self.download.refresh(),
                Some(other) => panic!("this card never sends {other:?}"),
            }
        }
    }

    /// Lets everything arrive.
    pub fn settle(&mut self) {
        if !self.connected {
            self.connect();
        }
        for _ in 0..10_000 {
            self.step();
            self.read(usize::MAX);
            if *self.download.phase() == DownloadPhase::Live && self.in_flight.is_empty() {
                self.turn();
                self.read(usize::MAX);
                return;
            }
        }
        panic!("the download does not end");
    }

    /// The card has the downloaded rows, byte by byte, and nothing else.
    pub fn agrees(&self) -> Result<(), String> {
        let mut writer = RowWriter::new();
        for id in ORDER.iter().filter(|id| self.tables.is_downloaded(**id)) {
            let table = self.tables.table(*id).expect("each table of the order exists");
            assert_eq!(table.walk(None, usize::MAX, &mut writer), None);
        }
        let bytes = writer.take();
        let expected: Vec<_> = RowReader::new(&bytes)
            .map(|row| row.expect("our own rows"))
            .map(|row| (row.table, row.key.to_vec(), row.value.map(<[u8]>::to_vec)))
            .collect();
        let held: Vec<_> = (self.card.rows.iter())
            .map(|((table, key), row)| (*table, key.clone(), Some(row.value.clone())))
            .collect();
        if held != expected {
            return Err(format!("the card holds {held:?} instead of {expected:?}"));
        }
        let digest = checkpoint::total_digest(&self.tables, |id| self.tables.is_downloaded(id));
        match self.card.end.digest() == digest && !self.card.end.mixed() {
            true => Ok(()),
            false => Err(format!("the card's digest is not {digest:016x}")),
        }
    }

    /// Takes the messages under way that carry rows, as (begins a refresh, ends one, bytes of rows).
    pub fn under_way(&self) -> (usize, usize, usize) {
        let count = |wanted: fn(&RpMessage) -> bool| self.in_flight.iter().filter(|m| wanted(m)).count();
        let bytes = self.in_flight.iter().map(|message| match message {
            RpMessage::Rows { rows } => rows.len(),
            _ => 0,
        });
        (
            count(|message| matches!(message, RpMessage::RefreshBegin)),
            count(|message| matches!(message, RpMessage::RefreshEnd { .. })),
            bytes.sum(),
        )
    }
}

/// The encoded form of a row's value.
pub fn encoded<R: Row>(row: &R) -> Vec<u8> {
    prost::Message::encode_to_vec(&row.to_record())
}
