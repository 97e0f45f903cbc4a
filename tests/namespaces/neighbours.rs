//! FRR and BIRD as each other's neighbours, without the router: what the tests of the router's sessions look at is there
//! to be seen, and moves when something happens.

use crate::dissect::{self, Connection};
use crate::flow::Flow;
use crate::lab;
use crate::peers::{Bird, Frr, Peer, Peering, RouteMonitor, kernel_routes};
use crate::tools::{Capture, Namespace, wait_until};
use packet::bgp::Kind;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

const TOOLS: &[&str] = &["ip", "tcpdump", "zebra", "bgpd", "bird"];
const LINKS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 86, 0, 1), Ipv4Addr::new(10, 86, 0, 2)];
const HOLD_TIME: Duration = Duration::from_secs(3);
/// Routes in a batch.
const BATCH_LEN: usize = 50;
const HOMES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 91, 0, 1), Ipv4Addr::new(10, 92, 0, 1)];

/// FRR (0) and BIRD (1), joined by a veth pair.
struct Pair {
    peers: [Box<dyn Peer>; 2],
    captures: Vec<Capture>,
    namespaces: [Namespace; 2],
}

impl Pair {
    /// Starts them, and waits until each has the other's routes in its kernel.
    fn start(label: &str, adjust: impl Fn(&mut Peering)) -> Pair {
        let namespaces = ["frr", "bird"]
            .map(|role| Namespace::add(&format!("hold-{label}-{role}-{}", std::process::id())));
        let [frr, bird] = &namespaces;
        lab::attach(frr, bird, "other", &LINKS[0].to_string());
        let name = bird.name();
        crate::tools::ip(&format!("-n {name} link set other name eth0"));
        crate::tools::ip(&format!("-n {name} address add {}/24 dev eth0", LINKS[1]));
        crate::tools::ip(&format!("-n {name} link set eth0 up"));
        for (namespace, home) in namespaces.iter().zip(HOMES) {
            crate::tools::ip(&format!("-n {} address add {home}/32 dev lo", namespace.name()));
        }
        let captures = vec![Capture::start(frr, 65535, "tcp port 179")];
        let [of_frr, of_bird] = [0, 1].map(|which| {
            let mut peering = peering(which);
            adjust(&mut peering);
            peering
        });
        let peers: [Box<dyn Peer>; 2] = [
            Box::new(Frr::start(frr, of_frr)),
            Box::new(Bird::start(bird, &of_bird)),
        ];
        let pair = Pair {
            peers,
            captures,
            namespaces,
        };
        wait_until("routes are in both kernels", || {
            pair.kernels() == [network(1), network(0)].map(|network| BTreeSet::from([network]))
        });
        pair
    }

    fn kernels(&self) -> [BTreeSet<String>; 2] {
        self.namespaces.each_ref().map(kernel_routes)
    }

    fn flows(&self) -> [Flow; 2] {
        let ends = [0, 1].map(|which| (&self.namespaces[which], HOMES[which]));
        [Flow::start(ends[0], ends[1]), Flow::start(ends[1], ends[0])]
    }

    /// The one session among what the capture has seen so far.
    fn session(&self) -> Connection {
        let mut connections = dissect::connections(&self.captures[0].frames());
        connections.retain(Connection::was_session);
        assert_eq!(connections.len(), 1, "{connections:?}");
        connections.remove(0)
    }
}

fn network(which: usize) -> String {
    format!("10.{}.0.0/24", 91 + which)
}

/// External, nothing but the plain protocol.
fn peering(which: usize) -> Peering {
    let numbers = [65001, 65002];
    Peering {
        local: LINKS[which],
        local_as: numbers[which],
        remote: LINKS[1 - which],
        remote_as: numbers[1 - which],
        password: None,
        ttl_security: false,
        hold_time_s: HOLD_TIME.as_secs() as u16,
        graceful_restart: false,
        announced: vec![network(which)],
        batch: (0..BATCH_LEN)
            .map(|third| format!("10.{}.{third}.0/24", 101 + which))
            .collect(),
        behind: Vec::new(),
    }
}

#[test]
fn frr_and_bird_tell_of_their_session_and_of_its_end() {
    let Some(_turn) = crate::ready("frr_and_bird_tell_of_their_session_and_of_its_end", TOOLS) else {
        return;
    };
    let mut pair = Pair::start("ebgp", |peering| {
        peering.password = Some("of-rfc-2385");
        peering.ttl_security = true;
    });
    let mut monitors = pair.namespaces.each_ref().map(RouteMonitor::start);
    let flows = pair.flows();
    let before = pair.peers.each_ref().map(|peer| peer.session());
    for session in &before {
        assert_eq!(
            (
                session.is_established,
                session.established_count,
                session.dropped_count
            ),
            (true, 1, 0)
        );
    }
    for which in [0, 1] {
        assert_eq!(
            pair.peers[which].routes(),
            BTreeSet::from([network(1 - which)]),
            "routes of {which}"
        );
    }
    batches_come_and_go(&pair);
    let losses = flows.map(Flow::finish);
    assert!(losses.iter().all(|losses| losses.is_none()), "{losses:?}");
    let after = pair.peers.each_ref().map(|peer| peer.session());
    for (before, after) in before.iter().zip(&after) {
        assert!(after.updates > before.updates, "{after:?}");
        assert_eq!((after.established_count, after.dropped_count), (1, 0));
    }
    for monitor in &mut monitors {
        let changes = monitor.changes();
        let deleted = changes.iter().filter(|line| line.starts_with("Deleted")).count();
        assert_eq!((changes.len(), deleted), (100, 50), "{changes:?}");
    }
    wait_until("the capture has seen all", || {
        LINKS
            .iter()
            .all(|address| dissect::route_counts(&pair.session().from(*address).messages)[1] >= BATCH_LEN)
    });
    the_stream_is_as_it_should_be(&pair.session());
    a_death_is_noticed(&mut pair, &mut monitors);
}

/// Each announces and withdraws a batch; the other one's kernel has it and has it not.
fn batches_come_and_go(pair: &Pair) {
    let sizes = |expected: [usize; 2]| {
        wait_until(&format!("the kernels have {expected:?} routes"), || {
            pair.kernels().map(|routes| routes.len()) == expected
        });
    };
    pair.peers[0].announce();
    sizes([1, 51]);
    pair.peers[1].announce();
    sizes([51, 51]);
    pair.peers[0].withdraw();
    sizes([51, 1]);
    pair.peers[1].withdraw();
    sizes([1, 1]);
}

fn the_stream_is_as_it_should_be(session: &Connection) {
    assert!(session.ends_at.is_empty());
    for (which, address) in LINKS.iter().enumerate() {
        let direction = session.from(*address);
        assert_eq!(direction.faults, Vec::<String>::new());
        assert!(!direction.has_hole());
        assert_eq!(direction.count(Kind::Open), 1);
        assert_eq!(direction.count(Kind::Notification), 0);
        assert!(direction.count(Kind::Update) >= 3);
        assert_eq!(dissect::repeats(&direction.messages), Vec::<String>::new());
        assert!(dissect::announced(&direction.messages).contains(&network(which)));
        assert_eq!(direction.signed_count, direction.segment_count);
        assert_eq!(direction.ttls, BTreeSet::from([255]));
        assert!(direction.longest_silence(Duration::ZERO) < HOLD_TIME);
    }
}

/// All that is looked at moves when `bgpd` is killed.
fn a_death_is_noticed(pair: &mut Pair, monitors: &mut [RouteMonitor; 2]) {
    let flow = Flow::start((&pair.namespaces[1], HOMES[1]), (&pair.namespaces[0], HOMES[0]));
    wait_until("the flow is under way", || flow.received() > 10);
    pair.peers[0].kill();
    wait_until("BIRD has lost its session and its routes", || {
        let session = pair.peers[1].session();
        !session.is_established && session.dropped_count == 1 && pair.peers[1].routes().is_empty()
    });
    wait_until("the kernel has lost them too", || pair.kernels()[1].is_empty());
    let losses = flow.finish();
    assert!(!losses.is_none(), "{losses:?}");
    let changes = monitors[1].changes();
    assert!(
        changes
            .iter()
            .any(|line| line.starts_with(&format!("Deleted {}", network(0)))),
        "{changes:?}"
    );
    wait_until("the capture has seen the end", || {
        !pair.session().ends_at.is_empty()
    });
    for capture in pair.captures.drain(..) {
        assert!(!capture.finish().is_empty());
    }
}

#[test]
fn frr_and_bird_keep_stale_routes_for_each_other() {
    let Some(_turn) = crate::ready("frr_and_bird_keep_stale_routes_for_each_other", TOOLS) else {
        return;
    };
    for dead in [0, 1] {
        let mut pair = Pair::start("gr", |peering| {
            peering.remote_as = 65000;
            peering.local_as = 65000;
            peering.graceful_restart = true;
        });
        wait_until("both have sent End-of-RIB", || {
            let session = pair.session();
            LINKS
                .iter()
                .all(|address| session.from(*address).messages.iter().any(dissect::is_end_of_rib))
        });
        let mut monitor = RouteMonitor::start(&pair.namespaces[1 - dead]);
        let helper = 1 - dead;
        assert!(!pair.peers[helper].keeps_stale_routes());
        pair.peers[dead].kill();
        wait_until("its routes are stale", || pair.peers[helper].keeps_stale_routes());
        assert!(!pair.peers[helper].session().is_established);
        assert_eq!(pair.peers[helper].routes(), BTreeSet::from([network(dead)]));
        assert_eq!(pair.kernels()[1 - dead], BTreeSet::from([network(dead)]));
        assert_eq!(monitor.changes(), Vec::<String>::new());
    }
}
