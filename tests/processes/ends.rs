//! Every way in which an active can end, and what the history says of it afterwards.

use crate::chassis::{self, Place, ask, eventually, hot_pair, order, slot_of, words};
use machine::RpSlot;
use runtime::operate::status_client::{self, RpReport, StatusClient, active_slot};
use std::path::Path;

/// How an active is ended, and what its successor has to say of that.
struct End {
    /// The reason in `show redundancy switchover history`.
    reason: &'static str,
    /// What is more exactly known, in brackets behind the time; nothing of what an operator wanted.
    loss: Option<&'static str>,
    end: fn(&Place, &RpReport),
    /// What brings the unit back, where it does not come by itself.
    bring_back: Option<&'static [&'static str]>,
}

fn signal(active: &RpReport, name: &str) {
    chassis::signal(active.pid, name);
}

fn fault(place: &Place, active: &RpReport, fault: &str) {
    let told =
        StatusClient::connect(&place.run_directory(), slot_of(active)).and_then(|mut rp| rp.fault(fault));
    assert!(told.is_ok(), "{fault}: {told:?}");
}

fn at_the_chassis(place: &Place, active: &RpReport, words_before: &[&str]) {
    let output = place.run(&[words_before, &[active.slot.as_str()]].concat());
    assert!(output.status.success(), "{words_before:?}: {}", words(&output));
}

fn typed(place: &Place, active: &RpReport, lines: &[&str]) {
    order(
        &place.run_directory(),
        slot_of(active),
        &[&["enable"], lines].concat(),
    );
}

const ENDS: [End; 10] = [
    End {
        reason: "active unit failed",
        loss: Some("killed"),
        end: |_, active| signal(active, "KILL"),
        bring_back: None,
    },
    End {
        reason: "active unit failed",
        loss: Some("signal 11"),
        end: |_, active| signal(active, "SEGV"),
        bring_back: None,
    },
    End {
        reason: "active unit failed",
        loss: Some("panic"),
        end: |place, active| fault(place, active, "panic"),
        bring_back: None,
    },
    End {
        reason: "active unit failed",
        loss: Some("hung"),
        end: |place, active| fault(place, active, "hang-loop"),
        bring_back: None,
    },
    End {
        reason: "active unit failed",
        loss: Some("stopped"),
        end: |_, active| signal(active, "STOP"),
        bring_back: None,
    },
    End {
        reason: "active unit removed",
        loss: Some("removed"),
        end: |place, active| at_the_chassis(place, active, &["pull"]),
        bring_back: Some(&["insert"]),
    },
    End {
        reason: "active unit removed",
        loss: Some("powered off"),
        end: |place, active| at_the_chassis(place, active, &["power", "off"]),
        bring_back: Some(&["power", "on"]),
    },
    End {
        reason: "active unit failed",
        loss: Some("taken down by the operator"),
        end: |place, active| at_the_chassis(place, active, &["reset"]),
        bring_back: None,
    },
    End {
        reason: "active unit failed",
        loss: Some("taken down by the operator"),
        end: |place, active| {
            typed(
                place,
                active,
                &[&format!("hw-module slot {} reload", active.slot), "y"],
            )
        },
        bring_back: None,
    },
    End {
        reason: "user forced",
        loss: None,
        end: |place, active| typed(place, active, &["redundancy force-switchover", "y"]),
        bring_back: None,
    },
];

fn other_active(run: &Path, old: RpSlot) {
    eventually("the other one is active", || {
        let reports = status_client::observe(run);
        let new = active_slot(&reports)?;
        let settled = reports[new.index()].as_ref().is_some_and(|report| report.settled);
        (new != old && settled).then_some(())
    });
}

#[test]
fn req_29_req_81_every_end_of_an_active_has_its_own_reason_in_the_history() {
    let place = chassis::up();
    let run = place.run_directory();
    let (active, _) = hot_pair(&run);
    // Modified, a forced switchover would ask whether to save.
    ask(&run, slot_of(&active), &["enable", "write memory"]);
    for (number, case) in ENDS.iter().enumerate() {
        let (active, _) = hot_pair(&run);
        let old = slot_of(&active);
        (case.end)(&place, &active);
        other_active(&run, old);
        let lines = [
            "enable",
            "show redundancy switchover history",
            "show redundancy history",
            "show redundancy",
        ];
        let shown = ask(&run, old.peer(), &lines);
        let index = format!("{:>4}", number + 1);
        let entry = shown.lines().find(|line| line.starts_with(&index));
        let entry = entry.unwrap_or_else(|| panic!("no entry {index} in\n{shown}"));
        assert!(entry.contains(case.reason), "{entry}");
        let bracket = case.loss.map(|loss| format!("({loss})"));
        match &bracket {
            Some(bracket) => assert!(entry.ends_with(bracket.as_str()), "{bracket}: {entry}"),
            None => assert!(!entry.contains('('), "{entry}"),
        }
        if let Some(loss) = case.loss {
            // What only falls silent is looked at before it is killed.
            let told =
                ["Active is lost", "The silent active was found"].map(|words| format!("{words}: {loss}\n"));
            assert!(
                told.iter().any(|words| shown.contains(words)),
                "{told:?} in\n{shown}"
            );
        }
        let last = format!("Last switchover reason = {}", case.reason);
        assert!(shown.contains(&last), "{last} in\n{shown}");
        if let Some(command) = case.bring_back {
            at_the_chassis(&place, &active, command);
        }
    }
    reload_is_no_switchover(&run);
}

/// The eleventh end: all of it is taken down at once, and the ten entries are still there afterwards.
fn reload_is_no_switchover(run: &Path) {
    let (active, standby) = hot_pair(run);
    order(run, slot_of(&active), &["enable", "reload", "y"]);
    eventually("both have ended", || {
        let ended = |report: &RpReport| !chassis::is_running(report.pid);
        (ended(&active) && ended(&standby)).then_some(())
    });
    let (active, _) = hot_pair(run);
    let lines = [
        "enable",
        "show redundancy switchover history",
        "show redundancy history reload",
        "show redundancy",
        "show version",
    ];
    let shown = ask(run, slot_of(&active), &lines);
    for part in [
        "  10  ",
        "Switchovers system experienced = 0",
        "Last switchover reason = none",
        "System returned to ROM by reload at ",
        "Last reload reason: Reload Command",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    assert!(!shown.contains("  11  "), "{shown}");
}
