//! The words that the processes of one chassis on one host share.
//!
//! One page, mapped by both RPs, by the backplane and by whoever wants to look: `chassis.shm` in the run directory. It is
//! a whiteboard, not a queue: each word has one meaning, one place and named writers, every access is atomic, and no
//! process ever waits for another one to finish writing.
//!
//! ```text
//!    0  header       magic, layout version, size, boot id, nonce          written once, before the file has its name
//!   64  mastership   (epoch, slot) word, epoch ceiling, epoch floor       claimants, by compare-and-swap
//!  128  R0           life word, incarnation, resignation, process,        that RP; power by the backplane
//!                    power, out-of-step mark, the step that it makes;
//!                    by the backplane also who was taken down, and when
//!                    the last process ended
//!  640  R1           the same
//! 1152  cards 0-15   power, process; 64 bytes each                        the backplane
//! 2176  deaths       steps in which the last actives died              claimants
//! 3200  reserved     zero                                                 nobody, until a later layout says otherwise
//! 4096  end
//! ```
//!
//! Contract:
//! - Two releases run as a pair over this page, so a place is never moved or given another meaning. Reserved bytes may
//!   get one; anything else needs another layout version, and a process refuses a version that it does not know.
//! - The file is complete before it gets its name, and it is made under a lock, so nobody ever maps half a header and
//!   two processes never make two files.
//! - It is worth exactly one boot: life words name threads, and epochs continue from the persisted ceiling. A file of
//!   another boot is replaced.

use crate::file::{FileError, FileLock, LockError, temporary_beside};
use machine::{CardSlot, Duration, RpSlot};
use rustix::fs::{Mode, OFlags};
use rustix::mm::{MapFlags, ProtFlags};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// "HOLDOVER", as the bytes stand in the file.
pub const MAGIC: u64 = u64::from_le_bytes(*b"HOLDOVER");
/// The layout that this release knows.
pub const LAYOUT_VERSION: u32 = 1;
/// Bytes of the file.
pub const SIZE: usize = 4096;
/// The file's name in the run directory.
pub const FILE_NAME: &str = "chassis.shm";
/// How long making the file may take another process before we give up waiting for it.
const CREATION_LIMIT: Duration = Duration::from_secs(5);

/// The page. Offsets are golden, see the module's drawing.
#[derive(Debug)]
#[repr(C, align(4096))]
pub struct Layout {
    /// What the file is and for which boot.
    pub header: Header,
    /// Who is active.
    pub mastership: MastershipWords,
    /// One area for each RP, in the order of their slots.
    pub rps: [RpWords; 2],
    /// One area for each line card.
    pub cards: [CardWords; CardSlot::MAX as usize + 1],
    /// Steps in which actives died by their own doing, in no order. See `steps`.
    pub deaths: [DeathWords; rp::DEADLY_STEPS_MAX],
    reserved: [AtomicU64; 112],
}

/// Written once, before the file has its name.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Header {
    magic: AtomicU64,
    layout_version: AtomicU32,
    size: AtomicU32,
    boot_id: [AtomicU64; 2],
    nonce: [AtomicU64; 4],
}

/// The words behind the local arbiter.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct MastershipWords {
    /// `machine::Epoch::to_word`; 0 before the first claim. Changed by compare-and-swap only.
    pub epoch: AtomicU64,
    /// No epoch counter above this one may be claimed; a copy of what is persisted. 0: not looked up yet.
    pub ceiling: AtomicU64,
    /// The ceiling that was persisted before this file was made: every counter of it lies above.
    pub floor: AtomicU64,
    reserved: [AtomicU64; 5],
}

/// What one RP says about itself, and the backplane about its slot.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct RpWords {
    /// The robust life lock: thread id, `FUTEX_WAITERS`, `FUTEX_OWNER_DIED`. See `life`.
    pub life: AtomicU32,
    /// Number of the slot's present or last holder, from 1.
    pub incarnation: AtomicU32,
    /// `incarnation << 32 | cause`: why that incarnation gave up before it died. See `life::Resignation`.
    pub resigned: AtomicU64,
    /// Process id of the holder.
    pub process: AtomicU32,
    /// See [`SlotPower`].
    pub power: AtomicU32,
    /// When the holder's process started, in clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub started_at_ticks: AtomicU64,
    /// "My standby is out of step."
    pub out_of_step: MarkWords,
    /// `incarnation << 32 | cause`: an operator had the backplane end that incarnation. See [`TakenDown`].
    pub taken_down: AtomicU64,
    /// When the backplane saw the slot's last process end, in seconds since 1970; 0: it has seen none.
    pub ended_at_unix_s: AtomicU64,
    /// The step that it is making. See `steps`.
    pub step: StepWords,
    reserved: [AtomicU64; 50],
}

/// A [`machine::StepNote`], and whose it is.
#[derive(Debug)]
#[repr(C)]
pub struct StepWords {
    /// `incarnation << 32 | kind << 24 | client`; 0: no step. Written last, and cleared first.
    pub(crate) what: AtomicU64,
    /// Upper and lower half.
    pub(crate) session: [AtomicU64; 2],
    pub(crate) offset: AtomicU64,
    pub(crate) digest: AtomicU64,
}

/// A step in which an active died.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct DeathWords {
    /// When that was found, in nanoseconds on `CLOCK_MONOTONIC`; 0: nothing is here.
    pub(crate) at_ns: AtomicU64,
    /// The step, as that of incarnation 1.
    pub(crate) step: StepWords,
    reserved: [AtomicU64; 2],
}

/// Why the backplane has ended a life of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenDown {
    /// To start it anew: a reset, or a reload of everything.
    Reset,
    /// It lost its power, or was pulled out.
    Power,
}

impl RpWords {
    /// Says that the present incarnation is about to be ended by an operator. Written before the kill, by the backplane.
    pub fn take_down(&self, cause: TakenDown) {
        let cause = match cause {
            TakenDown::Reset => 1,
            TakenDown::Power => 2,
        };
        let incarnation = self.incarnation.load(Ordering::SeqCst);
        self.taken_down
            .store(u64::from(incarnation) << 32 | cause, Ordering::SeqCst);
    }

    /// Why an operator had `incarnation` ended, if one had.
    pub fn taken_down(&self, incarnation: u32) -> Option<TakenDown> {
        let word = self.taken_down.load(Ordering::SeqCst);
        match (word >> 32 == u64::from(incarnation), word & 0xffff_ffff) {
            (true, 1) => Some(TakenDown::Reset),
            (true, 2) => Some(TakenDown::Power),
            _ => None,
        }
    }
}

/// What the backplane says about a line card's slot.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct CardWords {
    /// See [`SlotPower`].
    pub power: AtomicU32,
    /// Process id of the card; 0 for none.
    pub process: AtomicU32,
    /// When that process started, in clock ticks since boot.
    pub started_at_ticks: AtomicU64,
    reserved: [AtomicU64; 6],
}

/// Two words that are read as one: a single writer makes the sequence odd, writes, and makes it even again.
///
/// A reader that finds the sequence odd, or changed, tries again; if the writer died in between, it stays odd and the
/// reader says so. So a torn pair is never taken for a value, and a reader never waits.
#[derive(Debug)]
#[repr(C)]
pub struct MarkWords {
    sequence: AtomicU64,
    epoch: AtomicU64,
    frame: AtomicU64,
}

/// What a reader of [`MarkWords`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkReading {
    /// A whole pair.
    Pair {
        /// Epoch word; 0 for "no mark".
        epoch: u64,
        /// Frame number.
        frame: u64,
    },
    /// The writer is in the middle of it, or died there.
    Torn,
}

/// A writer needs a few nanoseconds for its three stores; a reader that finds it descheduled in between does not wait.
const MARK_READ_ATTEMPTS: usize = 64;

impl MarkWords {
    /// Writes the pair. There is one writer at a time: the holder of the slot's life lock.
    pub fn write(&self, epoch: u64, frame: u64) {
        let odd = self.sequence.load(Ordering::SeqCst) | 1;
        self.sequence.store(odd, Ordering::SeqCst);
        self.epoch.store(epoch, Ordering::SeqCst);
        self.frame.store(frame, Ordering::SeqCst);
        self.sequence.store(odd.wrapping_add(1), Ordering::SeqCst);
    }

    /// Reads the pair.
    pub fn read(&self) -> MarkReading {
        for _ in 0..MARK_READ_ATTEMPTS {
            let before = self.sequence.load(Ordering::SeqCst);
            let epoch = self.epoch.load(Ordering::SeqCst);
            let frame = self.frame.load(Ordering::SeqCst);
            if before & 1 == 0 && self.sequence.load(Ordering::SeqCst) == before {
                return MarkReading::Pair { epoch, frame };
            }
            std::hint::spin_loop();
        }
        MarkReading::Torn
    }
}

/// What the backplane says about a slot: one word, so that it is always seen whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotPower {
    /// No backplane has said anything: the process was started by somebody else.
    Unmanaged,
    /// Nothing is in the slot.
    Empty,
    /// A unit is in the slot, without power.
    Off,
    /// A unit is in the slot and has power.
    On,
}

impl SlotPower {
    /// As the word in the shared page.
    pub const fn to_word(self) -> u32 {
        match self {
            SlotPower::Unmanaged => 0,
            SlotPower::Empty => 1,
            SlotPower::Off => 2,
            SlotPower::On => 3,
        }
    }

    /// Reverse of [`SlotPower::to_word`]; an unknown word, from a later release, is `Unmanaged`.
    pub const fn from_word(word: u32) -> SlotPower {
        match word {
            1 => SlotPower::Empty,
            2 => SlotPower::Off,
            3 => SlotPower::On,
            _ => SlotPower::Unmanaged,
        }
    }
}

impl Layout {
    /// The area of an RP.
    pub fn rp(&self, slot: RpSlot) -> &RpWords {
        &self.rps[slot.index()]
    }

    /// The area of a line card; `None` for a slot that no chassis has.
    pub fn card(&self, slot: CardSlot) -> Option<&CardWords> {
        self.cards.get(usize::from(slot.0))
    }

    /// The secret of this chassis and boot: who can read the file knows it, and nobody else.
    pub fn nonce(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(&self.header.nonce) {
            chunk.copy_from_slice(&word.load(Ordering::SeqCst).to_le_bytes());
        }
        bytes
    }

    fn boot_id(&self) -> u128 {
        let [high, low] = self
            .header
            .boot_id
            .each_ref()
            .map(|word| word.load(Ordering::SeqCst));
        u128::from(high) << 64 | u128::from(low)
    }
}

/// Why the shared file cannot be used.
#[derive(Debug)]
pub enum SharedMemoryError {
    /// The file system said no.
    File(FileError),
    /// Another process is making the file and does not finish.
    Lock(LockError),
    /// The file is something else.
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl std::fmt::Display for SharedMemoryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SharedMemoryError::File(error) => error.fmt(f),
            SharedMemoryError::Lock(error) => error.fmt(f),
            SharedMemoryError::NotOurs { path, problem } => {
                write!(
                    f,
                    "{}: {problem}; stop the chassis with 'holdover down' and remove the file",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for SharedMemoryError {}

/// A handle on the mapped page; clones share the mapping.
#[derive(Clone, Debug)]
pub struct SharedMemory {
    mapping: Arc<Mapping>,
    path: PathBuf,
}

impl SharedMemory {
    /// Maps the shared file of the chassis with this run directory; makes it when there is none of this boot.
    ///
    /// # Errors
    /// When the file cannot be made or mapped, or is not what this release knows; the message names the file.
    pub fn open(run_directory: &Path) -> Result<SharedMemory, SharedMemoryError> {
        let boot_id = boot_id().map_err(SharedMemoryError::File)?;
        SharedMemory::open_in_boot(run_directory, boot_id)
    }

    /// As [`SharedMemory::open`], for the boot with this id.
    ///
    /// # Errors
    /// As [`SharedMemory::open`].
    pub fn open_in_boot(run_directory: &Path, boot_id: u128) -> Result<SharedMemory, SharedMemoryError> {
        let path = run_directory.join(FILE_NAME);
        let lock_path = run_directory.join("chassis.shm.lock");
        // Without the lock two processes that find a file of another boot would each put a new one in its place, and
        // the chassis would have two words for its mastership.
        let holder = format!("process {}", std::process::id());
        let _lock =
            FileLock::take_within(&lock_path, &holder, CREATION_LIMIT).map_err(SharedMemoryError::Lock)?;
        if let Some(mapping) = Mapping::of_existing(&path)? {
            mapping.check(&path)?;
            if mapping.boot_id() == boot_id {
                mapping.check_version(&path)?;
                return Ok(SharedMemory {
                    mapping: Arc::new(mapping),
                    path,
                });
            }
        }
        let mapping = Mapping::create(&path, boot_id)?;
        Ok(SharedMemory {
            mapping: Arc::new(mapping),
            path,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The page, kept mapped until the process ends: for signal handlers and for threads that never return.
    pub fn leak(&self) -> &'static Layout {
        std::mem::forget(self.mapping.clone());
        // SAFETY: the mapping is unmapped when its last handle is dropped, and one was just forgotten, so the page
        // stays mapped for the rest of the process. It is aligned and large enough for a `Layout`, whose fields are
        // all atomics, for which any bytes are valid and which may be changed by others.
        unsafe { &*self.mapping.page }
    }
}

impl std::ops::Deref for SharedMemory {
    type Target = Layout;
    fn deref(&self) -> &Layout {
        &self.mapping
    }
}

/// The id that the kernel gave to this boot.
///
/// # Errors
/// When `/proc` is not mounted or holds something else.
pub fn boot_id() -> Result<u128, FileError> {
    let path = Path::new("/proc/sys/kernel/random/boot_id");
    let text = std::fs::read_to_string(path).map_err(|error| FileError::new("read", path, error))?;
    let digits: String = text
        .trim()
        .chars()
        .filter(|character| *character != '-')
        .collect();
    u128::from_str_radix(&digits, 16)
        .map_err(|error| FileError::new("read", path, io::Error::new(io::ErrorKind::InvalidData, error)))
}

#[derive(Debug)]
struct Mapping {
    page: *const Layout,
}

// SAFETY: the page holds nothing but atomics, which may be used from any thread; the pointer itself never changes.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl std::ops::Deref for Mapping {
    type Target = Layout;
    fn deref(&self) -> &Layout {
        // SAFETY: `page` comes from `Mapping::map`: a live mapping of `SIZE` bytes, page-aligned, unmapped only in
        // `drop`. `Layout` is `repr(C)`, of exactly `SIZE` bytes, and all its fields are atomics, for which any bytes
        // are valid and concurrent changes by other processes are allowed.
        unsafe { &*self.page }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this value owns the mapping, and no reference into it outlives it.
        let _ = unsafe { rustix::mm::munmap(self.page.cast_mut().cast(), SIZE) };
    }
}

impl Mapping {
    fn of_existing(path: &Path) -> Result<Option<Mapping>, SharedMemoryError> {
        let failed =
            |doing, error: rustix::io::Errno| SharedMemoryError::File(FileError::new(doing, path, error));
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let fd = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(failed("open", error)),
        };
        let size = rustix::fs::fstat(&fd)
            .map_err(|error| failed("look at", error))?
            .st_size;
        // Mapping a shorter file would end in a bus error at the first access.
        if usize::try_from(size) != Ok(SIZE) {
            let problem = format!("it has {size} bytes, but the shared file of a chassis has {SIZE}");
            return Err(SharedMemoryError::NotOurs {
                path: path.to_path_buf(),
                problem,
            });
        }
        Mapping::map(&fd).map(Some).map_err(|error| failed("map", error))
    }

    fn create(path: &Path, boot_id: u128) -> Result<Mapping, SharedMemoryError> {
        let temporary = temporary_beside(path);
        let make = || -> io::Result<Mapping> {
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            let fd = rustix::fs::open(&temporary, flags, Mode::RUSR | Mode::WUSR)?;
            // Allocated, not only extended: a full disk must not show itself as a bus error later.
            rustix::fs::fallocate(&fd, rustix::fs::FallocateFlags::empty(), 0, SIZE as u64)?;
            let mapping = Mapping::map(&fd)?;
            mapping.header.magic.store(MAGIC, Ordering::SeqCst);
            mapping
                .header
                .layout_version
                .store(LAYOUT_VERSION, Ordering::SeqCst);
            mapping.header.size.store(SIZE as u32, Ordering::SeqCst);
            mapping.header.boot_id[0].store((boot_id >> 64) as u64, Ordering::SeqCst);
            mapping.header.boot_id[1].store(boot_id as u64, Ordering::SeqCst);
            let secret = random_bytes::<32>()?;
            for (word, chunk) in mapping.header.nonce.iter().zip(secret.chunks_exact(8)) {
                word.store(
                    u64::from_le_bytes(chunk.try_into().unwrap_or([0; 8])),
                    Ordering::SeqCst,
                );
            }
            std::fs::rename(&temporary, path)?;
            Ok(mapping)
        };
        make().map_err(|error| {
            // The error that matters is the first one; a leftover is only untidy.
            let _ = std::fs::remove_file(&temporary);
            SharedMemoryError::File(FileError::new("make", path, error))
        })
    }

    fn map(fd: &rustix::fd::OwnedFd) -> rustix::io::Result<Mapping> {
        // SAFETY: a fresh mapping at an address of the kernel's choice touches no memory of ours.
        let page = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                SIZE,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                fd,
                0,
            )?
        };
        Ok(Mapping {
            page: page.cast_const().cast(),
        })
    }

    fn check(&self, path: &Path) -> Result<(), SharedMemoryError> {
        if self.header.magic.load(Ordering::SeqCst) == MAGIC {
            return Ok(());
        }
        let problem = "it is not the shared file of a chassis (wrong magic)".to_string();
        Err(SharedMemoryError::NotOurs {
            path: path.to_path_buf(),
            problem,
        })
    }

    fn check_version(&self, path: &Path) -> Result<(), SharedMemoryError> {
        let version = self.header.layout_version.load(Ordering::SeqCst);
        let size = self.header.size.load(Ordering::SeqCst);
        if version == LAYOUT_VERSION && size as usize == SIZE {
            return Ok(());
        }
        let problem = format!(
            "it has layout {version} with {size} bytes, but this release knows layout {LAYOUT_VERSION} with {SIZE}"
        );
        Err(SharedMemoryError::NotOurs {
            path: path.to_path_buf(),
            problem,
        })
    }
}

/// Bytes from the kernel's random source.
///
/// # Errors
/// When the kernel has none yet, which it reports only in the first moments of a boot.
pub fn random_bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_directory::TestDirectory;
    use std::mem::offset_of;

    #[test]
    fn offsets_are_those_that_an_older_release_expects() {
        assert_eq!(size_of::<Layout>(), 4096);
        assert_eq!(offset_of!(Header, magic), 0);
        assert_eq!(offset_of!(Header, layout_version), 8);
        assert_eq!(offset_of!(Header, size), 12);
        assert_eq!(offset_of!(Header, boot_id), 16);
        assert_eq!(offset_of!(Header, nonce), 32);
        assert_eq!(offset_of!(Layout, mastership), 64);
        assert_eq!(offset_of!(MastershipWords, epoch), 0);
        assert_eq!(offset_of!(MastershipWords, ceiling), 8);
        assert_eq!(offset_of!(MastershipWords, floor), 16);
        assert_eq!(offset_of!(Layout, rps), 128);
        assert_eq!(size_of::<RpWords>(), 512);
        assert_eq!(offset_of!(RpWords, life), 0);
        assert_eq!(offset_of!(RpWords, incarnation), 4);
        assert_eq!(offset_of!(RpWords, resigned), 8);
        assert_eq!(offset_of!(RpWords, process), 16);
        assert_eq!(offset_of!(RpWords, power), 20);
        assert_eq!(offset_of!(RpWords, started_at_ticks), 24);
        assert_eq!(offset_of!(RpWords, out_of_step), 32);
        assert_eq!(offset_of!(RpWords, taken_down), 56);
        assert_eq!(offset_of!(RpWords, ended_at_unix_s), 64);
        assert_eq!(offset_of!(RpWords, step), 72);
        assert_eq!(size_of::<StepWords>(), 40);
        assert_eq!(offset_of!(StepWords, what), 0);
        assert_eq!(offset_of!(StepWords, session), 8);
        assert_eq!(offset_of!(StepWords, offset), 24);
        assert_eq!(offset_of!(StepWords, digest), 32);
        assert_eq!(offset_of!(MarkWords, sequence), 0);
        assert_eq!(offset_of!(MarkWords, epoch), 8);
        assert_eq!(offset_of!(MarkWords, frame), 16);
        assert_eq!(offset_of!(Layout, cards), 1152);
        assert_eq!(size_of::<CardWords>(), 64);
        assert_eq!(offset_of!(CardWords, power), 0);
        assert_eq!(offset_of!(CardWords, process), 4);
        assert_eq!(offset_of!(CardWords, started_at_ticks), 8);
        assert_eq!(offset_of!(Layout, deaths), 2176);
        assert_eq!(size_of::<DeathWords>(), 64);
        assert_eq!(offset_of!(DeathWords, at_ns), 0);
        assert_eq!(offset_of!(DeathWords, step), 8);
        assert_eq!(offset_of!(Layout, reserved), 3200);
    }

    #[test]
    fn a_header_is_these_bytes() {
        let directory = TestDirectory::new("golden");
        let memory =
            SharedMemory::open_in_boot(directory.path(), 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff).unwrap();
        memory.mastership.epoch.store(0x0102, Ordering::SeqCst);
        memory.rp(RpSlot::R1).out_of_step.write(0x0a0b, 0x0c0d);
        let bytes = std::fs::read(memory.path()).unwrap();
        assert_eq!(&bytes[..8], b"HOLDOVER");
        assert_eq!(&bytes[8..16], [1, 0, 0, 0, 0, 16, 0, 0]);
        assert_eq!(
            &bytes[16..32],
            [
                0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88
            ]
        );
        assert_eq!(bytes[32..64], memory.nonce());
        assert_eq!(&bytes[64..72], [2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(
            &bytes[672..696],
            [
                2, 0, 0, 0, 0, 0, 0, 0, 11, 10, 0, 0, 0, 0, 0, 0, 13, 12, 0, 0, 0, 0, 0, 0
            ]
        );
        assert!(
            bytes[2176..].iter().all(|byte| *byte == 0),
            "reserved bytes are zero"
        );
    }

    #[test]
    fn two_handles_of_one_boot_see_the_same_words_and_another_boot_gets_new_ones() {
        let directory = TestDirectory::new("boots");
        let first = SharedMemory::open_in_boot(directory.path(), 1).unwrap();
        let second = SharedMemory::open_in_boot(directory.path(), 1).unwrap();
        first.mastership.epoch.store(77, Ordering::SeqCst);
        assert_eq!(second.mastership.epoch.load(Ordering::SeqCst), 77);
        assert_eq!(first.nonce(), second.nonce());
        let rebooted = SharedMemory::open_in_boot(directory.path(), 2).unwrap();
        assert_eq!(rebooted.mastership.epoch.load(Ordering::SeqCst), 0);
        assert_ne!(rebooted.nonce(), first.nonce());
    }

    #[test]
    fn processes_that_start_together_get_one_file() {
        let directory = TestDirectory::new("together");
        // A file of an older boot must be replaced exactly once, too.
        SharedMemory::open_in_boot(directory.path(), 1).unwrap();
        let nonces: std::collections::BTreeSet<[u8; 32]> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| SharedMemory::open_in_boot(directory.path(), 2).unwrap().nonce()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(nonces.len(), 1);
    }

    #[test]
    fn a_file_that_is_not_ours_is_refused_by_name_and_left_alone() {
        let directory = TestDirectory::new("foreign");
        let path = directory.path().join(FILE_NAME);
        for (contents, problem) in [
            (vec![0u8; 4096], "wrong magic"),
            (vec![0u8; 10], "it has 10 bytes"),
            (
                b"HOLDOVER\x02\0\0\0\0\x10\0\0"
                    .iter()
                    .copied()
                    .chain([0; 4080])
                    .collect(),
                "layout 2 with 4096",
            ),
        ] {
            std::fs::write(&path, &contents).unwrap();
            let error = SharedMemory::open_in_boot(directory.path(), 0)
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(problem) && error.contains("chassis.shm"),
                "{error}"
            );
            assert_eq!(std::fs::read(&path).unwrap(), contents);
        }
    }

    #[test]
    fn the_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let directory = TestDirectory::new("mode");
        let memory = SharedMemory::open(directory.path()).unwrap();
        assert_eq!(
            std::fs::metadata(memory.path()).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_mark_is_read_whole_while_it_is_being_rewritten() {
        let directory = TestDirectory::new("mark");
        let memory = SharedMemory::open_in_boot(directory.path(), 1).unwrap();
        let mark = &memory.rp(RpSlot::R0).out_of_step;
        assert_eq!(mark.read(), MarkReading::Pair { epoch: 0, frame: 0 });
        std::thread::scope(|scope| {
            scope.spawn(|| (0..20_000).for_each(|number| mark.write(number, number * 3)));
            for _ in 0..20_000 {
                if let MarkReading::Pair { epoch, frame } = mark.read() {
                    assert_eq!(frame, epoch * 3);
                }
            }
        });
        assert_eq!(
            mark.read(),
            MarkReading::Pair {
                epoch: 19_999,
                frame: 59_997
            }
        );
    }

    #[test]
    fn a_writer_that_died_in_the_middle_is_seen_and_its_successor_repairs_the_mark() {
        let directory = TestDirectory::new("torn");
        let memory = SharedMemory::open_in_boot(directory.path(), 1).unwrap();
        let mark = &memory.rp(RpSlot::R0).out_of_step;
        mark.sequence.store(5, Ordering::SeqCst);
        assert_eq!(mark.read(), MarkReading::Torn);
        mark.write(4, 9);
        assert_eq!(mark.read(), MarkReading::Pair { epoch: 4, frame: 9 });
    }

    #[test]
    fn power_words_round_trip() {
        for power in [
            SlotPower::Unmanaged,
            SlotPower::Empty,
            SlotPower::Off,
            SlotPower::On,
        ] {
            assert_eq!(SlotPower::from_word(power.to_word()), power);
        }
        assert_eq!(SlotPower::from_word(99), SlotPower::Unmanaged);
    }
}
