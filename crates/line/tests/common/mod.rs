//! A driver and short forms that the tests of this crate share.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::collections::BTreeSet;

use chassis::PuntTicket;
use line::arp::{Arp, ArpInput, ArpInterface, ArpOutput};
use machine::{CardSlot, Duration, Instant, Machine, Outbox, PortId};
use packet::arp::{Operation, PACKET_LEN, Packet, Repr};
use packet::ethernet::{self, EtherType, Frame};
use packet::icmpv4;
use packet::ipv4::{self, Protocol};
use packet::{Ipv4Addr, MacAddress};

pub const PORT: PortId = PortId::new(0, 0);
pub const OTHER_PORT: PortId = PortId::new(1, 0);
pub const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub const NEIGHBOR: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
pub const STRANGER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
pub const OWN_MAC: MacAddress = MacAddress([0xaa, 0xbb, 0xcc, 0, 1, 0]);
pub const NEIGHBOR_MAC: MacAddress = MacAddress([0xaa, 0xbb, 0xcc, 0, 2, 0]);
pub const STRANGER_MAC: MacAddress = MacAddress([0xaa, 0xbb, 0xcc, 0, 9, 0]);

pub fn interface(address: &str) -> ArpInterface {
    ArpInterface {
        mac: OWN_MAC,
        address: address.parse().expect("an address with a length"),
        mtu: 1500,
    }
}

/// A machine and the time, driven until nothing is due.
pub struct Driver {
    pub arp: Arp,
    pub now: Instant,
    /// Punts gleaned so far; their numbers.
    pub gleaned: u64,
    /// Those whose packets wait in the machine, by what it has said.
    pub kept: BTreeSet<u64>,
}

pub fn ticket(number: u64) -> PuntTicket {
    PuntTicket {
        card: CardSlot(0),
        session: 1,
        number,
    }
}

impl Driver {
    pub fn new() -> Self {
        Self {
            arp: Arp::new(),
            now: Instant::from_millis(1_000),
            gleaned: 0,
            kept: BTreeSet::new(),
        }
    }

    /// 10.0.0.1/24 on `PORT`, its announcements done.
    pub fn with_link() -> Self {
        let mut driver = Self::new();
        driver.up(PORT, "10.0.0.1/24");
        driver.advance(Duration::from_secs(10));
        driver
    }

    pub fn handle(&mut self, input: ArpInput) -> Vec<ArpOutput> {
        let mut out = Outbox::new();
        self.arp.handle(self.now, input, &mut out);
        self.note_kept(out)
    }

    /// The outputs but for those that say which punts wait: these make sense together, and are in `kept`.
    fn note_kept(&mut self, mut out: Outbox<ArpOutput>) -> Vec<ArpOutput> {
        let mut outputs = Vec::new();
        for (_, output) in out.drain() {
            match output {
                ArpOutput::Kept { punt } => assert!(self.kept.insert(punt.number), "{punt:?} kept twice"),
                ArpOutput::LetGo { punt } => assert!(self.kept.remove(&punt.number), "{punt:?} was not kept"),
                other => outputs.push(other),
            }
        }
        outputs
    }

    pub fn up(&mut self, port: PortId, address: &str) -> Vec<ArpOutput> {
        self.handle(ArpInput::InterfaceUp {
            port,
            interface: interface(address),
        })
    }

    /// Lets time pass, from deadline to deadline.
    pub fn advance(&mut self, time: Duration) -> Vec<ArpOutput> {
        let end = self.now + time;
        let mut outputs = Vec::new();
        while let Some((at, _)) = self.arp.next_deadline()
            && at <= end
        {
            self.now = self.now.max(at);
            let mut out = Outbox::new();
            self.arp.expire(self.now, &mut out);
            outputs.extend(self.note_kept(out));
        }
        self.now = end;
        outputs
    }

    pub fn hear(&mut self, repr: &Repr) -> Vec<ArpOutput> {
        self.handle(ArpInput::Packet {
            port: PORT,
            frame: arp_frame(MacAddress::BROADCAST, repr),
        })
    }

    /// The neighbour's answer to what was asked.
    pub fn answer(&mut self, address: Ipv4Addr, mac: MacAddress) -> Vec<ArpOutput> {
        self.hear(&Repr::request(OWN_MAC, OWN, address).reply(mac))
    }

    pub fn send(&mut self, next_hop: Ipv4Addr, packet: Vec<u8>) -> Vec<ArpOutput> {
        self.handle(ArpInput::Send {
            port: PORT,
            next_hop,
            packet,
            release: machine::Release::Now,
        })
    }

    pub fn glean(&mut self, next_hop: Ipv4Addr, packet: &[u8]) -> Vec<ArpOutput> {
        self.gleaned += 1;
        self.handle(ArpInput::Glean {
            port: PORT,
            next_hop,
            frame: ip_frame(packet),
            punt: ticket(self.gleaned),
        })
    }

    pub fn mac_of(&self, next_hop: Ipv4Addr) -> Option<MacAddress> {
        let key = chassis::rows::AdjacencyKey { port: PORT, next_hop };
        self.arp.adjacencies.get(&key).map(|adjacency| adjacency.mac)
    }
}

pub fn arp_frame(destination: MacAddress, repr: &Repr) -> Vec<u8> {
    let mut frame = vec![0; ethernet::HEADER_LEN + PACKET_LEN];
    ethernet::Repr {
        destination,
        source: repr.sender_mac,
        ether_type: EtherType::ARP,
    }
    .emit(&mut frame);
    repr.emit(&mut frame[ethernet::HEADER_LEN..]);
    frame
}

pub fn ip_frame(packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; ethernet::HEADER_LEN];
    ethernet::Repr {
        destination: OWN_MAC,
        source: STRANGER_MAC,
        ether_type: EtherType::IPV4,
    }
    .emit(&mut frame);
    frame.extend_from_slice(packet);
    frame
}

/// An echo request of `data` bytes from 192.0.2.7.
pub fn echo_request(destination: Ipv4Addr, ttl: u8, number: u16, data: usize) -> Vec<u8> {
    let data = vec![0x5a; data];
    let message = icmpv4::Repr::EchoRequest {
        identifier: 1,
        sequence: number,
        data: &data,
    };
    let source = Ipv4Addr::new(192, 0, 2, 7);
    let mut header = ipv4::Repr::new(source, destination, Protocol::ICMP, message.buffer_len() as u16);
    header.ttl = ttl;
    header.identification = number;
    let mut packet = vec![0; header.buffer_len() + message.buffer_len()];
    header.emit(&mut packet);
    message.emit(&mut packet[ipv4::HEADER_LEN..]);
    packet
}

/// What an injected frame is: the ARP packet in it, and to whom.
pub fn arp_of(output: &ArpOutput) -> (MacAddress, Repr) {
    let ArpOutput::Inject { frame, .. } = output else {
        panic!("{output:?} is no frame");
    };
    let frame = Frame::new_checked(frame.as_slice()).expect("a frame");
    assert_eq!(frame.ether_type(), EtherType::ARP);
    let packet = Packet::new_checked(frame.payload()).expect("an ARP packet");
    (frame.destination(), Repr::parse(&packet).expect("for IPv4"))
}

/// The IPv4 packets that were injected, with the stations that they go to.
pub fn packets_of(outputs: &[ArpOutput]) -> Vec<(MacAddress, Vec<u8>)> {
    let frames = outputs.iter().filter_map(|output| match output {
        ArpOutput::Inject { frame, .. } => Some(frame),
        ArpOutput::Undeliverable { .. }
        | ArpOutput::Kept { .. }
        | ArpOutput::LetGo { .. }
        | ArpOutput::Log(_) => None,
    });
    frames
        .filter_map(|frame| {
            let packet = line::host::ipv4_packet(frame)?;
            let header = Frame::new_checked(frame.as_slice()).expect("a frame");
            Some((header.destination(), packet.to_vec()))
        })
        .collect()
}

pub fn is_request_for(output: &ArpOutput, target: Ipv4Addr) -> bool {
    let (destination, repr) = arp_of(output);
    destination == MacAddress::BROADCAST
        && repr.operation == Operation::Request
        && repr.target_address == target
        && (repr.sender_mac, repr.sender_address) == (OWN_MAC, OWN)
}
