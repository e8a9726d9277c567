//! The demo's workflows of both teams, with real Spark.

use anyhow::{Context as _, Result, ensure};

use super::Course;
use crate::process::until;
use crate::world::{LONG_PATIENCE, World};

/// What the workflows make, in the bucket.
const MADE: [&str; 3] = [
    "weather/daily_report/report",
    "energy/heating_demand/demand",
    "energy/briefing/briefing",
];

pub fn runs(world: &World, _: &mut Course) -> Result<()> {
    for workflow in [
        "weather/daily_report",
        "weather/quality",
        "energy/heating_demand",
        "energy/briefing",
    ] {
        let what = format!("{workflow} has run");
        let run = until(&what, LONG_PATIENCE, || world.murmur.newest_run(workflow))?;
        let run = run["run"].as_str().context("its id")?;
        let ended = world.until_run(run, "succeeded", LONG_PATIENCE)?;
        for task in ended["tasks"].as_array().into_iter().flatten() {
            // One fails on its first attempt, as it should.
            let expected = if task["task"] == "extremes" { 2 } else { 1 };
            let attempts = task["attempts"].as_array().map_or(0, Vec::len);
            ensure!(attempts == expected, "{workflow}: {task}");
        }
    }
    for made in MADE {
        let folder = world.folder.join("storage/observations").join(made);
        let days = folder
            .read_dir()
            .with_context(|| format!("{made} is not there"))?;
        ensure!(days.count() > 0, "{made} is empty");
    }
    let spark = world.stand_in.steps()?;
    let spark = spark
        .iter()
        .filter(|step| step["HadoopJarStep"]["Args"][0] == "spark-submit");
    ensure!(spark.count() >= 5, "Spark was not used");
    Ok(())
}
