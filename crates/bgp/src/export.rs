//! Tells groups of neighbours what changed.

use ::checkpoint::Key;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::ops::Bound;
use machine::StepKind;
use packet::Prefix;
use packet::bgp::{Canonical, EXTENDED_MESSAGE_LEN_MAX, MESSAGE_LEN_MAX, NextHop, Origin, SegmentKind};

use crate::decision::Source;
use crate::family::{BgpFamily, RouteKey, ToldKey};
use crate::group::{Group, GroupKey};
use crate::id::{AttributeId, GroupId, LogId, LogKey, PeerId};
use crate::import::PolicyFamily;
use crate::log::{Audience, LogMessage};
use crate::paths::{Path, Paths};
use crate::peer::Peer;
use crate::policy::{Draft, LOCAL_AS, NO_ADVERTISE, NO_EXPORT, Subject, Verdict};
use crate::rib::{Common, FamilyRib, Rib};
use crate::told::Told;

/// Attributes that are longer than this go into a long message, where the group takes them.
const LONG_ATTRIBUTES: usize = 2048;

impl Rib {
    /// Tells all groups what changed since the last flush. To be called at the end of each turn, so that nothing waits
    /// between a change and its being told.
    pub fn flush(&mut self) {
        self.common.common_step(StepKind::Pack);
        self.v4.flush(&mut self.common);
        self.v6.flush(&mut self.common);
        self.common.caches.trim();
        self.common.steps.end();
    }
}

impl GroupKey {
    /// Most bytes of a message with attributes of this length.
    pub(crate) fn length_max(&self, attributes: usize) -> usize {
        if self.extended_message && attributes > LONG_ATTRIBUTES {
            EXTENDED_MESSAGE_LEN_MAX
        } else {
            MESSAGE_LEN_MAX
        }
    }

    fn has_family<F: BgpFamily>(&self) -> bool {
        match F::NUMBER {
            0 => self.ipv4,
            _ => self.ipv6,
        }
    }

    fn own_next_hop<F: BgpFamily>(&self) -> Option<NextHop> {
        match F::NUMBER {
            0 => self.local_v4.map(NextHop::V4),
            _ => self.local_v6.map(|global| NextHop::V6 {
                global,
                link_local: None,
            }),
        }
    }
}

/// What a flush has to tell one group.
struct News<F: BgpFamily> {
    /// What all are told, but the source.
    announced: Vec<(AttributeId, PeerId, Prefix<F>)>,
    /// What only the one before it as source has not heard: the rest was told the same of his path.
    announced_to: Vec<(AttributeId, PeerId, Prefix<F>)>,
    withdrawn: Vec<(Audience, Prefix<F>)>,
}

impl<F: PolicyFamily> FamilyRib<F> {
    fn flush(&mut self, common: &mut Common) {
        if self.changed.is_empty() {
            return;
        }
        let mut changed = core::mem::take(&mut self.changed);
        changed.reverse();
        changed.sort_by_key(|(prefix, _)| *prefix);
        changed.dedup_by_key(|(prefix, _)| *prefix);
        let groups: Vec<GroupId> = common.groups.iter().map(|(id, _)| *id).collect();
        for group in groups {
            self.tell(common, group, &changed);
        }
        self.for_routing.extend(changed.iter().map(|(prefix, _)| *prefix));
        changed.clear();
        self.changed = changed;
    }

    /// Tells a group what is new to it of these prefixes, each with its best path.
    fn tell(&mut self, common: &mut Common, group: GroupId, changed: &[(Prefix<F>, Option<Path>)]) {
        let Some(row) = common.groups.get(&group).cloned() else {
            return;
        };
        // Lent out: nobody joins or leaves meanwhile.
        let Some(members) = common.members.get_mut(&group).map(core::mem::take) else {
            return;
        };
        if !members.is_empty() && row.key.has_family::<F>() {
            let news = self.news(common, group, &row.key, &members, changed);
            self.write(common, group, row, &members, news);
        }
        common.members.insert(group, members);
    }

    /// One step of a walk after a change of the group's policy: it is told where what it was told is not what it should
    /// know. Returns where it came to; `None`: to the end.
    pub(crate) fn tell_policy(
        &mut self,
        common: &mut Common,
        group: GroupId,
        position: &[u8],
        batch: usize,
    ) -> Option<Vec<u8>> {
        let members = common.members.get(&group);
        if members.is_none_or(BTreeSet::is_empty) {
            return None;
        }
        let start = match RouteKey::<F>::decode(position) {
            Some(after) => Bound::Excluded(after),
            None => Bound::Unbounded,
        };
        let paths = self.paths.range((start, Bound::Unbounded)).take(batch);
        let mut looked_at: Vec<(Prefix<F>, Option<Path>)> =
            paths.map(|(key, paths)| (key.0, paths.best().copied())).collect();
        let last = looked_at.last().filter(|_| looked_at.len() == batch);
        let reached = last.map(|(prefix, _)| {
            let mut reached = Vec::new();
            RouteKey(*prefix).encode(&mut reached);
            reached
        });
        let has_default = looked_at.first().is_some_and(|(prefix, _)| prefix.is_default());
        if matches!(start, Bound::Unbounded) && !has_default {
            // A default route of our own is in no table.
            looked_at.insert(0, (Prefix::DEFAULT, None));
        }
        self.tell(common, group, &looked_at);
        reached
    }

    /// What the group should know of a prefix.
    pub(crate) fn wanted(
        &self,
        common: &mut Common,
        group: GroupId,
        key: &GroupKey,
        prefix: Prefix<F>,
    ) -> Option<Told> {
        let best = self.paths.get(&RouteKey(prefix)).and_then(Paths::best);
        common.wanted(group, key, prefix, best)
    }

    fn news(
        &mut self,
        common: &mut Common,
        group: GroupId,
        key: &GroupKey,
        members: &BTreeSet<PeerId>,
        changed: &[(Prefix<F>, Option<Path>)],
    ) -> News<F> {
        // Nobody is told what he said: with one member there is then nobody to tell.
        let only = members.first().copied().filter(|_| members.len() == 1);
        let mut news = News {
            announced: Vec::new(),
            announced_to: Vec::new(),
            withdrawn: Vec::new(),
        };
        for (prefix, best) in changed {
            common.step(StepKind::Pack, best.map_or(PeerId::LOCAL, |best| best.peer));
            // What he said need not be prepared for being told; a default route of our own does not depend on it.
            let is_his = best.is_some_and(|best| Some(best.peer) == only) && !prefix.is_default();
            let wanted = match is_his {
                true => None,
                false => common.wanted(group, key, *prefix, best.as_ref()),
            };
            let wanted = wanted.filter(|wanted| Some(wanted.source) != only);
            let told_key = ToldKey {
                group,
                prefix: *prefix,
            };
            let mut told = None;
            self.told.replace(told_key, |before| {
                told = before.copied();
                wanted
            });
            if told == wanted {
                continue;
            }
            match wanted {
                Some(wanted) => {
                    match told {
                        Some(told) if told.attribute == wanted.attribute => {
                            if members.contains(&told.source) {
                                news.announced_to.push((told.attribute, told.source, *prefix));
                            }
                        }
                        _ => news.announced.push((wanted.attribute, wanted.source, *prefix)),
                    }
                    // The new source was told of the old one's path, and is not told of its own.
                    if told.is_some_and(|told| told.source != wanted.source)
                        && members.contains(&wanted.source)
                    {
                        news.withdrawn.push((Audience::Only(wanted.source), *prefix));
                    }
                }
                None => {
                    if let Some(told) = told {
                        news.withdrawn.push((audience(members, told.source), *prefix));
                    }
                }
            }
        }
        common.common_step(StepKind::Pack);
        news.announced.sort_unstable();
        news.announced_to.sort_unstable();
        news.withdrawn.sort_unstable();
        news
    }

    fn write(
        &mut self,
        common: &mut Common,
        id: GroupId,
        mut group: Group,
        members: &BTreeSet<PeerId>,
        news: News<F>,
    ) {
        let mut append = |common: &mut Common, bytes: &[u8], audience| {
            let key = LogKey {
                log: LogId::Group(id),
                position: group.next,
            };
            group.next += 1;
            let bytes = bytes.into();
            common.log.insert(key, LogMessage { bytes, audience });
        };
        let mut message = Vec::new();
        for same in news.withdrawn.chunk_by(|a, b| a.0 == b.0) {
            let mut prefixes = same.iter().map(|(_, prefix)| *prefix).peekable();
            while prefixes.peek().is_some() {
                message.clear();
                F::write_withdraw(&mut prefixes, MESSAGE_LEN_MAX, &mut message);
                append(common, &message, same[0].0);
            }
        }
        type Announced<F> = (AttributeId, PeerId, Prefix<F>);
        let alike = |a: &Announced<F>, b: &Announced<F>| (a.0, a.1) == (b.0, b.1);
        let to_all = news.announced.chunk_by(alike).map(|same| (false, same));
        let to_one = news.announced_to.chunk_by(alike).map(|same| (true, same));
        for (is_to_one, same) in to_all.chain(to_one) {
            let (attribute, peer, _) = same[0];
            common.step(StepKind::Pack, peer);
            let mut prefixes = same.iter().map(|(_, _, prefix)| *prefix).peekable();
            let audience = match is_to_one {
                true => Audience::Only(peer),
                false => audience(members, peer),
            };
            common.announcements::<F>(&group.key, attribute, &mut prefixes, |common, bytes| {
                append(common, bytes, audience);
            });
        }
        common.common_step(StepKind::Pack);
        if common.groups.get(&id).is_some_and(|before| *before != group) {
            common.groups.insert(id, group);
            common.told_groups.insert(id);
            common.trim_due.insert(id);
        }
    }
}

fn audience(members: &BTreeSet<PeerId>, source: PeerId) -> Audience {
    match members.contains(&source) {
        true => Audience::AllBut(source),
        false => Audience::All,
    }
}

impl Common {
    /// What the group should know of a prefix whose best path this is.
    fn wanted<F: PolicyFamily>(
        &mut self,
        group: GroupId,
        key: &GroupKey,
        prefix: Prefix<F>,
        best: Option<&Path>,
    ) -> Option<Told> {
        if self.originates(key, &prefix) {
            return self.originated_default::<F>(key);
        }
        let best = best?;
        let attribute = self.export(group, key, best, &prefix)?;
        let source = best.peer;
        Some(Told { attribute, source })
    }

    /// The default route that `default-originate` makes: whatever the table says, and past `route-map ... out`.
    fn originated_default<F: BgpFamily>(&mut self, key: &GroupKey) -> Option<Told> {
        let mut draft = Draft::default();
        draft.origin = Some(Origin::Igp);
        if let Some(route) = self.default_route(key) {
            draft = Draft::of(&Canonical::parse(&route.attributes).ok()?);
        }
        let own_next_hop = key.own_next_hop::<F>()?;
        draft.next_hop.get_or_insert(own_next_hop);
        if key.internal || key.confederation {
            draft
                .local_preference
                .get_or_insert(crate::attributes::DEFAULT_LOCAL_PREFERENCE);
        }
        finish(key, &mut draft);
        let mut bytes = Vec::new();
        draft.finish(&mut bytes);
        let attribute = self.attributes.intern(&bytes)?;
        Some(Told {
            attribute,
            source: PeerId::LOCAL,
        })
    }

    /// Writes UPDATEs that announce `prefixes` with one set, and hands each to `append`.
    pub(crate) fn announcements<F: BgpFamily>(
        &mut self,
        key: &GroupKey,
        attribute: AttributeId,
        prefixes: &mut core::iter::Peekable<impl Iterator<Item = Prefix<F>>>,
        mut append: impl FnMut(&mut Common, &[u8]),
    ) {
        let mut wire = Vec::new();
        let Some(set) = self.attributes.get(attribute) else {
            return;
        };
        let canonical = set.canonical();
        canonical.write_attributes(key.four_octet_as, &mut wire);
        let next_hop = canonical.attributes.next_hop;
        let length_max = key.length_max(wire.len());
        let mut message = Vec::new();
        while prefixes.peek().is_some() {
            message.clear();
            // `export` has let through only what leaves room for a prefix.
            if F::write_update(&wire, next_hop, prefixes, length_max, &mut message) == 0 {
                break;
            }
            append(self, &message);
        }
    }

    /// The set that a group is told a path with; `None` when it is not told of it.
    pub(crate) fn export<F: PolicyFamily>(
        &mut self,
        id: GroupId,
        key: &GroupKey,
        path: &Path,
        prefix: &Prefix<F>,
    ) -> Option<AttributeId> {
        if let Some(name) = &key.prefix_list
            && F::prefix_list(self, name).is_some_and(|list| !list.takes(prefix))
        {
            return None;
        }
        if let Some(known) = self.caches.exported(id, path.accepted, path.peer) {
            return Some(known).filter(|known| known.is_some());
        }
        let map = match &key.route_map {
            Some(name) => match self.policies.route_maps.get(name) {
                Some(map) => Some(map),
                // A route map that does not exist refuses everything.
                None => return None,
            },
            None => None,
        };
        let is_general = map.is_none_or(|map| map.is_about_attributes_only());
        let bytes = self.exported_bytes(key, path, prefix);
        let told = bytes.and_then(|bytes| self.attributes.intern(&bytes));
        if is_general {
            let known = told.unwrap_or(AttributeId::NONE);
            self.caches.note_exported(id, path.accepted, path.peer, known);
        }
        told
    }

    fn exported_bytes<F: PolicyFamily>(
        &self,
        key: &GroupKey,
        path: &Path,
        prefix: &Prefix<F>,
    ) -> Option<Vec<u8>> {
        let source = self.peer(path.peer)?;
        let set = self.attributes.get(path.accepted)?.canonical();
        let may_be_told = may_be_told(key, source, &set);
        if !may_be_told {
            return None;
        }
        let mut subject = Subject::new(Draft::of(&set), path.weight);
        if let Some(name) = &key.route_map {
            let map = self.policies.route_maps.get(name)?;
            if F::apply(map, self, prefix, &mut subject) == Verdict::Deny {
                return None;
            }
        }
        self.adapt::<F>(key, source, &mut subject)?;
        finish(key, &mut subject.draft);
        let mut bytes = Vec::with_capacity(128);
        subject.draft.finish(&mut bytes);
        let canonical = Canonical::parse(&bytes).ok()?;
        let mut wire = Vec::new();
        canonical.write_attributes(key.four_octet_as, &mut wire);
        // Header, lengths, an MP_REACH_NLRI with two next hops, and one IPv6 prefix.
        const REST: usize = 23 + 42 + 17;
        (wire.len() + REST <= key.length_max(wire.len())).then_some(bytes)
    }

    /// Makes of what the table has, which is what the policy is asked about, what this kind of session wants; but for
    /// what the policy has said. `None` when there is no next hop to tell.
    fn adapt<F: BgpFamily>(&self, key: &GroupKey, source: &Peer, subject: &mut Subject) -> Option<()> {
        let said = subject.said;
        let draft = &mut subject.draft;
        let is_unspecified = match draft.next_hop {
            None => true,
            Some(NextHop::V4(address)) => address.is_unspecified(),
            Some(NextHop::V6 { global, .. }) => global.is_unspecified(),
        };
        let is_reflected = key.internal && source.source == Source::Internal;
        let is_external = !key.internal && !key.confederation;
        let is_self = is_external || (key.next_hop_self && !is_reflected);
        if is_unspecified || (is_self && !said.next_hop) {
            draft.next_hop = Some(key.own_next_hop::<F>()?);
        }
        if let Some(NextHop::V6 { link_local, .. }) = &mut draft.next_hop {
            // It means something on its own link only.
            *link_local = None;
        }
        if is_external {
            draft.originator_id = None;
            draft.cluster_list.clear();
            if source.source != Source::Local && !said.med {
                // RFC 4271 section 5.1.4: it is for the AS that it was sent to.
                draft.med = None;
            }
            draft.strip_confederation();
            draft.strip_non_transitive();
            return Some(());
        }
        draft
            .local_preference
            .get_or_insert(crate::attributes::DEFAULT_LOCAL_PREFERENCE);
        if is_reflected {
            draft.originator_id.get_or_insert(source.identifier);
            draft.cluster_list.splice(0..0, self.cluster_id.octets());
        }
        Some(())
    }
}

/// What every route gets at last: our own AS, and what of communities the neighbour is to see.
fn finish(key: &GroupKey, draft: &mut Draft) {
    if key.confederation {
        draft.prepend_as(SegmentKind::ConfederationSequence, &[key.local_as]);
    } else if !key.internal {
        draft.prepend(&[key.local_as]);
        // RFC 4271 section 5.1.5: it is never sent to another AS, whatever a route map sets.
        draft.local_preference = None;
    }
    if !key.send_community {
        draft.communities.clear();
        draft.large_communities.clear();
    }
    if !key.send_extended_community {
        draft.extended_communities.clear();
        draft.ipv6_extended_communities.clear();
    }
}

/// Whether such a group may hear of such a path at all.
fn may_be_told(key: &GroupKey, source: &Peer, set: &Canonical<'_>) -> bool {
    let is_external = !key.internal && !key.confederation;
    let is_forbidden = |community| match community {
        NO_ADVERTISE => true,
        NO_EXPORT => is_external,
        LOCAL_AS => !key.internal,
        _ => false,
    };
    if set.attributes.communities().any(is_forbidden) {
        return false;
    }
    let is_reflected = key.internal && source.source == Source::Internal;
    !is_reflected || source.route_reflector_client || key.route_reflector_client
}
