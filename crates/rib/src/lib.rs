//! Routes, next hops, the best path over protocols, and the FIB that follows from them.
//!
//! Every protocol puts its routes into one table; the routing information base (RIB) picks the best ones for each
//! prefix and writes what a card shall do with it into the FIB.
//!
//! ```text
//!   insert / remove / set_interface
//!          │
//!          ▼                 best routes of the prefix
//!      [routes] ────────────────────────────────────────▶ [fib] ──▶ cards
//!          │                            ▲
//!          │ a next hop to look up      │ its paths
//!          ▼                            │
//!      [next hops] ── resolved in [routes], recursively ──┘
//!          ▲
//!          └── [sweeps]: which of these are to be looked at again, and how far that is
//! ```
//!
//! A changed prefix gets its new FIB entry in the same turn. What depends on it (next hops that resolve over it, and
//! the prefixes behind those) is looked at again by [`Rib::run`], as much per turn as the caller allows. Sweeps are
//! rows as well, so a promoted standby goes on where the active was, and promotion itself has nothing to do.
//!
//! Contract: after `run` has returned true, the FIB is a function of the routes alone, however they came to be there.
//!
//! - [`RouteKey`], [`Route`], [`Protocol`], [`Via`]: what a protocol installs.
//! - [`Rib`]: the tables and the operations on them. Other protocols track next hops ([`Rib::track`]), are offered
//!   connected and static routes ([`Rib::take_redistribution_changes`]), look for routes of a kind
//!   ([`Rib::take_best_changes`]), and hold back the sweep of what cards still have
//!   until they have converged ([`Rib::hold_sweep`]).
//! - [`Generator`]: a client that installs synthetic routes.
//! - [`show`]: `show ip route`, `show ip cef`.
#![no_std]
#![deny(missing_docs)]
extern crate alloc;

mod behind;
mod best;
mod family;
mod generator;
mod hold;
mod next_hop;
mod offer;
mod resolve;
mod route;
pub mod show;
mod sweep;
mod table;
mod track;

pub use best::BEST_CHANGES_MAX;
pub use family::RouteFamily;
pub use generator::{GENERATOR_ROUTES_MAX, GENERATOR_TABLE, Generator, GeneratorBusy, GeneratorState};
pub use hold::{Hold, HoldRecord};
pub use next_hop::{NextHop, NextHopIndex, NextHopKey, NextHopRecord};
pub use offer::{Offer, OfferChange, OfferIndex, OfferRecord, Offered};
pub use resolve::{PATHS_MAX, RESOLUTION_DEPTH_MAX};
pub use route::{Protocol, Route, RouteIndex, RouteKey, RouteRecord, RouteType, Via, static_route};
pub use sweep::{Sweep, SweepKey, SweepRecord};
pub use table::{FibIndex, Rib};
