//! `show redundancy idb-sync-history`: when interfaces were made, given to the standby, and checked against their cards.
//!
//! An interface has one index on both route processors and on its card, which follows from its place alone. So there is
//! nothing to negotiate; what can go wrong, and is told here, is that a card disagrees with what was checkpointed.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use config::InterfaceName;
use core::fmt;
use machine::{Instant, PortId};

/// Lines that are kept.
const LINES_MAX: usize = 512;

/// What happened to an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdbEvent {
    /// A card told of it for the first time.
    Create,
    /// The standby, which is in step, gets it.
    Sync,
    /// A card told of it again; it is as it was checkpointed.
    Verified,
    /// A card told of it again; its link is not as it was checkpointed.
    Differs,
}

impl fmt::Display for IdbEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            IdbEvent::Create => "create",
            IdbEvent::Sync => "sync",
            IdbEvent::Verified => "verify ok",
            IdbEvent::Differs => "verify failed, the card is right",
        })
    }
}

/// Index of an interface, from 1: its place in the chassis.
pub const fn interface_index(port: PortId) -> u32 {
    port.card.0 as u32 * 256 + port.port as u32 + 1
}

/// The last events. Each route processor has its own; a new active starts with what it verifies.
#[derive(Clone, Debug, Default)]
pub struct IdbHistory {
    lines: VecDeque<(Instant, PortId, IdbEvent)>,
}

impl IdbHistory {
    /// Adds an event; the oldest makes room.
    pub fn add(&mut self, now: Instant, port: PortId, event: IdbEvent) {
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back((now, port, event));
    }

    /// The lines, oldest first.
    pub fn show(&self) -> Vec<String> {
        let line = |(at, port, event): &(Instant, PortId, IdbEvent)| {
            let seconds = at.as_nanos() / 1_000_000_000;
            let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            format!(
                "{hours:02}:{minutes:02}:{seconds:02} {} index={} {event}",
                InterfaceName(*port),
                interface_index(*port)
            )
        };
        self.lines.iter().map(line).collect()
    }
}
