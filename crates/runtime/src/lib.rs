//! Where Holdover touches the world: descriptors, clocks, files, signals, shared memory, processes.
//!
//! Everything that decides lives in the pure crates. This one feeds them and carries out what they ask for; it is the
//! only crate that may use `unsafe`, and each use says why it is sound.
//!
//! | module | about |
//! | --- | --- |
//! | [`arbiter`] | mastership by compare-and-swap, out-of-step marks |
//! | [`card_process`] | the process of a line card |
//! | [`backplane`] | slots, presence, power and reset; starts and watches all other processes |
//! | [`chassis_file`] | what a chassis is made of, as a TOML file |
//! | [`clock`] | the process's monotonic clock |
//! | [`crash`] | dying: resign first, report second |
//! | [`directories`] | where a chassis keeps its things |
//! | [`event_loop`] | waiting for descriptors, deadlines and signals in one thread |
//! | [`file`](mod@file) | files replaced whole, locks between processes |
//! | [`hosts`] | the process of the built-in hosts behind `mem` wires, and its client |
//! | [`life`] | life locks: knowing within milliseconds that an RP is gone |
//! | [`neighbors`] | thousands of BGP neighbours on the kernel's TCP, for benches |
//! | [`network_namespace`] | a network namespace of one's own, with an interface that ends in this process |
//! | [`nonce_proof`] | proof that both RPs look at the same shared page |
//! | [`operate`] | a chassis from the operator's side: console, status, demo, bench |
//! | [`priority`] | priority of the chassis among everything else on the host |
//! | [`process`] | processes by id and start time |
//! | [`rp_process`] | the process of a route processor |
//! | [`shared_memory`] | the words that the processes of a chassis share |
//! | [`stream`] | messages over Unix and TCP sockets |
//! | [`wire`] | what ports are attached to, and the fabric between cards |
#![deny(missing_docs)]

pub mod arbiter;
pub mod backplane;
pub mod card_process;
pub mod chassis_file;
pub mod clock;
pub mod crash;
pub mod directories;
pub mod event_loop;
pub mod file;
pub mod host_memory;
pub mod host_time;
pub mod hosts;
pub mod life;
pub mod neighbors;
pub mod network_namespace;
pub mod nonce_proof;
pub mod operate;
pub mod priority;
pub mod process;
pub mod rp_process;
pub mod shared_memory;
pub mod steps;
pub mod stream;
#[cfg(test)]
mod test_directory;
pub mod wire;
