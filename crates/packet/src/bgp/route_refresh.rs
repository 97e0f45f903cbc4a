//! ROUTE-REFRESH (RFC 2918, RFC 7313).

use alloc::vec::Vec;

use super::{AfiSafi, Code, Fault, Kind, message};

/// What a ROUTE-REFRESH says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshKind {
    /// Send all routes of the family again.
    Request,
    /// What follows is all routes of the family.
    Begin,
    /// That was all of them.
    End,
    /// A number without a meaning: the message is ignored.
    Unknown(u8),
}

impl RefreshKind {
    const fn number(self) -> u8 {
        match self {
            RefreshKind::Request => 0,
            RefreshKind::Begin => 1,
            RefreshKind::End => 2,
            RefreshKind::Unknown(number) => number,
        }
    }
}

/// A parsed ROUTE-REFRESH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteRefresh {
    /// Of which family.
    pub family: AfiSafi,
    /// What it says.
    pub kind: RefreshKind,
}

impl RouteRefresh {
    /// Reads the body of a ROUTE-REFRESH.
    ///
    /// # Errors
    /// The NOTIFICATION for a length other than four (RFC 7313 section 5). Outbound route filters (RFC 5291), which
    /// make it longer, are not negotiated.
    pub fn parse(body: &[u8]) -> Result<RouteRefresh, Fault<'_>> {
        let &[high, low, kind, safi] = body else {
            return Err(Fault::new(Code::INVALID_REFRESH_LENGTH, body));
        };
        let afi = u16::from_be_bytes([high, low]);
        Ok(RouteRefresh {
            family: AfiSafi { afi, safi },
            kind: match kind {
                0 => RefreshKind::Request,
                1 => RefreshKind::Begin,
                2 => RefreshKind::End,
                number => RefreshKind::Unknown(number),
            },
        })
    }

    /// Appends the whole message.
    pub fn emit(&self, out: &mut Vec<u8>) {
        message(Kind::RouteRefresh, out, |out| {
            out.extend_from_slice(&self.family.afi.to_be_bytes());
            out.extend_from_slice(&[self.kind.number(), self.family.safi]);
        });
    }
}
