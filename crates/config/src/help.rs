//! What `?` and Tab answer, from the same branches that parsing follows.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use crate::error::ParseErrorKind;
use crate::grammar::{Branch, Grammar, glued_pipe, glued_type};
use crate::mode::{Mode, ModeSet};
use crate::token::Token;

/// One line of help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpRow {
    /// A keyword, the symbol of an argument, or `<cr>` where the line is complete.
    pub token: Cow<'static, str>,
    /// What it is for; empty for `<cr>`.
    pub help: &'static str,
}

/// The answer to `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Help {
    /// In the middle of a word (`sh?`): the keywords that begin with it.
    Words(Vec<&'static str>),
    /// After a blank (`show ?`), or in the middle of an argument: what can come, each with its explanation.
    Rows {
        /// On an empty line: which commands these are.
        heading: Option<&'static str>,
        /// Keywords and arguments in order, `<cr>` last.
        rows: Vec<HelpRow>,
    },
    /// What stands before the cursor is the beginning of no command.
    Unrecognized,
    /// What stands before the cursor has an abbreviation that stands for several keywords; the line so far.
    Ambiguous(String),
}

/// The answer to Tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// There is nothing to complete.
    None,
    /// Several keywords fit.
    Ambiguous,
    /// The word at the end of the line becomes this keyword, followed by a blank.
    Word {
        /// Where the word begins, in bytes from the start of the line.
        start: usize,
        /// The keyword in full.
        word: &'static str,
    },
}

impl Help {
    /// The console's answer, with an end of line after each line.
    pub fn render(&self) -> String {
        match self {
            Help::Words(words) => format!("{}\n\n", words.join("  ")),
            Help::Rows { heading, rows } => {
                let width = rows
                    .iter()
                    .map(|row| row.token.chars().count())
                    .max()
                    .unwrap_or(0);
                let lines = rows
                    .iter()
                    .map(|row| format!("  {:width$}  {}", row.token, row.help));
                let body: String = lines.map(|line| format!("{}\n", line.trim_end())).collect();
                let heading = heading.map_or(String::new(), |heading| format!("{heading}\n"));
                format!("{heading}{body}\n")
            }
            Help::Unrecognized => String::from("% Unrecognized command\n"),
            Help::Ambiguous(line) => format!("% Ambiguous command:  \"{line}\"\n"),
        }
    }
}

/// The line before the cursor, split into what is read and the word that is being typed.
struct Cursor<'l> {
    branches: Vec<Branch>,
    partial: &'l str,
}

impl Grammar {
    /// What can be typed at the end of `line`, the text before the cursor.
    pub fn help(&self, mode: &Mode, line: &str) -> Help {
        match self.help_in(mode, mode.set(), line) {
            Help::Unrecognized if mode.is_submode() => {
                self.help(&mode.after_exit().unwrap_or(Mode::Global), line)
            }
            help => help,
        }
    }

    /// The keyword that the word at the end of `line`, the text before the cursor, stands for.
    pub fn complete(&self, mode: &Mode, line: &str) -> Completion {
        match self.complete_in(mode.set(), mode, line) {
            Completion::None if mode.is_submode() => {
                self.complete(&mode.after_exit().unwrap_or(Mode::Global), line)
            }
            completion => completion,
        }
    }

    fn help_in(&self, mode: &Mode, modes: ModeSet, line: &str) -> Help {
        let cursor = match self.cursor(modes, mode, line) {
            Ok(cursor) => cursor,
            Err(ParseErrorKind::Ambiguous) => return Help::Ambiguous(line.trim().to_string()),
            Err(_) => return Help::Unrecognized,
        };
        if cursor.partial.is_empty() {
            let heading = line.trim().is_empty().then_some(mode.help_heading());
            return Help::Rows {
                heading,
                rows: rows(&cursor.branches, |_| true),
            };
        }
        let words = keywords(&cursor);
        if !words.is_empty() {
            return Help::Words(words);
        }
        let fitting = rows(&cursor.branches, |token| match token {
            Token::Argument { kind, .. } => kind.may_begin_with(cursor.partial),
            _ => false,
        });
        let arguments: Vec<HelpRow> = fitting
            .into_iter()
            .filter(|row| row.token != CARRIAGE_RETURN)
            .collect();
        if !arguments.is_empty() {
            return Help::Rows {
                heading: None,
                rows: arguments,
            };
        }
        // Within the rest of a line that is free text, all that can come is its end.
        match self.walk(self.start(modes, mode.privilege()), line) {
            Ok(branches) if branches.iter().any(|branch| branch.next().is_none()) => Help::Rows {
                heading: None,
                rows: vec![carriage_return()],
            },
            Ok(_) | Err(_) => Help::Unrecognized,
        }
    }

    fn complete_in(&self, modes: ModeSet, mode: &Mode, line: &str) -> Completion {
        let Ok(cursor) = self.cursor(modes, mode, line) else {
            return Completion::None;
        };
        if cursor.partial.is_empty() {
            return Completion::None;
        }
        match keywords(&cursor)[..] {
            [] => Completion::None,
            [word] => Completion::Word {
                start: line.len() - cursor.partial.len(),
                word,
            },
            [_, _, ..] => Completion::Ambiguous,
        }
    }

    fn cursor<'l>(&self, modes: ModeSet, mode: &Mode, line: &'l str) -> Result<Cursor<'l>, ParseErrorKind> {
        let partial = line.rsplit(char::is_whitespace).next().unwrap_or("");
        let mut read = line.len() - partial.len();
        let start = || self.start(modes, mode.privilege());
        let mut branches = self.walk(start(), &line[..read]).map_err(|error| error.kind)?;
        if let Some(bytes) = glued_pipe(&branches, partial).or_else(|| glued_type(&branches, partial)) {
            read += bytes;
            branches = self.walk(start(), &line[..read]).map_err(|error| error.kind)?;
        }
        Ok(Cursor {
            branches,
            partial: &line[read..],
        })
    }
}

const CARRIAGE_RETURN: &str = "<cr>";

fn carriage_return() -> HelpRow {
    HelpRow {
        token: Cow::Borrowed(CARRIAGE_RETURN),
        help: "",
    }
}

/// Distinct keywords that can come and begin with the word being typed, sorted.
fn keywords(cursor: &Cursor<'_>) -> Vec<&'static str> {
    let begins = |word: &str| {
        word.get(..cursor.partial.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(cursor.partial))
    };
    let visible = cursor.branches.iter().filter(|branch| !branch.row.hidden);
    let mut words: Vec<&'static str> = visible
        .filter_map(|branch| match branch.next() {
            Some(Token::Keyword { word, .. }) if begins(word) => Some(*word),
            _ => None,
        })
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// What can come: arguments first, then keywords, sorted; `<cr>` last.
fn rows(branches: &[Branch], wanted: impl Fn(&Token) -> bool) -> Vec<HelpRow> {
    let visible = || branches.iter().filter(|branch| !branch.row.hidden);
    let tokens = || visible().filter_map(Branch::next).filter(|token| wanted(token));
    let mut arguments: Vec<HelpRow> = tokens()
        .filter_map(|token| match token {
            Token::Argument { kind, help, .. } => Some((kind, *help)),
            _ => None,
        })
        .flat_map(|(kind, help)| {
            let row = |token, help| HelpRow { token, help };
            let alternative = kind.alternative();
            core::iter::once(row(Cow::Owned(kind.symbol()), help))
                .chain(alternative.map(|(symbol, help)| row(Cow::Borrowed(symbol), help)))
        })
        .collect();
    let mut keywords: Vec<HelpRow> = tokens()
        .filter_map(|token| match token {
            Token::Keyword { word, help } => Some(HelpRow {
                token: Cow::Borrowed(*word),
                help,
            }),
            _ => None,
        })
        .collect();
    for part in [&mut arguments, &mut keywords] {
        part.sort_by(|left, right| left.token.cmp(&right.token));
        part.dedup();
    }
    arguments.append(&mut keywords);
    if visible().any(|branch| branch.next().is_none()) {
        arguments.push(carriage_return());
    }
    arguments
}
