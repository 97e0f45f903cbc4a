//! Next hops that routes depend on, and whether and how far away they can be reached.

use ::checkpoint::{Key, Row, TableId};
use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};
use packet::bgp::NextHop;

/// Number of the table of next hops.
pub const NEXT_HOPS_TABLE: TableId = TableId(90);

/// A next hop as a row's key: its global address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NextHopKey {
    /// IPv4.
    V4(Ipv4Addr),
    /// IPv6.
    V6(Ipv6Addr),
}

impl From<NextHop> for NextHopKey {
    fn from(next_hop: NextHop) -> NextHopKey {
        match next_hop {
            NextHop::V4(address) => NextHopKey::V4(address),
            NextHop::V6 { global, .. } => NextHopKey::V6(global),
        }
    }
}

impl Key for NextHopKey {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            NextHopKey::V4(address) => {
                out.push(4);
                out.extend_from_slice(&address.octets());
            }
            NextHopKey::V6(address) => {
                out.push(6);
                out.extend_from_slice(&address.octets());
            }
        }
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (4, octets) => Some(NextHopKey::V4(<[u8; 4]>::try_from(octets).ok()?.into())),
            (6, octets) => Some(NextHopKey::V6(<[u8; 16]>::try_from(octets).ok()?.into())),
            _ => None,
        }
    }
}

/// What the routing table says about a next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Cost of the way to it; `None`: there is none.
    pub metric: Option<u32>,
}

/// Tagged form of [`Reach`].
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct ReachRecord {
    /// See [`Reach::metric`].
    #[prost(uint32, optional, tag = "1")]
    pub metric: Option<u32>,
}

impl Row for Reach {
    type Record = ReachRecord;

    fn to_record(&self) -> ReachRecord {
        let Reach { metric } = *self;
        ReachRecord { metric }
    }

    fn from_record(record: ReachRecord) -> Result<Self, &'static str> {
        Ok(Reach {
            metric: record.metric,
        })
    }
}
