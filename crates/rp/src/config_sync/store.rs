//! The startup configuration that this route processor has to keep: written until it is there.
//!
//! ```text
//!   want ──▶ Writing ── written ──▶ Stored
//!              ▲  └──── failed ───▶ Waiting, 1 s, 2 s, 4 s ... 60 s
//!              └───────────────────────┘
//! ```
//!
//! A text that comes while another one is being written replaces it: only the newest matters.

use super::text_digest;
use crate::io::RpOutput;
use alloc::string::String;
use machine::{Deadline, Duration, Instant, Outbox};

/// The time until the first new try.
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// The longest time between two tries.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// A text in NVRAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Digest of the text.
    pub digest: u64,
    /// Its length in bytes.
    pub bytes: usize,
    /// When the write had succeeded.
    pub at: Instant,
}

/// Why a text is not in NVRAM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotStored {
    /// Digest of the text.
    pub digest: u64,
    /// Its length in bytes.
    pub bytes: usize,
    /// What the disk said.
    pub why: String,
    /// Tries that have failed.
    pub failures: u32,
    /// When the next one begins.
    pub retry_at: Instant,
}

/// The NVRAM of this route processor.
#[derive(Clone, Debug, Default)]
pub(crate) struct StartupStore {
    last_number: u64,
    stored: Option<Stored>,
    /// The text that is to be there and of which that is not known.
    wanted: Option<String>,
    /// Number, digest and length of the write under way.
    writing: Option<(u64, u64, usize)>,
    failed: Option<NotStored>,
}

impl StartupStore {
    /// The number of the next write.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// The text that this life knows to be there.
    pub(crate) fn stored(&self) -> Option<Stored> {
        self.stored
    }

    /// What went wrong with the newest text.
    pub(crate) fn failed(&self) -> Option<&NotStored> {
        self.failed.as_ref()
    }

    /// Whether a text is on its way to the disk or waits for another try.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.wanted.is_some()
    }

    /// Keeps `text` from now on. Nothing is done when it is known to be there.
    pub(crate) fn want(&mut self, text: String, out: &mut Outbox<RpOutput>) {
        let digest = text_digest(&text);
        if self.wanted.is_none() && self.stored.is_some_and(|stored| stored.digest == digest) {
            return;
        }
        self.wanted = Some(text);
        self.failed = None;
        self.write(out);
    }

    fn write(&mut self, out: &mut Outbox<RpOutput>) {
        let Some(text) = self.wanted.clone() else { return };
        let number = self.next_number();
        self.writing = Some((number, text_digest(&text), text.len()));
        out.now(RpOutput::WriteNvram { number, text });
    }

    /// Somebody else has written this text: what was wanted before is of the past.
    pub(crate) fn replaced(&mut self, now: Instant, text: &str) {
        *self = Self {
            last_number: self.last_number,
            stored: Some(Stored {
                digest: text_digest(text),
                bytes: text.len(),
                at: now,
            }),
            ..Self::default()
        };
    }

    /// A write has come to its end. Returns whether it was one of the store's own newest text.
    pub(crate) fn written(&mut self, now: Instant, number: u64, result: &Result<(), String>) -> bool {
        let Some((writing, digest, bytes)) = self.writing else {
            return false;
        };
        if writing != number {
            return false;
        }
        self.writing = None;
        match result {
            Ok(()) => {
                self.stored = Some(Stored {
                    digest,
                    bytes,
                    at: now,
                });
                self.wanted = None;
                self.failed = None;
            }
            Err(why) => {
                let failures = self
                    .failed
                    .as_ref()
                    .map_or(1, |before| before.failures.saturating_add(1));
                let retry_at = now + retry_after(failures);
                self.failed = Some(NotStored {
                    digest,
                    bytes,
                    why: why.clone(),
                    failures,
                    retry_at,
                });
            }
        }
        true
    }

    /// Tries again when that is due.
    pub(crate) fn expire(&mut self, now: Instant, out: &mut Outbox<RpOutput>) {
        if self.retry_at().is_some_and(|at| at <= now) {
            self.write(out);
        }
    }

    fn retry_at(&self) -> Option<Instant> {
        let failed = self.failed.as_ref()?;
        (self.wanted.is_some() && self.writing.is_none()).then_some(failed.retry_at)
    }

    /// When [`StartupStore::expire`] has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Deadline> {
        self.retry_at()
            .map(|at| (at, "startup configuration is written again"))
    }
}

fn retry_after(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    RETRY_FIRST.saturating_mul(1 << doublings).min(RETRY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn writes(out: &mut Outbox<RpOutput>) -> Vec<(u64, String)> {
        out.drain()
            .filter_map(|(_, output)| match output {
                RpOutput::WriteNvram { number, text } => Some((number, text)),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_text_is_written_again_and_again_with_growing_pauses_until_it_is_there() {
        let (mut store, mut out) = (StartupStore::default(), Outbox::new());
        let mut now = Instant::from_millis(0);
        store.want("text".into(), &mut out);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            let [(number, _)] = writes(&mut out).try_into().expect("one write");
            assert!(store.written(now, number, &Err("full".into())));
            let (at, _) = store.next_deadline().expect("another try");
            pauses.push((at - now).as_secs());
            store.expire(now, &mut out);
            assert!(writes(&mut out).is_empty(), "not before its time");
            now = at;
            store.expire(now, &mut out);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        let [(number, text)] = writes(&mut out).try_into().expect("one write");
        assert_eq!(text, "text");
        assert!(store.written(now, number, &Ok(())));
        assert_eq!((store.next_deadline(), store.failed()), (None, None));
        assert_eq!(store.stored().map(|stored| stored.bytes), Some(4));
    }

    #[test]
    fn a_newer_text_takes_the_place_of_one_that_waits_and_an_old_outcome_does_not_count() {
        let (mut store, mut out) = (StartupStore::default(), Outbox::new());
        let now = Instant::from_millis(0);
        store.want("old".into(), &mut out);
        store.want("new".into(), &mut out);
        let [(old, _), (new, text)] = writes(&mut out).try_into().expect("two writes");
        assert_eq!(text, "new");
        assert!(!store.written(now, old, &Ok(())));
        assert!(store.is_unsettled());
        assert!(store.written(now, new, &Ok(())));
        assert_eq!(
            store.stored().map(|stored| stored.digest),
            Some(text_digest("new"))
        );
        store.want("new".into(), &mut out);
        assert!(writes(&mut out).is_empty(), "it is there");
    }
}
