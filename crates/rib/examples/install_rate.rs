//! How fast a protocol's routes go into the routing table and the FIB, and from there into rows for standby and cards.
//!
//! `cargo run --release -p rib --example install_rate [routes]` prints one line of JSON.

use checkpoint::Table;
use machine::{FrameNumber, PortId};
use packet::{InterfaceAddress, Ipv4Addr, Prefix, V4};
use rib::{Protocol, Rib, Route, RouteType, Via};
use std::time::{Duration, Instant};

/// Routes of one turn.
const TURN: usize = 2_000;

/// A network for each number, in no order: the worst that a protocol can do.
fn prefix(number: u32) -> Prefix<V4> {
    let mixed = number.wrapping_mul(0x9e37_79b1) % (223 << 16);
    Prefix::new(Ipv4Addr::from((mixed + (1 << 16)) << 8), 24).expect("a length of 24")
}

fn drain(rib: &mut Rib<V4>, frame: u64) -> usize {
    let tables: [&mut dyn Table; 3] = [&mut rib.routes, &mut rib.next_hops, &mut rib.fib];
    let mut bytes = 0;
    for table in tables {
        table.drain(FrameNumber(frame), &mut |key, value| {
            bytes += 8 + key.len() + value.map_or(0, <[u8]>::len);
            true
        });
    }
    bytes
}

fn main() {
    let routes: u32 = std::env::args()
        .nth(1)
        .map_or(1_000_000, |text| text.parse().expect("a number"));
    let prefixes: Vec<_> = (0..routes).map(prefix).collect();
    let mut rib = Rib::<V4>::new();
    let address = InterfaceAddress::new(Ipv4Addr::new(10, 0, 0, 1), 24).expect("a length of 24");
    rib.set_interface(PortId::new(0, 0), true, Some(address));
    let route = Route::bgp(RouteType::External, 0, 65001);
    let way = [(Via::NextHop(Ipv4Addr::new(10, 0, 0, 2)), route)];
    let (mut install, mut encode) = (Duration::ZERO, Duration::ZERO);
    let mut bytes = 0;
    for (frame, turn) in prefixes.chunks(TURN).enumerate() {
        let began = Instant::now();
        for prefix in turn {
            rib.replace(*prefix, Protocol::Bgp, &way);
        }
        let installed = Instant::now();
        bytes += drain(&mut rib, frame as u64);
        install += installed - began;
        encode += installed.elapsed();
    }
    println!(
        "{{\"routes\":{},\"install_s\":{:.2},\"encode_s\":{:.2},\"row_bytes\":{bytes}}}",
        rib.fib.len(),
        install.as_secs_f64(),
        encode.as_secs_f64()
    );
}
