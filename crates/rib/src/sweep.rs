//! Work that a change left behind: rows that are to be looked at again, and how far that is.

use alloc::vec::Vec;
use checkpoint::{Key, Row};
use machine::PortId;
use packet::{Family, Prefix};

use crate::RouteFamily;
use crate::route::{decode_address, decode_prefix, encode_address, encode_prefix};

/// What is to be looked at again. In this order: later ones profit from what earlier ones find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SweepKey<F: Family> {
    /// Routes that name this port: its link went up or down.
    Port(PortId),
    /// Next hops for which an address within this prefix was looked up: a route to the prefix changed.
    Within(Prefix<F>),
    /// Prefixes behind this next hop: its paths changed.
    Behind(F::Address),
}

const PORT: u8 = 1;
const WITHIN: u8 = 2;
const BEHIND: u8 = 3;

impl<F: RouteFamily> Key for SweepKey<F> {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            SweepKey::Port(port) => {
                out.push(PORT);
                port.encode(out);
            }
            SweepKey::Within(prefix) => {
                out.push(WITHIN);
                encode_prefix(prefix, out);
            }
            SweepKey::Behind(address) => {
                out.push(BEHIND);
                encode_address::<F>(*address, out);
            }
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        match *kind {
            PORT => PortId::decode(rest).map(SweepKey::Port),
            WITHIN => match decode_prefix(rest)? {
                (prefix, []) => Some(SweepKey::Within(prefix)),
                _ => None,
            },
            BEHIND => decode_address::<F>(rest).map(SweepKey::Behind),
            _ => None,
        }
    }
}

/// How far a sweep is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// The last place looked at, in a form that the kind of sweep defines; empty at the start.
    pub position: Vec<u8>,
}

/// Tagged form of [`Sweep`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct SweepRecord {
    /// See [`Sweep::position`].
    #[prost(bytes = "vec", tag = "1")]
    pub position: Vec<u8>,
}

impl Row for Sweep {
    type Record = SweepRecord;

    fn to_record(&self) -> SweepRecord {
        let Sweep { position } = self.clone();
        SweepRecord { position }
    }

    fn from_record(record: SweepRecord) -> Result<Self, &'static str> {
        let SweepRecord { position } = record;
        Ok(Sweep { position })
    }
}
