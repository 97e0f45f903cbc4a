use alloc::string::{String, ToString};

use config::{Command, ConfigCommand, ExecCommand, Mode, ModeCommand};

use super::Console;
use crate::session::PENDING_BYTES_MAX;
use crate::{
    Answer, CloseReason, ConsoleRole, Outcome, Question, QuestionKind, SessionEvent, SessionOptions,
};

fn question(kind: QuestionKind) -> Question {
    let text = match kind {
        QuestionKind::Confirm => "Proceed with reload?",
        QuestionKind::YesNo => "System configuration has been modified. Save?",
        QuestionKind::Line => "Destination filename [startup-config]",
    };
    Question {
        text: text.to_string(),
        kind,
    }
}

#[test]
fn a_transcript_from_enable_to_a_configured_interface() {
    let mut console = Console::terminal();
    console.send("en\r");
    assert_eq!(console.screen(), "Router>en\r\nRouter#");
    console.send("conf t\r");
    assert_eq!(console.command(), Command::Mode(ModeCommand::ConfigureTerminal));
    console.complete(Outcome::Accepted, "");
    assert_eq!(
        console.screen(),
        "conf t\r\nEnter configuration commands, one per line.  End with CNTL/Z.\r\nRouter(config)#"
    );
    console.send("hostname Edge\r");
    assert_eq!(
        console.screen(),
        "hostname Edge\r\n",
        "no prompt before the route processor says so"
    );
    assert!(console.session.is_executing());
    assert_eq!(
        console.command(),
        Command::Configure(ConfigCommand::Hostname(Some("Edge".to_string())))
    );
    console.session.set_hostname("Edge");
    console.complete(Outcome::Accepted, "");
    assert_eq!(console.screen(), "Edge(config)#");
    console.send("int e0/0\r").complete(Outcome::Accepted, "");
    console.asked();
    assert_eq!(console.screen(), "int e0/0\r\nEdge(config-if)#");
    console.send("ip address 10.0.0.0 255.0.0.0\r");
    console.complete(Outcome::Rejected, "% Bad mask /8 for address 10.0.0.0\n");
    console.asked();
    assert_eq!(
        console.screen(),
        "ip address 10.0.0.0 255.0.0.0\r\n% Bad mask /8 for address 10.0.0.0\r\nEdge(config-if)#"
    );
    console.send("red\r").complete(Outcome::Accepted, "");
    console.asked();
    assert_eq!(console.screen(), "red\r\nEdge(config-red)#");
    console.send("exit\rend\r");
    assert_eq!(console.screen(), "exit\r\nEdge(config)#end\r\nEdge#");
    console.send("disable\rexit\r");
    assert_eq!(console.screen(), "disable\r\nEdge>exit\r\n");
    assert_eq!(console.closed(), CloseReason::Logout);
    console.send("show version\r");
    assert_eq!(
        (console.screen().as_str(), console.asked().len()),
        ("", 0),
        "a closed session is silent"
    );
}

#[test]
fn a_rejected_line_is_answered_with_the_marker_under_its_place() {
    let mut console = Console::enabled();
    console.send("show vrsion\r");
    assert_eq!(
        console.screen(),
        "show vrsion\r\n             ^\r\n% Invalid input detected at '^' marker.\r\n\r\nRouter#"
    );
    console.send("sh\rre\r");
    assert_eq!(
        console.screen(),
        "sh\r\n% Incomplete command.\r\n\r\nRouter#re\r\n% Ambiguous command:  \"re\"\r\nRouter#"
    );
    assert_eq!(
        console.asked(),
        [],
        "a terminal session reports no rejected lines"
    );
}

#[test]
fn the_marker_follows_a_line_that_was_scrolled() {
    let mut console = Console::with(
        SessionOptions {
            terminal: true,
            strict: false,
            columns: 30,
            rows: 0,
        },
        ConsoleRole::Active,
    );
    console.send("show redundancy switchover hxstory").screen();
    console.send("\r");
    let screen = console.screen();
    let marker = screen
        .lines()
        .find(|line| line.ends_with('^'))
        .map(|line| line.trim_end().len());
    // 34 characters through a window of 22 columns: 12 are hidden, and the `x` is the 28th (counted from 0).
    assert_eq!(marker, Some("Router>".len() + 28 - 12 + 1));
}

#[test]
fn help_comes_without_return_and_leaves_the_line() {
    let mut console = Console::enabled();
    console.send("sh?");
    assert_eq!(console.screen(), "sh?\r\nshow\r\n\r\n\rRouter#sh\x1b[K");
    console.send("ow redundancy switchover ?");
    assert_eq!(
        console.screen(),
        "ow redundancy switchover ?\r\n  history  Log of past events\r\n\r\n\
         \rRouter#show redundancy switchover \x1b[K"
    );
    console.send("history\r");
    assert_eq!(
        console.command(),
        Command::Exec(ExecCommand::ShowRedundancySwitchoverHistory)
    );
}

#[test]
fn help_is_about_what_stands_before_the_cursor() {
    let mut console = Console::enabled();
    console.send("show arp\x01\x1bf").screen();
    console.send("?");
    assert_eq!(
        console.screen(),
        "?\r\nshow\r\n\r\n\rRouter#show arp\x1b[K\x1b[4D"
    );
}

#[test]
fn a_question_mark_after_control_v_is_text() {
    let mut console = Console::configuring();
    console.send("int e0/0\r").complete(Outcome::Accepted, "");
    console.asked();
    console.send("description why\x16?\r");
    let expected =
        "Setting { port: PortId { card: CardSlot(0), port: 0 }, setting: Description(Some(\"why?\")) }";
    assert_eq!(
        alloc::format!("{:?}", console.command()),
        alloc::format!("Configure({expected})")
    );
}

#[test]
fn tab_completes_and_rings_the_bell_otherwise() {
    let mut console = Console::enabled();
    console.send("sh\t");
    assert_eq!(console.screen(), "sh\rRouter#show \x1b[K");
    console.send("r\t");
    assert_eq!(console.screen(), "r\x07");
    console.send("un\t\r");
    assert_eq!(console.command(), Command::Exec(ExecCommand::ShowRunningConfig));
}

#[test]
fn control_z_enters_the_line_and_leaves_configuration() {
    let mut console = Console::configuring();
    console.send("hostname A\x1a");
    assert_eq!(console.screen(), "hostname A^Z\r\n");
    assert!(matches!(console.command(), Command::Configure(_)));
    console.complete(Outcome::Accepted, "");
    assert_eq!(
        (console.screen().as_str(), console.session.mode()),
        ("Router#", Mode::PrivilegedExec)
    );
    let mut console = Console::configuring();
    console.send("\x1a");
    assert_eq!(
        (console.screen().as_str(), console.session.mode()),
        ("^Z\r\nRouter#", Mode::PrivilegedExec)
    );
    console.send("reload\x1a");
    assert_eq!(
        console.screen(),
        "reload^Z\r\nRouter#",
        "in EXEC a line is dropped, not executed"
    );
    assert_eq!(console.asked(), []);
}

#[test]
fn control_c_drops_the_line_and_leaves_configuration() {
    let mut console = Console::configuring();
    console.send("hostname A\x03");
    assert_eq!(
        (console.screen().as_str(), console.session.mode()),
        ("hostname A^C\r\nRouter#", Mode::PrivilegedExec)
    );
    assert_eq!(console.asked(), []);
}

#[test]
fn what_is_typed_ahead_waits_for_the_prompt() {
    let mut console = Console::enabled();
    console.send("show version\rshow arp\rsh");
    assert_eq!(console.command(), Command::Exec(ExecCommand::ShowVersion));
    assert_eq!(console.screen(), "show version\r\n");
    console.complete(Outcome::Accepted, "Holdover\n");
    assert_eq!(console.command(), Command::Exec(ExecCommand::ShowArp));
    assert_eq!(console.screen(), "Holdover\r\nRouter#show arp\r\n");
    console.complete(Outcome::Accepted, "");
    assert_eq!(console.screen(), "Router#sh");
}

#[test]
fn what_is_typed_ahead_beyond_the_bound_is_dropped_with_a_bell() {
    let mut console = Console::enabled();
    console.send("show version\r").screen();
    console.send(&"x".repeat(PENDING_BYTES_MAX + 10));
    assert_eq!(console.screen(), "\x07");
}

#[test]
fn an_interrupt_reaches_the_command_and_drops_what_was_typed_ahead() {
    let mut console = Console::enabled();
    console.send("ping 10.0.0.1\r");
    console.asked();
    console.session.output("!!!", &mut console.events);
    console.send("reload\r\x03");
    assert_eq!(console.asked(), [SessionEvent::Interrupt]);
    console.complete(Outcome::Accepted, "");
    assert_eq!(console.screen(), "ping 10.0.0.1\r\n!!!\r\nRouter#");
    assert_eq!(
        console.asked(),
        [],
        "the reload typed before the interrupt is gone"
    );
}

#[test]
fn a_confirmation_takes_one_key() {
    let table = [
        ("\r", Answer::Yes, "\r\n"),
        ("y", Answer::Yes, "y\r\n"),
        ("Y", Answer::Yes, "Y\r\n"),
        ("n", Answer::No, "n\r\n"),
        ("x", Answer::No, "x\r\n"),
        ("\x1b[A", Answer::No, "\r\n"),
        ("\x03", Answer::Aborted, "^C\r\n"),
    ];
    for (key, answer, echo) in table {
        let mut console = Console::enabled();
        console.send("reload\r").asked();
        console.screen();
        console
            .session
            .ask(question(QuestionKind::Confirm), &mut console.events);
        assert_eq!(console.screen(), "Proceed with reload? [confirm]");
        console.send(key);
        assert_eq!(
            (console.screen().as_str(), console.answer()),
            (echo, answer),
            "{key:?}"
        );
        assert!(console.session.is_executing(), "the command goes on");
    }
}

#[test]
fn a_yes_no_question_takes_a_line_and_asks_again() {
    let table = [
        ("yes", Answer::Yes),
        ("Y", Answer::Yes),
        ("no", Answer::No),
        (" n ", Answer::No),
    ];
    for (line, answer) in table {
        let mut console = Console::enabled();
        console.send("reload\r").asked();
        console.screen();
        console
            .session
            .ask(question(QuestionKind::YesNo), &mut console.events);
        console.send("\rmaybe\x08\x08\x08\x08\x08what\r");
        let asked = "System configuration has been modified. Save? [yes/no]: ";
        let screen = console.screen();
        assert_eq!(screen.matches(asked).count(), 3, "{screen}");
        assert!(
            screen.contains("what\r\n% Please answer 'yes' or 'no'.\r\n"),
            "{screen}"
        );
        console.send(line).send("\r");
        assert_eq!(console.answer(), answer, "{line}");
    }
}

#[test]
fn two_questions_in_a_row_and_the_end_of_the_command() {
    let mut console = Console::enabled();
    console.send("reload\r").asked();
    console
        .session
        .ask(question(QuestionKind::YesNo), &mut console.events);
    console.send("no\r");
    assert_eq!(console.answer(), Answer::No);
    console
        .session
        .ask(question(QuestionKind::Confirm), &mut console.events);
    console.send("n");
    assert_eq!(console.answer(), Answer::No);
    console.screen();
    console.complete(Outcome::Rejected, "");
    assert_eq!(console.screen(), "Router#");
}

#[test]
fn a_message_of_the_system_stands_above_the_line_being_edited() {
    let mut console = Console::enabled();
    console.send("show v").screen();
    console
        .session
        .log("%RF-5-RF_RELOAD: Peer reload.", &mut console.events);
    assert_eq!(
        console.screen(),
        "\r\x1b[K%RF-5-RF_RELOAD: Peer reload.\r\n\rRouter#show v\x1b[K"
    );
    console.send("\r").screen();
    console.session.output("!!", &mut console.events);
    console.session.log("message", &mut console.events);
    assert_eq!(console.screen(), "!!\r\nmessage\r\n");
}

#[test]
fn req_35_the_standby_console_refuses_every_command() {
    let options = SessionOptions {
        terminal: true,
        strict: false,
        columns: 80,
        rows: 0,
    };
    let mut console = Console::with(options, ConsoleRole::Standby);
    console.send("\renable\r");
    assert_eq!(
        console.screen(),
        "Router-stby>\r\nRouter-stby>enable\r\nStandby console disabled\r\nRouter-stby>"
    );
    console.send("?");
    assert!(console.screen().starts_with("?\r\nStandby console disabled\r\n"));
    assert_eq!(console.asked(), []);
    console.session.set_role(ConsoleRole::Active, &mut console.events);
    assert_eq!(
        console.screen(),
        "\r\x1b[Kconsole active.  Press RETURN to get started!\r\nRouter>"
    );
    console.send("show version\r");
    assert_eq!(console.command(), Command::Exec(ExecCommand::ShowVersion));
}

#[test]
fn the_route_processor_can_end_a_session_at_any_time() {
    let mut console = Console::enabled();
    console.send("reload\r").asked();
    console.session.shut_down(&mut console.events);
    assert_eq!(console.closed(), CloseReason::Shutdown);
    console.screen();
    console.complete(Outcome::Accepted, "late");
    console.session.log("late", &mut console.events);
    assert_eq!(console.screen(), String::new());
}

#[test]
fn end_of_input_closes_after_the_command_being_executed() {
    let mut console = Console::enabled();
    console.send("show version\rshow arp\r");
    console.session.end_of_input(&mut console.events);
    console.complete(Outcome::Accepted, "");
    console.complete(Outcome::Accepted, "");
    assert_eq!(console.closed(), CloseReason::EndOfInput);
}
