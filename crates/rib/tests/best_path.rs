//! Which routes reach the FIB, and with which paths.

mod common;

use chassis::rows::FibEntry;
use common::*;
use packet::V4;
use rib::{PATHS_MAX, Protocol, RESOLUTION_DEPTH_MAX, Rib, Route, Via, static_route};
use std::collections::BTreeMap;

#[test]
fn a_link_brings_its_network_its_own_address_and_both_ends() {
    let mut rib = Rib::new();
    rib.set_interface(PORT_0, true, interface("10.0.0.1/24"));
    assert_eq!(fib(&rib, "10.0.0.0/24"), via(&[(PORT_0, None)]));
    for own in ["10.0.0.0/32", "10.0.0.1/32", "10.0.0.255/32"] {
        assert_eq!(fib(&rib, own), Some(FibEntry::Receive), "{own}");
    }
    assert_eq!(rib.fib.len(), 4);
    assert!(rib.is_own(address("10.0.0.1")));
    assert!(!rib.is_own(address("10.0.0.255")));
    assert_eq!(
        rib.first_path(address("10.0.0.9")),
        Some((PORT_0, address("10.0.0.9")))
    );
    assert_eq!(rib.first_path(address("10.0.0.1")), None);
}

#[test]
fn point_to_point_links_have_no_broadcast_address() {
    for (text, rows) in [("10.0.0.0/31", 2), ("10.0.0.1/30", 4), ("10.0.0.7/32", 1)] {
        let mut rib = Rib::new();
        rib.set_interface(PORT_0, true, interface(text));
        assert_eq!(rib.fib.len(), rows, "{text}");
    }
    let mut rib = Rib::new();
    rib.set_interface(PORT_0, true, interface("10.0.0.7/32"));
    assert_eq!(fib(&rib, "10.0.0.7/32"), Some(FibEntry::Receive));
}

#[test]
fn a_link_that_goes_down_takes_along_what_leads_over_it() {
    let mut rib = two_links();
    insert(&mut rib, over("10.9.0.0/24", "10.0.0.2"));
    insert(
        &mut rib,
        static_route(prefix("10.8.0.0/24"), Via::Attached(PORT_0), None),
    );
    insert(
        &mut rib,
        static_route(
            prefix("10.7.0.0/24"),
            Via::Neighbor(PORT_0, address("10.0.0.3")),
            None,
        ),
    );
    settle(&mut rib);
    assert_eq!(fib(&rib, "10.9.0.0/24"), via(&[(PORT_0, Some("10.0.0.2"))]));
    assert_eq!(fib(&rib, "10.8.0.0/24"), via(&[(PORT_0, None)]));
    assert_eq!(fib(&rib, "10.7.0.0/24"), via(&[(PORT_0, Some("10.0.0.3"))]));
    let with_link = rib.clone();

    rib.set_interface(PORT_0, false, interface("10.0.0.1/24"));
    settle(&mut rib);
    assert_eq!(rib.fib.len(), 4, "only the other link is left");

    rib.set_interface(PORT_0, true, interface("10.0.0.1/24"));
    settle(&mut rib);
    assert!(rib.fib.iter().eq(with_link.fib.iter()));
}

#[test]
fn a_new_address_on_a_link_replaces_the_old_one() {
    let mut rib = two_links();
    rib.set_interface(PORT_0, true, interface("10.0.5.1/24"));
    settle(&mut rib);
    assert_eq!(fib(&rib, "10.0.0.0/24"), None);
    assert_eq!(fib(&rib, "10.0.5.0/24"), via(&[(PORT_0, None)]));
    rib.set_interface(PORT_0, true, None);
    settle(&mut rib);
    assert_eq!(rib.fib.len(), 4);
}

#[test]
fn equal_news_of_a_link_change_nothing() {
    let mut rib = two_links();
    rib.set_interface(PORT_0, true, interface("10.0.0.1/24"));
    assert!(!rib.has_pending());
}

#[test]
fn a_route_whose_next_hop_is_unreachable_waits_for_it() {
    let mut rib = two_links();
    insert(&mut rib, over("10.9.0.0/24", "172.16.0.1"));
    settle(&mut rib);
    assert_eq!(fib(&rib, "10.9.0.0/24"), None);
    insert(&mut rib, over("172.16.0.0/16", "10.0.1.2"));
    settle(&mut rib);
    assert_eq!(fib(&rib, "10.9.0.0/24"), via(&[(PORT_1, Some("10.0.1.2"))]));
}

#[test]
fn next_hops_are_resolved_through_other_routes_up_to_a_depth() {
    for (routes, reachable) in [
        (RESOLUTION_DEPTH_MAX + 1, true),
        (RESOLUTION_DEPTH_MAX + 2, false),
    ] {
        let mut rib = two_links();
        let mut next_hop = String::from("10.0.0.2");
        let mut last = String::new();
        for number in 0..routes {
            last = format!("192.0.{number}.0/24");
            insert(&mut rib, over(&last, &next_hop));
            next_hop = format!("192.0.{number}.1");
        }
        settle(&mut rib);
        let expected = reachable.then(|| via(&[(PORT_0, Some("10.0.0.2"))])).flatten();
        assert_eq!(fib(&rib, &last), expected, "{routes} routes");
    }
}

#[test]
fn routes_that_lead_to_each_other_lead_nowhere() {
    let mut rib = two_links();
    insert(&mut rib, over("20.0.0.0/8", "30.0.0.1"));
    insert(&mut rib, over("30.0.0.0/8", "20.0.0.1"));
    settle(&mut rib);
    assert_eq!(fib(&rib, "20.0.0.0/8"), None);
    assert_eq!(fib(&rib, "30.0.0.0/8"), None);
}

#[test]
fn a_loop_does_not_outlive_the_route_that_fed_it() {
    let mut rib = two_links();
    insert(&mut rib, over("20.0.0.0/8", "30.0.0.1"));
    insert(&mut rib, over("30.0.0.0/8", "20.0.0.1"));
    insert(&mut rib, over("0.0.0.0/0", "10.0.0.2"));
    settle(&mut rib);
    assert_eq!(fib(&rib, "20.0.0.0/8"), via(&[(PORT_0, Some("10.0.0.2"))]));
    rib.remove(&over("0.0.0.0/0", "10.0.0.2").0);
    settle(&mut rib);
    assert_eq!(fib(&rib, "20.0.0.0/8"), None);
    assert_eq!(fib(&rib, "30.0.0.0/8"), None);
}

#[test]
fn a_next_hop_behind_a_route_over_a_port_follows_that_port() {
    for over_port in [Via::Attached(PORT_0), Via::Neighbor(PORT_0, address("10.0.0.3"))] {
        let mut rib = two_links();
        insert(&mut rib, static_route(prefix("20.0.0.0/8"), over_port, None));
        insert(&mut rib, over("30.0.0.0/8", "20.0.0.1"));
        settle(&mut rib);
        let neighbor = match over_port {
            Via::Attached(_) => "20.0.0.1",
            _ => "10.0.0.3",
        };
        assert_eq!(fib(&rib, "30.0.0.0/8"), via(&[(PORT_0, Some(neighbor))]));
        rib.set_interface(PORT_0, false, None);
        settle(&mut rib);
        assert_eq!(fib(&rib, "30.0.0.0/8"), None);
    }
}

#[test]
fn the_own_address_is_no_next_hop() {
    let mut rib = two_links();
    insert(&mut rib, over("0.0.0.0/0", "10.0.0.2"));
    insert(&mut rib, over("20.0.0.0/8", "10.0.0.1"));
    insert(&mut rib, over("30.0.0.0/8", "10.0.0.255"));
    settle(&mut rib);
    assert_eq!(fib(&rib, "20.0.0.0/8"), None);
    assert_eq!(fib(&rib, "30.0.0.0/8"), None);
}

#[test]
fn the_lowest_distance_wins_then_the_metric() {
    let mut rib = two_links();
    let floating = static_route(
        prefix("10.9.0.0/24"),
        Via::NextHop(address("10.0.1.2")),
        Some(210),
    );
    insert(&mut rib, floating);
    assert_eq!(fib(&rib, "10.9.0.0/24"), via(&[(PORT_1, Some("10.0.1.2"))]));
    for (next_hop, metric) in [("10.0.0.5", 7), ("10.0.0.4", 8)] {
        rib.insert(
            key(
                "10.9.0.0/24",
                Protocol::Generator,
                Via::NextHop(address(next_hop)),
            ),
            Route {
                metric,
                ..Route::of(Protocol::Generator)
            },
        );
    }
    assert_eq!(fib(&rib, "10.9.0.0/24"), via(&[(PORT_0, Some("10.0.0.5"))]));
    insert(&mut rib, over("10.9.0.0/24", "10.0.0.2"));
    assert_eq!(fib(&rib, "10.9.0.0/24"), via(&[(PORT_0, Some("10.0.0.2"))]));
    // The best link goes down: the floating route takes over.
    rib.set_interface(PORT_0, false, None);
    settle(&mut rib);
    assert_eq!(fib(&rib, "10.9.0.0/24"), via(&[(PORT_1, Some("10.0.1.2"))]));
}

#[test]
fn a_distance_of_255_is_never_used() {
    let mut rib = two_links();
    let never = static_route(
        prefix("10.9.0.0/24"),
        Via::NextHop(address("10.0.1.2")),
        Some(255),
    );
    insert(&mut rib, never);
    settle(&mut rib);
    assert_eq!(fib(&rib, "10.9.0.0/24"), None);
}

#[test]
fn equal_routes_share_the_traffic_sorted_and_at_most_sixteen() {
    let mut rib = two_links();
    for host in (2..=40).rev() {
        insert(&mut rib, over("10.9.0.0/24", &format!("10.0.0.{host}")));
    }
    settle(&mut rib);
    let Some(FibEntry::Via(paths)) = fib(&rib, "10.9.0.0/24") else {
        panic!("the prefix is not forwarded");
    };
    assert_eq!(paths.len(), PATHS_MAX);
    assert!(paths.is_sorted());
    assert_eq!(paths[0].next_hop, Some(address("10.0.0.2")));
}

#[test]
fn a_discarding_route_drops_and_ends_the_search_for_a_next_hop() {
    let mut rib = two_links();
    insert(&mut rib, over("0.0.0.0/0", "10.0.0.2"));
    insert(&mut rib, static_route(prefix("20.0.0.0/8"), Via::Discard, None));
    insert(&mut rib, over("30.0.0.0/8", "20.0.0.1"));
    settle(&mut rib);
    assert_eq!(fib(&rib, "20.0.0.0/8"), Some(FibEntry::Drop));
    assert_eq!(fib(&rib, "30.0.0.0/8"), None);
}

#[test]
fn a_more_specific_route_wins_over_one_that_discards_and_leaves_the_rest_to_it() {
    let mut rib = two_links();
    insert(&mut rib, static_route(prefix("20.0.0.0/8"), Via::Discard, None));
    insert(&mut rib, over("20.1.0.0/16", "10.0.1.2"));
    settle(&mut rib);
    let entry = |rib: &Rib<V4>, to: &str| rib.lookup(address(to)).map(|(_, entry)| entry.clone());
    assert_eq!(entry(&rib, "20.1.2.3"), via(&[(PORT_1, Some("10.0.1.2"))]));
    assert_eq!(entry(&rib, "20.2.0.1"), Some(FibEntry::Drop));
    assert_eq!(
        rib.offered(prefix("20.0.0.0/8")).map(|route| route.protocol),
        Some(Protocol::Static)
    );
    rib.remove(&over("20.1.0.0/16", "10.0.1.2").0);
    settle(&mut rib);
    assert_eq!(entry(&rib, "20.1.2.3"), Some(FibEntry::Drop));
}

#[test]
fn a_longer_prefix_takes_a_next_hop_over() {
    let mut rib = two_links();
    insert(&mut rib, over("0.0.0.0/0", "10.0.0.2"));
    insert(&mut rib, over("30.0.0.0/8", "20.1.1.1"));
    settle(&mut rib);
    assert_eq!(fib(&rib, "30.0.0.0/8"), via(&[(PORT_0, Some("10.0.0.2"))]));
    insert(&mut rib, over("20.1.0.0/16", "10.0.1.2"));
    settle(&mut rib);
    assert_eq!(fib(&rib, "30.0.0.0/8"), via(&[(PORT_1, Some("10.0.1.2"))]));
    rib.remove(&over("20.1.0.0/16", "10.0.1.2").0);
    settle(&mut rib);
    assert_eq!(fib(&rib, "30.0.0.0/8"), via(&[(PORT_0, Some("10.0.0.2"))]));
}

#[test]
fn a_change_within_the_budget_leaves_the_rest_for_the_next_turn() {
    let mut rib = two_links();
    insert(&mut rib, over("20.0.0.0/8", "10.0.0.2"));
    for number in 0..1000 {
        let to = format!("30.{}.{}.0/24", number / 256, number % 256);
        insert(&mut rib, over(&to, "20.0.0.1"));
    }
    settle(&mut rib);
    insert(&mut rib, over("20.0.0.0/16", "10.0.1.2"));
    let moved = |rib: &Rib<V4>| {
        let to_other_link = via(&[(PORT_1, Some("10.0.1.2"))]);
        (rib.fib.iter())
            .filter(|(_, entry)| Some(*entry) == to_other_link.as_ref())
            .count()
    };
    let mut before = moved(&rib);
    while !rib.run(100) {
        let after = moved(&rib);
        assert!(after - before <= 100, "{} rows in one turn", after - before);
        before = after;
    }
    assert_eq!(moved(&rib), 1001);
}

#[test]
fn the_static_routes_can_be_replaced_as_a_whole() {
    let mut rib = two_links();
    insert(&mut rib, over("10.9.0.0/24", "10.0.0.2"));
    insert(&mut rib, over("10.8.0.0/24", "10.0.0.2"));
    let desired = BTreeMap::from([over("10.8.0.0/24", "10.0.0.2"), over("10.7.0.0/24", "10.0.1.2")]);
    rib.replace_static(&desired);
    settle(&mut rib);
    assert_eq!(fib(&rib, "10.9.0.0/24"), None);
    assert_eq!(fib(&rib, "10.8.0.0/24"), via(&[(PORT_0, Some("10.0.0.2"))]));
    assert_eq!(fib(&rib, "10.7.0.0/24"), via(&[(PORT_1, Some("10.0.1.2"))]));
}
