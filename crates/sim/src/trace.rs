//! What happened, as one number, and on request in words.
//!
//! Each input and each output of each node goes into the hash with the moment, the node and a fingerprint of its
//! content. Two runs of one seed have equal hashes, or something in them was not determined by the seed.

use machine::Instant;
use std::collections::VecDeque;
use std::io::Write;

/// Lines kept for a failure's report.
const LINES_KEPT: usize = 400;

/// How much of a run is put in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceLevel {
    /// Only the hash.
    Hash,
    /// The last lines, for a failure's report.
    Tail,
    /// Every line, to standard output.
    All,
}

/// The trace of a run.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    entries: u64,
    level: TraceLevel,
    lines: VecDeque<String>,
}

impl Trace {
    /// An empty trace.
    pub fn new(level: TraceLevel) -> Self {
        Self {
            hash: 0x9e37_79b9_7f4a_7c15,
            entries: 0,
            level,
            lines: VecDeque::new(),
        }
    }

    /// Adds what happened at `node`; `words` are made only when somebody reads them.
    pub fn note(&mut self, now: Instant, node: &str, content: u64, words: impl FnOnce() -> String) {
        self.entries += 1;
        let name = node.bytes().fold(0u64, |name, byte| name << 8 | u64::from(byte));
        for word in [now.as_nanos(), name, content] {
            self.hash = (self.hash.rotate_left(23) ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
        }
        if self.level == TraceLevel::Hash {
            return;
        }
        let nanos = now.as_nanos();
        let line = format!(
            "{:>6}.{:06} ms {node:<5} {}",
            nanos / 1_000_000,
            nanos % 1_000_000,
            words()
        );
        if self.level == TraceLevel::All {
            // A run does not depend on whether somebody reads its trace to the end.
            let _nobody_reads = writeln!(std::io::stdout(), "{line}");
        }
        if self.lines.len() == LINES_KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The hash over everything so far.
    pub fn hash(&self) -> u64 {
        self.hash ^ self.entries
    }

    /// Number of entries.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// The last lines, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}

/// A fingerprint of bytes.
pub(crate) fn of_bytes(kind: u8, bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes) ^ u64::from(kind).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
