//! The startup configuration, or the switchover history, on its way to the disk.
//!
//! A disk that is busy takes a second for one sync, and a work loop that waits for it is taken for a hung one. So a thread
//! does the waiting:
//!
//! ```text
//!   loop ── text ──▶ pending ──▶ thread: replace the file, sync ──▶ results, waker ──▶ loop: NvramWritten
//! ```
//!
//! Texts that come while one is being written are written once, the newest: there is one text, however many come, and the
//! numbers of the writes that are owed its outcome.

use crate::event_loop::Waker;
use rustix::fd::{AsFd, BorrowedFd};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Writes one file, newest text last.
pub(super) struct NvramWriter {
    shared: Arc<Shared>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    text: Option<String>,
    /// Numbers of the writes that are owed an answer: that of `text` and of what it has replaced.
    owed: Vec<u64>,
    /// Outcomes that the loop has not taken yet, one for each write.
    outcomes: Vec<(u64, Result<(), String>)>,
    /// A text is on its way to the disk.
    writing: bool,
    closing: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NvramWriter {
    /// A writer of the file at `path`. Start it after the process's signals are taken.
    pub(super) fn start(path: PathBuf) -> io::Result<NvramWriter> {
        let (shared, waker) = (Arc::new(Shared::default()), Waker::new()?);
        let (their_shared, their_waker) = (shared.clone(), waker.try_clone()?);
        let thread = std::thread::Builder::new()
            .name("nvram".into())
            .spawn(move || work(&path, &their_shared, &their_waker))?;
        Ok(NvramWriter {
            shared,
            waker,
            thread: Some(thread),
        })
    }

    /// Has `text` written. Its outcome is among those of [`NvramWriter::outcomes`] some day.
    pub(super) fn write(&self, number: u64, text: String) {
        let mut state = self.shared.lock();
        state.text = Some(text);
        state.owed.push(number);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// For another thread that wants to know when all is written.
    pub(super) fn written(&self) -> Written {
        Written(self.shared.clone())
    }

    /// What has come of writes since the last call, by number. Call it when the descriptor is readable.
    pub(super) fn outcomes(&self) -> Vec<(u64, Result<(), String>)> {
        self.waker.drain();
        std::mem::take(&mut self.shared.lock().outcomes)
    }
}

/// Tells when a writer has nothing left to write.
pub(super) struct Written(Arc<Shared>);

impl Written {
    /// Waits for that, but not longer than `limit`.
    pub(super) fn wait(&self, limit: Duration) {
        let busy = |state: &mut State| state.writing || state.text.is_some();
        let state = self.0.lock();
        // What a disk does not take in this time is not waited for; the writer tells of its errors.
        let _waited = self.0.changed.wait_timeout_while(state, limit, busy);
    }
}

impl AsFd for NvramWriter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.waker.as_fd()
    }
}

impl Drop for NvramWriter {
    /// Waits until what was handed over is written.
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic in it has ended the process already.
            let _ended = thread.join();
        }
    }
}

fn work(path: &Path, shared: &Shared, waker: &Waker) {
    let mut state = shared.lock();
    loop {
        let Some(text) = state.text.take() else {
            if state.closing {
                return;
            }
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let owed = std::mem::take(&mut state.owed);
        state.writing = true;
        drop(state);
        let outcome = crate::file::replace(path, text.as_bytes()).map_err(|error| error.to_string());
        if let Err(error) = &outcome {
            super::log_line(&format!("NVRAM not written: {error}"));
        }
        state = shared.lock();
        state.writing = false;
        shared.changed.notify_all();
        state
            .outcomes
            .extend(owed.into_iter().map(|number| (number, outcome.clone())));
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_loop::{EventLoop, Interest};
    use crate::test_directory::TestDirectory;

    /// As many outcomes as were asked for.
    fn wait_for(writer: &NvramWriter, count: usize) -> Vec<(u64, Result<(), String>)> {
        let mut events = EventLoop::new().unwrap();
        events.add(writer, 1, Interest::READ).unwrap();
        let (mut outcomes, mut ready) = (Vec::new(), Vec::new());
        while outcomes.len() < count {
            events.wait(None, &mut ready).unwrap();
            outcomes.extend(writer.outcomes());
        }
        outcomes
    }

    #[test]
    fn each_write_is_answered_once_and_the_newest_text_stays() {
        let place = TestDirectory::new("nvram");
        let path = place.path().join("startup-config");
        let writer = NvramWriter::start(path.clone()).unwrap();
        for number in 0..20 {
            writer.write(number, format!("text {number}"));
        }
        let answers: Vec<_> = (0..20).map(|number| (number, Ok(()))).collect();
        assert_eq!(wait_for(&writer, 20), answers);
        drop(writer);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "text 19");
    }

    #[test]
    fn another_thread_can_wait_until_all_is_written() {
        let place = TestDirectory::new("nvram-wait");
        let path = place.path().join("redundancy-history");
        let writer = NvramWriter::start(path.clone()).unwrap();
        for number in 0..50 {
            writer.write(0, format!("text {number}"));
            writer.written().wait(Duration::from_secs(60));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("text {number}"));
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error_that_names_the_file() {
        let place = TestDirectory::new("nvram-missing");
        let writer = NvramWriter::start(place.path().join("gone/startup-config")).unwrap();
        writer.write(7, "text".into());
        let outcomes = wait_for(&writer, 1);
        let (number, result) = &outcomes[0];
        assert_eq!(*number, 7);
        let error = result.as_ref().unwrap_err();
        assert!(error.contains("gone/startup-config"), "{error}");
    }

    #[test]
    fn what_was_handed_over_is_written_before_the_writer_goes() {
        let place = TestDirectory::new("nvram-last");
        let path = place.path().join("startup-config");
        let writer = NvramWriter::start(path.clone()).unwrap();
        writer.write(1, "last".into());
        drop(writer);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "last");
    }
}
