//! What cards tell a new active, against what it took over.

#[path = "common/pair.rs"]
mod pair;

use chassis::CardMessage;
use chassis::message::PortTruth;
use machine::{CardSlot, PortId, RpSlot};
use packet::MacAddress;
use pair::{Pair, truth};
use redundancy::PeerLoss;

fn two_cards() -> Pair {
    let mut pair = Pair::hot_with(vec![truth(0), truth(1)]);
    pair.type_line("enable");
    pair
}

/// R0 dies; everybody is where they were, with R1 active.
fn switch_over(pair: &mut Pair) {
    pair.kill(RpSlot::R0, PeerLoss::Killed);
    pair.run_ms(500);
    assert_eq!(pair.active(), RpSlot::R1);
    pair.type_line("enable");
}

/// What the log tells of differences, without its times.
fn differences(pair: &mut Pair) -> Vec<String> {
    let shown = pair.ask("show logging");
    let tells = |line: &&String| {
        line.contains("CARD_DIFFERS") || line.contains("UPDOWN") || line.contains("Card (cc)")
    };
    let text = |line: &String| String::from(line.split_once(": ").map_or(line.as_str(), |(_, text)| text));
    shown.iter().filter(tells).map(text).collect()
}

fn state_of(pair: &mut Pair, slot: &str) -> String {
    let shown = pair.ask("show platform");
    let line = shown
        .iter()
        .find(|line| line.starts_with(slot))
        .expect("the slot is shown");
    line[30..52].trim().into()
}

#[test]
fn req_66_nothing_is_told_of_cards_that_are_what_the_old_active_knew() {
    let mut pair = two_cards();
    let before = differences(&mut pair);
    switch_over(&mut pair);
    assert_eq!(differences(&mut pair), before, "no line has come");
    let verified = pair.ask("show redundancy idb-sync-history");
    for line in ["Ethernet0/0 index=1 verify ok", "Ethernet1/1 index=258 verify ok"] {
        assert!(
            verified.iter().any(|shown| shown.ends_with(line)),
            "{line}: {verified:?}"
        );
    }
}

#[test]
fn req_66_each_difference_between_a_card_and_its_checkpointed_rows_is_logged_after_a_switchover() {
    let mut pair = two_cards();
    let before = differences(&mut pair);
    let card = &mut pair.cards[0];
    card.model = "HOLDOVER-LC2".into();
    card.image_version = "Version 0.0.1-test".into();
    card.fabric_peers.clear();
    card.ports[0].mac = MacAddress([2, 0, 0, 0, 9, 9]);
    card.ports[0].link_up = false;
    card.ports[1].wire = "udp 127.0.0.1:1".into();
    card.ports.push(PortTruth {
        port: PortId::new(0, 2),
        link_up: true,
        mac: MacAddress([2, 0, 0, 0, 0, 2]),
        wire: "mem host02".into(),
    });
    pair.cards[1].ports.pop();
    switch_over(&mut pair);
    let told = differences(&mut pair);
    let card = "%PLATFORM-5-CARD_DIFFERS: Card in slot";
    assert_eq!(
        told[before.len()..],
        [
            format!("{card} 0: model was recorded as HOLDOVER-LC and is HOLDOVER-LC2"),
            format!("{card} 0: image was recorded as Version 0.0.0-test and is Version 0.0.1-test"),
            format!("{card} 0: Ethernet0/0 address was recorded as 0200.0000.0000 and is 0200.0000.0909"),
            format!("{card} 0: Ethernet0/1 wire was recorded as mem host01 and is udp 127.0.0.1:1"),
            format!("{card} 0: Ethernet0/2 was recorded as not present and is present"),
            format!("{card} 0: fabric link to card 1 was recorded as up and is down"),
            "%LINK-3-UPDOWN: Interface Ethernet0/0, changed state to down".into(),
            format!("{card} 1: Ethernet1/1 was recorded as present and is not present"),
            "%LINK-3-UPDOWN: Interface Ethernet1/1, changed state to down".into(),
        ]
    );
    let platform = pair.ask("show platform").join("\n");
    assert!(
        platform.contains("0         HOLDOVER-LC2 "),
        "the card is right: {platform}"
    );
    assert!(
        platform.contains("0         N/A                 Version 0.0.1-test"),
        "{platform}"
    );
    let verified = pair.ask("show redundancy idb-sync-history").join("\n");
    assert!(
        verified.contains("Ethernet0/0 index=1 verify failed, the card is right"),
        "{verified}"
    );
    pair.start(RpSlot::R0);
    pair.run_until_hot();
    let told = differences(&mut pair).len();
    pair.kill(RpSlot::R1, PeerLoss::Killed);
    pair.run_ms(500);
    pair.type_line("enable");
    assert_eq!(
        differences(&mut pair).len(),
        told,
        "what the card said is checkpointed: it is told once"
    );
}

#[test]
fn the_fabric_is_what_the_cards_say_of_their_links() {
    let mut pair = two_cards();
    assert_eq!(state_of(&mut pair, "F0"), "ok, active");
    let status = |peer, up| CardMessage::FabricStatus {
        peer: CardSlot(peer),
        up,
    };
    pair.card(CardSlot(0), status(1, false));
    assert_eq!(state_of(&mut pair, "F0"), "degraded, active");
    let alarms = pair.ask("show facility-alarm status").join("\n");
    assert!(
        alarms.contains("slot 0 ") && alarms.contains("CRITICAL      Fabric Link Down [9]"),
        "{alarms}"
    );
    pair.card(CardSlot(1), status(0, false));
    assert_eq!(state_of(&mut pair, "F0"), "out of service");
    // The cards have run on, and say the same to the successor.
    pair.cards[0].fabric_peers.clear();
    pair.cards[1].fabric_peers.clear();
    switch_over(&mut pair);
    assert_eq!(state_of(&mut pair, "F0"), "out of service");
    assert!(
        !differences(&mut pair).iter().any(|line| line.contains("fabric")),
        "it was checkpointed"
    );
    pair.card(CardSlot(0), status(1, true));
    pair.card(CardSlot(1), status(0, true));
    assert_eq!(state_of(&mut pair, "F0"), "ok, active");
    let alarms = pair.ask("show facility-alarm status").join("\n");
    assert!(!alarms.contains("Fabric"), "{alarms}");
}

#[test]
fn a_card_without_a_neighbour_has_a_fabric_that_lacks_nothing() {
    let mut alone = truth(0);
    alone.fabric_peers.clear();
    let mut pair = Pair::hot_with(vec![alone]);
    pair.type_line("enable");
    assert_eq!(state_of(&mut pair, "F0"), "ok, active");
}
