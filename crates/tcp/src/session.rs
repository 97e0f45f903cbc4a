//! A session that has a stack: translation between the numbers of the wire and those of the stack.
//!
//! ```text
//!              sequence + delta, window >> shift, options, TTL, MD5
//!    wire ◀──────────────────────────────────────────────────────── stack
//!         ──────────────────────────────────────────────────────▶
//!              acknowledgement - delta; options other than of a SYN blanked
//! ```

use crate::checkpoint::{BufferSize, Connection, Progress, WindowScaling};
use crate::key::ConnectionKey;
use crate::options::ConnectionOptions;
use crate::stack::{Stack, segment_of, write_header};
use crate::wire::{
    self, Arrival, MD5_OPTION_LEN, blank_options, departure, endpoints, has_sack_blocks, payload_max,
};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use machine::{BoundedQueue, Duration, Instant};
use packet::ipv4;
use packet::tcp::{Flags, MSS_DEFAULT, Packet, Repr};
use smoltcp::socket::tcp::State;

/// By how many bits windows that this router announces are shifted, whatever its buffers are.
pub(crate) const WINDOW_SHIFT: u8 = 3;
/// For how long an opening may take.
pub(crate) const OPEN_TIME_MAX: Duration = Duration::from_secs(30);
/// For how long the peer may leave sent bytes without any answer (RFC 9293 section 3.8.3, R2).
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(300);
/// How long a session that its owner has closed may take to bring what was written, and the FIN, to the peer.
pub(crate) const CLOSE_TIME_MAX: Duration = Duration::from_secs(300);
/// How long a session is in FIN-WAIT-2, and in TIME-WAIT, at most.
pub(crate) const LINGER_TIME_MAX: Duration = Duration::from_secs(60);
/// Segments that wait for the owner to resend.
const WAITING_MAX: usize = 16;
/// Least payload that a peer is believed to insist on, in bytes.
const MSS_MIN: u16 = 64;

/// What is known of a session before it is established.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub passive: bool,
    pub until: Instant,
    pub local_isn: u32,
    pub options: ConnectionOptions,
    /// The peer's SYN, when it has come.
    pub syn: Option<Repr>,
}

/// Where a session is.
#[derive(Debug)]
pub(crate) enum Phase {
    /// No rows yet.
    Opening(Opening),
    /// It has rows.
    Open,
    /// It has rows, and waits for this many bytes from its owner, which come before what was written since.
    Restoring {
        missing: u64,
        waiting: BoundedQueue<Arrival>,
    },
    /// The peer has reset it. Its rows are there until the owner has read what came before, and closes.
    Reset,
    /// Its rows are gone; what the peer sends again is still answered.
    TimeWait(Box<Connection>),
}

/// A session with a stack.
pub(crate) struct Session {
    pub key: ConnectionKey,
    pub stack: Stack,
    pub phase: Phase,
    /// Wire sequence number minus that of the stack.
    delta: u32,
    /// Wire number after the highest that was sent.
    pub sent_until: u32,
    /// Wire number up to which a stack made anew in this life sends what the one before it has sent: it is swallowed.
    swallow_from: u32,
    swallow_until: u32,
    /// The last window of the peer, not scaled.
    pub remote_window: u16,
    /// Whether the stack holds bytes out of order.
    pub holes: bool,
    /// Bytes written and not acknowledged; the stack has the first `queued`.
    pub unacknowledged: VecDeque<u8>,
    pub queued: usize,
    /// How many bytes at the end of those not consumed the stack's ring holds.
    pub in_ring: usize,
    /// Bytes moved since the stack was made, for its size.
    pub moved: usize,
    /// When the peer was heard last, or since when it is owed an answer.
    pub last_heard: Instant,
    /// When it was written to or heard of, for its size.
    pub last_used: Instant,
    /// When it is looked at next, as it stands in the timers.
    pub due: Option<Instant>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("key", &self.key)
            .field("state", &self.stack.state())
            .field("phase", &self.phase)
            .field("due", &self.due)
            .finish_non_exhaustive()
    }
}

fn segment_payload_max(key: &ConnectionKey, options: &ConnectionOptions) -> usize {
    payload_max(key, options) - md5_len(options)
}

fn md5_len(options: &ConnectionOptions) -> usize {
    if options.md5_key.is_empty() {
        0
    } else {
        MD5_OPTION_LEN
    }
}

/// The MSS that the stack is told, so that our own options fit as well (RFC 6691).
fn stack_mss(remote_mss: u16, options: &ConnectionOptions) -> u16 {
    // 0 or 20.
    remote_mss.max(MSS_MIN) - md5_len(options) as u16
}

impl Session {
    fn new(key: ConnectionKey, now: Instant, stack: Stack, phase: Phase) -> Session {
        Session {
            key,
            stack,
            phase,
            delta: 0,
            sent_until: 0,
            swallow_from: 0,
            swallow_until: 0,
            remote_window: 0,
            holes: false,
            unacknowledged: VecDeque::new(),
            queued: 0,
            in_ring: 0,
            moved: 0,
            last_heard: now,
            last_used: now,
            due: None,
        }
    }

    /// A session that is being opened. `opening.local_isn` is the number that its SYN will have.
    pub fn open(key: ConnectionKey, now: Instant, opening: Opening, random_seed: u64) -> Session {
        let payload_max = segment_payload_max(&key, &opening.options);
        let mut stack = Stack::new(now, BufferSize::Small.bytes(), payload_max, random_seed);
        match opening.passive {
            true => stack.listen(key.local.port),
            false => stack.connect(key.local.port, key.remote.port),
        }
        Session::new(key, now, stack, Phase::Opening(opening))
    }

    /// A session that has rows and waits for bytes from its owner. It has a stack only in name.
    pub fn waiting(key: ConnectionKey, now: Instant, missing: u64) -> Session {
        let stack = Stack::new(now, 1, usize::from(MSS_DEFAULT), 0);
        let waiting = BoundedQueue::new(WAITING_MAX);
        Session::new(key, now, stack, Phase::Restoring { missing, waiting })
    }

    /// A session from its rows: a fresh socket and a faked handshake. `unacknowledged` are the bytes that were written
    /// and not acknowledged, all of them; they are queued before anything is fed.
    pub fn restore(
        key: ConnectionKey,
        now: Instant,
        connection: &Connection,
        progress: &Progress,
        unacknowledged: VecDeque<u8>,
        random_seed: u64,
    ) -> Session {
        Session::from_rows(key, now, connection, progress, unacknowledged, random_seed, false)
    }

    fn from_rows(
        key: ConnectionKey,
        now: Instant,
        connection: &Connection,
        progress: &Progress,
        unacknowledged: VecDeque<u8>,
        random_seed: u64,
        announce: bool,
    ) -> Session {
        let options = &connection.options;
        let payload_max = segment_payload_max(&key, options);
        let mut stack = Stack::new(now, connection.buffers.bytes(), payload_max, random_seed);
        stack.connect(key.local.port, key.remote.port);
        stack.poll(now);
        let syn = stack.take();
        let stack_isn = segment_of(&syn[0]).sequence();
        let first = stack_isn.wrapping_add(1);
        // What the peer had in flight towards us starts at this number; a FIN of its own is fed afterwards.
        let expected = progress
            .receive_next(connection)
            .wrapping_sub(u32::from(progress.peer_closed));
        let remote_mss = stack_mss(connection.remote_mss, options);
        let mut session = Session::new(key, now, stack, Phase::Open);
        session.delta = progress.send_unacknowledged(connection).wrapping_sub(first);
        session.sent_until = progress.send_next(connection);
        session.unacknowledged = unacknowledged;
        let syn_ack = Repr {
            sequence: expected.wrapping_sub(1),
            acknowledgement: first,
            flags: Flags::SYN | Flags::ACK,
            // Its first segment tells the true one.
            window: remote_mss.saturating_mul(4),
            mss: Some(remote_mss),
            window_shift: connection.window_scaling.map(|scaling| scaling.remote),
            sack_permitted: connection.sack_permitted,
            ..Repr::default()
        };
        session.feed_own(now, syn_ack);
        // The handshake's last acknowledgement: swallowed, unless the caller wants it.
        session.stack.poll(now);
        if !announce {
            drop(session.stack.take());
        }
        session.fill();
        if progress.peer_closed {
            session.feed_own(
                now,
                Repr {
                    sequence: expected,
                    acknowledgement: first,
                    flags: Flags::FIN | Flags::ACK,
                    window: remote_mss.saturating_mul(4),
                    ..Repr::default()
                },
            );
        }
        session
    }

    /// A session with a stack of another size in place of `old`, which has sent what it has sent.
    pub fn resized(
        old: Session,
        now: Instant,
        connection: &Connection,
        progress: &Progress,
        random_seed: u64,
    ) -> Session {
        // The old stack may owe an acknowledgement, and the peer is to learn of the new window.
        let mut session = Session::from_rows(
            old.key,
            now,
            connection,
            progress,
            old.unacknowledged,
            random_seed,
            true,
        );
        session.swallow_from = progress.send_unacknowledged(connection);
        session.swallow_until = old.sent_until;
        session.sent_until = old.sent_until;
        session.remote_window = old.remote_window;
        session.last_heard = old.last_heard;
        session.due = old.due;
        // The handshake has no room for the peer's window.
        let acknowledgement = progress
            .send_unacknowledged(connection)
            .wrapping_sub(session.delta);
        session.feed_own(
            now,
            Repr {
                sequence: progress.receive_next(connection),
                acknowledgement,
                flags: Flags::ACK,
                window: old.remote_window,
                ..Repr::default()
            },
        );
        session
    }

    /// Feeds a segment that was made here, in the stack's numbers.
    fn feed_own(&mut self, now: Instant, header: Repr) {
        let header = Repr {
            source_port: self.key.remote.port,
            destination_port: self.key.local.port,
            ..header
        };
        let length = header.buffer_len(0);
        let mut packet = vec![0; ipv4::HEADER_LEN + length];
        let (room, segment) = packet.split_at_mut(ipv4::HEADER_LEN);
        write_header(room, length);
        header.emit(segment, &[], endpoints(&self.key, true));
        self.stack.feed(now, &packet);
    }

    /// Feeds a segment from the peer, translated. `progress` tells what of it is new.
    pub fn feed(&mut self, now: Instant, mut arrival: Arrival, rows: Option<(&Connection, &Progress)>) {
        self.last_heard = now;
        self.last_used = now;
        let is_syn = arrival.header.flags.contains(Flags::SYN);
        if let (Phase::Opening(opening), true) = (&mut self.phase, is_syn) {
            opening.syn = Some(arrival.header);
        }
        if !is_syn {
            self.remote_window = arrival.header.window;
        }
        let mss = arrival.header.mss;
        let md5_len = match &self.phase {
            Phase::Opening(opening) => md5_len(&opening.options),
            _ => 0,
        };
        let payload_len = arrival.payload_len;
        let delta = self.delta;
        let (room, bytes) = arrival.bytes_mut();
        write_header(room, bytes.len());
        let mut segment = Packet::new_checked(bytes).expect("a segment that arrived was parsed");
        if segment.flags().contains(Flags::ACK) {
            let mut acknowledgement = segment.acknowledgement();
            if let Some((connection, progress)) = rows {
                let oldest = progress.send_unacknowledged(connection);
                // Data is taken from a segment that was overtaken by another acknowledgement, too.
                if payload_len > 0 && is_before(acknowledgement, oldest) {
                    acknowledgement = oldest;
                }
            }
            segment.set_acknowledgement(acknowledgement.wrapping_sub(delta));
        }
        if !is_syn {
            blank_options(segment.option_bytes_mut());
        } else if let Some(mss) = mss {
            // Our digest has to fit as well.
            let mss = mss.max(MSS_MIN) - md5_len as u16;
            replace_mss(segment.option_bytes_mut(), mss);
        }
        self.stack.feed(now, arrival.with_header());
    }

    /// Makes the stack answer with an acknowledgement, at most once a second: what came is not credible by itself
    /// (RFC 5961 sections 3 and 4).
    pub fn challenge(&mut self, now: Instant, connection: &Connection, progress: &Progress) {
        let acknowledgement = progress.send_unacknowledged(connection).wrapping_sub(self.delta);
        self.feed_own(
            now,
            Repr {
                sequence: progress.receive_next(connection).wrapping_sub(1),
                acknowledgement,
                flags: Flags::ACK,
                window: self.remote_window,
                ..Repr::default()
            },
        );
    }

    /// Makes a stack probe a closed window that it has forgotten to: one whose window closed while data was in flight does
    /// not send it again, and waits for a segment of the peer that may be lost.
    pub fn probe_closed_window(&mut self, now: Instant, connection: &Connection, progress: &Progress) {
        if self.stack.send_queue() == 0 || self.stack.poll_at(now).is_some() {
            return;
        }
        let acknowledgement = progress.send_unacknowledged(connection).wrapping_sub(self.delta);
        self.feed_own(
            now,
            Repr {
                sequence: progress.receive_next(connection),
                acknowledgement,
                flags: Flags::ACK,
                window: 0,
                ..Repr::default()
            },
        );
    }

    /// Queues what fits of the bytes that the stack does not have yet.
    pub fn fill(&mut self) {
        while self.queued < self.unacknowledged.len() {
            let (front, back) = self.unacknowledged.as_slices();
            let rest = match front.get(self.queued..) {
                Some(rest) if !rest.is_empty() => rest,
                _ => &back[self.queued - front.len()..],
            };
            match self.stack.send(rest) {
                0 => break,
                taken => self.queued += taken,
            }
        }
    }

    /// Forgets what the peer has acknowledged meanwhile; returns how much that is.
    pub fn settle(&mut self) -> usize {
        let acknowledged = self.queued - self.stack.send_queue().min(self.queued);
        self.queued -= acknowledged;
        self.unacknowledged.drain(..acknowledged);
        acknowledged
    }

    /// Whether it shows in the stack that the peer has closed.
    pub fn peer_has_closed(&self) -> bool {
        matches!(
            self.stack.state(),
            State::CloseWait | State::LastAck | State::Closing | State::TimeWait
        )
    }

    /// The row of a session whose handshake is over.
    pub fn established(&self, opening: &Opening) -> Connection {
        let syn = opening.syn.unwrap_or_default();
        let window_scaling = syn.window_shift.map(|remote| WindowScaling {
            local: WINDOW_SHIFT,
            remote,
        });
        Connection {
            passive: opening.passive,
            local_isn: opening.local_isn,
            remote_isn: syn.sequence,
            remote_mss: syn.mss.unwrap_or(MSS_DEFAULT).max(MSS_MIN),
            window_scaling,
            sack_permitted: syn.sack_permitted,
            buffers: BufferSize::Small,
            options: opening.options.clone(),
        }
    }

    /// Lets the stack send, and makes IP packets of what it sends. `identification` numbers them.
    pub fn poll(
        &mut self,
        now: Instant,
        connection: Option<&Connection>,
        identification: &mut u16,
    ) -> Vec<Vec<u8>> {
        self.stack.poll(now);
        let mut packets = Vec::new();
        for packet in self.stack.take() {
            let segment = segment_of(&packet);
            let Some(header) = self.translate(&segment, connection) else {
                continue;
            };
            let options = match (&self.phase, connection) {
                (Phase::Opening(opening), _) => &opening.options,
                (Phase::TimeWait(connection), _) => &connection.options,
                (_, Some(connection)) => &connection.options,
                (_, None) => continue,
            };
            // What is in a SYN is in the header.
            let more = match header.flags.contains(Flags::SYN) {
                true => &[],
                false => segment.option_bytes(),
            };
            *identification = identification.wrapping_add(1);
            packets.push(departure(
                &self.key,
                options,
                *identification,
                &header,
                more,
                segment.payload(),
            ));
        }
        packets
    }

    /// The header on the wire for a segment of the stack; `None` when it was sent before.
    fn translate(&mut self, segment: &Packet<&[u8]>, connection: Option<&Connection>) -> Option<Repr> {
        let mut header = Repr::of(segment);
        let sequence_len = segment.sequence_len();
        if let Phase::Opening(opening) = &self.phase
            && header.flags.contains(Flags::SYN)
        {
            self.delta = opening.local_isn.wrapping_sub(header.sequence);
            header.mss = Some(payload_max_u16(&self.key, &opening.options));
            header.window_shift = header.window_shift.map(|_| WINDOW_SHIFT);
        }
        header.sequence = header.sequence.wrapping_add(self.delta);
        let end = header.sequence.wrapping_add(sequence_len);
        if matches!(self.phase, Phase::Opening(_)) {
            if header.flags.contains(Flags::SYN) {
                self.sent_until = end;
            }
            return Some(header);
        }
        if sequence_len > 0 && header.sequence == self.swallow_from && !is_before(self.swallow_until, end) {
            self.swallow_from = end;
            return None;
        }
        if sequence_len == 0 && is_before(header.sequence, self.sent_until) {
            // A stack that sends again, or is made anew, is behind: the peer takes an acknowledgement only from SND.NXT.
            header.sequence = self.sent_until;
        } else if is_before(self.sent_until, end) {
            self.sent_until = end;
        }
        if header.flags.contains(Flags::ACK) {
            self.holes = has_sack_blocks(segment);
        }
        let scaling = match (&self.phase, connection) {
            (Phase::TimeWait(connection), _) => connection.window_scaling,
            (_, connection) => connection.and_then(|connection| connection.window_scaling),
        };
        header.window = match scaling {
            None => header.window,
            Some(scaling) => {
                let window = u32::from(header.window) << self.stack.window_shift();
                u16::try_from(window >> scaling.local).unwrap_or(u16::MAX)
            }
        };
        Some(header)
    }
}

fn payload_max_u16(key: &ConnectionKey, options: &ConnectionOptions) -> u16 {
    // Less than the MTU, which is a 16-bit number.
    wire::payload_max(key, options) as u16
}

/// Whether sequence number `a` is before `b` (RFC 9293 section 3.4).
pub(crate) fn is_before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

/// Puts another MSS into the options of a SYN that has one.
fn replace_mss(options: &mut [u8], mss: u16) {
    let mut at = 0;
    while at + 4 <= options.len() {
        match (options[at], options[at + 1]) {
            (0, _) => break,
            (1, _) => at += 1,
            (2, 4) => {
                options[at + 2..at + 4].copy_from_slice(&mss.to_be_bytes());
                break;
            }
            (_, length @ 2..) => at += usize::from(length),
            _ => break,
        }
    }
}
