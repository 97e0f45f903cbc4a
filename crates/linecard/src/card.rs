//! A line card: ports, tables, and one route processor at a time, or none.
//!
//! ```text
//!               claim by a higher epoch                     claim
//!   Unclaimed ───────────────────────▶ Obeying(link) ◀──────────────── Headless
//!                                        │      │                          ▲
//!                                        │      └── another link claims ─┐ │
//!                                        │         higher: that one      │ │
//!                                        └── link lost ──────────────────┴─┘
//! ```
//!
//! Forwarding does not depend on this: a headless card forwards on with the tables that it has. What it keeps for the
//! next epoch is its truth (ports, frame, digest) and the punts that nobody has consumed ([`crate::punt`]), handed over
//! in this order.
//!
//! **Refresh.** What a refresh does not name is stale at its end: it leaves the digest at once, and the tables a
//! bounded number of rows at a time ([`LineCard::expire`]).

mod machine_form;

use alloc::string::String;
use alloc::vec::Vec;

use chassis::message::{PortCounters, PortTruth, Truth};
use chassis::{CardEnd, CardMessage, ClaimAnswer, LinkId, RpMessage};
use machine::{CardSlot, Deadline, Duration, Epoch, FrameNumber, Generation, Instant, PortId, earliest};
use packet::MacAddress;

use crate::counters::CardCounters;
use crate::forward::{ForwardingPlane, Limits};
use crate::held::Replaced;
use crate::sink::{CloseReason, Sink};
use crate::tables::{self, Tables};

pub use machine_form::CardInput;

/// Rows that one step of a sweep looks at.
const SWEEP_ROWS: usize = 4096;
/// How often changed counters are told to the RP.
const COUNTERS_INTERVAL: Duration = Duration::from_secs(1);

/// What a card is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardConfiguration {
    /// Its slot.
    pub slot: CardSlot,
    /// What kind of card it is, for `show platform`.
    pub model: String,
    /// The image that it runs, for `show version`.
    pub image_version: String,
    /// Its ports, from port 0.
    pub ports: Vec<PortHardware>,
    /// What makes its choice among equal paths its own.
    pub flow_seed: u64,
    /// Rates and bounds.
    pub limits: Limits,
}

/// One port as it is plugged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortHardware {
    /// Its own address on the wire.
    pub mac: MacAddress,
    /// What it is attached to, for `show`.
    pub wire: String,
}

/// How far a refresh is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refresh {
    /// None is under way, and nothing stale is left.
    Idle,
    /// Rows are being named; this is the sum of hashes of those that are not yet.
    Naming { stale_digest: u64 },
    /// What was not named is out of the digest and on its way out of the tables; the next step is due at once.
    Sweeping { due: Instant },
}

/// One line card. The driver gives it frames, messages and events, and a [`Sink`] for what follows from them.
#[derive(Debug)]
pub struct LineCard {
    slot: CardSlot,
    model: String,
    image_version: String,
    hardware: Vec<PortHardware>,
    started: Instant,
    end: CardEnd,
    plane: ForwardingPlane,
    generation: Generation,
    refresh: Refresh,
    /// Counters as the RP was last told them.
    reported: Vec<PortCounters>,
    report_at: Option<Instant>,
}

impl LineCard {
    /// A card that has just been plugged: no RP, no tables, all wires disconnected.
    ///
    /// Ports beyond the 256 that a [`PortId`] can name are left out.
    pub fn new(now: Instant, configuration: CardConfiguration) -> Self {
        let CardConfiguration {
            slot,
            model,
            image_version,
            ports: mut hardware,
            flow_seed,
            limits,
        } = configuration;
        hardware.truncate(usize::from(u8::MAX) + 1);
        Self {
            slot,
            model,
            image_version,
            started: now,
            end: CardEnd::new(),
            plane: ForwardingPlane::new(now, slot, hardware.len(), limits, flow_seed),
            generation: Generation::default(),
            refresh: Refresh::Idle,
            reported: alloc::vec![PortCounters::default(); hardware.len()],
            report_at: None,
            hardware,
        }
    }

    /// A frame came in by an own port. Its bytes are changed on the way.
    #[inline]
    pub fn receive<S: Sink>(&mut self, now: Instant, port: PortId, frame: &mut [u8], sink: &mut S) {
        self.plane.receive(now, port, frame, sink);
    }

    /// A finished frame came over the fabric, to leave by an own port.
    pub fn receive_fabric<S: Sink>(&mut self, port: PortId, frame: &[u8], sink: &mut S) {
        self.plane.transmit_finished(port, frame, sink);
    }

    /// A message came from the RP behind `link`.
    pub fn rp_message<S: Sink>(&mut self, now: Instant, link: LinkId, message: RpMessage, sink: &mut S) {
        if let RpMessage::Claim { epoch } = message {
            self.claim(now, link, epoch, sink);
            return;
        }
        if !self.end.obeys(link) {
            self.plane.counters.fenced_messages += 1;
            if self.end.epoch() == Epoch::NONE {
                sink.close(link, CloseReason::ClaimMissing);
            }
            return;
        }
        let done = match message {
            RpMessage::Claim { .. } => Ok(()),
            RpMessage::RefreshBegin => {
                self.refresh_begin();
                Ok(())
            }
            RpMessage::Rows { rows } => self.rows(link, &rows, sink),
            RpMessage::FrameEnd { frame, digest } => {
                self.frame_end(link, frame, digest, sink);
                Ok(())
            }
            RpMessage::RefreshEnd { frame, digest } => self.refresh_end(now, link, frame, digest, sink),
            RpMessage::Inject { port, frame } => {
                self.plane.transmit_finished(port, &frame, sink);
                Ok(())
            }
            RpMessage::OutOfStep { since } => {
                self.end.note_out_of_step(since);
                Ok(())
            }
            RpMessage::PuntsConsumed { count } => self.punts_consumed(link, count, sink),
            RpMessage::PuntKept { number } => self.plane.punt_buffer.kept(number).map_err(CloseReason::Punts),
            RpMessage::PuntReleased { number } => self
                .plane
                .punt_buffer
                .released(number)
                .map_err(CloseReason::Punts),
        };
        if let Err(reason) = done {
            self.rp_lost(link);
            sink.close(link, reason);
        }
    }

    /// A link to an RP is gone. Forwarding goes on; when it was the one obeyed, punts wait for the next, those first
    /// that were not consumed.
    pub fn rp_lost(&mut self, link: LinkId) {
        if self.end.disconnected(link) {
            self.plane.rp = None;
            self.plane.punt_buffer.take_back();
            self.report_at = None;
            self.abandon_refresh();
        }
    }

    /// An own port's wire was connected or disconnected.
    pub fn port_link<S: Sink>(&mut self, port: PortId, link_up: bool, sink: &mut S) {
        if self.plane.set_port_up(port, link_up)
            && let Some(link) = self.plane.rp
        {
            sink.send(link, CardMessage::PortStatus { port, link_up });
        }
    }

    /// Another card can be reached over the fabric, or no longer.
    pub fn fabric_peer<S: Sink>(&mut self, peer: CardSlot, up: bool, sink: &mut S) {
        if self.plane.set_peer_up(peer, up)
            && let Some(link) = self.plane.rp
        {
            sink.send(link, CardMessage::FabricStatus { peer, up });
        }
    }

    /// Does what is due: a step of the sweep, counters to the RP.
    pub fn expire<S: Sink>(&mut self, now: Instant, sink: &mut S) {
        if let Refresh::Sweeping { .. } = self.refresh {
            let complete = self.plane.tables.sweep(self.generation, SWEEP_ROWS);
            self.refresh = if complete {
                Refresh::Idle
            } else {
                Refresh::Sweeping { due: now }
            };
        }
        if self.report_at.is_some_and(|at| at <= now) {
            self.report_at = Some(now + COUNTERS_INTERVAL);
            self.report(sink);
            // For punts that found the way full when nothing was left that the RP could report as consumed.
            if let Some(link) = self.plane.rp {
                self.plane.hand_over_punts(link, sink);
            }
        }
    }

    /// When [`LineCard::expire`] has something to do.
    pub fn next_deadline(&self) -> Option<Deadline> {
        let sweep = match self.refresh {
            Refresh::Sweeping { due } => Some((due, "sweep of stale rows")),
            Refresh::Idle | Refresh::Naming { .. } => None,
        };
        earliest(sweep, self.report_at.map(|at| (at, "counters to the RP")))
    }

    /// The card's slot.
    pub fn slot(&self) -> CardSlot {
        self.slot
    }

    /// The highest epoch accepted.
    pub fn epoch(&self) -> Epoch {
        self.end.epoch()
    }

    /// Whether no RP is obeyed now.
    pub fn is_headless(&self) -> bool {
        self.end.link().is_none()
    }

    /// The last frame whose rows are here whole.
    pub fn frame(&self) -> FrameNumber {
        self.end.frame()
    }

    /// Digest over the downloaded rows.
    pub fn digest(&self) -> u64 {
        self.end.digest()
    }

    /// The downloaded tables.
    pub fn tables(&self) -> &Tables {
        &self.plane.tables
    }

    /// Counters of the whole card.
    pub fn counters(&self) -> &CardCounters {
        &self.plane.counters
    }

    /// Counters of each port, from port 0.
    pub fn port_counters(&self) -> &[PortCounters] {
        &self.plane.port_counters
    }

    /// Punts that wait for an RP, and those that found no room since the card started.
    pub fn buffered_punts(&self) -> (usize, u64) {
        (self.plane.punt_buffer.waiting(), self.plane.punt_buffer.lost())
    }

    /// Punts that the RP has and has not consumed, and those since the card started of which no copy could be kept until
    /// they were.
    pub fn unconsumed_punts(&self) -> (usize, u64) {
        (
            self.plane.punt_buffer.unconsumed(),
            self.plane.punt_buffer.forgotten(),
        )
    }

    fn claim<S: Sink>(&mut self, now: Instant, link: LinkId, epoch: Epoch, sink: &mut S) {
        match self.end.claim(link, epoch) {
            ClaimAnswer::Refused(epoch) => sink.send(link, CardMessage::Refused { epoch }),
            ClaimAnswer::Accepted { displaced } => {
                if let Some(displaced) = displaced {
                    sink.close(displaced, CloseReason::Displaced(epoch));
                }
                self.abandon_refresh();
                self.plane.punt_buffer.take_back();
                sink.send(link, CardMessage::Truth(self.truth(now)));
                self.plane.rp = Some(link);
                self.plane.hand_over_punts(link, sink);
                self.report_at = Some(now + COUNTERS_INTERVAL);
                // A new RP has not been told anything.
                self.reported.fill(PortCounters::default());
            }
        }
    }

    fn truth(&self, now: Instant) -> Truth {
        let ports = self.hardware.iter().zip(0u8..=u8::MAX).map(|(hardware, number)| {
            let port = PortId {
                card: self.slot,
                port: number,
            };
            let link_up = self.plane.port_is_up(port);
            PortTruth {
                port,
                link_up,
                mac: hardware.mac,
                wire: hardware.wire.clone(),
            }
        });
        let uptime = now.saturating_since(self.started);
        Truth {
            card: self.slot,
            model: self.model.clone(),
            image_version: self.image_version.clone(),
            fabric_peers: self.plane.peers_up().collect(),
            ports: ports.collect(),
            frame: self.end.frame(),
            digest: self.end.digest(),
            mixed: self.end.mixed(),
            out_of_step: self.end.out_of_step(),
            buffered_punts: u32::try_from(self.plane.punt_buffer.waiting()).unwrap_or(u32::MAX),
            lost_punts: self.plane.punt_buffer.lost(),
            uptime_ms: u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX),
        }
    }

    fn rows<S: Sink>(&mut self, link: LinkId, rows: &[u8], sink: &mut S) -> Result<(), CloseReason> {
        for (change, hash) in tables::read_rows(rows).map_err(CloseReason::Rows)? {
            let replaced = self.plane.tables.apply(change, hash, self.generation);
            let replaced = replaced.map_err(CloseReason::Groups)?;
            let old_hash = replaced.map_or(0, |replaced| self.forget(replaced));
            self.end.row_changed(old_hash, hash);
        }
        // One message of rows is far smaller than 4 GiB: the stream that carried it says so with 32 bits.
        sink.send(
            link,
            CardMessage::Applied {
                bytes: rows.len() as u32,
            },
        );
        Ok(())
    }

    fn punts_consumed<S: Sink>(&mut self, link: LinkId, count: u64, sink: &mut S) -> Result<(), CloseReason> {
        self.plane
            .punt_buffer
            .consumed(count)
            .map_err(CloseReason::Punts)?;
        // What was read by the RP has left the way to it.
        self.plane.hand_over_punts(link, sink);
        Ok(())
    }

    /// What a replaced row takes out of the digest.
    fn forget(&mut self, replaced: Replaced) -> u64 {
        let stale = replaced.generation != self.generation;
        match &mut self.refresh {
            Refresh::Naming { stale_digest } if stale => {
                *stale_digest = stale_digest.wrapping_sub(replaced.hash);
                replaced.hash
            }
            // It left the digest when the refresh ended.
            Refresh::Sweeping { .. } if stale => 0,
            _ => replaced.hash,
        }
    }

    fn refresh_begin(&mut self) {
        self.finish_sweep();
        self.generation = Generation(self.generation.0 + 1);
        self.refresh = Refresh::Naming {
            stale_digest: self.end.digest(),
        };
    }

    fn refresh_end<S: Sink>(
        &mut self,
        now: Instant,
        link: LinkId,
        frame: FrameNumber,
        digest: u64,
        sink: &mut S,
    ) -> Result<(), CloseReason> {
        let Refresh::Naming { stale_digest } = self.refresh else {
            return Err(CloseReason::RefreshMissing);
        };
        self.end.row_changed(stale_digest, 0);
        self.refresh = Refresh::Sweeping { due: now };
        self.frame_end(link, frame, digest, sink);
        Ok(())
    }

    fn frame_end<S: Sink>(&mut self, link: LinkId, frame: FrameNumber, digest: u64, sink: &mut S) {
        if !self.end.frame_end(frame, digest) {
            sink.send(
                link,
                CardMessage::DigestMismatch {
                    frame,
                    digest: self.end.digest(),
                },
            );
        }
    }

    /// Ends a refresh that will not be completed: what it did not name stays as it was.
    fn abandon_refresh(&mut self) {
        if let Refresh::Naming { .. } = self.refresh {
            self.refresh = Refresh::Idle;
        }
    }

    /// Brings a sweep to its end at once: a second refresh would mix up who is out of the digest.
    fn finish_sweep(&mut self) {
        while let Refresh::Sweeping { .. } = self.refresh {
            if self.plane.tables.sweep(self.generation, usize::MAX) {
                self.refresh = Refresh::Idle;
            }
        }
    }

    fn report<S: Sink>(&mut self, sink: &mut S) {
        let Some(link) = self.plane.rp else { return };
        let mut changed = Vec::new();
        let ports = self
            .plane
            .port_counters
            .iter()
            .zip(&mut self.reported)
            .zip(0u8..=u8::MAX);
        for ((counters, reported), number) in ports {
            if counters != reported {
                *reported = *counters;
                changed.push((
                    PortId {
                        card: self.slot,
                        port: number,
                    },
                    *counters,
                ));
            }
        }
        if !changed.is_empty() {
            sink.send(link, CardMessage::Counters(changed));
        }
    }
}
