//! The facility's event log: what `show redundancy history` prints.
//!
//! A ring of lines, each with the unit's uptime at which it happened. Lines are kept as values and become text when
//! somebody looks, so that logging during a switchover formats nothing.
//!
//! ```text
//! 00:00:24 *my state = INITIALIZATION(2) peer state = DISABLED(1)
//! 00:00:24 RF_PROG_INITIALIZATION(100) First Client(0) op=0 rc=11
//! ```

use crate::client::Client;
use crate::state::{Progression, RfEvent, RfState, Status};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use machine::Duration;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryEvent {
    /// A client registered.
    ClientAdded(Client),
    /// A state changed; a `*` marks which.
    States {
        /// This unit's state, after the change.
        mine: RfState,
        /// The peer's state, after the change.
        peer: RfState,
        /// Whether this unit's state is what changed.
        mine_changed: bool,
        /// Whether the peer's state is what changed.
        peer_changed: bool,
    },
    /// A client answered in a progression.
    Progression {
        /// The walk.
        progression: Progression,
        /// Who answered.
        client: Client,
        /// 0: own progress, 1: on behalf of the peer.
        operand: u32,
        /// 11: done, 23: answers later.
        return_code: u32,
    },
    /// A status: once for the unit, then once for each client that is told.
    Status {
        /// Which fact.
        status: Status,
        /// Who is told; `None` is the unit's own line.
        client: Option<Client>,
        /// The fact's value.
        operand: u32,
    },
    /// An event within the facility.
    Event {
        /// Which one.
        event: RfEvent,
        /// The client that it is about.
        client: Option<Client>,
        /// The event's operand.
        operand: u32,
        /// The return code, where there is one.
        return_code: Option<u32>,
    },
    /// The unit is active and its configuration is read.
    SystemInitializationComplete,
    /// A unit is reloaded, and why.
    Reload {
        /// The other unit, not this one.
        peer: bool,
        /// Why, in words.
        reason: String,
    },
    /// Why something was done that is not in the progression: a reload, a cold start instead of a promotion.
    Note(String),
}

impl fmt::Display for HistoryEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HistoryEvent::ClientAdded(client) => {
                write!(f, "client added: {client} seq={}", client.sequence)
            }
            HistoryEvent::States {
                mine,
                peer,
                mine_changed,
                peer_changed,
            } => {
                let mark = |changed: &bool| if *changed { "*" } else { "" };
                write!(
                    f,
                    "{}my state = {mine} {}peer state = {peer}",
                    mark(mine_changed),
                    mark(peer_changed)
                )
            }
            HistoryEvent::Progression {
                progression,
                client,
                operand,
                return_code,
            } => {
                write!(f, "{progression} {client} op={operand} rc={return_code}")
            }
            HistoryEvent::Status {
                status,
                client,
                operand,
            } => {
                write!(f, "{status} ")?;
                if let Some(client) = client {
                    write!(f, "{client} ")?;
                }
                write!(f, "op={operand}")
            }
            HistoryEvent::Event {
                event,
                client,
                operand,
                return_code,
            } => {
                write!(f, "{event} ")?;
                if let Some(client) = client {
                    write!(f, "{client} ")?;
                }
                write!(f, "op={operand}")?;
                return_code.map_or(Ok(()), |return_code| write!(f, " rc={return_code}"))
            }
            HistoryEvent::SystemInitializationComplete => f.write_str("System initialization complete"),
            HistoryEvent::Reload { peer: true, reason } => write!(f, "Reload of the peer: {reason}"),
            HistoryEvent::Reload { peer: false, reason } => write!(f, "Reload of this unit: {reason}"),
            HistoryEvent::Note(text) => f.write_str(text),
        }
    }
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryLine {
    /// Uptime of the unit when it happened.
    pub uptime: Duration,
    /// What happened.
    pub event: HistoryEvent,
}

impl fmt::Display for HistoryLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.uptime.as_secs();
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{hours:02}:{minutes:02}:{seconds:02} {}", self.event)
    }
}

/// The last lines of the log; the oldest makes room for the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    lines: VecDeque<HistoryLine>,
    capacity: usize,
    dropped: u64,
}

impl History {
    /// A log that holds at most `capacity` lines; 0 keeps none.
    pub fn new(capacity: usize) -> Self {
        Self {
            lines: VecDeque::new(),
            capacity,
            dropped: 0,
        }
    }

    /// Appends a line.
    pub fn add(&mut self, uptime: Duration, event: HistoryEvent) {
        if self.capacity == 0 {
            self.dropped += 1;
            return;
        }
        if self.lines.len() == self.capacity {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(HistoryLine { uptime, event });
    }

    /// The lines, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &HistoryLine> {
        self.lines.iter()
    }

    /// Lines that were added since boot: two logs of one unit with the same count are the same.
    pub fn added(&self) -> u64 {
        self.dropped + self.lines.len() as u64
    }

    /// The newest lines as text, each ended by a newline: at most `lines_max` of them and `bytes_max` bytes.
    pub fn tail(&self, lines_max: usize, bytes_max: usize) -> String {
        let mut newest_first = Vec::new();
        let mut length = 0;
        for line in self.lines.iter().rev().take(lines_max) {
            let text = format!("{line}\n");
            length += text.len();
            if length > bytes_max {
                break;
            }
            newest_first.push(text);
        }
        newest_first.into_iter().rev().collect()
    }

    /// Lines that made room for newer ones, since boot.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// `show redundancy history`: the lines as text, each ended by a newline.
    pub fn show(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{line}");
        }
        text
    }
}
