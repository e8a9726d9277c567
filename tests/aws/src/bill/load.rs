//! Load: many runs at once, so that batches of ten fill, until all have ended.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use definitions::SourceFile;
use model::cluster::{Instance, InstanceState};
use model::key::Key;
use model::message::{Function, Message};
use model::run::{Run, RunState};
use ports::{Clock as _, TypedStore as _};
use serde_json::json;
use testkit::{ManualClock, instant};

use crate::calls::Invocation;
use crate::deployment::Deployment;
use crate::ledger::{Ledger, Units};
use crate::prices::Prices;

const TEAM: &str = "description: Weather\n";

const CLUSTER: &str = r#"
provision: { expression: "cron(0 5 * * ? *)", timezone: UTC }
terminate: { expression: "cron(0 20 * * ? *)", timezone: UTC, drain: 30m }
release: emr-7.9.0
applications: [Spark]
instances: { primary: m7g.xlarge, core: { type: r7g.2xlarge, count: 10, spot: 80% } }
"#;

const SPARK: &str = "spark: { cluster: etl, script: \"s3://weather-jobs/aggregate.py\", args: [\"--date\", \"{{ logical_date }}\"] }";

/// Seconds from one look of reconcile's to the next.
pub const SWEEP_S: u64 = 120;

const STARTS: &str = "2026-03-01T05:30:00Z";

/// Workflows that start at the same instant.
pub struct Load {
    pub name: &'static str,
    pub workflows: usize,
    pub tasks_each: usize,
    tasks: String,
}

impl Load {
    /// One step after another.
    pub fn chains(workflows: usize, length: usize) -> Self {
        let mut tasks = String::new();
        for step in 1..=length {
            let after = if step == 1 {
                String::new()
            } else {
                format!("after: [step-{}], ", step - 1)
            };
            let _ = writeln!(tasks, "  step-{step}: {{ {after}{SPARK} }}");
        }
        Self {
            name: "chain",
            workflows,
            tasks_each: length,
            tasks,
        }
    }

    /// Layers, each step after the whole layer before it.
    pub fn layers(workflows: usize, count: usize, width: usize) -> Self {
        let mut tasks = String::new();
        for layer in 1..=count {
            let after = if layer == 1 {
                String::new()
            } else {
                format!("after: [layer-{}], ", layer - 1)
            };
            let _ = writeln!(
                tasks,
                "  layer-{layer}: {{ {after}{}, {SPARK} }}",
                items(width)
            );
        }
        Self {
            name: "layers",
            workflows,
            tasks_each: count * width,
            tasks,
        }
    }

    /// One, then many side by side, then one.
    pub fn fan(workflows: usize, width: usize) -> Self {
        let tasks = format!(
            "  first: {{ {SPARK} }}\n  many: {{ after: [first], {}, {SPARK} }}\n  last: {{ after: [many], {SPARK} }}\n",
            items(width)
        );
        Self {
            name: "fan",
            workflows,
            tasks_each: width + 2,
            tasks,
        }
    }

    /// A name for its deployment.
    fn deployment(&self) -> String {
        format!("bill-{}-{}-{}", self.name, self.workflows, self.tasks_each)
    }

    fn files(&self) -> Vec<SourceFile> {
        let mut files = vec![
            SourceFile::new("events/weather/team.yaml", TEAM),
            SourceFile::new("events/weather/clusters/etl.yaml", CLUSTER),
        ];
        files.extend((1..=self.workflows).map(|number| {
            let schedule = "schedule: { expression: \"cron(30 5 * * ? *)\", timezone: UTC }\n";
            let text = format!("{schedule}tasks:\n{}", self.tasks);
            SourceFile::new(
                format!("events/weather/workflows/daily_report_{number}.yaml"),
                text,
            )
        }));
        files
    }
}

fn items(width: usize) -> String {
    let names: Vec<String> = (1..=width)
        .map(|number| format!("\"{number:03}\""))
        .collect();
    format!("for_each: {{ part: [{}] }}", names.join(", "))
}

/// What a load took.
#[derive(Debug, Default)]
pub struct Taken {
    pub tasks: f64,
    pub by_function: BTreeMap<&'static str, Units>,
    pub calls: BTreeMap<String, u32>,
    /// The largest item of each kind, in bytes.
    pub largest: BTreeMap<String, usize>,
    /// Messages of an invocation, in the mean.
    pub batch: f64,
    /// Processor time of this build per call, in milliseconds.
    pub processor_milliseconds_per_call: f64,
}

impl Taken {
    /// What one task took, in the mean.
    pub fn per_task(&self) -> Units {
        let mut all = Units::default();
        for units in self.by_function.values() {
            all.add(units);
        }
        all.per(self.tasks)
    }

    /// What each task more took that a longer load has.
    pub fn per_task_beyond(&self, shorter: &Self) -> Units {
        let mut more = self.per_task().per(1.0 / self.tasks);
        more.add(&shorter.per_task().per(-1.0 / shorter.tasks));
        more.per(self.tasks - shorter.tasks)
    }
}

/// Runs a load on a deployment of its own, and counts.
pub async fn run(load: &Load, prices: &Prices) -> Taken {
    let clock = ManualClock::at(instant("2026-03-01T04:59:00Z"));
    let deployment = Deployment::new(&load.deployment(), clock).await;
    register_definitions::register(&deployment, &load.files())
        .await
        .unwrap();
    let provision = "2026-03-01T05:00:00Z";
    tick(
        &deployment,
        Function::ProvisionCluster,
        "provision/weather/etl",
        provision,
    )
    .await;
    while !is_ready(&deployment).await {
        deployment.turn_under_load().await;
    }
    let before = deployment.invocations.take();
    for number in 1..=load.workflows {
        let schedule = format!("workflow/weather/daily_report_{number}");
        tick(&deployment, Function::StartRun, &schedule, STARTS).await;
    }
    // Steps are told to run in one turn and to have ended in the next; in between reconcile looks at
    // them, as often as it does while they take their time.
    let half = Duration::from_secs(u64::from(prices.assumed.steps_minutes) * 30);
    let mut looks = 0;
    while deployment.turn_under_load().await {
        deployment.clock.set(deployment.clock.now() + half);
        deployment.drain().await;
        let sweep = serde_json::to_value(Message::Sweep).unwrap();
        looks += half.as_secs();
        while looks >= SWEEP_S {
            looks -= SWEEP_S;
            deployment.put(Function::Reconcile, &sweep).await;
            deployment.drain().await;
        }
    }
    for number in 1..=load.workflows {
        let id = format!("weather--daily_report_{number}--20260301t053000z");
        let run = deployment
            .state
            .get::<Run>(&Key::Run(id.into()))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(run.value.state, RunState::Succeeded, "{}", run.value.run);
    }
    assert_eq!(
        deployment.submitted(),
        load.workflows * load.tasks_each,
        "each task once"
    );
    assert_eq!(deployment.dead_letters().await, [""; 0]);
    count(load, prices, &before, &deployment.invocations.take())
}

async fn tick(deployment: &Deployment, inbox: Function, schedule: &str, at: &str) {
    deployment.clock.set(instant(at));
    let tick = json!({ "tick": { "schedule": schedule, "scheduled_time": at } });
    deployment.put(inbox, &tick).await;
}

async fn is_ready(deployment: &Deployment) -> bool {
    let partition = Key::cluster_partition(&"weather/etl".parse().unwrap());
    let found = deployment
        .state
        .list::<Instance>(&partition, "instance#")
        .await
        .unwrap();
    found
        .iter()
        .any(|one| one.value.state == InstanceState::Ready)
}

/// What reconcile calls for each inbox of which it counts the dead letters.
pub const LOOK: &str = "GetQueueAttributes";

/// Counts a load's invocations; those before it are only for what they left in the table.
fn count(load: &Load, prices: &Prices, before: &[Invocation], during: &[Invocation]) -> Taken {
    let mut ledger = Ledger::default();
    for call in before.iter().flat_map(|one| &one.calls) {
        ledger.take(call);
    }
    let number = |count: usize| f64::from(u32::try_from(count).unwrap());
    let mut taken = Taken {
        tasks: number(load.workflows * load.tasks_each),
        ..Taken::default()
    };
    let (mut messages, mut processor_s, mut calls) = (0, 0.0, 0);
    for invocation in during {
        let mut sent_by_services = 0.0;
        let mut units = Units {
            invocations: 1.0,
            gigabyte_seconds: prices.gigabyte_seconds(invocation),
            ..Units::default()
        };
        // Each message was sent once, by a service or by a function that is billed for its own;
        // the poller receives the batch and deletes what is done.
        units.queue_requests = 2.0;
        sent_by_services += number(invocation.first);
        for call in &invocation.calls {
            if call.service == "SQS" && call.operation.starts_with("SendMessage") {
                sent_by_services -= number(call.request.matches("\"MessageBody\"").count());
            }
            let billed = ledger.take(call);
            // A look at dead letters comes by the clock, whatever runs: the idle month has it.
            if call.operation != LOOK {
                units.add(&billed);
            }
            *taken.calls.entry(call.operation.clone()).or_default() += 1;
        }
        units.queue_requests += sent_by_services;
        units.of_which_sent_by_services = sent_by_services;
        messages += invocation.messages;
        processor_s += invocation.processor_s;
        calls += invocation.calls.len();
        taken
            .by_function
            .entry(invocation.function.name())
            .or_default()
            .add(&units);
    }
    let start = taken
        .by_function
        .entry(Function::StartRun.name())
        .or_default();
    start.ticks += number(load.workflows);
    taken.batch = number(messages) / number(during.len());
    taken.processor_milliseconds_per_call = processor_s * 1000.0 / number(calls);
    taken.largest = ledger.largest;
    taken
}
