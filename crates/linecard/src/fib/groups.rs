//! Interned next-hop groups: a million prefixes share a few hundred ways to treat a packet.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use chassis::rows::FibEntry;
use packet::Family;

/// The distinct FIB entries in use, each under a number that stays while anybody refers to it.
#[derive(Clone, Debug)]
pub struct Groups<F: Family> {
    numbers: BTreeMap<FibEntry<F>, u32>,
    slots: Vec<Slot<F>>,
    free: Vec<u32>,
    capacity: u32,
}

#[derive(Clone, Debug)]
struct Slot<F: Family> {
    /// `None` while the number is free.
    entry: Option<FibEntry<F>>,
    references: u32,
}

impl<F: Family> Groups<F> {
    /// No groups; at most `capacity` at a time.
    pub fn new(capacity: u32) -> Self {
        Self {
            numbers: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            capacity,
        }
    }

    /// The number of `entry`, with one reference more; `None` when all numbers are taken.
    pub fn acquire(&mut self, entry: FibEntry<F>) -> Option<u32> {
        if let Some(number) = self.numbers.get(&entry) {
            self.slots[*number as usize].references += 1;
            return Some(*number);
        }
        let slot = Slot {
            entry: Some(entry.clone()),
            references: 1,
        };
        let number = match self.free.pop() {
            Some(number) => {
                self.slots[number as usize] = slot;
                number
            }
            None if (self.slots.len() as u64) < u64::from(self.capacity) => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
            None => return None,
        };
        self.numbers.insert(entry, number);
        Some(number)
    }

    /// Gives one reference back.
    pub fn release(&mut self, number: u32) {
        let slot = &mut self.slots[number as usize];
        slot.references -= 1;
        if slot.references == 0
            && let Some(entry) = slot.entry.take()
        {
            self.numbers.remove(&entry);
            self.free.push(number);
        }
    }

    /// The entry with this number.
    #[inline]
    pub fn get(&self, number: u32) -> Option<&FibEntry<F>> {
        self.slots.get(number as usize)?.entry.as_ref()
    }

    /// Distinct entries in use.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether nothing is in use.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }
}
