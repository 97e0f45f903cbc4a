use alloc::string::{String, ToString};
use alloc::vec::Vec;

use machine::PortId;

use super::{Console, OTHER, PORT};
use crate::{
    ConfigLine, ConfigurationTree, InterfaceName, Mode, ReturnCode, RoutePath, STATIC_ROUTES_MAX, load,
};

#[test]
fn a_fresh_chassis_has_interfaces_that_are_up_without_address() {
    let tree = Console::new().tree;
    let interface = tree.interface(PORT).expect("created by the inventory");
    assert_eq!(
        (interface.shutdown, interface.address, interface.mtu),
        (false, None, 1500)
    );
    assert_eq!(
        tree.running_config_text(),
        "!\nversion 1\n!\nhostname Router\n!\nredundancy\n mode sso\n!\n\
         interface Ethernet0/0\n no ip address\n!\ninterface Ethernet1/3\n no ip address\n!\nend\n"
    );
}

#[test]
fn the_running_configuration_is_the_canonical_text_of_what_was_entered() {
    let mut console = Console::new();
    console.lines(
        "host Edge-1\nint e0/0\nip addr 10.0.0.1 255.255.255.0\nmtu 9000\ndesc  to  the lab \nshut\nint e1/3\n\
         ip address 10.0.1.1 255.255.255.254\nred\nmode sso\nip route 0.0.0.0 0.0.0.0 10.0.0.2\n\
         ip route 10.9.0.0 255.255.0.0 e1/3 10.0.1.0 200\nip route 10.8.0.0 255.255.0.0 e1/3",
    );
    assert_eq!(
        console.tree.running_config_text(),
        "!\nversion 1\n!\nhostname Edge-1\n!\nredundancy\n mode sso\n!\n\
         interface Ethernet0/0\n description to  the lab\n ip address 10.0.0.1 255.255.255.0\n mtu 9000\n shutdown\n!\n\
         interface Ethernet1/3\n ip address 10.0.1.1 255.255.255.254\n!\n\
         ip route 0.0.0.0 0.0.0.0 10.0.0.2\n\
         ip route 10.8.0.0 255.255.0.0 Ethernet1/3\n\
         ip route 10.9.0.0 255.255.0.0 Ethernet1/3 10.0.1.0 200\n!\nend\n"
    );
    let loaded = load(&console.tree.running_config_text());
    assert_eq!((loaded.errors.len(), &loaded.tree), (0, &console.tree));
}

#[test]
fn no_forms_take_back_what_was_set() {
    let mut console = Console::new();
    let fresh = console.tree.clone();
    console.lines(
        "hostname X\nno hostname\nip route 10.9.0.0 255.255.0.0 10.0.0.2\nip route 10.9.0.0 255.255.0.0 e0/0 9\n\
         no ip route 10.9.0.0 255.255.0.0\ninterface e0/0\nip address 10.0.0.1 255.0.0.0\nno ip address\nmtu 100\n\
         no mtu\nshutdown\nno shutdown\ndescription x\nno description\nredundancy\nno mode\nkeepalive interval 100\nno keepalive interval\nmaintenance-mode\nno maintenance-mode",
    );
    assert_eq!(console.tree, fresh);
}

#[test]
fn a_command_that_holds_already_is_unchanged() {
    let mut console = Console::new();
    for line in [
        "hostname A",
        "ip route 1.0.0.0 255.0.0.0 2.0.0.1",
        "interface e0/0",
        "mtu 100",
        "shutdown",
    ] {
        let expected = if line == "interface e0/0" {
            ReturnCode::Unchanged
        } else {
            ReturnCode::Applied
        };
        assert_eq!(console.line(line), Ok(expected), "{line}");
        assert_eq!(console.line(line), Ok(ReturnCode::Unchanged), "{line} again");
    }
    assert_eq!(
        console.line("ip route 1.0.0.0 255.0.0.0 2.0.0.1 7"),
        Ok(ReturnCode::Applied),
        "new distance"
    );
    assert_eq!(
        console.tree.static_routes().count(),
        1,
        "the distance was replaced, not a route added"
    );
}

#[test]
fn refused_commands_say_what_and_where_and_leave_no_trace() {
    let mut console = Console::new();
    console.lines(
        "ip route 10.9.0.0 255.255.0.0 10.0.0.2\nint e1/3\nip address 10.0.1.1 255.255.255.0\nint e0/0",
    );
    let table = [
        (
            "ip address 10.0.0.0 255.255.255.0",
            "% Bad mask /24 for address 10.0.0.0",
        ),
        (
            "ip address 10.0.0.255 255.255.255.0",
            "% Bad mask /24 for address 10.0.0.255",
        ),
        (
            "ip address 10.0.0.1 255.255.255.255",
            "% Bad mask /32 for address 10.0.0.1",
        ),
        (
            "ip address 10.0.0.1 255.0.255.0",
            "% Bad mask 255.0.255.0 for address 10.0.0.1: its ones are not contiguous",
        ),
        (
            "ip address 224.0.0.5 255.0.0.0",
            "% Not a valid host address - 224.0.0.5",
        ),
        (
            "ip address 127.0.0.1 255.0.0.0",
            "% Not a valid host address - 127.0.0.1",
        ),
        (
            "ip address 0.0.0.1 255.0.0.0",
            "% Not a valid host address - 0.0.0.1",
        ),
        (
            "ip address 10.0.0.1 255.255.0.0",
            "% 10.0.0.0 overlaps with Ethernet1/3",
        ),
        (
            "ip address 10.0.1.130 255.255.255.128",
            "% 10.0.1.128 overlaps with Ethernet1/3",
        ),
        (
            "ip address 10.0.0.2 255.255.255.0",
            "% 10.0.0.2 is the next hop of a static route to 10.9.0.0/16: remove that route first",
        ),
        (
            "no ip address 10.0.0.1 255.255.255.0",
            "% Address 10.0.0.1 with this mask is not configured on Ethernet0/0",
        ),
        (
            "ip route 10.9.0.1 255.255.0.0 10.0.0.9",
            "%Inconsistent address and mask",
        ),
        (
            "ip route 10.9.0.0 255.0.255.0 10.0.0.9",
            "%Inconsistent address and mask",
        ),
        (
            "no ip route 10.9.0.1 255.255.0.0",
            "%Inconsistent address and mask",
        ),
        (
            "ip route 224.0.0.0 240.0.0.0 10.0.0.9",
            "%Invalid destination prefix 224.0.0.0/4",
        ),
        (
            "ip route 127.0.0.0 255.0.0.0 10.0.0.9",
            "%Invalid destination prefix 127.0.0.0/8",
        ),
        (
            "ip route 10.8.0.0 255.255.0.0 255.255.255.255",
            "%Invalid next hop address 255.255.255.255",
        ),
        (
            "ip route 10.8.0.0 255.255.0.0 10.0.1.1",
            "%Invalid next hop address 10.0.1.1 (it's this router, on Ethernet1/3)",
        ),
        (
            "ip route 10.8.0.0 255.255.0.0 e2/0",
            "% Interface Ethernet2/0 does not exist: create it with \"interface Ethernet2/0\" first",
        ),
        ("no ip route 10.8.0.0 255.255.0.0", "%No matching route to delete"),
        (
            "no ip route 10.9.0.0 255.255.0.0 10.0.0.2 7",
            "%No matching route to delete",
        ),
        (
            "no interface e0/0",
            "% Removal of physical interfaces is not permitted: Ethernet0/0",
        ),
        (
            "hostname 9lives",
            "% Hostname \"9lives\" contains one or more illegal characters: use letters, digits and hyphens, 63 at \
             most, a letter first",
        ),
    ];
    for (line, expected) in table {
        assert_eq!(console.refused(line), expected, "{line}");
    }
}

#[test]
fn host_names_follow_rfc_1035() {
    let mut console = Console::new();
    let longest = "a".repeat(63);
    for name in ["a", "R1", "edge-1", longest.as_str()] {
        assert!(console.line(&alloc::format!("hostname {name}")).is_ok(), "{name}");
    }
    let too_long = "a".repeat(64);
    for name in ["-a", "a-", "a_b", "a.b", "grün", too_long.as_str()] {
        console.refused(&alloc::format!("hostname {name}"));
    }
}

#[test]
fn a_description_has_a_bound_and_no_control_characters() {
    let mut console = Console::new();
    console.lines("interface e0/0");
    assert!(
        console
            .line(&alloc::format!("description {}", "x".repeat(240)))
            .is_ok()
    );
    console.refused(&alloc::format!("description {}", "x".repeat(241)));
    console.refused("description bell\u{7}");
}

#[test]
fn an_interface_changes_its_address_within_its_own_network() {
    let mut console = Console::new();
    console.lines("interface e0/0\nip address 10.0.0.1 255.255.255.0\nip address 10.0.0.2 255.255.255.128");
    let address = console
        .tree
        .interface(PORT)
        .and_then(|interface| interface.address)
        .expect("an address");
    assert_eq!(address.to_string(), "10.0.0.2/25");
}

#[test]
fn the_next_hop_check_forgets_a_removed_route_but_not_its_sibling() {
    let mut console = Console::new();
    console.lines(
        "ip route 10.9.0.0 255.255.0.0 10.0.0.2\nip route 10.9.0.0 255.255.0.0 e0/0 10.0.0.2\ninterface e0/0",
    );
    console.lines("no ip route 10.9.0.0 255.255.0.0 10.0.0.2\ninterface e0/0");
    console.refused("ip address 10.0.0.2 255.255.255.0");
    console.lines("no ip route 10.9.0.0 255.255.0.0 e0/0 10.0.0.2\ninterface e0/0");
    console.lines("ip address 10.0.0.2 255.255.255.0");
}

#[test]
fn a_route_to_null0_is_written_as_one_word_and_goes_away_alone() {
    let mut console = Console::new();
    let fresh = console.tree.digest();
    console.lines(
        "ip route 203.0.113.0 255.255.255.0 null 0\nip route 203.0.113.0 255.255.255.0 10.0.0.2 9\n\
         ip route 198.51.100.0 255.255.255.0 nul0 250",
    );
    let lines = console.tree.running_config();
    let routes: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .filter(|line| line.starts_with("ip route"))
        .collect();
    assert_eq!(
        routes,
        [
            "ip route 198.51.100.0 255.255.255.0 Null0 250",
            "ip route 203.0.113.0 255.255.255.0 10.0.0.2 9",
            "ip route 203.0.113.0 255.255.255.0 Null0",
        ]
    );
    assert_eq!(
        console.refused("no ip route 203.0.113.0 255.255.255.0 Null0 9"),
        "%No matching route to delete"
    );
    console.lines(
        "no ip route 203.0.113.0 255.255.255.0 Null0\nno ip route 198.51.100.0 255.255.255.0 Null0 250",
    );
    assert_eq!(console.tree.static_routes().count(), 1);
    console.lines("no ip route 203.0.113.0 255.255.255.0");
    assert_eq!(console.tree.digest(), fresh);
    for (line, column) in [
        ("ip route 203.0.113.0 255.255.255.0 Null1", 39),
        ("ip route 203.0.113.0 255.255.255.0 Null0 10.0.0.2", 41),
    ] {
        let error = super::parse(Mode::Global, line).unwrap_err();
        assert_eq!(
            (error.kind, error.column),
            (crate::ParseErrorKind::Invalid, column),
            "{line}"
        );
    }
}

#[test]
fn static_routes_are_bounded() {
    let mut tree = ConfigurationTree::new();
    let route = |number: u32| crate::ConfigCommand::IpRoute {
        network: core::net::Ipv4Addr::from(0x0a00_0000 + number),
        mask: core::net::Ipv4Addr::BROADCAST,
        path: RoutePath::NextHop(core::net::Ipv4Addr::new(9, 0, 0, 1)),
        distance: None,
    };
    for number in 0..STATIC_ROUTES_MAX {
        assert_eq!(tree.apply(&route(number as u32)), Ok(ReturnCode::Applied));
    }
    let error = tree
        .apply(&route(STATIC_ROUTES_MAX as u32))
        .expect_err("one too many");
    assert_eq!(
        error.to_string(),
        "% Limit of 65536 static routes reached: remove one first"
    );
    assert_eq!(
        tree.apply(&route(7)),
        Ok(ReturnCode::Unchanged),
        "a known route is no new one"
    );
}

#[test]
fn req_32_two_route_processors_come_to_the_same_digest_and_codes() {
    let mut active = Console::new();
    let mut standby = active.tree.clone();
    let lines = [
        "hostname A",
        "interface e0/0",
        "ip address 10.0.0.1 255.0.0.0",
        "mtu 200",
        "shutdown",
    ];
    for line in lines {
        let mode = active.mode;
        let command = super::config(mode, line);
        let code = active.line(line).expect(line);
        assert_eq!(standby.execute(&command.to_line()), code, "{line}");
        assert_eq!(standby.digest(), active.tree.digest(), "{line}");
    }
    let bad = ConfigLine {
        mode: Mode::Interface(OTHER),
        text: "ip address 10.0.0.2 255.0.0.0".to_string(),
    };
    assert_eq!(standby.execute(&bad), ReturnCode::Overlap);
    let unknown = ConfigLine {
        mode: Mode::Global,
        text: "router ospf 1".to_string(),
    };
    assert_eq!(standby.execute(&unknown), ReturnCode::NotParsed);
    assert_eq!(standby, active.tree);
}

#[test]
fn digests_tell_trees_apart_and_are_stable_over_releases() {
    let mut console = Console::new();
    let fresh = console.tree.digest();
    assert_eq!(
        ConfigurationTree::new().digest(),
        16_854_791_052_932_875_338,
        "golden: a release that changes this breaks mixed pairs"
    );
    console.lines("interface e0/0\nshutdown");
    assert_ne!(console.tree.digest(), fresh);
    console.lines("no shutdown");
    assert_eq!(console.tree.digest(), fresh);
    console.lines("ip route 10.9.0.0 255.255.0.0 10.0.0.2 7");
    let with_route = console.tree.digest();
    assert_ne!(with_route, fresh);
    console.lines("ip route 10.9.0.0 255.255.0.0 10.0.0.2");
    assert_ne!(console.tree.digest(), with_route, "the distance counts");
    console.lines("no ip route 10.9.0.0 255.255.0.0");
    assert_eq!(console.tree.digest(), fresh);
}

#[test]
fn return_codes_keep_their_numbers() {
    for (number, code) in ReturnCode::ALL.into_iter().enumerate() {
        assert_eq!(code.to_u32(), number as u32);
        assert_eq!(ReturnCode::from_u32(number as u32), Some(code));
    }
    assert_eq!(ReturnCode::from_u32(ReturnCode::ALL.len() as u32), None);
}

#[test]
fn interface_names_have_a_long_and_a_short_form() {
    let name = InterfaceName(PortId::new(1, 3));
    assert_eq!(
        alloc::format!("{name}|{name:#}|{name:14}|"),
        "Ethernet1/3|Et1/3|Ethernet1/3   |"
    );
    for text in ["Ethernet1/3", "et1/3", "E1/3"] {
        assert_eq!(text.parse(), Ok(name), "{text}");
    }
    for text in [
        "",
        "1/3",
        "Ethernet",
        "Ethernet1",
        "Ethernet16/0",
        "Ethernet1/256",
        "e+1/3",
        "Serial1/3",
        "Ethernetx1/3",
    ] {
        assert!(text.parse::<InterfaceName>().is_err(), "{text}");
    }
}
