//! A console as a program opens it: the socket, the greeting, and frames in both directions.

use crate::rp_process::console_path;
use machine::{Duration, RpSlot};
use management::wire::{Frame, FrameDecoder, WIRE_VERSION, encode_data};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// What is at the program's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A terminal: keys go in, and what a screen shows comes out.
    Terminal,
    /// A script: lines go in, and what the commands say comes out.
    Script {
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
        kind: Kind,
        limit: Duration,
    ) -> io::Result<ConsoleStream> {
        let stream = UnixStream::connect(console_path(run_directory, slot))?;
        stream.set_read_timeout(Some(limit))?;
        stream.set_write_timeout(Some(limit))?;
        let mut console = ConsoleStream {
            stream,
            decoder: FrameDecoder::new(),
        };
        console.send(&Frame::Hello {
            version: WIRE_VERSION,
            terminal: kind == Kind::Terminal,
            strict: kind == Kind::Script { strict: true },
            columns: 0,
            rows: 0,
        })?;
        Ok(console)
    }

    pub(super) fn send(&mut self, frame: &Frame) -> io::Result<()> {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        self.stream.write_all(&bytes)
    }

    /// Keys, or lines.
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
