//! Reading a line against the table.
//!
//! All rows of the mode are followed at once, word by word, as a nondeterministic automaton: a [`Branch`] is a place
//! in a row together with the argument values read so far. Behind `do` stand the rows of the EXEC, and behind the end of
//! a row that shows something the forms of the output filter: help, abbreviations and markers work there as anywhere. At each word the exact keywords win, then abbreviated
//! keywords (of which only one may fit), then arguments.
//!
//! ```text
//!   words:      sh        ip        ro          10.0.0.0
//!   branches:   show ●    show ip ● show ip route ●   ... ● (end of row: a command)
//!               show ●    show ip ●
//!               ...
//! ```

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use crate::command::{Command, ExecCommand, Line};
use crate::error::{ParseError, ParseErrorKind};
use crate::filter::{FILTERS, FilterForm, Modifier, OutputFilter, PIPE};
use crate::mode::{Mode, ModeSet};
use crate::pattern::Pattern;
use crate::table::{CommandId, Privilege, ROWS, Row};
use crate::token::{Kind, Slot, Token, Value};

/// A command language: a table and what can be done with it.
#[derive(Clone, Copy, Debug)]
pub struct Grammar {
    rows: &'static [Row],
}

/// A command as the table sees it: which row, and the values of its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Matched {
    pub id: CommandId,
    pub negated: bool,
    pub values: Vec<(Slot, Value)>,
}

/// A place in a row, or in the filter behind it: its next token, and the values so far.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub row: &'static Row,
    /// The tokens being read: the row's, or those of `filter`.
    tokens: &'static [Token],
    position: usize,
    filter: Option<Modifier>,
    pub values: Vec<(Slot, Value)>,
}

impl Branch {
    /// The token that comes next; `None` at the end of the row, where the line is a command.
    pub fn next(&self) -> Option<&'static Token> {
        self.tokens.get(self.position)
    }

    fn after(&self, value: Option<(Slot, Value)>) -> Branch {
        let mut values = self.values.clone();
        values.extend(value);
        Branch {
            position: self.position + 1,
            values,
            ..*self
        }
    }

    fn start_of(row: &'static Row) -> Branch {
        Branch {
            row,
            tokens: row.tokens,
            position: 0,
            filter: None,
            values: Vec::new(),
        }
    }

    /// The places before each form of a filter, where one may follow.
    fn filters(&self) -> Vec<Branch> {
        let at_end = self.next().is_none() && self.filter.is_none() && self.row.is_shown_text();
        let forms = FILTERS.iter().filter(|_| at_end);
        let before = |(modifier, tokens): &(Modifier, &'static [Token])| Branch {
            tokens,
            position: 0,
            filter: Some(*modifier),
            ..self.clone()
        };
        forms.map(before).collect()
    }
}

/// Why a word cannot follow.
enum Refusal {
    /// Nothing fits; so many of its first characters do.
    NoMatch {
        characters: usize,
    },
    Ambiguous,
}

/// What a word leads to.
enum Step {
    /// The word was read.
    Word(Vec<Branch>),
    /// Only so many bytes of it were read: an interface type with a port number glued to it, or `|` with a filter.
    Glued(Vec<Branch>, usize),
    /// The word and all that follows was read.
    Rest(Vec<Branch>),
}

impl Grammar {
    /// The router's language.
    pub const fn standard() -> Grammar {
        Grammar::with_rows(ROWS)
    }

    /// A language of other rows.
    pub(crate) const fn with_rows(rows: &'static [Row]) -> Grammar {
        Grammar { rows }
    }

    /// The rows of the language.
    pub const fn rows(&self) -> &'static [Row] {
        self.rows
    }

    /// A hash over the configuration commands of the language and over what is left out of it. Programs of one release
    /// have the same hash; others do not, although they may know the same commands.
    pub fn configuration_fingerprint(&self, left_out: &[String]) -> u64 {
        let configuration = |row: &&Row| row.modes.intersects(ModeSet::CONFIGURATION);
        let mut text = String::new();
        for row in self.rows.iter().filter(configuration) {
            text.push_str(&format!("{:?} {} {:?}\n", row.modes, row.negated, row.tokens));
        }
        for words in left_out {
            text.push_str(&format!("without {words}\n"));
        }
        xxhash_rust::xxh3::xxh3_64(text.as_bytes())
    }

    /// The command that a line means in `mode`, whatever filter stands behind it: what configuration texts and records
    /// are read with.
    ///
    /// # Errors
    /// As [`Grammar::read`].
    pub fn parse(&self, mode: &Mode, line: &str) -> Result<Command, ParseError> {
        self.read(mode, line).map(|line| line.command)
    }

    /// Reads one line of a console in `mode`. In a submode, a line that is no command of it is read as one of the mode
    /// above, and so on up to global configuration.
    ///
    /// # Errors
    /// [`ParseError`] with the place of the first word that does not fit.
    pub fn read(&self, mode: &Mode, line: &str) -> Result<Line, ParseError> {
        let own = match self.read_in(mode, line) {
            Err(own) if mode.is_submode() && own.kind == ParseErrorKind::Invalid => own,
            result => return result,
        };
        match self.read(&mode.after_exit().unwrap_or(Mode::Global), line) {
            Err(above) if above.column > own.column => Err(above),
            Err(above) if above.column == own.column && above.kind != ParseErrorKind::Invalid => Err(above),
            Err(_) => Err(own),
            Ok(command) => Ok(command),
        }
    }

    fn read_in(&self, mode: &Mode, line: &str) -> Result<Line, ParseError> {
        let content = line.trim_start();
        if content.is_empty() || content.starts_with('!') {
            return Ok(Line::from(Command::Empty));
        }
        let branches = self.walk(self.start(mode.set(), mode.privilege()), line)?;
        let incomplete = || ParseError {
            kind: ParseErrorKind::Incomplete,
            column: line.trim_end().chars().count(),
            line: line.trim().to_string(),
        };
        let complete = branches
            .into_iter()
            .find(|branch| branch.next().is_none())
            .ok_or_else(incomplete)?;
        let shows = complete.row.is_shown_text();
        let matched = Matched {
            id: complete.row.id,
            negated: complete.row.negated,
            values: complete.values,
        };
        let command = crate::bind::command(&matched, mode).ok_or_else(incomplete)?;
        let filter = match (complete.filter, matched.text(Slot::Pattern)) {
            (Some(Modifier::Filter(form)), Some(text)) => Some(output_filter(form, &text, line)?),
            _ => None,
        };
        let command = match (complete.filter, command) {
            (Some(Modifier::Json), Command::Exec(shows)) => Command::Exec(ExecCommand::Json(Box::new(shows))),
            (_, command) => command,
        };
        Ok(Line {
            command,
            shows,
            filter,
        })
    }

    /// The branches of an empty line.
    pub(crate) fn start(&self, modes: ModeSet, privilege: Privilege) -> Vec<Branch> {
        let usable = |row: &&'static Row| row.modes.intersects(modes) && row.privilege <= privilege;
        self.close(self.rows.iter().filter(usable).map(Branch::start_of).collect())
    }

    /// Follows a whole line from `branches`.
    pub(crate) fn walk(&self, mut branches: Vec<Branch>, line: &str) -> Result<Vec<Branch>, ParseError> {
        let mut at = 0;
        while let Some((start, end)) = next_word(line, at) {
            match self.step(&branches, &line[start..end], &line[start..]) {
                Ok(Step::Word(next)) => {
                    branches = next;
                    at = end;
                }
                Ok(Step::Glued(next, bytes)) => {
                    branches = next;
                    at = start + bytes;
                }
                Ok(Step::Rest(next)) => {
                    branches = next;
                    at = line.len();
                }
                Err(refusal) => {
                    let column = line[..start].chars().count();
                    let (kind, column) = match refusal {
                        Refusal::NoMatch { characters } => (ParseErrorKind::Invalid, column + characters),
                        Refusal::Ambiguous => (ParseErrorKind::Ambiguous, column),
                    };
                    return Err(ParseError {
                        kind,
                        column,
                        line: line.trim().to_string(),
                    });
                }
            }
        }
        Ok(branches)
    }

    fn step(&self, branches: &[Branch], word: &str, rest: &str) -> Result<Step, Refusal> {
        if let Some(bytes) = glued_pipe(branches, word) {
            let next = follow_keywords(branches, |keyword| keyword == PIPE);
            return Ok(Step::Glued(self.close(next), bytes));
        }
        let exact = follow_keywords(branches, |keyword| keyword.eq_ignore_ascii_case(word));
        if !exact.is_empty() {
            return Ok(Step::Word(self.close(exact)));
        }
        if let Some(next) = follow_abbreviation(branches, word)? {
            return Ok(Step::Word(self.close(next)));
        }
        let arguments = follow_arguments(branches, word);
        if !arguments.is_empty() {
            return Ok(Step::Word(self.close(arguments)));
        }
        let lines = follow_lines(branches, rest);
        if !lines.is_empty() {
            return Ok(Step::Rest(self.close(lines)));
        }
        if let Some((next, bytes)) = follow_glued(branches, word)? {
            return Ok(Step::Glued(self.close(next), bytes));
        }
        Err(Refusal::NoMatch {
            characters: matching_characters(branches, word),
        })
    }

    /// Adds the branches that skip optional tokens, that begin an EXEC command and that begin a filter; steps over the
    /// marks of those.
    fn close(&self, branches: Vec<Branch>) -> Vec<Branch> {
        let mut closed = Vec::with_capacity(branches.len());
        for branch in branches {
            let mut open = vec![branch];
            while let Some(mut branch) = open.pop() {
                match branch.next() {
                    Some(Token::Optional(count)) => {
                        let skipped = branch.position + 1 + count;
                        open.push(Branch {
                            position: skipped,
                            ..branch.clone()
                        });
                        branch.position += 1;
                        open.push(branch);
                    }
                    Some(Token::Exec) => open.extend(self.exec_rows().map(Branch::start_of)),
                    _ => {
                        closed.extend(branch.filters());
                        closed.push(branch);
                    }
                }
            }
        }
        closed
    }

    /// What `do` may be followed by: commands that leave the mode as it is. A row that begins with an optional part or
    /// another mark would need more than this.
    fn exec_rows(&self) -> impl Iterator<Item = &'static Row> {
        let usable = |row: &&'static Row| row.modes.intersects(ModeSet::EXEC) && !row.id.changes_mode();
        self.rows.iter().filter(usable)
    }
}

/// The filter with this pattern, which ends `line`.
fn output_filter(form: FilterForm, text: &str, line: &str) -> Result<OutputFilter, ParseError> {
    let pattern = Pattern::new(text).map_err(|error| ParseError {
        column: line.chars().count() - text.chars().count() + error.at,
        kind: ParseErrorKind::Pattern(error.kind),
        line: line.trim().to_string(),
    })?;
    Ok(OutputFilter { form, pattern })
}

/// Length in bytes of the `|` that `word` begins with and goes on after, if a filter can come next.
pub(crate) fn glued_pipe(branches: &[Branch], word: &str) -> Option<usize> {
    let glued = word.len() > PIPE.len() && word.starts_with(PIPE);
    let fits = |branch: &Branch| keyword_of(branch) == Some(PIPE);
    (glued && branches.iter().any(fits)).then_some(PIPE.len())
}

/// Byte range of the word at or after `from`.
pub(crate) fn next_word(line: &str, from: usize) -> Option<(usize, usize)> {
    let rest = line.get(from..)?;
    let start = from + rest.find(|character: char| !character.is_whitespace())?;
    let end = line[start..]
        .find(char::is_whitespace)
        .map_or(line.len(), |length| start + length);
    Some((start, end))
}

/// The branches whose next keyword begins with `word`; `None` without any.
fn follow_abbreviation(branches: &[Branch], word: &str) -> Result<Option<Vec<Branch>>, Refusal> {
    let fits = |keyword: &str| begins_with(keyword, word);
    let mut keywords = branches
        .iter()
        .filter_map(keyword_of)
        .filter(|keyword| fits(keyword));
    let Some(first) = keywords.next() else {
        return Ok(None);
    };
    if keywords.any(|keyword| keyword != first) {
        return Err(Refusal::Ambiguous);
    }
    Ok(Some(follow_keywords(branches, fits)))
}

/// `e0/0`: letters that begin an interface type, then its number without a blank.
fn follow_glued(branches: &[Branch], word: &str) -> Result<Option<(Vec<Branch>, usize)>, Refusal> {
    let Some(bytes) = glued_type(branches, word) else {
        return Ok(None);
    };
    let before_port: Vec<Branch> = branches
        .iter()
        .filter(|branch| is_interface_type(branch))
        .cloned()
        .collect();
    Ok(follow_abbreviation(&before_port, &word[..bytes])?.map(|next| (next, bytes)))
}

/// Length in bytes of the interface type that `word` begins with and goes on after, if one can come next.
pub(crate) fn glued_type(branches: &[Branch], word: &str) -> Option<usize> {
    let bytes = word
        .find(|character: char| !character.is_ascii_alphabetic())
        .filter(|bytes| *bytes > 0)?;
    let fits =
        |branch: &Branch| keyword_of(branch).is_some_and(|keyword| begins_with(keyword, &word[..bytes]));
    branches
        .iter()
        .any(|branch| is_interface_type(branch) && fits(branch))
        .then_some(bytes)
}

fn is_interface_type(branch: &Branch) -> bool {
    keyword_of(branch).is_some()
        && matches!(
            branch.tokens.get(branch.position + 1),
            Some(Token::Argument { kind, .. }) if kind.is_interface_number()
        )
}

fn keyword_of(branch: &Branch) -> Option<&'static str> {
    match branch.next() {
        Some(Token::Keyword { word, .. }) => Some(word),
        _ => None,
    }
}

fn begins_with(keyword: &str, word: &str) -> bool {
    keyword
        .get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn follow_keywords(branches: &[Branch], fits: impl Fn(&str) -> bool) -> Vec<Branch> {
    let fitting = branches
        .iter()
        .filter(|branch| keyword_of(branch).is_some_and(&fits));
    fitting.map(|branch| branch.after(None)).collect()
}

fn follow_arguments(branches: &[Branch], word: &str) -> Vec<Branch> {
    let follow = |branch: &Branch| match branch.next() {
        Some(Token::Argument { kind, .. }) if kind.takes_rest() => None,
        Some(Token::Argument { slot, kind, .. }) => Some(branch.after(Some((*slot, kind.accept(word)?)))),
        _ => None,
    };
    branches.iter().filter_map(follow).collect()
}

/// The branches that take the rest of the line. Blanks at its end belong to a pattern, but not to a text.
fn follow_lines(branches: &[Branch], rest: &str) -> Vec<Branch> {
    let follow = |branch: &Branch| match branch.next() {
        Some(Token::Argument { slot, kind, .. }) if kind.takes_rest() => {
            let text = if *kind == Kind::Pattern {
                rest
            } else {
                rest.trim_end()
            };
            Some(branch.after(Some((*slot, kind.accept(text)?))))
        }
        _ => None,
    };
    branches.iter().filter_map(follow).collect()
}

/// How far `word` agrees with the keyword that it agrees with most, in characters: the marker stands after that.
fn matching_characters(branches: &[Branch], word: &str) -> usize {
    let agreeing = |keyword: &str| {
        let pairs = keyword.chars().zip(word.chars());
        pairs
            .take_while(|(left, right)| left.eq_ignore_ascii_case(right))
            .count()
    };
    // A word longer than the keyword that it contains is wrong from its first superfluous character on; the marker
    // stays within the word, because a whole keyword would have matched.
    branches
        .iter()
        .filter_map(keyword_of)
        .map(agreeing)
        .max()
        .unwrap_or(0)
}
