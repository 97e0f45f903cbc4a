//! Routes as values, for `| json`. Names of fields are part of the interface: they stay, and say their units.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use packet::{Prefix, V4};
use serde::Serialize;

use super::{Question, interface, is_shown, page};
use crate::resolve::longest_match;
use crate::{Protocol, Rib, RouteKey, RouteType, Via};

/// A prefix and the routes that its packets take.
#[derive(Clone, Debug, Serialize)]
pub struct RouteView {
    /// The prefix, with its length.
    pub prefix: String,
    /// "local", "connected", "static", "bgp" or "generator".
    pub protocol: &'static str,
    /// For BGP "external", "internal" or "local".
    pub route_type: Option<&'static str>,
    /// Trust in the protocol.
    pub distance: u8,
    /// The protocol's cost.
    pub metric: u32,
    /// For policy; for BGP the AS that told it.
    pub tag: Option<u32>,
    /// How long ago it came or changed, in seconds.
    pub age_s: u32,
    /// Its ways.
    pub ways: Vec<WayView>,
}

/// One way of a route.
#[derive(Clone, Debug, Serialize)]
pub struct WayView {
    /// "connected", "neighbor", "next-hop" or "discard".
    pub kind: &'static str,
    /// The address that packets are handed to, or that is looked up in turn.
    pub next_hop: Option<Ipv4Addr>,
    /// The interface, where the route names one.
    pub interface: Option<String>,
}

/// Routes of one source.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SourceCount {
    /// As in [`RouteView::protocol`]; "connected" counts the router's own addresses as well.
    pub protocol: &'static str,
    /// As in [`RouteView::route_type`].
    pub route_type: Option<&'static str>,
    /// To classful networks, or to what is wider.
    pub networks: u32,
    /// To parts of classful networks.
    pub subnets: u32,
}

/// `show ip route summary`
#[derive(Clone, Debug, Serialize)]
pub struct CountsView {
    /// By source.
    pub sources: Vec<SourceCount>,
}

const fn type_name(route_type: RouteType) -> Option<&'static str> {
    match route_type {
        RouteType::Plain => None,
        RouteType::External => Some("external"),
        RouteType::Internal => Some("internal"),
        RouteType::Local => Some("local"),
    }
}

fn of(rib: &Rib<V4>, prefix: Prefix<V4>, best: &[RouteKey<V4>]) -> Option<RouteView> {
    let first = best.first()?;
    let route = rib.routes.get(first)?;
    let way = |key: &RouteKey<V4>| {
        let (kind, next_hop) = match key.via {
            Via::Own(_) | Via::Attached(_) => ("connected", None),
            Via::Neighbor(_, address) => ("neighbor", Some(address)),
            Via::NextHop(address) => ("next-hop", Some(address)),
            Via::Discard => ("discard", None),
        };
        WayView {
            kind,
            next_hop,
            interface: key.via.port().map(interface),
        }
    };
    Some(RouteView {
        prefix: prefix.to_string(),
        protocol: match first.protocol {
            Protocol::Local => "local",
            protocol => protocol.name(),
        },
        route_type: type_name(route.route_type),
        distance: route.distance,
        metric: route.metric,
        tag: (route.tag != 0).then_some(route.tag),
        age_s: rib.age_of(route),
        ways: best.iter().map(way).collect(),
    })
}

/// At most `prefixes_max` prefixes after `after`, those whose best route is of the protocol `only`; and where to go on.
pub fn views(
    rib: &Rib<V4>,
    only: Option<Protocol>,
    after: Option<Prefix<V4>>,
    prefixes_max: usize,
) -> (Vec<RouteView>, Option<Prefix<V4>>) {
    let (prefixes, next) = page(rib, after, prefixes_max);
    let shown = prefixes.into_iter().filter_map(|prefix| {
        let best = rib.best(prefix);
        let first = best.first().filter(|key| is_shown(key.protocol, only));
        first.and_then(|_| of(rib, prefix, &best))
    });
    (shown.collect(), next)
}

/// The route that a question names.
pub fn view(rib: &Rib<V4>, question: Question) -> Option<RouteView> {
    let shown = |prefix: Prefix<V4>| {
        let best = rib.best(prefix);
        best.first().filter(|key| is_shown(key.protocol, None))?;
        of(rib, prefix, &best)
    };
    match question {
        Question::Address(address) => {
            longest_match(rib.routes.index().lengths(), address, shown).map(|(_, view)| view)
        }
        Question::Prefix(prefix) => shown(prefix),
    }
}

/// `show ip route summary`: routes by their source.
pub fn counts(rib: &Rib<V4>) -> CountsView {
    let mut sources: Vec<SourceCount> = Vec::new();
    for ((protocol, route_type, is_subnet), count) in rib.routes.index().counts() {
        if *protocol == Protocol::Broadcast {
            continue;
        }
        let (name, route_type) = (protocol.name(), type_name(*route_type));
        let known = sources
            .iter()
            .position(|source| source.protocol == name && source.route_type == route_type);
        let at = known.unwrap_or_else(|| {
            sources.push(SourceCount {
                protocol: name,
                route_type,
                networks: 0,
                subnets: 0,
            });
            sources.len() - 1
        });
        match is_subnet {
            true => sources[at].subnets += count,
            false => sources[at].networks += count,
        }
    }
    CountsView { sources }
}

/// The same as lines; `as_number` is BGP's, where there is BGP.
pub fn summary_lines(view: &CountsView, as_number: Option<u32>) -> Vec<String> {
    let sum = |protocol: &str| {
        let of_protocol = view.sources.iter().filter(|source| source.protocol == protocol);
        of_protocol.fold((0, 0), |(networks, subnets), source| {
            (networks + source.networks, subnets + source.subnets)
        })
    };
    let typed = |name: &str| {
        let wanted = view
            .sources
            .iter()
            .filter(|source| source.route_type == Some(name));
        wanted.map(|source| source.networks + source.subnets).sum::<u32>()
    };
    let line = |name: &str, (networks, subnets): (u32, u32)| {
        String::from(format!("{name:<15} {networks:<11} {subnets:<11}").trim_end())
    };
    let mut lines = [
        "IP routing table name is default (0x0)",
        "IP routing table maximum-paths is 16",
        "Route Source    Networks    Subnets",
    ]
    .map(String::from)
    .to_vec();
    lines.push(line("connected", sum("connected")));
    lines.push(line("static", sum("static")));
    if sum("generator") != (0, 0) {
        lines.push(line("application", sum("generator")));
    }
    if let Some(number) = as_number {
        lines.push(line(&format!("bgp {number}"), sum("bgp")));
        lines.push(format!(
            "  External: {} Internal: {} Local: {}",
            typed("external"),
            typed("internal"),
            typed("local")
        ));
    }
    let total = view.sources.iter().fold((0, 0), |(networks, subnets), source| {
        (networks + source.networks, subnets + source.subnets)
    });
    lines.push(line("Total", total));
    lines
}
