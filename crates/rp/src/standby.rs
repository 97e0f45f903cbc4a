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
    /// What the NVRAM of this RP was last told to hold.
    startup_written: Option<String>,
    /// What it was told to hold since the last look.
    newly_saved: Option<String>,
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
    /// A standby with empty tables. `startup_written` is what its NVRAM holds.
    pub fn new(startup_written: Option<String>) -> Self {
        Self {
            startup_written,
            ..Self::default()
        }
    }

    /// The startup configuration that has just replaced the one in the NVRAM, if one has.
    pub fn take_newly_saved(&mut self) -> Option<String> {
        self.newly_saved.take()
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
        self.write_startup(out);
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
            self.clients.configuration.bulk_ended()
        } else {
            self.clients.configuration.execute_received()
        };
        self.configuration_agrees = result.is_ok();
        result
    }

    /// The startup configuration that came by a frame goes to this RP's NVRAM.
    fn write_startup(&mut self, out: &mut Outbox<RpOutput>) {
        let Some(text) = self.clients.configuration.startup_text() else {
            return;
        };
        if self.startup_written.as_deref() != Some(text) {
            self.startup_written = Some(text.to_string());
            self.newly_saved = Some(text.to_string());
            out.now(RpOutput::WriteNvram {
                text: text.to_string(),
                answer: false,
            });
        }
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
            startup_written: _,
            newly_saved: _,
        } = self;
        let committed = end.committed();
        (clients, committed)
    }
}
