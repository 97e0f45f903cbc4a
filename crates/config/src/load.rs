//! Reading a configuration file: startup-config, or the text that another route processor sends.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::LINE_BYTES_MAX;
use crate::command::{Command, ConfigCommand, ModeCommand};
use crate::error::ParseErrorKind;
use crate::grammar::Grammar;
use crate::mode::Mode;
use crate::tree::ConfigurationTree;

/// A line of a configuration text that was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// From 1.
    pub line_number: usize,
    /// Characters from the start of the line, from 1.
    pub column: usize,
    /// The line, without its end; shortened when it exceeds what a line may have.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}: {}: {}",
            self.line_number,
            self.column,
            self.why,
            self.text.trim()
        )
    }
}

impl core::error::Error for LoadError {}

/// What came of a configuration text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The configuration of all lines that could be applied.
    pub tree: ConfigurationTree,
    /// The lines that could not, in order. Empty: all were applied.
    pub errors: Vec<LoadError>,
}

/// [`load_known`] of a program that knows all commands.
pub fn load(text: &str) -> Loaded {
    load_known(text, &|_| true)
}

/// Applies a configuration text to a fresh tree, line by line until `end`. A bad line is reported and left out; when
/// it would have led to a submode, the indented lines below it are left out as well, because they belong to it. A
/// command that is not `known` is as bad as one that is no command.
pub fn load_known(text: &str, known: &dyn Fn(&ConfigCommand) -> bool) -> Loaded {
    let mut loaded = Loaded {
        tree: ConfigurationTree::new(),
        errors: Vec::new(),
    };
    let mut mode = Mode::Global;
    let mut section_lost = false;
    for (index, line) in text.lines().enumerate() {
        let indented = line.starts_with(char::is_whitespace);
        let outcome = if indented && section_lost && !is_blank(line) {
            Err((1, "belongs to the section above, which was refused".to_string()))
        } else {
            apply_line(&mut loaded.tree, &mode, line, known)
        };
        match outcome {
            Ok(Some(next)) => {
                // A comment between the lines of a lost section does not end it.
                if !indented && !is_blank(line) {
                    section_lost = false;
                }
                mode = next;
            }
            Ok(None) => break,
            Err((column, why)) => {
                if !indented {
                    section_lost = true;
                    mode = Mode::Global;
                }
                let text = line.chars().take(LINE_BYTES_MAX).collect();
                loaded.errors.push(LoadError {
                    line_number: index + 1,
                    column,
                    text,
                    why,
                });
            }
        }
    }
    loaded
}

fn is_blank(line: &str) -> bool {
    let content = line.trim_start();
    content.is_empty() || content.starts_with('!')
}

/// Executes one line and answers with the mode that follows; `None` after `end`. The error is column (from 1) and text.
fn apply_line(
    tree: &mut ConfigurationTree,
    mode: &Mode,
    line: &str,
    known: &dyn Fn(&ConfigCommand) -> bool,
) -> Result<Option<Mode>, (usize, String)> {
    if line.len() > LINE_BYTES_MAX {
        return Err((LINE_BYTES_MAX + 1, format!("longer than {LINE_BYTES_MAX} bytes")));
    }
    let command = Grammar::standard().parse(mode, line).map_err(|error| {
        let why = match error.kind {
            ParseErrorKind::Invalid => "invalid input",
            ParseErrorKind::Incomplete => "incomplete command",
            ParseErrorKind::Ambiguous => "ambiguous command",
            ParseErrorKind::Pattern(_) => "invalid regular expression",
        };
        (error.column + 1, why.to_string())
    })?;
    let column = line
        .chars()
        .take_while(|character| character.is_whitespace())
        .count()
        + 1;
    match &command {
        Command::Empty => Ok(Some(*mode)),
        Command::Mode(ModeCommand::End) => Ok(None),
        Command::Mode(ModeCommand::Exit) if mode.is_submode() => Ok(mode.after_exit()),
        Command::Mode(_) | Command::Exec(_) => Err((column, "not a configuration command".to_string())),
        Command::Configure(change) if !known(change) => Err((column, "invalid input".to_string())),
        Command::Configure(change) => match tree.apply(change) {
            Ok(_) => Ok(Some(change.next_mode())),
            Err(error) => Err((column, error.to_string())),
        },
    }
}
