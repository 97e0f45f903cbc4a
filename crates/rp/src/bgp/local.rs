//! Routes of the router itself in BGP: `network` and `redistribute`.

use super::settings::Settings;
use crate::clients::Clients;
use ::bgp::policy::{Draft, Subject, Verdict};
use ::bgp::{NETWORK, local_attributes};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use chassis::rows::PrefixKey;
use checkpoint::{Row, TableId};
use config::bgp::{RedistributedSource, Redistribution};
use packet::bgp::Origin;
use packet::{Prefix, V4};
use rib::Protocol;

/// Number of the table of local routes.
pub const LOCAL_ROUTE_TABLE: TableId = TableId(95);
/// Changes of the routing table that are followed in one turn.
const CHANGES_PER_TURN: usize = 2_000;

/// A route of the router itself that is in BGP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalRoute {
    /// By `network`, not by `redistribute`.
    pub is_network: bool,
    /// Its attributes, in canonical form.
    pub attributes: Vec<u8>,
    /// Its weight: 32768 unless a route map says otherwise.
    pub weight: u16,
}

/// Tagged form of [`LocalRoute`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct LocalRouteRecord {
    /// See [`LocalRoute::is_network`].
    #[prost(bool, tag = "1")]
    pub is_network: bool,
    /// See [`LocalRoute::attributes`].
    #[prost(bytes = "vec", tag = "2")]
    pub attributes: Vec<u8>,
    /// See [`LocalRoute::weight`].
    #[prost(uint32, tag = "3")]
    pub weight: u32,
}

impl Row for LocalRoute {
    type Record = LocalRouteRecord;

    fn to_record(&self) -> LocalRouteRecord {
        let LocalRoute {
            is_network,
            attributes,
            weight,
        } = self.clone();
        LocalRouteRecord {
            is_network,
            attributes,
            weight: u32::from(weight),
        }
    }

    fn from_record(record: LocalRouteRecord) -> Result<Self, &'static str> {
        Ok(LocalRoute {
            is_network: record.is_network,
            attributes: record.attributes,
            weight: u16::try_from(record.weight).map_err(|_| "weight")?,
        })
    }
}

/// Brings the routes that the router itself has in BGP in line with configuration and routing table. Costs the number of
/// `network` commands and, with `redistribute`, that of connected and static routes.
pub(super) fn reconcile(clients: &mut Clients, settings: Option<&Settings>) {
    let mut wanted: BTreeMap<Prefix<V4>, LocalRoute> = BTreeMap::new();
    if let Some(settings) = settings {
        let networks = settings.networks.keys().copied();
        let offers = clients
            .rib
            .offers_after(None, usize::MAX)
            .map(|(prefix, _)| prefix);
        let redistributed = offers.filter(|_| !settings.redistributions.is_empty());
        for prefix in networks.chain(redistributed) {
            if let Some(route) = wanted_route(clients, settings, prefix) {
                wanted.insert(prefix, route);
            }
        }
    }
    let rows = clients.bgp_local_routes.iter();
    let gone: Vec<Prefix<V4>> = rows
        .map(|(key, _)| key.0)
        .filter(|prefix| !wanted.contains_key(prefix))
        .collect();
    for prefix in gone {
        set(clients, prefix, None);
    }
    for (prefix, route) in wanted {
        set(clients, prefix, Some(route));
    }
}

/// The same for what has changed in the routing table since it was asked last.
pub(super) fn follow(clients: &mut Clients, settings: Option<&Settings>) {
    if !clients.rib.has_redistribution_changes() {
        return;
    }
    for (prefix, _) in clients.rib.take_redistribution_changes(CHANGES_PER_TURN) {
        let route = settings.and_then(|settings| wanted_route(clients, settings, prefix));
        set(clients, prefix, route);
    }
}

fn set(clients: &mut Clients, prefix: Prefix<V4>, route: Option<LocalRoute>) {
    let key = PrefixKey(prefix);
    if clients.bgp_local_routes.get(&key) == route.as_ref() {
        return;
    }
    let rib = &mut clients.speaker.rib;
    if let Some(route) = route {
        let flags = if route.is_network { NETWORK } else { 0 };
        if rib.originate_v4(prefix, &route.attributes, route.weight, flags) {
            clients.bgp_local_routes.insert(key, route);
            return;
        }
    }
    rib.withdraw_local_v4(prefix);
    clients.bgp_local_routes.remove(&key);
}

/// What BGP has of a connected or static route. One that is there in both ways is one of `network`: its origin is the
/// better one.
fn wanted_route(clients: &Clients, settings: &Settings, prefix: Prefix<V4>) -> Option<LocalRoute> {
    let offered = clients.rib.offered(prefix)?;
    let by_network = settings
        .networks
        .get(&prefix)
        .and_then(|route_map| local_route(settings, prefix, offered.metric, true, route_map.as_deref()));
    by_network.or_else(|| {
        let source = match offered.protocol {
            Protocol::Connected => RedistributedSource::Connected,
            _ => RedistributedSource::Static,
        };
        // Whoever redistributes his routes does not ask to attract all traffic: that takes a command of its own.
        if prefix.is_default() && !settings.default_information {
            return None;
        }
        let Redistribution { metric, route_map } = settings.redistributions.get(&source)?;
        let metric = metric.unwrap_or(offered.metric);
        local_route(settings, prefix, metric, false, route_map.as_deref())
    })
}

fn local_route(
    settings: &Settings,
    prefix: Prefix<V4>,
    metric: u32,
    is_network: bool,
    route_map: Option<&str>,
) -> Option<LocalRoute> {
    const WEIGHT: u16 = 32_768;
    let origin = match is_network {
        true => Origin::Igp,
        false => Origin::Incomplete,
    };
    let attributes = local_attributes(origin, Some(metric), None);
    let Some(name) = route_map else {
        return Some(LocalRoute {
            is_network,
            attributes,
            weight: WEIGHT,
        });
    };
    let policies = &settings.policies;
    let map = policies.route_maps.get(name)?;
    let set = ::bgp::AttributeSet::new(&attributes)?;
    let mut subject = Subject::new(Draft::of(&set.canonical()), WEIGHT);
    if map.apply(policies, &policies.prefix_lists_v4, &prefix, &mut subject) == Verdict::Deny {
        return None;
    }
    let mut attributes = Vec::new();
    subject.draft.finish(&mut attributes);
    Some(LocalRoute {
        is_network,
        attributes,
        weight: subject.weight,
    })
}
