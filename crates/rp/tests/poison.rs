//! A step of BGP that kills a route processor kills one: the successor goes on without that step, and with every other
//! session.

#[path = "common/bgp_neighbor.rs"]
mod bgp_neighbor;
#[path = "common/network.rs"]
mod network;
#[path = "common/pair.rs"]
mod pair;

use bgp::step_session;
use machine::{RpSlot, StepKind};
use network::Network;
use pair::traps::Trap;
use redundancy::PeerLoss;
use rp::{Quarantine, QuarantineKey};
use std::net::IpAddr;

impl Network {
    /// A step for this neighbour (none: for nobody alone) kills who of these makes it.
    fn plant(&self, slots: &[RpSlot], kind: StepKind, number: Option<u8>) {
        for slot in slots {
            self.pair.notes[slot.index()].plant(Some(Trap {
                kind,
                session: number.map_or(0, |number| step_session(address(number))),
            }));
        }
    }

    fn unplant(&self) {
        for notes in &self.pair.notes {
            notes.plant(None);
        }
    }

    fn quarantines(&self) -> Vec<(QuarantineKey, Quarantine)> {
        let active = self.pair.rp(self.pair.active()).active().expect("it is active");
        let rows = active.clients.bgp_quarantines.iter();
        rows.map(|(key, row)| (*key, *row)).collect()
    }

    fn type_line(&mut self, line: &str) {
        self.pair.type_each(&["enable", line]);
    }
}

fn address(number: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, number])
}

/// What makes a route processor take this step for a neighbour.
fn provoke(network: &mut Network, kind: StepKind, number: u8) {
    match kind {
        StepKind::Parse | StepKind::Pack => network.announce(number, "192.0.2.0/24"),
        StepKind::Decide => {
            let line = format!("clear ip bgp 10.0.0.{number} soft in");
            network.type_line(&line);
        }
        StepKind::Timer => {}
    }
}

fn one_session_pays(kind: StepKind) {
    let mut network = Network::hot(&[2, 3, 4]);
    network.announce(2, "198.51.100.0/24");
    network.announce(3, "203.0.113.0/24");
    network.run_s(2);
    assert_eq!(network.neighbor(4).routes.len(), 2);
    let dead = network.pair.active();
    // The successor takes out the routes of that neighbour: to decide about them must not be deadly again here.
    match kind {
        StepKind::Decide => network.plant(&[dead], kind, Some(2)),
        _ => network.plant(&RpSlot::ALL, kind, Some(2)),
    }
    provoke(&mut network, kind, 2);
    network.run_s(60);
    assert_ne!(network.pair.active(), dead, "{kind}: it has died of that step");
    let quarantines = network.quarantines();
    assert_eq!(quarantines.len(), 1, "{kind}: {quarantines:?}");
    assert_eq!(quarantines[0].0, QuarantineKey::Neighbor(address(2)));
    assert_eq!(quarantines[0].1.step, kind);
    let survivor = network.pair.active();
    let line = format!("%BGP-2-QUARANTINE: neighbor 10.0.0.2 Quarantined (step {kind}, offset ");
    assert_eq!(network.pair.logged(survivor, &line), 1);
    for number in [3, 4] {
        let neighbor = network.neighbor(number);
        let told = (neighbor.is_established, neighbor.established, neighbor.lost);
        assert_eq!(told, (true, 1, 0), "{kind}: neighbour {number} noticed nothing");
    }
    assert_eq!(
        network.neighbor(4).routes.len(),
        1,
        "{kind}: routes of a quarantined neighbour are withdrawn"
    );
    let neighbor = network.neighbor(2);
    assert_eq!((neighbor.is_established, neighbor.lost), (false, 1), "{kind}");
    assert_eq!(neighbor.established, 1, "{kind}: it does not come back by itself");

    // The next switchover remembers it, and an operator ends it.
    network.pair.run_until_hot();
    let active = network.pair.active();
    network.pair.kill(active, PeerLoss::Killed);
    network.pair.start(active);
    network.run_s(5);
    assert_eq!(network.quarantines().len(), 1);
    assert!(!network.neighbor(2).is_established);
    network.unplant();
    network.type_line("clear ip bgp 10.0.0.2");
    network.run_s(30);
    assert_eq!(network.quarantines(), []);
    network.assert_established(&[2, 3, 4]);
    assert_eq!(network.neighbor(3).lost, 0);
}

#[test]
fn what_kills_the_parser_costs_the_session_that_it_came_from() {
    one_session_pays(StepKind::Parse);
}

#[test]
fn what_kills_the_decision_process_costs_the_session_whose_routes_it_walks() {
    one_session_pays(StepKind::Decide);
}

#[test]
fn what_kills_packing_costs_the_session_whose_routes_are_packed() {
    one_session_pays(StepKind::Pack);
}

#[test]
fn what_kills_a_timer_costs_the_session_whose_timer_it_is() {
    one_session_pays(StepKind::Timer);
}

#[test]
fn a_kill_in_the_middle_of_a_step_costs_nobody_a_session() {
    let mut network = Network::hot(&[2, 3]);
    let active = network.pair.active();
    // As a process leaves it that is killed while it parses.
    let note = machine::StepNote {
        client: redundancy::client::BGP.id.0,
        kind: StepKind::Parse,
        session: step_session(address(2)),
        offset: 0,
        digest: 0,
    };
    machine::StepNotes::begin(&network.pair.notes[active.index()], note);
    network.pair.kill(active, PeerLoss::Killed);
    network.run_s(60);
    assert_eq!(network.quarantines(), []);
    network.assert_established(&[2, 3]);
    assert_eq!((network.neighbor(2).lost, network.neighbor(3).lost), (0, 0));
}

#[test]
fn a_step_of_nobody_alone_starts_bgp_anew_and_the_third_death_in_a_minute_ends_it_until_an_operator_starts_it()
 {
    let mut network = Network::hot(&[2, 3]);
    network.announce(2, "198.51.100.0/24");
    network.run_s(2);
    let kill = |network: &mut Network| {
        let dead = network.pair.active();
        network.plant(&[dead], StepKind::Decide, None);
        for _ in 0..20 {
            network.run_s(1);
            if network.pair.rp(network.pair.active()).slot() != dead {
                break;
            }
        }
        assert_ne!(network.pair.active(), dead);
        network.unplant();
    };
    for time in 1..=2 {
        kill(&mut network);
        network.run_s(10);
        let log = network.pair.active();
        assert_eq!(
            network.pair.logged(log, "%BGP-2-STARTANEW"),
            time.min(1),
            "death {time}"
        );
        network.assert_established(&[2, 3]);
        assert_eq!(
            network.neighbor(2).lost,
            time as u32,
            "death {time}: sessions start again"
        );
        assert_eq!(network.quarantines(), [], "what was left over is gone");
        network.pair.run_until_hot();
    }
    kill(&mut network);
    network.run_s(30);
    let active = network.pair.active();
    assert_eq!(network.pair.logged(active, "%BGP-1-NOTSTARTED"), 1);
    assert!(!network.neighbor(2).is_established && !network.neighbor(3).is_established);
    let keys: Vec<QuarantineKey> = network.quarantines().iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, [QuarantineKey::Everything]);
    let shown = network.pair.ask("show ip route");
    assert!(
        !shown.iter().any(|line| line.contains("198.51.100.0")),
        "routes of a BGP that does not run: {shown:?}"
    );
    network.type_line("clear ip bgp *");
    network.run_s(30);
    network.assert_established(&[2, 3]);
}

#[test]
fn two_units_that_die_in_turn_before_either_is_hot_are_no_loop() {
    let mut network = Network::hot(&[2, 3]);
    network.announce(2, "198.51.100.0/24");
    network.run_s(2);
    // Every decision about that neighbour's routes is deadly: taking them out, as the successor does, is one.
    network.plant(&RpSlot::ALL, StepKind::Decide, Some(2));
    provoke(&mut network, StepKind::Decide, 2);
    network.run_s(60);
    assert_eq!(network.pair.deaths.len(), 2);
    let keys: Vec<QuarantineKey> = network.quarantines().iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, [QuarantineKey::Neighbor(address(2))]);
    network.assert_established(&[3]);
    assert!(!network.neighbor(2).is_established);
}
