//! The card as a [`Machine`]: inputs and outputs as values, for recording, replay and the simulator.
//!
//! A driver in a hurry calls the methods of [`LineCard`] with a sink of its own; this is the same card.

use alloc::vec::Vec;

use chassis::{LinkId, RpMessage};
use machine::{CardSlot, Deadline, Instant, Machine, Outbox, PortId};

use super::LineCard;
use crate::sink::CardOutput;

/// What can happen to a card.
#[derive(Clone, Debug, PartialEq)]
pub enum CardInput {
    /// A frame came in by an own port.
    Frame {
        /// The port.
        port: PortId,
        /// The frame, without checksum trailer.
        frame: Vec<u8>,
    },
    /// A finished frame came over the fabric.
    Fabric {
        /// The own port to leave by.
        port: PortId,
        /// The frame.
        frame: Vec<u8>,
    },
    /// A message came from a route processor.
    Rp {
        /// The link that it came by.
        link: LinkId,
        /// The message.
        message: RpMessage,
    },
    /// A link to a route processor is gone.
    RpLost {
        /// That link.
        link: LinkId,
    },
    /// An own port's wire was connected or disconnected.
    PortLink {
        /// The port.
        port: PortId,
        /// Whether it is connected now.
        up: bool,
    },
    /// Another card can be reached over the fabric, or no longer.
    FabricPeer {
        /// That card.
        card: CardSlot,
        /// Whether it can be reached now.
        up: bool,
    },
}

impl Machine for LineCard {
    type Input = CardInput;
    type Output = CardOutput;

    fn handle(&mut self, now: Instant, input: CardInput, out: &mut Outbox<CardOutput>) {
        match input {
            CardInput::Frame { port, mut frame } => self.receive(now, port, &mut frame, out),
            CardInput::Fabric { port, frame } => self.receive_fabric(port, &frame, out),
            CardInput::Rp { link, message } => self.rp_message(now, link, message, out),
            CardInput::RpLost { link } => self.rp_lost(link),
            CardInput::PortLink { port, up } => self.port_link(port, up, out),
            CardInput::FabricPeer { card, up } => self.fabric_peer(card, up, out),
        }
    }

    fn expire(&mut self, now: Instant, out: &mut Outbox<CardOutput>) {
        LineCard::expire(self, now, out);
    }

    fn next_deadline(&self) -> Option<Deadline> {
        LineCard::next_deadline(self)
    }
}
