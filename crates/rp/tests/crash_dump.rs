//! The new active waits for the crash dump of the one that failed, for so long and no longer.

#[path = "common/pair.rs"]
mod pair;

use machine::{Duration, RpSlot};
use pair::Pair;
use redundancy::{PeerLoss, RfState};
use rp::{PlatformInput, RpInput};

const FAILED: RpSlot = RpSlot::R0;
const SUCCESSOR: RpSlot = RpSlot::R1;

/// R0 has crashed seven minutes before its dump has to be complete; R1 is active.
fn crashed() -> Pair {
    let mut pair = Pair::hot();
    let said = pair.type_lines(
        FAILED,
        "configure terminal\nredundancy\ncrashdump-timeout 7\nend\n",
    );
    assert!(!said.contains('%'), "{said}");
    pair.kill(FAILED, PeerLoss::Signalled(11));
    pair.run_ms(1_000);
    assert_eq!(pair.state(SUCCESSOR), RfState::Active);
    assert_eq!(
        pair.logged(
            SUCCESSOR,
            "CRASHDUMP_WAIT: Waiting up to 7 minutes for the crash dump of R0"
        ),
        1
    );
    pair
}

fn later(pair: &mut Pair, seconds: u64) {
    pair.now += Duration::from_secs(seconds);
    pair.settle();
}

#[test]
fn req_51_a_dump_that_takes_too_long_is_given_up_and_the_failed_unit_reset() {
    let mut pair = crashed();
    later(&mut pair, 7 * 60 - 2);
    pair.open(SUCCESSOR);
    let shown = pair.type_lines(SUCCESSOR, "show redundancy\n");
    assert!(
        shown.contains("is writing its crash dump; it is reset in 1 minute at the latest"),
        "{shown}"
    );
    assert_eq!(pair.logged(SUCCESSOR, "CRASHDUMP_TIMEOUT"), 0);
    assert_eq!(pair.unit_resets(FAILED), 0);
    later(&mut pair, 2);
    assert_eq!(
        pair.logged(
            SUCCESSOR,
            "CRASHDUMP_TIMEOUT: Crash dump of R0 not complete after 7 minutes"
        ),
        1
    );
    assert_eq!(pair.unit_resets(FAILED), 1);
    later(&mut pair, 7 * 60);
    assert_eq!(pair.unit_resets(FAILED), 1, "once is enough");
}

#[test]
fn req_51_a_dump_that_is_complete_ends_the_wait() {
    let mut pair = crashed();
    later(&mut pair, 3);
    pair.feed(SUCCESSOR, RpInput::Platform(PlatformInput::PeerEnded));
    pair.settle();
    assert_eq!(
        pair.logged(SUCCESSOR, "CRASHDUMP_COMPLETE: Crash dump of R0 complete after"),
        1
    );
    later(&mut pair, 8 * 60);
    assert_eq!(pair.logged(SUCCESSOR, "CRASHDUMP_TIMEOUT"), 0);
    assert_eq!(pair.unit_resets(FAILED), 0);
}

#[test]
fn req_51_what_died_without_a_word_is_not_waited_for() {
    let mut pair = Pair::hot();
    pair.kill(FAILED, PeerLoss::Killed);
    pair.run_ms(1_000);
    assert_eq!(pair.logged(SUCCESSOR, "CRASHDUMP"), 0);
}
