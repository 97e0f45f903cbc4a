//! Alarms: what is wrong with the chassis now. Rows, so that a new active knows since when.
//!
//! An alarm is a function of what is known anyway (rows of cards, ports and slots, the state of the pair, counters), so
//! it cannot be forgotten: a few times a second the list of what should be raised is made anew and compared with the
//! rows. Alarms that belong to hardware which this chassis does not have do not exist.

use crate::inventory::CardState;
use crate::platform::SlotPower;
use crate::processor::{Role, RouteProcessor};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use checkpoint::{Key, Row, TableId};
use core::fmt;
use machine::{ChassisSlot, Duration, Instant, PortId, RpSlot};
use redundancy::RfState;

/// Alarms, by [`AlarmId`].
pub const ALARM_TABLE: TableId = TableId(61);
/// How often the list is made anew at most.
const INTERVAL: Duration = Duration::from_millis(100);
/// A port drops too much when more than one in so many packets of an interval finds the queue full.
const DROPS_ONE_IN: u64 = 100;

/// How bad an alarm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Service is affected.
    Critical,
    /// Redundancy is lost.
    Major,
    /// Something is worse than it should be.
    Minor,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Critical => "CRITICAL",
            Severity::Major => "MAJOR",
            Severity::Minor => "MINOR",
        })
    }
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlarmKind {
    /// A card was pulled out.
    CardRemoved,
    /// A card was stopped or has no power.
    CardDisabled,
    /// A card does not answer.
    CardStoppedResponding,
    /// A port that is not shut down has no signal.
    PortLinkDown,
    /// The card had to drop packets to the route processor while it had none.
    PuntsLost,
    /// A port's transmit queue drops too much.
    OutputDrops,
    /// There is no peer unit.
    SecondaryRemoved,
    /// The peer unit does not get hot.
    SecondaryNotSynchronized,
    /// Nobody can restart a unit.
    PowerSupplyFailure,
    /// The card cannot reach another card over the fabric.
    FabricLinkDown,
}

impl AlarmKind {
    const ALL: [AlarmKind; 10] = [
        AlarmKind::CardRemoved,
        AlarmKind::CardDisabled,
        AlarmKind::CardStoppedResponding,
        AlarmKind::PortLinkDown,
        AlarmKind::PuntsLost,
        AlarmKind::OutputDrops,
        AlarmKind::SecondaryRemoved,
        AlarmKind::SecondaryNotSynchronized,
        AlarmKind::PowerSupplyFailure,
        AlarmKind::FabricLinkDown,
    ];

    /// The alarm's index, as `show facility-alarm status` has it.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// In words.
    pub const fn description(self) -> &'static str {
        match self {
            AlarmKind::CardRemoved => "Card Removed",
            AlarmKind::CardDisabled => "Card Disabled",
            AlarmKind::CardStoppedResponding => "Card Stopped Responding",
            AlarmKind::PortLinkDown => "Physical Port Link Down",
            AlarmKind::PuntsLost => "Punt Buffer Overflow",
            AlarmKind::OutputDrops => "Output Drops High",
            AlarmKind::SecondaryRemoved => "Secondary Removed",
            AlarmKind::SecondaryNotSynchronized => "Secondary Not Synchronized",
            AlarmKind::PowerSupplyFailure => "Power Supply Failure",
            AlarmKind::FabricLinkDown => "Fabric Link Down",
        }
    }
}

/// What is wrong where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlarmId {
    /// What is wrong.
    pub kind: AlarmKind,
    /// With which slot; the power supply is told by the active's.
    pub slot: ChassisSlot,
    /// With which of a card's ports, where it is about one; else 0.
    pub port: u8,
}

impl AlarmId {
    fn of_slot(kind: AlarmKind, slot: ChassisSlot) -> Self {
        Self { kind, slot, port: 0 }
    }

    fn of_port(kind: AlarmKind, port: PortId) -> Self {
        Self {
            kind,
            slot: ChassisSlot::Card(port.card),
            port: port.port,
        }
    }

    /// How bad it is.
    pub const fn severity(&self) -> Severity {
        match self.kind {
            AlarmKind::CardRemoved
            | AlarmKind::CardStoppedResponding
            | AlarmKind::PortLinkDown
            | AlarmKind::FabricLinkDown => Severity::Critical,
            AlarmKind::CardDisabled | AlarmKind::SecondaryRemoved | AlarmKind::PowerSupplyFailure => {
                Severity::Major
            }
            AlarmKind::PuntsLost | AlarmKind::OutputDrops | AlarmKind::SecondaryNotSynchronized => {
                Severity::Minor
            }
        }
    }

    /// The thing that it is about.
    pub fn source(&self) -> String {
        match self.kind {
            AlarmKind::PortLinkDown | AlarmKind::OutputDrops => {
                format!("Ethernet{}/{}", self.slot, self.port)
            }
            AlarmKind::PowerSupplyFailure => String::from("Power Supply Module 0"),
            _ => format!("slot {}", self.slot),
        }
    }
}

impl Key for AlarmId {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend([self.kind.number(), self.slot.number(), self.port]);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let [kind, slot, port] = *bytes else {
            return None;
        };
        Some(Self {
            kind: AlarmKind::ALL.into_iter().find(|known| known.number() == kind)?,
            slot: ChassisSlot::from_number(slot)?,
            port,
        })
    }
}

/// An alarm that is raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Since when, in seconds since 1970.
    pub raised_at_unix_s: u64,
}

/// Tagged form of [`Alarm`].
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct AlarmRecord {
    /// See [`Alarm::raised_at_unix_s`].
    #[prost(uint64, tag = "1")]
    pub raised_at_unix_s: u64,
}

impl Row for Alarm {
    type Record = AlarmRecord;

    fn to_record(&self) -> AlarmRecord {
        let Alarm { raised_at_unix_s } = *self;
        AlarmRecord { raised_at_unix_s }
    }

    fn from_record(record: AlarmRecord) -> Result<Self, &'static str> {
        Ok(Alarm {
            raised_at_unix_s: record.raised_at_unix_s,
        })
    }
}

/// When the list was made last, and the counters as they were then. Not checkpointed: a new active starts to look anew.
#[derive(Clone, Debug, Default)]
pub(crate) struct AlarmClock {
    next: Option<Instant>,
    drops: alloc::collections::BTreeMap<PortId, (u64, u64)>,
    dropping: BTreeSet<PortId>,
}

impl RouteProcessor {
    /// Makes the list anew when it is due.
    pub(crate) fn review_alarms(&mut self, now: Instant) {
        if self.alarm_clock.next.is_some_and(|next| now < next) || self.active().is_none() {
            return;
        }
        self.alarm_clock.next = Some(now + INTERVAL);
        self.review_drops();
        self.update_alarms(now);
    }

    /// Makes the rows what the list is now; an operator who looks does not wait for the next review.
    pub(crate) fn update_alarms(&mut self, now: Instant) {
        let wanted = self.wanted_alarms();
        let raised_at_unix_s = self.unix_seconds(now);
        let Role::Active(active) = &mut self.role else {
            return;
        };
        let rows = &mut active.clients.inventory.alarms;
        let gone: Vec<AlarmId> = rows
            .iter()
            .map(|(id, _)| *id)
            .filter(|id| !wanted.contains(id))
            .collect();
        for id in gone {
            rows.remove(&id);
        }
        for id in wanted {
            if rows.get(&id).is_none() {
                rows.insert(id, Alarm { raised_at_unix_s });
            }
        }
    }

    fn review_drops(&mut self) {
        let Role::Active(active) = &self.role else {
            return;
        };
        for (port, _) in active.clients.inventory.ports.iter() {
            let counters = active.cards.counters(*port);
            let now = (counters.output_packets, counters.output_drops);
            let before = self.alarm_clock.drops.insert(*port, now).unwrap_or(now);
            if before == now {
                continue;
            }
            let (sent, dropped) = (now.0.saturating_sub(before.0), now.1.saturating_sub(before.1));
            if dropped.saturating_mul(DROPS_ONE_IN) > sent {
                self.alarm_clock.dropping.insert(*port);
            } else {
                self.alarm_clock.dropping.remove(port);
            }
        }
    }

    fn wanted_alarms(&self) -> BTreeSet<AlarmId> {
        let mut wanted = BTreeSet::new();
        let Some(active) = self.active() else {
            return wanted;
        };
        let inventory = &active.clients.inventory;
        for (card, row) in inventory.cards.iter() {
            let slot = ChassisSlot::Card(*card);
            let kind = match (self.platform.power(slot), row.state) {
                (SlotPower::Empty, _) => Some(AlarmKind::CardRemoved),
                (SlotPower::Off, _) => Some(AlarmKind::CardDisabled),
                (_, CardState::Lost) => Some(AlarmKind::CardStoppedResponding),
                (_, CardState::Ok) => None,
            };
            wanted.extend(kind.map(|kind| AlarmId::of_slot(kind, slot)));
            if active.cards.lost_punts(*card) > 0 {
                wanted.insert(AlarmId::of_slot(AlarmKind::PuntsLost, slot));
            }
        }
        let tree = active.clients.configuration.tree();
        for (port, row) in inventory.ports.iter() {
            let shut = tree.interface(*port).is_some_and(|port| port.shutdown);
            let seated = inventory
                .cards
                .get(&port.card)
                .is_some_and(|card| card.state == CardState::Ok);
            if seated && !row.link_up && !shut {
                wanted.insert(AlarmId::of_port(AlarmKind::PortLinkDown, *port));
            }
            if self.alarm_clock.dropping.contains(port) {
                wanted.insert(AlarmId::of_port(AlarmKind::OutputDrops, *port));
            }
        }
        let broken = inventory.broken_fabric_links();
        wanted.extend(
            broken.map(|(card, _)| AlarmId::of_slot(AlarmKind::FabricLinkDown, ChassisSlot::Card(card))),
        );
        wanted.extend(self.pair_alarm());
        if self.platform.backplane == Some(false) {
            let own = ChassisSlot::Rp(self.slot());
            wanted.insert(AlarmId::of_slot(AlarmKind::PowerSupplyFailure, own));
        }
        wanted
    }

    fn pair_alarm(&self) -> Option<AlarmId> {
        let peer: RpSlot = self.slot().peer();
        let slot = ChassisSlot::Rp(peer);
        match self.facility.peer_state() {
            RfState::StandbyHot => None,
            RfState::Disabled | RfState::Unknown => Some(AlarmId::of_slot(AlarmKind::SecondaryRemoved, slot)),
            _ => Some(AlarmId::of_slot(AlarmKind::SecondaryNotSynchronized, slot)),
        }
    }
}
