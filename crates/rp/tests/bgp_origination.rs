//! Routes of the router itself that BGP tells: `network`, `redistribute`, `default-information originate`.

#[path = "common/bgp_neighbor.rs"]
mod bgp_neighbor;
#[path = "common/network.rs"]
mod network;
#[path = "common/pair.rs"]
mod pair;

use chassis::rows::{FibEntry, PrefixKey};
use network::Network;
use packet::{Prefix, V4};

const NULL_ROUTE: &str = "ip route 203.0.113.0 255.255.255.0 Null0";

fn prefix(text: &str) -> Prefix<V4> {
    text.parse().expect("a prefix")
}

/// What the active's cards do with packets to a prefix.
fn fib(network: &Network, text: &str) -> Option<FibEntry<V4>> {
    let active = network
        .pair
        .rp(network.pair.active())
        .active()
        .expect("it is active");
    active.clients.rib.fib.get(&PrefixKey(prefix(text))).cloned()
}

fn told(network: &mut Network) -> Vec<String> {
    let neighbor = network.neighbor(2);
    assert_eq!(
        (neighbor.established, neighbor.lost),
        (1, 0),
        "no session was reset"
    );
    neighbor.routes_told()
}

#[test]
fn a_default_route_is_redistributed_only_with_default_information_originate() {
    let mut network = Network::hot(&[2]);
    network.configure(&[
        "ip route 0.0.0.0 0.0.0.0 Null0",
        NULL_ROUTE,
        "router bgp 65000",
        "redistribute static",
    ]);
    assert_eq!(told(&mut network), ["203.0.113.0/24"]);
    network.configure(&["router bgp 65000", "default-information originate"]);
    assert_eq!(told(&mut network), ["0.0.0.0/0", "203.0.113.0/24"]);
    let running = network.pair.running(network.pair.active());
    assert!(
        running.contains("\n redistribute static\n default-information originate\n"),
        "{running}"
    );
    let updates = network.neighbor(2).updates;
    network.switch_over();
    assert_eq!(told(&mut network), ["0.0.0.0/0", "203.0.113.0/24"]);
    assert_eq!(network.neighbor(2).updates, updates, "nothing is told twice");
    network.configure(&["router bgp 65000", "no default-information originate"]);
    assert_eq!(told(&mut network), ["203.0.113.0/24"]);
    // Alone it makes no default route: one has to be redistributed.
    network.configure(&[
        "router bgp 65000",
        "no redistribute static",
        "default-information originate",
    ]);
    assert_eq!(told(&mut network), Vec::<String>::new());
}

#[test]
fn a_network_command_tells_the_default_route_while_there_is_one() {
    let mut network = Network::hot(&[2]);
    network.configure(&["router bgp 65000", "network 0.0.0.0"]);
    assert_eq!(told(&mut network), Vec::<String>::new());
    network.configure(&["ip route 0.0.0.0 0.0.0.0 Null0"]);
    assert_eq!(told(&mut network), ["0.0.0.0/0"]);
    network.configure(&["router bgp 65000", "no network 0.0.0.0 mask 0.0.0.0"]);
    assert_eq!(told(&mut network), Vec::<String>::new());
}

#[test]
fn a_route_to_null0_is_dropped_by_cards_told_by_bgp_and_there_after_a_switchover() {
    let mut network = Network::hot(&[2]);
    network.configure(&[
        NULL_ROUTE,
        "router bgp 65000",
        "network 203.0.113.0 mask 255.255.255.0",
    ]);
    network.announce(2, "203.0.113.128/25");
    network.run_s(2);
    for _ in 0..2 {
        assert_eq!(fib(&network, "203.0.113.0/24"), Some(FibEntry::Drop));
        assert!(
            matches!(fib(&network, "203.0.113.128/25"), Some(FibEntry::Via(_))),
            "what is more specific goes its way"
        );
        let shown = network
            .pair
            .ask("show ip route 203.0.113.0 255.255.255.0")
            .join("\n");
        assert!(shown.contains("directly connected, via Null0"), "{shown}");
        let shown = network.pair.ask("show ip route").join("\n");
        assert!(
            shown.contains("203.0.113.0/24 is directly connected, Null0"),
            "{shown}"
        );
        let running = network.pair.running(network.pair.active());
        assert!(running.contains(&format!("\n{NULL_ROUTE}\n")), "{running}");
        assert_eq!(told(&mut network), ["203.0.113.0/24"]);
        network.switch_over();
    }
    network.configure(&[&format!("no {NULL_ROUTE}")]);
    assert_eq!(fib(&network, "203.0.113.0/24"), None);
    assert_eq!(told(&mut network), Vec::<String>::new());
}
