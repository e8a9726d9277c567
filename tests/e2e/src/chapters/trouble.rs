//! What goes wrong at EMR and Batch, and what becomes of it.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use stand_in::faults::{CallEnd, EventEnd, Faults};

use super::Course;
use super::stop::newest;
use crate::process::until;
use crate::stand_in::{call, emr_events};
use crate::world::{PATIENCE, World};

pub fn throttled(world: &World, _: &mut Course) -> Result<()> {
    let throttled = |operation| call(operation, "proof--throttled--", CallEnd::Throttled);
    let operations = [
        "SubmitJob",
        "SubmitJob",
        "AddJobFlowSteps",
        "AddJobFlowSteps",
    ];
    world.stand_in.add_faults(Faults {
        calls: operations.map(throttled).into(),
        ..Faults::default()
    })?;
    let run = world.trigger("proof/throttled", &[])?;
    let ended = world.until_run(&run, "succeeded", PATIENCE)?;
    for task in tasks(&ended) {
        let attempts = attempts(task);
        ensure!(attempts.len() == 1, "it cost an attempt: {task}");
        ensure!(
            attempts[0]["failures"]["infrastructure"] == 0,
            "it cost budget: {task}"
        );
    }
    let refused = |action: &str| -> Result<usize> {
        let calls = world.stand_in.calls()?;
        let refused = calls.iter().filter(|call| {
            let error = call["error"].as_str().unwrap_or_default();
            call["action"] == action
                && ["ThrottlingException", "TooManyRequestsException"].contains(&error)
        });
        Ok(refused.count())
    };
    for action in ["batch:SubmitJob", "elasticmapreduce:AddJobFlowSteps"] {
        ensure!(
            refused(action)? == 2,
            "{action} was throttled {} times",
            refused(action)?
        );
    }
    Ok(())
}

/// What is too long for EMR, beside a job of a definition that Batch does not know.
pub fn refused(world: &World, _: &mut Course) -> Result<()> {
    let text = "x".repeat(10_230);
    let run = world.trigger("proof/refused", &["--param", &format!("text={text}")])?;
    let ended = world.until_run(&run, "failed", PATIENCE)?;
    for (name, code) in [("job", "ClientException"), ("step", "ValidationException")] {
        let task = newest(&ended, name);
        ensure!(task["failure"] == "refused", "{name}: {task}");
        ensure!(task["attempt"] == 1, "{name} was tried again: {task}");
        let reason = task["reason"].as_str().unwrap_or_default();
        // What a person reads, not what a program is debugged with.
        let plain = reason.contains(code) && !reason.contains(['{', '(']) && reason.len() < 200;
        ensure!(plain, "why was {name} refused? {reason}");
    }
    Ok(())
}

pub fn killed(world: &World, _: &mut Course) -> Result<()> {
    let first = world.until_cluster("proof/doomed", &["ready"])?;
    // Of one of the two, only the cluster's own end tells.
    world.stand_in.add_faults(Faults {
        events: vec![emr_events("--unseen--1-1", EventEnd::Dropped)],
        ..Faults::default()
    })?;
    let run = world.trigger("proof/killed", &[])?;
    until("both steps run", PATIENCE, || {
        let steps = steps_of(world, "proof--killed--")?;
        let running = steps.iter().filter(|step| step["State"] == "RUNNING");
        Ok((running.count() == 2).then_some(()))
    })?;
    world
        .stand_in
        .kill(first["id"].as_str().context("its id")?)?;
    let ended = world.until_run_with_sweeps(&run, "succeeded")?;
    for task in tasks(&ended) {
        let attempts = attempts(task);
        ensure!(
            attempts.len() == 2,
            "it took {} attempts: {task}",
            attempts.len()
        );
        ensure!(
            attempts[0]["failure"] == "infrastructure",
            "whose fault was it? {}",
            attempts[0]
        );
    }
    let second = world.newest_instance("proof/doomed")?;
    ensure!(second["id"] != first["id"], "it was not replaced: {second}");
    Ok(())
}

pub fn unlucky(world: &World, _: &mut Course) -> Result<()> {
    let up = world.until_cluster("proof/unlucky", &["ready"])?;
    let key = up["instance"].as_str().unwrap_or_default();
    ensure!(key.ends_with("--2"), "which instance is it? {up}");
    let shown = world.murmur.json(&["clusters", "proof/unlucky"])?;
    let instances = shown["instances"].as_array().into_iter().flatten();
    let failed: Vec<&Value> = instances.filter(|one| one["state"] == "failed").collect();
    ensure!(failed.len() == 1, "{shown}");
    let reason = failed[0]["reason"].as_str().unwrap_or_default();
    ensure!(
        reason.starts_with("BOOTSTRAP_FAILURE"),
        "why did it fail? {reason}"
    );
    Ok(())
}

pub fn silent(world: &World, course: &mut Course) -> Result<()> {
    let ended = world.until_run_with_sweeps(course.run("silent")?, "succeeded")?;
    for task in tasks(&ended) {
        ensure!(attempts(task).len() == 1, "silence cost an attempt: {task}");
    }
    Ok(())
}

pub fn unanswered(world: &World, course: &mut Course) -> Result<()> {
    let ended = world.until_run_with_sweeps(course.run("unanswered")?, "succeeded")?;
    for task in tasks(&ended) {
        ensure!(attempts(task).len() == 1, "it cost an attempt: {task}");
    }
    // Each was submitted once, whether or not the first answer told of it.
    let jobs = world.stand_in.jobs()?;
    let steps = steps_of(world, "proof--unanswered--")?;
    for task in ["job_made", "job_lost", "step_made", "step_lost"] {
        let named = |value: &&Value, field: &str| {
            let name = value[field].as_str().unwrap_or_default();
            name.contains(&format!("--{task}--"))
        };
        let made = jobs.iter().filter(|job| named(job, "jobName")).count()
            + steps.iter().filter(|step| named(step, "Name")).count();
        ensure!(made == 1, "{task} was made {made} times");
    }
    let instance = world.newest_instance("proof/unanswered")?;
    ensure!(
        instance["instance"]
            .as_str()
            .is_some_and(|key| key.ends_with("--1")),
        "another instance was brought up: {instance}"
    );
    Ok(())
}

fn steps_of(world: &World, about: &str) -> Result<Vec<Value>> {
    let mut steps = world.stand_in.steps()?;
    steps.retain(|step| {
        step["Name"]
            .as_str()
            .is_some_and(|name| name.contains(about))
    });
    Ok(steps)
}

fn tasks(shown: &Value) -> &[Value] {
    shown["tasks"].as_array().map_or(&[], Vec::as_slice)
}

fn attempts(task: &Value) -> &[Value] {
    task["attempts"].as_array().map_or(&[], Vec::as_slice)
}
