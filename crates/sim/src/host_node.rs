//! The world outside the router: [`traffic`]'s hosts on simulated wires.

use crate::card_node::port_mac;
use crate::event::Event;
use crate::world::{World, port_of};
use linecard::CardInput;
use machine::{Duration, Instant, PortId};
use packet::ethernet::{self, EtherType};
use packet::{InterfaceAddress, MacAddress, arp};
use std::net::Ipv4Addr;
use traffic::field::{Field, Wires};
use traffic::flow::StreamConfig;
use traffic::host::{HostConfig, SendStatus};

/// Time that a frame is on a wire.
const WIRE_LATENCY: Duration = Duration::from_micros(5);
/// Bytes of a test packet's frame.
const FRAME_LEN: usize = 90;

/// All hosts and streams.
pub(crate) struct HostNode {
    pub(crate) field: Field,
    pub(crate) flows: Vec<FlowState>,
    pub(crate) probers: Vec<u32>,
    ticket: u64,
    scheduled: Option<Instant>,
}

/// What the checkers keep of a flow.
#[derive(Clone, Debug)]
pub(crate) struct FlowState {
    pub(crate) number: u32,
    /// The cards that the flow goes over.
    pub(crate) cards: [u8; 2],
    /// Why packets of the present interval may be lost.
    pub(crate) excuse: Option<&'static str>,
    /// The same, by what has happened since the chassis was in step last.
    pub(crate) excused_late: Option<&'static str>,
}

#[derive(Default)]
struct Sent(Vec<(usize, Vec<u8>)>);

impl Wires for Sent {
    fn send(&mut self, host: usize, frame: &[u8]) -> SendStatus {
        self.0.push((host, frame.to_vec()));
        SendStatus::Sent
    }
}

/// The router's address on a port's network.
pub(crate) fn router_address(port: PortId) -> Ipv4Addr {
    Ipv4Addr::new(10, port.card.0, port.port, 1)
}

/// The address of the host on a port.
pub(crate) fn host_address(port: PortId) -> Ipv4Addr {
    Ipv4Addr::new(10, port.card.0, port.port, 2)
}

fn host_mac(host: usize) -> MacAddress {
    MacAddress([0x02, 0x40, 0x57, 0, 0, host as u8])
}

impl HostNode {
    pub(crate) fn new(cards: u8, ports: u8) -> Self {
        let mut field = Field::new();
        for host in 0..usize::from(cards) * usize::from(ports) {
            let port = port_of(host, ports);
            let address = InterfaceAddress::new(host_address(port), 24).expect("24 is a prefix length");
            let config = HostConfig {
                name: format!("host{host}"),
                mac: host_mac(host),
                address,
                gateway: Some(router_address(port)),
            };
            field
                .add_host(Instant::ZERO, config)
                .expect("a world has few hosts");
        }
        Self {
            field,
            flows: Vec::new(),
            probers: Vec::new(),
            ticket: 0,
            scheduled: None,
        }
    }
}

impl World {
    /// Starts the streams between hosts, and the pings of the router's own addresses.
    pub(crate) fn start_streams(&mut self) {
        let hosts = self.hosts.field.hosts().len();
        let ports = self.options.ports_per_card;
        for number in 0..usize::from(self.options.flows) {
            let from = number % hosts;
            let to = (from + 1 + self.draws.below(hosts as u64 - 1) as usize) % hosts;
            let rate = self.options.packets_per_second;
            let started = self.hosts.field.start_flow(self.now, from, to, rate, FRAME_LEN);
            let number = started.expect("a world has few streams");
            self.hosts.flows.push(FlowState {
                number,
                cards: [port_of(from, ports).card.0, port_of(to, ports).card.0],
                excuse: None,
                excused_late: None,
            });
        }
        for prober in 0..usize::from(self.options.probers) {
            let host = prober % hosts;
            let config = StreamConfig {
                destination: router_address(port_of(host, ports)),
                per_second: self.options.packets_per_second,
                frame_len: FRAME_LEN,
            };
            let started = self.hosts.field.start_prober(self.now, host, config);
            self.hosts.probers.push(started.expect("a world has few streams"));
        }
        self.schedule_hosts();
    }

    pub(crate) fn schedule_hosts(&mut self) {
        let Some((at, _)) = self.hosts.field.next_deadline() else {
            return;
        };
        let at = at.max(self.now + Duration::from_micros(1));
        if self.hosts.scheduled.is_some_and(|scheduled| scheduled <= at) {
            return;
        }
        self.hosts.scheduled = Some(at);
        self.hosts.ticket += 1;
        let ticket = self.hosts.ticket;
        self.queue.add(at, Event::HostsExpire { ticket });
    }

    pub(crate) fn hosts_expire(&mut self, ticket: u64) {
        if self.hosts.ticket != ticket {
            return;
        }
        self.hosts.scheduled = None;
        let mut sent = Sent::default();
        self.hosts.field.expire(self.now, &mut sent);
        self.onto_wires(sent);
        self.schedule_hosts();
    }

    pub(crate) fn host_receive(&mut self, host: usize, frame: &[u8]) {
        let mut sent = Sent::default();
        self.hosts.field.receive(self.now, host, frame, &mut sent);
        self.onto_wires(sent);
        self.schedule_hosts();
    }

    fn onto_wires(&mut self, sent: Sent) {
        for (host, frame) in sent.0 {
            let port = port_of(host, self.options.ports_per_card);
            let at = self.now + WIRE_LATENCY;
            self.queue.add(at, Event::WireToCard { port, frame });
        }
    }

    pub(crate) fn wire_to_card(&mut self, port: PortId, frame: Vec<u8>) {
        self.card_input(port.card, CardInput::Frame { port, frame });
    }

    /// Some station on a port's wire asks for the router's address, with a hardware address that changes.
    pub(crate) fn neighbor_speaks(&mut self, port: PortId, station: u8, version: u8) {
        let sender = MacAddress([0x02, 0x99, port.card.0, port.port, station, version]);
        let address = Ipv4Addr::new(10, port.card.0, port.port, 10 + station);
        let question = arp::Repr::request(sender, address, router_address(port));
        let mut frame = vec![0; ethernet::HEADER_LEN + arp::PACKET_LEN];
        let (head, body) = frame.split_at_mut(ethernet::HEADER_LEN);
        ethernet::Repr {
            destination: port_mac(port),
            source: sender,
            ether_type: EtherType::ARP,
        }
        .emit(head);
        question.emit(body);
        let at = self.now + WIRE_LATENCY;
        self.queue.add(at, Event::WireToCard { port, frame });
    }
}
