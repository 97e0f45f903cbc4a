//! The routing information base.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use chassis::rows::{FibEntry, Path, PrefixKey};
use checkpoint::{Index, Key, SortedMap, Tracked};
use machine::PortId;
use packet::{Family, InterfaceAddress, Prefix};

use crate::RouteFamily;
use crate::behind::behind;
use crate::best::BestChanges;
use crate::hold::Hold;
use crate::next_hop::{NextHop, NextHopIndex, NextHopKey};
use crate::offer::{Offer, OfferIndex};
use crate::resolve::{self, PATHS_MAX, Routes, longest_match};
use crate::route::{
    Protocol, Route, RouteKey, Via, count_down, count_up, decode_address, decode_prefix, encode_address,
    encode_prefix, interface_keys,
};
use crate::sweep::{Sweep, SweepKey};

/// Rows that one step of a sweep takes at once.
const SWEEP_BATCH: usize = 256;

/// All routes of a family and the FIB that follows from them. All its state is in tables, but for what nobody has to remember: the
/// time, and who is to be told of changes.
///
/// `insert`, `remove` and `set_interface` cost O(log routes) each, and leave the rest to [`Rib::run`].
#[derive(Clone, Debug)]
pub struct Rib<F: RouteFamily> {
    /// Every route of every protocol.
    pub routes: Routes<F>,
    /// What each next hop resolves to.
    pub next_hops: Tracked<NextHopKey<F>, NextHop<F>, NextHopIndex<F>>,
    /// What is still to be looked at again.
    pub sweeps: Tracked<SweepKey<F>, Sweep>,
    /// What the cards do, downloaded to them.
    pub fib: Tracked<PrefixKey<F>, FibEntry<F>, FibIndex<F>>,
    /// What other protocols may tell, and whether they know.
    pub offers: Tracked<PrefixKey<F>, Offer<F>, OfferIndex<F>>,
    /// Who holds the sweep at the end of a download back.
    pub holds: Tracked<Protocol, Hold>,
    /// The system's age: what new routes are dated by.
    pub(crate) age_s: u32,
    /// Prefixes that somebody is to look at.
    pub(crate) best_changes: BestChanges<F>,
}

impl<F: RouteFamily> Default for Rib<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: RouteFamily> Rib<F> {
    /// No routes.
    pub fn new() -> Self {
        Self {
            routes: Tracked::new(F::ROUTE_TABLE),
            next_hops: Tracked::new(F::NEXT_HOP_TABLE),
            sweeps: Tracked::new(F::SWEEP_TABLE),
            fib: Tracked::with_recent_changes(F::FIB_TABLE),
            offers: Tracked::new(F::OFFER_TABLE),
            holds: Tracked::new(F::HOLD_TABLE),
            age_s: 0,
            best_changes: BestChanges::default(),
        }
    }

    /// The system is this old now, in seconds: routes that come are dated by it. It is no clock of this route processor,
    /// so a date stays true when another one takes over.
    pub fn set_age(&mut self, age_s: u32) {
        self.age_s = age_s;
    }

    /// How long ago a route came or changed, in seconds.
    pub fn age_of(&self, route: &Route) -> u32 {
        self.age_s.saturating_sub(route.since_s)
    }

    /// Installs `route` under `key`, or replaces what is there. Its date is the present one, unless it says what was said
    /// before.
    pub fn insert(&mut self, key: RouteKey<F>, route: Route) {
        if self.put(key, route) {
            self.changed(key.prefix);
        }
    }

    /// Removes the route under `key`; returns whether there was one.
    pub fn remove(&mut self, key: &RouteKey<F>) -> bool {
        let was_there = self.take(key);
        if was_there {
            self.changed(key.prefix);
        }
        was_there
    }

    /// Makes `desired` the routes that `protocol` has to `prefix`, all of them; none: there is none any more. The FIB
    /// sees the last state only. Costs O(log routes) for each of the routes before and after.
    pub fn replace(&mut self, prefix: Prefix<F>, protocol: Protocol, desired: &[(Via<F>, Route)]) {
        let present = self.routes.range(RouteKey::first_of(prefix)..);
        let gone: Vec<_> = present
            .map(|(key, _)| key)
            .take_while(|key| key.prefix == prefix)
            .filter(|key| key.protocol == protocol)
            .filter(|key| desired.iter().all(|(via, _)| *via != key.via))
            .copied()
            .collect();
        let mut is_changed = false;
        for (via, route) in desired {
            let key = RouteKey {
                prefix,
                protocol,
                via: *via,
            };
            is_changed |= self.put(key, *route);
        }
        for key in &gone {
            is_changed |= self.take(key);
        }
        if is_changed {
            self.changed(prefix);
        }
    }

    /// Returns whether that is a change.
    fn put(&mut self, key: RouteKey<F>, route: Route) -> bool {
        let since_s = self.age_s;
        let mut is_changed = true;
        self.routes.replace(key, |before| {
            let same = before.filter(|before| before.says_the_same(&route));
            is_changed = same.is_none();
            Some(*same.unwrap_or(&Route { since_s, ..route }))
        });
        if let Via::NextHop(address) = key.via
            && is_changed
            && !self.next_hops.contains_key(&NextHopKey(address))
        {
            let resolved = resolve::resolve(&self.routes, address);
            self.next_hops.insert(NextHopKey(address), resolved);
        }
        is_changed
    }

    /// Returns whether there was a route.
    fn take(&mut self, key: &RouteKey<F>) -> bool {
        if self.routes.remove(key).is_none() {
            return false;
        }
        if let Via::NextHop(address) = key.via
            && !self.routes.index().is_used(address)
        {
            let key = NextHopKey(address);
            self.next_hops
                .replace(key, |row| row.filter(|row| row.tracked).cloned());
        }
        true
    }

    /// Makes `desired` the static routes, all of them. Costs the number of static routes.
    pub fn replace_static(&mut self, desired: &BTreeMap<RouteKey<F>, Route>) {
        let statics = self.routes.index().statics();
        let gone: Vec<_> = statics
            .iter()
            .filter(|key| !desired.contains_key(key))
            .copied()
            .collect();
        for key in gone {
            self.remove(&key);
        }
        for (key, route) in desired {
            self.insert(*key, *route);
        }
    }

    /// The link on `port` is up or not, and has this address or none. Equal news are no change.
    ///
    /// Installs or removes the connected network, the own address, and the addresses at the network's ends. Routes
    /// over the port or its network follow with [`Rib::run`].
    pub fn set_interface(&mut self, port: PortId, up: bool, address: Option<InterfaceAddress<F>>) {
        let was_up = self.routes.index().port_is_up(port);
        let desired = address
            .filter(|_| up)
            .map_or(BTreeSet::new(), |address| interface_keys(port, &address));
        let current: BTreeSet<_> = self.routes.index().links_on(port).copied().collect();
        for key in desired.difference(&current) {
            self.insert(*key, Route::of(key.protocol));
        }
        for key in current.difference(&desired) {
            self.remove(key);
        }
        if was_up != self.routes.index().port_is_up(port) {
            self.sweep(SweepKey::Port(port));
        }
    }

    /// Whether the link on `port` is up and has an address.
    pub fn port_is_up(&self, port: PortId) -> bool {
        self.routes.index().port_is_up(port)
    }

    /// Whether `address` is one of the router's own, on a link that is up.
    pub fn is_own(&self, address: F::Address) -> bool {
        let host = self.routes.range(RouteKey::first_of(Prefix::host(address))..);
        host.take_while(|(key, _)| key.prefix == Prefix::host(address))
            .any(|(key, _)| key.protocol == Protocol::Local)
    }

    /// The FIB entry that a packet to `address` is forwarded by, and its prefix.
    pub fn lookup(&self, address: F::Address) -> Option<(Prefix<F>, &FibEntry<F>)> {
        longest_match(self.fib.index().lengths(), address, |prefix| {
            self.fib.get(&PrefixKey(prefix))
        })
    }

    /// The first path to `address`, and the neighbour to hand a packet to on its port; `None` for the router's own
    /// addresses and where there is no route.
    pub fn first_path(&self, address: F::Address) -> Option<(PortId, F::Address)> {
        match self.lookup(address)?.1 {
            FibEntry::Receive | FibEntry::Drop => None,
            FibEntry::Via(paths) => paths
                .first()
                .map(|path| (path.port, path.next_hop.unwrap_or(address))),
        }
    }

    /// Goes on with what changes left behind, for at most `budget` rows; returns whether nothing is left.
    pub fn run(&mut self, budget: usize) -> bool {
        let mut left = budget;
        while left > 0
            && let Some((key, position)) = self.next_sweep()
        {
            let batch = left.min(SWEEP_BATCH);
            let (looked_at, reached) = match key {
                SweepKey::Port(port) => self.sweep_port(port, &position, batch),
                SweepKey::Within(prefix) => self.sweep_within(prefix, &position, batch),
                SweepKey::Behind(next_hop) => self.sweep_behind(next_hop, &position, batch),
            };
            if looked_at < batch {
                self.sweeps.remove(&key);
            } else {
                self.sweeps.insert(key, Sweep { position: reached });
            }
            left = left.saturating_sub(looked_at.max(1));
        }
        !self.has_pending()
    }

    fn next_sweep(&self) -> Option<(SweepKey<F>, Vec<u8>)> {
        let (key, sweep) = self.sweeps.iter().next()?;
        Some((*key, sweep.position.clone()))
    }

    /// Whether `run` has something to do.
    pub fn has_pending(&self) -> bool {
        !self.sweeps.is_empty()
    }

    /// This route processor has become active. Everything is in the tables: there is nothing to do, and sweeps under
    /// way go on with the next [`Rib::run`].
    pub fn promoted(&mut self) {}

    /// The routes that make the FIB entry of `prefix`, sorted; empty when there is none.
    pub fn best(&self, prefix: Prefix<F>) -> Vec<RouteKey<F>> {
        resolve::best(&self.routes, prefix, |key| self.is_usable(key))
    }

    /// Whose routes to `prefix` are used instead of those of `protocol`; `None`: it has none, or they are used, or nobody's
    /// are.
    pub fn preferred_over(&self, prefix: Prefix<F>, protocol: Protocol) -> Option<Protocol> {
        let present = self.routes.range(RouteKey::first_of(prefix)..);
        let mut of_prefix = present.map(|(key, _)| key).take_while(|key| key.prefix == prefix);
        if !of_prefix.any(|key| key.protocol == protocol) {
            return None;
        }
        let best = self.best(prefix);
        match best.iter().any(|key| key.protocol == protocol) {
            true => None,
            false => best.first().map(|key| key.protocol),
        }
    }

    fn is_usable(&self, key: &RouteKey<F>) -> bool {
        match key.via {
            Via::Own(_) | Via::Discard => true,
            Via::Attached(port) | Via::Neighbor(port, _) => self.routes.index().port_is_up(port),
            Via::NextHop(address) => self
                .next_hops
                .get(&NextHopKey(address))
                .is_some_and(|next_hop| !next_hop.paths.is_empty()),
        }
    }

    /// The routes to `prefix` changed, or became usable or unusable.
    fn changed(&mut self, prefix: Prefix<F>) {
        self.refresh_fib(prefix);
        if self.next_hops.index().within(prefix, None).next().is_some() {
            self.sweep(SweepKey::Within(prefix));
        }
    }

    fn sweep(&mut self, key: SweepKey<F>) {
        self.sweeps.insert(key, Sweep::default());
    }

    fn refresh_fib(&mut self, prefix: Prefix<F>) {
        let best = self.best(prefix);
        match self.fib_entry(&best) {
            Some(entry) => self.fib.insert(PrefixKey(prefix), entry),
            None => {
                self.fib.remove(&PrefixKey(prefix));
            }
        }
        self.offer(prefix, &best);
        self.note_best_change(prefix);
    }

    fn fib_entry(&self, best: &[RouteKey<F>]) -> Option<FibEntry<F>> {
        let mut paths: Vec<Path<F>> = Vec::new();
        let mut discards = false;
        for key in best {
            match key.via {
                Via::Own(_) => return Some(FibEntry::Receive),
                Via::Attached(port) => paths.push(Path { port, next_hop: None }),
                Via::Neighbor(port, neighbor) => paths.push(Path {
                    port,
                    next_hop: Some(neighbor),
                }),
                Via::NextHop(address) => {
                    let resolved = self.next_hops.get(&NextHopKey(address));
                    paths.extend(resolved.iter().flat_map(|next_hop| &next_hop.paths));
                }
                Via::Discard => discards = true,
            }
        }
        paths.sort_unstable();
        paths.dedup();
        paths.truncate(PATHS_MAX);
        match (paths.is_empty(), discards) {
            (false, _) => Some(FibEntry::Via(paths)),
            (true, true) => Some(FibEntry::Drop),
            (true, false) => None,
        }
    }

    fn sweep_port(&mut self, port: PortId, position: &[u8], batch: usize) -> (usize, Vec<u8>) {
        let routes = self.routes.index().routes_on(port, RouteKey::decode(position));
        let keys: Vec<_> = routes.take(batch).copied().collect();
        let mut reached = Vec::new();
        for key in &keys {
            self.changed(key.prefix);
        }
        if let Some(key) = keys.last() {
            key.encode(&mut reached);
        }
        (keys.len(), reached)
    }

    fn sweep_within(&mut self, prefix: Prefix<F>, position: &[u8], batch: usize) -> (usize, Vec<u8>) {
        let (looked_up, next_hop) = position.split_at(position.len() / 2);
        let after = decode_address::<F>(looked_up).zip(decode_address::<F>(next_hop));
        let pairs: Vec<_> = self.next_hops.index().within(prefix, after).take(batch).collect();
        let mut reached = Vec::new();
        for (_, address) in &pairs {
            self.resolve_again(*address);
        }
        if let Some((looked_up, address)) = pairs.last() {
            encode_address::<F>(*looked_up, &mut reached);
            encode_address::<F>(*address, &mut reached);
        }
        (pairs.len(), reached)
    }

    fn resolve_again(&mut self, address: F::Address) {
        let mut resolved = resolve::resolve(&self.routes, address);
        let key = NextHopKey(address);
        let Some(before) = self.next_hops.get(&key) else {
            return;
        };
        let paths_changed = before.paths != resolved.paths;
        resolved.tracked = before.tracked;
        let is_changed = paths_changed || before.reach() != resolved.reach();
        resolved.is_news = before.is_news || (before.tracked && is_changed);
        self.next_hops.insert(key, resolved);
        if paths_changed {
            self.sweep(SweepKey::Behind(address));
        }
    }

    fn sweep_behind(&mut self, next_hop: F::Address, position: &[u8], batch: usize) -> (usize, Vec<u8>) {
        let after = decode_prefix::<F>(position).and_then(|(prefix, rest)| {
            let protocol = rest.first().and_then(|number| Protocol::from_number(*number));
            protocol.map(|protocol| (prefix, protocol))
        });
        let prefixes: Vec<_> = behind(&self.routes, next_hop, after).take(batch).collect();
        let mut reached = Vec::new();
        for (prefix, _) in &prefixes {
            self.refresh_fib(*prefix);
        }
        if let Some((prefix, protocol)) = prefixes.last() {
            encode_prefix(prefix, &mut reached);
            reached.push(*protocol as u8);
        }
        (prefixes.len(), reached)
    }
}

/// What the FIB's prefixes are counted by.
#[derive(Clone, Debug)]
pub struct FibIndex<F: Family> {
    lengths: BTreeMap<u8, u32>,
    /// Number of prefixes by classful network and length. Class C networks are left out: each has 511 prefixes at most,
    /// which are counted when somebody asks, and a full table has hundreds of thousands of such networks.
    majors: SortedMap<(Prefix<F>, u8), u32>,
}

impl<F: Family> Default for FibIndex<F> {
    fn default() -> Self {
        Self {
            lengths: BTreeMap::new(),
            majors: SortedMap::new(),
        }
    }
}

/// Length of the classful networks that are not counted.
const UNCOUNTED_MAJOR: u8 = 24;

fn counted_major<F: RouteFamily>(prefix: &Prefix<F>) -> Option<Prefix<F>> {
    F::major_network(prefix).filter(|major| major.len() < UNCOUNTED_MAJOR)
}

impl<F: RouteFamily> Index<PrefixKey<F>, FibEntry<F>> for FibIndex<F> {
    fn inserted(&mut self, key: &PrefixKey<F>, _: &FibEntry<F>) {
        count_up(&mut self.lengths, key.0.len());
        if let Some(major) = counted_major(&key.0) {
            self.majors.count_up((major, key.0.len()));
        }
    }

    fn removed(&mut self, key: &PrefixKey<F>, _: &FibEntry<F>) {
        count_down(&mut self.lengths, key.0.len());
        if let Some(major) = counted_major(&key.0) {
            self.majors.count_down(&(major, key.0.len()));
        }
    }
}

impl<F: Family> FibIndex<F> {
    /// Prefix lengths that occur, longest first.
    fn lengths(&self) -> impl Iterator<Item = u8> + '_ {
        self.lengths.keys().rev().copied()
    }
}

impl<F: RouteFamily> Rib<F> {
    /// Number of the FIB's prefixes in the classful network `major`, by length.
    pub(crate) fn lengths_in(&self, major: &Prefix<F>) -> BTreeMap<u8, u32> {
        if major.len() < UNCOUNTED_MAJOR {
            let counted = self.fib.index().majors.range((*major, 0)..=(*major, F::WIDTH));
            return counted.map(|((_, length), count)| (*length, *count)).collect();
        }
        let mut lengths = BTreeMap::new();
        let last = PrefixKey(Prefix::host(major.last()));
        for (key, _) in self.fib.range(PrefixKey(*major)..=last) {
            count_up(&mut lengths, key.0.len());
        }
        lengths
    }
}
