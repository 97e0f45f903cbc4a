//! What `show` says of lists and route maps, as text or as JSON (`| json`). All of it is in the configuration.

use super::shown::lines_or_json;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use config::policy::{
    CommunityListKind, ListName, MatchLine, PolicyConfiguration, RouteMapCommand, RouteMapEntry,
    RouteMapPlace,
};
use config::{ConfigCommand, RoutingCommand};
use serde::Serialize;

/// `show ip prefix-list`
#[derive(Serialize)]
struct PrefixListView<'a> {
    name: &'a str,
    description: Option<&'a str>,
    entries: Vec<PrefixEntryView>,
}

#[derive(Serialize)]
struct PrefixEntryView {
    sequence: u32,
    action: &'static str,
    prefix: String,
    /// Least length that matches; none: that of the prefix.
    ge: Option<u8>,
    /// Greatest length that matches.
    le: Option<u8>,
    #[serde(skip)]
    text: String,
}

/// `show ip as-path-access-list`
#[derive(Serialize)]
struct AsPathListView<'a> {
    number: u16,
    entries: Vec<AsPathEntryView<'a>>,
}

#[derive(Serialize)]
struct AsPathEntryView<'a> {
    action: &'static str,
    regular_expression: &'a str,
}

/// `show ip community-list`
#[derive(Serialize)]
struct CommunityListView<'a> {
    name: &'a str,
    /// "standard" or "expanded".
    kind: &'static str,
    entries: Vec<CommunityEntryView<'a>>,
}

#[derive(Serialize)]
struct CommunityEntryView<'a> {
    action: &'static str,
    /// Communities, or of an expanded list a regular expression.
    communities: &'a str,
}

/// An entry of a route map in `show route-map`.
#[derive(Serialize)]
struct RouteMapView<'a> {
    name: &'a str,
    sequence: u16,
    action: &'static str,
    description: Option<&'a str>,
    /// As typed, without the `match`.
    matches: Vec<String>,
    /// As typed, without the `set`.
    sets: Vec<String>,
    #[serde(skip)]
    clauses: Vec<String>,
}

/// The answer to a command about lists; `None` when it is about something else. The error is what the console is told.
pub(super) fn show(
    policy: &PolicyConfiguration,
    command: &RoutingCommand,
    json: bool,
) -> Option<Result<Vec<String>, String>> {
    let (shown, missing, is_empty) = match command {
        RoutingCommand::ShowPrefixList { name } => {
            let missing = name
                .as_ref()
                .map(|name| format!("%Can't find prefix-list {name}"));
            let views = prefix_lists(policy, name.as_deref());
            let shown = lines_or_json(&views, json, |views| prefix_list_lines(views));
            (shown, missing, views.is_empty())
        }
        RoutingCommand::ShowRouteMap { name } => {
            let missing = name.as_ref().map(|name| format!("route-map {name} not found"));
            let views = route_maps(policy, name.as_deref());
            let shown = lines_or_json(&views, json, |views| route_map_lines(views));
            (shown, missing, views.is_empty())
        }
        RoutingCommand::ShowAsPathList { number } => {
            let missing = number.map(|number| format!("% Can't find as-path access-list {number}"));
            let views = as_path_lists(policy, *number);
            let shown = lines_or_json(&views, json, |views| as_path_list_lines(views));
            (shown, missing, views.is_empty())
        }
        RoutingCommand::ShowCommunityList { name } => {
            let missing = name
                .as_ref()
                .map(|name| format!("% Can't find community-list {name}"));
            let views = community_lists(policy, name.as_deref());
            let shown = lines_or_json(&views, json, |views| community_list_lines(views));
            (shown, missing, views.is_empty())
        }
        _ => return None,
    };
    Some(match missing {
        Some(missing) if is_empty => Err(missing),
        _ => Ok(shown),
    })
}

/// `show ip prefix-list [NAME]`
fn prefix_lists<'a>(policy: &'a PolicyConfiguration, only: Option<&'a str>) -> Vec<PrefixListView<'a>> {
    let lists = wanted(policy.prefix_lists(), only);
    let view = |(name, list): (&'a String, &'a config::policy::PrefixListConfiguration)| PrefixListView {
        name,
        description: list.description.as_deref(),
        entries: list
            .entries
            .iter()
            .map(|(sequence, entry)| PrefixEntryView {
                sequence: *sequence,
                action: action(entry.permit),
                prefix: entry.prefix.to_string(),
                ge: entry.ge,
                le: entry.le,
                text: entry.to_string(),
            })
            .collect(),
    };
    lists.map(view).collect()
}

fn prefix_list_lines(views: &[PrefixListView<'_>]) -> Vec<String> {
    let mut lines = Vec::new();
    for list in views {
        lines.push(format!(
            "ip prefix-list {}: {} entries",
            list.name,
            list.entries.len()
        ));
        let entries = list.entries.iter();
        lines.extend(entries.map(|entry| format!("   seq {} {}", entry.sequence, entry.text)));
    }
    lines
}

/// `show ip as-path-access-list [N]`
fn as_path_lists(policy: &PolicyConfiguration, only: Option<u32>) -> Vec<AsPathListView<'_>> {
    let lists = policy.as_path_lists().iter();
    let lists = lists.filter(|(number, _)| only.is_none_or(|only| only == u32::from(**number)));
    let view = |(permit, text)| AsPathEntryView {
        action: action(permit),
        regular_expression: text,
    };
    lists
        .map(|(number, entries)| AsPathListView {
            number: *number,
            entries: entries
                .iter()
                .map(|(permit, text)| view((*permit, text.as_str())))
                .collect(),
        })
        .collect()
}

fn as_path_list_lines(views: &[AsPathListView<'_>]) -> Vec<String> {
    let mut lines = Vec::new();
    for list in views {
        lines.push(format!("AS path access list {}", list.number));
        let entries = list.entries.iter();
        lines.extend(entries.map(|entry| format!("    {} {}", entry.action, entry.regular_expression)));
    }
    lines
}

/// `show ip community-list [NAME]`
fn community_lists<'a>(policy: &'a PolicyConfiguration, only: Option<&'a str>) -> Vec<CommunityListView<'a>> {
    let mut views = Vec::new();
    for (name, list) in wanted(policy.community_lists(), only) {
        let entries = list.entries.iter();
        views.push(CommunityListView {
            name,
            kind: match list.kind {
                CommunityListKind::Standard => "standard",
                CommunityListKind::Expanded => "expanded",
            },
            entries: entries
                .map(|(permit, text)| CommunityEntryView {
                    action: action(*permit),
                    communities: text,
                })
                .collect(),
        });
    }
    views
}

fn community_list_lines(views: &[CommunityListView<'_>]) -> Vec<String> {
    let mut lines = Vec::new();
    for list in views {
        let name = list.name;
        let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
        lines.push(match (list.kind, is_number) {
            ("expanded", true) => format!("Community (expanded) access list {name}"),
            (kind, true) => format!("Community {kind} list {name}"),
            (kind, false) => format!("Named Community {kind} list {name}"),
        });
        let entries = list.entries.iter();
        lines.extend(entries.map(|entry| format!("     {} {}", entry.action, entry.communities)));
    }
    lines
}

/// `show route-map [NAME]`
fn route_maps<'a>(policy: &'a PolicyConfiguration, only: Option<&str>) -> Vec<RouteMapView<'a>> {
    let maps = policy.route_maps();
    let maps = maps.filter(|(name, _)| only.is_none_or(|only| only == *name));
    maps.flat_map(|(name, entries)| {
        entries.iter().map(move |(sequence, entry)| RouteMapView {
            name,
            sequence: *sequence,
            action: action(entry.permit),
            description: entry.description.as_deref(),
            matches: typed(entry, entry.matches().cloned().map(RouteMapCommand::Match)),
            sets: typed(entry, entry.sets().cloned().map(RouteMapCommand::Set)),
            clauses: entry.matches().map(match_clause).collect(),
        })
    })
    .collect()
}

fn route_map_lines(views: &[RouteMapView<'_>]) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in views {
        lines.push(format!(
            "route-map {}, {}, sequence {}",
            entry.name, entry.action, entry.sequence
        ));
        lines.extend(entry.description.map(|text| format!("  Description: {text}")));
        lines.push(String::from("  Match clauses:"));
        lines.extend(entry.clauses.iter().cloned());
        lines.push(String::from("  Set clauses:"));
        lines.extend(entry.sets.iter().map(|text| format!("    {text}")));
        lines.push(String::from("  Policy routing matches: 0 packets, 0 bytes"));
    }
    lines
}

fn match_clause(line: &MatchLine) -> String {
    match line {
        MatchLine::PrefixList(names) => format!("    ip address prefix-lists: {} ", names.join(" ")),
        MatchLine::NextHop(names) => format!("    ip next-hop prefix-lists: {} ", names.join(" ")),
        MatchLine::AsPath(names) => format!("    as-path (as-path filter): {} ", names.join(" ")),
        MatchLine::Community { lists, exact } => {
            let exact = if *exact { "exact-match " } else { "" };
            format!(
                "    community (community-list filter): {} {exact}",
                lists.join(" ")
            )
        }
        MatchLine::Metric(metric) => format!("    metric {metric} "),
        MatchLine::LocalPreference(preference) => format!("    local-preference {preference} "),
    }
}

/// Commands of an entry as they are typed, without their first word.
fn typed(entry: &RouteMapEntry, commands: impl Iterator<Item = RouteMapCommand>) -> Vec<String> {
    let Some(name) = ListName::new("M") else {
        return Vec::new();
    };
    let place = RouteMapPlace {
        name,
        permit: entry.permit,
        sequence: 0,
    };
    let text = |command| {
        let text = ConfigCommand::RouteMapEntry { place, command }.text();
        match text.split_once(' ') {
            Some((_, rest)) => String::from(rest),
            None => text,
        }
    };
    commands.map(text).collect()
}

fn wanted<'a, V>(
    lists: &'a BTreeMap<String, V>,
    only: Option<&'a str>,
) -> impl Iterator<Item = (&'a String, &'a V)> {
    lists
        .iter()
        .filter(move |(name, _)| only.is_none_or(|only| only == *name))
}

const fn action(permit: bool) -> &'static str {
    if permit { "permit" } else { "deny" }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURATION: &str = "ip prefix-list P permit 10.0.0.0/8\nip prefix-list P deny 0.0.0.0/0 ge 8 le 24\n\
        ip prefix-list Q permit 11.0.0.0/8\nip as-path access-list 7 permit ^65001_\nip community-list 5 permit 1:1\n\
        ip community-list expanded CE deny ^$\nroute-map M\n match ip address prefix-list P Q\n match as-path 7\n \
        match community 5 exact-match\n match metric 3\n set metric +5\n set ip next-hop 10.9.9.9\n \
        set community 1:2 no-export additive\n description Into the core\nroute-map M deny 20\n";

    fn shown(command: RoutingCommand) -> String {
        let loaded = config::load(CONFIGURATION);
        assert_eq!(loaded.errors, []);
        match show(loaded.tree.policy(), &command, false) {
            Some(Ok(lines)) => lines.join("\n"),
            Some(Err(told)) => told,
            None => String::from("none"),
        }
    }

    #[test]
    fn lists_are_shown_as_the_vendor_does() {
        let name = |name: &str| Some(String::from(name));
        let table = [
            (
                RoutingCommand::ShowPrefixList { name: None },
                "ip prefix-list P: 2 entries\n   seq 5 permit 10.0.0.0/8\n   seq 10 deny 0.0.0.0/0 ge 8 le 24\n\
                 ip prefix-list Q: 1 entries\n   seq 5 permit 11.0.0.0/8",
            ),
            (
                RoutingCommand::ShowPrefixList { name: name("Q") },
                "ip prefix-list Q: 1 entries\n   seq 5 permit 11.0.0.0/8",
            ),
            (
                RoutingCommand::ShowPrefixList { name: name("LOST") },
                "%Can't find prefix-list LOST",
            ),
            (
                RoutingCommand::ShowAsPathList { number: None },
                "AS path access list 7\n    permit ^65001_",
            ),
            (
                RoutingCommand::ShowCommunityList { name: None },
                "Community standard list 5\n     permit 1:1\nNamed Community expanded list CE\n     deny ^$",
            ),
            (
                RoutingCommand::ShowRouteMap { name: name("N") },
                "route-map N not found",
            ),
        ];
        for (command, expected) in table {
            assert_eq!(shown(command), expected);
        }
    }

    #[test]
    fn a_route_map_is_shown_as_the_vendor_does() {
        let expected = "route-map M, permit, sequence 10
  Description: Into the core
  Match clauses:
    ip address prefix-lists: P Q \n    as-path (as-path filter): 7 \n    community (community-list filter): 5 exact-match \n    metric 3 \n  Set clauses:
    metric +5
    ip next-hop 10.9.9.9
    community 1:2 no-export additive
  Policy routing matches: 0 packets, 0 bytes
route-map M, deny, sequence 20
  Match clauses:
  Set clauses:
  Policy routing matches: 0 packets, 0 bytes";
        assert_eq!(shown(RoutingCommand::ShowRouteMap { name: None }), expected);
    }
}
