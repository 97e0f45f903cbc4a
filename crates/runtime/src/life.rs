//! Life locks: knowing within milliseconds that a route processor is gone, whatever killed it.
//!
//! The picture: each RP holds one end of a rope for as long as it lives, and its peer holds the other end. Whatever lets
//! the hand open (a kill, a crash, a lack of memory) is felt at once, because it is the kernel that lets go of the rope.
//!
//! The rope is a futex word in the shared page. A thread of the RP, the *holder*, writes its thread id into the word and
//! registers the word with the kernel (`set_robust_list`, get_robust_list(2)). When that thread ends, the kernel sets
//! `FUTEX_OWNER_DIED` and wakes a waiter: before the process's memory is freed, so it takes as long at 4 GB as at 4 MB.
//! In the peer another thread, the *watcher*, sleeps on the word.
//!
//! A fatal signal with a core dump is the exception: the kernel writes the core first and lets go afterwards. So the
//! signal handler and the panic hook (module `crash`) *resign* before anything else: they store the cause and set
//! `FUTEX_OWNER_DIED` themselves.
//!
//! # The word
//!
//! ```text
//!                 hold: incarnation + 1,
//!                 word = tid, wake all
//!   0 ──────────────────────────────────────────▶ tid
//!   ▲ (nobody yet)                                 │ watcher: sets WAITERS, then sleeps
//!   │                                              ▼
//!   │                                         tid|WAITERS ───────────────┐
//!   │                                              │ resign:             │ kernel: the thread has ended,
//!   │                                              │ sets OWNER_DIED,    │ wakes one
//!   │                                              ▼ wakes all           ▼
//!   │                          tid|WAITERS|OWNER_DIED ───────▶ WAITERS|OWNER_DIED
//!   │                                    kernel: the thread has ended in the end
//!   └── hold, by the next process in the slot ──────────────────────────┘
//! ```
//!
//! Alive is: a thread id and no `OWNER_DIED`. Beside the word stand the incarnation (how many holders the slot has had)
//! and the resignation, which carries the incarnation that it belongs to. `OWNER_DIED` says that the incarnation has
//! lived and died; 0 says that it is not born yet.
//!
//! # Races, and why each is harmless
//!
//! - *Two processes want one slot.* Holding the word is exclusive because it needs the slot's file lock first. The kernel
//!   releases that lock after every thread of the process has passed its robust list, so whoever has the file lock may
//!   overwrite any old word, also one whose owner could not be marked dead.
//! - *Killed between registering and writing the word.* The list is registered first. The kernel then finds a word with
//!   another thread's id and leaves it alone. In the other order, the word would stay "alive" for ever.
//! - *The kernel comes late* (the core is written, meanwhile the slot has a new holder). It compares the thread id in the
//!   word with that of the ending thread and leaves the successor's word alone. The ids differ: a thread id is not given
//!   out again while its thread exists.
//! - *The word changes between the watcher's look and its sleep.* `FUTEX_WAIT` compares again and returns at once. The
//!   wake cannot be lost: who changes the word to "nobody here" wakes if `WAITERS` is set, and the watcher never sleeps
//!   on a living word without it; who takes the word always wakes.
//! - *The peer dies and is back before the watcher runs.* The incarnation has grown: the watcher reports the death of the
//!   old one first, then the life of the new one. Nobody has to see the moment in between.
//! - *A process takes the word and dies before the watcher runs.* The word is dead with an incarnation that was never
//!   seen: the watcher reports its life and its death. That is why `hold` passes through 0.
//! - *... and the new holder even has the same thread id,* in the instant before the watcher sleeps: it would sleep on a
//!   word that looks right. It looks again every 250 ms, and finds the incarnation grown.
//! - *The watcher is kept from the processor* while the peer dies, comes back and speaks over a link. Nobody speaks who
//!   does not hold its life lock, so a look when the link comes up, by whoever reads it, tells the death and the birth
//!   first. Told later, the death would be taken for that of the life that speaks.
//! - *More than one watcher sleeps* (a tool beside the peer). The kernel wakes one of them; that one wakes all others when
//!   it finds somebody dead.
//! - *A resignation is read that belongs to another life.* It carries its incarnation.
//! - *The process has resigned, but goes on for a while* (it writes its crash information; a core is being dumped). Its
//!   peer takes over meanwhile. The locks only detect; the arbiter's word decides, and the cards fence.
//! - *RPs in two pid namespaces.* The kernel writes and compares ids of the holder's own namespace; the watcher only asks
//!   whether there is one.

use crate::clock;
use crate::event_loop::Waker;
use crate::file::{FileLock, LockError};
use crate::process::start_time_ticks;
use crate::shared_memory::{Layout, RpWords, SharedMemory, TakenDown};
use machine::{Duration, Instant, RpSlot};
use rustix::event::Timespec;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::thread::futex;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

/// Low bits of a life word: the holder's thread id.
const THREAD_MASK: u32 = 0x3fff_ffff;
/// Somebody sleeps on the word (`FUTEX_WAITERS`).
const WAITERS: u32 = 0x8000_0000;
/// The holder is gone, or has resigned (`FUTEX_OWNER_DIED`).
const OWNER_DIED: u32 = 0x4000_0000;
/// How often a watcher looks at a word that nobody wakes it for.
const LOOK_AGAIN: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 250_000_000,
};
/// Changes that a watcher keeps for a loop that does not take them; beyond it the oldest are dropped.
const CHANGES_MAX: usize = 64;

/// Why an RP gave up its life lock before it died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resignation {
    /// A fatal signal: its number.
    FatalSignal(u8),
    /// A panic in any thread.
    Panic,
    /// A forced switchover, past its point of no return.
    Forced,
    /// A reload that an operator asked for.
    Reload,
    /// Told to terminate (SIGTERM, SIGINT).
    Terminated,
    /// Something that a later release knows.
    Other(u32),
}

impl Resignation {
    /// As the low half of the shared word; never 0.
    pub const fn to_word(self) -> u32 {
        match self {
            Resignation::FatalSignal(number) => 0x100 | number as u32,
            Resignation::Panic => 0x200,
            Resignation::Forced => 0x300,
            Resignation::Reload => 0x400,
            Resignation::Terminated => 0x500,
            Resignation::Other(word) => word,
        }
    }

    /// Reverse of [`Resignation::to_word`]; `None` for 0.
    pub const fn from_word(word: u32) -> Option<Resignation> {
        match word {
            0 => None,
            0x100..=0x1ff => Some(Resignation::FatalSignal(word as u8)),
            0x200 => Some(Resignation::Panic),
            0x300 => Some(Resignation::Forced),
            0x400 => Some(Resignation::Reload),
            0x500 => Some(Resignation::Terminated),
            other => Some(Resignation::Other(other)),
        }
    }
}

impl std::fmt::Display for Resignation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Resignation::FatalSignal(number) => write!(f, "fatal signal {number}"),
            Resignation::Panic => write!(f, "panic"),
            Resignation::Forced => write!(f, "forced switchover"),
            Resignation::Reload => write!(f, "reload"),
            Resignation::Terminated => write!(f, "terminated"),
            Resignation::Other(word) => write!(f, "cause {word:#x}"),
        }
    }
}

/// Why a life lock is not held.
#[derive(Debug)]
pub enum LifeError {
    /// Another process runs in the slot, or the lock's file cannot be used.
    Lock(LockError),
    /// The kernel refused a thread or the registration.
    System(io::Error),
}

impl std::fmt::Display for LifeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LifeError::Lock(error) => error.fmt(f),
            LifeError::System(error) => write!(f, "cannot hold the life lock: {error}"),
        }
    }
}

impl std::error::Error for LifeError {}

/// The right to give up one life, for those who must not take a lock or allocate. Usable in a signal handler.
#[derive(Clone, Copy, Debug)]
pub struct Resigner {
    words: &'static RpWords,
    incarnation: u32,
    thread: u32,
}

impl Resigner {
    /// Gives up: stores `cause` (the first one stays), marks the life word and wakes all watchers.
    ///
    /// Async-signal-safe: atomics and some system calls.
    pub fn resign(&self, cause: Resignation) {
        if rustix::thread::gettid() != rustix::process::getpid() {
            // Steps are made by the first thread: what another one dies of is none of their doing.
            self.words.step.end();
        }
        let before = self.words.resigned.load(Ordering::SeqCst);
        if before >> 32 != u64::from(self.incarnation) {
            let after = u64::from(self.incarnation) << 32 | u64::from(cause.to_word());
            // If it has changed meanwhile, another thread of ours was first, and its cause stays.
            let _ = self
                .words
                .resigned
                .compare_exchange(before, after, Ordering::SeqCst, Ordering::SeqCst);
        }
        let ours = |word: u32| (word & THREAD_MASK == self.thread).then_some(word | OWNER_DIED);
        if self
            .words
            .life
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, ours)
            .is_ok()
        {
            wake_all(&self.words.life);
        }
    }
}

/// How the life before this one ended, as far as the shared page tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreviousLife {
    /// Its own last word.
    pub resigned: Option<Resignation>,
    /// Whether an operator had it ended.
    pub taken_down: Option<TakenDown>,
    /// When it ended, in seconds since 1970; 0: not known.
    pub ended_at_unix_s: u64,
}

impl PreviousLife {
    /// The slot's last life; `None` when this boot of the chassis has seen none.
    pub fn of(words: &RpWords) -> Option<PreviousLife> {
        let incarnation = words.incarnation.load(Ordering::SeqCst);
        let resigned = words.resigned.load(Ordering::SeqCst);
        (incarnation != 0).then(|| PreviousLife {
            resigned: Resignation::from_word(resigned as u32)
                .filter(|_| resigned >> 32 == u64::from(incarnation)),
            taken_down: words.taken_down(incarnation),
            ended_at_unix_s: words.ended_at_unix_s.load(Ordering::SeqCst),
        })
    }
}

/// A slot's life lock, held until the process ends.
#[derive(Clone, Copy, Debug)]
pub struct LifeLock {
    slot: RpSlot,
    resigner: Resigner,
}

impl LifeLock {
    /// Takes the life lock of `slot` for the rest of this process; starts the holder's thread.
    ///
    /// # Errors
    /// When another process holds it (the message says which), or the system refuses a file or a thread.
    pub fn hold(memory: &SharedMemory, run_directory: &Path, slot: RpSlot) -> Result<LifeLock, LifeError> {
        let path = run_directory.join(format!("{slot}.lock"));
        let holder = format!("process {}, which runs in slot {slot}", std::process::id());
        let file_lock = FileLock::try_take(&path, &holder).map_err(LifeError::Lock)?;
        let started_at_ticks = start_time_ticks(std::process::id()).map_err(LifeError::System)?;
        let page = memory.leak();
        let (send, receive) = mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name(format!("life-{slot}"))
            .stack_size(64 * 1024)
            .spawn(move || {
                let held = hold_in_this_thread(page, slot, started_at_ticks);
                let refused = held.is_err();
                // The receiver waits below until it has this.
                let _ = send.send(held);
                if refused {
                    return;
                }
                // The thread is the lock: if it returned, the kernel would say that we are dead.
                let _held_for_life = file_lock;
                loop {
                    std::thread::park();
                }
            })
            .map_err(LifeError::System)?;
        let resigner = receive
            .recv()
            .map_err(|error| LifeError::System(io::Error::other(error)))?
            .map_err(LifeError::System)?;
        Ok(LifeLock { slot, resigner })
    }

    /// The slot.
    pub fn slot(&self) -> RpSlot {
        self.slot
    }

    /// Number of this life of the slot, from 1.
    pub fn incarnation(&self) -> u32 {
        self.resigner.incarnation
    }

    /// Gives up the lock for good while the process still runs: the peer sees a death with this cause.
    pub fn resign(&self, cause: Resignation) {
        self.resigner.resign(cause);
    }

    /// The same right for crash handlers.
    pub fn resigner(&self) -> Resigner {
        self.resigner
    }
}

/// One entry of the kernel's list of robust futexes, and its head (get_robust_list(2)).
#[repr(C)]
struct RobustList {
    head_next: *const *const RobustList,
    futex_offset: libc::c_long,
    pending: *const libc::c_void,
    // The only entry: its link leads back to the head. The futex is `futex_offset` bytes from here.
    entry_next: *const RobustList,
}

fn hold_in_this_thread(page: &'static Layout, slot: RpSlot, started_at_ticks: u64) -> io::Result<Resigner> {
    let words = page.rp(slot);
    let list = Box::leak(Box::new(RobustList {
        head_next: std::ptr::null(),
        futex_offset: 0,
        pending: std::ptr::null(),
        entry_next: std::ptr::null(),
    }));
    list.entry_next = list;
    list.head_next = &raw const list.entry_next;
    let entry = (&raw const list.entry_next).addr();
    list.futex_offset = words.life.as_ptr().addr().wrapping_sub(entry) as libc::c_long;
    // SAFETY: the kernel reads this list when the thread ends. Head and entry are leaked, so they stay valid; the head
    // has the three fields of `struct robust_list_head`; the entry's link closes the circle at the head; entry plus
    // offset is the life word, an aligned 32-bit word in a mapping that is never unmapped. No code of this thread uses
    // robust mutexes, so the C library's own list for it is not missed.
    let refused = unsafe {
        libc::syscall(
            libc::SYS_set_robust_list,
            &raw const *list,
            size_of::<*const ()>() + size_of::<libc::c_long>() + size_of::<*const ()>(),
        )
    };
    if refused != 0 {
        return Err(io::Error::last_os_error());
    }
    let thread = rustix::thread::gettid().as_raw_nonzero().get() as u32;
    // 0 first: with OWNER_DIED still in the word, the next incarnation would look like one that has lived and died.
    words.life.store(0, Ordering::SeqCst);
    words.process.store(std::process::id(), Ordering::SeqCst);
    words.started_at_ticks.store(started_at_ticks, Ordering::SeqCst);
    let incarnation = words.incarnation.fetch_add(1, Ordering::SeqCst).wrapping_add(1);
    words.life.store(thread & THREAD_MASK, Ordering::SeqCst);
    wake_all(&words.life);
    Ok(Resigner {
        words,
        incarnation,
        thread,
    })
}

fn wake_all(word: &AtomicU32) {
    // A wake of a mapped, aligned word does not fail; waking nobody is fine.
    let _ = futex::wake(word, futex::Flags::empty(), i32::MAX as u32);
}

/// What has happened to the holder of a life lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifeChange {
    /// Nobody holds it, and nobody did since the watch began.
    Absent,
    /// A process holds it.
    Alive {
        /// Number of this life of the slot.
        incarnation: u32,
        /// Its process id.
        process: u32,
        /// When that process started, in clock ticks since boot.
        started_at_ticks: u64,
    },
    /// The holder is gone or has resigned.
    Died {
        /// Number of the life that ended.
        incarnation: u32,
        /// Why, when it could still say so; a kill leaves no word.
        cause: Option<Resignation>,
    },
}

/// A change and when the watcher saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LifeEvent {
    /// When the watcher saw it, on this process's clock.
    pub at: Instant,
    /// What it saw.
    pub change: LifeChange,
}

/// One look at the words of a slot.
#[derive(Clone, Copy, Debug)]
struct Look {
    life: u32,
    incarnation: u32,
    resigned: u64,
    process: u32,
    started_at_ticks: u64,
}

impl Look {
    fn at(words: &RpWords) -> Look {
        loop {
            let life = words.life.load(Ordering::SeqCst);
            let look = Look {
                life,
                incarnation: words.incarnation.load(Ordering::SeqCst),
                resigned: words.resigned.load(Ordering::SeqCst),
                process: words.process.load(Ordering::SeqCst),
                started_at_ticks: words.started_at_ticks.load(Ordering::SeqCst),
            };
            // Unchanged before and after: the words in between belong to the same holder.
            if words.life.load(Ordering::SeqCst) == life {
                return look;
            }
        }
    }

    fn is_alive(&self) -> bool {
        self.life & THREAD_MASK != 0 && self.life & OWNER_DIED == 0
    }

    fn birth(&self) -> LifeChange {
        LifeChange::Alive {
            incarnation: self.incarnation,
            process: self.process,
            started_at_ticks: self.started_at_ticks,
        }
    }

    fn death(&self, incarnation: u32) -> LifeChange {
        let cause = Resignation::from_word(self.resigned as u32)
            .filter(|_| self.resigned >> 32 == u64::from(incarnation));
        LifeChange::Died { incarnation, cause }
    }
}

/// Turns looks into changes.
#[derive(Debug, Default)]
struct Tracker {
    looked: bool,
    alive: Option<u32>,
    /// The latest life that needs no report any more, except its death when it is `alive`.
    latest: u32,
}

impl Tracker {
    fn observe(&mut self, look: &Look) -> impl Iterator<Item = LifeChange> + use<> {
        let now_alive = look.is_alive().then_some(look.incarnation);
        let ended = (look.life & OWNER_DIED != 0).then_some(look.incarnation);
        if !std::mem::replace(&mut self.looked, true) {
            self.alive = now_alive;
            // A word without either is before its incarnation's birth, which is then still to be reported.
            self.latest = now_alive.or(ended).unwrap_or(look.incarnation.wrapping_sub(1));
            return [
                Some(now_alive.map_or(LifeChange::Absent, |_| look.birth())),
                None,
                None,
            ]
            .into_iter()
            .flatten();
        }
        let before = std::mem::replace(&mut self.alive, now_alive);
        let old_death = before
            .filter(|_| before != now_alive)
            .map(|incarnation| look.death(incarnation));
        let unseen = ended.filter(|incarnation| *incarnation != self.latest);
        let birth = now_alive
            .filter(|_| before != now_alive)
            .or(unseen)
            .map(|_| look.birth());
        self.latest = now_alive.or(ended).unwrap_or(self.latest);
        [
            old_death,
            birth,
            unseen.map(|incarnation| look.death(incarnation)),
        ]
        .into_iter()
        .flatten()
    }
}

#[derive(Debug)]
struct Watched {
    words: &'static RpWords,
    seen: Mutex<Seen>,
    stop: AtomicBool,
    /// The thread wakes and sleeps, and notes nothing.
    late: AtomicBool,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Seen {
    tracker: Tracker,
    changes: VecDeque<LifeEvent>,
}

impl Watched {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the words and keeps what has changed since the look before.
    fn look(&self) -> Look {
        let mut seen = self.seen();
        // Under the lock: of two looks the later one is judged later.
        let look = Look::at(self.words);
        let (mut changed, mut died) = (false, false);
        for change in seen.tracker.observe(&look) {
            (changed, died) = (true, died | matches!(change, LifeChange::Died { .. }));
            if seen.changes.len() == CHANGES_MAX {
                seen.changes.pop_front();
            }
            seen.changes.push_back(LifeEvent {
                at: clock::now(),
                change,
            });
        }
        // Whoever is woken wants the lock.
        drop(seen);
        if changed {
            self.waker.wake();
        }
        if died {
            // The kernel has woken only one watcher.
            wake_all(&self.words.life);
        }
        look
    }
}

/// A thread that watches a slot's life lock and rings a descriptor at each change.
#[derive(Debug)]
pub struct LifeWatch {
    watched: Arc<Watched>,
}

impl LifeWatch {
    /// Starts to watch `slot`. The first change reported is what there is now.
    ///
    /// # Errors
    /// When the system refuses a descriptor or a thread.
    pub fn start(memory: &SharedMemory, slot: RpSlot) -> io::Result<LifeWatch> {
        let watched = Arc::new(Watched {
            words: memory.leak().rp(slot),
            seen: Mutex::default(),
            stop: AtomicBool::new(false),
            late: AtomicBool::new(false),
            waker: Waker::new()?,
        });
        let watch = LifeWatch { watched };
        // Not left to the thread: one that is kept from the processor may come after a death, and what it then saw would
        // be a slot that nobody has held.
        watch.look();
        let theirs = watch.watched.clone();
        std::thread::Builder::new()
            .name(format!("watch-{slot}"))
            .stack_size(64 * 1024)
            .spawn(move || {
                while !theirs.stop.load(Ordering::SeqCst) {
                    let look = match theirs.late.load(Ordering::SeqCst) {
                        true => Look::at(theirs.words),
                        false => theirs.look(),
                    };
                    sleep_on(theirs.words, look);
                }
            })?;
        Ok(watch)
    }

    /// Looks now, without waiting for the thread, which may be kept from the processor. What has happened so far is behind
    /// [`LifeWatch::next_change`] then: who has news of a life from elsewhere hears of its birth and of the deaths before it
    /// first.
    pub fn look(&self) {
        self.watched.look();
    }

    /// A fault: the thread tells nothing, as one that is kept from the processor, until it is late no more.
    pub(crate) fn be_late(&self, late: bool) {
        self.watched.late.store(late, Ordering::SeqCst);
    }

    /// The oldest change not taken yet. `None` makes the descriptor quiet.
    pub fn next_change(&self) -> Option<LifeEvent> {
        self.watched.waker.drain();
        let mut seen = self.watched.seen();
        let change = seen.changes.pop_front();
        if !seen.changes.is_empty() {
            self.watched.waker.wake();
        }
        change
    }
}

impl AsFd for LifeWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watched.waker.as_fd()
    }
}

impl Drop for LifeWatch {
    /// The thread ends at its next look.
    fn drop(&mut self) {
        self.watched.stop.store(true, Ordering::SeqCst);
    }
}

fn sleep_on(words: &RpWords, look: Look) {
    let mut expected = look.life;
    if look.is_alive() && expected & WAITERS == 0 {
        expected |= WAITERS;
        let marked = words
            .life
            .compare_exchange(look.life, expected, Ordering::SeqCst, Ordering::SeqCst);
        if marked.is_err() {
            return;
        }
    }
    match futex::wait(&words.life, futex::Flags::empty(), expected, Some(&LOOK_AGAIN)) {
        Ok(()) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR | rustix::io::Errno::TIMEDOUT) => {}
        // Not known to happen for a mapped word. Polling is slower than waiting, but it still sees a death.
        Err(_) => std::thread::sleep(Duration::from_millis(5)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(life: u32, incarnation: u32, resigned: u64) -> Look {
        Look {
            life,
            incarnation,
            resigned,
            process: 10 + incarnation,
            started_at_ticks: 5,
        }
    }

    fn alive(incarnation: u32) -> LifeChange {
        LifeChange::Alive {
            incarnation,
            process: 10 + incarnation,
            started_at_ticks: 5,
        }
    }

    fn died(incarnation: u32, cause: Option<Resignation>) -> LifeChange {
        LifeChange::Died { incarnation, cause }
    }

    #[test]
    fn each_sequence_of_looks_gives_these_changes() {
        let panic_of_1 = 1 << 32 | u64::from(Resignation::Panic.to_word());
        let cases: [(&str, &[Look], &[LifeChange]); 12] = [
            (
                "nobody yet",
                &[look(0, 0, 0), look(0, 0, 0)],
                &[LifeChange::Absent],
            ),
            (
                "nobody any more",
                &[look(OWNER_DIED, 4, 0)],
                &[LifeChange::Absent],
            ),
            (
                "born",
                &[look(0, 0, 0), look(100, 1, 0), look(100 | WAITERS, 1, 0)],
                &[LifeChange::Absent, alive(1)],
            ),
            (
                "killed",
                &[
                    look(100 | WAITERS, 1, 0),
                    look(WAITERS | OWNER_DIED, 1, 0),
                    look(OWNER_DIED, 1, 0),
                ],
                &[alive(1), died(1, None)],
            ),
            (
                "resigned, and the kernel came later",
                &[
                    look(100 | WAITERS, 1, 0),
                    look(100 | WAITERS | OWNER_DIED, 1, panic_of_1),
                    look(WAITERS | OWNER_DIED, 1, panic_of_1),
                ],
                &[alive(1), died(1, Some(Resignation::Panic))],
            ),
            (
                "died and was back unseen",
                &[look(100 | WAITERS, 1, 0), look(200, 2, panic_of_1)],
                &[alive(1), died(1, Some(Resignation::Panic)), alive(2)],
            ),
            (
                "back with the same thread id",
                &[look(100 | WAITERS, 1, 0), look(100 | WAITERS, 2, 0)],
                &[alive(1), died(1, None), alive(2)],
            ),
            (
                "lived and died unseen",
                &[
                    look(0, 0, 0),
                    look(OWNER_DIED, 1, panic_of_1),
                    look(OWNER_DIED, 1, panic_of_1),
                ],
                &[LifeChange::Absent, alive(1), died(1, Some(Resignation::Panic))],
            ),
            (
                "lived and died unseen, after another one",
                &[
                    look(100, 1, 0),
                    look(200 | OWNER_DIED, 2, 0),
                    look(0, 3, 0),
                    look(300, 3, 0),
                ],
                &[alive(1), died(1, None), alive(2), died(2, None), alive(3)],
            ),
            (
                "first seen while it is being taken, and then dead",
                &[look(0, 3, 0), look(OWNER_DIED, 3, 0)],
                &[LifeChange::Absent, alive(3), died(3, None)],
            ),
            (
                "being taken is neither a life nor a death",
                &[look(OWNER_DIED, 1, 0), look(0, 2, 0), look(0, 2, 0)],
                &[LifeChange::Absent],
            ),
            (
                "a resignation of an earlier life is not this one's",
                &[
                    look(100 | WAITERS, 2, panic_of_1),
                    look(OWNER_DIED, 2, panic_of_1),
                ],
                &[alive(2), died(2, None)],
            ),
        ];
        for (name, looks, expected) in cases {
            let mut tracker = Tracker::default();
            let changes: Vec<LifeChange> = looks.iter().flat_map(|look| tracker.observe(look)).collect();
            assert_eq!(changes, expected, "{name}");
        }
    }

    #[test]
    fn resignation_words_round_trip_and_are_what_another_release_expects() {
        for (cause, word) in [
            (Resignation::FatalSignal(11), 0x10b),
            (Resignation::Panic, 0x200),
            (Resignation::Forced, 0x300),
            (Resignation::Reload, 0x400),
            (Resignation::Other(0x999), 0x999),
        ] {
            assert_eq!(cause.to_word(), word);
            assert_eq!(Resignation::from_word(word), Some(cause));
        }
        assert_eq!(Resignation::from_word(0), None);
    }
}
