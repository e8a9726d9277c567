//! What is wrong is told where people read, once and soon, and so is that it is well again.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Course;
use super::operations::ask;
use super::stop::WRONG;
use crate::outside::{Asked, EDIT, POST, TOKEN};
use crate::process::until;
use crate::world::{DEPLOYMENT, LONG_PATIENCE, PATIENCE, World};

/// How soon a failure is told. A machine that is busy may take longer, but not every time.
const SOON: SignedDuration = SignedDuration::from_secs(5);
const TRIES: usize = 3;

pub fn told(world: &World, _: &mut Course) -> Result<()> {
    let mut took = Vec::new();
    for attempt in 0..TRIES {
        let key = format!("told-{attempt}");
        let run = world.trigger("proof/fails", &["--key", &key])?;
        world.until_run(&run, "failed", PATIENCE)?;
        let first = until("a channel is told", PATIENCE, || {
            Ok(world.outside.said_of(&run).into_iter().next())
        })?;
        ensure!(first.path == POST, "{first:?}");
        looked_at(&first)?;
        let after = first.at.duration_since(failed_at(world, &run)?);
        resolved(world, &run)?;
        if after <= SOON {
            return told_nobody_else(world);
        }
        took.push(after);
    }
    anyhow::bail!("channels were told after {took:?}")
}

/// What the job printed is looked for, and where people look themselves is told.
fn looked_at(told: &Asked) -> Result<()> {
    let said = told.message.to_string();
    let parts = ["printed", "console.aws.amazon.com/batch", "log-events"];
    ensure!(parts.iter().all(|part| said.contains(part)), "{said}");
    Ok(())
}

/// What a step printed is in S3 only minutes after it failed; then its message has it, too.
pub fn printed(world: &World, course: &mut Course) -> Result<()> {
    let run = course.run("unfit")?;
    let edited = until(
        "the message has what the step printed",
        LONG_PATIENCE,
        || {
            let said = world.outside.said_of(run).into_iter();
            let mut told = said.filter(|one| one.message.to_string().contains(WRONG));
            Ok(told.next())
        },
    )?;
    ensure!(edited.path == EDIT, "{edited:?}");
    Ok(())
}

/// When the task failed, as its fact says.
fn failed_at(world: &World, run: &str) -> Result<Timestamp> {
    let tasks = world.items(&format!("RUN#{run}"), "task#job")?;
    let ended = tasks.first().context("the task's item")?["ended_at"]["S"].as_str();
    Ok(ended.context("when it ended")?.parse()?)
}

/// Once the run succeeds the one message says so, and a reply to it.
fn resolved(world: &World, run: &str) -> Result<()> {
    ask(
        world,
        &["mark", run, "job", "succeeded", "--why", "by hand"],
    )?;
    world.until_run_with_sweeps(run, "succeeded")?;
    let said = until("it is told that all is well", PATIENCE, || {
        let said = world.outside.said_of("C0E2E").into_iter();
        let said: Vec<Asked> = said.filter(|one| is_about(world, one, run)).collect();
        let is_told = said.iter().any(|one| one.message["thread_ts"].is_string());
        Ok(is_told.then_some(said))
    })?;
    let paths: Vec<&str> = said.iter().map(|one| one.path.as_str()).collect();
    ensure!(paths.ends_with(&[EDIT, POST]), "it was told by {paths:?}");
    let posted = world.outside.said_of(run).into_iter();
    let posted = posted.filter(|one| one.path == POST && !one.message["thread_ts"].is_string());
    ensure!(posted.count() == 1, "it was told more than once");
    Ok(())
}

/// Whether an edit or a reply is of the message about a run.
fn is_about(world: &World, asked: &Asked, run: &str) -> bool {
    let edits = world.outside.said_of(run).into_iter();
    let mut edited = edits.filter_map(|one| one.message["ts"].as_str().map(str::to_owned));
    let of = ["ts", "thread_ts"].map(|name| asked.message[name].as_str());
    edited.any(|ts| of.contains(&Some(ts.as_str())))
}

/// The token is in no item, no fact and no log.
fn told_nobody_else(world: &World) -> Result<()> {
    let mut start = Value::Null;
    loop {
        let mut asked = serde_json::json!({ "TableName": DEPLOYMENT });
        if !start.is_null() {
            asked["ExclusiveStartKey"] = start;
        }
        let page = world.aws.call("dynamodb", "scan", asked)?;
        ensure!(!page.to_string().contains(TOKEN), "the table knows it");
        start = page["LastEvaluatedKey"].clone();
        if start.is_null() {
            break;
        }
    }
    let log = fs::read_to_string(world.folder.join("emulator.log"))?;
    let own = format!("\"function\":\"{DEPLOYMENT}-alert\"");
    ensure!(log.contains(&own), "alert has printed nothing");
    ensure!(!log.contains(TOKEN), "a log knows it");
    Ok(())
}
