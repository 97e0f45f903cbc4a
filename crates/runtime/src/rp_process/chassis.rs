//! The chassis around this route processor: the backplane's words in the shared page, and requests to the backplane.
//!
//! A backplane that hangs must not hang a route processor, so a worker asks and waits. The loop itself reads the power words
//! of all slots in each round: one load each.

use super::nvram::Written;
use super::worker::{Work, Worker};
use crate::backplane::{BackplaneClient, Reply, Request, Unit};
use crate::crash;
use crate::host_memory;
use crate::shared_memory::{self, SharedMemory};
use machine::{CardSlot, ChassisSlot, RpSlot};
use rp::{HostMemory, PlatformInput, SlotOrder, SlotPower};
use rustix::fd::{AsFd, BorrowedFd};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Jobs that may wait.
const JOBS_MAX: usize = 32;
/// How long a reset of everything waits for the disk to take the log of it.
const LOG_WRITE_LIMIT: Duration = Duration::from_secs(2);

enum Job {
    Order { slot: ChassisSlot, order: SlotOrder },
    ResetShelf { log: Written },
    ListCrashFiles { session: u64 },
}

/// What comes back from the worker.
pub(super) enum ChassisEvent {
    /// For the processor.
    Input(PlatformInput),
    /// The chassis was not reset, and why.
    ShelfNotReset(String),
}

/// This route processor's side of the chassis.
pub(super) struct Chassis {
    worker: Worker<Asker>,
    power: BTreeMap<ChassisSlot, SlotPower>,
}

impl Chassis {
    /// Start it after the process's signals are taken.
    pub(super) fn start(slot: RpSlot, run_directory: &Path, crash_directory: &Path) -> io::Result<Chassis> {
        let asker = Asker {
            run_directory: run_directory.to_path_buf(),
            crash_directory: crash_directory.to_path_buf(),
            peer: slot.peer(),
            peer_refused: None,
            runs: None,
            memory: host_memory(),
        };
        Ok(Chassis {
            worker: Worker::start(asker)?,
            power: BTreeMap::new(),
        })
    }

    /// What the backplane's words say that they did not say before.
    pub(super) fn power_changes(&mut self, memory: &SharedMemory) -> Vec<PlatformInput> {
        let rps = RpSlot::ALL.map(|slot| (ChassisSlot::Rp(slot), &memory.rp(slot).power));
        let cards = (0..=CardSlot::MAX).map(CardSlot).filter_map(|slot| {
            let words = memory.card(slot)?;
            Some((ChassisSlot::Card(slot), &words.power))
        });
        let mut changes = Vec::new();
        for (slot, word) in rps.into_iter().chain(cards) {
            let power = match shared_memory::SlotPower::from_word(word.load(Ordering::SeqCst)) {
                shared_memory::SlotPower::Unmanaged => SlotPower::Unmanaged,
                shared_memory::SlotPower::Empty => SlotPower::Empty,
                shared_memory::SlotPower::Off => SlotPower::Off,
                shared_memory::SlotPower::On => SlotPower::On,
            };
            let before = self.power.insert(slot, power).unwrap_or(SlotPower::Unmanaged);
            if before != power {
                changes.push(PlatformInput::Power { slot, power });
            }
        }
        changes
    }

    /// Has the backplane do something with a slot.
    pub(super) fn order(&self, slot: ChassisSlot, order: SlotOrder) {
        self.ask(Job::Order { slot, order });
    }

    /// Has the backplane reset everything, this unit too, once the disk has the log of that; an event comes only when
    /// it does not.
    pub(super) fn reset_shelf(&self, log: Written) {
        self.ask(Job::ResetShelf { log });
    }

    /// Lists the crash information files for a session.
    pub(super) fn list_crash_files(&self, session: u64) {
        self.ask(Job::ListCrashFiles { session });
    }

    fn ask(&self, job: Job) {
        let Err(refused) = self.worker.ask(job, JOBS_MAX) else {
            return;
        };
        let why = "the backplane does not answer";
        self.worker.tell(match refused {
            Job::Order { slot, .. } => ChassisEvent::Input(PlatformInput::Answer {
                slot,
                result: Err(why.to_string()),
            }),
            Job::ResetShelf { .. } => ChassisEvent::ShelfNotReset(why.to_string()),
            Job::ListCrashFiles { session } => ChassisEvent::Input(PlatformInput::CrashFiles {
                session,
                lines: vec![format!("% {why}")],
            }),
        });
    }

    /// What the worker has found out since the last call. Call it when the descriptor is readable.
    pub(super) fn events(&self) -> Vec<ChassisEvent> {
        self.worker.results()
    }
}

impl AsFd for Chassis {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.worker.as_fd()
    }
}

struct Asker {
    run_directory: PathBuf,
    crash_directory: PathBuf,
    peer: RpSlot,
    peer_refused: Option<String>,
    runs: Option<bool>,
    memory: Option<HostMemory>,
}

/// Memory of this process and its host, where the kernel tells.
pub(super) fn host_memory() -> Option<HostMemory> {
    Some(HostMemory {
        resident_bytes: host_memory::resident_bytes("self")?,
        available_bytes: host_memory::available_bytes()?,
    })
}

/// Whether a change is worth a word: a sixteenth of what it was, and a mebibyte at least.
fn differs(before: u64, after: u64) -> bool {
    before.abs_diff(after) >= (before / 16).max(1 << 20)
}

impl Work for Asker {
    type Job = Job;
    type Result = ChassisEvent;
    const NAME: &'static str = "chassis";
    const LOOK_INTERVAL: Option<Duration> = Some(Duration::from_secs(1));
    // Nobody waits for a backplane on the way out.
    const FINISHES: bool = false;

    fn look(&mut self) -> Vec<ChassisEvent> {
        let inputs = self.backplane_changes().into_iter().chain(self.memory_change());
        inputs.map(ChassisEvent::Input).collect()
    }

    fn run(&mut self, job: Job) -> Vec<ChassisEvent> {
        let event = match job {
            Job::Order { slot, order } => Some(self.order(slot, order)),
            Job::ResetShelf { log } => {
                log.wait(LOG_WRITE_LIMIT);
                self.request(&Request::ResetAll)
                    .err()
                    .map(ChassisEvent::ShelfNotReset)
            }
            Job::ListCrashFiles { session } => {
                let lines = crash::listing(&self.crash_directory);
                Some(ChassisEvent::Input(PlatformInput::CrashFiles { session, lines }))
            }
        };
        event.into_iter().collect()
    }
}

impl Asker {
    /// Whether the backplane runs, and whether it refuses to start the peer, where that has changed.
    fn backplane_changes(&mut self) -> Vec<PlatformInput> {
        let mut changes = Vec::new();
        let status = BackplaneClient::connect(&self.run_directory)
            .and_then(|mut backplane| backplane.request(&Request::Status));
        let runs = status.is_ok();
        if self.runs.replace(runs) != Some(runs) {
            changes.push(PlatformInput::Backplane(runs));
        }
        if let Ok(Reply::Status(status)) = status {
            let mut slots = status.slots.into_iter();
            let peer = slots.find(|slot| slot.slot == Unit::Rp(self.peer));
            let refused = peer.and_then(|slot| slot.refused);
            if self.peer_refused != refused {
                self.peer_refused = refused.clone();
                changes.push(PlatformInput::PeerRefused(refused));
            }
        }
        changes
    }

    fn memory_change(&mut self) -> Option<PlatformInput> {
        let memory = host_memory()?;
        let changed = self.memory.is_none_or(|before| {
            differs(before.resident_bytes, memory.resident_bytes)
                || differs(before.available_bytes, memory.available_bytes)
        });
        changed.then(|| {
            self.memory = Some(memory);
            PlatformInput::Memory(memory)
        })
    }

    fn order(&self, slot: ChassisSlot, order: SlotOrder) -> ChassisEvent {
        let unit = match slot {
            ChassisSlot::Card(slot) => Unit::Card(slot),
            ChassisSlot::Rp(slot) => Unit::Rp(slot),
        };
        let request = match order {
            SlotOrder::Reset => Request::Reset {
                slot: unit,
                crash_dump_grace_ms: None,
            },
            SlotOrder::Stop => Request::Stop { slot: unit },
            SlotOrder::Start => Request::Start { slot: unit },
        };
        let result = self.request(&request);
        ChassisEvent::Input(PlatformInput::Answer { slot, result })
    }

    fn request(&self, request: &Request) -> Result<(), String> {
        BackplaneClient::connect(&self.run_directory)
            .and_then(|mut backplane| backplane.request(request))
            .map(drop)
            .map_err(|error| error.to_string())
    }
}
