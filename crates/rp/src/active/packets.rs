//! Packets of the router itself, and those that cards punt to it.

use alloc::vec;
use alloc::vec::Vec;
use chassis::message::PuntReason;
use chassis::{PuntTicket, RpMessage};
use core::net::Ipv4Addr;
use line::arp::{ArpEvent, ArpInput, ArpOutput};
use machine::{CardSlot, Instant, Machine, Outbox, PortId, Release};
use packet::icmpv4::{self, Unreachable};

use super::Active;
use super::routing::is_segment;
use crate::io::RpOutput;
use crate::log;

/// Most frames that wait for cards to come back.
pub(super) const WAITING_INJECTS_MAX: usize = 16_384;

impl Active {
    /// A card is there again: what waits for it leaves.
    pub(super) fn send_waiting(&mut self, card: CardSlot, out: &mut Outbox<RpOutput>) {
        let waiting = core::mem::take(&mut self.waiting_injects);
        for (port, frame, release) in waiting {
            match port.card == card {
                true => self.inject(port, frame, release, out),
                false => self.waiting_injects.push_back((port, frame, release)),
            }
        }
    }

    /// A card does not come back.
    pub(super) fn drop_waiting(&mut self, card: CardSlot) {
        self.waiting_injects.retain(|(port, ..)| port.card != card);
    }

    pub(super) fn punt(
        &mut self,
        now: Instant,
        port: PortId,
        reason: PuntReason,
        frame: Vec<u8>,
        ticket: PuntTicket,
        out: &mut Outbox<RpOutput>,
    ) {
        match reason {
            PuntReason::Arp => self.tell_arp(now, ArpInput::Packet { port, frame }, out),
            PuntReason::Glean => self.glean(now, frame, ticket, out),
            PuntReason::Receive => {
                let own = self.clients.port_configurations.index();
                if let Some(reply) = line::host::echo_reply(&frame, |address| own.contains(address)) {
                    // An echo answer reveals nothing that the standby does not know.
                    self.inject(port, reply, Release::Now, out);
                } else if is_segment(&frame) {
                    self.segment(now, port, frame, ticket, out);
                } else {
                    self.for_commands.push(frame);
                }
            }
        }
    }

    /// A packet whose next neighbour is not resolved: the routes tell which neighbour that is.
    fn glean(&mut self, now: Instant, frame: Vec<u8>, punt: PuntTicket, out: &mut Outbox<RpOutput>) {
        let Some(packet) = line::host::ipv4_packet(&frame) else {
            return;
        };
        let Ok(header) = packet::ipv4::Packet::validate(packet) else {
            return;
        };
        if let Some((port, next_hop)) = self.clients.rib.first_path(header.destination()) {
            self.tell_arp(
                now,
                ArpInput::Glean {
                    port,
                    next_hop,
                    frame,
                    punt,
                },
                out,
            );
        }
    }

    pub(super) fn tell_arp(&mut self, now: Instant, input: ArpInput, out: &mut Outbox<RpOutput>) {
        let mut asked = Outbox::new();
        self.clients.arp.handle(now, input, &mut asked);
        self.post_arp(now, asked, out);
    }

    pub(super) fn post_arp(
        &mut self,
        now: Instant,
        mut asked: Outbox<ArpOutput>,
        out: &mut Outbox<RpOutput>,
    ) {
        for (release, output) in asked.drain() {
            match output {
                ArpOutput::Inject { port, frame } => self.inject(port, frame, release, out),
                ArpOutput::Undeliverable { packet, reason } => self.undeliverable(now, &packet, reason, out),
                ArpOutput::Kept { punt } => self.cards.punt_kept(punt),
                ArpOutput::LetGo { punt } => self.cards.punt_let_go(punt),
                ArpOutput::Log(ArpEvent::DuplicateAddress { port, address, mac }) => {
                    out.push(release, RpOutput::Log(log::duplicate_address(address, mac, port)));
                }
            }
        }
    }

    /// Tells a packet's source that it cannot be delivered, where the rules allow that.
    fn undeliverable(
        &mut self,
        now: Instant,
        packet: &[u8],
        reason: Unreachable,
        out: &mut Outbox<RpOutput>,
    ) {
        let Ok(header) = packet::ipv4::Packet::validate(packet) else {
            return;
        };
        let Some(from) = self.source_address(header.source()) else {
            return;
        };
        if icmpv4::error::may_send_error_about(packet, false).is_err() {
            return;
        }
        let mut error = vec![0; icmpv4::error::ERROR_LEN_MAX];
        self.identification = self.identification.wrapping_add(1);
        let cause = icmpv4::error::Cause::Unreachable(reason);
        if let Ok(length) = icmpv4::error::build(cause, from, self.identification, packet, &mut error) {
            error.truncate(length);
            self.originate(now, error, Release::Now, out);
        }
    }

    /// The router's own address that a packet of its own to `destination` comes from: that of the port it leaves by.
    pub fn source_address(&self, destination: Ipv4Addr) -> Option<Ipv4Addr> {
        let port = match self.clients.rib.first_path(destination) {
            Some((port, _)) => port,
            None if self.clients.port_configurations.index().contains(destination) => {
                return Some(destination);
            }
            None => return None,
        };
        self.clients
            .port_configurations
            .get(&port)?
            .ipv4
            .map(|own| own.address())
    }

    /// Sends a packet of the router itself by the routes.
    pub fn originate(&mut self, now: Instant, packet: Vec<u8>, release: Release, out: &mut Outbox<RpOutput>) {
        let Ok(header) = packet::ipv4::Packet::validate(&packet) else {
            return;
        };
        if let Some((port, next_hop)) = self.clients.rib.first_path(header.destination()) {
            self.tell_arp(
                now,
                ArpInput::Send {
                    port,
                    next_hop,
                    packet,
                    release,
                },
                out,
            );
        }
    }

    /// Sends an Ethernet frame out of a port. It waits for a card that is about to come back, as all are right after a
    /// takeover; for one that is not there it is lost, as on a port without a cable.
    pub fn inject(&mut self, port: PortId, frame: Vec<u8>, release: Release, out: &mut Outbox<RpOutput>) {
        let Some(session) = self.cards.session(port.card) else {
            if self.cards.is_awaited(port.card) && self.waiting_injects.len() < WAITING_INJECTS_MAX {
                self.waiting_injects.push_back((port, frame, release));
            }
            return;
        };
        let message = RpMessage::Inject { port, frame };
        out.push(
            release,
            RpOutput::Card {
                card: port.card,
                session,
                message,
            },
        );
    }
}
