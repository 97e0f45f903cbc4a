//! A bounded queue of frames in one block of memory.

use std::collections::VecDeque;

/// Frames in the order in which they came, each contiguous, in memory that is taken once.
///
/// While the queue is short it stays at the start of the block, so a wire that is never behind touches only its first
/// pages.
pub struct FrameRing {
    bytes: Box<[u8]>,
    entries: VecDeque<Entry>,
    frames_max: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    start: usize,
    len: usize,
}

impl FrameRing {
    /// A queue of at most `frames_max` frames and `bytes_max` bytes, whichever is reached first.
    pub fn new(frames_max: usize, bytes_max: usize) -> FrameRing {
        FrameRing {
            bytes: vec![0; bytes_max].into_boxed_slice(),
            entries: VecDeque::with_capacity(frames_max),
            frames_max,
        }
    }

    /// Appends the frame that consists of `head` and `tail`; false, and nothing is kept, when there is no room.
    pub fn push(&mut self, head: &[u8], tail: &[u8]) -> bool {
        let len = head.len() + tail.len();
        if self.entries.len() >= self.frames_max {
            return false;
        }
        let Some(start) = self.place(len) else {
            return false;
        };
        let place = &mut self.bytes[start..start + len];
        place[..head.len()].copy_from_slice(head);
        place[head.len()..].copy_from_slice(tail);
        self.entries.push_back(Entry { start, len });
        true
    }

    /// The oldest frames, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.entries
            .iter()
            .map(|entry| &self.bytes[entry.start..entry.start + entry.len])
    }

    /// Drops the `count` oldest frames.
    pub fn pop(&mut self, count: usize) {
        self.entries.drain(..count.min(self.entries.len()));
    }

    /// Frames held.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Frames that can still be taken, if the bytes allow.
    pub fn room(&self) -> usize {
        self.frames_max - self.entries.len()
    }

    /// Drops everything; returns how many frames that were.
    pub fn clear(&mut self) -> usize {
        let count = self.entries.len();
        self.entries.clear();
        count
    }

    /// Where `len` contiguous bytes are free.
    fn place(&self, len: usize) -> Option<usize> {
        let (Some(first), Some(last)) = (self.entries.front(), self.entries.back()) else {
            return (len <= self.bytes.len()).then_some(0);
        };
        let tail = last.start + last.len;
        let wrapped = last.start < first.start;
        if wrapped {
            (first.start - tail >= len).then_some(tail)
        } else if self.bytes.len() - tail >= len {
            Some(tail)
        } else {
            (first.start >= len).then_some(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FrameRing;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[test]
    fn a_full_queue_refuses_and_keeps_what_it_has() {
        let mut ring = FrameRing::new(2, 100);
        assert!(ring.push(b"a", b"b"));
        assert!(ring.push(b"", b"cd"));
        assert!(!ring.push(b"", b"e"));
        assert_eq!(ring.iter().collect::<Vec<_>>(), [b"ab", b"cd"]);
        assert_eq!((ring.len(), ring.room()), (2, 0));
        let mut small = FrameRing::new(8, 4);
        assert!(!small.push(b"abc", b"de"));
        assert!(small.push(b"", b"abcd"));
        assert!(!small.push(b"", b"e"));
    }

    proptest! {
        /// Operations: a length above 0 pushes that many bytes, 0 pops one.
        #[test]
        fn frames_come_out_whole_and_in_order(operations in proptest::collection::vec(0usize..40, 0..200)) {
            let mut ring = FrameRing::new(7, 100);
            let mut model: VecDeque<Vec<u8>> = VecDeque::new();
            for (number, length) in operations.into_iter().enumerate() {
                if length == 0 {
                    ring.pop(1);
                    model.pop_front();
                    continue;
                }
                let frame: Vec<u8> = (0..length).map(|byte| (number + byte) as u8).collect();
                let (head, tail) = frame.split_at(length / 3);
                if ring.push(head, tail) {
                    model.push_back(frame);
                } else {
                    let held: usize = model.iter().map(Vec::len).sum();
                    // Wrapping may waste less than one frame at the end and one at the start.
                    prop_assert!(model.len() == 7 || held + 2 * 40 + length > 100);
                }
                prop_assert_eq!(ring.iter().collect::<Vec<_>>(), model.iter().collect::<Vec<_>>());
            }
        }
    }
}
