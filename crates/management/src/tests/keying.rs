use alloc::vec::Vec;

use crate::keys::{Key, KeyDecoder};

fn keys(bytes: &[u8]) -> Vec<Key> {
    let mut decoder = KeyDecoder::new();
    bytes.iter().filter_map(|byte| decoder.push(*byte)).collect()
}

#[test]
fn each_key_is_recognised_from_its_bytes() {
    let table: &[(&[u8], &[Key])] = &[
        (b"a?", &[Key::Character('a'), Key::Character('?')]),
        (
            "é€😀".as_bytes(),
            &[Key::Character('é'), Key::Character('€'), Key::Character('😀')],
        ),
        (b"\r", &[Key::Enter]),
        (b"\n", &[Key::Enter]),
        (b"\r\n", &[Key::Enter]),
        (b"\r\0", &[Key::Enter]),
        (b"\r\r", &[Key::Enter, Key::Enter]),
        (b"\n\n", &[Key::Enter, Key::Enter]),
        (b"\r\n\n", &[Key::Enter, Key::Enter]),
        (b"\rx", &[Key::Enter, Key::Character('x')]),
        (b"\x08", &[Key::Backspace]),
        (b"\x7f", &[Key::Backspace]),
        (b"\x01\x05\x02\x06", &[Key::Home, Key::End, Key::Left, Key::Right]),
        (
            b"\x04\x0b\x15\x18\x17",
            &[
                Key::Delete,
                Key::KillToEnd,
                Key::KillToStart,
                Key::KillToStart,
                Key::KillWordLeft,
            ],
        ),
        (
            b"\x10\x0e\x12\x14\x16",
            &[Key::Up, Key::Down, Key::Redraw, Key::Transpose, Key::Literal],
        ),
        (
            b"\x03\x1a\x1e\t",
            &[Key::Interrupt, Key::EndConfiguration, Key::Escape, Key::Tab],
        ),
        (
            b"\x1b[A\x1b[B\x1b[C\x1b[D",
            &[Key::Up, Key::Down, Key::Right, Key::Left],
        ),
        (
            b"\x1bOA\x1bOB\x1bOC\x1bOD\x1bOH\x1bOF",
            &[Key::Up, Key::Down, Key::Right, Key::Left, Key::Home, Key::End],
        ),
        (
            b"\x1b[H\x1b[F\x1b[1~\x1b[7~",
            &[Key::Home, Key::End, Key::Home, Key::Home],
        ),
        (b"\x1b[4~\x1b[8~\x1b[3~", &[Key::End, Key::End, Key::Delete]),
        (b"\x1b[1;5C", &[Key::Right]),
        (b"\x1b[15~\x1b[200~", &[Key::Unknown, Key::Unknown]),
        (
            b"\x1bb\x1bf\x1bd\x1b\x7f",
            &[
                Key::WordLeft,
                Key::WordRight,
                Key::KillWordRight,
                Key::KillWordLeft,
            ],
        ),
        (b"\x1b\x1b[A", &[Key::Up]),
        (b"\x1b[\r", &[Key::Enter]),
        (b"\x1bO\rx", &[Key::Enter, Key::Character('x')]),
        (
            b"\x1b[99999999999999999999",
            &[
                Key::Unknown,
                Key::Character('9'),
                Key::Character('9'),
                Key::Character('9'),
            ],
        ),
        (b"\xff\x80\xc0", &[Key::Unknown, Key::Unknown, Key::Unknown]),
        (b"\xc3x", &[Key::Character('x')]),
        (b"\xe2\x82\r", &[Key::Enter]),
        (b"\xed\xa0\x80", &[Key::Unknown]),
        (b"\xc2\x85", &[Key::Unknown]),
    ];
    for (bytes, expected) in table {
        assert_eq!(keys(bytes), *expected, "{bytes:?}");
    }
}
