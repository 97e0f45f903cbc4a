//! How much BGP there is in a world.

use machine::Seed;

/// Most neighbours of one world.
pub const NEIGHBORS_MAX: u8 = 4;
/// Tells worlds with BGP from those without. It is such that the seeds that had found something before there was BGP
/// stay worlds without it.
const SALT: u64 = 0x6267_705f_0001_ff04;
/// One in so many worlds has neighbours.
const SHARE: u64 = 3;
/// Routes of all neighbours together that a slow link between the route processors carries in time.
const ROUTES_OF_SLOW_LINKS: u32 = 60;

/// BGP in a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BgpOptions {
    /// Neighbours, at most [`NEIGHBORS_MAX`]; 0: there is no BGP.
    pub neighbors: u8,
    /// One bit for each neighbour: it is in the router's AS.
    pub internal: u8,
    /// One bit for each neighbour: it offers graceful restart.
    pub graceful: u8,
    /// `bgp graceful-restart`.
    pub router_graceful: bool,
    /// Hold time that neighbours offer, in seconds.
    pub hold_time_s: u16,
    /// Routes that each neighbour tells alone, at most 200.
    pub routes: u16,
    /// Routes that several tell.
    pub shared_routes: u8,
    /// Neighbours reset their sessions, and restart.
    pub resets: bool,
    /// Neighbours stop reading for a while.
    pub deaf: bool,
    /// The operator changes policy, and clears softly.
    pub policy: bool,
    /// The operator shuts neighbours down, removes them, and clears hard.
    pub shutdown: bool,
    /// Things go wrong only once all sessions stand and all is told.
    pub settles_first: bool,
    /// How much longer things go wrong than in other worlds, in milliseconds.
    pub more_time_ms: u64,
}

impl BgpOptions {
    /// The BGP of `seed`, which most worlds have not.
    pub fn swarm(seed: u64) -> BgpOptions {
        let mut draws = Seed::new(seed ^ SALT);
        if !draws.chance(1, SHARE) {
            return BgpOptions::default();
        }
        let bits = |draws: &mut Seed| draws.below(1 << NEIGHBORS_MAX) as u8;
        BgpOptions {
            neighbors: 1 + draws.below(u64::from(NEIGHBORS_MAX)) as u8,
            internal: bits(&mut draws) & bits(&mut draws),
            graceful: bits(&mut draws),
            router_graceful: draws.chance(1, 2),
            hold_time_s: [3, 6, 30][draws.below(3) as usize],
            routes: [1, 10, 10, 200][draws.below(4) as usize],
            shared_routes: [0, 8, 40][draws.below(3) as usize],
            resets: draws.chance(1, 4),
            deaf: draws.chance(1, 3),
            policy: draws.chance(1, 2),
            shutdown: draws.chance(1, 4),
            settles_first: draws.chance(1, 2),
            more_time_ms: [0, 500, 4_000][draws.below(3) as usize],
        }
    }

    /// Whether the operator types anything about it.
    pub fn is_typed(&self) -> bool {
        self.exists() && (self.policy || self.shutdown)
    }

    /// What the link between the route processors has to carry at least. When many sessions come up, all that they tell goes
    /// over it at once; over a link on which that takes longer than an acknowledgement, or a heartbeat, may stay away, the
    /// pair would never be in step, and each start from the configuration only would bring the same again.
    pub fn link_bytes_per_second(&self) -> u64 {
        let routes = u32::from(self.neighbors) * u32::from(self.routes + u16::from(self.shared_routes));
        if routes > ROUTES_OF_SLOW_LINKS {
            10_000_000
        } else {
            0
        }
    }

    /// Whether there is any.
    pub fn exists(&self) -> bool {
        self.neighbors > 0
    }
}
