//! What the configuration asks of BGP, as its machines take it.

use super::policies::{apply_filter_lists, policies};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr};

use bgp::decision::DecisionRules;
use bgp::policy::Policies;
use bgp::{Families, NeighborConfig, SpeakerConfig};
use config::bgp::{
    BestPathRule, Direction, FilterKind, MaximumPrefix, NeighborConfiguration, RedistributedSource,
    Redistribution, TableMap,
};
use config::{BgpConfiguration, ConfigurationTree};
use machine::PortId;
use packet::{Prefix, V4};

/// All that `router bgp` asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Our AS.
    pub as_number: u32,
    /// Who we are; `None`: the highest address of the router.
    pub router_id: Option<Ipv4Addr>,
    /// Our cluster as a route reflector; `None`: who we are.
    pub cluster_id: Option<Ipv4Addr>,
    /// How long we need to come back, seconds.
    pub restart_time_s: u16,
    /// How long the routes of a neighbour that came back wait for its End-of-RIB, seconds.
    pub stalepath_time_s: u16,
    /// Sessions that come and go are logged.
    pub log_neighbor_changes: bool,
    /// How the best path is chosen, and how many share the load.
    pub rules: DecisionRules,
    /// Neighbours that have an AS, with all that their peer groups add.
    pub neighbors: BTreeMap<IpAddr, NeighborSettings>,
    /// Networks to tell, each with its route map.
    pub networks: BTreeMap<Prefix<V4>, Option<String>>,
    /// Routes of other sources to tell.
    pub redistributions: BTreeMap<RedistributedSource, Redistribution>,
    /// A default route is redistributed like any other.
    pub default_information: bool,
    /// What routes go through on their way into the routing table.
    pub table_map: Option<TableMap>,
    /// Lists and route maps.
    pub policies: Policies,
}

/// What is asked of one neighbour.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NeighborSettings {
    /// What the speaker takes. Our own addresses are not in it.
    pub config: NeighborConfig,
    /// How its TCP sessions are made.
    pub transport: Transport,
    /// The session survives a switchover unnoticed, whenever the standby is hot.
    pub nsr: bool,
    /// Free text for people.
    pub description: Option<String>,
    /// The peer group that it is a member of.
    pub peer_group: Option<String>,
}

/// How the TCP sessions with a neighbour are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Transport {
    /// Key of RFC 2385.
    pub password: Option<SessionKey>,
    /// Its packets have made so many hops at most (RFC 5082).
    pub ttl_security_hops: Option<u8>,
    /// An external neighbour may be so many hops away.
    pub ebgp_multihop: Option<u8>,
    /// The address of this interface is our side of the session.
    pub update_source: Option<PortId>,
    /// Only the neighbour makes the connection.
    pub passive: bool,
}

/// A key that does not show itself.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SessionKey(pub Vec<u8>);

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(<removed>)")
    }
}

/// TTL of packets to a neighbour that may be anywhere.
const TTL_ANYWHERE: u8 = 255;
/// TTL of packets to an external neighbour, which is on one of our links.
const TTL_LINK: u8 = 1;

impl NeighborSettings {
    /// TTL of packets to it.
    pub(crate) fn ttl(&self) -> u8 {
        match (self.transport.ttl_security_hops, self.transport.ebgp_multihop) {
            (Some(_), _) => TTL_ANYWHERE,
            _ if self.config.is_internal() => TTL_ANYWHERE,
            (None, hops) => hops.unwrap_or(TTL_LINK),
        }
    }

    /// The least TTL with which packets of it are taken; 0 takes all.
    pub(crate) fn ttl_min(&self) -> u8 {
        let hops = self
            .transport
            .ttl_security_hops
            .filter(|_| !self.config.is_internal());
        hops.map_or(0, |hops| TTL_ANYWHERE - hops)
    }

    /// Whether it has to be on one of our links, so that no other way leads to it.
    pub(crate) fn is_on_a_link(&self) -> bool {
        let may_be_away =
            self.transport.ttl_security_hops.is_some() || self.transport.ebgp_multihop.is_some();
        !self.config.is_internal() && !may_be_away
    }
}

impl Settings {
    /// Whether other routes may be due in the routing table than under `before`, though the best paths are the same.
    pub(crate) fn installs_otherwise(&self, before: &Settings) -> bool {
        let uses_policies = self.table_map.is_some();
        self.table_map != before.table_map || uses_policies && self.policies != before.policies
    }

    /// What the speaker is made with, on a router that is `router_id`.
    pub(crate) fn speaker(&self, router_id: Ipv4Addr) -> SpeakerConfig {
        SpeakerConfig {
            restart_time_s: self.restart_time_s,
            stalepath_time_s: self.stalepath_time_s,
            ..SpeakerConfig::new(self.as_number, router_id)
        }
    }
}

/// What `tree` asks of BGP; `None` without `router bgp`. Costs the length of the configuration.
pub(crate) fn settings(tree: &ConfigurationTree) -> Option<Settings> {
    let configured = tree.bgp()?;
    let defaults = SpeakerConfig::new(configured.as_number, Ipv4Addr::UNSPECIFIED);
    let mut policies = policies(tree.policy());
    let neighbors = configured.neighbors().filter_map(|(address, neighbor)| {
        let effective = configured.effective(neighbor);
        let mut settings = neighbor_settings(configured, address, &effective)?;
        let list = |direction| effective.filter(FilterKind::FilterList, direction);
        apply_filter_lists(
            &mut policies,
            &mut settings,
            list(Direction::In),
            list(Direction::Out),
        );
        Some((IpAddr::V4(address), settings))
    });
    let neighbors = neighbors.collect();
    let networks = configured
        .networks()
        .map(|(prefix, route_map)| (prefix, route_map.map(String::from)));
    Some(Settings {
        as_number: configured.as_number,
        router_id: configured.router_id,
        cluster_id: configured.cluster_id,
        restart_time_s: configured.restart_time_s.unwrap_or(defaults.restart_time_s),
        stalepath_time_s: configured.stalepath_time_s.unwrap_or(defaults.stalepath_time_s),
        log_neighbor_changes: configured.log_neighbor_changes,
        rules: rules(configured),
        neighbors,
        networks: networks.collect(),
        redistributions: configured.redistributions.clone(),
        default_information: configured.default_information,
        table_map: configured.table_map.clone(),
        policies,
    })
}

fn rules(configured: &BgpConfiguration) -> DecisionRules {
    let has = |rule| configured.rules.contains(&rule);
    DecisionRules {
        always_compare_med: has(BestPathRule::AlwaysCompareMed),
        missing_med_is_worst: has(BestPathRule::MissingAsWorst),
        ignore_as_path: has(BestPathRule::AsPathIgnore),
        compare_router_id: has(BestPathRule::CompareRouterId),
        maximum_paths_external: configured.maximum_paths.unwrap_or(1),
        maximum_paths_internal: configured.maximum_paths_ibgp.unwrap_or(1),
        multipath_relax: has(BestPathRule::MultipathRelax),
    }
}

/// `neighbor` is what holds, with what its peer group adds; `None` without an AS.
fn neighbor_settings(
    configured: &BgpConfiguration,
    address: Ipv4Addr,
    neighbor: &NeighborConfiguration,
) -> Option<NeighborSettings> {
    let filter = |kind, direction| neighbor.filter(kind, direction).cloned();
    let is_active = neighbor.activate.unwrap_or(configured.default_ipv4_unicast);
    let mut config = NeighborConfig::new(IpAddr::V4(address), neighbor.remote_as?, configured.as_number);
    if let Some(timers) = neighbor.timers.or(configured.timers) {
        config.hold_time_s = timers.hold_s;
        config.keepalive_time_s = timers.keepalive_s;
    }
    config.families = if is_active { Families::V4 } else { Families::NONE };
    config.shutdown = neighbor.shutdown;
    config.shutdown_message = neighbor.shutdown_message.clone();
    config.passive = neighbor.passive;
    config.next_hop_self = neighbor.next_hop_self;
    config.route_reflector_client = neighbor.route_reflector_client;
    config.send_community = neighbor.send_community.standard;
    config.send_extended_community = neighbor.send_community.extended;
    config.keeps_refused = neighbor.soft_reconfiguration;
    config.own_as_allowed = neighbor.allow_as_in.unwrap_or(0);
    config.weight = neighbor.weight.unwrap_or(0);
    config.default_originate = neighbor.default_originate.is_some();
    config.default_originate_map = neighbor.default_originate.clone().flatten();
    config.route_map_in = filter(FilterKind::RouteMap, Direction::In);
    config.route_map_out = filter(FilterKind::RouteMap, Direction::Out);
    config.prefix_list_in = filter(FilterKind::PrefixList, Direction::In);
    config.prefix_list_out = filter(FilterKind::PrefixList, Direction::Out);
    config.maximum_prefix = neighbor.maximum_prefix.map(maximum_prefix);
    config.graceful_restart = neighbor.graceful_restart.unwrap_or(configured.graceful_restart);
    let password = neighbor.password.as_ref().and_then(config::bgp::Password::key);
    Some(NeighborSettings {
        config,
        transport: Transport {
            password: password.map(SessionKey),
            ttl_security_hops: neighbor.ttl_security_hops,
            ebgp_multihop: neighbor.ebgp_multihop,
            update_source: neighbor.update_source,
            passive: neighbor.passive,
        },
        nsr: neighbor.ha_mode_sso.unwrap_or(configured.ha_mode_sso),
        description: neighbor.description.clone(),
        peer_group: neighbor.peer_group.clone(),
    })
}

fn maximum_prefix(limit: MaximumPrefix) -> bgp::MaximumPrefix {
    let MaximumPrefix {
        limit,
        threshold_percent,
        warning_only,
        restart_min,
    } = limit;
    bgp::MaximumPrefix {
        limit,
        threshold_percent,
        warning_only,
        restart_min,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn settings_of(text: &str) -> Option<Settings> {
        let loaded = config::load(text);
        assert_eq!(loaded.errors, []);
        settings(&loaded.tree)
    }

    fn neighbor(lines: &[&str]) -> NeighborSettings {
        let mut text = String::from("interface Ethernet0/1\nrouter bgp 65000\n");
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
        settings_of(&text).unwrap().neighbors.remove(&address).unwrap()
    }

    #[test]
    fn without_router_bgp_there_is_nothing_to_set() {
        assert_eq!(settings_of("hostname A\n"), None);
        let alone = settings_of("router bgp 65000\n").unwrap();
        assert_eq!(
            alone.speaker(Ipv4Addr::new(1, 1, 1, 1)),
            SpeakerConfig::new(65000, Ipv4Addr::new(1, 1, 1, 1))
        );
        assert!(alone.neighbors.is_empty() && alone.log_neighbor_changes);
    }

    #[test]
    fn what_holds_for_the_process_reaches_the_speaker() {
        let settings = settings_of(
            "router bgp 65000\ndefault-information originate\nbgp router-id 1.2.3.4\nbgp cluster-id 9\nbgp graceful-restart restart-time 30\n\
             bgp graceful-restart stalepath-time 40\nbgp always-compare-med\nbgp bestpath as-path multipath-relax\n\
             maximum-paths 4\nmaximum-paths ibgp 3\nnetwork 10.0.0.0\nnetwork 192.168.4.0 mask 255.255.252.0 route-map M\n\
             redistribute static route-map S\nredistribute connected metric 7\nno bgp log-neighbor-changes\n",
        )
        .unwrap();
        assert_eq!(settings.router_id, Some(Ipv4Addr::new(1, 2, 3, 4)));
        assert_eq!(settings.cluster_id, Some(Ipv4Addr::new(0, 0, 0, 9)));
        let speaker = settings.speaker(Ipv4Addr::new(1, 2, 3, 4));
        assert_eq!((speaker.restart_time_s, speaker.stalepath_time_s), (30, 40));
        assert!(settings.rules.always_compare_med && settings.rules.multipath_relax);
        assert!(!settings.rules.ignore_as_path && !settings.log_neighbor_changes);
        let paths = (
            settings.rules.maximum_paths_external,
            settings.rules.maximum_paths_internal,
        );
        assert_eq!(paths, (4, 3));
        let networks: Vec<String> = settings
            .networks
            .iter()
            .map(|(prefix, map)| alloc::format!("{prefix} {map:?}"))
            .collect();
        assert_eq!(networks, ["10.0.0.0/8 None", "192.168.4.0/22 Some(\"M\")"]);
        let connected = &settings.redistributions[&RedistributedSource::Connected];
        assert_eq!(
            (connected.metric, connected.route_map.as_deref()),
            (Some(7), None)
        );
        let of_static = &settings.redistributions[&RedistributedSource::Static];
        assert_eq!(of_static.route_map.as_deref(), Some("S"));
        assert!(settings.default_information);
    }

    #[test]
    fn no_more_paths_can_be_asked_for_than_cards_take() {
        assert_eq!(config::bgp::MAXIMUM_PATHS_MAX as usize, rib::PATHS_MAX);
    }

    #[test]
    fn a_neighbor_without_settings_has_the_defaults_of_the_vendor_and_survives_switchovers() {
        let plain = neighbor(&["neighbor 10.0.0.2 remote-as 65001"]);
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
        assert_eq!(plain.config, NeighborConfig::new(address, 65001, 65000));
        assert_eq!(plain.transport, Transport::default());
        assert!(plain.nsr);
    }

    #[test]
    fn each_setting_of_a_neighbor_reaches_its_place() {
        let settings = neighbor(&[
            "neighbor 10.0.0.2 remote-as 65001",
            "neighbor 10.0.0.2 description Upstream",
            "neighbor 10.0.0.2 shutdown",
            "neighbor 10.0.0.2 password 7 0822455D0A16",
            "neighbor 10.0.0.2 update-source Ethernet0/1",
            "neighbor 10.0.0.2 timers 3 9",
            "neighbor 10.0.0.2 transport connection-mode passive",
            "neighbor 10.0.0.2 next-hop-self",
            "neighbor 10.0.0.2 route-reflector-client",
            "neighbor 10.0.0.2 soft-reconfiguration inbound",
            "neighbor 10.0.0.2 send-community both",
            "neighbor 10.0.0.2 maximum-prefix 100 80 restart 5",
            "neighbor 10.0.0.2 route-map IN in",
            "neighbor 10.0.0.2 route-map OUT out",
            "neighbor 10.0.0.2 prefix-list PIN in",
            "neighbor 10.0.0.2 prefix-list POUT out",
            "neighbor 10.0.0.2 weight 50",
            "neighbor 10.0.0.2 allowas-in",
            "neighbor 10.0.0.2 default-originate route-map D",
            "neighbor 10.0.0.2 ha-mode graceful-restart",
            "no neighbor 10.0.0.2 ha-mode sso",
        ]);
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
        let expected = NeighborConfig {
            shutdown: true,
            passive: true,
            hold_time_s: 9,
            keepalive_time_s: 3,
            next_hop_self: true,
            route_reflector_client: true,
            send_community: true,
            send_extended_community: true,
            keeps_refused: true,
            own_as_allowed: 3,
            weight: 50,
            default_originate: true,
            default_originate_map: Some("D".into()),
            route_map_in: Some("IN".into()),
            route_map_out: Some("OUT".into()),
            prefix_list_in: Some("PIN".into()),
            prefix_list_out: Some("POUT".into()),
            maximum_prefix: Some(bgp::MaximumPrefix {
                limit: 100,
                threshold_percent: 80,
                warning_only: false,
                restart_min: Some(5),
            }),
            graceful_restart: true,
            ..NeighborConfig::new(address, 65001, 65000)
        };
        assert_eq!(settings.config, expected);
        assert_eq!(settings.transport.password, Some(SessionKey(b"cisco".to_vec())));
        assert_eq!(settings.transport.update_source, Some(PortId::new(0, 1)));
        assert!(settings.transport.passive && !settings.nsr);
        assert_eq!(settings.description.as_deref(), Some("Upstream"));
        assert!(!alloc::format!("{settings:?}").contains("cisco"));
    }

    #[test]
    fn a_filter_list_reaches_the_policy_of_its_direction() {
        let settings = settings_of(
            "ip as-path access-list 7 permit ^1$\nip prefix-list P permit 10.0.0.0/8\nroute-map M\nrouter bgp 65000\n\
             neighbor 10.0.0.2 remote-as 1\nneighbor 10.0.0.2 filter-list 7 in\nneighbor 10.0.0.2 route-map M out\n",
        )
        .unwrap();
        let config = &settings.neighbors[&IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2))].config;
        assert_eq!(config.route_map_in.as_deref(), Some(" filter-list 7"));
        assert_eq!(config.route_map_out.as_deref(), Some("M"));
        let maps: Vec<&str> = settings.policies.route_maps.keys().map(String::as_str).collect();
        assert_eq!(maps, [" filter-list 7", "M"]);
        assert!(settings.policies.prefix_lists_v4.contains_key("P"));
    }

    #[test]
    fn ttl_and_its_check_follow_from_where_the_neighbor_may_be() {
        let external = "neighbor 10.0.0.2 remote-as 65001";
        let internal = "neighbor 10.0.0.2 remote-as 65000";
        let cases = [
            (vec![external], (1, 0, true)),
            (vec![external, "neighbor 10.0.0.2 ebgp-multihop"], (255, 0, false)),
            (vec![external, "neighbor 10.0.0.2 ebgp-multihop 4"], (4, 0, false)),
            (
                vec![external, "neighbor 10.0.0.2 ttl-security hops 1"],
                (255, 254, false),
            ),
            (vec![internal], (255, 0, false)),
            (
                vec![internal, "neighbor 10.0.0.2 ttl-security hops 1"],
                (255, 0, false),
            ),
        ];
        for (lines, expected) in cases {
            let settings = neighbor(&lines);
            let found = (settings.ttl(), settings.ttl_min(), settings.is_on_a_link());
            assert_eq!(found, expected, "{lines:?}");
        }
    }

    #[test]
    fn a_member_has_what_its_peer_group_has_unless_it_has_its_own() {
        let settings = neighbor(&[
            "neighbor UP peer-group",
            "neighbor UP remote-as 65001",
            "neighbor UP timers 10 30",
            "neighbor UP password secret",
            "neighbor UP route-map A in",
            "neighbor UP route-map B out",
            "neighbor UP ttl-security hops 2",
            "no neighbor UP ha-mode sso",
            "no neighbor UP activate",
            "neighbor 10.0.0.2 peer-group UP",
            "neighbor 10.0.0.2 timers 1 3",
            "neighbor 10.0.0.2 route-map C in",
            "neighbor 10.0.0.2 ebgp-multihop 3",
            "neighbor 10.0.0.2 activate",
        ]);
        assert_eq!(settings.peer_group.as_deref(), Some("UP"));
        assert_eq!(
            (settings.config.remote_as, settings.config.hold_time_s),
            (65001, 3)
        );
        assert_eq!(settings.config.route_map_in.as_deref(), Some("C"));
        assert_eq!(settings.config.route_map_out.as_deref(), Some("B"));
        assert_eq!(settings.config.families, Families::V4);
        assert_eq!(settings.transport.password, Some(SessionKey(b"secret".to_vec())));
        assert_eq!(
            settings.transport.ttl_security_hops, None,
            "its own hops keep the group's away"
        );
        assert!(!settings.nsr);
    }

    #[test]
    fn families_and_nsr_follow_the_process_where_a_neighbor_says_nothing() {
        let table = [
            ("!", "!", (true, true, false)),
            ("no bgp default ipv4-unicast", "!", (false, true, false)),
            (
                "no bgp default ipv4-unicast",
                "neighbor 10.0.0.2 activate",
                (true, true, false),
            ),
            ("!", "no neighbor 10.0.0.2 activate", (false, true, false)),
            ("no bgp ha-mode sso", "!", (true, false, false)),
            (
                "no bgp ha-mode sso",
                "neighbor 10.0.0.2 ha-mode sso",
                (true, true, false),
            ),
            ("bgp graceful-restart", "!", (true, true, true)),
            (
                "bgp graceful-restart",
                "neighbor 10.0.0.2 ha-mode graceful-restart disable",
                (true, true, false),
            ),
        ];
        for (process, own, expected) in table {
            let settings = neighbor(&["neighbor 10.0.0.2 remote-as 1", process, own]);
            let config = &settings.config;
            let found = (
                config.families == Families::V4,
                settings.nsr,
                config.graceful_restart,
            );
            assert_eq!(found, expected, "{process}, {own}");
        }
    }
}
