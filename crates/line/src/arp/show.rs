//! `show arp`, in pages.

use ::machine::{Instant, PortId};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Bound;
use packet::Ipv4Addr;

use super::machine::{Arp, Key};

/// Where a page ended: a port and an address on it.
pub type Position = (PortId, Ipv4Addr);

/// What a line says of an address.
enum Entry {
    Own(String),
    Neighbor(String, Option<Instant>),
    Incomplete,
}

/// `show arp`: at most `lines_max` entries after `after`, by port and address, and where to go on; `None` at the end.
/// The first page (`after` is `None`) has the table's head.
pub fn arp(
    arp: &Arp,
    now: Instant,
    after: Option<Position>,
    lines_max: usize,
) -> (Vec<String>, Option<Position>) {
    let lines_max = lines_max.max(1);
    let start = match after {
        Some((port, next_hop)) => Bound::Excluded(Key { port, next_hop }),
        None => Bound::Unbounded,
    };
    // One more than is shown of each kind is enough to know whether something follows.
    let mut entries = BTreeMap::new();
    let rows = arp.adjacencies.range((start, Bound::Unbounded));
    for (key, adjacency) in rows.take(lines_max + 1) {
        let mac = adjacency.mac.to_string();
        entries.insert(*key, Entry::Neighbor(mac, arp.heard_at(key)));
    }
    for key in arp
        .asked_for()
        .filter(|key| is_after(key, after))
        .take(lines_max + 1)
    {
        entries.insert(*key, Entry::Incomplete);
    }
    for (port, interface) in arp.interfaces() {
        let key = Key {
            port,
            next_hop: interface.address.address(),
        };
        if is_after(&key, after) {
            entries.insert(key, Entry::Own(interface.mac.to_string()));
        }
    }
    let mut lines = Vec::new();
    if after.is_none() {
        lines.push(String::from(
            "Protocol  Address          Age (min)  Hardware Addr   Type   Interface",
        ));
    }
    let more = entries.len() > lines_max;
    let mut reached = None;
    for (key, entry) in entries.iter().take(lines_max) {
        lines.push(line(now, key, entry));
        reached = Some((key.port, key.next_hop));
    }
    (lines, reached.filter(|_| more))
}

fn is_after(key: &Key, after: Option<Position>) -> bool {
    after.is_none_or(|after| (key.port, key.next_hop) > after)
}

fn line(now: Instant, key: &Key, entry: &Entry) -> String {
    let (age, hardware) = match entry {
        Entry::Own(mac) => (String::from("-"), mac.as_str()),
        Entry::Neighbor(mac, heard_at) => {
            let age = heard_at.map_or(0, |at| (now - at).as_secs() / 60);
            (age.to_string(), mac.as_str())
        }
        Entry::Incomplete => (String::from("0"), "Incomplete"),
    };
    let interface = match entry {
        Entry::Own(_) | Entry::Neighbor(..) => format!("   Ethernet{}", key.port),
        Entry::Incomplete => String::new(),
    };
    format!(
        "Internet  {:<15}{age:>10}   {hardware:<14}  ARPA{interface}",
        key.next_hop.to_string()
    )
}
