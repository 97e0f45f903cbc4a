//! What can happen to a facility, and what it can ask for.

use super::RedundancySettings;
use crate::client::{Client, ClientId};
use crate::message::RfMessage;
use crate::progression::Answer;
use crate::state::{Progression, RedundancyMode, RfState, Status};
use crate::switchover::SwitchoverReason;
use crate::syslog::Syslog;
use core::fmt;
use machine::{Epoch, RpSlot};

/// How a peer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerLoss {
    /// Its process is gone (SIGKILL, or an end without a word).
    Killed,
    /// It said that it goes: a panic.
    Panicked,
    /// It said that it goes: the fatal signal with this number.
    Signalled(i32),
    /// It said that it goes: an orderly reload.
    Reloaded,
    /// It does not answer although its process may live.
    Silent,
    /// It does not answer, and its process was found running: its work loop hangs.
    Hung,
    /// It does not answer, and its process was found stopped, by a signal or a debugger.
    Stopped,
    /// It was ended by an operator: told to terminate, or reset.
    TakenDown,
    /// It was pulled out.
    Removed,
    /// It was powered off by the backplane.
    PoweredOff,
}

impl PeerLoss {
    /// The reason that the switchover history tells.
    pub const fn reason(self) -> SwitchoverReason {
        match self {
            PeerLoss::Removed | PeerLoss::PoweredOff => SwitchoverReason::ActiveUnitRemoved,
            PeerLoss::Killed
            | PeerLoss::Panicked
            | PeerLoss::Signalled(_)
            | PeerLoss::Reloaded
            | PeerLoss::Silent
            | PeerLoss::Hung
            | PeerLoss::Stopped
            | PeerLoss::TakenDown => SwitchoverReason::ActiveUnitFailed,
        }
    }

    /// Whether it was judged by its silence, so that its process may live.
    pub const fn is_silence(self) -> bool {
        matches!(self, PeerLoss::Silent | PeerLoss::Hung | PeerLoss::Stopped)
    }

    /// Whether it writes crash information before its process ends.
    pub const fn leaves_crash_dump(self) -> bool {
        matches!(self, PeerLoss::Panicked | PeerLoss::Signalled(_))
    }

    /// As a number, for records; 0 is none. The signal is kept beside it.
    pub const fn number(self) -> u32 {
        match self {
            PeerLoss::Killed => 1,
            PeerLoss::Panicked => 2,
            PeerLoss::Signalled(signal) => 1000 + signal.unsigned_abs() % 1000,
            PeerLoss::Reloaded => 4,
            PeerLoss::Silent => 5,
            PeerLoss::Removed => 6,
            PeerLoss::PoweredOff => 7,
            PeerLoss::Hung => 8,
            PeerLoss::Stopped => 9,
            PeerLoss::TakenDown => 10,
        }
    }

    /// Reverse of [`PeerLoss::number`]; `None` for 0 and for what a later release knows.
    pub const fn from_number(number: u32) -> Option<PeerLoss> {
        Some(match number {
            1 => PeerLoss::Killed,
            2 => PeerLoss::Panicked,
            1000..2000 => PeerLoss::Signalled((number - 1000) as i32),
            4 => PeerLoss::Reloaded,
            5 => PeerLoss::Silent,
            6 => PeerLoss::Removed,
            7 => PeerLoss::PoweredOff,
            8 => PeerLoss::Hung,
            9 => PeerLoss::Stopped,
            10 => PeerLoss::TakenDown,
            _ => return None,
        })
    }
}

impl fmt::Display for PeerLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeerLoss::Killed => f.write_str("killed"),
            PeerLoss::Panicked => f.write_str("panic"),
            PeerLoss::Signalled(signal) => write!(f, "signal {signal}"),
            PeerLoss::Reloaded => f.write_str("reload"),
            PeerLoss::Silent => f.write_str("silent"),
            PeerLoss::Hung => f.write_str("hung"),
            PeerLoss::Stopped => f.write_str("stopped"),
            PeerLoss::TakenDown => f.write_str("taken down by the operator"),
            PeerLoss::Removed => f.write_str("removed"),
            PeerLoss::PoweredOff => f.write_str("powered off"),
        }
    }
}

/// What the process of a unit that fell silent was found doing, just before it was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProcessFound {
    /// It runs, or waits for the system: its work loop hangs.
    Running,
    /// It is stopped.
    Stopped,
    /// There is none any more.
    Gone,
}

impl ProcessFound {
    /// As a number, for recordings.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// Reverse of [`ProcessFound::number`].
    pub const fn from_number(number: u32) -> Option<ProcessFound> {
        match number {
            0 => Some(ProcessFound::Running),
            1 => Some(ProcessFound::Stopped),
            2 => Some(ProcessFound::Gone),
            _ => None,
        }
    }

    /// What the silence was.
    pub const fn loss(self) -> PeerLoss {
        match self {
            ProcessFound::Running => PeerLoss::Hung,
            ProcessFound::Stopped => PeerLoss::Stopped,
            ProcessFound::Gone => PeerLoss::Killed,
        }
    }
}

/// Why the activity moves to this unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SwitchoverCause {
    /// The active was lost.
    Lost(PeerLoss),
    /// The operator forced it.
    Forced,
}

impl SwitchoverCause {
    /// How the active was lost.
    pub const fn loss(self) -> Option<PeerLoss> {
        match self {
            SwitchoverCause::Lost(loss) => Some(loss),
            SwitchoverCause::Forced => None,
        }
    }

    /// The reason that the switchover history tells.
    pub const fn reason(self) -> SwitchoverReason {
        match self {
            SwitchoverCause::Lost(loss) => loss.reason(),
            SwitchoverCause::Forced => SwitchoverReason::UserForced,
        }
    }
}

impl fmt::Display for SwitchoverCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SwitchoverCause::Lost(loss) => write!(f, "active {loss}"),
            SwitchoverCause::Forced => f.write_str("user forced"),
        }
    }
}

/// Why a new active starts anew instead of being promoted with the state it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColdStart {
    /// The pair operated in RPR: nothing but the startup configuration was kept.
    Rpr,
    /// It was in this state, which is not STANDBY HOT.
    NotHot(RfState),
    /// The old active had marked it as out of step.
    OutOfStep,
}

impl fmt::Display for ColdStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColdStart::Rpr => f.write_str("operating mode is rpr"),
            ColdStart::NotHot(state) => write!(f, "standby was in {state}"),
            ColdStart::OutOfStep => f.write_str("standby was marked as out of step"),
        }
    }
}

/// Why a unit reloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReloadReason {
    /// The standby took over as it was asked to.
    Switchover,
    /// Another unit holds a newer epoch.
    Superseded,
    /// A client did not finish its step in time.
    ClientStuck {
        /// Who.
        client: ClientId,
        /// In which pass.
        progression: Progression,
    },
    /// The active's matching pass, or the bulk synchronisation, did not come to an end.
    SyncStuck(Progression),
    /// The standby fell silent.
    StandbySilent,
    /// Maintenance mode was left: the standby starts from scratch.
    MaintenanceLeft,
    /// The redundancy mode was configured anew.
    ModeChanged,
    /// Commands of the bulk did not come to the same result on the standby.
    BulkSyncFailure,
    /// A command did not come to the same result on the standby.
    LineByLineSyncFailure,
    /// The mismatched commands were ignored, or are gone: the standby may try again.
    MismatchCleared,
    /// The operator asked for it.
    Requested,
}

impl fmt::Display for ReloadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReloadReason::Switchover => f.write_str("RP switchover"),
            ReloadReason::Superseded => f.write_str("Peer is active in a newer epoch"),
            ReloadReason::ClientStuck { client, progression } => {
                write!(f, "Client {client} did not finish {progression}")
            }
            ReloadReason::SyncStuck(progression) => write!(f, "Sync did not finish {progression}"),
            ReloadReason::StandbySilent => f.write_str("EHSA standby down"),
            ReloadReason::MaintenanceLeft => f.write_str("Maintenance mode disabled"),
            ReloadReason::ModeChanged => f.write_str("Redundancy mode changed"),
            ReloadReason::BulkSyncFailure => f.write_str("Bulk Sync Failure"),
            ReloadReason::LineByLineSyncFailure => f.write_str("Line-by-Line Sync Failure"),
            ReloadReason::MismatchCleared => f.write_str("Mismatched commands cleared"),
            ReloadReason::Requested => f.write_str("Reload command"),
        }
    }
}

/// What the comparison of the two configurations has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigSyncVerdict {
    /// Commands of the bulk did not come to the same result: the standby is reloaded.
    BulkFailed,
    /// A command did not come to the same result: the standby is reloaded.
    LineFailed,
    /// The standby does not know so many commands: the pair runs RPR.
    Mismatched {
        /// How many.
        commands: u32,
    },
    /// The operator has the mismatched commands ignored or taken away: the pair may try SSO again.
    Cleared,
}

/// What the operator wants reloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReloadScope {
    /// The other unit (`redundancy reload peer`).
    Peer,
    /// Everything, cards included (`reload`, `redundancy reload shelf`).
    Shelf,
}

/// The arbiter's answer to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimResult {
    /// The swap was made.
    Won {
        /// The epoch that this unit now holds.
        epoch: Epoch,
        /// Whether the arbiter's word marked this unit, as a standby, as out of step with the epoch before.
        out_of_step: bool,
    },
    /// Somebody else had swapped before; this is the epoch that holds.
    Lost(Epoch),
    /// The arbiter cannot give out an epoch now. It is asked again, until it can.
    Impossible,
}

/// What can happen to a facility.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input {
    /// The unit's services run. The arbiter's word reads `mastership`.
    Started {
        /// Newest epoch of the chassis, [`Epoch::NONE`] when nobody has ever been active.
        mastership: Epoch,
    },
    /// The backplane sees a peer unit (true), or none (false).
    PeerPresent(bool),
    /// The link to the peer is up or down. A new link starts with a new conversation.
    PeerCommunication(bool),
    /// The peer says something.
    PeerMessage(RfMessage),
    /// Something else came from the peer: it lives, though its words may have to wait behind a bulk.
    PeerHeard,
    /// The peer's life lock, its resigned word, or the backplane tells that the peer is lost. Told before the next life of the
    /// peer is heard: whoever has greeted last is the one that is lost.
    LifeLost(PeerLoss),
    /// What a peer that was judged by its silence was found doing. Told before the answer to the claim.
    PeerFound(ProcessFound),
    /// Answer to [`Output::Claim`].
    ClaimResult(ClaimResult),
    /// A card reports an epoch counter that it has already seen.
    EpochSeen(u64),
    /// Answer to [`Output::RunClient`].
    ClientAnswered {
        /// Who answers.
        client: ClientId,
        /// In which pass.
        progression: Progression,
        /// Done, or later.
        answer: Answer,
    },
    /// A client that answered [`Answer::Later`] has finished.
    ClientCompleted {
        /// Who.
        client: ClientId,
        /// In which pass.
        progression: Progression,
    },
    /// The part of a client on the standby does not answer, outside any pass or in this one.
    ClientFailed {
        /// Who.
        client: ClientId,
        /// The pass that brought it there.
        progression: Progression,
    },
    /// The standby has applied the frame that ends the bulk.
    BulkFinished,
    /// The checkpoint facility lost step: on the active, acknowledgements stalled; on the standby, a frame was missed
    /// or did not apply. Not for a link that went down: that may be the first sign of a crash, and what was committed
    /// until then is good.
    SyncLost,
    /// The operator's `redundancy force-switchover`, confirmed.
    ForceSwitchover,
    /// Answer to [`Output::PrepareHandover`]: the standby has acknowledged all there is.
    HandoverReady,
    /// The configuration asks for another mode. On the active this reloads the standby, which then says hello with
    /// what it is configured for.
    ConfigureMode(RedundancyMode),
    /// What the active's configuration says of the pair, all of it; given after each change, and at promotion.
    Configured(RedundancySettings),
    /// The configuration register for the next boot of this unit.
    RegisterStored(u16),
    /// Maintenance mode is switched on or off.
    MaintenanceMode(bool),
    /// On the active: the configurations of the two units were compared.
    ConfigSync(ConfigSyncVerdict),
    /// The operator wants something reloaded.
    Reload(ReloadScope),
}

/// What a facility can ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    /// Send this over the RP link.
    SendToPeer(RfMessage),
    /// Swap the arbiter's word from `expected` to this unit's slot with a counter above both `expected` and `floor`.
    Claim {
        /// The epoch that must still hold.
        expected: Epoch,
        /// Highest counter that a card has reported.
        floor: u64,
    },
    /// Send SIGKILL to the peer's process, or have the backplane reset it; do not wait for its death.
    KillPeer,
    /// First activity of the chassis, or after all units were down: read the startup configuration in this epoch.
    StartActive {
        /// The epoch won.
        epoch: Epoch,
    },
    /// Become active with the state that was checkpointed here.
    Promote {
        /// The epoch won.
        epoch: Epoch,
        /// Why.
        cause: SwitchoverCause,
    },
    /// Become active without trusting the half-filled tables.
    RestartAsActive {
        /// The epoch won.
        epoch: Epoch,
        /// Why the activity moved.
        cause: SwitchoverCause,
        /// Why the state cannot be used.
        reason: ColdStart,
    },
    /// The unit stays active in this newer epoch: tell the cards.
    EpochRaised(Epoch),
    /// Stand by for the active of this epoch: drop what was applied before and wait for its bulk.
    StartStandby {
        /// The active's epoch.
        active: Epoch,
    },
    /// On the active: bulk everything into the standby.
    StartBulk,
    /// On the active: no standby takes frames any more.
    StopSync,
    /// On the active: accept nothing that changes state, and answer [`Input::HandoverReady`] when the standby has
    /// acknowledged everything.
    PrepareHandover,
    /// The handover came to nothing; go on as active. Preceded by [`Output::EpochRaised`] where the standby had
    /// been asked to take over already.
    HandoverResumed {
        /// Why, in words for the operator.
        reason: &'static str,
    },
    /// The operator's wish is refused with these words.
    Refused(&'static str),
    /// Reload this unit now; it comes back as a standby.
    ReloadSelf(ReloadReason),
    /// Have the peer reset.
    ReloadPeer(ReloadReason),
    /// Have everything reset.
    ReloadShelf,
    /// A system message.
    Log(Syslog),
    /// Call this client for this pass.
    RunClient {
        /// Who.
        client: Client,
        /// Which pass.
        progression: Progression,
        /// 0: own progress; 1: on behalf of the standby.
        operand: u32,
    },
    /// Tell all clients a fact that needs no answer.
    TellClients {
        /// Which fact.
        status: Status,
        /// Its value.
        operand: u32,
    },
    /// A state changed (for notifications and for `show`).
    StateChanged {
        /// This unit's state.
        mine: RfState,
        /// The peer's state.
        peer: RfState,
    },
    /// Add a line to the switchover history, with the present wall-clock time.
    RecordSwitchover {
        /// Who was active.
        previous: RpSlot,
        /// Who is now.
        current: RpSlot,
        /// Why.
        reason: SwitchoverReason,
        /// How the active was lost; `None` when it was not.
        loss: Option<PeerLoss>,
    },
    /// ACTIVE is reached for the first time in this life.
    SystemReady,
}
