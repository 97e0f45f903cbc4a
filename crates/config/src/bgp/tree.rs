//! `router bgp` as a value, and the commands that change it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use packet::{Prefix, V4};

use super::RedistributedSource;
use super::command::{BestPathRule, BgpCommand, BgpTimers, NeighborName, NeighborSetting};
use super::error::BgpError;
use super::neighbor::{NAME_BYTES_MAX, NeighborConfiguration, changed, check_name, check_timers, replace};
use crate::command::ConfigCommand;
use crate::error::ReturnCode;

/// Neighbours that a configuration may hold; each gets a number of sixteen bits.
pub const BGP_NEIGHBORS_MAX: usize = 65_535;
/// `network` lines that a configuration may hold.
pub const BGP_NETWORKS_MAX: usize = 65_536;
/// A shorter hold time is accepted with a warning, seconds.
pub const HOLD_TIME_WARNED_S: u16 = 20;

/// What becomes of redistributed routes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redistribution {
    /// Their MULTI_EXIT_DISC.
    pub metric: Option<u32>,
    /// Judges and changes them.
    pub route_map: Option<String>,
}

/// What a route goes through on its way into the routing table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableMap {
    /// Changes its metric.
    pub route_map: String,
    /// What the route map refuses stays out of the routing table.
    pub is_filter: bool,
}

/// All that is configured below `router bgp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BgpConfiguration {
    /// Our AS.
    pub as_number: u32,
    /// Who we are; `None`: the highest address of the router.
    pub router_id: Option<Ipv4Addr>,
    /// Our cluster as a route reflector; `None`: who we are.
    pub cluster_id: Option<Ipv4Addr>,
    /// Sessions that come and go are logged.
    pub log_neighbor_changes: bool,
    /// Graceful restart with all neighbours.
    pub graceful_restart: bool,
    /// How long we need to come back, seconds; `None`: the default.
    pub restart_time_s: Option<u16>,
    /// How long the routes of a neighbour that came back wait, seconds; `None`: the default.
    pub stalepath_time_s: Option<u16>,
    /// Sessions survive a switchover unnoticed.
    pub ha_mode_sso: bool,
    /// IPv4 unicast routes are exchanged with every neighbour.
    pub default_ipv4_unicast: bool,
    /// How the best path is chosen.
    pub rules: BTreeSet<BestPathRule>,
    /// Keepalive and hold time of all neighbours.
    pub timers: Option<BgpTimers>,
    /// External paths that share the load.
    pub maximum_paths: Option<u8>,
    /// Internal paths that share the load.
    pub maximum_paths_ibgp: Option<u8>,
    /// What of the routes goes into the routing table, and how.
    pub table_map: Option<TableMap>,
    /// Routes that are redistributed.
    pub redistributions: BTreeMap<RedistributedSource, Redistribution>,
    /// A default route may be redistributed like any other.
    pub default_information: bool,
    /// By their address, and peer groups by their name.
    neighbors: BTreeMap<NeighborName, NeighborConfiguration>,
    /// `network` lines, each with its route map.
    networks: BTreeMap<Prefix<V4>, Option<String>>,
    /// Sum of the hashes of neighbours, peer groups and networks, kept with each change: a digest is due after every
    /// command, and there may be many of them.
    sum: u64,
}

impl BgpConfiguration {
    pub(crate) fn new(as_number: u32) -> Self {
        Self {
            as_number,
            router_id: None,
            cluster_id: None,
            log_neighbor_changes: true,
            graceful_restart: false,
            restart_time_s: None,
            stalepath_time_s: None,
            ha_mode_sso: true,
            default_ipv4_unicast: true,
            rules: BTreeSet::new(),
            timers: None,
            maximum_paths: None,
            maximum_paths_ibgp: None,
            table_map: None,
            redistributions: BTreeMap::new(),
            default_information: false,
            neighbors: BTreeMap::new(),
            networks: BTreeMap::new(),
            sum: 0,
        }
    }

    /// All neighbours in order of their addresses, each as configured by itself.
    pub fn neighbors(&self) -> impl Iterator<Item = (Ipv4Addr, &NeighborConfiguration)> {
        self.neighbors.iter().filter_map(|(who, neighbor)| match who {
            NeighborName::Address(address) => Some((*address, neighbor)),
            NeighborName::PeerGroup(_) => None,
        })
    }

    /// All peer groups in order of their names.
    pub fn peer_groups(&self) -> impl Iterator<Item = (&str, &NeighborConfiguration)> {
        self.neighbors.iter().filter_map(|(who, group)| match who {
            NeighborName::Address(_) => None,
            NeighborName::PeerGroup(name) => Some((name.as_str(), group)),
        })
    }

    /// One neighbour as configured by itself.
    pub fn neighbor(&self, address: Ipv4Addr) -> Option<&NeighborConfiguration> {
        self.neighbors.get(&NeighborName::Address(address))
    }

    /// One peer group.
    pub fn peer_group(&self, name: &str) -> Option<&NeighborConfiguration> {
        self.neighbors.get(&NeighborName::PeerGroup(name.into()))
    }

    /// What holds for a neighbour: its own settings, and where it has none those of its peer group.
    pub fn effective(&self, neighbor: &NeighborConfiguration) -> NeighborConfiguration {
        let group = neighbor
            .peer_group
            .as_deref()
            .and_then(|name| self.peer_group(name));
        group.map_or_else(|| neighbor.clone(), |group| neighbor.inheriting(group))
    }

    /// `network` lines in order, each with its route map.
    pub fn networks(&self) -> impl Iterator<Item = (Prefix<V4>, Option<&str>)> {
        self.networks
            .iter()
            .map(|(prefix, map)| (*prefix, map.as_deref()))
    }

    /// Executes one command: all of it, or nothing. `is_own` says whether an address is this router's.
    pub(crate) fn apply(
        &mut self,
        command: &BgpCommand,
        is_own: impl Fn(Ipv4Addr) -> bool,
    ) -> Result<ReturnCode, BgpError> {
        Ok(match command {
            BgpCommand::AddressFamily => ReturnCode::Unchanged,
            BgpCommand::RouterId(id) => replace(&mut self.router_id, identifier(*id)?),
            BgpCommand::ClusterId(id) => replace(&mut self.cluster_id, identifier(*id)?),
            BgpCommand::LogNeighborChanges(on) => replace(&mut self.log_neighbor_changes, *on),
            BgpCommand::GracefulRestart(on) => replace(&mut self.graceful_restart, *on),
            BgpCommand::RestartTime(time) => replace(&mut self.restart_time_s, *time),
            BgpCommand::StalepathTime(time) => replace(&mut self.stalepath_time_s, *time),
            BgpCommand::HaMode(on) => replace(&mut self.ha_mode_sso, *on),
            BgpCommand::DefaultIpv4Unicast(on) => replace(&mut self.default_ipv4_unicast, *on),
            BgpCommand::BestPath(rule, true) => changed(self.rules.insert(*rule)),
            BgpCommand::BestPath(rule, false) => changed(self.rules.remove(rule)),
            BgpCommand::Timers(timers) => {
                timers.map_or(Ok(()), check_timers)?;
                replace(&mut self.timers, *timers)
            }
            BgpCommand::MaximumPaths(paths) => replace(&mut self.maximum_paths, *paths),
            BgpCommand::MaximumPathsIbgp(paths) => replace(&mut self.maximum_paths_ibgp, *paths),
            BgpCommand::TableMap(map) => {
                map.as_ref().map_or(Ok(()), |map| check_name(&map.route_map))?;
                replace(&mut self.table_map, map.clone())
            }
            BgpCommand::Network {
                network,
                mask,
                route_map,
            } => self.add_network(network_prefix(*network, *mask)?, route_map.clone())?,
            BgpCommand::NoNetwork { network, mask } => {
                self.remove_network(network_prefix(*network, *mask)?)?
            }
            BgpCommand::Redistribute {
                source,
                metric,
                route_map,
            } => {
                route_map.as_deref().map_or(Ok(()), check_name)?;
                let redistribution = Redistribution {
                    metric: *metric,
                    route_map: route_map.clone(),
                };
                let before = self.redistributions.insert(*source, redistribution.clone());
                changed(before != Some(redistribution))
            }
            BgpCommand::NoRedistribute(source) => changed(self.redistributions.remove(source).is_some()),
            BgpCommand::DefaultInformation(on) => replace(&mut self.default_information, *on),
            BgpCommand::NoNeighbor(who) => self.remove(who)?,
            BgpCommand::Neighbor { who, setting } => self.apply_setting(who, setting, is_own)?,
        })
    }

    fn apply_setting(
        &mut self,
        who: &NeighborName,
        setting: &NeighborSetting,
        is_own: impl Fn(Ipv4Addr) -> bool,
    ) -> Result<ReturnCode, BgpError> {
        match (who, setting) {
            (NeighborName::PeerGroup(name), NeighborSetting::PeerGroup) => self.create_group(name),
            (NeighborName::PeerGroup(_), NeighborSetting::MemberOf(None)) => self.remove(who),
            (NeighborName::PeerGroup(_), NeighborSetting::RemoteAs(None)) => self.forget_group_as(who),
            (NeighborName::PeerGroup(_), NeighborSetting::MemberOf(Some(_)))
            | (NeighborName::Address(_), NeighborSetting::PeerGroup) => {
                Err(BgpError::NotForThis(who.clone()))
            }
            (NeighborName::Address(address), NeighborSetting::RemoteAs(Some(_))) => {
                self.check_address(*address, is_own)?;
                self.change(who, true, |neighbor| neighbor.set(setting))
            }
            (NeighborName::Address(address), NeighborSetting::MemberOf(Some(group))) => {
                self.check_address(*address, is_own)?;
                let group = self.peer_group(group).ok_or(BgpError::NoPeerGroup)?;
                let own_as = self.neighbors.get(who).and_then(|neighbor| neighbor.remote_as);
                if own_as.or(group.remote_as).is_none() {
                    return Err(BgpError::SpecifyRemoteAs);
                }
                self.change(who, true, |neighbor| neighbor.set(setting))
            }
            // Without an AS there is no neighbour.
            (NeighborName::Address(_), NeighborSetting::RemoteAs(None)) => match self.group_as(who) {
                Some(_) => self.change(who, false, |neighbor| neighbor.set(setting)),
                None => self.remove(who),
            },
            (NeighborName::Address(_), NeighborSetting::MemberOf(None)) => match self.neighbors.get(who) {
                Some(neighbor) if neighbor.remote_as.is_none() => self.remove(who),
                _ => self.change(who, false, |neighbor| neighbor.set(setting)),
            },
            _ => self.change(who, false, |neighbor| neighbor.set(setting)),
        }
    }

    fn check_address(&self, address: Ipv4Addr, is_own: impl Fn(Ipv4Addr) -> bool) -> Result<(), BgpError> {
        if !crate::tree::is_host(address) {
            return Err(BgpError::NeighborAddress(address));
        }
        if is_own(address) {
            return Err(BgpError::LocalSystem);
        }
        let is_new = self.neighbor(address).is_none();
        if is_new && self.neighbors.len() >= BGP_NEIGHBORS_MAX {
            return Err(BgpError::NeighborLimit(BGP_NEIGHBORS_MAX));
        }
        Ok(())
    }

    /// The AS that a neighbour has from its peer group.
    fn group_as(&self, who: &NeighborName) -> Option<u32> {
        let group = self.neighbors.get(who)?.peer_group.as_deref()?;
        self.peer_group(group)?.remote_as
    }

    fn create_group(&mut self, name: &str) -> Result<ReturnCode, BgpError> {
        let is_name = name.len() <= NAME_BYTES_MAX
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && !name.contains(char::is_control);
        if !is_name {
            return Err(BgpError::PeerGroupName);
        }
        let who = NeighborName::PeerGroup(name.into());
        let is_new = !self.neighbors.contains_key(&who);
        if is_new && self.neighbors.len() >= BGP_NEIGHBORS_MAX {
            return Err(BgpError::NeighborLimit(BGP_NEIGHBORS_MAX));
        }
        self.change(&who, true, |_| Ok(changed(is_new)))
    }

    /// Changes a neighbour, which is created if `creates` says so, and keeps the sum true.
    fn change(
        &mut self,
        who: &NeighborName,
        creates: bool,
        change: impl FnOnce(&mut NeighborConfiguration) -> Result<ReturnCode, BgpError>,
    ) -> Result<ReturnCode, BgpError> {
        let known = self.neighbors.get(who);
        if known.is_none() && !creates {
            return Err(BgpError::SpecifyRemoteAs);
        }
        let mut neighbor = known.cloned().unwrap_or_default();
        let code = change(&mut neighbor)?;
        if code == ReturnCode::Applied {
            self.forget(who);
            self.sum = self.sum.wrapping_add(self.neighbor_hash(who, &neighbor));
            self.neighbors.insert(who.clone(), neighbor);
        }
        Ok(code)
    }

    /// Takes a neighbour out; returns whether it was there.
    fn forget(&mut self, who: &NeighborName) -> bool {
        let Some(neighbor) = self.neighbors.remove(who) else {
            return false;
        };
        self.sum = self.sum.wrapping_sub(self.neighbor_hash(who, &neighbor));
        true
    }

    fn remove(&mut self, who: &NeighborName) -> Result<ReturnCode, BgpError> {
        if !self.forget(who) {
            return Err(BgpError::SpecifyRemoteAs);
        }
        let NeighborName::PeerGroup(name) = who else {
            return Ok(ReturnCode::Applied);
        };
        for (member, has_as) in self.members(name) {
            match has_as {
                true => {
                    self.change(&member, false, |neighbor| {
                        neighbor.set(&NeighborSetting::MemberOf(None))
                    })?;
                }
                false => drop(self.forget(&member)),
            }
        }
        Ok(ReturnCode::Applied)
    }

    /// `no neighbor GROUP remote-as`: members without an AS of their own go.
    fn forget_group_as(&mut self, who: &NeighborName) -> Result<ReturnCode, BgpError> {
        let code = self.change(who, false, |group| group.set(&NeighborSetting::RemoteAs(None)))?;
        if let (NeighborName::PeerGroup(name), ReturnCode::Applied) = (who, code) {
            for (member, has_as) in self.members(name) {
                if !has_as {
                    self.forget(&member);
                }
            }
        }
        Ok(code)
    }

    /// The members of a peer group, and whether each has an AS of its own.
    fn members(&self, group: &str) -> Vec<(NeighborName, bool)> {
        let is_member = |(_, neighbor): &(&NeighborName, &NeighborConfiguration)| {
            neighbor.peer_group.as_deref() == Some(group)
        };
        let members = self.neighbors.iter().filter(is_member);
        members
            .map(|(who, neighbor)| (who.clone(), neighbor.remote_as.is_some()))
            .collect()
    }

    fn add_network(&mut self, prefix: Prefix<V4>, route_map: Option<String>) -> Result<ReturnCode, BgpError> {
        route_map.as_deref().map_or(Ok(()), check_name)?;
        let before = self.networks.get(&prefix);
        if before == Some(&route_map) {
            return Ok(ReturnCode::Unchanged);
        }
        if before.is_none() && self.networks.len() >= BGP_NETWORKS_MAX {
            return Err(BgpError::NetworkLimit(BGP_NETWORKS_MAX));
        }
        if before.is_some() {
            self.remove_network(prefix)?;
        }
        self.sum = self
            .sum
            .wrapping_add(self.hash(&[network_command(prefix, route_map.as_ref())]));
        self.networks.insert(prefix, route_map);
        Ok(ReturnCode::Applied)
    }

    fn remove_network(&mut self, prefix: Prefix<V4>) -> Result<ReturnCode, BgpError> {
        let route_map = self.networks.remove(&prefix).ok_or(BgpError::NotConfigured)?;
        self.sum = self
            .sum
            .wrapping_sub(self.hash(&[network_command(prefix, route_map.as_ref())]));
        Ok(ReturnCode::Applied)
    }

    /// The commands that build this, in order.
    pub(crate) fn commands(&self) -> Vec<ConfigCommand> {
        let groups = self
            .peer_groups()
            .map(|(name, group)| (NeighborName::PeerGroup(name.into()), group));
        let neighbors = self
            .neighbors()
            .map(|(address, neighbor)| (NeighborName::Address(address), neighbor));
        let of_neighbors = groups
            .chain(neighbors)
            .flat_map(|(who, neighbor)| neighbor_commands(&who, neighbor));
        let networks = self
            .networks
            .iter()
            .map(|(prefix, route_map)| network_command(*prefix, route_map.as_ref()));
        let all = self
            .process_commands()
            .into_iter()
            .chain(networks)
            .chain(of_neighbors);
        let command = |command| ConfigCommand::Bgp {
            as_number: self.as_number,
            in_family: false,
            command,
        };
        core::iter::once(ConfigCommand::RouterBgp(self.as_number))
            .chain(all.map(command))
            .collect()
    }

    /// All but neighbours, peer groups and networks.
    fn process_commands(&self) -> Vec<BgpCommand> {
        let mut commands = Vec::new();
        commands.extend(self.router_id.map(|id| BgpCommand::RouterId(Some(id))));
        commands.extend(self.cluster_id.map(|id| BgpCommand::ClusterId(Some(id))));
        commands.push(BgpCommand::LogNeighborChanges(self.log_neighbor_changes));
        commands.extend(self.rules.iter().map(|rule| BgpCommand::BestPath(*rule, true)));
        commands.extend((!self.default_ipv4_unicast).then_some(BgpCommand::DefaultIpv4Unicast(false)));
        commands.extend(
            self.restart_time_s
                .map(|time| BgpCommand::RestartTime(Some(time))),
        );
        commands.extend(
            self.stalepath_time_s
                .map(|time| BgpCommand::StalepathTime(Some(time))),
        );
        commands.extend(self.graceful_restart.then_some(BgpCommand::GracefulRestart(true)));
        commands.extend((!self.ha_mode_sso).then_some(BgpCommand::HaMode(false)));
        commands.extend(self.timers.map(|timers| BgpCommand::Timers(Some(timers))));
        commands.extend(
            self.maximum_paths
                .map(|paths| BgpCommand::MaximumPaths(Some(paths))),
        );
        commands.extend(
            self.maximum_paths_ibgp
                .map(|paths| BgpCommand::MaximumPathsIbgp(Some(paths))),
        );
        commands.extend(self.table_map.clone().map(|map| BgpCommand::TableMap(Some(map))));
        commands.extend(
            self.redistributions
                .iter()
                .map(|(source, how)| BgpCommand::Redistribute {
                    source: *source,
                    metric: how.metric,
                    route_map: how.route_map.clone(),
                }),
        );
        commands.extend(
            self.default_information
                .then_some(BgpCommand::DefaultInformation(true)),
        );
        commands
    }

    /// Equal configurations have equal digests. The time it takes does not depend on the number of neighbours.
    pub(crate) fn digest(&self) -> u64 {
        self.sum
            .wrapping_add(self.hash(&self.process_commands()))
            .wrapping_add(u64::from(self.as_number))
    }

    fn neighbor_hash(&self, who: &NeighborName, neighbor: &NeighborConfiguration) -> u64 {
        self.hash(&neighbor_commands(who, neighbor))
    }

    fn hash(&self, commands: &[BgpCommand]) -> u64 {
        let mut text = String::new();
        for command in commands {
            let command = ConfigCommand::Bgp {
                as_number: self.as_number,
                in_family: false,
                command: command.clone(),
            };
            crate::tree::push_line(&mut text, &command);
        }
        xxhash_rust::xxh3::xxh3_64(text.as_bytes())
    }
}

fn neighbor_commands(who: &NeighborName, neighbor: &NeighborConfiguration) -> Vec<BgpCommand> {
    let creates = matches!(who, NeighborName::PeerGroup(_)).then_some(NeighborSetting::PeerGroup);
    let command = |setting| BgpCommand::Neighbor {
        who: who.clone(),
        setting,
    };
    creates
        .into_iter()
        .chain(neighbor.settings())
        .map(command)
        .collect()
}

/// The mask is left out where it is that of the class, and for the default route, as the vendor does.
fn network_command(prefix: Prefix<V4>, route_map: Option<&String>) -> BgpCommand {
    let is_classful = class_length(prefix.network()) == Some(prefix.len());
    BgpCommand::Network {
        network: prefix.network(),
        mask: (!is_classful).then(|| prefix.mask()),
        route_map: route_map.cloned(),
    }
}

/// The length of the network's class (RFC 791, section 3.2); 0.0.0.0 alone is the default route.
const fn class_length(network: Ipv4Addr) -> Option<u8> {
    match network.octets()[0] {
        0 if network.is_unspecified() => Some(0),
        1..=126 => Some(8),
        128..=191 => Some(16),
        192..=223 => Some(24),
        _ => None,
    }
}

fn network_prefix(network: Ipv4Addr, mask: Option<Ipv4Addr>) -> Result<Prefix<V4>, BgpError> {
    let prefix = match mask {
        Some(mask) => Prefix::from_mask(network, mask).ok(),
        None => class_length(network).and_then(|length| Prefix::new(network, length).ok()),
    };
    let is_network = |prefix: &Prefix<V4>| {
        let is_routed = crate::tree::is_host(network) && crate::tree::is_host(prefix.last());
        prefix.network() == network && (prefix.is_default() || is_routed)
    };
    prefix.filter(is_network).ok_or(BgpError::Network)
}

/// An identifier is any address of four octets but zero (RFC 6286, section 2.1); one that no router could have is a slip.
fn identifier(id: Option<Ipv4Addr>) -> Result<Option<Ipv4Addr>, BgpError> {
    match id {
        Some(id) if id.is_unspecified() || id.octets()[0] >= 224 => Err(BgpError::Identifier(id)),
        id => Ok(id),
    }
}
