//! Configuration synchronisation: what keeps running and startup configuration equal on both route processors, beside
//! the rows and commands that frames carry ([`crate::configuration`]).
//!
//! ```text
//!   active                                               standby
//!     │── BulkBegins ─────────────────────────────────────▶│ number of the command that the bulk's lines are of
//!     │── Startup (while the pair runs RPR) ──────────────▶│ NVRAM, again and again until it is there
//!     │◀─────────────────── StartupStored ─────────────────│ after every try
//!     │◀─────────────────── Executed ──────────────────────│ after every command: its number, digest of the tree
//!     │◀─────────────────── Failures ──────────────────────│ commands with another outcome; nothing is acknowledged
//!     │── Accepted, or the standby is reloaded ───────────▶│ as the policy says
//! ```

mod failures;
mod language;
pub(crate) mod log;
mod message;
mod show;
mod startup;
mod store;

pub(crate) use failures::FailureLists;
pub use language::Language;
pub use message::{Body, ConfigSyncMessage, Executed, FailedCommand, Failures, Startup, StartupStored};
pub(crate) use startup::{Requester, StartupCopies};
pub(crate) use store::StartupStore;

use crate::io::{PeerMessage, RpOutput};
use crate::processor::{Role, RouteProcessor};
use crate::standby::ChunkOutcome;
use machine::Instant;
use redundancy::{Input as RfInput, Progression, RfState};

/// The hash under which both route processors name a text.
pub(crate) fn text_digest(text: &str) -> u64 {
    checkpoint::row_hash(crate::configuration::STARTUP_TABLE, &[], text.as_bytes())
}

fn executed_by(configuration: &crate::Configuration) -> Executed {
    Executed {
        number: configuration.executed(),
        tree_digest: configuration.tree().digest(),
    }
}

impl RouteProcessor {
    /// Sends a message of configuration synchronisation to the peer.
    pub(crate) fn send_config_sync(&mut self, body: Body) {
        let message = ConfigSyncMessage { body: Some(body) };
        self.turn.now(RpOutput::Peer(PeerMessage::ConfigSync(message)));
    }

    /// A step of a standby's progression, on the active: at the first one the startup configuration goes over. By then
    /// the active has discovered the chassis and parsed it; the standby goes on when it is told that the step is done.
    pub(crate) fn serve_standby_configuration(&mut self, now: Instant, progression: Progression) {
        if progression == Progression::StandbyCold {
            self.send_startup(now);
        }
    }

    /// A bulk begins.
    pub(crate) fn tell_standby_of_bulk(&mut self) {
        let Role::Active(active) = &self.role else { return };
        let at = executed_by(&active.clients.configuration);
        self.config_failures.bulk_begins();
        self.send_config_sync(Body::BulkBegins(at));
    }

    /// The peer's state has changed: what it said in the one before may be of the past.
    pub(crate) fn peer_moves(&mut self, now: Instant, peer: RfState) {
        if !peer.is_standby() || peer == RfState::StandbyCold {
            self.forget_peer_store(now);
        }
    }

    /// The standby has taken a chunk.
    pub(crate) fn standby_configuration_moves(&mut self, now: Instant, bulk_ended: bool) {
        self.standby_looks_at_startup(now, bulk_ended);
        let Role::Standby(standby) = &self.role else {
            return;
        };
        if !standby.in_step() {
            return;
        }
        let number = standby.clients().configuration.executed();
        if bulk_ended || self.startup_copies.executed_told != number {
            let executed = executed_by(&standby.clients().configuration);
            self.startup_copies.executed_told = number;
            self.send_config_sync(Body::Executed(executed));
        }
    }

    fn differences_accepted(&mut self, now: Instant, report: u64) {
        let Role::Standby(standby) = &mut self.role else {
            return;
        };
        if standby.accepted(report, &mut self.turn) == ChunkOutcome::InStep {
            self.standby_configuration_moves(now, true);
            self.tell_facility(now, RfInput::BulkFinished);
        }
    }

    pub(crate) fn config_sync_message(&mut self, now: Instant, message: ConfigSyncMessage) {
        match message.body {
            Some(Body::Startup(startup)) => {
                if matches!(self.role, Role::Standby(_)) {
                    self.keep_beside_startup(now, &startup);
                    self.standby_keeps_startup(now, startup.text);
                }
            }
            Some(Body::StartupStored(stored)) => self.peer_stored_startup(now, stored),
            Some(Body::BulkBegins(at)) => {
                if let Role::Standby(standby) = &mut self.role {
                    standby.bulk_begins_after(at);
                }
            }
            Some(Body::Failures(failures)) => self.standby_reports_failures(now, &failures),
            Some(Body::Accepted(report)) => self.differences_accepted(now, report),
            Some(Body::FileRequest(request)) => self.serve_peer_file(request),
            Some(Body::FileAnswer(answer)) => self.file_answered_by_peer(now, answer),
            Some(Body::Executed(executed)) => self.startup_copies.peer_executed = Some(executed),
            None => {}
        }
    }
}
