//! A route processor's `bootflash:`: a directory, and a worker that does the waiting for its disk. Requests queue.
//!
//! A name is checked here again, whoever asks: it is one word, so nothing outside of the directory can be named. Links are
//! not followed.

use super::worker::{Work, Worker};
use rp::{
    FILE_BYTES_MAX, FLASH_BYTES, FileAnswer, FileEntry, FileOperation, FileRequest, FileStatus, is_file_name,
};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{Mode, OFlags};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Requests that may wait.
const REQUESTS_MAX: usize = 32;
/// Files that the directory may hold.
const FILES_MAX: usize = 1_000;

/// Serves one directory.
pub(super) struct Flash(Worker<Directory>);

struct Directory(PathBuf);

impl Work for Directory {
    type Job = FileRequest;
    type Result = FileAnswer;
    const NAME: &'static str = "flash";

    fn run(&mut self, request: FileRequest) -> Vec<FileAnswer> {
        vec![serve(&self.0, &request)]
    }
}

impl Flash {
    /// Serves the directory at `path`, which is made when something is written. Start it after the process's signals
    /// are taken.
    pub(super) fn start(path: PathBuf) -> io::Result<Flash> {
        Worker::start(Directory(path)).map(Flash)
    }

    /// Has a request served; its answer is among those of [`Flash::answers`] some day.
    pub(super) fn ask(&self, request: FileRequest) {
        if let Err(request) = self.0.ask(request, REQUESTS_MAX) {
            let busy = io::Error::other("Device or resource busy");
            self.0.tell(failure(request.number, &busy));
        }
    }

    /// Answers since the last call. Call it when the descriptor is readable.
    pub(super) fn answers(&self) -> Vec<FileAnswer> {
        self.0.results()
    }
}

impl AsFd for Flash {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Does what is asked for in `directory`.
fn serve(directory: &Path, request: &FileRequest) -> FileAnswer {
    let number = request.number;
    let named = !matches!(
        request.operation(),
        FileOperation::List | FileOperation::ReadStartup
    );
    if named && !is_file_name(&request.name) {
        return status(number, FileStatus::BadName);
    }
    let file = directory.join(&request.name);
    let result = match request.operation() {
        FileOperation::List => list(directory),
        FileOperation::Read => read(&file),
        FileOperation::Write => write(directory, &file, &request.contents),
        FileOperation::Delete => std::fs::remove_file(&file).map(|()| FileAnswer::default()),
        FileOperation::ReadStartup => return status(number, FileStatus::NotFound),
    };
    match result {
        Ok(answer) => FileAnswer { number, ..answer },
        Err(error) => failure(number, &error),
    }
}

fn status(number: u64, status: FileStatus) -> FileAnswer {
    FileAnswer {
        number,
        status: status.into(),
        ..FileAnswer::default()
    }
}

fn failure(number: u64, error: &io::Error) -> FileAnswer {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => FileStatus::NotFound,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FileStatus::NoSpace,
        io::ErrorKind::FileTooLarge => FileStatus::TooLarge,
        _ => FileStatus::Failed,
    };
    FileAnswer {
        words: error.to_string(),
        ..status(number, kind)
    }
}

fn list(directory: &Path) -> io::Result<FileAnswer> {
    let mut files = Vec::new();
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => Some(entries),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    for entry in entries.into_iter().flatten().take(FILES_MAX) {
        let entry = entry?;
        let (metadata, name) = (entry.metadata()?, entry.file_name());
        let Some(name) = name.to_str().filter(|name| is_file_name(name)) else {
            continue;
        };
        if !metadata.is_file() {
            continue;
        }
        let modified = metadata.modified().ok();
        let modified = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        files.push(FileEntry {
            name: name.to_string(),
            bytes: metadata.len(),
            modified_unix_s: modified.map_or(0, |at| at.as_secs()),
        });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let used: u64 = files.iter().map(|file| file.bytes).sum();
    Ok(FileAnswer {
        total_bytes: FLASH_BYTES,
        free_bytes: FLASH_BYTES.saturating_sub(used).min(disk_free(directory)?),
        files,
        ..FileAnswer::default()
    })
}

/// What the disk below `directory`, or below the nearest directory that is there, has room for.
fn disk_free(directory: &Path) -> io::Result<u64> {
    let there = directory.ancestors().find(|path| path.exists());
    let disk = rustix::fs::statvfs(there.unwrap_or(Path::new("/")))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn read(file: &Path) -> io::Result<FileAnswer> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let fd = rustix::fs::open(file, flags, Mode::empty())?;
    let file = std::fs::File::from(fd);
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut contents = Vec::new();
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut contents)?;
    if contents.len() > FILE_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(FileAnswer {
        contents,
        ..FileAnswer::default()
    })
}

fn write(directory: &Path, file: &Path, contents: &[u8]) -> io::Result<FileAnswer> {
    if contents.len() > FILE_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let seen = list(directory)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let replaced = seen.files.iter().find(|entry| entry.name == name);
    let room = seen
        .free_bytes
        .saturating_add(replaced.map_or(0, |entry| entry.bytes));
    if contents.len() as u64 > room || (replaced.is_none() && seen.files.len() >= FILES_MAX) {
        return Err(io::ErrorKind::StorageFull.into());
    }
    std::fs::create_dir_all(directory)?;
    crate::file::replace(file, contents).map_err(|error| error.source)?;
    Ok(FileAnswer::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_directory::TestDirectory;

    fn ask(directory: &Path, operation: FileOperation, name: &str, contents: &[u8]) -> FileAnswer {
        serve(
            directory,
            &FileRequest {
                number: 7,
                operation: operation.into(),
                name: name.into(),
                contents: contents.to_vec(),
            },
        )
    }

    #[test]
    fn what_is_written_is_listed_read_and_deleted() {
        let place = TestDirectory::new("flash");
        let flash = place.path().join("flash-R0");
        assert_eq!(ask(&flash, FileOperation::List, "", b"").files, []);
        assert_eq!(
            ask(&flash, FileOperation::Write, "base.cfg", b"hostname A\n").failure(),
            None
        );
        let listed = ask(&flash, FileOperation::List, "", b"");
        assert_eq!((listed.files.len(), listed.files[0].bytes), (1, 11));
        assert!(listed.free_bytes <= FLASH_BYTES - 11 && listed.files[0].modified_unix_s > 0);
        assert_eq!(
            ask(&flash, FileOperation::Read, "base.cfg", b"").contents,
            b"hostname A\n"
        );
        assert_eq!(
            ask(&flash, FileOperation::Delete, "base.cfg", b"").failure(),
            None
        );
        let gone = ask(&flash, FileOperation::Read, "base.cfg", b"");
        assert_eq!(gone.failure().as_deref(), Some("No such file or directory"));
    }

    #[test]
    fn nothing_outside_of_the_directory_is_touched() {
        let place = TestDirectory::new("flash-outside");
        let flash = place.path().join("flash-R0");
        std::fs::create_dir(&flash).unwrap();
        std::fs::write(place.path().join("secret"), "secret").unwrap();
        std::os::unix::fs::symlink(place.path().join("secret"), flash.join("link")).unwrap();
        for name in ["../secret", "..", "", ".hidden", "a/b", "/etc/passwd", "a\0b"] {
            for operation in [FileOperation::Read, FileOperation::Write, FileOperation::Delete] {
                let answer = ask(&flash, operation, name, b"x");
                assert_eq!(answer.status(), FileStatus::BadName, "{name:?}");
            }
        }
        assert_eq!(ask(&flash, FileOperation::List, "", b"").files, []);
        let followed = ask(&flash, FileOperation::Read, "link", b"");
        assert!(followed.failure().is_some() && followed.contents.is_empty());
        assert_eq!(std::fs::read(place.path().join("secret")).unwrap(), b"secret");
    }

    #[test]
    fn a_file_that_does_not_fit_is_refused_and_leaves_what_was_there() {
        let place = TestDirectory::new("flash-full");
        let flash = place.path().join("flash-R0");
        ask(&flash, FileOperation::Write, "a", b"old");
        let too_long = vec![0; FILE_BYTES_MAX + 1];
        let answer = ask(&flash, FileOperation::Write, "a", &too_long);
        assert_eq!(answer.status(), FileStatus::TooLarge);
        // Somebody else fills the device: a sparse file counts with its length.
        let filler = std::fs::File::create(flash.join("core")).unwrap();
        filler.set_len(FLASH_BYTES - 3).unwrap();
        let answer = ask(&flash, FileOperation::Write, "b", b"x");
        assert_eq!(answer.failure().as_deref(), Some("Not enough space on device"));
        assert_eq!(ask(&flash, FileOperation::Read, "a", b"").contents, b"old");
    }
}
