//! What must hold for every row of the table, so that adding a row cannot break the language unnoticed.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::MODES;
use crate::policy::RestKind;
use crate::table::ROWS;
use crate::token::{Kind, Token};
use crate::{Command, Grammar, Mode, Row};

/// A word that an argument of this kind accepts.
pub(super) fn sample(kind: &Kind) -> String {
    match kind {
        Kind::Address => "10.0.0.1".to_string(),
        Kind::AddressOrPrefix => "10.0.0.0/8".to_string(),
        Kind::Netmask => "255.0.0.0".to_string(),
        Kind::Number { max, .. } => max.to_string(),
        Kind::Word => "word".to_string(),
        Kind::Line => "some text".to_string(),
        Kind::Pattern => "^(some|any) text_$".to_string(),
        Kind::Port => "0/0".to_string(),
        Kind::NullInterface => "0".to_string(),
        Kind::Severity => "warnings".to_string(),
        Kind::Hexadecimal => "0x2102".to_string(),
        Kind::ChassisSlot => "R1".to_string(),
        Kind::Minutes { max, .. } => max.to_string(),
        Kind::AsNumber => "65000".to_string(),
        Kind::Neighbor => "10.0.0.2".to_string(),
        Kind::Prefix => "10.0.0.0/8".to_string(),
        Kind::Tag => "word".to_string(),
        Kind::SignedMetric => "+5".to_string(),
        Kind::Rest(RestKind::Names) => "A B".to_string(),
        Kind::Rest(RestKind::NamesExact) => "A 7 exact-match".to_string(),
        Kind::Rest(RestKind::ListNumbers | RestKind::AsNumbers) => "1 2".to_string(),
        Kind::Rest(RestKind::Communities) => "100:1 internet".to_string(),
        Kind::Rest(RestKind::SetCommunities) => "100:1 no-export additive".to_string(),
        Kind::Rest(RestKind::SetLargeCommunities) => "1:2:3 additive".to_string(),
    }
}

/// The row written out with all optional parts, or with none.
fn written(row: &Row, with_options: bool) -> String {
    let mut words = Vec::new();
    let mut position = 0;
    while let Some(token) = row.tokens.get(position) {
        position += 1;
        match token {
            Token::Keyword { word, .. } => words.push((*word).to_string()),
            Token::Argument { kind, .. } => words.push(sample(kind)),
            Token::Exec => words.push("show version".to_string()),
            Token::Optional(count) if !with_options => position += count,
            Token::Optional(_) => {}
        }
    }
    words.join(" ")
}

#[test]
fn every_row_parses_with_and_without_its_options_in_each_of_its_modes() {
    for row in ROWS {
        let modes = MODES
            .iter()
            .filter(|mode| row.modes.intersects(mode.set()) && row.privilege <= mode.privilege());
        for (mode, options) in modes.flat_map(|mode| [(mode, false), (mode, true)]) {
            let line = written(row, options);
            let command = Grammar::standard().parse(mode, &line);
            assert!(command.is_ok(), "{line} in {mode:?}: {command:?}");
        }
    }
}

#[test]
fn every_configuration_row_gives_its_text_back() {
    for row in ROWS.iter().filter(|row| row.modes != crate::ModeSet::EXEC) {
        for (mode, options) in MODES.iter().flat_map(|mode| [(mode, false), (mode, true)]) {
            let line = written(row, options);
            if let (true, Ok(Command::Configure(command))) = (
                row.modes.intersects(mode.set()),
                Grammar::standard().parse(mode, &line),
            ) {
                let again = Grammar::standard().parse(&command.mode(), &command.text());
                assert_eq!(again, Ok(Command::Configure(command)), "{line}");
            }
        }
    }
}

#[test]
fn optional_parts_lie_within_their_rows() {
    for row in ROWS {
        for (position, token) in row.tokens.iter().enumerate() {
            if let Token::Optional(count) = token {
                assert!(*count > 0 && position + count < row.tokens.len(), "{:?}", row.id);
            }
        }
    }
}

#[test]
fn free_text_is_the_last_token_and_slots_are_used_once() {
    for row in ROWS {
        let mut slots = Vec::new();
        for (position, token) in row.tokens.iter().enumerate() {
            if let Token::Argument { slot, kind, .. } = token {
                assert!(!slots.contains(slot), "{:?} uses {slot:?} twice", row.id);
                slots.push(*slot);
                assert!(
                    *kind != Kind::Line || position + 1 == row.tokens.len(),
                    "{:?}",
                    row.id
                );
            }
        }
    }
}

/// Two rows that share their first words must share the help texts, or `?` would show a keyword twice.
#[test]
fn a_keyword_has_one_help_text_at_its_place() {
    for mode in MODES {
        let mut helps: BTreeMap<Vec<&str>, &str> = BTreeMap::new();
        for row in ROWS
            .iter()
            .filter(|row| row.modes.intersects(mode.set()) && row.privilege <= mode.privilege())
        {
            let mut path = Vec::new();
            for token in row.tokens {
                match token {
                    Token::Keyword { word, help } => {
                        path.push(*word);
                        let known = helps.entry(path.clone()).or_insert(help);
                        assert_eq!(known, help, "{path:?} in {mode:?}");
                    }
                    Token::Argument { .. } => path.push("*"),
                    Token::Optional(_) | Token::Exec => {}
                }
            }
        }
    }
}

#[test]
fn every_mode_path_leads_back_to_its_mode() {
    for mode in MODES.iter().filter(|mode| mode.is_configuration()) {
        assert_eq!(Mode::from_path(&mode.path()), Some(*mode));
    }
    for path in ["interface e99/0", "hostname X", "end", "mode sso", "!", " "] {
        assert_eq!(Mode::from_path(path), None, "{path}");
    }
}
