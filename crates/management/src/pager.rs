//! Output page by page: what of it is on the screen, and what waits behind ` --More-- `.
//!
//! The pager is asked for text only while it does not pause, so what it holds is one piece of a command's output at
//! most; the driver bounds those.

use alloc::string::String;

/// What stands on the last line of the screen while output waits.
pub(crate) const MORE: &str = " --More-- ";

/// Counts lines and holds back what does not fit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pager {
    /// Lines on the screen; 0: output never pauses.
    lines: u32,
    /// Columns on the screen; 0: lines never wrap.
    columns: u32,
    /// Lines shown since the screen was the operator's.
    used: u32,
    /// Characters on the last line so far.
    column: u32,
    held: String,
    /// One line is due, however long: each key moves on.
    owes_line: bool,
}

impl Pager {
    /// Begins with an empty page.
    pub fn begin(&mut self, lines: u32, columns: u32) {
        *self = Pager {
            lines,
            columns,
            ..Pager::default()
        };
    }

    /// Follows a screen that has another size, where output pauses at all.
    pub fn resize(&mut self, lines: u32, columns: u32) {
        if self.lines > 0 {
            (self.lines, self.columns) = (lines, columns);
        }
    }

    /// Forgets what waits.
    pub fn clear(&mut self) {
        self.held.clear();
    }

    /// Whether output waits for a key.
    pub fn pauses(&self) -> bool {
        !self.held.is_empty()
    }

    /// Takes output; answers with what goes to the screen now. The rest waits: see [`Pager::pauses`].
    pub fn push(&mut self, text: &str) -> String {
        self.held.push_str(text);
        self.advance()
    }

    /// A whole page more.
    pub fn next_page(&mut self) -> String {
        self.used = 0;
        self.owes_line = true;
        self.advance()
    }

    /// One line more.
    pub fn next_line(&mut self) -> String {
        self.used = self.page().saturating_sub(1);
        self.owes_line = true;
        self.advance()
    }

    /// Lines of a page: the last line of the screen is for the question.
    fn page(&self) -> u32 {
        self.lines.saturating_sub(1).max(1)
    }

    fn advance(&mut self) -> String {
        if self.lines == 0 {
            return core::mem::take(&mut self.held);
        }
        let mut end = 0;
        for line in self.held.split_inclusive('\n') {
            let characters = u32::try_from(line.trim_end_matches('\n').chars().count()).unwrap_or(u32::MAX);
            let rows = self.rows(self.column.saturating_add(characters));
            // A line that has begun is written to its end: there is no other place for the rest of it.
            let fits = self.column > 0 || self.used.saturating_add(rows) <= self.page();
            if !fits && !self.owes_line && self.used > 0 {
                break;
            }
            end += line.len();
            if line.ends_with('\n') {
                self.used = self.used.saturating_add(rows);
                self.column = 0;
                self.owes_line = false;
            } else {
                self.column = self.column.saturating_add(characters);
            }
        }
        let rest = self.held.split_off(end);
        core::mem::replace(&mut self.held, rest)
    }

    /// Rows of the screen that so many characters take.
    fn rows(&self, characters: u32) -> u32 {
        match self.columns {
            0 => 1,
            columns => characters.div_ceil(columns).max(1),
        }
    }
}
