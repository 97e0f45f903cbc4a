//! The card's loop, round by round over real sockets: what a dying RP had sent, and who claims next.

use super::*;
use crate::test_directory::TestDirectory;
use chassis::message::Truth;
use chassis::rows::{PORT_CONFIGURATION_TABLE, PortConfiguration};
use checkpoint::{Key, Row, RowWriter};
use machine::{Epoch, RpSlot};
use prost::Message;
use std::net::UdpSocket;

const PORT: PortId = PortId::new(1, 0);
const MAC: MacAddress = MacAddress([2, 0, 0, 0, 1, 0]);

/// A card with one port, and the host at the other end of its wire.
struct Bench {
    process: CardProcess,
    ready: Vec<Ready>,
    host: UdpSocket,
    address: Address,
    _directory: TestDirectory,
}

impl Bench {
    fn new() -> Self {
        let directory = TestDirectory::new("card-process");
        let host = UdpSocket::bind("127.0.0.1:0").unwrap();
        host.set_nonblocking(true).unwrap();
        let wire = WireSpec::Udp {
            local: "127.0.0.1:0".parse().unwrap(),
            remote: host.local_addr().unwrap(),
        };
        let process = CardProcess::open(CardOptions {
            slot: CardSlot(1),
            run_directory: directory.path().to_path_buf(),
            state_directory: directory.path().to_path_buf(),
            crash_space_bytes_max: 0,
            ports: vec![CardPort { wire, mac: MAC }],
            peers: Vec::new(),
        });
        let mut bench = Self {
            process: process.unwrap(),
            ready: Vec::new(),
            host,
            address: card_address(directory.path(), CardSlot(1)),
            _directory: directory,
        };
        bench.process.note_links();
        bench
    }

    /// Serves what is ready now; what one round makes ready the next one serves.
    fn rounds(&mut self, count: usize) {
        for _ in 0..count {
            self.process.round(Some(Instant::ZERO), &mut self.ready).unwrap();
        }
    }

    fn connect(&mut self) -> MessageStream {
        let stream = MessageStream::connect(&self.address, MESSAGE_BYTES_MAX, QUEUED_BYTES_MAX).unwrap();
        self.rounds(1);
        stream
    }

    /// An RP that was accepted in this epoch and has brought the port up.
    fn active(&mut self, counter: u64, slot: RpSlot) -> MessageStream {
        let mut rp = self.connect();
        let row = PortConfiguration {
            admin_up: true,
            mtu: 1500,
            mac: MAC,
            ipv4: None,
        };
        let (mut rows, mut key) = (RowWriter::default(), Vec::new());
        PORT.encode(&mut key);
        rows.push(
            PORT_CONFIGURATION_TABLE,
            &key,
            Some(&row.to_record().encode_to_vec()),
        );
        let epoch = Epoch { counter, slot };
        say(
            &mut rp,
            &[RpMessage::Claim { epoch }, RpMessage::Rows { rows: rows.take() }],
        );
        self.rounds(1);
        assert!(!self.process.card.is_headless());
        rp
    }

    /// A packet for the RP comes in. It stays in the card until the next flush.
    fn punt(&mut self, number: u8) {
        let io = &mut self.process.io;
        self.process
            .card
            .receive(clock::now(), PORT, &mut arp(number), io);
    }

    /// The last bytes of the frames that have reached the host.
    fn heard(&self) -> Vec<u8> {
        let mut frame = [0; 2048];
        std::iter::from_fn(|| self.host.recv(&mut frame).ok().map(|len| frame[len - 1])).collect()
    }
}

fn arp(number: u8) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 9, 9, 8, 6]);
    frame.extend([0; 27]);
    frame.push(number);
    frame
}

fn say(rp: &mut MessageStream, messages: &[RpMessage]) {
    for message in messages {
        let (kind, body) = message.encode();
        rp.send(kind, &body).unwrap();
    }
    rp.flush().unwrap();
}

fn answer(number: u8) -> RpMessage {
    RpMessage::Inject {
        port: PORT,
        frame: arp(number),
    }
}

/// The truth that an RP was told, and the numbers of the punts behind it.
fn told(rp: &mut MessageStream) -> (Truth, Vec<u8>) {
    rp.fill(READ_BUDGET).unwrap();
    let (mut truth, mut punts) = (None, Vec::new());
    while let Some((kind, body)) = rp.next_message().unwrap() {
        match CardMessage::decode(kind, body).unwrap() {
            CardMessage::Truth(told) => truth = Some(told),
            CardMessage::Punt { frame, .. } => punts.extend(frame.last()),
            _ => {}
        }
    }
    (truth.unwrap(), punts)
}

#[test]
fn what_a_dead_rp_had_sent_is_obeyed_before_its_link_counts_as_lost() {
    let mut bench = Bench::new();
    let mut rp = bench.active(1, RpSlot::R0);
    bench.punt(7);
    bench.rounds(1);
    say(&mut rp, &[answer(7), RpMessage::PuntsConsumed { count: 1 }]);
    bench.punt(8);
    bench.process.flush().unwrap();
    // It dies with punts unread: the kernel reports a reset behind what it had sent.
    drop(rp);
    bench.rounds(2);
    assert_eq!(bench.heard(), [7]);
    assert!(bench.process.card.is_headless());
    assert_eq!(bench.process.card.buffered_punts(), (1, 0));
    let mut next = bench.active(2, RpSlot::R1);
    let (truth, punts) = told(&mut next);
    assert_eq!((truth.buffered_punts, punts), (1, vec![8]));
}

#[test]
fn a_write_that_fails_first_does_not_hide_what_the_dead_rp_had_sent() {
    let mut bench = Bench::new();
    let mut rp = bench.active(1, RpSlot::R0);
    bench.punt(7);
    bench.rounds(1);
    say(&mut rp, &[answer(7), RpMessage::PuntsConsumed { count: 1 }]);
    drop(rp);
    bench.punt(8);
    // The loop has not come to reading yet.
    bench.process.flush().unwrap();
    assert_eq!(bench.heard(), [7], "obeyed, and sent on in the same flush");
    assert!(bench.process.card.is_headless());
    assert_eq!(bench.process.card.buffered_punts(), (1, 0));
}

#[test]
fn what_is_unread_of_the_old_epoch_at_a_higher_claim_is_dropped_with_answers_and_consumption_alike() {
    let mut bench = Bench::new();
    let mut old = bench.active(1, RpSlot::R0);
    bench.punt(7);
    bench.rounds(1);
    let mut new = bench.connect();
    // Both are there when the loop looks next.
    say(&mut old, &[answer(7), RpMessage::PuntsConsumed { count: 1 }]);
    let epoch = Epoch {
        counter: 2,
        slot: RpSlot::R1,
    };
    say(&mut new, &[RpMessage::Claim { epoch }]);
    bench.rounds(2);
    let (truth, punts) = told(&mut new);
    assert_eq!((truth.buffered_punts, punts), (1, vec![7]));
    assert!(bench.heard().is_empty(), "the new RP answers, nobody else");
    say(&mut new, &[answer(7), RpMessage::PuntsConsumed { count: 1 }]);
    bench.rounds(1);
    assert_eq!(bench.heard(), [7]);
    assert_eq!(bench.process.card.unconsumed_punts(), (0, 0));
}
