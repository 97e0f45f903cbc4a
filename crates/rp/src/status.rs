//! A snapshot of the processor for programs: `holdover status --json`, demo, bench.

use crate::processor::{Role, RouteProcessor};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use chassis::DownloadPhase;
use checkpoint::{PeerSync, total_digest};
use machine::{CardSlot, Epoch, FrameNumber, Instant, RpSlot};
use redundancy::{RedundancyMode, RfState};

/// What a program may know of a route processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpStatus {
    /// Its slot.
    pub slot: RpSlot,
    /// Its state.
    pub state: RfState,
    /// The peer's state as it knows it.
    pub peer_state: RfState,
    /// The epoch in which it is active.
    pub epoch: Option<Epoch>,
    /// Configured mode.
    pub configured_mode: RedundancyMode,
    /// Mode that the pair operates in.
    pub operating_mode: RedundancyMode,
    /// Why the pair operates in RPR although SSO is configured; empty where it does not.
    pub fallback: Vec<String>,
    /// On the active of a pair in RPR: the standby has the startup configuration and waits.
    pub standby_rests: bool,
    /// Whether the pair is in step: the standby holds all that was promised.
    pub in_step: bool,
    /// The last frame closed (active) or committed (standby).
    pub frame: FrameNumber,
    /// The last frame acknowledged, on the active.
    pub acknowledged: FrameNumber,
    /// Digest over all checkpointed rows.
    pub digest: u64,
    /// Digest over the downloaded rows.
    pub download_digest: u64,
    /// Rows that no frame holds yet.
    pub dirty_rows: u64,
    /// Routes that the generator has installed.
    pub generated_routes: u32,
    /// Paths of BGP, of all neighbours and families.
    pub bgp_paths: u64,
    /// Prefixes that packets are forwarded by.
    pub fib_prefixes: u64,
    /// Whether the RIB has nothing left to compute and nothing waits for the standby's acknowledgement.
    pub settled: bool,
    /// Cards, on the active.
    pub cards: Vec<CardStatus>,
    /// Switchovers since the system started.
    pub switchovers: u32,
    /// Why the last switchover was, in the words of the switchover history.
    pub last_switchover_reason: String,
}

/// What a program may know of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardStatus {
    /// The card.
    pub card: CardSlot,
    /// Whether it is in step.
    pub live: bool,
    /// Bytes of rows on their way to it.
    pub outstanding_bytes: usize,
    /// Punts lost while it had no RP.
    pub lost_punts: u64,
    /// Numbers of its ports whose wires are connected.
    pub links_up: Vec<u8>,
}

impl RouteProcessor {
    /// The processor as a program may see it.
    pub fn status(&self, now: Instant) -> RpStatus {
        let facility = self.facility.status(now);
        let mut status = RpStatus {
            slot: self.slot(),
            state: facility.state,
            peer_state: facility.peer_state,
            epoch: facility.epoch,
            configured_mode: facility.configured_mode,
            operating_mode: facility.operating_mode,
            fallback: facility.fallback.iter().map(ToString::to_string).collect(),
            standby_rests: facility.peer_rests,
            in_step: false,
            frame: FrameNumber(0),
            acknowledged: FrameNumber(0),
            digest: 0,
            download_digest: 0,
            dirty_rows: 0,
            generated_routes: 0,
            bgp_paths: 0,
            fib_prefixes: 0,
            settled: true,
            cards: Vec::new(),
            switchovers: 0,
            last_switchover_reason: String::from("none"),
        };
        let clients = match &self.role {
            Role::Active(active) => {
                (status.frame, status.acknowledged, _) = active.frames();
                status.in_step = *active.peer_sync() == PeerSync::InStep;
                status.cards = self.card_statuses(active);
                &active.clients
            }
            Role::Standby(standby) => {
                status.frame = standby.committed();
                status.in_step = standby.in_step();
                standby.clients()
            }
            Role::Undecided | Role::Halted => return status,
        };
        status.digest = total_digest(clients, |_| true);
        status.download_digest = chassis::downloaded_digest(clients);
        status.dirty_rows = clients.dirty_rows() as u64;
        status.generated_routes = clients.generator.installed();
        let bgp = &clients.speaker.rib;
        status.bgp_paths = bgp.v4.paths.index().paths() + bgp.v6.paths.index().paths();
        status.fib_prefixes = clients.rib.fib.len() as u64;
        let at_the_gate = self.active().map_or(0, |active| active.frames().2);
        status.settled = !clients.rib.has_pending() && !clients.generator.has_pending() && at_the_gate == 0;
        status.switchovers = clients.system.switchover_count();
        if let Some((_, row)) = clients.system.switchovers.iter().next_back() {
            status.last_switchover_reason = row.0.reason.to_string();
        }
        status
    }

    fn card_statuses(&self, active: &crate::Active) -> Vec<CardStatus> {
        let status = |card: &CardSlot| {
            let (phase, outstanding_bytes) = active.cards.download(*card)?;
            Some(CardStatus {
                card: *card,
                live: *phase == DownloadPhase::Live && outstanding_bytes == 0,
                outstanding_bytes,
                lost_punts: active.cards.lost_punts(*card),
                links_up: active
                    .clients
                    .inventory
                    .ports_of(*card)
                    .filter(|(_, port)| port.link_up)
                    .map(|(port, _)| port.port)
                    .collect(),
            })
        };
        self.config.card_slots.iter().filter_map(status).collect()
    }
}
