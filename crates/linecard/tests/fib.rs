//! The FIB against the slowest correct one.

use std::collections::BTreeMap;

use chassis::rows::{FibEntry, Path};
use linecard::Fib;
use linecard::fib::{Groups, LookupFamily};
use machine::{Generation, PortId};
use packet::{Address, Ipv4Addr, Prefix, V4, V6};
use proptest::prelude::*;

const FIRST: Generation = Generation(1);

fn via<F: packet::Family>(port: u8) -> FibEntry<F> {
    FibEntry::Via(vec![Path {
        port: PortId::new(0, port),
        next_hop: None,
    }])
}

fn p(text: &str) -> Prefix<V4> {
    text.parse().unwrap()
}

fn a(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

#[test]
fn an_empty_fib_has_no_route_and_takes_little_memory() {
    let fib = Fib::<V4>::new();
    assert_eq!(fib.lookup(a("10.0.0.1")), None);
    assert!(fib.is_empty() && fib.table_bytes() <= 4096);
}

#[test]
fn the_longest_prefix_wins_whatever_the_order_of_insertion() {
    let prefixes = [
        "0.0.0.0/0",
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.2.0/24",
        "10.1.2.128/25",
        "10.1.2.129/32",
    ];
    for rotation in 0..prefixes.len() {
        let mut fib = Fib::<V4>::new();
        for at in 0..prefixes.len() {
            let at = (at + rotation) % prefixes.len();
            fib.insert(p(prefixes[at]), via(at as u8), 1, FIRST).unwrap();
        }
        for (address, port) in [
            ("9.9.9.9", 0),
            ("10.9.9.9", 1),
            ("10.1.9.9", 2),
            ("10.1.2.3", 3),
            ("10.1.2.200", 4),
            ("10.1.2.129", 5),
        ] {
            assert_eq!(
                fib.lookup(a(address)),
                Some(&via(port)),
                "{address} after rotation {rotation}"
            );
        }
    }
}

#[test]
fn removing_a_prefix_restores_the_one_that_covers_it_and_frees_the_memory() {
    let mut fib = Fib::<V4>::new();
    fib.insert(p("10.0.0.0/8"), via(1), 1, FIRST).unwrap();
    let before = fib.table_bytes();
    for round in 0..100u8 {
        // Another place in the table each time: what is not given back adds up.
        let host = Prefix::host(Ipv4Addr::new(10, round, round, 3));
        let network = Prefix::new(host.network(), 16).unwrap();
        fib.insert(host, via(2), 2, FIRST).unwrap();
        fib.insert(network, via(3), 3, FIRST).unwrap();
        assert_eq!(fib.remove(host).map(|row| row.hash), Some(2));
        assert_eq!(fib.lookup(host.network()), Some(&via(3)));
        assert_eq!(fib.remove(network).map(|row| row.hash), Some(3));
        assert_eq!(fib.lookup(host.network()), Some(&via(1)), "round {round}");
    }
    assert!(
        fib.table_bytes() <= before + (16384 + 256) * 4,
        "nodes are used again"
    );
    assert_eq!(fib.remove(p("10.1.0.0/16")), None);
    assert_eq!(fib.groups(), 1);
}

#[test]
fn equal_treatments_share_one_group() {
    let mut fib = Fib::<V4>::new();
    for network in 0..1000u32 {
        let prefix = Prefix::new(Ipv4Addr::from(network << 12), 20).unwrap();
        fib.insert(prefix, via((network % 3) as u8), 1, FIRST).unwrap();
    }
    assert_eq!((fib.len(), fib.groups()), (1000, 3));
}

#[test]
fn group_numbers_are_bounded_and_used_again() {
    let mut groups = Groups::<V4>::new(2);
    assert_eq!(
        [
            groups.acquire(via(1)),
            groups.acquire(via(2)),
            groups.acquire(via(3))
        ],
        [Some(0), Some(1), None]
    );
    assert_eq!(groups.acquire(via(1)), Some(0), "a second reference");
    groups.release(0);
    assert_eq!((groups.acquire(via(3)), groups.len()), (None, 2));
    groups.release(0);
    assert_eq!(
        (groups.get(0).cloned(), groups.acquire(via(3)), groups.len()),
        (None, Some(0), 2)
    );
}

#[test]
fn a_sweep_takes_what_was_not_refreshed_in_bounded_steps() {
    let mut fib = Fib::<V4>::new();
    fib.insert(p("0.0.0.0/0"), via(9), 1, FIRST).unwrap();
    for network in 0..1000u32 {
        let prefix = Prefix::new(Ipv4Addr::from(network << 8), 24).unwrap();
        fib.insert(prefix, via(1), 1, FIRST).unwrap();
    }
    let second = Generation(2);
    fib.insert(p("0.0.0.0/0"), via(9), 1, second).unwrap();
    for network in (0..1000u32).filter(|network| network % 10 == 0) {
        let prefix = Prefix::new(Ipv4Addr::from(network << 8), 24).unwrap();
        let replaced = fib.insert(prefix, via(1), 1, second).unwrap();
        assert_eq!(replaced.map(|row| row.generation), Some(FIRST));
    }
    let mut steps = 0;
    while fib.sweep(second, 64) == 64 {
        steps += 1;
    }
    assert_eq!((steps, fib.len()), (1001 / 64, 101));
    assert_eq!(fib.lookup(a("0.0.1.1")), Some(&via(9)));
    assert_eq!(fib.lookup(a("0.0.10.1")), Some(&via(1)));
    assert_eq!(
        fib.sweep(second, 1000),
        101,
        "the next sweep starts anew and finds nothing stale"
    );
    assert_eq!(fib.len(), 101);
}

/// Longest match by looking at everything.
fn naive<F: LookupFamily>(rows: &BTreeMap<Prefix<F>, u8>, address: F::Address) -> Option<u8> {
    let holding = rows.iter().filter(|(prefix, _)| prefix.contains(address));
    holding
        .max_by_key(|(prefix, _)| prefix.len())
        .map(|(_, port)| *port)
}

/// Few distinct bits near each stride's border, so that prefixes nest and collide.
fn crowded_key() -> impl Strategy<Value = u128> {
    let parts = (
        0u32..3,
        prop::sample::select(vec![0u32, 1, 2, 3, 0x3f, 0x40]),
        0u32..4,
        any::<u128>(),
    );
    parts.prop_map(|(high, middle, low, rest)| {
        let v4 = 10 << 24 | high << 21 | middle << 14 | low << 6 | low;
        u128::from(v4) << 96 | (rest & 0x3) << 94 | (rest & 0xc)
    })
}

fn agree<F: LookupFamily>(steps: &[(u128, u8, u8)], probes: &[u128]) -> Result<(), TestCaseError> {
    let mut fib = Fib::<F>::new();
    let mut model = BTreeMap::new();
    for (key, length, port) in steps {
        let prefix = Prefix::<F>::new(F::Address::from_key(*key), length % (F::WIDTH + 1)).unwrap();
        if *port == 0 {
            prop_assert_eq!(fib.remove(prefix).is_some(), model.remove(&prefix).is_some());
        } else {
            let replaced = fib.insert(prefix, via(*port), 7, FIRST).unwrap();
            prop_assert_eq!(replaced.is_some(), model.insert(prefix, *port).is_some());
        }
        for key in probes.iter().chain([key]) {
            let address = F::Address::from_key(*key);
            let expected = naive(&model, address).map(via);
            prop_assert_eq!(fib.lookup(address), expected.as_ref(), "{}", address);
        }
    }
    prop_assert_eq!(fib.len(), model.len());
    for prefix in model.into_keys() {
        fib.remove(prefix);
    }
    let left = probes
        .iter()
        .filter(|key| fib.lookup(F::Address::from_key(**key)).is_some())
        .count();
    prop_assert_eq!((left, fib.len(), fib.groups()), (0, 0, 0));
    Ok(())
}

proptest! {
    #[test]
    fn ipv4_lookups_agree_with_a_naive_model(
        steps in prop::collection::vec((crowded_key(), 0u8..=32, 0u8..5), 1..60),
        probes in prop::collection::vec(crowded_key(), 20),
    ) {
        agree::<V4>(&steps, &probes)?;
    }

    #[test]
    fn ipv6_lookups_agree_with_a_naive_model(
        steps in prop::collection::vec((crowded_key(), 0u8..=128, 0u8..5), 1..60),
        probes in prop::collection::vec(crowded_key(), 20),
    ) {
        agree::<V6>(&steps, &probes)?;
    }
}
