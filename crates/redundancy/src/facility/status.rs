//! What the facility knows about itself, as one value for `show`, SNMP and the status file.

use super::{RedundancyFacility, RedundancyMode, RfState};
use crate::fallback::Fallback;
use crate::heartbeat::FailureDetector;
use crate::message::ImageVersion;
use crate::readiness::ManualSwitchover;
use alloc::vec::Vec;
use machine::{Duration, Epoch, Instant, RpSlot};

/// A snapshot of the facility.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RfStatus {
    /// This unit.
    pub slot: RpSlot,
    /// Its state.
    pub state: RfState,
    /// How long it has been in that state.
    pub in_state: Duration,
    /// How long it has been up.
    pub uptime: Duration,
    /// The peer's state.
    pub peer_state: RfState,
    /// How long the peer has been in that state, as seen from here.
    pub peer_in_state: Duration,
    /// Whether a peer is detected.
    pub duplex: bool,
    /// Whether the link to the peer is up.
    pub communication: bool,
    /// The epoch in which this unit is active.
    pub epoch: Option<Epoch>,
    /// Newest epoch known.
    pub mastership: Epoch,
    /// Configured mode.
    pub configured_mode: RedundancyMode,
    /// Mode that the pair operates in.
    pub operating_mode: RedundancyMode,
    /// Why the pair operates in RPR although SSO is configured; empty where it does not.
    pub fallback: Vec<Fallback>,
    /// Whether the standby of a pair in RPR has the startup configuration and waits.
    pub peer_rests: bool,
    /// Configuration registers of this unit: with which it booted, and for its next boot.
    pub registers: (u16, u16),
    /// The same of the peer, and its image, as it said itself.
    pub peer_said: Option<(u16, u16, ImageVersion)>,
    /// Maintenance mode.
    pub maintenance: bool,
    /// Whether the operator may switch over now.
    pub manual_switchover: ManualSwitchover,
    /// How often this active has lost a standby.
    pub standby_failures: u32,
    /// Number of clients, the facility's own two included.
    pub client_count: usize,
    /// Limit for one pass, in milliseconds.
    pub notification_time_ms: u64,
    /// Heartbeat interval, in milliseconds.
    pub keepalive_interval_ms: u64,
    /// Heartbeats of the peer that are missing now.
    pub keepalive_missed: u64,
    /// What `debug redundancy` watches, as bits.
    pub debug_mask: u32,
    /// Intervals of silence that are tolerated.
    pub keepalive_threshold: u64,
}

impl RedundancyFacility {
    /// The facility's present state of affairs.
    pub fn status(&self, now: Instant) -> RfStatus {
        let interval_ms = self.config.keepalive_interval_ms.max(1);
        RfStatus {
            slot: self.config.slot,
            state: self.state,
            in_state: now - self.since,
            uptime: self
                .started_at
                .map_or(Duration::ZERO, |started_at| now - started_at),
            peer_state: self.peer.state,
            peer_in_state: now - self.peer.since,
            duplex: self.peer.present,
            communication: self.peer.communication,
            epoch: self.epoch,
            mastership: self.mastership,
            configured_mode: self.config.mode,
            operating_mode: self.operating_mode,
            fallback: self.fallback_reasons(),
            peer_rests: self.peer.rests,
            registers: (self.config.register, self.config.next_register),
            peer_said: self
                .peer
                .hello
                .map(|(_, hello)| (hello.register, hello.next_register, hello.image)),
            maintenance: self.maintenance,
            manual_switchover: ManualSwitchover::of(&self.situation()),
            standby_failures: self.standby_failures,
            client_count: self.clients.count(),
            notification_time_ms: self.config.notification_time_ms,
            keepalive_interval_ms: self.config.keepalive_interval_ms,
            debug_mask: self.debug_mask(),
            keepalive_missed: self
                .detector
                .as_ref()
                .map_or(0, |detector: &FailureDetector| detector.missed(now)),
            keepalive_threshold: self.config.keepalive_limit_ms / interval_ms,
        }
    }
}
