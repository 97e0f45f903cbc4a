//! BGP neighbours of the router, and what is expected of it towards them.
//!
//! ```text
//!   script ─▶ neighbour ══ TCP, frames ══ card ══ route processors
//!                │ view, news                         │ running configuration
//!                ▼                                    ▼
//!             checkers ◀──────────── model ◀──────────┘
//! ```
//!
//! | checker | what it holds |
//! | --- | --- |
//! | stream | what a router sends on a connection is one sequence of bytes, however often it is sent, and of whole messages |
//! | session | a session stands while the standby is hot, and comes up in time when all is mended |
//! | repeats | a neighbour is not told what it was told, unless somebody asked for that |
//! | poison | a step of which a unit has died is not made again |
//! | view | at rest a neighbour knows what the configuration and the other neighbours' routes say |
//! | reach | packets to what a neighbour announces arrive there while the session stands |

mod fragments;
mod model;
mod neighbor;
#[cfg(test)]
mod neighbor_tests;
mod operator;
pub(crate) mod options;
mod plant;
mod reach;
mod route;
mod script;
mod story;
mod tape;
pub(crate) mod world;

pub use options::BgpOptions;
pub use story::{Death, bgp_life};
