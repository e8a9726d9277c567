//! A dependency that fails: messages return until it does not (rule 21).

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::Course;
use super::delivery::{dead_letters, publishable, send};
use super::operations::ask;
use crate::process::until;
use crate::stand_in::EMR_SOURCE;
use crate::world::{DEPLOYMENT, PATIENCE, World};

/// Every function that has an inbox.
const FUNCTIONS: [&str; 13] = [
    "advance-run",
    "alert",
    "archive-facts",
    "export-runs",
    "mirror-facts",
    "observe-task",
    "operate",
    "provision-cluster",
    "reconcile",
    "record-cluster",
    "start-run",
    "submit-task",
    "terminate-cluster",
];

/// Facts of which a function acts on each.
const FACTS: [&str; 4] = [
    "murmur.run.succeeded.v1",
    "murmur.task.succeeded.v1",
    "murmur.task.ready.v1",
    "murmur.cluster.failed.v1",
];

pub fn outage(world: &World, course: &mut Course) -> Result<()> {
    ask(world, &["pause", "proof/nightly", "--wait"])?;
    ensure!(!pauses(world)?.is_empty(), "it is not paused");
    let before = world.emulator.authorizations()?.len();
    world.emulator.outage(&["dynamodb", "events", "s3"])?;
    let told = tell_everybody(world, course).and_then(|()| {
        until("every function has given a message back", PATIENCE, || {
            let calls = world.emulator.authorizations()?;
            let back = calls[before..]
                .iter()
                .filter(|call| call.action == "sqs:ChangeMessageVisibility");
            let back: BTreeSet<String> = back.filter_map(|call| call.role.clone()).collect();
            let all = FUNCTIONS.map(|name| format!("{DEPLOYMENT}-{name}"));
            Ok(all.iter().all(|role| back.contains(role)).then_some(()))
        })
    });
    world.emulator.outage(&[])?;
    told?;
    world.until_quiet()?;
    ensure!(dead_letters(world)?.is_empty(), "something was set aside");
    // What was asked for while nothing worked has happened.
    until("the workflow is resumed", PATIENCE, || {
        Ok(pauses(world)?.is_empty().then_some(()))
    })
}

fn pauses(world: &World) -> Result<Vec<Value>> {
    world.items("WORKFLOW#proof/nightly", "pause")
}

/// Sends each function something it has to do with the table, or with its bus or bucket.
fn tell_everybody(world: &World, course: &Course) -> Result<()> {
    let topic = world.terraform.output("topic_arn")?;
    for kind in FACTS {
        let mut facts = course.facts.iter();
        let fact = facts.find(|fact| fact.body.contains(&format!("\"{kind}\"")));
        let fact = fact.with_context(|| format!("{kind} was never told"))?;
        let attributes = publishable(&fact.attributes);
        let asked =
            json!({ "TopicArn": topic, "Message": fact.body, "MessageAttributes": attributes });
        world.aws.call("sns", "publish", asked)?;
    }
    let steps = world.stand_in.steps()?;
    let ended = steps.iter().find(|step| {
        let name = step["Name"].as_str().unwrap_or_default();
        step["State"] == "COMPLETED" && name.contains("proof--throttled--")
    });
    let step = ended.context("a step that has ended")?;
    let detail = json!({
        "severity": "INFO", "actionOnFailure": "CONTINUE", "stepId": step["Id"], "name": step["Name"],
        "clusterId": step["ClusterId"], "state": "COMPLETED", "message": "It is done.",
    });
    tell(world, "observe-task", "EMR Step Status Change", &detail)?;
    let steady = world.newest_instance("proof/steady")?;
    let instance = steady["instance"].as_str().context("its key")?;
    let detail = json!({
        "severity": "INFO", "clusterId": steady["id"], "name": format!("{DEPLOYMENT}--{instance}"),
        "state": "STARTING", "stateChangeReason": "{\"code\":\"\"}", "message": "It starts.",
    });
    tell(world, "record-cluster", "EMR Cluster State Change", &detail)?;
    let (_, to) = course.brief.context("it was dropped in before")?;
    world.tick("proof", "brief--terminate", to)?;
    world.sweep()?;
    ask(world, &["resume", "proof/nightly"])
}

/// Sends what EventBridge would send of an event of EMR.
fn tell(world: &World, inbox: &str, kind: &str, detail: &Value) -> Result<()> {
    let event = json!({
        "version": "0", "id": "00000000-0000-0000-0000-000000000000", "detail-type": kind, "source": EMR_SOURCE,
        "account": "000000000000", "time": "2026-01-01T00:00:00Z", "region": "us-east-1", "resources": [],
        "detail": detail,
    });
    send(world, inbox, &event.to_string())
}
