//! The functions over AWS: DynamoDB, SNS and SQS by an emulator, EMR and Batch by a stand-in,
//! batches and their answers as Lambda has them.

#![allow(clippy::unwrap_used)] // a failed test is what it is for

#[path = "../../../shared/aws/tests/contracts/bus_bench.rs"]
mod bus_bench;
#[allow(dead_code)] // the bill uses more of it
mod calls;
mod deployment;
#[path = "../../../shared/aws/tests/contracts/emulator.rs"]
#[allow(dead_code)] // the contracts use more of it
mod emulator;
#[path = "bill/ledger.rs"]
#[allow(dead_code)] // the bill uses more of it
mod ledger;
#[path = "bill/size.rs"]
#[allow(dead_code)] // the bill uses more of it
mod size;
#[path = "../../../shared/aws/tests/contracts/stand_in.rs"]
#[allow(dead_code)] // the contracts use more of it
mod stand_in;
#[path = "../../../shared/aws/tests/contracts/table.rs"]
mod table;
#[path = "../../../shared/aws/tests/contracts/wire.rs"]
#[allow(dead_code)] // the contracts use more of it
mod wire;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use definitions::SourceFile;
use deployment::Deployment;
use model::cluster::{Instance, InstanceState};
use model::key::Key;
use model::message::Function;
use model::run::{Run, RunState};
use model::task::{Task, TaskState};
use ports::TypedStore as _;
use register_definitions::Registered;
use serde_json::json;
use testkit::{ManualClock, instant};

const TEAM: &str = "description: Weather\n";

const CLUSTER: &str = r#"
provision: { expression: "cron(0 5 * * ? *)", timezone: UTC }
terminate: { expression: "cron(0 8 * * ? *)", timezone: UTC, drain: 30m }
release: emr-7.9.0
applications: [Spark, Hive]
instances: { primary: m7g.xlarge, core: { type: r7g.2xlarge, count: 10, spot: 80% } }
"#;

const WORKFLOW: &str = r#"
schedule: { expression: "cron(30 5 * * ? *)", timezone: UTC }
tasks:
  clean:
    batch: { job_definition: weather-python, queue: light, command: [python3, clean.py] }
  yearly:
    after: [clean]
    for_each: { year: ["2012", "2013", "2014"] }
    spark: { cluster: etl, script: "s3://jobs/yearly.py", args: ["{{ item.year }}"] }
  publish:
    after: [yearly]
    batch: { job_definition: weather-python, queue: light, command: [python3, publish.py] }
"#;

const RUN: &str = "weather--report--20260301t053000z";

async fn registered(name: &str, workflow: &str) -> Deployment {
    let deployment = Deployment::new(name, ManualClock::at(instant("2026-03-01T04:59:00Z"))).await;
    let files = [
        SourceFile::new("events/weather/team.yaml", TEAM),
        SourceFile::new("events/weather/clusters/etl.yaml", CLUSTER),
        SourceFile::new("events/weather/workflows/report.yaml", workflow),
    ];
    let registered = register_definitions::register(&deployment, &files)
        .await
        .unwrap();
    assert!(matches!(registered, Registered::Changed(_)));
    let again = register_definitions::register(&deployment, &files)
        .await
        .unwrap();
    assert_eq!(again, Registered::Unchanged);
    deployment
}

/// Fires a schedule at an instant.
async fn tick(deployment: &Deployment, inbox: Function, schedule: &str, at: &str) {
    deployment.clock.set(instant(at));
    let tick = json!({ "tick": { "schedule": schedule, "scheduled_time": at } });
    deployment.put(inbox, &tick).await;
}

/// Goes on until the condition holds.
async fn until(deployment: &Deployment, repeats: bool, holds: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "it never comes to that"
        );
        if !deployment.turn(repeats).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn instance(deployment: &Deployment) -> Option<Instance> {
    let partition = Key::cluster_partition(&"weather/etl".parse().unwrap());
    let found = deployment
        .state
        .list::<Instance>(&partition, "instance#")
        .await
        .unwrap();
    assert!(found.len() < 2, "{found:?}");
    found.into_iter().next().map(|found| found.value)
}

/// A night: the cluster comes up, the workflow runs on it, the cluster goes.
async fn night(name: &str, repeats: bool) {
    let deployment = registered(name, WORKFLOW).await;
    let (provision, terminate) = ("provision/weather/etl", "terminate/weather/etl");
    tick(
        &deployment,
        Function::ProvisionCluster,
        provision,
        "2026-03-01T05:00:00Z",
    )
    .await;
    let is = async |state| {
        instance(&deployment)
            .await
            .is_some_and(|one| one.state == state)
    };
    until(&deployment, repeats, async || {
        is(InstanceState::Ready).await
    })
    .await;
    let endpoint = instance(&deployment).await.unwrap().endpoint.unwrap();
    assert_eq!(endpoint.private_ip.as_deref(), Some("10.0.1.17"));
    assert_eq!(endpoint.ports["hive"], 10_000);

    let schedule = "workflow/weather/report";
    tick(
        &deployment,
        Function::StartRun,
        schedule,
        "2026-03-01T05:30:00Z",
    )
    .await;
    let run = async || {
        deployment
            .state
            .get::<Run>(&Key::Run(RUN.into()))
            .await
            .unwrap()
    };
    let ended = async || run().await.is_some_and(|run| run.value.state.is_terminal());
    until(&deployment, repeats, ended).await;
    assert_eq!(run().await.unwrap().value.state, RunState::Succeeded);
    let partition = Key::run_partition(&RUN.into());
    let tasks = deployment
        .state
        .list::<Task>(&partition, "task#")
        .await
        .unwrap();
    let states: BTreeMap<String, TaskState> = tasks
        .iter()
        .map(|task| (task.value.task.to_string(), task.value.state))
        .collect();
    let names = [
        "clean",
        "publish",
        "yearly-2012",
        "yearly-2013",
        "yearly-2014",
    ];
    let expected = names.map(|name| (name.to_owned(), TaskState::Succeeded));
    assert_eq!(states, BTreeMap::from(expected));
    assert_eq!(deployment.submitted(), names.len(), "each task once");

    tick(
        &deployment,
        Function::TerminateCluster,
        terminate,
        "2026-03-01T08:00:00Z",
    )
    .await;
    until(&deployment, repeats, async || {
        is(InstanceState::Terminated).await
    })
    .await;
    assert_eq!(deployment.asked("RunJobFlow"), 1);
    assert_eq!(deployment.dead_letters().await, [""; 0]);
}

#[tokio::test]
async fn a_night_passes() {
    night("night", false).await;
}

#[tokio::test]
async fn a_night_passes_in_which_every_batch_comes_twice() {
    night("night-twice", true).await;
}

/// How many calls one more step of a chain takes, when nothing is batched with it. Raise one only
/// with the bill in mind.
const PER_STEP: [(&str, u32); 7] = [
    ("AddJobFlowSteps", 1),
    ("BatchGetItem", 5),
    ("DeleteItem", 0),
    ("GetItem", 2),
    ("PublishBatch", 3),
    ("PutItem", 5),
    ("Query", 3),
];

#[tokio::test]
async fn a_step_of_a_chain_asks_no_more_than_it_did() {
    const MORE: u32 = 10;
    // What a late delivery may add to the whole.
    const SLACK: u32 = 4;
    let (short, long) = (chain("short", 5).await, chain("long", 5 + MORE).await);
    for (operation, calls) in &long {
        let more = calls - short.get(operation).copied().unwrap_or(0).min(*calls);
        let known = PER_STEP.iter().find(|(known, _)| known == operation);
        let most = known.map_or(0, |(_, per_step)| per_step * MORE) + SLACK;
        assert!(
            more <= most,
            "{operation}: {more} more for {MORE} more steps, at most {most}"
        );
    }
    assert!(long["PutItem"] > short["PutItem"], "calls are counted");
}

/// Runs a chain of steps; gives the calls it took.
async fn chain(name: &str, steps: u32) -> BTreeMap<String, u32> {
    let mut workflow =
        "schedule: { expression: \"cron(30 5 * * ? *)\", timezone: UTC }\ntasks:\n".to_owned();
    for step in 1..=steps {
        let after = if step == 1 {
            String::new()
        } else {
            format!("after: [step-{}], ", step - 1)
        };
        let spark = "spark: { cluster: etl, script: \"s3://jobs/step.py\" }";
        workflow += &format!("  step-{step}: {{ {after}{spark} }}\n");
    }
    let deployment = registered(name, &workflow).await;
    let provision = "provision/weather/etl";
    tick(
        &deployment,
        Function::ProvisionCluster,
        provision,
        "2026-03-01T05:00:00Z",
    )
    .await;
    let ready = async || {
        let instance = instance(&deployment).await;
        instance.is_some_and(|one| one.state == InstanceState::Ready)
    };
    until(&deployment, false, ready).await;
    deployment.invocations.take();
    let schedule = "workflow/weather/report";
    tick(
        &deployment,
        Function::StartRun,
        schedule,
        "2026-03-01T05:30:00Z",
    )
    .await;
    until(&deployment, false, async || {
        let run = deployment
            .state
            .get::<Run>(&Key::Run(RUN.into()))
            .await
            .unwrap();
        run.is_some_and(|run| run.value.state == RunState::Succeeded)
    })
    .await;
    let invocations = deployment.invocations.take();
    calls::by_operation(invocations.iter().flat_map(|one| &one.calls))
}
