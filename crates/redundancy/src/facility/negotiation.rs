//! Who becomes active when nobody is, or when it is not known.
//!
//! | what is known of the peer | primary R0 | secondary R1 |
//! | --- | --- | --- |
//! | active, in the newest epoch | stands by | stands by |
//! | negotiates too | claims | waits for R0's claim, claims when time is up |
//! | stands by | waits for it to take over, claims when time is up | the same |
//! | lost meanwhile | claims | claims |
//! | not there, or silent without mastership | claims when time is up | the same |
//! | there, silent, holds the mastership | has it killed and claims at the silent peer limit | the same |
//!
//! The last row protects a healthy active whose link to a newly inserted unit does not come up at once.

use super::{ClaimPurpose, Output, PeerLoss, RedundancyFacility, RfEvent, RfState, RfTimer, Syslog};
use machine::{Epoch, Instant, Outbox, RpSlot};

impl RedundancyFacility {
    /// The first pass over the clients is through.
    pub(super) fn begin_negotiation(&mut self, now: Instant, out: &mut Outbox<Output>) {
        self.enter(now, RfState::Negotiation, out);
        self.timers.set(
            RfTimer::Negotiation,
            self.after(now, self.config.negotiation_time_ms),
        );
        self.evaluate_negotiation(now, out);
    }

    /// Looks again whether the role is clear. Does nothing outside NEGOTIATION, or while the arbiter decides.
    pub(super) fn evaluate_negotiation(&mut self, now: Instant, out: &mut Outbox<Output>) {
        if self.state != RfState::Negotiation || self.claim.is_some() || self.peer.hello.is_none() {
            return;
        }
        if self.peer.state.is_active() {
            if self.peer_holds_newest_epoch() {
                self.become_standby(now, out);
            }
        } else if self.config.slot == RpSlot::R0 && self.peer.state == RfState::Negotiation {
            self.ask_for_activity(ClaimPurpose::Boot, out);
        }
    }

    fn peer_holds_newest_epoch(&self) -> bool {
        self.peer.epoch.counter >= self.mastership.counter
    }

    pub(super) fn negotiation_time_is_up(&mut self, now: Instant, out: &mut Outbox<Output>) {
        if self.state != RfState::Negotiation {
            return;
        }
        let again = self.after(now, self.config.negotiation_time_ms);
        if self.peer.hello.is_some() && self.peer.state.is_active() {
            // An active of an old epoch: it has been told, and either claims anew or goes down.
            self.timers.set(RfTimer::Negotiation, again);
            return;
        }
        let holder = self.mastership;
        let peer_may_be_active = holder.counter > 0 && holder.slot != self.config.slot && self.peer.present;
        if self.peer.hello.is_none() && peer_may_be_active {
            if self.timers.get(RfTimer::SilentPeer).is_none() {
                let limit = self.after(now, self.config.silent_peer_limit_ms);
                self.timers.set(RfTimer::SilentPeer, limit);
            }
            return;
        }
        self.ask_for_activity(ClaimPurpose::Boot, out);
    }

    pub(super) fn silent_peer_limit_reached(&mut self, _now: Instant, out: &mut Outbox<Output>) {
        if self.state == RfState::Negotiation && self.peer.hello.is_none() {
            out.now(Output::KillPeer);
            self.ask_for_activity(ClaimPurpose::Boot, out);
        }
    }

    pub(super) fn peer_lost_in_negotiation(&mut self, loss: PeerLoss, out: &mut Outbox<Output>) {
        if self.state != RfState::Negotiation {
            return;
        }
        self.timers.stop(RfTimer::SilentPeer);
        if loss == PeerLoss::Silent {
            out.now(Output::KillPeer);
        }
        self.ask_for_activity(ClaimPurpose::Boot, out);
    }

    pub(super) fn activate_at_boot(&mut self, now: Instant, epoch: Epoch, out: &mut Outbox<Output>) {
        self.timers.stop(RfTimer::Negotiation);
        self.timers.stop(RfTimer::SilentPeer);
        self.epoch = Some(epoch);
        self.note_event(now, RfEvent::GoActive);
        out.now(Output::StartActive { epoch });
        out.now(Output::Log(Syslog::became_active()));
        self.enter(now, RfState::ActiveFast, out);
        self.settle_mode(now, out);
        self.raise_above_floor(out);
    }

    pub(super) fn lost_at_boot(&mut self, now: Instant, holder: Epoch, out: &mut Outbox<Output>) {
        if holder.slot == self.config.slot {
            // Held by an earlier life of this very unit: nobody else is active in it.
            self.ask_for_activity(ClaimPurpose::Boot, out);
            return;
        }
        self.timers.set(
            RfTimer::Negotiation,
            self.after(now, self.config.negotiation_time_ms),
        );
        self.evaluate_negotiation(now, out);
    }

    fn become_standby(&mut self, now: Instant, out: &mut Outbox<Output>) {
        self.timers.stop(RfTimer::Negotiation);
        self.timers.stop(RfTimer::SilentPeer);
        self.settle_mode(now, out);
        self.note_event(now, RfEvent::GoStandby);
        self.follow_active();
        out.now(Output::StartStandby {
            active: self.peer.epoch,
        });
        self.enter(now, RfState::StandbyCold, out);
    }
}
