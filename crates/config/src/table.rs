//! The table: every command there is, its words, arguments, help texts, mode and privilege.
//!
//! Adding a command means: a row here, an identifier in [`CommandId`], a variant in [`crate::Command`]'s family and
//! an arm in `bind.rs` that makes the variant from the row's arguments (and back, for a configuration command).
//! Parsing, abbreviation, help, completion, error markers and running-config text follow from the row.

use crate::mode::ModeSet;
use crate::name::INTERFACE_TYPE;
use crate::redundancy::{
    KEEPALIVE_INTERVAL_MS_RANGE, KEEPALIVE_THRESHOLD_RANGE, NOTIFICATION_TIMER_MS_RANGE,
};
use crate::token::{Kind, Slot, Token, argument, keyword};

/// What an operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    /// Level 1: look.
    User = 1,
    /// Level 15: everything.
    Privileged = 15,
}

/// Which command a row is a form of. A command may have more than one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the rows below say what each one is, word by word")]
pub enum CommandId {
    Enable,
    Disable,
    ConfigureTerminal,
    Exit,
    End,
    Logout,
    CopyRunningStartup,
    CopyRunning,
    CopyStartup,
    CopyToStartup,
    CopyFile,
    Dir,
    More,
    Delete,
    ShowConfigSyncStatus,
    ShowConfigSyncBem,
    ShowConfigSyncMcl,
    ShowConfigSyncPrc,
    ShowConfigSyncIgnored,
    ConfigSyncIgnore,
    ConfigSyncValidate,
    PolicyBulkBem,
    PolicyBulkPrc,
    PolicyLblBem,
    PolicyLblPrc,
    Ping,
    RedundancyForceSwitchover,
    Reload,
    // The chassis.
    RedundancyReloadPeer,
    RedundancyReloadShelf,
    HwModuleReload,
    HwModuleStop,
    HwModuleStart,
    ShowInventory,
    ShowDiag,
    ShowDiagDetails,
    ShowDiagSummary,
    ShowDiagChassis,
    ShowDiagChassisDetails,
    ShowDiagChassisSummary,
    ShowFacilityAlarm,
    DirCrashinfo,
    CrashdumpTimeout,
    // What there is to see.
    ShowArp,
    ShowCheckpoint,
    ShowCheckpointClients,
    ShowCheckpointEntities,
    ShowCheckpointStatistics,
    ShowCheckpointBuffers,
    ShowInterfaces,
    ShowIpCef,
    ShowIpInterfaceBrief,
    ShowIpRoute,
    ShowPlatform,
    ShowRedundancy,
    ShowRedundancyClients,
    ShowRedundancyHistory,
    ShowRedundancyStates,
    ShowRedundancySwitchoverHistory,
    ShowRunningConfig,
    ShowStartupConfig,
    ShowVersion,
    TerminalLength,
    WriteMemory,
    ClearLogging,
    DebugRedundancyAll,
    DebugRedundancyUi,
    DebugRedundancyClk,
    DebugRedundancyHub,
    UndebugAll,
    UndebugRedundancyAll,
    ShowDebugging,
    ShowLogging,
    ShowRedundancyCounters,
    ShowRedundancyDebugLog,
    ShowRedundancyHandover,
    ShowRedundancyHistoryReload,
    ShowRedundancyHistoryReverse,
    ShowRedundancyInterDevice,
    ShowRedundancyIdbSyncHistory,
    TerminalMonitor,
    TerminalNoMonitor,
    LoggingBuffered,
    LoggingConsole,
    LoggingMonitor,
    Version,
    Hostname,
    Interface,
    IpRoute,
    Redundancy,
    RedundancyMode,
    RedundancyModeRpr,
    KeepaliveInterval,
    KeepaliveThreshold,
    NotificationTimer,
    MaintenanceMode,
    HeadlessForwarding,
    ConfigRegister,
    Description,
    IpAddress,
    Mtu,
    Shutdown,
    // The session's own.
    Do,
    DefaultInterface,
    ShowClock,
    ShowHistory,
    ShowPrivilege,
    ShowTerminal,
    TerminalHistorySize,
    TerminalWidth,
    // BGP.
    Bgp(crate::bgp::BgpId),
    Routing(crate::bgp::RoutingId, crate::bgp::How),
    Policy(crate::policy::PolicyId),
}

impl CommandId {
    /// Whether the command moves the session to another mode, or ends it.
    pub(crate) const fn changes_mode(self) -> bool {
        use CommandId::{ConfigureTerminal, Disable, Enable, End, Exit, Logout};
        matches!(self, Enable | Disable | ConfigureTerminal | Exit | End | Logout)
    }
}

/// One form of one command.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Where it is read.
    pub modes: ModeSet,
    /// Who may use it.
    pub privilege: Privilege,
    /// The command that it is a form of.
    pub id: CommandId,
    /// Whether it is the `no` form, or a `default` form that does the same. That word is the first of the tokens.
    pub negated: bool,
    /// Whether `?` and Tab keep silent about it.
    pub hidden: bool,
    /// Its words in order.
    pub tokens: &'static [Token],
}

impl Row {
    /// Whether it is about showing a text: its output may be filtered and comes page by page.
    pub(crate) fn is_shown_text(&self) -> bool {
        matches!(
            self.tokens.first(),
            Some(Token::Keyword {
                word: "show" | "more" | "dir",
                ..
            })
        ) && self.modes.intersects(ModeSet::EXEC)
    }
}

/// Least and greatest MTU of an interface, bytes.
pub const MTU_RANGE: (u32, u32) = (64, 9216);

macro_rules! row {
    ($modes:ident $privilege:ident $id:ident: $($token:expr),+) => {
        Row { modes: ModeSet::$modes, privilege: Privilege::$privilege, id: CommandId::$id, negated: false,
              hidden: false, tokens: &[$($token),+] }
    };
    ($modes:ident $privilege:ident no $id:ident: $($token:expr),+) => {
        Row { modes: ModeSet::$modes, privilege: Privilege::$privilege, id: CommandId::$id, negated: true,
              hidden: false, tokens: &[NO, $($token),+] }
    };
    (hidden $modes:ident $privilege:ident $id:ident: $($token:expr),+) => {
        Row { modes: ModeSet::$modes, privilege: Privilege::$privilege, id: CommandId::$id, negated: false,
              hidden: true, tokens: &[$($token),+] }
    };
}

const fn number(slot: Slot, (min, max): (u32, u32), help: &'static str) -> Token {
    argument(slot, Kind::Number { min, max }, help)
}

const fn optional(tokens: usize) -> Token {
    Token::Optional(tokens)
}

pub(crate) const NO: Token = keyword("no", "Negate a command or set its defaults");
pub(crate) const DEFAULT: Token = keyword("default", "Set a command to its defaults");
pub(crate) const SHOW: Token = keyword("show", "Show running system information");
pub(crate) const SHOW_IP: Token = keyword("ip", "IP information");
const SHOW_REDUNDANCY: Token = keyword("redundancy", "Redundancy Facility (RF) information");
const SHOW_CHECKPOINT: Token = keyword("checkpoint", "Checkpoint Facility (CF) information");
const SHOW_INTERFACES: Token = keyword("interfaces", "Interface status and configuration");
pub(crate) const SHOW_ROUTE: Token = keyword("route", "IP routing table");
const SHOW_CEF: Token = keyword("cef", "Express forwarding table");
const LOOKUP: Token = argument(
    Slot::Address,
    Kind::AddressOrPrefix,
    "Address to look up, or network to display",
);
pub(crate) const LOOKUP_NETWORK: Token = argument(Slot::Address, Kind::Address, "Network to display");
pub(crate) const LOOKUP_MASK: Token = argument(Slot::Mask, Kind::Netmask, "Network mask");
const SHOW_CLIENTS: Token = keyword("clients", "Clients in order of their sequence");
const HISTORY: Token = keyword("history", "Log of past events");

const REDUNDANCY_EXEC: Token = keyword("redundancy", "Redundancy Facility (RF) exec commands");
const CHECKPOINT_STATISTICS: Token = keyword("statistics", "Counters of the checkpoint facility");
const COPY: Token = keyword("copy", "Copy from one file to another");
const COPY_RUNNING: Token = keyword("running-config", "Copy from current system configuration");
const COPY_STARTUP: Token = keyword("startup-config", "Copy from startup configuration");
const COPY_FILE: Token = argument(
    Slot::Name,
    Kind::Word,
    "Copy from this file, for instance bootflash:base.cfg",
);
const TO_STARTUP: Token = keyword("startup-config", "Copy to startup configuration");
const TO_FILE: Token = argument(Slot::Text, Kind::Word, "Copy to this file or filesystem");
const CONFIG_SYNC: Token = keyword("config-sync", "Config Sync status and failures");
const FAILURES: Token = keyword("failures", "Commands that failed on the standby");
const BEM: Token = keyword("bem", "Best effort method");
const MCL: Token = keyword("mcl", "Mismatched command list");
const PRC: Token = keyword("prc", "Parser return code");
const MISMATCHED_COMMANDS: Token = keyword("mismatched-commands", "Commands that the standby does not know");
const POLICY: Token = keyword(
    "policy",
    "What a difference between the route processors leads to",
);
const BULK: Token = keyword(
    "bulk",
    "Found while the standby takes the whole configuration over",
);
const LBL: Token = keyword("lbl", "Found line by line");
const RELOAD_STANDBY: Token = keyword("reload", "Reload the standby");

const ETHERNET: Token = keyword(INTERFACE_TYPE, "IEEE 802.3");
const PORT: Token = argument(Slot::Port, Kind::Port, "Card slot and port number");
const INTERFACE: Token = keyword("interface", "Select an interface to configure");

pub(crate) const IP_GLOBAL: Token = keyword("ip", "Global IP configuration subcommands");
const ROUTE: Token = keyword("route", "Establish static routes");
const ROUTE_NETWORK: Token = argument(Slot::Address, Kind::Address, "Destination prefix");
const ROUTE_MASK: Token = argument(Slot::Mask, Kind::Address, "Destination prefix mask");
const NEXT_HOP: Token = argument(Slot::NextHop, Kind::Address, "Forwarding router's address");
const NULL: Token = keyword("Null", "Null interface");
const NULL_NUMBER: Token = argument(Slot::NullInterface, Kind::NullInterface, "Null interface number");
const DISTANCE: Token = argument(
    Slot::Distance,
    Kind::Number { min: 1, max: 255 },
    "Distance metric for this route",
);

const REDUNDANCY_RELOAD: Token = keyword("reload", "Reload the peer unit or the whole shelf");
const HW_MODULE: Token = keyword("hw-module", "Control of individual components in the system");
const HW_MODULE_SLOT: Token = keyword("slot", "Slot of the component");
const CHASSIS_SLOT: Token = argument(
    Slot::ChassisSlot,
    Kind::ChassisSlot,
    "Slot of a card or route processor",
);
const DIAG: Token = keyword(
    "diag",
    "Show diagnostic information for port adapters, cards and processors",
);
const DIAG_SLOT: Token = keyword("slot", "One slot");
const DIAG_SUBSLOT: Token = keyword("subslot", "One port of a card");
const DIAG_CHASSIS: Token = keyword("chassis", "The chassis itself");
const DETAILS: Token = keyword("details", "All that is known");
const SUMMARY: Token = keyword("summary", "One line for each");
/// Least and greatest time for a crash dump, minutes.
pub const CRASHDUMP_TIMEOUT_RANGE: (u32, u32) = (5, 1080);
const CRASHDUMP_TIMEOUT: Token = keyword(
    "crashdump-timeout",
    "Longest time for the crash dump of the failed unit",
);
const CRASHDUMP_MINUTES: Token = argument(
    Slot::Minutes,
    Kind::Minutes {
        min: CRASHDUMP_TIMEOUT_RANGE.0,
        max: CRASHDUMP_TIMEOUT_RANGE.1,
    },
    "Minutes, or hours and minutes",
);

const HOSTNAME: Token = keyword("hostname", "Set system's network name");
const HOSTNAME_NAME: Token = argument(Slot::Name, Kind::Word, "This system's network name");
const REDUNDANCY_GLOBAL: Token = keyword("redundancy", "Enter redundancy mode");
const MODE: Token = keyword("mode", "Redundancy mode for this chassis");
const SSO: Token = keyword("sso", "Stateful switchover (hot standby)");
const RPR: Token = keyword("rpr", "Route processor redundancy (cold standby)");
const KEEPALIVE: Token = keyword("keepalive", "Keepalives between the route processors");
const KEEPALIVE_INTERVAL: Token = keyword("interval", "Time between two keepalives");
const KEEPALIVE_INTERVAL_MS: Token = number(Slot::Milliseconds, KEEPALIVE_INTERVAL_MS_RANGE, "Milliseconds");
const KEEPALIVE_THRESHOLD: Token = keyword("threshold", "Keepalives that may be missing");
const KEEPALIVE_COUNT: Token = number(Slot::Count, KEEPALIVE_THRESHOLD_RANGE, "Number of keepalives");
const NOTIFICATION_TIMER: Token = keyword(
    "notification-timer",
    "Time that the clients of a progression may take",
);
const NOTIFICATION_TIMER_MS: Token = number(Slot::Milliseconds, NOTIFICATION_TIMER_MS_RANGE, "Milliseconds");
const MAINTENANCE_MODE: Token = keyword("maintenance-mode", "Cut the standby off");
const HEADLESS_FORWARDING: Token = keyword(
    "headless-forwarding",
    "Line cards while no route processor is active",
);
const DISABLE_FORWARDING: Token = keyword(
    "disable",
    "Reset them when the active is lost before a standby is ready",
);
const CONFIG_REGISTER: Token = keyword("config-register", "Define the configuration register");
const CONFIG_REGISTER_VALUE: Token = argument(Slot::Register, Kind::Hexadecimal, "Config register number");

const IP_INTERFACE: Token = keyword("ip", "Interface Internet Protocol config commands");
const ADDRESS: Token = keyword("address", "Set the IP address of an interface");
const ADDRESS_ADDRESS: Token = argument(Slot::Address, Kind::Address, "IP address");
const ADDRESS_MASK: Token = argument(Slot::Mask, Kind::Address, "IP subnet mask");
const SHUTDOWN: Token = keyword("shutdown", "Shutdown the selected interface");
const MTU: Token = keyword("mtu", "Set the interface Maximum Transmission Unit (MTU)");
const MTU_BYTES: Token = argument(
    Slot::Mtu,
    Kind::Number {
        min: MTU_RANGE.0,
        max: MTU_RANGE.1,
    },
    "MTU size in bytes",
);
const DESCRIPTION: Token = keyword("description", "Interface specific description");
const DESCRIPTION_TEXT: Token = argument(
    Slot::Text,
    Kind::Line,
    "A character string describing this interface",
);

const TERMINAL: Token = keyword("terminal", "Set terminal line parameters");
pub(crate) const DEBUG: Token = keyword("debug", "Debugging functions (see also 'undebug')");
pub(crate) const UNDEBUG: Token = keyword("undebug", "Disable debugging functions (see also 'debug')");
const DEBUG_REDUNDANCY: Token = keyword("redundancy", "Redundancy Facility (RF) debugging");
const DEBUG_ALL: Token = keyword("all", "Enable all debugging");
const DEBUG_UI: Token = keyword("ui", "Redundancy Facility (RF) user interface events");
const DEBUG_CLK: Token = keyword(
    "clk",
    "Redundancy Facility (RF) clock: progressions, timers, keepalives",
);
const DEBUG_HUB: Token = keyword("hub", "Redundancy Facility (RF) hub: messages between the units");
const LOGGING: Token = keyword("logging", "Modify message logging facilities");
const BUFFERED: Token = keyword("buffered", "Set buffered logging parameters");
const LOG_CONSOLE: Token = keyword("console", "Set console logging parameters");
const LOG_MONITOR: Token = keyword("monitor", "Set terminal line (monitor) logging parameters");
const LOG_SIZE: Token = argument(
    Slot::Size,
    Kind::Number {
        min: crate::logging::LOG_BUFFER_RANGE.0,
        max: crate::logging::LOG_BUFFER_RANGE.1,
    },
    "Logging buffer size",
);
const LOG_SEVERITY: Token = argument(
    Slot::Severity,
    Kind::Severity,
    "Logging severity level (emergencies to debugging)",
);

/// The parts of the table.
const PARTS: &[&[Row]] = &[
    OWN_ROWS,
    crate::bgp::table::FLAGS,
    crate::bgp::table::VALUES,
    crate::bgp::table::SINGLES,
    crate::bgp::exec::SHOWN,
    crate::bgp::exec::CLEARS,
    crate::bgp::exec::DEBUGS,
    crate::policy::table::ENTRIES,
    crate::policy::table::WHOLE,
    crate::policy::table::LINES,
];

/// All rows. Where two rows begin with the same keyword in the same mode, they use the same constant, so that the
/// help text cannot differ.
pub static ROWS: &[Row] = &joined::<{ rows_in(PARTS) }>(PARTS);

const fn rows_in(parts: &[&[Row]]) -> usize {
    let (mut count, mut part) = (0, 0);
    while part < parts.len() {
        count += parts[part].len();
        part += 1;
    }
    count
}

const fn joined<const ROWS: usize>(parts: &[&[Row]]) -> [Row; ROWS] {
    let mut rows = [parts[0][0]; ROWS];
    let (mut at, mut part) = (0, 0);
    while part < parts.len() {
        let mut row = 0;
        while row < parts[part].len() {
            rows[at] = parts[part][row];
            at += 1;
            row += 1;
        }
        part += 1;
    }
    rows
}

/// The rows that have no file of their own.
const OWN_ROWS: &[Row] = &[
    // Moving about.
    row!(EXEC User Enable: keyword("enable", "Turn on privileged commands")),
    row!(EXEC User Disable: keyword("disable", "Turn off privileged commands")),
    row!(EXEC User Exit: keyword("exit", "Exit from the EXEC")),
    row!(EXEC User Logout: keyword("logout", "Exit from the EXEC")),
    row!(EXEC Privileged ConfigureTerminal:
        keyword("configure", "Enter configuration mode"), keyword("terminal", "Configure from the terminal")),
    row!(CONFIGURATION Privileged Exit: keyword("exit", "Exit from the current configuration mode")),
    row!(CONFIGURATION Privileged End: keyword("end", "Exit from configuration mode to the EXEC")),
    // Doing.
    row!(EXEC User Ping:
        keyword("ping", "Send echo messages"),
        argument(Slot::Address, Kind::Address, "Ping destination address"),
        optional(2), keyword("repeat", "Specify repeat count"),
        argument(Slot::Count, Kind::Number { min: 1, max: i32::MAX as u32 }, "Repeat count")),
    row!(EXEC Privileged RedundancyForceSwitchover:
        REDUNDANCY_EXEC,
        keyword("force-switchover", "Force the standby to take over as active")),
    row!(EXEC Privileged Reload: keyword("reload", "Halt and perform a cold restart")),
    row!(EXEC User TerminalLength: TERMINAL,
        keyword("length", "Set number of lines on a screen"),
        argument(Slot::Length, Kind::Number { min: 0, max: 512 }, "Number of lines on screen (0 for no pausing)")),
    row!(EXEC Privileged WriteMemory:
        keyword("write", "Write running configuration to memory"),
        optional(1), keyword("memory", "Write to NV memory")),
    // The chassis.
    row!(EXEC Privileged RedundancyReloadPeer: REDUNDANCY_EXEC, REDUNDANCY_RELOAD,
        keyword("peer", "Reload the standby unit")),
    row!(EXEC Privileged RedundancyReloadShelf: REDUNDANCY_EXEC, REDUNDANCY_RELOAD,
        keyword("shelf", "Reload the whole chassis")),
    row!(EXEC Privileged HwModuleReload: HW_MODULE, HW_MODULE_SLOT, CHASSIS_SLOT,
        keyword("reload", "Reload the component")),
    row!(EXEC Privileged HwModuleStop: HW_MODULE, HW_MODULE_SLOT, CHASSIS_SLOT,
        keyword("stop", "Stop the component")),
    row!(EXEC Privileged HwModuleStart: HW_MODULE, HW_MODULE_SLOT, CHASSIS_SLOT,
        keyword("start", "Start the component")),
    row!(EXEC User ShowInventory: SHOW, keyword("inventory", "Show the physical inventory")),
    row!(EXEC User ShowDiag: SHOW, DIAG),
    row!(EXEC User ShowDiagDetails: SHOW, DIAG, DETAILS),
    row!(EXEC User ShowDiagSummary: SHOW, DIAG, SUMMARY),
    row!(EXEC User ShowDiag: SHOW, DIAG, optional(1), DIAG_SLOT, CHASSIS_SLOT),
    row!(EXEC User ShowDiagDetails: SHOW, DIAG, optional(1), DIAG_SLOT, CHASSIS_SLOT, DETAILS),
    row!(EXEC User ShowDiagSummary: SHOW, DIAG, optional(1), DIAG_SLOT, CHASSIS_SLOT, SUMMARY),
    row!(EXEC User ShowDiag: SHOW, DIAG, DIAG_SUBSLOT, PORT),
    row!(EXEC User ShowDiagDetails: SHOW, DIAG, DIAG_SUBSLOT, PORT, DETAILS),
    row!(EXEC User ShowDiagSummary: SHOW, DIAG, DIAG_SUBSLOT, PORT, SUMMARY),
    row!(EXEC User ShowDiagChassis: SHOW, DIAG, DIAG_CHASSIS),
    row!(EXEC User ShowDiagChassisDetails: SHOW, DIAG, DIAG_CHASSIS, DETAILS),
    row!(EXEC User ShowDiagChassisSummary: SHOW, DIAG, DIAG_CHASSIS, SUMMARY),
    row!(EXEC User ShowFacilityAlarm: SHOW, keyword("facility-alarm", "Facility alarms"),
        keyword("status", "Alarms that are raised")),
    row!(EXEC Privileged DirCrashinfo: keyword("dir", "List files on a filesystem"),
        keyword("crashinfo:", "Directory of crash information")),
    // Looking.
    row!(EXEC User ShowArp: SHOW, keyword("arp", "ARP table")),
    row!(EXEC User ShowArp: SHOW, SHOW_IP, keyword("arp", "IP ARP table")),
    row!(EXEC User ShowCheckpoint: SHOW, SHOW_CHECKPOINT),
    row!(EXEC User ShowInterfaces: SHOW, SHOW_INTERFACES, optional(2), ETHERNET, PORT),
    row!(EXEC User ShowIpCef: SHOW, SHOW_IP, SHOW_CEF, optional(1), LOOKUP),
    row!(EXEC User ShowIpCef: SHOW, SHOW_IP, SHOW_CEF, LOOKUP_NETWORK, LOOKUP_MASK),
    row!(EXEC User ShowIpInterfaceBrief: SHOW, SHOW_IP,
        keyword("interface", "IP interface status and configuration"),
        keyword("brief", "Brief summary of IP status and configuration")),
    row!(EXEC User ShowIpRoute: SHOW, SHOW_IP, SHOW_ROUTE, optional(1), LOOKUP),
    row!(EXEC User ShowIpRoute: SHOW, SHOW_IP, SHOW_ROUTE, LOOKUP_NETWORK, LOOKUP_MASK),
    row!(EXEC User ShowPlatform: SHOW, keyword("platform", "Cards and route processors of the chassis")),
    row!(EXEC User ShowRedundancy: SHOW, SHOW_REDUNDANCY),
    row!(EXEC User ShowRedundancyClients: SHOW, SHOW_REDUNDANCY, SHOW_CLIENTS),
    row!(EXEC User ShowRedundancyHistory: SHOW, SHOW_REDUNDANCY, HISTORY),
    row!(EXEC User ShowRedundancyStates: SHOW, SHOW_REDUNDANCY,
        keyword("states", "Redundancy Facility (RF) states")),
    row!(EXEC User ShowRedundancySwitchoverHistory: SHOW, SHOW_REDUNDANCY,
        keyword("switchover", "Redundancy Facility (RF) switchovers"), HISTORY),
    row!(EXEC Privileged ShowRunningConfig: SHOW, keyword("running-config", "Current operating configuration")),
    row!(EXEC Privileged ShowStartupConfig: SHOW, keyword("startup-config", "Contents of startup configuration")),
    row!(EXEC User ShowVersion: SHOW, keyword("version", "System hardware and software status")),
    // Configuration synchronisation.
    row!(EXEC Privileged CopyRunningStartup: COPY, COPY_RUNNING, TO_STARTUP),
    row!(EXEC Privileged CopyRunning: COPY, COPY_RUNNING, TO_FILE),
    row!(EXEC Privileged CopyStartup: COPY, COPY_STARTUP, TO_FILE),
    row!(EXEC Privileged CopyToStartup: COPY, COPY_FILE, TO_STARTUP),
    row!(EXEC Privileged CopyFile: COPY, COPY_FILE, TO_FILE),
    row!(EXEC Privileged Dir: keyword("dir", "List files on a filesystem"),
        optional(1), argument(Slot::Name, Kind::Word, "Filesystem, for instance nvram:")),
    row!(EXEC Privileged More: keyword("more", "Display a file"),
        argument(Slot::Name, Kind::Word, "File, for instance bootflash:base.cfg")),
    row!(EXEC Privileged Delete: keyword("delete", "Delete a file"),
        argument(Slot::Name, Kind::Word, "File to be deleted")),
    row!(EXEC User ShowCheckpointClients: SHOW, SHOW_CHECKPOINT, SHOW_CLIENTS,
        optional(1), argument(Slot::Count, Kind::Number { min: 0, max: 65_535 }, "Client ID")),
    row!(EXEC User ShowCheckpointEntities: SHOW, SHOW_CHECKPOINT,
        keyword("entities", "Groups of clients")),
    row!(EXEC User ShowCheckpointStatistics: SHOW, SHOW_CHECKPOINT, CHECKPOINT_STATISTICS),
    row!(EXEC User ShowCheckpointBuffers: SHOW, SHOW_CHECKPOINT, CHECKPOINT_STATISTICS,
        keyword("buffer-usage", "Buffers that are in use")),
    row!(EXEC User ShowConfigSyncStatus: SHOW, SHOW_REDUNDANCY, CONFIG_SYNC,
        keyword("status", "Digests, commands and startup copies of both route processors")),
    // Watching.
    row!(EXEC Privileged ClearLogging:
        keyword("clear", "Reset functions"), keyword("logging", "Clear logging buffer")),
    row!(EXEC Privileged DebugRedundancyAll: DEBUG, DEBUG_REDUNDANCY, DEBUG_ALL),
    row!(EXEC Privileged DebugRedundancyUi: DEBUG, DEBUG_REDUNDANCY, DEBUG_UI),
    row!(EXEC Privileged DebugRedundancyClk: DEBUG, DEBUG_REDUNDANCY, DEBUG_CLK),
    row!(EXEC Privileged DebugRedundancyHub: DEBUG, DEBUG_REDUNDANCY, DEBUG_HUB),
    row!(EXEC Privileged no DebugRedundancyAll: DEBUG, DEBUG_REDUNDANCY, DEBUG_ALL),
    row!(EXEC Privileged no DebugRedundancyUi: DEBUG, DEBUG_REDUNDANCY, DEBUG_UI),
    row!(EXEC Privileged no DebugRedundancyClk: DEBUG, DEBUG_REDUNDANCY, DEBUG_CLK),
    row!(EXEC Privileged no DebugRedundancyHub: DEBUG, DEBUG_REDUNDANCY, DEBUG_HUB),
    row!(EXEC Privileged no UndebugAll: DEBUG, DEBUG_ALL),
    row!(EXEC Privileged UndebugAll: UNDEBUG, DEBUG_ALL),
    row!(EXEC Privileged UndebugRedundancyAll: UNDEBUG, DEBUG_REDUNDANCY, DEBUG_ALL),
    row!(EXEC User ShowDebugging: SHOW, keyword("debugging", "State of each debugging option")),
    row!(EXEC User ShowLogging: SHOW, keyword("logging", "Show the contents of logging buffers")),
    row!(EXEC User ShowRedundancyCounters: SHOW, SHOW_REDUNDANCY,
        keyword("counters", "Redundancy Facility (RF) operational measurements")),
    row!(EXEC User ShowRedundancyDebugLog: SHOW, SHOW_REDUNDANCY,
        keyword("debug-log", "Redundancy Facility (RF) debug log")),
    row!(EXEC User ShowRedundancyHandover: SHOW, SHOW_REDUNDANCY,
        keyword("handover", "Redundancy Facility (RF) handover")),
    row!(EXEC User ShowRedundancyHistoryReload: SHOW, SHOW_REDUNDANCY, HISTORY,
        keyword("reload", "Log before the last reload, and reloads since")),
    row!(EXEC User ShowRedundancyHistoryReverse: SHOW, SHOW_REDUNDANCY, HISTORY,
        keyword("reverse", "Newest line first")),
    row!(EXEC User ShowRedundancyInterDevice: SHOW, SHOW_REDUNDANCY,
        keyword("inter-device", "Redundancy between devices")),
    row!(EXEC User ShowRedundancyIdbSyncHistory: SHOW, SHOW_REDUNDANCY,
        keyword("idb-sync-history", "Log of the synchronisation of interfaces")),
    row!(EXEC User TerminalMonitor: TERMINAL, keyword("monitor", "Copy debug output to the current terminal line")),
    row!(EXEC User TerminalNoMonitor: TERMINAL, NO,
        keyword("monitor", "Copy debug output to the current terminal line")),
    row!(EXEC User ShowConfigSyncBem: SHOW, SHOW_REDUNDANCY, CONFIG_SYNC, FAILURES, BEM),
    row!(EXEC User ShowConfigSyncMcl: SHOW, SHOW_REDUNDANCY, CONFIG_SYNC, FAILURES, MCL),
    row!(EXEC User ShowConfigSyncPrc: SHOW, SHOW_REDUNDANCY, CONFIG_SYNC, FAILURES, PRC),
    row!(EXEC User ShowConfigSyncIgnored: SHOW, SHOW_REDUNDANCY, CONFIG_SYNC,
        keyword("ignored", "Failures that are ignored"), FAILURES, MCL),
    row!(EXEC Privileged ConfigSyncIgnore: REDUNDANCY_EXEC, CONFIG_SYNC,
        keyword("ignore", "Ignore differences between the configurations"), MISMATCHED_COMMANDS),
    row!(EXEC Privileged ConfigSyncValidate: REDUNDANCY_EXEC, CONFIG_SYNC,
        keyword("validate", "Look again at differences between the configurations"), MISMATCHED_COMMANDS),
    row!(REDUNDANCY Privileged PolicyBulkBem: POLICY, CONFIG_SYNC, BULK, BEM, RELOAD_STANDBY),
    row!(REDUNDANCY Privileged PolicyBulkPrc: POLICY, CONFIG_SYNC, BULK, PRC, RELOAD_STANDBY),
    row!(REDUNDANCY Privileged PolicyLblBem: POLICY, CONFIG_SYNC, LBL, BEM, RELOAD_STANDBY),
    row!(REDUNDANCY Privileged PolicyLblPrc: POLICY, CONFIG_SYNC, LBL, PRC, RELOAD_STANDBY),
    row!(REDUNDANCY Privileged no PolicyBulkBem: POLICY, CONFIG_SYNC, BULK, BEM, RELOAD_STANDBY),
    row!(REDUNDANCY Privileged no PolicyBulkPrc: POLICY, CONFIG_SYNC, BULK, PRC, RELOAD_STANDBY),
    row!(REDUNDANCY Privileged no PolicyLblBem: POLICY, CONFIG_SYNC, LBL, BEM, RELOAD_STANDBY),
    row!(REDUNDANCY Privileged no PolicyLblPrc: POLICY, CONFIG_SYNC, LBL, PRC, RELOAD_STANDBY),
    // Global configuration. `version` is written into every configuration file and read back from it.
    row!(hidden GLOBAL Privileged Version:
        keyword("version", "Version of the configuration language"),
        argument(Slot::Text, Kind::Word, "Version number")),
    row!(GLOBAL Privileged Hostname: HOSTNAME, HOSTNAME_NAME),
    row!(GLOBAL Privileged no Hostname: HOSTNAME, optional(1), HOSTNAME_NAME),
    row!(GLOBAL Privileged Interface: INTERFACE, ETHERNET, PORT),
    row!(GLOBAL Privileged no Interface: INTERFACE, ETHERNET, PORT),
    row!(GLOBAL Privileged IpRoute: IP_GLOBAL, ROUTE, ROUTE_NETWORK, ROUTE_MASK, NEXT_HOP, optional(1), DISTANCE),
    row!(GLOBAL Privileged IpRoute: IP_GLOBAL, ROUTE, ROUTE_NETWORK, ROUTE_MASK, ETHERNET, PORT,
        optional(1), NEXT_HOP, optional(1), DISTANCE),
    row!(GLOBAL Privileged IpRoute: IP_GLOBAL, ROUTE, ROUTE_NETWORK, ROUTE_MASK, NULL, NULL_NUMBER,
        optional(1), DISTANCE),
    row!(GLOBAL Privileged no IpRoute: IP_GLOBAL, ROUTE, ROUTE_NETWORK, ROUTE_MASK, NULL, NULL_NUMBER,
        optional(1), DISTANCE),
    row!(GLOBAL Privileged no IpRoute: IP_GLOBAL, ROUTE, ROUTE_NETWORK, ROUTE_MASK,
        optional(3), NEXT_HOP, optional(1), DISTANCE),
    row!(GLOBAL Privileged no IpRoute: IP_GLOBAL, ROUTE, ROUTE_NETWORK, ROUTE_MASK, ETHERNET, PORT,
        optional(1), NEXT_HOP, optional(1), DISTANCE),
    row!(GLOBAL Privileged LoggingBuffered: LOGGING, BUFFERED, optional(1), LOG_SIZE, optional(1), LOG_SEVERITY),
    row!(GLOBAL Privileged no LoggingBuffered: LOGGING, BUFFERED,
        optional(1), LOG_SIZE, optional(1), LOG_SEVERITY),
    row!(GLOBAL Privileged LoggingConsole: LOGGING, LOG_CONSOLE, optional(1), LOG_SEVERITY),
    row!(GLOBAL Privileged no LoggingConsole: LOGGING, LOG_CONSOLE, optional(1), LOG_SEVERITY),
    row!(GLOBAL Privileged LoggingMonitor: LOGGING, LOG_MONITOR, optional(1), LOG_SEVERITY),
    row!(GLOBAL Privileged no LoggingMonitor: LOGGING, LOG_MONITOR, optional(1), LOG_SEVERITY),
    row!(GLOBAL Privileged Redundancy: REDUNDANCY_GLOBAL),
    // Redundancy configuration.
    row!(REDUNDANCY Privileged RedundancyMode: MODE, SSO),
    row!(REDUNDANCY Privileged RedundancyModeRpr: MODE, RPR),
    row!(REDUNDANCY Privileged no RedundancyMode: MODE, optional(1), SSO),
    row!(REDUNDANCY Privileged no RedundancyModeRpr: MODE, RPR),
    row!(REDUNDANCY Privileged KeepaliveInterval: KEEPALIVE, KEEPALIVE_INTERVAL, KEEPALIVE_INTERVAL_MS),
    row!(REDUNDANCY Privileged no KeepaliveInterval: KEEPALIVE, KEEPALIVE_INTERVAL,
        optional(1), KEEPALIVE_INTERVAL_MS),
    row!(REDUNDANCY Privileged KeepaliveThreshold: KEEPALIVE, KEEPALIVE_THRESHOLD, KEEPALIVE_COUNT),
    row!(REDUNDANCY Privileged no KeepaliveThreshold: KEEPALIVE, KEEPALIVE_THRESHOLD,
        optional(1), KEEPALIVE_COUNT),
    row!(REDUNDANCY Privileged NotificationTimer: NOTIFICATION_TIMER, NOTIFICATION_TIMER_MS),
    row!(REDUNDANCY Privileged no NotificationTimer: NOTIFICATION_TIMER, optional(1), NOTIFICATION_TIMER_MS),
    row!(REDUNDANCY Privileged MaintenanceMode: MAINTENANCE_MODE),
    row!(REDUNDANCY Privileged no MaintenanceMode: MAINTENANCE_MODE),
    row!(REDUNDANCY Privileged HeadlessForwarding: HEADLESS_FORWARDING, DISABLE_FORWARDING),
    row!(REDUNDANCY Privileged no HeadlessForwarding: HEADLESS_FORWARDING, optional(1), DISABLE_FORWARDING),
    row!(GLOBAL Privileged ConfigRegister: CONFIG_REGISTER, CONFIG_REGISTER_VALUE),
    row!(GLOBAL Privileged no ConfigRegister: CONFIG_REGISTER, optional(1), CONFIG_REGISTER_VALUE),
    row!(REDUNDANCY Privileged CrashdumpTimeout: CRASHDUMP_TIMEOUT, optional(1), CRASHDUMP_MINUTES),
    row!(REDUNDANCY Privileged no CrashdumpTimeout: CRASHDUMP_TIMEOUT, optional(1), CRASHDUMP_MINUTES),
    // Interface configuration.
    row!(INTERFACE Privileged Description: DESCRIPTION, DESCRIPTION_TEXT),
    row!(INTERFACE Privileged no Description: DESCRIPTION, optional(1), DESCRIPTION_TEXT),
    row!(INTERFACE Privileged IpAddress: IP_INTERFACE, ADDRESS, ADDRESS_ADDRESS, ADDRESS_MASK),
    row!(INTERFACE Privileged no IpAddress: IP_INTERFACE, ADDRESS, optional(2), ADDRESS_ADDRESS, ADDRESS_MASK),
    row!(INTERFACE Privileged Mtu: MTU, MTU_BYTES),
    row!(INTERFACE Privileged no Mtu: MTU, optional(1), MTU_BYTES),
    row!(INTERFACE Privileged Shutdown: SHUTDOWN),
    row!(INTERFACE Privileged no Shutdown: SHUTDOWN),
    // The session's own.
    row!(CONFIGURATION Privileged Do: keyword("do", "To run exec commands in config mode"), Token::Exec),
    row!(GLOBAL Privileged DefaultInterface:
        DEFAULT, INTERFACE, ETHERNET, PORT),
    row!(EXEC User ShowClock: SHOW, keyword("clock", "Display the system clock")),
    row!(EXEC User ShowHistory: SHOW, keyword("history", "Display the session command history")),
    row!(EXEC User ShowPrivilege: SHOW, keyword("privilege", "Show current privilege level")),
    row!(EXEC User ShowTerminal: SHOW, keyword("terminal", "Display terminal configuration parameters")),
    row!(EXEC User TerminalHistorySize: TERMINAL,
        keyword("history", "Enable and control the command history function"),
        keyword("size", "Set history buffer size"),
        argument(Slot::Count, Kind::Number { min: 0, max: 256 }, "Size of history buffer")),
    row!(EXEC User TerminalWidth: TERMINAL,
        keyword("width", "Set width of the display terminal"),
        argument(Slot::Width, Kind::Number { min: 0, max: 512 }, "Number of characters on a screen line")),
];
