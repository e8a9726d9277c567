//! `cargo xtask schema`: writes the checked-in JSON Schemas anew.

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::project;

/// Writes events/schema anew from the types that read definitions.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  cargo xtask schema        after a change of what definitions may say; a test fails until then")]
pub struct Arguments {}

/// Has `murmur` write them.
pub fn run(_arguments: &Arguments) -> Result<ExitCode> {
    let mut murmur = project::cargo();
    murmur.args(["run", "--quiet", "--package", "murmur", "--"]);
    murmur.args(["schema", "--write", "events/schema"]);
    let status = murmur.status().context("cargo could not be started")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
