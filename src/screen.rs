//! What goes to a person's screen: colours and lines that are rewritten, both on a terminal only.

use std::io::{self, IsTerminal, Write};

/// How a word is to stand out.
#[derive(Clone, Copy)]
pub enum Emphasis {
    Good,
    Bad,
    Quiet,
}

/// `text`, coloured if `colours`. Widths must be made before: escape sequences count as characters.
pub fn emphasised(text: &str, emphasis: Emphasis, colours: bool) -> String {
    let code = match emphasis {
        Emphasis::Good => "32",
        Emphasis::Bad => "31;1",
        Emphasis::Quiet => "2",
    };
    if colours {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_string()
    }
}

/// Whether standard output takes colours. `NO_COLOR` says no, whatever it holds.
pub fn colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// A line on standard error that says how far something is: rewritten in place on a terminal.
pub struct ProgressLine {
    terminal: bool,
    shown: bool,
}

impl ProgressLine {
    pub fn new() -> ProgressLine {
        ProgressLine {
            terminal: io::stderr().is_terminal(),
            shown: false,
        }
    }

    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Shows `text` instead of what was shown before; without a terminal, as a line of its own.
    pub fn show(&mut self, text: &str) {
        let mut error = io::stderr().lock();
        // Progress that cannot be shown stops nothing.
        let _ = if self.terminal {
            write!(error, "\r\x1b[K{text}").and_then(|()| error.flush())
        } else {
            writeln!(error, "{text}")
        };
        self.shown = true;
    }

    /// Takes it away, so that something else can be printed.
    pub fn clear(&mut self) {
        if self.terminal && self.shown {
            let mut error = io::stderr().lock();
            let _ = write!(error, "\r\x1b[K").and_then(|()| error.flush());
        }
        self.shown = false;
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.clear();
    }
}
