//! Which of several equal paths a packet takes.

use packet::ipv4::{Packet, Protocol};

/// A hash that all packets of a flow share: addresses and protocol, and ports where every packet has them.
///
/// `seed` differs from router to router, so that a chain of them does not always split alike.
pub fn flow_hash(seed: u64, packet: &Packet<&[u8]>) -> u64 {
    let addresses = u64::from(u32::from(packet.source())) << 32 | u64::from(u32::from(packet.destination()));
    let protocol = packet.protocol();
    // Later fragments have no ports, so no fragment's ports count.
    let has_ports = matches!(protocol, Protocol::TCP | Protocol::UDP) && !packet.is_fragment();
    let ports = match packet.payload().first_chunk::<4>() {
        Some(ports) if has_ports => u32::from_be_bytes(*ports),
        _ => 0,
    };
    mix(mix(seed ^ addresses) ^ (u64::from(protocol.0) << 32 | u64::from(ports)))
}

/// Spreads every input bit over the word (the finaliser of SplitMix64).
const fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The usable one of `paths` that a flow takes; `None` when none is usable.
///
/// Flows whose path is usable keep it when another goes down: only the flows of that one move.
pub fn choose<T>(paths: &[T], hash: u64, usable: impl Fn(&T) -> bool) -> Option<&T> {
    let first = paths.get(scale(hash, paths.len()))?;
    if usable(first) {
        return Some(first);
    }
    let left = paths.iter().filter(|path| usable(path)).count();
    paths
        .iter()
        .filter(|path| usable(path))
        .nth(scale(mix(hash), left))
}

/// `hash` mapped to `0..bound`; 0 for an empty range.
fn scale(hash: u64, bound: usize) -> usize {
    ((u128::from(hash) * bound as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_spread_over_all_paths_and_only_those_of_a_dead_one_move() {
        let paths = [0, 1, 2, 3];
        let mut counts = [0; 4];
        for flow in 0..4000u64 {
            let hash = mix(flow);
            let before = *choose(&paths, hash, |_| true).unwrap();
            let after = *choose(&paths, hash, |path| *path != 2).unwrap();
            counts[before] += 1;
            assert!(if before == 2 { after != 2 } else { after == before });
        }
        assert!(
            counts.iter().all(|count| (800..1200).contains(count)),
            "{counts:?}"
        );
        assert_eq!(choose(&paths, 1, |_| false), None);
        assert_eq!(choose::<u8>(&[], 1, |_| true), None);
    }
}
