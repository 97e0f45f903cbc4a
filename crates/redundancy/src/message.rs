//! What two redundancy facilities say to each other.
//!
//! Every message says who speaks, since which boot, in which state and which epoch the speaker knows, so that a unit
//! learns that it has been superseded from whatever it hears first. The body comes on top of that.
//!
//! ```text
//!   R0 (active)                                R1
//!      │◀──────────────── Hello ────────────────▶│   once on each new link
//!      │◀────────────── Heartbeat ──────────────▶│   every keepalive interval
//!      │◀──── State (header only) ──────────────▶│   at each change of state
//!      │◀──────────── Progress{104} ─────────────│   "I am in 104, walk your matching pass"
//!      │───────────── ProgressDone{104} ────────▶│
//!      │───────────── SwitchoverRequest ────────▶│   then R1 claims
//! ```
//!
//! Contract: [`RfMessage::decode`] never panics and accepts at most [`RfMessage::MAX_LENGTH`] bytes; what it does not
//! know it refuses, but for unknown fields, which it skips.

use crate::state::{Progression, RedundancyMode, RfState};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use machine::{Epoch, RpSlot};
use prost::Message;

/// Version of this protocol. Units of different versions do not form a pair.
pub const PROTOCOL_VERSION: u32 = 1;

/// The image that a unit runs, in the words of `show version`: at most 63 bytes, the rest is cut off.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageVersion {
    length: u8,
    bytes: [u8; ImageVersion::BYTES_MAX],
}

impl ImageVersion {
    /// Bytes of the longest text.
    pub const BYTES_MAX: usize = 63;
    /// A unit that does not say what it runs.
    pub const EMPTY: ImageVersion = ImageVersion {
        length: 0,
        bytes: [0; Self::BYTES_MAX],
    };

    /// The text, or as much of it as there is room for.
    pub fn new(text: &str) -> Self {
        let length = text.floor_char_boundary(Self::BYTES_MAX);
        let mut version = Self::EMPTY;
        version.bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
        version.length = length as u8;
        version
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl fmt::Display for ImageVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ImageVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// The times by which a pair judges each other, as the active's configuration has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairTimers {
    /// Interval of heartbeats, in milliseconds, 1..=86400000.
    pub keepalive_interval_ms: u64,
    /// How long the peer may be silent, in milliseconds, not less than the interval.
    pub keepalive_limit_ms: u64,
    /// How long all clients may take for one pass, in milliseconds, 1..=86400000.
    pub notification_time_ms: u64,
}

/// Longest of the times of a pair: a day.
const PAIR_TIME_MS_MAX: u64 = 86_400_000;

/// First words on a new link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`] of the speaker.
    pub version: u32,
    /// Hash over the schemas of all checkpointed records of the speaker.
    pub schema_hash: u64,
    /// Mode that the speaker is configured for.
    pub mode: RedundancyMode,
    /// Image that the speaker runs.
    pub image: ImageVersion,
    /// Configuration register with which the speaker booted.
    pub register: u16,
    /// Configuration register for its next boot.
    pub next_register: u16,
    /// Commands of the active that a standby of [`Hello::mismatched_language`] does not know; 0 from a standby.
    pub mismatched_commands: u32,
    /// Hash over the configuration commands that the speaker knows; 0: a release that does not say.
    pub language: u64,
    /// The language of the standby in which the mismatched commands were found. They concern a standby of another
    /// language no more.
    pub mismatched_language: u64,
}

impl Hello {
    /// The words of a unit of this release that does not say what it runs and whose registers nobody has set.
    pub const fn new(schema_hash: u64, mode: RedundancyMode) -> Self {
        Self {
            version: PROTOCOL_VERSION,
            schema_hash,
            mode,
            image: ImageVersion::EMPTY,
            register: 0x2102,
            next_register: 0x2102,
            mismatched_commands: 0,
            language: 0,
            mismatched_language: 0,
        }
    }
}

/// What a message says beyond its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Body {
    /// First words on a new link.
    Hello(Hello),
    /// The work loop turns.
    Heartbeat {
        /// Number of the heartbeat since the link came up.
        sequence: u64,
    },
    /// The speaker's state changed; the header holds it.
    State,
    /// The standby asks the active to walk the pass that matches its own.
    Progress(Progression),
    /// The active has walked it.
    ProgressDone(Progression),
    /// The active tells the standby that it is out of step and has to be synchronised anew.
    Resync,
    /// The active enters or leaves maintenance mode.
    Maintenance(bool),
    /// The active paces the pair anew.
    Timers(PairTimers),
    /// The active asks the standby to take over; the header's epoch is the one to supersede.
    SwitchoverRequest,
    /// The standby is not able to take over.
    SwitchoverRefused,
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RfMessage {
    /// Who speaks.
    pub slot: RpSlot,
    /// Identity of the speaker's life: drawn at its start, never 0.
    pub boot: u64,
    /// Newest epoch that the speaker knows; its own while it is active.
    pub epoch: Epoch,
    /// The speaker's state.
    pub state: RfState,
    /// What it says.
    pub body: Body,
}

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageError {
    /// More bytes than a message may have.
    TooLong(usize),
    /// Not even a sequence of fields.
    Malformed(prost::DecodeError),
    /// The named field is missing or has a value without meaning.
    BadField(&'static str, u64),
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MessageError::TooLong(length) => {
                write!(
                    f,
                    "RF message of {length} bytes exceeds {}",
                    RfMessage::MAX_LENGTH
                )
            }
            MessageError::Malformed(error) => write!(f, "RF message is malformed: {error}"),
            MessageError::BadField(field, value) => write!(f, "RF message field '{field}' cannot be {value}"),
        }
    }
}

impl core::error::Error for MessageError {}

#[derive(Clone, PartialEq, Eq, Message)]
struct WireHello {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(fixed64, tag = "2")]
    schema_hash: u64,
    #[prost(uint32, tag = "3")]
    mode: u32,
    #[prost(string, tag = "4")]
    image: String,
    #[prost(uint32, tag = "5")]
    register: u32,
    #[prost(uint32, tag = "6")]
    next_register: u32,
    #[prost(uint32, tag = "7")]
    mismatched_commands: u32,
    #[prost(fixed64, tag = "8")]
    language: u64,
    #[prost(fixed64, tag = "9")]
    mismatched_language: u64,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct WireTimers {
    #[prost(uint64, tag = "1")]
    keepalive_interval_ms: u64,
    #[prost(uint64, tag = "2")]
    keepalive_limit_ms: u64,
    #[prost(uint64, tag = "3")]
    notification_time_ms: u64,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct WireEmpty {}

#[derive(Clone, PartialEq, Eq, prost::Oneof)]
enum WireBody {
    #[prost(message, tag = "10")]
    Hello(WireHello),
    #[prost(uint64, tag = "11")]
    Heartbeat(u64),
    #[prost(message, tag = "12")]
    State(WireEmpty),
    #[prost(uint32, tag = "13")]
    Progress(u32),
    #[prost(uint32, tag = "14")]
    ProgressDone(u32),
    #[prost(message, tag = "15")]
    Resync(WireEmpty),
    #[prost(bool, tag = "16")]
    Maintenance(bool),
    #[prost(message, tag = "17")]
    SwitchoverRequest(WireEmpty),
    #[prost(message, tag = "18")]
    SwitchoverRefused(WireEmpty),
    #[prost(message, tag = "19")]
    Timers(WireTimers),
}

#[derive(Clone, PartialEq, Eq, Message)]
struct WireMessage {
    #[prost(uint32, tag = "1")]
    slot: u32,
    #[prost(fixed64, tag = "2")]
    boot: u64,
    #[prost(uint64, tag = "3")]
    epoch_counter: u64,
    #[prost(uint32, tag = "4")]
    epoch_slot: u32,
    #[prost(uint32, tag = "5")]
    state: u32,
    #[prost(oneof = "WireBody", tags = "10, 11, 12, 13, 14, 15, 16, 17, 18, 19")]
    body: Option<WireBody>,
}

impl WireTimers {
    fn checked(self) -> Result<PairTimers, MessageError> {
        let WireTimers {
            keepalive_interval_ms,
            keepalive_limit_ms,
            notification_time_ms,
        } = self;
        for (field, value, least) in [
            ("keepalive interval", keepalive_interval_ms, 1),
            ("keepalive limit", keepalive_limit_ms, keepalive_interval_ms),
            ("notification time", notification_time_ms, 1),
        ] {
            if !(least..=PAIR_TIME_MS_MAX).contains(&value) {
                return Err(MessageError::BadField(field, value));
            }
        }
        Ok(PairTimers {
            keepalive_interval_ms,
            keepalive_limit_ms,
            notification_time_ms,
        })
    }
}

impl RfMessage {
    /// Longest message that is accepted. Ours stay below 128 bytes; the rest is room for fields of later releases.
    pub const MAX_LENGTH: usize = 1024;

    /// The message as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let body = match self.body {
            Body::Hello(Hello {
                version,
                schema_hash,
                mode,
                image,
                register,
                next_register,
                mismatched_commands,
                language,
                mismatched_language,
            }) => WireBody::Hello(WireHello {
                version,
                schema_hash,
                mode: mode.snmp(),
                image: String::from(image.as_str()),
                register: register.into(),
                next_register: next_register.into(),
                mismatched_commands,
                language,
                mismatched_language,
            }),
            Body::Timers(PairTimers {
                keepalive_interval_ms,
                keepalive_limit_ms,
                notification_time_ms,
            }) => WireBody::Timers(WireTimers {
                keepalive_interval_ms,
                keepalive_limit_ms,
                notification_time_ms,
            }),
            Body::Heartbeat { sequence } => WireBody::Heartbeat(sequence),
            Body::State => WireBody::State(WireEmpty {}),
            Body::Progress(progression) => WireBody::Progress(progression.code()),
            Body::ProgressDone(progression) => WireBody::ProgressDone(progression.code()),
            Body::Resync => WireBody::Resync(WireEmpty {}),
            Body::Maintenance(enabled) => WireBody::Maintenance(enabled),
            Body::SwitchoverRequest => WireBody::SwitchoverRequest(WireEmpty {}),
            Body::SwitchoverRefused => WireBody::SwitchoverRefused(WireEmpty {}),
        };
        WireMessage {
            slot: self.slot as u32,
            boot: self.boot,
            epoch_counter: self.epoch.counter,
            epoch_slot: self.epoch.slot as u32,
            state: self.state.number(),
            body: Some(body),
        }
        .encode_to_vec()
    }

    /// The message in these bytes.
    ///
    /// # Errors
    /// When the bytes are too many, are no fields, or a field has no meaning.
    pub fn decode(bytes: &[u8]) -> Result<RfMessage, MessageError> {
        if bytes.len() > Self::MAX_LENGTH {
            return Err(MessageError::TooLong(bytes.len()));
        }
        let wire = WireMessage::decode(bytes).map_err(MessageError::Malformed)?;
        let bad = |field, value: u32| MessageError::BadField(field, u64::from(value));
        let slot = |field, value: u32| RpSlot::from_index(u64::from(value)).ok_or(bad(field, value));
        let progression = |code: u32| {
            Progression::from_code(code)
                .filter(|progression| progression.is_standby())
                .ok_or(bad("progression", code))
        };
        if wire.boot == 0 {
            return Err(MessageError::BadField("boot", 0));
        }
        let body = match wire.body.ok_or(MessageError::BadField("body", 0))? {
            WireBody::Hello(WireHello {
                version,
                schema_hash,
                mode,
                image,
                register,
                next_register,
                mismatched_commands,
                language,
                mismatched_language,
            }) => {
                let mode = RedundancyMode::from_snmp(mode).ok_or(bad("mode", mode))?;
                let word = |value: u32| u16::try_from(value).map_err(|_| bad("register", value));
                Body::Hello(Hello {
                    version,
                    schema_hash,
                    mode,
                    image: ImageVersion::new(&image),
                    register: word(register)?,
                    next_register: word(next_register)?,
                    mismatched_commands,
                    language,
                    mismatched_language,
                })
            }
            WireBody::Timers(timers) => Body::Timers(timers.checked()?),
            WireBody::Heartbeat(sequence) => Body::Heartbeat { sequence },
            WireBody::State(WireEmpty {}) => Body::State,
            WireBody::Progress(code) => Body::Progress(progression(code)?),
            WireBody::ProgressDone(code) => Body::ProgressDone(progression(code)?),
            WireBody::Resync(WireEmpty {}) => Body::Resync,
            WireBody::Maintenance(enabled) => Body::Maintenance(enabled),
            WireBody::SwitchoverRequest(WireEmpty {}) => Body::SwitchoverRequest,
            WireBody::SwitchoverRefused(WireEmpty {}) => Body::SwitchoverRefused,
        };
        Ok(RfMessage {
            slot: slot("slot", wire.slot)?,
            boot: wire.boot,
            epoch: Epoch {
                counter: wire.epoch_counter,
                slot: slot("epoch slot", wire.epoch_slot)?,
            },
            state: RfState::from_number(wire.state).ok_or(bad("state", wire.state))?,
            body,
        })
    }
}
