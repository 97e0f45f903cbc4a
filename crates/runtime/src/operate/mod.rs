//! A chassis from the operator's side: what is behind `holdover console`, `status`, `demo` and `bench`.
//!
//! ```text
//!   status ──▶ status_client ──▶ RUN/status-R0.sock, RUN/status-R1.sock
//!   console ─▶ console_client ─▶ RUN/console-R0.sock
//!
//!   demo, bench ──▶ lab: a private chassis in a temporary directory ── trial: one death, measured from outside
//!                    │                                                  │
//!                    └─ rp R0, rp R1, card 0, card 1, hosts             └─ traffic: flows and pings of the hosts
//! ```
//!
//! Nothing in here runs within a route processor or a card. Whoever waits, waits for a state, with a bound after which
//! the error says what did not happen.

pub mod bench;
pub mod bgp_bench;
pub mod bgp_feed;
pub mod boot_log;
pub mod console_client;
mod console_stream;
pub mod demo;
pub mod distribution;
pub mod lab;
pub mod overview;
pub mod script;
pub mod status_client;
pub mod traffic;
pub mod trial;
pub mod typed;
