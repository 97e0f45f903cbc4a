//! A punt is kept until an RP has consumed it: hand-over, consumption, loss of the RP, claims, bounds.

mod common;

use std::collections::{BTreeSet, VecDeque};

use chassis::message::{PuntReason, Truth};
use chassis::{CardMessage, LinkId, RpMessage};
use common::*;
use linecard::punt::Overcounted;
use linecard::{CardInput, CardOutput, CloseReason, DropReason, Limits, Sink, Taken};
use machine::{Duration, PortId, RpSlot};
use packet::Ipv4Addr;
use proptest::prelude::*;

const OLD: LinkId = LINK;
const NEW: LinkId = LinkId(2);

/// A ping of the router's own address that is told from others by its length.
fn ping(number: usize) -> Vec<u8> {
    Ip::udp(HOST_EAST, Ipv4Addr::new(10, 0, 0, 1), 8 + number).to_port(EAST)
}

fn glean(number: usize) -> Vec<u8> {
    Ip::udp(HOST_EAST, UNKNOWN_WEST, 8 + number).to_port(EAST)
}

fn consumed(bench: &mut Bench, link: LinkId, count: u64) -> Vec<CardOutput> {
    bench.rp(link, RpMessage::PuntsConsumed { count })
}

fn truth(out: &[CardOutput]) -> &Truth {
    match out.first() {
        Some(CardOutput::Send {
            message: CardMessage::Truth(truth),
            ..
        }) => truth,
        _ => panic!("no truth first in {out:?}"),
    }
}

/// The punts in `out` to `link`, by the length of their packet's data beyond 8.
fn numbers(link: LinkId, out: &[CardOutput]) -> Vec<usize> {
    let base = ping(0).len();
    let of_punt = |output: &CardOutput| match output {
        CardOutput::Send {
            link: to,
            message: CardMessage::Punt { frame, .. },
        } if *to == link => Some(frame.len() - base),
        _ => None,
    };
    out.iter().filter_map(of_punt).collect()
}

#[test]
fn what_the_rp_had_not_consumed_goes_to_the_next_before_everything_newer_in_order() {
    // Whether the loss is seen before the next claim, and over which link that comes, makes no difference.
    for (lost, next) in [(true, NEW), (false, NEW), (false, OLD)] {
        let mut bench = Bench::ready();
        for number in 0..4 {
            let frame = if number == 2 { glean(2) } else { ping(number) };
            assert_eq!(numbers(OLD, &bench.frame(EAST, &frame)), [number]);
        }
        assert_eq!(consumed(&mut bench, OLD, 1), []);
        assert_eq!(bench.card.unconsumed_punts(), (3, 0));
        let mut expected = vec![1, 2, 3];
        if lost {
            bench.input(CardInput::RpLost { link: OLD });
            assert_eq!(bench.card.buffered_punts(), (3, 0));
            assert_eq!(bench.frame(EAST, &ping(4)), []);
            expected.push(4);
        }
        let out: Vec<_> = bench
            .claim(next, epoch(2, RpSlot::R1))
            .into_iter()
            .filter(|output| !matches!(output, CardOutput::Close { .. }))
            .collect();
        assert_eq!(truth(&out).buffered_punts as usize, expected.len());
        assert_eq!(numbers(next, &out), expected, "{lost} {next:?}");
        let glean_again = punt_to(next, EAST, PuntReason::Glean, glean(2));
        assert!(out.contains(&glean_again), "a packet in transit is one too");
        assert_eq!(
            (bench.card.buffered_punts(), bench.card.unconsumed_punts()),
            ((0, 0), (expected.len(), 0))
        );
        // The count starts anew with the claim.
        assert_eq!(consumed(&mut bench, next, expected.len() as u64), []);
        assert_eq!(bench.card.unconsumed_punts(), (0, 0));
    }
}

#[test]
fn a_count_that_is_repeated_or_older_changes_nothing() {
    let mut bench = Bench::ready();
    for number in 0..3 {
        bench.frame(EAST, &ping(number));
    }
    for (count, left) in [(0, 3), (2, 1), (2, 1), (1, 1), (3, 0), (3, 0), (0, 0)] {
        assert_eq!(consumed(&mut bench, OLD, count), []);
        assert_eq!(bench.card.unconsumed_punts(), (left, 0), "after {count}");
    }
}

fn kept(bench: &mut Bench, link: LinkId, number: u64) -> Vec<CardOutput> {
    bench.rp(link, RpMessage::PuntKept { number })
}

fn released(bench: &mut Bench, link: LinkId, number: u64) -> Vec<CardOutput> {
    bench.rp(link, RpMessage::PuntReleased { number })
}

#[test]
fn a_packet_that_the_rp_keeps_outlives_the_count_and_goes_to_the_next_rp_in_its_old_place() {
    let mut bench = Bench::ready();
    for number in 0..5 {
        let frame = if number == 1 || number == 2 {
            glean(number)
        } else {
            ping(number)
        };
        bench.frame(EAST, &frame);
    }
    // Numbers count from 1: the second and the third punt wait in the RP for an answer from the wire.
    for number in [2, 3] {
        assert_eq!(kept(&mut bench, OLD, number), []);
    }
    assert_eq!(consumed(&mut bench, OLD, 4), []);
    assert_eq!(
        bench.card.unconsumed_punts(),
        (3, 0),
        "two kept, one not consumed"
    );
    assert_eq!(released(&mut bench, OLD, 2), []);
    assert_eq!(released(&mut bench, OLD, 2), [], "repeated");
    assert_eq!(released(&mut bench, OLD, 1), [], "never kept");
    assert_eq!(bench.card.unconsumed_punts(), (2, 0));
    bench.input(CardInput::RpLost { link: OLD });
    let out = bench.claim(NEW, epoch(2, RpSlot::R1));
    assert_eq!(numbers(NEW, &out), [2, 4]);
    // What was said of the old conversation does not hold for the new one.
    assert_eq!(kept(&mut bench, NEW, 1), []);
    assert_eq!(consumed(&mut bench, NEW, 2), []);
    assert_eq!(bench.card.unconsumed_punts(), (1, 0));
    assert_eq!(released(&mut bench, NEW, 1), []);
    assert_eq!(bench.card.unconsumed_punts(), (0, 0));
}

#[test]
fn keeping_or_releasing_what_was_never_given_closes_the_link() {
    for message in [
        RpMessage::PuntKept { number: 2 },
        RpMessage::PuntReleased { number: 2 },
    ] {
        let mut bench = Bench::ready();
        bench.frame(EAST, &ping(0));
        let reason = CloseReason::Punts(Overcounted { count: 2, given: 1 });
        assert_eq!(bench.rp(OLD, message), [CardOutput::Close { link: OLD, reason }]);
        assert_eq!(bench.card.buffered_punts(), (1, 0));
    }
}

#[test]
fn a_count_beyond_what_was_given_closes_the_link_and_every_punt_is_kept() {
    let mut bench = Bench::ready();
    bench.frame(EAST, &ping(0));
    let reason = CloseReason::Punts(Overcounted { count: 2, given: 1 });
    assert_eq!(
        reason.to_string(),
        "punt 2 reported as consumed, kept or released where 1 were given"
    );
    assert_eq!(
        consumed(&mut bench, OLD, 2),
        [CardOutput::Close { link: OLD, reason }]
    );
    assert!(bench.card.is_headless());
    assert_eq!(bench.card.buffered_punts(), (1, 0));
}

#[test]
fn a_displaced_rp_cannot_consume_the_next_ones_punts() {
    let mut bench = Bench::ready();
    bench.frame(EAST, &ping(0));
    bench.claim(NEW, epoch(2, RpSlot::R1));
    assert_eq!(consumed(&mut bench, OLD, 1), []);
    assert_eq!(bench.card.unconsumed_punts(), (1, 0));
    assert_eq!(bench.card.counters().fenced_messages, 1);
}

#[test]
fn the_bounds_hold_for_waiting_and_unconsumed_together_and_those_with_an_rp_go_first() {
    let size = |numbers: std::ops::Range<usize>| numbers.map(|n| ping(n).len()).sum();
    for limits in [
        Limits {
            buffered_punts: 4,
            ..Limits::default()
        },
        Limits {
            // Punts 1 to 4, and then 3 to 6 with one byte too few for 2.
            buffered_punt_bytes: size(3..7),
            ..Limits::default()
        },
    ] {
        let mut bench = Bench::ready_with(rows(), limits);
        for number in 0..5 {
            assert_eq!(
                numbers(OLD, &bench.frame(EAST, &ping(number))),
                [number],
                "the RP gets it all the same"
            );
        }
        assert_eq!(bench.card.unconsumed_punts(), (4, 1));
        // What is forgotten counts in the RP's count.
        consumed(&mut bench, OLD, 2);
        assert_eq!(bench.card.unconsumed_punts(), (3, 1));
        bench.input(CardInput::RpLost { link: OLD });
        for number in 5..8 {
            bench.frame(EAST, &ping(number));
        }
        assert_eq!(
            bench.card.buffered_punts().1 + bench.card.buffered_punts().0 as u64,
            6
        );
        let lost = bench.card.buffered_punts().1;
        let out = bench.claim(NEW, epoch(2, RpSlot::R1));
        assert_eq!(truth(&out).lost_punts, lost);
        assert_eq!(numbers(NEW, &out), (2 + lost as usize..8).collect::<Vec<_>>());
        assert_eq!(
            bench.card.unconsumed_punts().1,
            1,
            "waiting ones are lost, not forgotten"
        );
    }
}

#[test]
fn a_packet_larger_than_the_buffer_goes_to_the_rp_uncovered_and_is_counted_by_it() {
    for (buffered_punts, buffered_punt_bytes) in [(0, 1 << 20), (10, ping(0).len())] {
        let limits = Limits {
            buffered_punts,
            buffered_punt_bytes,
            ..Limits::default()
        };
        let mut bench = Bench::ready_with(rows(), limits);
        assert_eq!(numbers(OLD, &bench.frame(EAST, &ping(1))), [1]);
        assert_eq!(bench.card.unconsumed_punts(), (0, 1));
        assert_eq!(consumed(&mut bench, OLD, 1), []);
        bench.input(CardInput::RpLost { link: OLD });
        bench.frame(EAST, &ping(1));
        assert_eq!(bench.card.buffered_punts(), (0, 1));
    }
}

#[test]
fn without_an_rp_gleaned_packets_wait_up_to_a_bound_of_their_own() {
    let limits = Limits {
        buffered_gleans: 2,
        ..Limits::default()
    };
    let mut bench = Bench::ready_with(rows(), limits);
    // One is with the RP when that dies; it counts.
    assert_eq!(numbers(OLD, &bench.frame(EAST, &glean(0))), [0]);
    bench.input(CardInput::RpLost { link: OLD });
    for number in 1..4 {
        assert_eq!(bench.frame(EAST, &glean(number)), []);
    }
    bench.frame(EAST, &ping(4));
    assert_eq!(bench.card.counters().drops(DropReason::GleanHeadless), 2);
    let out = bench.claim(NEW, epoch(2, RpSlot::R1));
    assert_eq!(numbers(NEW, &out), [0, 1, 4]);
    // With an RP the bound does not hold: the rate limit does.
    assert_eq!(numbers(NEW, &bench.frame(EAST, &glean(5))), [5]);
}

/// A way to the RP that has room for so many punts.
#[derive(Default)]
struct Narrow {
    room: usize,
    punts: Vec<usize>,
}

impl Sink for Narrow {
    fn transmit(&mut self, _: PortId, _: &[u8]) -> Taken {
        Taken::Queued
    }
    fn fabric(&mut self, _: PortId, _: &[u8]) -> Taken {
        Taken::Queued
    }
    fn punt(&mut self, _: LinkId, _: PortId, _: PuntReason, frame: &[u8]) -> Taken {
        if self.room == 0 {
            return Taken::Full;
        }
        self.room -= 1;
        self.punts.push(frame.len() - ping(0).len());
        Taken::Queued
    }
    fn send(&mut self, _: LinkId, _: CardMessage) {}
    fn close(&mut self, _: LinkId, reason: CloseReason) {
        panic!("no link is to be closed: {reason}")
    }
}

#[test]
fn punts_that_find_the_way_full_at_a_claim_follow_when_there_is_room_and_are_not_overtaken() {
    let mut bench = Bench::ready();
    bench.input(CardInput::RpLost { link: OLD });
    for number in 0..3 {
        bench.frame(EAST, &ping(number));
    }
    let mut way = Narrow {
        room: 1,
        ..Narrow::default()
    };
    let claim = RpMessage::Claim {
        epoch: epoch(2, RpSlot::R1),
    };
    bench.card.rp_message(bench.now, NEW, claim, &mut way);
    assert_eq!(way.punts, [0]);
    bench.card.receive(bench.now, EAST, &mut ping(3), &mut way);
    assert_eq!((way.punts.len(), bench.card.buffered_punts()), (1, (3, 0)));
    // Consumption shows that there is room; failing that the next second does.
    way.room = 1;
    let message = RpMessage::PuntsConsumed { count: 1 };
    bench.card.rp_message(bench.now, NEW, message, &mut way);
    assert_eq!(way.punts, [0, 1]);
    way.room = 10;
    bench.card.expire(bench.now + Duration::from_secs(1), &mut way);
    bench.card.receive(bench.now, EAST, &mut ping(4), &mut way);
    assert_eq!(way.punts, [0, 1, 2, 3, 4]);
    assert_eq!(bench.card.unconsumed_punts(), (4, 0));
}

#[derive(Clone, Debug)]
enum Step {
    Punt,
    /// The RP takes so many of the punts that were written to its link, and says so.
    Consume(usize),
    /// It takes so many and says so, but keeps the last of them.
    Keep(usize),
    /// It lets go of the oldest that it keeps.
    LetGo,
    /// It takes them, and dies or is displaced before it says so.
    TakeSilently(usize),
    Lose,
    Claim {
        same_link: bool,
    },
    Room(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Punt),
        3 => (1usize..6).prop_map(Step::Consume),
        2 => (1usize..6).prop_map(Step::Keep),
        1 => Just(Step::LetGo),
        1 => (1usize..6).prop_map(Step::TakeSilently),
        1 => Just(Step::Lose),
        2 => any::<bool>().prop_map(|same_link| Step::Claim { same_link }),
        1 => (0usize..12).prop_map(Step::Room),
    ]
}

/// A card, the RPs that claim it one after the other, and what became of each punt.
struct Story {
    bench: Bench,
    way: Narrow,
    narrow: bool,
    link: LinkId,
    connected: bool,
    counter: u64,
    came: usize,
    /// Punts of this link that its RP has read.
    taken: usize,
    /// How many of them it has said are consumed.
    told: u64,
    done: BTreeSet<usize>,
    kept: VecDeque<(u64, usize)>,
}

impl Story {
    fn new(packets_max: usize, narrow: bool) -> Self {
        let limits = Limits {
            buffered_punts: packets_max,
            ..Limits::default()
        };
        let room = if narrow { 4 } else { usize::MAX };
        Self {
            bench: Bench::ready_with(rows(), limits),
            way: Narrow {
                room,
                ..Narrow::default()
            },
            narrow,
            link: OLD,
            connected: true,
            counter: 1,
            came: 0,
            taken: 0,
            told: 0,
            done: BTreeSet::new(),
            kept: VecDeque::new(),
        }
    }

    fn rp_says(&mut self, message: RpMessage) {
        let now = self.bench.now;
        self.bench.card.rp_message(now, self.link, message, &mut self.way);
    }

    /// The RP reads up to `count` punts more; which those are.
    fn take(&mut self, count: usize) -> Vec<usize> {
        let upto = self.way.punts.len().min(self.taken.saturating_add(count));
        let read = self.way.punts[self.taken..upto].to_vec();
        self.taken = upto;
        read
    }

    fn say_consumed(&mut self) {
        self.told = self.taken as u64;
        self.rp_says(RpMessage::PuntsConsumed { count: self.told });
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Punt => {
                let now = self.bench.now;
                self.bench
                    .card
                    .receive(now, EAST, &mut ping(self.came), &mut self.way);
                self.came += 1;
            }
            Step::Consume(count) if self.connected => {
                let read = self.take(*count);
                self.done.extend(read);
                self.say_consumed();
            }
            Step::TakeSilently(count) if self.connected => {
                let read = self.take(*count);
                self.done.extend(read);
            }
            Step::Keep(count) if self.connected => {
                let mut read = self.take(*count);
                let Some(last) = read.pop() else { return };
                self.done.extend(read);
                let number = self.taken as u64;
                self.kept.push_back((number, last));
                self.rp_says(RpMessage::PuntKept { number });
                self.say_consumed();
            }
            Step::Consume(_) | Step::TakeSilently(_) | Step::Keep(_) => {}
            Step::LetGo => {
                if let Some((number, punt)) = self.kept.pop_front() {
                    self.done.insert(punt);
                    self.rp_says(RpMessage::PuntReleased { number });
                }
            }
            Step::Lose => {
                self.bench.card.rp_lost(self.link);
                self.connected = false;
                self.kept.clear();
            }
            Step::Claim { same_link } => self.claim(*same_link),
            Step::Room(room) if self.narrow => self.way.room = *room,
            Step::Room(_) => {}
        }
    }

    fn claim(&mut self, same_link: bool) {
        self.counter += 1;
        if !same_link || !self.connected {
            self.link = LinkId(self.link.0 + 1);
        }
        (self.connected, self.taken, self.told) = (true, 0, 0);
        self.kept.clear();
        self.way.punts.clear();
        let mut quiet = Quiet(&mut self.way);
        let claim = RpMessage::Claim {
            epoch: epoch(self.counter, RpSlot::R1),
        };
        let now = self.bench.now;
        self.bench.card.rp_message(now, self.link, claim, &mut quiet);
    }
}

proptest! {
    /// Every punt is consumed by some epoch's RP, or counted as lost, forgotten or refused by a full way; and each RP
    /// sees the punts in the order in which they came.
    #[test]
    fn no_punt_disappears_whatever_becomes_of_its_rp(
        steps in prop::collection::vec(step(), 1..120), packets_max in prop_oneof![1usize..12, Just(4096)],
        narrow: bool,
    ) {
        let mut story = Story::new(packets_max, narrow);
        let at_end = [Step::Room(usize::MAX), Step::Lose, Step::Claim { same_link: false }, Step::Consume(usize::MAX)];
        for step in steps.iter().chain(&at_end) {
            story.step(step);
            let Story { bench, way, done, .. } = &story;
            prop_assert!(way.punts.is_sorted_by(|a, b| a < b), "{:?} out of order", way.punts);
            let (waiting, lost) = bench.card.buffered_punts();
            let (unconsumed, forgotten) = bench.card.unconsumed_punts();
            let refused = bench.card.counters().drops(DropReason::PuntFull);
            prop_assert!(waiting + unconsumed <= packets_max);
            let accounted = (done.len() + waiting + unconsumed) as u64 + lost + forgotten + refused;
            prop_assert!(accounted >= story.came as u64, "{accounted} of {}", story.came);
            prop_assert!(unconsumed as u64 + story.told <= (way.punts.len() + story.kept.len()) as u64);
        }
        prop_assert_eq!(story.bench.card.buffered_punts().0 + story.bench.card.unconsumed_punts().0, 0);
        if packets_max == 4096 && !narrow {
            prop_assert_eq!(story.done, (0..story.came).collect::<BTreeSet<_>>());
        }
    }
}

/// A narrow way whose links may be closed.
struct Quiet<'a>(&'a mut Narrow);

impl Sink for Quiet<'_> {
    fn transmit(&mut self, port: PortId, frame: &[u8]) -> Taken {
        self.0.transmit(port, frame)
    }
    fn fabric(&mut self, port: PortId, frame: &[u8]) -> Taken {
        self.0.fabric(port, frame)
    }
    fn punt(&mut self, link: LinkId, port: PortId, reason: PuntReason, frame: &[u8]) -> Taken {
        self.0.punt(link, port, reason, frame)
    }
    fn send(&mut self, link: LinkId, message: CardMessage) {
        self.0.send(link, message);
    }
    fn close(&mut self, _: LinkId, _: CloseReason) {}
}
