//! The simulated backplane: carries out what a route processor orders, and tells both of it.

use crate::rp_node::{Fate, Process};
use crate::world::World;
use machine::{CardSlot, ChassisSlot, RpSlot};
use redundancy::PeerLoss;
use rp::{PlatformInput, PlatformOutput, RpInput, SlotOrder, SlotPower};

impl World {
    /// `process` runs in `slot` and is not in its node meanwhile.
    pub(crate) fn platform_output(
        &mut self,
        slot: RpSlot,
        process: &mut Process,
        output: PlatformOutput,
        answers: &mut Vec<RpInput>,
    ) -> Fate {
        match output {
            PlatformOutput::ListCrashFiles { session } => {
                let lines = Vec::from([String::from("No files in directory")]);
                answers.push(RpInput::Platform(PlatformInput::CrashFiles { session, lines }));
                Fate::Lives
            }
            PlatformOutput::Order { slot: of, order } => {
                self.trace.note(self.now, "backplane", order as u64, || {
                    format!("slot {of}: {order:?} ordered by {slot}")
                });
                if of == ChassisSlot::Rp(slot) {
                    return Fate::Dies(PeerLoss::TakenDown);
                }
                self.carry_out_order(of, order);
                if order != SlotOrder::Reset {
                    let power = if order == SlotOrder::Stop {
                        SlotPower::Off
                    } else {
                        SlotPower::On
                    };
                    let told = PlatformInput::Power { slot: of, power };
                    process.tell(RpInput::Platform(told.clone()));
                    self.urgent(slot.peer(), RpInput::Platform(told));
                }
                answers.push(RpInput::Platform(PlatformInput::Answer {
                    slot: of,
                    result: Ok(()),
                }));
                Fate::Lives
            }
        }
    }

    fn carry_out_order(&mut self, slot: ChassisSlot, order: SlotOrder) {
        match (slot, order) {
            (ChassisSlot::Card(card), SlotOrder::Reset) => {
                self.excuse_flows(Some(card), "a card on the way was reloaded");
                self.kill_card(usize::from(card.0));
            }
            (ChassisSlot::Card(card), SlotOrder::Stop) => {
                self.cards[usize::from(card.0)].pulled = true;
                self.kill_card(usize::from(card.0));
            }
            (ChassisSlot::Card(card), SlotOrder::Start) => self.start_stopped_card(card),
            (ChassisSlot::Rp(rp), SlotOrder::Reset) => self.kill_rp(rp, PeerLoss::TakenDown),
            (ChassisSlot::Rp(rp), SlotOrder::Stop) => {
                self.rps[rp.index()].pulled = true;
                self.kill_rp(rp, PeerLoss::PoweredOff);
            }
            (ChassisSlot::Rp(rp), SlotOrder::Start) => {
                if std::mem::take(&mut self.rps[rp.index()].pulled) {
                    self.restart_rp(rp);
                }
            }
        }
    }

    fn start_stopped_card(&mut self, card: CardSlot) {
        if std::mem::take(&mut self.cards[usize::from(card.0)].pulled) {
            self.restart_card(card);
        }
    }
}
