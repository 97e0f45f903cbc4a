//! Commands that did not come to the same result on the standby: the lists, and what follows from them.
//!
//! ```text
//!   standby reports ─▶ listed ─▶ MCL, all of it ignored ............ accepted
//!                             ├▶ MCL ............................... RPR, until the list is empty or ignored
//!                             ├▶ BEM, PRC, policy says reload ...... standby reloads; after the third bulk in a row: RPR
//!                             └▶ BEM, PRC, policy says otherwise ... accepted
//! ```
//!
//! Until its report is accepted the standby acknowledges nothing, so nobody is told that a command is done that is not
//! done alike on both.

use super::log;
use super::message::{Body, FailedCommand, Failures};
use crate::configuration::line_of;
use crate::processor::{Role, RouteProcessor};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use config::bgp::without_secrets;
use config::{ConfigSyncPolicy, FailureClass, MismatchedCommands, PolicyClass, SyncPhase};
use machine::{Duration, Instant};
use redundancy::{ConfigSyncVerdict, Input as RfInput};

/// Entries in each list.
const ENTRIES_MAX: usize = 256;
/// Bulks in a row that may reload the standby.
const BULK_RELOADS_MAX: u32 = 3;

/// A command of a list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Time since this route processor started.
    pub(crate) uptime: Duration,
    pub(crate) phase: SyncPhase,
    pub(crate) command: FailedCommand,
}

/// The lists of this active's standby.
#[derive(Clone, Debug, Default)]
pub(crate) struct FailureLists {
    entries: Vec<Entry>,
    bulk_reloads: u32,
}

impl FailureLists {
    /// The entries of one class, oldest first.
    pub(crate) fn of(&self, class: FailureClass) -> impl Iterator<Item = &Entry> {
        let wanted = move |entry: &&Entry| entry.command.failure_class() == Some(class);
        self.entries.iter().filter(wanted)
    }

    /// A bulk begins: what the last one had found is of the past.
    pub(crate) fn bulk_begins(&mut self) {
        self.entries.retain(|entry| entry.phase != SyncPhase::Bulk);
    }

    /// The standby is in step with all that was configured.
    pub(crate) fn bulk_succeeded(&mut self) {
        self.bulk_reloads = 0;
    }

    fn add(&mut self, entry: Entry) {
        let class = entry.command.class;
        if self
            .entries
            .iter()
            .filter(|other| other.command.class == class)
            .count()
            >= ENTRIES_MAX
            && let Some(oldest) = self.entries.iter().position(|other| other.command.class == class)
        {
            self.entries.remove(oldest);
        }
        self.entries.push(entry);
    }
}

/// What is done about a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Consequence {
    Accept,
    Reload,
    FallBack,
}

impl RouteProcessor {
    /// The standby tells of commands that did not come to the same result there.
    pub(crate) fn standby_reports_failures(&mut self, now: Instant, failures: &Failures) {
        let Role::Active(active) = &self.role else { return };
        let configuration = &active.clients.configuration;
        let policy = configuration.tree().config_sync_policy();
        let ignored: BTreeSet<&str> = configuration
            .ignored
            .iter()
            .map(|(_, line)| line.0.as_str())
            .collect();
        let phase = if failures.bulk {
            SyncPhase::Bulk
        } else {
            SyncPhase::LineByLine
        };
        let is_ignored = |command: &FailedCommand| {
            command.failure_class() == Some(FailureClass::Mcl)
                && ignored.contains(line_of(&command.mode_path, &command.text).as_str())
        };
        let open: Vec<FailedCommand> = failures
            .commands
            .iter()
            .filter(|command| !is_ignored(command))
            .cloned()
            .collect();
        let consequence = self.consequence(&open, phase, policy);
        let uptime = now.saturating_since(self.started_at);
        for command in &open {
            self.config_failures.add(Entry {
                uptime,
                phase,
                command: command.clone(),
            });
        }
        self.tell_of_failures(uptime, phase, &open);
        match consequence {
            Consequence::Accept => {
                self.log(log::differences_accepted(failures.total));
                self.send_config_sync(Body::Accepted(failures.report));
            }
            Consequence::Reload => {
                let verdict = match phase {
                    SyncPhase::Bulk => {
                        self.config_failures.bulk_reloads += 1;
                        ConfigSyncVerdict::BulkFailed
                    }
                    SyncPhase::LineByLine => ConfigSyncVerdict::LineFailed,
                };
                self.tell_facility(now, RfInput::ConfigSync(verdict));
            }
            Consequence::FallBack => {
                let commands = u32::try_from(failures.total).unwrap_or(u32::MAX);
                self.tell_facility(
                    now,
                    RfInput::ConfigSync(ConfigSyncVerdict::Mismatched { commands }),
                );
            }
        }
    }

    fn consequence(&self, open: &[FailedCommand], phase: SyncPhase, policy: ConfigSyncPolicy) -> Consequence {
        let has = |class| open.iter().any(|command| command.failure_class() == Some(class));
        let reloads = (has(FailureClass::Bem) && policy.reloads(phase, PolicyClass::Bem))
            || (has(FailureClass::Prc) && policy.reloads(phase, PolicyClass::Prc))
            || open.iter().any(|command| command.failure_class().is_none());
        let too_often = phase == SyncPhase::Bulk && self.config_failures.bulk_reloads >= BULK_RELOADS_MAX;
        if has(FailureClass::Mcl) || (reloads && too_often) {
            Consequence::FallBack
        } else if reloads {
            Consequence::Reload
        } else {
            Consequence::Accept
        }
    }

    /// The words on every terminal, and the system message.
    fn tell_of_failures(&mut self, uptime: Duration, phase: SyncPhase, open: &[FailedCommand]) {
        for class in [FailureClass::Mcl, FailureClass::Prc, FailureClass::Bem] {
            let commands: Vec<&FailedCommand> = open
                .iter()
                .filter(|command| command.failure_class() == Some(class))
                .collect();
            let Some(first) = commands.first() else { continue };
            let count = commands.len() as u64;
            match phase {
                SyncPhase::Bulk => {
                    self.log(log::bulk_failed(class, count));
                    let why = match class {
                        FailureClass::Mcl => {
                            "Servicing Incompatibility. Please check full list of mismatched commands via:"
                        }
                        FailureClass::Prc => "PRC mismatch. Please check the full list of PRC failures via:",
                        FailureClass::Bem => "BEM mismatch. Please check the full list of BEM failures via:",
                    };
                    let word = class.name().to_ascii_lowercase();
                    self.console_text(&format!(
                        "{}: Config Sync: Bulk-sync failure due to {why}",
                        clock(uptime)
                    ));
                    self.console_text(&format!("  show redundancy config-sync failures {word}"));
                    self.console_text(&format!(
                        "{}: Config Sync: Starting lines from {} file:",
                        clock(uptime),
                        class.name()
                    ));
                    for line in block(commands.into_iter().take(LINES_ON_TERMINAL)) {
                        self.console_text(&line);
                    }
                }
                SyncPhase::LineByLine => {
                    self.log(log::line_failed(class, &without_secrets(&first.text)));
                    self.console_text(&format!(
                        "{}: Config Sync: Line-by-Line sync verifying failure on command:",
                        clock(uptime)
                    ));
                    self.console_text(&format!("  {}", without_secrets(&first.text)));
                    let words = match class {
                        FailureClass::Bem => "due to a different result",
                        FailureClass::Mcl | FailureClass::Prc => "due to parser return error",
                    };
                    self.console_text(words);
                }
            }
        }
    }

    /// `redundancy config-sync {ignore | validate} mismatched-commands`
    pub(crate) fn mismatched_commands(&mut self, now: Instant, order: MismatchedCommands) -> String {
        let Role::Active(active) = &mut self.role else {
            return String::new();
        };
        let line = |entry: &Entry| line_of(&entry.command.mode_path, &entry.command.text);
        let listed: Vec<String> = self.config_failures.of(FailureClass::Mcl).map(line).collect();
        match order {
            MismatchedCommands::Ignore if listed.is_empty() => {
                return String::from("% The mismatched command list is empty");
            }
            MismatchedCommands::Ignore => {
                let configuration = &mut active.clients.configuration;
                let mut lines: BTreeSet<String> = configuration
                    .ignored
                    .iter()
                    .map(|(_, line)| line.0.clone())
                    .collect();
                lines.extend(listed);
                configuration.ignore(lines);
            }
            MismatchedCommands::Validate => {
                let configured: BTreeSet<String> = active
                    .clients
                    .configuration
                    .tree()
                    .lines()
                    .into_iter()
                    .map(|line| line_of(&line.mode.path(), &line.text))
                    .collect();
                let stays = |entry: &Entry| {
                    entry.command.failure_class() != Some(FailureClass::Mcl)
                        || configured.contains(&line(entry))
                };
                self.config_failures.entries.retain(stays);
                let left = self.config_failures.of(FailureClass::Mcl).count();
                if left > 0 {
                    return format!("% {left} mismatched commands are still configured");
                }
            }
        }
        self.config_failures.bulk_reloads = 0;
        self.tell_facility(now, RfInput::ConfigSync(ConfigSyncVerdict::Cleared));
        String::new()
    }

    /// A text for every terminal that is no system message.
    fn console_text(&mut self, line: &str) {
        self.consoles.log(line, true, &mut self.turn);
    }
}

/// Lines of a list that are written on terminals unasked.
const LINES_ON_TERMINAL: usize = 10;

/// Time since the start, as the lists have it.
pub(crate) fn clock(uptime: Duration) -> String {
    let seconds = uptime.as_secs();
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// Commands as the lists show them: those of a mode between its marks.
pub(crate) fn block<'a>(commands: impl Iterator<Item = &'a FailedCommand>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open: Option<&str> = None;
    let close = |open: Option<&str>, lines: &mut Vec<String>| {
        if let Some(path) = open {
            lines.push(format!("! </submode> \"{}\"", submode(path)));
        }
    };
    for command in commands {
        let path = (!command.mode_path.is_empty()).then_some(command.mode_path.as_str());
        if path != open {
            close(open, &mut lines);
            if let Some(path) = path {
                lines.push(path.to_string());
                lines.push(format!("! <submode> \"{}\"", submode(path)));
            }
            open = path;
        }
        lines.push(format!("- {}", without_secrets(&command.text)));
        if command.failure_class() == Some(FailureClass::Prc) {
            lines.push(format!(
                "! return code {} on the active, {} on the standby",
                command.active_code, command.standby_code
            ));
        }
    }
    close(open, &mut lines);
    lines
}

fn submode(path: &str) -> &str {
    path.split(' ').next().unwrap_or(path)
}
