//! The `ping` command: echo requests one after another, a mark for each, and a summary.
//!
//! ```text
//!   Start ──▶ request ──▶ reply in time `!` ┐
//!                │        unreachable `U`   ├──▶ next request, or the summary after the last
//!                └──────▶ timeout `.` ──────┘
//! ```

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use machine::{Deadline, Duration, Instant, Machine, Outbox};
use packet::Ipv4Addr;
use packet::icmpv4::{self, Unreachable};
use packet::ipv4::{self, Protocol};

use crate::host::ipv4_packet;

/// Shortest packet that can be asked for, in bytes: the two headers and what tells requests apart.
pub const PACKET_LEN_MIN: u16 = 36;
/// Longest packet that can be asked for, in bytes.
pub const PACKET_LEN_MAX: u16 = 18_024;

/// What to send, and for how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PingOptions {
    /// Who is asked.
    pub destination: Ipv4Addr,
    /// Which of the router's addresses asks.
    pub source: Ipv4Addr,
    /// Number of requests.
    pub count: u32,
    /// How long to wait for each reply.
    pub timeout: Duration,
    /// Length of each packet with its headers, in bytes; brought into [`PACKET_LEN_MIN`]`..=`[`PACKET_LEN_MAX`].
    pub packet_len: u16,
}

impl PingOptions {
    /// Five requests of 100 bytes, two seconds each.
    pub const fn new(source: Ipv4Addr, destination: Ipv4Addr) -> Self {
        Self {
            destination,
            source,
            count: 5,
            timeout: Duration::from_secs(2),
            packet_len: 100,
        }
    }
}

/// What happens to a ping.
#[derive(Clone, Debug)]
pub enum PingInput {
    /// The command was given.
    Start,
    /// A frame was punted that is for the router itself. Others than the awaited reply are ignored.
    Frame(Vec<u8>),
    /// The operator does not want to wait any longer.
    Abort,
}

/// What a ping asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PingOutput {
    /// Send this IPv4 packet, by the routes.
    Packet(Vec<u8>),
    /// Write this to the console; lines end with `\n`.
    Text(String),
    /// The command is over.
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Waiting { sent_at: Instant },
    Done,
}

/// One `ping` command.
#[derive(Clone, Debug)]
pub struct Pinger {
    options: PingOptions,
    identifier: u16,
    state: State,
    sent: u32,
    received: u32,
    least: Duration,
    most: Duration,
    total: Duration,
}

impl Pinger {
    /// A ping that has not started. `identifier` tells its replies from those of other pings.
    pub fn new(options: PingOptions, identifier: u16) -> Self {
        Self {
            options: PingOptions {
                packet_len: options.packet_len.clamp(PACKET_LEN_MIN, PACKET_LEN_MAX),
                ..options
            },
            identifier,
            state: State::Idle,
            sent: 0,
            received: 0,
            least: Duration::MAX,
            most: Duration::ZERO,
            total: Duration::ZERO,
        }
    }

    /// Whether the summary has been written.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    fn start(&mut self, now: Instant, out: &mut Outbox<PingOutput>) {
        let PingOptions {
            destination,
            count,
            timeout,
            packet_len,
            ..
        } = self.options;
        out.now(PingOutput::Text(format!(
            "Type escape sequence to abort.\n\
             Sending {count}, {packet_len}-byte ICMP Echos to {destination}, timeout is {} seconds:\n",
            timeout.as_secs()
        )));
        self.next(now, out);
    }

    /// Sends the next request, or ends after the last.
    fn next(&mut self, now: Instant, out: &mut Outbox<PingOutput>) {
        if self.sent >= self.options.count {
            return self.finish(out);
        }
        out.now(PingOutput::Packet(self.request()));
        self.sent += 1;
        self.state = State::Waiting { sent_at: now };
    }

    fn finish(&mut self, out: &mut Outbox<PingOutput>) {
        self.state = State::Done;
        out.now(PingOutput::Text(self.summary()));
        out.now(PingOutput::Done);
    }

    fn summary(&self) -> String {
        let (received, sent) = (self.received, self.sent);
        let percent = u64::from(received) * 100 / u64::from(sent.max(1));
        let mut text = format!("\nSuccess rate is {percent} percent ({received}/{sent})");
        if received > 0 {
            let average = self.total / received;
            text.push_str(&format!(
                ", round-trip min/avg/max = {}/{}/{} ms",
                milliseconds(self.least),
                milliseconds(average),
                milliseconds(self.most)
            ));
        }
        text.push('\n');
        text
    }

    /// Sequence number of the request under way.
    fn sequence(&self) -> u16 {
        // Numbers repeat after 65536 requests, long after the first one's reply.
        (self.sent.wrapping_sub(1) & 0xffff) as u16
    }

    fn request(&self) -> Vec<u8> {
        let overhead = ipv4::HEADER_LEN + icmpv4::HEADER_LEN;
        let mut data = vec![0; usize::from(self.options.packet_len) - overhead];
        for pair in data.chunks_mut(2) {
            pair.copy_from_slice(&[0xab, 0xcd][..pair.len()]);
        }
        let message = icmpv4::Repr::EchoRequest {
            identifier: self.identifier,
            sequence: (self.sent & 0xffff) as u16,
            data: &data,
        };
        let payload_len = self.options.packet_len - ipv4::HEADER_LEN as u16;
        let mut header = ipv4::Repr::new(
            self.options.source,
            self.options.destination,
            Protocol::ICMP,
            payload_len,
        );
        header.identification = (self.sent & 0xffff) as u16;
        let mut packet = vec![0; usize::from(self.options.packet_len)];
        header.emit(&mut packet);
        message.emit(&mut packet[ipv4::HEADER_LEN..]);
        packet
    }

    fn frame(&mut self, now: Instant, frame: &[u8], out: &mut Outbox<PingOutput>) {
        let State::Waiting { sent_at } = self.state else {
            return;
        };
        let mark = match self.judge(frame) {
            None => return,
            Some(Answer::Reply) => {
                let round_trip = now - sent_at;
                self.received += 1;
                self.least = self.least.min(round_trip);
                self.most = self.most.max(round_trip);
                self.total += round_trip;
                "!"
            }
            Some(Answer::Unreachable) => "U",
        };
        out.now(PingOutput::Text(String::from(mark)));
        self.next(now, out);
    }

    /// What `frame` says about the request under way.
    fn judge(&self, frame: &[u8]) -> Option<Answer> {
        let packet = ipv4::Packet::new_checked(ipv4_packet(frame)?).ok()?;
        let is_ours = packet.protocol() == Protocol::ICMP
            && !packet.is_fragment()
            && packet.destination() == self.options.source;
        if !is_ours {
            return None;
        }
        let payload = packet.payload();
        let message = icmpv4::Packet::new_checked(&payload).ok()?;
        match icmpv4::Repr::parse(&message).ok()? {
            icmpv4::Repr::EchoReply {
                identifier, sequence, ..
            } => {
                let awaited = (identifier, sequence) == (self.identifier, self.sequence())
                    && packet.source() == self.options.destination;
                awaited.then_some(Answer::Reply)
            }
            icmpv4::Repr::DestinationUnreachable {
                reason: Unreachable::Network | Unreachable::Host | Unreachable::Prohibited,
                quoted,
            } => self.is_request(quoted).then_some(Answer::Unreachable),
            _ => None,
        }
    }

    /// Whether `quoted` is the start of the request under way.
    fn is_request(&self, quoted: &[u8]) -> bool {
        // An error quotes the header and eight bytes at least (RFC 792): the ICMP header of the request.
        let sent = self.options;
        let Some(header) = quoted.first_chunk::<28>() else {
            return false;
        };
        header[0] == 0x45
            && header[9] == Protocol::ICMP.0
            && header[12..16] == sent.source.octets()
            && header[16..20] == sent.destination.octets()
            && header[20] == 8
            && header[24..26] == self.identifier.to_be_bytes()
            && header[26..28] == self.sequence().to_be_bytes()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Reply,
    Unreachable,
}

/// Whole milliseconds, rounded up: what took any time took one.
fn milliseconds(duration: Duration) -> u128 {
    duration.as_nanos().div_ceil(1_000_000).max(1)
}

impl Machine for Pinger {
    type Input = PingInput;
    type Output = PingOutput;

    fn handle(&mut self, now: Instant, input: PingInput, out: &mut Outbox<PingOutput>) {
        match input {
            PingInput::Start if self.state == State::Idle => self.start(now, out),
            PingInput::Start => {}
            PingInput::Frame(frame) => self.frame(now, &frame, out),
            PingInput::Abort if self.state == State::Done => {}
            PingInput::Abort => self.finish(out),
        }
    }

    fn expire(&mut self, now: Instant, out: &mut Outbox<PingOutput>) {
        if let State::Waiting { sent_at } = self.state
            && sent_at + self.options.timeout <= now
        {
            out.now(PingOutput::Text(String::from(".")));
            self.next(now, out);
        }
    }

    fn next_deadline(&self) -> Option<Deadline> {
        match self.state {
            State::Waiting { sent_at } => Some((sent_at + self.options.timeout, "ping timeout")),
            State::Idle | State::Done => None,
        }
    }
}
