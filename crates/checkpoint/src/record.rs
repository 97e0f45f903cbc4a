//! The unit of checkpointed state.

use alloc::vec::Vec;
use core::fmt;

/// Fixed number of a table; never reused for another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub u16);

/// Why a row could not be taken from its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// The bytes of the key are not a key of this table.
    Key(TableId),
    /// The value is not a record of this table, or a field has a value that its type does not allow.
    Value(TableId, &'static str),
    /// No table has this number here: the peer knows a client that this release does not.
    UnknownTable(TableId),
    /// The list of rows ends in the middle of a row.
    Truncated,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordError::Key(table) => write!(f, "malformed key in checkpoint table {}", table.0),
            RecordError::Value(table, what) => write!(f, "malformed {what} in checkpoint table {}", table.0),
            RecordError::UnknownTable(table) => write!(f, "unknown checkpoint table {}", table.0),
            RecordError::Truncated => f.write_str("checkpoint rows end in the middle of a row"),
        }
    }
}

impl core::error::Error for RecordError {}

/// A row's key. The encoding keeps the order: `a < b` exactly when `encode(a) < encode(b)` byte by byte, so that a
/// walk's position can be compared with any key without knowing its type.
pub trait Key: Ord + Clone {
    /// Appends the key's bytes, at most 255.
    fn encode(&self, out: &mut Vec<u8>);
    /// Reverse of `encode`; `None` for bytes that `encode` never makes.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

impl Key for u32 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    }
}

impl Key for u64 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(u64::from_be_bytes(bytes.try_into().ok()?))
    }
}

impl Key for machine::PortId {
    fn encode(&self, out: &mut Vec<u8>) {
        self.to_u32().encode(out);
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        machine::PortId::from_u32(u32::decode(bytes)?)
    }
}

impl Key for machine::CardSlot {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.0);
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [slot] if *slot <= machine::CardSlot::MAX => Some(machine::CardSlot(*slot)),
            _ => None,
        }
    }
}

impl Key for machine::ChassisSlot {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.number());
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [number] => machine::ChassisSlot::from_number(*number),
            _ => None,
        }
    }
}

/// A domain value that can be a row.
///
/// Implementations destructure `Self` without `..` in `to_record`: a new field then does not compile until somebody
/// has decided whether it survives a switchover.
pub trait Row: Clone {
    /// The tagged form of the value (protobuf encoding).
    type Record: prost::Message + Default;
    /// The value as a record.
    fn to_record(&self) -> Self::Record;
    /// The value that a record stands for.
    ///
    /// # Errors
    /// The name of the field that holds what its type does not allow.
    fn from_record(record: Self::Record) -> Result<Self, &'static str>;
}

/// Hash of one encoded row. Digests are sums of these, so they do not depend on the order of edits.
pub fn row_hash(table: TableId, key: &[u8], value: &[u8]) -> u64 {
    let seed = u64::from(table.0) << 32 | key.len() as u64;
    let key_hash = xxhash_rust::xxh3::xxh3_64_with_seed(key, seed);
    // Zero means "not in the digest"; a real row never hashes to it.
    xxhash_rust::xxh3::xxh3_64_with_seed(value, key_hash).max(1)
}
