//! Why bytes or a text have no meaning.

use alloc::string::String;
use core::fmt;

/// Why bytes are not a PDU of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Fewer bytes than the fixed header, or than a length field promises.
    Truncated,
    /// The version field is not the one of this protocol.
    Version,
    /// A header length field is below the minimum or beyond the packet.
    HeaderLength,
    /// A total length field is below the header's length.
    TotalLength,
    /// The checksum does not match.
    Checksum,
    /// A field holds a value that this parser has no meaning for; the text names the field.
    Unsupported(&'static str),
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::Truncated => f.write_str("truncated"),
            ParseError::Version => f.write_str("wrong version"),
            ParseError::HeaderLength => f.write_str("impossible header length"),
            ParseError::TotalLength => f.write_str("impossible total length"),
            ParseError::Checksum => f.write_str("wrong checksum"),
            ParseError::Unsupported(field) => write!(f, "unsupported {field}"),
        }
    }
}

impl core::error::Error for ParseError {}

/// Why a text or a number is no address, prefix or mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// The text is no address of the family.
    Address(String),
    /// The text has no `/length`, or what follows the slash is no number.
    Length(String),
    /// The prefix length exceeds the family's width.
    TooLong {
        /// The length asked for, in bits.
        length: u8,
        /// The family's width, in bits.
        width: u8,
    },
    /// The mask has a one after a zero.
    Mask(core::net::Ipv4Addr),
    /// The text is no MAC address.
    Mac(String),
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressError::Address(text) => write!(f, "'{text}' is not an address"),
            AddressError::Length(text) => write!(f, "'{text}' has no valid prefix length"),
            AddressError::TooLong { length, width } => {
                write!(f, "prefix length {length} exceeds {width}")
            }
            AddressError::Mask(mask) => write!(f, "{mask} is not a contiguous mask"),
            AddressError::Mac(text) => write!(f, "'{text}' is not a MAC address"),
        }
    }
}

impl core::error::Error for AddressError {}
