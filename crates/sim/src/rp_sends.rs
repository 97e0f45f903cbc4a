//! What a turn of a route processor sends, on its way out.

use crate::options::Plant;
use crate::rp_node::Process;
use crate::trace::of_bytes;
use crate::world::{Stage, World};
use chassis::RpMessage;
use machine::{CardSlot, RpSlot};
use rp::{ConfigSyncBody, ConfigSyncMessage, PeerMessage, RpInput, RpOutput};

impl World {
    /// What the turn asked to be sent leaves.
    pub(crate) fn flush(&mut self, slot: RpSlot, process: &mut Process, sends: Vec<RpOutput>) {
        for output in sends {
            match output {
                RpOutput::Peer(message) => self.send_to_peer(slot, process, &message),
                RpOutput::DropPeerLink => {
                    process.drop_peer_link();
                    self.drop_peer_connection(slot);
                }
                RpOutput::Card {
                    card,
                    session,
                    message,
                } => {
                    self.send_to_card(slot, process, card, session, &message);
                }
                RpOutput::Console { session, output }
                    if self.is_master(slot) || process.rp.active().is_none() =>
                {
                    self.console_output(slot, process, session, output);
                }
                _ => {}
            }
        }
    }

    fn send_to_peer(&mut self, slot: RpSlot, process: &mut Process, message: &PeerMessage) {
        if self.options.plant == Some(Plant::AcknowledgeUnseenFrames)
            && let PeerMessage::Chunk(chunk) = message
            && process.seen.in_step
            && self.stage == Stage::Faults
        {
            return self.forge_acknowledgement(process, chunk);
        }
        if self.options.plant == Some(Plant::DifferencesHushedUp)
            && let PeerMessage::ConfigSync(ConfigSyncMessage {
                body: Some(ConfigSyncBody::Failures(failures)),
            }) = message
        {
            let body = Some(ConfigSyncBody::Accepted(failures.report));
            let accepted = PeerMessage::ConfigSync(ConfigSyncMessage { body });
            return process.peer.push_back((0, RpInput::Peer(accepted)));
        }
        let (kind, body) = match message {
            PeerMessage::Chunk(chunk) if self.options.plant == Some(Plant::CorruptStandby) => {
                damaged(process, chunk).encode()
            }
            _ => message.encode(),
        };
        let name = self.rps[slot.index()].name;
        self.trace.note(self.now, name, of_bytes(kind, &body), || {
            format!("to peer: {}", brief_peer(message))
        });
        self.peer_send(slot, kind, body);
    }

    fn send_to_card(
        &mut self,
        slot: RpSlot,
        process: &Process,
        card: CardSlot,
        session: u64,
        message: &RpMessage,
    ) {
        let Some((link, current)) = process.card_links.get(&card).copied() else {
            return;
        };
        if current != session {
            return;
        }
        let (kind, body) = message.encode();
        let name = self.rps[slot.index()].name;
        self.trace.note(self.now, name, of_bytes(kind, &body), || {
            format!("to card {card}: {}", brief_card(message))
        });
        self.card_send(link, session, kind, body);
    }

    /// The planted bug "acknowledged before it is there": the frame is lost, and its acknowledgement is forged.
    fn forge_acknowledgement(&self, process: &mut Process, chunk: &checkpoint::FrameChunk) {
        if let Some(digest) = chunk.digest.filter(|_| chunk.end) {
            let acknowledgement = checkpoint::Acknowledgement {
                frame: chunk.frame,
                digest,
            };
            process
                .peer
                .push_back((0, RpInput::Peer(PeerMessage::Acknowledgement(acknowledgement))));
        }
    }
}

/// A message on the RP link in few words.
pub(crate) fn brief_peer(message: &PeerMessage) -> String {
    match message {
        PeerMessage::Rf(message) => format!("{} {} {:?}", message.epoch, message.state, message.body),
        PeerMessage::Chunk(chunk) => format!(
            "chunk of {}: {} bytes{}{}{}",
            chunk.frame,
            chunk.rows.len(),
            if chunk.bulk_begin { ", bulk begins" } else { "" },
            if chunk.end { ", frame ends" } else { "" },
            if chunk.bulk_end { ", bulk ends" } else { "" },
        ),
        PeerMessage::Acknowledgement(acknowledgement) => format!("acknowledges {}", acknowledgement.frame),
        PeerMessage::Unit(report) => format!("unit: {}", report.image_version),
        PeerMessage::Resync(request) => format!("asks for a resync: {}", request.why),
        PeerMessage::ConfigSync(message) => format!("configuration: {:.160}", format!("{:?}", message.body)),
    }
}

fn brief_card(message: &RpMessage) -> String {
    match message {
        RpMessage::Rows { rows } => format!("{} bytes of rows", rows.len()),
        RpMessage::Inject { port, frame } => format!("inject {} bytes on {port}", frame.len()),
        other => format!("{other:?}"),
    }
}

/// The planted damage: a frame of a pair in step loses its rows, and looks whole.
fn damaged(process: &Process, chunk: &checkpoint::FrameChunk) -> PeerMessage {
    let mut chunk = chunk.clone();
    if process.seen.in_step && chunk.end && chunk.rows_in_frame > 0 {
        chunk.rows = Vec::new();
        chunk.rows_in_frame = 0;
        chunk.digest = None;
    }
    PeerMessage::Chunk(chunk)
}
