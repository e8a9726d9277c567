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
        // Decided without an attempt, so no word of the service ended it.
        (Succeeded, None, seen(2, "z", W::Succeeded), "stale"),
        // A claim that was given up, submitted by who slept through its lease.
        (TaskState::Waiting, None, seen(2, "z", W::Running), "stray"),
        (
            TaskState::Waiting,
            None,
            seen(2, "z", W::Cancelled),
            "stray",
        ),
        (TaskState::Retrying, None, seen(2, "z", W::Running), "stray"),
        (
            TaskState::Waiting,
            None,
            seen(2, "z", W::Succeeded),
            "ended Succeeded",
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
fn a_claim_without_an_id_puts_off_what_may_be_of_another_submitter() {
    use WorkState as W;
    let at = |seconds| Seconds(seconds).after(Timestamp::UNIX_EPOCH);
    let mut claimed = task(TaskState::Claimed, None);
    claimed.claim = Some(Claim {
        lease_until: LEASE.after(at(1000)),
        place: Place::Queue("light".into()),
        instance: None,
        limits: Vec::new(),
        seeks: Vec::new(),
    });
    let stopping = Task {
        stopping: Some(Stopping::TimedOut),
        ..claimed.clone()
    };
    let known = Task {
        submission: Some("a".into()),
        ..claimed.clone()
    };
    let table = [
        (&claimed, seen(2, "a", W::Running), 1001, Some(2)),
        (&claimed, seen(2, "a", W::Pending), 1060, Some(30)),
        (&claimed, seen(2, "a", W::Cancelled), 1060, Some(30)),
        (&claimed, seen(2, "a", W::Cancelled), 2000, Some(30)),
        (&claimed, seen(2, "a", W::Succeeded), 1001, None),
        (&claimed, seen(2, "a", W::Failed), 1001, None),
        (&claimed, seen(1, "a", W::Running), 1001, None),
        (&stopping, seen(2, "a", W::Cancelled), 1060, None),
        (&known, seen(2, "a", W::Running), 1001, None),
    ];
    for (task, seen, now, expected) in table {
        let delay = early(task, &seen, at(now)).map(|delay| delay.0);
        assert_eq!(delay, expected, "{:?} at {now}", seen.state);
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
fn work_that_succeeds_before_it_is_stopped_has_succeeded() {
    let mut task = task(TaskState::Running, Some("a"));
    task.stopping = Some(Stopping::Cancelled { by: "ann".into() });
    let late = seen(2, "a", WorkState::Succeeded);
    assert_eq!(
        decide(&task, &late, FailureClass::Application),
        "ended Succeeded"
    );
}

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
