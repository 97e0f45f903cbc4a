//! Epochs, downloads, and life without a route processor.

mod common;

use std::collections::BTreeMap;

use chassis::message::{PuntReason, Truth};
use chassis::rows::{ADJACENCY_V4_TABLE, FIB_V4_TABLE, PORT_CONFIGURATION_TABLE};
use chassis::{CardMessage, LinkId, RpMessage};
use checkpoint::{RecordError, RowReader, RowWriter, TableId, row_hash};
use common::*;
use linecard::{CardInput, CardOutput, CloseReason, Limits};
use machine::{CardSlot, Duration, Epoch, FrameNumber, PortId, RpSlot};
use packet::{Ipv4Addr, V4};
use proptest::prelude::*;

const OLD: LinkId = LINK;
const NEW: LinkId = LinkId(2);

fn sent(link: LinkId, message: CardMessage) -> CardOutput {
    CardOutput::Send { link, message }
}

fn truth(out: &[CardOutput]) -> &Truth {
    match out.iter().find(|output| {
        matches!(
            output,
            CardOutput::Send {
                message: CardMessage::Truth(_),
                ..
            }
        )
    }) {
        Some(CardOutput::Send {
            message: CardMessage::Truth(truth),
            ..
        }) => truth,
        _ => panic!("no truth in {out:?}"),
    }
}

fn digest_of(message: &RpMessage) -> u64 {
    let RpMessage::Rows { rows } = message else {
        panic!("rows")
    };
    let rows = RowReader::new(rows).map(|row| row.unwrap());
    rows.map(|row| row_hash(row.table, row.key, row.value.unwrap()))
        .fold(0, u64::wrapping_add)
}

#[test]
fn a_claim_is_answered_with_the_cards_truth() {
    let mut bench = Bench::unclaimed(Limits::default());
    assert!(bench.card.is_headless());
    bench.now += Duration::from_millis(250);
    let out = bench.claim(LINK, epoch(1, RpSlot::R0));
    assert_eq!(out.len(), 1);
    let truth = truth(&out);
    assert_eq!(
        (truth.card.0, truth.frame, truth.digest, truth.mixed),
        (1, FrameNumber(0), 0, false)
    );
    assert_eq!(
        (truth.buffered_punts, truth.lost_punts, truth.uptime_ms),
        (0, 0, 250)
    );
    let ports: Vec<_> = truth
        .ports
        .iter()
        .map(|port| (port.port, port.link_up, port.mac))
        .collect();
    assert_eq!(
        ports,
        [(EAST, true, port_mac(EAST)), (WEST, true, port_mac(WEST))]
    );
    assert!(!bench.card.is_headless());
}

#[test]
fn a_card_obeys_the_highest_epoch_and_refuses_lower_ones_for_good() {
    let mut bench = Bench::ready();
    // R1 takes over; the old active's link is cut and what it still says is not obeyed.
    let out = bench.claim(NEW, epoch(2, RpSlot::R1));
    let reason = CloseReason::Displaced(epoch(2, RpSlot::R1));
    assert_eq!(out[0], CardOutput::Close { link: OLD, reason });
    let digest = bench.card.digest();
    let frame = Ip::udp(HOST_EAST, HOST_WEST, 8).to_port(WEST);
    let late = [
        Rows::default().fib("0.0.0.0/0", via(&[(EAST, None)])).message(),
        RpMessage::Inject { port: WEST, frame },
        RpMessage::RefreshBegin,
    ];
    for message in late {
        assert_eq!(bench.rp(OLD, message), []);
    }
    assert_eq!(
        (bench.card.digest(), bench.card.counters().fenced_messages),
        (digest, 3)
    );
    // It comes back with its old epoch, and with an equal counter.
    let refusal = |link| {
        sent(
            link,
            CardMessage::Refused {
                epoch: epoch(2, RpSlot::R1),
            },
        )
    };
    assert_eq!(bench.claim(LinkId(3), epoch(1, RpSlot::R0)), [refusal(LinkId(3))]);
    assert_eq!(bench.claim(LinkId(4), epoch(2, RpSlot::R0)), [refusal(LinkId(4))]);
    assert_eq!(bench.card.epoch(), epoch(2, RpSlot::R1));
    // Punts go to the new active only, and losing the old link changes nothing.
    bench.input(CardInput::RpLost { link: OLD });
    let ping = Ip::udp(HOST_EAST, Ipv4Addr::new(10, 0, 0, 1), 8).to_port(EAST);
    assert_eq!(
        bench.frame(EAST, &ping),
        [punt_to(NEW, EAST, PuntReason::Receive, ping.clone())]
    );
}

#[test]
fn a_message_before_any_claim_closes_the_link() {
    let mut bench = Bench::unclaimed(Limits::default());
    let out = bench.rp(LINK, RpMessage::RefreshBegin);
    assert_eq!(
        out,
        [CardOutput::Close {
            link: LINK,
            reason: CloseReason::ClaimMissing
        }]
    );
}

#[test]
fn req_71_a_headless_card_forwards_on_answers_errors_and_keeps_punts_for_the_next_epoch() {
    let mut bench = Bench::ready();
    let before = (bench.card.frame(), bench.card.digest());
    bench.input(CardInput::RpLost { link: OLD });
    assert!(bench.card.is_headless());
    let transit = Ip::udp(HOST_EAST, HOST_WEST, 100);
    assert_eq!(
        bench.frame(EAST, &transit.to_port(EAST)),
        [transmit(WEST, transit.forwarded(WEST, HOST_WEST))]
    );
    let expired = Ip::udp(HOST_EAST, HOST_WEST, 8).with(|header| header.ttl = 1);
    assert_eq!(
        bench.frame(EAST, &expired.to_port(EAST)).len(),
        1,
        "time exceeded"
    );
    let arp = [&[0xff; 6][..], &host_mac(HOST_EAST).0, &[8, 6], &[0; 28]].concat();
    let ping = Ip::udp(HOST_EAST, Ipv4Addr::new(10, 0, 0, 1), 8).to_port(EAST);
    assert_eq!(
        (bench.frame(EAST, &arp), bench.frame(EAST, &ping)),
        (vec![], vec![])
    );
    assert_eq!(
        bench.input(CardInput::PortLink {
            port: WEST,
            up: false
        }),
        []
    );

    let out = bench.claim(NEW, epoch(2, RpSlot::R1));
    let told = truth(&out);
    assert_eq!(
        (told.frame, told.digest, told.buffered_punts, told.lost_punts),
        (before.0, before.1, 2, 0)
    );
    assert!(!told.ports[1].link_up, "what happened meanwhile is in the truth");
    let punts = [
        punt_to(NEW, EAST, PuntReason::Arp, arp),
        punt_to(NEW, EAST, PuntReason::Receive, ping),
    ];
    assert_eq!(out[1..], punts, "the truth first, then the punts, oldest first");
    assert_eq!(bench.card.buffered_punts(), (0, 0));
}

#[test]
fn the_punt_buffer_is_bounded_in_packets_and_bytes_and_drops_the_oldest() {
    let ping = |number: usize| Ip::udp(HOST_EAST, Ipv4Addr::new(10, 0, 0, 1), 8 + number).to_port(EAST);
    for limits in [
        Limits {
            buffered_punts: 3,
            ..Limits::default()
        },
        Limits {
            buffered_punt_bytes: ping(7).len() + ping(8).len() + ping(9).len(),
            ..Limits::default()
        },
    ] {
        let mut bench = Bench::ready_with(rows(), limits);
        bench.input(CardInput::RpLost { link: OLD });
        for number in 0..10 {
            bench.frame(EAST, &ping(number));
        }
        assert_eq!(bench.card.buffered_punts(), (3, 7));
        let out = bench.claim(NEW, epoch(2, RpSlot::R1));
        assert_eq!((truth(&out).buffered_punts, truth(&out).lost_punts), (3, 7));
        let kept: Vec<_> = (7..10)
            .map(|n| punt_to(NEW, EAST, PuntReason::Receive, ping(n)))
            .collect();
        assert_eq!(out[1..], kept);
    }
}

#[test]
fn changes_of_the_fabric_are_told_once_each_and_are_in_the_truth() {
    let mut bench = Bench::ready();
    let mut status = |peer, up| {
        let card = CardSlot(peer);
        bench.input(CardInput::FabricPeer { card, up })
    };
    let told = |peer, up| {
        let peer = CardSlot(peer);
        [sent(LINK, CardMessage::FabricStatus { peer, up })]
    };
    assert_eq!(status(2, true), [], "it was known");
    assert_eq!(status(15, true), told(15, true));
    assert_eq!(status(2, false), told(2, false));
    assert_eq!(status(2, false), []);
    let out = bench.claim(NEW, epoch(9, RpSlot::R1));
    let truth = truth(&out);
    assert_eq!(truth.fabric_peers, [CardSlot(15)]);
    assert_eq!(truth.image_version, "Version of the test");
}

#[test]
fn port_changes_are_told_once_each() {
    let mut bench = Bench::ready();
    let told = |link_up| [sent(LINK, CardMessage::PortStatus { port: WEST, link_up })];
    assert_eq!(bench.input(CardInput::PortLink { port: WEST, up: true }), []);
    assert_eq!(
        bench.input(CardInput::PortLink {
            port: WEST,
            up: false
        }),
        told(false)
    );
    assert_eq!(
        bench.input(CardInput::PortLink {
            port: WEST,
            up: false
        }),
        []
    );
    assert_eq!(
        bench.input(CardInput::PortLink { port: WEST, up: true }),
        told(true)
    );
    assert_eq!(bench.input(CardInput::PortLink { port: FAR, up: true }), []);
}

#[test]
fn rows_are_acknowledged_by_their_bytes_and_digests_compared_at_a_frames_end() {
    let mut bench = Bench::unclaimed(Limits::default());
    bench.claim(LINK, epoch(1, RpSlot::R0));
    let message = rows().message();
    let RpMessage::Rows { rows: bytes } = &message else {
        unreachable!()
    };
    let (length, digest) = (bytes.len() as u32, digest_of(&message));
    assert_eq!(
        bench.rp(LINK, message),
        [sent(LINK, CardMessage::Applied { bytes: length })]
    );
    let frame = FrameNumber(5);
    assert_eq!(bench.rp(LINK, RpMessage::FrameEnd { frame, digest }), []);
    assert_eq!((bench.card.frame(), bench.card.digest()), (frame, digest));
    let out = bench.rp(
        LINK,
        RpMessage::FrameEnd {
            frame: FrameNumber(6),
            digest: 1,
        },
    );
    assert_eq!(
        out,
        [sent(
            LINK,
            CardMessage::DigestMismatch {
                frame: FrameNumber(6),
                digest
            }
        )]
    );
}

#[test]
fn a_download_cut_in_the_middle_is_told_as_a_mixture() {
    let mut bench = Bench::ready();
    assert!(truth(&bench.claim(NEW, epoch(2, RpSlot::R1))).mixed);
    let digest = bench.card.digest();
    bench.rp(
        NEW,
        RpMessage::FrameEnd {
            frame: FrameNumber(1),
            digest,
        },
    );
    assert!(!truth(&bench.claim(LinkId(3), epoch(3, RpSlot::R0))).mixed);
}

#[test]
fn malformed_rows_change_nothing_and_close_the_link() {
    let good = Rows::default().fib("0.0.0.0/0", via(&[(EAST, None)])).message();
    let RpMessage::Rows { rows: good } = good else {
        unreachable!()
    };
    let with = |table: TableId, key: &[u8], value: &[u8]| {
        let mut writer = RowWriter::new();
        writer.push(table, key, Some(value));
        [good.clone(), writer.take()].concat()
    };
    let cases = [
        (good[..good.len() - 1].to_vec(), RecordError::Truncated),
        (
            with(TableId(99), &[], &[]),
            RecordError::UnknownTable(TableId(99)),
        ),
        (with(FIB_V4_TABLE, &[1, 2], &[]), RecordError::Key(FIB_V4_TABLE)),
        (
            with(FIB_V4_TABLE, &[10, 0, 0, 0, 33], &[]),
            RecordError::Key(FIB_V4_TABLE),
        ),
        (
            with(FIB_V4_TABLE, &[10, 0, 0, 0, 8], &[]),
            RecordError::Value(FIB_V4_TABLE, "fib action"),
        ),
        (
            with(FIB_V4_TABLE, &[10, 0, 0, 0, 8], &[0xff]),
            RecordError::Value(FIB_V4_TABLE, "record"),
        ),
    ];
    for (rows, error) in cases {
        let mut bench = Bench::ready();
        let before = bench.card.digest();
        let out = bench.rp(LINK, RpMessage::Rows { rows });
        assert_eq!(
            out,
            [CardOutput::Close {
                link: LINK,
                reason: CloseReason::Rows(error)
            }]
        );
        assert!(bench.card.is_headless() && bench.card.digest() == before);
        assert_eq!(
            bench.card.tables().v4.fib.lookup(Ipv4Addr::new(203, 0, 113, 1)),
            None
        );
    }
}

#[test]
fn a_refresh_sweeps_what_it_does_not_name_and_nothing_else() {
    let mut bench = Bench::ready();
    let rest = Rows::default()
        .port(EAST, "10.0.0.1/24", 1500, true)
        .port(WEST, "10.0.1.1/24", 600, true)
        .adjacency(WEST, HOST_WEST)
        .fib("10.0.1.0/24", via(&[(WEST, None)]))
        .message();
    let digest = digest_of(&rest);
    bench.rp(LINK, RpMessage::RefreshBegin);
    let stale = Ip::udp(HOST_EAST, HOST_FAR, 8).to_port(EAST);
    assert_eq!(bench.frame(EAST, &stale).len(), 1, "stale is not gone");
    bench.rp(LINK, rest);
    assert_eq!(
        bench.rp(
            LINK,
            RpMessage::RefreshEnd {
                frame: FrameNumber(9),
                digest
            }
        ),
        [],
        "digests agree at once"
    );
    assert_eq!(bench.card.next_deadline_reason(), Some("sweep of stale rows"));
    bench.settle();
    let tables = bench.card.tables();
    assert_eq!(
        (
            tables.ports.len(),
            tables.v4.adjacencies.len(),
            tables.v4.fib.len()
        ),
        (2, 1, 1)
    );
    assert_eq!(
        (bench.card.digest(), bench.card.frame()),
        (digest, FrameNumber(9))
    );
    assert_eq!(bench.card.tables().v4.fib.lookup(HOST_FAR), None);
}

trait DeadlineReason {
    fn next_deadline_reason(&self) -> Option<&'static str>;
}

impl DeadlineReason for linecard::LineCard {
    fn next_deadline_reason(&self) -> Option<&'static str> {
        self.next_deadline().map(|(_, reason)| reason)
    }
}

#[test]
fn an_abandoned_refresh_sweeps_nothing() {
    for link_is_lost_first in [true, false] {
        let mut bench = Bench::ready();
        let digest = bench.card.digest();
        bench.rp(LINK, RpMessage::RefreshBegin);
        bench.rp(
            LINK,
            Rows::default().fib("10.0.1.0/24", via(&[(WEST, None)])).message(),
        );
        if link_is_lost_first {
            bench.input(CardInput::RpLost { link: LINK });
        }
        bench.claim(NEW, epoch(2, RpSlot::R1));
        let out = bench.rp(
            NEW,
            RpMessage::RefreshEnd {
                frame: FrameNumber(1),
                digest,
            },
        );
        assert_eq!(
            out,
            [CardOutput::Close {
                link: NEW,
                reason: CloseReason::RefreshMissing
            }]
        );
        bench.settle();
        assert_eq!(
            (bench.card.digest(), bench.card.tables().v4.fib.len()),
            (digest, 8)
        );
    }
}

#[test]
fn the_out_of_step_mark_of_an_active_stands_until_it_is_lifted() {
    let mut bench = Bench::ready();
    let since = Some(FrameNumber(7));
    bench.rp(LINK, RpMessage::OutOfStep { since });
    bench.input(CardInput::RpLost { link: LINK });
    let out = bench.claim(NEW, epoch(2, RpSlot::R1));
    assert_eq!(
        truth(&out).out_of_step,
        Some((epoch(1, RpSlot::R0), FrameNumber(7)))
    );
    bench.rp(NEW, RpMessage::OutOfStep { since: None });
    assert_eq!(
        truth(&bench.claim(LinkId(3), epoch(3, RpSlot::R0))).out_of_step,
        None
    );
}

#[test]
fn req_45_counters_are_told_every_second_when_they_changed_and_all_anew_to_a_new_rp() {
    let mut bench = Bench::ready();
    let transit = Ip::udp(HOST_EAST, HOST_WEST, 100);
    bench.frame(EAST, &transit.to_port(EAST));
    assert_eq!(bench.settle(), []);
    bench.now += Duration::from_secs(1);
    let told = |out: Vec<CardOutput>| match &out[..] {
        [
            CardOutput::Send {
                message: CardMessage::Counters(ports),
                ..
            },
        ] => ports
            .iter()
            .map(|(port, counters)| (*port, counters.input_packets, counters.output_packets))
            .collect(),
        [] => Vec::new(),
        other => panic!("{other:?}"),
    };
    assert_eq!(told(bench.settle()), [(EAST, 1, 0), (WEST, 0, 1)]);
    bench.now += Duration::from_secs(1);
    assert_eq!(told(bench.settle()), []);
    bench.claim(NEW, epoch(2, RpSlot::R1));
    bench.now += Duration::from_secs(1);
    assert_eq!(told(bench.settle()), [(EAST, 1, 0), (WEST, 0, 1)]);
    bench.input(CardInput::RpLost { link: NEW });
    assert_eq!(
        bench.card.next_deadline(),
        None,
        "a headless card has nobody to tell"
    );
}

/// The route processor's side as a plain map of encoded rows.
#[derive(Default)]
struct Model {
    rows: BTreeMap<(TableId, Vec<u8>), Vec<u8>>,
    frame: FrameNumber,
}

impl Model {
    fn digest(&self) -> u64 {
        let hashes = self
            .rows
            .iter()
            .map(|((table, key), value)| row_hash(*table, key, value));
        hashes.fold(0, u64::wrapping_add)
    }

    /// Applies one random edit, and returns its row in bytes.
    fn edit(&mut self, step: &Step) -> Vec<u8> {
        let message = step.row().message();
        let RpMessage::Rows { rows } = message else {
            unreachable!()
        };
        let row = RowReader::new(&rows).next().unwrap().unwrap();
        let key = (row.table, row.key.to_vec());
        match row.value {
            Some(value) => self.rows.insert(key, value.to_vec()),
            None => self.rows.remove(&key),
        };
        rows
    }

    fn all(&self) -> Vec<u8> {
        let mut writer = RowWriter::new();
        for ((table, key), value) in &self.rows {
            writer.push(*table, key, Some(value));
        }
        writer.take()
    }

    fn next_frame(&mut self) -> FrameNumber {
        self.frame = self.frame.next();
        self.frame
    }
}

#[derive(Clone, Debug)]
struct Step {
    kind: u8,
    number: u8,
    value: u8,
}

impl Step {
    fn row(&self) -> Rows {
        let port = PortId::new(self.number % 4, 0);
        let host = Ipv4Addr::new(10, 0, 0, self.number);
        let prefix = format!("10.{}.0.0/{}", self.number, 12 + self.number % 5);
        match self.kind % 4 {
            0 => Rows::default().port(port, "10.0.0.1/24", 1500 + u16::from(self.value), true),
            1 => Rows::default().adjacency(port, host),
            2 => Rows::default().fib(&prefix, None),
            _ => Rows::default().fib(&prefix, via(&[(PortId::new(1, self.value % 3), None)])),
        }
    }
}

fn steps(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let step = (any::<u8>(), 0u8..20, any::<u8>());
    prop::collection::vec(
        step.prop_map(|(kind, number, value)| Step { kind, number, value }),
        count,
    )
}

proptest! {
    /// Whatever mixture of live frames, refreshes (whole or cut) and diverged rows happened: after a whole refresh
    /// and any frames behind it, digest and tables are the RP's, whether the sweep has finished or not.
    #[test]
    fn digests_and_tables_follow_the_rp_through_frames_and_refreshes(
        strange in steps(0..30), early in steps(0..30), during in steps(0..20), cut: bool, after in steps(0..20),
        sweep_first: bool,
    ) {
        let mut bench = Bench::unclaimed(Limits::default());
        bench.claim(LINK, epoch(1, RpSlot::R0));
        // Rows that this RP does not have: the card has diverged.
        let mut other = Model::default();
        for step in &strange {
            bench.rp(LINK, RpMessage::Rows { rows: other.edit(step) });
        }
        let mut model = Model::default();
        for step in &early {
            model.edit(step);
        }
        if cut {
            bench.rp(LINK, RpMessage::RefreshBegin);
            bench.rp(LINK, RpMessage::Rows { rows: model.all() });
            bench.claim(NEW, epoch(2, RpSlot::R1));
        }
        let link = if cut { NEW } else { LINK };
        bench.rp(link, RpMessage::RefreshBegin);
        bench.rp(link, RpMessage::Rows { rows: model.all() });
        for step in &during {
            bench.rp(link, RpMessage::Rows { rows: model.edit(step) });
        }
        let (frame, digest) = (model.next_frame(), model.digest());
        let out = bench.rp(link, RpMessage::RefreshEnd { frame, digest });
        prop_assert_eq!(out, []);
        if sweep_first {
            bench.settle();
        }
        for step in &after {
            bench.rp(link, RpMessage::Rows { rows: model.edit(step) });
            let (frame, digest) = (model.next_frame(), model.digest());
            let out = bench.rp(link, RpMessage::FrameEnd { frame, digest });
            prop_assert_eq!(out, []);
        }
        bench.settle();
        prop_assert_eq!(bench.card.digest(), model.digest());
        let count = |table| model.rows.keys().filter(|(id, _)| *id == table).count();
        let tables = bench.card.tables();
        let held = [tables.ports.len(), tables.v4.adjacencies.len(), tables.v4.fib.len()];
        prop_assert_eq!(held, [PORT_CONFIGURATION_TABLE, ADJACENCY_V4_TABLE, FIB_V4_TABLE].map(count));
    }

    #[test]
    fn no_bytes_of_rows_make_the_card_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), table in 10u16..16) {
        let mut bench = Bench::ready();
        bench.rp(LINK, RpMessage::Rows { rows: bytes.clone() });
        let mut writer = RowWriter::new();
        let (key, value) = bytes.split_at(bytes.len() / 2);
        writer.push(TableId(table), key, Some(value));
        let _ = linecard::tables::read_rows(&writer.take());
    }

    #[test]
    fn no_order_of_claims_makes_the_card_obey_two_or_go_back(
        claims in prop::collection::vec((0u64..6, any::<bool>(), 1u64..5), 1..30),
    ) {
        let mut bench = Bench::unclaimed(Limits::default());
        let mut highest = Epoch::NONE;
        for (counter, second, link) in claims {
            let claimed = epoch(counter, if second { RpSlot::R1 } else { RpSlot::R0 });
            let out = bench.claim(LinkId(link), claimed);
            let accepted = out.iter().any(|o| matches!(o, CardOutput::Send { message: CardMessage::Truth(_), .. }));
            let may = claimed.counter > highest.counter || claimed == highest;
            prop_assert_eq!(accepted, may);
            if accepted {
                highest = claimed;
                let ping = [&[0xff; 6][..], &[2; 6], &[8, 6], &[0; 28]].concat();
                bench.rp(LinkId(link), Rows::default().port(EAST, "10.0.0.1/24", 1500, true).message());
                prop_assert_eq!(bench.frame(EAST, &ping), [punt_to(LinkId(link), EAST, PuntReason::Arp, ping.clone())]);
            }
            prop_assert_eq!(bench.card.epoch(), highest);
        }
    }
}

#[test]
fn the_two_families_keep_their_own_tables() {
    let mut bench = Bench::ready();
    use chassis::rows::{DownloadFamily, FibEntry, PrefixKey};
    use packet::V6;
    let key = PrefixKey::<V6>("2001:db8::/32".parse().unwrap());
    let message = Rows::default()
        .row(V6::FIB_TABLE, &key, Some(&FibEntry::<V6>::Drop))
        .message();
    bench.rp(LINK, message);
    let address = "2001:db8::1".parse().unwrap();
    assert_eq!(bench.card.tables().v6.fib.lookup(address), Some(&FibEntry::Drop));
    assert_eq!(bench.card.tables().v4.fib.len(), 8);
    assert_ne!(V4::FIB_TABLE, V6::FIB_TABLE);
}
