//! The clients of the checkpoint facility: all state that survives a switchover, in one place.
//!
//! | client | tables | what survives |
//! | --- | --- | --- |
//! | IfIndex | modules, alarms, cards, ports | what is in the chassis, what an operator has stopped, each link's state |
//! | Config Sync | commands, lines, startup, ignored | running and startup configuration |
//! | Platform | configuration register | what the next boot does |
//! | CEF | port configurations, adjacencies, FIB | what the cards forward by |
//! | IP routing | routes, generator | routes of all protocols |
//! | TCP | connections, progress, unread and unacknowledged bytes | the router's own sessions |
//! | BGP | neighbours, sessions, routes, what each neighbour is told | nonstop routing |
//! | History | system age, switchovers, log | uptime, switchover history, what `show logging` shows |

use crate::alarms::ALARM_TABLE;
use crate::bgp::{
    BgpNeighbor, BgpRouter, LOCAL_ROUTE_TABLE, LocalRoute, NEIGHBOR_TABLE, QUARANTINE_TABLE, Quarantine,
    QuarantineKey, ROUTER_TABLE,
};
use crate::configuration::{COMMAND_TABLE, Configuration, IGNORED_TABLE, LINE_TABLE, STARTUP_TABLE};
use crate::inventory::{CARD_TABLE, Inventory, MODULE_TABLE, PORT_TABLE};
use crate::logging::{LOG_TABLE, LogBuffer};
use crate::register::{NextRegister, REGISTER_TABLE};
use crate::system::{SWITCHOVER_TABLE, SYSTEM_TABLE, System};
use ::bgp::{PeerId, Speaker, SpeakerConfig};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use chassis::rows::{
    ADJACENCY_V4_TABLE, FIB_V4_TABLE, PORT_CONFIGURATION_TABLE, PortConfiguration, PrefixKey,
};
use checkpoint::Index;
use checkpoint::{Table, TableId, Tables, Tracked};
use core::net::Ipv4Addr;
use line::arp::{Arp, ArpInterface};
use machine::{PortId, Seed};
use packet::V4;
use rib::{GENERATOR_TABLE, Generator, Rib, RouteFamily};
use tcp::{CONNECTION_TABLE, PROGRESS_TABLE, RECEIVED_TABLE, SENT_TABLE, Sessions};

const ROUTE_V4_TABLE: TableId = <V4 as RouteFamily>::ROUTE_TABLE;
const NEXT_HOP_V4_TABLE: TableId = <V4 as RouteFamily>::NEXT_HOP_TABLE;
const SWEEP_V4_TABLE: TableId = <V4 as RouteFamily>::SWEEP_TABLE;
const OFFER_V4_TABLE: TableId = <V4 as RouteFamily>::OFFER_TABLE;
const HOLD_V4_TABLE: TableId = <V4 as RouteFamily>::HOLD_TABLE;

/// The router's own addresses, and whose they are.
#[derive(Clone, Debug, Default)]
pub struct OwnAddresses(BTreeMap<Ipv4Addr, PortId>);

impl OwnAddresses {
    /// Whether this is one of the router's own addresses.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        self.0.contains_key(&address)
    }
}

impl Index<PortId, PortConfiguration> for OwnAddresses {
    fn inserted(&mut self, port: &PortId, row: &PortConfiguration) {
        if let Some(own) = row.ipv4 {
            self.0.insert(own.address(), *port);
        }
    }

    fn removed(&mut self, port: &PortId, row: &PortConfiguration) {
        // An address that moved to another port in the same frame is that port's by now.
        if let Some(own) = row.ipv4
            && self.0.get(&own.address()) == Some(port)
        {
            self.0.remove(&own.address());
        }
    }
}

/// All checkpointed state of a route processor.
pub struct Clients {
    /// Cards and ports.
    pub inventory: Inventory,
    /// Running and startup configuration.
    pub configuration: Configuration,
    /// The configuration register for the next boot.
    pub register: NextRegister,
    /// What the cards are told of each port.
    pub port_configurations: Tracked<PortId, PortConfiguration, OwnAddresses>,
    /// Neighbours on the ports' networks.
    pub arp: Arp,
    /// Routes and the IPv4 FIB.
    pub rib: Rib<V4>,
    /// Synthetic routes for benches.
    pub generator: Generator,
    /// The router's own TCP sessions.
    pub tcp: Sessions,
    /// Who BGP says that this router is.
    pub bgp_router: Tracked<u32, BgpRouter>,
    /// Numbers of BGP's neighbours.
    pub bgp_neighbors: Tracked<PeerId, BgpNeighbor>,
    /// Routes of the router itself that are in BGP.
    pub bgp_local_routes: Tracked<PrefixKey<V4>, LocalRoute>,
    /// What of BGP may not start, because a route processor has died of it.
    pub bgp_quarantines: Tracked<QuarantineKey, Quarantine>,
    /// BGP: sessions, routes, what neighbours are told.
    pub speaker: Speaker,
    /// Uptime and switchover history.
    pub system: System,
    /// The log buffer.
    pub log: LogBuffer,
}

/// The tables in client order: what comes first in a bulk is what later tables refer to.
pub(crate) const ORDER: &[TableId] = &[
    MODULE_TABLE,
    CARD_TABLE,
    PORT_TABLE,
    ALARM_TABLE,
    PORT_CONFIGURATION_TABLE,
    COMMAND_TABLE,
    LINE_TABLE,
    STARTUP_TABLE,
    IGNORED_TABLE,
    REGISTER_TABLE,
    ADJACENCY_V4_TABLE,
    ROUTE_V4_TABLE,
    NEXT_HOP_V4_TABLE,
    SWEEP_V4_TABLE,
    OFFER_V4_TABLE,
    HOLD_V4_TABLE,
    FIB_V4_TABLE,
    GENERATOR_TABLE,
    CONNECTION_TABLE,
    PROGRESS_TABLE,
    RECEIVED_TABLE,
    SENT_TABLE,
    ROUTER_TABLE,
    NEIGHBOR_TABLE,
    QUARANTINE_TABLE,
    LOCAL_ROUTE_TABLE,
    BGP_TABLES[0],
    BGP_TABLES[1],
    BGP_TABLES[2],
    BGP_TABLES[3],
    BGP_TABLES[4],
    BGP_TABLES[5],
    BGP_TABLES[6],
    BGP_TABLES[7],
    BGP_TABLES[8],
    BGP_TABLES[9],
    BGP_TABLES[10],
    BGP_TABLES[11],
    BGP_TABLES[12],
    BGP_TABLES[13],
    BGP_TABLES[14],
    BGP_TABLES[15],
    SYSTEM_TABLE,
    SWITCHOVER_TABLE,
    LOG_TABLE,
];

/// The tables of [`Speaker`], all of which are in [`ORDER`]: the compiler refuses another number of them.
const BGP_TABLES: &[TableId; 16] = ::bgp::TABLES.first_chunk().unwrap();
const _: () = assert!(::bgp::TABLES.len() == BGP_TABLES.len());

/// The client of the redundancy facility that a table belongs to.
pub(crate) fn client_of(id: TableId) -> redundancy::Client {
    use redundancy::client;
    match id {
        CARD_TABLE | PORT_TABLE => client::IF_INDEX,
        PORT_CONFIGURATION_TABLE | FIB_V4_TABLE => client::CEF,
        COMMAND_TABLE | LINE_TABLE | STARTUP_TABLE | IGNORED_TABLE => client::CONFIG_SYNC,
        ADJACENCY_V4_TABLE => client::ARP,
        CONNECTION_TABLE | PROGRESS_TABLE | RECEIVED_TABLE | SENT_TABLE => client::TCP,
        ROUTER_TABLE | NEIGHBOR_TABLE | QUARANTINE_TABLE | LOCAL_ROUTE_TABLE => client::BGP,
        id if BGP_TABLES.contains(&id) => client::BGP,
        ROUTE_V4_TABLE | NEXT_HOP_V4_TABLE | SWEEP_V4_TABLE | GENERATOR_TABLE => client::IP_ROUTING,
        OFFER_V4_TABLE | HOLD_V4_TABLE => client::IP_ROUTING,
        SYSTEM_TABLE | SWITCHOVER_TABLE | LOG_TABLE => client::HISTORY,
        // What is about the chassis as a whole.
        _ => client::PLATFORM,
    }
}

/// What `show checkpoint` calls a table.
pub fn table_name(id: TableId) -> &'static str {
    match id {
        MODULE_TABLE => "modules",
        ALARM_TABLE => "alarms",
        CARD_TABLE => "cards",
        PORT_TABLE => "ports",
        PORT_CONFIGURATION_TABLE => "port configurations",
        COMMAND_TABLE => "configuration commands",
        LINE_TABLE => "configuration lines",
        STARTUP_TABLE => "startup configuration",
        IGNORED_TABLE => "ignored mismatches",
        REGISTER_TABLE => "configuration register",
        ADJACENCY_V4_TABLE => "IPv4 adjacencies",
        ROUTE_V4_TABLE => "IPv4 routes",
        NEXT_HOP_V4_TABLE => "IPv4 next hops",
        SWEEP_V4_TABLE => "IPv4 sweeps",
        OFFER_V4_TABLE => "IPv4 redistribution",
        HOLD_V4_TABLE => "IPv4 convergence",
        FIB_V4_TABLE => "IPv4 FIB",
        GENERATOR_TABLE => "route generator",
        CONNECTION_TABLE => "TCP connections",
        PROGRESS_TABLE => "TCP progress",
        RECEIVED_TABLE => "TCP bytes received",
        SENT_TABLE => "TCP bytes sent",
        ROUTER_TABLE => "BGP router",
        NEIGHBOR_TABLE => "BGP neighbors",
        QUARANTINE_TABLE => "BGP quarantines",
        LOCAL_ROUTE_TABLE => "BGP local routes",
        SYSTEM_TABLE => "system age",
        SWITCHOVER_TABLE => "switchover history",
        LOG_TABLE => "log",
        id => ::bgp::table_name(id).unwrap_or("unknown"),
    }
}

impl Clients {
    /// Empty tables.
    pub fn new() -> Self {
        Self {
            inventory: Inventory::default(),
            configuration: Configuration::default(),
            register: NextRegister::default(),
            port_configurations: Tracked::with_recent_changes(PORT_CONFIGURATION_TABLE),
            arp: Arp::new(),
            rib: Rib::new(),
            generator: Generator::new(),
            tcp: Sessions::new(),
            bgp_router: Tracked::new(ROUTER_TABLE),
            bgp_neighbors: Tracked::new(NEIGHBOR_TABLE),
            bgp_quarantines: Tracked::new(QUARANTINE_TABLE),
            bgp_local_routes: Tracked::new(LOCAL_ROUTE_TABLE),
            speaker: Speaker::new(SpeakerConfig::new(0, Ipv4Addr::UNSPECIFIED), Seed::new(0)),
            system: System::default(),
            log: LogBuffer::default(),
        }
    }

    /// The ports that are up with an address, as ARP is told of them.
    pub fn interfaces_up(&self) -> Vec<(PortId, ArpInterface)> {
        let interface = |(port, row): (&PortId, &PortConfiguration)| {
            let address = row.ipv4.filter(|_| row.admin_up && self.inventory.is_up(*port))?;
            Some((
                *port,
                ArpInterface {
                    mac: row.mac,
                    address,
                    mtu: row.mtu,
                },
            ))
        };
        self.port_configurations.iter().filter_map(interface).collect()
    }

    /// Rows that no frame holds yet.
    pub fn dirty_rows(&self) -> usize {
        let mut dirty = 0;
        self.each(&mut |table| dirty += table.dirty_rows());
        dirty
    }
}

impl Default for Clients {
    fn default() -> Self {
        Self::new()
    }
}

impl Tables for Clients {
    fn each(&self, visit: &mut dyn FnMut(&dyn Table)) {
        for id in ORDER {
            if let Some(table) = self.table(*id) {
                visit(table);
            }
        }
    }

    fn each_mut(&mut self, visit: &mut dyn FnMut(&mut dyn Table)) {
        for id in ORDER {
            if let Some(table) = self.table_mut(*id) {
                visit(table);
            }
        }
    }

    fn table(&self, id: TableId) -> Option<&dyn Table> {
        Some(match id {
            MODULE_TABLE => &self.inventory.modules,
            ALARM_TABLE => &self.inventory.alarms,
            CARD_TABLE => &self.inventory.cards,
            PORT_TABLE => &self.inventory.ports,
            PORT_CONFIGURATION_TABLE => &self.port_configurations,
            COMMAND_TABLE => &self.configuration.commands,
            LINE_TABLE => &self.configuration.lines,
            STARTUP_TABLE => &self.configuration.startup,
            IGNORED_TABLE => &self.configuration.ignored,
            REGISTER_TABLE => &self.register.row,
            ADJACENCY_V4_TABLE => &self.arp.adjacencies,
            ROUTE_V4_TABLE => &self.rib.routes,
            NEXT_HOP_V4_TABLE => &self.rib.next_hops,
            SWEEP_V4_TABLE => &self.rib.sweeps,
            OFFER_V4_TABLE => &self.rib.offers,
            HOLD_V4_TABLE => &self.rib.holds,
            FIB_V4_TABLE => &self.rib.fib,
            GENERATOR_TABLE => &self.generator.state,
            CONNECTION_TABLE => &self.tcp.connections,
            PROGRESS_TABLE => &self.tcp.progress,
            RECEIVED_TABLE => &self.tcp.unconsumed,
            SENT_TABLE => &self.tcp.unacknowledged,
            ROUTER_TABLE => &self.bgp_router,
            NEIGHBOR_TABLE => &self.bgp_neighbors,
            QUARANTINE_TABLE => &self.bgp_quarantines,
            LOCAL_ROUTE_TABLE => &self.bgp_local_routes,
            SYSTEM_TABLE => &self.system.age,
            SWITCHOVER_TABLE => &self.system.switchovers,
            LOG_TABLE => &self.log.lines,
            id => return self.speaker.table(id),
        })
    }

    fn table_mut(&mut self, id: TableId) -> Option<&mut dyn Table> {
        Some(match id {
            MODULE_TABLE => &mut self.inventory.modules,
            ALARM_TABLE => &mut self.inventory.alarms,
            CARD_TABLE => &mut self.inventory.cards,
            PORT_TABLE => &mut self.inventory.ports,
            PORT_CONFIGURATION_TABLE => &mut self.port_configurations,
            COMMAND_TABLE => &mut self.configuration.commands,
            LINE_TABLE => &mut self.configuration.lines,
            STARTUP_TABLE => &mut self.configuration.startup,
            IGNORED_TABLE => &mut self.configuration.ignored,
            REGISTER_TABLE => &mut self.register.row,
            ADJACENCY_V4_TABLE => &mut self.arp.adjacencies,
            ROUTE_V4_TABLE => &mut self.rib.routes,
            NEXT_HOP_V4_TABLE => &mut self.rib.next_hops,
            SWEEP_V4_TABLE => &mut self.rib.sweeps,
            OFFER_V4_TABLE => &mut self.rib.offers,
            HOLD_V4_TABLE => &mut self.rib.holds,
            FIB_V4_TABLE => &mut self.rib.fib,
            GENERATOR_TABLE => &mut self.generator.state,
            CONNECTION_TABLE => &mut self.tcp.connections,
            PROGRESS_TABLE => &mut self.tcp.progress,
            RECEIVED_TABLE => &mut self.tcp.unconsumed,
            SENT_TABLE => &mut self.tcp.unacknowledged,
            ROUTER_TABLE => &mut self.bgp_router,
            NEIGHBOR_TABLE => &mut self.bgp_neighbors,
            QUARANTINE_TABLE => &mut self.bgp_quarantines,
            LOCAL_ROUTE_TABLE => &mut self.bgp_local_routes,
            SYSTEM_TABLE => &mut self.system.age,
            SWITCHOVER_TABLE => &mut self.system.switchovers,
            LOG_TABLE => &mut self.log.lines,
            id => return self.speaker.table_mut(id),
        })
    }

    fn order(&self) -> &'static [TableId] {
        ORDER
    }

    fn is_downloaded(&self, id: TableId) -> bool {
        matches!(id, PORT_CONFIGURATION_TABLE | ADJACENCY_V4_TABLE | FIB_V4_TABLE)
    }
}
