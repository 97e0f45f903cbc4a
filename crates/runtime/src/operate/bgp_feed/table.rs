//! A table of routes as a neighbour with the whole Internet behind it has it, drawn from a seed.
//!
//! What matters to whoever takes it in is drawn to resemble the Internet's: prefix lengths (three fifths are /24), five
//! to six prefixes to a set of attributes (many sets have one, a few have dozens), paths of four numbers in the middle,
//! a handful of communities. Prefixes of one set are partly neighbours of each other, as what one network has been given
//! at once is; from one to the next they jump. Each prefix comes once.

use machine::Seed;
use packet::bgp::{
    AfiSafi, AttributeType as Type, CanonicalWriter, Flags, MESSAGE_LEN_MAX, Origin, end_of_rib, update_v4,
};
use packet::{Ipv4Addr, Prefix, V4};

/// Most routes of a table: more do not fit between the networks that are not for use.
pub const ROUTES_MAX: u32 = 1_200_000;

/// Prefix lengths, each with how many of a thousand prefixes have it.
const LENGTHS: [(u8, u32); 9] = [
    (24, 600),
    (23, 110),
    (22, 120),
    (21, 50),
    (20, 60),
    (19, 30),
    (18, 16),
    (17, 6),
    (16, 8),
];

/// Most prefixes of a set, each with how many of a thousand sets have no more than that and more than the one before.
const SET_SIZES: [(u32, u32); 6] = [(1, 400), (2, 200), (4, 150), (10, 150), (30, 80), (100, 20)];

/// Numbers in a path behind the neighbour's own, with how many of a thousand paths have them.
const PATH_LENGTHS: [(u32, u32); 7] = [(1, 50), (2, 300), (3, 320), (4, 180), (5, 90), (6, 40), (9, 20)];

/// Most prefixes that follow each other without a jump.
const RUN_MAX: u32 = 8;

/// Draws one of several values by their weights, which make up a thousand.
fn draw(seed: &mut Seed, weights: &[(impl Copy, u32)]) -> usize {
    let mut left = seed.below(1000) as u32;
    for (place, (_, weight)) in weights.iter().enumerate() {
        if left < *weight {
            return place;
        }
        left -= weight;
    }
    weights.len() - 1
}

/// Networks that nobody is given: their first address, and the first address behind them.
const RESERVED: [(u32, u32); 7] = [
    (0x0a00_0000, 0x0b00_0000),
    (0x6440_0000, 0x6480_0000),
    (0x7f00_0000, 0x8000_0000),
    (0xa9fe_0000, 0xa9ff_0000),
    (0xac10_0000, 0xac20_0000),
    (0xc000_0000, 0xc001_0000),
    (0xc0a8_0000, 0xc0a9_0000),
];

/// `count` prefixes in the order in which they are told.
fn prefixes(seed: &mut Seed, count: u32) -> Vec<Prefix<V4>> {
    let mut next = 0x0100_0000_u32;
    let mut runs: Vec<Vec<Prefix<V4>>> = Vec::new();
    let mut left = 0;
    for _ in 0..count.min(ROUTES_MAX) {
        let (length, _) = LENGTHS[draw(seed, &LENGTHS)];
        let size = 1_u32 << (32 - length);
        next = next.next_multiple_of(size);
        while let Some((_, behind)) = RESERVED
            .iter()
            .find(|(first, behind)| next + size > *first && next < *behind)
        {
            next = behind.next_multiple_of(size);
        }
        if left == 0 {
            runs.push(Vec::new());
            left = 1 + seed.below(RUN_MAX.into()) as u32;
        }
        left -= 1;
        let prefix = Prefix::new(Ipv4Addr::from(next), length).expect("a length of at most 32");
        runs.last_mut().expect("one was just made").push(prefix);
        next += size;
    }
    for place in (1..runs.len()).rev() {
        let other = seed.below(place as u64 + 1) as usize;
        runs.swap(place, other);
    }
    runs.concat()
}

/// What a neighbour's table is drawn from.
#[derive(Clone, Copy, Debug)]
pub struct TableSpec {
    /// Decides everything. All neighbours of one seed have the same prefixes.
    pub seed: u64,
    /// Prefixes.
    pub routes: u32,
    /// Which of the neighbours it is, from 0: each has attributes of its own.
    pub neighbor: u32,
    /// The neighbour's AS.
    pub as_number: u32,
    /// The neighbour's address.
    pub next_hop: Ipv4Addr,
}

/// A table as messages.
pub struct Feed {
    /// UPDATEs, the last one being End-of-RIB.
    pub bytes: Vec<u8>,
    /// Prefixes in them.
    pub routes: u32,
    /// Sets of attributes.
    pub sets: u32,
}

/// The whole table as messages, each set with its own.
pub fn feed(spec: &TableSpec) -> Feed {
    let prefixes = prefixes(&mut Seed::new(spec.seed), spec.routes);
    let mut seed = Seed::new(spec.seed.wrapping_add(1 + u64::from(spec.neighbor)));
    let mut bytes = Vec::new();
    let mut block = Vec::new();
    let mut sets = 0;
    let mut rest = &prefixes[..];
    while !rest.is_empty() {
        let place = draw(&mut seed, &SET_SIZES);
        let fewest = place.checked_sub(1).map_or(1, |before| SET_SIZES[before].0 + 1);
        let size = fewest + seed.below(u64::from(SET_SIZES[place].0 - fewest) + 1) as u32;
        let (of_set, others) = rest.split_at(rest.len().min(size as usize));
        block.clear();
        attributes(&mut seed, spec, sets, &mut block);
        let mut of_set = of_set.iter().copied().peekable();
        while of_set.peek().is_some() {
            update_v4(&block, &mut of_set, MESSAGE_LEN_MAX, &mut bytes);
        }
        sets += 1;
        rest = others;
    }
    end_of_rib(AfiSafi::IPV4_UNICAST, &mut bytes);
    Feed {
        bytes,
        routes: prefixes.len() as u32,
        sets,
    }
}

/// A set of its own: the last number of its path is that of no other set.
fn attributes(seed: &mut Seed, spec: &TableSpec, set: u32, block: &mut Vec<u8>) {
    let mut path = vec![spec.as_number];
    let (hops, _) = PATH_LENGTHS[draw(seed, &PATH_LENGTHS)];
    for hop in 1..hops {
        // The first carriers are few, those behind them many.
        let carriers = [12, 300, 4_000][hop.min(3) as usize - 1];
        path.push(1_000 + 7 * seed.below(carriers) as u32);
    }
    path.push(200_000 + set);
    if seed.below(10) == 0 {
        // Told twice more to be less attractive.
        path.extend([200_000 + set; 2]);
    }
    let origin = if seed.below(100) < 85 {
        Origin::Igp
    } else {
        Origin::Incomplete
    };
    let med = (seed.below(5) == 0).then(|| seed.below(500) as u32);
    let communities: Vec<u32> = (0..seed.below(9))
        .map(|_| (1_000 + 7 * seed.below(300) as u32) << 16 | seed.below(1_000) as u32)
        .collect();
    let mut writer = CanonicalWriter::new(block);
    let mut put = |flags, kind, value: &[u8]| {
        writer.attribute(flags, kind, |out| out.extend_from_slice(value));
    };
    put(Flags::WELL_KNOWN, Type::ORIGIN, &[origin as u8]);
    // One sequence.
    let mut segment = vec![2, path.len() as u8];
    segment.extend(path.iter().flat_map(|number| number.to_be_bytes()));
    put(Flags::WELL_KNOWN, Type::AS_PATH, &segment);
    put(Flags::WELL_KNOWN, Type::NEXT_HOP, &spec.next_hop.octets());
    if let Some(med) = med {
        put(Flags::OPTIONAL, Type::MULTI_EXIT_DISC, &med.to_be_bytes());
    }
    if !communities.is_empty() {
        let value: Vec<u8> = communities.iter().flat_map(|value| value.to_be_bytes()).collect();
        put(Flags::OPTIONAL_TRANSITIVE, Type::COMMUNITIES, &value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use packet::bgp::{Context, Kind, Update, split};
    use std::collections::{BTreeMap, BTreeSet};

    fn spec(routes: u32, neighbor: u32) -> TableSpec {
        TableSpec {
            seed: 1,
            routes,
            neighbor,
            as_number: 65001 + neighbor,
            next_hop: Ipv4Addr::new(10, 90, 0, 2),
        }
    }

    /// Prefixes of each UPDATE, with the path's numbers.
    fn read(feed: &Feed) -> Vec<(Vec<Prefix<V4>>, u32)> {
        let context = Context {
            four_octet_as: true,
            internal: false,
            confederation: false,
            first_as: None,
            ipv4: true,
            ipv6: false,
        };
        let mut rest = &feed.bytes[..];
        let mut updates = Vec::new();
        while let Some(message) = split(rest, MESSAGE_LEN_MAX).expect("well-formed") {
            assert_eq!(message.kind, Kind::Update);
            let reading = Update::parse(message.body)
                .and_then(|update| update.read(&context))
                .expect("well-formed");
            assert!(reading.wrong.is_none(), "{:?}", reading.wrong);
            updates.push((reading.reachable.collect(), reading.attributes.path().length()));
            rest = &rest[message.bytes.len()..];
        }
        assert!(rest.is_empty());
        updates
    }

    #[test]
    fn a_table_has_each_prefix_once_and_the_internets_proportions_and_ends_with_end_of_rib() {
        let feed = feed(&spec(100_000, 0));
        let updates = read(&feed);
        assert_eq!(feed.routes, 100_000);
        assert_eq!(updates.last(), Some(&(vec![], 0)), "End-of-RIB");
        let told: Vec<Prefix<V4>> = updates
            .iter()
            .flat_map(|(prefixes, _)| prefixes.clone())
            .collect();
        assert_eq!(told.len(), 100_000);
        assert_eq!(BTreeSet::from_iter(&told).len(), 100_000, "each once");
        let mut lengths: BTreeMap<u8, u32> = BTreeMap::new();
        for prefix in &told {
            *lengths.entry(prefix.len()).or_default() += 1;
            let network = u32::from(prefix.network());
            assert!(
                !RESERVED
                    .iter()
                    .any(|(first, behind)| (*first..*behind).contains(&network))
            );
        }
        assert!((58_000..62_000).contains(&lengths[&24]), "{lengths:?}");
        let per_set = f64::from(feed.routes) / f64::from(feed.sets);
        assert!((5.0..6.5).contains(&per_set), "{per_set} prefixes to a set");
        let hops: u32 = updates.iter().map(|(_, length)| length).sum();
        let hops = f64::from(hops) / updates.len() as f64;
        assert!((3.5..5.5).contains(&hops), "{hops} numbers to a path");
        let follows = told.windows(2).filter(|pair| pair[0].last() < pair[1].network());
        let near = follows.filter(|pair| u32::from(pair[1].network()) - u32::from(pair[0].last()) < 1 << 16);
        let near = near.count();
        assert!((60_000..90_000).contains(&near), "{near} follow the one before");
    }

    #[test]
    fn the_largest_table_fits_and_all_neighbours_have_the_same_prefixes() {
        let set = |feed: &Feed| -> BTreeSet<Prefix<V4>> {
            read(feed)
                .into_iter()
                .flat_map(|(prefixes, _)| prefixes)
                .collect()
        };
        let first = feed(&spec(ROUTES_MAX, 0));
        let prefixes = set(&first);
        assert_eq!(prefixes.len(), ROUTES_MAX as usize);
        assert!(
            prefixes
                .iter()
                .all(|prefix| prefix.network() < Ipv4Addr::new(224, 0, 0, 0))
        );
        let second = feed(&spec(ROUTES_MAX, 1));
        assert_ne!(first.bytes, second.bytes);
        assert_eq!(prefixes, set(&second));
        assert_eq!(first.bytes, feed(&spec(ROUTES_MAX, 0)).bytes, "drawn again");
    }
}
