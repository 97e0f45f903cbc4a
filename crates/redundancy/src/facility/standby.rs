//! The standby's life: getting in step, staying in step, taking over.

use super::{
    Body, ClaimPurpose, ColdStart, Output, PeerLoss, ProcessFound, Progression, RedundancyFacility,
    RedundancyMode, RfEvent, RfState, RfTimer, SwitchoverCause, Syslog,
};
use crate::syslog::PeerMonitor;
use alloc::format;
use machine::{Epoch, Instant, Outbox};

impl RedundancyFacility {
    /// The own pass of a standby state is through: let the active walk the one that matches.
    pub(super) fn ask_active_to_walk(
        &mut self,
        now: Instant,
        progression: Progression,
        out: &mut Outbox<Output>,
    ) {
        if self.maintenance || !self.peer.communication {
            // Rests here; a new link or a reload starts the progression again.
            self.timers.stop(RfTimer::Notification);
            return;
        }
        self.waits_for_active = Some(progression);
        let limit_ms = if progression == Progression::StandbyBulk {
            self.config.bulk_limit_ms
        } else {
            self.config.notification_time_ms
        };
        self.timers.set(RfTimer::Notification, self.after(now, limit_ms));
        self.note_client_progression(now);
        self.send(Body::Progress(progression), out);
    }

    pub(super) fn active_has_walked(
        &mut self,
        now: Instant,
        progression: Progression,
        out: &mut Outbox<Output>,
    ) {
        if self.waits_for_active == Some(progression) {
            self.waits_for_active = None;
            self.standby_step_done(now, out);
        }
    }

    pub(super) fn bulk_finished(&mut self, now: Instant, out: &mut Outbox<Output>) {
        if self.state == RfState::StandbyColdBulk && self.waits_for_bulk {
            self.waits_for_bulk = false;
            self.standby_step_done(now, out);
        }
    }

    /// Goes on to the next standby state once the own pass, the active's and the bulk are all through.
    fn standby_step_done(&mut self, now: Instant, out: &mut Outbox<Output>) {
        let bulk_runs = self.state == RfState::StandbyColdBulk && self.waits_for_bulk;
        if self.walk.is_some() || self.waits_for_active.is_some() || bulk_runs || self.claim.is_some() {
            return;
        }
        self.timers.stop(RfTimer::Notification);
        let next = match self.state {
            RfState::StandbyCold if self.operating_mode != RedundancyMode::Sso => None,
            RfState::StandbyCold => Some(RfState::StandbyColdConfig),
            RfState::StandbyColdConfig => Some(RfState::StandbyColdFilesys),
            RfState::StandbyColdFilesys => Some(RfState::StandbyColdBulk),
            RfState::StandbyColdBulk => Some(RfState::StandbyHot),
            _ => None,
        };
        match next {
            Some(next) => {
                self.waits_for_bulk = next == RfState::StandbyColdBulk;
                self.enter(now, next, out);
            }
            None => out.now(Output::Log(Syslog::terminal_state(self.operating_mode))),
        }
    }

    /// Starts from COLD: what was applied belongs to a conversation that has ended.
    pub(super) fn restart_standby(&mut self, now: Instant, out: &mut Outbox<Output>) {
        self.follow_active();
        self.settle_mode(now, out);
        self.fall_back_to_cold(now, out);
    }

    /// From now on the state held here is that of the peer's present life.
    pub(super) fn follow_active(&mut self) {
        self.active_lost = None;
        self.peer.dead_boot = None;
        self.follows_boot = self.peer.hello.map(|(boot, _)| boot);
    }

    fn fall_back_to_cold(&mut self, now: Instant, out: &mut Outbox<Output>) {
        out.now(Output::StartStandby {
            active: self.mastership,
        });
        self.waits_for_bulk = false;
        if self.state == RfState::StandbyCold {
            self.waits_for_active = None;
            self.begin_own_pass(now, Progression::StandbyCold, out);
        } else {
            self.enter(now, RfState::StandbyCold, out);
        }
    }

    pub(super) fn told_to_resync(&mut self, now: Instant, out: &mut Outbox<Output>) {
        if self.state.is_standby() {
            self.standby_out_of_step(now, out);
        }
    }

    /// A frame was missed, did not apply, or was not acknowledged in time.
    pub(super) fn standby_out_of_step(&mut self, now: Instant, out: &mut Outbox<Output>) {
        match self.state {
            RfState::StandbyHot => {
                self.waits_for_bulk = true;
                self.enter(now, RfState::StandbyColdBulk, out);
            }
            RfState::StandbyColdBulk if self.claim.is_none() => self.restart_standby(now, out),
            // The bulk is still to come, or this unit is about to start anew as active.
            _ => {}
        }
    }

    pub(super) fn told_of_maintenance(&mut self, now: Instant, enabled: bool, out: &mut Outbox<Output>) {
        if !self.state.is_standby() || self.maintenance == enabled {
            return;
        }
        self.maintenance = enabled;
        if self.claim.is_none() {
            self.fall_back_to_cold(now, out);
        }
    }

    /// The link has been down for so long that nothing is known of the active but that it lives.
    ///
    /// A hot standby keeps what it has. Whether that is history by now is not for it to say: an active that goes on alone
    /// has left its mark, which a claim finds, and one that is hung has promised nothing since.
    pub(super) fn link_to_active_stays_down(&mut self, now: Instant, out: &mut Outbox<Output>) {
        if self.state.is_standby() && self.claim.is_none() && !self.peer.communication {
            self.note_text(now, format!("Link to the active stays down in {}", self.state));
            if self.state != RfState::StandbyHot {
                self.fall_back_to_cold(now, out);
            }
            self.set_peer_state(now, RfState::Unknown, out);
        }
    }

    pub(super) fn asked_to_take_over(&mut self, epoch: Epoch, out: &mut Outbox<Output>) {
        let ready = match self.operating_mode {
            RedundancyMode::Sso => self.state == RfState::StandbyHot,
            RedundancyMode::Rpr => self.state == RfState::StandbyCold,
            RedundancyMode::NonRedundant => false,
        };
        if !ready || self.claim.is_some() || epoch != self.mastership {
            self.send(Body::SwitchoverRefused, out);
            return;
        }
        self.ask_for_activity(ClaimPurpose::Takeover(SwitchoverCause::Forced), out);
    }

    pub(super) fn active_is_lost(&mut self, now: Instant, loss: PeerLoss, out: &mut Outbox<Output>) {
        let known = self.active_lost.replace(loss).is_some();
        if loss.is_silence() {
            out.now(Output::KillPeer);
        }
        if known {
            return;
        }
        self.timers.stop(RfTimer::CommunicationLoss);
        self.note_text(now, format!("Active is lost: {loss}"));
        let monitor = match loss {
            PeerLoss::Silent => PeerMonitor::Down,
            PeerLoss::Reloaded => PeerMonitor::StateChange,
            _ => PeerMonitor::NotPresent,
        };
        out.now(Output::Log(Syslog::switchover(monitor)));
        self.ask_for_activity(ClaimPurpose::Takeover(SwitchoverCause::Lost(loss)), out);
    }

    /// The silence has a name by now.
    pub(super) fn peer_found(&mut self, now: Instant, found: ProcessFound) {
        if self.active_lost == Some(PeerLoss::Silent) {
            let loss = found.loss();
            self.active_lost = Some(loss);
            self.note_text(now, format!("The silent active was found: {loss}"));
        }
    }

    pub(super) fn take_over(
        &mut self,
        now: Instant,
        epoch: Epoch,
        cause: SwitchoverCause,
        out_of_step: bool,
        out: &mut Outbox<Output>,
    ) {
        self.epoch = Some(epoch);
        self.maintenance = false;
        // Told apart after the claim was asked for: silence into hung or stopped.
        let cause = match (cause, self.active_lost.take()) {
            (SwitchoverCause::Lost(loss), Some(found)) if loss.is_silence() => SwitchoverCause::Lost(found),
            _ => cause,
        };
        self.timers.stop(RfTimer::CommunicationLoss);
        let old_active_speaks = self.peer.hello.is_some() && self.peer.state.is_active();
        if cause == SwitchoverCause::Forced || old_active_speaks {
            // It only reloads from here on.
            self.stop_judging();
            self.forget_peer();
        }
        self.note_event(now, RfEvent::GoActive);
        let reason = if self.operating_mode == RedundancyMode::Rpr {
            Some(ColdStart::Rpr)
        } else if self.state != RfState::StandbyHot {
            Some(ColdStart::NotHot(self.state))
        } else if out_of_step {
            Some(ColdStart::OutOfStep)
        } else {
            None
        };
        match reason {
            None => out.now(Output::Promote { epoch, cause }),
            Some(reason) => {
                self.note_text(now, format!("Restart as active instead of promotion: {reason}"));
                out.now(Output::RestartAsActive { epoch, cause, reason });
            }
        }
        out.now(Output::Log(Syslog::became_active()));
        let (previous, current) = (self.config.slot.peer(), self.config.slot);
        out.now(Output::RecordSwitchover {
            previous,
            current,
            reason: cause.reason(),
            loss: cause.loss(),
        });
        let peer = if self.peer.hello.is_some() {
            self.peer.state
        } else {
            RfState::Disabled
        };
        self.enter_with_peer(now, RfState::ActiveFast, peer, out);
        self.settle_mode(now, out);
        self.raise_above_floor(out);
    }

    /// Somebody else swapped before. Whoever is dead does not act in that epoch; whoever lives is followed.
    pub(super) fn lost_takeover(&mut self, now: Instant, cause: SwitchoverCause, out: &mut Outbox<Output>) {
        let Some(loss) = self.active_lost else {
            // A forced switchover that the old active took back.
            debug_assert_eq!(cause, SwitchoverCause::Forced);
            return;
        };
        if self.peer.hello.is_some() && self.peer.state.is_active() {
            self.restart_standby(now, out);
            return;
        }
        let silent = loss.is_silence();
        let another_life_acted = self.mastership.slot != self.config.slot
            && (self.heard_another_life() || (self.peer.present && !silent));
        if another_life_acted {
            // It went ahead without us; what we hold is of an epoch before the last.
            self.fall_back_to_cold(now, out);
        }
        if another_life_acted && !silent {
            self.active_lost = None;
        } else if silent || self.mastership.slot == self.config.slot {
            self.ask_for_activity(ClaimPurpose::Takeover(SwitchoverCause::Lost(loss)), out);
        } else {
            // The peer's slot holds an epoch that nobody told us of. Either the dead life had just raised its own, or
            // this unit was stopped while another life took over: then that one's presence is about to be told.
            let again = self.after(now, self.config.keepalive_interval_ms);
            self.timers.set(RfTimer::TakeoverAgain, again);
        }
    }

    /// Time enough to be told of another life of the peer has passed since a claim was lost to its slot.
    pub(super) fn take_over_again(&mut self, now: Instant, out: &mut Outbox<Output>) {
        let Some(loss) = self.active_lost.filter(|_| self.state.is_standby()) else {
            return;
        };
        if self.heard_another_life() || self.peer.present {
            self.active_lost = None;
            self.fall_back_to_cold(now, out);
        } else {
            self.ask_for_activity(ClaimPurpose::Takeover(SwitchoverCause::Lost(loss)), out);
        }
    }

    fn heard_another_life(&self) -> bool {
        let heard = [self.peer.hello.map(|(boot, _)| boot), self.peer.dead_boot];
        heard
            .into_iter()
            .flatten()
            .any(|boot| self.follows_boot != Some(boot))
    }

    fn note_client_progression(&mut self, now: Instant) {
        let event = RfEvent::ClientProgression;
        let client = Some(crate::client::LAST_CLIENT);
        self.note(
            now,
            crate::history::HistoryEvent::Event {
                event,
                client,
                operand: 1,
                return_code: Some(0),
            },
        );
    }
}
