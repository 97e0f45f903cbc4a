//! A console at which a program types as a person does: keys go in, and what a terminal would show comes out.

use super::console_stream::{ConsoleStream, Kind};
use machine::{Duration, RpSlot};
use management::wire::Frame;
use std::io;
use std::path::Path;

/// What clears a terminal's line from the cursor on.
const CLEAR_TO_END: &str = "\x1b[K";

/// A terminal session at the console of a route processor.
#[derive(Debug)]
pub struct TypedSession {
    console: ConsoleStream,
    screen: String,
    closed: bool,
}

impl TypedSession {
    /// Opens the console of the RP in `slot`. `limit` is how long it may stay silent while something is awaited.
    ///
    /// # Errors
    /// When there is no console.
    pub fn open(run_directory: &Path, slot: RpSlot, limit: Duration) -> io::Result<TypedSession> {
        Ok(TypedSession {
            console: ConsoleStream::open(run_directory, slot, Kind::Terminal, limit)?,
            screen: String::new(),
            closed: false,
        })
    }

    /// Presses keys; return is `\r`.
    ///
    /// # Errors
    /// When the console has gone.
    pub fn press(&mut self, keys: &str) -> io::Result<()> {
        self.console.send_text(keys)
    }

    /// Reads until `done` says so of the screen, or the session is over, and takes what the screen shows: lines that were
    /// cleared are not on it any more.
    ///
    /// # Errors
    /// When nothing is heard for the session's limit.
    pub fn read_until(&mut self, done: impl Fn(&str) -> bool) -> io::Result<String> {
        while !self.closed && !done(&shown(&self.screen)) {
            let Some(frames) = self.console.next_frames()? else {
                self.closed = true;
                break;
            };
            for frame in frames {
                match frame {
                    Frame::Data(bytes) => self.screen.push_str(&String::from_utf8_lossy(&bytes)),
                    Frame::Closed { .. } => self.closed = true,
                    _ => {}
                }
            }
        }
        Ok(shown(&std::mem::take(&mut self.screen)))
    }

    /// What the screen shows and was not taken yet.
    pub fn screen(&self) -> String {
        shown(&self.screen)
    }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool {
        self.closed
    }
}

/// A carriage return that no line feed follows goes back to the start of the line, which is then written anew.
fn shown(screen: &str) -> String {
    let mut text = String::new();
    for (number, piece) in screen.replace("\r\n", "\n").split('\r').enumerate() {
        if number > 0 {
            text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        }
        text.push_str(piece);
    }
    text.replace(CLEAR_TO_END, "").replace('\x07', "")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_cleared_line_is_not_shown_any_more() {
        assert_eq!(
            super::shown("a\r\nprompt#x\r\x1b[Kline\r\nprompt#x"),
            "a\nline\nprompt#x"
        );
        assert_eq!(super::shown("\r\x1b[Kb"), "b");
        assert_eq!(super::shown("a\r\nprompt#\rprompt#\x1b[K"), "a\nprompt#");
    }
}
