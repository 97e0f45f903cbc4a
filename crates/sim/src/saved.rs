//! What was saved stays saved: the checker of the startup configuration.
//!
//! A save is acknowledged by `[OK]` without a word about the standby. From then on the NVRAM of the active holds it, and
//! that of a standby which the active calls ready: in step, or at rest in RPR. A start from the NVRAM of such a unit has to
//! begin with what was saved last.
//!
//! ```text
//!   typed        what may be saved grows by all that may be configured now
//!   [OK]         it shrinks to that
//!   a start      it shrinks to what that unit began with; the other one has to be called ready anew
//! ```

use crate::checker::{Promises, settings_of};
use crate::rp_node::Process;
use crate::world::World;
use checkpoint::PeerSync;
use machine::RpSlot;
use redundancy::{RedundancyMode, RfState};
use std::collections::{BTreeMap, BTreeSet};

/// What each setting may read; one that is not listed is not set.
pub(crate) type Possible = BTreeMap<String, BTreeSet<Option<String>>>;

/// What a command does with the startup configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Saving {
    /// Nothing.
    #[default]
    No,
    /// Saves what runs.
    Running,
    /// Saves what a file holds.
    FromFile,
    /// Writes what runs into a file.
    IntoFile,
}

impl Saving {
    /// What the command does.
    pub(crate) fn of(line: &str) -> Saving {
        match line {
            "write memory" | "copy running-config startup-config" => Saving::Running,
            "copy bootflash:base nvram:startup-config" => Saving::FromFile,
            "copy running-config bootflash:base" | "copy running-config stby-bootflash:base" => {
                Saving::IntoFile
            }
            _ => Saving::No,
        }
    }

    /// Whether the startup configuration is written.
    pub(crate) const fn saves(self) -> bool {
        matches!(self, Saving::Running | Saving::FromFile)
    }
}

/// The checker's memory.
#[derive(Clone, Debug)]
pub(crate) struct Saved {
    possible: Possible,
    /// What a file of either unit may hold.
    files: Possible,
    /// A save was typed and not answered: what it would save.
    typed: Option<Possible>,
    /// Units whose NVRAM holds it, by what the operator may know.
    covered: [bool; 2],
}

impl Saved {
    /// Both units leave the factory with this text.
    pub(crate) fn new(text: &str) -> Self {
        let lines: Vec<String> = text.lines().map(String::from).collect();
        Self {
            possible: certain(&settings_of(&lines)),
            files: Possible::new(),
            typed: None,
            covered: [true, true],
        }
    }

    /// A command of this kind was typed.
    pub(crate) fn typed(&mut self, saving: Saving, promises: &Promises) {
        match saving {
            Saving::No => {}
            Saving::Running => self.typed_save(promises.possible()),
            Saving::FromFile => self.typed_save(self.files.clone()),
            Saving::IntoFile => union(&mut self.files, &promises.possible()),
        }
    }

    fn typed_save(&mut self, text: Possible) {
        union(&mut self.possible, &text);
        self.typed = Some(text);
    }

    /// The last save was answered by `[OK]` on `slot`; `peer_is_ready`: so the active calls its standby.
    pub(crate) fn acknowledged(&mut self, slot: RpSlot, peer_is_ready: bool) {
        if let Some(text) = self.typed.take() {
            self.possible = text;
            self.covered[slot.index()] = true;
            self.covered[slot.peer().index()] = peer_is_ready;
        }
    }

    /// The active in the other slot calls the unit in `slot` ready.
    pub(crate) fn ready(&mut self, slot: RpSlot) {
        self.covered[slot.index()] = self.covered[slot.peer().index()];
    }

    fn is_covered(&self, slot: RpSlot) -> bool {
        self.covered[slot.index()]
    }

    /// The unit in `slot` starts from its NVRAM, which it has read as these lines. Returns what is missing.
    fn started(&mut self, slot: RpSlot, running: &[String], known: impl Fn(&str) -> bool) -> Option<String> {
        let actual = settings_of(running);
        let unset = BTreeSet::from([None]);
        let settings: BTreeSet<&String> = self.possible.keys().chain(actual.keys()).collect();
        let missing = settings
            .into_iter()
            .filter(|setting| known(setting) && self.is_covered(slot))
            .find_map(|setting| {
                let reads = actual.get(setting).cloned();
                let possible = self.possible.get(setting).unwrap_or(&unset);
                (!possible.contains(&reads))
                    .then(|| format!("'{setting}' reads {reads:?}, saved was {possible:?}"))
            });
        self.typed = None;
        missing
    }

    /// From now on the NVRAM of `slot` counts, with this text.
    fn settle(&mut self, slot: RpSlot, text: &[String]) {
        self.possible = certain(&settings_of(text));
        self.covered[slot.index()] = true;
        self.covered[slot.peer().index()] = false;
    }

    /// Nobody knows what that NVRAM holds.
    fn lose_sight(&mut self, slot: RpSlot) {
        self.covered[slot.index()] = false;
        self.covered[slot.peer().index()] = false;
    }
}

fn certain(settings: &BTreeMap<String, String>) -> Possible {
    settings
        .iter()
        .map(|(setting, value)| (setting.clone(), BTreeSet::from([Some(value.clone())])))
        .collect()
}

fn union(into: &mut Possible, other: &Possible) {
    for (setting, values) in into.iter_mut() {
        if !other.contains_key(setting) {
            values.insert(None);
        }
    }
    for (setting, values) in other {
        into.entry(setting.clone())
            .or_insert_with(|| BTreeSet::from([None]))
            .extend(values.iter().cloned());
    }
}

/// Whether the active in this process calls its standby ready: in step, or at rest in RPR.
pub(crate) fn calls_standby_ready(process: &Process, now: machine::Instant) -> bool {
    let Some(active) = process.rp.active() else {
        return false;
    };
    let status = process.rp.facility().status(now);
    let hot = *active.peer_sync() == PeerSync::InStep && status.peer_state == RfState::StandbyHot;
    hot || (status.operating_mode == RedundancyMode::Rpr && status.peer_rests)
}

impl World {
    /// The active has said what it says: is its standby ready by now?
    pub(crate) fn look_for_ready_standby(&mut self, slot: RpSlot, process: &Process) {
        let peer = slot.peer();
        if self.checker.saved.is_covered(peer) || self.rps[peer.index()].nvram.writing > 0 {
            return;
        }
        if calls_standby_ready(process, process.clock.local(self.now)) {
            self.checker.saved.ready(peer);
        }
    }

    /// A unit has started from its NVRAM: is what was saved there?
    pub(crate) fn check_saved(&mut self, slot: RpSlot, running: &[String]) {
        let nvram = &self.rps[slot.index()].nvram;
        if nvram.failed || nvram.writing > 0 {
            return self.checker.saved.lose_sight(slot);
        }
        let text = nvram.text.clone().unwrap_or_default();
        let older = self.options.older_release;
        // What this release does not know it does not start with.
        let known = |setting: &str| !older || !setting.ends_with(" mtu");
        if let Some(missing) = self.checker.saved.started(slot, running, known) {
            self.fail_safety("saved", format!("{slot} starts from its NVRAM: {missing}"));
        }
        let lines: Vec<String> = text.lines().map(String::from).collect();
        self.checker.saved.settle(slot, &lines);
    }
}

impl World {
    /// A unit has become active with what it held in its memory. One that need not have the last save brings its own
    /// startup configuration along, and the other one's is overwritten with it.
    pub(crate) fn carry_on_saved(&mut self, slot: RpSlot, startup: Option<&str>) {
        if self.checker.saved.is_covered(slot) {
            return;
        }
        let nvram = &self.rps[slot.index()].nvram;
        if nvram.failed || nvram.writing > 0 || nvram.text.as_deref() != startup {
            return self.checker.saved.lose_sight(slot);
        }
        let lines: Vec<String> = startup.unwrap_or_default().lines().map(String::from).collect();
        self.checker.saved.settle(slot, &lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(String::from).collect()
    }

    fn named(promises: &mut Promises, name: &str) {
        let value = Some(format!("hostname {name}"));
        promises.sent("hostname", value.clone());
        promises.acknowledged("hostname", value);
    }

    fn starts_with(saved: &Saved, slot: RpSlot, name: &str) -> Option<String> {
        saved
            .clone()
            .started(slot, &lines(&format!("hostname {name}")), |_| true)
    }

    #[test]
    fn what_was_acknowledged_as_saved_has_to_be_there() {
        let mut promises = Promises::default();
        let mut saved = Saved::new("hostname A");
        named(&mut promises, "B");
        saved.typed(Saving::Running, &promises);
        for name in ["A", "B"] {
            assert_eq!(starts_with(&saved, RpSlot::R0, name), None, "{name}, still open");
        }
        saved.acknowledged(RpSlot::R0, true);
        for slot in RpSlot::ALL {
            assert_eq!(starts_with(&saved, slot, "B"), None);
            assert!(starts_with(&saved, slot, "A").is_some());
            assert!(starts_with(&saved, slot, "C").is_some());
        }
        assert!(saved.started(RpSlot::R0, &[], |_| true).is_some());
    }

    #[test]
    fn a_unit_that_is_not_called_ready_need_not_have_it_until_it_is() {
        let mut promises = Promises::default();
        let mut saved = Saved::new("hostname A");
        named(&mut promises, "B");
        saved.typed(Saving::Running, &promises);
        saved.acknowledged(RpSlot::R0, false);
        assert_eq!(starts_with(&saved, RpSlot::R1, "A"), None);
        saved.ready(RpSlot::R1);
        assert!(starts_with(&saved, RpSlot::R1, "A").is_some());
    }

    #[test]
    fn a_file_may_hold_all_that_was_ever_written_into_one() {
        let mut promises = Promises::default();
        let mut saved = Saved::new("hostname A");
        named(&mut promises, "B");
        saved.typed(Saving::IntoFile, &promises);
        named(&mut promises, "C");
        saved.typed(Saving::FromFile, &promises);
        saved.acknowledged(RpSlot::R0, true);
        assert_eq!(starts_with(&saved, RpSlot::R0, "B"), None);
        assert!(starts_with(&saved, RpSlot::R0, "C").is_some());
    }
}
