//! Watching the facility at work: what `debug redundancy` tells, and the counters of `show redundancy counters`.
//!
//! Nothing of it decides anything. While nothing is watched, a message or a timer costs one look at the mask.

use crate::facility::{Handover, RedundancyFacility};
use crate::history::HistoryEvent;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use machine::Duration;

/// Lines that `show redundancy debug-log` keeps.
pub const DEBUG_LINES_MAX: usize = 500;

/// What can be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DebugTopic {
    /// What operators ask for.
    Ui = 1,
    /// Progressions, timers and keepalives.
    Clk = 2,
    /// Messages between the two units.
    Hub = 4,
}

impl DebugTopic {
    /// All of them.
    pub const ALL: [DebugTopic; 3] = [DebugTopic::Ui, DebugTopic::Clk, DebugTopic::Hub];

    /// The bit in the RF debug mask.
    pub const fn bit(self) -> u32 {
        self as u32
    }

    /// The keyword of the command.
    pub const fn keyword(self) -> &'static str {
        match self {
            DebugTopic::Ui => "ui",
            DebugTopic::Clk => "clk",
            DebugTopic::Hub => "hub",
        }
    }
}

/// What the facility has counted since this unit started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RfCounters {
    /// The link to the peer came up.
    pub link_up: u64,
    /// The link to the peer went down.
    pub link_down: u64,
    /// Clients that did not answer within the notification timer.
    pub client_not_receiving: u64,
    /// Messages of the peer for somebody else: of a life that was declared dead, or with this unit's own slot.
    pub routing_errors: u64,
    /// Messages of the peer that could not be read.
    pub errored: u64,
    /// Messages sent.
    pub sent: u64,
    /// Messages received.
    pub received: u64,
    /// Clients that were registered twice.
    pub duplicate_registers: u64,
    /// Clients that could not be registered.
    pub failed_registers: u64,
    /// Answers of clients that nobody had asked for.
    pub invalid_answers: u64,
}

/// Counters and the ring of debug lines.
#[derive(Clone, Default)]
pub(crate) struct Watch {
    pub(crate) counters: RfCounters,
    mask: u32,
    lines: VecDeque<String>,
    /// Lines at the end of the ring that nobody has taken yet.
    fresh: usize,
}

impl fmt::Debug for Watch {
    /// Two facilities that differ only in what was watched are in the same state.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

impl Watch {
    /// Whether somebody wants to know.
    pub(crate) fn wants(&self, topic: DebugTopic) -> bool {
        self.mask & topic.bit() != 0
    }

    pub(crate) fn tell(&mut self, uptime: Duration, topic: DebugTopic, words: fmt::Arguments<'_>) {
        if !self.wants(topic) {
            return;
        }
        if self.lines.len() == DEBUG_LINES_MAX {
            self.lines.pop_front();
        }
        let time = Clock(uptime);
        self.lines
            .push_back(format!("{time} RF {}: {words}", topic.keyword()));
        self.fresh = (self.fresh + 1).min(DEBUG_LINES_MAX);
    }

    pub(crate) fn tell_history(&mut self, uptime: Duration, event: &HistoryEvent) {
        self.tell(uptime, DebugTopic::Clk, format_args!("{event}"));
    }
}

/// `hh:mm:ss` since the unit started.
struct Clock(Duration);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        write!(
            f,
            "{:02}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )
    }
}

impl RedundancyFacility {
    /// Switches `debug` on or off for one topic.
    pub fn set_debug(&mut self, topic: DebugTopic, on: bool) {
        let watch = self.watch_mut();
        if on {
            watch.mask |= topic.bit();
        } else {
            watch.mask &= !topic.bit();
        }
    }

    /// The RF debug mask: the bits of the topics that are on.
    pub fn debug_mask(&self) -> u32 {
        self.watch().mask
    }

    /// Debug lines since the last call, without the time before them; the oldest are missing when there were more than
    /// [`DEBUG_LINES_MAX`].
    pub fn take_debug_lines(&mut self) -> Vec<String> {
        let watch = self.watch_mut();
        let known = watch.lines.len() - watch.fresh;
        watch.fresh = 0;
        watch
            .lines
            .iter()
            .skip(known)
            .map(|line| String::from(line.split_once(' ').map_or(line.as_str(), |(_, words)| words)))
            .collect()
    }

    /// The counters.
    pub fn counters(&self) -> RfCounters {
        self.watch().counters
    }

    /// The peer sent bytes that are no message.
    pub fn count_errored_message(&mut self) {
        self.watch_mut().counters.errored += 1;
    }
}

/// `show redundancy counters`: only what this facility counts. The original's buffers and empty messages do not exist here.
pub fn show_counters(facility: &RedundancyFacility) -> String {
    let counters = facility.counters();
    let groups: [&[(&str, u64)]; 5] = [
        &[
            ("comm link up", counters.link_up),
            ("comm link down", counters.link_down),
        ],
        &[
            ("client not rxing msgs", counters.client_not_receiving),
            ("rx peer msg routing errors", counters.routing_errors),
            ("errored peer msg rx", counters.errored),
        ],
        &[("messages tx", counters.sent), ("messages rx", counters.received)],
        &[
            ("duplicate client registers", counters.duplicate_registers),
            ("failed to register client", counters.failed_registers),
        ],
        &[("Invalid client syncs", counters.invalid_answers)],
    ];
    let mut text = String::from("Redundancy Facility OMs\n");
    for (number, group) in groups.iter().enumerate() {
        if number > 0 {
            text.push('\n');
        }
        for (label, count) in *group {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{label:>27} = {count}");
        }
    }
    text
}

/// `show redundancy debug-log`: the last lines of `debug redundancy`, oldest first.
pub fn show_debug_log(facility: &RedundancyFacility) -> String {
    facility
        .watch()
        .lines
        .iter()
        .flat_map(|line| [line.as_str(), "\n"])
        .collect()
}

/// `show redundancy handover`.
pub fn show_handover(facility: &RedundancyFacility) -> String {
    let pending = match facility.handover() {
        Handover::None => "No handover currently pending",
        Handover::Draining => "Handover pending: the standby acknowledges what there is",
        Handover::Requested => "Handover pending: the standby was asked to take over",
        Handover::Resuming => "Handover pending: it came to nothing, this unit takes the activity back",
    };
    format!("No busyout period specified\n{pending}\n")
}

/// `show redundancy inter-device`: redundancy with another chassis, which does not exist here.
pub fn show_inter_device() -> String {
    String::from(
        "Redundancy inter-device state: RF_INTERDEV_STATE_INIT\n  Scheme: <NOT CONFIGURED>\n  \
         Peer present: UNKNOWN\n  Security: Not configured\n",
    )
}

/// `show debugging`: nothing while all is off.
pub fn show_debugging(facility: &RedundancyFacility) -> String {
    let mut text = String::new();
    for topic in DebugTopic::ALL {
        if facility.watch().wants(topic) {
            if text.is_empty() {
                text.push_str("Redundancy:\n");
            }
            let _ = writeln!(text, "  Redundancy {} debugging is on", topic.keyword());
        }
    }
    text
}
