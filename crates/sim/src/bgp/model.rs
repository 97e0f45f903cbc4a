//! What the neighbours of a router ought to know at rest, from its running configuration and from what they announce.
//!
//! A second, slower BGP, written against RFC 4271 and the vendor's manual and not against the code under test: no
//! increments, no groups, no cache. It knows the commands that the simulated operator types, and no others.

use crate::bgp::route::{Attributes, Routes};
use packet::bgp::Origin;
use packet::{Prefix, V4};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// LOCAL_PREF of a route that comes without.
const LOCAL_PREFERENCE: u32 = 100;

/// An entry of a prefix list.
#[derive(Clone, Debug)]
struct ListEntry {
    permits: bool,
    prefix: Prefix<V4>,
    least: u8,
    most: u8,
}

/// An entry of a route map.
#[derive(Clone, Debug, Default)]
struct MapEntry {
    permits: bool,
    /// Prefix lists of which one has to take the route; none: every route is taken.
    matches: Vec<String>,
    local_preference: Option<u32>,
    metric: Option<u32>,
    prepends: Vec<u32>,
}

/// What is configured about a neighbour.
#[derive(Clone, Debug, Default)]
struct Peering {
    remote_as: Option<u32>,
    shutdown: bool,
    send_community: bool,
    next_hop_self: bool,
    reflector_client: bool,
    lists: [Option<String>; 2],
    maps: [Option<String>; 2],
}

/// What of a running configuration BGP depends on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Configuration {
    as_number: Option<u32>,
    networks: BTreeSet<Prefix<V4>>,
    redistributes_connected: bool,
    redistributes_static: bool,
    peerings: BTreeMap<Ipv4Addr, Peering>,
    lists: BTreeMap<String, BTreeMap<u32, ListEntry>>,
    maps: BTreeMap<String, BTreeMap<u32, MapEntry>>,
    connected: BTreeSet<Prefix<V4>>,
    statics: BTreeSet<Prefix<V4>>,
}

/// What the model has to know of a neighbour.
pub(crate) struct Facts<'a> {
    pub(crate) address: Ipv4Addr,
    /// The router's address on its network.
    pub(crate) router: Ipv4Addr,
    pub(crate) as_number: u32,
    pub(crate) announced: &'a Routes,
}

/// A path, as the decision sees it.
#[derive(Clone, Debug)]
struct Path {
    /// `None`: the router's own.
    from: Option<usize>,
    internal: bool,
    attributes: Attributes,
}

fn masked(address: &str, mask: &str) -> Option<Prefix<V4>> {
    let mask: Ipv4Addr = mask.parse().ok()?;
    Prefix::new(address.parse().ok()?, u32::from(mask).leading_ones() as u8).ok()
}

fn with_length(text: &str) -> Option<Prefix<V4>> {
    let (network, length) = text.split_once('/')?;
    Prefix::new(network.parse().ok()?, length.parse().ok()?).ok()
}

impl Configuration {
    /// Reads the lines of a running configuration.
    pub(crate) fn read(lines: &[String]) -> Self {
        let mut read = Self::default();
        let mut section = Vec::new();
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            if !line.starts_with(' ') {
                section = words.clone();
                read.global(&words);
            } else if section.first() == Some(&"interface") {
                read.of_interface(&words);
            } else if section.first() == Some(&"router") {
                read.of_router(&words);
            } else if let ["route-map", name, _, sequence] = section[..] {
                read.of_map(name, sequence, &words);
            }
        }
        read
    }

    fn global(&mut self, words: &[&str]) {
        match *words {
            ["router", "bgp", number] => self.as_number = number.parse().ok(),
            ["ip", "route", network, mask, ..] => self.statics.extend(masked(network, mask)),
            ["route-map", name, action, sequence] => {
                let entry = MapEntry {
                    permits: action == "permit",
                    ..MapEntry::default()
                };
                if let Ok(sequence) = sequence.parse() {
                    self.maps.entry(name.into()).or_default().insert(sequence, entry);
                }
            }
            ["ip", "prefix-list", name, "seq", sequence, action, prefix, ..] => {
                let bound = |word: &str| {
                    let at = words.iter().position(|each| *each == word)?;
                    words.get(at + 1)?.parse::<u8>().ok()
                };
                let (Some(prefix), Ok(sequence)) = (with_length(prefix), sequence.parse()) else {
                    return;
                };
                let (least, most) = match (bound("ge"), bound("le")) {
                    (None, None) => (prefix.len(), prefix.len()),
                    (least, most) => (least.unwrap_or(prefix.len()), most.unwrap_or(32)),
                };
                let permits = action == "permit";
                let entry = ListEntry {
                    permits,
                    prefix,
                    least,
                    most,
                };
                self.lists.entry(name.into()).or_default().insert(sequence, entry);
            }
            _ => {}
        }
    }

    fn of_interface(&mut self, words: &[&str]) {
        if let ["ip", "address", address, mask] = *words {
            self.connected.extend(masked(address, mask));
        }
    }

    fn of_router(&mut self, words: &[&str]) {
        match *words {
            ["network", network, "mask", mask] => self.networks.extend(masked(network, mask)),
            ["network", network] => {
                let class = match network
                    .split('.')
                    .next()
                    .and_then(|octet| octet.parse::<u8>().ok())
                {
                    Some(0..128) => "255.0.0.0",
                    Some(128..192) => "255.255.0.0",
                    _ => "255.255.255.0",
                };
                self.networks.extend(masked(network, class));
            }
            ["redistribute", "connected", ..] => self.redistributes_connected = true,
            ["redistribute", "static", ..] => self.redistributes_static = true,
            ["neighbor", address, ref setting @ ..] => {
                let Ok(address) = address.parse() else { return };
                let peering = self.peerings.entry(address).or_default();
                match *setting {
                    ["remote-as", number] => peering.remote_as = number.parse().ok(),
                    ["shutdown"] => peering.shutdown = true,
                    ["send-community", ..] => peering.send_community = true,
                    ["next-hop-self"] => peering.next_hop_self = true,
                    ["route-reflector-client"] => peering.reflector_client = true,
                    ["prefix-list", name, direction] => {
                        peering.lists[usize::from(direction == "out")] = Some(name.into());
                    }
                    ["route-map", name, direction] => {
                        peering.maps[usize::from(direction == "out")] = Some(name.into());
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn of_map(&mut self, name: &str, sequence: &str, words: &[&str]) {
        let Ok(sequence) = sequence.parse::<u32>() else {
            return;
        };
        let Some(entry) = self.maps.get_mut(name).and_then(|map| map.get_mut(&sequence)) else {
            return;
        };
        match *words {
            ["match", "ip", "address", "prefix-list", ref lists @ ..] => {
                entry.matches = lists.iter().copied().map(String::from).collect();
            }
            ["set", "local-preference", value] => entry.local_preference = value.parse().ok(),
            ["set", "metric", value] => entry.metric = value.parse().ok(),
            ["set", "as-path", "prepend", ref numbers @ ..] => {
                entry.prepends = numbers.iter().filter_map(|number| number.parse().ok()).collect();
            }
            _ => {}
        }
    }

    /// Whether a session with this neighbour is wanted.
    pub(crate) fn wants(&self, address: Ipv4Addr, as_number: u32) -> bool {
        let peering = self.peerings.get(&address).filter(|_| self.as_number.is_some());
        peering.is_some_and(|peering| !peering.shutdown && peering.remote_as == Some(as_number))
    }

    /// Whether policy takes such a route of a neighbour.
    pub(crate) fn accepts(&self, address: Ipv4Addr, prefix: &Prefix<V4>, attributes: &Attributes) -> bool {
        let peering = self.peerings.get(&address);
        peering.is_some_and(|peering| self.policy(peering, 0, prefix, attributes.clone()).is_some())
    }

    fn list_takes(&self, name: &str, prefix: &Prefix<V4>) -> bool {
        let Some(list) = self.lists.get(name) else {
            return true;
        };
        let found = list.values().find(|entry| {
            let covers = entry.prefix.covers(prefix);
            covers && (entry.least..=entry.most).contains(&prefix.len())
        });
        found.is_some_and(|entry| entry.permits)
    }

    /// Applies a neighbour's policy of one direction; `None`: refused.
    fn policy(
        &self,
        peering: &Peering,
        direction: usize,
        prefix: &Prefix<V4>,
        mut attributes: Attributes,
    ) -> Option<Attributes> {
        if let Some(name) = &peering.lists[direction]
            && !self.list_takes(name, prefix)
        {
            return None;
        }
        let Some(name) = &peering.maps[direction] else {
            return Some(attributes);
        };
        let matches = |entry: &&MapEntry| {
            let lists = &entry.matches;
            lists.is_empty() || lists.iter().any(|list| self.list_takes(list, prefix))
        };
        let entry = self.maps.get(name)?.values().find(matches)?;
        if !entry.permits {
            return None;
        }
        attributes.local_preference = entry.local_preference.or(attributes.local_preference);
        attributes.med = entry.metric.or(attributes.med);
        attributes.path.splice(0..0, entry.prepends.iter().copied());
        Some(attributes)
    }

    fn own_paths(&self) -> BTreeMap<Prefix<V4>, Path> {
        let path = |origin| Path {
            from: None,
            internal: false,
            attributes: Attributes {
                origin,
                path: Vec::new(),
                next_hop: Ipv4Addr::UNSPECIFIED,
                med: Some(0),
                local_preference: None,
                communities: Vec::new(),
            },
        };
        let mut own = BTreeMap::new();
        let routes = self.connected.union(&self.statics);
        for prefix in routes {
            let redistributed = self.redistributes_connected && self.connected.contains(prefix)
                || self.redistributes_static && self.statics.contains(prefix);
            if self.networks.contains(prefix) {
                own.insert(*prefix, path(Origin::Igp));
            } else if redistributed {
                own.insert(*prefix, path(Origin::Incomplete));
            }
        }
        own
    }

    /// What each of the neighbours ought to know.
    pub(crate) fn views(&self, neighbors: &[Facts<'_>]) -> Vec<Routes> {
        let own_as = self.as_number.unwrap_or_default();
        let mut paths: BTreeMap<Prefix<V4>, Vec<Path>> = BTreeMap::new();
        for (prefix, path) in self.own_paths() {
            paths.entry(prefix).or_default().push(path);
        }
        for (number, facts) in neighbors.iter().enumerate() {
            let Some(peering) = self
                .peerings
                .get(&facts.address)
                .filter(|_| self.wants(facts.address, facts.as_number))
            else {
                continue;
            };
            let internal = facts.as_number == own_as;
            for (prefix, attributes) in facts.announced {
                let mut attributes = attributes.clone();
                if attributes.path.contains(&own_as) {
                    continue;
                }
                if !internal {
                    attributes.local_preference = None;
                }
                if let Some(attributes) = self.policy(peering, 0, prefix, attributes) {
                    let from = Some(number);
                    let path = Path {
                        from,
                        internal,
                        attributes,
                    };
                    paths.entry(*prefix).or_default().push(path);
                }
            }
        }
        let best: BTreeMap<Prefix<V4>, Path> = paths
            .into_iter()
            .filter_map(|(prefix, paths)| Some((prefix, best_of(paths)?)))
            .collect();
        let numbered = neighbors.iter().enumerate();
        numbered
            .map(|(number, facts)| self.view(number, facts, neighbors, &best))
            .collect()
    }

    fn view(
        &self,
        number: usize,
        facts: &Facts<'_>,
        neighbors: &[Facts<'_>],
        best: &BTreeMap<Prefix<V4>, Path>,
    ) -> Routes {
        let mut view = Routes::new();
        let Some(peering) = self
            .peerings
            .get(&facts.address)
            .filter(|_| self.wants(facts.address, facts.as_number))
        else {
            return view;
        };
        let own_as = self.as_number.unwrap_or_default();
        let internal = facts.as_number == own_as;
        for (prefix, path) in best {
            let teller = path.from.and_then(|from| neighbors.get(from));
            let client = teller
                .and_then(|teller| self.peerings.get(&teller.address))
                .is_some_and(|peering| peering.reflector_client);
            let reflected = internal && path.internal;
            if path.from == Some(number) || reflected && !client && !peering.reflector_client {
                continue;
            }
            let mut attributes = path.attributes.clone();
            if internal {
                attributes.local_preference.get_or_insert(LOCAL_PREFERENCE);
                if path.from.is_none() || peering.next_hop_self && !reflected {
                    attributes.next_hop = facts.router;
                }
            } else {
                attributes.local_preference = None;
                attributes.next_hop = facts.router;
                if path.from.is_some() {
                    attributes.med = None;
                }
            }
            let Some(mut attributes) = self.policy(peering, 1, prefix, attributes) else {
                continue;
            };
            if !internal {
                attributes.path.insert(0, own_as);
                attributes.local_preference = None;
            }
            if !peering.send_community {
                attributes.communities.clear();
            }
            view.insert(*prefix, attributes);
        }
        view
    }
}

/// The best of several paths. The steps from MED on are not needed: see [`crate::bgp::script`].
fn best_of(paths: Vec<Path>) -> Option<Path> {
    let rank = |path: &Path| {
        let preference = path.attributes.local_preference.unwrap_or(LOCAL_PREFERENCE);
        // What the router originates has the weight 32768, others none.
        let own = path.from.is_none();
        let length = path.attributes.path.len();
        (!own, std::cmp::Reverse(preference), length)
    };
    let best = paths.iter().map(rank).min()?;
    let mut paths = paths.into_iter().filter(|path| rank(path) == best);
    let found = paths.next()?;
    assert!(paths.next().is_none(), "scripts tell paths of different lengths");
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bgp::route::prefix_24;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(String::from).collect()
    }

    fn route(path: &[u32]) -> Attributes {
        Attributes {
            origin: Origin::Igp,
            path: path.into(),
            next_hop: Ipv4Addr::new(10, 0, 0, 200),
            med: Some(5),
            local_preference: None,
            communities: vec![77],
        }
    }

    const CONFIGURATION: &str = "hostname Router
interface Ethernet0/0
 ip address 10.0.0.1 255.255.255.0
interface Ethernet0/1
 ip address 10.0.1.1 255.255.255.0
router bgp 65000
 network 10.0.0.0 mask 255.255.255.0
 redistribute connected
 neighbor 10.0.0.200 remote-as 65001
 neighbor 10.0.1.201 remote-as 65000
 neighbor 10.0.1.202 remote-as 65002
 neighbor 10.0.1.202 route-map OUT out
 neighbor 10.0.1.202 send-community
ip prefix-list SOME seq 5 permit 100.0.0.0/8 le 32
route-map OUT permit 10
 match ip address prefix-list SOME
 set metric 9
 set as-path prepend 65000 65000";

    #[test]
    fn each_neighbour_is_told_what_its_session_and_policy_let_through() {
        let read = Configuration::read(&lines(CONFIGURATION));
        let told: Routes = [
            (prefix_24(100, 64, 1), route(&[65_001, 7])),
            (prefix_24(101, 0, 1), route(&[65_001, 7, 8])),
        ]
        .into();
        let shorter: Routes = [(prefix_24(101, 0, 1), route(&[65_002, 7]))].into();
        let none = Routes::new();
        let facts = |address: [u8; 4], as_number, announced| Facts {
            address: address.into(),
            router: Ipv4Addr::new(10, 0, address[2], 1),
            as_number,
            announced,
        };
        let views = read.views(&[
            facts([10, 0, 0, 200], 65_001, &told),
            facts([10, 0, 1, 201], 65_000, &none),
            facts([10, 0, 1, 202], 65_002, &shorter),
        ]);
        let external = |path: &[u32]| Attributes {
            next_hop: Ipv4Addr::new(10, 0, 0, 1),
            med: None,
            communities: Vec::new(),
            ..route(path)
        };
        assert_eq!(
            views[0].get(&prefix_24(101, 0, 1)),
            Some(&external(&[65_000, 65_002, 7]))
        );
        assert_eq!(
            views[0].get(&prefix_24(100, 64, 1)),
            None,
            "nobody is told what he said"
        );
        let own = |prefix: &Prefix<V4>| views[0].get(prefix).map(|route| (route.origin, route.med));
        assert_eq!(own(&prefix_24(10, 0, 0)), Some((Origin::Igp, Some(0))));
        assert_eq!(own(&prefix_24(10, 0, 1)), Some((Origin::Incomplete, Some(0))));
        let internal = &views[1][&prefix_24(100, 64, 1)];
        assert_eq!(internal.local_preference, Some(100));
        assert_eq!(internal.next_hop, Ipv4Addr::new(10, 0, 0, 200));
        assert_eq!(internal.path, [65_001, 7]);
        let filtered = &views[2];
        assert_eq!(filtered.len(), 1, "{filtered:?}");
        let mapped = &filtered[&prefix_24(100, 64, 1)];
        assert_eq!(mapped.path, [65_000, 65_000, 65_000, 65_001, 7]);
        assert_eq!((mapped.med, &mapped.communities[..]), (Some(9), &[77][..]));
    }
}
