//! A seed's options: each seed draws its own world, and which faults exist in it at all.
//!
//! Uniform chaos hides bugs: a world in which everything fails all the time never gets to the state in which the
//! interesting thing fails. So most seeds have a few kinds of faults, some have one, some have none.

use crate::bgp::BgpOptions;
use crate::options::{ChassisCommands, FaultWeights, LinkOptions, Options, Timing};
use machine::{Duration, Seed};

/// One in so many worlds with BGP has deadly steps.
const POISON_SHARE: u64 = 4;

impl Options {
    /// The options of `seed`.
    pub fn swarm(seed: u64) -> Options {
        let mut draws = Seed::new(seed ^ 0x5377_6172_6d00_0000);
        let heartbeats = [(20, 150), (50, 300), (50, 500)];
        let (keepalive_interval_ms, keepalive_limit_ms) = heartbeats[draws.below(3) as usize];
        // Draws of their own, so that a world without such commands is what it was before they existed.
        let mut more = Seed::new(seed ^ 0x5465_726d_696e_616c);
        let commands = ChassisCommands::swarm(&mut more);
        let cards = 1 + draws.below(3) as u8;
        let bgp = BgpOptions::swarm(seed);
        let poison = poison(seed, &bgp);
        Options {
            cards,
            ports_per_card: if cards == 1 { 2 } else { 1 + draws.below(2) as u8 },
            flows: 1 + draws.below(3) as u8,
            packets_per_second: [40, 100, 300][draws.below(3) as usize],
            probers: draws.below(2) as u8,
            operator: draws.chance(2, 3) || commands.any() || bgp.is_typed() || poison > 0,
            think_ms_max: [4, 15, 50][draws.below(3) as usize],
            phase_one: Duration::from_millis(100 + draws.below(700) + bgp.more_time_ms),
            fault_interval_ms: [15, 40, 120, 250][draws.below(4) as usize],
            faults: FaultWeights {
                poison,
                ..FaultWeights::swarm(&mut draws)
            },
            hung_may_wake: draws.chance(2, 3),
            kill_ms_max: [0, 0, 30, 400][draws.below(4) as usize],
            timing: Timing {
                keepalive_interval_ms,
                keepalive_limit_ms,
                stall_limit_ms: [30, 100, 200][draws.below(3) as usize],
                open_frame_limit_ms: [2, 10][draws.below(2) as usize],
                boot_ms_max: [10, 60, 200][draws.below(3) as usize],
            },
            rp_link: LinkOptions {
                latency_ns: [15_000, 200_000, 2_000_000][draws.below(3) as usize],
                bytes_per_second: [300_000, 10_000_000, 1_000_000_000][draws.below(3) as usize]
                    .max(bgp.link_bytes_per_second()),
                capacity_bytes: [4 * 1024, 64 * 1024, 1024 * 1024][draws.below(3) as usize],
            },
            drift_ppm: [draws.below(401) as i64 - 200, draws.below(401) as i64 - 200],
            turn_bytes_max: [512, 8 * 1024, 512 * 1024][draws.below(3) as usize],
            chunk_bytes: [256, 4 * 1024, 64 * 1024][draws.below(3) as usize],
            routes_max: [20, 100, 300][draws.below(3) as usize],
            older_release: draws.chance(1, 12),
            commands,
            headless_forwarding_disabled: commands.headless_forwarding && more.chance(1, 4),
            boots_in_rpr: commands.mode && more.chance(1, 3),
            bgp,
            plant: None,
        }
    }
}

impl FaultWeights {
    fn swarm(draws: &mut Seed) -> FaultWeights {
        // How many of ten kinds exist in this world.
        let density = [0, 1, 2, 4, 7][draws.below(5) as usize];
        let mut weight = |rarity: u64| {
            let exists = draws.chance(density, 10 * rarity);
            if exists { 1 + draws.below(8) as u32 } else { 0 }
        };
        FaultWeights {
            crash_active: weight(1),
            crash_standby: weight(1),
            crash_in_turn: weight(1),
            crash_in_promotion: weight(2),
            crash_both: weight(3),
            hang_active: weight(1),
            hang_standby: weight(1),
            slow: weight(1),
            link_cut: weight(1),
            link_stall: weight(1),
            link_garbage: weight(1),
            card_pull: weight(2),
            card_crash: weight(2),
            card_link: weight(1),
            disk_full: weight(1),
            disk_torn: weight(1),
            rp_pull: weight(2),
            route_churn: weight(1),
            neighbor_churn: weight(1),
            forced_switchover: weight(1),
            poison: 0,
        }
    }
}

/// How often steps of BGP become deadly, in some of the worlds that have it.
fn poison(seed: u64, bgp: &BgpOptions) -> u32 {
    let mut draws = Seed::new(seed ^ 0x706f_6973_6f6e_0000);
    match bgp.exists() && draws.chance(1, POISON_SHARE) {
        true => 1 + draws.below(4) as u32,
        false => 0,
    }
}
