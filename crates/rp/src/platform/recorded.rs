//! [`PlatformInput`] in a recording: numbers, and the lines of a text.

use super::{HostMemory, PlatformInput, SlotPower};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use machine::ChassisSlot;
use redundancy::ProcessFound;

const POWER: u64 = 1;
const ANSWER: u64 = 2;
const BACKPLANE: u64 = 3;
const PEER_FOUND: u64 = 4;
const PEER_ENDED: u64 = 5;
const CRASH_FILES: u64 = 6;
const MEMORY: u64 = 7;
const PEER_REFUSED: u64 = 8;

/// The input as numbers and a text.
pub(crate) fn input_entry(input: &PlatformInput) -> (Vec<u64>, String) {
    let plain = |numbers: &[u64]| (numbers.to_vec(), String::new());
    let slot_number = |slot: &ChassisSlot| u64::from(slot.number());
    match input {
        PlatformInput::Power { slot, power } => plain(&[POWER, slot_number(slot), u64::from(power.number())]),
        PlatformInput::Answer { slot, result: Ok(()) } => plain(&[ANSWER, slot_number(slot), 1]),
        PlatformInput::Answer {
            slot,
            result: Err(why),
        } => (Vec::from([ANSWER, slot_number(slot), 0]), why.clone()),
        PlatformInput::Backplane(runs) => plain(&[BACKPLANE, u64::from(*runs)]),
        PlatformInput::PeerFound(found) => plain(&[PEER_FOUND, u64::from(found.number())]),
        PlatformInput::PeerEnded => plain(&[PEER_ENDED]),
        PlatformInput::PeerRefused(None) => plain(&[PEER_REFUSED, 0]),
        PlatformInput::PeerRefused(Some(why)) => (Vec::from([PEER_REFUSED, 1]), why.clone()),
        PlatformInput::Memory(memory) => plain(&[MEMORY, memory.resident_bytes, memory.available_bytes]),
        PlatformInput::CrashFiles { session, lines } => {
            (Vec::from([CRASH_FILES, *session]), lines.join("\n"))
        }
    }
}

/// Reverse of [`input_entry`]; `None` for what it never makes.
pub(crate) fn input_of(numbers: &[u64], text: &str) -> Option<PlatformInput> {
    let slot_of = |number: u64| ChassisSlot::from_number(u8::try_from(number).ok()?);
    Some(match numbers {
        [POWER, slot, power] => PlatformInput::Power {
            slot: slot_of(*slot)?,
            power: SlotPower::from_number(u32::try_from(*power).ok()?)?,
        },
        [ANSWER, slot, done] => PlatformInput::Answer {
            slot: slot_of(*slot)?,
            result: if *done == 1 { Ok(()) } else { Err(text.to_string()) },
        },
        [BACKPLANE, runs] => PlatformInput::Backplane(*runs != 0),
        [PEER_FOUND, found] => {
            PlatformInput::PeerFound(ProcessFound::from_number(u32::try_from(*found).ok()?)?)
        }
        [PEER_ENDED] => PlatformInput::PeerEnded,
        [PEER_REFUSED, refused] => PlatformInput::PeerRefused((*refused == 1).then(|| text.to_string())),
        [MEMORY, resident_bytes, available_bytes] => PlatformInput::Memory(HostMemory {
            resident_bytes: *resident_bytes,
            available_bytes: *available_bytes,
        }),
        [CRASH_FILES, session] => PlatformInput::CrashFiles {
            session: *session,
            lines: text.lines().map(String::from).collect(),
        },
        _ => return None,
    })
}
