//! From a command back to its text, through the same row that parses it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::bind::matched;
use crate::command::ConfigCommand;
use crate::grammar::{Grammar, Matched};
use crate::table::Row;
use crate::token::{Slot, Token, Value};

impl Grammar {
    /// The canonical text of a configuration command.
    ///
    /// # Panics
    /// When no row of the language has the arguments of the command: an error in the table that the test
    /// over all commands excludes.
    pub(crate) fn render(&self, command: &ConfigCommand) -> String {
        let matched = matched(command);
        let rows = self
            .rows()
            .iter()
            .filter(|row| row.id == matched.id && row.negated == matched.negated);
        let mut texts = rows.filter_map(|row| fill(row, &matched));
        texts
            .next()
            .expect("every configuration command has a row that takes its arguments")
    }
}

/// The text of `row` with the values put in; `None` unless every value has its place and every place its value.
fn fill(row: &Row, matched: &Matched) -> Option<String> {
    let supplied = |slot: &Slot| {
        matched
            .values
            .iter()
            .find(|(own, _)| own == slot)
            .map(|(_, value)| value)
    };
    let mut words: Vec<String> = Vec::new();
    let mut used = 0;
    let mut position = 0;
    while let Some(token) = row.tokens.get(position) {
        position += 1;
        match token {
            Token::Keyword { word, .. } => words.push((*word).to_string()),
            Token::Argument { slot, kind, .. } => {
                let text = supplied(slot)?.to_string();
                used += 1;
                // An interface's number is written right after its type.
                match words.last_mut() {
                    Some(last) if kind.is_interface_number() => last.push_str(&text),
                    _ => words.push(text),
                }
            }
            // A command of the EXEC is no part of a configuration.
            Token::Exec => return None,
            Token::Optional(count) => {
                let part = &row.tokens[position..position + count];
                if !wanted(part, supplied) {
                    position += count;
                }
            }
        }
    }
    (used == matched.values.len()).then(|| words.join(" "))
}

/// Whether an optional part is written: when its first argument has a value. A part of keywords only is left out.
fn wanted<'v>(part: &[Token], supplied: impl Fn(&Slot) -> Option<&'v Value>) -> bool {
    let first = part.iter().find_map(|token| match token {
        Token::Argument { slot, .. } => Some(slot),
        _ => None,
    });
    first.is_some_and(|slot| supplied(slot).is_some())
}
