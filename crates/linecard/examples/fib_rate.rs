//! Prints how many lookups and inserts a second the FIB does with a million synthetic prefixes.
//!
//! `cargo run --release -p linecard --example fib_rate`

use std::hint::black_box;
use std::time::Instant;

use chassis::rows::{FibEntry, Path};
use linecard::Fib;
use machine::{Generation, PortId, Seed};
use packet::{Ipv4Addr, Prefix, V4};

const PREFIXES: usize = 1_000_000;
const LOOKUPS: usize = 20_000_000;
const GROUPS: u64 = 500;

/// Lengths as in a full table: most are /24, a few are longer.
fn length(seed: &mut Seed) -> u8 {
    match seed.below(100) {
        0..60 => 24,
        60..70 => 22,
        70..80 => 23,
        80..88 => 20,
        88..93 => 19,
        93..97 => 16,
        97 => 32,
        98 => 28,
        _ => 12,
    }
}

fn group(number: u64) -> FibEntry<V4> {
    let next_hop = Ipv4Addr::from(0xc000_0200 + number as u32);
    FibEntry::Via(vec![Path {
        port: PortId::new((number % 2) as u8, 0),
        next_hop: Some(next_hop),
    }])
}

fn main() {
    let mut seed = Seed::new(1);
    let rows: Vec<(Prefix<V4>, FibEntry<V4>)> = (0..PREFIXES)
        .map(|_| {
            let length = length(&mut seed);
            let address = Ipv4Addr::from(seed.next_u64() as u32);
            (
                Prefix::new(address, length).expect("within the width"),
                group(seed.below(GROUPS)),
            )
        })
        .collect();
    let addresses: Vec<Ipv4Addr> = (0..1 << 20)
        .map(|_| Ipv4Addr::from(seed.next_u64() as u32))
        .collect();

    let mut fib = Fib::<V4>::new();
    let start = Instant::now();
    for (prefix, entry) in rows.iter().cloned() {
        fib.insert(prefix, entry, 1, Generation(1))
            .expect("fewer groups than numbers");
    }
    rate("inserts", PREFIXES, start);
    println!(
        "{} prefixes, {} groups, table {} MiB",
        fib.len(),
        fib.groups(),
        fib.table_bytes() >> 20
    );

    let start = Instant::now();
    let mut found = 0usize;
    for at in 0..LOOKUPS {
        found += usize::from(fib.lookup(black_box(addresses[at & ((1 << 20) - 1)])).is_some());
    }
    rate("lookups", LOOKUPS, start);
    println!("{found} of {LOOKUPS} found");

    let start = Instant::now();
    for (prefix, entry) in rows.iter().cloned() {
        fib.insert(prefix, entry, 1, Generation(2))
            .expect("fewer groups than numbers");
    }
    rate("refreshes", PREFIXES, start);

    let start = Instant::now();
    for (prefix, _) in &rows {
        fib.remove(*prefix);
    }
    rate("removals", PREFIXES, start);
}

fn rate(what: &str, count: usize, start: Instant) {
    let elapsed = start.elapsed();
    println!(
        "{what}: {:.0}/s ({:.1} ns each)",
        count as f64 / elapsed.as_secs_f64(),
        elapsed.as_nanos() as f64 / count as f64
    );
}
