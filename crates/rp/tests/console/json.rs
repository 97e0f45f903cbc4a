//! `| json`: everything that is shown about routing is also one document for programs.

use super::{Rig, golden};
use std::collections::{BTreeMap, BTreeSet};

/// A configuration with something of everything that can be shown.
const CONFIGURATION: &[&str] = &[
    "ip route 203.0.113.0 255.255.255.0 10.0.0.7",
    "ip prefix-list PL description what the other side has",
    "ip prefix-list PL permit 10.0.0.0/8 ge 16 le 24",
    "ip as-path access-list 7 permit ^65001_",
    "ip community-list standard CL permit 65000:1 no-export",
    "ip community-list expanded CE deny \"quoted\"",
    "route-map RM permit 10",
    "description Says \"yes\"",
    "match ip address prefix-list PL",
    "match community CL exact-match",
    "set metric +5",
    "route-map RM deny 20",
    "router bgp 65000",
    "bgp router-id 192.0.2.1",
    "network 203.0.113.0",
    "neighbor UP peer-group",
    "neighbor UP remote-as 65001",
    "neighbor UP description Upstream",
    "neighbor UP route-map RM in",
    "neighbor UP maximum-prefix 100 80 restart 5",
    "neighbor UP soft-reconfiguration inbound",
    "neighbor 10.0.0.2 peer-group UP",
    "neighbor 10.0.0.3 peer-group UP",
    "neighbor EMPTY peer-group",
];

/// A command for each row of the grammar about routing that shows something.
const COMMANDS: &[(&str, &str)] = &[
    ("ShowBgp", "show ip bgp"),
    ("ShowBgp", "show ip bgp 203.0.113.0"),
    ("ShowBgpSummary", "show ip bgp summary"),
    ("ShowBgpNeighbors", "show ip bgp neighbors"),
    ("ShowBgpNeighbors", "show ip bgp neighbors 10.0.0.2"),
    (
        "ShowBgpAdvertised",
        "show ip bgp neighbors 10.0.0.2 advertised-routes",
    ),
    (
        "ShowBgpReceived",
        "show ip bgp neighbors 10.0.0.2 received-routes",
    ),
    ("ShowBgpRoutes", "show ip bgp neighbors 10.0.0.2 routes"),
    ("ShowBgpSso", "show ip bgp all sso summary"),
    ("ShowBgpPeerGroup", "show ip bgp peer-group"),
    ("ShowBgpPeerGroup", "show ip bgp peer-group UP"),
    ("ShowBgpRibFailure", "show ip bgp rib-failure"),
    ("ShowRouteSummary", "show ip route summary"),
    ("ShowRouteConnected", "show ip route connected"),
    ("ShowRouteStatic", "show ip route static"),
    ("ShowRouteBgp", "show ip route bgp"),
    ("ShowTcpBrief", "show tcp brief"),
    ("ShowTcpBriefAll", "show tcp brief all"),
    ("ShowPrefixList", "show ip prefix-list"),
    ("ShowPrefixList", "show ip prefix-list PL"),
    ("ShowRouteMap", "show route-map"),
    ("ShowRouteMap", "show route-map RM"),
    ("ShowAsPathList", "show ip as-path-access-list"),
    ("ShowAsPathList", "show ip as-path-access-list 7"),
    ("ShowCommunityList", "show ip community-list"),
    ("ShowCommunityList", "show ip community-list CE"),
    // Rows of the common table.
    ("", "show ip route"),
    ("", "show ip route 203.0.113.0"),
];

fn configured() -> Rig {
    let mut rig = Rig::simplex();
    rig.open(true);
    for command in ["enable", "terminal length 0", "configure terminal"] {
        rig.type_line(command);
    }
    for command in CONFIGURATION {
        rig.type_line(command);
    }
    rig.type_line("end");
    let shown = rig.shown();
    assert!(!shown.contains('%') || shown.matches('%').count() == 1, "{shown}");
    rig
}

/// What a command shows, without the line that it was typed on and the prompt after it.
fn answer(rig: &mut Rig, command: &str) -> String {
    rig.shown();
    rig.type_line(command);
    let shown = rig.shown().replace('\r', "");
    let (_, shown) = shown.split_once('\n').expect("the line that was typed");
    let (shown, _) = shown.rsplit_once("Router#").expect("a prompt");
    shown.to_owned()
}

/// The names of all rows of the grammar about routing that show something.
fn rows() -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/src/bgp/exec.rs");
    let table = std::fs::read_to_string(path).expect("a text of the tree");
    let names = table.lines().filter_map(|line| {
        let words = line.trim().strip_prefix("routing_row!(User ")?;
        words.split_whitespace().next()
    });
    names.map(str::to_owned).collect()
}

#[test]
fn everything_about_routing_that_is_shown_is_also_one_json_document() {
    let rows = rows();
    assert!(rows.len() > 15, "the grammar is read: {rows:?}");
    let covered: BTreeMap<&str, &str> = COMMANDS.iter().copied().collect();
    let missing: Vec<&String> = rows
        .iter()
        .filter(|row| !covered.contains_key(row.as_str()))
        .collect();
    assert!(missing.is_empty(), "add a command for {missing:?}");
    let mut rig = configured();
    for (_, command) in COMMANDS {
        let text = answer(&mut rig, command);
        assert!(!text.starts_with('%'), "{command}: {text}");
        let document = answer(&mut rig, &format!("{command} | json"));
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(&document);
        let value = parsed.unwrap_or_else(|error| panic!("{command}: {error}\n{document}"));
        assert!(value.is_object() || value.is_array(), "{command}: {value}");
    }
}

#[test]
fn peer_groups_and_lists_have_their_layout_as_text_and_as_json() {
    let mut rig = configured();
    rig.shown();
    for command in [
        "show ip bgp peer-group",
        "show ip bgp peer-group UP | json",
        "show ip bgp peer-group LOST",
        "show ip prefix-list | json",
        "show route-map | json",
        "show ip as-path-access-list | json",
        "show ip community-list | json",
        "show ip prefix-list LOST | json",
    ] {
        rig.type_line(command);
    }
    golden("routing-policy.txt", &rig.shown().replace('\r', ""));
}
