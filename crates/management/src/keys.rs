//! Bytes from a terminal to keys.
//!
//! Escape sequences and UTF-8 characters arrive in pieces; the decoder keeps what it has seen so far, at most a few
//! bytes. Sequences are those of ECMA-48 (CSI) and of the VT100's application mode (SS3).

/// What an operator pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A printable character.
    Character(char),
    /// Return: CR, LF, CR LF or CR NUL.
    Enter,
    /// Tab, ^I.
    Tab,
    /// Backspace, ^H, DEL: removes the character before the cursor.
    Backspace,
    /// Delete, ^D: removes the character under the cursor.
    Delete,
    /// Cursor left, ^B.
    Left,
    /// Cursor right, ^F.
    Right,
    /// Cursor up, ^P: the line before in the history.
    Up,
    /// Cursor down, ^N: the line after in the history.
    Down,
    /// Home, ^A: start of the line.
    Home,
    /// End, ^E: end of the line.
    End,
    /// Escape b: start of the word.
    WordLeft,
    /// Escape f: end of the word.
    WordRight,
    /// ^K: removes all from the cursor on.
    KillToEnd,
    /// ^U, ^X: removes all before the cursor.
    KillToStart,
    /// ^W: removes the word before the cursor.
    KillWordLeft,
    /// Escape d: removes the word after the cursor.
    KillWordRight,
    /// ^T: exchanges the two characters before the cursor.
    Transpose,
    /// ^R, ^L: writes the line again.
    Redraw,
    /// ^V: takes the next character as it is, a `?` above all.
    Literal,
    /// ^C: drops the line, or interrupts a command.
    Interrupt,
    /// ^^ (control-shift-6): interrupts a command.
    Escape,
    /// ^Z: leaves configuration.
    EndConfiguration,
    /// A byte or sequence without a meaning here.
    Unknown,
}

/// Longest escape sequence that is waited for, in bytes; a longer one is no sequence.
const SEQUENCE_BYTES_MAX: u8 = 16;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    /// A CR came: an LF or NUL right after it belongs to it.
    Return,
    /// An escape came.
    Escape,
    /// `ESC [`, then a parameter.
    Csi { parameter: u16, first: bool, bytes: u8 },
    /// `ESC O`.
    Ss3,
    /// Inside a character of several bytes.
    Character { bytes: [u8; 4], have: u8, need: u8 },
}

/// Makes keys of bytes.
#[derive(Clone, Debug, Default)]
pub struct KeyDecoder {
    state: State,
}

impl KeyDecoder {
    /// A decoder that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one byte; `None`: more are needed, or the byte belonged to the key before.
    pub fn push(&mut self, byte: u8) -> Option<Key> {
        match self.state {
            State::Ground => self.ground(byte),
            State::Return => {
                self.state = State::Ground;
                if byte == b'\n' || byte == 0 {
                    None
                } else {
                    self.ground(byte)
                }
            }
            State::Escape => self.escape(byte),
            State::Csi {
                parameter,
                first,
                bytes,
            } => self.csi(byte, parameter, first, bytes),
            State::Ss3 => {
                self.state = State::Ground;
                if is_control(byte) {
                    self.ground(byte)
                } else {
                    Some(cursor_key(byte))
                }
            }
            State::Character { bytes, have, need } => self.character(byte, bytes, have, need),
        }
    }

    fn ground(&mut self, byte: u8) -> Option<Key> {
        self.state = State::Ground;
        match byte {
            b'\r' => {
                self.state = State::Return;
                Some(Key::Enter)
            }
            0x1b => {
                self.state = State::Escape;
                None
            }
            0x00..=0x1f | 0x7f => Some(control_key(byte)),
            0x20..=0x7e => Some(Key::Character(char::from(byte))),
            0xc2..=0xf4 => {
                let need = match byte {
                    0xc2..=0xdf => 2,
                    0xe0..=0xef => 3,
                    _ => 4,
                };
                self.state = State::Character {
                    bytes: [byte, 0, 0, 0],
                    have: 1,
                    need,
                };
                None
            }
            _ => Some(Key::Unknown),
        }
    }

    fn escape(&mut self, byte: u8) -> Option<Key> {
        self.state = State::Ground;
        match byte {
            b'[' => {
                self.state = State::Csi {
                    parameter: 0,
                    first: true,
                    bytes: 0,
                };
                None
            }
            b'O' => {
                self.state = State::Ss3;
                None
            }
            b'b' | b'B' => Some(Key::WordLeft),
            b'f' | b'F' => Some(Key::WordRight),
            b'd' | b'D' => Some(Key::KillWordRight),
            0x7f | 0x08 => Some(Key::KillWordLeft),
            _ if is_control(byte) => self.ground(byte),
            _ => Some(Key::Unknown),
        }
    }

    fn csi(&mut self, byte: u8, parameter: u16, first: bool, bytes: u8) -> Option<Key> {
        self.state = State::Ground;
        match byte {
            _ if is_control(byte) => self.ground(byte),
            _ if bytes >= SEQUENCE_BYTES_MAX => Some(Key::Unknown),
            0x20..=0x3f => {
                let digit = byte.is_ascii_digit() && first;
                let parameter = match digit {
                    true => parameter
                        .saturating_mul(10)
                        .saturating_add(u16::from(byte - b'0')),
                    false => parameter,
                };
                self.state = State::Csi {
                    parameter,
                    first: first && byte != b';',
                    bytes: bytes + 1,
                };
                None
            }
            b'~' => Some(match parameter {
                1 | 7 => Key::Home,
                4 | 8 => Key::End,
                3 => Key::Delete,
                _ => Key::Unknown,
            }),
            0x40..=0x7e => Some(cursor_key(byte)),
            _ => Some(Key::Unknown),
        }
    }

    fn character(&mut self, byte: u8, mut bytes: [u8; 4], have: u8, need: u8) -> Option<Key> {
        self.state = State::Ground;
        if byte & 0xc0 != 0x80 {
            // The character broke off: what comes now stands for itself.
            return self.ground(byte);
        }
        bytes[usize::from(have)] = byte;
        let have = have + 1;
        if have < need {
            self.state = State::Character { bytes, have, need };
            return None;
        }
        let text = core::str::from_utf8(&bytes[..usize::from(have)]).ok();
        Some(match text.and_then(|text| text.chars().next()) {
            Some(character) if !character.is_control() => Key::Character(character),
            Some(_) | None => Key::Unknown,
        })
    }
}

fn is_control(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7f
}

fn control_key(byte: u8) -> Key {
    match byte {
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Interrupt,
        0x04 => Key::Delete,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x08 | 0x7f => Key::Backspace,
        0x09 => Key::Tab,
        b'\n' => Key::Enter,
        0x0b => Key::KillToEnd,
        0x0c | 0x12 => Key::Redraw,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x14 => Key::Transpose,
        0x15 | 0x18 => Key::KillToStart,
        0x16 => Key::Literal,
        0x17 => Key::KillWordLeft,
        0x1a => Key::EndConfiguration,
        0x1e => Key::Escape,
        _ => Key::Unknown,
    }
}

fn cursor_key(final_byte: u8) -> Key {
    match final_byte {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        _ => Key::Unknown,
    }
}
