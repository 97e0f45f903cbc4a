//! How the hosts are told what to do: one JSON object on a line, one answer on a line.
//!
//! ```text
//!   {"op":"start_flow","from":"west","to":"east","per_second":20000,"frame_len":128}
//!   {"result":"started","stream":1}
//!   {"op":"report","stream":1,"settle_ms":500}
//!   {"result":"report","packets":{"sent":...,"lost":0,...},"ping":null,"skipped":0}
//!   {"op":"stop","stream":9}
//!   {"result":"error","message":"there is no stream 9"}
//! ```
//!
//! Answers come in the order of the requests. A line that cannot be read gets an error and changes nothing; a line
//! that never ends closes the connection.

use crate::event_loop::{EventLoop, Interest, Ready};
use crate::wire::WireCounters;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use traffic::flow::FRAME_LEN_RANGE;
use traffic::host::HostCounters;
use traffic::meter::{FlowReport, IntervalId};
use traffic::pace::Pace;
use traffic::probe::{FirstReplies, PingReport};

/// Longest request, in bytes.
const LINE_LEN_MAX: usize = 64 << 10;
/// Most bytes of answers that a client may leave unread.
const UNREAD_MAX: usize = 1 << 20;
/// Most clients at a time.
const CLIENTS_MAX: usize = 32;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Everything that there is.
    List,
    /// Start a stream of datagrams between two hosts.
    StartFlow {
        /// Name of the sending host.
        from: String,
        /// Name of the receiving host.
        to: String,
        /// Packets a second.
        per_second: u64,
        /// Bytes of a frame, Ethernet header included.
        frame_len: usize,
    },
    /// Start a series of echo requests.
    StartPing {
        /// Name of the asking host.
        from: String,
        /// Who is asked.
        destination: Ipv4Addr,
        /// Requests a second.
        per_second: u64,
        /// Bytes of a frame, Ethernet header included.
        frame_len: usize,
    },
    /// Send no more; what is under way still counts.
    Stop {
        /// The stream.
        stream: u32,
    },
    /// Send again after a stop.
    Resume {
        /// The stream.
        stream: u32,
    },
    /// Forget a stream and its account.
    Remove {
        /// The stream.
        stream: u32,
    },
    /// Packets sent from now on belong to a new interval.
    BeginInterval {
        /// The stream.
        stream: u32,
    },
    /// How a stream did.
    Report {
        /// The stream.
        stream: u32,
        /// In which interval; absent: since it was started.
        #[serde(default)]
        interval: Option<IntervalId>,
        /// How long after its end an interval counts as settled even though packets are missing, in milliseconds.
        settle_ms: u64,
    },
    /// The first answers that a ping got after a moment.
    FirstReply {
        /// The ping's stream.
        stream: u32,
        /// The moment on `CLOCK_MONOTONIC`, in nanoseconds.
        after_ns: u64,
    },
}

/// What the hosts answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Response {
    /// It is done.
    Done,
    /// A stream was started.
    Started {
        /// Its number.
        stream: u32,
    },
    /// An interval was begun.
    Interval {
        /// Its number.
        interval: IntervalId,
    },
    /// How a stream did.
    Report(StreamReport),
    /// The first answers of a ping.
    FirstReply(FirstReplies),
    /// Everything that there is.
    List {
        /// The hosts, in the order of the configuration.
        hosts: Vec<HostReport>,
        /// The streams of datagrams.
        flows: Vec<StreamSummary>,
        /// The series of echo requests.
        pings: Vec<StreamSummary>,
        /// Test packets that arrived where nobody expected them.
        strays: u64,
    },
    /// It is not done.
    Error {
        /// Why.
        message: String,
    },
}

/// How a stream did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamReport {
    /// Its packets; of a ping, its requests.
    pub packets: FlowReport,
    /// What only a ping has.
    pub ping: Option<PingReport>,
    /// Packets that were never sent because the sender or its wire stalled.
    pub skipped: u64,
}

/// One host and its wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostReport {
    /// Its name.
    pub name: String,
    /// Its wire's name.
    pub wire: String,
    /// Its MAC address.
    pub mac: String,
    /// Its address with the prefix length.
    pub address: String,
    /// Its gateway.
    pub gateway: Option<Ipv4Addr>,
    /// Whether a card is attached to its wire.
    pub up: bool,
    /// What it did.
    pub host: HostCounters,
    /// What went through its wire.
    pub frames: WireCounters,
}

/// One line about a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSummary {
    /// Its number.
    pub stream: u32,
    /// Name of the sending host.
    pub from: String,
    /// Name of the receiving host, or the address that is asked.
    pub to: String,
    /// Whether it sends.
    pub running: bool,
    /// Its packets since it was started.
    pub packets: FlowReport,
}

/// Refuses a rate or a length that no stream has.
pub(super) fn check_rate(per_second: u64, frame_len: usize) -> Result<(), String> {
    let rates = 1..=Pace::PER_SECOND_MAX;
    if !rates.contains(&per_second) {
        return Err(format!(
            "per_second: {per_second} is not in {} to {}",
            rates.start(),
            rates.end()
        ));
    }
    let lengths = FRAME_LEN_RANGE;
    if !lengths.contains(&frame_len) {
        return Err(format!(
            "frame_len: {frame_len} is not in {} to {}",
            lengths.start(),
            lengths.end()
        ));
    }
    Ok(())
}

/// The listening socket and its clients.
pub(super) struct Control {
    listener: UnixListener,
    clients: BTreeMap<u64, Client>,
    first_token: u64,
    next_token: u64,
}

struct Client {
    stream: UnixStream,
    /// The start of a request whose end has not come yet.
    input: Vec<u8>,
    /// Answers that the client has not taken yet.
    output: Vec<u8>,
}

/// A client that is done with, or that breaks the rules.
struct Close;

impl Control {
    /// Listens at `path`, and uses the tokens of `event_loop` from `first_token` on.
    pub(super) fn open(path: &Path, event_loop: &EventLoop, first_token: u64) -> io::Result<Control> {
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                if UnixStream::connect(path).is_ok() {
                    return Err(error);
                }
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            result => result?,
        };
        listener.set_nonblocking(true)?;
        event_loop.add(&listener, first_token, Interest::READ)?;
        Ok(Control {
            listener,
            clients: BTreeMap::new(),
            first_token,
            next_token: first_token + 1,
        })
    }

    /// Does what `ready` says; requests go to `answer`.
    pub(super) fn serve(
        &mut self,
        event_loop: &EventLoop,
        ready: Ready,
        answer: impl FnMut(Request) -> Response,
    ) -> io::Result<()> {
        if ready.token == self.first_token {
            return self.accept(event_loop);
        }
        let Some(client) = self.clients.get_mut(&ready.token) else {
            return Ok(());
        };
        match client.serve(answer) {
            Ok(()) => {
                let interest = Interest::read_and(!client.output.is_empty());
                event_loop.change(&client.stream, ready.token, interest)
            }
            Err(Close) => {
                self.clients.remove(&ready.token);
                Ok(())
            }
        }
    }

    fn accept(&mut self, event_loop: &EventLoop) -> io::Result<()> {
        match self.listener.accept() {
            Ok((stream, _)) if self.clients.len() < CLIENTS_MAX => {
                stream.set_nonblocking(true)?;
                event_loop.add(&stream, self.next_token, Interest::READ)?;
                let client = Client {
                    stream,
                    input: Vec::new(),
                    output: Vec::new(),
                };
                self.clients.insert(self.next_token, client);
                self.next_token += 1;
                Ok(())
            }
            // One client too many is closed at once.
            Ok(_) => Ok(()),
            Err(error) if is_transient(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Client {
    fn serve(&mut self, mut answer: impl FnMut(Request) -> Response) -> Result<(), Close> {
        let mut chunk = [0; 4096];
        let mut ended = false;
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => {
                    ended = true;
                    break;
                }
                Ok(length) => {
                    self.input.extend_from_slice(&chunk[..length]);
                    self.answer_lines(&mut answer)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Close),
            }
        }
        self.write()?;
        if ended { Err(Close) } else { Ok(()) }
    }

    fn answer_lines(&mut self, answer: &mut impl FnMut(Request) -> Response) -> Result<(), Close> {
        while let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.input.drain(..=end).collect();
            let response = match serde_json::from_slice(&line) {
                Ok(request) => answer(request),
                Err(error) => Response::Error {
                    message: format!("this is no request: {error}"),
                },
            };
            serde_json::to_writer(&mut self.output, &response).map_err(|_| Close)?;
            self.output.push(b'\n');
            if self.output.len() > UNREAD_MAX {
                return Err(Close);
            }
        }
        if self.input.len() > LINE_LEN_MAX {
            Err(Close)
        } else {
            Ok(())
        }
    }

    fn write(&mut self) -> Result<(), Close> {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(0) => return Err(Close),
                Ok(written) => {
                    self.output.drain(..written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Close),
            }
        }
        Ok(())
    }
}

fn is_transient(error: &io::Error) -> bool {
    let errors = [Errno::AGAIN, Errno::INTR, Errno::CONNABORTED];
    errors
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
