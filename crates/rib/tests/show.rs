//! The layouts of `show ip route` and `show ip cef`.

mod common;

use common::*;
use packet::V4;
use rib::show::{
    BgpFacts, BgpView, Question, cef, cef_entry, counts, route, routes, summary_lines, view, views,
};
use rib::{Generator, Protocol, Rib, Route, RouteType, Via, static_route};

fn sample() -> Rib<V4> {
    let mut rib = two_links();
    rib.set_interface(PORT_1, true, interface("172.16.1.1/24"));
    for (to, next_hop) in [
        ("0.0.0.0/0", "10.0.0.2"),
        ("10.9.0.0/24", "10.0.0.2"),
        ("10.9.0.0/24", "172.16.1.2"),
        ("192.168.5.0/24", "10.0.0.2"),
        ("192.168.0.0/16", "10.0.0.3"),
        ("198.51.100.64/26", "10.0.0.2"),
        ("198.51.100.128/26", "10.0.0.2"),
        ("203.0.113.0/24", "198.18.0.1"),
    ] {
        insert(&mut rib, over(to, next_hop));
    }
    for (to, via) in [
        ("10.8.0.0/16", Via::Attached(PORT_1)),
        ("10.7.0.0/16", Via::Neighbor(PORT_0, address("10.0.0.7"))),
        ("192.0.2.0/24", Via::Discard),
    ] {
        insert(&mut rib, static_route(prefix(to), via, None));
    }
    settle(&mut rib);
    rib
}

const ROUTES: &str = "\
Codes: L - local, C - connected, S - static, B - BGP, a - application route
       * - candidate default

Gateway of last resort is 10.0.0.2 to network 0.0.0.0

S*    0.0.0.0/0 [1/0] via 10.0.0.2
      10.0.0.0/8 is variably subnetted, 5 subnets, 3 masks
C        10.0.0.0/24 is directly connected, Ethernet0/0
L        10.0.0.1/32 is directly connected, Ethernet0/0
S        10.7.0.0/16 [1/0] via 10.0.0.7, Ethernet0/0
S        10.8.0.0/16 is directly connected, Ethernet1/0
S        10.9.0.0/24 [1/0] via 10.0.0.2
                     [1/0] via 172.16.1.2
      172.16.0.0/16 is variably subnetted, 2 subnets, 2 masks
C        172.16.1.0/24 is directly connected, Ethernet1/0
L        172.16.1.1/32 is directly connected, Ethernet1/0
S     192.0.2.0/24 is directly connected, Null0
S     192.168.0.0/16 [1/0] via 10.0.0.3
S     192.168.5.0/24 [1/0] via 10.0.0.2
      198.51.100.0/26 is subnetted, 2 subnets
S        198.51.100.64 [1/0] via 10.0.0.2
S        198.51.100.128 [1/0] via 10.0.0.2
S     203.0.113.0/24 [1/0] via 198.18.0.1
";

const CEF: &str = "\
Prefix               Next Hop             Interface
0.0.0.0/0            10.0.0.2             Ethernet0/0
10.0.0.0/24          attached             Ethernet0/0
10.0.0.0/32          receive              Ethernet0/0
10.0.0.1/32          receive              Ethernet0/0
10.0.0.255/32        receive              Ethernet0/0
10.7.0.0/16          10.0.0.7             Ethernet0/0
10.8.0.0/16          attached             Ethernet1/0
10.9.0.0/24          10.0.0.2             Ethernet0/0
                     172.16.1.2           Ethernet1/0
172.16.1.0/24        attached             Ethernet1/0
172.16.1.0/32        receive              Ethernet1/0
172.16.1.1/32        receive              Ethernet1/0
172.16.1.255/32      receive              Ethernet1/0
192.0.2.0/24         drop                 Null0
192.168.0.0/16       10.0.0.3             Ethernet0/0
192.168.5.0/24       10.0.0.2             Ethernet0/0
198.51.100.64/26     10.0.0.2             Ethernet0/0
198.51.100.128/26    10.0.0.2             Ethernet0/0
203.0.113.0/24       10.0.0.2             Ethernet0/0
";

fn text(lines: Vec<String>) -> String {
    lines.into_iter().map(|line| line + "\n").collect()
}

#[test]
fn routes_are_shown_under_their_classful_network() {
    let (lines, next) = routes(&sample(), None, None, 1000);
    assert_eq!(next, None);
    assert_eq!(text(lines), ROUTES);
}

#[test]
fn a_router_without_routes_says_so() {
    let (lines, next) = routes(&Rib::new(), None, None, 1000);
    assert_eq!(next, None);
    assert_eq!(
        lines[3..],
        ["Gateway of last resort is not set".to_string(), String::new()]
    );
    assert_eq!(cef(&Rib::new(), None, 1000).0.len(), 1, "the head only");
}

#[test]
fn the_forwarding_table_is_shown_with_received_and_attached_prefixes() {
    let (lines, next) = cef(&sample(), None, 1000);
    assert_eq!(next, None);
    assert_eq!(text(lines), CEF);
}

#[test]
fn pages_of_any_size_give_the_same_lines() {
    let rib = sample();
    for prefixes_max in 1..=25 {
        let all = |rib: &Rib<V4>, after, prefixes_max| routes(rib, None, after, prefixes_max);
        for show in [all, cef] {
            let (mut lines, mut next) = show(&rib, None, prefixes_max);
            while let Some(after) = next {
                let (more, further) = show(&rib, Some(after), prefixes_max);
                lines.extend(more);
                next = further;
            }
            assert_eq!(lines, show(&rib, None, 1000).0, "pages of {prefixes_max}");
        }
    }
}

#[test]
fn one_route_is_shown_in_detail() {
    let rib = sample();
    let cases = [
        (
            Question::Address(address("10.9.0.77")),
            "Routing entry for 10.9.0.0/24\n  Known via \"static\", distance 1, metric 0\n  Routing Descriptor Blocks:\n  \
             * 10.0.0.2\n      Route metric is 0, traffic share count is 1\n    \
             172.16.1.2\n      Route metric is 0, traffic share count is 1\n",
        ),
        (
            Question::Prefix(prefix("10.0.0.0/24")),
            "Routing entry for 10.0.0.0/24\n  Known via \"connected\", distance 0, metric 0 (connected, via interface)\n  \
             Routing Descriptor Blocks:\n  * directly connected, via Ethernet0/0\n      \
             Route metric is 0, traffic share count is 1\n",
        ),
        (
            Question::Address(address("10.0.0.255")),
            "Routing entry for 10.0.0.0/24\n  Known via \"connected\", distance 0, metric 0 (connected, via interface)\n  \
             Routing Descriptor Blocks:\n  * directly connected, via Ethernet0/0\n      \
             Route metric is 0, traffic share count is 1\n",
        ),
        (Question::Prefix(prefix("10.6.0.0/24")), "% Subnet not in table\n"),
        (Question::Prefix(prefix("11.0.0.0/8")), "% Network not in table\n"),
    ];
    for (question, expected) in cases {
        assert_eq!(text(route(&rib, question, None)), expected, "{question:?}");
    }
}

#[test]
fn one_forwarding_entry_is_shown_in_detail() {
    let rib = sample();
    let cases = [
        (
            Question::Address(address("10.9.0.77")),
            "10.9.0.0/24\n  nexthop 10.0.0.2 Ethernet0/0\n  nexthop 172.16.1.2 Ethernet1/0\n",
        ),
        (
            Question::Address(address("10.0.0.1")),
            "10.0.0.1/32\n  receive for Ethernet0/0\n",
        ),
        (
            Question::Prefix(prefix("10.0.0.0/24")),
            "10.0.0.0/24\n  attached to Ethernet0/0\n",
        ),
        (
            Question::Prefix(prefix("192.0.2.0/24")),
            "192.0.2.0/24\n  attached to Null0\n",
        ),
        (Question::Prefix(prefix("10.0.0.0/8")), "%Prefix not found\n"),
    ];
    for (question, expected) in cases {
        assert_eq!(text(cef_entry(&rib, question)), expected, "{question:?}");
    }
}

#[test]
fn a_generated_route_has_its_code_and_distance() {
    let (mut rib, mut generator) = (two_links(), Generator::new());
    generator.start(1, 1, &[address("10.0.0.2")]).expect("idle");
    generator.run(&mut rib, 1);
    let (lines, _) = routes(&rib, None, None, 1000);
    let line = lines
        .iter()
        .find(|line| line.starts_with("a "))
        .expect("its line");
    assert!(line.ends_with(" [200/0] via 10.0.0.2"), "{line}");
}

/// Routes of BGP beside the others: an external one over two next hops, and an internal one over another.
fn with_bgp() -> Rib<V4> {
    let mut rib = two_links();
    rib.set_age(1_000);
    let external = Route::bgp(RouteType::External, 0, 65_001);
    let internal = Route::bgp(RouteType::Internal, 50, 0);
    let via = |next_hop| Via::NextHop(address(next_hop));
    let both = [(via("10.0.0.2"), external), (via("10.0.1.2"), external)];
    rib.replace(prefix("203.0.113.0/24"), Protocol::Bgp, &both);
    rib.replace(
        prefix("20.0.0.0/8"),
        Protocol::Bgp,
        &[(via("10.0.0.2"), internal)],
    );
    insert(&mut rib, over("20.1.0.0/16", "10.0.0.2"));
    settle(&mut rib);
    rib.set_age(1_062);
    rib
}

#[test]
fn routes_of_bgp_have_their_age_and_can_be_shown_alone() {
    let rib = with_bgp();
    let (lines, _) = routes(&rib, Some(Protocol::Bgp), None, 1000);
    assert_eq!(
        text(lines[5..].to_vec()),
        "      20.0.0.0/8 is variably subnetted, 2 subnets, 2 masks\n\
         B        20.0.0.0/8 [200/50] via 10.0.0.2, 00:01:02\n\
         B     203.0.113.0/24 [20/0] via 10.0.0.2, 00:01:02\n\
         \x20                    [20/0] via 10.0.1.2, 00:01:02\n"
    );
    let (lines, _) = routes(&rib, Some(Protocol::Static), None, 1000);
    assert_eq!(lines[6..], ["S        20.1.0.0/16 [1/0] via 10.0.0.2"]);
    let (lines, _) = routes(&rib, Some(Protocol::Connected), None, 1000);
    assert_eq!(lines.len(), 5 + 1 + 4, "both networks and both own addresses");
}

#[test]
fn a_route_of_bgp_is_shown_in_detail() {
    let rib = with_bgp();
    let facts = |_, next_hop| {
        let from = address("192.0.2.1");
        (next_hop == address("10.0.0.2")).then_some(BgpFacts { from, as_hops: 3 })
    };
    let bgp = BgpView {
        as_number: 65_000,
        facts: &facts,
    };
    let shown = route(&rib, Question::Address(address("203.0.113.9")), Some(&bgp));
    assert_eq!(
        text(shown),
        "Routing entry for 203.0.113.0/24\n  \
         Known via \"bgp 65000\", distance 20, metric 0\n  \
         Tag 65001, type external\n  \
         Last update from 10.0.0.2 00:01:02 ago\n  \
         Routing Descriptor Blocks:\n  \
         * 10.0.0.2, from 192.0.2.1, 00:01:02 ago\n      \
         Route metric is 0, traffic share count is 1\n      \
         AS Hops 3\n      \
         Route tag 65001\n      \
         MPLS label: none\n    \
         10.0.1.2, 00:01:02 ago\n      \
         Route metric is 0, traffic share count is 1\n      \
         Route tag 65001\n      \
         MPLS label: none\n"
    );
}

#[test]
fn routes_are_counted_by_their_source() {
    let lines = summary_lines(&counts(&with_bgp()), Some(65_000));
    assert_eq!(
        text(lines),
        "IP routing table name is default (0x0)\n\
         IP routing table maximum-paths is 16\n\
         Route Source    Networks    Subnets\n\
         connected       0           4\n\
         static          0           1\n\
         bgp 65000       3           0\n  \
         External: 2 Internal: 1 Local: 0\n\
         Total           3           5\n"
    );
}

#[test]
fn routes_have_stable_field_names_as_json() {
    let rib = with_bgp();
    let (views, next) = views(&rib, Some(Protocol::Bgp), None, 1000);
    assert_eq!(next, None);
    assert_eq!(
        serde_json::to_string(&views[0]).expect("a view is JSON"),
        r#"{"prefix":"20.0.0.0/8","protocol":"bgp","route_type":"internal","distance":200,"metric":50,"tag":null,"age_s":62,"ways":[{"kind":"next-hop","next_hop":"10.0.0.2","interface":null}]}"#
    );
    assert!(view(&rib, Question::Prefix(prefix("20.2.0.0/16"))).is_none());
}
