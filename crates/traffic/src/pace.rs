//! When the next packet of a steady stream is due.

use core::time::Duration;

use machine::Instant;

/// A rate that does not drift: packet `n` is due at `start + n / rate`, however late the ones before it left.
///
/// Whoever falls behind catches up, but only by [`Pace::CATCH_UP_MAX`]; what is older is skipped and counted, so that
/// a stall never turns into a burst that no queue could take.
#[derive(Clone, Debug)]
pub struct Pace {
    per_second: u64,
    base: Instant,
    /// Packets that were due since `base`, below `per_second`.
    count: u64,
    skipped: u64,
}

impl Pace {
    /// How much of a stall is made good.
    pub const CATCH_UP_MAX: Duration = Duration::from_millis(100);
    /// The highest rate, in packets per second.
    pub const PER_SECOND_MAX: u64 = 1_000_000;

    /// A pace of `per_second` packets from `start` on; the first is due at once. The rate is kept within
    /// `1..=PER_SECOND_MAX`.
    pub fn new(start: Instant, per_second: u64) -> Self {
        Self {
            per_second: per_second.clamp(1, Self::PER_SECOND_MAX),
            base: start,
            count: 0,
            skipped: 0,
        }
    }

    /// When the next packet is due.
    pub fn next_due(&self) -> Instant {
        // count < per_second <= 10^6, so the product fits.
        self.base + Duration::from_nanos(self.count * 1_000_000_000 / self.per_second)
    }

    /// Whether a packet is due at `now`.
    pub fn is_due(&self, now: Instant) -> bool {
        self.next_due() <= now
    }

    /// Notes that the due packet has left.
    pub fn advance(&mut self) {
        self.count += 1;
        if self.count == self.per_second {
            self.base += Duration::from_secs(1);
            self.count = 0;
        }
    }

    /// Gives up the packets that are overdue by more than [`Pace::CATCH_UP_MAX`].
    pub fn bound_backlog(&mut self, now: Instant) {
        let late = now - self.next_due();
        if late <= Self::CATCH_UP_MAX {
            return;
        }
        let excess = (late - Self::CATCH_UP_MAX).as_nanos() * u128::from(self.per_second) / 1_000_000_000;
        let excess = u64::try_from(excess).unwrap_or(u64::MAX);
        self.skipped = self.skipped.saturating_add(excess);
        let count = self.count.saturating_add(excess);
        self.base += Duration::from_secs(count / self.per_second);
        self.count = count % self.per_second;
    }

    /// Starts anew at `now`, as after a stop.
    pub fn restart(&mut self, now: Instant) {
        self.base = now;
        self.count = 0;
    }

    /// Packets a second.
    pub fn per_second(&self) -> u64 {
        self.per_second
    }

    /// Packets that were given up because the sender or its wire stalled; they were never sent.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}
