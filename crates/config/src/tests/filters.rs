use alloc::boxed::Box;
use alloc::string::{String, ToString};

use super::PORT;
use crate::{Command, ExecCommand, FilterForm, Grammar, Mode, ParseErrorKind};

fn filter(mode: Mode, line: &str) -> Option<(FilterForm, String)> {
    let read = Grammar::standard().read(&mode, line).expect(line);
    read.filter
        .map(|filter| (filter.form, filter.pattern.text().to_string()))
}

#[test]
fn a_filter_behind_a_show_command_is_read_in_full_and_abbreviated() {
    use FilterForm::*;
    let table = [
        ("show version | include Software", Include, "Software"),
        ("sh ver | i Software", Include, "Software"),
        ("sh ver |inc Software", Include, "Software"),
        ("show run | exclude ^!", Exclude, "^!"),
        ("show run | e ^!", Exclude, "^!"),
        ("show run | b interface Eth", Begin, "interface Eth"),
        ("show run | sec interface", Section, "interface"),
        ("show run | section include interface", Section, "interface"),
        (
            "show run | section exclude interface",
            SectionExclude,
            "interface",
        ),
        ("show ip route 10.0.0.1 | c via", Count, "via"),
        ("show ip route | include a|b", Include, "a|b"),
        ("show ip route | include   up ", Include, "up "),
        ("show redundancy | i i", Include, "i"),
    ];
    for (line, form, pattern) in table {
        assert_eq!(
            filter(Mode::PrivilegedExec, line),
            Some((form, pattern.to_string())),
            "{line}"
        );
    }
    assert_eq!(filter(Mode::PrivilegedExec, "show version"), None);
}

#[test]
fn do_runs_an_exec_command_in_every_configuration_mode() {
    for mode in [Mode::Global, Mode::Interface(PORT), Mode::Redundancy] {
        let read = Grammar::standard()
            .read(&mode, "do sh ver | i a")
            .expect("a command");
        assert_eq!(read.command, Command::Exec(ExecCommand::ShowVersion));
        assert!(read.shows && read.filter.is_some());
        assert_eq!(read.command.next_mode(&mode), Some(mode), "the mode stays");
        let reload = Grammar::standard().read(&mode, "do reload").expect("a command");
        assert!(!reload.shows);
        for line in ["do", "do show", "do show version | include"] {
            let error = Grammar::standard().read(&mode, line).expect_err(line);
            assert_eq!(error.kind, ParseErrorKind::Incomplete, "{line}");
        }
        for line in [
            "do configure terminal",
            "do exit",
            "do hostname x",
            "do do reload",
        ] {
            let error = Grammar::standard().read(&mode, line).expect_err(line);
            assert_eq!(error.kind, ParseErrorKind::Invalid, "{line}");
            assert!(error.column >= 3, "{line}: {}", error.column);
        }
    }
}

#[test]
fn a_bar_is_an_ordinary_character_where_nothing_is_shown() {
    let parse = |mode, line| Grammar::standard().parse(&mode, line);
    assert!(parse(Mode::Interface(PORT), "description a | include b").is_ok());
    let error = parse(Mode::PrivilegedExec, "ping 10.0.0.1 | include b").expect_err("no filter here");
    assert_eq!((error.kind, error.column), (ParseErrorKind::Invalid, 14));
}

#[test]
fn a_wrong_filter_is_marked_where_it_is_wrong() {
    let screen = |line: &str| {
        let error = Grammar::standard()
            .read(&Mode::PrivilegedExec, line)
            .expect_err(line);
        error.render(0)
    };
    assert_eq!(screen("show version | "), "% Incomplete command.\n\n");
    assert_eq!(
        screen("show version | grep a"),
        "               ^\n% Invalid input detected at '^' marker.\n\n"
    );
    assert_eq!(
        screen("show version | include (a"),
        "                       ^\n% Invalid regular expression at '^' marker: '(' without ')'\n\n"
    );
    assert_eq!(
        screen("show version | include ä*?[z-a]"),
        "                           ^\n% Invalid regular expression at '^' marker: range ends before it begins\n\n"
    );
}

#[test]
fn help_goes_on_behind_the_bar() {
    let help = |line: &str| Grammar::standard().help(&Mode::UserExec, line).render();
    assert_eq!(
        help("show version | "),
        "  begin    Begin with the line that matches\n\
         \u{20} count    Count number of lines which match regexp\n\
         \u{20} exclude  Exclude lines that match\n\
         \u{20} include  Include lines that match\n\
         \u{20} json     One JSON document instead of a text\n\
         \u{20} section  Filter a section of output\n\n"
    );
    assert_eq!(help("show version "), "  |     Output modifiers\n  <cr>\n\n");
    assert_eq!(help("show version |"), "|\n\n");
    assert_eq!(help("show version |in"), "include\n\n");
    assert_eq!(help("show version | in"), "include\n\n");
    assert_eq!(help("show version | include "), "  LINE  Regular Expression\n\n");
    assert_eq!(
        help("show version | section "),
        "  LINE     Regular Expression\n\
         \u{20} exclude  Exclude entire section(s) of output\n\
         \u{20} include  Include entire section(s) of output\n\n"
    );
    assert_eq!(help("show version | include a "), "  <cr>\n\n");
    let help = Grammar::standard().help(&Mode::Global, "do show pri").render();
    assert_eq!(help, "privilege\n\n");
}

#[test]
fn json_is_another_command_and_no_filter_of_lines() {
    let read = |line: &str| {
        Grammar::standard()
            .read(&Mode::PrivilegedExec, line)
            .map(|read| (read.command, read.shows, read.filter))
    };
    let Ok((Command::Exec(plain), true, None)) = read("show ip bgp summary") else {
        panic!("the plain command");
    };
    let structured = Command::Exec(ExecCommand::Json(Box::new(plain)));
    for line in [
        "show ip bgp summary | json",
        "show ip bgp summary |json",
        "sh ip bgp sum | j",
    ] {
        assert_eq!(read(line), Ok((structured.clone(), true, None)), "{line}");
    }
    assert!(read("show ip bgp summary | json x").is_err());
    assert!(read("clear ip bgp * | json").is_err(), "it shows nothing");
}
