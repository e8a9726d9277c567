use super::*;

const STEP_FAILED: &str = include_str!("../../fixtures/emr-step-status-change-failed.json");
const STARTING: &str = include_str!("../../fixtures/emr-cluster-state-change-starting.json");
const TERMINATED: &str = include_str!("../../fixtures/emr-cluster-state-change-terminated.json");
const SCALING: &str =
    include_str!("../../fixtures/emr-auto-scaling-policy-state-change-pending.json");
const GROUP: &str = include_str!("../../fixtures/emr-instance-group-state-change-running.json");
const RUNNABLE: &str = include_str!("../../fixtures/batch-job-state-change-runnable.json");

const KEY: &str = "weather--daily_report--20260301t051500z--clean--1-2";
const INSTANCE: &str = "weather--overnight-etl--20260301t050000z--1";
/// What they are called at their services.
const NAME: &str = "murmur--weather--daily_report--20260301t051500z--clean--1-2";
const INSTANCE_NAME: &str = "murmur--weather--overnight-etl--20260301t050000z--1";

fn read(body: &str) -> Result<Option<Message>, EnvelopeError> {
    super::read(body, &"murmur".parse().unwrap())
}

fn message(body: &str) -> Message {
    read(body).expect("it can be read").expect("it is ours")
}

#[test]
fn what_others_run_in_the_account_is_none_of_our_business() {
    for event in [STEP_FAILED, STARTING, TERMINATED, SCALING, GROUP, RUNNABLE] {
        assert_eq!(read(event).expect("it can be read"), None, "{event}");
    }
}

#[test]
fn what_another_deployment_runs_is_none_of_our_business() {
    for (event, name, key) in [
        (STEP_FAILED, "CustomJAR", KEY),
        (STARTING, "Development Cluster", INSTANCE),
        (RUNNABLE, "event-test", KEY),
    ] {
        for theirs in [key.to_owned(), format!("murmur2--{key}")] {
            let event = event.replace(name, &theirs);
            assert_eq!(read(&event).expect("it can be read"), None, "{theirs}");
        }
        let ours = event.replace(name, &format!("murmur--{key}"));
        assert!(read(&ours).expect("it can be read").is_some(), "{ours}");
    }
}

#[test]
fn a_steps_event_is_attributed_by_its_name() {
    let expected = WorkObservation {
        key: KEY.parse().unwrap(),
        place: Place::Instance("j-123456789ABCD".into()),
        submission: "s-ZYXWVUTSRQPON".into(),
        state: WorkState::Failed,
        reason: None,
        at: testkit::instant("2016-12-16T20:53:09Z"),
    };
    let event = STEP_FAILED.replace("CustomJAR", NAME);
    assert_eq!(message(&event), Message::Work(expected));
}

#[test]
fn a_clusters_event_is_attributed_by_its_name() {
    let cases = [
        (
            STARTING,
            ClusterState::Starting,
            None,
            "2016-12-16T20:43:05Z",
        ),
        (
            TERMINATED,
            ClusterState::Terminated,
            Some("USER_REQUEST: Terminated by user request"),
            "2016-12-16T21:00:23Z",
        ),
    ];
    for (event, state, reason, at) in cases {
        let expected = ClusterObservation {
            instance: INSTANCE.parse().unwrap(),
            id: "j-123456789ABCD".into(),
            state,
            endpoint: None,
            reason: reason.map(str::to_owned),
            at: testkit::instant(at),
        };
        let event = event.replace("Development Cluster", INSTANCE_NAME);
        assert_eq!(message(&event), Message::Cluster(expected));
    }
}

#[test]
fn a_jobs_event_is_attributed_by_its_name() {
    let event = RUNNABLE.replace("event-test", NAME);
    let Message::Work(seen) = message(&event) else {
        panic!("work is observed")
    };
    assert_eq!(
        seen.place,
        Place::Queue("PexjEHappyPathCanary2JobQueue".into())
    );
    assert_eq!(
        seen.submission,
        "4c7599ae-0a82-49aa-ba5a-4727fcce14a8".into()
    );
    assert_eq!((seen.state, seen.reason), (WorkState::Pending, None));
}

#[test]
fn a_failed_job_says_first_what_batch_says() {
    let mut event: Value = serde_json::from_str(&RUNNABLE.replace("event-test", NAME)).unwrap();
    let cases = [
        (
            Some("Host EC2 (instance i-1) terminated."),
            None,
            None,
            "Host EC2 (instance i-1) terminated.",
        ),
        (
            Some("Essential container in task exited"),
            Some("OutOfMemoryError: killed"),
            Some(137),
            "Essential container in task exited; OutOfMemoryError: killed; exit code 137",
        ),
        (None, None, Some(1), "exit code 1"),
    ];
    for (status, container, exit_code, expected) in cases {
        event["detail"]["status"] = "FAILED".into();
        event["detail"]["statusReason"] = status.into();
        event["detail"]["container"]["reason"] = container.into();
        event["detail"]["container"]["exitCode"] = exit_code.into();
        let Message::Work(seen) = message(&event.to_string()) else {
            panic!("work is observed")
        };
        assert_eq!(seen.state, WorkState::Failed);
        assert_eq!(seen.reason.as_deref(), Some(expected));
    }
}

#[test]
fn a_child_of_an_array_job_ends_nothing() {
    let event = RUNNABLE.replace("event-test", NAME);
    let event = event.replace(
        "\"jobId\": \"4c7599ae-0a82-49aa-ba5a-4727fcce14a8\"",
        "\"jobId\": \"4c7599ae-0a82-49aa-ba5a-4727fcce14a8:7\"",
    );
    assert_eq!(read(&event).unwrap(), None);
}

#[test]
fn states_aws_may_add_are_set_aside_not_guessed() {
    for (event, from) in [
        (STEP_FAILED.replace("CustomJAR", NAME), "\"FAILED\""),
        (
            STARTING.replace("Development Cluster", INSTANCE_NAME),
            "\"STARTING\"",
        ),
        (RUNNABLE.replace("event-test", NAME), "\"RUNNABLE\""),
    ] {
        let error = read(&event.replace(from, "\"HOVERING\"")).unwrap_err();
        assert!(
            matches!(error, EnvelopeError::UnknownState { .. }),
            "{error}"
        );
    }
}

#[test]
fn murmurs_own_messages_and_facts_are_read() {
    assert_eq!(message("\"sweep\""), Message::Sweep);
    let tick = r#"{"tick":{"schedule":"SCHEDULE","scheduled_time":"2026-03-01T05:00:00Z"}}"#;
    let schedule = serde_json::to_value(model::expected::ScheduleRef::Provision(
        "weather/etl".parse().unwrap(),
    ));
    let tick = tick.replace("\"SCHEDULE\"", &schedule.unwrap().to_string());
    assert!(matches!(message(&tick), Message::Tick(tick) if !tick.late));
}

#[test]
fn what_is_not_ours_to_understand_says_why() {
    let cases = [
        ("{", "it is no JSON"),
        ("{}", "it is not one of murmur's messages"),
        (
            "{\"tick\":{\"scheduled_time\":\"<aws.scheduler.scheduled-time>\"}}",
            "it is not one of murmur's messages",
        ),
        ("{\"specversion\":\"1.0\"}", "it is no fact"),
        (
            "{\"detail-type\":\"Order Placed\"}",
            "nobody expects the event `Order Placed`",
        ),
        (
            "{\"detail-type\":\"EMR Step Status Change\"}",
            "the event `EMR Step Status Change` is not as AWS documents it",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(read(body).unwrap_err().to_string(), expected, "{body}");
    }
}
