//! The card is told that a punt is consumed when the standby has what the punt caused, and behind its answer.

use chassis::message::{PortTruth, PuntReason, Truth};
use chassis::{CardMessage, RpMessage};
use checkpoint::{ActiveEndConfig, PeerSync};
use machine::{CardSlot, Duration, Epoch, FrameNumber, Instant, Outbox, PortId, RpSlot};
use packet::arp::{PACKET_LEN, Repr};
use packet::ethernet::{self, EtherType};
use packet::ipv4::{self, Protocol};
use packet::{Ipv4Addr, MacAddress, icmpv4};
use rp::{Active, ActiveConfig, CardLinkEvent, Clients, PeerMessage, RpOutput, Standby};

const CARD: CardSlot = CardSlot(0);
const PORT: PortId = PortId::new(0, 0);
const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
const HOST_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 9]);
const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const NEIGHBOR: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// What a card hears.
#[derive(Debug, PartialEq)]
enum Heard {
    Answer,
    Kept(u64),
    Consumed(u64),
    Released(u64),
}

/// An active, its standby, and what leaves for the card.
struct Pair {
    now: Instant,
    active: Active,
    standby: Standby,
    session: u64,
    turn: Outbox<RpOutput>,
    /// On their way to the active.
    acknowledgements: Vec<checkpoint::Acknowledgement>,
}

impl Pair {
    /// In step, with a card whose port has the address [`OWN`].
    fn in_step() -> Self {
        let mut clients = Clients::new();
        let text = "interface Ethernet0/0\n ip address 10.0.0.1 255.255.255.0\n no shutdown\nend\n";
        clients.configuration.adopt(config::load(text).tree);
        let now = Instant::from_millis(1);
        let epoch = Epoch {
            counter: 1,
            slot: RpSlot::R0,
        };
        let config = ActiveConfig {
            checkpoint: ActiveEndConfig::default(),
            heartbeat_interval: Duration::from_secs(3600),
            seed: 1,
        };
        let mut pair = Self {
            now,
            active: Active::new(now, epoch, config, clients, FrameNumber(0), []),
            standby: Standby::new(rp::Language::default()),
            session: 0,
            turn: Outbox::new(),
            acknowledgements: Vec::new(),
        };
        pair.active.start_bulk(&mut pair.turn);
        pair.connect();
        pair.truth();
        pair.settle();
        assert_eq!(*pair.active.peer_sync(), PeerSync::InStep);
        pair
    }

    fn connect(&mut self) {
        self.session += 1;
        let event = CardLinkEvent::Up {
            session: self.session,
        };
        self.active.card_link(self.now, CARD, event, &mut self.turn);
    }

    fn card(&mut self, message: CardMessage) {
        let session = self.session;
        self.active
            .card_message(self.now, CARD, session, message, &mut self.turn);
    }

    fn truth(&mut self) {
        self.card(CardMessage::Truth(Truth {
            card: CARD,
            model: "LC".into(),
            image_version: String::new(),
            fabric_peers: vec![],
            ports: vec![PortTruth {
                port: PORT,
                link_up: true,
                mac: MAC,
                wire: "mem".into(),
            }],
            frame: FrameNumber(0),
            digest: 0,
            mixed: false,
            out_of_step: None,
            buffered_punts: 0,
            lost_punts: 0,
            uptime_ms: 1,
        }));
    }

    fn punt(&mut self, reason: PuntReason, frame: Vec<u8>) {
        let port = PORT;
        self.card(CardMessage::Punt { port, reason, frame });
    }

    /// Ends the turn; the standby gets its chunks, the active not yet the acknowledgements.
    fn end_turn(&mut self) -> Vec<Heard> {
        self.active.turn_end(self.now, usize::MAX, &mut self.turn);
        self.route()
    }

    fn route(&mut self) -> Vec<Heard> {
        let mut out = Outbox::new();
        self.active.route(&mut self.turn, &mut out);
        let mut heard = Vec::new();
        for (_, output) in out.drain() {
            match output {
                RpOutput::Peer(PeerMessage::Chunk(chunk)) => {
                    let mut answer = Outbox::new();
                    self.standby.chunk(self.now, &chunk, &mut answer);
                    self.acknowledgements
                        .extend(answer.drain().filter_map(|(_, output)| match output {
                            RpOutput::Peer(PeerMessage::Acknowledgement(acknowledgement)) => {
                                Some(acknowledgement)
                            }
                            _ => None,
                        }));
                }
                RpOutput::Card {
                    message: RpMessage::Inject { .. },
                    ..
                } => heard.push(Heard::Answer),
                RpOutput::Card {
                    message: RpMessage::PuntsConsumed { count },
                    session,
                    ..
                } => {
                    assert_eq!(session, self.session);
                    heard.push(Heard::Consumed(count));
                }
                RpOutput::Card {
                    message: RpMessage::PuntKept { number },
                    ..
                } => heard.push(Heard::Kept(number)),
                RpOutput::Card {
                    message: RpMessage::PuntReleased { number },
                    ..
                } => heard.push(Heard::Released(number)),
                _ => {}
            }
        }
        heard
    }

    fn acknowledge(&mut self) -> Vec<Heard> {
        for acknowledgement in core::mem::take(&mut self.acknowledgements) {
            self.active
                .acknowledgement(self.now, &acknowledgement, &mut self.turn);
        }
        self.route()
    }

    /// Turns without anything from outside until all is acknowledged.
    fn settle(&mut self) {
        for _ in 0..100 {
            self.end_turn();
            self.acknowledge();
        }
        assert_eq!(self.active.frames().0, self.active.frames().1);
    }
}

fn frame(ether_type: EtherType, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; ethernet::HEADER_LEN];
    ethernet::Repr {
        destination: MAC,
        source: HOST_MAC,
        ether_type,
    }
    .emit(&mut frame);
    frame.extend(body);
    frame
}

fn ping() -> Vec<u8> {
    let message = icmpv4::Repr::EchoRequest {
        identifier: 1,
        sequence: 1,
        data: &[7; 16],
    };
    let header = ipv4::Repr::new(NEIGHBOR, OWN, Protocol::ICMP, message.buffer_len() as u16);
    let mut packet = vec![0; header.buffer_len() + message.buffer_len()];
    header.emit(&mut packet);
    message.emit(&mut packet[ipv4::HEADER_LEN..]);
    frame(EtherType::IPV4, &packet)
}

/// A request from which the router learns who asks.
fn arp_from(host: u8) -> Vec<u8> {
    let mut body = vec![0; PACKET_LEN];
    Repr::request(HOST_MAC, Ipv4Addr::new(10, 0, 0, host), OWN).emit(&mut body);
    frame(EtherType::ARP, &body)
}

#[test]
fn a_turn_that_changes_nothing_says_consumed_at_once_behind_its_answers_and_once_per_turn() {
    let mut pair = Pair::in_step();
    for _ in 0..3 {
        pair.punt(PuntReason::Receive, ping());
    }
    let answers = pair.route();
    assert_eq!(answers, [Heard::Answer, Heard::Answer, Heard::Answer]);
    assert_eq!(pair.end_turn(), [Heard::Consumed(3)]);
    assert_eq!(pair.end_turn(), [], "nothing was taken in this turn");
    // What the router does not answer is consumed too.
    pair.punt(PuntReason::Receive, vec![0; 3]);
    assert_eq!(pair.end_turn(), [Heard::Consumed(4)]);
}

#[test]
fn a_punt_that_changes_rows_is_consumed_only_when_the_standby_has_acknowledged_them() {
    let mut pair = Pair::in_step();
    pair.punt(PuntReason::Arp, arp_from(2));
    assert!(!pair.end_turn().contains(&Heard::Consumed(1)));
    // Later punts wait behind it, though their answers do not.
    pair.punt(PuntReason::Receive, ping());
    assert_eq!(pair.end_turn(), [Heard::Answer]);
    assert!(!pair.acknowledgements.is_empty(), "the standby has the row");
    let heard = pair.acknowledge();
    assert!(
        heard.ends_with(&[Heard::Consumed(1), Heard::Consumed(2)]),
        "{heard:?}"
    );
}

#[test]
fn what_waits_for_the_standby_when_the_connection_goes_is_never_said_on_the_next() {
    let mut pair = Pair::in_step();
    pair.punt(PuntReason::Arp, arp_from(2));
    pair.end_turn();
    let event = CardLinkEvent::Down {
        session: pair.session,
        why: "gone".into(),
    };
    pair.active.card_link(pair.now, CARD, event, &mut pair.turn);
    pair.connect();
    // A punt before the truth is of the old conversation: it comes again behind the truth.
    pair.punt(PuntReason::Receive, ping());
    let heard = pair.end_turn();
    assert!(heard.is_empty(), "{heard:?}");
    pair.truth();
    pair.settle();
    pair.punt(PuntReason::Receive, ping());
    assert_eq!(pair.end_turn(), [Heard::Answer, Heard::Consumed(1)]);
}

#[test]
fn without_a_standby_consumed_follows_at_once() {
    let mut pair = Pair::in_step();
    pair.active.stop_sync(&mut pair.turn);
    pair.punt(PuntReason::Arp, arp_from(2));
    let heard = pair.end_turn();
    assert!(heard.ends_with(&[Heard::Consumed(1)]), "{heard:?}");
}

/// A packet on its way to the neighbour, from beyond it.
fn transit() -> Vec<u8> {
    let header = ipv4::Repr::new(Ipv4Addr::new(10, 9, 9, 9), NEIGHBOR, Protocol::UDP, 8);
    let mut packet = vec![0; header.buffer_len() + 8];
    header.emit(&mut packet);
    frame(EtherType::IPV4, &packet)
}

#[test]
fn a_gleaned_packet_is_kept_until_its_next_hop_has_answered_while_later_punts_are_consumed() {
    let mut pair = Pair::in_step();
    pair.punt(PuntReason::Receive, ping());
    pair.punt(PuntReason::Glean, transit());
    pair.punt(PuntReason::Receive, ping());
    let mut heard = pair.end_turn();
    heard.retain(|heard| *heard != Heard::Answer);
    assert_eq!(heard, [Heard::Kept(2), Heard::Consumed(3)]);
    pair.punt(PuntReason::Receive, ping());
    assert_eq!(pair.end_turn(), [Heard::Answer, Heard::Consumed(4)]);
    // The neighbour's word sends the packet on; it is let go of behind that.
    pair.punt(PuntReason::Arp, arp_from(2));
    let mut heard = pair.end_turn();
    heard.extend(pair.acknowledge());
    assert_eq!(
        heard,
        [
            Heard::Answer,
            Heard::Answer,
            Heard::Consumed(5),
            Heard::Released(2)
        ]
    );
    // Now the adjacency is there, and nothing waits.
    pair.punt(PuntReason::Glean, transit());
    let mut heard = pair.end_turn();
    heard.extend(pair.acknowledge());
    assert_eq!(heard, [Heard::Answer, Heard::Consumed(6)]);
}

#[test]
fn a_packet_kept_for_a_connection_that_is_gone_is_not_spoken_of_on_the_next() {
    let mut pair = Pair::in_step();
    pair.punt(PuntReason::Glean, transit());
    assert!(pair.end_turn().ends_with(&[Heard::Kept(1), Heard::Consumed(1)]));
    pair.connect();
    pair.truth();
    pair.settle();
    pair.punt(PuntReason::Arp, arp_from(2));
    let mut heard = pair.end_turn();
    heard.extend(pair.acknowledge());
    assert!(heard.ends_with(&[Heard::Consumed(1)]), "{heard:?}");
}
