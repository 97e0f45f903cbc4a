//! Lists and route maps of the configuration, as BGP takes them.

use super::settings::NeighborSettings;
use ::bgp::policy::{
    AsPathList, CommunityEntry, CommunityList, ListAction, Match, MetricChange, Policies, PrefixEntry,
    PrefixList, RouteMap, RouteMapEntry, Set, SetCommunity,
};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use config::Pattern;
use config::policy::{
    CommunityListKind, MatchLine, PolicyConfiguration, RouteOrigin, SetLine, parse_communities,
};
use packet::V4;
use packet::bgp::Origin;

/// All that `configured` has.
pub(super) fn policies(configured: &PolicyConfiguration) -> Policies {
    Policies {
        prefix_lists_v4: prefix_lists(configured),
        as_path_lists: as_path_lists(configured),
        community_lists: community_lists(configured),
        route_maps: route_maps(configured),
        ..Policies::default()
    }
}

const fn action(permit: bool) -> ListAction {
    if permit {
        ListAction::Permit
    } else {
        ListAction::Deny
    }
}

fn prefix_lists(configured: &PolicyConfiguration) -> BTreeMap<String, PrefixList<V4>> {
    let lists = configured.prefix_lists().iter();
    let entries = |list: &config::policy::PrefixListConfiguration| {
        let entry = |(number, entry): (&u32, &config::policy::PrefixListEntry)| {
            // Lengths that do not fit together are no part of a configuration.
            let made = PrefixEntry::new(action(entry.permit), entry.prefix, entry.ge, entry.le).ok()?;
            Some((*number, made))
        };
        list.entries.iter().filter_map(entry).collect()
    };
    lists
        .map(|(name, list)| {
            (
                name.clone(),
                PrefixList {
                    entries: entries(list),
                },
            )
        })
        .collect()
}

fn as_path_lists(configured: &PolicyConfiguration) -> BTreeMap<String, AsPathList> {
    let list = |(number, entries): (&u16, &Vec<(bool, String)>)| {
        let entry = |(permit, text): &(bool, String)| Some((action(*permit), Pattern::new(text).ok()?));
        let entries = entries.iter().filter_map(entry).collect();
        (number.to_string(), AsPathList { entries })
    };
    configured.as_path_lists().iter().map(list).collect()
}

fn community_lists(configured: &PolicyConfiguration) -> BTreeMap<String, CommunityList> {
    let list = |(name, list): (&String, &config::policy::CommunityListConfiguration)| {
        let entry = |(permit, text): &(bool, String)| {
            Some(match list.kind {
                CommunityListKind::Standard => {
                    CommunityEntry::Standard(action(*permit), parse_communities(text)?)
                }
                CommunityListKind::Expanded => {
                    CommunityEntry::Expanded(action(*permit), Pattern::new(text).ok()?)
                }
            })
        };
        let entries = list.entries.iter().filter_map(entry).collect();
        (name.clone(), CommunityList { entries })
    };
    configured.community_lists().iter().map(list).collect()
}

fn route_maps(configured: &PolicyConfiguration) -> BTreeMap<String, RouteMap> {
    let map = |(name, entries): (&str, &BTreeMap<u16, config::policy::RouteMapEntry>)| {
        let entry = |(number, entry): (&u16, &config::policy::RouteMapEntry)| {
            let made = RouteMapEntry {
                action: action(entry.permit),
                matches: entry.matches().map(match_of).collect(),
                sets: entry.sets().map(set_of).collect(),
            };
            (*number, made)
        };
        let entries = entries.iter().map(entry).collect();
        (String::from(name), RouteMap { entries })
    };
    configured.route_maps().map(map).collect()
}

fn match_of(line: &MatchLine) -> Match {
    match line.clone() {
        MatchLine::PrefixList(lists) => Match::PrefixList(lists),
        MatchLine::NextHop(lists) => Match::NextHopPrefixList(lists),
        MatchLine::AsPath(lists) => Match::AsPath(lists),
        MatchLine::Community { lists, exact } => Match::Community { lists, exact },
        MatchLine::Metric(metric) => Match::Metric(metric),
        MatchLine::LocalPreference(preference) => Match::LocalPreference(preference),
    }
}

fn set_of(line: &SetLine) -> Set {
    match line.clone() {
        SetLine::LocalPreference(preference) => Set::LocalPreference(preference),
        SetLine::Metric(change) => Set::Metric(match change {
            config::policy::MetricChange::To(metric) => MetricChange::To(metric),
            config::policy::MetricChange::Add(more) => MetricChange::Add(more),
            config::policy::MetricChange::Subtract(less) => MetricChange::Subtract(less),
        }),
        SetLine::Weight(weight) => Set::Weight(weight),
        SetLine::Origin(RouteOrigin::Igp) => Set::Origin(Origin::Igp),
        SetLine::Origin(RouteOrigin::Incomplete) => Set::Origin(Origin::Incomplete),
        SetLine::NextHop(address) => Set::NextHop(address),
        SetLine::Prepend(numbers) => Set::Prepend(numbers),
        SetLine::CommListDelete(name) => Set::Community(SetCommunity::Delete(name)),
        SetLine::Community(config::policy::SetCommunity::None) => Set::Community(SetCommunity::None),
        SetLine::Community(config::policy::SetCommunity::Values { values, additive }) => {
            Set::Community(match additive {
                true => SetCommunity::Add(values),
                false => SetCommunity::Replace(values),
            })
        }
        SetLine::LargeCommunity { values, additive } => Set::LargeCommunity {
            values: values.into_iter().map(large_bytes).collect(),
            additive,
        },
    }
}

/// Three numbers of four bytes each (RFC 8092, section 3).
fn large_bytes(parts: [u32; 3]) -> [u8; 12] {
    let mut bytes = [0; 12];
    for (place, part) in bytes.chunks_exact_mut(4).zip(parts) {
        place.copy_from_slice(&part.to_be_bytes());
    }
    bytes
}

/// Puts a `filter-list` before a neighbour's route map: a route map that asks for both, under a name that nobody can type.
/// What the list does not take then matches no entry, and is refused; everything else is judged as before.
pub(super) fn add_filter_list(policies: &mut Policies, map: Option<String>, list: &str) -> String {
    let asks = Match::AsPath(Vec::from([String::from(list)]));
    let name = format!("{} filter-list {list}", map.as_deref().unwrap_or(""));
    let before = match &map {
        Some(map) => match policies.route_maps.get(map) {
            Some(map) => map.clone(),
            // A route map that does not exist refuses everything.
            None => RouteMap::default(),
        },
        None => {
            let all = RouteMapEntry {
                action: ListAction::Permit,
                matches: Vec::new(),
                sets: Vec::new(),
            };
            RouteMap {
                entries: BTreeMap::from([(0, all)]),
            }
        }
    };
    let mut both = before;
    for entry in both.entries.values_mut() {
        entry.matches.insert(0, asks.clone());
    }
    policies.route_maps.insert(name.clone(), both);
    name
}

/// Gives a neighbour's filter lists their place in policy.
pub(super) fn apply_filter_lists(
    policies: &mut Policies,
    neighbor: &mut NeighborSettings,
    comes: Option<&String>,
    goes: Option<&String>,
) {
    if let Some(list) = comes {
        let map = neighbor.config.route_map_in.take();
        neighbor.config.route_map_in = Some(add_filter_list(policies, map, list));
    }
    if let Some(list) = goes {
        let map = neighbor.config.route_map_out.take();
        neighbor.config.route_map_out = Some(add_filter_list(policies, map, list));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::bgp::policy::{Draft, Subject, Verdict};
    use packet::Prefix;
    use packet::bgp::NextHop;

    /// What `route map MAP` says of a route with these ASes and communities, and the route after it.
    fn judged(policies: &Policies, map: &str, path: &[u32], communities: &[u32]) -> (Verdict, Subject) {
        let mut draft = Draft::default();
        draft.prepend(path);
        draft.communities = communities.to_vec();
        draft.next_hop = Some(NextHop::V4([10, 0, 0, 9].into()));
        let mut subject = Subject::new(draft, 0);
        let prefix = Prefix::new([10, 1, 0, 0].into(), 16).unwrap();
        let lists = &policies.prefix_lists_v4;
        let verdict = policies.route_maps[map].apply(policies, lists, &prefix, &mut subject);
        (verdict, subject)
    }

    fn of(text: &str) -> Policies {
        let loaded = config::load(text);
        assert_eq!(loaded.errors, []);
        policies(loaded.tree.policy())
    }

    #[test]
    fn each_match_line_is_asked() {
        let table = [
            ("match ip address prefix-list WITHIN", true),
            ("match ip address prefix-list OTHER", false),
            ("match ip address prefix-list OTHER WITHIN", true),
            ("match ip next-hop prefix-list HOST", true),
            ("match ip next-hop prefix-list OTHER", false),
            ("match as-path 1", true),
            ("match as-path 2", false),
            ("match community 1", true),
            ("match community 1 exact-match", false),
            ("match community 2 exact-match", true),
            ("match community 100", true),
            ("match community NONE", false),
            ("match metric 5", false),
            ("match local-preference 5", false),
        ];
        for (line, holds) in table {
            let policies = of(&format!(
                "ip prefix-list WITHIN permit 10.0.0.0/8 le 24\nip prefix-list OTHER permit 11.0.0.0/8\n\
                 ip prefix-list HOST permit 10.0.0.9/32\nip as-path access-list 1 permit ^65001 65002$\n\
                 ip as-path access-list 2 deny _65002$\nip community-list 1 permit 100:1\n\
                 ip community-list 2 permit 100:1 no-export\nip community-list 100 permit 100:[0-9]_\n\
                 ip community-list standard NONE deny internet\nroute-map M\n {line}\n"
            ));
            let (verdict, _) = judged(&policies, "M", &[65001, 65002], &[(100 << 16) + 1, 0xffff_ff01]);
            assert_eq!(verdict == Verdict::Permit, holds, "{line}");
        }
    }

    #[test]
    fn each_set_line_is_applied() {
        let policies = of(
            "ip community-list 1 permit 100:1\nroute-map M\n set local-preference 200\n set metric +7\n set weight 9\n \
             set origin incomplete\n set ip next-hop 10.9.9.9\n set as-path prepend 1 2\n set comm-list 1 delete\n \
             set community 100:2 additive\n set large-community 1:2:3\nroute-map D deny\nroute-map R\n \
             set community 100:3\n",
        );
        let (verdict, route) = judged(&policies, "M", &[3], &[(100 << 16) + 1, (100 << 16) + 9]);
        assert_eq!((verdict, route.weight), (Verdict::Permit, 9));
        let draft = &route.draft;
        assert_eq!((draft.local_preference, draft.med), (Some(200), Some(7)));
        assert_eq!(draft.origin, Some(Origin::Incomplete));
        assert_eq!(draft.next_hop, Some(NextHop::V4([10, 9, 9, 9].into())));
        assert_eq!(::bgp::policy::path_text(&draft.path()), "1 2 3");
        assert_eq!(draft.communities, [(100 << 16) + 2, (100 << 16) + 9]);
        assert_eq!(draft.large_communities, [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]);
        assert_eq!(judged(&policies, "D", &[3], &[]).0, Verdict::Deny);
        let (_, replaced) = judged(&policies, "R", &[3], &[1]);
        assert_eq!(replaced.draft.communities, [(100 << 16) + 3]);
    }

    #[test]
    fn a_filter_list_stands_before_the_route_map_and_a_missing_route_map_refuses() {
        let mut policies = of(
            "ip as-path access-list 1 permit ^65001$\nroute-map M deny 10\n match community 1\nroute-map M permit 20\n \
             set weight 5\nip community-list 1 permit 100:1\n",
        );
        let with_map = add_filter_list(&mut policies, Some("M".into()), "1");
        let alone = add_filter_list(&mut policies, None, "1");
        let missing = add_filter_list(&mut policies, Some("LOST".into()), "1");
        let of_list = [(100 << 16) + 1];
        /// Text of the map, path and communities of the route, verdict, weight.
        type Case<'a> = (&'a str, &'a [u32], &'a [u32], Verdict, u16);
        let table: [Case<'_>; 6] = [
            (&with_map, &[65001], &[], Verdict::Permit, 5),
            (&with_map, &[65001], &of_list, Verdict::Deny, 0),
            (&with_map, &[65002], &[], Verdict::Deny, 0),
            (&alone, &[65001], &[], Verdict::Permit, 0),
            (&alone, &[65002], &[], Verdict::Deny, 0),
            (&missing, &[65001], &[], Verdict::Deny, 0),
        ];
        for (map, path, communities, verdict, weight) in table {
            let (said, route) = judged(&policies, map, path, communities);
            assert_eq!(
                (said, route.weight),
                (verdict, weight),
                "{map}: {path:?} {communities:?}"
            );
        }
    }
}
