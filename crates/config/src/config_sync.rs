//! What is configured about differences between the two route processors' configurations, and what they are called.

use core::fmt;

/// When a difference was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyncPhase {
    /// While the standby took over the whole configuration.
    Bulk,
    /// At one command, line by line.
    LineByLine,
}

/// What kind of difference it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureClass {
    /// Mismatched command list: the standby does not know the command.
    Mcl,
    /// Best effort method: the command was tried and did not come to the same result.
    Bem,
    /// Parser return code: it differs from the active's.
    Prc,
}

impl FailureClass {
    /// Every class.
    pub const ALL: [FailureClass; 3] = [FailureClass::Mcl, FailureClass::Bem, FailureClass::Prc];

    /// The name in headings.
    pub const fn name(self) -> &'static str {
        match self {
            FailureClass::Mcl => "MCL",
            FailureClass::Bem => "BEM",
            FailureClass::Prc => "PRC",
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A class that a policy can be configured for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyClass {
    /// Best effort method.
    Bem,
    /// Parser return code.
    Prc,
}

/// Whether a difference reloads the standby: `policy config-sync {bulk | lbl} {bem | prc} reload`. All do by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigSyncPolicy {
    reloads: [[bool; 2]; 2],
}

impl Default for ConfigSyncPolicy {
    fn default() -> Self {
        Self {
            reloads: [[true; 2]; 2],
        }
    }
}

impl ConfigSyncPolicy {
    /// Every phase and class, in the order of the running configuration.
    pub const ALL: [(SyncPhase, PolicyClass); 4] = [
        (SyncPhase::Bulk, PolicyClass::Bem),
        (SyncPhase::Bulk, PolicyClass::Prc),
        (SyncPhase::LineByLine, PolicyClass::Bem),
        (SyncPhase::LineByLine, PolicyClass::Prc),
    ];

    /// Whether such a difference reloads the standby.
    pub const fn reloads(&self, phase: SyncPhase, class: PolicyClass) -> bool {
        self.reloads[phase as usize][class as usize]
    }

    /// Sets it. Returns whether that changed anything.
    pub fn set(&mut self, phase: SyncPhase, class: PolicyClass, reload: bool) -> bool {
        let place = &mut self.reloads[phase as usize][class as usize];
        core::mem::replace(place, reload) != reload
    }

    /// What differs from the default.
    pub fn exceptions(&self) -> impl Iterator<Item = (SyncPhase, PolicyClass)> + use<> {
        let policy = *self;
        ConfigSyncPolicy::ALL
            .into_iter()
            .filter(move |(phase, class)| !policy.reloads(*phase, *class))
    }
}

/// What the operator wants done with the mismatched command list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MismatchedCommands {
    /// The commands that are listed now may be missing on the standby.
    Ignore,
    /// Look which of them are configured still.
    Validate,
}
