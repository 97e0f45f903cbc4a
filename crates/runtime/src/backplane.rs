//! The backplane: slots, presence, power and reset of one chassis on one host.
//!
//! It is to the processes what a chassis is to its boards: it gives them power, notices that they are gone, and otherwise
//! stays out of the way. It takes no part in a switchover, and nothing stops while it is away.
//!
//! ```text
//!   holdover up, down, status            RUN/backplane.sock
//!   BackplaneClient ───────────────────────────▶ Backplane ─── power words ──▶ RUN/chassis.shm ──▶ RPs
//!                     request, reply              │  ▲
//!                                  spawn, SIGKILL │  │ pidfd readable
//!                                                 ▼  │
//!                              R0   R1   card 0 ... card n   hosts      each in its own session,
//!                                                                       each recorded in RUN/processes-BOOT/
//! ```
//!
//! Contract:
//! - A unit that ends while its slot has power is started again, with a growing delay (`process::RestartBackoff`).
//! - A slot's power word says what is wanted *before* the unit is killed, so its peer reads the cause of the death.
//! - When the backplane dies, its units go on. The next one finds them by record, start time and boot, and takes over.
//! - A slot that was stopped ([`Request::Stop`]) stays so until it is started, over `down` and `up` too.
//! - There is one backplane for a run directory: `backplane.lock`. What it runs is the description in
//!   `RUN/chassis.toml`; another description is refused while units of the old one are running.
//! - SIGTERM ends the backplane alone. [`Request::Down`] ends the chassis.

mod client;
mod control;
mod desk;
mod run_files;
mod stopped;
mod supervisor;
mod unit;

pub use client::{BackplaneClient, ClientError, Started, ensure_running, stop_all};
pub use control::{Reply, Request, SlotStatus, Status};
pub use desk::ResetDesk;
pub use supervisor::{Backplane, BackplaneConfig, BackplaneError};
pub use unit::{Unit, UnitError};

use std::path::{Path, PathBuf};

/// Where the backplane of the chassis with this run directory listens.
pub fn socket_path(run_directory: &Path) -> PathBuf {
    run_directory.join("backplane.sock")
}

/// The description that the chassis with this run directory was started with.
pub fn description_path(run_directory: &Path) -> PathBuf {
    run_directory.join("chassis.toml")
}

/// The file that the backplane of this run directory holds locked.
pub fn lock_path(run_directory: &Path) -> PathBuf {
    run_directory.join("backplane.lock")
}

/// Where a unit's output goes.
pub fn log_path(log_directory: &Path, unit: Unit) -> PathBuf {
    log_directory.join(format!("{unit}.log"))
}
