//! Progressions: order, late clients, bounded turns, and clients that never answer.

mod common;

use RpSlot::{R0, R1};
use common::Pair;
use machine::{Epoch, Instant, Machine, Outbox, RpSlot};
use redundancy::{Answer, Input, Output, PeerLoss, Progression, ReloadReason, RfState};

/// A lone unit whose clients do not answer by themselves.
struct Lone {
    rf: redundancy::RedundancyFacility,
    now: Instant,
    out: Outbox<Output>,
}

impl Lone {
    fn new(clients_per_turn: u32) -> Lone {
        let mut config = common::config(R0, 1);
        config.clients_per_turn = clients_per_turn;
        let now = Instant::ZERO;
        let mut rf = redundancy::RedundancyFacility::new(config, now);
        for client in [
            redundancy::client::ARP,
            redundancy::client::CEF,
            redundancy::client::IF_INDEX,
            redundancy::client::HDLC,
        ] {
            rf.register(now, client).expect("four different clients");
        }
        Lone {
            rf,
            now,
            out: Outbox::new(),
        }
    }

    fn called(&mut self) -> Vec<u32> {
        let calls = self.out.drain().filter_map(|(_, output)| match output {
            Output::RunClient { client, .. } => Some(client.id.0),
            _ => None,
        });
        calls.collect()
    }

    fn start(&mut self) {
        self.rf.handle(
            self.now,
            Input::Started {
                mastership: Epoch::NONE,
            },
            &mut self.out,
        );
    }

    fn answer(&mut self, client: u32, answer: Answer) {
        let input = Input::ClientAnswered {
            client: redundancy::ClientId(client),
            progression: Progression::Initialization,
            answer,
        };
        self.rf.handle(self.now, input, &mut self.out);
    }
}

#[test]
fn clients_are_called_in_sequence_and_last_client_waits_for_the_late_ones() {
    let mut lone = Lone::new(100);
    lone.start();
    assert_eq!(lone.called(), [139]);
    lone.answer(139, Answer::Later);
    assert_eq!(lone.called(), [24], "the walk goes on");
    lone.answer(57, Answer::Done);
    assert_eq!(lone.called(), [], "nobody has called ARP");
    for (client, next) in [(24, 49), (49, 57)] {
        lone.answer(client, Answer::Done);
        assert_eq!(lone.called(), [next]);
    }
    lone.answer(57, Answer::Done);
    assert_eq!(lone.rf.state(), RfState::Initialization);
    let (client, progression) = (redundancy::ClientId(139), Progression::Initialization);
    lone.rf.handle(
        lone.now,
        Input::ClientCompleted { client, progression },
        &mut lone.out,
    );
    assert_eq!(lone.rf.state(), RfState::Negotiation);
    let history = lone.rf.history().show();
    let tail: Vec<&str> = history.lines().skip(4).collect();
    assert_eq!(
        tail,
        [
            "00:00:00 *my state = INITIALIZATION(2) peer state = DISABLED(1)",
            "00:00:00 RF_PROG_INITIALIZATION(100) First Client(0) op=0 rc=11",
            "00:00:00 RF_PROG_INITIALIZATION(100) IfIndex(139) op=0 rc=23",
            "00:00:00 RF_PROG_INITIALIZATION(100) CEF RRP RF Client(24) op=0 rc=11",
            "00:00:00 RF_PROG_INITIALIZATION(100) HDLC(49) op=0 rc=11",
            "00:00:00 RF_PROG_INITIALIZATION(100) ARP(57) op=0 rc=11",
            "00:00:00 RF_PROG_INITIALIZATION(100) IfIndex(139) op=0 rc=11",
            "00:00:00 RF_PROG_INITIALIZATION(100) Last Client(65000) op=0 rc=11",
            "00:00:00 *my state = NEGOTIATION(3) peer state = DISABLED(1)",
        ]
    );
}

#[test]
fn a_turn_calls_no_more_clients_than_allowed_and_asks_to_be_woken_at_once() {
    let mut lone = Lone::new(2);
    lone.start();
    lone.answer(139, Answer::Done);
    lone.answer(24, Answer::Done);
    assert_eq!(lone.called(), [139, 24]);
    assert_eq!(lone.rf.next_deadline().map(|(at, _)| at), Some(lone.now));
    lone.rf.expire(lone.now, &mut lone.out);
    assert_eq!(lone.called(), [49]);
}

#[test]
fn a_client_that_never_answers_fails_the_boot_and_the_unit_reloads() {
    let mut lone = Lone::new(100);
    lone.start();
    lone.now = Instant::from_millis(29_999);
    lone.rf.expire(lone.now, &mut lone.out);
    assert_eq!(lone.rf.state(), RfState::Initialization);
    lone.now = Instant::from_millis(30_000);
    lone.rf.expire(lone.now, &mut lone.out);
    let (client, progression) = (redundancy::ClientId(139), Progression::Initialization);
    let reason = ReloadReason::ClientStuck { client, progression };
    assert!(
        lone.out
            .drain()
            .any(|(_, output)| output == Output::ReloadSelf(reason))
    );
    assert_eq!(lone.rf.state(), RfState::Disabled);
    assert_eq!(lone.rf.next_deadline(), None);
}

#[test]
fn an_active_goes_on_without_a_client_that_is_stuck_when_nobody_could_do_better() {
    let mut pair = Pair::duplex();
    pair.end(R0, PeerLoss::Killed);
    pair.learn_loss(R1);
    pair.learn_link_down(R1);
    pair.swap(R1);
    // From here on the clients of R1 do not answer.
    let unit = pair.units[R1.index()].as_mut().expect("R1 lives");
    let mut out = Outbox::new();
    let result = unit.claim_result.take().expect("the arbiter has answered");
    unit.rf.handle(unit.now, Input::ClaimResult(result), &mut out);
    for _ in 0..1_000 {
        if unit.rf.state() == RfState::Active {
            break;
        }
        let (at, _) = unit.rf.next_deadline().expect("the notification timer runs");
        unit.now = unit.now.max(at);
        unit.rf.expire(unit.now, &mut out);
    }
    assert_eq!(unit.rf.state(), RfState::Active);
    assert!(
        !out.drain()
            .any(|(_, output)| matches!(output, Output::ReloadSelf(_)))
    );
}
