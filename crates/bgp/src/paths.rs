//! Adj-RIB-In and Loc-RIB in one row for each prefix: every path to it, and which of them are used.

use ::checkpoint::{Index, Row};
use alloc::boxed::Box;
use alloc::vec::Vec;
use packet::Family;

use crate::attributes::References;
use crate::family::RouteKey;
use crate::id::{AttributeId, PeerId};

/// Most paths to one prefix: as many as there are neighbours that fit a record.
pub const PATHS_MAX: usize = 4096;

/// The path that packets take and neighbours are told.
pub const BEST: u16 = 0x1;
/// A path that shares the load with the best one.
pub const MULTIPATH: u16 = 0x2;
/// Our own route from `network`, not from elsewhere.
pub const NETWORK: u16 = 0x4;

/// One way to a prefix, as one neighbour told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// Who told it.
    pub peer: PeerId,
    /// The neighbour's generation when it did: a path of an earlier one is stale.
    pub generation: u16,
    /// Preference within this router; the higher wins.
    pub weight: u16,
    /// [`BEST`] and others.
    pub flags: u16,
    /// The attributes as received.
    pub received: AttributeId,
    /// The attributes after policy; [`AttributeId::NONE`] when that refused it.
    pub accepted: AttributeId,
}

impl Path {
    /// Whether this is the path that packets take.
    pub const fn is_best(&self) -> bool {
        self.flags & BEST != 0
    }

    /// Whether packets take it, alone or with others.
    pub const fn is_used(&self) -> bool {
        self.flags & (BEST | MULTIPATH) != 0
    }
}

/// All paths to one prefix, the oldest first. Most prefixes have one, so that takes no memory of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paths {
    /// The only one.
    One(Path),
    /// Several.
    Many(Box<[Path]>),
}

impl Paths {
    /// The row of these paths; `None` for none.
    pub fn from_slice(paths: &[Path]) -> Option<Paths> {
        match paths {
            [] => None,
            [only] => Some(Paths::One(*only)),
            several => Some(Paths::Many(several.into())),
        }
    }

    /// The paths, the oldest first.
    pub fn as_slice(&self) -> &[Path] {
        match self {
            Paths::One(path) => core::slice::from_ref(path),
            Paths::Many(paths) => paths,
        }
    }

    /// The path that packets take.
    pub fn best(&self) -> Option<&Path> {
        self.as_slice().iter().find(|path| path.is_best())
    }

    /// The path of `peer`.
    pub fn of(&self, peer: PeerId) -> Option<&Path> {
        self.as_slice().iter().find(|path| path.peer == peer)
    }
}

/// Tagged form of [`Path`].
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct PathRecord {
    /// See [`Path::peer`].
    #[prost(uint32, tag = "1")]
    pub peer: u32,
    /// See [`Path::generation`].
    #[prost(uint32, tag = "2")]
    pub generation: u32,
    /// See [`Path::weight`].
    #[prost(uint32, tag = "3")]
    pub weight: u32,
    /// See [`Path::flags`].
    #[prost(uint32, tag = "4")]
    pub flags: u32,
    /// See [`Path::received`].
    #[prost(uint32, tag = "5")]
    pub received: u32,
    /// See [`Path::accepted`].
    #[prost(uint32, tag = "6")]
    pub accepted: u32,
}

/// Tagged form of [`Paths`]: the first path in the record itself, because most prefixes have no other.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PathsRecord {
    /// See [`Path::peer`].
    #[prost(uint32, tag = "1")]
    pub peer: u32,
    /// See [`Path::generation`].
    #[prost(uint32, tag = "2")]
    pub generation: u32,
    /// See [`Path::weight`].
    #[prost(uint32, tag = "3")]
    pub weight: u32,
    /// See [`Path::flags`].
    #[prost(uint32, tag = "4")]
    pub flags: u32,
    /// See [`Path::received`].
    #[prost(uint32, tag = "5")]
    pub received: u32,
    /// See [`Path::accepted`].
    #[prost(uint32, tag = "6")]
    pub accepted: u32,
    /// The paths after the first.
    #[prost(message, repeated, tag = "7")]
    pub more: Vec<PathRecord>,
}

fn to_record(path: &Path) -> PathRecord {
    let Path {
        peer,
        generation,
        weight,
        flags,
        received,
        accepted,
    } = *path;
    PathRecord {
        peer: u32::from(peer.0),
        generation: u32::from(generation),
        weight: u32::from(weight),
        flags: u32::from(flags),
        received: received.0,
        accepted: accepted.0,
    }
}

fn from_record(record: &PathRecord) -> Result<Path, &'static str> {
    Ok(Path {
        peer: PeerId(u16::try_from(record.peer).map_err(|_| "peer")?),
        generation: u16::try_from(record.generation).map_err(|_| "generation")?,
        weight: u16::try_from(record.weight).map_err(|_| "weight")?,
        flags: u16::try_from(record.flags).map_err(|_| "flags")?,
        received: AttributeId(record.received),
        accepted: AttributeId(record.accepted),
    })
}

impl Row for Paths {
    type Record = PathsRecord;

    fn to_record(&self) -> PathsRecord {
        let paths = self.as_slice();
        let first = paths.first().map(to_record).unwrap_or_default();
        PathsRecord {
            peer: first.peer,
            generation: first.generation,
            weight: first.weight,
            flags: first.flags,
            received: first.received,
            accepted: first.accepted,
            more: paths.iter().skip(1).map(to_record).collect(),
        }
    }

    fn from_record(record: PathsRecord) -> Result<Self, &'static str> {
        let first = from_record(&PathRecord {
            peer: record.peer,
            generation: record.generation,
            weight: record.weight,
            flags: record.flags,
            received: record.received,
            accepted: record.accepted,
        })?;
        if record.more.is_empty() {
            return Ok(Paths::One(first));
        }
        if record.more.len() >= PATHS_MAX {
            return Err("paths");
        }
        let mut paths = Vec::with_capacity(1 + record.more.len());
        paths.push(first);
        for more in &record.more {
            paths.push(from_record(more)?);
        }
        Ok(Paths::Many(paths.into()))
    }
}

/// What paths are counted by.
#[derive(Clone, Debug, Default)]
pub struct PathsIndex {
    references: References,
    /// Paths of each neighbour, and how many of them policy took.
    by_peer: Vec<PeerCount>,
    paths: u64,
}

/// How many paths a neighbour has here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerCount {
    /// All of them.
    pub received: u32,
    /// Those that policy took.
    pub accepted: u32,
    /// Those that are the best of their prefix.
    pub best: u32,
}

impl PathsIndex {
    /// How many rows name each set of attributes.
    pub fn references(&self) -> &References {
        &self.references
    }

    /// How many paths `peer` has here.
    pub fn count(&self, peer: PeerId) -> PeerCount {
        self.by_peer.get(usize::from(peer.0)).copied().unwrap_or_default()
    }

    /// Number of paths to all prefixes.
    pub fn paths(&self) -> u64 {
        self.paths
    }

    fn peer(&mut self, peer: PeerId) -> &mut PeerCount {
        let at = usize::from(peer.0);
        if self.by_peer.len() <= at {
            self.by_peer.resize(at + 1, PeerCount::default());
        }
        &mut self.by_peer[at]
    }
}

impl<F: Family> Index<RouteKey<F>, Paths> for PathsIndex {
    fn inserted(&mut self, _: &RouteKey<F>, paths: &Paths) {
        for path in paths.as_slice() {
            self.references.add(path.received);
            self.references.add(path.accepted);
            let count = self.peer(path.peer);
            count.received += 1;
            count.accepted += u32::from(path.accepted.is_some());
            count.best += u32::from(path.is_best());
            self.paths += 1;
        }
    }

    fn removed(&mut self, _: &RouteKey<F>, paths: &Paths) {
        for path in paths.as_slice() {
            self.references.release(path.received);
            self.references.release(path.accepted);
            let count = self.peer(path.peer);
            count.received -= 1;
            count.accepted -= u32::from(path.accepted.is_some());
            count.best -= u32::from(path.is_best());
            self.paths -= 1;
        }
    }
}
