//! Our address towards a BGP neighbour that is not on one of our networks follows the routing table, and that of a session
//! that is established stays.

#[path = "common/bgp_neighbor.rs"]
mod bgp_neighbor;
#[path = "common/network.rs"]
mod network;
#[path = "common/pair.rs"]
mod pair;

use bgp_neighbor::Neighbor;
use chassis::CardMessage;
use core::net::Ipv4Addr;
use machine::{CardSlot, RpSlot};
use network::{Network, PORT};
use pair::{Pair, truth};
use redundancy::PeerLoss;

/// The neighbour, and the number of the gateway that it is behind.
const FAR: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
const GATEWAY: u8 = 9;
const ROUTE: &str = "ip route 10.9.0.0 255.255.0.0 10.0.0.9";
/// What `show tcp brief all` says of who may connect.
const LISTENS: &str = "10.0.0.1.179";

/// A neighbour several hops away is configured, and there is no way to it yet.
fn with_a_far_neighbor() -> Network {
    let mut network = Network::without_neighbors();
    let router_mac = truth(0).ports[0].mac;
    let far = Neighbor::behind(GATEWAY, FAR, router_mac);
    let number = far.as_number;
    network.neighbors.push(far);
    network.pair.type_each(&[
        &format!("neighbor {FAR} remote-as {number}"),
        &format!("neighbor {FAR} ebgp-multihop"),
        &format!("neighbor {FAR} ha-mode sso"),
        "end",
    ]);
    network
}

impl Network {
    fn far(&mut self) -> &mut Neighbor {
        let is_far = |neighbor: &&mut Neighbor| neighbor.address == FAR;
        self.neighbors.iter_mut().find(is_far).expect("it is there")
    }

    /// The lines about the far neighbour's listener.
    fn listening(&mut self) -> Vec<String> {
        let shown = self.pair.ask("show tcp brief all");
        let is_listener = |line: &String| line.contains("LISTEN") && line.contains("10.9.0.2");
        shown.into_iter().filter(is_listener).collect()
    }

    fn link(&mut self, link_up: bool) {
        self.pair.cards[0].ports[0].link_up = link_up;
        self.pair
            .card(CardSlot(0), CardMessage::PortStatus { port: PORT, link_up });
    }
}

#[test]
fn a_neighbour_behind_a_route_that_is_there_before_the_link_is_connected_to_after_the_boot() {
    let mut network = with_a_far_neighbor();
    network.configure(&[ROUTE]);
    let startup = network.pair.running(network.pair.active());
    // Another chassis with that configuration, in which nothing happens but that its units boot.
    let mut pair = Pair::with_cards(vec![truth(0)]);
    for unit in &mut pair.units {
        unit.nvram = Some(startup.clone());
    }
    network.pair = pair;
    network.neighbors = vec![Neighbor::behind(GATEWAY, FAR, truth(0).ports[0].mac)];
    network.pair.start(RpSlot::R0);
    network.run_s(60);
    assert_eq!(network.far().established, 1);
    let listening = network.listening();
    assert!(
        listening.len() == 1 && listening[0].contains(LISTENS),
        "{listening:?}"
    );
}

#[test]
fn a_neighbour_is_connected_to_when_a_route_to_it_is_learned() {
    let mut network = with_a_far_neighbor();
    let router_mac = truth(0).ports[0].mac;
    let near = Neighbor::new(3, router_mac);
    let lines = [
        "router bgp 65000".to_string(),
        format!("neighbor 10.0.0.3 remote-as {}", near.as_number),
    ];
    network.configure(&lines.each_ref().map(String::as_str));
    network.neighbors.push(near);
    network.run_s(20);
    network.assert_established(&[3]);
    assert!(network.listening().is_empty(), "there is no way to it");
    let now = network.pair.now;
    let gateway = Ipv4Addr::new(10, 0, 0, GATEWAY);
    network.neighbor(3).announce_by(now, "10.9.0.0/16", gateway);
    network.run_s(5);
    let listening = network.listening();
    assert!(
        listening.len() == 1 && listening[0].contains(LISTENS),
        "{listening:?}"
    );
    network.run_s(60);
    assert!(network.far().is_established);
}

#[test]
fn another_way_is_another_address_for_the_next_session_only() {
    let mut network = with_a_far_neighbor();
    network.configure(&[
        ROUTE,
        "interface Ethernet0/1",
        "ip address 10.0.1.1 255.255.255.0",
        "no shutdown",
    ]);
    network.run_s(40);
    assert!(network.far().is_established);
    network.configure(&[
        "no ip route 10.9.0.0 255.255.0.0 10.0.0.9",
        "ip route 10.9.0.0 255.255.0.0 10.0.1.9",
    ]);
    network.run_s(5);
    let far = network.far();
    assert_eq!((far.established, far.lost), (1, 0), "it keeps its address");
    assert!(
        network.listening()[0].contains(LISTENS),
        "{:?}",
        network.listening()
    );
    network.pair.type_each(&["clear ip bgp 10.9.0.2"]);
    network.run_s(5);
    assert!(
        network.listening()[0].contains("10.0.1.1.179"),
        "{:?}",
        network.listening()
    );
    // Routes change back before there is a session.
    network.configure(&["no ip route 10.9.0.0 255.255.0.0 10.0.1.9", ROUTE]);
    network.run_s(70);
    assert!(
        network.listening()[0].contains(LISTENS),
        "{:?}",
        network.listening()
    );
    assert_eq!(network.far().established, 2);
}

#[test]
fn a_takeover_while_the_link_is_down_costs_the_session_nothing() {
    let mut network = with_a_far_neighbor();
    let near = Neighbor::new(3, truth(0).ports[0].mac);
    let number = near.as_number;
    network.configure(&[
        ROUTE,
        "router bgp 65000",
        &format!("neighbor 10.0.0.3 remote-as {number}"),
        "neighbor 10.0.0.3 ha-mode sso",
        "network 10.0.1.0 mask 255.255.255.0",
        "interface Ethernet0/1",
        "ip address 10.0.1.1 255.255.255.0",
        "no shutdown",
    ]);
    network.neighbors.push(near);
    network.run_s(60);
    network.assert_established(&[3]);
    assert!(network.far().is_established);
    network.pair.run_until_hot();
    let routes = network.far().routes.clone();
    let own = "10.0.1.0/24".parse().expect("a prefix");
    assert!(routes.contains(&own), "{routes:?}");
    let told = network.far().withdrawals;
    network.link(false);
    network.pair.run_ms(500);
    let dead = network.pair.active();
    network.pair.kill(dead, PeerLoss::Killed);
    network.pair.run_ms(500);
    assert_ne!(network.pair.active(), dead);
    // Longer than a change of what neighbours are told waits for more of them.
    for _ in 0..650 {
        network.pair.run_ms(100);
    }
    network.link(true);
    network.run_s(5);
    // Any command has the configuration applied anew.
    network.configure(&["hostname west"]);
    network.run_s(30);
    let log = network.pair.active();
    assert_eq!(network.pair.logged(log, "NOTIFICATION"), 0);
    let far = network.far();
    assert_eq!((far.established, far.lost), (1, 0), "the session goes on");
    assert_eq!(
        (far.withdrawals, &far.routes),
        (told, &routes),
        "nothing is withdrawn"
    );
}
