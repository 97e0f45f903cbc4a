//! Between a matched row and the command as a typed value, in both directions.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use machine::{ChassisSlot, PortId};
use packet::Prefix;

use crate::bgp::BgpId;
use crate::command::{
    AddressFilter, CheckpointView, Command, ConfigCommand, ExecCommand, FileCommand, InterfaceSetting,
    ModeCommand, RoutePath,
};
use crate::config_sync::{FailureClass, MismatchedCommands, PolicyClass, SyncPhase};
use crate::grammar::Matched;
use crate::mode::Mode;
use crate::redundancy::{RedundancyMode, RedundancySetting};
use crate::table::CommandId;
use crate::token::{Slot, Value};

/// The command that a matched row means in `mode`; `None` when an argument is missing that the command needs, which
/// a test over the whole table excludes.
pub(crate) fn command(matched: &Matched, mode: &Mode) -> Option<Command> {
    if let Some(command) = mode_command(matched.id) {
        return Some(Command::Mode(command));
    }
    if let Some(command) = exec_command(matched) {
        return Some(Command::Exec(command));
    }
    let command = match mode {
        Mode::Interface(port) => ConfigCommand::Setting {
            port: *port,
            setting: setting(matched)?,
        },
        Mode::Bgp(as_number) | Mode::BgpFamily(as_number) => ConfigCommand::Bgp {
            as_number: *as_number,
            in_family: matches!(mode, Mode::BgpFamily(_)),
            command: crate::bgp::command(matched)?,
        },
        Mode::RouteMap(place) => ConfigCommand::RouteMapEntry {
            place: *place,
            command: crate::policy::route_map_command(matched)?,
        },
        _ => config_command(matched)?,
    };
    Some(Command::Configure(command))
}

fn mode_command(id: CommandId) -> Option<ModeCommand> {
    match id {
        CommandId::Enable => Some(ModeCommand::Enable),
        CommandId::Disable => Some(ModeCommand::Disable),
        CommandId::ConfigureTerminal => Some(ModeCommand::ConfigureTerminal),
        CommandId::Exit | CommandId::Bgp(BgpId::ExitAddressFamily) => Some(ModeCommand::Exit),
        CommandId::End => Some(ModeCommand::End),
        CommandId::Logout => Some(ModeCommand::Logout),
        _ => None,
    }
}

fn exec_command(matched: &Matched) -> Option<ExecCommand> {
    if let Some(command) = crate::observe::command(matched) {
        return Some(ExecCommand::Observe(command));
    }
    if let Some(command) = crate::bgp::exec_command(matched) {
        return Some(ExecCommand::Routing(command));
    }
    if let Some(command) = crate::platform::command(matched) {
        return Some(ExecCommand::Platform(command));
    }
    Some(match matched.id {
        CommandId::Ping => ExecCommand::Ping {
            target: matched.address(Slot::Address)?,
            repeat: matched.number(Slot::Count),
        },
        CommandId::RedundancyForceSwitchover => ExecCommand::RedundancyForceSwitchover,
        CommandId::Reload => ExecCommand::Reload,
        CommandId::ShowArp => ExecCommand::ShowArp,
        CommandId::ShowCheckpoint => ExecCommand::ShowCheckpoint,
        CommandId::ShowInterfaces => ExecCommand::ShowInterfaces { port: matched.port() },
        CommandId::ShowIpCef => ExecCommand::ShowIpCef {
            filter: matched.filter(),
        },
        CommandId::ShowIpInterfaceBrief => ExecCommand::ShowIpInterfaceBrief,
        CommandId::ShowIpRoute => ExecCommand::ShowIpRoute {
            filter: matched.filter(),
        },
        CommandId::ShowPlatform => ExecCommand::ShowPlatform,
        CommandId::ShowRedundancy => ExecCommand::ShowRedundancy,
        CommandId::ShowRedundancyClients => ExecCommand::ShowRedundancyClients,
        CommandId::ShowRedundancyHistory => ExecCommand::ShowRedundancyHistory,
        CommandId::ShowRedundancyStates => ExecCommand::ShowRedundancyStates,
        CommandId::ShowRedundancySwitchoverHistory => ExecCommand::ShowRedundancySwitchoverHistory,
        CommandId::ShowRunningConfig => ExecCommand::ShowRunningConfig,
        CommandId::ShowStartupConfig => ExecCommand::ShowStartupConfig,
        CommandId::ShowVersion => ExecCommand::ShowVersion,
        CommandId::TerminalLength => ExecCommand::TerminalLength {
            lines: matched.number(Slot::Length)?,
        },
        CommandId::WriteMemory => ExecCommand::WriteMemory,
        // The session's own.
        CommandId::ShowClock => ExecCommand::ShowClock,
        CommandId::ShowHistory => ExecCommand::ShowHistory,
        CommandId::ShowPrivilege => ExecCommand::ShowPrivilege,
        CommandId::ShowTerminal => ExecCommand::ShowTerminal,
        CommandId::TerminalHistorySize => ExecCommand::TerminalHistorySize {
            lines: matched.number(Slot::Count)?,
        },
        CommandId::TerminalWidth => ExecCommand::TerminalWidth {
            columns: u16::try_from(matched.number(Slot::Width)?).ok()?,
        },
        _ => return config_sync_command(matched).or_else(|| file_command(matched)),
    })
}

/// Configuration synchronisation and the checkpoint facility.
fn config_sync_command(matched: &Matched) -> Option<ExecCommand> {
    Some(match matched.id {
        CommandId::ShowConfigSyncStatus => ExecCommand::ShowConfigSyncStatus,
        CommandId::ShowConfigSyncBem => ExecCommand::ShowConfigSyncFailures(FailureClass::Bem),
        CommandId::ShowConfigSyncMcl => ExecCommand::ShowConfigSyncFailures(FailureClass::Mcl),
        CommandId::ShowConfigSyncPrc => ExecCommand::ShowConfigSyncFailures(FailureClass::Prc),
        CommandId::ShowConfigSyncIgnored => ExecCommand::ShowConfigSyncIgnored,
        CommandId::ConfigSyncIgnore => ExecCommand::MismatchedCommands(MismatchedCommands::Ignore),
        CommandId::ConfigSyncValidate => ExecCommand::MismatchedCommands(MismatchedCommands::Validate),
        CommandId::ShowCheckpointClients => ExecCommand::ShowCheckpointFacility(CheckpointView::Clients {
            client: matched.number(Slot::Count),
        }),
        CommandId::ShowCheckpointEntities => ExecCommand::ShowCheckpointFacility(CheckpointView::Entities),
        CommandId::ShowCheckpointStatistics => {
            ExecCommand::ShowCheckpointFacility(CheckpointView::Statistics)
        }
        CommandId::ShowCheckpointBuffers => ExecCommand::ShowCheckpointFacility(CheckpointView::BufferUsage),
        _ => return None,
    })
}

fn file_command(matched: &Matched) -> Option<ExecCommand> {
    Some(match matched.id {
        CommandId::CopyRunningStartup
        | CommandId::CopyRunning
        | CommandId::CopyStartup
        | CommandId::CopyToStartup
        | CommandId::CopyFile => {
            let keyword = |id, word: &str| (matched.id == id).then(|| word.to_string());
            let both = CommandId::CopyRunningStartup;
            ExecCommand::Files(FileCommand::Copy {
                from: keyword(both, "running-config")
                    .or(keyword(CommandId::CopyRunning, "running-config"))
                    .or(keyword(CommandId::CopyStartup, "startup-config"))
                    .or_else(|| matched.text(Slot::Name))?,
                to: keyword(both, "startup-config")
                    .or(keyword(CommandId::CopyToStartup, "startup-config"))
                    .or_else(|| matched.text(Slot::Text))?,
            })
        }
        CommandId::Dir => ExecCommand::Files(FileCommand::Dir {
            system: matched.text(Slot::Name),
        }),
        CommandId::More => ExecCommand::Files(FileCommand::More {
            file: matched.text(Slot::Name)?,
        }),
        CommandId::Delete => ExecCommand::Files(FileCommand::Delete {
            file: matched.text(Slot::Name)?,
        }),
        _ => return None,
    })
}

fn config_command(matched: &Matched) -> Option<ConfigCommand> {
    let set = !matched.negated;
    if let Some(command) = crate::logging::command(matched) {
        return Some(ConfigCommand::Logging(command));
    }
    if let Some(command) = crate::policy::list_command(matched) {
        return Some(ConfigCommand::List(command));
    }
    Some(match matched.id {
        CommandId::Version => ConfigCommand::Version(matched.text(Slot::Text)?),
        CommandId::Hostname if set => ConfigCommand::Hostname(Some(matched.text(Slot::Name)?)),
        CommandId::Hostname => ConfigCommand::Hostname(None),
        CommandId::Interface if set => ConfigCommand::Interface {
            port: matched.port()?,
        },
        CommandId::Interface => ConfigCommand::NoInterface {
            port: matched.port()?,
        },
        CommandId::IpRoute if set => ConfigCommand::IpRoute {
            network: matched.address(Slot::Address)?,
            mask: matched.address(Slot::Mask)?,
            path: matched.path()?,
            distance: matched.distance(),
        },
        CommandId::IpRoute => ConfigCommand::NoIpRoute {
            network: matched.address(Slot::Address)?,
            mask: matched.address(Slot::Mask)?,
            only: matched.path().map(|path| (path, matched.distance())),
        },
        CommandId::DefaultInterface => ConfigCommand::DefaultInterface {
            port: matched.port()?,
        },
        CommandId::Redundancy => ConfigCommand::Redundancy,
        CommandId::Bgp(BgpId::RouterBgp) if set => ConfigCommand::RouterBgp(matched.number(Slot::AsNumber)?),
        CommandId::Bgp(BgpId::RouterBgp) => ConfigCommand::NoRouterBgp(matched.number(Slot::AsNumber)),
        CommandId::RedundancyMode => ConfigCommand::RedundancyMode(set.then_some(RedundancyMode::Sso)),
        CommandId::RedundancyModeRpr => ConfigCommand::RedundancyMode(set.then_some(RedundancyMode::Rpr)),
        CommandId::ConfigRegister if set => ConfigCommand::ConfigRegister(Some(matched.hexadecimal()?)),
        CommandId::ConfigRegister => ConfigCommand::ConfigRegister(None),
        CommandId::CrashdumpTimeout => ConfigCommand::CrashdumpTimeout(match matched.number(Slot::Minutes) {
            _ if !set => None,
            None => None,
            Some(minutes) => Some(u16::try_from(minutes).ok()?),
        }),
        id => match POLICIES.iter().find(|(of, _)| *of == id) {
            Some((_, (phase, class))) => ConfigCommand::ConfigSyncPolicy {
                phase: *phase,
                class: *class,
                reload: set,
            },
            None => ConfigCommand::RedundancySetting(redundancy_setting(matched)?),
        },
    })
}

fn redundancy_setting(matched: &Matched) -> Option<RedundancySetting> {
    let set = !matched.negated;
    Some(match matched.id {
        CommandId::KeepaliveInterval if set => {
            RedundancySetting::KeepaliveIntervalMs(Some(matched.number(Slot::Milliseconds)?))
        }
        CommandId::KeepaliveInterval => RedundancySetting::KeepaliveIntervalMs(None),
        CommandId::KeepaliveThreshold if set => {
            RedundancySetting::KeepaliveThreshold(Some(matched.number(Slot::Count)?))
        }
        CommandId::KeepaliveThreshold => RedundancySetting::KeepaliveThreshold(None),
        CommandId::NotificationTimer if set => {
            RedundancySetting::NotificationTimerMs(Some(matched.number(Slot::Milliseconds)?))
        }
        CommandId::NotificationTimer => RedundancySetting::NotificationTimerMs(None),
        CommandId::MaintenanceMode => RedundancySetting::MaintenanceMode(set),
        CommandId::HeadlessForwarding => RedundancySetting::HeadlessForwardingDisable(set),
        _ => return None,
    })
}

/// The row of each policy.
const POLICIES: [(CommandId, (SyncPhase, PolicyClass)); 4] = [
    (CommandId::PolicyBulkBem, (SyncPhase::Bulk, PolicyClass::Bem)),
    (CommandId::PolicyBulkPrc, (SyncPhase::Bulk, PolicyClass::Prc)),
    (CommandId::PolicyLblBem, (SyncPhase::LineByLine, PolicyClass::Bem)),
    (CommandId::PolicyLblPrc, (SyncPhase::LineByLine, PolicyClass::Prc)),
];

fn policy_id(phase: SyncPhase, class: PolicyClass) -> CommandId {
    match (phase, class) {
        (SyncPhase::Bulk, PolicyClass::Bem) => CommandId::PolicyBulkBem,
        (SyncPhase::Bulk, PolicyClass::Prc) => CommandId::PolicyBulkPrc,
        (SyncPhase::LineByLine, PolicyClass::Bem) => CommandId::PolicyLblBem,
        (SyncPhase::LineByLine, PolicyClass::Prc) => CommandId::PolicyLblPrc,
    }
}

fn setting(matched: &Matched) -> Option<InterfaceSetting> {
    let set = !matched.negated;
    Some(match matched.id {
        CommandId::Description if set => InterfaceSetting::Description(Some(matched.text(Slot::Text)?)),
        CommandId::Description => InterfaceSetting::Description(None),
        CommandId::IpAddress if set => InterfaceSetting::IpAddress {
            address: matched.address(Slot::Address)?,
            mask: matched.address(Slot::Mask)?,
        },
        CommandId::IpAddress => {
            InterfaceSetting::NoIpAddress(matched.address(Slot::Address).zip(matched.address(Slot::Mask)))
        }
        CommandId::Mtu if set => InterfaceSetting::Mtu(Some(u16::try_from(matched.number(Slot::Mtu)?).ok()?)),
        CommandId::Mtu => InterfaceSetting::Mtu(None),
        CommandId::Shutdown => InterfaceSetting::Shutdown(set),
        _ => return None,
    })
}

/// The row's view of a configuration command.
pub(crate) fn matched(command: &ConfigCommand) -> Matched {
    let positive = |id, values| Matched {
        id,
        negated: false,
        values,
    };
    let negative = |id, values| Matched {
        id,
        negated: true,
        values,
    };
    match command {
        ConfigCommand::Version(version) => positive(
            CommandId::Version,
            vec![(Slot::Text, Value::Text(version.clone()))],
        ),
        ConfigCommand::Hostname(Some(name)) => {
            positive(CommandId::Hostname, vec![(Slot::Name, Value::Text(name.clone()))])
        }
        ConfigCommand::Hostname(None) => negative(CommandId::Hostname, vec![]),
        ConfigCommand::Interface { port } => {
            positive(CommandId::Interface, vec![(Slot::Port, Value::Port(*port))])
        }
        ConfigCommand::NoInterface { port } => {
            negative(CommandId::Interface, vec![(Slot::Port, Value::Port(*port))])
        }
        ConfigCommand::DefaultInterface { port } => positive(
            CommandId::DefaultInterface,
            vec![(Slot::Port, Value::Port(*port))],
        ),
        ConfigCommand::Setting { setting, .. } => matched_setting(setting),
        ConfigCommand::IpRoute {
            network,
            mask,
            path,
            distance,
        } => positive(
            CommandId::IpRoute,
            route_values(*network, *mask, Some(*path), *distance),
        ),
        ConfigCommand::NoIpRoute { network, mask, only } => {
            let (path, distance) = only.map_or((None, None), |(path, distance)| (Some(path), distance));
            negative(CommandId::IpRoute, route_values(*network, *mask, path, distance))
        }
        ConfigCommand::Redundancy => positive(CommandId::Redundancy, vec![]),
        ConfigCommand::RedundancyMode(Some(RedundancyMode::Sso)) => {
            positive(CommandId::RedundancyMode, vec![])
        }
        ConfigCommand::RedundancyMode(Some(RedundancyMode::Rpr)) => {
            positive(CommandId::RedundancyModeRpr, vec![])
        }
        ConfigCommand::RedundancyMode(None) => negative(CommandId::RedundancyMode, vec![]),
        ConfigCommand::Logging(command) => crate::logging::matched(*command),
        ConfigCommand::ConfigSyncPolicy {
            phase,
            class,
            reload: true,
        } => positive(policy_id(*phase, *class), vec![]),
        ConfigCommand::ConfigSyncPolicy { phase, class, .. } => negative(policy_id(*phase, *class), vec![]),
        ConfigCommand::CrashdumpTimeout(minutes) => crate::platform::crashdump_timeout(*minutes),
        ConfigCommand::RedundancySetting(setting) => matched_redundancy_setting(*setting),
        ConfigCommand::ConfigRegister(register) => crate::platform::config_register(*register),
        ConfigCommand::RouterBgp(as_number) => crate::bgp::router(Some(*as_number), true),
        ConfigCommand::NoRouterBgp(as_number) => crate::bgp::router(*as_number, false),
        ConfigCommand::Bgp { command, .. } => crate::bgp::matched(command),
        ConfigCommand::List(command) => crate::policy::list_matched(command),
        ConfigCommand::RouteMapEntry { command, .. } => crate::policy::route_map_matched(command),
    }
}

fn matched_redundancy_setting(setting: RedundancySetting) -> Matched {
    let number = |id, slot, value: Option<u32>| Matched {
        id,
        negated: value.is_none(),
        values: value
            .map(|value| (slot, Value::Number(value)))
            .into_iter()
            .collect(),
    };
    let flag = |id, on: bool| Matched {
        id,
        negated: !on,
        values: vec![],
    };
    match setting {
        RedundancySetting::KeepaliveIntervalMs(value) => {
            number(CommandId::KeepaliveInterval, Slot::Milliseconds, value)
        }
        RedundancySetting::KeepaliveThreshold(value) => {
            number(CommandId::KeepaliveThreshold, Slot::Count, value)
        }
        RedundancySetting::NotificationTimerMs(value) => {
            number(CommandId::NotificationTimer, Slot::Milliseconds, value)
        }
        RedundancySetting::MaintenanceMode(on) => flag(CommandId::MaintenanceMode, on),
        RedundancySetting::HeadlessForwardingDisable(disabled) => {
            flag(CommandId::HeadlessForwarding, disabled)
        }
    }
}

fn matched_setting(setting: &InterfaceSetting) -> Matched {
    let positive = |id, values| Matched {
        id,
        negated: false,
        values,
    };
    let negative = |id, values| Matched {
        id,
        negated: true,
        values,
    };
    match setting {
        InterfaceSetting::Description(Some(text)) => positive(
            CommandId::Description,
            vec![(Slot::Text, Value::Text(text.clone()))],
        ),
        InterfaceSetting::Description(None) => negative(CommandId::Description, vec![]),
        InterfaceSetting::IpAddress { address, mask } => {
            positive(CommandId::IpAddress, address_values(*address, *mask))
        }
        InterfaceSetting::NoIpAddress(Some((address, mask))) => {
            negative(CommandId::IpAddress, address_values(*address, *mask))
        }
        InterfaceSetting::NoIpAddress(None) => negative(CommandId::IpAddress, vec![]),
        InterfaceSetting::Mtu(Some(bytes)) => positive(
            CommandId::Mtu,
            vec![(Slot::Mtu, Value::Number(u32::from(*bytes)))],
        ),
        InterfaceSetting::Mtu(None) => negative(CommandId::Mtu, vec![]),
        InterfaceSetting::Shutdown(true) => positive(CommandId::Shutdown, vec![]),
        InterfaceSetting::Shutdown(false) => negative(CommandId::Shutdown, vec![]),
    }
}

fn address_values(address: Ipv4Addr, mask: Ipv4Addr) -> Vec<(Slot, Value)> {
    vec![
        (Slot::Address, Value::Address(address)),
        (Slot::Mask, Value::Address(mask)),
    ]
}

fn route_values(
    network: Ipv4Addr,
    mask: Ipv4Addr,
    path: Option<RoutePath>,
    distance: Option<u8>,
) -> Vec<(Slot, Value)> {
    let mut values = address_values(network, mask);
    values.extend(
        path.and_then(|path| path.port())
            .map(|port| (Slot::Port, Value::Port(port))),
    );
    values.extend(
        path.and_then(|path| path.next_hop())
            .map(|hop| (Slot::NextHop, Value::Address(hop))),
    );
    values.extend(
        path.filter(|path| *path == RoutePath::Null0)
            .map(|_| (Slot::NullInterface, Value::Number(0))),
    );
    values.extend(distance.map(|distance| (Slot::Distance, Value::Number(u32::from(distance)))));
    values
}

impl Matched {
    fn value(&self, wanted: Slot) -> Option<&Value> {
        self.values
            .iter()
            .find(|(slot, _)| *slot == wanted)
            .map(|(_, value)| value)
    }

    pub(crate) fn address(&self, slot: Slot) -> Option<Ipv4Addr> {
        match self.value(slot)? {
            Value::Address(address) => Some(*address),
            _ => None,
        }
    }

    /// A prefix, without the host bits that were typed with it.
    pub(crate) fn prefix(&self, slot: Slot) -> Option<Prefix<packet::V4>> {
        match self.value(slot)? {
            Value::Prefix(address, length) => Prefix::new(*address, *length).ok(),
            _ => None,
        }
    }

    pub(crate) fn severity(&self) -> Option<machine::Severity> {
        match self.value(Slot::Severity)? {
            Value::Severity(severity) => Some(*severity),
            _ => None,
        }
    }

    pub(crate) fn number(&self, slot: Slot) -> Option<u32> {
        match self.value(slot)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn hexadecimal(&self) -> Option<u16> {
        match self.value(Slot::Register)? {
            Value::Hexadecimal(number) => Some(*number),
            _ => None,
        }
    }

    fn distance(&self) -> Option<u8> {
        self.number(Slot::Distance)
            .and_then(|distance| u8::try_from(distance).ok())
    }

    pub(crate) fn text(&self, slot: Slot) -> Option<String> {
        match self.value(slot)? {
            Value::Text(text) => Some(text.to_string()),
            _ => None,
        }
    }

    pub(crate) fn chassis_slot(&self) -> Option<ChassisSlot> {
        match self.value(Slot::ChassisSlot)? {
            Value::ChassisSlot(slot) => Some(*slot),
            _ => None,
        }
    }

    pub(crate) fn port(&self) -> Option<PortId> {
        match self.value(Slot::Port)? {
            Value::Port(port) => Some(*port),
            _ => None,
        }
    }

    fn path(&self) -> Option<RoutePath> {
        if self.number(Slot::NullInterface).is_some() {
            return Some(RoutePath::Null0);
        }
        match (self.port(), self.address(Slot::NextHop)) {
            (None, None) => None,
            (None, Some(next_hop)) => Some(RoutePath::NextHop(next_hop)),
            (Some(port), None) => Some(RoutePath::Interface(port)),
            (Some(port), Some(next_hop)) => Some(RoutePath::InterfaceNextHop(port, next_hop)),
        }
    }

    pub(crate) fn filter(&self) -> Option<AddressFilter> {
        match self.value(Slot::Address)? {
            Value::Prefix(address, length) => Prefix::new(*address, *length).ok().map(AddressFilter::Prefix),
            Value::Address(address) => match self.address(Slot::Mask) {
                Some(mask) => Prefix::from_mask(*address, mask).ok().map(AddressFilter::Prefix),
                None => Some(AddressFilter::Address(*address)),
            },
            _ => None,
        }
    }
}
