use core::time::Duration;

use machine::Instant;
use proptest::prelude::*;

use crate::pace::Pace;

fn take_due(pace: &mut Pace, now: Instant) -> u64 {
    let mut taken = 0;
    pace.bound_backlog(now);
    while pace.is_due(now) {
        pace.advance();
        taken += 1;
    }
    taken
}

#[test]
fn a_rate_that_does_not_divide_a_second_does_not_drift() {
    let start = Instant::from_nanos(17);
    let mut pace = Pace::new(start, 30_000);
    let mut sent = 0;
    for millisecond in 0..10_000 {
        sent += take_due(&mut pace, start + Duration::from_millis(millisecond));
    }
    assert_eq!(sent, 9_999 * 30 + 1);
}

#[test]
fn a_stall_is_made_good_up_to_the_bound_and_the_rest_is_skipped() {
    let mut pace = Pace::new(Instant::ZERO, 1_000);
    assert_eq!(take_due(&mut pace, Instant::ZERO), 1);
    assert_eq!(take_due(&mut pace, Instant::from_millis(80)), 80);
    assert_eq!(take_due(&mut pace, Instant::from_millis(5_080)), 101);
    assert_eq!(pace.skipped(), 4_899);
    assert_eq!(pace.next_due(), Instant::from_millis(5_081));
}

proptest! {
    #[test]
    fn every_due_packet_is_either_taken_or_skipped(
        per_second in 1u64..200_000,
        steps in proptest::collection::vec(0u64..400_000_000, 1..40),
    ) {
        let mut pace = Pace::new(Instant::ZERO, per_second);
        let (mut now, mut taken) = (Instant::ZERO, 0);
        for step in steps {
            now += Duration::from_nanos(step);
            taken += take_due(&mut pace, now);
        }
        let due = 1 + u128::from(now.as_nanos()) * u128::from(per_second) / 1_000_000_000;
        // The bound falls between two packets, so each of the skips may be one off.
        prop_assert!((due as i128 - i128::from(taken + pace.skipped())).abs() <= 1);
        prop_assert!(pace.next_due() > now);
    }
}
