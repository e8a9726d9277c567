//! Whoever keeps traces and lineage is told what ran, with a key that stands nowhere else.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Course;
use crate::outside::{LINEAGE, LINEAGE_KEY, TRACE, TRACES_KEY};
use crate::process::until;
use crate::world::{PATIENCE, World};

/// What lineage is told of the workflow: jobs and what becomes of them.
const TOLD: [(&str, &str); 6] = [
    ("exported", "START"),
    ("exported", "FAIL"),
    ("exported.clean", "START"),
    ("exported.clean", "FAIL"),
    ("exported.fetch", "START"),
    ("exported.fetch", "COMPLETE"),
];

pub fn told(world: &World, _: &mut Course) -> Result<()> {
    let run = world.trigger("proof/exported", &[])?;
    world.until_run(&run, "failed", PATIENCE)?;
    traced(world, &run)?;
    let expected = TOLD.map(|(job, became)| (job.to_owned(), became.to_owned()));
    let expected = BTreeSet::from(expected);
    let told = until("lineage has all of it", PATIENCE, || {
        let told = lineage(world);
        Ok(told.is_superset(&expected).then_some(told))
    })?;
    ensure!(told == expected, "lineage was told {told:?}");
    let told = world.outside.told_of("exported.clean");
    let read = told.iter().map(|one| &one.message["inputs"][0]["name"]);
    let read: Vec<&Value> = read.collect();
    ensure!(read.iter().all(|name| *name == "raw"), "it read {read:?}");
    let log = fs::read_to_string(world.folder.join("emulator.log"))?;
    for key in [TRACES_KEY.1, LINEAGE_KEY] {
        ensure!(!log.contains(key), "a log knows a key");
    }
    Ok(())
}

/// The run is one trace: itself, and under it each of its attempts.
fn traced(world: &World, run: &str) -> Result<()> {
    let told = until("the run is told as a trace", PATIENCE, || {
        let mut told = world.outside.told_of(run).into_iter();
        Ok(told.rfind(|one| one.path == TRACE))
    })?;
    let spans = &told.message["resourceSpans"][0]["scopeSpans"][0]["spans"];
    let spans = spans.as_array().context("spans")?;
    let root = spans.iter().find(|span| span["parentSpanId"].is_null());
    let root = root.context("a span of the run itself")?;
    ensure!(root["status"]["code"] == 2, "it failed: {root}");
    let mut names: Vec<&str> = Vec::new();
    for span in spans.iter().filter(|span| !span["parentSpanId"].is_null()) {
        ensure!(
            span["traceId"] == root["traceId"],
            "of another trace: {span}"
        );
        names.extend(span["name"].as_str());
    }
    for task in ["fetch", "clean"] {
        let is_there = names.iter().any(|name| name.contains(task));
        ensure!(is_there, "there is no {task} in {names:?}");
    }
    Ok(())
}

/// What lineage was told of the workflow so far: jobs and what became of them.
fn lineage(world: &World) -> BTreeSet<(String, String)> {
    let told = world.outside.told_of("exported").into_iter();
    let told = told.filter(|one| one.path == LINEAGE).map(|one| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let event = one.message;
        (text(&event["job"]["name"]), text(&event["eventType"]))
    });
    told.filter(|(job, _)| job.starts_with("exported"))
        .collect()
}
