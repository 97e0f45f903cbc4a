//! Commands of `router bgp` as values, and the way between them and the rows of the table.

use alloc::string::String;
use alloc::vec;
use core::fmt;
use core::net::Ipv4Addr;

use machine::PortId;

use super::tree::{HOLD_TIME_WARNED_S, TableMap};
use super::{BgpId, Direction, FilterKind, MaximumPrefix, Password, RedistributedSource, SendCommunity};
use crate::grammar::Matched;
use crate::table::CommandId;
use crate::token::{Slot, Value};

/// Whom a `neighbor` command is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NeighborName {
    /// One neighbour.
    Address(Ipv4Addr),
    /// All neighbours of a peer group.
    PeerGroup(String),
}

impl fmt::Display for NeighborName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NeighborName::Address(address) => write!(f, "{address}"),
            NeighborName::PeerGroup(name) => f.write_str(name),
        }
    }
}

/// Keepalive and hold time, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BgpTimers {
    /// Time between KEEPALIVEs.
    pub keepalive_s: u16,
    /// Time without any message after which the session is lost: 0 (never), or 3 and more.
    pub hold_s: u16,
}

/// A command of `router bgp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BgpCommand {
    /// `address-family ipv4 [unicast]`: leads to its mode.
    AddressFamily,
    /// `bgp router-id A.B.C.D`
    RouterId(Option<Ipv4Addr>),
    /// `bgp cluster-id {A.B.C.D | N}`
    ClusterId(Option<Ipv4Addr>),
    /// `bgp log-neighbor-changes`
    LogNeighborChanges(bool),
    /// `bgp graceful-restart`
    GracefulRestart(bool),
    /// `bgp graceful-restart restart-time S`, 1..=3600.
    RestartTime(Option<u16>),
    /// `bgp graceful-restart stalepath-time S`, 1..=3600.
    StalepathTime(Option<u16>),
    /// `bgp ha-mode sso`
    HaMode(bool),
    /// `bgp default ipv4-unicast`
    DefaultIpv4Unicast(bool),
    /// `bgp bestpath ...`, `bgp always-compare-med`
    BestPath(BestPathRule, bool),
    /// `timers bgp K H`
    Timers(Option<BgpTimers>),
    /// `maximum-paths N`, 1..=16.
    MaximumPaths(Option<u8>),
    /// `maximum-paths ibgp N`, 1..=16.
    MaximumPathsIbgp(Option<u8>),
    /// `table-map NAME [filter]`
    TableMap(Option<TableMap>),
    /// `network A.B.C.D [mask M] [route-map NAME]`
    Network {
        /// The network as typed.
        network: Ipv4Addr,
        /// Its mask as typed; `None`: that of its class.
        mask: Option<Ipv4Addr>,
        /// Judges and changes the route.
        route_map: Option<String>,
    },
    /// `no network A.B.C.D [mask M]`
    NoNetwork {
        /// The network as typed.
        network: Ipv4Addr,
        /// Its mask as typed; `None`: that of its class.
        mask: Option<Ipv4Addr>,
    },
    /// `redistribute {connected | static} [metric N] [route-map NAME]`
    Redistribute {
        /// Routes of what.
        source: RedistributedSource,
        /// MULTI_EXIT_DISC of these routes.
        metric: Option<u32>,
        /// Judges and changes them.
        route_map: Option<String>,
    },
    /// `no redistribute {connected | static}`
    NoRedistribute(RedistributedSource),
    /// `default-information originate`
    DefaultInformation(bool),
    /// `no neighbor WHO`
    NoNeighbor(NeighborName),
    /// `neighbor WHO ...`
    Neighbor {
        /// Whom it is about.
        who: NeighborName,
        /// What to set.
        setting: NeighborSetting,
    },
}

/// What of the choice among paths can be configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BestPathRule {
    /// `bgp always-compare-med`
    AlwaysCompareMed,
    /// `bgp bestpath as-path ignore`
    AsPathIgnore,
    /// `bgp bestpath as-path multipath-relax`
    MultipathRelax,
    /// `bgp bestpath compare-routerid`
    CompareRouterId,
    /// `bgp bestpath med missing-as-worst`
    MissingAsWorst,
}

impl BestPathRule {
    /// All of them, in the order in which the configuration shows them.
    pub const ALL: [BestPathRule; 5] = [
        BestPathRule::AlwaysCompareMed,
        BestPathRule::AsPathIgnore,
        BestPathRule::MultipathRelax,
        BestPathRule::CompareRouterId,
        BestPathRule::MissingAsWorst,
    ];

    const fn id(self) -> BgpId {
        match self {
            BestPathRule::AlwaysCompareMed => BgpId::AlwaysCompareMed,
            BestPathRule::AsPathIgnore => BgpId::AsPathIgnore,
            BestPathRule::MultipathRelax => BgpId::MultipathRelax,
            BestPathRule::CompareRouterId => BgpId::CompareRouterId,
            BestPathRule::MissingAsWorst => BgpId::MissingAsWorst,
        }
    }
}

/// What can be set of a neighbour or of a peer group. `None` and `false`: the `no` form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NeighborSetting {
    /// `remote-as N`
    RemoteAs(Option<u32>),
    /// `peer-group`: creates the group.
    PeerGroup,
    /// `peer-group NAME`; `None`: `no neighbor WHO peer-group`, which of a group removes the group.
    MemberOf(Option<String>),
    /// `description TEXT`, 80 bytes at most.
    Description(Option<String>),
    /// `shutdown [message TEXT]`: `Some(None)` without a message, which has 255 bytes at most (RFC 9003).
    Shutdown(Option<Option<String>>),
    /// `password [0 | 7] TEXT`
    Password(Option<Password>),
    /// `ebgp-multihop [HOPS]`, 1..=255.
    EbgpMultihop(Option<u8>),
    /// `ttl-security hops HOPS`, 1..=254.
    TtlSecurityHops(Option<u8>),
    /// `update-source INTERFACE`
    UpdateSource(Option<PortId>),
    /// `timers K H`
    Timers(Option<BgpTimers>),
    /// `ha-mode sso`; `None`: as all neighbours.
    HaModeSso(Option<bool>),
    /// `ha-mode graceful-restart [disable]`; `None`: as all neighbours.
    GracefulRestart(Option<bool>),
    /// `transport connection-mode passive`
    Passive(bool),
    /// `activate`; `None`: as all neighbours.
    Activate(Option<bool>),
    /// `next-hop-self`
    NextHopSelf(bool),
    /// `route-reflector-client`
    RouteReflectorClient(bool),
    /// `soft-reconfiguration inbound`
    SoftReconfiguration(bool),
    /// `send-community [standard | extended | both]`: these are sent (true), or not (false).
    SendCommunity(SendCommunity, bool),
    /// `maximum-prefix ...`
    MaximumPrefix(Option<MaximumPrefix>),
    /// `weight N`
    Weight(Option<u16>),
    /// `allowas-in [N]`, 1..=10.
    AllowAsIn(Option<u8>),
    /// `default-originate [route-map NAME]`: `Some(None)` without a route map.
    DefaultOriginate(Option<Option<String>>),
    /// `{route-map | prefix-list | filter-list} NAME {in | out}`
    Filter {
        /// Which kind.
        kind: FilterKind,
        /// Routes that come, or routes that go.
        direction: Direction,
        /// Its name.
        name: String,
        /// `false`: the `no` form.
        set: bool,
    },
}

impl BgpCommand {
    /// What the console is told once the command has been executed; empty for most.
    pub(crate) fn notice(&self) -> String {
        let timers = match self {
            BgpCommand::Timers(timers)
            | BgpCommand::Neighbor {
                setting: NeighborSetting::Timers(timers),
                ..
            } => *timers,
            _ => None,
        };
        match timers {
            Some(timers) if (1..HOLD_TIME_WARNED_S).contains(&timers.hold_s) => alloc::format!(
                "% Warning: A hold time of less than {HOLD_TIME_WARNED_S} seconds increases the chances of peer flapping"
            ),
            _ => String::new(),
        }
    }
}

/// How often our AS may be in a path with `allowas-in` alone.
pub(super) const ALLOW_AS_IN_DEFAULT: u8 = 3;
/// Hops with `ebgp-multihop` alone.
pub(super) const MULTIHOP_DEFAULT: u8 = 255;
/// The share of `maximum-prefix` at which a warning is due, percent.
pub const MAXIMUM_PREFIX_THRESHOLD_DEFAULT: u8 = 75;

/// The command that a matched row means.
pub(crate) fn command(matched: &Matched) -> Option<BgpCommand> {
    let CommandId::Bgp(id) = matched.id else {
        return None;
    };
    if let Some(setting) = neighbor_setting(id, matched) {
        let who = matched.neighbor()?;
        return Some(BgpCommand::Neighbor { who, setting });
    }
    let set = !matched.negated;
    let byte = || {
        matched
            .number(Slot::Count)
            .and_then(|count| u8::try_from(count).ok())
    };
    let seconds = || {
        matched
            .number(Slot::Seconds)
            .and_then(|time| u16::try_from(time).ok())
    };
    Some(match id {
        BgpId::AddressFamily => BgpCommand::AddressFamily,
        BgpId::RouterId => BgpCommand::RouterId(given(set, || matched.address(Slot::Address))?),
        BgpId::ClusterId => BgpCommand::ClusterId(given(set, || {
            let number = || matched.number(Slot::Count).map(Ipv4Addr::from);
            matched.address(Slot::Address).or_else(number)
        })?),
        BgpId::LogNeighborChanges => BgpCommand::LogNeighborChanges(set),
        BgpId::GracefulRestart => BgpCommand::GracefulRestart(set),
        BgpId::RestartTime => BgpCommand::RestartTime(given(set, seconds)?),
        BgpId::StalepathTime => BgpCommand::StalepathTime(given(set, seconds)?),
        BgpId::HaMode => BgpCommand::HaMode(set),
        BgpId::DefaultIpv4Unicast => BgpCommand::DefaultIpv4Unicast(set),
        BgpId::Timers => BgpCommand::Timers(given(set, || matched.timers())?),
        BgpId::MaximumPaths => BgpCommand::MaximumPaths(given(set, byte)?),
        BgpId::MaximumPathsIbgp => BgpCommand::MaximumPathsIbgp(given(set, byte)?),
        BgpId::TableMap | BgpId::TableMapFilter => BgpCommand::TableMap(given(set, || {
            Some(TableMap {
                route_map: matched.text(Slot::Name)?,
                is_filter: id == BgpId::TableMapFilter,
            })
        })?),
        BgpId::Network if set => BgpCommand::Network {
            network: matched.address(Slot::Address)?,
            mask: matched.address(Slot::Mask),
            route_map: matched.text(Slot::Name),
        },
        BgpId::Network => BgpCommand::NoNetwork {
            network: matched.address(Slot::Address)?,
            mask: matched.address(Slot::Mask),
        },
        BgpId::RedistributeConnected => redistribute(matched, RedistributedSource::Connected),
        BgpId::RedistributeStatic => redistribute(matched, RedistributedSource::Static),
        BgpId::DefaultInformation => BgpCommand::DefaultInformation(set),
        BgpId::NoNeighbor => BgpCommand::NoNeighbor(matched.neighbor()?),
        id => BgpCommand::BestPath(*BestPathRule::ALL.iter().find(|rule| rule.id() == id)?, set),
    })
}

fn redistribute(matched: &Matched, source: RedistributedSource) -> BgpCommand {
    if matched.negated {
        return BgpCommand::NoRedistribute(source);
    }
    BgpCommand::Redistribute {
        source,
        metric: matched.number(Slot::Metric),
        route_map: matched.text(Slot::Name),
    }
}

/// The value of a command that has one, nothing of a `no` form; `None` when the value is missing.
fn given<T>(set: bool, value: impl FnOnce() -> Option<T>) -> Option<Option<T>> {
    if set { value().map(Some) } else { Some(None) }
}

fn neighbor_setting(id: BgpId, matched: &Matched) -> Option<NeighborSetting> {
    use NeighborSetting as Setting;
    let set = !matched.negated;
    let count = || matched.number(Slot::Count);
    let byte = || count().and_then(|count| u8::try_from(count).ok());
    let filter = |kind, direction| {
        let name = match kind {
            FilterKind::FilterList => alloc::format!("{}", count()?),
            FilterKind::RouteMap | FilterKind::PrefixList => matched.text(Slot::Name)?,
        };
        Some(Setting::Filter {
            kind,
            direction,
            name,
            set,
        })
    };
    Some(match id {
        BgpId::NeighborRemoteAs => Setting::RemoteAs(given(set, || matched.number(Slot::AsNumber))?),
        BgpId::NeighborPeerGroup => Setting::PeerGroup,
        BgpId::NeighborMemberOf => Setting::MemberOf(given(set, || matched.text(Slot::Name))?),
        BgpId::NeighborDescription => Setting::Description(given(set, || matched.text(Slot::Text))?),
        BgpId::NeighborShutdown => Setting::Shutdown(set.then(|| matched.text(Slot::Text))),
        BgpId::NeighborPassword => Setting::Password(given(set, || {
            let encryption = matched.number(Slot::Encryption).unwrap_or(0);
            Some(Password::typed(
                u8::try_from(encryption).ok()?,
                matched.text(Slot::Text)?,
            ))
        })?),
        BgpId::NeighborMultihop => Setting::EbgpMultihop(given(set, || byte().or(Some(MULTIHOP_DEFAULT)))?),
        BgpId::NeighborTtlSecurity => Setting::TtlSecurityHops(given(set, byte)?),
        BgpId::NeighborUpdateSource => Setting::UpdateSource(given(set, || matched.port())?),
        BgpId::NeighborTimers => Setting::Timers(given(set, || matched.timers())?),
        BgpId::NeighborHaMode => Setting::HaModeSso(Some(set)),
        BgpId::NeighborHaModeDefault => Setting::HaModeSso(None),
        BgpId::NeighborGraceful => Setting::GracefulRestart(set.then_some(true)),
        BgpId::NeighborGracefulDisable => Setting::GracefulRestart(set.then_some(false)),
        BgpId::NeighborPassive => Setting::Passive(set),
        BgpId::NeighborActivate => Setting::Activate(Some(set)),
        BgpId::NeighborActivateDefault => Setting::Activate(None),
        BgpId::NeighborNextHopSelf => Setting::NextHopSelf(set),
        BgpId::NeighborReflectorClient => Setting::RouteReflectorClient(set),
        BgpId::NeighborSoftReconfiguration => Setting::SoftReconfiguration(set),
        BgpId::NeighborSendCommunity | BgpId::NeighborSendStandard => {
            Setting::SendCommunity(SendCommunity::STANDARD, set)
        }
        BgpId::NeighborSendExtended => Setting::SendCommunity(SendCommunity::EXTENDED, set),
        BgpId::NeighborSendBoth => Setting::SendCommunity(SendCommunity::BOTH, set),
        BgpId::NeighborMaximumPrefix
        | BgpId::NeighborMaximumPrefixWarning
        | BgpId::NeighborMaximumPrefixRestart => {
            Setting::MaximumPrefix(given(set, || maximum_prefix(id, matched))?)
        }
        BgpId::NeighborWeight => Setting::Weight(given(set, || {
            count().and_then(|count| u16::try_from(count).ok())
        })?),
        BgpId::NeighborAllowAsIn => Setting::AllowAsIn(given(set, || byte().or(Some(ALLOW_AS_IN_DEFAULT)))?),
        BgpId::NeighborDefaultOriginate => Setting::DefaultOriginate(set.then(|| matched.text(Slot::Name))),
        BgpId::NeighborRouteMapIn => filter(FilterKind::RouteMap, Direction::In)?,
        BgpId::NeighborRouteMapOut => filter(FilterKind::RouteMap, Direction::Out)?,
        BgpId::NeighborPrefixListIn => filter(FilterKind::PrefixList, Direction::In)?,
        BgpId::NeighborPrefixListOut => filter(FilterKind::PrefixList, Direction::Out)?,
        BgpId::NeighborFilterListIn => filter(FilterKind::FilterList, Direction::In)?,
        BgpId::NeighborFilterListOut => filter(FilterKind::FilterList, Direction::Out)?,
        _ => return None,
    })
}

fn maximum_prefix(id: BgpId, matched: &Matched) -> Option<MaximumPrefix> {
    let threshold = matched.number(Slot::Threshold);
    let restart_min = matched
        .number(Slot::Interval)
        .and_then(|minutes| u16::try_from(minutes).ok());
    Some(MaximumPrefix {
        limit: matched.number(Slot::Count)?,
        threshold_percent: match threshold {
            Some(percent) => u8::try_from(percent).ok()?,
            None => MAXIMUM_PREFIX_THRESHOLD_DEFAULT,
        },
        warning_only: id == BgpId::NeighborMaximumPrefixWarning,
        restart_min,
    })
}

/// A row and its values, on the way from a command to its text.
pub(crate) struct Written(Matched);

impl Written {
    fn new(id: BgpId, set: bool) -> Written {
        Written::of(CommandId::Bgp(id), set)
    }

    pub(crate) fn of(id: CommandId, set: bool) -> Written {
        Written(Matched {
            id,
            negated: !set,
            values: vec![],
        })
    }

    pub(crate) fn matched(self) -> Matched {
        self.0
    }

    pub(crate) fn with(mut self, slot: Slot, value: Option<Value>) -> Written {
        self.0.values.extend(value.map(|value| (slot, value)));
        self
    }

    pub(crate) fn number(self, slot: Slot, value: Option<impl Into<u32>>) -> Written {
        self.with(slot, value.map(|value| Value::Number(value.into())))
    }

    pub(crate) fn address(self, slot: Slot, value: Option<Ipv4Addr>) -> Written {
        self.with(slot, value.map(Value::Address))
    }

    pub(crate) fn text(self, slot: Slot, value: Option<&String>) -> Written {
        self.with(slot, value.map(|value| Value::Text(value.clone())))
    }

    fn timers(self, timers: Option<BgpTimers>) -> Written {
        self.number(Slot::Keepalive, timers.map(|timers| timers.keepalive_s))
            .number(Slot::Hold, timers.map(|timers| timers.hold_s))
    }
}

/// The row's view of `router bgp N` and `no router bgp [N]`.
pub(crate) fn router(as_number: Option<u32>, set: bool) -> Matched {
    Written::new(BgpId::RouterBgp, set)
        .number(Slot::AsNumber, as_number)
        .0
}

/// The row's view of a command.
pub(crate) fn matched(command: &BgpCommand) -> Matched {
    let flag = Written::new;
    let written = match command {
        BgpCommand::AddressFamily => flag(BgpId::AddressFamily, true),
        BgpCommand::RouterId(id) => flag(BgpId::RouterId, id.is_some()).address(Slot::Address, *id),
        BgpCommand::ClusterId(id) => flag(BgpId::ClusterId, id.is_some()).address(Slot::Address, *id),
        BgpCommand::LogNeighborChanges(on) => flag(BgpId::LogNeighborChanges, *on),
        BgpCommand::GracefulRestart(on) => flag(BgpId::GracefulRestart, *on),
        BgpCommand::RestartTime(time) => {
            flag(BgpId::RestartTime, time.is_some()).number(Slot::Seconds, *time)
        }
        BgpCommand::StalepathTime(time) => {
            flag(BgpId::StalepathTime, time.is_some()).number(Slot::Seconds, *time)
        }
        BgpCommand::HaMode(on) => flag(BgpId::HaMode, *on),
        BgpCommand::DefaultIpv4Unicast(on) => flag(BgpId::DefaultIpv4Unicast, *on),
        BgpCommand::BestPath(rule, on) => flag(rule.id(), *on),
        BgpCommand::Timers(timers) => flag(BgpId::Timers, timers.is_some()).timers(*timers),
        BgpCommand::MaximumPaths(paths) => {
            flag(BgpId::MaximumPaths, paths.is_some()).number(Slot::Count, *paths)
        }
        BgpCommand::MaximumPathsIbgp(paths) => {
            flag(BgpId::MaximumPathsIbgp, paths.is_some()).number(Slot::Count, *paths)
        }
        BgpCommand::TableMap(map) => {
            let id = match map {
                Some(map) if map.is_filter => BgpId::TableMapFilter,
                _ => BgpId::TableMap,
            };
            flag(id, map.is_some()).text(Slot::Name, map.as_ref().map(|map| &map.route_map))
        }
        BgpCommand::Network {
            network,
            mask,
            route_map,
        } => flag(BgpId::Network, true)
            .address(Slot::Address, Some(*network))
            .address(Slot::Mask, *mask)
            .text(Slot::Name, route_map.as_ref()),
        BgpCommand::NoNetwork { network, mask } => flag(BgpId::Network, false)
            .address(Slot::Address, Some(*network))
            .address(Slot::Mask, *mask),
        BgpCommand::Redistribute {
            source,
            metric,
            route_map,
        } => flag(source.id(), true)
            .number(Slot::Metric, *metric)
            .text(Slot::Name, route_map.as_ref()),
        BgpCommand::NoRedistribute(source) => flag(source.id(), false),
        BgpCommand::DefaultInformation(on) => flag(BgpId::DefaultInformation, *on),
        BgpCommand::NoNeighbor(who) => flag(BgpId::NoNeighbor, false).with(Slot::Neighbor, Some(who.value())),
        BgpCommand::Neighbor { who, setting } => {
            written_setting(setting).with(Slot::Neighbor, Some(who.value()))
        }
    };
    written.0
}

fn written_setting(setting: &NeighborSetting) -> Written {
    use NeighborSetting as Setting;
    let flag = Written::new;
    match setting {
        Setting::RemoteAs(number) => {
            flag(BgpId::NeighborRemoteAs, number.is_some()).number(Slot::AsNumber, *number)
        }
        Setting::PeerGroup => flag(BgpId::NeighborPeerGroup, true),
        Setting::MemberOf(name) => {
            flag(BgpId::NeighborMemberOf, name.is_some()).text(Slot::Name, name.as_ref())
        }
        Setting::Description(text) => {
            flag(BgpId::NeighborDescription, text.is_some()).text(Slot::Text, text.as_ref())
        }
        Setting::Shutdown(stop) => flag(BgpId::NeighborShutdown, stop.is_some())
            .text(Slot::Text, stop.as_ref().and_then(Option::as_ref)),
        Setting::Password(password) => written_password(password.as_ref()),
        Setting::EbgpMultihop(hops) => flag(BgpId::NeighborMultihop, hops.is_some())
            .number(Slot::Count, hops.filter(|hops| *hops != MULTIHOP_DEFAULT)),
        Setting::TtlSecurityHops(hops) => {
            flag(BgpId::NeighborTtlSecurity, hops.is_some()).number(Slot::Count, *hops)
        }
        Setting::UpdateSource(port) => {
            flag(BgpId::NeighborUpdateSource, port.is_some()).with(Slot::Port, port.map(Value::Port))
        }
        Setting::Timers(timers) => flag(BgpId::NeighborTimers, timers.is_some()).timers(*timers),
        Setting::HaModeSso(None) => flag(BgpId::NeighborHaModeDefault, true),
        Setting::HaModeSso(Some(on)) => flag(BgpId::NeighborHaMode, *on),
        Setting::GracefulRestart(Some(false)) => flag(BgpId::NeighborGracefulDisable, true),
        Setting::GracefulRestart(on) => flag(BgpId::NeighborGraceful, on.is_some()),
        Setting::Passive(on) => flag(BgpId::NeighborPassive, *on),
        Setting::Activate(None) => flag(BgpId::NeighborActivateDefault, true),
        Setting::Activate(Some(on)) => flag(BgpId::NeighborActivate, *on),
        Setting::NextHopSelf(on) => flag(BgpId::NeighborNextHopSelf, *on),
        Setting::RouteReflectorClient(on) => flag(BgpId::NeighborReflectorClient, *on),
        Setting::SoftReconfiguration(on) => flag(BgpId::NeighborSoftReconfiguration, *on),
        Setting::SendCommunity(kinds, on) => flag(kinds.id(), *on),
        Setting::MaximumPrefix(limit) => written_maximum_prefix(*limit),
        Setting::Weight(weight) => flag(BgpId::NeighborWeight, weight.is_some()).number(Slot::Count, *weight),
        Setting::AllowAsIn(times) => flag(BgpId::NeighborAllowAsIn, times.is_some())
            .number(Slot::Count, times.filter(|times| *times != ALLOW_AS_IN_DEFAULT)),
        Setting::DefaultOriginate(originate) => flag(BgpId::NeighborDefaultOriginate, originate.is_some())
            .text(Slot::Name, originate.as_ref().and_then(Option::as_ref)),
        Setting::Filter {
            kind,
            direction,
            name,
            set,
        } => {
            let written = flag(filter_id(*kind, *direction), *set);
            match kind {
                FilterKind::FilterList => written.number(Slot::Count, name.parse::<u32>().ok()),
                FilterKind::RouteMap | FilterKind::PrefixList => written.text(Slot::Name, Some(name)),
            }
        }
    }
}

fn written_password(password: Option<&Password>) -> Written {
    let written = Written::new(BgpId::NeighborPassword, password.is_some());
    let Some(password) = password else {
        return written;
    };
    let (encryption, text) = password.written();
    written
        .number(Slot::Encryption, encryption)
        .with(Slot::Text, Some(Value::Text(text.into())))
}

fn written_maximum_prefix(limit: Option<MaximumPrefix>) -> Written {
    let id = match limit {
        Some(limit) if limit.warning_only => BgpId::NeighborMaximumPrefixWarning,
        Some(limit) if limit.restart_min.is_some() => BgpId::NeighborMaximumPrefixRestart,
        _ => BgpId::NeighborMaximumPrefix,
    };
    let threshold = limit
        .map(|limit| limit.threshold_percent)
        .filter(|percent| *percent != MAXIMUM_PREFIX_THRESHOLD_DEFAULT);
    Written::new(id, limit.is_some())
        .number(Slot::Count, limit.map(|limit| limit.limit))
        .number(Slot::Threshold, threshold)
        .number(Slot::Interval, limit.and_then(|limit| limit.restart_min))
}

const fn filter_id(kind: FilterKind, direction: Direction) -> BgpId {
    match (kind, direction) {
        (FilterKind::RouteMap, Direction::In) => BgpId::NeighborRouteMapIn,
        (FilterKind::RouteMap, Direction::Out) => BgpId::NeighborRouteMapOut,
        (FilterKind::PrefixList, Direction::In) => BgpId::NeighborPrefixListIn,
        (FilterKind::PrefixList, Direction::Out) => BgpId::NeighborPrefixListOut,
        (FilterKind::FilterList, Direction::In) => BgpId::NeighborFilterListIn,
        (FilterKind::FilterList, Direction::Out) => BgpId::NeighborFilterListOut,
    }
}

impl NeighborName {
    fn value(&self) -> Value {
        match self {
            NeighborName::Address(address) => Value::Address(*address),
            NeighborName::PeerGroup(name) => Value::Text(name.clone()),
        }
    }
}

impl Matched {
    fn neighbor(&self) -> Option<NeighborName> {
        let of = |(_, value): &(Slot, Value)| match value {
            Value::Address(address) => Some(NeighborName::Address(*address)),
            Value::Text(name) => Some(NeighborName::PeerGroup(name.clone())),
            _ => None,
        };
        self.values
            .iter()
            .find(|(slot, _)| *slot == Slot::Neighbor)
            .and_then(of)
    }

    fn timers(&self) -> Option<BgpTimers> {
        Some(BgpTimers {
            keepalive_s: u16::try_from(self.number(Slot::Keepalive)?).ok()?,
            hold_s: u16::try_from(self.number(Slot::Hold)?).ok()?,
        })
    }
}
