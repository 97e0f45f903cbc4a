//! Stories of two route processors: boot, loss at each step, forced switchover, quarrels.

mod common;

use RpSlot::{R0, R1};
use common::{Item, Pair, config};
use machine::{Epoch, RpSlot};
use redundancy::{
    Body, ColdStart, Input, ManualSwitchover, Output, PeerLoss, ProcessFound, Progression, RedundancyMode,
    ReloadReason, ReloadScope, RfState, SwitchoverCause, SwitchoverReason,
};

const KILLED: SwitchoverCause = SwitchoverCause::Lost(PeerLoss::Killed);

#[test]
fn req_28_both_boot_together_and_the_primary_becomes_active_and_the_secondary_hot() {
    let pair = Pair::duplex();
    assert_eq!(pair.word, Epoch { counter: 1, slot: R0 });
    assert_eq!(pair.unit(R0).rf.epoch(), Some(pair.word));
    assert_eq!(pair.unit(R1).rf.epoch(), None);
    assert_eq!(pair.unit(R1).rf.mastership(), pair.word);
}

#[test]
fn the_secondary_that_boots_first_by_more_than_the_negotiation_time_is_active_and_stays_so() {
    let mut pair = Pair::new();
    pair.boot_default(R1);
    pair.run_ms(999);
    assert_eq!(
        pair.state(R1),
        RfState::Negotiation,
        "nobody claims before the negotiation time is up"
    );
    pair.run_ms(1);
    assert_eq!(pair.state(R1), RfState::Active);
    pair.boot_default(R0);
    pair.connect();
    pair.run_ms(100);
    assert_eq!(pair.state(R1), RfState::Active);
    assert_eq!(pair.state(R0), RfState::StandbyHot);
    assert_eq!(pair.word.counter, 1);
}

#[test]
fn units_that_cannot_hear_each_other_at_boot_get_one_active_by_the_swap() {
    let mut pair = Pair::new();
    pair.boot_default(R0);
    pair.boot_default(R1);
    pair.run_ms(1_000);
    let active: Vec<RpSlot> = RpSlot::ALL
        .into_iter()
        .filter(|slot| pair.state(*slot).is_active())
        .collect();
    assert_eq!(active, [pair.word.slot]);
    pair.connect();
    pair.run_ms(100);
    assert_eq!(pair.state(active[0]), RfState::Active);
    assert_eq!(pair.state(active[0].peer()), RfState::StandbyHot);
    assert_eq!(pair.violation, None);
}

#[test]
fn a_peer_that_dies_during_negotiation_leaves_the_other_active_without_waiting() {
    let mut pair = Pair::new();
    pair.boot_default(R0);
    pair.boot_default(R1);
    pair.connect();
    pair.end(R0, PeerLoss::Killed);
    pair.run_ms(0);
    assert_eq!(pair.state(R1), RfState::Active);
    assert!(pair.asked(R1, |output| matches!(output, Output::StartActive { .. })));
}

#[test]
fn a_healthy_active_is_not_robbed_by_a_new_unit_whose_link_is_late() {
    let mut pair = Pair::new();
    pair.boot_default(R0);
    pair.run_ms(1_000);
    pair.boot_default(R1);
    pair.run_ms(40_000);
    assert_eq!(pair.state(R0), RfState::Active);
    assert_eq!(pair.state(R1), RfState::Negotiation);
    pair.connect();
    pair.run_ms(100);
    assert_eq!(pair.state(R1), RfState::StandbyHot);
    assert_eq!(pair.word, Epoch { counter: 1, slot: R0 });
}

#[test]
fn a_unit_that_holds_the_mastership_and_stays_silent_for_the_limit_is_killed_and_succeeded() {
    let mut pair = Pair::new();
    pair.boot_default(R0);
    pair.run_ms(1_000);
    pair.boot_default(R1);
    pair.run_ms(46_100);
    assert!(pair.asked(R1, |output| *output == Output::KillPeer));
    assert_eq!(pair.state(R1), RfState::Active);
    assert_eq!(pair.word, Epoch { counter: 2, slot: R1 });
}

#[test]
fn req_46_the_standby_takes_over_at_once_when_the_active_is_killed() {
    let mut pair = Pair::duplex();
    pair.end(R0, PeerLoss::Killed);
    pair.run_ms(0);
    assert_eq!(pair.state(R1), RfState::Active);
    let epoch = Epoch { counter: 2, slot: R1 };
    assert!(pair.asked(R1, |output| *output == Output::Promote { epoch, cause: KILLED }));
    let entry = Output::RecordSwitchover {
        previous: R0,
        current: R1,
        reason: SwitchoverReason::ActiveUnitFailed,
        loss: Some(PeerLoss::Killed),
    };
    assert!(pair.asked(R1, |output| *output == entry));
    assert!(
        !pair.asked(R1, |output| *output == Output::KillPeer),
        "a dead unit needs no killing"
    );
}

#[test]
fn nobody_acts_as_active_before_the_arbiter_has_answered() {
    let mut pair = Pair::duplex();
    pair.end(R0, PeerLoss::Killed);
    assert!(pair.learn_loss(R1));
    assert_eq!(pair.state(R1), RfState::StandbyHot);
    assert!(pair.swap(R1));
    assert_eq!(pair.state(R1), RfState::StandbyHot);
    assert!(pair.learn_claim(R1));
    assert!(pair.state(R1).is_active());
}

#[test]
fn req_29_the_reason_of_a_switchover_follows_from_how_the_active_was_lost() {
    for (loss, reason) in [
        (PeerLoss::Panicked, SwitchoverReason::ActiveUnitFailed),
        (PeerLoss::Signalled(11), SwitchoverReason::ActiveUnitFailed),
        (PeerLoss::Removed, SwitchoverReason::ActiveUnitRemoved),
        (PeerLoss::PoweredOff, SwitchoverReason::ActiveUnitRemoved),
    ] {
        let mut pair = Pair::duplex();
        pair.end(R0, loss);
        pair.run_ms(0);
        let told =
            |output: &Output| matches!(output, Output::RecordSwitchover { reason: of, .. } if *of == reason);
        assert!(pair.asked(R1, told), "{loss}");
    }
}

#[test]
fn req_46_a_hung_active_is_killed_and_its_successor_does_not_wait_for_its_death() {
    let mut pair = Pair::duplex();
    // R0 hangs: its clock and its inbox stand still, its process lives on.
    for _ in 0..40 {
        pair.fire(R1);
        pair.swap(R1);
        pair.learn_claim(R1);
    }
    assert!(pair.asked(R1, |output| *output == Output::KillPeer));
    let promoted = Output::Promote {
        epoch: Epoch { counter: 2, slot: R1 },
        cause: SwitchoverCause::Lost(PeerLoss::Silent),
    };
    assert!(pair.asked(R1, |output| *output == promoted));
    assert!(pair.units[R0.index()].is_some(), "not dead yet");
    // It wakes up before the signal arrives, hears of the newer epoch and goes.
    pair.settle();
    assert!(pair.asked(R0, |output| *output
        == Output::ReloadSelf(ReloadReason::Superseded)));
}

#[test]
fn a_standby_that_holds_nothing_yet_waits_longer_before_it_kills_a_silent_active() {
    let mut pair = Pair::new();
    pair.hold_bulk = true;
    pair.boot_default(R0);
    pair.run_ms(1_000);
    pair.boot_default(R1);
    pair.connect();
    pair.run_ms(1_000);
    assert_eq!(pair.state(R1), RfState::StandbyColdBulk);
    pair.outputs.clear();
    let silent_since = pair.unit(R1).now;
    // R0 is late: its clock and its inbox stand still.
    let mut killed_after = None;
    for _ in 0..400 {
        pair.fire(R1);
        if pair.asked(R1, |output| *output == Output::KillPeer) {
            killed_after = Some(pair.unit(R1).now.saturating_since(silent_since));
            break;
        }
    }
    let limit = machine::Duration::from_millis(config(R1, 1).keepalive_limit_ms);
    let killed_after = killed_after.expect("it is killed in the end");
    assert!(
        killed_after >= limit * 9 && killed_after <= limit * 11,
        "{killed_after:?}"
    );
}

#[test]
fn a_silent_active_that_was_found_stopped_is_stopped_in_the_history_and_not_just_silent() {
    for (found, loss) in [
        (ProcessFound::Stopped, PeerLoss::Stopped),
        (ProcessFound::Running, PeerLoss::Hung),
    ] {
        let mut pair = Pair::duplex();
        let mut told = false;
        for _ in 0..40 {
            pair.fire(R1);
            if !told && pair.asked(R1, |output| *output == Output::KillPeer) {
                told = true;
                pair.input(R1, Input::PeerFound(found));
            }
            pair.swap(R1);
            pair.learn_claim(R1);
        }
        let entry = Output::RecordSwitchover {
            previous: R0,
            current: R1,
            reason: SwitchoverReason::ActiveUnitFailed,
            loss: Some(loss),
        };
        assert!(pair.asked(R1, |output| *output == entry), "{loss}");
    }
}

#[test]
fn a_standby_that_slept_itself_listens_once_more_before_it_judges_the_active() {
    let mut pair = Pair::duplex();
    pair.run_ms(200);
    let now = pair.unit(R1).now;
    pair.expire_at(R1, now + machine::Duration::from_secs(20));
    assert_eq!(pair.state(R1), RfState::StandbyHot);
    assert_eq!(pair.unit(R1).claim, None);
}

#[test]
fn req_11_loss_of_the_active_at_each_step_of_the_standby_restarts_it_cold_with_the_step_as_reason() {
    let mut pair = Pair::new();
    pair.boot_default(R0);
    pair.run_ms(1_000);
    pair.boot_default(R1);
    pair.connect();
    let mut steps_seen = Vec::new();
    // One delivery at a time; at each stop a copy of the world loses its active.
    for _ in 0..200 {
        let mut copy = pair.clone();
        let state = copy.state(R1);
        if state.is_standby() && steps_seen.last() != Some(&state) {
            steps_seen.push(state);
            copy.outputs.clear();
            copy.end(R0, PeerLoss::Killed);
            copy.run_ms(0);
            assert_eq!(copy.state(R1), RfState::Active);
            let epoch = Epoch { counter: 2, slot: R1 };
            let expected = if state == RfState::StandbyHot {
                Output::Promote { epoch, cause: KILLED }
            } else {
                Output::RestartAsActive {
                    epoch,
                    cause: KILLED,
                    reason: ColdStart::NotHot(state),
                }
            };
            assert!(
                copy.asked(R1, |output| *output == expected),
                "{state}: {:?}",
                copy.outputs
            );
        }
        let moved = pair.deliver(R0) | pair.deliver(R1);
        if !moved {
            break;
        }
    }
    let all: Vec<RfState> = RfState::ALL
        .into_iter()
        .filter(|state| state.is_standby())
        .collect();
    assert_eq!(steps_seen, all);
}

#[test]
fn a_standby_marked_as_out_of_step_is_not_promoted_even_when_it_believes_that_it_is_hot() {
    let mut pair = Pair::duplex();
    pair.out_of_step_mark = true;
    pair.end(R0, PeerLoss::Killed);
    pair.run_ms(0);
    let expected = Output::RestartAsActive {
        epoch: Epoch { counter: 2, slot: R1 },
        cause: KILLED,
        reason: ColdStart::OutOfStep,
    };
    assert!(pair.asked(R1, |output| *output == expected));
    assert!(!pair.asked(R1, |output| matches!(output, Output::Promote { .. })));
}

#[test]
fn loss_of_the_standby_is_logged_by_each_detector_and_the_active_goes_on_alone() {
    let mut pair = Pair::duplex();
    pair.end(R1, PeerLoss::Killed);
    pair.run_ms(0);
    assert_eq!(pair.state(R0), RfState::Active);
    assert_eq!(
        pair.log(R0),
        [
            "%REDUNDANCY-3-STANDBY_LOST: Standby processor fault (PEER_NOT_PRESENT)",
            "%REDUNDANCY-5-PEER_MONITOR_EVENT: Active detected a standby removal (raw-event=PEER_NOT_PRESENT(3))",
            "%REDUNDANCY-3-STANDBY_LOST: Standby processor fault (PEER_REDUNDANCY_STATE_CHANGE)",
            "%REDUNDANCY-5-PEER_MONITOR_EVENT: Active detected a standby removal \
             (raw-event=PEER_REDUNDANCY_STATE_CHANGE(5))",
            "%HA-5-MODE: Operating mode is Non-redundant, configured mode is sso.",
        ]
    );
    assert!(pair.asked(R0, |output| *output == Output::StopSync));
    let status = pair.unit(R0).rf.status(pair.unit(R0).now);
    assert_eq!(status.manual_switchover, ManualSwitchover::Simplex);
    assert_eq!(status.standby_failures, 1);
}

#[test]
fn a_killed_unit_comes_back_as_standby_and_can_take_over_in_turn() {
    let mut pair = Pair::duplex();
    for (old, new, counter) in [(R0, R1, 2), (R1, R0, 3), (R0, R1, 4)] {
        pair.end(old, PeerLoss::Killed);
        pair.run_ms(5);
        assert_eq!(pair.state(new), RfState::Active);
        assert_eq!(pair.word, Epoch { counter, slot: new });
        pair.boot_default(old);
        pair.connect();
        pair.run_ms(100);
        assert_eq!(pair.state(old), RfState::StandbyHot, "{old}");
        assert_eq!(pair.state(new), RfState::Active, "{new}");
    }
    assert_eq!(pair.violation, None);
}

#[test]
fn a_standby_that_joins_logs_insertion_then_bulk_sync_then_terminal_state() {
    let mut pair = Pair::new();
    pair.boot_default(R0);
    pair.run_ms(1_000);
    pair.outputs.clear();
    pair.boot_default(R1);
    pair.connect();
    pair.run_ms(100);
    assert_eq!(
        pair.log(R0),
        [
            "%REDUNDANCY-5-PEER_MONITOR_EVENT: Active detected a standby insertion (raw-event=PEER_FOUND(4))",
            "%HA-5-MODE: Operating mode is sso, configured mode is sso.",
            "%REDUNDANCY-5-PEER_MONITOR_EVENT: Active detected a standby insertion \
             (raw-event=PEER_REDUNDANCY_STATE_CHANGE(5))",
            "%HA_CONFIG_SYNC-6-BULK_CFGSYNC_SUCCEED: Bulk Sync succeeded",
            "%RF-5-RF_TERMINAL_STATE: Terminal state reached for (SSO)",
        ]
    );
}

#[test]
fn of_two_units_active_in_one_epoch_the_secondary_backs_down() {
    // No arbiter would grant this; should it ever happen, one of them gives way.
    let mut pair = Pair::new();
    pair.grants_always = true;
    pair.boot_default(R0);
    pair.boot_default(R1);
    pair.run_ms(1_000);
    assert!(pair.violation.is_some());
    assert!(pair.state(R0).is_active() && pair.state(R1).is_active());
    pair.connect();
    pair.settle();
    assert!(pair.asked(R1, |output| *output
        == Output::ReloadSelf(ReloadReason::Superseded)));
    assert_eq!(pair.state(R0), RfState::Active);
}

#[test]
fn an_old_active_that_learns_of_a_newer_active_backs_down_whatever_its_slot() {
    let mut pair = Pair::duplex();
    // The link breaks without a word, R1 is told that R0 is dead, but R0 lives.
    pair.link_up = false;
    for slot in RpSlot::ALL {
        pair.input(slot, Input::PeerCommunication(false));
    }
    pair.input(R1, Input::LifeLost(PeerLoss::Killed));
    pair.settle();
    assert_eq!(
        (pair.state(R0), pair.state(R1)),
        (RfState::Active, RfState::Active)
    );
    assert_eq!(pair.violation, None, "each in its own epoch");
    pair.connect();
    pair.settle();
    assert!(pair.asked(R0, |output| *output
        == Output::ReloadSelf(ReloadReason::Superseded)));
    assert_eq!(pair.state(R1), RfState::Active);
}

#[test]
fn loss_of_step_on_either_side_leads_through_a_bulk_back_to_hot() {
    for slot in RpSlot::ALL {
        let mut pair = Pair::duplex();
        pair.input(slot, Input::SyncLost);
        let status = pair.unit(R0).rf.status(pair.unit(R0).now);
        if slot == R0 {
            assert_eq!(status.manual_switchover, ManualSwitchover::PeerNotTerminal);
        }
        pair.settle();
        assert!(pair.asked(R0, |output| *output == Output::StartBulk));
        assert_eq!(pair.state(R1), RfState::StandbyHot);
        let status = pair.unit(R0).rf.status(pair.unit(R0).now);
        assert_eq!(status.manual_switchover, ManualSwitchover::Enabled);
    }
}

#[test]
fn hot_said_before_the_standby_heard_of_the_resync_does_not_count() {
    let mut pair = Pair::duplex();
    pair.input(R0, Input::SyncLost);
    // A heartbeat of R1, still hot, crosses the order to synchronise anew.
    assert!(pair.fire(R1));
    while matches!(pair.unit(R0).inbox.front(), Some(Item::Message(message)) if message.state == RfState::StandbyHot)
    {
        pair.deliver(R0);
    }
    let status = pair.unit(R0).rf.status(pair.unit(R0).now);
    assert_eq!(status.manual_switchover, ManualSwitchover::PeerNotTerminal);
}

#[test]
fn a_link_that_flaps_makes_the_standby_start_from_cold() {
    let mut pair = Pair::duplex();
    pair.link_up = false;
    for slot in RpSlot::ALL {
        pair.input(slot, Input::PeerCommunication(false));
    }
    assert_eq!(
        pair.state(R1),
        RfState::StandbyHot,
        "a hangup may be the first sign of a crash"
    );
    pair.connect();
    assert!(pair.deliver(R1));
    assert_eq!(pair.state(R1), RfState::StandbyCold);
    pair.run_ms(10);
    assert_eq!(pair.state(R1), RfState::StandbyHot);
}

#[test]
fn a_crash_whose_hangup_is_seen_before_the_life_lock_still_promotes_hot() {
    let mut pair = Pair::duplex();
    pair.end(R0, PeerLoss::Killed);
    while pair.deliver(R1) {}
    assert!(pair.learn_link_down(R1));
    assert!(pair.learn_loss(R1));
    pair.settle();
    assert!(pair.asked(R1, |output| matches!(output, Output::Promote { .. })));
}

#[test]
fn a_link_that_stays_down_while_the_active_lives_leaves_the_standby_what_it_has_and_nobody_is_killed() {
    let mut pair = Pair::duplex();
    pair.link_up = false;
    for slot in RpSlot::ALL {
        pair.input(slot, Input::PeerCommunication(false));
    }
    pair.run_ms(60_000);
    assert_eq!(pair.state(R0), RfState::Active);
    assert_eq!(pair.state(R1), RfState::StandbyHot);
    assert!(!pair.asked(R1, |output| matches!(
        output,
        Output::KillPeer | Output::Claim { .. } | Output::StartStandby { .. }
    )));
    pair.connect();
    pair.run_ms(10);
    assert_eq!(pair.state(R1), RfState::StandbyHot);
}

#[test]
fn an_active_that_reboots_unseen_is_noticed_by_its_new_life() {
    let mut pair = Pair::duplex();
    // R0 dies and is back so fast that R1 hears its new hello before anything else.
    pair.units[R0.index()] = None;
    pair.link_up = false;
    pair.boot_default(R0);
    pair.input(R1, Input::PeerCommunication(false));
    pair.connect();
    pair.run_ms(10);
    assert_eq!(pair.state(R1), RfState::Active);
    assert!(pair.asked(R1, |output| matches!(output, Output::Promote { .. })));
    assert_eq!(pair.state(R0), RfState::StandbyHot);
}

#[test]
fn a_card_that_has_seen_a_higher_epoch_makes_the_active_claim_above_it() {
    let mut pair = Pair::duplex();
    pair.input(R0, Input::EpochSeen(41));
    pair.settle();
    let epoch = Epoch {
        counter: 42,
        slot: R0,
    };
    assert!(pair.asked(R0, |output| *output == Output::EpochRaised(epoch)));
    assert_eq!(pair.unit(R1).rf.mastership(), epoch, "the standby hears of it");
    pair.end(R0, PeerLoss::Killed);
    pair.run_ms(0);
    assert_eq!(
        pair.word,
        Epoch {
            counter: 43,
            slot: R1
        }
    );
}

#[test]
fn units_of_different_schemas_form_a_cold_pair() {
    let mut pair = Pair::new();
    pair.boot_default(R0);
    pair.boot(R1, |config| config.schema_hash = 0xbad);
    pair.connect();
    pair.run_ms(100);
    assert_eq!(
        (pair.state(R0), pair.state(R1)),
        (RfState::Active, RfState::StandbyCold)
    );
    let status = pair.unit(R0).rf.status(pair.unit(R0).now);
    assert_eq!(status.operating_mode, RedundancyMode::Rpr);
    assert!(
        pair.log(R0)
            .iter()
            .any(|line| line.ends_with("Terminal state reached for (RPR)"))
    );
}

#[test]
fn maintenance_mode_holds_the_standby_cold_and_leaving_it_reloads_the_standby() {
    let mut pair = Pair::duplex();
    pair.input(R0, Input::MaintenanceMode(true));
    pair.run_ms(60_000);
    assert_eq!(
        (pair.state(R0), pair.state(R1)),
        (RfState::Active, RfState::StandbyCold)
    );
    pair.input(R0, Input::MaintenanceMode(false));
    assert!(pair.asked(R0, |output| *output
        == Output::ReloadPeer(ReloadReason::MaintenanceLeft)));
    pair.end(R1, PeerLoss::Killed);
    pair.settle();
    pair.boot_default(R1);
    pair.connect();
    pair.run_ms(10);
    assert_eq!(pair.state(R1), RfState::StandbyHot);
}

#[test]
fn req_48_reload_is_for_the_active_to_order() {
    let mut pair = Pair::duplex();
    pair.input(R1, Input::Reload(ReloadScope::Shelf));
    assert!(pair.asked(R1, |output| *output
        == Output::Refused("% Reload allowed only from Active")));
    pair.input(R0, Input::Reload(ReloadScope::Peer));
    assert!(pair.asked(R0, |output| *output
        == Output::ReloadPeer(ReloadReason::Requested)));
    pair.input(R0, Input::Reload(ReloadScope::Shelf));
    assert!(pair.asked(R0, |output| *output == Output::ReloadShelf));
}

#[test]
fn a_standby_that_announces_its_reload_is_logged_as_lost_once_and_counted_once() {
    let mut pair = Pair::duplex();
    let message = redundancy::RfMessage {
        slot: R1,
        boot: pair.unit(R1).rf.config().boot,
        epoch: pair.word,
        state: RfState::Disabled,
        body: Body::State,
    };
    pair.input(R0, Input::PeerMessage(message));
    let told = pair.log(R0).len();
    assert!(
        pair.log(R0)[0].starts_with("%REDUNDANCY-3-STANDBY_LOST"),
        "{:?}",
        pair.log(R0)
    );
    pair.end(R1, PeerLoss::Reloaded);
    pair.settle();
    assert_eq!(pair.log(R0).len(), told);
    assert_eq!(pair.unit(R0).rf.status(pair.unit(R0).now).standby_failures, 1);
}

#[test]
fn an_active_that_announces_its_reload_is_succeeded_before_its_process_ends() {
    let mut pair = Pair::duplex();
    let message = redundancy::RfMessage {
        slot: R0,
        boot: pair.unit(R0).rf.config().boot,
        epoch: pair.word,
        state: RfState::Disabled,
        body: Body::State,
    };
    pair.input(R1, Input::PeerMessage(message));
    pair.settle();
    let cause = SwitchoverCause::Lost(PeerLoss::Reloaded);
    assert!(pair.asked(
        R1,
        |output| matches!(output, Output::Promote { cause: of, .. } if *of == cause)
    ));
}

#[test]
fn messages_of_a_dead_life_and_of_the_own_slot_change_nothing() {
    let mut pair = Pair::duplex();
    let mut message = redundancy::RfMessage {
        slot: R1,
        boot: pair.unit(R1).rf.config().boot,
        epoch: pair.word,
        state: RfState::StandbyHot,
        body: Body::Progress(Progression::StandbyCold),
    };
    pair.input(R0, Input::LifeLost(PeerLoss::Killed));
    pair.outputs.clear();
    pair.input(R0, Input::PeerMessage(message));
    assert_eq!(pair.outputs, []);
    assert_eq!(pair.unit(R0).rf.peer_state(), RfState::Disabled);
    message.slot = R0;
    message.epoch.counter = 99;
    pair.input(R0, Input::PeerMessage(message));
    assert_eq!(pair.outputs, []);
}

#[test]
fn a_late_hello_of_a_dead_life_does_not_revive_it() {
    let mut pair = Pair::duplex();
    let hello = redundancy::Hello::new(0x5eed, RedundancyMode::Sso);
    let message = redundancy::RfMessage {
        slot: R1,
        boot: pair.unit(R1).rf.config().boot,
        epoch: pair.word,
        state: RfState::StandbyHot,
        body: Body::Hello(hello),
    };
    pair.input(R0, Input::LifeLost(PeerLoss::Killed));
    pair.input(R0, Input::PeerMessage(message));
    assert_eq!(pair.unit(R0).rf.peer_state(), RfState::Disabled);
    assert!(!pair.unit(R0).rf.status(pair.unit(R0).now).duplex);
}

#[test]
fn the_standby_is_not_hot_before_the_end_of_the_bulk_whatever_else_is_through() {
    let mut pair = Pair::new();
    pair.hold_bulk = true;
    pair.boot_default(R0);
    pair.boot_default(R1);
    pair.connect();
    pair.run_ms(60_000);
    assert!(pair.asked(R0, |output| *output == Output::StartBulk));
    assert_eq!(pair.state(R1), RfState::StandbyColdBulk);
    pair.input(R1, Input::BulkFinished);
    pair.settle();
    assert_eq!(pair.state(R1), RfState::StandbyHot);
}

#[test]
fn a_bulk_that_never_ends_reloads_the_standby_at_its_own_limit() {
    let mut pair = Pair::new();
    pair.hold_bulk = true;
    pair.boot_default(R0);
    pair.boot_default(R1);
    pair.connect();
    pair.run_ms(599_900);
    assert_eq!(pair.state(R1), RfState::StandbyColdBulk);
    pair.run_ms(1_000);
    let reason = ReloadReason::SyncStuck(Progression::StandbyBulk);
    assert!(pair.asked(R1, |output| *output == Output::ReloadSelf(reason)));
}

#[test]
fn a_unit_does_not_stand_by_for_an_active_of_an_old_epoch() {
    let mut pair = Pair::new();
    pair.boot_default(R0);
    pair.run_ms(1_000);
    // An epoch was given to R1, whose life ended before it could use it.
    pair.word = Epoch { counter: 2, slot: R1 };
    pair.boot_default(R1);
    pair.connect();
    assert!(pair.deliver(R1), "R0 says that it is active in epoch 1");
    assert_eq!(pair.state(R1), RfState::Negotiation);
    pair.run_ms(100);
    let epoch = Epoch { counter: 3, slot: R0 };
    assert!(
        pair.asked(R0, |output| *output == Output::EpochRaised(epoch)),
        "R0 takes the activity back"
    );
    assert_eq!(pair.state(R1), RfState::StandbyHot);
}

#[test]
fn a_standby_whose_claim_comes_after_that_of_a_new_life_does_not_promote_what_it_holds() {
    let mut pair = Pair::duplex();
    pair.end(R0, PeerLoss::Killed);
    assert!(pair.learn_loss(R1));
    assert!(pair.learn_link_down(R1));
    // R0 is back, claims at the end of its negotiation time, and is served before R1's claim.
    pair.boot_default(R0);
    pair.fire(R0);
    assert!(pair.swap(R0) && pair.learn_claim(R0));
    assert_eq!(pair.state(R0), RfState::Active);
    pair.settle();
    assert_eq!(pair.state(R1), RfState::StandbyCold);
    assert!(!pair.asked(R1, |output| matches!(output, Output::Promote { .. })));
    pair.connect();
    pair.run_ms(100);
    assert_eq!(
        (pair.state(R0), pair.state(R1)),
        (RfState::Active, RfState::StandbyHot)
    );
}

#[test]
fn req_77_a_new_mode_resets_the_standby_and_then_rules_the_pair() {
    let mut pair = Pair::duplex();
    pair.input(R1, Input::ConfigureMode(RedundancyMode::Rpr));
    pair.input(R0, Input::ConfigureMode(RedundancyMode::Rpr));
    assert!(pair.asked(R0, |output| *output
        == Output::ReloadPeer(ReloadReason::ModeChanged)));
    assert!(!pair.asked(R1, |output| matches!(output, Output::ReloadPeer(_))));
    pair.end(R1, PeerLoss::Killed);
    pair.settle();
    pair.boot(R1, |config| config.mode = RedundancyMode::Rpr);
    pair.connect();
    pair.run_ms(100);
    assert_eq!(
        (pair.state(R0), pair.state(R1)),
        (RfState::Active, RfState::StandbyCold)
    );
    let status = pair.unit(R0).rf.status(pair.unit(R0).now);
    assert_eq!(
        (status.operating_mode, status.manual_switchover),
        (RedundancyMode::Rpr, ManualSwitchover::Enabled)
    );
}
