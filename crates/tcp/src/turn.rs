//! What a packet or a deadline does to a session, and what comes of it: rows first, then packets.

use crate::checkpoint::{BufferSize, Connection, Progress};
use crate::io::{CloseReason, TcpOutput};
use crate::key::{ConnectionKey, Endpoint, SentKey};
use crate::options::{ConnectionOptions, SendLog};
use crate::session::{CLOSE_TIME_MAX, LINGER_TIME_MAX, Phase, SILENCE_MAX, Session, is_before};
use crate::sessions::{
    EXPIRED_PER_CALL_MAX, OPENED_PER_PEER_MAX, OPENING_MAX, OPENING_PER_PEER_MAX, Sessions,
    TAKEN_OVER_PER_CALL_MAX,
};
use crate::wire::{Arrival, NoSegment};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use machine::{Duration, Instant, Outbox, Release};
use packet::tcp::Flags;
use smoltcp::socket::tcp::State;

/// Buffers of a session grow when this many times their size was moved through them.
const GROW_AFTER: usize = 4;
/// For how long nothing is moved before large buffers become small again.
const SHRINK_AFTER: Duration = Duration::from_secs(10);
/// For how long the owner may let a session wait that is being restored: it should answer in the same turn.
const RESTORE_TIME_MAX: Duration = Duration::from_secs(1);
/// A stack that wants to be polled again at once has not said why it did not act: it is asked again after this.
const POLL_AGAIN: Duration = Duration::from_millis(1);

impl Sessions {
    /// An IP packet for the router.
    pub(crate) fn packet(&mut self, now: Instant, packet: Vec<u8>, out: &mut Outbox<TcpOutput>) {
        let arrival = match Arrival::parse(packet) {
            Ok(arrival) => arrival,
            Err(NoSegment::OtherProtocol) => return,
            Err(NoSegment::Malformed | NoSegment::Checksum) => {
                self.statistics.malformed += 1;
                return;
            }
        };
        if self.unpredictable.is_none() {
            self.statistics.not_active += 1;
            return;
        }
        self.statistics.received += 1;
        if self.is_credible(&arrival) {
            self.arrived(now, arrival, out);
        }
    }

    /// Whether TTL and digest are as the session, or who listens, demands.
    fn is_credible(&mut self, arrival: &Arrival) -> bool {
        let key = &arrival.key;
        let options = match self.live.get(key).map(|session| &session.phase) {
            Some(Phase::Opening(opening)) => Some(&opening.options),
            Some(Phase::TimeWait(connection)) => Some(&connection.options),
            _ => self.connections.get(key).map(|connection| &connection.options),
        };
        let listener = || self.listeners.get(&(key.local, key.remote.address));
        let Some(options) = options.or_else(listener) else {
            return true;
        };
        if arrival.ttl < options.ttl_min {
            self.statistics.ttl_too_low += 1;
            return false;
        }
        if !arrival.digest_is_right(&options.md5_key) {
            self.statistics.bad_digest += 1;
            return false;
        }
        true
    }

    /// A segment that is credible.
    pub(crate) fn arrived(&mut self, now: Instant, arrival: Arrival, out: &mut Outbox<TcpOutput>) {
        let key = arrival.key;
        let flags = arrival.header.flags;
        let opens = flags.contains(Flags::SYN) && flags.0 & (Flags::ACK | Flags::RST).0 == 0;
        if let Some(session) = self.live.get(&key)
            && opens
        {
            // The peer starts anew (RFC 9293 section 3.6.1).
            match session.phase {
                Phase::TimeWait(_) => self.closed(&key, CloseReason::Finished, out),
                Phase::Reset => self.closed(&key, CloseReason::Reset, out),
                _ => {}
            }
        }
        if self.is_reset(&key) {
            return self.refuse(&arrival, out);
        }
        if let Some(mut session) = self.take_live(now, &key, out) {
            if let Phase::Restoring { waiting, .. } = &mut session.phase {
                self.statistics.overflow += u64::from(waiting.push(arrival).is_err());
                self.live.insert(key, session);
                return;
            }
            let reset = self.feed(now, &mut session, arrival);
            return self.pump(now, session, reset, out);
        }
        let options = self.listeners.get(&(key.local, key.remote.address));
        match options.cloned() {
            Some(options) if opens => self.opens(now, arrival, options, out),
            _ => self.refuse(&arrival, out),
        }
    }

    /// Answers a segment that is of no session.
    fn refuse(&mut self, arrival: &Arrival, out: &mut Outbox<TcpOutput>) {
        if !arrival.header.flags.contains(Flags::RST) {
            self.statistics.refused += 1;
            self.statistics.sent += 1;
            out.now(TcpOutput::Packet(arrival.refusal()));
        }
    }

    /// A SYN of a peer that is listened for.
    fn opens(
        &mut self,
        now: Instant,
        arrival: Arrival,
        options: ConnectionOptions,
        out: &mut Outbox<TcpOutput>,
    ) {
        let key = arrival.key;
        let has_room = self.make_room(&key, out) && self.opening.len() < OPENING_MAX && !self.is_full();
        let opened = match has_room {
            true => self.open(now, key, true, options).ok(),
            false => None,
        };
        let Some(mut session) = opened else {
            self.statistics.overflow += 1;
            return;
        };
        session.feed(now, arrival, None);
        self.opening.insert(key);
        self.pump(now, session, false, out);
    }

    /// Lets one of the sessions that this peer has opened make way for another, when there are as many as it may have.
    /// Returns whether there is room then.
    fn make_room(&mut self, key: &ConnectionKey, out: &mut Outbox<TcpOutput>) -> bool {
        let of_peer = |port| ConnectionKey {
            remote: Endpoint { port, ..key.remote },
            ..*key
        };
        let all = of_peer(0)..=of_peer(u16::MAX);
        if self.opening.range(all.clone()).count() >= OPENING_PER_PEER_MAX {
            let openings = self.opening.range(all.clone());
            let until = |key: &&ConnectionKey| match self.live.get(*key).map(|session| &session.phase) {
                Some(Phase::Opening(opening)) => opening.until,
                _ => Instant::ZERO,
            };
            if let Some(oldest) = openings.min_by_key(until).copied() {
                self.statistics.overflow += 1;
                self.closed(&oldest, CloseReason::TimedOut, out);
            }
        }
        if self.live.range(all.clone()).count() < OPENED_PER_PEER_MAX {
            return true;
        }
        let closed = self.over_at.range(all).min_by_key(|(_, at)| **at);
        let Some(oldest) = closed.map(|(key, _)| *key) else {
            return false;
        };
        self.give_up(&oldest, out);
        true
    }

    /// Ends a session that its owner has closed, whatever the peer does not do.
    fn give_up(&mut self, key: &ConnectionKey, out: &mut Outbox<TcpOutput>) {
        self.reset_peer(key, out);
        self.closed(key, CloseReason::TimedOut, out);
    }

    /// Gives a segment to its session; returns whether it was a RST that is believed.
    fn feed(&mut self, now: Instant, session: &mut Session, arrival: Arrival) -> bool {
        let flags = arrival.header.flags;
        let reset = flags.contains(Flags::RST);
        let rows = match (
            self.connections.get(&session.key),
            self.progress.get(&session.key),
        ) {
            (Some(connection), Some(progress)) => Some((connection, progress)),
            _ => None,
        };
        if let Some((connection, progress)) = rows {
            let expected = progress.receive_next(connection);
            let exact = arrival.header.sequence == expected;
            if reset && !exact {
                let window = session.stack.buffer() as u32;
                let offset = arrival.header.sequence.wrapping_sub(expected);
                if offset < window {
                    self.statistics.challenged += 1;
                    session.challenge(now, connection, progress);
                }
                return false;
            }
            // What was never sent is not acknowledged (RFC 9293 section 3.10.7.4). The stack takes that of all that it
            // holds. What an earlier active may have sent is counted in the rows that it was gated by.
            let acknowledges_unsent = !reset
                && flags.contains(Flags::ACK)
                && is_before(session.sent_until, arrival.header.acknowledgement);
            if flags.contains(Flags::SYN) || acknowledges_unsent {
                self.statistics.challenged += 1;
                session.challenge(now, connection, progress);
                return false;
            }
        }
        session.feed(now, arrival, rows);
        reset
    }

    /// The session with a stack, out of the table of those: whoever takes it gives it to [`Sessions::pump`], or puts it
    /// back. It gets its stack now, if it has none.
    pub(crate) fn take_live(
        &mut self,
        now: Instant,
        key: &ConnectionKey,
        out: &mut Outbox<TcpOutput>,
    ) -> Option<Box<Session>> {
        if let Some(session) = self.live.remove(key) {
            return Some(session);
        }
        let connection = self.connections.get(key)?;
        let progress = self.progress.get(key)?;
        let missing = progress.written - progress.acknowledged;
        if connection.options.send_log == SendLog::Owner && missing > 0 {
            out.now(TcpOutput::Resend {
                connection: *key,
                offset: progress.acknowledged,
                length: missing,
            });
            let mut session = Box::new(Session::waiting(*key, now, missing));
            self.schedule_at(&mut session, Some(now + RESTORE_TIME_MAX));
            return Some(session);
        }
        let bytes = self.kept_bytes(key, progress);
        if bytes.len() as u64 != missing {
            self.closed(key, CloseReason::Unrecoverable, out);
            return None;
        }
        self.restored(now, key, bytes)
    }

    /// The bytes of the rows that the peer has not acknowledged.
    fn kept_bytes(&self, key: &ConnectionKey, progress: &Progress) -> VecDeque<u8> {
        let first = SentKey {
            connection: *key,
            offset: 0,
        };
        let mut bytes = VecDeque::new();
        let chunks = self
            .unacknowledged
            .range(first..)
            .take_while(|(chunk, _)| chunk.connection == *key);
        for (chunk, row) in chunks {
            let had = progress.acknowledged.saturating_sub(chunk.offset);
            let had = usize::try_from(had).unwrap_or(usize::MAX).min(row.bytes.len());
            bytes.extend(&row.bytes[had..]);
        }
        bytes
    }

    /// A session from its rows and the bytes that are not acknowledged.
    pub(crate) fn restored(
        &mut self,
        now: Instant,
        key: &ConnectionKey,
        unacknowledged: VecDeque<u8>,
    ) -> Option<Box<Session>> {
        let unpredictable = self.unpredictable.as_mut()?;
        let random_seed = unpredictable.seed.next_u64();
        let connection = self.connections.get(key)?;
        let progress = self.progress.get(key)?;
        self.statistics.restored += 1;
        let session = Session::restore(*key, now, connection, progress, unacknowledged, random_seed);
        Some(Box::new(session))
    }

    /// Brings the rows to where the stack is, then lets the stack send. `reset`: a RST was believed.
    pub(crate) fn pump(
        &mut self,
        now: Instant,
        mut session: Box<Session>,
        reset: bool,
        out: &mut Outbox<TcpOutput>,
    ) {
        let key = session.key;
        match &session.phase {
            Phase::Restoring { .. } | Phase::Reset => {
                self.live.insert(key, session);
                return;
            }
            Phase::Opening(opening) => match session.stack.state() {
                State::Closed | State::Listen => {
                    let reason = if reset {
                        CloseReason::Refused
                    } else {
                        CloseReason::TimedOut
                    };
                    self.live.insert(key, session);
                    return self.closed(&key, reason, out);
                }
                State::SynSent | State::SynReceived => {}
                _ => {
                    let connection = session.established(opening);
                    self.opened(&mut session, connection, out);
                }
            },
            Phase::Open | Phase::TimeWait(_) => {}
        }
        if matches!(session.phase, Phase::Open) {
            self.note_progress(&mut session, out);
            session = self.fit(now, session);
            session.fill();
            let closing = self.progress.get(&key).is_some_and(|progress| progress.closing);
            if closing {
                self.over_at.entry(key).or_insert(now + CLOSE_TIME_MAX);
            }
            if closing && session.queued == session.unacknowledged.len() {
                session.stack.close();
            }
        }
        self.send(now, &mut session, out);
        self.rest(now, session, reset, out);
    }

    /// The handshake is over: there is a session.
    fn opened(&mut self, session: &mut Session, connection: Connection, out: &mut Outbox<TcpOutput>) {
        let passive = connection.passive;
        self.opening.remove(&session.key);
        self.connecting.remove(&session.key);
        self.connections.insert(session.key, connection);
        self.progress.insert(session.key, Progress::default());
        session.phase = Phase::Open;
        out.now(TcpOutput::Opened {
            connection: session.key,
            passive,
        });
    }

    /// Puts into the rows what the stack has received, and what the peer has acknowledged.
    fn note_progress(&mut self, session: &mut Session, out: &mut Outbox<TcpOutput>) {
        let connection = session.key;
        let acknowledged = session.settle();
        let fresh = session.stack.receive_queue().saturating_sub(session.in_ring);
        if fresh > 0 {
            let mut row = self.unconsumed.remove(&connection).unwrap_or_default();
            session.stack.peek(session.in_ring, &mut row.bytes);
            session.in_ring += fresh;
            self.unconsumed.insert(connection, row);
        }
        session.moved = session.moved.saturating_add(fresh + acknowledged);
        let peer_closed = session.peer_has_closed();
        let noted = self.progress.edit(&connection, |progress| {
            progress.acknowledged += acknowledged as u64;
            progress.received += fresh as u64;
            let news = peer_closed && !progress.peer_closed;
            progress.peer_closed |= peer_closed;
            (progress.acknowledged, news)
        });
        let Some((offset, peer_closed_now)) = noted else {
            return;
        };
        if acknowledged > 0 {
            self.remove_chunks(&connection, offset);
            out.now(TcpOutput::Acknowledged { connection, offset });
        }
        if fresh > 0 {
            out.now(TcpOutput::Received { connection });
        }
        if peer_closed_now {
            out.now(TcpOutput::PeerClosed { connection });
        }
    }

    /// The session with buffers as large as it needs.
    fn fit(&mut self, now: Instant, session: Box<Session>) -> Box<Session> {
        let Some(buffers) = self.connections.get(&session.key).map(|row| row.buffers) else {
            return session;
        };
        let busy = session.moved >= GROW_AFTER * buffers.bytes() || session.in_ring >= buffers.bytes();
        let wanted = match buffers.larger() {
            Some(larger) if busy => larger,
            _ if is_shrinkable(&session, buffers) && now >= session.last_used + SHRINK_AFTER => {
                BufferSize::Small
            }
            _ => return session,
        };
        // What the stack holds out of order would be lost with it.
        let open = matches!(session.stack.state(), State::Established | State::CloseWait);
        let Some(unpredictable) = self.unpredictable.as_mut().filter(|_| open && !session.holes) else {
            return session;
        };
        let random_seed = unpredictable.seed.next_u64();
        let key = session.key;
        self.connections.edit(&key, |row| row.buffers = wanted);
        match (self.connections.get(&key), self.progress.get(&key)) {
            (Some(connection), Some(progress)) => {
                self.statistics.resized += 1;
                Box::new(Session::resized(*session, now, connection, progress, random_seed))
            }
            _ => session,
        }
    }

    fn send(&mut self, now: Instant, session: &mut Session, out: &mut Outbox<TcpOutput>) {
        // An opening promises nothing: who does not survive it starts again.
        let release = match session.phase {
            Phase::Opening(_) => Release::Now,
            _ => Release::AfterSync,
        };
        let connection = self.connections.get(&session.key);
        for packet in session.poll(now, connection, &mut self.identification) {
            self.statistics.sent += 1;
            out.push(release, TcpOutput::Packet(packet));
        }
        if let (Phase::Open, Some(connection)) = (&session.phase, connection) {
            self.progress.edit(&session.key, |progress| {
                let settled = progress.send_unacknowledged(connection);
                // Never before what is acknowledged: such a row no standby would take.
                let unsettled = match is_before(session.sent_until, settled) {
                    true => 0,
                    false => session.sent_until.wrapping_sub(settled),
                };
                progress.sent = progress.sent.max(progress.acknowledged + u64::from(unsettled));
            });
        }
    }

    /// Puts a session back that has sent what it had to, or ends it.
    fn rest(&mut self, now: Instant, mut session: Box<Session>, reset: bool, out: &mut Outbox<TcpOutput>) {
        let key = session.key;
        let state = session.stack.state();
        if let (Phase::Open, State::TimeWait) = (&session.phase, state)
            && let Some(connection) = self.connections.get(&key)
        {
            session.phase = Phase::TimeWait(Box::new(connection.clone()));
            self.remove_rows(&key);
            self.over_at.insert(key, now + LINGER_TIME_MAX);
            out.now(TcpOutput::Closed {
                connection: key,
                reason: CloseReason::Finished,
            });
        }
        if state == State::FinWait2
            && let Some(at) = self.over_at.get_mut(&key)
        {
            *at = (*at).min(now + LINGER_TIME_MAX);
        }
        if state == State::Closed {
            if reset && self.keeps_unread(&mut session, out) {
                self.live.insert(key, session);
                return;
            }
            let reason = if reset {
                CloseReason::Reset
            } else {
                CloseReason::Finished
            };
            self.live.insert(key, session);
            return self.closed(&key, reason, out);
        }
        if let (Phase::Open, Some(connection), Some(progress)) = (
            &session.phase,
            self.connections.get(&key),
            self.progress.get(&key),
        ) {
            session.probe_closed_window(now, connection, progress);
        }
        let again = match session.stack.poll_at(now) {
            Some(at) if at <= now => Some(now + POLL_AGAIN),
            at => at,
        };
        let own = match &session.phase {
            Phase::Opening(opening) => Some(opening.until),
            Phase::Open => {
                let buffers = self.connections.get(&key).map(|row| row.buffers);
                buffers
                    .filter(|buffers| is_shrinkable(&session, *buffers))
                    .map(|_| session.last_used + SHRINK_AFTER)
                    // What comes out of order keeps the buffers: it is looked at again.
                    .map(|at| if at > now { at } else { now + SHRINK_AFTER })
            }
            Phase::Restoring { .. } | Phase::Reset | Phase::TimeWait(_) => None,
        };
        let over = self.over_at.get(&key).copied();
        let due = again.into_iter().chain(own).chain(over).min();
        self.schedule_at(&mut session, due);
        self.live.insert(key, session);
    }

    /// Leaves a session that the peer has reset to its owner, when there are bytes that the owner has not read: a farewell
    /// with a RST right behind it is read like one with a FIN behind it. Returns whether there are any.
    fn keeps_unread(&mut self, session: &mut Session, out: &mut Outbox<TcpOutput>) -> bool {
        let connection = session.key;
        let is_wanted = matches!(session.phase, Phase::Open)
            && self.unconsumed.get(&connection).is_some()
            && self.progress.get(&connection).is_some_and(|row| !row.closing);
        if !is_wanted {
            return false;
        }
        session.phase = Phase::Reset;
        self.unschedule(session);
        // A successor takes it for a session that the peer has closed, and is told about the RST by the peer.
        self.progress.edit(&connection, |row| row.peer_closed = true);
        out.now(TcpOutput::PeerClosed { connection });
        true
    }

    pub(crate) fn schedule_at(&mut self, session: &mut Session, due: Option<Instant>) {
        if session.due == due {
            return;
        }
        self.unschedule(session);
        if let Some(at) = due {
            self.timers.insert((at, session.key));
        }
        session.due = due;
    }

    pub(crate) fn unschedule(&mut self, session: &mut Session) {
        if let Some(at) = session.due.take() {
            self.timers.remove(&(at, session.key));
        }
    }

    /// Runs what is due, and takes over some of the sessions that wait for it.
    pub(crate) fn expire_sessions(&mut self, now: Instant, out: &mut Outbox<TcpOutput>) {
        for _ in 0..EXPIRED_PER_CALL_MAX {
            let Some((at, key)) = self.timers.first().copied().filter(|(at, _)| *at <= now) else {
                break;
            };
            self.timers.remove(&(at, key));
            if let Some(mut session) = self.live.remove(&key) {
                session.due = None;
                self.session_due(now, session, out);
            }
        }
        for _ in 0..TAKEN_OVER_PER_CALL_MAX {
            let Some(key) = self.backlog.pop_front() else {
                break;
            };
            let taken = self.live.contains_key(&key);
            if let Some(session) = (!taken).then(|| self.take_live(now, &key, out)).flatten() {
                self.pump(now, session, false, out);
            }
        }
    }

    fn session_due(&mut self, now: Instant, session: Box<Session>, out: &mut Outbox<TcpOutput>) {
        if self.over_at.get(&session.key).is_some_and(|at| *at <= now) {
            let key = session.key;
            self.live.insert(key, session);
            return self.give_up(&key, out);
        }
        let silent = !session.unacknowledged.is_empty() && now >= session.last_heard + SILENCE_MAX;
        let over = match &session.phase {
            Phase::Opening(opening) if opening.until <= now => Some(CloseReason::TimedOut),
            Phase::Open if silent => Some(CloseReason::TimedOut),
            Phase::Restoring { .. } => Some(CloseReason::Unrecoverable),
            _ => None,
        };
        match over {
            Some(reason) => {
                let key = session.key;
                self.live.insert(key, session);
                self.closed(&key, reason, out);
            }
            None => self.pump(now, session, false, out),
        }
    }
}

/// Whether large buffers are of no use any more, once that has lasted.
fn is_shrinkable(session: &Session, buffers: BufferSize) -> bool {
    buffers > BufferSize::Small && session.unacknowledged.is_empty() && session.in_ring == 0
}
