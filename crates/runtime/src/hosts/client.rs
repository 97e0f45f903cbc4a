//! The other end of the hosts' control socket.

use super::control::{HostReport, Request, Response, StreamReport, StreamSummary};
use super::control_path;
use crate::clock;
use machine::{Duration, Instant};
use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use traffic::meter::IntervalId;
use traffic::probe::FirstReplies;

/// How long the hosts may take for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two looks at a report that has not settled.
const SETTLE_POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Why a command to the hosts failed.
#[derive(Debug)]
pub enum ClientError {
    /// The hosts are not there, or do not answer.
    Connection(io::Error),
    /// The hosts refuse; why.
    Refused(String),
    /// The answer is not one to the question that was asked.
    Unexpected(String),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Connection(error) => write!(f, "cannot talk to the built-in hosts: {error}"),
            ClientError::Refused(message) => write!(f, "the built-in hosts refuse: {message}"),
            ClientError::Unexpected(answer) => write!(f, "the built-in hosts answer with '{answer}'"),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> ClientError {
        ClientError::Connection(error)
    }
}

/// Everything that the hosts process has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostsList {
    /// The hosts, in the order of the configuration.
    pub hosts: Vec<HostReport>,
    /// The streams of datagrams.
    pub flows: Vec<StreamSummary>,
    /// The series of echo requests.
    pub pings: Vec<StreamSummary>,
    /// Test packets that arrived where nobody expected them.
    pub strays: u64,
}

/// A connection to the hosts process. Calls wait for their answer.
pub struct HostsClient {
    stream: BufReader<UnixStream>,
}

impl HostsClient {
    /// Connects to the hosts of the chassis with this run directory.
    ///
    /// # Errors
    /// When they are not there.
    pub fn connect(run_directory: &Path) -> Result<HostsClient, ClientError> {
        let stream = UnixStream::connect(control_path(run_directory))?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(HostsClient {
            stream: BufReader::new(stream),
        })
    }

    /// Sends any request and waits for its answer; errors of the hosts are [`ClientError::Refused`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn call(&mut self, request: &Request) -> Result<Response, ClientError> {
        let mut line = serde_json::to_vec(request).map_err(io::Error::from)?;
        line.push(b'\n');
        self.stream.get_mut().write_all(&line)?;
        let mut answer = String::new();
        if self.stream.read_line(&mut answer)? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        match serde_json::from_str(&answer) {
            Ok(Response::Error { message }) => Err(ClientError::Refused(message)),
            Ok(response) => Ok(response),
            Err(_) => Err(ClientError::Unexpected(answer)),
        }
    }

    /// Starts a stream of datagrams between two hosts, by name; frames of `frame_len` bytes with the Ethernet header.
    ///
    /// # Errors
    /// [`ClientError`]; refused for unknown hosts and for rates and lengths out of range.
    pub fn start_flow(
        &mut self,
        from: &str,
        to: &str,
        per_second: u64,
        frame_len: usize,
    ) -> Result<u32, ClientError> {
        let (from, to) = (from.to_string(), to.to_string());
        self.started(&Request::StartFlow {
            from,
            to,
            per_second,
            frame_len,
        })
    }

    /// Starts a series of echo requests from a host to an address.
    ///
    /// # Errors
    /// As [`HostsClient::start_flow`].
    pub fn start_ping(
        &mut self,
        from: &str,
        destination: Ipv4Addr,
        per_second: u64,
        frame_len: usize,
    ) -> Result<u32, ClientError> {
        let from = from.to_string();
        self.started(&Request::StartPing {
            from,
            destination,
            per_second,
            frame_len,
        })
    }

    /// Lets a stream send no more.
    ///
    /// # Errors
    /// [`ClientError`]; refused for an unknown stream, as with all calls below.
    pub fn stop(&mut self, stream: u32) -> Result<(), ClientError> {
        self.done(&Request::Stop { stream })
    }

    /// Lets a stopped stream go on.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn resume(&mut self, stream: u32) -> Result<(), ClientError> {
        self.done(&Request::Resume { stream })
    }

    /// Forgets a stream.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn remove(&mut self, stream: u32) -> Result<(), ClientError> {
        self.done(&Request::Remove { stream })
    }

    /// Opens an interval: packets sent from now on belong to it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn begin_interval(&mut self, stream: u32) -> Result<IntervalId, ClientError> {
        match self.call(&Request::BeginInterval { stream })? {
            Response::Interval { interval } => Ok(interval),
            other => Err(unexpected(&other)),
        }
    }

    /// How a stream did, in one interval or since it was started. `settle` as in [`Request::Report`].
    ///
    /// # Errors
    /// [`ClientError`]; refused for an interval that the meter has forgotten.
    pub fn report(
        &mut self,
        stream: u32,
        interval: Option<IntervalId>,
        settle: Duration,
    ) -> Result<StreamReport, ClientError> {
        let settle_ms = u64::try_from(settle.as_millis()).unwrap_or(u64::MAX);
        match self.call(&Request::Report {
            stream,
            interval,
            settle_ms,
        })? {
            Response::Report(report) => Ok(report),
            other => Err(unexpected(&other)),
        }
    }

    /// The same, once the interval has settled: all arrived, or `settle` has passed since it was closed (or since the
    /// stream sent its last packet). An interval that is still being sent may never settle; its report is given, with
    /// `settled` false, ten seconds after it should have.
    ///
    /// # Errors
    /// As [`HostsClient::report`].
    pub fn settled_report(
        &mut self,
        stream: u32,
        interval: Option<IntervalId>,
        settle: Duration,
    ) -> Result<StreamReport, ClientError> {
        let deadline = clock::now() + settle + ANSWER_TIMEOUT;
        loop {
            let report = self.report(stream, interval, settle)?;
            if report.packets.settled || clock::now() >= deadline {
                return Ok(report);
            }
            std::thread::sleep(SETTLE_POLL_INTERVAL);
        }
    }

    /// The first answers that a ping got after `moment`, which is on `CLOCK_MONOTONIC`.
    ///
    /// # Errors
    /// [`ClientError`]; refused when the stream is no ping.
    pub fn first_reply_after(&mut self, stream: u32, moment: Instant) -> Result<FirstReplies, ClientError> {
        match self.call(&Request::FirstReply {
            stream,
            after_ns: moment.as_nanos(),
        })? {
            Response::FirstReply(first) => Ok(first),
            other => Err(unexpected(&other)),
        }
    }

    /// Everything that there is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn list(&mut self) -> Result<HostsList, ClientError> {
        match self.call(&Request::List)? {
            Response::List {
                hosts,
                flows,
                pings,
                strays,
            } => Ok(HostsList {
                hosts,
                flows,
                pings,
                strays,
            }),
            other => Err(unexpected(&other)),
        }
    }

    fn started(&mut self, request: &Request) -> Result<u32, ClientError> {
        match self.call(request)? {
            Response::Started { stream } => Ok(stream),
            other => Err(unexpected(&other)),
        }
    }

    fn done(&mut self, request: &Request) -> Result<(), ClientError> {
        match self.call(request)? {
            Response::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }
}

fn unexpected(response: &Response) -> ClientError {
    ClientError::Unexpected(format!("{response:?}"))
}
