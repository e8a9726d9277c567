//! Messages: from other applications, told again, poisonous.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::Course;
use crate::aws::QueueMessage;
use crate::process::{text, until};
use crate::world::{DEPLOYMENT, PATIENCE, World};

pub fn event_rule(world: &World, _: &mut Course) -> Result<()> {
    let put = |name: &str, detail_type: &str| {
        let entry = json!({
            "Source": "proof.files", "DetailType": detail_type, "Detail": json!({ "name": name }).to_string()
        });
        world
            .aws
            .call("events", "put_events", json!({ "Entries": [entry] }))
    };
    // Twice, as EventBridge may; and one that does not match.
    put("a \"b\" <c>", "File Arrived")?;
    put("a \"b\" <c>", "File Arrived")?;
    put("other", "File Gone")?;
    let what = "the event started a run";
    let run = until(what, PATIENCE, || world.murmur.newest_run("proof/arrived"))?;
    let run = run["run"].as_str().context("its id")?;
    world.until_run(run, "succeeded", PATIENCE)?;
    let jobs = world.stand_in.jobs()?;
    let mut of_run = jobs.iter().filter(|job| {
        job["jobName"]
            .as_str()
            .is_some_and(|name| name.contains("proof--arrived--"))
    });
    let job = of_run.next().context("its job")?;
    ensure!(
        job["containerOverrides"]["command"][1] == "a \"b\" <c>",
        "{job}"
    );
    ensure!(of_run.next().is_none(), "there were two runs of one event");
    Ok(())
}

pub fn told_again(world: &World, course: &mut Course) -> Result<()> {
    world.until_quiet()?;
    let facts = world.facts()?;
    ensure!(facts.len() > 100, "only {} facts were told", facts.len());
    let before = (runs(world)?, submissions(world)?);
    let topic = world.terraform.output("topic_arn")?;
    for fact in shuffled(&facts) {
        let attributes = publishable(&fact.attributes);
        let asked =
            json!({ "TopicArn": topic, "Message": fact.body, "MessageAttributes": attributes });
        world.aws.call("sns", "publish", asked)?;
    }
    world.until_quiet()?;
    ensure!(submissions(world)? == before.1, "work was submitted again");
    let after = runs(world)?;
    ensure!(after.keys().eq(before.0.keys()), "there are other runs");
    for (run, shown) in &before.0 {
        ensure!(
            after[run] == *shown,
            "{run} was\n{shown}\nand is\n{}",
            after[run]
        );
    }
    ensure!(dead_letters(world)?.is_empty(), "something was set aside");
    course.facts = facts;
    Ok(())
}

/// Every fact twice, the second time long after the first, in an order that is none.
fn shuffled(facts: &[QueueMessage]) -> Vec<&QueueMessage> {
    // Coprime to any count below it, so each comes once in each pass.
    const STRIDE: usize = 7919;
    let count = facts.len();
    let pass = |begin: usize| (0..count).map(move |at| (begin + at * STRIDE) % count);
    pass(0)
        .chain(pass(count / 2))
        .map(|index| &facts[index])
        .collect()
}

/// Attributes of a message of SQS, as SNS takes them.
pub fn publishable(attributes: &Value) -> Value {
    let attributes = attributes.as_object().into_iter().flatten();
    let attributes = attributes.map(|(name, value)| {
        let kept = json!({ "DataType": value["DataType"], "StringValue": value["StringValue"] });
        (name.clone(), kept)
    });
    Value::Object(attributes.collect())
}

/// Every run with its tasks, by its id.
fn runs(world: &World) -> Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    for team in ["energy", "proof", "weather"] {
        let runs = world.murmur.json(&["runs", team, "--limit", "200"])?;
        for run in runs.as_array().into_iter().flatten() {
            let id = run["run"].as_str().context("its id")?;
            found.insert(id.to_owned(), world.murmur.show(id)?);
        }
    }
    Ok(found)
}

fn submissions(world: &World) -> Result<usize> {
    Ok(world.stand_in.jobs()?.len() + world.stand_in.steps()?.len())
}

/// Functions with an inbox, and something that none of them can read.
const POISON: [(&str, &str); 13] = [
    ("start-run", "{\"tick\": "),
    (
        "advance-run",
        "{\"specversion\": \"1.0\", \"type\": \"murmur.task.succeeded.v1\"}",
    ),
    ("submit-task", "null"),
    ("observe-task", "[]"),
    (
        "provision-cluster",
        "{\"detail-type\": \"Nobody knows this\"}",
    ),
    ("record-cluster", "<xml/>"),
    ("terminate-cluster", "\"\""),
    ("operate", "{\"nobody\": \"knows this\"}"),
    ("reconcile", "17"),
    ("alert", "{\"alert\": \"nobody knows this\"}"),
    ("mirror-facts", "{\"specversion\": \"1.0\"}"),
    ("archive-facts", "{\"type\": \"murmur.run.failed.v1\"}"),
    ("export-runs", "\"tick\""),
];

pub fn poison(world: &World, _: &mut Course) -> Result<()> {
    for (function, body) in POISON {
        send(world, function, body)?;
    }
    let unknown = json!({
        "detail-type": "EMR Step Status Change", "time": "2026-01-01T00:00:00Z",
        "detail": {
            "name": format!("{DEPLOYMENT}--proof--silent--k-1--first--1-1"), "stepId": "s-1", "clusterId": "j-1",
            "state": "NEVER_HEARD_OF",
        }
    });
    send(world, "observe-task", &unknown.to_string())?;
    let expected = POISON.len() + 1;
    let all_there = || Ok((dead_letters(world)?.len() == expected).then_some(()));
    until("all poison is set aside", PATIENCE, all_there)?;
    for letter in dead_letters(world)? {
        ensure!(
            letter["reason"]
                .as_str()
                .is_some_and(|reason| !reason.is_empty()),
            "{letter}"
        );
    }
    // What is beside it is not harmed.
    let run = world.trigger("proof/throttled", &["--key", "beside-poison"])?;
    world.until_run(&run, "succeeded", PATIENCE)?;
    // Going back changes nothing: it is as poisonous as before.
    redrive(world)?;
    world.until_quiet()?;
    until("it is set aside again", PATIENCE, all_there)?;
    for letter in dead_letters(world)? {
        let function = letter["inbox"].as_str().context("its inbox")?;
        let url = world.inbox(&format!("{function}-dead-letters"))?;
        world.aws.drain(&url)?;
    }
    // A sweep may have told of the poison; what comes now is to be told anew.
    incident_of_letters(world, "over", false)?;
    // What is sound and was set aside, such as by a bug that is mended, goes on where it left off.
    let run = world.trigger("proof/fails", &["--param", "code=0", "--key", "redriven"])?;
    world.until_run(&run, "succeeded", PATIENCE)?;
    let facts = world.facts()?;
    let fact = facts
        .iter()
        .find(|fact| fact.body.contains("murmur.task.succeeded.v1") && is_of_proof(&fact.body));
    send(
        world,
        "advance-run-dead-letters",
        &fact.context("a fact")?.body,
    )?;
    let is_there = || Ok((dead_letters(world)?.len() == 1).then_some(()));
    until("it is set aside", PATIENCE, is_there)?;
    incident_of_letters(world, "open", true)?;
    let about = "messages of advance-run were set aside";
    until("the team of the letter is told", PATIENCE, || {
        Ok((!world.outside.said_of(about).is_empty()).then_some(()))
    })?;
    redrive(world)?;
    world.until_quiet()?;
    ensure!(dead_letters(world)?.is_empty(), "it was set aside again");
    incident_of_letters(world, "over", false)
}

/// Whether a fact is of the team that has a channel here.
fn is_of_proof(body: &str) -> bool {
    let fact: Value = serde_json::from_str(body).unwrap_or_default();
    fact["team"] == "proof"
}

/// Reconcile looks, and what lies among the dead letters of advance-run is an incident, or is none.
fn incident_of_letters(world: &World, what: &str, is_open: bool) -> Result<()> {
    let mut asked = 0;
    until(&format!("the incident is {what}"), PATIENCE, || {
        if asked % 10 == 0 {
            world.sweep()?;
        }
        asked += 1;
        let incidents = world.murmur.json(&["incidents"])?;
        let mut open = incidents.as_array().into_iter().flatten();
        let found = open.any(|one| one["incident"] == "inbox/advance-run");
        Ok((found == is_open).then_some(()))
    })
}

pub fn send(world: &World, queue: &str, body: &str) -> Result<()> {
    let asked = json!({ "QueueUrl": world.inbox(queue)?, "MessageBody": body });
    world.aws.call("sqs", "send_message", asked)?;
    Ok(())
}

fn redrive(world: &World) -> Result<()> {
    let output = world.murmur.run(&["dead-letters", "redrive", "--all"])?;
    ensure!(output.status.success(), "{}", text(&output.stderr));
    Ok(())
}

pub fn dead_letters(world: &World) -> Result<Vec<Value>> {
    let letters = world.murmur.json(&["dead-letters", "list"])?;
    Ok(letters.as_array().cloned().unwrap_or_default())
}
