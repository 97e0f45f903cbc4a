//! Every state of the facility against every input: what it asks for, and where it goes.
//!
//! The golden file is meant to be read: an accidental transition shows up as a line of a diff. After a change on
//! purpose, `HOLDOVER_BLESS=1 cargo test -p redundancy --test table` writes it anew.

mod common;

use machine::{Duration, Epoch, Instant, Machine, Outbox, RpSlot};
use redundancy::{
    Answer, Body, ClaimResult, Hello, Input, Output, PeerLoss, Progression, RedundancyFacility,
    RedundancyMode, ReloadScope, RfMessage, RfState, client,
};
use std::fmt::Write;
use std::path::Path;

const PEER_BOOT: u64 = 77;
const EPOCH_OF_PEER: Epoch = Epoch {
    counter: 5,
    slot: RpSlot::R0,
};
const EPOCH_WON: Epoch = Epoch {
    counter: 6,
    slot: RpSlot::R1,
};

/// R1 with one client that answers only when the test says so.
struct Subject {
    rf: RedundancyFacility,
    now: Instant,
}

impl Subject {
    fn new() -> Subject {
        let now = Instant::from_millis(1_000);
        let mut rf = RedundancyFacility::new(common::config(RpSlot::R1, 1), now);
        rf.register(now, client::CEF).expect("one client");
        Subject { rf, now }
    }

    fn handle(&mut self, input: Input) -> Vec<String> {
        let mut out = Outbox::new();
        self.rf.handle(self.now, input, &mut out);
        out.drain().map(|(_, output)| words(&output)).collect()
    }

    fn after_ms(&mut self, milliseconds: u64) -> Vec<String> {
        let mut out = Outbox::new();
        self.now += Duration::from_millis(milliseconds);
        self.rf.expire(self.now, &mut out);
        out.drain().map(|(_, output)| words(&output)).collect()
    }

    fn start(&mut self) {
        self.handle(Input::Started {
            mastership: EPOCH_OF_PEER,
        });
    }

    fn answer(&mut self) -> Vec<String> {
        let Some(progression) = self.rf.state().progression() else {
            return Vec::new();
        };
        self.handle(Input::ClientAnswered {
            client: client::CEF.id,
            progression,
            answer: Answer::Done,
        })
    }

    fn meet(&mut self, state: RfState) {
        self.handle(Input::PeerPresent(true));
        self.handle(Input::PeerCommunication(true));
        self.handle(hello(PEER_BOOT, state));
    }
}

fn from_peer(boot: u64, epoch: Epoch, state: RfState, body: Body) -> Input {
    Input::PeerMessage(RfMessage {
        slot: RpSlot::R0,
        boot,
        epoch,
        state,
        body,
    })
}

fn hello(boot: u64, state: RfState) -> Input {
    let hello = Hello::new(0x5eed, RedundancyMode::Sso);
    from_peer(boot, EPOCH_OF_PEER, state, Body::Hello(hello))
}

/// The facility, brought into the state by the shortest way, its client not yet having answered.
fn in_state(state: RfState) -> Subject {
    let mut subject = Subject::new();
    if state == RfState::Disabled {
        return subject;
    }
    subject.start();
    if state == RfState::Initialization {
        return subject;
    }
    if state.is_standby() {
        subject.meet(RfState::Active);
    }
    subject.answer();
    if state.is_active() {
        subject.after_ms(1_000);
        subject.handle(Input::ClaimResult(ClaimResult::Won {
            epoch: EPOCH_WON,
            out_of_step: false,
        }));
    }
    while subject.rf.state() != state {
        let before = subject.rf.state();
        subject.answer();
        if let Some(progression) = before
            .progression()
            .filter(|progression| progression.is_standby())
        {
            let done = Body::ProgressDone(progression);
            subject.handle(from_peer(PEER_BOOT, EPOCH_OF_PEER, RfState::Active, done));
            subject.handle(Input::BulkFinished);
        }
        assert_ne!(subject.rf.state(), before, "no way from {before} to {state}");
    }
    if state.is_active() {
        // An active with a standby that has just said hello.
        subject.meet(RfState::Negotiation);
    }
    assert_eq!(subject.rf.state(), state);
    subject
}

type Event = (&'static str, Box<dyn Fn(&mut Subject) -> Vec<String>>);

fn input(name: &'static str, input: Input) -> Event {
    (name, Box::new(move |subject| subject.handle(input.clone())))
}

fn peer(name: &'static str, state: RfState, body: Body) -> Event {
    let epoch = if state.is_active() {
        EPOCH_OF_PEER
    } else {
        Epoch::NONE
    };
    input(name, from_peer(PEER_BOOT, epoch, state, body))
}

fn events() -> Vec<Event> {
    let newer = Epoch {
        counter: 9,
        slot: RpSlot::R0,
    };
    vec![
        input(
            "started",
            Input::Started {
                mastership: EPOCH_OF_PEER,
            },
        ),
        input("peer pulled", Input::PeerPresent(false)),
        input("peer plugged in", Input::PeerPresent(true)),
        input("link down", Input::PeerCommunication(false)),
        input("link up", Input::PeerCommunication(true)),
        input("life lost", Input::LifeLost(PeerLoss::Killed)),
        input("hello of the active", hello(PEER_BOOT, RfState::Active)),
        input("hello of a new life", hello(PEER_BOOT + 1, RfState::Negotiation)),
        peer(
            "heartbeat of a hot peer",
            RfState::StandbyHot,
            Body::Heartbeat { sequence: 1 },
        ),
        input(
            "newer active",
            from_peer(PEER_BOOT, newer, RfState::Active, Body::State),
        ),
        peer("old active", RfState::Active, Body::State),
        peer("peer reloads", RfState::Disabled, Body::State),
        peer(
            "peer asks for 101",
            RfState::StandbyCold,
            Body::Progress(Progression::StandbyCold),
        ),
        peer(
            "peer has walked 101",
            RfState::Active,
            Body::ProgressDone(Progression::StandbyCold),
        ),
        peer("told to resync", RfState::Active, Body::Resync),
        peer("told of maintenance", RfState::Active, Body::Maintenance(true)),
        peer("asked to take over", RfState::Active, Body::SwitchoverRequest),
        peer("takeover refused", RfState::StandbyHot, Body::SwitchoverRefused),
        input(
            "claim won unasked",
            Input::ClaimResult(ClaimResult::Won {
                epoch: newer,
                out_of_step: false,
            }),
        ),
        input("claim lost unasked", Input::ClaimResult(ClaimResult::Lost(newer))),
        input("card saw epoch 20", Input::EpochSeen(20)),
        ("client answers", Box::new(Subject::answer)),
        input("bulk finished", Input::BulkFinished),
        input("sync lost", Input::SyncLost),
        input("force switchover", Input::ForceSwitchover),
        input("handover ready", Input::HandoverReady),
        input("mode rpr configured", Input::ConfigureMode(RedundancyMode::Rpr)),
        input("maintenance on", Input::MaintenanceMode(true)),
        input("reload shelf", Input::Reload(ReloadScope::Shelf)),
        ("30 s pass", Box::new(|subject| subject.after_ms(30_000))),
    ]
}

/// An output in a few words.
fn words(output: &Output) -> String {
    match output {
        Output::SendToPeer(message) => format!("send {:?} in {}", message.body, message.epoch),
        Output::Claim { expected, floor } => format!("CLAIM over {expected} floor {floor}"),
        Output::StartActive { epoch } => format!("START ACTIVE {epoch}"),
        Output::Promote { epoch, cause } => format!("PROMOTE {epoch} {cause}"),
        Output::RestartAsActive { epoch, cause, reason } => {
            format!("RESTART AS ACTIVE {epoch} {cause}, {reason}")
        }
        Output::EpochRaised(epoch) => format!("EPOCH RAISED {epoch}"),
        Output::StartStandby { active } => format!("START STANDBY of {active}"),
        Output::HandoverResumed { reason } => format!("RESUME: {reason}"),
        Output::Refused(refusal) => format!("refuse: {refusal}"),
        Output::ReloadSelf(reason) => format!("RELOAD SELF: {reason}"),
        Output::ReloadPeer(reason) => format!("RELOAD PEER: {reason}"),
        Output::Log(message) => format!("log {message}"),
        Output::RunClient {
            client,
            progression,
            operand,
        } => format!("run {client} {progression} op={operand}"),
        Output::TellClients { status, operand } => format!("tell {status} op={operand}"),
        Output::StateChanged { mine, peer } => format!("now {mine}/{peer}"),
        Output::RecordSwitchover {
            previous,
            current,
            reason,
            ..
        } => {
            format!("record {previous} to {current}, {reason}")
        }
        Output::KillPeer
        | Output::StartBulk
        | Output::StopSync
        | Output::PrepareHandover
        | Output::ReloadShelf
        | Output::SystemReady => format!("{output:?}"),
    }
}

fn table() -> String {
    let mut text = String::new();
    for state in RfState::ALL
        .into_iter()
        .filter(|state| *state != RfState::Unknown)
    {
        writeln!(text, "{state}").expect("a String takes everything");
        for (name, event) in events() {
            let mut subject = in_state(state);
            let asked = event(&mut subject);
            let next = subject.rf.state();
            let arrow = if next == state {
                String::from("stays")
            } else {
                format!("-> {next}")
            };
            writeln!(text, "  {name}: {arrow}").expect("a String takes everything");
            for output in asked {
                writeln!(text, "      {output}").expect("a String takes everything");
            }
        }
    }
    text
}

#[test]
fn every_state_answers_every_input_as_the_golden_file_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/state_event_table.txt");
    let table = table();
    if std::env::var_os("HOLDOVER_BLESS").is_some() {
        std::fs::write(&path, &table).expect("the golden file is writable");
    }
    let golden = std::fs::read_to_string(&path).expect("the golden file exists; HOLDOVER_BLESS=1 makes it");
    for (number, (is, was)) in table.lines().zip(golden.lines()).enumerate() {
        assert_eq!(is, was, "line {} of {}", number + 1, path.display());
    }
    assert_eq!(
        table.lines().count(),
        golden.lines().count(),
        "lines of {}",
        path.display()
    );
}

#[test]
fn every_change_of_state_in_the_table_is_a_legal_transition_or_a_chain_of_them() {
    for state in RfState::ALL
        .into_iter()
        .filter(|state| *state != RfState::Unknown)
    {
        for (name, event) in events() {
            let mut subject = in_state(state);
            event(&mut subject);
            let next = subject.rf.state();
            assert!(
                next == state || state.may_become(next),
                "{state} by {name} to {next}"
            );
            assert_eq!(
                subject.rf.epoch().is_some(),
                next.is_active(),
                "{state} by {name}: the epoch"
            );
        }
    }
}
