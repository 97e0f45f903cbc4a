//! Arguments of many words: names, communities, ASes.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::token::{Kind, Value};

/// What the words of such an argument are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestKind {
    /// Names of lists.
    Names,
    /// Names of community lists, with `exact-match` behind them or without.
    NamesExact,
    /// Numbers of AS path access lists.
    ListNumbers,
    /// Communities that a list asks for (RFC 1997); `internet` stands for any.
    Communities,
    /// Communities that are set, with `additive` behind them or without.
    SetCommunities,
    /// Large communities that are set (RFC 8092), with `additive` behind them or without.
    SetLargeCommunities,
    /// Autonomous systems.
    AsNumbers,
}

/// The word behind communities that keeps those which are there.
pub(super) const ADDITIVE: &str = "additive";
/// The word behind names of community lists that allows no other communities.
pub(super) const EXACT_MATCH: &str = "exact-match";
const INTERNET: &str = "internet";

/// Names of communities that the RFCs give a meaning.
const WELL_KNOWN: [(&str, u32); 4] = [
    ("no-export", 0xffff_ff01),
    ("no-advertise", 0xffff_ff02),
    ("local-AS", 0xffff_ff03),
    ("gshut", 0xffff_0000),
];

impl RestKind {
    /// How `?` writes such an argument.
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            RestKind::Names | RestKind::NamesExact => "WORD",
            RestKind::ListNumbers => "<1-500>",
            RestKind::Communities | RestKind::SetCommunities => "aa:nn",
            RestKind::SetLargeCommunities => "aa:nn:nn",
            RestKind::AsNumbers => "<1-4294967295>",
        }
    }

    /// The words as the configuration shows them; `None` when they are something else.
    pub(crate) fn accept(self, text: &str) -> Option<String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let written: Option<Vec<String>> = match self {
            RestKind::Names => words.iter().map(|word| Some((*word).to_string())).collect(),
            RestKind::NamesExact => match words.split_last() {
                Some((last, names)) if last.eq_ignore_ascii_case(EXACT_MATCH) => {
                    let names = names.iter().copied().chain([EXACT_MATCH]);
                    (words.len() > 1).then(|| names.map(String::from).collect())
                }
                _ => Some(words.iter().map(|word| (*word).to_string()).collect()),
            },
            RestKind::ListNumbers => words.iter().map(|word| list_number(word)).collect(),
            RestKind::Communities => words
                .iter()
                .map(|word| match word.eq_ignore_ascii_case(INTERNET) {
                    true => Some(INTERNET.to_string()),
                    false => community(word).map(community_text),
                })
                .collect(),
            RestKind::SetCommunities => with_additive(&words, |word| community(word).map(community_text)),
            RestKind::SetLargeCommunities => with_additive(&words, |word| large(word).map(large_text)),
            RestKind::AsNumbers => words
                .iter()
                .map(|word| as_number(word).map(|number| number.to_string()))
                .collect(),
        };
        written
            .filter(|words| !words.is_empty())
            .map(|words| words.join(" "))
    }
}

fn list_number(word: &str) -> Option<String> {
    let number = Kind::Number { min: 1, max: 500 }.accept(word)?;
    Some(number.to_string())
}

fn with_additive(words: &[&str], write: impl Fn(&str) -> Option<String>) -> Option<Vec<String>> {
    let (values, additive) = match words.split_last() {
        Some((last, values)) if last.eq_ignore_ascii_case(ADDITIVE) => (values, true),
        _ => (words, false),
    };
    let mut written: Vec<String> = values.iter().map(|word| write(word)).collect::<Option<_>>()?;
    if written.is_empty() {
        return None;
    }
    written.extend(additive.then(|| ADDITIVE.to_string()));
    Some(written)
}

pub(super) fn as_number(word: &str) -> Option<u32> {
    match Kind::AsNumber.accept(word)? {
        Value::Number(number) => Some(number),
        _ => None,
    }
}

/// A decimal number of digits only.
fn decimal(word: &str) -> Option<u32> {
    match (Kind::Number {
        min: 0,
        max: u32::MAX,
    })
    .accept(word)?
    {
        Value::Number(number) => Some(number),
        _ => None,
    }
}

/// `aa:nn`, a number, or a name.
pub(super) fn community(word: &str) -> Option<u32> {
    let named = WELL_KNOWN
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word));
    if let Some((_, community)) = named {
        return Some(*community);
    }
    match word.split_once(':') {
        Some((high, low)) => {
            let half = |text| decimal(text).filter(|half| *half <= u32::from(u16::MAX));
            Some(half(high)? << 16 | half(low)?)
        }
        None => decimal(word).filter(|number| *number != 0),
    }
}

pub(super) fn community_text(community: u32) -> String {
    match WELL_KNOWN.iter().find(|(_, known)| *known == community) {
        Some((name, _)) => (*name).to_string(),
        None => format!("{}:{}", community >> 16, community & 0xffff),
    }
}

/// `aa:nn:nn`.
pub(super) fn large(word: &str) -> Option<[u32; 3]> {
    let mut parts = word.split(':').map(decimal);
    let value = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(value)
}

pub(super) fn large_text([global, first, second]: [u32; 3]) -> String {
    format!("{global}:{first}:{second}")
}

/// The communities of a list's entry; none for `internet`, which any route has. `None` when the text is something else.
pub fn parse_communities(text: &str) -> Option<Vec<u32>> {
    let words = text
        .split_whitespace()
        .filter(|word| !word.eq_ignore_ascii_case(INTERNET));
    words.map(community).collect()
}
