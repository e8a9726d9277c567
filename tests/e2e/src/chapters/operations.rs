//! What people ask for.

use anyhow::{Result, ensure};
use jiff::ToSpan as _;

use super::Course;
use crate::definitions::minute;
use crate::process::{text, until};
use crate::world::{PATIENCE, World};

pub fn operate(world: &World, _: &mut Course) -> Result<()> {
    cancel(world)?;
    rerun_and_mark(world)?;
    pause(world)?;
    backfill(world)
}

fn cancel(world: &World) -> Result<()> {
    let first = world.trigger("proof/stopped", &[])?;
    let second = world.trigger("proof/stopped", &["--key", "second"])?;
    until("both tasks run", PATIENCE, || {
        let shown = world.murmur.show(&first)?;
        Ok((shown["counts"]["running"] == 2).then_some(()))
    })?;
    let waits = world.murmur.show(&second)?;
    ensure!(
        waits["run"]["state"] == "waiting",
        "two runs at once: {waits}"
    );
    for run in [&first, &second] {
        ask(world, &["cancel", run, "--why", "it was enough"])?;
        world.until_run(run, "cancelled", PATIENCE)?;
    }
    // What was cancelled has really ended.
    until("nothing of it runs", PATIENCE, || {
        Ok((!world.is_at_work("proof--stopped--")?).then_some(()))
    })
}

fn rerun_and_mark(world: &World) -> Result<()> {
    let run = world.trigger("proof/fails", &[])?;
    let failed = world.until_run(&run, "failed", PATIENCE)?;
    ensure!(failed["counts"]["failed"] == 1, "{failed}");
    ask(world, &["rerun", &run, "--wait"])?;
    until("its second generation has failed, too", PATIENCE, || {
        let shown = world.murmur.show(&run)?;
        let run = &shown["run"];
        Ok((run["generation"] == 2 && run["state"] == "failed").then_some(()))
    })?;
    ask(
        world,
        &[
            "mark",
            &run,
            "job",
            "succeeded",
            "--why",
            "looked at by hand",
        ],
    )?;
    world.until_run_with_sweeps(&run, "succeeded")?;
    Ok(())
}

fn pause(world: &World) -> Result<()> {
    ask(world, &["pause", "proof/nightly", "--wait"])?;
    let slot = minute(0).strftime("%Y-%m-%dT02:30:00Z").to_string();
    world.tick("proof", "nightly", slot.parse()?)?;
    let what = "the paused slot is recorded";
    let run = until(what, PATIENCE, || world.murmur.newest_run("proof/nightly"))?;
    ensure!(run["state"] == "skipped", "a paused workflow ran: {run}");
    ask(world, &["resume", "proof/nightly", "--wait"])
}

fn backfill(world: &World) -> Result<()> {
    let today = minute(0).to_zoned(jiff::tz::TimeZone::UTC).date();
    let (from, to) = (today - 4.days(), today - 2.days());
    let (from, to) = (from.to_string(), to.to_string());
    let dates = ["--from", &from, "--to", &to, "--max-active", "2"];
    ask(
        world,
        &[&["backfill", "proof/nightly"][..], &dates].concat(),
    )?;
    until("all of the backfill has run", PATIENCE, || {
        let runs = world
            .murmur
            .json(&["runs", "proof/nightly", "--state", "succeeded"])?;
        Ok((runs.as_array().map(Vec::len) == Some(3)).then_some(()))
    })
}

/// Asks for something that must be taken.
pub fn ask(world: &World, arguments: &[&str]) -> Result<()> {
    let output = world.murmur.run(arguments)?;
    let said = text(&output.stderr);
    ensure!(output.status.success(), "murmur {arguments:?}: {said}");
    Ok(())
}
