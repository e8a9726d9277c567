//! What has ended is in the bucket for analysis, and once a day is over it lies there in one piece.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::Course;
use crate::definitions::minute;
use crate::process::until;
use crate::world::{DEPLOYMENT, PATIENCE, World};

/// What a person asks.
const ENDED: &str = "SELECT run, generation, state FROM runs ORDER BY run, generation";
const OF_DAY: &str =
    "SELECT task, run, generation, attempt, state FROM tasks WHERE team = 'proof' AND date = ";

pub fn kept(world: &World, _: &mut Course) -> Result<()> {
    let bucket = world.terraform.output("history")?;
    let bucket = bucket["bucket"].as_str().context("its bucket")?;
    let history = History { world, bucket };
    history.has_every_run()?;
    history.merges_days_that_are_over()
}

/// The bucket.
struct History<'a> {
    world: &'a World,
    bucket: &'a str,
}

impl History<'_> {
    /// What murmur says of runs that have ended is what history says.
    fn has_every_run(&self) -> Result<()> {
        let runs = self.world.murmur.json(&["runs", "--limit", "1000"])?;
        let runs = runs.as_array().context("runs")?;
        let ended = runs.iter().filter_map(|run| {
            let (id, state) = (run["run"].as_str()?, run["state"].as_str()?);
            let is_over = matches!(state, "succeeded" | "failed" | "cancelled");
            is_over.then_some((id, state))
        });
        let ended: BTreeMap<&str, &str> = ended.collect();
        ensure!(ended.len() > 20, "only {ended:?} have ended");
        until("history has every run", PATIENCE, || {
            let rows = self.ask(ENDED)?;
            // Of several generations the last one counts.
            let rows = rows
                .iter()
                .filter_map(|row| Some((row["run"].as_str()?, row["state"].as_str()?)));
            let rows: BTreeMap<&str, &str> = rows.collect();
            let has = ended
                .iter()
                .all(|(run, state)| rows.get(run) == Some(state));
            Ok(has.then_some(()))
        })
    }

    /// The files of a day that is over become one, which says the same.
    fn merges_days_that_are_over(&self) -> Result<()> {
        let now = minute(0);
        let day = |ago: i64| {
            let then = now - SignedDuration::from_hours(24 * ago);
            then.to_string()[..10].to_owned()
        };
        let of_day = |day: &str| format!("tasks/date={day}/team=proof/");
        let (today, before) = (day(0), day(2));
        let files = self.files(&of_day(&today))?;
        ensure!(files.len() > 1, "all of today is in {files:?}");
        for name in &files {
            let copy = name.replace(&today, &before);
            let source = json!({ "Bucket": self.bucket, "Key": name });
            let asked = json!({ "Bucket": self.bucket, "Key": copy, "CopySource": source });
            self.world.aws.call("s3", "copy_object", asked)?;
        }
        let asked = format!("{OF_DAY}'{before}' ORDER BY 1, 2, 3, 4");
        let expected = self.ask(&asked)?;
        ensure!(!expected.is_empty(), "nothing is in {files:?}");
        self.world.emulator.fire(DEPLOYMENT, "merge-history", now)?;
        until("the files are merged", PATIENCE, || {
            Ok((self.files(&of_day(&before))?.len() == 1).then_some(()))
        })?;
        let merged = self.ask(&asked)?;
        ensure!(merged == expected, "{expected:?} became {merged:?}");
        Ok(())
    }

    /// The names of files in a folder of the bucket.
    fn files(&self, folder: &str) -> Result<Vec<String>> {
        let asked = json!({ "Bucket": self.bucket, "Prefix": folder });
        let listed = self.world.aws.call("s3", "list_objects_v2", asked)?;
        let files = listed["Contents"].as_array().into_iter().flatten();
        let names = files.filter_map(|file| file["Key"].as_str());
        Ok(names.map(str::to_owned).collect())
    }

    /// Asks a copy of the bucket, as a person would.
    fn ask(&self, sql: &str) -> Result<Vec<Value>> {
        let copy = self.copy()?;
        let from = copy.to_str().context("a path")?;
        let answer = self.world.murmur.json(&["history", "--from", from, sql])?;
        Ok(answer.as_array().context("rows")?.clone())
    }

    /// Copies what there is, and removes what there is no more.
    fn copy(&self) -> Result<PathBuf> {
        let copy = self.world.folder.join("history");
        if copy.exists() {
            fs::remove_dir_all(&copy)?;
        }
        for name in self.files("")? {
            let path = copy.join(&name);
            fs::create_dir_all(path.parent().context("a folder")?)?;
            let asked = json!({ "Bucket": self.bucket, "Key": name, "Filename": path });
            self.world.aws.call("s3", "download_file", asked)?;
        }
        Ok(copy)
    }
}
