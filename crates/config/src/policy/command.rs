//! Commands about policy as values, and the way between them and the rows of the table.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use packet::{Prefix, V4};

use super::PolicyId;
use super::line::{MatchLine, MetricChange, RouteOrigin, SetCommunity, SetLine};
use super::name::{ListName, RouteMapPlace};
use super::rest::{ADDITIVE, EXACT_MATCH, as_number, community, community_text, large, large_text};
use super::tree::{CommunityListKind, PrefixListEntry};
use crate::bgp::Written;
use crate::grammar::Matched;
use crate::mode::Mode;
use crate::table::CommandId;
use crate::token::{Slot, Value};

/// A command about a list, or one that leads to a route map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListCommand {
    /// `ip prefix-list NAME [seq N] {permit | deny} P/L [ge N] [le N]`
    PrefixList {
        /// Its name.
        name: String,
        /// The entry's number; `None`: five behind the last one.
        sequence: Option<u32>,
        /// The entry.
        entry: PrefixListEntry,
    },
    /// `no ip prefix-list NAME [seq N] {permit | deny} P/L [ge N] [le N]`
    NoPrefixListEntry {
        /// Its name.
        name: String,
        /// The entry's number, if that matters.
        sequence: Option<u32>,
        /// The entry.
        entry: PrefixListEntry,
    },
    /// `no ip prefix-list NAME [seq N]`
    NoPrefixList {
        /// Its name.
        name: String,
        /// One entry only.
        sequence: Option<u32>,
    },
    /// `ip prefix-list NAME description TEXT`; `None`: the `no` form.
    PrefixListDescription {
        /// Its name.
        name: String,
        /// Free text for people.
        text: Option<String>,
    },
    /// `[no] ip as-path access-list N {permit | deny} EXPRESSION`
    AsPath {
        /// Its number, 1..=500.
        number: u16,
        /// What becomes of a path that is recognised.
        permit: bool,
        /// The regular expression.
        expression: String,
        /// `false`: the `no` form.
        set: bool,
    },
    /// `no ip as-path access-list N`
    NoAsPath(u16),
    /// `[no] ip community-list {N | standard NAME | expanded NAME} {permit | deny} ...`
    Community {
        /// Which kind of list.
        kind: CommunityListKind,
        /// Its name, or its number: 1..=99 of a standard list, 100..=500 of an expanded one.
        name: String,
        /// What becomes of a route that is recognised.
        permit: bool,
        /// Communities or a regular expression, as the configuration shows them.
        text: String,
        /// `false`: the `no` form.
        set: bool,
    },
    /// `no ip community-list {N | standard NAME | expanded NAME}`
    NoCommunity {
        /// Which kind of list.
        kind: CommunityListKind,
        /// Its name or number.
        name: String,
    },
    /// `route-map NAME [permit | deny] [N]`: leads to the entry, which is created where it is not there.
    RouteMap {
        /// Its name.
        name: String,
        /// What becomes of its routes.
        permit: bool,
        /// Its number.
        sequence: u16,
    },
    /// `no route-map NAME [[permit | deny] N]`
    NoRouteMap {
        /// Its name.
        name: String,
        /// One entry only.
        sequence: Option<u16>,
    },
}

impl ListCommand {
    /// The mode after this command.
    pub(crate) fn next_mode(&self) -> Mode {
        match self {
            ListCommand::RouteMap {
                name,
                permit,
                sequence,
            } => match ListName::new(name) {
                Some(name) => Mode::RouteMap(RouteMapPlace {
                    name,
                    permit: *permit,
                    sequence: *sequence,
                }),
                // Such a name is refused.
                None => Mode::Global,
            },
            _ => Mode::Global,
        }
    }
}

/// A command below `route-map`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteMapCommand {
    /// `description TEXT`
    Description(Option<String>),
    /// `match ...`: names are added to those that the line has.
    Match(MatchLine),
    /// `no match ...`: takes these names out, or the whole line when it has no value.
    NoMatch(MatchLine),
    /// `set ...`
    Set(SetLine),
    /// `no set ...`: the line goes, whatever its value.
    NoSet(SetLine),
}

/// The entry that `route-map NAME` alone leads to.
const SEQUENCE_DEFAULT: u16 = 10;

/// The command of global configuration that a matched row means.
pub(crate) fn list_command(matched: &Matched) -> Option<ListCommand> {
    use PolicyId as Id;
    let CommandId::Policy(id) = matched.id else {
        return None;
    };
    if let Some(command) = community_command(id, matched) {
        return Some(command);
    }
    let set = !matched.negated;
    let name = || matched.text(Slot::Name);
    let sequence = matched.number(Slot::Sequence);
    Some(match id {
        Id::PrefixListPermit | Id::PrefixListDeny => {
            let name = name()?;
            let entry = prefix_entry(matched, id == Id::PrefixListPermit)?;
            match set {
                true => ListCommand::PrefixList {
                    name,
                    sequence,
                    entry,
                },
                false => ListCommand::NoPrefixListEntry {
                    name,
                    sequence,
                    entry,
                },
            }
        }
        Id::NoPrefixList => ListCommand::NoPrefixList {
            name: name()?,
            sequence,
        },
        Id::PrefixListDescription => ListCommand::PrefixListDescription {
            name: name()?,
            text: if set {
                Some(matched.text(Slot::Text)?)
            } else {
                None
            },
        },
        Id::AsPathPermit | Id::AsPathDeny => ListCommand::AsPath {
            number: matched.short(Slot::Count)?,
            permit: id == Id::AsPathPermit,
            expression: matched.text(Slot::Text)?,
            set,
        },
        Id::NoAsPath => ListCommand::NoAsPath(matched.short(Slot::Count)?),
        Id::RouteMapPermit | Id::RouteMapDeny => ListCommand::RouteMap {
            name: name()?,
            permit: id == Id::RouteMapPermit,
            sequence: matched.short(Slot::Sequence).unwrap_or(SEQUENCE_DEFAULT),
        },
        Id::NoRouteMap => ListCommand::NoRouteMap {
            name: name()?,
            sequence: matched.short(Slot::Sequence),
        },
        _ => return None,
    })
}

/// The command about a community list that a matched row means.
fn community_command(id: PolicyId, matched: &Matched) -> Option<ListCommand> {
    use CommunityListKind::{Expanded, Standard};
    use PolicyId as Id;
    let (kind, permit) = match id {
        Id::CommunityPermit | Id::StandardPermit => (Standard, Some(true)),
        Id::CommunityDeny | Id::StandardDeny => (Standard, Some(false)),
        Id::NoCommunity | Id::NoStandard => (Standard, None),
        Id::NumberedExpandedPermit | Id::ExpandedPermit => (Expanded, Some(true)),
        Id::NumberedExpandedDeny | Id::ExpandedDeny => (Expanded, Some(false)),
        Id::NoNumberedExpanded | Id::NoExpanded => (Expanded, None),
        _ => return None,
    };
    let number = matched.number(Slot::Count).map(|number| number.to_string());
    let name = matched.text(Slot::Name).or(number)?;
    Some(match permit {
        Some(permit) => ListCommand::Community {
            kind,
            name,
            permit,
            text: matched.text(Slot::Text)?,
            set: !matched.negated,
        },
        None => ListCommand::NoCommunity { kind, name },
    })
}

impl Matched {
    /// A number of sixteen bits; the rows allow no other where it is asked for.
    fn short(&self, slot: Slot) -> Option<u16> {
        self.number(slot).and_then(|number| u16::try_from(number).ok())
    }
}

fn prefix_entry(matched: &Matched, permit: bool) -> Option<PrefixListEntry> {
    let length = |slot| matched.number(slot).and_then(|length| u8::try_from(length).ok());
    Some(PrefixListEntry {
        permit,
        prefix: matched.prefix(Slot::Address)?,
        ge: length(Slot::Ge),
        le: length(Slot::Le),
    })
}

/// The command of a route map's entry that a matched row means.
pub(crate) fn route_map_command(matched: &Matched) -> Option<RouteMapCommand> {
    let CommandId::Policy(id) = matched.id else {
        return None;
    };
    let set = !matched.negated;
    if id == PolicyId::Description {
        return Some(RouteMapCommand::Description(match set {
            true => Some(matched.text(Slot::Text)?),
            false => None,
        }));
    }
    if let Some(line) = match_line(id, matched) {
        return Some(match set {
            true => RouteMapCommand::Match(line),
            false => RouteMapCommand::NoMatch(line),
        });
    }
    let line = set_line(id, matched)?;
    Some(match set {
        true => RouteMapCommand::Set(line),
        false => RouteMapCommand::NoSet(line),
    })
}

fn words(matched: &Matched) -> Vec<String> {
    let text = matched.text(Slot::Text).unwrap_or_default();
    text.split_whitespace().map(String::from).collect()
}

/// Without a value, as a `no` form may be, a line stands for all of its kind.
fn match_line(id: PolicyId, matched: &Matched) -> Option<MatchLine> {
    let metric = matched.number(Slot::Metric).unwrap_or(0);
    Some(match id {
        PolicyId::MatchPrefixList => MatchLine::PrefixList(words(matched)),
        PolicyId::MatchNextHop => MatchLine::NextHop(words(matched)),
        PolicyId::MatchAsPath => MatchLine::AsPath(words(matched)),
        PolicyId::MatchCommunity => {
            let mut lists = words(matched);
            let exact = lists.last().is_some_and(|last| last == EXACT_MATCH);
            if exact {
                lists.pop();
            }
            MatchLine::Community { lists, exact }
        }
        PolicyId::MatchMetric => MatchLine::Metric(metric),
        PolicyId::MatchLocalPreference => MatchLine::LocalPreference(metric),
        _ => return None,
    })
}

fn set_line(id: PolicyId, matched: &Matched) -> Option<SetLine> {
    if matched.negated {
        return nothing_set(id);
    }
    let metric = matched.number(Slot::Metric).unwrap_or(0);
    let mut words = words(matched);
    let additive = words.last().is_some_and(|last| last == ADDITIVE);
    if additive {
        words.pop();
    }
    Some(match id {
        PolicyId::SetLocalPreference => SetLine::LocalPreference(metric),
        PolicyId::SetMetric => SetLine::Metric(MetricChange::To(metric)),
        PolicyId::SetMetricAdd => {
            SetLine::Metric(metric_change(&matched.text(Slot::Text).unwrap_or_default()))
        }
        PolicyId::SetWeight => SetLine::Weight(u16::try_from(matched.number(Slot::Count).unwrap_or(0)).ok()?),
        PolicyId::SetOriginIgp => SetLine::Origin(RouteOrigin::Igp),
        PolicyId::SetOriginIncomplete => SetLine::Origin(RouteOrigin::Incomplete),
        PolicyId::SetNextHop => SetLine::NextHop(matched.address(Slot::Address)?),
        PolicyId::SetPrepend => {
            SetLine::Prepend(words.iter().map(|word| as_number(word)).collect::<Option<_>>()?)
        }
        PolicyId::SetCommListDelete => SetLine::CommListDelete(matched.text(Slot::Name).unwrap_or_default()),
        PolicyId::SetCommunityNone => SetLine::Community(SetCommunity::None),
        PolicyId::SetCommunity => SetLine::Community(SetCommunity::Values {
            values: words.iter().map(|word| community(word)).collect::<Option<_>>()?,
            additive,
        }),
        PolicyId::SetLargeCommunity => SetLine::LargeCommunity {
            values: words.iter().map(|word| large(word)).collect::<Option<_>>()?,
            additive,
        },
        _ => return None,
    })
}

/// What a `no set` line stands for, whose value does not matter.
fn nothing_set(id: PolicyId) -> Option<SetLine> {
    Some(match id {
        PolicyId::SetLocalPreference => SetLine::LocalPreference(0),
        PolicyId::SetMetric | PolicyId::SetMetricAdd => SetLine::Metric(MetricChange::To(0)),
        PolicyId::SetWeight => SetLine::Weight(0),
        PolicyId::SetOriginIgp | PolicyId::SetOriginIncomplete => SetLine::Origin(RouteOrigin::Igp),
        PolicyId::SetNextHop => SetLine::NextHop(Ipv4Addr::UNSPECIFIED),
        PolicyId::SetPrepend => SetLine::Prepend(Vec::new()),
        PolicyId::SetCommListDelete => SetLine::CommListDelete(String::new()),
        PolicyId::SetCommunity | PolicyId::SetCommunityNone => SetLine::Community(SetCommunity::None),
        PolicyId::SetLargeCommunity => SetLine::LargeCommunity {
            values: Vec::new(),
            additive: false,
        },
        _ => return None,
    })
}

/// `+5` or `-5`.
fn metric_change(text: &str) -> MetricChange {
    match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(less), _) => MetricChange::Subtract(less.parse().unwrap_or(0)),
        (None, more) => MetricChange::Add(more.and_then(|more| more.parse().ok()).unwrap_or(0)),
    }
}

fn written(id: PolicyId, set: bool) -> Written {
    Written::of(CommandId::Policy(id), set)
}

/// The row's view of a command.
pub(crate) fn list_matched(command: &ListCommand) -> Matched {
    let row = match command {
        ListCommand::PrefixList {
            name,
            sequence,
            entry,
        } => written_entry(entry, true)
            .number(Slot::Sequence, *sequence)
            .text(Slot::Name, Some(name)),
        ListCommand::NoPrefixListEntry {
            name,
            sequence,
            entry,
        } => written_entry(entry, false)
            .number(Slot::Sequence, *sequence)
            .text(Slot::Name, Some(name)),
        ListCommand::NoPrefixList { name, sequence } => written(PolicyId::NoPrefixList, false)
            .text(Slot::Name, Some(name))
            .number(Slot::Sequence, *sequence),
        ListCommand::PrefixListDescription { name, text } => {
            written(PolicyId::PrefixListDescription, text.is_some())
                .text(Slot::Name, Some(name))
                .text(Slot::Text, text.as_ref())
        }
        ListCommand::AsPath {
            number,
            permit,
            expression,
            set,
        } => {
            let id = if *permit {
                PolicyId::AsPathPermit
            } else {
                PolicyId::AsPathDeny
            };
            written(id, *set)
                .number(Slot::Count, Some(*number))
                .text(Slot::Text, Some(expression))
        }
        ListCommand::NoAsPath(number) => {
            written(PolicyId::NoAsPath, false).number(Slot::Count, Some(*number))
        }
        ListCommand::Community {
            kind,
            name,
            permit,
            text,
            set,
        } => name_or_number(written(kind.id(name, Some(*permit)), *set), name).text(Slot::Text, Some(text)),
        ListCommand::NoCommunity { kind, name } => name_or_number(written(kind.id(name, None), false), name),
        ListCommand::RouteMap {
            name,
            permit,
            sequence,
        } => {
            let id = if *permit {
                PolicyId::RouteMapPermit
            } else {
                PolicyId::RouteMapDeny
            };
            written(id, true)
                .text(Slot::Name, Some(name))
                .number(Slot::Sequence, Some(*sequence))
        }
        ListCommand::NoRouteMap { name, sequence } => written(PolicyId::NoRouteMap, false)
            .text(Slot::Name, Some(name))
            .number(Slot::Sequence, *sequence),
    };
    row.matched()
}

fn written_entry(entry: &PrefixListEntry, set: bool) -> Written {
    let id = if entry.permit {
        PolicyId::PrefixListPermit
    } else {
        PolicyId::PrefixListDeny
    };
    let prefix: Prefix<V4> = entry.prefix;
    written(id, set)
        .with(Slot::Address, Some(Value::Prefix(prefix.network(), prefix.len())))
        .number(Slot::Ge, entry.ge)
        .number(Slot::Le, entry.le)
}

fn name_or_number(row: Written, name: &String) -> Written {
    match is_number(name) {
        true => row.number(Slot::Count, name.parse::<u32>().ok()),
        false => row.text(Slot::Name, Some(name)),
    }
}

fn is_number(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

impl CommunityListKind {
    /// The row of an entry, or of the whole list where there is no action.
    fn id(self, name: &str, permit: Option<bool>) -> PolicyId {
        let is_numbered = is_number(name);
        match (self, is_numbered, permit) {
            (CommunityListKind::Standard, true, Some(true)) => PolicyId::CommunityPermit,
            (CommunityListKind::Standard, true, Some(false)) => PolicyId::CommunityDeny,
            (CommunityListKind::Standard, true, None) => PolicyId::NoCommunity,
            (CommunityListKind::Standard, false, Some(true)) => PolicyId::StandardPermit,
            (CommunityListKind::Standard, false, Some(false)) => PolicyId::StandardDeny,
            (CommunityListKind::Standard, false, None) => PolicyId::NoStandard,
            (CommunityListKind::Expanded, true, Some(true)) => PolicyId::NumberedExpandedPermit,
            (CommunityListKind::Expanded, true, Some(false)) => PolicyId::NumberedExpandedDeny,
            (CommunityListKind::Expanded, true, None) => PolicyId::NoNumberedExpanded,
            (CommunityListKind::Expanded, false, Some(true)) => PolicyId::ExpandedPermit,
            (CommunityListKind::Expanded, false, Some(false)) => PolicyId::ExpandedDeny,
            (CommunityListKind::Expanded, false, None) => PolicyId::NoExpanded,
        }
    }
}

/// The row's view of a command.
pub(crate) fn route_map_matched(command: &RouteMapCommand) -> Matched {
    let row = match command {
        RouteMapCommand::Description(text) => {
            written(PolicyId::Description, text.is_some()).text(Slot::Text, text.as_ref())
        }
        RouteMapCommand::Match(line) => written_match(line, true),
        RouteMapCommand::NoMatch(line) => written_match(line, false),
        RouteMapCommand::Set(line) => written_set(line, true),
        RouteMapCommand::NoSet(line) => written_set(line, false),
    };
    row.matched()
}

fn written_match(line: &MatchLine, set: bool) -> Written {
    let names = |id, names: &[String]| {
        let text = names.join(" ");
        written(id, set).text(Slot::Text, Some(&text).filter(|text| !text.is_empty()))
    };
    match line {
        MatchLine::PrefixList(lists) => names(PolicyId::MatchPrefixList, lists),
        MatchLine::NextHop(lists) => names(PolicyId::MatchNextHop, lists),
        MatchLine::AsPath(lists) => names(PolicyId::MatchAsPath, lists),
        MatchLine::Community { lists, exact } => {
            let mut lists = lists.clone();
            lists.extend(exact.then(|| EXACT_MATCH.to_string()));
            names(PolicyId::MatchCommunity, &lists)
        }
        MatchLine::Metric(metric) => written(PolicyId::MatchMetric, set).number(Slot::Metric, Some(*metric)),
        MatchLine::LocalPreference(preference) => {
            written(PolicyId::MatchLocalPreference, set).number(Slot::Metric, Some(*preference))
        }
    }
}

/// A `no` form is written without a value: it does not matter.
fn written_set(line: &SetLine, set: bool) -> Written {
    let row = |id| written(id, set);
    let number = |id, slot, value: u32| row(id).number(slot, set.then_some(value));
    let words = |id, values: Vec<String>, additive: bool| {
        let mut values = values;
        values.extend(additive.then(|| ADDITIVE.to_string()));
        let text = values.join(" ");
        row(id).text(Slot::Text, Some(&text).filter(|text| set && !text.is_empty()))
    };
    match line {
        SetLine::LocalPreference(preference) => {
            number(PolicyId::SetLocalPreference, Slot::Metric, *preference)
        }
        SetLine::Metric(MetricChange::To(metric)) => number(PolicyId::SetMetric, Slot::Metric, *metric),
        SetLine::Metric(_) if !set => row(PolicyId::SetMetric),
        SetLine::Metric(MetricChange::Add(more)) => {
            words(PolicyId::SetMetricAdd, vec![format!("+{more}")], false)
        }
        SetLine::Metric(MetricChange::Subtract(less)) => {
            words(PolicyId::SetMetricAdd, vec![format!("-{less}")], false)
        }
        SetLine::Weight(weight) => number(PolicyId::SetWeight, Slot::Count, u32::from(*weight)),
        SetLine::Origin(RouteOrigin::Incomplete) if set => row(PolicyId::SetOriginIncomplete),
        SetLine::Origin(_) => row(PolicyId::SetOriginIgp),
        SetLine::NextHop(address) => {
            row(PolicyId::SetNextHop).address(Slot::Address, Some(*address).filter(|_| set))
        }
        SetLine::Prepend(numbers) => words(
            PolicyId::SetPrepend,
            numbers.iter().map(ToString::to_string).collect(),
            false,
        ),
        SetLine::CommListDelete(name) => {
            row(PolicyId::SetCommListDelete).text(Slot::Name, Some(name).filter(|_| set))
        }
        SetLine::Community(SetCommunity::None) if set => row(PolicyId::SetCommunityNone),
        SetLine::Community(SetCommunity::None) => row(PolicyId::SetCommunity),
        SetLine::Community(SetCommunity::Values { values, additive }) => words(
            PolicyId::SetCommunity,
            values.iter().map(|value| community_text(*value)).collect(),
            *additive,
        ),
        SetLine::LargeCommunity { values, additive } => words(
            PolicyId::SetLargeCommunity,
            values.iter().map(|value| large_text(*value)).collect(),
            *additive,
        ),
    }
}
