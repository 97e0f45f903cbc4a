//! A restart without tables (RFC 4724), and takeovers in the middle of it: neighbours and cards keep what they have until
//! everybody has told everything, whoever is active meanwhile.

mod common;

use bgp::fsm::State;
use bgp::{NeighborConfig, Offer};
use common::*;
use machine::Duration;
use packet::bgp::{Context, Kind, Open, Update};
use std::collections::BTreeMap;

/// Routes of nodes 1, 2 and 0.
const ROUTES: [u32; 3] = [20, 30, 35];
/// UPDATEs without any route: End-of-RIB.
const END_OF_RIB: &[u8] = &[0, 0, 0, 0];

/// Node 0 has two neighbours that help, and has just lost its tables.
fn restarted() -> World {
    restarted_with(|_, config| config.graceful_restart = true)
}

fn restarted_with(change: impl Fn(usize, &mut NeighborConfig)) -> World {
    let mut world = World::new(3);
    world.has_ages = true;
    world.originate(1, networks(ROUTES[0]));
    world.originate(2, networks(ROUTES[1]).skip(ROUTES[0] as usize));
    for other in [1, 2] {
        world.join(0, other, |config| {
            config.connect_retry_time_s = 5;
            change(other, config);
        });
    }
    originate_own(&mut world);
    world.settle();
    for node in 0..3 {
        assert_eq!(world.routes(node).len(), ROUTES[2] as usize);
    }
    world.restart_without_tables(0);
    let awaited: Vec<_> = [1, 2]
        .into_iter()
        .filter(|other| world.configs[0][&peer_id(*other)].graceful_restart)
        .map(peer_id)
        .collect();
    world.turn(0, |speaker, now, _| speaker.restarted(now, awaited));
    originate_own(&mut world);
    world
}

fn originate_own(world: &mut World) {
    world.originate(0, networks(ROUTES[2]).skip(ROUTES[1] as usize));
}

/// The configuration is read: sessions start.
fn start_sessions(world: &mut World) {
    for (peer, config) in world.configs[0].clone() {
        world.configure(0, usize::from(peer.0) - 1, config);
    }
}

/// What node 0 has told a neighbour in its last session: how often each prefix, and what its UPDATEs were.
fn told(world: &World, other: usize) -> (BTreeMap<String, u32>, Vec<Vec<u8>>) {
    let connection = world
        .connections
        .iter()
        .rposition(|connection| connection.nodes.contains(&other));
    let connection = connection.expect("it was connected to");
    let nodes = world.connections[connection].nodes;
    let side = nodes.iter().position(|node| *node == 0).expect("with node 0");
    let messages = world.messages(connection, side);
    let open = messages.iter().find(|(kind, _)| *kind == Kind::Open);
    let open = Open::parse(&open.expect("it was established").1).expect("an OPEN");
    let graceful = Offer::of(&open).graceful.expect("graceful restart");
    assert!(
        graceful.restarted,
        "neighbour {other} is told that we have restarted"
    );
    let updates = messages.into_iter().filter(|(kind, _)| *kind == Kind::Update);
    let updates: Vec<Vec<u8>> = updates.map(|(_, body)| body).collect();
    let context = Context {
        four_octet_as: true,
        internal: false,
        confederation: false,
        first_as: None,
        ipv4: true,
        ipv6: false,
    };
    let mut counts = BTreeMap::new();
    for body in &updates {
        let update = Update::parse(body).expect("an UPDATE");
        let reading = update.read(&context).expect("an UPDATE");
        assert_eq!(reading.withdrawn.count(), 0, "nothing is withdrawn");
        for prefix in reading.reachable {
            *counts.entry(prefix.to_string()).or_insert(0) += 1;
        }
    }
    (counts, updates)
}

/// Lets the restart happen; the active dies `deaths` times in a row after so many steps. Returns how many steps it took.
fn run(deaths_after: Option<usize>, deaths: u32) -> usize {
    let mut world = restarted();
    start_sessions(&mut world);
    let mut steps = 0;
    for _ in 0..60 {
        while world.step() {
            if deaths_after == Some(steps) {
                assert!(world.speaker(0).is_deferring() || is_over(&world));
                let waited = world.speaker(0).is_deferring();
                for _ in 0..deaths {
                    world.promote(0);
                    assert_eq!(world.speaker(0).is_deferring(), waited, "after {steps} steps");
                }
            }
            steps += 1;
            let is_complete = world.routes(0).len() == ROUTES[2] as usize;
            // As long as that holds, the routing table holds back the sweep of what cards have.
            assert!(
                world.speaker(0).is_deferring() || is_complete,
                "after {steps} steps"
            );
            for other in [1, 2] {
                let kept = world.routes(other).len();
                assert_eq!(kept, ROUTES[2] as usize, "neighbour {other} after {steps} steps");
            }
        }
        world.pass(Duration::from_secs(1));
    }
    assert!(!world.speaker(0).is_deferring(), "it does not wait for its time");
    for other in [1, 2] {
        let why = format!("neighbour {other}, deaths after {deaths_after:?} steps");
        let (counts, updates) = told(&world, other);
        let own = ROUTES[other - 1] - if other == 2 { ROUTES[0] } else { 0 };
        assert_eq!(counts.len(), (ROUTES[2] - own) as usize, "{why}");
        assert!(
            counts.values().all(|count| *count == 1),
            "{why}: told once: {counts:?}"
        );
        let ends = updates.iter().filter(|body| *body == END_OF_RIB).count();
        assert_eq!(ends, 1, "{why}: End-of-RIB");
        assert_eq!(
            updates.last().map(Vec::as_slice),
            Some(END_OF_RIB),
            "{why}: it comes last"
        );
    }
    steps
}

fn is_over(world: &World) -> bool {
    [1, 2].into_iter().all(|other| {
        let session = world.speaker(0).sessions.get(&peer_id(other));
        session.is_some_and(|session| !session.ended.is_empty())
    })
}

#[test]
fn a_takeover_at_any_step_of_a_restart_goes_on_with_it() {
    let steps = run(None, 0);
    assert!(steps > 20, "{steps}");
    for after in 0..steps {
        run(Some(after), 1);
    }
}

#[test]
fn a_second_takeover_directly_after_the_first_goes_on_with_it_too() {
    let steps = run(None, 0);
    for after in 0..steps {
        run(Some(after), 2);
    }
}

#[test]
fn a_neighbour_without_graceful_restart_ends_nothing_after_a_takeover() {
    let mut world = restarted_with(|other, config| config.graceful_restart = other == 1);
    world.promote(0);
    let helper = world.configs[0].remove(&peer_id(1)).expect("it is configured");
    world.dead[1] = true;
    start_sessions(&mut world);
    world.configs[0].insert(peer_id(1), helper.clone());
    world.configure(0, 1, helper);
    world.pass(Duration::from_secs(30));
    assert_eq!(world.speaker(0).state(peer_id(2)), Some(State::Established));
    assert!(
        world.speaker(0).is_deferring(),
        "the other one has not told its routes"
    );
    world.promote(0);
    assert!(world.speaker(0).is_deferring());
    world.dead[1] = false;
    world.pass(Duration::from_secs(180));
    assert!(!world.speaker(0).is_deferring());
    assert_eq!(world.routes(2).len(), ROUTES[2] as usize);
}

#[test]
fn the_time_of_a_wait_does_not_start_anew_with_a_takeover() {
    let mut world = restarted();
    world.dead[1] = true;
    start_sessions(&mut world);
    for _ in 0..3 {
        world.pass(Duration::from_secs(100));
        world.promote(0);
    }
    world.pass(Duration::from_secs(50));
    assert!(world.speaker(0).is_deferring(), "after 350 s");
    world.pass(Duration::from_secs(15));
    assert!(!world.speaker(0).is_deferring(), "after 365 s");
}

#[test]
fn nobody_waits_for_who_may_not_come_back_or_is_not_configured_any_more() {
    for is_removed in [false, true] {
        let mut world = restarted();
        world.dead[1] = true;
        start_sessions(&mut world);
        world.pass(Duration::from_secs(20));
        assert!(world.speaker(0).is_deferring());
        if is_removed {
            let peer = peer_id(1);
            world.input(0, bgp::SpeakerInput::Remove { peer });
        } else {
            // As in quarantine, because the last active died of it.
            world.configs[0]
                .entry(peer_id(1))
                .and_modify(|config| config.shutdown = true);
            world.promote(0);
        }
        assert!(!world.speaker(0).is_deferring(), "removed: {is_removed}");
    }
}
