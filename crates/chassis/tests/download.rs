//! A card comes to hold what the last frame holds, whatever happens on the way.

mod common;

use chassis::message::RpMessage;
use chassis::rows::PrefixKey;
use chassis::{CardEnd, ClaimAnswer, DownloadPhase, LinkId};
use checkpoint::laws::snapshot_law;
use checkpoint::{Key, Tables};
use common::*;
use machine::{Epoch, FrameNumber, RpSlot};
use packet::{Ipv4Addr, Prefix, V4};
use proptest::prelude::*;

/// The bound of [`chassis::Download`], stated once more: a test that reads it cannot see it grow.
const OUTSTANDING_BYTES_MAX: usize = 8 * 1024 * 1024;

fn filled(rows: u8) -> World {
    let mut tables = empty();
    for number in 0..rows {
        tables.edit(number, number | 1);
    }
    tables
}

fn prefix_key(number: u32) -> PrefixKey<V4> {
    PrefixKey(Prefix::host(Ipv4Addr::from_bits(0x1400_0000 + number)))
}

#[test]
fn an_empty_card_is_filled_by_a_refresh_and_goes_on_frame_by_frame() {
    let mut bench = Bench::new(filled(200));
    bench.connect();
    assert!(matches!(bench.download.phase(), DownloadPhase::Refreshing { .. }));
    bench.settle();
    assert_eq!(bench.agrees(), Ok(()));
    assert_eq!(bench.download.refreshes(), 1);

    bench.tables.edit(2, 77);
    bench.tables.edit(3, 0);
    bench.turn();
    assert!(matches!(
        bench.in_flight.make_contiguous(),
        [RpMessage::Rows { .. }, RpMessage::FrameEnd { .. }]
    ));
    bench.read(2);
    assert_eq!(bench.agrees(), Ok(()));
    assert_eq!(bench.download.refreshes(), 1);
    assert_eq!(bench.download.outstanding_bytes(), 0);
}

#[test]
fn a_lone_row_of_a_table_that_is_not_downloaded_reaches_no_card() {
    let mut bench = Bench::new(empty());
    bench.settle();
    bench.tables.edit(1, 1);
    bench.turn();
    assert!(matches!(
        bench.in_flight.make_contiguous(),
        [RpMessage::FrameEnd { .. }]
    ));
}

#[test]
fn a_card_that_missed_frames_gets_just_the_rows_that_changed() {
    let mut bench = Bench::new(filled(200));
    bench.settle();
    // A frame's rows arrive, its end does not: the card's digest is of a mixture.
    bench.tables.edit(2, 77);
    bench.turn();
    bench.read(1);
    assert!(bench.card.end.mixed());
    bench.disconnect();
    bench.tables.edit(2, 78);
    bench.tables.edit(3, 0);
    bench.tables.edit(6, 79);
    bench.turn();
    bench.connect();
    let (begins, _, bytes) = bench.under_way();
    assert_eq!(begins, 0);
    assert!((1..200).contains(&bytes), "{bytes} bytes for three rows");
    bench.settle();
    assert_eq!(bench.agrees(), Ok(()));
    assert_eq!(bench.download.refreshes(), 1, "only the one that filled it");
}

#[test]
fn a_card_keeps_what_is_not_named_while_the_sweep_is_held_back() {
    let mut bench = Bench::new(filled(200));
    bench.settle();
    let kept = bench.card.rows.len();
    // A successor that has to start anew has but a part of the rows for now.
    bench.holds_sweep = true;
    let mut part = filled(50);
    let first = FrameNumber(1 << 40);
    part.each_mut(&mut |table| table.recent_changes_start(first));
    bench.take_over(part, first);
    for _ in 0..20 {
        bench.step();
        bench.read(usize::MAX);
    }
    assert_eq!(bench.card.rows.len(), kept, "the old rows are still there");
    assert!(matches!(bench.download.phase(), DownloadPhase::Refreshing { .. }));
    // What comes meanwhile reaches the card at once, and what goes does too.
    bench.tables.edit(2, 99);
    bench.tables.edit(3, 0);
    bench.turn();
    let (begins, ends, bytes) = bench.under_way();
    assert_eq!((begins, ends), (0, 0));
    assert!(bytes > 0);
    bench.read(usize::MAX);
    bench.holds_sweep = false;
    bench.settle();
    assert_eq!(bench.agrees(), Ok(()));
    assert_eq!(bench.download.refreshes(), 1, "by one refresh");
}

#[test]
fn req_67_a_card_that_missed_nothing_is_sent_no_row() {
    let mut bench = Bench::new(filled(200));
    bench.settle();
    bench.disconnect();
    bench.connect();
    assert!(matches!(
        bench.in_flight.make_contiguous(),
        [RpMessage::FrameEnd { .. }]
    ));
    assert_eq!(*bench.download.phase(), DownloadPhase::Live);
}

#[test]
fn a_successor_sends_only_what_the_card_lacks() {
    let mut bench = Bench::new(filled(200));
    bench.settle();
    // The standby holds all of it, by a bulk that ends with some frame, and a change after that.
    let mut pair = snapshot_law(filled(200), empty).expect("equal digests");
    while pair.active_end.last_closed() < bench.card.end.frame() {
        pair.active.edit(1, 1);
        pair.turn(usize::MAX).expect("equal digests");
        pair.active.edit(1, 3);
        pair.turn(usize::MAX).expect("equal digests");
    }
    let at_card = bench.card.end.frame();
    pair.active.edit(2, 99);
    pair.turn(usize::MAX).expect("equal digests");
    assert!(pair.standby_end.committed() > at_card);
    bench.take_over(pair.standby, pair.standby_end.committed());
    let (begins, _, bytes) = bench.under_way();
    assert_eq!(begins, 0, "no refresh");
    assert!((1..100).contains(&bytes), "{bytes} bytes for one row");
    bench.settle();
    assert_eq!(bench.agrees(), Ok(()));
}

#[test]
fn a_successor_that_knows_less_than_the_card_ends_in_a_refresh() {
    let mut bench = Bench::new(filled(200));
    bench.settle();
    for value in 0..20 {
        bench.tables.edit(2, value);
        bench.turn();
        bench.read(usize::MAX);
    }
    let pair = snapshot_law(filled(100), empty).expect("equal digests");
    bench.take_over(pair.standby, pair.standby_end.committed());
    bench.settle();
    assert_eq!(bench.agrees(), Ok(()));
    assert!(bench.download.refreshes() > 0);
}

#[test]
fn a_damaged_card_is_noticed_at_the_next_frame_and_refreshed() {
    let mut bench = Bench::new(filled(200));
    bench.settle();
    assert!(bench.card.damage());
    assert!(bench.agrees().is_err());
    bench.settle();
    assert_eq!(bench.agrees(), Ok(()));
    assert_eq!(bench.download.refreshes(), 2);
}

#[test]
fn rows_that_a_refresh_does_not_name_are_swept() {
    let mut bench = Bench::new(filled(200));
    bench.settle();
    let fewer = snapshot_law(filled(20), empty).expect("equal digests");
    // The frame is far beyond the card's, and the log of the new tables does not reach back to it.
    bench.take_over(fewer.standby, FrameNumber(1_000_000));
    bench.settle();
    assert_eq!(bench.agrees(), Ok(()));
}

/// Many routes with many paths, so that some megabytes come together.
fn churn(bench: &mut Bench, routes: u32, value: u8) {
    for number in 0..routes {
        bench.tables.fib.insert(prefix_key(number), via(16, value));
    }
    bench.turn();
}

#[test]
fn a_live_card_that_reads_too_slowly_goes_over_to_a_refresh() {
    let mut bench = Bench::new(empty());
    bench.settle();
    let mut most = 0;
    for value in 1..40 {
        churn(&mut bench, 4_000, value);
        most = most.max(bench.download.outstanding_bytes());
    }
    assert!(most > OUTSTANDING_BYTES_MAX / 2, "{most} bytes show no bound");
    assert!(most <= OUTSTANDING_BYTES_MAX, "{most} bytes");
    assert_eq!(bench.under_way().2, bench.download.outstanding_bytes());
    assert_eq!(bench.download.refreshes(), 1);
    bench.settle();
    assert_eq!(bench.agrees(), Ok(()));
}

#[test]
fn a_card_that_stops_reading_in_a_refresh_is_sent_a_bounded_number_of_bytes() {
    let mut bench = Bench::new(empty());
    churn(&mut bench, 12_000, 0);
    bench.connect();
    // The refresh passes many rows; then these change again and again, and nothing is read any more.
    bench.step();
    assert!(matches!(
        bench.download.phase(),
        DownloadPhase::Refreshing { after: Some(_), .. }
    ));
    for value in 1..60 {
        churn(&mut bench, 4_000, value);
        let outstanding = bench.download.outstanding_bytes();
        assert!(outstanding <= OUTSTANDING_BYTES_MAX, "{outstanding} bytes");
        assert_eq!(bench.under_way().2, outstanding);
    }
    bench.settle();
    assert_eq!(bench.agrees(), Ok(()));
}

#[test]
fn edits_before_and_after_the_walk_arrive_in_one_refresh() {
    let mut bench = Bench::new(empty());
    for number in 0..12_000 {
        bench.tables.fib.insert(prefix_key(2 * number), via(16, 0));
    }
    bench.connect();
    bench.step();
    let DownloadPhase::Refreshing {
        after: Some(position),
        ..
    } = bench.download.phase()
    else {
        panic!("the walk is not within a table");
    };
    let reached = PrefixKey::<V4>::decode(position).expect("a key of the FIB");
    let number = reached.0.network().to_bits() - 0x1400_0000;
    for changed in [2, number - 2, number, number + 2, 23_998] {
        bench.tables.fib.insert(prefix_key(changed), via(1, 9));
    }
    for new in [1, number - 1, number + 1, 23_999] {
        bench.tables.fib.insert(prefix_key(new), via(2, 9));
    }
    for gone in [4, number - 4, number + 4, 23_996] {
        bench.tables.fib.remove(&prefix_key(gone));
    }
    bench.settle();
    assert_eq!(bench.agrees(), Ok(()));
    assert_eq!(bench.download.refreshes(), 1, "nothing was missed");
}

#[test]
fn rows_to_catch_up_with_come_in_messages_of_bounded_size() {
    let mut bench = Bench::new(empty());
    churn(&mut bench, 4_000, 0);
    bench.settle();
    bench.disconnect();
    churn(&mut bench, 4_000, 1);
    bench.connect();
    let (begins, _, bytes) = bench.under_way();
    assert_eq!(begins, 0);
    assert!(bytes > 500_000, "{bytes} bytes show no bound");
    for message in &bench.in_flight {
        if let RpMessage::Rows { rows } = message {
            assert!(rows.len() <= 128 * 1024, "{} bytes in a message", rows.len());
        }
    }
    bench.settle();
    assert_eq!(bench.agrees(), Ok(()));
}

#[test]
fn a_card_obeys_the_link_of_the_highest_epoch_only() {
    let epoch = |counter, slot| Epoch { counter, slot };
    let mut card = CardEnd::new();
    let accepted = |displaced| ClaimAnswer::Accepted { displaced };
    assert_eq!(card.claim(LinkId(1), epoch(3, RpSlot::R0)), accepted(None));
    assert_eq!(
        card.claim(LinkId(2), epoch(2, RpSlot::R1)),
        ClaimAnswer::Refused(epoch(3, RpSlot::R0))
    );
    assert_eq!(
        card.claim(LinkId(2), epoch(3, RpSlot::R1)),
        ClaimAnswer::Refused(epoch(3, RpSlot::R0)),
        "a counter is given out once"
    );
    assert!(card.obeys(LinkId(1)) && !card.obeys(LinkId(2)));
    // The same holder comes back on another link.
    assert_eq!(
        card.claim(LinkId(3), epoch(3, RpSlot::R0)),
        accepted(Some(LinkId(1)))
    );
    assert_eq!(
        card.claim(LinkId(4), epoch(4, RpSlot::R1)),
        accepted(Some(LinkId(3)))
    );
    card.note_out_of_step(Some(FrameNumber(7)));
    assert_eq!(card.out_of_step(), Some((epoch(4, RpSlot::R1), FrameNumber(7))));
    assert!(!card.disconnected(LinkId(3)), "that one was displaced");
    assert!(card.disconnected(LinkId(4)));
    assert_eq!(card.link(), None);
    assert_eq!(
        card.claim(LinkId(5), epoch(3, RpSlot::R0)),
        ClaimAnswer::Refused(epoch(4, RpSlot::R1)),
        "headless cards keep the fence"
    );
}

#[derive(Clone, Debug)]
enum Event {
    Edit(u8, u8),
    Turn,
    Step,
    Read(usize),
    Reconnect,
    Disconnect,
    Damage,
    Log,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (any::<u8>(), any::<u8>()).prop_map(|(number, value)| Event::Edit(number, value)),
        3 => Just(Event::Turn),
        3 => Just(Event::Step),
        4 => (1usize..6).prop_map(Event::Read),
        1 => Just(Event::Reconnect),
        1 => Just(Event::Disconnect),
        1 => Just(Event::Damage),
        1 => Just(Event::Log),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn after_settling_the_card_always_agrees(
        rows in 0u8..=255,
        events in prop::collection::vec(event(), 1..120)
    ) {
        let mut bench = Bench::new(filled(rows));
        let mut connected = false;
        for event in events {
            match event {
                Event::Edit(number, value) => bench.tables.edit(number, value),
                Event::Turn => bench.turn(),
                Event::Step => bench.step(),
                Event::Read(messages_max) => bench.read(messages_max),
                Event::Reconnect => {
                    bench.disconnect();
                    bench.connect();
                    connected = true;
                }
                Event::Disconnect => {
                    bench.disconnect();
                    connected = false;
                }
                Event::Damage => {
                    bench.card.damage();
                }
                Event::Log => {
                    // The logs of recent changes are lost, as with a successor that was filled by a bulk just now.
                    bench.turn();
                    let frame = bench.active.last_closed();
                    checkpoint::Tables::each_mut(&mut bench.tables, &mut |table| {
                        table.recent_changes_start(frame);
                    });
                }
            }
            prop_assert_eq!(bench.download.outstanding_bytes(), bench.under_way().2);
        }
        prop_assert!(connected || bench.in_flight.is_empty());
        bench.settle();
        prop_assert_eq!(bench.agrees(), Ok(()));
    }
}
