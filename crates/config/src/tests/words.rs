//! Every word of every row, one after the other: help, abbreviations, and what is said of a wrong one.
//!
//! A row is walked token by token. At each keyword the line so far is asked about, cut, doubled and spoiled, so that a
//! new row is held to the same behaviour without a test of its own.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::MODES;
use super::tables::sample;
use crate::filter::FILTERS;
use crate::table::ROWS;
use crate::token::Token;
use crate::{Grammar, Help, Mode, ParseErrorKind, Row};

/// A place before a keyword: where, what stands before it, the keyword, and what makes a command of it.
struct Place {
    mode: Mode,
    before: String,
    word: &'static str,
    rest: String,
    hidden: bool,
}

/// The words of a row with all its options, with a filter where it takes one.
fn words(row: &'static Row) -> Vec<(String, Option<&'static str>)> {
    let text = |token: &Token| match token {
        Token::Keyword { word, .. } => Some(((*word).to_string(), Some(*word))),
        Token::Argument { kind, .. } => Some((sample(kind), None)),
        Token::Optional(_) => None,
        Token::Exec => Some(("show version".to_string(), None)),
    };
    row.tokens.iter().filter_map(text).collect()
}

fn rows_of(mode: &Mode) -> impl Iterator<Item = &'static Row> {
    let (modes, privilege) = (mode.set(), mode.privilege());
    ROWS.iter()
        .filter(move |row| row.modes.intersects(modes) && row.privilege <= privilege)
}

fn places() -> Vec<Place> {
    let mut places = Vec::new();
    for mode in MODES {
        for row in rows_of(&mode) {
            let mut lines = Vec::from([words(row)]);
            if row.is_shown_text() {
                // Each form of the filter once, behind the row.
                lines.extend(FILTERS.iter().map(|(_, tokens)| {
                    let mut line = words(row);
                    line.extend(tokens.iter().map(|token| match token {
                        Token::Keyword { word, .. } => ((*word).to_string(), Some(*word)),
                        _ => ("a+".to_string(), None),
                    }));
                    line
                }));
            }
            for line in lines {
                for (position, (_, keyword)) in line.iter().enumerate() {
                    let join = |words: &[(String, Option<&str>)]| {
                        words
                            .iter()
                            .map(|(text, _)| format!("{text} "))
                            .collect::<String>()
                    };
                    if let Some(word) = *keyword {
                        places.push(Place {
                            mode,
                            before: join(&line[..position]),
                            word,
                            rest: join(&line[position + 1..]).trim_end().to_string(),
                            hidden: row.hidden,
                        });
                    }
                }
            }
        }
    }
    places
}

fn completed(place: &Place, word: &str) -> String {
    format!("{}{word} {}", place.before, place.rest)
        .trim_end()
        .to_string()
}

/// What `?` lists before the word.
fn listed(place: &Place) -> Vec<crate::HelpRow> {
    match Grammar::standard().help(&place.mode, &place.before) {
        Help::Rows { rows, .. } => rows,
        other => panic!(
            "no list after \"{}\" in {:?}: {other:?}",
            place.before, place.mode
        ),
    }
}

/// The keywords that can stand in the place of the word, hidden ones too.
fn rivals(place: &Place) -> BTreeSet<&'static str> {
    let start = Grammar::standard().start(place.mode.set(), place.mode.privilege());
    let branches = Grammar::standard()
        .walk(start, &place.before)
        .expect("the words before");
    let keyword = |branch: &crate::grammar::Branch| match branch.next() {
        Some(Token::Keyword { word, .. }) => Some(*word),
        _ => None,
    };
    branches.iter().filter_map(keyword).collect()
}

#[test]
fn every_keyword_has_its_line_of_help_in_the_layout() {
    for place in places().iter().filter(|place| !place.hidden) {
        let rows = listed(place);
        let line = format!("{}?", place.before);
        let row = rows.iter().find(|row| row.token == place.word);
        let row = row.unwrap_or_else(|| panic!("{line} in {:?} does not list {}", place.mode, place.word));
        assert!(!row.help.trim().is_empty(), "{line}: {} has no text", place.word);
        assert_eq!(
            row.help.trim_end_matches('.'),
            row.help.trim(),
            "{line}: a text without a full stop"
        );
        let text = Grammar::standard().help(&place.mode, &place.before).render();
        let width = rows
            .iter()
            .map(|row| row.token.chars().count())
            .max()
            .unwrap_or(0);
        let shown = format!("  {:width$}  {}\n", place.word, row.help);
        assert!(text.contains(&shown), "{line}\n{text}");
        assert!(text.ends_with("\n\n"), "{line}: a blank line ends the list");
        for other in &rows {
            let is_end = other.token == "<cr>";
            assert_eq!(other.help.is_empty(), is_end, "{line}: {}", other.token);
        }
    }
}

#[test]
fn every_abbreviation_means_its_keyword_or_is_ambiguous() {
    let (mut unique, mut ambiguous) = (0, 0);
    for place in places() {
        let whole = Grammar::standard().read(&place.mode, &completed(&place, place.word));
        let whole = whole.unwrap_or_else(|error| panic!("{:?} in {:?}", error, place.mode));
        let rivals = rivals(&place);
        for length in 1..place.word.len() {
            let short = &place.word[..length];
            let line = completed(&place, short);
            let read = Grammar::standard().read(&place.mode, &line);
            let meant = rivals.iter().filter(|rival| rival.starts_with(short)).count();
            if rivals.contains(short) {
                continue;
            }
            if meant == 1 {
                assert_eq!(read.as_ref(), Ok(&whole), "{line} in {:?}", place.mode);
                unique += 1;
            } else {
                let error = read.expect_err(&line);
                assert_eq!(
                    error.kind,
                    ParseErrorKind::Ambiguous,
                    "{line} in {:?}",
                    place.mode
                );
                assert_eq!(error.render(7), format!("% Ambiguous command:  \"{line}\"\n"));
                ambiguous += 1;
            }
        }
    }
    assert!(unique > 1_000 && ambiguous > 100, "{unique} {ambiguous}");
}

#[test]
fn every_line_that_stops_early_is_incomplete() {
    let mut checked = 0;
    for place in places() {
        let line = format!("{}{}", place.before, place.word);
        if place.rest.is_empty() {
            continue;
        }
        match Grammar::standard().read(&place.mode, &line) {
            // What follows may be left out.
            Ok(_) => {}
            Err(error) => {
                assert_eq!(
                    error.kind,
                    ParseErrorKind::Incomplete,
                    "{line} in {:?}",
                    place.mode
                );
                assert_eq!(error.render(7), "% Incomplete command.\n\n");
                checked += 1;
            }
        }
    }
    assert!(checked > 50, "{checked}");
}

#[test]
fn a_wrong_letter_in_any_keyword_is_marked_where_it_stands() {
    let mut checked = 0;
    for place in places() {
        let rivals = rivals(&place);
        let takes_words = listed_arguments(&place);
        for at in 0..place.word.len() {
            let spoiled = format!("{}~{}", &place.word[..at], &place.word[at + 1..]);
            let line = completed(&place, &spoiled);
            let error = match Grammar::standard().read(&place.mode, &line) {
                Err(error) => error,
                // A free word or text takes anything.
                Ok(_) if takes_words => continue,
                Ok(read) => panic!("{line} in {:?} is {read:?}", place.mode),
            };
            if takes_words {
                continue;
            }
            assert_eq!(error.kind, ParseErrorKind::Invalid, "{line} in {:?}", place.mode);
            let expected = place.before.chars().count() + at;
            assert_eq!(error.column, expected, "{line} in {:?}: {rivals:?}", place.mode);
            let screen = error.render(7);
            let marker = format!(
                "{}^\n% Invalid input detected at '^' marker.\n\n",
                " ".repeat(7 + expected)
            );
            assert_eq!(screen, marker);
            checked += 1;
        }
    }
    assert!(checked > 1_000, "{checked}");
}

/// Whether a free word or text can stand in the place of the keyword.
fn listed_arguments(place: &Place) -> bool {
    !place.hidden
        && listed(place)
            .iter()
            .any(|row| row.token == "WORD" || row.token == "LINE")
}

#[test]
fn a_word_that_is_no_command_is_marked_in_every_mode() {
    for mode in MODES {
        let error = Grammar::standard().read(&mode, "xyzzy").expect_err("no command");
        assert_eq!(
            (error.kind, error.column),
            (ParseErrorKind::Invalid, 0),
            "{mode:?}"
        );
    }
}
