//! Prefixes and their paths.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::{IpAddr, Ipv4Addr};
use core::ops::Bound;
use packet::bgp::{NextHop, Origin, PathAttributes};
use packet::{Prefix, V4};
use serde::Serialize;

use crate::attributes::AttributeSet;
use crate::decision::Source;
use crate::family::{RouteKey, ToldKey};
use crate::id::{AttributeId, GroupId, PeerId};
use crate::paths::{MULTIPATH, NETWORK, Path};
use crate::policy::path_text;
use crate::rib::Rib;

/// A path to a prefix.
#[derive(Clone, Debug, Serialize)]
pub struct PathView {
    /// Who told it; none: this router.
    pub neighbor: Option<IpAddr>,
    /// Its identifier.
    pub router_id: Ipv4Addr,
    /// Where packets go; none for a route without.
    pub next_hop: Option<IpAddr>,
    /// What it costs to get there; none: it cannot be reached.
    pub next_hop_metric: Option<u32>,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// LOCAL_PREF.
    pub local_preference: Option<u32>,
    /// Preference within this router.
    pub weight: u16,
    /// The ASes travelled, as text.
    pub as_path: String,
    /// "igp", "egp" or "incomplete".
    pub origin: &'static str,
    /// "local", "internal", "confederation" or "external".
    pub source: &'static str,
    /// Whether it can be used: policy takes it, and its next hop can be reached.
    pub valid: bool,
    /// Whether it is the one that packets take and neighbours are told.
    pub best: bool,
    /// Whether it shares the load with the best one.
    pub multipath: bool,
    /// Whether it is from before the neighbour's restart.
    pub stale: bool,
    /// Whether the routing table has a route of another source instead of it; only of paths that packets would take.
    pub rib_failure: bool,
    /// Whether it is kept though policy refuses it (`soft-reconfiguration inbound`).
    pub received_only: bool,
    /// From `network`, not from elsewhere.
    pub network: bool,
    /// RFC 1997, as "high:low" or by name.
    pub communities: Vec<String>,
    /// RFC 4360, in hexadecimal.
    pub extended_communities: Vec<String>,
    /// RFC 8092.
    pub large_communities: Vec<String>,
    /// Who brought it into our AS.
    pub originator_id: Option<Ipv4Addr>,
    /// Clusters travelled, the last one first.
    pub cluster_list: Vec<Ipv4Addr>,
    /// More specific routes were left out.
    pub atomic_aggregate: bool,
    /// Who aggregated: AS and identifier.
    pub aggregator: Option<(u32, Ipv4Addr)>,
}

/// A prefix and its paths.
#[derive(Clone, Debug, Serialize)]
pub struct PrefixView {
    /// The prefix, with its length.
    pub prefix: String,
    /// The same as a value.
    #[serde(skip)]
    pub network: Prefix<V4>,
    /// Update groups that are told of it.
    pub update_groups: Vec<u16>,
    /// Paths, the newest first.
    pub paths: Vec<PathView>,
}

impl PrefixView {
    /// The routing table has a route of another source to this prefix, as far as it has one of BGP's at all.
    pub fn fail_in_rib(&mut self) {
        for path in &mut self.paths {
            path.rib_failure = (path.best || path.multipath) && path.neighbor.is_some();
        }
    }

    /// Whether that is so.
    pub fn has_rib_failure(&self) -> bool {
        self.paths.iter().any(|path| path.rib_failure)
    }
}

/// Which routes are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routes {
    /// All paths to all prefixes.
    All,
    /// What this neighbour told and policy takes.
    Accepted(PeerId),
    /// What this neighbour told, before policy.
    Received(PeerId),
    /// What this neighbour is told.
    Advertised(PeerId),
}

/// Some prefixes, and the position to go on from; `None` at the end.
pub type PrefixPage = (Vec<PrefixView>, Option<Prefix<V4>>);

/// The prefixes after `after`; at most `count_max` are looked at.
pub fn page(rib: &Rib, routes: Routes, after: Option<Prefix<V4>>, count_max: usize) -> PrefixPage {
    if let Routes::Advertised(peer) = routes {
        return advertised(rib, peer, after, count_max);
    }
    let start = match after {
        Some(prefix) => Bound::Excluded(RouteKey(prefix)),
        None => Bound::Unbounded,
    };
    let mut rows = rib.v4.paths.range((start, Bound::Unbounded));
    let mut views = Vec::new();
    let mut last = None;
    for (key, paths) in rows.by_ref().take(count_max.max(1)) {
        last = Some(key.0);
        let shown = paths.as_slice().iter().rev().filter_map(|path| match routes {
            Routes::All => Some(view(rib, path, false)),
            Routes::Accepted(peer) => {
                (path.peer == peer && path.accepted.is_some()).then(|| view(rib, path, false))
            }
            Routes::Received(peer) => (path.peer == peer).then(|| view(rib, path, true)),
            Routes::Advertised(_) => None,
        });
        let paths: Vec<PathView> = shown.collect();
        if !paths.is_empty() {
            views.push(PrefixView {
                prefix: key.0.to_string(),
                network: key.0,
                update_groups: Vec::new(),
                paths,
            });
        }
    }
    (views, rows.next().and(last))
}

/// What is known of one prefix.
pub fn prefix(rib: &Rib, prefix: Prefix<V4>) -> Option<PrefixView> {
    let paths = rib.v4.get(prefix)?.as_slice();
    let groups = rib.common.groups.iter().map(|(group, _)| *group);
    let told = groups.filter(|group| {
        rib.v4.told.contains_key(&ToldKey {
            group: *group,
            prefix,
        })
    });
    Some(PrefixView {
        prefix: prefix.to_string(),
        network: prefix,
        update_groups: told.map(|GroupId(number)| number).collect(),
        paths: paths.iter().rev().map(|path| view(rib, path, false)).collect(),
    })
}

fn advertised(rib: &Rib, peer: PeerId, after: Option<Prefix<V4>>, count_max: usize) -> PrefixPage {
    let Some(group) = rib.common.peer(peer).and_then(|known| known.group) else {
        return (Vec::new(), None);
    };
    let start = match after {
        Some(prefix) => Bound::Excluded(ToldKey { group, prefix }),
        None => Bound::Included(ToldKey {
            group,
            prefix: Prefix::DEFAULT,
        }),
    };
    let rows = rib.v4.told.range((start, Bound::Unbounded));
    let mut rows = rows.take_while(|(key, _)| key.group == group);
    let mut views = Vec::new();
    let mut last = None;
    for (key, told) in rows.by_ref().take(count_max.max(1)) {
        last = Some(key.prefix);
        // Nobody is told what he said.
        if told.source == peer {
            continue;
        }
        let path = rib.v4.get(key.prefix).and_then(|paths| paths.best());
        let mut path = match path {
            Some(path) => view(rib, path, false),
            None => blank(told.source),
        };
        describe(rib, told.attribute, &mut path);
        views.push(PrefixView {
            prefix: key.prefix.to_string(),
            network: key.prefix,
            update_groups: Vec::new(),
            paths: Vec::from([path]),
        });
    }
    (views, rows.next().and(last))
}

fn blank(_: PeerId) -> PathView {
    PathView {
        neighbor: None,
        router_id: Ipv4Addr::UNSPECIFIED,
        next_hop: None,
        next_hop_metric: None,
        med: None,
        local_preference: None,
        weight: 0,
        as_path: String::new(),
        origin: "incomplete",
        source: "external",
        valid: false,
        best: false,
        multipath: false,
        stale: false,
        rib_failure: false,
        received_only: false,
        network: false,
        communities: Vec::new(),
        extended_communities: Vec::new(),
        large_communities: Vec::new(),
        originator_id: None,
        cluster_list: Vec::new(),
        atomic_aggregate: false,
        aggregator: None,
    }
}

/// A path with the attributes that policy left, or with those `as_received`.
fn view(rib: &Rib, path: &Path, as_received: bool) -> PathView {
    let common = &rib.common;
    let peer = common.peer(path.peer);
    let is_local = path.peer == PeerId::LOCAL;
    let shown = match path.accepted.is_some() && !as_received {
        true => path.accepted,
        false => path.received,
    };
    let mut view = PathView {
        neighbor: peer.filter(|_| !is_local).map(|peer| peer.address),
        router_id: peer.map_or(Ipv4Addr::UNSPECIFIED, |peer| peer.identifier),
        weight: path.weight,
        source: match peer.map(|peer| peer.source) {
            Some(Source::Local) => "local",
            Some(Source::Internal) => "internal",
            Some(Source::Confederation) => "confederation",
            Some(Source::External) | None => "external",
        },
        best: path.is_best(),
        multipath: path.flags & MULTIPATH != 0,
        stale: peer.is_some_and(|peer| peer.generation != path.generation),
        received_only: !path.accepted.is_some(),
        network: path.flags & NETWORK != 0,
        ..blank(path.peer)
    };
    describe(rib, shown, &mut view);
    let summary = common.attributes.summary(path.accepted);
    view.next_hop_metric = match is_local {
        true => Some(0),
        false => summary
            .and_then(|summary| summary.next_hop)
            .and_then(|hop| common.metric(hop)),
    };
    view.valid = path.accepted.is_some() && view.next_hop_metric.is_some();
    view
}

/// What a set of attributes says.
fn describe(rib: &Rib, set: AttributeId, view: &mut PathView) {
    let Some(set) = rib.common.attributes.get(set) else {
        return;
    };
    let attributes: PathAttributes<'_> = AttributeSet::canonical(set).attributes;
    view.next_hop = attributes.next_hop.map(|next_hop| match next_hop {
        NextHop::V4(address) => IpAddr::V4(address),
        NextHop::V6 { global, .. } => IpAddr::V6(global),
    });
    view.med = attributes.multi_exit_discriminator;
    view.local_preference = attributes.local_preference;
    view.as_path = path_text(&attributes.path());
    view.origin = match attributes.origin {
        Some(Origin::Igp) => "igp",
        Some(Origin::Egp) => "egp",
        Some(Origin::Incomplete) | None => "incomplete",
    };
    view.communities = attributes.communities().map(community).collect();
    view.extended_communities = attributes
        .extended_communities
        .chunks_exact(8)
        .map(|bytes| {
            let mut text = String::from("0x");
            for byte in bytes {
                let _ = write!(text, "{byte:02X}");
            }
            text
        })
        .collect();
    view.large_communities = attributes
        .large_communities
        .chunks_exact(12)
        .map(|bytes| {
            let word =
                |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
            format!("{}:{}:{}", word(0), word(4), word(8))
        })
        .collect();
    view.originator_id = attributes.originator_id;
    view.cluster_list = attributes.clusters().collect();
    view.atomic_aggregate = attributes.atomic_aggregate;
    view.aggregator = attributes
        .aggregator
        .map(|aggregator| (aggregator.as_number, aggregator.address));
}

fn community(value: u32) -> String {
    String::from(match value {
        0xffff_ff01 => "no-export",
        0xffff_ff02 => "no-advertise",
        0xffff_ff03 => "local-AS",
        0xffff_0000 => "graceful-shutdown",
        _ => return format!("{}:{}", value >> 16, value & 0xffff),
    })
}
