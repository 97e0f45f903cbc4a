//! What was said on BGP sessions, put together again from a capture of their segments.

use crate::tools::Frame;
use packet::bgp::{self, EXTENDED_MESSAGE_LEN_MAX, Kind, Prefixes, Update};
use packet::tcp::{Flags, Packet as Segment, SegmentOption};
use packet::{Prefix, V4, ethernet, ipv4};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

/// One TCP connection.
#[derive(Debug)]
pub struct Connection {
    /// Who called, and who was called.
    pub ends: [SocketAddrV4; 2],
    /// What each of them sent.
    pub directions: [Direction; 2],
    /// When its first segment was seen, since 1970.
    pub began_at: Duration,
    /// When a FIN or RST was seen.
    pub ends_at: Vec<Duration>,
}

/// What one end of a connection sent.
#[derive(Debug, Default)]
pub struct Direction {
    /// Number of the first byte of the stream: that of the SYN, and one.
    first: Option<u32>,
    /// The stream so far, without holes.
    bytes: Vec<u8>,
    /// Pieces behind a hole, by their place in the stream.
    pending: BTreeMap<usize, Vec<u8>>,
    /// How much of the stream is in messages.
    cut: usize,
    /// Messages in the order in which they became whole.
    pub messages: Vec<Said>,
    /// What no stream may do: other bytes in the same place, bytes that are no message.
    pub faults: Vec<String>,
    /// Segments, and those of them with a digest of RFC 2385.
    pub segment_count: u64,
    pub signed_count: u64,
    /// Bytes that were sent more than once.
    pub sent_again: u64,
    /// Times to live.
    pub ttls: BTreeSet<u8>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// When its last byte was there, since 1970.
    pub at: Duration,
    pub kind: Kind,
    pub body: Vec<u8>,
}

impl Connection {
    /// What the end with this address sent.
    pub fn from(&self, address: Ipv4Addr) -> &Direction {
        let which = usize::from(*self.ends[0].ip() != address);
        assert_eq!(*self.ends[which].ip(), address, "an end of {:?}", self.ends);
        &self.directions[which]
    }

    /// Whether it came to a BGP session: both ends sent a KEEPALIVE, and it did not end with that. Of two connections that
    /// collide, FRR and BIRD may end the one that goes when either has just sent its KEEPALIVE.
    pub fn was_session(&self) -> bool {
        let agreed = |direction: &Direction| direction.count(Kind::Keepalive) > 0;
        let went_on = |direction: &Direction| {
            let of_sessions = [Kind::Keepalive, Kind::Update, Kind::RouteRefresh];
            of_sessions
                .map(|kind| direction.count(kind))
                .iter()
                .sum::<usize>()
                > 1
        };
        let stood = self.ends_at.is_empty() || self.directions.iter().any(went_on);
        stood && self.directions.iter().all(agreed)
    }
}

/// Who called, who said what when, and the end: `10.0.0.1:4711 called 10.0.0.2:179 at 17.2; +3 ms 10.0.0.1 Open; ...`.
impl fmt::Display for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [caller, called] = self.ends;
        let began_at = self.began_at.as_secs_f64();
        write!(formatter, "{caller} called {called} at {began_at:.3}")?;
        let mut course: Vec<(Duration, String)> = Vec::new();
        for (end, direction) in self.ends.iter().zip(&self.directions) {
            let said = direction.messages.iter();
            course.extend(said.map(|said| (said.at, format!("{} {:?}", end.ip(), said.kind))));
        }
        course.extend(self.ends_at.iter().map(|at| (*at, "end".to_string())));
        course.sort();
        for (at, what) in course {
            let since_ms = at.saturating_sub(self.began_at).as_millis();
            write!(formatter, "; +{since_ms} ms {what}")?;
        }
        Ok(())
    }
}

impl Direction {
    /// How many messages of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.messages.iter().filter(|said| said.kind == kind).count()
    }

    /// The longest time between two messages of which the second came at or after `since`.
    pub fn longest_silence(&self, since: Duration) -> Duration {
        let pairs = self.messages.windows(2).filter(|pair| pair[1].at >= since);
        let silences = pairs.map(|pair| pair[1].at.saturating_sub(pair[0].at));
        silences.max().unwrap_or_default()
    }

    /// How long after `at` the next message came.
    pub fn silence_after(&self, at: Duration) -> Option<Duration> {
        let next = self.messages.iter().find(|said| said.at > at)?;
        Some(next.at - at)
    }

    /// Whether bytes are missing in the capture.
    pub fn has_hole(&self) -> bool {
        !self.pending.is_empty()
    }

    fn take(&mut self, at: Duration, sequence: u32, payload: &[u8]) {
        if payload.is_empty() {
            return;
        }
        let first = *self.first.get_or_insert(sequence);
        let place = sequence.wrapping_sub(first);
        // Behind half of the numbers is before the stream: a probe.
        if place > u32::MAX / 2 {
            return;
        }
        let place = place as usize;
        self.check_overlap(place, payload);
        let piece = self.pending.entry(place).or_default();
        if piece.len() < payload.len() {
            *piece = payload.to_vec();
        }
        while let Some(entry) = self.pending.first_entry() {
            if *entry.key() > self.bytes.len() {
                break;
            }
            let (place, piece) = entry.remove_entry();
            let known = self.bytes.len() - place;
            self.bytes
                .extend_from_slice(piece.get(known..).unwrap_or_default());
        }
        self.cut_messages(at);
    }

    fn check_overlap(&mut self, place: usize, payload: &[u8]) {
        let known = self.bytes.get(place..).unwrap_or_default();
        let overlap = known.len().min(payload.len());
        self.sent_again += overlap as u64;
        if known[..overlap] != payload[..overlap] {
            self.faults
                .push(format!("other bytes in bytes {place}.. of the stream"));
        }
    }

    fn cut_messages(&mut self, at: Duration) {
        loop {
            match bgp::split(&self.bytes[self.cut..], EXTENDED_MESSAGE_LEN_MAX) {
                Ok(Some(message)) => {
                    self.cut += message.bytes.len();
                    self.messages.push(Said {
                        at,
                        kind: message.kind,
                        body: message.body.to_vec(),
                    });
                }
                Ok(None) => return,
                Err(fault) => {
                    self.faults
                        .push(format!("byte {} of the stream: {fault:?}", self.cut));
                    return;
                }
            }
        }
    }
}

/// The connections to or from the port of BGP, in order of their first segments.
pub fn connections(frames: &[Frame]) -> Vec<Connection> {
    let mut connections: Vec<Connection> = Vec::new();
    for frame in frames {
        take(&mut connections, frame);
    }
    connections
}

/// `None` when the frame has nothing to do with BGP.
fn take(connections: &mut Vec<Connection>, frame: &Frame) -> Option<()> {
    let ethernet = ethernet::Frame::new_checked(frame.bytes.as_slice()).ok()?;
    if ethernet.ether_type() != ethernet::EtherType::IPV4 {
        return None;
    }
    // Not `validate`: who captures at the sender sees checksums that its card was to complete.
    let packet = ipv4::Packet::new_checked(ethernet.payload()).ok()?;
    if packet.protocol() != ipv4::Protocol::TCP {
        return None;
    }
    let segment = Segment::new_checked(packet.payload()).ok()?;
    let from = SocketAddrV4::new(packet.source(), segment.source_port());
    let to = SocketAddrV4::new(packet.destination(), segment.destination_port());
    if ![from.port(), to.port()].contains(&bgp::PORT) {
        return None;
    }
    let flags = segment.flags();
    let is_call = flags.contains(Flags::SYN) && !flags.contains(Flags::ACK);
    let known = connections
        .iter()
        .rposition(|connection| connection.ends == [from, to] || connection.ends == [to, from]);
    let is_new = known.is_none_or(|known| {
        let first = connections[known].directions[0].first;
        is_call && first != Some(segment.sequence().wrapping_add(1))
    });
    let index = known.filter(|_| !is_new).unwrap_or(connections.len());
    if is_new {
        connections.push(Connection {
            ends: [from, to],
            directions: [Direction::default(), Direction::default()],
            began_at: frame.at,
            ends_at: Vec::new(),
        });
    }
    let connection = &mut connections[index];
    let direction = &mut connection.directions[usize::from(connection.ends[0] != from)];
    let mut sequence = segment.sequence();
    if flags.contains(Flags::SYN) {
        sequence = sequence.wrapping_add(1);
        direction.first.get_or_insert(sequence);
    }
    direction.segment_count += 1;
    let is_digest = |option| matches!(option, SegmentOption::Md5(_));
    direction.signed_count += u64::from(segment.options().any(is_digest));
    direction.ttls.insert(packet.ttl());
    direction.take(frame.at, sequence, segment.payload());
    if flags.contains(Flags::RST) || flags.contains(Flags::FIN) {
        connection.ends_at.push(frame.at);
    }
    Some(())
}

/// What UPDATEs tell of routes whose last word is just that already, and withdrawals of what was never announced.
pub fn repeats(messages: &[Said]) -> Vec<String> {
    let mut repeats = Vec::new();
    let mut told: BTreeMap<Prefix<V4>, Option<Vec<u8>>> = BTreeMap::new();
    for (number, said) in messages.iter().enumerate() {
        if said.kind != Kind::Update {
            continue;
        }
        let update = Update::parse(&said.body).expect("the frame of an UPDATE");
        let mut tell = |prefix: Prefix<V4>, word: Option<&[u8]>| {
            let known = told.get(&prefix).and_then(Option::as_deref);
            if known == word {
                repeats.push(format!("message {number}: {prefix} again"));
            }
            told.insert(prefix, word.map(<[u8]>::to_vec));
        };
        for prefix in prefixes(update.withdrawn) {
            tell(prefix, None);
        }
        for prefix in prefixes(update.reachable) {
            tell(prefix, Some(update.attributes));
        }
    }
    repeats
}

/// The routes that UPDATEs have left announced.
pub fn announced(messages: &[Said]) -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    for said in messages.iter().filter(|said| said.kind == Kind::Update) {
        let update = Update::parse(&said.body).expect("the frame of an UPDATE");
        for prefix in prefixes(update.withdrawn) {
            routes.remove(&prefix.to_string());
        }
        routes.extend(prefixes(update.reachable).map(|prefix| prefix.to_string()));
    }
    routes
}

/// How many routes UPDATEs have announced and withdrawn.
pub fn route_counts(messages: &[Said]) -> [usize; 2] {
    let mut counts = [0, 0];
    for said in messages.iter().filter(|said| said.kind == Kind::Update) {
        let update = Update::parse(&said.body).expect("the frame of an UPDATE");
        counts[0] += prefixes(update.reachable).count();
        counts[1] += prefixes(update.withdrawn).count();
    }
    counts
}

/// Whether it is the End-of-RIB of IPv4 unicast (RFC 4724 section 2).
pub fn is_end_of_rib(said: &Said) -> bool {
    said.kind == Kind::Update && said.body == [0, 0, 0, 0]
}

fn prefixes(bytes: &[u8]) -> Prefixes<'_, V4> {
    Prefixes::new(bytes).expect("a list of prefixes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use packet::tcp::{Endpoints, Repr};

    const CALLER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    const CALLED: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
    const KEEPALIVE: [u8; 19] = [
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 19, 4,
    ];

    fn frame(source: Ipv4Addr, flags: Flags, sequence: u32, payload: &[u8]) -> Frame {
        let (destination, ports) = if source == CALLER {
            (CALLED, [40000, 179])
        } else {
            (CALLER, [179, 40000])
        };
        let tcp = Repr {
            source_port: ports[0],
            destination_port: ports[1],
            sequence,
            flags,
            ..Repr::default()
        };
        let length = tcp.buffer_len(payload.len());
        let mut bytes = vec![0; 14 + 20 + length];
        bytes[12] = 8;
        bytes[14] = 0x45;
        bytes[16..18].copy_from_slice(&(20 + length as u16).to_be_bytes());
        bytes[22] = 64;
        bytes[23] = 6;
        bytes[26..30].copy_from_slice(&source.octets());
        bytes[30..34].copy_from_slice(&destination.octets());
        tcp.emit(&mut bytes[34..], payload, Endpoints::V4(source, destination));
        Frame {
            at: Duration::from_secs(1),
            bytes,
        }
    }

    #[test]
    fn a_stream_is_put_together_from_pieces_in_any_order() {
        let data = [KEEPALIVE, KEEPALIVE].concat();
        let frames = [
            frame(CALLER, Flags::SYN, u32::MAX - 1, &[]),
            frame(CALLER, Flags::ACK, 9, &data[10..]),
            frame(CALLER, Flags::ACK, u32::MAX, &data[..15]),
            frame(CALLER, Flags::ACK, u32::MAX, &data[..15]),
        ];
        let [connection] = &connections(&frames)[..] else {
            panic!("one connection");
        };
        let direction = connection.from(CALLER);
        assert_eq!(direction.count(Kind::Keepalive), 2);
        assert!(!direction.has_hole() && direction.faults.is_empty());
        assert_eq!((direction.segment_count, direction.sent_again), (4, 15));
    }

    #[test]
    fn a_hole_another_word_in_the_same_place_and_a_second_call_are_seen() {
        let mut other = KEEPALIVE;
        other[18] = 1;
        let frames = [
            frame(CALLER, Flags::SYN, 100, &[]),
            frame(CALLED, Flags::SYN | Flags::ACK, 500, &[]),
            frame(CALLER, Flags::ACK, 101, &KEEPALIVE),
            frame(CALLER, Flags::ACK, 101, &other),
            frame(CALLED, Flags::ACK, 510, &KEEPALIVE[9..]),
            frame(CALLED, Flags::RST, 529, &[]),
            frame(CALLER, Flags::SYN, 7000, &[]),
        ];
        let connections = connections(&frames);
        assert_eq!(connections.len(), 2);
        assert_eq!(connections[0].from(CALLER).faults.len(), 1);
        assert!(connections[0].from(CALLED).has_hole());
        assert_eq!(connections[0].ends_at.len(), 1);
        assert!(!connections[0].was_session());
    }

    #[test]
    fn a_connection_that_ends_with_its_first_keepalives_was_no_session() {
        let all = [
            frame(CALLER, Flags::SYN, 100, &[]),
            frame(CALLED, Flags::SYN | Flags::ACK, 500, &[]),
            frame(CALLER, Flags::ACK, 101, &KEEPALIVE),
            frame(CALLED, Flags::ACK, 501, &KEEPALIVE),
            frame(CALLER, Flags::ACK, 120, &KEEPALIVE),
            frame(CALLED, Flags::RST, 520, &[]),
        ];
        let was_session = |frames: &[usize]| {
            let frames: Vec<_> = frames.iter().map(|number| all[*number].clone()).collect();
            connections(&frames)[0].was_session()
        };
        assert!(!was_session(&[0, 1, 2]), "one end agreed");
        assert!(was_session(&[0, 1, 2, 3]), "it stands");
        assert!(!was_session(&[0, 1, 2, 3, 5]), "a collision");
        assert!(was_session(&[0, 1, 2, 3, 4, 5]), "it stood");
    }

    #[test]
    fn a_route_told_twice_and_a_withdrawal_of_nothing_are_repeats() {
        let update = |withdrawn: &[u8], attributes: &[u8], reachable: &[u8]| {
            let mut body = (withdrawn.len() as u16).to_be_bytes().to_vec();
            body.extend_from_slice(withdrawn);
            body.extend_from_slice(&(attributes.len() as u16).to_be_bytes());
            body.extend_from_slice(attributes);
            body.extend_from_slice(reachable);
            Said {
                at: Duration::ZERO,
                kind: Kind::Update,
                body,
            }
        };
        const TEN: &[u8] = &[8, 10];
        let announce = update(&[], &[0x40, 1, 1, 0], TEN);
        let changed = update(&[], &[0x40, 1, 1, 2], TEN);
        let withdraw = update(TEN, &[], &[]);
        let all = [&announce, &changed, &withdraw, &announce].map(Clone::clone);
        assert_eq!(repeats(&all), Vec::<String>::new());
        assert_eq!(announced(&all).len(), 1);
        assert_eq!(repeats(&[announce.clone(), announce.clone()]).len(), 1);
        assert_eq!(repeats(std::slice::from_ref(&withdraw)).len(), 1);
        assert_eq!(repeats(&[announce, withdraw.clone(), withdraw]).len(), 1);
        assert!(is_end_of_rib(&update(&[], &[], &[])));
    }
}
