//! What a process keeps about itself for its crash information: its last inputs and log lines, and a text about its state.
//!
//! ```text
//!   note("...") ──▶ ring of the last 16 KiB          set_state("...") ──▶ one of two buffers, then "this one counts"
//!                        └───────── for_each_portion, in a signal handler ─────────┘
//! ```
//!
//! All of it is bytes that are atomics: written without a lock, readable from a signal handler in the middle of a write.
//! What is being written then is torn, which in a text for people is harmless. Two threads that note at the same time may
//! mix their lines.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// Bytes of the ring.
const RING_BYTES: usize = 16 * 1024;
/// Bytes of a text about the state; what is longer is cut.
const STATE_BYTES: usize = 12 * 1024;
/// Longest host name (RFC 1035, section 2.3.4).
const NAME_BYTES: usize = 63;

static RING: [AtomicU8; RING_BYTES] = [const { AtomicU8::new(0) }; RING_BYTES];
static WRITTEN: AtomicUsize = AtomicUsize::new(0);
static STATES: [Text<STATE_BYTES>; 2] = [Text::new(), Text::new()];
static STATE: AtomicUsize = AtomicUsize::new(0);
static NAME: Text<NAME_BYTES> = Text::new();

struct Text<const BYTES: usize> {
    bytes: [AtomicU8; BYTES],
    length: AtomicUsize,
}

impl<const BYTES: usize> Text<BYTES> {
    const fn new() -> Self {
        Self {
            bytes: [const { AtomicU8::new(0) }; BYTES],
            length: AtomicUsize::new(0),
        }
    }

    fn set(&self, text: &str) {
        self.length.store(0, Ordering::SeqCst);
        for (place, byte) in self.bytes.iter().zip(text.bytes()) {
            place.store(byte, Ordering::Relaxed);
        }
        self.length.store(text.len().min(BYTES), Ordering::SeqCst);
    }

    fn bytes(&self) -> impl Iterator<Item = u8> + '_ {
        let length = self.length.load(Ordering::SeqCst).min(BYTES);
        self.bytes[..length]
            .iter()
            .map(|place| place.load(Ordering::Relaxed))
    }
}

/// Adds a line to the ring; the oldest bytes go.
pub fn note(line: &str) {
    let bytes = line.trim_end().bytes().chain([b'\n']);
    let mut at = WRITTEN.load(Ordering::Relaxed);
    for byte in bytes {
        RING[at % RING_BYTES].store(byte, Ordering::Relaxed);
        at = at.wrapping_add(1);
    }
    WRITTEN.store(at, Ordering::SeqCst);
}

/// Adds what happened at a moment, in milliseconds of this process's clock, to the ring. Allocates nothing.
pub fn note_event(at_ms: u64, what: &str) {
    let mut line = super::StackText::new();
    // A line that does not fit is cut.
    let _ = write!(line, "{at_ms:>10} {what}");
    note(line.as_str());
}

/// Says what the process's state is now, instead of what was said before.
pub fn set_state(text: &str) {
    let next = (STATE.load(Ordering::SeqCst) + 1) % STATES.len();
    STATES[next].set(text);
    STATE.store(next, Ordering::SeqCst);
}

/// Says what the router is called; the file's name begins with that.
pub fn set_host_name(name: &str) {
    NAME.set(name);
}

/// The router's name, made fit for a file; `Router` before one is set.
pub(super) fn host_name(out: &mut impl std::fmt::Write) -> std::fmt::Result {
    let mut any = false;
    for byte in NAME.bytes() {
        any = true;
        let fit = byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        out.write_char(if fit { char::from(byte) } else { '_' })?;
    }
    if any { Ok(()) } else { out.write_str("Router") }
}

/// The last text about the state, in portions. Async-signal-safe as far as `take` is.
pub(super) fn state(take: &mut dyn FnMut(&[u8])) {
    portions(STATES[STATE.load(Ordering::SeqCst) % STATES.len()].bytes(), take);
}

/// The ring from its oldest whole line on, in portions. Async-signal-safe as far as `take` is.
pub(super) fn ring(take: &mut dyn FnMut(&[u8])) {
    let written = WRITTEN.load(Ordering::SeqCst);
    let kept = written.min(RING_BYTES);
    let byte = |at: usize| RING[at % RING_BYTES].load(Ordering::Relaxed);
    let first = written.wrapping_sub(kept);
    // What is left of a line whose beginning has gone is of no use.
    let skipped = if written > RING_BYTES {
        (0..kept)
            .find(|offset| byte(first.wrapping_add(*offset)) == b'\n')
            .map_or(0, |offset| offset + 1)
    } else {
        0
    };
    portions(
        (skipped..kept).map(|offset| byte(first.wrapping_add(offset))),
        take,
    );
}

fn portions(bytes: impl Iterator<Item = u8>, take: &mut dyn FnMut(&[u8])) {
    let mut portion = [0u8; 512];
    let mut length = 0;
    for byte in bytes {
        portion[length] = byte;
        length += 1;
        if length == portion.len() {
            take(&portion);
            length = 0;
        }
    }
    take(&portion[..length]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(read: impl Fn(&mut dyn FnMut(&[u8]))) -> String {
        let mut bytes = Vec::new();
        read(&mut |portion| bytes.extend_from_slice(portion));
        String::from_utf8(bytes).expect("ASCII went in")
    }

    /// One test, because the box is one for the process.
    #[test]
    fn the_ring_keeps_the_last_whole_lines_and_the_state_is_the_last_one() {
        let mut name = String::new();
        host_name(&mut name).unwrap();
        assert_eq!(name, "Router");
        set_host_name("east/1");
        name.clear();
        host_name(&mut name).unwrap();
        assert_eq!(name, "east_1");
        for number in 0..3_000 {
            note(&format!("line {number}\n"));
        }
        note_event(1_234, "punt");
        let kept = text(ring);
        assert!(kept.len() <= RING_BYTES, "{}", kept.len());
        let lines: Vec<&str> = kept.lines().collect();
        assert!(lines.len() > 1_000);
        assert_eq!(lines[lines.len() - 1], "      1234 punt");
        assert_eq!(lines[lines.len() - 2], "line 2999");
        assert!(lines.iter().rev().skip(1).all(|line| line.starts_with("line ")));
        set_state("first\n");
        set_state("second\n");
        assert_eq!(text(state), "second\n");
        set_state(&"x".repeat(2 * STATE_BYTES));
        assert_eq!(text(state).len(), STATE_BYTES);
    }
}
