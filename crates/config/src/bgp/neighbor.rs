//! What is configured of one neighbour or one peer group.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use machine::PortId;

use super::command::{BgpTimers, NeighborSetting};
use super::error::BgpError;
use super::{Direction, FilterKind, MaximumPrefix, Password, SendCommunity};
use crate::error::ReturnCode;

/// Longest description of a neighbour, bytes.
const DESCRIPTION_BYTES_MAX: usize = 80;
/// Longest text for a neighbour's operator, bytes (RFC 9003 section 2).
pub const COMMUNICATION_BYTES_MAX: usize = 255;
/// Longest name of a list, a route map or a peer group, bytes.
pub(super) const NAME_BYTES_MAX: usize = 63;

/// What is configured of one neighbour or one peer group. `None` and `false`: nothing, so the peer group's, then the
/// process', then the default holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NeighborConfiguration {
    /// Its AS.
    pub remote_as: Option<u32>,
    /// The peer group that it is a member of.
    pub peer_group: Option<String>,
    /// Free text for people.
    pub description: Option<String>,
    /// No session.
    pub shutdown: bool,
    /// What the neighbour is told when `shutdown` ends its session (RFC 9003).
    pub shutdown_message: Option<String>,
    /// Key of its TCP session (RFC 2385).
    pub password: Option<Password>,
    /// An external neighbour may be so many hops away.
    pub ebgp_multihop: Option<u8>,
    /// Its packets have made so many hops at most (RFC 5082).
    pub ttl_security_hops: Option<u8>,
    /// The address of this interface is our side of the session.
    pub update_source: Option<PortId>,
    /// Keepalive and hold time.
    pub timers: Option<BgpTimers>,
    /// The session survives a switchover unnoticed.
    pub ha_mode_sso: Option<bool>,
    /// Graceful restart with it.
    pub graceful_restart: Option<bool>,
    /// Only the neighbour makes the connection.
    pub passive: bool,
    /// IPv4 unicast routes are exchanged.
    pub activate: Option<bool>,
    /// Our address is the next hop of what it is told.
    pub next_hop_self: bool,
    /// It is our route reflector's client.
    pub route_reflector_client: bool,
    /// What policy refuses is kept.
    pub soft_reconfiguration: bool,
    /// Which communities it is sent.
    pub send_community: SendCommunity,
    /// How many prefixes it may tell.
    pub maximum_prefix: Option<MaximumPrefix>,
    /// Preference of its routes within this router.
    pub weight: Option<u16>,
    /// How often our AS may be in its paths.
    pub allow_as_in: Option<u8>,
    /// It is told the default route; if there is a route map, while that takes a route.
    pub default_originate: Option<Option<String>>,
    /// What its routes are judged by.
    pub filters: BTreeMap<(FilterKind, Direction), String>,
}

impl NeighborConfiguration {
    /// Executes `setting`, for which no other neighbour matters.
    pub(super) fn set(&mut self, setting: &NeighborSetting) -> Result<ReturnCode, BgpError> {
        use NeighborSetting as Setting;
        self.check(setting)?;
        Ok(match setting.clone() {
            Setting::RemoteAs(number) => replace(&mut self.remote_as, number),
            Setting::MemberOf(name) => replace(&mut self.peer_group, name),
            Setting::PeerGroup => ReturnCode::Unchanged,
            Setting::Description(text) => replace(&mut self.description, text),
            Setting::Shutdown(stop) => {
                let is_stopped = replace(&mut self.shutdown, stop.is_some());
                let is_said = replace(&mut self.shutdown_message, stop.flatten());
                changed([is_stopped, is_said].contains(&ReturnCode::Applied))
            }
            Setting::Password(password) => replace(&mut self.password, password),
            Setting::EbgpMultihop(hops) => replace(&mut self.ebgp_multihop, hops),
            Setting::TtlSecurityHops(hops) => replace(&mut self.ttl_security_hops, hops),
            Setting::UpdateSource(port) => replace(&mut self.update_source, port),
            Setting::Timers(timers) => replace(&mut self.timers, timers),
            Setting::HaModeSso(on) => replace(&mut self.ha_mode_sso, on),
            Setting::GracefulRestart(on) => replace(&mut self.graceful_restart, on),
            Setting::Passive(on) => replace(&mut self.passive, on),
            Setting::Activate(on) => replace(&mut self.activate, on),
            Setting::NextHopSelf(on) => replace(&mut self.next_hop_self, on),
            Setting::RouteReflectorClient(on) => replace(&mut self.route_reflector_client, on),
            Setting::SoftReconfiguration(on) => replace(&mut self.soft_reconfiguration, on),
            Setting::SendCommunity(kinds, on) => {
                let sent = match on {
                    true => self.send_community.with(kinds),
                    false => self.send_community.without(kinds),
                };
                replace(&mut self.send_community, sent)
            }
            Setting::MaximumPrefix(limit) => replace(&mut self.maximum_prefix, limit),
            Setting::Weight(weight) => replace(&mut self.weight, weight),
            Setting::AllowAsIn(times) => replace(&mut self.allow_as_in, times),
            Setting::DefaultOriginate(originate) => replace(&mut self.default_originate, originate),
            Setting::Filter {
                kind,
                direction,
                name,
                set: true,
            } => {
                let before = self.filters.insert((kind, direction), name.clone());
                changed(before != Some(name))
            }
            Setting::Filter {
                kind,
                direction,
                name,
                ..
            } => match self.filters.get(&(kind, direction)) {
                Some(known) if *known == name => {
                    self.filters.remove(&(kind, direction));
                    ReturnCode::Applied
                }
                _ => return Err(BgpError::NotConfigured),
            },
        })
    }

    fn check(&self, setting: &NeighborSetting) -> Result<(), BgpError> {
        use NeighborSetting as Setting;
        match setting {
            Setting::Timers(Some(timers)) => check_timers(*timers),
            Setting::EbgpMultihop(Some(_)) if self.ttl_security_hops.is_some() => {
                Err(BgpError::RemoveTtlSecurity)
            }
            Setting::TtlSecurityHops(Some(_)) if self.ebgp_multihop.is_some() => {
                Err(BgpError::RemoveMultihop)
            }
            Setting::Description(Some(text))
                if text.len() > DESCRIPTION_BYTES_MAX || text.contains(char::is_control) =>
            {
                Err(BgpError::Description)
            }
            Setting::Shutdown(Some(Some(text))) => check_communication(text),
            Setting::Password(Some(password)) => password
                .fault()
                .map_or(Ok(()), |fault| Err(BgpError::Password(fault))),
            Setting::Filter { name, .. } | Setting::DefaultOriginate(Some(Some(name))) => check_name(name),
            _ => Ok(()),
        }
    }

    /// The settings that make this of nothing, in the order in which the configuration shows them. Those of a peer group
    /// come after the line that creates it.
    pub(super) fn settings(&self) -> Vec<NeighborSetting> {
        use NeighborSetting as Setting;
        let flag = |on: bool, setting: Setting| on.then_some(setting);
        let settings = [
            self.remote_as.map(|number| Setting::RemoteAs(Some(number))),
            self.peer_group.clone().map(|name| Setting::MemberOf(Some(name))),
            self.description
                .clone()
                .map(|text| Setting::Description(Some(text))),
            flag(
                self.shutdown,
                Setting::Shutdown(Some(self.shutdown_message.clone())),
            ),
            self.password
                .clone()
                .map(|password| Setting::Password(Some(password))),
            self.ebgp_multihop.map(|hops| Setting::EbgpMultihop(Some(hops))),
            self.ttl_security_hops
                .map(|hops| Setting::TtlSecurityHops(Some(hops))),
            self.update_source.map(|port| Setting::UpdateSource(Some(port))),
            self.timers.map(|timers| Setting::Timers(Some(timers))),
            self.ha_mode_sso.map(|on| Setting::HaModeSso(Some(on))),
            self.graceful_restart.map(|on| Setting::GracefulRestart(Some(on))),
            flag(self.passive, Setting::Passive(true)),
            self.activate.map(|on| Setting::Activate(Some(on))),
            flag(self.next_hop_self, Setting::NextHopSelf(true)),
            flag(self.route_reflector_client, Setting::RouteReflectorClient(true)),
            flag(self.soft_reconfiguration, Setting::SoftReconfiguration(true)),
            flag(
                self.send_community != SendCommunity::default(),
                Setting::SendCommunity(self.send_community, true),
            ),
            self.maximum_prefix
                .map(|limit| Setting::MaximumPrefix(Some(limit))),
            self.weight.map(|weight| Setting::Weight(Some(weight))),
            self.allow_as_in.map(|times| Setting::AllowAsIn(Some(times))),
            self.default_originate
                .clone()
                .map(|map| Setting::DefaultOriginate(Some(map))),
        ];
        let filters = self
            .filters
            .iter()
            .map(|((kind, direction), name)| Setting::Filter {
                kind: *kind,
                direction: *direction,
                name: name.clone(),
                set: true,
            });
        settings.into_iter().flatten().chain(filters).collect()
    }

    /// What holds for a member of `group`: its own settings, and where it has none those of the group.
    #[must_use]
    pub fn inheriting(&self, group: &NeighborConfiguration) -> NeighborConfiguration {
        let mut filters = group.filters.clone();
        filters.extend(self.filters.iter().map(|(place, name)| (*place, name.clone())));
        // One of the two keeps the other one of the group away.
        let own_hops = self.ebgp_multihop.is_some() || self.ttl_security_hops.is_some();
        let of_group = |hops: Option<u8>| hops.filter(|_| !own_hops);
        NeighborConfiguration {
            remote_as: self.remote_as.or(group.remote_as),
            peer_group: self.peer_group.clone(),
            description: self.description.clone().or_else(|| group.description.clone()),
            shutdown: self.shutdown || group.shutdown,
            shutdown_message: self
                .shutdown_message
                .clone()
                .or_else(|| group.shutdown_message.clone()),
            password: self.password.clone().or_else(|| group.password.clone()),
            ebgp_multihop: self.ebgp_multihop.or(of_group(group.ebgp_multihop)),
            ttl_security_hops: self.ttl_security_hops.or(of_group(group.ttl_security_hops)),
            update_source: self.update_source.or(group.update_source),
            timers: self.timers.or(group.timers),
            ha_mode_sso: self.ha_mode_sso.or(group.ha_mode_sso),
            graceful_restart: self.graceful_restart.or(group.graceful_restart),
            passive: self.passive || group.passive,
            activate: self.activate.or(group.activate),
            next_hop_self: self.next_hop_self || group.next_hop_self,
            route_reflector_client: self.route_reflector_client || group.route_reflector_client,
            soft_reconfiguration: self.soft_reconfiguration || group.soft_reconfiguration,
            send_community: self.send_community.with(group.send_community),
            maximum_prefix: self.maximum_prefix.or(group.maximum_prefix),
            weight: self.weight.or(group.weight),
            allow_as_in: self.allow_as_in.or(group.allow_as_in),
            default_originate: self
                .default_originate
                .clone()
                .or_else(|| group.default_originate.clone()),
            filters,
        }
    }

    /// The name of one of its filters.
    pub fn filter(&self, kind: FilterKind, direction: Direction) -> Option<&String> {
        self.filters.get(&(kind, direction))
    }
}

/// Whether an operator's words fit into a NOTIFICATION (RFC 9003 section 2), and into one line of a log.
pub fn check_communication(text: &str) -> Result<(), BgpError> {
    if text.len() > COMMUNICATION_BYTES_MAX {
        return Err(BgpError::CommunicationLength(text.len()));
    }
    if text.contains(char::is_control) {
        return Err(BgpError::CommunicationCharacters);
    }
    Ok(())
}

pub(super) fn check_timers(timers: BgpTimers) -> Result<(), BgpError> {
    let BgpTimers { keepalive_s, hold_s } = timers;
    if hold_s != 0 && (hold_s < 3 || keepalive_s >= hold_s) {
        return Err(BgpError::Timers);
    }
    Ok(())
}

pub(super) fn check_name(name: &str) -> Result<(), BgpError> {
    if name.len() > NAME_BYTES_MAX || name.contains(char::is_control) {
        return Err(BgpError::Name);
    }
    Ok(())
}

pub(super) fn changed(changed: bool) -> ReturnCode {
    if changed {
        ReturnCode::Applied
    } else {
        ReturnCode::Unchanged
    }
}

pub(super) fn replace<T: PartialEq>(place: &mut T, value: T) -> ReturnCode {
    changed(core::mem::replace(place, value) != *place)
}
