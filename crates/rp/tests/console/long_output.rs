//! Long tables, long texts and long scripts: what is made waits for whoever reads it.

use super::{CONSOLE, Rig};
use machine::Machine;
use management::CloseReason;
use rp::{ConsoleInput, RpInput};

/// A rig with so many routes in its tables.
fn with_routes(routes: u32) -> Rig {
    let mut rig = Rig::simplex();
    rig.feed(RpInput::Generate {
        routes,
        next_hops: vec!["10.0.0.2".parse().expect("an address")],
    });
    rig.run_ms(500);
    rig
}

impl Rig {
    fn drained(&mut self) {
        self.feed(RpInput::Console {
            session: CONSOLE,
            input: ConsoleInput::Drained,
        });
        self.run_ms(1);
    }
}

#[test]
fn a_filter_reads_a_table_page_by_page_and_waits_only_for_what_it_shows() {
    let mut rig = with_routes(5_000);
    rig.open(false);
    rig.type_text("show ip route | count via 10.0.0.2\n");
    let first = rig.shown();
    assert_eq!(first, "", "one page is not the whole table");
    // The driver has nothing to send on, and so nothing to report.
    rig.run_ms(20);
    assert_eq!(rig.shown(), "Number of lines which match regexp = 5000\n");
    rig.type_text("show ip route\n");
    rig.run_ms(20);
    let page = rig.shown().len();
    rig.run_ms(20);
    assert_eq!(rig.shown(), "", "the next page waits until this one is sent on");
    rig.drained();
    assert!(rig.shown().len() <= 2 * page);
}

#[test]
fn at_more_no_further_page_is_looked_up() {
    let mut rig = with_routes(5_000);
    rig.open_with_rows(true, 24);
    rig.type_text("show ip route\r");
    assert!(rig.shown().ends_with(" --More-- "));
    for _ in 0..2 {
        rig.drained();
        let due = rig.processor.next_deadline().map(|(_, why)| why);
        assert_ne!(
            due,
            Some("a table is shown"),
            "the operator has not asked for more"
        );
    }
    assert_eq!(rig.shown(), "", "nothing comes by itself");
    rig.type_text(" ");
    let shown = rig.shown();
    assert_eq!(shown.matches('\n').count(), 23, "{shown:?}");
    rig.drained();
    rig.type_text("q");
    assert!(rig.shown().ends_with("Router>"));
    rig.type_text("show clock\r");
    assert!(
        rig.shown().contains("UTC Sun Sep 13 2020\r\nRouter>"),
        "the console is free again"
    );
}

#[test]
fn a_long_text_is_given_to_the_console_piece_by_piece() {
    let mut rig = Rig::simplex();
    rig.open(false);
    let mut script = String::from("enable\nconfigure terminal\n");
    for number in 0..4_000 {
        script.push_str(&format!(
            "ip route 172.{}.{}.0 255.255.255.0 10.0.0.2\n",
            16 + number / 256,
            number % 256
        ));
    }
    rig.type_text(&script);
    rig.run_ms(400);
    rig.shown();
    rig.type_text("end\nshow running-config\n");
    rig.run_ms(20);
    let mut pieces = vec![rig.shown()];
    while pieces.last().is_some_and(|piece| !piece.is_empty()) {
        rig.drained();
        pieces.push(rig.shown());
    }
    assert!(pieces.len() > 3, "{} pieces", pieces.len());
    for piece in &pieces {
        assert!(piece.len() <= 64 * 1024, "{} bytes at once", piece.len());
        assert!(
            piece.is_empty() || piece.ends_with('\n'),
            "a piece ends with a line"
        );
    }
    let text = pieces.concat();
    assert_eq!(text.matches("ip route 172.").count(), 4_000);
    assert!(text.ends_with("end\n"));
}

#[test]
fn a_script_of_wrong_lines_is_spread_over_turns_and_waits_for_whoever_reads_its_output() {
    let mut rig = Rig::simplex();
    rig.open(false);
    rig.type_text(&"x\n".repeat(20_000));
    rig.feed(RpInput::Console {
        session: CONSOLE,
        input: ConsoleInput::EndOfInput,
    });
    let mut told = rig.shown().matches("Invalid input").count();
    assert!((1..=4096).contains(&told), "{told} lines in one turn");
    rig.run_ms(100);
    let shown = rig.shown();
    assert!(
        shown.len() < 600 * 1024,
        "{} bytes that nobody has read",
        shown.len()
    );
    told += shown.matches("Invalid input").count();
    while rig.closed.is_none() {
        rig.drained();
        let shown = rig.shown();
        assert!(rig.closed.is_some() || !shown.is_empty(), "the script goes on");
        told += shown.matches("Invalid input").count();
    }
    assert_eq!(
        told, 20_000,
        "no line is lost, though the input had ended long before"
    );
    assert_eq!(rig.closed, Some(CloseReason::EndOfInput));
}

#[test]
fn a_script_of_long_answers_waits_for_whoever_reads_them() {
    let mut rig = with_routes(800);
    rig.open(false);
    rig.type_text(&"show ip route\n".repeat(300));
    rig.run_ms(100);
    let first = rig.shown().len();
    assert!(first < 400 * 1024, "{first} bytes that nobody has read");
    rig.drained();
    rig.run_ms(100);
    assert!(!rig.shown().is_empty(), "it goes on");
}
