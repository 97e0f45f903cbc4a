//! What the chassis as a whole remembers: how long it has been up, and its switchovers.

use alloc::string::String;
use checkpoint::{Row, Table, TableId, Tracked};
use machine::{Duration, Instant};
use redundancy::{SwitchoverEntry, SwitchoverHistory, SwitchoverRecord};

/// Age of the system, one row with key 0.
pub const SYSTEM_TABLE: TableId = TableId(30);
/// Switchovers, by index.
pub const SWITCHOVER_TABLE: TableId = TableId(31);

const ONLY_ROW: u32 = 0;
/// How often the age is written anew. It is what a lost standby's restart may forget of it at most.
const AGE_INTERVAL: Duration = Duration::from_secs(60);

/// The system's age as of the last edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemAge {
    /// Milliseconds since the chassis first had an active.
    pub uptime_ms: u64,
}

/// Tagged form of [`SystemAge`].
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct SystemAgeRecord {
    /// See [`SystemAge::uptime_ms`].
    #[prost(uint64, tag = "1")]
    pub uptime_ms: u64,
}

impl Row for SystemAge {
    type Record = SystemAgeRecord;

    fn to_record(&self) -> SystemAgeRecord {
        let SystemAge { uptime_ms } = *self;
        SystemAgeRecord { uptime_ms }
    }

    fn from_record(record: SystemAgeRecord) -> Result<Self, &'static str> {
        Ok(SystemAge {
            uptime_ms: record.uptime_ms,
        })
    }
}

/// A switchover as a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switchover(pub SwitchoverEntry);

impl Row for Switchover {
    type Record = SwitchoverRecord;

    fn to_record(&self) -> SwitchoverRecord {
        let Switchover(entry) = self;
        entry.to_record()
    }

    fn from_record(record: SwitchoverRecord) -> Result<Self, &'static str> {
        SwitchoverEntry::from_record(&record)
            .map(Switchover)
            .ok_or("switchover unit")
    }
}

/// Age and switchovers (client History).
#[derive(Clone, Debug)]
pub struct System {
    /// The age; anchored by `anchor`.
    pub age: Tracked<u32, SystemAge>,
    /// The last switchovers, oldest first.
    pub switchovers: Tracked<u32, Switchover>,
    /// The value of the row when it was last seen to change here, and when that was on our clock.
    anchor: Option<(SystemAge, Instant)>,
    /// Digest of the switchovers that this RP's NVRAM was last told to keep.
    kept: Option<u64>,
}

impl Default for System {
    fn default() -> Self {
        Self {
            age: Tracked::new(SYSTEM_TABLE),
            switchovers: Tracked::new(SWITCHOVER_TABLE),
            anchor: None,
            kept: None,
        }
    }
}

impl System {
    /// Anchors the age to our clock when its row has changed: durations cross, instants do not.
    pub fn anchor(&mut self, now: Instant) {
        let row = self.age.get(&ONLY_ROW).copied();
        if row != self.anchor.map(|(age, _)| age) {
            self.anchor = row.map(|age| (age, now));
        }
    }

    /// How long the system has been up; zero before it ever was.
    pub fn uptime(&self, now: Instant) -> Duration {
        self.anchor.map_or(Duration::ZERO, |(age, at)| {
            Duration::from_millis(age.uptime_ms) + (now - at)
        })
    }

    /// Writes the age anew when it is due (active only).
    pub fn write_age(&mut self, now: Instant) {
        let due = self.anchor.is_none_or(|(_, at)| now - at >= AGE_INTERVAL);
        if due {
            let uptime_ms = u64::try_from(self.uptime(now).as_millis()).unwrap_or(u64::MAX);
            self.age.insert(ONLY_ROW, SystemAge { uptime_ms });
            self.anchor(now);
        }
    }

    /// When the age is to be written again.
    pub fn next_age(&self) -> Instant {
        self.anchor.map_or(Instant::ZERO, |(_, at)| at + AGE_INTERVAL)
    }

    /// Adds a switchover; the oldest goes when there are too many.
    pub fn record_switchover(&mut self, mut entry: SwitchoverEntry) {
        let history = self.switchover_history();
        let last_index = history.last().map_or(0, |last| last.index);
        entry.index = last_index.checked_add(1).unwrap_or(1);
        entry.ordinal = history.count() + 1;
        self.switchovers.insert(entry.index, Switchover(entry));
        while self.switchovers.len() > SwitchoverHistory::DEFAULT_DEPTH {
            let Some(oldest) = self.switchovers.iter().next().map(|(index, _)| *index) else {
                break;
            };
            self.switchovers.remove(&oldest);
        }
    }

    /// Puts back switchovers that came another way than by rows, oldest first.
    pub fn adopt_switchovers(&mut self, entries: impl IntoIterator<Item = SwitchoverEntry>) {
        for entry in entries {
            self.switchovers.insert(entry.index, Switchover(entry));
        }
    }

    /// Switchovers since the system started.
    pub fn switchover_count(&self) -> u32 {
        self.switchover_history().count()
    }

    /// The last switchovers.
    pub fn switchover_history(&self) -> SwitchoverHistory {
        let mut history = SwitchoverHistory::new(SwitchoverHistory::MAX_DEPTH);
        for (_, row) in self.switchovers.iter() {
            history.restore(row.0);
        }
        history
    }

    /// The switchovers as this RP's NVRAM keeps them, if they are not what it was last told to keep.
    pub fn take_history_to_keep(&mut self) -> Option<String> {
        let digest = self.switchovers.digest();
        if self.kept == Some(digest) || self.switchovers.dirty_rows() > 0 {
            return None;
        }
        self.kept = Some(digest);
        Some(self.switchover_history().to_text())
    }

    /// The system starts: what NVRAM has kept of its earlier lives is all that is known.
    pub fn restore_switchovers(&mut self, kept: &str) {
        let history = SwitchoverHistory::from_text(kept, SwitchoverHistory::DEFAULT_DEPTH);
        for entry in history.iter() {
            self.switchovers.insert(entry.index, Switchover(*entry));
        }
    }
}
