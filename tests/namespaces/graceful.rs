//! What FRR and BIRD do when sessions are not carried over, but come again: they help.

use crate::dissect::{self, Connection, Direction};
use crate::neighbourhood::{Neighbour, Neighbourhood, TOOLS, assert_nothing_lost};
use crate::tools::{PATIENCE, wait_for, wait_until};
use packet::bgp::{AfiSafi, Capability, Kind, Open};
use std::collections::BTreeSet;
use std::time::Instant;

const KILLS: usize = 10;

/// Neighbours that help, and a router whose sessions do not survive.
#[test]
fn req_4_neighbours_with_graceful_restart_keep_all_routes_through_ten_kills() {
    let name = "req_4_neighbours_with_graceful_restart_keep_all_routes_through_ten_kills";
    let Some(_turn) = crate::ready(name, TOOLS) else {
        return;
    };
    let settings = " bgp graceful-restart\n no bgp ha-mode sso\n";
    let mut neighbourhood = Neighbourhood::start("gr", true, settings);
    neighbourhood.route_changes();
    let flows = neighbourhood.flows();
    let none = BTreeSet::new();
    for round in 1..=KILLS as u64 {
        let old = neighbourhood.router.wait_for_pair();
        let clock = neighbourhood.router.clock(old.peer());
        let (began_ns, began) = (clock(), Instant::now());
        neighbourhood.router.kill(old);
        wait_until("all sessions are there again, and all routes refreshed", || {
            neighbourhood.neighbours.iter().all(|neighbour| {
                let session = neighbour.session();
                session.is_established
                    && session.established_count > round
                    && !neighbour.peer.keeps_stale_routes()
            })
        });
        println!(
            "Killed {old:?}, {}, all refreshed after {} ms",
            neighbourhood.router.phases(old.peer(), began_ns),
            began.elapsed().as_millis()
        );
        neighbourhood.router.restart(old);
        neighbourhood.wait_for_routes(&none);
    }
    assert_nothing_lost(flows);
    for (neighbour, changes) in neighbourhood.route_changes().into_iter().enumerate() {
        assert_eq!(changes, Vec::<String>::new(), "neighbour {}", neighbour + 1);
    }
    for neighbour in &neighbourhood.neighbours {
        let session = neighbour.session();
        assert_eq!(
            (session.established_count, session.dropped_count),
            (KILLS as u64 + 1, KILLS as u64),
            "{}",
            neighbour.name()
        );
        restarts_were_graceful(neighbour);
    }
}

/// Each session but the first begins as one of a router that has restarted and forwarded meanwhile, and tells all routes
/// before its End-of-RIB.
fn restarts_were_graceful(neighbour: &Neighbour) {
    let name = neighbour.name();
    let end = Instant::now() + PATIENCE;
    let sessions = wait_for("the capture has seen all sessions", || {
        let mut connections = neighbour.connections();
        connections.retain(Connection::was_session);
        let told = connections
            .iter()
            .filter(|session| neighbour.was_told(session, &BTreeSet::new()))
            .count();
        (told == KILLS + 1 || Instant::now() > end).then_some(connections)
    });
    let courses = || sessions.iter().map(Connection::to_string).collect::<Vec<_>>();
    assert_eq!(sessions.len(), KILLS + 1, "{name}: {:#?}", courses());
    for (number, session) in sessions.iter().enumerate() {
        let router = session.from(neighbour.router_address());
        assert_eq!(router.faults, Vec::<String>::new(), "{name}");
        assert_eq!(
            opened_as_restarted(router),
            number > 0,
            "{name}: session {number}"
        );
        assert_eq!(
            dissect::repeats(&router.messages),
            Vec::<String>::new(),
            "{name}: session {number}"
        );
        let updates: Vec<_> = router
            .messages
            .iter()
            .filter(|said| said.kind == Kind::Update)
            .collect();
        let ends = updates.iter().filter(|said| dissect::is_end_of_rib(said)).count();
        assert_eq!(ends, 1, "{name}: End-of-RIB in session {number}");
        // At the beginning, sessions with the others may come later than this one.
        let is_last = updates.last().is_some_and(|said| dissect::is_end_of_rib(said));
        assert!(
            number == 0 || is_last,
            "{name}: UPDATEs after End-of-RIB in session {number}"
        );
    }
}

/// Whether the OPEN says that the sender has restarted; if so, it says too that it forwarded meanwhile.
fn opened_as_restarted(router: &Direction) -> bool {
    let body = &router.messages[0].body;
    let open = Open::parse(body).expect("an OPEN");
    let restart = open.capabilities().find_map(|capability| match capability {
        Capability::GracefulRestart(restart) => Some(restart),
        _ => None,
    });
    let restart = restart.expect("the capability of graceful restart");
    assert!(restart.notification, "the N bit of RFC 8538");
    let families: Vec<_> = restart.families().collect();
    let [(AfiSafi::IPV4_UNICAST, forwarded)] = families[..] else {
        panic!("one family: {families:?}");
    };
    assert!(forwarded || !restart.restarted, "forwarding went on");
    restart.restarted
}
