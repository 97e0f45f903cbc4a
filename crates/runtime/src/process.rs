//! Processes as things that can be named, watched and killed without mistaking one for another.
//!
//! A process id is given out again some day; a pair of id and start time is not, within one boot. A pidfd is the same
//! in the form of a descriptor: it stays on its process, becomes readable when that ends, and a signal sent through it
//! reaches nobody else. A supervisor keeps the pair on disk and the pidfd in hand:
//!
//! ```text
//!   spawn ──▶ child in its own session, records itself ──▶ exec
//!     │                     │
//!     ▼                     ▼  RUN/processes-BOOT/R0: the line of /proc/self/stat
//!   Process { id, pidfd }  ◀── adopt(id): same start time, or nobody
//! ```
//!
//! The child writes the record itself, between fork and exec: whenever the supervisor dies, each process that runs has
//! its record, and no record was written for a process that never ran.

use machine::Duration;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A log that has grown beyond this is set aside when its process is started again; one older log is kept.
const LOG_LENGTH_MAX: u64 = 4 << 20;

/// A process for as long as this boot lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessId {
    /// Process id.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub started_at_ticks: u64,
}

impl ProcessId {
    /// Reads the record that a started process has left; `None` when there is none, or no whole one.
    pub fn of_record(path: &Path) -> Option<ProcessId> {
        let text = String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned();
        let (pid, _) = text.split_once(' ')?;
        Some(ProcessId {
            pid: pid.parse().ok()?,
            started_at_ticks: start_time_of_stat(&text)?,
        })
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// A signal ended it.
    Signal {
        /// The signal's number.
        number: i32,
        /// Whether the kernel has written a core.
        core_dumped: bool,
    },
    /// It was another process's child, so that one, or nobody, knows.
    Unknown,
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exit code {code}"),
            Exit::Signal {
                number,
                core_dumped: false,
            } => write!(f, "signal {number}"),
            Exit::Signal {
                number,
                core_dumped: true,
            } => write!(f, "signal {number}, core dumped"),
            Exit::Unknown => write!(f, "ended"),
        }
    }
}

/// What to start.
#[derive(Clone, Debug)]
pub struct SpawnSpec {
    /// The program.
    pub program: PathBuf,
    /// Its arguments, without its name.
    pub arguments: Vec<OsString>,
    /// Where its standard output and error go; appended.
    pub log: PathBuf,
    /// Where it runs, and leaves its core.
    pub working_directory: PathBuf,
    /// Where it records itself.
    pub record: Option<PathBuf>,
}

/// A running process, ours or adopted.
#[derive(Debug)]
pub struct Process {
    id: ProcessId,
    pidfd: OwnedFd,
    is_child: bool,
}

impl Process {
    /// Starts a process in a session of its own: neither our death nor our terminal's reaches it.
    ///
    /// # Errors
    /// When the program cannot be run, or the log or the record cannot be written.
    pub fn spawn(spec: &SpawnSpec) -> io::Result<Process> {
        let log = open_log(&spec.log)?;
        let record = spec.record.as_deref().map(open_record).transpose()?;
        let mut command = Command::new(&spec.program);
        command
            .args(&spec.arguments)
            .current_dir(&spec.working_directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        // SAFETY: the closure runs in the child between fork and exec and makes system calls only: nothing in it
        // allocates, locks, or touches what another thread may have held at the fork.
        unsafe {
            command.pre_exec(move || {
                rustix::process::setsid()?;
                record.as_ref().map_or(Ok(()), write_record)
            });
        }
        let mut child = command.spawn()?;
        // The child is not waited for before this returns, so its id cannot have been given to another process.
        let name = || -> io::Result<(OwnedFd, ProcessId)> {
            let pidfd = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
            let id = ProcessId {
                pid: child.id(),
                started_at_ticks: start_time_ticks(child.id())?,
            };
            Ok((pidfd, id))
        };
        match name() {
            Ok((pidfd, id)) => Ok(Process {
                id,
                pidfd,
                is_child: true,
            }),
            Err(error) => {
                // What cannot be watched must not run on unwatched.
                let _ = child.kill().and_then(|()| child.wait());
                Err(error)
            }
        }
    }

    /// Takes over the process with this id and start time; `None` when it runs no more.
    ///
    /// # Errors
    /// When the system refuses a descriptor.
    pub fn adopt(id: ProcessId) -> io::Result<Option<Process>> {
        let Some(pid) = i32::try_from(id.pid).ok().and_then(Pid::from_raw) else {
            return Ok(None);
        };
        let pidfd = match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            Err(rustix::io::Errno::SRCH | rustix::io::Errno::INVAL) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // Looked at after the pidfd is there: if the start time is right now, the descriptor is on that process.
        let same = start_time_ticks(id.pid).is_ok_and(|ticks| ticks == id.started_at_ticks);
        let process = Process {
            id,
            pidfd,
            is_child: false,
        };
        Ok((same && !process.has_ended()?).then_some(process))
    }

    /// Its id and start time.
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// Sends SIGKILL. That it is gone already is fine.
    ///
    /// # Errors
    /// When we may not.
    pub fn kill(&self) -> io::Result<()> {
        self.signal(Signal::KILL)
    }

    /// Sends SIGABRT: it resigns and dumps its core, if it still can.
    ///
    /// # Errors
    /// When we may not.
    pub fn abort(&self) -> io::Result<()> {
        self.signal(Signal::ABORT)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        match rustix::process::pidfd_send_signal(&self.pidfd, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// How it has ended, or `None` while it runs. The descriptor is readable from the end on.
    ///
    /// # Errors
    /// When the system cannot say.
    pub fn ended(&self) -> io::Result<Option<Exit>> {
        if !self.is_child {
            return Ok(self.has_ended()?.then_some(Exit::Unknown));
        }
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        match rustix::process::waitid(WaitId::PidFd(self.pidfd.as_fd()), options) {
            Ok(None) => Ok(None),
            Ok(Some(status)) => Ok(Some(match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => Exit::Code(code),
                (None, Some(number)) => Exit::Signal {
                    number,
                    core_dumped: status.dumped(),
                },
                (None, None) => Exit::Unknown,
            })),
            // Somebody else has waited for it.
            Err(rustix::io::Errno::CHILD) => Ok(self.has_ended()?.then_some(Exit::Unknown)),
            Err(error) => Err(error.into()),
        }
    }

    fn has_ended(&self) -> io::Result<bool> {
        self.wait_until_ended(Duration::ZERO)
    }

    /// Waits until it has ended, at most for `limit`; whether it has.
    ///
    /// # Errors
    /// When the system cannot say.
    pub fn wait_until_ended(&self, limit: Duration) -> io::Result<bool> {
        let deadline = crate::clock::now() + limit;
        loop {
            let left = deadline.saturating_since(crate::clock::now());
            let timeout = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            match poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], Some(&timeout)) {
                Ok(ready) => return Ok(ready > 0),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

fn open_log(path: &Path) -> io::Result<File> {
    if std::fs::metadata(path).is_ok_and(|status| status.len() > LOG_LENGTH_MAX) {
        let mut older = path.as_os_str().to_os_string();
        older.push(".1");
        std::fs::rename(path, older)?;
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(File::from(rustix::fs::open(
        path,
        flags,
        Mode::RUSR | Mode::WUSR,
    )?))
}

fn open_record(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?)
}

/// Copies our line of `/proc/self/stat`. Only system calls: it runs between fork and exec.
fn write_record(record: &OwnedFd) -> io::Result<()> {
    let stat = rustix::fs::open(
        c"/proc/self/stat",
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let mut line = [0u8; 1024];
    let length = rustix::io::read(&stat, &mut line)?;
    rustix::io::write(record, &line[..length])?;
    Ok(())
}

/// When process `pid` started, in clock ticks since boot: field 22 of `/proc/PID/stat` (proc_pid_stat(5)).
///
/// # Errors
/// When there is no such process, or `/proc` shows something else.
pub fn start_time_ticks(pid: u32) -> io::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    start_time_of_stat(&text).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("/proc/{pid}/stat has no start time"),
        )
    })
}

fn start_time_of_stat(text: &str) -> Option<u64> {
    // The second field is the command's name in parentheses, which may itself hold blanks and parentheses.
    let (_, after_name) = text.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}

/// How soon what died is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// Delay before the first restart.
    pub first: Duration,
    /// The delay doubles up to this.
    pub longest: Duration,
    /// Who lives so long starts again from `first`.
    pub reset_after: Duration,
}

impl Default for RestartPolicy {
    /// 100 ms, doubling to 10 s, from the start again after 10 s of life.
    fn default() -> RestartPolicy {
        RestartPolicy {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(10),
            reset_after: Duration::from_secs(10),
        }
    }
}

/// The delay of one process that keeps dying.
#[derive(Clone, Debug)]
pub struct RestartBackoff {
    policy: RestartPolicy,
    next: Duration,
}

impl RestartBackoff {
    /// Nothing has died yet.
    pub fn new(policy: RestartPolicy) -> RestartBackoff {
        RestartBackoff {
            policy,
            next: policy.first,
        }
    }

    /// How long to wait after a life of length `lived`.
    pub fn after_life(&mut self, lived: Duration) -> Duration {
        if lived >= self.policy.reset_after {
            self.reset();
        }
        let delay = self.next;
        self.next = (delay * 2).min(self.policy.longest);
        delay
    }

    /// Forgets the past: somebody has asked for the restart.
    pub fn reset(&mut self) {
        self.next = self.policy.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_directory::TestDirectory;

    fn spec(directory: &TestDirectory, script: &str) -> SpawnSpec {
        SpawnSpec {
            program: "/bin/sh".into(),
            arguments: ["-c", script].map(OsString::from).to_vec(),
            log: directory.path().join("log"),
            working_directory: directory.path().to_path_buf(),
            record: Some(directory.path().join("record")),
        }
    }

    const HANG_LIMIT: Duration = Duration::from_secs(60);

    #[test]
    fn the_start_time_is_found_behind_any_command_name() {
        let fields = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        assert_eq!(
            start_time_of_stat(&format!("12 (a b) c)) {fields}\n")),
            Some(4711)
        );
        assert_eq!(start_time_of_stat("12 (a) S 1 2"), None);
        assert_eq!(start_time_of_stat(""), None);
    }

    #[test]
    fn this_process_has_a_start_time_and_no_process_has_none() {
        assert!(start_time_ticks(std::process::id()).unwrap() > 0);
        assert_eq!(
            start_time_ticks(u32::MAX).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[test]
    fn a_process_runs_in_its_own_session_writes_its_log_and_its_exit_is_reported() {
        let directory = TestDirectory::new("spawn");
        let process = Process::spawn(&spec(
            &directory,
            "cut -d ' ' -f 6 /proc/$$/stat; echo on stderr >&2; exit 7",
        ))
        .unwrap();
        assert!(process.wait_until_ended(HANG_LIMIT).unwrap());
        assert_eq!(process.ended().unwrap(), Some(Exit::Code(7)));
        let log = std::fs::read_to_string(directory.path().join("log")).unwrap();
        let lines: Vec<&str> = log.lines().map(str::trim).collect();
        assert_eq!(lines, [process.id().pid.to_string().as_str(), "on stderr"]);
    }

    #[test]
    fn a_killed_process_is_reported_with_its_signal() {
        let directory = TestDirectory::new("killed");
        let process = Process::spawn(&spec(&directory, "exec sleep 100")).unwrap();
        assert_eq!(process.ended().unwrap(), None);
        process.kill().unwrap();
        assert!(process.wait_until_ended(HANG_LIMIT).unwrap());
        assert_eq!(
            process.ended().unwrap(),
            Some(Exit::Signal {
                number: 9,
                core_dumped: false
            })
        );
        process.kill().unwrap();
    }

    #[test]
    fn a_process_is_adopted_by_its_record_and_never_another_one_in_its_place() {
        let directory = TestDirectory::new("adopt");
        let process = Process::spawn(&spec(&directory, "exec sleep 100")).unwrap();
        let record = ProcessId::of_record(&directory.path().join("record")).unwrap();
        assert_eq!(record, process.id());
        let adopted = Process::adopt(record).unwrap().unwrap();
        let impostor = ProcessId {
            started_at_ticks: record.started_at_ticks + 1,
            ..record
        };
        assert!(Process::adopt(impostor).unwrap().is_none());
        adopted.kill().unwrap();
        assert!(adopted.wait_until_ended(HANG_LIMIT).unwrap());
        assert_eq!(adopted.ended().unwrap(), Some(Exit::Unknown));
        assert!(
            Process::adopt(record).unwrap().is_none(),
            "it is dead, although nobody has waited for it"
        );
        assert!(process.ended().unwrap().is_some());
        assert!(Process::adopt(record).unwrap().is_none());
    }

    #[test]
    fn a_record_that_is_not_whole_is_none() {
        let directory = TestDirectory::new("record");
        let path = directory.path().join("record");
        assert_eq!(ProcessId::of_record(&path), None);
        for text in [
            "",
            "12",
            "12 (x) S 1",
            "x (y) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711",
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(ProcessId::of_record(&path), None, "{text}");
        }
    }

    #[test]
    fn a_program_that_does_not_exist_is_an_error_and_a_long_log_is_set_aside() {
        let directory = TestDirectory::new("log");
        let mut spec = spec(&directory, "true");
        spec.program = "/nonexistent".into();
        std::fs::write(&spec.log, vec![b'x'; LOG_LENGTH_MAX as usize + 1]).unwrap();
        assert_eq!(Process::spawn(&spec).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(std::fs::metadata(&spec.log).unwrap().len(), 0);
        assert!(directory.path().join("log.1").exists());
    }

    #[test]
    fn delays_double_to_their_limit_and_a_long_life_or_a_request_starts_again() {
        let mut backoff = RestartBackoff::new(RestartPolicy::default());
        let mut delays_ms = |lives_ms: &[u64]| -> Vec<u128> {
            lives_ms
                .iter()
                .map(|life| backoff.after_life(Duration::from_millis(*life)).as_millis())
                .collect()
        };
        assert_eq!(
            delays_ms(&[0; 9]),
            [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]
        );
        assert_eq!(delays_ms(&[9_999, 10_000, 0]), [10_000, 100, 200]);
        backoff.reset();
        assert_eq!(backoff.after_life(Duration::ZERO), Duration::from_millis(100));
    }
}
