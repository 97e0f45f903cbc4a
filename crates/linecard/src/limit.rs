//! A token bucket.

use machine::Instant;

/// Lets `rate_per_second` events pass on average and `burst` at once.
///
/// Credit is kept in nanoseconds, so nothing is rounded away however often it is asked.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    interval_ns: u64,
    burst_ns: u64,
    credit_ns: u64,
    last: Instant,
}

impl TokenBucket {
    /// A full bucket. A rate of 0 lets nothing pass after the burst; `burst` is at least 1.
    pub fn new(now: Instant, rate_per_second: u32, burst: u32) -> Self {
        let burst = u64::from(burst.max(1));
        // Without a rate a token takes years to come back.
        let interval_ns = match rate_per_second {
            0 => u64::MAX / burst,
            rate => 1_000_000_000 / u64::from(rate),
        };
        let burst_ns = interval_ns.saturating_mul(burst);
        Self {
            interval_ns,
            burst_ns,
            credit_ns: burst_ns,
            last: now,
        }
    }

    /// Whether one more event may pass at `now`.
    pub fn take(&mut self, now: Instant) -> bool {
        let passed_ns = now.as_nanos().saturating_sub(self.last.as_nanos());
        self.last = self.last.max(now);
        self.credit_ns = self.credit_ns.saturating_add(passed_ns).min(self.burst_ns);
        let enough = self.credit_ns >= self.interval_ns;
        if enough {
            self.credit_ns -= self.interval_ns;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use machine::Duration;

    #[test]
    fn a_burst_passes_at_once_and_the_rate_after_it() {
        let mut now = Instant::from_millis(5);
        let mut bucket = TokenBucket::new(now, 1000, 10);
        assert_eq!((0..20).filter(|_| bucket.take(now)).count(), 10);
        let mut passed = 0;
        for _ in 0..10_000 {
            now += Duration::from_micros(100);
            passed += usize::from(bucket.take(now));
        }
        assert_eq!(passed, 1000);
        assert_eq!((0..20).filter(|_| bucket.take(now)).count(), 0);
        now += Duration::from_secs(60);
        assert_eq!(
            (0..20).filter(|_| bucket.take(now)).count(),
            10,
            "credit is bounded by the burst"
        );
    }

    #[test]
    fn no_rate_means_the_burst_only_and_time_going_back_gives_nothing() {
        let mut bucket = TokenBucket::new(Instant::from_millis(1000), 0, 1);
        assert!(bucket.take(Instant::from_millis(1000)));
        assert!(!bucket.take(Instant::from_millis(500)));
        assert!(!bucket.take(Instant::from_millis(1_000_000)));
    }
}
