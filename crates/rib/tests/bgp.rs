//! What BGP asks of the table of routes: its routes, next hops that it tracks, what it may redistribute, and the sweep
//! that waits for it.

mod common;

use common::*;
use packet::V4;
use rib::{Offered, Protocol, Rib, Route, RouteType, Via};

fn external(next_hop: &str, med: u32) -> (Via<V4>, Route) {
    let route = Route::bgp(RouteType::External, med, 65_001);
    (Via::NextHop(address(next_hop)), route)
}

fn replace(rib: &mut Rib<V4>, to: &str, paths: &[(Via<V4>, Route)]) {
    rib.replace(prefix(to), Protocol::Bgp, paths);
    settle(rib);
}

#[test]
fn the_paths_of_a_prefix_are_replaced_as_a_whole() {
    let mut rib = two_links();
    let both = [external("10.0.0.2", 0), external("10.0.1.2", 0)];
    replace(&mut rib, "203.0.113.0/24", &both);
    let expected = via(&[(PORT_0, Some("10.0.0.2")), (PORT_1, Some("10.0.1.2"))]);
    assert_eq!(fib(&rib, "203.0.113.0/24"), expected);
    replace(&mut rib, "203.0.113.0/24", &[external("10.0.1.3", 7)]);
    assert_eq!(fib(&rib, "203.0.113.0/24"), via(&[(PORT_1, Some("10.0.1.3"))]));
    assert!(!rib.next_hops.contains_key(&rib::NextHopKey(address("10.0.0.2"))));
    replace(&mut rib, "203.0.113.0/24", &[]);
    assert_eq!(fib(&rib, "203.0.113.0/24"), None);
    assert_eq!(rib.routes.len(), two_links().routes.len());
}

#[test]
fn a_static_route_is_preferred_to_bgp_and_external_to_internal() {
    let mut rib = two_links();
    let internal = Route::bgp(RouteType::Internal, 0, 0);
    assert_eq!((internal.distance, external("10.0.0.2", 0).1.distance), (200, 20));
    replace(&mut rib, "10.9.0.0/24", &[external("10.0.0.2", 0)]);
    insert(&mut rib, over("10.9.0.0/24", "10.0.1.2"));
    assert_eq!(fib(&rib, "10.9.0.0/24"), via(&[(PORT_1, Some("10.0.1.2"))]));
    rib.set_interface(PORT_1, false, None);
    settle(&mut rib);
    assert_eq!(fib(&rib, "10.9.0.0/24"), via(&[(PORT_0, Some("10.0.0.2"))]));
}

#[test]
fn a_route_is_as_old_as_what_it_says() {
    let mut rib = two_links();
    let since = |rib: &Rib<V4>| {
        let key = key("10.9.0.0/24", Protocol::Bgp, Via::NextHop(address("10.0.0.2")));
        rib.routes.get(&key).map(|route| route.since_s)
    };
    rib.set_age(10);
    replace(&mut rib, "10.9.0.0/24", &[external("10.0.0.2", 0)]);
    rib.set_age(20);
    replace(
        &mut rib,
        "10.9.0.0/24",
        &[external("10.0.0.2", 0), external("10.0.1.2", 0)],
    );
    assert_eq!(since(&rib), Some(10));
    replace(&mut rib, "10.9.0.0/24", &[external("10.0.0.2", 5)]);
    assert_eq!(since(&rib), Some(20));
}

#[test]
fn a_bgp_route_never_resolves_over_itself_and_may_over_another() {
    let mut rib = two_links();
    replace(&mut rib, "20.0.0.0/8", &[external("20.0.0.1", 0)]);
    assert_eq!(fib(&rib, "20.0.0.0/8"), None, "over itself");
    replace(&mut rib, "20.0.0.0/24", &[external("10.0.0.2", 0)]);
    assert_eq!(fib(&rib, "20.0.0.0/8"), via(&[(PORT_0, Some("10.0.0.2"))]));
    // A host route to its own next hop does not hide the link that leads there.
    replace(&mut rib, "10.0.0.2/32", &[external("10.0.0.2", 0)]);
    assert_eq!(fib(&rib, "10.0.0.2/32"), via(&[(PORT_0, Some("10.0.0.2"))]));
    assert_eq!(fib(&rib, "20.0.0.0/8"), via(&[(PORT_0, Some("10.0.0.2"))]));
}

#[test]
fn the_default_route_counts_for_the_next_hop_of_a_bgp_route() {
    let mut rib = two_links();
    replace(&mut rib, "203.0.113.0/24", &[external("198.51.100.1", 0)]);
    assert_eq!(fib(&rib, "203.0.113.0/24"), None);
    insert(&mut rib, over("0.0.0.0/0", "10.0.0.2"));
    settle(&mut rib);
    assert_eq!(fib(&rib, "203.0.113.0/24"), via(&[(PORT_0, Some("10.0.0.2"))]));
}

#[test]
fn tracked_next_hops_are_told_when_their_way_or_its_cost_changes_once_each() {
    let mut rib = two_links();
    let far = address("172.16.0.1");
    assert_eq!(rib.track(address("10.0.0.2")), Some(0));
    assert_eq!(rib.track(far), None);
    assert!(!rib.has_next_hop_changes(), "what was answered is known");
    rib.insert(
        key(
            "172.16.0.0/16",
            Protocol::Generator,
            Via::NextHop(address("10.0.1.2")),
        ),
        Route {
            metric: 30,
            ..Route::of(Protocol::Generator)
        },
    );
    settle(&mut rib);
    assert_eq!(rib.take_next_hop_changes(10), [(far, Some(30))]);
    assert_eq!(rib.take_next_hop_changes(10), []);
    // Another way of equal cost is news too: our address towards it is another one. Who asks now as well takes no news away.
    insert(&mut rib, over("10.0.1.2/32", "10.0.0.2"));
    settle(&mut rib);
    assert_eq!(rib.way(far).map(|path| path.port), Some(PORT_0));
    assert_eq!(rib.track(far), Some(30));
    assert_eq!(rib.take_next_hop_changes(10), [(far, Some(30))]);
    rib.remove(&over("10.0.1.2/32", "10.0.0.2").0);
    rib.set_interface(PORT_1, false, None);
    rib.set_interface(PORT_0, false, None);
    settle(&mut rib);
    assert_eq!(rib.take_next_hop_changes(1), [(address("10.0.0.2"), None)]);
    // The successor tells the rest, without looking at routes.
    let mut successor = rib.clone();
    successor.promoted();
    assert_eq!(successor.take_next_hop_changes(10), [(far, None)]);
    rib.untrack(far);
    assert!(!rib.has_next_hop_changes());
    rib.untrack(address("10.0.0.2"));
    assert_eq!(rib.next_hops.len(), 1, "the one that a route points to");
}

#[test]
fn what_may_be_redistributed_is_told_once_in_its_newest_state() {
    let mut rib = two_links();
    let connected = Offered {
        protocol: Protocol::Connected,
        next_hop: None,
        metric: 0,
        tag: 0,
    };
    let links = [
        (prefix("10.0.0.0/24"), Some(connected)),
        (prefix("10.0.1.0/24"), Some(connected)),
    ];
    assert_eq!(rib.take_redistribution_changes(1), links[..1]);
    let mut successor = rib.clone();
    assert_eq!(successor.take_redistribution_changes(9), links[1..]);
    assert_eq!(rib.take_redistribution_changes(9), links[1..]);
    insert(&mut rib, over("10.9.0.0/24", "10.0.0.2"));
    let offered = Offered {
        protocol: Protocol::Static,
        next_hop: Some(address("10.0.0.2")),
        ..connected
    };
    assert_eq!(
        rib.take_redistribution_changes(9),
        [(prefix("10.9.0.0/24"), Some(offered))]
    );
    // A route of BGP that is not the best changes nothing, nor does one of a prefix of its own.
    replace(&mut rib, "10.9.0.0/24", &[external("10.0.0.2", 0)]);
    replace(&mut rib, "10.8.0.0/24", &[external("10.0.0.2", 0)]);
    assert_eq!(rib.take_redistribution_changes(9), []);
    rib.remove(&over("10.9.0.0/24", "10.0.0.2").0);
    assert_eq!(rib.offered(prefix("10.9.0.0/24")), None, "it is BGP's now");
    assert_eq!(
        rib.take_redistribution_changes(9),
        [(prefix("10.9.0.0/24"), None)]
    );
    assert_eq!(rib.take_redistribution_changes(9), []);
    assert_eq!(rib.offers.len(), 2);
    // Who asks for the first time walks.
    let all: Vec<_> = rib.offers_after(None, 1).collect();
    assert_eq!(all, [(prefix("10.0.0.0/24"), connected)]);
    let rest: Vec<_> = rib.offers_after(Some(all[0].0), 9).collect();
    assert_eq!(rest, [(prefix("10.0.1.0/24"), connected)]);
}

#[test]
fn the_sweep_waits_for_each_protocol_that_holds_it_and_for_that_of_a_predecessor() {
    let mut rib = two_links();
    assert!(!rib.is_sweep_held());
    rib.hold_sweep(Protocol::Bgp);
    rib.hold_sweep(Protocol::Static);
    rib.converged(Protocol::Static);
    let mut successor = rib.clone();
    successor.promoted();
    assert!(successor.is_sweep_held());
    successor.converged(Protocol::Bgp);
    successor.converged(Protocol::Bgp);
    assert!(!successor.is_sweep_held());
}
