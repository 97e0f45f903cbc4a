//! System messages: their form, and the facility's own, word for word as operators grep for them.
//!
//! A message exists only as an entry of a catalogue. [`system_messages!`](crate::system_messages) makes the entry and the functions that
//! fill in its words from one text, so that no message can be sent that the catalogue (and `docs/system-messages.md`, which is made
//! from it) does not list.

use alloc::string::String;
use core::fmt;

use crate::fallback::Fallback;
use crate::state::RedundancyMode;
use machine::{RpSlot, Severity};

#[doc(hidden)]
pub use alloc::format as __format;

/// One kind of message: what operators look up when they have seen it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageEntry {
    /// Who speaks, such as `REDUNDANCY`.
    pub facility: &'static str,
    /// How urgent it is.
    pub severity: Severity,
    /// Which message of that facility.
    pub mnemonic: &'static str,
    /// Its texts, with `{names}` where words are filled in.
    pub texts: &'static [&'static str],
    /// What has happened.
    pub explanation: &'static str,
    /// What to do about it.
    pub action: &'static str,
}

/// One system message: `%RF-5-RF_TERMINAL_STATE: Terminal state reached for (SSO)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Syslog {
    entry: &'static MessageEntry,
    text: String,
}

impl Syslog {
    /// For [`system_messages!`](crate::system_messages) only: everybody else calls the functions that it makes.
    #[doc(hidden)]
    pub const fn of(entry: &'static MessageEntry, text: String) -> Self {
        Self { entry, text }
    }

    /// The catalogue's entry.
    pub const fn entry(&self) -> &'static MessageEntry {
        self.entry
    }

    /// How urgent it is.
    pub const fn severity(&self) -> Severity {
        self.entry.severity
    }

    /// The words after the colon.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MessageEntry {
            facility,
            severity,
            mnemonic,
            ..
        } = self.entry;
        write!(f, "%{facility}-{}-{mnemonic}: {}", severity.number(), self.text)
    }
}

/// Severity of an entry; a number above 7 does not compile.
#[doc(hidden)]
pub const fn __severity(number: u8) -> Severity {
    match Severity::from_number(number) {
        Some(severity) => severity,
        None => panic!("a severity is 0 to 7"),
    }
}

/// Declares system messages: for each entry one function per text, and a `CATALOGUE` with all entries.
///
/// With `impl Syslog;` in front the functions are methods of [`Syslog`], which only this crate can have.
#[macro_export]
macro_rules! system_messages {
    (@entry $facility:ident $severity:literal $mnemonic:ident $explanation:literal $action:literal $($text:literal)+) => {
        $crate::syslog::MessageEntry {
            facility: stringify!($facility),
            severity: const { $crate::syslog::__severity($severity) },
            mnemonic: stringify!($mnemonic),
            texts: &[$($text),+],
            explanation: $explanation,
            action: $action,
        }
    };
    (@functions $(
        $facility:ident - $severity:literal - $mnemonic:ident {
            explanation: $explanation:literal,
            action: $action:literal,
            $($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),*) = $text:literal;)+
        }
    )+) => {$(
        $crate::system_messages! { @function
            ($facility $severity $mnemonic $explanation $action $($text)+)
            $({$(#[$doc])* fn $name($($argument: $type),*) = $text;})+
        }
    )+};
    (@function $entry:tt $({$(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),*) = $text:literal;})+) => {
        $($crate::system_messages! { @one $entry $(#[$doc])* fn $name($($argument: $type),*) = $text; })+
    };
    (@one ($($entry:tt)+) $(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),*) = $text:literal;) => {
        $(#[$doc])*
        pub fn $name($($argument: $type),*) -> $crate::Syslog {
            static ENTRY: $crate::syslog::MessageEntry = $crate::system_messages!(@entry $($entry)+);
            $crate::Syslog::of(&ENTRY, $crate::syslog::__format!($text))
        }
    };
    (@catalogue $(
        $facility:ident - $severity:literal - $mnemonic:ident {
            explanation: $explanation:literal,
            action: $action:literal,
            $($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),*) = $text:literal;)+
        }
    )+) => {
        /// Every message that this crate can send.
        pub static CATALOGUE: &[$crate::syslog::MessageEntry] = &[$(
            $crate::system_messages!(@entry $facility $severity $mnemonic $explanation $action $($text)+)
        ),+];
    };
    (impl Syslog; $($messages:tt)+) => {
        impl Syslog {
            $crate::system_messages! { @functions $($messages)+ }
        }
        $crate::system_messages! { @catalogue $($messages)+ }
    };
    ($($messages:tt)+) => {
        $crate::system_messages! { @functions $($messages)+ }
        $crate::system_messages! { @catalogue $($messages)+ }
    };
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

impl fmt::Display for PeerMonitor {
    /// The name alone; `{:#}` adds the number, as in `raw-event=PEER_FOUND(4)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if f.alternate() {
            write!(f, "({})", self.number())?;
        }
        Ok(())
    }
}

/// The mode in brackets of `Terminal state reached for (SSO)`.
struct TerminalMode(RedundancyMode);

impl fmt::Display for TerminalMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            RedundancyMode::Sso => "SSO",
            RedundancyMode::Rpr => "RPR",
            RedundancyMode::NonRedundant => "Non-redundant",
        })
    }
}

impl Syslog {
    /// The standby rests where the mode lets it rest.
    pub fn terminal_state(mode: RedundancyMode) -> Self {
        Self::terminal_state_reached(TerminalMode(mode))
    }

    /// The active has noticed that its standby went away.
    pub fn standby_removal(monitor: PeerMonitor) -> Self {
        match monitor {
            PeerMonitor::Down => Self::standby_crashed(monitor),
            _ => Self::standby_removed(monitor),
        }
    }
}

system_messages! {
    impl Syslog;

    HA-5-MODE {
        explanation: "The pair has settled on a redundancy mode. The operating mode is lower than the configured one \
            when the two processors cannot do better together, such as with different versions.",
        action: "None if the two are equal. If not, 'show redundancy states' and the lines of 'show redundancy history' \
            before it tell why.",
        /// The pair has settled on a mode.
        fn mode(operating: RedundancyMode, configured: RedundancyMode) =
            "Operating mode is {operating}, configured mode is {configured}.";
    }

    HA-4-PEER_MISMATCH {
        explanation: "The two route processors differ in something that keeps them from SSO: image, configuration register, \
            redundancy protocol or the form of checkpointed state. The pair operates in RPR. One message for each difference.",
        action: "Do what the message says. The mode returns to the configured one when the standby has booted alike.",
        /// What keeps the pair from SSO.
        fn peer_differs(difference: &Fallback, remedy: &str) = "SSO is not possible: {difference}. {remedy}";
    }

    HA_CONFIG_SYNC-6-BULK_CFGSYNC_SUCCEED {
        explanation: "The standby has the whole configuration of the active. Configuration commands are accepted again.",
        action: "None.",
        /// The standby has the whole configuration.
        fn bulk_config_sync_succeeded() = "Bulk Sync succeeded";
    }

    RF-5-RF_TERMINAL_STATE {
        explanation: "The standby is as ready as the operating mode lets it become.",
        action: "None.",
        /// See [`Syslog::terminal_state`].
        fn terminal_state_reached(mode: impl fmt::Display) = "Terminal state reached for ({mode})";
    }

    RF-5-RF_RELOAD {
        explanation: "A processor is reloaded, for the reason that the message gives.",
        action: "None if an operator asked for it. Otherwise follow the reason; 'show redundancy history' has what led \
            to it.",
        /// The peer is reloaded.
        fn peer_reload(reason: impl fmt::Display) = "Peer reload. Reason: {reason}";
        /// This unit is reloaded.
        fn self_reload(reason: impl fmt::Display) = "Self reload. Reason: {reason}";
    }

    PFREDUN-4-INCOMPATIBLE_ISSU_MATRIX {
        explanation: "The standby does not know commands that are configured (reason 100), so the pair runs RPR.",
        action: "'show redundancy config-sync failures mcl' names the commands. Run the same release on both, or take \
            them away and enter 'redundancy config-sync validate mismatched-commands', or have them ignored.",
        /// The standby does not know commands that are configured.
        fn incompatible_matrix() = "Compatibility Matrix check failed. reason 100";
    }

    RF-3-NOTIF_TMO {
        explanation: "A client has kept a progression waiting for longer than the notification timer allows.",
        action: "If it happens again, note the client and the progression, and look for its messages before this one.",
        /// A client keeps a progression waiting for too long.
        fn notification_expired(client: impl fmt::Display, progression: impl fmt::Display) =
            "Notification timer expired for client {client} in {progression}";
    }

    REDUNDANCY-3-STANDBY_LOST {
        explanation: "The active has lost its standby. Each detector that notices it sends the message once.",
        action: "The standby comes back by itself unless it was removed or powered off. If it does not, look at its \
            own log.",
        /// The active has lost its standby.
        fn standby_lost(monitor: PeerMonitor) = "Standby processor fault ({monitor})";
    }

    REDUNDANCY-5-PEER_MONITOR_EVENT {
        explanation: "A detector has noticed that the standby appeared, went away or changed its state.",
        action: "None for an insertion. For a removal that nobody asked for, see STANDBY_LOST.",
        /// The active has noticed that a standby appeared.
        fn standby_insertion(monitor: PeerMonitor) =
            "Active detected a standby insertion (raw-event={monitor:#})";
        /// See [`Syslog::standby_removal`].
        fn standby_removed(monitor: PeerMonitor) =
            "Active detected a standby removal (raw-event={monitor:#})";
        /// See [`Syslog::standby_removal`].
        fn standby_crashed(monitor: PeerMonitor) =
            "Active detected standby down or crashed (raw-event={monitor:#})";
    }

    REDUNDANCY-3-SWITCHOVER {
        explanation: "The standby has noticed that the active is lost, and takes over.",
        action: "'show redundancy switchover history' has the reason. If nobody asked for it, look for crash \
            information of the old active.",
        /// The standby takes over.
        fn switchover(monitor: PeerMonitor) = "RP switchover ({monitor})";
    }

    PLATFORM-6-HASTATUS {
        explanation: "This processor has become active.",
        action: "None.",
        /// The new active has the activity.
        fn became_active() = "RP switchover, received chassis event became active";
    }

    PMAN-5-EXITACTION {
        explanation: "The process of a processor that reloads ends.",
        action: "None.",
        /// The last word of a unit that is started anew.
        fn process_manager_exit(slot: RpSlot) =
            "{slot}/0: pvp: Process manager is exiting: process exit with reload fru code";
    }

    PMAN-3-RELOAD_RP {
        explanation: "The old active of a forced switchover has handed over and reloads. It comes back as a standby.",
        action: "None.",
        /// The old active of a forced switchover goes down.
        fn reload_after_switchover(slot: RpSlot) =
            "{slot}/0: pvp: Reloading: RP switchover initiated. This RP will be reloaded";
    }
}
