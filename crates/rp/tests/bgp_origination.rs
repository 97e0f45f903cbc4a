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

/// Lists and route maps: M permits 203.0.113.0/24 and its parts, N 198.51.100.0/24 alone.
const MAPS: &[&str] = &[
    "ip prefix-list P permit 203.0.113.0/24 le 32",
    "route-map M permit 10",
    "match ip address prefix-list P",
    "set metric 77",
    "exit",
    "ip prefix-list Q permit 198.51.100.0/24",
    "route-map N permit 10",
    "match ip address prefix-list Q",
    "exit",
];

/// What two neighbours have of the default route: whether they have it, and its metric.
fn defaults(network: &mut Network) -> [Option<Option<u32>>; 2] {
    [2, 3].map(|number| {
        let neighbor = network.neighbor(number);
        assert_eq!(
            (neighbor.established, neighbor.lost),
            (1, 0),
            "no session was reset"
        );
        let default = prefix("0.0.0.0/0");
        let has = neighbor.routes.contains(&default);
        has.then(|| neighbor.metrics.get(&default).copied())
    })
}

#[test]
fn a_conditional_default_is_told_exactly_while_the_table_holds_what_its_route_map_permits() {
    let mut network = Network::hot(&[2, 3, 4]);
    network.configure(MAPS);
    network.configure(&[
        "router bgp 65000",
        "neighbor 10.0.0.2 default-originate route-map M",
        "neighbor 10.0.0.3 default-originate route-map N",
    ]);
    assert_eq!(defaults(&mut network), [None, None]);
    network.configure(&[NULL_ROUTE]);
    assert_eq!(defaults(&mut network), [Some(Some(77)), None]);
    let updates = network.neighbor(2).updates;
    network.switch_over();
    assert_eq!(defaults(&mut network), [Some(Some(77)), None]);

    // A route of BGP's takes over from the static one: nobody hears of that.
    network.configure(&[
        "ip route 203.0.113.128 255.255.255.128 Null0",
        &format!("no {NULL_ROUTE}"),
    ]);
    network.switch_over();
    assert_eq!(defaults(&mut network), [Some(Some(77)), None]);
    assert_eq!(
        network.neighbor(2).updates,
        updates,
        "neither withdrawn nor told again"
    );

    network.announce(4, "198.51.100.0/24");
    network.run_s(2);
    assert_eq!(defaults(&mut network), [Some(Some(77)), Some(None)]);
    network.configure(&["no ip route 203.0.113.128 255.255.255.128"]);
    assert_eq!(defaults(&mut network), [None, Some(None)]);
    network.switch_over();
    assert_eq!(defaults(&mut network), [None, Some(None)]);
    let now = network.pair.now;
    network.neighbor(4).withdraw(now, "198.51.100.0/24");
    network.run_s(1);
    assert_eq!(defaults(&mut network), [None, None]);
}

#[test]
fn what_the_route_map_of_a_default_says_now_is_told_at_once() {
    let mut network = Network::hot(&[2, 3]);
    network.configure(&[NULL_ROUTE]);
    network.configure(MAPS);
    network.configure(&["router bgp 65000", "neighbor 10.0.0.2 default-originate"]);
    assert_eq!(defaults(&mut network), [Some(None), None]);
    network.configure(&[
        "router bgp 65000",
        "neighbor 10.0.0.2 default-originate route-map M",
    ]);
    assert_eq!(defaults(&mut network), [Some(Some(77)), None]);
    network.configure(&["route-map M permit 10", "set metric 78"]);
    assert_eq!(defaults(&mut network), [Some(Some(78)), None]);
    network.configure(&["no ip prefix-list P", "ip prefix-list P permit 192.0.2.0/24"]);
    assert_eq!(defaults(&mut network), [None, None]);
    network.configure(&["ip prefix-list P permit 0.0.0.0/0 le 32"]);
    assert_eq!(defaults(&mut network), [Some(Some(78)), None]);
    network.configure(&["router bgp 65000", "no neighbor 10.0.0.2 default-originate"]);
    assert_eq!(defaults(&mut network), [None, None]);
}
