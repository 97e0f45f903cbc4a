//! A timer table is an enum and an array.

use crate::{Deadline, Instant, earliest};

/// The timers that a machine has: a field-less enum whose `ALL` lists each variant once, in discriminant order.
pub trait TimerKey: Copy + 'static {
    /// All variants, in the order of their `index`.
    const ALL: &'static [Self];
    /// Position in `ALL`.
    fn index(self) -> usize;
    /// Why the machine wakes, in words for a trace.
    fn reason(self) -> &'static str;
}

/// At most one deadline for each timer; setting again replaces, and there is nothing to cancel elsewhere.
///
/// `N` must equal `K::ALL.len()`; [`Timers::new`] checks it.
#[derive(Clone, Debug)]
pub struct Timers<K, const N: usize> {
    deadlines: [Option<Instant>; N],
    keys: core::marker::PhantomData<K>,
}

impl<K: TimerKey, const N: usize> Default for Timers<K, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: TimerKey, const N: usize> Timers<K, N> {
    /// A table with nothing set.
    ///
    /// # Panics
    /// When `N` is not the number of timers in `K`.
    pub fn new() -> Self {
        assert_eq!(N, K::ALL.len(), "the timer table has a place for each timer");
        Self {
            deadlines: [None; N],
            keys: core::marker::PhantomData,
        }
    }

    /// Sets `timer` to fire at `at`, replacing an earlier setting.
    pub fn set(&mut self, timer: K, at: Instant) {
        self.deadlines[timer.index()] = Some(at);
    }

    /// Stops `timer`.
    pub fn stop(&mut self, timer: K) {
        self.deadlines[timer.index()] = None;
    }

    /// When `timer` fires, if it is set.
    pub fn get(&self, timer: K) -> Option<Instant> {
        self.deadlines[timer.index()]
    }

    /// Takes one timer that is due at `now`, in the order of the enum; it is unset by that.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        K::ALL.iter().copied().find(|timer| {
            let due = self.deadlines[timer.index()].is_some_and(|at| at <= now);
            if due {
                self.deadlines[timer.index()] = None;
            }
            due
        })
    }

    /// The earliest deadline and its reason.
    pub fn next_deadline(&self) -> Option<Deadline> {
        K::ALL
            .iter()
            .filter_map(|timer| self.deadlines[timer.index()].map(|at| (at, timer.reason())))
            .fold(None, |best, deadline| earliest(best, Some(deadline)))
    }
}
