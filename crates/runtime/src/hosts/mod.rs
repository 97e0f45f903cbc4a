//! The process behind the `mem` wires: the world outside the router, for demonstrations, benches and the curious.
//!
//! ```text
//!   card 1 ── RUN/wires/west.sock ──┐
//!                                   ├─ hosts process: Field (hosts, flows, probers, meters) ── RUN/hosts.sock ── demo
//!   card 2 ── RUN/wires/east.sock ──┘                                                          JSON lines        bench
//! ```
//!
//! One thread, one loop. Sends are batched: the loop wakes at most every [`BATCH_INTERVAL`] for what is due, because a
//! wake for each packet would cost more than the packet. All times are `CLOCK_MONOTONIC`, which is the same in all
//! processes of one host, so that a bench may ask for the first reply after the moment at which it killed somebody.
//!
//! Contract: [`control`] is the protocol, [`client::HostsClient`] its other end. A wire whose card is away takes
//! nothing; the streams wait, and what they skip meanwhile is told apart from loss.

pub mod client;
mod config;
pub mod control;

pub use config::{HostSpec, HostsConfig};

use crate::clock;
use crate::event_loop::{EventLoop, Interest, LoopSignal, Ready, Signals};
use crate::wire::mem::{self, MemEnd};
use crate::wire::{SendOutcome, WireError, ring::FrameRing};
use control::{Control, HostReport, Request, Response, StreamReport};
use machine::{Duration, Instant};
use rustix::fd::AsFd;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use traffic::field::{Field, FieldError, Wires};
use traffic::flow::StreamConfig;
use traffic::host::SendStatus;
use traffic::meter::IntervalId;

/// Time between two rounds of sending.
pub const BATCH_INTERVAL: Duration = Duration::from_micros(500);

/// Frames taken from one wire before the others get their turn.
const RECEIVE_BUDGET: usize = 256;
/// Answers that the hosts may give to one budget of frames.
const ANSWERS_MAX: usize = RECEIVE_BUDGET * 2;

const STOP: u64 = u64::MAX;
/// Wires have the tokens from 0 on, the control socket and its connections from here on.
const CONTROL: u64 = 1 << 32;

/// Why the hosts cannot run.
#[derive(Debug)]
pub enum HostsError {
    /// A host of the configuration cannot be; its name and why.
    Config(String),
    /// A wire cannot be opened.
    Wire(WireError),
    /// The control socket cannot be opened.
    Control(PathBuf, io::Error),
    /// The system refuses what every process needs.
    System(io::Error),
}

impl fmt::Display for HostsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostsError::Config(text) => f.write_str(text),
            HostsError::Wire(error) => error.fmt(f),
            HostsError::Control(path, error) => write!(f, "cannot listen at {}: {error}", path.display()),
            HostsError::System(error) => write!(f, "the hosts cannot go on: {error}"),
        }
    }
}

impl std::error::Error for HostsError {}

impl From<io::Error> for HostsError {
    fn from(error: io::Error) -> HostsError {
        HostsError::System(error)
    }
}

/// Where the hosts of the chassis with this run directory are controlled.
pub fn control_path(run_directory: &Path) -> PathBuf {
    run_directory.join("hosts.sock")
}

/// Runs the hosts until SIGTERM.
///
/// # Errors
/// [`HostsError`] when they cannot start, or the system takes away what they need.
pub fn run_hosts(config: &HostsConfig, run_directory: &Path) -> Result<(), HostsError> {
    let signals = Signals::take(&[LoopSignal::Terminate])?;
    HostsProcess::open(config, run_directory)?.run(&signals)
}

/// The hosts with their wires and their control socket.
pub struct HostsProcess {
    world: World,
    control: Control,
    event_loop: EventLoop,
    /// When things were sent last.
    last_round: Instant,
}

/// What a command can look at and change.
struct World {
    field: Field,
    /// Wire `n` is that of host `n`.
    ends: Ends,
    wire_names: Vec<String>,
    /// What the hosts answer while a wire is being read, which cannot be written at the same time.
    answers: Answers,
}

struct Ends(Vec<MemEnd>);

impl Wires for Ends {
    fn send(&mut self, host: usize, frame: &[u8]) -> SendStatus {
        let end = &mut self.0[host];
        // Asked before, because a frame that waits for its turn is no drop.
        if !end.is_up() || end.room() == 0 {
            return SendStatus::WouldBlock;
        }
        match end.send(frame) {
            SendOutcome::Queued => SendStatus::Sent,
            SendOutcome::Full | SendOutcome::Down => SendStatus::WouldBlock,
            SendOutcome::TooLong => SendStatus::Refused,
        }
    }
}

struct Answers(FrameRing);

impl Wires for Answers {
    fn send(&mut self, host: usize, frame: &[u8]) -> SendStatus {
        // There are at most 64 hosts.
        if self.0.push(&[host as u8], frame) {
            SendStatus::Sent
        } else {
            SendStatus::WouldBlock
        }
    }
}

impl HostsProcess {
    /// Opens all wires and the control socket; nothing is sent yet.
    ///
    /// # Errors
    /// [`HostsError`], whose text names the host, wire or path.
    pub fn open(config: &HostsConfig, run_directory: &Path) -> Result<HostsProcess, HostsError> {
        let event_loop = EventLoop::new()?;
        let (mut field, mut ends, now) = (Field::new(), Vec::new(), clock::now());
        for (index, spec) in config.hosts.iter().enumerate() {
            let host = spec.to_host(index).map_err(HostsError::Config)?;
            field
                .add_host(now, host)
                .map_err(|error| HostsError::Config(error.to_string()))?;
            let path = mem::socket_path(run_directory, &spec.wire).map_err(HostsError::Wire)?;
            let end = MemEnd::open(&path).map_err(HostsError::Wire)?;
            event_loop.add(end.fd(), index as u64, Interest::READ)?;
            ends.push(end);
        }
        let path = control_path(run_directory);
        let control =
            Control::open(&path, &event_loop, CONTROL).map_err(|error| HostsError::Control(path, error))?;
        let world = World {
            field,
            ends: Ends(ends),
            wire_names: config.hosts.iter().map(|spec| spec.wire.clone()).collect(),
            answers: Answers(FrameRing::new(ANSWERS_MAX, ANSWERS_MAX * 1536)),
        };
        Ok(HostsProcess {
            world,
            control,
            event_loop,
            last_round: Instant::ZERO,
        })
    }

    /// Runs until `stop` becomes readable.
    ///
    /// # Errors
    /// When the system takes away what the loop needs.
    pub fn run(&mut self, stop: &impl AsFd) -> Result<(), HostsError> {
        self.event_loop.add(stop, STOP, Interest::READ)?;
        let mut ready = Vec::new();
        let result = loop {
            match self.round(&mut ready) {
                Ok(false) => {}
                Ok(true) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.event_loop.remove(stop)?;
        result
    }

    /// Waits once and does what there is to do; whether to stop.
    fn round(&mut self, ready: &mut Vec<Ready>) -> Result<bool, HostsError> {
        let deadline = self
            .world
            .field
            .next_deadline()
            .map(|(at, _)| at.max(self.last_round + BATCH_INTERVAL));
        self.event_loop.wait(deadline, ready)?;
        for event in ready.iter() {
            match event.token {
                STOP => return Ok(true),
                token if token >= CONTROL => {
                    let world = &mut self.world;
                    self.control
                        .serve(&self.event_loop, *event, |request| world.answer(request))?;
                }
                token => self.world.receive(token as usize)?,
            }
        }
        let now = clock::now();
        if deadline.is_some_and(|deadline| deadline <= now) {
            self.world.field.expire(now, &mut self.world.ends);
            self.last_round = now;
        }
        self.world.ends.0.iter_mut().for_each(MemEnd::flush);
        Ok(false)
    }
}

impl World {
    fn receive(&mut self, host: usize) -> io::Result<()> {
        let World {
            field, ends, answers, ..
        } = self;
        // One moment for a batch: it was all there when the wire was looked at.
        let now = clock::now();
        ends.0[host].receive(RECEIVE_BUDGET, &mut |frame| {
            field.receive(now, host, frame, answers)
        })?;
        for frame in answers.0.iter() {
            if let Some((host, frame)) = frame.split_first() {
                // A wire that is full or down drops an answer as any cable would.
                ends.0[usize::from(*host)].send(frame);
            }
        }
        answers.0.clear();
        Ok(())
    }

    /// Does what a client asks for.
    fn answer(&mut self, request: Request) -> Response {
        self.try_answer(request)
            .unwrap_or_else(|message| Response::Error { message })
    }

    fn try_answer(&mut self, request: Request) -> Result<Response, String> {
        let now = clock::now();
        let text = |error: FieldError| error.to_string();
        Ok(match request {
            Request::List => self.list(now),
            Request::StartFlow {
                from,
                to,
                per_second,
                frame_len,
            } => {
                let from = self.field.host_named(&from).map_err(text)?;
                let to = self.field.host_named(&to).map_err(text)?;
                control::check_rate(per_second, frame_len)?;
                let stream = self
                    .field
                    .start_flow(now, from, to, per_second, frame_len)
                    .map_err(text)?;
                Response::Started { stream }
            }
            Request::StartPing {
                from,
                destination,
                per_second,
                frame_len,
            } => {
                let from = self.field.host_named(&from).map_err(text)?;
                control::check_rate(per_second, frame_len)?;
                let config = StreamConfig {
                    destination,
                    per_second,
                    frame_len,
                };
                let stream = self.field.start_prober(now, from, config).map_err(text)?;
                Response::Started { stream }
            }
            Request::Stop { stream } => {
                self.each_stream(stream, |flow| flow.stop(), |prober| prober.stop())?;
                Response::Done
            }
            Request::Resume { stream } => {
                self.each_stream(stream, |flow| flow.start(now), |prober| prober.start(now))?;
                Response::Done
            }
            Request::Remove { stream } if self.field.remove_stream(stream) => Response::Done,
            Request::Remove { stream } => return Err(no_such_stream(stream)),
            Request::BeginInterval { stream } => {
                let interval = self.each_stream(
                    stream,
                    |flow| flow.meter_mut().begin_interval(now),
                    |prober| prober.meter_mut().begin_interval(now),
                )?;
                Response::Interval { interval }
            }
            Request::Report {
                stream,
                interval,
                settle_ms,
            } => Response::Report(self.report(now, stream, interval, Duration::from_millis(settle_ms))?),
            Request::FirstReply { stream, after_ns } => {
                let prober = self
                    .field
                    .prober_mut(stream)
                    .ok_or_else(|| format!("stream {stream} is no ping"))?;
                Response::FirstReply(prober.meter().first_reply_after(Instant::from_nanos(after_ns)))
            }
        })
    }

    /// Does the one or the other with a stream, as its kind is.
    fn each_stream<T>(
        &mut self,
        stream: u32,
        flow: impl FnOnce(&mut traffic::flow::Flow) -> T,
        prober: impl FnOnce(&mut traffic::flow::Prober) -> T,
    ) -> Result<T, String> {
        if let Some(found) = self.field.flow_mut(stream) {
            return Ok(flow(found));
        }
        let found = self.field.prober_mut(stream);
        found.map(prober).ok_or_else(|| no_such_stream(stream))
    }

    fn report(
        &mut self,
        now: Instant,
        stream: u32,
        interval: Option<IntervalId>,
        settle_after: Duration,
    ) -> Result<StreamReport, String> {
        let report = self.each_stream(
            stream,
            |flow| {
                let report = match interval {
                    Some(interval) => flow.meter().report(now, interval, settle_after)?,
                    None => flow.meter().total(now, settle_after),
                };
                Some(StreamReport {
                    packets: report,
                    ping: None,
                    skipped: flow.skipped(),
                })
            },
            |prober| {
                let report = match interval {
                    Some(interval) => prober.meter().report(now, interval, settle_after)?,
                    None => prober.meter().total(now, settle_after),
                };
                Some(StreamReport {
                    packets: report.probes,
                    ping: Some(report),
                    skipped: prober.skipped(),
                })
            },
        )?;
        report.ok_or_else(|| format!("stream {stream} does not know this interval"))
    }

    fn list(&self, now: Instant) -> Response {
        let hosts = self.field.hosts().iter().zip(&self.ends.0).zip(&self.wire_names);
        let hosts = hosts.map(|((host, end), wire)| HostReport {
            name: host.config().name.clone(),
            wire: wire.clone(),
            mac: host.config().mac.to_string(),
            address: host.config().address.to_string(),
            gateway: host.config().gateway,
            up: end.is_up(),
            host: host.counters(),
            frames: end.counters(),
        });
        let name = |host: usize| self.field.hosts()[host].config().name.clone();
        let flows = self
            .field
            .flows()
            .map(|(stream, from, to, flow)| control::StreamSummary {
                stream,
                from: name(from),
                to: name(to),
                running: flow.is_running(),
                packets: flow.meter().total(now, Duration::ZERO),
            });
        let pings = self
            .field
            .probers()
            .map(|(stream, from, prober)| control::StreamSummary {
                stream,
                from: name(from),
                to: prober.destination().to_string(),
                running: prober.is_running(),
                packets: prober.meter().total(now, Duration::ZERO).probes,
            });
        Response::List {
            hosts: hosts.collect(),
            flows: flows.collect(),
            pings: pings.collect(),
            strays: self.field.strays(),
        }
    }
}

fn no_such_stream(stream: u32) -> String {
    format!("there is no stream {stream}")
}
