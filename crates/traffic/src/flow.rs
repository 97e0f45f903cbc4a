//! Streams that a host sends: datagrams to another host, and echo requests to any address.
//!
//! Both are a [`Pace`] that says when, a [`Payload`] that says which, and a meter that says what became of it. A
//! packet that the wire refuses is offered again later with the same sequence number; it is not counted as sent
//! before the wire has it.

use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;

use machine::{Deadline, Instant};
use packet::{ethernet, icmpv4, ipv4, udp};

use crate::host::{FrameSink, Host, MTU, SendStatus};
use crate::meter::Meter;
use crate::pace::Pace;
use crate::payload::{self, Kind, Payload};
use crate::probe::ProbeMeter;

/// Port to which streams are sent: discard (RFC 863), so that a real host may stand at the far end.
pub const DESTINATION_PORT: u16 = 9;
/// How long a sender waits before it offers a refused packet again.
pub const RETRY_INTERVAL: Duration = Duration::from_millis(1);
/// Shortest and longest frame of a stream, in bytes with the Ethernet header.
pub const FRAME_LEN_RANGE: core::ops::RangeInclusive<usize> =
    HEADERS_LEN + payload::HEADER_LEN..=ethernet::HEADER_LEN + MTU;

/// UDP and ICMP echo have headers of the same length.
const HEADERS_LEN: usize = ethernet::HEADER_LEN + ipv4::HEADER_LEN + udp::HEADER_LEN;
const _: () = assert!(udp::HEADER_LEN == icmpv4::HEADER_LEN);

/// What is sent to whom, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamConfig {
    /// Receiver.
    pub destination: Ipv4Addr,
    /// Packets a second, `1..=Pace::PER_SECOND_MAX`.
    pub per_second: u64,
    /// Bytes of a frame with the Ethernet header, within [`FRAME_LEN_RANGE`].
    pub frame_len: usize,
}

/// The sending end of a stream.
#[derive(Clone, Debug)]
struct Source {
    number: u32,
    destination: Ipv4Addr,
    payload: Vec<u8>,
    pace: Pace,
    running: bool,
    /// Until when a refused packet is not offered again.
    blocked_until: Option<Instant>,
}

impl Source {
    fn new(number: u32, now: Instant, config: StreamConfig) -> Self {
        let frame_len = config
            .frame_len
            .clamp(*FRAME_LEN_RANGE.start(), *FRAME_LEN_RANGE.end());
        let mut payload = vec![0; frame_len - HEADERS_LEN];
        payload::fill(&mut payload);
        let pace = Pace::new(now, config.per_second);
        Self {
            number,
            destination: config.destination,
            payload,
            pace,
            running: true,
            blocked_until: None,
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.running.then(|| {
            self.blocked_until
                .unwrap_or(Instant::ZERO)
                .max(self.pace.next_due())
        })
    }

    /// Whether a packet may be offered at `now`.
    fn is_due(&mut self, now: Instant) -> bool {
        if !self.running || self.blocked_until.is_some_and(|until| now < until) {
            return false;
        }
        self.blocked_until = None;
        self.pace.bound_backlog(now);
        self.pace.is_due(now)
    }

    /// The payload of packet `sequence`, sent at `now`.
    fn payload(&mut self, now: Instant, kind: Kind, sequence: u64) -> &[u8] {
        Payload {
            kind,
            stream: self.number,
            sequence,
            sent_at: now,
        }
        .emit(&mut self.payload);
        &self.payload
    }

    /// Notes what became of the offered packet; whether it was sent.
    fn offered(&mut self, now: Instant, status: SendStatus) -> bool {
        let sent = status == SendStatus::Sent;
        if sent {
            self.pace.advance();
        } else {
            self.blocked_until = Some(now + RETRY_INTERVAL);
        }
        sent
    }

    /// Whether an arrived payload has the length and the fill with which it was sent.
    fn is_whole(&self, payload: &[u8]) -> bool {
        payload.get(payload::HEADER_LEN..) == self.payload.get(payload::HEADER_LEN..)
    }

    fn start(&mut self, now: Instant) {
        self.pace.restart(now);
        self.running = true;
    }
}

/// A one-way stream of datagrams between two hosts, with its account.
#[derive(Clone, Debug)]
pub struct Flow {
    source: Source,
    ports: udp::Repr,
    meter: Meter,
}

impl Flow {
    /// A stream with this `number` that starts at `now`.
    pub fn new(number: u32, now: Instant, config: StreamConfig) -> Self {
        // The port is for people who read a capture; the receiver goes by the payload.
        let source_port = 40_000 + (number % 20_000) as u16;
        let ports = udp::Repr {
            source_port,
            destination_port: DESTINATION_PORT,
        };
        Self {
            source: Source::new(number, now, config),
            ports,
            meter: Meter::default(),
        }
    }

    /// Sends what is due at `now` from `host`, at most `budget` packets; returns the number that the wire took.
    pub fn send_due(
        &mut self,
        now: Instant,
        host: &mut Host,
        sink: &mut impl FrameSink,
        budget: usize,
    ) -> usize {
        let mut sent = 0;
        while sent < budget && self.source.is_due(now) {
            let destination = self.source.destination;
            let payload = self.source.payload(now, Kind::Flow, self.meter.next_sequence());
            let status = host.send_datagram(now, destination, self.ports, payload, sink);
            if !self.source.offered(now, status) {
                break;
            }
            self.meter.sent(now);
            sent += 1;
        }
        sent
    }

    /// Notes a packet of this stream at the receiving host.
    pub fn received(&mut self, now: Instant, payload: &Payload, bytes: &[u8]) {
        if self.source.is_whole(bytes) {
            self.meter.received(now, payload.sequence, payload.sent_at);
        } else {
            self.meter.unreadable();
        }
    }

    /// Stops sending; what is on its way is still counted.
    pub fn stop(&mut self) {
        self.source.running = false;
    }

    /// Goes on after a stop, with the next sequence number.
    pub fn start(&mut self, now: Instant) {
        self.source.start(now);
        self.meter.resume();
    }

    /// Whether it sends.
    pub fn is_running(&self) -> bool {
        self.source.running
    }

    /// Packets that were never sent because the sender or its wire stalled.
    pub fn skipped(&self) -> u64 {
        self.source.pace.skipped()
    }

    /// The account.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The account, to open an interval.
    pub fn meter_mut(&mut self) -> &mut Meter {
        &mut self.meter
    }

    /// When the next packet is due.
    pub fn next_deadline(&self) -> Option<Deadline> {
        self.source.next_deadline().map(|at| (at, "send a datagram"))
    }
}

/// A series of echo requests from a host, with its account.
#[derive(Clone, Debug)]
pub struct Prober {
    source: Source,
    meter: ProbeMeter,
}

impl Prober {
    /// An answer that takes longer than this is called late.
    pub const LATE_AFTER: Duration = Duration::from_secs(1);

    /// A series with this `number` that starts at `now`.
    pub fn new(number: u32, now: Instant, config: StreamConfig) -> Self {
        let meter = ProbeMeter::new(Meter::default(), Self::LATE_AFTER);
        Self {
            source: Source::new(number, now, config),
            meter,
        }
    }

    /// Who is asked.
    pub fn destination(&self) -> Ipv4Addr {
        self.source.destination
    }

    /// Whether `identifier` and `source` of an answer are those of this series.
    pub fn owns(&self, identifier: u16, source: Ipv4Addr) -> bool {
        identifier == self.identifier() && source == self.source.destination
    }

    /// Sends what is due at `now` from `host`, at most `budget` requests; returns the number that the wire took.
    pub fn send_due(
        &mut self,
        now: Instant,
        host: &mut Host,
        sink: &mut impl FrameSink,
        budget: usize,
    ) -> usize {
        let mut sent = 0;
        while sent < budget && self.source.is_due(now) {
            let (destination, identifier) = (self.source.destination, self.identifier());
            let sequence = self.meter.next_sequence();
            let payload = self.source.payload(now, Kind::Probe, sequence);
            // The ICMP field wraps; the receiver goes by the payload.
            let low = sequence as u16;
            let status = host.send_echo_request(now, destination, identifier, low, payload, sink);
            if !self.source.offered(now, status) {
                break;
            }
            self.meter.sent(now);
            sent += 1;
        }
        sent
    }

    /// Notes an answer at the probing host.
    pub fn answered(&mut self, now: Instant, payload: &Payload, bytes: &[u8]) {
        if self.source.is_whole(bytes) {
            self.meter.answered(now, payload.sequence, payload.sent_at);
        } else {
            self.meter.unreadable();
        }
    }

    /// Stops sending; answers are still counted.
    pub fn stop(&mut self) {
        self.source.running = false;
    }

    /// Goes on after a stop, with the next sequence number.
    pub fn start(&mut self, now: Instant) {
        self.source.start(now);
        self.meter.resume();
    }

    /// Whether it sends.
    pub fn is_running(&self) -> bool {
        self.source.running
    }

    /// Requests that were never sent because the sender or its wire stalled.
    pub fn skipped(&self) -> u64 {
        self.source.pace.skipped()
    }

    /// The account.
    pub fn meter(&self) -> &ProbeMeter {
        &self.meter
    }

    /// The account, to open an interval or note an error.
    pub fn meter_mut(&mut self) -> &mut ProbeMeter {
        &mut self.meter
    }

    /// When the next request is due.
    pub fn next_deadline(&self) -> Option<Deadline> {
        self.source.next_deadline().map(|at| (at, "send an echo request"))
    }

    fn identifier(&self) -> u16 {
        self.source.number as u16
    }
}
