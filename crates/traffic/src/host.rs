//! A host on a wire: it resolves, answers, and hands up what is for it.
//!
//! Contract: [`Host::receive`] takes every frame that the wire brings, [`Host::expire`] is called at or after
//! [`Host::next_deadline`]. Frames leave through a [`FrameSink`]; nothing is allocated for a frame except for one that
//! waits for its next hop's address. Whatever cannot be understood is counted and dropped.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use machine::{Deadline, Instant};
use packet::ethernet::{self, EtherType, Frame};
use packet::icmpv4;
use packet::ipv4::{self, Protocol};
use packet::{InterfaceAddress, MacAddress, ParseError, V4, arp, udp};
use serde::{Deserialize, Serialize};

use crate::neighbor::{Neighbors, Question};

/// Largest IPv4 packet that a host sends, in bytes.
pub const MTU: usize = 1500;
/// TTL of what a host sends.
const TTL: u8 = 64;

/// Where frames go.
pub trait FrameSink {
    /// Offers one whole Ethernet frame to the wire.
    fn send(&mut self, frame: &[u8]) -> SendStatus;
}

/// What became of an offered packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendStatus {
    /// The wire has it.
    Sent,
    /// The wire has no room now, or is down; the same packet may be offered again later.
    WouldBlock,
    /// The next hop's address is not known yet; it is being asked for.
    Unresolved,
    /// It can never be sent: too large, or there is no way to its destination.
    Refused,
}

/// Who a host is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostConfig {
    /// How operators call it.
    pub name: String,
    /// Its hardware address.
    pub mac: MacAddress,
    /// Its address and the prefix of its link.
    pub address: InterfaceAddress<V4>,
    /// Its way to everything outside its link.
    pub gateway: Option<Ipv4Addr>,
}

/// What a host hands up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery<'a> {
    /// A datagram for the host.
    Datagram {
        /// Who sent it.
        source: Ipv4Addr,
        /// To which of the host's ports.
        destination_port: u16,
        /// What it carries.
        payload: &'a [u8],
    },
    /// An answer to an echo request of the host.
    EchoReply {
        /// Who answered.
        source: Ipv4Addr,
        /// Identifier of the request.
        identifier: u16,
        /// What it carries.
        payload: &'a [u8],
    },
    /// An ICMP error about a packet of the host.
    Error {
        /// That packet's IPv4 header and what follows, as far as it was returned.
        quoted: &'a [u8],
    },
}

/// What a host did with what it received, in frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCounters {
    /// Frames received.
    pub received: u64,
    /// Frames and packets for somebody else.
    pub not_for_me: u64,
    /// Frames, packets or datagrams that could not be read, or whose checksum was wrong.
    pub malformed: u64,
    /// Packets of a kind that a host has no use for.
    pub ignored: u64,
    /// ARP requests answered.
    pub arp_answered: u64,
    /// ARP requests sent.
    pub arp_asked: u64,
    /// Echo requests answered.
    pub echo_answered: u64,
    /// Answers that the wire would not take.
    pub unsent: u64,
}

/// One host. See the module for the contract.
#[derive(Clone, Debug)]
pub struct Host {
    config: HostConfig,
    neighbors: Neighbors,
    counters: HostCounters,
    identification: u16,
    /// Frames are built here.
    buffer: Vec<u8>,
}

impl Host {
    /// A host that begins to look for its gateway at `now`.
    pub fn new(now: Instant, config: HostConfig) -> Self {
        let mut neighbors = Neighbors::default();
        if let Some(gateway) = config.gateway {
            neighbors.resolve(now, gateway);
        }
        let buffer = vec![0; ethernet::HEADER_LEN + MTU];
        Self {
            config,
            neighbors,
            counters: HostCounters::default(),
            identification: 0,
            buffer,
        }
    }

    /// Who it is.
    pub fn config(&self) -> &HostConfig {
        &self.config
    }

    /// What it has done.
    pub fn counters(&self) -> HostCounters {
        self.counters
    }

    /// Takes one frame from the wire; answers leave through `sink`, what is for the host's users goes to `deliver`.
    pub fn receive(
        &mut self,
        now: Instant,
        frame: &[u8],
        sink: &mut impl FrameSink,
        deliver: impl FnOnce(Delivery<'_>),
    ) {
        self.counters.received += 1;
        let Ok(view) = Frame::new_checked(frame) else {
            self.counters.malformed += 1;
            return;
        };
        if view.destination() != self.config.mac && !view.destination().is_broadcast() {
            self.counters.not_for_me += 1;
            return;
        }
        match view.ether_type() {
            EtherType::ARP => self.receive_arp(now, view.payload(), sink),
            EtherType::IPV4 => self.receive_ipv4(now, view.payload(), sink, deliver),
            _ => self.counters.ignored += 1,
        }
    }

    /// Asks for neighbours that are due.
    pub fn expire(&mut self, now: Instant, sink: &mut impl FrameSink) {
        while let Some(question) = self.neighbors.pop_due(now) {
            self.ask(now, question, sink);
        }
    }

    /// When [`Host::expire`] has something to do.
    pub fn next_deadline(&self) -> Option<Deadline> {
        self.neighbors
            .next_request()
            .map(|at| (at, "ask for a neighbour's address"))
    }

    /// Sends a datagram with source and destination `port`s as given.
    pub fn send_datagram(
        &mut self,
        now: Instant,
        destination: Ipv4Addr,
        ports: udp::Repr,
        payload: &[u8],
        sink: &mut impl FrameSink,
    ) -> SendStatus {
        let source = self.config.address.address();
        let length = ports.buffer_len(payload.len());
        self.send_packet(now, destination, Protocol::UDP, length, sink, |buffer| {
            ports.emit(buffer, payload, udp::Endpoints::V4(source, destination));
        })
    }

    /// Sends an echo request.
    pub fn send_echo_request(
        &mut self,
        now: Instant,
        destination: Ipv4Addr,
        identifier: u16,
        sequence: u16,
        payload: &[u8],
        sink: &mut impl FrameSink,
    ) -> SendStatus {
        let message = icmpv4::Repr::EchoRequest {
            identifier,
            sequence,
            data: payload,
        };
        self.send_packet(
            now,
            destination,
            Protocol::ICMP,
            message.buffer_len(),
            sink,
            |buffer| {
                message.emit(buffer);
            },
        )
    }

    fn receive_arp(&mut self, now: Instant, bytes: &[u8], sink: &mut impl FrameSink) {
        let Ok(message) = arp::Packet::new_checked(bytes).and_then(|packet| arp::Repr::parse(&packet)) else {
            self.counters.malformed += 1;
            return;
        };
        if message.sender_mac.is_unicast() {
            let (own_mac, counters) = (self.config.mac, &mut self.counters);
            for mut frame in self
                .neighbors
                .heard(now, message.sender_address, message.sender_mac)
            {
                address_frame(&mut frame, message.sender_mac, own_mac);
                note_unsent(counters, sink.send(&frame));
            }
        }
        let for_me = message.target_address == self.config.address.address();
        if message.operation == arp::Operation::Request && for_me {
            self.counters.arp_answered += 1;
            let status = self.send_arp(message.sender_mac, message.reply(self.config.mac), sink);
            note_unsent(&mut self.counters, status);
        }
    }

    fn receive_ipv4(
        &mut self,
        now: Instant,
        bytes: &[u8],
        sink: &mut impl FrameSink,
        deliver: impl FnOnce(Delivery<'_>),
    ) {
        let Ok(packet) = ipv4::Packet::validate(bytes) else {
            self.counters.malformed += 1;
            return;
        };
        let (source, destination) = (packet.source(), packet.destination());
        if destination != self.config.address.address() {
            self.counters.not_for_me += 1;
            return;
        }
        if packet.is_fragment() {
            self.counters.ignored += 1;
            return;
        }
        match packet.protocol() {
            Protocol::UDP => {
                let endpoints = udp::Endpoints::V4(source, destination);
                let datagram = udp::Packet::new_checked(packet.payload());
                let Ok(datagram) = datagram.and_then(|view| udp::Repr::parse(&view, endpoints).map(|_| view))
                else {
                    self.counters.malformed += 1;
                    return;
                };
                let destination_port = datagram.destination_port();
                deliver(Delivery::Datagram {
                    source,
                    destination_port,
                    payload: datagram.payload(),
                });
            }
            Protocol::ICMP => self.receive_icmp(now, source, packet.payload(), sink, deliver),
            _ => self.counters.ignored += 1,
        }
    }

    fn receive_icmp(
        &mut self,
        now: Instant,
        source: Ipv4Addr,
        bytes: &[u8],
        sink: &mut impl FrameSink,
        deliver: impl FnOnce(Delivery<'_>),
    ) {
        let message = icmpv4::Packet::new_checked(bytes).and_then(|packet| icmpv4::Repr::parse(&packet));
        match message {
            Err(ParseError::Unsupported(_)) => self.counters.ignored += 1,
            Err(_) => self.counters.malformed += 1,
            Ok(icmpv4::Repr::EchoRequest {
                identifier,
                sequence,
                data,
            }) => {
                self.counters.echo_answered += 1;
                let answer = icmpv4::Repr::EchoReply {
                    identifier,
                    sequence,
                    data,
                };
                self.answer(now, source, answer, sink);
            }
            Ok(icmpv4::Repr::EchoReply { identifier, data, .. }) => {
                deliver(Delivery::EchoReply {
                    source,
                    identifier,
                    payload: data,
                });
            }
            Ok(
                icmpv4::Repr::DestinationUnreachable { quoted, .. }
                | icmpv4::Repr::TimeExceeded { quoted, .. },
            ) => deliver(Delivery::Error { quoted }),
        }
    }

    /// Sends an answer of the host's own. When the next hop is not known, the answer waits for it.
    fn answer(
        &mut self,
        now: Instant,
        destination: Ipv4Addr,
        message: icmpv4::Repr<'_>,
        sink: &mut impl FrameSink,
    ) {
        let length = message.buffer_len();
        let emit = |buffer: &mut [u8]| message.emit(buffer);
        match self.send_packet(now, destination, Protocol::ICMP, length, sink, emit) {
            SendStatus::Unresolved => {
                let frame = self.buffer[..ethernet::HEADER_LEN + ipv4::HEADER_LEN + length].to_vec();
                if let Some(next_hop) = self.next_hop(destination) {
                    self.neighbors.wait(next_hop, frame);
                }
            }
            status => note_unsent(&mut self.counters, status),
        }
    }

    /// Builds a packet in the buffer and sends it if its next hop is known; if not, it stays in the buffer.
    fn send_packet(
        &mut self,
        now: Instant,
        destination: Ipv4Addr,
        protocol: Protocol,
        length: usize,
        sink: &mut impl FrameSink,
        emit: impl FnOnce(&mut [u8]),
    ) -> SendStatus {
        let Some(next_hop) = self
            .next_hop(destination)
            .filter(|_| ipv4::HEADER_LEN + length <= MTU)
        else {
            return SendStatus::Refused;
        };
        let mut header = ipv4::Repr::new(
            self.config.address.address(),
            destination,
            protocol,
            length as u16,
        );
        header.ttl = TTL;
        header.identification = self.identification;
        self.identification = self.identification.wrapping_add(1);
        let frame_len = ethernet::HEADER_LEN + ipv4::HEADER_LEN + length;
        let (head, packet) = self.buffer[..frame_len].split_at_mut(ethernet::HEADER_LEN);
        header.emit(packet);
        emit(&mut packet[ipv4::HEADER_LEN..]);
        let source = self.config.mac;
        let mac = self.neighbors.resolve(now, next_hop);
        let destination = mac.unwrap_or(MacAddress::BROADCAST);
        ethernet::Repr {
            destination,
            source,
            ether_type: EtherType::IPV4,
        }
        .emit(head);
        if mac.is_none() {
            SendStatus::Unresolved
        } else {
            sink.send(&self.buffer[..frame_len])
        }
    }

    fn next_hop(&self, destination: Ipv4Addr) -> Option<Ipv4Addr> {
        let on_link = self.config.address.prefix().contains(destination);
        if on_link {
            Some(destination)
        } else {
            self.config.gateway
        }
    }

    fn ask(&mut self, now: Instant, question: Question, sink: &mut impl FrameSink) {
        let own = (self.config.mac, self.config.address.address());
        let request = arp::Repr::request(own.0, own.1, question.target);
        match self.send_arp(question.destination, request, sink) {
            SendStatus::Sent => self.counters.arp_asked += 1,
            _ => self.neighbors.not_asked(now, question.target),
        }
    }

    fn send_arp(
        &mut self,
        destination: MacAddress,
        message: arp::Repr,
        sink: &mut impl FrameSink,
    ) -> SendStatus {
        let mut frame = [0; ethernet::HEADER_LEN + arp::PACKET_LEN];
        let source = self.config.mac;
        ethernet::Repr {
            destination,
            source,
            ether_type: EtherType::ARP,
        }
        .emit(&mut frame);
        message.emit(&mut frame[ethernet::HEADER_LEN..]);
        sink.send(&frame)
    }
}

fn address_frame(frame: &mut [u8], destination: MacAddress, source: MacAddress) {
    ethernet::Repr {
        destination,
        source,
        ether_type: EtherType::IPV4,
    }
    .emit(frame);
}

fn note_unsent(counters: &mut HostCounters, status: SendStatus) {
    counters.unsent += u64::from(status != SendStatus::Sent);
}
