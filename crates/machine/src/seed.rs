//! Randomness as a value.

/// A seeded source of pseudo-random numbers (SplitMix64): tiny, fast, and equal seeds give equal streams.
///
/// Not for secrets. In production the driver seeds it from (slot, boot, entropy); in the simulator from the run's seed.
#[derive(Clone, Debug)]
pub struct Seed(u64);

impl Seed {
    /// A stream that starts from `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`.
    ///
    /// # Panics
    /// When `bound` is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "a random number below zero does not exist");
        // The multiply-shift bias is below 2^-32 for the small bounds used here.
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// True in `numerator` of `denominator` cases.
    ///
    /// # Panics
    /// When `denominator` is zero.
    pub fn chance(&mut self, numerator: u64, denominator: u64) -> bool {
        self.below(denominator) < numerator
    }

    /// An independent stream for a part, so that one part's draws do not shift another's.
    pub fn fork(&mut self) -> Seed {
        Seed(self.next_u64())
    }
}
