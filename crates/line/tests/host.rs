//! Echo replies and the `ping` command.

mod common;

use common::*;
use line::host::{echo_reply, ethernet_frame, ipv4_packet};
use line::ping::{PACKET_LEN_MAX, PingInput, PingOptions, PingOutput, Pinger};
use machine::{Duration, Instant, Machine, Outbox};
use packet::icmpv4::{self, Unreachable};
use packet::ipv4::{self, Protocol};
use packet::{Ipv4Addr, MacAddress};

fn is_own(address: Ipv4Addr) -> bool {
    address == OWN
}

#[test]
fn an_echo_request_comes_back_to_the_station_that_sent_it() {
    let request = echo_request(OWN, 3, 7, 40);
    let reply = echo_reply(&ip_frame(&request), is_own).expect("a reply");
    assert_eq!(reply[..6], STRANGER_MAC.0);
    assert_eq!(reply[6..12], OWN_MAC.0);
    let packet = ipv4::Packet::validate(ipv4_packet(&reply).expect("a packet")).expect("a right checksum");
    assert_eq!(
        (packet.source(), packet.destination()),
        (OWN, Ipv4Addr::new(192, 0, 2, 7))
    );
    assert_eq!(packet.ttl(), 255);
    let payload = packet.payload();
    let message = icmpv4::Packet::new_checked(&payload).expect("a message");
    let expected = icmpv4::Repr::EchoReply {
        identifier: 1,
        sequence: 7,
        data: &[0x5a; 40],
    };
    assert_eq!(icmpv4::Repr::parse(&message), Ok(expected));
}

#[test]
fn padding_of_a_short_frame_is_no_part_of_the_echo() {
    let mut frame = ip_frame(&echo_request(OWN, 64, 7, 4));
    frame.resize(64, 0xee);
    let reply = echo_reply(&frame, is_own).expect("a reply");
    assert_eq!(reply.len(), 60);
    assert_eq!(ipv4_packet(&reply).map(<[u8]>::len), Some(32));
    assert!(reply[46..].iter().all(|byte| *byte == 0));
}

#[test]
fn what_is_no_whole_echo_request_to_this_router_alone_gets_no_reply() {
    let good = ip_frame(&echo_request(OWN, 64, 7, 40));
    let not_own = ip_frame(&echo_request(NEIGHBOR, 64, 7, 40));
    let mut to_all = good.clone();
    to_all[..6].copy_from_slice(&MacAddress::BROADCAST.0);
    let mut from_group = good.clone();
    from_group[6] |= 1;
    let mut damaged_header = good.clone();
    damaged_header[22] ^= 1;
    let mut damaged_data = good.clone();
    damaged_data[60] ^= 1;
    let mut fragment = echo_request(OWN, 64, 7, 40);
    fragment[6] |= 0x20;
    ipv4::Packet::new_checked(fragment.as_mut_slice())
        .expect("a packet")
        .fill_checksum();
    let cases = [
        not_own,
        to_all,
        from_group,
        damaged_header,
        damaged_data,
        ip_frame(&fragment),
    ];
    assert!(echo_reply(&good, is_own).is_some());
    for (number, frame) in cases.iter().enumerate() {
        assert_eq!(echo_reply(frame, is_own), None, "case {number}");
    }
    for length in 0..good.len() {
        assert_eq!(echo_reply(&good[..length], is_own), None, "cut at {length}");
    }
}

proptest::proptest! {
    #[test]
    fn no_frame_makes_the_host_panic(bytes: Vec<u8>, tail: Vec<u8>) {
        let mut frame = ip_frame(&echo_request(OWN, 64, 7, 4));
        frame.splice(16.., tail);
        for frame in [frame, bytes] {
            let _ = echo_reply(&frame, |_| true);
            let mut ping = Ping::start(PingOptions::new(OWN, NEIGHBOR));
            ping.input(PingInput::Frame(frame));
        }
    }
}

struct Ping {
    pinger: Pinger,
    now: Instant,
    packets: Vec<Vec<u8>>,
    text: String,
    done: bool,
}

impl Ping {
    fn start(options: PingOptions) -> Ping {
        let mut ping = Ping {
            pinger: Pinger::new(options, 77),
            now: Instant::from_millis(5_000),
            packets: Vec::new(),
            text: String::new(),
            done: false,
        };
        ping.input(PingInput::Start);
        ping
    }

    fn input(&mut self, input: PingInput) {
        let mut out = Outbox::new();
        self.pinger.handle(self.now, input, &mut out);
        self.take(out);
    }

    fn advance(&mut self, time: Duration) {
        self.now += time;
        let mut out = Outbox::new();
        self.pinger.expire(self.now, &mut out);
        self.take(out);
    }

    fn take(&mut self, mut out: Outbox<PingOutput>) {
        for (_, output) in out.drain() {
            assert!(!self.done, "{output:?} after the end");
            match output {
                PingOutput::Packet(packet) => self.packets.push(packet),
                PingOutput::Text(text) => self.text.push_str(&text),
                PingOutput::Done => self.done = true,
            }
        }
    }

    /// The reply to the last request.
    fn reply(&self) -> PingInput {
        self.reply_from(NEIGHBOR)
    }

    fn reply_from(&self, address: Ipv4Addr) -> PingInput {
        let mut request = self.packets.last().expect("a request").clone();
        let mut packet = ipv4::Packet::new_checked(request.as_mut_slice()).expect("a packet");
        assert_eq!(packet.destination(), NEIGHBOR);
        packet.set_destination(address);
        packet.fill_checksum();
        let frame = ethernet_frame(NEIGHBOR_MAC, OWN_MAC, &request);
        PingInput::Frame(echo_reply(&frame, |_| true).expect("a right request"))
    }

    /// The report of a router that it cannot deliver the last request.
    fn unreachable(&self, reason: Unreachable) -> PingInput {
        let request = self.packets.last().expect("a request");
        let message = icmpv4::Repr::DestinationUnreachable {
            reason,
            quoted: &request[..28],
        };
        let length = message.buffer_len() as u16;
        let header = ipv4::Repr::new(STRANGER, OWN, Protocol::ICMP, length);
        let mut packet = vec![0; header.buffer_len() + message.buffer_len()];
        header.emit(&mut packet);
        message.emit(&mut packet[ipv4::HEADER_LEN..]);
        PingInput::Frame(ip_frame(&packet))
    }
}

const HEAD: &str = "Type escape sequence to abort.\n\
    Sending 5, 100-byte ICMP Echos to 10.0.0.2, timeout is 2 seconds:\n";

#[test]
fn a_ping_that_is_answered_reads_like_one() {
    let mut ping = Ping::start(PingOptions::new(OWN, NEIGHBOR));
    for milliseconds in [4, 1, 1, 2, 1] {
        ping.now += Duration::from_millis(milliseconds);
        ping.input(ping.reply());
    }
    let summary = "!!!!!\nSuccess rate is 100 percent (5/5), round-trip min/avg/max = 1/2/4 ms\n";
    assert_eq!(ping.text, String::from(HEAD) + summary);
    assert!(ping.done && ping.pinger.is_done());
    assert_eq!(ping.packets.len(), 5);
    assert!(ping.packets.iter().all(|packet| packet.len() == 100));
    assert_eq!(ping.pinger.next_deadline(), None);
}

#[test]
fn a_ping_that_nobody_answers_waits_two_seconds_each() {
    let mut ping = Ping::start(PingOptions::new(OWN, NEIGHBOR));
    ping.advance(Duration::from_millis(1_999));
    assert_eq!(ping.packets.len(), 1);
    ping.advance(Duration::from_millis(1));
    for _ in 0..4 {
        ping.advance(Duration::from_secs(2));
    }
    assert!(ping.done);
    let summary = ".....\nSuccess rate is 0 percent (0/5)\n";
    assert_eq!(ping.text, String::from(HEAD) + summary);
}

#[test]
fn late_foreign_and_repeated_replies_do_not_count() {
    let mut ping = Ping::start(PingOptions::new(OWN, NEIGHBOR));
    let late = ping.reply();
    ping.advance(Duration::from_secs(2));
    ping.input(late);
    let again = ping.reply();
    ping.input(again.clone());
    ping.input(again);
    ping.input(PingInput::Frame(ip_frame(&echo_request(OWN, 64, 3, 8))));
    ping.input(ping.reply_from(STRANGER));
    let mut foreign = Pinger::new(PingOptions::new(OWN, NEIGHBOR), 78);
    let mut out = Outbox::new();
    foreign.handle(ping.now, PingInput::Start, &mut out);
    for (_, output) in out.drain() {
        if let PingOutput::Packet(packet) = output {
            let frame = ethernet_frame(NEIGHBOR_MAC, OWN_MAC, &packet);
            let reply = echo_reply(&frame, |_| true).expect("a reply");
            ping.input(PingInput::Frame(reply));
        }
    }
    assert_eq!(ping.text, String::from(HEAD) + ".!");
    ping.input(PingInput::Abort);
    assert!(ping.text.contains("Success rate is 33 percent (1/3), round-trip"));
    assert!(ping.done);
    ping.input(PingInput::Abort);
    ping.advance(Duration::from_secs(9));
}

#[test]
fn an_unreachable_destination_is_marked() {
    let mut ping = Ping::start(PingOptions::new(OWN, NEIGHBOR));
    for reason in [Unreachable::Host, Unreachable::Network, Unreachable::Port] {
        ping.input(ping.unreachable(reason));
    }
    assert_eq!(
        ping.text,
        String::from(HEAD) + "UU",
        "a closed port is no answer to an echo"
    );
}

#[test]
fn a_length_beyond_the_limits_is_brought_within() {
    for (asked, length) in [(0, 36), (1500, 1500), (u16::MAX, PACKET_LEN_MAX)] {
        let options = PingOptions {
            packet_len: asked,
            ..PingOptions::new(OWN, NEIGHBOR)
        };
        let ping = Ping::start(options);
        assert_eq!(ping.packets[0].len(), usize::from(length));
    }
}
