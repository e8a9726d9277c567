//! What is stopped: by whoever runs it again, by its time-out, and while nobody knows whether there is
//! anything to stop.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Course;
use super::operations::ask;
use crate::process::until;
use crate::world::{PATIENCE, World};

/// What a step that fails prints.
pub const WRONG: &str = "no column of that name";

/// Begins what is stopped by its time-out, or fails by itself.
pub fn begin_unfit(world: &World, course: &mut Course) -> Result<()> {
    course
        .runs
        .insert("unfit", world.trigger("proof/unfit", &[])?);
    Ok(())
}

/// Cancels a run whose submissions were not answered, and had no effect.
pub fn begin_doubted(world: &World, course: &mut Course) -> Result<()> {
    let run = world.trigger("proof/doubted", &[])?;
    until("both tasks are claimed", PATIENCE, || {
        let shown = world.murmur.show(&run)?;
        let claimed = |name: &str| newest(&shown, name)["state"] == "claimed";
        Ok((claimed("job") && claimed("step")).then_some(()))
    })?;
    ask(world, &["cancel", &run, "--why", "it was in doubt"])?;
    course.runs.insert("doubted", run);
    Ok(())
}

/// The cancellation is carried out once the lease of the submitter is over, and asks the services.
pub fn doubted(world: &World, course: &mut Course) -> Result<()> {
    let ended = world.until_run(course.run("doubted")?, "cancelled", PATIENCE)?;
    for name in ["job", "step"] {
        let task = newest(&ended, name);
        ensure!(task["state"] == "cancelled", "{name} is not: {task}");
        ensure!(task["submission"].is_null(), "{name} was submitted: {task}");
    }
    let submitted = |name: &str| name.contains("proof--doubted--");
    let (jobs, steps) = (world.stand_in.jobs()?, world.stand_in.steps()?);
    let jobs = jobs.iter().filter_map(|job| job["jobName"].as_str());
    let steps = steps.iter().filter_map(|step| step["Name"].as_str());
    ensure!(
        !jobs.chain(steps).any(submitted),
        "it was submitted after all"
    );
    Ok(())
}

/// What runs is run again, and then not wanted any more, before it has stopped.
pub fn overtaken(world: &World, _: &mut Course) -> Result<()> {
    let run = world.trigger("proof/overtaken", &[])?;
    until_running(world, &run, [("job", 1), ("step", 1)])?;
    ask(world, &["rerun", &run, "--task", "job"])?;
    ask(world, &["rerun", &run, "--task", "step"])?;
    until_running(world, &run, [("job", 2), ("step", 3)])?;
    let why = ["--why", "its input is wrong"];
    for task in ["before_job", "before_step"] {
        ask(world, &[&["mark", &run, task, "failed"][..], &why].concat())?;
    }
    let ended = world.until_run(&run, "failed", PATIENCE)?;
    for name in ["job", "step"] {
        let task = newest(&ended, name);
        ensure!(task["state"] == "blocked", "{name} is not blocked: {task}");
    }
    until("nothing of it runs", PATIENCE, || {
        Ok((!world.is_at_work("proof--overtaken--")?).then_some(()))
    })
}

fn until_running(world: &World, run: &str, tasks: [(&str, u64); 2]) -> Result<()> {
    until(&format!("{tasks:?} run"), PATIENCE, || {
        let shown = world.murmur.show(run)?;
        let runs = tasks.iter().all(|(name, generation)| {
            let task = newest(&shown, name);
            task["state"] == "running" && task["generation"] == *generation
        });
        Ok(runs.then_some(()))
    })
}

/// A step that fails is its own fault where its cluster is sound; one that outlives its time is
/// stopped.
pub fn unfit(world: &World, course: &mut Course) -> Result<()> {
    let ended = world.until_run_with_sweeps(course.run("unfit")?, "failed")?;
    let wrong = newest(&ended, "wrong");
    ensure!(wrong["failure"] == "application", "whose fault? {wrong}");
    put_what_it_printed(world)?;
    let endless = newest(&ended, "endless");
    let said = endless["reason"].as_str().context("why it ended")?;
    ensure!(said.contains("timed out"), "why did it end? {endless}");
    until("nothing of it runs", PATIENCE, || {
        Ok((!world.is_at_work("proof--unfit--")?).then_some(()))
    })
}

/// Puts into S3 what EMR would have put there of the step that failed.
fn put_what_it_printed(world: &World) -> Result<()> {
    let steps = world.stand_in.steps()?;
    let mut of_task = steps.iter().filter(|step| {
        let name = step["Name"].as_str().unwrap_or_default();
        name.contains("proof--unfit--") && name.contains("--wrong--")
    });
    let step = of_task.next().context("the step")?;
    let ids = step["ClusterId"].as_str().zip(step["Id"].as_str());
    let (cluster, id) = ids.context("its ids")?;
    world.put_log(cluster, &format!("steps/{id}/stderr"), WRONG)
}

/// The newest attempt of a task of a run that is shown; null when there is none.
pub fn newest<'a>(shown: &'a Value, name: &str) -> &'a Value {
    let tasks = shown["tasks"].as_array().into_iter().flatten();
    let task = tasks.into_iter().find(|task| task["task"] == name);
    let attempts = task.and_then(|task| task["attempts"].as_array());
    attempts.and_then(|all| all.last()).unwrap_or(&Value::Null)
}
