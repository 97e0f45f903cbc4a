//! What a router has sent on one TCP connection, byte by byte, as the segments themselves say.
//!
//! TCP hands each byte up once and hides what came again. A router that was taken over has to send again what nobody
//! has acknowledged, and it has to be the same: so this looks at every segment before TCP does.

use packet::tcp::Flags;

/// A byte that has not come yet.
const UNKNOWN: u16 = 0x100;
/// Bytes beyond the first that a segment may start at before it counts as nonsense: more than any window.
const AHEAD_MAX: usize = 1 << 20;

/// The bytes of one direction of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Tape {
    /// Number of the SYN.
    initial: u32,
    bytes: Vec<u16>,
    /// How many are known without a gap.
    whole: usize,
    end: Option<usize>,
    /// Segments that brought a byte that was there before.
    pub(crate) repeated: u64,
}

impl Tape {
    /// A connection whose sender began with the sequence number `initial`.
    pub(crate) fn new(initial: u32) -> Self {
        Self {
            initial,
            bytes: Vec::new(),
            whole: 0,
            end: None,
            repeated: 0,
        }
    }

    /// Number of the SYN.
    pub(crate) fn initial(&self) -> u32 {
        self.initial
    }

    /// The sequence number of the first byte that has not come.
    pub(crate) fn next(&self) -> u32 {
        self.initial.wrapping_add(1).wrapping_add(self.whole as u32)
    }

    /// A segment came.
    ///
    /// # Errors
    /// What is wrong with it, in words: a byte that was another one before, or a byte behind the end.
    pub(crate) fn segment(&mut self, sequence: u32, flags: Flags, payload: &[u8]) -> Result<(), String> {
        if flags.contains(Flags::SYN) || flags.contains(Flags::RST) {
            return Ok(());
        }
        let start = sequence.wrapping_sub(self.initial.wrapping_add(1)) as usize;
        if start > self.whole + AHEAD_MAX {
            // Below the first byte: a probe of a live connection repeats the byte before (RFC 9293 section 3.8.4).
            return Ok(());
        }
        let end = start + payload.len();
        if payload.is_empty() && !flags.contains(Flags::FIN) {
            // An acknowledgement: behind a FIN its number is one beyond the last byte.
            return Ok(());
        }
        if self.end.is_some_and(|known| end > known) {
            return Err(format!("byte {end} comes behind the end of the stream"));
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, UNKNOWN);
        }
        let mut again = false;
        for (offset, byte) in (start..).zip(payload) {
            let known = &mut self.bytes[offset];
            if *known == UNKNOWN {
                *known = u16::from(*byte);
            } else if *known != u16::from(*byte) {
                return Err(format!(
                    "byte {offset} was {known:#04x} and comes again as {byte:#04x}"
                ));
            } else {
                again = true;
            }
        }
        self.repeated += u64::from(again);
        while self.bytes.get(self.whole).is_some_and(|byte| *byte != UNKNOWN) {
            self.whole += 1;
        }
        if flags.contains(Flags::FIN) {
            match self.end {
                Some(known) if known != end => {
                    return Err(format!("the stream ended at byte {known}, and now at {end}"));
                }
                _ if self.bytes.len() > end => {
                    return Err(format!("the stream ends at byte {end}, and there were more"));
                }
                _ => self.end = Some(end),
            }
        }
        Ok(())
    }

    /// Whether what TCP hands up from byte `offset` on is what the segments brought.
    pub(crate) fn agrees(&self, offset: usize, bytes: &[u8]) -> bool {
        self.bytes.get(offset..offset + bytes.len()).is_some_and(|known| {
            known
                .iter()
                .zip(bytes)
                .all(|(known, byte)| *known == u16::from(*byte))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISN: u32 = u32::MAX - 2;

    fn at(offset: u32) -> u32 {
        ISN.wrapping_add(1).wrapping_add(offset)
    }

    #[test]
    fn a_segment_that_comes_again_with_other_boundaries_is_the_same_bytes_or_an_error() {
        let mut tape = Tape::new(ISN);
        assert_eq!(tape.segment(at(0), Flags::ACK, b"abcd"), Ok(()));
        assert_eq!(tape.segment(at(2), Flags::ACK, b"cdef"), Ok(()));
        assert_eq!(tape.repeated, 1);
        assert!(tape.agrees(0, b"abcdef"));
        assert!(!tape.agrees(0, b"abcdxf"));
        assert!(!tape.agrees(4, b"efg"));
        let wrong = tape.segment(at(3), Flags::ACK, b"deF");
        assert_eq!(
            wrong,
            Err(String::from("byte 5 was 0x66 and comes again as 0x46"))
        );
    }

    #[test]
    fn a_gap_is_filled_and_a_stream_ends_once() {
        let mut tape = Tape::new(ISN);
        assert_eq!(tape.segment(at(2), Flags::ACK, b"cd"), Ok(()));
        assert!(!tape.agrees(0, b"ab"));
        assert_eq!(tape.segment(at(0), Flags::ACK, b"ab"), Ok(()));
        assert!(tape.agrees(0, b"abcd"));
        assert_eq!(tape.segment(at(4), Flags::FIN, b""), Ok(()));
        assert_eq!(tape.segment(at(4), Flags::FIN, b""), Ok(()));
        assert!(tape.segment(at(4), Flags::ACK, b"e").is_err());
        assert!(tape.segment(at(3), Flags::FIN, b"").is_err());
    }
}
