//! The tables of routes: what neighbours told, what is best, what neighbours are told.
//!
//! ```text
//!   UPDATE ──▶ [attributes] interned ──▶ policy in ──▶ [paths] ──decide──▶ changed prefixes
//!                                                                               │ flush, once a turn
//!                         [log] ◀── packed by attributes ◀── policy out ◀───────┤
//!                           │                                 [told]            └──▶ to the routing table
//!                 [streams] each neighbour's place in it
//! ```
//!
//! What a turn changes is decided and told within that turn, so that nothing between the two has to survive. What
//! takes longer than a turn (a neighbour's routes going, policy applied anew, a newcomer being told everything) is a
//! walk whose place is a row.

use ::checkpoint::Tracked;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use machine::Steps;
use packet::bgp::NextHop;
use packet::{Prefix, V4, V6};

use crate::attributes::AttributeTable;
use crate::decision::{Candidate, DecisionRules, decide};
use crate::default_route::{DEFAULT_ROUTES_TABLE, DefaultRoute, RouteMapName};
use crate::family::{BgpFamily, MissedKey, RouteKey, ToldKey};
use crate::group::{GROUPS_TABLE, Group};
use crate::id::{AttributeId, GroupId, LogKey, PeerId};
use crate::log::{LOG_TABLE, LogMessage, Missed, STREAMS_TABLE, Stream};
use crate::paths::{BEST, MULTIPATH, Path, Paths, PathsIndex};
use crate::peer::Peer;
use crate::policy::Policies;
use crate::reach::{NEXT_HOPS_TABLE, NextHopKey, Reach};
use crate::sweep::{Sweep, SweepKey};
use crate::told::{Told, ToldIndex};
use crate::trim::Last;

/// The tables of one family.
#[derive(Clone, Debug)]
pub struct FamilyRib<F: BgpFamily> {
    /// All paths to each prefix, and which are used.
    pub paths: Tracked<RouteKey<F>, Paths, PathsIndex>,
    /// What each group was told.
    pub told: Tracked<ToldKey<F>, Told, ToldIndex>,
    /// Walks over the paths that are under way.
    pub sweeps: Tracked<SweepKey, Sweep>,
    /// The walk that went on last.
    pub(crate) last_sweep: Option<SweepKey>,
    /// News that slow neighbours have missed: they are told what is true now, once they read again.
    pub missed: Tracked<MissedKey<F>, Missed>,
    /// Prefixes whose best path changed since the last flush, with that path; the last one of a prefix counts.
    pub(crate) changed: Vec<(Prefix<F>, Option<Path>)>,
    /// Prefixes for the routing table to look at.
    pub(crate) for_routing: Vec<Prefix<F>>,
    /// Prefixes with a path of this turn whose next hop nobody has asked for yet.
    pub(crate) undecided: Vec<Prefix<F>>,
    /// Room for the paths of one prefix while they change.
    scratch: Vec<Path>,
    /// Best paths that changed, from 1.
    version: u64,
}

impl<F: BgpFamily> Default for FamilyRib<F> {
    fn default() -> Self {
        Self {
            paths: Tracked::new(F::PATHS_TABLE),
            told: Tracked::new(F::TOLD_TABLE),
            sweeps: Tracked::new(F::SWEEP_TABLE),
            last_sweep: None,
            missed: Tracked::new(F::MISSED_TABLE),
            changed: Vec::new(),
            for_routing: Vec::new(),
            undecided: Vec::new(),
            scratch: Vec::new(),
            version: 1,
        }
    }
}

/// What all families share.
#[derive(Clone, Debug)]
pub struct Common {
    /// Interned attribute sets.
    pub attributes: AttributeTable,
    /// Update groups.
    pub groups: Tracked<GroupId, Group>,
    /// Default routes that are told on condition, by the route map that says so.
    pub default_routes: Tracked<RouteMapName, DefaultRoute>,
    /// Messages promised.
    pub log: Tracked<LogKey, LogMessage>,
    /// What each neighbour is being sent.
    pub streams: Tracked<PeerId, Stream>,
    /// What next hops cost.
    pub next_hops: Tracked<NextHopKey, Reach>,
    /// Neighbours, by number; from configuration and sessions.
    pub(crate) peers: Vec<Option<Peer>>,
    /// Members of each group.
    pub(crate) members: BTreeMap<GroupId, BTreeSet<PeerId>>,
    /// Lists and route maps.
    pub policies: Policies,
    /// What of the decision is configured.
    pub rules: DecisionRules,
    /// Who we are.
    pub router_id: Ipv4Addr,
    /// Our cluster, as a route reflector.
    pub cluster_id: Ipv4Addr,
    /// Our AS.
    pub as_number: u32,
    /// Where each step is noted before it is made.
    pub steps: Steps,
    pub(crate) caches: Caches,
    /// How often sets had been released when the last pass over them started.
    pub(crate) collected_at: u64,
    /// Where that pass is; `None`: none is under way.
    pub(crate) collected_after: Option<AttributeId>,
    /// Groups whose logs have grown since somebody asked.
    pub(crate) told_groups: BTreeSet<GroupId>,
    /// Next hops that paths of this turn have, and that were not known before it.
    pub(crate) new_next_hops: BTreeSet<NextHopKey>,
    /// Next hops that no path has any more.
    pub(crate) unused_next_hops: Vec<NextHopKey>,
    /// The set that was looked at last, if its next hop is known.
    pub(crate) known_next_hop: AttributeId,
    /// Groups whose logs may hold what nobody needs any more.
    pub(crate) trim_due: BTreeSet<GroupId>,
    /// Groups whose log is long after the last trim, and how long it is.
    pub(crate) long_logs: BTreeMap<GroupId, u64>,
    /// `trim_due` is complete; it is not after a switchover.
    pub(crate) trims_by_turn: bool,
    /// Who was last in the log of each group.
    pub(crate) last_members: BTreeMap<GroupId, Last>,
    /// Neighbours whose first or last walk to a group has come to its end, since the speaker looked.
    pub(crate) walks_ended: BTreeSet<PeerId>,
    /// Members are being found out from rows: none of them is new.
    pub(crate) is_rebuilding: bool,
}

/// What policy makes of a set, as long as it does not depend on the prefix. Cleared whenever a set's number may be
/// given out again, and whenever policy changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caches {
    /// By neighbour and received set: the set taken, and the weight.
    pub import: BTreeMap<(PeerId, AttributeId), (AttributeId, u16)>,
    /// The one looked up last: all routes of an UPDATE have one set.
    pub last_import: Option<((PeerId, AttributeId), (AttributeId, u16))>,
    /// By group, then at the place of the accepted set's number: for the source looked up last, the set told.
    pub export: BTreeMap<GroupId, Vec<Option<(PeerId, AttributeId)>>>,
}

impl Caches {
    pub(crate) fn clear(&mut self) {
        self.import.clear();
        self.last_import = None;
        self.export.clear();
    }

    /// What a group is told a path with, if that is known; `NONE`: it is not told.
    pub(crate) fn exported(
        &self,
        group: GroupId,
        accepted: AttributeId,
        source: PeerId,
    ) -> Option<AttributeId> {
        let (known_source, told) = (*self.export.get(&group)?.get(accepted.index())?)?;
        (known_source == source).then_some(told)
    }

    pub(crate) fn note_exported(
        &mut self,
        group: GroupId,
        accepted: AttributeId,
        source: PeerId,
        told: AttributeId,
    ) {
        let known = self.export.entry(group).or_default();
        if known.len() <= accepted.index() {
            known.resize(accepted.index() + 1, None);
        }
        known[accepted.index()] = Some((source, told));
    }

    /// Keeps them within a bound; what is looked up again is computed again.
    pub(crate) fn trim(&mut self) {
        const ENTRIES_MAX: usize = 1 << 20;
        if self.import.len() > ENTRIES_MAX {
            self.import.clear();
        }
        let entries: usize = self.export.values().map(Vec::len).sum();
        if entries > ENTRIES_MAX {
            self.export.clear();
        }
    }
}

/// All routes of BGP.
#[derive(Clone, Debug)]
pub struct Rib {
    /// What the families share.
    pub common: Common,
    /// IPv4 unicast.
    pub v4: FamilyRib<V4>,
    /// IPv6 unicast.
    pub v6: FamilyRib<V6>,
}

impl Rib {
    /// No routes, no neighbours.
    pub fn new(as_number: u32, router_id: Ipv4Addr) -> Rib {
        Rib {
            common: Common {
                attributes: AttributeTable::default(),
                groups: Tracked::new(GROUPS_TABLE),
                default_routes: Tracked::new(DEFAULT_ROUTES_TABLE),
                log: Tracked::new(LOG_TABLE),
                streams: Tracked::new(STREAMS_TABLE),
                next_hops: Tracked::new(NEXT_HOPS_TABLE),
                peers: Vec::from([Some(Peer::local(router_id))]),
                members: BTreeMap::new(),
                policies: Policies::default(),
                rules: DecisionRules::default(),
                router_id,
                cluster_id: router_id,
                as_number,
                steps: Steps::default(),
                caches: Caches::default(),
                collected_at: 0,
                collected_after: None,
                told_groups: BTreeSet::new(),
                new_next_hops: BTreeSet::new(),
                unused_next_hops: Vec::new(),
                known_next_hop: AttributeId::NONE,
                trim_due: BTreeSet::new(),
                long_logs: BTreeMap::new(),
                trims_by_turn: false,
                last_members: BTreeMap::new(),
                walks_ended: BTreeSet::new(),
                is_rebuilding: false,
            },
            v4: FamilyRib::default(),
            v6: FamilyRib::default(),
        }
    }

    /// Sets what is known of a neighbour, or forgets it. Routes that it told stay until they are withdrawn.
    pub fn set_peer(&mut self, id: PeerId, peer: Option<Peer>) {
        let at = usize::from(id.0);
        let common = &mut self.common;
        if common.peers.len() <= at {
            common.peers.resize(at + 1, None);
        }
        let groups_of = |peer: &Option<Peer>| {
            let groups = peer.as_ref().map(|peer| [peer.group, peer.leaving]);
            groups.unwrap_or_default()
        };
        let (before, now) = (groups_of(&common.peers[at]), groups_of(&peer));
        for group in before.into_iter().flatten() {
            if !now.contains(&Some(group)) {
                common.leave_group(id, group);
            }
        }
        for group in now.into_iter().flatten() {
            common.join_group(id, group);
        }
        common.peers[at] = peer;
        common.caches.clear();
    }

    /// Policy or the decision's rules were changed: what was worked out under the old ones is forgotten. The caller starts the
    /// walks that apply them ([`crate::sweep`]).
    pub fn policy_changed(&mut self) {
        self.common.caches.clear();
    }

    /// The best path's next hops changed for these prefixes, since this was asked last.
    pub fn take_changes_v4(&mut self) -> Vec<Prefix<V4>> {
        core::mem::take(&mut self.v4.for_routing)
    }

    /// The same for IPv6.
    pub fn take_changes_v6(&mut self) -> Vec<Prefix<V6>> {
        core::mem::take(&mut self.v6.for_routing)
    }
}

impl Common {
    fn join_group(&mut self, id: PeerId, group: GroupId) {
        let members = self.members.entry(group).or_default();
        let alone = members.first().copied().filter(|_| members.len() == 1);
        if !members.insert(id) {
            return;
        }
        self.trim_due.insert(group);
        if let Some(alone) = alone.filter(|_| !self.is_rebuilding) {
            self.groups.edit(&group, |group| group.not_alone(alone));
        }
    }

    pub(crate) fn leave_group(&mut self, id: PeerId, group: GroupId) {
        self.trim_due.insert(group);
        if let Some(members) = self.members.get_mut(&group) {
            members.remove(&id);
        }
    }

    /// What is known of a neighbour.
    pub fn peer(&self, id: PeerId) -> Option<&Peer> {
        self.peers.get(usize::from(id.0))?.as_ref()
    }

    /// Cost of the way to a next hop; `None` while there is none.
    pub fn metric(&self, next_hop: NextHop) -> Option<u32> {
        self.next_hops.get(&next_hop.into())?.metric
    }

    /// Cost of the way that a path's packets take; `None` when it cannot be used.
    fn usable(&self, path: &Path) -> Option<u32> {
        let summary = self.attributes.summary(path.accepted)?;
        match path.peer {
            // The router's own routes need no next hop.
            PeerId::LOCAL => Some(0),
            _ => self.metric(summary.next_hop?),
        }
    }

    fn candidate<'a>(&'a self, place: usize, path: &Path) -> Option<Candidate<'a>> {
        let metric = self.usable(path)?;
        let peer = self.peer(path.peer)?;
        Some(Candidate {
            place,
            peer: path.peer,
            summary: self.attributes.summary(path.accepted)?,
            weight: path.weight,
            source: peer.source,
            metric,
            identifier: peer.identifier,
            address: peer.address,
        })
    }

    /// Marks the best path and those that share the load with it.
    pub(crate) fn decide(&self, paths: &mut [Path]) {
        const MARKS: u16 = BEST | MULTIPATH;
        if let [only] = paths {
            let is_usable = self.usable(only).is_some();
            only.flags = only.flags & !MARKS | if is_usable { BEST } else { 0 };
            return;
        }
        let candidates: Vec<Candidate<'_>> = paths
            .iter()
            .enumerate()
            .filter_map(|(place, path)| self.candidate(place, path))
            .collect();
        let decision = decide(&candidates, &self.rules);
        for (place, path) in paths.iter_mut().enumerate() {
            path.flags &= !MARKS;
            if decision.best == Some(place) {
                path.flags |= BEST;
            }
            if decision.multipath.contains(&place) {
                path.flags |= MULTIPATH;
            }
        }
    }
}

/// What of a prefix's paths others can see.
fn visible(paths: &[Path]) -> impl Iterator<Item = (PeerId, AttributeId, u16)> + '_ {
    let used = paths.iter().filter(|path| path.is_used());
    used.map(|path| (path.peer, path.accepted, path.flags & (BEST | MULTIPATH)))
}

impl<F: BgpFamily> FamilyRib<F> {
    /// Changes the paths of a prefix, decides among them, and notes the prefix when others can see the difference.
    pub(crate) fn edit(&mut self, common: &Common, prefix: Prefix<F>, change: impl FnOnce(&mut Vec<Path>)) {
        let mut paths = core::mem::take(&mut self.scratch);
        let mut is_seen = false;
        self.paths.replace(RouteKey(prefix), |before| {
            let before = before.map_or(&[][..], Paths::as_slice);
            paths.clear();
            paths.extend_from_slice(before);
            change(&mut paths);
            common.decide(&mut paths);
            is_seen = !visible(before).eq(visible(&paths));
            Paths::from_slice(&paths)
        });
        if is_seen {
            self.version += 1;
            let best = paths.iter().find(|path| path.is_best()).copied();
            self.changed.push((prefix, best));
        }
        self.scratch = paths;
    }

    /// The table's version: one more for each best path that changed.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The version that a predecessor had come to; one of its own to begin with.
    pub fn set_version(&mut self, version: u64) {
        self.version = version.max(1);
    }

    /// The neighbour's path to a prefix is this one now.
    pub(crate) fn learn(&mut self, common: &Common, prefix: Prefix<F>, path: Path) {
        self.edit(common, prefix, |paths| {
            let place = paths.iter().position(|each| each.peer == path.peer);
            match place {
                Some(place)
                    if (paths[place].received, paths[place].accepted, paths[place].weight)
                        == (path.received, path.accepted, path.weight) =>
                {
                    // Told again: it is as old as it was, and no longer stale.
                    paths[place].generation = path.generation;
                }
                Some(place) => {
                    paths.remove(place);
                    paths.push(path);
                }
                None if paths.len() < crate::paths::PATHS_MAX => paths.push(path),
                None => {}
            }
        });
    }

    /// The neighbour has no path to a prefix any more.
    pub(crate) fn forget(&mut self, common: &Common, prefix: Prefix<F>, peer: PeerId) {
        self.edit(common, prefix, |paths| paths.retain(|path| path.peer != peer));
    }
}
