//! Protocols that have not converged yet: what cards still have of the last activity stays meanwhile.
//!
//! After a restart that brought no routes along (graceful restart), the cards forward by what they have. Everything is
//! downloaded to them anew, and what was not named by the end of that is stale and goes. That end waits until each
//! protocol that holds it back has said that it has all its routes again. Rows of the cards hold ports and neighbours,
//! and nothing that is looked up there: no new row of another protocol changes where an old one leads.

use alloc::vec::Vec;
use checkpoint::{Key, Row};

use crate::{Protocol, Rib, RouteFamily};

/// That a protocol holds the sweep back. A row, so that a successor in the middle of a restart holds it back too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The system's age in seconds when it began.
    pub since_s: u32,
}

/// Tagged form of [`Hold`].
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct HoldRecord {
    /// See [`Hold::since_s`].
    #[prost(uint32, tag = "1")]
    pub since_s: u32,
}

impl Row for Hold {
    type Record = HoldRecord;

    fn to_record(&self) -> HoldRecord {
        let Hold { since_s } = *self;
        HoldRecord { since_s }
    }

    fn from_record(record: HoldRecord) -> Result<Self, &'static str> {
        Ok(Hold {
            since_s: record.since_s,
        })
    }
}

impl Key for Protocol {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [number] => Protocol::from_number(*number),
            _ => None,
        }
    }
}

impl<F: RouteFamily> Rib<F> {
    /// From now on no download ends with a sweep, until `protocol` has converged. Whoever calls this calls
    /// [`Rib::converged`] some time, for which a timer of the protocol's own is the bound. Again is no change.
    pub fn hold_sweep(&mut self, protocol: Protocol) {
        if !self.holds.contains_key(&protocol) {
            let since_s = self.age_s;
            self.holds.insert(protocol, Hold { since_s });
        }
    }

    /// All routes of `protocol` are here, and [`Rib::run`] has nothing left of them. Again is no change.
    pub fn converged(&mut self, protocol: Protocol) {
        self.holds.remove(&protocol);
    }

    /// Whether a protocol holds the sweep back.
    pub fn is_sweep_held(&self) -> bool {
        !self.holds.is_empty()
    }
}
