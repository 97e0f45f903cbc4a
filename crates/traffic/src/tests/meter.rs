use core::time::Duration;

use machine::Instant;
use proptest::prelude::*;

use crate::meter::{Arrival, FlowReport, IntervalId, Meter, MeterLimits};

const SETTLE: Duration = Duration::from_secs(1);

fn at(milliseconds: u64) -> Instant {
    Instant::from_millis(milliseconds)
}

/// Sends `count` packets, one each millisecond from `start_ms`.
fn send(meter: &mut Meter, start_ms: u64, count: u64) {
    for offset in 0..count {
        meter.sent(at(start_ms + offset));
    }
}

fn arrive(meter: &mut Meter, now_ms: u64, sequence: u64) -> Arrival {
    meter.received(at(now_ms), sequence, at(now_ms.saturating_sub(1)))
}

fn current(meter: &Meter, now_ms: u64) -> FlowReport {
    meter
        .report(at(now_ms), meter.current_interval(), SETTLE)
        .expect("the current interval is known")
}

#[test]
fn a_stream_that_never_returns_reads_100_percent_loss() {
    let mut meter = Meter::default();
    send(&mut meter, 0, 500);
    let report = current(&meter, 2_000);
    assert_eq!((report.sent, report.received, report.lost), (500, 0, 500));
    assert_eq!(report.loss_percent(), Some(100.0));
    assert_eq!(
        report.longest_gap_ns, 2_000_000_000,
        "the gap is open since the first packet was sent"
    );
    assert!(report.settled);
}

#[test]
fn nothing_sent_is_neither_loss_nor_gap() {
    let report = current(&Meter::default(), 5_000);
    assert_eq!(
        report,
        FlowReport {
            settled: true,
            ..FlowReport::default()
        }
    );
    assert_eq!(report.loss_percent(), None);
}

#[test]
fn every_packet_back_is_no_loss() {
    let mut meter = Meter::default();
    for sequence in 0..100 {
        meter.sent(at(sequence));
        assert_eq!(arrive(&mut meter, sequence + 1, sequence), Arrival::First);
    }
    let report = current(&meter, 60_000);
    assert_eq!(
        (report.sent, report.received, report.lost, report.duplicated),
        (100, 100, 0, 0)
    );
    assert_eq!((report.reordered, report.longest_gap_ns), (0, 1_000_000));
    assert_eq!(
        (report.latency_max_ns, report.latency_sum_ns),
        (1_000_000, 100_000_000)
    );
}

#[test]
fn a_duplicate_is_counted_and_does_not_hide_a_loss() {
    let mut meter = Meter::default();
    send(&mut meter, 0, 2);
    arrive(&mut meter, 1, 0);
    assert_eq!(arrive(&mut meter, 2, 0), Arrival::Duplicate);
    assert_eq!(arrive(&mut meter, 3, 0), Arrival::Duplicate);
    let report = current(&meter, 3);
    assert_eq!((report.received, report.lost, report.duplicated), (1, 1, 2));
}

#[test]
fn a_late_packet_takes_its_loss_back_and_counts_as_reordered() {
    let mut meter = Meter::default();
    send(&mut meter, 0, 3);
    arrive(&mut meter, 3, 0);
    arrive(&mut meter, 4, 2);
    assert_eq!(current(&meter, 9_000).lost, 1);
    assert_eq!(arrive(&mut meter, 9_000, 1), Arrival::First);
    let report = current(&meter, 9_001);
    assert_eq!((report.lost, report.reordered, report.duplicated), (0, 1, 0));
}

#[test]
fn the_open_gap_counts_while_packets_are_out_and_not_after_a_stop() {
    let mut meter = Meter::default();
    send(&mut meter, 0, 1);
    arrive(&mut meter, 1, 0);
    assert_eq!(
        current(&meter, 8_000).longest_gap_ns,
        1_000_000,
        "all arrived: silence is no gap"
    );
    send(&mut meter, 10, 1);
    assert_eq!(current(&meter, 51).longest_gap_ns, 50_000_000);
    arrive(&mut meter, 61, 1);
    assert_eq!(current(&meter, 9_000).longest_gap_ns, 60_000_000);
}

#[test]
fn a_pause_of_the_sender_is_no_gap_after_resume() {
    let mut meter = Meter::default();
    send(&mut meter, 0, 1);
    arrive(&mut meter, 1, 0);
    meter.resume();
    send(&mut meter, 10_000, 1);
    arrive(&mut meter, 10_002, 1);
    let report = current(&meter, 10_002);
    assert_eq!(
        (report.longest_gap_ns, report.longest_send_gap_ns),
        (2_000_000, 0)
    );
}

#[test]
fn a_packet_belongs_to_the_interval_in_which_it_was_sent() {
    let mut meter = Meter::default();
    send(&mut meter, 0, 4);
    arrive(&mut meter, 4, 0);
    let second = meter.begin_interval(at(5));
    send(&mut meter, 5, 2);
    for (now, sequence) in [(6, 1), (7, 4), (8, 2), (9, 2)] {
        arrive(&mut meter, now, sequence);
    }
    let first = meter.report(at(9), IntervalId(0), SETTLE).expect("kept");
    assert_eq!(
        (first.sent, first.received, first.lost, first.duplicated),
        (4, 3, 1, 1)
    );
    assert!(!first.settled, "one is missing and the second is not over");
    assert!(
        meter
            .report(at(1_005), IntervalId(0), SETTLE)
            .expect("kept")
            .settled
    );
    let second = meter.report(at(9), second, SETTLE).expect("kept");
    assert_eq!(
        (second.sent, second.received, second.lost, second.duplicated),
        (2, 1, 1, 0)
    );
    let total = meter.total(at(9), SETTLE);
    assert_eq!(
        (total.sent, total.received, total.lost, total.duplicated),
        (6, 4, 2, 1)
    );
}

#[test]
fn a_gap_over_an_interval_boundary_counts_on_both_sides() {
    let mut meter = Meter::default();
    send(&mut meter, 0, 2);
    arrive(&mut meter, 10, 0);
    let second = meter.begin_interval(at(40));
    arrive(&mut meter, 110, 1);
    assert_eq!(
        meter
            .report(at(110), IntervalId(0), SETTLE)
            .expect("kept")
            .longest_gap_ns,
        30_000_000
    );
    assert_eq!(
        meter
            .report(at(110), second, SETTLE)
            .expect("kept")
            .longest_gap_ns,
        100_000_000
    );
}

#[test]
fn what_was_never_sent_is_unexpected_and_not_received() {
    let mut meter = Meter::default();
    send(&mut meter, 0, 1);
    assert_eq!(arrive(&mut meter, 1, 1), Arrival::Unexpected);
    assert_eq!(arrive(&mut meter, 1, u64::MAX), Arrival::Unexpected);
    let report = current(&meter, 1);
    assert_eq!((report.unexpected, report.received, report.lost), (2, 0, 1));
}

#[test]
fn a_chunk_of_which_all_arrived_takes_no_memory_and_still_knows_duplicates() {
    let mut meter = Meter::default();
    send(&mut meter, 0, 65_536);
    assert_eq!(meter.bitmap_bytes(), 8_192);
    for sequence in 0..65_536 {
        arrive(&mut meter, 70_000, sequence);
    }
    assert_eq!(meter.bitmap_bytes(), 0);
    assert_eq!(arrive(&mut meter, 70_001, 77), Arrival::Duplicate);
}

#[test]
fn memory_is_bounded_and_what_leaves_the_window_stays_lost() {
    let mut meter = Meter::new(MeterLimits {
        chunks: 2,
        intervals: 2,
    });
    send(&mut meter, 0, 3 * 65_536);
    assert_eq!(meter.bitmap_bytes(), 2 * 8_192);
    assert_eq!(arrive(&mut meter, 1_000_000, 5), Arrival::BeyondWindow);
    assert_eq!(arrive(&mut meter, 1_000_000, 65_536), Arrival::First);
    let report = current(&meter, 1_000_000);
    assert_eq!(
        (report.beyond_window, report.received, report.lost),
        (1, 1, 3 * 65_536 - 1)
    );
    meter.begin_interval(at(1));
    meter.begin_interval(at(2));
    assert_eq!(
        meter.report(at(3), IntervalId(0), SETTLE),
        None,
        "two intervals are kept"
    );
}

proptest! {
    /// The reference is a plain list of arrival counts.
    #[test]
    fn the_meter_agrees_with_a_naive_count(
        sent in 1u64..300,
        boundary in 0u64..300,
        arrivals in proptest::collection::vec(0u64..320, 0..600),
    ) {
        let mut meter = Meter::default();
        let boundary = boundary.min(sent);
        send(&mut meter, 0, boundary);
        let second = meter.begin_interval(at(boundary));
        send(&mut meter, boundary, sent - boundary);
        let mut seen = std::vec![0u64; sent as usize];
        let mut unexpected = 0;
        for sequence in arrivals {
            arrive(&mut meter, 1_000, sequence);
            match seen.get_mut(sequence as usize) {
                Some(count) => *count += 1,
                None => unexpected += 1,
            }
        }
        let (early, late) = seen.split_at(boundary as usize);
        for (id, part) in [(IntervalId(0), early), (second, late)] {
            let report = meter.report(at(1_000), id, SETTLE).expect("kept");
            prop_assert_eq!(report.sent, part.len() as u64);
            prop_assert_eq!(report.lost, part.iter().filter(|count| **count == 0).count() as u64);
            prop_assert_eq!(report.duplicated, part.iter().map(|count| count.saturating_sub(1)).sum::<u64>());
        }
        prop_assert_eq!(meter.total(at(1_000), SETTLE).unexpected, unexpected);
    }
}
