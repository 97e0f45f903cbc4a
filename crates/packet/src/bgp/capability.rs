//! What a speaker says it can do (RFC 5492).

use alloc::vec::Vec;

use super::Cursor;

/// An address family and what it is used for, as numbers (RFC 4760).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AfiSafi {
    /// Address family identifier.
    pub afi: u16,
    /// Subsequent address family identifier.
    pub safi: u8,
}

impl AfiSafi {
    /// IPv4 unicast.
    pub const IPV4_UNICAST: AfiSafi = AfiSafi { afi: 1, safi: 1 };
    /// IPv6 unicast.
    pub const IPV6_UNICAST: AfiSafi = AfiSafi { afi: 2, safi: 1 };

    /// How operators write it; `None` for a family that is not known here.
    pub const fn name(self) -> Option<&'static str> {
        match (self.afi, self.safi) {
            (1, 1) => Some("IPv4 Unicast"),
            (2, 1) => Some("IPv6 Unicast"),
            _ => None,
        }
    }
}

const MULTIPROTOCOL: u8 = 1;
const ROUTE_REFRESH: u8 = 2;
const EXTENDED_MESSAGE: u8 = 6;
const GRACEFUL_RESTART: u8 = 64;
const FOUR_OCTET_AS: u8 = 65;
const ENHANCED_ROUTE_REFRESH: u8 = 70;

const RESTART_STATE: u16 = 0x8000;
const NOTIFICATION: u16 = 0x4000;
const FORWARDING_STATE: u8 = 0x80;

/// The graceful restart capability (RFC 4724, RFC 8538).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GracefulRestart<'a> {
    /// R: the sender has restarted, so nobody waits for its End-of-RIB before sending to it.
    pub restarted: bool,
    /// N: graceful restart also follows a NOTIFICATION and an expired hold timer.
    pub notification: bool,
    /// How long the sender needs to come back, in seconds, `0..=4095`.
    pub restart_time_s: u16,
    /// Four bytes for each family.
    families: &'a [u8],
}

impl<'a> GracefulRestart<'a> {
    /// Most families that a capability's length can hold.
    pub const FAMILIES_MAX: usize = (255 - 2) / 4;

    fn parse(value: &'a [u8]) -> Option<GracefulRestart<'a>> {
        let (word, families) = value.split_first_chunk::<2>()?;
        let word = u16::from_be_bytes(*word);
        // A list of families that does not end at a family's end says nothing that can be relied on.
        families.len().is_multiple_of(4).then_some(GracefulRestart {
            restarted: word & RESTART_STATE != 0,
            notification: word & NOTIFICATION != 0,
            restart_time_s: word & 0x0fff,
            families,
        })
    }

    /// Each family whose routes the sender keeps, and whether it kept forwarding by them.
    pub fn families(&self) -> impl Iterator<Item = (AfiSafi, bool)> + use<'a> {
        self.families.chunks_exact(4).map(|entry| {
            let afi = u16::from_be_bytes([entry[0], entry[1]]);
            (AfiSafi { afi, safi: entry[2] }, entry[3] & FORWARDING_STATE != 0)
        })
    }

    /// Appends the capability. Families beyond [`GracefulRestart::FAMILIES_MAX`] are left out, and so are the bits of
    /// a restart time above 4095 s.
    pub fn emit(
        restarted: bool,
        notification: bool,
        restart_time_s: u16,
        families: &[(AfiSafi, bool)],
        out: &mut Vec<u8>,
    ) {
        let families = &families[..families.len().min(Self::FAMILIES_MAX)];
        let mut word = restart_time_s.min(0x0fff);
        word |= if restarted { RESTART_STATE } else { 0 };
        word |= if notification { NOTIFICATION } else { 0 };
        out.extend_from_slice(&[GRACEFUL_RESTART, (2 + 4 * families.len()) as u8]);
        out.extend_from_slice(&word.to_be_bytes());
        for (family, forwarding) in families {
            out.extend_from_slice(&family.afi.to_be_bytes());
            out.extend_from_slice(&[family.safi, if *forwarding { FORWARDING_STATE } else { 0 }]);
        }
    }
}

/// One capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability<'a> {
    /// Routes of this family (RFC 4760).
    Multiprotocol(AfiSafi),
    /// ROUTE-REFRESH messages are understood (RFC 2918).
    RouteRefresh,
    /// Their beginning and end are marked (RFC 7313).
    EnhancedRouteRefresh,
    /// Messages of up to 65535 bytes (RFC 8654).
    ExtendedMessage,
    /// The sender's AS number in four octets, and AS_PATH with such numbers (RFC 6793).
    FourOctetAs(u32),
    /// Graceful restart (RFC 4724).
    GracefulRestart(GracefulRestart<'a>),
    /// Any other, and a known one whose length is not its own.
    Other {
        /// Its number.
        code: u8,
        /// Its bytes.
        value: &'a [u8],
    },
}

impl<'a> Capability<'a> {
    fn parse(code: u8, value: &'a [u8]) -> Capability<'a> {
        let known = match (code, value) {
            (MULTIPROTOCOL, &[high, low, _, safi]) => Some(Capability::Multiprotocol(AfiSafi {
                afi: u16::from_be_bytes([high, low]),
                safi,
            })),
            (ROUTE_REFRESH, []) => Some(Capability::RouteRefresh),
            (ENHANCED_ROUTE_REFRESH, []) => Some(Capability::EnhancedRouteRefresh),
            (EXTENDED_MESSAGE, []) => Some(Capability::ExtendedMessage),
            (FOUR_OCTET_AS, &[a, b, c, d]) => Some(Capability::FourOctetAs(u32::from_be_bytes([a, b, c, d]))),
            (GRACEFUL_RESTART, value) => GracefulRestart::parse(value).map(Capability::GracefulRestart),
            _ => None,
        };
        known.unwrap_or(Capability::Other { code, value })
    }

    /// Its number.
    pub const fn code(&self) -> u8 {
        match self {
            Capability::Multiprotocol(_) => MULTIPROTOCOL,
            Capability::RouteRefresh => ROUTE_REFRESH,
            Capability::EnhancedRouteRefresh => ENHANCED_ROUTE_REFRESH,
            Capability::ExtendedMessage => EXTENDED_MESSAGE,
            Capability::FourOctetAs(_) => FOUR_OCTET_AS,
            Capability::GracefulRestart(_) => GRACEFUL_RESTART,
            Capability::Other { code, .. } => *code,
        }
    }

    /// Appends code, length and value.
    pub fn emit(&self, out: &mut Vec<u8>) {
        match self {
            Capability::Multiprotocol(family) => {
                out.extend_from_slice(&[MULTIPROTOCOL, 4]);
                out.extend_from_slice(&family.afi.to_be_bytes());
                out.extend_from_slice(&[0, family.safi]);
            }
            Capability::RouteRefresh | Capability::EnhancedRouteRefresh | Capability::ExtendedMessage => {
                out.extend_from_slice(&[self.code(), 0]);
            }
            Capability::FourOctetAs(number) => {
                out.extend_from_slice(&[FOUR_OCTET_AS, 4]);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Capability::GracefulRestart(graceful) => {
                out.extend_from_slice(&[GRACEFUL_RESTART, (2 + graceful.families.len()) as u8]);
                let mut word = graceful.restart_time_s.min(0x0fff);
                word |= if graceful.restarted { RESTART_STATE } else { 0 };
                word |= if graceful.notification { NOTIFICATION } else { 0 };
                out.extend_from_slice(&word.to_be_bytes());
                out.extend_from_slice(graceful.families);
            }
            Capability::Other { code, value } => {
                let value = &value[..value.len().min(255)];
                out.extend_from_slice(&[*code, value.len() as u8]);
                out.extend_from_slice(value);
            }
        }
    }
}

/// The capabilities of an OPEN, in their order; one kind may come several times.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities<'a> {
    /// What is left of the optional parameters.
    parameters: Cursor<'a>,
    /// What is left of the parameter under way.
    parameter: Cursor<'a>,
    extended: bool,
}

/// The only optional parameter that is left.
pub(super) const CAPABILITIES_PARAMETER: u8 = 2;

impl<'a> Capabilities<'a> {
    /// The caller has checked the bytes by walking over them once.
    pub(super) fn new(parameters: &'a [u8], extended: bool) -> Capabilities<'a> {
        Capabilities {
            parameters: Cursor(parameters),
            parameter: Cursor(&[]),
            extended,
        }
    }

    /// Type and value of the next optional parameter; `Err` when it is cut.
    pub(super) fn next_parameter(&mut self) -> Option<Result<(u8, &'a [u8]), ()>> {
        if self.parameters.0.is_empty() {
            return None;
        }
        let kind = self.parameters.u8();
        let length = match self.extended {
            true => self.parameters.u16().map(usize::from),
            false => self.parameters.u8().map(usize::from),
        };
        let value = length.and_then(|length| self.parameters.take(length));
        Some(kind.zip(value).ok_or(()))
    }

    /// Whether `value` is a whole number of capabilities.
    pub(super) fn is_whole(value: &[u8]) -> bool {
        let mut rest = Cursor(value);
        while !rest.0.is_empty() {
            rest.u8();
            let value = rest.u8().and_then(|length| rest.take(usize::from(length)));
            if value.is_none() {
                return false;
            }
        }
        true
    }
}

impl<'a> Iterator for Capabilities<'a> {
    type Item = Capability<'a>;

    fn next(&mut self) -> Option<Capability<'a>> {
        loop {
            if !self.parameter.0.is_empty() {
                let code = self.parameter.u8()?;
                let length = self.parameter.u8()?;
                return Some(Capability::parse(code, self.parameter.take(usize::from(length))?));
            }
            let (kind, value) = self.next_parameter()?.ok()?;
            if kind == CAPABILITIES_PARAMETER {
                self.parameter = Cursor(value);
            }
        }
    }
}
