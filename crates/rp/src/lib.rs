//! A route processor: all its machines put together.
//!
//! The processor passes inputs and outputs between machines and decides nothing that belongs to one of them. What it
//! does add is the order of things: a turn's records go into a frame, what the turn reveals waits at the gate for that
//! frame, and at a turn boundary frames go to the standby and to the cards.
//!
//! ```text
//!   RpInput ──▶ RouteProcessor ──▶ facility (RF)      who is active
//!                     │        ──▶ Standby            applies frames only
//!                     │        ──▶ Active             cards, packets, configuration, EXEC
//!                     ▼                                   │ Now          │ AfterSync
//!                 RpOutput  ◀─────────────────────────────┴──── gate ◀───┘
//! ```
//!
//! Contract: [`machine::Machine`], and in addition the driver sends [`RpInput::TurnEnd`] after each batch of inputs,
//! with the room that the link to the peer has; nothing that waits for a frame leaves before.
#![no_std]
#![deny(missing_docs)]
extern crate alloc;

mod active;
mod alarms;
mod bgp;
mod cards;
mod checkpoint_show;
mod clients;
mod cold_standby;
mod config_sync;
mod configuration;
mod console;
mod crash_dump;
mod exec;
mod files;
mod history_keeper;
mod idb_history;
mod inventory;
mod io;
mod log;
mod logging;
mod platform;
mod processor;
mod promote;
pub mod recording;
mod redundancy_settings;
mod register;
mod show;
mod standby;
mod status;
mod system;

/// Hash over the schemas of all records; two route processors that differ in it do not form a pair.
pub const SCHEMA_HASH: u64 = schema_hash(&[
    include_bytes!("../../bgp/schema.lock"),
    include_bytes!("../../chassis/schema.lock"),
    include_bytes!("../../checkpoint/schema.lock"),
    include_bytes!("../../redundancy/schema.lock"),
    include_bytes!("../../rib/schema.lock"),
    include_bytes!("../../tcp/schema.lock"),
    include_bytes!("../schema.lock"),
]);

/// FNV-1a, which a constant can be computed with.
const fn schema_hash(locks: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut lock = 0;
    while lock < locks.len() {
        let mut index = 0;
        while index < locks[lock].len() {
            hash = (hash ^ locks[lock][index] as u64).wrapping_mul(0x0100_0000_01b3);
            index += 1;
        }
        lock += 1;
    }
    hash
}

pub use ::bgp::step_session;
pub use active::{Active, ActiveConfig};
pub use alarms::{Alarm, AlarmId, AlarmKind, Severity};
pub use bgp::{BgpNeighbor, BgpRouter, LocalRoute, Quarantine, QuarantineKey};
pub use clients::{Clients, OwnAddresses};
pub use config_sync::{
    Body as ConfigSyncBody, ConfigSyncMessage, Executed, FailedCommand, Failures, Language, Startup,
    StartupStored,
};
pub use configuration::Configuration;
pub use files::{
    FILE_BYTES_MAX, FLASH_BYTES, FileAnswer, FileEntry, FileOperation, FileRequest, FileStatus, is_file_name,
};
pub use history_keeper::KEPT_HISTORY_BYTES_MAX;
pub use idb_history::{IdbEvent, IdbHistory, interface_index};
/// Every system message that a route processor can send, in the order of the crates that send them.
pub fn system_messages() -> impl Iterator<Item = &'static redundancy::MessageEntry> {
    redundancy::syslog::CATALOGUE
        .iter()
        .chain(log::CATALOGUE)
        .chain(config_sync::log::CATALOGUE)
        .chain(platform::log::CATALOGUE)
        .chain(bgp::log::CATALOGUE)
        .chain(bgp::QUARANTINE_CATALOGUE)
}

pub use inventory::{Card, CardState, Inventory, Module, Port};
pub use io::{
    CardLinkEvent, ConsoleInput, ConsoleOutput, DEADLY_STEPS_MAX, DeadlyStep, PeerMessage, PeerMessageError,
    Phase, RpInput, RpOutput, SessionId, UnitReport,
};
pub use logging::{LogBuffer, LogLine};
pub use platform::{
    HostMemory, PlatformConfig, PlatformInput, PlatformOutput, SlotOrder, SlotPower, StartReason,
};
pub use processor::{RouteProcessor, RpConfig};
pub use standby::{ChunkOutcome, Standby};
pub use status::{CardStatus, RpStatus};
pub use system::System;
