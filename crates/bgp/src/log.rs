//! Messages that have been promised to neighbours: bytes once, however many read them.
//!
//! ```text
//!   group's log    [10][11][12][13]                  what all members are sent, each message with its audience
//!                        ▲       ▲
//!   neighbour's     10..12 sent, not acknowledged      pieces: runs of either log, in the order of the stream
//!   stream          + own 3..4   13 is next
//! ```
//!
//! A byte is in a row before it is in a segment. So a successor sends again exactly what the neighbour has not
//! acknowledged, and goes on at `next`: nothing is left out, and nothing is told twice.

use ::checkpoint::{Row, TableId};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::id::{GroupId, PeerId};

/// Number of the table of messages.
pub const LOG_TABLE: TableId = TableId(88);
/// Number of the table of streams.
pub const STREAMS_TABLE: TableId = TableId(89);

/// Who of a group is sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// All members.
    All,
    /// All but the one whose path it is.
    AllBut(PeerId),
    /// Only the one whose path has taken the place of another that he was told of.
    Only(PeerId),
}

impl Audience {
    /// Whether `peer` is sent it.
    pub fn has(self, peer: PeerId) -> bool {
        match self {
            Audience::All => true,
            Audience::AllBut(other) => other != peer,
            Audience::Only(one) => one == peer,
        }
    }
}

/// A message of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogMessage {
    /// The whole message.
    pub bytes: Box<[u8]>,
    /// Who is sent it.
    pub audience: Audience,
}

/// Tagged form of [`LogMessage`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct LogMessageRecord {
    /// See [`LogMessage::bytes`].
    #[prost(bytes = "vec", tag = "1")]
    pub bytes: Vec<u8>,
    /// 0: all, 1: all but `peer`, 2: only `peer`.
    #[prost(uint32, tag = "2")]
    pub audience: u32,
    /// Whom `audience` is about.
    #[prost(uint32, tag = "3")]
    pub peer: u32,
}

impl Row for LogMessage {
    type Record = LogMessageRecord;

    fn to_record(&self) -> LogMessageRecord {
        let LogMessage { bytes, audience } = self;
        let (audience, peer) = match audience {
            Audience::All => (0, 0),
            Audience::AllBut(peer) => (1, u32::from(peer.0)),
            Audience::Only(peer) => (2, u32::from(peer.0)),
        };
        LogMessageRecord {
            bytes: bytes.to_vec(),
            audience,
            peer,
        }
    }

    fn from_record(record: LogMessageRecord) -> Result<Self, &'static str> {
        let peer = PeerId(u16::try_from(record.peer).map_err(|_| "peer")?);
        let audience = match record.audience {
            0 => Audience::All,
            1 => Audience::AllBut(peer),
            2 => Audience::Only(peer),
            _ => return Err("audience"),
        };
        Ok(LogMessage {
            bytes: record.bytes.into(),
            audience,
        })
    }
}

/// Messages of one log that follow each other in a stream: places `first..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Whether they are in the neighbour's own log.
    pub own: bool,
    /// Place of the first.
    pub first: u64,
    /// Place after the last.
    pub end: u64,
}

/// Tagged form of [`Piece`].
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct PieceRecord {
    /// See [`Piece::own`].
    #[prost(bool, tag = "1")]
    pub own: bool,
    /// See [`Piece::first`].
    #[prost(uint64, tag = "2")]
    pub first: u64,
    /// See [`Piece::end`].
    #[prost(uint64, tag = "3")]
    pub end: u64,
}

/// What a walk over all routes of a family is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WalkKind {
    /// The neighbour has been told nothing behind its place.
    #[default]
    First,
    /// It has asked to be told again; what is behind its place is what it was told before.
    Again,
    /// It comes from another group ([`Stream::leaving`]): behind its place it knows what that one was told.
    Move,
}

/// How far a walk over all routes of a family has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// 0: IPv4 unicast, 1: IPv6 unicast.
    pub family: u8,
    /// The last prefix looked at, as a row's key; empty at the start.
    pub position: Vec<u8>,
    /// Whether End-of-RIB follows.
    pub end_of_rib: bool,
    /// What it is for.
    pub kind: WalkKind,
}

/// Tagged form of [`Walk`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct WalkRecord {
    /// See [`Walk::family`].
    #[prost(uint32, tag = "1")]
    pub family: u32,
    /// See [`Walk::position`].
    #[prost(bytes = "vec", tag = "2")]
    pub position: Vec<u8>,
    /// See [`Walk::end_of_rib`].
    #[prost(bool, tag = "3")]
    pub end_of_rib: bool,
    /// See [`Walk::kind`]: 0 first, 1 again, 2 move.
    #[prost(uint32, tag = "4")]
    pub kind: u32,
}

/// The group that a neighbour comes from, while it is on its way to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// The group.
    pub group: GroupId,
    /// Place in its log that is read next.
    pub next: u64,
}

/// Tagged form of [`Leaving`].
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct LeavingRecord {
    /// See [`Leaving::group`].
    #[prost(uint32, tag = "1")]
    pub group: u32,
    /// See [`Leaving::next`].
    #[prost(uint64, tag = "2")]
    pub next: u64,
}

/// What a neighbour is being sent. Offsets count the bytes of the session's stream from its first one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// Where the first of `pieces` starts: everything before has been acknowledged.
    pub start: u64,
    /// Where the last of `pieces` ends.
    pub end: u64,
    /// Promised and not acknowledged.
    pub pieces: VecDeque<Piece>,
    /// Place in the group's log that is read next.
    pub next: u64,
    /// Place in the own log that the next message gets.
    pub next_own: u64,
    /// Walks that are under way, one after the other.
    pub walks: VecDeque<Walk>,
    /// Messages of this session so far.
    pub messages: u64,
    /// KEEPALIVEs among them.
    pub keepalives: u64,
    /// ROUTE-REFRESHs among them.
    pub route_refreshes: u64,
    /// The group that it comes from, while walks of [`WalkKind::Move`] are under way.
    pub leaving: Option<Leaving>,
}

impl Stream {
    /// About how many messages are promised and not acknowledged: some of those in between may be for others.
    pub fn waiting(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.end - piece.first).sum()
    }

    /// Messages of this session by kind: OPEN, UPDATE, NOTIFICATION, KEEPALIVE, ROUTE-REFRESH. A NOTIFICATION ends it.
    pub fn sent(&self) -> [u64; 5] {
        let others = 1 + self.keepalives + self.route_refreshes;
        let updates = self.messages.saturating_sub(others);
        [1, updates, 0, self.keepalives, self.route_refreshes]
    }

    /// Appends the message at `place` of either log, of `length` bytes.
    pub(crate) fn append(&mut self, own: bool, place: u64, length: usize) {
        self.end += length as u64;
        // Without bytes it is one that has only moved to another log.
        self.messages += u64::from(length > 0);
        match self.pieces.back_mut() {
            // Messages in between that are not for this neighbour belong to the run: the audience tells them apart.
            Some(piece) if piece.own == own && (piece.end == place || (!own && piece.end < place)) => {
                piece.end = place + 1
            }
            _ => self.pieces.push_back(Piece {
                own,
                first: place,
                end: place + 1,
            }),
        }
    }
}

/// Tagged form of [`Stream`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct StreamRecord {
    /// See [`Stream::start`].
    #[prost(uint64, tag = "1")]
    pub start: u64,
    /// See [`Stream::end`].
    #[prost(uint64, tag = "2")]
    pub end: u64,
    /// See [`Stream::pieces`].
    #[prost(message, repeated, tag = "3")]
    pub pieces: Vec<PieceRecord>,
    /// See [`Stream::next`].
    #[prost(uint64, tag = "4")]
    pub next: u64,
    /// See [`Stream::next_own`].
    #[prost(uint64, tag = "5")]
    pub next_own: u64,
    /// See [`Stream::walks`].
    #[prost(message, repeated, tag = "6")]
    pub walks: Vec<WalkRecord>,
    /// See [`Stream::messages`].
    #[prost(uint64, tag = "7")]
    pub messages: u64,
    /// See [`Stream::leaving`].
    #[prost(message, optional, tag = "8")]
    pub leaving: Option<LeavingRecord>,
    /// See [`Stream::keepalives`].
    #[prost(uint64, tag = "9")]
    pub keepalives: u64,
    /// See [`Stream::route_refreshes`].
    #[prost(uint64, tag = "10")]
    pub route_refreshes: u64,
}

impl Row for Stream {
    type Record = StreamRecord;

    fn to_record(&self) -> StreamRecord {
        let Stream {
            start,
            end,
            pieces,
            next,
            next_own,
            walks,
            messages,
            keepalives,
            route_refreshes,
            leaving,
        } = self;
        let piece = |piece: &Piece| {
            let Piece { own, first, end } = *piece;
            PieceRecord { own, first, end }
        };
        let walk = |walk: &Walk| {
            let Walk {
                family,
                position,
                end_of_rib,
                kind,
            } = walk;
            WalkRecord {
                family: u32::from(*family),
                position: position.clone(),
                end_of_rib: *end_of_rib,
                kind: match kind {
                    WalkKind::First => 0,
                    WalkKind::Again => 1,
                    WalkKind::Move => 2,
                },
            }
        };
        let leaving = leaving.map(|Leaving { group, next }| LeavingRecord {
            group: u32::from(group.0),
            next,
        });
        StreamRecord {
            start: *start,
            end: *end,
            pieces: pieces.iter().map(piece).collect(),
            next: *next,
            next_own: *next_own,
            walks: walks.iter().map(walk).collect(),
            messages: *messages,
            leaving,
            keepalives: *keepalives,
            route_refreshes: *route_refreshes,
        }
    }

    fn from_record(record: StreamRecord) -> Result<Self, &'static str> {
        let walk = |walk: WalkRecord| {
            Ok(Walk {
                family: u8::try_from(walk.family)
                    .ok()
                    .filter(|family| *family < 2)
                    .ok_or("walk")?,
                position: walk.position,
                end_of_rib: walk.end_of_rib,
                kind: match walk.kind {
                    0 => WalkKind::First,
                    1 => WalkKind::Again,
                    2 => WalkKind::Move,
                    _ => return Err("walk"),
                },
            })
        };
        let leaving = |leaving: LeavingRecord| {
            let group = u16::try_from(leaving.group).map_err(|_| "leaving")?;
            let next = leaving.next;
            Ok(Leaving {
                group: GroupId(group),
                next,
            })
        };
        let piece = |piece: PieceRecord| Piece {
            own: piece.own,
            first: piece.first,
            end: piece.end,
        };
        if record.end < record.start || record.pieces.iter().any(|piece| piece.end <= piece.first) {
            return Err("pieces");
        }
        Ok(Stream {
            start: record.start,
            end: record.end,
            pieces: record.pieces.into_iter().map(piece).collect(),
            next: record.next,
            next_own: record.next_own,
            walks: record.walks.into_iter().map(walk).collect::<Result<_, _>>()?,
            messages: record.messages,
            keepalives: record.keepalives,
            route_refreshes: record.route_refreshes,
            leaving: record.leaving.map(leaving).transpose()?,
        })
    }
}

/// That a slow neighbour has missed news of a prefix; the row's key says which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missed;

/// Tagged form of [`Missed`]: nothing but its key.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct MissedRecord {
    /// Always true, so that the record has bytes.
    #[prost(bool, tag = "1")]
    pub missed: bool,
}

impl Row for Missed {
    type Record = MissedRecord;

    fn to_record(&self) -> MissedRecord {
        let Missed = self;
        MissedRecord { missed: true }
    }

    fn from_record(_: MissedRecord) -> Result<Self, &'static str> {
        Ok(Missed)
    }
}
