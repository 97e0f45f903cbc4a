//! Routing protocols of the active: what they are fed with, and what they ask for.

use alloc::vec::Vec;
use chassis::PuntTicket;
use checkpoint::PeerSync;
use config::bgp::{ClearHow, ClearWhom};
use machine::{Instant, Outbox, PortId, Seed, StepNotes};

use super::{Active, RIB_BUDGET};
use crate::bgp::{BgpOutput, BgpProcess, RoutingStart};
use crate::io::{DeadlyStep, RpOutput};
use alloc::sync::Arc;

/// Most punts that are kept while the activity is handed over; what comes beyond is lost, and sent again by its sender.
const HELD_PUNTS_MAX: usize = 4096;

/// A punted segment that nobody has looked at yet.
#[derive(Debug)]
pub(super) struct HeldPunt {
    port: PortId,
    frame: Vec<u8>,
    ticket: PuntTicket,
}

/// What protocols are told of the activity that begins, besides the tables.
pub(crate) struct RoutingOrigin {
    /// Where each step is noted before it is made.
    pub notes: Option<Arc<dyn StepNotes>>,
    /// Steps in which earlier actives died, the newest first.
    pub deaths: Vec<DeadlyStep>,
}

impl Active {
    /// The system is older by now: routes and sessions are dated by its age.
    pub(super) fn note_age(&mut self, now: Instant) {
        let age_s = self.clients.system.uptime(now).as_secs();
        let age_s = u32::try_from(age_s).unwrap_or(u32::MAX);
        self.clients.rib.set_age(age_s);
        self.clients.speaker.set_age(age_s);
    }

    /// Whether a standby has everything.
    pub(crate) fn is_standby_hot(&self) -> bool {
        matches!(self.checkpoint.peer(), PeerSync::InStep)
    }

    /// BGP, for those who show it.
    pub(crate) fn bgp(&self) -> &crate::bgp::BgpProcess {
        &self.bgp
    }

    /// Starts the protocols, with what the tables hold.
    pub(crate) fn start_routing(
        &mut self,
        now: Instant,
        start: RoutingStart,
        origin: RoutingOrigin,
        out: &mut Outbox<RpOutput>,
    ) {
        self.note_age(now);
        let seed = Seed::new(self.config.seed ^ self.epoch.counter.rotate_left(32));
        let mut asked = Outbox::new();
        self.bgp = BgpProcess::new(origin.notes);
        self.bgp
            .start(now, &mut self.clients, seed, start, &origin.deaths, &mut asked);
        self.post_routing(now, asked, out);
        self.rib_busy = true;
    }

    /// A TCP segment for one of the router's own addresses.
    pub(super) fn segment(
        &mut self,
        now: Instant,
        port: PortId,
        frame: Vec<u8>,
        ticket: PuntTicket,
        out: &mut Outbox<RpOutput>,
    ) {
        if self.draining {
            // It would change what is being handed over. Its card keeps a copy for whoever is active next.
            if self.held_punts.len() < HELD_PUNTS_MAX {
                self.cards.punt_kept(ticket);
                self.held_punts.push_back(HeldPunt { port, frame, ticket });
            }
            return;
        }
        let Some(packet) = line::host::ipv4_packet(&frame) else {
            return;
        };
        let mut asked = Outbox::new();
        self.bgp
            .segment(now, &mut self.clients, packet.to_vec(), &mut asked);
        self.post_routing(now, asked, out);
    }

    /// The handover came to nothing: what was held is looked at here.
    pub(super) fn take_held_punts(&mut self, now: Instant, out: &mut Outbox<RpOutput>) {
        for HeldPunt { port, frame, ticket } in core::mem::take(&mut self.held_punts) {
            self.cards.punt_let_go(ticket);
            self.segment(now, port, frame, ticket, out);
        }
    }

    pub(super) fn expire_routing(&mut self, now: Instant, out: &mut Outbox<RpOutput>) {
        if self.draining {
            return;
        }
        let mut asked = Outbox::new();
        self.bgp.expire(now, &mut self.clients, &mut asked);
        self.post_routing(now, asked, out);
    }

    /// Goes on with what is left of routing, a portion a turn.
    pub(super) fn route_in_portions(&mut self, now: Instant, out: &mut Outbox<RpOutput>) {
        if self.draining {
            return;
        }
        let may_work = !self.holds_work(now);
        let mut asked = Outbox::new();
        self.bgp.turn_end(now, &mut self.clients, may_work, &mut asked);
        self.post_routing(now, asked, out);
        self.rib_busy |= self.clients.rib.has_pending();
        if self.rib_busy && may_work {
            let settled = self.clients.rib.run(RIB_BUDGET as usize);
            let generated = self.clients.generator.run(&mut self.clients.rib, RIB_BUDGET);
            self.rib_busy = !(settled && generated);
        }
    }

    /// `clear ip bgp`; returns how many neighbours that was about.
    pub(crate) fn clear_bgp(
        &mut self,
        now: Instant,
        what: (&ClearWhom, ClearHow),
        message: Option<&str>,
        out: &mut Outbox<RpOutput>,
    ) -> usize {
        let mut asked = Outbox::new();
        let cleared = self.bgp.clear(now, &mut self.clients, what, message, &mut asked);
        self.post_routing(now, asked, out);
        cleared
    }

    fn post_routing(&mut self, now: Instant, mut asked: Outbox<BgpOutput>, out: &mut Outbox<RpOutput>) {
        for (release, output) in asked.drain() {
            match output {
                BgpOutput::Packet(packet) => self.originate(now, packet, release, out),
                BgpOutput::Log(message) => out.push(release, RpOutput::Log(message)),
            }
        }
    }
}

/// Whether a frame carries a TCP segment in IPv4.
pub(super) fn is_segment(frame: &[u8]) -> bool {
    let header =
        line::host::ipv4_packet(frame).and_then(|packet| packet::ipv4::Packet::validate(packet).ok());
    header.is_some_and(|header| header.protocol() == packet::ipv4::Protocol::TCP)
}
