//! Runs as bytes: every input of a route processor with the time at which it came, so that a run in the field can be
//! replayed at the desk, through the very same value.
//!
//! ```text
//!   recording = length: u32 LE | header (prost)   then, for each input or expiry:
//!               length: u32 LE | entry (prost)
//! ```
//!
//! Contract: [`replay`] of a recording gives the outputs of the recorded run, in order. Nothing here panics on any bytes.

use crate::active::ActiveConfig;
use crate::files::FileAnswer;
use crate::io::{CardLinkEvent, ConsoleInput, DeadlyStep, PeerMessage, RpInput, RpOutput, SessionId};
use crate::platform::{self, PlatformConfig, PlatformInput, StartReason};
use crate::processor::{RouteProcessor, RpConfig};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use chassis::CardMessage;
use checkpoint::ActiveEndConfig;
use core::fmt;
use core::net::Ipv4Addr;
use machine::{CardSlot, Duration, Epoch, FrameNumber, Instant, Machine, Outbox, RpSlot, StepKind, StepNote};
use prost::Message;
use redundancy::{PeerLoss, RedundancyConfig};

/// Version of the format.
const RECORDING_VERSION: u32 = 2;
/// The longest entry that is read, in bytes.
const ENTRY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a processor was told at its start.
#[derive(Clone, PartialEq, Message)]
struct Header {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(uint32, tag = "2")]
    slot: u32,
    #[prost(fixed64, tag = "3")]
    boot: u64,
    #[prost(fixed64, tag = "4")]
    schema_hash: u64,
    /// Negotiation, silent peer, notification, bulk, keepalive interval and limit, handover, in this order.
    #[prost(uint64, repeated, tag = "5")]
    limits_ms: Vec<u64>,
    /// Clients a turn, lines of history.
    #[prost(uint64, repeated, tag = "6")]
    counts: Vec<u64>,
    /// Bytes of a chunk and of a turn; then open frame limit, stall limit and heartbeat interval in nanoseconds.
    #[prost(uint64, repeated, tag = "7")]
    checkpoint: Vec<u64>,
    #[prost(string, optional, tag = "8")]
    startup: Option<String>,
    #[prost(uint64, tag = "9")]
    unix_ms_at_origin: u64,
    #[prost(string, tag = "10")]
    image_version: String,
    #[prost(uint32, repeated, tag = "11")]
    card_slots: Vec<u32>,
    #[prost(uint64, tag = "12")]
    started_ns: u64,
    #[prost(string, repeated, tag = "13")]
    unsupported_commands: Vec<String>,
    #[prost(string, tag = "14")]
    switchover_history: String,
    /// Serial number, start reason, end of the life before in seconds since 1970, in this order.
    #[prost(uint64, repeated, tag = "60")]
    platform: Vec<u64>,
    #[prost(string, tag = "61")]
    chassis: String,
    #[prost(string, tag = "62")]
    kept_history: String,
}

/// One input, or an expiry.
#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(uint64, tag = "1")]
    now_ns: u64,
    #[prost(uint32, tag = "2")]
    kind: u32,
    #[prost(uint64, repeated, tag = "3")]
    numbers: Vec<u64>,
    #[prost(string, tag = "4")]
    text: String,
    #[prost(bytes = "vec", tag = "5")]
    bytes: Vec<u8>,
}

const EXPIRE: u32 = 0;
const STARTED: u32 = 1;
const PEER_PRESENT: u32 = 2;
const PEER_LINK: u32 = 3;
const PEER: u32 = 4;
const PEER_NONSENSE: u32 = 5;
const LIFE_LOST: u32 = 6;
const CLAIM_WON: u32 = 7;
const CLAIM_LOST: u32 = 8;
const CARD_UP: u32 = 9;
const CARD_DOWN: u32 = 10;
const CARD: u32 = 11;
const CONSOLE_OPENED: u32 = 12;
const CONSOLE_RESIZED: u32 = 13;
const CONSOLE_DATA: u32 = 14;
const CONSOLE_END: u32 = 15;
const CONSOLE_DRAINED: u32 = 16;
const CONSOLE_CLOSED: u32 = 17;
const NVRAM_WRITTEN: u32 = 18;
const GENERATE: u32 = 19;
const TURN_END: u32 = 20;
const FILE_ANSWER: u32 = 40;
const PLATFORM: u32 = 60;
const CLAIM_IMPOSSIBLE: u32 = 61;
const DEADLY_STEPS: u32 = 62;

/// Why bytes are no recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingError {
    /// They end in the middle of an entry.
    Truncated,
    /// The entry at this place, counted from 0 (the header), is malformed.
    Entry(usize),
    /// It was made by a release with another format.
    Version(u32),
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordingError::Truncated => f.write_str("the recording ends in the middle of an entry"),
            RecordingError::Entry(place) => write!(f, "entry {place} of the recording is malformed"),
            RecordingError::Version(version) => {
                write!(
                    f,
                    "recording of format {version}, this release reads {RECORDING_VERSION}"
                )
            }
        }
    }
}

impl core::error::Error for RecordingError {}

/// The first bytes of a recording: what the processor is told at its start.
pub fn header(config: &RpConfig, started: Instant) -> Vec<u8> {
    let RpConfig {
        redundancy,
        active,
        startup,
        switchover_history,
        configuration_register,
        unix_ms_at_origin,
        image_version,
        card_slots,
        unsupported_commands,
        platform,
    } = config;
    let ActiveConfig {
        checkpoint,
        heartbeat_interval,
        seed,
    } = active;
    let nanoseconds = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let header = Header {
        version: RECORDING_VERSION,
        slot: redundancy.slot as u32,
        boot: redundancy.boot,
        schema_hash: redundancy.schema_hash,
        limits_ms: [
            redundancy.negotiation_time_ms,
            redundancy.silent_peer_limit_ms,
            redundancy.notification_time_ms,
            redundancy.bulk_limit_ms,
            redundancy.keepalive_interval_ms,
            redundancy.keepalive_limit_ms,
            redundancy.handover_limit_ms,
        ]
        .into(),
        counts: [
            u64::from(redundancy.clients_per_turn),
            redundancy.history_lines as u64,
            u64::from(*configuration_register),
        ]
        .into(),
        checkpoint: [
            checkpoint.chunk_bytes as u64,
            checkpoint.turn_bytes_max as u64,
            nanoseconds(checkpoint.open_frame_limit),
            nanoseconds(checkpoint.acknowledgement_stall_limit),
            nanoseconds(*heartbeat_interval),
            *seed,
        ]
        .into(),
        startup: startup.clone(),
        switchover_history: switchover_history.clone(),
        unix_ms_at_origin: *unix_ms_at_origin,
        image_version: image_version.clone(),
        card_slots: card_slots.iter().map(|slot| u32::from(slot.0)).collect(),
        started_ns: started.as_nanos(),
        unsupported_commands: unsupported_commands.clone(),
        platform: [
            platform.serial,
            u64::from(platform.start_reason.number()),
            platform.ended_at_unix_s,
        ]
        .into(),
        chassis: platform.chassis.clone(),
        kept_history: platform.kept_history.clone(),
    };
    framed(&header)
}

/// An expiry as an entry.
pub fn expiry(now: Instant) -> Vec<u8> {
    framed(&Entry {
        now_ns: now.as_nanos(),
        kind: EXPIRE,
        ..Entry::default()
    })
}

/// An input as an entry.
pub fn input(now: Instant, input: &RpInput) -> Vec<u8> {
    framed(&Entry {
        now_ns: now.as_nanos(),
        ..entry(input)
    })
}

fn framed(message: &impl Message) -> Vec<u8> {
    let body = message.encode_to_vec();
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend(body);
    bytes
}

fn plain(kind: u32, numbers: &[u64]) -> Entry {
    Entry {
        kind,
        numbers: numbers.to_vec(),
        ..Entry::default()
    }
}

fn entry(input: &RpInput) -> Entry {
    match input {
        RpInput::Started { mastership } => plain(STARTED, &[mastership.to_word()]),
        RpInput::PeerPresent(present) => plain(PEER_PRESENT, &[u64::from(*present)]),
        RpInput::PeerLink(up) => plain(PEER_LINK, &[u64::from(*up)]),
        RpInput::Peer(message) => {
            let (kind, bytes) = message.encode();
            Entry {
                bytes,
                ..plain(PEER, &[u64::from(kind)])
            }
        }
        RpInput::PeerNonsense(why) => worded(PEER_NONSENSE, why),
        RpInput::LifeLost(loss) => plain(LIFE_LOST, &loss_numbers(*loss)),
        RpInput::DeadlySteps(steps) => deadly_entry(steps),
        RpInput::ClaimWon { epoch, out_of_step } => match out_of_step {
            None => plain(CLAIM_WON, &[epoch.to_word()]),
            Some((marked, since)) => plain(CLAIM_WON, &[epoch.to_word(), marked.to_word(), since.0]),
        },
        RpInput::ClaimLost { holder } => plain(CLAIM_LOST, &[holder.to_word()]),
        RpInput::CardLink {
            card,
            event: CardLinkEvent::Up { session },
        } => plain(CARD_UP, &[u64::from(card.0), *session]),
        RpInput::CardLink {
            card,
            event: CardLinkEvent::Down { session, why },
        } => Entry {
            text: why.clone(),
            ..plain(CARD_DOWN, &[u64::from(card.0), *session])
        },
        RpInput::Card {
            card,
            session,
            message,
        } => {
            let (kind, bytes) = message.encode();
            Entry {
                bytes,
                ..plain(CARD, &[u64::from(card.0), *session, u64::from(kind)])
            }
        }
        RpInput::ClaimImpossible(why) => worded(CLAIM_IMPOSSIBLE, why),
        RpInput::Platform(input) => platform_entry(input),
        RpInput::Console { session, input } => console_entry(*session, input),
        RpInput::NvramWritten {
            number,
            result: Ok(()),
        } => plain(NVRAM_WRITTEN, &[1, *number]),
        RpInput::NvramWritten {
            number,
            result: Err(why),
        } => Entry {
            text: why.clone(),
            ..plain(NVRAM_WRITTEN, &[0, *number])
        },
        RpInput::File(answer) => Entry {
            bytes: answer.encode_to_vec(),
            ..plain(FILE_ANSWER, &[])
        },
        RpInput::Generate { routes, next_hops } => {
            let mut numbers = Vec::from([u64::from(*routes)]);
            numbers.extend(next_hops.iter().map(|hop| u64::from(u32::from(*hop))));
            plain(GENERATE, &numbers)
        }
        RpInput::TurnEnd { peer_room } => plain(TURN_END, &[*peer_room as u64]),
    }
}

fn worded(kind: u32, why: &str) -> Entry {
    Entry {
        text: why.into(),
        ..plain(kind, &[])
    }
}

fn platform_entry(input: &PlatformInput) -> Entry {
    let (numbers, text) = platform::input_entry(input);
    Entry {
        text,
        ..plain(PLATFORM, &numbers)
    }
}

fn console_entry(session: SessionId, input: &ConsoleInput) -> Entry {
    match input {
        ConsoleInput::Opened {
            terminal,
            strict,
            columns,
            rows,
        } => plain(
            CONSOLE_OPENED,
            &[
                session.0,
                u64::from(*terminal),
                u64::from(*strict),
                u64::from(*columns),
                u64::from(*rows),
            ],
        ),
        ConsoleInput::Resized { columns, rows } => plain(
            CONSOLE_RESIZED,
            &[session.0, u64::from(*columns), u64::from(*rows)],
        ),
        ConsoleInput::Data(bytes) => Entry {
            bytes: bytes.clone(),
            ..plain(CONSOLE_DATA, &[session.0])
        },
        ConsoleInput::EndOfInput => plain(CONSOLE_END, &[session.0]),
        ConsoleInput::Drained => plain(CONSOLE_DRAINED, &[session.0]),
        ConsoleInput::Closed => plain(CONSOLE_CLOSED, &[session.0]),
    }
}

fn loss_numbers(loss: PeerLoss) -> [u64; 2] {
    match loss {
        PeerLoss::Killed => [1, 0],
        PeerLoss::Panicked => [2, 0],
        // Signal numbers are small and positive.
        PeerLoss::Signalled(number) => [3, u64::from(number.unsigned_abs())],
        PeerLoss::Reloaded => [4, 0],
        PeerLoss::Silent => [5, 0],
        PeerLoss::Removed => [6, 0],
        PeerLoss::PoweredOff => [7, 0],
        PeerLoss::Hung => [8, 0],
        PeerLoss::Stopped => [9, 0],
        PeerLoss::TakenDown => [10, 0],
    }
}

fn loss_of(numbers: &[u64]) -> Option<PeerLoss> {
    Some(match numbers {
        [1, _] => PeerLoss::Killed,
        [2, _] => PeerLoss::Panicked,
        [3, number] => PeerLoss::Signalled(i32::try_from(*number).ok()?),
        [4, _] => PeerLoss::Reloaded,
        [5, _] => PeerLoss::Silent,
        [6, _] => PeerLoss::Removed,
        [7, _] => PeerLoss::PoweredOff,
        [8, _] => PeerLoss::Hung,
        [9, _] => PeerLoss::Stopped,
        [10, _] => PeerLoss::TakenDown,
        _ => return None,
    })
}

fn input_of(entry: Entry) -> Option<RpInput> {
    let Entry {
        kind,
        numbers,
        text,
        bytes,
        ..
    } = entry;
    Some(match (kind, numbers.as_slice()) {
        (STARTED, [word]) => RpInput::Started {
            mastership: Epoch::from_word(*word)?,
        },
        (PEER_PRESENT, [present]) => RpInput::PeerPresent(*present != 0),
        (PEER_LINK, [up]) => RpInput::PeerLink(*up != 0),
        (PEER, [kind]) => RpInput::Peer(PeerMessage::decode(u8::try_from(*kind).ok()?, &bytes).ok()?),
        (PEER_NONSENSE, []) => RpInput::PeerNonsense(text),
        (LIFE_LOST, numbers) => RpInput::LifeLost(loss_of(numbers)?),
        (CLAIM_WON | CLAIM_LOST | CLAIM_IMPOSSIBLE | DEADLY_STEPS, numbers) => claim_of(kind, numbers, text)?,
        (CARD_UP, [card, session]) => RpInput::CardLink {
            card: card_of(*card)?,
            event: CardLinkEvent::Up { session: *session },
        },
        (CARD_DOWN, [card, session]) => RpInput::CardLink {
            card: card_of(*card)?,
            event: CardLinkEvent::Down {
                session: *session,
                why: text,
            },
        },
        (CARD, [card, session, kind]) => {
            let message = CardMessage::decode(u8::try_from(*kind).ok()?, &bytes).ok()?;
            RpInput::Card {
                card: card_of(*card)?,
                session: *session,
                message,
            }
        }
        (NVRAM_WRITTEN, [written, number]) => RpInput::NvramWritten {
            number: *number,
            result: if *written == 1 { Ok(()) } else { Err(text) },
        },
        (FILE_ANSWER, []) => RpInput::File(FileAnswer::decode(bytes.as_slice()).ok()?),
        (GENERATE, [routes, next_hops @ ..]) => {
            let hop = |hop: &u64| u32::try_from(*hop).ok().map(Ipv4Addr::from);
            let next_hops = next_hops.iter().map(hop).collect::<Option<Vec<_>>>()?;
            RpInput::Generate {
                routes: u32::try_from(*routes).ok()?,
                next_hops,
            }
        }
        (TURN_END, [room]) => RpInput::TurnEnd {
            peer_room: usize::try_from(*room).ok()?,
        },
        (PLATFORM, numbers) => RpInput::Platform(platform::input_of(numbers, &text)?),
        (kind, [session, rest @ ..]) => RpInput::Console {
            session: SessionId(*session),
            input: console_of(kind, rest, bytes)?,
        },
        _ => return None,
    })
}

/// The standing mark of an old active; none, or `None` for numbers that are no mark.
fn out_of_step_of(numbers: &[u64]) -> Option<Option<(Epoch, FrameNumber)>> {
    match numbers {
        [] => Some(None),
        [marked, since] => Some(Some((Epoch::from_word(*marked)?, FrameNumber(*since)))),
        _ => None,
    }
}

fn deadly_entry(steps: &[DeadlyStep]) -> Entry {
    let numbers: Vec<u64> = steps.iter().flat_map(step_numbers).collect();
    plain(DEADLY_STEPS, &numbers)
}

/// Numbers of a [`DeadlyStep`].
const STEP_NUMBERS: usize = 8;

fn step_numbers(step: &DeadlyStep) -> [u64; STEP_NUMBERS] {
    let DeadlyStep { note, age, is_new } = step;
    [
        u64::from(note.client),
        u64::from(note.kind.number()),
        (note.session >> 64) as u64,
        note.session as u64,
        note.offset,
        note.digest,
        u64::try_from(age.as_nanos()).unwrap_or(u64::MAX),
        u64::from(*is_new),
    ]
}

fn step_of(numbers: &[u64]) -> Option<DeadlyStep> {
    let &[client, kind, high, low, offset, digest, age_ns, is_new] = numbers else {
        return None;
    };
    Some(DeadlyStep {
        note: StepNote {
            client: u32::try_from(client).ok()?,
            kind: StepKind::from_number(u8::try_from(kind).ok()?)?,
            session: u128::from(high) << 64 | u128::from(low),
            offset,
            digest,
        },
        age: Duration::from_nanos(age_ns),
        is_new: is_new != 0,
    })
}

fn claim_of(kind: u32, numbers: &[u64], text: String) -> Option<RpInput> {
    Some(match (kind, numbers) {
        (CLAIM_WON, [word, mark @ ..]) => RpInput::ClaimWon {
            epoch: Epoch::from_word(*word)?,
            out_of_step: out_of_step_of(mark)?,
        },
        (DEADLY_STEPS, steps) => {
            let steps = steps.chunks(STEP_NUMBERS).map(step_of);
            RpInput::DeadlySteps(steps.collect::<Option<_>>()?)
        }
        (CLAIM_LOST, [word]) => RpInput::ClaimLost {
            holder: Epoch::from_word(*word)?,
        },
        (CLAIM_IMPOSSIBLE, []) => RpInput::ClaimImpossible(text),
        _ => return None,
    })
}

fn console_of(kind: u32, numbers: &[u64], bytes: Vec<u8>) -> Option<ConsoleInput> {
    Some(match (kind, numbers) {
        // A recording of an earlier release has no rows.
        (CONSOLE_OPENED, [terminal, strict, columns, rows @ ..]) => ConsoleInput::Opened {
            terminal: *terminal != 0,
            strict: *strict != 0,
            columns: u16::try_from(*columns).ok()?,
            rows: u16::try_from(rows.first().copied().unwrap_or(0)).ok()?,
        },
        (CONSOLE_RESIZED, [columns, rows @ ..]) => ConsoleInput::Resized {
            columns: u16::try_from(*columns).ok()?,
            rows: u16::try_from(rows.first().copied().unwrap_or(0)).ok()?,
        },
        (CONSOLE_DATA, []) => ConsoleInput::Data(bytes),
        (CONSOLE_END, []) => ConsoleInput::EndOfInput,
        (CONSOLE_DRAINED, []) => ConsoleInput::Drained,
        (CONSOLE_CLOSED, []) => ConsoleInput::Closed,
        _ => return None,
    })
}

fn card_of(number: u64) -> Option<CardSlot> {
    u8::try_from(number)
        .ok()
        .filter(|number| *number <= CardSlot::MAX)
        .map(CardSlot)
}

fn config_of(header: Header) -> Option<(RpConfig, Instant)> {
    let [negotiation, silent, notification, bulk, interval, limit, handover] =
        header.limits_ms.try_into().ok()?;
    let [clients_per_turn, history_lines, register] = <[u64; 3]>::try_from(header.counts).ok()?;
    // A recording of a release without routing protocols has no seed.
    let mut limits = header.checkpoint;
    limits.resize(limits.len().max(6), 0);
    let [chunk, turn, open, stall, heartbeat, seed] = <[u64; 6]>::try_from(limits).ok()?;
    if header.boot == 0 {
        return None;
    }
    let mut redundancy = RedundancyConfig::new(
        RpSlot::from_index(u64::from(header.slot))?,
        header.boot,
        header.schema_hash,
    );
    redundancy.negotiation_time_ms = negotiation;
    redundancy.silent_peer_limit_ms = silent;
    redundancy.notification_time_ms = notification;
    redundancy.bulk_limit_ms = bulk;
    redundancy.keepalive_interval_ms = interval;
    redundancy.keepalive_limit_ms = limit;
    redundancy.handover_limit_ms = handover;
    redundancy.clients_per_turn = u32::try_from(clients_per_turn).ok()?;
    redundancy.history_lines = usize::try_from(history_lines).ok()?;
    let checkpoint = ActiveEndConfig {
        chunk_bytes: usize::try_from(chunk).ok()?,
        turn_bytes_max: usize::try_from(turn).ok()?,
        open_frame_limit: Duration::from_nanos(open),
        acknowledgement_stall_limit: Duration::from_nanos(stall),
    };
    let config = RpConfig {
        redundancy,
        active: ActiveConfig {
            checkpoint,
            heartbeat_interval: Duration::from_nanos(heartbeat),
            seed,
        },
        startup: header.startup,
        switchover_history: header.switchover_history,
        configuration_register: u16::try_from(register).ok()?,
        unix_ms_at_origin: header.unix_ms_at_origin,
        image_version: header.image_version,
        card_slots: header
            .card_slots
            .into_iter()
            .map(|slot| card_of(u64::from(slot)))
            .collect::<Option<_>>()?,
        unsupported_commands: header.unsupported_commands,
        platform: platform_of(header.chassis, header.kept_history, &header.platform)?,
    };
    Some((config, Instant::from_nanos(header.started_ns)))
}

/// A recording of a release that did not know the chassis has no numbers of it.
fn platform_of(chassis: String, kept_history: String, numbers: &[u64]) -> Option<PlatformConfig> {
    Some(match numbers {
        [] => PlatformConfig::default(),
        [serial, reason, ended_at_unix_s] => PlatformConfig {
            chassis,
            serial: *serial,
            start_reason: StartReason::from_number(u32::try_from(*reason).ok()?)?,
            ended_at_unix_s: *ended_at_unix_s,
            kept_history,
        },
        _ => return None,
    })
}

/// Takes the next entry's bytes; `None` at the end.
fn take<'a>(bytes: &mut &'a [u8]) -> Result<Option<&'a [u8]>, RecordingError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(RecordingError::Truncated)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (body, rest) = rest
        .split_at_checked(length.min(ENTRY_BYTES_MAX))
        .ok_or(RecordingError::Truncated)?;
    *bytes = rest;
    Ok(Some(body))
}

/// Runs a recording through a fresh processor. Calls `output` for each output, with the time and the place of the entry
/// that it followed from. Returns the processor as the recording leaves it.
///
/// # Errors
/// What is wrong with the bytes. A recording that was cut off by a crash ends with [`RecordingError::Truncated`] after
/// all whole entries have been replayed.
pub fn replay(
    mut bytes: &[u8],
    output: &mut dyn FnMut(Instant, usize, RpOutput),
) -> Result<RouteProcessor, RecordingError> {
    let header = take(&mut bytes)?.ok_or(RecordingError::Truncated)?;
    let header = Header::decode(header).map_err(|_| RecordingError::Entry(0))?;
    if header.version != RECORDING_VERSION {
        return Err(RecordingError::Version(header.version));
    }
    let (config, started) = config_of(header).ok_or(RecordingError::Entry(0))?;
    let mut processor = RouteProcessor::new(config, started);
    let mut out = Outbox::new();
    let mut place = 0;
    while let Some(body) = take(&mut bytes)? {
        place += 1;
        let entry = Entry::decode(body).map_err(|_| RecordingError::Entry(place))?;
        let now = Instant::from_nanos(entry.now_ns);
        if entry.kind == EXPIRE {
            processor.expire(now, &mut out);
        } else {
            processor.handle(
                now,
                input_of(entry).ok_or(RecordingError::Entry(place))?,
                &mut out,
            );
        }
        for (_, asked) in out.drain() {
            output(now, place, asked);
        }
    }
    Ok(processor)
}

/// An input in a word, for the trace in a crash report. Allocates nothing.
pub fn name(input: &RpInput) -> &'static str {
    match input {
        RpInput::Started { .. } => "started",
        RpInput::PeerPresent(true) => "peer present",
        RpInput::PeerPresent(false) => "peer absent",
        RpInput::PeerLink(true) => "RP link up",
        RpInput::PeerLink(false) => "RP link down",
        RpInput::Peer(PeerMessage::Rf(_)) => "peer: RF message",
        RpInput::Peer(PeerMessage::Chunk(_)) => "peer: frame chunk",
        RpInput::Peer(PeerMessage::Acknowledgement(_)) => "peer: acknowledgement",
        RpInput::Peer(_) => "peer: message",
        RpInput::PeerNonsense(_) => "peer: nonsense",
        RpInput::LifeLost(_) => "peer's life lost",
        RpInput::DeadlySteps(_) => "steps of earlier deaths",
        RpInput::ClaimWon { .. } => "claim won",
        RpInput::CardLink { .. } => "card link",
        RpInput::Card { message, .. } => match message {
            CardMessage::Truth(_) => "card: truth",
            CardMessage::Refused { .. } => "card: refused",
            CardMessage::Punt { .. } => "card: punt",
            CardMessage::PortStatus { .. } => "card: port status",
            CardMessage::FabricStatus { .. } => "card: fabric status",
            CardMessage::Applied { .. } => "card: applied",
            CardMessage::Counters(_) => "card: counters",
            CardMessage::DigestMismatch { .. } => "card: digest mismatch",
        },
        RpInput::Platform(_) => "chassis",
        RpInput::Console { .. } => "console",
        RpInput::Generate { .. } => "generate",
        RpInput::TurnEnd { .. } => "turn end",
        _ => "other",
    }
}

/// An output as a line, for people who read a replay.
pub fn describe(output: &RpOutput) -> String {
    match output {
        RpOutput::Log(message) => message.to_string(),
        other => alloc::format!("{other:?}"),
    }
}
