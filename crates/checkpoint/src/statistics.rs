//! What the active's end has sent, counted since it started.

use crate::record::TableId;
use alloc::collections::BTreeMap;

/// Rows sent of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableStatistics {
    /// Rows, removals included.
    pub rows: u64,
    /// Bytes of their byte form.
    pub bytes: u64,
}

/// Counters of the active's end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// By table.
    pub tables: BTreeMap<TableId, TableStatistics>,
    /// Messages (parts of frames) given to the link.
    pub messages: u64,
    /// Bytes of rows in them.
    pub message_bytes: u64,
    /// The longest one, bytes of rows.
    pub message_bytes_max: u64,
    /// Frames closed.
    pub frames: u64,
    /// Times at which rows had to wait because the link had no room.
    pub flow_off: u64,
    /// Times at which it had room again.
    pub flow_on: u64,
    /// Whether rows wait for the link now.
    pub is_off: bool,
    /// Most bytes of rows that waited for a message to be whole.
    pub buffered_bytes_peak: u64,
    /// Rows longer than a message is meant to be.
    pub huge_rows: u64,
}

impl Statistics {
    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.values().map(|table| table.rows).sum()
    }

    /// Bytes of the rows of all tables.
    pub fn bytes(&self) -> u64 {
        self.tables.values().map(|table| table.bytes).sum()
    }

    pub(crate) fn queued(&mut self, table: TableId, rows: u64, bytes: usize, buffered: usize, chunk: usize) {
        let counted = self.tables.entry(table).or_default();
        counted.rows += rows;
        counted.bytes += bytes as u64;
        self.buffered_bytes_peak = self.buffered_bytes_peak.max(buffered as u64);
        self.huge_rows += u64::from(rows == 1 && bytes > chunk);
    }

    pub(crate) fn sent(&mut self, bytes: usize) {
        self.messages += 1;
        self.message_bytes += bytes as u64;
        self.message_bytes_max = self.message_bytes_max.max(bytes as u64);
    }

    /// Whether rows wait because the link has no room.
    pub(crate) fn flow(&mut self, off: bool) {
        if off != self.is_off {
            self.is_off = off;
            if off {
                self.flow_off += 1;
            } else {
                self.flow_on += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_turn_of_the_flow_counts_once() {
        let mut statistics = Statistics::default();
        for off in [false, true, true, false, false, true] {
            statistics.flow(off);
        }
        assert_eq!((statistics.flow_off, statistics.flow_on), (2, 1));
        assert!(statistics.is_off);
    }

    #[test]
    fn rows_count_for_their_table_and_in_sum() {
        let mut statistics = Statistics::default();
        statistics.queued(TableId(5), 1, 100, 100, 64);
        statistics.queued(TableId(5), 3, 30, 130, 64);
        statistics.queued(TableId(7), 1, 20, 20, 64);
        assert_eq!((statistics.rows(), statistics.bytes()), (5, 150));
        assert_eq!(
            statistics.tables[&TableId(5)],
            TableStatistics { rows: 4, bytes: 130 }
        );
        assert_eq!((statistics.huge_rows, statistics.buffered_bytes_peak), (1, 130));
    }
}
