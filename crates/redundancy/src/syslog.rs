//! The facility's system messages, word for word as operators grep for them.

use alloc::borrow::Cow;
use alloc::format;
use core::fmt;

use crate::state::RedundancyMode;

/// One system message: `%RF-5-RF_TERMINAL_STATE: Terminal state reached for (SSO)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Syslog {
    /// Who speaks, such as `REDUNDANCY`.
    pub facility: &'static str,
    /// 0 (emergency) to 7 (debugging).
    pub severity: u8,
    /// Which message.
    pub mnemonic: &'static str,
    /// The words after the colon.
    pub text: Cow<'static, str>,
}

impl fmt::Display for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "%{}-{}-{}: {}",
            self.facility, self.severity, self.mnemonic, self.text
        )
    }
}

/// Which of the detectors of a peer noticed something. One failure is noticed by several of them, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PeerMonitor {
    /// The link or the heartbeat was lost.
    Down,
    /// The backplane does not see the unit any more.
    NotPresent,
    /// The unit was plugged in or came up.
    Found,
    /// The unit's state changed.
    StateChange,
}

impl PeerMonitor {
    /// Name of the event.
    pub const fn name(self) -> &'static str {
        match self {
            PeerMonitor::Down => "PEER_DOWN",
            PeerMonitor::NotPresent => "PEER_NOT_PRESENT",
            PeerMonitor::Found => "PEER_FOUND",
            PeerMonitor::StateChange => "PEER_REDUNDANCY_STATE_CHANGE",
        }
    }

    /// Number of the event, 2 to 5.
    pub const fn number(self) -> u32 {
        match self {
            PeerMonitor::Down => 2,
            PeerMonitor::NotPresent => 3,
            PeerMonitor::Found => 4,
            PeerMonitor::StateChange => 5,
        }
    }
}

impl Syslog {
    const fn new(
        facility: &'static str,
        severity: u8,
        mnemonic: &'static str,
        text: Cow<'static, str>,
    ) -> Self {
        Self {
            facility,
            severity,
            mnemonic,
            text,
        }
    }

    /// The pair has settled on a mode.
    pub fn mode(operating: RedundancyMode, configured: RedundancyMode) -> Self {
        let text = format!("Operating mode is {operating}, configured mode is {configured}.");
        Self::new("HA", 5, "MODE", text.into())
    }

    /// The standby has the whole configuration.
    pub fn bulk_config_sync_succeeded() -> Self {
        Self::new(
            "HA_CONFIG_SYNC",
            6,
            "BULK_CFGSYNC_SUCCEED",
            "Bulk Sync succeeded".into(),
        )
    }

    /// The standby rests where the mode lets it rest.
    pub fn terminal_state(mode: RedundancyMode) -> Self {
        let text = match mode {
            RedundancyMode::Sso => "Terminal state reached for (SSO)",
            RedundancyMode::Rpr => "Terminal state reached for (RPR)",
            RedundancyMode::NonRedundant => "Terminal state reached for (Non-redundant)",
        };
        Self::new("RF", 5, "RF_TERMINAL_STATE", text.into())
    }

    /// The peer is reloaded.
    pub fn peer_reload(reason: impl fmt::Display) -> Self {
        Self::new(
            "RF",
            5,
            "RF_RELOAD",
            format!("Peer reload. Reason: {reason}").into(),
        )
    }

    /// This unit is reloaded.
    pub fn self_reload(reason: impl fmt::Display) -> Self {
        Self::new(
            "RF",
            5,
            "RF_RELOAD",
            format!("Self reload. Reason: {reason}").into(),
        )
    }

    /// The active has lost its standby.
    pub fn standby_lost(monitor: PeerMonitor) -> Self {
        let text = format!("Standby processor fault ({})", monitor.name());
        Self::new("REDUNDANCY", 3, "STANDBY_LOST", text.into())
    }

    /// The active has noticed that a standby appeared.
    pub fn standby_insertion(monitor: PeerMonitor) -> Self {
        Self::peer_monitor_event("Active detected a standby insertion", monitor)
    }

    /// The active has noticed that its standby went away.
    pub fn standby_removal(monitor: PeerMonitor) -> Self {
        let text = match monitor {
            PeerMonitor::Down => "Active detected standby down or crashed",
            _ => "Active detected a standby removal",
        };
        Self::peer_monitor_event(text, monitor)
    }

    /// The standby takes over.
    pub fn switchover(monitor: PeerMonitor) -> Self {
        Self::new(
            "REDUNDANCY",
            3,
            "SWITCHOVER",
            format!("RP switchover ({})", monitor.name()).into(),
        )
    }

    /// The new active has the activity.
    pub fn became_active() -> Self {
        let text = "RP switchover, received chassis event became active";
        Self::new("PLATFORM", 6, "HASTATUS", text.into())
    }

    /// The old active of a forced switchover goes down.
    pub fn reload_after_switchover(slot: machine::RpSlot) -> Self {
        let text = format!("{slot}/0: pvp: Reloading: RP switchover initiated. This RP will be reloaded");
        Self::new("PMAN", 3, "RELOAD_RP", text.into())
    }

    /// A client keeps a progression waiting for too long.
    pub fn notification_expired(client: impl fmt::Display, progression: impl fmt::Display) -> Self {
        let text = format!("Notification timer expired for client {client} in {progression}");
        Self::new("RF", 3, "NOTIF_TMO", text.into())
    }

    fn peer_monitor_event(text: &str, monitor: PeerMonitor) -> Self {
        let text = format!("{text} (raw-event={}({}))", monitor.name(), monitor.number());
        Self::new("REDUNDANCY", 5, "PEER_MONITOR_EVENT", text.into())
    }
}
