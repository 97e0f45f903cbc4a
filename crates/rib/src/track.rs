//! Next hops that a protocol wants to know about.
//!
//! That a change is yet to be told is part of the next hop's row: a promoted standby tells the rest, without looking at
//! any route.

use alloc::vec::Vec;
use chassis::rows::Path;

use crate::next_hop::NextHopKey;
use crate::{Rib, RouteFamily, resolve};

impl<F: RouteFamily> Rib<F> {
    /// Changes of this next hop are told from now on ([`Rib::take_next_hop_changes`]). Returns what it costs to reach it
    /// now; `None`: it cannot be reached. Costs the lookup. Again is no change: news that somebody else waits for stay.
    pub fn track(&mut self, next_hop: F::Address) -> Option<u32> {
        let routes = &self.routes;
        self.next_hops.replace(NextHopKey(next_hop), |before| {
            let mut row = match before {
                Some(before) => before.clone(),
                None => resolve::resolve(routes, next_hop),
            };
            row.tracked = true;
            Some(row)
        });
        self.reach(next_hop)
    }

    /// Nobody wants to know any more.
    pub fn untrack(&mut self, next_hop: F::Address) {
        let is_used = self.routes.index().is_used(next_hop);
        self.next_hops.replace(NextHopKey(next_hop), |before| {
            let mut row = before.filter(|_| is_used)?.clone();
            row.tracked = false;
            row.is_news = false;
            Some(row)
        });
    }

    /// What it costs to reach a next hop that is tracked, or that a route points to; `None`: it cannot be reached, or is
    /// neither.
    pub fn reach(&self, next_hop: F::Address) -> Option<u32> {
        self.next_hops.get(&NextHopKey(next_hop))?.reach()
    }

    /// The first of the ways to a next hop that is tracked, or that a route points to; `None`: it cannot be reached, or is
    /// neither.
    pub fn way(&self, next_hop: F::Address) -> Option<&Path<F>> {
        self.next_hops.get(&NextHopKey(next_hop))?.paths.first()
    }

    /// Whether [`Rib::take_next_hop_changes`] has something.
    pub fn has_next_hop_changes(&self) -> bool {
        self.next_hops.index().news().next().is_some()
    }

    /// At most `count_max` tracked next hops that are reached otherwise, or at another cost, since that was told, each with
    /// what it costs now.
    /// To be acted upon in the same turn; then no change is lost, whenever this route processor dies. A next hop that
    /// came back to what it was between two calls may be among them.
    pub fn take_next_hop_changes(&mut self, count_max: usize) -> Vec<(F::Address, Option<u32>)> {
        let changed: Vec<_> = self.next_hops.index().news().take(count_max).collect();
        let mut changes = Vec::with_capacity(changed.len());
        for next_hop in changed {
            self.next_hops.edit(&NextHopKey(next_hop), |row| {
                row.is_news = false;
                changes.push((next_hop, row.reach()));
            });
        }
        changes
    }
}
