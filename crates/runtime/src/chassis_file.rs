//! What a chassis is made of, as a TOML file.
//!
//! ```toml
//! name = "lab"                        # letters, digits, '-' and '_'; names the directories
//! startup_config = '''...'''          # what the RP starts with until `write memory` has saved something; optional
//!
//! crash_space_mib = 1024              # optional: room for crash information and cores; the oldest go
//! memory_mib = 4096                   # optional: what both route processors may hold; without it, what the host has
//!
//! [link]                              # optional: how the RPs talk to each other
//! address = "tcp:127.0.0.1:7000"      # default: a Unix socket in the run directory
//!
//! [timers]                            # optional, with these defaults
//! keepalive_interval_ms = 25          # an RP shows that it lives
//! keepalive_limit_ms = 250            # silence for so long is a death
//! ack_stall_limit_ms = 200            # an unacknowledged frame of this age puts the standby out of step
//!
//! [[route_processors]]                # one or two; optional, default: R0 and R1, both "local"
//! slot = "R0"
//! host = "local"
//! unsupported_commands = ["mtu"]      # optional, for rehearsing an upgrade: it is without these, as an older release
//! image_version = "Version 0.0.9"     # optional, for the same: it passes for this image
//!
//! [[cards]]                           # slots 0 to 15
//! slot = 0
//! ports = [
//!     { number = 0, wire = "mem:NAME" },                                # a built-in host
//!     { number = 1, wire = "udp:127.0.0.1:7001,127.0.0.1:7002" },       # LOCAL,REMOTE: a frame a datagram
//!     { number = 2, wire = "packet:eth1", mac = "aabb.cc00.0100", mtu = 1500 },
//! ]
//!
//! [[hosts]]                           # built-in hosts at `mem` wires
//! name = "h0"
//! wire = "NAME"
//! address = "10.0.0.2/24"
//! gateway = "10.0.0.1"
//! ```
//!
//! A file is taken whole or not at all. Every error says the line, the column, and what would be right.

mod error;
mod image_name;
mod parse;

pub use error::ChassisFileError;
pub use image_name::ImageName;

use crate::stream::Address;
use crate::wire::WireSpec;
use machine::{CardSlot, Duration, PortId, RpSlot};
use packet::{InterfaceAddress, Ipv4Addr, MacAddress, V4};
use sha2::{Digest, Sha256};
use std::path::Path;

/// The chassis that is booted when no file is given.
pub const DEFAULT_CHASSIS: &str = include_str!("default-chassis.toml");
/// Longest chassis file in bytes.
const FILE_LENGTH_MAX: u64 = 1 << 20;

/// A chassis as its file describes it; everything is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChassisFile {
    /// Its name, fit for a directory.
    pub name: String,
    /// Commands that the RP starts with until something was saved; may be empty.
    pub startup_config: String,
    /// Bytes that crash information and cores may take.
    pub crash_space_bytes_max: u64,
    /// Bytes that both route processors together may hold; `None`: what the host has.
    pub memory_bytes_max: Option<u64>,
    /// Address of the link between the RPs; `None` for a Unix socket in the run directory.
    pub link: Option<Address>,
    /// Limits of detection.
    pub timers: Timers,
    /// Slots with an RP: one or two, in order.
    pub route_processors: Vec<RpSlot>,
    /// By slot: beginnings of configuration commands that the RP there is to be without, as an older release is. For
    /// rehearsing an upgrade.
    pub unsupported_commands: [Vec<String>; 2],
    /// By slot: the image that the RP there passes for; `None`: what it really runs. For the same.
    pub image_versions: [Option<String>; 2],
    /// Line cards, by slot.
    pub cards: Vec<Card>,
    /// Built-in hosts.
    pub hosts: Vec<Host>,
}

/// How soon silence is taken for a death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// How often an RP shows that it lives.
    pub keepalive_interval: Duration,
    /// How long its silence may last.
    pub keepalive_limit: Duration,
    /// How old a frame may get without an acknowledgement.
    pub ack_stall_limit: Duration,
}

impl Default for Timers {
    fn default() -> Timers {
        Timers {
            keepalive_interval: Duration::from_millis(25),
            keepalive_limit: Duration::from_millis(250),
            ack_stall_limit: Duration::from_millis(200),
        }
    }
}

/// A line card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its slot.
    pub slot: CardSlot,
    /// Its ports, by number.
    pub ports: Vec<Port>,
}

/// A port of a line card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Number on the card.
    pub number: u8,
    /// What it is attached to.
    pub wire: WireSpec,
    /// Its MAC address.
    pub mac: MacAddress,
    /// Longest packet in bytes, without the Ethernet header.
    pub mtu: u16,
}

/// A built-in host at the far end of a `mem` wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Name of the `mem` wire.
    pub wire: String,
    /// Its MAC address.
    pub mac: MacAddress,
    /// Its address and the length of its network.
    pub address: InterfaceAddress<V4>,
    /// Where it sends what is not for its network.
    pub gateway: Ipv4Addr,
}

impl ChassisFile {
    /// Reads the chassis in `text`.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(text: &str) -> Result<ChassisFile, ChassisFileError> {
        parse::parse(text)
    }

    /// Reads the file at `path`, or the embedded chassis without one.
    ///
    /// # Errors
    /// When the file cannot be read, or the first thing that is wrong in it.
    pub fn load(path: Option<&Path>) -> Result<ChassisFile, ChassisFileError> {
        let Some(path) = path else {
            return ChassisFile::parse(DEFAULT_CHASSIS);
        };
        let bytes = crate::file::read_bounded(path, FILE_LENGTH_MAX)
            .map_err(|error| ChassisFileError::unreadable(path, error.to_string()))?
            .ok_or_else(|| ChassisFileError::unreadable(path, format!("{}: no such file", path.display())))?;
        let text = String::from_utf8(bytes)
            .map_err(|error| ChassisFileError::not_text(error.as_bytes(), error.utf8_error().valid_up_to()));
        text.and_then(|text| ChassisFile::parse(&text))
            .map_err(|error| error.in_file(path))
    }

    /// Where the RPs meet, for a chassis with this run directory.
    pub fn link_address(&self, run_directory: &Path) -> Address {
        self.link
            .clone()
            .unwrap_or_else(|| Address::Unix(run_directory.join("rp-link.sock")))
    }

    /// The card in `slot`.
    pub fn card(&self, slot: CardSlot) -> Option<&Card> {
        self.cards.iter().find(|card| card.slot == slot)
    }
}

/// The MAC address of a port that was given none: the same at every boot, different in chassis of different names.
///
/// `02:` (locally administered), three bytes of the name's digest, card, port.
pub fn port_mac(chassis: &str, port: PortId) -> MacAddress {
    let digest = Sha256::digest(chassis.as_bytes());
    MacAddress([2, digest[0], digest[1], digest[2], port.card.0, port.port])
}

/// The MAC address of the built-in host with this position in the file.
///
/// `06:` (locally administered as well), three bytes of the chassis name's digest, position.
fn host_mac(chassis: &str, position: usize) -> MacAddress {
    let digest = Sha256::digest(chassis.as_bytes());
    let [high, low] = (position as u16).to_be_bytes();
    MacAddress([6, digest[0], digest[1], digest[2], high, low])
}

#[cfg(test)]
mod tests;
