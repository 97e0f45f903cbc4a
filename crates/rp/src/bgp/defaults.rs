//! `neighbor ... default-originate route-map M`: the default route is told while the routing table holds a route that M
//! permits.
//!
//! ```text
//!                  ┌─ prefixes that changed ─▶ is it the witness, or is one wanted? ─┐
//!   routing table ─┤                                                                 ├─▶ M ─▶ [default routes] ─▶ told
//!                  └─ walk, once the witness has gone ───────────────────────────────┘
//! ```
//!
//! One route that M permits, the witness, is enough; nothing else is looked at while it is there. When it goes, the default route
//! stays until a walk over the routing table has found no other. The row names the witness, so a successor asks about one route for
//! each map; changes that the last active had not looked at yet are found by that, or by the walk that is due without a witness.

use super::settings::Settings;
use crate::clients::Clients;
use ::bgp::policy::{Draft, Subject};
use ::bgp::{AttributeSet, DefaultRoute, Paths, RouteMapName, local_attributes};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use packet::bgp::{NextHop, Origin};
use packet::{Prefix, V4};
use rib::{Protocol, Via};

/// Routes that are looked at in one turn, for all route maps together.
const ROUTES_PER_TURN: usize = 2_000;

/// The route maps of `default-originate`, and where the search for a witness of each is.
#[derive(Default)]
pub(super) struct DefaultOriginate {
    maps: BTreeMap<String, Search>,
}

/// The search for a route that a route map permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Search {
    /// There is a witness, or no route that could be one.
    Over,
    /// It goes on after this prefix; `None`: at the first one.
    After(Option<Prefix<V4>>),
}

impl DefaultOriginate {
    /// The route maps are those of `settings` now. `anew`: what they permit may have changed. Looks at one route for each map, and
    /// at the first ones of a search, so that a short routing table leaves no time in between.
    pub(super) fn configure(&mut self, clients: &mut Clients, settings: Option<&Settings>, anew: bool) {
        let neighbors = settings.iter().flat_map(|settings| settings.neighbors.values());
        let wanted: BTreeSet<String> = neighbors
            .filter_map(|neighbor| neighbor.config.default_originate_map.clone())
            .collect();
        let rows = clients.speaker.rib.common.default_routes.iter();
        let gone: Vec<String> = rows
            .map(|(map, _)| map.0.clone())
            .filter(|map| !wanted.contains(map))
            .collect();
        for map in gone {
            clients.speaker.rib.set_default_route(&map, None);
        }
        self.maps.retain(|map, _| wanted.contains(map));
        clients.rib.follow_best(!wanted.is_empty());
        let Some(settings) = settings else {
            return;
        };
        for map in wanted {
            if anew || !self.maps.contains_key(&map) {
                let search = begin(clients, settings, &map);
                self.maps.insert(map, search);
            }
        }
        self.search(clients, settings);
    }

    /// Whether [`DefaultOriginate::follow`] has something to do.
    pub(super) fn has_work(&self, clients: &Clients) -> bool {
        clients.rib.has_best_changes() || self.maps.values().any(|search| *search != Search::Over)
    }

    /// Looks at what has changed in the routing table, and goes on with searches.
    pub(super) fn follow(&mut self, clients: &mut Clients, settings: Option<&Settings>) {
        if self.maps.is_empty() {
            return;
        }
        let Some(settings) = settings else {
            return self.configure(clients, None, false);
        };
        match clients
            .rib
            .take_best_changes(ROUTES_PER_TURN / self.maps.len() + 1)
        {
            Some(prefixes) => {
                for prefix in prefixes {
                    for (map, search) in &mut self.maps {
                        look_at(clients, settings, map, search, prefix);
                    }
                }
            }
            None => {
                for (map, search) in &mut self.maps {
                    *search = begin(clients, settings, map);
                }
            }
        }
        self.search(clients, settings);
    }

    fn search(&mut self, clients: &mut Clients, settings: &Settings) {
        let open = self.maps.values().filter(|search| **search != Search::Over);
        let share = ROUTES_PER_TURN / open.count().max(1) + 1;
        for (map, search) in &mut self.maps {
            let Search::After(after) = *search else {
                continue;
            };
            let prefixes = clients.rib.prefixes_after(after, share);
            *search = match prefixes.last() {
                Some(last) => Search::After(Some(*last)),
                None => {
                    clients.speaker.rib.set_default_route(map, None);
                    Search::Over
                }
            };
            let mut routes = prefixes.into_iter();
            if let Some(route) = routes.find_map(|prefix| permitted(clients, settings, map, prefix)) {
                clients.speaker.rib.set_default_route(map, Some(route));
                *search = Search::Over;
            }
        }
    }
}

fn witness(clients: &Clients, map: &str) -> Option<Prefix<V4>> {
    let rows = &clients.speaker.rib.common.default_routes;
    rows.get(&RouteMapName(map.into()))?.witness
}

/// The map is new, or permits something else: its witness is asked about again.
fn begin(clients: &mut Clients, settings: &Settings, map: &str) -> Search {
    let mut search = Search::After(None);
    if let Some(witness) = witness(clients, map) {
        look_at(clients, settings, map, &mut search, witness);
    }
    search
}

/// The route to `prefix` may be another one, or none.
fn look_at(clients: &mut Clients, settings: &Settings, map: &str, search: &mut Search, prefix: Prefix<V4>) {
    let witness = witness(clients, map);
    if witness.is_some_and(|witness| witness != prefix) {
        return;
    }
    if let Some(route) = permitted(clients, settings, map, prefix) {
        clients.speaker.rib.set_default_route(map, Some(route));
        *search = Search::Over;
    } else if witness.is_some() {
        // It is told until there is none, so that one witness after another is no news.
        let rib = &mut clients.speaker.rib;
        let row = rib.common.default_routes.get(&RouteMapName(map.into())).cloned();
        let without = row.map(|row| DefaultRoute { witness: None, ..row });
        rib.set_default_route(map, without);
        *search = Search::After(None);
    }
}

/// The default route to tell if the route to `prefix` is the witness; `None`: the map does not permit that route, or there is
/// none.
fn permitted(clients: &Clients, settings: &Settings, map: &str, prefix: Prefix<V4>) -> Option<DefaultRoute> {
    let policies = &settings.policies;
    let route_map = policies.route_maps.get(map)?;
    let subject = subject(clients, prefix, route_map.is_about_prefixes_only())?;
    let lists = &policies.prefix_lists_v4;
    let entry = route_map.permitting(policies, lists, &prefix, &subject)?;
    Some(DefaultRoute::permitted_by(prefix, entry, policies))
}

/// The best route to a prefix as a route map sees it: one of BGP as BGP has it, any other as it would be redistributed. What
/// `show ip route` leaves out is none.
fn subject(clients: &Clients, prefix: Prefix<V4>, is_bare: bool) -> Option<Subject> {
    let best = clients.rib.best(prefix);
    let best = best.first().filter(|best| best.protocol != Protocol::Broadcast)?;
    if is_bare {
        return Some(Subject::new(Draft::default(), 0));
    }
    if best.protocol == Protocol::Bgp {
        let bgp = &clients.speaker.rib;
        let path = bgp.v4.get(prefix).and_then(Paths::best)?;
        let set = bgp.common.attributes.get(path.accepted)?;
        return Some(Subject::new(Draft::of(&set.canonical()), path.weight));
    }
    let next_hop = match best.via {
        Via::Neighbor(_, address) | Via::NextHop(address) => Some(NextHop::V4(address)),
        Via::Own(_) | Via::Attached(_) | Via::Discard => None,
    };
    let metric = clients.rib.routes.get(best)?.metric;
    let set = AttributeSet::new(&local_attributes(Origin::Incomplete, Some(metric), next_hop))?;
    Some(Subject::new(Draft::of(&set.canonical()), 0))
}

#[cfg(test)]
mod tests {
    use super::super::settings::settings;
    use super::*;
    use alloc::string::ToString;
    use packet::Ipv4Addr;
    use rib::static_route;

    const MAPS: &str = "ip prefix-list ONE permit 10.0.0.0/8\nip prefix-list PART permit 10.0.0.0/8 ge 24\n\
        route-map ONE permit 10\n match ip address prefix-list ONE\n set metric 5\n\
        route-map PART permit 10\n match ip address prefix-list ONE\n set metric 7\n\
        route-map PART permit 20\n match ip address prefix-list PART\n set metric +9\n\
        router bgp 65000\n neighbor 10.9.9.1 remote-as 1\n neighbor 10.9.9.1 default-originate route-map ";

    fn settings_of(end: &str) -> Settings {
        let loaded = config::load(&[MAPS, end].concat());
        assert_eq!(loaded.errors, []);
        settings(&loaded.tree).unwrap()
    }

    fn prefix(text: &str) -> Prefix<V4> {
        text.parse().unwrap()
    }

    fn add(clients: &mut Clients, prefix: Prefix<V4>) {
        let (key, route) = static_route(prefix, Via::Discard, None);
        clients.rib.insert(key, route);
    }

    fn remove(clients: &mut Clients, prefix: Prefix<V4>) {
        let (key, _) = static_route(prefix, Via::Discard, None);
        assert!(clients.rib.remove(&key));
    }

    /// The witness of a map, and the metric of its default route; `None`: none is told.
    fn told(clients: &Clients, map: &str) -> Option<(Option<String>, Option<u32>)> {
        let rows = &clients.speaker.rib.common.default_routes;
        let row = rows.get(&RouteMapName(map.into()))?;
        let set = AttributeSet::new(&row.attributes).unwrap();
        let metric = set.canonical().attributes.multi_exit_discriminator;
        Some((row.witness.map(|prefix| prefix.to_string()), metric))
    }

    fn by(witness: &str, metric: u32) -> Option<(Option<String>, Option<u32>)> {
        Some((Some(witness.into()), Some(metric)))
    }

    /// Turns until nothing is left to do.
    fn turns(process: &mut DefaultOriginate, clients: &mut Clients, settings: &Settings) -> usize {
        let mut turns = 0;
        while process.has_work(clients) {
            process.follow(clients, Some(settings));
            turns += 1;
            assert!(turns < 1_000);
        }
        turns
    }

    #[test]
    fn the_default_follows_a_witness_and_takes_what_the_entry_sets_that_permits_it() {
        let mut clients = Clients::new();
        let settings = settings_of("PART\n");
        let mut process = DefaultOriginate::default();
        process.configure(&mut clients, Some(&settings), true);
        turns(&mut process, &mut clients, &settings);
        assert_eq!(told(&clients, "PART"), None, "no route at all");
        for (to, expected) in [
            ("10.0.0.0/16", None),
            ("10.1.2.0/24", by("10.1.2.0/24", 9)),
            ("10.1.1.0/24", by("10.1.2.0/24", 9)),
            ("10.0.0.0/8", by("10.1.2.0/24", 9)),
        ] {
            add(&mut clients, prefix(to));
            turns(&mut process, &mut clients, &settings);
            assert_eq!(told(&clients, "PART"), expected, "with {to}");
        }
        for (gone, expected) in [
            ("10.1.2.0/24", by("10.0.0.0/8", 7)),
            ("10.0.0.0/8", by("10.1.1.0/24", 9)),
            ("10.1.1.0/24", None),
        ] {
            remove(&mut clients, prefix(gone));
            turns(&mut process, &mut clients, &settings);
            assert_eq!(told(&clients, "PART"), expected, "without {gone}");
        }
    }

    #[test]
    fn a_search_takes_few_routes_in_a_turn_and_the_default_stays_until_it_has_ended() {
        const ROUTES: u32 = 20_000;
        let mut clients = Clients::new();
        for number in 0..ROUTES {
            add(&mut clients, Prefix::host(Ipv4Addr::from(0x0b00_0000 + number)));
        }
        let settings = settings_of("ONE\n");
        let mut process = DefaultOriginate::default();
        process.configure(&mut clients, Some(&settings), true);
        let all = ROUTES as usize / ROUTES_PER_TURN;
        let first = turns(&mut process, &mut clients, &settings);
        assert!((all - 1..=all + 1).contains(&first), "{first} turns");
        add(&mut clients, prefix("10.0.0.0/8"));
        assert_eq!(
            turns(&mut process, &mut clients, &settings),
            1,
            "only what changed is looked at"
        );
        assert_eq!(told(&clients, "ONE"), by("10.0.0.0/8", 5));
        remove(&mut clients, prefix("10.0.0.0/8"));
        for turn in 1..all {
            process.follow(&mut clients, Some(&settings));
            assert_eq!(told(&clients, "ONE"), Some((None, Some(5))), "turn {turn}");
        }
        turns(&mut process, &mut clients, &settings);
        assert_eq!(told(&clients, "ONE"), None);
    }

    #[test]
    fn a_successor_finds_what_the_last_active_had_not_looked_at() {
        for (before, after, expected) in [
            ("10.0.0.0/8", None, None),
            ("10.0.0.0/8", Some("10.0.0.0/8"), by("10.0.0.0/8", 7)),
            ("10.0.0.0/8", Some("10.1.1.0/24"), by("10.1.1.0/24", 9)),
            ("11.0.0.0/8", Some("10.1.1.0/24"), by("10.1.1.0/24", 9)),
        ] {
            let mut clients = Clients::new();
            let settings = settings_of("PART\n");
            let mut process = DefaultOriginate::default();
            add(&mut clients, prefix(before));
            process.configure(&mut clients, Some(&settings), true);
            turns(&mut process, &mut clients, &settings);
            let was_told = told(&clients, "PART").is_some();
            remove(&mut clients, prefix(before));
            if let Some(after) = after {
                add(&mut clients, prefix(after));
            }
            // It dies here: rows are what there is.
            clients.rib.follow_best(false);
            let mut process = DefaultOriginate::default();
            process.configure(&mut clients, Some(&settings), true);
            if after.is_some() && was_told {
                assert!(told(&clients, "PART").is_some(), "it is not withdrawn in between");
            }
            turns(&mut process, &mut clients, &settings);
            assert_eq!(told(&clients, "PART"), expected, "{before} then {after:?}");
        }
    }

    #[test]
    fn more_changes_than_are_kept_have_all_routes_looked_at() {
        let mut clients = Clients::new();
        let settings = settings_of("ONE\n");
        let mut process = DefaultOriginate::default();
        process.configure(&mut clients, Some(&settings), true);
        turns(&mut process, &mut clients, &settings);
        for number in 0..=rib::BEST_CHANGES_MAX as u32 {
            clients.rib.note_best_change(Prefix::host(Ipv4Addr::from(number)));
        }
        add(&mut clients, prefix("10.0.0.0/8"));
        assert_eq!(turns(&mut process, &mut clients, &settings), 1);
        assert_eq!(told(&clients, "ONE"), by("10.0.0.0/8", 5));
        for number in 0..=rib::BEST_CHANGES_MAX as u32 {
            clients.rib.note_best_change(Prefix::host(Ipv4Addr::from(number)));
        }
        remove(&mut clients, prefix("10.0.0.0/8"));
        turns(&mut process, &mut clients, &settings);
        assert_eq!(told(&clients, "ONE"), None);
    }

    #[test]
    fn rows_of_route_maps_that_nobody_uses_go() {
        let mut clients = Clients::new();
        add(&mut clients, prefix("10.0.0.0/8"));
        let mut process = DefaultOriginate::default();
        process.configure(&mut clients, Some(&settings_of("ONE\n")), true);
        assert_eq!(
            told(&clients, "ONE"),
            by("10.0.0.0/8", 5),
            "at once, where the table is short"
        );
        process.configure(&mut clients, Some(&settings_of("PART\n")), false);
        assert_eq!(told(&clients, "ONE"), None);
        assert_eq!(told(&clients, "PART"), by("10.0.0.0/8", 7));
        process.configure(&mut clients, Some(&settings_of("MISSING\n")), false);
        turns(&mut process, &mut clients, &settings_of("MISSING\n"));
        assert_eq!(clients.speaker.rib.common.default_routes.len(), 0);
        process.configure(&mut clients, None, false);
        add(&mut clients, prefix("10.1.0.0/16"));
        assert!(!process.has_work(&clients), "nobody follows the routing table");
    }
}
