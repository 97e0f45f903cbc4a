//! What the operator types about the chassis and the pair, beside the configuration of ports and routes.
//!
//! Only while things go wrong: once everything is mended the operator leaves the chassis alone, and finishes what is
//! under way.

use crate::operator::Change;
use crate::options::ChassisCommands;
use crate::register::REGISTERS;
use crate::world::{Stage, World};
use machine::Seed;

impl ChassisCommands {
    /// Which of them exist in a world: in half of the worlds none.
    pub(crate) fn swarm(draws: &mut Seed) -> Self {
        let exist = draws.chance(1, 2);
        let mut command = |one_in| exist && draws.chance(1, one_in);
        Self {
            reload_peer: command(3),
            reload_shelf: command(5),
            mode: command(2),
            headless_forwarding: command(3),
            register: command(3),
            module_reload: command(3),
        }
    }

    /// Whether there is any.
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

impl World {
    /// A command of the privileged EXEC, now and then, in a world that has some.
    pub(crate) fn next_chassis_line(&mut self) -> Option<String> {
        let commands = self.options.commands;
        if !commands.any() || self.stage != Stage::Faults || !self.draws.chance(1, 5) {
            return None;
        }
        let mut lines: Vec<&str> = Vec::new();
        if commands.reload_peer {
            lines.push("redundancy reload peer");
        }
        if commands.reload_shelf {
            lines.extend(["reload", "redundancy reload shelf"]);
        }
        if commands.mode {
            lines.extend(["show redundancy states", "show redundancy states"]);
        }
        if commands.module_reload && (lines.is_empty() || self.draws.chance(1, 2)) {
            let slot = match self.draws.below(u64::from(self.options.cards) + 2) {
                0 => String::from("R0"),
                1 => String::from("R1"),
                card => (card - 2).to_string(),
            };
            return Some(format!("hw-module slot {slot} reload"));
        }
        let line = lines.get(self.draws.below(lines.len().max(1) as u64) as usize)?;
        Some(String::from(*line))
    }

    /// A register for the next boot, now and then.
    pub(crate) fn next_register_line(&mut self) -> Option<String> {
        let exists = self.options.commands.register && self.stage == Stage::Faults;
        if !exists || !self.draws.chance(1, 6) {
            return None;
        }
        let register = REGISTERS[self.draws.below(REGISTERS.len() as u64) as usize];
        Some(format!("config-register 0x{register:X}"))
    }

    /// A line that leads to the redundancy mode, now and then.
    pub(crate) fn enters_redundancy_mode(&mut self) -> bool {
        let commands = self.options.commands;
        let exists = commands.mode || commands.headless_forwarding;
        exists && self.stage == Stage::Faults && self.draws.chance(1, 4)
    }

    /// A line of the redundancy mode.
    pub(crate) fn next_redundancy_line(&mut self) -> (String, Option<Change>) {
        let commands = self.options.commands;
        let leaves = self.stage != Stage::Faults || self.draws.chance(1, 2);
        if leaves || !(commands.mode || commands.headless_forwarding) {
            return (String::from("exit"), None);
        }
        if !commands.mode || (commands.headless_forwarding && self.draws.chance(1, 2)) {
            let line = String::from("headless-forwarding disable");
            let removes = self.draws.chance(1, 2);
            let change = Change {
                setting: String::from("headless-forwarding"),
                value: (!removes).then(|| line.clone()),
            };
            return (if removes { format!("no {line}") } else { line }, Some(change));
        }
        let mode = if self.draws.chance(1, 2) {
            "mode rpr"
        } else {
            "mode sso"
        };
        let change = Change {
            setting: String::from("redundancy mode"),
            value: Some(String::from(mode)),
        };
        (String::from(mode), Some(change))
    }
}

/// What `show redundancy states` says.
#[derive(Debug, PartialEq, Eq)]
struct Shown<'a> {
    operating: &'a str,
    configured: &'a str,
    peer: &'a str,
    reasons: usize,
    /// Whether the standby is ready to take over.
    ready: bool,
}

impl<'a> Shown<'a> {
    fn read(screen: &'a str) -> Option<Shown<'a>> {
        let value = |label: &str| {
            let line = screen.lines().find(|line| line.trim_start().starts_with(label))?;
            line.split_once(" = ").map(|(_, value)| value.trim())
        };
        Some(Shown {
            operating: value("Redundancy Mode (Operational)")?,
            configured: value("Redundancy Mode (Configured)")?,
            peer: value("peer state")?,
            ready: value("Manual Swact")? == "enabled",
            reasons: screen.matches("Redundancy Mode (Fell Back)").count(),
        })
    }

    /// What does not fit together; `configured`: what the mode may be by all that the operator was told.
    fn wrong(&self, configured: &[Option<String>]) -> Option<String> {
        let promised = |mode: &Option<String>| {
            mode.as_deref().and_then(|line| line.strip_prefix("mode ")) == Some(self.configured)
        };
        let fell_back = self.operating == "rpr" && self.configured == "sso";
        if !configured.iter().any(promised) {
            Some(format!(
                "'{}' is shown as configured, promised was {configured:?}",
                self.configured
            ))
        } else if (fell_back && self.ready && self.reasons == 0) || (self.reasons > 0 && !fell_back) {
            // Until a standby is ready a new mode may be on its way.
            Some(format!(
                "{} of {} is shown with {} reasons",
                self.operating, self.configured, self.reasons
            ))
        } else if self.ready && self.peer.contains("STANDBY HOT") && self.operating != "sso" {
            Some(format!("a hot standby is shown in mode {}", self.operating))
        } else {
            None
        }
    }
}

impl World {
    /// The active has answered `show redundancy states` with this.
    pub(crate) fn check_shown_states(&mut self, screen: &str) {
        let configured: Vec<Option<String>> = self
            .checker
            .promises
            .possible()
            .remove("redundancy mode")
            .map(|values| values.into_iter().collect())
            .unwrap_or_default();
        let wrong = match Shown::read(screen) {
            Some(shown) => shown.wrong(&configured),
            None => Some(String::from("'show redundancy states' does not tell the modes")),
        };
        if let Some(wrong) = wrong {
            self.fail_safety("shown mode", wrong);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(operating: &str, configured: &str, peer: &str, reasons: usize) -> bool {
        let mut screen = format!(
            "       my state = 13 -ACTIVE\r\n     peer state = {peer} \r\n\
             Redundancy Mode (Operational) = {operating}\r\nRedundancy Mode (Configured)  = {configured}\r\n\
             \x20   Manual Swact = enabled\r\n"
        );
        for _ in 0..reasons {
            screen.push_str("Redundancy Mode (Fell Back)   = image 1 here, 2 on the peer\r\n");
        }
        let shown = Shown::read(&screen).expect("all of it is there");
        shown.wrong(&[Some(String::from("mode sso"))]).is_some()
    }

    #[test]
    fn a_mode_is_shown_with_its_reason_and_as_it_was_configured() {
        assert!(!wrong("sso", "sso", "8  -STANDBY HOT", 0));
        assert!(!wrong("rpr", "sso", "4  -STANDBY COLD", 2));
        assert!(!wrong("Non-redundant", "sso", "1  -DISABLED", 0));
        assert!(wrong("rpr", "sso", "4  -STANDBY COLD", 0), "why?");
        assert!(wrong("sso", "sso", "8  -STANDBY HOT", 1), "it did not fall back");
        assert!(
            wrong("rpr", "rpr", "4  -STANDBY COLD", 0),
            "it was configured otherwise"
        );
        assert!(wrong("rpr", "sso", "8  -STANDBY HOT", 1));
    }
}
