//! Is the peer alive?
//!
//! Think of two people who keep an eye on each other and call out every few seconds. When the other one has been
//! silent for long enough, something is wrong with them, unless I slept myself: then they may have called and I did not
//! listen. So before judging, I ask how well *I* was awake. If my own alarm rang late, I add that lateness to the
//! patience that I owe, and I listen at least once more on time before I say that the other one is gone.
//!
//! ```text
//!            heard                                            limit
//!   peer   ────┴────────────────────────────────────────────────┬──────────▶ silent
//!   on time    · check · check · check · check · check · check ·│ Failed
//!   slept      · check · zzzzzzzzzzzzzzzzzzzzzzzzzz · check ·   │ · check · │ Failed
//!                        └────────── lateness ─────┘            └ lateness ─┘
//! ```
//!
//! Rules of thumb: the limit is a handful of intervals, so that one lost heartbeat is not a death; a check that is late
//! by no more than an interval is normal life on a busy machine, and only counts into the patience.
//!
//! Heartbeats are sent by the work loop itself, so a hung loop falls silent although its process lives.
//!
//! Contract: call [`FailureDetector::heard`] for each message of the peer, and [`FailureDetector::check`] at or after
//! [`FailureDetector::next_check`]. An early check is harmless.

use machine::{Duration, Instant};

/// The detector's opinion of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Heard within the last two intervals.
    Alive,
    /// Overdue, but within the limit as extended.
    Overdue,
    /// Silent for longer than the limit, while this side was awake.
    Failed,
}

/// Watches one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureDetector {
    interval: Duration,
    limit: Duration,
    heard_at: Instant,
    lateness: Duration,
    next_check: Instant,
}

impl FailureDetector {
    /// A detector that has just heard the peer. `interval` is that at which the peer sends, `limit` how long it may be
    /// silent; a limit below two intervals is raised to two, since below that one lost heartbeat would be a death.
    pub fn new(now: Instant, interval: Duration, limit: Duration) -> Self {
        let interval = interval.max(Duration::from_nanos(1));
        let limit = limit.max(interval * 2);
        Self {
            interval,
            limit,
            heard_at: now,
            lateness: Duration::ZERO,
            next_check: now + interval,
        }
    }

    /// Anything from the peer proves that its work loop turns. The next check stays where it is: should it be late, we
    /// want to know.
    pub fn heard(&mut self, now: Instant) {
        self.heard_at = self.heard_at.max(now);
        self.lateness = Duration::ZERO;
    }

    /// When to call [`FailureDetector::check`].
    pub fn next_check(&self) -> Instant {
        self.next_check
    }

    /// Judges the peer. Does not move anything when called before the check is due.
    pub fn check(&mut self, now: Instant) -> Verdict {
        if now < self.next_check {
            return self.opinion(now, false);
        }
        let late_by = now.saturating_since(self.next_check);
        // Sleep from before the last word of the peer excuses nothing: that word has been heard.
        let slept_since_heard = late_by.min(now.saturating_since(self.heard_at));
        self.lateness = self.lateness.saturating_add(slept_since_heard);
        let overslept = late_by > self.interval;
        let verdict = self.opinion(now, overslept);
        // The last check before the verdict sits on the limit itself, so that detection is not rounded up. Who overslept
        // gets a whole interval to listen first.
        self.next_check = if verdict == Verdict::Overdue && !overslept {
            (now + self.interval).min(self.deadline())
        } else {
            now + self.interval
        };
        verdict
    }

    /// Whether the peer has been silent for longer than `limit` while this side was awake.
    pub fn is_silent_for(&self, now: Instant, limit: Duration) -> bool {
        now >= self.heard_at + limit.saturating_add(self.lateness)
    }

    /// Heartbeats that should have come and did not: `keep_alive count` of `show redundancy states`, 0 when healthy.
    pub fn missed(&self, now: Instant) -> u64 {
        let silent = now.saturating_since(self.heard_at).as_nanos();
        // The first interval of silence is the wait for a heartbeat that is not late yet.
        u64::try_from(silent / self.interval.as_nanos())
            .unwrap_or(u64::MAX)
            .saturating_sub(1)
    }

    fn deadline(&self) -> Instant {
        self.heard_at + self.limit.saturating_add(self.lateness)
    }

    fn opinion(&self, now: Instant, overslept: bool) -> Verdict {
        if now.saturating_since(self.heard_at) <= self.interval * 2 {
            Verdict::Alive
        } else if now < self.deadline() || overslept {
            Verdict::Overdue
        } else {
            Verdict::Failed
        }
    }
}
