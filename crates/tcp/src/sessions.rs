//! All sessions of the router.

use crate::checkpoint::{
    CONNECTION_TABLE, Connection, PROGRESS_TABLE, Progress, RECEIVED_TABLE, Received, SENT_TABLE, SentChunk,
    Unfinished,
};
use crate::error::{OpenError, SessionError};
use crate::io::{CloseReason, Listener, TcpInput, TcpOutput};
use crate::key::{ConnectionKey, Endpoint, SentKey};
use crate::options::{ConnectionOptions, SendLog};
use crate::session::{OPEN_TIME_MAX, Opening, Phase, Session};
use crate::statistics::TcpStatistics;
use crate::wire::{can_talk, departure, keyed_number};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use checkpoint::Tracked;
use core::net::IpAddr;
use machine::{Deadline, Instant, Machine, Outbox, Seed};
use packet::tcp::{Flags, Repr};

/// Most bytes of a session that are written and not acknowledged.
pub const SEND_MAX: usize = 256 << 10;
/// Most sessions, established or being opened.
pub const SESSIONS_MAX: usize = 65_536;
/// Most sessions that peers are opening at a time; further SYNs are dropped, and come again. Sessions that this router
/// opens itself do not count.
pub const OPENING_MAX: usize = 512;
/// Most sessions that one peer is opening at a time; the oldest makes way for a further one, since whoever sends SYNs in
/// the peer's name does not finish them.
pub const OPENING_PER_PEER_MAX: usize = 8;
/// Most sessions that one peer has opened at one address and port of this router and that have a stack, those included
/// that their owner has closed; the oldest of these makes way for a further one.
pub const OPENED_PER_PEER_MAX: usize = 32;
/// First of the ports for sessions that this router opens (RFC 6335 section 6).
const EPHEMERAL_PORT_MIN: u16 = 49_152;
/// Sessions that one call of `expire` looks at, and takes over, at most.
pub(crate) const EXPIRED_PER_CALL_MAX: usize = 256;
pub(crate) const TAKEN_OVER_PER_CALL_MAX: usize = 64;

/// What makes numbers that others cannot tell beforehand.
#[derive(Clone, Debug)]
pub(crate) struct Unpredictable {
    pub seed: Seed,
    pub secret: [u8; 16],
}

/// All sessions of the router: see the crate's description.
#[derive(Debug)]
pub struct Sessions {
    /// What the two ends of each session agreed on.
    pub connections: Tracked<ConnectionKey, Connection>,
    /// How far each session is.
    pub progress: Tracked<ConnectionKey, Progress, Unfinished>,
    /// Bytes received and not consumed.
    pub unconsumed: Tracked<ConnectionKey, Received>,
    /// Bytes written and not acknowledged, of sessions whose owner does not keep them.
    pub unacknowledged: Tracked<SentKey, SentChunk>,
    pub(crate) listeners: BTreeMap<(Endpoint, IpAddr), ConnectionOptions>,
    /// Sessions that have a stack. Others are in the tables only.
    pub(crate) live: BTreeMap<ConnectionKey, Box<Session>>,
    /// Sessions that peers are opening.
    pub(crate) opening: BTreeSet<ConnectionKey>,
    /// Sessions that this router is opening.
    pub(crate) connecting: BTreeSet<ConnectionKey>,
    /// When sessions that their owner has closed, or that are in TIME-WAIT, are over at the latest.
    pub(crate) over_at: BTreeMap<ConnectionKey, Instant>,
    pub(crate) timers: BTreeSet<(Instant, ConnectionKey)>,
    /// Sessions that were found unfinished at activation, or after a stop.
    pub(crate) backlog: VecDeque<ConnectionKey>,
    pub(crate) unpredictable: Option<Unpredictable>,
    pub(crate) identification: u16,
    pub(crate) statistics: TcpStatistics,
}

impl Default for Sessions {
    fn default() -> Self {
        Self::new()
    }
}

impl Sessions {
    /// No sessions; rows may be put into the tables, nothing else is done before [`Sessions::activate`].
    pub fn new() -> Self {
        Self {
            connections: Tracked::new(CONNECTION_TABLE),
            progress: Tracked::new(PROGRESS_TABLE),
            unconsumed: Tracked::new(RECEIVED_TABLE),
            unacknowledged: Tracked::new(SENT_TABLE),
            listeners: BTreeMap::new(),
            live: BTreeMap::new(),
            opening: BTreeSet::new(),
            connecting: BTreeSet::new(),
            over_at: BTreeMap::new(),
            timers: BTreeSet::new(),
            backlog: VecDeque::new(),
            unpredictable: None,
            identification: 0,
            statistics: TcpStatistics::default(),
        }
    }

    /// This router is the active one, and all rows are in the tables: from now on packets are answered, refused as well.
    ///
    /// Costs the number of sessions that are unfinished, and makes no stack: [`Machine::expire`] takes those over that
    /// have bytes to be sent again, some at a time; the others are taken over when they are used. What the last active
    /// may have told its owner without effect is told again: [`TcpOutput::Received`], [`TcpOutput::PeerClosed`].
    pub fn activate(&mut self, mut seed: Seed, out: &mut Outbox<TcpOutput>) {
        let mut secret = [0; 16];
        secret[..8].copy_from_slice(&seed.next_u64().to_be_bytes());
        secret[8..].copy_from_slice(&seed.next_u64().to_be_bytes());
        self.identification = (seed.next_u64() & 0xffff) as u16;
        self.unpredictable = Some(Unpredictable { seed, secret });
        self.backlog = self.progress.index().iter().copied().collect();
        for (connection, _) in self.unconsumed.iter() {
            out.now(TcpOutput::Received {
                connection: *connection,
            });
        }
        for connection in &self.backlog {
            if self
                .progress
                .get(connection)
                .is_some_and(|progress| progress.peer_closed)
            {
                out.now(TcpOutput::PeerClosed {
                    connection: *connection,
                });
            }
        }
    }

    /// This process was stopped: no time-out that has passed meanwhile, and no round trip that was being measured, means
    /// anything. It is then its own successor: sessions whose bytes in flight are due to be sent again are made from their
    /// rows, and send them at once, with the time-out of a new session instead of one that is doubled for the stop.
    ///
    /// Costs the number of sessions that are due, however many have bytes in flight.
    pub fn was_stopped(&mut self, now: Instant) {
        let due = self.timers.iter().take_while(|(at, _)| *at <= now);
        let is_late = |key: &ConnectionKey| {
            let session = self.live.get(key);
            session.is_some_and(|session| matches!(session.phase, Phase::Open) && session.queued > 0)
        };
        let late: Vec<ConnectionKey> = due.map(|(_, key)| *key).filter(is_late).collect();
        for key in late {
            if let Some(mut session) = self.live.remove(&key) {
                self.unschedule(&mut session);
                self.backlog.push_back(key);
            }
        }
    }

    /// Counts since activation.
    pub fn statistics(&self) -> TcpStatistics {
        self.statistics
    }

    /// Lets a peer open sessions to this router, or changes how they are to be; those that are open stay as they are.
    /// Listeners are no rows: their owner makes them anew, from its configuration, after a switchover.
    ///
    /// # Errors
    /// [`OpenError`] when addresses, port or options cannot be.
    pub fn listen(&mut self, listener: Listener) -> Result<(), OpenError> {
        let Listener {
            local,
            remote,
            options,
        } = listener;
        check(local.address, remote, local.port, &options)?;
        self.listeners.insert((local, remote), options);
        Ok(())
    }

    /// Ends what [`Sessions::listen`] began; sessions that are open stay.
    pub fn unlisten(&mut self, local: Endpoint, remote: IpAddr) {
        self.listeners.remove(&(local, remote));
    }

    /// Opens a session from an address of this router's own to a peer. [`TcpOutput::Opened`] tells that it is
    /// established, [`TcpOutput::Closed`] that it will not be. A session that was not established is not taken over.
    ///
    /// # Errors
    /// [`OpenError`]
    pub fn connect(
        &mut self,
        now: Instant,
        local: IpAddr,
        remote: Endpoint,
        options: ConnectionOptions,
        out: &mut Outbox<TcpOutput>,
    ) -> Result<ConnectionKey, OpenError> {
        check(local, remote.address, remote.port, &options)?;
        if self.is_full() {
            return Err(OpenError::TooMany);
        }
        let key = self.free_key(local, remote)?;
        let session = self.open(now, key, false, options)?;
        self.connecting.insert(key);
        self.pump(now, session, false, out);
        Ok(key)
    }

    /// Whether as many sessions are there as there may be.
    pub(crate) fn is_full(&self) -> bool {
        self.connections.len() + self.opening.len() + self.connecting.len() >= SESSIONS_MAX
    }

    fn free_key(&mut self, local: IpAddr, remote: Endpoint) -> Result<ConnectionKey, OpenError> {
        let unpredictable = self.unpredictable.as_mut().ok_or(OpenError::NotActive)?;
        const PORTS: u16 = u16::MAX - EPHEMERAL_PORT_MIN + 1;
        let start = unpredictable.seed.below(u64::from(PORTS)) as u16;
        (0..PORTS)
            .map(|step| EPHEMERAL_PORT_MIN + (start + step) % PORTS)
            .map(|port| ConnectionKey {
                local: Endpoint::new(local, port),
                remote,
            })
            .find(|key| !self.connections.contains_key(key) && !self.live.contains_key(key))
            .ok_or(OpenError::NoLocalPort)
    }

    /// A session that is being opened, with an initial sequence number of RFC 6528.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        key: ConnectionKey,
        passive: bool,
        options: ConnectionOptions,
    ) -> Result<Box<Session>, OpenError> {
        let unpredictable = self.unpredictable.as_mut().ok_or(OpenError::NotActive)?;
        // One step each four microseconds.
        let clock = (now.as_nanos() / 4_000) as u32;
        let opening = Opening {
            passive,
            until: now + OPEN_TIME_MAX,
            local_isn: clock.wrapping_add(keyed_number(&key, &unpredictable.secret)),
            options,
            syn: None,
        };
        let random_seed = unpredictable.seed.next_u64();
        Ok(Box::new(Session::open(key, now, opening, random_seed)))
    }

    /// How many bytes [`Sessions::write`] would take now.
    pub fn room(&self, key: &ConnectionKey) -> usize {
        match self.progress.get(key) {
            Some(progress) if !progress.closing && !self.is_reset(key) => {
                let outstanding = progress.written - progress.acknowledged;
                SEND_MAX.saturating_sub(usize::try_from(outstanding).unwrap_or(usize::MAX))
            }
            _ => 0,
        }
    }

    /// Appends bytes to what the peer gets; returns how many there was room for. [`TcpOutput::Acknowledged`] tells of new
    /// room.
    ///
    /// # Errors
    /// [`SessionError`] when the session is not open for writing.
    pub fn write(
        &mut self,
        now: Instant,
        key: &ConnectionKey,
        bytes: &[u8],
        out: &mut Outbox<TcpOutput>,
    ) -> Result<usize, SessionError> {
        let progress = *self.progress.get(key).ok_or(SessionError::NotOpen(*key))?;
        if progress.closing {
            return Err(SessionError::Closing(*key));
        }
        if self.is_reset(key) {
            // Nobody takes them. The owner learns so when it has read what came before the RST.
            return Ok(bytes.len());
        }
        let bytes = &bytes[..bytes.len().min(self.room(key))];
        if bytes.is_empty() {
            return Ok(0);
        }
        // It is made before the bytes are in the rows, which may be what it is made of.
        let mut session = self.take_live(now, key, out).ok_or(SessionError::NotOpen(*key))?;
        if session.unacknowledged.is_empty() {
            session.last_heard = now;
        }
        session.last_used = now;
        session.unacknowledged.extend(bytes);
        let kept = self
            .connections
            .get(key)
            .is_some_and(|connection| connection.options.send_log == SendLog::Kept);
        if kept {
            let chunk = SentKey {
                connection: *key,
                offset: progress.written,
            };
            self.unacknowledged
                .insert(chunk, SentChunk { bytes: bytes.into() });
        }
        self.progress
            .edit(key, |progress| progress.written += bytes.len() as u64);
        self.pump(now, session, false, out);
        Ok(bytes.len())
    }

    /// The answer to [`TcpOutput::Resend`]: exactly the bytes that were asked for.
    ///
    /// # Errors
    /// [`SessionError::Resend`] when they are more or fewer; the session is over then. [`SessionError::NotOpen`] when it
    /// was over before.
    pub fn resend(
        &mut self,
        now: Instant,
        key: &ConnectionKey,
        bytes: &[u8],
        out: &mut Outbox<TcpOutput>,
    ) -> Result<(), SessionError> {
        let Some(mut session) = self.live.remove(key) else {
            return Err(SessionError::NotOpen(*key));
        };
        let Phase::Restoring { missing, waiting } = &mut session.phase else {
            self.live.insert(*key, session);
            return Ok(());
        };
        let missing = *missing;
        if bytes.len() as u64 != missing {
            self.live.insert(*key, session);
            self.closed(key, CloseReason::Unrecoverable, out);
            return Err(SessionError::Resend(missing, bytes.len()));
        }
        let mut waiting = core::mem::replace(waiting, machine::BoundedQueue::new(0));
        let mut unacknowledged: VecDeque<u8> = bytes.iter().copied().collect();
        unacknowledged.append(&mut session.unacknowledged);
        self.unschedule(&mut session);
        let Some(session) = self.restored(now, key, unacknowledged) else {
            return Err(SessionError::NotOpen(*key));
        };
        if waiting.is_empty() {
            self.pump(now, session, false, out);
            return Ok(());
        }
        // What the peer has acknowledged meanwhile need not be sent again.
        self.live.insert(*key, session);
        while let Some(arrival) = waiting.pop() {
            self.arrived(now, arrival, out);
        }
        Ok(())
    }

    /// Bytes received in order and not consumed, oldest first. All that a peer may send ahead fits.
    pub fn received(&self, key: &ConnectionKey) -> &[u8] {
        self.unconsumed
            .get(key)
            .map_or(&[], |received| received.bytes.as_slice())
    }

    /// Forgets the first `length` of the received bytes (all, when there are fewer), which makes room for more.
    pub fn consume(&mut self, now: Instant, key: &ConnectionKey, length: usize, out: &mut Outbox<TcpOutput>) {
        let held = self.received(key).len();
        let length = length.min(held);
        if length == held {
            self.unconsumed.remove(key);
        } else {
            self.unconsumed
                .edit(key, |received| drop(received.bytes.drain(..length)));
        }
        let Some(mut session) = self.live.remove(key) else {
            return;
        };
        // The ring holds the last of them; what came before the last takeover it never had. A session in TIME-WAIT has no
        // rows any more, whatever is in its ring.
        let of_ring = length.saturating_sub(held.saturating_sub(session.in_ring));
        session.stack.discard(of_ring);
        session.in_ring -= of_ring;
        self.pump(now, session, false, out);
    }

    /// Ends the stream to the peer after what was written. [`TcpOutput::Closed`] tells when the peer has ended its own, or
    /// has not in the time that it is given: five minutes for all, one from the time when it has what was written. An
    /// opening is given up, and nothing is told.
    pub fn close(&mut self, now: Instant, key: &ConnectionKey, out: &mut Outbox<TcpOutput>) {
        if self.opening.contains(key) || self.connecting.contains(key) {
            return self.forget(key);
        }
        if self.is_reset(key) {
            return self.closed(key, CloseReason::Reset, out);
        }
        if self
            .progress
            .edit(key, |progress| progress.closing = true)
            .is_none()
        {
            return;
        }
        if let Some(session) = self.take_live(now, key, out) {
            self.pump(now, session, false, out);
        }
    }

    /// Ends a session at once, with a RST. Nothing is told.
    pub fn abort(&mut self, key: &ConnectionKey, out: &mut Outbox<TcpOutput>) {
        if !self.is_reset(key) {
            self.reset_peer(key, out);
        }
        self.forget(key);
    }

    /// Sends the peer a RST.
    pub(crate) fn reset_peer(&mut self, key: &ConnectionKey, out: &mut Outbox<TcpOutput>) {
        if let (Some(connection), Some(progress)) = (self.connections.get(key), self.progress.get(key)) {
            let sequence = match self.live.get(key) {
                Some(session) if matches!(session.phase, Phase::Open) => session.sent_until,
                _ => progress.send_next(connection),
            };
            self.send_bare(key, Flags::RST | Flags::ACK, sequence, out);
        }
    }

    /// Sends the peer a segment that it answers with an acknowledgement if it has the session, and with a RST if it has it
    /// not any more (RFC 9293 section 3.10.7), which ends it here as well.
    pub fn probe(&mut self, key: &ConnectionKey, out: &mut Outbox<TcpOutput>) {
        if let (Some(connection), Some(progress)) = (self.connections.get(key), self.progress.get(key)) {
            // The peer has this number already, so that nothing else in the segment means anything to it.
            let sequence = progress.send_unacknowledged(connection).wrapping_sub(1);
            self.send_bare(key, Flags::ACK, sequence, out);
        }
    }

    /// Sends a segment without data.
    fn send_bare(&mut self, key: &ConnectionKey, flags: Flags, sequence: u32, out: &mut Outbox<TcpOutput>) {
        let (Some(connection), Some(progress)) = (self.connections.get(key), self.progress.get(key)) else {
            return;
        };
        let header = Repr {
            source_port: key.local.port,
            destination_port: key.remote.port,
            sequence,
            acknowledgement: progress.receive_next(connection),
            flags,
            ..Repr::default()
        };
        self.identification = self.identification.wrapping_add(1);
        let packet = departure(key, &connection.options, self.identification, &header, &[], &[]);
        self.statistics.sent += 1;
        out.after_sync(TcpOutput::Packet(packet));
    }

    fn address_gone(&mut self, address: IpAddr, out: &mut Outbox<TcpOutput>) {
        let open = self.connections.iter().map(|(key, _)| key);
        let keys: BTreeSet<ConnectionKey> = open
            .chain(self.live.keys())
            .filter(|key| key.local.address == address)
            .copied()
            .collect();
        for key in keys {
            self.closed(&key, CloseReason::AddressGone, out);
        }
    }

    /// Ends a session of which nothing is left to be told to the peer.
    pub(crate) fn closed(&mut self, key: &ConnectionKey, reason: CloseReason, out: &mut Outbox<TcpOutput>) {
        let passive_opening = match self.live.get(key).map(|session| &session.phase) {
            Some(Phase::Opening(opening)) => opening.passive,
            Some(Phase::TimeWait(_)) => true,
            _ => false,
        };
        self.forget(key);
        // The owner has not heard of what a peer did not finish opening, and has heard of what is in TIME-WAIT.
        if !passive_opening {
            out.now(TcpOutput::Closed {
                connection: *key,
                reason,
            });
        }
    }

    /// Removes the rows of a session, and all else that is there of it.
    fn forget(&mut self, key: &ConnectionKey) {
        if let Some(mut session) = self.live.remove(key) {
            self.unschedule(&mut session);
        }
        self.opening.remove(key);
        self.connecting.remove(key);
        self.over_at.remove(key);
        self.remove_rows(key);
    }

    /// Whether the peer has reset this session, which is there only for what was not read of it.
    pub(crate) fn is_reset(&self, key: &ConnectionKey) -> bool {
        self.live
            .get(key)
            .is_some_and(|session| matches!(session.phase, Phase::Reset))
    }

    pub(crate) fn remove_rows(&mut self, key: &ConnectionKey) {
        self.connections.remove(key);
        self.progress.remove(key);
        self.unconsumed.remove(key);
        self.remove_chunks(key, u64::MAX);
    }

    /// Removes the chunks of which the peer has every byte.
    pub(crate) fn remove_chunks(&mut self, key: &ConnectionKey, acknowledged: u64) {
        let first = SentKey {
            connection: *key,
            offset: 0,
        };
        let chunks = self
            .unacknowledged
            .range(first..)
            .take_while(|(chunk, _)| chunk.connection == *key);
        let had: Vec<SentKey> = chunks
            .take_while(|(chunk, row)| chunk.offset.saturating_add(row.bytes.len() as u64) <= acknowledged)
            .map(|(chunk, _)| *chunk)
            .collect();
        for chunk in had {
            self.unacknowledged.remove(&chunk);
        }
    }
}

fn check(local: IpAddr, remote: IpAddr, port: u16, options: &ConnectionOptions) -> Result<(), OpenError> {
    if !can_talk(local, remote) {
        return Err(OpenError::Address(local, remote));
    }
    if port == 0 {
        return Err(OpenError::Port);
    }
    options.check()
}

impl Machine for Sessions {
    type Input = TcpInput;
    type Output = TcpOutput;

    fn handle(&mut self, now: Instant, input: TcpInput, out: &mut Outbox<TcpOutput>) {
        match input {
            TcpInput::Packet(packet) => self.packet(now, packet, out),
            TcpInput::AddressGone(address) => self.address_gone(address, out),
        }
    }

    fn expire(&mut self, now: Instant, out: &mut Outbox<TcpOutput>) {
        self.expire_sessions(now, out);
    }

    fn next_deadline(&self) -> Option<Deadline> {
        if !self.backlog.is_empty() {
            return Some((Instant::ZERO, "TCP sessions to be taken over"));
        }
        let (at, _) = self.timers.first()?;
        Some((*at, "TCP session"))
    }
}
