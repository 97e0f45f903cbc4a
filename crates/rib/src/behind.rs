//! The routes over a next hop.
//!
//! A full table has most of its routes over one next hop, so an index of them by next hop would be as large as the table.
//! Instead they are counted by blocks of addresses, and looked for among the routes of the blocks that have any.

use packet::{Address, Family, Prefix};

use crate::RouteFamily;
use crate::resolve::Routes;
use crate::route::{Protocol, RouteKey, Via};

/// Length of a block: one with all prefixes that IPv4 has in it is looked through in a turn.
const BLOCK_BITS: u8 = 16;

/// What the routes to `prefix` over `next_hop` are counted by: the next hop and the block, both as prefixes, because
/// those compare fast.
pub(crate) fn behind_key<F: Family>(next_hop: F::Address, prefix: &Prefix<F>) -> (Prefix<F>, Prefix<F>) {
    (Prefix::host(next_hop), Prefix::host(block_of(prefix)))
}

/// The first address of the block that a prefix begins in.
fn block_of<F: Family>(prefix: &Prefix<F>) -> F::Address {
    prefix.network().masked(BLOCK_BITS)
}

/// The widest prefix that begins at `network`: none that begins there comes before it.
pub(crate) fn widest<F: Family>(network: F::Address) -> Prefix<F> {
    let mut prefixes = (0..=F::WIDTH).filter_map(|length| Prefix::new(network, length).ok());
    prefixes
        .find(|prefix| prefix.network() == network)
        .unwrap_or(Prefix::host(network))
}

/// The prefixes with a route over `next_hop`, after (`prefix`, `protocol`), in order. Looks at all routes of the blocks
/// that have one.
pub(crate) fn behind<F: RouteFamily>(
    routes: &Routes<F>,
    next_hop: F::Address,
    after: Option<(Prefix<F>, Protocol)>,
) -> impl Iterator<Item = (Prefix<F>, Protocol)> + '_ {
    let first_block = after.map_or(F::Address::ZERO, |(prefix, _)| block_of(&prefix));
    let in_block = move |block: F::Address| {
        let first = match after {
            Some((prefix, _)) if block == first_block => prefix,
            _ => widest(block),
        };
        routes
            .range(RouteKey::first_of(first)..)
            .map(|(key, _)| key)
            .take_while(move |key| block_of(&key.prefix) == block)
    };
    let blocks = routes.index().blocks_behind(next_hop, first_block);
    blocks
        .flat_map(in_block)
        .filter(move |key| key.via == Via::NextHop(next_hop))
        .map(|key| (key.prefix, key.protocol))
        .filter(move |found| after.is_none_or(|after| *found > after))
}
