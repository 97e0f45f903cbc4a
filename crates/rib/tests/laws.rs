//! The laws of checkpointing, the law of the FIB, and the keys' order.

mod common;

use checkpoint::Key;
use checkpoint::laws::{delta_law, snapshot_law};
use common::*;
use core::net::Ipv6Addr;
use machine::PortId;
use packet::{Family, Ipv4Addr, Prefix, V4, V6};
use proptest::prelude::*;
use rib::{NextHopKey, Protocol, Rib, Route, RouteFamily, RouteKey, RouteType, SweepKey, Via};

/// What happens to a RIB. Few addresses, so that routes depend on each other, in loops too.
#[derive(Clone, Debug)]
enum Edit {
    Insert(RouteKey<V4>, Route),
    Remove(RouteKey<V4>),
    Link(u8, bool, u8),
    Generate(u32),
    Run(usize),
    Replace(Prefix<V4>, Vec<(Via<V4>, Route)>),
    Track(Ipv4Addr, bool),
    Tell(usize),
    Hold(bool),
}

fn edit_prefix() -> impl Strategy<Value = Prefix<V4>> {
    (0u8..4, prop::sample::select(vec![0u8, 7, 8, 16, 24, 32])).prop_map(|(net, length)| {
        Prefix::new(Ipv4Addr::new(20 + net, 0, 0, 1), length).expect("a length up to 32")
    })
}

fn edit_via() -> impl Strategy<Value = Via<V4>> {
    let next_hop = || {
        prop_oneof![
            (0u8..4).prop_map(|net| Ipv4Addr::new(20 + net, 0, 0, 1)),
            (0u8..3, 1u8..4).prop_map(|(net, host)| Ipv4Addr::new(10, 0, net, host)),
        ]
    };
    let port = || (0u8..3).prop_map(|card| PortId::new(card, 0));
    prop_oneof![
        8 => next_hop().prop_map(Via::NextHop),
        1 => port().prop_map(Via::Attached),
        1 => (port(), next_hop()).prop_map(|(port, address)| Via::Neighbor(port, address)),
        1 => Just(Via::Discard),
    ]
}

fn edit_key() -> impl Strategy<Value = RouteKey<V4>> {
    let protocol = prop::sample::select(vec![Protocol::Static, Protocol::Bgp, Protocol::Generator]);
    (edit_prefix(), protocol, edit_via()).prop_map(|(prefix, protocol, via)| RouteKey {
        prefix,
        protocol,
        via,
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    let route =
        (prop::sample::select(vec![1u8, 1, 200, 255]), 0u32..2).prop_map(|(distance, metric)| Route {
            distance,
            metric,
            ..Route::of(Protocol::Static)
        });
    let paths = prop::collection::vec((edit_via(), 0u32..2), 0..3);
    let paths = paths.prop_map(|paths| {
        let route = |(via, med)| (via, Route::bgp(RouteType::External, med, 65_001));
        paths.into_iter().map(route).collect::<Vec<_>>()
    });
    prop_oneof![
        6 => (edit_key(), route).prop_map(|(key, route)| Edit::Insert(key, route)),
        3 => edit_key().prop_map(Edit::Remove),
        3 => (0u8..3, any::<bool>(), 0u8..3).prop_map(|(port, up, net)| Edit::Link(port, up, net)),
        1 => (0u32..200).prop_map(Edit::Generate),
        4 => (1usize..6).prop_map(Edit::Run),
        6 => (edit_prefix(), paths).prop_map(|(prefix, paths)| Edit::Replace(prefix, paths)),
        2 => (0u8..4, any::<bool>()).prop_map(|(net, tracks)| {
            Edit::Track(Ipv4Addr::new(20 + net, 0, 0, 1), tracks)
        }),
        2 => (1usize..4).prop_map(Edit::Tell),
        1 => any::<bool>().prop_map(Edit::Hold),
    ]
}

impl Edit {
    fn apply(&self, world: &mut World) {
        match self {
            Edit::Insert(key, route) => world.rib.insert(*key, *route),
            Edit::Remove(key) => {
                world.rib.remove(key);
            }
            Edit::Link(port, up, net) => {
                let address = format!("10.0.{net}.1/24");
                world
                    .rib
                    .set_interface(PortId::new(*port, 0), *up, interface(&address));
            }
            Edit::Generate(target) => {
                let next_hops = [Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(20, 0, 0, 1)];
                world
                    .generator
                    .start(*target, 7, &next_hops)
                    .expect("the same seed and next hops");
                world.generator.run(&mut world.rib, 20);
            }
            Edit::Run(budget) => {
                world.rib.run(*budget);
            }
            Edit::Replace(prefix, paths) => world.rib.replace(*prefix, Protocol::Bgp, paths),
            Edit::Track(next_hop, true) => drop(world.rib.track(*next_hop)),
            Edit::Track(next_hop, false) => world.rib.untrack(*next_hop),
            Edit::Tell(count_max) => {
                world.rib.take_next_hop_changes(*count_max);
                world.rib.take_redistribution_changes(*count_max);
            }
            Edit::Hold(true) => world.rib.hold_sweep(Protocol::Bgp),
            Edit::Hold(false) => world.rib.converged(Protocol::Bgp),
        }
    }
}

/// The FIB that the same routes give to a router that gets them all at once, in another order.
fn fib_from_scratch(rib: &Rib<V4>) -> Rib<V4> {
    let mut fresh = Rib::new();
    for (NextHopKey(address), next_hop) in rib.next_hops.iter() {
        if next_hop.tracked {
            fresh.track(*address);
        }
    }
    for (key, route) in rib.routes.iter().rev() {
        fresh.insert(*key, *route);
    }
    // Links came as plain routes here: what depends on ports is to be looked at once more.
    for card in 0..3 {
        let port = PortId::new(card, 0);
        fresh.sweeps.insert(SweepKey::Port(port), rib::Sweep::default());
    }
    settle(&mut fresh);
    fresh
}

fn same_fib(a: &Rib<V4>, b: &Rib<V4>) -> Result<(), TestCaseError> {
    let rows = |rib: &Rib<V4>| {
        let rows: Vec<_> = rib.fib.iter().map(|(key, entry)| (*key, entry.clone())).collect();
        rows
    };
    prop_assert_eq!(rows(a), rows(b));
    let next_hops = |rib: &Rib<V4>| {
        let rows: Vec<_> = (rib.next_hops.iter())
            .map(|(key, next_hop)| {
                (
                    *key,
                    next_hop.paths.clone(),
                    next_hop.looked_up.clone(),
                    next_hop.reach(),
                )
            })
            .collect();
        rows
    };
    prop_assert_eq!(next_hops(a), next_hops(b));
    let offers = |rib: &Rib<V4>| rib.offers_after(None, usize::MAX).collect::<Vec<_>>();
    prop_assert_eq!(offers(a), offers(b));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_settled_fib_is_a_function_of_the_routes(edits in prop::collection::vec(edit(), 1..60)) {
        let mut world = empty();
        for edit in &edits {
            edit.apply(&mut world);
        }
        settle(&mut world.rib);
        same_fib(&world.rib, &fib_from_scratch(&world.rib))?;
    }

    #[test]
    fn the_delta_law_holds_and_a_promoted_standby_comes_to_the_same_fib(
        edits in prop::collection::vec((0usize..2000, edit()), 1..60)
    ) {
        let edits = edits.into_iter().map(|(room, edit)| {
            let edit: Box<dyn FnOnce(&mut World)> = Box::new(move |world| edit.apply(world));
            (room, edit)
        });
        let mut pair = delta_law(empty(), empty, edits).map_err(TestCaseError::fail)?;
        // The standby is promoted in the middle of whatever sweeps there are.
        pair.standby.rib.promoted();
        prop_assert_eq!(pair.standby.rib.has_pending(), pair.active.rib.has_pending());
        prop_assert_eq!(pair.standby.generator.has_pending(), pair.active.generator.has_pending());
        for world in [&mut pair.active, &mut pair.standby] {
            while !world.generator.run(&mut world.rib, 7) {}
            settle(&mut world.rib);
        }
        same_fib(&pair.active.rib, &pair.standby.rib)?;
        same_fib(&pair.standby.rib, &fib_from_scratch(&pair.standby.rib))?;
    }

    #[test]
    fn the_snapshot_law_holds(edits in prop::collection::vec(edit(), 1..60)) {
        let mut world = empty();
        for edit in &edits {
            edit.apply(&mut world);
        }
        let pair = snapshot_law(world, empty).map_err(TestCaseError::fail)?;
        same_fib(&pair.active.rib, &pair.standby.rib)?;
    }
}

fn v4_address() -> impl Strategy<Value = Ipv4Addr> + Clone {
    any::<u32>().prop_map(Ipv4Addr::from_bits)
}

fn v6_address() -> impl Strategy<Value = Ipv6Addr> + Clone {
    any::<u128>().prop_map(Ipv6Addr::from_bits)
}

fn any_key<F: RouteFamily>(
    address: impl Strategy<Value = F::Address> + Clone,
) -> impl Strategy<Value = RouteKey<F>> {
    let port = || (0u8..16, any::<u8>()).prop_map(|(card, port)| PortId::new(card, port));
    let via = prop_oneof![
        port().prop_map(Via::Own),
        port().prop_map(Via::Attached),
        (port(), address.clone()).prop_map(|(port, address)| Via::Neighbor(port, address)),
        address.clone().prop_map(Via::NextHop),
        Just(Via::Discard),
    ];
    let protocol = prop::sample::select(vec![
        Protocol::Local,
        Protocol::Broadcast,
        Protocol::Connected,
        Protocol::Static,
        Protocol::Bgp,
        Protocol::Generator,
    ]);
    // Short lengths make equal networks likely, so that the later parts of the key decide.
    let length = prop_oneof![0u8..4, 0u8..=F::WIDTH];
    (address, length, protocol, via).prop_map(|(address, length, protocol, via)| RouteKey {
        prefix: Prefix::new(address, length).expect("a length within the width"),
        protocol,
        via,
    })
}

fn encoded<K: Key>(key: &K) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.encode(&mut bytes);
    bytes
}

fn key_law<K: Key + core::fmt::Debug>(a: &K, b: &K) -> Result<(), TestCaseError> {
    let (a_bytes, b_bytes) = (encoded(a), encoded(b));
    prop_assert_eq!(a.cmp(b), a_bytes.cmp(&b_bytes));
    prop_assert!(a_bytes.len() <= 255);
    let back = K::decode(&a_bytes);
    prop_assert!(back.as_ref() == Some(a), "{:?} came back as {:?}", a, back);
    Ok(())
}

proptest! {
    #[test]
    fn keys_keep_their_order_and_come_back_in_both_families(
        a in any_key::<V4>(v4_address()), b in any_key::<V4>(v4_address()),
        c in any_key::<V6>(v6_address()), d in any_key::<V6>(v6_address()),
    ) {
        key_law(&a, &b)?;
        key_law(&c, &d)?;
        let same_prefix = RouteKey { prefix: a.prefix, ..b };
        key_law(&a, &same_prefix)?;
        key_law(&a, &RouteKey { protocol: a.protocol, ..same_prefix })?;
        let sweeps = |key: &RouteKey<V4>| [
            SweepKey::Within(key.prefix),
            SweepKey::Behind(key.prefix.network()),
            SweepKey::Port(key.via.port().unwrap_or(PORT_0)),
        ];
        for (x, y) in sweeps(&a).iter().flat_map(|x| sweeps(&b).map(|y| (*x, y))) {
            key_law(&x, &y)?;
        }
        key_law(&NextHopKey::<V6>(c.prefix.network()), &NextHopKey(d.prefix.network()))?;
    }

    #[test]
    fn bytes_that_are_no_key_are_refused(bytes: Vec<u8>) {
        if let Some(key) = RouteKey::<V4>::decode(&bytes) {
            prop_assert_eq!(encoded(&key), bytes.clone());
        }
        if let Some(key) = SweepKey::<V6>::decode(&bytes) {
            prop_assert_eq!(encoded(&key), bytes.clone());
        }
        if let Some(key) = NextHopKey::<V4>::decode(&bytes) {
            prop_assert_eq!(encoded(&key), bytes);
        }
    }
}

#[test]
fn keys_have_their_golden_bytes() {
    let key = key("10.9.0.0/24", Protocol::Static, Via::NextHop(address("10.0.0.2")));
    assert_eq!(encoded(&key), [10, 9, 0, 0, 24, 0x20, 4, 10, 0, 0, 2]);
    let key = RouteKey::<V4> {
        via: Via::Neighbor(PortId::new(1, 2), address("10.0.0.2")),
        ..key
    };
    assert_eq!(encoded(&key), [10, 9, 0, 0, 24, 0x20, 3, 0, 0, 1, 2, 10, 0, 0, 2]);
    assert_eq!(V4::NAME, "IPv4");
}
