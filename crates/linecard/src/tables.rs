//! The downloaded tables as a card holds them.
//!
//! A message of rows is read as a whole before any of it is applied, so that a malformed one changes nothing.

use alloc::vec::Vec;

use chassis::CardEnd;
use chassis::rows::{
    Adjacency, AdjacencyKey, DownloadFamily, FibEntry, PORT_CONFIGURATION_TABLE, PortConfiguration, PrefixKey,
};
use checkpoint::{Key, RecordError, Row, RowRef, TableId};
use machine::{Generation, PortId};
use packet::{Prefix, V4, V6};
use prost::Message;

use crate::fib::{Fib, GroupsExhausted, LookupFamily};
use crate::held::{Held, Replaced};

/// One row as it arrived: its key, and its value unless it was removed.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Of the port configuration.
    Port(PortId, Option<PortConfiguration>),
    /// Of the IPv4 tables.
    V4(FamilyChange<V4>),
    /// Of the IPv6 tables.
    V6(FamilyChange<V6>),
}

/// A row of one family's tables.
#[derive(Clone, Debug, PartialEq)]
pub enum FamilyChange<F: DownloadFamily> {
    /// Of the adjacencies.
    Adjacency(AdjacencyKey<F>, Option<Adjacency>),
    /// Of the FIB.
    Fib(Prefix<F>, Option<FibEntry<F>>),
}

/// Reads the rows of one message, each with its hash.
///
/// # Errors
/// [`RecordError`] naming the table and field of the first malformed row.
pub fn read_rows(rows: &[u8]) -> Result<Vec<(Change, u64)>, RecordError> {
    CardEnd::hashed_rows(rows)?
        .into_iter()
        .map(|(row, hash)| Ok((change(row)?, hash)))
        .collect()
}

fn change(row: RowRef<'_>) -> Result<Change, RecordError> {
    if row.table == PORT_CONFIGURATION_TABLE {
        return Ok(Change::Port(key(row)?, value(row)?));
    }
    if let Some(change) = family_change::<V4>(row)? {
        return Ok(Change::V4(change));
    }
    match family_change::<V6>(row)? {
        Some(change) => Ok(Change::V6(change)),
        None => Err(RecordError::UnknownTable(row.table)),
    }
}

fn family_change<F: DownloadFamily>(row: RowRef<'_>) -> Result<Option<FamilyChange<F>>, RecordError> {
    Ok(match row.table {
        table if table == F::ADJACENCY_TABLE => Some(FamilyChange::Adjacency(key(row)?, value(row)?)),
        table if table == F::FIB_TABLE => {
            let PrefixKey(prefix) = key(row)?;
            Some(FamilyChange::Fib(prefix, value(row)?))
        }
        TableId(_) => None,
    })
}

fn key<K: Key>(row: RowRef<'_>) -> Result<K, RecordError> {
    K::decode(row.key).ok_or(RecordError::Key(row.table))
}

fn value<V: Row>(row: RowRef<'_>) -> Result<Option<V>, RecordError> {
    let Some(bytes) = row.value else { return Ok(None) };
    let record = V::Record::decode(bytes).map_err(|_| RecordError::Value(row.table, "record"))?;
    V::from_record(record)
        .map(Some)
        .map_err(|what| RecordError::Value(row.table, what))
}

/// One family's tables.
#[derive(Debug, Default)]
pub struct FamilyTables<F: DownloadFamily + LookupFamily> {
    /// Link-layer addresses of neighbours.
    pub adjacencies: Held<AdjacencyKey<F>, Adjacency>,
    /// What to do with each prefix.
    pub fib: Fib<F>,
}

impl<F: DownloadFamily + LookupFamily> FamilyTables<F> {
    fn apply(
        &mut self,
        change: FamilyChange<F>,
        hash: u64,
        generation: Generation,
    ) -> Result<Option<Replaced>, GroupsExhausted> {
        match change {
            FamilyChange::Adjacency(key, value) => {
                Ok(apply_to(&mut self.adjacencies, key, value, hash, generation))
            }
            FamilyChange::Fib(prefix, Some(entry)) => self.fib.insert(prefix, entry, hash, generation),
            FamilyChange::Fib(prefix, None) => Ok(self.fib.remove(prefix)),
        }
    }
}

fn apply_to<K: Ord + Clone, V>(
    held: &mut Held<K, V>,
    key: K,
    value: Option<V>,
    hash: u64,
    generation: Generation,
) -> Option<Replaced> {
    let replaced = match value {
        Some(value) => held.insert(key, value, hash, generation),
        None => held.remove(&key),
    };
    replaced.map(|(_, replaced)| replaced)
}

/// All downloaded tables.
#[derive(Debug, Default)]
pub struct Tables {
    /// Configuration of all ports of the chassis.
    pub ports: Held<PortId, PortConfiguration>,
    /// IPv4.
    pub v4: FamilyTables<V4>,
    /// IPv6.
    pub v6: FamilyTables<V6>,
    /// The table that a sweep has come to, 0 to [`SWEPT_TABLES`].
    sweeping: usize,
}

const SWEPT_TABLES: usize = 5;

impl Tables {
    /// Applies one row; returns the row that it replaced or removed.
    ///
    /// # Errors
    /// [`GroupsExhausted`], and nothing is changed.
    pub fn apply(
        &mut self,
        change: Change,
        hash: u64,
        generation: Generation,
    ) -> Result<Option<Replaced>, GroupsExhausted> {
        match change {
            Change::Port(port, value) => Ok(apply_to(&mut self.ports, port, value, hash, generation)),
            Change::V4(change) => self.v4.apply(change, hash, generation),
            Change::V6(change) => self.v6.apply(change, hash, generation),
        }
    }

    /// Goes on removing what `generation` did not refresh, looking at no more than `budget` rows. Returns whether
    /// the sweep is complete; the next call then starts a new one.
    pub fn sweep(&mut self, generation: Generation, budget: usize) -> bool {
        let mut left = budget;
        while left > 0 && self.sweeping < SWEPT_TABLES {
            let looked_at = match self.sweeping {
                0 => self.ports.sweep(generation, left, |_, _, _| ()),
                1 => self.v4.adjacencies.sweep(generation, left, |_, _, _| ()),
                2 => self.v4.fib.sweep(generation, left),
                3 => self.v6.adjacencies.sweep(generation, left, |_, _, _| ()),
                _ => self.v6.fib.sweep(generation, left),
            };
            if looked_at < left {
                self.sweeping += 1;
            }
            left -= looked_at;
        }
        let complete = self.sweeping == SWEPT_TABLES;
        if complete {
            self.sweeping = 0;
        }
        complete
    }
}
