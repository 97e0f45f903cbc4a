//! Whole lines of a script: no keys, no editing, one line after another with its number.

use alloc::string::String;
use alloc::vec::Vec;

use config::LINE_BYTES_MAX;

/// A line that ends configuration, as ^Z does at a terminal.
pub(super) const END_CONFIGURATION: &str = "\u{1a}";

/// One line of a script.
pub(super) struct ScriptLine {
    /// From 1.
    pub number: u32,
    /// The line without its end, or why it is none.
    pub text: Result<String, &'static str>,
    /// What can be shown of it.
    pub shown: String,
}

/// Collects bytes until a line feed. Holds at most one line; of a longer one only the beginning.
#[derive(Clone, Debug)]
pub(super) struct LineAssembler {
    bytes: Vec<u8>,
    overlong: bool,
    number: u32,
}

impl LineAssembler {
    pub fn new() -> Self {
        Self {
            bytes: Vec::new(),
            overlong: false,
            number: 0,
        }
    }

    /// Number of the last whole line, from 1; 0 before the first.
    pub fn line_number(&self) -> u32 {
        self.number
    }

    pub fn push(&mut self, byte: u8) -> Option<ScriptLine> {
        if byte == b'\n' {
            return Some(self.take());
        }
        // One byte more than a line may have, for the CR of a CR LF.
        if self.bytes.len() > LINE_BYTES_MAX {
            self.overlong = true;
        } else {
            self.bytes.push(byte);
        }
        None
    }

    /// The last line, when the input ended without a line feed.
    pub fn finish(&mut self) -> Option<ScriptLine> {
        (!self.bytes.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> ScriptLine {
        self.number = self.number.saturating_add(1);
        let mut bytes = core::mem::take(&mut self.bytes);
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        let overlong = core::mem::take(&mut self.overlong) || bytes.len() > LINE_BYTES_MAX;
        let shown = String::from_utf8_lossy(&bytes)
            .chars()
            .filter(|character| !character.is_control())
            .collect();
        let text = match String::from_utf8(bytes) {
            _ if overlong => Err("Line too long"),
            Ok(text) => Ok(text),
            Err(_) => Err("Line is not UTF-8"),
        };
        ScriptLine {
            number: self.number,
            text,
            shown,
        }
    }
}
