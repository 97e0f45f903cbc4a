//! `show redundancy ...`: pure functions from a view to text.
//!
//! The layouts are those that operators and their scripts know, down to trailing blanks: scripts parse them. Labels of
//! `show redundancy` are right-aligned in 30 columns, so that `=` is always in column 32.

use crate::client::{ClientRegistry, FIRST_CLIENT, LAST_CLIENT};
use crate::facility::RfStatus;
use crate::history::History;
use crate::state::{RedundancyMode, RfState};
use crate::switchover::{SwitchoverHistory, SwitchoverReason, UtcTime, unit_id};
use alloc::string::{String, ToString};
use core::fmt::{self, Write};
use machine::{Duration, RpSlot};

/// What `show redundancy` says about one processor's software.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessorView {
    /// Image version text; may have several lines.
    pub image_version: String,
    /// Value of the BOOT variable.
    pub boot: String,
    /// Value of the CONFIG_FILE variable.
    pub config_file: String,
    /// Configuration register.
    pub configuration_register: ConfigurationRegister,
}

/// A configuration register as operators read it: `0x2102`, or `0x2102 (will be 0x2142 at next reload)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfigurationRegister {
    /// The value with which the processor booted.
    pub value: u16,
    /// The value for its next boot.
    pub next: u16,
}

impl From<(u16, u16)> for ConfigurationRegister {
    fn from((value, next): (u16, u16)) -> Self {
        Self { value, next }
    }
}

impl fmt::Display for ConfigurationRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:X}", self.value)?;
        if self.next != self.value {
            write!(f, " (will be 0x{:X} at next reload)", self.next)?;
        }
        Ok(())
    }
}

/// Everything that `show redundancy` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedundancyView {
    /// The facility's state of affairs.
    pub status: RfStatus,
    /// How long the system as a whole has been available.
    pub available: Duration,
    /// Switchovers since the system started.
    pub switchovers: u32,
    /// Reason of the last one.
    pub last_reason: SwitchoverReason,
    /// This processor.
    pub current: ProcessorView,
    /// The other one, as far as it is known.
    pub peer: ProcessorView,
}

/// `24 weeks, 6 days, 23 hours, 14 minutes`: from the largest unit that is not zero down to minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uptime(
    /// The time shown.
    pub Duration,
);

impl fmt::Display for Uptime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0.as_secs() / 60;
        let parts = [
            (minutes / (7 * 24 * 60), "week"),
            (minutes / (24 * 60) % 7, "day"),
            (minutes / 60 % 24, "hour"),
            (minutes % 60, "minute"),
        ];
        let last = parts.len() - 1;
        let mut separator = "";
        for (position, (count, unit)) in parts.into_iter().enumerate() {
            let only = position == last && separator.is_empty();
            if count > 0 || only {
                let plural = if count == 1 { "" } else { "s" };
                write!(f, "{separator}{count} {unit}{plural}")?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

/// The location number of a route processor: 6 for R0, 7 for R1.
pub const fn location(slot: RpSlot) -> u32 {
    6 + slot as u32
}

/// Lines of a `show` command. Writing to a String cannot fail, so the results are dropped in one place.
struct Page(String);

impl Page {
    fn line(&mut self, text: fmt::Arguments<'_>) {
        let _ = self.0.write_fmt(text);
        self.0.push('\n');
    }

    fn field(&mut self, label: &str, value: impl fmt::Display) {
        self.line(format_args!("{label:>30} = {value}"));
    }

    fn heading(&mut self, text: &str) {
        self.line(format_args!("{text}"));
        self.line(format_args!("{}", "-".repeat(text.len())));
    }

    fn blank(&mut self) {
        self.0.push('\n');
    }
}

fn communications(status: &RfStatus) -> &'static str {
    match (status.duplex, status.communication) {
        (_, true) => "Up",
        (false, false) => "Down      Reason: Simplex mode",
        (true, false) => "Down      Reason: Failure",
    }
}

fn hardware_mode(status: &RfStatus) -> &'static str {
    if status.duplex { "Duplex" } else { "Simplex" }
}

fn maintenance(status: &RfStatus) -> &'static str {
    if status.maintenance { "Enabled" } else { "Disabled" }
}

/// `show redundancy`, on the active or on the standby.
pub fn show_redundancy(view: &RedundancyView) -> String {
    let mut page = Page(String::new());
    let status = &view.status;
    let standby = status.state.is_standby();
    page.heading("Redundant System Information :");
    page.field("Available system uptime", Uptime(view.available));
    page.field("Switchovers system experienced", view.switchovers);
    if !standby {
        page.field("Standby failures", status.standby_failures);
        page.field("Last switchover reason", view.last_reason);
    }
    page.blank();
    page.field("Hardware Mode", hardware_mode(status));
    page.field("Configured Redundancy Mode", status.configured_mode);
    page.field("Operating Redundancy Mode", status.operating_mode);
    for reason in &status.fallback {
        page.field("Reason for falling back to rpr", reason);
    }
    page.field("Maintenance Mode", maintenance(status));
    page.field("Communications", communications(status));
    page.blank();
    page.heading("Current Processor Information :");
    processor(
        &mut page,
        status.slot,
        status.state,
        status.in_state,
        &view.current,
    );
    page.blank();
    let peer_slot = status.slot.peer();
    if standby {
        page.line(format_args!(
            "Peer (slot: {}, state: {}) information is not available because this is the standby processor",
            location(peer_slot),
            status.peer_state.name()
        ));
    } else if !status.duplex || status.peer_state <= RfState::Disabled {
        let state = status.peer_state.name();
        let slot = if status.duplex {
            location(peer_slot).to_string()
        } else {
            "unavailable".to_string()
        };
        page.line(format_args!(
            "Peer (slot: {slot}) information is not available because it is in '{state}' state"
        ));
    } else {
        page.heading("Peer Processor Information :");
        processor(
            &mut page,
            peer_slot,
            status.peer_state,
            status.peer_in_state,
            &view.peer,
        );
    }
    page.0
}

fn processor(page: &mut Page, slot: RpSlot, state: RfState, in_state: Duration, view: &ProcessorView) {
    let (role, blank) = if state.is_active() {
        ("Active Location", "")
    } else {
        ("Standby Location", " ")
    };
    page.field(role, format_args!("slot {}", location(slot)));
    // Anything but an active's state is followed by a blank, as captured from such routers.
    page.field("Current Software state", format_args!("{}{blank}", state.name()));
    page.field("Uptime in current state", Uptime(in_state));
    page.field("Image Version", &view.image_version);
    page.field("BOOT", &view.boot);
    page.field("CONFIG_FILE", &view.config_file);
    page.field("Configuration register", view.configuration_register);
}

/// `show redundancy states`.
pub fn show_states(status: &RfStatus) -> String {
    let mut page = Page(String::new());
    let unit = if status.slot == RpSlot::R0 {
        "Primary"
    } else {
        "Secondary"
    };
    page.line(format_args!("       my state = {} ", status.state.in_states()));
    page.line(format_args!(
        "     peer state = {} ",
        status.peer_state.in_states()
    ));
    page.line(format_args!("           Mode = {}", hardware_mode(status)));
    page.line(format_args!("           Unit = {unit}"));
    page.line(format_args!("        Unit ID = {}", unit_id(status.slot)));
    page.blank();
    let state = match status.operating_mode {
        RedundancyMode::NonRedundant => "Non Redundant".to_string(),
        mode => mode.to_string(),
    };
    page.line(format_args!(
        "Redundancy Mode (Operational) = {}",
        status.operating_mode
    ));
    page.line(format_args!(
        "Redundancy Mode (Configured)  = {}",
        status.configured_mode
    ));
    page.line(format_args!("Redundancy State              = {state}"));
    for reason in &status.fallback {
        page.line(format_args!("Redundancy Mode (Fell Back)   = {reason}"));
    }
    page.line(format_args!("     Maintenance Mode = {}", maintenance(status)));
    page.line(format_args!("    Manual Swact = {}", status.manual_switchover));
    page.line(format_args!(" Communications = {}", communications(status)));
    page.blank();
    page.line(format_args!("   client count = {}", status.client_count));
    page.line(format_args!(
        " client_notification_TMR = {} milliseconds",
        status.notification_time_ms
    ));
    page.line(format_args!(
        "          keep_alive TMR = {} milliseconds",
        status.keepalive_interval_ms
    ));
    page.line(format_args!(
        "        keep_alive count = {}",
        status.keepalive_missed
    ));
    page.line(format_args!(
        "    keep_alive threshold = {}",
        status.keepalive_threshold
    ));
    page.line(format_args!(
        "           RF debug mask = {:#x}   ",
        status.debug_mask
    ));
    page.0
}

/// `show redundancy clients`.
pub fn show_clients(clients: &ClientRegistry) -> String {
    let mut page = Page(String::new());
    page.line(format_args!(" Group ID =     1"));
    for client in clients.all() {
        // The facility's own two go by their older names here.
        let name = match client.id {
            id if id == FIRST_CLIENT.id => "RF_INTERNAL_MSG",
            id if id == LAST_CLIENT.id => "RF_LAST_CLIENT",
            _ => client.name,
        };
        let (id, sequence) = (client.id, client.sequence);
        page.line(format_args!(
            " clientID = {id:<7} clientSeq = {sequence:<8} {name}"
        ));
    }
    page.blank();
    page.line(format_args!(
        " SSO-aware: all clients above. Not SSO-aware, lost at a switchover and started anew:"
    ));
    for name in crate::client::NOT_AWARE {
        page.line(format_args!("  {name}"));
    }
    page.0
}

/// `show redundancy history`: oldest line first.
pub fn show_history(history: &History) -> String {
    history.show()
}

/// `show redundancy history reverse`: newest line first.
pub fn show_history_reverse(history: &History) -> String {
    let mut page = Page(String::new());
    for line in history.iter().rev() {
        page.line(format_args!("{line}"));
    }
    page.0
}

/// `show redundancy switchover history`; nothing without entries.
pub fn show_switchover_history(history: &SwitchoverHistory) -> String {
    let mut page = Page(String::new());
    if history.last().is_none() {
        return page.0;
    }
    page.line(format_args!(
        "Index  Previous  Current  Switchover             Switchover"
    ));
    page.line(format_args!(
        "       active    active   reason                 time"
    ));
    page.line(format_args!(
        "-----  --------  -------  ----------             ----------"
    ));
    for entry in history.iter() {
        page.line(format_args!(
            "{:>4}{:>8}{:>9}     {:<22} {}{}",
            entry.index,
            unit_id(entry.previous),
            unit_id(entry.current),
            entry.reason,
            UtcTime(entry.unix_seconds),
            // Beyond the original: which of the many ways to fail it was.
            entry
                .loss
                .map_or(String::new(), |loss| alloc::format!(" ({loss})")),
        ));
    }
    page.0
}
