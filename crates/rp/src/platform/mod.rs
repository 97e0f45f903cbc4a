//! The chassis around a route processor: slots with power, the backplane's orders and answers, why this unit started.
//!
//! ```text
//!   backplane ── Power, Answer ──▶ RouteProcessor ──▶ module rows (checkpointed), OIR messages
//!             ◀── Order ────────── after the standby has the row that says why
//! ```
//!
//! What an operator has stopped is a row ([`crate::inventory::Module::stopped`]): an active that died between the row
//! and the order leaves both to its successor, which gives the order again ([`RouteProcessor::reconcile_slots`]).

pub(crate) mod log;
mod recorded;

pub(crate) use recorded::{input_entry, input_of};

use crate::inventory::{CardState, Module};
use crate::io::{PeerMessage, RpOutput, UnitReport};
use crate::processor::{Role, RouteProcessor};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use machine::{CardSlot, ChassisSlot, Duration, Instant, RpSlot};
use redundancy::ProcessFound;

/// The longest text that a peer's image is called, in bytes.
pub(crate) const VERSION_BYTES_MAX: usize = 200;

/// What the backplane says about a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SlotPower {
    /// No backplane has said anything: units are started by somebody else.
    Unmanaged,
    /// Nothing is in the slot.
    Empty,
    /// A unit is in the slot, without power.
    Off,
    /// A unit is in the slot and has power.
    On,
}

impl SlotPower {
    /// As a number, for records and recordings.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// Reverse of [`SlotPower::number`].
    pub const fn from_number(number: u32) -> Option<SlotPower> {
        match number {
            0 => Some(SlotPower::Unmanaged),
            1 => Some(SlotPower::Empty),
            2 => Some(SlotPower::Off),
            3 => Some(SlotPower::On),
            _ => None,
        }
    }
}

/// What a route processor wants the backplane to do with a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SlotOrder {
    /// Take the power for a moment.
    Reset,
    /// Take the power until it is ordered back, over a restart of the chassis too.
    Stop,
    /// Give power.
    Start,
}

/// Why this unit was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum StartReason {
    /// The chassis got power.
    #[default]
    PowerOn,
    /// An operator had it reloaded, alone or with everything.
    ReloadCommand,
    /// It gave up the activity to its standby because an operator forced that.
    ForcedSwitchover,
    /// It reloaded by its own decision.
    SelfReload,
    /// The life before ended in a panic or a fatal signal.
    Crash,
    /// The life before was killed.
    Killed,
    /// It was pulled out or without power.
    Inserted,
}

impl StartReason {
    const ALL: [StartReason; 7] = [
        StartReason::PowerOn,
        StartReason::ReloadCommand,
        StartReason::ForcedSwitchover,
        StartReason::SelfReload,
        StartReason::Crash,
        StartReason::Killed,
        StartReason::Inserted,
    ];

    /// As a number, for recordings.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// Reverse of [`StartReason::number`].
    pub fn from_number(number: u32) -> Option<StartReason> {
        Self::ALL.into_iter().find(|reason| reason.number() == number)
    }

    /// The words of `System returned to ROM by`.
    pub const fn returned_by(self) -> &'static str {
        match self {
            StartReason::PowerOn => "power-on",
            StartReason::ReloadCommand => "reload",
            StartReason::ForcedSwitchover => "redundancy force-switchover",
            StartReason::SelfReload => "redundancy self-reload",
            StartReason::Crash => "error - a software forced crash",
            StartReason::Killed => "processor termination",
            StartReason::Inserted => "power cycle",
        }
    }

    /// The words of `Last reload reason`.
    pub const fn reload_reason(self) -> &'static str {
        match self {
            StartReason::PowerOn => "power-on",
            StartReason::ReloadCommand => "Reload Command",
            StartReason::ForcedSwitchover => "redundancy force-switchover",
            StartReason::SelfReload => "redundancy self-reload",
            StartReason::Crash => "Critical software exception",
            StartReason::Killed => "Process terminated from outside",
            StartReason::Inserted => "power cycle",
        }
    }
}

/// What a route processor is told once about its chassis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlatformConfig {
    /// Name of the chassis.
    pub chassis: String,
    /// Serial number of the chassis; those of the units follow from it.
    pub serial: u64,
    /// Why this unit was started.
    pub start_reason: StartReason,
    /// When the life before ended, in seconds since 1970; 0: not known.
    pub ended_at_unix_s: u64,
    /// The redundancy facility's log that the life before kept; empty: none.
    pub kept_history: String,
}

/// What the chassis tells a route processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlatformInput {
    /// The backplane says this about a slot.
    Power {
        /// The slot.
        slot: ChassisSlot,
        /// Its power.
        power: SlotPower,
    },
    /// Answer to [`PlatformOutput::Order`].
    Answer {
        /// The slot of the order.
        slot: ChassisSlot,
        /// Done, or why not.
        result: Result<(), String>,
    },
    /// The backplane runs (true), or nobody could reset or restart anything now.
    Backplane(bool),
    /// What the process of a silent peer was found doing when it was killed.
    PeerFound(ProcessFound),
    /// The peer's process, which was lost before, has really ended: its crash dump is complete.
    PeerEnded,
    /// Why the backplane does not start a peer unit that has power; `None`: it does.
    PeerRefused(Option<String>),
    /// Memory of the host on which this unit runs, now and then when it changes.
    Memory(HostMemory),
    /// Answer to [`PlatformOutput::ListCrashFiles`].
    CrashFiles {
        /// The session that asked.
        session: u64,
        /// The listing, line by line.
        lines: Vec<String>,
    },
}

/// Memory of the host on which a route processor runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostMemory {
    /// What this route processor holds, in bytes.
    pub resident_bytes: u64,
    /// What the host can still give, in bytes.
    pub available_bytes: u64,
}

/// What a route processor wants of its chassis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlatformOutput {
    /// An order for the backplane; answered by [`PlatformInput::Answer`].
    Order {
        /// The slot.
        slot: ChassisSlot,
        /// What to do with it.
        order: SlotOrder,
    },
    /// List the crash information files; answered by [`PlatformInput::CrashFiles`].
    ListCrashFiles {
        /// The session that asks.
        session: u64,
    },
}

/// What is known of the chassis besides its rows. Both route processors are told by themselves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Platform {
    /// Slots as the backplane described them last.
    power: BTreeMap<ChassisSlot, SlotPower>,
    /// Whether the backplane runs; `None`: not known yet.
    pub(crate) backplane: Option<bool>,
    /// Memory of this unit's host; `None`: not told.
    memory: Option<HostMemory>,
    /// What the peer said that it holds, in bytes.
    peer_resident_bytes: Option<u64>,
    /// Why the peer unit is not started.
    peer_refused: Option<String>,
    /// Why the arbiter could not give out an epoch, as it was logged.
    pub(crate) arbiter_trouble: Option<String>,
}

impl Platform {
    /// What the backplane said last of a slot.
    pub(crate) fn power(&self, slot: ChassisSlot) -> SlotPower {
        self.power.get(&slot).copied().unwrap_or(SlotPower::Unmanaged)
    }
}

impl RouteProcessor {
    pub(crate) fn platform_input(&mut self, now: Instant, input: PlatformInput) {
        match input {
            PlatformInput::Power { slot, power } => self.slot_power(now, slot, power),
            PlatformInput::Answer { slot, result } => self.order_answered(now, slot, result),
            PlatformInput::Backplane(runs) => self.platform.backplane = Some(runs),
            PlatformInput::PeerFound(found) => {
                self.tell_facility(now, redundancy::Input::PeerFound(found));
            }
            PlatformInput::Memory(memory) => {
                self.platform.memory = Some(memory);
                self.report_to_peer(now);
            }
            PlatformInput::PeerEnded => self.crash_dump_complete(now),
            PlatformInput::PeerRefused(why) => self.peer_refused(why),
            PlatformInput::CrashFiles { session, lines } => self.crash_files_listed(now, session, &lines),
        }
    }

    /// Tells the peer what this unit is. It reveals nothing but that.
    pub(crate) fn report_to_peer(&mut self, now: Instant) {
        if !self.facility.status(now).communication {
            return;
        }
        let uptime = now - self.started_at;
        let report = UnitReport {
            image_version: self.config.image_version.clone(),
            uptime_ms: u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX),
            resident_bytes: self.platform.memory.map_or(0, |memory| memory.resident_bytes),
        };
        self.turn.now(RpOutput::Peer(PeerMessage::Unit(report)));
    }

    pub(crate) fn peer_reported(&mut self, now: Instant, report: UnitReport) {
        self.peer_uptime = Some((Duration::from_millis(report.uptime_ms), now));
        self.platform.peer_resident_bytes = Some(report.resident_bytes).filter(|bytes| *bytes > 0);
        let mut version = report.image_version;
        version.truncate(version.floor_char_boundary(VERSION_BYTES_MAX));
        self.note_version(ChassisSlot::Rp(self.slot().peer()), version);
    }

    /// What `show version` tells of the memory that two route processors on one host cost.
    pub(crate) fn memory_lines(&self) -> Vec<String> {
        let Some(memory) = self.platform.memory else {
            return Vec::new();
        };
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        let mut lines = Vec::new();
        if let Some(why) = &self.platform.peer_refused {
            lines.push(format!("Software redundancy: no standby is started: {why}"));
        }
        if let Some(resident) = self.platform.peer_resident_bytes {
            lines.push(format!(
                "Software redundancy: the standby on this host costs {} MiB of memory",
                mib(resident)
            ));
        }
        lines.push(format!(
            "Memory: {} MiB held by this processor, {} MiB available on this host",
            mib(memory.resident_bytes),
            memory.available_bytes >> 20
        ));
        lines
    }

    /// The figures in the reason change from one try to the next: one message for all of them.
    fn peer_refused(&mut self, why: Option<String>) {
        if let (None, Some(why)) = (&self.platform.peer_refused, &why) {
            self.log(log::peer_not_started(self.slot().peer(), why));
        }
        if why.is_some() {
            self.platform.peer_resident_bytes = None;
        }
        self.platform.peer_refused = why;
    }

    /// What `show redundancy` adds while there is no standby because the backplane starts none.
    pub(crate) fn peer_refused_lines(&self) -> Vec<String> {
        let slot = self.slot().peer();
        let line = |why: &String| format!("Peer (slot: {slot}) is not started: {why}");
        let lines = self.platform.peer_refused.iter().map(line);
        lines.flat_map(|line| [String::new(), line]).collect()
    }

    fn slot_power(&mut self, now: Instant, slot: ChassisSlot, power: SlotPower) {
        let before = self.platform.power(slot);
        self.platform.power.insert(slot, power);
        let Role::Active(active) = &mut self.role else {
            return;
        };
        let known = active.clients.inventory.modules.get(&slot).cloned();
        let was = known.as_ref().map_or(before, |row| row.power);
        let mut row = known.unwrap_or_default();
        // Whoever gave power by hand has taken the operator's word back.
        row.stopped = power == SlotPower::Off && (row.stopped || was == SlotPower::Unmanaged);
        row.power = power;
        active.clients.inventory.modules.insert(slot, row);
        if let ChassisSlot::Card(card) = slot {
            match power {
                SlotPower::Off | SlotPower::Empty => active.card_without_power(now, card, &mut self.turn),
                SlotPower::On | SlotPower::Unmanaged => {}
            }
            match (was, power) {
                (SlotPower::Empty, SlotPower::On | SlotPower::Off) => drop(active.put_in.insert(card)),
                (_, SlotPower::Empty) => drop(active.put_in.remove(&card)),
                _ => {}
            }
        }
        for message in log::slot_changed(slot, was, power) {
            self.log(message);
        }
    }

    /// A new active compares what it took over with what its own eyes tell, and finishes what the old one had begun.
    pub(crate) fn reconcile_slots(&mut self, now: Instant) {
        let told: Vec<(ChassisSlot, SlotPower)> = self
            .platform
            .power
            .iter()
            .map(|(slot, power)| (*slot, *power))
            .collect();
        for (slot, power) in told {
            let Role::Active(active) = &mut self.role else {
                return;
            };
            let row = active.clients.inventory.modules.get(&slot).cloned();
            let stopped = row.as_ref().is_some_and(|row| row.stopped);
            if stopped && power == SlotPower::On {
                self.turn.after_sync(RpOutput::Platform(PlatformOutput::Order {
                    slot,
                    order: SlotOrder::Stop,
                }));
                continue;
            }
            if let Some(row) = &row
                && row.power != power
            {
                self.log(log::slot_differs(slot, row.power, power));
            }
            if row.is_none_or(|row| row.power != power) {
                self.slot_power(now, slot, power);
            }
        }
        let own = ChassisSlot::Rp(self.slot());
        let version = self.config.image_version.clone();
        self.note_version(own, version);
    }

    /// The image that the unit in `slot` runs.
    pub(crate) fn note_version(&mut self, slot: ChassisSlot, version: String) {
        let power = self.platform.power(slot);
        let Role::Active(active) = &mut self.role else {
            return;
        };
        let modules = &mut active.clients.inventory.modules;
        let mut row = modules.get(&slot).cloned().unwrap_or(Module {
            power,
            ..Module::default()
        });
        if row.version != version {
            row.version = version;
            modules.insert(slot, row);
        }
    }

    /// Whether the chassis has this slot.
    pub(crate) fn has_slot(&self, slot: ChassisSlot) -> bool {
        match slot {
            ChassisSlot::Card(card) => self.config.card_slots.contains(&card),
            ChassisSlot::Rp(_) => true,
        }
    }

    /// The state of a slot's unit as `show platform` has it.
    pub(crate) fn slot_state(&self, now: Instant, slot: ChassisSlot) -> &'static str {
        match (slot, self.platform.power(slot)) {
            (_, SlotPower::Empty) => "empty",
            (_, SlotPower::Off) => "disabled",
            (ChassisSlot::Card(card), _) => self.card_state(card),
            (ChassisSlot::Rp(rp), _) => self.rp_state(now, rp),
        }
    }

    fn card_state(&self, card: CardSlot) -> &'static str {
        let Some(active) = self.active() else {
            return "unknown";
        };
        match active.clients.inventory.cards.get(&card).map(|row| row.state) {
            None if self.platform.power(ChassisSlot::Card(card)) == SlotPower::On => "booting",
            None => "unknown",
            Some(CardState::Ok) if active.cards.is_awaited(card) => "ok, reconnecting",
            Some(CardState::Ok) => "ok",
            Some(CardState::Lost) => "out of service",
        }
    }

    fn rp_state(&self, now: Instant, rp: RpSlot) -> &'static str {
        if rp == self.slot() {
            return "ok, active";
        }
        // In RPR that is all that a standby gets to.
        if self.facility.status(now).peer_rests {
            return "ok, standby";
        }
        match self.facility.peer_state() {
            redundancy::RfState::StandbyHot => "ok, standby",
            redundancy::RfState::Disabled if self.platform.peer_refused.is_some() => "not started",
            redundancy::RfState::Disabled if self.platform.power(ChassisSlot::Rp(rp)) == SlotPower::On => {
                "booting"
            }
            redundancy::RfState::Disabled => "unknown",
            _ => "init, standby",
        }
    }
}
