//! The tables of BGP, in the order in which a standby is filled: sets before the routes that name them.

use ::checkpoint::{Table, TableId};
use packet::{V4, V6};

use crate::attributes::ATTRIBUTES_TABLE;
use crate::default_route::DEFAULT_ROUTES_TABLE;
use crate::deferral::DEFERRAL_TABLE;
use crate::family::BgpFamily;
use crate::group::GROUPS_TABLE;
use crate::log::{LOG_TABLE, STREAMS_TABLE};
use crate::reach::NEXT_HOPS_TABLE;
use crate::session::SESSIONS_TABLE;
use crate::speaker::Speaker;

/// The numbers of all tables, in order.
pub const TABLES: &[TableId] = &[
    SESSIONS_TABLE,
    DEFERRAL_TABLE,
    ATTRIBUTES_TABLE,
    NEXT_HOPS_TABLE,
    DEFAULT_ROUTES_TABLE,
    GROUPS_TABLE,
    <V4 as BgpFamily>::PATHS_TABLE,
    <V4 as BgpFamily>::TOLD_TABLE,
    <V4 as BgpFamily>::SWEEP_TABLE,
    <V4 as BgpFamily>::MISSED_TABLE,
    <V6 as BgpFamily>::PATHS_TABLE,
    <V6 as BgpFamily>::TOLD_TABLE,
    <V6 as BgpFamily>::SWEEP_TABLE,
    <V6 as BgpFamily>::MISSED_TABLE,
    LOG_TABLE,
    STREAMS_TABLE,
];

/// What operators call a table; `None` when it is none of these.
pub fn table_name(id: TableId) -> Option<&'static str> {
    const NAMES: [&str; TABLES.len()] = [
        "BGP sessions",
        "BGP deferrals",
        "BGP attributes",
        "BGP next hops",
        "BGP default routes",
        "BGP update groups",
        "BGP IPv4 paths",
        "BGP IPv4 told",
        "BGP IPv4 sweeps",
        "BGP IPv4 missed",
        "BGP IPv6 paths",
        "BGP IPv6 told",
        "BGP IPv6 sweeps",
        "BGP IPv6 missed",
        "BGP messages",
        "BGP streams",
    ];
    let place = TABLES.iter().position(|table| *table == id)?;
    NAMES.get(place).copied()
}

impl Speaker {
    /// The table with this number.
    pub fn table(&self, id: TableId) -> Option<&dyn Table> {
        let common = &self.rib.common;
        let tables: [&dyn Table; 16] = [
            &self.sessions,
            &self.deferrals,
            &common.attributes.sets,
            &common.next_hops,
            &common.default_routes,
            &common.groups,
            &self.rib.v4.paths,
            &self.rib.v4.told,
            &self.rib.v4.sweeps,
            &self.rib.v4.missed,
            &self.rib.v6.paths,
            &self.rib.v6.told,
            &self.rib.v6.sweeps,
            &self.rib.v6.missed,
            &common.log,
            &common.streams,
        ];
        tables.into_iter().find(|table| table.id() == id)
    }

    /// The table with this number.
    pub fn table_mut(&mut self, id: TableId) -> Option<&mut dyn Table> {
        let common = &mut self.rib.common;
        let tables: [&mut dyn Table; 16] = [
            &mut self.sessions,
            &mut self.deferrals,
            &mut common.attributes.sets,
            &mut common.next_hops,
            &mut common.default_routes,
            &mut common.groups,
            &mut self.rib.v4.paths,
            &mut self.rib.v4.told,
            &mut self.rib.v4.sweeps,
            &mut self.rib.v4.missed,
            &mut self.rib.v6.paths,
            &mut self.rib.v6.told,
            &mut self.rib.v6.sweeps,
            &mut self.rib.v6.missed,
            &mut common.log,
            &mut common.streams,
        ];
        tables.into_iter().find(|table| table.id() == id)
    }
}
