//! Card to card: how a frame that came in on one card leaves on another.
//!
//! ```text
//!   card 0 ── connects ──▶ RUN/fabric/2.sock ◀── listens ── card 2      the lower slot connects to the higher
//!
//!   first message, both ways:   "HoFb" | version u8 | slot u8 | 0 u16
//!   every other message:        egress port u16 | flags u16 | Ethernet frame
//! ```
//!
//! Numbers are in network byte order. Contract: nothing here waits. What a peer does not read in time is dropped at the
//! tail and counted; the death of a peer is told at once ([`FabricEvent::PeerDown`]), and it is looked for again every
//! 20 ms. A second connection of the same slot replaces the first, because a card that was started again must not wait
//! for the kernel to tear its predecessor down.

use super::mmsg::ReceiveBatch;
use super::readiness::{Readiness, TIMER};
use super::seqpacket::{self, Link, LinkState};
use super::{FRAME_LEN_MAX, SendOutcome, WireCounters, WireError};
use machine::{CardSlot, Duration};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Frames that wait for one peer.
pub const QUEUE_FRAMES: usize = 8192;
/// Bytes before each frame.
pub const HEADER_LEN: usize = 4;

const RETRY_INTERVAL: Duration = Duration::from_millis(20);
const HELLO_MAGIC: [u8; 4] = *b"HoFb";
const HELLO_VERSION: u8 = 1;
const HELLO_LEN: usize = 8;
/// Connections that have not said yet who they are.
const NEWCOMERS_MAX: usize = CardSlot::MAX as usize + 1;

const LISTENER: u64 = 1 << 32;
/// Newcomers have the keys from here on, counting up.
const NEWCOMER: u64 = 1 << 33;

/// What happens on the fabric.
#[derive(Debug, PartialEq, Eq)]
pub enum FabricEvent<'a> {
    /// Frames can be sent to this card from now on.
    PeerUp(CardSlot),
    /// This card is gone; what was queued for it is dropped.
    PeerDown(CardSlot),
    /// A frame from another card.
    Frame {
        /// The card that sent it.
        from: CardSlot,
        /// Number of the port, on this card, where it is to leave.
        egress_port: u16,
        /// Flags as the sender set them.
        flags: u16,
        /// The Ethernet frame.
        frame: &'a mut [u8],
    },
}

/// One card's place on the fabric.
pub struct Fabric {
    slot: CardSlot,
    directory: PathBuf,
    listener: OwnedFd,
    readiness: Readiness,
    peers: BTreeMap<CardSlot, Peer>,
    newcomers: BTreeMap<u64, OwnedFd>,
    next_newcomer: u64,
    batch: ReceiveBatch,
    refused: u64,
}

struct Peer {
    link: Link,
    /// It has said who it is.
    up: bool,
}

impl Fabric {
    /// Takes the place of card `slot` on the fabric whose sockets are in `directory`, and begins to look for `peers`.
    ///
    /// # Errors
    /// When the directory cannot be made, the path is too long for a socket, or another process has this place.
    pub fn open(
        slot: CardSlot,
        peers: impl IntoIterator<Item = CardSlot>,
        directory: &Path,
    ) -> Result<Fabric, WireError> {
        let path = socket_path(directory, slot);
        let fail = |source| WireError::socket("listen at", path.display(), source);
        std::fs::create_dir_all(directory).map_err(fail)?;
        let listener = seqpacket::listen(&path).map_err(fail)?;
        let readiness = Readiness::new().map_err(fail)?;
        readiness.add(&listener, LISTENER).map_err(fail)?;
        let mut fabric = Fabric {
            slot,
            directory: directory.to_path_buf(),
            listener,
            readiness,
            peers: BTreeMap::new(),
            newcomers: BTreeMap::new(),
            next_newcomer: NEWCOMER,
            batch: ReceiveBatch::new(HEADER_LEN + FRAME_LEN_MAX),
            refused: 0,
        };
        for peer in peers {
            fabric.add_peer(peer);
        }
        fabric.connect_missing().map_err(fail)?;
        Ok(fabric)
    }

    /// Begins to look for another card. Adding one that is known, or the card itself, does nothing.
    pub fn add_peer(&mut self, peer: CardSlot) {
        if peer == self.slot {
            return;
        }
        self.peers.entry(peer).or_insert_with(|| Peer {
            link: Link::new(QUEUE_FRAMES),
            up: false,
        });
        // A timer that cannot be set leaves the peer to the next event.
        let _ = self.readiness.set_timer(Duration::ZERO);
    }

    /// Readable while [`Fabric::receive`] has something to do.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.readiness.as_fd()
    }

    /// Serves the fabric: accepts, connects, flushes, and gives what happens to `take`, of each peer at most `budget`
    /// frames. Returns the number of frames.
    ///
    /// # Errors
    /// When the system refuses what a valid fabric needs (descriptors, memory). The fabric stays usable.
    pub fn receive(&mut self, budget: usize, take: &mut dyn FnMut(FabricEvent<'_>)) -> io::Result<usize> {
        let mut taken = 0;
        let mut accept = false;
        for ready in self.readiness.poll()? {
            match ready.key {
                TIMER => self.connect_missing()?,
                LISTENER => accept = true,
                key if key >= NEWCOMER => self.meet(key, take)?,
                key => taken += self.serve_peer(key, ready.writable, budget, take)?,
            }
        }
        if accept {
            self.accept()?;
        }
        Ok(taken)
    }

    /// Queues one frame for `peer`; it leaves with the next flush.
    pub fn send(&mut self, peer: CardSlot, egress_port: u16, flags: u16, frame: &[u8]) -> SendOutcome {
        let Some(Peer { link, up: true }) = self.peers.get_mut(&peer) else {
            if let Some(peer) = self.peers.get_mut(&peer) {
                peer.link.counters.down_drops += 1;
            }
            return SendOutcome::Down;
        };
        if !(1..=FRAME_LEN_MAX).contains(&frame.len()) {
            link.counters.send_errors += 1;
            return SendOutcome::TooLong;
        }
        if link.should_flush() {
            flush(link, &self.readiness, peer);
        }
        let [port, flags] = [egress_port.to_be_bytes(), flags.to_be_bytes()];
        link.send(&[port[0], port[1], flags[0], flags[1]], frame)
    }

    /// Gives what is queued to the kernel. What does not fit leaves by itself later.
    pub fn flush(&mut self) {
        for (slot, peer) in &mut self.peers {
            flush(&mut peer.link, &self.readiness, *slot);
        }
    }

    /// Whether frames can be sent to `peer`.
    pub fn is_up(&self, peer: CardSlot) -> bool {
        self.peers.get(&peer).is_some_and(|peer| peer.up)
    }

    /// Frames that can be sent to `peer` before one is dropped.
    pub fn room(&self, peer: CardSlot) -> usize {
        self.peers.get(&peer).map_or(0, |peer| peer.link.room())
    }

    /// What went to and came from each peer.
    pub fn counters(&self) -> impl Iterator<Item = (CardSlot, WireCounters)> {
        self.peers.iter().map(|(slot, peer)| (*slot, peer.link.counters))
    }

    /// Connections that were closed because they spoke another version or were not from a card.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Connects to every higher slot that is not connected.
    fn connect_missing(&mut self) -> io::Result<()> {
        let mut missing = false;
        for (slot, peer) in &mut self.peers {
            if *slot <= self.slot || peer.link.is_up() {
                continue;
            }
            match seqpacket::connect(&socket_path(&self.directory, *slot)) {
                Ok(socket) => {
                    peer.link.attach(socket, &self.readiness, key(*slot))?;
                    peer.link.send(&hello(self.slot), &[]);
                    flush(&mut peer.link, &self.readiness, *slot);
                }
                Err(_) => missing = true,
            }
        }
        if missing {
            self.readiness.set_timer(RETRY_INTERVAL)?;
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        while let Some(socket) = seqpacket::accept(&self.listener)? {
            if self.newcomers.len() >= NEWCOMERS_MAX {
                // Whoever has been silent longest.
                self.newcomers.pop_first();
                self.refused += 1;
            }
            self.readiness.add(&socket, self.next_newcomer)?;
            self.newcomers.insert(self.next_newcomer, socket);
            self.next_newcomer += 1;
        }
        Ok(())
    }

    /// Reads the first message of a connection that was accepted.
    fn meet(&mut self, key_of_newcomer: u64, take: &mut dyn FnMut(FabricEvent<'_>)) -> io::Result<()> {
        let Some(socket) = self.newcomers.get(&key_of_newcomer) else {
            return Ok(());
        };
        let message = match self.batch.receive(socket.as_fd(), 1) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(_) | Ok(0) => None,
            Ok(_) => parse_hello(self.batch.datagram(0).bytes),
        };
        let Some(socket) = self.newcomers.remove(&key_of_newcomer) else {
            return Ok(());
        };
        let Some(slot) = message.filter(|slot| *slot < self.slot && self.peers.contains_key(slot)) else {
            self.refused += 1;
            return Ok(());
        };
        self.close(slot, take);
        rustix::event::epoll::delete(&self.readiness, &socket)?;
        let Some(peer) = self.peers.get_mut(&slot) else {
            return Ok(());
        };
        peer.link.attach(socket, &self.readiness, key(slot))?;
        peer.link.send(&hello(self.slot), &[]);
        flush(&mut peer.link, &self.readiness, slot);
        peer.up = true;
        take(FabricEvent::PeerUp(slot));
        Ok(())
    }

    fn serve_peer(
        &mut self,
        key: u64,
        writable: bool,
        budget: usize,
        take: &mut dyn FnMut(FabricEvent<'_>),
    ) -> io::Result<usize> {
        let slot = CardSlot(key as u8);
        let Some(Peer { link, up }) = self.peers.get_mut(&slot) else {
            return Ok(0);
        };
        if writable {
            flush(link, &self.readiness, slot);
        }
        let mut unreadable = 0;
        let mut stranger = false;
        let (taken, state) = link.receive(&mut self.batch, budget, |message| {
            if !*up {
                *up = parse_hello(message) == Some(slot);
                if *up {
                    take(FabricEvent::PeerUp(slot));
                } else {
                    stranger = true;
                }
                return;
            }
            match message.split_first_chunk_mut::<HEADER_LEN>() {
                Some((&mut [p0, p1, f0, f1], frame)) if !frame.is_empty() => take(FabricEvent::Frame {
                    from: slot,
                    egress_port: u16::from_be_bytes([p0, p1]),
                    flags: u16::from_be_bytes([f0, f1]),
                    frame,
                }),
                _ => unreadable += 1,
            }
        });
        link.counters.receive_errors += unreadable;
        self.refused += u64::from(stranger);
        if state == LinkState::Closed || stranger {
            self.close(slot, take);
            self.readiness.set_timer(RETRY_INTERVAL)?;
        }
        Ok(taken)
    }

    fn close(&mut self, slot: CardSlot, take: &mut dyn FnMut(FabricEvent<'_>)) {
        if let Some(peer) = self.peers.get_mut(&slot) {
            peer.link.detach();
            if std::mem::take(&mut peer.up) {
                take(FabricEvent::PeerDown(slot));
            }
        }
    }
}

/// Where card `slot` listens.
fn socket_path(directory: &Path, slot: CardSlot) -> PathBuf {
    directory.join(format!("{slot}.sock"))
}

fn key(slot: CardSlot) -> u64 {
    slot.0.into()
}

fn flush(link: &mut Link, readiness: &Readiness, slot: CardSlot) {
    // A closed connection is reported by the next poll, which also reads what came before the end.
    if link.flush(readiness, key(slot)).is_err() {
        link.counters.send_errors += 1;
    }
}

pub(super) fn hello(slot: CardSlot) -> [u8; HELLO_LEN] {
    let [a, b, c, d] = HELLO_MAGIC;
    [a, b, c, d, HELLO_VERSION, slot.0, 0, 0]
}

pub(super) fn parse_hello(message: &[u8]) -> Option<CardSlot> {
    let message: [u8; HELLO_LEN] = message.try_into().ok()?;
    let slot = CardSlot(message[5]);
    (message == hello(slot) && slot.0 <= CardSlot::MAX).then_some(slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_has_these_bytes() {
        let golden = *b"HoFb\x01\x02\0\0";
        assert_eq!(hello(CardSlot(2)), golden);
        assert_eq!(parse_hello(&golden), Some(CardSlot(2)));
        for (at, value) in [(0, b'x'), (4, 2), (5, 16), (6, 1), (7, 1)] {
            let mut wrong = golden;
            wrong[at] = value;
            assert_eq!(parse_hello(&wrong), None, "byte {at}");
        }
        assert_eq!(parse_hello(&golden[..7]), None);
    }
}
