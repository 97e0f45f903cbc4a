//! One descriptor that stands for all of a wire's.
//!
//! A wire has a changing set of descriptors (a socket that comes and goes, a retry timer, a listener). They sit in an
//! epoll instance of the wire's own, which the driver's loop watches as one stable, level-triggered descriptor; so a
//! wire heals itself without its driver knowing how.

use machine::Duration;
use rustix::event::epoll;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::io;
use std::mem::MaybeUninit;

/// Key under which the timer is reported; no other descriptor may have it.
pub const TIMER: u64 = u64::MAX;

const EVENTS_MAX: usize = 32;

/// What one descriptor of the wire has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The key that it was added with, or [`TIMER`].
    pub key: u64,
    /// It can be read, or will say why not.
    pub readable: bool,
    /// It can be written.
    pub writable: bool,
    /// The other side is gone or the descriptor is broken.
    pub hangup: bool,
}

/// The descriptors of one wire.
pub struct Readiness {
    epoll: OwnedFd,
    timer: OwnedFd,
}

impl Readiness {
    /// An empty set with a timer that is not running.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn new() -> io::Result<Readiness> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
        )?;
        epoll::add(
            &epoll,
            &timer,
            epoll::EventData::new_u64(TIMER),
            epoll::EventFlags::IN,
        )?;
        Ok(Readiness { epoll, timer })
    }

    /// Watches `fd` for reading.
    ///
    /// # Errors
    /// When the kernel refuses, as for a descriptor that is watched already.
    pub fn add(&self, fd: impl AsFd, key: u64) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            fd,
            epoll::EventData::new_u64(key),
            flags(false),
        )?)
    }

    /// Watches `fd`, which was added before, for writing too, or no longer.
    ///
    /// # Errors
    /// When `fd` is not watched.
    pub fn want_write(&self, fd: impl AsFd, key: u64, writable: bool) -> io::Result<()> {
        Ok(epoll::modify(
            &self.epoll,
            fd,
            epoll::EventData::new_u64(key),
            flags(writable),
        )?)
    }

    /// Makes the timer fire once, `after` from now. A running timer is set anew.
    ///
    /// # Errors
    /// When the kernel refuses, which a valid timer never sees.
    pub fn set_timer(&self, after: Duration) -> io::Result<()> {
        // Zero would stop the timer.
        let after = after.max(Duration::from_nanos(1));
        let zero = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let value = Timespec {
            tv_sec: i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: after.subsec_nanos().into(),
        };
        let setting = Itimerspec {
            it_interval: zero,
            it_value: value,
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting)?;
        Ok(())
    }

    /// What is ready now, without waiting; a fired timer is quiet again after being reported.
    ///
    /// # Errors
    /// When the kernel refuses, which a valid set never sees.
    pub fn poll(&self) -> io::Result<impl Iterator<Item = Ready> + use<>> {
        let mut buffer = [MaybeUninit::uninit(); EVENTS_MAX];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let events: &[epoll::Event] = match epoll::wait(&self.epoll, &mut buffer, Some(&now)) {
            Ok((events, _)) => events,
            Err(rustix::io::Errno::INTR) => &[],
            Err(error) => return Err(error.into()),
        };
        let mut ready = [None; EVENTS_MAX];
        for (place, event) in ready.iter_mut().zip(events) {
            let (flags, key) = (event.flags, event.data.u64());
            let hangup =
                flags.intersects(epoll::EventFlags::HUP | epoll::EventFlags::ERR | epoll::EventFlags::RDHUP);
            *place = Some(Ready {
                key,
                readable: hangup || flags.contains(epoll::EventFlags::IN),
                writable: flags.contains(epoll::EventFlags::OUT),
                hangup,
            });
            if key == TIMER {
                // Nothing to read means that the timer was set anew after it fired.
                let _ = rustix::io::read(&self.timer, &mut [0u8; 8]);
            }
        }
        Ok(ready.into_iter().flatten())
    }
}

impl AsFd for Readiness {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

fn flags(writable: bool) -> epoll::EventFlags {
    let mut flags = epoll::EventFlags::IN | epoll::EventFlags::RDHUP;
    flags.set(epoll::EventFlags::OUT, writable);
    flags
}
