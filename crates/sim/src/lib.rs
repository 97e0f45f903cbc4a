//! The simulated world: two route processors, line cards, hosts, and everything that can go wrong between them.
//!
//! ```text
//!   operator        hosts ── wires ── cards ══ fabric        faults     checkers
//!      │ console                        │ card links            │          │ watch, and
//!      ▼                                ▼                       ▼          ▼ decide nothing
//!     R0 ◀════════ RP link ════════▶ R1      arbiter, backplane, NVRAM
//! ```
//!
//! The values are those of production: [`rp::RouteProcessor`], [`linecard::LineCard`], [`traffic`]'s hosts. Around them
//! is one virtual clock and one heap of events. A seed decides everything: the chassis, which faults exist, each delay
//! and each death. Two runs of a seed give one trace hash.
//!
//! A run has two phases. In the first, faults happen and nothing wrong may be seen; in the second, everything is mended
//! and the pair has to be in step again, forwarding, within bounded time.
//!
//! - [`World`] and its stories (`scenario`): drive one chassis by hand.
//! - [`run_seed`], [`campaign`]: one seed, or many.
//! - [`Options::swarm`]: what a seed draws.
//! - `checker`: what must never happen.
#![deny(missing_docs)]

mod arbiter;
mod backplane;
mod bgp;
mod campaign;
mod card_node;
mod chassis_commands;
mod checker;
mod clock;
mod event;
mod fault;
mod flash;
mod headless;
mod host_node;
mod link;
mod nvram;
mod operator;
mod options;
mod platform;
mod poison;
mod register;
mod rp_node;
mod rp_sends;
mod saved;
mod scenario;
mod swarm;
mod trace;
mod world;

pub use bgp::{BgpOptions, Death, bgp_life};
pub use campaign::{
    Budget, Figures, Outcome, Report, campaign, compared, exit_code, run_seed, run_twice, run_with,
};
pub use fault::FaultKind;
pub use options::{ChassisCommands, FaultWeights, LinkOptions, Options, Plant, Timing};
pub use trace::{Trace, TraceLevel};
pub use world::{Failure, FailureKind, World};

/// The seeds that once found something, each with what that was: `seeds.txt`, a seed and its story a line.
///
/// # Panics
/// When the list, which is part of the program, is malformed; a test reads it.
pub fn regression_seeds() -> Vec<(u64, &'static str)> {
    include_str!("../seeds.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (seed, story) = line.split_once(' ').expect("a seed and what it found");
            (seed.parse().expect("a seed is a number"), story.trim())
        })
        .collect()
}
