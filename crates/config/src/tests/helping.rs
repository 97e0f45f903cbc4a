use alloc::string::String;

use super::PORT;
use crate::{Completion, Grammar, Help, Mode};

fn help(mode: Mode, line: &str) -> String {
    Grammar::standard().help(&mode, line).render()
}

fn complete(mode: Mode, line: &str) -> Completion {
    Grammar::standard().complete(&mode, line)
}

#[test]
fn help_in_a_word_lists_the_keywords_that_begin_with_it() {
    let table = [
        (Mode::UserExec, "sh", "show\n\n"),
        (Mode::PrivilegedExec, "re", "redundancy  reload\n\n"),
        (
            Mode::PrivilegedExec,
            "show r",
            "redundancy  route-map  running-config\n\n",
        ),
        (Mode::UserExec, "show r", "redundancy  route-map\n\n"),
        (Mode::PrivilegedExec, "sh ip", "ip\n\n"),
        (Mode::Interface(PORT), "no s", "shutdown\n\n"),
        (Mode::Interface(PORT), "host", "hostname\n\n"),
        (Mode::UserExec, "xyz", "% Unrecognized command\n"),
        (Mode::UserExec, "xyz ", "% Unrecognized command\n"),
        (Mode::PrivilegedExec, "re f", "% Ambiguous command:  \"re f\"\n"),
    ];
    for (mode, line, expected) in table {
        assert_eq!(help(mode, line), expected, "{line}?");
    }
}

#[test]
fn help_after_a_blank_explains_what_can_come() {
    assert_eq!(
        help(Mode::UserExec, "show redundancy "),
        "  clients           Clients in order of their sequence\n\
         \u{20} config-sync       Config Sync status and failures\n\
         \u{20} counters          Redundancy Facility (RF) operational measurements\n\
         \u{20} debug-log         Redundancy Facility (RF) debug log\n\
         \u{20} handover          Redundancy Facility (RF) handover\n\
         \u{20} history           Log of past events\n\
         \u{20} idb-sync-history  Log of the synchronisation of interfaces\n\
         \u{20} inter-device      Redundancy between devices\n\
         \u{20} states            Redundancy Facility (RF) states\n\
         \u{20} switchover        Redundancy Facility (RF) switchovers\n\
         \u{20} |                 Output modifiers\n\
         \u{20} <cr>\n\n"
    );
    assert_eq!(
        help(Mode::Global, "ip route 10.0.0.0 255.0.0.0 "),
        "  A.B.C.D   Forwarding router's address\n\u{20} Ethernet  IEEE 802.3\n\
         \u{20} Null      Null interface\n\n"
    );
    assert_eq!(
        help(Mode::Global, "ip route 10.0.0.0 255.0.0.0 e0/0 "),
        "  <1-255>  Distance metric for this route\n\
         \u{20} A.B.C.D  Forwarding router's address\n\
         \u{20} <cr>\n\n"
    );
    assert_eq!(
        help(Mode::Interface(PORT), "mtu "),
        "  <64-9216>  MTU size in bytes\n\n"
    );
    assert_eq!(help(Mode::Global, "interface e"), "Ethernet\n\n");
    assert_eq!(
        help(Mode::Global, "interface e0"),
        "  <0-15>/<0-255>  Card slot and port number\n\n"
    );
    assert_eq!(
        help(Mode::Interface(PORT), "description "),
        "  LINE  A character string describing this interface\n\n"
    );
    assert_eq!(
        help(Mode::Interface(PORT), "description to the lab "),
        "  <cr>\n\n"
    );
    assert_eq!(
        help(Mode::Interface(PORT), "description to the lab"),
        "  <cr>\n\n"
    );
    assert_eq!(
        help(Mode::Global, "hostname Rou"),
        "  WORD  This system's network name\n\n"
    );
    assert_eq!(
        help(Mode::UserExec, "ping 10.0.0.1 repeat x"),
        "% Unrecognized command\n"
    );
}

#[test]
fn help_on_an_empty_line_lists_the_commands_of_the_mode_under_a_heading() {
    let redundancy = help(Mode::Redundancy, "");
    assert!(redundancy.starts_with("Redundancy configuration commands:\n  "));
    assert!(redundancy.contains("\n  mode                 Redundancy mode for this chassis\n"));
    assert!(redundancy.ends_with("\n\n"));
    assert!(help(Mode::UserExec, " ").starts_with("Exec commands:\n  disable "));
    assert!(
        !help(Mode::UserExec, "").contains("reload"),
        "a user is not shown what only the privileged may do"
    );
    assert!(help(Mode::PrivilegedExec, "").contains("\n  reload "));
    assert!(
        !help(Mode::Global, "").contains("version"),
        "hidden commands stay hidden"
    );
    assert_eq!(
        Grammar::standard().help(&Mode::Global, "vers"),
        Help::Unrecognized
    );
}

#[test]
fn tab_completes_a_unique_keyword() {
    let word = |start, word| Completion::Word { start, word };
    let table = [
        (Mode::UserExec, "sh", word(0, "show")),
        (Mode::UserExec, "SHO", word(0, "show")),
        (Mode::UserExec, "show", word(0, "show")),
        (Mode::UserExec, "sh ver", word(3, "version")),
        (Mode::PrivilegedExec, "show r", Completion::Ambiguous),
        (Mode::PrivilegedExec, "show run", word(5, "running-config")),
        (Mode::Global, "interface e", word(10, "Ethernet")),
        (Mode::Interface(PORT), "hostn", word(0, "hostname")),
        (Mode::Interface(PORT), "no shu", word(3, "shutdown")),
        (Mode::UserExec, "xyz", Completion::None),
        (Mode::UserExec, "show ", Completion::None),
        (Mode::UserExec, "", Completion::None),
        (Mode::Global, "interface e0/0", Completion::None),
        (Mode::Interface(PORT), "description sh", Completion::None),
    ];
    for (mode, line, expected) in table {
        assert_eq!(complete(mode, line), expected, "{line}<Tab>");
    }
}
