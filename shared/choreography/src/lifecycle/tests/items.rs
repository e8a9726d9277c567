//! What an observation makes of a task's item, field by field.

use super::*;

/// Like [`task`], with something in every field an observation may touch.
fn worn(state: TaskState, submission: Option<&str>) -> Task {
    let at = |seconds| Some(Seconds(seconds).after(Timestamp::UNIX_EPOCH));
    Task {
        cluster: Some("team/etl".parse().unwrap()),
        reason: Some("the only ready instance".into()),
        submitted_at: submission.and(at(10)),
        started_at: (state == TaskState::Running).then_some(at(20)).flatten(),
        due_at: at(900),
        ..task(state, submission)
    }
}

fn seen_at(second: u64, state: WorkState) -> WorkObservation {
    WorkObservation {
        at: Seconds(second).after(Timestamp::UNIX_EPOCH),
        ..seen(2, "a", state)
    }
}

#[test]
fn an_observation_changes_what_it_says_and_nothing_else() {
    use TaskState::{Claimed, Failed, Running, Submitted, Succeeded};
    use WorkState as W;
    let at = |seconds| Some(Seconds(seconds).after(Timestamp::UNIX_EPOCH));
    let adopted = Task {
        submission: Some("a".into()),
        submitted_at: at(30),
        ..worn(Claimed, None)
    };
    let submitted = Task {
        state: Submitted,
        ..adopted.clone()
    };
    let begun = Task {
        state: Running,
        started_at: at(30),
        ..adopted.clone()
    };
    let succeeded = Task {
        state: Succeeded,
        ended_at: at(30),
        due_at: None,
        ..adopted
    };
    let runs = Task {
        state: Running,
        started_at: at(30),
        ..worn(Submitted, Some("a"))
    };
    let done = Task {
        state: Succeeded,
        ended_at: at(30),
        due_at: None,
        ..worn(Running, Some("a"))
    };
    let failed = Task {
        state: Failed,
        ended_at: at(30),
        due_at: None,
        failure: Some(FailureClass::Refused),
        reason: Some("exit code 1".into()),
        ..worn(Running, Some("a"))
    };
    let table = [
        (worn(Claimed, None), W::Pending, Step::Progress(submitted)),
        (worn(Claimed, None), W::Running, Step::Progress(begun)),
        (worn(Claimed, None), W::Succeeded, Step::Ended(succeeded)),
        (worn(Submitted, Some("a")), W::Running, Step::Progress(runs)),
        (worn(Running, Some("a")), W::Succeeded, Step::Ended(done)),
        (worn(Running, Some("a")), W::Failed, Step::Ended(failed)),
    ];
    for (task, word, expected) in table {
        let seen = seen_at(30, word);
        let step = observe(&task, &seen, FailureClass::Refused, &Retries::default());
        assert_eq!(step, expected, "{:?} {word:?}", task.state);
    }
}

#[test]
fn a_stopped_attempt_ends_as_it_was_meant_to_and_says_why() {
    let (application, cancelled) = (Some(FailureClass::Application), TaskState::Cancelled);
    let cases = [
        (
            Stopping::Cancelled { by: "ann".into() },
            (cancelled, "cancelled by ann", None),
        ),
        (
            Stopping::Superseded { generation: 2 },
            (cancelled, "superseded by generation 2", None),
        ),
        (
            Stopping::TimedOut,
            (TaskState::Failed, "timed out", application),
        ),
    ];
    for (stopping, expected) in cases {
        let mut task = worn(TaskState::Running, Some("a"));
        task.stopping = Some(stopping);
        // Nobody would retry what the service interrupted.
        let seen = seen_at(30, WorkState::Cancelled);
        let retries = Retries {
            attempts: 0,
            ..Retries::default()
        };
        let step = observe(&task, &seen, FailureClass::Infrastructure, &retries);
        let Step::Ended(ended) = step else {
            panic!("no retry is left: {step:?}")
        };
        let reason = ended.reason.as_deref().unwrap_or_default();
        assert_eq!((ended.state, reason, ended.failure), expected);
        assert_eq!((ended.ended_at, ended.due_at), (Some(seen.at), None));
    }
}

#[test]
fn the_next_attempt_begins_clean_and_history_keeps_the_last() {
    let mut task = worn(TaskState::Running, Some("a"));
    task.stopping = Some(Stopping::TimedOut);
    let retries = Retries {
        attempts: 1,
        backoff: Seconds(600),
        ..Retries::default()
    };
    let failed = seen_at(30, WorkState::Failed);
    let step = observe(&task, &failed, FailureClass::Application, &retries);
    let Step::Retry { past, next, delay } = step else {
        panic!("one retry is left: {step:?}")
    };
    let failures = Failures {
        application: 1,
        infrastructure: 0,
    };
    let kept = Task {
        state: TaskState::Failed,
        ended_at: Some(failed.at),
        failure: Some(FailureClass::Application),
        failures,
        reason: Some("timed out".into()),
        due_at: None,
        ..task
    };
    assert_eq!(*past, kept);
    assert!(delay > Seconds(0), "it draws a delay by its key");
    let clean = Task {
        state: TaskState::Retrying,
        attempt: 3,
        claim: None,
        submission: None,
        cluster: None,
        submitted_at: None,
        started_at: None,
        stopping: None,
        ready_at: delay.after(failed.at),
        ..kept
    };
    assert_eq!(*next, clean);
}
