//! What is configured of a neighbour or of a peer group, as operators look for it in what they are shown.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;
use serde::Serialize;

/// `neighbor ... maximum-prefix`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MaximumPrefixView {
    /// Prefixes that may be told.
    pub limit: u32,
    /// A warning at this share of it, in percent.
    pub threshold_percent: u8,
    /// The session goes on beyond the limit.
    pub warning_only: bool,
    /// It starts again after this many minutes; none: when the operator says so.
    pub restart_min: Option<u16>,
}

/// What is configured of a neighbour, with what its peer group adds, or of a peer group. `None` and `false`: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConfiguredView {
    /// `peer-group NAME`
    pub peer_group: Option<String>,
    /// `route-reflector-client`
    pub route_reflector_client: bool,
    /// `soft-reconfiguration inbound`
    pub soft_reconfiguration_inbound: bool,
    /// `next-hop-self`
    pub next_hop_self: bool,
    /// `send-community`
    pub send_community: bool,
    /// `send-community extended`
    pub send_extended_community: bool,
    /// `default-originate`
    pub default_originate: bool,
    /// `default-originate route-map NAME`
    pub default_originate_route_map: Option<String>,
    /// `weight N`
    pub weight: Option<u16>,
    /// `allowas-in [N]`
    pub allowas_in: Option<u8>,
    /// `prefix-list NAME in`
    pub prefix_list_in: Option<String>,
    /// `prefix-list NAME out`
    pub prefix_list_out: Option<String>,
    /// `filter-list NAME in`
    pub filter_list_in: Option<String>,
    /// `filter-list NAME out`
    pub filter_list_out: Option<String>,
    /// `route-map NAME in`
    pub route_map_in: Option<String>,
    /// `route-map NAME out`
    pub route_map_out: Option<String>,
    /// `maximum-prefix ...`
    pub maximum_prefix: Option<MaximumPrefixView>,
}

/// A peer group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PeerGroupView {
    /// Its name.
    pub name: String,
    /// The AS of its members; none: each has its own.
    pub remote_as: Option<u32>,
    /// `neighbor ... description`.
    pub description: Option<String>,
    /// "internal" or "external"; none: it has neither an AS nor members, or members of both kinds.
    pub link: Option<&'static str>,
    /// Its members, in order of their addresses.
    pub members: Vec<IpAddr>,
    /// How many of their sessions are established.
    pub established: usize,
    /// Least time between two UPDATEs about a prefix, in seconds.
    pub advertisement_interval_s: u16,
    /// What is configured of all members.
    pub configured: ConfiguredView,
}

impl ConfiguredView {
    /// What is told of a family before its counts; `default_sent`: whether the neighbour has been told the default route
    /// that `default-originate` makes. None where that is no question: a peer group is told nothing.
    pub(super) fn lines(&self, default_sent: Option<bool>) -> Vec<String> {
        let mut lines = Vec::new();
        let mut flag = |is: bool, text: &str| lines.extend(is.then(|| format!("  {text}")));
        flag(self.route_reflector_client, "Route-Reflector Client");
        if let Some(group) = &self.peer_group {
            flag(true, &format!("{group} peer-group member"));
        }
        flag(
            self.soft_reconfiguration_inbound,
            "Inbound soft reconfiguration allowed",
        );
        flag(self.next_hop_self, "NEXT_HOP is always this router");
        flag(self.send_community, "Community attribute sent to this neighbor");
        flag(
            self.send_extended_community,
            "Extended-community attribute sent to this neighbor",
        );
        if self.default_originate {
            let mut text = String::from("Default information originate");
            if let Some(map) = &self.default_originate_route_map {
                text.push_str(&format!(", default route-map {map}"));
            }
            text.push_str(match default_sent {
                Some(true) => ", default sent",
                Some(false) => ", default not sent",
                None => "",
            });
            flag(true, &text);
        }
        if let Some(weight) = self.weight {
            flag(true, &format!("Default weight {weight}"));
        }
        if let Some(times) = self.allowas_in {
            flag(
                true,
                &format!("My AS number is allowed {times} times in received updates"),
            );
        }
        let some = |names: [&Option<String>; 3]| names.iter().any(|name| name.is_some());
        flag(
            some([&self.prefix_list_in, &self.filter_list_in, &self.route_map_in]),
            "Inbound path policy configured",
        );
        flag(
            some([&self.prefix_list_out, &self.filter_list_out, &self.route_map_out]),
            "Outbound path policy configured",
        );
        for (what, name) in [
            ("Incoming update prefix filter list", &self.prefix_list_in),
            ("Outgoing update prefix filter list", &self.prefix_list_out),
            ("Incoming update AS path filter list", &self.filter_list_in),
            ("Outgoing update AS path filter list", &self.filter_list_out),
            ("Route map for incoming advertisements", &self.route_map_in),
            ("Route map for outgoing advertisements", &self.route_map_out),
        ] {
            lines.extend(name.as_ref().map(|name| format!("  {what} is {name}")));
        }
        lines
    }

    /// What is told of a family after its counts.
    pub(super) fn limit_lines(&self) -> Vec<String> {
        let Some(limit) = &self.maximum_prefix else {
            return Vec::new();
        };
        let warning = if limit.warning_only { " (warning-only)" } else { "" };
        let restart = limit.restart_min.map_or(String::new(), |minutes| {
            format!(", restart interval {minutes} min")
        });
        Vec::from([
            format!("  Maximum prefixes allowed {}{warning}", limit.limit),
            format!(
                "  Threshold for warning message {}%{restart}",
                limit.threshold_percent
            ),
        ])
    }
}

/// `show ip bgp peer-group`, of one group.
pub fn peer_group_lines(group: &PeerGroupView) -> Vec<String> {
    let name = &group.name;
    let remote_as = group
        .remote_as
        .map_or(String::new(), |number| format!(",  remote AS {number}"));
    let mut lines = Vec::from([format!("BGP peer-group is {name}{remote_as}")]);
    lines.extend(
        group
            .description
            .iter()
            .map(|text| format!(" Description: {text}")),
    );
    lines.push(String::from("  BGP version 4"));
    lines.push(String::from("  Neighbor sessions:"));
    lines.push(format!(
        "    {} active, is not multisession capable (disabled)",
        group.established
    ));
    lines.push(format!(
        "  Default minimum time between advertisement runs is {} seconds",
        group.advertisement_interval_s
    ));
    lines.push(String::new());
    lines.push(String::from(" For address family: IPv4 Unicast"));
    let link = group.link.map_or(String::new(), |link| format!(" {link}"));
    lines.push(format!("  BGP neighbor is {name}, peer-group{link}, members:"));
    let members: Vec<String> = group.members.iter().map(ToString::to_string).collect();
    lines.push(format!("  {}", members.join(" ")).trim_end().into());
    lines.extend(group.configured.lines(None));
    lines.extend(group.configured.limit_lines());
    lines
}
