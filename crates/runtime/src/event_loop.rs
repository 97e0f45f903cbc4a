//! Waiting for descriptors and for time, in one thread.
//!
//! ```text
//!            add(fd, token)                 wait(deadline)
//!   driver ─────────────────▶  EventLoop  ────────────────▶ [Ready { token, readable, writable, hangup }]
//!                                  ▲
//!          Waker::wake (any thread)┘ Signals (TERM, INT, CHLD as a readable descriptor)
//! ```
//!
//! Level-triggered: what is not read now is reported again by the next `wait`, so a driver may read with a budget and
//! forget nothing. A process has one loop, and with it a single order of events.

use crate::clock;
use machine::Instant;
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::io;

/// What of a descriptor is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Report when it can be read, or when the peer has closed.
    pub readable: bool,
    /// Report when it can be written.
    pub writable: bool,
}

impl Interest {
    /// Reading only.
    pub const READ: Interest = Interest {
        readable: true,
        writable: false,
    };
    /// Reading and writing.
    pub const READ_WRITE: Interest = Interest {
        readable: true,
        writable: true,
    };
    /// Nothing but errors and hangups, which are always reported.
    pub const NONE: Interest = Interest {
        readable: false,
        writable: false,
    };

    /// Reading always, writing when `writable`.
    pub const fn read_and(writable: bool) -> Interest {
        Interest {
            readable: true,
            writable,
        }
    }

    fn flags(self) -> epoll::EventFlags {
        let mut flags = epoll::EventFlags::empty();
        flags.set(epoll::EventFlags::IN | epoll::EventFlags::RDHUP, self.readable);
        flags.set(epoll::EventFlags::OUT, self.writable);
        flags
    }
}

/// A descriptor that has something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The token that it was added with.
    pub token: u64,
    /// A read returns at once (data, end of stream, or an error).
    pub readable: bool,
    /// A write returns at once.
    pub writable: bool,
    /// The other side has closed, or the descriptor is broken; what was received before can still be read.
    pub hangup: bool,
}

/// How many ready descriptors one `wait` returns at most; the rest come with the next.
const READY_MAX: usize = 64;

/// The loop's descriptor set and its wait.
pub struct EventLoop {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl EventLoop {
    /// A loop that watches nothing.
    ///
    /// # Errors
    /// When the kernel has no descriptor or memory left.
    pub fn new() -> io::Result<EventLoop> {
        Ok(EventLoop {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(READY_MAX),
        })
    }

    /// Starts watching `fd`; `token` comes back with each report.
    ///
    /// # Errors
    /// When `fd` is watched already, or cannot be watched (an ordinary file).
    pub fn add(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            fd,
            epoll::EventData::new_u64(token),
            interest.flags(),
        )?)
    }

    /// Changes what of `fd` is of interest, and its token.
    ///
    /// # Errors
    /// When `fd` is not watched.
    pub fn change(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(
            &self.epoll,
            fd,
            epoll::EventData::new_u64(token),
            interest.flags(),
        )?)
    }

    /// Stops watching `fd`. Closing the last copy of a descriptor does the same.
    ///
    /// # Errors
    /// When `fd` is not watched.
    pub fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    /// Waits until something is ready or `deadline` has come, whichever is first, and appends what is ready to
    /// `ready` (cleared before). `None` waits without limit; a deadline in the past only polls. The resolution is a
    /// nanosecond; the kernel's timer slack (50 us by default) comes on top.
    ///
    /// An interrupted wait returns early with nothing ready.
    ///
    /// # Errors
    /// When the kernel refuses the wait, which a valid loop never sees.
    pub fn wait(&mut self, deadline: Option<Instant>, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.clear();
        self.events.clear();
        let timeout = deadline.map(|at| {
            let left = at.saturating_since(clock::now());
            Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut self.events),
            timeout.as_ref(),
        ) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        ready.extend(self.events.iter().map(|event| {
            let flags = event.flags;
            let broken = flags.intersects(epoll::EventFlags::HUP | epoll::EventFlags::ERR);
            Ready {
                token: event.data.u64(),
                readable: broken || flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::RDHUP),
                writable: broken || flags.contains(epoll::EventFlags::OUT),
                hangup: broken || flags.contains(epoll::EventFlags::RDHUP),
            }
        }));
        Ok(())
    }
}

/// Wakes a loop from another thread: a counter that is readable while it is not zero.
#[derive(Debug)]
pub struct Waker {
    fd: OwnedFd,
}

impl Waker {
    /// A waker that is not ringing.
    ///
    /// # Errors
    /// When the kernel has no descriptor left.
    pub fn new() -> io::Result<Waker> {
        Ok(Waker {
            fd: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    /// A second handle on the same waker.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn try_clone(&self) -> io::Result<Waker> {
        Ok(Waker {
            fd: self.fd.try_clone()?,
        })
    }

    /// Makes the descriptor readable. Waking twice before it is drained is the same as waking once.
    pub fn wake(&self) {
        // The only refusal is a counter at its maximum, and then it is readable already.
        let _ = rustix::io::write(&self.fd, &1u64.to_ne_bytes());
    }

    /// Makes the descriptor quiet again. Call it before looking at what the waker stands for.
    pub fn drain(&self) {
        // Nothing to read means that it was quiet already.
        let _ = rustix::io::read(&self.fd, &mut [0u8; 8]);
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A signal that is handled in the loop, in the order of events, rather than in the middle of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopSignal {
    /// `SIGTERM`: stop in good order.
    Terminate,
    /// `SIGINT`: Ctrl-C at the terminal.
    Interrupt,
    /// `SIGHUP`: the terminal is gone.
    Hangup,
    /// `SIGCHLD`: a child has changed its state.
    Child,
    /// `SIGWINCH`: the terminal has another size.
    WindowChange,
}

impl LoopSignal {
    const ALL: [(LoopSignal, libc::c_int); 5] = [
        (LoopSignal::Terminate, libc::SIGTERM),
        (LoopSignal::Interrupt, libc::SIGINT),
        (LoopSignal::Hangup, libc::SIGHUP),
        (LoopSignal::Child, libc::SIGCHLD),
        (LoopSignal::WindowChange, libc::SIGWINCH),
    ];

    fn number(self) -> libc::c_int {
        LoopSignal::ALL
            .iter()
            .find(|(signal, _)| *signal == self)
            .map_or(0, |(_, number)| *number)
    }
}

/// Signals as a readable descriptor.
///
/// Take it in the first thread before others are started: threads inherit the blocked set, and a thread that does not
/// block a signal would get it in the old way. A started child gets an empty set again (the standard library sees to
/// that).
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
}

impl Signals {
    /// Blocks `signals` in this thread and makes them readable.
    ///
    /// # Errors
    /// When the kernel has no descriptor left.
    pub fn take(signals: &[LoopSignal]) -> io::Result<Signals> {
        // SAFETY: a signal set is plain data for which all-zero is a valid value; sigemptyset then initialises it.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: `set` is a live, exclusively borrowed signal set for both calls, and the numbers are valid signals.
        unsafe {
            libc::sigemptyset(&mut set);
            for signal in signals {
                libc::sigaddset(&mut set, signal.number());
            }
        }
        // SAFETY: `set` is initialised; a null old set is allowed.
        let refused = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) };
        if refused != 0 {
            return Err(io::Error::from_raw_os_error(refused));
        }
        // SAFETY: `set` is initialised; -1 asks for a new descriptor.
        let fd = unsafe { libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call has just returned this descriptor and nobody else knows it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Signals { fd })
    }

    /// The next signal that has arrived, or `None`. Several arrivals of one signal may be reported as one.
    ///
    /// # Errors
    /// When the descriptor cannot be read, which a valid one never reports.
    pub fn next_signal(&self) -> io::Result<Option<LoopSignal>> {
        let mut bytes = [0u8; size_of::<libc::signalfd_siginfo>()];
        loop {
            match rustix::io::read(&self.fd, &mut bytes) {
                Ok(count) if count == bytes.len() => {
                    // ssi_signo is the first field of the structure (signalfd(2)).
                    let number = i32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                    let known = LoopSignal::ALL.iter().find(|(_, known)| *known == number);
                    return Ok(known.map(|(signal, _)| *signal));
                }
                Ok(_) | Err(rustix::io::Errno::AGAIN) => return Ok(None),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_wait_without_events_ends_at_its_deadline_and_not_before() {
        let mut event_loop = EventLoop::new().unwrap();
        let mut ready = Vec::new();
        let deadline = clock::now() + machine::Duration::from_micros(300);
        event_loop.wait(Some(deadline), &mut ready).unwrap();
        assert!(ready.is_empty());
        assert!(clock::now() >= deadline, "a wait may be late but never early");
    }

    #[test]
    fn what_is_not_read_is_reported_again() {
        let mut event_loop = EventLoop::new().unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        event_loop.add(&near, 7, Interest::READ).unwrap();
        rustix::io::write(&far, b"x").unwrap();
        let mut ready = Vec::new();
        for _ in 0..2 {
            event_loop.wait(None, &mut ready).unwrap();
            assert_eq!(
                ready,
                [Ready {
                    token: 7,
                    readable: true,
                    writable: false,
                    hangup: false
                }]
            );
        }
        drop(far);
        event_loop.wait(None, &mut ready).unwrap();
        assert!(ready[0].hangup && ready[0].readable);
        event_loop.remove(&near).unwrap();
        event_loop.wait(Some(Instant::ZERO), &mut ready).unwrap();
        assert!(ready.is_empty());
    }

    #[test]
    fn writable_is_reported_only_while_it_is_of_interest() {
        let mut event_loop = EventLoop::new().unwrap();
        let (near, _far) = UnixStream::pair().unwrap();
        event_loop.add(&near, 1, Interest::READ_WRITE).unwrap();
        let mut ready = Vec::new();
        event_loop.wait(None, &mut ready).unwrap();
        assert!(ready[0].writable && !ready[0].readable);
        event_loop.change(&near, 1, Interest::READ).unwrap();
        event_loop.wait(Some(Instant::ZERO), &mut ready).unwrap();
        assert!(ready.is_empty());
    }

    #[test]
    fn a_waker_wakes_from_another_thread_until_it_is_drained() {
        let mut event_loop = EventLoop::new().unwrap();
        let waker = Waker::new().unwrap();
        event_loop.add(&waker, 3, Interest::READ).unwrap();
        let other = waker.try_clone().unwrap();
        let thread = std::thread::spawn(move || {
            other.wake();
            other.wake();
        });
        let mut ready = Vec::new();
        event_loop.wait(None, &mut ready).unwrap();
        assert_eq!(ready[0].token, 3);
        thread.join().unwrap();
        waker.drain();
        event_loop.wait(Some(Instant::ZERO), &mut ready).unwrap();
        assert!(ready.is_empty());
    }

    #[test]
    fn a_taken_signal_is_read_from_the_descriptor_instead_of_killing() {
        let signals = Signals::take(&[LoopSignal::WindowChange]).unwrap();
        assert_eq!(signals.next_signal().unwrap(), None);
        // SAFETY: sends this thread a signal that it has just blocked.
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGWINCH) };
        assert_eq!(signals.next_signal().unwrap(), Some(LoopSignal::WindowChange));
        assert_eq!(signals.next_signal().unwrap(), None);
    }
}
