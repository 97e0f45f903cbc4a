//! The one binary: every role of a chassis.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
