//! Memory of the host: what is left of it, and what a process holds.
//!
//! Two route processors on one host cost the memory of both, for good: the standby holds all that the active holds. So
//! there is a look before the second one is started, and both amounts are told to whoever runs the router.

use crate::process::Process;
use std::fmt;

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

/// Memory that can be used without swapping, in bytes; `None` where the kernel does not tell.
pub fn available_bytes() -> Option<u64> {
    available_of(&std::fs::read_to_string("/proc/meminfo").ok()?)
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
