//! Who takes part in a switchover, and in which order.
//!
//! A client has an id that never changes over releases and a sequence number that orders it among the others. The
//! order is meaning: the redundancy mode comes first, interface numbers before anything that names an interface,
//! configuration before line protocols, those before routing, and transport sessions last.
//!
//! `First Client` and `Last Client` belong to the facility itself. They bracket each progression in the history.

use alloc::collections::BTreeMap;
use core::fmt;

/// A client's fixed number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u32);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A part that takes part in a switchover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Client {
    /// Place in each progression, ascending. 1 to 64999 for everybody but the facility.
    pub sequence: u32,
    /// Fixed number, stable over releases.
    pub id: ClientId,
    /// Name as `show redundancy clients` prints it.
    pub name: &'static str,
}

impl Client {
    /// A client with this number, name and sequence number.
    pub const fn new(id: u32, name: &'static str, sequence: u32) -> Self {
        Self {
            sequence,
            id: ClientId(id),
            name,
        }
    }
}

impl fmt::Display for Client {
    /// The form of the history: `IfIndex(139)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name, self.id)
    }
}

/// Opens each progression.
pub const FIRST_CLIENT: Client = Client::new(0, "First Client", 0);
/// Closes each progression, once all others have finished.
pub const LAST_CLIENT: Client = Client::new(65000, "Last Client", 65000);
/// The redundancy mode itself.
pub const REDUNDANCY_MODE: Client = Client::new(29, "Redundancy Mode RF", 60);
/// Interface numbers.
pub const IF_INDEX: Client = Client::new(139, "IfIndex", 61);
/// The checkpoint facility.
pub const CHECKPOINT: Client = Client::new(25, "CHKPT RF", 68);
/// The chassis: slots, cards, epochs.
pub const PLATFORM: Client = Client::new(1340, "Holdover Platform RF", 101);
/// HSRP.
pub const HSRP: Client = Client::new(88, "HSRP", 110);
/// VRRP.
pub const VRRP: Client = Client::new(225, "VRRP", 112);
/// Download to the cards.
pub const XDR: Client = Client::new(71, "XDR RRP RF Client", 134);
/// The forwarding table.
pub const CEF: Client = Client::new(24, "CEF RRP RF Client", 135);
/// BFD.
pub const BFD: Client = Client::new(146, "BFD RF Client", 137);
/// Configuration synchronisation.
pub const CONFIG_SYNC: Client = Client::new(5, "Config Sync RF client", 158);
/// Frame Relay.
pub const FRAME_RELAY: Client = Client::new(23, "Frame Relay", 177);
/// HDLC.
pub const HDLC: Client = Client::new(49, "HDLC", 178);
/// Routing tables and static routes.
pub const IP_ROUTING: Client = Client::new(20, "IPROUTING NSF RF client", 200);
/// SNMP.
pub const SNMP: Client = Client::new(34, "SNMP RF Client", 215);
/// ATM.
pub const ATM: Client = Client::new(52, "ATM", 217);
/// The switchover history.
pub const HISTORY: Client = Client::new(35, "History RF Client", 226);
/// LDP.
pub const LDP: Client = Client::new(73, "LDP HA", 255);
/// ARP and adjacencies.
pub const ARP: Client = Client::new(57, "ARP", 257);
/// The router's own TCP sessions.
pub const TCP: Client = Client::new(1601, "TCP", 316);
/// BGP.
pub const BGP: Client = Client::new(1602, "BGP", 317);

/// Parts that are not SSO-aware: their state is lost at a switchover, and they start anew (`docs/what-survives.md`).
pub const NOT_AWARE: &[&str] = &[
    "Console sessions",
    "Commands under way",
    "ARP requests under way",
    "Debugging",
];

/// Why a client was not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationError {
    /// Another client has this number.
    DuplicateId(ClientId),
    /// The sequence number lies outside 1 to 64999, which the facility's own clients bracket.
    SequenceOutOfRange(u32),
}

impl fmt::Display for RegistrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegistrationError::DuplicateId(id) => write!(f, "RF client {id} is registered already"),
            RegistrationError::SequenceOutOfRange(sequence) => {
                write!(f, "RF client sequence {sequence} is not within 1 to 64999")
            }
        }
    }
}

impl core::error::Error for RegistrationError {}

/// All clients of one route processor, in the order in which progressions visit them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientRegistry {
    by_sequence: BTreeMap<(u32, ClientId), Client>,
}

impl ClientRegistry {
    /// A registry without clients, apart from the facility's own two.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a client. Two clients may share a sequence number; the lower id goes first.
    ///
    /// # Errors
    /// When the number is taken or the sequence number is not between those of the first and the last client.
    pub fn add(&mut self, client: Client) -> Result<(), RegistrationError> {
        if !(FIRST_CLIENT.sequence + 1..LAST_CLIENT.sequence).contains(&client.sequence) {
            return Err(RegistrationError::SequenceOutOfRange(client.sequence));
        }
        if self.all().any(|other| other.id == client.id) {
            return Err(RegistrationError::DuplicateId(client.id));
        }
        self.by_sequence.insert((client.sequence, client.id), client);
        Ok(())
    }

    /// The registered clients in sequence, without the facility's own two.
    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.by_sequence.values()
    }

    /// All clients in sequence, with `First Client` and `Last Client`: what `show redundancy clients` lists.
    pub fn all(&self) -> impl Iterator<Item = &Client> {
        core::iter::once(&FIRST_CLIENT)
            .chain(self.iter())
            .chain(core::iter::once(&LAST_CLIENT))
    }

    /// The registered client that follows this place in the order, or the first one.
    pub fn after(&self, place: Option<(u32, ClientId)>) -> Option<Client> {
        use core::ops::Bound::{Excluded, Unbounded};
        let from = place.map_or(Unbounded, Excluded);
        self.by_sequence
            .range((from, Unbounded))
            .next()
            .map(|(_, client)| *client)
    }

    /// The client with this number, one of the facility's own included.
    pub fn get(&self, id: ClientId) -> Option<Client> {
        self.all().find(|client| client.id == id).copied()
    }

    /// Number of clients, the facility's own two included (`client count` of `show redundancy states`).
    pub fn count(&self) -> usize {
        self.by_sequence.len() + 2
    }
}
