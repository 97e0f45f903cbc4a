//! What the story has a neighbour do, and what of its world goes wrong.

use super::{Neighbor, OPEN_LIMIT, State};
use crate::bgp::route::{Routes, announcements, withdrawals};
use crate::bgp::tape::Tape;
use machine::{Duration, Instant, Outbox};
use packet::bgp::{AfiSafi, Code, RefreshKind, RouteRefresh};
use packet::ipv4::{self, Protocol};
use packet::{MacAddress, Prefix, V4, arp, ethernet, tcp as segment};
use tcp::ConnectionKey;

/// Bytes of a ROUTE-REFRESH (RFC 2918 section 3).
const REFRESH_LEN: u64 = 23;

/// What planted bugs do to it.
impl Neighbor {
    /// A reset that the router has not sent, where its next byte would be.
    pub(crate) fn forge_reset(&mut self, now: Instant) {
        let Some(key) = self.established_key() else { return };
        let Some(next) = self.tapes.get(&key).map(Tape::next) else {
            return;
        };
        let header = segment::Repr {
            source_port: key.remote.port,
            destination_port: key.local.port,
            sequence: next,
            flags: segment::Flags::RST,
            ..segment::Repr::default()
        };
        let length = header.buffer_len(0);
        let mut packet = vec![0; ipv4::HEADER_LEN + length];
        let (from, to) = (self.config.router, self.config.address);
        ipv4::Repr::new(from, to, Protocol(segment::PROTOCOL), length as u16).emit(&mut packet);
        let endpoints = segment::Endpoints::V4(from, to);
        header.emit(&mut packet[ipv4::HEADER_LEN..], &[], endpoints);
        self.packet(now, &packet);
    }

    /// It is told everything again, and does not know that anybody asked for it.
    pub(crate) fn be_told_again(&mut self, now: Instant) {
        if let Some(key) = self.established_key() {
            self.request_routes(now, key);
        }
    }

    /// It believes that it has announced a route.
    pub(crate) fn believe_announced(&mut self, prefix: Prefix<V4>) {
        if let Some(attributes) = self.announced.values().next().cloned() {
            self.announced.insert(prefix, attributes);
        }
    }
}

/// What a script, or the world, has the neighbour do.
impl Neighbor {
    /// Nothing arrives and nothing leaves.
    pub(crate) fn unplug(&mut self) {
        self.unplugged = true;
    }

    /// From now on it is there, and asks for the router like whoever comes to a network.
    pub(crate) fn plug_in(&mut self, now: Instant) {
        self.unplugged = false;
        self.connect_at = Some(now);
        let question = arp::Repr {
            operation: arp::Operation::Request,
            sender_mac: self.config.mac,
            sender_address: self.config.address,
            target_mac: MacAddress::default(),
            target_address: self.config.router,
        };
        let mut frame = vec![0; ethernet::HEADER_LEN + arp::PACKET_LEN];
        ethernet::Repr {
            destination: MacAddress::BROADCAST,
            source: self.config.mac,
            ether_type: ethernet::EtherType::ARP,
        }
        .emit(&mut frame);
        question.emit(&mut frame[ethernet::HEADER_LEN..]);
        self.frames.push(frame);
    }

    fn established_key(&self) -> Option<ConnectionKey> {
        let found = self
            .links
            .iter()
            .find(|(_, link)| link.state == State::Established);
        found.map(|(key, _)| *key)
    }

    /// Announces these routes, or announces them otherwise than before.
    pub(crate) fn announce(&mut self, now: Instant, mut routes: Routes) {
        routes.retain(|prefix, attributes| self.announced.get(prefix) != Some(attributes));
        let mut bytes = Vec::new();
        announcements(&routes, &mut bytes);
        self.announced.extend(routes);
        if let Some(key) = self.established_key() {
            self.say(now, key, |out| out.append(&mut bytes));
        }
    }

    /// Withdraws these of its routes.
    pub(crate) fn withdraw(&mut self, now: Instant, prefixes: &[Prefix<V4>]) {
        let had: Vec<Prefix<V4>> = prefixes
            .iter()
            .copied()
            .filter(|prefix| self.announced.remove(prefix).is_some())
            .collect();
        let mut bytes = Vec::new();
        withdrawals(&had, &mut bytes);
        if let Some(key) = self.established_key() {
            self.say(now, key, |out| out.append(&mut bytes));
        }
    }

    /// Asks for all routes again.
    pub(crate) fn ask_refresh(&mut self, now: Instant) {
        let Some(key) = self.established_key() else { return };
        if let Some(link) = self.links.get_mut(&key) {
            // Before it is said, which may be answered at once.
            link.asked_until = Some(link.said + REFRESH_LEN);
        }
        self.request_routes(now, key);
    }

    fn request_routes(&mut self, now: Instant, key: ConnectionKey) {
        let refresh = RouteRefresh {
            family: AfiSafi::IPV4_UNICAST,
            kind: RefreshKind::Request,
        };
        self.say(now, key, |out| refresh.emit(out));
    }

    /// Takes nothing more out of its TCP for a while.
    pub(crate) fn turn_deaf(&mut self, now: Instant, time: Duration) {
        self.deaf_until = Some(now + time);
    }

    /// Reads what has come meanwhile.
    pub(crate) fn listen_again(&mut self, now: Instant) {
        self.deaf_until = None;
        for key in self.keys() {
            if let Some(link) = self.links.get_mut(&key) {
                link.hold_at = now + link.hold_time.max(OPEN_LIMIT);
            }
            self.read(now, key);
        }
    }

    /// Ends its session: with a NOTIFICATION, or by restarting, which is told by nothing.
    pub(crate) fn reset(&mut self, now: Instant, notifies: bool) {
        let Some(key) = self.established_key() else { return };
        if notifies {
            return self.end(now, key, true, Some(Code::ADMINISTRATIVE_RESET), "its operator");
        }
        self.restarted = true;
        let mut out = Outbox::new();
        self.tcp.abort(&key, &mut out);
        self.pump(now, out);
        self.end(now, key, true, None, "its own restart");
    }
}
