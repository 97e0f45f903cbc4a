//! Neighbours on the kernel's TCP that tell their tables as fast as they are taken: the same for every router that is
//! measured.
//!
//! One process plays all of them, each session in two threads that do nothing but write and read. What it says on its
//! standard output is one line of JSON for each step; a line on its standard input lets it go on from one to the next,
//! and the end of that input ends it.

use super::table::{Feed, TableSpec, feed};
use crate::clock;
use packet::Ipv4Addr;
use packet::bgp::{
    AfiSafi, Capability, Kind, MESSAGE_LEN_MAX, Notification, OpenRepr, PORT, keepalive, split,
};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// The first neighbour's AS; the others follow.
pub const FIRST_AS: u32 = 65001;
/// The hold time that is offered, in seconds: a router that is busy with the table is not to be taken for dead.
const HOLD_TIME_S: u16 = 180;
/// Time between KEEPALIVEs once all is told.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// How long the router may take to listen and to establish a session.
const ESTABLISH_LIMIT: Duration = Duration::from_secs(60);
/// Time between two attempts to connect.
const CONNECT_INTERVAL: Duration = Duration::from_millis(200);
/// Bytes given to the kernel at a time.
const WRITE_BYTES: usize = 256 * 1024;

/// What is played.
#[derive(Clone, Debug)]
pub struct NeighborsSpec {
    /// The router's address.
    pub router: Ipv4Addr,
    /// The first neighbour's address; those of the others follow.
    pub first_address: Ipv4Addr,
    /// How many.
    pub neighbors: u32,
    /// Prefixes that each tells.
    pub routes: u32,
    /// Decides the tables.
    pub seed: u64,
}

/// What the process says. Times are nanoseconds of the host's monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The tables are drawn; a line is awaited before anybody connects.
    Drawn {
        /// Prefixes of each.
        routes: u32,
        /// Sets of attributes of the first.
        sets: u32,
        /// Bytes of all.
        bytes: u64,
    },
    /// All sessions are established; a line is awaited before anybody tells something.
    Established,
    /// The first byte of an UPDATE was about to be written.
    Began {
        /// When.
        at_ns: u64,
    },
    /// All have told all, End-of-RIB included.
    Told {
        /// When.
        at_ns: u64,
    },
}

/// Why it cannot go on.
fn failed(doing: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {doing}: {error}"))
}

/// Plays the neighbours until the standard input ends.
///
/// # Errors
/// When a session is not established in time, or ends.
pub fn run(spec: &NeighborsSpec) -> io::Result<()> {
    let tables: Vec<Feed> = (0..spec.neighbors)
        .map(|number| feed(&spec.table(number)))
        .collect();
    let Some(first) = tables.first() else {
        return Ok(());
    };
    say(Step::Drawn {
        routes: first.routes,
        sets: first.sets,
        bytes: tables.iter().map(|table| table.bytes.len() as u64).sum(),
    })?;
    if !is_to_go_on()? {
        return Ok(());
    }
    let (events, happened) = channel();
    let mut starts = Vec::new();
    for (number, table) in (0..).zip(tables) {
        let (start, started) = channel();
        starts.push(start);
        let (spec, events) = (spec.clone(), events.clone());
        thread::spawn(move || {
            if let Err(error) = session(&spec, number, &table, &started, &events) {
                let neighbor = spec.address(number);
                let _nobody_waits = events.send(Event::Failed(format!("neighbor {neighbor}: {error}")));
            }
        });
    }
    wait_for_all(&happened, spec.neighbors, Event::Established)?;
    say(Step::Established)?;
    if !is_to_go_on()? {
        return Ok(());
    }
    say(Step::Began { at_ns: now_ns() })?;
    for start in &starts {
        // A session that has ended says so itself.
        let _ended = start.send(());
    }
    wait_for_all(&happened, spec.neighbors, Event::Told)?;
    say(Step::Told { at_ns: now_ns() })?;
    let ends = events.clone();
    thread::spawn(move || {
        while is_to_go_on().unwrap_or(false) {}
        let _nobody_waits = ends.send(Event::InputEnded);
    });
    match happened.recv() {
        Ok(Event::Failed(why)) => Err(io::Error::other(why)),
        _ => Ok(()),
    }
}

impl NeighborsSpec {
    fn address(&self, number: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.first_address) + number)
    }

    fn table(&self, number: u32) -> TableSpec {
        TableSpec {
            seed: self.seed,
            routes: self.routes,
            neighbor: number,
            as_number: FIRST_AS + number,
            next_hop: self.address(number),
        }
    }
}

/// What a session's thread reports.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Established,
    Told,
    Failed(String),
    InputEnded,
}

fn now_ns() -> u64 {
    clock::now().as_nanos()
}

fn say(step: Step) -> io::Result<()> {
    let line = serde_json::to_string(&step)?;
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

/// Waits for a line; false at the end of the input.
fn is_to_go_on() -> io::Result<bool> {
    let mut line = String::new();
    Ok(io::stdin().read_line(&mut line)? > 0)
}

fn wait_for_all(happened: &Receiver<Event>, count: u32, awaited: Event) -> io::Result<()> {
    for _ in 0..count {
        match happened.recv_timeout(ESTABLISH_LIMIT * 60) {
            Ok(event) if event == awaited => {}
            Ok(Event::Failed(why)) => return Err(io::Error::other(why)),
            Ok(other) => {
                return Err(io::Error::other(format!(
                    "{other:?} while waiting for {awaited:?}"
                )));
            }
            Err(_) => return Err(io::Error::other("the sessions do not go on")),
        }
    }
    Ok(())
}

fn session(
    spec: &NeighborsSpec,
    number: u32,
    table: &Feed,
    started: &Receiver<()>,
    events: &Sender<Event>,
) -> io::Result<()> {
    let mut stream = connect(spec, number)?;
    establish(&mut stream, spec, number)?;
    // What is sent while nobody waits is the end of the process.
    let _nobody_waits = events.send(Event::Established);
    let reader = stream.try_clone().map_err(|error| failed("read", error))?;
    let heard = events.clone();
    thread::spawn(move || {
        let why = match listen(reader) {
            Ok(()) => "the router has closed the session".to_string(),
            Err(error) => error.to_string(),
        };
        let _nobody_waits = heard.send(Event::Failed(why));
    });
    let mut alive = Vec::new();
    keepalive(&mut alive);
    let mut told = false;
    loop {
        let wait = if told {
            KEEPALIVE_INTERVAL
        } else {
            Duration::from_secs(1)
        };
        match started.recv_timeout(wait) {
            Ok(()) => {
                for piece in table.bytes.chunks(WRITE_BYTES) {
                    stream
                        .write_all(piece)
                        .map_err(|error| failed("tell routes", error))?;
                }
                told = true;
                let _nobody_waits = events.send(Event::Told);
            }
            Err(RecvTimeoutError::Timeout) => {
                stream
                    .write_all(&alive)
                    .map_err(|error| failed("keep the session alive", error))?;
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Connects from the neighbour's own address, again until the router listens.
fn connect(spec: &NeighborsSpec, number: u32) -> io::Result<TcpStream> {
    let router = SocketAddr::from((spec.router, PORT));
    let deadline = clock::now() + machine::Duration::from_secs(ESTABLISH_LIMIT.as_secs());
    loop {
        match crate::operate::bgp_feed::socket::connect_from(spec.address(number), router) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) if clock::now() >= deadline => return Err(failed("connect to the router", error)),
            Err(_) => thread::sleep(CONNECT_INTERVAL),
        }
    }
}

/// OPEN and KEEPALIVE in both directions.
fn establish(stream: &mut TcpStream, spec: &NeighborsSpec, number: u32) -> io::Result<()> {
    let mut capabilities = Vec::new();
    Capability::Multiprotocol(AfiSafi::IPV4_UNICAST).emit(&mut capabilities);
    Capability::RouteRefresh.emit(&mut capabilities);
    Capability::FourOctetAs(FIRST_AS + number).emit(&mut capabilities);
    let open = OpenRepr {
        as_number: FIRST_AS + number,
        hold_time_s: HOLD_TIME_S,
        identifier: spec.address(number),
        capabilities: &capabilities,
    };
    let mut bytes = Vec::new();
    open.emit(&mut bytes);
    stream.write_all(&bytes)?;
    stream.set_read_timeout(Some(ESTABLISH_LIMIT))?;
    let mut heard = Vec::new();
    for awaited in [Kind::Open, Kind::Keepalive] {
        let kind = loop {
            if let Some((kind, length)) = first_message(&heard)? {
                heard.drain(..length);
                break kind;
            }
            let mut piece = [0; 4096];
            let length = stream
                .read(&mut piece)
                .map_err(|error| failed("hear the router's OPEN", error))?;
            if length == 0 {
                return Err(io::Error::other(
                    "the router closes the connection instead of opening a session",
                ));
            }
            heard.extend_from_slice(&piece[..length]);
        };
        if kind != awaited {
            return Err(io::Error::other(format!(
                "the router sends {kind:?} instead of {awaited:?}"
            )));
        }
        if kind == Kind::Open {
            let mut bytes = Vec::new();
            keepalive(&mut bytes);
            stream.write_all(&bytes)?;
        }
    }
    stream.set_read_timeout(None)
}

/// Kind and length of the first message; a NOTIFICATION is an error.
fn first_message(bytes: &[u8]) -> io::Result<Option<(Kind, usize)>> {
    let message = split(bytes, MESSAGE_LEN_MAX).map_err(|fault| {
        io::Error::other(format!("the router sends what is no message: {:?}", fault.code))
    })?;
    let Some(message) = message else {
        return Ok(None);
    };
    if message.kind == Kind::Notification {
        let why = Notification::parse(message.body).map_or_else(
            || "malformed".to_string(),
            |notification| format!("{:?}", notification.code),
        );
        return Err(io::Error::other(format!("the router ends the session: {why}")));
    }
    Ok(Some((message.kind, message.bytes.len())))
}

/// Reads, and forgets, what the router tells, until it closes.
fn listen(mut stream: TcpStream) -> io::Result<()> {
    let mut heard = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let length = stream.read(&mut piece)?;
        if length == 0 {
            return Ok(());
        }
        heard.extend_from_slice(&piece[..length]);
        let mut read = 0;
        while let Some((_, length)) = first_message(&heard[read..])? {
            read += length;
        }
        heard.drain(..read);
    }
}
