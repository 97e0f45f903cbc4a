//! States, progressions, statuses and events of the redundancy facility, with the numbers that operators know.
//!
//! ```text
//!  1 DISABLED ──▶ 2 INITIALIZATION ──▶ 3 NEGOTIATION ──┬──────────────────────────────▶ 9 ACTIVE-FAST
//!                                                      │                              ▲      │
//!                                                      ▼                              │      ▼
//!                              4 COLD ▶ 5 CONFIG ▶ 6 FILESYS ▶ 7 BULK ▶ 8 HOT ────────┤  10 DRAIN
//!                                ▲         │          │         │ ▲       │           │      ▼
//!                                └─────────┴──────────┴─────────┴─┼───────┤           │  11 PRECONFIG
//!                                   link lost, maintenance        └───────┘           │      ▼
//!                                                               out of step           │  12 POSTCONFIG
//!                              any standby state: the active died ────────────────────┘      ▼
//!                                                                                        13 ACTIVE
//! ```
//!
//! Every state may also become DISABLED: that unit reloads. There is no way from active to standby but a reload.
//! Numbers and spellings are those that `show redundancy states` and `show redundancy history` print.

use core::fmt;

/// State of one route processor, as the redundancy facility sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RfState {
    /// Nothing is known about the unit.
    Unknown = 0,
    /// The facility does not run on the unit: it is absent, booting or reloading.
    Disabled = 1,
    /// Necessary services start.
    Initialization = 2,
    /// Looks for the peer and settles the role.
    Negotiation = 3,
    /// Clients are told that they stand by.
    StandbyCold = 4,
    /// Takes the configuration from the active.
    StandbyColdConfig = 5,
    /// Takes the files from the active.
    StandbyColdFilesys = 6,
    /// Takes all the state of the clients from the active.
    StandbyColdBulk = 7,
    /// In step: may take over at any moment.
    StandbyHot = 8,
    /// Took the activity; keeps going what runs.
    ActiveFast = 9,
    /// Clients clean up what belonged to their standby life.
    ActiveDrain = 10,
    /// Active, the configuration is not read yet.
    ActivePreconfig = 11,
    /// Active, the configuration is being finished.
    ActivePostconfig = 12,
    /// Active.
    Active = 13,
}

impl RfState {
    /// All states in the order of their numbers.
    pub const ALL: [RfState; 14] = [
        RfState::Unknown,
        RfState::Disabled,
        RfState::Initialization,
        RfState::Negotiation,
        RfState::StandbyCold,
        RfState::StandbyColdConfig,
        RfState::StandbyColdFilesys,
        RfState::StandbyColdBulk,
        RfState::StandbyHot,
        RfState::ActiveFast,
        RfState::ActiveDrain,
        RfState::ActivePreconfig,
        RfState::ActivePostconfig,
        RfState::Active,
    ];

    /// The number that the command line shows, 0 to 13.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The state with this number; `None` above 13.
    pub fn from_number(number: u32) -> Option<RfState> {
        RfState::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Value of the SNMP type RFState (CISCO-RF-MIB): the number plus one.
    pub const fn snmp(self) -> u32 {
        self.number() + 1
    }

    /// Name as the command line spells it, such as `STANDBY COLD-BULK`.
    pub const fn name(self) -> &'static str {
        match self {
            RfState::Unknown => "UNKNOWN",
            RfState::Disabled => "DISABLED",
            RfState::Initialization => "INITIALIZATION",
            RfState::Negotiation => "NEGOTIATION",
            RfState::StandbyCold => "STANDBY COLD",
            RfState::StandbyColdConfig => "STANDBY COLD-CONFIG",
            RfState::StandbyColdFilesys => "STANDBY COLD-FILESYS",
            RfState::StandbyColdBulk => "STANDBY COLD-BULK",
            RfState::StandbyHot => "STANDBY HOT",
            RfState::ActiveFast => "ACTIVE-FAST",
            RfState::ActiveDrain => "ACTIVE-DRAIN",
            RfState::ActivePreconfig => "ACTIVE_PRECONFIG",
            RfState::ActivePostconfig => "ACTIVE_POSTCONFIG",
            RfState::Active => "ACTIVE",
        }
    }

    /// Whether the unit holds the activity: ACTIVE-FAST and above.
    pub const fn is_active(self) -> bool {
        self.number() >= RfState::ActiveFast.number()
    }

    /// Whether the unit stands by, cold or hot.
    pub const fn is_standby(self) -> bool {
        RfState::StandbyCold.number() <= self.number() && self.number() <= RfState::StandbyHot.number()
    }

    /// The progression that is walked on entering this state, if there is one.
    pub const fn progression(self) -> Option<Progression> {
        match self {
            RfState::Unknown | RfState::Disabled | RfState::Negotiation => None,
            RfState::Initialization => Some(Progression::Initialization),
            RfState::StandbyCold => Some(Progression::StandbyCold),
            RfState::StandbyColdConfig => Some(Progression::StandbyConfig),
            RfState::StandbyColdFilesys => Some(Progression::StandbyFilesys),
            RfState::StandbyColdBulk => Some(Progression::StandbyBulk),
            RfState::StandbyHot => Some(Progression::StandbyHot),
            RfState::ActiveFast => Some(Progression::ActiveFast),
            RfState::ActiveDrain => Some(Progression::ActiveDrain),
            RfState::ActivePreconfig => Some(Progression::ActivePreconfig),
            RfState::ActivePostconfig => Some(Progression::ActivePostconfig),
            RfState::Active => Some(Progression::Active),
        }
    }

    /// Whether a unit in this state may enter `next`. The whole protocol in one function.
    pub const fn may_become(self, next: RfState) -> bool {
        use RfState::{
            Active, ActiveDrain, ActiveFast, ActivePostconfig, ActivePreconfig, Disabled, Initialization,
            Negotiation, StandbyCold, StandbyColdBulk, StandbyColdConfig, StandbyColdFilesys, StandbyHot,
            Unknown,
        };
        match (self, next) {
            (Disabled, Disabled) => false,
            (_, Disabled) => true,
            (Unknown | Disabled, Initialization) => true,
            (Initialization, Negotiation) => true,
            (Negotiation, StandbyCold | ActiveFast) => true,
            (StandbyCold, StandbyColdConfig | ActiveFast) => true,
            (StandbyColdConfig, StandbyColdFilesys | StandbyCold | ActiveFast) => true,
            (StandbyColdFilesys, StandbyColdBulk | StandbyCold | ActiveFast) => true,
            (StandbyColdBulk, StandbyHot | StandbyCold | ActiveFast) => true,
            (StandbyHot, StandbyColdBulk | StandbyCold | ActiveFast) => true,
            (ActiveFast, ActiveDrain) => true,
            (ActiveDrain, ActivePreconfig) => true,
            (ActivePreconfig, ActivePostconfig) => true,
            (ActivePostconfig, Active) => true,
            _ => false,
        }
    }

    /// The form of `show redundancy states`: `13 -ACTIVE`, `8  -STANDBY HOT`.
    pub const fn in_states(self) -> InStates {
        InStates(self)
    }
}

impl fmt::Display for RfState {
    /// The form of `show redundancy history`: `ACTIVE(13)`, `STANDBY HOT(8)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.number())
    }
}

/// A state in the spelling of `show redundancy states`; made by [`RfState::in_states`].
#[derive(Clone, Copy, Debug)]
pub struct InStates(RfState);

impl fmt::Display for InStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<2} -{}", self.0.number(), self.0.name())
    }
}

/// One walk over all clients in the order of their sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Progression {
    /// First pass after boot.
    Initialization = 100,
    /// The unit stands by.
    StandbyCold = 101,
    /// Configuration synchronisation.
    StandbyConfig = 102,
    /// File synchronisation.
    StandbyFilesys = 103,
    /// Bulk synchronisation of client state.
    StandbyBulk = 104,
    /// The standby is in step.
    StandbyHot = 105,
    /// The activity was taken.
    ActiveFast = 200,
    /// Clean-up.
    ActiveDrain = 201,
    /// Before the configuration is read.
    ActivePreconfig = 202,
    /// After the configuration was read.
    ActivePostconfig = 203,
    /// The unit is active.
    Active = 204,
}

impl Progression {
    /// All progressions in the order of their codes.
    pub const ALL: [Progression; 11] = [
        Progression::Initialization,
        Progression::StandbyCold,
        Progression::StandbyConfig,
        Progression::StandbyFilesys,
        Progression::StandbyBulk,
        Progression::StandbyHot,
        Progression::ActiveFast,
        Progression::ActiveDrain,
        Progression::ActivePreconfig,
        Progression::ActivePostconfig,
        Progression::Active,
    ];

    /// The code shown in the history, such as 104.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The progression with this code.
    pub fn from_code(code: u32) -> Option<Progression> {
        Progression::ALL
            .into_iter()
            .find(|progression| progression.code() == code)
    }

    /// Whether it is one of the passes 101 to 105, which the active walks too, for its standby.
    pub const fn is_standby(self) -> bool {
        100 < self.code() && self.code() < 200
    }
}

impl fmt::Display for Progression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Progression::Initialization => "RF_PROG_INITIALIZATION",
            Progression::StandbyCold => "RF_PROG_STANDBY_COLD",
            Progression::StandbyConfig => "RF_PROG_STANDBY_CONFIG",
            Progression::StandbyFilesys => "RF_PROG_STANDBY_FILESYS",
            Progression::StandbyBulk => "RF_PROG_STANDBY_BULK",
            Progression::StandbyHot => "RF_PROG_STANDBY_HOT",
            Progression::ActiveFast => "RF_PROG_ACTIVE_FAST",
            Progression::ActiveDrain => "RF_PROG_ACTIVE_DRAIN",
            Progression::ActivePreconfig => "RF_PROG_ACTIVE_PRECONFIG",
            Progression::ActivePostconfig => "RF_PROG_ACTIVE_POSTCONFIG",
            Progression::Active => "RF_PROG_ACTIVE",
        };
        write!(f, "{name}({})", self.code())
    }
}

/// A fact that all clients are told, outside any progression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Status {
    /// The peer unit is plugged in and powered (operand 1) or not (0).
    PeerPresence = 400,
    /// The link to the peer is up (operand 1) or down (0).
    PeerCommunication = 401,
    /// A switchover by hand is inhibited (operand 1) or not (0).
    SwitchoverInhibit = 402,
    /// Maintenance mode is on (operand 1) or off (0).
    MaintenanceEnable = 403,
    /// The operating mode changed; the operand is the mode's SNMP value.
    RedundancyModeChange = 405,
    /// A registration took effect.
    Registration = 407,
}

impl Status {
    /// The code shown in the history.
    pub const fn code(self) -> u32 {
        self as u32
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Status::PeerPresence => "RF_STATUS_PEER_PRESENCE",
            Status::PeerCommunication => "RF_STATUS_PEER_COMM",
            Status::SwitchoverInhibit => "RF_STATUS_SWACT_INHIBIT",
            Status::MaintenanceEnable => "RF_STATUS_MAINTENANCE_ENABLE",
            Status::RedundancyModeChange => "RF_STATUS_REDUNDANCY_MODE_CHANGE",
            Status::Registration => "RF_REGISTRATION_STATUS",
        };
        write!(f, "{name}({})", self.code())
    }
}

/// Something that happens inside the facility. Codes from 504 on differ between releases of such routers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum RfEvent {
    /// The standby asks the active to walk the pass that matches its own.
    ClientProgression = 503,
    /// The peer's heartbeats stayed away for longer than the limit.
    KeepaliveExpired = 505,
    /// A client did not finish its step in time.
    NotificationExpired = 506,
    /// A switchover was asked for by hand.
    Switchover = 508,
    /// This unit takes the activity.
    GoActive = 512,
    /// This unit stands by.
    GoStandby = 513,
}

impl RfEvent {
    /// The code shown in the history.
    pub const fn code(self) -> u32 {
        self as u32
    }
}

impl fmt::Display for RfEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            RfEvent::ClientProgression => "RF_EVENT_CLIENT_PROGRESSION",
            RfEvent::KeepaliveExpired => "RF_EVENT_KEEP_ALIVE_TMR_EXPIRED",
            RfEvent::NotificationExpired => "RF_EVENT_NOTIF_TMR_EXPIRED",
            RfEvent::Switchover => "RF_EVENT_SWACT",
            RfEvent::GoActive => "RF_EVENT_GO_ACTIVE",
            RfEvent::GoStandby => "RF_EVENT_GO_STANDBY",
        };
        write!(f, "{name}({})", self.code())
    }
}

/// What redundancy the pair is configured for, or is able to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RedundancyMode {
    /// No standby is used.
    NonRedundant,
    /// Route processor redundancy: the standby rests cold and starts anew at a switchover.
    Rpr,
    /// Stateful switchover: the standby is kept hot.
    Sso,
}

impl RedundancyMode {
    /// Value of the SNMP type RFMode (CISCO-RF-MIB): 1, 6 or 8. Also the operand of status 405 and the wire code.
    pub const fn snmp(self) -> u32 {
        match self {
            RedundancyMode::NonRedundant => 1,
            RedundancyMode::Rpr => 6,
            RedundancyMode::Sso => 8,
        }
    }

    /// Reverse of [`RedundancyMode::snmp`].
    pub const fn from_snmp(value: u32) -> Option<RedundancyMode> {
        match value {
            1 => Some(RedundancyMode::NonRedundant),
            6 => Some(RedundancyMode::Rpr),
            8 => Some(RedundancyMode::Sso),
            _ => None,
        }
    }
}

impl fmt::Display for RedundancyMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            RedundancyMode::NonRedundant => "Non-redundant",
            RedundancyMode::Rpr => "rpr",
            RedundancyMode::Sso => "sso",
        })
    }
}
