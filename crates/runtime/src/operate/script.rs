//! Commands for a console from a program: the demo saves its configuration and forces switchovers with them.

use super::console_stream::{ConsoleStream, Kind};
use machine::{Duration, RpSlot};
use management::CloseReason;
use management::wire::Frame;
use std::io;
use std::path::Path;

/// What came of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptResult {
    /// Everything that the commands said.
    pub output: String,
    /// Lines that were not executed.
    pub rejected: Vec<(u32, String)>,
    /// Why the session ended; `None` when the route processor is gone.
    pub closed: Option<CloseReason>,
}

/// A script that a route processor is executing.
#[derive(Debug)]
pub struct Script {
    console: ConsoleStream,
}

impl Script {
    /// Hands the lines to the console of the RP in `slot`. It executes them one after the other from now on.
    ///
    /// # Errors
    /// When it has no console to offer, or does not take the lines within `limit`.
    pub fn start(
        run_directory: &Path,
        slot: RpSlot,
        lines: &[&str],
        strict: bool,
        limit: Duration,
    ) -> io::Result<Script> {
        let text = lines.join("\n") + "\n";
        let kind = Kind::Script { text: &text, strict };
        let console = ConsoleStream::open(run_directory, slot, kind, limit)?;
        Ok(Script { console })
    }

    /// Waits until the session is over, or the route processor.
    ///
    /// # Errors
    /// When nothing is heard for the script's limit, or what is heard is no console's stream.
    pub fn finish(mut self) -> io::Result<ScriptResult> {
        let mut result = ScriptResult::default();
        while let Some(frames) = self.console.next_frames()? {
            for frame in frames {
                match frame {
                    Frame::Data(bytes) => result.output.push_str(&String::from_utf8_lossy(&bytes)),
                    Frame::Rejected { line_number, line } => result.rejected.push((line_number, line)),
                    Frame::Closed { reason } => {
                        result.closed = CloseReason::from_u8(reason);
                        return Ok(result);
                    }
                    Frame::Hello { .. } | Frame::EndOfInput | Frame::Resize { .. } => {}
                }
            }
        }
        Ok(result)
    }
}

/// Runs the lines and waits for their end.
///
/// # Errors
/// As [`Script::start`] and [`Script::finish`]; a rejected line, by name; a route processor that went away.
pub fn run(run_directory: &Path, slot: RpSlot, lines: &[&str], limit: Duration) -> io::Result<String> {
    let result = Script::start(run_directory, slot, lines, true, limit)?.finish()?;
    match (result.rejected.first(), result.closed) {
        (Some((number, line)), _) => Err(io::Error::other(format!(
            "{slot} rejects line {number}, '{line}': {}",
            result.output.trim()
        ))),
        (None, None) => Err(io::Error::other(format!("{slot} went away during a script"))),
        (None, Some(_)) => Ok(result.output),
    }
}
