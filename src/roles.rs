//! The processes of a chassis: what their arguments become.

use crate::cli::{BgpNeighborsArguments, CardArguments, ChassisArguments, ReplayArguments, RpArguments};
use crate::{CliResult, screen};
use rp::recording::{self, RecordingError};
use runtime::backplane::{self, Backplane, BackplaneConfig};
use runtime::card_process::{self, CardOptions, CardPort, card_address};
use runtime::chassis_file::{ChassisFile, DEFAULT_CHASSIS};
use runtime::crash::CoreDumps;
use runtime::directories::{Directories, Environment};
use runtime::hosts::{HostSpec, HostsConfig};
use runtime::priority;
use runtime::process::RestartPolicy;
use runtime::rp_process::{self, RpExit, RpOptions};
use std::error::Error;
use std::process::ExitCode;

/// The route processor wants to be started anew.
const EXIT_RELOAD: u8 = 75;
/// Everything is to be started anew.
const EXIT_RELOAD_SHELF: u8 = 76;

/// The chassis that the arguments name, and its directories, made where they are missing.
pub fn chassis(arguments: &ChassisArguments) -> Result<(ChassisFile, Directories), Box<dyn Error>> {
    let file = ChassisFile::load(arguments.chassis.as_deref())?;
    let directories = Directories::choose(&file.name, &Environment::of_process())?;
    directories.create()?;
    Ok((file, directories))
}

/// Runs it until its end.
pub fn run_rp(arguments: RpArguments) -> CliResult {
    priority::raise_to(priority::NICE_UNIT);
    let (file, directories) = chassis(&arguments.chassis)?;
    let cards = file
        .cards
        .iter()
        .map(|card| (card.slot, card_address(&directories.run, card.slot)))
        .collect();
    let milliseconds =
        |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let options = RpOptions {
        slot: arguments.slot,
        chassis_name: file.name.clone(),
        peer_address: file.link_address(&directories.run),
        run_directory: directories.run,
        state_directory: directories.state,
        cards,
        factory_configuration: Some(file.startup_config.clone()).filter(|text| !text.is_empty()),
        keepalive_interval_ms: milliseconds(file.timers.keepalive_interval),
        keepalive_limit_ms: milliseconds(file.timers.keepalive_limit),
        acknowledgement_stall_limit_ms: milliseconds(file.timers.ack_stall_limit),
        core_dumps: if arguments.core_dumps {
            CoreDumps::Enabled
        } else {
            CoreDumps::AsConfigured
        },
        record: arguments.record,
        unsupported_commands: file.unsupported_commands[arguments.slot.index()].clone(),
        image_version: arguments
            .image_version
            .map(String::from)
            .or_else(|| file.image_versions[arguments.slot.index()].clone()),
        crash_space_bytes_max: file.crash_space_bytes_max,
        ballast_bytes: arguments.ballast_mib << 20,
    };
    match rp_process::run(options)? {
        RpExit::Terminated => Ok(ExitCode::SUCCESS),
        RpExit::Reload(reason) => {
            eprintln!("holdover: reload: {reason}");
            Ok(ExitCode::from(EXIT_RELOAD))
        }
        RpExit::ReloadShelf => Ok(ExitCode::from(EXIT_RELOAD_SHELF)),
    }
}

/// Replays a recording and prints what it led to.
pub fn replay(arguments: &ReplayArguments) -> CliResult {
    let bytes =
        std::fs::read(&arguments.file).map_err(|error| format!("{}: {error}", arguments.file.display()))?;
    let mut outputs = 0usize;
    let mut printed = Ok(());
    let result = recording::replay(&bytes, &mut |now, place, output| {
        outputs += 1;
        let wanted = arguments.all || matches!(output, rp::RpOutput::Log(_));
        if wanted && printed.is_ok() {
            printed = screen::print(&format!("{now:?} #{place}: {}", recording::describe(&output)));
        }
    });
    printed?;
    match result {
        // A crash cuts a recording off in the middle of an entry; all before it was replayed.
        Ok(_) | Err(RecordingError::Truncated) => {
            screen::print(&format!("{outputs} outputs replayed"))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(format!("{}: {error}", arguments.file.display()).into()),
    }
}

/// Runs it until its end.
pub fn run_card(arguments: CardArguments) -> CliResult {
    priority::raise_to(priority::NICE_UNIT);
    let (file, directories) = chassis(&arguments.chassis)?;
    let slot = arguments.slot;
    let card = file
        .card(slot)
        .ok_or_else(|| format!("the chassis file has no card in slot {slot}"))?;
    let ports = card
        .ports
        .iter()
        .map(|port| CardPort {
            wire: port.wire.clone(),
            mac: port.mac,
        })
        .collect();
    let peers = file
        .cards
        .iter()
        .map(|card| card.slot)
        .filter(|other| *other != slot)
        .collect();
    card_process::run(CardOptions {
        slot,
        run_directory: directories.run,
        state_directory: directories.state,
        crash_space_bytes_max: file.crash_space_bytes_max,
        ports,
        peers,
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Runs it until its end.
pub fn run_hosts(arguments: ChassisArguments) -> CliResult {
    // They are the clock of every measurement.
    priority::raise_to(priority::NICE_UNIT);
    let (file, directories) = chassis(&arguments)?;
    let host = |host: &runtime::chassis_file::Host| HostSpec {
        name: host.name.clone(),
        wire: host.wire.clone(),
        address: host.address.to_string(),
        gateway: Some(host.gateway),
        mac: Some(host.mac.to_string()),
    };
    let config = HostsConfig {
        hosts: file.hosts.iter().map(host).collect(),
    };
    runtime::hosts::run_hosts(&config, &directories.run)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs them until the end of standard input.
pub fn run_bgp_neighbors(arguments: &BgpNeighborsArguments) -> CliResult {
    // They are the clock of a measurement.
    priority::raise_to(priority::NICE_UNIT);
    runtime::neighbors::run(&arguments.run_directory, &arguments.wire, arguments.sessions)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the backplane until it is told to end.
pub fn run_backplane(arguments: &ChassisArguments) -> CliResult {
    let (_, directories) = chassis(arguments)?;
    let chassis_text = match &arguments.chassis {
        Some(path) => std::fs::read_to_string(path)?,
        None => DEFAULT_CHASSIS.to_string(),
    };
    let description = backplane::description_path(&directories.run);
    Backplane::run(BackplaneConfig {
        chassis_text,
        directories,
        program: std::env::current_exe()?,
        arguments_before: Vec::new(),
        arguments_after: vec!["--chassis".into(), description.into()],
        restart: RestartPolicy::default(),
    })?;
    Ok(ExitCode::SUCCESS)
}
