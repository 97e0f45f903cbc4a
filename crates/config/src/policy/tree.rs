//! Lists and route maps as values, and the commands that change them.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use packet::{Prefix, V4};

use super::command::{ListCommand, RouteMapCommand};
use super::error::PolicyError;
use super::line::{MatchLine, SetLine};
use super::name::{ListName, RouteMapPlace};
use crate::command::ConfigCommand;
use crate::error::ReturnCode;
use crate::pattern::Pattern;

/// Entries that all lists and route maps together may hold.
pub const LIST_ENTRIES_MAX: usize = 131_072;
/// Entries that a list in the order of its configuration may hold.
const ORDERED_ENTRIES_MAX: usize = 4_096;
/// Longest description, bytes.
const DESCRIPTION_BYTES_MAX: usize = 80;
/// Between the numbers of two entries that were configured without one.
const SEQUENCE_STEP: u32 = 5;

/// An entry of a prefix list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixListEntry {
    /// What becomes of a prefix that is recognised.
    pub permit: bool,
    /// Prefixes within this one.
    pub prefix: Prefix<V4>,
    /// Their least length.
    pub ge: Option<u8>,
    /// Their greatest length.
    pub le: Option<u8>,
}

impl fmt::Display for PrefixListEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", action(self.permit), self.prefix)?;
        self.ge.map_or(Ok(()), |ge| write!(f, " ge {ge}"))?;
        self.le.map_or(Ok(()), |le| write!(f, " le {le}"))
    }
}

impl PrefixListEntry {
    /// `len < ge <= le <= 32`; a prefix list takes nothing else.
    fn check(&self) -> Result<(), PolicyError> {
        let fits = |length: u8| length > self.prefix.len() && length <= 32;
        let all_fit = [self.ge, self.le].into_iter().flatten().all(fits);
        match all_fit && self.ge.zip(self.le).is_none_or(|(ge, le)| ge <= le) {
            true => Ok(()),
            false => Err(PolicyError::Range(self.prefix)),
        }
    }
}

/// A prefix list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrefixListConfiguration {
    /// Free text for people.
    pub description: Option<String>,
    /// By their numbers.
    pub entries: BTreeMap<u32, PrefixListEntry>,
}

/// How a community list recognises routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommunityListKind {
    /// By communities that all have to be there.
    Standard,
    /// By a regular expression.
    Expanded,
}

/// A community list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommunityListConfiguration {
    /// How it recognises routes.
    pub kind: CommunityListKind,
    /// In the order of configuration: whether it permits, and communities or a regular expression.
    pub entries: Vec<(bool, String)>,
}

/// An entry of a route map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteMapEntry {
    /// What becomes of a route for which all lines hold.
    pub permit: bool,
    /// Free text for people.
    pub description: Option<String>,
    /// By their places.
    matches: BTreeMap<u8, MatchLine>,
    /// By their places.
    sets: BTreeMap<u8, SetLine>,
}

impl RouteMapEntry {
    /// `match` lines in order.
    pub fn matches(&self) -> impl Iterator<Item = &MatchLine> {
        self.matches.values()
    }

    /// `set` lines in order.
    pub fn sets(&self) -> impl Iterator<Item = &SetLine> {
        self.sets.values()
    }

    fn apply(&mut self, command: &RouteMapCommand) -> Result<ReturnCode, PolicyError> {
        Ok(match command {
            RouteMapCommand::Description(text) => {
                check_description(text.as_deref())?;
                changed(core::mem::replace(&mut self.description, text.clone()) != *text)
            }
            RouteMapCommand::Match(line) => {
                let mut line = line.clone();
                let mut known = self.matches.get(&line.place()).cloned();
                let known = known.as_mut().and_then(MatchLine::names_mut);
                if let Some((added, known)) = line.names_mut().zip(known) {
                    let new = core::mem::take(added);
                    *added = core::mem::take(known);
                    added.extend(new);
                }
                line.names_mut().map(unique);
                changed(self.matches.insert(line.place(), line.clone()) != Some(line))
            }
            RouteMapCommand::NoMatch(line) => self.forget_match(line)?,
            RouteMapCommand::Set(line) => {
                changed(self.sets.insert(line.place(), line.clone()) != Some(line.clone()))
            }
            RouteMapCommand::NoSet(line) => {
                self.sets.remove(&line.place()).ok_or(PolicyError::NoLine)?;
                ReturnCode::Applied
            }
        })
    }

    fn forget_match(&mut self, line: &MatchLine) -> Result<ReturnCode, PolicyError> {
        let mut wanted = line.clone();
        let known = self.matches.get_mut(&line.place()).ok_or(PolicyError::NoLine)?;
        let is_emptied = match (wanted.names_mut(), known.names_mut()) {
            (Some(wanted), Some(names)) if !wanted.is_empty() => {
                let before = names.len();
                names.retain(|name| !wanted.contains(name));
                if names.len() == before {
                    return Err(PolicyError::NoLine);
                }
                names.is_empty()
            }
            _ => true,
        };
        if is_emptied {
            self.matches.remove(&line.place());
        }
        Ok(ReturnCode::Applied)
    }

    fn commands(&self) -> impl Iterator<Item = RouteMapCommand> {
        let description = self.description.clone();
        let description = description.map(|text| RouteMapCommand::Description(Some(text)));
        let matches = self.matches.values().cloned().map(RouteMapCommand::Match);
        let sets = self.sets.values().cloned().map(RouteMapCommand::Set);
        description.into_iter().chain(matches).chain(sets)
    }
}

/// All lists and route maps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyConfiguration {
    prefix_lists: BTreeMap<String, PrefixListConfiguration>,
    /// In the order of configuration: whether it permits, and a regular expression.
    as_path_lists: BTreeMap<u16, Vec<(bool, String)>>,
    community_lists: BTreeMap<String, CommunityListConfiguration>,
    route_maps: BTreeMap<ListName, BTreeMap<u16, RouteMapEntry>>,
    /// Of everything that is in the bound.
    entries: usize,
    /// Sum of the hashes of all lines, kept with each change: a digest is due after every command.
    sum: u64,
}

impl PolicyConfiguration {
    /// `ip prefix-list`, by their names.
    pub fn prefix_lists(&self) -> &BTreeMap<String, PrefixListConfiguration> {
        &self.prefix_lists
    }

    /// `ip as-path access-list`, by their numbers: whether each entry permits, and its regular expression.
    pub fn as_path_lists(&self) -> &BTreeMap<u16, Vec<(bool, String)>> {
        &self.as_path_lists
    }

    /// `ip community-list`, by their names or numbers.
    pub fn community_lists(&self) -> &BTreeMap<String, CommunityListConfiguration> {
        &self.community_lists
    }

    /// `route-map`, by their names, each with its entries by their numbers.
    pub fn route_maps(&self) -> impl Iterator<Item = (&str, &BTreeMap<u16, RouteMapEntry>)> {
        self.route_maps
            .iter()
            .map(|(name, entries)| (name.as_str(), entries))
    }

    pub(crate) fn digest(&self) -> u64 {
        self.sum
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == PolicyConfiguration::default()
    }

    /// Executes one command: all of it, or nothing.
    pub(crate) fn apply(&mut self, command: &ListCommand) -> Result<ReturnCode, PolicyError> {
        match command {
            ListCommand::PrefixList {
                name,
                sequence,
                entry,
            } => self.add_prefix(name, *sequence, *entry),
            ListCommand::NoPrefixListEntry {
                name,
                sequence,
                entry,
            } => {
                let number = self.number_of(name, *sequence, entry)?;
                self.remove_prefix(name, number)
            }
            ListCommand::NoPrefixList {
                name,
                sequence: Some(number),
            } => self.remove_prefix(name, *number),
            ListCommand::NoPrefixList { name, sequence: None } => {
                let numbers: Vec<u32> = self.prefix_list(name)?.entries.keys().copied().collect();
                self.describe(name, None)?;
                for number in numbers {
                    self.remove_prefix(name, number)?;
                }
                Ok(ReturnCode::Applied)
            }
            ListCommand::PrefixListDescription { name, text } => self.describe(name, text.clone()),
            ListCommand::AsPath {
                number,
                permit,
                expression,
                set,
            } => {
                check_pattern(expression)?;
                let entry = (*permit, expression.clone());
                let place = OrderedList::AsPath(*number);
                self.change_ordered(&place, &number.to_string(), entry, *set)
            }
            ListCommand::NoAsPath(number) => {
                self.forget_ordered(&OrderedList::AsPath(*number), &number.to_string())
            }
            ListCommand::Community {
                kind,
                name,
                permit,
                text,
                set,
            } => {
                check_name(name)?;
                if *kind == CommunityListKind::Expanded {
                    check_pattern(text)?;
                }
                self.check_kind(*kind, name)?;
                let place = OrderedList::Community(*kind, name.clone());
                self.change_ordered(&place, name, (*permit, text.clone()), *set)
            }
            ListCommand::NoCommunity { kind, name } => {
                self.check_kind(*kind, name)?;
                self.forget_ordered(&OrderedList::Community(*kind, name.clone()), name)
            }
            ListCommand::RouteMap {
                name,
                permit,
                sequence,
            } => self.enter(name, *permit, *sequence),
            ListCommand::NoRouteMap { name, sequence } => self.forget_map(name, *sequence),
        }
    }

    fn check_room(&self) -> Result<(), PolicyError> {
        if self.entries >= LIST_ENTRIES_MAX {
            return Err(PolicyError::Limit(LIST_ENTRIES_MAX));
        }
        Ok(())
    }

    fn prefix_list(&self, name: &str) -> Result<&PrefixListConfiguration, PolicyError> {
        self.prefix_lists
            .get(name)
            .ok_or_else(|| PolicyError::NoList(name.into()))
    }

    /// The number of an entry of a prefix list.
    fn number_of(
        &self,
        name: &str,
        sequence: Option<u32>,
        entry: &PrefixListEntry,
    ) -> Result<u32, PolicyError> {
        let is_it = |(number, known): &(&u32, &PrefixListEntry)| {
            *known == entry && sequence.is_none_or(|sequence| sequence == **number)
        };
        let found = self.prefix_list(name)?.entries.iter().find(is_it);
        found.map(|(number, _)| *number).ok_or(PolicyError::NoEntry)
    }

    fn add_prefix(
        &mut self,
        name: &str,
        sequence: Option<u32>,
        entry: PrefixListEntry,
    ) -> Result<ReturnCode, PolicyError> {
        check_name(name)?;
        entry.check()?;
        let none = BTreeMap::new();
        let known = self.prefix_lists.get(name).map_or(&none, |list| &list.entries);
        let shown = |number: &u32, entry: &PrefixListEntry| format!("seq {number} {entry}");
        let number = match sequence {
            Some(number) => number,
            None => {
                if let Some((number, _)) = known.iter().find(|(_, known)| **known == entry) {
                    return Err(PolicyError::EntryExists(shown(number, &entry)));
                }
                let last = known.keys().next_back().copied().unwrap_or(0);
                let next = last.checked_add(SEQUENCE_STEP).filter(|next| *next < u32::MAX);
                next.map(|next| next / SEQUENCE_STEP * SEQUENCE_STEP)
                    .ok_or(PolicyError::NoSequence)?
            }
        };
        match known.get(&number) {
            Some(same) if *same == entry => return Ok(ReturnCode::Unchanged),
            Some(other) => return Err(PolicyError::SequenceExists(shown(&number, other))),
            None => self.check_room()?,
        }
        self.add(prefix_command(name, number, entry));
        self.prefix_lists
            .entry(name.into())
            .or_default()
            .entries
            .insert(number, entry);
        self.entries += 1;
        Ok(ReturnCode::Applied)
    }

    fn remove_prefix(&mut self, name: &str, number: u32) -> Result<ReturnCode, PolicyError> {
        let list = self
            .prefix_lists
            .get_mut(name)
            .ok_or_else(|| PolicyError::NoList(name.into()))?;
        let entry = list.entries.remove(&number).ok_or(PolicyError::NoEntry)?;
        if list.entries.is_empty() && list.description.is_none() {
            self.prefix_lists.remove(name);
        }
        self.entries -= 1;
        self.subtract(prefix_command(name, number, entry));
        Ok(ReturnCode::Applied)
    }

    fn describe(&mut self, name: &str, text: Option<String>) -> Result<ReturnCode, PolicyError> {
        check_name(name)?;
        check_description(text.as_deref())?;
        let before = self
            .prefix_lists
            .get(name)
            .and_then(|list| list.description.clone());
        if before == text {
            return Ok(ReturnCode::Unchanged);
        }
        if before.is_none() {
            self.check_room()?;
        }
        let command = |text: String| description_command(name, text);
        self.entries += usize::from(text.is_some());
        self.entries -= usize::from(before.is_some());
        before
            .map(command)
            .into_iter()
            .for_each(|before| self.subtract(before));
        text.clone()
            .map(command)
            .into_iter()
            .for_each(|text| self.add(text));
        let list = self.prefix_lists.entry(name.into()).or_default();
        list.description = text;
        if list.entries.is_empty() && list.description.is_none() {
            self.prefix_lists.remove(name);
        }
        Ok(ReturnCode::Applied)
    }

    fn check_kind(&self, kind: CommunityListKind, name: &str) -> Result<(), PolicyError> {
        match self.community_lists.get(name) {
            Some(list) if list.kind != kind => Err(PolicyError::OtherKind(name.into())),
            _ => Ok(()),
        }
    }

    /// The entries of a list whose order is that of its configuration.
    fn ordered(&self, place: &OrderedList) -> &[(bool, String)] {
        let entries = match place {
            OrderedList::AsPath(number) => self.as_path_lists.get(number),
            OrderedList::Community(_, name) => self.community_lists.get(name).map(|list| &list.entries),
        };
        entries.map_or(&[], Vec::as_slice)
    }

    fn change_ordered(
        &mut self,
        place: &OrderedList,
        name: &str,
        entry: (bool, String),
        set: bool,
    ) -> Result<ReturnCode, PolicyError> {
        let mut entries = self.ordered(place).to_vec();
        let known = entries.iter().position(|known| *known == entry);
        match (known, set) {
            (Some(_), true) => return Ok(ReturnCode::Unchanged),
            (None, true) if entries.len() >= ORDERED_ENTRIES_MAX => {
                return Err(PolicyError::Limit(ORDERED_ENTRIES_MAX));
            }
            (None, true) => {
                self.check_room()?;
                entries.push(entry);
            }
            (Some(at), false) => drop(entries.remove(at)),
            (None, false) if entries.is_empty() => return Err(PolicyError::NoList(name.into())),
            (None, false) => return Err(PolicyError::NoLine),
        }
        self.replace_ordered(place, entries);
        Ok(ReturnCode::Applied)
    }

    fn forget_ordered(&mut self, place: &OrderedList, name: &str) -> Result<ReturnCode, PolicyError> {
        if self.ordered(place).is_empty() {
            return Err(PolicyError::NoList(name.into()));
        }
        self.replace_ordered(place, Vec::new());
        Ok(ReturnCode::Applied)
    }

    fn replace_ordered(&mut self, place: &OrderedList, entries: Vec<(bool, String)>) {
        let before = self.ordered(place).to_vec();
        self.sum = self
            .sum
            .wrapping_sub(hash(&place.commands(&before)))
            .wrapping_add(hash(&place.commands(&entries)));
        self.entries = self.entries - before.len() + entries.len();
        match (place, entries.is_empty()) {
            (OrderedList::AsPath(number), true) => drop(self.as_path_lists.remove(number)),
            (OrderedList::AsPath(number), false) => drop(self.as_path_lists.insert(*number, entries)),
            (OrderedList::Community(_, name), true) => drop(self.community_lists.remove(name)),
            (OrderedList::Community(kind, name), false) => {
                let list = CommunityListConfiguration { kind: *kind, entries };
                self.community_lists.insert(name.clone(), list);
            }
        }
    }

    fn enter(&mut self, name: &str, permit: bool, sequence: u16) -> Result<ReturnCode, PolicyError> {
        let name = ListName::new(name).ok_or(PolicyError::Name)?;
        let known = self
            .route_maps
            .get(&name)
            .and_then(|entries| entries.get(&sequence));
        let mut entry = match known {
            Some(entry) if entry.permit == permit => return Ok(ReturnCode::Unchanged),
            Some(entry) => entry.clone(),
            None => {
                self.check_room()?;
                RouteMapEntry::default()
            }
        };
        entry.permit = permit;
        self.replace_entry(name, sequence, Some(entry));
        Ok(ReturnCode::Applied)
    }

    fn forget_map(&mut self, name: &str, sequence: Option<u16>) -> Result<ReturnCode, PolicyError> {
        let absent = || PolicyError::NoRouteMap(name.into());
        let key = ListName::new(name).ok_or_else(absent)?;
        let entries = self.route_maps.get(&key).ok_or_else(absent)?;
        let doomed: Vec<u16> = match sequence {
            Some(sequence) if !entries.contains_key(&sequence) => return Err(PolicyError::NoLine),
            Some(sequence) => Vec::from([sequence]),
            None => entries.keys().copied().collect(),
        };
        for sequence in doomed {
            self.replace_entry(key, sequence, None);
        }
        Ok(ReturnCode::Applied)
    }

    /// Executes a command of a route map's entry.
    pub(crate) fn apply_in(
        &mut self,
        place: &RouteMapPlace,
        command: &RouteMapCommand,
    ) -> Result<ReturnCode, PolicyError> {
        let known = self
            .route_maps
            .get(&place.name)
            .and_then(|entries| entries.get(&place.sequence));
        let absent = || PolicyError::NoRouteMap(place.name.to_string());
        let mut entry = known.cloned().ok_or_else(absent)?;
        let code = entry.apply(command)?;
        if code == ReturnCode::Applied {
            self.replace_entry(place.name, place.sequence, Some(entry));
        }
        Ok(code)
    }

    fn replace_entry(&mut self, name: ListName, sequence: u16, entry: Option<RouteMapEntry>) {
        let entries = self.route_maps.entry(name).or_default();
        let before = entries.remove(&sequence);
        let hash_of = |entry: &RouteMapEntry| hash(&entry_commands(name, sequence, entry));
        self.sum = self
            .sum
            .wrapping_sub(before.as_ref().map_or(0, hash_of))
            .wrapping_add(entry.as_ref().map_or(0, hash_of));
        self.entries += usize::from(entry.is_some());
        self.entries -= usize::from(before.is_some());
        if let Some(entry) = entry {
            entries.insert(sequence, entry);
        }
        if entries.is_empty() {
            self.route_maps.remove(&name);
        }
    }

    fn add(&mut self, command: ConfigCommand) {
        self.sum = self.sum.wrapping_add(hash(&[command]));
    }

    fn subtract(&mut self, command: ConfigCommand) {
        self.sum = self.sum.wrapping_sub(hash(&[command]));
    }

    /// The commands that build this, grouped as the running configuration separates them.
    pub(crate) fn sections(&self) -> Vec<Vec<ConfigCommand>> {
        let of_ordered = |place: OrderedList| place.commands(self.ordered(&place));
        let as_paths = self
            .as_path_lists
            .keys()
            .map(|number| OrderedList::AsPath(*number));
        let communities = self
            .community_lists
            .iter()
            .map(|(name, list)| OrderedList::Community(list.kind, name.clone()));
        let prefix_lists = self.prefix_lists.iter().map(|(name, list)| {
            let description = list
                .description
                .clone()
                .map(|text| description_command(name, text));
            let entries = list
                .entries
                .iter()
                .map(|(number, entry)| prefix_command(name, *number, *entry));
            description.into_iter().chain(entries).collect()
        });
        let route_maps = self.route_maps.iter().flat_map(|(name, entries)| {
            entries
                .iter()
                .map(|(sequence, entry)| entry_commands(*name, *sequence, entry))
        });
        let ordered = as_paths.flat_map(of_ordered).collect();
        let of_communities = communities.flat_map(of_ordered).collect();
        [ordered, of_communities]
            .into_iter()
            .filter(|section: &Vec<ConfigCommand>| !section.is_empty())
            .chain(prefix_lists)
            .chain(route_maps)
            .collect()
    }
}

/// A list whose order is that of its configuration.
enum OrderedList {
    AsPath(u16),
    Community(CommunityListKind, String),
}

impl OrderedList {
    fn commands(&self, entries: &[(bool, String)]) -> Vec<ConfigCommand> {
        let command = |(permit, text): &(bool, String)| match self {
            OrderedList::AsPath(number) => ListCommand::AsPath {
                number: *number,
                permit: *permit,
                expression: text.clone(),
                set: true,
            },
            OrderedList::Community(kind, name) => ListCommand::Community {
                kind: *kind,
                name: name.clone(),
                permit: *permit,
                text: text.clone(),
                set: true,
            },
        };
        entries.iter().map(command).map(ConfigCommand::List).collect()
    }
}

fn prefix_command(name: &str, number: u32, entry: PrefixListEntry) -> ConfigCommand {
    ConfigCommand::List(ListCommand::PrefixList {
        name: name.into(),
        sequence: Some(number),
        entry,
    })
}

fn description_command(name: &str, text: String) -> ConfigCommand {
    ConfigCommand::List(ListCommand::PrefixListDescription {
        name: name.into(),
        text: Some(text),
    })
}

fn entry_commands(name: ListName, sequence: u16, entry: &RouteMapEntry) -> Vec<ConfigCommand> {
    let place = RouteMapPlace {
        name,
        permit: entry.permit,
        sequence,
    };
    let head = ConfigCommand::List(ListCommand::RouteMap {
        name: name.to_string(),
        permit: entry.permit,
        sequence,
    });
    let lines = entry
        .commands()
        .map(|command| ConfigCommand::RouteMapEntry { place, command });
    core::iter::once(head).chain(lines).collect()
}

fn hash(commands: &[ConfigCommand]) -> u64 {
    let mut text = String::new();
    for command in commands {
        crate::tree::push_line(&mut text, command);
    }
    match text.is_empty() {
        true => 0,
        false => xxhash_rust::xxh3::xxh3_64(text.as_bytes()),
    }
}

fn changed(changed: bool) -> ReturnCode {
    if changed {
        ReturnCode::Applied
    } else {
        ReturnCode::Unchanged
    }
}

/// Keeps the first of equal names.
fn unique(names: &mut Vec<String>) {
    let mut seen = alloc::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
}

const fn action(permit: bool) -> &'static str {
    if permit { "permit" } else { "deny" }
}

fn check_name(name: &str) -> Result<(), PolicyError> {
    ListName::new(name).map(|_| ()).ok_or(PolicyError::Name)
}

fn check_description(text: Option<&str>) -> Result<(), PolicyError> {
    let is_bad = |text: &str| text.len() > DESCRIPTION_BYTES_MAX || text.contains(char::is_control);
    match text.is_some_and(is_bad) {
        true => Err(PolicyError::Description),
        false => Ok(()),
    }
}

fn check_pattern(text: &str) -> Result<(), PolicyError> {
    if text.contains(char::is_control) {
        return Err(PolicyError::Description);
    }
    match Pattern::new(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(PolicyError::Pattern(error.at, error.kind)),
    }
}
