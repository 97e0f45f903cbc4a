//! What goes to a person's screen: colours and lines that are rewritten, both on a terminal only.

use runtime::operate::console_client::ConsoleError;
use std::error::Error;
use std::io::{self, IsTerminal, Write};

/// Prints a line on standard output, and says when nobody takes it: `println!` would panic.
///
/// # Errors
/// As writing gives; [`is_closed_pipe`] tells a reader that has had enough from a real one.
pub fn print(text: &str) -> io::Result<()> {
    let mut screen = io::stdout().lock();
    writeln!(screen, "{text}")?;
    screen.flush()
}

/// Whether an error is that of a reader that has gone, as in `holdover status | head -1`.
pub fn is_closed_pipe(error: &(dyn Error + 'static)) -> bool {
    let io = match error.downcast_ref::<ConsoleError>() {
        Some(ConsoleError::Io(error)) => Some(error),
        Some(_) => None,
        None => error.downcast_ref::<io::Error>(),
    };
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

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
