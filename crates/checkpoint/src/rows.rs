//! The byte form of a list of rows.
//!
//! ```text
//!   table: u16 LE | key length: u8 | key | 0 = removed
//!   table: u16 LE | key length: u8 | key | 1 = value follows | value length: u32 LE | value
//! ```

use crate::record::{RecordError, TableId};
use alloc::vec::Vec;

/// Writes rows one after another into one buffer.
#[derive(Debug, Default)]
pub struct RowWriter {
    bytes: Vec<u8>,
    rows: u32,
}

impl RowWriter {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a row: `value` is `None` for a removed one.
    ///
    /// # Panics
    /// When the key is longer than 255 bytes or the value than 4 GiB: keys and rows are ours, and bounded.
    pub fn push(&mut self, table: TableId, key: &[u8], value: Option<&[u8]>) {
        let key_length = u8::try_from(key.len()).expect("a key has at most 255 bytes");
        self.bytes.extend_from_slice(&table.0.to_le_bytes());
        self.bytes.push(key_length);
        self.bytes.extend_from_slice(key);
        match value {
            None => self.bytes.push(0),
            Some(value) => {
                let value_length = u32::try_from(value.len()).expect("a row is smaller than 4 GiB");
                self.bytes.push(1);
                self.bytes.extend_from_slice(&value_length.to_le_bytes());
                self.bytes.extend_from_slice(value);
            }
        }
        self.rows += 1;
    }

    /// Bytes written.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether no row was written.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Number of rows written.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Takes the bytes and starts over.
    pub fn take(&mut self) -> Vec<u8> {
        self.rows = 0;
        core::mem::take(&mut self.bytes)
    }
}

/// One row in its byte form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowRef<'a> {
    /// The table that the row belongs to.
    pub table: TableId,
    /// The encoded key.
    pub key: &'a [u8],
    /// The encoded value; `None` when the row was removed.
    pub value: Option<&'a [u8]>,
}

/// Reads what [`RowWriter`] wrote. Never panics; ends after the first error.
#[derive(Clone, Debug)]
pub struct RowReader<'a> {
    bytes: &'a [u8],
}

impl<'a> RowReader<'a> {
    /// Reads rows from `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.bytes.split_at_checked(length)?;
        self.bytes = tail;
        Some(head)
    }

    fn row(&mut self) -> Option<RowRef<'a>> {
        let table = TableId(u16::from_le_bytes(self.take(2)?.try_into().ok()?));
        let key_length = usize::from(self.take(1)?[0]);
        let key = self.take(key_length)?;
        let value = match self.take(1)?[0] {
            0 => None,
            1 => {
                let value_length = u32::from_le_bytes(self.take(4)?.try_into().ok()?);
                Some(self.take(usize::try_from(value_length).ok()?)?)
            }
            _ => return None,
        };
        Some(RowRef { table, key, value })
    }
}

impl<'a> Iterator for RowReader<'a> {
    type Item = Result<RowRef<'a>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.bytes.is_empty() {
            return None;
        }
        let row = self.row();
        if row.is_none() {
            self.bytes = &[];
        }
        Some(row.ok_or(RecordError::Truncated))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &[u8] = &[7, 0, 2, 1, 2, 1, 3, 0, 0, 0, 9, 8, 7, 8, 1, 1, 5, 0];

    #[test]
    fn rows_have_their_golden_bytes_in_both_directions() {
        let mut writer = RowWriter::new();
        writer.push(TableId(7), &[1, 2], Some(&[9, 8, 7]));
        writer.push(TableId(0x108), &[5], None);
        assert_eq!(writer.rows(), 2);
        assert_eq!(writer.take(), GOLDEN);
        let rows: Vec<_> = RowReader::new(GOLDEN).collect::<Result<_, _>>().unwrap();
        assert_eq!(
            rows[0],
            RowRef {
                table: TableId(7),
                key: &[1, 2],
                value: Some(&[9, 8, 7])
            }
        );
        assert_eq!(
            rows[1],
            RowRef {
                table: TableId(0x108),
                key: &[5],
                value: None
            }
        );
    }

    #[test]
    fn a_cut_list_ends_with_one_error() {
        for cut in (1..GOLDEN.len()).filter(|cut| *cut != 13) {
            let items: Vec<_> = RowReader::new(&GOLDEN[..cut]).collect();
            assert_eq!(items.last(), Some(&Err(RecordError::Truncated)), "cut at {cut}");
            assert_eq!(items.iter().filter(|item| item.is_err()).count(), 1);
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = RowReader::new(&bytes).count();
        }
    }
}
