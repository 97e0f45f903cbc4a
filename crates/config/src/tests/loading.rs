use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::PORT;
use crate::{Loaded, load};

fn told(loaded: &Loaded) -> Vec<String> {
    loaded.errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_bad_line_of_the_startup_configuration_is_reported_and_the_others_apply() {
    let loaded = load(
        "hostname Edge\ninterface Ethernet0/0\n ip address 10.0.0.1 255.255.255.0\n ip adress 10.0.0.2 255.0.0.0\n mtu 200\n!\n\
         router ospf 1\n neighbor 10.0.0.2 remote-as 1\n!\nip route 10.9.0.1 255.255.0.0 10.0.0.2\nip route\nend\ngarbage after the end\n",
    );
    assert_eq!(
        told(&loaded),
        [
            "line 4, column 7: invalid input: ip adress 10.0.0.2 255.0.0.0",
            "line 7, column 8: invalid input: router ospf 1",
            "line 8, column 1: belongs to the section above, which was refused: neighbor 10.0.0.2 remote-as 1",
            "line 10, column 1: %Inconsistent address and mask: ip route 10.9.0.1 255.255.0.0 10.0.0.2",
            "line 11, column 9: incomplete command: ip route",
        ]
    );
    assert_eq!(loaded.tree.hostname(), "Edge");
    assert_eq!(
        loaded.tree.interface(PORT).map(|interface| interface.mtu),
        Some(200)
    );
}

#[test]
fn lines_below_a_refused_interface_do_not_reach_the_interface_before_it() {
    let loaded = load(
        "interface Ethernet0/0\n!\ninterface Ethernet99/0\n! comment\n shutdown\ninterface Ethernet0/1\n shutdown\n",
    );
    assert_eq!(loaded.errors.len(), 2);
    assert_eq!(
        loaded.tree.interface(PORT).map(|interface| interface.shutdown),
        Some(false)
    );
    assert_eq!(
        loaded
            .tree
            .interfaces()
            .filter(|(_, interface)| interface.shutdown)
            .count(),
        1
    );
}

#[test]
fn exec_commands_and_overlong_lines_are_no_configuration() {
    let loaded = load(&alloc::format!(
        "show version\nexit\n{}\nhostname A\n",
        "x".repeat(300)
    ));
    let told = told(&loaded);
    assert_eq!(told[0], "line 1, column 1: invalid input: show version");
    assert_eq!(told[1], "line 2, column 1: not a configuration command: exit");
    assert!(told[2].starts_with("line 3, column 255: longer than 254 bytes: xxx"));
    assert_eq!((told.len(), loaded.tree.hostname()), (3, "A"));
}

#[test]
fn an_empty_text_is_a_fresh_router_and_line_ends_may_be_of_two_kinds() {
    assert_eq!(load("").tree.hostname(), "Router");
    assert_eq!(
        load("hostname A\r\nredundancy\r\n mode sso\r\nend\r\n"),
        load("hostname A\n")
    );
}
