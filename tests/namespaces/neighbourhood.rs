//! The router with four BGP neighbours, each on a port and in a namespace of its own.
//!
//! ```text
//!   FRR,  AS 65001, MD5            10.87.1.0/24 ═ Ethernet0/0      Ethernet1/0 ═ 10.87.3.0/24   FRR,  AS 65000
//!                                                     AS 65000
//!   BIRD, AS 65002, TTL security   10.87.2.0/24 ═ Ethernet0/1      Ethernet1/1 ═ 10.87.4.0/24   BIRD, AS 65000, MD5,
//!                                                                                               reflector client
//! ```
//!
//! Neighbour n announces 10.(90+n).0.0/24 from the beginning, 10.(100+10n).0.0/24 and more when told so. In its kernel is
//! nothing but its link, the way to internal next hops, and what BGP puts there.

use crate::dissect::{self, Connection};
use crate::flow::{Flow, Losses};
use crate::lab;
use crate::peers::{Bird, Frr, Peer, Peering, RouteMonitor, Session, kernel_routes};
use crate::router::Router;
use crate::tools::{self, Capture, Namespace, wait_until};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Outside tools of these tests.
pub const TOOLS: &[&str] = &["ip", "tcpdump", "zebra", "bgpd", "bird"];
/// What every end of a session offers.
pub const HOLD_TIME: Duration = Duration::from_secs(3);
/// Routes in the batch of a neighbour. Their UPDATEs do not fit into one segment.
pub const BATCH_LEN: usize = 500;
const ROUTER_AS: u32 = 65000;
const PASSWORD: &str = "of-rfc-2385";

/// What is particular about a neighbour.
struct Kind {
    port: &'static str,
    as_number: u32,
    is_frr: bool,
    has_password: bool,
    has_ttl_security: bool,
}

const KINDS: [Kind; 4] = [
    Kind {
        port: "Ethernet0/0",
        as_number: 65001,
        is_frr: true,
        has_password: true,
        has_ttl_security: false,
    },
    Kind {
        port: "Ethernet0/1",
        as_number: 65002,
        is_frr: false,
        has_password: false,
        has_ttl_security: true,
    },
    Kind {
        port: "Ethernet1/0",
        as_number: ROUTER_AS,
        is_frr: true,
        has_password: false,
        has_ttl_security: false,
    },
    Kind {
        port: "Ethernet1/1",
        as_number: ROUTER_AS,
        is_frr: false,
        has_password: true,
        has_ttl_security: false,
    },
];

/// One neighbour, and all who look at it.
pub struct Neighbour {
    /// 1 to 4.
    pub number: u8,
    pub peer: Box<dyn Peer>,
    pub monitor: RouteMonitor,
    capture: Capture,
    namespace: Namespace,
    /// Sessions that ended while the first one came up: both sides connect, and a daemon may call the connection
    /// established that the collision ends (RFC 4271 section 6.8).
    collisions: u64,
    /// When the first sessions stood and all routes were everywhere, since 1970.
    settled_at: Duration,
}

/// The router and its neighbours.
pub struct Neighbourhood {
    // First: it ends before its ports go.
    pub router: Router,
    pub neighbours: Vec<Neighbour>,
}

impl Neighbourhood {
    /// Builds everything and waits until each neighbour has the routes of all others in its kernel.
    ///
    /// `graceful_restart`: whether neighbours take part in it. `settings`: more lines of `router bgp`.
    pub fn start(label: &str, graceful_restart: bool, settings: &str) -> Neighbourhood {
        let id = std::process::id();
        let namespace = Namespace::add(&format!("hold-{label}-r-{id}"));
        let neighbours: Vec<Neighbour> = (1..=4)
            .map(|number| {
                let host = Namespace::add(&format!("hold-{label}-{number}-{id}"));
                neighbour(number, host, &namespace, graceful_restart)
            })
            .collect();
        let router = Router::start(label, namespace, &chassis_file(settings));
        let ports: Vec<&str> = KINDS.iter().map(|kind| kind.port).collect();
        router.wait_for_ports(&ports);
        let mut neighbourhood = Neighbourhood { router, neighbours };
        neighbourhood.wait_for_routes(&BTreeSet::new());
        for neighbour in &mut neighbourhood.neighbours {
            neighbour.collisions = neighbour.peer.session().dropped_count;
            neighbour.settled_at = tools::now();
        }
        neighbourhood
            .router
            .console(neighbourhood.router.wait_for_pair(), "enable\nwrite memory\n");
        neighbourhood
    }

    /// Waits until each kernel has what the others announce, these batches included, and each daemon knows it.
    pub fn wait_for_routes(&self, batches: &BTreeSet<u8>) {
        for neighbour in &self.neighbours {
            let expected = neighbour.expected(batches);
            wait_until(
                &format!("neighbour {} has {} routes", neighbour.number, expected.len()),
                || neighbour.kernel_routes() == expected,
            );
            let known = neighbour.peer.routes();
            assert!(expected.is_subset(&known), "{expected:?} in {known:?}");
        }
    }

    /// What the neighbours say of their sessions.
    pub fn sessions(&self) -> Vec<Session> {
        self.neighbours.iter().map(Neighbour::session).collect()
    }

    /// A flow from each neighbour's network to that of the next.
    pub fn flows(&self) -> Vec<Flow> {
        self.flows_between(&[1, 2, 3, 4])
    }

    /// A flow from the network of each of these neighbours to that of the next.
    pub fn flows_between(&self, numbers: &[u8]) -> Vec<Flow> {
        let ends = |at: usize| {
            let neighbour = &self.neighbours[usize::from(numbers[at % numbers.len()]) - 1];
            (&neighbour.namespace, neighbour.home())
        };
        let flow = |at: usize| Flow::start(ends(at), ends(at + 1));
        (0..numbers.len()).map(flow).collect()
    }

    /// Waits until no other kernel has what neighbour `number` announces.
    pub fn wait_for_withdrawal(&self, number: u8) {
        let mut announced = batch(number);
        announced.push(network(number));
        for neighbour in self.neighbours.iter().filter(|other| other.number != number) {
            wait_until(
                &format!("neighbour {} has no route of {number}", neighbour.number),
                || {
                    let routes = neighbour.kernel_routes();
                    !announced.iter().any(|prefix| routes.contains(prefix))
                },
            );
        }
    }

    /// Changes in the neighbours' kernels since this was asked last.
    pub fn route_changes(&mut self) -> Vec<Vec<String>> {
        self.neighbours
            .iter_mut()
            .map(|neighbour| neighbour.monitor.changes())
            .collect()
    }
}

impl Neighbour {
    /// What it says of its session; the first one is the one that stood when all had come up.
    pub fn session(&self) -> Session {
        let mut session = self.peer.session();
        session.established_count -= self.collisions;
        session.dropped_count -= self.collisions;
        session
    }

    /// What kind of neighbour it is, for reports.
    pub fn name(&self) -> String {
        let kind = self.kind();
        let daemon = if kind.is_frr { "FRR" } else { "BIRD" };
        format!("neighbour {}, {daemon}, AS {}", self.number, kind.as_number)
    }

    /// Its address.
    pub fn address(&self) -> Ipv4Addr {
        link(self.number, 2)
    }

    /// The address of the router's end.
    pub fn router_address(&self) -> Ipv4Addr {
        link(self.number, 1)
    }

    /// Whether its session's segments are signed, and whether they need a time to live of 255.
    pub fn protection(&self) -> (bool, bool) {
        (self.kind().has_password, self.kind().has_ttl_security)
    }

    /// The kernel's routes that its daemon has put there.
    pub fn kernel_routes(&self) -> BTreeSet<String> {
        kernel_routes(&self.namespace)
    }

    /// The connections between it and the router that the capture has seen so far, without those that had ended when all
    /// had come up.
    ///
    /// With graceful restart the end whose session stands takes another connection for a restart and lets the session go
    /// (RFC 4724 section 5). When both connect at once, each may do so while the other still sends on it.
    pub fn connections(&self) -> Vec<Connection> {
        let mut connections = dissect::connections(&self.capture.frames());
        connections.retain(|connection| {
            let ended_at = connection.ends_at.first();
            ended_at.is_none_or(|at| *at > self.settled_at)
        });
        connections
    }

    /// Whether the router's word on each route is that it has those that are to be in this neighbour's kernel, and no
    /// more.
    pub fn was_told(&self, connection: &Connection, batches: &BTreeSet<u8>) -> bool {
        let told = dissect::announced(&connection.from(self.router_address()).messages);
        let of_others = |prefix: &&String| {
            let own = [network(self.number), link_network(self.number)];
            !own.contains(prefix)
                && !batch(self.number).contains(prefix)
                && !behind(self.number).contains(prefix)
        };
        let told: BTreeSet<&String> = told.iter().filter(of_others).collect();
        told == self.expected(batches).iter().collect()
    }

    fn kind(&self) -> &'static Kind {
        &KINDS[usize::from(self.number - 1)]
    }

    fn home(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 90 + self.number, 0, 1)
    }

    /// The routes that are to be in its kernel.
    fn expected(&self, batches: &BTreeSet<u8>) -> BTreeSet<String> {
        let others = (1..=4).filter(|other| *other != self.number);
        let behind = behind(self.number);
        others
            .flat_map(|other| {
                let batch = if batches.contains(&other) {
                    batch(other)
                } else {
                    Vec::new()
                };
                batch.into_iter().chain([network(other), link_network(other)])
            })
            .filter(|prefix| !behind.contains(prefix))
            .collect()
    }
}

fn neighbour(number: u8, host: Namespace, router: &Namespace, graceful_restart: bool) -> Neighbour {
    let kind = &KINDS[usize::from(number - 1)];
    lab::attach(
        &host,
        router,
        &format!("to-{number}"),
        &link(number, 2).to_string(),
    );
    let capture = Capture::start(&host, 65535, "tcp port 179");
    let peering = Peering {
        local: link(number, 2),
        local_as: kind.as_number,
        remote: link(number, 1),
        remote_as: ROUTER_AS,
        password: kind.has_password.then_some(PASSWORD),
        ttl_security: kind.has_ttl_security,
        hold_time_s: HOLD_TIME.as_secs() as u16,
        graceful_restart,
        announced: vec![network(number)],
        batch: batch(number),
        behind: behind(number),
    };
    let peer: Box<dyn Peer> = if kind.is_frr {
        Box::new(Frr::start(&host, peering))
    } else {
        Box::new(Bird::start(&host, &peering))
    };
    let neighbour = Neighbour {
        number,
        peer,
        monitor: RouteMonitor::start(&host),
        capture,
        namespace: host,
        collisions: 0,
        settled_at: Duration::MAX,
    };
    tools::ip(&format!(
        "-n {} address add {}/32 dev lo",
        neighbour.namespace.name(),
        neighbour.home()
    ));
    neighbour
}

fn link(number: u8, end: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 87, number, end)
}

fn link_network(number: u8) -> String {
    format!("10.87.{number}.0/24")
}

fn network(number: u8) -> String {
    format!("10.{}.0.0/24", 90 + number)
}

fn batch(number: u8) -> Vec<String> {
    let prefix = |at: usize| {
        format!(
            "10.{}.{}.0/24",
            100 + 10 * usize::from(number) + at / 250,
            at % 250
        )
    };
    (0..BATCH_LEN).map(prefix).collect()
}

/// Whether a line of `ip monitor` is about a route of a batch.
pub fn is_of_batch(line: &str) -> bool {
    line.trim_start_matches("Deleted ").starts_with("10.1")
}

/// Links of the other internal neighbours: a reflector leaves next hops as they are.
fn behind(number: u8) -> Vec<String> {
    match number {
        3 => vec![link_network(4)],
        4 => vec![link_network(3)],
        _ => Vec::new(),
    }
}

fn chassis_file(settings: &str) -> String {
    let mut text = String::from(
        "name = \"neighbourhood\"\nstartup_config = '''\nhostname Router\n!\nredundancy\n mode sso\n!\n",
    );
    for (number, kind) in (1_u8..).zip(&KINDS) {
        let _ = writeln!(
            text,
            "interface {}\n ip address {} 255.255.255.0\n no shutdown\n!",
            kind.port,
            link(number, 1)
        );
    }
    let _ = write!(
        text,
        "router bgp {ROUTER_AS}\n bgp router-id 10.87.0.1\n bgp log-neighbor-changes\n timers bgp {} {}\n{settings}",
        HOLD_TIME.as_secs() / 3,
        HOLD_TIME.as_secs()
    );
    for (number, kind) in (1_u8..).zip(&KINDS) {
        let address = link(number, 2);
        let _ = writeln!(text, " neighbor {address} remote-as {}", kind.as_number);
        if kind.has_password {
            let _ = writeln!(text, " neighbor {address} password {PASSWORD}");
        }
        if kind.has_ttl_security {
            let _ = writeln!(text, " neighbor {address} ttl-security hops 1");
        }
    }
    text += " address-family ipv4\n  redistribute connected\n";
    for number in [3, 4] {
        let _ = writeln!(text, "  neighbor {} next-hop-self", link(number, 2));
    }
    let _ = writeln!(text, "  neighbor {} route-reflector-client", link(4, 2));
    text += " exit-address-family\n!\nend\n'''\n";
    for card in [0, 1] {
        let wire = |port: u8| {
            format!(
                "{{ number = {port}, wire = \"packet:to-{}\" }}",
                card * 2 + port + 1
            )
        };
        let _ = writeln!(
            text,
            "[[cards]]\nslot = {card}\nports = [{}, {}]",
            wire(0),
            wire(1)
        );
    }
    text
}

/// Ends flows, and demands that all that was sent has come.
pub fn assert_nothing_lost(flows: Vec<Flow>) {
    let losses: Vec<Losses> = flows.into_iter().map(Flow::finish).collect();
    let sent: u64 = losses.iter().map(|losses| losses.sent).sum();
    assert!(losses.iter().all(Losses::is_none), "{losses:?}");
    println!("{sent} datagrams between the neighbours' networks, 0 lost, 0 doubled");
}
