//! The active: serves cards, packets and configuration, and keeps the standby in step.
//!
//! Everything that it holds outside [`Clients`] is lost at a switchover, on purpose: connections, gates, timers.

mod packets;
mod routing;
mod truth;

use self::routing::HeldPunt;
pub(crate) use self::routing::RoutingOrigin;
use crate::bgp::BgpProcess;
use crate::cards::{CardMail, Cards};
use crate::clients::Clients;
use crate::idb_history::{IdbEvent, IdbHistory};
use crate::inventory::{CardState, Port};
use crate::io::{CardLinkEvent, PeerMessage, Phase, RpOutput};
use crate::log;
use crate::promote::first_frame;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use chassis::rows::PortConfiguration;
use chassis::{CardMessage, RpMessage};
use checkpoint::{Acknowledgement, ActiveEnd, ActiveEndConfig, Gate, PeerSync, ResyncRequest, Tables as _};
use config::{ConfigCommand, ConfigError, ReturnCode, RoutePath};
use core::net::Ipv4Addr;
use line::arp::{ArpInput, ArpInterface};
use machine::{
    CardSlot, Deadline, Duration, Epoch, FrameNumber, Instant, Machine, Outbox, PortId, Release, earliest,
};
use redundancy::Input as RfInput;
use rib::{GeneratorBusy, Via};

/// Prefixes that the RIB recomputes in one turn, and routes that the generator installs in one.
const RIB_BUDGET: u32 = 500;
/// The generator's routes are the same in every run.
const GENERATOR_SEED: u64 = 1;

/// What an active is told once.
#[derive(Clone, Debug)]
pub struct ActiveConfig {
    /// Limits of the checkpoint facility.
    pub checkpoint: ActiveEndConfig,
    /// Interval of frames that are closed even when they are empty.
    pub heartbeat_interval: Duration,
    /// Where numbers come from that others cannot tell beforehand: from slot, boot and entropy, another one in each life
    /// of the process, never checkpointed.
    pub seed: u64,
}

/// State of an active.
pub struct Active {
    /// What survives a switchover.
    pub clients: Clients,
    /// Connections to the cards.
    pub cards: Cards,
    /// What happened to interfaces.
    pub idb_history: IdbHistory,
    bgp: BgpProcess,
    /// Punts that came while the activity was being handed over: for this unit if it resumes, for the next one otherwise.
    held_punts: VecDeque<HeldPunt>,
    /// Frames for cards that are about to come back.
    waiting_injects: VecDeque<(PortId, Vec<u8>, Release)>,
    config: ActiveConfig,
    epoch: Epoch,
    pub(crate) checkpoint: ActiveEnd,
    pub(crate) gate: Gate<RpOutput>,
    /// Rows for the cards of the frame that is still open.
    open_card_rows: Vec<Vec<u8>>,
    next_heartbeat: Instant,
    peer_room: usize,
    /// While the activity is being handed over, nothing that changes state is accepted.
    draining: bool,
    rib_busy: bool,
    /// Whether the moment at which all cards had accepted the epoch was told.
    claim_measured: bool,
    identification: u16,
    for_facility: Vec<RfInput>,
    /// Cards of which the backplane has told that they were put in: they announce themselves a second time.
    pub(crate) put_in: BTreeSet<CardSlot>,
    /// Frames to the router itself that a command may be waiting for.
    for_commands: Vec<Vec<u8>>,
}

impl Active {
    /// An active that goes on after `last_frame`. The cards in `expected` were seated before.
    pub fn new(
        now: Instant,
        epoch: Epoch,
        config: ActiveConfig,
        clients: Clients,
        last_frame: FrameNumber,
        expected: impl IntoIterator<Item = CardSlot>,
    ) -> Self {
        let cards = Cards::new(now, expected);
        Self {
            claim_measured: cards.all_claimed(),
            cards,
            idb_history: IdbHistory::default(),
            bgp: BgpProcess::new(None),
            held_punts: VecDeque::new(),
            waiting_injects: VecDeque::new(),
            checkpoint: ActiveEnd::new(config.checkpoint.clone(), last_frame),
            gate: Gate::new(),
            open_card_rows: Vec::new(),
            next_heartbeat: now,
            peer_room: usize::MAX,
            draining: false,
            rib_busy: true,
            identification: 0,
            for_facility: Vec::new(),
            put_in: BTreeSet::new(),
            for_commands: Vec::new(),
            clients,
            config,
            epoch,
        }
    }

    /// The epoch in which this RP is active.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// How far the standby is in step.
    pub fn peer_sync(&self) -> &PeerSync {
        self.checkpoint.peer()
    }

    /// Last closed frame, last acknowledged frame, and outputs waiting at the gate.
    pub fn frames(&self) -> (FrameNumber, FrameNumber, usize) {
        (
            self.checkpoint.last_closed(),
            self.checkpoint.acknowledged(),
            self.gate.len(),
        )
    }

    /// Facts for the redundancy facility that came up since the last call.
    pub fn take_facts(&mut self) -> Vec<RfInput> {
        core::mem::take(&mut self.for_facility)
    }

    /// Frames to the router itself that came since the last call and that a command may be waiting for.
    pub fn take_frames_for_commands(&mut self) -> Vec<Vec<u8>> {
        core::mem::take(&mut self.for_commands)
    }

    /// Whether commands that change the configuration are accepted.
    pub fn accepts_configuration(&self) -> bool {
        !self.draining
            && !matches!(
                self.checkpoint.peer(),
                PeerSync::Bulk { .. } | PeerSync::Finishing { .. }
            )
    }

    /// Whether ordinary work has to wait because a frame has been open for too long.
    pub fn holds_work(&self, now: Instant) -> bool {
        self.checkpoint.holds_work(now)
    }

    /// A new epoch for the same activity: another one lay in between, and gave the cards rows that are not known here.
    ///
    /// So frames go on in the new epoch's range, and no change before it counts as known: a card that was told anything
    /// by the other is refreshed as a whole. A standby counts frames too and starts over.
    pub fn raise_epoch(&mut self, epoch: Epoch, out: &mut Outbox<RpOutput>) {
        self.epoch = epoch;
        self.publish_out_of_step(out);
        if *self.checkpoint.peer() != PeerSync::None {
            self.for_facility.push(RfInput::SyncLost);
        }
        self.checkpoint.peer_lost();
        let first = first_frame(epoch);
        self.checkpoint.go_on_from(first);
        self.clients
            .each_mut(&mut |table| table.recent_changes_start(first));
    }

    /// The redundancy facility has a standby that takes frames. One that was in step is not any more from here on: its
    /// tables are emptied when the bulk begins, and the gate is open.
    pub fn start_bulk(&mut self, out: &mut Outbox<RpOutput>) {
        self.stop_sync(out);
        self.clients.configuration.write_lines();
        self.checkpoint.peer_connected();
    }

    /// The standby takes no frames any more. If it was in step, the world is told before the gate opens.
    pub fn stop_sync(&mut self, out: &mut Outbox<RpOutput>) {
        if matches!(
            self.checkpoint.peer(),
            PeerSync::InStep | PeerSync::Finishing { .. }
        ) {
            self.publish_out_of_step(out);
        }
        self.checkpoint.peer_lost();
    }

    fn publish_out_of_step(&mut self, out: &mut Outbox<RpOutput>) {
        let since = self.checkpoint.acknowledged();
        out.now(RpOutput::PublishOutOfStep {
            epoch: self.epoch,
            since,
        });
        let mail = self.cards.to_all(&RpMessage::OutOfStep { since: Some(since) });
        post(mail, out);
    }

    /// Nothing that changes state is accepted any more; once everything is acknowledged the facility is told.
    pub fn prepare_handover(&mut self) {
        self.draining = true;
    }

    /// The handover came to nothing.
    pub fn resume(&mut self, now: Instant, out: &mut Outbox<RpOutput>) {
        self.draining = false;
        self.take_held_punts(now, out);
    }

    /// The standby has committed frames.
    pub fn acknowledgement(
        &mut self,
        now: Instant,
        acknowledgement: &Acknowledgement,
        out: &mut Outbox<RpOutput>,
    ) {
        match self.checkpoint.acknowledge(acknowledgement) {
            Ok(false) => {}
            Ok(true) => {
                let ports = self.clients.inventory.ports.iter();
                for (port, _) in ports {
                    self.idb_history.add(now, *port, IdbEvent::Sync);
                }
                out.now(RpOutput::ClearOutOfStep);
                let mail = self.cards.to_all(&RpMessage::OutOfStep { since: None });
                post(mail, out);
            }
            Err(frame) => {
                out.now(RpOutput::Log(log::digest_differs(frame)));
                self.lose_step(out);
            }
        }
    }

    /// The standby asks for everything again.
    pub fn resync_requested(&mut self, request: &ResyncRequest, out: &mut Outbox<RpOutput>) {
        if *self.checkpoint.peer() == PeerSync::None {
            return;
        }
        let ours = checkpoint::table_digests(&self.clients);
        let differing: Vec<u32> = request
            .tables
            .iter()
            .filter(|theirs| {
                ours.iter()
                    .any(|table| table.table == theirs.table && table != *theirs)
            })
            .map(|table| table.table)
            .collect();
        out.now(RpOutput::Log(log::resync_requested(&request.why, &differing)));
        self.lose_step(out);
    }

    fn lose_step(&mut self, out: &mut Outbox<RpOutput>) {
        self.stop_sync(out);
        self.for_facility.push(RfInput::SyncLost);
    }

    /// Executes a configuration command: the standby gets it in this turn's frame.
    ///
    /// # Errors
    /// Why the command was refused.
    pub fn configure(
        &mut self,
        now: Instant,
        command: &ConfigCommand,
        out: &mut Outbox<RpOutput>,
    ) -> Result<ReturnCode, ConfigError> {
        let result = self.clients.configuration.execute(command);
        if result.is_ok() {
            match command {
                ConfigCommand::Interface { port }
                | ConfigCommand::DefaultInterface { port }
                | ConfigCommand::Setting { port, .. } => {
                    self.reconcile_port(now, *port, out);
                }
                ConfigCommand::IpRoute { .. } | ConfigCommand::NoIpRoute { .. } => {
                    self.reconcile_static_routes()
                }
                _ => {}
            }
            // The turn's end works out what that means for routing, once for all commands of the turn.
            self.bgp.configuration_changed();
        }
        result
    }

    /// Brings all ports' rows and machines in line with the configuration.
    pub fn reconcile_ports(&mut self, now: Instant, out: &mut Outbox<RpOutput>) {
        let ports: Vec<PortId> = self
            .clients
            .inventory
            .ports
            .iter()
            .map(|(port, _)| *port)
            .collect();
        for port in ports {
            self.reconcile_port(now, port, out);
        }
    }

    /// Brings the static routes in line with the configuration. Costs their number: not for a promotion, which has
    /// them as rows.
    pub fn reconcile_static_routes(&mut self) {
        let wanted = self.clients.configuration.tree().static_routes();
        let desired = wanted
            .map(|route| {
                let via = match route.path {
                    RoutePath::NextHop(next_hop) => Via::NextHop(next_hop),
                    RoutePath::Interface(port) => Via::Attached(port),
                    RoutePath::InterfaceNextHop(port, next_hop) => Via::Neighbor(port, next_hop),
                    RoutePath::Null0 => Via::Discard,
                };
                rib::static_route(route.prefix, via, Some(route.distance))
            })
            .collect();
        self.clients.rib.replace_static(&desired);
        self.rib_busy = true;
    }

    /// Brings one port's rows and machines in line with its configuration and its link.
    fn reconcile_port(&mut self, now: Instant, port: PortId, out: &mut Outbox<RpOutput>) {
        let configured = self
            .clients
            .configuration
            .tree()
            .interface(port)
            .cloned()
            .unwrap_or_default();
        let Some(Port { mac, .. }) = self.clients.inventory.ports.get(&port) else {
            return;
        };
        let row = PortConfiguration {
            admin_up: !configured.shutdown,
            mtu: configured.mtu,
            mac: *mac,
            ipv4: configured.address,
        };
        let up = row.admin_up && self.clients.inventory.is_up(port);
        self.clients.rib.set_interface(port, up, row.ipv4);
        let input = match row.ipv4.filter(|_| up) {
            Some(address) => ArpInput::InterfaceUp {
                port,
                interface: ArpInterface {
                    mac: row.mac,
                    address,
                    mtu: row.mtu,
                },
            },
            None => ArpInput::InterfaceDown { port },
        };
        self.clients.port_configurations.insert(port, row);
        self.tell_arp(now, input, out);
        self.rib_busy = true;
        self.bgp.configuration_changed();
    }

    /// A connection to a card has come or gone.
    pub fn card_link(
        &mut self,
        now: Instant,
        card: CardSlot,
        event: CardLinkEvent,
        out: &mut Outbox<RpOutput>,
    ) {
        match event {
            CardLinkEvent::Up { session } => {
                self.cards.connected(now, card, session);
                let message = RpMessage::Claim { epoch: self.epoch };
                out.now(RpOutput::Card {
                    card,
                    session,
                    message,
                });
            }
            CardLinkEvent::Down { session, .. } => {
                let was_claimed = self.cards.disconnected(now, card, session);
                self.measure_claim(out);
                if was_claimed {
                    out.now(RpOutput::Log(log::card_offline(card)));
                }
            }
        }
    }

    fn measure_claim(&mut self, out: &mut Outbox<RpOutput>) {
        if !self.claim_measured && self.cards.all_claimed() {
            self.claim_measured = true;
            out.now(RpOutput::Phase(Phase::EpochClaimed));
        }
    }

    /// The backplane says that a card has no power: it is not waited for.
    pub fn card_without_power(&mut self, now: Instant, card: CardSlot, out: &mut Outbox<RpOutput>) {
        if self.clients.inventory.cards.get(&card).is_some() {
            self.cards.given_up(card);
            self.card_lost(now, card, out);
        }
    }

    fn card_lost(&mut self, now: Instant, card: CardSlot, out: &mut Outbox<RpOutput>) {
        self.drop_waiting(card);
        self.clients
            .inventory
            .cards
            .edit(&card, |row| row.state = CardState::Lost);
        let ports: Vec<PortId> = self
            .clients
            .inventory
            .ports_of(card)
            .map(|(port, _)| *port)
            .collect();
        for port in ports {
            self.clients
                .inventory
                .ports
                .edit(&port, |row| row.link_up = false);
            self.reconcile_port(now, port, out);
        }
    }

    /// A message from a card.
    pub fn card_message(
        &mut self,
        now: Instant,
        card: CardSlot,
        session: u64,
        message: CardMessage,
        out: &mut Outbox<RpOutput>,
    ) {
        if !self.cards.is_current(card, session) {
            return;
        }
        // A card speaks for its own ports; what it says of others' is not believed.
        let message = match message {
            CardMessage::Punt { port, .. } | CardMessage::PortStatus { port, .. } if port.card != card => {
                return;
            }
            CardMessage::Counters(mut counters) => {
                counters.retain(|(port, _)| port.card == card);
                CardMessage::Counters(counters)
            }
            other => other,
        };
        match message {
            CardMessage::Truth(truth) => self.card_truth(now, card, truth, out),
            CardMessage::Refused { epoch } => self.for_facility.push(RfInput::EpochSeen(epoch.counter)),
            CardMessage::Punt { port, reason, frame } => {
                if let Some(ticket) = self.cards.take_punt(card) {
                    self.punt(now, port, reason, frame, ticket, out);
                }
            }
            CardMessage::PortStatus { port, link_up } => self.port_status(now, port, link_up, out),
            CardMessage::FabricStatus { peer, up } => self.fabric_status(card, peer, up),
            CardMessage::Applied { bytes } => self.cards.applied(card, bytes),
            CardMessage::Counters(counters) => self.cards.count(counters),
            CardMessage::DigestMismatch { frame, digest } => {
                if self.cards.digest_differs(card) {
                    out.now(RpOutput::Log(log::card_digest_differs(card, frame, digest)));
                }
            }
        }
    }

    /// A card has told of an interface: `agrees` is `None` for one that was not known.
    fn note_interface(&mut self, now: Instant, port: PortId, agrees: Option<bool>) {
        let event = match agrees {
            None => IdbEvent::Create,
            Some(true) => IdbEvent::Verified,
            Some(false) => IdbEvent::Differs,
        };
        self.idb_history.add(now, port, event);
        if agrees != Some(true) {
            self.note_sync(now, port);
        }
    }

    /// A row of an interface has changed: a standby in step gets it with this turn's frame.
    fn note_sync(&mut self, now: Instant, port: PortId) {
        if *self.checkpoint.peer() == PeerSync::InStep {
            self.idb_history.add(now, port, IdbEvent::Sync);
        }
    }

    fn port_status(&mut self, now: Instant, port: PortId, link_up: bool, out: &mut Outbox<RpOutput>) {
        let changed = self
            .clients
            .inventory
            .ports
            .edit(&port, |row| core::mem::replace(&mut row.link_up, link_up));
        if changed.is_some_and(|before| before != link_up) {
            out.now(RpOutput::Log(log::link_changed(port, link_up)));
            self.note_sync(now, port);
            self.reconcile_port(now, port, out);
        }
    }

    /// Lets the generator client hold this many routes.
    ///
    /// # Errors
    /// Why it does not take that order; nothing has changed then.
    pub fn generate(&mut self, routes: u32, next_hops: &[Ipv4Addr]) -> Result<(), GeneratorBusy> {
        self.rib_busy = true;
        self.clients.generator.start(routes, GENERATOR_SEED, next_hops)
    }

    /// Runs what is due.
    pub fn expire(&mut self, now: Instant, out: &mut Outbox<RpOutput>) {
        if self.checkpoint.stalled(now) {
            out.now(RpOutput::Log(log::standby_stalled(
                self.checkpoint.acknowledged(),
            )));
            self.lose_step(out);
        }
        let mut asked = Outbox::new();
        self.clients.arp.expire(now, &mut asked);
        self.post_arp(now, asked, out);
        self.expire_routing(now, out);
        for (card, logged) in self.cards.overdue(now) {
            if !logged {
                out.now(RpOutput::Log(log::card_offline(card)));
            }
            self.card_lost(now, card, out);
        }
        self.clients.system.write_age(now);
    }

    /// A batch of turns is over: work in portions, the frame, the gate.
    pub fn turn_end(&mut self, now: Instant, peer_room: usize, out: &mut Outbox<RpOutput>) {
        self.peer_room = peer_room;
        self.note_age(now);
        self.route_in_portions(now, out);
        let heartbeat = now >= self.next_heartbeat;
        if heartbeat {
            self.next_heartbeat = now + self.config.heartbeat_interval;
        }
        let drained = self
            .checkpoint
            .turn_boundary(now, &mut self.clients, peer_room, heartbeat);
        for chunk in drained.to_peer {
            out.now(RpOutput::Peer(PeerMessage::Chunk(chunk)));
        }
        self.open_card_rows.extend(drained.to_cards);
        if let Some(frame) = drained.closed
            && !self.open_card_rows.is_empty()
        {
            let rows = core::mem::take(&mut self.open_card_rows);
            let mail = self.cards.frame(&self.clients, frame, &rows);
            self.hold(mail);
        }
        if self.clients.dirty_rows() == 0 {
            let holds_sweep = self.clients.rib.is_sweep_held();
            let frame = self.checkpoint.last_closed();
            let mail = self.cards.clean_boundary(&self.clients, frame, holds_sweep);
            self.hold(mail);
        }
        // Behind the answers, and not before the standby has what the punts caused: whoever loses this RP now gives
        // the next one all that is not done.
        for (card, session, message) in self.cards.punts_consumed() {
            out.after_sync(RpOutput::Card {
                card,
                session,
                message,
            });
        }
        if self.draining && self.is_drained() {
            self.for_facility.push(RfInput::HandoverReady);
        }
    }

    fn is_drained(&self) -> bool {
        self.clients.dirty_rows() == 0
            && self.gate.is_empty()
            // Nobody acknowledges in RPR: there the gate is open.
            && self.checkpoint.releasable() == self.checkpoint.last_closed()
    }

    fn hold(&mut self, mail: Vec<CardMail>) {
        let frame = self.checkpoint.gate_frame(false);
        for (card, session, message) in mail {
            self.gate.hold(
                frame,
                RpOutput::Card {
                    card,
                    session,
                    message,
                },
            );
        }
    }

    /// Sends `outbox` on: what may leave leaves, the rest waits for the frame that holds this turn's rows.
    pub fn route(&mut self, outbox: &mut Outbox<RpOutput>, out: &mut Outbox<RpOutput>) {
        let frame = self.checkpoint.gate_frame(self.clients.dirty_rows() > 0);
        for (release, output) in outbox.drain() {
            match release {
                Release::Now => out.now(output),
                Release::AfterSync => self.gate.hold(frame, output),
            }
        }
        while let Some(output) = self.gate.release(self.checkpoint.releasable()) {
            match &output {
                RpOutput::Card { card, session, .. } if !self.cards.is_current(*card, *session) => {}
                _ => out.now(output),
            }
        }
    }

    /// When `expire` or a turn boundary has something to do.
    pub fn next_deadline(&self) -> Option<Deadline> {
        let dirty = self.clients.dirty_rows() > 0;
        let bulk = self.checkpoint.bulk_has_work();
        let room = self.peer_room > 0 || *self.checkpoint.peer() == PeerSync::None;
        let busy = (self.rib_busy || self.bgp.has_work(&self.clients)) && !self.draining;
        let work = ((dirty || bulk || busy) && room) || (self.cards.has_work() && !dirty);
        let mut next = self.checkpoint.next_deadline();
        next = earliest(next, work.then_some((Instant::ZERO, "work goes on")));
        next = earliest(next, Some((self.next_heartbeat, "checkpoint heartbeat")));
        next = earliest(next, self.clients.arp.next_deadline());
        if !self.draining {
            next = earliest(next, self.bgp.next_deadline(&self.clients));
        }
        next = earliest(
            next,
            self.cards.overdue_at().map(|at| (at, "cards may come back")),
        );
        earliest(
            next,
            Some((self.clients.system.next_age(), "system age is written")),
        )
    }
}

fn post(mail: Vec<CardMail>, out: &mut Outbox<RpOutput>) {
    for (card, session, message) in mail {
        out.now(RpOutput::Card {
            card,
            session,
            message,
        });
    }
}
