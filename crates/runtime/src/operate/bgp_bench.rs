//! `holdover bench bgp-switchover`: many deaths of a router with thousands of BGP sessions, as their neighbours see them.
//!
//! ```text
//!   card 0: two hosts, card 1: one host           transit, as in 'bench switchover'
//!   card 1: wire 'neighbors' ── process of neighbours on the kernel's TCP
//! ```
//!
//! A round: both route processors hot, every session established and told all; the active is killed; every session hears
//! its successor; hot again. What resets, repeats or loses is counted over all rounds.

use super::bench::milliseconds;
use super::distribution::Distribution;
use super::lab::{Lab, LabError, LabOptions};
use super::traffic::{Packets, Traffic};
use super::trial::{self, Calm, Cause, Trial};
use crate::host_time::StolenTime;
use crate::neighbors::control::{NeighborsClient, NeighborsStatus};
use crate::neighbors::plan;
use machine::Duration;
use serde::Serialize;
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// Name of the wire to the neighbours.
const WIRE: &str = "neighbors";
/// Port of that wire.
const INTERFACE: &str = "Ethernet1/1";
/// The host by which the told networks are reached.
const TOLD_VIA: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 2);
/// A session that has not heard the successor for so long never will: the neighbour has given up.
const SILENCE_MAX: Duration = Duration::from_secs(12);

/// What is measured.
#[derive(Clone, Debug)]
pub struct BgpSwitchoverBench {
    /// The `holdover` program.
    pub program: PathBuf,
    /// Neighbours, `1..=`[`plan::NEIGHBORS_MAX`].
    pub sessions: u32,
    /// How often the active dies.
    pub count: u32,
    /// How it dies.
    pub cause: Cause,
}

/// The figures, in the order of the documented line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BgpSwitchoverFigures {
    bench: &'static str,
    sessions: u32,
    count: u32,
    /// Sessions that ended, for whatever reason.
    pub resets: u64,
    /// UPDATEs with a network whose attributes the neighbour had.
    pub updates_repeated: u64,
    first_keepalive_ms: Milliseconds,
    packets: Loss,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Milliseconds {
    p50: f64,
    p99: f64,
    max: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Loss {
    sent: u64,
    lost: u64,
}

/// How far a bench is.
pub struct BgpProgress<'a> {
    /// Rounds done.
    pub done: u32,
    /// Rounds in all.
    pub count: u32,
    /// What the last round showed.
    pub last: &'a Trial,
    /// First bytes from the successor in the last round, in microseconds.
    pub first_bytes_us: Distribution,
    /// Processor time that the last round wanted and other machines got, in milliseconds of one processor.
    pub stolen_ms: u64,
    /// What the neighbours have seen so far.
    pub status: &'a NeighborsStatus,
}

/// What a bench tells while it runs.
pub trait BgpReporter {
    /// A step that may take a while.
    fn step(&mut self, text: &str);
    /// A round is done.
    fn round(&mut self, progress: &BgpProgress<'_>);
    /// Something happened that nobody asked for.
    fn note(&mut self, text: &str);
}

/// Text of the chassis file: the embedded chassis with the neighbours in place of the last host.
fn chassis(sessions: u32) -> String {
    let bgp = plan::configuration(INTERFACE, sessions, TOLD_VIA);
    let mut text = format!(
        "name = \"bench\"\nstartup_config = '''\nhostname Router\n!\nredundancy\n mode sso\n!\n\
         interface Ethernet0/0\n ip address 10.0.0.1 255.255.255.0\n no shutdown\n!\n\
         interface Ethernet0/1\n ip address 10.0.1.1 255.255.255.0\n no shutdown\n!\n\
         interface Ethernet1/0\n ip address 10.1.0.1 255.255.255.0\n no shutdown\n!\n{bgp}end\n'''\n"
    );
    for (slot, wires) in [(0, ["host00", "host01"]), (1, ["host10", WIRE])] {
        text.push_str(&format!(
            "[[cards]]\nslot = {slot}\nports = [\n    {{ number = 0, wire = \"mem:{}\" }},\n    \
             {{ number = 1, wire = \"mem:{}\" }},\n]\n",
            wires[0], wires[1]
        ));
    }
    for (name, network) in [("host00", "10.0.0"), ("host01", "10.0.1"), ("host10", "10.1.0")] {
        text.push_str(&format!(
            "[[hosts]]\nname = \"{name}\"\nwire = \"{name}\"\naddress = \"{network}.2/24\"\ngateway = \"{network}.1\"\n"
        ));
    }
    text
}

/// How long the chassis may take for anything that grows with the number of sessions.
fn limit(sessions: u32) -> Duration {
    trial::size_limit(0, sessions * plan::ROUTES_EACH) + Duration::from_millis(u64::from(sessions) * 20)
}

fn neighbors_failed(error: std::io::Error) -> LabError {
    LabError::System("talk to the neighbours", error)
}

/// Boots a private chassis with neighbours and runs the rounds.
///
/// # Errors
/// [`LabError`].
pub fn run(
    bench: &BgpSwitchoverBench,
    reporter: &mut dyn BgpReporter,
) -> Result<BgpSwitchoverFigures, LabError> {
    let limit = limit(bench.sessions);
    reporter.step("booting a chassis");
    let mut lab = Lab::start(LabOptions {
        program: bench.program.clone(),
        ballast_mib: 0,
        core_dumps: bench.cause == Cause::SegvCore,
        chassis: Some(chassis(bench.sessions)),
        network_namespace: None,
    })?;
    let mut neighbors = NeighborsClient::start(&bench.program, lab.run_directory(), WIRE, bench.sessions)
        .map_err(neighbors_failed)?;
    let active = lab.wait_until_hot(limit)?;
    trial::save_configuration(&mut lab, active)?;
    reporter.step(&format!("opening {} sessions", bench.sessions));
    wait_until_complete(&mut lab, &mut neighbors, limit)?;
    let before = neighbors.status().map_err(neighbors_failed)?;
    if before.resets > 0 {
        reporter.note(&format!("before the first round: {before}"));
    }
    let mut traffic = Traffic::start(&mut lab)?;
    let (mut packets, mut all_us) = (Packets::default(), Vec::new());
    let mut seen = before.clone();
    for done in 1..=bench.count {
        lab.wait_until_hot(limit)?;
        neighbors.begin_round().map_err(neighbors_failed)?;
        let stolen = StolenTime::begin();
        let trial = trial::switch_over(&mut lab, &mut traffic, bench.cause, Calm::SHORT, limit)?;
        packets.add(trial.traffic.transit);
        let (first_us, silent) = first_bytes(&mut lab, &mut neighbors, &trial)?;
        let first_bytes_us = Distribution::of(first_us.iter().copied());
        all_us.extend(first_us);
        for note in lab.take_notes() {
            reporter.note(&note);
        }
        if silent > 0 {
            reporter.note(&format!(
                "round {done}: {silent} sessions have not heard the successor"
            ));
        }
        let status = neighbors.status().map_err(neighbors_failed)?;
        if differs(&status, &seen) || trial.traffic.transit.lost > 0 || !trial.digests_equal {
            reporter.note(&format!(
                "round {done}: {status}; {} packets lost, digests {}",
                trial.traffic.transit.lost,
                if trial.digests_equal { "equal" } else { "differ" }
            ));
        }
        reporter.round(&BgpProgress {
            done,
            count: bench.count,
            last: &trial,
            first_bytes_us,
            stolen_ms: stolen.so_far_ms(),
            status: &status,
        });
        seen = status;
        wait_until_complete(&mut lab, &mut neighbors, limit)?;
    }
    Ok(figures(bench, &before, &seen, &all_us, packets))
}

/// Whether something happened to the sessions that must not.
fn differs(now: &NeighborsStatus, before: &NeighborsStatus) -> bool {
    (now.resets, now.updates_repeated, now.withdrawn)
        != (before.resets, before.updates_repeated, before.withdrawn)
}

/// Waits until every session is established and told all, and the standby knows.
fn wait_until_complete(
    lab: &mut Lab,
    neighbors: &mut NeighborsClient,
    limit: Duration,
) -> Result<(), LabError> {
    let sessions = neighbors.status().map_err(neighbors_failed)?.sessions;
    let mut last = NeighborsStatus::default();
    let waited = lab.wait_for("every session is established and told all", limit, |_| {
        last = neighbors.status().map_err(neighbors_failed)?;
        Ok((last.complete == sessions).then_some(()))
    });
    waited.map_err(|error| match error {
        LabError::Timeout { what, limit, seen } => LabError::Timeout {
            what,
            limit,
            seen: format!("  neighbours: {last}\n{seen}"),
        },
        error => error,
    })?;
    lab.wait_until_hot(limit).map(|_| ())
}

/// When the sessions heard the successor first, in microseconds from the death, and how many have not.
fn first_bytes(
    lab: &mut Lab,
    neighbors: &mut NeighborsClient,
    trial: &Trial,
) -> Result<(Vec<u64>, u32), LabError> {
    // What was on its way when the active died is no sign of life of its successor, which speaks once it is promoted.
    let after_ns = trial.died_at_ns + trial.promoted_ns.or(trial.detected_ns).unwrap_or_default();
    let mut seen = (Vec::new(), 0);
    let heard = lab.wait_for("every session hears the successor", SILENCE_MAX, |_| {
        seen = neighbors.first_bytes(after_ns).map_err(neighbors_failed)?;
        Ok((seen.1 == 0).then_some(()))
    });
    match heard {
        // Who is silent is counted, not waited for.
        Ok(()) | Err(LabError::Timeout { .. }) => {}
        Err(error) => return Err(error),
    }
    let since_death = |at_ns: &u64| at_ns.saturating_sub(trial.died_at_ns) / 1_000;
    Ok((seen.0.iter().map(since_death).collect(), seen.1))
}

fn figures(
    bench: &BgpSwitchoverBench,
    before: &NeighborsStatus,
    after: &NeighborsStatus,
    first_us: &[u64],
    packets: Packets,
) -> BgpSwitchoverFigures {
    let first = Distribution::of(first_us.iter().copied());
    // Whole microseconds, far below where a double is exact no more.
    let milliseconds = |micros: u64| micros as f64 / 1_000.0;
    BgpSwitchoverFigures {
        bench: "bgp-switchover",
        sessions: bench.sessions,
        count: bench.count,
        resets: after.resets - before.resets,
        updates_repeated: after.updates_repeated - before.updates_repeated,
        first_keepalive_ms: Milliseconds {
            p50: milliseconds(first.p50),
            p99: milliseconds(first.p99),
            max: milliseconds(first.max),
        },
        packets: Loss {
            sent: packets.sent,
            lost: packets.lost,
        },
    }
}

impl BgpSwitchoverFigures {
    /// The documented line of JSON.
    ///
    /// # Errors
    /// None that a figure can cause.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// Whether no neighbour noticed anything.
    pub fn unnoticed(&self) -> bool {
        self.resets == 0 && self.updates_repeated == 0 && self.packets.lost == 0
    }
}

impl BgpProgress<'_> {
    /// One line for people.
    pub fn line(&self) -> String {
        format!(
            "round {}/{}  first bytes ms p50 {} p99 {} max {}  stolen ms {}  resets {} repeated {}",
            self.done,
            self.count,
            milliseconds(self.first_bytes_us.p50),
            milliseconds(self.first_bytes_us.p99),
            milliseconds(self.first_bytes_us.max),
            self.stolen_ms,
            self.status.resets,
            self.status.updates_repeated
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chassis_file::ChassisFile;

    #[test]
    fn the_chassis_is_one_and_has_hosts_for_the_transit_and_a_port_for_the_neighbours() {
        let file = ChassisFile::parse(&chassis(3)).unwrap();
        assert!(super::super::traffic::roles(&file).is_some());
        assert!(!file.hosts.iter().any(|host| host.wire == WIRE));
        assert!(
            file.startup_config
                .contains(" neighbor 10.64.0.3 peer-group MANY")
        );
        assert!(file.hosts.iter().any(|host| host.address.address() == TOLD_VIA));
    }

    #[test]
    fn the_line_has_the_documented_shape() {
        let bench = BgpSwitchoverBench {
            program: "holdover".into(),
            sessions: 5_000,
            count: 20,
            cause: Cause::Crash,
        };
        let before = NeighborsStatus {
            resets: 2,
            updates_repeated: 1,
            ..NeighborsStatus::default()
        };
        let packets = Packets {
            sent: 10,
            lost: 1,
            duplicated: 0,
        };
        let figures = figures(&bench, &before, &before, &[1_500, 2_000, 70_250], packets);
        let expected = "{\"bench\":\"bgp-switchover\",\"sessions\":5000,\"count\":20,\"resets\":0,\"updates_repeated\":0,\
                        \"first_keepalive_ms\":{\"p50\":2.0,\"p99\":70.25,\"max\":70.25},\
                        \"packets\":{\"sent\":10,\"lost\":1}}";
        assert_eq!(figures.to_json().unwrap(), expected);
        assert!(!figures.unnoticed());
    }
}
