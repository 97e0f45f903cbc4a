//! Each neighbour's stream: what is appended to it, what is sent again, what has been acknowledged.

use ::checkpoint::Key;
use alloc::vec::Vec;
use core::ops::Bound;
use packet::Prefix;
use packet::bgp::{self, Kind, MESSAGE_LEN_MAX, MpReach, MpUnreach, Update};

use crate::family::{MissedKey, RouteKey, ToldKey};
use crate::group::GroupKey;
use crate::id::{AttributeId, GroupId, LogId, LogKey, PeerId};
use crate::import::PolicyFamily;
use crate::log::{Audience, LogMessage, Missed, Stream, Walk};
use crate::rib::{Common, FamilyRib, Rib};
use crate::session::Families;
use crate::told::Told;

/// Messages that a group's log may hold for its slowest member. One that is further behind leaves the log: what it has
/// missed is noted by prefix, so that it costs no more than the number of prefixes, whatever changes.
pub const LOG_MESSAGES_MAX: u64 = 4096;
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
        };
        let stream = Stream {
            start: offset,
            end: offset,
            next,
            next_own,
            walks: families.iter().map(walk).collect(),
            // The OPEN and the first KEEPALIVE.
            messages: 2,
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
            let is_under_way = |walk: &Walk| walk.family == family && walk.position.is_empty();
            if !stream.walks.iter().any(is_under_way) {
                stream.walks.push_back(Walk {
                    family,
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
        self.common.trim_due.insert(group);
        while looked_at < budget && self.common.has_room(peer, until) {
            let step = self.v4.catch_up(&mut self.common, peer, group, &key)
                + self.v6.catch_up(&mut self.common, peer, group, &key);
            if step > 0 {
                looked_at += step;
                continue;
            }
            if self.common.read_log(peer, group) {
                looked_at += 1;
                continue;
            }
            match self.walk(peer, group, &key) {
                Some(step) => looked_at += step,
                None => break,
            }
        }
        looked_at
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
        let (position, looked_at) = match walk.family {
            0 => self.v4.walk(&mut self.common, peer, group, key, &walk.position),
            _ => self.v6.walk(&mut self.common, peer, group, key, &walk.position),
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

    /// Members that have more than [`LOG_MESSAGES_MAX`] messages before them go on from the table instead.
    pub(crate) fn drop_slow_members(&mut self, group: GroupId, next: u64) {
        let is_slow =
            |(peer, from): (PeerId, u64)| (next - from.min(next) > LOG_MESSAGES_MAX).then_some((peer, from));
        let members = self.common.members.get(&group).into_iter().flatten();
        let places = members.filter_map(|peer| Some((*peer, self.common.streams.get(peer)?.next)));
        let slow: Vec<(PeerId, u64)> = places.filter_map(is_slow).collect();
        for (peer, from) in slow {
            let messages: Vec<LogMessage> = self
                .common
                .log
                .range(log_range(LogId::Group(group), from))
                .map(|(_, message)| message.clone())
                .filter(|message| message.audience.has(peer))
                .collect();
            for message in messages {
                self.note_missed(group, peer, &message.bytes);
            }
            self.common.keep_promised(peer);
            self.common.streams.edit(&peer, |stream| stream.next = next);
        }
    }

    /// Notes each prefix that a message of ours is about.
    fn note_missed(&mut self, group: GroupId, peer: PeerId, message: &[u8]) {
        let Some(key) = self.common.groups.get(&group).map(|group| &group.key) else {
            return;
        };
        let context = bgp::Context {
            four_octet_as: key.four_octet_as,
            internal: true,
            confederation: true,
            first_as: None,
            ipv4: true,
            ipv6: true,
        };
        let Ok(Some(message)) = bgp::split(message, bgp::EXTENDED_MESSAGE_LEN_MAX) else {
            return;
        };
        if message.kind != Kind::Update {
            return;
        }
        let Ok(reading) = Update::parse(message.body).and_then(|update| update.read(&context)) else {
            return;
        };
        self.v4
            .note_missed(peer, reading.withdrawn.chain(reading.reachable));
        if let Some(MpReach::V6(_, prefixes)) = reading.mp_reach {
            self.v6.note_missed(peer, prefixes);
        }
        if let Some(MpUnreach::V6(prefixes)) = reading.mp_unreach {
            self.v6.note_missed(peer, prefixes);
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

    /// Puts the next message of the group's log into the stream; false when there is none.
    fn read_log(&mut self, peer: PeerId, group: GroupId) -> bool {
        let Some(from) = self.streams.get(&peer).map(|stream| stream.next) else {
            return false;
        };
        let next = self.log.range(log_range(LogId::Group(group), from)).next();
        let Some((position, length, is_for_peer)) = next.map(|(key, message)| {
            let is_for_peer = message.audience.has(peer);
            (key.position, message.bytes.len(), is_for_peer)
        }) else {
            return false;
        };
        self.streams.edit(&peer, |stream| {
            stream.next = position + 1;
            if is_for_peer {
                stream.append(false, position, length);
            }
        });
        true
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
    fn keep_promised(&mut self, peer: PeerId) {
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
        let reached = common.groups.get(&group).map(|row| match F::NUMBER {
            0 => row.reached_v4.clone(),
            _ => row.reached_v6.clone(),
        });
        let start = match RouteKey::<F>::decode(&reached.unwrap_or_default()) {
            Some(after) => Bound::Excluded(after),
            None => Bound::Unbounded,
        };
        let paths = self.paths.range((start, Bound::Unbounded));
        let batch: Vec<Prefix<F>> = paths.take(WALK_BATCH).map(|(key, _)| key.0).collect();
        // The default route comes first; who is to have one gets it also where the table has none.
        let is_start = matches!(start, Bound::Unbounded);
        let made =
            (is_start && key.originates::<F>(&Prefix::DEFAULT) && batch.first() != Some(&Prefix::DEFAULT))
                .then_some(Prefix::DEFAULT);
        for prefix in made.iter().chain(&batch).copied() {
            if let Some(wanted) = self.wanted(common, group, key, prefix) {
                let told_key = ToldKey { group, prefix };
                // What is there was told: a change of policy since then is told as one.
                if !self.told.contains_key(&told_key) {
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
        let start = match RouteKey::<F>::decode(position) {
            Some(after) => Bound::Excluded(ToldKey {
                group,
                prefix: after.0,
            }),
            None => Bound::Included(ToldKey {
                group,
                prefix: Prefix::DEFAULT,
            }),
        };
        let batch: Vec<(Prefix<F>, Told)> = self
            .told
            .range((start, Bound::Unbounded))
            .take_while(|(key, _)| key.group == group)
            .take(WALK_BATCH)
            .map(|(key, told)| (key.prefix, *told))
            .collect();
        let others = batch.iter().filter(|(_, told)| told.source != peer);
        let told = others.map(|(prefix, told)| (told.attribute, *prefix)).collect();
        common.announce_own::<F>(peer, key, told);
        let last = batch.last().filter(|_| batch.len() == WALK_BATCH);
        let reached = last.map(|(prefix, _)| {
            let mut position = Vec::new();
            RouteKey(*prefix).encode(&mut position);
            position
        });
        (reached, batch.len())
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
        let (mut announced, mut withdrawn) = (Vec::new(), Vec::new());
        for missed in &missed {
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
        let mut prefixes = withdrawn.into_iter().peekable();
        let mut message = Vec::new();
        while prefixes.peek().is_some() {
            message.clear();
            F::write_withdraw(&mut prefixes, MESSAGE_LEN_MAX, &mut message);
            common.append_own(peer, &message);
        }
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

impl Common {
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
