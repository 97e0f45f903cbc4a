//! From bytes to messages, without a socket.

use std::fmt;

/// Bytes before each message: length and kind.
pub const HEADER_LENGTH: usize = 5;

/// Why bytes are no message. The stream cannot be understood from there on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The announced length is beyond what this stream carries.
    Oversized {
        /// The announced length in bytes.
        length: usize,
        /// The most that this stream carries.
        length_max: usize,
        /// The bytes that were read as a header.
        header: [u8; HEADER_LENGTH],
    },
    /// The stream ended in the middle of a message.
    Truncated {
        /// Bytes of the message that had arrived, header included.
        arrived: usize,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Oversized {
                length,
                length_max,
                header,
            } => {
                write!(
                    f,
                    "a message of {length} bytes was announced, at most {length_max} are carried here"
                )?;
                write!(
                    f,
                    " (header \"{}\": garbage or another protocol)",
                    header.escape_ascii()
                )
            }
            FrameError::Truncated { arrived } => {
                write!(
                    f,
                    "the stream ended in a message, {arrived} bytes after its start"
                )
            }
        }
    }
}

impl std::error::Error for FrameError {}

/// Collects bytes and hands out whole messages.
#[derive(Debug)]
pub struct Decoder {
    buffer: Vec<u8>,
    // What lies before was handed out.
    consumed: usize,
    length_max: usize,
}

/// A buffer that has grown beyond this for one large message is given back when it is empty.
const BUFFER_KEPT: usize = 256 * 1024;

impl Decoder {
    /// A decoder for messages of at most `length_max` bytes, without the header.
    pub fn new(length_max: usize) -> Decoder {
        Decoder {
            buffer: Vec::new(),
            consumed: 0,
            length_max,
        }
    }

    /// Adds bytes as they arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.compact();
        self.buffer.extend_from_slice(bytes);
    }

    /// Room behind the buffered bytes, to read into directly; grows the buffer to at least `room`. What is appended
    /// counts as fed.
    pub(crate) fn buffer_with_room(&mut self, room: usize) -> &mut Vec<u8> {
        self.compact();
        self.buffer.reserve(room);
        &mut self.buffer
    }

    /// Moves what is left to the front, once all before it has been handed out and it is worth the copy.
    fn compact(&mut self) {
        if self.consumed == self.buffer.len() {
            self.buffer.clear();
            if self.buffer.capacity() > BUFFER_KEPT {
                self.buffer.shrink_to(BUFFER_KEPT);
            }
        } else if self.consumed > self.buffer.len() / 2 {
            self.buffer.drain(..self.consumed);
        } else {
            return;
        }
        self.consumed = 0;
    }

    /// The next whole message: its kind and its bytes. `None` until more bytes have come.
    ///
    /// # Errors
    /// [`FrameError::Oversized`], and again at every later call.
    pub fn next_message(&mut self) -> Result<Option<(u8, &[u8])>, FrameError> {
        let waiting = &self.buffer[self.consumed..];
        let Some(header) = waiting.first_chunk::<HEADER_LENGTH>() else {
            return Ok(None);
        };
        let [a, b, c, d, kind] = *header;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if length > self.length_max {
            return Err(FrameError::Oversized {
                length,
                length_max: self.length_max,
                header: *header,
            });
        }
        if waiting.len() - HEADER_LENGTH < length {
            return Ok(None);
        }
        let start = self.consumed + HEADER_LENGTH;
        self.consumed = start + length;
        Ok(Some((kind, &self.buffer[start..start + length])))
    }

    /// Whether the next call of `next_message` returns a message or an error rather than `None`.
    pub(crate) fn holds_message(&self) -> bool {
        let waiting = &self.buffer[self.consumed..];
        waiting
            .first_chunk::<HEADER_LENGTH>()
            .is_some_and(|&[a, b, c, d, _]| {
                let length = u32::from_le_bytes([a, b, c, d]) as usize;
                length > self.length_max || waiting.len() - HEADER_LENGTH >= length
            })
    }

    /// Bytes that have arrived and were not handed out.
    pub fn waiting_bytes(&self) -> usize {
        self.buffer.len() - self.consumed
    }

    /// What it means that no byte will follow. Call it after all whole messages were taken.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] when a message had begun.
    pub fn finish(&self) -> Result<(), FrameError> {
        match self.waiting_bytes() {
            0 => Ok(()),
            arrived => Err(FrameError::Truncated { arrived }),
        }
    }
}

/// Feeds arbitrary bytes in arbitrary pieces; for fuzzing. The first byte chooses the pieces' length, and whatever way
/// the bytes are cut, the same messages must come out.
///
/// # Panics
/// When the pieces change the result.
pub fn exercise_decoder(data: &[u8]) {
    let Some((&first, bytes)) = data.split_first() else {
        return;
    };
    let collect = |piece: usize| {
        let mut decoder = Decoder::new(4096);
        let mut messages = Vec::new();
        for bytes in bytes.chunks(piece) {
            decoder.feed(bytes);
            loop {
                match decoder.next_message() {
                    Ok(Some((kind, bytes))) => messages.push((kind, bytes.to_vec())),
                    Ok(None) => break,
                    Err(error) => return (messages, Err(error)),
                }
            }
        }
        (messages, decoder.finish())
    };
    assert_eq!(collect(usize::from(first) + 1), collect(bytes.len().max(1)));
}
