//! Where a card's frames and messages go.

use alloc::vec::Vec;
use core::fmt;

use chassis::message::PuntReason;
use chassis::{CardMessage, LinkId};
use checkpoint::RecordError;
use machine::{Epoch, Outbox, PortId};

use crate::fib::GroupsExhausted;
use crate::punt::Overcounted;

/// Whether a frame found room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a frame without room is to be counted"]
pub enum Taken {
    /// It will be sent.
    Queued,
    /// The queue was full; the frame is gone.
    Full,
}

/// What takes a card's outputs. A frame is lent for the call only: who needs it longer copies it.
pub trait Sink {
    /// Sends a frame out of one of the card's own ports.
    fn transmit(&mut self, port: PortId, frame: &[u8]) -> Taken;
    /// Hands a finished frame to the card that carries `port`. Never waits.
    fn fabric(&mut self, port: PortId, frame: &[u8]) -> Taken;
    /// Hands a packet to the route processor behind `link`.
    fn punt(&mut self, link: LinkId, port: PortId, reason: PuntReason, frame: &[u8]) -> Taken;
    /// Sends a message to the route processor behind `link`.
    fn send(&mut self, link: LinkId, message: CardMessage);
    /// Closes a link; what was not read from it yet is dropped.
    fn close(&mut self, link: LinkId, reason: CloseReason);
}

/// Why a card closes a link to a route processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Another link claimed in this epoch.
    Displaced(Epoch),
    /// A message came before the claim.
    ClaimMissing,
    /// A refresh ended that never began.
    RefreshMissing,
    /// Rows could not be read; none of that message was applied.
    Rows(RecordError),
    /// The FIB has no numbers left for another next-hop group.
    Groups(GroupsExhausted),
    /// More punts were reported as consumed than there were.
    Punts(Overcounted),
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseReason::Displaced(epoch) => write!(f, "displaced by epoch {epoch}"),
            CloseReason::ClaimMissing => f.write_str("a message came before the claim"),
            CloseReason::RefreshMissing => f.write_str("a refresh ended that never began"),
            CloseReason::Rows(error) => error.fmt(f),
            CloseReason::Groups(error) => error.fmt(f),
            CloseReason::Punts(error) => error.fmt(f),
        }
    }
}

/// What a card asks for, as values: for recording, and for drivers that are not in a hurry.
#[derive(Clone, Debug, PartialEq)]
pub enum CardOutput {
    /// See [`Sink::transmit`].
    Transmit {
        /// The card's own port.
        port: PortId,
        /// The frame.
        frame: Vec<u8>,
    },
    /// See [`Sink::fabric`].
    Fabric {
        /// The port to leave the chassis by, on another card.
        port: PortId,
        /// The frame.
        frame: Vec<u8>,
    },
    /// See [`Sink::send`] and [`Sink::punt`].
    Send {
        /// The link.
        link: LinkId,
        /// The message.
        message: CardMessage,
    },
    /// See [`Sink::close`].
    Close {
        /// The link.
        link: LinkId,
        /// Why.
        reason: CloseReason,
    },
}

/// An outbox takes everything, at once: nothing that a card sends waits for a standby.
impl Sink for Outbox<CardOutput> {
    fn transmit(&mut self, port: PortId, frame: &[u8]) -> Taken {
        self.now(CardOutput::Transmit {
            port,
            frame: frame.to_vec(),
        });
        Taken::Queued
    }

    fn fabric(&mut self, port: PortId, frame: &[u8]) -> Taken {
        self.now(CardOutput::Fabric {
            port,
            frame: frame.to_vec(),
        });
        Taken::Queued
    }

    fn punt(&mut self, link: LinkId, port: PortId, reason: PuntReason, frame: &[u8]) -> Taken {
        let message = CardMessage::Punt {
            port,
            reason,
            frame: frame.to_vec(),
        };
        self.now(CardOutput::Send { link, message });
        Taken::Queued
    }

    fn send(&mut self, link: LinkId, message: CardMessage) {
        self.now(CardOutput::Send { link, message });
    }

    fn close(&mut self, link: LinkId, reason: CloseReason) {
        self.now(CardOutput::Close { link, reason });
    }
}
