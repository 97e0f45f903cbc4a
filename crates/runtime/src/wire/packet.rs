//! A wire that is a network interface of the host: an AF_PACKET socket.
//!
//! Linux puts work off as long as it can: frames come with half a checksum, or as one huge segment that hardware would
//! cut. This wire does what was put off, so that its driver sees only frames as they would be on a cable; and the frames
//! that it sends are finished, so that nobody downstream has to trust anybody.
//!
//! ```text
//!   interface gone      socket closed, link down     ◀─┐ a message of the link monitor,
//!   interface down      socket kept, link down         │ or an error of the socket:
//!   interface running   socket open, link up         ◀─┘ look at the interface again
//! ```
//!
//! Contract: as for every wire. Only frames that arrive at the interface are received, none that this host sends there.
//! The interface should have no addresses of its own, or the host's own stack answers as well.

use super::mmsg::{self, BATCH, ReceiveBatch};
use super::packet_socket::{self, InterfaceState};
use super::readiness::{Readiness, TIMER};
use super::ring::FrameRing;
use super::{FRAME_LEN_MAX, SendOutcome, WireCounters, WireError};
use machine::Duration;
use packet::offload::{self, VirtioHeader};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::io;

/// Frames that wait for the interface.
const QUEUE_FRAMES: usize = 4096;
/// Longest frame that the kernel hands over before it is cut, with the header of its offloads.
const DATAGRAM_LEN_MAX: usize = offload::HEADER_LEN + 18 + 65_536;
/// After a refusal that no event will lift (a full device queue), the queue is offered again.
const FULL_RETRY_INTERVAL: Duration = Duration::from_millis(1);
/// After an interface could not be opened, it is tried again.
const OPEN_RETRY_INTERVAL: Duration = Duration::from_millis(500);

const SOCKET: u64 = 0;
const MONITOR: u64 = 1;

/// A wire to one interface.
pub struct PacketWire {
    interface: String,
    /// The interface that the socket is bound to.
    index: Option<u32>,
    socket: Option<OwnedFd>,
    monitor: OwnedFd,
    readiness: Readiness,
    queue: FrameRing,
    batch: ReceiveBatch,
    /// Where segments are made.
    segment: Box<[u8]>,
    blocked: bool,
    up: bool,
    counters: WireCounters,
}

impl PacketWire {
    /// Opens the wire to `interface`; whether it is there and up shows as link state. One that is missing is waited for.
    ///
    /// # Errors
    /// [`WireError::Permission`].
    pub fn open(interface: &str) -> Result<PacketWire, WireError> {
        let fail = |source| WireError::socket("open interface", interface, source);
        let state = packet_socket::interface_state(interface).map_err(fail)?;
        let readiness = Readiness::new().map_err(fail)?;
        let monitor = packet_socket::open_link_monitor().map_err(fail)?;
        readiness.add(&monitor, MONITOR).map_err(fail)?;
        let mut wire = PacketWire {
            interface: interface.to_string(),
            index: None,
            socket: None,
            monitor,
            readiness,
            queue: FrameRing::new(QUEUE_FRAMES, QUEUE_FRAMES * 1536),
            batch: ReceiveBatch::new(DATAGRAM_LEN_MAX),
            segment: vec![0; FRAME_LEN_MAX].into_boxed_slice(),
            blocked: false,
            up: false,
            counters: WireCounters::default(),
        };
        // Whether packet sockets are allowed is known without an interface.
        match state.map_or_else(packet_socket::check, |state| wire.open_socket(state.index)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(WireError::Permission(interface.to_string()));
            }
            Err(error) => return Err(fail(error)),
        }
        // It may have changed between the first look and the monitor's start.
        wire.look().map_err(fail)?;
        Ok(wire)
    }

    /// Readable while [`PacketWire::receive`] has something to do.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.readiness.as_fd()
    }

    /// Serves the wire: follows the interface, flushes, and gives finished frames to `take`. Returns how many datagrams
    /// it took off the socket, at most `budget`; one may have become several frames.
    pub fn receive(&mut self, budget: usize, take: &mut dyn FnMut(&mut [u8])) -> io::Result<usize> {
        let mut taken = 0;
        for ready in self.readiness.poll()? {
            match ready.key {
                MONITOR => {
                    packet_socket::drain(&self.monitor);
                    self.look()?;
                }
                TIMER => {
                    if self.socket.is_none() {
                        self.look()?;
                    }
                    self.flush();
                }
                _ => {
                    if ready.writable {
                        self.flush();
                    }
                    let (count, broken) = self.receive_frames(budget, take);
                    taken += count;
                    if broken {
                        self.look()?;
                    }
                }
            }
        }
        Ok(taken)
    }

    /// Queues one frame; it leaves with the next flush.
    pub fn send(&mut self, frame: &[u8]) -> SendOutcome {
        if !(1..=FRAME_LEN_MAX).contains(&frame.len()) {
            self.counters.send_errors += 1;
            return SendOutcome::TooLong;
        }
        if !self.up {
            self.counters.down_drops += 1;
            return SendOutcome::Down;
        }
        if !self.blocked && self.queue.len() >= BATCH {
            self.flush();
        }
        if !self.queue.push(&VirtioHeader::FINISHED.to_bytes(), frame) {
            self.counters.tail_drops += 1;
            return SendOutcome::Full;
        }
        SendOutcome::Queued
    }

    /// Gives what is queued to the kernel. What does not fit leaves by itself later.
    pub fn flush(&mut self) {
        let Some(socket) = &self.socket else { return };
        let mut full = false;
        while !self.queue.is_empty() && !full {
            match mmsg::send(socket.as_fd(), self.queue.iter(), &[]) {
                Ok(sent) => {
                    let bytes: usize = self.queue.iter().take(sent).map(<[u8]>::len).sum();
                    self.counters.sent_frames += sent as u64;
                    self.counters.sent_bytes += (bytes - sent * offload::HEADER_LEN) as u64;
                    self.queue.pop(sent);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => full = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    // The device's queue has dropped the first frame, and says so: it is offered again.
                    full = true;
                    let _ = self.readiness.set_timer(FULL_RETRY_INTERVAL);
                }
                // Too long for the interface, or the interface is down, which the monitor tells too.
                Err(_) => {
                    self.counters.send_errors += 1;
                    self.queue.pop(1);
                }
            }
        }
        if full != self.blocked && self.readiness.want_write(socket, SOCKET, full).is_ok() {
            self.blocked = full;
        }
    }

    /// Whether the interface exists, is up and has a carrier.
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// The interface's name, while there is none of that name.
    pub fn missing_interface(&self) -> Option<&str> {
        self.index.is_none().then_some(&self.interface)
    }

    /// Frames that can be sent before one is dropped.
    pub fn room(&self) -> usize {
        self.queue.room()
    }

    /// What went through.
    pub fn counters(&self) -> WireCounters {
        self.counters
    }

    /// Asks the kernel how many frames it had to drop, and adds them to the counters. Cheap, but a system call.
    pub fn refresh_kernel_drops(&mut self) {
        let Some(socket) = &self.socket else { return };
        // A socket that cannot tell is about to be closed.
        self.counters.kernel_drops += packet_socket::take_drops(socket.as_fd()).unwrap_or(0);
    }

    /// Gives at most `budget` datagrams' frames to `take`; returns their number, and whether the socket is in trouble.
    fn receive_frames(&mut self, budget: usize, take: &mut dyn FnMut(&mut [u8])) -> (usize, bool) {
        let Some(socket) = &self.socket else {
            return (0, false);
        };
        let mut taken = 0;
        while taken < budget {
            let asked = (budget - taken).min(BATCH);
            let received = match self.batch.receive(socket.as_fd(), asked) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return (taken, true),
            };
            for index in 0..received {
                let datagram = self.batch.datagram(index);
                if is_tagged(packet_socket::stripped_tag(datagram.control)) {
                    self.counters.tagged += 1;
                    continue;
                }
                let counters = &mut self.counters;
                let finished = !datagram.truncated
                    && finish(datagram.bytes, &mut self.segment, |frame| {
                        counters.received_frames += 1;
                        counters.received_bytes += frame.len() as u64;
                        take(frame);
                    });
                self.counters.receive_errors += u64::from(!finished);
            }
            taken += received;
            if received < asked {
                break;
            }
        }
        (taken, false)
    }

    /// Looks at the interface and makes the socket and the link state fit what is there.
    fn look(&mut self) -> io::Result<()> {
        let state = packet_socket::interface_state(&self.interface)?;
        match state {
            None => self.close_socket(),
            Some(InterfaceState { index, .. }) if self.index != Some(index) => {
                self.close_socket();
                // It may have gone again, or not be ready yet.
                if self.open_socket(index).is_err() {
                    self.readiness.set_timer(OPEN_RETRY_INTERVAL)?;
                }
            }
            Some(_) => {}
        }
        let up = self.socket.is_some() && state.is_some_and(|state| state.running);
        if up && !self.up {
            self.counters.link_ups += 1;
        }
        if !up {
            self.counters.down_drops += self.queue.clear() as u64;
        }
        self.up = up;
        Ok(())
    }

    fn open_socket(&mut self, index: u32) -> io::Result<()> {
        let socket = packet_socket::open(index)?;
        self.readiness.add(&socket, SOCKET)?;
        self.socket = Some(socket);
        self.index = Some(index);
        self.blocked = false;
        Ok(())
    }

    fn close_socket(&mut self) {
        self.refresh_kernel_drops();
        self.socket = None;
        self.index = None;
        self.blocked = false;
    }
}

/// Makes finished frames of what the kernel handed over; whether that was possible.
pub(super) fn finish(bytes: &mut [u8], segment: &mut [u8], take: impl FnMut(&mut [u8])) -> bool {
    let Some((header, frame)) = bytes.split_first_chunk_mut::<{ offload::HEADER_LEN }>() else {
        return false;
    };
    let header = VirtioHeader::from_bytes(header);
    let is_cut = header.gso_type & !offload::GSO_ECN != offload::GSO_NONE;
    if !is_cut && frame.len() > FRAME_LEN_MAX {
        return false;
    }
    offload::finish(&header, frame, segment, take).is_ok()
}

/// A tag that only carries a priority (VLAN 0, IEEE 802.1Q section 6.9.1) makes no frame a member of a VLAN.
fn is_tagged(tag: Option<(u16, u16)>) -> bool {
    tag.is_some_and(|(tpid, control)| tpid != 0x8100 || control & 0x0fff != 0)
}
