//! The terminal of a session, and the commands about it that the session executes itself.

use alloc::format;
use alloc::string::String;

use config::{Command, ExecCommand, ModeCommand};

use super::{ConsoleSession, SessionOptions};
use crate::editor::COLUMNS_DEFAULT;

/// Lines of a terminal that does not say how many it has.
const LINES_DEFAULT: u32 = 24;

/// What is known of the terminal, and what was set.
#[derive(Clone, Debug)]
pub(super) struct Terminal {
    /// As the client says; 0: unknown.
    size: (u16, u16),
    /// `terminal length`; 0: output does not pause.
    length: Option<u32>,
    /// `terminal width`; 0: lines never wrap.
    width: Option<u16>,
}

impl Terminal {
    pub fn new(options: SessionOptions) -> Self {
        Self {
            size: (options.columns, options.rows),
            length: None,
            width: None,
        }
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.size = (columns, rows);
    }

    /// Lines of a page; 0: output does not pause.
    pub fn lines(&self) -> u32 {
        let known = Some(u32::from(self.size.1)).filter(|rows| *rows > 0);
        self.length.or(known).unwrap_or(LINES_DEFAULT)
    }

    /// Columns of a line; 0: it never wraps.
    pub fn columns(&self) -> u16 {
        let known = Some(self.size.0).filter(|columns| *columns > 0);
        self.width.or(known).unwrap_or(COLUMNS_DEFAULT)
    }
}

impl ConsoleSession {
    /// Executes a command that is about the session alone, and answers with what it shows. Everything else (`None`) waits
    /// for the route processor, and so for the standby.
    pub(super) fn execute_locally(&mut self, command: &Command) -> Option<String> {
        let mut text = String::new();
        match command {
            Command::Empty => {}
            Command::Mode(ModeCommand::ConfigureTerminal) | Command::Configure(_) => return None,
            Command::Mode(_) => {}
            Command::Exec(command) => match command {
                ExecCommand::TerminalLength { lines } => self.terminal.length = Some(*lines),
                ExecCommand::TerminalWidth { columns } => {
                    self.terminal.width = Some(*columns);
                    self.editor.resize(*columns);
                }
                ExecCommand::TerminalHistorySize { lines } => self.editor.resize_history(*lines as usize),
                ExecCommand::ShowHistory => {
                    text = self
                        .editor
                        .history()
                        .lines()
                        .map(|line| format!("  {}\n", config::bgp::without_secrets(line)))
                        .collect();
                }
                ExecCommand::ShowPrivilege => {
                    let level = self.mode.privilege() as u8;
                    text = format!("Current privilege level is {level}\n");
                }
                ExecCommand::ShowTerminal => text = self.show_terminal(),
                _ => return None,
            },
        }
        Some(text)
    }

    fn show_terminal(&self) -> String {
        let kind = if self.options.terminal {
            "terminal"
        } else {
            "script"
        };
        let (lines, columns) = (self.terminal.lines(), self.terminal.columns());
        let pausing = if self.options.terminal && lines > 0 {
            "On"
        } else {
            "Off"
        };
        let history = match self.editor.history().lines_max() {
            0 => String::from("History is disabled."),
            lines => format!("History is enabled, history size is {lines}."),
        };
        let editing = if self.options.terminal {
            "enabled"
        } else {
            "disabled"
        };
        format!(
            "Line type: {kind}\n\
             Length: {lines} lines, Width: {columns} columns\n\
             Status: Ready, Active, Automore {pausing}\n\
             Editing is {editing}.\n\
             {history}\n"
        )
    }
}
