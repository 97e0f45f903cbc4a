//! What differences between the two units' configurations do to the pair.
//!
//! A standby that does not know commands of the active cannot keep the same state, so the pair runs RPR: it is reloaded,
//! and is told so with the first words on the link.

use super::{ConfigSyncVerdict, Output, RedundancyFacility, ReloadReason, Syslog};
use machine::{Instant, Outbox};

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
                self.mismatched_commands = commands.max(1);
                self.reloads_for_mismatch = self.peer.present;
                out.now(Output::Log(Syslog::incompatible_matrix()));
                ReloadReason::BulkSyncFailure
            }
            ConfigSyncVerdict::Cleared if self.mismatched_commands == 0 => return,
            ConfigSyncVerdict::Cleared => {
                self.mismatched_commands = 0;
                ReloadReason::MismatchCleared
            }
        };
        self.settle_mode(now, out);
        if self.peer.present {
            self.peer.in_step = false;
            self.reload_peer(now, reason, out);
        }
    }

    /// The standby is gone. After the one reload for what it does not know, whatever comes next may be of another release
    /// and is tried anew. Decided at the end of a life: by the first words to the next one it has to be known.
    pub(super) fn life_of_standby_ends(&mut self) {
        if !core::mem::take(&mut self.reloads_for_mismatch) {
            self.mismatched_commands = 0;
        }
    }
}
