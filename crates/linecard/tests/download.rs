//! The card against the route processor's own end of the download, over a link that can be cut anywhere.

mod common;

use std::collections::VecDeque;

use chassis::rows::{
    ADJACENCY_V4_TABLE, Adjacency, AdjacencyKey, FIB_V4_TABLE, FibEntry, PORT_CONFIGURATION_TABLE, Path,
    PortConfiguration, PrefixKey,
};
use chassis::{CardMessage, Download, DownloadPhase, LinkId, RpMessage};
use checkpoint::{ActiveEnd, ActiveEndConfig, Table, TableId, Tables, Tracked, total_digest};
use common::{Bench, epoch, port_mac};
use linecard::{CardInput, CardOutput, Limits};
use machine::{Duration, FrameNumber, PortId, RpSlot};
use packet::{Ipv4Addr, MacAddress, Prefix, V4};
use proptest::prelude::*;

const ORDER: &[TableId] = &[PORT_CONFIGURATION_TABLE, ADJACENCY_V4_TABLE, FIB_V4_TABLE];

struct RpTables {
    ports: Tracked<PortId, PortConfiguration>,
    adjacencies: Tracked<AdjacencyKey<V4>, Adjacency>,
    fib: Tracked<PrefixKey<V4>, FibEntry<V4>>,
}

impl RpTables {
    fn new() -> Self {
        Self {
            ports: Tracked::with_recent_changes(PORT_CONFIGURATION_TABLE),
            adjacencies: Tracked::with_recent_changes(ADJACENCY_V4_TABLE),
            fib: Tracked::with_recent_changes(FIB_V4_TABLE),
        }
    }
}

impl Tables for RpTables {
    fn each(&self, visit: &mut dyn FnMut(&dyn Table)) {
        let tables: [&dyn Table; 3] = [&self.ports, &self.adjacencies, &self.fib];
        tables.into_iter().for_each(visit);
    }

    fn each_mut(&mut self, visit: &mut dyn FnMut(&mut dyn Table)) {
        let tables: [&mut dyn Table; 3] = [&mut self.ports, &mut self.adjacencies, &mut self.fib];
        tables.into_iter().for_each(visit);
    }

    fn table(&self, id: TableId) -> Option<&dyn Table> {
        match id {
            PORT_CONFIGURATION_TABLE => Some(&self.ports),
            ADJACENCY_V4_TABLE => Some(&self.adjacencies),
            FIB_V4_TABLE => Some(&self.fib),
            _ => None,
        }
    }

    fn table_mut(&mut self, id: TableId) -> Option<&mut dyn Table> {
        match id {
            PORT_CONFIGURATION_TABLE => Some(&mut self.ports),
            ADJACENCY_V4_TABLE => Some(&mut self.adjacencies),
            FIB_V4_TABLE => Some(&mut self.fib),
            _ => None,
        }
    }

    fn order(&self) -> &'static [TableId] {
        ORDER
    }

    fn is_downloaded(&self, _: TableId) -> bool {
        true
    }
}

#[derive(Clone, Debug)]
enum Step {
    Edit { kind: u8, number: u8, value: u8 },
    Turn,
    Deliver { messages: u8 },
    Sweep,
    Cut { restart: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let edit =
        (any::<u8>(), 0u8..30, 0u8..3).prop_map(|(kind, number, value)| Step::Edit { kind, number, value });
    prop_oneof![
        6 => edit,
        4 => Just(Step::Turn),
        3 => (1u8..6).prop_map(|messages| Step::Deliver { messages }),
        1 => Just(Step::Sweep),
        1 => any::<bool>().prop_map(|restart| Step::Cut { restart }),
    ]
}

/// An RP without a standby, a card, and what is on its way between them.
struct World {
    bench: Bench,
    tables: RpTables,
    active: ActiveEnd,
    download: Download,
    link: u64,
    to_card: VecDeque<RpMessage>,
    mismatches: usize,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            bench: Bench::unclaimed(Limits::default()),
            tables: RpTables::new(),
            active: ActiveEnd::new(ActiveEndConfig::default(), FrameNumber(0)),
            download: Download::new(),
            link: 0,
            to_card: VecDeque::new(),
            mismatches: 0,
        };
        world.connect();
        world
    }

    /// A new link in a new epoch. What was under way on the old one is lost.
    fn connect(&mut self) {
        self.bench.input(CardInput::RpLost {
            link: LinkId(self.link),
        });
        self.link += 1;
        self.to_card.clear();
        self.download.card_lost();
        let out = self.bench.claim(LinkId(self.link), epoch(self.link, RpSlot::R0));
        self.hear_card(out);
    }

    fn hear_card(&mut self, out: Vec<CardOutput>) {
        for output in out {
            let CardOutput::Send { message, .. } = output else {
                panic!("{output:?}")
            };
            match message {
                CardMessage::Truth(truth) => {
                    // A truth is answered when nothing is dirty.
                    self.close_frames();
                    let frame = self.active.last_closed();
                    self.to_card
                        .extend(self.download.truth(&self.tables, frame, &truth));
                }
                CardMessage::Applied { bytes } => self.download.applied(bytes),
                CardMessage::DigestMismatch { .. } => {
                    self.mismatches += 1;
                    if *self.download.phase() == DownloadPhase::Live {
                        self.download.refresh();
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn close_frames(&mut self) {
        let drained = self
            .active
            .turn_boundary(self.bench.now, &mut self.tables, usize::MAX, false);
        if let Some(frame) = drained.closed {
            self.to_card
                .extend(self.download.frame(&self.tables, frame, &drained.to_cards));
        }
    }

    fn turn(&mut self) {
        self.close_frames();
        let frame = self.active.last_closed();
        self.to_card
            .extend(self.download.refresh_step(&self.tables, frame, false));
    }

    fn deliver(&mut self, messages: usize) {
        for _ in 0..messages {
            let Some(message) = self.to_card.pop_front() else {
                return;
            };
            let out = self.bench.rp(LinkId(self.link), message);
            self.hear_card(out);
        }
    }

    fn edit(&mut self, kind: u8, number: u8, value: u8) {
        let port = PortId::new(number % 4, 0);
        match kind % 4 {
            0 => {
                let mac = MacAddress([2, 0, 0, 0, 0, value]);
                let next_hop = Ipv4Addr::new(10, 0, 0, number);
                self.tables
                    .adjacencies
                    .insert(AdjacencyKey { port, next_hop }, Adjacency { mac });
            }
            1 => {
                let configuration = PortConfiguration {
                    admin_up: value > 0,
                    mtu: 1500,
                    mac: port_mac(port),
                    ipv4: None,
                };
                self.tables.ports.insert(port, configuration);
            }
            kind => {
                let network = Ipv4Addr::new(10, number, 0, 0);
                let key = PrefixKey(Prefix::new(network, 12 + number % 6).expect("within the width"));
                if kind == 2 {
                    self.tables.fib.remove(&key);
                } else {
                    let path = Path {
                        port: PortId::new(1, value),
                        next_hop: None,
                    };
                    self.tables.fib.insert(key, FibEntry::Via(vec![path]));
                }
            }
        }
    }

    fn step(&mut self, step: &Step) {
        self.bench.now += Duration::from_micros(100);
        match step {
            Step::Edit { kind, number, value } => self.edit(*kind, *number, *value),
            Step::Turn => self.turn(),
            Step::Deliver { messages } => self.deliver(usize::from(*messages)),
            Step::Sweep => {
                self.bench.settle();
            }
            Step::Cut { restart } => {
                if *restart {
                    // A card that lost its memory while the RP kept its own.
                    self.bench = Bench::unclaimed(Limits::default());
                }
                self.connect();
            }
        }
    }

    fn settle(&mut self) {
        for _ in 0..10 {
            self.turn();
            self.deliver(usize::MAX);
        }
        self.bench.settle();
    }
}

proptest! {
    #[test]
    fn a_card_ends_with_the_rps_rows_however_its_link_was_cut(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.settle();
        prop_assert_eq!(world.download.phase(), &DownloadPhase::Live);
        prop_assert_eq!(world.bench.card.digest(), total_digest(&world.tables, |_| true));
        prop_assert_eq!(world.bench.card.frame(), world.active.last_closed());
        prop_assert_eq!(world.mismatches, 0, "rows caught up by frame, or refreshed, never diverge");
        let held = world.bench.card.tables();
        let counts = [held.ports.len(), held.v4.adjacencies.len(), held.v4.fib.len()];
        let expected = [world.tables.ports.len(), world.tables.adjacencies.len(), world.tables.fib.len()];
        prop_assert_eq!(counts, expected);
        for (PrefixKey(prefix), entry) in world.tables.fib.iter() {
            prop_assert_eq!(held.v4.fib.get(prefix), Some(entry));
        }
        for (key, adjacency) in world.tables.adjacencies.iter() {
            prop_assert_eq!(held.v4.adjacencies.get(key), Some(adjacency));
        }
    }

    #[test]
    fn a_diverged_card_is_found_at_the_next_frame_and_repaired(
        steps in prop::collection::vec(step(), 1..40), number in 100u8..200,
    ) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.settle();
        // A row that the RP never had gets in.
        let stray = common::Rows::default().fib(&format!("172.{number}.0.0/16"), Some(FibEntry::Drop)).message();
        world.to_card.push_back(stray);
        world.edit(0, number, 1);
        world.settle();
        prop_assert!(world.mismatches > 0);
        prop_assert_eq!(world.bench.card.digest(), total_digest(&world.tables, |_| true));
        prop_assert_eq!(world.bench.card.tables().v4.fib.len(), world.tables.fib.len());
    }
}

#[test]
fn a_card_that_served_another_activity_meanwhile_is_refreshed_as_a_whole() {
    for raised in [false, true] {
        let mut ours = World::new();
        let mut other = World::new();
        // The other activity has come further in its frames, and has a row that ours never had.
        for number in 0..4 {
            other.edit(3, number, 1);
            other.turn();
        }
        other.settle();
        ours.edit(3, 9, 1);
        ours.settle();
        if raised {
            // By now ours is beyond it, and has noticed the other.
            for number in 0..8 {
                ours.edit(0, number, 1);
                ours.turn();
            }
            let first = FrameNumber(1 << 32);
            ours.active.go_on_from(first);
            ours.tables
                .each_mut(&mut |table| table.recent_changes_start(first));
        }
        assert_eq!(raised, ours.active.last_closed() > other.active.last_closed());
        ours.link = ours.link.max(other.link);
        ours.bench = other.bench;
        ours.connect();
        ours.settle();
        assert_eq!(ours.mismatches, 0, "raised: {raised}");
        assert_eq!(
            ours.bench.card.digest(),
            total_digest(&ours.tables, |_| true),
            "raised: {raised}"
        );
    }
}
