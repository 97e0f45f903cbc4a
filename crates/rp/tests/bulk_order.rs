//! The order in which a standby is filled.

#[path = "common/pair.rs"]
mod pair;

use checkpoint::RowReader;
use machine::RpSlot;
use pair::{Pair, truth};
use redundancy::{Body, Progression, RfState};
use rp::PeerMessage;

/// Numbers of the tables: modules, alarms, cards, ports, what the cards are told of these; commands, lines and startup configuration.
const CHASSIS: [u16; 5] = [60, 61, 1, 2, 10];
const CONFIGURATION: [u16; 3] = [5, 6, 7];

/// What was said of the order, each kind once for each time that it began.
fn steps(heard: &[PeerMessage]) -> Vec<&'static str> {
    let mut steps = Vec::new();
    for message in heard {
        match message {
            PeerMessage::Chunk(chunk) => {
                if chunk.bulk_begin {
                    steps.push("bulk begins");
                }
                for row in RowReader::new(&chunk.rows) {
                    let table = row.expect("rows can be read").table.0;
                    steps.push(match table {
                        _ if CHASSIS.contains(&table) => "chassis",
                        _ if CONFIGURATION.contains(&table) => "configuration",
                        _ => "state",
                    });
                }
                if chunk.bulk_end {
                    steps.push("bulk ends");
                }
            }
            PeerMessage::Rf(message) => match message.body {
                Body::ProgressDone(Progression::StandbyCold) => steps.push("go on from cold"),
                Body::ProgressDone(Progression::StandbyHot) => steps.push("finish"),
                _ => {}
            },
            _ => {}
        }
    }
    steps.dedup();
    steps
}

#[test]
fn req_34_the_standby_is_given_the_chassis_then_the_startup_configuration_then_the_order_to_finish() {
    let mut pair = Pair::with_cards(vec![truth(0), truth(1)]);
    let startup = "hostname Ordered\ninterface Ethernet0/0\n ip address 10.0.0.1 255.255.255.0\nend\n";
    pair.units[0].nvram = Some(startup.into());
    pair.units[1].nvram = Some("hostname Old\nend\n".into());
    // The active has discovered the chassis and parsed its configuration before anybody joins.
    pair.start(RpSlot::R0);
    pair.run_ms(5_000);
    assert_eq!(pair.state(RpSlot::R0), RfState::Active);
    pair.start(RpSlot::R1);
    pair.run_until_hot();
    let heard = steps(&pair.heard_by_r1);
    let finish = heard
        .iter()
        .position(|step| *step == "finish")
        .expect("the order to finish");
    assert_eq!(
        heard[..=finish],
        [
            "go on from cold",
            "bulk begins",
            "chassis",
            "configuration",
            "state",
            "bulk ends",
            "finish"
        ],
    );
    let standby = pair.units[1]
        .processor
        .as_ref()
        .and_then(|rp| rp.standby())
        .expect("it stands by");
    assert_eq!(standby.clients().inventory.cards.len(), 2, "number of cards");
    let models: Vec<&str> = standby
        .clients()
        .inventory
        .cards
        .iter()
        .map(|(_, card)| card.model.as_str())
        .collect();
    assert_eq!(models, ["HOLDOVER-LC"; 2], "and their type");
    assert_eq!(standby.clients().configuration.tree().hostname(), "Ordered");
    pair.run_ms(50);
    assert_eq!(pair.units[1].nvram.as_deref(), Some(startup), "over its own");
}
