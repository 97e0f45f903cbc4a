//! The world outside the router, as far as tests and demonstrations need one: hosts, streams, probes and a meter.
//!
//! The process behind the `mem` wires drives a [`field::Field`] over real sockets, the simulator over simulated ones.
//!
//! | module | about |
//! | --- | --- |
//! | [`field`] | all hosts and streams together |
//! | [`host`] | one host: resolves, answers, hands up |
//! | [`neighbor`] | its memory of who is on its link |
//! | [`flow`] | streams of datagrams and of echo requests |
//! | [`pace`] | when the next packet of a stream is due |
//! | [`payload`] | what a test packet carries |
//! | [`meter`] | what became of every packet: lost, duplicated, reordered, and the gaps |
//! | [`probe`] | the same for echo requests, and when the first answer came |
//! | [`fuzz`] | an entry for each parser of outside bytes |
#![no_std]
#![deny(missing_docs)]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod field;
pub mod flow;
pub mod fuzz;
pub mod host;
pub mod meter;
pub mod neighbor;
pub mod pace;
pub mod payload;
pub mod probe;

#[cfg(test)]
mod tests {
    mod field;
    mod fuzz;
    mod host;
    mod meter;
    mod pace;
    mod probe;
}
