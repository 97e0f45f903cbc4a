//! What one member's turn costs in an update group of many: each reads its news and acknowledges them in a turn of its
//! own, as TCP brings them.
//!
//! `cargo run --release -p bgp --example member_turns [members] [rounds]` prints one line of JSON.

use bgp::{Group, GroupId, GroupKey, Peer, PeerId, Rib, decision::Source, local_attributes};
use packet::bgp::{NextHop, Origin};
use packet::{Ipv4Addr, Prefix};
use std::time::{Duration, Instant};

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u16>().expect("a number"));
    let members = arguments.next().unwrap_or(5000);
    let rounds = arguments.next().unwrap_or(20);
    let mut rib = Rib::new(65000, Ipv4Addr::new(10, 0, 0, 1));
    let key = GroupKey {
        four_octet_as: true,
        ipv4: true,
        local_as: 65000,
        local_v4: Some(Ipv4Addr::new(192, 0, 2, 254)),
        ..GroupKey::default()
    };
    let group = GroupId(1);
    rib.common.groups.insert(group, Group::new(key));
    for id in 1..=members {
        let address = Ipv4Addr::from(0x0a64_0000 + u32::from(id));
        let peer = Peer {
            source: Source::External,
            remote_as: 65001,
            group: Some(group),
            ..Peer::local(address)
        };
        rib.set_peer(PeerId(id), Some(peer));
        rib.open_stream(PeerId(id), group, 0, &[]);
    }
    let attributes = local_attributes(Origin::Igp, None, Some(NextHop::V4(Ipv4Addr::new(192, 0, 2, 1))));
    let (mut told, mut read, mut acknowledged) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for round in 0..rounds {
        let start = Instant::now();
        let prefix = Prefix::new(Ipv4Addr::new(10, (round >> 8) as u8, round as u8, 0), 24);
        rib.originate_v4(prefix.expect("a length of 24"), &attributes, 32_768, 0);
        rib.flush();
        rib.trim_logs();
        told += start.elapsed();
        let start = Instant::now();
        for id in 1..=members {
            rib.fill(PeerId(id), u64::MAX, 64);
            rib.flush();
            rib.trim_logs();
        }
        read += start.elapsed();
        let start = Instant::now();
        for id in 1..=members {
            let end = rib.common.streams.get(&PeerId(id)).map_or(0, |stream| stream.end);
            rib.acknowledged(PeerId(id), end);
            rib.flush();
            rib.trim_logs();
        }
        acknowledged += start.elapsed();
        assert!(rib.common.log.is_empty(), "everything is acknowledged");
    }
    let turns = u32::from(members) * u32::from(rounds);
    println!(
        "{{\"members\":{members},\"rounds\":{rounds},\"tell_us\":{},\"read_ns_per_turn\":{},\"acknowledge_ns_per_turn\":{}}}",
        told.as_micros() / u128::from(rounds),
        (read / turns).as_nanos(),
        (acknowledged / turns).as_nanos(),
    );
}
