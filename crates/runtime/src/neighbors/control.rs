//! How the neighbours are asked: one JSON object on a line of their standard input, one answer on a line of their
//! standard output. They end with their input.
//!
//! ```text
//!   {"op":"status"}
//!   {"result":"status","sessions":5000,"established":5000,"complete":5000,"resets":0,...}
//!   {"op":"begin_round"}
//!   {"result":"done"}
//!   {"op":"first_bytes","after_ns":81234567890}
//!   {"result":"first_bytes","at_ns":[81240000000,...],"silent":0}
//! ```

use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// How the sessions are.
    Status,
    /// Note from now on when each session hears the router.
    BeginRound,
    /// When each session heard the router first after a moment of `CLOCK_MONOTONIC`, in nanoseconds; the round has to
    /// have begun before.
    FirstBytes {
        /// The moment.
        after_ns: u64,
    },
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Response {
    /// To [`Request::Status`].
    Status(NeighborsStatus),
    /// It was done.
    Done,
    /// To [`Request::FirstBytes`].
    FirstBytes {
        /// The moments, of those that have heard it.
        at_ns: Vec<u64>,
        /// How many have not.
        silent: u32,
    },
    /// The line was no request.
    Error {
        /// Why not.
        message: String,
    },
}

/// How the sessions are, all together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighborsStatus {
    /// Neighbours.
    pub sessions: u32,
    /// Those whose session is established.
    pub established: u32,
    /// Those that have been told exactly what they are to be told.
    pub complete: u32,
    /// Sessions that were established and ended.
    pub resets: u64,
    /// Why, and how often.
    pub reasons: BTreeMap<String, u64>,
    /// Attempts to open a session that failed, and why the last did.
    pub failed_openings: u64,
    /// Why the last of them failed.
    pub last_failure: Option<String>,
    /// UPDATEs of all sessions.
    pub updates: u64,
    /// Those that repeat what was known.
    pub updates_repeated: u64,
    /// Networks withdrawn.
    pub withdrawn: u64,
    /// KEEPALIVEs.
    pub keepalives: u64,
    /// ROUTE-REFRESHs.
    pub refreshes: u64,
}

impl fmt::Display for NeighborsStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} sessions established, {} told all, {} resets {:?}, {} openings failed{}, {} UPDATEs, {} repeated, \
             {} networks withdrawn, {} refreshes",
            self.established,
            self.sessions,
            self.complete,
            self.resets,
            self.reasons,
            self.failed_openings,
            self.last_failure
                .as_ref()
                .map(|why| format!(" (the last: {why})"))
                .unwrap_or_default(),
            self.updates,
            self.updates_repeated,
            self.withdrawn,
            self.refreshes
        )
    }
}

/// A process of neighbours, ended with the value. Calls wait for their answer.
pub struct NeighborsClient {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl NeighborsClient {
    /// Starts `sessions` neighbours of program `holdover` on the `mem` wire of this run directory. They end with this
    /// thread.
    ///
    /// # Errors
    /// When the process cannot be started, or ends at once; it has said why on standard error.
    pub fn start(
        program: &Path,
        run_directory: &Path,
        wire: &str,
        sessions: u32,
    ) -> io::Result<NeighborsClient> {
        let mut command = Command::new(program);
        command
            .arg("bgp-neighbors")
            .arg("--run-directory")
            .arg(run_directory)
            .args(["--wire", wire, "--sessions", &sessions.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        // SAFETY: between fork and exec only system calls are made, which neither allocate nor lock.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                Ok(rustix::process::set_parent_process_death_signal(Some(
                    Signal::KILL,
                ))?)
            });
        }
        let mut child = command.spawn()?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let mut client = NeighborsClient {
            child,
            requests,
            answers: BufReader::new(answers),
        };
        client.status()?;
        Ok(client)
    }

    /// How the sessions are.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn status(&mut self) -> io::Result<NeighborsStatus> {
        match self.call(Request::Status)? {
            Response::Status(status) => Ok(status),
            other => Err(unexpected(&other)),
        }
    }

    /// Notes from now on when each session hears the router.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn begin_round(&mut self) -> io::Result<()> {
        match self.call(Request::BeginRound)? {
            Response::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// When each session heard the router first after a moment, and how many have not.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn first_bytes(&mut self, after_ns: u64) -> io::Result<(Vec<u64>, u32)> {
        match self.call(Request::FirstBytes { after_ns })? {
            Response::FirstBytes { at_ns, silent } => Ok((at_ns, silent)),
            other => Err(unexpected(&other)),
        }
    }

    fn call(&mut self, request: Request) -> io::Result<Response> {
        let mut line = serde_json::to_vec(&request)?;
        line.push(b'\n');
        self.requests.write_all(&line)?;
        let mut answer = String::new();
        if self.answers.read_line(&mut answer)? == 0 {
            let why = "the neighbours' process has ended; see what it said before";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
        }
        Ok(serde_json::from_str(&answer)?)
    }
}

impl Drop for NeighborsClient {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn unexpected(response: &Response) -> io::Error {
    io::Error::other(format!("the neighbours answer with {response:?}"))
}
