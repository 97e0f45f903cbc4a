//! What a backplane leaves in the run directory: records of its units, and the description that they run.

use super::supervisor::{BackplaneError, log_line};
use super::{Unit, description_path};
use crate::file::{self, FileError};
use crate::process::{Process, ProcessId};
use crate::shared_memory::boot_id;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Where units of this boot record themselves; those of other boots are removed.
pub(super) fn records_directory(run_directory: &Path) -> Result<PathBuf, FileError> {
    let name = format!("processes-{:032x}", boot_id()?);
    let directory = run_directory.join(&name);
    std::fs::create_dir_all(&directory).map_err(|error| FileError::new("make", &directory, error))?;
    let entries =
        std::fs::read_dir(run_directory).map_err(|error| FileError::new("list", run_directory, error))?;
    for entry in entries.filter_map(Result::ok) {
        let other = entry.file_name().to_string_lossy().into_owned();
        if other.starts_with("processes-") && other != name {
            // Of no use, and harmless: nobody looks at another boot's records.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    Ok(directory)
}

/// Takes over every unit that has a record and still runs.
pub(super) fn adopt_all(records: &Path) -> io::Result<BTreeMap<Unit, Process>> {
    let mut adopted = BTreeMap::new();
    for entry in std::fs::read_dir(records)? {
        let entry = entry?;
        let unit = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<Unit>().ok());
        if let (Some(unit), Some(id)) = (unit, ProcessId::of_record(&entry.path()))
            && let Some(process) = Process::adopt(id)?
        {
            adopted.insert(unit, process);
        }
    }
    Ok(adopted)
}

/// Keeps a copy of the description for the units; refuses another one while units run.
pub(super) fn take_description(run: &Path, text: &str, units_run: bool) -> Result<(), BackplaneError> {
    let path = description_path(run);
    if units_run {
        let present = std::fs::read_to_string(&path)
            .map_err(|error| BackplaneError::File(FileError::new("read", &path, error)))?;
        if present != text {
            return Err(BackplaneError::OtherDescription { path });
        }
        return Ok(());
    }
    file::replace(&path, text.as_bytes()).map_err(BackplaneError::File)
}

/// Removes all but the locks: a lock whose file is removed while somebody opens it would be held twice.
pub(super) fn remove_run_files(run_directory: &Path) {
    let Ok(entries) = std::fs::read_dir(run_directory) else {
        return;
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.extension().is_some_and(|extension| extension == "lock") {
            continue;
        }
        let removed = if path.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        if let Err(error) = removed {
            log_line(&format!("cannot remove {}: {error}", path.display()));
        }
    }
}
