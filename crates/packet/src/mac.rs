//! Link-layer addresses.

use alloc::string::ToString;
use core::fmt;
use core::str::FromStr;

use crate::AddressError;

/// An IEEE 802 MAC address.
///
/// Shown in the dotted form of router consoles, `aabb.cc00.0100`; `{:#}` gives `aa:bb:cc:00:01:00`. Both are read.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// ff:ff:ff:ff:ff:ff.
    pub const BROADCAST: MacAddress = MacAddress([0xff; 6]);
    /// 00:00:00:00:00:00, which is nobody's address.
    pub const ZERO: MacAddress = MacAddress([0; 6]);

    /// The address that starts `bytes`; `None` when there are fewer than six.
    pub fn from_bytes(bytes: &[u8]) -> Option<MacAddress> {
        bytes.first_chunk::<6>().map(|octets| MacAddress(*octets))
    }

    /// Whether the group bit is set: multicast or broadcast.
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// Whether this is the broadcast address.
    pub fn is_broadcast(self) -> bool {
        self == Self::BROADCAST
    }

    /// Whether a single station can own this address: neither a group nor all zero.
    pub fn is_unicast(self) -> bool {
        !self.is_group() && self != Self::ZERO
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        let text = if f.alternate() {
            format_args!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}").to_string()
        } else {
            format_args!("{a:02x}{b:02x}.{c:02x}{d:02x}.{e:02x}{g:02x}").to_string()
        };
        f.pad(&text)
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MacAddress {
    type Err = AddressError;

    /// Reads three dotted groups of four hexadecimal digits, or six groups of two with colons or hyphens.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let refuse = || AddressError::Mac(text.to_string());
        let (separator, digits) = if text.contains('.') {
            ('.', 4)
        } else if text.contains('-') {
            ('-', 2)
        } else {
            (':', 2)
        };
        let mut octets = [0u8; 6];
        let mut filled = 0;
        for group in text.split(separator) {
            if group.len() != digits || !group.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(refuse());
            }
            for pair in group.as_bytes().chunks(2) {
                let pair = core::str::from_utf8(pair).map_err(|_| refuse())?;
                let octet = u8::from_str_radix(pair, 16).map_err(|_| refuse())?;
                *octets.get_mut(filled).ok_or_else(refuse)? = octet;
                filled += 1;
            }
        }
        if filled == octets.len() {
            Ok(MacAddress(octets))
        } else {
            Err(refuse())
        }
    }
}
