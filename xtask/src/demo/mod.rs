//! `cargo xtask demo`: a whole day of an analytics platform, on this machine.

pub mod environment;

use std::process::ExitCode;

use anyhow::Result;

use crate::project::command;

/// Shows a whole simulated day at work: clusters, runs, and what they make.
///
/// The first time it installs a pinned pyspark under target/demo.
#[derive(clap::Args)]
pub struct Arguments {}

/// Prepares what the day needs.
pub fn run(_arguments: &Arguments) -> Result<ExitCode> {
    let environment = environment::prepare()?;
    let mut spark = command(&environment.spark_submit);
    let status = spark
        .arg("--version")
        .envs(environment.variables())
        .status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
