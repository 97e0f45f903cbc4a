//! Route selection that waits after a restart: for the End-of-RIB of who told routes before (RFC 4724 section 4.1).
//!
//! What it waits for is in rows, dated by the system's age: whoever takes over in the middle of a restart says in OPENs
//! that it has restarted, waits for the same neighbours, for the rest of the time, and tells nobody anything before.

use ::checkpoint::{Key, Row, TableId};
use alloc::vec::Vec;
use machine::{Deadline, Duration, Instant, Outbox};

use crate::id::PeerId;
use crate::neighbor::Neighbor;
use crate::session::{Families, Session};
use crate::speaker::{Speaker, SpeakerOutput};

/// Number of the table of [`Deferral`].
pub const DEFERRAL_TABLE: TableId = TableId(99);

/// How long route selection waits for neighbours that say that they have restarted, too. RFC 4724 section 4.1 leaves
/// them out, so that two of them do not wait for each other. But FRR says so in all OPENs of its first two minutes, and
/// tells its routes a second later than others: without them the rest would be told to forget them.
const RESTARTED_AWAITED_TIME: Duration = Duration::from_secs(10);

/// What waits, or is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeferralKey {
    /// Route selection waits. Without this row there is no other.
    Selection,
    /// It does so for the End-of-RIB of this neighbour.
    Neighbor(PeerId),
}

impl Key for DeferralKey {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            DeferralKey::Selection => out.push(1),
            DeferralKey::Neighbor(peer) => {
                out.push(2);
                out.extend_from_slice(&peer.0.to_be_bytes());
            }
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [1] => Some(DeferralKey::Selection),
            [2, high, low] => Some(DeferralKey::Neighbor(PeerId(u16::from_be_bytes([*high, *low])))),
            _ => None,
        }
    }
}

/// A wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deferral {
    /// The system's age in seconds when it began.
    pub since_s: u32,
}

/// Tagged form of [`Deferral`].
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct DeferralRecord {
    /// See [`Deferral::since_s`].
    #[prost(uint32, tag = "1")]
    pub since_s: u32,
}

impl Row for Deferral {
    type Record = DeferralRecord;

    fn to_record(&self) -> DeferralRecord {
        let Deferral { since_s } = *self;
        DeferralRecord { since_s }
    }

    fn from_record(record: DeferralRecord) -> Result<Self, &'static str> {
        Ok(Deferral {
            since_s: record.since_s,
        })
    }
}

impl Speaker {
    /// This route processor starts without tables, after another one (graceful restart): OPENs say so, and nobody is
    /// told anything before those of `awaited` have told everything, or the deferral time is over. With nobody to wait
    /// for it is an ordinary start.
    pub fn restarted(&mut self, now: Instant, awaited: impl IntoIterator<Item = PeerId>) {
        for peer in awaited {
            self.await_end_of_rib(now, peer);
        }
    }

    /// Route selection waits from now on for this neighbour as well.
    pub(crate) fn await_end_of_rib(&mut self, now: Instant, peer: PeerId) {
        let row = Deferral { since_s: self.age_s };
        self.deferrals.insert(DeferralKey::Neighbor(peer), row);
        self.deferrals.insert(DeferralKey::Selection, row);
        self.go_on_deferring(now);
    }

    /// Waits for what is left of the time, if a wait is under way.
    pub(crate) fn go_on_deferring(&mut self, now: Instant) {
        let Some(row) = self.deferrals.get(&DeferralKey::Selection) else {
            return;
        };
        let elapsed = Duration::from_secs(u64::from(self.age_s.saturating_sub(row.since_s)));
        let time = Duration::from_secs(self.config.selection_deferral_time_s.into());
        self.deferred_until = Some(now + time.saturating_sub(elapsed));
        self.restarted_awaited_until = Some(now + RESTARTED_AWAITED_TIME.saturating_sub(elapsed));
    }

    /// Whether route selection waits for End-of-RIB: what the routing table is given stays as it is until then.
    pub fn is_deferring(&self) -> bool {
        self.deferrals.contains_key(&DeferralKey::Selection)
    }

    /// Nobody waits for a neighbour that is not configured any more.
    pub(crate) fn await_no_more(&mut self, peer: PeerId, out: &mut Outbox<SpeakerOutput>) {
        if self.deferrals.remove(&DeferralKey::Neighbor(peer)).is_some() {
            self.consider_end_of_deferral(out);
        }
    }

    /// Route selection has waited long enough when everybody who helps has told everything (RFC 4724 section 4.1).
    pub(crate) fn consider_end_of_deferral(&mut self, out: &mut Outbox<SpeakerOutput>) {
        if !self.is_deferring() {
            return;
        }
        let is_awaited = |(peer, neighbor): (&PeerId, &Neighbor)| {
            if neighbor.config.shutdown || !self.deferrals.contains_key(&DeferralKey::Neighbor(*peer)) {
                return false;
            }
            let Some(session) = self.sessions.get(peer).filter(|session| session.established) else {
                return true;
            };
            match session.agreed.graceful {
                Some(graceful) if !graceful.restarted || self.restarted_awaited_until.is_some() => {
                    !session.agreed.families.without(session.ended).is_empty()
                }
                _ => false,
            }
        };
        if !self.neighbors.iter().any(is_awaited) {
            self.end_deferral(out);
        }
    }

    /// Everybody is told everything, and End-of-RIB after it.
    fn end_deferral(&mut self, out: &mut Outbox<SpeakerOutput>) {
        self.deferred_until = None;
        self.restarted_awaited_until = None;
        let rows: Vec<DeferralKey> = self.deferrals.iter().map(|(key, _)| *key).collect();
        for key in rows {
            self.deferrals.remove(&key);
        }
        let waiting: Vec<(PeerId, Session)> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.established && !session.deferred.is_empty())
            .map(|(peer, session)| (*peer, session.clone()))
            .collect();
        for (peer, session) in waiting {
            let group = self.join_group(peer, &session.agreed);
            self.sessions.edit(&peer, |session| {
                session.group = group;
                session.deferred = Families::NONE;
            });
            self.sync_peer(peer);
            let end_of_rib = session.agreed.graceful.is_some();
            let families = session.deferred.numbers().map(|number| (number, end_of_rib));
            self.rib.start_telling(peer, group, families);
            out.after_sync(SpeakerOutput::Stream { peer });
        }
    }

    /// Waits no longer than it may.
    pub(crate) fn expire_deferral(&mut self, now: Instant, out: &mut Outbox<SpeakerOutput>) {
        if self.deferred_until.is_some_and(|until| until <= now) {
            self.end_deferral(out);
        }
        if self.restarted_awaited_until.is_some_and(|until| until <= now) {
            self.restarted_awaited_until = None;
            self.consider_end_of_deferral(out);
        }
    }

    pub(crate) fn deferral_deadline(&self) -> Option<Deadline> {
        let deferral = self.deferred_until.map(|at| (at, "BGP selection deferral"));
        let restarted = self.restarted_awaited_until;
        let restarted = restarted.map(|at| (at, "BGP wait for restarted neighbors"));
        machine::earliest(deferral, restarted)
    }
}
