//! Command line: what can be asked for, in words.

use crate::{CliResult, chassis_commands, measure, roles, screen, simulate};
use clap::builder::TypedValueParser;
use clap::{Args, Parser, Subcommand};
use machine::{CardSlot, RpSlot};
use runtime::backplane::Unit;
use runtime::chassis_file::ImageName;
use runtime::neighbors::plan;
use runtime::operate::bgp_feed::{NEIGHBORS_MAX, ROUTES_MAX};
use runtime::operate::lab::RedundancyMode;
use runtime::operate::trial::Cause;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;

const DIRECTORIES: &str = "\
Directories:
  Sockets, state and logs of a chassis called NAME are in
    root     /run/holdover/NAME, /var/lib/holdover/NAME, /var/log/holdover/NAME
    a user   $XDG_RUNTIME_DIR/holdover/NAME (else /tmp/holdover-UID/NAME),
             $XDG_STATE_HOME/holdover/NAME (else ~/.local/state/holdover/NAME), log in there
  HOLDOVER_DIR=DIRECTORY puts all of them into run, state and log below DIRECTORY.";

/// A router of two route processors and line cards that switches over without losing a packet.
#[derive(Parser)]
#[command(
    name = "holdover",
    version,
    about,
    max_term_width = 100,
    long_about = "A router of two route processors and line cards, each a process. One route processor is active, the \
                  other stands by with the same state. When the active one dies, hangs, or is told to step down, the \
                  standby takes over within milliseconds; the line cards go on forwarding meanwhile.\n\n\
                  Start with 'holdover up', or look at 'holdover demo'. Neither needs root, a network or a file.",
    after_long_help = DIRECTORIES
)]
struct Cli {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Boot a chassis and give its console
    #[command(
        long_about = "Boots a chassis: starts its backplane, which starts the route processors, the line cards and the \
                      built-in hosts, and starts again whatever of them dies. Prints the boot log, then gives the \
                      console on a terminal.\n\n\
                      The chassis goes on when the console is left, the terminal is closed or the backplane is \
                      killed; 'holdover down' ends it. Where units of the same chassis run without a backplane, a new \
                      one takes them over and disturbs none. Where a chassis runs already, 'up' is refused.",
        after_long_help = "Examples:\n  holdover up\n  holdover up --chassis lab.toml --detach\n\n\
                           Exit codes:\n  0  the chassis runs\n  1  refused, or it does not start\n  2  wrong arguments"
    )]
    Up(UpArguments),
    /// Stop the chassis
    #[command(
        long_about = "Stops every process of the chassis, with or without its backplane, and waits until they are gone. \
                      What 'write memory' saved is kept.",
        after_long_help = "Exit codes:\n  0  stopped\n  1  nothing was running, or something does not end"
    )]
    Down(ChassisArguments),
    /// Show what runs
    #[command(
        long_about = "Shows the route processors with their states, epochs and digests, the line cards, and the \
                      processes with their restarts.",
        after_long_help = "Examples:\n  holdover status\n  holdover status --json | jq .active\n\n\
                           Exit codes:\n  0  a chassis runs\n  1  none does"
    )]
    Status(StatusArguments),
    /// Connect to the router's console
    #[command(
        long_about = "Connects the terminal to the console of the active route processor. When that dies, the console \
                      goes on at its successor. Every key belongs to the router, Ctrl-C too; ^] (Ctrl and ]) leaves.\n\n\
                      When standard input is no terminal, it is a script: a command a line, questions are answered by \
                      the lines that follow, output is what the commands say.",
        after_long_help = "Examples:\n  holdover console\n  holdover console --slot R1\n  \
                           echo 'show redundancy states' | holdover console\n  \
                           holdover console --strict < lab.cfg\n\n\
                           Exit codes:\n  0  logged out, left, or the script is at its end\n  \
                           1  no chassis, or the route processor went away during a script\n  2  wrong arguments\n  \
                           3  --strict: a line was rejected; standard error says which"
    )]
    Console(ConsoleArguments),
    /// Switch the power of a slot
    #[command(
        long_about = "Switches the power of a slot: R0, R1 or a line card's number. Its process is killed at once, or \
                      started.",
        after_long_help = "Examples:\n  holdover power off R0\n  holdover power on R0"
    )]
    Power(PowerArguments),
    /// Pull the unit out of a slot
    #[command(after_long_help = "Example:\n  holdover pull 1")]
    Pull(SlotArguments),
    /// Put a unit into its slot, with power
    #[command(
        long_about = "Puts a unit into an empty slot and gives it power: the one that the chassis file describes, or a \
                      route processor that passes for another image, to rehearse an upgrade. A pair whose images differ \
                      runs RPR, and returns to SSO when they are alike again.",
        after_long_help = "Examples:\n  holdover insert 1\n  holdover pull R1; holdover insert R1 --image-version 'Version 0.2.0'"
    )]
    Insert(InsertArguments),
    /// Take the power of a slot for a moment
    #[command(after_long_help = "Example:\n  holdover reset R1")]
    Reset(SlotArguments),
    /// See everything fail once, with traffic on
    #[command(
        long_about = "Boots a chassis of its own in a temporary directory, sends 20,000 packets a second through both \
                      line cards, and lets happen: a crash, a segmentation fault with a core, a panic, a hang, a \
                      forced switchover, the loss of the standby, a pulled card, and for comparison two switchovers in RPR. \
                      Each gives a row.\n\n\
                      A row fails when a packet was lost or doubled although it had a path (in RPR loss is the mode's own), or when the route \
                      processors differ afterwards; never because of a time. Takes less than a minute, needs no root \
                      and disturbs no other chassis.",
        after_long_help = "Exit codes:\n  0  no row fails and never were two route processors active\n  \
                           1  a row fails, or the demo could not be finished"
    )]
    Demo,
    /// Measure
    #[command(subcommand)]
    Bench(Bench),
    /// Simulate: many seeds, many faults, virtual time
    #[command(
        long_about = "Runs the route processors, line cards and hosts of production in a simulated world, with crashes, \
                      hangs, cut links and everything else that a seed draws, and checks what must never happen. A seed \
                      decides everything: the same seed gives the same run, and the same hash.",
        after_long_help = "Examples:\n  holdover sim --seconds 60 --jobs 2\n  holdover sim --seeds 50000 --first-seed 1\n  \
                           holdover sim --seed 42 --trace\n  holdover sim --regression\n\n\
                           Exit codes:\n  0   nothing wrong was found\n  1   cannot run\n  2   wrong arguments\n  \
                           10  a crash\n  11  safety: something happened that must not\n  \
                           12  liveness: something did not happen that must\n  13  two runs of one seed differ"
    )]
    Sim(SimArguments),
    /// Run one route processor in the foreground
    #[command(after_long_help = "Exit codes:\n  0   ended by SIGTERM\n  1   cannot run\n  \
                                 75  wants to be started anew\n  76  the whole chassis is to be started anew")]
    Rp(RpArguments),
    /// Replay a recorded run of a route processor through the same code, and show what it did
    ///
    /// The recording holds every input with its time, so the replay is exact: it prints the same system messages, and
    /// with --all every output, however often it is run.
    Replay(ReplayArguments),
    /// Run one line card in the foreground
    Card(CardArguments),
    /// Run the built-in hosts of the `mem` wires in the foreground
    Hosts(ChassisArguments),
    /// Play the neighbours of 'bench bgp-feed'
    #[command(hide = true)]
    BgpFeedNeighbors(FeedNeighborsArguments),
    /// Run the backplane in the foreground; 'up' starts one
    #[command(hide = true)]
    Backplane(ChassisArguments),
    /// Run the BGP neighbours of 'bench bgp-switchover' in the foreground
    #[command(hide = true)]
    BgpNeighbors(BgpNeighborsArguments),
}

#[derive(Subcommand)]
enum Bench {
    /// Switch over again and again, and measure
    #[command(
        long_about = "Boots a chassis of its own in a temporary directory, with 20,000 packets a second through both \
                      line cards and 1,000 echo requests a second to the router, and lets the active route processor \
                      die COUNT times. Each time it waits until the next standby is hot.\n\n\
                      All times count from the moment just before the signal or the command: detected by the \
                      standby, epoch claimed at the line cards, promoted, and the first answer that an outside host \
                      gets to its ping of the router's own address.",
        after_long_help = "Examples:\n  holdover bench switchover --count 50\n  \
                           holdover bench switchover --json --cause segv-core --ballast-mib 1024 --count 20\n\n\
                           With --json the figures are one line, last on standard output:\n  \
                           {\"bench\":\"switchover\",\"mode\":..,\"cause\":..,\"count\":..,\"ballast_mib\":..,\"routes\":..,\n   \
                           \"packets\":{\"sent\":..,\"lost\":..,\"duplicated\":..},\"punts\":{\"sent\":..,\"lost\":..},\n   \
                           \"longest_gap_us\":{\"p50\":..,\"p99\":..,\"max\":..},\n   \
                           \"phases_us\":{\"detected\":{..},\"epoch_claimed\":{..},\"promoted\":{..},\"first_answer\":{..}},\n   \
                           \"two_actives\":..}\n\n\
                           Exit codes:\n  0  measured\n  1  not all rounds could be done, or two were active in one epoch"
    )]
    Switchover(SwitchoverArguments),
    /// Take the Internet's table from a neighbour, and compare with BIRD and FRR
    #[command(
        long_about = "Boots a chassis of its own in a network namespace, with BGP on the first card, lets neighbours in \
                      another namespace tell it COUNT routes as fast as it takes them, and measures how long that takes; \
                      then the same for BIRD 2 and for FRR, one after the other, with the same bytes from the same \
                      sender. Prefix lengths, paths and the number of prefixes to a set of attributes are drawn to \
                      resemble the Internet's.\n\n\
                      Needs root, and bird2 and frr as Debian packages them. Traffic stays in the namespaces.",
        after_long_help = "Examples:\n  holdover bench bgp-feed --routes 1000000\n  \
                           holdover bench bgp-feed --routes 100000 --neighbors 4 --no-standby\n\n\
                           What is being measured is told on standard error. The figures are one line, last on standard output:\n  \
                           {\"bench\":\"bgp-feed\",\"routes\":..,\"neighbors\":..,\"standby\":..,\n   \
                           \"seconds\":{\"holdover\":..,\"bird\":..,\"frr\":..},\"seconds_fib\":{\"holdover\":..,\"bird\":..},\n   \
                           \"rss_mib\":{\"holdover_active\":..,\"holdover_standby\":..,\"bird\":..,\"frr\":..}}\n\n\
                           seconds: from the first UPDATE until the router's table has all routes, of holdover and BIRD the median of\n\
                           three runs in turns; seconds_fib: until packets are forwarded by them, by the line cards or by the kernel, to\n\
                           which BIRD exports in another run.\n\n\
                           Exit codes:\n  0  measured\n  1  something is missing, or a router did not take all routes"
    )]
    BgpFeed(FeedArguments),
    /// Switch over with thousands of BGP sessions, and measure what their neighbours see
    #[command(
        long_about = "Boots a chassis of its own in a temporary directory, with 20,000 packets a second through both \
                      line cards and SESSIONS BGP neighbours on the kernel's TCP in a network namespace, and lets the \
                      active route processor die COUNT times. Each neighbour has a hold time of 9 seconds and no \
                      graceful restart, sends 20 routes of its own, and is sent the same 20 as all others.\n\n\
                      Counted are sessions that end, UPDATEs that tell a neighbour what it knows, the time from the \
                      death until each neighbour hears the successor, and packets of the transit. Needs root, or a \
                      kernel that allows unprivileged user namespaces.",
        after_long_help = "Example:\n  holdover bench bgp-switchover --sessions 5000 --count 20\n\n\
                           The figures are one line, last on standard output:\n  \
                           {\"bench\":\"bgp-switchover\",\"sessions\":..,\"count\":..,\"resets\":..,\"updates_repeated\":..,\n   \
                           \"first_keepalive_ms\":{\"p50\":..,\"p99\":..,\"max\":..},\"packets\":{\"sent\":..,\"lost\":..}}\n\n\
                           Exit codes:\n  0  measured, and nobody noticed anything\n  \
                           1  not all rounds could be done, or a session ended, an UPDATE was repeated or a packet lost"
    )]
    BgpSwitchover(BgpSwitchoverArguments),
}

/// Which chassis.
#[derive(Args)]
pub struct ChassisArguments {
    /// Chassis file; the embedded default chassis without it
    #[arg(long, value_name = "FILE")]
    pub chassis: Option<PathBuf>,
}

#[derive(Args)]
pub struct UpArguments {
    #[command(flatten)]
    pub chassis: ChassisArguments,
    /// Return once the chassis has booted, without a console
    #[arg(long)]
    pub detach: bool,
}

#[derive(Args)]
pub struct StatusArguments {
    #[command(flatten)]
    pub chassis: ChassisArguments,
    /// One line of JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct ConsoleArguments {
    #[command(flatten)]
    pub chassis: ChassisArguments,
    /// The console of the route processor in this slot, R0 or R1; the active one's without it
    #[arg(long)]
    pub slot: Option<RpSlot>,
    /// End a script at its first rejected line, with exit code 3
    #[arg(long)]
    pub strict: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Power {
    On,
    Off,
}

#[derive(Args)]
pub struct PowerArguments {
    /// What to do
    #[arg(value_enum)]
    pub power: Power,
    #[command(flatten)]
    pub slot: SlotArguments,
}

#[derive(Args)]
pub struct SlotArguments {
    /// R0, R1 or a line card's number
    pub slot: Unit,
    #[command(flatten)]
    pub chassis: ChassisArguments,
}

#[derive(Args)]
pub struct InsertArguments {
    #[command(flatten)]
    pub slot: SlotArguments,
    /// The image that the route processor passes for
    #[arg(long, value_name = "TEXT")]
    pub image_version: Option<ImageName>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Mode {
    Sso,
    Rpr,
}

impl From<Mode> for RedundancyMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Sso => RedundancyMode::Sso,
            Mode::Rpr => RedundancyMode::Rpr,
        }
    }
}

#[derive(Args)]
pub struct SwitchoverArguments {
    /// The figures as one line of JSON, last on standard output
    #[arg(long)]
    pub json: bool,
    /// How often
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub count: u32,
    /// How the active ends: crash, segv-core, panic, hang-stop, hang-loop or forced
    #[arg(long, default_value_t = Cause::Crash)]
    pub cause: Cause,
    /// Mode of redundancy: stateful, or from the startup configuration with every card reset
    #[arg(long, value_enum, default_value_t = Mode::Sso)]
    pub mode: Mode,
    /// Mebibytes that each route processor holds besides its own
    #[arg(long, default_value_t = 0, value_name = "MIB", value_parser = clap::value_parser!(u64).range(..=1 << 20))]
    pub ballast_mib: u64,
    /// Routes in the table besides the connected ones
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    pub routes: u32,
}

#[derive(Args)]
pub struct FeedArguments {
    /// Prefixes that each neighbour tells
    #[arg(long, default_value_t = 1_000_000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=i64::from(ROUTES_MAX)))]
    pub routes: u32,
    /// Neighbours, each of which tells all of them
    #[arg(long, default_value_t = 1, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=i64::from(NEIGHBORS_MAX)))]
    pub neighbors: u32,
    /// Without a standby route processor
    #[arg(long)]
    pub no_standby: bool,
}

#[derive(Args)]
pub struct FeedNeighborsArguments {
    #[arg(long)]
    pub router: Ipv4Addr,
    #[arg(long)]
    pub first_address: Ipv4Addr,
    #[arg(long)]
    pub neighbors: u32,
    #[arg(long)]
    pub routes: u32,
    #[arg(long)]
    pub seed: u64,
}

#[derive(Args)]
pub struct BgpSwitchoverArguments {
    /// Neighbours
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=i64::from(plan::NEIGHBORS_MAX)))]
    pub sessions: u32,
    /// How often
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub count: u32,
    /// How the active ends: crash, segv-core, panic, hang-stop, hang-loop or forced
    #[arg(long, default_value_t = Cause::Crash)]
    pub cause: Cause,
}

#[derive(Args)]
pub struct BgpNeighborsArguments {
    /// Run directory of the chassis
    #[arg(long, value_name = "DIRECTORY")]
    pub run_directory: PathBuf,
    /// Name of the mem wire
    #[arg(long, value_name = "NAME")]
    pub wire: String,
    /// Neighbours
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(plan::NEIGHBORS_MAX)))]
    pub sessions: u32,
}

#[derive(Args)]
pub struct SimArguments {
    /// Run for so long; 10 seconds without any budget
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["seeds", "seed", "regression"])]
    pub seconds: Option<u64>,
    /// Run so many seeds
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["seed", "regression"])]
    pub seeds: Option<u64>,
    /// The first seed; drawn from the clock without it
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seed", "regression"])]
    pub first_seed: Option<u64>,
    /// Seeds at a time; as many as there are processors without it
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=1024).map(|jobs| jobs as usize))]
    pub jobs: Option<usize>,
    /// Run this seed, twice, and compare
    #[arg(long)]
    pub seed: Option<u64>,
    /// Print all that happens; with --seed
    #[arg(long, requires = "seed")]
    pub trace: bool,
    /// Run the regression seeds, each twice
    #[arg(long, conflicts_with = "seed")]
    pub regression: bool,
}

#[derive(Args)]
pub struct RpArguments {
    /// Slot: R0 or R1
    #[arg(long)]
    pub slot: RpSlot,
    #[command(flatten)]
    pub chassis: ChassisArguments,
    /// Mebibytes of memory to hold, for benches of large processes
    #[arg(long, default_value_t = 0, value_name = "MIB")]
    pub ballast_mib: usize,
    /// Ask for a core file on a fatal signal
    #[arg(long)]
    pub core_dumps: bool,
    /// Pass for this image, to rehearse an upgrade: a pair whose images differ runs RPR
    #[arg(long, value_name = "TEXT")]
    pub image_version: Option<ImageName>,
    /// Record every input to FILE, for `holdover replay`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
}

#[derive(Args)]
pub struct ReplayArguments {
    /// A recording made with `holdover rp --record FILE`
    pub file: PathBuf,
    /// Print every output, not only system messages
    #[arg(long)]
    pub all: bool,
}

#[derive(Args)]
pub struct CardArguments {
    /// Slot number
    #[arg(long)]
    pub slot: CardSlot,
    #[command(flatten)]
    pub chassis: ChassisArguments,
}

/// The reader of the output has gone: as if SIGPIPE had ended the process, which shells show this way.
const EXIT_CLOSED_PIPE: u8 = 128 + 13;

/// Runs what the arguments name.
pub fn main() -> ExitCode {
    run(Cli::parse().role).unwrap_or_else(|error| {
        if screen::is_closed_pipe(&*error) {
            return ExitCode::from(EXIT_CLOSED_PIPE);
        }
        eprintln!("holdover: {error}");
        ExitCode::FAILURE
    })
}

fn run(role: Role) -> CliResult {
    match role {
        Role::Up(arguments) => chassis_commands::up(&arguments),
        Role::Down(arguments) => chassis_commands::down(&arguments),
        Role::Status(arguments) => chassis_commands::status(&arguments),
        Role::Console(arguments) => chassis_commands::console(&arguments),
        Role::Power(arguments) => chassis_commands::power(&arguments),
        Role::Pull(arguments) => chassis_commands::pull(&arguments),
        Role::Insert(arguments) => chassis_commands::insert(&arguments),
        Role::Reset(arguments) => chassis_commands::reset(&arguments),
        Role::Demo => measure::demo(),
        Role::Bench(Bench::Switchover(arguments)) => measure::switchover(&arguments),
        Role::Bench(Bench::BgpFeed(arguments)) => measure::bgp_feed(&arguments),
        Role::BgpFeedNeighbors(arguments) => measure::bgp_feed_neighbors(&arguments),
        Role::Bench(Bench::BgpSwitchover(arguments)) => measure::bgp_switchover(&arguments),
        Role::Sim(arguments) => simulate::sim(&arguments),
        Role::Rp(arguments) => roles::run_rp(arguments),
        Role::Replay(arguments) => roles::replay(&arguments),
        Role::Card(arguments) => roles::run_card(arguments),
        Role::Hosts(arguments) => roles::run_hosts(arguments),
        Role::Backplane(arguments) => roles::run_backplane(&arguments),
        Role::BgpNeighbors(arguments) => roles::run_bgp_neighbors(&arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
        }
    }
}
