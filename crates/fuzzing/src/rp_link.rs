//! The link between two route processors.

use crate::{chassis_link, kind_and_body};
use checkpoint::{
    Acknowledgement, ActiveEnd, ActiveEndConfig, FrameChunk, ResyncRequest, RowReader, RowWriter,
};
use checkpoint::{TableDigest, Tables};
use config::{Command, Grammar, Mode};
use machine::{CardSlot, Duration, Epoch, FrameNumber, Instant, Outbox, RpSlot};
use redundancy::{Body, Hello, Progression, RedundancyConfig, RedundancyMode, RfMessage, RfState};
use rp::{
    ActiveConfig, Clients, ConfigSyncBody, ConfigSyncMessage, ConsoleInput, PeerMessage, RpConfig, RpInput,
    SessionId, Standby, StartupStored,
};

/// A message of either route processor: kind byte, then body.
pub fn peer_message(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else {
        return;
    };
    if let Ok(message) = PeerMessage::decode(*kind, body) {
        let (kind, body) = message.encode();
        assert_eq!(PeerMessage::decode(kind, &body), Ok(message));
    }
}

/// A message of the redundancy facility.
pub fn redundancy_message(bytes: &[u8]) {
    if let Ok(message) = RfMessage::decode(bytes) {
        assert_eq!(RfMessage::decode(&message.encode()), Ok(message));
    }
}

/// A list of rows in its byte form. There is only one form of each list.
pub fn checkpoint_rows(bytes: &[u8]) {
    let mut writer = RowWriter::new();
    for row in RowReader::new(bytes) {
        let Ok(row) = row else { return };
        writer.push(row.table, row.key, row.value);
    }
    assert_eq!(writer.take(), bytes);
}

/// Frames for a standby: chunks, each after two bytes of its length. What it accepts it can be promoted with.
pub fn standby_frames(bytes: &[u8]) {
    let mut standby = Standby::new(rp::Language::default());
    let mut out = Outbox::new();
    let mut now = Instant::ZERO;
    let mut rest = bytes;
    while let Some((length, tail)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_le_bytes(*length)).min(tail.len());
        let (body, tail) = tail.split_at(length);
        rest = tail;
        now += Duration::from_millis(1);
        if let Ok(PeerMessage::Chunk(chunk)) = PeerMessage::decode(chunk_kind(), body) {
            standby.chunk(now, &chunk, &mut out);
            out.drain().for_each(drop);
        }
    }
    standby.disconnected();
    standby
        .clients()
        .each(&mut |table| assert!(table.dirty_rows() == 0, "a standby changes nothing itself"));
}

/// The recording of a route processor: every input that it can get, in any order.
pub fn recording(bytes: &[u8]) {
    // A recording that is damaged somewhere is replayed up to there.
    let _replayed = rp::recording::replay(bytes, &mut |_, _, _| {});
}

/// A lone active that is configured from its console, and a standby that gets a frame.
pub fn recordings() -> Vec<Vec<u8>> {
    let config = RpConfig {
        redundancy: RedundancyConfig::new(RpSlot::R0, 1, rp::SCHEMA_HASH),
        active: ActiveConfig {
            checkpoint: ActiveEndConfig::default(),
            heartbeat_interval: Duration::from_millis(50),
            seed: 1,
        },
        configuration_register: 0x2102,
        startup: Some("hostname west\nend\n".into()),
        switchover_history: String::new(),
        unix_ms_at_origin: 1_790_000_000_000,
        image_version: "seed".into(),
        card_slots: vec![CardSlot(0)],
        unsupported_commands: Vec::new(),
        platform: rp::PlatformConfig::default(),
    };
    let epoch = Epoch {
        counter: 7,
        slot: RpSlot::R0,
    };
    let session = SessionId(1);
    let console = |input| RpInput::Console { session, input };
    let opened = ConsoleInput::Opened {
        terminal: false,
        strict: false,
        columns: 0,
        rows: 0,
    };
    let typed = b"enable\nconfigure terminal\nhostname east\nend\nshow running-config\n".to_vec();
    let end = RpInput::TurnEnd { peer_room: 1 << 20 };
    let started = RpInput::Started {
        mastership: Epoch {
            counter: 0,
            slot: RpSlot::R0,
        },
    };
    let won = RpInput::ClaimWon {
        epoch,
        out_of_step: None,
    };
    let lone = [
        started.clone(),
        RpInput::PeerPresent(false),
        end.clone(),
        won,
        end.clone(),
        console(opened),
        console(ConsoleInput::Data(typed)),
        end.clone(),
    ];
    let peer = RpInput::Peer(PeerMessage::Rf(facility_message(Body::State)));
    let standby = [
        started,
        RpInput::PeerPresent(true),
        RpInput::PeerLink(true),
        peer,
        end,
    ];
    let recorded = |inputs: &[RpInput]| {
        let mut bytes = rp::recording::header(&config, Instant::ZERO);
        for (number, input) in inputs.iter().enumerate() {
            let now = Instant::ZERO + Duration::from_millis(5 * number as u64);
            bytes.extend(rp::recording::input(now, input));
            bytes.extend(rp::recording::expiry(now + Duration::from_millis(300)));
        }
        bytes
    };
    vec![recorded(&lone), recorded(&standby)]
}

fn chunk_kind() -> u8 {
    PeerMessage::Chunk(FrameChunk::default()).encode().0
}

pub fn peer_messages() -> Vec<Vec<u8>> {
    let rows = chassis_link::rows().remove(0);
    let chunk = FrameChunk {
        frame: 9,
        rows,
        end: true,
        rows_in_frame: 6,
        digest: Some(5),
        bulk_begin: true,
        bulk_end: false,
    };
    let resync = ResyncRequest {
        frame: 9,
        why: "digest".into(),
        tables: vec![TableDigest {
            table: 12,
            digest: 5,
            rows: 4,
        }],
    };
    let acknowledgement = Acknowledgement { frame: 9, digest: 5 };
    let messages = [
        PeerMessage::Rf(facility_message(Body::State)),
        PeerMessage::Chunk(chunk),
        PeerMessage::Acknowledgement(acknowledgement),
        PeerMessage::Resync(resync),
        PeerMessage::ConfigSync(ConfigSyncMessage {
            body: Some(ConfigSyncBody::StartupStored(StartupStored {
                digest: 5,
                bytes: 70,
                error: "No space left on device".into(),
                failures: 2,
                retry_ms: 2_000,
            })),
        }),
    ];
    messages
        .iter()
        .map(|message| kind_and_body(message.encode()))
        .collect()
}

fn facility_message(body: Body) -> RfMessage {
    RfMessage {
        slot: RpSlot::R0,
        boot: 0x0102_0304_0506_0708,
        epoch: Epoch {
            counter: 7,
            slot: RpSlot::R0,
        },
        state: RfState::Active,
        body,
    }
}

pub fn redundancy_messages() -> Vec<Vec<u8>> {
    let hello = Hello::new(rp::SCHEMA_HASH, RedundancyMode::Sso);
    let bodies = [
        Body::Hello(hello),
        Body::Heartbeat { sequence: 3 },
        Body::State,
        Body::Progress(Progression::StandbyBulk),
        Body::ProgressDone(Progression::StandbyBulk),
        Body::Resync,
        Body::Maintenance(true),
        Body::SwitchoverRequest,
        Body::SwitchoverRefused,
    ];
    bodies.map(|body| facility_message(body).encode()).into()
}

/// What an active sends: a bulk of a small configuration, then a frame with one more command.
pub fn frames() -> Vec<Vec<u8>> {
    let mut clients = Clients::new();
    for line in ["hostname west", "interface Ethernet0/0", "redundancy"] {
        execute(&mut clients, line);
    }
    clients.configuration.write_lines();
    clients
        .configuration
        .startup_written("hostname west\nend\n".into());
    let mut end = ActiveEnd::new(ActiveEndConfig::default(), FrameNumber(0));
    end.peer_connected();
    let bulk = turn(&mut end, &mut clients, 1);
    execute(&mut clients, "hostname east");
    let frame = turn(&mut end, &mut clients, 2);
    vec![[bulk.as_slice(), frame.as_slice()].concat(), bulk]
}

fn execute(clients: &mut Clients, line: &str) {
    if let Ok(Command::Configure(command)) = Grammar::standard().parse(&Mode::Global, line) {
        clients
            .configuration
            .execute(&command)
            .expect("a seed's command is accepted");
    }
}

fn turn(end: &mut ActiveEnd, clients: &mut Clients, milliseconds: u64) -> Vec<u8> {
    let now = Instant::ZERO + Duration::from_millis(milliseconds);
    let drained = end.turn_boundary(now, clients, usize::MAX, false);
    let mut bytes = Vec::new();
    for chunk in drained.to_peer {
        let (_, body) = PeerMessage::Chunk(chunk).encode();
        let length = u16::try_from(body.len()).expect("a small chunk");
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&body);
    }
    bytes
}

/// Two whole messages and the start of a third, after the byte that cuts them in pieces.
pub fn streams() -> Vec<Vec<u8>> {
    let message = |kind: u8, body: &[u8]| {
        let length = u32::try_from(body.len()).expect("a small body");
        [&length.to_le_bytes()[..], &[kind], body].concat()
    };
    let bytes = [message(1, b"holdover"), message(2, b""), message(3, b"cut")].concat();
    vec![
        [&[2], &bytes[..bytes.len() - 1]].concat(),
        [&[6][..], &bytes].concat(),
    ]
}
