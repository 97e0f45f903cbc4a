//! Where system messages go: the `logging` commands and what they set.
//!
//! ```text
//! logging buffered [<4096-1048576>] [severity]      no logging buffered
//! logging console [severity]                        no logging console
//! logging monitor [severity]                        no logging monitor
//! ```

use alloc::vec;
use alloc::vec::Vec;

use machine::Severity;

use crate::command::ConfigCommand;
use crate::grammar::Matched;
use crate::table::CommandId;
use crate::token::{Slot, Value};

/// Least and greatest size of the log buffer, bytes.
pub const LOG_BUFFER_RANGE: (u32, u32) = (4096, 1_048_576);
/// Size of a log buffer without one configured, bytes: some six hundred messages.
pub const LOG_BUFFER_DEFAULT_BYTES: u32 = 65_536;

/// A `logging` command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggingCommand {
    /// `logging buffered [SIZE] [SEVERITY]`; what is left out has its default.
    Buffered {
        /// Size of the buffer, bytes, within [`LOG_BUFFER_RANGE`].
        bytes: Option<u32>,
        /// Messages of this severity and of more urgent ones.
        severity: Option<Severity>,
    },
    /// `no logging buffered`
    NoBuffered,
    /// `logging console [SEVERITY]`
    Console(Option<Severity>),
    /// `no logging console`
    NoConsole,
    /// `logging monitor [SEVERITY]`
    Monitor(Option<Severity>),
    /// `no logging monitor`
    NoMonitor,
}

/// The buffer as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogBufferConfiguration {
    /// Its size, bytes.
    pub bytes: u32,
    /// Messages of this severity and of more urgent ones are kept.
    pub severity: Severity,
}

/// Where system messages go. `None`: not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggingConfiguration {
    /// The buffer of `show logging`.
    pub buffer: Option<LogBufferConfiguration>,
    /// Every console.
    pub console: Option<Severity>,
    /// Consoles with `terminal monitor`.
    pub monitor: Option<Severity>,
}

/// Output of `debug` has the severity debugging, which consoles get only once they ask for it with `terminal monitor`.
const CONSOLE_DEFAULT: Severity = Severity::Informational;

impl Default for LoggingConfiguration {
    fn default() -> Self {
        let severity = Severity::Debugging;
        Self {
            buffer: Some(LogBufferConfiguration {
                bytes: LOG_BUFFER_DEFAULT_BYTES,
                severity,
            }),
            console: Some(CONSOLE_DEFAULT),
            monitor: Some(severity),
        }
    }
}

impl LoggingConfiguration {
    /// What it is after `command`.
    #[must_use]
    pub fn with(self, command: LoggingCommand) -> Self {
        match command {
            LoggingCommand::Buffered { bytes, severity } => Self {
                buffer: Some(LogBufferConfiguration {
                    bytes: bytes.unwrap_or(LOG_BUFFER_DEFAULT_BYTES),
                    severity: severity.unwrap_or(Severity::Debugging),
                }),
                ..self
            },
            LoggingCommand::NoBuffered => Self { buffer: None, ..self },
            LoggingCommand::Console(severity) => Self {
                console: Some(severity.unwrap_or(CONSOLE_DEFAULT)),
                ..self
            },
            LoggingCommand::NoConsole => Self {
                console: None,
                ..self
            },
            LoggingCommand::Monitor(severity) => Self {
                monitor: Some(severity.unwrap_or(Severity::Debugging)),
                ..self
            },
            LoggingCommand::NoMonitor => Self {
                monitor: None,
                ..self
            },
        }
    }

    /// The commands that make this of the default.
    pub(crate) fn commands(self) -> Vec<ConfigCommand> {
        let default = Self::default();
        let mut commands = Vec::new();
        if self.buffer != default.buffer {
            commands.push(self.buffer.map_or(LoggingCommand::NoBuffered, |buffer| {
                LoggingCommand::Buffered {
                    bytes: Some(buffer.bytes),
                    severity: Some(buffer.severity),
                }
            }));
        }
        if self.console != default.console {
            let on = |severity| LoggingCommand::Console(Some(severity));
            commands.push(self.console.map_or(LoggingCommand::NoConsole, on));
        }
        if self.monitor != default.monitor {
            let on = |severity| LoggingCommand::Monitor(Some(severity));
            commands.push(self.monitor.map_or(LoggingCommand::NoMonitor, on));
        }
        commands.into_iter().map(ConfigCommand::Logging).collect()
    }
}

/// The command that a matched row means.
pub(crate) fn command(matched: &Matched) -> Option<LoggingCommand> {
    let severity = matched.severity();
    Some(match (matched.id, matched.negated) {
        (CommandId::LoggingBuffered, false) => LoggingCommand::Buffered {
            bytes: matched.number(Slot::Size),
            severity,
        },
        (CommandId::LoggingBuffered, true) => LoggingCommand::NoBuffered,
        (CommandId::LoggingConsole, false) => LoggingCommand::Console(severity),
        (CommandId::LoggingConsole, true) => LoggingCommand::NoConsole,
        (CommandId::LoggingMonitor, false) => LoggingCommand::Monitor(severity),
        (CommandId::LoggingMonitor, true) => LoggingCommand::NoMonitor,
        _ => return None,
    })
}

/// The row's view of a command.
pub(crate) fn matched(command: LoggingCommand) -> Matched {
    let level = |severity: Option<Severity>| {
        severity
            .map(|severity| (Slot::Severity, Value::Severity(severity)))
            .into_iter()
            .collect()
    };
    let (id, negated, values) = match command {
        LoggingCommand::Buffered { bytes, severity } => {
            let mut values: Vec<_> = level(severity);
            values.extend(bytes.map(|bytes| (Slot::Size, Value::Number(bytes))));
            (CommandId::LoggingBuffered, false, values)
        }
        LoggingCommand::NoBuffered => (CommandId::LoggingBuffered, true, vec![]),
        LoggingCommand::Console(severity) => (CommandId::LoggingConsole, false, level(severity)),
        LoggingCommand::NoConsole => (CommandId::LoggingConsole, true, vec![]),
        LoggingCommand::Monitor(severity) => (CommandId::LoggingMonitor, false, level(severity)),
        LoggingCommand::NoMonitor => (CommandId::LoggingMonitor, true, vec![]),
    };
    Matched { id, negated, values }
}

#[cfg(test)]
mod tests {
    use crate::{Command, ConfigurationTree, Grammar, Mode};
    use alloc::string::String;
    use alloc::vec::Vec;

    fn lines_after(commands: &[&str]) -> Vec<String> {
        let mut tree = ConfigurationTree::new();
        for line in commands {
            let Ok(Command::Configure(command)) = Grammar::standard().parse(&Mode::Global, line) else {
                panic!("{line} is a configuration command");
            };
            tree.apply(&command).unwrap();
        }
        tree.lines()
            .into_iter()
            .map(|line| line.text)
            .filter(|text| text.contains("logging"))
            .collect()
    }

    #[test]
    fn logging_commands_show_in_the_configuration_unless_they_are_the_default() {
        let table: &[(&[&str], &[&str])] = &[
            (&[], &[]),
            (&["logging buffered 8192"], &["logging buffered 8192 debugging"]),
            (
                &["logging buffered warnings"],
                &["logging buffered 65536 warnings"],
            ),
            (&["logging buffered 5"], &["logging buffered 65536 notifications"]),
            (
                &["logging buffered 8192 0"],
                &["logging buffered 8192 emergencies"],
            ),
            (&["logging buffered 8192", "logging buffered"], &[]),
            (&["no logging buffered"], &["no logging buffered"]),
            (&["no logging buffered", "logging buffered"], &[]),
            (&["logging console warn"], &["logging console warnings"]),
            (&["no logging console"], &["no logging console"]),
            (&["no logging console", "logging console"], &[]),
            (&["logging monitor 3"], &["logging monitor errors"]),
            (&["no logging monitor 3"], &["no logging monitor"]),
        ];
        for (commands, expected) in table {
            assert_eq!(lines_after(commands), *expected, "{commands:?}");
        }
    }

    #[test]
    fn a_severity_is_a_digit_or_a_word_that_is_unique() {
        for line in ["logging console 8", "logging console e", "logging buffered 4095"] {
            assert!(Grammar::standard().parse(&Mode::Global, line).is_err(), "{line}");
        }
    }
}
