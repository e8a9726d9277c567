//! A morning in a deployment: a cluster comes up, a workflow succeeds on it, one fails, one runs on
//! and on, and another run of it waits.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use definitions::SourceFile;
use model::cluster::{Instance, InstanceState};
use model::id::RunId;
use model::key::Key;
use model::message::Function;
use model::run::{Run, RunState};
use ports::TypedStore as _;
use serde_json::json;
use testkit::{ManualClock, instant};

use crate::deployment::Deployment;
use crate::murmur::{Said, Where};
use crate::services;
use crate::wire::Answer;

const TEAM: &str = "description: Weather\n";

const ETL: &str = r#"
provision: { expression: "cron(0 5 * * ? *)", timezone: UTC }
terminate: { expression: "cron(0 8 * * ? *)", timezone: UTC, drain: 30m }
release: emr-7.9.0
applications: [Spark, Hive, Trino]
instances: { primary: m7g.xlarge, core: { type: r7g.2xlarge, count: 10, spot: 80% } }
tags: { purpose: etl }
"#;

const REPORT: &str = r#"
schedule: { expression: "cron(30 5 * * ? *)", timezone: UTC }
tasks:
  clean:
    batch: { job_definition: weather-python, queue: light, command: [python3, clean.py] }
  yearly:
    after: [clean]
    for_each: { year: ["2024", "2025"] }
    spark: { cluster: etl, script: "s3://jobs/yearly.py", args: ["{{ item.year }}"] }
  publish:
    after: [yearly]
    batch: { job_definition: weather-python, queue: light, command: [python3, publish.py] }
"#;

const FORECAST: &str = r#"
schedule: { expression: "cron(40 5 * * ? *)", timezone: UTC }
tasks:
  fetch:
    batch: { job_definition: fails, queue: light, command: [python3, fetch.py] }
  draw:
    after: [fetch]
    batch: { job_definition: weather-python, queue: light, command: [python3, draw.py] }
"#;

const RELOAD: &str = r#"
max_active_runs: 1
tasks:
  copy:
    batch: { job_definition: endless, queue: light, command: [python3, copy.py] }
"#;

const UPLOADED: &str = r#"
events:
  - pattern: { source: [aws.s3], detail-type: [Object Created], detail: { bucket: { name: [observations] } } }
tasks:
  index:
    batch: { job_definition: weather-python, queue: light, command: [python3, index.py] }
"#;

/// A deployment after such a morning.
pub struct Morning {
    pub deployment: Deployment,
    pub at: Where,
}

impl Morning {
    /// Lets it pass.
    pub async fn of(name: &'static str) -> Self {
        let clock = ManualClock::at(instant("2026-03-01T04:59:00Z"));
        let deployment = Box::pin(Deployment::new(name, clock)).await;
        let folder = "events/weather";
        let file = |name: &str, text| SourceFile::new(format!("{folder}/{name}.yaml"), text);
        let files = [
            file("team", TEAM),
            file("clusters/etl", ETL),
            file("workflows/forecast", FORECAST),
            file("workflows/reload", RELOAD),
            file("workflows/report", REPORT),
            file("workflows/uploaded", UPLOADED),
        ];
        Box::pin(register_definitions::register(&deployment, &files))
            .await
            .unwrap();
        let url = services_of(&deployment);
        let endpoints = ["AWS_ENDPOINT_URL_BATCH", "AWS_ENDPOINT_URL_EMR"];
        let endpoints = endpoints.map(|variable| (variable, url.clone())).into();
        let at = Where {
            deployment: name,
            endpoints,
        };
        let morning = Self { deployment, at };
        Box::pin(morning.pass()).await;
        morning
    }

    async fn pass(&self) {
        let up = "provision/weather/etl";
        self.tick(Function::ProvisionCluster, up, "2026-03-01T05:00:00Z")
            .await;
        self.until(async || self.instance().await == Some(InstanceState::Ready))
            .await;
        let report = "workflow/weather/report";
        self.tick(Function::StartRun, report, "2026-03-01T05:30:00Z")
            .await;
        self.until_run("weather--report--20260301t053000z", RunState::Succeeded)
            .await;
        let forecast = "workflow/weather/forecast";
        self.tick(Function::StartRun, forecast, "2026-03-01T05:40:00Z")
            .await;
        self.until_run("weather--forecast--20260301t054000z", RunState::Failed)
            .await;
        self.set("2026-03-01T05:50:00Z");
        for (key, state) in [("a", RunState::Running), ("b", RunState::Waiting)] {
            let trigger = [
                "trigger",
                "weather/reload",
                "--key",
                key,
                "--date",
                "2026-03-01",
            ];
            let said = self.says_meanwhile(&trigger).await;
            let run = format!("weather--reload--{key}");
            assert_eq!(
                (said.code, said.stdout.trim()),
                (0, run.as_str()),
                "{said:#?}"
            );
            self.until_run(&run, state).await;
        }
        self.rest().await;
    }

    /// What the program says while the functions are at work.
    pub async fn says_meanwhile(&self, arguments: &[&str]) -> Said {
        let mut command = self.at.command(arguments);
        let program = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut program: Child = program.spawn().unwrap();
        let begun = Instant::now();
        while program.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{arguments:?}");
            self.turn().await;
        }
        Said::of(&program.wait_with_output().unwrap())
    }

    /// Goes on until a run is in a state.
    pub async fn until_run(&self, run: &str, state: RunState) {
        self.until(async || self.run(run).await.is_some_and(|run| run.state == state))
            .await;
    }

    /// Goes on until nothing happens any more.
    pub async fn rest(&self) {
        while Box::pin(self.deployment.turn(false)).await {}
    }

    pub async fn run(&self, run: &str) -> Option<Run> {
        let key = Key::Run(RunId::from(run));
        let stored = self.deployment.state.get::<Run>(&key).await.unwrap();
        stored.map(|stored| stored.value)
    }

    /// Sets the clocks of functions and services.
    fn set(&self, at: &str) {
        self.deployment.clock.set(instant(at));
        self.deployment.services.lock().unwrap().now_s = instant(at).as_second();
    }

    async fn tick(&self, inbox: Function, schedule: &str, at: &str) {
        self.set(at);
        let tick = json!({ "tick": { "schedule": schedule, "scheduled_time": at } });
        self.deployment.put(inbox, &tick).await;
    }

    async fn instance(&self) -> Option<InstanceState> {
        let partition = Key::cluster_partition(&"weather/etl".parse().unwrap());
        let state = &self.deployment.state;
        let found = state.list::<Instance>(&partition, "instance#").await;
        found.unwrap().first().map(|found| found.value.state)
    }

    async fn until(&self, holds: impl AsyncFn() -> bool) {
        let begun = Instant::now();
        while !holds().await {
            assert!(
                begun.elapsed() < Duration::from_secs(120),
                "it never comes to that"
            );
            self.turn().await;
        }
    }

    async fn turn(&self) {
        if !Box::pin(self.deployment.turn(false)).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// EMR and Batch for other processes, which tell where work logs to, besides.
fn services_of(deployment: &Deployment) -> String {
    let answering = deployment.services.clone();
    services::serve(move |asked| {
        let mut answer = answering.lock().unwrap().answer(asked);
        if let Answer::Ok(body) = &mut answer {
            if asked.what == "DescribeCluster" {
                body["Cluster"]["LogUri"] = "s3n://logs/emr/".into();
            }
            for job in body["jobs"].as_array_mut().into_iter().flatten() {
                let stream = format!("weather-python/default/{}", job["jobId"].as_str().unwrap());
                job["container"]["logStreamName"] = stream.into();
            }
        }
        answer
    })
}
