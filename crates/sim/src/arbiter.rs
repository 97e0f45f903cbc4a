//! Who is active: one word, changed by compare-and-swap, and the marks of those who went on alone.

use machine::{Epoch, FrameNumber, RpSlot};

/// The arbiter's words. They survive the processes.
#[derive(Clone, Debug)]
pub struct Arbiter {
    word: Epoch,
    marks: [Option<(Epoch, FrameNumber)>; 2],
    /// A planted bug: the next claim is granted without a swap.
    pub(crate) plant_grant_twice: bool,
}

impl Default for Arbiter {
    fn default() -> Self {
        Self {
            word: Epoch::NONE,
            marks: [None; 2],
            plant_grant_twice: false,
        }
    }
}

impl Arbiter {
    /// The present mastership.
    pub fn mastership(&self) -> Epoch {
        self.word
    }

    /// Swaps the word from `expected` to a new epoch of `slot` above `floor`; answers with that epoch and the mark of
    /// the activity that it succeeds.
    ///
    /// # Errors
    /// The holder, when the word is not `expected`.
    pub fn claim(
        &mut self,
        expected: Epoch,
        slot: RpSlot,
        floor: u64,
    ) -> Result<(Epoch, Option<(Epoch, FrameNumber)>), Epoch> {
        if core::mem::take(&mut self.plant_grant_twice) {
            let epoch = Epoch {
                counter: self.word.counter,
                slot,
            };
            return Ok((epoch, None));
        }
        if self.word != expected {
            return Err(self.word);
        }
        let counter = expected.counter.max(floor) + 1;
        self.word = Epoch { counter, slot };
        Ok((
            self.word,
            self.marks[expected.slot.index()].filter(|(epoch, _)| epoch.counter <= expected.counter),
        ))
    }

    /// Marks that the standby of `epoch` misses what came after `since`.
    ///
    /// # Errors
    /// The holder, when `epoch` is not the present activity: then nothing may be done alone.
    pub fn mark(&mut self, epoch: Epoch, since: FrameNumber) -> Result<(), Epoch> {
        self.marks[epoch.slot.index()] = Some((epoch, since));
        if self.word == epoch {
            Ok(())
        } else {
            Err(self.word)
        }
    }

    /// Takes the mark of `slot` back.
    pub fn clear(&mut self, slot: RpSlot) {
        self.marks[slot.index()] = None;
    }
}
