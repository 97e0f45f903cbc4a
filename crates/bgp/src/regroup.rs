//! A change of what neighbours are to be told, while their sessions are established: each is told the difference.
//!
//! ```text
//!   lists, route maps        ──▶ the group is marked ─┐  a minute after the last change,    ┌─▶ same group: walk over its
//!   what a neighbour         ──▶ its group has not    ├─ or `clear ip bgp ... soft out` ───▶│   routes, differences into
//!   is configured with           the key it should    ┘                                     │   its log
//!                                                                                           └─▶ another group: the neighbour
//!                                                                                               moves, told the difference
//! ```
//!
//! When all members of a group are to be told otherwise, and alike, the group stays and only its key changes. Who alone is
//! to be told otherwise moves: his walk compares what both groups were told, prefix by prefix. Until it has come to a
//! prefix, he is told of it as the group that he leaves ([`crate::share`]). Marks, keys, walks and places in logs are rows:
//! a successor goes on with the walks, and waits anew where the time was not over.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use machine::{Deadline, Duration, Instant, Outbox};

use crate::group::{Group, GroupKey};
use crate::id::{GroupId, PeerId};
use crate::log::{Leaving, Walk, WalkKind};
use crate::policy::Policies;
use crate::rib::Rib;
use crate::session::{Families, Offer};
use crate::speaker::{Speaker, SpeakerOutput};
use crate::sweep::SweepKey;

/// How long after the last change of policy neighbours are told: so long the operator has for a change of several lines.
const POLICY_DELAY: Duration = Duration::from_secs(60);

/// What waits for neighbours to be told otherwise. Found out anew by a successor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Regrouping {
    /// When all that has changed is told.
    pub due: Option<Instant>,
    /// To whom it is told at the end of the turn.
    pub due_now: BTreeSet<PeerId>,
    /// To whom it is told when their walk is over.
    pub due_after_walk: BTreeSet<PeerId>,
}

impl Speaker {
    /// Lists and route maps, and our cluster, as they are while there is nobody who was told otherwise; after a takeover,
    /// those of the last active.
    pub fn set_policies(&mut self, policies: Policies, cluster_id: Ipv4Addr) {
        self.rib.common.policies = policies;
        self.rib.common.cluster_id = cluster_id;
        self.rib.policy_changed();
    }

    /// Lists and route maps, or our cluster, have changed. What comes from now on is told by the new ones; what was told is
    /// corrected a minute after the last change, or when the operator says so. Costs the length of the lists for each group.
    pub fn change_policies(&mut self, now: Instant, policies: Policies, cluster_id: Ipv4Addr) {
        let common = &self.rib.common;
        let is_told_otherwise = |group: &Group| {
            let key = &group.key;
            let (map, list) = (key.route_map.as_deref(), key.prefix_list.as_deref());
            !common.policies.agree(&policies, map, list) || key.internal && common.cluster_id != cluster_id
        };
        let groups = common.groups.iter().filter(|(_, group)| is_told_otherwise(group));
        let groups: Vec<GroupId> = groups.map(|(id, _)| *id).collect();
        for group in &groups {
            self.rib
                .common
                .groups
                .edit(group, |group| group.policy_changed = true);
        }
        if !groups.is_empty() {
            self.regrouping.due = Some(now + POLICY_DELAY);
        }
        self.set_policies(policies, cluster_id);
    }

    /// What decides how a neighbour is told that has made this offer.
    fn group_key(&self, peer: PeerId, offer: &Offer) -> Option<GroupKey> {
        let config = &self.neighbors.get(&peer)?.config;
        Some(GroupKey {
            internal: config.is_internal(),
            confederation: config.confederation && !config.is_internal(),
            route_reflector_client: config.route_reflector_client,
            four_octet_as: offer.four_octet_as,
            extended_message: offer.extended_message,
            ipv4: offer.families.has(Families::V4),
            ipv6: offer.families.has(Families::V6),
            local_as: config.local_as,
            local_v4: config.local_v4,
            local_v6: config.local_v6,
            next_hop_self: config.next_hop_self,
            send_community: config.send_community,
            send_extended_community: config.send_extended_community,
            route_map: config.route_map_out.clone(),
            prefix_list: config.prefix_list_out.clone(),
            default_originate: config.default_originate,
            default_originate_map: config.default_originate_map.clone(),
        })
    }

    /// The group of neighbours that are told the same as this one.
    pub(crate) fn join_group(&mut self, peer: PeerId, offer: &Offer) -> Option<GroupId> {
        let key = self.group_key(peer, offer)?;
        if let Some(found) = self.group_with(&key) {
            return Some(found);
        }
        let groups = &mut self.rib.common.groups;
        let id = (1..=u16::MAX).map(GroupId).find(|id| !groups.contains_key(id))?;
        groups.insert(id, Group::new(key));
        Some(id)
    }

    /// The group with this key. One without members is not kept up to date, and on its way out.
    fn group_with(&self, key: &GroupKey) -> Option<GroupId> {
        let common = &self.rib.common;
        let has_members = |id: &GroupId| common.members.get(id).is_some_and(|members| !members.is_empty());
        let mut groups = common.groups.iter();
        let found = groups.find(|(id, group)| {
            group.key == *key && has_members(id) && !self.rib.is_under_way(SweepKey::Group(**id))
        });
        found.map(|(id, _)| *id)
    }

    /// The group of an established session, and what should decide how it is told.
    fn told_and_wanted(&self, peer: PeerId) -> Option<(GroupId, GroupKey)> {
        let session = self.sessions.get(&peer).filter(|session| session.established)?;
        Some((session.group?, self.group_key(peer, &session.agreed)?))
    }

    fn has_key(&self, group: GroupId, key: &GroupKey) -> bool {
        let group = self.rib.common.groups.get(&group);
        group.is_some_and(|group| group.key == *key)
    }

    /// Whether what a neighbour was told is not yet what it is to be told now.
    fn is_behind(&self, peer: PeerId) -> bool {
        let Some((group, wanted)) = self.told_and_wanted(peer) else {
            return false;
        };
        let row = self.rib.common.groups.get(&group);
        let is_moving = |peer| {
            let stream = self.rib.common.streams.get(&peer);
            stream.is_some_and(|stream| stream.leaving.is_some())
        };
        row.is_some_and(|row| row.policy_changed || row.key != wanted)
            || self.rib.is_under_way(SweepKey::Policy(group))
            || is_moving(peer)
    }

    /// A neighbour is configured otherwise.
    pub(crate) fn consider_group(&mut self, now: Instant, peer: PeerId) {
        let Some((group, wanted)) = self.told_and_wanted(peer) else {
            return;
        };
        let Some(key) = self.rib.common.groups.get(&group).map(|group| &group.key) else {
            return;
        };
        if *key == wanted {
            return;
        }
        let is_default_only = GroupKey {
            default_originate: wanted.default_originate,
            default_originate_map: wanted.default_originate_map.clone(),
            ..key.clone()
        } == wanted;
        if is_default_only {
            // One command says all of it: there is nothing to wait for.
            self.regrouping.due_now.insert(peer);
        } else {
            self.regrouping.due = Some(now + POLICY_DELAY);
        }
    }

    /// After a takeover: the time that the last active's operator had for his change starts again.
    pub(crate) fn find_regrouping(&mut self, now: Instant) {
        let sessions = self.sessions.iter().map(|(peer, _)| *peer);
        let is_waiting = |peer: PeerId| {
            let waiting = self.told_and_wanted(peer).map(|(group, wanted)| {
                let row = self.rib.common.groups.get(&group);
                row.is_some_and(|row| row.policy_changed || row.key != wanted)
            });
            waiting == Some(true)
        };
        if sessions.into_iter().any(is_waiting) {
            self.regrouping.due = Some(now + POLICY_DELAY);
        }
    }

    pub(crate) fn regrouping_deadline(&self) -> Option<Deadline> {
        self.regrouping.due.map(|at| (at, "BGP policy change"))
    }

    pub(crate) fn expire_regrouping(&mut self, now: Instant) {
        if self.regrouping.due.is_some_and(|due| due <= now) {
            self.regrouping.due = None;
            let all = self.sessions.iter().map(|(peer, _)| *peer).collect();
            self.regroup(&all);
        }
    }

    /// Whether [`Speaker::run`] has something to do.
    pub fn has_work(&self) -> bool {
        self.rib.has_pending()
            || !self.rib.common.walks_ended.is_empty()
            || !self.regrouping.due_now.is_empty()
    }

    /// Starts what was put off to the end of the turn, or of a walk.
    pub(crate) fn regroup_due(&mut self) {
        let mut due = core::mem::take(&mut self.regrouping.due_now);
        for peer in core::mem::take(&mut self.rib.common.walks_ended) {
            if self.regrouping.due_after_walk.remove(&peer) {
                due.insert(peer);
            }
        }
        if !due.is_empty() {
            self.regroup(&due);
        }
    }

    /// Starts to tell these neighbours what is different now. Where a list or route map of a group has changed, all its
    /// members are told. Costs the number of members of their groups; the telling goes on in turns of its own.
    fn regroup(&mut self, peers: &BTreeSet<PeerId>) {
        let mut otherwise: BTreeMap<GroupId, Vec<PeerId>> = BTreeMap::new();
        let mut groups = BTreeSet::new();
        for peer in peers {
            let Some((group, wanted)) = self.told_and_wanted(*peer) else {
                continue;
            };
            groups.insert(group);
            if !self.has_key(group, &wanted) {
                otherwise.entry(group).or_default().push(*peer);
            }
        }
        for group in groups {
            self.rib.correct(group);
        }
        for (group, peers) in otherwise {
            if let Some(key) = self.common_key(group) {
                self.rib.rekey(group, key);
                continue;
            }
            for peer in peers {
                self.move_to_group(peer);
            }
        }
    }

    /// What all members of a group want to be told by now, if that is the same and no group has it.
    fn common_key(&self, group: GroupId) -> Option<GroupKey> {
        let members = self.rib.common.members.get(&group)?.iter();
        let wanted = members.filter_map(|peer| {
            let (own, wanted) = self.told_and_wanted(*peer)?;
            // Who is leaving has another group.
            (own == group).then_some(wanted)
        });
        let mut wanted = wanted.peekable();
        let first = wanted.next()?;
        (wanted.all(|other| other == first) && self.group_with(&first).is_none()).then_some(first)
    }

    /// A neighbour goes to the group that it should be told with.
    fn move_to_group(&mut self, peer: PeerId) {
        let stream = self.rib.common.streams.get(&peer);
        let is_walking = stream.is_some_and(|stream| {
            let mut walks = stream.walks.iter();
            walks.any(|walk| walk.kind != WalkKind::Again)
        });
        if is_walking {
            self.regrouping.due_after_walk.insert(peer);
            return;
        }
        let Some(session) = self.sessions.get(&peer).cloned() else {
            return;
        };
        let Some((from, to)) = session.group.zip(self.join_group(peer, &session.agreed)) else {
            return;
        };
        if from == to {
            return;
        }
        self.rib.start_move(peer, from, to, session.agreed.families);
        self.sessions.edit(&peer, |session| session.group = Some(to));
        self.sync_peer(peer);
        // Whoever fills its stream is told that there is more.
        self.rib.common.told_groups.insert(to);
    }

    /// What policy makes of routes now is told: the difference, where it has changed, and otherwise everything again.
    pub(crate) fn clear_soft_out(&mut self, peer: PeerId, out: &mut Outbox<SpeakerOutput>) {
        if self.is_behind(peer) {
            self.regroup(&BTreeSet::from([peer]));
            return;
        }
        let families = self.sessions.get(&peer).map(|session| session.agreed.families);
        for number in families.unwrap_or_default().numbers() {
            self.rib.tell_again(peer, number);
        }
        out.after_sync(SpeakerOutput::Stream { peer });
    }
}

impl Rib {
    /// Starts to tell a group what its policy makes otherwise now, if it has changed.
    fn correct(&mut self, group: GroupId) {
        let changed = self
            .common
            .groups
            .edit(&group, |group| core::mem::take(&mut group.policy_changed));
        if changed == Some(true) {
            self.start_sweep(SweepKey::Policy(group));
        }
    }

    /// All members of a group are told by another key from now on.
    fn rekey(&mut self, group: GroupId, key: GroupKey) {
        self.common.groups.edit(&group, |group| {
            group.key = key;
            group.policy_changed = false;
        });
        self.common.caches.clear();
        self.start_sweep(SweepKey::Policy(group));
    }

    /// `peer` goes from one group to another: what it was promised stays promised, and walks over `families` tell it the
    /// difference.
    fn start_move(&mut self, peer: PeerId, from: GroupId, to: GroupId, families: Families) {
        self.common.keep_promised(peer);
        let place = self.common.groups.get(&to).map_or(0, |group| group.next);
        self.common.streams.edit(&peer, |stream| {
            let next = core::mem::replace(&mut stream.next, place);
            stream.leaving = Some(Leaving { group: from, next });
            for (at, family) in families.numbers().enumerate() {
                let walk = Walk {
                    family,
                    kind: WalkKind::Move,
                    ..Walk::default()
                };
                stream.walks.insert(at, walk);
            }
        });
    }
}
