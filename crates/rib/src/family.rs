//! What an address family brings along to be routed.

use chassis::rows::DownloadFamily;
use checkpoint::TableId;
use packet::{Address, Family, Prefix, V4, V6};

/// An address family with its own routing tables.
pub trait RouteFamily: DownloadFamily {
    /// Number of the table of routes.
    const ROUTE_TABLE: TableId;
    /// Number of the table of resolved next hops.
    const NEXT_HOP_TABLE: TableId;
    /// Number of the table of unfinished sweeps.
    const SWEEP_TABLE: TableId;
    /// Number of the table of routes that other protocols may tell.
    const OFFER_TABLE: TableId;
    /// Number of the table of protocols that hold a sweep back.
    const HOLD_TABLE: TableId;

    /// The classful network that `prefix` lies in, by which `show ip route` groups; `None` where there is none, or
    /// where the prefix is wider than it.
    fn major_network(prefix: &Prefix<Self>) -> Option<Prefix<Self>>;
}

impl RouteFamily for V4 {
    const ROUTE_TABLE: TableId = TableId(20);
    const NEXT_HOP_TABLE: TableId = TableId(22);
    const SWEEP_TABLE: TableId = TableId(23);
    const OFFER_TABLE: TableId = TableId(27);
    const HOLD_TABLE: TableId = TableId(29);

    fn major_network(prefix: &Prefix<V4>) -> Option<Prefix<V4>> {
        // Classes A, B and C of RFC 791.
        let length = match prefix.network().octets()[0] {
            0..=127 => 8,
            128..=191 => 16,
            192..=223 => 24,
            224..=255 => return None,
        };
        enclosing(prefix, length)
    }
}

impl RouteFamily for V6 {
    const ROUTE_TABLE: TableId = TableId(24);
    const NEXT_HOP_TABLE: TableId = TableId(25);
    const SWEEP_TABLE: TableId = TableId(26);
    const OFFER_TABLE: TableId = TableId(28);
    const HOLD_TABLE: TableId = TableId(33);

    fn major_network(_: &Prefix<V6>) -> Option<Prefix<V6>> {
        None
    }
}

/// The prefix of `length` bits around `prefix`, if that is not longer.
pub(crate) fn enclosing<F: Family>(prefix: &Prefix<F>, length: u8) -> Option<Prefix<F>> {
    if length > prefix.len() {
        return None;
    }
    Prefix::new(prefix.network().masked(length), length).ok()
}
