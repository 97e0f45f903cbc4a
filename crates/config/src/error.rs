//! What can be wrong with a line, and how that is said on the console.

use alloc::format;
use alloc::string::String;
use core::fmt;
use core::net::Ipv4Addr;

use machine::PortId;
use packet::{Prefix, V4};

use crate::bgp::BgpError;
use crate::name::InterfaceName;
use crate::pattern::PatternErrorKind;
use crate::policy::PolicyError;

/// How a line fails to be a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseErrorKind {
    /// Something is not understood, at the error's column.
    Invalid,
    /// More is needed.
    Incomplete,
    /// An abbreviation stands for more than one keyword.
    Ambiguous,
    /// The regular expression of a filter is none, at the error's column.
    Pattern(PatternErrorKind),
}

/// A line that is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// How it fails.
    pub kind: ParseErrorKind,
    /// Where: characters from the start of the line, 0 is the first. For an incomplete line, its length.
    pub column: usize,
    /// The line as typed.
    pub line: String,
}

impl ParseError {
    /// The console's answer, with an end of line after each line. `prompt_columns` is the width of what stands
    /// before the line on the screen, so that the marker comes to stand under the offending character.
    pub fn render(&self, prompt_columns: usize) -> String {
        match self.kind {
            ParseErrorKind::Invalid => {
                let column = prompt_columns + self.column;
                format!("{:column$}^\n% Invalid input detected at '^' marker.\n\n", "")
            }
            ParseErrorKind::Incomplete => String::from("% Incomplete command.\n\n"),
            ParseErrorKind::Ambiguous => format!("% Ambiguous command:  \"{}\"\n", self.line),
            ParseErrorKind::Pattern(why) => {
                let column = prompt_columns + self.column;
                format!(
                    "{:column$}^\n% Invalid regular expression at '^' marker: {why}\n\n",
                    ""
                )
            }
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ParseErrorKind::Invalid => {
                write!(f, "invalid input at column {}: {}", self.column + 1, self.line)
            }
            ParseErrorKind::Incomplete => write!(f, "incomplete command: {}", self.line),
            ParseErrorKind::Ambiguous => write!(f, "ambiguous command: {}", self.line),
            ParseErrorKind::Pattern(why) => {
                write!(
                    f,
                    "invalid regular expression at column {}: {why}: {}",
                    self.column + 1,
                    self.line
                )
            }
        }
    }
}

impl core::error::Error for ParseError {}

/// What came of a configuration command, as a number that two route processors compare. The numbers are part of the
/// checkpoint format: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum ReturnCode {
    /// The configuration has changed.
    Applied = 0,
    /// The command holds already.
    Unchanged = 1,
    /// The line is no command in its mode.
    NotParsed = 2,
    /// Illegal host name.
    BadHostname = 3,
    /// Address and mask do not make an interface address.
    BadAddress = 4,
    /// The prefix belongs to another interface.
    Overlap = 5,
    /// Address and mask do not make a destination.
    BadDestination = 6,
    /// The next hop cannot be one.
    BadNextHop = 7,
    /// The interface does not exist.
    NoSuchInterface = 8,
    /// There is nothing of that kind to remove.
    NoSuchEntry = 9,
    /// A physical interface cannot be removed.
    NotRemovable = 10,
    /// The description is too long or has control characters.
    BadDescription = 11,
    /// A bound of the configuration is reached.
    LimitReached = 12,
    /// The configuration register asks for something that there is not.
    BadRegister = 13,
    /// The routing process is not there, or another one is.
    BadProcess = 14,
    /// Nobody can be that neighbour, or the command is for other ones.
    BadNeighbor = 15,
    /// A value that cannot be, or not beside another one.
    BadValue = 16,
}

impl ReturnCode {
    /// Every code, in the order of its number.
    pub const ALL: [ReturnCode; 17] = [
        ReturnCode::Applied,
        ReturnCode::Unchanged,
        ReturnCode::NotParsed,
        ReturnCode::BadHostname,
        ReturnCode::BadAddress,
        ReturnCode::Overlap,
        ReturnCode::BadDestination,
        ReturnCode::BadNextHop,
        ReturnCode::NoSuchInterface,
        ReturnCode::NoSuchEntry,
        ReturnCode::NotRemovable,
        ReturnCode::BadDescription,
        ReturnCode::LimitReached,
        ReturnCode::BadRegister,
        ReturnCode::BadProcess,
        ReturnCode::BadNeighbor,
        ReturnCode::BadValue,
    ];

    /// The number.
    pub const fn to_u32(self) -> u32 {
        self as u32
    }

    /// The code with this number; `None` for a number that this release does not know.
    pub fn from_u32(number: u32) -> Option<ReturnCode> {
        ReturnCode::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

/// Why a configuration command was refused. The text (`Display`) is one console line without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// Not letters, digits and hyphens, 63 at most, a letter first and no hyphen last.
    Hostname(String),
    /// Mask without a host part for this address, or not contiguous.
    Mask {
        /// The address as typed.
        address: Ipv4Addr,
        /// The mask as typed.
        mask: Ipv4Addr,
    },
    /// An address that no host can have.
    HostAddress(Ipv4Addr),
    /// Another interface is on that network.
    Overlap {
        /// The network that was asked for.
        prefix: Prefix<V4>,
        /// Who has it.
        port: PortId,
    },
    /// An address that a static route uses as its next hop.
    AddressIsNextHop {
        /// The address as typed.
        address: Ipv4Addr,
        /// The destination of that route.
        prefix: Prefix<V4>,
    },
    /// `no ip address` with an address that is not the interface's.
    AddressNotConfigured {
        /// The address as typed.
        address: Ipv4Addr,
        /// The interface.
        port: PortId,
    },
    /// Host bits set beyond the mask, or a mask that is not contiguous.
    InconsistentMask {
        /// The network as typed.
        network: Ipv4Addr,
        /// The mask as typed.
        mask: Ipv4Addr,
    },
    /// A destination that cannot be routed to.
    Destination(Prefix<V4>),
    /// A next hop that no router can have.
    NextHop(Ipv4Addr),
    /// A next hop that is this router.
    NextHopIsSelf {
        /// The address.
        next_hop: Ipv4Addr,
        /// The interface that has it.
        port: PortId,
    },
    /// There is no such interface.
    Interface(PortId),
    /// `no ip route` without a match.
    NoRoute,
    /// `no interface` of a port.
    NotRemovable(PortId),
    /// More bytes than a description may have, or control characters.
    Description {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The number of static routes is at its bound.
    RouteLimit(usize),
    /// The configuration register would stop at the ROM monitor.
    RomMonitor(u16),
    /// An address that is a BGP neighbour's.
    AddressIsNeighbor(Ipv4Addr),
    /// A command of BGP.
    Bgp(BgpError),
    /// A command about lists and route maps.
    Policy(PolicyError),
}

impl ConfigError {
    /// The number under which route processors compare this outcome.
    pub const fn code(&self) -> ReturnCode {
        match self {
            ConfigError::Hostname(_) => ReturnCode::BadHostname,
            ConfigError::Mask { .. } | ConfigError::HostAddress(_) => ReturnCode::BadAddress,
            ConfigError::Overlap { .. } => ReturnCode::Overlap,
            ConfigError::AddressIsNextHop { .. } => ReturnCode::BadAddress,
            ConfigError::AddressNotConfigured { .. } => ReturnCode::NoSuchEntry,
            ConfigError::InconsistentMask { .. } | ConfigError::Destination(_) => ReturnCode::BadDestination,
            ConfigError::NextHop(_) | ConfigError::NextHopIsSelf { .. } => ReturnCode::BadNextHop,
            ConfigError::Interface(_) => ReturnCode::NoSuchInterface,
            ConfigError::NoRoute => ReturnCode::NoSuchEntry,
            ConfigError::NotRemovable(_) => ReturnCode::NotRemovable,
            ConfigError::Description { .. } => ReturnCode::BadDescription,
            ConfigError::RouteLimit(_) => ReturnCode::LimitReached,
            ConfigError::RomMonitor(_) => ReturnCode::BadRegister,
            ConfigError::AddressIsNeighbor(_) => ReturnCode::BadAddress,
            ConfigError::Bgp(error) => error.code(),
            ConfigError::Policy(error) => error.code(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Hostname(name) => write!(
                f,
                "% Hostname \"{name}\" contains one or more illegal characters: use letters, digits and hyphens, \
                 63 at most, a letter first"
            ),
            ConfigError::Mask { address, mask } => bad_mask(f, *address, *mask),
            ConfigError::HostAddress(address) => write!(f, "% Not a valid host address - {address}"),
            ConfigError::Overlap { prefix, port } => {
                write!(f, "% {} overlaps with {}", prefix.network(), InterfaceName(*port))
            }
            ConfigError::AddressIsNextHop { address, prefix } => {
                write!(
                    f,
                    "% {address} is the next hop of a static route to {prefix}: remove that route first"
                )
            }
            ConfigError::AddressNotConfigured { address, port } => {
                write!(
                    f,
                    "% Address {address} with this mask is not configured on {}",
                    InterfaceName(*port)
                )
            }
            ConfigError::InconsistentMask { .. } => f.write_str("%Inconsistent address and mask"),
            ConfigError::Destination(prefix) => write!(f, "%Invalid destination prefix {prefix}"),
            ConfigError::NextHop(address) => write!(f, "%Invalid next hop address {address}"),
            ConfigError::NextHopIsSelf { next_hop, port } => write!(
                f,
                "%Invalid next hop address {next_hop} (it's this router, on {})",
                InterfaceName(*port)
            ),
            ConfigError::Interface(port) => write!(
                f,
                "% Interface {0} does not exist: create it with \"interface {0}\" first",
                InterfaceName(*port)
            ),
            ConfigError::NoRoute => f.write_str("%No matching route to delete"),
            ConfigError::NotRemovable(port) => {
                write!(
                    f,
                    "% Removal of physical interfaces is not permitted: {}",
                    InterfaceName(*port)
                )
            }
            ConfigError::Description { bytes } => write!(
                f,
                "% Description of {bytes} bytes refused: {} at most, no control characters",
                crate::DESCRIPTION_BYTES_MAX
            ),
            ConfigError::RomMonitor(register) => write!(
                f,
                "% 0x{register:X} would stop in the ROM monitor at the next reload, which this release does not have; \
                 let the last digit be 1 to F, as in 0x2102"
            ),
            ConfigError::RouteLimit(limit) => {
                write!(f, "% Limit of {limit} static routes reached: remove one first")
            }
            ConfigError::AddressIsNeighbor(address) => {
                write!(f, "% {address} is a BGP neighbor: remove that neighbor first")
            }
            ConfigError::Bgp(error) => error.fmt(f),
            ConfigError::Policy(error) => error.fmt(f),
        }
    }
}

fn bad_mask(f: &mut fmt::Formatter<'_>, address: Ipv4Addr, mask: Ipv4Addr) -> fmt::Result {
    match packet::netmask_length(mask) {
        Ok(length) => write!(f, "% Bad mask /{length} for address {address}"),
        Err(_) => write!(
            f,
            "% Bad mask {mask} for address {address}: its ones are not contiguous"
        ),
    }
}

impl core::error::Error for ConfigError {}
