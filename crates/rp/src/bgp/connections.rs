//! TCP sessions as connections of neighbours: which is whose, how they come and go.

use super::{BGP_PORT, BgpProcess};
use crate::clients::Clients;
use ::bgp::{Direction, PeerId, SpeakerInput, SpeakerOutput};
use core::net::IpAddr;
use machine::{Instant, Machine};
use tcp::{ConnectionKey, Endpoint, Listener, TcpOutput};

impl BgpProcess {
    /// The speaker wants something done to a connection.
    pub(super) fn speaker_asks(&mut self, now: Instant, clients: &mut Clients, output: SpeakerOutput) {
        match output {
            SpeakerOutput::Connect { peer } => self.connect(now, clients, peer),
            SpeakerOutput::Send {
                peer,
                direction,
                bytes,
            } => {
                let key = self.connections.get(&(peer, direction)).copied();
                let sent = key.and_then(|key| clients.tcp.write(now, &key, &bytes, &mut self.from_tcp).ok());
                if sent != Some(bytes.len()) {
                    // An OPEN has room in every session that is fit for use.
                    self.lost(now, clients, peer, direction);
                }
            }
            SpeakerOutput::Finish {
                peer,
                direction,
                offset,
                bytes,
            } => self.finish(now, clients, (peer, direction), offset, &bytes),
            SpeakerOutput::Stream { peer } => {
                self.unwritten.insert(peer);
            }
            // Handed on by the caller.
            SpeakerOutput::Log(_) => {}
        }
    }

    fn connect(&mut self, now: Instant, clients: &mut Clients, peer: PeerId) {
        let direction = Direction::Outgoing;
        if let Some(before) = self.disown(peer, direction) {
            clients.tcp.abort(&before, &mut self.from_tcp);
        }
        let opened = self.peerings.get(&peer).and_then(|peering| {
            let local = IpAddr::V4(peering.local?);
            let remote = Endpoint::new(peering.address, BGP_PORT);
            let options = peering.options.clone();
            clients
                .tcp
                .connect(now, local, remote, options, &mut self.from_tcp)
                .ok()
        });
        match opened {
            Some(key) => {
                self.connections.insert((peer, direction), key);
                self.owners.insert(key, (peer, direction));
            }
            // No way there now: tried again, as after a refusal.
            None => self.closed(now, clients, peer, direction),
        }
    }

    fn closed(&mut self, now: Instant, clients: &mut Clients, peer: PeerId, direction: Direction) {
        let input = SpeakerInput::Closed { peer, direction };
        clients.speaker.handle(now, input, &mut self.from_speaker);
    }

    /// A connection cannot go on: its session is reset.
    fn lost(&mut self, now: Instant, clients: &mut Clients, peer: PeerId, direction: Direction) {
        if let Some(key) = self.disown(peer, direction) {
            clients.tcp.abort(&key, &mut self.from_tcp);
        }
        self.closed(now, clients, peer, direction);
    }

    /// Sends the last bytes and closes. `offset` is where they start in what was sent: TCP has part of them already.
    fn finish(
        &mut self,
        now: Instant,
        clients: &mut Clients,
        (peer, direction): (PeerId, Direction),
        offset: u64,
        bytes: &[u8],
    ) {
        let Some(key) = self.disown(peer, direction) else {
            return;
        };
        let written = clients.tcp.progress.get(&key).map(|progress| progress.written);
        if let Some(written) = written {
            let known = usize::try_from(written.saturating_sub(offset)).unwrap_or(usize::MAX);
            let rest = bytes.get(known..).unwrap_or_default();
            let sent = clients.tcp.write(now, &key, rest, &mut self.from_tcp);
            if sent != Ok(rest.len()) {
                // Who does not read does not read farewells either.
                return clients.tcp.abort(&key, &mut self.from_tcp);
            }
        }
        // What it still sends is of no interest, and must not keep its window shut.
        let unread = clients.tcp.received(&key).len();
        clients.tcp.consume(now, &key, unread, &mut self.from_tcp);
        clients.tcp.close(now, &key, &mut self.from_tcp);
    }

    /// A connection is nobody's any more.
    fn disown(&mut self, peer: PeerId, direction: Direction) -> Option<ConnectionKey> {
        let key = self.connections.remove(&(peer, direction))?;
        self.forget(&key);
        Some(key)
    }

    fn forget(&mut self, key: &ConnectionKey) -> Option<(PeerId, Direction)> {
        self.ended.remove(key);
        if self.is_unread.remove(key) {
            self.unread.retain(|unread| unread != key);
        }
        let owner = self.owners.remove(key)?;
        if self.connections.get(&owner) == Some(key) {
            self.connections.remove(&owner);
        }
        Some(owner)
    }

    /// Something has happened to a TCP session.
    pub(super) fn tcp_tells(&mut self, now: Instant, clients: &mut Clients, output: TcpOutput) {
        match output {
            // Handed on by the caller.
            TcpOutput::Packet(_) => {}
            TcpOutput::Opened { connection, passive } => self.opened(now, clients, connection, passive),
            TcpOutput::Received { connection } => match self.owners.contains_key(&connection) {
                true => self.queue_reading(connection),
                false => {
                    let unread = clients.tcp.received(&connection).len();
                    clients.tcp.consume(now, &connection, unread, &mut self.from_tcp);
                }
            },
            TcpOutput::Acknowledged { connection, offset } => {
                if let Some((peer, direction)) = self.owners.get(&connection).copied()
                    && clients.speaker.established(peer) == Some(direction)
                {
                    clients.speaker.rib.acknowledged(peer, offset);
                    self.unwritten.insert(peer);
                }
            }
            TcpOutput::PeerClosed { connection } => {
                if self.owners.contains_key(&connection) {
                    self.ended.insert(connection);
                    self.queue_reading(connection);
                } else {
                    clients.tcp.close(now, &connection, &mut self.from_tcp);
                }
            }
            TcpOutput::Resend {
                connection,
                offset,
                length,
            } => self.send_again(now, clients, connection, offset, length),
            TcpOutput::Closed { connection, .. } => {
                if let Some((peer, direction)) = self.forget(&connection) {
                    self.closed(now, clients, peer, direction);
                }
            }
        }
    }

    pub(super) fn queue_reading(&mut self, connection: ConnectionKey) {
        if self.is_unread.insert(connection) {
            self.unread.push_back(connection);
        }
    }

    fn opened(&mut self, now: Instant, clients: &mut Clients, connection: ConnectionKey, passive: bool) {
        let direction = match passive {
            true => Direction::Incoming,
            false => Direction::Outgoing,
        };
        let peer = match passive {
            true => self.by_address.get(&connection.remote.address).copied(),
            false => self.owners.get(&connection).map(|(peer, _)| *peer),
        };
        let Some(peer) = peer else {
            return clients.tcp.abort(&connection, &mut self.from_tcp);
        };
        if passive {
            let before = self.connections.get(&(peer, direction)).copied();
            let standing = clients.speaker.established(peer);
            if let Some(key) = standing
                .and_then(|standing| self.connections.get(&(peer, standing)))
                .copied()
                && !self.ended.contains(&key)
                && !clients.speaker.restarts_by_connecting(peer)
            {
                // An established session stays (RFC 4271 section 6.8). A neighbour that does not know of it any more
                // resets it when it is asked, and comes again.
                clients.tcp.probe(&key, &mut self.from_tcp);
                if before == Some(key) {
                    return clients.tcp.close(now, &connection, &mut self.from_tcp);
                }
            }
            if let Some(before) = before {
                // One that it has given up, or a session that it does not remember: the speaker knows what that means.
                self.replaced(now, clients, peer, before);
            }
            self.connections.insert((peer, direction), connection);
            self.owners.insert(connection, (peer, direction));
        }
        let input = SpeakerInput::Connected { peer, direction };
        clients.speaker.handle(now, input, &mut self.from_speaker);
    }

    /// The neighbour has made another connection while one of its own stands.
    fn replaced(&mut self, now: Instant, clients: &mut Clients, peer: PeerId, before: ConnectionKey) {
        self.forget(&before);
        clients.tcp.abort(&before, &mut self.from_tcp);
        self.closed(now, clients, peer, Direction::Incoming);
    }

    /// The stream of a session that was taken over, from the first byte that the neighbour has not acknowledged.
    fn send_again(
        &mut self,
        now: Instant,
        clients: &mut Clients,
        connection: ConnectionKey,
        offset: u64,
        length: u64,
    ) {
        let bytes = self
            .owners
            .get(&connection)
            .and_then(|(peer, _)| super::streams::promised(&clients.speaker, *peer, offset, length));
        let answered = bytes.map(|bytes| clients.tcp.resend(now, &connection, &bytes, &mut self.from_tcp));
        if !matches!(answered, Some(Ok(()))) {
            let owner = self.forget(&connection);
            clients.tcp.abort(&connection, &mut self.from_tcp);
            if let Some((peer, direction)) = owner {
                self.closed(now, clients, peer, direction);
            }
        }
    }

    /// Lets a neighbour connect to this address of ours, and to no other.
    pub(super) fn listen(&mut self, clients: &mut Clients, peer: PeerId) {
        let wanted = self.peerings.get(&peer).and_then(|peering| {
            let local = Endpoint::new(peering.local?, BGP_PORT);
            Some((local, peering.address, peering.options.clone()))
        });
        let remote = self.peerings.get(&peer).map(|peering| peering.address);
        if let Some(before) = self.listeners.get(&peer)
            && wanted.as_ref().is_none_or(|(local, ..)| local != before)
            && let Some(remote) = remote
        {
            clients.tcp.unlisten(*before, remote);
            self.listeners.remove(&peer);
        }
        if let Some((local, remote, options)) = wanted {
            let listener = Listener {
                local,
                remote,
                options,
            };
            // Refused for nothing that configuration lets through, but an interface whose MTU has no room for headers.
            if clients.tcp.listen(listener).is_ok() {
                self.listeners.insert(peer, local);
            }
        }
    }

    /// Nobody may connect for this neighbour any more.
    pub(super) fn stop_listening(&mut self, clients: &mut Clients, peer: PeerId, remote: IpAddr) {
        if let Some(local) = self.listeners.remove(&peer) {
            clients.tcp.unlisten(local, remote);
        }
    }
}
