//! Tables and short forms that the tests of this crate share.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use chassis::rows::{DownloadFamily, FibEntry, Path, PrefixKey};
use checkpoint::{Table, TableId, Tables};
use machine::PortId;
use packet::{InterfaceAddress, Ipv4Addr, Prefix, V4};
use rib::{GENERATOR_TABLE, Generator, Protocol, Rib, Route, RouteFamily, RouteKey, Via, static_route};

/// The tables of a route processor that knows nothing but routes.
#[derive(Clone, Debug)]
pub struct World {
    pub rib: Rib<V4>,
    pub generator: Generator,
}

pub fn empty() -> World {
    World {
        rib: Rib::new(),
        generator: Generator::new(),
    }
}

const ORDER: [TableId; 7] = [
    V4::ROUTE_TABLE,
    V4::NEXT_HOP_TABLE,
    V4::SWEEP_TABLE,
    V4::OFFER_TABLE,
    V4::HOLD_TABLE,
    GENERATOR_TABLE,
    V4::FIB_TABLE,
];

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
            V4::ROUTE_TABLE => Some(&self.rib.routes),
            V4::NEXT_HOP_TABLE => Some(&self.rib.next_hops),
            V4::SWEEP_TABLE => Some(&self.rib.sweeps),
            V4::OFFER_TABLE => Some(&self.rib.offers),
            V4::HOLD_TABLE => Some(&self.rib.holds),
            GENERATOR_TABLE => Some(&self.generator.state),
            V4::FIB_TABLE => Some(&self.rib.fib),
            _ => None,
        }
    }
    fn table_mut(&mut self, id: TableId) -> Option<&mut dyn Table> {
        match id {
            V4::ROUTE_TABLE => Some(&mut self.rib.routes),
            V4::NEXT_HOP_TABLE => Some(&mut self.rib.next_hops),
            V4::SWEEP_TABLE => Some(&mut self.rib.sweeps),
            V4::OFFER_TABLE => Some(&mut self.rib.offers),
            V4::HOLD_TABLE => Some(&mut self.rib.holds),
            GENERATOR_TABLE => Some(&mut self.generator.state),
            V4::FIB_TABLE => Some(&mut self.rib.fib),
            _ => None,
        }
    }
    fn order(&self) -> &'static [TableId] {
        &ORDER
    }
    fn is_downloaded(&self, id: TableId) -> bool {
        id == V4::FIB_TABLE
    }
}

pub const PORT_0: PortId = PortId::new(0, 0);
pub const PORT_1: PortId = PortId::new(1, 0);

pub fn prefix(text: &str) -> Prefix<V4> {
    text.parse().expect("a prefix")
}

pub fn address(text: &str) -> Ipv4Addr {
    text.parse().expect("an address")
}

pub fn interface(text: &str) -> Option<InterfaceAddress<V4>> {
    Some(text.parse().expect("an address with a length"))
}

/// A static route to `to` over the next hop `over`.
pub fn over(to: &str, over: &str) -> (RouteKey<V4>, Route) {
    static_route(prefix(to), Via::NextHop(address(over)), None)
}

pub fn insert(rib: &mut Rib<V4>, (key, route): (RouteKey<V4>, Route)) {
    rib.insert(key, route);
}

/// Runs all sweeps, a row at a time, so that positions are used.
pub fn settle(rib: &mut Rib<V4>) {
    for _ in 0..1_000_000 {
        if rib.run(1) {
            assert!(!rib.has_pending());
            return;
        }
    }
    panic!("sweeps do not end");
}

/// 10.0.0.1/24 on port 0/0 and 10.0.1.1/24 on port 1/0.
pub fn two_links() -> Rib<V4> {
    let mut rib = Rib::new();
    rib.set_interface(PORT_0, true, interface("10.0.0.1/24"));
    rib.set_interface(PORT_1, true, interface("10.0.1.1/24"));
    settle(&mut rib);
    rib
}

pub fn fib(rib: &Rib<V4>, text: &str) -> Option<FibEntry<V4>> {
    rib.fib.get(&PrefixKey(prefix(text))).cloned()
}

pub fn via(paths: &[(PortId, Option<&str>)]) -> Option<FibEntry<V4>> {
    let paths = paths.iter().map(|(port, next_hop)| Path {
        port: *port,
        next_hop: next_hop.map(address),
    });
    Some(FibEntry::Via(paths.collect()))
}

pub fn key(to: &str, protocol: Protocol, via: Via<V4>) -> RouteKey<V4> {
    RouteKey {
        prefix: prefix(to),
        protocol,
        via,
    }
}
