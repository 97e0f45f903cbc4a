//! Configuration on both route processors (client Config Sync).
//!
//! Two ways lead to the standby's tree. A bulk carries the canonical lines of the active's tree as rows; from there on
//! each command goes over as text and is executed on both. With the text goes what came of it on the active, return
//! code and digest of the tree, and the standby compares: a difference is noticed at the very command.

use crate::config_sync::{Executed, FailedCommand, Language};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use checkpoint::{Row, Table, TableId, Tracked};
use config::{ConfigCommand, ConfigError, ConfigurationTree, FailureClass, ReturnCode};

/// Commands, by number.
pub const COMMAND_TABLE: TableId = TableId(5);
/// The lines of the tree at the last bulk, by their place.
pub const LINE_TABLE: TableId = TableId(6);
/// The startup configuration, one row with key 0.
pub const STARTUP_TABLE: TableId = TableId(7);
/// Commands that a standby may be without, by hash.
pub const IGNORED_TABLE: TableId = TableId(8);

const ONLY_ROW: u32 = 0;
/// Executed commands that stay in the table once a frame has carried them.
const COMMANDS_MAX: usize = 256;

/// A command that was executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutedCommand {
    /// The line that leads to its mode, empty for global configuration.
    pub mode_path: String,
    /// Its canonical text.
    pub text: String,
    /// What came of it on the active.
    pub return_code: u32,
    /// Digest of the active's tree after it.
    pub tree_digest: u64,
}

/// Tagged form of [`ExecutedCommand`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecutedCommandRecord {
    /// See [`ExecutedCommand::mode_path`].
    #[prost(string, tag = "1")]
    pub mode_path: String,
    /// See [`ExecutedCommand::text`].
    #[prost(string, tag = "2")]
    pub text: String,
    /// See [`ExecutedCommand::return_code`].
    #[prost(uint32, tag = "3")]
    pub return_code: u32,
    /// See [`ExecutedCommand::tree_digest`].
    #[prost(fixed64, tag = "4")]
    pub tree_digest: u64,
}

impl Row for ExecutedCommand {
    type Record = ExecutedCommandRecord;

    fn to_record(&self) -> ExecutedCommandRecord {
        let ExecutedCommand {
            mode_path,
            text,
            return_code,
            tree_digest,
        } = self.clone();
        ExecutedCommandRecord {
            mode_path,
            text,
            return_code,
            tree_digest,
        }
    }

    fn from_record(record: ExecutedCommandRecord) -> Result<Self, &'static str> {
        let ExecutedCommandRecord {
            mode_path,
            text,
            return_code,
            tree_digest,
        } = record;
        Ok(ExecutedCommand {
            mode_path,
            text,
            return_code,
            tree_digest,
        })
    }
}

/// A text as a row: a configuration line (mode path, tab, text) or a whole startup configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(pub String);

/// Tagged form of [`Text`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct TextRecord {
    /// The text.
    #[prost(string, tag = "1")]
    pub text: String,
}

impl Row for Text {
    type Record = TextRecord;

    fn to_record(&self) -> TextRecord {
        let Text(text) = self.clone();
        TextRecord { text }
    }

    fn from_record(record: TextRecord) -> Result<Self, &'static str> {
        Ok(Text(record.text))
    }
}

/// The configuration and its tables.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The last commands, by number.
    pub commands: Tracked<u64, ExecutedCommand>,
    /// The lines of the tree at the last bulk.
    pub lines: Tracked<u64, Text>,
    /// What is in NVRAM.
    pub startup: Tracked<u32, Text>,
    /// Commands that a standby may be without, as text with the path of their mode.
    pub ignored: Tracked<u64, Text>,
    /// Derived on both sides from the tables, by the same commands.
    tree: ConfigurationTree,
    executed: u64,
    /// On the standby: commands did not come to the same result, and that was accepted or is being judged.
    differs: bool,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            commands: Tracked::new(COMMAND_TABLE),
            lines: Tracked::new(LINE_TABLE),
            startup: Tracked::new(STARTUP_TABLE),
            ignored: Tracked::new(IGNORED_TABLE),
            tree: ConfigurationTree::new(),
            executed: 0,
            differs: false,
        }
    }
}

impl Configuration {
    /// The running configuration.
    pub fn tree(&self) -> &ConfigurationTree {
        &self.tree
    }

    /// The startup configuration's text; `None` while there is none.
    pub fn startup_text(&self) -> Option<&str> {
        self.startup.get(&ONLY_ROW).map(|text| text.0.as_str())
    }

    /// The startup configuration is in NVRAM now.
    pub fn startup_written(&mut self, text: String) {
        self.startup.insert(ONLY_ROW, Text(text));
    }

    /// Executes one command on the active and records it for the standby.
    ///
    /// # Errors
    /// Why it was refused; the refusal is recorded too, so that the standby can refuse likewise.
    pub fn execute(&mut self, command: &ConfigCommand) -> Result<ReturnCode, ConfigError> {
        let result = self.tree.apply(command);
        let return_code = match &result {
            Ok(code) => *code,
            Err(error) => error.code(),
        };
        let line = command.to_line();
        self.executed += 1;
        let executed = ExecutedCommand {
            mode_path: line.mode.path(),
            text: line.text,
            return_code: return_code.to_u32(),
            tree_digest: self.tree.digest(),
        };
        self.commands.insert(self.executed, executed);
        // With fewer dirty rows than that the oldest row is none of them: a frame has carried it.
        while self.commands.len() > COMMANDS_MAX && self.commands.dirty_rows() < COMMANDS_MAX {
            let Some(oldest) = self.commands.iter().next().map(|(number, _)| *number) else {
                break;
            };
            self.commands.remove(&oldest);
        }
        result
    }

    /// The inventory has found a port: its interface exists from now on. Recorded like a typed command.
    pub fn port_found(&mut self, port: machine::PortId) {
        if self.tree.interface(port).is_none() {
            // Creating an interface is never refused.
            let _created = self.execute(&ConfigCommand::Interface { port });
        }
    }

    /// The commands that the standby may be without are these from now on, as [`line_of`] makes them.
    pub fn ignore(&mut self, lines: impl IntoIterator<Item = String>) {
        let gone: Vec<u64> = self.ignored.iter().map(|(hash, _)| *hash).collect();
        for hash in gone {
            self.ignored.remove(&hash);
        }
        for line in lines {
            self.ignored.insert(
                checkpoint::row_hash(IGNORED_TABLE, &[], line.as_bytes()),
                Text(line),
            );
        }
    }

    /// Takes over a tree that was read from a startup configuration (active, before anything is served).
    pub fn adopt(&mut self, tree: ConfigurationTree) {
        self.tree = tree;
    }

    /// Writes the tree's lines into the table that a bulk carries over, and drops the commands that led to them
    /// (active, at the start of a bulk). Costs the length of the configuration.
    pub fn write_lines(&mut self) {
        let numbers: Vec<u64> = self.commands.iter().map(|(number, _)| *number).collect();
        for number in numbers {
            self.commands.remove(&number);
        }
        let lines = self.tree.lines();
        let end = lines.len() as u64;
        let gone: Vec<u64> = self.lines.range(end..).map(|(place, _)| *place).collect();
        for place in gone {
            self.lines.remove(&place);
        }
        for (place, line) in (0..).zip(lines) {
            let text = line_of(&line.mode.path(), &line.text);
            self.lines.insert(place, Text(text));
        }
    }

    /// The bulk has ended: builds the tree from its lines, as far as this program knows them, and executes the commands
    /// that came after (standby). `at` is how far the active was when the bulk began, if that is known. Returns what did
    /// not come to the same result.
    pub fn bulk_ended(&mut self, at: Option<Executed>, language: &Language) -> Vec<FailedCommand> {
        let mut tree = ConfigurationTree::new();
        let mut failures = Vec::new();
        // The lines come in their order. An active that named them by their hashes sent them in any, and there interfaces
        // had to come first.
        let mut commands = Vec::new();
        for (_, Text(line)) in self.lines.iter() {
            let (path, text) = line.split_once('\t').unwrap_or(("", line));
            match language.parse(path, text) {
                Some(command) => commands.push(command),
                None => failures.push(failed(
                    FailureClass::Mcl,
                    path,
                    text,
                    ReturnCode::Applied,
                    ReturnCode::NotParsed,
                )),
            }
        }
        commands.sort_by_key(|command| !matches!(command, ConfigCommand::Interface { .. }));
        for command in &commands {
            if let Err(error) = tree.apply(command) {
                let line = command.to_line();
                let path = line.mode.path();
                let applied = ReturnCode::Applied;
                failures.push(failed(
                    FailureClass::Bem,
                    &path,
                    &line.text,
                    applied,
                    error.code(),
                ));
            }
        }
        let digest = tree.digest();
        if failures.is_empty() && at.is_some_and(|at| at.tree_digest != digest) {
            let applied = ReturnCode::Applied;
            failures.push(failed(FailureClass::Bem, "", WHOLE, applied, applied));
        }
        self.tree = tree;
        self.executed = at.map_or(0, |at| at.number);
        failures.sort_by(|a, b| (&a.mode_path, &a.text).cmp(&(&b.mode_path, &b.text)));
        self.differs = !failures.is_empty();
        failures.extend(self.execute_received(language));
        failures
    }

    /// Executes the commands of the frames committed since the last call (standby). Returns those with another outcome
    /// than on the active. From the first one on the trees differ, and only return codes are compared.
    pub fn execute_received(&mut self, language: &Language) -> Vec<FailedCommand> {
        let due: Vec<(u64, ExecutedCommand)> = self
            .commands
            .range(self.executed + 1..)
            .map(|(number, command)| (*number, command.clone()))
            .collect();
        let mut failures = Vec::new();
        for (number, command) in due {
            self.executed = number;
            let parsed = language.parse(&command.mode_path, &command.text);
            let code = match parsed.map(|parsed| self.tree.apply(&parsed)) {
                None => ReturnCode::NotParsed,
                Some(Ok(code)) => code,
                Some(Err(error)) => error.code(),
            };
            let class = if code.to_u32() != command.return_code {
                FailureClass::Prc
            } else if !self.differs && self.tree.digest() != command.tree_digest {
                FailureClass::Bem
            } else {
                continue;
            };
            self.differs = true;
            failures.push(FailedCommand {
                class: FailedCommand::class_number(class),
                mode_path: command.mode_path,
                text: command.text,
                active_code: command.return_code,
                standby_code: code.to_u32(),
            });
        }
        failures
    }

    /// Whether this tree is known to differ from the active's (standby).
    pub fn differs(&self) -> bool {
        self.differs
    }

    /// Number of commands executed since the chassis started.
    pub fn executed(&self) -> u64 {
        self.executed
    }
}

/// A line as the table of lines holds it.
pub(crate) fn line_of(mode_path: &str, text: &str) -> String {
    alloc::format!("{mode_path}\t{text}")
}

/// What a failure is about when no single line explains it.
const WHOLE: &str = "! the whole configuration";

fn failed(
    class: FailureClass,
    path: &str,
    text: &str,
    active: ReturnCode,
    standby: ReturnCode,
) -> FailedCommand {
    FailedCommand {
        class: FailedCommand::class_number(class),
        mode_path: path.to_string(),
        text: text.to_string(),
        active_code: active.to_u32(),
        standby_code: standby.to_u32(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use machine::FrameNumber;

    /// Carries what is dirty over to the standby's table.
    fn carry(active: &mut Configuration, standby: &mut Configuration, frame: u64) {
        let mut rows = Vec::new();
        active.commands.drain(FrameNumber(frame), &mut |key, value| {
            rows.push((key.to_vec(), value.map(<[u8]>::to_vec)));
            true
        });
        for (key, value) in rows {
            standby.commands.stage(&key, value.as_deref()).unwrap();
        }
        standby.commands.commit(FrameNumber(frame));
    }

    #[test]
    fn a_frame_with_more_commands_than_the_table_keeps_loses_none() {
        let (mut active, mut standby) = (Configuration::default(), Configuration::default());
        for frame in 1..=3 {
            for number in 0..3 * COMMANDS_MAX {
                let (high, low) = (number / 256, number % 256);
                let text = alloc::format!("ip route 10.{high}.{low}.0 255.255.255.0 192.0.2.{frame}");
                let command = Language::default().parse("", &text).unwrap();
                active.execute(&command).unwrap();
            }
            carry(&mut active, &mut standby, frame);
            assert_eq!(standby.execute_received(&Language::default()), []);
            assert_eq!(standby.tree().digest(), active.tree().digest());
        }
        for number in 0..2 * COMMANDS_MAX {
            let command = Language::default()
                .parse("", &alloc::format!("hostname Slow{number}"))
                .unwrap();
            active.execute(&command).unwrap();
            carry(&mut active, &mut standby, 4);
        }
        assert!(
            active.commands.len() <= COMMANDS_MAX,
            "what was carried is dropped again"
        );
    }
}
