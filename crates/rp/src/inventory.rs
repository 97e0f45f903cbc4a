//! What is in the chassis: cards and their ports (client IfIndex).

use crate::alarms::{ALARM_TABLE, Alarm, AlarmId};
use crate::platform::SlotPower;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use checkpoint::{Row, TableId, Tracked};
use machine::{CardSlot, ChassisSlot, PortId};
use packet::MacAddress;

/// Cards, by slot.
pub const CARD_TABLE: TableId = TableId(1);
/// Ports, by [`PortId`].
pub const PORT_TABLE: TableId = TableId(2);

/// Units that are, or were, in the slots, by [`ChassisSlot`].
pub const MODULE_TABLE: TableId = TableId(60);

/// Where a card is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardState {
    /// It answers.
    Ok,
    /// It was there and does not answer any more.
    Lost,
}

/// A card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Whether it answers.
    pub state: CardState,
    /// What kind it is.
    pub model: String,
    /// Cards that it can reach over the fabric, as it last said.
    pub fabric_peers: BTreeSet<CardSlot>,
}

/// Tagged form of [`Card`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct CardRecord {
    /// 1 ok, 2 lost.
    #[prost(uint32, tag = "1")]
    pub state: u32,
    /// See [`Card::model`].
    #[prost(string, tag = "2")]
    pub model: String,
    /// See [`Card::fabric_peers`].
    #[prost(uint32, repeated, tag = "3")]
    pub fabric_peers: Vec<u32>,
}

impl Row for Card {
    type Record = CardRecord;

    fn to_record(&self) -> CardRecord {
        let Card {
            state,
            model,
            fabric_peers,
        } = self;
        let state = match state {
            CardState::Ok => 1,
            CardState::Lost => 2,
        };
        CardRecord {
            state,
            model: model.clone(),
            fabric_peers: fabric_peers.iter().map(|peer| u32::from(peer.0)).collect(),
        }
    }

    fn from_record(record: CardRecord) -> Result<Self, &'static str> {
        let state = match record.state {
            1 => CardState::Ok,
            2 => CardState::Lost,
            _ => return Err("card state"),
        };
        let peer = |number: u32| {
            let number = u8::try_from(number)
                .ok()
                .filter(|number| *number <= CardSlot::MAX);
            number.map(CardSlot).ok_or("fabric peer")
        };
        let fabric_peers = record
            .fabric_peers
            .into_iter()
            .map(peer)
            .collect::<Result<_, _>>()?;
        Ok(Card {
            state,
            model: record.model,
            fabric_peers,
        })
    }
}

/// A port as its card last reported it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Whether its wire is connected.
    pub link_up: bool,
    /// Its own address on the wire.
    pub mac: MacAddress,
    /// What it is attached to.
    pub wire: String,
}

/// Tagged form of [`Port`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct PortRecord {
    /// See [`Port::link_up`].
    #[prost(bool, tag = "1")]
    pub link_up: bool,
    /// Six bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub mac: Vec<u8>,
    /// See [`Port::wire`].
    #[prost(string, tag = "3")]
    pub wire: String,
}

impl Row for Port {
    type Record = PortRecord;

    fn to_record(&self) -> PortRecord {
        let Port { link_up, mac, wire } = self;
        PortRecord {
            link_up: *link_up,
            mac: mac.0.to_vec(),
            wire: wire.to_string(),
        }
    }

    fn from_record(record: PortRecord) -> Result<Self, &'static str> {
        let mac = record
            .mac
            .as_slice()
            .try_into()
            .map(MacAddress)
            .map_err(|_| "mac address")?;
        Ok(Port {
            link_up: record.link_up,
            mac,
            wire: record.wire,
        })
    }
}

/// A slot and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// What the backplane said last.
    pub power: SlotPower,
    /// Whether an operator has stopped it.
    pub stopped: bool,
    /// The image that it runs, as far as it has said so.
    pub version: String,
}

impl Default for Module {
    fn default() -> Self {
        Self {
            power: SlotPower::Unmanaged,
            stopped: false,
            version: String::new(),
        }
    }
}

/// Tagged form of [`Module`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModuleRecord {
    /// See [`SlotPower::number`].
    #[prost(uint32, tag = "1")]
    pub power: u32,
    /// See [`Module::stopped`].
    #[prost(bool, tag = "2")]
    pub stopped: bool,
    /// See [`Module::version`].
    #[prost(string, tag = "3")]
    pub version: String,
}

impl Row for Module {
    type Record = ModuleRecord;

    fn to_record(&self) -> ModuleRecord {
        let Module {
            power,
            stopped,
            version,
        } = self;
        ModuleRecord {
            power: power.number(),
            stopped: *stopped,
            version: version.clone(),
        }
    }

    fn from_record(record: ModuleRecord) -> Result<Self, &'static str> {
        Ok(Module {
            power: SlotPower::from_number(record.power).ok_or("slot power")?,
            stopped: record.stopped,
            version: record.version,
        })
    }
}

/// The inventory of the chassis.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// Cards that are, or were, seated.
    pub cards: Tracked<CardSlot, Card>,
    /// Their ports. A lost card's ports stay, with their links down, so that their interfaces stay visible.
    pub ports: Tracked<PortId, Port>,
    /// What is wrong now.
    pub alarms: Tracked<AlarmId, Alarm>,
    /// All slots that a backplane or a unit has told of.
    pub modules: Tracked<ChassisSlot, Module>,
}

impl Default for Inventory {
    fn default() -> Self {
        Self {
            cards: Tracked::new(CARD_TABLE),
            ports: Tracked::new(PORT_TABLE),
            modules: Tracked::new(MODULE_TABLE),
            alarms: Tracked::new(ALARM_TABLE),
        }
    }
}

impl Inventory {
    /// The ports of one card.
    pub fn ports_of(&self, card: CardSlot) -> impl Iterator<Item = (&PortId, &Port)> {
        let first = PortId { card, port: 0 };
        let last = PortId { card, port: u8::MAX };
        self.ports.range(first..=last)
    }

    /// Links between cards in service over which a frame cannot go now, as (from, to).
    pub fn broken_fabric_links(&self) -> impl Iterator<Item = (CardSlot, CardSlot)> + '_ {
        let in_service = || self.cards.iter().filter(|(_, row)| row.state == CardState::Ok);
        in_service().flat_map(move |(card, row)| {
            in_service()
                .filter(move |(peer, _)| *peer != card && !row.fabric_peers.contains(peer))
                .map(move |(peer, _)| (*card, *peer))
        })
    }

    /// The fabric as `show platform` has it: what the cards in service say of their links with each other.
    pub fn fabric_state(&self) -> &'static str {
        let cards = self
            .cards
            .iter()
            .filter(|(_, row)| row.state == CardState::Ok)
            .count();
        let links = cards * cards.saturating_sub(1);
        match self.broken_fabric_links().count() {
            0 => "ok, active",
            broken if broken < links => "degraded, active",
            _ => "out of service",
        }
    }

    /// Whether the port's card answers and its wire is connected.
    pub fn is_up(&self, port: PortId) -> bool {
        self.cards
            .get(&port.card)
            .is_some_and(|card| card.state == CardState::Ok)
            && self.ports.get(&port).is_some_and(|port| port.link_up)
    }
}
