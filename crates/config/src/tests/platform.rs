//! Commands about the chassis.

use alloc::format;

use machine::{CardSlot, ChassisSlot, PortId, RpSlot};

use super::parse;
use crate::{
    Command, ConfigCommand, ConfigurationTree, DiagDepth, DiagScope, ExecCommand, Mode, ModuleAction,
    PlatformCommand, ReloadTarget,
};

fn platform(line: &str) -> PlatformCommand {
    match parse(Mode::PrivilegedExec, line) {
        Ok(Command::Exec(ExecCommand::Platform(command))) => command,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn chassis_commands_mean_what_they_say_in_full_and_abbreviated() {
    use PlatformCommand::*;
    let card = ChassisSlot::Card(CardSlot(3));
    let rp = ChassisSlot::Rp(RpSlot::R1);
    let module = |slot, action| HwModule { slot, action };
    let diag = |scope, depth| ShowDiag { scope, depth };
    for (line, command) in [
        ("redundancy reload peer", RedundancyReload(ReloadTarget::Peer)),
        ("redu rel s", RedundancyReload(ReloadTarget::Shelf)),
        ("hw-module slot 3 reload", module(card, ModuleAction::Reload)),
        ("hw slot R1 stop", module(rp, ModuleAction::Stop)),
        ("hw slot r1 sta", module(rp, ModuleAction::Start)),
        ("show inventory", ShowInventory),
        ("show diag", diag(DiagScope::All, DiagDepth::Plain)),
        ("show diag details", diag(DiagScope::All, DiagDepth::Details)),
        (
            "show diag chassis summary",
            diag(DiagScope::Chassis, DiagDepth::Summary),
        ),
        ("show diag 3", diag(DiagScope::Slot(card), DiagDepth::Plain)),
        (
            "show diag slot R1 details",
            diag(DiagScope::Slot(rp), DiagDepth::Details),
        ),
        (
            "show diag subslot 1/2",
            diag(DiagScope::Subslot(PortId::new(1, 2)), DiagDepth::Plain),
        ),
        ("show facility-alarm status", ShowFacilityAlarm),
        ("dir crashinfo:", DirCrashinfo),
    ] {
        assert_eq!(platform(line), command, "{line}");
    }
    for line in [
        "hw-module slot 16 stop",
        "hw-module slot R2 stop",
        "hw-module slot +1 stop",
        "redundancy reload",
    ] {
        assert!(parse(Mode::PrivilegedExec, line).is_err(), "{line}");
    }
}

#[test]
fn req_83_crashdump_timeout_takes_minutes_or_hours_and_minutes_within_its_range() {
    let mut tree = ConfigurationTree::new();
    assert_eq!(tree.crashdump_timeout_min(), 5);
    for (line, minutes) in [
        ("crashdump-timeout 5", 5),
        ("crashdump-timeout 1080", 1080),
        ("crash 01:30", 90),
        ("crashdump-timeout 18:00", 1080),
        ("crashdump-timeout", 5),
        ("crashdump-timeout 7", 7),
        ("no crashdump-timeout", 5),
    ] {
        let Ok(Command::Configure(command)) = parse(Mode::Redundancy, line) else {
            panic!("{line} is a command");
        };
        tree.apply(&command).expect(line);
        assert_eq!(tree.crashdump_timeout_min(), minutes, "{line}");
    }
    for line in ["4", "1081", "18:01", "00:04", "1:5", "1:60", ":30", "+5", "five"] {
        let line = format!("crashdump-timeout {line}");
        assert!(parse(Mode::Redundancy, &line).is_err(), "{line}");
    }
    tree.apply(&ConfigCommand::CrashdumpTimeout(Some(90)))
        .expect("in range");
    let text = tree.running_config_text();
    assert!(
        text.contains("redundancy\n mode sso\n crashdump-timeout 90\n!"),
        "{text}"
    );
}
