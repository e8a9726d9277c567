//! Jobs as Batch shows them.

use model::observation::WorkState;
use serde_json::{Value, json};

use super::submit::name_in;
use crate::read::{entries, text, texts};
use crate::world::{Job, World};

/// Batch's word for a job's state.
pub fn status(job: &Job) -> &'static str {
    match job.state {
        WorkState::Pending => "RUNNABLE",
        WorkState::Running => "RUNNING",
        WorkState::Succeeded => "SUCCEEDED",
        // Batch knows no cancelled jobs.
        WorkState::Failed | WorkState::Cancelled | WorkState::Interrupted => "FAILED",
    }
}

/// The ARN of a job.
pub fn job_arn(world: &World, id: &str) -> String {
    arn(world, "job", id)
}

/// A job in a list.
pub fn summary(world: &World, job: &Job) -> Value {
    let mut shown = json!({
        "jobArn": job_arn(world, &job.id),
        "jobId": job.id,
        "jobName": job.name(),
        "createdAt": job.created_ms,
        "status": status(job),
        "jobDefinition": definition_arn(world, job),
    });
    times(job, &mut shown);
    let ended = Ended::of(job);
    if let Some(reason) = &ended.reason {
        shown["statusReason"] = reason.as_str().into();
    }
    shown["container"] = ended.container();
    if let Some(size) = job.array_size() {
        shown["arrayProperties"] = json!({ "size": size });
    }
    shown
}

/// A job that is described; events tell the same.
pub fn detail(world: &World, job: &Job) -> Value {
    let overrides = &job.asked["containerOverrides"];
    let ended = Ended::of(job);
    let mut container = ended.container();
    container["image"] = "public.ecr.aws/docker/library/python:3".into();
    container["command"] = json!(texts(overrides, "command"));
    container["environment"] = json!(entries(overrides, "environment"));
    for empty in [
        "volumes",
        "mountPoints",
        "ulimits",
        "networkInterfaces",
        "secrets",
    ] {
        container[empty] = json!([]);
    }
    if job.started_ms.is_some() {
        let definition = name_in(text(&job.asked, "jobDefinition"), "job-definition/");
        container["logStreamName"] = format!("{definition}/default/{}", job.id).into();
    }
    container["resourceRequirements"] = json!(entries(overrides, "resourceRequirements"));
    let arn = job_arn(world, &job.id);
    let mut tags = job.asked["tags"].clone();
    if !tags.is_object() {
        tags = json!({});
    }
    tags["resourceArn"] = arn.as_str().into();
    let attempts: Vec<Value> = match job.ended_ms {
        Some(stopped_ms) => vec![json!({
            "container": ended.container(),
            "startedAt": job.started_ms.unwrap_or(stopped_ms),
            "stoppedAt": stopped_ms,
            "statusReason": ended.reason.as_deref().unwrap_or_default(),
        })],
        None => Vec::new(),
    };
    let mut shown = json!({
        "jobArn": arn,
        "jobName": job.name(),
        "jobId": job.id,
        "jobQueue": self::arn(world, "job-queue", &job.queue),
        "status": status(job),
        "attempts": attempts,
        "createdAt": job.created_ms,
        "retryStrategy": { "attempts": 1, "evaluateOnExit": [] },
        "dependsOn": [],
        "jobDefinition": definition_arn(world, job),
        "parameters": {},
        "container": container,
        "tags": tags,
        "propagateTags": false,
        "platformCapabilities": [],
    });
    times(job, &mut shown);
    if let Some(reason) = &ended.reason {
        shown["statusReason"] = reason.as_str().into();
    }
    if let Some(size) = job.array_size() {
        shown["arrayProperties"] = json!({ "size": size, "statusSummary": {} });
    }
    if !job.asked["timeout"].is_null() {
        shown["timeout"] = job.asked["timeout"].clone();
    }
    shown
}

fn arn(world: &World, kind: &str, name: &str) -> String {
    let (region, account) = (&world.region.name, &world.region.account);
    format!("arn:aws:batch:{region}:{account}:{kind}/{name}")
}

fn definition_arn(world: &World, job: &Job) -> String {
    let definition = name_in(text(&job.asked, "jobDefinition"), "job-definition/");
    let revision = if definition.contains(':') { "" } else { ":1" };
    arn(world, "job-definition", &format!("{definition}{revision}"))
}

fn times(job: &Job, shown: &mut Value) {
    if let Some(at_ms) = job.started_ms {
        shown["startedAt"] = at_ms.into();
    }
    if let Some(at_ms) = job.ended_ms {
        shown["stoppedAt"] = at_ms.into();
    }
}

/// How a job ended, in Batch's words.
#[derive(Default)]
struct Ended {
    reason: Option<String>,
    exit_code: Option<i64>,
}

impl Ended {
    fn of(job: &Job) -> Self {
        let task_exited = |code: i64| Self {
            reason: Some("Essential container in task exited".into()),
            exit_code: Some(code),
        };
        let number = |text: &str| text.parse::<i64>().ok();
        match (job.state, job.reason.as_deref()) {
            (WorkState::Pending | WorkState::Running, _) => Self::default(),
            (WorkState::Succeeded, _) => task_exited(0),
            (WorkState::Failed | WorkState::Cancelled | WorkState::Interrupted, reason) => {
                let reason = reason.unwrap_or_default();
                let code = reason.strip_prefix("exit code ").and_then(number);
                let signal = reason.strip_prefix("killed by signal ").and_then(number);
                // As shells and containers count signals.
                match code.or_else(|| signal.map(|signal| 128 + signal)) {
                    Some(code) => task_exited(code),
                    None => Self {
                        reason: Some(reason.to_owned()),
                        exit_code: None,
                    },
                }
            }
        }
    }

    fn container(&self) -> Value {
        match self.exit_code {
            Some(code) => json!({ "exitCode": code }),
            None => json!({}),
        }
    }
}
