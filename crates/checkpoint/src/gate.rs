//! Holds what reveals state until the standby has that state.

use alloc::collections::VecDeque;
use machine::FrameNumber;

/// Outputs that wait, each for the acknowledgement of the frame that holds what it reveals.
///
/// Its length is bounded by the work of one out-of-step limit: when acknowledgements stay away for longer, the gate
/// is opened (after that fact was published), and so it never holds more than was asked for in that time.
#[derive(Debug)]
pub struct Gate<O> {
    waiting: VecDeque<(FrameNumber, O)>,
    peak: usize,
}

impl<O> Default for Gate<O> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            peak: 0,
        }
    }
}

impl<O> Gate<O> {
    /// An empty gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Holds `output` until `frame` is acknowledged.
    ///
    /// # Panics
    /// When `frame` is lower than that of an output already held: frames only grow.
    pub fn hold(&mut self, frame: FrameNumber, output: O) {
        assert!(
            self.waiting.back().is_none_or(|(last, _)| *last <= frame),
            "gated frames only grow"
        );
        self.waiting.push_back((frame, output));
        self.peak = self.peak.max(self.waiting.len());
    }

    /// Takes the oldest output whose frame is covered by `acknowledged`.
    pub fn release(&mut self, acknowledged: FrameNumber) -> Option<O> {
        if self.waiting.front()?.0 > acknowledged {
            return None;
        }
        self.waiting.pop_front().map(|(_, output)| output)
    }

    /// Number of outputs held.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Most outputs that were ever held.
    pub fn peak(&self) -> usize {
        self.peak
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
