use alloc::string::String;
use alloc::vec::Vec;

use config::LINE_BYTES_MAX;
use proptest::prelude::*;

use crate::editor::Editor;
use crate::keys::{Key, KeyDecoder};
use crate::session::PENDING_BYTES_MAX;
use crate::wire::{BODY_BYTES_MAX, FrameDecoder};
use crate::{ConsoleRole, ConsoleSession, Outcome, Question, QuestionKind, SessionEvent, SessionOptions};

const PROMPT: &str = "R#";

/// The obvious editor: characters in a list, a cursor, and old lines in a list.
#[derive(Default)]
struct Model {
    line: Vec<char>,
    cursor: usize,
    history: Vec<String>,
    looking: Option<usize>,
    draft: Vec<char>,
}

impl Model {
    fn word_start(&self) -> usize {
        let mut start = self.cursor;
        while start > 0 && self.line[start - 1].is_whitespace() {
            start -= 1;
        }
        while start > 0 && !self.line[start - 1].is_whitespace() {
            start -= 1;
        }
        start
    }

    fn word_end(&self) -> usize {
        let mut end = self.cursor;
        while end < self.line.len() && self.line[end].is_whitespace() {
            end += 1;
        }
        while end < self.line.len() && !self.line[end].is_whitespace() {
            end += 1;
        }
        end
    }

    fn cut(&mut self, start: usize, end: usize) {
        self.line.drain(start..end);
        self.cursor = start;
    }

    fn look_at(&mut self, index: usize) {
        self.looking = Some(index);
        self.line = self.history[index].chars().collect();
        self.cursor = self.line.len();
    }

    fn press(&mut self, key: Key) {
        match key {
            Key::Character(character) => {
                let bytes: usize = self.line.iter().map(|character| character.len_utf8()).sum();
                if bytes + character.len_utf8() <= LINE_BYTES_MAX {
                    self.line.insert(self.cursor, character);
                    self.cursor += 1;
                }
            }
            Key::Backspace if self.cursor > 0 => self.cut(self.cursor - 1, self.cursor),
            Key::Delete if self.cursor < self.line.len() => self.cut(self.cursor, self.cursor + 1),
            Key::Left => self.cursor = self.cursor.saturating_sub(1),
            Key::Right => self.cursor = (self.cursor + 1).min(self.line.len()),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.line.len(),
            Key::WordLeft => self.cursor = self.word_start(),
            Key::WordRight => self.cursor = self.word_end(),
            Key::KillToEnd => self.line.truncate(self.cursor),
            Key::KillToStart => self.cut(0, self.cursor),
            Key::KillWordLeft => self.cut(self.word_start(), self.cursor),
            Key::KillWordRight => self.cut(self.cursor, self.word_end()),
            Key::Transpose if self.cursor >= 2 => self.line.swap(self.cursor - 2, self.cursor - 1),
            Key::Up => {
                let from = self.looking.unwrap_or(self.history.len());
                if from > 0 {
                    if self.looking.is_none() {
                        self.draft = self.line.clone();
                    }
                    self.look_at(from - 1);
                }
            }
            Key::Down => match self.looking {
                Some(index) if index + 1 < self.history.len() => self.look_at(index + 1),
                Some(_) => {
                    self.looking = None;
                    self.line = core::mem::take(&mut self.draft);
                    self.cursor = self.line.len();
                }
                None => {}
            },
            _ => {}
        }
    }
}

/// One row of a terminal: what the bytes of the editor leave on it.
#[derive(Default)]
struct Row {
    cells: Vec<char>,
    cursor: usize,
}

impl Row {
    fn feed(&mut self, bytes: &[u8], columns: usize) {
        let text = core::str::from_utf8(bytes).expect("the editor writes UTF-8");
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '\u{7}' => {}
                '\r' => self.cursor = 0,
                '\n' => *self = Row::default(),
                '\u{8}' => self.cursor -= 1,
                '\u{1b}' => {
                    let sequence: String = characters
                        .by_ref()
                        .skip(1)
                        .take_while(|character| character.is_ascii_digit())
                        .collect();
                    // `take_while` has taken the final letter: K without a number, D with one.
                    match sequence.parse::<usize>() {
                        Ok(count) => self.cursor -= count,
                        Err(_) => self.cells.truncate(self.cursor),
                    }
                }
                _ => {
                    assert!(
                        self.cursor < columns - 1,
                        "the last column stays free, or the terminal wraps"
                    );
                    self.cells.resize(self.cells.len().max(self.cursor + 1), ' ');
                    self.cells[self.cursor] = character;
                    self.cursor += 1;
                }
            }
        }
    }
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        12 => proptest::sample::select(&['a', 'b', ' ', 'é', '€', '?', '\u{a0}'][..]).prop_map(Key::Character),
        12 => proptest::sample::select(&[
            Key::Backspace, Key::Delete, Key::Left, Key::Right, Key::Home, Key::End, Key::WordLeft, Key::WordRight,
            Key::Up, Key::Down, Key::Transpose, Key::Redraw, Key::Unknown, Key::Literal,
        ][..]),
        1 => proptest::sample::select(&[
            Key::KillToEnd, Key::KillToStart, Key::KillWordLeft, Key::KillWordRight,
        ][..]),
    ]
}

/// What operators and terminals send.
const PIECES: &[&[u8]] = &[
    b"enable\r",
    b"conf t\r",
    b"hostname X\r",
    b"int e0/0\r",
    b"show ?",
    b"sh\t",
    b"\x1b[A",
    b"\x1b[D",
    b"\x1b[3~",
    b"\x03",
    b"\x1a",
    b"\r\n",
    b"exit\n",
    b"reload\r",
    b"yes\r",
    b"description x\r",
    b"\x15",
];

/// Bytes as operators, terminals and broken programs send them.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => proptest::sample::select(PIECES).prop_map(<[u8]>::to_vec),
        3 => proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_editor_agrees_with_the_obvious_one_and_the_screen_with_both(
        keys in proptest::collection::vec(key(), 0..200),
        columns in 14u16..60,
    ) {
        let mut editor = Editor::new(columns);
        let mut model = Model::default();
        for line in ["show version", "", "show arp", "show arp", "a line that is much wider than the narrow terminal of this test"] {
            editor.remember(line);
            if !line.is_empty() && model.history.last().is_none_or(|last| last != line) {
                model.history.push(line.into());
            }
        }
        let mut row = Row::default();
        let mut out = Vec::new();
        editor.begin(PROMPT, &mut out);
        for key in keys {
            editor.press(key, &mut out);
            model.press(key);
            row.feed(&out, usize::from(columns));
            out.clear();
            let line: String = model.line.iter().collect();
            prop_assert_eq!(editor.line(), &line);
            prop_assert_eq!(editor.before_cursor().chars().count(), model.cursor);
            let hidden = editor.hidden_columns();
            let shown: String = row.cells.iter().collect();
            let window = usize::from(columns) - PROMPT.len() - 1;
            let expected: String = PROMPT.chars().chain(line.chars().skip(hidden).take(window)).collect();
            prop_assert_eq!(shown.trim_end(), expected.trim_end(), "{:?}", key);
            prop_assert_eq!(row.cursor, PROMPT.len() + model.cursor - hidden, "{:?}", key);
        }
    }

    #[test]
    fn no_bytes_panic_a_session_and_it_always_comes_to_its_end(
        bytes in noise(),
        terminal in any::<bool>(),
        strict in any::<bool>(),
        columns in 0u16..100,
        rows in 0u16..5,
        standby in any::<bool>(),
        chunk in 1usize..40,
        decisions in proptest::collection::vec(0u8..6, 1..20),
    ) {
        let role = if standby { ConsoleRole::Standby } else { ConsoleRole::Active };
        let mut session = ConsoleSession::new(SessionOptions { terminal, strict, columns, rows }, role);
        let mut events = Vec::new();
        session.start(&mut events);
        let mut decisions = decisions.into_iter();
        let mut rest = &bytes[..];
        let mut closes = 0;
        for _ in 0..10_000 {
            let taken = session.input(&rest[..rest.len().min(chunk)], &mut events);
            rest = &rest[taken..];
            if rest.is_empty() {
                session.end_of_input(&mut events);
            }
            for event in core::mem::take(&mut events) {
                prop_assert_eq!(closes, 0, "nothing comes after the end: {:?}", event);
                closes += usize::from(matches!(event, SessionEvent::Close(_)));
                if let SessionEvent::Write(written) = event {
                    prop_assert!(core::str::from_utf8(&written).is_ok());
                }
            }
            if closes > 0 {
                break;
            }
            match decisions.next() {
                Some(0) => {
                    let kind = QuestionKind::YesNo;
                    session.ask(Question { text: "Sure?".into(), kind }, &mut events);
                }
                Some(1) => {
                    let kind = QuestionKind::Confirm;
                    session.ask(Question { text: "Sure?".into(), kind }, &mut events);
                }
                Some(2) => session.log("message", &mut events),
                Some(3) => session.output("!", &mut events),
                Some(4) => session.complete(Outcome::Rejected, "no", &mut events),
                _ => session.complete(Outcome::Accepted, "done\n", &mut events),
            }
        }
        prop_assert_eq!(closes, 1);
    }

    #[test]
    fn a_session_does_not_depend_on_how_its_bytes_are_cut(bytes in noise(), size in 1usize..20) {
        // An interrupt drops what was typed ahead, and that does depend on what came together.
        let bytes: Vec<u8> = bytes.into_iter().filter(|byte| !matches!(byte, 0x03 | 0x1e)).collect();
        let run = |size: usize| {
            let options = SessionOptions { terminal: true, strict: false, columns: 80, rows: 0 };
            let mut session = ConsoleSession::new(options, ConsoleRole::Active);
            let mut events = Vec::new();
            session.start(&mut events);
            for piece in bytes.chunks(size) {
                session.input(piece, &mut events);
                while session.is_executing() {
                    session.complete(Outcome::Accepted, "", &mut events);
                }
            }
            let mut record = Vec::new();
            for event in events {
                match event {
                    SessionEvent::Write(bytes) => record.extend(bytes),
                    other => record.extend(alloc::format!("{other:?}").into_bytes()),
                }
            }
            record
        };
        prop_assert_eq!(run(PENDING_BYTES_MAX), run(size));
    }

    #[test]
    fn no_bytes_panic_the_key_decoder_or_the_frame_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut keys = KeyDecoder::new();
        let pressed = bytes.iter().filter(|byte| keys.push(**byte).is_some()).count();
        prop_assert!(pressed <= bytes.len());
        let mut frames = FrameDecoder::new();
        frames.push(&bytes);
        while let Ok(Some(_)) = frames.next_frame() {}
    }
}

/// The bounds that other parts rely on.
#[test]
fn a_whole_typed_ahead_buffer_fits_into_a_frame() {
    const { assert!(PENDING_BYTES_MAX <= BODY_BYTES_MAX) };
}
