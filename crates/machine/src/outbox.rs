//! What a turn asks for.

use alloc::vec::Vec;

/// When an output may leave the route processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// At once: it reveals nothing that the standby does not know.
    Now,
    /// Once the standby has committed the frame that holds this turn's records.
    AfterSync,
}

/// The outputs of one or more turns, in the order in which they were asked for.
#[derive(Debug)]
pub struct Outbox<O> {
    items: Vec<(Release, O)>,
}

impl<O> Default for Outbox<O> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

impl<O> Outbox<O> {
    /// An empty outbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an output that may leave at once.
    pub fn now(&mut self, output: O) {
        self.items.push((Release::Now, output));
    }

    /// Adds an output that waits until the standby has what it reveals.
    pub fn after_sync(&mut self, output: O) {
        self.items.push((Release::AfterSync, output));
    }

    /// Adds an output with an explicit release.
    pub fn push(&mut self, release: Release, output: O) {
        self.items.push((release, output));
    }

    /// What was asked for, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &O> {
        self.items.iter().map(|(_, output)| output)
    }

    /// Takes everything out, oldest first; the allocation is kept.
    pub fn drain(&mut self) -> impl Iterator<Item = (Release, O)> + '_ {
        self.items.drain(..)
    }

    /// Moves all outputs of `inner` here, translated by `translate`; releases are kept.
    pub fn absorb<I>(&mut self, inner: &mut Outbox<I>, mut translate: impl FnMut(I) -> O) {
        self.items.extend(
            inner
                .items
                .drain(..)
                .map(|(release, output)| (release, translate(output))),
        );
    }

    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Number of outputs waiting to be drained.
    pub fn len(&self) -> usize {
        self.items.len()
    }
}
