//! Each neighbour's stream: what is appended to it, what is sent again, what has been acknowledged.

use ::checkpoint::Key;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Bound;
use packet::bgp::{self, Kind, MESSAGE_LEN_MAX, MpReach, MpUnreach, Update};
use packet::{Prefix, V6};

use crate::family::{MissedKey, RouteKey, ToldKey};
use crate::group::GroupKey;
use crate::id::{AttributeId, GroupId, LogId, LogKey, PeerId};
use crate::import::PolicyFamily;
use crate::log::{Audience, Leaving, LogMessage, Missed, Stream, Walk, WalkKind};
use crate::rib::{Common, FamilyRib, Rib};
use crate::session::Families;
use crate::share::{self, Frontier, Part, Share};
use crate::told::Told;

/// Messages that a group's log may hold for its slowest member. One that is further behind leaves the log: what it has
/// missed is noted by prefix, so that it costs no more than the number of prefixes, whatever changes.
pub const LOG_MESSAGES_MAX: u64 = 4096;
/// Where a message says its kind (RFC 4271 section 4.1): behind the marker and the length.
const KIND_OFFSET: usize = 18;
/// Prefixes that one step of a walk looks at.
const WALK_BATCH: usize = 256;

impl Rib {
    /// A session with `peer` is established, and `peer` belongs to `group`: its stream starts here. `offset` is how
    /// many bytes of the stream its OPEN and first KEEPALIVE took. Everything is told to it from the start, family by
    /// family; `families` says which, and whether End-of-RIB closes it.
    pub fn open_stream(&mut self, peer: PeerId, group: GroupId, offset: u64, families: &[(u8, bool)]) {
        let next = self.common.groups.get(&group).map_or(0, |group| group.next);
        // Places in the own log are not used twice, in case something of an earlier session is still there.
        let next_own = self.common.streams.get(&peer).map_or(0, |stream| stream.next_own);
        self.close_stream(peer);
        let walk = |(family, end_of_rib): &(u8, bool)| Walk {
            family: *family,
            position: Vec::new(),
            end_of_rib: *end_of_rib,
            kind: WalkKind::First,
        };
        let stream = Stream {
            start: offset,
            end: offset,
            next,
            next_own,
            walks: families.iter().map(walk).collect(),
            // The OPEN and the first KEEPALIVE.
            messages: 2,
            keepalives: 1,
            ..Stream::default()
        };
        self.common.streams.insert(peer, stream);
    }

    /// The session with `peer` is over.
    pub fn close_stream(&mut self, peer: PeerId) {
        self.common.streams.remove(&peer);
        self.common.trim_soon(peer);
        let own: Vec<LogKey> = self
            .common
            .log
            .range(log_range(LogId::Peer(peer), 0))
            .map(|(key, _)| *key)
            .collect();
        for key in own {
            self.common.log.remove(&key);
        }
        self.v4.forget_missed(peer);
        self.v6.forget_missed(peer);
    }

    /// A neighbour whose stream was opened without walks joins its group: it is told everything from here on.
    pub fn start_telling(
        &mut self,
        peer: PeerId,
        group: Option<GroupId>,
        families: impl Iterator<Item = (u8, bool)>,
    ) {
        let next = group
            .and_then(|group| self.common.groups.get(&group))
            .map_or(0, |group| group.next);
        self.common.trim_due.extend(group);
        self.common.streams.edit(&peer, |stream| {
            stream.next = next;
            stream.walks.extend(families.map(|(family, end_of_rib)| Walk {
                family,
                position: Vec::new(),
                end_of_rib,
                kind: WalkKind::First,
            }));
        });
    }

    /// All that was promised to `peer` and not acknowledged, and where it starts in the stream.
    pub fn last_bytes(&self, peer: PeerId) -> (u64, Vec<u8>) {
        let Some(stream) = self.common.streams.get(&peer) else {
            return (0, Vec::new());
        };
        let messages = self.common.promised(peer, stream);
        let bytes = messages.flat_map(|(_, message)| message.iter().copied());
        (stream.start, bytes.collect())
    }

    /// Tells `peer` everything of a family again (RFC 2918).
    pub fn tell_again(&mut self, peer: PeerId, family: u8) {
        self.common.streams.edit(&peer, |stream| {
            // One that has not begun tells everything, but for a move, which tells what is different.
            let is_due = |walk: &Walk| {
                walk.family == family && walk.position.is_empty() && walk.kind != WalkKind::Move
            };
            if !stream.walks.iter().any(is_due) {
                stream.walks.push_back(Walk {
                    family,
                    kind: WalkKind::Again,
                    ..Walk::default()
                });
            }
        });
    }

    /// Appends a message to the stream of `peer`, behind all that was promised.
    pub fn append_own(&mut self, peer: PeerId, message: &[u8]) {
        self.common.append_own(peer, message);
    }

    /// Fills the stream up to the offset `until`, as far as there is something to tell; at most about `budget`
    /// prefixes are looked at. Returns how many were.
    pub fn fill(&mut self, peer: PeerId, until: u64, budget: usize) -> usize {
        let Some(group) = self.common.peer(peer).and_then(|known| known.group) else {
            return 0;
        };
        let Some(key) = self.common.groups.get(&group).map(|group| group.key.clone()) else {
            return 0;
        };
        let mut looked_at = 0;
        self.common.trim_soon(peer);
        while looked_at < budget && self.common.has_room(peer, until) {
            let step = self.v4.catch_up(&mut self.common, peer, group, &key)
                + self.v6.catch_up(&mut self.common, peer, group, &key);
            if step > 0 {
                looked_at += step;
                continue;
            }
            if self.common.read_leaving(peer) || self.common.read_log(peer, group) {
                looked_at += 1;
                continue;
            }
            match self.walk(peer, group, &key) {
                Some(step) => looked_at += step,
                None => break,
            }
        }
        debug_assert!(
            self.is_counted_well(peer),
            "the stream is as long as what was promised"
        );
        looked_at
    }

    /// Whether the messages that are promised to `peer` are as long as its stream says.
    fn is_counted_well(&self, peer: PeerId) -> bool {
        self.common.streams.get(&peer).is_none_or(|stream| {
            let promised = self.common.promised(peer, stream);
            let length: u64 = promised.map(|(_, message)| message.len() as u64).sum();
            length == stream.end - stream.start
        })
    }

    /// One step of the first walk of `peer`; `None` when there is none.
    fn walk(&mut self, peer: PeerId, group: GroupId, key: &GroupKey) -> Option<usize> {
        let walk = self.common.streams.get(&peer)?.walks.front()?.clone();
        let family = Families::of_number(walk.family);
        if !self.common.groups.get(&group)?.filled.has(family) {
            // Whoever comes first looks it up for all.
            return Some(match walk.family {
                0 => self.v4.look_up(&mut self.common, group, key),
                _ => self.v6.look_up(&mut self.common, group, key),
            });
        }
        let leaving = self.common.streams.get(&peer)?.leaving;
        let from = leaving.filter(|_| walk.kind == WalkKind::Move);
        let from = from.map(|leaving| leaving.group);
        let (position, looked_at) = match (walk.family, from) {
            (0, None) => self.v4.walk(&mut self.common, peer, group, key, &walk.position),
            (_, None) => self.v6.walk(&mut self.common, peer, group, key, &walk.position),
            (0, Some(from)) => {
                let groups = (from, group);
                self.v4
                    .tell_difference(&mut self.common, peer, groups, key, &walk.position)
            }
            (_, Some(from)) => {
                let groups = (from, group);
                self.v6
                    .tell_difference(&mut self.common, peer, groups, key, &walk.position)
            }
        };
        match position {
            Some(position) => {
                self.common.streams.edit(&peer, |stream| {
                    if let Some(walk) = stream.walks.front_mut() {
                        walk.position = position;
                    }
                });
            }
            None => {
                self.common.streams.edit(&peer, |stream| stream.walks.pop_front());
                self.common.walk_ended(peer, walk.kind);
                if walk.end_of_rib {
                    let family = match walk.family {
                        0 => bgp::AfiSafi::IPV4_UNICAST,
                        _ => bgp::AfiSafi::IPV6_UNICAST,
                    };
                    let mut message = Vec::new();
                    bgp::end_of_rib(family, &mut message);
                    self.common.append_own(peer, &message);
                }
            }
        }
        Some(looked_at.max(1))
    }

    /// Copies bytes of the stream of `peer` from the offset `from` on; returns how many. None before `start` of the
    /// stream, and none after its end.
    pub fn transmit(&self, peer: PeerId, from: u64, into: &mut [u8]) -> usize {
        let Some(stream) = self.common.streams.get(&peer) else {
            return 0;
        };
        let mut at = stream.start;
        let mut written = 0;
        for (_, message) in self.common.promised(peer, stream) {
            let end = at + message.len() as u64;
            if end > from && written < into.len() {
                let skip = from.saturating_sub(at).min(message.len() as u64) as usize;
                let length = (message.len() - skip).min(into.len() - written);
                into[written..written + length].copy_from_slice(&message[skip..skip + length]);
                written += length;
            }
            at = end;
            if written == into.len() {
                break;
            }
        }
        written
    }

    /// `peer` has acknowledged its stream up to the offset `until`: whole messages before it are done with.
    pub fn acknowledged(&mut self, peer: PeerId, until: u64) {
        let Some(stream) = self.common.streams.get(&peer) else {
            return;
        };
        let mut start = stream.start;
        let mut done: Vec<(bool, u64)> = Vec::new();
        for (place, message) in self.common.promised(peer, stream) {
            if start + message.len() as u64 > until {
                break;
            }
            start += message.len() as u64;
            done.push(place);
        }
        let Some((last_own, last)) = done.last().copied() else {
            return;
        };
        self.common.trim_soon(peer);
        self.common.streams.edit(&peer, |stream| {
            stream.start = start;
            while let Some(piece) = stream.pieces.front_mut() {
                if piece.own == last_own && (piece.first..piece.end).contains(&last) {
                    piece.first = last + 1;
                    if piece.first == piece.end {
                        stream.pieces.pop_front();
                    }
                    break;
                }
                stream.pieces.pop_front();
            }
        });
        for (_, position) in done.iter().filter(|(own, _)| *own) {
            let key = LogKey {
                log: LogId::Peer(peer),
                position: *position,
            };
            self.common.log.remove(&key);
        }
    }

    /// Members that have more than [`LOG_MESSAGES_MAX`] messages before them go on from the table instead. `budget`: for how
    /// many messages that may be noted; the last one may take more. Whoever is left has his turn in the next.
    pub(crate) fn drop_slow_members(&mut self, group: GroupId, next: u64, budget: &mut u64) {
        let common = &self.common;
        let place = |peer: &PeerId| {
            let stream = common.streams.get(peer)?;
            let leaving = stream.leaving.filter(|leaving| leaving.group == group);
            let from = leaving.map_or(stream.next, |leaving| leaving.next);
            (next - from.min(next) > LOG_MESSAGES_MAX).then_some((*peer, from, leaving.is_some()))
        };
        let members = common.members.get(&group).into_iter().flatten();
        let slow: Vec<(PeerId, u64, bool)> = members.filter_map(place).collect();
        for (peer, from, is_leaving) in slow {
            if *budget == 0 {
                self.common.trim_due.insert(group);
                return;
            }
            *budget = budget.saturating_sub(next - from);
            let messages: Vec<LogMessage> = self
                .common
                .log
                .range(log_range(LogId::Group(group), from))
                .map(|(_, message)| message.clone())
                .filter(|message| message.audience.has(peer))
                .collect();
            for message in messages {
                self.note_missed(group, peer, &message.bytes, !is_leaving);
            }
            if is_leaving {
                let leaving = Some(Leaving { group, next });
                self.common.streams.edit(&peer, |stream| stream.leaving = leaving);
                continue;
            }
            self.common.keep_promised(peer);
            self.common.streams.edit(&peer, |stream| stream.next = next);
        }
    }

    /// Notes each prefix that a message of a group's log is about and whose being before the walk's place is `before`.
    fn note_missed(&mut self, group: GroupId, peer: PeerId, message: &[u8], before: bool) {
        let Some(key) = self.common.groups.get(&group).map(|group| &group.key) else {
            return;
        };
        let Some(share) = self.common.streams.get(&peer).map(Share::of) else {
            return;
        };
        let Ok(Some(message)) = bgp::split(message, bgp::EXTENDED_MESSAGE_LEN_MAX) else {
            return;
        };
        if message.kind != Kind::Update {
            return;
        }
        let context = share::context(key);
        let Ok(reading) = Update::parse(message.body).and_then(|update| update.read(&context)) else {
            return;
        };
        let v4 = reading.withdrawn.chain(reading.reachable);
        let v4 = v4.filter(|prefix| share.v4.has(prefix) == before);
        self.v4.note_missed(peer, v4);
        let is_his = |prefix: &Prefix<V6>| share.v6.has(prefix) == before;
        if let Some(MpReach::V6(_, prefixes)) = reading.mp_reach {
            self.v6.note_missed(peer, prefixes.filter(is_his));
        }
        if let Some(MpUnreach::V6(prefixes)) = reading.mp_unreach {
            self.v6.note_missed(peer, prefixes.filter(is_his));
        }
    }
}

pub(crate) fn log_range(log: LogId, from: u64) -> (Bound<LogKey>, Bound<LogKey>) {
    let key = |position| LogKey { log, position };
    (Bound::Included(key(from)), Bound::Included(key(u64::MAX)))
}

impl Common {
    fn has_room(&self, peer: PeerId, until: u64) -> bool {
        self.streams.get(&peer).is_some_and(|stream| stream.end < until)
    }

    pub(crate) fn append_own(&mut self, peer: PeerId, message: &[u8]) {
        let place = self.streams.edit(&peer, |stream| {
            let place = stream.next_own;
            stream.next_own += 1;
            stream.append(true, place, message.len());
            match message.get(KIND_OFFSET) {
                Some(kind) if *kind == Kind::Keepalive as u8 => stream.keepalives += 1,
                Some(kind) if *kind == Kind::RouteRefresh as u8 => stream.route_refreshes += 1,
                _ => {}
            }
            place
        });
        let Some(position) = place else {
            return;
        };
        let key = LogKey {
            log: LogId::Peer(peer),
            position,
        };
        let message = LogMessage {
            bytes: message.into(),
            audience: Audience::All,
        };
        self.log.insert(key, message);
    }

    /// Puts the next message of the group's log into the stream, or what of it is for the neighbour; false when there is
    /// none.
    fn read_log(&mut self, peer: PeerId, group: GroupId) -> bool {
        let Some(stream) = self.streams.get(&peer) else {
            return false;
        };
        let Some((position, message)) = self.next_message(group, stream.next) else {
            return false;
        };
        let length = message.bytes.len();
        let share = Share::of(stream);
        let part = match message.audience.has(peer) {
            false => Part::Nothing,
            true if share.is_whole() => Part::Whole,
            // A run of the group's log says by its audience alone who is sent what: what is left out here is none of that.
            true => self.part_of(group, message, share, true).into_own(message),
        };
        self.streams.edit(&peer, |stream| {
            stream.next = position + 1;
            if part == Part::Whole {
                stream.append(false, position, length);
            }
        });
        if let Part::Less(bytes) = part {
            self.append_own(peer, &bytes);
        }
        true
    }

    /// The same for the log of the group that the neighbour comes from.
    fn read_leaving(&mut self, peer: PeerId) -> bool {
        let Some(stream) = self.streams.get(&peer) else {
            return false;
        };
        let Some(Leaving { group, next }) = stream.leaving else {
            return false;
        };
        let Some((position, message)) = self.next_message(group, next) else {
            return false;
        };
        let part = match message.audience.has(peer) {
            false => Part::Nothing,
            // It stays when the group is no longer the neighbour's.
            true => self
                .part_of(group, message, Share::of(stream), false)
                .into_own(message),
        };
        let next = position + 1;
        self.streams
            .edit(&peer, |stream| stream.leaving = Some(Leaving { group, next }));
        if let Part::Less(bytes) = part {
            self.append_own(peer, &bytes);
        }
        true
    }

    fn next_message(&self, group: GroupId, from: u64) -> Option<(u64, &LogMessage)> {
        let next = self.log.range(log_range(LogId::Group(group), from)).next();
        next.map(|(key, message)| (key.position, message))
    }

    fn part_of(&self, group: GroupId, message: &LogMessage, share: Share, before: bool) -> Part {
        match self.groups.get(&group) {
            Some(group) => share::part(&message.bytes, &group.key, share, before),
            None => Part::Whole,
        }
    }

    /// A walk to a group has come to its end.
    fn walk_ended(&mut self, peer: PeerId, kind: WalkKind) {
        if kind == WalkKind::Again {
            return;
        }
        self.walks_ended.insert(peer);
        let left = self.streams.edit(&peer, |stream| {
            let is_moving = stream.walks.iter().any(|walk| walk.kind == WalkKind::Move);
            stream.leaving.take_if(|_| !is_moving)
        });
        if let Some(left) = left.flatten() {
            let known = self.peers.get_mut(usize::from(peer.0));
            if let Some(known) = known.and_then(Option::as_mut) {
                known.leaving = None;
            }
            self.leave_group(peer, left.group);
        }
    }

    /// The messages that were promised and are not acknowledged, with their logs and places.
    fn promised<'a>(
        &'a self,
        peer: PeerId,
        stream: &'a Stream,
    ) -> impl Iterator<Item = ((bool, u64), &'a [u8])> + 'a {
        let group = self.peer(peer).and_then(|known| known.group);
        stream.pieces.iter().flat_map(move |piece| {
            let log = match piece.own {
                true => LogId::Peer(peer),
                // A stream has pieces of a group's log only while the neighbour is a member.
                false => LogId::Group(group.unwrap_or(GroupId(0))),
            };
            let key = |position| LogKey { log, position };
            self.log
                .range(key(piece.first)..key(piece.end))
                .filter(move |(_, message)| message.audience.has(peer))
                .map(move |(key, message)| ((piece.own, key.position), &*message.bytes))
        })
    }

    /// What was promised to `peer` out of the group's log goes into its own, so that the group's can forget it.
    pub(crate) fn keep_promised(&mut self, peer: PeerId) {
        let Some(mut stream) = self.streams.get(&peer).cloned() else {
            return;
        };
        let messages: Vec<(bool, u64, LogMessage)> = self
            .promised(peer, &stream)
            .map(|((own, place), bytes)| {
                let bytes = bytes.into();
                let audience = Audience::All;
                (own, place, LogMessage { bytes, audience })
            })
            .collect();
        let end = stream.end;
        stream.pieces.clear();
        for (own, place, message) in messages {
            if own {
                stream.append(true, place, 0);
                continue;
            }
            let position = stream.next_own;
            stream.next_own += 1;
            stream.append(true, position, 0);
            let log = LogId::Peer(peer);
            self.log.insert(LogKey { log, position }, message);
        }
        stream.end = end;
        self.streams.insert(peer, stream);
    }
}

impl<F: PolicyFamily> FamilyRib<F> {
    /// One step of looking up what a group is told; returns how many prefixes it looked at. Nobody is told by this: those
    /// who are members already know, and those who have come are told from what is found.
    fn look_up(&mut self, common: &mut Common, group: GroupId, key: &GroupKey) -> usize {
        let Some(row) = common.groups.get(&group) else {
            return 1;
        };
        let reached = match F::NUMBER {
            0 => row.reached_v4.clone(),
            _ => row.reached_v6.clone(),
        };
        let partly = row.partly.has(Families::of_number(F::NUMBER));
        let only_of = Some(row.alone).filter(|_| partly);
        let start = match RouteKey::<F>::decode(&reached) {
            Some(after) => Bound::Excluded(after),
            None => Bound::Unbounded,
        };
        let paths = self.paths.range((start, Bound::Unbounded));
        let batch: Vec<Prefix<F>> = paths.take(WALK_BATCH).map(|(key, _)| key.0).collect();
        // The default route comes first; who is to have one gets it also where the table has none.
        let is_start = matches!(start, Bound::Unbounded);
        let made = (is_start
            && common.originates::<F>(key, &Prefix::DEFAULT)
            && batch.first() != Some(&Prefix::DEFAULT))
        .then_some(Prefix::DEFAULT);
        for prefix in made.iter().chain(&batch).copied() {
            if let Some(wanted) = self.wanted(common, group, key, prefix) {
                let told_key = ToldKey { group, prefix };
                // What is there was told, and so was what is not, where it is not what the only member said: a change of
                // policy since then is told as one.
                let is_missing = only_of.is_none_or(|alone| alone == wanted.source);
                if is_missing && !self.told.contains_key(&told_key) {
                    self.told.insert(told_key, wanted);
                }
            }
        }
        let mut position = Vec::new();
        if let Some(last) = batch.last().filter(|_| batch.len() == WALK_BATCH) {
            RouteKey(*last).encode(&mut position);
        }
        common.groups.edit(&group, |row| {
            if position.is_empty() {
                row.filled = row.filled.with(Families::of_number(F::NUMBER));
                row.partly = row.partly.without(Families::of_number(F::NUMBER));
            }
            match F::NUMBER {
                0 => row.reached_v4 = position,
                _ => row.reached_v6 = position,
            }
        });
        batch.len().max(1)
    }

    /// Tells `peer` of what its group was told of prefixes after `position`; returns where it came to (`None`: to the
    /// end), and how many it looked at.
    fn walk(
        &mut self,
        common: &mut Common,
        peer: PeerId,
        group: GroupId,
        key: &GroupKey,
        position: &[u8],
    ) -> (Option<Vec<u8>>, usize) {
        let batch = self.told_after(group, position);
        let others = batch.iter().filter(|(_, told)| told.source != peer);
        let told = others.map(|(prefix, told)| (told.attribute, *prefix)).collect();
        common.announce_own::<F>(peer, key, told);
        let last = batch.last().filter(|_| batch.len() == WALK_BATCH);
        (last.map(|(prefix, _)| place_of(*prefix)), batch.len())
    }

    /// What a group was told of the next prefixes after `position`.
    fn told_after(&self, group: GroupId, position: &[u8]) -> Vec<(Prefix<F>, Told)> {
        let key = |prefix| ToldKey { group, prefix };
        let start = match RouteKey::<F>::decode(position) {
            Some(after) => Bound::Excluded(key(after.0)),
            None => Bound::Included(key(Prefix::DEFAULT)),
        };
        self.told
            .range((start, Bound::Unbounded))
            .take_while(|(key, _)| key.group == group)
            .take(WALK_BATCH)
            .map(|(key, told)| (key.prefix, *told))
            .collect()
    }

    /// Tells `peer`, who comes from one group to another, where they were told differently, after `position`; returns
    /// where it came to (`None`: to the end), and how many it looked at.
    fn tell_difference(
        &mut self,
        common: &mut Common,
        peer: PeerId,
        (from, to): (GroupId, GroupId),
        key: &GroupKey,
        position: &[u8],
    ) -> (Option<Vec<u8>>, usize) {
        let (knows, wanted) = (self.told_after(from, position), self.told_after(to, position));
        let looked_at = knows.len() + wanted.len();
        let end = |batch: &[(Prefix<F>, Told)]| {
            let last = batch.last().filter(|_| batch.len() == WALK_BATCH);
            last.map(|(prefix, _)| *prefix)
        };
        // Only as far as both are known.
        let reached = [end(&knows), end(&wanted)].into_iter().flatten().min();
        let is_known = |prefix: &Prefix<F>| reached.is_none_or(|reached| *prefix <= reached);
        let mut both: BTreeMap<Prefix<F>, [Option<AttributeId>; 2]> = BTreeMap::new();
        for (side, batch) in [knows, wanted].into_iter().enumerate() {
            for (prefix, told) in batch.into_iter().filter(|(prefix, _)| is_known(prefix)) {
                both.entry(prefix).or_default()[side] = Some(told.attribute).filter(|_| told.source != peer);
            }
        }
        let (mut announced, mut withdrawn) = (Vec::new(), Vec::new());
        for (prefix, [knows, wanted]) in both {
            match wanted {
                Some(wanted) if knows != Some(wanted) => announced.push((wanted, prefix)),
                None if knows.is_some() => withdrawn.push(prefix),
                _ => {}
            }
        }
        common.withdraw_own::<F>(peer, withdrawn);
        common.announce_own::<F>(peer, key, announced);
        (reached.map(place_of), looked_at)
    }

    /// Tells `peer` what is true now of prefixes that it has missed; returns how many.
    fn catch_up(&mut self, common: &mut Common, peer: PeerId, group: GroupId, key: &GroupKey) -> usize {
        let first = MissedKey {
            peer,
            prefix: Prefix::DEFAULT,
        };
        let missed = self.missed.range(first..).map(|(key, _)| *key);
        let missed: Vec<MissedKey<F>> = missed
            .take_while(|key| key.peer == peer)
            .take(WALK_BATCH)
            .collect();
        let Some(stream) = common.streams.get(&peer).filter(|_| !missed.is_empty()) else {
            return 0;
        };
        let (frontier, leaving) = (Frontier::<F>::of(stream), stream.leaving);
        let (mut announced, mut withdrawn) = (Vec::new(), Vec::new());
        for missed in &missed {
            // Behind the place of a walk it is told with the group that it comes from.
            let group = match (frontier.has(&missed.prefix), leaving) {
                (false, Some(leaving)) => leaving.group,
                _ => group,
            };
            let told_key = ToldKey {
                group,
                prefix: missed.prefix,
            };
            match self.told.get(&told_key) {
                Some(Told { attribute, source }) if *source != peer => {
                    announced.push((*attribute, missed.prefix));
                }
                _ => withdrawn.push(missed.prefix),
            }
            self.missed.remove(missed);
        }
        common.withdraw_own::<F>(peer, withdrawn);
        common.announce_own::<F>(peer, key, announced);
        missed.len()
    }

    fn note_missed(&mut self, peer: PeerId, prefixes: impl Iterator<Item = Prefix<F>>) {
        for prefix in prefixes {
            self.missed.insert(MissedKey { peer, prefix }, Missed);
        }
    }

    fn forget_missed(&mut self, peer: PeerId) {
        let first = MissedKey {
            peer,
            prefix: Prefix::DEFAULT,
        };
        let keys: Vec<MissedKey<F>> = self
            .missed
            .range(first..)
            .map(|(key, _)| *key)
            .take_while(|key| key.peer == peer)
            .collect();
        for key in keys {
            self.missed.remove(&key);
        }
    }
}

fn place_of<F: PolicyFamily>(prefix: Prefix<F>) -> Vec<u8> {
    let mut place = Vec::new();
    RouteKey(prefix).encode(&mut place);
    place
}

impl Common {
    /// Withdraws prefixes from one neighbour alone.
    fn withdraw_own<F: PolicyFamily>(&mut self, peer: PeerId, withdrawn: Vec<Prefix<F>>) {
        let mut prefixes = withdrawn.into_iter().peekable();
        let mut message = Vec::new();
        while prefixes.peek().is_some() {
            message.clear();
            F::write_withdraw(&mut prefixes, MESSAGE_LEN_MAX, &mut message);
            self.append_own(peer, &message);
        }
    }

    /// Announces prefixes to one neighbour alone.
    fn announce_own<F: PolicyFamily>(
        &mut self,
        peer: PeerId,
        key: &GroupKey,
        mut told: Vec<(AttributeId, Prefix<F>)>,
    ) {
        told.sort_unstable();
        for same in told.chunk_by(|a, b| a.0 == b.0) {
            let mut prefixes = same.iter().map(|(_, prefix)| *prefix).peekable();
            self.announcements::<F>(key, same[0].0, &mut prefixes, |common, bytes| {
                common.append_own(peer, bytes);
            });
        }
    }
}
