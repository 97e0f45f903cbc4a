//! Who is active: mastership by compare-and-swap.
//!
//! Life locks and heartbeats only *suspect*. This decides. Mastership is one word, (epoch counter, slot), and who wants
//! it swaps it from what it has seen to the next counter with its own slot. Of two that try, one wins; the other learns
//! who. A counter is given out once, ever:
//!
//! ```text
//!      state dir: epoch-ceiling 2000000        persisted before anything up to it is given out
//!                        ▲
//!                        │ raised by 1,000,000 at boot, or when half of that is used up
//!      claimed so far: 1000007                 only a word in memory: a takeover waits for no disk
//!                        │
//!      floor: 1000000 ───┘                     the ceiling at boot; a fresh shared file continues above it
//! ```
//!
//! # Out of step
//!
//! An active whose standby does not acknowledge may go on alone, but first it must leave a mark that a claimant cannot
//! miss. Two rules make that so without a lock, because all accesses are sequentially consistent:
//!
//! 1. the active writes its mark, *then* reads the mastership word; if it is no longer its own, the gate stays shut
//!    ([`Arbiter::mark_out_of_step`] returns the new holder);
//! 2. the claimant swaps the mastership word, *then* reads the mark of the epoch that it has succeeded
//!    ([`Arbiter::out_of_step`]).
//!
//! If the claimant misses the mark, its read came before the write, so its swap did too, and the active's read in rule 1
//! finds the swap. Marks carry their epoch, so one of an earlier activity means nothing; a mark whose writer died in the
//! middle of it counts, with an unknown frame.

use crate::file::{self, FileError, FileLock, LockError};
use crate::shared_memory::{MarkReading, SharedMemory};
use machine::{Duration, Epoch, FrameNumber, RpSlot};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// By how much the ceiling is raised. A million takeovers at one a second are eleven days.
const CEILING_STEP: u64 = 1_000_000;
/// The highest counter that fits an epoch word.
const COUNTER_MAX: u64 = (1 << 56) - 1;
/// The file with the ceiling, in the state directory.
pub const CEILING_FILE: &str = "epoch-ceiling";
/// How long another process may take to raise the ceiling.
const CEILING_LIMIT: Duration = Duration::from_secs(5);

/// "The standby is out of step since this frame of this epoch."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfStep {
    /// The activity in which it fell behind.
    pub epoch: Epoch,
    /// The first frame that it may not have; `None` when the writer died while it wrote.
    pub since: Option<FrameNumber>,
}

/// Why a claim did not succeed.
#[derive(Debug)]
pub enum ClaimRefused {
    /// Somebody else has changed the mastership since `expected` was read: the holder now.
    Lost(Epoch),
    /// The next counter lies above the persisted ceiling, which cannot be raised.
    Ceiling(ArbiterError),
}

impl std::fmt::Display for ClaimRefused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ClaimRefused::Lost(holder) => write!(f, "epoch {holder} has been claimed meanwhile"),
            ClaimRefused::Ceiling(error) => write!(f, "no epoch may be claimed: {error}"),
        }
    }
}

impl std::error::Error for ClaimRefused {}

/// The one who decides which RP is active.
pub trait Arbiter {
    /// The current activity, or [`Epoch::NONE`] before the first.
    fn mastership(&self) -> Epoch;

    /// Swaps mastership from `expected` to a new epoch of `slot`, with a counter above `expected`'s and `above`: the
    /// highest that any card has shown, or 0. Afterwards ask for [`Arbiter::out_of_step`] of `expected`.
    ///
    /// # Errors
    /// [`ClaimRefused::Lost`] with the holder when mastership is not `expected` any more.
    fn claim(&self, expected: Epoch, slot: RpSlot, above: u64) -> Result<Epoch, ClaimRefused>;

    /// Marks that the standby misses frames from `since` on. Only after `Ok` may the gate be opened.
    ///
    /// # Errors
    /// The holder, when `epoch` is no longer the current activity.
    fn mark_out_of_step(&self, epoch: Epoch, since: FrameNumber) -> Result<(), Epoch>;

    /// Takes the mark of `epoch` away: its standby has acknowledged a later frame.
    fn clear_out_of_step(&self, epoch: Epoch);

    /// The mark that stands against `epoch`: its own, or one of an earlier epoch of the same slot that was never taken
    /// away, because an active may raise its epoch while it is out of step.
    fn out_of_step(&self, epoch: Epoch) -> Option<OutOfStep>;
}

/// Why the arbiter cannot be used.
#[derive(Debug)]
pub enum ArbiterError {
    /// The ceiling cannot be read or persisted.
    File(FileError),
    /// Another process is raising the ceiling and does not finish.
    Lock(LockError),
    /// The ceiling's file holds something else.
    Garbage {
        /// The file.
        path: PathBuf,
        /// What it holds, cut.
        text: String,
    },
    /// A counter beyond what an epoch can hold was asked for.
    Exhausted,
}

impl std::fmt::Display for ArbiterError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ArbiterError::File(error) => error.fmt(f),
            ArbiterError::Lock(error) => error.fmt(f),
            ArbiterError::Garbage { path, text } => write!(
                f,
                "{}: '{}' is no epoch ceiling; it must be one number, not below any epoch that a card has seen",
                path.display(),
                text.escape_default()
            ),
            ArbiterError::Exhausted => write!(f, "epoch counters above {COUNTER_MAX} do not exist"),
        }
    }
}

impl std::error::Error for ArbiterError {}

/// Mastership in the shared page of one host.
#[derive(Clone, Debug)]
pub struct LocalArbiter {
    memory: SharedMemory,
    state_directory: PathBuf,
}

impl LocalArbiter {
    /// An arbiter over the shared page; looks up, and raises, the persisted ceiling. Call it at boot.
    ///
    /// # Errors
    /// When the ceiling cannot be read, or must be raised and cannot.
    pub fn open(memory: &SharedMemory, state_directory: &Path) -> Result<LocalArbiter, ArbiterError> {
        let arbiter = LocalArbiter {
            memory: memory.clone(),
            state_directory: state_directory.to_path_buf(),
        };
        let words = &arbiter.memory.mastership;
        let used = arbiter.counter_used();
        if words.ceiling.load(Ordering::SeqCst) < used.saturating_add(CEILING_STEP / 2) {
            arbiter.raise_ceiling(used)?;
        }
        Ok(arbiter)
    }

    /// The highest counter that has been given out, as far as this page and the last boot's ceiling tell.
    fn counter_used(&self) -> u64 {
        let words = &self.memory.mastership;
        self.mastership().counter.max(words.floor.load(Ordering::SeqCst))
    }

    /// Persists a ceiling well above `used`, and only then publishes it.
    fn raise_ceiling(&self, used: u64) -> Result<(), ArbiterError> {
        let lock_path = self.state_directory.join("epoch-ceiling.lock");
        let holder = format!("process {}", std::process::id());
        let _lock = FileLock::take_within(&lock_path, &holder, CEILING_LIMIT).map_err(ArbiterError::Lock)?;
        let words = &self.memory.mastership;
        if words.ceiling.load(Ordering::SeqCst) >= used.saturating_add(CEILING_STEP / 2) {
            return Ok(());
        }
        let path = self.state_directory.join(CEILING_FILE);
        let persisted = read_ceiling(&path)?;
        let first_of_boot = words.ceiling.load(Ordering::SeqCst) == 0;
        let base = if first_of_boot { used.max(persisted) } else { used };
        let ceiling = base.saturating_add(CEILING_STEP).max(persisted);
        if ceiling > COUNTER_MAX {
            return Err(ArbiterError::Exhausted);
        }
        file::replace(&path, format!("{ceiling}\n").as_bytes()).map_err(ArbiterError::File)?;
        if first_of_boot {
            words.floor.fetch_max(persisted, Ordering::SeqCst);
        }
        words.ceiling.fetch_max(ceiling, Ordering::SeqCst);
        Ok(())
    }
}

fn read_ceiling(path: &Path) -> Result<u64, ArbiterError> {
    let Some(bytes) = file::read_bounded(path, 64).map_err(ArbiterError::File)? else {
        return Ok(0);
    };
    let text = String::from_utf8_lossy(&bytes);
    text.trim().parse().map_err(|_| ArbiterError::Garbage {
        path: path.to_path_buf(),
        text: text.trim().to_string(),
    })
}

/// A word that no release writes is read as "somebody of slot R0": nobody's own, so nobody acts on it.
fn epoch_of(word: u64) -> Epoch {
    Epoch::from_word(word).unwrap_or(Epoch {
        counter: word >> 8,
        slot: RpSlot::R0,
    })
}

impl Arbiter for LocalArbiter {
    fn mastership(&self) -> Epoch {
        epoch_of(self.memory.mastership.epoch.load(Ordering::SeqCst))
    }

    fn claim(&self, expected: Epoch, slot: RpSlot, above: u64) -> Result<Epoch, ClaimRefused> {
        let words = &self.memory.mastership;
        let used = self.counter_used().max(expected.counter).max(above);
        if used >= words.ceiling.load(Ordering::SeqCst) {
            // Only when a card knows a higher counter than our state directory: the one claim that waits for a disk.
            self.raise_ceiling(used).map_err(ClaimRefused::Ceiling)?;
        }
        let next = Epoch {
            counter: used + 1,
            slot,
        };
        words
            .epoch
            .compare_exchange(
                expected.to_word(),
                next.to_word(),
                Ordering::SeqCst,
                Ordering::SeqCst,
            )
            .map(|_| next)
            .map_err(|holder| ClaimRefused::Lost(epoch_of(holder)))
    }

    fn mark_out_of_step(&self, epoch: Epoch, since: FrameNumber) -> Result<(), Epoch> {
        self.memory
            .rp(epoch.slot)
            .out_of_step
            .write(epoch.to_word(), since.0);
        let holder = self.mastership();
        if holder == epoch { Ok(()) } else { Err(holder) }
    }

    fn clear_out_of_step(&self, epoch: Epoch) {
        self.memory.rp(epoch.slot).out_of_step.write(0, 0);
    }

    fn out_of_step(&self, epoch: Epoch) -> Option<OutOfStep> {
        match self.memory.rp(epoch.slot).out_of_step.read() {
            MarkReading::Pair { epoch: word, frame } => {
                let marked = epoch_of(word);
                (word != 0 && marked.counter <= epoch.counter).then_some(OutOfStep {
                    epoch: marked,
                    since: Some(FrameNumber(frame)),
                })
            }
            MarkReading::Torn => Some(OutOfStep { epoch, since: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_directory::TestDirectory;

    struct Place {
        directory: TestDirectory,
    }

    impl Place {
        fn new(name: &str) -> Place {
            Place {
                directory: TestDirectory::new(name),
            }
        }

        fn arbiter_of_boot(&self, boot: u128) -> LocalArbiter {
            let memory = SharedMemory::open_in_boot(self.directory.path(), boot).unwrap();
            LocalArbiter::open(&memory, self.directory.path()).unwrap()
        }

        fn ceiling(&self) -> String {
            std::fs::read_to_string(self.directory.path().join(CEILING_FILE)).unwrap()
        }
    }

    #[test]
    fn the_first_claim_is_epoch_one_and_each_takeover_counts_one_up() {
        let place = Place::new("first");
        let arbiter = place.arbiter_of_boot(1);
        assert_eq!(arbiter.mastership(), Epoch::NONE);
        let first = arbiter.claim(Epoch::NONE, RpSlot::R1, 0).unwrap();
        assert_eq!(
            first,
            Epoch {
                counter: 1,
                slot: RpSlot::R1
            }
        );
        let second = arbiter.claim(first, RpSlot::R0, 0).unwrap();
        assert_eq!(
            second,
            Epoch {
                counter: 2,
                slot: RpSlot::R0
            }
        );
        assert_eq!(arbiter.mastership(), second);
    }

    #[test]
    fn a_claim_on_what_is_no_longer_so_learns_the_holder() {
        let place = Place::new("lost");
        let arbiter = place.arbiter_of_boot(1);
        let first = arbiter.claim(Epoch::NONE, RpSlot::R0, 0).unwrap();
        match arbiter.claim(Epoch::NONE, RpSlot::R1, 0) {
            Err(ClaimRefused::Lost(holder)) => assert_eq!(holder, first),
            other => panic!("two claims of one epoch: {other:?}"),
        }
        assert_eq!(arbiter.mastership(), first);
    }

    #[test]
    fn req_26_each_of_a_hundred_contested_epochs_has_exactly_one_winner() {
        let place = Place::new("contended");
        let start = std::sync::Barrier::new(4);
        let claims: Vec<Vec<Result<Epoch, Epoch>>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4u64)
                .map(|number| {
                    let (place, start) = (&place, &start);
                    scope.spawn(move || {
                        // Each has its own mapping, as a process has.
                        let arbiter = place.arbiter_of_boot(1);
                        let slot = RpSlot::from_index(number % 2).unwrap();
                        (0..100)
                            .map(|_| {
                                start.wait();
                                let expected = arbiter.mastership();
                                start.wait();
                                arbiter.claim(expected, slot, 0).map_err(|refused| match refused {
                                    ClaimRefused::Lost(holder) => holder,
                                    ClaimRefused::Ceiling(error) => panic!("{error}"),
                                })
                            })
                            .collect()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for round in 0..100 {
            let winners: Vec<Epoch> = claims
                .iter()
                .filter_map(|claims| claims[round].as_ref().ok())
                .copied()
                .collect();
            assert_eq!(winners.len(), 1, "round {round}");
            assert_eq!(winners[0].counter, round as u64 + 1);
            assert!(
                claims
                    .iter()
                    .filter_map(|claims| claims[round].as_ref().err())
                    .all(|holder| *holder == winners[0])
            );
        }
    }

    #[test]
    fn epochs_never_go_back_over_a_reboot() {
        let place = Place::new("reboot");
        let before = place
            .arbiter_of_boot(1)
            .claim(Epoch::NONE, RpSlot::R0, 0)
            .unwrap();
        assert_eq!(place.ceiling(), "1000000\n");
        let rebooted = place.arbiter_of_boot(2);
        assert_eq!(rebooted.mastership(), Epoch::NONE, "nobody is active yet");
        let after = rebooted.claim(Epoch::NONE, RpSlot::R1, 0).unwrap();
        assert!(after > before);
        assert_eq!(after.counter, 1_000_001);
        assert_eq!(place.ceiling(), "2000000\n");
    }

    #[test]
    fn opening_again_in_the_same_boot_uses_up_no_counters() {
        let place = Place::new("again");
        for expected in 1..=5 {
            let arbiter = place.arbiter_of_boot(1);
            assert_eq!(
                arbiter
                    .claim(arbiter.mastership(), RpSlot::R0, 0)
                    .unwrap()
                    .counter,
                expected
            );
        }
        assert_eq!(place.ceiling(), "1000000\n");
    }

    #[test]
    fn a_claim_goes_above_what_a_card_has_seen_and_never_above_what_is_persisted() {
        let place = Place::new("above");
        let arbiter = place.arbiter_of_boot(1);
        let epoch = arbiter.claim(Epoch::NONE, RpSlot::R0, 41).unwrap();
        assert_eq!(epoch.counter, 42);
        let epoch = arbiter.claim(epoch, RpSlot::R0, 7_000_000).unwrap();
        assert_eq!(epoch.counter, 7_000_001);
        assert_eq!(place.ceiling(), "8000000\n");
    }

    #[test]
    fn a_ceiling_that_cannot_be_persisted_refuses_the_claim_that_needs_it() {
        let place = Place::new("full");
        let arbiter = place.arbiter_of_boot(1);
        let epoch = arbiter.claim(Epoch::NONE, RpSlot::R0, 0).unwrap();
        // A directory in place of the file can neither be read as a number nor be replaced.
        let path = place.directory.path().join(CEILING_FILE);
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(
            arbiter.claim(epoch, RpSlot::R1, 5).is_ok(),
            "below the ceiling no disk is needed"
        );
        let refused = arbiter
            .claim(arbiter.mastership(), RpSlot::R1, 9_000_000)
            .unwrap_err()
            .to_string();
        assert!(refused.contains("epoch-ceiling"), "{refused}");
        assert!(
            arbiter
                .claim(arbiter.mastership(), RpSlot::R1, COUNTER_MAX)
                .is_err()
        );
    }

    #[test]
    fn a_ceiling_file_with_something_else_is_an_error_that_names_it() {
        let place = Place::new("garbage");
        std::fs::write(place.directory.path().join(CEILING_FILE), "many\n").unwrap();
        let memory = SharedMemory::open_in_boot(place.directory.path(), 1).unwrap();
        let error = LocalArbiter::open(&memory, place.directory.path())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("epoch-ceiling: 'many' is no epoch ceiling"),
            "{error}"
        );
    }

    #[test]
    fn a_claimant_finds_the_mark_of_the_epoch_that_it_succeeds_and_no_other() {
        let place = Place::new("mark");
        let (active, claimant) = (place.arbiter_of_boot(1), place.arbiter_of_boot(1));
        let first = active.claim(Epoch::NONE, RpSlot::R0, 0).unwrap();
        assert_eq!(claimant.out_of_step(first), None);
        active.mark_out_of_step(first, FrameNumber(17)).unwrap();
        let mark = OutOfStep {
            epoch: first,
            since: Some(FrameNumber(17)),
        };
        assert_eq!(claimant.out_of_step(first), Some(mark));
        active.clear_out_of_step(first);
        assert_eq!(claimant.out_of_step(first), None);
        active.mark_out_of_step(first, FrameNumber(18)).unwrap();
        let second = active.claim(first, RpSlot::R0, 0).unwrap();
        let standing = OutOfStep {
            epoch: first,
            since: Some(FrameNumber(18)),
        };
        assert_eq!(
            claimant.out_of_step(second),
            Some(standing),
            "who raises its epoch is as far out of step as before"
        );
        active.clear_out_of_step(second);
        assert_eq!(claimant.out_of_step(second), None);
        assert_eq!(claimant.out_of_step(Epoch::NONE), None);
    }

    #[test]
    fn a_fenced_active_may_not_open_its_gate() {
        let place = Place::new("fenced");
        let (active, claimant) = (place.arbiter_of_boot(1), place.arbiter_of_boot(1));
        let first = active.claim(Epoch::NONE, RpSlot::R0, 0).unwrap();
        let second = claimant.claim(first, RpSlot::R1, 0).unwrap();
        assert_eq!(active.mark_out_of_step(first, FrameNumber(3)), Err(second));
    }

    #[test]
    fn either_the_claimant_sees_the_mark_or_the_active_sees_the_claim() {
        let place = Place::new("dekker");
        let (active, claimant) = (place.arbiter_of_boot(1), place.arbiter_of_boot(1));
        let mut epoch = active.claim(Epoch::NONE, RpSlot::R0, 0).unwrap();
        for round in 0..2_000 {
            active.clear_out_of_step(epoch);
            let start = std::sync::Barrier::new(2);
            let (seen, next) = std::thread::scope(|scope| {
                let claim = scope.spawn(|| {
                    start.wait();
                    let next = claimant.claim(epoch, RpSlot::R1, 0).unwrap();
                    (claimant.out_of_step(epoch).is_some(), next)
                });
                start.wait();
                let opened = active.mark_out_of_step(epoch, FrameNumber(round)).is_ok();
                let (marked, next) = claim.join().unwrap();
                (marked || !opened, next)
            });
            assert!(seen, "round {round}: the gate opened unseen");
            epoch = active.claim(next, RpSlot::R0, 0).unwrap();
        }
    }
}
