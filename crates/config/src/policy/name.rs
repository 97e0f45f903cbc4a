//! Names of lists and route maps that a mode can carry.

use core::fmt;

/// The name of a list or route map: 1 to 63 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListName {
    bytes: [u8; ListName::BYTES_MAX],
    length: u8,
}

impl ListName {
    /// Longest name, bytes.
    pub const BYTES_MAX: usize = 63;

    /// A name; `None` when it is too long, empty or has control characters.
    pub const fn new(name: &str) -> Option<ListName> {
        let from = name.as_bytes();
        if from.is_empty() || from.len() > ListName::BYTES_MAX {
            return None;
        }
        let mut bytes = [0; ListName::BYTES_MAX];
        let mut at = 0;
        while at < from.len() {
            // Control characters are those of ASCII, and U+0080 to U+009F, which are C2 80 to C2 9F.
            let is_late = at > 0 && from[at - 1] == 0xc2 && from[at] < 0xa0;
            if from[at].is_ascii_control() || is_late {
                return None;
            }
            bytes[at] = from[at];
            at += 1;
        }
        let length = from.len() as u8;
        Some(ListName { bytes, length })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or("")
    }
}

impl fmt::Debug for ListName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl fmt::Display for ListName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One entry of a route map, as the line names it that leads there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteMapPlace {
    /// Of which route map.
    pub name: ListName,
    /// What becomes of its routes, as typed.
    pub permit: bool,
    /// Its number.
    pub sequence: u16,
}

impl fmt::Display for RouteMapPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = if self.permit { "permit" } else { "deny" };
        write!(f, "route-map {} {action} {}", self.name, self.sequence)
    }
}
