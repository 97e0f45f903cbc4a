//! The one binary: every role of a chassis, and the operator's commands.

mod chassis_commands;
mod cli;
mod measure;
mod roles;
mod screen;
mod simulate;

use std::error::Error;
use std::process::ExitCode;

/// What a command comes to.
type CliResult = Result<ExitCode, Box<dyn Error>>;

fn main() -> ExitCode {
    cli::main()
}
