//! Lists that recognise routes.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use config::Pattern;
use core::fmt::Write;
use packet::bgp::{AsPath, SegmentKind};
use packet::{Family, Prefix};

/// What an entry does with what it recognises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListAction {
    /// Takes it.
    Permit,
    /// Refuses it.
    Deny,
}

impl ListAction {
    const fn takes(self) -> bool {
        matches!(self, ListAction::Permit)
    }
}

/// Lengths that do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixListError;

/// An entry of a prefix list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixEntry<F: Family> {
    /// What it does.
    pub action: ListAction,
    prefix: Prefix<F>,
    shortest: u8,
    longest: u8,
}

impl<F: Family> PrefixEntry<F> {
    /// `prefix [ge length] [le length]`.
    ///
    /// # Errors
    /// [`PrefixListError`] unless `length of prefix < ge <= le <= width`.
    pub fn new(
        action: ListAction,
        prefix: Prefix<F>,
        ge: Option<u8>,
        le: Option<u8>,
    ) -> Result<Self, PrefixListError> {
        let fits = |length: u8| length > prefix.len() && length <= F::WIDTH;
        if ![ge, le].into_iter().flatten().all(fits) || ge.zip(le).is_some_and(|(ge, le)| ge > le) {
            return Err(PrefixListError);
        }
        let longest_by_default = if ge.is_some() { F::WIDTH } else { prefix.len() };
        Ok(Self {
            action,
            prefix,
            shortest: ge.unwrap_or(prefix.len()),
            longest: le.unwrap_or(longest_by_default),
        })
    }

    fn recognises(&self, prefix: &Prefix<F>) -> bool {
        (self.shortest..=self.longest).contains(&prefix.len()) && self.prefix.covers(prefix)
    }
}

/// Prefixes, by sequence number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrefixList<F: Family> {
    /// The entries.
    pub entries: BTreeMap<u32, PrefixEntry<F>>,
}

impl<F: Family> PrefixList<F> {
    /// Whether the list takes `prefix`. An empty list takes all; what no entry recognises is refused.
    pub fn takes(&self, prefix: &Prefix<F>) -> bool {
        let mut entries = self.entries.values();
        let first = entries.find(|entry| entry.recognises(prefix));
        first.map_or(self.entries.is_empty(), |entry| entry.action.takes())
    }
}

/// Paths of ASes, in the order in which they were configured.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AsPathList {
    /// What each entry does, and with which paths as text: `65001 65002 {65003,65004}`.
    pub entries: Vec<(ListAction, Pattern)>,
}

impl core::fmt::Debug for AsPathList {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let texts = self
            .entries
            .iter()
            .map(|(action, pattern)| (action, pattern.text()));
        f.debug_list().entries(texts).finish()
    }
}

impl AsPathList {
    /// Whether the list takes a path; what no entry recognises is refused.
    pub fn takes(&self, path: &AsPath<'_>) -> bool {
        let text = path_text(path);
        let first = self.entries.iter().find(|(_, pattern)| pattern.matches(&text));
        first.is_some_and(|(action, _)| action.takes())
    }
}

/// A path as `show ip bgp` writes it and as patterns see it.
pub fn path_text(path: &AsPath<'_>) -> String {
    let mut text = String::new();
    for segment in path.segments() {
        let (open, separator, close) = match segment.kind {
            SegmentKind::Sequence => ("", ' ', ""),
            SegmentKind::Set => ("{", ',', "}"),
            SegmentKind::ConfederationSequence => ("(", ' ', ")"),
            SegmentKind::ConfederationSet => ("[", ',', "]"),
        };
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(open);
        for (place, number) in segment.numbers().enumerate() {
            if place > 0 {
                text.push(separator);
            }
            // Writing into a String cannot fail.
            let _ = write!(text, "{number}");
        }
        text.push_str(close);
    }
    text
}

/// An entry of a community list.
#[derive(Clone, PartialEq, Eq)]
pub enum CommunityEntry {
    /// A route that has all of these.
    Standard(ListAction, Vec<u32>),
    /// A route whose communities, as text in ascending order, are recognised.
    Expanded(ListAction, Pattern),
}

/// Communities, in the order in which they were configured.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CommunityList {
    /// The entries.
    pub entries: Vec<CommunityEntry>,
}

impl core::fmt::Debug for CommunityList {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "CommunityList({} entries)", self.entries.len())
    }
}

impl CommunityList {
    /// Whether the list takes a route with these communities; `exact`: with no others. What no entry recognises is
    /// refused.
    pub fn takes(&self, communities: &[u32], exact: bool) -> bool {
        for entry in &self.entries {
            let (action, recognised) = match entry {
                CommunityEntry::Standard(action, wanted) => {
                    let has_all = wanted.iter().all(|community| communities.contains(community));
                    let has_others = communities.iter().any(|community| !wanted.contains(community));
                    (action, has_all && !(exact && has_others))
                }
                CommunityEntry::Expanded(action, pattern) => {
                    (action, pattern.matches(&communities_text(communities)))
                }
            };
            if recognised {
                return action.takes();
            }
        }
        false
    }

    /// Whether the list takes one community by itself, as `set comm-list delete` asks.
    pub fn takes_one(&self, community: u32) -> bool {
        self.takes(&[community], false)
    }
}

/// Communities as `show ip bgp` writes them.
pub fn communities_text(communities: &[u32]) -> String {
    let mut sorted = communities.to_vec();
    sorted.sort_unstable();
    let mut text = String::new();
    for community in sorted {
        if !text.is_empty() {
            text.push(' ');
        }
        let _ = match well_known_name(community) {
            Some(name) => text.write_str(name),
            None => write!(text, "{}:{}", community >> 16, community & 0xffff),
        };
    }
    text
}

/// Do not tell anybody outside the confederation (RFC 1997).
pub const NO_EXPORT: u32 = 0xffff_ff01;
/// Do not tell anybody (RFC 1997).
pub const NO_ADVERTISE: u32 = 0xffff_ff02;
/// Do not tell anybody outside our AS (RFC 1997).
pub const LOCAL_AS: u32 = 0xffff_ff03;
/// RFC 8326.
pub const GRACEFUL_SHUTDOWN: u32 = 0xffff_0000;

const fn well_known_name(community: u32) -> Option<&'static str> {
    Some(match community {
        NO_EXPORT => "no-export",
        NO_ADVERTISE => "no-advertise",
        LOCAL_AS => "local-AS",
        GRACEFUL_SHUTDOWN => "gshut",
        _ => return None,
    })
}
