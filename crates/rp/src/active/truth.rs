//! A card's truth against what the rows say of it: each difference is logged, and the card is right.

use super::Active;
use crate::inventory::{Card, CardState, Module, Port};
use crate::io::RpOutput;
use crate::log;
use crate::platform::{VERSION_BYTES_MAX, log as platform_log};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use chassis::message::{PortTruth, Truth};
use machine::{CardSlot, ChassisSlot, Instant, Outbox, PortId};

/// What a card is called at most, in bytes.
const MODEL_BYTES_MAX: usize = 64;
/// The wire of a port that its card does not have any more.
const NO_PORT: &str = "not present";

/// One thing that a card says otherwise than its rows.
struct Difference {
    what: String,
    recorded: String,
    found: String,
}

impl Active {
    /// The card has accepted the epoch and tells what it is. Its rows become what it says.
    pub(super) fn card_truth(
        &mut self,
        now: Instant,
        card: CardSlot,
        mut truth: Truth,
        out: &mut Outbox<RpOutput>,
    ) {
        cut(&mut truth.model, MODEL_BYTES_MAX);
        cut(&mut truth.image_version, VERSION_BYTES_MAX);
        truth.ports.retain(|reported| reported.port.card == card);
        let known = self.clients.inventory.cards.get(&card).cloned();
        if !self.put_in.remove(&card) && known.is_none() {
            out.now(RpOutput::Log(log::card_inserted(card)));
        }
        let was_away = known.as_ref().is_none_or(|known| known.state == CardState::Lost)
            || self.cards.was_logged_offline(card);
        if was_away {
            out.now(RpOutput::Log(log::card_online(card)));
        }
        if let Some(known) = &known {
            for difference in self.differences(card, known, &truth, was_away) {
                let Difference {
                    what,
                    recorded,
                    found,
                } = difference;
                out.now(RpOutput::Log(platform_log::card_differs(
                    card, &what, &recorded, &found,
                )));
            }
        }
        self.take_card(card, &truth);
        self.close_missing_ports(now, card, &truth.ports, out);
        for reported in &truth.ports {
            self.take_port(now, reported, out);
        }
        self.cards.accepted(card, truth);
        self.measure_claim(out);
        self.send_waiting(card, out);
    }

    /// What the card says otherwise than its rows. Links of ports have a message of their own; those of the fabric are
    /// compared only where the card has run on: one that has just started is still connecting.
    fn differences(&self, card: CardSlot, known: &Card, truth: &Truth, was_away: bool) -> Vec<Difference> {
        let mut differences = Vec::new();
        let mut compare = |what: String, recorded: &str, found: &str| {
            if recorded != found {
                let (recorded, found) = (quoted(recorded), quoted(found));
                differences.push(Difference {
                    what,
                    recorded,
                    found,
                });
            }
        };
        compare("model".into(), &known.model, &truth.model);
        let inventory = &self.clients.inventory;
        let module = inventory.modules.get(&ChassisSlot::Card(card));
        if let Some(module) = module.filter(|module| !module.version.is_empty()) {
            compare("image".into(), &module.version, &truth.image_version);
        }
        for reported in &truth.ports {
            let name = format!("Ethernet{}", reported.port);
            match inventory.ports.get(&reported.port) {
                None => compare(name, NO_PORT, "present"),
                Some(row) if row.wire == NO_PORT => compare(name, NO_PORT, "present"),
                Some(row) => {
                    compare(
                        format!("{name} address"),
                        &row.mac.to_string(),
                        &reported.mac.to_string(),
                    );
                    compare(format!("{name} wire"), &row.wire, &reported.wire);
                }
            }
        }
        for (port, row) in inventory.ports_of(card) {
            let gone = truth.ports.iter().all(|reported| reported.port != *port);
            if gone && row.wire != NO_PORT {
                compare(format!("Ethernet{port}"), "present", NO_PORT);
            }
        }
        if !was_away {
            let found: BTreeSet<CardSlot> = truth.fabric_peers.iter().copied().collect();
            let words = |up| if up { "up" } else { "down" };
            for peer in known.fabric_peers.union(&found) {
                let what = format!("fabric link to card {peer}");
                let (recorded, found) = (known.fabric_peers.contains(peer), found.contains(peer));
                compare(what, words(recorded), words(found));
            }
        }
        differences
    }

    fn take_card(&mut self, card: CardSlot, truth: &Truth) {
        let inventory = &mut self.clients.inventory;
        let row = Card {
            state: CardState::Ok,
            model: truth.model.clone(),
            fabric_peers: truth.fabric_peers.iter().copied().collect(),
        };
        inventory.cards.insert(card, row);
        let slot = ChassisSlot::Card(card);
        let mut module = inventory.modules.get(&slot).cloned().unwrap_or_default();
        module.version.clone_from(&truth.image_version);
        let unchanged = inventory.modules.get(&slot) == Some(&module);
        // A card that says nothing of its image needs no row for that.
        if !unchanged && module != Module::default() {
            inventory.modules.insert(slot, module);
        }
    }

    /// Ports that the card does not have any more stay as interfaces without a link.
    fn close_missing_ports(
        &mut self,
        now: Instant,
        card: CardSlot,
        reported: &[PortTruth],
        out: &mut Outbox<RpOutput>,
    ) {
        let ports = self.clients.inventory.ports_of(card).map(|(port, _)| *port);
        let missing: Vec<PortId> = ports
            .filter(|port| reported.iter().all(|reported| reported.port != *port))
            .collect();
        for port in missing {
            self.port_status(now, port, false, out);
            let ports = &mut self.clients.inventory.ports;
            ports.edit(&port, |row| row.wire = NO_PORT.into());
        }
    }

    fn take_port(&mut self, now: Instant, reported: &PortTruth, out: &mut Outbox<RpOutput>) {
        self.clients.configuration.port_found(reported.port);
        let ports = &mut self.clients.inventory.ports;
        let before = ports.get(&reported.port).map(|port| port.link_up);
        let row = Port {
            link_up: reported.link_up,
            mac: reported.mac,
            wire: reported.wire.clone(),
        };
        ports.insert(reported.port, row);
        self.note_interface(now, reported.port, before.map(|up| up == reported.link_up));
        if before.is_some_and(|up| up != reported.link_up) {
            out.now(RpOutput::Log(log::link_changed(reported.port, reported.link_up)));
        }
        self.reconcile_port(now, reported.port, out);
    }

    /// A card's link to another card came or went.
    pub(super) fn fabric_status(&mut self, card: CardSlot, peer: CardSlot, up: bool) {
        self.clients.inventory.cards.edit(&card, |row| {
            if up {
                row.fabric_peers.insert(peer);
            } else {
                row.fabric_peers.remove(&peer);
            }
        });
    }
}

fn cut(text: &mut String, bytes_max: usize) {
    text.truncate(text.floor_char_boundary(bytes_max));
}

fn quoted(words: &str) -> String {
    if words.is_empty() {
        String::from("nothing")
    } else {
        String::from(words)
    }
}
