//! A busy host keeps one thread of a route processor from the processor while the rest goes on.

use crate::chassis::{HANG_LIMIT, ask, assert_nothing_lost, eventually, lab};
use machine::RpSlot;
use runtime::backplane::Unit;
use runtime::operate::lab::Lab;
use runtime::operate::traffic::Traffic;
use runtime::operate::trial::{self, Calm, Cause};
use std::path::PathBuf;

/// The thread that watches the other route processor's life, in the one in `slot`.
struct Watcher {
    slot: RpSlot,
    directory: PathBuf,
}

impl Watcher {
    /// Keeps it from telling anything.
    fn starved(lab: &Lab, slot: RpSlot) -> Watcher {
        let process = lab.process(Unit::Rp(slot)).expect("it runs");
        let name = format!("watch-{}", slot.peer());
        let named = |thread: &PathBuf| {
            std::fs::read_to_string(thread.join("comm")).is_ok_and(|text| text.trim_end() == name)
        };
        let mut threads = std::fs::read_dir(format!("/proc/{process}/task"))
            .expect("its threads")
            .map(|entry| entry.expect("a thread").path());
        let directory = threads.find(named).expect("a watcher");
        let watcher = Watcher { slot, directory };
        watcher.suffer(lab, "late-watcher");
        watcher
    }

    fn suffer(&self, lab: &Lab, fault: &str) {
        let mut client = lab.rp(self.slot).expect("it answers");
        client.fault(fault).expect("it is told");
        // Requests of one connection are served in turn.
        client.status().expect("it has been told");
    }

    /// Lets it tell again, and waits until it has had the time to.
    fn release(self, lab: &Lab) {
        self.suffer(lab, "late-watcher off");
        let before = self.sleeps();
        eventually("the watcher has looked", || {
            (self.sleeps() > before + 1).then_some(())
        });
    }

    /// How often it has gone to sleep by itself.
    fn sleeps(&self) -> u64 {
        let status = std::fs::read_to_string(self.directory.join("status")).expect("its status");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|count| count.trim().parse().ok()).expect("a count")
    }
}

#[test]
fn a_standby_that_dies_and_comes_back_before_the_watcher_runs_is_not_taken_for_dead() {
    let mut lab = lab();
    let active = lab.wait_until_hot(HANG_LIMIT).unwrap();
    let watcher = Watcher::starved(&lab, active);
    let mut traffic = Traffic::start(&mut lab).unwrap();
    let trial = trial::lose_standby(&mut lab, &mut traffic, Calm::SHORT, HANG_LIMIT).unwrap();
    assert_nothing_lost(&trial);
    watcher.release(&lab);
    assert_eq!(lab.wait_until_hot(HANG_LIMIT).unwrap(), active);
    assert!(lab.digests_equal().unwrap());
    assert_eq!(lab.take_notes(), Vec::<String>::new());
}

#[test]
fn an_active_that_dies_while_the_watcher_does_not_run_is_followed_at_once_and_history_says_why() {
    let mut lab = lab();
    let active = lab.wait_until_hot(HANG_LIMIT).unwrap();
    let watcher = Watcher::starved(&lab, active.peer());
    let mut traffic = Traffic::start(&mut lab).unwrap();
    let trial = trial::switch_over(&mut lab, &mut traffic, Cause::Crash, Calm::SHORT, HANG_LIMIT).unwrap();
    assert_nothing_lost(&trial);
    watcher.release(&lab);
    assert_eq!(lab.wait_until_hot(HANG_LIMIT).unwrap(), active.peer());
    let lines = ["show redundancy switchover history"];
    let history = ask(lab.run_directory(), active.peer(), &lines);
    assert_eq!(history.matches("active unit failed").count(), 1, "{history}");
    assert!(history.contains("(killed)"), "{history}");
    assert_eq!(lab.take_notes(), Vec::<String>::new());
}
