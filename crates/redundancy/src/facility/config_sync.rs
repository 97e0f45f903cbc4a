//! What differences between the two units' configurations do to the pair.
//!
//! A standby that does not know commands of the active cannot keep the same state, so the pair runs RPR: it is reloaded,
//! and is told so with the first words on the link.
//!
//! Which lives of the standby that concerns, each one says itself, by its language:
//!
//! | this life of the standby | is |
//! | --- | --- |
//! | found not to know commands | reloaded |
//! | the next one, of the same language | kept in RPR |
//! | any later one, of the same language | tried anew |
//! | one of another language | tried anew |
//!
//! So no change of release is overlooked, and each life that ends for another reason costs one reload at most.

use super::{ConfigSyncVerdict, Hello, Output, RedundancyFacility, ReloadReason, Syslog};
use machine::{Instant, Outbox};

/// Commands that the standby was found not to know. While there are any, a pair with a standby of that language runs RPR.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mismatch {
    /// How many; 0: it knows all, or nobody has tried.
    pub(super) commands: u32,
    /// What the standby had said that it knows.
    pub(super) language: u64,
    /// That standby is being reloaded for it: its next life will not know them either.
    reloads: bool,
}

impl RedundancyFacility {
    pub(super) fn config_sync_verdict(
        &mut self,
        now: Instant,
        verdict: ConfigSyncVerdict,
        out: &mut Outbox<Output>,
    ) {
        if !self.state.is_active() {
            return;
        }
        let reason = match verdict {
            ConfigSyncVerdict::BulkFailed => ReloadReason::BulkSyncFailure,
            ConfigSyncVerdict::LineFailed => ReloadReason::LineByLineSyncFailure,
            ConfigSyncVerdict::Mismatched { commands } => {
                self.mismatch = Mismatch {
                    commands: commands.max(1),
                    language: self.peer.hello.map_or(0, |(_, hello)| hello.language),
                    reloads: self.peer.present,
                };
                out.now(Output::Log(Syslog::incompatible_matrix()));
                ReloadReason::BulkSyncFailure
            }
            ConfigSyncVerdict::Cleared if self.mismatch.commands == 0 => return,
            ConfigSyncVerdict::Cleared => {
                self.mismatch = Mismatch::default();
                ReloadReason::MismatchCleared
            }
        };
        self.settle_mode(now, out);
        if self.peer.present {
            self.peer.in_step = false;
            self.reload_peer(now, reason, out);
        }
    }

    /// The standby is gone. Decided at the end of a life: by the first words to the next one it has to be known.
    pub(super) fn life_of_standby_ends(&mut self) {
        if !core::mem::take(&mut self.mismatch.reloads) {
            self.mismatch = Mismatch::default();
        }
    }

    /// The standby has said what it is. What another one did not know is of the past; this one has read the same from
    /// the first words to it.
    pub(super) fn standby_speaks(&mut self, hello: &Hello) {
        if self.mismatch.language != hello.language {
            self.mismatch = Mismatch::default();
        }
    }
}
