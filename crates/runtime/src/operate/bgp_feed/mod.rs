//! `holdover bench bgp-feed`: how long a router takes for the Internet's table, and the same for BIRD and FRR.
//!
//! ```text
//!   namespace of the neighbours        namespace of the router
//!   one process plays them all ═ veth ═ one of: our chassis (packet wire), BIRD, FRR
//! ```
//!
//! Each router is measured alone, one after the other, and hears the same bytes from the same sender. The time counts from
//! just before the first byte of an UPDATE until the router's own counter says that its table has all routes; a second
//! time until packets can be forwarded by all of them. All run at the priority of a route processor. BIRD and our router
//! run without routes for the kernel and the cards (`table-map ... filter`), several times in turns, of which the median
//! counts, since a second is soon spoilt by what else a host does; and once with them.

mod chassis;
mod neighbor;
mod network;
mod peers;
mod process;
mod socket;
mod table;

pub use neighbor::{NeighborsSpec, run as play_neighbors};
pub use table::ROUTES_MAX;

use super::lab::LabError;
use crate::clock;
use crate::host_time::StolenTime;
use machine::Duration;
use neighbor::Step;
use network::{Network, Side};
use peers::{Bird, Frr, Router};
use process::{Held, resident_mib};
use serde::Serialize;
use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ChildStdout, Stdio};

/// The AS of the router that is measured.
pub const ROUTER_AS: u32 = 65000;
/// Most neighbours.
pub const NEIGHBORS_MAX: u32 = 200;
/// How often the table alone is measured. Odd: the one in the middle counts.
const TABLE_RUNS: usize = 3;
/// Decides the tables.
const SEED: u64 = 1;
/// Time between two looks at a router's counters.
const LOOK_INTERVAL: std::time::Duration = std::time::Duration::from_millis(10);
/// How long a router may take for a thousand routes before the measurement is given up, besides [`PATIENCE`].
const PATIENCE_PER_THOUSAND: Duration = Duration::from_millis(300);
/// How long a router may take for a few routes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is measured.
#[derive(Clone, Debug)]
pub struct FeedBench {
    /// The `holdover` program.
    pub program: PathBuf,
    /// Prefixes.
    pub routes: u32,
    /// Neighbours, each of which tells all of them.
    pub neighbors: u32,
    /// Whether our router has a hot standby.
    pub standby: bool,
}

/// Why nothing was measured.
#[derive(Debug)]
pub enum FeedError {
    /// The system refuses something: what was being done.
    System(&'static str, io::Error),
    /// A program that is measured is not here: its name, and the package that has it.
    Missing(String, &'static str),
    /// Network namespaces need root.
    NotRoot,
    /// A process that should run has ended.
    Ended(String),
    /// What did not happen in time, and what the logs say.
    Timeout(String, String),
    /// The process that plays the neighbours cannot go on.
    Neighbors(String),
    /// Our own chassis.
    Lab(LabError),
    /// A route processor of it was lost meanwhile.
    PairChanged,
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FeedError::System(doing, error) => write!(f, "cannot {doing}: {error}"),
            FeedError::Missing(program, package) => write!(
                f,
                "'{program}' is not installed, and what is measured is measured beside it: \
                 install it with 'apt-get install {package}'"
            ),
            FeedError::NotRoot => f.write_str(
                "the routers that are measured run in network namespaces, which need root: run it with 'sudo'",
            ),
            FeedError::Ended(status) => write!(f, "it has ended ({status})"),
            FeedError::Timeout(what, logs) => write!(f, "{what}\n{logs}"),
            FeedError::Neighbors(why) => write!(f, "the neighbours cannot go on: {why}"),
            FeedError::Lab(error) => error.fmt(f),
            FeedError::PairChanged => f.write_str(
                "a route processor was lost while the routes came in, so that nothing was measured with both: on a host \
                 where that happens they get too little processor time; '--no-standby' needs less",
            ),
        }
    }
}

impl std::error::Error for FeedError {}

impl From<LabError> for FeedError {
    fn from(error: LabError) -> FeedError {
        FeedError::Lab(error)
    }
}

/// Seconds until the routers' tables had all routes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Seconds {
    holdover: f64,
    bird: f64,
    frr: f64,
}

/// Seconds until packets could be forwarded by all routes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct SecondsFib {
    holdover: f64,
    bird: f64,
}

/// Resident memory with all routes, in mebibytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct RssMib {
    holdover_active: u64,
    holdover_standby: u64,
    bird: u64,
    frr: u64,
}

/// The figures, in the order of the documented line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FeedFigures {
    bench: &'static str,
    routes: u32,
    neighbors: u32,
    standby: bool,
    seconds: Seconds,
    seconds_fib: SecondsFib,
    rss_mib: RssMib,
}

impl FeedFigures {
    /// The documented line of JSON.
    ///
    /// # Errors
    /// None that a figure can cause.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

/// What one router showed.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Measured {
    /// Until its table had all routes, in seconds.
    table_s: f64,
    /// Until packets could be forwarded by all of them.
    forwarded_s: Option<f64>,
    /// Processor time that this host wanted meanwhile and other machines got, in seconds of one processor.
    stolen_s: f64,
}

/// Measures all three. `tell` is given a line for people at each step.
///
/// # Errors
/// [`FeedError`]; what is missing is said before anything is started.
pub fn run(bench: &FeedBench, tell: &mut dyn FnMut(&str)) -> Result<FeedFigures, FeedError> {
    if !rustix::process::geteuid().is_root() {
        return Err(FeedError::NotRoot);
    }
    Bird::is_installed()?;
    Frr::is_installed()?;
    let mut comparison = Comparison { bench, tell };
    let (mut bird_s, mut holdover_s, mut bird_mib) = ([0.0; TABLE_RUNS], [0.0; TABLE_RUNS], 0);
    for (bird_s, holdover_s) in bird_s.iter_mut().zip(&mut holdover_s) {
        let (bird, mib) = comparison.peer("bird", false)?;
        let (holdover, _) = comparison.ours(false)?;
        (*bird_s, *holdover_s, bird_mib) = (bird.table_s, holdover.table_s, mib);
    }
    let (bird_fib, _) = comparison.peer("bird", true)?;
    let (frr, frr_mib) = comparison.peer("frr", false)?;
    let (holdover_fib, [active_mib, standby_mib]) = comparison.ours(true)?;
    Ok(FeedFigures {
        bench: "bgp-feed",
        routes: bench.routes,
        neighbors: bench.neighbors,
        standby: bench.standby,
        seconds: Seconds {
            holdover: median(holdover_s),
            bird: median(bird_s),
            frr: frr.table_s,
        },
        seconds_fib: SecondsFib {
            holdover: holdover_fib.forwarded_s.unwrap_or(holdover_fib.table_s),
            bird: bird_fib.forwarded_s.unwrap_or(bird_fib.table_s),
        },
        rss_mib: RssMib {
            holdover_active: active_mib,
            holdover_standby: standby_mib,
            bird: bird_mib,
            frr: frr_mib,
        },
    })
}

/// The one in the middle.
fn median(mut figures: [f64; TABLE_RUNS]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[TABLE_RUNS / 2]
}

/// One router after the other.
struct Comparison<'a> {
    bench: &'a FeedBench,
    tell: &'a mut dyn FnMut(&str),
}

impl Comparison<'_> {
    /// BIRD or FRR, and its memory in mebibytes.
    fn peer(&mut self, name: &str, has_kernel: bool) -> Result<(Measured, u64), FeedError> {
        let bench = self.bench;
        let network = Network::make(bench.neighbors, true)?;
        let mut router: Box<dyn Router> = match name {
            "bird" => Box::new(Bird::start(&network, bench.neighbors, has_kernel)?),
            _ => Box::new(Frr::start(&network, bench.neighbors)?),
        };
        let words = if has_kernel { ", routes for the kernel" } else { "" };
        (self.tell)(&format!("{name}{words}: {} routes", bench.routes));
        let measured = measure(bench, &network, router.as_mut())?;
        let rss_mib = resident_mib(&router.processes())
            .map_err(|error| FeedError::System("look at the memory of a daemon", error))?;
        (self.tell)(&format!("{name}{words}: {}, {rss_mib} MiB", measured.words()));
        Ok((measured, rss_mib))
    }

    /// Our own router, and the memory of its route processors in mebibytes.
    fn ours(&mut self, has_forwarding: bool) -> Result<(Measured, [u64; 2]), FeedError> {
        let bench = self.bench;
        let words = match has_forwarding {
            true => ", routes for the cards",
            false => "",
        };
        (self.tell)(&format!("holdover{words}: {} routes", bench.routes));
        let network = Network::make(bench.neighbors, false)?;
        let mut router = chassis::Chassis::start(bench, &network, has_forwarding)?;
        let measured = measure(bench, &network, &mut router)?;
        let [active_mib, standby_mib] = router.resident_mib()?;
        (self.tell)(&format!(
            "holdover{words}: {}, active {active_mib} MiB, standby {standby_mib} MiB",
            measured.words()
        ));
        Ok((measured, [active_mib, standby_mib]))
    }
}

impl Measured {
    fn words(&self) -> String {
        let forwarded = self.forwarded_s.map(|s| format!(", forwarded by {s} s"));
        let (table_s, stolen_s) = (self.table_s, self.stolen_s);
        format!(
            "table {table_s} s{}, stolen {stolen_s} s",
            forwarded.unwrap_or_default()
        )
    }
}

/// The neighbours, as a process of their own.
struct Neighbors {
    held: Held,
    said: BufReader<ChildStdout>,
}

impl Neighbors {
    fn start(bench: &FeedBench, network: &Network) -> Result<Neighbors, FeedError> {
        let failed = |error| FeedError::System("start the neighbours", error);
        let mut command = network.command(Side::Neighbors, &bench.program);
        command
            .arg("bgp-feed-neighbors")
            .args(["--router", &network::ROUTER.to_string()])
            .args(["--first-address", &network::FIRST_NEIGHBOR.to_string()])
            .args(["--neighbors", &bench.neighbors.to_string()])
            .args(["--routes", &bench.routes.to_string()])
            .args(["--seed", &SEED.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut held = Held::spawn(&mut command).map_err(failed)?;
        let said = held.child().stdout.take();
        let said = said.ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
        Ok(Neighbors {
            held,
            said: BufReader::new(said),
        })
    }

    /// What it says next. Why it has ended is on our standard error, where it writes itself.
    fn step(&mut self) -> Result<Step, FeedError> {
        let mut line = String::new();
        let failed = |error: io::Error| FeedError::Neighbors(error.to_string());
        if self.said.read_line(&mut line).map_err(failed)? == 0 {
            return Err(FeedError::Neighbors("the process has ended".into()));
        }
        serde_json::from_str(&line).map_err(|error| failed(error.into()))
    }

    fn go_on(&mut self) -> Result<(), FeedError> {
        let input = self.held.child().stdin.as_mut();
        let written = input.map_or(Err(io::ErrorKind::BrokenPipe.into()), |input| {
            input.write_all(b"\n")
        });
        written.map_err(|error| FeedError::Neighbors(error.to_string()))
    }
}

/// Has the neighbours tell everything, and looks at the router until it has it.
fn measure(bench: &FeedBench, network: &Network, router: &mut dyn Router) -> Result<Measured, FeedError> {
    let unexpected = |step: Step| FeedError::Neighbors(format!("unexpected {step:?}"));
    let mut neighbors = Neighbors::start(bench, network)?;
    let wanted = match neighbors.step()? {
        Step::Drawn { routes, .. } => u64::from(routes) * u64::from(bench.neighbors),
        other => return Err(unexpected(other)),
    };
    neighbors.go_on()?;
    match neighbors.step()? {
        Step::Established => {}
        other => return Err(unexpected(other)),
    }
    neighbors.go_on()?;
    let began_ns = match neighbors.step()? {
        Step::Began { at_ns } => at_ns,
        other => return Err(unexpected(other)),
    };
    let stolen = StolenTime::begin();
    let patience = PATIENCE + PATIENCE_PER_THOUSAND * u32::try_from(wanted / 1000).unwrap_or(u32::MAX);
    let deadline = clock::now() + patience;
    let asked = |error| FeedError::System("ask a router for its routes", error);
    let mut table_s = None;
    loop {
        let routes = router.routes().map_err(asked)?;
        let now = clock::now();
        if routes >= wanted && table_s.is_none() {
            table_s = Some(seconds(now.as_nanos() - began_ns));
        }
        if let Some(table_s) = table_s {
            let forwarded = router.forwarded().map_err(asked)?;
            if forwarded.is_none_or(|forwarded| forwarded >= u64::from(bench.routes)) {
                return Ok(Measured {
                    table_s,
                    forwarded_s: forwarded.map(|_| seconds(clock::now().as_nanos() - began_ns)),
                    stolen_s: seconds(stolen.so_far_ms() * 1_000_000),
                });
            }
        }
        if now >= deadline {
            let seen = format!("not within {} s: {routes} of {wanted} routes", patience.as_secs());
            return Err(FeedError::Timeout(seen, String::new()));
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
}

/// To the millisecond: that is what a look every ten of them is good for.
fn seconds(nanos: u64) -> f64 {
    (nanos / 1_000_000) as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_in_the_middle_counts() {
        assert_eq!(median([1.4, 9.0, 1.1]), 1.4);
    }

    #[test]
    fn the_line_has_the_documented_shape() {
        let figures = FeedFigures {
            bench: "bgp-feed",
            routes: 1_000_000,
            neighbors: 1,
            standby: true,
            seconds: Seconds {
                holdover: seconds(1_234_567_890),
                bird: 2.0,
                frr: 3.5,
            },
            seconds_fib: SecondsFib {
                holdover: 4.0,
                bird: 5.0,
            },
            rss_mib: RssMib {
                holdover_active: 1,
                holdover_standby: 2,
                bird: 3,
                frr: 4,
            },
        };
        let expected = "{\"bench\":\"bgp-feed\",\"routes\":1000000,\"neighbors\":1,\"standby\":true,\
                        \"seconds\":{\"holdover\":1.234,\"bird\":2.0,\"frr\":3.5},\
                        \"seconds_fib\":{\"holdover\":4.0,\"bird\":5.0},\
                        \"rss_mib\":{\"holdover_active\":1,\"holdover_standby\":2,\"bird\":3,\"frr\":4}}";
        assert_eq!(figures.to_json().unwrap(), expected);
    }
}
