//! The laws of checkpointing over all clients at once. A client is under them by being in [`Clients`]; an edit that
//! fills its tables has to be added here, or `the_edits_reach_every_table` fails.

#[path = "common/routing_edits.rs"]
mod routing_edits;

use chassis::rows::{Adjacency, AdjacencyKey, PortConfiguration};
use checkpoint::laws::{delta_law, snapshot_law};
use checkpoint::{ActiveEnd, ActiveEndConfig, PeerSync, Tables, table_digests};
use config::{Command, Grammar, Mode};
use core::net::Ipv4Addr;
use machine::{CardSlot, ChassisSlot, Duration, Epoch, FrameNumber, Instant, Outbox, PortId, RpSlot};
use packet::{MacAddress, Prefix, V4};
use proptest::prelude::*;
use redundancy::{SwitchoverEntry, SwitchoverReason};
use rib::{Via, static_route};
use rp::{ActiveConfig, Card, CardState, ChunkOutcome, Clients, PeerMessage, Port, RpOutput, Standby};
use rp::{Alarm, AlarmId, AlarmKind, Module, SlotPower};

/// What happens to the state of an active. Few keys, so that rows are changed, removed and made again.
#[derive(Clone, Debug)]
enum Edit {
    Card(u8, bool),
    Port(PortId, bool),
    Configure(&'static str, &'static str),
    WriteMemory,
    IgnoreMismatches(u8),
    PortConfiguration(PortId, Option<u16>),
    Neighbor(PortId, u8, Option<u8>),
    StaticRoute(u8, u8, bool),
    Interface(PortId, bool),
    Generate(u32),
    /// Network, next hop, and whether BGP has a route there and knows its next hop.
    Bgp(u8, u8, bool),
    Run(usize),
    Switchover(bool),
    /// Slot of a unit, its power, whether it was stopped.
    Module(u8, u32, bool),
    /// Port with an alarm, and whether that is raised.
    Alarm(u8, bool),
    /// Bytes of a line of the log.
    Log(usize),
    /// `config-register`.
    Register(u16),
    /// Seconds that pass before the age is written again.
    Age(u16),
    /// A row of a routing protocol: its kind, its key, its value.
    Routing(u8, u8, Option<u8>),
}

/// Mode path and line. Some are refused, depending on what came before.
const LINES: &[(&str, &str)] = &[
    ("", "hostname west"),
    ("", "no hostname"),
    ("", "interface Ethernet0/0"),
    ("", "interface Ethernet1/1"),
    ("", "no interface Ethernet1/1"),
    ("interface Ethernet0/0", "ip address 10.0.0.1 255.255.255.0"),
    ("interface Ethernet1/1", "ip address 10.0.0.1 255.255.255.0"),
    ("interface Ethernet1/1", "ip address 10.1.1.1 255.255.255.0"),
    ("interface Ethernet0/0", "no ip address"),
    ("interface Ethernet0/0", "mtu 1400"),
    ("interface Ethernet0/0", "description to the west"),
    ("interface Ethernet0/0", "shutdown"),
    ("interface Ethernet0/0", "no shutdown"),
    ("", "ip route 10.9.0.0 255.255.0.0 10.0.0.2"),
    ("", "no ip route 10.9.0.0 255.255.0.0"),
    ("", "redundancy"),
    ("", "logging buffered 8192"),
    ("", "no logging buffered"),
    ("redundancy", "mode sso"),
    ("redundancy", "mode rpr"),
    ("redundancy", "keepalive interval 100"),
    ("redundancy", "no keepalive interval"),
    ("redundancy", "headless-forwarding disable"),
    ("redundancy", "crashdump-timeout 7"),
];

fn port() -> impl Strategy<Value = PortId> {
    (0u8..2, 0u8..2).prop_map(|(card, port)| PortId::new(card, port))
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        1 => (0u8..3, any::<bool>()).prop_map(|(slot, ok)| Edit::Card(slot, ok)),
        1 => (port(), any::<bool>()).prop_map(|(port, up)| Edit::Port(port, up)),
        4 => prop::sample::select(LINES).prop_map(|(path, line)| Edit::Configure(path, line)),
        1 => Just(Edit::WriteMemory),
        1 => (0u8..4).prop_map(Edit::IgnoreMismatches),
        1 => any::<u16>().prop_map(Edit::Register),
        2 => (port(), prop::option::of(64u16..9000)).prop_map(|(port, mtu)| Edit::PortConfiguration(port, mtu)),
        2 => (port(), 0u8..4, prop::option::of(any::<u8>()))
            .prop_map(|(port, host, mac)| Edit::Neighbor(port, host, mac)),
        4 => (0u8..8, 0u8..3, any::<bool>()).prop_map(|(net, via, there)| Edit::StaticRoute(net, via, there)),
        1 => (port(), any::<bool>()).prop_map(|(port, up)| Edit::Interface(port, up)),
        1 => (0u32..60).prop_map(Edit::Generate),
        2 => (0u8..8, 0u8..3, any::<bool>()).prop_map(|(net, via, there)| Edit::Bgp(net, via, there)),
        3 => (1usize..8).prop_map(Edit::Run),
        1 => (0u8..3, 0u32..4, any::<bool>())
            .prop_map(|(slot, power, stopped)| Edit::Module(slot, power, stopped)),
        1 => (0u8..3, any::<bool>()).prop_map(|(port, raised)| Edit::Alarm(port, raised)),
        1 => any::<bool>().prop_map(Edit::Switchover),
        1 => (0u16..200).prop_map(Edit::Age),
        1 => (0usize..300).prop_map(Edit::Log),
        6 => (0..routing_edits::KINDS, 0u8..3, prop::option::of(0u8..20))
            .prop_map(|(kind, key, value)| Edit::Routing(kind, key, value)),
    ]
}

impl Edit {
    fn apply(&self, clients: &mut Clients, now: &mut Instant) {
        match self {
            Edit::Card(slot, ok) => card_edit(clients, *slot, *ok),
            Edit::Port(port, link_up) => {
                let row = Port {
                    link_up: *link_up,
                    mac: mac(port.port),
                    wire: "mem".into(),
                };
                clients.inventory.ports.insert(*port, row);
                clients.configuration.port_found(*port);
            }
            Edit::Module(slot, power, stopped) => module_edit(clients, *slot, *power, *stopped),
            Edit::Alarm(port, raised) => alarm_edit(clients, *port, *raised),
            Edit::Configure(path, line) => configure(clients, path, line),
            Edit::Register(value) => clients.register.set(*value),
            Edit::WriteMemory => {
                let text = clients.configuration.tree().running_config_text();
                clients.configuration.startup_written(text);
            }
            Edit::IgnoreMismatches(count) => {
                let lines = clients.configuration.tree().lines().into_iter();
                let lines = lines.map(|line| format!("{}\t{}", line.mode.path(), line.text));
                clients.configuration.ignore(lines.take(usize::from(*count)));
            }
            Edit::PortConfiguration(port, Some(mtu)) => {
                let row = PortConfiguration {
                    admin_up: mtu % 2 == 0,
                    mtu: *mtu,
                    mac: mac(port.port),
                    ipv4: own_address(*port),
                };
                clients.port_configurations.insert(*port, row);
            }
            Edit::PortConfiguration(port, None) => drop(clients.port_configurations.remove(port)),
            Edit::Neighbor(port, host, last_byte) => neighbor(clients, *port, *host, *last_byte),
            Edit::StaticRoute(net, via, there) => static_route_edit(clients, *net, *via, *there),
            Edit::Interface(port, up) => clients.rib.set_interface(*port, *up, own_address(*port)),
            Edit::Generate(target) => {
                let next_hops = [Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 1, 1, 2)];
                let started = clients.generator.start(*target, 1, &next_hops);
                started.expect("the same seed and next hops each time");
                clients.generator.run(&mut clients.rib, 20);
            }
            Edit::Bgp(net, via, there) => bgp_edit(clients, *net, *via, *there),
            Edit::Run(budget) => drop(clients.rib.run(*budget)),
            Edit::Switchover(forced) => clients.system.record_switchover(switchover(*forced)),
            Edit::Log(bytes) => {
                let line = rp::LogLine {
                    unix_ms: 1,
                    text: "x".repeat(*bytes),
                };
                clients.log.add(line, 500);
            }
            Edit::Routing(kind, key, value) => routing_edits::edit(clients, *kind, *key, *value),
            Edit::Age(seconds) => {
                *now += Duration::from_secs(u64::from(*seconds));
                clients.system.write_age(*now);
            }
        }
    }
}

fn mac(last_byte: u8) -> MacAddress {
    MacAddress([0xaa, 0xbb, 0xcc, 0, 0, last_byte])
}

fn own_address(port: PortId) -> Option<packet::InterfaceAddress<V4>> {
    format!("10.{}.{}.1/24", port.card.0, port.port).parse().ok()
}

fn configure(clients: &mut Clients, path: &str, line: &str) {
    let mode = Mode::from_path(path).expect("a mode of the language");
    match Grammar::standard().parse(&mode, line) {
        Ok(Command::Configure(command)) => {
            // A refusal is recorded too, and is to be the same on the standby.
            let _refused_or_not = clients.configuration.execute(&command);
        }
        other => panic!("{line} is a configuration command: {other:?}"),
    }
}

fn neighbor(clients: &mut Clients, port: PortId, host: u8, last_byte: Option<u8>) {
    let key = AdjacencyKey::<V4> {
        port,
        next_hop: Ipv4Addr::new(10, port.card.0, port.port, host),
    };
    match last_byte {
        Some(byte) => clients.arp.adjacencies.insert(key, Adjacency { mac: mac(byte) }),
        None => drop(clients.arp.adjacencies.remove(&key)),
    }
}

fn card_edit(clients: &mut Clients, slot: u8, ok: bool) {
    let state = if ok { CardState::Ok } else { CardState::Lost };
    let row = Card {
        state,
        model: "forwarder".into(),
        fabric_peers: [CardSlot(1)].into_iter().filter(|_| ok).collect(),
    };
    clients.inventory.cards.insert(CardSlot(slot), row);
}

fn module_edit(clients: &mut Clients, slot: u8, power: u32, stopped: bool) {
    let row = Module {
        power: SlotPower::from_number(power).expect("a number below four"),
        stopped,
        version: "Version 1".into(),
    };
    let slot = ChassisSlot::Card(CardSlot(slot));
    clients.inventory.modules.insert(slot, row);
}

fn alarm_edit(clients: &mut Clients, port: u8, raised: bool) {
    let id = AlarmId {
        kind: AlarmKind::PortLinkDown,
        slot: ChassisSlot::Card(CardSlot(1)),
        port,
    };
    if raised {
        clients.inventory.alarms.insert(id, Alarm { raised_at_unix_s: 7 });
    } else {
        clients.inventory.alarms.remove(&id);
    }
}

fn bgp_edit(clients: &mut Clients, net: u8, via: u8, there: bool) {
    let prefix = Prefix::new(Ipv4Addr::new(20, net, 0, 0), 16).expect("a length up to 32");
    let next_hop = Ipv4Addr::new(10, via, via, 2);
    let rib = &mut clients.rib;
    if there {
        let route = rib::Route::bgp(rib::RouteType::External, 0, 65_001);
        rib.replace(prefix, rib::Protocol::Bgp, &[(Via::NextHop(next_hop), route)]);
        rib.track(next_hop);
        rib.hold_sweep(rib::Protocol::Bgp);
    } else {
        rib.replace(prefix, rib::Protocol::Bgp, &[]);
        rib.untrack(next_hop);
        rib.converged(rib::Protocol::Bgp);
        rib.take_next_hop_changes(2);
        rib.take_redistribution_changes(2);
    }
}

fn static_route_edit(clients: &mut Clients, net: u8, via: u8, there: bool) {
    let prefix = Prefix::<V4>::new(Ipv4Addr::new(20, net, 0, 0), 16).expect("a prefix");
    let via = match via {
        0 => Via::NextHop(Ipv4Addr::new(10, 0, 0, 2)),
        1 => Via::Attached(PortId::new(1, 1)),
        _ => Via::Discard,
    };
    let (key, route) = static_route(prefix, via, None);
    if there {
        clients.rib.insert(key, route);
    } else {
        clients.rib.remove(&key);
    }
}

fn switchover(forced: bool) -> SwitchoverEntry {
    SwitchoverEntry {
        loss: (!forced).then_some(redundancy::PeerLoss::Killed),
        index: 0,
        previous: RpSlot::R0,
        current: RpSlot::R1,
        reason: if forced {
            SwitchoverReason::UserForced
        } else {
            SwitchoverReason::ActiveUnitFailed
        },
        unix_seconds: 1_700_000_000,
        ordinal: 0,
    }
}

fn edits() -> impl Strategy<Value = Vec<(usize, Edit)>> {
    prop::collection::vec((0usize..1500, edit()), 1..60)
}

/// An active's tables and its end, and a standby that takes every chunk at once.
struct Pair {
    clients: Clients,
    end: ActiveEnd,
    standby: Standby,
    out: Outbox<RpOutput>,
    now: Instant,
}

impl Pair {
    fn new() -> Self {
        let config = ActiveEndConfig {
            chunk_bytes: 256,
            turn_bytes_max: 1024,
            ..ActiveEndConfig::default()
        };
        Self {
            clients: Clients::new(),
            end: ActiveEnd::new(config, FrameNumber(0)),
            standby: Standby::new(rp::Language::default()),
            out: Outbox::new(),
            now: Instant::ZERO,
        }
    }

    /// As the active does it: what a bulk says of the configuration is written first.
    fn start_bulk(&mut self) {
        self.clients.configuration.write_lines();
        self.end.peer_connected();
    }

    /// One turn boundary with this much room on the link.
    fn turn(&mut self, room: usize) -> Result<(), TestCaseError> {
        self.now += Duration::from_millis(1);
        let drained = self.end.turn_boundary(self.now, &mut self.clients, room, false);
        for chunk in &drained.to_peer {
            let outcome = self.standby.chunk(self.now, chunk, &mut self.out);
            prop_assert_ne!(outcome, ChunkOutcome::OutOfStep, "{:?}", self.out.drain().next());
            for (_, output) in self.out.drain() {
                if let RpOutput::Peer(PeerMessage::Acknowledgement(acknowledgement)) = output {
                    let acknowledged = self.end.acknowledge(&acknowledgement);
                    acknowledged.map_err(|frame| TestCaseError::fail(format!("digest of frame {frame}")))?;
                }
            }
        }
        if drained.closed.is_some() && self.standby.in_step() {
            self.compare()?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..100_000 {
            self.turn(usize::MAX)?;
            if self.clients.dirty_rows() == 0 && *self.end.peer() == PeerSync::InStep {
                return self.compare();
            }
        }
        Err(TestCaseError::fail("the bulk does not end"))
    }

    /// Tables and what is derived from them are equal.
    fn compare(&self) -> Result<(), TestCaseError> {
        let standby = self.standby.clients();
        prop_assert_eq!(table_digests(&self.clients), table_digests(standby));
        prop_assert_eq!(self.clients.configuration.tree(), standby.configuration.tree());
        Ok(())
    }
}

fn active_config() -> ActiveConfig {
    ActiveConfig {
        checkpoint: ActiveEndConfig::default(),
        heartbeat_interval: Duration::from_millis(50),
        seed: 1,
    }
}

const EPOCH: Epoch = Epoch {
    counter: 2,
    slot: RpSlot::R1,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn req_33_the_snapshot_law_holds_for_all_clients(edits in edits()) {
        let (mut clients, mut now) = (Clients::new(), Instant::ZERO);
        for (_, edit) in &edits {
            edit.apply(&mut clients, &mut now);
        }
        snapshot_law(clients, Clients::new).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn req_33_req_38_req_42_the_delta_law_holds_for_all_clients(edits in edits()) {
        let mut seconds = 0;
        let edits = edits.into_iter().map(|(room, edit)| {
            seconds += 70;
            let mut now = Instant::ZERO + Duration::from_secs(seconds);
            let apply: Box<dyn FnOnce(&mut Clients)> = Box::new(move |clients| edit.apply(clients, &mut now));
            (room, apply)
        });
        delta_law(Clients::new(), Clients::new, edits).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn req_1_a_standby_made_of_frames_is_promoted_to_what_the_active_was(
        before in edits(), after in edits(), bulk_ends_first: bool,
    ) {
        let mut pair = Pair::new();
        for (_, edit) in &before {
            edit.apply(&mut pair.clients, &mut pair.now);
        }
        pair.start_bulk();
        if bulk_ends_first {
            pair.settle()?;
        }
        for (room, edit) in &after {
            // During a bulk the configuration is refused.
            let configures = matches!(edit, Edit::Configure(..) | Edit::Port(..));
            if *pair.end.peer() == PeerSync::InStep || !configures {
                edit.apply(&mut pair.clients, &mut pair.now);
            }
            pair.turn(*room)?;
        }
        pair.settle()?;
        prop_assert!(pair.standby.in_step());
        let digests = table_digests(&pair.clients);
        let (up, own) = (pair.clients.interfaces_up(), pair.clients.rib.has_pending());
        let frame = pair.end.last_closed();
        let promoted = pair.standby.promote(pair.now, EPOCH, active_config());
        // Promotion itself changes no row.
        prop_assert_eq!(table_digests(&promoted.clients), digests);
        prop_assert_eq!(promoted.clients.dirty_rows(), 0);
        prop_assert_eq!(promoted.frames().0, frame);
        prop_assert_eq!(promoted.clients.interfaces_up(), up);
        prop_assert_eq!(promoted.clients.rib.has_pending(), own);
        prop_assert_eq!(
            promoted.clients.configuration.tree().running_config_text(),
            pair.clients.configuration.tree().running_config_text()
        );
        prop_assert_eq!(promoted.clients.system.switchover_count(), pair.clients.system.switchover_count());
    }
}

/// One of each edit, in an order in which each has an effect.
fn one_of_each() -> Vec<Edit> {
    let port = PortId::new(0, 0);
    let mut edits: Vec<Edit> = (0..routing_edits::KINDS)
        .map(|kind| Edit::Routing(kind, 1, Some(11)))
        .collect();
    edits.extend([
        Edit::Card(0, true),
        Edit::Port(port, true),
        Edit::Configure("interface Ethernet0/0", "ip address 10.0.0.1 255.255.255.0"),
        Edit::WriteMemory,
        Edit::IgnoreMismatches(2),
        Edit::PortConfiguration(port, Some(1500)),
        Edit::Neighbor(port, 2, Some(9)),
        Edit::Interface(port, true),
        Edit::Run(1000),
        Edit::Generate(10),
        Edit::Bgp(1, 0, true),
        Edit::StaticRoute(0, 0, true),
        Edit::Register(0x2142),
        Edit::Module(0, 3, true),
        Edit::Alarm(0, true),
        Edit::Switchover(true),
        Edit::Log(10),
        Edit::Age(100),
        // What it starts is left under way.
        Edit::Interface(port, false),
    ]);
    edits
}

#[test]
fn the_edits_reach_every_table() {
    let (mut clients, mut now) = (Clients::new(), Instant::ZERO);
    for edit in one_of_each() {
        edit.apply(&mut clients, &mut now);
    }
    // The start of a bulk turns the commands into lines; one more command comes after it.
    clients.configuration.write_lines();
    Edit::Configure("", "hostname west").apply(&mut clients, &mut now);
    clients.each(&mut |table| {
        assert!(
            table.rows() > 0,
            "no edit of this file fills checkpoint table {}: add one",
            table.id().0
        );
    });
}

#[test]
fn a_table_that_a_frame_left_out_is_told() {
    let mut pair = checkpoint::laws::Pair::new(Clients::new(), Clients::new);
    let mut now = Instant::ZERO;
    for edit in one_of_each() {
        edit.apply(&mut pair.active, &mut now);
    }
    pair.settle().expect("in step");
    assert!(pair.standby.rib.routes.len() > 10);
    // A memory fault in one row is as visible as a forgotten table.
    for table in 0..pair.standby.order().len() {
        let id = pair.standby.order()[table];
        let damaged = pair.standby.table_mut(id).expect("a table").corrupt_for_audit();
        if damaged {
            let difference = pair.compare().expect_err("the damage shows");
            assert!(
                difference.starts_with(&format!("table {} differs", id.0)),
                "{difference}"
            );
            return;
        }
    }
    panic!("no table had a row");
}
