//! What `show ip bgp` and its relatives show: first as values, which `| json` writes out as they are, then as text.
//!
//! Names of fields are part of the interface: they stay, and say their units. Ages are in seconds. A table of a million
//! prefixes is shown in pages: a page is asked for with the position that the page before gave.

mod configured;
mod neighbors;
mod paths;
mod text;

pub use configured::{ConfiguredView, MaximumPrefixView, PeerGroupView, peer_group_lines};
pub use neighbors::{
    FamilyView, GracefulView, MessageCounts, NeighborFacts, NeighborView, ProcessView, SsoNeighborView,
    SsoView, SummaryView, TcpView, neighbors, sso, summary,
};
pub use paths::{PathView, PrefixPage, PrefixView, Routes, page, prefix};
pub use text::{
    age, neighbor_lines, page_lines, prefix_lines, rib_failure_header, rib_failure_lines, sso_lines,
    summary_lines, table_header,
};

use machine::Instant;

use crate::id::PeerId;

/// What a view needs and the speaker does not have.
pub struct Context<'a> {
    /// The present.
    pub now: Instant,
    /// The system's age in seconds: what the dates of sessions are compared with.
    pub age_s: u32,
    /// What others know of a neighbour.
    pub facts: &'a dyn Fn(PeerId) -> NeighborFacts,
}
