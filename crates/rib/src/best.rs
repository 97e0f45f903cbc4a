//! Prefixes whose best routes may have changed, for who looks for a route of some kind.
//!
//! Not checkpointed: who takes over looks at the routes themselves again.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use packet::{Family, Prefix};

use crate::{Rib, RouteFamily, RouteKey};

/// Most prefixes that are kept; beyond, who asks is told to look at all of them.
pub const BEST_CHANGES_MAX: usize = 65_536;

/// What changed since it was asked.
#[derive(Clone, Debug, Default)]
pub(crate) enum BestChanges<F: Family> {
    /// Nobody wants to know.
    #[default]
    Unfollowed,
    /// These.
    Known(BTreeSet<Prefix<F>>),
    /// More than are kept.
    TooMany,
}

impl<F: RouteFamily> Rib<F> {
    /// Whether somebody wants to know of changes from now on.
    pub fn follow_best(&mut self, follows: bool) {
        self.best_changes = match (follows, core::mem::take(&mut self.best_changes)) {
            (false, _) => BestChanges::Unfollowed,
            (true, BestChanges::Unfollowed) => BestChanges::Known(BTreeSet::new()),
            (true, changes) => changes,
        };
    }

    /// The best route of `prefix`, or what its protocol says of it, may have changed.
    pub fn note_best_change(&mut self, prefix: Prefix<F>) {
        let BestChanges::Known(prefixes) = &mut self.best_changes else {
            return;
        };
        prefixes.insert(prefix);
        if prefixes.len() > BEST_CHANGES_MAX {
            self.best_changes = BestChanges::TooMany;
        }
    }

    /// Whether [`Rib::take_best_changes`] has something.
    pub fn has_best_changes(&self) -> bool {
        match &self.best_changes {
            BestChanges::Unfollowed => false,
            BestChanges::Known(prefixes) => !prefixes.is_empty(),
            BestChanges::TooMany => true,
        }
    }

    /// At most `count_max` prefixes whose best route may have changed since that was told; `None`: so many that all are to be
    /// looked at.
    pub fn take_best_changes(&mut self, count_max: usize) -> Option<Vec<Prefix<F>>> {
        match &mut self.best_changes {
            BestChanges::Unfollowed => Some(Vec::new()),
            BestChanges::Known(prefixes) => {
                let mut taken = Vec::with_capacity(count_max.min(prefixes.len()));
                while taken.len() < count_max
                    && let Some(prefix) = prefixes.pop_first()
                {
                    taken.push(prefix);
                }
                Some(taken)
            }
            BestChanges::TooMany => {
                self.best_changes = BestChanges::Known(BTreeSet::new());
                None
            }
        }
    }

    /// The next prefixes with routes, in order, after `after`: those of at most `count_max` routes, and one at least where there
    /// is one.
    pub fn prefixes_after(&self, after: Option<Prefix<F>>, count_max: usize) -> Vec<Prefix<F>> {
        let from = RouteKey::first_of(after.unwrap_or(Prefix::DEFAULT));
        let routes = self.routes.range(from..).map(|(key, _)| key.prefix);
        let behind = routes.skip_while(|prefix| Some(*prefix) == after);
        let mut prefixes: Vec<Prefix<F>> = behind.take(count_max.max(1)).collect();
        prefixes.dedup();
        prefixes
    }
}
