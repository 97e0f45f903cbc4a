//! Why a command of `router bgp` is refused.

use alloc::string::String;
use core::fmt;
use core::net::Ipv4Addr;

use super::NeighborName;
use crate::error::ReturnCode;

/// Why a command of `router bgp` was refused. The text (`Display`) is one console line without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BgpError {
    /// A router has one BGP process, and this is its AS.
    AlreadyRunning(u32),
    /// There is no BGP process.
    NotRunning,
    /// The neighbour has neither an AS nor a peer group that has one.
    SpecifyRemoteAs,
    /// There is no such peer group.
    NoPeerGroup,
    /// The address is this router's.
    LocalSystem,
    /// No neighbour can have this address.
    NeighborAddress(Ipv4Addr),
    /// The setting is for peer groups, and this is an address; or the other way round.
    NotForThis(NeighborName),
    /// Not the name of a peer group.
    PeerGroupName,
    /// Hold time of 1 or 2 seconds (RFC 4271, section 4.2), or no longer than the keepalive time.
    Timers,
    /// `ebgp-multihop` while there is `ttl-security`.
    RemoveTtlSecurity,
    /// `ttl-security` while there is `ebgp-multihop`.
    RemoveMultihop,
    /// Longer than 80 bytes, or control characters.
    Description,
    /// So many bytes of text for the neighbour's operator are too many.
    CommunicationLength(usize),
    /// Control characters in it.
    CommunicationCharacters,
    /// What is wrong with a password.
    Password(String),
    /// Not a router identifier.
    Identifier(Ipv4Addr),
    /// Not a network.
    Network,
    /// Nothing of that kind is configured.
    NotConfigured,
    /// The name of a list or route map is too long.
    Name,
    /// So many neighbours are there already.
    NeighborLimit(usize),
    /// So many networks are there already.
    NetworkLimit(usize),
}

impl BgpError {
    /// The number under which route processors compare this outcome.
    pub const fn code(&self) -> ReturnCode {
        match self {
            BgpError::AlreadyRunning(_) | BgpError::NotRunning => ReturnCode::BadProcess,
            BgpError::SpecifyRemoteAs | BgpError::NoPeerGroup | BgpError::NotConfigured => {
                ReturnCode::NoSuchEntry
            }
            BgpError::LocalSystem
            | BgpError::NeighborAddress(_)
            | BgpError::NotForThis(_)
            | BgpError::PeerGroupName => ReturnCode::BadNeighbor,
            BgpError::Timers
            | BgpError::RemoveTtlSecurity
            | BgpError::RemoveMultihop
            | BgpError::Password(_)
            | BgpError::CommunicationLength(_)
            | BgpError::CommunicationCharacters
            | BgpError::Identifier(_)
            | BgpError::Name => ReturnCode::BadValue,
            BgpError::Description => ReturnCode::BadDescription,
            BgpError::Network => ReturnCode::BadDestination,
            BgpError::NeighborLimit(_) | BgpError::NetworkLimit(_) => ReturnCode::LimitReached,
        }
    }
}

impl fmt::Display for BgpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BgpError::AlreadyRunning(number) => write!(f, "BGP is already running; AS is {number}"),
            BgpError::NotRunning => f.write_str("% BGP is not running"),
            BgpError::SpecifyRemoteAs => f.write_str("% Specify remote-as or peer-group commands first"),
            BgpError::NoPeerGroup => f.write_str("% Create the peer-group first"),
            BgpError::LocalSystem => f.write_str("% Cannot configure the local system as neighbor"),
            BgpError::NeighborAddress(address) => {
                write!(f, "% Not a valid neighbor address - {address}")
            }
            BgpError::NotForThis(NeighborName::Address(_)) => {
                f.write_str("% Invalid command for a neighbor address: give the name of a peer-group")
            }
            BgpError::NotForThis(NeighborName::PeerGroup(_)) => {
                f.write_str("% Invalid command for a peer-group: give the address of a neighbor")
            }
            BgpError::PeerGroupName => f.write_str(
                "% Invalid peer-group name: 63 characters at most, the first of them a letter",
            ),
            BgpError::Timers => f.write_str(
                "% Invalid timers: the hold time is 0, or 3 seconds at least and more than the keepalive time",
            ),
            BgpError::RemoveTtlSecurity => {
                f.write_str("% Remove ttl-security before configuring ebgp-multihop")
            }
            BgpError::RemoveMultihop => f.write_str("% Remove ebgp-multihop before configuring ttl-security"),
            BgpError::Description => {
                f.write_str("% Description refused: 80 bytes at most, no control characters")
            }
            BgpError::CommunicationLength(length) => write!(
                f,
                "% Message refused: it has {length} bytes, and a neighbor is told 255 at most (RFC 9003): shorten it"
            ),
            BgpError::CommunicationCharacters => f.write_str("% Message refused: no control characters"),
            BgpError::Password(fault) => f.write_str(fault),
            BgpError::Identifier(address) => write!(f, "% Bad router-id or cluster-id - {address}"),
            BgpError::Network => f.write_str("% BGP: Incorrect network or mask/prefix-length configured"),
            BgpError::NotConfigured => f.write_str("% Nothing of that kind is configured"),
            BgpError::Name => f.write_str("% Name refused: 63 characters at most"),
            BgpError::NeighborLimit(limit) => {
                write!(f, "% Limit of {limit} BGP neighbors reached: remove one first")
            }
            BgpError::NetworkLimit(limit) => {
                write!(f, "% Limit of {limit} BGP networks reached: remove one first")
            }
        }
    }
}
