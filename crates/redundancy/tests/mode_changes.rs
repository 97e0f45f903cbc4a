//! A pair agrees on its mode, whenever it was changed and whoever was told of it when.

mod common;

use RpSlot::{R0, R1};
use common::Pair;
use machine::RpSlot;
use redundancy::{
    Input, ManualSwitchover, Output, PeerLoss, Progression, RedundancyMode, ReloadReason, RfState, client,
};

fn modes(pair: &Pair) -> [RedundancyMode; 2] {
    RpSlot::ALL.map(|slot| pair.unit(slot).rf.operating_mode())
}

/// R0 active, R1 at rest in RPR.
fn rpr_pair() -> Pair {
    let mut pair = Pair::new();
    pair.boot(R0, |config| config.mode = RedundancyMode::Rpr);
    pair.boot(R1, |config| config.mode = RedundancyMode::Rpr);
    pair.connect();
    pair.run_ms(10);
    assert_eq!(
        (pair.state(R0), pair.state(R1)),
        (RfState::Active, RfState::StandbyCold)
    );
    pair
}

#[test]
fn a_standby_follows_a_life_that_becomes_active_after_its_first_words() {
    for mode in [RedundancyMode::Sso, RedundancyMode::Rpr] {
        let mut pair = rpr_pair();
        // A life of R0 that R1 never heard of has acted since: R1 loses its claim to it.
        pair.word.counter += 1;
        pair.end(R0, PeerLoss::Killed);
        pair.boot(R0, |config| config.mode = mode);
        pair.settle();
        pair.connect();
        pair.settle();
        assert_eq!(pair.state(R0), RfState::Negotiation);
        assert_eq!(pair.state(R1), RfState::StandbyCold);
        pair.run_ms(3_000);
        let rest = if mode == RedundancyMode::Sso {
            RfState::StandbyHot
        } else {
            RfState::StandbyCold
        };
        assert_eq!(
            (pair.state(R0), pair.state(R1)),
            (RfState::Active, rest),
            "{mode}"
        );
        assert_eq!(modes(&pair), [mode, mode]);
    }
}

#[test]
fn a_mode_that_changes_while_the_first_words_are_on_their_way_is_told_anew() {
    for (before, after) in [
        (RedundancyMode::Sso, RedundancyMode::Rpr),
        (RedundancyMode::Rpr, RedundancyMode::Sso),
    ] {
        let mut pair = Pair::new();
        pair.boot(R0, |config| config.mode = before);
        pair.run_ms(1_100);
        pair.boot(R1, |config| config.mode = before);
        pair.connect();
        pair.input(R0, Input::ConfigureMode(after));
        pair.run_ms(100);
        assert_eq!(modes(&pair), [after, after]);
        let reloads = |output: &Output| *output == Output::ReloadPeer(ReloadReason::ModeChanged);
        assert!(!pair.asked(R0, reloads), "nobody has started in the old mode");
    }
}

#[test]
fn a_register_that_changes_while_the_first_words_are_on_their_way_is_told_anew() {
    const OURS: u16 = 0x2102;
    const OTHER: u16 = 0x2101;
    for (before, after, mode) in [
        (OTHER, OURS, RedundancyMode::Sso),
        (OURS, OTHER, RedundancyMode::Rpr),
    ] {
        let mut pair = Pair::new();
        pair.boot(R0, |config| config.next_register = before);
        pair.run_ms(1_100);
        pair.boot(R1, |config| config.next_register = OURS);
        pair.connect();
        pair.input(R0, Input::RegisterStored(after));
        pair.run_ms(100);
        assert_eq!(modes(&pair), [mode, mode], "{after:#x}");
    }
}

#[test]
fn a_register_that_was_set_on_both_units_does_not_part_them_when_the_standby_starts_over() {
    let mut pair = Pair::new();
    pair.boot(R0, |_| {});
    pair.run_ms(1_100);
    pair.boot(R1, |_| {});
    pair.connect();
    pair.run_ms(100);
    assert_eq!(modes(&pair), [RedundancyMode::Sso; 2]);
    for slot in RpSlot::ALL {
        pair.input(slot, Input::RegisterStored(0x2101));
    }
    // Both find it out, and the active's order comes when the standby has begun anew already.
    pair.input(R1, Input::SyncLost);
    pair.input(R0, Input::SyncLost);
    pair.run_ms(1_000);
    assert_eq!(modes(&pair), [RedundancyMode::Sso; 2]);
}

#[test]
fn a_standby_that_is_reset_for_a_new_mode_is_not_called_ready_any_more() {
    let mut pair = Pair::new();
    pair.answers_later = Some((client::CHECKPOINT.id, Progression::StandbyCold));
    pair.boot(R0, |config| config.mode = RedundancyMode::Rpr);
    pair.run_ms(1_100);
    pair.boot(R1, |config| config.mode = RedundancyMode::Rpr);
    pair.connect();
    pair.run_ms(10);
    pair.outputs.clear();
    pair.input(R0, Input::ConfigureMode(RedundancyMode::Sso));
    // Its process takes its time to die, and meanwhile has all that it was given.
    pair.input(
        R0,
        Input::ClientCompleted {
            client: client::CHECKPOINT.id,
            progression: Progression::StandbyCold,
        },
    );
    pair.settle();
    let terminal = |line: &String| line.contains("Terminal state reached");
    assert!(!pair.log(R0).iter().any(terminal), "{:?}", pair.log(R0));
    let status = pair.unit(R0).rf.status(pair.unit(R0).now);
    assert_ne!(status.manual_switchover, ManualSwitchover::Enabled);
}

#[test]
fn a_life_that_was_ordered_to_end_is_not_served_when_it_asks_afterwards() {
    let mut pair = Pair::new();
    pair.boot(R0, |config| config.mode = RedundancyMode::Rpr);
    pair.run_ms(1_100);
    pair.boot(R1, |config| config.mode = RedundancyMode::Rpr);
    pair.connect();
    // The first words of both have crossed, and nothing else yet.
    pair.deliver(R0);
    pair.input(R0, Input::ConfigureMode(RedundancyMode::Sso));
    pair.settle();
    assert_eq!(pair.state(R1), RfState::StandbyCold);
    let status = pair.unit(R0).rf.status(pair.unit(R0).now);
    assert!(!status.peer_rests, "it asked after the order");
    assert_ne!(status.manual_switchover, ManualSwitchover::Enabled);
    pair.end(R1, PeerLoss::Killed);
    pair.settle();
    pair.boot_default(R1);
    pair.connect();
    pair.run_ms(100);
    assert_eq!(pair.state(R1), RfState::StandbyHot, "its next life is served");
}
