//! What can be made to go wrong, deterministically: by counting, never by chance.

use std::collections::VecDeque;

use model::units::Seconds;
use serde::{Deserialize, Serialize};

/// What goes wrong with calls and events.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Answers to the next submitting calls, in order; later calls are answered truly. Steps of
    /// one call share an answer, jobs have one each, clusters have one each.
    pub submit_answers: VecDeque<SubmitAnswer>,
    /// No event of any service arrives; asking still tells the truth.
    pub drop_events: bool,
    /// Every event arrives twice.
    pub duplicate_events: bool,
    /// Every event arrives this much later than it happened.
    pub delay_events: Seconds,
}

/// How a submitting call is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubmitAnswer {
    True,
    Throttled,
    /// A time-out, though the service did it.
    UnknownButDone,
    /// A time-out, and the service did nothing.
    UnknownAndNotDone,
}

/// What goes wrong with the instances of one cluster, counted from the first ever requested.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterFaults {
    /// This many of the first instances fail to start.
    pub failed_starts: u32,
    /// This many of the instances after those die while they are up…
    pub deaths: u32,
    /// …so long after they came up.
    pub dies_after: Seconds,
}

/// What will become of an instance without anybody's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    Lives,
    FailsToStart,
    /// Dies so long after it came up.
    Dies(Seconds),
}

impl ClusterFaults {
    /// The fate of the next instance, when so many were requested before it.
    pub fn fate(&self, earlier: u32) -> Fate {
        if earlier < self.failed_starts {
            Fate::FailsToStart
        } else if earlier - self.failed_starts < self.deaths {
            Fate::Dies(self.dies_after)
        } else {
            Fate::Lives
        }
    }
}

impl Faults {
    /// Takes the next answer.
    pub fn next_answer(&mut self) -> SubmitAnswer {
        self.submit_answers
            .pop_front()
            .unwrap_or(SubmitAnswer::True)
    }
}
