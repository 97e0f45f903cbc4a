//! `show ip route` and `show ip cef`, in pages: a table of a million routes is shown a few thousand lines per turn.
//!
//! A page is asked for with the position that the page before gave; the first one with `None`. A table may change
//! between two pages: what is shown is what was there when the position was passed.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use chassis::rows::{FibEntry, PrefixKey};
use core::net::Ipv4Addr;
use core::ops::Bound;
use machine::PortId;
use packet::{Prefix, V4};

use crate::resolve::longest_match;
use crate::{Protocol, Rib, Route, RouteFamily, RouteKey, RouteType, Via};

mod views;

pub use views::{CountsView, RouteView, SourceCount, WayView, counts, summary_lines, view, views};

/// Some lines, and where to go on; `None` at the end.
pub type Page = (Vec<String>, Option<Prefix<V4>>);

/// What a question for one route names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The longest prefix that holds this address.
    Address(Ipv4Addr),
    /// This very prefix.
    Prefix(Prefix<V4>),
}

const LEGEND: [&str; 3] = [
    "Codes: L - local, C - connected, S - static, B - BGP, a - application route",
    "       * - candidate default",
    "",
];

/// `show ip route [connected | static | bgp]`: the lines for at most `prefixes_max` prefixes after `after`, or for those
/// of them whose best route is of the protocol `only`.
pub fn routes(rib: &Rib<V4>, only: Option<Protocol>, after: Option<Prefix<V4>>, prefixes_max: usize) -> Page {
    let mut lines = Vec::new();
    if after.is_none() {
        lines.extend(LEGEND.map(String::from));
        lines.push(gateway_line(rib));
        lines.push(String::new());
    }
    let mut major_before = after.and_then(|prefix| V4::major_network(&prefix));
    let (prefixes, next) = page(rib, after, prefixes_max);
    for prefix in prefixes {
        let best = rib.best(prefix);
        if best.first().is_none_or(|key| !is_shown(key.protocol, only)) {
            continue;
        }
        let major = V4::major_network(&prefix);
        let group = major.and_then(|major| Group::of(rib, major));
        if let Some(group) = &group
            && major != major_before
        {
            lines.push(group.header());
        }
        major_before = major;
        lines.extend(route_lines(rib, prefix, &best, group.as_ref()));
    }
    (lines, next)
}

fn is_shown(protocol: Protocol, only: Option<Protocol>) -> bool {
    match (protocol, only) {
        (Protocol::Broadcast, _) => false,
        (Protocol::Local, Some(Protocol::Connected)) | (_, None) => true,
        (protocol, Some(only)) => protocol == only,
    }
}

/// What BGP knows of one of its routes, and the table of routes does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BgpFacts {
    /// The neighbour that told it.
    pub from: Ipv4Addr,
    /// Number of ASes travelled.
    pub as_hops: u32,
}

/// BGP, as `show ip route ADDRESS` asks it: our AS, and what is known of the route to a prefix over a next hop.
pub struct BgpView<'a> {
    /// Our AS.
    pub as_number: u32,
    /// What is known of a route.
    pub facts: &'a dyn Fn(Prefix<V4>, Ipv4Addr) -> Option<BgpFacts>,
}

/// `show ip route ADDRESS` and `show ip route NETWORK MASK`.
pub fn route(rib: &Rib<V4>, question: Question, bgp: Option<&BgpView<'_>>) -> Vec<String> {
    let lengths = rib.routes.index().lengths();
    let shown = |prefix: Prefix<V4>| {
        let best = rib.best(prefix);
        let is_shown = best
            .first()
            .is_some_and(|key| key.protocol != Protocol::Broadcast);
        is_shown.then_some(best)
    };
    let found = match question {
        Question::Address(address) => longest_match(lengths, address, shown),
        Question::Prefix(prefix) => shown(prefix).map(|best| (prefix, best)),
    };
    let Some((prefix, best)) = found else {
        return Vec::from([String::from(not_found(rib, question))]);
    };
    let mut lines = Vec::new();
    let default = if prefix.is_default() { ", supernet" } else { "" };
    lines.push(format!("Routing entry for {prefix}{default}"));
    for (position, key) in best.iter().enumerate() {
        let Some(route) = rib.routes.get(key) else {
            continue;
        };
        if position == 0 {
            lines.extend(known_via(rib, key, route, bgp));
        }
        let mark = if position == 0 { '*' } else { ' ' };
        lines.extend(descriptor_block(rib, prefix, (key, route), mark, bgp));
    }
    lines
}

/// The first lines of an entry: whose it is.
fn known_via(rib: &Rib<V4>, key: &RouteKey<V4>, route: &Route, bgp: Option<&BgpView<'_>>) -> Vec<String> {
    let connected = match key.via {
        Via::Attached(_) | Via::Own(_) => " (connected, via interface)",
        Via::Neighbor(..) | Via::NextHop(_) | Via::Discard => "",
    };
    let name = match bgp.filter(|_| key.protocol == Protocol::Bgp) {
        Some(bgp) => format!("bgp {}", bgp.as_number),
        None => String::from(key.protocol.name()),
    };
    let (distance, metric) = (route.distance, route.metric);
    let mut lines = Vec::from([format!(
        "  Known via \"{name}\", distance {distance}, metric {metric}{connected}"
    )]);
    if key.protocol == Protocol::Bgp {
        let kind = match route.route_type {
            RouteType::External | RouteType::Plain => "type external",
            RouteType::Internal => "type internal",
            RouteType::Local => "type locally generated",
        };
        lines.push(match route.tag {
            0 => format!("  {kind}"),
            tag => format!("  Tag {tag}, {kind}"),
        });
        if let Via::NextHop(address) = key.via {
            lines.push(format!("  Last update from {address} {} ago", age(rib, route)));
        }
    }
    lines.push(String::from("  Routing Descriptor Blocks:"));
    lines
}

/// The lines of one of an entry's ways.
fn descriptor_block(
    rib: &Rib<V4>,
    prefix: Prefix<V4>,
    (key, route): (&RouteKey<V4>, &Route),
    mark: char,
    bgp: Option<&BgpView<'_>>,
) -> Vec<String> {
    let metric = route.metric;
    let mut way = descriptor(key);
    let facts = match (key.via, bgp) {
        (Via::NextHop(address), Some(bgp)) if key.protocol == Protocol::Bgp => (bgp.facts)(prefix, address),
        _ => None,
    };
    if key.protocol == Protocol::Bgp {
        let from = facts.map_or(String::new(), |facts| format!(", from {}", facts.from));
        way = format!("{way}{from}, {} ago", age(rib, route));
    }
    let mut lines = Vec::from([
        format!("  {mark} {way}"),
        format!("      Route metric is {metric}, traffic share count is 1"),
    ]);
    if key.protocol == Protocol::Bgp {
        if let Some(facts) = facts {
            lines.push(format!("      AS Hops {}", facts.as_hops));
        }
        if route.tag != 0 {
            lines.push(format!("      Route tag {}", route.tag));
        }
        lines.push(String::from("      MPLS label: none"));
    }
    lines
}

/// How long ago a route came or changed, as the vendor writes it.
fn age(rib: &Rib<V4>, route: &Route) -> String {
    let seconds = rib.age_of(route);
    let (hours, days) = (seconds / 3600, seconds / 86_400);
    match days {
        0 => format!("{hours:02}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
        1..=6 => format!("{days}d{:02}h", hours % 24),
        7..=364 => format!("{}w{}d", days / 7, days % 7),
        _ => format!("{}y{}w", days / 365, days % 365 / 7),
    }
}

/// `show ip cef`: the lines for at most `prefixes_max` prefixes after `after`.
pub fn cef(rib: &Rib<V4>, after: Option<Prefix<V4>>, prefixes_max: usize) -> Page {
    let mut lines = Vec::new();
    if after.is_none() {
        lines.push(cef_line("Prefix", "Next Hop", "Interface"));
    }
    let (prefixes, next) = page(rib, after, prefixes_max);
    for prefix in prefixes {
        if let Some(entry) = rib.fib.get(&PrefixKey(prefix)) {
            lines.extend(cef_lines(rib, prefix, entry));
        }
    }
    (lines, next)
}

/// `show ip cef ADDRESS` and `show ip cef NETWORK MASK`.
pub fn cef_entry(rib: &Rib<V4>, question: Question) -> Vec<String> {
    let found = match question {
        Question::Address(address) => rib.lookup(address),
        Question::Prefix(prefix) => rib.fib.get(&PrefixKey(prefix)).map(|entry| (prefix, entry)),
    };
    let Some((prefix, entry)) = found else {
        return Vec::from([String::from("%Prefix not found")]);
    };
    let mut lines = Vec::from([format!("{prefix}")]);
    match entry {
        FibEntry::Receive => lines.push(format!("  receive for {}", receiving_interface(rib, prefix))),
        FibEntry::Drop => lines.push(String::from("  attached to Null0")),
        FibEntry::Via(paths) => lines.extend(paths.iter().map(|path| match path.next_hop {
            None => format!("  attached to {}", interface(path.port)),
            Some(next_hop) => format!("  nexthop {next_hop} {}", interface(path.port)),
        })),
    }
    lines
}

/// The prefixes of one page of the FIB, and where the next one goes on.
fn page(
    rib: &Rib<V4>,
    after: Option<Prefix<V4>>,
    prefixes_max: usize,
) -> (Vec<Prefix<V4>>, Option<Prefix<V4>>) {
    let start = match after {
        Some(prefix) => Bound::Excluded(PrefixKey(prefix)),
        None => Bound::Unbounded,
    };
    let mut rows = rib.fib.range((start, Bound::Unbounded));
    let prefixes: Vec<_> = rows
        .by_ref()
        .take(prefixes_max.max(1))
        .map(|(key, _)| key.0)
        .collect();
    let next = rows.next().and(prefixes.last().copied());
    (prefixes, next)
}

fn interface(port: PortId) -> String {
    format!("Ethernet{port}")
}

fn gateway_line(rib: &Rib<V4>) -> String {
    let best = rib.best(Prefix::DEFAULT);
    match best.first().map(|key| key.via) {
        Some(Via::NextHop(address) | Via::Neighbor(_, address)) => {
            format!("Gateway of last resort is {address} to network 0.0.0.0")
        }
        Some(Via::Own(_) | Via::Attached(_) | Via::Discard) => {
            String::from("Gateway of last resort is 0.0.0.0 to network 0.0.0.0")
        }
        None => String::from("Gateway of last resort is not set"),
    }
}

/// A classful network with subnets, which `show ip route` gives a line of its own.
struct Group {
    major: Prefix<V4>,
    /// Length and number of shown prefixes.
    lengths: Vec<(u8, u32)>,
}

impl Group {
    /// `None` when the network has no subnets: at most the route to itself.
    fn of(rib: &Rib<V4>, major: Prefix<V4>) -> Option<Group> {
        let mut lengths = rib.lengths_in(&major);
        if let Some(hosts) = lengths.get_mut(&32) {
            *hosts = hosts.saturating_sub(rib.routes.index().broadcasts_in(&major));
        }
        lengths.retain(|_, count| *count > 0);
        let has_subnets = lengths.keys().any(|length| *length > major.len());
        has_subnets.then(|| Group {
            major,
            lengths: lengths.into_iter().collect(),
        })
    }

    fn uniform_length(&self) -> Option<u8> {
        match self.lengths.as_slice() {
            [(length, _)] => Some(*length),
            _ => None,
        }
    }

    fn header(&self) -> String {
        let subnets: u32 = self.lengths.iter().map(|(_, count)| count).sum();
        let network = self.major.network();
        match self.uniform_length() {
            Some(length) => format!("      {network}/{length} is subnetted, {subnets} subnets"),
            None => format!(
                "      {} is variably subnetted, {subnets} subnets, {} masks",
                self.major,
                self.lengths.len()
            ),
        }
    }
}

fn code(prefix: Prefix<V4>, protocol: Protocol) -> &'static str {
    match (protocol, prefix.is_default()) {
        (Protocol::Local, _) => "L",
        (Protocol::Broadcast | Protocol::Connected, _) => "C",
        (Protocol::Static, false) => "S",
        (Protocol::Static, true) => "S*",
        (Protocol::Bgp, false) => "B",
        (Protocol::Bgp, true) => "B*",
        (Protocol::Generator, false) => "a",
        (Protocol::Generator, true) => "a*",
    }
}

fn route_lines(
    rib: &Rib<V4>,
    prefix: Prefix<V4>,
    best: &[RouteKey<V4>],
    group: Option<&Group>,
) -> Vec<String> {
    let network = match group.and_then(Group::uniform_length) {
        Some(_) => format!("{}", prefix.network()),
        None => format!("{prefix}"),
    };
    let indent = if group.is_some() { 9 } else { 6 };
    let mut lines = Vec::new();
    for key in best {
        let Some(route) = rib.routes.get(key) else {
            continue;
        };
        let code = code(prefix, key.protocol);
        let start = match lines.is_empty() {
            true => format!("{code:<indent$}{network}"),
            false => format!("{:indent$}{:width$}", "", "", width = network.len()),
        };
        let rank = format!("[{}/{}]", route.distance, route.metric);
        lines.push(match key.via {
            Via::Own(port) | Via::Attached(port) => {
                format!("{start} is directly connected, {}", interface(port))
            }
            Via::Neighbor(port, address) => format!("{start} {rank} via {address}, {}", interface(port)),
            Via::NextHop(address) if key.protocol == Protocol::Bgp => {
                format!("{start} {rank} via {address}, {}", age(rib, route))
            }
            Via::NextHop(address) => format!("{start} {rank} via {address}"),
            Via::Discard => format!("{start} is directly connected, Null0"),
        });
    }
    lines
}

fn descriptor(key: &RouteKey<V4>) -> String {
    match key.via {
        Via::Own(port) | Via::Attached(port) => format!("directly connected, via {}", interface(port)),
        Via::Neighbor(port, address) => format!("{address}, via {}", interface(port)),
        Via::NextHop(address) => format!("{address}"),
        Via::Discard => String::from("directly connected, via Null0"),
    }
}

/// "Subnet" when there are routes to other parts of the classful network, "Network" otherwise.
fn not_found(rib: &Rib<V4>, question: Question) -> &'static str {
    let prefix = match question {
        Question::Address(address) => Prefix::host(address),
        Question::Prefix(prefix) => prefix,
    };
    let major = V4::major_network(&prefix);
    match major.and_then(|major| Group::of(rib, major)) {
        Some(_) => "% Subnet not in table",
        None => "% Network not in table",
    }
}

fn cef_line(prefix: &str, next_hop: &str, interface: &str) -> String {
    String::from(format!("{prefix:<20} {next_hop:<20} {interface}").trim_end())
}

fn cef_lines(rib: &Rib<V4>, prefix: Prefix<V4>, entry: &FibEntry<V4>) -> Vec<String> {
    let text = format!("{prefix}");
    match entry {
        FibEntry::Receive => Vec::from([cef_line(&text, "receive", &receiving_interface(rib, prefix))]),
        FibEntry::Drop => Vec::from([cef_line(&text, "drop", "Null0")]),
        FibEntry::Via(paths) => paths
            .iter()
            .enumerate()
            .map(|(position, path)| {
                let next_hop = match path.next_hop {
                    Some(address) => format!("{address}"),
                    None => String::from("attached"),
                };
                let text = if position == 0 { text.as_str() } else { "" };
                cef_line(text, &next_hop, &interface(path.port))
            })
            .collect(),
    }
}

fn receiving_interface(rib: &Rib<V4>, prefix: Prefix<V4>) -> String {
    let port = rib.best(prefix).first().and_then(|key| key.via.port());
    port.map_or(String::new(), interface)
}
