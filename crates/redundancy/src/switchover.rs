//! The record of switchovers: who handed over to whom, why and when.
//!
//! The entries outlive a switchover (they are checkpointed like any other state), so the unit that tells about a
//! switchover is the one that gained from it. `index` runs from 1; the oldest entry is replaced when the table is full
//! (CISCO-RF-MIB, `cRFHistorySwitchOverTable`).

use crate::facility::PeerLoss;
use alloc::collections::VecDeque;
use alloc::string::String;
use core::fmt::{self, Write};
use machine::RpSlot;
use prost::Message;

/// Why the activity moved; texts of the command line and values of the SNMP type RFSwactReasonType.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SwitchoverReason {
    /// No reason can be told on this system.
    Unsupported,
    /// There was no switchover.
    None,
    /// The reason is not known.
    NotKnown,
    /// Asked for, after all checks.
    UserInitiated,
    /// Forced by the operator.
    UserForced,
    /// The active crashed or stopped responding.
    ActiveUnitFailed,
    /// The active was pulled out or powered off.
    ActiveUnitRemoved,
}

impl SwitchoverReason {
    /// Value of RFSwactReasonType, 1 to 7.
    pub const fn snmp(self) -> u32 {
        match self {
            SwitchoverReason::Unsupported => 1,
            SwitchoverReason::None => 2,
            SwitchoverReason::NotKnown => 3,
            SwitchoverReason::UserInitiated => 4,
            SwitchoverReason::UserForced => 5,
            SwitchoverReason::ActiveUnitFailed => 6,
            SwitchoverReason::ActiveUnitRemoved => 7,
        }
    }

    /// Reverse of [`SwitchoverReason::snmp`].
    pub const fn from_snmp(value: u32) -> Option<SwitchoverReason> {
        match value {
            1 => Some(SwitchoverReason::Unsupported),
            2 => Some(SwitchoverReason::None),
            3 => Some(SwitchoverReason::NotKnown),
            4 => Some(SwitchoverReason::UserInitiated),
            5 => Some(SwitchoverReason::UserForced),
            6 => Some(SwitchoverReason::ActiveUnitFailed),
            7 => Some(SwitchoverReason::ActiveUnitRemoved),
            _ => None,
        }
    }
}

impl fmt::Display for SwitchoverReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            SwitchoverReason::Unsupported => "unsupported",
            SwitchoverReason::None => "none",
            SwitchoverReason::NotKnown => "not known",
            SwitchoverReason::UserInitiated => "user initiated",
            SwitchoverReason::UserForced => "user forced",
            SwitchoverReason::ActiveUnitFailed => "active unit failed",
            SwitchoverReason::ActiveUnitRemoved => "active unit removed",
        })
    }
}

/// The number by which operators and SNMP know a unit: 48 for R0, 49 for R1.
pub const fn unit_id(slot: RpSlot) -> u32 {
    48 + slot as u32
}

/// Reverse of [`unit_id`].
pub const fn slot_of_unit(unit: u32) -> Option<RpSlot> {
    match unit {
        48 => Some(RpSlot::R0),
        49 => Some(RpSlot::R1),
        _ => None,
    }
}

/// One switchover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwitchoverEntry {
    /// Number of the entry, from 1.
    pub index: u32,
    /// Who was active before.
    pub previous: RpSlot,
    /// Who became active.
    pub current: RpSlot,
    /// Why.
    pub reason: SwitchoverReason,
    /// How the active before was lost; `None` when it was not, or nobody knows.
    pub loss: Option<PeerLoss>,
    /// When, in seconds since 1970-01-01 00:00:00 UTC of the new active's wall clock.
    pub unix_seconds: u64,
    /// The how many-th it is since the system started, from 1; 0: it was before that, and is known from NVRAM.
    pub ordinal: u32,
}

/// A [`SwitchoverEntry`] as it is checkpointed. Tags are never reused.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct SwitchoverRecord {
    /// Number of the entry.
    #[prost(uint32, tag = "1")]
    pub index: u32,
    /// Unit that was active before.
    #[prost(uint32, tag = "2")]
    pub previous_unit: u32,
    /// Unit that became active.
    #[prost(uint32, tag = "3")]
    pub current_unit: u32,
    /// Value of RFSwactReasonType.
    #[prost(uint32, tag = "4")]
    pub reason: u32,
    /// Seconds since 1970 UTC.
    #[prost(uint64, tag = "5")]
    pub unix_seconds: u64,
    /// See [`SwitchoverEntry::ordinal`].
    #[prost(uint32, tag = "6")]
    pub ordinal: u32,
    /// See [`PeerLoss::number`]; 0: none.
    #[prost(uint32, tag = "7")]
    pub loss: u32,
}

impl SwitchoverEntry {
    /// The entry as a record.
    pub fn to_record(&self) -> SwitchoverRecord {
        let SwitchoverEntry {
            index,
            previous,
            current,
            reason,
            loss,
            unix_seconds,
            ordinal,
        } = *self;
        SwitchoverRecord {
            index,
            previous_unit: unit_id(previous),
            current_unit: unit_id(current),
            reason: reason.snmp(),
            unix_seconds,
            ordinal,
            loss: loss.map_or(0, PeerLoss::number),
        }
    }

    /// The record's entry; `None` when a unit is unknown. A reason of a newer release reads as not known.
    pub fn from_record(record: &SwitchoverRecord) -> Option<SwitchoverEntry> {
        let SwitchoverRecord {
            index,
            previous_unit,
            current_unit,
            reason,
            unix_seconds,
            ordinal,
            loss,
        } = *record;
        Some(SwitchoverEntry {
            index,
            previous: slot_of_unit(previous_unit)?,
            current: slot_of_unit(current_unit)?,
            reason: SwitchoverReason::from_snmp(reason).unwrap_or(SwitchoverReason::NotKnown),
            loss: PeerLoss::from_number(loss),
            unix_seconds,
            ordinal,
        })
    }
}

/// The last switchovers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchoverHistory {
    entries: VecDeque<SwitchoverEntry>,
    depth: usize,
    last_index: u32,
    ordinal: u32,
}

impl Default for SwitchoverHistory {
    fn default() -> Self {
        Self::new(Self::DEFAULT_DEPTH)
    }
}

impl SwitchoverHistory {
    /// Entries kept unless configured otherwise (`cRFHistoryTableMaxLength`).
    pub const DEFAULT_DEPTH: usize = 10;
    /// Most entries that may be kept.
    pub const MAX_DEPTH: usize = 50;

    /// A history of at most `depth` entries, cut at [`SwitchoverHistory::MAX_DEPTH`]; 0 keeps none.
    pub fn new(depth: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            depth: depth.min(Self::MAX_DEPTH),
            last_index: 0,
            ordinal: 0,
        }
    }

    /// Adds a switchover and returns its entry. The index goes back to 1 after the highest number.
    pub fn add(
        &mut self,
        previous: RpSlot,
        current: RpSlot,
        reason: SwitchoverReason,
        unix_seconds: u64,
    ) -> SwitchoverEntry {
        self.last_index = self.last_index.checked_add(1).unwrap_or(1);
        self.ordinal += 1;
        let entry = SwitchoverEntry {
            ordinal: self.ordinal,
            index: self.last_index,
            previous,
            current,
            reason,
            loss: None,
            unix_seconds,
        };
        self.keep(entry);
        entry
    }

    /// Takes an entry that came as a record.
    pub fn restore(&mut self, entry: SwitchoverEntry) {
        self.last_index = entry.index;
        self.ordinal = entry.ordinal;
        self.keep(entry);
    }

    /// Oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &SwitchoverEntry> {
        self.entries.iter()
    }

    /// The newest entry.
    pub fn last(&self) -> Option<&SwitchoverEntry> {
        self.entries.back()
    }

    /// Switchovers since the system started.
    pub fn count(&self) -> u32 {
        self.ordinal
    }

    /// The entries as NVRAM keeps them: a line for each, oldest first.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            let (previous, current) = (unit_id(entry.previous), unit_id(entry.current));
            let (index, reason, unix_seconds) = (entry.index, entry.reason.snmp(), entry.unix_seconds);
            // Writing to a String cannot fail.
            let loss = entry.loss.map_or(0, PeerLoss::number);
            let _ = writeln!(
                text,
                "{index} {previous} {current} {reason} {unix_seconds} {loss}"
            );
        }
        text
    }

    /// Reverse of [`SwitchoverHistory::to_text`], for a system that starts: all of it was before. Lines that are no entries, or that
    /// do not follow the one before them, are left out.
    pub fn from_text(text: &str, depth: usize) -> Self {
        let mut history = Self::new(depth);
        for entry in text.lines().filter_map(entry_of_line) {
            if entry.index > history.last_index {
                history.restore(entry);
            }
        }
        history
    }

    fn keep(&mut self, entry: SwitchoverEntry) {
        if self.depth == 0 {
            return;
        }
        if self.entries.len() == self.depth {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }
}

fn entry_of_line(line: &str) -> Option<SwitchoverEntry> {
    let mut numbers = line.split(' ').map(str::parse::<u64>);
    let mut number = || numbers.next()?.ok();
    let mut small = || u32::try_from(number()?).ok();
    let (index, previous, current, reason) = (small()?, small()?, small()?, small()?);
    SwitchoverEntry::from_record(&SwitchoverRecord {
        index,
        previous_unit: previous,
        current_unit: current,
        reason,
        unix_seconds: number()?,
        ordinal: 0,
        // A file of before the losses were told apart has none.
        loss: number().and_then(|loss| u32::try_from(loss).ok()).unwrap_or(0),
    })
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A wall-clock moment as it stands before a system message: `*Sep 23 03:26:09.123: `. The asterisk says that no time
/// source vouches for the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyslogTime {
    /// Milliseconds since 1970-01-01 00:00:00 UTC.
    pub unix_ms: u64,
}

impl fmt::Display for SyslogTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, milliseconds) = (self.unix_ms / 1000, self.unix_ms % 1000);
        let (_, month, day) = civil_date(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let month = MONTHS[(month - 1) as usize];
        write!(
            f,
            "*{month} {day:2} {hour:02}:{minute:02}:{second:02}.{milliseconds:03}: "
        )
    }
}

/// A wall-clock moment in the form `03:26:09 UTC Wed Sep 23 2020`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtcTime(
    /// Seconds since 1970-01-01 00:00:00 UTC.
    pub u64,
);

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 1970-01-01 was a Thursday.
        const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        let (days, seconds) = (self.0 / 86_400, self.0 % 86_400);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let (year, month, day) = civil_date(days);
        let month = MONTHS[(month - 1) as usize];
        let weekday = WEEKDAYS[(days % 7) as usize];
        write!(
            f,
            "{hours:02}:{minutes:02}:{seconds:02} UTC {weekday} {month} {day} {year}"
        )
    }
}

/// A wall-clock moment for the name of a file: `20200923-032609`. Formatting it allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactUtcTime(
    /// Seconds since 1970-01-01 00:00:00 UTC.
    pub u64,
);

impl fmt::Display for CompactUtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds) = (self.0 / 86_400, self.0 % 86_400);
        let (year, month, day) = civil_date(days);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year}{month:02}{day:02}-{hours:02}{minutes:02}{seconds:02}")
    }
}

/// Year, month (1 to 12) and day (1 to 31) of the Gregorian calendar, `days` after 1970-01-01.
///
/// Counts in years that start in March, so that the leap day is a year's last day, and in eras of 400 years, which all
/// have 146,097 days.
fn civil_date(days: u64) -> (u64, u64, u64) {
    const DAYS_FROM_ERA_START_TO_1970: u64 = 719_468;
    let shifted = days + DAYS_FROM_ERA_START_TO_1970;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}
