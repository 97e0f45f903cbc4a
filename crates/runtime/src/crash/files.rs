//! The files that crashes leave: their names, their list, and how much room they may take.
//!
//! `HOST-crashinfo-R0-20261122-200739.txt` and `HOST-core-slot0-20261122-200739`: slot and time are in each name, so that
//! nobody mistakes one for another.

use machine::RpSlot;
use redundancy::{CompactUtcTime, UtcTime};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the crash information of a chassis goes.
pub fn directory(state_directory: &Path) -> PathBuf {
    state_directory.join("crashinfo")
}

struct Dump {
    name: String,
    path: PathBuf,
    bytes: u64,
    written_at_unix_s: u64,
}

fn is_dump(name: &str) -> bool {
    name.contains("-crashinfo-") || name.contains("-core-slot")
}

fn dump_of(path: PathBuf, name: String, status: &Metadata) -> Dump {
    Dump {
        name,
        path,
        // What it really takes: a core has holes.
        bytes: status.blocks() * 512,
        written_at_unix_s: u64::try_from(status.mtime()).unwrap_or(0),
    }
}

/// Oldest first.
fn dumps(directory: &Path) -> io::Result<Vec<Dump>> {
    let mut dumps = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_dump(&name)
            && let Ok(status) = entry.metadata()
            && status.is_file()
        {
            dumps.push(dump_of(entry.path(), name, &status));
        }
    }
    dumps.sort_by(|a, b| (a.written_at_unix_s, &a.name).cmp(&(b.written_at_unix_s, &b.name)));
    Ok(dumps)
}

/// Removes the oldest dumps until the rest takes no more than `bytes_max`. The newest one always stays: a single core that
/// is larger than the limit is worth more than none.
pub fn keep_within(directory: &Path, bytes_max: u64) {
    let Ok(dumps) = dumps(directory) else { return };
    let mut total: u64 = dumps.iter().map(|dump| dump.bytes).sum();
    let newest = dumps.len().saturating_sub(1);
    for dump in &dumps[..newest] {
        if total <= bytes_max {
            return;
        }
        // One that cannot be removed only takes room.
        if std::fs::remove_file(&dump.path).is_ok() {
            total -= dump.bytes;
        }
    }
}

/// The files in a directory, oldest first, as `dir crashinfo:` shows them.
pub fn listing(directory: &Path) -> Vec<String> {
    let mut lines = vec!["Directory of crashinfo:/".to_string(), String::new()];
    let dumps = match dumps(directory) {
        Ok(dumps) => dumps,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return vec![format!("%Error opening crashinfo:/ ({error})")],
    };
    if dumps.is_empty() {
        lines.push("No files in directory".to_string());
        return lines;
    }
    for (number, dump) in dumps.iter().enumerate() {
        lines.push(format!(
            "{:>5}  -rw-  {:>12}  {}  {}",
            number + 1,
            dump.bytes,
            UtcTime(dump.written_at_unix_s),
            dump.name
        ));
    }
    let total: u64 = dumps.iter().map(|dump| dump.bytes).sum();
    lines.extend([String::new(), format!("{total} bytes total")]);
    lines
}

/// Gives the core that process `pid`, the RP in `slot`, has left in its working directory its name, if there is one.
///
/// The kernel writes it under a name of its own (`core`, `core.PID`); where it pipes cores to a program, there is none here.
pub fn take_core(working_directory: &Path, slot: RpSlot, pid: u32) -> Option<PathBuf> {
    let candidates = [format!("core.{pid}"), "core".to_string()];
    let core = candidates
        .iter()
        .map(|name| working_directory.join(name))
        .find(|path| path.is_file())?;
    let crash_directory = directory(working_directory);
    std::fs::create_dir_all(&crash_directory).ok()?;
    let host = host_of_last_report(&crash_directory, slot).unwrap_or_else(|| "Router".to_string());
    let now_s = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let name = format!("{host}-core-slot{}-{}", slot.index(), CompactUtcTime(now_s));
    let path = crash_directory.join(name);
    std::fs::rename(&core, &path).ok()?;
    Some(path)
}

/// The core and the report of one death begin alike.
fn host_of_last_report(directory: &Path, slot: RpSlot) -> Option<String> {
    let marker = format!("-crashinfo-{slot}-");
    let newest = dumps(directory)
        .ok()?
        .into_iter()
        .rfind(|dump| dump.name.contains(&marker))?;
    newest.name.split(&marker).next().map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_directory::TestDirectory;

    fn dump(directory: &Path, name: &str, age_s: u64, bytes: usize) {
        let path = directory.join(name);
        std::fs::write(&path, vec![b'x'; bytes]).unwrap();
        let at = SystemTime::now() - std::time::Duration::from_secs(age_s);
        std::fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(at)
            .unwrap();
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_oldest_dumps_go_when_there_is_no_more_room_and_the_newest_always_stays() {
        let directory = TestDirectory::new("dumps");
        let path = directory.path();
        for (age, name) in [
            (40, "a-crashinfo-R0-1.txt"),
            (30, "a-core-slot0-1"),
            (20, "a-crashinfo-R1-2.txt"),
        ] {
            dump(path, name, age, 64 * 1024);
        }
        dump(path, "startup-config", 50, 64 * 1024);
        keep_within(path, 150 * 1024);
        assert_eq!(
            names(path),
            ["a-core-slot0-1", "a-crashinfo-R1-2.txt", "startup-config"]
        );
        keep_within(path, 0);
        assert_eq!(names(path), ["a-crashinfo-R1-2.txt", "startup-config"]);
    }

    #[test]
    fn req_52_a_core_gets_the_slot_into_its_name_and_the_name_of_its_report() {
        let state = TestDirectory::new("core");
        let crashes = directory(state.path());
        assert_eq!(take_core(state.path(), RpSlot::R1, 77), None);
        std::fs::create_dir_all(&crashes).unwrap();
        dump(&crashes, "east-crashinfo-R1-20260101-000000.txt", 0, 10);
        std::fs::write(state.path().join("core.77"), "x").unwrap();
        let core = take_core(state.path(), RpSlot::R1, 77).unwrap();
        let name = core.file_name().unwrap().to_str().unwrap().to_string();
        assert!(name.starts_with("east-core-slot1-20"), "{name}");
        assert_eq!(names(&crashes).len(), 2);
        assert!(!state.path().join("core.77").exists());
    }

    #[test]
    fn a_directory_without_dumps_says_so() {
        let directory = TestDirectory::new("no-dumps");
        assert_eq!(
            listing(&directory.path().join("none")),
            ["Directory of crashinfo:/", "", "No files in directory"]
        );
        dump(directory.path(), "a-crashinfo-R0-1.txt", 0, 10);
        let lines = listing(directory.path());
        assert!(
            lines[2].starts_with("    1  -rw-  ") && lines[2].ends_with("  a-crashinfo-R0-1.txt"),
            "{lines:?}"
        );
    }
}
