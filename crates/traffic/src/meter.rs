//! What became of every packet of a stream.
//!
//! A meter is a list of numbered pigeonholes: a packet that is sent opens the next one, a packet that arrives is
//! ticked off in its own. What is not ticked off is lost, what is ticked twice is duplicated, and a packet that
//! comes late simply ticks its hole late, so the loss that was shown before is taken back.
//!
//! ```text
//!  sequence   0 ........ 65535 | 65536 ...... 131071 | 131072 ..... next
//!  chunk      all received     | 8 KiB of bits       | 8 KiB of bits
//!             (no memory)      | (something missing) | (growing)
//!
//!  interval   |---- closed, may still settle ----|------- current ------>
//! ```
//!
//! Contract: a packet belongs to the interval in which it was *sent*; its loss, duplication and order are counted
//! there whenever they show. A gap is a matter of time, so it belongs to the interval during which it was seen, and
//! one that spans a boundary counts in full on both sides. Memory is bounded by [`MeterLimits`]: sequence numbers that
//! leave the window keep the fate that they have, and what still arrives of them is counted as `beyond_window`.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::time::Duration;

use machine::Instant;
use serde::{Deserialize, Serialize};

/// Sequence numbers in one chunk of the bitmap.
const CHUNK_SEQUENCES: u64 = 65_536;
const CHUNK_WORDS: usize = (CHUNK_SEQUENCES / 64) as usize;

/// How much a meter remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeterLimits {
    /// Chunks of 65,536 sequence numbers, at most 8 KiB each. A chunk of which all arrived takes no memory.
    pub chunks: usize,
    /// Intervals, the current one included. Opening one more forgets the oldest.
    pub intervals: usize,
}

impl Default for MeterLimits {
    /// 64 Mi sequence numbers (ten minutes at 100,000 a second), 64 intervals.
    fn default() -> Self {
        Self {
            chunks: 1024,
            intervals: 64,
        }
    }
}

/// Number of an interval of one meter; 0 is the interval from the first packet on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IntervalId(pub u64);

/// What a meter says about one interval, or about its whole life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowReport {
    /// Packets that the wire took.
    pub sent: u64,
    /// Of those, packets that arrived at least once.
    pub received: u64,
    /// Of those, packets that did not arrive until now: `sent - received`.
    pub lost: u64,
    /// Arrivals of a packet that had arrived before.
    pub duplicated: u64,
    /// Packets that arrived after one with a higher sequence number (RFC 4737 section 3).
    pub reordered: u64,
    /// Arrivals with a sequence number that was never sent, or that the receiver could not read.
    pub unexpected: u64,
    /// Arrivals so late that the window had passed them; they are part of `lost` or were duplicates.
    pub beyond_window: u64,
    /// Longest time without an arrival in nanoseconds, including the one that is open now while packets are out.
    pub longest_gap_ns: u64,
    /// Longest time between two sends in nanoseconds: how much of `longest_gap_ns` the sender itself may have caused.
    pub longest_send_gap_ns: u64,
    /// Longest way of a packet in nanoseconds.
    pub latency_max_ns: u64,
    /// Sum over all received packets of the way in nanoseconds; divide by `received` for the mean.
    pub latency_sum_ns: u64,
    /// Whether the interval is over and its figures will hardly change: all arrived, or time enough has passed.
    pub settled: bool,
}

impl FlowReport {
    /// Lost packets in percent of the sent ones; `None` when nothing was sent.
    pub fn loss_percent(&self) -> Option<f64> {
        (self.sent > 0).then(|| self.lost as f64 * 100.0 / self.sent as f64)
    }
}

/// One stream's account. See the module for the contract.
#[derive(Clone, Debug)]
pub struct Meter {
    limits: MeterLimits,
    /// Sequence number of the next packet.
    next: u64,
    /// Highest sequence number that arrived, plus one.
    expected: u64,
    /// Chunk number of `chunks[0]`.
    first_chunk: u64,
    chunks: VecDeque<Chunk>,
    /// Oldest first; never empty; the last one is current.
    intervals: VecDeque<Interval>,
    next_interval: u64,
    /// From when the present gap counts: the last arrival, or the first send since sending (re)started.
    gap_since: Option<Instant>,
    last_sent: Option<Instant>,
    total: Counts,
}

/// Fate of 65,536 consecutive sequence numbers.
#[derive(Clone, Debug)]
enum Chunk {
    /// Every one arrived.
    All,
    /// A bit is set when its sequence number arrived; `count` bits are set.
    Some {
        bits: Box<[u64; CHUNK_WORDS]>,
        count: u32,
    },
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    sent: u64,
    received: u64,
    duplicated: u64,
    reordered: u64,
    unexpected: u64,
    beyond_window: u64,
    longest_gap: Duration,
    longest_send_gap: Duration,
    latency_max_ns: u64,
    latency_sum_ns: u64,
}

#[derive(Clone, Debug)]
struct Interval {
    id: IntervalId,
    first: u64,
    /// `None` while it is the current one.
    closed: Option<Instant>,
    counts: Counts,
}

/// What an arrival was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The first of its sequence number.
    First,
    /// One more of a sequence number that arrived before.
    Duplicate,
    /// Older than the window remembers.
    BeyondWindow,
    /// Never sent.
    Unexpected,
}

impl Default for Meter {
    fn default() -> Self {
        Self::new(MeterLimits::default())
    }
}

impl Meter {
    /// A meter with nothing sent, in interval 0.
    ///
    /// # Panics
    /// When a limit is zero.
    pub fn new(limits: MeterLimits) -> Self {
        assert!(
            limits.chunks > 0 && limits.intervals > 0,
            "a meter remembers at least one chunk and interval"
        );
        let first = Interval {
            id: IntervalId(0),
            first: 0,
            closed: None,
            counts: Counts::default(),
        };
        Self {
            limits,
            next: 0,
            expected: 0,
            first_chunk: 0,
            chunks: VecDeque::new(),
            intervals: VecDeque::from([first]),
            next_interval: 1,
            gap_since: None,
            last_sent: None,
            total: Counts::default(),
        }
    }

    /// The sequence number that the next packet has to carry.
    pub const fn next_sequence(&self) -> u64 {
        self.next
    }

    /// Notes that sending starts again: the silence until the next packet leaves is nobody's gap.
    pub fn resume(&mut self) {
        self.gap_since = None;
        self.last_sent = None;
    }

    /// Notes that the wire took the packet with [`Meter::next_sequence`].
    pub fn sent(&mut self, now: Instant) {
        if self.next.is_multiple_of(CHUNK_SEQUENCES) {
            self.open_chunk();
        }
        self.next += 1;
        let send_gap = self.last_sent.map_or(Duration::ZERO, |last| now - last);
        self.last_sent = Some(now);
        self.gap_since.get_or_insert(now);
        for counts in [&mut self.total, &mut current(&mut self.intervals).counts] {
            counts.sent += 1;
            counts.longest_send_gap = counts.longest_send_gap.max(send_gap);
        }
    }

    /// Notes the arrival of packet `sequence`, which was sent at `sent_at`, at `now`.
    pub fn received(&mut self, now: Instant, sequence: u64, sent_at: Instant) -> Arrival {
        if sequence >= self.next {
            self.unreadable();
            return Arrival::Unexpected;
        }
        let arrival = match self.tick_off(sequence) {
            None => Arrival::BeyondWindow,
            Some(true) => Arrival::First,
            Some(false) => Arrival::Duplicate,
        };
        let reordered = arrival == Arrival::First && sequence < self.expected;
        self.expected = self.expected.max(sequence + 1);
        if arrival == Arrival::First {
            self.close_gap(now);
        }
        let latency_ns = now.as_nanos().saturating_sub(sent_at.as_nanos());
        let owner = owner(&mut self.intervals, sequence);
        for counts in [Some(&mut self.total), owner.map(|interval| &mut interval.counts)]
            .into_iter()
            .flatten()
        {
            match arrival {
                Arrival::First => {
                    counts.received += 1;
                    counts.reordered += u64::from(reordered);
                    counts.latency_max_ns = counts.latency_max_ns.max(latency_ns);
                    counts.latency_sum_ns = counts.latency_sum_ns.saturating_add(latency_ns);
                }
                Arrival::Duplicate => counts.duplicated += 1,
                Arrival::BeyondWindow => counts.beyond_window += 1,
                Arrival::Unexpected => counts.unexpected += 1,
            }
        }
        arrival
    }

    /// Notes an arrival that is of this stream but cannot be read, or was never sent.
    pub fn unreadable(&mut self) {
        self.total.unexpected += 1;
        current(&mut self.intervals).counts.unexpected += 1;
    }

    /// Closes the current interval and opens the next; packets sent from now on belong to that one.
    pub fn begin_interval(&mut self, now: Instant) -> IntervalId {
        let open_gap = self.open_gap(now);
        let closing = current(&mut self.intervals);
        closing.counts.longest_gap = closing.counts.longest_gap.max(open_gap);
        closing.closed = Some(now);
        if self.intervals.len() >= self.limits.intervals {
            self.intervals.pop_front();
        }
        let id = IntervalId(self.next_interval);
        self.next_interval += 1;
        self.intervals.push_back(Interval {
            id,
            first: self.next,
            closed: None,
            counts: Counts::default(),
        });
        id
    }

    /// The interval to which a packet sent now would belong.
    pub fn current_interval(&self) -> IntervalId {
        self.intervals
            .back()
            .map_or(IntervalId(0), |interval| interval.id)
    }

    /// What is known at `now` about interval `id`; `None` when it is forgotten or has not begun.
    ///
    /// A closed interval is settled once all its packets arrived or `settle_after` has passed since it closed; the
    /// current one once all arrived or nothing was sent for `settle_after`.
    pub fn report(&self, now: Instant, id: IntervalId, settle_after: Duration) -> Option<FlowReport> {
        let interval = self.intervals.iter().rev().find(|interval| interval.id == id)?;
        let mut report = interval.counts.report();
        let quiet_since = match interval.closed {
            Some(closed) => Some(closed),
            None => {
                report.longest_gap_ns = report.longest_gap_ns.max(nanos(self.open_gap(now)));
                self.last_sent
            }
        };
        report.settled = report.lost == 0 || quiet_since.is_none_or(|since| now - since >= settle_after);
        Some(report)
    }

    /// What is known at `now` about everything since the meter was made. `settled` as for the current interval.
    pub fn total(&self, now: Instant, settle_after: Duration) -> FlowReport {
        let mut report = self.total.report();
        report.longest_gap_ns = report.longest_gap_ns.max(nanos(self.open_gap(now)));
        report.settled = report.lost == 0 || self.last_sent.is_none_or(|since| now - since >= settle_after);
        report
    }

    /// Bytes of bitmap that are in use.
    pub fn bitmap_bytes(&self) -> usize {
        self.chunks
            .iter()
            .filter(|chunk| matches!(chunk, Chunk::Some { .. }))
            .count()
            * CHUNK_WORDS
            * 8
    }

    /// The silence that goes on at `now`: it counts only while a packet is out behind the last arrival.
    fn open_gap(&self, now: Instant) -> Duration {
        match self.gap_since {
            Some(since) if self.expected < self.next => now - since,
            _ => Duration::ZERO,
        }
    }

    fn close_gap(&mut self, now: Instant) {
        let gap = self.gap_since.map_or(Duration::ZERO, |since| now - since);
        self.gap_since = Some(now);
        self.total.longest_gap = self.total.longest_gap.max(gap);
        let interval = current(&mut self.intervals);
        interval.counts.longest_gap = interval.counts.longest_gap.max(gap);
    }

    fn open_chunk(&mut self) {
        if self.chunks.len() >= self.limits.chunks {
            self.chunks.pop_front();
            self.first_chunk += 1;
        }
        self.chunks.push_back(Chunk::Some {
            bits: Box::new([0; CHUNK_WORDS]),
            count: 0,
        });
    }

    /// Marks `sequence` as arrived: whether it is the first time, or `None` when the window has passed it.
    fn tick_off(&mut self, sequence: u64) -> Option<bool> {
        let index = (sequence / CHUNK_SEQUENCES).checked_sub(self.first_chunk)?;
        let chunk = self.chunks.get_mut(usize::try_from(index).ok()?)?;
        let Chunk::Some { bits, count } = chunk else {
            return Some(false);
        };
        let place = (sequence % CHUNK_SEQUENCES) as usize;
        let (word, mask) = (&mut bits[place / 64], 1u64 << (place % 64));
        if *word & mask != 0 {
            return Some(false);
        }
        *word |= mask;
        *count += 1;
        if u64::from(*count) == CHUNK_SEQUENCES {
            *chunk = Chunk::All;
        }
        Some(true)
    }
}

impl Counts {
    fn report(&self) -> FlowReport {
        let Counts {
            sent,
            received,
            duplicated,
            reordered,
            unexpected,
            beyond_window,
            ..
        } = *self;
        FlowReport {
            sent,
            received,
            lost: sent - received,
            duplicated,
            reordered,
            unexpected,
            beyond_window,
            longest_gap_ns: nanos(self.longest_gap),
            longest_send_gap_ns: nanos(self.longest_send_gap),
            latency_max_ns: self.latency_max_ns,
            latency_sum_ns: self.latency_sum_ns,
            settled: false,
        }
    }
}

fn current(intervals: &mut VecDeque<Interval>) -> &mut Interval {
    intervals
        .back_mut()
        .expect("a meter always has a current interval")
}

/// The interval in which `sequence` was sent, unless it is forgotten.
fn owner(intervals: &mut VecDeque<Interval>, sequence: u64) -> Option<&mut Interval> {
    intervals
        .iter_mut()
        .rev()
        .find(|interval| interval.first <= sequence)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
