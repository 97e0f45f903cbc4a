//! Commands as values: what a line means once the grammar has read it.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::net::Ipv4Addr;

use machine::PortId;
use packet::{Prefix, V4};

use crate::bgp::{BgpCommand, RoutingCommand};
use crate::config_sync::{FailureClass, MismatchedCommands, PolicyClass, SyncPhase};
use crate::filter::OutputFilter;
use crate::grammar::Grammar;
use crate::logging::LoggingCommand;
use crate::mode::Mode;
use crate::name::InterfaceName;
use crate::observe::ObserveCommand;
use crate::platform::PlatformCommand;
use crate::policy::{ListCommand, RouteMapCommand, RouteMapPlace};
use crate::redundancy::{RedundancyMode, RedundancySetting};

/// A line of a console, as the grammar reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it asks for.
    pub command: Command,
    /// Whether it is about showing a text, which may be long: such output is filtered and comes page by page.
    pub shows: bool,
    /// What is to be shown of the output; `None`: all.
    pub filter: Option<OutputFilter>,
}

impl From<Command> for Line {
    fn from(command: Command) -> Line {
        Line {
            command,
            shows: false,
            filter: None,
        }
    }
}

/// What one line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A blank line or a comment (`!`): nothing.
    Empty,
    /// A change of the mode.
    Mode(ModeCommand),
    /// Something to do or to show.
    Exec(ExecCommand),
    /// A change of the configuration.
    Configure(ConfigCommand),
}

impl Command {
    /// The mode after this command has succeeded in `mode`; `None`: the session ends.
    pub fn next_mode(&self, mode: &Mode) -> Option<Mode> {
        match self {
            Command::Empty | Command::Exec(_) => Some(*mode),
            Command::Mode(command) => command.next_mode(mode),
            Command::Configure(command) => Some(command.next_mode()),
        }
    }
}

/// A view of the checkpoint facility.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointView {
    /// What each client has sent.
    Clients {
        /// One client only, by its number.
        client: Option<u32>,
    },
    /// Groups of clients.
    Entities,
    /// Counters of the facility.
    Statistics,
    /// Its buffers.
    BufferUsage,
}

/// Commands about files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileCommand {
    /// `dir [FILE-SYSTEM:]`
    Dir {
        /// The file system as typed; `None`: `bootflash:`.
        system: Option<String>,
    },
    /// `more FILE`
    More {
        /// The file as typed.
        file: String,
    },
    /// `delete FILE`
    Delete {
        /// The file as typed.
        file: String,
    },
    /// `copy FROM TO`
    Copy {
        /// The source as typed, keywords in full.
        from: String,
        /// The destination as typed, keywords in full.
        to: String,
    },
}

/// Commands that only move the session to another mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModeCommand {
    /// `enable`
    Enable,
    /// `disable`
    Disable,
    /// `configure terminal`
    ConfigureTerminal,
    /// `exit`: one mode up; ends the session in EXEC.
    Exit,
    /// `end`: to privileged EXEC.
    End,
    /// `logout`
    Logout,
}

impl ModeCommand {
    /// The mode after this command; `None`: the session ends.
    pub const fn next_mode(self, mode: &Mode) -> Option<Mode> {
        match self {
            ModeCommand::Enable => Some(Mode::PrivilegedExec),
            ModeCommand::Disable => Some(Mode::UserExec),
            ModeCommand::ConfigureTerminal => Some(Mode::Global),
            ModeCommand::Exit => mode.after_exit(),
            ModeCommand::End => Some(Mode::PrivilegedExec),
            ModeCommand::Logout => None,
        }
    }
}

/// Commands of the EXEC that a route processor executes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecCommand {
    /// `dir`, `more`, `delete`, `copy`
    Files(FileCommand),
    /// `show redundancy config-sync status`
    ShowConfigSyncStatus,
    /// Watching what goes on: `show logging`, `debug ...` and their like.
    Observe(ObserveCommand),
    /// `show redundancy config-sync failures {bem | mcl | prc}`
    ShowConfigSyncFailures(FailureClass),
    /// `show redundancy config-sync ignored failures mcl`
    ShowConfigSyncIgnored,
    /// `redundancy config-sync {ignore | validate} mismatched-commands`
    MismatchedCommands(MismatchedCommands),
    /// A command about the chassis.
    Platform(PlatformCommand),
    /// `... | json`: a command that shows something, as one JSON document.
    Json(Box<ExecCommand>),
    /// A command about BGP, its policy, TCP sessions or parts of the routing table.
    Routing(RoutingCommand),
    /// `ping A.B.C.D [repeat N]`
    Ping {
        /// Whom to ask.
        target: Ipv4Addr,
        /// How many requests to send, 1..=2147483647; `None`: the default.
        repeat: Option<u32>,
    },
    /// `redundancy force-switchover`
    RedundancyForceSwitchover,
    /// `reload`
    Reload,
    /// `show arp`, `show ip arp`
    ShowArp,
    /// `show checkpoint`
    ShowCheckpoint,
    /// `show checkpoint {clients [ID] | entities | statistics [buffer-usage]}`
    ShowCheckpointFacility(CheckpointView),
    /// `show interfaces [EthernetC/P]`
    ShowInterfaces {
        /// One interface only.
        port: Option<PortId>,
    },
    /// `show ip cef [A.B.C.D[/n] | A.B.C.D MASK]`
    ShowIpCef {
        /// What to look up.
        filter: Option<AddressFilter>,
    },
    /// `show ip interface brief`
    ShowIpInterfaceBrief,
    /// `show ip route [A.B.C.D[/n] | A.B.C.D MASK]`
    ShowIpRoute {
        /// What to look up.
        filter: Option<AddressFilter>,
    },
    /// `show platform`
    ShowPlatform,
    /// `show redundancy`
    ShowRedundancy,
    /// `show redundancy clients`
    ShowRedundancyClients,
    /// `show redundancy history`
    ShowRedundancyHistory,
    /// `show redundancy states`
    ShowRedundancyStates,
    /// `show redundancy switchover history`
    ShowRedundancySwitchoverHistory,
    /// `show running-config`
    ShowRunningConfig,
    /// `show startup-config`
    ShowStartupConfig,
    /// `show version`
    ShowVersion,
    /// `terminal length N`
    TerminalLength {
        /// Lines on the screen, 0..=512; 0: output does not pause.
        lines: u32,
    },
    /// `write [memory]`
    WriteMemory,
    /// `show clock`
    ShowClock,
    /// `show history`
    ShowHistory,
    /// `show privilege`
    ShowPrivilege,
    /// `show terminal`
    ShowTerminal,
    /// `terminal history size N`
    TerminalHistorySize {
        /// Lines that the history keeps, 0..=256.
        lines: u32,
    },
    /// `terminal width N`
    TerminalWidth {
        /// Columns on the screen, 0..=512; 0: lines never wrap.
        columns: u16,
    },
}

/// What a table is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressFilter {
    /// The longest match of this address.
    Address(Ipv4Addr),
    /// This very prefix.
    Prefix(Prefix<V4>),
}

/// A change of the configuration. Each value carries all that it needs, the interface included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigCommand {
    /// `version WORD`: the header of a configuration file; changes nothing.
    Version(String),
    /// `hostname NAME`; `None`: `no hostname`.
    Hostname(Option<String>),
    /// `interface EthernetC/P`: creates the interface where it does not exist, and leads to its mode.
    Interface {
        /// Which one.
        port: PortId,
    },
    /// `no interface EthernetC/P`: always refused, a port is removed with its card.
    NoInterface {
        /// Which one.
        port: PortId,
    },
    /// `default interface EthernetC/P`: all settings of the interface as on a fresh one.
    DefaultInterface {
        /// Which one.
        port: PortId,
    },
    /// A command of interface configuration.
    Setting {
        /// The interface that it is for.
        port: PortId,
        /// What to set.
        setting: InterfaceSetting,
    },
    /// `ip route NETWORK MASK PATH [DISTANCE]`
    IpRoute {
        /// Destination network as typed.
        network: Ipv4Addr,
        /// Its mask as typed.
        mask: Ipv4Addr,
        /// Where to send.
        path: RoutePath,
        /// Administrative distance, 1..=255; `None`: the default, 1.
        distance: Option<u8>,
    },
    /// `no ip route NETWORK MASK [PATH [DISTANCE]]`: removes the matching route, or all of that network.
    NoIpRoute {
        /// Destination network as typed.
        network: Ipv4Addr,
        /// Its mask as typed.
        mask: Ipv4Addr,
        /// Only the route over this path, and only if it has this distance.
        only: Option<(RoutePath, Option<u8>)>,
    },
    /// `redundancy`: leads to redundancy configuration.
    Redundancy,
    /// `mode {sso | rpr}`; `None`: `no mode`, back to the default.
    RedundancyMode(Option<RedundancyMode>),
    /// `logging ...`
    Logging(LoggingCommand),
    /// `[no] policy config-sync {bulk | lbl} {bem | prc} reload`
    ConfigSyncPolicy {
        /// When the difference was found.
        phase: SyncPhase,
        /// What kind it is.
        class: PolicyClass,
        /// Whether it reloads the standby.
        reload: bool,
    },
    /// Another command of redundancy configuration.
    RedundancySetting(RedundancySetting),
    /// `config-register 0xNNNN`; `None`: `no config-register`, back to the default. Kept by each route processor for its
    /// next boot, and no part of the running configuration.
    ConfigRegister(Option<u16>),
    /// `crashdump-timeout [MINUTES | HH:MM]`, in minutes, 5..=1080; `None`: back to the default, 5.
    CrashdumpTimeout(Option<u16>),
    /// `router bgp N`: starts BGP where there is none, and leads to its mode.
    RouterBgp(u32),
    /// `no router bgp [N]`
    NoRouterBgp(Option<u32>),
    /// A command below `router bgp`.
    Bgp {
        /// The AS of the process that it is for.
        as_number: u32,
        /// Whether it was typed below `address-family ipv4`.
        in_family: bool,
        /// What to do.
        command: BgpCommand,
    },
    /// A command about lists of policy, or one that leads to a route map's entry.
    List(ListCommand),
    /// A command below `route-map`.
    RouteMapEntry {
        /// The entry that it is for.
        place: RouteMapPlace,
        /// What to do.
        command: RouteMapCommand,
    },
}

/// What can be set on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfaceSetting {
    /// `description TEXT`; `None`: `no description`.
    Description(Option<String>),
    /// `ip address A.B.C.D MASK`
    IpAddress {
        /// The interface's own address as typed.
        address: Ipv4Addr,
        /// Its mask as typed.
        mask: Ipv4Addr,
    },
    /// `no ip address [A.B.C.D MASK]`; with an address, only when it is the one that is set.
    NoIpAddress(Option<(Ipv4Addr, Ipv4Addr)>),
    /// `mtu BYTES`, 64..=9216; `None`: `no mtu`.
    Mtu(Option<u16>),
    /// `shutdown` (true), `no shutdown` (false).
    Shutdown(bool),
}

/// Where a static route sends packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoutePath {
    /// To a router whose own route is looked up.
    NextHop(Ipv4Addr),
    /// Out of a port, to the destination itself.
    Interface(PortId),
    /// Out of a port, to a router on that link.
    InterfaceNextHop(PortId, Ipv4Addr),
    /// Nowhere: packets are dropped.
    Null0,
}

impl RoutePath {
    /// The router that the path names.
    pub const fn next_hop(&self) -> Option<Ipv4Addr> {
        match self {
            RoutePath::NextHop(address) | RoutePath::InterfaceNextHop(_, address) => Some(*address),
            RoutePath::Interface(_) | RoutePath::Null0 => None,
        }
    }

    /// The port that the path names.
    pub const fn port(&self) -> Option<PortId> {
        match self {
            RoutePath::NextHop(_) | RoutePath::Null0 => None,
            RoutePath::Interface(port) | RoutePath::InterfaceNextHop(port, _) => Some(*port),
        }
    }
}

impl fmt::Display for RoutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RoutePath::NextHop(address) => write!(f, "{address}"),
            RoutePath::Interface(port) => write!(f, "{}", InterfaceName(*port)),
            RoutePath::InterfaceNextHop(port, address) => write!(f, "{} {address}", InterfaceName(*port)),
            RoutePath::Null0 => f.write_str("Null0"),
        }
    }
}

/// A static route as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StaticRoute {
    /// Destination.
    pub prefix: Prefix<V4>,
    /// Where to send.
    pub path: RoutePath,
    /// Administrative distance, 1..=255.
    pub distance: u8,
}

/// A configuration line together with the mode in which it is read: what a configuration record carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigLine {
    /// Where the line is read.
    pub mode: Mode,
    /// The canonical text, without indentation.
    pub text: String,
}

impl ConfigCommand {
    /// What the console is told once the command has been executed; empty for most.
    pub fn notice(&self) -> String {
        match self {
            ConfigCommand::DefaultInterface { port } => {
                format!("Interface {} set to default configuration", InterfaceName(*port))
            }
            ConfigCommand::Bgp { command, .. } => command.notice(),
            _ => String::new(),
        }
    }

    /// The mode after this command has succeeded: its own, or the one that it leads to. A global command that was
    /// typed in a submode leaves the submode.
    pub fn next_mode(&self) -> Mode {
        match self {
            ConfigCommand::Interface { port } => Mode::Interface(*port),
            ConfigCommand::Redundancy => Mode::Redundancy,
            ConfigCommand::RouterBgp(as_number) => Mode::Bgp(*as_number),
            ConfigCommand::List(command) => command.next_mode(),
            ConfigCommand::Bgp {
                as_number,
                command: BgpCommand::AddressFamily,
                ..
            } => Mode::BgpFamily(*as_number),
            _ => self.mode(),
        }
    }

    /// The mode in which the command is read.
    pub const fn mode(&self) -> Mode {
        match self {
            ConfigCommand::Setting { port, .. } => Mode::Interface(*port),
            ConfigCommand::RedundancyMode(_)
            | ConfigCommand::RedundancySetting(_)
            | ConfigCommand::ConfigSyncPolicy { .. }
            | ConfigCommand::CrashdumpTimeout(_) => Mode::Redundancy,
            ConfigCommand::Bgp {
                as_number,
                in_family: true,
                ..
            } => Mode::BgpFamily(*as_number),
            ConfigCommand::Bgp { as_number, .. } => Mode::Bgp(*as_number),
            ConfigCommand::RouteMapEntry { place, .. } => Mode::RouteMap(*place),
            _ => Mode::Global,
        }
    }

    /// The canonical text of the command: every keyword in full. Parsed in [`ConfigCommand::mode`] it gives the
    /// same command again.
    pub fn text(&self) -> String {
        Grammar::standard().render(self)
    }

    /// Mode and canonical text.
    pub fn to_line(&self) -> ConfigLine {
        ConfigLine {
            mode: self.mode(),
            text: self.text(),
        }
    }
}
