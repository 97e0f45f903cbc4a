//! Numbers, spellings, order of clients, records and messages: what other programs and other releases rely on.

use machine::{Epoch, RpSlot};
use proptest::prelude::*;
use redundancy::switchover::UtcTime;
use redundancy::{
    Body, Client, ClientId, ClientRegistry, Hello, ImageVersion, MessageError, PairTimers, Progression,
    RedundancyMode, RegistrationError, RfMessage, RfState, SwitchoverEntry, SwitchoverHistory,
    SwitchoverReason, SwitchoverRecord, client,
};

#[test]
fn states_have_the_numbers_and_spellings_of_the_command_line() {
    let expected = [
        ("0  -UNKNOWN", "UNKNOWN(0)"),
        ("1  -DISABLED", "DISABLED(1)"),
        ("2  -INITIALIZATION", "INITIALIZATION(2)"),
        ("3  -NEGOTIATION", "NEGOTIATION(3)"),
        ("4  -STANDBY COLD", "STANDBY COLD(4)"),
        ("5  -STANDBY COLD-CONFIG", "STANDBY COLD-CONFIG(5)"),
        ("6  -STANDBY COLD-FILESYS", "STANDBY COLD-FILESYS(6)"),
        ("7  -STANDBY COLD-BULK", "STANDBY COLD-BULK(7)"),
        ("8  -STANDBY HOT", "STANDBY HOT(8)"),
        ("9  -ACTIVE-FAST", "ACTIVE-FAST(9)"),
        ("10 -ACTIVE-DRAIN", "ACTIVE-DRAIN(10)"),
        ("11 -ACTIVE_PRECONFIG", "ACTIVE_PRECONFIG(11)"),
        ("12 -ACTIVE_POSTCONFIG", "ACTIVE_POSTCONFIG(12)"),
        ("13 -ACTIVE", "ACTIVE(13)"),
    ];
    for (number, (in_states, in_history)) in (0..).zip(expected) {
        let state = RfState::from_number(number).expect("0 to 13 are states");
        assert_eq!(
            (state.in_states().to_string().as_str(), state.to_string().as_str()),
            (in_states, in_history)
        );
        assert_eq!((state.number(), state.snmp()), (number, number + 1));
    }
    assert_eq!(RfState::from_number(14), None);
}

#[test]
fn an_active_never_becomes_a_standby_and_every_state_may_be_left() {
    for state in RfState::ALL {
        for next in RfState::ALL {
            if state.is_active() {
                assert!(!state.may_become(next) || next.is_active() || next == RfState::Disabled);
            }
            assert!(
                !(state == next && state.may_become(next)),
                "{state} does not enter itself"
            );
        }
        if state.is_standby() {
            assert!(
                state.may_become(RfState::ActiveFast),
                "any standby takes over, {state} too"
            );
        }
        assert_eq!(state.may_become(RfState::Disabled), state != RfState::Disabled);
    }
}

#[test]
fn progressions_have_the_codes_of_the_history() {
    let codes: Vec<u32> = Progression::ALL.into_iter().map(Progression::code).collect();
    assert_eq!(codes, [100, 101, 102, 103, 104, 105, 200, 201, 202, 203, 204]);
    for progression in Progression::ALL {
        assert_eq!(Progression::from_code(progression.code()), Some(progression));
        let states = RfState::ALL
            .into_iter()
            .filter(|state| state.progression() == Some(progression));
        assert_eq!(states.count(), 1, "{progression} belongs to one state");
    }
    assert_eq!(Progression::from_code(300), None);
}

#[test]
fn clients_are_visited_in_sequence_and_numbers_are_unique() {
    let mut clients = ClientRegistry::new();
    for client in [
        client::BGP,
        client::HDLC,
        client::FRAME_RELAY,
        client::CEF,
        client::CONFIG_SYNC,
    ] {
        clients.add(client).expect("five different clients");
    }
    let names: Vec<&str> = clients.all().map(|client| client.name).collect();
    assert_eq!(
        names,
        [
            "First Client",
            "CEF RRP RF Client",
            "Config Sync RF client",
            "Frame Relay",
            "HDLC",
            "BGP",
            "Last Client"
        ]
    );
    assert_eq!(clients.count(), 7);
    assert_eq!(
        clients.add(Client::new(49, "another", 500)),
        Err(RegistrationError::DuplicateId(ClientId(49)))
    );
    assert_eq!(
        clients.add(Client::new(0, "first", 500)),
        Err(RegistrationError::DuplicateId(ClientId(0)))
    );
    for sequence in [0, 65_000, 70_000] {
        assert_eq!(
            clients.add(Client::new(7_000, "out of range", sequence)),
            Err(RegistrationError::SequenceOutOfRange(sequence))
        );
    }
}

#[test]
fn the_switchover_history_replaces_its_oldest_entry_and_counts_on() {
    let mut history = SwitchoverHistory::new(2);
    for second in 1..=3 {
        history.add(RpSlot::R0, RpSlot::R1, SwitchoverReason::UserForced, second);
    }
    let indexes: Vec<u32> = history.iter().map(|entry| entry.index).collect();
    assert_eq!(indexes, [2, 3]);
    assert_eq!(history.count(), 3);
    let mut restored = SwitchoverHistory::new(2);
    for record in history.iter().map(SwitchoverEntry::to_record) {
        restored.restore(SwitchoverEntry::from_record(&record).expect("own records are understood"));
    }
    assert_eq!(restored, history);
    let mut none = SwitchoverHistory::new(0);
    none.add(RpSlot::R0, RpSlot::R1, SwitchoverReason::UserForced, 1);
    assert_eq!((none.iter().count(), none.count()), (0, 1));
}

#[test]
fn a_switchover_history_comes_back_from_its_text_as_something_of_the_past() {
    let mut history = SwitchoverHistory::new(10);
    history.add(RpSlot::R0, RpSlot::R1, SwitchoverReason::UserForced, 100);
    history.add(RpSlot::R1, RpSlot::R0, SwitchoverReason::ActiveUnitRemoved, 200);
    let text = history.to_text();
    assert_eq!(text, "1 48 49 5 100 0\n2 49 48 7 200 0\n");
    let mut restored = SwitchoverHistory::from_text(&text, 10);
    assert_eq!(restored.to_text(), text);
    assert_eq!(restored.count(), 0, "none of them since the system started");
    restored.add(RpSlot::R0, RpSlot::R1, SwitchoverReason::UserForced, 300);
    assert_eq!(restored.count(), 1);
    assert!(restored.to_text().ends_with("3 48 49 5 300 0\n"));
}

#[test]
fn damaged_lines_of_a_switchover_history_are_left_out() {
    let text = "2 48 49 5 100\n\n2 48 49 5 100\n1 48 49 5 1\nx\n3 48\n3 48 7 5 1\n3 48 49 99 1 9\n99999999999 48 49 5 1";
    let history = SwitchoverHistory::from_text(text, 10);
    assert_eq!(history.to_text(), "2 48 49 5 100 0\n3 48 49 3 1 9\n");
}

#[test]
fn the_switchover_record_has_these_bytes() {
    use prost::Message;
    let entry = SwitchoverEntry {
        loss: Some(redundancy::PeerLoss::Signalled(11)),
        index: 3,
        previous: RpSlot::R0,
        current: RpSlot::R1,
        reason: SwitchoverReason::ActiveUnitFailed,
        unix_seconds: 300,
        ordinal: 2,
    };
    let bytes = [
        0x08, 3, 0x10, 48, 0x18, 49, 0x20, 6, 0x28, 0xac, 0x02, 0x30, 2, 0x38, 0xf3, 0x07,
    ];
    assert_eq!(entry.to_record().encode_to_vec(), bytes);
    let record = SwitchoverRecord::decode(bytes.as_slice()).expect("golden bytes");
    assert_eq!(SwitchoverEntry::from_record(&record), Some(entry));
    let unknown_unit = SwitchoverRecord {
        previous_unit: 7,
        ..record.clone()
    };
    assert_eq!(SwitchoverEntry::from_record(&unknown_unit), None);
    let newer_reason = SwitchoverRecord { reason: 99, ..record };
    let read = SwitchoverEntry::from_record(&newer_reason).expect("the units are known");
    assert_eq!(read.reason, SwitchoverReason::NotKnown);
}

#[test]
fn wall_clock_times_follow_the_calendar() {
    for (seconds, expected) in [
        (0, "00:00:00 UTC Thu Jan 1 1970"),
        (951_782_400, "00:00:00 UTC Tue Feb 29 2000"),
        (951_868_799, "23:59:59 UTC Tue Feb 29 2000"),
        (951_868_800, "00:00:00 UTC Wed Mar 1 2000"),
        (1_798_761_599, "23:59:59 UTC Thu Dec 31 2026"),
        (4_107_542_400, "00:00:00 UTC Mon Mar 1 2100"),
    ] {
        assert_eq!(UtcTime(seconds).to_string(), expected);
    }
}

fn message(body: Body) -> RfMessage {
    RfMessage {
        slot: RpSlot::R1,
        boot: 0x0102_0304_0506_0708,
        epoch: Epoch {
            counter: 300,
            slot: RpSlot::R0,
        },
        state: RfState::StandbyHot,
        body,
    }
}

/// Slot R1, boot, epoch counter 300 of R0, state 8.
const HEADER: [u8; 16] = [0x08, 1, 0x11, 8, 7, 6, 5, 4, 3, 2, 1, 0x18, 0xac, 0x02, 0x28, 8];

#[test]
fn messages_have_these_bytes_both_ways() {
    let hello = Hello {
        image: ImageVersion::new("V1"),
        next_register: 0x2142,
        mismatched_commands: 3,
        language: 0x2122_2324_2526_2728,
        mismatched_language: 0x3132_3334_3536_3738,
        ..Hello::new(0x1112_1314_1516_1718, RedundancyMode::Sso)
    };
    let hello_bytes = [
        0x52, 43, 0x08, 1, 0x11, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 0x18, 8, 0x22, 2, b'V',
        b'1', 0x28, 0x82, 0x42, 0x30, 0xc2, 0x42, 0x38, 3, 0x41, 0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22,
        0x21, 0x49, 0x38, 0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31,
    ];
    let timers = PairTimers {
        keepalive_interval_ms: 50,
        keepalive_limit_ms: 100,
        notification_time_ms: 7,
    };
    let cases: [(Body, &[u8]); 10] = [
        (Body::Hello(hello), &hello_bytes),
        (Body::Heartbeat { sequence: 5 }, &[0x58, 5]),
        (Body::State, &[0x62, 0]),
        (Body::Progress(Progression::StandbyBulk), &[0x68, 104]),
        (Body::ProgressDone(Progression::StandbyBulk), &[0x70, 104]),
        (Body::Resync, &[0x7a, 0]),
        (Body::Maintenance(true), &[0x80, 0x01, 1]),
        (Body::SwitchoverRequest, &[0x8a, 0x01, 0]),
        (Body::SwitchoverRefused, &[0x92, 0x01, 0]),
        (Body::Timers(timers), &[0x9a, 0x01, 6, 8, 50, 0x10, 100, 0x18, 7]),
    ];
    for (body, tail) in cases {
        let bytes = [HEADER.as_slice(), tail].concat();
        assert_eq!(message(body).encode(), bytes, "{body:?}");
        assert_eq!(RfMessage::decode(&bytes), Ok(message(body)));
    }
}

#[test]
fn a_message_with_a_field_of_a_later_release_is_understood() {
    let later = [HEADER.as_slice(), &[0x62, 0, 0xa0, 0x06, 1]].concat();
    assert_eq!(RfMessage::decode(&later), Ok(message(Body::State)));
}

#[test]
fn what_is_no_message_is_refused_by_name() {
    let with = |position: usize, value: u8, tail: &[u8]| {
        let mut header = HEADER;
        header[position] = value;
        RfMessage::decode(&[header.as_slice(), tail].concat())
    };
    let state = [0x62, 0];
    assert_eq!(with(1, 2, &state), Err(MessageError::BadField("slot", 2)));
    assert_eq!(with(15, 14, &state), Err(MessageError::BadField("state", 14)));
    assert_eq!(
        with(0, 0x08, &[0x9a, 0x01, 6, 8, 50, 0x10, 49, 0x18, 7]),
        Err(MessageError::BadField("keepalive limit", 49)),
        "a limit below the interval"
    );
    assert_eq!(with(0, 0x08, &[]), Err(MessageError::BadField("body", 0)));
    assert_eq!(
        with(0, 0x08, &[0x68, 100]),
        Err(MessageError::BadField("progression", 100))
    );
    assert_eq!(
        with(0, 0x08, &[0x52, 2, 0x18, 7]),
        Err(MessageError::BadField("mode", 7))
    );
    assert_eq!(
        with(0, 0x08, &[0x62, 0, 0x20, 2]),
        Err(MessageError::BadField("epoch slot", 2))
    );
    assert_eq!(RfMessage::decode(&[]), Err(MessageError::BadField("boot", 0)));
    assert!(matches!(
        RfMessage::decode(&HEADER[..5]),
        Err(MessageError::Malformed(_))
    ));
    assert_eq!(RfMessage::decode(&[0; 1_025]), Err(MessageError::TooLong(1_025)));
}

proptest! {
    #[test]
    fn bytes_never_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(message) = RfMessage::decode(&bytes) {
            prop_assert_eq!(RfMessage::decode(&message.encode()), Ok(message));
        }
    }

    #[test]
    fn a_damaged_message_is_refused_or_reads_as_a_message(position in 0usize..31, value in any::<u8>()) {
        let hello = Hello::new(9, RedundancyMode::Rpr);
        let mut bytes = message(Body::Hello(hello)).encode();
        prop_assume!(position < bytes.len());
        bytes[position] = value;
        if let Ok(message) = RfMessage::decode(&bytes) {
            prop_assert_eq!(RfMessage::decode(&message.encode()), Ok(message));
        }
    }
}

#[test]
fn an_image_version_is_cut_at_a_character_and_shown_as_it_came() {
    assert_eq!(ImageVersion::new("Version 1").as_str(), "Version 1");
    let long = "é".repeat(40);
    assert_eq!(ImageVersion::new(&long).as_str(), "é".repeat(31));
    assert_eq!(format!("{:?}", ImageVersion::EMPTY), "\"\"");
}
