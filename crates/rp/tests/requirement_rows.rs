//! Requirements that are about the pair and its cards.

#[path = "common/pair.rs"]
mod pair;

use chassis::CardMessage;
use machine::{CardSlot, ChassisSlot, PortId, RpSlot};
use pair::{Pair, truth};
use redundancy::PeerLoss;
use rp::{CardState, Inventory, PlatformInput, RpInput, SlotPower};

fn inventory_of_standby(pair: &Pair) -> &Inventory {
    let processor = pair.units[1].processor.as_ref().expect("R1 runs");
    &processor.standby().expect("R1 stands by").clients().inventory
}

/// Both units see the power of card 1's slot.
fn power(pair: &mut Pair, power: SlotPower) {
    let slot = ChassisSlot::Card(CardSlot(1));
    for unit in RpSlot::ALL {
        pair.feed(unit, RpInput::Platform(PlatformInput::Power { slot, power }));
    }
    pair.run_ms(20);
}

#[test]
fn req_43_insertion_and_removal_of_a_card_reach_the_standby_and_are_what_the_successor_knows() {
    let mut pair = Pair::with_cards(vec![truth(0), truth(1)]);
    // The chassis has the slot, and there is nothing in it.
    pair.cards.pop();
    pair.start(RpSlot::R0);
    pair.start(RpSlot::R1);
    pair.run_until_hot();
    power(&mut pair, SlotPower::Empty);
    assert_eq!(inventory_of_standby(&pair).cards.len(), 1);
    // Put in: it boots, and connects to the active.
    power(&mut pair, SlotPower::On);
    pair.insert(truth(1));
    let inventory = inventory_of_standby(&pair);
    let card = inventory
        .cards
        .get(&CardSlot(1))
        .expect("the standby knows the card");
    assert_eq!((card.state, card.model.as_str()), (CardState::Ok, "HOLDOVER-LC"));
    assert_eq!(inventory.ports_of(CardSlot(1)).count(), 2);
    // Pulled out.
    pair.cards.pop();
    power(&mut pair, SlotPower::Empty);
    let inventory = inventory_of_standby(&pair);
    assert_eq!(
        inventory.cards.get(&CardSlot(1)).map(|card| card.state),
        Some(CardState::Lost)
    );
    let module = inventory.modules.get(&ChassisSlot::Card(CardSlot(1)));
    assert_eq!(module.map(|row| row.power), Some(SlotPower::Empty));
    pair.kill(RpSlot::R0, PeerLoss::Killed);
    pair.run_ms(3_000);
    pair.type_line("enable");
    let shown = pair.ask("show platform").join("\n");
    assert!(
        shown.contains("\n1                             empty "),
        "{shown}"
    );
    let log = pair.ask("show logging").join("\n");
    for line in [
        "Card (cc) inserted in slot 1",
        "Card (cc) online in slot 1",
        "Card (cc) removed from slot 1",
    ] {
        assert_eq!(log.matches(line).count(), 1, "{line}: {log}");
    }
}

#[test]
fn req_44_the_states_of_the_cards_are_in_the_bulk_and_each_later_event_follows() {
    let mut down = truth(0);
    down.ports[1].link_up = false;
    let mut pair = Pair::hot_with(vec![down, truth(1)]);
    let port = |number| PortId::new(0, number);
    let link_up = |pair: &Pair, port| inventory_of_standby(pair).ports.get(&port).map(|row| row.link_up);
    assert_eq!(link_up(&pair, port(0)), Some(true), "in the bulk");
    assert_eq!(link_up(&pair, port(1)), Some(false), "in the bulk");
    assert!(inventory_of_standby(&pair).is_up(PortId::new(1, 0)));
    for (port, up) in [(port(1), true), (port(0), false), (port(1), false)] {
        pair.card(CardSlot(0), CardMessage::PortStatus { port, link_up: up });
        assert_eq!(link_up(&pair, port), Some(up), "{port}");
    }
    let peer = CardSlot(1);
    pair.card(CardSlot(0), CardMessage::FabricStatus { peer, up: false });
    let row = inventory_of_standby(&pair)
        .cards
        .get(&CardSlot(0))
        .expect("the card");
    assert!(!row.fabric_peers.contains(&peer));
    // Alarms are status too.
    pair.run_ms(200);
    let raised = |pair: &Pair| {
        let alarms = &inventory_of_standby(pair).alarms;
        alarms
            .iter()
            .map(|(id, _)| id.kind.description())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        raised(&pair),
        [
            "Physical Port Link Down",
            "Physical Port Link Down",
            "Fabric Link Down"
        ]
    );
}

#[test]
fn req_68_a_route_processor_says_nothing_to_a_card_unless_it_holds_the_activity() {
    let mut pair = Pair::hot_with(vec![truth(0), truth(1)]);
    pair.type_line("enable");
    let status = |up| CardMessage::PortStatus {
        port: PortId::new(0, 0),
        link_up: up,
    };
    for up in [false, true] {
        pair.card(CardSlot(0), status(up));
    }
    pair.type_each(&[
        "configure terminal",
        "interface Ethernet0/0",
        "ip address 10.0.0.1 255.255.255.0",
        "end",
    ]);
    pair.run_ms(1_000);
    let spoke = std::mem::take(&mut pair.spoke_to_cards);
    assert!(spoke.contains(&(RpSlot::R0, true)), "the active does: {spoke:?}");
    assert!(
        spoke.iter().all(|who| *who == (RpSlot::R0, true)),
        "nobody else does: {spoke:?}"
    );
    // Not before it has won the claim, and the old one not after it has lost it.
    pair.kill(RpSlot::R0, PeerLoss::Killed);
    pair.run_ms(2_000);
    pair.start(RpSlot::R0);
    pair.run_until_hot();
    let spoke = std::mem::take(&mut pair.spoke_to_cards);
    assert!(!spoke.is_empty());
    assert!(spoke.iter().all(|who| *who == (RpSlot::R1, true)), "{spoke:?}");
}

#[test]
fn req_86_show_version_and_show_diag_tell_the_image_of_each_route_processor_and_card() {
    let mut pair = Pair::with_cards(vec![truth(0)]);
    pair.configure = |slot, config| {
        config.image_version = format!("Version 1.{}", slot.index());
    };
    pair.start(RpSlot::R0);
    pair.run_ms(3_000);
    pair.start(RpSlot::R1);
    pair.run_ms(3_000);
    pair.type_line("enable");
    let shown = pair.ask("show version").join("\n");
    for line in [
        "Image of R0 (active): Holdover Software, Version 1.0\n",
        "Image of R1 (standby): Holdover Software, Version 1.1\n",
        "Image of card 0: Holdover Software, Version 0.0.0-test\n",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    for (slot, version) in [
        ("R0", "Version 1.0"),
        ("R1", "Version 1.1"),
        ("0", "Version 0.0.0-test"),
    ] {
        let shown = pair.ask(&format!("show diag slot {slot} details")).join("\n");
        assert!(
            shown.contains(&format!("\tSoftware Version         : {version}\n")),
            "{slot}: {shown}"
        );
    }
    let summary = pair.ask("show diag summary").join("\n");
    for unit in ["Chassis ", "slot 0 ", "slot R0 ", "slot R1 "] {
        assert!(summary.contains(unit), "{unit}: {summary}");
    }
    let chassis = pair.ask("show diag chassis");
    assert_eq!(chassis[0], "MIDPLANE EEPROM data:");
    assert_eq!(
        pair.ask("show diag subslot 0/1")[0],
        "SPA EEPROM data for subslot 0/1:"
    );
}
