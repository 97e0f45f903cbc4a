//! The cards as the active sees them: one connection and one download each.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use chassis::message::{PortCounters, Truth};
use chassis::{Download, DownloadPhase, PuntTicket, RpMessage};
use checkpoint::Tables;
use machine::{CardSlot, Duration, FrameNumber, Instant, PortId};

/// How long a card that was there before a switchover may stay away before it counts as lost.
const RETURN_LIMIT: Duration = Duration::from_secs(2);
/// How long a card may stay away after its connection broke before it counts as lost. It forwards all the while; where
/// it is really gone, the other cards have pruned it by themselves.
const RECONNECT_LIMIT: Duration = Duration::from_millis(500);
/// Who looks later than this after a limit has not been running meanwhile, so that no card could come back.
const LATE: Duration = Duration::from_millis(10);

/// One card's connection.
#[derive(Debug)]
struct CardSession {
    session: u64,
    download: Download,
    /// What the card told about itself, until the next turn boundary at which nothing is dirty.
    truth: Option<Truth>,
    claimed: bool,
    connected_at: Instant,
    card_uptime: Duration,
    /// Punts taken since the truth.
    punts_taken: u64,
    /// How many of them the card was told of, or will be once the gate lets that pass.
    punts_told: u64,
    /// Punts whose packets wait here for their next hop, by their numbers.
    punts_kept: BTreeSet<u64>,
    /// Punts that the card was told are kept, and that are so no longer.
    punts_released: Vec<u64>,
}

/// A card that may come back.
#[derive(Clone, Copy, Debug)]
struct Awaited {
    until: Instant,
    /// Whether it was logged as offline when its connection broke.
    logged: bool,
    /// Whether the limit was prolonged because this route processor itself had been stopped.
    prolonged: bool,
}

/// All cards.
#[derive(Debug, Default)]
pub struct Cards {
    sessions: BTreeMap<CardSlot, CardSession>,
    /// Cards without a connection that may come back, and until when.
    awaited: BTreeMap<CardSlot, Awaited>,
    /// Cards whose acceptance of the epoch is outstanding, for the measurement.
    unclaimed: BTreeSet<CardSlot>,
    counters: BTreeMap<PortId, PortCounters>,
    lost_punts: BTreeMap<CardSlot, u64>,
}

/// A message to a card's present connection.
pub type CardMail = (CardSlot, u64, RpMessage);

impl Cards {
    /// No card is connected; those in `expected` were there before.
    pub fn new(now: Instant, expected: impl IntoIterator<Item = CardSlot>) -> Self {
        let until = now + RETURN_LIMIT;
        let awaited = Awaited {
            until,
            logged: false,
            prolonged: false,
        };
        let awaited: BTreeMap<CardSlot, Awaited> = expected.into_iter().map(|card| (card, awaited)).collect();
        Self {
            unclaimed: awaited.keys().copied().collect(),
            awaited,
            ..Self::default()
        }
    }

    /// A card is connected.
    pub fn connected(&mut self, now: Instant, card: CardSlot, session: u64) {
        self.sessions.insert(
            card,
            CardSession {
                session,
                download: Download::new(),
                truth: None,
                claimed: false,
                connected_at: now,
                card_uptime: Duration::ZERO,
                punts_taken: 0,
                punts_told: 0,
                punts_kept: BTreeSet::new(),
                punts_released: Vec::new(),
            },
        );
    }

    /// A connection is gone. Returns whether it was the card's present one and had been claimed: then the card is awaited.
    pub fn disconnected(&mut self, now: Instant, card: CardSlot, session: u64) -> bool {
        self.unclaimed.remove(&card);
        if !self.is_current(card, session) {
            return false;
        }
        let claimed = self.sessions.remove(&card).is_some_and(|known| known.claimed);
        if claimed {
            let until = now + RECONNECT_LIMIT;
            let awaited = Awaited {
                until,
                logged: true,
                prolonged: false,
            };
            self.awaited.insert(card, awaited);
        }
        claimed
    }

    /// The card is known to be gone: its connection is void, and it is not awaited.
    pub fn given_up(&mut self, card: CardSlot) {
        self.sessions.remove(&card);
        self.awaited.remove(&card);
        self.unclaimed.remove(&card);
    }

    /// Whether `session` is the card's present connection.
    pub fn is_current(&self, card: CardSlot, session: u64) -> bool {
        self.sessions
            .get(&card)
            .is_some_and(|known| known.session == session)
    }

    /// The card has accepted the epoch and told its truth. Returns whether all awaited cards have by now.
    pub fn accepted(&mut self, card: CardSlot, truth: Truth) -> bool {
        self.awaited.remove(&card);
        self.lost_punts.insert(card, truth.lost_punts);
        if let Some(known) = self.sessions.get_mut(&card) {
            known.claimed = true;
            known.card_uptime = Duration::from_millis(truth.uptime_ms);
            known.punts_taken = 0;
            known.punts_told = 0;
            known.punts_kept.clear();
            known.punts_released.clear();
            known.truth = Some(truth);
        }
        self.unclaimed.remove(&card)
    }

    /// Whether no card's acceptance of the epoch is outstanding.
    pub fn all_claimed(&self) -> bool {
        self.unclaimed.is_empty()
    }

    /// A punt's ticket if it is to be handled, which is counted. One that comes before the truth belongs to the conversation
    /// before: the card hands it over again.
    pub fn take_punt(&mut self, card: CardSlot) -> Option<PuntTicket> {
        let known = self.sessions.get_mut(&card).filter(|known| known.claimed)?;
        known.punts_taken += 1;
        Some(PuntTicket {
            card,
            session: known.session,
            number: known.punts_taken,
        })
    }

    /// The packet of a punt that was taken since the cards were told last waits here.
    pub fn punt_kept(&mut self, punt: PuntTicket) {
        if let Some(known) = self.sessions.get_mut(&punt.card)
            && known.session == punt.session
        {
            known.punts_kept.insert(punt.number);
        }
    }

    /// The packet of a punt waits here no longer.
    pub fn punt_let_go(&mut self, punt: PuntTicket) {
        if let Some(known) = self.sessions.get_mut(&punt.card)
            && known.session == punt.session
            && known.punts_kept.remove(&punt.number)
            && punt.number <= known.punts_told
        {
            known.punts_released.push(punt.number);
        }
    }

    /// What the cards are to be told of the punts that were taken since the last call. It may leave only once the
    /// standby has what they caused.
    pub fn punts_consumed(&mut self) -> Vec<CardMail> {
        let mut mail = Vec::new();
        for (card, known) in &mut self.sessions {
            let mut tell = |message| mail.push((*card, known.session, message));
            if known.punts_told < known.punts_taken {
                // Before the count, which would have the card forget them.
                for number in known.punts_kept.range(known.punts_told + 1..) {
                    tell(RpMessage::PuntKept { number: *number });
                }
                known.punts_told = known.punts_taken;
                let count = known.punts_taken;
                tell(RpMessage::PuntsConsumed { count });
            }
            for number in known.punts_released.drain(..) {
                tell(RpMessage::PuntReleased { number });
            }
        }
        mail
    }

    /// The card has applied some rows.
    pub fn applied(&mut self, card: CardSlot, bytes: u32) {
        if let Some(known) = self.sessions.get_mut(&card) {
            known.download.applied(bytes);
        }
    }

    /// The card's digest is not ours: everything again. Returns false while that is under way already.
    pub fn digest_differs(&mut self, card: CardSlot) -> bool {
        match self.sessions.get_mut(&card) {
            Some(known) if *known.download.phase() == DownloadPhase::Live => {
                known.download.refresh();
                true
            }
            _ => false,
        }
    }

    /// Rows of a frame that was just closed, for all cards.
    pub fn frame(&mut self, tables: &dyn Tables, frame: FrameNumber, rows: &[Vec<u8>]) -> Vec<CardMail> {
        let mut mail = Vec::new();
        for (card, known) in &mut self.sessions {
            let messages = known.download.frame(tables, frame, rows);
            mail.extend(
                messages
                    .into_iter()
                    .map(|message| (*card, known.session, message)),
            );
        }
        mail
    }

    /// A turn boundary at which nothing is dirty: answers truths and goes on with refreshes. They do not end while
    /// `holds_sweep`: cards keep what is not named yet.
    pub fn clean_boundary(
        &mut self,
        tables: &dyn Tables,
        frame: FrameNumber,
        holds_sweep: bool,
    ) -> Vec<CardMail> {
        let mut mail = Vec::new();
        for (card, known) in &mut self.sessions {
            let mut messages = match known.truth.take() {
                Some(truth) => known.download.truth(tables, frame, &truth),
                None => Vec::new(),
            };
            messages.extend(known.download.refresh_step(tables, frame, holds_sweep));
            mail.extend(
                messages
                    .into_iter()
                    .map(|message| (*card, known.session, message)),
            );
        }
        mail
    }

    /// Whether a truth waits to be answered, or a refresh has room to go on: the next turn boundary has work.
    pub fn has_work(&self) -> bool {
        self.sessions.values().any(|known| known.truth.is_some())
    }

    /// The same message for every card that has accepted the epoch.
    pub fn to_all(&self, message: &RpMessage) -> Vec<CardMail> {
        self.claimed()
            .map(|(card, session)| (card, session, message.clone()))
            .collect()
    }

    /// Cards that have accepted the epoch, with their connections.
    pub fn claimed(&self) -> impl Iterator<Item = (CardSlot, u64)> + '_ {
        self.sessions
            .iter()
            .filter(|(_, known)| known.claimed)
            .map(|(card, known)| (*card, known.session))
    }

    /// The connection of a card that has accepted the epoch.
    pub fn session(&self, card: CardSlot) -> Option<u64> {
        self.sessions
            .get(&card)
            .filter(|known| known.claimed)
            .map(|known| known.session)
    }

    /// Cards that have not come back in time, each with whether it was logged as offline before. A route processor that
    /// was stopped itself looks once more before it judges.
    pub fn overdue(&mut self, now: Instant) -> Vec<(CardSlot, bool)> {
        let mut overdue = Vec::new();
        self.awaited.retain(|card, awaited| {
            if !awaited.prolonged && now.saturating_since(awaited.until) > LATE {
                awaited.prolonged = true;
                awaited.until = now + RECONNECT_LIMIT;
            }
            let is_due = awaited.until <= now;
            if is_due {
                overdue.push((*card, awaited.logged));
            }
            !is_due
        });
        overdue
    }

    /// When `overdue` may have something.
    pub fn overdue_at(&self) -> Option<Instant> {
        self.awaited.values().map(|awaited| awaited.until).min()
    }

    /// Whether a card may still come back.
    pub fn is_awaited(&self, card: CardSlot) -> bool {
        self.awaited.contains_key(&card)
    }

    /// Whether the card was logged as offline and is believed to come back.
    pub fn was_logged_offline(&self, card: CardSlot) -> bool {
        self.awaited.get(&card).is_some_and(|awaited| awaited.logged)
    }

    /// Takes a card's counters.
    pub fn count(&mut self, counters: Vec<(PortId, PortCounters)>) {
        self.counters.extend(counters);
    }

    /// A port's counters as last reported.
    pub fn counters(&self, port: PortId) -> PortCounters {
        self.counters.get(&port).copied().unwrap_or_default()
    }

    /// Punts that the card had to drop because its buffer was full while it had no RP.
    pub fn lost_punts(&self, card: CardSlot) -> u64 {
        self.lost_punts.get(&card).copied().unwrap_or(0)
    }

    /// Phase of a card's download and the bytes on their way.
    pub fn download(&self, card: CardSlot) -> Option<(&DownloadPhase, usize)> {
        self.sessions
            .get(&card)
            .map(|known| (known.download.phase(), known.download.outstanding_bytes()))
    }

    /// How long the card has been running.
    pub fn uptime(&self, now: Instant, card: CardSlot) -> Option<Duration> {
        self.sessions
            .get(&card)
            .map(|known| known.card_uptime + (now - known.connected_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: CardSlot = CardSlot(1);

    #[test]
    fn a_route_processor_that_was_stopped_looks_once_more_before_it_calls_a_card_lost() {
        let awaited = |until| Awaited {
            until,
            logged: true,
            prolonged: false,
        };
        let at = Instant::from_millis(1_000);
        let mut cards = Cards::default();
        cards.awaited.insert(CARD, awaited(at));
        assert_eq!(cards.overdue(at), [(CARD, true)], "in time");
        cards.awaited.insert(CARD, awaited(at));
        let woken = at + Duration::from_millis(160);
        assert_eq!(cards.overdue(woken), [], "it could not come back meanwhile");
        assert_eq!(cards.overdue_at(), Some(woken + RECONNECT_LIMIT));
        let late_again = woken + RECONNECT_LIMIT + Duration::from_secs(1);
        assert_eq!(cards.overdue(late_again), [(CARD, true)], "once");
    }
}
