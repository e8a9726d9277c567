use super::*;
use model::task::{Claim, Failures, Place};

mod items;

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
            since: Timestamp::UNIX_EPOCH,
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
        since: Timestamp::UNIX_EPOCH,
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
        (&claimed, seen(2, "a", W::Running), 1009, Some(2)),
        (&claimed, seen(2, "a", W::Running), 1010, Some(30)),
        (&claimed, seen(2, "a", W::Pending), 1060, Some(30)),
        (&claimed, seen(2, "a", W::Cancelled), 1060, Some(30)),
        (&claimed, seen(2, "a", W::Cancelled), 2000, Some(30)),
        (&claimed, seen(2, "a", W::Succeeded), 1001, None),
        (&claimed, seen(2, "a", W::Failed), 1001, Some(2)),
        (&claimed, seen(2, "a", W::Interrupted), 1060, Some(30)),
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
    let mut ended = task(TaskState::Failed, Some("a"));
    ended.started_at = Some(Timestamp::UNIX_EPOCH);
    ended.ended_at = Some(Timestamp::MAX);
    ended.failure = Some(FailureClass::Application);
    let running = Task {
        state: TaskState::Running,
        ended_at: None,
        failure: None,
        ..ended.clone()
    };
    let late = WorkObservation {
        at: Timestamp::MAX,
        ..seen(2, "a", WorkState::Running)
    };
    let table = [
        (seen(2, "a", WorkState::Running), Some(running)),
        (seen(2, "a", WorkState::Succeeded), None),
        (seen(2, "b", WorkState::Running), None),
        (seen(1, "a", WorkState::Running), None),
        (late, None),
    ];
    for (seen, expected) in table {
        assert_eq!(as_running(&ended, &seen), expected, "{seen:?}");
    }
}

#[test]
fn only_the_failure_right_before_a_retry_sends_it_again() {
    let retrying = |generation, attempt| Task {
        generation,
        attempt,
        ..task(TaskState::Retrying, None)
    };
    let failed = seen(1, "z", WorkState::Failed);
    // the generation and attempt that wait; generation 1, attempt 1 has failed
    let table = [
        (1, 2, "repeat retry"),
        (1, 3, "past"),
        (2, 2, "past"),
        (2, 1, "past"),
    ];
    for (generation, attempt, expected) in table {
        let task = retrying(generation, attempt);
        let decided = decide(&task, &failed, FailureClass::Application);
        assert_eq!(decided, expected, "{generation}-{attempt}");
    }
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
