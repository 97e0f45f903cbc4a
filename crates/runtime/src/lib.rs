//! Where Holdover touches the world: descriptors, clocks, files, signals, shared memory, processes.
//!
//! Everything that decides lives in the pure crates. This one feeds them and carries out what they ask for; it is the
//! only crate that may use `unsafe`, and each use says why it is sound.
//!
//! | module | about |
//! | --- | --- |
//! | [`clock`] | the process's monotonic clock |
#![deny(missing_docs)]

pub mod clock;
