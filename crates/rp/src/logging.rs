//! Where system messages go: consoles, and the buffer of `show logging`.
//!
//! The buffer is checkpointed. What an operator wants to read after a switchover is what happened before it, and the
//! unit that knew is gone; so the successor has the lines too. A unit that is not active keeps its own few lines aside and
//! adds them when it becomes active. `show logging` sorts by time, because the lines of both units belong between each other.
//!
//! ```text
//!   Active, facility ──▶ RpOutput::Log ──┐
//!                                        ├─▶ severity? ─▶ Tracked ring (active) | aside (not active)
//!   debug lines ─────────────────────────┘           └──▶ consoles
//! ```

use crate::io::{ConsoleOutput, RpOutput};
use crate::processor::{Role, RouteProcessor};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use checkpoint::{Index, Row, TableId, Tracked};
use config::LoggingConfiguration;
use machine::{Instant, Severity};
use redundancy::SyslogTime;

/// Lines of the log buffer, by number.
pub const LOG_TABLE: TableId = TableId(32);

/// Lines that a unit keeps aside while it is not active.
const ASIDE_LINES_MAX: usize = 200;
/// Longest text of a line, bytes; what is longer is cut.
const TEXT_BYTES_MAX: usize = 1024;

/// A line of the log buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When, in milliseconds since 1970 on the clock of the unit that wrote it.
    pub unix_ms: u64,
    /// The words after the time.
    pub text: String,
}

/// Tagged form of [`LogLine`].
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct LogLineRecord {
    /// See [`LogLine::unix_ms`].
    #[prost(uint64, tag = "1")]
    pub unix_ms: u64,
    /// See [`LogLine::text`].
    #[prost(string, tag = "2")]
    pub text: String,
}

impl Row for LogLine {
    type Record = LogLineRecord;

    fn to_record(&self) -> LogLineRecord {
        let LogLine { unix_ms, text } = self.clone();
        LogLineRecord { unix_ms, text }
    }

    fn from_record(record: LogLineRecord) -> Result<Self, &'static str> {
        let LogLineRecord { unix_ms, text } = record;
        Ok(LogLine { unix_ms, text })
    }
}

/// Bytes of all lines, as the size of the buffer counts them: each with its time and an end of line.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogBytes(usize);

impl LogBytes {
    /// `*Nov 22 19:33:51.123: ` and the end of line.
    const FRAME_BYTES: usize = 23;

    fn of(line: &LogLine) -> usize {
        line.text.len() + Self::FRAME_BYTES
    }
}

impl Index<u64, LogLine> for LogBytes {
    fn inserted(&mut self, _: &u64, line: &LogLine) {
        self.0 += Self::of(line);
    }

    fn removed(&mut self, _: &u64, line: &LogLine) {
        self.0 -= Self::of(line);
    }
}

/// The log buffer (client History).
#[derive(Clone, Debug)]
pub struct LogBuffer {
    /// The lines in the order in which they were added.
    pub lines: Tracked<u64, LogLine, LogBytes>,
}

impl Default for LogBuffer {
    fn default() -> Self {
        Self {
            lines: Tracked::new(LOG_TABLE),
        }
    }
}

impl LogBuffer {
    /// Adds a line; the oldest go when all together are larger than `bytes_max`. Returns how many went.
    pub fn add(&mut self, line: LogLine, bytes_max: usize) -> u64 {
        let number = self
            .lines
            .iter()
            .next_back()
            .map_or(0, |(number, _)| number.wrapping_add(1));
        self.lines.insert(number, line);
        self.cut(bytes_max)
    }

    /// Drops the oldest lines until the rest is no larger than `bytes_max`. Returns how many went.
    pub fn cut(&mut self, bytes_max: usize) -> u64 {
        let mut gone = 0;
        while self.lines.index().0 > bytes_max {
            let Some(oldest) = self.lines.iter().next().map(|(number, _)| *number) else {
                break;
            };
            self.lines.remove(&oldest);
            gone += 1;
        }
        gone
    }

    /// The lines by their time; lines of one moment in the order in which they were added.
    pub fn by_time(&self) -> Vec<&LogLine> {
        let mut lines: Vec<&LogLine> = self.lines.iter().map(|(_, line)| line).collect();
        lines.sort_by_key(|line| line.unix_ms);
        lines
    }
}

/// What this unit has logged, for `show logging`. Lost at a switchover.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logger {
    /// Lines from before this unit became active.
    aside: VecDeque<LogLine>,
    dropped: u64,
    flushes: u64,
    overruns: u64,
    to_console: u64,
    to_monitor: u64,
    to_buffer: u64,
}

impl RouteProcessor {
    fn logging(&self) -> LoggingConfiguration {
        match &self.role {
            Role::Active(active) => active.clients.configuration.tree().logging(),
            Role::Standby(standby) => standby.clients().configuration.tree().logging(),
            Role::Undecided | Role::Halted => LoggingConfiguration::default(),
        }
    }

    /// A system message: it goes where the configuration says when the turn's outputs leave.
    pub(crate) fn log(&mut self, message: redundancy::Syslog) {
        self.turn.now(RpOutput::Log(message));
    }

    /// Sends the turn's messages to the buffer and to the consoles.
    pub(crate) fn log_turn(&mut self, now: Instant) {
        if !self.turn.iter().any(|output| matches!(output, RpOutput::Log(_))) {
            return;
        }
        let messages: Vec<(Severity, String)> = self
            .turn
            .iter()
            .filter_map(|output| match output {
                RpOutput::Log(message) => Some((message.severity(), message.to_string())),
                _ => None,
            })
            .collect();
        for (severity, text) in messages {
            self.log_text(now, severity, text);
        }
    }

    /// Writes one line where the configuration wants lines of this severity.
    pub(crate) fn log_text(&mut self, now: Instant, severity: Severity, mut text: String) {
        if text.len() > TEXT_BYTES_MAX {
            text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        }
        let logging = self.logging();
        let unix_ms = self.unix_ms(now);
        let shown = format!("{}{text}", SyslogTime { unix_ms });
        let wanted = |level: Option<Severity>| level.is_some_and(|level| severity <= level);
        let (console, monitor) = (wanted(logging.console), wanted(logging.monitor));
        self.logger.to_console += u64::from(console);
        if console || monitor {
            let monitored = self.consoles.log(&shown, console, &mut self.turn);
            self.logger.to_monitor += u64::from(monitor && monitored);
        }
        let Some(buffer) = logging.buffer.filter(|buffer| severity <= buffer.severity) else {
            return;
        };
        self.logger.to_buffer += 1;
        let line = LogLine { unix_ms, text };
        if let Role::Active(active) = &mut self.role {
            self.logger.overruns += active.clients.log.add(line, buffer.bytes as usize);
            return;
        }
        if self.logger.aside.len() == ASIDE_LINES_MAX {
            self.logger.aside.pop_front();
            self.logger.dropped += 1;
        }
        self.logger.aside.push_back(line);
    }

    /// This unit has become active: its lines from before go to the buffer.
    pub(crate) fn log_becomes_shared(&mut self) {
        let bytes_max = self.log_bytes_max();
        let Role::Active(active) = &mut self.role else {
            return;
        };
        for line in self.logger.aside.drain(..) {
            self.logger.overruns += active.clients.log.add(line, bytes_max);
        }
    }

    fn log_bytes_max(&self) -> usize {
        self.logging().buffer.map_or(0, |buffer| buffer.bytes as usize)
    }

    /// The configuration of the buffer may have changed.
    pub(crate) fn reconcile_log(&mut self) {
        let bytes_max = self.log_bytes_max();
        if let Role::Active(active) = &mut self.role {
            self.logger.overruns += active.clients.log.cut(bytes_max);
        }
    }

    /// `clear logging`
    pub(crate) fn clear_logging(&mut self) {
        if let Role::Active(active) = &mut self.role {
            active.clients.log.cut(0);
            self.logger.flushes += 1;
        }
    }

    /// `show logging`
    pub(crate) fn show_logging(&self) -> Vec<String> {
        let Role::Active(active) = &self.role else {
            return Vec::new();
        };
        let logging = self.logging();
        let Logger {
            aside: _,
            dropped,
            flushes,
            overruns,
            to_console,
            to_monitor,
            to_buffer,
        } = self.logger;
        let mut lines = Vec::from([
            format!(
                "Syslog logging: enabled ({dropped} messages dropped, 0 messages rate-limited, {flushes} flushes, \
                 {overruns} overruns, xml disabled, filtering disabled)"
            ),
            String::new(),
            String::from("No Active Message Discriminator."),
            String::new(),
            String::from("No Inactive Message Discriminator."),
            String::new(),
        ]);
        let mut destination = |label: &str, level: Option<Severity>, count: u64, indent: &str| match level {
            Some(level) => lines.extend([
                format!("    {label} level {level}, {count} messages logged, xml disabled,"),
                format!("{indent}filtering disabled"),
            ]),
            None => lines.push(format!("    {} disabled", label.trim_end())),
        };
        let indent = " ".repeat(21);
        destination("Console logging:", logging.console, to_console, &indent);
        destination("Monitor logging:", logging.monitor, to_monitor, &indent);
        let level = logging.buffer.map(|buffer| buffer.severity);
        destination("Buffer logging: ", level, to_buffer, &indent[1..]);
        let Some(buffer) = logging.buffer else {
            return lines;
        };
        lines.extend([
            String::new(),
            format!("Log Buffer ({} bytes):", buffer.bytes),
            String::new(),
        ]);
        lines.extend(active.clients.log.by_time().into_iter().map(|line| {
            let unix_ms = line.unix_ms;
            format!("{}{}", SyslogTime { unix_ms }, line.text)
        }));
        lines
    }
}

impl crate::console::Consoles {
    /// Shows a line on every console, or on those with `terminal monitor` only. Returns whether one of those was told.
    pub(crate) fn log(&mut self, text: &str, everywhere: bool, out: &mut machine::Outbox<RpOutput>) -> bool {
        let mut monitored = false;
        for (id, console) in &mut self.sessions {
            if !everywhere && !console.monitor {
                continue;
            }
            monitored |= console.monitor;
            let mut events = Vec::new();
            console.session.log(text, &mut events);
            for event in events {
                if let management::SessionEvent::Write(bytes) = event {
                    let output = ConsoleOutput::Data(bytes);
                    out.after_sync(RpOutput::Console { session: *id, output });
                }
            }
        }
        monitored
    }
}
