//! A thread that waits for what is slow, so that the work loop does not: a loop that waits for a disk is taken for a hung one.
//!
//! ```text
//!   loop ── job ──▶ queue ──▶ thread: Work::run ──▶ results, waker ──▶ loop
//!                             └── Work::look, now and then while there is no job
//! ```
//!
//! The queue is bounded in one of two ways: [`Worker::ask`] refuses a job for which there is no room, and
//! [`Worker::replace`] keeps one job, made of the new one and the one that waited.

use crate::event_loop::Waker;
use rustix::fd::{AsFd, BorrowedFd};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What the thread does.
pub(super) trait Work: Send + 'static {
    /// What is asked for.
    type Job: Send;
    /// What the loop is told.
    type Result: Send;
    /// The thread's name.
    const NAME: &'static str;
    /// How often there is a look, the first time at the start; `None`: never.
    const LOOK_INTERVAL: Option<Duration> = None;
    /// Whether what was handed over is done before the worker goes. What waits for another process is not waited for.
    const FINISHES: bool = true;

    /// Does a job.
    fn run(&mut self, job: Self::Job) -> Vec<Self::Result>;

    /// Looks whether there is something to be told.
    fn look(&mut self) -> Vec<Self::Result> {
        Vec::new()
    }
}

/// Jobs that may wait, and results that the loop has not taken yet.
struct State<W: Work> {
    jobs: VecDeque<W::Job>,
    results: Vec<W::Result>,
    /// A job is under way.
    busy: bool,
    closing: bool,
}

struct Shared<W: Work> {
    state: Mutex<State<W>>,
    changed: Condvar,
}

impl<W: Work> Shared<W> {
    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The loop's end of the thread. Its descriptor is readable when there are results.
pub(super) struct Worker<W: Work> {
    shared: Arc<Shared<W>>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl<W: Work> Worker<W> {
    /// Starts the thread. Call it after the process's signals are taken.
    pub(super) fn start(work: W) -> io::Result<Worker<W>> {
        let state = State {
            jobs: VecDeque::new(),
            results: Vec::new(),
            busy: false,
            closing: false,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let waker = Waker::new()?;
        let (their_shared, their_waker) = (shared.clone(), waker.try_clone()?);
        let thread = std::thread::Builder::new()
            .name(W::NAME.into())
            .spawn(move || serve(work, &their_shared, &their_waker))?;
        Ok(Worker {
            shared,
            waker,
            thread: Some(thread),
        })
    }

    /// Queues a job; its results are among those of [`Worker::results`] some day.
    ///
    /// # Errors
    /// The job, when `jobs_max` wait already.
    pub(super) fn ask(&self, job: W::Job, jobs_max: usize) -> Result<(), W::Job> {
        let mut state = self.shared.lock();
        if state.jobs.len() >= jobs_max {
            return Err(job);
        }
        state.jobs.push_back(job);
        drop(state);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Has one job wait: what `merge` makes of the one that waits, if any.
    pub(super) fn replace(&self, merge: impl FnOnce(Option<W::Job>) -> W::Job) {
        let mut state = self.shared.lock();
        let job = merge(state.jobs.pop_back());
        state.jobs.push_back(job);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// For another thread that wants to know when there is nothing left to do.
    pub(super) fn done(&self) -> Done<W> {
        Done(self.shared.clone())
    }

    /// Adds a result for the loop, in place of a job that was refused.
    pub(super) fn tell(&self, result: W::Result) {
        self.shared.lock().results.push(result);
        self.waker.wake();
    }

    /// Results since the last call. Call it when the descriptor is readable.
    pub(super) fn results(&self) -> Vec<W::Result> {
        self.waker.drain();
        std::mem::take(&mut self.shared.lock().results)
    }
}

impl<W: Work> AsFd for Worker<W> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.waker.as_fd()
    }
}

impl<W: Work> Drop for Worker<W> {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take().filter(|_| W::FINISHES) {
            // A panic in it has ended the process already.
            let _ended = thread.join();
        }
    }
}

/// Tells when a worker has nothing left to do.
pub(super) struct Done<W: Work>(Arc<Shared<W>>);

impl<W: Work> Done<W> {
    /// Waits for that, but not longer than `limit`.
    pub(super) fn wait(&self, limit: Duration) {
        let is_busy = |state: &mut State<W>| state.busy || !state.jobs.is_empty();
        // What takes longer is not waited for.
        let _waited = self.0.changed.wait_timeout_while(self.0.lock(), limit, is_busy);
    }
}

fn serve<W: Work>(mut work: W, shared: &Shared<W>, waker: &Waker) {
    let mut look_at = W::LOOK_INTERVAL.map(|_| Instant::now());
    let mut state = shared.lock();
    loop {
        let now = Instant::now();
        let results = if let Some(job) = state.jobs.pop_front() {
            state.busy = true;
            drop(state);
            work.run(job)
        } else if state.closing {
            return;
        } else if look_at.is_some_and(|at| at <= now) {
            look_at = W::LOOK_INTERVAL.map(|interval| now + interval);
            drop(state);
            work.look()
        } else {
            state = match look_at {
                Some(at) => {
                    let waited = shared.changed.wait_timeout(state, at - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
            continue;
        };
        state = shared.lock();
        if std::mem::take(&mut state.busy) {
            shared.changed.notify_all();
        }
        if !results.is_empty() {
            state.results.extend(results);
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_loop::{EventLoop, Interest};
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Adds one to a number, when it is let.
    struct Adder {
        may: Receiver<()>,
        begun: Sender<u32>,
    }

    impl Work for Adder {
        type Job = u32;
        type Result = u32;
        const NAME: &'static str = "adder";

        fn run(&mut self, job: u32) -> Vec<u32> {
            self.begun.send(job).unwrap();
            self.may.recv().unwrap();
            vec![job + 1]
        }
    }

    fn adder() -> (Worker<Adder>, Sender<()>, Receiver<u32>) {
        let ((let_it, may), (begun, begins)) = (channel(), channel());
        (Worker::start(Adder { may, begun }).unwrap(), let_it, begins)
    }

    fn wait_for(worker: &Worker<Adder>, count: usize) -> Vec<u32> {
        let mut events = EventLoop::new().unwrap();
        events.add(worker, 1, Interest::READ).unwrap();
        let (mut results, mut ready) = (Vec::new(), Vec::new());
        while results.len() < count {
            events.wait(None, &mut ready).unwrap();
            results.extend(worker.results());
        }
        results
    }

    #[test]
    fn jobs_queue_up_to_their_bound_and_the_one_too_many_comes_back() {
        let (worker, let_it, begins) = adder();
        assert_eq!(worker.ask(1, 2), Ok(()));
        assert_eq!(begins.recv(), Ok(1), "it is under way and does not wait any more");
        let asked = [2, 3, 4].map(|job| worker.ask(job, 2));
        assert_eq!(asked, [Ok(()), Ok(()), Err(4)]);
        worker.tell(0);
        (0..3).for_each(|_| let_it.send(()).unwrap());
        assert_eq!(wait_for(&worker, 4), [0, 2, 3, 4]);
    }

    #[test]
    fn a_job_that_replaces_takes_the_place_of_the_one_that_waits_and_not_of_the_one_under_way() {
        let (worker, let_it, begins) = adder();
        worker.replace(|waiting| waiting.unwrap_or(0) + 10);
        assert_eq!(begins.recv(), Ok(10));
        worker.replace(|waiting| waiting.unwrap_or(0) + 20);
        worker.replace(|waiting| waiting.unwrap_or(0) + 30);
        (0..2).for_each(|_| let_it.send(()).unwrap());
        assert_eq!(wait_for(&worker, 2), [11, 51]);
    }

    #[test]
    fn what_was_handed_over_is_done_before_the_worker_goes() {
        let (worker, let_it, begins) = adder();
        (1..=3).for_each(|job| worker.ask(job, 3).unwrap());
        (0..3).for_each(|_| let_it.send(()).unwrap());
        drop(worker);
        assert_eq!(begins.iter().collect::<Vec<_>>(), [1, 2, 3]);
    }
}
