//! Which routes are the best, and where a next hop leads.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use chassis::rows::Path;
use checkpoint::Tracked;
use packet::{Address, Prefix};

use crate::next_hop::NextHop;
use crate::route::{Protocol, Route, RouteIndex, RouteKey, Via};
use crate::{RouteFamily, family};

/// Most paths that a prefix has in the FIB; of more equal ones the first are taken.
pub const PATHS_MAX: usize = 16;
/// Most routes that lead from one next hop to the next before one names a port.
pub const RESOLUTION_DEPTH_MAX: usize = 8;
/// Most addresses looked up for one next hop; what lies beyond counts as unreachable.
const LOOKUPS_MAX: usize = 64;
/// The distance of routes that are never used.
const DISTANCE_UNUSABLE: u8 = 255;

pub(crate) type Routes<F> = Tracked<RouteKey<F>, Route, RouteIndex<F>>;

/// Preference among the routes to one prefix; the lowest wins. Metrics of different protocols do not compare, so the
/// protocol stands before them.
type Rank = (u8, Protocol, u32);

/// The routes to `prefix` in order of preference; equal ones are ECMP.
fn ranked<F: RouteFamily>(routes: &Routes<F>, prefix: Prefix<F>) -> Vec<(Rank, RouteKey<F>)> {
    let mut ranked: Vec<_> = routes
        .range(RouteKey::first_of(prefix)..)
        .take_while(|(key, _)| key.prefix == prefix)
        .filter(|(_, route)| route.distance != DISTANCE_UNUSABLE)
        .map(|(key, route)| ((route.distance, key.protocol, route.metric), *key))
        .collect();
    ranked.sort_unstable();
    ranked
}

/// The best routes to `prefix` among the usable ones; empty when none is.
pub(crate) fn best<F: RouteFamily>(
    routes: &Routes<F>,
    prefix: Prefix<F>,
    usable: impl Fn(&RouteKey<F>) -> bool,
) -> Vec<RouteKey<F>> {
    let ranked = ranked(routes, prefix);
    ranked
        .chunk_by(|(a, _), (b, _)| a == b)
        .map(|equals| {
            equals
                .iter()
                .map(|(_, key)| *key)
                .filter(&usable)
                .collect::<Vec<_>>()
        })
        .find(|equals| !equals.is_empty())
        .unwrap_or_default()
}

/// Finds the ways to `address`: the longest prefix with a usable route, and from its next hops on in the same way.
///
/// A route that leads back to an address being looked up, or too far, is not usable for it: so no route resolves over
/// itself, and a BGP route may resolve over another one. The default route counts like any other, for BGP too, as long as
/// nobody restricts that (the vendor's `bgp nexthop route-map`).
pub(crate) fn resolve<F: RouteFamily>(routes: &Routes<F>, address: F::Address) -> NextHop<F> {
    let mut walk = Walk {
        routes,
        visited: BTreeMap::new(),
        paths: BTreeSet::new(),
        metric: 0,
    };
    walk.visit(address, 0);
    NextHop {
        metric: walk.metric,
        tracked: false,
        is_news: false,
        paths: walk.paths.into_iter().take(PATHS_MAX).collect(),
        looked_up: walk.visited.into_keys().collect(),
    }
}

/// What the routes to one prefix say about an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// At least one way was found.
    Reachable,
    /// It ends here: at the router itself, or nowhere.
    End,
    /// No route is usable: a shorter prefix may know.
    Unknown,
}

struct Walk<'a, F: RouteFamily> {
    routes: &'a Routes<F>,
    /// Whether the address is reachable; `None` while that is being found out.
    visited: BTreeMap<F::Address, Option<bool>>,
    paths: BTreeSet<Path<F>>,
    /// Metric of the routes that the first address is found by.
    metric: u32,
}

impl<F: RouteFamily> Walk<'_, F> {
    fn visit(&mut self, address: F::Address, depth: usize) -> bool {
        if let Some(known) = self.visited.get(&address) {
            return known.unwrap_or(false);
        }
        if depth > RESOLUTION_DEPTH_MAX || self.visited.len() >= LOOKUPS_MAX {
            return false;
        }
        self.visited.insert(address, None);
        let reachable = self.look_up(address, depth);
        self.visited.insert(address, Some(reachable));
        reachable
    }

    fn look_up(&mut self, address: F::Address, depth: usize) -> bool {
        let host = Prefix::host(address);
        let verdict = self
            .routes
            .index()
            .lengths()
            .filter_map(|length| family::enclosing(&host, length))
            .map(|prefix| self.follow(prefix, address, depth))
            .find(|verdict| *verdict != Verdict::Unknown);
        verdict == Some(Verdict::Reachable)
    }

    /// Follows the best usable routes to `prefix` towards `address`, which lies in it.
    fn follow(&mut self, prefix: Prefix<F>, address: F::Address, depth: usize) -> Verdict {
        let ranked = ranked(self.routes, prefix);
        for equals in ranked.chunk_by(|(a, _), (b, _)| a == b) {
            let mut verdict = Verdict::Unknown;
            for (_, key) in equals {
                match self.step(key, address, depth) {
                    Verdict::Reachable => verdict = Verdict::Reachable,
                    Verdict::End if verdict == Verdict::Unknown => verdict = Verdict::End,
                    Verdict::End | Verdict::Unknown => {}
                }
            }
            if verdict == Verdict::Reachable && depth == 0 {
                self.metric = equals.first().map_or(0, |((.., metric), _)| *metric);
            }
            if verdict != Verdict::Unknown {
                return verdict;
            }
        }
        Verdict::Unknown
    }

    fn step(&mut self, key: &RouteKey<F>, address: F::Address, depth: usize) -> Verdict {
        let (port, neighbor) = match key.via {
            Via::Own(_) | Via::Discard => return Verdict::End,
            Via::Attached(port) => (port, address),
            Via::Neighbor(port, neighbor) => (port, neighbor),
            Via::NextHop(next) => {
                return match self.visit(next, depth + 1) {
                    true => Verdict::Reachable,
                    false => Verdict::Unknown,
                };
            }
        };
        if !self.routes.index().port_is_up(port) {
            return Verdict::Unknown;
        }
        self.paths.insert(Path {
            port,
            next_hop: Some(neighbor),
        });
        Verdict::Reachable
    }
}

/// The longest of the prefix lengths in `lengths` whose prefix around `address` satisfies `found`.
pub(crate) fn longest_match<F: RouteFamily, T>(
    lengths: impl Iterator<Item = u8>,
    address: F::Address,
    found: impl Fn(Prefix<F>) -> Option<T>,
) -> Option<(Prefix<F>, T)> {
    lengths
        .filter_map(|length| Prefix::new(address.masked(length), length).ok())
        .find_map(|prefix| found(prefix).map(|value| (prefix, value)))
}
