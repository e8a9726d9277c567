//! Faults on demand: ends the world before or after any step with an effect, so that a test can
//! make every line the last before a crash.
//!
//! A step is a change to the world: a commit, an arrival, one published fact, one sent message, a
//! call that submits, cancels, requests or terminates. Reads are no steps.

use std::sync::{Mutex, PoisonError};

/// Counts steps and fails from a chosen one on, until healed.
#[derive(Debug, Default)]
pub struct Faults {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    steps: u64,
    crash: Option<Crash>,
    down: bool,
}

#[derive(Debug, Clone, Copy)]
struct Crash {
    step: u64,
    takes_effect: bool,
}

/// How a step goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It takes effect and is answered.
    Done,
    /// It takes effect, but nobody hears of it.
    Unanswered,
    /// It does not take effect.
    Lost,
}

impl Faults {
    /// Makes step `step`, counted from 1, fail without effect, and everything after it.
    pub fn crash_before(&self, step: u64) {
        self.plan(step, false);
    }

    /// Makes step `step`, counted from 1, take effect without an answer, and everything after it
    /// fail.
    pub fn crash_after(&self, step: u64) {
        self.plan(step, true);
    }

    /// Ends the trouble and counts from 1 again.
    pub fn heal(&self) {
        *self.lock() = State::default();
    }

    /// How many steps were tried since the last [`Faults::heal`].
    pub fn steps(&self) -> u64 {
        self.lock().steps
    }

    /// Whether the world has ended.
    pub fn is_down(&self) -> bool {
        self.lock().down
    }

    /// Takes the next step.
    pub fn step(&self) -> Step {
        let mut state = self.lock();
        if state.down {
            return Step::Lost;
        }
        state.steps += 1;
        match state.crash {
            Some(crash) if crash.step == state.steps => {
                state.down = true;
                if crash.takes_effect {
                    Step::Unanswered
                } else {
                    Step::Lost
                }
            }
            Some(_) | None => Step::Done,
        }
    }

    fn plan(&self, step: u64, takes_effect: bool) {
        let crash = Some(Crash { step, takes_effect });
        *self.lock() = State {
            crash,
            ..State::default()
        };
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_fails_from_the_chosen_step_until_healed() {
        let faults = Faults::default();
        faults.crash_after(2);
        let steps = [faults.step(), faults.step(), faults.step()];
        assert_eq!(steps, [Step::Done, Step::Unanswered, Step::Lost]);
        faults.crash_before(1);
        assert_eq!(faults.step(), Step::Lost);
        assert!(faults.is_down());
        faults.heal();
        assert_eq!((faults.step(), faults.steps()), (Step::Done, 1));
    }
}
