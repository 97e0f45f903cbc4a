//! The rows that a session is made of: what a successor needs to go on with it.
//!
//! Four tables, by how often they change: [`Connection`] when a session is established, [`Progress`] with each segment
//! (a few numbers), [`Received`] only while the owner leaves bytes unread, [`SentChunk`] once for each write.

use crate::key::ConnectionKey;
use crate::options::{ConnectionOptions, SendLog};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use checkpoint::{Index, Row, TableId};

/// Number of the table of [`Connection`]s.
pub const CONNECTION_TABLE: TableId = TableId(70);
/// Number of the table of [`Progress`].
pub const PROGRESS_TABLE: TableId = TableId(71);
/// Number of the table of [`Received`] bytes.
pub const RECEIVED_TABLE: TableId = TableId(72);
/// Number of the table of [`SentChunk`]s.
pub const SENT_TABLE: TableId = TableId(73);

/// How large the buffers of a session's stack are. They start small, and grow while much is moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum BufferSize {
    /// 4 KiB each way.
    #[default]
    Small,
    /// 64 KiB each way.
    Medium,
    /// 256 KiB each way.
    Large,
}

impl BufferSize {
    /// Bytes of each of the two buffers.
    pub const fn bytes(self) -> usize {
        match self {
            BufferSize::Small => 4 << 10,
            BufferSize::Medium => 64 << 10,
            BufferSize::Large => 256 << 10,
        }
    }

    /// The next larger one; `None` beyond the largest.
    pub const fn larger(self) -> Option<BufferSize> {
        match self {
            BufferSize::Small => Some(BufferSize::Medium),
            BufferSize::Medium => Some(BufferSize::Large),
            BufferSize::Large => None,
        }
    }

    const fn number(self) -> u32 {
        match self {
            BufferSize::Small => 0,
            BufferSize::Medium => 1,
            BufferSize::Large => 2,
        }
    }

    const fn from_number(number: u32) -> Option<BufferSize> {
        match number {
            0 => Some(BufferSize::Small),
            1 => Some(BufferSize::Medium),
            2 => Some(BufferSize::Large),
            _ => None,
        }
    }
}

/// By how many bits windows are shifted (RFC 7323), when both ends do so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowScaling {
    /// Windows that this router announces, `0..=14`.
    pub local: u8,
    /// Windows that the peer announces, `0..=14`.
    pub remote: u8,
}

/// What the two ends agreed on when the session was established. It stays as it is, but for the buffers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Whether the peer opened the session.
    pub passive: bool,
    /// Initial sequence number of this router: its first byte has the next number.
    pub local_isn: u32,
    /// Initial sequence number of the peer.
    pub remote_isn: u32,
    /// The largest payload that the peer takes, in bytes.
    pub remote_mss: u16,
    /// Window scaling; `None` when one of the two does not do it.
    pub window_scaling: Option<WindowScaling>,
    /// Whether the peer understands selective acknowledgements.
    pub sack_permitted: bool,
    /// Size of the stack's buffers.
    pub buffers: BufferSize,
    /// What the owner decided.
    pub options: ConnectionOptions,
}

/// Tagged form of [`Connection`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct ConnectionRecord {
    /// See [`Connection::passive`].
    #[prost(bool, tag = "1")]
    pub passive: bool,
    /// See [`Connection::local_isn`].
    #[prost(fixed32, tag = "2")]
    pub local_isn: u32,
    /// See [`Connection::remote_isn`].
    #[prost(fixed32, tag = "3")]
    pub remote_isn: u32,
    /// See [`Connection::remote_mss`].
    #[prost(uint32, tag = "4")]
    pub remote_mss: u32,
    /// See [`WindowScaling::local`]; absent with the other: none.
    #[prost(uint32, optional, tag = "5")]
    pub window_shift_local: Option<u32>,
    /// See [`WindowScaling::remote`].
    #[prost(uint32, optional, tag = "6")]
    pub window_shift_remote: Option<u32>,
    /// See [`Connection::sack_permitted`].
    #[prost(bool, tag = "7")]
    pub sack_permitted: bool,
    /// See [`Connection::buffers`]: 0 small, 1 medium, 2 large.
    #[prost(uint32, tag = "8")]
    pub buffers: u32,
    /// See [`ConnectionOptions::ttl`].
    #[prost(uint32, tag = "9")]
    pub ttl: u32,
    /// See [`ConnectionOptions::ttl_min`].
    #[prost(uint32, tag = "10")]
    pub ttl_min: u32,
    /// See [`ConnectionOptions::type_of_service`].
    #[prost(uint32, tag = "11")]
    pub type_of_service: u32,
    /// See [`ConnectionOptions::mtu`].
    #[prost(uint32, tag = "12")]
    pub mtu: u32,
    /// See [`ConnectionOptions::md5_key`].
    #[prost(bytes = "vec", tag = "13")]
    pub md5_key: Vec<u8>,
    /// Whether the owner keeps what is not acknowledged: [`SendLog::Owner`].
    #[prost(bool, tag = "14")]
    pub owner_keeps_log: bool,
}

fn byte(value: u32, field: &'static str) -> Result<u8, &'static str> {
    u8::try_from(value).map_err(|_| field)
}

impl Row for Connection {
    type Record = ConnectionRecord;

    fn to_record(&self) -> ConnectionRecord {
        let Connection {
            passive,
            local_isn,
            remote_isn,
            remote_mss,
            window_scaling,
            sack_permitted,
            buffers,
            options,
        } = self;
        let ConnectionOptions {
            ttl,
            ttl_min,
            type_of_service,
            mtu,
            md5_key,
            send_log,
        } = options;
        ConnectionRecord {
            passive: *passive,
            local_isn: *local_isn,
            remote_isn: *remote_isn,
            remote_mss: u32::from(*remote_mss),
            window_shift_local: window_scaling.map(|scaling| u32::from(scaling.local)),
            window_shift_remote: window_scaling.map(|scaling| u32::from(scaling.remote)),
            sack_permitted: *sack_permitted,
            buffers: buffers.number(),
            ttl: u32::from(*ttl),
            ttl_min: u32::from(*ttl_min),
            type_of_service: u32::from(*type_of_service),
            mtu: u32::from(*mtu),
            md5_key: md5_key.clone(),
            owner_keeps_log: *send_log == SendLog::Owner,
        }
    }

    fn from_record(record: ConnectionRecord) -> Result<Self, &'static str> {
        const SHIFT_MAX: u32 = packet::tcp::WINDOW_SHIFT_MAX as u32;
        let window_scaling = match (record.window_shift_local, record.window_shift_remote) {
            (None, None) => None,
            (Some(local @ ..=SHIFT_MAX), Some(remote @ ..=SHIFT_MAX)) => Some(WindowScaling {
                local: byte(local, "window shift")?,
                remote: byte(remote, "window shift")?,
            }),
            _ => return Err("window shift"),
        };
        let options = ConnectionOptions {
            ttl: byte(record.ttl, "TTL")?,
            ttl_min: byte(record.ttl_min, "minimum TTL")?,
            type_of_service: byte(record.type_of_service, "type of service")?,
            mtu: u16::try_from(record.mtu).map_err(|_| "MTU")?,
            md5_key: record.md5_key,
            send_log: match record.owner_keeps_log {
                true => SendLog::Owner,
                false => SendLog::Kept,
            },
        };
        options.check().map_err(|_| "connection options")?;
        Ok(Connection {
            passive: record.passive,
            local_isn: record.local_isn,
            remote_isn: record.remote_isn,
            remote_mss: u16::try_from(record.remote_mss).map_err(|_| "MSS")?,
            window_scaling,
            sack_permitted: record.sack_permitted,
            buffers: BufferSize::from_number(record.buffers).ok_or("buffer size")?,
            options,
        })
    }
}

/// How far a session is. Counts start at the first byte of each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that the owner has written.
    pub written: u64,
    /// Bytes of these that the peer has acknowledged.
    pub acknowledged: u64,
    /// Bytes of these that may have left this router, and one more when the FIN may have. An acknowledgement goes out with
    /// the number after these: with a lower one a peer that has more drops it, with a higher one any peer does.
    pub sent: u64,
    /// Bytes received in order, consumed or not: what the peer may be told.
    pub received: u64,
    /// Whether the owner has closed: after what was written comes a FIN.
    pub closing: bool,
    /// Whether the peer has closed: after what was received came a FIN.
    pub peer_closed: bool,
}

impl Progress {
    /// Number of the first byte that the peer has not acknowledged (SND.UNA).
    pub fn send_unacknowledged(&self, connection: &Connection) -> u32 {
        // Sequence numbers are counts modulo 2^32.
        connection
            .local_isn
            .wrapping_add(1)
            .wrapping_add(self.acknowledged as u32)
    }

    /// Number of the first byte that was never sent (SND.NXT).
    pub fn send_next(&self, connection: &Connection) -> u32 {
        connection
            .local_isn
            .wrapping_add(1)
            .wrapping_add(self.sent as u32)
    }

    /// Number of the byte that is expected next (RCV.NXT).
    pub fn receive_next(&self, connection: &Connection) -> u32 {
        connection
            .remote_isn
            .wrapping_add(1)
            .wrapping_add(self.received as u32)
            .wrapping_add(u32::from(self.peer_closed))
    }
}

/// Tagged form of [`Progress`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct ProgressRecord {
    /// See [`Progress::written`].
    #[prost(uint64, tag = "1")]
    pub written: u64,
    /// See [`Progress::acknowledged`].
    #[prost(uint64, tag = "2")]
    pub acknowledged: u64,
    /// See [`Progress::received`].
    #[prost(uint64, tag = "3")]
    pub received: u64,
    /// See [`Progress::closing`].
    #[prost(bool, tag = "4")]
    pub closing: bool,
    /// See [`Progress::peer_closed`].
    #[prost(bool, tag = "5")]
    pub peer_closed: bool,
    /// See [`Progress::sent`].
    #[prost(uint64, tag = "6")]
    pub sent: u64,
}

impl Row for Progress {
    type Record = ProgressRecord;

    fn to_record(&self) -> ProgressRecord {
        let Progress {
            written,
            acknowledged,
            sent,
            received,
            closing,
            peer_closed,
        } = *self;
        ProgressRecord {
            written,
            acknowledged,
            received,
            closing,
            peer_closed,
            sent,
        }
    }

    fn from_record(record: ProgressRecord) -> Result<Self, &'static str> {
        let ProgressRecord {
            written,
            acknowledged,
            received,
            closing,
            peer_closed,
            sent,
        } = record;
        if acknowledged > written || acknowledged > sent {
            return Err("acknowledged bytes");
        }
        if sent > written.saturating_add(u64::from(closing)) {
            return Err("sent bytes");
        }
        Ok(Progress {
            written,
            acknowledged,
            sent,
            received,
            closing,
            peer_closed,
        })
    }
}

/// Sessions with which something is to be done even if nobody asks: bytes to be sent again, an end to be reached.
#[derive(Clone, Debug, Default)]
pub struct Unfinished(BTreeSet<ConnectionKey>);

impl Unfinished {
    fn is(progress: &Progress) -> bool {
        progress.acknowledged < progress.written || progress.closing || progress.peer_closed
    }

    /// These sessions, in order.
    pub fn iter(&self) -> impl Iterator<Item = &ConnectionKey> {
        self.0.iter()
    }
}

impl Index<ConnectionKey, Progress> for Unfinished {
    fn inserted(&mut self, key: &ConnectionKey, progress: &Progress) {
        if Unfinished::is(progress) {
            self.0.insert(*key);
        }
    }

    fn removed(&mut self, key: &ConnectionKey, progress: &Progress) {
        if Unfinished::is(progress) {
            self.0.remove(key);
        }
    }
}

/// Bytes that the owner has not consumed; there is no row without a byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The last bytes of those that [`Progress::received`] counts.
    pub bytes: Vec<u8>,
}

/// Tagged form of [`Received`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct ReceivedRecord {
    /// See [`Received::bytes`].
    #[prost(bytes = "vec", tag = "1")]
    pub bytes: Vec<u8>,
}

impl Row for Received {
    type Record = ReceivedRecord;

    fn to_record(&self) -> ReceivedRecord {
        let Received { bytes } = self.clone();
        ReceivedRecord { bytes }
    }

    fn from_record(record: ReceivedRecord) -> Result<Self, &'static str> {
        let ReceivedRecord { bytes } = record;
        Ok(Received { bytes })
    }
}

/// What was written at once and is not wholly acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentChunk {
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Tagged form of [`SentChunk`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct SentChunkRecord {
    /// See [`SentChunk::bytes`].
    #[prost(bytes = "vec", tag = "1")]
    pub bytes: Vec<u8>,
}

impl Row for SentChunk {
    type Record = SentChunkRecord;

    fn to_record(&self) -> SentChunkRecord {
        let SentChunk { bytes } = self.clone();
        SentChunkRecord { bytes }
    }

    fn from_record(record: SentChunkRecord) -> Result<Self, &'static str> {
        let SentChunkRecord { bytes } = record;
        Ok(SentChunk { bytes })
    }
}
