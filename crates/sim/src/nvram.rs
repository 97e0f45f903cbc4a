//! What an RP saves: all of it or nothing, late, or not at all.

use crate::event::Event;
use crate::options::Plant;
use crate::rp_node::{Fate, Process};
use crate::world::World;
use machine::{Duration, Instant, RpSlot};
use redundancy::PeerLoss;
use rp::RpInput;

/// An RP's own storage. It survives the process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nvram {
    pub(crate) text: Option<String>,
    /// The configuration register for the next boot.
    pub(crate) register: u16,
    pub(crate) full: bool,
    pub(crate) torn: bool,
    /// Whether any write ever failed.
    pub(crate) failed: bool,
    pub(crate) writing: u32,
    /// When the last write will have come to its end: they are made one after the other.
    pub(crate) busy_until: Instant,
}

impl World {
    pub(crate) fn write_nvram(&mut self, slot: RpSlot, process: &Process, number: u64, text: String) -> Fate {
        let active = process.rp.active().is_some();
        if active && !self.is_master(slot) {
            return Fate::Dies(PeerLoss::Reloaded);
        }
        let soon = self.soon(2_000_000);
        let nvram = &mut self.rps[slot.index()].nvram;
        nvram.writing += 1;
        nvram.busy_until = soon.max(nvram.busy_until + Duration::from_nanos(1));
        let at = nvram.busy_until;
        let life = process.life;
        self.queue.add(
            at,
            Event::NvramDone {
                slot,
                life,
                number,
                text,
                active,
            },
        );
        Fate::Lives
    }

    /// Writing ends: all of the text or nothing of it is there. A process that died meanwhile may have come either far.
    pub(crate) fn nvram_done(&mut self, slot: RpSlot, life: u64, number: u64, text: String, active: bool) {
        let killed_before_the_end = self.rps[slot.index()]
            .process
            .as_ref()
            .is_none_or(|process| process.life != life);
        let reached = !killed_before_the_end || self.draws.chance(1, 2);
        let node = &mut self.rps[slot.index()];
        node.nvram.writing = node.nvram.writing.saturating_sub(1);
        let failed = node.nvram.full || node.nvram.torn;
        let result = if node.nvram.full {
            Err(String::from("No space left on device"))
        } else if core::mem::take(&mut node.nvram.torn) {
            Err(String::from("Input/output error"))
        } else {
            Ok(())
        };
        node.nvram.failed |= failed;
        let hidden = failed && self.options.plant == Some(Plant::DiskHidesErrors);
        let result = if hidden { Ok(()) } else { result };
        let forgotten = match self.options.plant {
            Some(Plant::NvramForgets) => !active,
            Some(Plant::DiskCacheLost) => true,
            _ => false,
        };
        if reached && !failed && !forgotten {
            node.nvram.text = Some(text);
        }
        self.trace
            .note(self.now, node.name, 6, || format!("NVRAM: {result:?}"));
        if !killed_before_the_end {
            self.urgent(slot, RpInput::NvramWritten { number, result });
        }
    }
}
