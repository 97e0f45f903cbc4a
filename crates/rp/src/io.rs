//! What happens to a route processor, and what it asks for.

use crate::config_sync::ConfigSyncMessage;
use crate::files::{FileAnswer, FileRequest};
use crate::platform::{PlatformInput, PlatformOutput};
use alloc::string::String;
use alloc::vec::Vec;
use chassis::{CardMessage, RpMessage};
use checkpoint::{Acknowledgement, FrameChunk, ResyncRequest};
use core::fmt;
use core::net::Ipv4Addr;
use machine::{CardSlot, Duration, Epoch, FrameNumber, StepNote};
use management::CloseReason;
use prost::Message;
use redundancy::{PeerLoss, RfMessage, Syslog};

/// A console session, numbered by the driver; a number is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// One message on the link between the two route processors.
#[derive(Clone, Debug, PartialEq)]
pub enum PeerMessage {
    /// From one redundancy facility to the other.
    Rf(RfMessage),
    /// Checkpoint: rows of a frame.
    Chunk(FrameChunk),
    /// Checkpoint: frames committed.
    Acknowledgement(Acknowledgement),
    /// Checkpoint: everything again, please.
    Resync(ResyncRequest),
    /// Configuration synchronisation.
    ConfigSync(ConfigSyncMessage),
    /// What each unit tells of itself when the link comes up.
    Unit(UnitReport),
}

/// A unit about itself, for `show`.
#[derive(Clone, PartialEq, Message)]
pub struct UnitReport {
    /// What it calls its image.
    #[prost(string, tag = "1")]
    pub image_version: String,
    /// How long its processor has been up, in milliseconds.
    #[prost(uint64, tag = "2")]
    pub uptime_ms: u64,
    /// Memory that it holds, in bytes; 0: not known.
    #[prost(uint64, tag = "3")]
    pub resident_bytes: u64,
}

/// Why bytes on the RP link are no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerMessageError {
    /// No message has this kind.
    Kind(u8),
    /// A redundancy message that is malformed.
    Rf(redundancy::MessageError),
    /// A checkpoint message of this name that is malformed.
    Checkpoint(&'static str),
    /// A message of configuration synchronisation that is malformed.
    ConfigSync,
}

impl fmt::Display for PeerMessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeerMessageError::Kind(kind) => write!(f, "unknown message kind {kind} on the RP link"),
            PeerMessageError::Rf(error) => write!(f, "on the RP link: {error}"),
            PeerMessageError::Checkpoint(name) => write!(f, "malformed {name} on the RP link"),
            PeerMessageError::ConfigSync => {
                f.write_str("malformed message of configuration synchronisation on the RP link")
            }
        }
    }
}

impl core::error::Error for PeerMessageError {}

const RF: u8 = 1;
const CHUNK: u8 = 2;
const ACKNOWLEDGEMENT: u8 = 3;
const RESYNC: u8 = 4;
const CONFIG_SYNC: u8 = 5;
const UNIT: u8 = 60;

impl PeerMessage {
    /// The message's kind and body.
    pub fn encode(&self) -> (u8, Vec<u8>) {
        match self {
            PeerMessage::Rf(message) => (RF, message.encode()),
            PeerMessage::Chunk(chunk) => (CHUNK, chunk.encode_to_vec()),
            PeerMessage::Acknowledgement(acknowledgement) => {
                (ACKNOWLEDGEMENT, acknowledgement.encode_to_vec())
            }
            PeerMessage::Resync(request) => (RESYNC, request.encode_to_vec()),
            PeerMessage::ConfigSync(message) => (CONFIG_SYNC, message.encode_to_vec()),
            PeerMessage::Unit(report) => (UNIT, report.encode_to_vec()),
        }
    }

    /// The message that a kind and a body stand for.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(kind: u8, body: &[u8]) -> Result<Self, PeerMessageError> {
        match kind {
            RF => RfMessage::decode(body)
                .map(PeerMessage::Rf)
                .map_err(PeerMessageError::Rf),
            CHUNK => FrameChunk::decode(body)
                .map(PeerMessage::Chunk)
                .map_err(|_| PeerMessageError::Checkpoint("frame chunk")),
            ACKNOWLEDGEMENT => Acknowledgement::decode(body)
                .map(PeerMessage::Acknowledgement)
                .map_err(|_| PeerMessageError::Checkpoint("acknowledgement")),
            RESYNC => ResyncRequest::decode(body)
                .map(PeerMessage::Resync)
                .map_err(|_| PeerMessageError::Checkpoint("resync request")),
            CONFIG_SYNC => ConfigSyncMessage::decode(body)
                .ok()
                .filter(|message| message.body.is_some())
                .map(PeerMessage::ConfigSync)
                .ok_or(PeerMessageError::ConfigSync),
            UNIT => UnitReport::decode(body)
                .map(PeerMessage::Unit)
                .map_err(|_| PeerMessageError::Checkpoint("unit report")),
            _ => Err(PeerMessageError::Kind(kind)),
        }
    }
}

/// What happens to the connection to a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardLinkEvent {
    /// Connected; the driver has numbered the connection.
    Up {
        /// The connection's number; one of a card is never used twice.
        session: u64,
    },
    /// Disconnected, and why in words.
    Down {
        /// The connection's number.
        session: u64,
        /// What happened.
        why: String,
    },
}

/// What a console does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleInput {
    /// A console has been opened.
    Opened {
        /// A person at a terminal (echo, prompts), or a script.
        terminal: bool,
        /// Whether the first rejected line ends a script.
        strict: bool,
        /// Width of the terminal; 0: unknown.
        columns: u16,
        /// Height of the terminal; 0: unknown.
        rows: u16,
    },
    /// The terminal has another size now.
    Resized {
        /// The width; 0: unknown.
        columns: u16,
        /// The height; 0: unknown.
        rows: u16,
    },
    /// Bytes that were typed.
    Data(Vec<u8>),
    /// A script has no more lines.
    EndOfInput,
    /// All that the console was told has been sent on: there is room for more.
    Drained,
    /// The console has gone.
    Closed,
}

/// What a console is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleOutput {
    /// Bytes for the terminal.
    Data(Vec<u8>),
    /// A line of the script was rejected.
    Rejected {
        /// Its number in the input, from 1.
        line_number: u32,
        /// The line.
        line: String,
    },
    /// The session has ended, and why.
    Close(CloseReason),
}

/// Most steps that [`RpInput::DeadlySteps`] names. Who forgets an older one may let it be made again.
pub const DEADLY_STEPS_MAX: usize = 16;

/// A step in which an active died, by a panic or a fatal signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadlyStep {
    /// The step.
    pub note: StepNote,
    /// How long ago its death was found.
    pub age: Duration,
    /// Whether it is the death that is the reason for this claim: nobody has acted on it yet.
    pub is_new: bool,
}

/// What can happen to a route processor.
#[derive(Clone, Debug, PartialEq)]
pub enum RpInput {
    /// The process is up; the arbiter's word reads this.
    Started {
        /// Newest epoch of the chassis.
        mastership: Epoch,
    },
    /// The backplane sees a peer in the other RP slot, or none.
    PeerPresent(bool),
    /// The link to the peer is up (after both have proved that they belong to one chassis), or down. Before it is up for a
    /// life of the peer, that life's presence and the loss of the one before are told.
    PeerLink(bool),
    /// A message from the peer.
    Peer(PeerMessage),
    /// The peer's bytes are no message: why, in words.
    PeerNonsense(String),
    /// The peer's life lock, its resigned word, or the backplane tells that it is lost.
    LifeLost(PeerLoss),
    /// Steps in which actives of this chassis have died by their own doing, the newest first, at most
    /// [`DEADLY_STEPS_MAX`]. Told before [`RpInput::ClaimWon`], to whoever claims.
    DeadlySteps(Vec<DeadlyStep>),
    /// Answer to [`RpOutput::Claim`].
    ClaimWon {
        /// The epoch won.
        epoch: Epoch,
        /// The standing mark of the old active, if there is one: out of step since that frame.
        out_of_step: Option<(Epoch, FrameNumber)>,
    },
    /// Answer to [`RpOutput::Claim`]: somebody else holds this epoch.
    ClaimLost {
        /// The epoch that holds.
        holder: Epoch,
    },
    /// Answer to [`RpOutput::Claim`]: no epoch can be given out now, and why. It is asked for again.
    ClaimImpossible(String),
    /// The connection to a card.
    CardLink {
        /// The card.
        card: CardSlot,
        /// What happened.
        event: CardLinkEvent,
    },
    /// A message from a card.
    Card {
        /// The card.
        card: CardSlot,
        /// The connection that it came over.
        session: u64,
        /// The message.
        message: CardMessage,
    },
    /// The chassis tells something.
    Platform(PlatformInput),
    /// A console.
    Console {
        /// Which one.
        session: SessionId,
        /// What it does.
        input: ConsoleInput,
    },
    /// Answer to [`RpOutput::WriteNvram`].
    NvramWritten {
        /// The number of the write.
        number: u64,
        /// Whether the text is on the disk, or why it is not.
        result: Result<(), String>,
    },
    /// Answer to [`RpOutput::File`].
    File(FileAnswer),
    /// Bench: let the generator client hold this many routes.
    Generate {
        /// Number of routes.
        routes: u32,
        /// Neighbours that the routes go over, in turn.
        next_hops: Vec<Ipv4Addr>,
    },
    /// A batch of inputs is over.
    TurnEnd {
        /// Bytes that the link to the peer takes now.
        peer_room: usize,
    },
}

/// A moment of a switchover, for the box's own measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The loss of the active was noticed.
    Detected,
    /// All cards that can be reached have accepted the epoch.
    EpochClaimed,
    /// `promote` has returned.
    Promoted,
    /// ACTIVE is reached.
    Active,
}

/// What a route processor can ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum RpOutput {
    /// Send to the peer.
    Peer(PeerMessage),
    /// The peer talks nonsense: close the link. The words were logged.
    DropPeerLink,
    /// Swap the arbiter's word.
    Claim {
        /// The epoch that must still hold.
        expected: Epoch,
        /// Highest counter that a card has reported.
        floor: u64,
    },
    /// Publish, before anything that follows, that the standby is out of step.
    PublishOutOfStep {
        /// This active's epoch.
        epoch: Epoch,
        /// The last frame that the standby has.
        since: FrameNumber,
    },
    /// The standby is in step again.
    ClearOutOfStep,
    /// Send SIGKILL to the peer; do not wait for its death.
    KillPeer,
    /// Have the backplane reset the peer.
    ResetPeer,
    /// Have the backplane reset everything, cards included.
    ResetShelf,
    /// Keep connections to all cards of the chassis from now on, and open each with this claim.
    ConnectCards {
        /// The epoch to claim.
        epoch: Epoch,
    },
    /// Send to a card, if this is still its connection.
    Card {
        /// The card.
        card: CardSlot,
        /// The connection that the message belongs to.
        session: u64,
        /// The message.
        message: RpMessage,
    },
    /// The chassis is to do something.
    Platform(PlatformOutput),
    /// Tell a console.
    Console {
        /// Which one.
        session: SessionId,
        /// What to tell.
        output: ConsoleOutput,
    },
    /// Write the startup configuration, all of it or nothing; answer with [`RpInput::NvramWritten`].
    WriteNvram {
        /// Number of this write; the answer has it. One that a newer one replaces before it has begun is answered with
        /// the newer one's outcome.
        number: u64,
        /// The text.
        text: String,
    },
    /// Keep this text as the switchover history of this RP, all of it or nothing. No answer: the next one has it all again.
    KeepSwitchoverHistory(String),
    /// Keep this text as the redundancy facility's log, for the next life of this RP. No answer: the next one replaces it.
    KeepHistory(String),
    /// Keep the configuration register for the next boot.
    WriteRegister(u16),
    /// Have the backplane reset a line card.
    ResetCard {
        /// The card.
        card: CardSlot,
    },
    /// Do something with a file of this unit's `bootflash:`; answer with [`RpInput::File`].
    File(FileRequest),
    /// A system message.
    Log(Syslog),
    /// Leave: the backplane starts this RP anew.
    Reload {
        /// Why, in words.
        reason: String,
    },
    /// A moment to be measured.
    Phase(Phase),
}
