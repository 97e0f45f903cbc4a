//! What hosts see of the router, and what it sees of their links.

use crate::lab::{HOST_A, HOST_B, Lab, ROUTER_A, ROUTER_B, UDP_WIRE};
use crate::router::Slot;
use crate::tools::{self, Namespace, Tool, wait_until};

// `ping` waits for its last answer for one interval only (or twice the longest round trip): the interval is the patience
// of these tests.
const TOOLS: &[&str] = &["ip", "ping", "iperf3", "ethtool"];

#[test]
fn hosts_see_a_router() {
    let Some(_turn) = crate::ready("hosts_see_a_router", TOOLS) else {
        return;
    };
    let lab = Lab::start("view");
    let active = lab.router.wait_for_pair();
    let a = &lab.host_a;
    for address in [HOST_B, ROUTER_A, ROUTER_B] {
        let said = a.run(&format!("ping -c 3 -i 0.5 -W 5 {address}"));
        assert!(said.contains(" 0% packet loss"), "{said}");
    }
    offloads_are_as_veth_pairs_have_them(&lab);
    hosts_resolve_the_ports(&lab, active);
    let said = a.try_run(&format!("ping -c 1 -W 5 -t 1 {HOST_B}"));
    assert!(
        said.contains(&format!("From {ROUTER_A} icmp_seq=1 Time to live exceeded")),
        "{said}"
    );
    let said = a.run(&format!("ping -c 2 -i 0.5 -W 5 -s 4000 {HOST_B}"));
    assert!(said.contains(" 0% packet loss"), "fragments pass: {said}");
    a_small_mtu_is_told_or_bridged(&lab, active);
    println!("{}", throughput(&lab));
}

/// Nobody has switched off what makes frames unfinished.
fn offloads_are_as_veth_pairs_have_them(lab: &Lab) {
    for (namespace, interface) in [
        (&lab.host_a, "eth0"),
        (&lab.router.namespace, "to-a"),
        (&lab.router.namespace, "to-b"),
        (&lab.host_b, "eth0"),
    ] {
        let features = namespace.run(&format!("ethtool -k {interface}"));
        for feature in ["tx-checksumming: on", "tcp-segmentation-offload: on"] {
            assert!(features.contains(feature), "{interface}: {features}");
        }
    }
}

/// What the hosts hold as the router's MAC address is what the router says of its port.
fn hosts_resolve_the_ports(lab: &Lab, active: Slot) {
    let interfaces = lab.router.console(active, "show interfaces\n");
    for (host, gateway) in [(&lab.host_a, ROUTER_A), (&lab.host_b, ROUTER_B)] {
        let neighbour = tools::ip(&format!("-n {} neighbour show {gateway}", host.name()));
        let words: Vec<&str> = neighbour.split_whitespace().collect();
        let at = words
            .iter()
            .position(|word| *word == "lladdr")
            .expect("an answer to ARP");
        let digits: Vec<char> = words[at + 1].chars().filter(|c| *c != ':').collect();
        let groups: Vec<String> = digits.chunks(4).map(|group| group.iter().collect()).collect();
        let address = groups.join(".");
        assert!(interfaces.contains(&address), "{address} in {interfaces}");
    }
}

/// With DF the sender hears of the MTU behind the router; without, the router fragments.
fn a_small_mtu_is_told_or_bridged(lab: &Lab, active: Slot) {
    let a = &lab.host_a;
    let configure = |line: &str| {
        let script = format!("enable\nconfigure terminal\ninterface Ethernet1/0\n{line}\nend\n");
        let said = lab.router.console(active, &script);
        assert!(!said.contains("REJECTED"), "{said}");
    };
    configure("mtu 1000");
    let said = a.try_run(&format!("ping -c 1 -W 5 -M do -s 1200 {HOST_B}"));
    assert!(
        said.contains(&format!(
            "From {ROUTER_A} icmp_seq=1 Frag needed and DF set (mtu = 1000)"
        )),
        "{said}"
    );
    tools::ip(&format!("-n {} route flush cache", a.name()));
    let reassembled = || tools::kernel_counter(&lab.host_b.run("cat /proc/net/snmp"), "Ip", "ReasmOKs");
    let before = reassembled();
    let said = a.run(&format!("ping -c 2 -i 0.5 -W 5 -M dont -s 1200 {HOST_B}"));
    assert!(said.contains(" 0% packet loss"), "{said}");
    assert_eq!(reassembled() - before, 2, "each request came in fragments");
    configure("no mtu");
    let said = a.run(&format!("ping -c 2 -i 0.5 -W 5 -M do -s 1472 {HOST_B}"));
    assert!(said.contains(" 0% packet loss"), "{said}");
}

/// A TCP stream as fast as it goes, at the offloads that veth pairs have by themselves. For information only.
fn throughput(lab: &Lab) -> String {
    let _server = crate::switchover::iperf_server(lab);
    let before = lab.router.card_ticks();
    let said = lab.host_a.run(&format!("iperf3 -J -c {HOST_B} -t 2"));
    let ticks = lab.router.card_ticks() - before;
    let report: serde_json::Value = serde_json::from_str(&said).expect("a report of iperf3");
    let bits = &report["end"]["sum_received"]["bits_per_second"];
    let megabits = bits.as_f64().unwrap_or_default() / 1e6;
    assert!(megabits > 0.0, "{report}");
    format!(
        "TCP at default offloads: {megabits:.0} Mbit/s, cards used {} ms of processor in 2 s",
        ticks * 10
    )
}

#[test]
fn a_link_that_goes_down_takes_its_routes_along_and_brings_them_back() {
    let Some(_turn) = crate::ready(
        "a_link_that_goes_down_takes_its_routes_along_and_brings_them_back",
        TOOLS,
    ) else {
        return;
    };
    let lab = Lab::start("link");
    let active = lab.router.wait_for_pair();
    let host_b = lab.host_b.name();
    let port_is = |state: &str| {
        lab.router
            .console(active, "show ip interface brief\n")
            .lines()
            .any(|line| line.starts_with("Ethernet1/0") && line.trim_end().ends_with(state))
    };
    let routed = || {
        lab.router
            .console(active, "show ip route\n")
            .contains("10.82.0.0/24")
    };
    assert!(port_is("up") && routed());
    tools::ip(&format!("-n {host_b} link set eth0 down"));
    wait_until("the port is down and its routes are gone", || {
        port_is("down") && !routed()
    });
    let said = lab.host_a.try_run(&format!("ping -c 1 -W 5 {HOST_B}"));
    assert!(
        said.contains(&format!("From {ROUTER_A} icmp_seq=1 Destination")) && said.contains("nreachable"),
        "{said}"
    );
    tools::ip(&format!("-n {host_b} link set eth0 up"));
    tools::ip(&format!("-n {host_b} route replace default via {ROUTER_B}"));
    wait_until("the port is up and its routes are back", || {
        port_is("up") && routed()
    });
    let said = lab.host_a.run(&format!("ping -c 3 -i 0.5 -W 5 {HOST_B}"));
    assert!(said.contains(" 0% packet loss"), "{said}");
}

#[test]
fn a_udp_wire_carries_what_a_packet_wire_carries() {
    let name = "a_udp_wire_carries_what_a_packet_wire_carries";
    let Some(_turn) = crate::ready(name, &["ip", "ping", "socat"]) else {
        return;
    };
    if !std::path::Path::new("/dev/net/tun").exists() {
        println!("SKIPPED {name}: there is no /dev/net/tun");
        return;
    }
    let lab = Lab::start("udp");
    let host_c = Namespace::add(&format!("hold-udp-c-{}", std::process::id()));
    let [port, far] = UDP_WIRE;
    // A host whose network card is a tap, and whose cable is a UDP socket.
    let _cable = Tool::start(
        &lab.router.namespace,
        &format!("socat UDP:{port},bind={far} TUN,tun-type=tap,tun-name=cable,iff-no-pi"),
    );
    let router = lab.router.namespace.name();
    wait_until("socat has its tap", || {
        lab.router
            .namespace
            .try_run("ip link show cable")
            .contains("cable:")
    });
    let c = host_c.name();
    tools::ip(&format!("-n {router} link set cable netns {c}"));
    tools::ip(&format!("-n {c} address add 10.83.0.2/24 dev cable"));
    tools::ip(&format!("-n {c} link set cable up"));
    tools::ip(&format!("-n {c} route add default via 10.83.0.1"));
    for address in ["10.83.0.1", HOST_A, HOST_B] {
        let said = host_c.run(&format!("ping -c 3 -i 0.5 -W 5 {address}"));
        assert!(said.contains(" 0% packet loss"), "{said}");
    }
}

/// As in a container whose shell came from outside.
#[test]
fn a_process_runs_where_the_leader_of_its_session_cannot_be_seen() {
    let name = "a_process_runs_where_the_leader_of_its_session_cannot_be_seen";
    let Some(_turn) = crate::ready(name, &["unshare"]) else {
        return;
    };
    let directory = std::env::temp_dir().join(format!("holdover-leader-{}", std::process::id()));
    let output = tools::finish(
        std::process::Command::new("unshare")
            .args([
                "--pid",
                "--fork",
                env!("CARGO_BIN_EXE_holdover"),
                "card",
                "--slot",
                "9",
            ])
            .env("HOLDOVER_DIR", &directory),
    );
    let _ = std::fs::remove_dir_all(&directory);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no card in slot 9"), "{said}");
}

#[test]
fn the_five_lines_of_the_documents_attach_the_router_to_a_veth() {
    let name = "the_five_lines_of_the_documents_attach_the_router_to_a_veth";
    let Some(_turn) = crate::ready(name, &["ip", "ping", "unshare"]) else {
        return;
    };
    let document = include_str!("../../docs/attach-veth.md");
    let lines = document
        .split("```")
        .nth(1)
        .and_then(|block| block.strip_prefix("sh\n"));
    let lines = lines.expect("a block of shell lines");
    assert_eq!(lines.lines().count(), 5, "{lines}");
    let directory = std::env::temp_dir().join(format!("holdover-five-{}", std::process::id()));
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_holdover"));
    let path = binary.parent().expect("a directory").display().to_string();
    let path = path + ":" + &std::env::var("PATH").unwrap_or_default();
    // The names in the document are everybody's: here they live in a namespace of their own, as do its mounts.
    let script = format!(
        "set -e\nmkdir -p /run/netns\nmount -t tmpfs tmpfs /run/netns\nip link set lo up\n\
         trap 'holdover down --chassis docs/veth.toml' EXIT\n{lines}"
    );
    let said = tools::succeed(
        std::process::Command::new("unshare")
            .args(["--net", "--mount", "sh", "-c", &script])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("PATH", path)
            .env("HOLDOVER_DIR", &directory),
    );
    let _ = std::fs::remove_dir_all(&directory);
    assert!(said.contains(" 0% packet loss"), "{said}");
}
