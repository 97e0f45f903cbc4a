//! Memory of the host: what is left of it, and what a process holds.
//!
//! Two route processors on one host cost the memory of both, for good: the standby holds all that the active holds. So
//! there is a look before the second one is started, and both amounts are told to whoever runs the router.

use crate::process::Process;
use std::fmt;
use std::path::Path;

/// Memory that stays free beside a second route processor, in bytes: page cache of its program, frames on their way, and
/// everything else that runs here.
const RESERVE_BYTES: u64 = 64 << 20;

/// Too little memory for a second route processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLittleMemory {
    /// What the first one holds, and the second one will, in bytes.
    pub resident_bytes: u64,
    /// What can be had, in bytes.
    pub available_bytes: u64,
    /// What bounds that.
    pub bound: Bound,
}

/// What bounds the memory of a second route processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// What the host can give.
    Host,
    /// What the chassis file grants to both.
    ChassisFile,
}

impl fmt::Display for TooLittleMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        let (of, remedy) = match self.bound {
            Bound::Host => ("available", "free some"),
            Bound::ChassisFile => ("left of memory_mib", "raise that"),
        };
        write!(
            f,
            "a second route processor needs {} MiB as the first one does, and {} MiB are to stay free; {} MiB are \
             {of}: {remedy}, or leave one route processor out of the chassis file",
            mib(self.resident_bytes),
            mib(RESERVE_BYTES),
            self.available_bytes >> 20
        )
    }
}

/// Whether a second route processor may be started beside one that holds `resident_bytes`, on a host that can give
/// `available_bytes`; both together may hold `bytes_max`, where that is given.
///
/// # Errors
/// When it would leave less than the reserve.
pub fn room_for_a_second(
    resident_bytes: u64,
    available_bytes: u64,
    bytes_max: Option<u64>,
) -> Result<(), TooLittleMemory> {
    let granted = bytes_max.map(|max| (max.saturating_sub(resident_bytes), Bound::ChassisFile));
    let (available_bytes, bound) = match granted {
        Some((granted, bound)) if granted < available_bytes => (granted, bound),
        _ => (available_bytes, Bound::Host),
    };
    if available_bytes < resident_bytes.saturating_add(RESERVE_BYTES) {
        return Err(TooLittleMemory {
            resident_bytes,
            available_bytes,
            bound,
        });
    }
    Ok(())
}

/// The same for a first one that runs as `first`. What the kernel does not tell refuses nothing.
///
/// # Errors
/// See [`room_for_a_second`].
pub fn room_beside(first: &Process, bytes_max: Option<u64>) -> Result<(), TooLittleMemory> {
    match (resident_bytes(&first.id().pid.to_string()), available_bytes()) {
        (Some(resident), Some(available)) => room_for_a_second(resident, available, bytes_max),
        _ => Ok(()),
    }
}

/// Memory that can be used without swapping, in bytes: what the host has, or what the control groups of this process leave of
/// that, as in a container. `None` where the kernel does not tell.
pub fn available_bytes() -> Option<u64> {
    let host = available_of(&std::fs::read_to_string("/proc/meminfo").ok()?)?;
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok();
    let left = groups.and_then(|text| left_in_groups(Path::new("/sys/fs/cgroup"), &text));
    Some(left.map_or(host, |left| left.min(host)))
}

/// What the control group in `membership` (a `/proc/PID/cgroup`) and those above it leave; `None` where none has a limit.
/// Version 2 only (kernel documentation, cgroup-v2, "Memory Interface Files").
fn left_in_groups(root: &Path, membership: &str) -> Option<u64> {
    let group = membership.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let own = root.join(group);
    let directories = own
        .ancestors()
        .take_while(|directory| directory.starts_with(root));
    directories.filter_map(left_in_group).min()
}

fn left_in_group(directory: &Path) -> Option<u64> {
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).ok();
    // It says `max` where there is no limit.
    let max: u64 = read("memory.max")?.trim().parse().ok()?;
    let current: u64 = read("memory.current")?.trim().parse().ok()?;
    let statistics = read("memory.stat").unwrap_or_default();
    let cached = statistics
        .lines()
        .find_map(|line| line.strip_prefix("inactive_file "));
    // Cache that nobody uses is given up before anybody is refused memory.
    let cached: u64 = cached.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(0);
    Some(max.saturating_sub(current.saturating_sub(cached)))
}

/// Memory that a process holds, in bytes; `None` when there is none. `process` is its number, or `self`.
pub fn resident_bytes(process: &str) -> Option<u64> {
    resident_of(&std::fs::read_to_string(format!("/proc/{process}/status")).ok()?)
}

fn available_of(meminfo: &str) -> Option<u64> {
    kib_of(meminfo, "MemAvailable:")
}

fn resident_of(status: &str) -> Option<u64> {
    kib_of(status, "VmRSS:")
}

fn kib_of(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_directory::TestDirectory;

    #[test]
    fn the_kernel_s_words_are_read() {
        let text = "MemTotal:       24000000 kB\nMemAvailable:   10485760 kB\n";
        assert_eq!(available_of(text), Some(10_240 << 20));
        assert_eq!(available_of("MemTotal: 1 kB\n"), None);
        assert_eq!(resident_of("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2 << 20));
        assert!(resident_bytes("self").is_some_and(|bytes| bytes > 0));
        assert!(available_bytes().is_some_and(|bytes| bytes > 0));
    }

    #[test]
    fn the_tightest_control_group_counts_and_its_idle_cache_is_free() {
        let place = TestDirectory::new("cgroup");
        let inner = place.path().join("outer/inner");
        std::fs::create_dir_all(&inner).unwrap();
        let left = || left_in_groups(place.path(), "1:name=x:/other\n0::/outer/inner\n");
        assert_eq!(left(), None, "nothing is told");
        let write = |group: &str, name: &str, text: &str| {
            std::fs::write(place.path().join(group).join(name), text).unwrap();
        };
        write("outer/inner", "memory.max", "max\n");
        write("outer/inner", "memory.current", "5000\n");
        assert_eq!(left(), None, "there is no limit");
        write("outer", "memory.max", "9000\n");
        write("outer", "memory.current", "8000\n");
        assert_eq!(left(), Some(1000));
        write(
            "outer",
            "memory.stat",
            "anon 6000\ninactive_file 1500\nactive_file 500\n",
        );
        assert_eq!(left(), Some(2500));
        write("outer/inner", "memory.max", "4000\n");
        assert_eq!(left(), Some(0), "more is used than there may be");
        assert_eq!(left_in_groups(place.path(), "4:memory:/v1\n"), None);
    }

    #[test]
    fn req_27_a_second_route_processor_is_refused_with_figures_where_it_would_leave_too_little() {
        let mib = 1 << 20;
        assert_eq!(room_for_a_second(100 * mib, 164 * mib, None), Ok(()));
        let refusal = room_for_a_second(100 * mib, 164 * mib - 1, None).unwrap_err();
        let text = refusal.to_string();
        assert!(
            text.contains("needs 100 MiB") && text.contains("163 MiB are available"),
            "{text}"
        );
    }

    #[test]
    fn req_27_what_the_chassis_file_grants_to_both_bounds_the_second_one() {
        let mib = 1 << 20;
        let plenty = 100_000 * mib;
        assert_eq!(room_for_a_second(100 * mib, plenty, Some(264 * mib)), Ok(()));
        let refusal = room_for_a_second(100 * mib, plenty, Some(263 * mib)).unwrap_err();
        let text = refusal.to_string();
        assert!(
            text.contains("163 MiB are left of memory_mib: raise that"),
            "{text}"
        );
        let refusal = room_for_a_second(100 * mib, 50 * mib, Some(plenty)).unwrap_err();
        assert_eq!(refusal.bound, Bound::Host);
    }
}
