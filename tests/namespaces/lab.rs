//! A router of real processes between hosts in network namespaces.
//!
//! ```text
//!   namespace HOST A            namespace ROUTER                 namespace HOST B
//!   eth0 10.81.0.2/24 ═ veth ═ to-a  card 0 ═ fabric ═ card 1  to-b ═ veth ═ eth0 10.82.0.2/24
//!                                      R0, R1
//! ```
//!
//! All transit crosses the fabric. The veth pairs keep the offloads that they are made with. The interfaces on the
//! router's side have no addresses: only the packet wires answer there.

use crate::router::Router;
use crate::tools::{self, Namespace};

/// Address of host A.
pub const HOST_A: &str = "10.81.0.2";
/// Address of host B.
pub const HOST_B: &str = "10.82.0.2";
/// The router's address on host A's network.
pub const ROUTER_A: &str = "10.81.0.1";
/// The router's address on host B's network.
pub const ROUTER_B: &str = "10.82.0.1";
/// Ends of the `udp` wire of Ethernet1/1: the router's, and the one for whoever is attached.
pub const UDP_WIRE: [&str; 2] = ["127.0.0.1:7001", "127.0.0.1:7002"];

const STARTUP_CONFIG: &str = "hostname Router
!
redundancy
 mode sso
!
interface Ethernet0/0
 ip address 10.81.0.1 255.255.255.0
 no shutdown
!
interface Ethernet1/0
 ip address 10.82.0.1 255.255.255.0
 no shutdown
!
interface Ethernet1/1
 ip address 10.83.0.1 255.255.255.0
 no shutdown
!
end
";

/// The hosts, and the router between them.
pub struct Lab {
    // First: it ends before its ports go.
    pub router: Router,
    pub host_a: Namespace,
    pub host_b: Namespace,
}

impl Lab {
    /// Builds everything and waits until the standby is hot and both hosts' networks are reachable.
    pub fn start(label: &str) -> Lab {
        let [host_a, host_b, namespace] = ["a", "b", "r"]
            .map(|role| Namespace::add(&format!("hold-{label}-{role}-{}", std::process::id())));
        attach(&host_a, &namespace, "to-a", HOST_A);
        attach(&host_b, &namespace, "to-b", HOST_B);
        for (host, gateway) in [(&host_a, ROUTER_A), (&host_b, ROUTER_B)] {
            tools::ip(&format!("-n {} route add default via {gateway}", host.name()));
        }
        let router = Router::start(label, namespace, &chassis_file());
        router.wait_for_ports(&["Ethernet0/0", "Ethernet1/0"]);
        router.console(router.wait_for_pair(), "enable\nwrite memory\n");
        Lab {
            router,
            host_a,
            host_b,
        }
    }
}

fn chassis_file() -> String {
    let [local, remote] = UDP_WIRE;
    format!(
        "name = \"lab\"\nstartup_config = '''\n{STARTUP_CONFIG}'''\n\
         [[cards]]\nslot = 0\nports = [{{ number = 0, wire = \"packet:to-a\" }}]\n\
         [[cards]]\nslot = 1\nports = [{{ number = 0, wire = \"packet:to-b\" }}, \
         {{ number = 1, wire = \"udp:{local},{remote}\" }}]\n"
    )
}

/// Joins `host` to `router` by a veth pair: `eth0` with `address` there, `interface` without any here.
pub fn attach(host: &Namespace, router: &Namespace, interface: &str, address: &str) {
    let (host_name, router_name) = (host.name(), router.name());
    tools::ip(&format!(
        "link add {interface} netns {router_name} type veth peer name eth0 netns {host_name}"
    ));
    // Neighbour discovery of the kernel's own is no traffic of these tests.
    router.quiet(interface);
    host.quiet("eth0");
    tools::ip(&format!("-n {host_name} address add {address}/24 dev eth0"));
    tools::ip(&format!("-n {host_name} link set eth0 up"));
    tools::ip(&format!("-n {router_name} link set {interface} up"));
}
