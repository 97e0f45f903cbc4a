//! What `show` says of lists and route maps. All of it is in the configuration.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use config::policy::{
    CommunityListKind, ListName, MatchLine, PolicyConfiguration, RouteMapCommand, RouteMapEntry,
    RouteMapPlace, SetLine,
};
use config::{ConfigCommand, RoutingCommand};

/// The answer to a command about lists; `None` when it is about something else. The error is what the console is told.
pub(super) fn show(
    policy: &PolicyConfiguration,
    command: &RoutingCommand,
) -> Option<Result<Vec<String>, String>> {
    let (shown, missing) = match command {
        RoutingCommand::ShowPrefixList { name } => {
            let missing = name
                .as_ref()
                .map(|name| format!("%Can't find prefix-list {name}"));
            (prefix_lists(policy, name.as_deref()), missing)
        }
        RoutingCommand::ShowRouteMap { name } => {
            let missing = name.as_ref().map(|name| format!("route-map {name} not found"));
            (route_maps(policy, name.as_deref()), missing)
        }
        RoutingCommand::ShowAsPathList { number } => {
            let missing = number.map(|number| format!("% Can't find as-path access-list {number}"));
            (as_path_lists(policy, *number), missing)
        }
        RoutingCommand::ShowCommunityList { name } => {
            let missing = name
                .as_ref()
                .map(|name| format!("% Can't find community-list {name}"));
            (community_lists(policy, name.as_deref()), missing)
        }
        _ => return None,
    };
    Some(match missing {
        Some(missing) if shown.is_empty() => Err(missing),
        _ => Ok(shown),
    })
}

/// `show ip prefix-list [NAME]`
fn prefix_lists(policy: &PolicyConfiguration, only: Option<&str>) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, list) in wanted(policy.prefix_lists(), only) {
        lines.push(format!("ip prefix-list {name}: {} entries", list.entries.len()));
        lines.extend(
            list.entries
                .iter()
                .map(|(number, entry)| format!("   seq {number} {entry}")),
        );
    }
    lines
}

/// `show ip as-path-access-list [N]`
fn as_path_lists(policy: &PolicyConfiguration, only: Option<u32>) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, entries) in policy.as_path_lists() {
        if only.is_some_and(|only| only != u32::from(*number)) {
            continue;
        }
        lines.push(format!("AS path access list {number}"));
        lines.extend(
            entries
                .iter()
                .map(|(permit, text)| format!("    {} {text}", action(*permit))),
        );
    }
    lines
}

/// `show ip community-list [NAME]`
fn community_lists(policy: &PolicyConfiguration, only: Option<&str>) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, list) in wanted(policy.community_lists(), only) {
        let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
        lines.push(match (list.kind, is_number) {
            (CommunityListKind::Standard, true) => format!("Community standard list {name}"),
            (CommunityListKind::Standard, false) => format!("Named Community standard list {name}"),
            (CommunityListKind::Expanded, true) => format!("Community (expanded) access list {name}"),
            (CommunityListKind::Expanded, false) => format!("Named Community expanded list {name}"),
        });
        lines.extend(
            list.entries
                .iter()
                .map(|(permit, text)| format!("     {} {text}", action(*permit))),
        );
    }
    lines
}

/// `show route-map [NAME]`
fn route_maps(policy: &PolicyConfiguration, only: Option<&str>) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, entries) in policy.route_maps() {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        for (sequence, entry) in entries {
            lines.push(format!(
                "route-map {name}, {}, sequence {sequence}",
                action(entry.permit)
            ));
            lines.extend(
                entry
                    .description
                    .iter()
                    .map(|text| format!("  Description: {text}")),
            );
            lines.push(String::from("  Match clauses:"));
            lines.extend(entry.matches().map(match_clause));
            lines.push(String::from("  Set clauses:"));
            lines.extend(set_clauses(entry));
            lines.push(String::from("  Policy routing matches: 0 packets, 0 bytes"));
        }
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

/// As they are typed, without the `set`.
fn set_clauses(entry: &RouteMapEntry) -> Vec<String> {
    let Some(name) = ListName::new("M") else {
        return Vec::new();
    };
    let place = RouteMapPlace {
        name,
        permit: entry.permit,
        sequence: 0,
    };
    let text = |line: &SetLine| {
        let command = RouteMapCommand::Set(line.clone());
        let text = ConfigCommand::RouteMapEntry { place, command }.text();
        format!("    {}", text.strip_prefix("set ").unwrap_or(&text))
    };
    entry.sets().map(text).collect()
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
        match show(loaded.tree.policy(), &command) {
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
