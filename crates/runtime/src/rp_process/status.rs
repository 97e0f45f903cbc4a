//! The status socket: one JSON object a line in, one out. For `holdover status`, demo, bench and tests.

use super::TOKEN_STATUS;
use super::consoles::bind_fresh;
use crate::clock;
use crate::event_loop::{EventLoop, Interest, Ready};
use crate::steps::Trap;
use machine::{Instant, RpSlot, StepKind};
use rp::{Phase, RouteProcessor};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

const LISTENER: u64 = 0;
/// A request is one line, far below this.
const REQUEST_BYTES_MAX: usize = 4096;
/// Bytes of answers beyond which a client that goes on asking is cut off.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Connections at one time; a further one is closed.
const CONNECTIONS_MAX: usize = 64;

/// Where the status socket of the RP in `slot` is.
pub fn status_path(run_directory: &Path, slot: RpSlot) -> PathBuf {
    run_directory.join(format!("status-{slot}.sock"))
}

/// Moments of the last switchover on this process's clock (`CLOCK_MONOTONIC`), in nanoseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Phases {
    at: BTreeMap<Phase, u64>,
}

impl Phases {
    /// Notes a moment; a new detection starts a new switchover.
    pub(super) fn note(&mut self, phase: Phase, now: Instant) {
        if phase == Phase::Detected {
            self.at.clear();
        }
        self.at.entry(phase).or_insert(now.as_nanos());
    }
}

/// A fault that the process is to suffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Panic,
    HangLoop,
    DamagedStack,
    /// The thread that watches the peer's life tells nothing, or does again.
    LateWatcher(bool),
    /// The first such step kills; none: no step does any more.
    Trap(Option<Trap>),
}

/// What was asked.
pub(super) enum Request {
    Status {
        connection: u64,
    },
    Generate {
        connection: u64,
        routes: u32,
        next_hops: Vec<Ipv4Addr>,
    },
    Fault {
        fault: Fault,
    },
}

struct Connection {
    stream: UnixStream,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    waits_for_write: bool,
    broken: bool,
}

pub(super) struct StatusServer {
    listener: UnixListener,
    connections: BTreeMap<u64, Connection>,
    last: u64,
}

impl StatusServer {
    pub(super) fn bind(run_directory: &Path, slot: RpSlot, events: &EventLoop) -> io::Result<Self> {
        let listener = bind_fresh(&status_path(run_directory, slot))?;
        events.add(&listener, TOKEN_STATUS + LISTENER, Interest::READ)?;
        Ok(Self {
            listener,
            connections: BTreeMap::new(),
            last: 0,
        })
    }

    pub(super) fn ready(&mut self, which: u64, ready: Ready, events: &EventLoop) -> io::Result<Vec<Request>> {
        let mut requests = Vec::new();
        if which == LISTENER {
            self.accept(events)?;
        } else if (ready.readable || ready.hangup)
            && let Some(connection) = self.connections.get_mut(&which)
        {
            connection.read(which, &mut requests);
        }
        Ok(requests)
    }

    fn accept(&mut self, events: &EventLoop) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            if self.connections.len() >= CONNECTIONS_MAX {
                continue;
            }
            stream.set_nonblocking(true)?;
            // Tokens stay below those of the peer link; numbers of closed connections are free again.
            let free = (1..=CONNECTIONS_MAX as u64).find(|number| !self.connections.contains_key(number));
            let Some(number) = free else { continue };
            self.last = number;
            events.add(&stream, TOKEN_STATUS + number, Interest::READ)?;
            let connection = Connection {
                stream,
                incoming: Vec::new(),
                outgoing: Vec::new(),
                waits_for_write: false,
                broken: false,
            };
            self.connections.insert(number, connection);
        }
    }

    pub(super) fn answer(&mut self, connection: u64, text: &str) {
        if let Some(connection) = self.connections.get_mut(&connection) {
            connection.outgoing.extend_from_slice(text.as_bytes());
            connection.outgoing.push(b'\n');
        }
    }

    pub(super) fn flush(&mut self, events: &EventLoop) -> io::Result<()> {
        for (number, connection) in &mut self.connections {
            connection.write();
            let wants = !connection.outgoing.is_empty();
            if wants != connection.waits_for_write && !connection.broken {
                connection.waits_for_write = wants;
                events.change(
                    &connection.stream,
                    TOKEN_STATUS + number,
                    Interest::read_and(wants),
                )?;
            }
        }
        self.connections.retain(|_, connection| !connection.broken);
        Ok(())
    }
}

impl Connection {
    fn read(&mut self, number: u64, requests: &mut Vec<Request>) {
        let mut piece = [0; 1024];
        match self.stream.read(&mut piece) {
            Ok(0) => self.broken = true,
            Ok(count) => self.incoming.extend_from_slice(&piece[..count]),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) => {}
            Err(_) => self.broken = true,
        }
        while let Some(end) = self.incoming.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.incoming.drain(..=end).collect();
            match request(number, &line) {
                Ok(request) => requests.push(request),
                Err(why) => {
                    self.outgoing
                        .extend_from_slice(json!({ "error": why }).to_string().as_bytes());
                    self.outgoing.push(b'\n');
                }
            }
        }
        self.broken |= self.incoming.len() > REQUEST_BYTES_MAX || self.outgoing.len() > ANSWER_BYTES_MAX;
    }

    fn write(&mut self) {
        while !self.outgoing.is_empty() && !self.broken {
            match self.stream.write(&self.outgoing) {
                Ok(count) => drop(self.outgoing.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.broken = true,
            }
        }
    }
}

/// Reads any bytes as a request; for fuzzing.
pub fn exercise_status_request(line: &[u8]) {
    if let Err(why) = request(1, line) {
        assert!(!why.is_empty(), "a refusal says why");
    }
}

/// `trap parse 10.0.0.2`: BGP's next step of that kind for that neighbour kills. `trap off`: none does.
fn trap(text: &str) -> Result<Option<Trap>, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [kind, neighbor] = words[1..] else {
        let is_off = words[1..] == ["off"];
        return is_off
            .then_some(None)
            .ok_or_else(|| "'trap' wants a step and a neighbor, or 'off'".into());
    };
    let kind = StepKind::ALL.into_iter().find(|known| known.name() == kind);
    Ok(Some(Trap {
        kind: kind.ok_or("a step is parse, decide, pack or timer")?,
        session: rp::step_session(neighbor.parse().map_err(|_| "no neighbor's address")?),
    }))
}

fn request(connection: u64, line: &[u8]) -> Result<Request, String> {
    let value: Value = serde_json::from_slice(line).map_err(|error| format!("no JSON object: {error}"))?;
    match value["request"].as_str() {
        Some("status") => Ok(Request::Status { connection }),
        Some("generate") => {
            let routes = value["routes"]
                .as_u64()
                .and_then(|routes| u32::try_from(routes).ok());
            let routes = routes.ok_or("'routes' is missing or no number of routes")?;
            let next_hops = value["next_hops"].as_array().into_iter().flatten();
            let next_hops = next_hops
                .map(|hop| {
                    hop.as_str()
                        .and_then(|hop| hop.parse().ok())
                        .ok_or("'next_hops' holds no address")
                })
                .collect::<Result<_, _>>()?;
            Ok(Request::Generate {
                connection,
                routes,
                next_hops,
            })
        }
        Some("fault") => match value["fault"].as_str() {
            Some("panic") => Ok(Request::Fault { fault: Fault::Panic }),
            Some("hang-loop") => Ok(Request::Fault {
                fault: Fault::HangLoop,
            }),
            Some("damaged-stack") => Ok(Request::Fault {
                fault: Fault::DamagedStack,
            }),
            Some(fault @ ("late-watcher" | "late-watcher off")) => Ok(Request::Fault {
                fault: Fault::LateWatcher(fault == "late-watcher"),
            }),
            Some(fault) if fault.starts_with("trap ") => Ok(Request::Fault {
                fault: Fault::Trap(trap(fault)?),
            }),
            _ => Err(
                "'fault' is one of panic, hang-loop, damaged-stack, late-watcher, late-watcher off, trap STEP NEIGHBOR, \
                 trap off"
                    .into(),
            ),
        },
        _ => Err("'request' is one of status, generate, fault".into()),
    }
}

/// The processor as one line of JSON. `phases_ns` are `CLOCK_MONOTONIC` nanoseconds.
pub(super) fn document(processor: &RouteProcessor, phases: &Phases, now: Instant) -> String {
    let status = processor.status(now);
    let phase = |phase: Phase| phases.at.get(&phase).copied();
    let cards: Vec<Value> = status
        .cards
        .iter()
        .map(|card| {
            json!({
                "slot": card.card.0,
                "live": card.live,
                "outstanding_bytes": card.outstanding_bytes,
                "lost_punts": card.lost_punts,
                "links_up": card.links_up,
            })
        })
        .collect();
    json!({
        "slot": status.slot.to_string(),
        "pid": std::process::id(),
        "state": status.state.to_string(),
        "state_number": status.state.number(),
        "peer_state": status.peer_state.to_string(),
        "epoch": status.epoch.map(|epoch| epoch.counter),
        "configured_mode": status.configured_mode.to_string(),
        "operating_mode": status.operating_mode.to_string(),
        "fallback": status.fallback,
        "standby_rests": status.standby_rests,
        "in_step": status.in_step,
        "frame": status.frame.0,
        "acknowledged": status.acknowledged.0,
        "digest": format!("{:016x}", status.digest),
        "download_digest": format!("{:016x}", status.download_digest),
        "dirty_rows": status.dirty_rows,
        "generated_routes": status.generated_routes,
        "bgp_paths": status.bgp_paths,
        "fib_prefixes": status.fib_prefixes,
        "settled": status.settled,
        "cards": cards,
        "switchovers": status.switchovers,
        "last_switchover_reason": status.last_switchover_reason,
        "now_ns": clock::now().as_nanos(),
        "phases_ns": {
            "detected": phase(Phase::Detected),
            "epoch_claimed": phase(Phase::EpochClaimed),
            "promoted": phase(Phase::Promoted),
            "active": phase(Phase::Active),
        },
    })
    .to_string()
}
