//! Names of places and of moments in the life of a chassis.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

/// A route processor's slot. `R0` is primary: the fixed tie-break, not a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RpSlot {
    /// Slot R0, the primary.
    R0,
    /// Slot R1, the secondary.
    R1,
}

impl RpSlot {
    /// Both slots, the primary first.
    pub const ALL: [RpSlot; 2] = [RpSlot::R0, RpSlot::R1];

    /// The other slot.
    pub const fn peer(self) -> RpSlot {
        match self {
            RpSlot::R0 => RpSlot::R1,
            RpSlot::R1 => RpSlot::R0,
        }
    }

    /// 0 or 1.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The slot with this index.
    pub const fn from_index(index: u64) -> Option<RpSlot> {
        match index {
            0 => Some(RpSlot::R0),
            1 => Some(RpSlot::R1),
            _ => None,
        }
    }
}

impl fmt::Display for RpSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            RpSlot::R0 => "R0",
            RpSlot::R1 => "R1",
        })
    }
}

/// A text that names no slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotError(String);

impl fmt::Display for SlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' is no slot (R0, R1, or a card's number 0 to {})",
            self.0,
            CardSlot::MAX
        )
    }
}

impl core::error::Error for SlotError {}

impl FromStr for RpSlot {
    type Err = SlotError;
    fn from_str(text: &str) -> Result<Self, SlotError> {
        match text {
            "R0" | "r0" => Ok(RpSlot::R0),
            "R1" | "r1" => Ok(RpSlot::R1),
            _ => Err(SlotError(text.to_string())),
        }
    }
}

/// A line card's slot, `0..=CardSlot::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CardSlot(pub u8);

impl CardSlot {
    /// The highest line card slot of a chassis.
    pub const MAX: u8 = 15;
}

impl fmt::Display for CardSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for CardSlot {
    type Err = SlotError;
    fn from_str(text: &str) -> Result<Self, SlotError> {
        match text.parse::<u8>() {
            Ok(number) if number <= CardSlot::MAX => Ok(CardSlot(number)),
            _ => Err(SlotError(text.to_string())),
        }
    }
}

/// A slot that holds a unit with power of its own. Cards come before route processors, as in `show platform`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChassisSlot {
    /// A line card's slot.
    Card(CardSlot),
    /// A route processor's slot.
    Rp(RpSlot),
}

impl ChassisSlot {
    /// The slot as one number, for records: cards from 0, route processors from 48.
    pub const fn number(self) -> u8 {
        match self {
            ChassisSlot::Card(slot) => slot.0,
            ChassisSlot::Rp(slot) => 48 + slot as u8,
        }
    }

    /// The slot that [`ChassisSlot::number`] made this number from; `None` for any other number.
    pub const fn from_number(number: u8) -> Option<ChassisSlot> {
        match number {
            0..=CardSlot::MAX => Some(ChassisSlot::Card(CardSlot(number))),
            48 => Some(ChassisSlot::Rp(RpSlot::R0)),
            49 => Some(ChassisSlot::Rp(RpSlot::R1)),
            _ => None,
        }
    }
}

impl fmt::Display for ChassisSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChassisSlot::Card(slot) => slot.fmt(f),
            ChassisSlot::Rp(slot) => slot.fmt(f),
        }
    }
}

impl FromStr for ChassisSlot {
    type Err = SlotError;
    fn from_str(text: &str) -> Result<Self, SlotError> {
        text.parse()
            .map(ChassisSlot::Rp)
            .or_else(|_| text.parse().map(ChassisSlot::Card))
    }
}

/// A port of a line card: card slot and port number. Shown as `1/0`; as an interface `Ethernet1/0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId {
    /// The card that carries the port.
    pub card: CardSlot,
    /// The port's number on the card, from 0.
    pub port: u8,
}

impl PortId {
    /// Port `port` of card `card`.
    pub const fn new(card: u8, port: u8) -> Self {
        Self {
            card: CardSlot(card),
            port,
        }
    }

    /// The port as one number, for records and messages.
    pub const fn to_u32(self) -> u32 {
        (self.card.0 as u32) << 8 | self.port as u32
    }

    /// The port that [`PortId::to_u32`] made this number from; `None` for any other number.
    pub fn from_u32(number: u32) -> Option<PortId> {
        let card = u8::try_from(number >> 8)
            .ok()
            .filter(|card| *card <= CardSlot::MAX)?;
        Some(PortId {
            card: CardSlot(card),
            port: (number & 0xff) as u8,
        })
    }
}

impl fmt::Display for PortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.card, self.port)
    }
}

/// One activity of one route processor. Grows at every switchover; a lower one is fenced off by the cards.
///
/// The order is that of the counter; the slot only tells who holds it, because a counter is given out once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch {
    /// Number of the activity, given out by the arbiter's compare-and-swap. 0: nobody has been active yet.
    pub counter: u64,
    /// Who is active in it.
    pub slot: RpSlot,
}

impl Epoch {
    /// Before the first activity.
    pub const NONE: Epoch = Epoch {
        counter: 0,
        slot: RpSlot::R0,
    };

    /// The epoch as one word: the counter above one byte for the slot.
    pub const fn to_word(self) -> u64 {
        self.counter << 8 | self.slot as u64
    }

    /// Reverse of [`Epoch::to_word`]; `None` when the slot byte names no slot.
    pub fn from_word(word: u64) -> Option<Epoch> {
        Some(Epoch {
            counter: word >> 8,
            slot: RpSlot::from_index(word & 0xff)?,
        })
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.counter, self.slot)
    }
}

/// Sequence number of a checkpoint frame. It runs on over a switchover; 0 is "no frame yet".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameNumber(pub u64);

impl FrameNumber {
    /// The frame after this one. The last number, which only a peer's nonsense reaches, stays what it is.
    pub const fn next(self) -> FrameNumber {
        FrameNumber(self.0.saturating_add(1))
    }
}

impl fmt::Display for FrameNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Number of a refresh; what was not refreshed in it is stale and gets swept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);
