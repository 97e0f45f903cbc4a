//! How fast a million routes go through: parse, intern, decide, pack, and encode for the standby.
//!
//! `cargo run --release -p bgp --example feed_rate [routes] [routes per UPDATE] [receivers] [noted]` prints one line of JSON. `noted`
//! is 1 when each step is to be noted before it is made, as a route processor does.

use bgp::{Group, GroupId, GroupKey, PeerId, Rib};
use bgp::{Peer, decision::Source};
use checkpoint::Table;
use machine::{FrameNumber, StepNote, StepNotes, Steps};
use packet::bgp::{CanonicalWriter, Context, MESSAGE_LEN_MAX, Update, split, update_v4};
use packet::{Ipv4Addr, Prefix, V4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::{Duration, Instant};

const TURN_BYTES: usize = 64 * 1024;

/// Notes as in the shared page of a chassis: the same stores in the same order, and how many there were.
#[derive(Default)]
struct Page {
    words: [AtomicU64; 5],
    count: AtomicU64,
}

impl StepNotes for Page {
    fn begin(&self, note: StepNote) {
        let [what, high, low, offset, digest] = &self.words;
        what.store(0, Ordering::Relaxed);
        fence(Ordering::Release);
        high.store((note.session >> 64) as u64, Ordering::Relaxed);
        low.store(note.session as u64, Ordering::Relaxed);
        offset.store(note.offset, Ordering::Relaxed);
        digest.store(note.digest, Ordering::Relaxed);
        let kind = u64::from(note.kind.number());
        what.store(1 << 32 | kind << 24 | u64::from(note.client), Ordering::Release);
        let count = self.count.load(Ordering::Relaxed);
        self.count.store(count + 1, Ordering::Relaxed);
    }

    fn end(&self) {
        self.words[0].store(0, Ordering::Release);
    }
}

fn prefixes(count: u32) -> Vec<Prefix<V4>> {
    // Lengths as in the global table: mostly /24. An odd step gives each network once, in no order.
    let network = |number: u32| {
        let mixed = number.wrapping_mul(0x9e37_79b1) % (223 << 16);
        Prefix::new(Ipv4Addr::from((mixed + (1 << 16)) << 8), 24).expect("a length of 24")
    };
    let mut all: Vec<_> = (0..count).map(network).collect();
    let mut seen = all.clone();
    seen.sort_unstable();
    seen.dedup();
    if seen.len() < all.len() {
        all = seen;
    }
    all
}

fn feed(prefixes: &[Prefix<V4>], per_update: usize) -> Vec<u8> {
    let mut stream = Vec::new();
    for (number, chunk) in prefixes.chunks(per_update).enumerate() {
        // About two hundred thousand sets for a million routes, as the global table has.
        let set = number as u32 % 200_000;
        let path = [65001, 3356 + set % 50, 1000 + set % 5000, 100_000 + set];
        let path: Vec<u8> = path
            .iter()
            .flat_map(|number: &u32| number.to_be_bytes())
            .collect();
        let communities: Vec<u8> = (0..3u32)
            .flat_map(|n| ((65001 << 16) | (set % 100 + n)).to_be_bytes())
            .collect();
        let mut block = Vec::new();
        let mut writer = CanonicalWriter::new(&mut block);
        use packet::bgp::{AttributeType as T, Flags as F};
        let mut put =
            |flags, kind, value: &[u8]| writer.attribute(flags, kind, |out| out.extend_from_slice(value));
        put(F::WELL_KNOWN, T::ORIGIN, &[0]);
        put(F::WELL_KNOWN, T::AS_PATH, &[&[2, 4][..], &path].concat());
        put(F::WELL_KNOWN, T::NEXT_HOP, &[192, 0, 2, 1]);
        put(F::OPTIONAL_TRANSITIVE, T::COMMUNITIES, &communities);
        let mut routes = chunk.iter().copied().peekable();
        while routes.peek().is_some() {
            update_v4(&block, &mut routes, MESSAGE_LEN_MAX, &mut stream);
        }
    }
    stream
}

fn drain(rib: &mut Rib, frame: u64) -> (usize, usize) {
    let (mut rows, mut bytes) = (0, 0);
    let tables: [&mut dyn Table; 5] = [
        &mut rib.common.attributes.sets,
        &mut rib.v4.paths,
        &mut rib.v4.told,
        &mut rib.common.log,
        &mut rib.common.streams,
    ];
    for table in tables {
        table.drain(FrameNumber(frame), &mut |key, value| {
            rows += 1;
            bytes += 8 + key.len() + value.map_or(0, <[u8]>::len);
            true
        });
    }
    (rows, bytes)
}

fn rss_mib() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap_or_default();
    let kib: String = line.chars().filter(char::is_ascii_digit).collect();
    kib.parse::<usize>().unwrap_or(0) / 1024
}

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse().expect("a number"));
    let routes = arguments.next().unwrap_or(1_000_000);
    let per_update = arguments.next().unwrap_or(5) as usize;
    let receivers = arguments.next().unwrap_or(1) as u16;
    let page = Arc::new(Page::default());
    let notes: Option<Arc<dyn StepNotes>> = match arguments.next() {
        Some(1) => Some(page.clone()),
        _ => None,
    };
    let prefixes = prefixes(routes);
    let stream = feed(&prefixes, per_update);
    let before = rss_mib();
    let mut rib = Rib::new(65000, Ipv4Addr::new(10, 0, 0, 1));
    rib.common.steps = Steps::new(1602, notes);
    let key = GroupKey {
        four_octet_as: true,
        ipv4: true,
        local_as: 65000,
        local_v4: Some(Ipv4Addr::new(192, 0, 2, 254)),
        send_community: true,
        ..GroupKey::default()
    };
    let group = GroupId(1);
    rib.common.groups.insert(group, Group::new(key));
    rib.next_hop_changed(bgp::NextHopKey::V4(Ipv4Addr::new(192, 0, 2, 1)), Some(0));
    for id in 1..=1 + receivers {
        let peer = Peer {
            source: Source::External,
            address: Ipv4Addr::new(192, 0, 2, id as u8).into(),
            remote_as: 65000 + u32::from(id),
            weight: 0,
            group: Some(group),
            ..Peer::local(Ipv4Addr::new(192, 0, 2, id as u8))
        };
        rib.set_peer(PeerId(id), Some(peer));
        rib.open_stream(PeerId(id), group, 0, &[]);
    }
    let context = Context {
        four_octet_as: true,
        internal: false,
        confederation: false,
        first_as: Some(65001),
        ipv4: true,
        ipv6: false,
    };
    let (mut rows, mut bytes, mut frame) = (0, 0, 0);
    let mut spent = [Duration::ZERO; 4];
    let mut rest = &stream[..];
    let mut sent = 0u64;
    while !rest.is_empty() {
        let start = Instant::now();
        let turn_end = rest.len().saturating_sub(TURN_BYTES);
        while rest.len() > turn_end {
            let message = split(rest, MESSAGE_LEN_MAX).expect("our own").expect("whole");
            let reading = Update::parse(message.body)
                .expect("our own")
                .read(&context)
                .expect("our own");
            rib.update(PeerId(1), &reading);
            rest = &rest[message.bytes.len()..];
        }
        let learnt = Instant::now();
        rib.flush();
        let told = Instant::now();
        for id in 2..=1 + receivers {
            let until = rib.common.streams.get(&PeerId(id)).map_or(0, |stream| stream.end) + 1_000_000;
            rib.fill(PeerId(id), until, usize::MAX);
            let end = rib.common.streams.get(&PeerId(id)).map_or(0, |stream| stream.end);
            rib.acknowledged(PeerId(id), end);
            sent = end;
        }
        rib.fill(PeerId(1), u64::MAX, usize::MAX);
        rib.trim_logs();
        drop(rib.take_changes_v4());
        let filled = Instant::now();
        frame += 1;
        let drained = drain(&mut rib, frame);
        rows += drained.0;
        bytes += drained.1;
        let parts = [learnt - start, told - learnt, filled - told, filled.elapsed()];
        for (sum, part) in spent.iter_mut().zip(parts) {
            *sum += part;
        }
    }
    let millis = spent.map(|part| part.as_millis());
    let total: u128 = millis.iter().sum();
    println!(
        "{{\"routes\":{},\"updates\":{},\"sets\":{},\"learn_ms\":{},\"tell_ms\":{},\"fill_ms\":{},\"encode_ms\":{},\
         \"total_ms\":{total},\"steps\":{},\"rows\":{rows},\"row_mib\":{},\"sent_mib\":{},\"rss_mib\":{}}}",
        prefixes.len(),
        prefixes.len().div_ceil(per_update),
        rib.common.attributes.sets.len(),
        millis[0],
        millis[1],
        millis[2],
        millis[3],
        page.count.load(Ordering::Relaxed),
        bytes >> 20,
        sent >> 20,
        rss_mib() - before,
    );
}
