//! What a protocol installs, as a row.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use checkpoint::{Index, Key, Row, SortedMap};
use core::cmp::Ordering;
use core::ops::Bound;
use machine::PortId;
use packet::{Address, Family, InterfaceAddress, Prefix};

use crate::RouteFamily;
use crate::behind::{behind_key, widest};

/// Where a route comes from. The order is the tie-break between protocols of one distance.
///
/// The numbers leave room for more dynamic protocols between `Static` and `Generator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Protocol {
    /// An address of the router itself.
    Local = 0x08,
    /// The broadcast address (or the network's own) of a link: received, and never shown among the routes.
    Broadcast = 0x0c,
    /// A link's own network.
    Connected = 0x10,
    /// From `ip route`.
    Static = 0x20,
    /// From BGP.
    Bgp = 0x60,
    /// From the [`crate::Generator`].
    Generator = 0xf0,
}

impl Protocol {
    const ALL: [Protocol; 6] = [
        Protocol::Local,
        Protocol::Broadcast,
        Protocol::Connected,
        Protocol::Static,
        Protocol::Bgp,
        Protocol::Generator,
    ];

    /// The protocol with this number.
    pub fn from_number(number: u8) -> Option<Protocol> {
        Self::ALL.into_iter().find(|protocol| *protocol as u8 == number)
    }

    /// Distance of its routes unless configured otherwise, `0..=255`; the lower is preferred.
    pub const fn distance(self) -> u8 {
        match self {
            Protocol::Local | Protocol::Broadcast | Protocol::Connected => 0,
            Protocol::Static => 1,
            // What other ASs tell; see `Route::bgp` for the others.
            Protocol::Bgp => 20,
            Protocol::Generator => 200,
        }
    }

    /// The name that `show ip route` gives it in the detail of one route.
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Local | Protocol::Broadcast | Protocol::Connected => "connected",
            Protocol::Static => "static",
            Protocol::Bgp => "bgp",
            Protocol::Generator => "generator",
        }
    }
}

/// Where a route points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Via<F: Family> {
    /// To the router itself: an address that belongs to this port.
    Own(PortId),
    /// The destination itself is on this port's link.
    Attached(PortId),
    /// A neighbour on this port's link.
    Neighbor(PortId, F::Address),
    /// An address that is looked up among the routes in turn.
    NextHop(F::Address),
    /// Nowhere: dropped (`Null0`).
    Discard,
}

impl<F: Family> Via<F> {
    /// The port that it names.
    pub fn port(&self) -> Option<PortId> {
        match self {
            Via::Own(port) | Via::Attached(port) | Via::Neighbor(port, _) => Some(*port),
            Via::NextHop(_) | Via::Discard => None,
        }
    }
}

/// A route's identity: one protocol may have several ways to one prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteKey<F: Family> {
    /// Where to.
    pub prefix: Prefix<F>,
    /// Who says so.
    pub protocol: Protocol,
    /// Which way.
    pub via: Via<F>,
}

impl<F: Family> RouteKey<F> {
    #[inline(never)]
    fn cmp_within_prefix(&self, other: &Self) -> Ordering {
        (self.protocol, self.via).cmp(&(other.protocol, other.via))
    }
}

/// By prefix, protocol and way. Nearly always the prefix decides, so that is what a search has inlined.
impl<F: Family> Ord for RouteKey<F> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        match self.prefix.cmp(&other.prefix) {
            Ordering::Equal => self.cmp_within_prefix(other),
            different => different,
        }
    }
}

impl<F: Family> PartialOrd for RouteKey<F> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<F: Family> RouteKey<F> {
    /// The lowest key that `prefix` can have.
    pub(crate) fn first_of(prefix: Prefix<F>) -> RouteKey<F> {
        RouteKey {
            prefix,
            protocol: Protocol::Local,
            via: Via::Own(PortId::new(0, 0)),
        }
    }
}

const VIA_OWN: u8 = 1;
const VIA_ATTACHED: u8 = 2;
const VIA_NEIGHBOR: u8 = 3;
const VIA_NEXT_HOP: u8 = 4;
const VIA_DISCARD: u8 = 5;

/// Network bytes, length, protocol, kind of way, port (if any), address (if any).
impl<F: RouteFamily> Key for RouteKey<F> {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_prefix(&self.prefix, out);
        out.push(self.protocol as u8);
        match self.via {
            Via::Own(port) => {
                out.push(VIA_OWN);
                port.encode(out);
            }
            Via::Attached(port) => {
                out.push(VIA_ATTACHED);
                port.encode(out);
            }
            Via::Neighbor(port, address) => {
                out.push(VIA_NEIGHBOR);
                port.encode(out);
                encode_address::<F>(address, out);
            }
            Via::NextHop(address) => {
                out.push(VIA_NEXT_HOP);
                encode_address::<F>(address, out);
            }
            Via::Discard => out.push(VIA_DISCARD),
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (prefix, rest) = decode_prefix::<F>(bytes)?;
        let [protocol, kind, rest @ ..] = rest else {
            return None;
        };
        let via = match (*kind, rest) {
            (VIA_OWN, port) => Via::Own(PortId::decode(port)?),
            (VIA_ATTACHED, port) => Via::Attached(PortId::decode(port)?),
            (VIA_NEIGHBOR, rest) => {
                let (port, address) = rest.split_at_checked(4)?;
                Via::Neighbor(PortId::decode(port)?, decode_address::<F>(address)?)
            }
            (VIA_NEXT_HOP, address) => Via::NextHop(decode_address::<F>(address)?),
            (VIA_DISCARD, []) => Via::Discard,
            _ => return None,
        };
        Some(RouteKey {
            prefix,
            protocol: Protocol::from_number(*protocol)?,
            via,
        })
    }
}

pub(crate) fn encode_address<F: Family>(address: F::Address, out: &mut Vec<u8>) {
    out.extend_from_slice(address.to_bytes().as_ref());
}

pub(crate) fn decode_address<F: Family>(bytes: &[u8]) -> Option<F::Address> {
    (bytes.len() == usize::from(F::WIDTH / 8))
        .then(|| F::Address::from_bytes(bytes))
        .flatten()
}

pub(crate) fn encode_prefix<F: Family>(prefix: &Prefix<F>, out: &mut Vec<u8>) {
    encode_address::<F>(prefix.network(), out);
    out.push(prefix.len());
}

/// The prefix that starts `bytes`, and what follows it. Only what `encode_prefix` makes: no host bits.
pub(crate) fn decode_prefix<F: Family>(bytes: &[u8]) -> Option<(Prefix<F>, &[u8])> {
    let (network, rest) = bytes.split_at_checked(usize::from(F::WIDTH / 8))?;
    let (length, rest) = rest.split_first()?;
    let network = decode_address::<F>(network)?;
    let prefix = Prefix::new(network, *length).ok()?;
    (prefix.network() == network).then_some((prefix, rest))
}

/// What kind of route of its protocol it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum RouteType {
    /// The protocol has only one.
    #[default]
    Plain = 0,
    /// BGP: told by another AS.
    External = 1,
    /// BGP: told within our AS.
    Internal = 2,
    /// BGP: made by this router, such as an aggregate.
    Local = 3,
}

impl RouteType {
    /// All of them.
    pub const ALL: [RouteType; 4] = [
        RouteType::Plain,
        RouteType::External,
        RouteType::Internal,
        RouteType::Local,
    ];
}

/// How good a route is, and what else its protocol says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Trust in its protocol, `0..=255`; the lowest wins, 255 never does.
    pub distance: u8,
    /// What kind it is.
    pub route_type: RouteType,
    /// Its protocol's cost; the lowest wins among the routes of one protocol. For BGP the MED.
    pub metric: u32,
    /// For policy; for BGP the AS that told it. 0: none.
    pub tag: u32,
    /// The system's age in seconds when it came or last changed: [`Rib::insert`](crate::Rib::insert) sets it.
    pub since_s: u32,
}

impl Route {
    /// A route of metric 0 with its protocol's distance.
    pub const fn of(protocol: Protocol) -> Route {
        Route {
            distance: protocol.distance(),
            route_type: RouteType::Plain,
            metric: 0,
            tag: 0,
            since_s: 0,
        }
    }

    /// A route of BGP with the vendor's distance for its type (20 external, 200 internal and local).
    pub const fn bgp(route_type: RouteType, metric: u32, tag: u32) -> Route {
        let distance = match route_type {
            RouteType::External | RouteType::Plain => 20,
            RouteType::Internal | RouteType::Local => 200,
        };
        Route {
            distance,
            route_type,
            metric,
            tag,
            since_s: 0,
        }
    }

    /// Whether it says the same as `other`, however old they are.
    pub fn says_the_same(&self, other: &Route) -> bool {
        let since_s = self.since_s;
        *self == Route { since_s, ..*other }
    }
}

/// Tagged form of [`Route`].
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct RouteRecord {
    /// See [`Route::distance`].
    #[prost(uint32, tag = "1")]
    pub distance: u32,
    /// See [`Route::metric`].
    #[prost(uint32, tag = "2")]
    pub metric: u32,
    /// See [`Route::route_type`].
    #[prost(uint32, tag = "3")]
    pub route_type: u32,
    /// See [`Route::tag`].
    #[prost(uint32, tag = "4")]
    pub tag: u32,
    /// See [`Route::since_s`].
    #[prost(uint32, tag = "5")]
    pub since_s: u32,
}

impl Row for Route {
    type Record = RouteRecord;

    fn to_record(&self) -> RouteRecord {
        let Route {
            distance,
            route_type,
            metric,
            tag,
            since_s,
        } = *self;
        RouteRecord {
            distance: u32::from(distance),
            metric,
            route_type: u32::from(route_type as u8),
            tag,
            since_s,
        }
    }

    fn from_record(record: RouteRecord) -> Result<Self, &'static str> {
        let number = record.route_type;
        let mut types = RouteType::ALL.into_iter();
        Ok(Route {
            distance: u8::try_from(record.distance).map_err(|_| "distance")?,
            route_type: types
                .find(|known| u32::from(*known as u8) == number)
                .ok_or("route type")?,
            metric: record.metric,
            tag: record.tag,
            since_s: record.since_s,
        })
    }
}

/// The route that `ip route PREFIX MASK via [distance]` stands for.
pub fn static_route<F: Family>(prefix: Prefix<F>, via: Via<F>, distance: Option<u8>) -> (RouteKey<F>, Route) {
    let key = RouteKey {
        prefix,
        protocol: Protocol::Static,
        via,
    };
    let route = Route {
        distance: distance.unwrap_or(Protocol::Static.distance()),
        ..Route::of(Protocol::Static)
    };
    (key, route)
}

/// The keys that an interface with `address` on `port` has in the table of routes.
pub(crate) fn interface_keys<F: Family>(
    port: PortId,
    address: &InterfaceAddress<F>,
) -> BTreeSet<RouteKey<F>> {
    let prefix = address.prefix();
    let key = |prefix, protocol, via| RouteKey {
        prefix,
        protocol,
        via,
    };
    let own = Prefix::host(address.address());
    let mut keys = BTreeSet::from([
        key(prefix, Protocol::Connected, Via::Attached(port)),
        key(own, Protocol::Local, Via::Own(port)),
    ]);
    // Point-to-point and host prefixes have neither (RFC 3021, RFC 6164). IPv6 has no broadcast, but the network's
    // own address is the anycast address of its routers (RFC 4291 section 2.6.1).
    if prefix.len() + 2 <= F::WIDTH {
        let mut hosts = Vec::from([Prefix::host(prefix.network())]);
        if F::WIDTH == 32 {
            hosts.push(Prefix::host(prefix.last()));
        }
        hosts.retain(|host| *host != own);
        keys.extend(
            hosts
                .into_iter()
                .map(|host| key(host, Protocol::Broadcast, Via::Own(port))),
        );
    }
    keys
}

/// What the routes are found by, other than their prefix.
#[derive(Clone, Debug)]
pub struct RouteIndex<F: Family> {
    /// The router's own addresses and networks, by their port.
    links: BTreeSet<(PortId, RouteKey<F>)>,
    /// Other routes that name a port.
    ports: BTreeSet<(PortId, RouteKey<F>)>,
    /// Number of routes over a next hop, by that next hop and the block of addresses that their prefixes begin in: small
    /// enough to stay near the processor, and where to look for the routes themselves.
    dependents: SortedMap<(Prefix<F>, Prefix<F>), u32>,
    /// Static routes.
    statics: BTreeSet<RouteKey<F>>,
    /// Number of routes by prefix length: lengths without any need no look.
    lengths: BTreeMap<u8, u32>,
    /// Number of broadcast rows by classful network, because `show ip route` leaves them out.
    broadcasts: BTreeMap<Prefix<F>, u32>,
    /// Number of routes by protocol, type, and whether they are to a part of a classful network.
    counts: BTreeMap<(Protocol, RouteType, bool), u32>,
}

impl<F: Family> Default for RouteIndex<F> {
    fn default() -> Self {
        Self {
            links: BTreeSet::new(),
            ports: BTreeSet::new(),
            dependents: SortedMap::new(),
            statics: BTreeSet::new(),
            lengths: BTreeMap::new(),
            broadcasts: BTreeMap::new(),
            counts: BTreeMap::new(),
        }
    }
}

impl<F: RouteFamily> Index<RouteKey<F>, Route> for RouteIndex<F> {
    fn inserted(&mut self, key: &RouteKey<F>, route: &Route) {
        count_up(&mut self.counts, kind(key, route));
        if let Some(port) = key.via.port() {
            self.by_port(key.protocol).insert((port, *key));
        }
        if let Via::NextHop(address) = key.via {
            self.dependents.count_up(behind_key(address, &key.prefix));
        }
        if key.protocol == Protocol::Static {
            self.statics.insert(*key);
        }
        count_up(&mut self.lengths, key.prefix.len());
        if let Some(major) = broadcast_major(key) {
            count_up(&mut self.broadcasts, major);
        }
    }

    fn removed(&mut self, key: &RouteKey<F>, route: &Route) {
        count_down(&mut self.counts, kind(key, route));
        if let Some(port) = key.via.port() {
            self.by_port(key.protocol).remove(&(port, *key));
        }
        if let Via::NextHop(address) = key.via {
            self.dependents.count_down(&behind_key(address, &key.prefix));
        }
        if key.protocol == Protocol::Static {
            self.statics.remove(key);
        }
        count_down(&mut self.lengths, key.prefix.len());
        if let Some(major) = broadcast_major(key) {
            count_down(&mut self.broadcasts, major);
        }
    }
}

fn kind<F: RouteFamily>(key: &RouteKey<F>, route: &Route) -> (Protocol, RouteType, bool) {
    let major = F::major_network(&key.prefix);
    let is_subnet = major.is_some_and(|major| major.len() < key.prefix.len());
    (key.protocol, route.route_type, is_subnet)
}

fn broadcast_major<F: RouteFamily>(key: &RouteKey<F>) -> Option<Prefix<F>> {
    (key.protocol == Protocol::Broadcast)
        .then(|| F::major_network(&key.prefix))
        .flatten()
}

pub(crate) fn count_up<K: Ord>(counts: &mut BTreeMap<K, u32>, key: K) {
    *counts.entry(key).or_default() += 1;
}

pub(crate) fn count_down<K: Ord>(counts: &mut BTreeMap<K, u32>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

impl<F: RouteFamily> RouteIndex<F> {
    fn by_port(&mut self, protocol: Protocol) -> &mut BTreeSet<(PortId, RouteKey<F>)> {
        match protocol {
            Protocol::Local | Protocol::Broadcast | Protocol::Connected => &mut self.links,
            Protocol::Static | Protocol::Bgp | Protocol::Generator => &mut self.ports,
        }
    }

    /// The keys that the interface on `port` has because of its address.
    pub(crate) fn links_on(&self, port: PortId) -> impl Iterator<Item = &RouteKey<F>> {
        on_port(&self.links, port, None)
    }

    /// The other routes that name `port`, after `after`.
    pub(crate) fn routes_on(
        &self,
        port: PortId,
        after: Option<RouteKey<F>>,
    ) -> impl Iterator<Item = &RouteKey<F>> {
        on_port(&self.ports, port, after)
    }

    /// Whether a link is up on `port`: it is while its network is connected.
    pub(crate) fn port_is_up(&self, port: PortId) -> bool {
        self.links_on(port).any(|key| key.protocol == Protocol::Connected)
    }

    /// Whether there is a route over `next_hop`.
    pub(crate) fn is_used(&self, next_hop: F::Address) -> bool {
        self.blocks_behind(next_hop, F::Address::ZERO).next().is_some()
    }

    /// The blocks with routes over `next_hop`, from the block `first` on.
    pub(crate) fn blocks_behind(
        &self,
        next_hop: F::Address,
        first: F::Address,
    ) -> impl Iterator<Item = F::Address> + '_ {
        let next_hop = Prefix::host(next_hop);
        self.dependents
            .range((next_hop, widest(first))..)
            .map(|(key, _)| key)
            .take_while(move |(address, _)| *address == next_hop)
            .map(|(_, block)| block.network())
    }

    /// All static routes.
    pub(crate) fn statics(&self) -> &BTreeSet<RouteKey<F>> {
        &self.statics
    }

    /// Prefix lengths that occur, longest first.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = u8> + '_ {
        self.lengths.keys().rev().copied()
    }

    /// Number of routes by protocol, type, and whether they are to a part of a classful network.
    pub(crate) fn counts(&self) -> &BTreeMap<(Protocol, RouteType, bool), u32> {
        &self.counts
    }

    /// Broadcast rows in the classful network `major`.
    pub(crate) fn broadcasts_in(&self, major: &Prefix<F>) -> u32 {
        self.broadcasts.get(major).copied().unwrap_or(0)
    }
}

fn on_port<F: Family>(
    keys: &BTreeSet<(PortId, RouteKey<F>)>,
    port: PortId,
    after: Option<RouteKey<F>>,
) -> impl Iterator<Item = &RouteKey<F>> {
    let start = match after {
        Some(key) => Bound::Excluded((port, key)),
        None => Bound::Included((port, RouteKey::first_of(Prefix::DEFAULT))),
    };
    keys.range((start, Bound::Unbounded))
        .take_while(move |(at, _)| *at == port)
        .map(|(_, key)| key)
}
