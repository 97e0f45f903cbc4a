//! What a line card decides: the FIB and the fate of every packet, headless or not.
#![no_std]
#![deny(missing_docs)]
extern crate alloc;

pub mod fib;
pub mod held;

pub use fib::Fib;
