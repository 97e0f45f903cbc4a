//! ` --More-- `: what a person at a terminal sees of long output.

use alloc::format;
use alloc::string::String;

use config::{Command, ExecCommand};

use super::Console;
use crate::{ConsoleRole, Outcome, SessionEvent, SessionOptions};

const ERASED: &str =
    "\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08          \x08\x08\x08\x08\x08\x08\x08\x08\x08\x08";

/// A terminal of so many columns and rows, in user EXEC.
fn terminal(columns: u16, rows: u16) -> Console {
    let options = SessionOptions {
        terminal: true,
        strict: false,
        columns,
        rows,
    };
    let mut console = Console::with(options, ConsoleRole::Active);
    console.screen();
    console
}

fn lines(from: u32, to: u32) -> String {
    (from..=to).map(|number| format!("line {number}\n")).collect()
}

fn shown(from: u32, to: u32) -> String {
    lines(from, to).replace('\n', "\r\n")
}

#[test]
fn output_pauses_at_a_full_screen_and_goes_on_with_space_and_return() {
    let mut console = terminal(80, 4);
    console.send("show version\r").asked();
    console.screen();
    console.complete(Outcome::Accepted, &lines(1, 9));
    assert_eq!(console.screen(), format!("{} --More-- ", shown(1, 3)));
    console.send(" ");
    assert_eq!(console.screen(), format!("{ERASED}{} --More-- ", shown(4, 6)));
    console.send("\r");
    assert_eq!(console.screen(), format!("{ERASED}{} --More-- ", shown(7, 7)));
    console.send(" ");
    assert_eq!(console.screen(), format!("{ERASED}{}Router>", shown(8, 9)));
}

#[test]
fn what_fits_is_shown_without_a_pause() {
    let mut console = terminal(80, 4);
    for text in [lines(1, 3), lines(1, 3).trim_end().into()] {
        console.send("show version\r").asked();
        console.screen();
        console.complete(Outcome::Accepted, &text);
        assert_eq!(console.screen(), format!("{}Router>", shown(1, 3)));
    }
}

#[test]
fn any_other_key_ends_the_output() {
    for key in ["q", "Q", "n", "\x03", "\x1a", "\t", "\x1b[A"] {
        let mut console = terminal(80, 4);
        console.send("show version\r").asked();
        console.complete(Outcome::Accepted, &lines(1, 9));
        console.screen();
        console.send(key);
        assert_eq!(console.screen(), format!("{ERASED}Router>"), "{key:?}");
        assert_eq!(console.asked(), [], "{key:?}: the command was at its end");
    }
}

#[test]
fn a_table_that_comes_in_pieces_waits_for_the_operator_and_can_be_ended() {
    let mut console = terminal(80, 4);
    console.send("show ip route\r").asked();
    console.screen();
    console.session.output(&lines(1, 2), &mut console.events);
    assert!(console.session.takes_output());
    console.session.output(&lines(3, 5), &mut console.events);
    assert_eq!(console.screen(), format!("{} --More-- ", shown(1, 3)));
    assert!(!console.session.takes_output() && console.session.is_executing());
    console.send(" ");
    assert_eq!(console.screen(), format!("{ERASED}{}", shown(4, 5)));
    assert!(console.session.takes_output());
    console.session.output(&lines(6, 9), &mut console.events);
    assert_eq!(console.screen(), format!("{} --More-- ", shown(6, 6)));
    console.send("q");
    assert_eq!(
        console.asked(),
        [SessionEvent::Interrupt],
        "the command is told to stop"
    );
    assert_eq!(console.screen(), ERASED);
    console.session.output(&lines(10, 20), &mut console.events);
    console.complete(Outcome::Accepted, "the end");
    assert_eq!(console.screen(), "Router>", "and nothing more of it is shown");
}

#[test]
fn a_command_that_ends_while_its_output_waits_gives_the_prompt_after_that() {
    let mut console = terminal(80, 4);
    console.send("show ip route\r").asked();
    console.session.output(&lines(1, 9), &mut console.events);
    console.screen();
    console.complete(Outcome::Accepted, "the end");
    assert_eq!(console.screen(), "", "the operator is still at --More--");
    console.send("  ");
    let screen = console.screen();
    assert!(screen.ends_with("line 9\r\n --More-- "), "{screen:?}");
    console.send(" ");
    assert_eq!(console.screen(), format!("{ERASED}the end\r\nRouter>"));
}

#[test]
fn keys_that_were_typed_ahead_count_at_the_pause() {
    let mut console = terminal(80, 4);
    console.send("show ip route\r q").asked();
    console.screen();
    console.session.output(&lines(1, 9), &mut console.events);
    assert_eq!(console.asked(), [SessionEvent::Interrupt]);
    let screen = console.screen();
    assert!(
        screen.contains("line 6\r\n --More-- ") && !screen.contains("line 7"),
        "{screen:?}"
    );
}

#[test]
fn a_filter_comes_before_the_pager() {
    let mut console = terminal(80, 4);
    console.send("show ip route | exclude [2-5]\r");
    assert_eq!(
        console.command(),
        Command::Exec(ExecCommand::ShowIpRoute { filter: None })
    );
    console.screen();
    console.complete(Outcome::Accepted, &lines(1, 9));
    let first = format!("{}{} --More-- ", shown(1, 1), shown(6, 7));
    assert_eq!(console.screen(), first);
    console.send(" ");
    assert_eq!(console.screen(), format!("{ERASED}{}Router>", shown(8, 9)));
}

#[test]
fn an_interrupted_count_counts_nothing() {
    let mut console = terminal(80, 4);
    console.send("show ip route | count line\r").asked();
    console.screen();
    console.session.output(&lines(1, 100), &mut console.events);
    assert!(console.session.takes_output());
    console.send("\x03");
    assert_eq!(console.asked(), [SessionEvent::Interrupt]);
    console.complete(Outcome::Accepted, "");
    assert_eq!(console.screen(), "Router>");
}

#[test]
fn a_script_and_a_screen_of_no_length_never_pause() {
    let mut script = Console::script(false);
    script.send("show version\n").asked();
    script.complete(Outcome::Accepted, &lines(1, 1_000));
    assert_eq!(script.screen(), lines(1, 1_000));
    let mut console = terminal(80, 4);
    console.send("terminal length 0\rshow version\r").asked();
    console.screen();
    console.complete(Outcome::Accepted, &lines(1, 1_000));
    assert_eq!(console.screen(), format!("{}Router>", shown(1, 1_000)));
}

#[test]
fn the_length_is_the_terminal_s_unless_it_is_set() {
    let page_of = |console: &mut Console| {
        console.send("show version\r").asked();
        console.screen();
        console.complete(Outcome::Accepted, &lines(1, 100));
        let lines = console.screen().matches("line").count();
        console.send("q");
        lines
    };
    let mut console = terminal(80, 0);
    assert_eq!(
        page_of(&mut console),
        23,
        "a terminal that says nothing has 24 lines"
    );
    console.session.resize(80, 10);
    assert_eq!(page_of(&mut console), 9);
    console.send("terminal length 5\r");
    console.session.resize(80, 50);
    assert_eq!(page_of(&mut console), 4);
}

#[test]
fn a_screen_that_changes_its_size_at_the_pause_gets_pages_of_the_new_size() {
    let mut console = terminal(80, 10);
    console.send("show version\r").asked();
    console.complete(Outcome::Accepted, &lines(1, 100));
    console.screen();
    console.session.resize(80, 4);
    console.send(" ");
    assert_eq!(console.screen(), format!("{ERASED}{} --More-- ", shown(10, 12)));
}

#[test]
fn a_line_that_wraps_takes_the_rows_that_it_takes() {
    let mut console = terminal(10, 4);
    let long = "x".repeat(25);
    console.send("show version\r").asked();
    console.screen();
    console.complete(Outcome::Accepted, &format!("a\n{long}\nb\n"));
    assert_eq!(
        console.screen(),
        "a\r\n --More-- ",
        "three rows more would not fit"
    );
    console.send("\r");
    assert_eq!(
        console.screen(),
        format!("{ERASED}{long}\r\n --More-- "),
        "each key moves on"
    );
    console.send("\r");
    assert_eq!(console.screen(), format!("{ERASED}b\r\nRouter>"));
    console.send("terminal width 0\rshow version\r").asked();
    console.screen();
    console.complete(Outcome::Accepted, &format!("a\n{long}\nb\n"));
    assert!(!console.screen().contains("More"), "width 0: lines never wrap");
}

#[test]
fn a_message_of_the_system_does_not_disturb_the_pause() {
    let mut console = terminal(80, 4);
    console.send("show version\r").asked();
    console.complete(Outcome::Accepted, &lines(1, 9));
    console.screen();
    console.session.log("%SYS-5-CONFIG_I: text", &mut console.events);
    assert_eq!(
        console.screen(),
        format!("{ERASED}%SYS-5-CONFIG_I: text\r\n --More-- ")
    );
    console.send(" ");
    assert_eq!(console.screen(), format!("{ERASED}{} --More-- ", shown(4, 6)));
}

#[test]
fn long_help_pauses_and_then_shows_the_line_again() {
    let mut console = terminal(80, 4);
    console.send("show ?");
    let screen = console.screen();
    assert!(
        screen.ends_with(" --More-- ") && screen.starts_with("show ?\r\n"),
        "{screen:?}"
    );
    console.send("q");
    assert_eq!(console.screen(), format!("{ERASED}\rRouter>show \x1b[K"));
    console.send("version\r");
    assert_eq!(console.command(), Command::Exec(ExecCommand::ShowVersion));
}

#[test]
fn a_switchover_at_the_pause_leads_to_the_new_role_s_prompt() {
    let mut console = terminal(80, 4);
    console.send("show ip route\r").asked();
    console.session.output(&lines(1, 9), &mut console.events);
    console.screen();
    console
        .session
        .set_role(ConsoleRole::Standby, &mut console.events);
    assert_eq!(console.asked(), [SessionEvent::Interrupt]);
    console.complete(Outcome::Accepted, "");
    assert_eq!(console.screen(), format!("{ERASED}Router-stby>"));
    let mut console = terminal(80, 4);
    console.send("show version\r").asked();
    console.complete(Outcome::Accepted, &lines(1, 9));
    console.screen();
    console
        .session
        .set_role(ConsoleRole::Standby, &mut console.events);
    assert_eq!(console.screen(), format!("{ERASED}Router-stby>"));
}
