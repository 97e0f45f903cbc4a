//! The generator's routes: their mixture, their number, and going on after a switchover.

mod common;

use checkpoint::laws::snapshot_law;
use common::*;
use packet::{Address, Prefix, V4};
use rib::{GENERATOR_ROUTES_MAX, Generator, GeneratorBusy, Protocol, Rib};

const ROUTES: u32 = 20_000;

fn generated(seed: u64, routes: u32) -> Rib<V4> {
    let (mut rib, mut generator) = (two_links(), Generator::new());
    generator
        .start(routes, seed, &[address("10.0.0.2"), address("10.0.1.2")])
        .expect("an idle generator");
    while !generator.run(&mut rib, 2_000) {}
    assert_eq!(generator.installed(), routes);
    rib
}

fn prefixes(rib: &Rib<V4>) -> Vec<Prefix<V4>> {
    (rib.routes.iter())
        .filter(|(key, _)| key.protocol == Protocol::Generator)
        .map(|(key, _)| key.prefix)
        .collect()
}

#[test]
fn prefixes_follow_the_mixture_and_do_not_overlap() {
    let rib = generated(1, ROUTES);
    let prefixes = prefixes(&rib);
    assert_eq!(prefixes.len(), ROUTES as usize);
    let share = |length| {
        let count = prefixes.iter().filter(|prefix| prefix.len() == length).count();
        count * 1000 / prefixes.len()
    };
    assert_eq!(share(24), 611, "in thousandths");
    assert_eq!(share(20) + share(21) + share(22), 387, "rounded down three times");
    for pair in prefixes.windows(2) {
        assert!(pair[0].last() < pair[1].network(), "{pair:?} overlap");
    }
    for prefix in &prefixes {
        let first = prefix.network().to_bytes()[0];
        assert!(
            (1..224).contains(&first) && ![10, 127].contains(&first),
            "{prefix}"
        );
    }
    assert_eq!(rib.fib.len(), ROUTES as usize + 8);
    let (first, second) = (
        via(&[(PORT_0, Some("10.0.0.2"))]),
        via(&[(PORT_1, Some("10.0.1.2"))]),
    );
    for entry in [first, second] {
        let count = rib
            .fib
            .iter()
            .filter(|(_, other)| Some(*other) == entry.as_ref())
            .count();
        assert_eq!(count, ROUTES as usize / 2);
    }
}

#[test]
fn equal_seeds_give_equal_routes() {
    assert_eq!(prefixes(&generated(1, 2_000)), prefixes(&generated(1, 2_000)));
    assert_ne!(prefixes(&generated(1, 2_000)), prefixes(&generated(2, 2_000)));
}

#[test]
fn stopping_removes_what_was_installed() {
    let (mut rib, mut generator) = (two_links(), Generator::new());
    generator.start(5_000, 3, &[address("10.0.0.2")]).expect("idle");
    assert!(!generator.run(&mut rib, 3_000));
    generator.stop();
    assert!(generator.has_pending());
    assert!(!generator.run(&mut rib, 2_000));
    assert!(generator.run(&mut rib, 2_000));
    assert_eq!(rib.fib.len(), 8);
    assert!(rib.next_hops.is_empty());
}

#[test]
fn what_cannot_be_done_is_refused_and_changes_nothing() {
    let (mut rib, mut generator) = (two_links(), Generator::new());
    let next_hop = [address("10.0.0.2")];
    assert_eq!(
        generator.start(GENERATOR_ROUTES_MAX + 1, 3, &next_hop),
        Err(GeneratorBusy::TooMany)
    );
    assert_eq!(generator.start(1, 3, &[]), Err(GeneratorBusy::NoNextHop));
    generator.start(10, 3, &next_hop).expect("idle");
    generator.run(&mut rib, 5);
    assert_eq!(generator.start(10, 4, &next_hop), Err(GeneratorBusy::OtherRoutes));
    generator.start(8, 3, &next_hop).expect("the same routes");
    assert!(generator.run(&mut rib, 5));
    assert_eq!(generator.installed(), 8);
}

#[test]
fn a_promoted_standby_goes_on() {
    let mut world = empty();
    world.rib = two_links();
    world
        .generator
        .start(5_000, 9, &[address("10.0.0.2"), address("10.0.1.2")])
        .expect("idle");
    world.generator.run(&mut world.rib, 2_000);
    let mut standby = snapshot_law(world, empty).expect("equal digests").standby;
    assert_eq!(standby.generator.installed(), 2_000);
    while !standby.generator.run(&mut standby.rib, 2_000) {}
    let expected = generated(9, 5_000);
    assert!(standby.rib.fib.iter().eq(expected.fib.iter()));
}
