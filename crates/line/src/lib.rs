//! Line protocols: what makes a port's wire carry packets to the right neighbour.
//!
//! - [`arp`]: link-layer addresses of neighbours on Ethernet (RFC 826), as rows that the cards forward by.
//! - [`host`]: the router as an IP host on its wires: echo replies.
//! - [`ping`]: the operator's question whether somebody is there.
//!
//! The route processor owns these machines; cards punt what they need to see, and inject what they ask for.
#![no_std]
#![deny(missing_docs)]
extern crate alloc;

pub mod arp;
pub mod host;
pub mod ping;
