//! The redundancy facility's log over the end of a life: kept in NVRAM, and shown by the next one.
//!
//! Lines stay values until they are kept (see [`redundancy::history`]), and that is done a while after they came, so
//! that a switchover neither formats its log nor waits for a disk. What a unit writes when it is told to reload it
//! keeps at once; whoever is killed loses the lines of the last second.

use crate::io::RpOutput;
use crate::processor::RouteProcessor;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use machine::{Deadline, Duration, Instant};
use redundancy::{History, HistoryEvent, UtcTime};

/// How long lines wait to be kept.
const DELAY: Duration = Duration::from_secs(1);
/// Lines that are kept at most.
const LINES_MAX: usize = 500;
/// Bytes that are kept, and read back, at most.
pub const KEPT_HISTORY_BYTES_MAX: usize = 64 * 1024;

/// What was kept of the present life's log.
#[derive(Debug, Default)]
pub(crate) struct HistoryKeeper {
    kept: u64,
    due: Option<Instant>,
}

impl HistoryKeeper {
    /// Looks whether there are lines that are not kept yet.
    pub(crate) fn note(&mut self, now: Instant, history: &History) {
        if history.added() != self.kept && self.due.is_none() {
            self.due = Some(now + DELAY);
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Deadline> {
        self.due.map(|at| (at, "redundancy history is kept"))
    }
}

impl RouteProcessor {
    pub(crate) fn expire_history(&mut self, now: Instant) {
        if self.history_keeper.due.is_some_and(|due| due <= now) {
            self.keep_history();
        }
    }

    /// Keeps the log as it is now.
    pub(crate) fn keep_history(&mut self) {
        let history = self.facility.history();
        self.history_keeper.due = None;
        if history.added() != self.history_keeper.kept {
            self.history_keeper.kept = history.added();
            let text = history.tail(LINES_MAX, KEPT_HISTORY_BYTES_MAX);
            self.turn.now(RpOutput::KeepHistory(text));
        }
    }

    /// `show redundancy history reload`: the log up to this unit's last start, why that was, and the reloads of either
    /// unit since then.
    pub(crate) fn show_history_reload(&self) -> Vec<String> {
        let platform = &self.config.platform;
        let mut lines = Vec::new();
        if !platform.kept_history.is_empty() {
            let at = match platform.ended_at_unix_s {
                0 => String::new(),
                unix_s => format!(" at {}", UtcTime(unix_s)),
            };
            let reason = platform.start_reason.returned_by();
            lines.push(format!(
                "Redundancy Facility Event Log before the last start, by {reason}{at}:"
            ));
            lines.extend(platform.kept_history.lines().map(String::from));
        }
        let reload = |event: &HistoryEvent| matches!(event, HistoryEvent::Reload { .. });
        let since: Vec<String> = self
            .facility
            .history()
            .iter()
            .filter(|line| reload(&line.event))
            .map(|line| format!("{line}"))
            .collect();
        if !since.is_empty() && !lines.is_empty() {
            lines.push(String::from("Reloads since then:"));
        }
        lines.extend(since);
        lines
    }
}
