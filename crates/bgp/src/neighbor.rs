//! A neighbour as it is configured, and what of it is lost at a switchover on purpose: connections that are not
//! established, timers, counters.

use alloc::string::String;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use machine::{Instant, TimerKey, Timers};

use crate::fsm::State;
use crate::session::{Direction, Families, Offer};

/// What the operator says about a neighbour. A change of what the OPEN depends on resets the session;
/// one of what it is told does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighborConfig {
    /// Its address.
    pub address: IpAddr,
    /// Its AS.
    pub remote_as: u32,
    /// Our AS, as it knows it.
    pub local_as: u32,
    /// It is in another AS of our confederation.
    pub confederation: bool,
    /// Families to exchange.
    pub families: Families,
    /// `shutdown`: no session.
    pub shutdown: bool,
    /// `shutdown message`: what the neighbour is told when that ends its session (RFC 9003).
    pub shutdown_message: Option<String>,
    /// `transport connection-mode passive`: it connects.
    pub passive: bool,
    /// Hold time that we propose, in seconds: 0, or 3 and more.
    pub hold_time_s: u16,
    /// Time between KEEPALIVEs, in seconds, if a third of the hold time is not less.
    pub keepalive_time_s: u16,
    /// Time between attempts to connect, in seconds.
    pub connect_retry_time_s: u16,
    /// The path of its routes starts with its AS.
    pub enforces_first_as: bool,
    /// Our IPv4 address on the session, as next hop.
    pub local_v4: Option<Ipv4Addr>,
    /// Our IPv6 address on the session, as next hop.
    pub local_v6: Option<Ipv6Addr>,
    /// `next-hop-self`.
    pub next_hop_self: bool,
    /// `route-reflector-client`.
    pub route_reflector_client: bool,
    /// `default-originate`: it is told a default route, whether there is one or not.
    pub default_originate: bool,
    /// Its route map: it is told the one of [`crate::Rib::set_default_route`], while there is one.
    pub default_originate_map: Option<String>,
    /// `send-community`.
    pub send_community: bool,
    /// `send-community extended`.
    pub send_extended_community: bool,
    /// `soft-reconfiguration inbound`.
    pub keeps_refused: bool,
    /// `allowas-in`.
    pub own_as_allowed: u8,
    /// `weight`.
    pub weight: u16,
    /// `route-map ... in`.
    pub route_map_in: Option<String>,
    /// `route-map ... out`.
    pub route_map_out: Option<String>,
    /// `prefix-list ... in`.
    pub prefix_list_in: Option<String>,
    /// `prefix-list ... out`.
    pub prefix_list_out: Option<String>,
    /// `maximum-prefix`.
    pub maximum_prefix: Option<MaximumPrefix>,
    /// Graceful restart with it.
    pub graceful_restart: bool,
}

impl NeighborConfig {
    /// A neighbour with the vendor's defaults.
    pub fn new(address: IpAddr, remote_as: u32, local_as: u32) -> NeighborConfig {
        NeighborConfig {
            address,
            remote_as,
            local_as,
            confederation: false,
            families: Families::V4,
            shutdown: false,
            shutdown_message: None,
            passive: false,
            hold_time_s: 180,
            keepalive_time_s: 60,
            connect_retry_time_s: 120,
            enforces_first_as: true,
            local_v4: None,
            local_v6: None,
            next_hop_self: false,
            route_reflector_client: false,
            default_originate: false,
            default_originate_map: None,
            send_community: false,
            send_extended_community: false,
            keeps_refused: false,
            own_as_allowed: 0,
            weight: 0,
            route_map_in: None,
            route_map_out: None,
            prefix_list_in: None,
            prefix_list_out: None,
            maximum_prefix: None,
            graceful_restart: false,
        }
    }

    /// Whether the session cannot go on as it is. One that is not established yet starts anew for what an established one
    /// leaves to the next.
    pub(crate) fn needs_reset(&self, before: &NeighborConfig, is_established: bool) -> bool {
        let of_next_session = match is_established {
            true => self,
            false => before,
        };
        let unaffected = NeighborConfig {
            graceful_restart: of_next_session.graceful_restart,
            passive: of_next_session.passive,
            weight: self.weight,
            route_map_in: self.route_map_in.clone(),
            prefix_list_in: self.prefix_list_in.clone(),
            keeps_refused: self.keeps_refused,
            own_as_allowed: self.own_as_allowed,
            maximum_prefix: self.maximum_prefix,
            enforces_first_as: self.enforces_first_as,
            connect_retry_time_s: self.connect_retry_time_s,
            // That of the next session: what this one has was agreed on with the neighbour.
            hold_time_s: self.hold_time_s,
            keepalive_time_s: self.keepalive_time_s,
            route_map_out: self.route_map_out.clone(),
            prefix_list_out: self.prefix_list_out.clone(),
            next_hop_self: self.next_hop_self,
            send_community: self.send_community,
            send_extended_community: self.send_extended_community,
            default_originate: self.default_originate,
            shutdown_message: self.shutdown_message.clone(),
            default_originate_map: self.default_originate_map.clone(),
            ..before.clone()
        };
        unaffected != *self
    }

    /// Whether it is in our AS.
    pub fn is_internal(&self) -> bool {
        self.remote_as == self.local_as
    }
}

/// How many prefixes a neighbour may tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaximumPrefix {
    /// This many, in each family.
    pub limit: u32,
    /// A warning at this share of it, in percent.
    pub threshold_percent: u8,
    /// Only warn.
    pub warning_only: bool,
    /// Start again after this many minutes; `None`: only when the operator says so.
    pub restart_min: Option<u16>,
}

/// The timers of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Connect again.
    ConnectRetry,
    /// Start again after a failure.
    IdleHold,
    /// A restarting neighbour has not come back.
    Restart,
    /// A neighbour that came back has not told everything.
    StalePath,
    /// Of our own connection.
    HoldOutgoing,
    /// Of our own connection.
    KeepaliveOutgoing,
    /// Of the neighbour's connection.
    HoldIncoming,
    /// Of the neighbour's connection.
    KeepaliveIncoming,
}

impl TimerKey for Timer {
    const ALL: &'static [Timer] = &[
        Timer::ConnectRetry,
        Timer::IdleHold,
        Timer::Restart,
        Timer::StalePath,
        Timer::HoldOutgoing,
        Timer::KeepaliveOutgoing,
        Timer::HoldIncoming,
        Timer::KeepaliveIncoming,
    ];
    fn index(self) -> usize {
        self as usize
    }
    fn reason(self) -> &'static str {
        match self {
            Timer::ConnectRetry => "BGP connect retry",
            Timer::IdleHold => "BGP idle hold",
            Timer::Restart => "BGP restart time",
            Timer::StalePath => "BGP stale path time",
            Timer::HoldOutgoing | Timer::HoldIncoming => "BGP hold time",
            Timer::KeepaliveOutgoing | Timer::KeepaliveIncoming => "BGP keepalive",
        }
    }
}

impl Timer {
    pub(crate) const fn hold(direction: Direction) -> Timer {
        match direction {
            Direction::Outgoing => Timer::HoldOutgoing,
            Direction::Incoming => Timer::HoldIncoming,
        }
    }

    pub(crate) const fn keepalive(direction: Direction) -> Timer {
        match direction {
            Direction::Outgoing => Timer::KeepaliveOutgoing,
            Direction::Incoming => Timer::KeepaliveIncoming,
        }
    }
}

/// One connection, before it is established and after.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub state: State,
    /// Whether there is a TCP connection.
    pub is_connected: bool,
    /// Bytes sent before the session was established.
    pub sent: u64,
    /// The hold time that our OPEN proposed, in seconds, whatever has been configured since.
    pub proposed_hold_time_s: u16,
    /// Whether our OPEN spoke of graceful restart, whatever has been configured since.
    pub offers_graceful_restart: bool,
    /// What the neighbour's OPEN said.
    pub offer: Option<Offer>,
}

impl Connection {
    pub(crate) const IDLE: Connection = Connection {
        state: State::Idle,
        is_connected: false,
        sent: 0,
        proposed_hold_time_s: 0,
        offers_graceful_restart: false,
        offer: None,
    };

    /// The smaller of both hold times, in seconds; none when one of them wants none. `None` before both OPENs are there.
    pub(crate) fn hold_time_s(&self) -> Option<u16> {
        Some(self.proposed_hold_time_s.min(self.offer?.hold_time_s))
    }
}

/// Counts since this route processor became active; how often the session was established and ended is counted for as
/// long as the neighbour is configured, on either route processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NeighborCounters {
    /// Messages received, by kind: OPEN, UPDATE, NOTIFICATION, KEEPALIVE, ROUTE-REFRESH.
    pub received: [u64; 5],
    /// Messages sent on connections that were never established, by kind, in the same order.
    pub sent: [u64; 5],
    /// Times that the session was established.
    pub established: u32,
    /// Times that it ended.
    pub dropped: u32,
    /// UPDATEs whose routes counted as withdrawn because of an error.
    pub treated_as_withdrawn: u64,
    /// Attributes left out because of an error.
    pub attributes_discarded: u64,
}

/// A neighbour, without what survives.
#[derive(Clone, Debug)]
pub(crate) struct Neighbor {
    pub config: NeighborConfig,
    pub connections: [Connection; 2],
    pub timers: Timers<Timer, 8>,
    /// The next deadline, as the table of all deadlines knows it.
    pub deadline: Option<Instant>,
    /// Failures since the session was established last.
    pub failures: u32,
    /// The warning about the limit was given.
    pub warned: bool,
    /// A hard reset was received: graceful restart ends with the session.
    pub hard_reset: bool,
    pub counters: NeighborCounters,
}

impl Neighbor {
    pub(crate) fn new(config: NeighborConfig) -> Neighbor {
        Neighbor {
            config,
            connections: [Connection::IDLE, Connection::IDLE],
            timers: Timers::new(),
            deadline: None,
            failures: 0,
            warned: false,
            hard_reset: false,
            counters: NeighborCounters::default(),
        }
    }

    pub(crate) fn connection(&self, direction: Direction) -> &Connection {
        &self.connections[direction.index()]
    }

    pub(crate) fn connection_mut(&mut self, direction: Direction) -> &mut Connection {
        &mut self.connections[direction.index()]
    }

    /// Whether there is a connection that may yet become a session.
    pub(crate) fn is_opening(&self, direction: Direction) -> bool {
        !matches!(self.connection(direction).state, State::Idle | State::Established)
    }

    /// A connection ends that is not established, with a NOTIFICATION or without.
    pub(crate) fn count_sent(&mut self, connection: &Connection, notified: bool) {
        if connection.sent == 0 {
            return;
        }
        let [opens, _, notifications, keepalives, _] = &mut self.counters.sent;
        *opens += 1;
        // It follows when the neighbour's OPEN has been taken.
        *keepalives += u64::from(connection.state == State::OpenConfirm);
        *notifications += u64::from(notified && connection.is_connected);
    }

    /// The connection that is established.
    pub(crate) fn established(&self) -> Option<Direction> {
        Direction::ALL
            .into_iter()
            .find(|direction| self.connection(*direction).state == State::Established)
    }
}
