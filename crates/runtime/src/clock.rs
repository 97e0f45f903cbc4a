//! The process's monotonic clock.

use machine::Instant;
use rustix::time::{ClockId, clock_gettime};

/// The moment that it is now, on `CLOCK_MONOTONIC`: it does not count time in which the host was suspended.
pub fn now() -> Instant {
    let time = clock_gettime(ClockId::Monotonic);
    // The kernel starts this clock at boot and never runs it backwards, so neither part is negative.
    Instant::from_nanos(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}
