//! The standby: applies frames, and nothing else.
//!
//! It never parses a neighbour's packet and never speaks to a card. Everything that it knows came in frames.

use crate::clients::Clients;
use crate::config_sync::{Body, ConfigSyncMessage, Executed, FailedCommand, Failures, Language};
use crate::io::{PeerMessage, RpOutput};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use checkpoint::{Acknowledgement, FrameChunk, ResyncRequest, StandbyEnd, StandbyError, table_digests};
use machine::{FrameNumber, Instant, Outbox};

/// State of a standby.
#[derive(Default)]
pub struct Standby {
    clients: Clients,
    end: StandbyEnd,
    /// Whether the tree of commands is equal to the active's. False from a mismatch until the next bulk.
    configuration_agrees: bool,
    /// How far the active was with commands when the bulk began.
    bulk_after: Option<Executed>,
    language: Language,
    /// Commands with another outcome than on the active: nothing is acknowledged until the active accepts that.
    withheld: Option<Withheld>,
    reports: u64,
}

/// Failures that one report names.
const FAILURES_REPORTED_MAX: usize = 256;

/// An acknowledgement that waits for the active's word.
#[derive(Clone, Debug)]
struct Withheld {
    acknowledgement: Acknowledgement,
    bulk_ended: bool,
}

/// What a chunk led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkOutcome {
    /// Nothing to tell.
    Taken,
    /// The bulk has ended; the standby is in step.
    InStep,
    /// Something does not fit; everything was asked for again.
    OutOfStep,
}

impl Standby {
    /// A standby with empty tables, of a program that knows this language.
    pub fn new(language: Language) -> Self {
        Self {
            language,
            ..Self::default()
        }
    }

    /// The bulk that follows has the configuration as it is after this command.
    pub fn bulk_begins_after(&mut self, executed: Executed) {
        self.bulk_after = Some(executed);
    }

    /// The active accepts the differences of the report with this number, and those before.
    pub fn accepted(&mut self, report: u64, out: &mut Outbox<RpOutput>) -> ChunkOutcome {
        let Some(withheld) = self.withheld.take_if(|_| report == self.reports) else {
            return ChunkOutcome::Taken;
        };
        self.configuration_agrees = true;
        out.now(RpOutput::Peer(PeerMessage::Acknowledgement(
            withheld.acknowledgement,
        )));
        if withheld.bulk_ended {
            ChunkOutcome::InStep
        } else {
            ChunkOutcome::Taken
        }
    }

    /// Whether it waits for the active's word on commands with another outcome, and acknowledges nothing meanwhile.
    pub fn withholds(&self) -> bool {
        self.withheld.is_some()
    }

    /// The tables, for `show`.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Age and switchovers, for what this RP keeps of them beside the tables.
    pub(crate) fn system_mut(&mut self) -> &mut crate::system::System {
        &mut self.clients.system
    }

    /// Whether it could be promoted with what it has.
    pub fn in_step(&self) -> bool {
        self.end.in_step() && self.configuration_agrees
    }

    /// The last committed frame.
    pub fn committed(&self) -> FrameNumber {
        self.end.committed()
    }

    /// The link to the active is gone: a torn frame is dropped, the last whole one stays.
    pub fn disconnected(&mut self) {
        self.end.disconnected(&mut self.clients);
    }

    /// Takes one chunk of a frame.
    pub fn chunk(&mut self, now: Instant, chunk: &FrameChunk, out: &mut Outbox<RpOutput>) -> ChunkOutcome {
        if chunk.bulk_begin {
            self.clients = Clients::new();
            self.configuration_agrees = false;
            self.withheld = None;
        }
        let committed = match self.end.chunk(&mut self.clients, chunk) {
            Ok(None) => return ChunkOutcome::Taken,
            Ok(Some(committed)) => committed,
            Err(error) => {
                self.configuration_agrees &= !matches!(error, StandbyError::Digest { .. });
                return self.resync(chunk, error.to_string(), out);
            }
        };
        self.clients.system.anchor(now);
        let failures = if self.end.in_step() {
            self.run_configuration(committed.bulk_ended)
        } else {
            Vec::new()
        };
        let (acknowledgement, bulk_ended) = (committed.acknowledgement, committed.bulk_ended);
        if self.withheld.is_some() || !failures.is_empty() {
            let ended_before = self.withheld.as_ref().is_some_and(|withheld| withheld.bulk_ended);
            self.withheld = Some(Withheld {
                acknowledgement,
                bulk_ended: bulk_ended || ended_before,
            });
            if !failures.is_empty() {
                self.report(failures, bulk_ended || ended_before, out);
            }
            return ChunkOutcome::Taken;
        }
        self.configuration_agrees |= bulk_ended;
        out.now(RpOutput::Peer(PeerMessage::Acknowledgement(acknowledgement)));
        if bulk_ended {
            ChunkOutcome::InStep
        } else {
            ChunkOutcome::Taken
        }
    }

    fn run_configuration(&mut self, bulk_ended: bool) -> Vec<FailedCommand> {
        let configuration = &mut self.clients.configuration;
        if bulk_ended {
            configuration.bulk_ended(self.bulk_after.take(), &self.language)
        } else {
            configuration.execute_received(&self.language)
        }
    }

    /// Tells the active which commands did not come to the same result.
    fn report(&mut self, mut commands: Vec<FailedCommand>, bulk: bool, out: &mut Outbox<RpOutput>) {
        let total = commands.len() as u64;
        commands.truncate(FAILURES_REPORTED_MAX);
        self.reports += 1;
        let failures = Failures {
            report: self.reports,
            bulk,
            commands,
            total,
        };
        out.now(RpOutput::Peer(PeerMessage::ConfigSync(ConfigSyncMessage {
            body: Some(Body::Failures(failures)),
        })));
    }

    fn resync(&mut self, chunk: &FrameChunk, why: String, out: &mut Outbox<RpOutput>) -> ChunkOutcome {
        let tables = table_digests(&self.clients);
        out.now(RpOutput::Peer(PeerMessage::Resync(ResyncRequest {
            frame: chunk.frame,
            why,
            tables,
        })));
        ChunkOutcome::OutOfStep
    }

    /// Gives away what was checkpointed: the tables and the frame that they are of.
    pub fn into_parts(self) -> (Clients, FrameNumber) {
        let Self {
            clients,
            end,
            configuration_agrees: _,
            bulk_after: _,
            language: _,
            withheld: _,
            reports: _,
        } = self;
        let committed = end.committed();
        (clients, committed)
    }
}
