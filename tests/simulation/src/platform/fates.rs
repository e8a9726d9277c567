//! How work ends: drawn from its key, so that the reference knows it without having seen it.

use model::Timestamp;
use model::attempt::AttemptKey;
use model::observation::WorkState;
use model::task::Place;
use model::units::Seconds;

use super::faults::{Fault, Faults};
use super::services::Fate;
use super::trace::hash_of;
use crate::dice::{Dice, MILLION};

/// How the work of a world ends.
pub struct Fates {
    seed: u64,
    refused: u32,
}

impl Fates {
    /// Fates of a seed, with the share of tasks whose submissions are refused, in a million.
    pub fn of(seed: u64, refused: u32) -> Self {
        Self { seed, refused }
    }

    /// Whether every attempt of a task fails in its generation.
    pub fn is_doomed(&self, key: &AttemptKey) -> bool {
        self.draw_of(key, 'd') % 100 < 15
    }

    /// Whether the service refuses every submission of a task in its generation.
    pub fn is_refused(&self, key: &AttemptKey) -> bool {
        self.refused > 0 && self.draw_of(key, 'x') % MILLION < u64::from(self.refused)
    }

    /// Whether an attempt's work fails: some tasks of a generation always do, of those that are
    /// tried again some at first.
    fn fails(&self, key: &AttemptKey, is_retried: bool) -> bool {
        let at_first = is_retried && key.attempt == 1 && self.draw_of(key, 'r') % 100 < 25;
        at_first || self.is_doomed(key)
    }

    /// A number that follows from a task in its generation.
    fn draw_of(&self, key: &AttemptKey, about: char) -> u64 {
        let of_run = hash_of(key.run.as_str()) ^ hash_of(key.task.as_str()).rotate_left(17);
        let of_pass = (u64::from(key.generation) << 32) | u64::from(u32::from(about));
        Dice::stream(self.seed ^ of_run, of_pass).next()
    }

    /// Draws what becomes of a submission.
    pub fn draw(
        &self,
        (key, is_retried): (&AttemptKey, bool),
        place: &Place,
        now: Timestamp,
        lengths: &Dice,
        faults: &Faults,
    ) -> Fate {
        let runs_at = Seconds(lengths.below(60)).after(now);
        let is_long = lengths.percent(5);
        let lasts = lengths.below(if is_long { 4000 } else { 600 });
        let ends_as = if faults.strikes(Fault::Interrupted) {
            (WorkState::Interrupted, Some("interrupted"))
        } else if faults.strikes(Fault::SpotLost) {
            match place {
                Place::Queue(_) => (
                    WorkState::Failed,
                    Some("Host EC2 (instance i-0) terminated."),
                ),
                Place::Instance(_) => (WorkState::Interrupted, Some("its node was reclaimed")),
            }
        } else if !self.fails(key, is_retried) {
            (WorkState::Succeeded, None)
        } else if faults.strikes(Fault::CancelledOutside) {
            (WorkState::Cancelled, Some("cancelled in the console"))
        } else {
            (WorkState::Failed, Some("exit code 1"))
        };
        Fate {
            runs_at,
            ends_at: Seconds(lasts).after(runs_at),
            ends_as,
        }
    }
}
