//! Whether a run has met its deadline (rule 18).

use model::Timestamp;
use model::run::{Run, RunState};

/// What a look at a deadline that has passed finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    Met,
    Missed,
    /// The slot was skipped on purpose, and nobody waits for it.
    Excused,
}

/// Judges a deadline that has passed. A run that succeeded later than it, but before anyone looked,
/// has missed it; one that runs again has met it only if it succeeds again in time.
pub fn judge(run: Option<&Run>, deadline_at: Timestamp) -> Judgement {
    let Some(run) = run else {
        return Judgement::Missed;
    };
    match run.state {
        RunState::Succeeded => {
            let in_time = run.ended_at.is_some_and(|ended_at| ended_at <= deadline_at);
            if in_time {
                Judgement::Met
            } else {
                Judgement::Missed
            }
        }
        RunState::Skipped => Judgement::Excused,
        RunState::Waiting | RunState::Running | RunState::Failed | RunState::Cancelled => {
            Judgement::Missed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::run::Cause;

    #[test]
    fn only_a_run_that_succeeded_in_time_has_met_its_deadline() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let run = |state, ended_at: Option<i64>| Run {
            run: "team--flow--slot".into(),
            team: "team".parse().unwrap(),
            workflow: "flow".parse().unwrap(),
            slot: "slot".into(),
            logical_date: at(0),
            state,
            generation: 1,
            definition: "hash".into(),
            definition_since: 1,
            cause: Cause::Schedule { late: false },
            params: [].into(),
            depth: 0,
            limits: Vec::new(),
            paused: false,
            created_at: at(0),
            started_at: None,
            ended_at: ended_at.map(at),
            reason: None,
            check_at: None,
            slow: None,
        };
        use Judgement::{Excused, Met, Missed};
        let table = [
            (None, Missed),
            (Some(run(RunState::Succeeded, Some(100))), Met),
            (Some(run(RunState::Succeeded, Some(101))), Missed),
            (Some(run(RunState::Skipped, Some(1))), Excused),
            (Some(run(RunState::Failed, Some(1))), Missed),
            (Some(run(RunState::Cancelled, Some(1))), Missed),
            (Some(run(RunState::Running, None)), Missed),
            (Some(run(RunState::Waiting, None)), Missed),
        ];
        for (run, expected) in table {
            assert_eq!(judge(run.as_ref(), at(100)), expected, "{run:?}");
        }
    }
}
