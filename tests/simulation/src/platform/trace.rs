//! What happened, in order: as a hash always, as lines when somebody will read them.

use std::cell::{Cell, RefCell};

use model::Timestamp;

/// The record of a world.
pub struct Trace {
    is_kept: bool,
    lines: RefCell<Vec<String>>,
    hash: Cell<u64>,
}

impl Trace {
    /// Begins; lines are kept only if somebody will read them.
    pub fn new(is_kept: bool) -> Self {
        let lines = RefCell::default();
        let hash = Cell::new(0xcbf2_9ce4_8422_2325);
        Self {
            is_kept,
            lines,
            hash,
        }
    }

    /// Adds a line.
    pub fn note(&self, now: Timestamp, line: impl FnOnce() -> String) {
        if self.is_kept {
            let line = format!("{} {}", now.strftime("%d %H:%M:%S"), line());
            self.lines.borrow_mut().push(line);
        }
    }

    /// Adds a number to the hash.
    pub fn mix(&self, word: u64) {
        let mixed = (self.hash.get() ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.hash.set(mixed ^ (mixed >> 29));
    }

    /// Adds text to the hash.
    pub fn mix_text(&self, text: &str) {
        self.mix(hash_of(text));
    }

    /// The hash of everything so far.
    pub fn hash(&self) -> u64 {
        self.hash.get()
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }
}

/// A fast hash of a text, the same on every machine.
pub fn hash_of(text: &str) -> u64 {
    let mut hash = text.len() as u64;
    let mut mix = |word: u64| {
        let mixed = (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        hash = mixed ^ (mixed >> 32);
    };
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    words.iter().for_each(|word| mix(u64::from_le_bytes(*word)));
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        mix(u64::from_le_bytes(word));
    }
    hash
}
