//! Whether the holder of a place has provably ended (rule 15).

use model::Timestamp;
use model::attempt::AttemptKey;
use model::run::RunState;
use model::task::{Task, TaskState};

/// What is known of a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding {
    /// It may need its place.
    Alive,
    /// It was claimed, and its submitter was not heard of again: submit-task finds out. Nobody else
    /// looks at it once its run has ended.
    Unheard,
    /// It has ended, or was never submitted.
    Over,
}

/// Judges an attempt by its task's item; the claim is written before any place is taken, so an
/// attempt without an item never was.
pub fn of_attempt(key: &AttemptKey, task: Option<&Task>, now: Timestamp) -> Holding {
    let Some(task) = task else {
        return Holding::Over;
    };
    let newest = (task.generation, task.attempt);
    let held = (key.generation, key.attempt);
    // One that waits has given its places back; it takes others once it is claimed.
    let over = newest > held || (newest == held && !task.state.is_open());
    let lease = task.claim.as_ref().map(|claim| claim.lease_until);
    if over {
        Holding::Over
    } else if task.state == TaskState::Claimed && lease.is_some_and(|until| until < now) {
        Holding::Unheard
    } else {
        Holding::Alive
    }
}

/// Judges a run. One that waits may be about to start with the places it has.
pub fn of_run(state: Option<RunState>) -> Holding {
    if state.is_none_or(RunState::is_terminal) {
        Holding::Over
    } else {
        Holding::Alive
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::task::{Claim, Failures, Place};

    #[test]
    fn only_a_holder_that_has_provably_ended_loses_its_place() {
        let task = |state, generation, attempt| Task {
            run: "team--flow--slot".into(),
            task: "clean".parse().unwrap(),
            team: "team".parse().unwrap(),
            workflow: "flow".parse().unwrap(),
            state,
            generation,
            attempt,
            failures: Failures::default(),
            epoch: 1,
            claim: None,
            submission: None,
            cluster: None,
            reason: None,
            ready_at: model::Timestamp::UNIX_EPOCH,
            submitted_at: None,
            started_at: None,
            ended_at: None,
            failure: None,
            stopping: None,
            due_at: None,
        };
        let claimed = |lease_until| Task {
            claim: Some(Claim {
                since: Timestamp::UNIX_EPOCH,
                lease_until,
                place: Place::Queue("light".into()),
                instance: None,
                limits: Vec::new(),
                seeks: Vec::new(),
            }),
            ..task(TaskState::Claimed, 2, 3)
        };
        let now = Timestamp::from_second(1000).unwrap();
        use Holding::{Alive, Over, Unheard};
        use TaskState::{Cancelled, Retrying, Running, Submitted, Succeeded, Waiting};
        let table = [
            (None, Over),
            (Some(claimed(now)), Alive),
            (Some(claimed(Timestamp::from_second(999).unwrap())), Unheard),
            (Some(task(Submitted, 2, 3)), Alive),
            (Some(task(Running, 2, 3)), Alive),
            (Some(task(Waiting, 2, 3)), Over),
            (Some(task(Succeeded, 2, 3)), Over),
            (Some(task(Cancelled, 2, 3)), Over),
            (Some(task(Retrying, 2, 4)), Over),
            (Some(task(Running, 3, 1)), Over),
            (Some(task(Succeeded, 1, 9)), Alive),
        ];
        let key: AttemptKey = "team--flow--slot--clean--2-3".parse().unwrap();
        for (task, expected) in table {
            assert_eq!(of_attempt(&key, task.as_ref(), now), expected, "{task:?}");
        }
        let runs = [
            (None, Over),
            (Some(RunState::Waiting), Alive),
            (Some(RunState::Running), Alive),
            (Some(RunState::Failed), Over),
            (Some(RunState::Skipped), Over),
        ];
        for (state, expected) in runs {
            assert_eq!(of_run(state), expected, "{state:?}");
        }
    }
}
