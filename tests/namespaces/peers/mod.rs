//! Neighbours that nobody here wrote: FRR and BIRD, each in a namespace of its own, asked by their own control sockets.

mod bird;
mod frr;

pub use bird::Bird;
pub use frr::Frr;

use crate::tools::{self, Namespace, Tool, wait_until};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

/// One BGP session, as the daemon at one of its ends is told of it.
#[derive(Clone, Debug)]
pub struct Peering {
    /// The daemon's own address; its router id, too.
    pub local: Ipv4Addr,
    pub local_as: u32,
    pub remote: Ipv4Addr,
    pub remote_as: u32,
    /// Key of RFC 2385.
    pub password: Option<&'static str>,
    /// Whether segments need a time to live of 255 (RFC 5082).
    pub ttl_security: bool,
    /// Offered; keepalives are sent three times as often.
    pub hold_time_s: u16,
    /// Whether the daemon takes part in graceful restart (RFC 4724); if not, it does not announce the capability.
    pub graceful_restart: bool,
    /// Prefixes that are announced from the beginning.
    pub announced: Vec<String>,
    /// Prefixes that are announced and withdrawn at the test's word.
    pub batch: Vec<String>,
    /// Prefixes on the way to next hops that are not on the daemon's own link: the remote end leads there.
    pub behind: Vec<String>,
}

/// What a daemon says of its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub is_established: bool,
    /// How often it was.
    pub established_count: u64,
    /// How often it was lost.
    pub dropped_count: u64,
    /// UPDATEs received; BIRD counts the routes announced and withdrawn in them instead.
    pub updates: u64,
}

impl Peering {
    /// The kernel's routes for `behind`.
    fn lead_behind(&self, namespace: &Namespace) {
        for prefix in &self.behind {
            tools::ip(&format!(
                "-n {} route add {prefix} via {}",
                namespace.name(),
                self.remote
            ));
        }
    }
}

/// A daemon with one session.
pub trait Peer {
    /// What it says of the session.
    fn session(&self) -> Session;
    /// Its routes whose source is the other end, as prefixes; stale ones too.
    fn routes(&self) -> BTreeSet<String>;
    /// Whether some of them are those of a session that is over, kept until the other end has told all of its routes
    /// again (RFC 4724).
    fn keeps_stale_routes(&self) -> bool;
    /// Announces the batch.
    fn announce(&self);
    /// Withdraws the batch.
    fn withdraw(&self);
    /// `kill -9` of the one that speaks BGP.
    fn kill(&mut self);
}

/// Prefixes of the kernel's routes that a BGP daemon has put there.
pub fn kernel_routes(namespace: &Namespace) -> BTreeSet<String> {
    let routes = tools::ip(&format!("-n {} route show", namespace.name()));
    routes
        .lines()
        .filter(|line| line.contains(" proto bgp ") || line.contains(" proto bird "))
        .filter_map(|line| line.split_whitespace().next().map(str::to_string))
        .collect()
}

/// Changes of the kernel's routes in a namespace, told by the kernel.
pub struct RouteMonitor {
    tool: Tool,
    lines: Arc<Mutex<Vec<String>>>,
    namespace: String,
    /// Routes of its own so far: it knows by them that the kernel has told all that was before.
    marks: u8,
}

impl RouteMonitor {
    /// Starts it and waits until the kernel tells it.
    pub fn start(namespace: &Namespace) -> RouteMonitor {
        let mut tool = Tool::start(namespace, "ip monitor route");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let output = tool.child.stdout.take().expect("a pipe");
        let told = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                told.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        let mut monitor = RouteMonitor {
            tool,
            lines,
            namespace: namespace.name().to_string(),
            marks: 0,
        };
        monitor.changes();
        monitor
    }

    /// What has changed since it was asked last, in the words of `ip monitor`.
    pub fn changes(&mut self) -> Vec<String> {
        self.marks += 1;
        let mark = format!("203.0.113.{}", self.marks);
        // Again and again: nobody knows when the tool has begun to listen.
        wait_until("the kernel tells of routes", || {
            for word in ["add", "del"] {
                tools::ip(&format!("-n {} route {word} blackhole {mark}", self.namespace));
            }
            assert!(
                self.tool.child.try_wait().expect("a child").is_none(),
                "ip monitor goes on"
            );
            let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.iter().any(|line| line.contains(&mark))
        });
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = std::mem::take(&mut *lines);
        told.retain(|line| !line.contains("203.0.113."));
        told
    }
}
