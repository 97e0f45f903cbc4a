//! Why a command about policy is refused.

use alloc::string::String;
use core::fmt;

use packet::{Prefix, V4};

use crate::error::ReturnCode;
use crate::pattern::PatternErrorKind;

/// Why a command about policy was refused. The text (`Display`) is one console line without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// Lengths that do not fit together.
    Range(Prefix<V4>),
    /// The list has that very entry, under another number.
    EntryExists(String),
    /// The number has another entry.
    SequenceExists(String),
    /// There is no number left behind the last one.
    NoSequence,
    /// Not a name.
    Name,
    /// A list of that name is of the other kind.
    OtherKind(String),
    /// Not a regular expression, at this character from 0.
    Pattern(usize, PatternErrorKind),
    /// There is no such list or entry.
    NoList(String),
    /// There is no such entry.
    NoEntry,
    /// There is no such route map.
    NoRouteMap(String),
    /// There is no such line.
    NoLine,
    /// A description that is too long.
    Description,
    /// So many entries are there already.
    Limit(usize),
}

impl PolicyError {
    /// The number under which route processors compare this outcome.
    pub const fn code(&self) -> ReturnCode {
        match self {
            PolicyError::Range(_)
            | PolicyError::Name
            | PolicyError::OtherKind(_)
            | PolicyError::Pattern(..)
            | PolicyError::EntryExists(_)
            | PolicyError::SequenceExists(_) => ReturnCode::BadValue,
            PolicyError::NoList(_)
            | PolicyError::NoEntry
            | PolicyError::NoRouteMap(_)
            | PolicyError::NoLine => ReturnCode::NoSuchEntry,
            PolicyError::Description => ReturnCode::BadDescription,
            PolicyError::NoSequence | PolicyError::Limit(_) => ReturnCode::LimitReached,
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyError::Range(prefix) => write!(
                f,
                "% Invalid prefix range for {prefix}, make sure: len < ge-value <= le-value"
            ),
            PolicyError::EntryExists(entry) => {
                write!(f, "%Insertion failed - prefix-list entry exists: {entry}")
            }
            PolicyError::SequenceExists(entry) => write!(f, "%Insertion failed - seq # exists: {entry}"),
            PolicyError::NoSequence => f.write_str("%Insertion failed - no sequence number left"),
            PolicyError::Name => f.write_str("% Name refused: 1 to 63 characters, and not a number alone"),
            PolicyError::OtherKind(name) => {
                write!(
                    f,
                    "% Community-list {name} exists with another type: remove it first"
                )
            }
            PolicyError::Pattern(at, why) => {
                write!(
                    f,
                    "% Can't compile regular expression at character {}: {why}",
                    at + 1
                )
            }
            PolicyError::NoList(name) => write!(f, "% Can't find list {name}"),
            PolicyError::NoEntry => f.write_str("%Can't find specified prefix-list entry"),
            PolicyError::NoRouteMap(name) => write!(f, "% Could not find route-map {name}"),
            PolicyError::NoLine => f.write_str("% Nothing of that kind is configured"),
            PolicyError::Description => {
                f.write_str("% Description refused: 80 bytes at most, no control characters")
            }
            PolicyError::Limit(limit) => write!(f, "% Limit of {limit} entries reached: remove one first"),
        }
    }
}
