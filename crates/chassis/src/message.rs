//! The messages between a route processor and a card, and their bytes.
//!
//! Each message is a kind byte and a body; the stream that carries it adds the length. Packets travel raw behind four
//! bytes of port, everything else as tagged fields, so that two releases can talk. Nothing here panics on any input.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use machine::{CardSlot, Epoch, FrameNumber, PortId};
use packet::MacAddress;
use prost::Message;

/// Version of this conversation; a card and an RP of different versions refuse each other by name.
pub const CARD_LINK_VERSION: u32 = 1;

/// Why a message could not be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageError {
    /// No message has this kind.
    Kind(u8),
    /// The body of this kind of message is malformed.
    Body(&'static str),
    /// The other side speaks another version.
    Version {
        /// Its version.
        theirs: u32,
    },
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MessageError::Kind(kind) => write!(f, "unknown message kind {kind} on the card link"),
            MessageError::Body(what) => write!(f, "malformed {what} on the card link"),
            MessageError::Version { theirs } => {
                write!(
                    f,
                    "card link version {theirs} where {CARD_LINK_VERSION} is spoken; run one release on all"
                )
            }
        }
    }
}

impl core::error::Error for MessageError {}

/// Why a packet goes to the RP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PuntReason {
    /// An ARP packet.
    Arp,
    /// To one of the router's own addresses.
    Receive,
    /// To an attached address, or over a next hop, whose link-layer address is not known.
    Glean,
}

impl PuntReason {
    const ALL: [PuntReason; 3] = [PuntReason::Arp, PuntReason::Receive, PuntReason::Glean];

    fn number(self) -> u8 {
        self as u8 + 1
    }

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.number() == number)
    }
}

/// One punt of one conversation, by which an RP that keeps the packet says later that it is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PuntTicket {
    /// The card that punted it.
    pub card: CardSlot,
    /// The RP's number of the connection that it came by.
    pub session: u64,
    /// Its number since the truth on that connection, from 1.
    pub number: u64,
}

/// What a route processor tells a card.
#[derive(Clone, Debug, PartialEq)]
pub enum RpMessage {
    /// This RP is active in `epoch`: first message on every connection.
    Claim {
        /// The epoch.
        epoch: Epoch,
    },
    /// Everything follows; what it does not name by [`RpMessage::RefreshEnd`] is stale.
    RefreshBegin,
    /// Rows in their byte form ([`checkpoint::RowReader`]).
    Rows {
        /// The rows.
        rows: Vec<u8>,
    },
    /// All rows of the frames up to this one were sent.
    FrameEnd {
        /// The frame.
        frame: FrameNumber,
        /// Digest over the downloaded tables at that frame.
        digest: u64,
    },
    /// The refresh is complete: sweep what it did not name.
    RefreshEnd {
        /// The frame whose state the refresh gave.
        frame: FrameNumber,
        /// Digest over the downloaded tables at that frame.
        digest: u64,
    },
    /// Transmit this Ethernet frame on a port of this card.
    Inject {
        /// The port.
        port: PortId,
        /// The frame, without checksum trailer.
        frame: Vec<u8>,
    },
    /// The standby has been out of step since `frame` (`Some`), or is in step again (`None`).
    OutOfStep {
        /// The last frame that the standby had.
        since: Option<FrameNumber>,
    },
    /// The RP has done all that follows from the first punts that came behind this claim's [`CardMessage::Truth`], and
    /// the standby knows of it: the card need not keep them any longer.
    PuntsConsumed {
        /// How many punts since the truth, in all: a message that is repeated or left out does no harm.
        count: u64,
    },
    /// The RP keeps this punt, because its next hop is still to be asked for: what [`RpMessage::PuntsConsumed`] says does
    /// not hold for it until it is released.
    PuntKept {
        /// Its number since the truth, from 1.
        number: u64,
    },
    /// The RP has sent the punt that it kept, or has given it up.
    PuntReleased {
        /// Its number since the truth, from 1.
        number: u64,
    },
}

/// A port as its card knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortTruth {
    /// The port.
    pub port: PortId,
    /// Whether its wire is connected.
    pub link_up: bool,
    /// Its own address on the wire.
    pub mac: MacAddress,
    /// What it is attached to, for `show`.
    pub wire: String,
}

/// Counters of one port since the card started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortCounters {
    /// Frames received.
    pub input_packets: u64,
    /// Bytes received.
    pub input_bytes: u64,
    /// Frames received and dropped, for any reason.
    pub input_drops: u64,
    /// Frames sent.
    pub output_packets: u64,
    /// Bytes sent.
    pub output_bytes: u64,
    /// Frames that found the transmit queue full.
    pub output_drops: u64,
}

/// All that a card tells a new active about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// The card's slot.
    pub card: CardSlot,
    /// What kind of card it is, for `show platform`.
    pub model: String,
    /// The image that it runs; empty if it does not say.
    pub image_version: String,
    /// Cards that it can reach over the fabric.
    pub fabric_peers: Vec<CardSlot>,
    /// Its ports.
    pub ports: Vec<PortTruth>,
    /// The last frame whose rows it has whole.
    pub frame: FrameNumber,
    /// Digest over its downloaded rows.
    pub digest: u64,
    /// Whether a download was under way when its RP went: the digest is of a mixture then.
    pub mixed: bool,
    /// The last active's word that its standby was out of step, if that stands.
    pub out_of_step: Option<(Epoch, FrameNumber)>,
    /// Punts that follow: those that the RP before had not consumed, and those of the time without an RP.
    pub buffered_punts: u32,
    /// Punts that found the buffer full.
    pub lost_punts: u64,
    /// How long the card has been running.
    pub uptime_ms: u64,
}

/// What a card tells a route processor.
#[derive(Clone, Debug, PartialEq)]
pub enum CardMessage {
    /// The claim is accepted.
    Truth(Truth),
    /// The claim is refused: the card knows of this higher epoch.
    Refused {
        /// The highest epoch that the card has accepted.
        epoch: Epoch,
    },
    /// A packet for the RP.
    Punt {
        /// The port that it came in by.
        port: PortId,
        /// Why it is for the RP.
        reason: PuntReason,
        /// The Ethernet frame.
        frame: Vec<u8>,
    },
    /// A port's wire was connected or disconnected.
    PortStatus {
        /// The port.
        port: PortId,
        /// Whether it is connected now.
        link_up: bool,
    },
    /// Another card can be reached over the fabric, or no longer.
    FabricStatus {
        /// The other card.
        peer: CardSlot,
        /// Whether it can be reached now.
        up: bool,
    },
    /// This many bytes of rows were applied: room for as many more.
    Applied {
        /// Bytes of [`RpMessage::Rows`] since the last such message.
        bytes: u32,
    },
    /// The counters of some ports.
    Counters(Vec<(PortId, PortCounters)>),
    /// After a frame's or a refresh's end the card's digest is not the RP's.
    DigestMismatch {
        /// That frame.
        frame: FrameNumber,
        /// The card's digest.
        digest: u64,
    },
}

#[derive(Clone, PartialEq, Message)]
struct Words {
    #[prost(uint64, tag = "1")]
    first: u64,
    #[prost(fixed64, tag = "2")]
    second: u64,
    #[prost(uint32, tag = "3")]
    version: u32,
}

#[derive(Clone, PartialEq, Message)]
struct PortBody {
    #[prost(uint32, tag = "1")]
    port: u32,
    #[prost(bool, tag = "2")]
    link_up: bool,
    #[prost(bytes = "vec", tag = "3")]
    mac: Vec<u8>,
    #[prost(string, tag = "4")]
    wire: String,
}

#[derive(Clone, PartialEq, Message)]
struct TruthBody {
    #[prost(uint32, tag = "1")]
    card: u32,
    #[prost(string, tag = "2")]
    model: String,
    #[prost(message, repeated, tag = "3")]
    ports: Vec<PortBody>,
    #[prost(uint64, tag = "4")]
    frame: u64,
    #[prost(fixed64, tag = "5")]
    digest: u64,
    #[prost(bool, tag = "6")]
    mixed: bool,
    #[prost(uint64, optional, tag = "7")]
    out_of_step_epoch: Option<u64>,
    #[prost(uint64, tag = "8")]
    out_of_step_frame: u64,
    #[prost(uint32, tag = "9")]
    buffered_punts: u32,
    #[prost(uint64, tag = "10")]
    lost_punts: u64,
    #[prost(uint64, tag = "11")]
    uptime_ms: u64,
    #[prost(uint32, tag = "12")]
    version: u32,
    #[prost(string, tag = "13")]
    image_version: String,
    #[prost(uint32, repeated, tag = "14")]
    fabric_peers: Vec<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct CountersBody {
    #[prost(message, repeated, tag = "1")]
    ports: Vec<CounterBody>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct CounterBody {
    #[prost(uint32, tag = "1")]
    port: u32,
    #[prost(uint64, tag = "2")]
    input_packets: u64,
    #[prost(uint64, tag = "3")]
    input_bytes: u64,
    #[prost(uint64, tag = "4")]
    input_drops: u64,
    #[prost(uint64, tag = "5")]
    output_packets: u64,
    #[prost(uint64, tag = "6")]
    output_bytes: u64,
    #[prost(uint64, tag = "7")]
    output_drops: u64,
}

const CLAIM: u8 = 1;
const REFRESH_BEGIN: u8 = 2;
const ROWS: u8 = 3;
const FRAME_END: u8 = 4;
const REFRESH_END: u8 = 5;
const INJECT: u8 = 6;
const OUT_OF_STEP: u8 = 7;
const PUNTS_CONSUMED: u8 = 8;
const PUNT_KEPT: u8 = 9;
const PUNT_RELEASED: u8 = 10;

const TRUTH: u8 = 65;
const REFUSED: u8 = 66;
const PUNT: u8 = 67;
const PORT_STATUS: u8 = 68;
const APPLIED: u8 = 69;
const COUNTERS: u8 = 70;
const DIGEST_MISMATCH: u8 = 71;
const FABRIC_STATUS: u8 = 72;

fn words(first: u64, second: u64) -> Vec<u8> {
    Words {
        first,
        second,
        version: CARD_LINK_VERSION,
    }
    .encode_to_vec()
}

fn words_from(body: &[u8], what: &'static str) -> Result<Words, MessageError> {
    let words = Words::decode(body).map_err(|_| MessageError::Body(what))?;
    if words.version != CARD_LINK_VERSION {
        return Err(MessageError::Version {
            theirs: words.version,
        });
    }
    Ok(words)
}

fn port_and_frame(port: PortId, extra: Option<u8>, frame: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(5 + frame.len());
    body.extend_from_slice(&port.to_u32().to_be_bytes());
    body.extend(extra);
    body.extend_from_slice(frame);
    body
}

fn port_from(body: &[u8], what: &'static str) -> Result<(PortId, Vec<u8>), MessageError> {
    let (port, rest) = body.split_at_checked(4).ok_or(MessageError::Body(what))?;
    let number = u32::from_be_bytes(port.try_into().map_err(|_| MessageError::Body(what))?);
    let port = PortId::from_u32(number).ok_or(MessageError::Body(what))?;
    Ok((port, rest.to_vec()))
}

/// Kind and first bytes of the body of a punt; the Ethernet frame follows. For cards, which copy each frame only once.
pub fn punt_head(port: PortId, reason: PuntReason) -> (u8, [u8; 5]) {
    let [a, b, c, d] = port.to_u32().to_be_bytes();
    (PUNT, [a, b, c, d, reason.number()])
}

impl RpMessage {
    /// The message's kind and body.
    pub fn encode(&self) -> (u8, Vec<u8>) {
        match self {
            RpMessage::Claim { epoch } => (CLAIM, words(epoch.to_word(), 0)),
            RpMessage::RefreshBegin => (REFRESH_BEGIN, Vec::new()),
            RpMessage::Rows { rows } => (ROWS, rows.clone()),
            RpMessage::FrameEnd { frame, digest } => (FRAME_END, words(frame.0, *digest)),
            RpMessage::RefreshEnd { frame, digest } => (REFRESH_END, words(frame.0, *digest)),
            RpMessage::Inject { port, frame } => (INJECT, port_and_frame(*port, None, frame)),
            RpMessage::OutOfStep { since } => (
                OUT_OF_STEP,
                words(since.map_or(0, |frame| frame.0), u64::from(since.is_some())),
            ),
            RpMessage::PuntsConsumed { count } => (PUNTS_CONSUMED, words(*count, 0)),
            RpMessage::PuntKept { number } => (PUNT_KEPT, words(*number, 0)),
            RpMessage::PuntReleased { number } => (PUNT_RELEASED, words(*number, 0)),
        }
    }

    /// The message that a kind and a body stand for.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(kind: u8, body: &[u8]) -> Result<Self, MessageError> {
        match kind {
            CLAIM => {
                let epoch =
                    Epoch::from_word(words_from(body, "claim")?.first).ok_or(MessageError::Body("claim"))?;
                Ok(RpMessage::Claim { epoch })
            }
            REFRESH_BEGIN => Ok(RpMessage::RefreshBegin),
            ROWS => Ok(RpMessage::Rows { rows: body.to_vec() }),
            FRAME_END => {
                let words = words_from(body, "frame end")?;
                Ok(RpMessage::FrameEnd {
                    frame: FrameNumber(words.first),
                    digest: words.second,
                })
            }
            REFRESH_END => {
                let words = words_from(body, "refresh end")?;
                Ok(RpMessage::RefreshEnd {
                    frame: FrameNumber(words.first),
                    digest: words.second,
                })
            }
            INJECT => port_from(body, "inject").map(|(port, frame)| RpMessage::Inject { port, frame }),
            OUT_OF_STEP => {
                let words = words_from(body, "out-of-step mark")?;
                Ok(RpMessage::OutOfStep {
                    since: (words.second != 0).then_some(FrameNumber(words.first)),
                })
            }
            PUNTS_CONSUMED => Ok(RpMessage::PuntsConsumed {
                count: words_from(body, "count of punts consumed")?.first,
            }),
            PUNT_KEPT => Ok(RpMessage::PuntKept {
                number: words_from(body, "number of a punt kept")?.first,
            }),
            PUNT_RELEASED => Ok(RpMessage::PuntReleased {
                number: words_from(body, "number of a punt released")?.first,
            }),
            _ => Err(MessageError::Kind(kind)),
        }
    }
}

impl CardMessage {
    /// The message's kind and body.
    pub fn encode(&self) -> (u8, Vec<u8>) {
        match self {
            CardMessage::Truth(truth) => (TRUTH, truth_body(truth).encode_to_vec()),
            CardMessage::Refused { epoch } => (REFUSED, words(epoch.to_word(), 0)),
            CardMessage::Punt { port, reason, frame } => {
                (PUNT, port_and_frame(*port, Some(reason.number()), frame))
            }
            CardMessage::PortStatus { port, link_up } => {
                (PORT_STATUS, words(u64::from(port.to_u32()), u64::from(*link_up)))
            }
            CardMessage::FabricStatus { peer, up } => {
                (FABRIC_STATUS, words(u64::from(peer.0), u64::from(*up)))
            }
            CardMessage::Applied { bytes } => (APPLIED, words(u64::from(*bytes), 0)),
            CardMessage::Counters(ports) => {
                let ports = ports
                    .iter()
                    .map(|(port, counters)| counter_body(*port, counters))
                    .collect();
                (COUNTERS, CountersBody { ports }.encode_to_vec())
            }
            CardMessage::DigestMismatch { frame, digest } => (DIGEST_MISMATCH, words(frame.0, *digest)),
        }
    }

    /// The message that a kind and a body stand for.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(kind: u8, body: &[u8]) -> Result<Self, MessageError> {
        match kind {
            TRUTH => truth_from(body).map(CardMessage::Truth),
            REFUSED => {
                let word = words_from(body, "refusal")?.first;
                Ok(CardMessage::Refused {
                    epoch: Epoch::from_word(word).ok_or(MessageError::Body("refusal"))?,
                })
            }
            PUNT => {
                let (port, mut frame) = port_from(body, "punt")?;
                let reason = frame.first().and_then(|number| PuntReason::from_number(*number));
                let reason = reason.ok_or(MessageError::Body("punt"))?;
                frame.remove(0);
                Ok(CardMessage::Punt { port, reason, frame })
            }
            PORT_STATUS => {
                let words = words_from(body, "port status")?;
                let port = u32::try_from(words.first).ok().and_then(PortId::from_u32);
                let port = port.ok_or(MessageError::Body("port status"))?;
                Ok(CardMessage::PortStatus {
                    port,
                    link_up: words.second != 0,
                })
            }
            FABRIC_STATUS => {
                let words = words_from(body, "fabric status")?;
                let peer = u32::try_from(words.first).ok().and_then(card_from);
                Ok(CardMessage::FabricStatus {
                    peer: peer.ok_or(MessageError::Body("fabric status"))?,
                    up: words.second != 0,
                })
            }
            APPLIED => {
                let bytes = u32::try_from(words_from(body, "applied count")?.first);
                Ok(CardMessage::Applied {
                    bytes: bytes.map_err(|_| MessageError::Body("applied count"))?,
                })
            }
            COUNTERS => {
                let body = CountersBody::decode(body).map_err(|_| MessageError::Body("counters"))?;
                let ports = body.ports.iter().map(counters_from).collect::<Option<Vec<_>>>();
                Ok(CardMessage::Counters(
                    ports.ok_or(MessageError::Body("counters"))?,
                ))
            }
            DIGEST_MISMATCH => {
                let words = words_from(body, "digest mismatch")?;
                Ok(CardMessage::DigestMismatch {
                    frame: FrameNumber(words.first),
                    digest: words.second,
                })
            }
            _ => Err(MessageError::Kind(kind)),
        }
    }
}

fn truth_body(truth: &Truth) -> TruthBody {
    TruthBody {
        card: u32::from(truth.card.0),
        model: truth.model.clone(),
        ports: truth
            .ports
            .iter()
            .map(|port| PortBody {
                port: port.port.to_u32(),
                link_up: port.link_up,
                mac: port.mac.0.to_vec(),
                wire: port.wire.clone(),
            })
            .collect(),
        frame: truth.frame.0,
        digest: truth.digest,
        mixed: truth.mixed,
        out_of_step_epoch: truth.out_of_step.map(|(epoch, _)| epoch.to_word()),
        out_of_step_frame: truth.out_of_step.map_or(0, |(_, frame)| frame.0),
        buffered_punts: truth.buffered_punts,
        lost_punts: truth.lost_punts,
        uptime_ms: truth.uptime_ms,
        version: CARD_LINK_VERSION,
        image_version: truth.image_version.clone(),
        fabric_peers: truth.fabric_peers.iter().map(|peer| u32::from(peer.0)).collect(),
    }
}

fn card_from(number: u32) -> Option<CardSlot> {
    let number = u8::try_from(number).ok()?;
    (number <= CardSlot::MAX).then_some(CardSlot(number))
}

fn truth_from(body: &[u8]) -> Result<Truth, MessageError> {
    let malformed = MessageError::Body("truth");
    let body = TruthBody::decode(body).map_err(|_| malformed.clone())?;
    if body.version != CARD_LINK_VERSION {
        return Err(MessageError::Version { theirs: body.version });
    }
    let fabric_peers = body.fabric_peers.into_iter().map(card_from);
    let ports = body.ports.into_iter().map(|port| {
        Some(PortTruth {
            port: PortId::from_u32(port.port)?,
            link_up: port.link_up,
            mac: (port.mac.len() == 6)
                .then(|| MacAddress::from_bytes(&port.mac))
                .flatten()?,
            wire: port.wire,
        })
    });
    let out_of_step = match body.out_of_step_epoch {
        None => None,
        Some(word) => {
            let epoch = Epoch::from_word(word).ok_or(malformed.clone())?;
            Some((epoch, FrameNumber(body.out_of_step_frame)))
        }
    };
    Ok(Truth {
        card: card_from(body.card).ok_or(malformed.clone())?,
        model: body.model,
        image_version: body.image_version,
        fabric_peers: fabric_peers
            .collect::<Option<Vec<_>>>()
            .ok_or(malformed.clone())?,
        ports: ports.collect::<Option<Vec<_>>>().ok_or(malformed)?,
        frame: FrameNumber(body.frame),
        digest: body.digest,
        mixed: body.mixed,
        out_of_step,
        buffered_punts: body.buffered_punts,
        lost_punts: body.lost_punts,
        uptime_ms: body.uptime_ms,
    })
}

fn counter_body(port: PortId, counters: &PortCounters) -> CounterBody {
    let PortCounters {
        input_packets,
        input_bytes,
        input_drops,
        output_packets,
        output_bytes,
        output_drops,
    } = *counters;
    CounterBody {
        port: port.to_u32(),
        input_packets,
        input_bytes,
        input_drops,
        output_packets,
        output_bytes,
        output_drops,
    }
}

fn counters_from(body: &CounterBody) -> Option<(PortId, PortCounters)> {
    let CounterBody {
        port,
        input_packets,
        input_bytes,
        input_drops,
        output_packets,
        output_bytes,
        output_drops,
    } = *body;
    let counters = PortCounters {
        input_packets,
        input_bytes,
        input_drops,
        output_packets,
        output_bytes,
        output_drops,
    };
    Some((PortId::from_u32(port)?, counters))
}
