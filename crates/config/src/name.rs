//! Interface names: `Ethernet1/0` is port 0 of the card in slot 1.

use core::fmt;
use core::str::FromStr;

use machine::{CardSlot, PortId};

/// The one interface type there is, as the table spells it.
pub const INTERFACE_TYPE: &str = "Ethernet";

/// A port as an interface name. Displays as `Ethernet1/0`; the alternate form (`{:#}`) is the short `Et1/0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InterfaceName(pub PortId);

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if f.alternate() {
            &INTERFACE_TYPE[..2]
        } else {
            INTERFACE_TYPE
        };
        // Through a fixed buffer, so that a width asked for by a `show` layout pads the whole name.
        let mut text = Buffer {
            bytes: [0; 24],
            length: 0,
        };
        fmt::Write::write_fmt(&mut text, format_args!("{kind}{}/{}", self.0.card, self.0.port))?;
        f.pad(text.as_str())
    }
}

/// A text that is no interface name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceNameError;

impl fmt::Display for InterfaceNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "not an interface name ({INTERFACE_TYPE}<card 0-{}>/<port 0-255>)",
            CardSlot::MAX
        )
    }
}

impl core::error::Error for InterfaceNameError {}

impl FromStr for InterfaceName {
    type Err = InterfaceNameError;

    /// Reads a whole or shortened name without a space: `Ethernet1/0`, `Et1/0`, `e1/0`.
    fn from_str(text: &str) -> Result<Self, InterfaceNameError> {
        let digits = text
            .find(|character: char| character.is_ascii_digit())
            .ok_or(InterfaceNameError)?;
        let (kind, number) = text.split_at(digits);
        let shortened = INTERFACE_TYPE.get(..kind.len()).ok_or(InterfaceNameError)?;
        if kind.is_empty() || !shortened.eq_ignore_ascii_case(kind) {
            return Err(InterfaceNameError);
        }
        parse_port(number).map(InterfaceName).ok_or(InterfaceNameError)
    }
}

/// Reads `C/P`, card and port in decimal.
pub(crate) fn parse_port(text: &str) -> Option<PortId> {
    let (card, port) = text.split_once('/')?;
    let card = parse_decimal(card)?;
    let port = parse_decimal(port)?;
    (card <= CardSlot::MAX).then_some(PortId {
        card: CardSlot(card),
        port,
    })
}

/// `u8::from_str` accepts a leading `+`; an interface number has digits only.
fn parse_decimal(text: &str) -> Option<u8> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

struct Buffer {
    bytes: [u8; 24],
    length: usize,
}

impl Buffer {
    fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.length]).unwrap_or("")
    }
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes
            .get_mut(self.length..end)
            .ok_or(fmt::Error)?
            .copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
