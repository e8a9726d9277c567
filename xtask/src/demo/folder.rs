//! The demo's folder: state, inboxes, logs, and a storage with the raw observations.

use std::fs::{self, File, TryLockError};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::project::root;

/// Where murmur keeps everything about the demo.
pub const DATA: &str = ".murmur/demo";

/// What the day publishes, in storage.
pub const REPORTS: [&str; 2] = [
    "weather/daily_report/report/2026-03-02/index.html",
    "energy/heating_demand/demand/2026-03-02/index.html",
];

const BUCKET: &str = "storage/observations";
/// What is copied, and where to in the bucket.
const RAW: [(&str, &str); 2] = [
    (
        "demo/data/seattle-weather.csv",
        "raw/daily/seattle-weather.csv",
    ),
    (
        "demo/data/seattle-temps.csv",
        "raw/hourly/seattle-temps.csv",
    ),
];

/// Empties the folder and copies the raw observations. Refuses while an engine is at work there.
pub fn prepare() -> Result<()> {
    let folder = root().join(DATA);
    if let Ok(lock) = File::open(folder.join("engine.lock")) {
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("an engine is at work on {DATA}: stop it first")
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot look at {DATA}"));
            }
        }
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {DATA}"))?;
    }
    for (from, to) in RAW {
        let to = output(to);
        let parent = to.parent().context("an output lies in a folder")?;
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        fs::copy(root().join(from), &to).with_context(|| format!("cannot copy {from}"))?;
    }
    Ok(())
}

/// Where an object of the bucket lies.
pub fn output(key: &str) -> PathBuf {
    root().join(DATA).join(BUCKET).join(key)
}
