//! A wire over UDP: one Ethernet frame in each datagram, as QEMU (`-netdev dgram`) and GNS3 use it.
//!
//! There is no handshake and no carrier: the link is up as long as the socket exists. Frames from anybody but the
//! configured remote address are counted and dropped.

use super::mmsg::{self, BATCH, ReceiveBatch};
use super::readiness::Readiness;
use super::ring::FrameRing;
use super::{FRAME_LEN_MAX, SendOutcome, WireCounters, WireError};
use machine::Duration;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::net::sockopt;
use std::io;
use std::net::{SocketAddr, UdpSocket};

const QUEUE_FRAMES: usize = 2048;
const SOCKET_BUFFER_LEN: usize = 4 << 20;
const SOCKET: u64 = 0;
/// After a refusal that no event will lift (a full device queue), the queue is offered again.
const RETRY_INTERVAL: Duration = Duration::from_millis(1);
/// Shortest frame that is taken for one: two addresses and a type.
const FRAME_LEN_MIN: usize = 14;

/// One end of the wire.
pub struct UdpWire {
    socket: UdpSocket,
    remote: SocketAddr,
    /// `remote` as the kernel reads it.
    name: Vec<u8>,
    readiness: Readiness,
    queue: FrameRing,
    batch: ReceiveBatch,
    blocked: bool,
    counters: WireCounters,
}

impl UdpWire {
    /// Opens the wire between these two addresses, which must be of one family.
    ///
    /// # Errors
    /// When `local` cannot be bound; the error names both addresses.
    pub fn open(local: SocketAddr, remote: SocketAddr) -> Result<UdpWire, WireError> {
        let fail = |source| WireError::socket("open a UDP wire", format!("{local} to {remote}"), source);
        if local.is_ipv4() != remote.is_ipv4() {
            return Err(fail(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the two addresses are of different families",
            )));
        }
        let socket = UdpSocket::bind(local).map_err(fail)?;
        socket.set_nonblocking(true).map_err(fail)?;
        if sockopt::set_socket_recv_buffer_size_force(&socket, SOCKET_BUFFER_LEN).is_err() {
            // A smaller buffer only drops earlier, and the kernel counts it.
            let _ = sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BUFFER_LEN);
        }
        let readiness = Readiness::new().map_err(fail)?;
        readiness.add(&socket, SOCKET).map_err(fail)?;
        let counters = WireCounters {
            link_ups: 1,
            ..WireCounters::default()
        };
        Ok(UdpWire {
            socket,
            remote,
            name: encode(remote),
            readiness,
            queue: FrameRing::new(QUEUE_FRAMES, QUEUE_FRAMES * 1536),
            batch: ReceiveBatch::new(FRAME_LEN_MAX),
            blocked: false,
            counters,
        })
    }

    /// The bound address: with port 0 the kernel has chosen the port.
    ///
    /// # Errors
    /// As `getsockname(2)`.
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Readable while [`UdpWire::receive`] has something to do.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.readiness.as_fd()
    }

    /// Serves the wire: flushes, and gives at most `budget` frames to `take`. Returns how many.
    pub fn receive(&mut self, budget: usize, take: &mut dyn FnMut(&mut [u8])) -> io::Result<usize> {
        let mut taken = 0;
        for ready in self.readiness.poll()? {
            if ready.key != SOCKET || ready.writable {
                self.flush();
            }
            if ready.readable {
                taken += self.receive_frames(budget, take);
            }
        }
        Ok(taken)
    }

    fn receive_frames(&mut self, budget: usize, take: &mut dyn FnMut(&mut [u8])) -> usize {
        let mut taken = 0;
        while taken < budget {
            let asked = (budget - taken).min(BATCH);
            // Errors here are echoes of earlier sends (an ICMP "port unreachable"); reading them clears them.
            let received = match self.batch.receive(self.socket.as_fd(), asked) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.counters.receive_errors += 1;
                    taken += 1;
                    continue;
                }
            };
            for index in 0..received {
                let datagram = self.batch.datagram(index);
                if decode(datagram.name) != Some(self.remote) {
                    self.counters.wrong_source += 1;
                } else if datagram.truncated || datagram.bytes.len() < FRAME_LEN_MIN {
                    self.counters.receive_errors += 1;
                } else {
                    self.counters.received_frames += 1;
                    self.counters.received_bytes += datagram.bytes.len() as u64;
                    take(datagram.bytes);
                }
            }
            taken += received;
            if received < asked {
                break;
            }
        }
        taken
    }

    /// Queues one frame; it leaves with the next flush.
    pub fn send(&mut self, frame: &[u8]) -> SendOutcome {
        if !(1..=FRAME_LEN_MAX).contains(&frame.len()) {
            self.counters.send_errors += 1;
            return SendOutcome::TooLong;
        }
        if !self.blocked && self.queue.len() >= BATCH {
            self.flush();
        }
        if !self.queue.push(&[], frame) {
            self.counters.tail_drops += 1;
            return SendOutcome::Full;
        }
        SendOutcome::Queued
    }

    /// Gives what is queued to the kernel. What does not fit leaves by itself later.
    pub fn flush(&mut self) {
        let mut full = false;
        while !self.queue.is_empty() && !full {
            match mmsg::send(self.socket.as_fd(), self.queue.iter(), &self.name) {
                Ok(sent) => {
                    let bytes: usize = self.queue.iter().take(sent).map(<[u8]>::len).sum();
                    self.counters.sent_frames += sent as u64;
                    self.counters.sent_bytes += bytes as u64;
                    self.queue.pop(sent);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => full = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    full = true;
                    // A timer that cannot be set leaves the queue to the next send.
                    let _ = self.readiness.set_timer(RETRY_INTERVAL);
                }
                Err(_) => {
                    self.counters.send_errors += 1;
                    self.queue.pop(1);
                }
            }
        }
        if full != self.blocked && self.readiness.want_write(&self.socket, SOCKET, full).is_ok() {
            self.blocked = full;
        }
    }

    /// Always: UDP has no carrier.
    pub fn is_up(&self) -> bool {
        true
    }

    /// Frames that can be sent before one is dropped.
    pub fn room(&self) -> usize {
        self.queue.room()
    }

    /// What went through.
    pub fn counters(&self) -> WireCounters {
        self.counters
    }
}

/// `address` as a `sockaddr_in` or `sockaddr_in6`: family in the machine's order, the rest in network order.
pub(super) fn encode(address: SocketAddr) -> Vec<u8> {
    let mut name = Vec::with_capacity(28);
    match address {
        SocketAddr::V4(address) => {
            name.extend((libc::AF_INET as u16).to_ne_bytes());
            name.extend(address.port().to_be_bytes());
            name.extend(address.ip().octets());
            name.extend([0; 8]);
        }
        SocketAddr::V6(address) => {
            name.extend((libc::AF_INET6 as u16).to_ne_bytes());
            name.extend(address.port().to_be_bytes());
            name.extend(address.flowinfo().to_ne_bytes());
            name.extend(address.ip().octets());
            name.extend(address.scope_id().to_ne_bytes());
        }
    }
    name
}

/// Reverse of [`encode`]; a flow label, which a peer may choose freely, is left out.
pub(super) fn decode(name: &[u8]) -> Option<SocketAddr> {
    let (family, rest) = name.split_first_chunk::<2>()?;
    let (port, rest) = rest.split_first_chunk::<2>()?;
    let port = u16::from_be_bytes(*port);
    match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET => Some(SocketAddr::from((*rest.first_chunk::<4>()?, port))),
        libc::AF_INET6 => {
            let address = *rest.get(4..)?.first_chunk::<16>()?;
            let scope = u32::from_ne_bytes(*rest.get(20..)?.first_chunk::<4>()?);
            Some(std::net::SocketAddrV6::new(address.into(), port, 0, scope).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn addresses_have_the_kernels_layout() {
        let address = "192.0.2.1:4660".parse().unwrap();
        let mut golden = vec![0; 16];
        golden[..2].copy_from_slice(&2u16.to_ne_bytes());
        golden[2..8].copy_from_slice(&[0x12, 0x34, 192, 0, 2, 1]);
        assert_eq!(encode(address), golden);
        assert_eq!(decode(&golden), Some(address));
        let address = "[2001:db8::1]:4660".parse().unwrap();
        assert_eq!(encode(address).len(), size_of::<libc::sockaddr_in6>());
        assert_eq!(decode(&encode(address)), Some(address));
        assert_eq!(decode(&[1, 0, 0, 0]), None);
        assert_eq!(decode(&[]), None);
    }
}
