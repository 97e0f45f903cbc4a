//! Small file habits: files that are replaced whole, and locks between processes.

use machine::Duration;
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// An error about one file, which always says which one and what was tried.
#[derive(Debug)]
pub struct FileError {
    /// What could not be done, as a verb: "read", "lock".
    pub doing: &'static str,
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

impl FileError {
    /// An error about `path`.
    pub fn new(doing: &'static str, path: &Path, source: impl Into<io::Error>) -> FileError {
        FileError {
            doing,
            path: path.to_path_buf(),
            source: source.into(),
        }
    }
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "cannot {} {}: {}",
            self.doing,
            self.path.display(),
            self.source
        )
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Replaces the file at `path` by `contents`: after a crash or a full disk either the old or the new file is there, whole.
///
/// # Errors
/// When the directory cannot be written or is full; the old file is then untouched and no temporary file is left.
pub fn replace(path: &Path, contents: &[u8]) -> Result<(), FileError> {
    let temporary = temporary_beside(path);
    let write = || -> io::Result<()> {
        let fd = rustix::fs::open(
            &temporary,
            OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW,
            Mode::RUSR | Mode::WUSR,
        )?;
        let mut file = File::from(fd);
        file.write_all(contents)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        sync_directory_of(path)
    };
    write().map_err(|error| {
        // The error that matters is the first one; a leftover is only untidy.
        let _ = std::fs::remove_file(&temporary);
        FileError::new("replace", path, error)
    })
}

/// A name beside `path` that no other process uses.
pub(crate) fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

/// Makes a rename in the directory of `path` durable.
fn sync_directory_of(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// Reads a file of at most `length_max` bytes; `None` when there is none.
///
/// # Errors
/// When it cannot be read or is longer.
pub fn read_bounded(path: &Path, length_max: u64) -> Result<Option<Vec<u8>>, FileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::new("read", path, error)),
    };
    let mut contents = Vec::new();
    file.take(length_max + 1)
        .read_to_end(&mut contents)
        .map_err(|error| FileError::new("read", path, error))?;
    if contents.len() as u64 > length_max {
        let problem = io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it is longer than the {length_max} bytes that such a file may have"),
        );
        return Err(FileError::new("read", path, problem));
    }
    Ok(Some(contents))
}

/// An exclusive lock between processes, held until dropped or until the process is gone.
///
/// The file holds one line about who has the lock, for the error message of those who do not get it.
#[derive(Debug)]
pub struct FileLock {
    file: File,
    path: PathBuf,
}

/// Why a lock was not taken.
#[derive(Debug)]
pub enum LockError {
    /// Somebody has it.
    Held {
        /// The lock's file.
        path: PathBuf,
        /// What the holder wrote about itself; may be empty.
        holder: String,
    },
    /// The file cannot be used.
    File(FileError),
}

impl std::fmt::Display for LockError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LockError::Held { path, holder } if holder.is_empty() => {
                write!(f, "{} is locked by another process", path.display())
            }
            LockError::Held { path, holder } => write!(f, "{} is locked by {holder}", path.display()),
            LockError::File(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LockError {}

impl FileLock {
    /// Takes the lock on `path`, or refuses at once. `holder` is one line about the caller.
    ///
    /// # Errors
    /// [`LockError::Held`] when somebody has it, [`LockError::File`] when the file cannot be made or written.
    pub fn try_take(path: &Path, holder: &str) -> Result<FileLock, LockError> {
        let fd = rustix::fs::open(
            path,
            OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW,
            Mode::RUSR | Mode::WUSR,
        )
        .map_err(|error| LockError::File(FileError::new("open", path, error)))?;
        let mut file = File::from(fd);
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut text = String::new();
                // Who it is only improves the message: an unreadable line does not change the answer.
                let _ = (&file).take(200).read_to_string(&mut text);
                return Err(LockError::Held {
                    path: path.to_path_buf(),
                    holder: text.trim().to_string(),
                });
            }
            Err(error) => return Err(LockError::File(FileError::new("lock", path, error))),
        }
        // The line is only for a message, so a full disk does not cost us the lock.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{holder}"));
        Ok(FileLock {
            file,
            path: path.to_path_buf(),
        })
    }

    /// Takes the lock, trying again for at most `limit` while somebody has it. For locks that are held for moments.
    ///
    /// # Errors
    /// As [`FileLock::try_take`].
    pub fn take_within(path: &Path, holder: &str, limit: Duration) -> Result<FileLock, LockError> {
        let give_up_at = crate::clock::now() + limit;
        loop {
            match FileLock::try_take(path, holder) {
                Err(LockError::Held { .. }) if crate::clock::now() < give_up_at => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                taken_or_refused => return taken_or_refused,
            }
        }
    }

    /// The lock's file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Closing would unlock too, unless a child that is just being started still has a copy.
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_directory::TestDirectory;

    #[test]
    fn a_replaced_file_is_whole_and_leaves_no_temporary_behind() {
        let directory = TestDirectory::new("replace");
        let path = directory.path().join("epoch-ceiling");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(read_bounded(&path, 10).unwrap().unwrap(), b"two");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_replace_that_fails_names_the_file_and_what_was_tried() {
        let path = Path::new("/nonexistent-directory/epoch-ceiling");
        let error = replace(path, b"x").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("cannot replace /nonexistent-directory/epoch-ceiling: "),
            "{error}"
        );
    }

    #[test]
    fn a_missing_file_is_none_and_a_long_one_is_refused() {
        let directory = TestDirectory::new("bounded");
        let path = directory.path().join("f");
        assert_eq!(read_bounded(&path, 10).unwrap(), None);
        std::fs::write(&path, [b'x'; 11]).unwrap();
        assert!(
            read_bounded(&path, 10)
                .unwrap_err()
                .to_string()
                .contains("longer than the 10 bytes")
        );
    }

    #[test]
    fn a_second_lock_is_refused_with_the_holder_and_granted_after_the_first_is_dropped() {
        let directory = TestDirectory::new("lock");
        let path = directory.path().join("lock");
        let first = FileLock::try_take(&path, "process 17, backplane").unwrap();
        let refused = FileLock::try_take(&path, "process 18").unwrap_err();
        assert!(
            refused
                .to_string()
                .ends_with("lock is locked by process 17, backplane"),
            "{refused}"
        );
        drop(first);
        FileLock::try_take(&path, "process 18").unwrap();
    }
}
