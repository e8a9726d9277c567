//! A run: one execution of a workflow, for one slot.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{DefinitionHash, OperationId, RunId, Slot};
use crate::key::Key;
use crate::limit::SizedLimit;
use crate::name::{Name, TaskName, TeamName, WorkflowRef};
use crate::record::{Listing, Record};
use crate::units::Seconds;

/// The run's own item; written at start, at end, by operations and by reconcile, never by task
/// progress, so a wide run has no hot item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub run: RunId,
    pub team: TeamName,
    pub workflow: Name,
    pub slot: Slot,
    /// The slot's instant, whose local date templates see.
    pub logical_date: Timestamp,
    pub state: RunState,
    pub generation: u32,
    pub definition: DefinitionHash,
    /// The generation since which `definition` holds; older generations had another plan.
    pub definition_since: u32,
    pub cause: Cause,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, serde_json::Value>,
    /// How many runs started by runs lie above this one; beyond 32 they are refused (rule 8).
    #[serde(default)]
    pub depth: u32,
    /// Every limit of which the run holds a place while it is active.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<SizedLimit>,
    /// While true no further task is submitted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it waits, was skipped, failed or was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When reconcile looks at it; absent once the run has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_at: Option<Timestamp>,
    /// When it takes far longer than others did; known once reconcile has looked at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<Slow>,
}

/// When a run is far slower than its workflow's latest runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slow {
    /// From then on it is.
    pub at: Timestamp,
    /// How long the longest of them took, in seconds.
    pub longest: Seconds,
    /// Whether that was told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub told: bool,
}

impl Run {
    /// The address of the run's workflow.
    pub fn workflow_ref(&self) -> WorkflowRef {
        WorkflowRef::new(self.team.clone(), self.workflow.clone())
    }
}

/// Where a run is. Within a generation it only moves forward; a rerun opens the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Recorded, held back by a limit.
    Waiting,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    /// Recorded and never to run: paused, missed, or refused by a limit.
    Skipped,
}

impl RunState {
    /// Whether nothing more happens in this generation.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Waiting | Self::Running => false,
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Skipped => true,
        }
    }
}

/// What made a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Cause {
    /// A tick of its schedule; `late` when reconcile found it missing.
    Schedule {
        #[serde(default)]
        late: bool,
    },
    /// Upstream runs that all succeeded, each with its generation.
    Upstream { runs: BTreeMap<RunId, u32> },
    /// An event from outside, kept for templates.
    Event { event: serde_json::Value },
    /// A person or an API.
    Manual { operation: OperationId, by: String },
    /// A backfill over a range of dates.
    Backfill { operation: OperationId, by: String },
}

/// A rerun: which tasks run again. Generation 1 has no such item, its scope is every task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    pub run: RunId,
    pub generation: u32,
    /// Counted from 0; a wide scope is kept in several items, each far below 400 KB.
    #[serde(default)]
    pub part: u32,
    pub definition: DefinitionHash,
    /// Tasks that run (again) in this generation; all others keep their outcome.
    pub scope: BTreeSet<TaskName>,
    /// Outcomes set by hand in this generation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub marked: BTreeMap<TaskName, crate::task::Outcome>,
    pub operation: OperationId,
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub at: Timestamp,
}

/// The most tasks one item of a generation names.
const PART_TASKS: usize = 2_000;

impl Generation {
    /// Cuts a generation into the items it is stored as; outcomes set by hand are in the first.
    pub fn parts(&self) -> Vec<Self> {
        let names: Vec<&TaskName> = self.scope.iter().collect();
        let pieces = names
            .chunks(PART_TASKS)
            .map(|piece| piece.iter().copied().cloned().collect());
        let parts = (0..).zip(pieces).map(|(part, scope)| {
            let marked = if part == 0 {
                self.marked.clone()
            } else {
                BTreeMap::new()
            };
            Self {
                part,
                scope,
                marked,
                ..self.clone()
            }
        });
        let parts: Vec<Self> = parts.collect();
        if parts.is_empty() {
            vec![self.clone()]
        } else {
            parts
        }
    }

    /// Puts parts together again, one generation each, oldest first.
    pub fn joined(parts: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut whole: BTreeMap<u32, Self> = BTreeMap::new();
        for mut part in parts {
            match whole.get_mut(&part.generation) {
                Some(known) => {
                    known.scope.append(&mut part.scope);
                    known.marked.append(&mut part.marked);
                }
                None => {
                    part.part = 0;
                    whole.insert(part.generation, part);
                }
            }
        }
        whole.into_values().collect()
    }
}

impl Record for Run {
    const KIND: &'static str = "run";
    fn key(&self) -> Key {
        Key::Run(self.run.clone())
    }
    fn due(&self) -> Option<Timestamp> {
        self.check_at
    }
    fn listing(&self) -> Option<Listing> {
        Some(Listing {
            workflow: self.workflow_ref(),
            logical_date: self.logical_date,
            failed_at: self.ended_at.filter(|_| self.state == RunState::Failed),
        })
    }
}

impl Record for Generation {
    const KIND: &'static str = "generation";
    fn key(&self) -> Key {
        Key::Generation(self.run.clone(), self.generation, self.part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_generation_is_stored_in_parts_and_read_back_whole() {
        for count in [0_usize, 1, PART_TASKS, PART_TASKS + 1, 10_000] {
            let generation = Generation {
                run: "team--flow--slot".into(),
                generation: 2,
                part: 0,
                definition: "hash".into(),
                scope: (0..count)
                    .map(|at| format!("t{at}").parse().unwrap())
                    .collect(),
                marked: BTreeMap::from([("t0".parse().unwrap(), crate::task::Outcome::Skipped)]),
                operation: "o".into(),
                by: "ann".into(),
                why: None,
                at: Timestamp::UNIX_EPOCH,
            };
            let parts = generation.parts();
            assert_eq!(parts.len(), count.div_ceil(PART_TASKS).max(1));
            assert_eq!(Generation::joined(parts.into_iter().rev()), [generation]);
        }
    }
}
