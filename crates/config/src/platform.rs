//! Commands about the chassis itself: its units, what is in its slots, its alarms and its crash information.

use crate::grammar::Matched;
use crate::table::CommandId;
use crate::token::{Slot, Value};
use machine::{ChassisSlot, PortId};

/// What `redundancy reload` reloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadTarget {
    /// The other route processor.
    Peer,
    /// Everything: both route processors and all cards.
    Shelf,
}

/// What `hw-module slot` does to the unit in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleAction {
    /// Takes its power for a moment.
    Reload,
    /// Takes its power until it is started again.
    Stop,
    /// Gives it power again.
    Start,
}

/// What `show diag` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiagScope {
    /// All slots.
    All,
    /// The chassis itself.
    Chassis,
    /// One slot.
    Slot(ChassisSlot),
    /// One port of a card.
    Subslot(PortId),
}

/// How much `show diag` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiagDepth {
    /// The unit's identity.
    Plain,
    /// And what it does.
    Details,
    /// One line for each unit.
    Summary,
}

/// A command about the chassis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformCommand {
    /// `redundancy reload {peer | shelf}`
    RedundancyReload(ReloadTarget),
    /// `hw-module slot SLOT {reload | stop | start}`
    HwModule {
        /// The slot.
        slot: ChassisSlot,
        /// What to do.
        action: ModuleAction,
    },
    /// `show inventory`
    ShowInventory,
    /// `show diag [chassis | slot SLOT | subslot CARD/PORT] [details | summary]`
    ShowDiag {
        /// About what.
        scope: DiagScope,
        /// How much.
        depth: DiagDepth,
    },
    /// `show facility-alarm status`
    ShowFacilityAlarm,
    /// `dir crashinfo:`
    DirCrashinfo,
}

/// The command about the chassis that a matched row means; `None` when it is another command.
pub(crate) fn command(matched: &Matched) -> Option<PlatformCommand> {
    let module = |action| {
        let slot = matched.chassis_slot()?;
        Some(PlatformCommand::HwModule { slot, action })
    };
    let chassis = |depth| PlatformCommand::ShowDiag {
        scope: DiagScope::Chassis,
        depth,
    };
    Some(match matched.id {
        CommandId::RedundancyReloadPeer => PlatformCommand::RedundancyReload(ReloadTarget::Peer),
        CommandId::RedundancyReloadShelf => PlatformCommand::RedundancyReload(ReloadTarget::Shelf),
        CommandId::HwModuleReload => module(ModuleAction::Reload)?,
        CommandId::HwModuleStop => module(ModuleAction::Stop)?,
        CommandId::HwModuleStart => module(ModuleAction::Start)?,
        CommandId::ShowInventory => PlatformCommand::ShowInventory,
        CommandId::ShowDiag => diag(matched, DiagDepth::Plain),
        CommandId::ShowDiagDetails => diag(matched, DiagDepth::Details),
        CommandId::ShowDiagSummary => diag(matched, DiagDepth::Summary),
        CommandId::ShowDiagChassis => chassis(DiagDepth::Plain),
        CommandId::ShowDiagChassisDetails => chassis(DiagDepth::Details),
        CommandId::ShowDiagChassisSummary => chassis(DiagDepth::Summary),
        CommandId::ShowFacilityAlarm => PlatformCommand::ShowFacilityAlarm,
        CommandId::DirCrashinfo => PlatformCommand::DirCrashinfo,
        _ => return None,
    })
}

/// The row's view of `config-register`.
pub(crate) fn config_register(register: Option<u16>) -> Matched {
    Matched {
        id: CommandId::ConfigRegister,
        negated: register.is_none(),
        values: register
            .map(|register| (Slot::Register, Value::Hexadecimal(register)))
            .into_iter()
            .collect(),
    }
}

/// The row's view of `crashdump-timeout`.
pub(crate) fn crashdump_timeout(minutes: Option<u16>) -> Matched {
    let value = |minutes| (Slot::Minutes, Value::Number(u32::from(minutes)));
    Matched {
        id: CommandId::CrashdumpTimeout,
        negated: minutes.is_none(),
        values: minutes.map(value).into_iter().collect(),
    }
}

fn diag(matched: &Matched, depth: DiagDepth) -> PlatformCommand {
    let scope = match (matched.chassis_slot(), matched.port()) {
        (Some(slot), _) => DiagScope::Slot(slot),
        (None, Some(port)) => DiagScope::Subslot(port),
        (None, None) => DiagScope::All,
    };
    PlatformCommand::ShowDiag { scope, depth }
}
