//! Walks over all paths of a family, as much in a turn as the caller allows.

use ::checkpoint::{Key, Row};
use alloc::vec::Vec;
use core::ops::Bound;
use machine::StepKind;
use packet::Prefix;

use crate::family::{RouteKey, ToldKey};
use crate::id::{AttributeId, GroupId, PeerId};
use crate::import::PolicyFamily;
use crate::paths::Paths;
use crate::rib::{Common, FamilyRib, Rib};

/// Fewest sets released before it is worth to look for those that nobody names.
const COLLECT_MIN: u64 = 1024;
/// Rows that one step takes at once.
const SWEEP_BATCH: usize = 256;

/// What a walk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SweepKey {
    /// Takes out the stale paths of a neighbour.
    Stale(PeerId),
    /// Takes out all paths of a neighbour.
    Gone(PeerId),
    /// Puts the paths of a neighbour through its policy again.
    Import(PeerId),
    /// Decides again, and tells again what policy makes of it now.
    Decide,
    /// Forgets what a group was told that nobody is a member of any more.
    Group(GroupId),
    /// Tells a group where its policy makes something else now of what it was told.
    Policy(GroupId),
    /// Has the routing table look at each prefix again.
    Install,
}

impl Key for SweepKey {
    fn encode(&self, out: &mut Vec<u8>) {
        let (kind, number) = match self {
            SweepKey::Stale(peer) => (1, peer.0),
            SweepKey::Gone(peer) => (2, peer.0),
            SweepKey::Import(peer) => (3, peer.0),
            SweepKey::Decide => (4, 0),
            SweepKey::Group(group) => (5, group.0),
            SweepKey::Policy(group) => (6, group.0),
            SweepKey::Install => (7, 0),
        };
        out.push(kind);
        out.extend_from_slice(&number.to_be_bytes());
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        let &[kind, high, low] = bytes else {
            return None;
        };
        let number = u16::from_be_bytes([high, low]);
        Some(match kind {
            1 => SweepKey::Stale(PeerId(number)),
            2 => SweepKey::Gone(PeerId(number)),
            3 => SweepKey::Import(PeerId(number)),
            4 if number == 0 => SweepKey::Decide,
            5 => SweepKey::Group(GroupId(number)),
            6 => SweepKey::Policy(GroupId(number)),
            7 if number == 0 => SweepKey::Install,
            _ => return None,
        })
    }
}

/// Where a walk is: each place is the last prefix looked at, as a row's key.
///
/// Asked for again while under way, it goes on to the end, and then once more from the start to where it was when asked:
/// so it comes to everything, however often it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// How far it is; empty at the start.
    pub position: Vec<u8>,
    /// How far to go once more after the end; empty: not at all.
    pub again_until: Vec<u8>,
    /// How far this round goes; empty: to the end.
    pub until: Vec<u8>,
}

impl Sweep {
    /// It was asked for again.
    fn asked_again(self) -> Sweep {
        Sweep {
            again_until: self.position.clone(),
            until: Vec::new(),
            ..self
        }
    }

    /// It has come to `reached`; `None`: to the end of the table. Returns where it goes on, `None` when it is done.
    fn moved<K: Key + Ord>(self, reached: Option<Vec<u8>>) -> Option<Sweep> {
        let is_within = |reached: &Vec<u8>| match K::decode(&self.until) {
            Some(until) => K::decode(reached).is_some_and(|reached| reached < until),
            None => true,
        };
        match reached.filter(is_within) {
            Some(position) => Some(Sweep { position, ..self }),
            None if self.again_until.is_empty() => None,
            None => Some(Sweep {
                until: self.again_until,
                ..Sweep::default()
            }),
        }
    }
}

/// Tagged form of [`Sweep`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct BgpSweepRecord {
    /// See [`Sweep::position`].
    #[prost(bytes = "vec", tag = "1")]
    pub position: Vec<u8>,
    /// See [`Sweep::again_until`].
    #[prost(bytes = "vec", tag = "2")]
    pub again_until: Vec<u8>,
    /// See [`Sweep::until`].
    #[prost(bytes = "vec", tag = "3")]
    pub until: Vec<u8>,
}

impl Row for Sweep {
    type Record = BgpSweepRecord;

    fn to_record(&self) -> BgpSweepRecord {
        let Sweep {
            position,
            again_until,
            until,
        } = self;
        BgpSweepRecord {
            position: position.clone(),
            again_until: again_until.clone(),
            until: until.clone(),
        }
    }

    fn from_record(record: BgpSweepRecord) -> Result<Self, &'static str> {
        Ok(Sweep {
            position: record.position,
            again_until: record.again_until,
            until: record.until,
        })
    }
}

impl Rib {
    /// Starts a walk over both families; one that is under way comes to everything once more.
    pub fn start_sweep(&mut self, key: SweepKey) {
        self.v4.start_sweep(key);
        self.v6.start_sweep(key);
    }

    /// Starts a walk over one family: 0 is IPv4, 1 is IPv6.
    pub fn start_sweep_of(&mut self, family: u8, key: SweepKey) {
        match family {
            0 => self.v4.start_sweep(key),
            _ => self.v6.start_sweep(key),
        }
    }

    /// Goes on with walks, for at most `budget` rows, and tells what changed by that; returns whether nothing is left.
    pub fn run(&mut self, budget: usize) -> bool {
        self.common.common_step(StepKind::Decide);
        let left = self.v4.run(&mut self.common, budget);
        let left = self.v6.run(&mut self.common, left);
        self.flush();
        self.common.common_step(StepKind::Decide);
        self.forget_empty_groups();
        if left > 0 {
            self.collect_attributes(left);
        }
        self.common.steps.end();
        left > 0 && !self.has_pending() && self.common.collected_after.is_none()
    }

    /// Whether [`Rib::run`] has something to do.
    pub fn has_pending(&self) -> bool {
        !self.v4.sweeps.is_empty() || !self.v6.sweeps.is_empty()
    }

    /// Whether this walk is under way in either family.
    pub(crate) fn is_under_way(&self, key: SweepKey) -> bool {
        self.v4.sweeps.contains_key(&key) || self.v6.sweeps.contains_key(&key)
    }

    /// A next hop's metric, or whether it can be reached, changed.
    pub fn next_hop_changed(&mut self, next_hop: crate::reach::NextHopKey, metric: Option<u32>) {
        let before = self.common.next_hops.get(&next_hop).copied();
        let now = crate::reach::Reach { metric };
        if before == Some(now) {
            return;
        }
        self.common.next_hops.insert(next_hop, now);
        self.start_sweep(SweepKey::Decide);
    }

    /// Groups without members whose walk has ended.
    fn forget_empty_groups(&mut self) {
        let is_empty = |group: &GroupId| {
            let members = self.common.members.get(group);
            members.is_none_or(|members| members.is_empty())
                && !self.is_under_way(SweepKey::Group(*group))
                && !self.is_under_way(SweepKey::Policy(*group))
        };
        let empty: Vec<GroupId> = self
            .common
            .groups
            .iter()
            .map(|(id, _)| *id)
            .filter(is_empty)
            .collect();
        for group in empty {
            let has_told = self.v4.has_told(group) || self.v6.has_told(group);
            if has_told {
                self.start_sweep(SweepKey::Group(group));
            } else {
                self.common.trim_due.insert(group);
                self.trim_logs();
                self.common.members.remove(&group);
                self.common.groups.remove(&group);
            }
        }
    }

    /// Goes on with taking out attribute sets that no row names any more, for at most `budget` sets. A pass over all of
    /// them starts once so many were released that it is worth it.
    fn collect_attributes(&mut self, budget: usize) {
        let released = self.v4.paths.index().references().released()
            + self.v6.paths.index().references().released()
            + self.v4.told.index().references().released()
            + self.v6.told.index().references().released();
        let common = &mut self.common;
        if common.collected_after.is_none() {
            let worth = (common.attributes.sets.len() as u64 / 8).max(COLLECT_MIN);
            if released - common.collected_at.min(released) < worth {
                return;
            }
            common.collected_at = released;
        }
        let start = match common.collected_after {
            Some(after) => Bound::Excluded(after),
            None => Bound::Unbounded,
        };
        let sets = common.attributes.sets.range((start, Bound::Unbounded));
        let batch: Vec<AttributeId> = sets.take(budget).map(|(id, _)| *id).collect();
        common.collected_after = batch.last().copied().filter(|_| batch.len() == budget);
        let is_unused = |id: &AttributeId| {
            self.v4.paths.index().references().count(*id) == 0
                && self.v6.paths.index().references().count(*id) == 0
                && self.v4.told.index().references().count(*id) == 0
                && self.v6.told.index().references().count(*id) == 0
        };
        let unused: Vec<AttributeId> = batch.into_iter().filter(is_unused).collect();
        if !unused.is_empty() {
            // Their numbers may be given out again.
            self.common.caches.clear();
            self.common.known_next_hop = AttributeId::NONE;
        }
        for id in &unused {
            self.common.attributes.sets.remove(id);
        }
        if self.common.collected_after.is_none() {
            self.collect_next_hops();
        }
    }
}

impl<F: PolicyFamily> FamilyRib<F> {
    fn start_sweep(&mut self, key: SweepKey) {
        let before = self.sweeps.get(&key).cloned();
        let sweep = before.map_or(Sweep::default(), Sweep::asked_again);
        self.sweeps.insert(key, sweep);
    }

    /// The walk that is next: they take turns, so that one that is asked for again and again keeps no other waiting.
    fn next_sweep(&self) -> Option<(SweepKey, Sweep)> {
        let after = self.last_sweep.map_or(Bound::Unbounded, Bound::Excluded);
        let mut later = self.sweeps.range((after, Bound::Unbounded));
        let next = later.next().or_else(|| self.sweeps.iter().next());
        next.map(|(key, sweep)| (*key, sweep.clone()))
    }

    /// Returns what is left of the budget.
    fn run(&mut self, common: &mut Common, budget: usize) -> usize {
        let mut left = budget;
        while left > 0 {
            let Some((key, sweep)) = self.next_sweep() else {
                break;
            };
            self.last_sweep = Some(key);
            let position = &sweep.position;
            let batch = left.min(SWEEP_BATCH);
            let reached = match key {
                SweepKey::Group(group) => self.forget_told(group, batch),
                SweepKey::Policy(group) => self.tell_policy(common, group, position, batch),
                _ => self.sweep(common, key, position, batch),
            };
            match sweep.moved::<RouteKey<F>>(reached) {
                Some(sweep) => self.sweeps.insert(key, sweep),
                None => drop(self.sweeps.remove(&key)),
            }
            left -= batch;
        }
        left
    }

    /// Looks at the next prefixes; returns where it came to, or `None` at the end.
    fn sweep(
        &mut self,
        common: &mut Common,
        key: SweepKey,
        position: &[u8],
        batch: usize,
    ) -> Option<Vec<u8>> {
        let start = match RouteKey::<F>::decode(position) {
            Some(after) => Bound::Excluded(after),
            None => Bound::Unbounded,
        };
        let prefixes: Vec<Prefix<F>> = self
            .paths
            .range((start, Bound::Unbounded))
            .take(batch)
            .map(|(key, _)| key.0)
            .collect();
        for prefix in &prefixes {
            match key {
                SweepKey::Stale(peer) | SweepKey::Gone(peer) | SweepKey::Import(peer) => {
                    common.step(StepKind::Decide, peer);
                }
                SweepKey::Decide | SweepKey::Group(_) | SweepKey::Policy(_) | SweepKey::Install => {
                    common.step_among(self.get(*prefix));
                }
            }
            self.look_at(common, key, *prefix);
        }
        common.common_step(StepKind::Decide);
        let last = prefixes.last().filter(|_| prefixes.len() == batch)?;
        let mut reached = Vec::new();
        RouteKey(*last).encode(&mut reached);
        Some(reached)
    }

    fn look_at(&mut self, common: &mut Common, key: SweepKey, prefix: Prefix<F>) {
        match key {
            SweepKey::Stale(peer) => {
                let generation = common.peer(peer).map(|peer| peer.generation);
                self.edit(common, prefix, |paths| {
                    paths.retain(|path| path.peer != peer || Some(path.generation) == generation);
                });
            }
            SweepKey::Gone(peer) => self.forget(common, prefix, peer),
            SweepKey::Import(peer) => {
                let path = self.paths.get(&RouteKey(prefix)).and_then(|paths| paths.of(peer));
                if let Some(path) = path.copied() {
                    // What is stale stays so: the neighbour has not said it again.
                    self.admit(common, prefix, peer, path.received, path.generation);
                }
            }
            SweepKey::Decide => {
                self.edit(common, prefix, |_| {});
                // What policy out makes of it may differ though the path is the same.
                let best = self.get(prefix).and_then(Paths::best).copied();
                self.changed.push((prefix, best));
            }
            SweepKey::Install => self.for_routing.push(prefix),
            SweepKey::Group(_) | SweepKey::Policy(_) => {}
        }
    }

    fn has_told(&self, group: GroupId) -> bool {
        self.told_of(group).next().is_some()
    }

    fn told_of(&self, group: GroupId) -> impl Iterator<Item = ToldKey<F>> + '_ {
        let first = ToldKey {
            group,
            prefix: Prefix::DEFAULT,
        };
        self.told
            .range(first..)
            .map(|(key, _)| *key)
            .take_while(move |key| key.group == group)
    }

    fn forget_told(&mut self, group: GroupId, batch: usize) -> Option<Vec<u8>> {
        let keys: Vec<ToldKey<F>> = self.told_of(group).take(batch).collect();
        for key in &keys {
            self.told.remove(key);
        }
        (keys.len() == batch).then(Vec::new)
    }

    /// The paths to a prefix.
    pub fn get(&self, prefix: Prefix<F>) -> Option<&Paths> {
        self.paths.get(&RouteKey(prefix))
    }
}
