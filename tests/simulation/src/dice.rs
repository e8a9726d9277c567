//! Randomness from one seed.

use std::cell::Cell;

/// A small generator (SplitMix64): the same seed draws the same numbers everywhere.
#[derive(Debug, Clone)]
pub struct Dice(Cell<u64>);

/// One million, by which rates are counted.
pub const MILLION: u64 = 1_000_000;

impl Dice {
    /// Begins at a seed.
    pub fn of(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// Begins one of many streams of a seed, each of its own: what one draws leaves the others
    /// alone.
    pub fn stream(seed: u64, stream: u64) -> Self {
        let own = Self::of(seed ^ stream.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        own.next();
        own
    }

    /// Draws any number.
    pub fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.0.set(state);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Draws a number below `bound`, which is not 0.
    pub fn below(&self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Draws whether something with this chance in a hundred happens.
    pub fn percent(&self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// Draws whether something with this chance in a million happens.
    pub fn per_million(&self, chance: u32) -> bool {
        self.below(MILLION) < u64::from(chance)
    }

    /// Draws a position of a list, which is not empty.
    pub fn pick(&self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("below the length of a list")
    }
}
