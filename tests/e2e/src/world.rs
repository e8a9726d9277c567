//! Everything the suite runs on: the emulator, the stand-in, and a deployment that Terraform made.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::aws::{Aws, QueueMessage};
use crate::definitions::Definitions;
use crate::emulator::{ACCOUNT, Emulator};
use crate::murmur::Murmur;
use crate::outside::{LINEAGE_KEY, Outside, TOKEN, TRACES_KEY};
use crate::process::until;
use crate::programs::{self, Programs};
use crate::stand_in::{BATCH_SOURCE, EMR_SOURCE, StandIn};
use crate::terraform::{Terraform, project};

/// The name of the deployment.
pub const DEPLOYMENT: &str = "e2e";
/// How long something that waits for nobody's lease may take on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(240);
/// How long something may take that begins with a lease that runs out.
pub const LONG_PATIENCE: Duration = Duration::from_secs(600);
/// The bucket of EMR's logs.
const LOGS: &str = "logs";
/// What the demo's jobs read.
const RAW: [(&str, &str); 2] = [
    ("seattle-weather.csv", "raw/daily/seattle-weather.csv"),
    ("seattle-temps.csv", "raw/hourly/seattle-temps.csv"),
];

/// Everything. What is first ends first.
pub struct World {
    pub terraform: Terraform,
    pub murmur: Murmur,
    pub aws: Aws,
    pub stand_in: StandIn,
    pub outside: Outside,
    pub emulator: Emulator,
    pub definitions: Definitions,
    pub folder: PathBuf,
    /// A queue of the suite's own, to which every fact goes.
    pub recorder: String,
    /// A zone of Route 53.
    pub zone: String,
}

impl World {
    /// Starts everything and applies the configuration.
    pub fn start() -> Result<Self> {
        let programs = Programs::build()?;
        let spark = programs::spark();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let python = stand_in::python::install(Path::new(env!("CARGO_TARGET_TMPDIR")))?;
        let emulator = Emulator::start(&python, &folder)?;
        let configuration = compute(&folder, &spark)?;
        let stand_in = StandIn::start(&programs.stand_in, &emulator, &configuration, &folder)?;
        let aws = Aws::start(&python, &emulator, &stand_in)?;
        let zone = make_zone(&aws)?;
        let definitions = Definitions::write(&folder)?;
        let outside = Outside::start()?;
        let keys = make_secrets(&aws)?;
        aws.call("s3", "create_bucket", json!({ "Bucket": LOGS }))?;
        let mut variables = variables(&programs, &definitions, (&stand_in, &outside), &zone);
        variables["otlp_headers_secret"] = keys[0].clone();
        variables["openlineage_key_secret"] = keys[1].clone();
        let terraform = Terraform::prepare(&folder, &emulator, &variables)?;
        terraform.apply()?;
        let murmur = Murmur::new(&programs.murmur, DEPLOYMENT, &emulator.url, &stand_in.url);
        let topic = terraform.output("topic_arn")?;
        let recorder = record_facts(&aws, topic.as_str().context("a topic")?)?;
        Ok(Self {
            terraform,
            murmur,
            aws,
            stand_in,
            outside,
            emulator,
            definitions,
            folder,
            recorder,
            zone,
        })
    }

    /// Fires a schedule of a team for an instant.
    pub fn tick(&self, team: &str, name: &str, scheduled: Timestamp) -> Result<()> {
        self.emulator
            .fire(&format!("{DEPLOYMENT}-{team}"), name, scheduled)
    }

    /// Lets reconcile look, without waiting for its two minutes.
    pub fn sweep(&self) -> Result<()> {
        let schedules = self.emulator.schedules()?;
        let sweep = schedules.iter().find(|one| one.group_name == DEPLOYMENT);
        let sweep = sweep.context("the schedule of reconcile")?;
        self.emulator
            .fire(DEPLOYMENT, &sweep.name, crate::definitions::minute(0))
    }

    /// Starts a workflow by hand; gives its run.
    pub fn trigger(&self, workflow: &str, more: &[&str]) -> Result<String> {
        let answer = self
            .murmur
            .json(&[&["trigger", workflow, "--wait"], more].concat())?;
        ensure!(answer["state"] == "done", "trigger {workflow}: {answer}");
        Ok(answer["run"].as_str().context("its id")?.to_owned())
    }

    /// Waits until a run has ended, which must be in a state.
    pub fn until_run(&self, run: &str, state: &str, patience: Duration) -> Result<Value> {
        let shown = until(&format!("{run} has ended"), patience, || {
            let shown = self.murmur.show(run)?;
            let goes_on = matches!(shown["run"]["state"].as_str(), Some("waiting" | "running"));
            Ok((!goes_on).then_some(shown))
        })?;
        ensure!(
            shown["run"]["state"] == state,
            "{run} is not {state}: {shown:#}"
        );
        Ok(shown)
    }

    /// Waits until a run is in a state, while reconcile looks again and again.
    pub fn until_run_with_sweeps(&self, run: &str, state: &str) -> Result<Value> {
        let mut asked = 0;
        until(&format!("{run} is {state}"), LONG_PATIENCE, || {
            asked += 1;
            if asked % 10 == 0 {
                self.sweep()?;
            }
            let shown = self.murmur.show(run)?;
            Ok((shown["run"]["state"] == state).then_some(shown))
        })
    }

    /// Waits until the newest instance of a cluster is in one of these states.
    pub fn until_cluster(&self, cluster: &str, states: &[&str]) -> Result<Value> {
        let mut asked = 0;
        until(&format!("{cluster} is {states:?}"), LONG_PATIENCE, || {
            asked += 1;
            if asked % 10 == 0 {
                self.sweep()?;
            }
            let newest = self.newest_instance(cluster)?;
            let state = newest["state"].as_str().unwrap_or_default();
            Ok(states.contains(&state).then_some(newest))
        })
    }

    /// The newest instance of a cluster; null when it has had none.
    pub fn newest_instance(&self, cluster: &str) -> Result<Value> {
        let shown = self.murmur.json(&["clusters", cluster])?;
        let instances = shown["instances"].as_array().into_iter().flatten();
        let newest = instances.max_by_key(|one| {
            let at = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            (at("window_start"), at("instance"))
        });
        Ok(newest.cloned().unwrap_or(Value::Null))
    }

    /// Waits until no inbox has a message that can be taken.
    pub fn until_quiet(&self) -> Result<()> {
        let mut quiet = 0;
        until("all inboxes are empty", PATIENCE, || {
            let backlog = self.aws.backlog(&format!("{DEPLOYMENT}-"))?;
            let mut inboxes = backlog
                .iter()
                .filter(|(name, _)| !name.ends_with("-dead-letters"));
            let is_quiet = inboxes.all(|(_, messages)| *messages == 0);
            quiet = if is_quiet { quiet + 1 } else { 0 };
            Ok((quiet >= 4).then_some(()))
        })
    }

    /// Whether EMR or Batch is at work at anything whose name contains this.
    pub fn is_at_work(&self, about: &str) -> Result<bool> {
        let (jobs, steps) = (self.stand_in.jobs()?, self.stand_in.steps()?);
        let jobs = jobs.iter().map(|job| (&job["jobName"], &job["status"]));
        let steps = steps.iter().map(|step| (&step["Name"], &step["State"]));
        let over = [
            "SUCCEEDED",
            "COMPLETED",
            "FAILED",
            "CANCELLED",
            "INTERRUPTED",
        ];
        Ok(jobs.chain(steps).any(|(name, state)| {
            name.as_str().is_some_and(|name| name.contains(about))
                && state.as_str().is_some_and(|state| !over.contains(&state))
        }))
    }

    /// The items of a partition of the table whose sort key begins so.
    pub fn items(&self, partition: &str, begin: &str) -> Result<Vec<Value>> {
        let asked = json!({
            "TableName": DEPLOYMENT, "ConsistentRead": true,
            "KeyConditionExpression": "#of = :of AND begins_with(#at, :at)",
            "ExpressionAttributeNames": { "#of": "partition", "#at": "sort" },
            "ExpressionAttributeValues": { ":of": { "S": partition }, ":at": { "S": begin } },
        });
        let found = self.aws.call("dynamodb", "query", asked)?;
        Ok(found["Items"].as_array().cloned().unwrap_or_default())
    }

    /// The facts since it was last asked.
    pub fn facts(&self) -> Result<Vec<QueueMessage>> {
        self.aws.drain(&self.recorder)
    }

    /// Puts into S3 what EMR copies there of a cluster's work.
    pub fn put_log(&self, cluster: &str, path: &str, printed: &str) -> Result<()> {
        let key = format!("emr/{cluster}/{path}.gz");
        let asked = json!({ "Bucket": LOGS, "Key": key, "Body": printed });
        self.aws.call("s3", "put_object", asked)?;
        Ok(())
    }

    /// An inbox's URL.
    pub fn inbox(&self, function: &str) -> Result<String> {
        let name = format!("{DEPLOYMENT}-{function}");
        let answer = self
            .aws
            .call("sqs", "get_queue_url", json!({ "QueueName": name }))?;
        Ok(answer["QueueUrl"].as_str().context("a URL")?.to_owned())
    }
}

fn variables(
    programs: &Programs,
    definitions: &Definitions,
    (stand_in, outside): (&StandIn, &Outside),
    zone: &str,
) -> Value {
    json!({
        "deployment": DEPLOYMENT,
        "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" },
        "packages_dir": programs.packages,
        "events_dir": definitions.folder,
        "deletion_protection": false,
        "emr_event_source": EMR_SOURCE,
        "batch_event_source": BATCH_SOURCE,
        "function_environment": {
            "AWS_ENDPOINT_URL_EMR": stand_in.url,
            "AWS_ENDPOINT_URL_BATCH": stand_in.url,
            "MURMUR_ENDPOINT_URL_SLACK": outside.url,
            "MURMUR_ENDPOINT_URL_OTLP": outside.url,
            "MURMUR_ENDPOINT_URL_OPENLINEAGE": outside.url,
        },
        "emr_subnet": "subnet-0e2e",
        "emr_log_uri": format!("s3://{LOGS}/emr/"),
        "zone": { "id": zone, "name": "e2e.example" },
        "mirror_bus": true,
        "history": true,
        "history_window_seconds": 1,
        "otlp_endpoint": "https://otlp.example.com",
        "openlineage_url": "https://lineage.example.com",
        // The emulator has neither of these, or only in part.
        "saved_queries": false,
        "log_archive": false,
    })
}

/// How this machine runs the demo's work and the suite's own.
fn compute(folder: &Path, spark_submit: &Path) -> Result<PathBuf> {
    let (project, storage) = (project(), folder.join("storage"));
    let demo = project.join("demo");
    for (from, to) in RAW {
        let to = storage.join("observations").join(to);
        fs::create_dir_all(to.parent().context("a folder")?)?;
        fs::copy(demo.join("data").join(from), to)?;
    }
    let (jobs, python) = (demo.join("jobs"), spark_submit.with_file_name("python"));
    let sql = json!([
        "python3",
        jobs.join("sql.py"),
        "--root",
        storage.join("observations"),
        "--statement"
    ]);
    let configuration = json!({
        "storage": storage,
        "mounts": { "s3://jobs/": format!("{}/", jobs.display()) },
        "job_definitions": {
            "weather-python": { "working_directory": jobs },
            "energy-python": { "working_directory": jobs },
            "shell": {},
        },
        "queues": { "light": 6 },
        "spark": {
            "submit": spark_submit,
            "cores": 1,
            "environment": { "SPARK_CONF_DIR": demo.join("spark"), "PYSPARK_PYTHON": python },
        },
        "presto": sql,
        "trino": sql,
        "clusters": { "starting": 2, "bootstrapping": 1, "terminating": 2 },
        // Longer than whoever finds an attempt in its way takes to ask it to stop.
        "grace": 4,
    });
    let path = folder.join("local.yaml");
    fs::write(&path, serde_json::to_string_pretty(&configuration)?)?;
    Ok(path)
}

/// Makes the secrets of whoever is posted to; gives the ARNs of those for traces and lineage.
fn make_secrets(aws: &Aws) -> Result<[Value; 2]> {
    let make = |name: String, value: String| -> Result<Value> {
        let asked = json!({ "Name": name, "SecretString": value });
        let made = aws.call("secretsmanager", "create_secret", asked)?;
        Ok(made["ARN"].clone())
    };
    make(format!("{DEPLOYMENT}/proof/slack"), TOKEN.to_owned())?;
    let (name, value) = TRACES_KEY;
    Ok([
        make("traces".to_owned(), format!("{name}={value}"))?,
        make("lineage".to_owned(), LINEAGE_KEY.to_owned())?,
    ])
}

fn make_zone(aws: &Aws) -> Result<String> {
    let asked = json!({ "Name": "e2e.example", "CallerReference": "e2e" });
    let made = aws.call("route53", "create_hosted_zone", asked)?;
    let id = made["HostedZone"]["Id"].as_str().context("a zone")?;
    Ok(id.trim_start_matches("/hostedzone/").to_owned())
}

fn record_facts(aws: &Aws, topic: &str) -> Result<String> {
    let made = aws.call("sqs", "create_queue", json!({ "QueueName": "recorder" }))?;
    let url = made["QueueUrl"].as_str().context("a queue")?.to_owned();
    let endpoint = format!("arn:aws:sqs:{}:{ACCOUNT}:recorder", crate::emulator::REGION);
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": { "Service": "sns.amazonaws.com" },
        "Action": "sqs:SendMessage",
        "Resource": endpoint,
        "Condition": { "ArnEquals": { "aws:SourceArn": topic } },
    }] });
    let attributes = json!({ "Policy": policy.to_string() });
    let asked = json!({ "QueueUrl": url, "Attributes": attributes });
    aws.call("sqs", "set_queue_attributes", asked)?;
    let raw = json!({ "RawMessageDelivery": "true" });
    let asked =
        json!({ "TopicArn": topic, "Protocol": "sqs", "Endpoint": endpoint, "Attributes": raw });
    aws.call("sns", "subscribe", asked)?;
    Ok(url)
}
