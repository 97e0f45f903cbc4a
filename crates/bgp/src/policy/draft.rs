//! A set of attributes that can be changed.

use alloc::vec::Vec;
use core::net::Ipv4Addr;
use packet::bgp::{
    Aggregator, AsPath, AsPathWriter, Canonical, CanonicalWriter, NextHop, Origin, PathAttributes,
    SegmentKind,
};

/// An attribute set taken apart; [`Draft::finish`] puts it together again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// How the route came into BGP.
    pub origin: Option<Origin>,
    /// The ASes travelled, as the attribute's value in four octets.
    path: Vec<u8>,
    /// Where to send packets.
    pub next_hop: Option<NextHop>,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// LOCAL_PREF.
    pub local_preference: Option<u32>,
    /// More specific routes were left out.
    pub atomic_aggregate: bool,
    /// Who aggregated.
    pub aggregator: Option<Aggregator>,
    /// RFC 1997.
    pub communities: Vec<u32>,
    /// RFC 4360, eight bytes each.
    pub extended_communities: Vec<u8>,
    /// RFC 5701, twenty bytes each.
    pub ipv6_extended_communities: Vec<u8>,
    /// RFC 8092, twelve bytes each.
    pub large_communities: Vec<u8>,
    /// Who brought the route into our AS.
    pub originator_id: Option<Ipv4Addr>,
    /// The clusters travelled, four bytes each.
    pub cluster_list: Vec<u8>,
    /// The block in which attributes are that are not known.
    unknown: Vec<u8>,
}

impl Draft {
    /// A set as it is.
    pub fn of(set: &Canonical<'_>) -> Draft {
        let attributes = &set.attributes;
        let has_unknown = attributes.unknown().next().is_some();
        Draft {
            origin: attributes.origin,
            path: attributes.path().bytes().to_vec(),
            next_hop: attributes.next_hop,
            med: attributes.multi_exit_discriminator,
            local_preference: attributes.local_preference,
            atomic_aggregate: attributes.atomic_aggregate,
            aggregator: attributes.aggregator,
            communities: attributes.communities().collect(),
            extended_communities: attributes.extended_communities.to_vec(),
            ipv6_extended_communities: attributes.ipv6_extended_communities.to_vec(),
            large_communities: attributes.large_communities.to_vec(),
            originator_id: attributes.originator_id,
            cluster_list: attributes.cluster_list.to_vec(),
            unknown: if has_unknown {
                set.bytes.to_vec()
            } else {
                Vec::new()
            },
        }
    }

    /// The path.
    pub fn path(&self) -> AsPath<'_> {
        // It was taken from a checked path, or written by `prepend`.
        AsPath::new(&self.path, true).unwrap_or(AsPath::EMPTY)
    }

    /// Puts these ASes before the path, the first of them first.
    pub fn prepend(&mut self, numbers: &[u32]) {
        self.prepend_as(SegmentKind::Sequence, numbers);
    }

    /// The same, inside a confederation.
    pub fn prepend_as(&mut self, kind: SegmentKind, numbers: &[u32]) {
        let mut path = Vec::with_capacity(self.path.len() + 2 + 4 * numbers.len());
        let mut writer = AsPathWriter::new(&mut path, true);
        if !numbers.is_empty() {
            writer.begin(kind);
        }
        numbers.iter().for_each(|number| writer.push(*number));
        writer.append(&self.path());
        self.path = path;
    }

    /// Leaves out what is about our confederation.
    pub fn strip_confederation(&mut self) {
        if !self.path().has_confederation() {
            return;
        }
        let mut path = Vec::with_capacity(self.path.len());
        AsPathWriter::new(&mut path, true).append_outside(&self.path());
        self.path = path;
    }

    /// Leaves out the extended communities that are for one AS, or one confederation (RFC 4360 section 2: bit 0x40 of
    /// the type; RFC 5701 section 2: the same).
    pub fn strip_non_transitive(&mut self) {
        retain_transitive::<8>(&mut self.extended_communities);
        retain_transitive::<20>(&mut self.ipv6_extended_communities);
    }

    /// Appends the canonical form to `out`.
    pub fn finish(&self, out: &mut Vec<u8>) {
        let communities: Vec<u8> = self
            .communities
            .iter()
            .flat_map(|community| community.to_be_bytes())
            .collect();
        let attributes = PathAttributes {
            origin: self.origin,
            as_path: Some(self.path()),
            next_hop: self.next_hop,
            multi_exit_discriminator: self.med,
            local_preference: self.local_preference,
            atomic_aggregate: self.atomic_aggregate,
            aggregator: self.aggregator,
            communities: &communities,
            extended_communities: &self.extended_communities,
            ipv6_extended_communities: &self.ipv6_extended_communities,
            large_communities: &self.large_communities,
            originator_id: self.originator_id,
            cluster_list: &self.cluster_list,
            as4_path: None,
            as4_aggregator: None,
            unknown_block: &self.unknown,
        };
        CanonicalWriter::new(out).set(&attributes, self.next_hop);
    }
}

/// Keeps those communities, `LENGTH` bytes each, that another AS may see.
fn retain_transitive<const LENGTH: usize>(communities: &mut Vec<u8>) {
    const NON_TRANSITIVE: u8 = 0x40;
    let is_transitive = |community: &[u8]| community[0] & NON_TRANSITIVE == 0;
    if communities.chunks_exact(LENGTH).all(is_transitive) {
        return;
    }
    *communities = communities
        .chunks_exact(LENGTH)
        .filter(|community| is_transitive(community))
        .flatten()
        .copied()
        .collect();
}
