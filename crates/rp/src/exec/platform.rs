//! Commands about the chassis: `redundancy reload`, `hw-module slot`, and what they ask before.

use crate::console::{AfterSave, Running};
use crate::io::{RpOutput, SessionId};
use crate::platform::{PlatformOutput, SlotOrder, SlotPower, log};
use crate::processor::{Role, RouteProcessor};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use config::{ModuleAction, PlatformCommand, ReloadTarget};
use machine::{ChassisSlot, Instant};
use management::{Answer, Outcome, Question, QuestionKind};
use redundancy::{Input as RfInput, ReloadScope};

/// The refusal where there is no peer unit (redundancy reference, section 3.1).
const NO_STANDBY: &str = "% There is no STANDBY present";

/// What an operator is asked to confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// `redundancy reload peer`
    ReloadPeer,
    /// `hw-module slot`
    Module {
        /// The slot.
        slot: ChassisSlot,
        /// What is to be done.
        action: ModuleAction,
    },
}

impl RouteProcessor {
    pub(crate) fn execute_platform(&mut self, now: Instant, id: SessionId, command: PlatformCommand) {
        let lines = match command {
            PlatformCommand::RedundancyReload(ReloadTarget::Peer) => return self.ask_to_reload_peer(now, id),
            PlatformCommand::RedundancyReload(ReloadTarget::Shelf) => {
                return self.ask_before(now, id, AfterSave::Shelf);
            }
            PlatformCommand::HwModule { slot, action } => return self.hw_module(now, id, slot, action),
            PlatformCommand::DirCrashinfo => return self.list_crash_files(now, id),
            PlatformCommand::ShowInventory => self.show_inventory(now),
            PlatformCommand::ShowDiag { scope, depth } => self.show_diag(now, scope, depth),
            PlatformCommand::ShowFacilityAlarm => {
                self.update_alarms(now);
                self.show_facility_alarm()
            }
        };
        self.complete(now, id, Outcome::Accepted, &lines.join("\n"));
    }

    /// What `redundancy reload shelf` asks: another question when there is no peer.
    pub(crate) fn shelf_question(&self) -> &'static str {
        if self.has_peer() {
            "Reload the entire shelf"
        } else {
            "System is running in SIMPLEX mode, reload anyway?"
        }
    }

    fn has_peer(&self) -> bool {
        self.facility.peer_state() != redundancy::RfState::Disabled
    }

    fn ask_to_reload_peer(&mut self, now: Instant, id: SessionId) {
        if self.has_peer() {
            self.confirm(now, id, Step::ReloadPeer, "Reload peer");
        } else {
            self.complete(now, id, Outcome::Rejected, NO_STANDBY);
        }
    }

    fn confirm(&mut self, now: Instant, id: SessionId, step: Step, text: &str) {
        let question = Question {
            text: text.to_string(),
            kind: QuestionKind::Confirm,
        };
        self.ask(now, id, Running::Confirming(step), question);
    }

    fn hw_module(&mut self, now: Instant, id: SessionId, slot: ChassisSlot, action: ModuleAction) {
        if let Some(refusal) = self.module_refusal(now, slot, action) {
            return self.complete(now, id, Outcome::Rejected, &refusal);
        }
        let step = Step::Module { slot, action };
        match action {
            ModuleAction::Reload => self.confirm(now, id, step, "Proceed with reload of module?"),
            ModuleAction::Stop => self.confirm(now, id, step, "Proceed with stop of module?"),
            ModuleAction::Start => self.order(now, id, slot, action),
        }
    }

    fn module_refusal(&self, now: Instant, slot: ChassisSlot, action: ModuleAction) -> Option<String> {
        if !self.has_slot(slot) {
            return Some(format!("% The chassis has no slot {slot}"));
        }
        let own = slot == ChassisSlot::Rp(self.slot());
        match (action, self.platform.power(slot)) {
            (_, SlotPower::Empty) => Some(format!("% Slot {slot} is empty")),
            (ModuleAction::Start, SlotPower::On) => Some(format!("% The unit in slot {slot} runs already")),
            (ModuleAction::Stop | ModuleAction::Reload, SlotPower::Off) => Some(format!(
                "% The unit in slot {slot} is stopped; use 'hw-module slot {slot} start'"
            )),
            (ModuleAction::Stop, _) if own => Some(format!(
                "% Slot {slot} holds the active RP; use 'redundancy force-switchover' first"
            )),
            (ModuleAction::Reload, _) if own => {
                let refusal = self.facility.status(now).manual_switchover.refusal();
                refusal.map(|words| format!("{words}\n% Use 'reload' to reload the whole chassis"))
            }
            _ => None,
        }
    }

    pub(crate) fn platform_answered(&mut self, now: Instant, id: SessionId, step: Step, answer: Answer) {
        match (step, answer) {
            (Step::ReloadPeer, Answer::Yes) if self.has_peer() => {
                self.complete(now, id, Outcome::Accepted, "Preparing to reload peer");
                self.tell_facility(now, RfInput::Reload(ReloadScope::Peer));
            }
            (Step::ReloadPeer, Answer::Yes) => self.complete(now, id, Outcome::Rejected, NO_STANDBY),
            (Step::ReloadPeer, _) => self.complete(now, id, Outcome::Rejected, "Peer reload not performed"),
            // Time has passed since the question.
            (Step::Module { slot, action }, Answer::Yes) => match self.module_refusal(now, slot, action) {
                Some(refusal) => self.complete(now, id, Outcome::Rejected, &refusal),
                None => self.order(now, id, slot, action),
            },
            (Step::Module { .. }, _) => self.complete(now, id, Outcome::Rejected, ""),
        }
    }

    /// Keeps what the operator wants, and has the backplane do it once the standby keeps it too.
    fn order(&mut self, now: Instant, id: SessionId, slot: ChassisSlot, action: ModuleAction) {
        let order = match action {
            ModuleAction::Reload => SlotOrder::Reset,
            ModuleAction::Stop => SlotOrder::Stop,
            ModuleAction::Start => SlotOrder::Start,
        };
        if order == SlotOrder::Reset {
            self.log(log::module_reload(slot));
        } else {
            self.set_stopped(slot, order == SlotOrder::Stop);
        }
        match self.consoles.sessions.get_mut(&id) {
            Some(console) => console.running = Some(Running::Ordered { slot, order }),
            None => return,
        }
        if slot == ChassisSlot::Rp(self.slot()) {
            // The answer would find nobody any more.
            self.write(now, id, "Resetting ...\n");
        }
        self.turn
            .after_sync(RpOutput::Platform(PlatformOutput::Order { slot, order }));
    }

    fn set_stopped(&mut self, slot: ChassisSlot, stopped: bool) {
        let power = self.platform.power(slot);
        let Role::Active(active) = &mut self.role else {
            return;
        };
        let modules = &mut active.clients.inventory.modules;
        let mut row = modules.get(&slot).cloned().unwrap_or_default();
        row.power = power;
        row.stopped = stopped;
        modules.insert(slot, row);
    }

    /// The backplane has done what was ordered, or has not.
    pub(crate) fn order_answered(&mut self, now: Instant, slot: ChassisSlot, result: Result<(), String>) {
        let waits = |running: &Option<Running>| match running {
            Some(Running::Ordered { slot: of, order }) if *of == slot => Some(*order),
            _ => None,
        };
        let waiting: Vec<(SessionId, SlotOrder)> = self
            .consoles
            .sessions
            .iter()
            .filter_map(|(id, console)| Some((*id, waits(&console.running)?)))
            .collect();
        if let Err(why) = &result {
            self.log(log::order_failed(slot, why));
            if let Some((_, order)) = waiting.first() {
                match order {
                    SlotOrder::Stop => self.set_stopped(slot, false),
                    SlotOrder::Start => self.set_stopped(slot, true),
                    SlotOrder::Reset => {}
                }
            }
        }
        for (id, _) in waiting {
            match &result {
                Ok(()) => self.complete(now, id, Outcome::Accepted, ""),
                Err(why) => self.complete(now, id, Outcome::Rejected, &format!("% {why}")),
            }
        }
    }

    fn list_crash_files(&mut self, _now: Instant, id: SessionId) {
        if let Some(console) = self.consoles.sessions.get_mut(&id) {
            console.running = Some(Running::ListingCrashFiles);
            self.turn.now(RpOutput::Platform(PlatformOutput::ListCrashFiles {
                session: id.0,
            }));
        }
    }

    pub(crate) fn crash_files_listed(&mut self, now: Instant, session: u64, lines: &[String]) {
        let id = SessionId(session);
        let waits = self
            .consoles
            .sessions
            .get(&id)
            .is_some_and(|console| matches!(console.running, Some(Running::ListingCrashFiles)));
        if waits {
            self.complete(now, id, Outcome::Accepted, &lines.join("\n"));
        }
    }

    /// `reload` and `redundancy reload shelf`, confirmed.
    pub(crate) fn reload_shelf(&mut self, now: Instant) {
        self.log(log::reload_requested());
        self.tell_facility(now, RfInput::Reload(ReloadScope::Shelf));
    }
}
