//! Forced switchover: who may, who may not, and the point of no return.

mod common;

use RpSlot::{R0, R1};
use common::Pair;
use machine::{Epoch, RpSlot};
use redundancy::{Input, Output, PeerLoss, ReloadReason, RfState, SwitchoverCause, SwitchoverReason};

const KILLED: SwitchoverCause = SwitchoverCause::Lost(PeerLoss::Killed);

#[test]
fn req_29_forced_switchover_moves_the_activity_and_the_old_active_reloads() {
    let mut pair = Pair::duplex();
    pair.input(R0, Input::ForceSwitchover);
    pair.run_ms(10);
    assert!(pair.asked(R0, |output| *output == Output::PrepareHandover));
    let promoted = Output::Promote {
        epoch: Epoch { counter: 2, slot: R1 },
        cause: SwitchoverCause::Forced,
    };
    assert!(pair.asked(R1, |output| *output == promoted));
    assert!(pair.asked(R0, |output| *output
        == Output::ReloadSelf(ReloadReason::Switchover)));
    assert_eq!(
        pair.log(R0)
            .last_chunk::<2>()
            .map(|lines| lines.each_ref().map(String::as_str)),
        Some([
            "%PMAN-3-RELOAD_RP: R0/0: pvp: Reloading: RP switchover initiated. This RP will be reloaded",
            "%PMAN-5-EXITACTION: R0/0: pvp: Process manager is exiting: process exit with reload fru code",
        ])
    );
    let entry = Output::RecordSwitchover {
        previous: R0,
        current: R1,
        reason: SwitchoverReason::UserForced,
        loss: None,
    };
    assert!(pair.asked(R1, |output| *output == entry));
    pair.boot_default(R0);
    pair.connect();
    pair.run_ms(100);
    assert_eq!(
        (pair.state(R0), pair.state(R1)),
        (RfState::StandbyHot, RfState::Active)
    );
}

#[test]
fn forced_switchover_is_refused_with_the_documented_words() {
    let refused = |pair: &mut Pair, slot: RpSlot, words: &'static str| {
        pair.outputs.clear();
        pair.input(slot, Input::ForceSwitchover);
        assert_eq!(pair.outputs, [(slot, Output::Refused(words))]);
    };
    let mut pair = Pair::duplex();
    refused(
        &mut pair,
        R1,
        "% Switchover cannot be initiated from this the standby unit",
    );
    pair.hold_handover = true;
    pair.input(R0, Input::ForceSwitchover);
    refused(&mut pair, R0, "% Switchover is in progress already");

    let mut pair = Pair::duplex();
    pair.input(R0, Input::SyncLost);
    refused(&mut pair, R0, "Standby RP is not in RF_STANDBY_HOT state");

    let mut pair = Pair::duplex();
    pair.input(R0, Input::MaintenanceMode(true));
    refused(&mut pair, R0, "% Switchover refused: maintenance mode is enabled");

    let mut pair = Pair::new();
    pair.boot_default(R0);
    refused(&mut pair, R0, "% Switchover refused: this unit is not ACTIVE yet");
    pair.run_ms(1_000);
    refused(&mut pair, R0, "% There is no STANDBY present");
}

#[test]
fn a_standby_that_dies_before_it_was_asked_lets_the_active_resume_in_its_epoch() {
    let mut pair = Pair::duplex();
    pair.hold_handover = true;
    pair.input(R0, Input::ForceSwitchover);
    pair.end(R1, PeerLoss::Killed);
    pair.run_ms(0);
    let resumed = Output::HandoverResumed {
        reason: "Switchover aborted: standby lost",
    };
    assert!(pair.asked(R0, |output| *output == resumed));
    assert_eq!(pair.word.counter, 1);
    assert_eq!(pair.state(R0), RfState::Active);
}

#[test]
fn a_standby_that_does_not_answer_the_request_loses_the_race_for_the_swap() {
    let mut pair = Pair::duplex();
    pair.input(R0, Input::ForceSwitchover);
    // The request lies unread while R0's limit passes, and R0 takes the activity back.
    let mut fired = 0;
    while pair.unit(R0).claim.is_none() {
        assert!(pair.fire(R0));
        fired += 1;
        assert!(fired < 1_000);
    }
    pair.swap(R0);
    pair.learn_claim(R0);
    assert!(pair.asked(R0, |output| *output
        == Output::EpochRaised(Epoch { counter: 2, slot: R0 })));
    pair.settle();
    // Now R1 reads the request, claims, and loses.
    assert!(pair.asked(R1, |output| matches!(output, Output::Claim { .. })));
    assert_eq!(pair.state(R0), RfState::Active);
    assert!(!pair.asked(R1, |output| matches!(output, Output::Promote { .. })));
    assert_eq!(pair.unit(R1).rf.mastership(), Epoch { counter: 2, slot: R0 });
}

#[test]
fn past_the_point_of_no_return_the_old_active_only_reloads() {
    let mut pair = Pair::duplex();
    pair.input(R0, Input::ForceSwitchover);
    while pair.deliver(R1) {}
    assert!(
        pair.swap(R1),
        "the new active has claimed, and dies before it says so"
    );
    pair.end(R1, PeerLoss::Killed);
    pair.settle();
    assert!(pair.asked(R0, |output| *output
        == Output::ReloadSelf(ReloadReason::Switchover)));
    assert!(!pair.asked(R0, |output| matches!(output, Output::HandoverResumed { .. })));
}

#[test]
fn an_active_that_dies_during_the_handover_is_succeeded() {
    let mut pair = Pair::duplex();
    pair.hold_handover = true;
    pair.input(R0, Input::ForceSwitchover);
    pair.end(R0, PeerLoss::Killed);
    pair.run_ms(0);
    assert_eq!(pair.state(R1), RfState::Active);
    assert!(pair.asked(R1, |output| matches!(
        output,
        Output::Promote { cause: KILLED, .. }
    )));
}

#[test]
fn an_epoch_that_a_card_reports_during_a_handover_is_dealt_with_afterwards() {
    let mut pair = Pair::duplex();
    pair.hold_handover = true;
    pair.input(R0, Input::ForceSwitchover);
    pair.input(R0, Input::EpochSeen(40));
    assert_eq!(pair.unit(R0).claim, None, "only the handover may claim now");
    pair.end(R1, PeerLoss::Killed);
    pair.settle();
    assert_eq!(
        pair.unit(R0).rf.epoch(),
        Some(Epoch {
            counter: 41,
            slot: R0
        })
    );
}
