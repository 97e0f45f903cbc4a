use super::*;
use crate::test_directory::TestDirectory;
use proptest::prelude::*;

#[test]
fn the_default_chassis_has_two_rps_and_a_host_at_each_of_four_ports() {
    let chassis = ChassisFile::load(None).unwrap();
    assert_eq!(chassis.name, "holdover");
    assert_eq!(chassis.route_processors, RpSlot::ALL);
    assert_eq!(chassis.timers, Timers::default());
    let ports: Vec<String> = chassis
        .cards
        .iter()
        .flat_map(|card| {
            card.ports
                .iter()
                .map(move |port| format!("{}/{} {} {}", card.slot, port.number, port.wire, port.mtu))
        })
        .collect();
    assert_eq!(
        ports,
        [
            "0/0 mem host00 1500",
            "0/1 mem host01 1500",
            "1/0 mem host10 1500",
            "1/1 mem host11 1500"
        ]
    );
    let hosts: Vec<String> = chassis
        .hosts
        .iter()
        .map(|host| format!("{} {} via {}", host.wire, host.address, host.gateway))
        .collect();
    assert_eq!(
        hosts,
        [
            "host00 10.0.0.2/24 via 10.0.0.1",
            "host01 10.0.1.2/24 via 10.0.1.1",
            "host10 10.1.0.2/24 via 10.1.0.1",
            "host11 10.1.1.2/24 via 10.1.1.1",
        ]
    );
    for card in &chassis.cards {
        for port in &card.ports {
            assert!(
                chassis
                    .startup_config
                    .contains(&format!("interface Ethernet{}/{}\n", card.slot, port.number))
            );
        }
    }
    assert_eq!(
        chassis.link_address(Path::new("/r")).to_string(),
        "unix:/r/rp-link.sock"
    );
}

#[test]
fn every_part_of_a_file_is_read() {
    let chassis = ChassisFile::parse(
        r#"
        name = "lab"
        startup_config = "hostname Lab"
        memory_mib = 512
        [link]
        address = "tcp:127.0.0.1:7000"
        [timers]
        keepalive_interval_ms = 10
        keepalive_limit_ms = 100
        ack_stall_limit_ms = 50
        [[route_processors]]
        slot = "R1"
        host = "local"
        image_version = "Version 9"
        [[cards]]
        slot = 3
        ports = [
            { number = 1, wire = "packet:eth1", mac = "aabb.cc00.0100", mtu = 9000 },
            { number = 0, wire = "udp:127.0.0.1:1,[::1]:2" },
        ]
        "#,
    )
    .unwrap();
    assert_eq!(
        (chassis.name.as_str(), chassis.startup_config.as_str()),
        ("lab", "hostname Lab")
    );
    assert_eq!(
        chassis.link_address(Path::new("/r")).to_string(),
        "tcp:127.0.0.1:7000"
    );
    assert_eq!(chassis.timers.ack_stall_limit, Duration::from_millis(50));
    assert_eq!(chassis.route_processors, [RpSlot::R1]);
    assert_eq!(chassis.image_versions, [None, Some("Version 9".into())]);
    assert_eq!(chassis.memory_bytes_max, Some(512 << 20));
    let card = chassis.card(CardSlot(3)).unwrap();
    assert_eq!(card.ports[0].wire.to_string(), "udp 127.0.0.1:1 [::1]:2");
    assert_eq!(card.ports[1].wire.to_string(), "packet eth1");
    assert_eq!(
        (card.ports[1].mac.to_string().as_str(), card.ports[1].mtu),
        ("aabb.cc00.0100", 9000)
    );
}

#[test]
fn what_is_wrong_is_named_with_line_column_and_hint() {
    let card = "name = \"lab\"\n[[cards]]\nslot = 0\n";
    let host = "name = \"lab\"\n[[cards]]\nslot = 0\nports = [{ number = 0, wire = \"mem:a\" }]\n[[hosts]]\nname = \"h\"\n";
    let timers = "name = \"lab\"\n[timers]\n";
    let rps = "name = \"lab\"\n[[route_processors]]\n";
    let cases: &[(&str, &str, &str)] = &[
        (
            "",
            "",
            "line 1, column 1: missing field `name`\n  hint: a chassis file starts with a line like: name = \"lab\"",
        ),
        (
            "name = \"lab\"\nname",
            "",
            "line 2, column 5: key with no value, expected `=`",
        ),
        (
            "name = \"lab\"\ncolour = 1",
            "",
            "line 2, column 1: unknown field `colour`, expected one of `name`, `startup_config`, `crash_space_mib`, `memory_mib`, `link`, `timers`, `route_processors`, `cards`, `hosts`",
        ),
        (
            "name = 7",
            "",
            "line 1, column 8: invalid type: integer `7`, expected a string",
        ),
        (
            "name = \"a/b\"",
            "",
            "line 1, column 8: 'a/b' is not a chassis name\n  hint: 1 to 32 letters, digits, '-' and '_', not starting with '-'",
        ),
        (
            "name = \"lab\"\n[link]\naddress = \"here\"",
            "",
            "line 3, column 11: 'here' is no address: it starts with 'unix:' or 'tcp:'\n  hint: unix:/PATH or tcp:ADDRESS:PORT",
        ),
        (
            timers,
            "keepalive_limit_ms = 0",
            "line 3, column 22: 0 milliseconds are out of range\n  hint: 1 to 60000",
        ),
        (
            timers,
            "keepalive_limit_ms = 49",
            "line 3, column 22: a limit of 49 ms is less than two keepalive intervals of 25 ms\n  hint: raise keepalive_limit_ms or lower keepalive_interval_ms",
        ),
        (
            timers,
            "keepalive_limit_ms = -4",
            "line 3, column 22: invalid value: integer `-4`, expected u64",
        ),
        (
            rps,
            "slot = \"R2\"\nhost = \"local\"",
            "line 3, column 8: 'R2' is no slot of a route processor\n  hint: \"R0\" or \"R1\"",
        ),
        (
            rps,
            "slot = \"R0\"\nhost = \"10.0.0.9\"",
            "line 4, column 8: route processor R0 is on host '10.0.0.9'\n  hint: only \"local\" works so far: two hosts have no shared memory, and without a third opinion (a remote arbiter) each would take the other's silence for its death, and both be active",
        ),
        (
            rps,
            "slot = \"R0\"\nhost = \"local\"\n[[route_processors]]\nslot = \"R0\"\nhost = \"local\"",
            "line 6, column 8: slot R0 is described twice",
        ),
        (
            rps,
            "slot = \"R0\"\nhost = \"local\"\nimage_version = \" \"",
            "line 5, column 17: ' ' is no name of an image: 1 to 63 printable ASCII characters\n  hint: as in \"Version 0.1.0\"",
        ),
        (
            "name = \"lab\"\nmemory_mib = 0",
            "",
            "line 2, column 14: 0 MiB are out of range\n  hint: 1 to 1048576",
        ),
        (
            "name = \"lab\"\nroute_processors = []",
            "",
            "line 2, column 20: a chassis has at least one route processor\n  hint: R0, R1 or both",
        ),
        (
            "name = \"lab\"\n[[cards]]\nslot = 16\nports = []",
            "",
            "line 3, column 8: 16 is not a line card's slot\n  hint: 0 to 15",
        ),
        (
            card,
            "ports = []\n[[cards]]\nslot = 0\nports = []",
            "line 6, column 8: card 0 is described twice",
        ),
        (card, "", "line 2, column 1: missing field `ports`"),
        (
            card,
            "ports = [{ number = 0, wire = \"tape\" }]",
            "line 4, column 31: 'tape' is no wire\n  hint: \"mem:NAME\", \"udp:LOCAL,REMOTE\" or \"packet:INTERFACE\"",
        ),
        (
            card,
            "ports = [{ number = 0, wire = \"udp:127.0.0.1:1\" }]",
            "line 4, column 31: 'udp:127.0.0.1:1' is no wire\n  hint: \"udp:LOCAL,REMOTE\", both ADDRESS:PORT, as in \"udp:127.0.0.1:7001,127.0.0.1:7002\"",
        ),
        (
            card,
            "ports = [{ number = 0, wire = \"packet:a-very-long-name\" }]",
            "line 4, column 31: 'packet:a-very-long-name' is no wire\n  hint: \"packet:INTERFACE\", the name of a network interface of 1 to 15 characters",
        ),
        (
            card,
            "ports = [\n  { number = 0, wire = \"mem:a\" },\n  { number = 0, wire = \"mem:b\" },\n]",
            "line 6, column 14: port 0/0 is described twice",
        ),
        (
            card,
            "ports = [\n  { number = 0, wire = \"mem:a\" },\n  { number = 1, wire = \"mem:a\" },\n]",
            "line 6, column 24: the wire 'a' is at port 0/0 already\n  hint: a wire has one port at one end and one host at the other",
        ),
        (
            card,
            "ports = [{ number = 0, wire = \"mem:a\", mac = \"ff:ff:ff:ff:ff:ff\" }]",
            "line 4, column 46: ffff.ffff.ffff is no address of a single station",
        ),
        (
            card,
            "ports = [{ number = 0, wire = \"mem:a\", mtu = 20 }]",
            "line 4, column 46: 20 is not an MTU in bytes\n  hint: 68 to 9216",
        ),
        (
            card,
            "ports = [{ number = 0, wire = \"mem:a\", speed = 20 }]",
            "line 4, column 40: unknown field `speed`, expected one of `number`, `wire`, `mac`, `mtu`",
        ),
        (
            host,
            "wire = \"mem:a\"\naddress = \"10.0.0.2/24\"\ngateway = \"10.0.0.1\"",
            "line 7, column 8: no port has the wire \"mem:mem:a\"\n  hint: the name only, without 'mem:'",
        ),
        (
            host,
            "wire = \"a\"\naddress = \"10.0.0.2/24\"\ngateway = \"10.0.1.1\"",
            "line 9, column 11: 10.0.1.1 is no neighbour of 10.0.0.2/24\n  hint: an address of the host's own network",
        ),
    ];
    for (start, rest, expected) in cases {
        let text = format!("{start}{rest}");
        let error = ChassisFile::parse(&text).expect_err(&text);
        assert_eq!(error.to_string(), *expected, "{text}");
    }
}

#[test]
fn an_error_in_a_file_names_the_file_and_columns_count_characters() {
    let directory = TestDirectory::new("chassis");
    let path = directory.path().join("c.toml");
    std::fs::write(&path, "startup_config = 'Füße' name").unwrap();
    let error = ChassisFile::load(Some(&path)).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("{}:1:25: ", path.display())),
        "{error}"
    );
    std::fs::write(&path, b"name = \"l\"\n# \xff").unwrap();
    let error = ChassisFile::load(Some(&path)).unwrap_err().to_string();
    assert_eq!(error, format!("{}:2:3: this is not UTF-8 text", path.display()));
    let error = ChassisFile::load(Some(&directory.path().join("none")))
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("none: no such file"), "{error}");
}

#[test]
fn derived_mac_addresses_stay_and_differ_by_chassis_and_port() {
    let mac = port_mac("holdover", PortId::new(1, 2));
    assert_eq!(mac, port_mac("holdover", PortId::new(1, 2)));
    assert!(mac.is_unicast() && mac.0[0] & 2 == 2);
    assert_ne!(mac, port_mac("holdover", PortId::new(1, 3)));
    assert_ne!(mac, port_mac("lab", PortId::new(1, 2)));
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[a-z\\[\\]{}=\"'.:,# \n0-9é]{0,200}") {
        let _ = ChassisFile::parse(&text);
    }

    #[test]
    fn no_damage_to_a_good_file_makes_the_reader_panic(at in 0..DEFAULT_CHASSIS.len(), byte in 32u8..127) {
        let mut bytes = DEFAULT_CHASSIS.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = ChassisFile::parse(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn req_26_two_hosts_are_refused_with_the_reason() {
    let text = "name = \"lab\"\n[[route_processors]]\nslot = \"R0\"\nhost = \"local\"\n[[route_processors]]\nslot = \"R1\"\nhost = \"10.0.0.9\"\n";
    let refusal = ChassisFile::parse(text)
        .expect_err("nobody could decide who is active")
        .to_string();
    for words in ["R1 is on host '10.0.0.9'", "remote arbiter", "both be active"] {
        assert!(refusal.contains(words), "{words}: {refusal}");
    }
}
