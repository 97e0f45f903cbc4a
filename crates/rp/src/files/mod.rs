//! The route processors' own files: `dir`, `more`, `delete`, `copy`.
//!
//! | file system | what it is |
//! | --- | --- |
//! | `system:` | `running-config`, made when it is read |
//! | `nvram:` | `startup-config` |
//! | `bootflash:` | a directory of this route processor |
//! | `stby-nvram:`, `stby-bootflash:` | those of the standby; its `startup-config` can only be read, it follows `nvram:` |
//!
//! Nothing here waits for a disk: a request leaves, this unit's driver or the standby answers it, and the command that
//! waits for the answer goes on. A name is one word without a directory, so nothing outside can be named.

mod exec;
mod message;
mod name;
mod serve;

pub use message::{FileAnswer, FileEntry, FileOperation, FileRequest, FileStatus};
pub use name::is_file_name;

use crate::io::SessionId;
use alloc::collections::BTreeMap;
use exec::Step;
pub(crate) use exec::{FileQuestion, copied};
use machine::{Deadline, Duration, Instant};

/// The longest file that is read or written, in bytes.
pub const FILE_BYTES_MAX: usize = 6 * 1024 * 1024;
/// What a `bootflash:` holds at most, in bytes.
pub const FLASH_BYTES: u64 = 256 * 1024 * 1024;
/// What `nvram:` holds at most, in bytes.
pub const NVRAM_BYTES: u64 = FILE_BYTES_MAX as u64;
/// How long a command waits for an answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);
/// Requests that may be under way.
const REQUESTS_MAX: usize = 32;

/// Commands that wait for a file.
#[derive(Debug, Default)]
pub(crate) struct Files {
    last_number: u64,
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    session: SessionId,
    step: Step,
    until: Instant,
    /// Whether the standby is to answer.
    standby: bool,
}

impl Files {
    /// When a command has waited for long enough.
    pub(crate) fn next_deadline(&self) -> Option<Deadline> {
        let until = self.waiting.values().map(|waiting| waiting.until).min()?;
        Some((until, "a file does not come"))
    }
}
