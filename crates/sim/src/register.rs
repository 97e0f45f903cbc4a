//! The configuration register: what the operator was told of it, on both units.
//!
//! It is no line of the configuration: each unit keeps its own, and a standby follows its active. One that comes with
//! another register cannot run SSO; it takes the active's over, and needs one more reload, which somebody has to order.

use crate::options::Plant;
use crate::world::World;
use machine::RpSlot;
use redundancy::{Fallback, PeerLoss};
use std::collections::BTreeSet;

/// Registers with which a unit boots from its startup configuration.
pub(crate) const REGISTERS: [u16; 3] = [config::CONFIGURATION_REGISTER_DEFAULT, 0x2101, 0x210f];

/// What the register may be.
#[derive(Clone, Debug)]
pub(crate) struct Registers {
    possible: BTreeSet<u16>,
}

impl Default for Registers {
    fn default() -> Self {
        Self {
            possible: BTreeSet::from([config::CONFIGURATION_REGISTER_DEFAULT]),
        }
    }
}

/// The register that a line sets.
fn register_of(line: &str) -> Option<u16> {
    u16::from_str_radix(line.strip_prefix("config-register 0x")?, 16).ok()
}

impl Registers {
    /// A line was typed.
    pub(crate) fn sent(&mut self, line: &str) {
        self.possible.extend(register_of(line));
    }

    /// Its prompt came back.
    pub(crate) fn acknowledged(&mut self, line: &str) {
        if let Some(register) = register_of(line) {
            self.possible = BTreeSet::from([register]);
        }
    }

    /// What a unit has that takes over with all that was promised. Returns what is wrong with it.
    pub(crate) fn check(&mut self, register: u16) -> Option<String> {
        let wrong = !self.possible.contains(&register);
        let said = format!(
            "register 0x{register:X}, promised was one of {:X?}",
            self.possible
        );
        self.possible = BTreeSet::from([register]);
        wrong.then_some(said)
    }
}

impl World {
    /// A unit has become active; `anew`: with what it has itself.
    pub(crate) fn check_register(&mut self, slot: RpSlot, anew: bool) {
        let register = self.rps[slot.index()].nvram.register;
        let wrong = self.checker.registers.check(register);
        if let Some(wrong) = wrong.filter(|_| !anew) {
            self.fail_safety("register", format!("{slot} takes over with {wrong}"));
        }
    }

    /// At rest both have the same.
    pub(crate) fn check_registers_agree(&mut self) {
        let [r0, r1] = [0, 1].map(|index: usize| self.rps[index].nvram.register);
        if r0 != r1 {
            self.fail_safety(
                "register",
                format!("R0 is to boot with 0x{r0:X} and R1 with 0x{r1:X}"),
            );
        } else if let Some(wrong) = self.checker.registers.check(r0) {
            self.fail_safety("register", format!("at the end: {wrong}"));
        }
    }

    /// Whether the register that `slot` keeps for its next boot gets lost on the way.
    pub(crate) fn register_is_forgotten(&self, active: bool) -> bool {
        self.options.plant == Some(Plant::RegisterForgotten) && !active
    }

    /// The pair rests in RPR because the standby booted with another register: somebody does what the message says.
    pub(crate) fn reload_for_register(&mut self) {
        let Some(slot) = self.active() else { return };
        let Some(process) = &self.rps[slot.index()].process else {
            return;
        };
        let status = process.rp.facility().status(process.clock.local(self.now));
        let only = |reason: &Fallback| matches!(reason, Fallback::Register { .. });
        if status.peer_rests && !status.fallback.is_empty() && status.fallback.iter().all(only) {
            self.trace.note(self.now, "oper", 3, || {
                String::from("reloads the standby for its register")
            });
            self.kill_rp(slot.peer(), PeerLoss::Reloaded);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_that_was_acknowledged_is_the_only_one_that_may_be_there() {
        let mut registers = Registers::default();
        registers.sent("config-register 0x2101");
        assert_eq!(registers.clone().check(0x2102), None, "not answered yet");
        assert_eq!(registers.clone().check(0x2101), None);
        registers.acknowledged("config-register 0x2101");
        assert_eq!(registers.clone().check(0x2101), None);
        assert!(registers.clone().check(0x2102).is_some());
    }
}
