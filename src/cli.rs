//! Command line: arguments to roles.

use clap::{Args, Parser, Subcommand};
use machine::{CardSlot, RpSlot};
use runtime::card_process::{self, CardOptions, CardPort, card_address};
use runtime::chassis_file::ChassisFile;
use runtime::crash::CoreDumps;
use runtime::directories::{Directories, Environment};
use runtime::hosts::{HostSpec, HostsConfig};
use runtime::rp_process::{self, RpExit, RpOptions};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

/// A router of two route processors and line cards that switches over without losing a packet.
#[derive(Parser)]
#[command(name = "holdover", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Run one route processor in the foreground
    Rp(RpArguments),
    /// Run one line card in the foreground
    Card(CardArguments),
    /// Run the built-in hosts of the `mem` wires in the foreground
    Hosts(ChassisArguments),
}

#[derive(Args)]
struct ChassisArguments {
    /// Chassis file; the embedded default chassis without it
    #[arg(long, value_name = "FILE")]
    chassis: Option<PathBuf>,
}

#[derive(Args)]
struct RpArguments {
    /// Slot: R0 or R1
    #[arg(long)]
    slot: RpSlot,
    #[command(flatten)]
    chassis: ChassisArguments,
    /// Mebibytes of memory to hold, for benches of large processes
    #[arg(long, default_value_t = 0, value_name = "MIB")]
    ballast_mib: usize,
    /// Ask for a core file on a fatal signal
    #[arg(long)]
    core_dumps: bool,
}

#[derive(Args)]
struct CardArguments {
    /// Slot number
    #[arg(long)]
    slot: CardSlot,
    #[command(flatten)]
    chassis: ChassisArguments,
}

type CliResult = Result<ExitCode, Box<dyn Error>>;

/// Runs the role that the arguments name.
pub fn main() -> ExitCode {
    let result = match Cli::parse().role {
        Role::Rp(arguments) => run_rp(arguments),
        Role::Card(arguments) => run_card(arguments),
        Role::Hosts(arguments) => run_hosts(arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("holdover: {error}");
        ExitCode::FAILURE
    })
}

fn chassis(arguments: &ChassisArguments) -> Result<(ChassisFile, Directories), Box<dyn Error>> {
    let file = ChassisFile::load(arguments.chassis.as_deref())?;
    let directories = Directories::choose(&file.name, &Environment::of_process())?;
    directories.create()?;
    Ok((file, directories))
}

fn run_rp(arguments: RpArguments) -> CliResult {
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

/// The route processor wants to be started anew.
const EXIT_RELOAD: u8 = 75;
/// Everything is to be started anew.
const EXIT_RELOAD_SHELF: u8 = 76;

fn run_card(arguments: CardArguments) -> CliResult {
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
        ports,
        peers,
    })?;
    Ok(ExitCode::SUCCESS)
}

fn run_hosts(arguments: ChassisArguments) -> CliResult {
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
