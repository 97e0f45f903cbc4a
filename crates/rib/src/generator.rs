//! A client that installs many synthetic IPv4 routes, so that the cost of a large table can be measured.
//!
//! The mixture follows what the internet's table looks like: 61 % /24, the rest /22 to /20, in clusters. Each /16 drawn
//! holds [`CLUSTER_ROUTES`] prefixes that do not overlap; which /16 comes next, and in which order its prefixes come,
//! follows from the seed. The n-th prefix is a function of (seed, n), so the state is a count.

use alloc::vec::Vec;
use checkpoint::{Row, TableId, Tracked};
use core::fmt;
use core::net::Ipv4Addr;
use machine::Seed;
use packet::{Address, Prefix, V4};

use crate::{Protocol, Rib, Route, RouteKey, Via};

/// The table with the generator's only row, under key 0.
pub const GENERATOR_TABLE: TableId = TableId(21);
/// Most routes that the generator has.
pub const GENERATOR_ROUTES_MAX: u32 = CLUSTERS * CLUSTER_ROUTES;

/// Prefixes of each of the lengths 20, 21 and 22 in a cluster.
const CLUSTER_SHORT: u32 = 7;
/// Prefixes of length 24 in a cluster.
const CLUSTER_LONG: u32 = 33;
/// Prefixes of a cluster.
const CLUSTER_ROUTES: u32 = 3 * CLUSTER_SHORT + CLUSTER_LONG;
/// First octets that hold private, documentation, benchmark or loopback networks: none of ours.
const SPARED: [u8; 8] = [10, 100, 127, 169, 172, 192, 198, 203];
/// Number of clusters: the /16s of all other unicast first octets.
const CLUSTERS: u32 = (223 - SPARED.len() as u32) * 256;
const ROW: u32 = 0;

/// What the generator does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GeneratorState {
    /// Routes that shall be installed.
    pub target: u32,
    /// Routes that are installed: the first ones.
    pub installed: u32,
    /// Which prefixes.
    pub seed: u64,
    /// The routes point to these in turn.
    pub next_hops: Vec<Ipv4Addr>,
}

/// Tagged form of [`GeneratorState`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct GeneratorRecord {
    /// See [`GeneratorState::target`].
    #[prost(uint32, tag = "1")]
    pub target: u32,
    /// See [`GeneratorState::installed`].
    #[prost(uint32, tag = "2")]
    pub installed: u32,
    /// See [`GeneratorState::seed`].
    #[prost(fixed64, tag = "3")]
    pub seed: u64,
    /// See [`GeneratorState::next_hops`]; each as its 32 bits.
    #[prost(fixed32, repeated, tag = "4")]
    pub next_hops: Vec<u32>,
}

impl Row for GeneratorState {
    type Record = GeneratorRecord;

    fn to_record(&self) -> GeneratorRecord {
        let GeneratorState {
            target,
            installed,
            seed,
            next_hops,
        } = self;
        GeneratorRecord {
            target: *target,
            installed: *installed,
            seed: *seed,
            next_hops: next_hops.iter().map(|address| address.to_bits()).collect(),
        }
    }

    fn from_record(record: GeneratorRecord) -> Result<Self, &'static str> {
        if record.target > GENERATOR_ROUTES_MAX {
            return Err("target");
        }
        if record.installed > GENERATOR_ROUTES_MAX {
            return Err("installed");
        }
        if record.next_hops.is_empty() && record.target.max(record.installed) > 0 {
            return Err("next hops");
        }
        Ok(GeneratorState {
            target: record.target,
            installed: record.installed,
            seed: record.seed,
            next_hops: record.next_hops.into_iter().map(Ipv4Addr::from_bits).collect(),
        })
    }
}

/// Why the generator cannot start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneratorBusy {
    /// It has routes with another seed or other next hops: stop it, and wait until they are gone.
    OtherRoutes,
    /// More routes than [`GENERATOR_ROUTES_MAX`] were asked for.
    TooMany,
    /// No next hop was given.
    NoNextHop,
}

impl fmt::Display for GeneratorBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GeneratorBusy::OtherRoutes => {
                f.write_str("the generator's routes of another seed or next hop are still installed")
            }
            GeneratorBusy::TooMany => write!(f, "the generator has at most {GENERATOR_ROUTES_MAX} routes"),
            GeneratorBusy::NoNextHop => f.write_str("the generator needs a next hop"),
        }
    }
}

impl core::error::Error for GeneratorBusy {}

/// Installs routes, some at each call, until there are as many as asked for. A promoted standby goes on.
#[derive(Clone, Debug)]
pub struct Generator {
    /// What it does.
    pub state: Tracked<u32, GeneratorState>,
}

impl Default for Generator {
    fn default() -> Self {
        Self::new()
    }
}

impl Generator {
    /// A generator without routes.
    pub fn new() -> Self {
        Self {
            state: Tracked::new(GENERATOR_TABLE),
        }
    }

    /// From now on `target` routes shall be installed, over `next_hops` in turn.
    ///
    /// # Errors
    /// [`GeneratorBusy`]; nothing changes then.
    pub fn start(&mut self, target: u32, seed: u64, next_hops: &[Ipv4Addr]) -> Result<(), GeneratorBusy> {
        if target > GENERATOR_ROUTES_MAX {
            return Err(GeneratorBusy::TooMany);
        }
        if next_hops.is_empty() {
            return Err(GeneratorBusy::NoNextHop);
        }
        let before = self.state.get(&ROW).cloned().unwrap_or_default();
        if before.installed > 0 && (before.seed != seed || before.next_hops != next_hops) {
            return Err(GeneratorBusy::OtherRoutes);
        }
        let state = GeneratorState {
            target,
            installed: before.installed,
            seed,
            next_hops: next_hops.to_vec(),
        };
        self.state.insert(ROW, state);
        Ok(())
    }

    /// From now on no route shall be installed.
    pub fn stop(&mut self) {
        self.state.edit(&ROW, |state| state.target = 0);
    }

    /// Routes that are installed.
    pub fn installed(&self) -> u32 {
        self.state.get(&ROW).map_or(0, |state| state.installed)
    }

    /// Whether `run` has something to do.
    pub fn has_pending(&self) -> bool {
        self.state
            .get(&ROW)
            .is_some_and(|state| state.installed != state.target)
    }

    /// Installs or removes at most `budget` routes; returns whether there are as many as asked for.
    pub fn run(&mut self, rib: &mut Rib<V4>, budget: u32) -> bool {
        let Some(mut state) = self.state.get(&ROW).cloned() else {
            return true;
        };
        for _ in 0..budget {
            if state.installed < state.target {
                rib.insert(route_key(&state, state.installed), Route::of(Protocol::Generator));
                state.installed += 1;
            } else if state.installed > state.target {
                state.installed -= 1;
                rib.remove(&route_key(&state, state.installed));
            } else {
                break;
            }
        }
        let done = state.installed == state.target;
        self.state.insert(ROW, state);
        done
    }
}

fn route_key(state: &GeneratorState, number: u32) -> RouteKey<V4> {
    RouteKey {
        prefix: generated_prefix(state.seed, number),
        protocol: Protocol::Generator,
        via: Via::NextHop(state.next_hops[number as usize % state.next_hops.len()]),
    }
}

/// The prefix with this number, `0..GENERATOR_ROUTES_MAX`; no two numbers of one seed give overlapping ones.
fn generated_prefix(seed: u64, number: u32) -> Prefix<V4> {
    let mut draws = Seed::new(seed);
    let cluster = permuted(&mut draws, number / CLUSTER_ROUTES, CLUSTERS);
    let place = permuted(&mut draws, number % CLUSTER_ROUTES, CLUSTER_ROUTES);
    let (offset, length) = place_in_cluster(place);
    let octet = (1..=223u8)
        .filter(|octet| !SPARED.contains(octet))
        .nth((cluster / 256) as usize)
        .unwrap_or(1);
    let network = u32::from(octet) << 24 | (cluster % 256) << 16 | offset;
    Prefix::new(Ipv4Addr::from_bits(network).masked(length), length).unwrap_or(Prefix::DEFAULT)
}

/// Where the index `place` of a cluster is: offset in addresses, and prefix length. Longer prefixes follow shorter
/// ones, so that each is aligned.
fn place_in_cluster(place: u32) -> (u32, u8) {
    let mut place = place;
    let mut offset = 0;
    for length in [20u8, 21, 22] {
        let size = 1 << (32 - length);
        if place < CLUSTER_SHORT {
            return (offset + place * size, length);
        }
        place -= CLUSTER_SHORT;
        offset += CLUSTER_SHORT * size;
    }
    (offset + place * 256, 24)
}

/// A permutation of `0..count`, drawn from `draws`: x to (a x + b) modulo `count`, with a coprime to it.
fn permuted(draws: &mut Seed, number: u32, count: u32) -> u32 {
    let shift = draws.below(u64::from(count));
    let mut factor = draws.below(u64::from(count)) | 1;
    while greatest_common_divisor(factor, u64::from(count)) != 1 {
        factor += 2;
    }
    // The operands are below 2^17, so the product is far from overflow, and the rest fits.
    ((u64::from(number) * factor + shift) % u64::from(count)) as u32
}

const fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
