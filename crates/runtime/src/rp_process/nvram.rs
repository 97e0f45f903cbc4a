//! The startup configuration, or the switchover history, on its way to the disk.
//!
//! A disk that is busy takes a second for one sync, so a worker does the waiting. Texts that come while one is being written
//! are written once, the newest: there is one text, however many come, and the numbers of the writes that are owed its
//! outcome.

use super::worker::{Done, Work, Worker};
use rustix::fd::{AsFd, BorrowedFd};
use std::io;
use std::path::PathBuf;

/// Writes one file, newest text last.
pub(super) struct NvramWriter(Worker<Nvram>);

/// A text, and the numbers of the writes that are owed its outcome: its own and those of the texts that it has replaced.
pub(super) struct Save {
    text: String,
    owed: Vec<u64>,
}

/// Tells when a writer has nothing left to write. It tells of its errors itself.
pub(super) type Written = Done<Nvram>;

pub(super) struct Nvram(PathBuf);

impl Work for Nvram {
    type Job = Save;
    type Result = (u64, Result<(), String>);
    const NAME: &'static str = "nvram";

    fn run(&mut self, save: Save) -> Vec<Self::Result> {
        let outcome = crate::file::replace(&self.0, save.text.as_bytes()).map_err(|error| error.to_string());
        if let Err(error) = &outcome {
            super::log_line(&format!("NVRAM not written: {error}"));
        }
        let each = save.owed.into_iter();
        each.map(|number| (number, outcome.clone())).collect()
    }
}

impl NvramWriter {
    /// A writer of the file at `path`. Start it after the process's signals are taken.
    pub(super) fn start(path: PathBuf) -> io::Result<NvramWriter> {
        Worker::start(Nvram(path)).map(NvramWriter)
    }

    /// Has `text` written. Its outcome is among those of [`NvramWriter::outcomes`] some day.
    pub(super) fn write(&self, number: u64, text: String) {
        self.0.replace(|waiting| {
            let mut owed = waiting.map_or_else(Vec::new, |save| save.owed);
            owed.push(number);
            Save { text, owed }
        });
    }

    /// For another thread that wants to know when all is written.
    pub(super) fn written(&self) -> Written {
        self.0.done()
    }

    /// What has come of writes since the last call, by number. Call it when the descriptor is readable.
    pub(super) fn outcomes(&self) -> Vec<(u64, Result<(), String>)> {
        self.0.results()
    }
}

impl AsFd for NvramWriter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_loop::{EventLoop, Interest};
    use crate::test_directory::TestDirectory;
    use std::time::Duration;

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
