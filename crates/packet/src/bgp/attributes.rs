//! What the attributes of a route mean.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::{AfiSafi, AsPath, Attributes, Cursor, Flags, PrefixError, Prefixes, RawAttribute};
use crate::{V4, V6};

/// How a route came into BGP; the lower is preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Origin {
    /// From an interior protocol, or from `network`.
    Igp = 0,
    /// From EGP.
    Egp = 1,
    /// From elsewhere: redistributed.
    Incomplete = 2,
}

impl Origin {
    /// The origin with this number.
    pub const fn from_number(number: u8) -> Option<Origin> {
        Some(match number {
            0 => Origin::Igp,
            1 => Origin::Egp,
            2 => Origin::Incomplete,
            _ => return None,
        })
    }

    /// How `show ip bgp` marks it.
    pub const fn letter(self) -> char {
        match self {
            Origin::Igp => 'i',
            Origin::Egp => 'e',
            Origin::Incomplete => '?',
        }
    }

    /// How the detail of a route names it.
    pub const fn name(self) -> &'static str {
        match self {
            Origin::Igp => "IGP",
            Origin::Egp => "EGP",
            Origin::Incomplete => "incomplete",
        }
    }
}

/// Where to send packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NextHop {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, and its link-local one where both are on the same link (RFC 2545).
    V6 {
        /// The global address.
        global: Ipv6Addr,
        /// The address on the link.
        link_local: Option<Ipv6Addr>,
    },
}

impl NextHop {
    pub(super) fn parse(family: AfiSafi, bytes: &[u8]) -> Option<NextHop> {
        let address = |at: usize| {
            bytes
                .get(at..)
                .and_then(|bytes| bytes.first_chunk::<16>())
                .map(|octets| Ipv6Addr::from(*octets))
        };
        match (family, bytes.len()) {
            (AfiSafi::IPV4_UNICAST, 4) => Some(NextHop::V4(Ipv4Addr::from(*bytes.first_chunk()?))),
            (AfiSafi::IPV6_UNICAST, 16) => Some(NextHop::V6 {
                global: address(0)?,
                link_local: None,
            }),
            (AfiSafi::IPV6_UNICAST, 32) => Some(NextHop::V6 {
                global: address(0)?,
                link_local: address(16),
            }),
            _ => None,
        }
    }
}

/// Who aggregated a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aggregator {
    /// Its AS.
    pub as_number: u32,
    /// Its identifier.
    pub address: Ipv4Addr,
}

impl Aggregator {
    pub(super) fn parse(value: &[u8], wide: bool) -> Option<Aggregator> {
        let mut rest = Cursor(value);
        let as_number = match wide {
            true => rest.u32()?,
            false => u32::from(rest.u16()?),
        };
        let address = Ipv4Addr::from(rest.u32()?);
        (rest.0.is_empty() && as_number != 0).then_some(Aggregator { as_number, address })
    }
}

/// The routes of an MP_REACH_NLRI of a family that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MpReach<'a> {
    /// IPv4 unicast.
    V4(NextHop, Prefixes<'a, V4>),
    /// IPv6 unicast.
    V6(NextHop, Prefixes<'a, V6>),
}

impl MpReach<'_> {
    /// Where to send packets.
    pub fn next_hop(&self) -> NextHop {
        match self {
            MpReach::V4(next_hop, _) | MpReach::V6(next_hop, _) => *next_hop,
        }
    }

    /// Whether it announces nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            MpReach::V4(_, prefixes) => prefixes.is_empty(),
            MpReach::V6(_, prefixes) => prefixes.is_empty(),
        }
    }
}

/// The routes of an MP_UNREACH_NLRI of a family that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MpUnreach<'a> {
    /// IPv4 unicast.
    V4(Prefixes<'a, V4>),
    /// IPv6 unicast.
    V6(Prefixes<'a, V6>),
}

impl<'a> MpUnreach<'a> {
    pub(super) fn parse(family: AfiSafi, bytes: &'a [u8]) -> Result<MpUnreach<'a>, PrefixError> {
        match family {
            AfiSafi::IPV6_UNICAST => Prefixes::new(bytes).map(MpUnreach::V6),
            _ => Prefixes::new(bytes).map(MpUnreach::V4),
        }
    }
}

/// The attributes of a route, each checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathAttributes<'a> {
    /// How the route came into BGP.
    pub origin: Option<Origin>,
    /// The ASes travelled.
    pub as_path: Option<AsPath<'a>>,
    /// Where to send packets, from NEXT_HOP; from MP_REACH_NLRI in a canonical set.
    pub next_hop: Option<NextHop>,
    /// The lower the better, among routes from one AS.
    pub multi_exit_discriminator: Option<u32>,
    /// The higher the better.
    pub local_preference: Option<u32>,
    /// More specific routes were left out.
    pub atomic_aggregate: bool,
    /// Who aggregated.
    pub aggregator: Option<Aggregator>,
    /// Four bytes each.
    pub communities: &'a [u8],
    /// Eight bytes each.
    pub extended_communities: &'a [u8],
    /// Twenty bytes each.
    pub ipv6_extended_communities: &'a [u8],
    /// Twelve bytes each.
    pub large_communities: &'a [u8],
    /// Who brought the route into our AS.
    pub originator_id: Option<Ipv4Addr>,
    /// Four bytes each, the last cluster first.
    pub cluster_list: &'a [u8],
    /// From a speaker of two octets: the path in four.
    pub as4_path: Option<AsPath<'a>>,
    /// From a speaker of two octets: the aggregator in four.
    pub as4_aggregator: Option<Aggregator>,
    /// The block of attributes, where there are some in it that are not known here and have to be passed on.
    pub unknown_block: &'a [u8],
}

/// What keeps its type number apart in a block of attributes.
const fn is_unknown_transitive(attribute: &RawAttribute<'_>) -> bool {
    attribute.kind.flags().is_none() && attribute.flags.is_optional() && attribute.flags.is_transitive()
}

impl<'a> PathAttributes<'a> {
    /// Attributes that are not known here and have to be passed on, in the order of the message.
    pub fn unknown(&self) -> impl Iterator<Item = RawAttribute<'a>> + use<'a> {
        Attributes::new(self.unknown_block)
            .filter_map(Result::ok)
            .filter(is_unknown_transitive)
    }

    /// The path, empty where there is none.
    pub fn path(&self) -> AsPath<'a> {
        self.as_path.unwrap_or(AsPath::EMPTY)
    }

    /// The communities of RFC 1997.
    pub fn communities(&self) -> impl Iterator<Item = u32> + use<'a> {
        words(self.communities)
    }

    /// The clusters travelled, the last one first.
    pub fn clusters(&self) -> impl Iterator<Item = Ipv4Addr> + use<'a> {
        words(self.cluster_list).map(Ipv4Addr::from)
    }

    /// Number of clusters travelled.
    pub fn cluster_list_length(&self) -> u32 {
        (self.cluster_list.len() / 4) as u32
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes
        .chunks_exact(4)
        .map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
}

impl Flags {
    /// Whether the bits that tell an attribute's category are those of `specified`.
    pub(super) const fn is_category(self, specified: Flags) -> bool {
        self.0 & 0xc0 == specified.0
    }
}
