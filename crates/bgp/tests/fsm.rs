//! Every cell of the state machine's table, as a text to be read beside RFC 4271 section 8.2.2.

use bgp::fsm::{Action, Circumstances, Event, Notice, State, transition};
use std::fmt::Write;

const GOLDEN: &str = include_str!("golden/fsm.txt");

fn table(like: Circumstances) -> String {
    let mut text = String::new();
    for state in State::ALL {
        for event in Event::ALL {
            let step = transition(state, event, like);
            let mut actions: Vec<String> = step.actions.iter().map(|action| format!("{action:?}")).collect();
            match step.notice {
                Some(Notice::OfEvent) => actions.insert(0, "Notify(what the event brought)".into()),
                Some(Notice::Of(code)) => actions.insert(0, format!("Notify({code})")),
                None => {}
            }
            let what = if actions.is_empty() {
                "-".into()
            } else {
                actions.join(", ")
            };
            writeln!(
                text,
                "{:<12} {:>2} {:<28} -> {:<12} {what}",
                state.name(),
                event as u8,
                format!("{event:?}"),
                step.next.name()
            )
            .unwrap();
        }
    }
    text
}

#[test]
fn every_cell_of_the_table_is_as_written_down() {
    let mut text = table(Circumstances::default());
    text.push_str("\nwith DelayOpen, its timer running, and SendNOTIFICATIONwithoutOPEN\n\n");
    let all = Circumstances {
        delays_open: true,
        delay_open_runs: true,
        notifies_without_open: true,
    };
    let usual = table(Circumstances::default());
    let differing = table(all);
    for (line, usual) in differing.lines().zip(usual.lines()) {
        if line != usual {
            writeln!(text, "{line}").unwrap();
        }
    }
    if std::env::var_os("HOLDOVER_BLESS").is_some() {
        std::fs::write(
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/fsm.txt"),
            &text,
        )
        .unwrap();
        return;
    }
    assert_eq!(text, GOLDEN);
}

#[test]
fn what_holds_for_every_cell_holds() {
    for state in State::ALL {
        for event in Event::ALL {
            let step = transition(state, event, Circumstances::default());
            let has = |action| step.actions.contains(&action);
            if state != State::Idle && step.next == State::Idle {
                assert!(has(Action::Drop), "{state:?} {event:?}: the connection goes");
                assert!(has(Action::ReleaseRoutes), "{state:?} {event:?}: routes go");
            }
            let is_notification = matches!(event, Event::Notification | Event::NotificationVersionError);
            assert!(
                !(is_notification && step.notice.is_some()),
                "{state:?}: nothing answers a NOTIFICATION"
            );
            assert_eq!(
                has(Action::Establish),
                state != State::Established && step.next == State::Established
            );
            let is_taken = matches!(event, Event::Update | Event::RouteRefresh);
            assert_eq!(has(Action::Process), state == State::Established && is_taken);
        }
    }
}
