//! Thousands of BGP neighbours on the kernel's TCP in one process, to load a router and to watch what it does to them.
//!
//! ```text
//!   bench ── JSON lines ── this process, in a network namespace of its own
//!                          sessions ── kernel TCP ── bgp0 (TAP) ── RUN/wires/NAME.sock ── card, router
//! ```
//!
//! The kernel is the neighbours' TCP and ARP, so that nothing of the router's own code vouches for it. All addresses of
//! [`plan`] are local to the namespace; each session is bound to its own. The neighbours open their sessions, a few at a
//! time, and open again what ends. One thread, one loop.
//!
//! Contract: [`control`] is the protocol, [`control::NeighborsClient`] its other end. The process ends with its standard
//! input.

pub mod control;
pub mod plan;
pub mod session;

use crate::clock;
use crate::event_loop::{EventLoop, Interest, Ready};
use crate::network_namespace::{self, Cable, Layer, NamespaceError};
use crate::wire::WireError;
use crate::wire::mem::{self, MemEnd};
use control::{NeighborsStatus, Request, Response};
use machine::{Duration, Instant};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustix::process::{Resource, Rlimit};
use session::{Counts, End, Session, State};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddrV4};
use std::path::Path;

const INPUT: u64 = 0;
const CABLE: u64 = 1;
const WIRE: u64 = 2;
/// Session `n` has the token `n` plus this.
const SESSIONS: u64 = 16;
/// Name of the interface.
const INTERFACE: &str = "bgp0";
/// Sessions that are being opened at a time: a router bounds those as well.
const OPENING_MAX: usize = 64;
/// Before a session is opened again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Frames taken from one side of the cable before the others get their turn.
const FRAMES_BUDGET: usize = 256;
/// Longest frame that the interface sends, in bytes.
const FRAME_LEN_MAX: usize = 1514;
/// Moments that a round keeps of each session: more than come within the hold time.
const MOMENTS_MAX: usize = 32;
/// Bytes of requests that may wait for the end of their line.
const REQUEST_LEN_MAX: usize = 4096;
/// Port of BGP.
const BGP_PORT: u16 = 179;

/// Why the neighbours cannot run. The text says what to do about it.
#[derive(Debug)]
pub enum NeighborsError {
    /// There is no namespace, or no interface in it.
    Namespace(NamespaceError),
    /// The wire to the router cannot be opened.
    Wire(WireError),
    /// The process may not have as many descriptors as there are sessions: how many it needs, and may have.
    Descriptors(u64, u64),
    /// The system refuses what every process needs.
    System(io::Error),
}

impl fmt::Display for NeighborsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NeighborsError::Namespace(error) => error.fmt(f),
            NeighborsError::Wire(error) => error.fmt(f),
            NeighborsError::Descriptors(needed, allowed) => write!(
                f,
                "the neighbours need {needed} descriptors and may have {allowed}: raise the limit with \
                 'ulimit -Hn {needed}' as root, or ask for fewer sessions"
            ),
            NeighborsError::System(error) => write!(f, "the neighbours cannot go on: {error}"),
        }
    }
}

impl std::error::Error for NeighborsError {}

impl From<io::Error> for NeighborsError {
    fn from(error: io::Error) -> NeighborsError {
        NeighborsError::System(error)
    }
}

/// Runs `sessions` neighbours on the wire `wire` of the chassis with this run directory, until the end of standard input.
/// Moves the process into a namespace of its own, so it must have one thread.
///
/// # Errors
/// [`NeighborsError`].
pub fn run(run_directory: &Path, wire: &str, sessions: u32) -> Result<(), NeighborsError> {
    raise_descriptor_limit(u64::from(sessions) + 32)?;
    let socket = mem::socket_path(run_directory, wire).map_err(NeighborsError::Wire)?;
    let end = MemEnd::open(&socket).map_err(NeighborsError::Wire)?;
    network_namespace::enter_new().map_err(NeighborsError::Namespace)?;
    let cable = Cable::attach(Layer::Ethernet, INTERFACE).map_err(NeighborsError::Namespace)?;
    for (name, address, prefix_len) in [
        // On a loopback interface the whole prefix is local: every neighbour's address.
        ("lo:1", plan::address(0), plan::NEIGHBORS_PREFIX_LEN),
        (INTERFACE, plan::INTERFACE_ADDRESS, plan::NETWORK_PREFIX_LEN),
    ] {
        network_namespace::set_address(name, IpAddr::V4(address), prefix_len)?;
    }
    network_namespace::set_up(INTERFACE)?;
    Neighbors::new(cable, end, sessions)?.run()
}

fn raise_descriptor_limit(needed: u64) -> Result<(), NeighborsError> {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if let Some(maximum) = limit.maximum.filter(|maximum| *maximum < needed) {
        return Err(NeighborsError::Descriptors(needed, maximum));
    }
    let raised = Rlimit {
        current: Some(needed),
        maximum: limit.maximum,
    };
    rustix::process::setrlimit(Resource::Nofile, raised).map_err(|error| NeighborsError::System(error.into()))
}

/// What a neighbour does.
enum Activity {
    /// It waits before it opens its session.
    Waiting,
    /// Its stream is being made.
    Connecting(OwnedFd),
    /// Its stream stands.
    Talking(OwnedFd, Box<Session>),
}

struct Neighbor {
    activity: Activity,
    /// When it is looked at next, as it stands in the timers.
    due: Option<Instant>,
    /// Whether the loop reports that its stream takes bytes.
    writing: bool,
    /// When the router was heard in this round.
    moments: Vec<Instant>,
}

struct Neighbors {
    event_loop: EventLoop,
    cable: Cable,
    end: MemEnd,
    neighbors: Vec<Neighbor>,
    /// Those that want to open their session, in the order in which they wait.
    waiting: BTreeSet<(Instant, usize)>,
    timers: BTreeSet<(Instant, usize)>,
    opening: usize,
    /// Of sessions that are over.
    past: Counts,
    resets: u64,
    reasons: BTreeMap<String, u64>,
    failed_openings: u64,
    last_failure: Option<String>,
    request: Vec<u8>,
}

impl Neighbors {
    fn new(cable: Cable, end: MemEnd, sessions: u32) -> io::Result<Neighbors> {
        let event_loop = EventLoop::new()?;
        event_loop.add(rustix::stdio::stdin(), INPUT, Interest::READ)?;
        event_loop.add(cable.fd(), CABLE, Interest::READ)?;
        event_loop.add(end.fd(), WIRE, Interest::READ)?;
        let now = clock::now();
        let neighbor = |_| Neighbor {
            activity: Activity::Waiting,
            due: None,
            writing: false,
            moments: Vec::new(),
        };
        Ok(Neighbors {
            event_loop,
            cable,
            end,
            neighbors: (0..sessions).map(neighbor).collect(),
            waiting: (0..sessions as usize).map(|index| (now, index)).collect(),
            timers: BTreeSet::new(),
            opening: 0,
            past: Counts::default(),
            resets: 0,
            reasons: BTreeMap::new(),
            failed_openings: 0,
            last_failure: None,
            request: Vec::new(),
        })
    }

    fn run(&mut self) -> Result<(), NeighborsError> {
        let mut ready = Vec::new();
        while self.round(&mut ready)? {}
        Ok(())
    }

    /// Waits once and does what there is to do; false at the end of the input.
    fn round(&mut self, ready: &mut Vec<Ready>) -> io::Result<bool> {
        let may_open = self.opening < OPENING_MAX && self.end.is_up();
        let opens_at = self.waiting.first().map(|(at, _)| *at).filter(|_| may_open);
        let due = self.timers.first().map(|(at, _)| *at);
        self.event_loop
            .wait(opens_at.into_iter().chain(due).min(), ready)?;
        for event in ready.iter() {
            match event.token {
                INPUT if !self.serve_input()? => return Ok(false),
                INPUT => {}
                CABLE => self.carry_to_router()?,
                WIRE => self.carry_to_kernel()?,
                token => self.serve(token - SESSIONS, *event),
            }
        }
        let now = clock::now();
        while let Some((_, index)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.pop_first();
            self.neighbors[index].due = None;
            self.expire(now, index);
        }
        self.open_some(now);
        self.end.flush();
        Ok(true)
    }

    fn carry_to_router(&mut self) -> io::Result<()> {
        let mut frame = [0; FRAME_LEN_MAX];
        for _ in 0..FRAMES_BUDGET {
            match self.cable.receive(&mut frame)? {
                // What finds no room is lost, as on any cable.
                Some(length) => drop(self.end.send(&frame[..length])),
                None => break,
            }
        }
        Ok(())
    }

    fn carry_to_kernel(&mut self) -> io::Result<()> {
        let cable = &self.cable;
        self.end.receive(FRAMES_BUDGET, &mut |frame| {
            // As above; the kernel also refuses what is no frame of its interface.
            let _ = cable.send(frame);
        })?;
        Ok(())
    }

    /// Opens sessions as long as not too many are being opened.
    fn open_some(&mut self, now: Instant) {
        while self.opening < OPENING_MAX
            && self.end.is_up()
            && let Some((_, index)) = self.waiting.first().copied().filter(|(at, _)| *at <= now)
        {
            self.waiting.pop_first();
            self.opening += 1;
            match self.connect(index) {
                Ok(stream) => self.neighbors[index].activity = Activity::Connecting(stream),
                Err(error) => self.ended(now, index, End::Broken(error.to_string())),
            }
        }
    }

    fn connect(&self, index: usize) -> io::Result<OwnedFd> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let stream = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        sockopt::set_tcp_nodelay(&stream, true)?;
        rustix::net::bind(&stream, &SocketAddrV4::new(plan::address(index as u32), 0))?;
        match rustix::net::connect(&stream, &SocketAddrV4::new(plan::ROUTER, BGP_PORT)) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        self.event_loop
            .add(&stream, SESSIONS + index as u64, Interest::READ_WRITE)?;
        Ok(stream)
    }

    /// Something happened to a session's stream.
    fn serve(&mut self, number: u64, event: Ready) {
        let now = clock::now();
        let index = number as usize;
        let Some(neighbor) = self.neighbors.get_mut(index) else {
            return;
        };
        let result = match &mut neighbor.activity {
            Activity::Waiting => return,
            Activity::Connecting(stream) => match sockopt::socket_error(&*stream) {
                Ok(Ok(())) if event.writable => {
                    let activity = std::mem::replace(&mut neighbor.activity, Activity::Waiting);
                    if let Activity::Connecting(stream) = activity {
                        let session = Box::new(Session::open(index as u32, now));
                        neighbor.activity = Activity::Talking(stream, session);
                        neighbor.writing = true;
                    }
                    Ok(())
                }
                Ok(Ok(())) => return,
                Ok(Err(error)) | Err(error) => Err(End::Broken(error.to_string())),
            },
            Activity::Talking(stream, session) => {
                let before = session.state();
                let read = read_all(now, stream, session, &mut neighbor.moments);
                if before != State::Established && session.state() == State::Established {
                    self.opening -= 1;
                }
                read
            }
        };
        match result {
            Ok(()) => self.settle(now, index),
            Err(end) => self.ended(now, index, end),
        }
    }

    fn expire(&mut self, now: Instant, index: usize) {
        let Activity::Talking(_, session) = &mut self.neighbors[index].activity else {
            return;
        };
        match session.expire(now) {
            Ok(()) => self.settle(now, index),
            Err(end) => self.ended(now, index, end),
        }
    }

    /// Writes what a session has to send, and notes when it is looked at next.
    fn settle(&mut self, now: Instant, index: usize) {
        let neighbor = &mut self.neighbors[index];
        let Activity::Talking(stream, session) = &mut neighbor.activity else {
            return;
        };
        if let Err(end) = write_all(stream, session) {
            return self.ended(now, index, end);
        }
        let writing = !session.output.is_empty();
        if writing != neighbor.writing {
            neighbor.writing = writing;
            let token = SESSIONS + index as u64;
            if let Err(error) = self
                .event_loop
                .change(&*stream, token, Interest::read_and(writing))
            {
                return self.ended(now, index, End::Broken(error.to_string()));
            }
        }
        // The timer is left where it is while that is early enough: it only looks again.
        let deadline = session.deadline();
        if neighbor.due.is_none_or(|due| deadline < due) {
            if let Some(due) = neighbor.due {
                self.timers.remove(&(due, index));
            }
            neighbor.due = Some(deadline);
            self.timers.insert((deadline, index));
        }
    }

    /// A session is over, or could not be opened: it is tried again after a while.
    fn ended(&mut self, now: Instant, index: usize, end: End) {
        let neighbor = &mut self.neighbors[index];
        if let Some(due) = neighbor.due.take() {
            self.timers.remove(&(due, index));
        }
        // Dropping the stream closes it.
        let activity = std::mem::replace(&mut neighbor.activity, Activity::Waiting);
        let mut was_established = false;
        if let Activity::Talking(_, session) = activity {
            was_established = session.state() == State::Established;
            self.past.add(session.counts);
        }
        if was_established {
            self.resets += 1;
            *self.reasons.entry(end.to_string()).or_default() += 1;
        } else {
            self.opening -= 1;
            self.failed_openings += 1;
            self.last_failure = Some(end.to_string());
        }
        self.waiting.insert((now + RETRY_AFTER, index));
    }

    /// Reads requests and answers them; false at their end.
    fn serve_input(&mut self) -> io::Result<bool> {
        let mut bytes = [0; 1024];
        let length = match rustix::io::read(rustix::stdio::stdin(), &mut bytes) {
            Ok(0) => return Ok(false),
            Ok(length) => length,
            Err(Errno::INTR | Errno::AGAIN) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        self.request.extend_from_slice(&bytes[..length]);
        while let Some(end) = self.request.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.request.drain(..=end).collect();
            let response = match serde_json::from_slice(&line) {
                Ok(request) => self.answer(request),
                Err(error) => Response::Error {
                    message: format!("this is no request: {error}"),
                },
            };
            let mut answer = serde_json::to_vec(&response)?;
            answer.push(b'\n');
            let mut output = io::stdout().lock();
            output.write_all(&answer)?;
            output.flush()?;
        }
        if self.request.len() > REQUEST_LEN_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a request without end",
            ));
        }
        Ok(true)
    }

    fn answer(&mut self, request: Request) -> Response {
        match request {
            Request::Status => Response::Status(self.status()),
            Request::BeginRound => {
                self.neighbors
                    .iter_mut()
                    .for_each(|neighbor| neighbor.moments.clear());
                Response::Done
            }
            Request::FirstBytes { after_ns } => {
                let after = Instant::from_nanos(after_ns);
                let first = |neighbor: &Neighbor| neighbor.moments.iter().find(|at| **at > after).copied();
                let at_ns: Vec<u64> = self
                    .neighbors
                    .iter()
                    .filter_map(first)
                    .map(Instant::as_nanos)
                    .collect();
                let silent = (self.neighbors.len() - at_ns.len()) as u32;
                Response::FirstBytes { at_ns, silent }
            }
        }
    }

    fn status(&self) -> NeighborsStatus {
        let mut counts = self.past;
        let (mut established, mut complete) = (0, 0);
        for neighbor in &self.neighbors {
            if let Activity::Talking(_, session) = &neighbor.activity {
                counts.add(session.counts);
                established += u32::from(session.state() == State::Established);
                complete += u32::from(session.is_complete());
            }
        }
        NeighborsStatus {
            sessions: self.neighbors.len() as u32,
            established,
            complete,
            resets: self.resets,
            reasons: self.reasons.clone(),
            failed_openings: self.failed_openings,
            last_failure: self.last_failure.clone(),
            updates: counts.updates,
            updates_repeated: counts.updates_repeated,
            withdrawn: counts.withdrawn,
            keepalives: counts.keepalives,
            refreshes: counts.refreshes,
        }
    }
}

/// Gives a session all that its stream holds.
fn read_all(
    now: Instant,
    stream: &OwnedFd,
    session: &mut Session,
    moments: &mut Vec<Instant>,
) -> Result<(), End> {
    let mut bytes = [0; 16 << 10];
    loop {
        match rustix::io::read(stream, &mut bytes) {
            Ok(0) => return Err(End::Closed),
            Ok(length) => {
                if moments.len() < MOMENTS_MAX {
                    moments.push(now);
                }
                session.receive(now, &bytes[..length])?;
                if length < bytes.len() {
                    return Ok(());
                }
            }
            Err(Errno::AGAIN) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(End::Broken(error.to_string())),
        }
    }
}

/// Gives a stream all that it takes of what a session has to send.
fn write_all(stream: &impl AsFd, session: &mut Session) -> Result<(), End> {
    while !session.output.is_empty() {
        match rustix::io::write(stream, &session.output) {
            Ok(written) => drop(session.output.drain(..written)),
            Err(Errno::AGAIN) => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(End::Broken(error.to_string())),
        }
    }
    Ok(())
}
