use core::time::Duration;

use machine::Instant;

use crate::meter::{Arrival, Meter};
use crate::probe::{FirstReplies, ProbeMeter, Reply};

const LATE: Duration = Duration::from_millis(100);

fn at(milliseconds: u64) -> Instant {
    Instant::from_millis(milliseconds)
}

fn prober() -> ProbeMeter {
    ProbeMeter::new(Meter::default(), LATE)
}

fn reply(sequence: u64, sent_ms: u64, received_ms: u64) -> Option<Reply> {
    Some(Reply {
        sequence,
        sent_ns: sent_ms * 1_000_000,
        received_ns: received_ms * 1_000_000,
    })
}

#[test]
fn the_first_reply_after_a_death_is_told_for_waiting_and_for_fresh_requests() {
    let mut probes = prober();
    for millisecond in 0..10 {
        probes.sent(at(millisecond));
    }
    probes.answered(at(3), 0, at(0));
    // The death is at 4 ms; requests 1 to 9 waited in a punt buffer, the freshest was served first.
    probes.answered(at(12), 8, at(8));
    probes.answered(at(11), 1, at(1));
    let first = probes.first_reply_after(at(4));
    assert_eq!(
        first,
        FirstReplies {
            any: reply(1, 1, 11),
            fresh: reply(8, 8, 12)
        }
    );
}

#[test]
fn a_reply_at_the_very_moment_of_death_does_not_count() {
    let mut probes = prober();
    probes.sent(at(1));
    probes.answered(at(4), 0, at(1));
    assert_eq!(probes.first_reply_after(at(4)), FirstReplies::default());
    assert_eq!(probes.first_reply_after(at(3)).any, reply(0, 1, 4));
}

#[test]
fn no_reply_is_no_first_answer_and_all_loss() {
    let mut probes = prober();
    probes.sent(at(1));
    probes.sent(at(2));
    assert_eq!(probes.first_reply_after(Instant::ZERO), FirstReplies::default());
    assert_eq!(probes.total(at(9_000), LATE).probes.loss_percent(), Some(100.0));
}

#[test]
fn a_late_answer_is_late_and_not_lost() {
    let mut probes = prober();
    probes.sent(at(0));
    probes.sent(at(1));
    probes.answered(at(100), 0, at(0));
    probes.answered(at(102), 1, at(1));
    let report = probes.total(at(102), LATE);
    assert_eq!((report.probes.lost, report.late), (0, 1));
}

#[test]
fn a_second_answer_is_a_duplicate_and_moves_no_time() {
    let mut probes = prober();
    probes.sent(at(0));
    probes.answered(at(2), 0, at(0));
    assert_eq!(probes.answered(at(7), 0, at(0)), Arrival::Duplicate);
    assert_eq!(probes.first_reply_after(at(1)).any, reply(0, 0, 2));
    assert_eq!(probes.total(at(7), LATE).probes.duplicated, 1);
}

#[test]
fn an_answer_to_a_forgotten_request_does_not_overwrite_a_newer_one() {
    let mut probes = prober();
    for sequence in 0..65_537 {
        probes.sent(at(sequence));
    }
    assert_eq!(probes.answered(at(70_000), 0, at(0)), Arrival::First);
    assert_eq!(
        probes.first_reply_after(at(0)).any,
        None,
        "request 65,536 has its place"
    );
    probes.answered(at(70_001), 65_536, at(65_536));
    assert_eq!(probes.first_reply_after(at(0)).any, reply(65_536, 65_536, 70_001));
}
