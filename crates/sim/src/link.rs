//! Links: between the two RPs, and between an RP and a card.
//!
//! All of them are streams: what was sent arrives in order, or from some byte on not at all. The RP link has a latency,
//! a bandwidth and a capacity; bytes that the other side has not read yet take up room in it.
//!
//! | fault | what happens |
//! | --- | --- |
//! | stall | one direction delivers nothing until it goes on; nothing is lost |
//! | cut | the connection ends, and no new one comes up until the cut is mended |
//! | torn | when a process dies, an arbitrary suffix of what it sent last is lost |

use crate::event::Event;
use crate::options::LinkOptions;
use crate::trace::of_bytes;
use crate::world::World;
use chassis::{CardMessage, LinkId};
use linecard::CardInput;
use machine::{CardSlot, Duration, Instant, RpSlot};
use rp::{CardLinkEvent, PeerMessage, RpInput};
use std::collections::VecDeque;

/// Something that waits in a stalled direction.
enum Held {
    Message(u8, Vec<u8>),
    Hangup,
}

/// The direction towards one RP.
#[derive(Default)]
struct Direction {
    /// Until when the bytes sent so far are being put on the line.
    busy_until: Instant,
    last_arrival: Instant,
    /// Bytes sent and not yet read.
    unread_bytes: usize,
    stalled: bool,
    held: VecDeque<Held>,
    /// From when on nothing arrives: the sender is gone.
    torn_at: Option<Instant>,
    /// The sender was told that there is little room.
    wants_room: bool,
    /// The next message arrives cut short.
    garbled: bool,
}

/// The link between the two RPs.
pub(crate) struct PeerLink {
    options: LinkOptions,
    connection: u64,
    /// Whether each RP has a connection.
    up: [bool; 2],
    pub(crate) cut: bool,
    to: [Direction; 2],
    connect_ticket: u64,
}

impl PeerLink {
    pub(crate) fn new(options: LinkOptions) -> Self {
        Self {
            options,
            connection: 0,
            up: [false; 2],
            cut: false,
            to: [Direction::default(), Direction::default()],
            connect_ticket: 0,
        }
    }

    /// Bytes that `slot` may send now.
    pub(crate) fn room(&mut self, slot: RpSlot) -> usize {
        if !self.up[slot.index()] {
            return 0;
        }
        let direction = &mut self.to[slot.peer().index()];
        let room = self.options.capacity_bytes.saturating_sub(direction.unread_bytes);
        direction.wants_room = room < self.options.capacity_bytes / 2;
        room
    }

    pub(crate) fn garble_next(&mut self, to: RpSlot) {
        self.to[to.index()].garbled = true;
    }

    /// Whether both directions deliver and a connection may exist.
    pub(crate) fn is_well(&self) -> bool {
        !self.cut && self.to.iter().all(|direction| !direction.stalled)
    }

    /// Whether both RPs have the connection.
    pub(crate) fn is_connected(&self) -> bool {
        self.up[0] && self.up[1]
    }

    pub(crate) fn unread_bytes_max(&self) -> usize {
        self.to
            .iter()
            .map(|direction| direction.unread_bytes)
            .max()
            .unwrap_or(0)
    }
}

impl World {
    /// Lets the RP link come up soon, if it can by then.
    pub(crate) fn schedule_peer_connect(&mut self) {
        self.peer_link.connect_ticket += 1;
        let ticket = self.peer_link.connect_ticket;
        let at = self.soon(3_000_000);
        self.queue.add(at, Event::PeerConnect { ticket });
    }

    pub(crate) fn peer_connect(&mut self, ticket: u64) {
        let link = &mut self.peer_link;
        if ticket != link.connect_ticket || link.cut || link.up[0] || link.up[1] {
            return;
        }
        if self
            .rps
            .iter()
            .any(|node| node.process.as_ref().is_none_or(|process| process.hung))
        {
            return;
        }
        if link.to.iter().any(|direction| direction.stalled) {
            // The proofs do not get through.
            return;
        }
        link.connection += 1;
        link.up = [true; 2];
        for direction in &mut link.to {
            *direction = Direction {
                busy_until: self.now,
                last_arrival: self.now,
                ..Direction::default()
            };
        }
        self.trace.note(self.now, "link", link.connection, || {
            String::from("RP link comes up")
        });
        for slot in RpSlot::ALL {
            self.take_from_peer(slot, 0, RpInput::PeerLink(true));
        }
    }

    pub(crate) fn peer_send(&mut self, from: RpSlot, kind: u8, body: Vec<u8>) {
        let link = &mut self.peer_link;
        if !link.up[from.index()] {
            return;
        }
        let to = from.peer();
        let bytes = body.len() + 8;
        let direction = &mut link.to[to.index()];
        let on_line = Duration::from_nanos(bytes as u64 * 1_000_000_000 / link.options.bytes_per_second);
        direction.busy_until = direction.busy_until.max(self.now) + on_line;
        direction.unread_bytes += bytes;
        direction.last_arrival = direction.busy_until + Duration::from_nanos(link.options.latency_ns);
        let (at, connection) = (direction.last_arrival, link.connection);
        self.queue.add(
            at,
            Event::PeerArrive {
                to,
                connection,
                kind,
                body,
            },
        );
    }

    pub(crate) fn peer_arrive(&mut self, to: RpSlot, connection: u64, kind: u8, body: Vec<u8>) {
        let link = &mut self.peer_link;
        let direction = &mut link.to[to.index()];
        let torn = direction.torn_at.is_some_and(|at| at <= self.now);
        if connection != link.connection || !link.up[to.index()] || torn {
            return;
        }
        if direction.stalled {
            direction.held.push_back(Held::Message(kind, body));
            return;
        }
        self.peer_deliver(to, kind, &body);
    }

    fn peer_deliver(&mut self, to: RpSlot, kind: u8, body: &[u8]) {
        let bytes = body.len() + 8;
        let garbled = std::mem::take(&mut self.peer_link.to[to.index()].garbled);
        let kept = if garbled {
            self.draws.below(body.len() as u64 + 1) as usize
        } else {
            body.len()
        };
        let body = &body[..kept];
        let input = match PeerMessage::decode(kind, body) {
            Ok(message) => RpInput::Peer(message),
            Err(error) => RpInput::PeerNonsense(error.to_string()),
        };
        self.take_from_peer(to, bytes, input);
    }

    pub(crate) fn peer_hangup(&mut self, to: RpSlot, connection: u64) {
        let link = &mut self.peer_link;
        if connection != link.connection || !link.up[to.index()] {
            return;
        }
        let direction = &mut link.to[to.index()];
        if direction.stalled {
            direction.held.push_back(Held::Hangup);
            return;
        }
        link.up[to.index()] = false;
        self.take_from_peer(to, 0, RpInput::PeerLink(false));
        self.schedule_peer_connect();
    }

    /// An RP has read `bytes` from the link: the other one may have room again.
    pub(crate) fn peer_bytes_read(&mut self, reader: RpSlot, bytes: usize) {
        let direction = &mut self.peer_link.to[reader.index()];
        direction.unread_bytes = direction.unread_bytes.saturating_sub(bytes);
        let limit = self.peer_link.options.capacity_bytes / 2;
        if direction.wants_room && direction.unread_bytes < limit {
            direction.wants_room = false;
            self.wake_rp(reader.peer());
        }
    }

    /// The connection ends while both processes live.
    pub(crate) fn cut_peer_connection(&mut self) {
        let connection = self.peer_link.connection;
        for to in RpSlot::ALL {
            let at = self.soon(1_500_000);
            self.peer_link.to[to.index()].torn_at = Some(at);
            self.queue.add(at, Event::PeerHangup { to, connection });
        }
    }

    /// The RP in `slot` closes its end; the other one sees that later.
    pub(crate) fn drop_peer_connection(&mut self, slot: RpSlot) {
        let to = slot.peer();
        let at = self.soon(300_000);
        let link = &mut self.peer_link;
        link.up[slot.index()] = false;
        link.to[to.index()].torn_at = Some(at);
        let connection = link.connection;
        self.queue.add(at, Event::PeerHangup { to, connection });
        self.schedule_peer_connect();
    }

    /// The process in `dead` has ended: the other one still gets what was sent, up to some point.
    pub(crate) fn peer_process_gone(&mut self, dead: RpSlot) {
        let to = dead.peer();
        let link = &mut self.peer_link;
        link.up[dead.index()] = false;
        let connection = link.connection;
        let until = link.to[to.index()].last_arrival.max(self.now);
        let at = self.between(self.now, until) + Duration::from_micros(50);
        self.peer_link.to[to.index()].torn_at = Some(at);
        self.queue.add(at, Event::PeerHangup { to, connection });
    }

    /// One direction stalls, or goes on.
    pub(crate) fn peer_stall(&mut self, to: RpSlot, stalled: bool) {
        let direction = &mut self.peer_link.to[to.index()];
        direction.stalled = stalled;
        if stalled {
            return;
        }
        let held = std::mem::take(&mut direction.held);
        for item in held {
            match item {
                Held::Message(kind, body) => self.peer_deliver(to, kind, &body),
                Held::Hangup => {
                    let connection = self.peer_link.connection;
                    self.peer_hangup(to, connection);
                }
            }
        }
        self.schedule_peer_connect();
    }
}

/// A connection from an RP to a card.
pub(crate) struct CardLink {
    pub(crate) slot: RpSlot,
    pub(crate) life: u64,
    pub(crate) card: CardSlot,
    pub(crate) card_life: u64,
    /// Whether each end still has it open.
    rp_open: bool,
    card_open: bool,
    to_card: Instant,
    to_rp: Instant,
    /// From when on nothing of a dead sender arrives.
    torn_at: Option<Instant>,
}

impl World {
    pub(crate) fn card_connect(&mut self, slot: RpSlot, life: u64, card: CardSlot) {
        let Some(process) = &mut self.rps[slot.index()].process else {
            return;
        };
        if process.life != life || !process.connects || process.card_links.contains_key(&card) {
            return;
        }
        let node = &self.cards[usize::from(card.0)];
        if process.hung || !node.is_running() || node.unreachable {
            let at = self.now + Duration::from_millis(5);
            self.queue.add(at, Event::CardConnect { slot, life, card });
            return;
        }
        self.sessions += 1;
        let session = self.sessions;
        let link = session;
        process.card_links.insert(card, (link, session));
        let card_life = node.life;
        self.card_links.insert(
            link,
            CardLink {
                slot,
                life,
                card,
                card_life,
                rp_open: true,
                card_open: true,
                to_card: self.now,
                to_rp: self.now,
                torn_at: None,
            },
        );
        self.work(
            slot,
            RpInput::CardLink {
                card,
                event: CardLinkEvent::Up { session },
            },
        );
    }

    fn card_latency(&mut self) -> Duration {
        Duration::from_nanos(10_000 + self.draws.below(60_000))
    }

    pub(crate) fn card_send(&mut self, link: u64, session: u64, kind: u8, body: Vec<u8>) {
        let latency = self.card_latency();
        let now = self.now;
        let Some(known) = self.card_links.get_mut(&link).filter(|known| known.rp_open) else {
            return;
        };
        known.to_card = known.to_card.max(now + latency);
        let at = known.to_card;
        self.queue.add(
            at,
            Event::ToCard {
                link,
                session,
                kind,
                body,
            },
        );
    }

    pub(crate) fn arrives_at_card(&mut self, link: u64, session: u64, kind: u8, body: &[u8]) {
        let now = self.now;
        let Some(known) = self.card_links.get(&link) else {
            return;
        };
        if !known.card_open || known.torn_at.is_some_and(|at| at <= now) {
            return;
        }
        let (card, slot, card_life) = (known.card, known.slot, known.card_life);
        if self.cards[usize::from(card.0)].life != card_life {
            return;
        }
        match chassis::RpMessage::decode(kind, body) {
            Ok(message) => self.card_rp_message(card, link, slot, session, message),
            Err(error) => self.fail_safety(
                "wire",
                format!("the RP in {slot} sends the card in {card} nonsense: {error}"),
            ),
        }
    }

    /// A message of a card to the RP behind `link`.
    pub(crate) fn card_answer(&mut self, link: LinkId, message: &CardMessage) {
        let latency = self.card_latency();
        let now = self.now;
        let Some(known) = self.card_links.get_mut(&link.0).filter(|known| known.card_open) else {
            return;
        };
        known.to_rp = known.to_rp.max(now + latency);
        let at = known.to_rp;
        let (kind, body) = message.encode();
        self.trace.note(now, "card", of_bytes(kind, &body), || {
            let text = format!("{message:?}");
            format!("{} to RP: {:.120}", known.card, text)
        });
        self.queue.add(
            at,
            Event::FromCard {
                link: link.0,
                kind,
                body,
            },
        );
    }

    pub(crate) fn arrives_from_card(&mut self, link: u64, kind: u8, body: &[u8]) {
        let Some(known) = self.card_links.get(&link).filter(|known| known.rp_open) else {
            return;
        };
        let (slot, life, card) = (known.slot, known.life, known.card);
        let Some(process) = &self.rps[slot.index()].process else {
            return;
        };
        let Some((current, session)) = process.card_links.get(&card).copied() else {
            return;
        };
        if process.life != life || current != link {
            return;
        }
        match CardMessage::decode(kind, body) {
            Ok(message) => {
                if let CardMessage::DigestMismatch { frame, digest } = &message {
                    let text = format!("card {card} has {digest:016x} at frame {frame}");
                    self.fail_safety("digests", text);
                }
                if !self.work(
                    slot,
                    RpInput::Card {
                        card,
                        session,
                        message,
                    },
                ) {
                    self.punts_refused += 1;
                }
            }
            Err(error) => self.fail_safety("wire", format!("card {card} sends {slot} nonsense: {error}")),
        }
    }

    /// The card's end is closed by the card: the RP sees it after what was sent before.
    pub(crate) fn card_closes(&mut self, link: LinkId, why: &'static str) {
        let now = self.now;
        let Some(known) = self.card_links.get_mut(&link.0) else {
            return;
        };
        if !known.card_open {
            return;
        }
        known.card_open = false;
        let at = known.to_rp.max(now) + Duration::from_micros(30);
        self.queue.add(at, Event::CardLinkDown { link: link.0, why });
    }

    pub(crate) fn card_link_down(&mut self, link: u64, why: &'static str) {
        let Some(known) = self.card_links.get_mut(&link) else {
            return;
        };
        if !std::mem::replace(&mut known.rp_open, false) {
            return;
        }
        let (slot, life, card) = (known.slot, known.life, known.card);
        let Some(process) = &mut self.rps[slot.index()].process else {
            return;
        };
        let Some((current, session)) = process.card_links.get(&card).copied() else {
            return;
        };
        if process.life != life || current != link {
            return;
        }
        process.card_links.remove(&card);
        let event = CardLinkEvent::Down {
            session,
            why: String::from(why),
        };
        self.work(slot, RpInput::CardLink { card, event });
        let at = self.now + Duration::from_millis(2);
        self.queue.add(at, Event::CardConnect { slot, life, card });
    }

    pub(crate) fn card_hangup(&mut self, link: u64) {
        let Some(known) = self.card_links.get_mut(&link) else {
            return;
        };
        if !std::mem::replace(&mut known.card_open, false) {
            return;
        }
        let (card, card_life) = (known.card, known.card_life);
        if self.cards[usize::from(card.0)].life == card_life {
            self.card_input(card, CardInput::RpLost { link: LinkId(link) });
        }
    }

    /// The RP's process has ended: each card still gets what was sent, up to some point.
    pub(crate) fn card_links_of_rp_gone(&mut self, slot: RpSlot, life: u64) {
        let now = self.now;
        let mut ends = Vec::new();
        for (link, known) in &mut self.card_links {
            if known.slot == slot && known.life == life && known.rp_open {
                known.rp_open = false;
                ends.push((*link, known.to_card.max(now)));
            }
        }
        for (link, until) in ends {
            let at = self.between(now, until) + Duration::from_micros(20);
            if let Some(known) = self.card_links.get_mut(&link) {
                known.torn_at = Some(at);
            }
            self.queue.add(at, Event::CardHangup { link });
        }
    }

    /// The card has died: its RPs see the hangup.
    pub(crate) fn card_links_of_card_gone(&mut self, card: CardSlot) {
        let mut links = Vec::new();
        for (link, known) in &mut self.card_links {
            if known.card == card && known.card_open {
                known.card_open = false;
                links.push(*link);
            }
        }
        for link in links {
            let at = self.soon(800_000);
            self.queue.add(
                at,
                Event::CardLinkDown {
                    link,
                    why: "card gone",
                },
            );
        }
    }

    /// A working connection breaks; both ends see it.
    pub(crate) fn break_card_link(&mut self, link: u64) {
        let down = self.soon(300_000);
        self.queue.add(
            down,
            Event::CardLinkDown {
                link,
                why: "connection lost",
            },
        );
        let hangup = self.soon(300_000);
        if let Some(known) = self.card_links.get_mut(&link) {
            known.torn_at = Some(hangup);
        }
        self.queue.add(hangup, Event::CardHangup { link });
    }
}
