//! What is wrong with a chassis file, and where.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The first thing that is wrong with a chassis file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChassisFileError {
    /// The file, when it came from one.
    pub path: Option<PathBuf>,
    /// Line and column, both from 1, the column in characters; `None` when the file could not be read at all.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl ChassisFileError {
    pub(super) fn at(text: &str, span: Range<usize>, message: String) -> ChassisFileError {
        // A span from another text would be a bug elsewhere, but an error message must not be what panics.
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        ChassisFileError {
            path: None,
            place: Some((line, column)),
            message,
            hint: None,
        }
    }

    pub(super) fn unreadable(path: &Path, message: String) -> ChassisFileError {
        ChassisFileError {
            path: Some(path.to_path_buf()),
            place: None,
            message,
            hint: None,
        }
    }

    pub(super) fn not_text(bytes: &[u8], valid_up_to: usize) -> ChassisFileError {
        let text = String::from_utf8_lossy(&bytes[..valid_up_to]);
        let end = text.len();
        ChassisFileError::at(&text, end..end, "this is not UTF-8 text".to_string())
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> ChassisFileError {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn in_file(mut self, path: &Path) -> ChassisFileError {
        self.path = Some(path.to_path_buf());
        self
    }
}

impl fmt::Display for ChassisFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.place {
            match &self.path {
                Some(path) => write!(f, "{}:{line}:{column}: ", path.display())?,
                None => write!(f, "line {line}, column {column}: ")?,
            }
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ChassisFileError {}
