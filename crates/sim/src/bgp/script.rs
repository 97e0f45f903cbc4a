//! What a neighbour does while things go wrong elsewhere, drawn from a seed of its own.
//!
//! Routes are such that nobody has to guess which is best: neighbour `n` tells paths whose length modulo
//! [`NEIGHBORS_MAX`] is `n`, so two paths to one prefix are never equally long.

use crate::bgp::neighbor::Neighbor;
use crate::bgp::options::{BgpOptions, NEIGHBORS_MAX};
use crate::bgp::route::{Attributes, Routes, prefix_24};
use machine::{Duration, Instant, Seed};
use packet::bgp::Origin;
use packet::{Prefix, V4};

/// First of the AS numbers that paths lead through; that they need four octets is part of the test.
const FOREIGN_AS: u32 = 100_000;
/// First octets of prefixes that only one neighbour tells.
const OWN_NETWORK: u8 = 100;
const OWN_NETWORK_SECOND: u8 = 64;
/// First octet of prefixes that several tell.
const SHARED_NETWORK: u8 = 101;
/// Third octet of the prefix that a neighbour always tells.
const ANCHOR: u8 = 255;
/// Most prefixes that one step changes.
const BATCH_MAX: u64 = 12;

/// The prefix that neighbour `number` always tells: packets to it have to arrive.
pub(crate) fn anchor(number: u8) -> Prefix<V4> {
    prefix_24(OWN_NETWORK, OWN_NETWORK_SECOND + number, ANCHOR)
}

/// A neighbour's script.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    number: u8,
    draws: Seed,
    own: u64,
    shared: u64,
    resets: bool,
    deaf: bool,
    pub(crate) next_at: Option<Instant>,
}

impl Script {
    /// The script of neighbour `number`.
    pub(crate) fn new(number: u8, options: &BgpOptions, draws: Seed) -> Self {
        Self {
            number,
            draws,
            own: u64::from(options.routes).clamp(1, 200),
            shared: u64::from(options.shared_routes),
            resets: options.resets,
            deaf: options.deaf,
            next_at: None,
        }
    }

    fn attributes(&mut self, neighbor: &Neighbor) -> Attributes {
        let internal = neighbor.config.is_internal();
        let length = usize::from(self.number) + usize::from(NEIGHBORS_MAX) * self.draws.below(3) as usize;
        let mut path: Vec<u32> = (0..length).map(|hop| FOREIGN_AS + hop as u32).collect();
        if !internal {
            path.insert(0, neighbor.config.as_number);
        } else {
            path.push(FOREIGN_AS + 99);
        }
        let communities = match self.draws.below(3) {
            0 => vec![65_010 << 16 | self.draws.below(3) as u32],
            _ => Vec::new(),
        };
        Attributes {
            origin: [Origin::Igp, Origin::Incomplete][self.draws.below(2) as usize],
            path,
            next_hop: neighbor.config.address,
            med: self.draws.chance(1, 2).then(|| self.draws.below(100) as u32),
            local_preference: internal.then_some(100),
            communities,
        }
    }

    fn some_prefix(&mut self) -> Prefix<V4> {
        if self.shared > 0 && self.draws.chance(1, 2) {
            prefix_24(SHARED_NETWORK, 0, self.draws.below(self.shared) as u8)
        } else {
            let third = self.draws.below(self.own) as u8;
            prefix_24(OWN_NETWORK, OWN_NETWORK_SECOND + self.number, third)
        }
    }

    /// What is announced from the start.
    pub(crate) fn begin(&mut self, neighbor: &mut Neighbor, now: Instant) {
        let mut routes = Routes::new();
        let attributes = self.attributes(neighbor);
        routes.insert(anchor(self.number), attributes);
        for third in 0..self.own {
            let attributes = self.attributes(neighbor);
            let prefix = prefix_24(OWN_NETWORK, OWN_NETWORK_SECOND + self.number, third as u8);
            routes.insert(prefix, attributes);
        }
        for third in 0..self.shared {
            if self.draws.chance(2, 3) {
                let attributes = self.attributes(neighbor);
                routes.insert(prefix_24(SHARED_NETWORK, 0, third as u8), attributes);
            }
        }
        neighbor.announce(now, routes);
    }

    /// The next thing happens, and one more is due later.
    pub(crate) fn step(&mut self, neighbor: &mut Neighbor, now: Instant) -> &'static str {
        self.next_at = Some(now + Duration::from_millis(5 + self.draws.below(60)));
        if neighbor.is_deaf() {
            return "does not listen";
        }
        match self.draws.below(100) {
            0..40 => {
                self.announce(neighbor, now);
                "announces"
            }
            40..65 => {
                self.withdraw(neighbor, now);
                "withdraws"
            }
            65..75 => {
                // The router has to be right about the last word.
                self.announce(neighbor, now);
                self.withdraw(neighbor, now);
                self.announce(neighbor, now);
                "announces and withdraws"
            }
            75..83 => {
                neighbor.ask_refresh(now);
                "asks for a refresh"
            }
            83..90 if self.deaf => {
                let time = Duration::from_millis(30 + self.draws.below(900));
                neighbor.turn_deaf(now, time);
                "stops reading"
            }
            90..92 if self.resets => {
                neighbor.reset(now, true);
                "resets the session"
            }
            92..94 if self.resets => {
                neighbor.reset(now, false);
                "restarts"
            }
            _ => "rests",
        }
    }

    /// Announces some routes, new ones or with other attributes.
    pub(crate) fn announce(&mut self, neighbor: &mut Neighbor, now: Instant) {
        let mut routes = Routes::new();
        for _ in 0..=self.draws.below(BATCH_MAX) {
            let prefix = self.some_prefix();
            let attributes = self.attributes(neighbor);
            routes.insert(prefix, attributes);
        }
        neighbor.announce(now, routes);
    }

    /// Withdraws some.
    pub(crate) fn withdraw(&mut self, neighbor: &mut Neighbor, now: Instant) {
        let count = 1 + self.draws.below(BATCH_MAX);
        let prefixes: Vec<Prefix<V4>> = (0..count).map(|_| self.some_prefix()).collect();
        neighbor.withdraw(now, &prefixes);
    }
}
