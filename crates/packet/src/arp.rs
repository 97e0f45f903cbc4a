//! Address resolution for IPv4 over Ethernet (RFC 826).

use core::net::Ipv4Addr;

use crate::{Address, MacAddress, ParseError};

/// Length of an ARP packet for IPv4 over Ethernet, in bytes.
pub const PACKET_LEN: usize = 28;

const HARDWARE_ETHERNET: u16 = 1;
const PROTOCOL_IPV4: u16 = 0x0800;

/// What an ARP packet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Who has the target's address?
    Request,
    /// The sender has.
    Reply,
}

/// A view of an ARP packet for IPv4 over Ethernet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<T>(T);

impl<T: AsRef<[u8]>> Packet<T> {
    /// Wraps `bytes` when they hold a whole packet; what follows (padding) is ignored.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] for fewer than [`PACKET_LEN`] bytes.
    pub fn new_checked(bytes: T) -> Result<Self, ParseError> {
        if bytes.as_ref().len() < PACKET_LEN {
            Err(ParseError::Truncated)
        } else {
            Ok(Packet(bytes))
        }
    }

    fn word(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.0.as_ref()[at], self.0.as_ref()[at + 1]])
    }

    /// Hardware type; 1 is Ethernet.
    pub fn hardware_type(&self) -> u16 {
        self.word(0)
    }

    /// Protocol type; 0x0800 is IPv4.
    pub fn protocol_type(&self) -> u16 {
        self.word(2)
    }

    /// Lengths of a hardware and of a protocol address, in bytes.
    pub fn address_lengths(&self) -> (u8, u8) {
        (self.0.as_ref()[4], self.0.as_ref()[5])
    }

    /// Operation as a number.
    pub fn operation(&self) -> u16 {
        self.word(6)
    }

    fn mac(&self, at: usize) -> MacAddress {
        MacAddress::from_bytes(&self.0.as_ref()[at..]).unwrap_or_default()
    }

    fn address(&self, at: usize) -> Ipv4Addr {
        Address::from_bytes(&self.0.as_ref()[at..]).unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    /// The sender's MAC address.
    pub fn sender_mac(&self) -> MacAddress {
        self.mac(8)
    }

    /// The sender's IPv4 address.
    pub fn sender_address(&self) -> Ipv4Addr {
        self.address(14)
    }

    /// The target's MAC address; of no meaning in a request.
    pub fn target_mac(&self) -> MacAddress {
        self.mac(18)
    }

    /// The target's IPv4 address.
    pub fn target_address(&self) -> Ipv4Addr {
        self.address(24)
    }
}

/// The parsed packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Request or reply.
    pub operation: Operation,
    /// Who sends.
    pub sender_mac: MacAddress,
    /// The sender's address; unspecified in a probe (RFC 5227).
    pub sender_address: Ipv4Addr,
    /// Who is meant; zero in a request.
    pub target_mac: MacAddress,
    /// The address asked for or answered to.
    pub target_address: Ipv4Addr,
}

impl Repr {
    /// Reads a packet.
    ///
    /// # Errors
    /// [`ParseError::Unsupported`] for other hardware, protocols, address lengths or operations.
    pub fn parse<T: AsRef<[u8]>>(packet: &Packet<T>) -> Result<Repr, ParseError> {
        if packet.hardware_type() != HARDWARE_ETHERNET {
            return Err(ParseError::Unsupported("ARP hardware type"));
        }
        if packet.protocol_type() != PROTOCOL_IPV4 {
            return Err(ParseError::Unsupported("ARP protocol type"));
        }
        if packet.address_lengths() != (6, 4) {
            return Err(ParseError::Unsupported("ARP address length"));
        }
        let operation = match packet.operation() {
            1 => Operation::Request,
            2 => Operation::Reply,
            _ => return Err(ParseError::Unsupported("ARP operation")),
        };
        Ok(Repr {
            operation,
            sender_mac: packet.sender_mac(),
            sender_address: packet.sender_address(),
            target_mac: packet.target_mac(),
            target_address: packet.target_address(),
        })
    }

    /// The question who has `target`, asked by `sender`.
    pub const fn request(sender_mac: MacAddress, sender: Ipv4Addr, target: Ipv4Addr) -> Repr {
        Repr {
            operation: Operation::Request,
            sender_mac,
            sender_address: sender,
            target_mac: MacAddress::ZERO,
            target_address: target,
        }
    }

    /// The answer to this packet by the owner of its target address, whose MAC address is `mac`.
    pub const fn reply(&self, mac: MacAddress) -> Repr {
        Repr {
            operation: Operation::Reply,
            sender_mac: mac,
            sender_address: self.target_address,
            target_mac: self.sender_mac,
            target_address: self.sender_address,
        }
    }

    /// The announcement that `mac` owns `address` (RFC 5227 section 2.3): a request for the own address.
    pub const fn gratuitous(mac: MacAddress, address: Ipv4Addr) -> Repr {
        Repr::request(mac, address, address)
    }

    /// Bytes that [`Repr::emit`] writes.
    pub const fn buffer_len(&self) -> usize {
        PACKET_LEN
    }

    /// Writes the packet to the start of `buffer`.
    ///
    /// # Panics
    /// When `buffer` is shorter than [`Repr::buffer_len`].
    pub fn emit(&self, buffer: &mut [u8]) {
        let buffer = &mut buffer[..PACKET_LEN];
        buffer[0..2].copy_from_slice(&HARDWARE_ETHERNET.to_be_bytes());
        buffer[2..4].copy_from_slice(&PROTOCOL_IPV4.to_be_bytes());
        buffer[4] = 6;
        buffer[5] = 4;
        let operation: u16 = match self.operation {
            Operation::Request => 1,
            Operation::Reply => 2,
        };
        buffer[6..8].copy_from_slice(&operation.to_be_bytes());
        buffer[8..14].copy_from_slice(&self.sender_mac.0);
        buffer[14..18].copy_from_slice(&self.sender_address.octets());
        buffer[18..24].copy_from_slice(&self.target_mac.0);
        buffer[24..28].copy_from_slice(&self.target_address.octets());
    }
}
