//! The slots that an operator has stopped: one name a line, in the state directory, so that they stay stopped when the
//! chassis starts again.

use super::Unit;
use crate::file::{self, FileError};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The file in the state directory.
const FILE_NAME: &str = "stopped-slots";
/// Longest file in bytes.
const LENGTH_MAX: u64 = 4096;

/// The stopped slots, as they are on the disk.
#[derive(Debug)]
pub(super) struct StoppedSlots {
    path: PathBuf,
    slots: BTreeSet<Unit>,
}

impl StoppedSlots {
    /// What was kept. A line that names no slot is of no use, and no harm.
    pub(super) fn load(state_directory: &Path) -> Result<StoppedSlots, FileError> {
        let path = state_directory.join(FILE_NAME);
        let bytes = file::read_bounded(&path, LENGTH_MAX)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let slots = text.lines().filter_map(|line| line.trim().parse().ok()).collect();
        Ok(StoppedSlots { path, slots })
    }

    /// Whether an operator has stopped this slot.
    pub(super) fn contains(&self, slot: Unit) -> bool {
        self.slots.contains(&slot)
    }

    /// Keeps that a slot is stopped, or is no more.
    ///
    /// # Errors
    /// When that cannot be written; then nothing has changed.
    pub(super) fn set(&mut self, slot: Unit, stopped: bool) -> Result<(), FileError> {
        let mut slots = self.slots.clone();
        let changed = if stopped {
            slots.insert(slot)
        } else {
            slots.remove(&slot)
        };
        if changed {
            let text: String = slots.iter().map(|slot| format!("{slot}\n")).collect();
            file::replace(&self.path, text.as_bytes())?;
            self.slots = slots;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_directory::TestDirectory;
    use machine::{CardSlot, RpSlot};

    #[test]
    fn what_is_stopped_is_still_stopped_when_it_is_read_again() {
        let directory = TestDirectory::new("stopped");
        let card = Unit::Card(CardSlot(3));
        let rp = Unit::Rp(RpSlot::R1);
        let mut stopped = StoppedSlots::load(directory.path()).unwrap();
        assert!(!stopped.contains(card));
        stopped.set(card, true).unwrap();
        stopped.set(rp, true).unwrap();
        stopped.set(rp, false).unwrap();
        let again = StoppedSlots::load(directory.path()).unwrap();
        assert!(again.contains(card) && !again.contains(rp));
    }

    #[test]
    fn a_disk_that_cannot_be_written_leaves_all_as_it_was() {
        let directory = TestDirectory::new("stopped-disk");
        let mut stopped = StoppedSlots::load(directory.path()).unwrap();
        std::fs::create_dir(directory.path().join(FILE_NAME)).unwrap();
        assert!(stopped.set(Unit::Card(CardSlot(0)), true).is_err());
        assert!(!stopped.contains(Unit::Card(CardSlot(0))));
    }
}
