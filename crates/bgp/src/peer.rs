//! What the routing table of BGP knows of each neighbour.

use alloc::string::String;
use core::net::{IpAddr, Ipv4Addr};

use crate::decision::Source;
use crate::id::GroupId;

/// A neighbour, as its routes are judged: from its configuration and its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where its routes come from.
    pub source: Source,
    /// Its address.
    pub address: IpAddr,
    /// Its identifier; unspecified while none was heard.
    pub identifier: Ipv4Addr,
    /// Its AS.
    pub remote_as: u32,
    /// Its routes carry this generation; those of an earlier one are stale.
    pub generation: u16,
    /// `neighbor ... weight`.
    pub weight: u16,
    /// `neighbor ... route-map ... in`.
    pub route_map_in: Option<String>,
    /// `neighbor ... prefix-list ... in`.
    pub prefix_list_in: Option<String>,
    /// `neighbor ... soft-reconfiguration inbound`: routes that policy refuses are kept.
    pub keeps_refused: bool,
    /// `neighbor ... allowas-in`: how often our own AS may be in a path.
    pub own_as_allowed: u8,
    /// It is our route reflector's client.
    pub route_reflector_client: bool,
    /// Whom it is told with, while the session is established.
    pub group: Option<GroupId>,
    /// The group that it comes from, while it is on its way from one to another.
    pub leaving: Option<GroupId>,
}

impl Peer {
    /// The router itself.
    pub fn local(router_id: Ipv4Addr) -> Peer {
        Peer {
            source: Source::Local,
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            identifier: router_id,
            remote_as: 0,
            generation: 0,
            weight: 32768,
            route_map_in: None,
            prefix_list_in: None,
            keeps_refused: false,
            own_as_allowed: 0,
            route_reflector_client: false,
            group: None,
            leaving: None,
        }
    }
}
