//! A chassis of real processes, killed in every way. Each test has a chassis of its own in a temporary directory, needs no
//! privilege, and waits for states with a bound that only a hang reaches.

mod chassis;
mod commands;
mod config_sync;
mod counters;
mod crash;
mod ends;
mod faults;
mod garbage;
mod memory;
mod modes;
mod neighbors;
mod platform;
mod poison;
mod saving;
mod starved;
