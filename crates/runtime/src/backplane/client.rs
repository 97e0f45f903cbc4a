//! Talking to a backplane, starting one, and doing without.

use super::control::{LENGTH_MAX, REPLY, REQUEST};
use super::run_files::{adopt_all, records_directory, remove_run_files};
use super::{Reply, Request, lock_path, socket_path};
use crate::clock;
use crate::directories::Directories;
use crate::event_loop::{EventLoop, Interest};
use crate::file::{FileLock, LockError};
use crate::process::{Exit, Process, SpawnSpec};
use crate::stream::{Address, MessageStream, StreamError};
use machine::{Duration, Instant};
use std::fmt;
use std::io;
use std::path::Path;

/// How long a backplane may take to answer; `down` waits for every unit to end.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// How long a started backplane may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How often we look whether it does.
const START_LOOK: Duration = Duration::from_millis(5);

/// Why a backplane did not do what it was asked to.
#[derive(Debug)]
pub enum ClientError {
    /// No backplane listens there.
    NotRunning {
        /// The run directory.
        socket: String,
        /// What the system says.
        error: io::Error,
    },
    /// The connection broke, or the answer is none.
    Stream(StreamError),
    /// It does not answer.
    Silent,
    /// It has refused, with this reason.
    Refused(String),
    /// It was started and has ended: how, and the end of its log.
    Ended {
        /// How it ended.
        exit: Exit,
        /// The last lines of its log.
        log: String,
    },
    /// Another process is starting or stopping the chassis.
    Busy(LockError),
    /// The system refused something.
    System(io::Error),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::NotRunning { socket, error } => {
                write!(
                    f,
                    "no chassis is running here ({socket}: {error}); start it with 'holdover up'"
                )
            }
            ClientError::Stream(error) => write!(f, "the backplane: {error}"),
            ClientError::Silent => write!(f, "the backplane does not answer"),
            ClientError::Refused(reason) => f.write_str(reason),
            ClientError::Ended { exit, log } => write!(f, "the backplane did not start ({exit}):\n{log}"),
            ClientError::Busy(error) => error.fmt(f),
            ClientError::System(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> ClientError {
        ClientError::System(error)
    }
}

/// A connection to a backplane. Calls wait for the answer.
pub struct BackplaneClient {
    stream: MessageStream,
    event_loop: EventLoop,
}

impl BackplaneClient {
    /// Connects to the backplane of the chassis with this run directory.
    ///
    /// # Errors
    /// [`ClientError::NotRunning`] when nobody listens.
    pub fn connect(run_directory: &Path) -> Result<BackplaneClient, ClientError> {
        let address = Address::Unix(socket_path(run_directory));
        let stream = MessageStream::connect(&address, LENGTH_MAX, LENGTH_MAX).map_err(|error| {
            ClientError::NotRunning {
                socket: address.to_string(),
                error,
            }
        })?;
        stream.check_owner().map_err(ClientError::Stream)?;
        let event_loop = EventLoop::new()?;
        event_loop.add(&stream, 0, Interest::READ_WRITE)?;
        Ok(BackplaneClient { stream, event_loop })
    }

    /// Sends a request and waits for its reply.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with the backplane's reason; everything else is trouble with the backplane itself.
    pub fn request(&mut self, request: &Request) -> Result<Reply, ClientError> {
        let bytes = serde_json::to_vec(request).map_err(|error| ClientError::System(error.into()))?;
        self.stream
            .send(REQUEST, &bytes)
            .map_err(|error| ClientError::System(io::Error::other(error)))?;
        match self.reply(clock::now() + ANSWER_LIMIT)? {
            Reply::Refused { reason } => Err(ClientError::Refused(reason)),
            reply @ (Reply::Done | Reply::Status(_)) => Ok(reply),
        }
    }

    /// Ends the chassis and waits until the backplane itself has ended.
    ///
    /// # Errors
    /// As [`BackplaneClient::request`]; among others when a unit does not end.
    pub fn down(mut self) -> Result<(), ClientError> {
        self.request(&Request::Down)?;
        match self.reply(clock::now() + ANSWER_LIMIT) {
            Err(ClientError::Stream(StreamError::Closed)) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(ClientError::Silent),
        }
    }

    fn reply(&mut self, deadline: Instant) -> Result<Reply, ClientError> {
        let mut ready = Vec::new();
        loop {
            self.stream.finish_connecting().map_err(ClientError::Stream)?;
            self.stream.flush().map_err(ClientError::Stream)?;
            self.stream.fill(LENGTH_MAX).map_err(ClientError::Stream)?;
            if let Some((kind, bytes)) = self.stream.next_message().map_err(ClientError::Stream)? {
                let reply = serde_json::from_slice(bytes);
                return match reply {
                    Ok(reply) if kind == REPLY => Ok(reply),
                    _ => Err(ClientError::System(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "the backplane's answer cannot be understood",
                    ))),
                };
            }
            if clock::now() >= deadline {
                return Err(ClientError::Silent);
            }
            self.event_loop
                .change(&self.stream, 0, Interest::read_and(self.stream.wants_write()))?;
            self.event_loop.wait(Some(deadline), &mut ready)?;
        }
    }
}

/// What [`ensure_running`] found or did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// A backplane was running.
    AlreadyRunning,
    /// One was started: its process id.
    Now(u32),
}

/// Makes sure that a backplane runs: starts `spec`, in a session of its own, unless one listens already, and waits until
/// it does.
///
/// # Errors
/// [`ClientError::Ended`] with the end of its log when it cannot run.
pub fn ensure_running(run_directory: &Path, spec: &SpawnSpec) -> Result<Started, ClientError> {
    if BackplaneClient::connect(run_directory).is_ok() {
        return Ok(Started::AlreadyRunning);
    }
    let log_start = std::fs::metadata(&spec.log).map_or(0, |status| status.len());
    let process = Process::spawn(spec)?;
    let deadline = clock::now() + START_LIMIT;
    loop {
        let ended = process.wait_until_ended(START_LOOK)?;
        if BackplaneClient::connect(run_directory).is_ok() {
            // If ours has ended, another `up` was faster, and its backplane is as good.
            return Ok(if ended {
                Started::AlreadyRunning
            } else {
                Started::Now(process.id().pid)
            });
        }
        if ended {
            let exit = process.ended()?.unwrap_or(Exit::Unknown);
            return Err(ClientError::Ended {
                exit,
                log: end_of_log(&spec.log, log_start),
            });
        }
        if clock::now() >= deadline {
            return Err(ClientError::Silent);
        }
    }
}

/// The last lines of a log that were written since it was `start` bytes long.
fn end_of_log(path: &Path, start: u64) -> String {
    const LINES: usize = 10;
    let bytes = std::fs::read(path).unwrap_or_default();
    let start = usize::try_from(start)
        .ok()
        .filter(|start| *start <= bytes.len())
        .unwrap_or(0);
    let text = String::from_utf8_lossy(&bytes[start..]).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// Ends a chassis, with or without its backplane: asks it, or kills the units that it has left behind.
///
/// # Errors
/// When nothing is running, or something does not end.
pub fn stop_all(directories: &Directories) -> Result<(), ClientError> {
    let not_running = match BackplaneClient::connect(&directories.run) {
        Ok(client) => return client.down(),
        Err(error @ ClientError::NotRunning { .. }) => error,
        Err(error) => return Err(error),
    };
    if !directories.run.is_dir() {
        return Err(not_running);
    }
    let holder = format!("process {}, which stops the chassis", std::process::id());
    let _lock = FileLock::try_take(&lock_path(&directories.run), &holder).map_err(ClientError::Busy)?;
    let records =
        records_directory(&directories.run).map_err(|error| ClientError::System(io::Error::other(error)))?;
    let units = adopt_all(&records)?;
    for process in units.values() {
        process.kill()?;
    }
    let deadline = clock::now() + ANSWER_LIMIT;
    for (unit, process) in &units {
        if !process.wait_until_ended(deadline.saturating_since(clock::now()))? {
            return Err(ClientError::Refused(format!("unit {unit} does not end")));
        }
    }
    remove_run_files(&directories.run);
    if units.is_empty() {
        Err(not_running)
    } else {
        Ok(())
    }
}
