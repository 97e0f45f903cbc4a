//! What became of every echo request, and when the router answered again.

use alloc::vec::Vec;
use core::time::Duration;

use machine::Instant;
use serde::{Deserialize, Serialize};

use crate::meter::{Arrival, FlowReport, IntervalId, Meter};

/// Probes whose times are remembered one by one: a minute at 1,000 a second.
const REMEMBERED: usize = 65_536;

/// A probe's two times, in nanoseconds; `u64::MAX` stands for "no answer yet".
#[derive(Clone, Copy, Debug)]
struct Times {
    sent_ns: u64,
    answered_ns: u64,
}

const UNANSWERED: u64 = u64::MAX;

/// The account of a series of echo requests: a [`Meter`] for their fate, and their times.
#[derive(Clone, Debug)]
pub struct ProbeMeter {
    meter: Meter,
    /// Probe `n` is at `n % REMEMBERED`.
    times: Vec<Times>,
    late_after: Duration,
    late: u64,
    refused: u64,
}

/// What is known about a prober.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingReport {
    /// Requests are `sent`, those answered at least once are `received`, those not answered until now are `lost`.
    pub probes: FlowReport,
    /// Answers, over the prober's whole life, that took longer than its limit; they are not lost.
    pub late: u64,
    /// ICMP errors, over the prober's whole life, that came back for a request.
    pub refused: u64,
}

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Sequence number of the request.
    pub sequence: u64,
    /// When the request left, in nanoseconds of the meter's clock.
    pub sent_ns: u64,
    /// When its first answer arrived, in nanoseconds of the meter's clock.
    pub received_ns: u64,
}

/// The first answers after some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstReplies {
    /// The first that arrived after the moment; its request may have waited in a punt buffer since before.
    pub any: Option<Reply>,
    /// The first whose request, too, was sent after the moment.
    pub fresh: Option<Reply>,
}

impl ProbeMeter {
    /// A meter that calls an answer late when it takes longer than `late_after`.
    pub fn new(meter: Meter, late_after: Duration) -> Self {
        Self {
            meter,
            times: Vec::new(),
            late_after,
            late: 0,
            refused: 0,
        }
    }

    /// The sequence number that the next request has to carry.
    pub fn next_sequence(&self) -> u64 {
        self.meter.next_sequence()
    }

    /// Notes that probing starts again, as [`Meter::resume`].
    pub fn resume(&mut self) {
        self.meter.resume();
    }

    /// Notes that the wire took the request with [`ProbeMeter::next_sequence`].
    pub fn sent(&mut self, now: Instant) {
        let times = Times {
            sent_ns: now.as_nanos(),
            answered_ns: UNANSWERED,
        };
        let place = place(self.meter.next_sequence());
        match self.times.get_mut(place) {
            Some(old) => *old = times,
            None => self.times.push(times),
        }
        self.meter.sent(now);
    }

    /// Notes an answer to request `sequence`, which left at `sent_at` by its own account.
    pub fn answered(&mut self, now: Instant, sequence: u64, sent_at: Instant) -> Arrival {
        let arrival = self.meter.received(now, sequence, sent_at);
        if arrival == Arrival::First {
            self.late += u64::from(now - sent_at > self.late_after);
            if self.remembers(sequence) {
                self.times[place(sequence)].answered_ns = now.as_nanos();
            }
        }
        arrival
    }

    /// Notes an ICMP error for a request.
    pub fn refused(&mut self) {
        self.refused += 1;
    }

    /// Notes an answer that cannot be read.
    pub fn unreadable(&mut self) {
        self.meter.unreadable();
    }

    /// Closes the current interval and opens the next, as [`Meter::begin_interval`].
    pub fn begin_interval(&mut self, now: Instant) -> IntervalId {
        self.meter.begin_interval(now)
    }

    /// The interval to which a request sent now would belong.
    pub fn current_interval(&self) -> IntervalId {
        self.meter.current_interval()
    }

    /// What is known at `now` about interval `id`, as [`Meter::report`].
    pub fn report(&self, now: Instant, id: IntervalId, settle_after: Duration) -> Option<PingReport> {
        Some(self.with_totals(self.meter.report(now, id, settle_after)?))
    }

    /// What is known at `now` about all requests, as [`Meter::total`].
    pub fn total(&self, now: Instant, settle_after: Duration) -> PingReport {
        self.with_totals(self.meter.total(now, settle_after))
    }

    /// The first answers that arrived after `moment`, among the last 65,536 requests.
    pub fn first_reply_after(&self, moment: Instant) -> FirstReplies {
        let moment_ns = moment.as_nanos();
        let mut first = FirstReplies::default();
        for sequence in self.oldest_remembered()..self.meter.next_sequence() {
            let Times { sent_ns, answered_ns } = self.times[place(sequence)];
            if answered_ns == UNANSWERED || answered_ns <= moment_ns {
                continue;
            }
            let reply = Reply {
                sequence,
                sent_ns,
                received_ns: answered_ns,
            };
            keep_earlier(&mut first.any, reply);
            if sent_ns > moment_ns {
                keep_earlier(&mut first.fresh, reply);
            }
        }
        first
    }

    fn with_totals(&self, probes: FlowReport) -> PingReport {
        PingReport {
            probes,
            late: self.late,
            refused: self.refused,
        }
    }

    fn oldest_remembered(&self) -> u64 {
        self.meter.next_sequence().saturating_sub(REMEMBERED as u64)
    }

    fn remembers(&self, sequence: u64) -> bool {
        (self.oldest_remembered()..self.meter.next_sequence()).contains(&sequence)
    }
}

fn place(sequence: u64) -> usize {
    (sequence % REMEMBERED as u64) as usize
}

fn keep_earlier(first: &mut Option<Reply>, reply: Reply) {
    if first.is_none_or(|known| reply.received_ns < known.received_ns) {
        *first = Some(reply);
    }
}
