//! How the world is to messages: kind, or as bad as the rules allow.

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Each once, in the order they were sent.
    Straight,
    /// Whatever is there at once in reverse order and twice; at the end everything once more.
    TwiceReversed,
    /// Every step of every handler is the last before a crash, with and without taking effect.
    Crashing,
}

impl Mode {
    pub const ALL: [Self; 3] = [Self::Straight, Self::TwiceReversed, Self::Crashing];

    /// Names the mode in the names of tests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Straight => "as_told",
            Self::TwiceReversed => "twice_reversed",
            Self::Crashing => "crashing",
        }
    }

    /// Ends a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Straight => "everything goes well",
            Self::TwiceReversed => "every message comes twice and in reverse order",
            Self::Crashing => "every step is the last before a crash",
        }
    }
}
