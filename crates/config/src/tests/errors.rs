use super::{PORT, parse};
use crate::{Mode, ParseErrorKind};

/// The screen after a line was entered: the prompt with the line, and the answer.
fn screen(mode: Mode, line: &str) -> alloc::string::String {
    let prompt = alloc::format!("Router{}", mode.prompt_suffix());
    let error = parse(mode, line).expect_err(line);
    alloc::format!("{prompt}{line}\n{}", error.render(prompt.chars().count()))
}

#[test]
fn the_marker_stands_under_the_offending_character_in_each_mode() {
    let table = [
        (Mode::UserExec, "Router>show vrsion\n             ^\n"),
        (Mode::UserExec, "Router>configure terminal\n       ^\n"),
        (Mode::PrivilegedExec, "Router#confg t\n           ^\n"),
        (
            Mode::PrivilegedExec,
            "Router#show ip route 10.0.0\n                     ^\n",
        ),
        (
            Mode::PrivilegedExec,
            "Router#  show version now\n                      ^\n",
        ),
        (
            Mode::PrivilegedExec,
            "Router#ping 10.0.0.1 repeat 0\n                            ^\n",
        ),
        (
            Mode::PrivilegedExec,
            "Router#show ip cef 10.0.0.0 255.0.255.0\n                            ^\n",
        ),
        (
            Mode::Global,
            "Router(config)#interface e16/0\n                          ^\n",
        ),
        (
            Mode::Global,
            "Router(config)#interface Ethernet 0\n                                  ^\n",
        ),
        (
            Mode::Global,
            "Router(config)#interface Serial0/0\n                         ^\n",
        ),
        (
            Mode::Global,
            "Router(config)#ip route 10.0.0.0 255.0.0.0 10.0.0.256\n                                           ^\n",
        ),
        (
            Mode::Interface(PORT),
            "Router(config-if)#mtu 63\n                      ^\n",
        ),
        (
            Mode::Interface(PORT),
            "Router(config-if)#mtu 9217\n                      ^\n",
        ),
        (
            Mode::Interface(PORT),
            "Router(config-if)#no ip address 10.0.0.1 mask\n                                         ^\n",
        ),
        (
            Mode::Redundancy,
            "Router(config-red)#mode xpr\n                        ^\n",
        ),
    ];
    for (mode, expected) in table {
        let prompt = alloc::format!("Router{}", mode.prompt_suffix());
        let line = expected
            .split('\n')
            .next()
            .and_then(|first| first.strip_prefix(&prompt))
            .expect("prompt");
        let expected = alloc::format!("{expected}% Invalid input detected at '^' marker.\n\n");
        assert_eq!(screen(mode, line), expected, "{line}");
    }
}

#[test]
fn the_marker_counts_characters_and_not_bytes() {
    assert_eq!(
        parse(Mode::UserExec, "show ärger")
            .expect_err("no such word")
            .column,
        5
    );
    assert_eq!(
        parse(Mode::UserExec, "éé show").expect_err("no such word").column,
        0
    );
    assert_eq!(
        parse(Mode::Global, "hostname grün x")
            .expect_err("one word too many")
            .column,
        14
    );
}

#[test]
fn a_line_that_stops_too_early_is_incomplete() {
    let table = [
        (Mode::PrivilegedExec, "show"),
        (Mode::PrivilegedExec, "show ip"),
        (Mode::PrivilegedExec, "configure"),
        (Mode::PrivilegedExec, "ping"),
        (Mode::PrivilegedExec, "ping 10.0.0.1 repeat"),
        (Mode::PrivilegedExec, "show redundancy switchover"),
        (Mode::PrivilegedExec, "show interfaces e"),
        (Mode::Global, "hostname"),
        (Mode::Global, "no"),
        (Mode::Global, "interface e"),
        (Mode::Global, "ip route 10.0.0.0 255.0.0.0"),
        (Mode::Interface(PORT), "ip address 10.0.0.1"),
        (Mode::Interface(PORT), "no ip address 10.0.0.1"),
        (Mode::Interface(PORT), "description"),
        (Mode::Interface(PORT), "hostname"),
        (Mode::Redundancy, "mode"),
    ];
    for (mode, line) in table {
        let error = parse(mode, line).expect_err(line);
        assert_eq!(error.kind, ParseErrorKind::Incomplete, "{line}");
        assert_eq!(error.render(7), "% Incomplete command.\n\n", "{line}");
    }
}

#[test]
fn an_abbreviation_of_two_commands_is_ambiguous() {
    let table = [
        (Mode::UserExec, "e"),
        (Mode::PrivilegedExec, "re"),
        (Mode::PrivilegedExec, "show i"),
        (Mode::PrivilegedExec, "sh red s"),
        (Mode::PrivilegedExec, "co"),
        (Mode::Global, "e"),
        (Mode::Interface(PORT), "e"),
    ];
    for (mode, line) in table {
        let error = parse(mode, line).expect_err(line);
        assert_eq!(error.kind, ParseErrorKind::Ambiguous, "{line}");
        assert_eq!(
            error.render(7),
            alloc::format!("% Ambiguous command:  \"{line}\"\n")
        );
    }
}

#[test]
fn in_a_submode_the_error_that_came_furthest_is_told() {
    let error = parse(Mode::Interface(PORT), "ip route 10.0.0.0 255.0.0.0 nowhere").expect_err("no next hop");
    assert_eq!((error.kind, error.column), (ParseErrorKind::Invalid, 29));
    let error = parse(Mode::Interface(PORT), "xyzzy").expect_err("no such command anywhere");
    assert_eq!((error.kind, error.column), (ParseErrorKind::Invalid, 0));
}
