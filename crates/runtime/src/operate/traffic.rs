//! What the outside sees: flows through the cards, and a ping of the router's own address.
//!
//! ```text
//!   card 0: first host ◀══ two flows, one each way ══▶ first host :card 1      transit through both cards
//!           first host ◀── local flow ── second host                           transit within card 0
//!           second host ── 1,000 echo requests a second ──▶ its gateway        punted to the active RP
//! ```
//!
//! A round is an interval of every stream's meter: packets that are sent in it belong to it, whenever they arrive.

use super::lab::{Lab, LabError, STATE_LIMIT};
use crate::chassis_file::{ChassisFile, Host};
use crate::hosts::client::HostsClient;
use crate::hosts::control::StreamReport;
use crate::wire::WireSpec;
use machine::{CardSlot, Duration, Instant};
use serde::Serialize;
use std::net::Ipv4Addr;
use traffic::meter::IntervalId;

/// Packets per second through both cards, over both directions.
pub const TRANSIT_PER_SECOND: u64 = 20_000;
/// Packets per second within one card.
const LOCAL_PER_SECOND: u64 = 2_000;
/// Echo requests per second to the router's own address.
const PROBES_PER_SECOND: u64 = 1_000;
/// Bytes of a transit frame with its Ethernet header.
const FRAME_BYTES: usize = 128;
/// What did not arrive so long after the end of its round is lost.
const SETTLE: Duration = Duration::from_millis(500);

/// Packets of one round, or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Packets {
    /// That the first wire took.
    pub sent: u64,
    /// That never arrived.
    pub lost: u64,
    /// Arrivals of packets that had arrived before.
    pub duplicated: u64,
}

/// Packets to the router itself, of one round, or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Punts {
    /// Echo requests that the first wire took.
    pub sent: u64,
    /// Of those, never answered; and whatever a card says that it has dropped for want of a place in its buffer.
    pub lost: u64,
}

/// What became of the packets of one round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoundTraffic {
    /// Transit through both cards and within one.
    pub transit: Packets,
    /// Packets whose only way led over the card that was pulled; never part of `transit`.
    pub without_path: Packets,
    /// To the router itself. Cards' own drops are not in here yet.
    pub punts: Punts,
    /// Longest time without an arrival on any counted flow, in nanoseconds.
    pub longest_gap_ns: u64,
}

impl Packets {
    /// Adds the packets of another round.
    pub fn add(&mut self, other: Packets) {
        self.sent += other.sent;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
    }
}

impl Punts {
    /// Adds the punts of another round.
    pub fn add(&mut self, other: Punts) {
        self.sent += other.sent;
        self.lost += other.lost;
    }
}

/// A flow and the cards that it crosses.
#[derive(Clone, Debug)]
struct Flow {
    stream: u32,
    cards: [CardSlot; 2],
    interval: IntervalId,
}

/// All streams of a bench or a demo.
pub struct Traffic {
    client: HostsClient,
    flows: Vec<Flow>,
    ping: u32,
    ping_interval: IntervalId,
}

/// Who talks to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles<'a> {
    /// A host on the first card.
    pub near: &'a Host,
    /// Another host on the first card; it also asks the router.
    pub asker: &'a Host,
    /// A host on the second card.
    pub far: &'a Host,
    /// The cards.
    pub cards: [CardSlot; 2],
}

/// Finds the hosts in a chassis: two on its first card, one on its second.
pub fn roles(file: &ChassisFile) -> Option<Roles<'_>> {
    let [first, second] = file.cards.get(..2)? else {
        return None;
    };
    let mut at_first = hosts_of(file, first);
    let (near, asker) = (at_first.next()?, at_first.next()?);
    let far = hosts_of(file, second).next()?;
    let cards = [first.slot, second.slot];
    Some(Roles {
        near,
        asker,
        far,
        cards,
    })
}

fn hosts_of<'a>(
    file: &'a ChassisFile,
    card: &'a crate::chassis_file::Card,
) -> impl Iterator<Item = &'a Host> {
    card.ports.iter().filter_map(|port| match &port.wire {
        WireSpec::Mem { name } => file.hosts.iter().find(|host| host.wire == *name),
        _ => None,
    })
}

impl Traffic {
    /// Starts everything and waits until packets arrive on every stream: ARP is done then.
    ///
    /// # Errors
    /// [`LabError`].
    pub fn start(lab: &mut Lab) -> Result<Traffic, LabError> {
        let file = lab.file().clone();
        let roles = roles(&file).ok_or_else(|| {
            LabError::System("find hosts on two cards", std::io::ErrorKind::NotFound.into())
        })?;
        let mut client = HostsClient::connect(lab.run_directory())?;
        let [first, second] = roles.cards;
        let half = TRANSIT_PER_SECOND / 2;
        let mut flows = Vec::new();
        for (from, to, per_second, cards) in [
            (roles.near, roles.far, half, [first, second]),
            (roles.far, roles.near, half, [second, first]),
            (roles.asker, roles.near, LOCAL_PER_SECOND, [first, first]),
        ] {
            let stream = client.start_flow(&from.name, &to.name, per_second, FRAME_BYTES)?;
            let interval = IntervalId::default();
            flows.push(Flow {
                stream,
                cards,
                interval,
            });
        }
        let ping = client.start_ping(
            &roles.asker.name,
            roles.asker.gateway,
            PROBES_PER_SECOND,
            FRAME_BYTES,
        )?;
        let mut traffic = Traffic {
            client,
            flows,
            ping,
            ping_interval: IntervalId::default(),
        };
        traffic.wait_until_through(lab)?;
        Ok(traffic)
    }

    /// Addresses of the hosts that packets can be routed to.
    pub fn next_hops(file: &ChassisFile) -> Vec<Ipv4Addr> {
        file.hosts.iter().map(|host| host.address.address()).collect()
    }

    /// Waits until each stream has arrivals and no loss to speak of in a fresh interval, so that what follows starts from
    /// a chassis that forwards.
    ///
    /// # Errors
    /// [`LabError`].
    pub fn wait_until_through(&mut self, lab: &mut Lab) -> Result<(), LabError> {
        self.begin_round()?;
        lab.wait_for("packets arrive on every stream", STATE_LIMIT, |_| {
            let mut passages = vec![passage(&self.client.report(
                self.ping,
                Some(self.ping_interval),
                SETTLE,
            )?)];
            for flow in &self.flows {
                passages.push(passage(&self.client.report(
                    flow.stream,
                    Some(flow.interval),
                    SETTLE,
                )?));
            }
            if passages.contains(&Passage::Spoilt) {
                self.begin_round()?;
            }
            Ok(passages
                .iter()
                .all(|passage| *passage == Passage::Through)
                .then_some(()))
        })
    }

    /// Opens a new interval on every stream; what was sent before belongs to the round before.
    ///
    /// # Errors
    /// [`LabError::Hosts`].
    pub fn begin_round(&mut self) -> Result<Marks, LabError> {
        let marks = Marks {
            flows: self.flows.iter().map(|flow| flow.interval).collect(),
            ping: self.ping_interval,
        };
        for flow in &mut self.flows {
            flow.interval = self.client.begin_interval(flow.stream)?;
        }
        self.ping_interval = self.client.begin_interval(self.ping)?;
        Ok(marks)
    }

    /// Closes the present round, waits until its last packets are there or lost, and adds them up. A flow that crosses
    /// `pulled` is told apart.
    ///
    /// # Errors
    /// [`LabError::Hosts`].
    pub fn end_round(&mut self, pulled: Option<CardSlot>) -> Result<RoundTraffic, LabError> {
        let marks = self.begin_round()?;
        let mut round = RoundTraffic::default();
        for (flow, interval) in self.flows.iter().zip(marks.flows) {
            let report = self.client.settled_report(flow.stream, Some(interval), SETTLE)?;
            let packets = packets_of(&report);
            if flow.has_path(pulled) {
                round.transit.add(packets);
                round.longest_gap_ns = round.longest_gap_ns.max(report.packets.longest_gap_ns);
            } else {
                round.without_path.add(packets);
            }
        }
        let report = self.client.settled_report(self.ping, Some(marks.ping), SETTLE)?;
        round.punts = Punts {
            sent: report.packets.sent,
            lost: report.packets.lost,
        };
        Ok(round)
    }

    /// When the ping got its first answer after `moment`.
    ///
    /// # Errors
    /// [`LabError::Hosts`].
    pub fn first_answer_after(&mut self, moment: Instant) -> Result<Option<Instant>, LabError> {
        let first = self.client.first_reply_after(self.ping, moment)?;
        Ok(first.any.map(|reply| Instant::from_nanos(reply.received_ns)))
    }
}

/// The intervals of a round that is over.
pub struct Marks {
    flows: Vec<IntervalId>,
    ping: IntervalId,
}

impl Flow {
    fn has_path(&self, pulled: Option<CardSlot>) -> bool {
        pulled.is_none_or(|card| !self.cards.contains(&card))
    }
}

fn packets_of(report: &StreamReport) -> Packets {
    Packets {
        sent: report.packets.sent,
        lost: report.packets.lost,
        duplicated: report.packets.duplicated,
    }
}

/// How a stream does in an interval that is still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passage {
    /// Too early to say.
    Unknown,
    /// Packets arrive, and what is missing can all be on its way.
    Through,
    /// So much is missing that the interval will never look good.
    Spoilt,
}

fn passage(report: &StreamReport) -> Passage {
    const ARRIVED_MIN: u64 = 20;
    const ON_THEIR_WAY_MAX: u64 = 200;
    if report.packets.lost > ON_THEIR_WAY_MAX {
        Passage::Spoilt
    } else if report.packets.received >= ARRIVED_MIN {
        Passage::Through
    } else {
        Passage::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_chassis_has_a_host_for_every_role() {
        let file = ChassisFile::load(None).unwrap();
        let roles = roles(&file).unwrap();
        assert_ne!(roles.near.name, roles.asker.name);
        assert_ne!(roles.cards[0], roles.cards[1]);
        assert_eq!(Traffic::next_hops(&file).len(), file.hosts.len());
    }

    #[test]
    fn a_chassis_with_one_card_has_no_transit_through_two() {
        let mut file = ChassisFile::load(None).unwrap();
        file.cards.truncate(1);
        assert_eq!(roles(&file), None);
    }

    #[test]
    fn a_stream_is_through_once_packets_arrive_and_spoilt_by_too_many_that_do_not() {
        for (received, lost, expected) in [
            (0, 0, Passage::Unknown),
            (19, 10, Passage::Unknown),
            (20, 200, Passage::Through),
            (1_000, 201, Passage::Spoilt),
        ] {
            let mut report = StreamReport {
                packets: traffic::meter::FlowReport::default(),
                ping: None,
                skipped: 0,
            };
            (report.packets.received, report.packets.lost) = (received, lost);
            assert_eq!(passage(&report), expected);
        }
    }

    #[test]
    fn only_flows_over_a_pulled_card_have_no_path() {
        let flow = |cards| Flow {
            stream: 1,
            cards,
            interval: IntervalId::default(),
        };
        let both = flow([CardSlot(0), CardSlot(1)]);
        let local = flow([CardSlot(0), CardSlot(0)]);
        assert!(both.has_path(None) && local.has_path(None));
        assert!(!both.has_path(Some(CardSlot(1))));
        assert!(local.has_path(Some(CardSlot(1))));
    }
}
