//! Messages over sockets that never wait.

use super::{Address, Decoder, FrameError, HEADER_LENGTH};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Bytes read from the socket by one system call at most.
const READ_PIECE: usize = 64 * 1024;
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 64;

/// Why a stream is of no use any more.
#[derive(Debug)]
pub enum StreamError {
    /// The peer has closed in good order: between two messages.
    Closed,
    /// What arrived is no message.
    Frame(FrameError),
    /// The system refuses to carry on: reset, unreachable, refused.
    System(io::Error),
    /// The process at the other end belongs to somebody else.
    Stranger {
        /// Its user id.
        uid: u32,
    },
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamError::Closed => write!(f, "closed by the peer"),
            StreamError::Frame(error) => error.fmt(f),
            StreamError::System(error) => error.fmt(f),
            StreamError::Stranger { uid } => write!(f, "the peer's process belongs to user {uid}, not to us"),
        }
    }
}

impl std::error::Error for StreamError {}

impl From<Errno> for StreamError {
    fn from(error: Errno) -> StreamError {
        StreamError::System(error.into())
    }
}

/// Why a message was not queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The peer does not read fast enough.
    Full {
        /// Bytes in the queue.
        queued_bytes: usize,
        /// Its bound.
        queued_bytes_max: usize,
    },
    /// Longer than any message of this stream may be.
    Oversized {
        /// Bytes of the message.
        length: usize,
        /// The most that is carried.
        length_max: usize,
    },
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Full {
                queued_bytes,
                queued_bytes_max,
            } => {
                write!(
                    f,
                    "{queued_bytes} bytes wait for the peer, at most {queued_bytes_max} may"
                )
            }
            SendError::Oversized { length, length_max } => {
                write!(f, "a message of {length} bytes, at most {length_max} are carried")
            }
        }
    }
}

impl std::error::Error for SendError {}

/// What [`MessageStream::fill`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// All that had arrived was read.
    Drained,
    /// The budget is spent and more may be there; a level-triggered loop will say so.
    BudgetSpent,
    /// The peer will send no more. Take the messages that are left; then the stream reports the end.
    Ended,
}

/// A connected (or connecting) socket that carries messages.
#[derive(Debug)]
pub struct MessageStream {
    fd: OwnedFd,
    decoder: Decoder,
    outgoing: VecDeque<u8>,
    outgoing_max: usize,
    length_max: usize,
    connecting: bool,
    ended: bool,
}

impl MessageStream {
    /// Starts to connect. The stream is usable when [`MessageStream::finish_connecting`] says so; messages may be
    /// queued before. `length_max` bounds one message, `outgoing_max` the queue, in bytes.
    ///
    /// # Errors
    /// When the address refuses at once; for a Unix socket that is how "nobody listens" shows itself.
    pub fn connect(address: &Address, length_max: usize, outgoing_max: usize) -> io::Result<MessageStream> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (fd, result) = match address {
            Address::Unix(path) => {
                let fd = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
                let result = net::connect(&fd, &SocketAddrUnix::new(path.as_path())?);
                (fd, result)
            }
            Address::Tcp(address) => {
                let fd = net::socket_with(family_of(address), SocketType::STREAM, flags, None)?;
                set_up_tcp(&fd)?;
                let result = net::connect(&fd, address);
                (fd, result)
            }
        };
        let connecting = match result {
            Ok(()) => false,
            Err(Errno::INPROGRESS | Errno::INTR) => true,
            Err(error) => return Err(error.into()),
        };
        let mut stream = MessageStream::over(fd, length_max, outgoing_max);
        stream.connecting = connecting;
        Ok(stream)
    }

    /// Messages over a connected socket; it is made non-blocking.
    ///
    /// # Errors
    /// When `fd` is no socket that can be made so.
    pub fn from_fd(fd: OwnedFd, length_max: usize, outgoing_max: usize) -> io::Result<MessageStream> {
        let flags = rustix::fs::fcntl_getfl(&fd)?;
        rustix::fs::fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?;
        Ok(MessageStream::over(fd, length_max, outgoing_max))
    }

    fn over(fd: OwnedFd, length_max: usize, outgoing_max: usize) -> MessageStream {
        MessageStream {
            fd,
            decoder: Decoder::new(length_max),
            outgoing: VecDeque::new(),
            outgoing_max,
            length_max,
            connecting: false,
            ended: false,
        }
    }

    /// Whether the connection stands. Call it when the descriptor is reported writable after
    /// [`MessageStream::connect`]; while it returns false, wait for writable again.
    ///
    /// # Errors
    /// Why the connection was not made.
    pub fn finish_connecting(&mut self) -> Result<bool, StreamError> {
        if self.connecting {
            sockopt::socket_error(&self.fd)??;
            match net::getpeername(&self.fd) {
                Ok(Some(_)) => self.connecting = false,
                Ok(None) | Err(Errno::NOTCONN) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Whether the process at the other end runs as our user, or as root. True for TCP, which cannot tell: there the
    /// peers prove themselves by other means.
    ///
    /// # Errors
    /// [`StreamError::Stranger`] when it does not.
    pub fn check_owner(&self) -> Result<(), StreamError> {
        if sockopt::socket_domain(&self.fd)? != AddressFamily::UNIX {
            return Ok(());
        }
        let uid = sockopt::socket_peercred(&self.fd)?.uid;
        if uid.is_root() || uid == rustix::process::geteuid() {
            Ok(())
        } else {
            Err(StreamError::Stranger { uid: uid.as_raw() })
        }
    }

    /// Queues a message; [`MessageStream::flush`] sends it.
    ///
    /// # Errors
    /// When the queue has no room or the message is too long; nothing is queued then.
    pub fn send(&mut self, kind: u8, bytes: &[u8]) -> Result<(), SendError> {
        self.send_parts(kind, &[bytes])
    }

    /// Queues one message whose bytes are the parts behind each other.
    ///
    /// # Errors
    /// As [`MessageStream::send`].
    pub fn send_parts(&mut self, kind: u8, parts: &[&[u8]]) -> Result<(), SendError> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let announced = u32::try_from(length).ok().filter(|_| length <= self.length_max);
        let Some(announced) = announced else {
            return Err(SendError::Oversized {
                length,
                length_max: self.length_max,
            });
        };
        // An empty queue takes any message, so that a bound below the longest message cannot block for ever.
        let room = self.outgoing_max.saturating_sub(self.outgoing.len());
        if HEADER_LENGTH + length > room && !self.outgoing.is_empty() {
            let queued_bytes = self.outgoing.len();
            return Err(SendError::Full {
                queued_bytes,
                queued_bytes_max: self.outgoing_max,
            });
        }
        self.outgoing.extend(announced.to_le_bytes());
        self.outgoing.push_back(kind);
        parts.iter().for_each(|part| self.outgoing.extend(*part));
        Ok(())
    }

    /// Bytes queued and not yet taken by the socket.
    pub fn queued_bytes(&self) -> usize {
        self.outgoing.len()
    }

    /// Whether to wait for writable: something is queued, or the connection is still being made.
    pub fn wants_write(&self) -> bool {
        self.connecting || !self.outgoing.is_empty()
    }

    /// Writes what the socket takes now.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn flush(&mut self) -> Result<(), StreamError> {
        while !self.connecting && !self.outgoing.is_empty() {
            let (front, _) = self.outgoing.as_slices();
            // No SIGPIPE: a peer that has gone is an error like others.
            match net::send(&self.fd, front, net::SendFlags::NOSIGNAL) {
                Ok(count) => drop(self.outgoing.drain(..count)),
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads what has arrived, at most about `budget` bytes.
    ///
    /// # Errors
    /// When the connection is broken. The end of the stream is no error here: [`MessageStream::next_message`] reports it,
    /// after the last message.
    pub fn fill(&mut self, budget: usize) -> Result<Filled, StreamError> {
        let mut left = budget;
        while !self.connecting && !self.ended {
            if left == 0 {
                return Ok(Filled::BudgetSpent);
            }
            let buffer = self.decoder.buffer_with_room(READ_PIECE);
            match rustix::io::read(&self.fd, rustix::buffer::spare_capacity(buffer)) {
                Ok(0) => self.ended = true,
                Ok(count) => left = left.saturating_sub(count),
                Err(Errno::AGAIN) => return Ok(Filled::Drained),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(if self.ended {
            Filled::Ended
        } else {
            Filled::Drained
        })
    }

    /// The next whole message that was read: kind and bytes.
    ///
    /// # Errors
    /// [`StreamError::Frame`] for what is no message, and [`StreamError::Closed`] after the last message of a stream that
    /// has ended; both again at every later call.
    pub fn next_message(&mut self) -> Result<Option<(u8, &[u8])>, StreamError> {
        let ended = self.ended;
        if ended && !self.decoder.holds_message() {
            self.decoder.finish().map_err(StreamError::Frame)?;
            return Err(StreamError::Closed);
        }
        self.decoder.next_message().map_err(StreamError::Frame)
    }
}

impl AsFd for MessageStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// How long sent bytes may stay unacknowledged until the connection counts as broken, in milliseconds. A path that was cut
/// in silence would otherwise hold a dead connection for a quarter of an hour, and nobody would connect anew.
const TCP_SILENCE_LIMIT_MS: u32 = 3_000;

fn set_up_tcp(fd: &OwnedFd) -> io::Result<()> {
    sockopt::set_tcp_nodelay(fd, true)?;
    Ok(sockopt::set_tcp_user_timeout(fd, TCP_SILENCE_LIMIT_MS)?)
}

fn family_of(address: &std::net::SocketAddr) -> AddressFamily {
    if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    }
}

/// A socket that waits for connections.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    // A Unix socket's file goes with its listener.
    path: Option<PathBuf>,
    length_max: usize,
    outgoing_max: usize,
}

impl Listener {
    /// Listens at `address`. A socket file that nobody listens at any more is replaced. The bounds are those of the
    /// streams that it accepts, see [`MessageStream::connect`].
    ///
    /// # Errors
    /// When somebody listens there already, or the address is not ours.
    pub fn bind(address: &Address, length_max: usize, outgoing_max: usize) -> io::Result<Listener> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (fd, path) = match address {
            Address::Unix(path) => {
                let fd = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
                let name = SocketAddrUnix::new(path.as_path())?;
                // Set before the socket has a name: nobody else can connect in between.
                rustix::fs::fchmod(&fd, Mode::RUSR | Mode::WUSR)?;
                match net::bind(&fd, &name) {
                    Err(Errno::ADDRINUSE) if is_abandoned(&name)? => {
                        std::fs::remove_file(path)?;
                        net::bind(&fd, &name)?;
                    }
                    result => result?,
                }
                (fd, Some(path.clone()))
            }
            Address::Tcp(address) => {
                let fd = net::socket_with(family_of(address), SocketType::STREAM, flags, None)?;
                sockopt::set_socket_reuseaddr(&fd, true)?;
                net::bind(&fd, address)?;
                (fd, None)
            }
        };
        net::listen(&fd, BACKLOG)?;
        Ok(Listener {
            fd,
            path,
            length_max,
            outgoing_max,
        })
    }

    /// The next connection that waits, or `None`.
    ///
    /// # Errors
    /// When the process has no descriptor left. A connection that is broken already is passed over.
    pub fn accept(&self) -> io::Result<Option<MessageStream>> {
        loop {
            match net::accept_with(&self.fd, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok(fd) => {
                    if self.path.is_none() {
                        set_up_tcp(&fd)?;
                    }
                    return Ok(Some(MessageStream::over(fd, self.length_max, self.outgoing_max)));
                }
                Err(Errno::AGAIN) => return Ok(None),
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Where it listens: tells the port when 0 was asked for.
    ///
    /// # Errors
    /// When the system cannot say.
    pub fn local_address(&self) -> io::Result<Address> {
        if let Some(path) = &self.path {
            return Ok(Address::Unix(path.clone()));
        }
        let address = net::getsockname(&self.fd)?;
        let address = std::net::SocketAddr::try_from(address).map_err(io::Error::from)?;
        Ok(Address::Tcp(address))
    }
}

/// Whether a socket file is what a dead listener left behind.
fn is_abandoned(name: &SocketAddrUnix) -> io::Result<bool> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let probe = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    Ok(net::connect(&probe, name) == Err(Errno::CONNREFUSED))
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
