//! `neighbor ... default-originate route-map`: the default route that is told while the routing table holds a route that
//! the route map permits.
//!
//! Whoever has the routing table finds such a route and says so by [`Rib::set_default_route`]; which one it found is part of the
//! row, so that a successor has to look for another only when that one goes.

use ::checkpoint::{Key, Row, TableId};
use alloc::string::String;
use alloc::vec::Vec;
use packet::bgp::Origin;
use packet::{Prefix, V4};

use crate::family::{BgpFamily, RouteKey};
use crate::group::GroupKey;
use crate::paths::Paths;
use crate::policy::{Draft, Policies, RouteMapEntry, Subject};
use crate::rib::{Common, Rib};

/// Number of the table of default routes.
pub const DEFAULT_ROUTES_TABLE: TableId = TableId(98);

/// A route map by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteMapName(pub String);

impl Key for RouteMapName {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        String::from_utf8(bytes.to_vec()).ok().map(RouteMapName)
    }
}

/// A default route that is told on condition of a route map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultRoute {
    /// The route that the map was found to permit; `None`: it has gone, and another one is being looked for.
    pub witness: Option<Prefix<V4>>,
    /// Attributes of the default route, in canonical form: what the map sets. Without a next hop it is our own address.
    pub attributes: Vec<u8>,
}

impl DefaultRoute {
    /// The default route that goes with `witness`, which `entry` of a route map has permitted.
    pub fn permitted_by(witness: Prefix<V4>, entry: &RouteMapEntry, policies: &Policies) -> DefaultRoute {
        let mut subject = Subject::new(Draft::default(), 0);
        subject.draft.origin = Some(Origin::Igp);
        entry.set(policies, &mut subject);
        let mut attributes = Vec::new();
        subject.draft.finish(&mut attributes);
        DefaultRoute {
            witness: Some(witness),
            attributes,
        }
    }
}

/// Tagged form of [`DefaultRoute`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct DefaultRouteRecord {
    /// See [`DefaultRoute::witness`]: its key as a route, or no bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub witness: Vec<u8>,
    /// See [`DefaultRoute::attributes`].
    #[prost(bytes = "vec", tag = "2")]
    pub attributes: Vec<u8>,
}

impl Row for DefaultRoute {
    type Record = DefaultRouteRecord;

    fn to_record(&self) -> DefaultRouteRecord {
        let DefaultRoute { witness, attributes } = self.clone();
        let mut place = Vec::new();
        if let Some(witness) = witness {
            RouteKey(witness).encode(&mut place);
        }
        DefaultRouteRecord {
            witness: place,
            attributes,
        }
    }

    fn from_record(record: DefaultRouteRecord) -> Result<Self, &'static str> {
        let witness = match record.witness.as_slice() {
            [] => None,
            bytes => Some(RouteKey::decode(bytes).ok_or("witness")?.0),
        };
        Ok(DefaultRoute {
            witness,
            attributes: record.attributes,
        })
    }
}

impl Rib {
    /// From this turn on this is the default route of those whose `default-originate` has the route map `map`; `None`: there
    /// is none. They are told at the turn's end, if it is another one than before.
    pub fn set_default_route(&mut self, map: &str, route: Option<DefaultRoute>) {
        let key = RouteMapName(map.into());
        let rows = &mut self.common.default_routes;
        let told = |route: Option<&DefaultRoute>| route.map(|route| route.attributes.clone());
        let before = told(rows.get(&key));
        let now = told(route.as_ref());
        match route {
            Some(route) if rows.get(&key) != Some(&route) => rows.insert(key, route),
            Some(_) => {}
            None => drop(rows.remove(&key)),
        }
        if now != before {
            let best = self.v4.get(Prefix::DEFAULT).and_then(Paths::best).copied();
            self.v4.changed.push((Prefix::DEFAULT, best));
        }
    }
}

impl Common {
    /// Whether `default-originate` makes this route for the group now.
    pub(crate) fn originates<F: BgpFamily>(&self, key: &GroupKey, prefix: &Prefix<F>) -> bool {
        let is_meant = key.default_originate && F::NUMBER == 0 && *prefix == Prefix::DEFAULT;
        is_meant && (key.default_originate_map.is_none() || self.default_route(key).is_some())
    }

    /// What the route map of `default-originate` makes of the default route.
    pub(crate) fn default_route(&self, key: &GroupKey) -> Option<&DefaultRoute> {
        let name = key.default_originate_map.clone()?;
        self.default_routes.get(&RouteMapName(name))
    }
}
