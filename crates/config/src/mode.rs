//! Where an operator is: the modes, their prompts and how one leaves them.

use alloc::format;
use alloc::string::String;

use machine::PortId;

use crate::command::{Command, ConfigCommand};
use crate::grammar::Grammar;
use crate::name::InterfaceName;
use crate::policy::{ListCommand, RouteMapPlace};
use crate::table::Privilege;

/// The place in the command language where a line is read.
///
/// ```text
///   UserExec ──enable──▶ PrivilegedExec ──configure terminal──▶ Global ──interface──▶ Interface(port)
///       ◀──disable──         ◀──end, ^Z──────────────────────────┼──────redundancy──▶ Redundancy
///                                                                └──────router bgp──▶ Bgp ──address-family──▶ BgpFamily
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// `Router>`: looking only.
    UserExec,
    /// `Router#`: everything but configuration.
    PrivilegedExec,
    /// `Router(config)#`.
    Global,
    /// `Router(config-if)#`, and which interface is being configured.
    Interface(PortId),
    /// `Router(config-red)#`.
    Redundancy,
    /// `Router(config-router)#`, and the AS.
    Bgp(u32),
    /// `Router(config-router-af)#`, IPv4 unicast, and the AS.
    BgpFamily(u32),
    /// `Router(config-route-map)#`, and which entry.
    RouteMap(RouteMapPlace),
}

/// What stands behind the line that leads to BGP, on the way to its address family.
const FAMILY_PATH: &str = " address-family ipv4";

/// A set of modes, as the table's rows name them. The two EXEC modes are one: privilege tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModeSet(u8);

impl ModeSet {
    /// User and privileged EXEC.
    pub const EXEC: ModeSet = ModeSet(1);
    /// Global configuration.
    pub const GLOBAL: ModeSet = ModeSet(1 << 1);
    /// Interface configuration.
    pub const INTERFACE: ModeSet = ModeSet(1 << 2);
    /// Redundancy configuration.
    pub const REDUNDANCY: ModeSet = ModeSet(1 << 3);
    /// BGP.
    pub const BGP: ModeSet = ModeSet(1 << 4);
    /// IPv4 unicast of BGP.
    pub const IPV4_FAMILY: ModeSet = ModeSet(1 << 5);
    /// What belongs to IPv4 unicast is read in both.
    pub const BGP_FAMILY: ModeSet = ModeSet(ModeSet::BGP.0 | ModeSet::IPV4_FAMILY.0);
    /// Entry of a route map.
    pub const ROUTE_MAP: ModeSet = ModeSet(1 << 6);
    /// Every configuration mode.
    pub const CONFIGURATION: ModeSet = ModeSet(
        ModeSet::GLOBAL.0
            | ModeSet::INTERFACE.0
            | ModeSet::REDUNDANCY.0
            | ModeSet::BGP_FAMILY.0
            | ModeSet::ROUTE_MAP.0,
    );

    /// Whether the two sets share a mode.
    pub const fn intersects(self, other: ModeSet) -> bool {
        self.0 & other.0 != 0
    }
}

impl Mode {
    /// The set that holds just this mode.
    pub const fn set(&self) -> ModeSet {
        match self {
            Mode::UserExec | Mode::PrivilegedExec => ModeSet::EXEC,
            Mode::Global => ModeSet::GLOBAL,
            Mode::Interface(_) => ModeSet::INTERFACE,
            Mode::Redundancy => ModeSet::REDUNDANCY,
            Mode::Bgp(_) => ModeSet::BGP,
            Mode::BgpFamily(_) => ModeSet::IPV4_FAMILY,
            Mode::RouteMap(_) => ModeSet::ROUTE_MAP,
        }
    }

    /// What one may do here.
    pub const fn privilege(&self) -> Privilege {
        match self {
            Mode::UserExec => Privilege::User,
            _ => Privilege::Privileged,
        }
    }

    /// Whether configuration commands are read here.
    pub const fn is_configuration(&self) -> bool {
        !matches!(self, Mode::UserExec | Mode::PrivilegedExec)
    }

    /// Whether this is a configuration mode below global configuration.
    pub const fn is_submode(&self) -> bool {
        self.is_configuration() && !matches!(self, Mode::Global)
    }

    /// What the prompt shows after the host name: `>`, `#`, `(config)#`, `(config-if)#` and so on.
    pub const fn prompt_suffix(&self) -> &'static str {
        match self {
            Mode::UserExec => ">",
            Mode::PrivilegedExec => "#",
            Mode::Global => "(config)#",
            Mode::Interface(_) => "(config-if)#",
            Mode::Redundancy => "(config-red)#",
            Mode::Bgp(_) => "(config-router)#",
            Mode::BgpFamily(_) => "(config-router-af)#",
            Mode::RouteMap(_) => "(config-route-map)#",
        }
    }

    /// What `?` on an empty line says before its list.
    pub const fn help_heading(&self) -> &'static str {
        match self {
            Mode::UserExec | Mode::PrivilegedExec => "Exec commands:",
            Mode::Global => "Configure commands:",
            Mode::Interface(_) => "Interface configuration commands:",
            Mode::Redundancy => "Redundancy configuration commands:",
            Mode::Bgp(_) => "Router configuration commands:",
            Mode::BgpFamily(_) => "Router Address Family configuration commands:",
            Mode::RouteMap(_) => "Route Map configuration commands:",
        }
    }

    /// The mode after `exit`; `None`: the session ends.
    pub const fn after_exit(&self) -> Option<Mode> {
        match self {
            Mode::UserExec | Mode::PrivilegedExec => None,
            Mode::Global => Some(Mode::PrivilegedExec),
            Mode::Interface(_) | Mode::Redundancy | Mode::Bgp(_) | Mode::RouteMap(_) => Some(Mode::Global),
            Mode::BgpFamily(as_number) => Some(Mode::Bgp(*as_number)),
        }
    }

    /// The configuration line that leads from global configuration to this mode; empty for global configuration.
    /// With the text of a command it makes a record that another route processor can execute.
    ///
    /// EXEC modes have no path; they answer as global configuration does.
    pub fn path(&self) -> String {
        match self {
            Mode::UserExec | Mode::PrivilegedExec | Mode::Global => String::new(),
            Mode::Interface(port) => format!("interface {}", InterfaceName(*port)),
            Mode::Redundancy => String::from("redundancy"),
            Mode::Bgp(as_number) => format!("router bgp {as_number}"),
            Mode::BgpFamily(as_number) => format!("router bgp {as_number}{FAMILY_PATH}"),
            Mode::RouteMap(place) => format!("{place}"),
        }
    }

    /// Reverse of [`Mode::path`]: `None` when the text leads to no configuration mode.
    pub fn from_path(path: &str) -> Option<Mode> {
        if path.is_empty() {
            return Some(Mode::Global);
        }
        if let Some(router) = path.strip_suffix(FAMILY_PATH) {
            return match Mode::from_path(router)? {
                Mode::Bgp(as_number) => Some(Mode::BgpFamily(as_number)),
                _ => None,
            };
        }
        match Grammar::standard().parse(&Mode::Global, path) {
            Ok(Command::Configure(
                command @ (ConfigCommand::Interface { .. }
                | ConfigCommand::Redundancy
                | ConfigCommand::RouterBgp(_)
                | ConfigCommand::List(ListCommand::RouteMap { .. })),
            )) => Some(command.next_mode()).filter(Mode::is_submode),
            _ => None,
        }
    }
}
