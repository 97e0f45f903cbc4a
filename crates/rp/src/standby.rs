//! The standby: applies frames, and nothing else.
//!
//! It never parses a neighbour's packet and never speaks to a card. Everything that it knows came in frames.

use crate::clients::Clients;
use crate::configuration::Mismatch;
use crate::io::{PeerMessage, RpOutput};
use alloc::string::{String, ToString};
use checkpoint::{FrameChunk, ResyncRequest, StandbyEnd, StandbyError, table_digests};
use machine::{FrameNumber, Instant, Outbox};

/// State of a standby.
#[derive(Default)]
pub struct Standby {
    clients: Clients,
    end: StandbyEnd,
    /// Whether the tree of commands is equal to the active's. False from a mismatch until the next bulk.
    configuration_agrees: bool,
    /// Number of the last command that is in the lines of the bulk.
    bulk_after: u64,
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
    /// A standby with empty tables.
    pub fn new() -> Self {
        Self::default()
    }

    /// The lines of the bulk that follows are those after this command.
    pub fn bulk_begins_after(&mut self, command: u64) {
        self.bulk_after = command;
    }

    /// The tables, for `show`.
    pub fn clients(&self) -> &Clients {
        &self.clients
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
        if self.end.in_step()
            && let Err(mismatch) = self.run_configuration(committed.bulk_ended)
        {
            return self.resync(chunk, mismatch.to_string(), out);
        }
        out.now(RpOutput::Peer(PeerMessage::Acknowledgement(
            committed.acknowledgement,
        )));
        if committed.bulk_ended {
            ChunkOutcome::InStep
        } else {
            ChunkOutcome::Taken
        }
    }

    fn run_configuration(&mut self, bulk_ended: bool) -> Result<(), Mismatch> {
        let result = if bulk_ended {
            self.clients.configuration.bulk_ended(self.bulk_after)
        } else {
            self.clients.configuration.execute_received()
        };
        self.configuration_agrees = result.is_ok();
        result
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
        } = self;
        let committed = end.committed();
        (clients, committed)
    }
}
