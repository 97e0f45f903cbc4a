//! Commands for a console from a program: the demo saves its configuration and forces switchovers with them.

use crate::rp_process::console_path;
use machine::{Duration, RpSlot};
use management::CloseReason;
use management::wire::{Frame, FrameDecoder, WIRE_VERSION, encode_data};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
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
    stream: UnixStream,
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
        let mut stream = UnixStream::connect(console_path(run_directory, slot))?;
        stream.set_read_timeout(Some(limit))?;
        stream.set_write_timeout(Some(limit))?;
        let mut bytes = Vec::new();
        let hello = Frame::Hello {
            version: WIRE_VERSION,
            terminal: false,
            strict,
            columns: 0,
            rows: 0,
        };
        hello.encode(&mut bytes);
        encode_data((lines.join("\n") + "\n").as_bytes(), &mut bytes);
        Frame::EndOfInput.encode(&mut bytes);
        stream.write_all(&bytes)?;
        Ok(Script { stream })
    }

    /// Waits until the session is over, or the route processor.
    ///
    /// # Errors
    /// When nothing is heard for the script's limit, or what is heard is no console's stream.
    pub fn finish(mut self) -> io::Result<ScriptResult> {
        let (mut decoder, mut result) = (FrameDecoder::new(), ScriptResult::default());
        let mut piece = [0; 4096];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => return Ok(result),
                Ok(count) => decoder.push(&piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(result),
                Err(error) => return Err(error),
            }
            while let Some(frame) = decoder.next_frame().map_err(io::Error::other)? {
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
