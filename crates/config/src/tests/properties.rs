use alloc::string::String;
use alloc::vec;
use core::net::Ipv4Addr;

use machine::PortId;
use proptest::prelude::*;

use super::MODES;
use crate::{
    Command, ConfigCommand, ConfigurationTree, Grammar, InterfaceSetting, RedundancyMode, RedundancySetting,
    RoutePath, load,
};

fn port() -> impl Strategy<Value = PortId> {
    (0u8..3, 0u8..3).prop_map(|(card, port)| PortId::new(card, port))
}

/// Addresses that meet each other often, and a few that are wrong.
fn address() -> impl Strategy<Value = Ipv4Addr> {
    prop_oneof![
        8 => (0u8..3, 0u8..6).prop_map(|(network, host)| Ipv4Addr::new(10, 0, network, host)),
        1 => any::<u32>().prop_map(Ipv4Addr::from),
    ]
}

fn mask() -> impl Strategy<Value = Ipv4Addr> {
    prop_oneof![8 => (0u8..=32).prop_map(packet::netmask), 1 => any::<u32>().prop_map(Ipv4Addr::from)]
}

/// Networks that fit their masks most of the time.
fn network() -> impl Strategy<Value = (Ipv4Addr, Ipv4Addr)> {
    prop_oneof![
        4 => (address(), mask()).prop_map(|(address, mask)| (address & mask, mask)),
        1 => (address(), mask()),
    ]
}

fn path() -> impl Strategy<Value = RoutePath> {
    prop_oneof![
        address().prop_map(RoutePath::NextHop),
        port().prop_map(RoutePath::Interface),
        (port(), address()).prop_map(|(port, hop)| RoutePath::InterfaceNextHop(port, hop)),
        Just(RoutePath::Null0),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z!?é ]{0,20}x", "x[a-z^ ]{0,250}y", "[a-z]\u{7}"].prop_map(|text| text.trim().into())
}

fn distance() -> impl Strategy<Value = Option<u8>> {
    proptest::option::of(1u8..=255)
}

fn setting() -> impl Strategy<Value = InterfaceSetting> {
    prop_oneof![
        proptest::option::of(text()).prop_map(InterfaceSetting::Description),
        (address(), mask()).prop_map(|(address, mask)| InterfaceSetting::IpAddress { address, mask }),
        proptest::option::of((address(), mask())).prop_map(InterfaceSetting::NoIpAddress),
        proptest::option::of(64u16..=9216).prop_map(InterfaceSetting::Mtu),
        any::<bool>().prop_map(InterfaceSetting::Shutdown),
    ]
}

fn redundancy_command() -> impl Strategy<Value = ConfigCommand> {
    let mode = proptest::sample::select(&[RedundancyMode::Sso, RedundancyMode::Rpr][..]);
    prop_oneof![
        proptest::option::of(mode).prop_map(ConfigCommand::RedundancyMode),
        redundancy_setting().prop_map(ConfigCommand::RedundancySetting),
        proptest::option::of(any::<u16>()).prop_map(ConfigCommand::ConfigRegister),
    ]
}

fn redundancy_setting() -> impl Strategy<Value = RedundancySetting> {
    let value = |range: core::ops::RangeInclusive<u32>| proptest::option::of(range);
    prop_oneof![
        value(10..=60_000).prop_map(RedundancySetting::KeepaliveIntervalMs),
        value(3..=1_000).prop_map(RedundancySetting::KeepaliveThreshold),
        value(1_000..=3_600_000).prop_map(RedundancySetting::NotificationTimerMs),
        any::<bool>().prop_map(RedundancySetting::MaintenanceMode),
        any::<bool>().prop_map(RedundancySetting::HeadlessForwardingDisable),
    ]
}

fn command() -> impl Strategy<Value = ConfigCommand> {
    prop_oneof![
        1 => "[0-9.]{1,8}".prop_map(ConfigCommand::Version),
        1 => proptest::option::of("[a-zA-Z0-9_-]{1,70}").prop_map(ConfigCommand::Hostname),
        4 => port().prop_map(|port| ConfigCommand::Interface { port }),
        1 => port().prop_map(|port| ConfigCommand::NoInterface { port }),
        12 => (port(), setting()).prop_map(|(port, setting)| ConfigCommand::Setting { port, setting }),
        8 => (network(), path(), distance()).prop_map(|((network, mask), path, distance)| {
            ConfigCommand::IpRoute { network, mask, path, distance }
        }),
        3 => (network(), proptest::option::of((path(), distance()))).prop_map(|((network, mask), only)| {
            ConfigCommand::NoIpRoute { network, mask, only }
        }),
        1 => Just(ConfigCommand::Redundancy),
        5 => redundancy_command(),
        8 => super::bgp::command(),
        8 => super::policy::command(),
    ]
}

/// Words of the language in any order, with noise between them.
fn almost_a_line() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        6 => proptest::sample::select(
            &["show", "sh", "ip", "route", "no", "interface", "e0/0", "Ethernet", "0/0", "10.0.0.1", "255.0.0.0",
              "address", "mtu", "1500", "description", "redundancy", "mode", "rpr", "config-register", "0x2142", "keepalive", "e", "exit", "?", "1.2.3.4/40",
              "router", "bgp", "65000", "neighbor", "remote-as", "UP", "peer-group", "password", "7", "default"][..]
        ).prop_map(String::from),
        1 => "\\PC{0,6}",
        1 => Just(String::from("\t\u{a0}é\u{0}")),
    ];
    proptest::collection::vec(word, 0..8).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn the_text_of_a_command_parses_to_that_command(command in command()) {
        let again = Grammar::standard().parse(&command.mode(), &command.text());
        prop_assert_eq!(again, Ok(Command::Configure(command)));
    }

    #[test]
    fn the_canonical_text_of_a_tree_builds_that_tree(commands in proptest::collection::vec(command(), 0..60)) {
        let mut tree = ConfigurationTree::new();
        for command in &commands {
            let before = tree.clone();
            match tree.apply(command) {
                Ok(crate::ReturnCode::Unchanged) | Err(_) => prop_assert_eq!(&tree, &before, "{:?}", command),
                Ok(code) => {
                    prop_assert_eq!(code, crate::ReturnCode::Applied);
                    prop_assert_ne!(&tree, &before, "{:?}", command);
                }
            }
        }
        let loaded = load(&tree.running_config_text());
        prop_assert_eq!(loaded.errors, []);
        prop_assert_eq!(loaded.tree.digest(), tree.digest());
        prop_assert_eq!(&loaded.tree, &tree);
        let mut executed = ConfigurationTree::new();
        for line in tree.lines() {
            executed.execute(&line);
        }
        prop_assert_eq!(&executed, &tree);
    }

    #[test]
    fn no_line_panics_anywhere_and_every_marker_is_within_the_line(line in almost_a_line()) {
        for mode in MODES {
            if let Err(error) = Grammar::standard().parse(&mode, &line) {
                prop_assert!(error.column <= line.chars().count());
                error.render(20);
            }
            Grammar::standard().help(&mode, &line).render();
            Grammar::standard().complete(&mode, &line);
        }
        load(&line);
    }
}
