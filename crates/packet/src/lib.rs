//! Bytes of any PDU to meaning and back; no state.
//!
//! Every format has two levels. A *view* (`Packet<T>`, `Frame<T>`) wraps bytes whose lengths have been checked and reads
//! or writes one field at a time; a *repr* is the parsed fact, with `parse`, `emit` and `buffer_len`. What forwards
//! packets uses views, because it changes two fields of what it was given; what originates packets uses reprs.
//!
//! ```text
//!            new_checked            Repr::parse
//!   &[u8] ───────────────▶ view ───────────────▶ Repr
//!     ▲                                            │ emit into buffer_len() bytes
//!     └────────────────────────────────────────────┘
//! ```
//!
//! Contract: no input makes a parser or a checked view panic. `emit` panics when its buffer is shorter than
//! `buffer_len`: the caller chose that buffer. Nothing in here allocates, except texts that a caller asks for.
#![no_std]
#![deny(missing_docs)]
extern crate alloc;

pub mod address;
pub mod arp;
pub mod bgp;
pub mod checksum;
mod error;
pub mod ethernet;
pub mod fuzz;
pub mod icmpv4;
pub mod ipv4;
mod mac;
pub mod offload;
mod prefix;
pub mod tcp;
pub mod udp;

pub use address::{Address, Family, V4, V6};
pub use error::{AddressError, ParseError};
pub use mac::MacAddress;
pub use prefix::{InterfaceAddress, Prefix, netmask, netmask_length};

pub use core::net::{Ipv4Addr, Ipv6Addr};
