//! Path attributes as they stand in a message: flags, type, value.

use core::fmt;

/// The flags of an attribute (RFC 4271 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// Well-known and transitive.
    pub const WELL_KNOWN: Flags = Flags(0x40);
    /// Optional and not passed on by who does not know it.
    pub const OPTIONAL: Flags = Flags(0x80);
    /// Optional and passed on.
    pub const OPTIONAL_TRANSITIVE: Flags = Flags(0xc0);
    /// Somebody on the way did not know it.
    pub const PARTIAL: u8 = 0x20;
    /// The length has two octets.
    pub const EXTENDED_LENGTH: u8 = 0x10;

    /// Not every speaker has to know it.
    pub const fn is_optional(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// Passed on by those who do not know it.
    pub const fn is_transitive(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// Somebody on the way did not know it.
    pub const fn is_partial(self) -> bool {
        self.0 & Flags::PARTIAL != 0
    }
}

/// An attribute's type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeType(pub u8);

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $flags:ident, $text:literal;)*) => {
        impl AttributeType {
            $($(#[$doc])* pub const $name: AttributeType = AttributeType($number);)*

            /// Its name; `None` for one that is not known here.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($text),)*
                    _ => None,
                }
            }

            /// The flags that it has, of those that tell its category; `None` for one that is not known here.
            pub const fn flags(self) -> Option<Flags> {
                match self.0 {
                    $($number => Some(Flags::$flags),)*
                    _ => None,
                }
            }
        }
    };
}

types! {
    /// How the route came into BGP.
    ORIGIN = 1, WELL_KNOWN, "ORIGIN";
    /// The ASes travelled.
    AS_PATH = 2, WELL_KNOWN, "AS_PATH";
    /// Where to send packets.
    NEXT_HOP = 3, WELL_KNOWN, "NEXT_HOP";
    /// Which entrance the neighbouring AS prefers.
    MULTI_EXIT_DISC = 4, OPTIONAL, "MULTI_EXIT_DISC";
    /// Which exit our AS prefers.
    LOCAL_PREF = 5, WELL_KNOWN, "LOCAL_PREF";
    /// More specific routes were left out.
    ATOMIC_AGGREGATE = 6, WELL_KNOWN, "ATOMIC_AGGREGATE";
    /// Who aggregated.
    AGGREGATOR = 7, OPTIONAL_TRANSITIVE, "AGGREGATOR";
    /// RFC 1997.
    COMMUNITIES = 8, OPTIONAL_TRANSITIVE, "COMMUNITIES";
    /// Who brought the route into our AS (RFC 4456).
    ORIGINATOR_ID = 9, OPTIONAL, "ORIGINATOR_ID";
    /// The clusters travelled (RFC 4456).
    CLUSTER_LIST = 10, OPTIONAL, "CLUSTER_LIST";
    /// Routes of any family (RFC 4760).
    MP_REACH_NLRI = 14, OPTIONAL, "MP_REACH_NLRI";
    /// Withdrawn routes of any family (RFC 4760).
    MP_UNREACH_NLRI = 15, OPTIONAL, "MP_UNREACH_NLRI";
    /// RFC 4360.
    EXTENDED_COMMUNITIES = 16, OPTIONAL_TRANSITIVE, "EXTENDED_COMMUNITIES";
    /// AS_PATH in four octets, past speakers of two (RFC 6793).
    AS4_PATH = 17, OPTIONAL_TRANSITIVE, "AS4_PATH";
    /// AGGREGATOR in four octets, past speakers of two (RFC 6793).
    AS4_AGGREGATOR = 18, OPTIONAL_TRANSITIVE, "AS4_AGGREGATOR";
    /// RFC 5701.
    IPV6_EXTENDED_COMMUNITIES = 25, OPTIONAL_TRANSITIVE, "IPV6_EXTENDED_COMMUNITIES";
    /// RFC 8092.
    LARGE_COMMUNITIES = 32, OPTIONAL_TRANSITIVE, "LARGE_COMMUNITIES";
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "attribute {}", self.0),
        }
    }
}

impl fmt::Debug for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawAttribute<'a> {
    /// Its flags.
    pub flags: Flags,
    /// Its type.
    pub kind: AttributeType,
    /// Its value.
    pub value: &'a [u8],
    /// All of it, as a NOTIFICATION quotes it.
    pub bytes: &'a [u8],
}

/// Walks over the attributes of a message.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// Walks over `bytes`.
    pub fn new(bytes: &'a [u8]) -> Attributes<'a> {
        Attributes { rest: bytes }
    }

    fn split(&self) -> Option<(RawAttribute<'a>, &'a [u8])> {
        let &[flags, kind, first, ..] = self.rest else {
            return None;
        };
        let (header, length) = if flags & Flags::EXTENDED_LENGTH == 0 {
            (3, usize::from(first))
        } else {
            (4, usize::from(first) << 8 | usize::from(*self.rest.get(3)?))
        };
        let bytes = self.rest.get(..header + length)?;
        let attribute = RawAttribute {
            flags: Flags(flags),
            kind: AttributeType(kind),
            value: &bytes[header..],
            bytes,
        };
        Some((attribute, &self.rest[header + length..]))
    }
}

impl<'a> Iterator for Attributes<'a> {
    /// `Err`, once and at the end: what is left, which is no whole attribute.
    type Item = Result<RawAttribute<'a>, &'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match self.split() {
            Some((attribute, rest)) => {
                self.rest = rest;
                Some(Ok(attribute))
            }
            None => Some(Err(core::mem::take(&mut self.rest))),
        }
    }
}
