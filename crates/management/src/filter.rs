//! What a filter leaves of a command's output, line by line as it comes.
//!
//! Nothing is kept but what a decision still needs: a line whose end has not come, and for `section` the beginning of a
//! section of which no line has matched. So a table of a million lines passes through without being held.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;

use config::{FilterForm, OutputFilter};

/// Lines of a section that wait for one that matches. Of a longer one the oldest but the first are forgotten.
const SECTION_LINES_MAX: usize = 1024;
/// Bytes of a line that wait for its end; beyond it the line counts as ended.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// A filter at work.
#[derive(Clone, Debug)]
pub(crate) struct Filtering {
    filter: OutputFilter,
    /// The line whose end has not come.
    partial: String,
    /// Lines that matched.
    count: u64,
    /// Whether output has begun (`begin`).
    begun: bool,
    section: Section,
}

/// The section that the last line belongs to: a line, and those after it that are indented deeper.
#[derive(Clone, Debug)]
struct Section {
    /// Indentation of its first line.
    indentation: usize,
    matched: bool,
    waiting: VecDeque<String>,
}

impl Section {
    /// Whatever comes next begins a section of its own.
    const NONE: Section = Section {
        indentation: usize::MAX,
        matched: false,
        waiting: VecDeque::new(),
    };
}

impl Filtering {
    pub fn new(filter: OutputFilter) -> Self {
        Self {
            filter,
            partial: String::new(),
            count: 0,
            begun: false,
            section: Section::NONE,
        }
    }

    /// Takes a piece of output and appends what is to be shown.
    pub fn push(&mut self, text: &str, out: &mut String) {
        for piece in text.split_inclusive('\n') {
            self.partial.push_str(piece);
            if piece.ends_with('\n') || self.partial.len() > LINE_BYTES_MAX {
                let line = core::mem::take(&mut self.partial);
                self.line(line.trim_end_matches('\n'), out);
            }
        }
    }

    /// The output is at its end.
    pub fn finish(&mut self, out: &mut String) {
        if !self.partial.is_empty() {
            let line = core::mem::take(&mut self.partial);
            self.line(&line, out);
        }
        match self.filter.form {
            FilterForm::Count => {
                out.push_str(&format!("Number of lines which match regexp = {}\n", self.count));
            }
            FilterForm::SectionExclude => self.end_section(out),
            FilterForm::Begin | FilterForm::Exclude | FilterForm::Include | FilterForm::Section => {}
        }
    }

    fn line(&mut self, line: &str, out: &mut String) {
        let matches = || self.filter.pattern.matches(line);
        let shown = match self.filter.form {
            FilterForm::Include => matches(),
            FilterForm::Exclude => !matches(),
            FilterForm::Begin => {
                self.begun = self.begun || matches();
                self.begun
            }
            FilterForm::Count => {
                self.count += u64::from(matches());
                false
            }
            FilterForm::Section | FilterForm::SectionExclude => {
                let matches = matches();
                self.section_line(line, matches, out);
                false
            }
        };
        if shown {
            push_line(line, out);
        }
    }

    fn section_line(&mut self, line: &str, matches: bool, out: &mut String) {
        let indentation = line.len() - line.trim_start().len();
        let blank = line.trim().is_empty();
        if blank || indentation <= self.section.indentation {
            self.end_section(out);
            self.section.indentation = if blank { usize::MAX } else { indentation };
        }
        let excludes = self.filter.form == FilterForm::SectionExclude;
        if matches && !self.section.matched {
            self.section.matched = true;
            let waiting = core::mem::take(&mut self.section.waiting);
            if !excludes {
                waiting.iter().for_each(|line| push_line(line, out));
            }
        }
        match (self.section.matched, excludes) {
            (true, false) => push_line(line, out),
            (true, true) => {}
            (false, _) => self.wait(line),
        }
    }

    fn wait(&mut self, line: &str) {
        let waiting = &mut self.section.waiting;
        if waiting.len() >= SECTION_LINES_MAX {
            waiting.remove(1);
        }
        waiting.push_back(String::from(line));
    }

    /// Nothing more belongs to the section.
    fn end_section(&mut self, out: &mut String) {
        let section = core::mem::replace(&mut self.section, Section::NONE);
        if self.filter.form == FilterForm::SectionExclude {
            section.waiting.iter().for_each(|line| push_line(line, out));
        }
    }
}

fn push_line(line: &str, out: &mut String) {
    out.push_str(line);
    out.push('\n');
}
