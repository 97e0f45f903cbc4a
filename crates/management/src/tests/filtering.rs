use alloc::string::String;

use config::{Grammar, Mode};

use crate::filter::Filtering;

const CONFIGURATION: &str = "!\n\
    hostname Router\n\
    !\n\
    redundancy\n\
    \x20mode sso\n\
    !\n\
    interface Ethernet0/0\n\
    \x20description to the west\n\
    \x20ip address 10.0.0.1 255.255.255.0\n\
    interface Ethernet0/1\n\
    \x20ip address 10.0.1.1 255.255.255.0\n\
    \x20shutdown\n\
    !\n\
    ip route 0.0.0.0 0.0.0.0 10.0.0.2\n\
    end\n";

/// What `show running-config | FILTER` leaves of a text that comes in pieces of this size.
fn filtered_in(text: &str, filter: &str, piece: usize) -> String {
    let line = alloc::format!("show running-config | {filter}");
    let read = Grammar::standard()
        .read(&Mode::PrivilegedExec, &line)
        .expect(filter);
    let mut filtering = Filtering::new(read.filter.expect("a filter"));
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(rest.ceil_char_boundary(piece));
        filtering.push(head, &mut out);
        rest = tail;
    }
    filtering.finish(&mut out);
    out
}

#[test]
fn each_filter_leaves_its_lines_however_the_output_is_cut() {
    let table = [
        (
            "include ^interface",
            "interface Ethernet0/0\ninterface Ethernet0/1\n",
        ),
        ("include nothing", ""),
        (
            "exclude ^ |!",
            "hostname Router\nredundancy\ninterface Ethernet0/0\ninterface Ethernet0/1\nip route 0.0.0.0 0.0.0.0 10.0.0.2\nend\n",
        ),
        ("begin ^ip", "ip route 0.0.0.0 0.0.0.0 10.0.0.2\nend\n"),
        (
            "begin shutdown",
            " shutdown\n!\nip route 0.0.0.0 0.0.0.0 10.0.0.2\nend\n",
        ),
        ("count ^ *ip", "Number of lines which match regexp = 3\n"),
        ("count nothing", "Number of lines which match regexp = 0\n"),
        ("section redundancy", "redundancy\n mode sso\n"),
        (
            "section 10.0.1.1",
            "interface Ethernet0/1\n ip address 10.0.1.1 255.255.255.0\n shutdown\n",
        ),
        (
            "section include interface|end",
            "interface Ethernet0/0\n description to the west\n ip address 10.0.0.1 255.255.255.0\ninterface Ethernet0/1\n ip address 10.0.1.1 255.255.255.0\n shutdown\nend\n",
        ),
        (
            "section exclude interface|!",
            "hostname Router\nredundancy\n mode sso\nip route 0.0.0.0 0.0.0.0 10.0.0.2\nend\n",
        ),
        (
            "section exclude shutdown|!",
            "hostname Router\nredundancy\n mode sso\ninterface Ethernet0/0\n description to the west\n ip address 10.0.0.1 255.255.255.0\nip route 0.0.0.0 0.0.0.0 10.0.0.2\nend\n",
        ),
    ];
    for (filter, expected) in table {
        for piece in [1, 7, 10_000] {
            assert_eq!(
                filtered_in(CONFIGURATION, filter, piece),
                expected,
                "{filter}, {piece} bytes at a time"
            );
        }
    }
}

#[test]
fn the_last_line_needs_no_end() {
    assert_eq!(filtered_in("one\ntwo", "include o", 100), "one\ntwo\n");
    assert_eq!(
        filtered_in("one\n two", "section exclude three", 100),
        "one\n two\n"
    );
}

#[test]
fn lines_that_are_all_indented_are_sections_of_their_own() {
    let states = "       my state = 13 -ACTIVE\n     peer state = 8  -STANDBY HOT\n           Mode = Duplex\n\n  next\n";
    assert_eq!(
        filtered_in(states, "section peer", 100),
        "     peer state = 8  -STANDBY HOT\n           Mode = Duplex\n"
    );
    assert_eq!(filtered_in(states, "section next", 100), "  next\n");
}

#[test]
fn of_a_section_without_end_the_first_line_and_the_last_ones_wait() {
    let mut text = String::from("head\n");
    for number in 0..5_000 {
        text.push_str(&alloc::format!(" line {number}\n"));
    }
    let shown = filtered_in(&text, "section 4999", 4096);
    assert!(
        shown.starts_with("head\n line 3976\n") && shown.ends_with(" line 4999\n"),
        "{shown}"
    );
    assert_eq!(shown.lines().count(), 1025);
}
