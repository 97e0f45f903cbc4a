//! One edited line: keys in, the line and the bytes that show it out.
//!
//! The editor keeps the line, the cursor, and which part of the line is on the screen. A line that does not fit is
//! shown through a window that moves with the cursor, so that it never wraps:
//!
//! ```text
//!   Router(config-if)#escription a text that is longer than the scr
//!   prompt            ▲ first_shown            ▲ cursor
//! ```
//!
//! Every character is taken to be one column wide; a wide or combining one puts the cursor off until the line is
//! written again. A line has a bound of [`config::LINE_BYTES_MAX`] bytes; what exceeds it rings the bell and is
//! dropped.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use config::LINE_BYTES_MAX;

use crate::keys::Key;

/// Lines that the history keeps, unless the operator says otherwise.
pub const HISTORY_LINES_DEFAULT: usize = 20;
/// Columns of a terminal that does not say how many it has.
pub const COLUMNS_DEFAULT: u16 = 80;
/// The least part of a line that is shown beside a long prompt, in columns.
const WINDOW_COLUMNS_MIN: usize = 8;

const BELL: u8 = 0x07;

/// The lines entered before, oldest first. No two neighbours are equal, none is blank.
#[derive(Clone, Debug)]
pub struct History {
    lines: VecDeque<String>,
    lines_max: usize,
    /// Where the operator is looking; `None`: at the line being typed.
    position: Option<usize>,
    /// The line being typed, while the operator looks at an older one.
    draft: String,
}

impl Default for History {
    fn default() -> Self {
        Self {
            lines: VecDeque::new(),
            lines_max: HISTORY_LINES_DEFAULT,
            position: None,
            draft: String::new(),
        }
    }
}

impl History {
    /// Keeps so many lines from now on; 0: none. The oldest ones go.
    pub fn resize(&mut self, lines_max: usize) {
        self.lines_max = lines_max;
        self.position = None;
        let excess = self.lines.len().saturating_sub(lines_max);
        self.lines.drain(..excess);
    }

    /// Lines that it keeps at most.
    pub fn lines_max(&self) -> usize {
        self.lines_max
    }

    /// Remembers a line and forgets the oldest one at the bound.
    pub fn remember(&mut self, line: &str) {
        self.position = None;
        self.draft.clear();
        let line = line.trim();
        if line.is_empty() || self.lines_max == 0 || self.lines.back().is_some_and(|last| last == line) {
            return;
        }
        if self.lines.len() >= self.lines_max {
            self.lines.pop_front();
        }
        self.lines.push_back(line.to_string());
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    fn older(&mut self, current: &str) -> Option<String> {
        let position = self.position.unwrap_or(self.lines.len()).checked_sub(1)?;
        if self.position.is_none() {
            self.draft = current.to_string();
        }
        self.position = Some(position);
        self.lines.get(position).cloned()
    }

    fn newer(&mut self) -> Option<String> {
        let position = self.position? + 1;
        if let Some(line) = self.lines.get(position) {
            self.position = Some(position);
            return Some(line.clone());
        }
        self.position = None;
        Some(core::mem::take(&mut self.draft))
    }
}

/// A line being edited.
#[derive(Clone, Debug)]
pub struct Editor {
    prompt: String,
    line: String,
    /// Byte offset into the line, on a character boundary.
    cursor: usize,
    /// Byte offset of the first character on the screen.
    first_shown: usize,
    columns: usize,
    literal: bool,
    history: History,
}

impl Editor {
    /// An empty line on a terminal with so many columns; 0: unknown, [`COLUMNS_DEFAULT`].
    pub fn new(columns: u16) -> Self {
        let mut editor = Self {
            prompt: String::new(),
            line: String::new(),
            cursor: 0,
            first_shown: 0,
            columns: 0,
            literal: false,
            history: History::default(),
        };
        editor.resize(columns);
        editor
    }

    /// Follows a change of the terminal's width. The screen is right again with the next [`Editor::show`].
    pub fn resize(&mut self, columns: u16) {
        self.columns = usize::from(if columns == 0 { COLUMNS_DEFAULT } else { columns });
    }

    /// The line.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The line up to the cursor: what help and completion are about.
    pub fn before_cursor(&self) -> &str {
        &self.line[..self.cursor]
    }

    /// What has been entered before.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Keeps so many entered lines from now on; 0: none.
    pub fn resize_history(&mut self, lines_max: usize) {
        self.history.resize(lines_max);
    }

    /// Columns that the prompt takes.
    pub fn prompt_columns(&self) -> usize {
        self.prompt.chars().count()
    }

    /// Characters of the line that have moved out of the window on its left side.
    pub fn hidden_columns(&self) -> usize {
        self.line[..self.first_shown].chars().count()
    }

    /// Whether the next character is to be taken as it is (after ^V).
    pub fn is_literal(&self) -> bool {
        self.literal
    }

    /// Begins an empty line behind this prompt, and shows both.
    pub fn begin(&mut self, prompt: &str, out: &mut Vec<u8>) {
        self.prompt = prompt.to_string();
        self.line.clear();
        self.cursor = 0;
        self.first_shown = 0;
        self.literal = false;
        out.extend_from_slice(prompt.as_bytes());
    }

    /// Ends the line: gives it away, and moves the screen to the next one.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> String {
        out.extend_from_slice(b"\r\n");
        self.cursor = 0;
        self.first_shown = 0;
        self.literal = false;
        core::mem::take(&mut self.line)
    }

    /// Remembers a finished line.
    pub fn remember(&mut self, line: &str) {
        self.history.remember(line);
    }

    /// Writes prompt and line again, over whatever is on the cursor's line of the screen.
    pub fn show(&mut self, out: &mut Vec<u8>) {
        self.scroll();
        out.push(b'\r');
        out.extend_from_slice(self.prompt.as_bytes());
        let shown = self.shown_end();
        out.extend_from_slice(&self.line.as_bytes()[self.first_shown..shown]);
        out.extend_from_slice(b"\x1b[K");
        let back = self.line[self.cursor..shown].chars().count();
        if back > 0 {
            out.extend_from_slice(format!("\x1b[{back}D").as_bytes());
        }
    }

    /// Puts `text` at the cursor, as far as the line's bound allows.
    pub fn insert(&mut self, text: &str, out: &mut Vec<u8>) {
        for character in text.chars() {
            self.insert_character(character, out);
        }
    }

    /// Replaces what stands between byte `start` and the cursor, as completion does.
    ///
    /// # Panics
    /// When `start` is beyond the cursor or within a character.
    pub fn replace(&mut self, start: usize, text: &str, out: &mut Vec<u8>) {
        if self.line.len() - (self.cursor - start) + text.len() > LINE_BYTES_MAX {
            out.push(BELL);
            return;
        }
        self.line.replace_range(start..self.cursor, text);
        self.cursor = start + text.len();
        self.show(out);
    }

    /// Takes a key that edits. Keys that mean something to a whole line (Return, Tab, ...) ring the bell here: the
    /// session handles them first.
    pub fn press(&mut self, key: Key, out: &mut Vec<u8>) {
        self.literal = false;
        match key {
            Key::Character(character) => self.insert_character(character, out),
            Key::Backspace => self.backspace(out),
            Key::Delete => {
                let end = self.next(self.cursor);
                self.remove(self.cursor, end, out);
            }
            Key::Left => self.left(out),
            Key::Right => self.right(out),
            Key::Home => self.move_to(0, out),
            Key::End => self.move_to(self.line.len(), out),
            Key::WordLeft => self.move_to(self.word_start(), out),
            Key::WordRight => self.move_to(self.word_end(), out),
            Key::KillToEnd => self.remove(self.cursor, self.line.len(), out),
            Key::KillToStart => self.remove(0, self.cursor, out),
            Key::KillWordLeft => self.remove(self.word_start(), self.cursor, out),
            Key::KillWordRight => self.remove(self.cursor, self.word_end(), out),
            Key::Transpose => self.transpose(out),
            Key::Up => {
                let line = self.history.older(&self.line);
                self.recall(line, out);
            }
            Key::Down => {
                let line = self.history.newer();
                self.recall(line, out);
            }
            Key::Redraw => {
                out.extend_from_slice(b"\r\n");
                self.show(out);
            }
            Key::Literal => self.literal = true,
            Key::Enter | Key::Tab | Key::Interrupt | Key::Escape | Key::EndConfiguration | Key::Unknown => {
                out.push(BELL);
            }
        }
    }

    fn insert_character(&mut self, character: char, out: &mut Vec<u8>) {
        if self.line.len() + character.len_utf8() > LINE_BYTES_MAX {
            out.push(BELL);
            return;
        }
        self.line.insert(self.cursor, character);
        self.cursor += character.len_utf8();
        if self.cursor == self.line.len() && self.fits() {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            self.show(out);
        }
    }

    fn backspace(&mut self, out: &mut Vec<u8>) {
        if self.cursor == self.line.len() && self.cursor > self.first_shown {
            self.cursor = self.previous(self.cursor);
            self.line.truncate(self.cursor);
            out.extend_from_slice(b"\x08 \x08");
        } else {
            self.remove(self.previous(self.cursor), self.cursor, out);
        }
    }

    fn remove(&mut self, start: usize, end: usize, out: &mut Vec<u8>) {
        if start == end {
            out.push(BELL);
            return;
        }
        self.line.replace_range(start..end, "");
        self.cursor = start;
        self.show(out);
    }

    fn left(&mut self, out: &mut Vec<u8>) {
        if self.cursor > self.first_shown {
            self.cursor = self.previous(self.cursor);
            out.push(0x08);
        } else {
            self.move_to(self.previous(self.cursor), out);
        }
    }

    fn right(&mut self, out: &mut Vec<u8>) {
        let next = self.next(self.cursor);
        if next > self.cursor && next <= self.shown_end() {
            out.extend_from_slice(&self.line.as_bytes()[self.cursor..next]);
            self.cursor = next;
        } else {
            self.move_to(next, out);
        }
    }

    fn move_to(&mut self, cursor: usize, out: &mut Vec<u8>) {
        if cursor == self.cursor {
            out.push(BELL);
            return;
        }
        self.cursor = cursor;
        self.show(out);
    }

    fn transpose(&mut self, out: &mut Vec<u8>) {
        let middle = self.previous(self.cursor);
        let start = self.previous(middle);
        let (Some(first), Some(second)) = (
            self.line[start..middle].chars().next(),
            self.line[middle..self.cursor].chars().next(),
        ) else {
            out.push(BELL);
            return;
        };
        self.line
            .replace_range(start..self.cursor, &format!("{second}{first}"));
        self.show(out);
    }

    fn recall(&mut self, line: Option<String>, out: &mut Vec<u8>) {
        let Some(line) = line else {
            out.push(BELL);
            return;
        };
        self.cursor = line.len();
        self.line = line;
        self.first_shown = 0;
        self.show(out);
    }

    /// Columns for the line beside the prompt. The last column stays free: writing it would wrap.
    fn window(&self) -> usize {
        self.columns
            .saturating_sub(self.prompt_columns() + 1)
            .max(WINDOW_COLUMNS_MIN)
    }

    fn fits(&self) -> bool {
        self.line[self.first_shown..].chars().count() <= self.window()
    }

    /// End of what the window shows, as a byte offset.
    fn shown_end(&self) -> usize {
        let shown = &self.line[self.first_shown..];
        shown
            .char_indices()
            .nth(self.window())
            .map_or(self.line.len(), |(offset, _)| self.first_shown + offset)
    }

    /// Moves the window so that the cursor is in it.
    fn scroll(&mut self) {
        let window = self.window();
        let before = self.line[..self.cursor].chars().count();
        // An edit may have moved the characters under the window's edge.
        let edge = self.line.floor_char_boundary(self.first_shown.min(self.cursor));
        let hidden = self.line[..edge].chars().count();
        let hidden = if before - hidden > window {
            before - window
        } else {
            hidden
        };
        let total = self.line.chars().count();
        // A line that fits again is shown from its start.
        let hidden = if total <= window { 0 } else { hidden };
        self.first_shown = self
            .line
            .char_indices()
            .nth(hidden)
            .map_or(self.line.len(), |(offset, _)| offset);
    }

    fn previous(&self, from: usize) -> usize {
        self.line[..from]
            .char_indices()
            .next_back()
            .map_or(0, |(offset, _)| offset)
    }

    fn next(&self, from: usize) -> usize {
        self.line[from..]
            .chars()
            .next()
            .map_or(from, |character| from + character.len_utf8())
    }

    /// Start of the word before the cursor; the blanks after it count as part of it.
    fn word_start(&self) -> usize {
        let word = self.line[..self.cursor].trim_end();
        word.char_indices()
            .rev()
            .find(|(_, character)| character.is_whitespace())
            .map_or(0, |(offset, character)| offset + character.len_utf8())
    }

    /// End of the word after the cursor; the blanks before it count as part of it.
    fn word_end(&self) -> usize {
        let rest = &self.line[self.cursor..];
        let blanks = rest.len() - rest.trim_start().len();
        rest[blanks..]
            .find(char::is_whitespace)
            .map_or(self.line.len(), |length| self.cursor + blanks + length)
    }
}
