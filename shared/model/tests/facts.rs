//! The public events: one sample file for each type, under `facts/`, which is also its fixture.
//!
//! `MURMUR_WRITE_SAMPLES=1 cargo test -p model --test facts` writes them anew. A changed sample is a
//! changed public event: add a version instead.

#![allow(clippy::unwrap_used)] // a test may

use std::collections::BTreeSet;
use std::path::PathBuf;

use model::Timestamp;
use model::cluster::Endpoint;
use model::fact::{
    ClusterFact, ClusterHistory, DeadlineFact, Fact, FactBody, LettersFact, OperationFact,
    RiskFact, RunFact, RunHistory, SlowFact, TaskFact, TaskHistory, TaskReady, TickFact,
};
use model::id::{RunId, Slot};
use model::message::Function;
use model::name::WorkflowRef;
use model::operation::{OperationKind, OperationRequest};
use model::run::RunState;
use model::task::{FailureClass, Outcome};
use model::units::Seconds;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn workflow() -> WorkflowRef {
    "weather/daily_report".parse().unwrap()
}

fn slot() -> Slot {
    Slot::from("2026-03-02T08:15:00Z")
}

fn run_id() -> RunId {
    RunId::of(&workflow(), &slot())
}

fn letters() -> LettersFact {
    LettersFact {
        inbox: Function::SubmitTask,
        since: at("2026-03-02T08:20:00Z"),
        letters: 2,
        reason: Some("it is no JSON".to_owned()),
    }
}

fn run(state: RunState, reason: Option<&str>) -> RunFact {
    RunFact {
        run: run_id(),
        slot: slot(),
        logical_date: at("2026-03-02T08:15:00Z"),
        generation: 1,
        state,
        depth: 0,
        reason: reason.map(str::to_owned),
        history: state.is_terminal().then(|| RunHistory {
            created_at: at("2026-03-02T08:15:00.500Z"),
            started_at: (state != RunState::Skipped).then(|| at("2026-03-02T08:15:01Z")),
        }),
    }
}

fn task(outcome: Option<Outcome>, failure: Option<FailureClass>, reason: Option<&str>) -> TaskFact {
    TaskFact {
        run: run_id(),
        task: "aggregate-2012".parse().unwrap(),
        generation: 1,
        attempt: 1,
        outcome,
        failure,
        reason: reason.map(str::to_owned),
        submission: Some("s-1AB2CD3EF4GH5".into()),
        history: (outcome.is_some() || failure.is_some()).then(|| {
            Box::new(TaskHistory {
                ready_at: at("2026-03-02T08:15:01Z"),
                submitted_at: Some(at("2026-03-02T08:15:01.500Z")),
                started_at: Some(at("2026-03-02T08:15:02Z")),
                instance: cluster(None).instance.into(),
                queue: None,
            })
        }),
    }
}

fn cluster(reason: Option<&str>) -> ClusterFact {
    ClusterFact {
        cluster: "weather/overnight-etl".parse().unwrap(),
        instance: "weather--overnight-etl--20260302t080000z--1"
            .parse()
            .unwrap(),
        id: Some("j-1AB2CD3EF4GH5".into()),
        endpoint: None,
        reason: reason.map(str::to_owned),
        history: None,
    }
}

fn ended(reason: &str) -> ClusterFact {
    ClusterFact {
        history: Some(Box::new(ClusterHistory {
            requested_at: at("2026-03-02T08:00:00Z"),
            ready_at: Some(at("2026-03-02T08:06:30Z")),
            tags: [("purpose".to_owned(), "etl".to_owned())].into(),
        })),
        ..cluster(Some(reason))
    }
}

fn operation() -> OperationRequest {
    OperationRequest {
        operation: "rerun-20260302-1a2b3c4d".into(),
        by: "ada".to_owned(),
        why: Some("the source is complete now".to_owned()),
        at: at("2026-03-02T15:00:00Z"),
        what: OperationKind::Cancel {
            run: run_id(),
            task: None,
        },
    }
}

/// One of each type.
fn bodies() -> Vec<FactBody> {
    let ready = TaskReady {
        run: run_id(),
        task: "aggregate-2012".parse().unwrap(),
        generation: 1,
        attempt: 1,
        since: at("2026-03-02T08:15:01Z"),
        released_by: None,
    };
    let mut up = cluster(None);
    up.endpoint = Some(Endpoint {
        name: Some("overnight-etl.weather.clusters.example.com".to_owned()),
        master_dns: "ip-10-0-0-1.ec2.internal".to_owned(),
        private_ip: Some("10.0.0.1".to_owned()),
        ports: [("spark".to_owned(), 18080)].into(),
    });
    let failed = Some(FailureClass::Application);
    vec![
        FactBody::RunWaiting(run(
            RunState::Waiting,
            Some("waits for one of the 1 places of workflow-runs/weather/daily_report"),
        )),
        FactBody::RunStarted(run(RunState::Running, None)),
        FactBody::RunSucceeded(run(RunState::Succeeded, None)),
        FactBody::RunFailed(run(RunState::Failed, Some("a task failed"))),
        FactBody::RunCancelled(run(RunState::Cancelled, Some("cancelled by ada"))),
        FactBody::RunSkipped(run(
            RunState::Skipped,
            Some("the workflow is paused by ada"),
        )),
        FactBody::TaskReady(ready),
        FactBody::TaskStarted(task(None, None, None)),
        FactBody::TaskRetrying(task(None, failed, Some("exit code 1"))),
        FactBody::TaskSucceeded(task(Some(Outcome::Succeeded), None, None)),
        FactBody::TaskFailed(task(Some(Outcome::Failed), failed, Some("exit code 1"))),
        FactBody::TaskSkipped(task(
            Some(Outcome::Blocked),
            None,
            Some("an upstream failed"),
        )),
        FactBody::TaskCancelled(task(
            Some(Outcome::Cancelled),
            None,
            Some("cancelled by ada"),
        )),
        FactBody::ClusterRequested(cluster(None)),
        FactBody::ClusterReady(up),
        FactBody::ClusterDraining(cluster(None)),
        FactBody::ClusterTerminated(ended("USER_REQUEST: Terminated by user request")),
        FactBody::ClusterFailed(ended("BOOTSTRAP_FAILURE: On the master instance")),
        FactBody::DeadlineMissed(DeadlineFact {
            workflow: workflow(),
            run: run_id(),
            slot: slot(),
            deadline_at: at("2026-03-02T14:00:00Z"),
            state: Some(RunState::Running),
        }),
        FactBody::DeadlineAtRisk(RiskFact {
            workflow: workflow(),
            run: run_id(),
            slot: slot(),
            generation: 1,
            deadline_at: at("2026-03-02T14:00:00Z"),
            likely_at: at("2026-03-02T14:20:00Z"),
            critical_path: ["clean", "aggregate-2012"]
                .map(|task| task.parse().unwrap())
                .into(),
        }),
        FactBody::RunSlow(SlowFact {
            workflow: workflow(),
            run: run_id(),
            slot: slot(),
            generation: 1,
            longest: Seconds::minutes(50),
        }),
        FactBody::ClusterIdle(cluster(Some("no work since 2026-03-02T07:10:00Z"))),
        FactBody::ClusterLeaked(cluster(Some(
            "it should have ended after its drain at 2026-03-02T07:30:00Z",
        ))),
        FactBody::TickMissed(TickFact {
            schedule: "workflow/weather/daily_report".parse().unwrap(),
            scheduled_time: at("2026-03-02T08:15:00Z"),
            run: Some(run_id()),
        }),
        FactBody::LettersSetAside(letters()),
        FactBody::LettersGone(letters()),
        FactBody::OperationRequested(operation()),
        FactBody::OperationDone(OperationFact {
            operation: operation().operation,
            by: "ada".to_owned(),
            done: true,
            result: "cancelled".to_owned(),
        }),
    ]
}

fn fact(body: FactBody) -> Fact {
    let workflow = match &body {
        FactBody::ClusterRequested(_)
        | FactBody::ClusterReady(_)
        | FactBody::ClusterDraining(_)
        | FactBody::ClusterTerminated(_)
        | FactBody::ClusterIdle(_)
        | FactBody::ClusterLeaked(_)
        | FactBody::ClusterFailed(_) => None,
        _ => Some(workflow().name),
    };
    Fact::new(
        "weather".parse().unwrap(),
        workflow,
        at("2026-03-02T08:15:02.250Z"),
        body,
    )
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("facts")
}

#[test]
fn every_public_event_is_written_as_its_sample_says_and_read_back() {
    let write = std::env::var_os("MURMUR_WRITE_SAMPLES").is_some();
    let mut names = BTreeSet::new();
    for body in bodies() {
        let name = body.type_name();
        let fact = fact(body);
        let path = folder().join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(&fact).unwrap() + "\n";
        if write {
            std::fs::create_dir_all(folder()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let sample = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, sample, "{name} is not what {} says", path.display());
        assert_eq!(serde_json::from_str::<Fact>(&sample).unwrap(), fact);
        names.insert(format!("{name}.json"));
    }
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, names, "one sample for each type, and no other");
}

#[test]
fn a_duplicate_has_the_same_id_and_a_rerun_another() {
    let succeeded = |generation| {
        let mut told = task(Some(Outcome::Succeeded), None, None);
        told.generation = generation;
        fact(FactBody::TaskSucceeded(told)).id
    };
    assert_eq!(succeeded(1), succeeded(1));
    assert_ne!(succeeded(1), succeeded(2));
}

#[test]
fn unknown_attributes_of_an_event_are_ignored() {
    let mut value =
        serde_json::to_value(fact(FactBody::RunStarted(run(RunState::Running, None)))).unwrap();
    value["tracestate"] = "vendor=1".into();
    value["data"]["later"] = 1.into();
    assert!(serde_json::from_value::<Fact>(value).is_ok());
}

#[test]
fn what_belongs_to_a_run_names_its_span_and_older_facts_that_do_not_are_read() {
    for body in bodies() {
        let name = body.type_name();
        let fact = fact(body);
        let mut value = serde_json::to_value(&fact).unwrap();
        let removed = value.as_object_mut().unwrap().remove("traceparent");
        let is_of_run =
            !["cluster", "letters", "operation"].contains(&name.split('.').nth(1).unwrap());
        assert_eq!(removed.is_some(), is_of_run, "{name}");
        assert_eq!(serde_json::from_value::<Fact>(value).unwrap(), fact);
    }
}
