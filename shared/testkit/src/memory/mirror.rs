//! A mirror in memory.

use std::collections::BTreeSet;
use std::sync::Mutex;

use model::fact::Fact;
use ports::mirror::{Mirror, MirrorError};

use super::lock;

/// The most bytes it takes of one fact.
const MOST: usize = 256 * 1024;

/// Keeps what it was shown.
#[derive(Debug, Default)]
pub struct MemoryMirror {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    shown: Vec<Fact>,
    refused: BTreeSet<usize>,
}

impl MemoryMirror {
    /// Takes none of these of each call, counted from 1.
    pub fn refuse(&self, numbers: &[usize]) {
        lock(&self.state).refused = numbers.iter().copied().collect();
    }

    /// What was shown, in order.
    pub fn shown(&self) -> Vec<Fact> {
        lock(&self.state).shown.clone()
    }
}

impl Mirror for MemoryMirror {
    async fn show(&self, facts: &[Fact]) -> Vec<Result<(), MirrorError>> {
        let mut state = lock(&self.state);
        let mut answers = Vec::with_capacity(facts.len());
        for (number, fact) in (1..).zip(facts) {
            let bytes = serde_json::to_string(fact).expect("plain data").len();
            answers.push(if bytes > MOST {
                Err(MirrorError::TooLarge { bytes, most: MOST })
            } else if state.refused.contains(&number) {
                Err(MirrorError::Unavailable {
                    reason: "it was made to fail".into(),
                })
            } else {
                state.shown.push(fact.clone());
                Ok(())
            });
        }
        answers
    }
}
