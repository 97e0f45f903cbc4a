//! Punts from the moment they are for the route processor until it has consumed them.
//!
//! ```text
//!             hand over                       PuntsConsumed
//!   waiting ─────────────▶ handed over ─────────────────────▶ gone
//!      ▲                     │     │                           ▲
//!      │                     │     └────▶ kept by the RP ──────┘
//!      │                     │  PuntKept       │   PuntReleased
//!      └─ RP lost, new claim ┴─────────────────┘     oldest first, in the order in which they came
//! ```
//!
//! A punt that was written to an RP's socket is not yet safe: the RP may die before it reads it, or before its
//! standby knows what followed from it. So the card keeps a copy until the RP says that the punt is consumed. What is
//! not consumed when the link goes, or when another claim is accepted, waits again, before everything that came
//! later, and is handed to the next epoch behind the truth. Gleaned packets too: they are packets in transit.
//!
//! A packet whose next hop the RP has to ask for is kept by the RP until there is an answer, longer than what came
//! after it. The RP says so (`PuntKept`) before the count that would cover it, and says when it has let go of it
//! (`PuntReleased`), so that the card's copy of a packet in transit outlives an RP that dies with it in a queue.
//!
//! **Once or twice?** A punt is handled at least once, not exactly once. The RP says "consumed" at the end of the
//! turn, behind the answers and in the same write, but only when the standby has that turn's rows. So a packet is
//! answered twice in one case: its answer was of the kind that leaves at once (an echo reply), and the RP died in the
//! some ten microseconds until the standby acknowledged a frame that was open or on its way then. In all other cases
//! either answer and "consumed" have left together, or neither has; and what a card did not read of an old epoch at the
//! claim of the next it drops whole, answers and "consumed" alike. (A write of more than a card reads at once, 256 KiB,
//! can be cut between the two.) That is what IP promises and no less: datagrams may arrive duplicated (RFC 1122
//! section 1.1.3), TCP discards what it has had, and what learns from a punt (ARP) is idempotent. "Consumed" before the
//! answer would lose packets instead.
//!
//! **Bounds** in packets and bytes hold for everything together. Beyond them the oldest go, because the newest are
//! what somebody still waits for: copies of punts that an RP has already (*forgotten*: they are lost only if that RP
//! dies before it comes to them), those that it keeps first, then those that wait (*lost*).

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use chassis::message::PuntReason;
use machine::PortId;

/// Buffers of punts that are gone which are kept for the next ones.
const SPARE_BUFFERS_MAX: usize = 256;
/// A buffer that has grown beyond this for a jumbo frame is not kept.
const SPARE_BUFFER_BYTES_MAX: usize = 2048;

/// A packet that is for the route processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BufferedPunt {
    /// The port that it came in by.
    pub port: PortId,
    /// Why it is for the RP.
    pub reason: PuntReason,
    /// The Ethernet frame.
    pub frame: Vec<u8>,
    /// Its number on the present link, from 1; 0 while it waits.
    number: u64,
}

/// An RP speaks of more punts than it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overcounted {
    /// What it says.
    pub count: u64,
    /// What it was given since its claim.
    pub given: u64,
}

impl fmt::Display for Overcounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "punt {} reported as consumed, kept or released where {} were given",
            self.count, self.given
        )
    }
}

impl core::error::Error for Overcounted {}

/// Punts that no RP has consumed, bounded in packets and in bytes. See the module's documentation.
#[derive(Clone, Debug)]
pub struct PuntBuffer {
    /// Oldest first; those that were handed over are before those that wait.
    punts: VecDeque<BufferedPunt>,
    handed_over: usize,
    /// Those that the RP keeps, in the order of their numbers.
    kept: VecDeque<BufferedPunt>,
    /// Punts given to the RP since its claim.
    given: u64,
    gleans: usize,
    bytes: usize,
    packets_max: usize,
    bytes_max: usize,
    lost: u64,
    forgotten: u64,
    spare: Vec<Vec<u8>>,
}

impl PuntBuffer {
    /// A buffer for at most `packets_max` packets of together at most `bytes_max` bytes.
    pub fn new(packets_max: usize, bytes_max: usize) -> Self {
        Self {
            punts: VecDeque::new(),
            handed_over: 0,
            kept: VecDeque::new(),
            given: 0,
            gleans: 0,
            bytes: 0,
            packets_max,
            bytes_max,
            lost: 0,
            forgotten: 0,
            spare: Vec::new(),
        }
    }

    /// Keeps a copy of a packet that waits for an RP.
    pub fn push(&mut self, port: PortId, reason: PuntReason, frame: &[u8]) {
        if !self.keep(port, reason, frame, 0) {
            self.lost += 1;
        }
    }

    /// Keeps a copy of a packet that an RP was given just now. Nothing may be waiting: it would be overtaken.
    pub fn push_handed_over(&mut self, port: PortId, reason: PuntReason, frame: &[u8]) {
        debug_assert_eq!(self.waiting(), 0, "punts keep their order");
        self.given += 1;
        if self.keep(port, reason, frame, self.given) {
            self.handed_over += 1;
        } else {
            self.forgotten += 1;
        }
    }

    /// The oldest packet that waits.
    pub fn first_waiting(&self) -> Option<&BufferedPunt> {
        self.punts.get(self.handed_over)
    }

    /// An RP was given the oldest packet that waits.
    pub fn first_was_handed_over(&mut self) {
        if let Some(punt) = self.punts.get_mut(self.handed_over) {
            self.given += 1;
            punt.number = self.given;
            self.handed_over += 1;
        }
    }

    /// The RP has consumed the first `count` punts since its claim.
    ///
    /// # Errors
    /// When it was not given so many; nothing has changed then.
    pub fn consumed(&mut self, count: u64) -> Result<(), Overcounted> {
        self.check_given(count)?;
        while self.handed_over > 0 && self.punts.front().is_some_and(|punt| punt.number <= count) {
            self.drop_oldest();
            self.handed_over -= 1;
        }
        Ok(())
    }

    /// The RP keeps the packet of the punt that it was given as the `number`th since its claim.
    ///
    /// # Errors
    /// When it was not given so many; nothing has changed then.
    pub fn kept(&mut self, number: u64) -> Result<(), Overcounted> {
        self.check_given(number)?;
        // Those that wait have the number 0 and come last.
        let index = self
            .punts
            .partition_point(|punt| punt.number != 0 && punt.number < number);
        // A copy that had to go is not there.
        let is_there = self.punts.get(index).is_some_and(|punt| punt.number == number);
        if is_there && let Some(punt) = self.punts.remove(index) {
            self.handed_over -= 1;
            let place = self.kept.partition_point(|kept| kept.number < number);
            self.kept.insert(place, punt);
        }
        Ok(())
    }

    /// The RP has let go of the packet that it kept as the `number`th.
    ///
    /// # Errors
    /// When it was not given so many; nothing has changed then.
    pub fn released(&mut self, number: u64) -> Result<(), Overcounted> {
        self.check_given(number)?;
        if let Ok(index) = self.kept.binary_search_by_key(&number, |kept| kept.number)
            && let Some(punt) = self.kept.remove(index)
        {
            self.dispose(punt);
        }
        Ok(())
    }

    /// The RP is gone or another has claimed: what is not consumed waits again, and counting starts anew.
    pub fn take_back(&mut self) {
        if !self.kept.is_empty() {
            let mut given: Vec<_> = self.punts.drain(..self.handed_over).collect();
            given.extend(self.kept.drain(..));
            given.sort_unstable_by_key(|punt| punt.number);
            self.handed_over = given.len();
            for punt in given.into_iter().rev() {
                self.punts.push_front(punt);
            }
        }
        for punt in self.punts.iter_mut().take(self.handed_over) {
            punt.number = 0;
        }
        self.handed_over = 0;
        self.given = 0;
    }

    /// Packets held: waiting, handed over, or kept by the RP.
    pub fn len(&self) -> usize {
        self.punts.len() + self.kept.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.punts.is_empty() && self.kept.is_empty()
    }

    /// Packets held that wait for an RP.
    pub fn waiting(&self) -> usize {
        self.punts.len() - self.handed_over
    }

    /// Packets held that an RP was given and has not consumed.
    pub fn unconsumed(&self) -> usize {
        self.handed_over + self.kept.len()
    }

    /// Packets held that wait, or that an RP has, because their next hop is unknown.
    pub fn gleans(&self) -> usize {
        self.gleans
    }

    /// Packets since the card started that had to go before any RP was given them.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Packets since the card started whose copy had to go, or found no room, before the RP that was given them had
    /// consumed them.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn keep(&mut self, port: PortId, reason: PuntReason, frame: &[u8], number: u64) -> bool {
        if frame.len() > self.bytes_max || self.packets_max == 0 {
            return false;
        }
        while self.len() >= self.packets_max || self.bytes + frame.len() > self.bytes_max {
            if let Some(punt) = self.kept.pop_front() {
                self.dispose(punt);
                self.forgotten += 1;
                continue;
            }
            self.drop_oldest();
            if self.handed_over > 0 {
                self.handed_over -= 1;
                self.forgotten += 1;
            } else {
                self.lost += 1;
            }
        }
        self.bytes += frame.len();
        self.gleans += usize::from(reason == PuntReason::Glean);
        let mut copy = self.spare.pop().unwrap_or_default();
        copy.extend_from_slice(frame);
        self.punts.push_back(BufferedPunt {
            port,
            reason,
            frame: copy,
            number,
        });
        true
    }

    fn drop_oldest(&mut self) {
        if let Some(punt) = self.punts.pop_front() {
            self.dispose(punt);
        }
    }

    fn check_given(&self, count: u64) -> Result<(), Overcounted> {
        match count > self.given {
            true => Err(Overcounted {
                count,
                given: self.given,
            }),
            false => Ok(()),
        }
    }

    fn dispose(&mut self, punt: BufferedPunt) {
        self.bytes -= punt.frame.len();
        self.gleans -= usize::from(punt.reason == PuntReason::Glean);
        let mut buffer = punt.frame;
        if self.spare.len() < SPARE_BUFFERS_MAX && buffer.capacity() <= SPARE_BUFFER_BYTES_MAX {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}
