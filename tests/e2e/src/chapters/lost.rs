//! What nobody hears of in time, and reconcile looks after.

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Course;
use super::stop::newest;
use crate::definitions::minute;
use crate::process::until;
use crate::world::{DEPLOYMENT, LONG_PATIENCE, PATIENCE, World};

/// Batch is asked about a job that has been open for long. That it has been is brought about by
/// dating it back in the table: nobody waits a quarter of an hour here.
pub fn job(world: &World, course: &mut Course) -> Result<()> {
    let run = course.run("unheard")?;
    until("its job has succeeded", PATIENCE, || {
        let jobs = world.stand_in.jobs()?;
        let mut jobs = jobs.iter();
        let job = jobs.find(|job| job["jobName"].to_string().contains("proof--unheard--"));
        Ok(job.filter(|job| job["status"] == "SUCCEEDED").map(|_| ()))
    })?;
    let shown = world.murmur.show(run)?;
    ensure!(
        newest(&shown, "job")["state"] == "submitted",
        "somebody told of it: {shown}"
    );
    let past = minute(0) - SignedDuration::from_mins(30);
    let partition = format!("RUN#{run}");
    date(world, &partition, "task#job", &["submitted_at"], past)?;
    date(world, &partition, "run", &["check_at", "due"], past)?;
    let ended = world.until_run_with_sweeps(run, "succeeded")?;
    let attempts = ended["tasks"][0]["attempts"].as_array();
    ensure!(
        attempts.map(Vec::len) == Some(1),
        "silence cost an attempt: {ended}"
    );
    Ok(())
}

/// Dates an item.
fn date(world: &World, partition: &str, sort: &str, names: &[&str], at: Timestamp) -> Result<()> {
    let sets: Vec<String> = names.iter().map(|name| format!("{name} = :at")).collect();
    let asked = json!({
        "TableName": DEPLOYMENT,
        "Key": { "partition": { "S": partition }, "sort": { "S": sort } },
        "ConditionExpression": "attribute_exists(version)",
        "UpdateExpression": format!("SET {}", sets.join(", ")),
        "ExpressionAttributeValues": { ":at": { "S": format!("{at:.3}") } },
    });
    world.aws.call("dynamodb", "update_item", asked)?;
    Ok(())
}

/// Begins a run that is to be done soon, and one of whose job nobody will tell.
pub fn begin(world: &World, course: &mut Course) -> Result<()> {
    world.tick("proof", "punctual", world.definitions.opened)?;
    until("its deadline is noted", PATIENCE, || {
        Ok((!deadlines(world)?.is_empty()).then_some(()))
    })?;
    let unheard = world.trigger("proof/unheard", &[])?;
    course.runs.insert("unheard", unheard);
    Ok(())
}

/// A deadline that was met is done with once it has passed.
pub fn deadline(world: &World, _: &mut Course) -> Result<()> {
    let run = until("it has begun", PATIENCE, || {
        world.murmur.newest_run("proof/punctual")
    })?;
    let run = run["run"].as_str().context("its id")?;
    let ended = world.until_run(run, "succeeded", PATIENCE)?;
    let passes = world.definitions.opened + SignedDuration::from_mins(6);
    let ended_at: Timestamp = ended["run"]["ended_at"].as_str().context("when")?.parse()?;
    ensure!(ended_at < passes, "this machine is too slow: {ended}");
    let mut asked = 0;
    until("the deadline has passed", LONG_PATIENCE, || {
        asked += 1;
        if asked % 10 == 0 {
            world.sweep()?;
        }
        Ok(deadlines(world)?.is_empty().then_some(()))
    })?;
    ensure!(minute(0) >= passes, "it went before it had passed");
    Ok(())
}

fn deadlines(world: &World) -> Result<Vec<Value>> {
    world.items("WORKFLOW#proof/punctual", "deadline#")
}
