//! BGP starts without tables (graceful restart), and whoever does so dies before it is over: cards keep what they have, and
//! neighbours are told nothing, until everybody has told everything.

#[path = "common/bgp_neighbor.rs"]
mod bgp_neighbor;
#[path = "common/network.rs"]
mod network;
#[path = "common/pair.rs"]
mod pair;

use bgp_neighbor::Neighbor;
use machine::StepKind;
use network::Network;
use pair::traps::Trap;
use pair::truth;
use redundancy::PeerLoss;

const PREFIX: &str = "198.51.100.0/24";

/// Two neighbours that help; the first one has told a route, and both have told all.
fn helped() -> Network {
    let mut network = Network::without_neighbors();
    network.pair.type_each(&["bgp graceful-restart"]);
    for number in [2, 3] {
        let mut neighbor = Neighbor::new(number, truth(0).ports[0].mac);
        neighbor.is_graceful = true;
        let (address, as_number) = (neighbor.address, neighbor.as_number);
        network.pair.type_each(&[
            &format!("neighbor {address} remote-as {as_number}"),
            &format!("neighbor {address} ha-mode sso"),
        ]);
        network.neighbors.push(neighbor);
    }
    network.pair.type_each(&["end", "write memory"]);
    network.run_s(20);
    network.assert_established(&[2, 3]);
    network.announce(2, PREFIX);
    end_of_rib(&mut network, 2);
    end_of_rib(&mut network, 3);
    network.run_s(2);
    assert!(!is_held(&network) && has_route(&network) && knows(&mut network));
    network.pair.run_until_hot();
    network
}

fn end_of_rib(network: &mut Network, number: u8) {
    let now = network.pair.now;
    network.neighbor(number).end_of_rib(now);
    network.run_s(1);
}

fn clients(network: &Network) -> &rp::Clients {
    let processor = network.pair.rp(network.pair.active());
    &processor.active().expect("it is active").clients
}

/// Whether what cards still have of the last activity stays.
fn is_held(network: &Network) -> bool {
    clients(network).rib.is_sweep_held()
}

fn has_route(network: &Network) -> bool {
    let prefix = PREFIX.parse().expect("a prefix");
    let fib = &clients(network).rib.fib;
    fib.contains_key(&chassis::rows::PrefixKey(prefix))
}

/// Whether the second neighbour has been told of the route.
fn knows(network: &mut Network) -> bool {
    let prefix = PREFIX.parse().expect("a prefix");
    network.neighbor(3).routes.contains(&prefix)
}

/// Everybody tells everything again, the second neighbour first.
fn tell_again(network: &mut Network) {
    end_of_rib(network, 3);
    assert!(is_held(network), "the first neighbour has not told its routes");
    assert!(!knows(network) && network.neighbor(3).updates == 0);
    network.announce(2, PREFIX);
    network.run_s(1);
    assert!(is_held(network) && !knows(network));
    end_of_rib(network, 2);
    network.run_s(1);
    assert!(!is_held(network) && has_route(network) && knows(network));
}

/// The active dies of a step that is nobody's alone, and its successor starts BGP with empty tables. Neighbours hear nothing.
fn starts_anew(network: &mut Network) {
    let dead = network.pair.active();
    network.pair.notes[dead.index()].plant(Some(Trap {
        kind: StepKind::Decide,
        session: 0,
    }));
    network.pair.run_ms(20_000);
    network.pair.notes[dead.index()].plant(None);
    let survivor = network.pair.active();
    assert_ne!(survivor, dead);
    assert_eq!(network.pair.logged(survivor, "%BGP-2-STARTANEW"), 1);
    network.pair.injected.clear();
}

/// The active is killed once there is a successor that has everything. Neighbours hear nothing.
fn is_killed(network: &mut Network) {
    network.pair.run_until_hot();
    network.neighbor(3).updates = 0;
    let dead = network.pair.active();
    network.pair.kill(dead, PeerLoss::Killed);
    network.pair.run_ms(1_000);
    assert_ne!(network.pair.active(), dead);
    network.pair.start(dead);
}

#[test]
fn a_takeover_while_bgp_starts_anew_goes_on_waiting() {
    let mut network = helped();
    starts_anew(&mut network);
    network.run_s(30);
    network.assert_established(&[2, 3]);
    assert!(is_held(&network) && has_route(&network));
    let lost = [2, 3].map(|number| network.neighbor(number).lost);
    is_killed(&mut network);
    network.run_s(5);
    assert!(is_held(&network) && has_route(&network));
    assert_eq!([2, 3].map(|number| network.neighbor(number).lost), lost);
    tell_again(&mut network);
}

#[test]
fn a_takeover_before_any_session_is_back_keeps_what_cards_have() {
    let mut network = helped();
    starts_anew(&mut network);
    for death in 1..=2 {
        assert!(is_held(&network) && has_route(&network), "before death {death}");
        is_killed(&mut network);
    }
    assert!(is_held(&network) && has_route(&network), "no session is back");
    network.run_s(130);
    network.assert_established(&[2, 3]);
    tell_again(&mut network);
}

#[test]
fn a_restart_is_one_before_cards_have_told_of_any_address() {
    let mut network = helped();
    network.configure(&["redundancy", "mode rpr", "end", "write memory"]);
    network.run_s(30);
    let dead = network.pair.active();
    // What it is to be known by is an address, and whose that is the cards have not told yet.
    network.pair.cards.clear();
    network.pair.kill(dead, PeerLoss::Killed);
    network.pair.run_ms(1_000);
    assert_eq!(network.pair.active(), dead.peer());
    assert!(clients(&network).speaker.is_deferring() && is_held(&network));
}
