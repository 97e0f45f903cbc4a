//! The frames between a console client and a route processor.
//!
//! The client is a pipe between a terminal (or a script) and this stream; it interprets nothing. Frames exist because
//! the client must learn things that are not screen content: that a line was rejected, and why the session ended.
//!
//! ```text
//!    0       1       2       3       4       5
//!   +-------+-------+-------+-------+-------+----------------- - -
//!   |  length of type and body (BE) | type  | body
//!   +-------+-------+-------+-------+-------+----------------- - -
//! ```
//!
//! The client speaks first, with [`Frame::Hello`]. A stream that breaks the format is at its end: [`FrameDecoder`]
//! repeats the error from then on.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// Version of this format, sent in [`Frame::Hello`].
pub const WIRE_VERSION: u8 = 1;
/// The longest body of a frame, in bytes.
pub const BODY_BYTES_MAX: usize = 16 * 1024;

const HEADER_BYTES: usize = 5;
const FLAG_TERMINAL: u8 = 1;
const FLAG_STRICT: u8 = 1 << 1;

/// One message on the console's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// From the client, first: who is there.
    Hello {
        /// The sender's [`WIRE_VERSION`]; others are refused.
        version: u8,
        /// A person at a terminal (echo, prompts, editing), not a script.
        terminal: bool,
        /// The first rejected line ends the session.
        strict: bool,
        /// Width of the terminal, 0 when unknown.
        columns: u16,
        /// Height of the terminal, 0 when unknown.
        rows: u16,
    },
    /// In both directions: keys, or screen content.
    Data(Vec<u8>),
    /// From the client: there is no more input. Output goes on until [`Frame::Closed`].
    EndOfInput,
    /// From the client: the terminal has another size.
    Resize {
        /// Width, 0 when unknown.
        columns: u16,
        /// Height, 0 when unknown.
        rows: u16,
    },
    /// To the client: a line was not executed.
    Rejected {
        /// Number of the line in the input, from 1.
        line_number: u32,
        /// The line.
        line: String,
    },
    /// To the client, last: the session is over.
    Closed {
        /// [`crate::CloseReason::to_u8`].
        reason: u8,
    },
}

/// How a stream breaks the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// A length of zero or beyond the bound, in bytes.
    Length(u32),
    /// A type that does not exist.
    Type(u8),
    /// A body that does not have the form of its type.
    Body(u8),
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::Length(length) => {
                write!(
                    f,
                    "console frame of {length} bytes: 1 to {} allowed",
                    BODY_BYTES_MAX + 1
                )
            }
            WireError::Type(kind) => write!(f, "console frame of unknown type {kind}"),
            WireError::Body(kind) => write!(f, "console frame of type {kind} with a malformed body"),
        }
    }
}

impl core::error::Error for WireError {}

impl Frame {
    const HELLO: u8 = 1;
    const DATA: u8 = 2;
    const END_OF_INPUT: u8 = 3;
    const RESIZE: u8 = 4;
    const REJECTED: u8 = 5;
    const CLOSED: u8 = 6;

    /// Appends the frame to `out`. Data beyond [`BODY_BYTES_MAX`] becomes several frames; a rejected line is cut
    /// there (a line of a session is far shorter).
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Frame::Hello {
                version,
                terminal,
                strict,
                columns,
                rows,
            } => {
                let flags = if *terminal { FLAG_TERMINAL } else { 0 } | if *strict { FLAG_STRICT } else { 0 };
                let mut body = Vec::from([*version, flags]);
                body.extend_from_slice(&columns.to_be_bytes());
                body.extend_from_slice(&rows.to_be_bytes());
                put(Frame::HELLO, &body, out);
            }
            Frame::Data(bytes) => encode_data(bytes, out),
            Frame::EndOfInput => put(Frame::END_OF_INPUT, &[], out),
            Frame::Resize { columns, rows } => {
                put(
                    Frame::RESIZE,
                    &[columns.to_be_bytes(), rows.to_be_bytes()].concat(),
                    out,
                );
            }
            Frame::Rejected { line_number, line } => {
                let end = line.floor_char_boundary(BODY_BYTES_MAX - 4);
                put(
                    Frame::REJECTED,
                    &[&line_number.to_be_bytes(), &line.as_bytes()[..end]].concat(),
                    out,
                );
            }
            Frame::Closed { reason } => put(Frame::CLOSED, &[*reason], out),
        }
    }

    fn decode(kind: u8, body: &[u8]) -> Result<Frame, WireError> {
        let malformed = WireError::Body(kind);
        match kind {
            Frame::HELLO => match *body {
                // Unknown flags are for later versions, which this one refuses by the version.
                [version, flags, columns_high, columns_low, rows_high, rows_low] => Ok(Frame::Hello {
                    version,
                    terminal: flags & FLAG_TERMINAL != 0,
                    strict: flags & FLAG_STRICT != 0,
                    columns: u16::from_be_bytes([columns_high, columns_low]),
                    rows: u16::from_be_bytes([rows_high, rows_low]),
                }),
                _ => Err(malformed),
            },
            Frame::DATA => Ok(Frame::Data(body.to_vec())),
            Frame::END_OF_INPUT if body.is_empty() => Ok(Frame::EndOfInput),
            Frame::END_OF_INPUT => Err(malformed),
            Frame::RESIZE => match *body {
                [columns_high, columns_low, rows_high, rows_low] => Ok(Frame::Resize {
                    columns: u16::from_be_bytes([columns_high, columns_low]),
                    rows: u16::from_be_bytes([rows_high, rows_low]),
                }),
                _ => Err(malformed),
            },
            Frame::REJECTED => {
                let (number, line) = body.split_first_chunk::<4>().ok_or(malformed)?;
                let line = core::str::from_utf8(line).map_err(|_| malformed)?;
                Ok(Frame::Rejected {
                    line_number: u32::from_be_bytes(*number),
                    line: line.to_string(),
                })
            }
            Frame::CLOSED => match *body {
                [reason] => Ok(Frame::Closed { reason }),
                _ => Err(malformed),
            },
            _ => Err(WireError::Type(kind)),
        }
    }
}

/// Appends `bytes` as data frames; nothing for no bytes.
pub fn encode_data(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.chunks(BODY_BYTES_MAX) {
        put(Frame::DATA, chunk, out);
    }
}

fn put(kind: u8, body: &[u8], out: &mut Vec<u8>) {
    // A body is at most BODY_BYTES_MAX bytes, which fits.
    out.extend_from_slice(&(body.len() as u32 + 1).to_be_bytes());
    out.push(kind);
    out.extend_from_slice(body);
}

/// Cuts a byte stream into frames.
///
/// It keeps what was pushed and not yet taken: take all frames after each push, and it holds one unfinished frame at
/// most, [`BODY_BYTES_MAX`] and a header.
#[derive(Clone, Debug, Default)]
pub struct FrameDecoder {
    buffer: Vec<u8>,
    taken: usize,
    failed: Option<WireError>,
}

impl FrameDecoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes as they came.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.drain(..self.taken);
            self.taken = 0;
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next whole frame; `None`: more bytes are needed.
    ///
    /// # Errors
    /// [`WireError`], now and at every later call, when the stream breaks the format.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, WireError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.decode_next() {
            Err(error) => {
                self.failed = Some(error);
                self.buffer = Vec::new();
                self.taken = 0;
                Err(error)
            }
            whole => whole,
        }
    }

    fn decode_next(&mut self) -> Result<Option<Frame>, WireError> {
        let rest = &self.buffer[self.taken..];
        let Some((length, rest)) = rest.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length);
        let bytes = length as usize;
        if bytes == 0 || bytes > BODY_BYTES_MAX + 1 {
            return Err(WireError::Length(length));
        }
        let Some(content) = rest.get(..bytes) else {
            return Ok(None);
        };
        let frame = Frame::decode(content[0], &content[1..])?;
        self.taken += HEADER_BYTES - 1 + bytes;
        Ok(Some(frame))
    }
}
