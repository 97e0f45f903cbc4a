//! What an address family brings along to be routed by BGP.

use ::checkpoint::{Key, TableId};
use alloc::vec::Vec;
use core::iter::Peekable;
use packet::bgp::{self, AfiSafi, NextHop};
use packet::{Address, Family, Prefix, V4, V6};

use crate::id::{GroupId, PeerId};

/// An address family with its own tables of routes.
pub trait BgpFamily: Family {
    /// Number of the table of paths.
    const PATHS_TABLE: TableId;
    /// Number of the table of what groups were told.
    const TOLD_TABLE: TableId;
    /// Number of the table of unfinished walks.
    const SWEEP_TABLE: TableId;
    /// Number of the table of what slow neighbours have missed.
    const MISSED_TABLE: TableId;
    /// The family's number in records.
    const NUMBER: u8;
    /// The family in messages.
    const AFI_SAFI: AfiSafi;

    /// Appends an UPDATE ([`bgp::update_v4`], [`bgp::update_v6`]).
    fn write_update(
        attributes: &[u8],
        next_hop: Option<NextHop>,
        prefixes: &mut Peekable<impl Iterator<Item = Prefix<Self>>>,
        length_max: usize,
        out: &mut Vec<u8>,
    ) -> usize;

    /// Appends an UPDATE that withdraws.
    fn write_withdraw(
        prefixes: &mut Peekable<impl Iterator<Item = Prefix<Self>>>,
        length_max: usize,
        out: &mut Vec<u8>,
    ) -> usize;
}

impl BgpFamily for V4 {
    const PATHS_TABLE: TableId = TableId(80);
    const TOLD_TABLE: TableId = TableId(81);
    const SWEEP_TABLE: TableId = TableId(82);
    const MISSED_TABLE: TableId = TableId(91);
    const NUMBER: u8 = 0;
    const AFI_SAFI: AfiSafi = AfiSafi::IPV4_UNICAST;

    fn write_update(
        attributes: &[u8],
        _: Option<NextHop>,
        prefixes: &mut Peekable<impl Iterator<Item = Prefix<V4>>>,
        length_max: usize,
        out: &mut Vec<u8>,
    ) -> usize {
        bgp::update_v4(attributes, prefixes, length_max, out)
    }

    fn write_withdraw(
        prefixes: &mut Peekable<impl Iterator<Item = Prefix<V4>>>,
        length_max: usize,
        out: &mut Vec<u8>,
    ) -> usize {
        bgp::withdraw_v4(prefixes, length_max, out)
    }
}

impl BgpFamily for V6 {
    const PATHS_TABLE: TableId = TableId(83);
    const TOLD_TABLE: TableId = TableId(84);
    const SWEEP_TABLE: TableId = TableId(85);
    const MISSED_TABLE: TableId = TableId(92);
    const NUMBER: u8 = 1;
    const AFI_SAFI: AfiSafi = AfiSafi::IPV6_UNICAST;

    fn write_update(
        attributes: &[u8],
        next_hop: Option<NextHop>,
        prefixes: &mut Peekable<impl Iterator<Item = Prefix<V6>>>,
        length_max: usize,
        out: &mut Vec<u8>,
    ) -> usize {
        match next_hop {
            Some(next_hop) => bgp::update_v6(attributes, next_hop, prefixes, length_max, out),
            None => 0,
        }
    }

    fn write_withdraw(
        prefixes: &mut Peekable<impl Iterator<Item = Prefix<V6>>>,
        length_max: usize,
        out: &mut Vec<u8>,
    ) -> usize {
        bgp::withdraw_v6(prefixes, length_max, out)
    }
}

/// A prefix as a row's key: network, then length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteKey<F: Family>(pub Prefix<F>);

impl<F: Family> Key for RouteKey<F> {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.network().to_bytes().as_ref());
        out.push(self.0.len());
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (length, network) = bytes.split_last()?;
        if network.len() != usize::from(F::WIDTH / 8) {
            return None;
        }
        let address = F::Address::from_bytes(network)?;
        let prefix = Prefix::new(address, *length).ok()?;
        // Only what `encode` makes: no host bits.
        (prefix.network() == address).then_some(RouteKey(prefix))
    }
}

/// A prefix that a group was told of, as a row's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToldKey<F: Family> {
    /// Who was told.
    pub group: GroupId,
    /// Of which route.
    pub prefix: Prefix<F>,
}

impl<F: Family> Key for ToldKey<F> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.group.encode(out);
        RouteKey(self.prefix).encode(out);
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (group, prefix) = bytes.split_at_checked(2)?;
        Some(ToldKey {
            group: GroupId::decode(group)?,
            prefix: RouteKey::decode(prefix)?.0,
        })
    }
}

/// A prefix whose news a slow neighbour has missed, as a row's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissedKey<F: Family> {
    /// Who was too slow.
    pub peer: PeerId,
    /// What has changed.
    pub prefix: Prefix<F>,
}

impl<F: Family> Key for MissedKey<F> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.peer.encode(out);
        RouteKey(self.prefix).encode(out);
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (peer, prefix) = bytes.split_at_checked(2)?;
        Some(MissedKey {
            peer: PeerId::decode(peer)?,
            prefix: RouteKey::decode(prefix)?.0,
        })
    }
}
