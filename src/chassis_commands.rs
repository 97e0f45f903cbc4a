//! Commands about a chassis that runs, or is to run.

use crate::CliResult;
use crate::cli::{
    ChassisArguments, ConsoleArguments, InsertArguments, Power, PowerArguments, SlotArguments,
    StatusArguments, UpArguments,
};
use crate::{roles, screen};
use runtime::backplane::{self, BackplaneClient, ClientError, Request, Started};
use runtime::chassis_file::ChassisFile;
use runtime::directories::{Directories, Environment};
use runtime::operate::boot_log::BootLog;
use runtime::operate::console_client::{self, ConsoleExit, ConsoleOptions, Target};
use runtime::operate::overview::Overview;
use runtime::process::SpawnSpec;
use runtime::wire::{self, WireError};
use std::error::Error;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

/// `console --strict`: a line was rejected.
const EXIT_REJECTED: u8 = 3;

/// The chassis that the arguments name, without making anything.
fn looked_up(arguments: &ChassisArguments) -> Result<(ChassisFile, Directories), Box<dyn Error>> {
    let file = ChassisFile::load(arguments.chassis.as_deref())?;
    let directories = Directories::choose(&file.name, &Environment::of_process())?;
    Ok((file, directories))
}

/// Boots a chassis, or gives one without a backplane a new one.
pub fn up(arguments: &UpArguments) -> CliResult {
    let (file, directories) = roles::chassis(&arguments.chassis)?;
    check_wires(&file)?;
    let mut command: Vec<OsString> = vec!["backplane".into()];
    if let Some(path) = &arguments.chassis.chassis {
        command.extend(["--chassis".into(), std::path::absolute(path)?.into()]);
    }
    let spec = SpawnSpec {
        program: std::env::current_exe()?,
        arguments: command,
        log: directories.log.join("backplane.log"),
        working_directory: directories.state.clone(),
        record: None,
    };
    let mut log = BootLog::from_now(&directories, &file);
    match backplane::ensure_running(&directories.run, &spec)? {
        Started::AlreadyRunning => {
            return Err(format!(
                "a chassis is running in {} already; 'holdover console' gives its console, 'holdover down' stops it",
                directories.run.display()
            )
            .into());
        }
        Started::Now(_) => {}
    }
    let mut screen = io::stdout();
    let booted = log.follow(&mut |line| writeln!(screen, "{line}"))?;
    if !booted {
        return Err(format!(
            "the chassis has not booted yet; see 'holdover status' and the logs in {}",
            directories.log.display()
        )
        .into());
    }
    if arguments.detach || !io::stdin().is_terminal() {
        return Ok(ExitCode::SUCCESS);
    }
    let options = ConsoleOptions {
        run_directory: directories.run,
        target: Target::Active,
        strict: false,
    };
    console_client::run(&options)?;
    screen::print("The chassis goes on: 'holdover console' returns to it, 'holdover down' stops it.")?;
    Ok(ExitCode::SUCCESS)
}

/// A card that may not open its wires does not start: better said now than after a minute of waiting for it. A port whose
/// interface is missing is down until it comes, as one without a cable; the chassis boots.
fn check_wires(file: &ChassisFile) -> Result<(), Box<dyn Error>> {
    for card in &file.cards {
        for port in &card.ports {
            let place = format!("port {}/{}", card.slot, port.number);
            match wire::check(&port.wire) {
                Ok(()) => {}
                Err(error @ WireError::NoSuchInterface(_)) => {
                    eprintln!("holdover: {place} stays down for now: {error}");
                }
                Err(error) => return Err(format!("{place}: {error}").into()),
            }
        }
    }
    Ok(())
}

/// Stops a chassis.
pub fn down(arguments: &ChassisArguments) -> CliResult {
    let (_, directories) = looked_up(arguments)?;
    backplane::stop_all(&directories)?;
    Ok(ExitCode::SUCCESS)
}

/// Shows a chassis.
pub fn status(arguments: &StatusArguments) -> CliResult {
    let (file, directories) = looked_up(&arguments.chassis)?;
    let Some(overview) = Overview::take(&file.name, &directories.run) else {
        return Err(format!(
            "no chassis is running here (looked in {}); start it with 'holdover up'",
            directories.run.display()
        )
        .into());
    };
    if arguments.json {
        screen::print(&overview.to_json()?)?;
    } else {
        screen::print(overview.to_text().trim_end_matches('\n'))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Connects to a console.
pub fn console(arguments: &ConsoleArguments) -> CliResult {
    let (_, directories) = looked_up(&arguments.chassis)?;
    let options = ConsoleOptions {
        run_directory: directories.run,
        target: arguments.slot.map_or(Target::Active, Target::Slot),
        strict: arguments.strict,
    };
    match console_client::run(&options)? {
        ConsoleExit::Finished | ConsoleExit::Left => Ok(ExitCode::SUCCESS),
        ConsoleExit::Rejected { line_number, line } => {
            eprintln!("holdover: line {line_number} was rejected: {line}");
            Ok(ExitCode::from(EXIT_REJECTED))
        }
    }
}

/// Switches the power of a slot.
pub fn power(arguments: &PowerArguments) -> CliResult {
    let slot = arguments.slot.slot;
    let request = match arguments.power {
        Power::On => Request::PowerOn { slot },
        Power::Off => Request::PowerOff { slot },
    };
    asked(&arguments.slot, &request)
}

/// Pulls a unit.
pub fn pull(arguments: &SlotArguments) -> CliResult {
    asked(arguments, &Request::Remove { slot: arguments.slot })
}

/// Puts a unit in.
pub fn insert(arguments: &InsertArguments) -> CliResult {
    let request = Request::Insert {
        slot: arguments.slot.slot,
        image_version: arguments.image_version.clone(),
    };
    asked(&arguments.slot, &request)
}

/// Resets a slot.
pub fn reset(arguments: &SlotArguments) -> CliResult {
    let request = Request::Reset {
        slot: arguments.slot,
        crash_dump_grace_ms: None,
    };
    asked(arguments, &request)
}

fn asked(arguments: &SlotArguments, request: &Request) -> CliResult {
    let (_, directories) = looked_up(&arguments.chassis)?;
    let result: Result<_, ClientError> =
        BackplaneClient::connect(&directories.run).and_then(|mut client| client.request(request));
    result?;
    Ok(ExitCode::SUCCESS)
}
