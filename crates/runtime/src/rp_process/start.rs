//! What a route processor is told at its start: its NVRAM, its register, its chassis, and how its last life ended.

use super::{IMAGE_VERSION, RpOptions, unix_ms};
use crate::clock;
use crate::life::{PreviousLife, Resignation};
use crate::shared_memory::TakenDown;
use config::CONFIGURATION_REGISTER_DEFAULT;
use machine::RpSlot;
use redundancy::RedundancyConfig;
use rp::{ActiveConfig, PlatformConfig, RpConfig, StartReason};
use std::io;
use std::path::{Path, PathBuf};

/// Why this life began, from how the one before ended.
fn start_reason(previous: Option<PreviousLife>) -> StartReason {
    let Some(previous) = previous else {
        return StartReason::PowerOn;
    };
    match (previous.taken_down, previous.resigned) {
        (Some(TakenDown::Reset), _) => StartReason::ReloadCommand,
        (Some(TakenDown::Power), _) => StartReason::Inserted,
        (None, Some(Resignation::Panic | Resignation::FatalSignal(_))) => StartReason::Crash,
        (None, Some(Resignation::Forced)) => StartReason::ForcedSwitchover,
        (None, Some(Resignation::Reload)) => StartReason::SelfReload,
        (None, Some(Resignation::Terminated | Resignation::Other(_)) | None) => StartReason::Killed,
    }
}

pub(super) fn processor_config(options: &RpOptions, previous: Option<PreviousLife>) -> io::Result<RpConfig> {
    let boot = u64::from_le_bytes(crate::shared_memory::random_bytes::<8>()?).max(1);
    let mut redundancy = RedundancyConfig::new(options.slot, boot, rp::SCHEMA_HASH);
    redundancy.keepalive_interval_ms = options.keepalive_interval_ms;
    redundancy.keepalive_limit_ms = options.keepalive_limit_ms;
    let checkpoint = checkpoint::ActiveEndConfig {
        acknowledgement_stall_limit: machine::Duration::from_millis(options.acknowledgement_stall_limit_ms),
        ..checkpoint::ActiveEndConfig::default()
    };
    let active = ActiveConfig {
        checkpoint,
        heartbeat_interval: machine::Duration::from_millis(options.keepalive_interval_ms),
        seed: u64::from_le_bytes(crate::shared_memory::random_bytes::<8>()?),
    };
    let nvram = nvram_path(&options.state_directory, options.slot);
    if let Some(directory) = nvram.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let startup = match std::fs::read_to_string(&nvram) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => options.factory_configuration.clone(),
        Err(error) => return Err(error),
    };
    let uptime_ms = clock::now().as_nanos() / 1_000_000;
    Ok(RpConfig {
        redundancy,
        active,
        startup,
        switchover_history: kept_history(options)?,
        configuration_register: read_register(&register_path(&options.state_directory, options.slot))?,
        unix_ms_at_origin: unix_ms().saturating_sub(uptime_ms),
        image_version: options
            .image_version
            .clone()
            .unwrap_or_else(|| IMAGE_VERSION.to_string()),
        card_slots: options.cards.iter().map(|(slot, _)| *slot).collect(),
        unsupported_commands: options.unsupported_commands.clone(),
        platform: PlatformConfig {
            chassis: options.chassis_name.clone(),
            serial: chassis_serial(&options.state_directory)?,
            start_reason: start_reason(previous),
            ended_at_unix_s: previous.map_or(0, |previous| previous.ended_at_unix_s),
            kept_history: kept_log(options),
        },
    })
}

/// The configuration register that the RP in `slot` boots with.
pub(super) fn register_path(state_directory: &Path, slot: RpSlot) -> PathBuf {
    state_directory
        .join(format!("nvram-{slot}"))
        .join("config-register")
}

/// The register in a file; the default while there is none.
fn read_register(path: &Path) -> io::Result<u16> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(CONFIGURATION_REGISTER_DEFAULT),
        Err(error) => return Err(io::Error::other(format!("{}: {error}", path.display()))),
    };
    let digits = text.trim().strip_prefix("0x").unwrap_or_default();
    u16::from_str_radix(digits, 16).map_err(|_| {
        let path = path.display();
        io::Error::other(format!("{path}: '{}' is no register such as 0x2102", text.trim()))
    })
}

/// The serial number of the chassis: drawn once, and kept with its state.
fn chassis_serial(state_directory: &Path) -> io::Result<u64> {
    const DIGITS: u64 = 64;
    let path = state_directory.join("chassis-serial");
    let lock = state_directory.join("chassis-serial.lock");
    let holder = format!("process {}", std::process::id());
    let limit = machine::Duration::from_secs(5);
    let _lock = crate::file::FileLock::take_within(&lock, &holder, limit).map_err(io::Error::other)?;
    let kept = crate::file::read_bounded(&path, DIGITS).map_err(io::Error::other)?;
    let kept = kept.and_then(|bytes| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        u64::from_str_radix(text.trim(), 16).ok()
    });
    if let Some(serial) = kept {
        return Ok(serial);
    }
    let serial = u64::from_le_bytes(crate::shared_memory::random_bytes::<8>()?);
    crate::file::replace(&path, format!("{serial:016x}\n").as_bytes()).map_err(io::Error::other)?;
    Ok(serial)
}

/// The startup configuration of the RP in `slot`.
pub fn nvram_path(state_directory: &Path, slot: RpSlot) -> PathBuf {
    state_directory
        .join(format!("nvram-{slot}"))
        .join("startup-config")
}

/// The switchover history that the RP in `slot` keeps.
pub fn history_path(state_directory: &Path, slot: RpSlot) -> PathBuf {
    nvram_path(state_directory, slot).with_file_name("switchover-history")
}

/// The redundancy facility's log that the RP in `slot` keeps.
pub fn facility_log_path(state_directory: &Path, slot: RpSlot) -> PathBuf {
    nvram_path(state_directory, slot).with_file_name("redundancy-history")
}

/// The log of the life before; nothing on the first start. A router starts without it rather than not at all.
fn kept_log(options: &RpOptions) -> String {
    let path = facility_log_path(&options.state_directory, options.slot);
    match crate::file::read_bounded(&path, rp::KEPT_HISTORY_BYTES_MAX as u64) {
        Ok(bytes) => String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned(),
        Err(error) => {
            super::log_line(&format!("show redundancy history reload starts empty: {error}"));
            String::new()
        }
    }
}

/// What this RP has kept of the switchovers; nothing on its first start. A damaged file costs its damaged lines.
fn kept_history(options: &RpOptions) -> io::Result<String> {
    match std::fs::read(history_path(&options.state_directory, options.slot)) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}
