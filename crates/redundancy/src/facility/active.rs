//! The active's life: serving a standby, handing over, staying above every epoch that a card has seen.

use super::{
    Body, ClaimPurpose, Handover, Output, PeerLoss, Progression, RedundancyFacility, ReloadReason, RfEvent,
    RfState, RfTimer, Syslog,
};
use crate::readiness::{ManualSwitchover, Situation};
use crate::state::RedundancyMode;
use crate::syslog::PeerMonitor;
use machine::{Epoch, Instant, Outbox};

impl RedundancyFacility {
    /// ACTIVE is reached.
    pub(super) fn activity_settled(&mut self, now: Instant, out: &mut Outbox<Output>) {
        if !self.ready_before {
            self.ready_before = true;
            self.note(now, crate::history::HistoryEvent::SystemInitializationComplete);
            out.now(Output::SystemReady);
        }
        self.serve_standby(now, out);
    }

    pub(super) fn standby_asks(&mut self, now: Instant, progression: Progression, out: &mut Outbox<Output>) {
        if self.state.is_standby() || self.maintenance || !progression.is_standby() {
            return;
        }
        let speaker = self.peer.hello.map(|(boot, _)| boot);
        if speaker.is_some() && speaker == self.peer.dismissed_boot {
            return;
        }
        // Who has just won the activity answers when it gets to ACTIVE.
        self.asked_by_standby = Some(progression);
        self.serve_standby(now, out);
    }

    /// Walks the pass that the standby asked for, unless the own progression is still under way.
    fn serve_standby(&mut self, now: Instant, out: &mut Outbox<Output>) {
        if self.state != RfState::Active || self.own_pass_runs() {
            return;
        }
        if let Some(progression) = self.asked_by_standby.take() {
            self.begin_pass_for_peer(now, progression, out);
        }
    }

    /// The matching pass is through.
    pub(super) fn standby_served(
        &mut self,
        now: Instant,
        progression: Progression,
        out: &mut Outbox<Output>,
    ) {
        self.timers.stop(RfTimer::Notification);
        match progression {
            Progression::StandbyBulk => out.now(Output::StartBulk),
            Progression::StandbyHot => {
                // By now the standby has taken the configuration over, and it may be changed again.
                out.now(Output::Log(Syslog::bulk_config_sync_succeeded()));
                out.now(Output::Log(Syslog::terminal_state(self.operating_mode)));
            }
            Progression::StandbyCold if self.operating_mode != RedundancyMode::Sso => {
                self.peer.rests = true;
                out.now(Output::Log(Syslog::terminal_state(self.operating_mode)));
            }
            _ => {}
        }
        self.send(Body::ProgressDone(progression), out);
        self.serve_standby(now, out);
    }

    /// The link to the standby went down. Whether the standby lives is somebody else's question.
    pub(super) fn standby_unreachable(&mut self, now: Instant, had_spoken: bool, out: &mut Outbox<Output>) {
        if had_spoken {
            self.log_standby_lost(PeerMonitor::Down, out);
            self.standby_gone(now, RfState::Unknown, out);
        }
    }

    pub(super) fn standby_is_lost(
        &mut self,
        now: Instant,
        loss: PeerLoss,
        had_spoken: bool,
        out: &mut Outbox<Output>,
    ) {
        if self.peer.state != RfState::Disabled {
            let monitor = if loss == PeerLoss::Silent {
                PeerMonitor::Down
            } else {
                PeerMonitor::NotPresent
            };
            self.log_standby_lost(monitor, out);
            self.log_standby_lost(PeerMonitor::StateChange, out);
        }
        if had_spoken || self.peer.state != RfState::Disabled {
            self.standby_gone(now, RfState::Disabled, out);
        }
        if loss == PeerLoss::Silent {
            self.reload_peer(now, ReloadReason::StandbySilent, out);
        }
    }

    fn log_standby_lost(&mut self, monitor: PeerMonitor, out: &mut Outbox<Output>) {
        out.now(Output::Log(Syslog::standby_lost(monitor)));
        out.now(Output::Log(Syslog::standby_removal(monitor)));
    }

    fn standby_gone(&mut self, now: Instant, state: RfState, out: &mut Outbox<Output>) {
        if self.peer.state.is_standby() {
            self.standby_failures += 1;
        }
        self.peer.in_step = false;
        self.peer.rests = false;
        self.peer.resync_pending = false;
        self.asked_by_standby = None;
        self.abandon_pass_for_peer();
        self.set_peer_state(now, state, out);
        self.settle_mode(now, out);
        out.now(Output::StopSync);
        self.handover_failed(now, "Switchover aborted: standby lost", out);
    }

    pub(super) fn sync_lost(&mut self, now: Instant, out: &mut Outbox<Output>) {
        if self.state.is_standby() {
            self.standby_out_of_step(now, out);
        } else if self.state.is_active() && self.peer.hello.is_some() && !self.peer.resync_pending {
            self.peer.in_step = false;
            self.peer.resync_pending = self.peer.state == RfState::StandbyHot;
            self.send(Body::Resync, out);
        }
    }

    /// What the words "may I switch over now?" depend on.
    pub(super) fn situation(&self) -> Situation {
        Situation {
            mine: self.state,
            peer: self.peer.state,
            duplex: self.peer.present,
            in_step: self.peer.in_step,
            rests: self.peer.rests,
            mode: self.operating_mode,
            maintenance: self.maintenance,
            under_way: self.handover != Handover::None || self.claim.is_some(),
        }
    }

    pub(super) fn force_switchover(&mut self, now: Instant, out: &mut Outbox<Output>) {
        if let Some(refusal) = ManualSwitchover::of(&self.situation()).refusal() {
            out.now(Output::Refused(refusal));
            return;
        }
        self.note_event(now, RfEvent::Switchover);
        self.handover = Handover::Draining;
        self.timers
            .set(RfTimer::Handover, self.after(now, self.config.handover_limit_ms));
        out.now(Output::PrepareHandover);
    }

    pub(super) fn handover_ready(&mut self, now: Instant, out: &mut Outbox<Output>) {
        if self.handover != Handover::Draining {
            return;
        }
        if !self.peer.in_step && self.operating_mode == RedundancyMode::Sso {
            self.handover_failed(now, "Switchover aborted: standby out of step", out);
            return;
        }
        self.handover = Handover::Requested;
        self.send(Body::SwitchoverRequest, out);
    }

    pub(super) fn handover_limit_reached(&mut self, now: Instant, out: &mut Outbox<Output>) {
        self.handover_failed(now, "Switchover aborted: standby did not take over in time", out);
    }

    /// Before the standby was asked, going on is free. Once it was asked, only the arbiter knows who is active.
    pub(super) fn handover_failed(&mut self, now: Instant, reason: &'static str, out: &mut Outbox<Output>) {
        match self.handover {
            Handover::None | Handover::Resuming => {}
            Handover::Draining => {
                self.timers.stop(RfTimer::Handover);
                self.handover = Handover::None;
                self.note_text(now, reason.into());
                out.now(Output::HandoverResumed { reason });
                self.raise_above_floor(out);
            }
            Handover::Requested => {
                self.timers.stop(RfTimer::Handover);
                self.handover = Handover::Resuming;
                self.note_text(now, reason.into());
                self.ask_for_activity(ClaimPurpose::Resume(reason), out);
            }
        }
    }

    pub(super) fn resume(&mut self, epoch: Epoch, reason: &'static str, out: &mut Outbox<Output>) {
        self.handover = Handover::None;
        self.raise(epoch, out);
        out.now(Output::HandoverResumed { reason });
    }

    /// Stays active in a newer epoch.
    pub(super) fn raise(&mut self, epoch: Epoch, out: &mut Outbox<Output>) {
        self.epoch = Some(epoch);
        out.now(Output::EpochRaised(epoch));
        self.send(Body::State, out);
        self.raise_above_floor(out);
    }

    pub(super) fn epoch_seen(&mut self, now: Instant, counter: u64, out: &mut Outbox<Output>) {
        if counter > self.mastership.counter.saturating_add(super::EPOCH_LEAP_MAX) {
            self.note_text(
                now,
                alloc::format!("A card reports epoch {counter}, which is not believed"),
            );
            return;
        }
        self.floor = self.floor.max(counter);
        self.raise_above_floor(out);
    }

    /// A card refuses epochs below what it has seen, so the active has to be above that.
    pub(super) fn raise_above_floor(&mut self, out: &mut Outbox<Output>) {
        let below = self.epoch.is_some_and(|epoch| epoch.counter < self.floor);
        if below && self.handover == Handover::None {
            self.ask_for_activity(ClaimPurpose::Raise, out);
        }
    }
}
