//! What must never happen, watched from outside of the code under test.
//!
//! | checker | what it holds |
//! | --- | --- |
//! | one epoch per card | a card obeys one connection at a time, and never one of a lower epoch |
//! | one winner | the arbiter gives out each counter once |
//! | acknowledged | what the operator was told is done stays done, over every switchover of a pair in step |
//! | saved | a start from an NVRAM begins with what was saved last ([`crate::saved`]) |
//! | register | the next boot's register is as acknowledged, on both units ([`crate::register`]) |
//! | shown mode | `show redundancy states` fits what the operator was told ([`crate::chassis_commands`]) |
//! | configuration | two hot route processors run the same configuration |
//! | headless | cards forward until a unit has started, and are reset only where that is documented ([`crate::headless`]) |
//! | flows | no packet is lost or doubled while there is a way |
//! | digests | standby and cards hold what the active held at that frame |
//! | bounds | queues, frames and turns stay within their limits; nobody is woken for nothing |
//! | takeover | a standby in step takes over in time |
//!
//! Each has a test beside [`crate::options::Plant`] that plants the bug which it is there for.

use crate::register::Registers;
use crate::saved::{Possible, Saved};
use machine::{Epoch, FrameNumber, Instant, RpSlot};
use std::collections::{BTreeMap, VecDeque};

/// Turns without input, output or end of work after which a process is called a busy loop.
pub const IDLE_TURNS_MAX: u32 = 2_000;
/// Outputs that may wait at the gate.
pub const GATE_MAX: usize = 20_000;
/// Frames whose digests are remembered.
const FRAMES_REMEMBERED: usize = 256;

/// Whom a card obeys, by its acts.
#[derive(Clone, Debug, Default)]
pub struct Obedience {
    highest: Option<Epoch>,
    obeyed: Option<u64>,
}

impl Obedience {
    /// A message of `slot` over `link`: an accepted claim, or another message that `changed` something or not.
    ///
    /// # Errors
    /// What the card should not have done, in words.
    pub fn message(
        &mut self,
        link: u64,
        session: u64,
        slot: RpSlot,
        accepted: Option<Epoch>,
        changed: bool,
    ) -> Result<(), String> {
        match (accepted, self.highest) {
            (Some(epoch), Some(highest)) if epoch.counter < highest.counter => {
                return Err(format!("accepted {epoch} of {slot} after {highest}"));
            }
            (Some(epoch), Some(highest))
                if epoch.counter == highest.counter && epoch.slot != highest.slot =>
            {
                return Err(format!("accepted {epoch} and {highest}: two actives"));
            }
            (Some(epoch), _) => {
                self.highest = Some(epoch);
                self.obeyed = Some(link);
            }
            (None, _) if changed && self.obeyed != Some(link) => {
                return Err(format!(
                    "acts on link {link}, session {session}, of {slot}, which it does not obey"
                ));
            }
            (None, _) => {}
        }
        Ok(())
    }
}

/// What the outside may rely on of the standby.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// Nobody has said anything.
    Nobody,
    /// It was published that there is no standby in step.
    OutOfStep,
    /// This life of the unit in this slot has all that was promised.
    InStep(RpSlot, u64),
}

/// A takeover that has to happen.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) slot: RpSlot,
    pub(crate) by: Instant,
    pub(crate) why: &'static str,
}

/// All checkers' memories.
#[derive(Debug)]
pub(crate) struct Checker {
    granted: BTreeMap<u64, (RpSlot, u64)>,
    /// Frames with the digests of their tables and of the configuration.
    closed: [VecDeque<(FrameNumber, u64, u64)>; 2],
    pub(crate) coverage: Coverage,
    pub(crate) promises: Promises,
    pub(crate) expected: Option<Expected>,
    pub(crate) saves: u32,
    pub(crate) saved: Saved,
    pub(crate) registers: Registers,
    pub(crate) frames_compared: u64,
}

impl Checker {
    /// Both units leave the factory with this startup configuration.
    pub(crate) fn new(startup: &str) -> Self {
        Self {
            granted: BTreeMap::new(),
            closed: [VecDeque::new(), VecDeque::new()],
            coverage: Coverage::Nobody,
            promises: Promises::default(),
            expected: None,
            saves: 0,
            saved: Saved::new(startup),
            registers: Registers::default(),
            frames_compared: 0,
        }
    }

    pub(crate) fn life_begins(&mut self, slot: RpSlot) {
        self.closed[slot.index()].clear();
    }

    /// The arbiter has granted `epoch`.
    pub(crate) fn granted(&mut self, slot: RpSlot, life: u64, epoch: Epoch) -> Result<(), String> {
        if epoch.slot != slot {
            return Err(format!("{slot} was granted {epoch}"));
        }
        if let Some((other, _)) = self.granted.insert(epoch.counter, (slot, life)) {
            return Err(format!(
                "counter {} was granted to {other} and to {slot}",
                epoch.counter
            ));
        }
        match self.granted.last_key_value() {
            Some((newest, _)) if *newest > epoch.counter => {
                Err(format!("{epoch} was granted after counter {newest}"))
            }
            _ => Ok(()),
        }
    }

    /// Something else happened to that unit: it need not take over any more.
    pub(crate) fn forget_expected_of(&mut self, slot: RpSlot) {
        if self
            .expected
            .as_ref()
            .is_some_and(|expected| expected.slot == slot)
        {
            self.expected = None;
        }
    }

    pub(crate) fn in_step(&mut self, slot: RpSlot, life: u64) {
        self.coverage = Coverage::InStep(slot, life);
    }

    pub(crate) fn out_of_step(&mut self) {
        self.coverage = Coverage::OutOfStep;
    }

    pub(crate) fn frame_closed(&mut self, slot: RpSlot, frame: FrameNumber, digest: u64, tree: u64) {
        let frames = &mut self.closed[slot.index()];
        if frames.len() == FRAMES_REMEMBERED {
            frames.pop_front();
        }
        frames.push_back((frame, digest, tree));
    }

    /// The standby in `slot` is hot and has this configuration after `frame`. Returns what differs.
    pub(crate) fn configuration_of(&self, slot: RpSlot, frame: FrameNumber, tree: u64) -> Option<String> {
        let frames = &self.closed[slot.peer().index()];
        let (_, _, active) = frames.iter().rev().find(|(closed, ..)| *closed == frame)?;
        (*active != tree).then(|| {
            format!(
                "at frame {frame} {slot} is hot with configuration {tree:016x}, the active had {active:016x}"
            )
        })
    }

    /// The standby in `slot` has committed `frame`. Returns what differs.
    pub(crate) fn frame_committed(
        &mut self,
        slot: RpSlot,
        frame: FrameNumber,
        digest: u64,
    ) -> Option<String> {
        let frames = &self.closed[slot.peer().index()];
        let (_, active, _) = frames.iter().rev().find(|(closed, ..)| *closed == frame)?;
        self.frames_compared += 1;
        (*active != digest)
            .then(|| format!("at frame {frame} {slot} has {digest:016x}, the active had {active:016x}"))
    }
}

/// What the operator was told, line by line of the running configuration.
///
/// A command that was sent may take effect at any time, and one whose prompt came back has taken effect for good.
#[derive(Clone, Debug, Default)]
pub struct Promises {
    /// What each setting may read; more than one while it is open whether a command has taken effect.
    settings: BTreeMap<String, Vec<Option<String>>>,
    /// What the last unit that became active had.
    baseline: BTreeMap<String, String>,
    /// Commands whose prompt came back.
    pub acknowledged: u64,
}

impl Promises {
    /// A command was typed that makes `setting` read `value`.
    pub fn sent(&mut self, setting: &str, value: Option<String>) {
        let before = self.baseline.get(setting).cloned();
        let possible = self
            .settings
            .entry(String::from(setting))
            .or_insert_with(|| vec![before]);
        if !possible.contains(&value) {
            possible.push(value);
        }
    }

    /// The prompt after that command came back.
    pub fn acknowledged(&mut self, setting: &str, value: Option<String>) {
        self.acknowledged += 1;
        self.settings.insert(String::from(setting), vec![value]);
    }

    /// The configuration of a unit that has become active with what was promised. Returns what is missing; what was
    /// open is settled by it.
    pub fn check(&mut self, running: &[String]) -> Option<String> {
        let actual = settings_of(running);
        for (setting, possible) in &mut self.settings {
            let reads = actual.get(setting).cloned();
            if !possible.contains(&reads) {
                return Some(format!("'{setting}' reads {reads:?}, promised was {possible:?}"));
            }
            *possible = vec![reads];
        }
        self.baseline = actual;
        None
    }

    /// What each setting may read now.
    pub(crate) fn possible(&self) -> Possible {
        let certain = |value: &String| [Some(value.clone())].into();
        let mut possible: Possible = self
            .baseline
            .iter()
            .map(|(setting, value)| (setting.clone(), certain(value)))
            .collect();
        for (setting, values) in &self.settings {
            possible.insert(setting.clone(), values.iter().cloned().collect());
        }
        possible
    }

    /// A unit has started from an older configuration, as documented: this is what holds now.
    pub fn start_over(&mut self, running: &[String]) {
        let actual = settings_of(running);
        for (setting, possible) in &mut self.settings {
            *possible = vec![actual.get(setting).cloned()];
        }
        self.baseline = actual;
    }
}

/// A running configuration as settings: what can be set once reads its line.
pub(crate) fn settings_of(running: &[String]) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let mut interface = String::new();
    for line in running {
        if let Some(name) = line.strip_prefix("interface ") {
            interface = String::from(name);
        } else if line.starts_with(" description ") {
            settings.insert(format!("{interface} description"), line.trim().to_string());
        } else if line.starts_with(" mtu ") {
            settings.insert(format!("{interface} mtu"), line.trim().to_string());
        } else if line.starts_with(" mode ") {
            settings.insert(String::from("redundancy mode"), line.trim().to_string());
        } else if line.starts_with(" headless-forwarding ") {
            settings.insert(String::from("headless-forwarding"), line.trim().to_string());
        } else if line.starts_with(" neighbor ") && line.ends_with(" shutdown") {
            settings.insert(line.trim().to_string(), line.trim().to_string());
        } else if line.starts_with("hostname ") {
            settings.insert(String::from("hostname"), line.clone());
        } else if line.starts_with("ip route ") {
            settings.insert(line.clone(), line.clone());
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Epoch = Epoch {
        counter: 5,
        slot: RpSlot::R0,
    };
    const B: Epoch = Epoch {
        counter: 6,
        slot: RpSlot::R1,
    };

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(String::from).collect()
    }

    #[test]
    fn a_card_that_accepts_a_lower_epoch_is_caught() {
        let mut card = Obedience::default();
        assert_eq!(card.message(1, 1, RpSlot::R1, Some(B), false), Ok(()));
        assert!(card.message(2, 2, RpSlot::R0, Some(A), false).is_err());
    }

    #[test]
    fn a_card_that_acts_on_a_displaced_link_is_caught() {
        let mut card = Obedience::default();
        assert_eq!(card.message(1, 1, RpSlot::R0, Some(A), false), Ok(()));
        assert_eq!(card.message(1, 1, RpSlot::R0, None, true), Ok(()));
        assert_eq!(card.message(2, 2, RpSlot::R1, Some(B), false), Ok(()));
        assert_eq!(
            card.message(1, 1, RpSlot::R0, None, false),
            Ok(()),
            "ignoring is right"
        );
        assert!(card.message(1, 1, RpSlot::R0, None, true).is_err());
    }

    #[test]
    fn two_actives_of_one_counter_are_caught() {
        let mut card = Obedience::default();
        let twin = Epoch {
            counter: 5,
            slot: RpSlot::R1,
        };
        assert_eq!(card.message(1, 1, RpSlot::R0, Some(A), false), Ok(()));
        assert!(card.message(2, 2, RpSlot::R1, Some(twin), false).is_err());
    }

    #[test]
    fn a_counter_that_is_granted_twice_or_out_of_order_is_caught() {
        let mut checker = Checker::new("");
        assert_eq!(checker.granted(RpSlot::R0, 1, A), Ok(()));
        assert_eq!(checker.granted(RpSlot::R1, 1, B), Ok(()));
        assert!(checker.granted(RpSlot::R1, 2, B).is_err());
        let old = Epoch {
            counter: 3,
            slot: RpSlot::R0,
        };
        assert!(checker.granted(RpSlot::R0, 2, old).is_err());
    }

    #[test]
    fn a_promise_that_is_not_kept_is_named() {
        let mut promises = Promises::default();
        promises.sent("hostname", Some("hostname A".into()));
        promises.acknowledged("hostname", Some("hostname A".into()));
        assert_eq!(promises.check(&lines("hostname A")), None);
        assert!(promises.check(&lines("hostname Router")).is_some());
        assert!(promises.check(&[]).is_some());
    }

    #[test]
    fn a_command_without_its_prompt_may_have_taken_effect_or_not_but_not_both() {
        let mut promises = Promises::default();
        let description = Some(String::from("description x"));
        promises.sent("Ethernet0/1 description", description.clone());
        let with = lines("interface Ethernet0/0\ninterface Ethernet0/1\n description x");
        let without = lines("interface Ethernet0/1");
        assert_eq!(promises.clone().check(&with), None);
        assert_eq!(promises.clone().check(&without), None);
        assert_eq!(promises.check(&with), None);
        assert!(promises.check(&without).is_some(), "it was there before");
    }

    #[test]
    fn a_standby_with_another_digest_is_caught() {
        let mut checker = Checker::new("");
        checker.frame_closed(RpSlot::R0, FrameNumber(7), 42, 3);
        assert_eq!(checker.frame_committed(RpSlot::R1, FrameNumber(7), 42), None);
        assert!(checker.frame_committed(RpSlot::R1, FrameNumber(7), 41).is_some());
    }

    #[test]
    fn a_hot_standby_with_another_configuration_is_caught() {
        let mut checker = Checker::new("");
        checker.frame_closed(RpSlot::R0, FrameNumber(7), 42, 3);
        assert_eq!(checker.configuration_of(RpSlot::R1, FrameNumber(7), 3), None);
        assert!(checker.configuration_of(RpSlot::R1, FrameNumber(7), 4).is_some());
    }
}
