//! A console as a program opens it: the socket, the greeting, and frames in both directions.

use crate::rp_process::console_path;
use machine::{Duration, RpSlot};
use management::wire::{Frame, FrameDecoder, WIRE_VERSION, encode_data};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// What is at the program's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// A terminal: keys go in, and what a screen shows comes out.
    Terminal,
    /// A script: all its lines go in at once, and what the commands say comes out.
    Script {
        /// The lines.
        text: &'a str,
        /// Whether it ends at the first line that is rejected.
        strict: bool,
    },
}

/// The program's end of a console.
#[derive(Debug)]
pub(super) struct ConsoleStream {
    stream: UnixStream,
    decoder: FrameDecoder,
}

impl ConsoleStream {
    /// Opens the console of the RP in `slot`. `limit` is how long it may stay silent while something is awaited.
    pub(super) fn open(
        run_directory: &Path,
        slot: RpSlot,
        kind: Kind<'_>,
        limit: Duration,
    ) -> io::Result<ConsoleStream> {
        let stream = UnixStream::connect(console_path(run_directory, slot))?;
        stream.set_read_timeout(Some(limit))?;
        stream.set_write_timeout(Some(limit))?;
        let mut bytes = Vec::new();
        let hello = Frame::Hello {
            version: WIRE_VERSION,
            terminal: kind == Kind::Terminal,
            strict: matches!(kind, Kind::Script { strict: true, .. }),
            columns: 0,
            rows: 0,
        };
        hello.encode(&mut bytes);
        if let Kind::Script { text, .. } = kind {
            encode_data(text.as_bytes(), &mut bytes);
            Frame::EndOfInput.encode(&mut bytes);
        }
        let mut console = ConsoleStream {
            stream,
            decoder: FrameDecoder::new(),
        };
        // In one piece: a script may end the route processor that reads it.
        console.stream.write_all(&bytes)?;
        Ok(console)
    }

    /// Sends keys.
    pub(super) fn send_text(&mut self, text: &str) -> io::Result<()> {
        let mut bytes = Vec::new();
        encode_data(text.as_bytes(), &mut bytes);
        self.stream.write_all(&bytes)
    }

    /// What comes next, waited for, with all that has come along; `None` when the route processor has gone.
    pub(super) fn next_frames(&mut self) -> io::Result<Option<Vec<Frame>>> {
        let mut piece = [0; 4096];
        let mut frames = Vec::new();
        while frames.is_empty() {
            match self.stream.read(&mut piece) {
                Ok(0) => return Ok(None),
                Ok(count) => self.decoder.push(&piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error),
            }
            while let Some(frame) = self.decoder.next_frame().map_err(io::Error::other)? {
                frames.push(frame);
            }
        }
        Ok(Some(frames))
    }
}
