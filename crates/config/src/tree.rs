//! The configuration of the router as a plain value, and the commands that change it.
//!
//! Both route processors hold one tree and execute the same commands on it; the return code and the digest tell
//! whether they came to the same result. The canonical lines of a tree, applied in their order to an empty one, give that
//! tree again.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use machine::PortId;
use packet::{InterfaceAddress, Prefix, V4, netmask_length};

use crate::bgp::{BgpCommand, BgpConfiguration, BgpError, NeighborSetting};
use crate::command::{Command, ConfigCommand, ConfigLine, InterfaceSetting, RoutePath, StaticRoute};
use crate::config_sync::ConfigSyncPolicy;
use crate::error::{ConfigError, ReturnCode};
use crate::grammar::Grammar;
use crate::logging::LoggingConfiguration;
use crate::policy::PolicyConfiguration;
use crate::redundancy::{REGISTER_BOOT_FIELD, RedundancyConfiguration, RedundancyMode};

/// The name of a router without one.
pub const HOSTNAME_DEFAULT: &str = "Router";
/// The longest host name, in characters (RFC 1035, section 2.3.4).
const HOSTNAME_CHARACTERS_MAX: usize = 63;
/// The longest description, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 240;
/// MTU of an interface that has none configured, bytes.
pub const MTU_DEFAULT: u16 = 1500;
/// Administrative distance of a static route that has none configured.
pub const DISTANCE_DEFAULT: u8 = 1;
/// How long the failed unit may write its crash dump unless configured otherwise, minutes.
pub const CRASHDUMP_TIMEOUT_DEFAULT_MIN: u16 = 5;
/// Static routes that a configuration may hold.
pub const STATIC_ROUTES_MAX: usize = 65_536;
/// What `version` in a configuration text says: the version of the language, not of the program.
const LANGUAGE_VERSION: &str = "1";

/// The configuration of one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceConfiguration {
    /// Free text for people.
    pub description: Option<String>,
    /// Its address and the network that it is on.
    pub address: Option<InterfaceAddress<V4>>,
    /// Largest IPv4 packet that leaves in one piece, bytes, 64..=9216.
    pub mtu: u16,
    /// Administratively down. A fresh interface is up: a software chassis has no cable to protect from a wrong
    /// configuration, and without an address nothing is routed anyway.
    pub shutdown: bool,
}

impl Default for InterfaceConfiguration {
    fn default() -> Self {
        Self {
            description: None,
            address: None,
            mtu: MTU_DEFAULT,
            shutdown: false,
        }
    }
}

/// The whole configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationTree {
    hostname: String,
    redundancy: RedundancyConfiguration,
    logging: LoggingConfiguration,
    config_sync_policy: ConfigSyncPolicy,
    crashdump_timeout_min: u16,
    interfaces: BTreeMap<PortId, InterfaceConfiguration>,
    /// Distance of each route, by destination and path.
    static_routes: BTreeMap<(Prefix<V4>, RoutePath), u8>,
    /// How many routes use each next hop: an interface may not take the address of one.
    next_hops: BTreeMap<Ipv4Addr, BTreeSet<Prefix<V4>>>,
    /// Sum of the hashes of the routes' lines. Kept with each change, because a digest is due after every command and
    /// the routes may be many.
    routes_digest: u64,
    bgp: Option<BgpConfiguration>,
    policy: PolicyConfiguration,
}

impl Default for ConfigurationTree {
    fn default() -> Self {
        Self {
            hostname: HOSTNAME_DEFAULT.to_string(),
            redundancy: RedundancyConfiguration::default(),
            logging: LoggingConfiguration::default(),
            config_sync_policy: ConfigSyncPolicy::default(),
            crashdump_timeout_min: CRASHDUMP_TIMEOUT_DEFAULT_MIN,
            interfaces: BTreeMap::new(),
            static_routes: BTreeMap::new(),
            next_hops: BTreeMap::new(),
            routes_digest: 0,
            bgp: None,
            policy: PolicyConfiguration::default(),
        }
    }
}

impl ConfigurationTree {
    /// The configuration of a router that nobody has configured, without interfaces.
    pub fn new() -> Self {
        Self::default()
    }

    /// The router's name.
    pub fn hostname(&self) -> &str {
        &self.hostname
    }

    /// The configured redundancy mode.
    pub fn redundancy_mode(&self) -> RedundancyMode {
        self.redundancy.mode
    }

    /// All that is configured below `redundancy`.
    pub fn redundancy(&self) -> &RedundancyConfiguration {
        &self.redundancy
    }

    /// Where system messages go.
    pub fn logging(&self) -> LoggingConfiguration {
        self.logging
    }

    /// What differences between the route processors' configurations lead to.
    pub fn config_sync_policy(&self) -> ConfigSyncPolicy {
        self.config_sync_policy
    }

    /// Lists and route maps.
    pub fn policy(&self) -> &PolicyConfiguration {
        &self.policy
    }

    /// All that is configured below `router bgp`; `None` without one.
    pub fn bgp(&self) -> Option<&BgpConfiguration> {
        self.bgp.as_ref()
    }

    /// How long the failed unit may write its crash dump, minutes, 5..=1080.
    pub fn crashdump_timeout_min(&self) -> u16 {
        self.crashdump_timeout_min
    }

    /// The configuration of one interface; `None` when it does not exist.
    pub fn interface(&self, port: PortId) -> Option<&InterfaceConfiguration> {
        self.interfaces.get(&port)
    }

    /// All interfaces in order of their ports.
    pub fn interfaces(&self) -> impl Iterator<Item = (PortId, &InterfaceConfiguration)> {
        self.interfaces.iter().map(|(port, interface)| (*port, interface))
    }

    /// All static routes in order of their destinations.
    pub fn static_routes(&self) -> impl Iterator<Item = StaticRoute> {
        let route = |((prefix, path), distance): (&(Prefix<V4>, RoutePath), &u8)| StaticRoute {
            prefix: *prefix,
            path: *path,
            distance: *distance,
        };
        self.static_routes.iter().map(route)
    }

    /// Creates an interface with its defaults, as the inventory of the chassis does when a card is found. Returns
    /// false when it exists already. The configuration of a port outlives its card.
    pub fn add_interface(&mut self, port: PortId) -> bool {
        if self.interfaces.contains_key(&port) {
            return false;
        }
        self.interfaces.insert(port, InterfaceConfiguration::default());
        true
    }

    /// Executes one command: all of it, or nothing.
    ///
    /// # Errors
    /// [`ConfigError`] when the command is refused; the tree is then as it was.
    pub fn apply(&mut self, command: &ConfigCommand) -> Result<ReturnCode, ConfigError> {
        match command {
            ConfigCommand::Version(_) | ConfigCommand::Redundancy => Ok(ReturnCode::Unchanged),
            ConfigCommand::Hostname(name) => self.set_hostname(name.as_deref()),
            ConfigCommand::Interface { port } => Ok(changed(self.add_interface(*port))),
            ConfigCommand::NoInterface { port } if self.interfaces.contains_key(port) => {
                Err(ConfigError::NotRemovable(*port))
            }
            ConfigCommand::NoInterface { port } => Err(ConfigError::Interface(*port)),
            ConfigCommand::DefaultInterface { port } => Ok(replace(
                self.interface_mut(*port)?,
                InterfaceConfiguration::default(),
            )),
            ConfigCommand::Setting { port, setting } => self.apply_setting(*port, setting),
            ConfigCommand::IpRoute {
                network,
                mask,
                path,
                distance,
            } => self.add_route(
                destination(*network, *mask)?,
                *path,
                distance.unwrap_or(DISTANCE_DEFAULT),
            ),
            ConfigCommand::NoIpRoute { network, mask, only } => {
                self.remove_routes(destination(*network, *mask)?, *only)
            }
            ConfigCommand::ConfigSyncPolicy { phase, class, reload } => {
                Ok(changed(self.config_sync_policy.set(*phase, *class, *reload)))
            }
            ConfigCommand::RedundancyMode(mode) => {
                Ok(replace(&mut self.redundancy.mode, mode.unwrap_or_default()))
            }
            ConfigCommand::Logging(command) => {
                let logging = self.logging.with(*command);
                Ok(replace(&mut self.logging, logging))
            }
            ConfigCommand::RedundancySetting(setting) => Ok(changed(self.redundancy.set(*setting))),
            ConfigCommand::ConfigRegister(Some(register)) if register & REGISTER_BOOT_FIELD == 0 => {
                Err(ConfigError::RomMonitor(*register))
            }
            ConfigCommand::ConfigRegister(_) => Ok(ReturnCode::Unchanged),
            ConfigCommand::CrashdumpTimeout(minutes) => Ok(replace(
                &mut self.crashdump_timeout_min,
                minutes.unwrap_or(CRASHDUMP_TIMEOUT_DEFAULT_MIN),
            )),
            ConfigCommand::RouterBgp(as_number) => self.start_bgp(*as_number),
            ConfigCommand::NoRouterBgp(as_number) => self.stop_bgp(*as_number),
            ConfigCommand::Bgp {
                as_number, command, ..
            } => self.apply_bgp(*as_number, command),
            ConfigCommand::List(command) => self.policy.apply(command).map_err(ConfigError::Policy),
            ConfigCommand::RouteMapEntry { place, command } => {
                self.policy.apply_in(place, command).map_err(ConfigError::Policy)
            }
        }
    }

    /// Executes a line that another route processor executed: the standby's side of a configuration record. Only the
    /// code comes back, because that is what the two compare.
    pub fn execute(&mut self, line: &ConfigLine) -> ReturnCode {
        match Grammar::standard().parse(&line.mode, &line.text) {
            Ok(Command::Configure(command)) => self.apply(&command).unwrap_or_else(|error| error.code()),
            Ok(_) | Err(_) => ReturnCode::NotParsed,
        }
    }

    /// The canonical lines that build this tree, in order. Applied to [`ConfigurationTree::new`] they give it again.
    pub fn lines(&self) -> Vec<ConfigLine> {
        self.sections()
            .into_iter()
            .flatten()
            .map(|command| command.to_line())
            .collect()
    }

    /// The running configuration as an operator reads it, line by line.
    pub fn running_config(&self) -> Vec<String> {
        let mut lines = Vec::from([
            "!".to_string(),
            format!("version {LANGUAGE_VERSION}"),
            "!".to_string(),
        ]);
        for section in self.sections() {
            for command in &section {
                let indentation = if command.mode().is_submode() { " " } else { "" };
                lines.push(format!("{indentation}{}", command.text()));
            }
            lines.push("!".to_string());
        }
        lines.push("end".to_string());
        lines
    }

    /// [`ConfigurationTree::running_config`] as one text, each line ended by a line feed: the content of a
    /// configuration file.
    pub fn running_config_text(&self) -> String {
        self.running_config()
            .into_iter()
            .flat_map(|line| [line, String::from("\n")])
            .collect()
    }

    /// A digest of the canonical lines. Equal trees have equal digests, on every release with the same language. The
    /// time it takes does not depend on the number of routes.
    pub fn digest(&self) -> u64 {
        let mut text = String::new();
        for command in self.settings_sections().into_iter().flatten() {
            push_line(&mut text, &command);
        }
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.routes_digest.to_le_bytes());
        let bgp = self.bgp.as_ref().map(BgpConfiguration::digest);
        bytes.extend(bgp.into_iter().flat_map(u64::to_le_bytes));
        if !self.policy.is_empty() {
            bytes.extend_from_slice(b"policy");
            bytes.extend_from_slice(&self.policy.digest().to_le_bytes());
        }
        xxhash_rust::xxh3::xxh3_64(&bytes)
    }

    /// The commands that build this tree, grouped as the running configuration separates them.
    fn sections(&self) -> Vec<Vec<ConfigCommand>> {
        let mut sections = self.settings_sections();
        sections.extend(self.bgp.as_ref().map(BgpConfiguration::commands));
        let routes: Vec<ConfigCommand> = self.static_routes().map(route_command).collect();
        if !routes.is_empty() {
            sections.push(routes);
        }
        sections.extend(self.policy.sections());
        sections
    }

    /// All sections but BGP, the routes and policy, which may be long.
    fn settings_sections(&self) -> Vec<Vec<ConfigCommand>> {
        let mut sections = Vec::from([
            Vec::from([ConfigCommand::Hostname(Some(self.hostname.clone()))]),
            self.redundancy_section(),
        ]);
        sections.extend(Some(self.logging.commands()).filter(|commands| !commands.is_empty()));
        sections.extend(
            self.interfaces
                .iter()
                .map(|(port, interface)| interface_section(*port, interface)),
        );
        sections
    }

    fn redundancy_section(&self) -> Vec<ConfigCommand> {
        let mut section = Vec::from([
            ConfigCommand::Redundancy,
            ConfigCommand::RedundancyMode(Some(self.redundancy.mode)),
        ]);
        section.extend(self.redundancy.settings().map(ConfigCommand::RedundancySetting));
        let exceptions = self.config_sync_policy.exceptions();
        section.extend(exceptions.map(|(phase, class)| ConfigCommand::ConfigSyncPolicy {
            phase,
            class,
            reload: false,
        }));
        if self.crashdump_timeout_min != CRASHDUMP_TIMEOUT_DEFAULT_MIN {
            section.push(ConfigCommand::CrashdumpTimeout(Some(self.crashdump_timeout_min)));
        }
        section
    }

    fn start_bgp(&mut self, as_number: u32) -> Result<ReturnCode, ConfigError> {
        match &self.bgp {
            Some(bgp) if bgp.as_number != as_number => {
                Err(ConfigError::Bgp(BgpError::AlreadyRunning(bgp.as_number)))
            }
            Some(_) => Ok(ReturnCode::Unchanged),
            None => {
                self.bgp = Some(BgpConfiguration::new(as_number));
                Ok(ReturnCode::Applied)
            }
        }
    }

    fn stop_bgp(&mut self, as_number: Option<u32>) -> Result<ReturnCode, ConfigError> {
        let running = self.bgp.as_ref().map(|bgp| bgp.as_number);
        let running = running.ok_or(ConfigError::Bgp(BgpError::NotRunning))?;
        if as_number.is_some_and(|as_number| as_number != running) {
            return Err(ConfigError::Bgp(BgpError::AlreadyRunning(running)));
        }
        self.bgp = None;
        Ok(ReturnCode::Applied)
    }

    fn apply_bgp(&mut self, as_number: u32, command: &BgpCommand) -> Result<ReturnCode, ConfigError> {
        if let BgpCommand::Neighbor {
            setting: NeighborSetting::UpdateSource(Some(port)),
            ..
        } = command
            && !self.interfaces.contains_key(port)
        {
            return Err(ConfigError::Interface(*port));
        }
        let bgp = self.bgp.as_mut().ok_or(ConfigError::Bgp(BgpError::NotRunning))?;
        if bgp.as_number != as_number {
            return Err(ConfigError::Bgp(BgpError::AlreadyRunning(bgp.as_number)));
        }
        let own = |interface: &InterfaceConfiguration| interface.address.map(|address| address.address());
        let is_own = |address| {
            self.interfaces
                .values()
                .any(|interface| own(interface) == Some(address))
        };
        bgp.apply(command, is_own).map_err(ConfigError::Bgp)
    }

    fn set_hostname(&mut self, name: Option<&str>) -> Result<ReturnCode, ConfigError> {
        let name = name.unwrap_or(HOSTNAME_DEFAULT);
        if !is_hostname(name) {
            return Err(ConfigError::Hostname(name.to_string()));
        }
        Ok(replace(&mut self.hostname, name.to_string()))
    }

    fn apply_setting(&mut self, port: PortId, setting: &InterfaceSetting) -> Result<ReturnCode, ConfigError> {
        if let InterfaceSetting::IpAddress { address, mask } = setting {
            let address = interface_address(*address, *mask)?;
            self.check_address(port, address)?;
            return Ok(replace(&mut self.interface_mut(port)?.address, Some(address)));
        }
        let interface = self.interface_mut(port)?;
        match setting {
            InterfaceSetting::Description(text) => {
                let bytes = text.as_ref().map_or(0, String::len);
                let control = text.as_ref().is_some_and(|text| text.contains(char::is_control));
                if bytes > DESCRIPTION_BYTES_MAX || control {
                    return Err(ConfigError::Description { bytes });
                }
                Ok(replace(&mut interface.description, text.clone()))
            }
            InterfaceSetting::NoIpAddress(only) => {
                if let Some((address, mask)) = only
                    && interface.address != Some(interface_address(*address, *mask)?)
                {
                    return Err(ConfigError::AddressNotConfigured {
                        address: *address,
                        port,
                    });
                }
                Ok(replace(&mut interface.address, None))
            }
            InterfaceSetting::Mtu(bytes) => Ok(replace(&mut interface.mtu, bytes.unwrap_or(MTU_DEFAULT))),
            InterfaceSetting::Shutdown(shutdown) => Ok(replace(&mut interface.shutdown, *shutdown)),
            InterfaceSetting::IpAddress { .. } => Ok(ReturnCode::Unchanged),
        }
    }

    fn interface_mut(&mut self, port: PortId) -> Result<&mut InterfaceConfiguration, ConfigError> {
        self.interfaces.get_mut(&port).ok_or(ConfigError::Interface(port))
    }

    /// Whether `port` may take `address` beside what is configured elsewhere.
    fn check_address(&self, port: PortId, address: InterfaceAddress<V4>) -> Result<(), ConfigError> {
        let prefix = address.prefix();
        let taken = |(other, interface): (&PortId, &InterfaceConfiguration)| {
            let theirs = interface.address?.prefix();
            let overlap = *other != port && (theirs.covers(&prefix) || prefix.covers(&theirs));
            overlap.then_some(*other)
        };
        if let Some(port) = self.interfaces.iter().find_map(taken) {
            return Err(ConfigError::Overlap { prefix, port });
        }
        let neighbor = |bgp: &BgpConfiguration| bgp.neighbor(address.address()).is_some();
        if self.bgp.as_ref().is_some_and(neighbor) {
            return Err(ConfigError::AddressIsNeighbor(address.address()));
        }
        let route = self
            .next_hops
            .get(&address.address())
            .and_then(|prefixes| prefixes.first());
        match route {
            Some(prefix) => Err(ConfigError::AddressIsNextHop {
                address: address.address(),
                prefix: *prefix,
            }),
            None => Ok(()),
        }
    }

    fn add_route(
        &mut self,
        prefix: Prefix<V4>,
        path: RoutePath,
        distance: u8,
    ) -> Result<ReturnCode, ConfigError> {
        if !prefix.is_default() && !is_destination(prefix) {
            return Err(ConfigError::Destination(prefix));
        }
        if let Some(next_hop) = path.next_hop() {
            self.check_next_hop(next_hop)?;
        }
        if let Some(port) = path.port().filter(|port| !self.interfaces.contains_key(port)) {
            return Err(ConfigError::Interface(port));
        }
        let known = self.static_routes.contains_key(&(prefix, path));
        if !known && self.static_routes.len() >= STATIC_ROUTES_MAX {
            return Err(ConfigError::RouteLimit(STATIC_ROUTES_MAX));
        }
        if let Some(next_hop) = path.next_hop() {
            self.next_hops.entry(next_hop).or_default().insert(prefix);
        }
        let before = self.static_routes.insert((prefix, path), distance);
        if let Some(distance) = before {
            self.routes_digest = self
                .routes_digest
                .wrapping_sub(route_hash(prefix, path, distance));
        }
        self.routes_digest = self
            .routes_digest
            .wrapping_add(route_hash(prefix, path, distance));
        Ok(changed(before != Some(distance)))
    }

    fn check_next_hop(&self, next_hop: Ipv4Addr) -> Result<(), ConfigError> {
        if !is_host(next_hop) {
            return Err(ConfigError::NextHop(next_hop));
        }
        let own = |interface: &InterfaceConfiguration| {
            interface
                .address
                .is_some_and(|address| address.address() == next_hop)
        };
        match self.interfaces.iter().find(|(_, interface)| own(interface)) {
            Some((port, _)) => Err(ConfigError::NextHopIsSelf {
                next_hop,
                port: *port,
            }),
            None => Ok(()),
        }
    }

    fn remove_routes(
        &mut self,
        prefix: Prefix<V4>,
        only: Option<(RoutePath, Option<u8>)>,
    ) -> Result<ReturnCode, ConfigError> {
        let wanted = |path: &RoutePath, distance: u8| match only {
            None => true,
            Some((only_path, None)) => only_path == *path,
            Some((only_path, Some(only_distance))) => only_path == *path && only_distance == distance,
        };
        let of_prefix = self
            .static_routes
            .range((prefix, FIRST_PATH)..)
            .take_while(|((other, _), _)| *other == prefix);
        let doomed: Vec<RoutePath> = of_prefix
            .filter(|((_, path), distance)| wanted(path, **distance))
            .map(|((_, path), _)| *path)
            .collect();
        if doomed.is_empty() {
            return Err(ConfigError::NoRoute);
        }
        for path in doomed {
            if let Some(distance) = self.static_routes.remove(&(prefix, path)) {
                self.routes_digest = self
                    .routes_digest
                    .wrapping_sub(route_hash(prefix, path, distance));
            }
            self.forget_next_hop(prefix, path);
        }
        Ok(ReturnCode::Applied)
    }

    /// Keeps the index of next hops true after the route over `path` is gone.
    fn forget_next_hop(&mut self, prefix: Prefix<V4>, path: RoutePath) {
        let Some(next_hop) = path.next_hop() else { return };
        let of_prefix = self
            .static_routes
            .range((prefix, FIRST_PATH)..)
            .take_while(|((other, _), _)| *other == prefix);
        let used_still = of_prefix
            .map(|((_, path), _)| path)
            .any(|path| path.next_hop() == Some(next_hop));
        if used_still {
            return;
        }
        if let Some(prefixes) = self.next_hops.get_mut(&next_hop) {
            prefixes.remove(&prefix);
            if prefixes.is_empty() {
                self.next_hops.remove(&next_hop);
            }
        }
    }
}

/// The least of all paths, where the routes of a prefix begin.
const FIRST_PATH: RoutePath = RoutePath::NextHop(Ipv4Addr::UNSPECIFIED);

fn interface_section(port: PortId, interface: &InterfaceConfiguration) -> Vec<ConfigCommand> {
    let InterfaceConfiguration {
        description,
        address,
        mtu,
        shutdown,
    } = interface;
    let address = match address {
        Some(address) => InterfaceSetting::IpAddress {
            address: address.address(),
            mask: address.prefix().mask(),
        },
        None => InterfaceSetting::NoIpAddress(None),
    };
    let settings = [
        description
            .as_ref()
            .map(|text| InterfaceSetting::Description(Some(text.clone()))),
        Some(address),
        (*mtu != MTU_DEFAULT).then_some(InterfaceSetting::Mtu(Some(*mtu))),
        shutdown.then_some(InterfaceSetting::Shutdown(true)),
    ];
    let settings = settings
        .into_iter()
        .flatten()
        .map(|setting| ConfigCommand::Setting { port, setting });
    core::iter::once(ConfigCommand::Interface { port })
        .chain(settings)
        .collect()
}

fn route_command(route: StaticRoute) -> ConfigCommand {
    ConfigCommand::IpRoute {
        network: route.prefix.network(),
        mask: route.prefix.mask(),
        path: route.path,
        distance: (route.distance != DISTANCE_DEFAULT).then_some(route.distance),
    }
}

fn route_hash(prefix: Prefix<V4>, path: RoutePath, distance: u8) -> u64 {
    let mut text = String::new();
    push_line(
        &mut text,
        &route_command(StaticRoute {
            prefix,
            path,
            distance,
        }),
    );
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

/// A line as it enters the digest: mode path, tab, text, line feed.
pub(crate) fn push_line(text: &mut String, command: &ConfigCommand) {
    text.push_str(&command.mode().path());
    text.push('\t');
    text.push_str(&command.text());
    text.push('\n');
}

fn changed(changed: bool) -> ReturnCode {
    if changed {
        ReturnCode::Applied
    } else {
        ReturnCode::Unchanged
    }
}

fn replace<T: PartialEq>(place: &mut T, value: T) -> ReturnCode {
    changed(core::mem::replace(place, value) != *place)
}

/// Letters, digits and hyphens, a letter first, no hyphen last (RFC 1035, section 2.3.1).
fn is_hostname(name: &str) -> bool {
    name.len() <= HOSTNAME_CHARACTERS_MAX
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && !name.ends_with('-')
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '-')
}

/// Whether a host can have this address: not of "this network", loopback, multicast or reserved (RFC 6890, 5771).
pub(crate) fn is_host(address: Ipv4Addr) -> bool {
    !matches!(address.octets()[0], 0 | 127 | 224..)
}

/// Whether packets to this prefix can be routed; the default route is judged apart.
fn is_destination(prefix: Prefix<V4>) -> bool {
    is_host(prefix.network()) && is_host(prefix.last())
}

/// The address of an interface. A /31 has two hosts (RFC 3021); a /32 has no link.
fn interface_address(address: Ipv4Addr, mask: Ipv4Addr) -> Result<InterfaceAddress<V4>, ConfigError> {
    if !is_host(address) {
        return Err(ConfigError::HostAddress(address));
    }
    let bad_mask = ConfigError::Mask { address, mask };
    let length = match netmask_length(mask) {
        Ok(length @ 1..=31) => length,
        Ok(_) | Err(_) => return Err(bad_mask),
    };
    let Ok(interface) = InterfaceAddress::new(address, length) else {
        return Err(bad_mask);
    };
    let prefix: Prefix<V4> = interface.prefix();
    if length < 31 && (address == prefix.network() || Some(address) == prefix.broadcast()) {
        return Err(bad_mask);
    }
    Ok(interface)
}

/// The destination of a static route: no host bits.
fn destination(network: Ipv4Addr, mask: Ipv4Addr) -> Result<Prefix<V4>, ConfigError> {
    let inconsistent = ConfigError::InconsistentMask { network, mask };
    match Prefix::from_mask(network, mask) {
        Ok(prefix) if prefix.network() == network => Ok(prefix),
        Ok(_) | Err(_) => Err(inconsistent),
    }
}
