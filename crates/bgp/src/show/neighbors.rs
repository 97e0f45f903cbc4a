//! Neighbours and their sessions.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};
use machine::Duration;
use packet::Prefix;
use serde::Serialize;

use super::Context;
use super::configured::ConfiguredView;
use crate::family::ToldKey;
use crate::fsm::State;
use crate::history::sum;
use crate::id::{GroupId, PeerId};
use crate::log::Stream;
use crate::neighbor::{NeighborConfig, Timer};
use crate::session::{Direction, Families, Session};
use crate::speaker::Speaker;

/// A TCP session, as its owner knows it.
#[derive(Clone, Debug, Serialize)]
pub struct TcpView {
    /// Our end.
    pub local_address: IpAddr,
    /// Our port.
    pub local_port: u16,
    /// The neighbour's end.
    pub remote_address: IpAddr,
    /// Its port.
    pub remote_port: u16,
    /// Bytes that arrived and were not read.
    pub unread_bytes: usize,
    /// Bytes written and not acknowledged.
    pub unacknowledged_bytes: u64,
}

/// What others know of a neighbour.
#[derive(Clone, Debug, Default)]
pub struct NeighborFacts {
    /// Its sessions are to survive a switchover (`ha-mode sso`).
    pub sso_configured: bool,
    /// A standby is hot: they would survive one now.
    pub standby_hot: bool,
    /// `neighbor ... description`.
    pub description: Option<String>,
    /// What else is configured of it.
    pub configured: ConfiguredView,
    /// It may not start, because a route processor has died of it.
    pub quarantined: bool,
    /// Its TCP session.
    pub tcp: Option<TcpView>,
}

/// Messages by kind.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct MessageCounts {
    /// OPEN.
    pub opens: u64,
    /// UPDATE.
    pub updates: u64,
    /// NOTIFICATION.
    pub notifications: u64,
    /// KEEPALIVE.
    pub keepalives: u64,
    /// ROUTE-REFRESH.
    pub route_refreshes: u64,
    /// All of them.
    pub total: u64,
}

impl MessageCounts {
    fn of(counts: [u64; 5]) -> MessageCounts {
        let [opens, updates, notifications, keepalives, route_refreshes] = counts;
        MessageCounts {
            opens,
            updates,
            notifications,
            keepalives,
            route_refreshes,
            total: counts.iter().sum(),
        }
    }
}

/// What the two ends said about graceful restart.
#[derive(Clone, Debug, Serialize)]
pub struct GracefulView {
    /// We offer it.
    pub advertised: bool,
    /// The neighbour offers it.
    pub received: bool,
    /// How long the neighbour needs to come back, in seconds.
    pub remote_restart_time_s: Option<u16>,
    /// It follows NOTIFICATIONs too (RFC 8538).
    pub notification: bool,
    /// The neighbour's families, and whether it went on forwarding by their routes.
    pub remote_families: Vec<(&'static str, bool)>,
    /// How long we need to come back, in seconds.
    pub restart_time_s: u16,
    /// How long routes of a neighbour that came back are kept, in seconds.
    pub stalepath_time_s: u16,
}

/// A family of a session.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct FamilyView {
    /// Its name.
    pub family: &'static str,
    /// We offer it.
    pub advertised: bool,
    /// The neighbour offers it; known while the session is established.
    pub received: bool,
    /// The update group that it is told with, in which all members are told the same.
    pub update_group: Option<u16>,
    /// How many members that has.
    pub update_group_members: usize,
    /// Prefixes that the neighbour is told (Adj-RIB-Out).
    pub prefixes_sent: u32,
    /// Prefixes that the neighbour told.
    pub prefixes_received: u32,
    /// Those that policy takes.
    pub prefixes_accepted: u32,
    /// Those that are the best of their prefix.
    pub prefixes_best: u32,
    /// Whether routes from before the neighbour's restart are kept.
    pub stale: bool,
    /// Whether its End-of-RIB was received.
    pub end_of_rib_received: bool,
}

/// A neighbour.
#[derive(Clone, Debug, Serialize)]
pub struct NeighborView {
    /// Its address.
    pub address: IpAddr,
    /// Its AS.
    pub remote_as: u32,
    /// Our AS, as it knows it.
    pub local_as: u32,
    /// "internal" or "external".
    pub link: &'static str,
    /// `neighbor ... description`.
    pub description: Option<String>,
    /// Its identifier; 0.0.0.0 while none was heard.
    pub router_id: Ipv4Addr,
    /// "Idle", "Connect", "Active", "OpenSent", "OpenConfirm" or "Established".
    pub state: &'static str,
    /// `shutdown`.
    pub shutdown: bool,
    /// See [`NeighborFacts::quarantined`].
    pub quarantined: bool,
    /// It told too many prefixes.
    pub over_limit: bool,
    /// Since when it is established, or not; none: it never was.
    pub state_age_s: Option<u32>,
    /// When something was heard of it last.
    pub last_read_s: Option<u64>,
    /// The hold time, as agreed on or configured, in seconds.
    pub hold_time_s: u16,
    /// The hold time that the next session is proposed, in seconds.
    pub configured_hold_time_s: u16,
    /// The time between KEEPALIVEs, in seconds.
    pub keepalive_time_s: u16,
    /// It understands ROUTE-REFRESH.
    pub route_refresh_received: bool,
    /// It understands AS numbers of four octets.
    pub four_octet_as_received: bool,
    /// It takes messages of up to 65535 bytes.
    pub extended_message_received: bool,
    /// Families.
    pub families: Vec<FamilyView>,
    /// Graceful restart.
    pub graceful_restart: GracefulView,
    /// `ha-mode sso`.
    pub sso_configured: bool,
    /// The session would survive a switchover now.
    pub sso_enabled: bool,
    /// Messages received since this route processor became active.
    pub messages_received: MessageCounts,
    /// Messages sent, or promised to be, for as long as the neighbour is configured; those on connections that were never
    /// established since this route processor became active.
    pub messages_sent: u64,
    /// The same by kind.
    pub messages_sent_by_kind: MessageCounts,
    /// Those of them that the neighbour's TCP has not acknowledged.
    pub messages_waiting: u64,
    /// Times that a session was established.
    pub connections_established: u32,
    /// Times that one ended.
    pub connections_dropped: u32,
    /// Why the last one ended; none: none did.
    pub last_reset_reason: Option<String>,
    /// When that was.
    pub last_reset_s: Option<u32>,
    /// The last words of our operator that the neighbour was sent (RFC 9003).
    pub last_communication_sent: Option<String>,
    /// The last ones of its operator that were received.
    pub last_communication_received: Option<String>,
    /// What else is configured.
    pub configured: ConfiguredView,
    /// Whether it has been told the default route; a question where `default-originate` is configured.
    pub default_sent: bool,
    /// Its TCP session.
    pub tcp: Option<TcpView>,
}

/// BGP as a whole.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ProcessView {
    /// Who we are.
    pub router_id: Ipv4Addr,
    /// Our AS.
    pub local_as: u32,
    /// Best paths that changed since this route processor started, plus one.
    pub table_version: u64,
    /// Prefixes with a path.
    pub network_entries: usize,
    /// Paths to them.
    pub path_entries: u64,
    /// Sets of attributes that these have, and that neighbours are told.
    pub attribute_entries: usize,
    /// Route selection waits for End-of-RIB.
    pub deferring: bool,
}

/// `show ip bgp summary`
#[derive(Clone, Debug, Serialize)]
pub struct SummaryView {
    /// BGP as a whole.
    pub process: ProcessView,
    /// All neighbours, in order of their addresses.
    pub neighbors: Vec<NeighborView>,
}

/// A neighbour in [`SsoView`].
#[derive(Clone, Debug, Serialize)]
pub struct SsoNeighborView {
    /// Its address.
    pub address: IpAddr,
    /// Its AS.
    pub remote_as: u32,
    /// The state of its session.
    pub state: &'static str,
    /// `ha-mode sso`.
    pub sso_configured: bool,
    /// The session would survive a switchover now.
    pub sso_enabled: bool,
    /// Its routes would be kept though the session would not survive.
    pub graceful_restart: bool,
}

/// `show ip bgp all sso summary`
#[derive(Clone, Debug, Serialize)]
pub struct SsoView {
    /// Neighbours whose sessions are to survive.
    pub sso_neighbors: usize,
    /// All neighbours.
    pub neighbors: Vec<SsoNeighborView>,
}

const fn state_name(state: State) -> &'static str {
    match state {
        State::Idle => "Idle",
        State::Connect => "Connect",
        State::Active => "Active",
        State::OpenSent => "OpenSent",
        State::OpenConfirm => "OpenConfirm",
        State::Established => "Established",
    }
}

const fn family_name(number: u8) -> &'static str {
    match number {
        0 => "IPv4 Unicast",
        _ => "IPv6 Unicast",
    }
}

/// All neighbours, or the one with this address, in order of their addresses.
pub fn neighbors(speaker: &Speaker, only: Option<IpAddr>, context: &Context<'_>) -> Vec<NeighborView> {
    let mut found: Vec<_> = speaker
        .neighbors()
        .filter(|(_, config)| only.is_none_or(|only| config.address == only))
        .map(|(peer, config)| neighbor(speaker, peer, config, context))
        .collect();
    found.sort_by_key(|neighbor| neighbor.address);
    found
}

/// `show ip bgp summary`
pub fn summary(speaker: &Speaker, context: &Context<'_>) -> SummaryView {
    let rib = &speaker.rib;
    SummaryView {
        process: ProcessView {
            router_id: speaker.config().router_id,
            local_as: speaker.config().as_number,
            table_version: rib.v4.version(),
            network_entries: rib.v4.paths.len(),
            path_entries: rib.v4.paths.index().paths(),
            attribute_entries: rib.common.attributes.sets.len(),
            deferring: speaker.is_deferring(),
        },
        neighbors: neighbors(speaker, None, context),
    }
}

/// `show ip bgp all sso summary`
pub fn sso(speaker: &Speaker, context: &Context<'_>) -> SsoView {
    let all = neighbors(speaker, None, context);
    SsoView {
        sso_neighbors: all.iter().filter(|neighbor| neighbor.sso_configured).count(),
        neighbors: all
            .into_iter()
            .map(|neighbor| SsoNeighborView {
                address: neighbor.address,
                remote_as: neighbor.remote_as,
                state: neighbor.state,
                sso_configured: neighbor.sso_configured,
                sso_enabled: neighbor.sso_enabled,
                graceful_restart: neighbor.graceful_restart.advertised && neighbor.graceful_restart.received,
            })
            .collect(),
    }
}

fn neighbor(speaker: &Speaker, peer: PeerId, config: &NeighborConfig, context: &Context<'_>) -> NeighborView {
    let session = speaker.sessions.get(&peer);
    let established = session.filter(|session| session.established);
    let counters = speaker.counters(peer).unwrap_or_default();
    let communications = session.map(|session| session.communications.clone());
    let communications = communications.unwrap_or_default();
    let history = session.map(|session| session.history).unwrap_or_default();
    let stream = speaker.rib.common.streams.get(&peer);
    let facts = (context.facts)(peer);
    let of_sessions = sum(history.sent, stream.map_or([0; 5], Stream::sent));
    let sent = MessageCounts::of(sum(of_sessions, counters.sent));
    let age = |at: u32| context.age_s.saturating_sub(at);
    let hold_time_s = established.map_or(config.hold_time_s, |session| session.hold_time_s);
    NeighborView {
        address: config.address,
        remote_as: config.remote_as,
        local_as: config.local_as,
        link: if config.is_internal() {
            "internal"
        } else {
            "external"
        },
        description: facts.description,
        router_id: established.map_or(Ipv4Addr::UNSPECIFIED, |session| session.agreed.identifier),
        state: state_name(speaker.state(peer).unwrap_or(State::Idle)),
        shutdown: config.shutdown && !facts.quarantined,
        quarantined: facts.quarantined,
        over_limit: speaker.is_over_limit(peer),
        state_age_s: session.map(|_| age(history.changed_s)),
        last_read_s: last_read_s(speaker, peer, established, context),
        hold_time_s,
        configured_hold_time_s: config.hold_time_s,
        keepalive_time_s: config.keepalive_time_s.min(hold_time_s / 3),
        route_refresh_received: established.is_some_and(|session| session.agreed.route_refresh),
        four_octet_as_received: established.is_some_and(|session| session.agreed.four_octet_as),
        extended_message_received: established.is_some_and(|session| session.agreed.extended_message),
        families: families(speaker, peer, config, session),
        graceful_restart: graceful(speaker, config, established),
        sso_configured: facts.sso_configured,
        sso_enabled: facts.sso_configured && facts.standby_hot && established.is_some(),
        messages_received: MessageCounts::of(counters.received),
        messages_sent: sent.total,
        messages_sent_by_kind: sent,
        messages_waiting: stream.map_or(0, Stream::waiting),
        connections_established: counters.established,
        connections_dropped: counters.dropped,
        last_reset_reason: history.last_reset.map(|reason| alloc::format!("{reason}")),
        last_reset_s: history.last_reset.map(|_| age(history.reset_s)),
        last_communication_sent: communications.sent,
        last_communication_received: communications.received,
        configured: facts.configured,
        default_sent: is_told_default(speaker, peer, established),
        tcp: facts.tcp,
    }
}

/// Whether a neighbour has been told the default route.
fn is_told_default(speaker: &Speaker, peer: PeerId, session: Option<&Session>) -> bool {
    let key = session.and_then(|session| session.group).map(|group| ToldKey {
        group,
        prefix: Prefix::DEFAULT,
    });
    let told = key.and_then(|key| speaker.rib.v4.told.get(&key));
    told.is_some_and(|told| told.source != peer)
}

/// The hold timer started when something was heard.
fn last_read_s(
    speaker: &Speaker,
    peer: PeerId,
    session: Option<&Session>,
    context: &Context<'_>,
) -> Option<u64> {
    let session = session?;
    let timers = &speaker.neighbors.get(&peer)?.timers;
    let ends = timers.get(Timer::hold(session.direction))?;
    let left = ends.saturating_since(context.now);
    let hold = Duration::from_secs(session.hold_time_s.into());
    Some(hold.saturating_sub(left).as_secs())
}

fn families(
    speaker: &Speaker,
    peer: PeerId,
    config: &NeighborConfig,
    session: Option<&Session>,
) -> Vec<FamilyView> {
    let view = |number: u8| {
        let family = Families::of_number(number);
        let counts = match number {
            0 => speaker.rib.v4.paths.index().count(peer),
            _ => speaker.rib.v6.paths.index().count(peer),
        };
        let established = session.filter(|session| session.established);
        let agreed = established.filter(|session| session.agreed.families.has(family));
        let group = agreed.and_then(|session| session.group);
        let told = |group| match number {
            0 => speaker.rib.v4.told.index().count(group, peer),
            _ => speaker.rib.v6.told.index().count(group, peer),
        };
        let members = |group| speaker.rib.common.members.get(&group);
        FamilyView {
            family: family_name(number),
            advertised: config.families.has(family),
            received: established.is_some_and(|session| session.agreed.families.has(family)),
            update_group: group.map(|GroupId(number)| number),
            update_group_members: group.and_then(members).map_or(0, BTreeSet::len),
            prefixes_sent: group.map_or(0, told),
            prefixes_received: counts.received,
            prefixes_accepted: counts.accepted,
            prefixes_best: counts.best,
            stale: session.is_some_and(|session| session.stale.has(family)),
            end_of_rib_received: established.is_some_and(|session| session.ended.has(family)),
        }
    };
    config.families.numbers().map(view).collect()
}

fn graceful(speaker: &Speaker, config: &NeighborConfig, session: Option<&Session>) -> GracefulView {
    let offered = session.and_then(|session| session.agreed.graceful);
    let kept = |number: u8| {
        let family = Families::of_number(number);
        let forwarding = offered.is_some_and(|graceful| graceful.forwarding.has(family));
        (family_name(number), forwarding)
    };
    GracefulView {
        advertised: session.map_or(config.graceful_restart, |session| {
            session.offered_graceful_restart
        }),
        received: offered.is_some(),
        remote_restart_time_s: offered.map(|graceful| graceful.restart_time_s),
        notification: offered.is_some_and(|graceful| graceful.notification),
        remote_families: offered.map_or(Vec::new(), |graceful| {
            graceful.families.numbers().map(kept).collect()
        }),
        restart_time_s: speaker.config().restart_time_s,
        stalepath_time_s: speaker.config().stalepath_time_s,
    }
}

impl Speaker {
    /// Which connection of an established session is used.
    pub fn direction(&self, peer: PeerId) -> Option<Direction> {
        self.sessions
            .get(&peer)
            .filter(|session| session.established)
            .map(|session| session.direction)
    }
}
