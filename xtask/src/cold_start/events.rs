//! Events a function is measured with: a batch of everything an inbox may hold, so that each
//! function handles what is for it and puts the rest aside; for register-definitions a check.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::project::root;

const KEY: &str = "murmur--weather--daily_report--20260301t051500z--clean--1-1";
const INSTANCE: &str = "murmur--weather--overnight-etl--20260301t050000z--1";
/// How many batches: the second finds its connections open.
const BATCHES: usize = 3;

/// The events of a function.
pub fn of(function: &str) -> Result<Vec<String>> {
    let event = match function {
        "register-definitions" => check()?,
        _ => batch(&bodies()?),
    };
    Ok(vec![event.to_string(); BATCHES])
}

/// A whole set of definitions: the demo's.
fn check() -> Result<Value> {
    let events = root().join("events");
    let mut files = BTreeMap::new();
    collect(&events, "", &mut files)?;
    Ok(json!({ "action": "check", "files": files }))
}

fn collect(folder: &Path, name: &str, files: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{name}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else if path.ends_with(".yaml") {
            files.insert(path, fs::read_to_string(entry.path())?);
        }
    }
    Ok(())
}

/// One message of each kind.
fn bodies() -> Result<Vec<String>> {
    let read = |path: &str| {
        let text = fs::read_to_string(root().join(path));
        text.with_context(|| format!("{path} is a fixture"))
    };
    let tick = |schedule: &str| {
        json!({ "tick": { "schedule": schedule, "scheduled_time": "2026-03-01T05:15:00Z" } })
            .to_string()
    };
    let fixtures = "shared/aws/fixtures";
    let step = read(&format!("{fixtures}/emr-step-status-change-failed.json"))?;
    let cluster = read(&format!(
        "{fixtures}/emr-cluster-state-change-starting.json"
    ))?;
    let job = read(&format!("{fixtures}/batch-job-state-change-runnable.json"))?;
    let fact = |name: &str| read(&format!("shared/model/facts/murmur.{name}.v1.json"));
    Ok(vec![
        tick("workflow/weather/daily_report"),
        tick("provision/weather/overnight-etl"),
        tick("terminate/weather/overnight-etl"),
        fact("task.ready")?,
        fact("task.succeeded")?,
        fact("operation.requested")?,
        step.replace("CustomJAR", KEY),
        cluster.replace("Development Cluster", INSTANCE),
        job.replace("event-test", KEY),
        json!("sweep").to_string(),
    ])
}

/// Messages as Lambda's poller hands them over.
fn batch(bodies: &[String]) -> Value {
    let record = |(number, body): (usize, &String)| {
        json!({
            "messageId": format!("059f36b4-87a3-44ab-83d2-6619757{number:05}"),
            "receiptHandle": format!("AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a{number}"),
            "body": body,
            "attributes": { "ApproximateReceiveCount": "1" },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:inbox",
            "awsRegion": "us-east-1",
        })
    };
    let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
    json!({ "Records": records })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_a_message_for_every_function() {
        let event: Value = serde_json::from_str(&of("operate").unwrap()[0]).unwrap();
        let records = event["Records"].as_array().unwrap();
        assert_eq!(records.len(), 10, "as many as a batch has");
        for record in records {
            let body = record["body"].as_str().unwrap();
            serde_json::from_str::<Value>(body).unwrap();
        }
        let all = event.to_string();
        assert!(all.contains(KEY) && all.contains(INSTANCE));
    }

    #[test]
    fn definitions_are_checked_as_they_are_here() {
        let event: Value = serde_json::from_str(&of("register-definitions").unwrap()[0]).unwrap();
        assert_eq!(event["action"], "check");
        let files = event["files"].as_object().unwrap();
        assert!(files.keys().any(|path| path.ends_with("/team.yaml")));
    }
}
