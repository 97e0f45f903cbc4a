//! A standby that does not know commands of the active: which of its lives are kept in RPR, and which are tried anew.

mod common;

use RpSlot::{R0, R1};
use common::Pair;
use machine::RpSlot;
use redundancy::{ConfigSyncVerdict, Input, Output, PeerLoss, RedundancyMode, ReloadReason, RfState};

/// The release of the active.
const NEW: u64 = 0xa;
/// A release without commands that the active has configured.
const OLD: u64 = 0xb;
/// Another one of this kind.
const OLDER: u64 = 0xc;
/// A release that does not say what it knows.
const MUTE: u64 = 0;

/// How a life of the standby came to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// In step.
    Hot,
    /// In RPR, from its first words on.
    Rpr,
    /// Tried, found not to know commands, and ordered to reload.
    Tried,
}

/// The next life of the standby, until it comes to rest. `knows`: whether it executes all that it is sent.
fn live(pair: &mut Pair, language: u64, knows: bool) -> Rest {
    pair.outputs.clear();
    pair.boot(R1, |config| config.language = language);
    pair.connect();
    pair.run_ms(10);
    let bulk = pair.asked(R0, |output| matches!(output, Output::StartBulk));
    if bulk && !knows {
        pair.input(
            R0,
            Input::ConfigSync(ConfigSyncVerdict::Mismatched { commands: 1 }),
        );
        assert!(pair.asked(R0, reloads_for_mismatch));
        return Rest::Tried;
    }
    let status = pair.unit(R0).rf.status(pair.unit(R0).now);
    match (pair.state(R1), status.operating_mode) {
        (RfState::StandbyHot, RedundancyMode::Sso) => Rest::Hot,
        (RfState::StandbyCold, RedundancyMode::Rpr) => Rest::Rpr,
        other => panic!("neither hot nor at rest in RPR: {other:?}"),
    }
}

fn reloads_for_mismatch(output: &Output) -> bool {
    *output == Output::ReloadPeer(ReloadReason::BulkSyncFailure)
}

/// The life ends; who did it makes no difference to whoever comes next.
fn end(pair: &mut Pair, loss: PeerLoss) {
    pair.end(R1, loss);
    pair.settle();
}

fn active_of_release(language: u64) -> Pair {
    let mut pair = Pair::new();
    pair.boot(R0, |config| config.language = language);
    pair.run_ms(1_100);
    assert_eq!(pair.state(R0), RfState::Active);
    pair
}

#[test]
fn each_life_of_the_standby_decides_for_itself() {
    use Rest::{Hot, Rpr, Tried};
    let table: &[&[(u64, bool, Rest)]] = &[
        // It stays what it is: the reload for it is the only one, and each life after that is tried once more.
        &[
            (OLD, false, Tried),
            (OLD, false, Rpr),
            (OLD, false, Tried),
            (OLD, false, Rpr),
        ],
        // The upgrade happens in the very moment of the reload, and no later life is needed to see it.
        &[(OLD, false, Tried), (NEW, true, Hot), (NEW, true, Hot)],
        // It happens later.
        &[(OLD, false, Tried), (OLD, false, Rpr), (NEW, true, Hot)],
        // To a release that does not know them all either, and then to one that does.
        &[
            (OLD, false, Tried),
            (OLDER, false, Tried),
            (OLDER, false, Rpr),
            (NEW, true, Hot),
        ],
        // Back again: what was known of it is of the past.
        &[
            (OLD, false, Tried),
            (NEW, true, Hot),
            (OLD, false, Tried),
            (OLD, false, Rpr),
        ],
        // The lines were taken away meanwhile, without a word.
        &[(OLD, false, Tried), (OLD, false, Rpr), (OLD, true, Hot)],
        // Who does not say what it knows is one language.
        &[(MUTE, false, Tried), (MUTE, false, Rpr), (NEW, true, Hot)],
        &[(OLD, false, Tried), (MUTE, true, Hot)],
    ];
    for lives in table {
        for loss in [PeerLoss::Killed, PeerLoss::Removed, PeerLoss::Reloaded] {
            let mut pair = active_of_release(NEW);
            for (number, (language, knows, expected)) in lives.iter().enumerate() {
                let rest = live(&mut pair, *language, *knows);
                assert_eq!(rest, *expected, "life {number} of {lives:x?}, {loss:?}");
                end(&mut pair, loss);
            }
        }
    }
}

#[test]
fn each_life_that_something_else_ends_costs_one_reload_at_most() {
    let mut pair = active_of_release(NEW);
    let (mut ended_by_others, mut reloads) = (0, 0);
    for number in 0..60 {
        let rest = live(&mut pair, OLD, false);
        reloads += u32::from(rest == Rest::Tried);
        // Every third of those that are ordered to reload dies of something else before.
        ended_by_others += u32::from(rest != Rest::Tried || number % 3 == 0);
        end(&mut pair, PeerLoss::Killed);
        assert!(
            reloads <= ended_by_others + 1,
            "{reloads} reloads, {ended_by_others}"
        );
    }
    assert!(reloads > 10);
}

#[test]
fn both_units_judge_alike_by_the_first_words() {
    // The words cross on the link: neither has heard the other when it speaks.
    let mut pair = active_of_release(NEW);
    live(&mut pair, OLD, false);
    end(&mut pair, PeerLoss::Removed);
    live(&mut pair, NEW, true);
    for slot in RpSlot::ALL {
        assert_eq!(pair.unit(slot).rf.operating_mode(), RedundancyMode::Sso, "{slot}");
    }
    end(&mut pair, PeerLoss::Removed);
    live(&mut pair, OLD, false);
    end(&mut pair, PeerLoss::Removed);
    live(&mut pair, OLD, false);
    for slot in RpSlot::ALL {
        assert_eq!(pair.unit(slot).rf.operating_mode(), RedundancyMode::Rpr, "{slot}");
    }
}

#[test]
fn a_hot_standby_is_not_reloaded_for_what_another_one_did_not_know() {
    let mut pair = active_of_release(NEW);
    live(&mut pair, OLD, false);
    end(&mut pair, PeerLoss::Removed);
    assert_eq!(live(&mut pair, NEW, true), Rest::Hot);
    pair.outputs.clear();
    pair.input(R0, Input::ConfigSync(ConfigSyncVerdict::Cleared));
    assert!(!pair.asked(R0, |output| matches!(output, Output::ReloadPeer(_))));
    assert_eq!(pair.state(R1), RfState::StandbyHot);
}
