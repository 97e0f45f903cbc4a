//! A wire inside one host: a Unix socket between a card and the process of the built-in hosts.
//!
//! ```text
//!   card  MemWire ── connects ──▶ RUN/wires/NAME.sock ◀── listens ── MemEnd  hosts
//! ```
//!
//! Either side may die and come back. The card's side then tries again every 20 ms; the link is up exactly while there
//! is a connection. A newer connection replaces an older one, because a card that was started again must not wait for
//! the kernel to tear its predecessor down.

use super::mmsg::ReceiveBatch;
use super::readiness::{Readiness, TIMER};
use super::seqpacket::{self, Link, LinkState};
use super::{FRAME_LEN_MAX, SendOutcome, WireCounters, WireError};
use machine::Duration;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::net::SocketAddrUnix;
use std::io;
use std::path::{Path, PathBuf};

/// Frames that wait for a slow reader: a fifth of a second at 40,000 frames a second.
pub const QUEUE_FRAMES: usize = 8192;
/// Time between two attempts to connect.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

const LINK: u64 = 0;
const LISTENER: u64 = 1;

/// Where the wire `name` of the chassis with this run directory has its socket.
///
/// # Errors
/// [`WireError::Name`] when the name could lead elsewhere: it may have up to 32 letters, digits, hyphens, underscores.
pub fn socket_path(run_directory: &Path, name: &str) -> Result<PathBuf, WireError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !(1..=32).contains(&name.len()) || !name.bytes().all(is_plain) {
        return Err(WireError::Name(name.to_string()));
    }
    Ok(run_directory.join("wires").join(format!("{name}.sock")))
}

/// The card's end.
pub struct MemWire {
    path: PathBuf,
    end: End,
}

/// The end of the built-in hosts.
pub struct MemEnd {
    listener: OwnedFd,
    end: End,
}

/// What both ends have.
struct End {
    readiness: Readiness,
    link: Link,
    batch: ReceiveBatch,
}

impl End {
    fn new() -> io::Result<End> {
        Ok(End {
            readiness: Readiness::new()?,
            link: Link::new(QUEUE_FRAMES),
            batch: ReceiveBatch::new(FRAME_LEN_MAX),
        })
    }

    fn send(&mut self, frame: &[u8]) -> SendOutcome {
        if !(1..=FRAME_LEN_MAX).contains(&frame.len()) {
            self.link.counters.send_errors += 1;
            return SendOutcome::TooLong;
        }
        if self.link.should_flush() {
            self.flush();
        }
        self.link.send(&[], frame)
    }

    fn flush(&mut self) {
        match self.link.flush(&self.readiness, LINK) {
            Ok(LinkState::Open) => {}
            // The hangup is reported by the next poll, which also reads what came before it.
            Ok(LinkState::Closed) => {}
            Err(_) => self.link.counters.send_errors += 1,
        }
    }

    /// Reads and writes as far as possible; returns frames taken and whether the connection has ended.
    fn serve(
        &mut self,
        writable: bool,
        budget: usize,
        take: &mut dyn FnMut(&mut [u8]),
    ) -> (usize, LinkState) {
        if writable {
            self.flush();
        }
        self.link.receive(&mut self.batch, budget, take)
    }
}

impl MemWire {
    /// The card's end of the wire whose socket is at `path`. Whether somebody listens there shows later, as link state.
    ///
    /// # Errors
    /// When the path is too long for a socket, or the process has no descriptor left.
    pub fn open(path: &Path) -> Result<MemWire, WireError> {
        let fail = |source| WireError::socket("open", path.display(), source);
        // Trying again would not make it shorter.
        SocketAddrUnix::new(path).map_err(|error| fail(error.into()))?;
        let mut wire = MemWire {
            path: path.to_path_buf(),
            end: End::new().map_err(fail)?,
        };
        wire.connect().map_err(fail)?;
        Ok(wire)
    }

    /// Readable while [`MemWire::receive`] has something to do.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.end.readiness.as_fd()
    }

    /// Serves the wire: reconnects, flushes, and gives at most `budget` frames to `take`. Returns how many.
    pub fn receive(&mut self, budget: usize, take: &mut dyn FnMut(&mut [u8])) -> io::Result<usize> {
        let mut taken = 0;
        for ready in self.end.readiness.poll()? {
            if ready.key == TIMER {
                if !self.end.link.is_up() {
                    self.connect()?;
                }
                continue;
            }
            let (count, state) = self.end.serve(ready.writable, budget, take);
            taken += count;
            if state == LinkState::Closed {
                self.end.link.detach();
                self.end.readiness.set_timer(RETRY_INTERVAL)?;
            }
        }
        Ok(taken)
    }

    /// Queues one frame; it leaves with the next flush.
    pub fn send(&mut self, frame: &[u8]) -> SendOutcome {
        self.end.send(frame)
    }

    /// Gives what is queued to the kernel. What does not fit leaves by itself later.
    pub fn flush(&mut self) {
        self.end.flush();
    }

    /// Whether there is a connection.
    pub fn is_up(&self) -> bool {
        self.end.link.is_up()
    }

    /// Frames that can be sent before one is dropped.
    pub fn room(&self) -> usize {
        self.end.link.room()
    }

    /// What went through.
    pub fn counters(&self) -> WireCounters {
        self.end.link.counters
    }

    fn connect(&mut self) -> io::Result<()> {
        match seqpacket::connect(&self.path) {
            Ok(socket) => self.end.link.attach(socket, &self.end.readiness, LINK),
            // Nobody is there, or too many are waiting: both pass.
            Err(_) => self.end.readiness.set_timer(RETRY_INTERVAL),
        }
    }
}

impl MemEnd {
    /// Listens for the card at `path`; the directory is made when it is missing.
    ///
    /// # Errors
    /// When the directory cannot be made, the path is too long for a socket, or another process listens there.
    pub fn open(path: &Path) -> Result<MemEnd, WireError> {
        let fail = |source| WireError::socket("listen at", path.display(), source);
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(fail)?;
        }
        let listener = seqpacket::listen(path).map_err(fail)?;
        let end = End::new().map_err(fail)?;
        end.readiness.add(&listener, LISTENER).map_err(fail)?;
        Ok(MemEnd { listener, end })
    }

    /// Readable while [`MemEnd::receive`] has something to do.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.end.readiness.as_fd()
    }

    /// Serves the wire: accepts, flushes, and gives at most `budget` frames to `take`. Returns how many.
    pub fn receive(&mut self, budget: usize, take: &mut dyn FnMut(&mut [u8])) -> io::Result<usize> {
        let mut taken = 0;
        let mut newcomer = false;
        for ready in self.end.readiness.poll()? {
            match ready.key {
                LISTENER => newcomer = true,
                LINK => {
                    let (count, state) = self.end.serve(ready.writable, budget, take);
                    taken += count;
                    if state == LinkState::Closed {
                        self.end.link.detach();
                    }
                }
                _ => {}
            }
        }
        // Last, so that what the old connection still held was read.
        if newcomer && let Some(socket) = seqpacket::accept(&self.listener)? {
            self.end.link.attach(socket, &self.end.readiness, LINK)?;
        }
        Ok(taken)
    }

    /// Queues one frame; it leaves with the next flush.
    pub fn send(&mut self, frame: &[u8]) -> SendOutcome {
        self.end.send(frame)
    }

    /// Gives what is queued to the kernel. What does not fit leaves by itself later.
    pub fn flush(&mut self) {
        self.end.flush();
    }

    /// Whether a card is connected.
    pub fn is_up(&self) -> bool {
        self.end.link.is_up()
    }

    /// Whether frames wait because the card does not read.
    pub fn is_blocked(&self) -> bool {
        self.end.link.is_blocked()
    }

    /// Frames that can be sent before one is dropped.
    pub fn room(&self) -> usize {
        self.end.link.room()
    }

    /// What went through.
    pub fn counters(&self) -> WireCounters {
        self.end.link.counters
    }
}
