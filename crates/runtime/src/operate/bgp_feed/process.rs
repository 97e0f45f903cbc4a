//! Processes of a measurement: they end with it, and their last words are in its errors.

use super::FeedError;
use crate::clock;
use crate::priority::NICE_UNIT;
use crate::shared_memory::random_bytes;
use machine::Duration;
use rustix::process::{Pid, Signal};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// How long a daemon may take until it can be asked.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Time between two looks.
const LOOK_INTERVAL: std::time::Duration = std::time::Duration::from_millis(20);
/// Bytes of a log that an error shows.
const LOG_BYTES: usize = 2000;

/// A directory for a daemon's files, removed when dropped.
pub struct Place {
    path: PathBuf,
}

impl Place {
    /// Makes one for `who`.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn make(who: &str) -> Result<Place, FeedError> {
        let failed = |error| FeedError::System("make a directory", error);
        let number = u64::from_le_bytes(random_bytes().map_err(failed)?);
        let path = std::env::temp_dir().join(format!("holdover-feed-{who}-{number:016x}"));
        std::fs::create_dir(&path).map_err(failed)?;
        Ok(Place { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The ends of the logs in it.
    fn logs(&self) -> String {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
            .collect();
        paths.sort();
        let mut text = String::new();
        for path in paths {
            let bytes = std::fs::read(&path).unwrap_or_default();
            let end = &bytes[bytes.len().saturating_sub(LOG_BYTES)..];
            text.push_str(&format!(
                "{}:\n{}\n",
                path.display(),
                String::from_utf8_lossy(end)
            ));
        }
        text
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning of temporary files.
        let _left = std::fs::remove_dir_all(&self.path);
    }
}

/// A process that ends when this is dropped, and when we end.
pub struct Held {
    child: Child,
}

impl Held {
    /// Starts it; what it writes goes to a log in `place`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command, place: &Place, name: &str) -> Result<Held, FeedError> {
        let failed = |error| FeedError::System("start a daemon", error);
        let log = std::fs::File::create(place.path.join(format!("{name}-output.log"))).map_err(failed)?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log);
        Held::spawn(command).map_err(failed)
    }

    /// Starts it with the streams that the command has.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(command: &mut Command) -> io::Result<Held> {
        // SAFETY: between fork and exec only system calls are made, which neither allocate nor lock.
        unsafe {
            command.pre_exec(|| {
                // A session of its own, whose priority among others can be raised like that of a unit of ours.
                rustix::process::setsid()?;
                Ok(rustix::process::set_parent_process_death_signal(Some(
                    Signal::KILL,
                ))?)
            });
        }
        let child = command.spawn()?;
        let id = child.id();
        let held = Held { child };
        // All that are measured run like route processors do, or the host's other work would be measured too.
        rustix::process::setpriority_process(i32::try_from(id).ok().and_then(Pid::from_raw), NICE_UNIT)?;
        // Absent in kernels that do not group processes by session.
        let _absent = std::fs::write(format!("/proc/{id}/autogroup"), NICE_UNIT.to_string());
        Ok(held)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The child, for its streams.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Whether it has not ended.
    ///
    /// # Errors
    /// [`FeedError::Ended`] when it has.
    pub fn is_running(&mut self) -> Result<bool, FeedError> {
        let status = self.child.try_wait();
        match status.map_err(|error| FeedError::System("look at a daemon", error))? {
            None => Ok(true),
            Some(status) => Err(FeedError::Ended(status.to_string())),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Whoever has ended already needs no kill.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Looks until `look` says yes.
///
/// # Errors
/// [`FeedError::Timeout`] with what the logs in `place` end with.
pub fn wait_for(
    what: &str,
    place: &Place,
    mut look: impl FnMut() -> Result<bool, FeedError>,
) -> Result<(), FeedError> {
    let deadline = clock::now() + START_LIMIT;
    loop {
        let seen = match look() {
            Ok(true) => return Ok(()),
            Ok(false) if clock::now() < deadline => None,
            Ok(false) => Some(format!("not within {} s", START_LIMIT.as_secs())),
            Err(error) => Some(error.to_string()),
        };
        if let Some(why) = seen {
            return Err(FeedError::Timeout(format!("{what}: {why}"), place.logs()));
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
}

/// Resident memory of processes, in mebibytes.
///
/// # Errors
/// When one of them has ended.
pub fn resident_mib(processes: &[u32]) -> io::Result<u64> {
    let mut kib = 0;
    for process in processes {
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib += number.ok_or_else(|| io::Error::other(format!("process {process} has no memory")))?;
    }
    Ok(kib / 1024)
}
