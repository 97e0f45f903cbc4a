//! Takes out of the groups' logs what no member needs any more.
//!
//! Members only move forward in their group's log. So as long as one that needs the oldest message still does, there is
//! nothing to take out, and nobody else has to be looked at: only once it has moved on, the next one of those behind
//! it in turn is looked for. A turn thus costs what has changed in it, not the number of members.

use core::ops::Bound;

use crate::id::{GroupId, LogId, LogKey, PeerId};
use crate::rib::{Common, Rib};
use crate::stream::{LOG_MESSAGES_MAX, log_range};

/// A member that needs the oldest message of its group's log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Last {
    peer: PeerId,
    /// The place that it has yet to read or to acknowledge.
    needs: u64,
}

impl Rib {
    /// Takes out of the groups' logs what no member needs any more, and whoever is too far behind out of the log: as many
    /// of those as [`LOG_MESSAGES_MAX`] messages are to be noted for, at least one, so that a turn stays short; the rest is
    /// for the next.
    pub fn trim_logs(&mut self) {
        let mut due = core::mem::take(&mut self.common.trim_due);
        if !core::mem::replace(&mut self.common.trims_by_turn, true) {
            due = self.common.groups.iter().map(|(id, _)| *id).collect();
        }
        let mut budget = LOG_MESSAGES_MAX;
        for group in due {
            self.trim_log(group, &mut budget);
        }
    }

    /// Whether members of a group are far behind in its log.
    pub fn has_long_log(&self) -> bool {
        !self.common.long_logs.is_empty()
    }

    /// Whether a log is longer than what slow members are let fall behind: they are more than can be seen to.
    pub fn has_overlong_log(&self) -> bool {
        let is_overlong = |length: &u64| *length > 2 * LOG_MESSAGES_MAX;
        self.common.long_logs.values().any(is_overlong)
    }

    fn trim_log(&mut self, group: GroupId, budget: &mut u64) {
        self.common.long_logs.remove(&group);
        let Some(next) = self.common.groups.get(&group).map(|group| group.next) else {
            self.common.last_members.remove(&group);
            return;
        };
        let first = self.common.log.range(log_range(LogId::Group(group), 0)).next();
        let Some(first) = first.map(|(key, _)| key.position) else {
            return;
        };
        // Whoever is too far behind needs the oldest message.
        if next - first.min(next) > LOG_MESSAGES_MAX {
            self.drop_slow_members(group, next, budget);
        }
        let needed = self.common.first_needed(group).unwrap_or(next);
        let length = next - needed.min(next);
        if length > LOG_MESSAGES_MAX / 2 {
            self.common.long_logs.insert(group, length);
        }
        for position in first..needed {
            let key = LogKey {
                log: LogId::Group(group),
                position,
            };
            self.common.log.remove(&key);
        }
    }
}

impl Common {
    /// The place of `peer` in its group's log may have moved.
    pub(crate) fn trim_soon(&mut self, peer: PeerId) {
        let known = self.peers.get(usize::from(peer.0)).and_then(Option::as_ref);
        let groups = known.map(|known| [known.group, known.leaving]);
        self.trim_due
            .extend(groups.unwrap_or_default().into_iter().flatten());
    }

    /// The first place in the group's log that a member has yet to read or to acknowledge.
    fn needs(&self, peer: PeerId, group: GroupId) -> Option<u64> {
        let stream = self.streams.get(&peer)?;
        if let Some(leaving) = stream.leaving
            && leaving.group == group
        {
            return Some(leaving.next);
        }
        let mut pieces = stream.pieces.iter().filter(|piece| !piece.own);
        Some(pieces.next().map_or(stream.next, |piece| piece.first))
    }

    /// The first place in the group's log that any member has yet to read or to acknowledge.
    fn first_needed(&mut self, group: GroupId) -> Option<u64> {
        let members = self.members.get(&group)?;
        let before = self.last_members.get(&group).copied();
        let start = before.map_or(Bound::Unbounded, |last| Bound::Included(last.peer));
        let end = before.map_or(Bound::Unbounded, |last| Bound::Excluded(last.peer));
        // All of them, from the one that was last on: those before it had moved on when it was found.
        let rest = before.map(|_| members.range((Bound::Unbounded, end)));
        let all = members
            .range((start, Bound::Unbounded))
            .chain(rest.into_iter().flatten());
        let mut last: Option<Last> = None;
        for peer in all {
            let Some(needs) = self.needs(*peer, group) else {
                continue;
            };
            if last.is_none_or(|last| needs < last.needs) {
                last = Some(Last { peer: *peer, needs });
            }
            if before.is_some_and(|before| needs <= before.needs) {
                break;
            }
        }
        match last {
            Some(last) => self.last_members.insert(group, last),
            None => self.last_members.remove(&group),
        };
        last.map(|last| last.needs)
    }
}
