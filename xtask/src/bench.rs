//! `cargo xtask bench`: builds the benchmark for speed and runs it.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::project;

/// Measures the durable local engine with tasks that do nothing.
///
/// Every option is the benchmark's own: --shape NAME, --seconds N, --synchronous normal|full,
/// --format table|json. `cargo xtask bench -- --help` lists them.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask bench\n  cargo xtask bench --shape chain --seconds 3 --format json"
)]
pub struct Arguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<OsString>,
}

/// Runs it; the rows go to stdout.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let options = arguments.options.iter().filter(|option| *option != "--");
    let status = project::cargo()
        .args(["run", "--release", "--quiet", "--package", "bench", "--"])
        .args(options)
        .status()
        .context("cargo could not be started")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
