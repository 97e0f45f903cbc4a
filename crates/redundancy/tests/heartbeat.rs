//! The failure detector, by examples and by properties.

use machine::{Duration, Instant};
use proptest::prelude::*;
use redundancy::{FailureDetector, Verdict};

const INTERVAL_MS: u64 = 50;
const LIMIT_MS: u64 = 500;

fn at(milliseconds: u64) -> Instant {
    Instant::from_millis(milliseconds)
}

fn detector() -> FailureDetector {
    FailureDetector::new(
        at(0),
        Duration::from_millis(INTERVAL_MS),
        Duration::from_millis(LIMIT_MS),
    )
}

#[test]
fn a_silent_peer_is_alive_then_overdue_then_failed_exactly_at_the_limit() {
    let mut detector = detector();
    let mut verdicts = Vec::new();
    loop {
        let now = detector.next_check();
        let verdict = detector.check(now);
        verdicts.push((now.as_nanos() / 1_000_000, verdict));
        if verdict == Verdict::Failed {
            break;
        }
    }
    let expected: Vec<(u64, Verdict)> = (1..=10)
        .map(|tick| {
            (
                tick * 50,
                if tick <= 2 {
                    Verdict::Alive
                } else {
                    Verdict::Overdue
                },
            )
        })
        .map(|(time, verdict)| {
            (
                time,
                if time == LIMIT_MS {
                    Verdict::Failed
                } else {
                    verdict
                },
            )
        })
        .collect();
    assert_eq!(verdicts, expected);
    assert_eq!(detector.missed(at(99)), 0);
    assert_eq!(detector.missed(at(LIMIT_MS)), 9);
}

#[test]
fn an_early_check_moves_nothing() {
    let mut detector = detector();
    let before = detector.clone();
    assert_eq!(detector.check(at(49)), Verdict::Alive);
    assert_eq!(detector, before);
}

#[test]
fn a_check_that_is_late_adds_its_lateness_to_the_limit() {
    let mut detector = detector();
    // Due at 50, fires at 950: 900 late, so the limit moves from 500 to 1400.
    assert_eq!(detector.check(at(950)), Verdict::Overdue);
    let mut now = at(950);
    while detector.check(now) != Verdict::Failed {
        now = detector.next_check();
    }
    assert_eq!(now, at(1_400));
}

#[test]
fn who_slept_past_the_limit_listens_for_a_whole_interval_before_judging() {
    let mut detector = detector();
    for tick in 1..=9 {
        detector.check(at(tick * 50));
    }
    // The last check before the limit is due at 500 and fires at 10,000: nobody is judged.
    assert_eq!(detector.check(at(10_000)), Verdict::Overdue);
    assert_eq!(detector.next_check(), at(10_050));
    detector.heard(at(10_001));
    assert_eq!(detector.check(at(10_050)), Verdict::Alive);
}

#[test]
fn hearing_the_peer_cancels_the_patience_that_was_owed() {
    let mut detector = detector();
    detector.check(at(950));
    detector.heard(at(960));
    let mut now = at(960);
    while detector.check(now) != Verdict::Failed {
        now = detector.next_check();
    }
    assert_eq!(now, at(960 + LIMIT_MS));
}

#[test]
fn a_limit_below_two_intervals_is_raised_so_that_one_lost_heartbeat_is_no_death() {
    let mut detector = FailureDetector::new(
        at(0),
        Duration::from_millis(INTERVAL_MS),
        Duration::from_millis(1),
    );
    assert_eq!(detector.check(at(50)), Verdict::Alive);
    assert_eq!(detector.check(at(100)), Verdict::Alive);
    assert_eq!(detector.check(at(150)), Verdict::Failed);
}

proptest! {
    /// However badly this side sleeps: a peer whose heartbeats arrive is never declared dead. What arrived during a
    /// sleep is read before the next check, as the event loop does.
    #[test]
    fn a_peer_that_calls_is_never_declared_dead(sleeps in proptest::collection::vec(0u64..5_000, 1..60)) {
        let mut detector = detector();
        for late_ms in sleeps {
            let now = detector.next_check() + Duration::from_millis(late_ms);
            let verdict = detector.check(now);
            prop_assert_ne!(verdict, Verdict::Failed);
            detector.heard(now);
        }
    }

    /// The verdict needs a whole limit of silence during which this side was awake.
    #[test]
    fn failed_means_silent_for_the_limit_while_awake(sleeps in proptest::collection::vec(0u64..400, 200)) {
        let mut detector = detector();
        let mut slept_ms = 0;
        for late_ms in sleeps {
            let due = detector.next_check();
            let now = due + Duration::from_millis(late_ms);
            slept_ms += late_ms;
            if detector.check(now) == Verdict::Failed {
                let silent_ms = now.as_nanos() / 1_000_000;
                prop_assert!(silent_ms >= LIMIT_MS + slept_ms - late_ms.min(slept_ms));
                prop_assert!(late_ms <= INTERVAL_MS, "an overslept check judged");
                return Ok(());
            }
        }
        // Sleeping through most checks may delay the verdict, but somebody awake gives it.
        for _ in 0..100_000 {
            let now = detector.next_check();
            if detector.check(now) == Verdict::Failed {
                return Ok(());
            }
        }
        prop_assert!(false, "a silent peer was never declared dead");
    }

    /// On time, detection takes the limit and no more, wherever between two checks the last word fell.
    #[test]
    fn on_time_a_silent_peer_is_found_exactly_at_the_limit(heard_ms in 0u64..200) {
        let mut detector = detector();
        while detector.next_check() <= at(heard_ms) {
            let now = detector.next_check();
            prop_assert_ne!(detector.check(now), Verdict::Failed);
        }
        detector.heard(at(heard_ms));
        let mut now = detector.next_check();
        while detector.check(now) != Verdict::Failed {
            now = detector.next_check();
        }
        prop_assert_eq!(now, at(heard_ms + LIMIT_MS));
    }
}
