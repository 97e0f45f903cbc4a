//! What ports are attached to.
//!
//! ```text
//!                  fd() readable          receive(budget, take)          send(frame), flush()
//!   driver's loop ───────────────▶ driver ─────────────────────▶  Wire  ◀──────────────────── driver
//!                                                                  │
//!                        mem (Unix socket) · udp (one frame a datagram) · packet (AF_PACKET)
//! ```
//!
//! Contract, the same for every kind:
//!
//! - A wire has one descriptor, the same for life, readable while the wire has anything to do, be it frames, a
//!   reconnect or a queue that can move on. The driver then calls `receive`, and may do so with a budget: what is left
//!   is reported again.
//! - `send` queues without waiting; the driver calls `flush` once it has nothing more to send for now. What the kernel
//!   does not take at once leaves by itself. The queue is bounded; what finds no room is dropped and counted.
//! - `is_up` is the truth about the link. Wires heal themselves: a peer, a process or an interface that comes back is
//!   found again.
//! - Nothing is allocated for a frame.

pub mod fabric;
pub mod fuzz;
pub mod mem;
mod mmsg;
pub mod packet;
mod packet_socket;
mod readiness;
pub(crate) mod ring;
mod seqpacket;
pub mod udp;

use rustix::fd::BorrowedFd;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

/// Longest frame that a wire carries, in bytes: an IPv4 packet of 9216 bytes, the Ethernet header and a VLAN tag.
pub const FRAME_LEN_MAX: usize = 9216 + 14 + 4;

/// What a port is to be attached to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum WireSpec {
    /// A built-in host; the socket is `wires/NAME.sock` in the run directory.
    Mem {
        /// Name of the wire.
        name: String,
    },
    /// One Ethernet frame in each datagram.
    Udp {
        /// Where this end listens.
        local: SocketAddr,
        /// Where frames go, and the only place where they may come from.
        remote: SocketAddr,
    },
    /// A network interface of the host, in the network namespace in which the card runs.
    Packet {
        /// Name of the interface.
        interface: String,
    },
}

impl fmt::Display for WireSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireSpec::Mem { name } => write!(f, "mem {name}"),
            WireSpec::Udp { local, remote } => write!(f, "udp {local} {remote}"),
            WireSpec::Packet { interface } => write!(f, "packet {interface}"),
        }
    }
}

/// What became of a frame that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The wire has it.
    Queued,
    /// The queue was full; the frame is dropped and counted as a tail drop.
    Full,
    /// The link is down; the frame is dropped and counted.
    Down,
    /// No wire carries frames of this length; the frame is dropped and counted.
    TooLong,
}

/// What went through a wire since it was opened, in frames unless the name says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireCounters {
    /// Given to the driver.
    pub received_frames: u64,
    /// The bytes of these.
    pub received_bytes: u64,
    /// Taken by the kernel.
    pub sent_frames: u64,
    /// The bytes of these.
    pub sent_bytes: u64,
    /// Not sent because the queue was full.
    pub tail_drops: u64,
    /// Not sent because the link was down.
    pub down_drops: u64,
    /// Not sent because the kernel refused them, or they were too long.
    pub send_errors: u64,
    /// Received but unusable: too long, too short, or with offload fields that make no sense.
    pub receive_errors: u64,
    /// Received from somebody else than the configured remote address.
    pub wrong_source: u64,
    /// Received with a VLAN tag, which no port of this router is a member of.
    pub tagged: u64,
    /// Lost before this process could read them, because the socket's buffer was full.
    pub kernel_drops: u64,
    /// How often the link came up.
    pub link_ups: u64,
}

/// Looks whether a wire can be opened here and now, without keeping it. Only interfaces of the host can be missing: the
/// other wires are made by whoever opens them.
///
/// # Errors
/// [`WireError::NoSuchInterface`], [`WireError::Permission`].
pub fn check(spec: &WireSpec) -> Result<(), WireError> {
    match spec {
        WireSpec::Packet { interface } => match packet::PacketWire::open(interface)?.missing_interface() {
            Some(name) => Err(WireError::NoSuchInterface(name.to_string())),
            None => Ok(()),
        },
        WireSpec::Mem { .. } | WireSpec::Udp { .. } => Ok(()),
    }
}

/// Why a wire cannot be opened. The text says what to do about it.
#[derive(Debug)]
pub enum WireError {
    /// The interface does not exist in this network namespace.
    NoSuchInterface(String),
    /// A packet socket needs `CAP_NET_RAW`.
    Permission(String),
    /// A `mem` wire's name that cannot be a part of a file name.
    Name(String),
    /// Anything else that the system refuses.
    Socket {
        /// What could not be done.
        doing: &'static str,
        /// With what.
        what: String,
        /// Why not.
        source: io::Error,
    },
}

impl WireError {
    fn socket(doing: &'static str, what: impl fmt::Display, source: io::Error) -> WireError {
        WireError::Socket {
            doing,
            what: what.to_string(),
            source,
        }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::NoSuchInterface(name) => write!(
                f,
                "there is no interface '{name}' in this network namespace: create it, for example with \
                 'ip link add {name} type veth peer name {name}-far', or correct the chassis file"
            ),
            WireError::Permission(name) => write!(
                f,
                "interface '{name}' needs CAP_NET_RAW, which this process lacks: run it as root, or give the binary \
                 the capability with 'setcap cap_net_raw+ep'"
            ),
            WireError::Name(name) => write!(
                f,
                "'{name}' cannot name a mem wire: use up to 32 letters, digits, hyphens and underscores"
            ),
            WireError::Socket { doing, what, source } => write!(f, "cannot {doing} {what}: {source}"),
        }
    }
}

impl std::error::Error for WireError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            WireError::Socket { source, .. } => Some(source),
            WireError::NoSuchInterface(_) | WireError::Permission(_) | WireError::Name(_) => None,
        }
    }
}

/// A wire of any kind. See the module for the contract.
pub enum Wire {
    /// To a built-in host.
    Mem(mem::MemWire),
    /// One Ethernet frame in each datagram.
    Udp(udp::UdpWire),
    /// A network interface.
    Packet(packet::PacketWire),
}

/// Calls the same method of whatever kind it is.
macro_rules! dispatch {
    ($wire:expr, $inner:ident => $call:expr) => {
        match $wire {
            Wire::Mem($inner) => $call,
            Wire::Udp($inner) => $call,
            Wire::Packet($inner) => $call,
        }
    };
}

impl Wire {
    /// Opens what `spec` says, for the chassis with this run directory.
    ///
    /// # Errors
    /// [`WireError`], whose text names the wire and what to do. A `mem` wire whose other end is missing is no error, nor is an
    /// interface that is missing: the link is down until it comes.
    pub fn open(spec: &WireSpec, run_directory: &Path) -> Result<Wire, WireError> {
        match spec {
            WireSpec::Mem { name } => {
                mem::MemWire::open(&mem::socket_path(run_directory, name)?).map(Wire::Mem)
            }
            WireSpec::Udp { local, remote } => udp::UdpWire::open(*local, *remote).map(Wire::Udp),
            WireSpec::Packet { interface } => packet::PacketWire::open(interface).map(Wire::Packet),
        }
    }

    /// The descriptor that is readable while [`Wire::receive`] has something to do.
    pub fn fd(&self) -> BorrowedFd<'_> {
        dispatch!(self, wire => wire.fd())
    }

    /// Serves the wire and gives at most `budget` frames to `take`. Returns how many frames it took off the wire.
    ///
    /// # Errors
    /// When the system refuses what a valid wire needs (descriptors, memory). The wire stays usable.
    pub fn receive(&mut self, budget: usize, take: &mut dyn FnMut(&mut [u8])) -> io::Result<usize> {
        dispatch!(self, wire => wire.receive(budget, take))
    }

    /// Queues one Ethernet frame without check sequence; it leaves with the next flush.
    pub fn send(&mut self, frame: &[u8]) -> SendOutcome {
        dispatch!(self, wire => wire.send(frame))
    }

    /// Gives what is queued to the kernel. What does not fit leaves by itself later.
    pub fn flush(&mut self) {
        dispatch!(self, wire => wire.flush());
    }

    /// Whether the link is up.
    pub fn is_up(&self) -> bool {
        dispatch!(self, wire => wire.is_up())
    }

    /// The interface that the wire waits for, while it is missing.
    pub fn missing_interface(&self) -> Option<&str> {
        match self {
            Wire::Packet(wire) => wire.missing_interface(),
            Wire::Mem(_) | Wire::Udp(_) => None,
        }
    }

    /// Frames that can be sent before one is dropped.
    pub fn room(&self) -> usize {
        dispatch!(self, wire => wire.room())
    }

    /// Asks the kernel what it had to drop, and adds that to the counters. Costs a system call on some wires.
    pub fn refresh_kernel_drops(&mut self) {
        match self {
            Wire::Packet(wire) => wire.refresh_kernel_drops(),
            Wire::Mem(_) | Wire::Udp(_) => {}
        }
    }

    /// What went through since the wire was opened; `kernel_drops` as of the last refresh.
    pub fn counters(&self) -> WireCounters {
        dispatch!(self, wire => wire.counters())
    }
}
