//! The life of an attempt: what the compute service's word makes of a task (rules 6, 9, 10, 11).

use model::Timestamp;
use model::definition::Retries;
use model::observation::{WorkObservation, WorkState};
use model::task::{FailureClass, Outcome, Stopping, Task, TaskState};
use model::units::Seconds;

use crate::retry::{self, Next};

/// What an observation makes of a task.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Says nothing new: counted, and nothing changes.
    Stale,
    /// This task was ended by this very observation before: publish again what that caused.
    Repeat,
    /// It ended the attempt before the present one, which still waits to be sent: send it again.
    RepeatRetry,
    /// It may have ended an attempt that others have followed since: history says whether.
    Past,
    /// Not the submission that is the attempt; cancel it if it is live, change no state.
    Stray,
    /// The attempt goes on, in its next state.
    Progress(Task),
    /// The attempt has ended and another follows; `past` is kept for history.
    Retry {
        past: Box<Task>,
        next: Box<Task>,
        delay: Seconds,
    },
    /// The task has ended.
    Ended(Task),
}

/// Decides about one observation. `class` is how a failure is classed, for which the caller asked
/// the service about the place.
pub fn observe(
    task: &Task,
    seen: &WorkObservation,
    class: FailureClass,
    retries: &Retries,
) -> Step {
    let newest = (task.generation, task.attempt);
    let told = (seen.key.generation, seen.key.attempt);
    if told > newest {
        // The claim is written before the call, so nothing of ours can be newer than the item.
        return Step::Stray;
    }
    if told < newest {
        return older(task, seen);
    }
    match &task.submission {
        Some(committed) if *committed != seen.submission => return Step::Stray,
        // It overtook our own write: the name says whose it is, and it is the first id.
        Some(_) | None => {}
    }
    if matches!(task.state, TaskState::Waiting | TaskState::Retrying) {
        // Its claim was given up with nothing submitted: who comes now slept through its lease.
        return Step::Stray;
    }
    if task.state.outcome().is_some() {
        let repeats = seen.state.is_terminal() && task.submission.is_some();
        return if repeats { Step::Repeat } else { Step::Stale };
    }
    match seen.state {
        WorkState::Pending => progress(task, seen, TaskState::Submitted),
        WorkState::Running => progress(task, seen, TaskState::Running),
        WorkState::Succeeded => Step::Ended(ended(task, seen, Outcome::Succeeded, None)),
        WorkState::Failed | WorkState::Cancelled | WorkState::Interrupted => {
            failed(task, seen, class, retries)
        }
    }
}

/// The task as it was when this observation made it a running one; `None` if another did.
pub fn as_running(task: &Task, seen: &WorkObservation) -> Option<Task> {
    let began = seen.state == WorkState::Running && task.started_at == Some(seen.at);
    let own = task.attempt_key() == seen.key && task.submission.as_ref() == Some(&seen.submission);
    (began && own).then(|| Task {
        state: TaskState::Running,
        ended_at: None,
        failure: None,
        ..task.clone()
    })
}

/// Decides about an attempt that is not the newest.
fn older(task: &Task, seen: &WorkObservation) -> Step {
    if !seen.state.is_terminal() {
        // Alive, and nobody waits for it.
        return Step::Stray;
    }
    let follows = task.generation == seen.key.generation && task.attempt == seen.key.attempt + 1;
    if follows && task.state == TaskState::Retrying {
        Step::RepeatRetry
    } else {
        Step::Past
    }
}

fn progress(task: &Task, seen: &WorkObservation, state: TaskState) -> Step {
    let adopts = task.submission.is_none();
    if state.rank() <= task.state.rank() && !adopts {
        return Step::Stale;
    }
    let mut next = adopted(task, seen);
    if state.rank() > next.state.rank() {
        next.state = state;
    }
    if state == TaskState::Running && next.started_at.is_none() {
        next.started_at = Some(seen.at);
    }
    Step::Progress(next)
}

/// The task with the observed id as its submission.
fn adopted(task: &Task, seen: &WorkObservation) -> Task {
    let mut next = task.clone();
    if next.submission.is_none() {
        next.submission = Some(seen.submission.clone());
        next.submitted_at = Some(seen.at);
        next.state = TaskState::Submitted;
    }
    next
}

fn ended(
    task: &Task,
    seen: &WorkObservation,
    outcome: Outcome,
    failure: Option<FailureClass>,
) -> Task {
    let mut next = adopted(task, seen);
    next.state = outcome.state();
    next.failure = failure;
    next.ended_at = Some(seen.at);
    next.due_at = None;
    if outcome != Outcome::Succeeded {
        next.reason = seen.reason.clone();
    }
    next
}

fn failed(task: &Task, seen: &WorkObservation, class: FailureClass, retries: &Retries) -> Step {
    match (&task.stopping, seen.state) {
        (Some(Stopping::Cancelled { by }), _) => {
            let mut next = ended(task, seen, Outcome::Cancelled, None);
            next.reason = Some(format!("cancelled by {by}"));
            Step::Ended(next)
        }
        (Some(Stopping::Superseded { generation }), _) => {
            let mut next = ended(task, seen, Outcome::Cancelled, None);
            next.reason = Some(format!("superseded by generation {generation}"));
            Step::Ended(next)
        }
        (Some(Stopping::TimedOut), _) => {
            let mut seen = seen.clone();
            seen.reason = Some("timed out".to_owned());
            failed_attempt(task, &seen, FailureClass::Application, retries)
        }
        (None, _) => failed_attempt(task, seen, class, retries),
    }
}

fn failed_attempt(
    task: &Task,
    seen: &WorkObservation,
    class: FailureClass,
    retries: &Retries,
) -> Step {
    let mut past = ended(task, seen, Outcome::Failed, Some(class));
    past.failures = retry::counted(task.failures, class);
    match retry::after(retries, past.failures, class, &seen.key) {
        Next::Final => Step::Ended(past),
        Next::Again(delay) => {
            let next = following(&past, seen.at, delay);
            Step::Retry {
                past: Box::new(past),
                next: Box::new(next),
                delay,
            }
        }
    }
}

/// The task while it waits for the attempt after this one, which ended then.
pub fn following(past: &Task, ended_at: Timestamp, delay: Seconds) -> Task {
    Task {
        state: TaskState::Retrying,
        attempt: past.attempt + 1,
        claim: None,
        submission: None,
        cluster: None,
        submitted_at: None,
        started_at: None,
        stopping: None,
        ready_at: delay.after(ended_at),
        // The failed attempt's end, for the fact `task.retrying`.
        ended_at: Some(ended_at),
        ..past.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::task::{Claim, Failures, Place};

    fn task(state: TaskState, submission: Option<&str>) -> Task {
        let at = model::Timestamp::UNIX_EPOCH;
        let place = Place::Queue("light".into());
        Task {
            run: "team--flow--slot".into(),
            task: "clean".parse().unwrap(),
            team: "team".parse().unwrap(),
            workflow: "flow".parse().unwrap(),
            state,
            generation: 1,
            attempt: 2,
            failures: Failures::default(),
            epoch: 1,
            claim: Some(Claim {
                lease_until: at,
                place,
                instance: None,
                limits: vec![],
                seeks: Vec::new(),
            }),
            submission: submission.map(Into::into),
            cluster: None,
            reason: None,
            ready_at: at,
            submitted_at: None,
            started_at: None,
            ended_at: None,
            failure: None,
            stopping: None,
            due_at: None,
        }
    }

    fn seen(attempt: u32, id: &str, state: WorkState) -> WorkObservation {
        WorkObservation {
            key: format!("team--flow--slot--clean--1-{attempt}")
                .parse()
                .unwrap(),
            place: Place::Queue("light".into()),
            submission: id.into(),
            state,
            reason: Some("exit code 1".into()),
            at: model::Timestamp::UNIX_EPOCH,
        }
    }

    fn word(step: &Step) -> String {
        match step {
            Step::Stale => "stale".into(),
            Step::Repeat => "repeat".into(),
            Step::RepeatRetry => "repeat retry".into(),
            Step::Past => "past".into(),
            Step::Stray => "stray".into(),
            Step::Progress(task) => format!("progress {:?}", task.state),
            Step::Retry { next, .. } => format!("retry {}", next.attempt),
            Step::Ended(task) => format!("ended {:?}", task.state),
        }
    }

    fn decide(task: &Task, seen: &WorkObservation, class: FailureClass) -> String {
        let retries = Retries {
            attempts: 1,
            ..Retries::default()
        };
        word(&observe(task, seen, class, &retries))
    }

    #[test]
    fn states_move_forward_whatever_the_order_of_events() {
        use TaskState::{Claimed, Failed, Running, Submitted, Succeeded};
        use WorkState as W;
        let table = [
            (
                Claimed,
                None,
                seen(2, "a", W::Pending),
                "progress Submitted",
            ),
            (Claimed, None, seen(2, "a", W::Running), "progress Running"),
            (Claimed, None, seen(2, "a", W::Succeeded), "ended Succeeded"),
            (Submitted, Some("a"), seen(2, "a", W::Pending), "stale"),
            (
                Submitted,
                Some("a"),
                seen(2, "a", W::Running),
                "progress Running",
            ),
            (Running, Some("a"), seen(2, "a", W::Pending), "stale"),
            (Running, Some("a"), seen(2, "a", W::Running), "stale"),
            (
                Running,
                Some("a"),
                seen(2, "a", W::Succeeded),
                "ended Succeeded",
            ),
            (Running, Some("a"), seen(2, "a", W::Failed), "retry 3"),
            (Running, Some("a"), seen(2, "a", W::Cancelled), "retry 3"),
            (Running, Some("a"), seen(2, "a", W::Interrupted), "retry 3"),
            (Succeeded, Some("a"), seen(2, "a", W::Running), "stale"),
            (Succeeded, Some("a"), seen(2, "a", W::Succeeded), "repeat"),
            (Failed, Some("a"), seen(2, "a", W::Failed), "repeat"),
            // A second submission with the same key is a stray, whatever it says.
            (Running, Some("a"), seen(2, "b", W::Succeeded), "stray"),
            (Succeeded, Some("a"), seen(2, "b", W::Running), "stray"),
            // A claim that was given up, submitted by who slept through its lease.
            (TaskState::Waiting, None, seen(2, "z", W::Running), "stray"),
            (
                TaskState::Waiting,
                None,
                seen(2, "z", W::Cancelled),
                "stray",
            ),
            // Of older attempts, what has ended is history; what lives is a stray.
            (Running, Some("a"), seen(1, "z", W::Failed), "past"),
            (Running, Some("a"), seen(1, "z", W::Running), "stray"),
            (Running, Some("a"), seen(3, "z", W::Running), "stray"),
            // The failure that led to the present attempt, which was perhaps never sent.
            (
                TaskState::Retrying,
                None,
                seen(1, "z", W::Failed),
                "repeat retry",
            ),
        ];
        for (state, id, seen, expected) in table {
            let decided = decide(&task(state, id), &seen, FailureClass::Application);
            assert_eq!(decided, expected, "{state:?} {:?}", seen.state);
        }
    }

    #[test]
    fn only_what_made_an_attempt_run_tells_again_that_it_does() {
        let mut task = task(TaskState::Succeeded, Some("a"));
        task.started_at = Some(model::Timestamp::UNIX_EPOCH);
        task.ended_at = task.started_at;
        let state = |seen| as_running(&task, &seen).map(|task| (task.state, task.ended_at));
        let running = Some((TaskState::Running, None));
        assert_eq!(state(seen(2, "a", WorkState::Running)), running);
        assert_eq!(state(seen(2, "a", WorkState::Succeeded)), None);
        assert_eq!(state(seen(2, "b", WorkState::Running)), None);
        assert_eq!(state(seen(1, "a", WorkState::Running)), None);
        let mut late = seen(2, "a", WorkState::Running);
        late.at = model::Timestamp::MAX;
        assert_eq!(state(late), None);
    }

    #[test]
    fn a_stopped_attempt_ends_as_it_was_meant_to() {
        let cases = [
            (Stopping::Cancelled { by: "ann".into() }, "ended Cancelled"),
            (Stopping::Superseded { generation: 2 }, "ended Cancelled"),
            (Stopping::TimedOut, "retry 3"),
        ];
        for (stopping, expected) in cases {
            let mut task = task(TaskState::Running, Some("a"));
            task.stopping = Some(stopping.clone());
            let seen = seen(2, "a", WorkState::Cancelled);
            assert_eq!(
                decide(&task, &seen, FailureClass::Application),
                expected,
                "{stopping:?}"
            );
        }
        let mut task = task(TaskState::Running, Some("a"));
        task.stopping = Some(Stopping::Cancelled { by: "ann".into() });
        let late = seen(2, "a", WorkState::Succeeded);
        assert_eq!(
            decide(&task, &late, FailureClass::Application),
            "ended Succeeded"
        );
    }

    #[test]
    fn a_spent_budget_ends_the_task_and_the_other_class_has_its_own() {
        let mut task = task(TaskState::Running, Some("a"));
        task.failures.application = 1;
        let failed = seen(2, "a", WorkState::Failed);
        assert_eq!(
            decide(&task, &failed, FailureClass::Application),
            "ended Failed"
        );
        assert_eq!(
            decide(&task, &failed, FailureClass::Infrastructure),
            "retry 3"
        );
        assert_eq!(
            decide(&task, &failed, FailureClass::Refused),
            "ended Failed"
        );
    }

    #[test]
    fn the_next_attempt_begins_clean_and_history_keeps_the_last() {
        let task = task(TaskState::Running, Some("a"));
        let retries = Retries {
            attempts: 1,
            ..Retries::default()
        };
        let failed = seen(2, "a", WorkState::Failed);
        let Step::Retry { past, next, .. } =
            observe(&task, &failed, FailureClass::Application, &retries)
        else {
            panic!("one retry is left")
        };
        assert_eq!(
            (past.state, past.submission.is_some()),
            (TaskState::Failed, true)
        );
        assert_eq!(
            (next.claim, next.submission, next.stopping),
            (None, None, None)
        );
        assert_eq!(next.failures.application, 1);
    }
}
