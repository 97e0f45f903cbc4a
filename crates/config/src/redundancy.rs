//! What is configured below `redundancy`, and the configuration register.

use core::fmt;

/// Least and greatest interval of keepalives, milliseconds. Below ten a busy scheduler alone would look like a death.
pub const KEEPALIVE_INTERVAL_MS_RANGE: (u32, u32) = (10, 60_000);
/// Least and greatest number of keepalives that may be missing. Fewer than three would make one late one fatal.
pub const KEEPALIVE_THRESHOLD_RANGE: (u32, u32) = (3, 1_000);
/// Least and greatest time that the clients of a progression may take, milliseconds.
pub const NOTIFICATION_TIMER_MS_RANGE: (u32, u32) = (1_000, 3_600_000);
/// The configuration register of a route processor that nobody has set: boot, and use the startup configuration.
pub const CONFIGURATION_REGISTER_DEFAULT: u16 = 0x2102;
/// Bit of the configuration register that has the startup configuration ignored at boot.
pub const REGISTER_IGNORES_STARTUP: u16 = 0x0040;
/// Bits of the configuration register that say what to boot. 0: stay in the ROM monitor.
pub const REGISTER_BOOT_FIELD: u16 = 0x000f;

/// The redundancy mode of the chassis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RedundancyMode {
    /// Route processor redundancy: the standby is cold and starts anew at a switchover.
    Rpr,
    /// Stateful switchover: the standby runs hot.
    #[default]
    Sso,
}

impl RedundancyMode {
    /// The keyword, as configured and as shown.
    pub const fn keyword(self) -> &'static str {
        match self {
            RedundancyMode::Rpr => "rpr",
            RedundancyMode::Sso => "sso",
        }
    }
}

impl fmt::Display for RedundancyMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.keyword())
    }
}

/// What can be set below `redundancy` besides the mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedundancySetting {
    /// `keepalive interval MILLISECONDS`; `None`: `no keepalive interval`, back to the chassis' own.
    KeepaliveIntervalMs(Option<u32>),
    /// `keepalive threshold COUNT`; `None`: back to the chassis' own.
    KeepaliveThreshold(Option<u32>),
    /// `notification-timer MILLISECONDS`; `None`: back to the default, 30000.
    NotificationTimerMs(Option<u32>),
    /// `maintenance-mode` (true), `no maintenance-mode` (false).
    MaintenanceMode(bool),
    /// `headless-forwarding disable` (true), `no headless-forwarding disable` (false).
    HeadlessForwardingDisable(bool),
}

/// The redundancy part of a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RedundancyConfiguration {
    /// The mode.
    pub mode: RedundancyMode,
    /// Interval of keepalives, milliseconds; `None`: the chassis' own.
    pub keepalive_interval_ms: Option<u32>,
    /// Keepalives that may be missing; `None`: the chassis' own.
    pub keepalive_threshold: Option<u32>,
    /// Time that the clients of a progression may take, milliseconds; `None`: the default.
    pub notification_timer_ms: Option<u32>,
    /// Whether the standby is cut off.
    pub maintenance_mode: bool,
    /// Whether line cards are reset when the active is lost before a standby is ready.
    pub headless_forwarding_disabled: bool,
}

impl RedundancyConfiguration {
    /// Sets one thing. Returns whether that changed anything.
    pub fn set(&mut self, setting: RedundancySetting) -> bool {
        let before = *self;
        match setting {
            RedundancySetting::KeepaliveIntervalMs(value) => self.keepalive_interval_ms = value,
            RedundancySetting::KeepaliveThreshold(value) => self.keepalive_threshold = value,
            RedundancySetting::NotificationTimerMs(value) => self.notification_timer_ms = value,
            RedundancySetting::MaintenanceMode(on) => self.maintenance_mode = on,
            RedundancySetting::HeadlessForwardingDisable(disabled) => {
                self.headless_forwarding_disabled = disabled;
            }
        }
        *self != before
    }

    /// What differs from the defaults, in the order of the running configuration; the mode is not among it.
    pub fn settings(&self) -> impl Iterator<Item = RedundancySetting> + use<> {
        let Self {
            mode: _,
            keepalive_interval_ms,
            keepalive_threshold,
            notification_timer_ms,
            maintenance_mode,
            headless_forwarding_disabled,
        } = *self;
        [
            keepalive_interval_ms.map(|value| RedundancySetting::KeepaliveIntervalMs(Some(value))),
            keepalive_threshold.map(|value| RedundancySetting::KeepaliveThreshold(Some(value))),
            notification_timer_ms.map(|value| RedundancySetting::NotificationTimerMs(Some(value))),
            maintenance_mode.then_some(RedundancySetting::MaintenanceMode(true)),
            headless_forwarding_disabled.then_some(RedundancySetting::HeadlessForwardingDisable(true)),
        ]
        .into_iter()
        .flatten()
    }
}
