//! Slots, presence and power: starts what died, tells who is there.

use crate::checker::{Coverage, Expected};
use crate::event::Event;
use crate::options::Plant;
use crate::rp_node::Process;
use crate::saved::calls_standby_ready;
use crate::world::World;
use machine::{Duration, Instant, RpSlot};
use redundancy::{PeerLoss, RfState};

/// The soonest that a process is started anew, in milliseconds. Its death has been noticed by then.
const BOOT_MS_MIN: u64 = 5;
/// How long a takeover may take from the moment at which the death can be seen.
const TAKEOVER_LIMIT: Duration = Duration::from_millis(25);

impl World {
    pub(crate) fn boot_time(&mut self) -> Instant {
        let extra_ns = self.options.timing.boot_ms_max.max(1) * 1_000_000;
        self.soon(extra_ns) + Duration::from_millis(BOOT_MS_MIN)
    }

    pub(crate) fn restart_rp(&mut self, slot: RpSlot) {
        let at = self.boot_time();
        let node = &mut self.rps[slot.index()];
        node.start_ticket += 1;
        let ticket = node.start_ticket;
        self.queue.add(at, Event::RpStart { slot, ticket });
    }

    /// The process in `slot` dies, hung or not.
    pub(crate) fn kill_rp(&mut self, slot: RpSlot, loss: PeerLoss) {
        let Some(process) = self.rps[slot.index()].process.take() else {
            return;
        };
        let life = process.life;
        self.trace.note(self.now, self.rps[slot.index()].name, life, || {
            format!("is killed: {loss}")
        });
        self.process_gone(slot, process, loss);
    }

    /// What follows from the end of a process, however it came.
    pub(crate) fn process_gone(&mut self, slot: RpSlot, process: Process, loss: PeerLoss) {
        let life = process.life;
        let was_active = process.rp.active().is_some();
        let ready = calls_standby_ready(&process, process.clock.local(self.now));
        drop(process);
        self.checker.forget_expected_of(slot);
        self.peer_process_gone(slot);
        self.card_links_of_rp_gone(slot, life);
        self.console_gone(slot);
        let peer = slot.peer();
        if let Some(survivor) = &self.rps[peer.index()].process
            && self.options.plant != Some(Plant::DeathUnnoticed)
        {
            let survivor_life = survivor.life;
            let at = self.soon(1_800_000) + Duration::from_micros(200);
            self.queue.add(
                at,
                Event::LifeLost {
                    to: peer,
                    life: survivor_life,
                    loss,
                },
            );
        }
        if was_active {
            self.expect_takeover(slot, ready, TAKEOVER_LIMIT, "death");
        }
        if !self.rps[slot.index()].pulled {
            self.restart_rp(slot);
        }
    }

    /// The active in `slot` is gone: a standby in step has to take over in time, and one that it called `ready` in RPR.
    fn expect_takeover(&mut self, slot: RpSlot, ready: bool, within: Duration, why: &'static str) {
        let peer = slot.peer();
        let node = &self.rps[peer.index()];
        let Some(process) = &node.process else { return };
        let in_step = self.checker.coverage == Coverage::InStep(peer, process.life);
        // Whoever has not heard of the active's last epoch waits a little for the life that may have taken it.
        let knows_epoch = process.rp.facility().mastership() == self.arbiter.mastership();
        let grace_ms = if knows_epoch {
            0
        } else {
            self.options.timing.keepalive_interval_ms
        };
        let within = within + Duration::from_millis(grace_ms);
        let rests = ready && node.state() == RfState::StandbyCold;
        if ((in_step && node.is_hot()) || rests) && node.is_well() && process.dies_in_promotion.is_none() {
            self.checker.expected = Some(Expected {
                slot: peer,
                by: self.now + within,
                why,
            });
        }
    }

    pub(crate) fn expect_takeover_of_hung(&mut self, slot: RpSlot) {
        if !self.peer_link.is_well() || !self.peer_link.is_connected() {
            return;
        }
        let timing = self.options.timing;
        let limit_ms = timing.keepalive_limit_ms + 3 * timing.keepalive_interval_ms + 25;
        self.expect_takeover(slot, false, Duration::from_millis(limit_ms), "hang");
    }
}
