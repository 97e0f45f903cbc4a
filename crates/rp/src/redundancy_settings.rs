//! What the configuration says of the pair reaches the redundancy facility, and what it says of the next boot the NVRAM.

use crate::io::RpOutput;
use crate::log;
use crate::processor::{Role, RouteProcessor, RpConfig};
use crate::promote::Startup;
use config::{CONFIGURATION_REGISTER_DEFAULT, ConfigCommand, REGISTER_IGNORES_STARTUP};
use machine::Instant;
use redundancy::{ColdStart, Input as RfInput, RedundancyMode, RedundancySettings};

/// The mode as the facility calls it.
pub(crate) const fn mode_of(mode: config::RedundancyMode) -> RedundancyMode {
    match mode {
        config::RedundancyMode::Rpr => RedundancyMode::Rpr,
        config::RedundancyMode::Sso => RedundancyMode::Sso,
    }
}

/// The startup configuration as this boot is to use it: the configuration register may have it ignored.
pub(crate) fn startup_of(config: &RpConfig) -> Startup<'_> {
    let kept = config.startup.as_deref();
    let ignored = config.configuration_register & REGISTER_IGNORES_STARTUP != 0;
    Startup {
        kept,
        used: kept.filter(|_| !ignored),
    }
}

impl RouteProcessor {
    /// All that the active's configuration says of the pair.
    pub(crate) fn redundancy_settings(&self) -> Option<RfInput> {
        let configured = self.active()?.clients.configuration.tree().redundancy();
        Some(RfInput::Configured(RedundancySettings {
            mode: mode_of(configured.mode),
            keepalive_interval_ms: configured.keepalive_interval_ms.map(u64::from),
            keepalive_threshold: configured.keepalive_threshold.map(u64::from),
            notification_time_ms: configured.notification_timer_ms.map(u64::from),
            maintenance: configured.maintenance_mode,
        }))
    }

    /// A command was executed on this active.
    pub(crate) fn command_executed(&mut self, now: Instant, command: &ConfigCommand) {
        match command {
            ConfigCommand::RedundancyMode(_) | ConfigCommand::RedundancySetting(_) => {
                if let Some(input) = self.redundancy_settings() {
                    self.tell_facility(now, input);
                }
            }
            ConfigCommand::ConfigRegister(value) => {
                let value = value.unwrap_or(CONFIGURATION_REGISTER_DEFAULT);
                self.store_register(now, value);
                if let Role::Active(active) = &mut self.role {
                    active.clients.register.set(value);
                }
                self.send_startup(now);
            }
            _ => {}
        }
    }

    /// Keeps the register for the next boot of this unit.
    pub(crate) fn store_register(&mut self, now: Instant, value: u16) {
        if self.next_register != value {
            self.next_register = value;
            self.turn.now(RpOutput::WriteRegister(value));
            self.tell_facility(now, RfInput::RegisterStored(value));
        }
    }

    /// A start from the configuration may take the cards along: in RPR it does, and otherwise where it is configured.
    pub(crate) fn reset_cards_after(&mut self, reason: ColdStart) {
        let Some(active) = self.active() else { return };
        let configured = active.clients.configuration.tree().redundancy();
        let why = match reason {
            ColdStart::Rpr => "RPR switchover",
            _ if configured.headless_forwarding_disabled => "headless forwarding is disabled",
            _ => return,
        };
        self.log(log::cards_reset(why));
        for card in self.config.card_slots.clone() {
            self.turn.now(RpOutput::ResetCard { card });
        }
    }
}
