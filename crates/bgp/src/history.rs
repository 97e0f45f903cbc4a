//! What operators compare before and after a switchover: how often a session came and went, when, and why.

use crate::error::DownReason;

/// What became of a neighbour's sessions so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Times that the session was established.
    pub established: u32,
    /// Times that it ended.
    pub dropped: u32,
    /// The system's age in seconds when it was established or ended last.
    pub changed_s: u32,
    /// Why it ended last; `None`: it never did.
    pub last_reset: Option<DownReason>,
    /// The system's age in seconds then.
    pub reset_s: u32,
    /// Messages of sessions that have ended, by kind: OPEN, UPDATE, NOTIFICATION, KEEPALIVE, ROUTE-REFRESH.
    pub sent: [u64; 5],
}

impl History {
    /// The session was established when the system was this old.
    pub(crate) fn up(self, age_s: u32) -> History {
        History {
            established: self.established.saturating_add(1),
            changed_s: age_s,
            ..self
        }
    }

    /// The session ended when the system was this old; these are the messages that were `sent` in it.
    pub(crate) fn down(self, age_s: u32, reason: DownReason, sent: [u64; 5]) -> History {
        History {
            dropped: self.dropped.saturating_add(1),
            changed_s: age_s,
            last_reset: Some(reason),
            reset_s: age_s,
            sent: sum(self.sent, sent),
            ..self
        }
    }
}

/// Both together, kind by kind.
pub(crate) fn sum(one: [u64; 5], other: [u64; 5]) -> [u64; 5] {
    core::array::from_fn(|kind| one[kind].saturating_add(other[kind]))
}

/// Tagged form of [`History`].
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct HistoryRecord {
    /// See [`History::established`].
    #[prost(uint32, tag = "1")]
    pub established: u32,
    /// See [`History::dropped`].
    #[prost(uint32, tag = "2")]
    pub dropped: u32,
    /// See [`History::changed_s`].
    #[prost(uint32, tag = "3")]
    pub changed_s: u32,
    /// See [`History::last_reset`]: 0 is never.
    #[prost(uint32, tag = "4")]
    pub last_reset: u32,
    /// See [`History::reset_s`].
    #[prost(uint32, tag = "5")]
    pub reset_s: u32,
    /// OPENs of [`History::sent`].
    #[prost(uint64, tag = "6")]
    pub sent_opens: u64,
    /// UPDATEs.
    #[prost(uint64, tag = "7")]
    pub sent_updates: u64,
    /// NOTIFICATIONs.
    #[prost(uint64, tag = "8")]
    pub sent_notifications: u64,
    /// KEEPALIVEs.
    #[prost(uint64, tag = "9")]
    pub sent_keepalives: u64,
    /// ROUTE-REFRESHs.
    #[prost(uint64, tag = "10")]
    pub sent_route_refreshes: u64,
}

impl From<History> for HistoryRecord {
    fn from(history: History) -> HistoryRecord {
        let History {
            established,
            dropped,
            changed_s,
            last_reset,
            reset_s,
            sent,
        } = history;
        let [opens, updates, notifications, keepalives, route_refreshes] = sent;
        HistoryRecord {
            established,
            dropped,
            changed_s,
            last_reset: last_reset.map_or(0, |reason| reason as u32),
            reset_s,
            sent_opens: opens,
            sent_updates: updates,
            sent_notifications: notifications,
            sent_keepalives: keepalives,
            sent_route_refreshes: route_refreshes,
        }
    }
}

impl TryFrom<HistoryRecord> for History {
    type Error = &'static str;

    fn try_from(record: HistoryRecord) -> Result<History, &'static str> {
        Ok(History {
            established: record.established,
            dropped: record.dropped,
            changed_s: record.changed_s,
            last_reset: match record.last_reset {
                0 => None,
                number => Some(DownReason::from_number(number).ok_or("last reset")?),
            },
            reset_s: record.reset_s,
            sent: [
                record.sent_opens,
                record.sent_updates,
                record.sent_notifications,
                record.sent_keepalives,
                record.sent_route_refreshes,
            ],
        })
    }
}
