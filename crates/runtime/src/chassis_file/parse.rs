//! From text to a checked chassis.

use super::image_name::ImageName;
use super::{Card, ChassisFile, ChassisFileError, Host, Port, Timers, host_mac, port_mac};
use crate::stream::Address;
use crate::wire::WireSpec;
use machine::{CardSlot, Duration, PortId, RpSlot};
use packet::{InterfaceAddress, Ipv4Addr, MacAddress, V4};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use toml::Spanned;

const MTU_DEFAULT: u16 = 1500;
const MTU_MIN: u16 = 68;
const MTU_MAX: u16 = 9216;
const NAME_LENGTH_MAX: usize = 32;
const TIMER_MS_MAX: u64 = 60_000;
/// An interface name has at most IFNAMSIZ - 1 bytes (netdevice(7)).
const INTERFACE_LENGTH_MAX: usize = 15;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChassis {
    name: Spanned<String>,
    #[serde(default)]
    startup_config: String,
    crash_space_mib: Option<Spanned<u64>>,
    memory_mib: Option<Spanned<u64>>,
    link: Option<RawLink>,
    #[serde(default)]
    timers: RawTimers,
    route_processors: Option<Spanned<Vec<RawRp>>>,
    cards: Option<Vec<RawCard>>,
    hosts: Option<Vec<RawHost>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLink {
    address: Spanned<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTimers {
    keepalive_interval_ms: Option<Spanned<u64>>,
    keepalive_limit_ms: Option<Spanned<u64>>,
    ack_stall_limit_ms: Option<Spanned<u64>>,
}

/// Commands that a route processor can be told to be without.
const UNSUPPORTED_COMMANDS_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRp {
    #[serde(default)]
    unsupported_commands: Vec<Spanned<String>>,
    image_version: Option<Spanned<String>>,
    slot: Spanned<String>,
    host: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCard {
    slot: Spanned<u64>,
    ports: Vec<RawPort>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPort {
    number: Spanned<u64>,
    wire: Spanned<String>,
    mac: Option<Spanned<String>>,
    mtu: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHost {
    name: Spanned<String>,
    wire: Spanned<String>,
    address: Spanned<String>,
    gateway: Spanned<String>,
}

/// Room for crash dumps of a chassis that does not say, MiB.
const CRASH_SPACE_MIB_DEFAULT: u64 = 1024;
/// The most room or memory that can be said, MiB.
const SIZE_MIB_MAX: u64 = 1 << 20;

/// What the file says of the route processors, by slot.
struct RouteProcessors {
    slots: Vec<RpSlot>,
    unsupported_commands: [Vec<String>; 2],
    image_versions: [Option<String>; 2],
}

type Checked<T> = Result<T, ChassisFileError>;

pub(super) fn parse(text: &str) -> Checked<ChassisFile> {
    let raw: RawChassis = toml::from_str(text).map_err(|error| {
        // The parser leaves the span out when the whole document is meant: a key that is missing at the top.
        let found = ChassisFileError::at(text, error.span().unwrap_or(0..0), error.message().to_string());
        match error.message().starts_with("missing field `name`") {
            true => found.hint("a chassis file starts with a line like: name = \"lab\""),
            false => found,
        }
    })?;
    Checker {
        text,
        macs: BTreeMap::new(),
        mem_wires: BTreeMap::new(),
    }
    .chassis(raw)
}

struct Checker<'a> {
    text: &'a str,
    // What was given to whom, for the message about the second one.
    macs: BTreeMap<MacAddress, PortId>,
    mem_wires: BTreeMap<String, PortId>,
}

impl Checker<'_> {
    fn refuse<T>(&self, at: &Spanned<T>, message: impl Into<String>) -> ChassisFileError {
        ChassisFileError::at(self.text, at.span(), message.into())
    }

    fn chassis(mut self, raw: RawChassis) -> Checked<ChassisFile> {
        let name = self.name(&raw.name, "a chassis name")?;
        let link = raw.link.map(|link| self.link(&link.address)).transpose()?;
        let timers = self.timers(&raw.timers)?;
        let route_processors = self.route_processors(raw.route_processors)?;
        let cards = self.cards(&name, &raw.cards.unwrap_or_default())?;
        let hosts = self.hosts(&name, &raw.hosts.unwrap_or_default())?;
        let startup_config = raw.startup_config;
        let crash_space_bytes_max = self.size(raw.crash_space_mib.as_ref())?;
        let memory_bytes_max = self.size(raw.memory_mib.as_ref())?;
        Ok(ChassisFile {
            name,
            startup_config,
            crash_space_bytes_max: crash_space_bytes_max.unwrap_or(CRASH_SPACE_MIB_DEFAULT << 20),
            memory_bytes_max,
            link,
            timers,
            route_processors: route_processors.slots,
            unsupported_commands: route_processors.unsupported_commands,
            image_versions: route_processors.image_versions,
            cards,
            hosts,
        })
    }

    /// A number of MiB, in bytes.
    fn size(&self, mib: Option<&Spanned<u64>>) -> Checked<Option<u64>> {
        match mib {
            None => Ok(None),
            Some(mib) if (1..=SIZE_MIB_MAX).contains(mib.get_ref()) => Ok(Some(mib.get_ref() << 20)),
            Some(mib) => {
                let message = format!("{} MiB are out of range", mib.get_ref());
                Err(self.refuse(mib, message).hint(format!("1 to {SIZE_MIB_MAX}")))
            }
        }
    }

    fn name(&self, name: &Spanned<String>, what: &str) -> Checked<String> {
        let text = name.get_ref();
        let fits = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
        if text.is_empty() || text.len() > NAME_LENGTH_MAX || !text.chars().all(fits) || text.starts_with('-')
        {
            let message = format!("'{}' is not {what}", text.escape_default());
            let hint = format!("1 to {NAME_LENGTH_MAX} letters, digits, '-' and '_', not starting with '-'");
            return Err(self.refuse(name, message).hint(hint));
        }
        Ok(text.clone())
    }

    fn read<T: FromStr<Err: Display>>(&self, text: &Spanned<String>, hint: &str) -> Checked<T> {
        text.get_ref()
            .parse()
            .map_err(|error: T::Err| self.refuse(text, error.to_string()).hint(hint))
    }

    fn link(&self, text: &Spanned<String>) -> Checked<Address> {
        let address: Address = self.read(text, "unix:/PATH or tcp:ADDRESS:PORT")?;
        match &address {
            Address::Unix(path) if path.is_relative() => Err(self
                .refuse(text, format!("'{}' is a relative path", path.display()))
                .hint("leave [link] out for a socket in the run directory, or give a path from '/'")),
            Address::Tcp(socket) if socket.port() == 0 => Err(self
                .refuse(text, "the link needs a port that both route processors know")
                .hint("give a port from 1 to 65535")),
            Address::Unix(_) | Address::Tcp(_) => Ok(address),
        }
    }

    fn timers(&self, raw: &RawTimers) -> Checked<Timers> {
        let defaults = Timers::default();
        let read = |value: &Option<Spanned<u64>>, default: Duration| match value {
            None => Ok(default),
            Some(value) if (1..=TIMER_MS_MAX).contains(value.get_ref()) => {
                Ok(Duration::from_millis(*value.get_ref()))
            }
            Some(value) => {
                let message = format!("{} milliseconds are out of range", value.get_ref());
                Err(self.refuse(value, message).hint(format!("1 to {TIMER_MS_MAX}")))
            }
        };
        let timers = Timers {
            keepalive_interval: read(&raw.keepalive_interval_ms, defaults.keepalive_interval)?,
            keepalive_limit: read(&raw.keepalive_limit_ms, defaults.keepalive_limit)?,
            ack_stall_limit: read(&raw.ack_stall_limit_ms, defaults.ack_stall_limit)?,
        };
        // One lost or late keepalive must not be a death.
        if timers.keepalive_limit < timers.keepalive_interval * 2 {
            let message = format!(
                "a limit of {} ms is less than two keepalive intervals of {} ms",
                timers.keepalive_limit.as_millis(),
                timers.keepalive_interval.as_millis()
            );
            let at = raw
                .keepalive_limit_ms
                .as_ref()
                .or(raw.keepalive_interval_ms.as_ref());
            let span = at.map_or(0..0, Spanned::span);
            return Err(ChassisFileError::at(self.text, span, message)
                .hint("raise keepalive_limit_ms or lower keepalive_interval_ms"));
        }
        Ok(timers)
    }

    fn route_processors(&self, raw: Option<Spanned<Vec<RawRp>>>) -> Checked<RouteProcessors> {
        let mut unsupported_commands: [Vec<String>; 2] = Default::default();
        let mut image_versions: [Option<String>; 2] = Default::default();
        let Some(raw) = raw else {
            return Ok(RouteProcessors {
                slots: RpSlot::ALL.to_vec(),
                unsupported_commands,
                image_versions,
            });
        };
        if raw.get_ref().is_empty() {
            return Err(self
                .refuse(&raw, "a chassis has at least one route processor")
                .hint("R0, R1 or both"));
        }
        let mut slots = Vec::new();
        for rp in raw.get_ref() {
            let Ok(slot) = rp.slot.get_ref().parse::<RpSlot>() else {
                let message = format!(
                    "'{}' is no slot of a route processor",
                    rp.slot.get_ref().escape_default()
                );
                return Err(self.refuse(&rp.slot, message).hint("\"R0\" or \"R1\""));
            };
            if slots.contains(&slot) {
                return Err(self.refuse(&rp.slot, format!("slot {slot} is described twice")));
            }
            if rp.host.get_ref() != "local" {
                let message = format!(
                    "route processor {slot} is on host '{}'",
                    rp.host.get_ref().escape_default()
                );
                let hint = "only \"local\" works so far: two hosts have no shared memory, and without a third opinion \
                            (a remote arbiter) each would take the other's silence for its death, and both be active";
                return Err(self.refuse(&rp.host, message).hint(hint));
            }
            unsupported_commands[slot.index()] = self.unsupported_commands(&rp.unsupported_commands)?;
            let image = rp.image_version.as_ref();
            image_versions[slot.index()] = image.map(|text| self.image_version(text)).transpose()?;
            slots.push(slot);
        }
        slots.sort_unstable();
        Ok(RouteProcessors {
            slots,
            unsupported_commands,
            image_versions,
        })
    }

    fn image_version(&self, text: &Spanned<String>) -> Checked<String> {
        text.get_ref()
            .parse::<ImageName>()
            .map(|image| image.0)
            .map_err(|why| self.refuse(text, why).hint("as in \"Version 0.1.0\""))
    }

    fn unsupported_commands(&self, raw: &[Spanned<String>]) -> Checked<Vec<String>> {
        let mut commands = Vec::new();
        for text in raw {
            let words = text.get_ref().trim();
            if words.is_empty() || words.len() > config::LINE_BYTES_MAX {
                return Err(self
                    .refuse(text, "this is no beginning of a configuration command")
                    .hint("for instance \"mtu\" or \"ip route\""));
            }
            if commands.len() == UNSUPPORTED_COMMANDS_MAX {
                let message = format!("more than {UNSUPPORTED_COMMANDS_MAX} commands");
                return Err(self.refuse(text, message));
            }
            commands.push(words.to_string());
        }
        Ok(commands)
    }

    fn cards(&mut self, chassis: &str, raw: &[RawCard]) -> Checked<Vec<Card>> {
        let mut cards: Vec<Card> = Vec::new();
        for card in raw {
            let number = self.number(&card.slot, 0, CardSlot::MAX.into(), "a line card's slot")?;
            let slot = CardSlot(number as u8);
            if cards.iter().any(|card| card.slot == slot) {
                return Err(self.refuse(&card.slot, format!("card {slot} is described twice")));
            }
            let mut ports: Vec<Port> = Vec::new();
            for port in &card.ports {
                let port = self.port(chassis, slot, port, &ports)?;
                ports.push(port);
            }
            ports.sort_by_key(|port| port.number);
            cards.push(Card { slot, ports });
        }
        cards.sort_by_key(|card| card.slot);
        Ok(cards)
    }

    fn port(&mut self, chassis: &str, card: CardSlot, raw: &RawPort, before: &[Port]) -> Checked<Port> {
        let number = self.number(&raw.number, 0, u8::MAX.into(), "a port's number")? as u8;
        let id = PortId { card, port: number };
        if before.iter().any(|port| port.number == number) {
            return Err(self.refuse(&raw.number, format!("port {id} is described twice")));
        }
        let wire = self.wire(&raw.wire)?;
        if let WireSpec::Mem { name } = &wire
            && let Some(other) = self.mem_wires.insert(name.clone(), id)
        {
            let message = format!("the wire '{name}' is at port {other} already");
            return Err(self
                .refuse(&raw.wire, message)
                .hint("a wire has one port at one end and one host at the other"));
        }
        let mac = match &raw.mac {
            Some(text) => self.read(text, "as in \"02:00:00:00:01:00\" or \"0200.0000.0100\"")?,
            None => port_mac(chassis, id),
        };
        if !mac.is_unicast() {
            let at = raw.mac.as_ref().unwrap_or(&raw.wire);
            return Err(self.refuse(at, format!("{mac} is no address of a single station")));
        }
        if let Some(other) = self.macs.insert(mac, id) {
            let at = raw.mac.as_ref().unwrap_or(&raw.wire);
            return Err(self.refuse(at, format!("port {other} has the MAC address {mac} already")));
        }
        let mtu = match &raw.mtu {
            Some(mtu) => self.number(mtu, MTU_MIN.into(), MTU_MAX.into(), "an MTU in bytes")? as u16,
            None => MTU_DEFAULT,
        };
        Ok(Port {
            number,
            wire,
            mac,
            mtu,
        })
    }

    fn number(&self, number: &Spanned<u64>, min: u64, max: u64, what: &str) -> Checked<u64> {
        let value = *number.get_ref();
        if (min..=max).contains(&value) {
            return Ok(value);
        }
        Err(self
            .refuse(number, format!("{value} is not {what}"))
            .hint(format!("{min} to {max}")))
    }

    fn wire(&self, raw: &Spanned<String>) -> Checked<WireSpec> {
        let text = raw.get_ref();
        let refuse = |hint: &str| {
            Err(self
                .refuse(raw, format!("'{}' is no wire", text.escape_default()))
                .hint(hint.to_string()))
        };
        match text.split_once(':') {
            Some(("mem", name)) => {
                let name = Spanned::new(raw.span(), name.to_string());
                Ok(WireSpec::Mem {
                    name: self.name(&name, "a name for a mem wire")?,
                })
            }
            Some(("udp", ends)) => {
                let ends = ends
                    .split_once(',')
                    .map(|(local, remote)| (local.parse(), remote.parse()));
                match ends {
                    Some((Ok(local), Ok(remote))) => Ok(WireSpec::Udp { local, remote }),
                    _ => refuse(
                        "\"udp:LOCAL,REMOTE\", both ADDRESS:PORT, as in \"udp:127.0.0.1:7001,127.0.0.1:7002\"",
                    ),
                }
            }
            Some(("packet", interface)) => {
                let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'/';
                if (1..=INTERFACE_LENGTH_MAX).contains(&interface.len()) && interface.bytes().all(fits) {
                    Ok(WireSpec::Packet {
                        interface: interface.to_string(),
                    })
                } else {
                    refuse("\"packet:INTERFACE\", the name of a network interface of 1 to 15 characters")
                }
            }
            _ => refuse("\"mem:NAME\", \"udp:LOCAL,REMOTE\" or \"packet:INTERFACE\""),
        }
    }

    fn hosts(&self, chassis: &str, raw: &[RawHost]) -> Checked<Vec<Host>> {
        let mut hosts: Vec<Host> = Vec::new();
        for (position, host) in raw.iter().enumerate() {
            let name = self.name(&host.name, "a host's name")?;
            if hosts.iter().any(|host| host.name == name) {
                return Err(self.refuse(&host.name, format!("host '{name}' is described twice")));
            }
            let wire = host.wire.get_ref();
            if !self.mem_wires.contains_key(wire) {
                let message = format!("no port has the wire \"mem:{}\"", wire.escape_default());
                return Err(self
                    .refuse(&host.wire, message)
                    .hint("the name only, without 'mem:'"));
            }
            if let Some(other) = hosts.iter().find(|host| host.wire == *wire) {
                let message = format!("host '{}' is at the wire '{wire}' already", other.name);
                return Err(self.refuse(&host.wire, message));
            }
            let address: InterfaceAddress<V4> = self.read(&host.address, "as in \"10.0.0.2/24\"")?;
            let gateway: Ipv4Addr = self.read(&host.gateway, "as in \"10.0.0.1\"")?;
            if !address.prefix().contains(gateway) || gateway == address.address() {
                let message = format!("{gateway} is no neighbour of {address}");
                return Err(self
                    .refuse(&host.gateway, message)
                    .hint("an address of the host's own network"));
            }
            let mac = host_mac(chassis, position);
            hosts.push(Host {
                name,
                wire: wire.clone(),
                mac,
                address,
                gateway,
            });
        }
        Ok(hosts)
    }
}
