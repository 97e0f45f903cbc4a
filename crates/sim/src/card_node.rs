//! A line card's process: drives a [`LineCard`].

use crate::checker::Obedience;
use crate::event::Event;
use crate::options::Plant;
use crate::trace::of_bytes;
use crate::world::{Stage, World, host_of, port_count};
use chassis::{LinkId, RpMessage};
use linecard::{CardConfiguration, CardInput, CardOutput, Limits, LineCard, PortHardware};
use machine::{CardSlot, Duration, Epoch, Instant, Machine, Outbox, PortId, RpSlot};
use packet::MacAddress;

/// Time that a frame is on a wire.
const WIRE_LATENCY: Duration = Duration::from_micros(5);
/// Time that a frame takes over the fabric.
const FABRIC_LATENCY: Duration = Duration::from_micros(8);

/// A slot for a card.
pub(crate) struct CardNode {
    pub(crate) slot: CardSlot,
    pub(crate) card: Option<LineCard>,
    pub(crate) life: u64,
    pub(crate) pulled: bool,
    /// No RP can connect.
    pub(crate) unreachable: bool,
    pub(crate) start_ticket: u64,
    expire_ticket: u64,
    expire_at: Option<Instant>,
    pub(crate) obedience: Obedience,
    fabric_frames: u64,
    lost_rows: bool,
}

impl CardNode {
    pub(crate) fn new(slot: CardSlot) -> Self {
        Self {
            slot,
            card: None,
            life: 0,
            pulled: false,
            unreachable: false,
            start_ticket: 0,
            expire_ticket: 0,
            expire_at: None,
            obedience: Obedience::default(),
            fabric_frames: 0,
            lost_rows: false,
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.card.is_some()
    }
}

/// The address of a port on its wire.
pub(crate) fn port_mac(port: PortId) -> MacAddress {
    MacAddress([0x02, 0xca, 0x4d, 0, port.card.0, port.port])
}

impl World {
    pub(crate) fn card_start(&mut self, card: CardSlot, ticket: u64) {
        let ports = self.options.ports_per_card;
        let now = self.now;
        let flow_seed = self.draws.next_u64();
        let node = &mut self.cards[usize::from(card.0)];
        if node.card.is_some() || node.pulled || node.start_ticket != ticket {
            return;
        }
        let hardware = |number| {
            let port = PortId { card, port: number };
            PortHardware {
                mac: port_mac(port),
                wire: format!("mem host{}", host_of(port, ports)),
            }
        };
        node.card = Some(LineCard::new(
            now,
            CardConfiguration {
                slot: card,
                model: String::from("SIM-4"),
                image_version: String::from("Version simulated"),
                ports: (0..ports).map(hardware).collect(),
                flow_seed,
                limits: Limits::default(),
            },
        ));
        node.life += 1;
        node.obedience = Obedience::default();
        let life = node.life;
        self.trace.note(now, "card", u64::from(card.0) << 8 | life, || {
            format!("{card} starts, life {life}")
        });
        for number in 0..ports {
            let port = PortId { card, port: number };
            self.card_input(card, CardInput::PortLink { port, up: true });
        }
        self.tell_fabric(card, true);
    }

    /// All cards, and the one itself, learn who is there.
    fn tell_fabric(&mut self, card: CardSlot, up: bool) {
        for other in 0..self.cards.len() {
            let other = CardSlot(other as u8);
            if other == card || !self.cards[usize::from(other.0)].is_running() {
                continue;
            }
            let pairs = if up {
                vec![(other, card), (card, other)]
            } else {
                vec![(other, card)]
            };
            for (to, about) in pairs {
                let at = self.soon(200_000);
                let life = self.cards[usize::from(to.0)].life;
                self.queue.add(
                    at,
                    Event::FabricPeer {
                        card: to,
                        about,
                        life,
                        up,
                    },
                );
            }
        }
    }

    pub(crate) fn fabric_peer(&mut self, card: CardSlot, about: CardSlot, life: u64, up: bool) {
        let about_runs = self.cards[usize::from(about.0)].is_running();
        if self.cards[usize::from(card.0)].life == life && about_runs == up {
            self.card_input(card, CardInput::FabricPeer { card: about, up });
        }
    }

    pub(crate) fn kill_card(&mut self, index: usize) {
        let node = &mut self.cards[index];
        if node.card.take().is_none() {
            return;
        }
        node.expire_at = None;
        let card = node.slot;
        self.trace
            .note(self.now, "card", u64::from(card.0), || format!("{card} dies"));
        self.card_links_of_card_gone(card);
        self.tell_fabric(card, false);
        self.restart_card(card);
    }

    pub(crate) fn restart_card(&mut self, card: CardSlot) {
        let at = self.boot_time();
        let node = &mut self.cards[usize::from(card.0)];
        node.start_ticket += 1;
        let ticket = node.start_ticket;
        self.queue.add(at, Event::CardStart { card, ticket });
    }

    /// A message of an RP to a card, with the checker beside it.
    pub(crate) fn card_rp_message(
        &mut self,
        card: CardSlot,
        link: u64,
        slot: RpSlot,
        session: u64,
        message: RpMessage,
    ) {
        let mut message = message;
        let claim = match &message {
            RpMessage::Claim { epoch } => Some(*epoch),
            _ => None,
        };
        let node = &mut self.cards[usize::from(card.0)];
        let Some(before) = &node.card else { return };
        if self.options.plant == Some(Plant::CardAcceptsLowerEpoch)
            && let Some(epoch) = claim
            && epoch.counter < before.epoch().counter
        {
            message = RpMessage::Claim {
                epoch: Epoch {
                    counter: before.epoch().counter,
                    slot: before.epoch().slot,
                },
            };
        }
        if self.options.plant == Some(Plant::CardLosesRows)
            && matches!(message, RpMessage::Rows { .. })
            && before.frame().0 > 0
            && !node.lost_rows
        {
            node.lost_rows = true;
            return;
        }
        let state_before = (before.frame(), before.digest());
        let outputs = self.card_run(card, |now, card, out| {
            card.handle(
                now,
                CardInput::Rp {
                    link: LinkId(link),
                    message,
                },
                out,
            );
        });
        let acted = outputs
            .iter()
            .any(|output| matches!(output, CardOutput::Transmit { .. }));
        let accepted = outputs.iter().any(|output| {
            matches!(
                output,
                CardOutput::Send {
                    message: chassis::CardMessage::Truth(_),
                    ..
                }
            )
        });
        let node = &mut self.cards[usize::from(card.0)];
        if let Some(after) = &node.card {
            let changed = acted || state_before != (after.frame(), after.digest());
            let verdict = node
                .obedience
                .message(link, session, slot, claim.filter(|_| accepted), changed);
            if let Err(why) = verdict {
                self.fail_safety("one epoch per card", format!("card {card}: {why}"));
            }
        }
        self.card_outputs(card, outputs);
    }

    pub(crate) fn card_input(&mut self, card: CardSlot, input: CardInput) {
        let outputs = self.card_run(card, |now, card, out| card.handle(now, input, out));
        self.card_outputs(card, outputs);
    }

    pub(crate) fn card_expire(&mut self, card: CardSlot, ticket: u64) {
        let node = &mut self.cards[usize::from(card.0)];
        if node.expire_ticket != ticket {
            return;
        }
        node.expire_at = None;
        let outputs = self.card_run(card, |now, card, out| Machine::expire(card, now, out));
        self.card_outputs(card, outputs);
    }

    fn card_run(
        &mut self,
        card: CardSlot,
        act: impl FnOnce(Instant, &mut LineCard, &mut Outbox<CardOutput>),
    ) -> Vec<CardOutput> {
        let now = self.now;
        let node = &mut self.cards[usize::from(card.0)];
        let Some(running) = &mut node.card else {
            return Vec::new();
        };
        let mut out = Outbox::new();
        act(now, running, &mut out);
        if let Some((at, _)) = Machine::next_deadline(running) {
            let at = at.max(now + Duration::from_micros(1));
            if node.expire_at.is_none_or(|scheduled| at < scheduled) {
                node.expire_at = Some(at);
                node.expire_ticket += 1;
                let ticket = node.expire_ticket;
                self.queue.add(at, Event::CardExpire { card, ticket });
            }
        }
        out.drain().map(|(_, output)| output).collect()
    }

    fn card_outputs(&mut self, card: CardSlot, outputs: Vec<CardOutput>) {
        for output in outputs {
            match output {
                CardOutput::Transmit { .. }
                    if self.options.plant == Some(Plant::HeadlessCardsStop)
                        && self.stage == Stage::Faults
                        && !self.rps.iter().any(crate::rp_node::RpNode::is_active) => {}
                CardOutput::Transmit { port, frame } => {
                    if port_count(port, self.options.ports_per_card) {
                        let host = host_of(port, self.options.ports_per_card);
                        let at = self.now + WIRE_LATENCY;
                        self.trace
                            .note(self.now, "wire", of_bytes(port.port, &frame), || {
                                format!("{port} sends {} bytes", frame.len())
                            });
                        self.queue.add(at, Event::WireToHost { host, frame });
                    }
                }
                CardOutput::Fabric { port, frame } => self.over_fabric(card, port, frame),
                CardOutput::Send { link, message } => self.card_answer(link, &message),
                CardOutput::Close { link, reason } => {
                    self.trace.note(self.now, "card", link.0, || {
                        format!("{card} closes link {}: {reason}", link.0)
                    });
                    self.card_closes(link, "closed by the card");
                }
            }
        }
    }

    fn over_fabric(&mut self, card: CardSlot, port: PortId, frame: Vec<u8>) {
        let node = &mut self.cards[usize::from(card.0)];
        node.fabric_frames += 1;
        let at = self.now + FABRIC_LATENCY;
        if node.fabric_frames.is_multiple_of(50) {
            match self.options.plant {
                Some(Plant::FabricDropsPackets) => return,
                Some(Plant::FabricDoublesPackets) => {
                    self.queue.add(
                        at,
                        Event::Fabric {
                            port,
                            frame: frame.clone(),
                        },
                    );
                }
                _ => {}
            }
        }
        self.queue.add(at, Event::Fabric { port, frame });
    }
}
