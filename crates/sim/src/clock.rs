//! A process's own monotonic clock, which is neither in phase with the world's nor equally fast.

use machine::Instant;

/// Parts per million.
const MILLION: i128 = 1_000_000;

/// Translates between the world's time and that of one process.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin_nanos: u64,
    world_at_start: Instant,
    drift_ppm: i64,
}

impl Clock {
    /// A clock that reads `origin_nanos` at the world's `now` and gains `drift_ppm` parts per million.
    pub fn new(now: Instant, origin_nanos: u64, drift_ppm: i64) -> Self {
        Self {
            origin_nanos,
            world_at_start: now,
            drift_ppm,
        }
    }

    /// What the clock reads at the world's `now`.
    pub fn local(&self, now: Instant) -> Instant {
        let passed = i128::from(now.as_nanos()) - i128::from(self.world_at_start.as_nanos());
        let local = passed * (MILLION + i128::from(self.drift_ppm)) / MILLION;
        Instant::from_nanos((i128::from(self.origin_nanos) + local).max(0) as u64)
    }

    /// The first moment of the world at which the clock reads at least `local`.
    pub fn world(&self, local: Instant) -> Instant {
        let passed = i128::from(local.as_nanos()) - i128::from(self.origin_nanos);
        if passed <= 0 {
            return self.world_at_start;
        }
        let rate = MILLION + i128::from(self.drift_ppm);
        let world = (passed * MILLION + rate - 1) / rate;
        let nanos = i128::from(self.world_at_start.as_nanos()) + world;
        Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_on_a_drifting_clock_is_reached_at_the_moment_it_translates_to() {
        for drift_ppm in [-500, -1, 0, 7, 500] {
            let clock = Clock::new(Instant::from_millis(3), 77_000, drift_ppm);
            for nanos in [77_000u64, 77_001, 5_000_000, 123_456_789, 98_765_432_123] {
                let deadline = Instant::from_nanos(nanos);
                let at = clock.world(deadline);
                assert!(clock.local(at) >= deadline, "drift {drift_ppm}, deadline {nanos}");
                assert!(
                    clock.local(Instant::from_nanos(at.as_nanos() - 2)) <= deadline,
                    "not much later than needed"
                );
            }
        }
    }
}
