//! What the two ends of the checkpoint facility tell each other.

use alloc::vec::Vec;

/// Part of a frame: rows, and perhaps its end.
#[derive(Clone, PartialEq, prost::Message)]
pub struct FrameChunk {
    /// Number of the frame.
    #[prost(uint64, tag = "1")]
    pub frame: u64,
    /// The rows in their byte form ([`crate::RowWriter`]).
    #[prost(bytes = "vec", tag = "2")]
    pub rows: Vec<u8>,
    /// Whether the frame ends here: with that the standby commits.
    #[prost(bool, tag = "3")]
    pub end: bool,
    /// At the end: number of rows in the whole frame, so that a torn one is noticed.
    #[prost(uint32, tag = "4")]
    pub rows_in_frame: u32,
    /// At the end, once the standby holds everything: digest over all tables.
    #[prost(fixed64, optional, tag = "5")]
    pub digest: Option<u64>,
    /// The first chunk of a bulk: the standby starts with empty tables.
    #[prost(bool, tag = "6")]
    pub bulk_begin: bool,
    /// The last chunk of a bulk: with this frame's end the standby holds everything.
    #[prost(bool, tag = "7")]
    pub bulk_end: bool,
}

/// The standby has committed all frames up to this one.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Acknowledgement {
    /// Number of the last committed frame.
    #[prost(uint64, tag = "1")]
    pub frame: u64,
    /// Digest over all tables after that commit.
    #[prost(fixed64, tag = "2")]
    pub digest: u64,
}

/// The standby cannot go on with what it has, and asks for everything again.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ResyncRequest {
    /// The frame at which it noticed.
    #[prost(uint64, tag = "1")]
    pub frame: u64,
    /// What it noticed, in words for the log.
    #[prost(string, tag = "2")]
    pub why: alloc::string::String,
    /// Its digest of each table, so that the active can name the ones that differ.
    #[prost(message, repeated, tag = "3")]
    pub tables: Vec<TableDigest>,
}

/// Digest of one table.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct TableDigest {
    /// The table's number.
    #[prost(uint32, tag = "1")]
    pub table: u32,
    /// Order-free digest of its rows.
    #[prost(fixed64, tag = "2")]
    pub digest: u64,
    /// Number of its rows.
    #[prost(uint64, tag = "3")]
    pub rows: u64,
}
