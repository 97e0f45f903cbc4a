//! A pair in RPR: what the standby is given, and nothing else.
//!
//! ```text
//!   active: pass 101 on behalf of the standby ──▶ Startup{text, register, switchovers}
//!   standby: writes its NVRAM ──▶ StartupStored ──▶ active: the pass goes on, the standby is ready
//! ```
//!
//! No frame of state crosses. A save reaches it the same way ([`crate::config_sync`]), so a switchover, which starts from that
//! text, keeps what the operator was told is saved.

use crate::config_sync::{Startup, StartupStored, text_digest};
use crate::processor::RouteProcessor;
use alloc::string::String;
use alloc::vec::Vec;
use machine::Instant;
use redundancy::client::CONFIG_SYNC;
use redundancy::{ClientId, Input as RfInput, Progression, RedundancyMode, SwitchoverEntry, Syslog};

/// What is under way.
#[derive(Debug, Default)]
pub(crate) struct ColdStandby {
    /// The pass on behalf of the standby goes on once it has the startup configuration.
    pass_waits: bool,
    /// On the standby: switchovers that the active told of.
    switchovers: Vec<SwitchoverEntry>,
}

impl RouteProcessor {
    /// Whether the step of client Config Sync on behalf of a standby lasts until that has the startup configuration.
    pub(crate) fn pass_waits_for_cold_standby(
        &mut self,
        client: ClientId,
        progression: Progression,
        operand: u32,
    ) -> bool {
        let copies = operand == 1
            && client == CONFIG_SYNC.id
            && progression == Progression::StandbyCold
            && self.facility.operating_mode() == RedundancyMode::Rpr;
        let waits = copies && self.startup_text().is_some();
        self.cold.pass_waits |= waits;
        waits
    }

    fn startup_text(&self) -> Option<&str> {
        self.active()?.clients.configuration.startup_text()
    }

    /// What goes over with the startup configuration: all that a start from it can use.
    pub(crate) fn startup_message(&self) -> Option<Startup> {
        let active = self.active()?;
        let clients = &active.clients;
        Some(Startup {
            text: clients.configuration.startup_text().map(String::from)?,
            next_register: self.next_register.into(),
            switchovers: clients
                .system
                .switchovers
                .iter()
                .map(|(_, row)| row.0.to_record())
                .collect(),
        })
    }

    /// On the standby: what came with the startup configuration.
    pub(crate) fn keep_beside_startup(&mut self, now: Instant, startup: &Startup) {
        // 0 would stop at the boot monitor, so it is what a field that was not sent reads as.
        if let Some(value) = u16::try_from(startup.next_register)
            .ok()
            .filter(|value| *value != 0)
        {
            self.store_register(now, value);
        }
        self.cold.switchovers = startup
            .switchovers
            .iter()
            .filter_map(SwitchoverEntry::from_record)
            .collect();
    }

    /// On the active: the standby tells what has come of its NVRAM. One that could not write holds the text all the same.
    pub(crate) fn cold_standby_has(&mut self, now: Instant, stored: &StartupStored) {
        let ours = self.startup_text().map(text_digest);
        if !self.cold.pass_waits || ours != Some(stored.digest) {
            return;
        }
        self.cold.pass_waits = false;
        self.log(Syslog::bulk_config_sync_succeeded());
        let (client, progression) = (CONFIG_SYNC.id, Progression::StandbyCold);
        self.tell_facility(now, RfInput::ClientCompleted { client, progression });
    }

    /// The switchovers that the active told of, for a start from the startup configuration.
    pub(crate) fn told_switchovers(&mut self) -> Vec<SwitchoverEntry> {
        core::mem::take(&mut self.cold.switchovers)
    }
}
