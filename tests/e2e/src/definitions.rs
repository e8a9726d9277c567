//! What the deployment is to run: the demo's definitions, with windows that are open now, and those
//! of a team of the suite's own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::terraform::project;

/// The folder of definitions, and the instants its clusters come and go at.
pub struct Definitions {
    pub folder: PathBuf,
    /// When every cluster is provisioned but the brief one.
    pub opened: Timestamp,
}

impl Definitions {
    /// Writes them.
    pub fn write(folder: &Path) -> Result<Self> {
        let definitions = Self {
            folder: folder.join("events"),
            opened: minute(0),
        };
        copy(&project().join("events"), &definitions.folder)?;
        definitions.open_windows()?;
        let own = project().join("tests/e2e/events");
        copy(&own, &definitions.folder)?;
        definitions.open_windows()?;
        // Its slot is the present minute.
        let punctual = definitions.path("proof/workflows/punctual.yaml");
        let text = fs::read_to_string(&punctual)?;
        let text = text.replace(
            "expression: \"cron(0 0 * * ? *)\"",
            &daily(definitions.opened),
        );
        fs::write(punctual, text)?;
        Ok(definitions)
    }

    /// Where a definition lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Lets a cluster come and go at these instants; the Scheduler's precision is a minute.
    pub fn set_window(&self, cluster: &str, from: Timestamp, to: Timestamp) -> Result<()> {
        let (team, name) = cluster.split_once('/').context("team and name")?;
        let path = self.path(&format!("{team}/clusters/{name}.yaml"));
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let lines = text.lines().map(|line| {
            let drain = if line.contains("drain: 30m") {
                ", drain: 30m"
            } else {
                ""
            };
            match line.split(':').next() {
                Some("provision") => format!("provision: {{ {}, timezone: UTC }}", daily(from)),
                Some("terminate") => {
                    format!("terminate: {{ {}, timezone: UTC{drain} }}", daily(to))
                }
                _ => line.to_owned(),
            }
        });
        let lines: Vec<String> = lines.collect();
        Ok(fs::write(path, lines.join("\n") + "\n")?)
    }

    /// Every cluster, as team/name.
    pub fn clusters(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for team in fs::read_dir(&self.folder)? {
            let team = team?;
            let clusters = fs::read_dir(team.path().join("clusters"))
                .into_iter()
                .flatten();
            for cluster in clusters {
                let (team, file) = (team.file_name(), cluster?.file_name());
                let name = file.to_string_lossy();
                let name = name.strip_suffix(".yaml").context("a cluster's file")?;
                found.push(format!("{}/{name}", team.to_string_lossy()));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Opens every window now, for long.
    fn open_windows(&self) -> Result<()> {
        for cluster in self.clusters()? {
            let closed = self.opened + SignedDuration::from_hours(8);
            self.set_window(&cluster, self.opened, closed)?;
        }
        Ok(())
    }
}

#[allow(clippy::disallowed_methods)] // the deployment under test goes by the machine's clock, too
fn now() -> Timestamp {
    Timestamp::now()
}

/// The minute that is so many after the present one.
pub fn minute(after: i64) -> Timestamp {
    let now_s = now().as_second();
    let begun_s = now_s - now_s.rem_euclid(60) + after * 60;
    Timestamp::from_second(begun_s).expect("it is near the present")
}

/// A schedule that fires every day at the minute of an instant.
fn daily(at: Timestamp) -> String {
    let at: Zoned = at.to_zoned(TimeZone::UTC);
    format!(
        "expression: \"cron({} {} * * ? *)\"",
        at.minute(),
        at.hour()
    )
}

/// The last instant at which a daily local time came.
pub fn last(hour: i8, minute: i8, zone: &str) -> Result<Timestamp> {
    let now = now().in_tz(zone)?;
    let today = now
        .with()
        .hour(hour)
        .minute(minute)
        .second(0)
        .subsec_nanosecond(0)
        .build()?;
    let last = if today <= now {
        today
    } else {
        today.yesterday()?
    };
    Ok(last.timestamp())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
