//! Punts while there is no route processor to take them.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use chassis::message::PuntReason;
use machine::PortId;

/// A packet that waits for a route processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BufferedPunt {
    /// The port that it came in by.
    pub port: PortId,
    /// Why it is for the RP.
    pub reason: PuntReason,
    /// The Ethernet frame.
    pub frame: Vec<u8>,
}

/// A buffer of punts, bounded in packets and in bytes. When it is full the oldest go, because the newest are what
/// somebody still waits for.
#[derive(Clone, Debug)]
pub struct PuntBuffer {
    punts: VecDeque<BufferedPunt>,
    bytes: usize,
    packets_max: usize,
    bytes_max: usize,
    lost: u64,
}

impl PuntBuffer {
    /// A buffer for at most `packets_max` packets of together at most `bytes_max` bytes.
    pub fn new(packets_max: usize, bytes_max: usize) -> Self {
        Self {
            punts: VecDeque::new(),
            bytes: 0,
            packets_max,
            bytes_max,
            lost: 0,
        }
    }

    /// Keeps a copy of a packet.
    pub fn push(&mut self, port: PortId, reason: PuntReason, frame: &[u8]) {
        if frame.len() > self.bytes_max || self.packets_max == 0 {
            self.lost += 1;
            return;
        }
        while self.punts.len() >= self.packets_max || self.bytes + frame.len() > self.bytes_max {
            self.pop();
            self.lost += 1;
        }
        self.bytes += frame.len();
        self.punts.push_back(BufferedPunt {
            port,
            reason,
            frame: frame.to_vec(),
        });
    }

    /// Takes the oldest packet.
    pub fn pop(&mut self) -> Option<BufferedPunt> {
        let punt = self.punts.pop_front()?;
        self.bytes -= punt.frame.len();
        Some(punt)
    }

    /// Packets held.
    pub fn len(&self) -> usize {
        self.punts.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.punts.is_empty()
    }

    /// Packets that had to go since the card started.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}
