use alloc::string::String;
use alloc::vec::Vec;

use config::LINE_BYTES_MAX;

use crate::editor::{Editor, HISTORY_LINES_DEFAULT};
use crate::keys::{Key, KeyDecoder};

/// An editor behind `R#`, after these keystrokes; the cursor is shown as `|`.
fn edited(keystrokes: &str) -> String {
    let mut editor = Editor::new(80);
    editor.begin("R#", &mut Vec::new());
    for line in ["show version", "show arp"] {
        editor.remember(line);
    }
    type_into(&mut editor, keystrokes);
    let before = editor.before_cursor();
    alloc::format!("{before}|{}", &editor.line()[before.len()..])
}

fn type_into(editor: &mut Editor, keystrokes: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut decoder = KeyDecoder::new();
    for key in keystrokes.bytes().filter_map(|byte| decoder.push(byte)) {
        editor.press(key, &mut out);
    }
    out
}

#[test]
fn keystrokes_edit_the_line_as_they_do_on_a_router() {
    let table = [
        ("abc", "abc|"),
        ("abc\x08", "ab|"),
        ("abc\x7f\x7f\x7f\x7f", "|"),
        ("abc\x1b[D\x1b[Dx", "ax|bc"),
        ("abc\x02\x02\x06x", "abx|c"),
        ("abc\x01x", "x|abc"),
        ("abc\x01\x05x", "abcx|"),
        ("abc\x01\x04", "|bc"),
        ("abc\x1b[H\x1b[3~", "|bc"),
        ("abc def\x01\x06\x06\x0b", "ab|"),
        ("abc def\x02\x02\x15", "|ef"),
        ("abc def\x02\x02\x18", "|ef"),
        ("abc def\x17", "abc |"),
        ("abc def  \x17", "abc |"),
        ("abc def\x17\x17\x17", "|"),
        ("abc def\x1bb\x1bb", "|abc def"),
        ("abc def\x01\x1bf", "abc| def"),
        ("abc def\x01\x1bd", "| def"),
        ("abc\x14", "acb|"),
        ("aéb\x02\x14", "éa|b"),
        ("a\x14", "a|"),
        ("é€\x08", "é|"),
        ("é€\x01\x04", "|€"),
        ("\x10", "show arp|"),
        ("\x10\x10", "show version|"),
        ("\x10\x10\x10", "show version|"),
        ("dra\x10\x0e", "dra|"),
        ("dra\x10\x10\x0e", "show arp|"),
        ("\x0e", "|"),
        ("\x10x\x10\x0e", "show arp|"),
    ];
    for (keystrokes, expected) in table {
        assert_eq!(edited(keystrokes), expected, "{keystrokes:?}");
    }
}

#[test]
fn the_history_is_bounded_and_has_no_blank_lines_or_repetitions() {
    let mut editor = Editor::new(80);
    for number in 0..HISTORY_LINES_DEFAULT + 5 {
        editor.remember(&alloc::format!("line {number}"));
    }
    editor.remember("  ");
    editor.remember("line 24");
    editor.remember(" line 24 ");
    let lines: Vec<&str> = editor.history().lines().collect();
    assert_eq!(lines.len(), HISTORY_LINES_DEFAULT);
    assert_eq!(
        (lines[0], lines[HISTORY_LINES_DEFAULT - 1]),
        ("line 5", "line 24")
    );
}

#[test]
fn a_line_beyond_its_bound_rings_the_bell() {
    let mut editor = Editor::new(80);
    editor.begin("R#", &mut Vec::new());
    type_into(&mut editor, &"x".repeat(LINE_BYTES_MAX));
    assert_eq!(type_into(&mut editor, "y"), b"\x07");
    assert_eq!(editor.line().len(), LINE_BYTES_MAX);
    assert_eq!(
        type_into(&mut editor, "\x08é"),
        b"\x08 \x08\x07",
        "one byte is free, two are needed"
    );
    let mut out = Vec::new();
    editor.replace(0, &"z".repeat(LINE_BYTES_MAX + 1), &mut out);
    assert_eq!((out, editor.line().len()), (alloc::vec![7], LINE_BYTES_MAX - 1));
}

#[test]
fn typing_at_the_end_sends_only_what_changes() {
    let mut editor = Editor::new(80);
    editor.begin("R#", &mut Vec::new());
    assert_eq!(type_into(&mut editor, "sh"), b"sh");
    assert_eq!(type_into(&mut editor, "\x08"), b"\x08 \x08");
    assert_eq!(type_into(&mut editor, "\x1b[D"), b"\x08");
    assert_eq!(type_into(&mut editor, "\x1b[C"), b"s");
    assert_eq!(type_into(&mut editor, "\x1b[Dx"), b"\x08\rR#xs\x1b[K\x1b[1D");
}

#[test]
fn a_line_wider_than_the_terminal_is_shown_through_a_window() {
    let mut editor = Editor::new(20);
    editor.begin("Router#", &mut Vec::new());
    let out = type_into(&mut editor, "abcdefghijklmnop");
    assert_eq!(
        editor.hidden_columns(),
        4,
        "12 columns remain beside the prompt and the last column"
    );
    assert!(String::from_utf8_lossy(&out).ends_with("\rRouter#efghijklmnop\x1b[K"));
    let out = type_into(&mut editor, "\x01");
    assert_eq!(
        String::from_utf8_lossy(&out),
        "\rRouter#abcdefghijkl\x1b[K\x1b[12D"
    );
}

#[test]
fn keys_of_the_session_ring_the_bell_in_the_editor() {
    let mut editor = Editor::new(80);
    for key in [
        Key::Enter,
        Key::Tab,
        Key::Interrupt,
        Key::Escape,
        Key::EndConfiguration,
        Key::Unknown,
    ] {
        let mut out = Vec::new();
        editor.press(key, &mut out);
        assert_eq!(out, b"\x07", "{key:?}");
    }
}

/// The pair that is exchanged lies across the window's edge, and its characters differ in length.
#[test]
fn an_edit_across_the_edge_of_the_window_keeps_the_edge_between_characters() {
    let mut editor = Editor::new(14);
    editor.begin("R#", &mut Vec::new());
    type_into(&mut editor, "abcdefghi\u{e9}klmnopqrst");
    assert_eq!(
        editor.hidden_columns(),
        9,
        "the window begins with the two-byte character"
    );
    type_into(&mut editor, &"\x02".repeat(10));
    let out = type_into(&mut editor, "\x14");
    assert_eq!(editor.before_cursor(), "abcdefgh\u{e9}i");
    assert_eq!(String::from_utf8_lossy(&out), "\rR#\u{e9}iklmnopqrs\x1b[K\x1b[9D");
}
