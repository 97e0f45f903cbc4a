//! What a test packet carries, so that its receiver knows which one it is.
//!
//! ```text
//!  0         4         8                  16                  24          length
//!  | magic   | stream  | sequence         | sent, nanoseconds | fill ...  |
//! ```
//!
//! Numbers are in network byte order; the fill counts up from 0 modulo 251, a period that no header length divides.

use machine::Instant;

/// Bytes before the fill.
pub const HEADER_LEN: usize = 24;

/// Which kind of stream a packet is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A one-way stream of datagrams.
    Flow,
    /// An echo request and its answer.
    Probe,
}

impl Kind {
    const fn magic(self) -> [u8; 4] {
        match self {
            Kind::Flow => *b"HoFl",
            Kind::Probe => *b"HoPr",
        }
    }
}

/// One test packet's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Kind of stream.
    pub kind: Kind,
    /// Number of the stream.
    pub stream: u32,
    /// Number of the packet in the stream.
    pub sequence: u64,
    /// When it left, on the sender's clock.
    pub sent_at: Instant,
}

impl Payload {
    /// Reads a payload; `None` when it is none of ours.
    pub fn parse(bytes: &[u8]) -> Option<Payload> {
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let (stream, rest) = rest.split_first_chunk::<4>()?;
        let (sequence, rest) = rest.split_first_chunk::<8>()?;
        let sent_ns = rest.first_chunk::<8>()?;
        let kind = [Kind::Flow, Kind::Probe]
            .into_iter()
            .find(|kind| kind.magic() == *magic)?;
        Some(Payload {
            kind,
            stream: u32::from_be_bytes(*stream),
            sequence: u64::from_be_bytes(*sequence),
            sent_at: Instant::from_nanos(u64::from_be_bytes(*sent_ns)),
        })
    }

    /// Writes the header over the start of `buffer`.
    ///
    /// # Panics
    /// When `buffer` is shorter than [`HEADER_LEN`].
    pub fn emit(&self, buffer: &mut [u8]) {
        buffer[0..4].copy_from_slice(&self.kind.magic());
        buffer[4..8].copy_from_slice(&self.stream.to_be_bytes());
        buffer[8..16].copy_from_slice(&self.sequence.to_be_bytes());
        buffer[16..24].copy_from_slice(&self.sent_at.as_nanos().to_be_bytes());
    }
}

/// Writes the fill over `buffer`, header included: it is written once, and the header each time.
pub fn fill(buffer: &mut [u8]) {
    for (index, byte) in buffer.iter_mut().enumerate() {
        *byte = (index.saturating_sub(HEADER_LEN) % 251) as u8;
    }
}
