//! May the operator switch over now, and if not, why not?
//!
//! One decision, two forms of words: the `Manual Swact` line of `show redundancy states` and the answer to
//! `redundancy force-switchover`.

use crate::state::{RedundancyMode, RfState};
use core::fmt;

/// What the decision depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// This unit's state.
    pub mine: RfState,
    /// The peer's state.
    pub peer: RfState,
    /// Whether a peer has been detected.
    pub duplex: bool,
    /// Whether the checkpoint facility holds the standby for being in step.
    pub in_step: bool,
    /// Whether a standby in RPR has the startup configuration and waits.
    pub rests: bool,
    /// The mode that the pair operates in.
    pub mode: RedundancyMode,
    /// Maintenance mode.
    pub maintenance: bool,
    /// Whether a switchover has been asked for already.
    pub under_way: bool,
}

/// Whether a switchover by hand is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ManualSwitchover {
    /// It is.
    Enabled,
    /// There is no peer.
    Simplex,
    /// The standby has not reached the state in which it rests.
    PeerNotTerminal,
    /// The standby of a pair in RPR does not have the startup configuration yet.
    PeerNotReady,
    /// This unit is the standby.
    ThisIsTheStandby,
    /// This unit is not active yet.
    NotActiveYet,
    /// Maintenance mode is on.
    Maintenance,
    /// One is under way.
    UnderWay,
}

impl ManualSwitchover {
    /// The decision. The first reason that applies is the one that is told.
    pub fn of(situation: &Situation) -> ManualSwitchover {
        let rests = match situation.mode {
            RedundancyMode::Sso => situation.peer == RfState::StandbyHot && situation.in_step,
            RedundancyMode::Rpr => situation.peer == RfState::StandbyCold && situation.rests,
            RedundancyMode::NonRedundant => false,
        };
        if situation.mine.is_standby() {
            ManualSwitchover::ThisIsTheStandby
        } else if situation.mine != RfState::Active {
            ManualSwitchover::NotActiveYet
        } else if !situation.duplex {
            ManualSwitchover::Simplex
        } else if situation.maintenance {
            ManualSwitchover::Maintenance
        } else if situation.under_way {
            ManualSwitchover::UnderWay
        } else if !rests && situation.mode == RedundancyMode::Rpr {
            ManualSwitchover::PeerNotReady
        } else if !rests {
            ManualSwitchover::PeerNotTerminal
        } else {
            ManualSwitchover::Enabled
        }
    }

    /// The answer to `redundancy force-switchover`; `None` when it goes ahead.
    pub const fn refusal(self) -> Option<&'static str> {
        match self {
            ManualSwitchover::Enabled => None,
            ManualSwitchover::Simplex => Some("% There is no STANDBY present"),
            ManualSwitchover::PeerNotTerminal => Some("Standby RP is not in RF_STANDBY_HOT state"),
            ManualSwitchover::PeerNotReady => Some("% Standby not ready for switchover"),
            ManualSwitchover::ThisIsTheStandby => {
                Some("% Switchover cannot be initiated from this the standby unit")
            }
            ManualSwitchover::NotActiveYet => Some("% Switchover refused: this unit is not ACTIVE yet"),
            ManualSwitchover::Maintenance => Some("% Switchover refused: maintenance mode is enabled"),
            ManualSwitchover::UnderWay => Some("% Switchover is in progress already"),
        }
    }
}

impl fmt::Display for ManualSwitchover {
    /// The words after `Manual Swact = `.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ManualSwitchover::Enabled => "enabled",
            ManualSwitchover::Simplex => "disabled (system is simplex (no peer unit))",
            ManualSwitchover::PeerNotTerminal | ManualSwitchover::PeerNotReady => {
                "disabled (peer unit not yet in terminal standby state)"
            }
            ManualSwitchover::ThisIsTheStandby => "cannot be initiated from this the standby unit",
            ManualSwitchover::NotActiveYet => "disabled (this unit is not active yet)",
            ManualSwitchover::Maintenance => "disabled (maintenance mode)",
            ManualSwitchover::UnderWay => "disabled (a switchover is in progress)",
        })
    }
}
