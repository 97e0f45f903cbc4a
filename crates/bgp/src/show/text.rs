//! The texts of `show ip bgp`, in the vendor's layouts.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

use super::neighbors::{FamilyView, NeighborView, SsoView, SummaryView};
use super::paths::{PathView, PrefixView};

/// An age as the vendor writes it: `00:01:02`, `1d02h`, `3w4d`.
pub fn age(seconds: u32) -> String {
    let (hours, days) = (seconds / 3600, seconds / 86_400);
    match days {
        0 => format!("{hours:02}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
        1..=6 => format!("{days}d{:02}h", hours % 24),
        7..=364 => format!("{}w{}d", days / 7, days % 7),
        _ => format!("{}y{}w", days / 365, days % 365 / 7),
    }
}

/// What stands above a table of routes.
pub fn table_header(version: u64, router_id: Ipv4Addr) -> Vec<String> {
    let lines = [
        &format!("BGP table version is {version}, local router ID is {router_id}") as &str,
        "Status codes: s suppressed, d damped, h history, * valid, > best, i - internal, ",
        "              r RIB-failure, S Stale, m multipath, b backup-path, f RT-Filter, ",
        "              x best-external, a additional-path, c RIB-compressed, ",
        "              t secondary path, L long-lived-stale,",
        "Origin codes: i - IGP, e - EGP, ? - incomplete",
        "RPKI validation codes: V valid, I invalid, N Not found",
        "",
        "     Network          Next Hop            Metric LocPrf Weight Path",
    ];
    lines.map(String::from).into()
}

/// The lines of some prefixes in a table of routes.
pub fn page_lines(prefixes: &[PrefixView]) -> Vec<String> {
    let mut lines = Vec::new();
    for prefix in prefixes {
        let mut network = natural(&prefix.prefix);
        for path in &prefix.paths {
            let flags = flags(path);
            if network.len() > 16 {
                lines.push(format!("{flags}{network}"));
                network.clear();
                lines.push(format!("{:22}{}", "", columns(path)));
            } else {
                lines.push(format!("{flags}{network:<17}{}", columns(path)));
            }
            network.clear();
        }
    }
    lines
}

/// What stands above the prefixes of `show ip bgp rib-failure`.
pub fn rib_failure_header() -> String {
    String::from("  Network            Next Hop                      RIB-failure   RIB-NH Matches")
}

/// The lines of some prefixes in `show ip bgp rib-failure`. Whether next hops match is a question of `bgp suppress-inactive`,
/// which there is not.
pub fn rib_failure_lines(prefixes: &[PrefixView]) -> Vec<String> {
    let failed = prefixes.iter().filter_map(|prefix| {
        Some((
            prefix,
            prefix.paths.iter().find(|path| path.rib_failure && path.best)?,
        ))
    });
    failed
        .map(|(prefix, path)| {
            let next_hop = path
                .next_hop
                .map_or(String::new(), |next_hop| next_hop.to_string());
            let network = natural(&prefix.prefix);
            format!(
                "  {network:<18} {next_hop:<16}{:>25}{:>17}",
                "Higher admin distance", "n/a"
            )
        })
        .collect()
}

/// A network as the table names it: without its length where that is the natural one of its class.
fn natural(prefix: &str) -> String {
    let natural_length = |network: &str| match network.split('.').next()?.parse::<u8>().ok()? {
        1..=127 => Some("8"),
        128..=191 => Some("16"),
        192..=223 => Some("24"),
        _ => None,
    };
    match prefix.split_once('/') {
        Some((network, length)) if natural_length(network) == Some(length) => String::from(network),
        Some((network, "0")) => String::from(network),
        _ => String::from(prefix),
    }
}

fn flags(path: &PathView) -> String {
    let mark = |is: bool, mark: char| if is { mark } else { ' ' };
    let chosen = match (path.best, path.multipath) {
        (true, _) => '>',
        (false, true) => 'm',
        (false, false) => ' ',
    };
    let validity = match (path.rib_failure, path.valid) {
        (true, _) => 'r',
        (false, true) => '*',
        (false, false) => ' ',
    };
    [
        mark(path.stale, 'S'),
        validity,
        chosen,
        mark(path.source == "internal", 'i'),
        ' ',
    ]
    .iter()
    .collect()
}

fn columns(path: &PathView) -> String {
    let next_hop = path
        .next_hop
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
        .to_string();
    let number = |value: Option<u32>| value.map_or(String::new(), |value| value.to_string());
    // What came from another AS has no LOCAL_PREF of its own to show.
    let local_preference = path.local_preference.filter(|_| path.source != "local");
    let mut line = format!(
        "{next_hop:<16}{:>10}{:>7}{:>7} ",
        number(path.med),
        number(local_preference),
        path.weight
    );
    if !path.as_path.is_empty() {
        line.push_str(&path.as_path);
        line.push(' ');
    }
    line.push(match path.origin {
        "igp" => 'i',
        "egp" => 'e',
        _ => '?',
    });
    line
}

/// `show ip bgp A.B.C.D`: everything about one prefix.
pub fn prefix_lines(prefix: &PrefixView) -> Vec<String> {
    let mut lines = Vec::from([format!("BGP routing table entry for {}", prefix.prefix)]);
    let count = prefix.paths.len();
    let best = prefix.paths.iter().position(|path| path.best);
    let failure = if prefix.has_rib_failure() {
        ", RIB-failure(17)"
    } else {
        ""
    };
    lines.push(match best {
        Some(place) => format!(
            "Paths: ({count} available, best #{}, table default{failure})",
            place + 1
        ),
        None => format!("Paths: ({count} available, no best path)"),
    });
    if prefix.update_groups.is_empty() {
        lines.push(String::from("  Not advertised to any peer"));
    } else {
        lines.push(String::from("  Advertised to update-groups:"));
        let groups: Vec<String> = prefix
            .update_groups
            .iter()
            .map(|group| format!("{group:<10}"))
            .collect();
        lines.push(format!("     {}", groups.join(" ").trim_end()));
    }
    for path in &prefix.paths {
        path_lines(path, &mut lines);
    }
    lines
}

/// What the decision looks at, and what came of it.
fn judgement(path: &PathView) -> String {
    let mut words = Vec::from([match path.origin {
        "igp" => String::from("Origin IGP"),
        "egp" => String::from("Origin EGP"),
        _ => String::from("Origin incomplete"),
    }]);
    words.extend(path.med.map(|med| format!("metric {med}")));
    words.push(format!("localpref {}", path.local_preference.unwrap_or(100)));
    if path.weight != 0 {
        words.push(format!("weight {}", path.weight));
    }
    let mut word = |is: bool, word: &str| {
        if is {
            words.push(String::from(word));
        }
    };
    word(path.valid, "valid");
    word(path.source == "local", "sourced");
    word(
        true,
        if path.source == "confederation" {
            "confed-external"
        } else {
            path.source
        },
    );
    word(path.atomic_aggregate, "atomic-aggregate");
    word(path.multipath, "multipath");
    word(path.best, "best");
    words.join(", ")
}

fn path_lines(path: &PathView, lines: &mut Vec<String>) {
    let mut route = match path.as_path.as_str() {
        "" => String::from("Local"),
        path => String::from(path),
    };
    if let Some((as_number, address)) = path.aggregator {
        route.push_str(&format!(", (aggregated by {as_number} {address})"));
    }
    if path.received_only {
        route.push_str(", (received-only)");
    }
    if path.stale {
        route.push_str(", (stale)");
    }
    lines.push(format!("  {route}"));
    let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let metric = match path.next_hop_metric {
        None => String::from(" (inaccessible)"),
        Some(0) => String::new(),
        Some(metric) => format!(" (metric {metric})"),
    };
    lines.push(format!(
        "    {}{metric} from {} ({})",
        path.next_hop.unwrap_or(unspecified),
        path.neighbor.unwrap_or(unspecified),
        path.router_id
    ));
    lines.push(format!("      {}", judgement(path)));
    for (name, values) in [
        ("Community", &path.communities),
        ("Extended Community", &path.extended_communities),
        ("Large Community", &path.large_communities),
    ] {
        if !values.is_empty() {
            lines.push(format!("      {name}: {}", values.join(" ")));
        }
    }
    if let Some(originator) = path.originator_id {
        let clusters: Vec<String> = path.cluster_list.iter().map(ToString::to_string).collect();
        lines.push(format!(
            "      Originator: {originator}, Cluster list: {}",
            clusters.join(", ")
        ));
    }
}

/// `show ip bgp summary`
pub fn summary_lines(summary: &SummaryView) -> Vec<String> {
    let process = &summary.process;
    let mut lines = Vec::from([
        format!(
            "BGP router identifier {}, local AS number {}",
            process.router_id, process.local_as
        ),
        format!(
            "BGP table version is {0}, main routing table version {0}",
            process.table_version
        ),
        format!("{} network entries", process.network_entries),
        format!("{} path entries", process.path_entries),
        format!("{} BGP path attribute entries", process.attribute_entries),
        String::new(),
        String::from(
            "Neighbor        V           AS MsgRcvd MsgSent   TblVer  InQ OutQ Up/Down  State/PfxRcd",
        ),
    ]);
    for neighbor in &summary.neighbors {
        let since = match (neighbor.connections_established, neighbor.state_age_s) {
            (1.., Some(seconds)) => age(seconds),
            _ => String::from("never"),
        };
        let prefixes: u32 = neighbor
            .families
            .iter()
            .map(|family| family.prefixes_accepted)
            .sum();
        let state = match neighbor.state {
            "Established" => prefixes.to_string(),
            _ if neighbor.quarantined => String::from("Idle (Quar)"),
            _ if neighbor.shutdown => String::from("Idle (Admin)"),
            _ if neighbor.over_limit => String::from("Idle (PfxCt)"),
            state => String::from(state),
        };
        let waiting = neighbor.tcp.as_ref().map_or(0, |tcp| tcp.unread_bytes.min(1));
        lines.push(format!(
            "{:<15} 4 {:>12} {:>7} {:>7} {:>8} {waiting:>4} {:>4} {since:<8} {state:>12}",
            neighbor.address.to_string(),
            neighbor.remote_as,
            neighbor.messages_received.total,
            neighbor.messages_sent,
            process.table_version,
            neighbor.messages_waiting,
        ));
    }
    lines
}

/// `show ip bgp all sso summary`
pub fn sso_lines(sso: &SsoView) -> Vec<String> {
    let mut lines = Vec::from([format!(
        "Stateful switchover support enabled for {} neighbors",
        sso.sso_neighbors
    )]);
    if sso.neighbors.is_empty() {
        return lines;
    }
    lines.push(String::new());
    lines.push(String::from(
        "Neighbor                  AS  State        SSO       If not in step at a switchover",
    ));
    for neighbor in &sso.neighbors {
        let enabled = match (neighbor.sso_configured, neighbor.sso_enabled) {
            (false, _) => "disabled",
            (true, false) => "waiting",
            (true, true) => "enabled",
        };
        let otherwise = match neighbor.graceful_restart {
            true => "graceful restart",
            false => "reset",
        };
        lines.push(format!(
            "{:<15} {:>12}  {:<12} {enabled:<9} {otherwise}",
            neighbor.address.to_string(),
            neighbor.remote_as,
            neighbor.state
        ));
    }
    lines
}

/// What each end said: `advertised and received`.
fn said(advertised: bool, received: bool) -> &'static str {
    match (advertised, received) {
        (true, true) => "advertised and received",
        (true, false) => "advertised",
        (false, true) => "received",
        (false, false) => "",
    }
}

/// `show ip bgp neighbors`, of one neighbour.
pub fn neighbor_lines(neighbor: &NeighborView) -> Vec<String> {
    let mut lines = Vec::from([format!(
        "BGP neighbor is {},  remote AS {}, {} link",
        neighbor.address, neighbor.remote_as, neighbor.link
    )]);
    if let Some(description) = &neighbor.description {
        lines.push(format!(" Description: {description}"));
    }
    if neighbor.quarantined {
        lines.push(String::from(
            " Quarantined: a route processor died in a step for it",
        ));
    }
    if neighbor.shutdown {
        lines.push(String::from(" Administratively shut down"));
    }
    lines.push(format!(
        "  BGP version 4, remote router ID {}",
        neighbor.router_id
    ));
    state_lines(neighbor, &mut lines);
    if neighbor.state == "Established" {
        lines.push(String::from("  Neighbor sessions:"));
        lines.push(String::from(
            "    1 active, is not multisession capable (disabled)",
        ));
        capability_lines(neighbor, &mut lines);
    }
    message_lines(neighbor, &mut lines);
    for family in &neighbor.families {
        family_lines(neighbor, family, &mut lines);
    }
    lines.push(String::new());
    lines.push(format!(
        "  Connections established {}; dropped {}",
        neighbor.connections_established, neighbor.connections_dropped
    ));
    lines.push(match (&neighbor.last_reset_reason, neighbor.last_reset_s) {
        (Some(reason), Some(seconds)) => format!("  Last reset {}, due to {reason}", age(seconds)),
        _ => String::from("  Last reset never"),
    });
    for (way, text) in [
        ("received", &neighbor.last_communication_received),
        ("sent", &neighbor.last_communication_sent),
    ] {
        lines.extend(
            text.iter()
                .map(|text| format!("  Last shutdown communication {way}: \"{text}\"")),
        );
    }
    let graceful = &neighbor.graceful_restart;
    lines.push(match graceful.advertised {
        true => format!(
            "  Graceful-Restart is enabled, restart-time {} seconds, stalepath-time {} seconds",
            graceful.restart_time_s, graceful.stalepath_time_s
        ),
        false => String::from("  Graceful-Restart is disabled"),
    });
    lines.push(match neighbor.sso_configured {
        true => String::from("  SSO is enabled"),
        false => String::from("  SSO is disabled"),
    });
    lines.extend(connection_lines(neighbor));
    lines
}

fn state_lines(neighbor: &NeighborView, lines: &mut Vec<String>) {
    lines.push(match (neighbor.state, neighbor.state_age_s) {
        ("Established", Some(seconds)) => format!("  BGP state = Established, up for {}", age(seconds)),
        (state, Some(seconds)) => format!("  BGP state = {state}, down for {}", age(seconds)),
        (state, None) => format!("  BGP state = {state}"),
    });
    let read = neighbor.last_read_s.map_or(String::new(), |seconds| {
        format!("Last read {}, ", age(u32::try_from(seconds).unwrap_or(u32::MAX)))
    });
    lines.push(format!(
        "  {read}hold time is {}, keepalive interval is {} seconds",
        neighbor.hold_time_s, neighbor.keepalive_time_s
    ));
    if neighbor.configured_hold_time_s != neighbor.hold_time_s {
        lines.push(format!(
            "  Configured hold time: {} seconds",
            neighbor.configured_hold_time_s
        ));
    }
}

/// The TCP session of a neighbour.
fn connection_lines(neighbor: &NeighborView) -> Vec<String> {
    let Some(tcp) = &neighbor.tcp else {
        return Vec::from([String::from("  No active TCP connection")]);
    };
    Vec::from([
        format!(
            "Connection state is ESTAB, I/O status: 1, unread input bytes: {}",
            tcp.unread_bytes
        ),
        format!(
            "Local host: {}, Local port: {}",
            tcp.local_address, tcp.local_port
        ),
        format!(
            "Foreign host: {}, Foreign port: {}",
            tcp.remote_address, tcp.remote_port
        ),
    ])
}

fn capability_lines(neighbor: &NeighborView, lines: &mut Vec<String>) {
    lines.push(String::from("  Neighbor capabilities:"));
    let refresh = match neighbor.route_refresh_received {
        true => "advertised and received(new)",
        false => "advertised",
    };
    lines.push(format!("    Route refresh: {refresh}"));
    lines.push(format!(
        "    Four-octets ASN Capability: {}",
        said(true, neighbor.four_octet_as_received)
    ));
    for family in &neighbor.families {
        lines.push(format!(
            "    Address family {}: {}",
            family.family,
            said(family.advertised, family.received)
        ));
    }
    let graceful = &neighbor.graceful_restart;
    if graceful.advertised || graceful.received {
        lines.push(format!(
            "    Graceful Restart Capability: {}",
            said(graceful.advertised, graceful.received)
        ));
    }
    if let Some(seconds) = graceful.remote_restart_time_s {
        lines.push(format!("      Remote Restart timer is {seconds} seconds"));
        lines.push(String::from("      Address families advertised by peer:"));
        if graceful.remote_families.is_empty() {
            lines.push(String::from("        none"));
        }
        for (family, forwarding) in &graceful.remote_families {
            let not = if *forwarding { "" } else { "not " };
            lines.push(format!("        {family} (was {not}preserved)"));
        }
    }
    lines.push(format!(
        "    Extended Message Capability: {}",
        said(true, neighbor.extended_message_received)
    ));
    lines.push(String::from("    Multisession Capability: "));
    let enabled = if neighbor.sso_enabled { "YES" } else { "NO" };
    lines.push(format!(
        "    Stateful switchover support enabled: {enabled} for session 1"
    ));
}

fn message_lines(neighbor: &NeighborView, lines: &mut Vec<String>) {
    let (sent, received) = (&neighbor.messages_sent_by_kind, &neighbor.messages_received);
    let waiting = neighbor.tcp.as_ref().map_or(0, |tcp| tcp.unread_bytes.min(1));
    lines.push(String::from("  Message statistics:"));
    lines.push(format!("    InQ depth is {waiting}"));
    lines.push(format!("    OutQ depth is {}", neighbor.messages_waiting));
    lines.push(String::new());
    lines.push(String::from("                         Sent       Rcvd"));
    for (name, sent, received) in [
        ("Opens:", sent.opens, received.opens),
        ("Notifications:", sent.notifications, received.notifications),
        ("Updates:", sent.updates, received.updates),
        ("Keepalives:", sent.keepalives, received.keepalives),
        ("Route Refresh:", sent.route_refreshes, received.route_refreshes),
        ("Total:", sent.total, received.total),
    ] {
        lines.push(format!("    {name:<15}{sent:>10} {received:>10}"));
    }
}

fn family_lines(neighbor: &NeighborView, family: &FamilyView, lines: &mut Vec<String>) {
    lines.push(String::new());
    lines.push(format!(" For address family: {}", family.family));
    lines.push(format!("  Session: {}", neighbor.address));
    if let Some(group) = family.update_group {
        lines.push(format!("  Index {group}"));
        lines.push(format!("  {} update-group member", family.update_group_members));
    }
    lines.extend(neighbor.configured.lines(Some(neighbor.default_sent)));
    lines.push(String::from("                                 Sent       Rcvd"));
    lines.push(String::from("  Prefix activity:               ----       ----"));
    // What is sent is not chosen from by us: the vendor has "n/a" there, too.
    for (name, sent, received) in [
        (
            "Prefixes Current:",
            family.prefixes_sent.to_string(),
            family.prefixes_received,
        ),
        ("Used as bestpath:", String::from("n/a"), family.prefixes_best),
    ] {
        lines.push(format!("    {name:<20}{sent:>13} {received:>10}"));
    }
    lines.extend(neighbor.configured.limit_lines());
    if family.stale {
        lines.push(String::from(
            "  Routes from before the neighbor's restart are kept (stale)",
        ));
    }
}
