//! What is seen and heard of the other unit.

use super::{
    Body, ClaimPurpose, FailureDetector, Hello, HistoryEvent, Output, PeerLoss, RedundancyFacility,
    RedundancyMode, ReloadReason, RfEvent, RfMessage, RfState, RfTimer, Status, Syslog,
};
use crate::heartbeat::Verdict;
use crate::syslog::PeerMonitor;
use machine::{Duration, Epoch, Instant, Outbox};

/// How many keepalive limits a standby that is not hot waits for a silent active.
const PATIENCE_OF_A_COLD_STANDBY: u32 = 10;

impl RedundancyFacility {
    pub(super) fn peer_presence(&mut self, now: Instant, present: bool, out: &mut Outbox<Output>) {
        if self.peer.present == present {
            return;
        }
        self.peer.present = present;
        self.tell_clients(now, Status::PeerPresence, u32::from(present), out);
        if !present {
            self.life_of_standby_ends();
            self.peer_failed(now, PeerLoss::Removed, out);
        } else if self.state.is_active() {
            out.now(Output::Log(Syslog::standby_insertion(PeerMonitor::Found)));
        }
    }

    /// The life lock is a fact about one life of the peer; the next life starts with a presence of the peer.
    pub(super) fn life_lost(&mut self, now: Instant, loss: PeerLoss, out: &mut Outbox<Output>) {
        if self.peer.present {
            self.peer.present = false;
            self.life_of_standby_ends();
            self.tell_clients(now, Status::PeerPresence, 0, out);
        }
        self.peer_failed(now, loss, out);
    }

    pub(super) fn peer_communication(&mut self, now: Instant, up: bool, out: &mut Outbox<Output>) {
        if self.peer.communication == up {
            return;
        }
        self.peer.communication = up;
        self.watch.counters.link_up += u64::from(up);
        self.watch.counters.link_down += u64::from(!up);
        self.tell_clients(now, Status::PeerCommunication, u32::from(up), out);
        if up {
            self.heartbeats_sent = 0;
            self.greet(out);
            self.timers.set(
                RfTimer::Keepalive,
                self.after(now, self.config.keepalive_interval_ms),
            );
            return;
        }
        self.timers.stop(RfTimer::Keepalive);
        self.stop_judging();
        let had_spoken = self.peer.hello.take().is_some();
        if self.state.is_active() {
            self.standby_unreachable(now, had_spoken, out);
        } else if self.state.is_standby() && self.claim.is_none() {
            self.timers.set(
                RfTimer::CommunicationLoss,
                self.after(now, self.config.keepalive_limit_ms),
            );
        } else if self.state == RfState::Negotiation {
            self.set_peer_state(now, RfState::Unknown, out);
        }
    }

    pub(super) fn peer_message(&mut self, now: Instant, message: RfMessage, out: &mut Outbox<Output>) {
        if message.slot == self.config.slot || !self.peer.communication {
            self.watch.counters.routing_errors += 1;
            return;
        }
        // Epochs are facts, whoever tells them, even a life that was declared dead.
        let stale = message.epoch.counter < self.mastership.counter;
        self.learn(message.epoch);
        if let Some(mine) = self.epoch
            && self.settle_two_actives(now, mine, &message, out)
        {
            return;
        }
        if self.peer.dead_boot == Some(message.boot) {
            self.watch.counters.routing_errors += 1;
            return;
        }
        if let Body::Hello(hello) = message.body {
            self.peer_said_hello(now, &message, hello, out);
            return;
        }
        if self.peer.hello.is_none_or(|(boot, _)| boot != message.boot) {
            return;
        }
        self.peer.epoch = message.epoch;
        self.peer_heard(now);
        if stale && message.state.is_active() {
            self.send(Body::State, out);
        }
        if message.state == RfState::Disabled && self.peer.state != RfState::Disabled {
            // Its last word: it reloads.
            self.peer_failed(now, PeerLoss::Reloaded, out);
            return;
        }
        self.peer_state_heard(now, message.state, out);
        self.peer_body(now, &message, out);
        self.evaluate_negotiation(now, out);
    }

    /// The peer's work loop has sent something, so it turns.
    pub(super) fn peer_heard(&mut self, now: Instant) {
        if let Some(detector) = &mut self.detector {
            detector.heard(now);
        }
    }

    fn peer_body(&mut self, now: Instant, message: &RfMessage, out: &mut Outbox<Output>) {
        match message.body {
            Body::Hello(_) | Body::Heartbeat { .. } | Body::State => {}
            Body::Progress(progression) => self.standby_asks(now, progression, out),
            Body::ProgressDone(progression) => self.active_has_walked(now, progression, out),
            Body::Resync => self.told_to_resync(now, out),
            Body::Timers(timers) => self.told_timers(now, timers),
            Body::Maintenance(enabled) => self.told_of_maintenance(now, enabled, out),
            Body::SwitchoverRequest => self.asked_to_take_over(message.epoch, out),
            Body::SwitchoverRefused => {
                self.handover_failed(now, "Switchover aborted: standby refused", out);
            }
        }
    }

    /// Both believe they are active, or the peer knows a newer epoch than ours. True: the message is dealt with.
    fn settle_two_actives(
        &mut self,
        now: Instant,
        mine: Epoch,
        message: &RfMessage,
        out: &mut Outbox<Output>,
    ) -> bool {
        let newer = message.epoch.counter > mine.counter && message.epoch.slot != self.config.slot;
        if message.state.is_active() {
            // Equal counters cannot come from one arbiter; should they, the secondary backs down.
            let tie = message.epoch.counter == mine.counter;
            if newer || (tie && self.config.slot != machine::RpSlot::R0) {
                let handed_over = self.handover != super::Handover::None;
                let reason = if handed_over {
                    ReloadReason::Switchover
                } else {
                    ReloadReason::Superseded
                };
                self.reload_self(now, reason, out);
            } else {
                self.send(Body::State, out);
            }
            return true;
        }
        if newer && self.handover == super::Handover::None {
            // The epoch was given to the peer, but it did not live to use it: take it back.
            self.ask_for_activity(ClaimPurpose::Raise, out);
        }
        false
    }

    fn peer_said_hello(&mut self, now: Instant, message: &RfMessage, hello: Hello, out: &mut Outbox<Output>) {
        if self.peer.hello.is_some_and(|(boot, _)| boot != message.boot) {
            // A new life on a link that never went down: the old one ended unseen.
            self.peer_failed(now, PeerLoss::Killed, out);
        }
        if !self.peer.present {
            self.peer.present = true;
            self.tell_clients(now, Status::PeerPresence, 1, out);
        }
        self.peer.hello = Some((message.boot, hello));
        self.peer.epoch = message.epoch;
        self.peer.in_step = false;
        self.peer.rests = false;
        self.peer.resync_pending = false;
        if !self.state.is_active() {
            // An active that paces otherwise says so next.
            self.set_pair_timers(now, self.default_timers);
        }
        self.timers.stop(RfTimer::SilentPeer);
        self.timers.stop(RfTimer::CommunicationLoss);
        self.begin_judging(now);
        if self.state.is_standby() {
            self.hello_heard_on_standby(now, message.state, out);
            return;
        }
        self.peer_state_heard(now, message.state, out);
        if self.state.is_active() {
            self.standby_speaks(&hello);
            self.settle_mode(now, out);
            let timers = self.pair_timers();
            if timers != self.default_timers {
                self.send(Body::Timers(timers), out);
            }
            if self.maintenance {
                self.send(Body::Maintenance(true), out);
            }
        }
        self.evaluate_negotiation(now, out);
    }

    fn hello_heard_on_standby(&mut self, now: Instant, state: RfState, out: &mut Outbox<Output>) {
        if !state.is_active() {
            // Whom we follow has started anew, so nobody is active.
            self.active_is_lost(now, PeerLoss::Killed, out);
            self.set_peer_state(now, state, out);
        } else if self.claim.is_none() {
            self.maintenance = false;
            self.set_peer_state(now, state, out);
            self.restart_standby(now, out);
        }
    }

    fn peer_state_heard(&mut self, now: Instant, state: RfState, out: &mut Outbox<Output>) {
        let before = self.peer.state;
        self.set_peer_state(now, state, out);
        if state != RfState::StandbyHot {
            self.peer.resync_pending = false;
        }
        self.peer.in_step = state == RfState::StandbyHot && !self.peer.resync_pending;
        self.peer.rests &= state == RfState::StandbyCold;
        if before == state {
            return;
        }
        if self.state.is_active() && state == RfState::StandbyCold {
            out.now(Output::Log(Syslog::standby_insertion(PeerMonitor::StateChange)));
        }
        if !self.state.is_standby() {
            return;
        }
        if !state.is_active() {
            self.active_is_lost(now, PeerLoss::Reloaded, out);
        } else if !before.is_active() && self.claim.is_none() {
            // A life that had greeted before it was active is whom to follow now, in the mode that it has.
            self.restart_standby(now, out);
        }
    }

    /// Keeps the peer's state and tells when it is a new one.
    pub(super) fn set_peer_state(&mut self, now: Instant, state: RfState, out: &mut Outbox<Output>) {
        if self.peer.state == state {
            return;
        }
        self.peer.state = state;
        self.peer.since = now;
        let mine = self.state;
        self.note(
            now,
            HistoryEvent::States {
                mine,
                peer: state,
                mine_changed: false,
                peer_changed: true,
            },
        );
        out.now(Output::StateChanged { mine, peer: state });
    }

    /// One place for all the ways in which a peer is found to be gone.
    fn peer_failed(&mut self, now: Instant, loss: PeerLoss, out: &mut Outbox<Output>) {
        self.stop_judging();
        let had_spoken = self.peer.hello.is_some();
        self.forget_peer();
        if self.state.is_active() {
            self.standby_is_lost(now, loss, had_spoken, out);
        } else if self.state.is_standby() {
            self.active_is_lost(now, loss, out);
        } else {
            self.set_peer_state(now, RfState::Disabled, out);
            self.peer_lost_in_negotiation(loss, out);
        }
    }

    /// Nothing that this life of the peer still has under way is listened to.
    pub(super) fn forget_peer(&mut self) {
        if let Some((boot, _)) = self.peer.hello.take() {
            self.peer.dead_boot = Some(boot);
        }
        self.peer.in_step = false;
        self.peer.rests = false;
        self.peer.resync_pending = false;
    }

    pub(super) fn begin_judging(&mut self, now: Instant) {
        let interval = Duration::from_millis(self.config.keepalive_interval_ms);
        let limit = Duration::from_millis(self.config.keepalive_limit_ms);
        let detector = FailureDetector::new(now, interval, limit);
        self.timers.set(RfTimer::PeerCheck, detector.next_check());
        self.detector = Some(detector);
    }

    pub(super) fn stop_judging(&mut self) {
        self.detector = None;
        self.timers.stop(RfTimer::PeerCheck);
    }

    pub(super) fn judge_peer(&mut self, now: Instant, out: &mut Outbox<Output>) {
        let Some(detector) = &mut self.detector else {
            return;
        };
        let verdict = detector.check(now);
        self.timers.set(RfTimer::PeerCheck, detector.next_check());
        let limit = Duration::from_millis(self.config.keepalive_limit_ms).saturating_mul(self.patience());
        let is_gone = self
            .detector
            .as_ref()
            .is_some_and(|detector| detector.is_silent_for(now, limit));
        if verdict == Verdict::Failed && is_gone {
            self.note_event(now, RfEvent::KeepaliveExpired);
            self.peer_failed(now, PeerLoss::Silent, out);
        }
    }

    /// How many times the limit a silent peer is waited for. Killing an active that is only late, or that a bulk and a busy
    /// machine keep from its heartbeats, costs all that it holds when nobody holds it as well.
    fn patience(&self) -> u32 {
        let costs_everything = self.operating_mode == RedundancyMode::Sso
            && self.state.is_standby()
            && self.state != RfState::StandbyHot;
        match costs_everything {
            true => PATIENCE_OF_A_COLD_STANDBY,
            false => 1,
        }
    }

    pub(super) fn send_heartbeat(&mut self, now: Instant, out: &mut Outbox<Output>) {
        self.heartbeats_sent += 1;
        self.send(
            Body::Heartbeat {
                sequence: self.heartbeats_sent,
            },
            out,
        );
        self.timers.set(
            RfTimer::Keepalive,
            self.after(now, self.config.keepalive_interval_ms),
        );
    }
}
