//! Next hops that routes depend on, and whether and how far away they can be reached.

use ::checkpoint::{Key, Row, TableId};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};
use packet::bgp::NextHop;

use crate::family::BgpFamily;
use crate::id::AttributeId;
use crate::rib::{Common, FamilyRib, Rib};

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

impl Rib {
    /// Asks for the next hops that paths of this turn brought, and decides about those paths. To be called in the turn
    /// that took them, so that no walk over all routes is needed; who does not, tells of each by
    /// [`Rib::next_hop_changed`].
    pub fn resolve_new_next_hops(&mut self, metric_of: &mut dyn FnMut(NextHopKey) -> Option<u32>) {
        for next_hop in core::mem::take(&mut self.common.new_next_hops) {
            let metric = metric_of(next_hop);
            self.common.next_hops.insert(next_hop, Reach { metric });
        }
        self.v4.decide_undecided(&self.common);
        self.v6.decide_undecided(&self.common);
    }

    /// Next hops that no path has any more, since this was asked last: nobody wants to know of their changes.
    pub fn take_unused_next_hops(&mut self) -> Vec<NextHopKey> {
        core::mem::take(&mut self.common.unused_next_hops)
    }

    /// The turn is over.
    pub(crate) fn forget_undecided(&mut self) {
        self.common.new_next_hops.clear();
        self.v4.undecided.clear();
        self.v6.undecided.clear();
    }

    /// Takes out the next hops that no set names.
    pub(crate) fn collect_next_hops(&mut self) {
        let named: BTreeSet<NextHopKey> = self
            .common
            .attributes
            .next_hops()
            .map(|hop| (*hop).into())
            .collect();
        let known = self.common.next_hops.iter().map(|(key, _)| *key);
        let unused: Vec<NextHopKey> = known.filter(|key| !named.contains(key)).collect();
        for key in unused {
            self.common.next_hops.remove(&key);
            self.common.unused_next_hops.push(key);
        }
        self.common.known_next_hop = AttributeId::NONE;
    }
}

impl<F: BgpFamily> FamilyRib<F> {
    fn decide_undecided(&mut self, common: &Common) {
        for prefix in core::mem::take(&mut self.undecided) {
            self.edit(common, prefix, |_| {});
        }
    }
}

impl Common {
    /// Whether it is known if the next hop of a set can be reached; if not, it is asked for.
    pub(crate) fn knows_next_hop(&mut self, accepted: AttributeId) -> bool {
        if accepted == self.known_next_hop {
            return true;
        }
        let summary = self.attributes.summary(accepted);
        let Some(next_hop) = summary.and_then(|summary| summary.next_hop) else {
            return true;
        };
        let key = NextHopKey::from(next_hop);
        if self.next_hops.contains_key(&key) {
            self.known_next_hop = accepted;
            return true;
        }
        self.new_next_hops.insert(key);
        false
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
