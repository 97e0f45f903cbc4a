//! What goes wrong, and when it is mended.

use crate::event::Event;
use crate::world::{Stage, World, port_of};
use machine::{CardSlot, Duration, RpSlot};
use redundancy::PeerLoss;
use rp::RpInput;

/// Kinds of faults. See [`crate::options::FaultWeights`] for what each is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum FaultKind {
    CrashActive,
    CrashStandby,
    CrashInTurn,
    CrashInPromotion,
    CrashBoth,
    HangActive,
    HangStandby,
    Slow,
    LinkCut,
    LinkStall,
    LinkGarbage,
    CardPull,
    CardCrash,
    CardLink,
    DiskFull,
    DiskTorn,
    RpPull,
    RouteChurn,
    NeighborChurn,
    ForcedSwitchover,
    Poison,
}

/// A moment of a fault.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FaultEvent {
    /// Draw the next one.
    Next,
    /// A hung process goes on.
    Wake(RpSlot, u64),
    /// A slow process is as fast as ever.
    SlowEnds(RpSlot, u64),
    /// The RP link is mended.
    LinkMended,
    /// A stalled direction goes on.
    StallEnds(RpSlot),
    /// A card is inserted.
    CardInserted(CardSlot),
    /// A card can be reached again.
    CardReachable(CardSlot),
    /// There is room in the NVRAM again.
    DiskMended(RpSlot),
    /// An RP is inserted.
    RpInserted(RpSlot),
    /// The second of two deaths.
    Kill(RpSlot),
    /// A process dies in its next turn, after so many outputs.
    DieWithin(RpSlot, usize),
    /// A kill takes effect.
    KillLife(RpSlot, u64),
    /// A neighbour speaks: the how many more times.
    Neighbor(u8),
}

impl World {
    pub(crate) fn schedule_next_fault(&mut self) {
        let interval_ns = self.options.fault_interval_ms.max(1) * 2_000_000;
        let at = self.soon(interval_ns);
        self.queue.add(at, Event::Fault(FaultEvent::Next));
    }

    fn end_later(&mut self, at_most_ms: u64, event: FaultEvent) {
        let at = self.soon(at_most_ms * 1_000_000);
        self.queue.add(at, Event::Fault(event));
    }

    pub(crate) fn fault(&mut self, event: FaultEvent) {
        match event {
            FaultEvent::Next if self.stage == Stage::Faults => {
                if let Some(kind) = self.draw_fault() {
                    self.inject(kind);
                    self.schedule_next_fault();
                }
            }
            FaultEvent::Next => {}
            FaultEvent::Wake(slot, life) => self.wake_hung(slot, life),
            FaultEvent::SlowEnds(slot, life) => {
                if let Some(process) = &mut self.rps[slot.index()].process
                    && process.life == life
                {
                    process.slow_ns = 0;
                }
            }
            FaultEvent::LinkMended => {
                self.peer_link.cut = false;
                self.schedule_peer_connect();
            }
            FaultEvent::StallEnds(to) => self.peer_stall(to, false),
            FaultEvent::CardInserted(card) => {
                let node = &mut self.cards[usize::from(card.0)];
                if std::mem::take(&mut node.pulled) {
                    self.restart_card(card);
                }
            }
            FaultEvent::CardReachable(card) => self.cards[usize::from(card.0)].unreachable = false,
            FaultEvent::DiskMended(slot) => self.rps[slot.index()].nvram.full = false,
            FaultEvent::RpInserted(slot) => {
                if std::mem::take(&mut self.rps[slot.index()].pulled) {
                    self.restart_rp(slot);
                }
            }
            FaultEvent::Kill(slot) => self.kill_rp(slot, PeerLoss::Killed),
            FaultEvent::DieWithin(slot, outputs) => {
                if let Some(process) = &mut self.rps[slot.index()].process {
                    process.dies_after = Some(outputs);
                }
            }
            FaultEvent::KillLife(slot, life) => {
                if self.rps[slot.index()]
                    .process
                    .as_ref()
                    .is_some_and(|process| process.life == life)
                {
                    self.kill_rp(slot, PeerLoss::Killed);
                }
            }
            FaultEvent::Neighbor(left) => self.neighbor_churns(left),
        }
    }

    fn draw_fault(&mut self) -> Option<FaultKind> {
        let list = self.options.faults.list();
        let total: u64 = list.iter().map(|(_, weight)| u64::from(*weight)).sum();
        if total == 0 {
            return None;
        }
        let mut at = self.draws.below(total);
        for (kind, weight) in list {
            if at < u64::from(weight) {
                return Some(kind);
            }
            at -= u64::from(weight);
        }
        None
    }

    pub(crate) fn active_slot(&self) -> Option<RpSlot> {
        let master = self.arbiter.mastership().slot;
        [master, master.peer()]
            .into_iter()
            .find(|slot| self.rps[slot.index()].is_active())
    }

    fn standby_slot(&self) -> Option<RpSlot> {
        let active = self.active_slot()?;
        self.rps[active.peer().index()]
            .process
            .is_some()
            .then_some(active.peer())
    }

    /// Lets a fault happen now.
    pub fn inject(&mut self, kind: FaultKind) {
        self.faults_injected += 1;
        self.trace
            .note(self.now, "fault", kind as u64, || format!("{kind:?}"));
        match kind {
            FaultKind::CrashActive => {
                if let Some(slot) = self.active_slot() {
                    let loss = match self.draws.below(3) {
                        0 => PeerLoss::Panicked,
                        1 => PeerLoss::Signalled(11),
                        _ => PeerLoss::Killed,
                    };
                    self.kill_rp(slot, loss);
                }
            }
            FaultKind::CrashStandby => {
                if let Some(slot) = self.standby_slot() {
                    self.kill_rp(slot, PeerLoss::Killed);
                }
            }
            FaultKind::CrashInTurn => self.arm_crash_in_turn(),
            FaultKind::CrashInPromotion => self.crash_in_promotion(),
            FaultKind::CrashBoth => self.crash_both(),
            FaultKind::HangActive => {
                if let Some(slot) = self.active_slot() {
                    self.hang(slot);
                }
            }
            FaultKind::HangStandby => {
                if let Some(slot) = self.standby_slot() {
                    self.hang(slot);
                }
            }
            FaultKind::Slow => self.slow_down(),
            FaultKind::LinkCut => {
                self.link_fault();
                self.peer_link.cut = true;
                self.cut_peer_connection();
                self.end_later(600, FaultEvent::LinkMended);
            }
            FaultKind::LinkStall => self.stall(),
            FaultKind::LinkGarbage => {
                self.link_fault();
                let to = self.any_slot();
                self.peer_link.garble_next(to);
            }
            FaultKind::CardPull | FaultKind::CardCrash | FaultKind::CardLink => self.card_fault(kind),
            FaultKind::DiskFull => {
                let slot = self.any_slot();
                self.rps[slot.index()].nvram.full = true;
                self.end_later(300, FaultEvent::DiskMended(slot));
            }
            FaultKind::DiskTorn => {
                let slot = self.any_slot();
                self.rps[slot.index()].nvram.torn = true;
            }
            FaultKind::RpPull => {
                let slot = self.any_slot();
                self.rps[slot.index()].pulled = true;
                self.kill_rp(slot, PeerLoss::Removed);
                self.end_later(200, FaultEvent::RpInserted(slot));
            }
            FaultKind::RouteChurn => self.churn_routes(),
            FaultKind::NeighborChurn => self.neighbor_churns(20),
            FaultKind::ForcedSwitchover => self.operator.forces_switchover = true,
            FaultKind::Poison => self.poison(),
        }
    }

    fn crash_both(&mut self) {
        let first = if self.draws.chance(1, 2) {
            RpSlot::R0
        } else {
            RpSlot::R1
        };
        self.kill_rp(first, PeerLoss::Killed);
        let at = self.soon(4_000_000);
        self.queue.add(at, Event::Fault(FaultEvent::Kill(first.peer())));
    }

    /// A unit has the other one killed; that may take its time.
    pub(crate) fn kill_at_some_time(&mut self, slot: RpSlot) {
        let limit_ms = self.options.kill_ms_max;
        let life = self.rps[slot.index()]
            .process
            .as_ref()
            .map(|process| process.life);
        match life {
            Some(life) if limit_ms > 0 => self.end_later(limit_ms, FaultEvent::KillLife(slot, life)),
            _ => self.kill_rp(slot, PeerLoss::Killed),
        }
    }

    fn any_slot(&mut self) -> RpSlot {
        if self.draws.chance(1, 2) {
            RpSlot::R0
        } else {
            RpSlot::R1
        }
    }

    fn arm_crash_in_turn(&mut self) {
        let after = self.draws.below(12) as usize;
        let Some(slot) = self.active_slot() else { return };
        if let Some(process) = &mut self.rps[slot.index()].process {
            process.dies_after = Some(after);
        }
    }

    fn crash_in_promotion(&mut self) {
        let after = self.draws.below(12) as usize;
        let (Some(active), Some(standby)) = (self.active_slot(), self.standby_slot()) else {
            return;
        };
        if let Some(process) = &mut self.rps[standby.index()].process {
            process.dies_in_promotion = Some(after);
        }
        self.kill_rp(active, PeerLoss::Killed);
    }

    fn hang(&mut self, slot: RpSlot) {
        let wakes = self.options.hung_may_wake && self.draws.chance(2, 3);
        let limit_ms = self.options.timing.keepalive_limit_ms;
        let was_active = self.rps[slot.index()].is_active();
        let Some(process) = &mut self.rps[slot.index()].process else {
            return;
        };
        if std::mem::replace(&mut process.hung, true) {
            return;
        }
        let life = process.life;
        self.checker.forget_expected_of(slot);
        if was_active {
            self.expect_takeover_of_hung(slot);
        }
        if wakes {
            self.end_later(limit_ms * 3, FaultEvent::Wake(slot, life));
        }
    }

    pub(crate) fn wake_hung(&mut self, slot: RpSlot, life: u64) {
        let now = self.now;
        let Some(process) = &mut self.rps[slot.index()].process else {
            return;
        };
        if process.life != life || !std::mem::replace(&mut process.hung, false) {
            return;
        }
        let slept = now.saturating_since(std::mem::replace(&mut process.seen.frame_closed_at, now));
        process.wakes_up(now);
        self.checker.expected = None;
        self.trace.note(now, "fault", 100, || format!("{slot} wakes up"));
        self.wake_rp(slot);
        self.schedule_peer_connect();
        self.bgp_stood_still(slept);
    }

    fn slow_down(&mut self) {
        let slot = self.any_slot();
        let slow_ns = 100_000 + self.draws.below(20_000_000);
        self.checker.forget_expected_of(slot);
        let Some(process) = &mut self.rps[slot.index()].process else {
            return;
        };
        process.slow_ns = slow_ns;
        let life = process.life;
        self.end_later(300, FaultEvent::SlowEnds(slot, life));
    }

    /// The link is not as it was: what depends on it is not expected any more.
    fn link_fault(&mut self) {
        if self
            .checker
            .expected
            .as_ref()
            .is_some_and(|expected| expected.why == "hang")
        {
            self.checker.expected = None;
        }
    }

    fn stall(&mut self) {
        self.link_fault();
        let both = self.draws.chance(1, 3);
        let one = self.any_slot();
        let slots: &[RpSlot] = if both { &RpSlot::ALL } else { &[one] };
        for to in slots {
            self.peer_stall(*to, true);
            self.end_later(500, FaultEvent::StallEnds(*to));
        }
    }

    fn card_fault(&mut self, kind: FaultKind) {
        let index = self.draws.below(self.cards.len() as u64) as usize;
        let card = self.cards[index].slot;
        match kind {
            FaultKind::CardLink => {
                let links: Vec<u64> = self
                    .card_links
                    .iter()
                    .filter(|(_, link)| link.card == card)
                    .map(|(number, _)| *number)
                    .collect();
                if let Some(link) = links.last() {
                    self.break_card_link(*link);
                }
                if self.draws.chance(1, 2) {
                    self.cards[index].unreachable = true;
                    self.end_later(60, FaultEvent::CardReachable(card));
                }
            }
            FaultKind::CardPull => {
                self.excuse_flows(Some(card), "a card on the way was pulled");
                self.cards[index].pulled = true;
                self.kill_card(index);
                self.end_later(250, FaultEvent::CardInserted(card));
            }
            _ => {
                self.excuse_flows(Some(card), "a card on the way died");
                self.kill_card(index);
            }
        }
    }

    fn churn_routes(&mut self) {
        let routes = self.draws.below(u64::from(self.options.routes_max) + 1) as u32;
        let next_hops = vec![crate::host_node::host_address(port_of(
            0,
            self.options.ports_per_card,
        ))];
        if let Some(slot) = self.active_slot() {
            self.urgent(slot, RpInput::Generate { routes, next_hops });
        }
    }

    fn neighbor_churns(&mut self, left: u8) {
        let hosts = u64::from(self.options.cards) * u64::from(self.options.ports_per_card);
        let port = port_of(self.draws.below(hosts) as usize, self.options.ports_per_card);
        let station = self.draws.below(4) as u8;
        let version = self.draws.below(256) as u8;
        self.neighbor_speaks(port, station, version);
        if left > 0 && self.stage == Stage::Faults {
            let at = self.now + Duration::from_micros(300 + self.draws.below(2_000));
            self.queue.add(at, Event::Fault(FaultEvent::Neighbor(left - 1)));
        }
    }

    /// Mends everything; nothing new goes wrong from here on.
    pub fn heal(&mut self) {
        self.stage = Stage::Healed;
        self.trace
            .note(self.now, "fault", 200, || String::from("everything is mended"));
        if self.options.older_release {
            // The other release is put in.
            self.kill_rp(RpSlot::R1, PeerLoss::Removed);
        }
        self.peer_link.cut = false;
        self.operator.forces_switchover = false;
        self.mend_poison();
        self.mend_bgp();
        for slot in RpSlot::ALL {
            self.peer_stall(slot, false);
            let node = &mut self.rps[slot.index()];
            node.nvram.full = false;
            node.nvram.torn = false;
            if let Some(process) = &mut node.process {
                process.slow_ns = 0;
                process.dies_after = None;
                process.dies_in_promotion = None;
                let life = process.life;
                self.wake_hung(slot, life);
            }
            if std::mem::take(&mut self.rps[slot.index()].pulled) {
                self.restart_rp(slot);
            }
        }
        for index in 0..self.cards.len() {
            self.cards[index].unreachable = false;
            let card = self.cards[index].slot;
            if std::mem::take(&mut self.cards[index].pulled) {
                self.restart_card(card);
            }
        }
        self.schedule_peer_connect();
    }
}
