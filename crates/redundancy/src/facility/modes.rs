//! Which mode the pair operates in, and what the configuration says of the pair.
//!
//! The active's configuration rules. A standby adopts its mode from the first words on the link, its timers from
//! [`Body::Timers`], and maintenance from [`Body::Maintenance`]: in RPR it has no running configuration to read them from.

use super::{Body, Output, RedundancyFacility, RedundancyMode, ReloadReason, RfTimer, Status, Syslog};
use crate::fallback::Fallback;
use crate::message::{Hello, PROTOCOL_VERSION, PairTimers};
use alloc::vec::Vec;
use machine::{Instant, Outbox};

/// What the configuration says of the pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RedundancySettings {
    /// The configured mode.
    pub mode: RedundancyMode,
    /// Interval of heartbeats, in milliseconds; `None`: what the facility was made with.
    pub keepalive_interval_ms: Option<u64>,
    /// Heartbeats that may be missing; `None`: what the facility was made with.
    pub keepalive_threshold: Option<u64>,
    /// How long all clients may take for one pass, in milliseconds; `None`: what the facility was made with.
    pub notification_time_ms: Option<u64>,
    /// Maintenance mode.
    pub maintenance: bool,
}

impl RedundancyFacility {
    pub(super) fn hello(&self) -> Hello {
        Hello {
            version: PROTOCOL_VERSION,
            schema_hash: self.config.schema_hash,
            mode: self.config.mode,
            image: self.config.image,
            register: self.config.register,
            next_register: self.config.next_register,
            mismatched_commands: self.mismatch.commands,
            language: self.config.language,
            mismatched_language: self.mismatch.language,
        }
    }

    /// Says what this unit is: first on a link, and again when that changes before the peer has spoken.
    pub(super) fn greet(&mut self, out: &mut Outbox<Output>) {
        self.peer.told_register = Some(self.config.next_register);
        self.send(Body::Hello(self.hello()), out);
    }

    /// The mode in which this pair can operate: that of the active's configuration, if both mean the same by it.
    pub(super) fn settle_mode(&mut self, now: Instant, out: &mut Outbox<Output>) {
        let (mode, fallback) = match self.peer.hello {
            None => (RedundancyMode::NonRedundant, Vec::new()),
            Some((_, hello)) => {
                if self.peer.state.is_active() && !self.state.is_active() {
                    self.config.mode = hello.mode;
                }
                // A register that was set since goes to the standby as configuration does, and the peer's words do not tell
                // of it: words of one time are compared, on both units the same.
                let ours = Hello {
                    next_register: self.peer.told_register.unwrap_or(self.config.next_register),
                    ..self.hello()
                };
                let differences = Fallback::between(&ours, &hello);
                let mode = if differences.is_empty() {
                    self.config.mode
                } else {
                    self.config.mode.min(RedundancyMode::Rpr)
                };
                (mode, differences)
            }
        };
        if fallback != self.fallback {
            for difference in &fallback {
                out.now(Output::Log(Syslog::peer_differs(difference, difference.remedy())));
            }
            self.fallback = fallback;
        }
        if mode != self.operating_mode {
            self.operating_mode = mode;
            self.tell_clients(now, Status::RedundancyModeChange, mode.snmp(), out);
            out.now(Output::Log(Syslog::mode(mode, self.config.mode)));
        }
    }

    /// Why the pair operates in RPR although SSO is configured; empty where it does not.
    pub(super) fn fallback_reasons(&self) -> Vec<Fallback> {
        if self.operating_mode == RedundancyMode::Rpr && self.config.mode == RedundancyMode::Sso {
            self.fallback.clone()
        } else {
            Vec::new()
        }
    }

    /// Whether a standby rests in RPR, or is on its way there: it takes the startup configuration and nothing else.
    pub fn has_cold_standby(&self) -> bool {
        self.state.is_active()
            && self.operating_mode == RedundancyMode::Rpr
            && self.peer.hello.is_some()
            && self.peer.state.is_standby()
            && !self.maintenance
    }

    /// The mode that the pair operates in.
    pub fn operating_mode(&self) -> RedundancyMode {
        self.operating_mode
    }

    pub(super) fn configured(
        &mut self,
        now: Instant,
        settings: RedundancySettings,
        out: &mut Outbox<Output>,
    ) {
        if !self.state.is_active() {
            return;
        }
        self.configure_mode(now, settings.mode, out);
        let timers = self.timers_of(&settings);
        if timers != self.pair_timers() {
            // The peer is told by a message of the old pace, so it knows before it could miss one.
            self.send(Body::Timers(timers), out);
            self.set_pair_timers(now, timers);
        }
        if self.maintenance != settings.maintenance {
            self.maintenance_mode(now, settings.maintenance, out);
        }
    }

    fn timers_of(&self, settings: &RedundancySettings) -> PairTimers {
        let own = self.default_timers;
        let keepalive_interval_ms = settings
            .keepalive_interval_ms
            .unwrap_or(own.keepalive_interval_ms);
        let of_own = own.keepalive_limit_ms / own.keepalive_interval_ms.max(1);
        let keepalive_limit_ms = match (settings.keepalive_interval_ms, settings.keepalive_threshold) {
            (None, None) => own.keepalive_limit_ms,
            (_, threshold) => keepalive_interval_ms.saturating_mul(threshold.unwrap_or(of_own)),
        };
        PairTimers {
            keepalive_interval_ms,
            keepalive_limit_ms,
            notification_time_ms: settings.notification_time_ms.unwrap_or(own.notification_time_ms),
        }
    }

    pub(super) fn pair_timers(&self) -> PairTimers {
        PairTimers {
            keepalive_interval_ms: self.config.keepalive_interval_ms,
            keepalive_limit_ms: self.config.keepalive_limit_ms,
            notification_time_ms: self.config.notification_time_ms,
        }
    }

    /// The active paces the pair anew. Everything that was heard so far was sent at another pace, so judging starts over.
    pub(super) fn set_pair_timers(&mut self, now: Instant, timers: PairTimers) {
        if timers == self.pair_timers() {
            return;
        }
        self.config.keepalive_interval_ms = timers.keepalive_interval_ms;
        self.config.keepalive_limit_ms = timers.keepalive_limit_ms;
        self.config.notification_time_ms = timers.notification_time_ms;
        if self.detector.is_some() {
            self.begin_judging(now);
        }
        if self.peer.communication {
            self.timers.set(RfTimer::Keepalive, now);
        }
    }

    pub(super) fn told_timers(&mut self, now: Instant, timers: PairTimers) {
        if !self.state.is_active() {
            self.set_pair_timers(now, timers);
        }
    }

    pub(super) fn configure_mode(&mut self, now: Instant, mode: RedundancyMode, out: &mut Outbox<Output>) {
        if self.config.mode == mode {
            return;
        }
        self.config.mode = mode;
        if !self.state.is_active() {
            return;
        }
        if self.peer.hello.is_some() {
            self.reload_peer(now, ReloadReason::ModeChanged, out);
        } else {
            // A peer that has not spoken on this link may have been told another mode by the first words on it.
            self.greet(out);
        }
    }

    /// The next start has another register than was known.
    pub(super) fn register_stored(&mut self, register: u16, out: &mut Outbox<Output>) {
        if self.config.next_register == register {
            return;
        }
        self.config.next_register = register;
        if self.state.is_active() && self.peer.hello.is_none() {
            // As with the mode: both units have to judge by the same words.
            self.greet(out);
        }
    }

    pub(super) fn maintenance_mode(&mut self, now: Instant, enabled: bool, out: &mut Outbox<Output>) {
        if !self.state.is_active() {
            out.now(Output::Refused(
                "% Maintenance mode can be set only on the active unit",
            ));
            return;
        }
        if self.maintenance == enabled {
            return;
        }
        self.maintenance = enabled;
        self.tell_clients(now, Status::MaintenanceEnable, u32::from(enabled), out);
        if enabled {
            self.peer.in_step = false;
            self.peer.rests = false;
            self.asked_by_standby = None;
            self.abandon_pass_for_peer();
            self.send(Body::Maintenance(true), out);
            out.now(Output::StopSync);
        } else if self.peer.present {
            self.reload_peer(now, ReloadReason::MaintenanceLeft, out);
        }
    }
}
