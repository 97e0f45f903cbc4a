//! What FRR and BIRD see of the router when its route processors die or hang, and its sessions are carried over: nothing.

use crate::dissect::{self, Connection, Direction};
use crate::neighbourhood::{
    BATCH_LEN, HOLD_TIME, Neighbour, Neighbourhood, TOOLS, assert_nothing_lost, is_of_batch,
};
use crate::peers::Session;
use crate::tools::{now, wait_for, wait_until};
use packet::bgp::Kind;
use std::collections::BTreeSet;
use std::time::Duration;

const KILLS: usize = 10;
const STOPS: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cause {
    Killed,
    Stopped,
}

/// Neighbours that know nothing of graceful restart. Each round, one of them has just told many routes, or withdrawn
/// them, when the active dies.
#[test]
fn req_6_neighbours_without_graceful_restart_notice_nothing_of_ten_kills_and_two_stops() {
    let name = "req_6_neighbours_without_graceful_restart_notice_nothing_of_ten_kills_and_two_stops";
    let Some(_turn) = crate::ready(name, TOOLS) else {
        return;
    };
    let mut neighbourhood = Neighbourhood::start("nsr", false, "");
    neighbourhood.route_changes();
    let flows = neighbourhood.flows();
    let mut batches = BTreeSet::new();
    let mut changes_of_batches = [0; 4];
    let mut deaths = Vec::new();
    let causes = [vec![Cause::Killed; KILLS], vec![Cause::Stopped; STOPS]].concat();
    for (round, cause) in causes.into_iter().enumerate() {
        let teller = round % 4;
        changes_of_batches[teller] += BATCH_LEN;
        let death = nonstop_round(&mut neighbourhood, cause, teller, &mut batches);
        deaths.push(death);
    }
    neighbourhood.router.wait_for_pair();
    assert_nothing_lost(flows);
    for (number, changes) in neighbourhood.route_changes().into_iter().enumerate() {
        let expected: usize = changes_of_batches.iter().sum::<usize>() - changes_of_batches[number];
        let others: Vec<&String> = changes.iter().filter(|line| !is_of_batch(line)).collect();
        assert_eq!(others, Vec::<&String>::new(), "changes that nobody asked for");
        assert_eq!(changes.len(), expected, "changes of neighbour {}", number + 1);
    }
    for neighbour in &neighbourhood.neighbours {
        the_stream_went_on(neighbour, &deaths, &batches);
    }
}

/// Whether the batch of a neighbour is announced changes, and the active dies. Returns when.
fn nonstop_round(
    neighbourhood: &mut Neighbourhood,
    cause: Cause,
    teller: usize,
    batches: &mut BTreeSet<u8>,
) -> Duration {
    let old = neighbourhood.router.wait_for_pair();
    let number = neighbourhood.neighbours[teller].number;
    if batches.remove(&number) {
        neighbourhood.neighbours[teller].peer.withdraw();
    } else {
        batches.insert(number);
        neighbourhood.neighbours[teller].peer.announce();
    }
    let clock = neighbourhood.router.clock(old.peer());
    let (began_ns, began_at) = (clock(), now());
    match cause {
        Cause::Killed => neighbourhood.router.kill(old),
        Cause::Stopped => neighbourhood.router.stop(old),
    }
    wait_until("the other processor is active", || {
        neighbourhood.router.active() == Some(old.peer())
    });
    if cause == Cause::Stopped {
        for neighbour in &neighbourhood.neighbours {
            wait_until("the router speaks after the hold time", || {
                let connections = neighbour.connections();
                let said = connections
                    .iter()
                    .flat_map(|connection| &connection.from(neighbour.router_address()).messages);
                said.map(|said| said.at).max() > Some(began_at + HOLD_TIME)
            });
        }
        neighbourhood.router.wait_for_end(old);
    }
    neighbourhood.router.restart(old);
    neighbourhood.wait_for_routes(batches);
    println!(
        "{cause:?} {old:?}, {}, {} of neighbour {number}",
        neighbourhood.router.phases(old.peer(), began_ns),
        if batches.contains(&number) {
            "batch"
        } else {
            "no batch"
        }
    );
    for (neighbour, session) in neighbourhood.neighbours.iter().zip(neighbourhood.sessions()) {
        let Session {
            is_established,
            established_count,
            dropped_count,
            updates: _,
        } = session;
        assert_eq!(
            (is_established, established_count, dropped_count),
            (true, 1, 0),
            "{}",
            neighbour.name()
        );
    }
    began_at
}

/// One connection from before the first death to the end, whose messages are what the router had to say, once.
fn the_stream_went_on(neighbour: &Neighbour, deaths: &[Duration], batches: &BTreeSet<u8>) {
    let since = deaths[0];
    let name = neighbour.name();
    let session = wait_for(&format!("all that {name} counts is in the capture"), || {
        let mut connections = neighbour.connections();
        assert!(
            connections.iter().all(|connection| connection.began_at < since),
            "{name}: a call after the first death"
        );
        connections.retain(Connection::was_session);
        assert_eq!(connections.len(), 1, "{name}: {connections:?}");
        let session = connections.remove(0);
        let is_all = neighbour.was_told(&session, batches) && counters_agree(neighbour, &session);
        is_all.then_some(session)
    });
    assert_eq!(session.ends_at, Vec::<Duration>::new(), "{name}");
    for direction in &session.directions {
        assert_eq!(direction.faults, Vec::<String>::new(), "{name}");
        assert!(!direction.has_hole(), "{name}");
        assert_eq!(direction.count(Kind::Open), 1, "{name}");
        assert_eq!(direction.count(Kind::Notification), 0, "{name}");
        assert_eq!(direction.count(Kind::RouteRefresh), 0, "{name}");
    }
    let router = session.from(neighbour.router_address());
    assert_eq!(dissect::repeats(&router.messages), Vec::<String>::new(), "{name}");
    let silence = router.longest_silence(since);
    assert!(silence < HOLD_TIME, "{name}: {silence:?}");
    assert_protected(neighbour, router);
    let first_words_ms: Vec<_> = deaths
        .iter()
        .filter_map(|death| Some(router.silence_after(*death)?.as_millis()))
        .collect();
    println!(
        "{name}: {} messages of the router, of them {} UPDATEs, 0 repeated; the longest silence was {} ms; first words \
         after the deaths within {:?} ms; {} bytes sent again",
        router.messages.len(),
        router.count(Kind::Update),
        silence.as_millis(),
        first_words_ms,
        router.sent_again
    );
}

fn assert_protected(neighbour: &Neighbour, router: &Direction) {
    let (has_password, has_ttl_security) = neighbour.protection();
    let signed = if has_password { router.segment_count } else { 0 };
    assert_eq!(router.signed_count, signed, "{}", neighbour.name());
    assert!(
        !has_ttl_security || router.ttls == BTreeSet::from([255]),
        "{}: {:?}",
        neighbour.name(),
        router.ttls
    );
}

/// The daemon has counted what is in the capture, and nothing else.
fn counters_agree(neighbour: &Neighbour, session: &Connection) -> bool {
    let router = session.from(neighbour.router_address());
    let routes: usize = dissect::route_counts(&router.messages).iter().sum();
    let seen = [router.count(Kind::Update), routes].map(|count| count as u64);
    seen.contains(&neighbour.peer.session().updates)
}
