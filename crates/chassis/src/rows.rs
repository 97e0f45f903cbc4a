//! The tables that a route processor downloads to its cards.
//!
//! They are ordinary checkpointed tables of the RP; a card gets the very bytes that the standby got, so that one
//! digest speaks for all three.

use alloc::vec::Vec;
use checkpoint::{Key, Row, TableId};
use machine::PortId;
use packet::{Address, Family, InterfaceAddress, MacAddress, Prefix, V4, V6};

/// Configuration of each port, by [`PortId`].
pub const PORT_CONFIGURATION_TABLE: TableId = TableId(10);
/// IPv4 adjacencies, by [`AdjacencyKey`].
pub const ADJACENCY_V4_TABLE: TableId = TableId(11);
/// The IPv4 FIB, by [`PrefixKey`].
pub const FIB_V4_TABLE: TableId = TableId(12);

/// An address family with its own downloaded tables.
pub trait DownloadFamily: Family {
    /// Number of the family's adjacency table.
    const ADJACENCY_TABLE: TableId;
    /// Number of the family's FIB.
    const FIB_TABLE: TableId;
}

impl DownloadFamily for V4 {
    const ADJACENCY_TABLE: TableId = ADJACENCY_V4_TABLE;
    const FIB_TABLE: TableId = FIB_V4_TABLE;
}

impl DownloadFamily for V6 {
    const ADJACENCY_TABLE: TableId = TableId(13);
    const FIB_TABLE: TableId = TableId(14);
}

/// What an operator and the chassis make of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortConfiguration {
    /// False after `shutdown`.
    pub admin_up: bool,
    /// Largest IP packet, in bytes.
    pub mtu: u16,
    /// The port's own address on its wire.
    pub mac: MacAddress,
    /// The port's IPv4 address and the length of the network's prefix.
    pub ipv4: Option<InterfaceAddress<V4>>,
}

/// Tagged form of [`PortConfiguration`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct PortConfigurationRecord {
    /// See [`PortConfiguration::admin_up`].
    #[prost(bool, tag = "1")]
    pub admin_up: bool,
    /// See [`PortConfiguration::mtu`].
    #[prost(uint32, tag = "2")]
    pub mtu: u32,
    /// Six bytes.
    #[prost(bytes = "vec", tag = "3")]
    pub mac: Vec<u8>,
    /// Four bytes; empty without an address.
    #[prost(bytes = "vec", tag = "4")]
    pub ipv4_address: Vec<u8>,
    /// 0 to 32.
    #[prost(uint32, tag = "5")]
    pub ipv4_prefix_length: u32,
}

impl Row for PortConfiguration {
    type Record = PortConfigurationRecord;

    fn to_record(&self) -> PortConfigurationRecord {
        let PortConfiguration {
            admin_up,
            mtu,
            mac,
            ipv4,
        } = self;
        PortConfigurationRecord {
            admin_up: *admin_up,
            mtu: u32::from(*mtu),
            mac: mac.0.to_vec(),
            ipv4_address: ipv4
                .as_ref()
                .map_or(Vec::new(), |address| address_bytes::<V4>(address.address())),
            ipv4_prefix_length: ipv4.as_ref().map_or(0, |address| u32::from(address.prefix_len())),
        }
    }

    fn from_record(record: PortConfigurationRecord) -> Result<Self, &'static str> {
        let ipv4 = if record.ipv4_address.is_empty() {
            None
        } else {
            let address = address_from::<V4>(&record.ipv4_address).ok_or("ipv4 address")?;
            let length = u8::try_from(record.ipv4_prefix_length).map_err(|_| "ipv4 prefix length")?;
            Some(InterfaceAddress::new(address, length).map_err(|_| "ipv4 prefix length")?)
        };
        Ok(PortConfiguration {
            admin_up: record.admin_up,
            mtu: u16::try_from(record.mtu).map_err(|_| "mtu")?,
            mac: mac_from(&record.mac).ok_or("mac address")?,
            ipv4,
        })
    }
}

/// Whose link-layer address an adjacency is: a next hop on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AdjacencyKey<F: Family> {
    /// The port behind which the neighbour is.
    pub port: PortId,
    /// The neighbour's address.
    pub next_hop: F::Address,
}

impl<F: DownloadFamily> Key for AdjacencyKey<F> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.port.encode(out);
        out.extend_from_slice(self.next_hop.to_bytes().as_ref());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (port, address) = bytes.split_at_checked(4)?;
        Some(AdjacencyKey {
            port: PortId::decode(port)?,
            next_hop: address_from::<F>(address)?,
        })
    }
}

/// A resolved adjacency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adjacency {
    /// The neighbour's address on the wire.
    pub mac: MacAddress,
}

/// Tagged form of [`Adjacency`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct AdjacencyRecord {
    /// Six bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub mac: Vec<u8>,
}

impl Row for Adjacency {
    type Record = AdjacencyRecord;

    fn to_record(&self) -> AdjacencyRecord {
        let Adjacency { mac } = self;
        AdjacencyRecord { mac: mac.0.to_vec() }
    }

    fn from_record(record: AdjacencyRecord) -> Result<Self, &'static str> {
        Ok(Adjacency {
            mac: mac_from(&record.mac).ok_or("mac address")?,
        })
    }
}

/// A prefix as a key: network bytes, then the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PrefixKey<F: Family>(pub Prefix<F>);

impl<F: Family> Key for PrefixKey<F> {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.network().to_bytes().as_ref());
        out.push(self.0.len());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (length, network) = bytes.split_last()?;
        let network = address_from::<F>(network)?;
        let prefix = Prefix::new(network, *length).ok()?;
        // A network with host bits is no key: two encodings of one key would break the digest.
        (prefix.network() == network).then_some(PrefixKey(prefix))
    }
}

/// One way to a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path<F: Family> {
    /// The port to leave by.
    pub port: PortId,
    /// The neighbour to hand the packet to; `None` when the destination itself is on the port's network.
    pub next_hop: Option<F::Address>,
}

/// What a card does with a packet to a prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FibEntry<F: Family> {
    /// One of the router's own addresses: punt.
    Receive,
    /// Drop, and count it.
    Drop,
    /// Forward over one of these paths, the same one for all packets of a flow. Never empty.
    Via(Vec<Path<F>>),
}

/// Tagged form of [`FibEntry`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct FibEntryRecord {
    /// 1 receive, 2 drop, 3 via.
    #[prost(uint32, tag = "1")]
    pub action: u32,
    /// The paths of `via`.
    #[prost(message, repeated, tag = "2")]
    pub paths: Vec<PathRecord>,
}

/// Tagged form of [`Path`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct PathRecord {
    /// [`PortId::to_u32`].
    #[prost(uint32, tag = "1")]
    pub port: u32,
    /// The address's bytes; empty for an attached destination.
    #[prost(bytes = "vec", tag = "2")]
    pub next_hop: Vec<u8>,
}

impl<F: DownloadFamily> Row for FibEntry<F> {
    type Record = FibEntryRecord;

    fn to_record(&self) -> FibEntryRecord {
        let (action, paths) = match self {
            FibEntry::Receive => (1, Vec::new()),
            FibEntry::Drop => (2, Vec::new()),
            FibEntry::Via(paths) => (3, paths.iter().map(path_record).collect()),
        };
        FibEntryRecord { action, paths }
    }

    fn from_record(record: FibEntryRecord) -> Result<Self, &'static str> {
        match record.action {
            1 => Ok(FibEntry::Receive),
            2 => Ok(FibEntry::Drop),
            3 if !record.paths.is_empty() => Ok(FibEntry::Via(
                record.paths.iter().map(path_from).collect::<Result<_, _>>()?,
            )),
            _ => Err("fib action"),
        }
    }
}

/// A path as its record; shared by every table that holds paths.
pub fn path_record<F: DownloadFamily>(path: &Path<F>) -> PathRecord {
    let Path { port, next_hop } = path;
    PathRecord {
        port: port.to_u32(),
        next_hop: next_hop.map_or(Vec::new(), |address| address_bytes::<F>(address)),
    }
}

/// A path from its record.
///
/// # Errors
/// The name of the field that is malformed.
pub fn path_from<F: DownloadFamily>(record: &PathRecord) -> Result<Path<F>, &'static str> {
    let next_hop = match record.next_hop.as_slice() {
        [] => None,
        bytes => Some(address_from::<F>(bytes).ok_or("next hop")?),
    };
    Ok(Path {
        port: PortId::from_u32(record.port).ok_or("port")?,
        next_hop,
    })
}

fn address_bytes<F: Family>(address: F::Address) -> Vec<u8> {
    address.to_bytes().as_ref().to_vec()
}

fn address_from<F: Family>(bytes: &[u8]) -> Option<F::Address> {
    if bytes.len() != usize::from(F::WIDTH / 8) {
        return None;
    }
    F::Address::from_bytes(bytes)
}

fn mac_from(bytes: &[u8]) -> Option<MacAddress> {
    if bytes.len() != 6 {
        return None;
    }
    MacAddress::from_bytes(bytes)
}
