//! Walking the clients, a bounded number of them in each turn.

use super::{
    Answer, ClientId, HistoryEvent, Output, Progression, RedundancyFacility, ReloadReason, RfEvent, RfState,
    RfTimer, Syslog, Walk,
};
use crate::client::{Client, FIRST_CLIENT, LAST_CLIENT};
use crate::progression::{Purpose, Step};
use machine::{Instant, Outbox};

impl RedundancyFacility {
    pub(super) fn begin_own_pass(
        &mut self,
        now: Instant,
        progression: Progression,
        out: &mut Outbox<Output>,
    ) {
        self.begin_pass(now, progression, Purpose::Own, out);
    }

    pub(super) fn begin_pass_for_peer(
        &mut self,
        now: Instant,
        progression: Progression,
        out: &mut Outbox<Output>,
    ) {
        self.begin_pass(now, progression, Purpose::ForPeer, out);
    }

    fn begin_pass(
        &mut self,
        now: Instant,
        progression: Progression,
        purpose: Purpose,
        out: &mut Outbox<Output>,
    ) {
        self.walk = Some(Walk::new(progression, purpose, self.config.clients_per_turn));
        self.timers.set(
            RfTimer::Notification,
            self.after(now, self.config.notification_time_ms),
        );
        self.note_answer(now, progression, purpose, FIRST_CLIENT, Answer::Done);
        self.advance_walk(now, out);
    }

    pub(super) fn own_pass_runs(&self) -> bool {
        self.walk
            .as_ref()
            .is_some_and(|walk| walk.purpose() == Purpose::Own)
    }

    pub(super) fn abandon_pass_for_peer(&mut self) {
        if self
            .walk
            .as_ref()
            .is_some_and(|walk| walk.purpose() == Purpose::ForPeer)
        {
            self.walk = None;
            self.timers.stop(RfTimer::Notification);
            self.timers.stop(RfTimer::Work);
        }
    }

    pub(super) fn resume_walk(&mut self, now: Instant, out: &mut Outbox<Output>) {
        if let Some(walk) = &mut self.walk {
            walk.resume();
            self.advance_walk(now, out);
        }
    }

    fn advance_walk(&mut self, now: Instant, out: &mut Outbox<Output>) {
        let Some(walk) = &mut self.walk else { return };
        let (progression, purpose) = (walk.progression(), walk.purpose());
        match walk.advance(&self.clients) {
            Step::Run(client) => {
                out.now(Output::RunClient {
                    client,
                    progression,
                    operand: purpose.operand(),
                });
            }
            Step::Wait => {}
            Step::Pause => self.timers.set(RfTimer::Work, now),
            Step::Finished => {
                self.walk = None;
                self.note_answer(now, progression, purpose, LAST_CLIENT, Answer::Done);
                self.pass_finished(now, progression, purpose, out);
            }
        }
    }

    fn pass_finished(
        &mut self,
        now: Instant,
        progression: Progression,
        purpose: Purpose,
        out: &mut Outbox<Output>,
    ) {
        if purpose == Purpose::ForPeer {
            self.standby_served(now, progression, out);
            return;
        }
        self.timers.stop(RfTimer::Notification);
        match progression {
            Progression::Initialization => self.begin_negotiation(now, out),
            Progression::StandbyCold
            | Progression::StandbyConfig
            | Progression::StandbyFilesys
            | Progression::StandbyBulk
            | Progression::StandbyHot => self.ask_active_to_walk(now, progression, out),
            Progression::ActiveFast => self.enter(now, RfState::ActiveDrain, out),
            Progression::ActiveDrain => self.enter(now, RfState::ActivePreconfig, out),
            Progression::ActivePreconfig => self.enter(now, RfState::ActivePostconfig, out),
            Progression::ActivePostconfig => self.enter(now, RfState::Active, out),
            Progression::Active => self.activity_settled(now, out),
        }
    }

    pub(super) fn client_answered(
        &mut self,
        now: Instant,
        client: ClientId,
        progression: Progression,
        answer: Answer,
        out: &mut Outbox<Output>,
    ) {
        let Some(walk) = self
            .walk
            .as_mut()
            .filter(|walk| walk.progression() == progression)
        else {
            self.watch.counters.invalid_answers += 1;
            return;
        };
        let purpose = walk.purpose();
        if walk.answered(client, answer) {
            self.note_client_answer(now, progression, purpose, client, answer);
            self.advance_walk(now, out);
        }
    }

    pub(super) fn client_completed(
        &mut self,
        now: Instant,
        client: ClientId,
        progression: Progression,
        out: &mut Outbox<Output>,
    ) {
        let Some(walk) = self
            .walk
            .as_mut()
            .filter(|walk| walk.progression() == progression)
        else {
            return;
        };
        let purpose = walk.purpose();
        if walk.completed(client) {
            self.note_client_answer(now, progression, purpose, client, Answer::Done);
            self.advance_walk(now, out);
        }
    }

    fn note_client_answer(
        &mut self,
        now: Instant,
        progression: Progression,
        purpose: Purpose,
        client: ClientId,
        answer: Answer,
    ) {
        if let Some(client) = self.clients.get(client) {
            self.note_answer(now, progression, purpose, client, answer);
        }
    }

    fn note_answer(
        &mut self,
        now: Instant,
        progression: Progression,
        purpose: Purpose,
        client: Client,
        answer: Answer,
    ) {
        let (operand, return_code) = (purpose.operand(), answer.code());
        self.note(
            now,
            HistoryEvent::Progression {
                progression,
                client,
                operand,
                return_code,
            },
        );
    }

    /// A pass takes too long. A standby that cannot follow starts over; an active goes on without the laggard, unless
    /// its standby could do better.
    pub(super) fn notification_expired(&mut self, now: Instant, out: &mut Outbox<Output>) {
        self.note_event(now, RfEvent::NotificationExpired);
        let Some(walk) = &self.walk else {
            if let Some(progression) = self.state.progression() {
                self.reload_self(now, ReloadReason::SyncStuck(progression), out);
            }
            return;
        };
        let (progression, purpose) = (walk.progression(), walk.purpose());
        let client = walk.pending().next().unwrap_or(LAST_CLIENT.id);
        self.watch.counters.client_not_receiving += 1;
        out.now(Output::Log(Syslog::notification_expired(client, progression)));
        let reason = ReloadReason::ClientStuck { client, progression };
        match purpose {
            Purpose::ForPeer => {
                self.abandon_pass_for_peer();
                self.reload_peer(now, reason, out);
            }
            Purpose::Own if self.state.is_active() && !self.peer.in_step => {
                self.timers.set(
                    RfTimer::Notification,
                    self.after(now, self.config.notification_time_ms),
                );
                if let Some(walk) = &mut self.walk {
                    walk.give_up_pending();
                }
                self.advance_walk(now, out);
            }
            Purpose::Own => self.reload_self(now, reason, out),
        }
    }
}
