//! The card's end: whom it obeys, and where it stands in the sequence of frames.

use alloc::vec::Vec;
use checkpoint::{RecordError, RowReader, row_hash};
use machine::{Epoch, FrameNumber};

/// A connection from a route processor, numbered by the driver; a number is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId(pub u64);

/// The answer to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimAnswer {
    /// Accepted. The link of the epoch before, if there is one, is to be closed and its unread messages dropped.
    Accepted {
        /// That link.
        displaced: Option<LinkId>,
    },
    /// Refused: this epoch was accepted before.
    Refused(Epoch),
}

/// The epoch fence and the card's place in the sequence of frames.
///
/// A card obeys one link at a time: the one that claimed with the highest epoch. Equal claims by the same slot are a
/// reconnection and accepted; a lower one is refused for good.
#[derive(Debug)]
pub struct CardEnd {
    epoch: Epoch,
    link: Option<LinkId>,
    frame: FrameNumber,
    digest: u64,
    mixed: bool,
    out_of_step: Option<(Epoch, FrameNumber)>,
}

impl Default for CardEnd {
    fn default() -> Self {
        Self {
            epoch: Epoch::NONE,
            link: None,
            frame: FrameNumber(0),
            digest: 0,
            mixed: false,
            out_of_step: None,
        }
    }
}

impl CardEnd {
    /// A card that nobody has claimed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Judges a claim that arrived on `link`.
    pub fn claim(&mut self, link: LinkId, epoch: Epoch) -> ClaimAnswer {
        let fenced = epoch.counter < self.epoch.counter
            || (epoch.counter == self.epoch.counter && epoch.slot != self.epoch.slot);
        if fenced {
            return ClaimAnswer::Refused(self.epoch);
        }
        self.epoch = epoch;
        let displaced = self.link.replace(link).filter(|old| *old != link);
        ClaimAnswer::Accepted { displaced }
    }

    /// Whether messages of `link` are obeyed.
    pub fn obeys(&self, link: LinkId) -> bool {
        self.link == Some(link)
    }

    /// The link that is obeyed; `None` while the card is headless.
    pub fn link(&self) -> Option<LinkId> {
        self.link
    }

    /// A connection is gone; returns whether the card is headless by that.
    pub fn disconnected(&mut self, link: LinkId) -> bool {
        let was_obeyed = self.obeys(link);
        if was_obeyed {
            self.link = None;
        }
        was_obeyed
    }

    /// The highest epoch accepted.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The last frame whose rows are here whole.
    pub fn frame(&self) -> FrameNumber {
        self.frame
    }

    /// Digest over the rows applied.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Whether rows were applied whose frame has not ended: the digest is of a mixture.
    pub fn mixed(&self) -> bool {
        self.mixed
    }

    /// The standing word of an active that its standby was out of step.
    pub fn out_of_step(&self) -> Option<(Epoch, FrameNumber)> {
        self.out_of_step
    }

    /// Takes the active's word about its standby.
    pub fn note_out_of_step(&mut self, since: Option<FrameNumber>) {
        self.out_of_step = since.map(|frame| (self.epoch, frame));
    }

    /// A row changed: `old_hash` is the hash it had (0: it was not there), `new_hash` the one it has (0: removed).
    pub fn row_changed(&mut self, old_hash: u64, new_hash: u64) {
        self.mixed = true;
        self.digest = self.digest.wrapping_sub(old_hash).wrapping_add(new_hash);
    }

    /// A frame or a refresh has ended; returns whether the digests agree.
    pub fn frame_end(&mut self, frame: FrameNumber, digest: u64) -> bool {
        self.frame = frame;
        self.mixed = false;
        self.digest == digest
    }

    /// Hash of a row as it arrived.
    ///
    /// # Errors
    /// When the bytes are no list of rows; nothing of the list should be applied then.
    pub fn hashed_rows(rows: &[u8]) -> Result<Vec<(checkpoint::RowRef<'_>, u64)>, RecordError> {
        RowReader::new(rows)
            .map(|row| {
                row.map(|row| {
                    (
                        row,
                        row.value.map_or(0, |value| row_hash(row.table, row.key, value)),
                    )
                })
            })
            .collect()
    }
}
