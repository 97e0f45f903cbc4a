//! Frames over a Unix socket that keeps their boundaries (`SOCK_SEQPACKET`).

use super::mmsg::{self, BATCH, ReceiveBatch};
use super::readiness::Readiness;
use super::ring::FrameRing;
use super::{SendOutcome, WireCounters};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use std::io;
use std::path::Path;

/// What is asked of the kernel for each direction, in bytes; without privilege it gives what the system allows.
const SOCKET_BUFFER_LEN: usize = 4 << 20;
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 16;
/// Room for a frame in a queue, in bytes, on average.
const FRAME_LEN_MEAN_MAX: usize = 1536;

/// Listens at `path`. A socket file that nobody listens on any more is replaced.
///
/// # Errors
/// `AddrInUse` when somebody listens there; otherwise as `bind(2)`.
pub fn listen(path: &Path) -> io::Result<OwnedFd> {
    let address = SocketAddrUnix::new(path)?;
    let socket = new_socket()?;
    match rustix::net::bind(&socket, &address) {
        Err(Errno::ADDRINUSE) => {
            if connect(path).is_ok() {
                return Err(Errno::ADDRINUSE.into());
            }
            std::fs::remove_file(path)?;
            rustix::net::bind(&socket, &address)?;
        }
        result => result?,
    }
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// Connects to whoever listens at `path`, without waiting.
///
/// # Errors
/// `NotFound` or `ConnectionRefused` when nobody does.
pub fn connect(path: &Path) -> io::Result<OwnedFd> {
    let socket = new_socket()?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

/// The next connection that waits at `listener`; `None` when there is none.
///
/// # Errors
/// As `accept(2)`; the listener stays usable.
pub fn accept(listener: &OwnedFd) -> io::Result<Option<OwnedFd>> {
    match rustix::net::accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
        Ok(socket) => {
            enlarge_buffers(&socket);
            Ok(Some(socket))
        }
        Err(Errno::AGAIN | Errno::CONNABORTED | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn new_socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    enlarge_buffers(&socket);
    Ok(socket)
}

/// What a sender may have under way is charged to the sender's buffer. A smaller one than asked for only means that
/// more waits in the wire's own queue.
fn enlarge_buffers(socket: &OwnedFd) {
    if sockopt::set_socket_send_buffer_size_force(socket, SOCKET_BUFFER_LEN).is_err() {
        let _ = sockopt::set_socket_send_buffer_size(socket, SOCKET_BUFFER_LEN);
    }
}

/// One connection with its transmit queue. While there is none, what is sent is dropped and counted.
pub struct Link {
    socket: Option<OwnedFd>,
    queue: FrameRing,
    /// The socket is full; the queue waits for it to become writable.
    blocked: bool,
    /// What went through.
    pub counters: WireCounters,
}

/// What a receive or a flush has found out about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It is usable.
    Open,
    /// The other side is gone.
    Closed,
}

impl Link {
    /// A link without a connection and with a queue of `frames_max` frames.
    pub fn new(frames_max: usize) -> Link {
        Link {
            socket: None,
            queue: FrameRing::new(frames_max, frames_max * FRAME_LEN_MEAN_MAX),
            blocked: false,
            counters: WireCounters::default(),
        }
    }

    /// Takes a connection, which is reported by `readiness` under `key` from now on; an earlier one is closed.
    ///
    /// # Errors
    /// When the connection cannot be watched; the link is then without one.
    pub fn attach(&mut self, socket: OwnedFd, readiness: &Readiness, key: u64) -> io::Result<()> {
        self.detach();
        readiness.add(&socket, key)?;
        self.socket = Some(socket);
        self.counters.link_ups += 1;
        Ok(())
    }

    /// Closes the connection and drops what waits for it. Whether there was one.
    pub fn detach(&mut self) -> bool {
        self.counters.down_drops += self.queue.clear() as u64;
        self.blocked = false;
        self.socket.take().is_some()
    }

    /// Whether there is a connection.
    pub fn is_up(&self) -> bool {
        self.socket.is_some()
    }

    /// Frames that the queue still takes.
    pub fn room(&self) -> usize {
        self.queue.room()
    }

    /// Whether frames wait for the socket.
    pub fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Queues the frame that consists of `head` and `tail`. It leaves with the next [`Link::flush`].
    pub fn send(&mut self, head: &[u8], tail: &[u8]) -> SendOutcome {
        if self.socket.is_none() {
            self.counters.down_drops += 1;
            return SendOutcome::Down;
        }
        if !self.queue.push(head, tail) {
            self.counters.tail_drops += 1;
            return SendOutcome::Full;
        }
        SendOutcome::Queued
    }

    /// Whether so much has gathered that a flush pays.
    pub fn should_flush(&self) -> bool {
        !self.blocked && self.queue.len() >= BATCH
    }

    /// Gives the queue to the socket, as far as it takes it.
    pub fn flush(&mut self, readiness: &Readiness, key: u64) -> io::Result<LinkState> {
        let Some(socket) = &self.socket else {
            return Ok(LinkState::Open);
        };
        let mut full = false;
        while !self.queue.is_empty() && !full {
            match mmsg::send(socket.as_fd(), self.queue.iter(), &[]) {
                Ok(sent) => {
                    let bytes: usize = self.queue.iter().take(sent).map(<[u8]>::len).sum();
                    self.counters.sent_frames += sent as u64;
                    self.counters.sent_bytes += bytes as u64;
                    self.queue.pop(sent);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => full = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => {
                    self.counters.send_errors += 1;
                    self.queue.pop(1);
                }
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => full = true,
                Err(_) => return Ok(LinkState::Closed),
            }
        }
        if full != self.blocked {
            readiness.want_write(socket, key, full)?;
            self.blocked = full;
        }
        Ok(LinkState::Open)
    }

    /// Gives at most `budget` frames to `take`; returns how many there were and whether the connection lasts.
    pub fn receive(
        &mut self,
        batch: &mut ReceiveBatch,
        budget: usize,
        mut take: impl FnMut(&mut [u8]),
    ) -> (usize, LinkState) {
        let Some(socket) = &self.socket else {
            return (0, LinkState::Open);
        };
        let mut taken = 0;
        while taken < budget {
            let asked = (budget - taken).min(BATCH);
            let received = match batch.receive(socket.as_fd(), asked) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return (taken, LinkState::Closed),
            };
            for index in 0..received {
                let datagram = batch.datagram(index);
                if datagram.bytes.is_empty() {
                    return (taken, LinkState::Closed);
                }
                taken += 1;
                if datagram.truncated {
                    self.counters.receive_errors += 1;
                    continue;
                }
                self.counters.received_frames += 1;
                self.counters.received_bytes += datagram.bytes.len() as u64;
                take(datagram.bytes);
            }
            if received < asked {
                break;
            }
        }
        (taken, LinkState::Open)
    }
}
