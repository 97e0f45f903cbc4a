//! Bytes between TCP and the speaker.

use super::BgpProcess;
use crate::clients::Clients;
use ::bgp::{PeerId, Speaker, SpeakerInput, step_session};
use alloc::vec;
use alloc::vec::Vec;
use machine::{Instant, Machine, StepKind, step_digest};
use tcp::ConnectionKey;

/// Bytes that are copied to TCP at a time.
const PIECE: usize = 16 << 10;
/// Prefixes of one neighbour that are read before the next one has its turn.
const PREFIXES_PER_NEIGHBOR: usize = 500;
/// Neighbours that are written to in one turn. After a takeover each of them costs a new TCP stack, and thousands have
/// something to be told at once.
const NEIGHBORS_PER_TURN: usize = 256;

impl BgpProcess {
    /// Reads what neighbours have sent, for at most about `budget` prefixes.
    ///
    /// While it is this route processor that is behind with telling what it has heard, it takes in one UPDATE a turn: what
    /// more there is waits with its senders, not in logs. All else that they say is read.
    pub(super) fn hear(&mut self, now: Instant, clients: &mut Clients, budget: usize) {
        let rib = &clients.speaker.rib;
        let is_behind = (self.has_untold && rib.has_long_log()) || rib.has_overlong_log();
        let (mut left, most) = match is_behind {
            true => (1, NEIGHBORS_PER_TURN),
            false => (budget, usize::MAX),
        };
        // Each one that is waiting now is looked at once: a full queue does not starve the turn's other work.
        for _ in 0..self.unread.len().min(most) {
            if left == 0 && !is_behind {
                break;
            }
            let Some(connection) = self.unread.pop_front() else {
                break;
            };
            self.is_unread.remove(&connection);
            // Who is alone keeps nobody waiting.
            let share = match self.unread.is_empty() {
                true => left,
                false => left.min(PREFIXES_PER_NEIGHBOR),
            };
            left -= self.hear_one(now, clients, connection, share).min(left);
        }
    }

    /// Returns what it has cost of the budget.
    fn hear_one(
        &mut self,
        now: Instant,
        clients: &mut Clients,
        connection: ConnectionKey,
        budget: usize,
    ) -> usize {
        let Some((peer, direction)) = self.owners.get(&connection).copied() else {
            return 0;
        };
        let bytes = clients.tcp.received(&connection);
        let length = bytes.len();
        if let Some(peering) = self.peerings.get(&peer) {
            let offset = read_up_to(clients, &connection, length);
            self.steps.begin_at(
                StepKind::Parse,
                step_session(peering.address),
                offset,
                step_digest(bytes),
            );
        }
        let received = clients
            .speaker
            .received(now, peer, direction, bytes, budget, &mut self.from_speaker);
        self.steps.end();
        self.resolve_next_hops(clients);
        clients
            .tcp
            .consume(now, &connection, received.consumed, &mut self.from_tcp);
        if received.is_waiting {
            self.queue_reading(connection);
        } else if self.ended.contains(&connection) {
            // All that it said was read; half a message has no meaning.
            self.ended.remove(&connection);
            self.owners.remove(&connection);
            self.connections.remove(&(peer, direction));
            clients.tcp.close(now, &connection, &mut self.from_tcp);
            let input = SpeakerInput::Closed { peer, direction };
            clients.speaker.handle(now, input, &mut self.from_speaker);
        }
        received.prefixes.max(1)
    }

    /// Hands streams to TCP, as far as it takes them; at most about `budget` prefixes are looked at for what is not in a
    /// stream yet. What is in one goes out in any case.
    pub(super) fn write(&mut self, now: Instant, clients: &mut Clients, budget: usize) {
        if self.unwritten.is_empty() {
            self.has_untold = false;
            return;
        }
        let mut left = budget;
        let mut piece = vec![0; PIECE];
        // Who comes behind the last one of this turn is first in the next: a long table keeps nobody waiting.
        let mut before = core::mem::take(&mut self.unwritten);
        let from = before.split_off(&self.first_written);
        let mut waiting = from.into_iter().chain(before);
        for peer in waiting.by_ref().take(NEIGHBORS_PER_TURN) {
            let key = clients
                .speaker
                .established(peer)
                .and_then(|direction| self.connections.get(&(peer, direction)))
                .copied();
            let Some(key) = key else {
                continue;
            };
            let share = left.min(PREFIXES_PER_NEIGHBOR);
            let (cost, is_done) = self.write_one(now, clients, peer, key, share, &mut piece);
            if left > 0 || budget == 0 {
                self.first_written = PeerId(peer.0.wrapping_add(1));
            }
            left -= cost.min(left);
            if !is_done {
                self.unwritten.insert(peer);
            }
        }
        self.unwritten.extend(waiting);
        if budget > 0 {
            self.has_untold = left == 0;
        }
    }

    /// Returns what it has cost of the budget, and whether nothing is left to do before TCP has room again.
    fn write_one(
        &mut self,
        now: Instant,
        clients: &mut Clients,
        peer: PeerId,
        key: ConnectionKey,
        budget: usize,
        piece: &mut [u8],
    ) -> (usize, bool) {
        let room = clients.tcp.room(&key);
        let Some(mut written) = clients.tcp.progress.get(&key).map(|progress| progress.written) else {
            return (0, true);
        };
        let until = written + room as u64;
        if let Some(peering) = self.peerings.get(&peer) {
            self.steps.begin(StepKind::Pack, step_session(peering.address));
        }
        let cost = clients.speaker.fill(peer, until, budget);
        while written < until {
            let length = piece.len().min((until - written) as usize);
            let length = clients.speaker.rib.transmit(peer, written, &mut piece[..length]);
            if length == 0 {
                break;
            }
            match clients.tcp.write(now, &key, &piece[..length], &mut self.from_tcp) {
                Ok(taken) if taken > 0 => written += taken as u64,
                _ => break,
            }
        }
        self.steps.end();
        let has_room = written < until;
        (cost, !(has_room && cost >= budget))
    }
}

/// Offset in a session's stream of the first byte that was not read, of which there are `unread`.
fn read_up_to(clients: &Clients, connection: &ConnectionKey, unread: usize) -> u64 {
    let progress = clients.tcp.progress.get(connection);
    progress.map_or(0, |progress| progress.received.saturating_sub(unread as u64))
}

/// Bytes of a neighbour's stream that TCP has been given before; `None` when they are not there any more.
///
/// The stream starts behind OPEN and the first KEEPALIVE. The neighbour had read our OPEN when it sent the KEEPALIVE that
/// established the session, so of what came before nothing but the end of our own KEEPALIVE can be wanted.
pub(super) fn promised(speaker: &Speaker, peer: PeerId, offset: u64, length: u64) -> Option<Vec<u8>> {
    let start = speaker.rib.common.streams.get(&peer)?.start;
    let length = usize::try_from(length).ok()?;
    let mut bytes = Vec::with_capacity(length);
    if offset < start {
        let mut keepalive = Vec::new();
        packet::bgp::keepalive(&mut keepalive);
        let before = usize::try_from(start - offset).ok()?;
        let from = keepalive.len().checked_sub(before)?;
        bytes.extend_from_slice(&keepalive[from..]);
    }
    let from = bytes.len();
    bytes.resize(length.max(from), 0);
    let copied = speaker.rib.transmit(peer, offset.max(start), &mut bytes[from..]);
    bytes.truncate(length);
    (from + copied >= length).then_some(bytes)
}
