//! Definitions: applied, refused, dropped in.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Course;
use super::operations::ask;
use super::stop::newest;
use crate::definitions::minute;
use crate::process::until;
use crate::terraform::{project, said};
use crate::world::{DEPLOYMENT, PATIENCE, World};

/// What no version of murmur takes.
const BROKEN: &str = "\
schedule: { expression: \"cron(15 0 * * *)\", timezone: America/New_Yorc }
tasks:
  clean: { batch: { job_definition: shell, queue: light, comand: [\"true\"] } }
";

pub fn second_apply(world: &World, _: &mut Course) -> Result<()> {
    let (changes, plan) = world.terraform.plan()?;
    ensure!(!changes, "right after an apply there are changes:\n{plan}");
    Ok(())
}

pub fn broken(world: &World, _: &mut Course) -> Result<()> {
    let path = world.definitions.path("proof/workflows/broken.yaml");
    fs::write(&path, BROKEN)?;
    let before = schedules(world)?;
    let diagnostics = world.murmur.check(&world.definitions.folder)?;
    let output = world.terraform.try_apply()?;
    let told = said(&output);
    ensure!(!output.status.success(), "it was applied:\n{told}");
    let problems: Vec<&str> = diagnostics
        .lines()
        .filter(|line| line.starts_with("error["))
        .collect();
    ensure!(problems.len() >= 3, "murmur check says only\n{diagnostics}");
    // Terraform draws a line beside what it says, and breaks lines that are long.
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|c| !c.is_whitespace() && *c != '│')
            .collect()
    };
    for problem in problems {
        ensure!(
            plain(&told).contains(&plain(problem)),
            "`{problem}` is missing in\n{told}"
        );
    }
    ensure!(schedules(world)? == before, "there are other schedules");
    fs::remove_file(&path)?;
    let (changes, plan) = world.terraform.plan()?;
    ensure!(!changes, "something had changed:\n{plan}");
    Ok(())
}

pub fn dropped_in(world: &World, course: &mut Course) -> Result<()> {
    let run = world.trigger("proof/pinned", &[])?;
    let definition = world.murmur.show(&run)?["run"]["definition"].clone();
    let queued = queue(world)?;
    let later = project().join("tests/e2e/later/proof");
    for file in [
        "clusters/brief.yaml",
        "clusters/fleeting.yaml",
        "team.yaml",
        "workflows/drained.yaml",
        "workflows/hourly.yaml",
        "workflows/pinned.yaml",
    ] {
        fs::copy(later.join(file), world.definitions.path("proof").join(file))?;
    }
    fs::remove_file(world.definitions.path("proof/workflows/removed.yaml"))?;
    let (from, to) = (minute(2), minute(3));
    world.definitions.set_window("proof/brief", from, to)?;
    course.brief = Some((from, to));
    // It is over before the lease of whoever asks for it.
    world.definitions.set_window("proof/fleeting", from, to)?;
    world.terraform.apply()?;
    // It waits for the cluster, and is still at work when that is to go.
    let seconds = to.as_second() - from.as_second() + 20;
    let drained = world.trigger("proof/drained", &["--param", &format!("seconds={seconds}")])?;
    course.runs.insert("drained", drained);
    let names: Vec<String> = schedules(world)?;
    for expected in ["hourly", "brief--provision", "brief--terminate"] {
        ensure!(
            names.contains(&format!("{DEPLOYMENT}-proof/{expected}")),
            "{expected} is missing: {names:?}"
        );
    }
    dequeue(world, &queued)?;
    let ended = world.until_run(&run, "succeeded", PATIENCE)?;
    ensure!(
        ended["run"]["definition"] == definition,
        "the run changed its definition"
    );
    ensure!(
        job_command(world, "after_it")? == "old",
        "the run in flight ran the new definition"
    );
    let newer = world.trigger("proof/pinned", &["--key", "newer"])?;
    world.until_run(&newer, "succeeded", PATIENCE)?;
    ensure!(
        job_command(world, "after_it")? == "new",
        "a new run ran the old definition"
    );
    Ok(())
}

/// Two runs, of which the second waits for a place of a pool that has one.
fn queue(world: &World) -> Result<[String; 2]> {
    let first = world.trigger("proof/queued", &[])?;
    until("it runs", PATIENCE, || is_in(world, &first, "running"))?;
    let second = world.trigger("proof/queued", &["--key", "second"])?;
    until("it waits", PATIENCE, || is_in(world, &second, "waiting"))?;
    Ok([first, second])
}

/// The pool has grown: the second goes on beside the first.
fn dequeue(world: &World, runs: &[String; 2]) -> Result<()> {
    let [first, second] = runs;
    until("it is let go", PATIENCE, || is_in(world, second, "running"))?;
    let first_runs = is_in(world, first, "running")?;
    ensure!(first_runs.is_some(), "the first has ended");
    for run in runs {
        ask(world, &["cancel", run])?;
        world.until_run(run, "cancelled", PATIENCE)?;
    }
    Ok(())
}

fn is_in(world: &World, run: &str, state: &str) -> Result<Option<()>> {
    let shown = world.murmur.show(run)?;
    Ok((newest(&shown, "job")["state"] == state).then_some(()))
}

/// What the newest job of a task of the workflow was told to echo.
fn job_command(world: &World, task: &str) -> Result<String> {
    let jobs = world.stand_in.jobs()?;
    let of_task = |job: &&Value| {
        let name = job["jobName"].as_str().unwrap_or_default();
        name.contains("proof--pinned--") && name.contains(&format!("--{task}--"))
    };
    let job = jobs
        .iter()
        .rev()
        .find(of_task)
        .context("no job of the task")?;
    let word = &job["containerOverrides"]["command"][1];
    Ok(word.as_str().unwrap_or_default().to_owned())
}

fn schedules(world: &World) -> Result<Vec<String>> {
    let schedules = world.emulator.schedules()?.into_iter();
    let mut names: Vec<String> = schedules
        .map(|one| format!("{}/{}", one.group_name, one.name))
        .collect();
    names.sort();
    Ok(names)
}
