//! What names a session.

use alloc::vec::Vec;
use checkpoint::Key;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// An address and a port.
    pub fn new(address: impl Into<IpAddr>, port: u16) -> Self {
        Self {
            address: address.into(),
            port,
        }
    }
}

impl fmt::Display for Endpoint {
    /// `192.0.2.1.179`, as operators of routers write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.address, self.port)
    }
}

/// Both ends of a session. There is one session between two endpoints at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionKey {
    /// This router's end.
    pub local: Endpoint,
    /// The peer's end.
    pub remote: Endpoint,
}

const V4: u8 = 4;
const V6: u8 = 6;

fn encode_endpoint(endpoint: &Endpoint, out: &mut Vec<u8>) {
    match endpoint.address {
        IpAddr::V4(address) => {
            out.push(V4);
            out.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            out.push(V6);
            out.extend_from_slice(&address.octets());
        }
    }
    out.extend_from_slice(&endpoint.port.to_be_bytes());
}

fn decode_endpoint(bytes: &[u8]) -> Option<(Endpoint, &[u8])> {
    let (&family, rest) = bytes.split_first()?;
    let (address, rest) = match family {
        V4 => {
            let (octets, rest) = rest.split_first_chunk::<4>()?;
            (IpAddr::V4(Ipv4Addr::from(*octets)), rest)
        }
        V6 => {
            let (octets, rest) = rest.split_first_chunk::<16>()?;
            (IpAddr::V6(Ipv6Addr::from(*octets)), rest)
        }
        _ => return None,
    };
    let (port, rest) = rest.split_first_chunk::<2>()?;
    let port = u16::from_be_bytes(*port);
    Some((Endpoint { address, port }, rest))
}

impl ConnectionKey {
    fn decode_first(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (local, rest) = decode_endpoint(bytes)?;
        let (remote, rest) = decode_endpoint(rest)?;
        Some((Self { local, remote }, rest))
    }
}

impl Key for ConnectionKey {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_endpoint(&self.local, out);
        encode_endpoint(&self.remote, out);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        match ConnectionKey::decode_first(bytes)? {
            (key, []) => Some(key),
            _ => None,
        }
    }
}

/// Names bytes of a session that the peer has not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SentKey {
    /// The session.
    pub connection: ConnectionKey,
    /// Bytes of the stream before these.
    pub offset: u64,
}

impl Key for SentKey {
    fn encode(&self, out: &mut Vec<u8>) {
        self.connection.encode(out);
        out.extend_from_slice(&self.offset.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (connection, rest) = ConnectionKey::decode_first(bytes)?;
        let offset = u64::from_be_bytes(rest.try_into().ok()?);
        Some(Self { connection, offset })
    }
}
