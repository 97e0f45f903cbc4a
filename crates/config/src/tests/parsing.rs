use alloc::format;
use alloc::string::String;
use core::net::Ipv4Addr;

use machine::PortId;

use super::{OTHER, PORT, config, on_port, parse};
use crate::{
    AddressFilter, CheckpointView, Command, CommandId, ConfigCommand, ExecCommand, FileCommand, Grammar,
    InterfaceSetting, Mode, ModeCommand, ModeSet, ParseErrorKind, Privilege, RedundancyMode,
    RedundancySetting, RoutePath, Row, Token,
};

fn exec(line: &str) -> ExecCommand {
    match parse(Mode::PrivilegedExec, line) {
        Ok(Command::Exec(command)) => command,
        other => panic!("{line}: {other:?}"),
    }
}

const fn ip(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

#[test]
fn lines_about_files_and_the_checkpoint_facility_mean_their_commands() {
    use ExecCommand::*;
    let copy = |from: &str, to: &str| {
        Files(FileCommand::Copy {
            from: from.into(),
            to: to.into(),
        })
    };
    let table: &[(&str, ExecCommand)] = &[
        (
            "copy running-config startup-config",
            copy("running-config", "startup-config"),
        ),
        ("cop r s", copy("running-config", "startup-config")),
        (
            "copy system:running-config nvram:startup-config",
            copy("system:running-config", "nvram:startup-config"),
        ),
        (
            "copy run bootflash:a.cfg",
            copy("running-config", "bootflash:a.cfg"),
        ),
        ("copy start a.cfg", copy("startup-config", "a.cfg")),
        ("copy a.cfg start", copy("a.cfg", "startup-config")),
        ("dir", Files(FileCommand::Dir { system: None })),
        (
            "dir stby-nvram:",
            Files(FileCommand::Dir {
                system: Some("stby-nvram:".into()),
            }),
        ),
        ("more a.cfg", Files(FileCommand::More { file: "a.cfg".into() })),
        ("del a.cfg", Files(FileCommand::Delete { file: "a.cfg".into() })),
        (
            "show checkpoint clients",
            ShowCheckpointFacility(CheckpointView::Clients { client: None }),
        ),
        (
            "sh check cli 5",
            ShowCheckpointFacility(CheckpointView::Clients { client: Some(5) }),
        ),
        (
            "show checkpoint statistics buffer-usage",
            ShowCheckpointFacility(CheckpointView::BufferUsage),
        ),
    ];
    for (line, command) in table {
        assert_eq!(&exec(line), command, "{line}");
    }
}

#[test]
fn exec_lines_mean_their_commands_in_full_and_abbreviated() {
    use ExecCommand::*;
    let address = Some(AddressFilter::Address(ip(10, 0, 0, 1)));
    let prefix = Some(AddressFilter::Prefix("10.0.0.0/24".parse().expect("prefix")));
    let table: &[(&str, ExecCommand)] = &[
        (
            "ping 10.0.0.2",
            Ping {
                target: ip(10, 0, 0, 2),
                repeat: None,
            },
        ),
        (
            "p 10.0.0.2 r 1000",
            Ping {
                target: ip(10, 0, 0, 2),
                repeat: Some(1000),
            },
        ),
        ("redundancy force-switchover", RedundancyForceSwitchover),
        ("red f", RedundancyForceSwitchover),
        ("reload", Reload),
        ("show arp", ShowArp),
        ("sh ip ar", ShowArp),
        ("show checkpoint", ShowCheckpoint),
        ("show interfaces", ShowInterfaces { port: None }),
        ("sh int Ethernet1/3", ShowInterfaces { port: Some(OTHER) }),
        ("sh int e 1/3", ShowInterfaces { port: Some(OTHER) }),
        ("sh int e1/3", ShowInterfaces { port: Some(OTHER) }),
        ("show ip cef", ShowIpCef { filter: None }),
        ("show ip cef 10.0.0.1", ShowIpCef { filter: address }),
        ("show ip cef 10.0.0.0/24", ShowIpCef { filter: prefix }),
        ("show ip cef 10.0.0.0 255.255.255.0", ShowIpCef { filter: prefix }),
        ("sh ip int b", ShowIpInterfaceBrief),
        ("show ip route", ShowIpRoute { filter: None }),
        ("sh ip ro 10.0.0.1", ShowIpRoute { filter: address }),
        ("show ip route 10.0.0.0/24", ShowIpRoute { filter: prefix }),
        (
            "show ip route 10.0.0.7 255.255.255.0",
            ShowIpRoute { filter: prefix },
        ),
        ("show platform", ShowPlatform),
        ("show redundancy", ShowRedundancy),
        ("sh red cl", ShowRedundancyClients),
        ("sh red hi", ShowRedundancyHistory),
        ("sh red st", ShowRedundancyStates),
        ("sh red sw hi", ShowRedundancySwitchoverHistory),
        (
            "show redundancy switchover history",
            ShowRedundancySwitchoverHistory,
        ),
        ("sh run", ShowRunningConfig),
        ("show startup-config", ShowStartupConfig),
        ("SHOW VERSION", ShowVersion),
        ("terminal length 0", TerminalLength { lines: 0 }),
        ("wr", WriteMemory),
        ("write memory", WriteMemory),
        ("  wr\tmem  ", WriteMemory),
    ];
    for (line, command) in table {
        assert_eq!(exec(line), *command, "{line}");
    }
}

#[test]
fn mode_commands_lead_where_the_mode_diagram_says() {
    let table = [
        (
            Mode::UserExec,
            "en",
            ModeCommand::Enable,
            Some(Mode::PrivilegedExec),
        ),
        (
            Mode::PrivilegedExec,
            "dis",
            ModeCommand::Disable,
            Some(Mode::UserExec),
        ),
        (
            Mode::PrivilegedExec,
            "conf t",
            ModeCommand::ConfigureTerminal,
            Some(Mode::Global),
        ),
        (Mode::PrivilegedExec, "exit", ModeCommand::Exit, None),
        (Mode::UserExec, "logout", ModeCommand::Logout, None),
        (
            Mode::Global,
            "exit",
            ModeCommand::Exit,
            Some(Mode::PrivilegedExec),
        ),
        (
            Mode::Interface(PORT),
            "exit",
            ModeCommand::Exit,
            Some(Mode::Global),
        ),
        (Mode::Redundancy, "ex", ModeCommand::Exit, Some(Mode::Global)),
        (
            Mode::Redundancy,
            "end",
            ModeCommand::End,
            Some(Mode::PrivilegedExec),
        ),
        (
            Mode::Interface(PORT),
            "en",
            ModeCommand::End,
            Some(Mode::PrivilegedExec),
        ),
    ];
    for (mode, line, command, next) in table {
        assert_eq!(parse(mode, line), Ok(Command::Mode(command)), "{line}");
        assert_eq!(Command::Mode(command).next_mode(&mode), next, "{line}");
    }
}

#[test]
fn interface_settings_carry_the_interface_of_their_mode() {
    let address = ip(10, 0, 0, 1);
    let mask = ip(255, 255, 255, 0);
    let table = [
        (
            "ip address 10.0.0.1 255.255.255.0",
            InterfaceSetting::IpAddress { address, mask },
        ),
        ("no ip address", InterfaceSetting::NoIpAddress(None)),
        (
            "no ip addr 10.0.0.1 255.255.255.0",
            InterfaceSetting::NoIpAddress(Some((address, mask))),
        ),
        ("mtu 9000", InterfaceSetting::Mtu(Some(9000))),
        ("no mtu", InterfaceSetting::Mtu(None)),
        ("no mtu 9000", InterfaceSetting::Mtu(None)),
        ("shut", InterfaceSetting::Shutdown(true)),
        ("no shut", InterfaceSetting::Shutdown(false)),
        (
            "description  to  the  lab ",
            InterfaceSetting::Description(Some("to  the  lab".into())),
        ),
        (
            "description shutdown",
            InterfaceSetting::Description(Some("shutdown".into())),
        ),
        ("no description", InterfaceSetting::Description(None)),
        ("no description to the lab", InterfaceSetting::Description(None)),
    ];
    for (line, setting) in table {
        assert_eq!(config(Mode::Interface(PORT), line), on_port(setting), "{line}");
    }
}

#[test]
fn static_routes_name_their_path_in_three_ways() {
    let network = ip(10, 9, 0, 0);
    let mask = ip(255, 255, 0, 0);
    let hop = ip(10, 0, 0, 2);
    let add = |path, distance| ConfigCommand::IpRoute {
        network,
        mask,
        path,
        distance,
    };
    let remove = |only| ConfigCommand::NoIpRoute { network, mask, only };
    let through = RoutePath::InterfaceNextHop(PORT, hop);
    let table = [
        (
            "ip route 10.9.0.0 255.255.0.0 10.0.0.2",
            add(RoutePath::NextHop(hop), None),
        ),
        (
            "ip route 10.9.0.0 255.255.0.0 10.0.0.2 250",
            add(RoutePath::NextHop(hop), Some(250)),
        ),
        (
            "ip route 10.9.0.0 255.255.0.0 e0/0",
            add(RoutePath::Interface(PORT), None),
        ),
        (
            "ip route 10.9.0.0 255.255.0.0 e0/0 5",
            add(RoutePath::Interface(PORT), Some(5)),
        ),
        (
            "ip route 10.9.0.0 255.255.0.0 Ethernet 0/0 10.0.0.2",
            add(through, None),
        ),
        (
            "ip route 10.9.0.0 255.255.0.0 e0/0 10.0.0.2 5",
            add(through, Some(5)),
        ),
        ("no ip route 10.9.0.0 255.255.0.0", remove(None)),
        (
            "no ip route 10.9.0.0 255.255.0.0 10.0.0.2",
            remove(Some((RoutePath::NextHop(hop), None))),
        ),
        (
            "no ip route 10.9.0.0 255.255.0.0 10.0.0.2 5",
            remove(Some((RoutePath::NextHop(hop), Some(5)))),
        ),
        (
            "no ip route 10.9.0.0 255.255.0.0 e0/0 10.0.0.2",
            remove(Some((through, None))),
        ),
    ];
    for (line, command) in table {
        assert_eq!(config(Mode::Global, line), command, "{line}");
        assert_eq!(
            config(Mode::Interface(OTHER), line),
            command,
            "from a submode: {line}"
        );
        assert_eq!(
            command.next_mode(),
            Mode::Global,
            "a global command leaves the submode"
        );
    }
}

#[test]
fn a_static_route_may_lead_to_the_null_interface() {
    let network = ip(10, 9, 0, 0);
    let mask = ip(255, 255, 0, 0);
    for (name, distance) in [
        ("Null0", None),
        ("null 0", None),
        ("nu0", Some(5)),
        ("Null 0", Some(255)),
    ] {
        let end = distance.map_or(String::new(), |distance| format!(" {distance}"));
        let line = format!("ip route 10.9.0.0 255.255.0.0 {name}{end}");
        let path = RoutePath::Null0;
        let add = ConfigCommand::IpRoute {
            network,
            mask,
            path,
            distance,
        };
        assert_eq!(config(Mode::Global, &line), add, "{line}");
        let only = Some((path, distance));
        let remove = ConfigCommand::NoIpRoute { network, mask, only };
        assert_eq!(config(Mode::Global, &format!("no {line}")), remove, "{line}");
    }
}

#[test]
fn an_interface_name_is_read_glued_apart_and_shortened() {
    for name in ["Ethernet0/0", "ethernet 0/0", "Eth0/0", "e0/0", "e 0/0", "E0/0"] {
        let line = alloc::format!("interface {name}");
        assert_eq!(
            config(Mode::Global, &line),
            ConfigCommand::Interface { port: PORT },
            "{line}"
        );
        assert_eq!(
            config(Mode::Redundancy, &line).next_mode(),
            Mode::Interface(PORT),
            "{line}"
        );
    }
    assert_eq!(
        config(Mode::Global, "int e15/255"),
        ConfigCommand::Interface {
            port: PortId::new(15, 255)
        },
        "the last port there can be"
    );
}

#[test]
fn redundancy_is_configured_in_its_own_mode() {
    assert_eq!(config(Mode::Global, "redundancy").next_mode(), Mode::Redundancy);
    assert_eq!(
        config(Mode::Redundancy, "mode sso"),
        ConfigCommand::RedundancyMode(Some(RedundancyMode::Sso))
    );
    assert_eq!(
        config(Mode::Redundancy, "no mode"),
        ConfigCommand::RedundancyMode(None)
    );
}

#[test]
fn req_25_the_modes_are_rpr_and_sso_and_no_others() {
    assert_eq!(
        config(Mode::Redundancy, "mo r"),
        ConfigCommand::RedundancyMode(Some(RedundancyMode::Rpr))
    );
    for line in ["no mode", "no mode sso", "no mode rpr"] {
        assert_eq!(
            config(Mode::Redundancy, line),
            ConfigCommand::RedundancyMode(None),
            "{line}"
        );
    }
    for (line, column) in [("mode rpr-plus", 8), ("mode none", 5), ("mode hsa", 5)] {
        let error = parse(Mode::Redundancy, line).unwrap_err();
        assert_eq!(
            (error.kind, error.column),
            (ParseErrorKind::Invalid, column),
            "{line}"
        );
    }
}

#[test]
fn timers_of_the_pair_have_a_floor_below_which_they_are_no_numbers() {
    let setting = |line| match config(Mode::Redundancy, line) {
        ConfigCommand::RedundancySetting(setting) => setting,
        other => panic!("{line} is {other:?}"),
    };
    assert_eq!(
        setting("keepalive interval 10"),
        RedundancySetting::KeepaliveIntervalMs(Some(10))
    );
    assert_eq!(
        setting("no keepalive threshold 9"),
        RedundancySetting::KeepaliveThreshold(None)
    );
    assert_eq!(
        setting("notification-timer 1000"),
        RedundancySetting::NotificationTimerMs(Some(1_000))
    );
    for line in [
        "keepalive interval 9",
        "keepalive threshold 2",
        "notification-timer 999",
    ] {
        let error = parse(Mode::Redundancy, line).unwrap_err();
        assert_eq!(error.kind, ParseErrorKind::Invalid, "{line}");
    }
}

#[test]
fn the_configuration_register_is_sixteen_bits_in_hexadecimal() {
    for (text, register) in [("0x2102", 0x2102), ("0X2142", 0x2142), ("0x1", 1)] {
        assert_eq!(
            config(Mode::Global, &format!("config-register {text}")),
            ConfigCommand::ConfigRegister(Some(register))
        );
    }
    assert_eq!(
        config(Mode::Global, "no config-register"),
        ConfigCommand::ConfigRegister(None)
    );
    for text in ["2102", "0x", "0x21021", "0xZ"] {
        let line = format!("config-register {text}");
        assert_eq!(parse(Mode::Global, &line).unwrap_err().column, 16, "{line}");
    }
}

#[test]
fn blank_lines_and_comments_are_nothing() {
    for line in ["", "   ", "!", " ! hostname X", "\t"] {
        assert_eq!(parse(Mode::Global, line), Ok(Command::Empty), "{line:?}");
    }
}

#[test]
fn user_exec_does_not_know_privileged_commands() {
    for line in [
        "configure terminal",
        "reload",
        "write",
        "show running-config",
        "copy r s",
        "red f",
    ] {
        assert!(parse(Mode::PrivilegedExec, line).is_ok(), "{line}");
        let error = parse(Mode::UserExec, line).expect_err(line);
        assert_eq!(error.kind, ParseErrorKind::Invalid, "{line}");
    }
}

#[test]
fn an_exact_keyword_wins_over_a_longer_one() {
    const fn row(id: CommandId, tokens: &'static [Token]) -> Row {
        let (modes, privilege) = (ModeSet::EXEC, Privilege::User);
        Row {
            modes,
            privilege,
            id,
            negated: false,
            hidden: false,
            tokens,
        }
    }
    static ROWS: &[Row] = &[
        row(
            CommandId::ShowVersion,
            &[Token::Keyword {
                word: "show",
                help: "",
            }],
        ),
        row(
            CommandId::ShowArp,
            &[Token::Keyword {
                word: "shower",
                help: "",
            }],
        ),
    ];
    let parse = |line| Grammar::with_rows(ROWS).parse(&Mode::UserExec, line);
    assert_eq!(parse("show"), Ok(Command::Exec(ExecCommand::ShowVersion)));
    assert_eq!(parse("showe"), Ok(Command::Exec(ExecCommand::ShowArp)));
    assert_eq!(
        parse("sho").map_err(|error| error.kind),
        Err(ParseErrorKind::Ambiguous)
    );
}
