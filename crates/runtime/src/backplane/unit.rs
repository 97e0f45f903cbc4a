//! What can be in a slot.

use machine::{CardSlot, RpSlot};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fmt;
use std::str::FromStr;

/// One process of a chassis, named by its slot: `R0`, `R1`, a card's number, or `hosts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Unit {
    /// A route processor.
    Rp(RpSlot),
    /// A line card.
    Card(CardSlot),
    /// The built-in hosts at the `mem` wires. Not a slot, but started and watched like one.
    Hosts,
}

impl Unit {
    /// The arguments that make the program this unit: `rp --slot R0`, `card --slot 0`, `hosts`.
    pub fn arguments(self) -> Vec<OsString> {
        let words: &[&str] = match self {
            Unit::Rp(_) => &["rp", "--slot"],
            Unit::Card(_) => &["card", "--slot"],
            Unit::Hosts => &["hosts"],
        };
        let mut arguments: Vec<OsString> = words.iter().map(OsString::from).collect();
        match self {
            Unit::Rp(slot) => arguments.push(slot.to_string().into()),
            Unit::Card(slot) => arguments.push(slot.to_string().into()),
            Unit::Hosts => {}
        }
        arguments
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unit::Rp(slot) => slot.fmt(f),
            Unit::Card(slot) => write!(f, "{slot}"),
            Unit::Hosts => f.pad("hosts"),
        }
    }
}

/// A text that names no unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitError(String);

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.escape_default();
        write!(
            f,
            "'{text}' is no slot: R0, R1, a card's number from 0 to {}, or 'hosts'",
            CardSlot::MAX
        )
    }
}

impl std::error::Error for UnitError {}

impl FromStr for Unit {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Unit, UnitError> {
        if text == "hosts" {
            return Ok(Unit::Hosts);
        }
        text.parse()
            .map(Unit::Rp)
            .or_else(|_| text.parse().map(Unit::Card))
            .map_err(|_| UnitError(text.to_string()))
    }
}

impl TryFrom<String> for Unit {
    type Error = UnitError;
    fn try_from(text: String) -> Result<Unit, UnitError> {
        text.parse()
    }
}

impl From<Unit> for String {
    fn from(unit: Unit) -> String {
        unit.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_named_by_their_slots_both_ways() {
        for (unit, name, arguments) in [
            (Unit::Rp(RpSlot::R1), "R1", "rp --slot R1"),
            (Unit::Card(CardSlot(12)), "12", "card --slot 12"),
            (Unit::Hosts, "hosts", "hosts"),
        ] {
            assert_eq!(unit.to_string(), name);
            assert_eq!(name.parse(), Ok(unit));
            assert_eq!(
                unit.arguments().join(&OsString::from(" ")),
                OsString::from(arguments)
            );
        }
        let error = "16".parse::<Unit>().unwrap_err().to_string();
        assert_eq!(
            error,
            "'16' is no slot: R0, R1, a card's number from 0 to 15, or 'hosts'"
        );
    }
}
