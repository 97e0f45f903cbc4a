//! Connections to the cards: opened by the active, kept for as long as it is active.

use super::{READ_BUDGET, TOKEN_CARD};
use crate::clock;
use crate::event_loop::{EventLoop, Interest, Ready};
use crate::stream::{Address, MessageStream};
use chassis::{CardMessage, RpMessage};
use machine::{CardSlot, Duration, Instant};
use rp::{CardLinkEvent, RpInput};
use std::io;

/// The longest message on a card link.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes that may wait for one card; downloads are bounded below that by themselves.
const QUEUED_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How often a card that is not there is tried.
const RETRY: Duration = Duration::from_millis(50);

struct Link {
    stream: MessageStream,
    session: u64,
    waits_for_write: bool,
    holds_read: bool,
    failed: Option<String>,
}

struct Place {
    card: CardSlot,
    address: Address,
    link: Option<Link>,
    next_try: Instant,
}

pub(super) struct CardLinks {
    places: Vec<Place>,
    active: bool,
    last_session: u64,
}

impl CardLinks {
    pub(super) fn new(cards: Vec<(CardSlot, Address)>) -> Self {
        let place = |(card, address)| Place {
            card,
            address,
            link: None,
            next_try: Instant::ZERO,
        };
        Self {
            places: cards.into_iter().map(place).collect(),
            active: false,
            last_session: 0,
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        if !self.active {
            return None;
        }
        self.places
            .iter()
            .filter(|place| place.link.is_none())
            .map(|place| place.next_try)
            .min()
    }

    /// This RP is active: connects to every card, and claims anew those that are connected.
    pub(super) fn claim_all(&mut self, events: &EventLoop) -> Vec<RpInput> {
        self.active = true;
        let mut inputs = Vec::new();
        for index in 0..self.places.len() {
            let last_session = &mut self.last_session;
            let place = &mut self.places[index];
            if let Some(link) = &mut place.link {
                // The same connection under a new number: what was queued for the old epoch's conversation is void.
                let why = String::from("claimed anew");
                inputs.push(event(
                    place.card,
                    CardLinkEvent::Down {
                        session: link.session,
                        why,
                    },
                ));
                *last_session += 1;
                link.session = *last_session;
                inputs.push(event(
                    place.card,
                    CardLinkEvent::Up {
                        session: link.session,
                    },
                ));
                continue;
            }
            inputs.extend(self.connect(index, events));
        }
        inputs
    }

    fn connect(&mut self, index: usize, events: &EventLoop) -> Option<RpInput> {
        let place = &mut self.places[index];
        place.next_try = clock::now() + RETRY;
        let stream = MessageStream::connect(&place.address, MESSAGE_BYTES_MAX, QUEUED_BYTES_MAX).ok()?;
        if let Err(error) = stream.check_owner() {
            super::log_line(&format!("card {}: {error}", place.card));
            return None;
        }
        self.last_session += 1;
        let session = self.last_session;
        events
            .add(&stream, TOKEN_CARD + index as u64, Interest::READ_WRITE)
            .ok()?;
        place.link = Some(Link {
            stream,
            session,
            waits_for_write: true,
            holds_read: false,
            failed: None,
        });
        Some(event(place.card, CardLinkEvent::Up { session }))
    }

    pub(super) fn connect_if_due(&mut self, now: Instant, events: &EventLoop) -> io::Result<Vec<RpInput>> {
        let mut inputs = Vec::new();
        if self.active {
            for index in 0..self.places.len() {
                if self.places[index].link.is_none() && self.places[index].next_try <= now {
                    inputs.extend(self.connect(index, events));
                }
            }
        }
        Ok(inputs)
    }

    pub(super) fn send(&mut self, card: CardSlot, session: u64, message: &RpMessage) {
        let link = self
            .places
            .iter_mut()
            .find(|place| place.card == card)
            .and_then(|place| place.link.as_mut());
        let Some(link) = link.filter(|link| link.session == session) else {
            return;
        };
        let (kind, body) = message.encode();
        if let Err(error) = link.stream.send(kind, &body) {
            link.failed = Some(error.to_string());
        }
    }

    /// What has arrived. While work is held, nothing is read; the loop is told not to report the link meanwhile.
    pub(super) fn ready(
        &mut self,
        which: u64,
        ready: Ready,
        hold: bool,
        events: &EventLoop,
    ) -> io::Result<Vec<RpInput>> {
        let mut inputs = Vec::new();
        let Some(place) = usize::try_from(which)
            .ok()
            .and_then(|index| self.places.get_mut(index))
        else {
            return Ok(inputs);
        };
        let Some(link) = &mut place.link else {
            return Ok(inputs);
        };
        if hold && !ready.hangup {
            link.holds_read = true;
            events.change(&link.stream, TOKEN_CARD + which, interest(link))?;
            return Ok(inputs);
        }
        if (ready.readable || ready.hangup)
            && let Err(why) = read(place.card, link, &mut inputs)
        {
            super::log_line(&format!("card {}, {}: {why}", place.card, place.address));
            let session = link.session;
            place.link = None;
            place.next_try = clock::now();
            inputs.push(event(place.card, CardLinkEvent::Down { session, why }));
        }
        Ok(inputs)
    }

    pub(super) fn flush(&mut self, hold: bool, events: &EventLoop) -> io::Result<Vec<RpInput>> {
        let mut inputs = Vec::new();
        for (index, place) in self.places.iter_mut().enumerate() {
            let Some(link) = &mut place.link else { continue };
            let sent = link.stream.finish_connecting().and_then(|_| link.stream.flush());
            let failed = link.failed.take().or(sent.err().map(|error| error.to_string()));
            if let Some(why) = failed {
                let session = link.session;
                place.link = None;
                place.next_try = clock::now() + RETRY;
                inputs.push(event(place.card, CardLinkEvent::Down { session, why }));
                continue;
            }
            let wants = link.stream.wants_write();
            let resumes = link.holds_read && !hold;
            if wants != link.waits_for_write || resumes {
                link.waits_for_write = wants;
                link.holds_read &= hold;
                events.change(&link.stream, TOKEN_CARD + index as u64, interest(link))?;
            }
        }
        Ok(inputs)
    }
}

fn interest(link: &Link) -> Interest {
    Interest {
        readable: !link.holds_read,
        writable: link.waits_for_write,
    }
}

fn event(card: CardSlot, event: CardLinkEvent) -> RpInput {
    RpInput::CardLink { card, event }
}

/// Reads one portion.
fn read(card: CardSlot, link: &mut Link, inputs: &mut Vec<RpInput>) -> Result<(), String> {
    link.stream
        .finish_connecting()
        .map_err(|error| error.to_string())?;
    link.stream.fill(READ_BUDGET).map_err(|error| error.to_string())?;
    loop {
        match link.stream.next_message().map_err(|error| error.to_string())? {
            None => return Ok(()),
            Some((kind, body)) => {
                let message = CardMessage::decode(kind, body).map_err(|error| error.to_string())?;
                inputs.push(RpInput::Card {
                    card,
                    session: link.session,
                    message,
                });
            }
        }
    }
}
