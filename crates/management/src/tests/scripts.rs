use alloc::string::ToString;

use config::{Command, ExecCommand, Mode};

use super::Console;
use crate::session::PENDING_BYTES_MAX;
use crate::{
    Answer, CloseReason, ConsoleRole, Outcome, Question, QuestionKind, SessionEvent, SessionOptions,
};

fn rejected(line_number: u32, line: &str) -> SessionEvent {
    SessionEvent::Rejected {
        line_number,
        line: line.to_string(),
    }
}

#[test]
fn a_script_has_a_history_too() {
    let mut console = Console::script(false);
    console.send("enable\nterminal length 0\nshow history\n");
    assert_eq!(
        console.screen(),
        "  enable\n  terminal length 0\n  show history\n"
    );
}

#[test]
fn a_script_shows_only_what_its_commands_say() {
    let mut console = Console::script(false);
    console.send("enable\nshow version\r\nshow\tarp\n");
    assert_eq!(console.command(), Command::Exec(ExecCommand::ShowVersion));
    console.complete(Outcome::Accepted, "Holdover\n");
    assert_eq!(console.command(), Command::Exec(ExecCommand::ShowArp));
    console.session.log("%SYS-5-CONFIG_I", &mut console.events);
    console.complete(Outcome::Accepted, "no entries");
    console.session.end_of_input(&mut console.events);
    assert_eq!(console.screen(), "Holdover\nno entries\n");
    assert_eq!(console.closed(), CloseReason::EndOfInput);
}

#[test]
fn a_script_that_is_not_strict_goes_on_after_a_rejected_line() {
    let mut console = Console::script(false);
    console.send("\n! comment\nshow vrsion\nshow version\n");
    let asked = console.asked();
    assert_eq!(asked[0], rejected(3, "show vrsion"));
    assert!(matches!(asked[1], SessionEvent::Execute { .. }));
    assert_eq!(
        console.screen(),
        "Router>show vrsion\n             ^\n% Invalid input detected at '^' marker.\n\n"
    );
}

#[test]
fn a_strict_script_ends_at_its_first_rejected_line() {
    let mut console = Console::script(true);
    console.send("enable\nshow vrsion\nreload\n");
    assert_eq!(
        console.asked(),
        [
            rejected(2, "show vrsion"),
            SessionEvent::Close(CloseReason::RejectedLine)
        ]
    );
    assert!(console.session.is_closed());
}

#[test]
fn a_strict_script_ends_at_a_line_that_the_route_processor_rejects() {
    let mut console = Console::script(true);
    console.send("enable\nconfigure terminal\nhostname 9\nhostname A\n");
    console.asked();
    console.complete(Outcome::Accepted, "");
    console.asked();
    console.complete(Outcome::Rejected, "% Hostname");
    assert_eq!(console.screen(), "Router(config)#hostname 9\n% Hostname\n");
    assert_eq!(
        console.asked(),
        [
            rejected(3, "hostname 9"),
            SessionEvent::Close(CloseReason::RejectedLine)
        ]
    );
}

#[test]
fn a_strict_script_on_the_standby_ends_at_its_first_command() {
    let options = SessionOptions {
        terminal: false,
        strict: true,
        columns: 0,
        rows: 0,
    };
    let mut console = Console::with(options, ConsoleRole::Standby);
    console.send("\nenable\n");
    assert_eq!(console.screen(), "Router-stby>enable\nStandby console disabled\n");
    assert_eq!(
        console.asked(),
        [
            rejected(2, "enable"),
            SessionEvent::Close(CloseReason::RejectedLine)
        ]
    );
}

#[test]
fn the_last_line_of_a_script_needs_no_line_feed() {
    let mut console = Console::script(false);
    console.send("show version");
    assert_eq!(console.asked(), []);
    console.session.end_of_input(&mut console.events);
    assert_eq!(console.command(), Command::Exec(ExecCommand::ShowVersion));
    console.complete(Outcome::Accepted, "");
    assert_eq!(console.closed(), CloseReason::EndOfInput);
}

#[test]
fn questions_are_answered_by_the_next_line_of_the_script() {
    let table = [
        (QuestionKind::Confirm, "\n", Answer::Yes),
        (QuestionKind::Confirm, "y\n", Answer::Yes),
        (QuestionKind::Confirm, "no\n", Answer::No),
        (QuestionKind::Confirm, "show version\n", Answer::No),
        (QuestionKind::YesNo, "yes\n", Answer::Yes),
        (QuestionKind::YesNo, "n\n", Answer::No),
        (QuestionKind::YesNo, "show version\n", Answer::Aborted),
        (QuestionKind::YesNo, "\u{0}\n", Answer::Aborted),
    ];
    for (kind, line, answer) in table {
        let mut console = Console::script(false);
        console.send("enable\nreload\n").send(line);
        console.asked();
        console.session.ask(
            Question {
                text: "Sure?".to_string(),
                kind,
            },
            &mut console.events,
        );
        assert_eq!(console.answer(), answer, "{line:?}");
    }
}

#[test]
fn a_question_after_the_end_of_a_script_is_aborted() {
    let mut console = Console::script(false);
    console.send("enable\nreload\n");
    console.session.end_of_input(&mut console.events);
    console.asked();
    let question = Question {
        text: "Sure?".to_string(),
        kind: QuestionKind::Confirm,
    };
    console.session.ask(question, &mut console.events);
    assert_eq!(console.answer(), Answer::Aborted);
    console.complete(Outcome::Rejected, "");
    assert_eq!(
        console.asked(),
        [
            rejected(2, "reload"),
            SessionEvent::Close(CloseReason::EndOfInput)
        ]
    );
}

#[test]
fn lines_that_are_too_long_or_no_text_are_rejected() {
    let mut console = Console::script(false);
    let long = "x".repeat(300);
    console.send(&long).send("\n");
    console.session.input(b"show \xff version\n", &mut console.events);
    console.send("show version\n");
    let asked = console.asked();
    assert_eq!(asked[0], rejected(1, &"x".repeat(255)));
    assert_eq!(asked[1], rejected(2, "show \u{fffd} version"));
    assert!(matches!(asked[2], SessionEvent::Execute { .. }));
}

#[test]
fn a_line_of_control_z_leaves_configuration() {
    let mut console = Console::script(false);
    console
        .send("enable\nconfigure terminal\n")
        .complete(Outcome::Accepted, "");
    assert_eq!(console.session.mode(), Mode::Global);
    console.send("\x1a\n");
    assert_eq!(console.session.mode(), Mode::PrivilegedExec);
}

#[test]
fn a_long_script_is_taken_as_fast_as_its_commands_complete_and_nothing_is_lost() {
    let mut console = Console::script(true);
    let lines = 5_000;
    let script = "show version\n".repeat(lines);
    let mut rest = script.as_bytes();
    let mut executed = 0;
    while !rest.is_empty() || console.session.is_executing() {
        let taken = console.session.input(rest, &mut console.events);
        assert!(taken <= PENDING_BYTES_MAX + "show version\n".len());
        rest = &rest[taken..];
        for event in console.asked() {
            assert!(matches!(event, SessionEvent::Execute { .. }), "{event:?}");
            executed += 1;
        }
        console.complete(Outcome::Accepted, "");
    }
    executed += console.asked().len();
    assert_eq!(executed, lines);
}
